/*
 * following: what a follower does with what its leader says: append, cut, start anew, wait. Kafka's AbstractFetcherThread, with the
 * truncation that comes with a Fetch answer (KIP-595's diverging epochs, which Kafka's brokers use among themselves since 2.7).
 *
 * 1. A follower fetches at its own end and tells the epoch of its last record; a leader that does not have that record answers with the
 *    epoch and offset from which on the two logs differ.
 * 2. An answer counts only if epoch and offset of its question are still the follower's: the role may have changed meanwhile.
 * 3. Who is to lead hears of it from the same log as who is to follow, a little earlier or later: a follower that comes too early asks again
 *    soon. Kafka's waits for its whole back-off, and acks=all with it.
 * 4. A log whose records have no epochs (formats 0 and 1) is cut to its high watermark when a new leader is followed.
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
	FOLLOWING_LOST, /* its end is out of the leader's range: asks where the leader's log ends and starts (ListOffsets) */
	FOLLOWING_FAILED, /* stopped: by the disk, by a fault, or as an epoch that is over; until there is a new one */
};

struct following {
	enum following_state state;
	int32_t leader;
	int32_t leader_epoch;  /* -1: none yet */
	int64_t not_before_ms; /* it waits until then */
	int64_t pause_ms; /* how long it waited last for a leader that does not know yet that it is one; 0: it has not */
};

enum following_act {
	FOLLOW_NOTHING,
	FOLLOW_APPEND,	/* what the answer has; then its high watermark and log start */
	FOLLOW_CUT,	/* the log to `offset` */
	FOLLOW_RESTART, /* the whole log goes; it begins anew at `offset` */
};

struct following_step {
	enum following_act act;
	int64_t offset;
};

/* Of this replica's log, now. */
struct following_view {
	int64_t end;
	int64_t high_watermark;
	int32_t last_epoch; /* -1: its records have none */
	int64_t now_ms;
	int64_t backoff_ms; /* replica.fetch.backoff.ms: at most */
};

void following_init(struct following *f);

/* What the metadata says: who leads, in which epoch. An epoch that is not newer changes nothing. */
struct following_step following_follow(struct following *f, int32_t leader, int32_t leader_epoch,
				       const struct following_view *v);

/* Is it to be part of the next Fetch, or, when lost, of the next ListOffsets? */
bool following_is_due(const struct following *f, enum following_state what, int64_t now_ms);

/* A partition of a Fetch answer. */
struct following_answer {
	int32_t asked_epoch; /* leader epoch and offset of the question */
	int64_t asked_offset;
	int err;
	int32_t diverging_epoch; /* -1: it does not diverge */
	int64_t diverging_end;
	/* Of our own log: the largest epoch up to diverging_epoch, and where it ends; epoch -1: there is none. */
	int32_t own_epoch;
	int64_t own_end;
};

struct following_step following_answered(struct following *f, const struct following_answer *a,
					 const struct following_view *v);

/* Where the leader's log ends and starts, asked in `asked_epoch`; or why it did not say. */
struct following_step following_found(struct following *f, int32_t asked_epoch, int err, int64_t leader_start,
				      int64_t leader_end, const struct following_view *v);

/* What was to be done could not be done: the bytes were bad (it asks again later), or the disk, or a promise was broken. */
void following_stumbled(struct following *f, bool for_good, const struct following_view *v);
/* The whole request came to nothing. */
void following_unheard(struct following *f, const struct following_view *v);

#endif
