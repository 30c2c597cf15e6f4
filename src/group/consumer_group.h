/*
 * consumer_group: a consumer group of KIP-848: the coordinator assigns, and members reconcile one
 * by one (ConsumerGroup of Kafka 4.4).
 *
 *	group epoch		counts the changes in what the members want
 *	assignment epoch	the group epoch for which the target assignment was made
 *	member epoch		the target that the member has reached
 *
 * 1. Everything except timers and what is marked soft is logged, and changed only by the apply
 *    functions (consumer_apply.c).
 * 2. A partition belongs to one member at a time: the one that has it among its assigned or
 *    revoking partitions. `owners` holds the member epoch since which it does; no other member is
 *    given a partition that is in it.
 * 3. A member is an entry with is_member set; an entry without it holds the target of a member that
 *    has not joined yet, or has left.
 * 4. A member's current state and its subscription are each one block of memory, replaced as a
 *    whole; a decision computes the next one as a value (struct consumer_view) and writes records
 *    for the differences.
 *
 *	consumer_group.c	the state		consumer_subscription.c	subscriptions
 *	consumer_apply.c	records to state	consumer_regex.c	patterns
 *	consumer_records.c	decisions to records	consumer_target.c	the assignment
 *	consumer_heartbeat.c	the command		consumer_reconcile.c	a member's next state
 *	consumer_leave.c	leaving, fencing	consumer_convert.c	to classic and back
 *	consumer_join.c		classic members		consumer_describe.c	what people see
 */
#ifndef ODRADEK_GROUP_CONSUMER_GROUP_H
#define ODRADEK_GROUP_CONSUMER_GROUP_H

#include "base/str_index.h"
#include "group/assign.h"
#include "group/internal.h"

struct consumer_group_member_metadata_value_classic_member_metadata;

enum consumer_member_state {
	CONSUMER_STABLE = 0,
	CONSUMER_UNREVOKED = 1,	 /* has partitions to give up */
	CONSUMER_UNRELEASED = 2, /* waits for partitions that other members have not given up */
	CONSUMER_UNKNOWN = 127,
};

enum { CONSUMER_LEAVE_EPOCH = -1, CONSUMER_STATIC_LEAVE_EPOCH = -2 };

/* A member, as in its records. Strings and sets are views. */
struct consumer_view {
	struct str id;
	struct str instance_id; /* null: dynamic */
	struct str rack_id;
	struct str client_id;
	struct str client_host;
	struct str *names; /* topics, without duplicates, in the order of a HashSet */
	int32_t n_names;
	struct str regex; /* empty or null: none */
	int32_t rebalance_timeout_ms;
	struct str assignor; /* null: no preference */
	/* NULL: uses the new protocol. */
	const struct consumer_group_member_metadata_value_classic_member_metadata *classic;

	int32_t epoch;
	int32_t previous_epoch;
	int8_t state;
	struct assign_set assigned; /* with epochs */
	struct assign_set revoking;
};

struct consumer_member {
	struct list link;	     /* in the group's list, by arrival */
	struct map_node node;	     /* in the group's map by id */
	struct map_node static_node; /* in the map by instance id, if it has one */
	struct consumer_group *group;
	bool is_member;
	bool has_target;
	bool is_static;		  /* static_node is in the map */
	bool is_leaving;	  /* soft: the request that is being read has named it already */
	struct consumer_view v;	  /* views of the blocks; id is always set */
	struct assign_set target; /* without epochs */
	void *subscription_block;
	void *current_block;
	void *target_block;

	struct group_timer session; /* soft */
	struct group_timer rebalance;
	struct group_timer join; /* a classic member must rejoin before this fires */
	struct group_timer sync; /* it must sync before this fires */
	int32_t rebalance_epoch; /* the epoch that must be left before the rebalance timer fires */
};

/* A subscribed topic, with the numbers of members subscribed by name and of patterns that match it. */
struct consumer_topic {
	struct map_node node;
	char *name;
	int32_t by_name;
	int32_t by_regex;
	uint64_t hash; /* soft: the topic's hash, as of the shard's topics_version */
	uint64_t hash_version;
};

struct consumer_regex {
	struct map_node node;
	char *pattern;
	int32_t n_members;
	bool is_resolved;
	char **topics;
	int32_t n_topics;
	int64_t version; /* version of the image it was resolved against */
	int64_t timestamp_ms;
};

/* A partition that a member has. */
struct consumer_owner {
	struct map_node node;
	struct uuid topic;
	int32_t partition;
	int32_t epoch;
};

struct consumer_assignor_count {
	struct str name; /* xmalloc'd */
	int32_t n;
};

struct consumer_group {
	struct group g;
	uint64_t seed;
	int32_t epoch;
	uint64_t metadata_hash;
	int32_t assignment_epoch;
	int64_t assignment_ms;	     /* wall clock: when the target was made; 0: unknown, or there is none */
	bool has_partition_metadata; /* the log contains a record of a version before 4.1 */

	struct list list; /* of consumer_member, including entries that are not members */
	struct map by_id;
	struct map by_instance;
	int32_t n_members;
	int32_t n_targets;
	int32_t n_classic;  /* members of the classic protocol */
	struct map topics;  /* of consumer_topic */
	struct map regexes; /* of consumer_regex: those that have a member or are resolved */
	int32_t n_subscribed_regexes;
	int32_t n_resolved_regexes;
	struct map owners;
	struct consumer_assignor_count *assignors; /* preferences of members, in the order of their first mention */
	int32_t n_assignors;

	/* Soft state. */
	uint64_t topics_seen; /* the shard's topics_version when the hash was last computed; 0: never */
	int32_t epoch_seen;   /* the group epoch that resulted */
	bool is_resolving;    /* a job is resolving the patterns */
};

extern const struct group_kind group_consumer;

static inline bool group_is_consumer(const struct group *g) { return g && g->kind == &group_consumer; }
static inline struct consumer_group *consumer_of(struct group *g) { return container_of(g, struct consumer_group, g); }

static inline bool consumer_has_regex(const struct consumer_view *v) { return v->regex.len > 0; }

/* ---- consumer_group.c ---- */

struct consumer_group *consumer_group_new(struct group_shard *s, struct str id);
void consumer_group_free(struct group_shard *s, struct group *g);
const char *consumer_group_state(const struct group *g);

/* NULL: none; finds members and other entries */
struct consumer_member *consumer_entry(const struct consumer_group *g, struct str id);
/* NULL when it is not a member. */
struct consumer_member *consumer_member(const struct consumer_group *g, struct str id);
struct consumer_member *consumer_static_member(const struct consumer_group *g, struct str instance_id);
/* Iterates over the members, by arrival; start with NULL. */
struct consumer_member *consumer_next(const struct consumer_group *g, const struct consumer_member *m);
#define consumer_each(it, g) for (struct consumer_member *it = consumer_next(g, NULL); it; it = consumer_next(g, it))

int32_t consumer_owner_epoch(const struct consumer_group *g, struct uuid topic, int32_t partition); /* -1: not owned */
struct consumer_topic *consumer_topic(const struct consumer_group *g, struct str name);		    /* NULL */
struct consumer_regex *consumer_regex(const struct consumer_group *g, struct str pattern);	    /* NULL */
int32_t consumer_regex_members(const struct consumer_group *g, struct str pattern);

/* For the apply functions: the member gets a copy of these values; entries are created as needed. */
struct consumer_member *consumer_entry_need(struct group_shard *s, struct consumer_group *g, struct str id);
void consumer_set_subscription(struct consumer_member *m, const struct consumer_view *v);
void consumer_set_current(struct consumer_member *m, const struct consumer_view *v);
void consumer_set_target(struct consumer_member *m, const struct assign_set *target); /* NULL: no target */
void consumer_remove(struct group_shard *s, struct consumer_member *m);		      /* it is no longer a member */
void consumer_set_regex(struct consumer_group *g, struct str pattern, const struct str *topics, int32_t n,
			int64_t version, int64_t timestamp_ms);
void consumer_unset_regex(struct consumer_group *g, struct str pattern);

/* A view with the values of a new member. */
struct consumer_view consumer_view_new(struct str id);
/* The names without duplicates, in the order of a HashSet; NULL when the arena's budget is spent. */
struct str *consumer_names(struct arena *a, const struct str *v, int32_t n, int32_t *n_out);
bool consumer_names_equal(const struct consumer_view *a, const struct consumer_view *b);
bool consumer_subscription_equal(const struct consumer_view *a, const struct consumer_view *b);
bool consumer_current_equal(const struct consumer_view *a, const struct consumer_view *b);
bool consumer_is_reconciled(const struct consumer_view *v, int32_t assignment_epoch);

/* ---- settings (consumer_settings.c): the group's own, otherwise the broker's ---- */

int32_t consumer_session_timeout_ms(const struct group_shard *s, const struct shard_step *step, struct str group);
int32_t consumer_heartbeat_interval_ms(const struct group_shard *s, const struct shard_step *step, struct str group);
int32_t consumer_assignment_interval_ms(const struct group_shard *s, const struct shard_step *step, struct str group);
struct str consumer_default_assignor(const struct group_shard *s);
bool consumer_may_upgrade(const struct group_shard *s);
bool consumer_may_downgrade(const struct group_shard *s);

/* ---- records (consumer_records.c) ---- */

void consumer_put_subscription(struct shard_step *step, struct str group, const struct consumer_view *v);
void consumer_put_current(struct shard_step *step, struct str group, const struct consumer_view *v);
void consumer_put_target(struct shard_step *step, struct str group, struct str member, const struct assign_set *target);
void consumer_put_epoch(struct shard_step *step, struct str group, int32_t epoch, uint64_t metadata_hash);
void consumer_put_target_epoch(struct shard_step *step, struct str group, int32_t epoch, int64_t wall_ms);
void consumer_put_regex(struct shard_step *step, struct str group, struct str pattern, struct str *topics, int32_t n,
			int64_t version, int64_t timestamp_ms);
void consumer_drop_member(struct shard_step *step, struct str group, struct str member);
void consumer_drop_regex(struct shard_step *step, struct str group, struct str pattern);
void consumer_drop_partition_metadata(struct shard_step *step, struct str group);
/*
 * Writes tombstones for the whole group. If earlier records of the step replaced member `gone` by
 * `came`, these are given; both null: none was replaced.
 */
void consumer_drop_group(const struct consumer_group *g, struct shard_step *step, struct str gone, struct str came);

group_apply_fn consumer_apply_group;
group_apply_fn consumer_apply_partition_metadata;
group_apply_fn consumer_apply_subscription;
group_apply_fn consumer_apply_target_epoch;
group_apply_fn consumer_apply_target;
group_apply_fn consumer_apply_current;
group_apply_fn consumer_apply_regex;

/* ---- decisions ---- */

/* A refusal with Kafka's message, which lives in the step's arena or is a literal. */
struct consumer_refusal {
	int err;
	struct str message;
};

/*
 * The working state of a decision about a group: the group as logged (one that does not exist yet
 * is an empty one of the decision's own, `is_made`), and one member, as it was and as it will be.
 */
struct consumer_decision {
	struct group_shard *s;
	struct shard_step *step;
	struct consumer_group *g;
	bool is_made;	  /* g is in no table: consumer_decision_end frees it */
	bool is_replaced; /* the member replaces a static one: its entry is created anew, even if its id is the same */
	const struct shard_asker *asker; /* NULL: may be told of everything */
	struct str id;			 /* of the group */
	struct consumer_view was;
	struct consumer_view is;
	int32_t epoch; /* of the group, including what was decided */
	bool homogeneous;
	int32_t target_epoch;
	struct assign_set target; /* of the member */
	struct consumer_refusal refusal;
};

bool consumer_refuse(struct consumer_decision *d, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Finds the group that members may join: an existing one, a new one, or a converted one; false: refused. */
bool consumer_decision_begin(struct consumer_decision *d, struct group_shard *s, struct shard_step *step, struct str id,
			     bool may_create);
void consumer_decision_end(struct consumer_decision *d);
/* Whether the group's maximum size permits this member. */
bool consumer_check_room(struct consumer_decision *d, struct str member_id, struct str instance_id);
/* The static member `old` is replaced by one with another id; d->was is then the old member. */
void consumer_replace(struct consumer_decision *d, const struct consumer_member *old, struct str id);

/* consumer_subscription.c */

struct consumer_wanted {
	struct str name;
	int32_t by_name;
	int32_t by_regex;
	struct consumer_topic *topic; /* the group's; NULL: it is new */
};

/* The topics of a group by name, with the changes of members and patterns that a decision will make. */
struct consumer_topics {
	struct arena *a;
	uint64_t version; /* the shard's topics_version */
	struct consumer_wanted *v;
	int32_t n;
	bool failed;
};

void consumer_topics_of(struct consumer_topics *t, const struct group_shard *s, const struct consumer_group *g,
			struct arena *a);
/*
 * Changes the counts of each name by this much, up or down. A request may contain any number of
 * names, so new ones are merged in all at once.
 */
void consumer_topics_add(struct consumer_topics *t, const struct str *names, int32_t n, int32_t by_name,
			 int32_t by_regex);
uint64_t consumer_topics_hash(struct consumer_topics *t, const struct image *image);
bool consumer_metadata_expired(const struct group_shard *s, const struct consumer_group *g);
/*
 * Computes the group epoch and the kind of subscription after the member's change, and writes the
 * epoch's record if it changes. False: out of memory.
 */
bool consumer_update_metadata(struct consumer_decision *d, bool bump);
/* Whether all members of the logged group are subscribed to the same topics. */
bool consumer_is_homogeneous(const struct consumer_group *g);
/* The names a view is subscribed to, including those its pattern matches, in the order of Kafka's set. */
struct str *consumer_subscribed(const struct consumer_group *g, const struct consumer_view *v, struct arena *a,
				int32_t *n);
/* The assignor that most members prefer once `was` has become `is` (either may be NULL), or the default. */
struct str consumer_preferred_assignor(const struct group_shard *s, const struct consumer_group *g,
				       const struct consumer_view *was, const struct consumer_view *is);

/*
 * Counts what classic members offer: of the names in x that all n members before have (their count
 * is n), those that this one has too get n + 1.
 */
void consumer_count_offers(struct str_index *x, const struct consumer_view *v, int n);

/* consumer_regex.c */

enum consumer_regex_change { CONSUMER_REGEX_SAME, CONSUMER_REGEX_NEW, CONSUMER_REGEX_RESOLVED };

/*
 * Checks the member's pattern, and whether the group's patterns must be resolved again, which a job
 * does. False: refused.
 */
bool consumer_update_regex(struct consumer_decision *d, enum consumer_regex_change *change);

/*
 * consumer_target.c: makes a new target if one is due; sets d->target and d->target_epoch in any
 * case. False: refused.
 */
bool consumer_update_target(struct consumer_decision *d);

/* consumer_reconcile.c */

/* What a member says it owns. A request may contain a lot, hence it is sorted. */
struct consumer_owned {
	struct assign_set set;
};

/* Sorts the topics, and copies of their partitions without duplicates. False: out of memory. */
bool consumer_owned_sort(struct consumer_owned *o, struct arena *a);
bool consumer_owned_has(const struct consumer_owned *o, struct uuid topic, int32_t partition);

struct consumer_reconcile {
	const struct consumer_group *g;
	const struct image *image;
	struct arena *arena;
	int32_t target_epoch;
	const struct assign_set *target;
	bool subscription_changed;
	const struct consumer_owned *owned; /* NULL: the member did not say */
};

/* Computes the member's next state in place. Returns 0, FENCED_MEMBER_EPOCH or -ENOMEM. */
int consumer_reconcile(const struct consumer_reconcile *r, struct consumer_view *v);
/* consumer_reconcile for the decision's member, including its record and timers. False: refused. */
bool consumer_maybe_reconcile(struct consumer_decision *d, bool subscription_changed,
			      const struct consumer_owned *owned);

/* consumer_leave.c */

/* Removes members: writes their records, or converts the group to a classic one. */
void consumer_fence(struct group_shard *s, struct consumer_group *g, struct consumer_member **v, int32_t n,
		    struct shard_step *step);
void consumer_start_session(struct group_shard *s, struct consumer_member *m, const struct shard_step *step);
/*
 * Once everything is written, starts the sessions of members that have none; member null: of the
 * whole group.
 */
void consumer_when_written(struct group_shard *s, struct shard_step *step, struct str group, struct str member);
void consumer_loaded(struct group_shard *s, struct group *g, struct shard_step *step);
group_timer_fn consumer_session_expired;
group_timer_fn consumer_rebalance_expired;
group_timer_fn consumer_join_expired;
group_timer_fn consumer_sync_expired;

/* consumer_join.c: classic members of a consumer group */

void consumer_classic_join(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);
void consumer_classic_sync(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);
void consumer_classic_heartbeat(struct group_shard *s, struct group *g, struct shard_command *c,
				struct shard_step *step);
void consumer_classic_leave(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step);
int32_t consumer_classic_session_ms(const struct consumer_view *v); /* -1: not a classic member */

/* consumer_convert.c */

/*
 * Turns a classic group's members into those of an empty consumer group, with the records of the
 * change. False: refused.
 */
bool consumer_from_classic(struct consumer_decision *d, struct group *classic);
/* Whether the group would consist of classic members only without this one, and may be downgraded. */
bool consumer_leaves_classic(const struct group_shard *s, const struct consumer_group *g,
			     const struct consumer_member *m);
/*
 * Without the members that leave (v, n), or with `joining` in place of the static member it
 * replaces. False: not permitted, or not all remaining members are classic ones.
 */
bool consumer_to_classic(struct group_shard *s, struct consumer_group *g, struct consumer_member **v, int32_t n,
			 const struct consumer_view *joining, bool rebalance, struct shard_step *step);

/* ---- commands (tables.c) ---- */

group_command_fn consumer_heartbeat_command;
group_command_fn consumer_describe_command;

/* The image has changed: groups check their topics again (group.c). */
void consumer_image(struct group_shard *s, const struct image *old, const struct image *now);

#endif
