/*
 * group_describe: tries ConsumerGroupDescribe first (KIP-848), and DescribeGroups if there is no
 * consumer group of that name.
 */
#include "cli/group_describe.h"

#include <stdlib.h>
#include <string.h>

#include "cli/group_list.h"
#include "protocol/consumer_group_describe.h"
#include "protocol/consumer_protocol.h"
#include "protocol/describe_groups.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_fetch.h"
#include "wire/codec.h"

enum { COMMIT_VERSION = 9, OFFSETS_VERSION = 7, CLASSIC_MEMBER = 0, CONSUMER_MEMBER = 1 };

/* ---- the consumer protocol ---- */

static struct partition *take_assignment(struct tool *t, const struct consumer_group_describe_response_assignment *a,
					 int *n)
{
	struct partition *v;
	size_t total = 1;

	for (int32_t i = 0; i < a->topic_partitions.n; i++)
		total += (size_t)a->topic_partitions.v[i].partitions.n;
	v = arena_array(&t->arena, total, sizeof(*v));
	*n = 0;
	for (int32_t i = 0; i < a->topic_partitions.n; i++)
		for (int32_t k = 0; k < a->topic_partitions.v[i].partitions.n; k++)
			v[(*n)++] = (struct partition){.topic = a->topic_partitions.v[i].topic_name,
						       .partition = a->topic_partitions.v[i].partitions.v[k]};
	qsort(v, (size_t)*n, sizeof(*v), partition_compare);
	return v;
}

static void take_consumer_group(struct tool *t, const struct consumer_group_describe_response_group *d, struct group *g)
{
	g->is_consumer = true;
	g->state = group_state_parse(d->group_state);
	g->assignor = d->assignor_name;
	g->epoch = d->group_epoch;
	g->assignment_epoch = d->assignment_epoch;
	g->members = arena_array(&t->arena, (size_t)d->members.n + 1, sizeof(*g->members));
	for (int32_t i = 0; i < d->members.n; i++) {
		const struct consumer_group_describe_response_member *m = &d->members.v[i];
		struct group_member *to = &g->members[g->n_members++];

		*to = (struct group_member){.id = m->member_id,
					    .instance_id = m->instance_id,
					    .client_id = m->client_id,
					    .host = m->client_host,
					    .epoch = m->member_epoch,
					    .upgraded = m->member_type == CONSUMER_MEMBER  ? 1
							: m->member_type == CLASSIC_MEMBER ? 0
											   : -1};
		to->assigned = take_assignment(t, &m->assignment, &to->n_assigned);
		to->target = take_assignment(t, &m->target_assignment, &to->n_target);
	}
}

/* False when it is not a group of this kind, or the broker does not support them. */
static bool describe_consumer(struct tool *t, struct group *g)
{
	struct consumer_group_describe_request r = {.group_ids = {&g->id, 1}};
	const struct consumer_group_describe_response *d;
	const void *response;
	int err = tool_ask(t, g->coordinator, consumer_group_describe_request_KEY, &r, &response);

	d = response;
	if (err != 0 || d->groups.n != 1 || d->groups.v[0].error_code)
		return false;
	take_consumer_group(t, &d->groups.v[0], g);
	return true;
}

/* ---- the classic protocol ---- */

static struct partition *take_classic_assignment(struct tool *t, struct bytes bytes, int *n)
{
	struct consumer_protocol_assignment a;
	struct partition *v;
	struct reader r;
	size_t total = 1;
	int version;

	*n = 0;
	codec_init(&consumer_protocol_assignment_schema, &a);
	reader_init(&r, bytes.p, (size_t)(bytes.len > 0 ? bytes.len : 0));
	version = bytes.len > 1 ? reader_i16(&r) : -1;
	if (version < 0)
		return NULL;
	version = version > consumer_protocol_assignment_LAST ? consumer_protocol_assignment_LAST : version;
	if (codec_read(&consumer_protocol_assignment_schema, version, &r, &t->arena, &a) != 0)
		return NULL;
	for (int32_t i = 0; i < a.assigned_partitions.n; i++)
		total += (size_t)a.assigned_partitions.v[i].partitions.n;
	v = arena_array(&t->arena, total, sizeof(*v));
	for (int32_t i = 0; i < a.assigned_partitions.n; i++)
		for (int32_t k = 0; k < a.assigned_partitions.v[i].partitions.n; k++)
			v[(*n)++] = (struct partition){.topic = a.assigned_partitions.v[i].topic,
						       .partition = a.assigned_partitions.v[i].partitions.v[k]};
	qsort(v, (size_t)*n, sizeof(*v), partition_compare);
	return v;
}

static void take_classic_group(struct tool *t, const struct describe_groups_response_group *d, struct group *g)
{
	g->err = d->error_code;
	g->message = d->error_message;
	if (g->err == 0 && d->protocol_type.len > 0 && !str_is(d->protocol_type, "consumer")) {
		g->err = ERR_INVALID_GROUP_ID;
		g->message = arena_printf(&t->arena, "GroupId %.*s is not a consumer group (%.*s).", STR_ARG(g->id),
					  STR_ARG(d->protocol_type));
	}
	g->state = group_state_parse(d->group_state);
	if (!g->state.p)
		g->state = d->group_state;
	g->assignor = d->protocol_data;
	g->members = arena_array(&t->arena, (size_t)d->members.n + 1, sizeof(*g->members));
	for (int32_t i = 0; i < d->members.n; i++) {
		const struct describe_groups_response_member *m = &d->members.v[i];
		struct group_member *to = &g->members[g->n_members++];

		*to = (struct group_member){.id = m->member_id,
					    .instance_id = m->group_instance_id,
					    .client_id = m->client_id,
					    .host = m->client_host,
					    .epoch = -1,
					    .upgraded = -1};
		to->assigned = take_classic_assignment(t, m->member_assignment, &to->n_assigned);
	}
}

static void describe_classic(struct tool *t, struct group *g)
{
	struct describe_groups_request r = {.groups = {&g->id, 1}};
	const struct describe_groups_response *d;
	const void *response;
	int err = tool_ask(t, g->coordinator, describe_groups_request_KEY, &r, &response);

	if (err != 0)
		tool_die_of(t, err, t->message);
	d = response;
	if (d->groups.n != 1)
		tool_die(t, "DescribeGroups: one group was expected");
	take_classic_group(t, &d->groups.v[0], g);
}

struct group group_describe(struct tool *t, const char *id)
{
	struct group g = {.id = str_of(id), .epoch = -1, .assignment_epoch = -1};
	int err;

	g.coordinator = tool_coordinator(t, 0, id, &err);
	if (err != 0)
		tool_die_of(t, err, t->message);
	if (!describe_consumer(t, &g))
		describe_classic(t, &g);
	return g;
}

/* ---- offsets ---- */

struct offsets_ask {
	struct ask ask;
	struct offset_fetch_request request;
};

struct partition *group_offsets(struct tool *t, const struct group *g, int *n)
{
	struct offsets_ask *a = arena_zalloc(&t->arena, sizeof(*a));
	const struct offset_fetch_response *r;
	struct partition *v;
	size_t total = 1;
	int err;

	a->request.group_id = g->id;
	a->request.topics.n = -1;
	a->ask.call.version_max = OFFSETS_VERSION;
	tool_ask_start(t, &a->ask, g->coordinator, offset_fetch_request_KEY, &a->request);
	tool_wait(t);
	err = tool_ask_error(t, &a->ask);
	*n = 0;
	if (err == ERR_GROUP_ID_NOT_FOUND)
		return NULL;
	if (err != 0)
		tool_die_of(t, err, t->message);
	r = a->ask.call.response;
	for (int32_t i = 0; i < r->topics.n; i++)
		total += (size_t)r->topics.v[i].partitions.n;
	v = arena_array(&t->arena, total, sizeof(*v));
	for (int32_t i = 0; i < r->topics.n; i++)
		for (int32_t k = 0; k < r->topics.v[i].partitions.n; k++) {
			const struct offset_fetch_response_partition *p = &r->topics.v[i].partitions.v[k];

			if (p->error_code == 0 && p->committed_offset >= 0)
				v[(*n)++] = (struct partition){.topic = r->topics.v[i].name,
							       .partition = p->partition_index,
							       .offset = p->committed_offset,
							       .leader_epoch = p->committed_leader_epoch};
		}
	qsort(v, (size_t)*n, sizeof(*v), partition_compare);
	return v;
}

int group_commit(struct tool *t, const struct group *g, const struct partition *v, int n)
{
	struct offset_commit_request *r = arena_alloc(&t->arena, sizeof(*r));
	const struct offset_commit_response *answer;
	struct ask *a = arena_zalloc(&t->arena, sizeof(*a));
	int err;

	codec_init(&offset_commit_request_schema, r);
	r->group_id = g->id;
	r->topics.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*r->topics.v));
	for (int i = 0; i < n; i++) {
		struct offset_commit_request_topic *topic = &r->topics.v[r->topics.n - 1];

		if (r->topics.n == 0 || !str_eq(topic->name, v[i].topic)) {
			topic = &r->topics.v[r->topics.n++];
			topic->name = v[i].topic;
			topic->partitions.v = arena_array(&t->arena, (size_t)(n - i), sizeof(*topic->partitions.v));
		}
		topic->partitions.v[topic->partitions.n++] =
			(struct offset_commit_request_partition){v[i].partition, v[i].offset, -1, STR("")};
	}
	a->call.version_max = COMMIT_VERSION;
	tool_ask_start(t, a, g->coordinator, offset_commit_request_KEY, r);
	tool_wait(t);
	err = tool_ask_error(t, a);
	answer = a->call.response;
	for (int32_t i = 0; err == 0 && i < answer->topics.n; i++)
		for (int32_t k = 0; err == 0 && k < answer->topics.v[i].partitions.n; k++)
			err = answer->topics.v[i].partitions.v[k].error_code;
	return err;
}
