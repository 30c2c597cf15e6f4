/*
 * coordinator_private: what the files of the runtime share.
 *
 *	coordinator.c		a core's shards: which there are, how commands find them
 *	coordinator_shard.c	the actor: steps, the pending batch, answers that wait
 *	coordinator_load.c	replay
 */
#ifndef ODRADEK_BROKER_COORDINATOR_PRIVATE_H
#define ODRADEK_BROKER_COORDINATOR_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/uuid.h"
#include "broker/coordinator.h"
#include "broker/partition.h"
#include "config/setting.h"
#include "coordinator/shard.h"
#include "env/env.h"
#include "log/validate.h"
#include "wire/batch.h"

struct codecs;

/* What a shard asks somebody else, on its way there and back. */
struct coordinator_call {
	struct post post;
	struct coordinator_shard *shard;
	struct shard_call *call;
};

/* How the topic of a kind is made: a value, or that of a setting. */
struct coordinator_topic_setting {
	const char *name; /* NULL: no more */
	const char *value;
	enum config_id from;
};

#define TOPIC_SETTINGS_MAX 6
#define NO_SETTING ((enum config_id) - 1)

/* What differs between the kinds. */
struct coordinator_type {
	const struct shard_type *type;
	/* Answers what its shards ask: coordinator_call_done(c), later and on this core's loop. NULL: they ask nothing. */
	void (*ask)(struct core *core, struct coordinator_call *c);
	enum config_id partitions;
	enum config_id replication_factor;
	enum config_id codec;	  /* NO_SETTING: the topic's */
	enum config_id linger_ms; /* NO_SETTING: what is in the mailbox */
	enum config_id load_bytes;
	enum config_id write_timeout_ms;
	enum config_id buffer_bytes; /* NO_SETTING: a small one is kept */
	int32_t base_sequence;	     /* of its batches: as Kafka's coordinator of this kind writes it */
	struct coordinator_topic_setting topic[TOPIC_SETTINGS_MAX];
};

extern const struct coordinator_type coordinator_types[COORDINATOR_KINDS];

enum shard_phase { SHARD_LOADING, SHARD_ACTIVE, SHARD_FAILED, SHARD_CLOSED };

#define SHARD_SCOPES_MAX 64 /* commands in one batch, at most */

/* What has been read of the log and is replayed by the job. */
struct shard_load {
	struct work work;
	struct records records;	 /* the next range; its file is referenced */
	struct sealed_at sealed; /* where it lies */
	int64_t offset;		 /* of the next record */
	int64_t end;
	int64_t began_ms;
	int64_t n_records;
	int64_t n_bytes;
	struct codecs *codecs;
	struct buf bytes;
	struct buf unfolded;
	struct arena arena;
	struct timer timer; /* of a range that is tried again */
	int64_t retry_ms;
	bool has_range;
	int error;
};

struct coordinator_shard {
	struct core *core;
	const struct coordinator_type *type;
	struct partition *partition; /* a reference */
	int32_t id;
	int32_t epoch; /* of the leadership it was loaded in, or that has followed without a break */
	struct uuid topic_id;
	enum shard_phase phase;
	void *state; /* the shard type's; a job's while loading */
	struct shard_load load;

	struct buf batch;  /* the pending one */
	struct buf packed; /* the same, compressed */
	struct batch_builder builder;
	struct batch_transaction transaction; /* of what is in it */
	struct list pending;		      /* of struct decision: what is in it, or waits for it */
	uint64_t scopes[SHARD_SCOPES_MAX];
	int n_scopes;
	bool all_scopes; /* what is in it is of no scope, or of too many */
	struct post flush_post;
	bool flush_posted;
	struct timer linger;
	struct arena scratch; /* of apply */

	struct list waiting; /* of struct decision, by their ends */
	int64_t end;	     /* of what was written */
	int64_t committed;
	struct waiter waiter;
	struct waking waking;
	struct timer deadline; /* of the first that waits */

	struct timer timer; /* of the state */
	int64_t timer_ms;   /* what it is set for */
	int n_jobs;
};

struct shards {
	struct coordinator_shard **v; /* by partition; NULL where there is none */
	int n;
};

/* A core's share. */
struct coordinators {
	struct core *core;
	struct shards of[COORDINATOR_KINDS];
	struct list spare; /* of struct decision, for reuse */
	int n_spare;
	bool stopped;
};

/* ---- coordinator_shard.c ---- */

/* Takes over the reference of the partition. Begins to load; the core has work until it is closed and freed. */
struct coordinator_shard *shard_open(struct core *core, const struct coordinator_type *type, struct partition *p,
				     struct uuid topic_id, int32_t epoch);
/* Answers everything with NOT_COORDINATOR; frees it when nothing of it is under way any more. */
void shard_close(struct coordinator_shard *s);
void shard_command(struct coordinator_shard *s, struct coordinator_command *c);
/* A transaction ends: c->marker. */
void shard_end_transaction(struct coordinator_shard *s, struct coordinator_command *c);
void shard_image(struct coordinator_shard *s, const struct image *old);
/* The load has ended. */
void shard_loaded(struct coordinator_shard *s, int err);
/* If it is closed and nothing is under way. */
void shard_free_if_idle(struct coordinator_shard *s);
void shard_forget_spare(struct coordinators *c);

/* ---- coordinator_batch.c ---- */

/* The most that one batch may hold. */
int64_t shard_batch_max(struct coordinator_shard *s);
/* What a record takes in it, at most. */
int64_t shard_batch_size_of(const struct shard_record *r);
/* An empty one takes what there is. */
bool shard_batch_has_room(const struct coordinator_shard *s, int64_t size, int64_t max);
void shard_batch_add(struct coordinator_shard *s, const struct shard_step *step, const struct shard_record *r);
/* Later commands of this scope find the records applied: they wait for the batch to be written. 0: it has none. */
void shard_batch_note_scope(struct coordinator_shard *s, uint64_t scope);
/* Writes and empties it. s->end is behind it, unless the log refuses. */
int shard_batch_write(struct coordinator_shard *s, int64_t *base_offset);
/* What is in it is forgotten; memory beyond what is to be kept goes. */
void shard_batch_empty(struct coordinator_shard *s);
/* A marker alone, as the whole batch, while there is no other. */
int shard_batch_write_marker(struct coordinator_shard *s, const struct transaction_marker *m, int64_t *offset);

/* ---- coordinator_load.c ---- */

void shard_load(struct coordinator_shard *s);
/* Lets go of what a load has, while it waits. */
void shard_load_drop(struct coordinator_shard *s);

/* ---- coordinator.c ---- */

/* The call has its answer. On the shard's core. */
void coordinator_call_done(struct coordinator_call *c);
/* Posts the answer to where the command came from. */
void coordinator_answer(struct shard_command *c);

#endif
