/*
 * shard: the interface between a coordinator's brain and the runtime that carries it
 * (broker/coordinator.h).
 *
 * A shard is the state behind one partition of an internal topic: __consumer_offsets,
 * __transaction_state, __share_group_state. It is a state machine over that partition's log:
 * decide, append, apply, answer.
 *
 *	decide	a function of the table below looks at the state and fills a step: records, answers, later work. It
 *		changes no logged state.
 *	append	the runtime writes the records of a step, together with those of other steps if they linger
 *		(append.linger.ms)
 *	apply	apply() gets each record, in the order of the log, with its offset: nothing else changes logged state
 *	answer	commands answered by the step are told so when the high watermark has passed everything that had been
 *		decided by then, the step's own records included; those answered at once are told immediately
 *
 * 1. A step is decided on state to which everything of its scope was applied: commands of one scope
 *    (a group, a transactional id) never share a batch. Steps without a scope find everything
 *    applied.
 * 2. When an append fails, nothing was applied: the answers that waited for it turn into its error
 *    (as Kafka maps it), and functions registered by shard_written() are called with it. There is
 *    nothing to undo.
 * 3. Besides the logged state a shard may have soft state (members that join, sessions), which
 *    decide may change. It is lost with the shard.
 * 4. A shard that stops leading is unloaded: unload() answers what it holds; then it is freed, and
 *    loaded anew by replay, elsewhere or later.
 * 5. Time and chance come with the step; a shard has no clock, does no I/O and takes no lock. Its
 *    functions are called by one thread at a time (while it is loaded: a worker's).
 */
#ifndef ODRADEK_COORDINATOR_SHARD_H
#define ODRADEK_COORDINATOR_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/str.h"
#include "base/uuid.h"

struct config;
struct image;
struct schema;

/* ---- who asks ---- */

/* Determines which topics a requester may be told of. It has one owner; any thread, one at a time. */
struct shard_sight {
	bool (*sees)(const struct shard_sight *s, const struct image *image, struct str topic);
	void (*free)(struct shard_sight *s);
};

/*
 * The requester of a command, valid until the command is answered; what outlives the command must
 * make a sight of its own.
 */
struct shard_asker {
	struct shard_sight *(*sight)(const struct shard_asker *a);
};

/* ---- commands ---- */

/*
 * A request on its way through a shard. `in`, `out` and the strings are the sender's and stay until
 * it is answered, for minutes if need be: a shard may hold on to the command (link is free for it)
 * until a later step answers it. It is answered exactly once.
 */
struct shard_command {
	struct list link;
	int16_t api; /* the key of the API; or a number of the shard's own, below 0 */
	int16_t version;
	/* what it is about: commands of one scope see each other's effects; null: the whole shard */
	struct str scope;
	struct str client_id;		 /* never null */
	struct str client_host;		 /* as Java prints an address: "/127.0.0.1" */
	const struct shard_asker *asker; /* NULL: may be told of everything */
	const void *in;			 /* the codec's struct of the request */
	void *out; /* the codec's struct of the response, default-filled; its parts are in the arena */
	struct arena *arena;

	uint64_t guard; /* for a commit in a transaction: the guard from log_verify; 0: none */

	int err;	    /* Kafka's; if not 0, the whole request fails with it, and `out` is ignored */
	struct str message; /* with err; null: the error's default message */
	void *held;	    /* free for the shard while it holds the command */
};

/* ---- records ---- */

struct shard_record {
	struct bytes key;
	struct bytes value; /* null: a tombstone */
};

struct shard_records {
	struct shard_record *v;
	int n;
	int cap;
};

/* The position of a record that is applied. */
struct shard_position {
	int64_t offset;
	int64_t timestamp_ms;
	int64_t producer_id; /* -1: not in a transaction */
	int16_t producer_epoch;
	bool loading;	     /* it is replayed from the log: not the result of a decision in this shard's life */
	struct arena *arena; /* scratch, emptied after the call */
};

/* ---- a step ---- */

struct shard_step;
typedef void shard_written_fn(void *state, struct shard_step *next, void *arg, int err);

struct shard_written {
	struct list link;
	shard_written_fn *fn;
	void *arg;
};

/*
 * A computation in the background (assignments, patterns): run(), in a worker, touches only the
 * job; done() is a step of the shard without a scope. If the shard has gone meanwhile, done() is
 * called with a NULL state and step so that the job can be freed.
 */
struct shard_job {
	struct list link;
	void (*run)(struct shard_job *job);
	void (*done)(struct shard_job *job, void *state, struct shard_step *step);
};

/*
 * A question to another part of the node: an id, markers in other partitions. The carrier of the
 * kind answers it, in its own time; done() is as for a job.
 */
struct shard_call {
	struct list link;
	void (*done)(struct shard_call *call, void *state, struct shard_step *step);
};

struct shard_step {
	/* given */
	int64_t now_ms;	 /* monotonic: for timers */
	int64_t wall_ms; /* for records */
	int32_t epoch;	 /* the shard's leader epoch: Kafka's coordinator epoch */
	const struct image *image;
	uint64_t (*random)(void *arg);
	void *random_arg;
	struct arena *arena; /* for records and scratch; valid until the records are applied or refused */

	/* decided */
	struct shard_records records;
	/*
	 * the records may be spread over several batches, some of which may be written while others
	 * are refused
	 */
	bool divisible;
	bool applied; /* soft state has it already: apply() is not called; written() must repair a failure */
	/* -1; else the records are part of this producer's transaction, and a batch of their own */
	int64_t producer_id;
	int16_t producer_epoch;
	uint64_t guard;	      /* with producer_id: the command's */
	struct list answered; /* struct shard_command */
	struct list answered_at_once;
	struct list written; /* struct shard_written */
	struct list jobs;
	struct list calls;
	bool failed; /* memory has run out, or a record cannot be encoded: nothing of the step is carried out */
};

/* An empty step, for the runtime and for tests. */
void shard_step_init(struct shard_step *s, struct arena *a);

/*
 * Adds a record: key and value are each preceded by their number, as Kafka's CoordinatorRecordSerde
 * writes them. value NULL: a tombstone.
 */
void shard_put(struct shard_step *s, const struct schema *key_schema, const void *key,
	       const struct schema *value_schema, int value_version, const void *value);

/*
 * Answers the command: it is told when everything decided until now is committed, this step's
 * records included.
 */
void shard_answer(struct shard_step *s, struct shard_command *c);
/* The same with one error for the whole request. */
void shard_refuse(struct shard_step *s, struct shard_command *c, int err, struct str message);
/* Answers the command from committed state, or from none: it is told at once. */
void shard_answer_at_once(struct shard_step *s, struct shard_command *c);

/*
 * Calls fn when everything decided until now is committed (err 0), when it is known that the
 * records of this step were not written, when that was not known in time, or when the shard is
 * unloaded (the records of `next` are then not written). arg belongs to the state.
 */
void shard_written(struct shard_step *s, shard_written_fn *fn, void *arg);
void shard_start_job(struct shard_step *s, struct shard_job *job);
void shard_start_call(struct shard_step *s, struct shard_call *call);

/* Kafka's Uuid.randomUuid. */
struct uuid shard_random_uuid(struct shard_step *s);

/* The number at the head of a key or value; -1 when there is none. */
int shard_record_number(struct bytes b);
/*
 * Decodes what follows the number: 0; -EBADMSG; -ENOMEM; for a value (version = its number) also
 * ERR_UNSUPPORTED_VERSION. Strings point into b.
 */
int shard_record_decode(const struct schema *schema, int version, struct bytes b, struct arena *a, void *out);

/* ---- what a kind of coordinator is ---- */

/* The partition to which a key (a group's id, a transactional id) belongs: by Java's hash of it. n > 0. */
int32_t shard_partition_of(struct str key, int32_t n);

struct shard_options {
	const struct config *config; /* outlives the shard */
	int32_t node_id;
	int32_t partition;
	uint64_t seed; /* for its maps */
};

struct shard_type {
	const char *topic; /* such as "__consumer_offsets" */
	void *(*new)(const struct shard_options *options);
	void (*free)(void *state);

	/* Applies one record: 0, or an error that makes the shard unusable (bytes that no Kafka writes). */
	int (*apply)(void *state, const struct shard_record *r, const struct shard_position *at);
	/* A transaction of this producer has ended, at this offset. */
	int (*end_transaction)(void *state, int64_t producer_id, int16_t producer_epoch, bool commit,
			       const struct shard_position *at);
	/*
	 * Everything below `offset` is committed. Called between steps, and once before anything is
	 * replayed; the same offset may be repeated.
	 */
	void (*committed)(void *state, int64_t offset);

	/* The log has been replayed: sessions begin. A step without a scope. */
	void (*loaded)(void *state, struct shard_step *step);
	void (*command)(void *state, struct shard_command *c, struct shard_step *step);
	/* When tick() is wanted, on step.now_ms's clock; INT64_MAX: never. */
	int64_t (*next_ms)(const void *state);
	/* Handles what is due first, and only that (a group's timer). Without a scope. */
	void (*tick)(void *state, struct shard_step *step);
	/*
	 * The cluster has changed: step->image is the new image, old the one before. Without a
	 * scope. NULL: not needed.
	 */
	void (*image)(void *state, const struct image *old, struct shard_step *step);
	/* The end: refuses every held command with err. Records are not written. */
	void (*unload)(void *state, struct shard_step *step, int err);
};

#endif
