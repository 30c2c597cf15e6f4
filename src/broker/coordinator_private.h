/*
 * coordinator_private: what the files of the runtime share.
 *
 *	coordinator.c		a core's shards: which ones exist, and how commands find them
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

/* A shard's question to another part of the node, on its way there and back. */
struct coordinator_call {
	struct post post;
	struct coordinator_shard *shard;
	struct shard_call *call;
};

/* A setting with which the topic of a kind is created: a value, or the name of a broker setting that has it. */
struct coordinator_topic_setting {
	const char *name; /* NULL: end of the list */
	const char *value;
	enum config_id from;
};

#define TOPIC_SETTINGS_MAX 6
#define NO_SETTING ((enum config_id) - 1)

/* What differs between the kinds. */
struct coordinator_type {
	const struct shard_type *type;
	/*
	 * Answers its shards' calls: coordinator_call_done(c), later and on this core's loop. NULL:
	 * its shards make no calls.
	 */
	void (*ask)(struct core *core, struct coordinator_call *c);
	enum config_id partitions;
	enum config_id replication_factor;
	enum config_id codec;	  /* NO_SETTING: the topic's */
	enum config_id linger_ms; /* NO_SETTING: -1, that is, until the mailbox is empty */
	enum config_id load_bytes;
	enum config_id write_timeout_ms;
	enum config_id buffer_bytes; /* NO_SETTING: a small buffer is kept */
	int32_t base_sequence;	     /* in its batches, as written by Kafka's coordinator of this kind */
	struct coordinator_topic_setting topic[TOPIC_SETTINGS_MAX];
};

extern const struct coordinator_type coordinator_types[COORDINATOR_KINDS];

enum shard_phase { SHARD_LOADING, SHARD_ACTIVE, SHARD_FAILED, SHARD_CLOSED };

#define SHARD_SCOPES_MAX 64 /* commands in one batch, at most */

/* What has been read of the log, and is being replayed by the job. */
struct shard_load {
	struct work work;
	struct records records;	 /* the next range; its file is referenced */
	struct sealed_at sealed; /* where the range lies */
	int64_t offset;		 /* of the next record */
	int64_t end;
	int64_t began_ms;
	int64_t n_records;
	int64_t n_bytes;
	struct codecs *codecs;
	struct buf bytes;
	struct buf unfolded;
	struct arena arena;
	struct timer timer; /* for retrying a range */
	int64_t retry_ms;
	bool has_range;
	int error;
};

struct coordinator_shard {
	struct core *core;
	const struct coordinator_type *type;
	struct partition *partition; /* a reference */
	int32_t id;
	int32_t epoch; /* of the leadership in which it was loaded, or one that followed it without a break */
	struct uuid topic_id;
	enum shard_phase phase;
	void *state; /* the shard type's; the load job's while loading */
	struct shard_load load;

	struct buf batch;  /* the pending one */
	struct buf packed; /* the pending batch, compressed */
	struct batch_builder builder;
	struct batch_transaction transaction; /* of the records in the batch */
	struct list pending;		      /* struct decision: those in the batch, or waiting for it */
	uint64_t scopes[SHARD_SCOPES_MAX];
	int n_scopes;
	bool all_scopes; /* the batch has records without a scope, or of too many scopes */
	struct post flush_post;
	bool flush_posted;
	struct timer linger;
	struct arena scratch; /* for apply */

	struct list waiting; /* struct decision, by their ends */
	int64_t end;	     /* end of what was written */
	int64_t committed;
	uint32_t stint; /* the partition's stint in which the shard was loaded */
	struct waiter waiter;
	struct waking waking;
	struct timer deadline; /* of the first decision that waits */

	struct timer timer; /* of the state */
	int64_t timer_ms;   /* the time for which `timer` is set */
	int n_jobs;
};

struct shards {
	struct coordinator_shard **v; /* by partition; NULL where there is no shard */
	int n;
};

/* A core's part. */
struct coordinators {
	struct core *core;
	struct shards of[COORDINATOR_KINDS];
	struct list spare; /* struct decision, for reuse */
	int n_spare;
	bool stopped;
};

/* ---- coordinator_shard.c ---- */

/*
 * Takes over the reference to the partition. Begins to load; the core counts as busy until the
 * shard is closed and freed.
 */
struct coordinator_shard *shard_open(struct core *core, const struct coordinator_type *type, struct partition *p,
				     struct uuid topic_id, int32_t epoch);
/* Answers everything with NOT_COORDINATOR; frees the shard when nothing of it is under way any more. */
void shard_close(struct coordinator_shard *s);
void shard_command(struct coordinator_shard *s, struct coordinator_command *c);
/* A transaction ends: c->marker. */
void shard_end_transaction(struct coordinator_shard *s, struct coordinator_command *c);
void shard_image(struct coordinator_shard *s, const struct image *old);
/* The load has ended. */
void shard_loaded(struct coordinator_shard *s, int err);
/* Frees it if it is closed and nothing is under way. */
void shard_free_if_idle(struct coordinator_shard *s);
void shard_forget_spare(struct coordinators *c);

/* ---- coordinator_batch.c ---- */

/* The maximum size of one batch. */
int64_t shard_batch_max(struct coordinator_shard *s);
/* The maximum size of a record within the batch. */
int64_t shard_batch_size_of(const struct shard_record *r);
/* An empty batch takes a record of any size. */
bool shard_batch_has_room(const struct coordinator_shard *s, int64_t size, int64_t max);
void shard_batch_add(struct coordinator_shard *s, const struct shard_step *step, const struct shard_record *r);
/*
 * Makes later commands of this scope wait for the batch to be written, so that they find its
 * records applied. 0: no scope.
 */
void shard_batch_note_scope(struct coordinator_shard *s, uint64_t scope);
/* Writes the batch and empties it. Moves s->end behind it, unless the log refuses. */
int shard_batch_write(struct coordinator_shard *s, int64_t *base_offset);
/* Drops what is in the batch, and frees memory beyond what is to be kept. */
void shard_batch_empty(struct coordinator_shard *s);
/* Writes a batch of its own with one marker, while no other batch is pending. */
int shard_batch_write_marker(struct coordinator_shard *s, const struct transaction_marker *m, int64_t *offset);

/* ---- coordinator_load.c ---- */

void shard_load(struct coordinator_shard *s);
/* Releases what a load holds while it waits. */
void shard_load_drop(struct coordinator_shard *s);

/* ---- coordinator.c ---- */

/* The call has its answer. On the shard's core. */
void coordinator_call_done(struct coordinator_call *c);
/* Posts the answer to the loop from which the command came. */
void coordinator_answer(struct shard_command *c);

#endif
