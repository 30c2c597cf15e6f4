/*
 * history: what the clients of one run were told, and whether it can be true.
 *
 * A record is named by its producer and a number that the producer never uses twice; its bytes follow from the name, so that a
 * record that was changed is seen at once. Broken rules end the run by check(), which tells the seed.
 *
 * 1. What was acknowledged at an offset is read there, whole, by every reader that comes that far: in a world without losses at any
 *    time, in one with losses (power cuts of a node that does not flush) until the next loss.
 * 2. Two readers, or one twice, read the same at an offset.
 * 3. Offsets have no gaps.
 * 4. The records of an idempotent producer are there once, and in order.
 * 5. Nothing is read that nobody sent.
 *
 * Of a compacted topic (n_keys) offsets may be missing: follower.h says what holds then in place of 1 and 3.
 */
#ifndef ODRADEK_TESTS_SIM_HISTORY_H
#define ODRADEK_TESTS_SIM_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "wire/batch.h"

enum { HISTORY_PARTITIONS_MAX = 4, HISTORY_PRODUCERS_MAX = 4, HISTORY_KEYS_MAX = 8 };

struct told {
	int producer; /* -1: nothing is known of this offset */
	int64_t number;
	bool acknowledged;
};

struct history {
	struct {
		struct told *v;
		int64_t n;
		int64_t cap;
	} partitions[HISTORY_PARTITIONS_MAX];
	bool idempotent[HISTORY_PRODUCERS_MAX];
	int64_t sent[HISTORY_PRODUCERS_MAX]; /* numbers below it were sent */
	int64_t acknowledged;		     /* records */
	int64_t read;
	int64_t losses;
	int n_keys; /* 0: records have none */
	uint64_t seed;
};

/* What a producer sends: the name of it stands in its header too, for a tombstone has no value. */
struct history_record {
	char key[16]; /* "": none */
	char name[40];
	struct bytes value; /* xmalloc'd, or null */
};

void history_init(struct history *h, uint64_t seed, int n_keys);
void history_fini(struct history *h);

void history_record(const struct history *h, int producer, int64_t number, struct history_record *out);

void history_sent(struct history *h, int producer, int64_t number);
void history_acknowledged(struct history *h, int partition, int64_t offset, int producer, int64_t number);
/* The key's number; 0 without keys. */
int history_read(struct history *h, int partition, const struct record *r);
/* The node lost what it had not flushed: what is known of offsets is not to be relied on any more. */
void history_lost(struct history *h);
/* The last record that was acknowledged of a key: its offset, -1 when there is none. */
int64_t history_newest(const struct history *h, int partition, int key, bool *tombstone);
/* Is any record of the key behind `offset` known to be a tombstone? */
bool history_buried(const struct history *h, int partition, int key, int64_t offset);
/* After all was read to its end: how far, for each partition. Checks 1 and 4 over all. */
void history_end(const struct history *h, int partition, int64_t end_offset);

#endif
