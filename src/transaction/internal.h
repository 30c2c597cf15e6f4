/*
 * internal: what the files of src/transaction share.
 *
 *	shard.c			the shard: its table, its timers, dispatch of commands
 *	state.c			the states and the moves allowed between them
 *	partitions.c		a set of partitions
 *	record.c		a transaction as in __transaction_state
 *	move.c			from a decision to the log: one move at a time
 *	init_producer_id.c add_partitions.c end.c describe.c	the commands
 *	markers.c		from PrepareCommit or PrepareAbort on: markers to all partitions, then Complete
 *	expire.c		transactions that take too long; ids that are no longer used
 *
 * 1. `now` is what the log says, and changes only in transaction_apply. A decision makes `next` and
 *    its record; once the record is in the log, `next` is moved into `now`.
 * 2. `pending` is Kafka's pendingState: a move that is not committed yet and, from a committed
 *    Prepare on, the Complete that will follow. While there is one, nothing else is decided
 *    (CONCURRENT_TRANSACTIONS).
 * 3. Markers are sent once the Prepare is committed, not before; Complete is written when every
 *    partition has its marker, replicated.
 * 4. What the log does not keep (the last epoch, for a producer that retries) is soft state.
 */
#ifndef ODRADEK_TRANSACTION_INTERNAL_H
#define ODRADEK_TRANSACTION_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "coordinator/shard.h"
#include "transaction/transaction.h"

/* Kafka's numbers, as in the log. */
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
	int topic; /* index into topics */
	int32_t partition;
	int32_t hash;
};

/* A zeroed one is empty. */
struct transaction_partitions {
	struct transaction_topic *topics; /* includes topics whose partitions are gone */
	int n_topics;
	/* Of a hash table: index into topics, plus one; 0: free. NULL: few topics are searched one by one. */
	int32_t *slots;
	uint32_t n_slots;		 /* a power of two */
	struct transaction_partition *v; /* in the order in which Kafka iterates over them */
	int n;
	int room;
	size_t table; /* slots of Java's table; 0: nothing was added yet */
};

void transaction_partitions_fini(struct transaction_partitions *p);
void transaction_partitions_add(struct transaction_partitions *p, struct str topic, int32_t partition);
void transaction_partitions_remove(struct transaction_partitions *p, struct str topic, int32_t partition);
void transaction_partitions_drop(struct transaction_partitions *p, int i);
bool transaction_partitions_have(const struct transaction_partitions *p, struct str topic, int32_t partition);
/* Copies the set and its table. */
void transaction_partitions_copy(struct transaction_partitions *to, const struct transaction_partitions *from);
/* Reorders it as Kafka's new HashSet(set) would. */
void transaction_partitions_rehash(struct transaction_partitions *p);
struct str transaction_partitions_topic(const struct transaction_partitions *p, int i);
/* number of partitions of this topic */
int transaction_partitions_of(const struct transaction_partitions *p, int topic);
int32_t transaction_partition_hash(int32_t topic_hash, int32_t partition); /* TopicPartition.hashCode */

/* ---- a transaction ---- */

enum { NO_EPOCH = -1, EPOCH_MAX = INT16_MAX };

struct transaction_values {
	enum transaction_state state;
	int64_t producer_id;
	int64_t previous_producer_id; /* -1: none */
	/*
	 * -1: none; otherwise the producer continues with it, and with epoch 0, once the
	 * transaction is complete
	 */
	int64_t next_producer_id;
	int16_t epoch;		/* -1: none has been handed out */
	int16_t last_epoch;	/* -1: none; not logged */
	int16_t client_version; /* transaction.version of the client that made this move */
	int32_t timeout_ms;
	int64_t start_ms; /* -1: not started */
	int64_t update_ms;
	struct transaction_partitions partitions;
};

struct transaction {
	struct map_node node; /* in the shard's map, by id */
	struct list link;     /* in `retries`, or unlinked */
	char *id;
	struct transaction_values now;
	struct transaction_values next; /* valid with has_next */
	bool has_next;			/* decided, but not in the log yet */
	bool is_logged;			/* false: created by a request whose record is not in the log yet */
	/* its tombstone is in the log: it is out of the map, and freed when that is committed */
	bool has_gone;
	/*
	 * a partition has seen a later epoch: no more markers are sent; as in Kafka only a new
	 * coordinator continues
	 */
	bool is_fenced;
	enum transaction_state pending;
	int64_t spare_id;			/* -1: none; an id that was obtained and not used yet */
	struct transaction_partitions unmarked; /* while Complete is pending: the partitions without their marker */
	int64_t retry_ms;			/* when to retry, while in `retries` */
};

struct transaction_shard {
	struct shard_options options;
	struct map transactions; /* by id */
	struct list retries;	 /* of struct transaction, sorted by retry_ms */
	struct list held;	 /* commands waiting for a producer id */
	int64_t abort_ms;	 /* when to look for transactions that take too long; INT64_MAX until loaded */
	int64_t expire_ms;
};

/* The pause before markers or a Complete are tried again. */
enum { RETRY_MS = 100 };

struct transaction *transaction_find(const struct transaction_shard *s, struct str id); /* NULL: none */
/* Creates one that is not logged, Empty, and without a producer id. */
struct transaction *transaction_add(struct transaction_shard *s, struct str id);
void transaction_drop(struct transaction_shard *s, struct transaction *t);
void transaction_retry_later(struct transaction_shard *s, struct transaction *t, int64_t now_ms);

/* The cluster's transaction.version. */
int16_t transaction_version(const struct shard_step *step);
static inline bool transaction_bumps_epochs(int16_t version) { return version >= 2; }

/* ---- move.c ---- */

/* The start of every move: the current values without the partitions. */
struct transaction_values transaction_next(const struct transaction *t, enum transaction_state to,
					   const struct shard_step *step);
/* Takes over next's partitions. Its record is in the step. There must be no pending move. */
void transaction_move(struct transaction *t, struct transaction_values *next, struct shard_step *step);
/*
 * Asks for a producer id. `c` is run again when it has arrived, or is refused; NULL: no command
 * waits. The move `to` is pending meanwhile.
 */
void transaction_ask_id(struct transaction_shard *s, struct transaction *t, struct shard_command *c,
			enum transaction_state to, struct shard_step *step);
/* The last epoch is reserved for fencing. */
static inline bool transaction_epoch_is_exhausted(int16_t epoch) { return epoch >= EPOCH_MAX - 1; }
/* A shard_written_fn; arg is the transaction. */
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

/* PRODUCER_FENCED, or the error that versions of this API below `since` know instead. */
int transaction_error_since(const struct shard_command *c, int err, int16_t since);

/* ---- end.c ---- */

/*
 * Aborts the transaction, which is Ongoing and has no pending move, and fences its producer. False:
 * a producer id is needed first; `c` is run again when it has arrived.
 */
bool transaction_fence(struct transaction_shard *s, struct transaction *t, struct shard_command *c,
		       struct shard_step *step);

/* ---- markers.c ---- */

/* Its Prepare is committed: continues from there to Complete. */
void transaction_go_on(struct transaction_shard *s, struct transaction *t, struct shard_step *step);
/* A pause is over. Its Prepare may not be committed yet: then it waits for that. */
void transaction_go_on_or_wait(struct transaction_shard *s, struct transaction *t, struct shard_step *step);

/* ---- expire.c ---- */

/* The most that one step moves: what a step may take of memory is limited, and other commands wait for it. */
enum { MOVES_AT_ONCE = 1000 };

void transaction_abort_slow(struct transaction_shard *s, struct shard_step *step);
void transaction_expire(struct transaction_shard *s, struct shard_step *step);

#endif
