/*
 * keyed: a random history of a compacted log, and what must hold for the log whatever has been
 * cleaned.
 *
 * Records have few keys, and some are tombstones; batches come from plain, idempotent and
 * transactional producers, in every codec. Everything written is remembered outside the log, by
 * offset. What must hold: for each key the newest record is there, or it was a tombstone whose
 * delete horizon has passed; and a client that reads committed records, from the start or from the
 * middle, gets no aborted record, and all others that exist.
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
	int32_t serial; /* in the value; -1 = a tombstone; for a marker: it commits */
	int32_t sequence;
	int8_t producer; /* -1 = none */
	int8_t fate;
	int64_t cleaned_ms; /* when the first cleaning that may have seen it began; 0: none has */
};

struct keyed_producer {
	int32_t sequence;
	int16_t epoch;
	bool open; /* a transaction is open */
	int64_t first_open;
	int64_t last_offset; /* of its last batch; -1: none */
};

/* What the outside knows. */
struct keyed {
	struct keyed_record *v; /* indexed by offset */
	int64_t n;
	int64_t cap;
	struct keyed_producer producers[KEYED_PRODUCERS];
	uint64_t seed;
	int n_keys;
	int64_t now_ms;
	int64_t acked_end;
	int64_t flushed_end; /* as of the last flush */
	int64_t cleaning_ms; /* when the last cleaning began; 0: never */
	int64_t n_met;	     /* records that a cleaning may have seen */
};

/* The means of acting on the log; they belong to the node, unlike the struct above. */
struct keyed_hands {
	struct log *log;
	struct codecs *codecs;
	struct arena *arena;
	struct topic_config *config;
};

void keyed_init(struct keyed *k, uint64_t seed, int n_keys, int64_t now_ms);
void keyed_fini(struct keyed *k);
/* Appends one batch of data, or a marker. Returns 0 or the append's error. */
int keyed_append(struct keyed *k, struct keyed_hands *h);
/* Commits or aborts all open transactions. */
int keyed_end_all(struct keyed *k, struct keyed_hands *h);
/* Offsets from `end` on were never written. */
void keyed_cut(struct keyed *k, int64_t end);
void keyed_flush(struct keyed *k, struct keyed_hands *h);
/* Writes the recovery point. */
void keyed_checkpoint(struct keyed_hands *h);
/*
 * Cleans once, if the log wants it; between() is called between the steps and may be NULL. Returns
 * the error of the cleaning; 0 also when nothing was wanted.
 */
struct keyed_clean {
	int64_t map_bytes;
	void (*between)(void *arg);
	void *arg;
	struct log_clean_stats stats; /* of the last cleaning */
	bool was_wanted;
};
int keyed_clean(struct keyed *k, struct keyed_hands *h, struct keyed_clean *how);

/*
 * Returns NULL, or what is violated. `clean`: below the clean end each key occurs at most once, and
 * nothing that was aborted.
 */
const char *keyed_check(const struct keyed *k, struct keyed_hands *h, bool clean);

#endif
