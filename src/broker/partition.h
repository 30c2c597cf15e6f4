/*
 * partition: one replica that this node holds: its log, what the cluster says of it, and who waits for it.
 *
 * 1. It is a monitor: one lock around log, role and waiters. The lock is a leaf; under it there is page-cache work only, never a sync, a
 *    cold read or a post. What an operation causes (waiters to wake, a flush to start) is returned as effects and done after unlocking.
 * 2. Nothing is acknowledged before it is in the log; where a flush is promised (flush.messages), not before it is flushed: the high
 *    watermark does not pass it until then.
 * 3. A waiter that was woken is no longer in the list; it is told once, on the loop it lives on.
 * 4. An empty partition has no file, no directory and no timer.
 *
 * Threads: any, but partition_unref's last one (a job or a loop; not under a lock). References are counted with atomic operations.
 */
#ifndef ODRADEK_BROKER_PARTITION_H
#define ODRADEK_BROKER_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "base/uuid.h"
#include "broker/counters.h"
#include "config/topic_config.h"
#include "env/env.h"
#include "log/log.h"
#include "replication/throttled.h"
#include "wire/records.h"

struct image;
struct image_partition;

/* ---- a topic's name and settings, shared by its partitions; never changes, is replaced whole ---- */

struct topic_state {
	int refs; /* atomic */
	struct uuid id;
	char *name;
	bool is_internal;
	struct topic_config config;
	struct throttled leader_throttled; /* by this broker, where it leads */
	struct throttled follower_throttled;
};

/* The lists of throttled replicas in `config` are read here, and not kept. */
struct topic_state *topic_state_new(struct uuid id, struct str name, const struct topic_config *config,
				    int32_t node_id);
struct topic_state *topic_state_ref(struct topic_state *t);
void topic_state_unref(struct topic_state **t);

/* ---- waiting ---- */

/*
 * What is told when something has moved: once for any number of waiters, until it has run. run() is called on `loop`.
 * To let go of it: waking_settle() after all its waiters are out of their lists; false = a call is still on its way, and the memory has
 * to stay until run() was called.
 */
struct waking {
	struct post post;
	struct loop *loop;
	void (*run)(struct waking *);
	struct waking *next; /* in effects */
	int on_its_way;	     /* atomic */
};

void waking_init(struct waking *w, struct loop *loop, void (*run)(struct waking *));
bool waking_settle(struct waking *w);

enum watch { WATCH_HIGH_WATERMARK, WATCH_STABLE, WATCH_END, WATCH_START, WATCH_FLUSHED, WATCH_LOW_WATERMARK };

/* Embedded in what waits. Ready when the watched offset is beyond `past`, when the role changes, or when the partition goes. */
struct waiter {
	struct list link;	     /* in the partition's list, under its lock */
	struct partition *partition; /* a reference while it waits */
	struct waking *waking;
	int64_t past;
	enum watch watch;
};

/* What an operation under the lock has caused; effects_run does it. */
struct effects {
	struct waking *first;
	struct log_flush *flush;    /* to be given to a flusher */
	struct partition *proposes; /* a reference: its in-sync replicas are to change (isr.h) */
};

struct core;
void effects_run(struct effects *e, struct core *core);

/* ---- the partition ---- */

/* Why one is deleted. */
enum partition_end { PARTITION_TOPIC_GONE, PARTITION_REPLICA_GONE };

struct partition {
	int refs; /* atomic */
	int32_t id;
	struct map_node node;	   /* in the table (partitions.h) */
	struct list of_topic;	   /* with its siblings, in the table */
	struct uuid topic_id;	   /* never changes */
	struct topic_state *topic; /* changes under the lock, as the log does */
	struct mutex lock;
	struct log *log;
	struct list waiters;
	int64_t must_flush; /* the high watermark passes nothing new until all below is flushed */
	int32_t leader;
	int32_t leader_epoch;
	int64_t low_watermark; /* of a leader: the least start of all replicas that live; -1: one is not known yet */
	int64_t epoch_start; /* where the log ended when this node became leader: below it the last leader may have shown more */
	struct leading *leading; /* while this node leads and there are other replicas; else NULL */
	int16_t n_replicas;
	int16_t n_adding; /* of these, by a reassignment */
	int16_t n_isr;
	bool leads;
	bool deleted;
	enum partition_end end;	    /* of one that is */
	struct log_dir *future_dir; /* where it is moved to (mover.h); NULL: nowhere */
	int64_t future_size;
	int64_t future_end;
	bool held;	/* for the moment of a swap */
	bool reloading; /* a job reads the log anew: nobody else touches its files */
	bool flushing;
	bool flush_again;
	struct counts counts; /* written under the lock, but what fetches count (count_shared) */
	bool checkpoint_due;  /* the high watermark has moved since it was written down */
	struct core *flush_core;
	struct log_flush flush;
};

/* With one reference; takes over the log. */
struct partition *partition_make(struct topic_state *topic, int32_t id, struct log *log);
struct partition *partition_ref(struct partition *p);
void partition_unref(struct partition **p);

/* This broker, as its partitions see it. */
struct partition_self {
	int32_t node_id;
	int64_t lag_max_ms; /* replica.lag.time.max.ms */
};

/* What the cluster says now. Leadership that is new begins an epoch in the log. Everybody who waits is woken when the role changes. */
void partition_set_role(struct partition *p, const struct partition_self *self, const struct image *image,
			const struct image_partition *now, struct effects *e);
void partition_set_topic(struct partition *p, struct topic_state *topic);
/*
 * The topic is gone, or the replica here: all who wait are woken; the log's files are for the caller to remove. NULL when there are none, or
 * a reload has them: then it gives them back.
 */
struct log_deletion *partition_delete(struct partition *p, enum partition_end end, struct effects *e);

/* All a reader decides by, in one call. */
struct partition_view {
	struct log_offsets offsets;
	int64_t low_watermark; /* where it leads */
	int32_t leader;
	int32_t leader_epoch;
	bool leads;
	bool deleted;
	enum partition_end end;
	bool short_of_replicas; /* fewer are in sync, or on their way in, than min.insync.replicas */
	int error;		/* of the directory: ERR_KAFKA_STORAGE_ERROR, or 0 */
};
void partition_look(struct partition *p, struct partition_view *out);

/*
 * What Kafka's checks of a reader's epoch say: 0, ERR_NOT_LEADER_OR_FOLLOWER, ERR_FENCED_LEADER_EPOCH, ERR_UNKNOWN_LEADER_EPOCH,
 * ERR_KAFKA_STORAGE_ERROR. epoch -1: not given.
 */
int partition_view_check(const struct partition_view *v, int32_t epoch, bool leader_only);

/*
 * A log that a full disk kept from being loaded whole is loaded again, where there is room now. Blocks: a job. What it returns are the
 * files of a replica that was deleted meanwhile.
 */
bool partition_wants_reload(struct partition *p);
struct log_deletion *partition_reload(struct partition *p, int64_t producer_expiration_ms);
/*
 * Under the lock: takes over `log` in place of the one it has, which is freed. High watermark and start do not move back. e->flush is left
 * alone.
 */
void partition_put_log(struct partition *p, struct log *log, struct effects *e);

/* ---- writing ---- */

#define ANY_LEADER_EPOCH (-1)

struct partition_append {
	uint8_t *batch;
	const struct batch_info *info;
	int16_t acks;
	int32_t leader_epoch; /* in which it was decided: refused when somebody else has led since */
	int64_t now_ms;
	struct log_appended out;
	int64_t log_start; /* also of a refusal, where it is known; else -1 */
	bool wait;	   /* the answer waits until the high watermark is beyond out.last_offset */
};

/* What would refuse an append before its batch is looked at: 0, or Kafka's error. */
int partition_can_append(struct partition *p, int16_t acks);
/* A reference of the topic's state as it is now. */
struct topic_state *partition_topic(struct partition *p);

/* 0, or Kafka's error. */
int partition_append(struct partition *p, struct partition_append *a, struct core *core, struct effects *e);

/*
 * Has what ends at last_offset been replicated? True with what is to be answered: 0, or Kafka's error. False: w waits for it, and tells
 * `waking` to look again.
 */
bool partition_replicated(struct partition *p, int64_t last_offset, struct waiter *w, struct waking *waking, int *err);

struct verification_question;
/* log_verify of a partition that this node leads: 0, or Kafka's error. */
int partition_verify(struct partition *p, const struct verification_question *q, int64_t now_ms, uint64_t *guard);

struct partition_cut {
	const struct image *image;
	int64_t offset; /* -1 = the high watermark, which it is afterwards */

	int64_t low_watermark;
	struct log_deletion *deletion; /* segments that nobody reads any more, for core_delete; or NULL */
};

/* DeleteRecords: 0, or Kafka's error. It is done when the low watermark is at the offset: followers learn of it by their next fetches. */
int partition_delete_records(struct partition *p, struct partition_cut *cut, struct effects *e);

/* ---- reading ---- */

enum isolation { READ_UNCOMMITTED = 0, READ_COMMITTED = 1, READ_TO_END = 2 };

/* Whose fetch it is, when it is another replica's: what it asks for it has all below. */
struct partition_follower {
	int32_t id;
	int64_t broker_epoch; /* -1: not told */
	int64_t log_start;
	const struct image *image;
	struct effects *effects;
};

/* Of a consumer that may be sent to a replica that is nearer to it (KIP-392). */
struct partition_consumer {
	const struct image *image;
	struct str rack;
	struct str listener;
};

struct partition_read {
	const struct partition_follower *follower; /* NULL: of nobody, or told already */
	const struct partition_consumer *consumer; /* NULL: it reads here */
	int64_t offset;
	int32_t max_bytes;
	int32_t current_leader_epoch; /* -1 = not given */
	int32_t last_fetched_epoch;   /* -1 = not given */
	enum isolation isolation;
	bool min_one_message;
	bool leader_only;
	bool nowait;
	int32_t withheld_from; /* a follower that gets nothing of a throttled partition while it is not in sync; -1: none */
	struct arena *arena; /* for the aborted transactions */
	int32_t sealed_max;  /* as in log_read */

	struct partition_view view;
	int32_t nearer;		 /* where to read instead: nothing was read; -1: here */
	int64_t upto;		 /* how far this reader may see */
	struct records records;	 /* len 0: nothing; else a reference of the file is the caller's */
	struct sealed_at sealed; /* as in log_read: any: sealed_read reads it */
	struct log_cold cold;	 /* with -EAGAIN */
	struct aborted_txn *aborted;
	int n_aborted;		    /* -1 = null */
	struct epoch_end diverging; /* epoch -1: it does not diverge */
	bool is_throttled;	    /* the bytes count against leader.replication.throttled.rate */
	bool is_reassigned;	    /* replicas are being added */
};

/* 0, Kafka's error, or -EAGAIN: pages have to be read first (log_cold_run in a job). */
int partition_read(struct partition *p, struct partition_read *r);

/* ListOffsets: the special timestamps are Kafka's (ListOffsetsRequest). */
enum list_timestamp {
	TIMESTAMP_LATEST = -1,
	TIMESTAMP_EARLIEST = -2,
	TIMESTAMP_MAX = -3,
	TIMESTAMP_EARLIEST_LOCAL = -4,
	TIMESTAMP_LATEST_TIERED = -5,
	TIMESTAMP_EARLIEST_PENDING_UPLOAD = -6,
};

struct partition_list {
	int64_t timestamp;
	int32_t current_leader_epoch; /* -1 = not given */
	enum isolation isolation;     /* READ_TO_END: of another replica */
	bool leader_only;

	int64_t offset; /* -1 = none */
	int64_t found_timestamp;
	int32_t epoch;
	bool behind;   /* nothing found is ERR_OFFSET_NOT_AVAILABLE, not nothing */
	bool looks_up; /* the answer is lookup's, after log_lookup_run in a job; log_lookup_fini is the caller's */
	struct log_lookup lookup;
};

/* 0, or Kafka's error. */
int partition_list(struct partition *p, struct partition_list *l);

/* OffsetForLeaderEpoch. */
/* The producers it remembers, in the arena. 0, one of Kafka's numbers, or -ENOMEM. */
int partition_producers(struct partition *p, struct arena *arena, struct log_producer **v, int *n);
int partition_epoch_end(struct partition *p, int32_t current_leader_epoch, int32_t epoch, struct epoch_end *out);

/* ---- the in-sync replicas (isr.h) ---- */

struct alter_partition_request_partition;

/* What was proposed: its answer goes back with it. */
struct isr_said {
	uint32_t serial;
	bool expands;
};

/* What it proposes now, in the arena; false: nothing any more. */
bool partition_proposal(struct partition *p, int64_t broker_epoch, struct arena *arena,
			struct alter_partition_request_partition *out, struct isr_said *said);
struct isr_answer;
/* An isr_verdict (replication/leading.h). */
int partition_isr_answered(struct partition *p, const struct isr_said *said, const struct isr_answer *answer,
			   const struct image *image, struct effects *e);
/* From time to time: who is behind for too long is proposed to go out. */
void partition_shrink(struct partition *p, const struct image *image, struct effects *e);

/* ---- following (fetchers.h) ---- */

struct partition_replica {
	int64_t start;
	int64_t end;
	int64_t high_watermark;
	int32_t last_epoch;  /* -1: its records have none, or there are none */
	bool is_flushed;     /* as far as it is promised */
	bool is_usable;	     /* it can be appended to as a follower's, now */
	bool dir_has_failed; /* it cannot be until the next start */
	bool is_cut;	     /* below its recovery point on disk: that is to be written first */
	bool is_throttled;   /* follower.replication.throttled.replicas names it */
	bool is_reassigned;  /* replicas are being added */
};

void partition_replica(struct partition *p, struct partition_replica *out);
/* The largest epoch up to this one that the log knows, and where it ends; epoch -1: none. */
struct epoch_end partition_own_epoch(struct partition *p, int32_t epoch);

/* What a leader has sent. */
struct partition_replicated {
	const uint8_t *p; /* whole batches, and perhaps a part of one */
	size_t len;
	int32_t leader_epoch;
	int64_t high_watermark;
	int64_t log_start;
	int64_t wall_ms;
};

/* 0, Kafka's error or a negated errno; then nothing was taken but what came before the batch at fault. */
int partition_replicate(struct partition *p, const struct partition_replicated *r, struct core *core,
			struct effects *e);
/* Drops what is at `offset` and behind it; fully: all there is, and the log begins anew there. */
int partition_truncate(struct partition *p, int64_t offset, bool fully, struct effects *e);

/* Joins the list unless it is ready already: then false. */
bool partition_wait(struct partition *p, struct waiter *w);
void partition_unwait(struct waiter *w); /* not waiting is fine */

/* Where it lies, its bytes, and how far its end is behind the high watermark. */
void partition_measure(struct partition *p, struct log_dir **dir, int64_t *size, int64_t *lag);

/* ---- upkeep ---- */

void partition_flushed(struct log_flush *f); /* done() of the partition's flush */
/* Starts a flush of everything, if there is something to flush and none is on its way. */
void partition_flush(struct partition *p, struct core *core, struct effects *e);

#endif
