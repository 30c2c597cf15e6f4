/*
 * consumer_join: members of the classic protocol in a consumer group (KIP-848's migration):
 * JoinGroup, SyncGroup, Heartbeat, LeaveGroup.
 *
 * JoinGroup does for them what a heartbeat does for other members: the member's next step towards
 * the target, whose epoch is the generation. A member learns from the answers to its heartbeats
 * that it must rejoin. Until it has, and has synced, a timer of its rebalance timeout runs.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "group/consumer_embedded.h"
#include "group/consumer_group.h"
#include "metadata/image.h"
#include "protocol/group_records.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/sync_group.h"

enum { KNOWN_MEMBER_ID_SINCE = 4 };

typedef struct consumer_group_member_metadata_value_classic_member_metadata classic_metadata;
typedef struct consumer_group_member_metadata_value_classic_protocol classic_protocol;

/* ---- JoinGroup ---- */

struct joining {
	struct consumer_decision d;
	struct shard_command *c;
	const struct join_group_request *in;
	struct consumer_protocol_subscription subscription;
	struct str id;
	bool is_unknown; /* the request had no id */
};

static void answer_join(struct joining *j, struct str member_id, int err)
{
	struct join_group_response *out = j->c->out;

	out->member_id = arena_str(j->c->arena, member_id);
	out->error_code = (int16_t)err;
}

/* Whether all classic members of the group share a protocol with the request. */
static bool have_in_common(const struct consumer_group *g, const struct join_group_request *in)
{
	struct str_index offered;
	bool found = false;
	int n = 0;

	str_index_init(&offered, g->seed + 8);
	for (int32_t i = 0; i < in->protocols.n; i++)
		*str_index_at(&offered, in->protocols.v[i].name) = 0;
	consumer_each(m, g)
	{
		if (m->v.classic)
			consumer_count_offers(&offered, &m->v, n++);
	}
	for (int32_t i = 0; i < in->protocols.n && !found; i++)
		found = *str_index_at(&offered, in->protocols.v[i].name) == n;
	str_index_fini(&offered);
	return found;
}

static bool check_protocols(struct joining *j)
{
	if (str_is(j->in->protocol_type, "consumer") && have_in_common(j->d.g, j->in))
		return true;
	return consumer_refuse(&j->d, ERR_INCONSISTENT_GROUP_PROTOCOL, "Member %.*s's protocols are not supported.",
			       STR_ARG(j->id));
}

/* Not before the member has an id: one that asks for it may still leave its subscription out. */
static bool read_subscription(struct joining *j)
{
	if (consumer_read_subscription(j->d.step->arena, j->in->protocols.v[0].metadata, &j->subscription))
		return true;
	return consumer_refuse(&j->d, ERR_INCONSISTENT_GROUP_PROTOCOL,
			       "Malformed embedded consumer protocol in subscription deserialization.");
}

static bool find_member(struct joining *j)
{
	struct consumer_decision *d = &j->d;
	const struct consumer_member *m = consumer_static_member(d->g, j->in->group_instance_id);

	if (str_is_null(j->in->group_instance_id) || (!m && j->is_unknown)) {
		m = consumer_member(d->g, j->id);
		d->was = m ? m->v : consumer_view_new(j->id);
		return true;
	}
	if (!m)
		return consumer_refuse(d, ERR_UNKNOWN_MEMBER_ID, "Instance id %.*s is unknown.",
				       STR_ARG(j->in->group_instance_id));
	if (j->is_unknown) {
		consumer_replace(d, m, j->id);
		return true;
	}
	d->was = m->v;
	return str_eq(m->v.id, j->id) ||
	       consumer_refuse(d, ERR_FENCED_INSTANCE_ID,
			       "Static member %.*s with instance id %.*s was fenced by member %.*s.", STR_ARG(j->id),
			       STR_ARG(j->in->group_instance_id), STR_ARG(m->v.id));
}

static const classic_metadata *metadata_of(struct joining *j)
{
	classic_metadata *value = arena_zalloc(j->d.step->arena, sizeof(*value));
	classic_protocol *v = arena_array(j->d.step->arena, (size_t)j->in->protocols.n + 1, sizeof(*v));

	if (!value || !v)
		return NULL;
	for (int32_t i = 0; i < j->in->protocols.n; i++)
		v[i] = (classic_protocol){j->in->protocols.v[i].name, j->in->protocols.v[i].metadata};
	value->session_timeout_ms = j->in->session_timeout_ms;
	value->supported_protocols.v = v;
	value->supported_protocols.n = j->in->protocols.n;
	return value;
}

static bool update_member(struct joining *j)
{
	struct consumer_view *v = &j->d.is;

	*v = j->d.was;
	if (!str_is_null(j->in->group_instance_id))
		v->instance_id = j->in->group_instance_id;
	if (j->subscription.rack_id.len > 0)
		v->rack_id = j->subscription.rack_id;
	if (join_rebalance_timeout_ms(j->c) != -1)
		v->rebalance_timeout_ms = join_rebalance_timeout_ms(j->c);
	v->names = consumer_names(j->d.step->arena, j->subscription.topics.v, j->subscription.topics.n, &v->n_names);
	v->regex = STR("");
	v->client_id = j->c->client_id;
	v->client_host = j->c->client_host;
	v->classic = metadata_of(j);
	return (v->names && v->classic) || consumer_refuse(&j->d, -ENOMEM, "out of memory");
}

static bool owned_of(struct joining *j, struct consumer_owned *owned)
{
	struct assign_set *out = &owned->set;
	int32_t n = j->subscription.owned_partitions.n;

	*out = (struct assign_set){0, arena_array(j->d.step->arena, (size_t)n + 1, sizeof(*out->v))};
	for (int32_t i = 0; out->v && i < n; i++) {
		const struct consumer_protocol_subscription_topic_partition *t = &j->subscription.owned_partitions.v[i];
		const struct image_topic *topic = image_topic_by_name(j->d.step->image, t->topic);

		if (topic)
			out->v[out->n++] = (struct assign_topic){topic->id, t->partitions.n, t->partitions.v, NULL};
	}
	return (out->v && consumer_owned_sort(owned, j->d.step->arena)) ||
	       consumer_refuse(&j->d, -ENOMEM, "out of memory");
}

/* The static member it replaces was the last one of the new protocol: the group becomes a classic one. */
static bool downgrade(struct joining *j, bool changed, const struct consumer_owned *owned)
{
	struct consumer_decision *d = &j->d;
	const struct consumer_member *m = consumer_static_member(d->g, d->is.instance_id);
	bool rebalance = d->g->assignment_epoch < d->epoch;

	d->target_epoch = d->g->assignment_epoch;
	d->target = m->target;
	if (!rebalance && !consumer_maybe_reconcile(d, changed, owned))
		return false;
	return consumer_to_classic(d->s, d->g, NULL, 0, &d->is, rebalance, d->step) ||
	       consumer_refuse(d, ERR_UNKNOWN_SERVER_ERROR, "the members have no protocol in common");
}

static bool decide(struct joining *j, bool *is_downgrade)
{
	struct consumer_decision *d = &j->d;
	const struct consumer_member *replaced = consumer_static_member(d->g, j->in->group_instance_id);
	enum consumer_regex_change regex;
	struct consumer_owned owned;
	bool changed;

	*is_downgrade = replaced && consumer_leaves_classic(d->s, d->g, replaced);
	if (!update_member(j) || !owned_of(j, &owned))
		return false;
	if (!consumer_subscription_equal(&d->was, &d->is))
		consumer_put_subscription(d->step, d->id, &d->is);
	changed = !consumer_names_equal(&d->was, &d->is);
	if (!consumer_update_regex(d, &regex))
		return false;
	changed |= regex != CONSUMER_REGEX_SAME;
	if ((changed || consumer_metadata_expired(d->s, d->g)) && !consumer_update_metadata(d, changed))
		return false;
	if (*is_downgrade)
		return downgrade(j, changed, &owned);
	return consumer_update_target(d) && consumer_maybe_reconcile(d, changed, &owned);
}

struct joined {
	char *group;
	char *member;
	int32_t rebalance_timeout_ms;
};

/* The answer is on its way: the member must sync now. */
static void joined(void *state, struct shard_step *step, void *arg, int err)
{
	struct group_shard *s = state;
	struct joined *w = arg;
	struct group *g = group_find(s, str_of(w->group));
	struct consumer_member *m = group_is_consumer(g) ? consumer_member(consumer_of(g), str_of(w->member)) : NULL;

	if (m && !err) {
		group_timer_stop(s, &m->join);
		consumer_start_session(s, m, step);
		group_timer_start(s, &m->sync, consumer_sync_expired, step->now_ms, w->rebalance_timeout_ms);
	} else if (m && !group_timer_is_running(&m->session)) {
		consumer_start_session(s, m, step);
	}
	xfree(w->group);
	xfree(w->member);
	xfree(w);
}

static void accept_join(struct joining *j, bool is_downgrade)
{
	struct join_group_response *out = j->c->out;
	struct joined *w;

	answer_join(j, j->d.is.id, 0);
	out->generation_id = j->d.is.epoch;
	out->protocol_type = STR("consumer");
	out->protocol_name = j->in->protocols.v[0].name;
	if (!is_downgrade) {
		w = xcalloc(1, sizeof(*w));
		w->group = str_dup(j->d.id);
		w->member = str_dup(j->d.is.id);
		w->rebalance_timeout_ms = join_rebalance_timeout_ms(j->c);
		shard_written(j->d.step, joined, w);
	}
	shard_answer(j->d.step, j->c);
}

static void refuse_join(struct joining *j)
{
	j->d.step->records.n = 0;
	answer_join(j, STR(""), j->d.refusal.err);
	shard_answer(j->d.step, j->c);
}

void consumer_classic_join(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step)
{
	struct joining j = {.c = c, .in = c->in};
	char text[UUID_TEXT_LEN + 1];
	bool ok = consumer_decision_begin(&j.d, s, step, j.in->group_id, false), is_downgrade = false;

	(void)g;
	j.d.asker = c->asker;
	j.is_unknown = j.in->member_id.len == 0;
	j.id = j.is_unknown ? arena_printf(step->arena, "%s", uuid_text(shard_random_uuid(step), text))
			    : j.in->member_id;
	if (ok && !consumer_may_upgrade(s) && !consumer_may_downgrade(s))
		ok = consumer_refuse(&j.d, ERR_INCONSISTENT_GROUP_PROTOCOL, "the group migration is disabled");
	ok = ok && consumer_check_room(&j.d, j.id, j.in->group_instance_id) && check_protocols(&j);
	if (ok && j.is_unknown && str_is_null(j.in->group_instance_id) && c->version >= KNOWN_MEMBER_ID_SINCE) {
		answer_join(&j, j.id, ERR_MEMBER_ID_REQUIRED);
		shard_answer(step, c);
		return;
	}
	ok = ok && find_member(&j) && read_subscription(&j) && decide(&j, &is_downgrade);
	if (ok)
		accept_join(&j, is_downgrade);
	else
		refuse_join(&j);
}

/* ---- SyncGroup, Heartbeat ---- */

/* The classic member of this generation; NULL with *err. */
static struct consumer_member *check_member(const struct consumer_group *g, struct str id, struct str instance_id,
					    int32_t generation, int *err)
{
	struct consumer_member *m =
		str_is_null(instance_id) ? consumer_member(g, id) : consumer_static_member(g, instance_id);

	*err = 0;
	if (!m)
		*err = ERR_UNKNOWN_MEMBER_ID;
	else if (!str_eq(m->v.id, id))
		*err = ERR_FENCED_INSTANCE_ID;
	else if (!m->v.classic)
		*err = ERR_UNKNOWN_MEMBER_ID;
	else if (m->v.epoch != generation)
		*err = ERR_ILLEGAL_GENERATION;
	return *err ? NULL : m;
}

static int must_join_again(struct group_shard *s, struct consumer_member *m, const struct shard_step *step)
{
	if (!group_timer_is_running(&m->join))
		group_timer_start(s, &m->join, consumer_join_expired, step->now_ms, m->v.rebalance_timeout_ms);
	return ERR_REBALANCE_IN_PROGRESS;
}

static int sync_error(struct group_shard *s, struct consumer_member *m, const struct sync_group_request *in,
		      const struct shard_step *step)
{
	const classic_metadata *c = m->v.classic;

	if (!str_is_null(in->protocol_type) && !str_is(in->protocol_type, "consumer"))
		return ERR_INCONSISTENT_GROUP_PROTOCOL;
	if (!str_is_null(in->protocol_name) && !str_eq(in->protocol_name, c->supported_protocols.v[0].name))
		return ERR_INCONSISTENT_GROUP_PROTOCOL;
	if (m->group->assignment_epoch > m->v.epoch && m->v.state != CONSUMER_UNREVOKED)
		return must_join_again(s, m, step);
	return 0;
}

void consumer_classic_sync(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step)
{
	const struct sync_group_request *in = c->in;
	struct sync_group_response *out = c->out;
	int err;
	struct consumer_member *m =
		check_member(consumer_of(g), in->member_id, in->group_instance_id, in->generation_id, &err);

	if (m)
		err = sync_error(s, m, in, step);
	if (!err) {
		out->assignment = consumer_write_assignment(c->arena, step->image, &m->v.assigned,
							    m->v.classic->supported_protocols.v[0].metadata);
		err = out->assignment.p ? 0 : ERR_UNKNOWN_SERVER_ERROR;
	}
	if (!err) {
		out->protocol_type = in->protocol_type;
		out->protocol_name = in->protocol_name;
		group_timer_stop(s, &m->sync);
		consumer_start_session(s, m, step);
	}
	out->error_code = (int16_t)err;
	shard_answer(step, c);
}

/*
 * Does another member still have a partition of this member's target? Also true when there is no
 * memory to find out: the member then asks again.
 */
static bool waits_for_others(const struct consumer_member *m, struct arena *a)
{
	struct assign_index has;

	if (!assign_index_init(&has, a, &m->v.assigned))
		return true;
	for (int32_t i = 0; i < m->target.n; i++) {
		const struct assign_topic *t = &m->target.v[i];
		struct assign_numbers numbers;

		if (!assign_numbers_init(&numbers, a, assign_index_find(&has, t->id)))
			return true;
		for (int32_t j = 0; j < t->n; j++)
			if (!assign_numbers_have(&numbers, t->partitions[j]) &&
			    consumer_owner_epoch(m->group, t->id, t->partitions[j]) != -1)
				return true;
	}
	return false;
}

void consumer_classic_heartbeat(struct group_shard *s, struct group *g, struct shard_command *c,
				struct shard_step *step)
{
	const struct heartbeat_request *in = c->in;
	struct heartbeat_response *out = c->out;
	int err;
	struct consumer_member *m =
		check_member(consumer_of(g), in->member_id, in->group_instance_id, in->generation_id, &err);

	if (m) {
		consumer_start_session(s, m, step);
		if (m->v.epoch < m->group->assignment_epoch || m->v.state == CONSUMER_UNREVOKED ||
		    (m->v.state == CONSUMER_UNRELEASED && !waits_for_others(m, step->arena)))
			err = must_join_again(s, m, step);
	}
	out->error_code = (int16_t)err;
	shard_answer(step, c);
}

/* ---- LeaveGroup ---- */

static struct consumer_member *leaving(const struct consumer_group *g, struct str id, struct str instance_id, int *err)
{
	struct consumer_member *m =
		str_is_null(instance_id) ? consumer_member(g, id) : consumer_static_member(g, instance_id);

	*err = 0;
	if (!m)
		*err = ERR_UNKNOWN_MEMBER_ID;
	else if (!str_is_null(instance_id) && id.len > 0 && !str_eq(m->v.id, id))
		*err = ERR_FENCED_INSTANCE_ID;
	return *err ? NULL : m;
}

void consumer_classic_leave(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step)
{
	const struct leave_group_request *in = c->in;
	struct leave_group_response *out = c->out;
	struct consumer_member **v =
		arena_array(step->arena, (size_t)in->members.n + 1, sizeof(struct consumer_member *));
	int32_t n = 0;

	for (int32_t i = 0; v && i < in->members.n; i++) {
		int err;
		struct consumer_member *m =
			leaving(consumer_of(g), in->members.v[i].member_id, in->members.v[i].group_instance_id, &err);

		if (m && !m->is_leaving) {
			m->is_leaving = true;
			v[n++] = m;
		}
		out->members.v[i].error_code = (int16_t)err;
	}
	for (int32_t i = 0; i < n; i++)
		v[i]->is_leaving = false;
	if (v)
		consumer_fence(s, consumer_of(g), v, n, step);
	else
		step->failed = true;
	shard_answer(step, c);
}
