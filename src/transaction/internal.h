/*
 * internal: what the files of src/transaction share.
 *
 *	shard.c			the shard: its table, its timers, which command goes where
 *	state.c			the states and their allowed moves
 *	partitions.c		a set of partitions
 *	record.c		a transaction as __transaction_state has it
 *	move.c			from a decision to what is logged: one move at a time
 *	init_producer_id.c add_partitions.c end.c describe.c	the commands
 *	markers.c		from PrepareCommit or PrepareAbort on: markers into all partitions, then Complete
 *	expire.c		transactions that take too long; ids that nobody uses
 *
 * 1. `now` is what the log says, and changes in transaction_apply alone. A decision makes `next` and its record; the one is moved into
 *    `now` when the other is in the log.
 * 2. `pending` is Kafka's pendingState: a move that is not committed yet, and, from a committed Prepare on, the Complete that will follow.
 *    While there is one, nothing else is decided (CONCURRENT_TRANSACTIONS).
 * 3. Markers are sent when the Prepare is committed, not before; Complete is written when every partition has its marker, replicated.
 * 4. What the log does not keep (the last epoch, for a producer that asks again) is soft state.
 */
#ifndef ODRADEK_TRANSACTION_INTERNAL_H
#define ODRADEK_TRANSACTION_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "coordinator/shard.h"
#include "transaction/transaction.h"

/* Kafka's numbers, as they are logged. */
enum transaction_state {
	TRANSACTION_NONE = -1,
	TRANSACTION_EMPTY = 0,
	TRANSACTION_ONGOING = 1,
	TRANSACTION_PREPARE_COMMIT = 2,
	TRANSACTION_PREPARE_ABORT = 3,
	TRANSACTION_COMPLETE_COMMIT = 4,
	TRANSACTION_COMPLETE_ABORT = 5,
	TRANSACTION_DEAD = 6,
	TRANSACTION_PREPARE_EPOCH_FENCE = 7,
	TRANSACTION_STATES,
};

const char *transaction_state_name(enum transaction_state state);
bool transaction_may_move(enum transaction_state from, enum transaction_state to);
static inline bool transaction_is_prepared(enum transaction_state s)
{
	return s == TRANSACTION_PREPARE_COMMIT || s == TRANSACTION_PREPARE_ABORT;
}
static inline bool transaction_is_idle(enum transaction_state s)
{
	return s == TRANSACTION_EMPTY || s == TRANSACTION_COMPLETE_COMMIT || s == TRANSACTION_COMPLETE_ABORT;
}

/* ---- partitions.c ---- */

struct transaction_topic {
	char *name;
	int32_t hash;
};

struct transaction_partition {
	int topic; /* of topics */
	int32_t partition;
	int32_t hash;
};

/* Zeroed: empty. */
struct transaction_partitions {
	struct transaction_topic *topics; /* also those whose partitions are gone */
	int n_topics;
	struct transaction_partition *v; /* as Kafka walks them */
	int n;
	int room;
	size_t table; /* slots of Java's table; 0: there was nothing yet */
};

void transaction_partitions_fini(struct transaction_partitions *p);
void transaction_partitions_add(struct transaction_partitions *p, struct str topic, int32_t partition);
void transaction_partitions_remove(struct transaction_partitions *p, struct str topic, int32_t partition);
void transaction_partitions_drop(struct transaction_partitions *p, int i);
bool transaction_partitions_have(const struct transaction_partitions *p, struct str topic, int32_t partition);
/* The same set in the same table. */
void transaction_partitions_copy(struct transaction_partitions *to, const struct transaction_partitions *from);
/* As Kafka has it after new HashSet(of it). */
void transaction_partitions_rehash(struct transaction_partitions *p);
struct str transaction_partitions_topic(const struct transaction_partitions *p, int i);
int transaction_partitions_of(const struct transaction_partitions *p, int topic); /* how many */
int32_t transaction_partition_hash(int32_t topic_hash, int32_t partition);	  /* TopicPartition.hashCode */

/* ---- a transaction ---- */

enum { NO_EPOCH = -1, EPOCH_MAX = INT16_MAX };

struct transaction_values {
	enum transaction_state state;
	int64_t producer_id;
	int64_t previous_producer_id; /* -1 */
	int64_t next_producer_id; /* -1; else the producer goes on with it, and epoch 0, when the transaction is complete */
	int16_t epoch;		  /* -1: nobody has been given one */
	int16_t last_epoch;	  /* -1; not logged */
	int16_t client_version; /* transaction.version of the client that moved it here */
	int32_t timeout_ms;
	int64_t start_ms; /* -1 */
	int64_t update_ms;
	struct transaction_partitions partitions;
};

struct transaction {
	struct map_node node; /* in the shard's, by id */
	struct list link;     /* in retries, or by itself */
	char *id;
	struct transaction_values now;
	struct transaction_values next; /* with has_next */
	bool has_next;			/* decided, and not in the log */
	bool is_logged;			/* false: made by a request whose record is not in the log yet */
	bool has_gone;			/* a tombstone is in the log: out of the map; freed when that is committed */
	bool is_fenced; /* a partition has seen a later epoch: no more markers; as in Kafka only a new coordinator goes on */
	enum transaction_state pending;
	int64_t spare_id;			/* -1; an id that was asked for and is not used yet */
	struct transaction_partitions unmarked; /* while Complete is pending: those without their marker */
	int64_t retry_ms;			/* while in retries */
};

struct transaction_shard {
	struct shard_options options;
	struct map transactions; /* by id */
	struct list retries;	 /* of transactions, by retry_ms */
	struct list held;	 /* commands that wait for a producer id */
	int64_t abort_ms; /* when transactions that take too long are looked for; INT64_MAX before it is loaded */
	int64_t expire_ms;
};

/* A pause before markers or a Complete are tried again. */
enum { RETRY_MS = 100 };

struct transaction *transaction_find(const struct transaction_shard *s, struct str id); /* NULL */
/* Not logged, Empty, without a producer id. */
struct transaction *transaction_add(struct transaction_shard *s, struct str id);
void transaction_drop(struct transaction_shard *s, struct transaction *t);
void transaction_retry_later(struct transaction_shard *s, struct transaction *t, int64_t now_ms);

/* transaction.version, as the cluster has it. */
int16_t transaction_version(const struct shard_step *step);
static inline bool transaction_bumps_epochs(int16_t version) { return version >= 2; }

/* ---- move.c ---- */

/* What all moves begin with: as it is now, with no partitions. */
struct transaction_values transaction_next(const struct transaction *t, enum transaction_state to,
					   const struct shard_step *step);
/* Takes next's partitions over. Its record is in the step. There is no pending move. */
void transaction_move(struct transaction *t, struct transaction_values *next, struct shard_step *step);
/* A call for a producer id: `c` is run again when it is there, or refused. NULL: nobody waits. The move `to` is pending meanwhile. */
void transaction_ask_id(struct transaction_shard *s, struct transaction *t, struct shard_command *c,
			enum transaction_state to, struct shard_step *step);
/* Epochs run out: the last one is kept for fencing. */
static inline bool transaction_epoch_is_exhausted(int16_t epoch) { return epoch >= EPOCH_MAX - 1; }
/* shard_written_fn; arg is the transaction. */
void transaction_settled(void *state, struct shard_step *step, void *arg, int err);

/* ---- record.c ---- */

void transaction_put(const struct transaction *t, const struct transaction_values *v, struct shard_step *step);
void transaction_put_tombstone(const struct transaction *t, struct shard_step *step);
int transaction_apply(void *state, const struct shard_record *r, const struct shard_position *at);

/* ---- commands ---- */

typedef void transaction_command_fn(struct transaction_shard *s, struct shard_command *c, struct shard_step *step);

transaction_command_fn transaction_init_command, transaction_add_command, transaction_offsets_command,
	transaction_end_command, transaction_describe_command, transaction_list_command;
void transaction_command(void *state, struct shard_command *c, struct shard_step *step);

/* PRODUCER_FENCED, or what clients older than `since` of this API know instead. */
int transaction_error_since(const struct shard_command *c, int err, int16_t since);

/* ---- end.c ---- */

/*
 * The transaction, which is Ongoing and has no pending move, is aborted and its producer fenced. False: a producer id is needed first; `c` is
 * run again when it is there.
 */
bool transaction_fence(struct transaction_shard *s, struct transaction *t, struct shard_command *c,
		       struct shard_step *step);

/* ---- markers.c ---- */

/* Its Prepare is committed: goes on from there to Complete. */
void transaction_go_on(struct transaction_shard *s, struct transaction *t, struct shard_step *step);

/* ---- expire.c ---- */

void transaction_abort_slow(struct transaction_shard *s, struct shard_step *step);
void transaction_expire(struct transaction_shard *s, struct shard_step *step);

#endif
