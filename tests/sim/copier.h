/*
 * copier: consumes what tellers commit, and produces it again to another topic, its own offsets in the same transaction.
 *
 * A transaction copies a few records of one partition; then it is committed or aborted. Who comes back, or was aborted, goes on from the group's
 * committed offsets; in a cluster it has the coordinator commit something first: one that is none any more, and does not know it, might tell what
 * was committed before. Two copiers share the partitions, or are one and its ghost. What must hold at the end, by check(): of each committed
 * record of the source there is one copy, in the source's order.
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

/* What was read of a topic. */
struct copier_list {
	struct committed c;
	struct copier_record v[TELLER_PARTITIONS][COPIER_RECORDS_MAX];
	int n[TELLER_PARTITIONS];
};

struct copier {
	/* given */
	int index;
	int n_copiers; /* that share the partitions */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: one node has all */
	int generation;
	struct copier *twin; /* whose id and partitions it has; NULL: its own */
	bool has_twin;
	bool clock_jumps;
	/* its own */
	struct transactor t;
	struct client groups;
	struct timer again;
	struct throne throne;
	char id[16];
	struct copier_list source;
	int64_t position[TELLER_PARTITIONS]; /* the next offset, as the group has it */
	bool knows;			     /* position is so */
	bool found;			     /* the group's coordinator */
	bool asks;			     /* it */
	int partition, first, n, n_written;  /* what is being copied: records of the list */
	int64_t n_copied;
	int64_t n_confirmed; /* by a group's coordinator that it is one */
};

void copier_start(struct copier *c);
void copier_hang_up(struct copier *c);
void copier_fini(struct copier *c);
/* All that is in the source is copied; after copier_expect(), which says that no more will come. */
void copier_expect(struct copier *c);
bool copier_is_done(const struct copier *c);
void copier_topic(struct create_topics_request_topic *topic);

/* Reads the source and the copies, all of them. */
struct copier_reader {
	struct copier_list source, copies;
};
void copier_reader_start(struct copier_reader *r, struct loop *loop, struct addr to, const struct brokers *brokers);
void copier_reader_fini(struct copier_reader *r);
bool copier_reader_is_done(const struct copier_reader *r);
void copier_reader_check(const struct copier_reader *r);

#endif
