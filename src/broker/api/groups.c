/*
 * groups: ListGroups, DescribeGroups and DeleteGroups: what people ask about groups and do to them.
 */
#include "base/err.h"
#include "base/str_index.h"
#include "broker/answer.h"
#include "broker/core.h"
#include "broker/coordinator_request.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "protocol/delete_groups.h"
#include "protocol/describe_groups.h"
#include "protocol/list_groups.h"

#define OPERATIONS_SINCE_DESCRIBE 3

/* ---- ListGroups ---- */

static void fail_list(struct request *r, int err, struct str message)
{
	(void)message;
	*(struct list_groups_response *)r->out = (struct list_groups_response){.error_code = (int16_t)err};
}

/* A shard that has moved away meanwhile has nothing to list; any other trouble is the whole list's. */
static void finish_list(struct coordinator_fan *f)
{
	struct list_groups_response *out = f->r->out;
	int n = 0, err = 0;

	for (int i = 0; i < f->n; i++) {
		int one = f->v[i].command.c.err;

		if (one == 0)
			n += ((const struct list_groups_response *)f->v[i].out)->groups.n;
		else if (one != ERR_NOT_COORDINATOR)
			err = one;
	}
	if (!err && !ANSWER_ARRAY(f->r, out->groups, list_groups_response_group_schema, n))
		err = ERR_UNKNOWN_SERVER_ERROR;
	if (err) {
		fail_list(f->r, err, STR_NULL);
		return;
	}
	n = 0;
	for (int i = 0; i < f->n; i++) {
		const struct list_groups_response *part = f->v[i].out;

		for (int j = 0; f->v[i].command.c.err == 0 && j < part->groups.n; j++)
			out->groups.v[n++] = part->groups.v[j];
	}
}

static enum outcome run_list(struct request *r)
{
	return r->image ? coordinator_fan_run_all(r, COORDINATOR_GROUP, r->in, finish_list) : HANG_UP;
}

const struct api api_list_groups = {
	.key = list_groups_request_KEY,
	.first = list_groups_request_FIRST,
	.last = list_groups_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_DESCRIBE,
	.acl_resource = ACL_CLUSTER,
	.in = &list_groups_request_schema,
	.out = &list_groups_response_schema,
	.run = run_list,
	.fail = fail_list,
};

/* ---- DescribeGroups ---- */

static void refuse_described(struct describe_groups_response_group *o, struct str id, int err)
{
	o->group_id = id;
	o->error_code = (int16_t)err;
}

static void fail_describe(struct request *r, int err, struct str message)
{
	const struct describe_groups_request *in = r->in;
	struct describe_groups_response *out = r->out;

	(void)message;
	if (!ANSWER_ARRAY(r, out->groups, describe_groups_response_group_schema, in->groups.n))
		return;
	for (int i = 0; i < in->groups.n; i++)
		refuse_described(&out->groups.v[i], in->groups.v[i], err);
}

static void finish_describe(struct coordinator_fan *f)
{
	const struct describe_groups_request *in = f->r->in;
	struct describe_groups_response *out = f->r->out;

	if (!ANSWER_ARRAY(f->r, out->groups, describe_groups_response_group_schema, f->n))
		return;
	for (int i = 0; i < f->n; i++) {
		const struct describe_groups_response *part = f->v[i].out;
		struct describe_groups_response_group *o = &out->groups.v[i];

		if (f->v[i].command.c.err) {
			refuse_described(o, in->groups.v[i], f->v[i].command.c.err);
			continue;
		}
		*o = part->groups.v[0];
		if (f->r->version >= OPERATIONS_SINCE_DESCRIBE && in->include_authorized_operations && !o->error_code)
			o->authorized_operations = request_operations(f->r, ACL_GROUP, o->group_id);
	}
}

static enum outcome run_describe(struct request *r)
{
	const struct describe_groups_request *in = r->in;
	struct coordinator_fan *f;

	if (!r->image)
		return HANG_UP;
	f = coordinator_fan_new(r, COORDINATOR_GROUP, in->groups.n, finish_describe, NULL);
	if (!f)
		return HANG_UP;
	for (int i = 0; i < f->n; i++) {
		struct describe_groups_request *part = arena_zalloc(&r->arena, sizeof(*part));

		if (!part)
			return HANG_UP;
		part->groups.v = &in->groups.v[i];
		part->groups.n = 1;
		coordinator_fan_ask(f, i, in->groups.v[i], part);
	}
	return coordinator_fan_run(f);
}

const struct api api_describe_groups = {
	.key = describe_groups_request_KEY,
	.first = describe_groups_request_FIRST,
	.last = describe_groups_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_DESCRIBE,
	.acl_resource = ACL_GROUP,
	.in = &describe_groups_request_schema,
	.out = &describe_groups_response_schema,
	.run = run_describe,
	.fail = fail_describe,
};

/* ---- DeleteGroups ---- */

static void fail_delete(struct request *r, int err, struct str message)
{
	const struct delete_groups_request *in = r->in;
	struct delete_groups_response *out = r->out;

	(void)message;
	if (!ANSWER_ARRAY(r, out->results, delete_groups_response_result_schema, in->groups_names.n))
		return;
	for (int i = 0; i < in->groups_names.n; i++) {
		out->results.v[i].group_id = in->groups_names.v[i];
		out->results.v[i].error_code = (int16_t)err;
	}
}

static void finish_delete(struct coordinator_fan *f)
{
	struct delete_groups_response *out = f->r->out;

	if (!ANSWER_ARRAY(f->r, out->results, delete_groups_response_result_schema, f->n))
		return;
	for (int i = 0; i < f->n; i++) {
		const struct delete_groups_request *asked = f->v[i].in;
		const struct delete_groups_response *part = f->v[i].out;

		if (f->v[i].command.c.err) {
			out->results.v[i].group_id = asked->groups_names.v[0];
			out->results.v[i].error_code = (int16_t)f->v[i].command.c.err;
		} else {
			out->results.v[i] = part->results.v[0];
		}
	}
}

/* Each group once, as often as it may be named. */
static int split(struct request *r, struct delete_groups_request *parts)
{
	const struct delete_groups_request *in = r->in;
	struct str_index met;
	int n = 0;

	str_index_init(&met, env_random_u64(r->core->loop->env));
	for (int i = 0; i < in->groups_names.n; i++) {
		int *number = str_index_at(&met, in->groups_names.v[i]);

		if (*number >= 0)
			continue;
		*number = n;
		parts[n].groups_names.v = &in->groups_names.v[i];
		parts[n++].groups_names.n = 1;
	}
	str_index_fini(&met);
	return n;
}

static enum outcome run_delete(struct request *r)
{
	const struct delete_groups_request *in = r->in;
	struct delete_groups_request *parts = arena_array(&r->arena, (size_t)in->groups_names.n + 1, sizeof(*parts));
	struct coordinator_fan *f;
	int n;

	if (!r->image || !parts)
		return HANG_UP;
	n = split(r, parts);
	f = coordinator_fan_new(r, COORDINATOR_GROUP, n, finish_delete, NULL);
	if (!f)
		return HANG_UP;
	for (int i = 0; i < n; i++)
		coordinator_fan_ask(f, i, parts[i].groups_names.v[0], &parts[i]);
	return coordinator_fan_run(f);
}

const struct api api_delete_groups = {
	.key = delete_groups_request_KEY,
	.first = delete_groups_request_FIRST,
	.last = delete_groups_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_DELETE,
	.acl_resource = ACL_GROUP,
	.in = &delete_groups_request_schema,
	.out = &delete_groups_response_schema,
	.run = run_delete,
	.fail = fail_delete,
};
