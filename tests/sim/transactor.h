/*
 * transactor: a transactional producer, independent of what it writes: it is told one thing after
 * another to do, sends the request, repeats it when an answer is lost, and now and then dies midway
 * and comes back with the same transactional id, which ends the open transaction.
 *
 * With generation 0 it behaves like clients of transaction.version 0 and 1, which add partitions
 * first; with 2 the epoch grows with each transaction. An old client cannot repeat an EndTxn whose
 * answer was lost: it might end the next transaction (KIP-890). So it comes back instead.
 *
 * Two with one id share a `throne`. A request with an epoch that was already outdated when it was
 * sent must be refused (fencing is exact); a transactor refused in this way comes back after a
 * while. A violation ends the run by check().
 */
#ifndef ODRADEK_TESTS_SIM_TRANSACTOR_H
#define ODRADEK_TESTS_SIM_TRANSACTOR_H

#include "base/str.h"
#include "tests/sim/client.h"

enum { TRANSACTOR_PARTITIONS_MAX = 8 };

enum fate { FATE_OPEN, FATE_COMMITTED, FATE_ABORTED, FATE_UNKNOWN };

/* The newest producer id and epoch that anybody was given for an id. Zeroed: none. */
struct throne {
	int64_t producer_id;
	int16_t epoch;
	bool is_taken;
};

struct transactor {
	/* Set by the owner. */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: a single node */
	const char *id;
	int generation;
	int32_t timeout_ms;
	struct throne *throne;
	bool may_be_fenced; /* by its twin, or by a clock that jumps */
	int dies;	    /* one in this many refusals and lost answers kills it; 0: none does */
	/* It has a producer id and no transaction: it may begin one, with its first request. */
	void (*ready)(void *arg);
	/* A record was written (at this offset), or offsets were (-1). */
	void (*done)(void *arg, int64_t offset);
	/* The transaction has ended; ready() follows. */
	void (*ended)(void *arg, enum fate fate);
	void *arg;

	/* Internal. */
	struct client client; /* to the coordinator; in a cluster the others go to partition leaders */
	struct client leaders[TRANSACTOR_PARTITIONS_MAX];
	struct client groups; /* in a cluster: to the coordinator of the group whose offsets are written */
	bool found_group;
	int32_t leader; /* named in an answer */
	struct timer next;
	enum {
		TRANSACTOR_FINDS,
		TRANSACTOR_BEGINS,
		TRANSACTOR_RESTS,
		TRANSACTOR_ADDS,
		TRANSACTOR_WRITES,
		TRANSACTOR_ENDS
	} phase;
	int64_t producer_id;
	int16_t epoch;
	bool is_open;
	bool commits;
	bool end_sent;	/* a commit was sent */
	bool is_repeat; /* the current write was sent before */
	bool was_stale; /* when the current request was sent, or when a write was first sent */
	int64_t n_fenced;

	/* What is being written. */
	bool is_offsets;
	char topic[32];
	int partition;
	char key[24]; /* empty: null */
	char value[64];
	char group[24];
	int64_t offset;
	struct {
		char topic[32];
		int partition;
		int32_t sequence;
		bool is_added; /* to the current transaction */
	} partitions[TRANSACTOR_PARTITIONS_MAX];
	int n_partitions;
};

void transactor_start(struct transactor *t);
void transactor_fini(struct transactor *t);
/* One at a time, from ready(), done() or later. */
void transactor_write(struct transactor *t, const char *topic, int partition, const char *key, const char *value);
void transactor_write_offset(struct transactor *t, const char *group, const char *topic, int partition, int64_t offset);
void transactor_end(struct transactor *t, bool commit);
/* Makes it die where it is, and come back. */
void transactor_die(struct transactor *t);

#endif
