/*
 * member_private: what the files of a member share.
 *
 *	member.c		its life, the coordinator, leaving
 *	member_reconcile.c	from the current to the target assignment: give up, read offsets, go on
 *	member_commit.c		offsets
 *	member_classic.c	joins and syncs; assigns, with the strategies of member_assign.c
 *	member_consumer.c	the single heartbeat request of KIP-848
 *
 * FIND -> JOIN -> (leader of a classic group: COUNT partitions) -> (classic: SYNC) -> RECONCILE ->
 * STABLE; and back when the coordinator says so. `call` and `arena` belong to the current step.
 */
#ifndef ODRADEK_CLIENT_MEMBER_PRIVATE_H
#define ODRADEK_CLIENT_MEMBER_PRIVATE_H

#include "base/uuid.h"
#include "client/member.h"

enum { MEMBER_ARENA_MAX = 64 << 20, MEMBER_RETRY_MS = 100 };

enum step {
	STEP_IDLE,
	STEP_FIND,
	STEP_JOIN,
	STEP_COUNT,
	STEP_SYNC,
	STEP_RECONCILE,
	STEP_STABLE,
	STEP_LEAVE,
	STEP_GONE
};

/* Partitions in an arena, sorted by topic and number. */
struct partitions_list {
	struct consumer_partition *v;
	int n;
};

/* What differs between the two protocols. The coordinator is known when these are called. */
struct member_protocol {
	void (*join)(struct member *m);
	void (*changed)(struct member *m); /* the subscription of a stable member has changed */
	void (*beat)(struct member *m);
	void (*reconciled)(struct member *m, bool gave_up); /* the target assignment has been reached */
	void (*leave)(struct member *m, void (*done)(struct call *));
};
extern const struct member_protocol member_classic, member_consumer;

struct topic_name {
	struct uuid id;
	char *name;
};

struct member {
	struct client *client;
	struct consumer *consumer;
	struct loop *loop;
	struct member_options options;
	const struct member_protocol *protocol;
	enum step step;
	char *group, *instance_id, *id, *rack, *assignor;
	int32_t epoch;	     /* the member epoch; in a classic group, its generation; -1: none */
	int32_t coordinator; /* -1: not known yet */
	int8_t lane;	     /* for its requests: a join waits for the other members */
	struct str *topics;
	int n_topics;
	struct timer next; /* starts the next step, or the next heartbeat */
	struct call call;  /* the call of the step */
	struct arena arena;
	bool asking;
	void (*answered)(struct call *);
	struct call beat;
	struct arena beat_arena;
	bool beating;
	/* Commits. */
	struct timer commit_timer;
	struct call commit;
	struct arena commit_arena;
	bool committing;
	int commit_tries;
	struct partitions_list owed; /* partitions given up, with the offsets reached in them, not committed yet */
	struct arena owed_arena;
	bool is_owed_sent;		       /* the commit under way includes them */
	void (*then)(struct member *m);	       /* runs when nothing is owed any more */
	void (*committed)(void *arg, int err); /* callback of member_commit */
	/* Reconciliation; in the arena of the step. */
	struct partitions_list target;
	bool gave_up;
	void (*left)(void *arg);
	/* The classic protocol. */
	char *strategy; /* the one chosen by the group */
	bool cooperative;
	const struct join_group_response *joined; /* in the arena, until the assignment has been sent */
	/* The protocol of KIP-848. */
	struct topic_name *names; /* topics that have been assigned */
	int n_names;
	bool tell_topics; /* send the topics with the next heartbeat */
	bool tell_owned;
	struct arena wanted_arena;
	/* The newest assignment, in wanted_arena; NULL: it has been carried out. */
	const struct consumer_group_heartbeat_response *wanted;
	bool is_newer; /* newer than the one being carried out */
	int32_t interval_ms;
	struct timer beat_timer;
};

/* member.c */
void member_later(struct member *m, enum step step); /* after a short pause */
void member_ask(struct member *m, int key, int version_max, int32_t node, const void *request,
		void (*done)(struct call *));
/*
 * Sends a heartbeat; the request is in beat_arena. There is one at a time: `beating` stays set
 * until its done(), which calls member_beat_end for the result.
 */
void member_beat_begin(struct member *m, int16_t key, const void *request, void (*done)(struct call *));
int member_beat_end(struct member *m);
void member_give_up(struct member *m, int err);
/* what a coordinator sent does not fit into memory: the member does nothing more with it */
void member_no_memory(struct member *m);
/* For an error that the protocol does not define: finds the coordinator again, or gives up. */
void member_trouble(struct member *m, int err);
void member_lost(struct member *m); /* other members have the partitions already: nothing is committed */

/* member_consumer.c */
void member_on_beat_time(struct timer *t);

/* member_reconcile.c: v is in the step's arena. */
void member_reconcile(struct member *m, struct consumer_partition *v, int n);
void member_reconcile_again(struct member *m); /* after a transient error */
/* Gives up everything and, once that is committed, continues with `then`. */
void member_give_up_all(struct member *m, void (*then)(struct member *m));
/* What the consumer has, with positions and topics. NULL in v: out of memory. */
struct partitions_list member_owned(struct member *m, struct arena *a);

/* member_commit.c */
void member_commit_then(struct member *m, void (*then)(struct member *m));    /* may call `then` at once */
void member_owe(struct member *m, const struct consumer_partition *v, int n); /* copies the partitions */
void member_commit_periodically(struct member *m);
void member_commit_free(struct member *m);
void member_commit_init(struct member *m);

#endif
