/*
 * teller: a transactional producer, and what became of its transactions.
 *
 * It writes a few records to partitions of a topic of its own, commits or aborts, and begins the next; when an answer is lost it asks again,
 * or begins anew as who comes back after its death: with the same transactional id, which ends what was open. A record says which transaction
 * it is of. Broken rules end the run by check(), when all was read by a reader of committed records:
 *
 * 1. Of a transaction whose commit was acknowledged every record is there, once; of one that was aborted, or never ended, none.
 * 2. Of one whose end is not known all records are there, or none.
 *
 * For runs that lose nothing and have disks that work.
 */
#ifndef ODRADEK_TESTS_SIM_TELLER_H
#define ODRADEK_TESTS_SIM_TELLER_H

#include "tests/sim/client.h"

enum { TELLERS_MAX = 2, TELLER_PARTITIONS = 3, TELLER_TRANSACTIONS_MAX = 40, TELLER_RECORDS_MAX = 4 };

#define TELLER_TOPIC "transactions"

enum fate { FATE_OPEN, FATE_COMMITTED, FATE_ABORTED, FATE_UNKNOWN };

struct teller_transaction {
	enum fate fate;
	int n; /* records that were acknowledged */
	int seen[TELLER_RECORDS_MAX];
};

struct teller {
	/* given */
	int index;
	struct loop *loop;
	struct addr to;
	int n_transactions;
	/* its own */
	struct client client;
	struct timer next;
	char id[16];
	enum { TELLER_FINDS, TELLER_BEGINS, TELLER_WRITES, TELLER_ENDS, TELLER_IS_DONE } phase;
	int64_t producer_id;
	int16_t epoch;
	int32_t sequences[TELLER_PARTITIONS];
	int partition; /* of the record under way */
	int wanted;    /* records of this transaction */
	bool commits;
	bool end_sent;
	int n; /* of the transaction under way, or of the next; -1: none yet */
	struct teller_transaction v[TELLER_TRANSACTIONS_MAX];
};

void teller_start(struct teller *t);
void teller_fini(struct teller *t);

/* Reads all of the topic, as one who wants committed records alone. */
struct teller_reader {
	/* given */
	struct loop *loop;
	struct addr to;
	struct teller *tellers;
	int n_tellers;
	/* its own */
	struct client client;
	struct timer next;
	int64_t offsets[TELLER_PARTITIONS];
	int64_t ended_at[TELLERS_MAX]; /* in this partition: the last marker of each teller's producer */
	int partition;
	bool is_done;
};

void teller_reader_start(struct teller_reader *r);
void teller_reader_fini(struct teller_reader *r);
/* All was read: the rules above. */
void teller_check(const struct teller *t);

#endif
