/*
 * partition: one replica on this node: its log, its role in the cluster, and the requests that wait
 * for it.
 *
 * 1. It is a monitor: one lock around log, role and waiters. The lock is a leaf; under it there is
 *    page-cache work only, never a sync, a cold read or a post. The consequences of an operation
 *    (waiters to wake, a flush to start) are returned as effects and carried out after unlocking.
 * 2. Nothing is acknowledged before it is in the log. Where a flush is promised (flush.messages),
 *    nothing is acknowledged before it is flushed: until then the high watermark does not pass it.
 * 3. A waiter that was woken is no longer in the list; it is called once, on its own loop.
 * 4. An empty partition has no file, no directory and no timer.
 *
 * Threads: any; but partition_unref of the last reference must be in a job or on a loop, and not
 * under a lock. References are counted atomically.
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

struct capacity;
struct image;
struct image_partition;

/* ---- a topic's name and settings, shared by its partitions; never changed, replaced as a whole ---- */

struct topic_state {
	int refs; /* atomic */
	struct uuid id;
	char *name;
	bool is_internal;
	struct topic_config config;
	struct throttled leader_throttled; /* by this broker, as leader */
	struct throttled follower_throttled;
};

/* Reads the lists of throttled replicas in `config`, and does not keep them. */
struct topic_state *topic_state_new(struct uuid id, struct str name, const struct topic_config *config,
				    int32_t node_id);
struct topic_state *topic_state_ref(struct topic_state *t);
void topic_state_unref(struct topic_state **t);

/* ---- waiting ---- */

/*
 * Calls run() on `loop` when something has moved: once for any number of waiters, until it has run.
 * To release it, call waking_settle() after all its waiters have left their lists; false = a call
 * is still on its way, and the memory must stay until run() was called.
 */
struct waking {
	struct post post;
	struct loop *loop;
	void (*run)(struct waking *);
	struct waking *next;  /* in effects */
	int on_its_way;	      /* atomic */
	bool gathers;	      /* set by its owner, before it has waiters: those that are ready are gathered */
	struct waiter *ready; /* atomic; the last one gathered */
};

void waking_init(struct waking *w, struct loop *loop, void (*run)(struct waking *));
bool waking_settle(struct waking *w);
/*
 * Takes the waiters that have become ready, the last one first, linked by `ready`. partition_unwait
 * each of them before the waking may go.
 */
struct waiter *waking_take(struct waking *w);

enum watch { WATCH_HIGH_WATERMARK, WATCH_STABLE, WATCH_END, WATCH_START, WATCH_FLUSHED, WATCH_LOW_WATERMARK };

/*
 * Embedded in what waits. Ready when the watched offset is beyond `past`, when the role changes, or
 * when the partition goes.
 */
struct waiter {
	struct list link;	     /* in the partition's list, under its lock */
	struct partition *partition; /* a reference while it waits */
	struct waking *waking;
	int64_t past;
	enum watch watch;
	/* also ready when one of these two is another one */
	bool watches_marks;
	int64_t high_watermark;
	int64_t start;
	/*
	 * NULL, or when this follower, which has everything, was last heard of (atomic; monotonic ms):
	 * until it is ready, the follower is as good as fetching
	 */
	const int64_t *heard_ms;
	int32_t follower;
	struct waiter *ready; /* the one before it, if its waking gathers */
};

/* The consequences of an operation under the lock; effects_run carries them out. */
struct effects {
	struct waking *first;
	struct log_flush *flush;    /* to be given to a flusher */
	struct partition *proposes; /* a reference: its in-sync replicas are to change (isr.h) */
};

struct core;
void effects_run(struct effects *e, struct core *core);

/* ---- the partition ---- */

/* Why a partition was deleted. */
enum partition_end { PARTITION_TOPIC_GONE, PARTITION_REPLICA_GONE };

struct partition {
	int refs; /* atomic */
	int32_t id;
	struct map_node node;	   /* in the table (partitions.h) */
	struct list of_topic;	   /* linked with the topic's other partitions, in the table */
	struct uuid topic_id;	   /* never changes */
	struct topic_state *topic; /* changes under the lock, and so does the log */
	struct mutex lock;
	struct mutex sealing; /* held while sealed batches are appended; taken before `lock` */
	struct log *log;
	struct list waiters;
	struct capacity *capacity; /* how much may be used per second; NULL: no limit */
	/* the high watermark does not go beyond its present value until everything below this is flushed */
	int64_t must_flush;
	int32_t leader;
	int32_t leader_epoch;
	int64_t low_watermark; /* for a leader: the least log start of all live replicas; -1: one is not known yet */
	/*
	 * end of the log when this node became leader: the previous leader may have shown consumers
	 * a higher high watermark
	 */
	int64_t epoch_start;
	struct leading *leading; /* while this node leads and there are other replicas; else NULL */
	int16_t n_replicas;
	int16_t n_adding; /* how many of them a reassignment adds */
	int16_t n_isr;
	bool leads;
	/*
	 * how often this node has begun to lead; between two stints another leader may have replaced
	 * what was appended
	 */
	uint32_t stint;
	bool deleted;
	enum partition_end end;	    /* valid if `deleted` */
	struct log_dir *future_dir; /* the directory to which it is being moved (mover.h); NULL: none */
	int64_t future_size;
	int64_t future_end;
	bool held;	/* appends are held for the moment of a swap */
	bool reloading; /* a job reloads the log: nobody else touches its files */
	bool flushing;
	bool flush_again;
	struct counts counts; /* written under the lock, except those that fetches count (count_shared) */
	bool checkpoint_due;  /* the high watermark has moved since the last checkpoint */
	struct core *flush_core;
	struct log_flush flush;
};

/* With one reference; takes over the log. */
struct partition *partition_make(struct topic_state *topic, int32_t id, struct log *log);
struct partition *partition_ref(struct partition *p);
void partition_unref(struct partition **p);

/* This broker, as its partitions need to know it. */
struct partition_self {
	int32_t node_id;
	int64_t lag_max_ms; /* replica.lag.time.max.ms */
};

/*
 * The current state of the cluster. New leadership begins an epoch in the log. When the role
 * changes, all waiters are woken.
 */
void partition_set_role(struct partition *p, const struct partition_self *self, const struct image *image,
			const struct image_partition *now, struct effects *e);
void partition_set_topic(struct partition *p, struct topic_state *topic);
/*
 * The topic is gone, or the replica here: wakes all waiters; the caller removes the log's files.
 * NULL when there are none, or when a reload has them, which then returns them.
 */
struct log_deletion *partition_delete(struct partition *p, enum partition_end end, struct effects *e);

/* Everything on which a reader's checks are based, in one call. */
struct partition_view {
	struct log_offsets offsets;
	int64_t low_watermark; /* valid if `leads` */
	int32_t leader;
	int32_t leader_epoch;
	bool leads;
	uint32_t stint;
	bool deleted;
	enum partition_end end;
	bool short_of_replicas; /* fewer than min.insync.replicas are in sync or on their way in */
	int error;		/* of the directory: ERR_KAFKA_STORAGE_ERROR, or 0 */
};
void partition_look(struct partition *p, struct partition_view *out);

/*
 * The result of Kafka's checks of a reader's epoch: 0, ERR_NOT_LEADER_OR_FOLLOWER,
 * ERR_FENCED_LEADER_EPOCH, ERR_UNKNOWN_LEADER_EPOCH, ERR_KAFKA_STORAGE_ERROR. epoch -1: not given.
 */
int partition_view_check(const struct partition_view *v, int32_t epoch, bool leader_only);

/*
 * Reloads a log that a full disk kept from being loaded whole, if there is space now. Blocks: a
 * job. It returns the files of a replica that was deleted meanwhile.
 */
bool partition_wants_reload(struct partition *p);
struct log_deletion *partition_reload(struct partition *p, int64_t producer_expiration_ms);
/*
 * Under the lock: replaces the log, and frees the old one. High watermark and log start do not move
 * back. Leaves e->flush alone.
 */
void partition_put_log(struct partition *p, struct log *log, struct effects *e);

/* ---- writing ---- */

#define ANY_LEADER_EPOCH (-1)

struct partition_append {
	uint8_t *batch;
	const struct batch_info *info;
	int16_t acks;
	int32_t leader_epoch; /* the epoch in which it was decided: refused when another node has led since */
	int64_t now_ms;
	bool is_produced; /* by a client: counts against the partition's capacity */
	struct log_appended out;
	uint32_t stint;
	int32_t throttle_ms; /* how long the client must wait because of it */
	int64_t log_start;   /* also set for a refusal, if known; else -1 */
	bool wait;	     /* answer only when what is promised has happened: partition_replicated() */
};

/* What would refuse an append before its batch is looked at: 0, or a Kafka error. */
int partition_can_append(struct partition *p, int16_t acks);
/* Returns a reference to the topic's current state. */
struct topic_state *partition_topic(struct partition *p);

/* 0, or a Kafka error. */
int partition_append(struct partition *p, struct partition_append *a, struct core *core, struct effects *e);

/* What was appended, as partition_append tells it. */
struct appended_at {
	int64_t last_offset;
	uint32_t stint;
	bool flush_only; /* for acks=1: it has to be flushed here, and the replicas do not matter */
};

/*
 * Has it been replicated, or flushed? True: *err is what to answer, 0 or a Kafka error. False: w now waits for
 * it, and will tell `waking` to look again.
 */
bool partition_replicated(struct partition *p, struct appended_at at, struct waiter *w, struct waking *waking,
			  int *err);

struct verification_question;
/* log_verify for a partition that this node leads: 0, or a Kafka error. */
int partition_verify(struct partition *p, const struct verification_question *q, int64_t now_ms, uint64_t *guard);

struct partition_cut {
	const struct image *image;
	int64_t offset; /* -1 = the high watermark, to whose value it is then set */

	int64_t low_watermark;
	struct log_deletion *deletion; /* segments that are no longer read, for core_delete; or NULL */
};

/*
 * DeleteRecords: 0, or a Kafka error. It is complete when the low watermark has reached the offset:
 * followers learn of it by their next fetches.
 */
int partition_delete_records(struct partition *p, struct partition_cut *cut, struct effects *e);

/* ---- reading ---- */

enum isolation { READ_UNCOMMITTED = 0, READ_COMMITTED = 1, READ_TO_END = 2 };

/* The replica that fetches. It has everything below the offset that it asks for. */
struct partition_follower {
	int32_t id;
	int64_t broker_epoch; /* -1: not given */
	int64_t log_start;
	const struct image *image;
	struct effects *effects;
};

/* A consumer that may be redirected to a replica nearer to it (KIP-392). */
struct partition_consumer {
	const struct image *image;
	struct str rack;
	struct str listener;
};

struct partition_read {
	const struct partition_follower *follower; /* NULL: not a follower's read, or already noted */
	const struct partition_consumer *consumer; /* NULL: it reads here */
	bool consumes;				   /* a consumer's read: subject to the partition's capacity */
	int64_t offset;
	int32_t max_bytes;
	int32_t current_leader_epoch; /* -1 = not given */
	int32_t last_fetched_epoch;   /* -1 = not given */
	enum isolation isolation;
	bool min_one_message;
	bool leader_only;
	bool nowait;
	int32_t replica;     /* id of the follower that reads; -1: none */
	bool withholds;	     /* from a throttled partition it gets nothing while it is not in sync */
	struct arena *arena; /* for the aborted transactions */
	int32_t sealed_max;  /* as in log_read */

	struct partition_view view;
	int32_t nearer;		 /* the replica to read from instead, in which case nothing was read; -1: this one */
	int64_t upto;		 /* the limit of what this reader may see */
	struct records records;	 /* len 0: nothing; else the caller owns the reference to the file */
	struct sealed_at sealed; /* as in log_read: if `any`, sealed_read reads the range */
	struct log_cold cold;	 /* with -EAGAIN */
	struct aborted_txn *aborted;
	int n_aborted;		    /* -1 = null */
	struct epoch_end diverging; /* epoch -1: it does not diverge */
	bool is_throttled;	    /* the bytes count against leader.replication.throttled.rate */
	bool is_counted;	    /* if sent, the bytes count against capacity: partition_took() */
	bool is_cut;		    /* there is more, but no capacity for it at the moment */
	bool is_older;		    /* there is more in later segments, which no read reaches from here */
	int32_t held_ms;	    /* until there is capacity again, for lack of which nothing was read; else 0 */
	bool is_reassigned;	    /* replicas are being added */
	bool is_in_sync;	    /* `replica` is, as committed by the controller */
};

/* 0, a Kafka error, or -EAGAIN: pages have to be read first (log_cold_run in a job). */
int partition_read(struct partition *p, struct partition_read *r);
/* A consumer is sent what was read (r->is_counted). */
void partition_took(struct partition *p, const struct partition_read *r);

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
	enum isolation isolation;     /* READ_TO_END: asked by another replica */
	bool leader_only;

	int64_t offset; /* -1 = none */
	int64_t found_timestamp;
	int32_t epoch;
	bool behind; /* finding nothing means ERR_OFFSET_NOT_AVAILABLE */
	/* the answer is in lookup, after log_lookup_run in a job; the caller must call log_lookup_fini */
	bool looks_up;
	struct log_lookup lookup;
};

/* 0, or a Kafka error. */
int partition_list(struct partition *p, struct partition_list *l);

/* The producers that the log remembers, in the arena. 0, a Kafka error, or -ENOMEM. */
int partition_producers(struct partition *p, struct arena *arena, struct log_producer **v, int *n);
/* OffsetForLeaderEpoch. 0, or a Kafka error. */
int partition_epoch_end(struct partition *p, int32_t current_leader_epoch, int32_t epoch, struct epoch_end *out);

/* ---- the in-sync replicas (isr.h) ---- */

struct alter_partition_request_partition;

/* Identifies a proposal: it is passed back with the answer. */
struct isr_said {
	uint32_t serial;
	bool expands;
};

/* Its current proposal, in the arena; false: it has none any more. */
bool partition_proposal(struct partition *p, int64_t broker_epoch, struct arena *arena,
			struct alter_partition_request_partition *out, struct isr_said *said);
struct isr_answer;
/* Returns an isr_verdict (replication/leading.h). */
int partition_isr_answered(struct partition *p, const struct isr_said *said, const struct isr_answer *answer,
			   const struct image *image, struct effects *e);
/* To be called from time to time: proposes to remove replicas that have been behind for too long. */
void partition_shrink(struct partition *p, const struct image *image, struct effects *e);

/* ---- following (fetchers.h) ---- */

struct partition_replica {
	int64_t start;
	int64_t end;
	int64_t high_watermark;
	int32_t last_epoch;  /* -1: its records have no epoch, or there are no records */
	bool is_flushed;     /* as far as a flush is promised */
	bool is_usable;	     /* it can be appended to as a follower's log, now */
	bool dir_has_failed; /* it will not be usable before the next start */
	bool is_cut;	     /* truncated below its checkpointed recovery point: a checkpoint must be written first */
	bool is_throttled;   /* follower.replication.throttled.replicas names it */
	bool is_reassigned;  /* replicas are being added */
};

void partition_replica(struct partition *p, struct partition_replica *out);
/* The largest epoch up to this one in the log, and where it ends; epoch -1: none. */
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

/*
 * 0, a Kafka error or a negated errno. After an error, batches before the one at fault may have
 * been appended.
 */
int partition_replicate(struct partition *p, const struct partition_replicated *r, struct core *core,
			struct effects *e);
/* Drops what is at and beyond `offset`; fully: everything, and the log begins anew there. */
int partition_truncate(struct partition *p, int64_t offset, bool fully, struct effects *e);

/* The log has moved other than by the functions above: those who wait for that are told. From any thread. */
void partition_has_moved(struct partition *p);

/* Joins the list; false if it is ready already. */
bool partition_wait(struct partition *p, struct waiter *w);
void partition_unwait(struct waiter *w); /* allowed for one that does not wait */

/* Its directory, its size in bytes, and how far its end is behind the high watermark. */
void partition_measure(struct partition *p, struct log_dir **dir, int64_t *size, int64_t *lag);

/* ---- upkeep ---- */

void partition_flushed(struct log_flush *f); /* done() of the partition's flush */
/* Starts a flush of everything, if there is anything to flush and no flush is under way. */
void partition_flush(struct partition *p, struct core *core, struct effects *e);

#endif
