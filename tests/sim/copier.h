/*
 * copier: consumes what tellers commit and produces it to another topic, with its own offsets in
 * the same transaction.
 *
 * A transaction copies a few records of one partition, and is then committed or aborted. A copier
 * that comes back, or whose transaction was aborted, continues from the group's committed offsets;
 * in a cluster it first has the coordinator commit something, because a former coordinator that
 * does not know it has been replaced might return old offsets. Two copiers share the partitions, or
 * are one and its ghost. What must hold at the end, by check(): each committed record of the source
 * has one copy, in the source's order.
 */
#ifndef ODRADEK_TESTS_SIM_COPIER_H
#define ODRADEK_TESTS_SIM_COPIER_H

#include "tests/sim/teller.h"

struct create_topics_request_topic;

#define COPIER_TOPIC "copies"

enum {
	COPIERS_MAX = 2,
	COPIER_RECORDS_MAX = TELLERS_MAX * TELLER_TRANSACTIONS_MAX * TELLER_RECORDS_MAX,
	COPIER_BATCH_MAX = 3
};

struct copier_record {
	int64_t offset;
	char value[64];
};

/* What was read from a topic. */
struct copier_list {
	struct committed c;
	struct copier_record v[TELLER_PARTITIONS][COPIER_RECORDS_MAX];
	int n[TELLER_PARTITIONS];
};

struct copier {
	/* Set by the owner. */
	int index;
	int n_copiers; /* number of copiers sharing the partitions */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: a single node */
	int generation;
	struct copier *twin; /* whose id and partitions it has; NULL: it has its own */
	bool has_twin;
	bool clock_jumps;
	/* Internal. */
	struct transactor t;
	struct client groups;
	struct timer again;
	struct throne throne;
	char id[16];
	struct copier_list source;
	int64_t position[TELLER_PARTITIONS]; /* the next offset, according to the group */
	bool knows;			     /* position is known */
	bool found;			     /* the group's coordinator is known */
	bool asks;			     /* a request to it is under way */
	int partition, first, n, n_written;  /* what is being copied: records of the list */
	int64_t n_copied;
	int64_t n_confirmed; /* number of times a group's coordinator has confirmed its role by a commit */
};

void copier_start(struct copier *c);
void copier_hang_up(struct copier *c);
void copier_fini(struct copier *c);
/*
 * copier_expect says that no more records will come; then it is done when everything in the source
 * is copied.
 */
void copier_expect(struct copier *c);
bool copier_is_done(const struct copier *c);
void copier_topic(struct create_topics_request_topic *topic);

/* Reads the source and the copies completely. */
struct copier_reader {
	struct copier_list source, copies;
};
void copier_reader_start(struct copier_reader *r, struct loop *loop, struct addr to, const struct brokers *brokers);
void copier_reader_fini(struct copier_reader *r);
bool copier_reader_is_done(const struct copier_reader *r);
void copier_reader_check(const struct copier_reader *r);

#endif
