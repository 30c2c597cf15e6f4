/*
 * transactor: a transactional producer, without what it writes: one thing after another is asked of it, it asks the node, asks again when an
 * answer is lost, and now and then dies in the middle and comes back with the same transactional id, which ends what was open.
 *
 * By `generation` it speaks as clients of transaction.version 0 and 1 do (0), who add partitions first, or 2, whose epochs grow with each
 * transaction. A client of old cannot ask twice for an end whose answer was lost: it may be the next one that is ended by it (KIP-890). So it
 * comes back.
 *
 * Two with one id share a `throne`. Whoever asks with an epoch that was not the newest any more when it asked must be refused (fencing is
 * exact); who is refused so comes back, after a while. Broken rules end the run by check().
 */
#ifndef ODRADEK_TESTS_SIM_TRANSACTOR_H
#define ODRADEK_TESTS_SIM_TRANSACTOR_H

#include "base/str.h"
#include "tests/sim/client.h"

enum { TRANSACTOR_PARTITIONS_MAX = 8 };

enum fate { FATE_OPEN, FATE_COMMITTED, FATE_ABORTED, FATE_UNKNOWN };

/* The newest producer id and epoch of an id that anybody was told. Zeroed: none. */
struct throne {
	int64_t producer_id;
	int16_t epoch;
	bool is_taken;
};

struct transactor {
	/* given */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: one node has all */
	const char *id;
	int generation;
	int32_t timeout_ms;
	struct throne *throne;
	bool may_be_fenced; /* by its twin, or by a clock that jumps */
	int dies;	    /* one of so many refusals and lost answers ends it; 0: none */
	/* It has a producer id, and no transaction: it may begin one, by asking for the first thing. */
	void (*ready)(void *arg);
	/* A record is written (its offset), or offsets are (-1). */
	void (*done)(void *arg, int64_t offset);
	/* The transaction is over; ready() follows. */
	void (*ended)(void *arg, enum fate fate);
	void *arg;

	/* its own */
	struct client client; /* to the coordinator; in a cluster others to who leads a partition */
	struct client leaders[TRANSACTOR_PARTITIONS_MAX];
	struct client groups; /* in a cluster: to the coordinator of the group whose offsets are written */
	bool found_group;
	int32_t leader; /* that an answer has named */
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
	bool end_sent;	/* of a commit */
	bool was_stale; /* when the request under way was sent */
	int64_t n_fenced;

	/* what is written */
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
		bool is_added; /* to this transaction */
	} partitions[TRANSACTOR_PARTITIONS_MAX];
	int n_partitions;
};

void transactor_start(struct transactor *t);
void transactor_fini(struct transactor *t);
/* One at a time, from ready(), done() or later. */
void transactor_write(struct transactor *t, const char *topic, int partition, const char *key, const char *value);
void transactor_write_offset(struct transactor *t, const char *group, const char *topic, int partition, int64_t offset);
void transactor_end(struct transactor *t, bool commit);
/* It dies where it is, and comes back. */
void transactor_die(struct transactor *t);

#endif
