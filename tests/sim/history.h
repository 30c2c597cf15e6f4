/*
 * history: what the clients of one run were told, and whether it can be true.
 *
 * A record is named by its producer and a number that the producer never reuses; its bytes follow
 * from the name, so that a changed record is detected at once. A violation ends the run by check(),
 * which prints the seed.
 *
 * 1. What was acknowledged at an offset is read there, intact, by every reader that gets that far:
 *    at any time in a world without losses; otherwise (power cuts of a node that does not flush)
 *    until the next loss.
 * 2. Two readers, or one that reads twice, read the same at an offset.
 * 3. Offsets have no gaps.
 * 4. The records of an idempotent producer occur once, and in order.
 * 5. Nothing is read that nobody sent.
 *
 * In a compacted topic (n_keys) offsets may be missing: follower.h says what holds then in place of
 * 1 and 3.
 */
#ifndef ODRADEK_TESTS_SIM_HISTORY_H
#define ODRADEK_TESTS_SIM_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "wire/batch.h"

enum { HISTORY_PARTITIONS_MAX = 4, HISTORY_PRODUCERS_MAX = 4, HISTORY_KEYS_MAX = 8 };

struct told {
	int producer; /* -1: nothing is known about this offset */
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
	int64_t sent[HISTORY_PRODUCERS_MAX]; /* all lower numbers were sent */
	int64_t acknowledged;		     /* number of records */
	int64_t read;
	int64_t losses;
	int n_keys; /* 0: records have no keys */
	uint64_t seed;
};

/* What a producer sends. The name is in a header too, because a tombstone has no value. */
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
/* Returns the key's number; 0 without keys. */
int history_read(struct history *h, int partition, const struct record *r);
/* The node lost what it had not flushed: what is known about offsets is no longer reliable. */
void history_lost(struct history *h);
/* The offset of the last acknowledged record of a key; -1 when there is none. */
int64_t history_newest(const struct history *h, int partition, int key, bool *tombstone);
/* Whether a later record of the key than `offset` is known to be a tombstone. */
bool history_buried(const struct history *h, int partition, int key, int64_t offset);
/* Whether a record of the key was sent that is not known to be below `end`. Of the only partition. */
bool history_goes_on(const struct history *h, int partition, int key, int64_t end);
/* Everything was read; end_offset is the end of the partition. Checks 1 and 4 for all records. */
void history_end(const struct history *h, int partition, int64_t end_offset);

#endif
