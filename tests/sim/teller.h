/*
 * teller: moves money between accounts in transactions, and knows what became of them.
 *
 * A transaction has one or two transfers, each of two records: what is withdrawn and what is
 * deposited, in one partition or across two. Then it is committed or aborted, and the next begins
 * (transactor.h). A record names its transaction. A violation ends the run by check(), during and
 * after reading by a reader of committed records:
 *
 * 1. Of a transaction whose commit was acknowledged, every record is there, once; of one that was
 *    aborted or never ended, none.
 * 2. Of one whose outcome is unknown, all records are there, or none.
 * 3. The bank's balance: whenever no transaction is open in a partition, what is committed in it
 *    adds up to zero, apart from transfers across partitions; at the end all partitions together
 *    do.
 * 4. In a compacted topic: the last committed record of each key is there, and never an aborted
 *    one.
 *
 * Two tellers may be one and its ghost: they share a transactional id and fence each other. For
 * runs that lose nothing.
 */
#ifndef ODRADEK_TESTS_SIM_TELLER_H
#define ODRADEK_TESTS_SIM_TELLER_H

#include "tests/sim/committed.h"
#include "tests/sim/transactor.h"

struct create_topics_request_topic;

enum { TELLERS_MAX = 2, TELLER_PARTITIONS = 3, TELLER_TRANSACTIONS_MAX = 40, TELLER_RECORDS_MAX = 4, TELLER_KEYS = 5 };

#define TELLER_TOPIC "transactions"

struct teller_record {
	int partition;
	int key;
	int amount;
	bool crosses;
	int64_t offset; /* set when acknowledged */
};

struct teller_transaction {
	enum fate fate;
	int n; /* acknowledged records */
	struct teller_record records[TELLER_RECORDS_MAX];
};

struct teller {
	/* Set by the owner. */
	int index;
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: a single node */
	int n_transactions;
	int generation;	     /* of the client (transactor.h) */
	int level;	     /* transaction.version that it sets first; -1: none */
	struct teller *twin; /* the teller whose id it has; NULL: its own */
	bool has_twin;
	bool clock_jumps; /* then a transaction may time out */
	/* Internal. */
	struct transactor t;
	struct client admin;
	struct timer again;
	struct timer linger;
	struct throne throne;
	char id[16];
	int wanted; /* number of records for this transaction */
	bool commits;
	int n; /* number of the current transaction, or the next */
	bool is_done;
	struct teller_transaction v[TELLER_TRANSACTIONS_MAX];
};

void teller_start(struct teller *t);
void teller_hang_up(struct teller *t);
void teller_fini(struct teller *t);
/* Sets up the topic's request. delete.retention.ms of a compacted topic; NULL: it is not compacted. */
void teller_topic(struct create_topics_request_topic *topic, const char *retention_ms);

bool tellers_are_done(const struct teller *v, int n);

/* Reads the whole topic with read_committed. */
struct teller_reader {
	/* Set by the owner. */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: a single node */
	struct teller *tellers;
	int n_tellers;
	bool compacted;
	/* Internal. */
	struct committed c;
	int seen[TELLERS_MAX][TELLER_TRANSACTIONS_MAX][TELLER_RECORDS_MAX];
	int64_t newest[TELLER_PARTITIONS][TELLER_KEYS]; /* offset; -1: none */
	int sums[TELLER_PARTITIONS];
	int sum; /* including transfers across partitions */
};

void teller_reader_start(struct teller_reader *r);
void teller_reader_fini(struct teller_reader *r);
/* The tellers are done: the reader only has to reach the end. */
void teller_reader_expect(struct teller_reader *r);
bool teller_reader_is_done(const struct teller_reader *r);
/* Everything was read: checks the rules above. */
void teller_reader_check(const struct teller_reader *r);

#endif
