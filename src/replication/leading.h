/*
 * leading: what the leader of a partition knows of its followers, and what follows from it: how far
 * all of them have come (the high watermark), and which belong to the in-sync replicas (ISR).
 * KIP-392, KIP-497, KIP-841, KIP-903, KIP-966; Kafka's Partition and Replica.
 *
 * 1. Only the controller changes the ISR. A leader proposes changes (AlterPartition), one at a
 *    time, and until the answer uses the larger of the two sets: a replica that is on its way in
 *    counts already, one that is on its way out still does.
 * 2. A follower's fetch offset is what it has; nothing else moves its end. A fetch from an earlier
 *    life of the broker (a lower broker epoch than the registered one) moves nothing.
 * 3. A follower may join when it has everything that is committed, and the beginning of this
 *    leader's epoch: before that there may be committed records that it lacks. It must be
 *    registered, unfenced, not shutting down, and the same incarnation of the broker as the one
 *    that fetches.
 * 4. The high watermark does not move while the ISR is smaller than min.insync.replicas, and waits
 *    for a follower that has caught up and may join but has not joined yet.
 *
 * Brain: no clock, no log. All times are monotonic milliseconds. Owner: the partition, under its
 * lock. A partition without other replicas needs none of this.
 */
#ifndef ODRADEK_REPLICATION_LEADING_H
#define ODRADEK_REPLICATION_LEADING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "metadata/image.h"

/* The broker epoch of a fetch that did not give one, and of a replica that never fetched. */
enum { BROKER_EPOCH_UNTOLD = -1, BROKER_EPOCH_UNHEARD = -2 };

struct follower {
	int32_t id;
	int64_t broker_epoch; /* from its last fetch */
	int64_t log_start;    /* -1: not known */
	int64_t log_end;      /* -1: not known */
	int64_t fetch_ms;     /* time of its last fetch */
	int64_t leader_end;   /* our log end at that fetch; -1 */
	int64_t caught_up_ms; /* when it last had everything */
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
	int8_t recovery;     /* LeaderRecoveryState, as far as we know */
	struct follower *followers;
	int n_followers;
	int32_t *isr; /* as committed; includes this node */
	int n_isr;
	enum isr_proposal proposal;
	uint32_t serial;   /* of the proposal: its answer has the same */
	int32_t *proposed; /* the proposed ISR, while there is a proposal */
	int n_proposed;
};

void leading_init(struct leading *l, int32_t node_id, int64_t lag_max_ms);
void leading_fini(struct leading *l);

/*
 * Takes in the current metadata of a partition that this node leads. False: it is older than what
 * is known, and nothing changed. Newer metadata settles a proposal under way. Metadata that is
 * already known (it arrives after its own answer) leaves the next proposal alone, which may be
 * committed at any moment; Kafka forgets it then. `log_end` is this replica's, at this moment.
 */
bool leading_follow(struct leading *l, const struct image_partition *now, int64_t log_end, int64_t now_ms);

struct follower_fetch {
	int32_t id;
	int64_t broker_epoch; /* BROKER_EPOCH_UNTOLD: not given */
	bool has_leader_epoch;
	int64_t offset;
	int64_t log_start;
	int64_t log_end; /* ours, before the read */
	int64_t now_ms;
};

/*
 * May it fetch? 0, ERR_UNKNOWN_LEADER_EPOCH or ERR_NOT_LEADER_OR_FOLLOWER: it is not a replica that
 * we know of.
 */
int leading_knows(const struct leading *l, const struct follower_fetch *f);
/*
 * Notes a fetch: the follower has everything below `offset`. 0, or ERR_NOT_LEADER_OR_FOLLOWER: from
 * an earlier life of the broker.
 */
int leading_fetched(struct leading *l, const struct image *image, const struct follower_fetch *f);

/*
 * A follower in sync that has everything, and has asked for no more than to be told of what is new,
 * was heard of at this time.
 */
void leading_heard(struct leading *l, int32_t id, int64_t heard_ms);

struct isr_view {
	const struct image *image;
	int64_t log_end;
	int64_t high_watermark;
	int64_t now_ms;
	int32_t min_isr; /* min.insync.replicas */
};

/*
 * How far all replicas that count have come; -1 when the high watermark must not move. A result
 * below the present one does not move it either.
 */
int64_t leading_high_watermark(const struct leading *l, const struct isr_view *v);

/* After a fetch by `id`: should it join the ISR? True: there is now a proposal. */
bool leading_expand(struct leading *l, const struct isr_view *v, int32_t id);
/*
 * To be called from time to time: removes those that have been behind for too long. True: there is
 * now a proposal.
 */
bool leading_shrink(struct leading *l, const struct isr_view *v);
/* The i-th member of the proposed ISR, for AlterPartition. `own_epoch` is this broker's. */
struct isr_member leading_proposed(const struct leading *l, int i, int64_t own_epoch);

enum isr_verdict {
	ISR_MOVED,   /* the committed state has changed: look at the high watermark */
	ISR_LEFT,    /* the outcome is unknown until the next metadata update */
	ISR_AGAIN,   /* send the same once more */
	ISR_REFUSED, /* withdrawn: the controller refused it, and nothing else has changed */
};

struct isr_answer {
	int err; /* Kafka's, for the partition or for the whole request */
	int32_t leader_epoch;
	int32_t partition_epoch;
	const int32_t *isr;
	int n_isr;
	int8_t recovery;
};

/* Takes in the answer to the proposal `serial`. */
enum isr_verdict leading_answered(struct leading *l, uint32_t serial, const struct isr_answer *a);

/* min.insync.replicas, but at most the number of replicas. */
int leading_min_isr(const struct leading *l, int32_t min_isr);
/* According to the ISR committed by the controller. */
bool leading_is_in_sync(const struct leading *l, int32_t id);
/* The size of the set that counts: the committed ISR, or the larger one that is proposed. */
int leading_maximal_isr(const struct leading *l);
bool leading_has_enough(const struct leading *l, int32_t min_isr);
/*
 * How many records the follower that is furthest behind lacks; all of them (log_end) if one was
 * never heard from. 0 without followers.
 */
int64_t leading_lag(const struct leading *l, int64_t log_end);
/* The lowest log start among the replicas on live brokers, ours included: what DeleteRecords waits for. */
int64_t leading_low_watermark(const struct leading *l, const struct image *image, int64_t log_start);

/* A consumer, and its position. */
struct leading_reader {
	struct str rack;
	struct str listener; /* the listener it uses, here and on another broker */
	int64_t offset;
};

/*
 * KIP-392, as Kafka's RackAwareReplicaSelector: among the in-sync replicas that have this offset,
 * and whose brokers are in the reader's rack and on its listener, the one with the highest end. -1:
 * this node is as near as any.
 */
int32_t leading_nearest(const struct leading *l, const struct image *image, const struct leading_reader *reader);

#endif
