/*
 * quota: the quotas of clients in an image: which one holds for a user and a client id, or for an address (KIP-13, KIP-55, KIP-546, KIP-612).
 *
 * An entity is a user, a client id, both, or an address; each part is a name or the default. Kafka's order of precedence: user and client
 * id, user and default client id, user, default user and client id, default user and default client id, default user, client id,
 * default client id. Where one quota is set at one level only, Kafka counts by that level alone, and so does image_quota_tags().
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

/* What holds where nothing is set: Kafka's Long.MAX_VALUE. */
#define IMAGE_QUOTA_NONE 9223372036854775807.0

/* A part that is NULL is not there; one that is a null str is the default. */
struct image_quota_entity {
	const struct str *user;
	const struct str *client_id;
	const struct str *ip;
};

/* By what is counted: a name that is empty does not count. */
struct image_quota_tags {
	struct str user;
	struct str client_id;
};

/* Is any set, of whatever entity? One look. */
bool image_has_quotas(const struct image *i);
/* The levels at which this one is set; 0: nowhere. One look. Of IMAGE_QUOTA_CONNECTION: not 0 when an address has one, or all. */
int image_quota_levels(const struct image *i, enum image_quota q);
/* The offset of the batch that changed any of them last; -1. */
int64_t image_quotas_offset(const struct image *i);

/* What is set for this very entity. */
bool image_quota_find(const struct image *i, const struct image_quota_entity *e, struct str key, double *value);
/* By what a client is counted, and the value that holds for it (IMAGE_QUOTA_NONE). */
void image_quota_tags(const struct image *i, enum image_quota q, struct str user, struct str client_id,
		      struct image_quota_tags *out);
double image_quota_limit(const struct image *i, enum image_quota q, const struct image_quota_tags *tags);

/* The rates of new connections; ip null: of addresses that have none of their own. */
void image_each_address(const struct image *i, void (*each)(void *arg, struct str ip, double value), void *arg);

struct client_quota_record;
/* All, as records, those of one entity together. */
void image_quotas(const struct image *i, struct image_iter *it);
/* The next, decoded into the arena; NULL after the last, or when the arena is spent (a->failed). */
const struct client_quota_record *image_quotas_next(struct image_iter *it, struct arena *a);

#endif
