/*
 * keyed: a random history of a compacted log, and what must hold of the log whatever was cleaned of it.
 *
 * Records have few keys, some are tombstones; batches are of plain, idempotent and transactional producers, in every codec. All that was
 * written is remembered outside of the log, by offset. What must hold: of each key the newest record is there, or it was a tombstone whose horizon is
 * behind; who reads committed records as clients do, from the start or from the middle, is given none that was aborted, and all others that there are.
 */
#ifndef ODRADEK_TESTS_LOG_KEYED_H
#define ODRADEK_TESTS_LOG_KEYED_H

#include <stdbool.h>
#include <stdint.h>

#include "log/clean.h"
#include "log/log.h"

enum { KEYED_IDEMPOTENT = 3, KEYED_TRANSACTIONAL = 3, KEYED_PRODUCERS = KEYED_IDEMPOTENT + KEYED_TRANSACTIONAL };

enum keyed_fate { KEYED_VISIBLE, KEYED_OPEN, KEYED_ABORTED, KEYED_MARKER };

struct keyed_record {
	int64_t timestamp;
	int32_t key;
	int32_t serial; /* in the value; -1 = a tombstone; of a marker: it commits */
	int32_t sequence;
	int8_t producer; /* -1 = none */
	int8_t fate;
	int64_t cleaned_ms; /* when the first cleaning began that may have met it; 0: none has */
};

struct keyed_producer {
	int32_t sequence;
	int16_t epoch;
	bool open; /* a transaction */
	int64_t first_open;
	int64_t last_offset; /* of its last batch; -1 */
};

/* What the outside knows. */
struct keyed {
	struct keyed_record *v; /* by offset */
	int64_t n;
	int64_t cap;
	struct keyed_producer producers[KEYED_PRODUCERS];
	uint64_t seed;
	int n_keys;
	int64_t now_ms;
	int64_t acked_end;
	int64_t flushed_end; /* as of the last flush */
	int64_t cleaning_ms; /* when the last cleaning began; 0: there was none */
	int64_t n_met;	     /* records that one may have met */
};

/* What it is done with; of the node, while the struct above is not. */
struct keyed_hands {
	struct log *log;
	struct codecs *codecs;
	struct arena *arena;
	struct topic_config *config;
};

void keyed_init(struct keyed *k, uint64_t seed, int n_keys, int64_t now_ms);
void keyed_fini(struct keyed *k);
/* One batch of data, or a marker. 0 or the error of the append. */
int keyed_append(struct keyed *k, struct keyed_hands *h);
/* Commits or aborts what is open. */
int keyed_end_all(struct keyed *k, struct keyed_hands *h);
/* What lies at or behind `end` was never written. */
void keyed_cut(struct keyed *k, int64_t end);
void keyed_flush(struct keyed *k, struct keyed_hands *h);
/* Writes the recovery point down. */
void keyed_checkpoint(struct keyed_hands *h);
/*
 * Cleans once, if it is wanted; between() is called between the steps and may be NULL. The error of the cleaning, 0 too when nothing was
 * wanted.
 */
struct keyed_clean {
	int64_t map_bytes;
	void (*between)(void *arg);
	void *arg;
	struct log_clean_stats stats; /* of the last one */
	bool was_wanted;
};
int keyed_clean(struct keyed *k, struct keyed_hands *h, struct keyed_clean *how);

/* NULL, or what does not hold. `clean`: below the clean end each key is there once at most, and nothing that was aborted. */
const char *keyed_check(const struct keyed *k, struct keyed_hands *h, bool clean);

#endif
