/*
 * assignment: the replicas of one new partition, and its record.
 *
 * A new partition is led by the first of its replicas that is active; its ISR consists of the
 * active ones; each replica's directory is its broker's only one, or left for the broker to choose.
 */
#ifndef ODRADEK_CONTROLLER_ASSIGNMENT_H
#define ODRADEK_CONTROLLER_ASSIGNMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/uuid.h"
#include "metadata/image.h"
#include "metadata/record.h"

struct controller_context;

struct assignment {
	const int32_t *replicas;
	int n;
};

/*
 * Checks a manual assignment: registered brokers, each once; as many as `replicas` unless that is
 * -1. 0, or ERR_INVALID_REPLICA_ASSIGNMENT with Kafka's message in *message.
 */
int assignment_check(const struct image *image, const struct controller_context *ctx, const struct assignment *a,
		     int replicas, struct str *message);

/* True when no replica is active, so that there can be no leader. */
bool assignment_is_dead(const struct image *image, const struct assignment *a);

/* Adds the record of a new partition, in the version for the finalized metadata.version. 0, or -ENOMEM. */
int assignment_record(const struct image *image, struct record_list *records, struct uuid topic, int32_t partition,
		      const struct assignment *a);

#endif
