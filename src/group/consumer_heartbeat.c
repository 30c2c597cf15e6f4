/*
 * consumer_heartbeat: ConsumerGroupHeartbeat: joining, staying and leaving
 * (GroupMetadataManager.consumerGroupHeartbeat of Kafka 4.4).
 *
 *	1. the member as the request describes it; a change of its subscription bumps the group epoch
 *	2. a new target, if the group epoch is beyond that of the last one
 *	3. the member's next state on the way to the target
 *
 * Each step writes records for what it changed; a refusal in any of them writes none.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "group/classic.h"
#include "group/consumer_group.h"
#include "protocol/consumer_group_heartbeat.h"

typedef struct consumer_group_heartbeat_request request;
typedef struct consumer_group_heartbeat_response response;

/* ---- decisions ---- */

bool consumer_refuse(struct consumer_decision *d, int err, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = arena_alloc(d->step->arena, (size_t)len + 1);
	if (text) {
		va_start(args, format);
		vsnprintf(text, (size_t)len + 1, format, args);
		va_end(args);
	}
	d->refusal.err = err > 0 ? err : ERR_UNKNOWN_SERVER_ERROR;
	d->refusal.message = text ? (struct str){text, len} : STR_NULL;
	return false;
}

static void make(struct consumer_decision *d)
{
	d->g = consumer_group_new(d->s, d->id);
	d->is_made = true;
}

/* Converts a classic group that is joined by members of the new protocol. */
static bool convert(struct consumer_decision *d, struct group *g)
{
	make(d);
	if (g->kind->is_empty(g)) {
		g->kind->put_tombstones(d->s, g, d->step);
		return true;
	}
	return consumer_from_classic(d, g);
}

bool consumer_decision_begin(struct consumer_decision *d, struct group_shard *s, struct shard_step *step, struct str id,
			     bool may_create)
{
	struct group *g = group_find(s, id);

	*d = (struct consumer_decision){.s = s, .step = step, .id = id};
	if (!g && !may_create)
		return consumer_refuse(d, ERR_GROUP_ID_NOT_FOUND, "Consumer group %.*s not found.", STR_ARG(id));
	if (g && !group_is_consumer(g) && !(may_create && group_is_classic(g)))
		return consumer_refuse(d, ERR_GROUP_ID_NOT_FOUND, "Group %.*s is not a consumer group.", STR_ARG(id));
	if (group_is_consumer(g))
		d->g = consumer_of(g);
	else if (!g)
		make(d);
	else if (!convert(d, g))
		return false;
	d->epoch = d->g->epoch;
	d->homogeneous = consumer_is_homogeneous(d->g);
	return true;
}

void consumer_decision_end(struct consumer_decision *d)
{
	if (d->is_made)
		consumer_group_free(d->s, &d->g->g);
	d->g = NULL;
}

/* ---- the member ---- */

bool consumer_check_room(struct consumer_decision *d, struct str member_id, struct str instance_id)
{
	int64_t most = group_setting(d->s, CONFIG_GROUP_CONSUMER_MAX_SIZE);

	if (d->g->n_members < most || consumer_static_member(d->g, instance_id) ||
	    (member_id.len > 0 && consumer_member(d->g, member_id)))
		return true;
	return consumer_refuse(d, ERR_GROUP_MAX_SIZE_REACHED,
			       "The consumer group has reached its maximum capacity of %lld members.", (long long)most);
}

/* Whether what the member says it owns is part of what it was assigned. */
static bool is_subset(const struct consumer_owned *owned, const struct assign_set *assigned)
{
	for (int32_t i = 0; owned && i < owned->set.n; i++) {
		const struct assign_topic *has = &owned->set.v[i], *t = assign_set_find(assigned, has->id);
		int32_t n_found = 0;

		for (int32_t j = 0; t && j < t->n; j++)
			n_found += consumer_owned_has(owned, has->id, t->partitions[j]);
		if (!t || n_found != has->n)
			return false;
	}
	return owned != NULL;
}

/*
 * The previous epoch is accepted too, from a member that may have missed the answer with the
 * current one.
 */
static bool check_epoch(struct consumer_decision *d, const struct consumer_view *v, int32_t epoch,
			const struct consumer_owned *owned)
{
	if (epoch == 0 || epoch == v->epoch)
		return true;
	if (epoch < v->epoch && epoch == v->previous_epoch && is_subset(owned, &v->assigned))
		return true;
	return consumer_refuse(d, ERR_FENCED_MEMBER_EPOCH,
			       "The consumer group member has a %s member epoch (%d) than the one known by the group "
			       "coordinator (%d). The member must abandon all its partitions and rejoin.",
			       epoch > v->epoch ? "greater" : "smaller", epoch, v->epoch);
}

static bool find_dynamic(struct consumer_decision *d, const request *in, struct str id,
			 const struct consumer_owned *owned)
{
	const struct consumer_member *m = consumer_member(d->g, id);

	if (!m && in->member_epoch != 0)
		return consumer_refuse(d, ERR_UNKNOWN_MEMBER_ID, "Member %.*s is not a member of group %.*s.",
				       STR_ARG(id), STR_ARG(d->id));
	d->was = m ? m->v : consumer_view_new(id);
	return check_epoch(d, &d->was, in->member_epoch, owned);
}

void consumer_replace(struct consumer_decision *d, const struct consumer_member *old, struct str id)
{
	d->was = old->v;
	d->was.id = id;
	d->was.epoch = d->was.previous_epoch = 0;
	d->is_replaced = true;
	consumer_drop_member(d->step, d->id, old->v.id);
	consumer_put_subscription(d->step, d->id, &d->was);
	consumer_put_target(d->step, d->id, id, &old->target);
	consumer_put_current(d->step, d->id, &d->was);
}

static bool join_static(struct consumer_decision *d, const request *in, struct str id)
{
	const struct consumer_member *old = consumer_static_member(d->g, in->instance_id);

	if (!old) {
		const struct consumer_member *m = consumer_member(d->g, id);

		d->was = m ? m->v : consumer_view_new(id);
		return true;
	}
	if (!old->v.classic && old->v.epoch != CONSUMER_STATIC_LEAVE_EPOCH)
		return consumer_refuse(
			d, ERR_UNRELEASED_INSTANCE_ID,
			"Static member %.*s with instance id %.*s cannot join the group because the instance id "
			"is owned by %.*s member.",
			STR_ARG(id), STR_ARG(in->instance_id), STR_ARG(old->v.id));
	consumer_replace(d, old, id);
	return true;
}

static const struct consumer_member *check_static(struct consumer_decision *d, struct str id, struct str instance_id)
{
	const struct consumer_member *m = consumer_static_member(d->g, instance_id);

	if (!m)
		consumer_refuse(d, ERR_UNKNOWN_MEMBER_ID, "Instance id %.*s is unknown.", STR_ARG(instance_id));
	else if (!str_eq(m->v.id, id))
		consumer_refuse(d, ERR_FENCED_INSTANCE_ID,
				"Static member %.*s with instance id %.*s was fenced by member %.*s.", STR_ARG(id),
				STR_ARG(instance_id), STR_ARG(m->v.id));
	return d->refusal.err ? NULL : m;
}

static bool find_static(struct consumer_decision *d, const request *in, struct str id,
			const struct consumer_owned *owned)
{
	const struct consumer_member *m;

	if (in->member_epoch == 0)
		return join_static(d, in, id);
	m = check_static(d, id, in->instance_id);
	if (!m)
		return false;
	d->was = m->v;
	return check_epoch(d, &d->was, in->member_epoch, owned);
}

/* Applies the request to the previous state. */
static bool update(struct consumer_decision *d, const request *in, const struct shard_command *c)
{
	struct consumer_view *v = &d->is;

	*v = d->was;
	if (!str_is_null(in->instance_id))
		v->instance_id = in->instance_id;
	if (!str_is_null(in->rack_id))
		v->rack_id = in->rack_id;
	if (in->rebalance_timeout_ms != -1)
		v->rebalance_timeout_ms = in->rebalance_timeout_ms;
	if (!str_is_null(in->server_assignor))
		v->assignor = in->server_assignor;
	if (!str_is_null(in->subscribed_topic_regex))
		v->regex = in->subscribed_topic_regex;
	if (in->subscribed_topic_names.n >= 0)
		v->names = consumer_names(d->step->arena, in->subscribed_topic_names.v, in->subscribed_topic_names.n,
					  &v->n_names);
	v->client_id = c->client_id;
	v->client_host = c->client_host;
	v->classic = NULL;
	return v->names || v->n_names == 0 || consumer_refuse(d, -ENOMEM, "out of memory");
}

/* Returns whether the topics changed. The member's record is written if anything did. */
static bool write_subscription(struct consumer_decision *d)
{
	if (consumer_subscription_equal(&d->was, &d->is))
		return false;
	consumer_put_subscription(d->step, d->id, &d->is);
	return !consumer_names_equal(&d->was, &d->is);
}

static bool prefers_another(struct consumer_decision *d)
{
	return !str_eq(consumer_preferred_assignor(d->s, d->g, NULL, NULL),
		       consumer_preferred_assignor(d->s, d->g, &d->was, &d->is));
}

static bool decide(struct consumer_decision *d, const request *in, const struct shard_command *c,
		   const struct consumer_owned *owned)
{
	enum consumer_regex_change regex;
	bool names_changed, bump;

	if (!update(d, in, c))
		return false;
	names_changed = write_subscription(d);
	if (!consumer_update_regex(d, &regex))
		return false;
	bump = names_changed || regex == CONSUMER_REGEX_RESOLVED || prefers_another(d);
	if ((bump || consumer_metadata_expired(d->s, d->g)) && !consumer_update_metadata(d, bump))
		return false;
	return consumer_update_target(d) &&
	       consumer_maybe_reconcile(d, names_changed || regex != CONSUMER_REGEX_SAME, owned);
}

/* ---- the answer ---- */

static bool fill_assignment(struct shard_command *c, response *out, const struct assign_set *s)
{
	struct consumer_group_heartbeat_response_assignment *a = arena_zalloc(c->arena, sizeof(*a));
	struct consumer_group_heartbeat_response_topic_partitions *v =
		arena_array(c->arena, (size_t)s->n + 1, sizeof(*v));

	if (!a || !v)
		return false;
	for (int32_t i = 0; i < s->n; i++) {
		int32_t *p = arena_array(c->arena, (size_t)s->v[i].n + 1, sizeof(*p));

		if (!p)
			return false;
		memcpy(p, s->v[i].partitions, (size_t)s->v[i].n * sizeof(*p));
		v[i].topic_id = s->v[i].id;
		v[i].partitions.v = p;
		v[i].partitions.n = s->v[i].n;
	}
	a->topic_partitions.v = v;
	a->topic_partitions.n = s->n;
	out->assignment = a;
	return true;
}

/*
 * The answer has the member's partitions when it joins, when it reports its whole state, and when
 * they have changed.
 */
static bool fill(const struct consumer_decision *d, const request *in, struct shard_command *c)
{
	bool is_full = in->rebalance_timeout_ms != -1 && in->topic_partitions.n >= 0 &&
		       (in->subscribed_topic_names.n >= 0 || !str_is_null(in->subscribed_topic_regex));
	response *out = c->out;

	out->member_id = arena_str(c->arena, d->is.id);
	out->member_epoch = d->is.epoch;
	out->heartbeat_interval_ms = consumer_heartbeat_interval_ms(d->s, d->step, d->id);
	if (in->member_epoch == 0 || is_full || !assign_set_equal(&d->was.assigned, &d->is.assigned))
		return fill_assignment(c, out, &d->is.assigned);
	return true;
}

/* ---- the command ---- */

/* False: out of memory. *owned stays NULL when the member does not report it. */
static bool read_owned(struct shard_step *step, const request *in, struct consumer_owned *room,
		       const struct consumer_owned **owned)
{
	struct assign_set *set = &room->set;

	*owned = NULL;
	if (in->topic_partitions.n < 0)
		return true;
	*set = (struct assign_set){in->topic_partitions.n,
				   arena_array(step->arena, (size_t)in->topic_partitions.n + 1, sizeof(*set->v))};
	for (int32_t i = 0; set->v && i < set->n; i++) {
		const struct consumer_group_heartbeat_request_topic *t = &in->topic_partitions.v[i];

		set->v[i] = (struct assign_topic){t->topic_id, t->partitions.n, t->partitions.v, NULL};
	}
	*owned = room;
	return set->v && consumer_owned_sort(room, step->arena);
}

static struct str member_id(struct shard_step *step, const request *in)
{
	char text[UUID_TEXT_LEN + 1];

	if (in->member_id.len > 0)
		return in->member_id;
	return arena_printf(step->arena, "%s", uuid_text(shard_random_uuid(step), text));
}

/* The timers of an existing member are restarted at once; those of a new one start when it is written. */
static void settle(struct consumer_decision *d)
{
	struct consumer_member *m = d->is_made || d->is_replaced ? NULL : consumer_member(d->g, d->is.id);

	if (!m) {
		consumer_when_written(d->s, d->step, d->id, d->is_made ? STR_NULL : d->is.id);
		return;
	}
	consumer_start_session(d->s, m, d->step);
	if (consumer_current_equal(&m->v, &d->is))
		return;
	if (d->is.state == CONSUMER_UNREVOKED) {
		m->rebalance_epoch = d->is.epoch;
		group_timer_start(d->s, &m->rebalance, consumer_rebalance_expired, d->step->now_ms,
				  d->is.rebalance_timeout_ms);
	} else {
		group_timer_stop(d->s, &m->rebalance);
	}
}

static void heartbeat(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const request *in = c->in;
	struct str id = member_id(step, in);
	struct consumer_decision d;
	struct consumer_owned room;
	const struct consumer_owned *owned;
	bool ok = consumer_decision_begin(&d, s, step, in->group_id, in->member_epoch == 0);

	d.asker = c->asker;
	if (ok && !read_owned(step, in, &room, &owned))
		ok = consumer_refuse(&d, -ENOMEM, "out of memory");
	ok = ok && consumer_check_room(&d, in->member_id, in->instance_id);
	ok = ok && (str_is_null(in->instance_id) ? find_dynamic(&d, in, id, owned) : find_static(&d, in, id, owned));
	ok = ok && decide(&d, in, c, owned);
	if (ok && !fill(&d, in, c))
		ok = consumer_refuse(&d, -ENOMEM, "out of memory");
	if (ok) {
		settle(&d);
		shard_answer(step, c);
	} else {
		step->records.n = 0;
		shard_refuse(step, c, d.refusal.err, arena_str(c->arena, d.refusal.message));
	}
	consumer_decision_end(&d);
}

/* ---- leaving ---- */

/* The partitions are kept for the instance, as if assigned at no epoch. */
static bool step_out(struct consumer_decision *d, const struct consumer_member *m)
{
	struct consumer_view v = m->v;
	struct assign_set *s = &v.assigned;

	s->v = arena_array(d->step->arena, (size_t)s->n + 1, sizeof(*s->v));
	for (int32_t i = 0; s->v && i < s->n; i++) {
		s->v[i] = m->v.assigned.v[i];
		s->v[i].epochs = arena_array(d->step->arena, (size_t)s->v[i].n + 1, sizeof(int32_t));
		if (!s->v[i].epochs)
			s->v = NULL;
	}
	if (!s->v)
		return consumer_refuse(d, -ENOMEM, "out of memory");
	order_current(s);
	v.epoch = CONSUMER_STATIC_LEAVE_EPOCH;
	v.revoking = (struct assign_set){0};
	consumer_put_current(d->step, d->id, &v);
	return true;
}

static bool leave_static(struct consumer_decision *d, const request *in)
{
	const struct consumer_member *m = check_static(d, in->member_id, in->instance_id);

	if (!m)
		return false;
	if (in->member_epoch == CONSUMER_STATIC_LEAVE_EPOCH)
		return step_out(d, m);
	consumer_fence(d->s, d->g, (struct consumer_member *[]){consumer_member(d->g, m->v.id)}, 1, d->step);
	return true;
}

static bool leave_dynamic(struct consumer_decision *d, const request *in)
{
	struct consumer_member *m = consumer_member(d->g, in->member_id);

	if (!m)
		return consumer_refuse(d, ERR_UNKNOWN_MEMBER_ID, "Member %.*s is not a member of group %.*s.",
				       STR_ARG(in->member_id), STR_ARG(d->id));
	consumer_fence(d->s, d->g, &m, 1, d->step);
	return true;
}

static void leave(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const request *in = c->in;
	struct consumer_decision d;
	response *out = c->out;
	bool ok = false;

	if (!group_find(s, in->group_id)) {
		d = (struct consumer_decision){.s = s, .step = step, .id = in->group_id};
		consumer_refuse(&d, ERR_GROUP_ID_NOT_FOUND, "Group %.*s not found.", STR_ARG(in->group_id));
	} else {
		ok = consumer_decision_begin(&d, s, step, in->group_id, false);
	}
	ok = ok && (str_is_null(in->instance_id) ? leave_dynamic(&d, in) : leave_static(&d, in));
	if (!ok) {
		step->records.n = 0;
		shard_refuse(step, c, d.refusal.err, arena_str(c->arena, d.refusal.message));
		return;
	}
	out->member_id = in->member_id;
	out->member_epoch = in->member_epoch;
	shard_answer(step, c);
}

void consumer_heartbeat_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	int32_t epoch = ((const request *)c->in)->member_epoch;

	if (epoch == CONSUMER_LEAVE_EPOCH || epoch == CONSUMER_STATIC_LEAVE_EPOCH)
		leave(s, c, step);
	else
		heartbeat(s, c, step);
}
