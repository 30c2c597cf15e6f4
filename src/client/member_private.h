/*
 * member_private: what the files of a member share.
 *
 *	member.c		life, the coordinator, leaving
 *	member_reconcile.c	from what it has to what it shall have: give up, read offsets, go on
 *	member_commit.c		offsets
 *	member_classic.c	joins and syncs; assigns, with the strategies of member_assign.c
 *	member_consumer.c	the one heartbeat of KIP-848
 *
 * FIND -> JOIN -> (leader of a classic group: COUNT partitions) -> (classic: SYNC) -> RECONCILE -> STABLE; and back when the coordinator
 * says so. `call` and `arena` are the step's.
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

/* Partitions of somebody's arena, sorted by topic and number. */
struct partitions_list {
	struct consumer_partition *v;
	int n;
};

/* What differs between the two protocols. The coordinator is known. */
struct member_protocol {
	void (*join)(struct member *m);
	void (*changed)(struct member *m); /* the subscription, of a stable member */
	void (*beat)(struct member *m);
	void (*reconciled)(struct member *m, bool gave_up); /* it has what it shall have */
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
	int32_t epoch;	     /* of the member; of a classic group its generation; -1: none */
	int32_t coordinator; /* -1: to be found */
	int8_t lane;	     /* of what is asked of it: a join waits for the others */
	struct str *topics;
	int n_topics;
	struct timer next; /* the next step, or the next heartbeat */
	struct call call;  /* of the step */
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
	struct partitions_list owed; /* given up, with what has been handed out of it, and not committed yet */
	struct arena owed_arena;
	bool is_owed_sent;		       /* by the commit that is under way */
	void (*then)(struct member *m);	       /* when nothing is owed any more */
	void (*committed)(void *arg, int err); /* of member_commit */
	/* Reconciling: in the arena of the step. */
	struct partitions_list target;
	bool gave_up;
	void (*left)(void *arg);
	/* Of the classic protocol. */
	char *strategy; /* that the group has chosen */
	bool cooperative;
	const struct join_group_response *joined; /* in the arena, until the assignment is sent */
	/* Of KIP-848. */
	struct topic_name *names; /* topics that have been assigned */
	int n_names;
	bool tell_topics; /* with the next heartbeat */
	bool tell_owned;
	struct arena wanted_arena;
	const struct consumer_group_heartbeat_response
		*wanted; /* in it: the newest assignment; NULL: it has been carried out */
	bool is_newer;	 /* than the one that is being carried out */
	int32_t interval_ms;
	struct timer beat_timer;
};

/* member.c */
void member_later(struct member *m, enum step step); /* after a little while */
void member_ask(struct member *m, int key, int version_max, int32_t node, const void *request,
		void (*done)(struct call *));
/* A heartbeat; the request is in beat_arena. There is one at a time: `beating` until its done(), which asks for what became of it. */
void member_beat_begin(struct member *m, int16_t key, const void *request, void (*done)(struct call *));
int member_beat_end(struct member *m);
void member_give_up(struct member *m, int err);
void member_no_memory(struct member *m); /* what a coordinator has sent does not fit: nothing more is done with it */
/* An error that is none of the protocol's own: find the coordinator again, or give up. */
void member_trouble(struct member *m, int err);
void member_lost(struct member *m); /* the partitions are others' already: nothing is committed */

/* member_consumer.c */
void member_on_beat_time(struct timer *t);

/* member_reconcile.c: v is the step's arena's. */
void member_reconcile(struct member *m, struct consumer_partition *v, int n);
void member_reconcile_again(struct member *m); /* after an error that passes */
/* Gives up everything, and when that is committed goes on with `then`. */
void member_give_up_all(struct member *m, void (*then)(struct member *m));
/* What the consumer has, with its positions and topics. NULL in v: no memory. */
struct partitions_list member_owned(struct member *m, struct arena *a);

/* member_commit.c */
void member_commit_then(struct member *m, void (*then)(struct member *m));    /* may call it at once */
void member_owe(struct member *m, const struct consumer_partition *v, int n); /* copied */
void member_commit_periodically(struct member *m);
void member_commit_free(struct member *m);
void member_commit_init(struct member *m);

#endif
