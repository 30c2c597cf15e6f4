/*
 * following: what a follower does with its leader's answers: append, truncate, start anew, wait.
 * Kafka's AbstractFetcherThread, with truncation by Fetch answers (KIP-595's diverging epochs,
 * which Kafka's brokers have used among themselves since 2.7).
 *
 * 1. A follower fetches at its own end and names the epoch of its last record; a leader that does
 *    not have that record answers with the epoch and offset from which on the two logs differ.
 * 2. An answer counts only if epoch and offset of its question are still the follower's: the role
 *    may have changed meanwhile.
 * 3. The new leader and its followers learn of a change from the same log, but not at the same
 *    moment: a follower that asks too early asks again soon. Kafka's waits for its whole back-off,
 *    and acks=all with it.
 * 4. A log whose records have no epochs (formats 0 and 1) is truncated to its high watermark when
 *    it follows a new leader.
 *
 * Brain: no clock, no log. Times are monotonic milliseconds. Owner: the partition, under its lock.
 */
#ifndef ODRADEK_REPLICATION_FOLLOWING_H
#define ODRADEK_REPLICATION_FOLLOWING_H

#include <stdbool.h>
#include <stdint.h>

enum following_state {
	FOLLOWING_NOBODY, /* there is no leader */
	FOLLOWING,	  /* fetches */
	/* its end is out of the leader's range: asks where the leader's log ends and starts (ListOffsets) */
	FOLLOWING_LOST,
	/* stopped, because of the disk, a fault, or an epoch that is over; until there is a new epoch */
	FOLLOWING_FAILED,
};

struct following {
	enum following_state state;
	int32_t leader;
	int32_t leader_epoch;  /* -1: none yet */
	int64_t not_before_ms; /* waits until then */
	/* length of the last wait for a leader that did not know yet that it is one; 0: there was none */
	int64_t pause_ms;
	int64_t leader_end; /* while it is lost: where the leader's log ends; -1: that is asked first */
};

enum following_act {
	FOLLOW_NOTHING,
	FOLLOW_APPEND,	/* append what the answer contains; then take over its high watermark and log start */
	FOLLOW_CUT,	/* truncate the log to `offset` */
	FOLLOW_RESTART, /* drop the whole log; it begins anew at `offset` */
};

struct following_step {
	enum following_act act;
	int64_t offset;
};

/* The current state of this replica's log. */
struct following_view {
	int64_t end;
	int64_t high_watermark;
	int32_t last_epoch; /* -1: its records have none */
	int64_t now_ms;
	int64_t backoff_ms; /* replica.fetch.backoff.ms: the maximum */
};

void following_init(struct following *f);

/* What the metadata says: the leader and its epoch. An epoch that is not newer changes nothing. */
struct following_step following_follow(struct following *f, int32_t leader, int32_t leader_epoch,
				       const struct following_view *v);

/* Should it be part of the next Fetch or, when lost, of the next ListOffsets? */
bool following_is_due(const struct following *f, enum following_state what, int64_t now_ms);

/* One partition of a Fetch answer. */
struct following_answer {
	int32_t asked_epoch; /* leader epoch and offset of the question */
	int64_t asked_offset;
	int err;
	int32_t diverging_epoch; /* -1: it does not diverge */
	int64_t diverging_end;
	/*
	 * In our own log: the largest epoch up to diverging_epoch, and where it ends; epoch -1:
	 * there is none.
	 */
	int32_t own_epoch;
	int64_t own_end;
};

struct following_step following_answered(struct following *f, const struct following_answer *a,
					 const struct following_view *v);

/*
 * The answer to ListOffsets, asked in `asked_epoch`: where the leader's log ends, and then where it
 * starts; or the error, after which both are asked again.
 */
struct following_step following_found(struct following *f, int32_t asked_epoch, int err, int64_t offset,
				      const struct following_view *v);

/*
 * The step could not be carried out: the bytes were bad (it asks again later); or, for good, the
 * disk failed or an invariant was broken.
 */
void following_stumbled(struct following *f, bool for_good, const struct following_view *v);
/* The whole request failed. */
void following_unheard(struct following *f, const struct following_view *v);

#endif
