/*
 * placement: chooses the brokers for the replicas of new partitions.
 *
 * Kafka's striped placement (StripedReplicaPlacer): first replicas go round the racks, starting at
 * a random one, and round the brokers of each rack, starting at a random one, on brokers that are
 * not fenced. The other replicas follow on the next racks; fenced brokers come last within a rack.
 * After as many partitions as there are unfenced brokers, racks and brokers are shuffled. Chance
 * comes from the context.
 */
#ifndef ODRADEK_CONTROLLER_PLACEMENT_H
#define ODRADEK_CONTROLLER_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "metadata/image.h"

struct controller_context;
struct placement;

struct placement_broker {
	int32_t id;
	bool fenced;
	struct str rack; /* null: none */
};

/*
 * Among the brokers in `image`: all that are registered, not shutting down, and have a directory
 * that is not cordoned. 0; an error with Kafka's message in *message when there are too few for
 * `replicas`; or -ENOMEM. Everything lives in the context's arena.
 */
int placement_new(const struct image *image, const struct controller_context *ctx, int replicas, struct placement **out,
		  struct str *message);
/*
 * The same among the given brokers, each listed once; they are sorted. Of the context only arena
 * and chance are used.
 */
int placement_among(struct placement_broker *v, int n, const struct controller_context *ctx, int replicas,
		    struct placement **out, struct str *message);

/* The next partition's replicas, as many as were asked for. */
void placement_next(struct placement *p, int32_t *replicas);

#endif
