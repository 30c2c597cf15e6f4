/*
 * teller: moves money between accounts in transactions, and knows what became of them.
 *
 * A transaction has one or two transfers, each of two records: what is taken, and what is given, in one partition or across two. Then it is
 * committed or aborted, and the next begins (transactor.h). A record says which transaction it is of. Broken rules end the run by check(),
 * while it is read and when all was read by a reader of committed records:
 *
 * 1. Of a transaction whose commit was acknowledged every record is there, once; of one that was aborted, or never ended, none.
 * 2. Of one whose end is not known all records are there, or none.
 * 3. The bank's sum: whenever no transaction is open in a partition, what is committed in it adds up to nothing, without transfers across; all
 *    partitions together do at the end.
 * 4. In a compacted topic: of each key what was committed last is there, and never what was aborted.
 *
 * Two tellers may be one and its ghost: they share a transactional id, and fence each other. For runs that lose nothing.
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
	int64_t offset; /* when it was acknowledged */
};

struct teller_transaction {
	enum fate fate;
	int n; /* records that were acknowledged */
	struct teller_record records[TELLER_RECORDS_MAX];
};

struct teller {
	/* given */
	int index;
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: one node has all */
	int n_transactions;
	int generation;	     /* of the client (transactor.h) */
	int level;	     /* it sets transaction.version first; -1: it does not */
	struct teller *twin; /* whose id it has; NULL: its own */
	bool has_twin;
	bool clock_jumps; /* then a transaction may take too long */
	/* its own */
	struct transactor t;
	struct client admin;
	struct timer again;
	struct timer linger;
	struct throne throne;
	char id[16];
	int wanted; /* records of this transaction */
	bool commits;
	int n; /* of the transaction under way, or of the next */
	bool is_done;
	struct teller_transaction v[TELLER_TRANSACTIONS_MAX];
};

void teller_start(struct teller *t);
void teller_hang_up(struct teller *t);
void teller_fini(struct teller *t);
/* Whether the topic is compacted, and how its settings are said. */
void teller_topic(struct create_topics_request_topic *topic, bool compacted);

bool tellers_are_done(const struct teller *v, int n);

/* Reads all of the topic, as one who wants committed records alone. */
struct teller_reader {
	/* given */
	struct loop *loop;
	struct addr to;
	const struct brokers *brokers; /* NULL: one node has all */
	struct teller *tellers;
	int n_tellers;
	bool compacted;
	/* its own */
	struct committed c;
	int seen[TELLERS_MAX][TELLER_TRANSACTIONS_MAX][TELLER_RECORDS_MAX];
	int64_t newest[TELLER_PARTITIONS][TELLER_KEYS]; /* offset; -1 */
	int sums[TELLER_PARTITIONS];
	int sum; /* with transfers across */
};

void teller_reader_start(struct teller_reader *r);
void teller_reader_fini(struct teller_reader *r);
/* The tellers are done: it has only to come to the end. */
void teller_reader_expect(struct teller_reader *r);
bool teller_reader_is_done(const struct teller_reader *r);
/* All was read: the rules above. */
void teller_reader_check(const struct teller_reader *r);

#endif
