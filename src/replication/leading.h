/*
 * leading: what the leader of a partition knows of its followers, and what it concludes from that: how far all of them are (the high
 * watermark), and who belongs to the in-sync replicas (ISR). KIP-392, KIP-497, KIP-841, KIP-903, KIP-966; Kafka's Partition and Replica.
 *
 * 1. The controller alone changes the ISR. A leader proposes (AlterPartition), one proposal at a time, and goes by the larger of the two
 *    sets until it is answered: a replica that is on its way in counts already, one that is on its way out still does.
 * 2. A follower's fetch offset is what it has; nothing else moves its end. A fetch of another life of the broker (a lower broker epoch
 *    than is registered) moves nothing.
 * 3. A follower may come in when it has all that is committed, and something of this leader's epoch: before that there may be committed
 *    records that it lacks. It must be registered, unfenced, not leaving, and the same broker that fetches.
 * 4. The high watermark does not move while the ISR is smaller than min.insync.replicas, and waits for a follower that has caught up and may
 *    come in but is not in yet.
 *
 * Brain: no clock, no log. All times are monotonic milliseconds. Owner: the partition, under its lock. A partition without other replicas
 * needs none of this.
 */
#ifndef ODRADEK_REPLICATION_LEADING_H
#define ODRADEK_REPLICATION_LEADING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "metadata/image.h"

/* A broker epoch that a fetch did not tell, and one of a replica that never fetched. */
enum { BROKER_EPOCH_UNTOLD = -1, BROKER_EPOCH_UNHEARD = -2 };

struct follower {
	int32_t id;
	int64_t broker_epoch; /* of its last fetch */
	int64_t log_start;    /* -1: not known */
	int64_t log_end;      /* -1: not known */
	int64_t fetch_ms;     /* of its last fetch */
	int64_t leader_end;   /* ours, at that fetch; -1 */
	int64_t caught_up_ms; /* when it last had all that there was */
};

struct isr_member {
	int32_t id;
	int64_t broker_epoch; /* BROKER_EPOCH_UNTOLD where it is not known */
};

enum isr_proposal { ISR_COMMITTED, ISR_EXPANDS, ISR_SHRINKS };

struct leading {
	int32_t node_id;
	int64_t lag_max_ms;   /* replica.lag.time.max.ms */
	int32_t leader_epoch; /* -1: none yet */
	int32_t partition_epoch;
	int64_t epoch_start; /* our log's end when the epoch began */
	int8_t recovery;     /* LeaderRecoveryState: what we hold it to be */
	struct follower *followers;
	int n_followers;
	int32_t *isr; /* as committed; this node among them */
	int n_isr;
	enum isr_proposal proposal;
	uint32_t serial;   /* of the proposal: its answer has the same */
	int32_t *proposed; /* the ISR as proposed; while there is a proposal */
	int n_proposed;
};

void leading_init(struct leading *l, int32_t node_id, int64_t lag_max_ms);
void leading_fini(struct leading *l);

/*
 * What the metadata says now of a partition that this node leads. False: it is older than what is known, and nothing changed. What is
 * newer settles a proposal that was under way; what was known already (it comes after its own answer) leaves the next one alone, which may
 * be committed any moment: there Kafka forgets it. `log_end` is this replica's, at this moment.
 */
bool leading_follow(struct leading *l, const struct image_partition *now, int64_t log_end, int64_t now_ms);

struct follower_fetch {
	int32_t id;
	int64_t broker_epoch; /* BROKER_EPOCH_UNTOLD: not told */
	bool has_leader_epoch;
	int64_t offset;
	int64_t log_start;
	int64_t log_end; /* ours, before the read */
	int64_t now_ms;
};

/* May it fetch? 0, ERR_UNKNOWN_LEADER_EPOCH or ERR_NOT_LEADER_OR_FOLLOWER: it is no replica that we know of. */
int leading_knows(const struct leading *l, const struct follower_fetch *f);
/* A fetch that was read: it has all below `offset`. 0, or ERR_NOT_LEADER_OR_FOLLOWER: of an earlier life of the broker. */
int leading_fetched(struct leading *l, const struct image *image, const struct follower_fetch *f);

struct isr_view {
	const struct image *image;
	int64_t log_end;
	int64_t high_watermark;
	int64_t now_ms;
	int32_t min_isr; /* min.insync.replicas */
};

/* How far all are that count; -1 when it must not move. What is lower than the present one does not move it either. */
int64_t leading_high_watermark(const struct leading *l, const struct isr_view *v);

/* After a fetch of `id`: does it come in? True: there is a proposal now. */
bool leading_expand(struct leading *l, const struct isr_view *v, int32_t id);
/* From time to time: who is behind for too long goes out. True: there is a proposal now. */
bool leading_shrink(struct leading *l, const struct isr_view *v);
/* The i-th member of what is proposed, for AlterPartition. `own_epoch` is this broker's. */
struct isr_member leading_proposed(const struct leading *l, int i, int64_t own_epoch);

enum isr_verdict {
	ISR_MOVED,   /* what is committed has changed: look at the high watermark */
	ISR_LEFT,    /* it stays as it is; the metadata will tell */
	ISR_AGAIN,   /* send the same once more */
	ISR_REFUSED, /* taken back: the controller said no, and that nothing else has changed */
};

struct isr_answer {
	int err; /* Kafka's, of the partition or of the whole request */
	int32_t leader_epoch;
	int32_t partition_epoch;
	const int32_t *isr;
	int n_isr;
	int8_t recovery;
};

/* The answer to the proposal `serial`. */
enum isr_verdict leading_answered(struct leading *l, uint32_t serial, const struct isr_answer *a);

/* min.insync.replicas, as far as there are replicas at all. */
int leading_min_isr(const struct leading *l, int32_t min_isr);
/* As the controller has committed it. */
bool leading_is_in_sync(const struct leading *l, int32_t id);
/* Those that count: the committed ISR, or the larger one that is proposed. */
int leading_maximal_isr(const struct leading *l);
bool leading_has_enough(const struct leading *l, int32_t min_isr);
/* How much the follower that is furthest behind lacks; all of it (log_end) of one that was never heard of. 0 without any. */
int64_t leading_lag(const struct leading *l, int64_t log_end);
/* The lowest log start among the replicas whose brokers live, ours included: what DeleteRecords waits for. */
int64_t leading_low_watermark(const struct leading *l, const struct image *image, int64_t log_start);

/* A consumer, and where it is. */
struct leading_reader {
	struct str rack;
	struct str listener; /* by which it came, and will go to another broker */
	int64_t offset;
};

/*
 * KIP-392, as Kafka's RackAwareReplicaSelector: of the replicas in sync that have this offset, and whose brokers are of the reader's rack and
 * reached by its listener, the one that is furthest. -1: this node is as near as any.
 */
int32_t leading_nearest(const struct leading *l, const struct image *image, const struct leading_reader *reader);

#endif
