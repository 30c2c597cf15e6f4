/*
 * consumer_convert: a classic group becomes a consumer group when a member of the new protocol
 * joins it, and a classic one again when the last such member has left
 * (group.consumer.migration.policy).
 *
 * Both changes are records: tombstones of the one group, then all of the other; applying them makes
 * the change. Members keep their ids, their partitions and, as the generation, their epoch.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "group/classic.h"
#include "group/consumer_embedded.h"
#include "group/consumer_group.h"
#include "metadata/image.h"
#include "protocol/group_records.h"

typedef struct consumer_group_member_metadata_value_classic_member_metadata classic_metadata_value;
typedef struct consumer_group_member_metadata_value_classic_protocol classic_protocol_value;

/* ---- from classic ---- */

static bool may_upgrade(struct consumer_decision *d, const struct classic_group *g)
{
	const char *why = NULL;

	if (!consumer_may_upgrade(d->s))
		why = "online upgrade is disabled";
	else if (!g->protocol_type || strcmp(g->protocol_type, "consumer") != 0)
		why = "the group does not use the consumer embedded protocol";
	else if (g->n_members > group_setting(d->s, CONFIG_GROUP_CONSUMER_MAX_SIZE))
		why = "the group size exceeds the consumer group maximum size";
	else if (!g->protocol)
		return consumer_refuse(d, ERR_UNKNOWN_SERVER_ERROR, "No value present");
	return !why ||
	       consumer_refuse(d, ERR_GROUP_ID_NOT_FOUND,
			       "Cannot upgrade classic group %.*s to consumer group because %s.", STR_ARG(d->id), why);
}

static bool refuse_malformed(struct consumer_decision *d)
{
	return consumer_refuse(
		d, ERR_GROUP_ID_NOT_FOUND,
		"Cannot upgrade classic group %.*s to consumer group because the embedded consumer protocol is "
		"malformed.",
		STR_ARG(d->id));
}

/*
 * Adds a topic of the last assignment, without duplicates; false: out of memory, or another member
 * has one of its partitions.
 */
static bool take_topic(struct consumer_decision *d, struct assign_topic *to, int32_t epoch)
{
	struct consumer_owned one = {{1, to}};

	if (!consumer_owned_sort(&one, d->step->arena))
		return consumer_refuse(d, -ENOMEM, "out of memory");
	to->epochs = arena_array(d->step->arena, (size_t)to->n + 1, sizeof(*to->epochs));
	if (!to->epochs)
		return consumer_refuse(d, -ENOMEM, "out of memory");
	for (int32_t i = 0; i < to->n; i++) {
		to->epochs[i] = epoch;
		if (to->partitions[i] < 0 || consumer_owner_epoch(d->g, to->id, to->partitions[i]) != -1)
			return consumer_refuse(d, ERR_UNKNOWN_SERVER_ERROR, "a partition is assigned to two members");
	}
	return true;
}

/* The partitions of the last assignment; topics that no longer exist are left out. */
static bool assigned_of(struct consumer_decision *d, const struct classic_member *m, int32_t epoch,
			struct assign_set *out)
{
	struct consumer_protocol_assignment assignment;

	*out = (struct assign_set){0};
	if (m->assignment.len == 0)
		return true;
	if (!consumer_read_assignment(d->step->arena, m->assignment, &assignment))
		return refuse_malformed(d);
	if (assignment.user_data.len > 0)
		return consumer_refuse(
			d, ERR_GROUP_ID_NOT_FOUND,
			"Cannot upgrade classic group %.*s to consumer group because an unsupported custom assignor is in "
			"use. Please refer to the documentation or switch to a default assignor before re-attempting the "
			"upgrade.",
			STR_ARG(d->id));
	out->v = arena_array(d->step->arena, (size_t)assignment.assigned_partitions.n + 1, sizeof(*out->v));
	for (int32_t i = 0; out->v && i < assignment.assigned_partitions.n; i++) {
		const struct consumer_protocol_assignment_topic_partition *from = &assignment.assigned_partitions.v[i];
		const struct image_topic *t = image_topic_by_name(d->step->image, from->topic);

		if (!t || from->partitions.n == 0 || assign_set_find(out, t->id))
			continue;
		out->v[out->n] = (struct assign_topic){t->id, from->partitions.n, from->partitions.v, NULL};
		if (!take_topic(d, &out->v[out->n++], epoch))
			return false;
	}
	order_current(out);
	return out->v || consumer_refuse(d, -ENOMEM, "out of memory");
}

static const classic_metadata_value *protocols_of(struct arena *a, const struct classic_member *m)
{
	classic_metadata_value *value = arena_zalloc(a, sizeof(*value));
	classic_protocol_value *v = arena_array(a, (size_t)m->protocols.n + 1, sizeof(*v));

	if (!value || !v)
		return NULL;
	for (int i = 0; i < m->protocols.n; i++)
		v[i] = (classic_protocol_value){str_of(m->protocols.v[i].name), m->protocols.v[i].metadata};
	value->session_timeout_ms = m->session_timeout_ms;
	value->supported_protocols.v = v;
	value->supported_protocols.n = m->protocols.n;
	return value;
}

static bool take_member(struct consumer_decision *d, const struct classic_group *g, const struct classic_member *m)
{
	struct consumer_view v = consumer_view_new(str_of(m->id));
	struct consumer_protocol_subscription s;
	struct consumer_member *to;

	if (!consumer_read_subscription(d->step->arena, classic_metadata(m, g->protocol), &s))
		return refuse_malformed(d);
	if (!assigned_of(d, m, g->generation, &v.assigned))
		return false;
	v.epoch = v.previous_epoch = g->generation;
	v.instance_id = str_of(m->instance_id);
	v.rack_id = s.rack_id.len > 0 ? s.rack_id : STR_NULL;
	v.rebalance_timeout_ms = m->rebalance_timeout_ms;
	v.client_id = str_of(m->client_id);
	v.client_host = str_of(m->client_host);
	v.names = consumer_names(d->step->arena, s.topics.v, s.topics.n, &v.n_names);
	v.classic = protocols_of(d->step->arena, m);
	if (!v.names || !v.classic)
		return consumer_refuse(d, -ENOMEM, "out of memory");
	to = consumer_entry_need(d->s, d->g, v.id);
	consumer_set_subscription(to, &v);
	consumer_set_current(to, &v);
	consumer_set_target(to, &v.assigned);
	return true;
}

static void put_group(struct consumer_decision *d)
{
	struct consumer_group *g = d->g;

	consumer_each(m, g) consumer_put_subscription(d->step, d->id, &m->v);
	consumer_put_epoch(d->step, d->id, g->epoch, g->metadata_hash);
	consumer_each(m, g) consumer_put_target(d->step, d->id, m->v.id, &m->target);
	consumer_put_target_epoch(d->step, d->id, g->assignment_epoch, 0);
	consumer_each(m, g) consumer_put_current(d->step, d->id, &m->v);
}

bool consumer_from_classic(struct consumer_decision *d, struct group *group)
{
	struct classic_group *from = classic_of(group);
	struct consumer_topics topics;

	if (!may_upgrade(d, from))
		return false;
	list_each(l, &from->members)
	{
		if (!take_member(d, from, container_of(l, struct classic_member, link)))
			return false;
	}
	d->g->epoch = d->g->assignment_epoch = from->generation;
	consumer_topics_of(&topics, d->s, d->g, d->step->arena);
	d->g->metadata_hash = consumer_topics_hash(&topics, d->step->image);
	list_each(l, &from->members)
	{
		struct classic_member *m = container_of(l, struct classic_member, link);

		classic_refuse_join(m, d->step, str_of(m->id), ERR_REBALANCE_IN_PROGRESS);
		classic_refuse_sync(m, d->step, ERR_REBALANCE_IN_PROGRESS);
	}
	group->kind->put_tombstones(d->s, group, d->step);
	put_group(d);
	return !topics.failed || consumer_refuse(d, -ENOMEM, "out of memory");
}

/* ---- to classic ---- */

/* A member of the future group: what it offers, and the target that becomes its assignment. */
struct downgraded {
	const struct consumer_view *v;
	const struct assign_set *target;
};

struct downgrade {
	struct consumer_group *g;
	struct downgraded *v;
	int32_t n;
	struct str protocol;
};

static bool leaves(struct consumer_member **v, int32_t n, const struct consumer_member *m)
{
	for (int32_t i = 0; i < n; i++) {
		if (v[i] == m)
			return true;
	}
	return false;
}

/* Whether all remaining members are classic ones, and the change is permitted. */
static bool may_downgrade(const struct group_shard *s, const struct consumer_group *g, int32_t n_staying,
			  int32_t n_classic_staying)
{
	return n_staying > 0 && n_staying == n_classic_staying && consumer_may_downgrade(s) &&
	       n_staying <= group_setting(s, CONFIG_GROUP_MAX_SIZE);
}

static const classic_protocol_value *offer(const struct consumer_view *v, struct str name)
{
	for (int32_t i = 0; i < v->classic->supported_protocols.n; i++) {
		if (str_eq(v->classic->supported_protocols.v[i].name, name))
			return &v->classic->supported_protocols.v[i];
	}
	return NULL;
}

/* Votes for the first of its protocols that all n members have. */
static void vote_of(const struct consumer_view *v, int n, struct str_index *offered, struct str_index *votes)
{
	for (int32_t i = 0; i < v->classic->supported_protocols.n; i++) {
		struct str name = v->classic->supported_protocols.v[i].name;
		int *number;

		if (str_index_get(offered, name) != n)
			continue;
		number = str_index_at(votes, name);
		*number = *number < 0 ? 1 : *number + 1;
		return;
	}
}

/*
 * The protocol that most members prefer among those that all have; among equals the first one of
 * the first member. Null: none.
 */
static struct str vote(const struct downgrade *d)
{
	const classic_metadata_value *first = d->v[0].v->classic;
	struct str_index offered, votes;
	struct str best = STR_NULL;
	int n_best = 0;

	str_index_init(&offered, d->g->seed + 8);
	str_index_init(&votes, d->g->seed + 8);
	for (int32_t i = 0; i < first->supported_protocols.n; i++)
		*str_index_at(&offered, first->supported_protocols.v[i].name) = 0;
	for (int32_t i = 0; i < d->n; i++)
		consumer_count_offers(&offered, d->v[i].v, i);
	for (int32_t i = 0; i < d->n; i++)
		vote_of(d->v[i].v, d->n, &offered, &votes);
	for (int32_t i = 0; i < first->supported_protocols.n; i++) {
		struct str name = first->supported_protocols.v[i].name;
		int n = *str_index_at(&votes, name);

		if (n > n_best) {
			best = name;
			n_best = n;
		}
	}
	str_index_fini(&offered);
	str_index_fini(&votes);
	return best;
}

static void put_classic(const struct downgrade *d, struct shard_step *step)
{
	struct group_metadata_key key = {group_id(&d->g->g)};
	struct group_metadata_value value = {
		.protocol_type = STR("consumer"),
		.generation = d->g->epoch,
		.protocol = d->protocol,
		.leader = d->v[0].v->id,
		.current_state_timestamp = step->wall_ms,
	};
	struct group_metadata_value_member *v = arena_array(step->arena, (size_t)d->n, sizeof(*v));

	step->failed |= v == NULL;
	for (int32_t i = 0; v && i < d->n; i++) {
		const struct consumer_view *m = d->v[i].v;
		struct bytes metadata = offer(m, d->protocol)->metadata;

		v[i] = (struct group_metadata_value_member){
			.member_id = m->id,
			.group_instance_id = m->instance_id,
			.client_id = m->client_id,
			.client_host = m->client_host,
			.rebalance_timeout = m->rebalance_timeout_ms,
			.session_timeout = m->classic->session_timeout_ms,
			.subscription = metadata,
			.assignment = consumer_write_assignment(step->arena, step->image, d->v[i].target, metadata),
		};
		step->failed |= v[i].assignment.p == NULL;
	}
	value.members.v = v;
	value.members.n = d->n;
	if (!step->failed)
		GROUP_PUT(step, group_metadata, &key, 3, &value);
}

struct downgraded_write {
	char *group;
	bool rebalance;
};

/* The group is a classic one now: sessions start, and its members are asked to rejoin. */
static void downgraded(void *state, struct shard_step *step, void *arg, int err)
{
	struct group_shard *s = state;
	struct downgraded_write *w = arg;
	struct group *group = group_find(s, str_of(w->group));

	(void)err; /* what is in the state counts, whatever became of the write */
	if (group && group_is_classic(group)) {
		struct classic_group *g = classic_of(group);

		list_each(l, &g->members)
		{
			struct classic_member *m = container_of(l, struct classic_member, link);

			if (!group_timer_is_running(&m->session))
				classic_start_session(s, m, step->now_ms, m->session_timeout_ms);
		}
		if (w->rebalance && g->state == CLASSIC_STABLE)
			classic_prepare(s, g, step);
	} else if (group_is_consumer(group)) {
		/*
		 * The records were refused: the leaving members are still members, and their
		 * sessions run again.
		 */
		consumer_loaded(s, group, step);
	}
	xfree(w->group);
	xfree(w);
}

static void list_staying(struct downgrade *d, struct consumer_member **v, int32_t n,
			 const struct consumer_view *joining)
{
	consumer_each(m, d->g)
	{
		if (!leaves(v, n, m) && !(joining && str_eq(joining->instance_id, m->v.instance_id)))
			d->v[d->n++] = (struct downgraded){&m->v, &m->target};
	}
	if (joining)
		d->v[d->n++] =
			(struct downgraded){joining, &consumer_static_member(d->g, joining->instance_id)->target};
}

static bool convert(struct consumer_group *g, struct consumer_member **v, int32_t n,
		    const struct consumer_view *joining, bool rebalance, struct shard_step *step)
{
	struct downgrade d = {.g = g};
	struct downgraded_write *w;

	d.v = arena_array(step->arena, (size_t)g->n_members + 1, sizeof(*d.v));
	if (!d.v) {
		step->failed = true;
		return true;
	}
	list_staying(&d, v, n, joining);
	d.protocol = vote(&d);
	if (str_is_null(d.protocol))
		return false;
	consumer_drop_group(g, step, joining ? consumer_static_member(g, joining->instance_id)->v.id : STR_NULL,
			    joining ? joining->id : STR_NULL);
	put_classic(&d, step);
	w = xcalloc(1, sizeof(*w));
	w->group = str_dup(group_id(&g->g));
	w->rebalance = rebalance;
	shard_written(step, downgraded, w);
	return true;
}

bool consumer_leaves_classic(const struct group_shard *s, const struct consumer_group *g,
			     const struct consumer_member *m)
{
	return !m->v.classic && consumer_may_downgrade(s) && g->n_classic == g->n_members - 1 &&
	       g->n_members <= group_setting(s, CONFIG_GROUP_MAX_SIZE);
}

bool consumer_to_classic(struct group_shard *s, struct consumer_group *g, struct consumer_member **v, int32_t n,
			 const struct consumer_view *joining, bool rebalance, struct shard_step *step)
{
	int32_t n_classic = g->n_classic;

	for (int32_t i = 0; i < n; i++)
		n_classic -= v[i]->v.classic != NULL;
	if (!joining && !may_downgrade(s, g, g->n_members - n, n_classic))
		return false;
	return convert(g, v, n, joining, rebalance, step);
}
