/*
 * quota: the quotas of clients in an image: which one applies to a user and a client id, or to an
 * address (KIP-13, KIP-55, KIP-546, KIP-612).
 *
 * An entity is a user, a client id, both, or an address; each part is a name or the default.
 * Kafka's order of precedence: user and client id, user and default client id, user, default user
 * and client id, default user and default client id, default user, client id, default client id.
 * Where a quota is set at one level only, Kafka counts by that level alone, and so does
 * image_quota_tags().
 *
 * Any thread that holds the image.
 */
#ifndef ODRADEK_METADATA_QUOTA_H
#define ODRADEK_METADATA_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "metadata/image.h"

enum image_quota {
	IMAGE_QUOTA_PRODUCE,	/* producer_byte_rate */
	IMAGE_QUOTA_FETCH,	/* consumer_byte_rate */
	IMAGE_QUOTA_REQUEST,	/* request_percentage */
	IMAGE_QUOTA_MUTATION,	/* controller_mutation_rate */
	IMAGE_QUOTA_CONNECTION, /* connection_creation_rate, of addresses */
	IMAGE_QUOTAS,
};

/* Levels, as bits: Kafka's quotaTypesEnabled. */
enum image_quota_level { QUOTA_OF_CLIENT = 1, QUOTA_OF_USER = 2, QUOTA_OF_BOTH = 4 };

/* The limit where no quota is set: Kafka's Long.MAX_VALUE. */
#define IMAGE_QUOTA_NONE 9223372036854775807.0

/* A NULL part is absent; a null str stands for the default. */
struct image_quota_entity {
	const struct str *user;
	const struct str *client_id;
	const struct str *ip;
};

/* What usage is counted by: an empty name does not count. */
struct image_quota_tags {
	struct str user;
	struct str client_id;
};

/* Is any quota set, for any entity? Constant time. */
bool image_has_quotas(const struct image *i);
/*
 * The levels at which this quota is set; 0: none. Constant time. For IMAGE_QUOTA_CONNECTION: not 0
 * when it is set for an address, or by default.
 */
int image_quota_levels(const struct image *i, enum image_quota q);
/* The offset of the batch that last changed any quota; -1. */
int64_t image_quotas_offset(const struct image *i);

/* What is set for exactly this entity. */
bool image_quota_find(const struct image *i, const struct image_quota_entity *e, struct str key, double *value);
/* What a client's usage is counted by, and the limit that applies to it (IMAGE_QUOTA_NONE). */
void image_quota_tags(const struct image *i, enum image_quota q, struct str user, struct str client_id,
		      struct image_quota_tags *out);
double image_quota_limit(const struct image *i, enum image_quota q, const struct image_quota_tags *tags);

/* The rates of new connections; ip null: for addresses without a rate of their own. */
void image_each_address(const struct image *i, void (*each)(void *arg, struct str ip, double value), void *arg);

struct client_quota_record;
/* All quotas as records, those of one entity together. */
void image_quotas(const struct image *i, struct image_iter *it);
/* The next, decoded into the arena; NULL after the last, or when the arena is spent (a->failed). */
const struct client_quota_record *image_quotas_next(struct image_iter *it, struct arena *a);

#endif
