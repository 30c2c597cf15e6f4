/*
 * OffsetFetch: how far groups have read. From version 8 on for many groups at once, from 10 on by
 * topic ids; older requests are converted to the newer form, and their answers back.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/coordinator_request.h"
#include "broker/permission.h"
#include "protocol/offset_fetch.h"

#define ERROR_OF_ALL_SINCE 2
#define GROUPS_SINCE 8
#define TOPIC_IDS_SINCE 10

typedef struct offset_fetch_request_group asked;
typedef struct offset_fetch_response_group told;
typedef struct offset_fetch_request_group_topic asked_topic;
typedef struct offset_fetch_response_group_topic told_topic;

struct fetch {
	const asked *groups; /* as requested */
	bool *may;	     /* may each be described? */
	asked *known;	     /* without the topics that the coordinator need not answer */
	told *refused;	     /* those topics */
	told *out;
	int n;
	int n_may;
};

/* ---- the request in the form for groups ---- */

static bool group_of_old(struct request *r, asked *g)
{
	const struct offset_fetch_request *in = r->in;

	*g = (asked){.group_id = in->group_id, .member_epoch = -1};
	if (in->topics.n < 0) {
		g->topics.n = -1;
		return true;
	}
	if (!ANSWER_ARRAY(r, g->topics, offset_fetch_request_group_topic_schema, in->topics.n))
		return false;
	for (int i = 0; i < in->topics.n; i++) {
		g->topics.v[i].name = in->topics.v[i].name;
		g->topics.v[i].partition_indexes.v = in->topics.v[i].partition_indexes.v;
		g->topics.v[i].partition_indexes.n = in->topics.v[i].partition_indexes.n;
	}
	return true;
}

static bool take_groups(struct request *r, struct fetch *f)
{
	const struct offset_fetch_request *in = r->in;
	asked *one;

	if (r->version >= GROUPS_SINCE) {
		f->groups = in->groups.v;
		f->n = in->groups.n;
		return true;
	}
	one = arena_zalloc(&r->arena, sizeof(*one));
	f->groups = one;
	f->n = 1;
	return one && group_of_old(r, one);
}

/* ---- errors ---- */

static bool refuse_topic(struct request *r, const asked_topic *t, int err, struct str metadata, told_topic *o)
{
	*o = (told_topic){.name = t->name, .topic_id = t->topic_id};
	if (!ANSWER_ARRAY(r, o->partitions, offset_fetch_response_group_partition_schema, t->partition_indexes.n))
		return false;
	for (int i = 0; i < t->partition_indexes.n; i++) {
		o->partitions.v[i].partition_index = t->partition_indexes.v[i];
		o->partitions.v[i].committed_offset = -1;
		o->partitions.v[i].metadata = metadata;
		o->partitions.v[i].error_code = (int16_t)err;
	}
	return true;
}

static bool refuse_group(struct request *r, const asked *g, int err, told *o)
{
	*o = (told){.group_id = g->group_id};
	if (r->version >= ERROR_OF_ALL_SINCE) {
		o->error_code = (int16_t)err;
		return true;
	}
	if (!ANSWER_ARRAY(r, o->topics, offset_fetch_response_group_topic_schema, g->topics.n))
		return false;
	for (int i = 0; i < g->topics.n; i++)
		if (!refuse_topic(r, &g->topics.v[i], err, STR(""), &o->topics.v[i]))
			return false;
	return true;
}

/* ---- the answer in the form of its version ---- */

static bool answer_old(struct request *r, const told *g)
{
	struct offset_fetch_response *out = r->out;

	out->error_code = g->error_code;
	if (!ANSWER_ARRAY(r, out->topics, offset_fetch_response_topic_schema, g->topics.n))
		return false;
	for (int i = 0; i < g->topics.n; i++) {
		const told_topic *t = &g->topics.v[i];
		struct offset_fetch_response_topic *o = &out->topics.v[i];

		o->name = t->name;
		if (!ANSWER_ARRAY(r, o->partitions, offset_fetch_response_partition_schema, t->partitions.n))
			return false;
		for (int j = 0; j < t->partitions.n; j++) {
			o->partitions.v[j].partition_index = t->partitions.v[j].partition_index;
			o->partitions.v[j].committed_offset = t->partitions.v[j].committed_offset;
			o->partitions.v[j].committed_leader_epoch = t->partitions.v[j].committed_leader_epoch;
			o->partitions.v[j].metadata = t->partitions.v[j].metadata;
			o->partitions.v[j].error_code = t->partitions.v[j].error_code;
		}
	}
	return true;
}

static void answer(struct request *r, const struct fetch *f)
{
	struct offset_fetch_response *out = r->out;

	if (r->version < GROUPS_SINCE) {
		answer_old(r, &f->out[0]);
		return;
	}
	out->groups.v = f->out;
	out->groups.n = f->n;
}

/* ---- refused topics ---- */

/* 0: the coordinator is to answer it; *name is then the topic's. */
static int error_of_topic(struct request *r, const asked_topic *t, struct str *name)
{
	const struct image_topic *topic = NULL;

	*name = t->name;
	if (r->version >= TOPIC_IDS_SINCE) {
		topic = image_topic_by_id(r->image, t->topic_id);
		if (!topic)
			return ERR_UNKNOWN_TOPIC_ID;
		*name = topic->name;
	}
	return request_may(r, ACL_DESCRIBE, ACL_TOPIC, *name) ? 0 : ERR_TOPIC_AUTHORIZATION_FAILED;
}

static bool sort_topics(struct request *r, struct fetch *f, int i)
{
	const asked *g = &f->groups[i];
	asked *known = &f->known[i];
	told *refused = &f->refused[i];

	*known = *g;
	if (g->topics.n < 0)
		return true;
	if (!ANSWER_ARRAY(r, known->topics, offset_fetch_request_group_topic_schema, g->topics.n) ||
	    !ANSWER_ARRAY(r, refused->topics, offset_fetch_response_group_topic_schema, g->topics.n))
		return false;
	known->topics.n = refused->topics.n = 0;
	for (int j = 0; j < g->topics.n; j++) {
		asked_topic *k = &known->topics.v[known->topics.n];
		struct str name;
		int err = error_of_topic(r, &g->topics.v[j], &name);

		if (err) {
			if (!refuse_topic(r, &g->topics.v[j], err, STR(""), &refused->topics.v[refused->topics.n++]))
				return false;
			continue;
		}
		*k = g->topics.v[j];
		k->name = name;
		known->topics.n++;
	}
	return true;
}

/* When all offsets of a group are requested, topics that may not be described are left out. */
static void drop_unseen(struct request *r, told *o)
{
	int n = 0;

	for (int i = 0; i < o->topics.n; i++)
		if (request_may(r, ACL_DESCRIBE, ACL_TOPIC, o->topics.v[i].name))
			o->topics.v[n++] = o->topics.v[i];
	o->topics.n = n;
}

/* When all offsets of a group are requested, a topic that no longer has an id cannot be named. */
static void give_ids(struct request *r, told *o)
{
	int n = 0;

	for (int i = 0; i < o->topics.n; i++) {
		told_topic t = o->topics.v[i];
		const struct image_topic *topic = image_topic_by_name(r->image, t.name);

		if (uuid_is_zero(t.topic_id) && topic)
			t.topic_id = topic->id;
		if (!uuid_is_zero(t.topic_id))
			o->topics.v[n++] = t;
	}
	o->topics.n = n;
}

static bool add_refused(struct request *r, told *o, const told *refused)
{
	told both = *o;

	if (refused->topics.n == 0)
		return true;
	if (!ANSWER_ARRAY(r, both.topics, offset_fetch_response_group_topic_schema, o->topics.n + refused->topics.n))
		return false;
	for (int i = 0; i < both.topics.n; i++)
		both.topics.v[i] = i < o->topics.n ? o->topics.v[i] : refused->topics.v[i - o->topics.n];
	*o = both;
	return true;
}

/* ---- the request ---- */

/*
 * For a fetch of stable offsets when it is unknown whether they are stable: the client then looks
 * for the coordinator again.
 */
static int error_of(const struct request *r, int err)
{
	const struct offset_fetch_request *in = r->in;

	return in->require_stable && err == ERR_COORDINATOR_NOT_AVAILABLE ? ERR_NOT_COORDINATOR : err;
}

static bool finish_group(struct request *r, struct fetch *f, int i, const struct coordinator_fan_part *part)
{
	const struct offset_fetch_response *out = part->out;
	told *o = &f->out[i];

	if (part->command.c.err)
		return refuse_group(r, &f->groups[i], error_of(r, part->command.c.err), o);
	*o = out->groups.v[0];
	if (o->error_code)
		return refuse_group(r, &f->groups[i], o->error_code, o);
	if (f->groups[i].topics.n >= 0)
		return add_refused(r, o, &f->refused[i]);
	drop_unseen(r, o);
	if (r->version >= TOPIC_IDS_SINCE)
		give_ids(r, o);
	return true;
}

static void finish(struct coordinator_fan *fan)
{
	struct fetch *f = fan->arg;
	struct request *r = fan->r;
	bool ok = true;

	for (int i = 0, at = 0; i < f->n && ok; i++)
		ok = f->may[i] ? finish_group(r, f, i, &fan->v[at++])
			       : refuse_group(r, &f->groups[i], ERR_GROUP_AUTHORIZATION_FAILED, &f->out[i]);
	answer(r, f);
}

static bool make_parts(struct request *r, struct fetch *f)
{
	f->known = arena_array(&r->arena, (size_t)f->n + 1, sizeof(*f->known));
	f->refused = arena_array(&r->arena, (size_t)f->n + 1, sizeof(*f->refused));
	f->out = arena_array(&r->arena, (size_t)f->n + 1, sizeof(*f->out));
	f->may = arena_array(&r->arena, (size_t)f->n + 1, sizeof(*f->may));
	for (int i = 0; !r->arena.failed && i < f->n; i++) {
		f->may[i] = request_may(r, ACL_DESCRIBE, ACL_GROUP, f->groups[i].group_id);
		f->n_may += f->may[i];
		if (f->may[i] && !sort_topics(r, f, i))
			return false;
	}
	return !r->arena.failed;
}

static enum outcome run(struct request *r)
{
	const struct offset_fetch_request *in = r->in;
	struct fetch *f = arena_zalloc(&r->arena, sizeof(*f));
	struct coordinator_fan *fan;

	if (!r->image || !f || !take_groups(r, f) || !make_parts(r, f))
		return HANG_UP;
	fan = coordinator_fan_new(r, COORDINATOR_GROUP, f->n_may, finish, f);
	if (!fan)
		return HANG_UP;
	for (int i = 0, at = 0; i < f->n; i++) {
		struct offset_fetch_request *part = arena_zalloc(&r->arena, sizeof(*part));

		if (!part)
			return HANG_UP;
		if (!f->may[i])
			continue;
		part->groups.v = &f->known[i];
		part->groups.n = 1;
		part->require_stable = in->require_stable;
		coordinator_fan_ask(fan, at++, f->known[i].group_id, part);
	}
	return coordinator_fan_run(fan);
}

static void fail(struct request *r, int err, struct str message)
{
	struct fetch f = {0};

	(void)message;
	if (!take_groups(r, &f))
		return;
	f.out = arena_array(&r->arena, (size_t)f.n + 1, sizeof(*f.out));
	for (int i = 0; f.out && i < f.n; i++)
		if (!refuse_group(r, &f.groups[i], err, &f.out[i]))
			return;
	if (f.out)
		answer(r, &f);
}

const struct api api_offset_fetch = {
	.key = offset_fetch_request_KEY,
	.first = offset_fetch_request_FIRST,
	.last = offset_fetch_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &offset_fetch_request_schema,
	.out = &offset_fetch_response_schema,
	.run = run,
	.fail = fail,
};
