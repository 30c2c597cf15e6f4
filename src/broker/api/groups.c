/*
 * groups: ListGroups, DescribeGroups and DeleteGroups: the administration of groups.
 */
#include "base/err.h"
#include "base/str_index.h"
#include "broker/answer.h"
#include "broker/core.h"
#include "broker/coordinator_request.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "broker/permitted.h"
#include "protocol/delete_groups.h"
#include "protocol/describe_groups.h"
#include "protocol/list_groups.h"

#define OPERATIONS_SINCE_DESCRIBE 3

/* ---- ListGroups ---- */

/* For states, and for types: there are fewer than ten of each. Kafka accepts any number. */
#define FILTERS_MAX 10000

static void fail_list(struct request *r, int err, struct str message)
{
	(void)message;
	*(struct list_groups_response *)r->out = (struct list_groups_response){.error_code = (int16_t)err};
}

static void put_described(struct request *r, bool all, const struct list_groups_response *part)
{
	struct list_groups_response *out = r->out;

	for (int i = 0; i < part->groups.n; i++)
		if (all || request_may_quietly(r, ACL_DESCRIBE, ACL_GROUP, part->groups.v[i].group_id))
			out->groups.v[out->groups.n++] = part->groups.v[i];
}

/* A shard that has moved away meanwhile has nothing to list; any other error is that of the whole list. */
static void finish_list(struct coordinator_fan *f)
{
	struct list_groups_response *out = f->r->out;
	int n = 0, err = 0;
	bool all;

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
	out->groups.n = 0;
	/*
	 * A principal that may describe the cluster sees all groups, as before groups had
	 * permissions of their own.
	 */
	all = request_may_quietly(f->r, ACL_DESCRIBE, ACL_CLUSTER, STR(ACL_CLUSTER_NAME));
	for (int i = 0; i < f->n; i++)
		if (f->v[i].command.c.err == 0)
			put_described(f->r, all, f->v[i].out);
}

static enum outcome run_list(struct request *r)
{
	const struct list_groups_request *in = r->in;

	if (in->states_filter.n > FILTERS_MAX || in->types_filter.n > FILTERS_MAX) {
		fail_list(r, ERR_INVALID_REQUEST, STR_NULL);
		return REPLY;
	}
	return r->image ? coordinator_fan_run_all(r, COORDINATOR_GROUP, r->in, finish_list) : HANG_UP;
}

const struct api api_list_groups = {
	.key = list_groups_request_KEY,
	.first = list_groups_request_FIRST,
	.last = list_groups_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
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

/* Groups that may not be described come first. */
static void finish_describe(struct coordinator_fan *f)
{
	const struct describe_groups_request *in = f->r->in;
	const struct permitted *groups = f->arg;
	struct describe_groups_response *out = f->r->out;
	int n = groups->n - groups->n_may;

	if (!ANSWER_ARRAY(f->r, out->groups, describe_groups_response_group_schema, groups->n))
		return;
	for (int i = 0; i < n; i++)
		refuse_described(&out->groups.v[i], groups->v[groups->n_may + i], ERR_GROUP_AUTHORIZATION_FAILED);
	for (int i = 0; i < f->n; i++) {
		const struct describe_groups_response *part = f->v[i].out;
		struct describe_groups_response_group *o = &out->groups.v[n + i];

		if (f->v[i].command.c.err) {
			refuse_described(o, groups->v[i], f->v[i].command.c.err);
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
	struct permitted *groups = arena_zalloc(&r->arena, sizeof(*groups));
	struct coordinator_fan *f;

	if (!r->image || !groups || !permitted_sort(r, ACL_DESCRIBE, ACL_GROUP, in->groups.v, in->groups.n, groups))
		return HANG_UP;
	f = coordinator_fan_new(r, COORDINATOR_GROUP, groups->n_may, finish_describe, groups);
	if (!f)
		return HANG_UP;
	for (int i = 0; i < f->n; i++) {
		struct describe_groups_request *part = arena_zalloc(&r->arena, sizeof(*part));

		if (!part)
			return HANG_UP;
		part->groups.v = &groups->v[i];
		part->groups.n = 1;
		coordinator_fan_ask(f, i, groups->v[i], part);
	}
	return coordinator_fan_run(f);
}

const struct api api_describe_groups = {
	.key = describe_groups_request_KEY,
	.first = describe_groups_request_FIRST,
	.last = describe_groups_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
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

static void refuse_deletion(struct delete_groups_response_result *o, struct str id, int err)
{
	o->group_id = id;
	o->error_code = (int16_t)err;
}

static void finish_delete(struct coordinator_fan *f)
{
	const struct permitted *groups = f->arg;
	struct delete_groups_response *out = f->r->out;

	if (!ANSWER_ARRAY(f->r, out->results, delete_groups_response_result_schema, groups->n))
		return;
	for (int i = 0; i < f->n; i++) {
		const struct delete_groups_response *part = f->v[i].out;

		if (f->v[i].command.c.err)
			refuse_deletion(&out->results.v[i], groups->v[i], f->v[i].command.c.err);
		else
			out->results.v[i] = part->results.v[0];
	}
	for (int i = groups->n_may; i < groups->n; i++)
		refuse_deletion(&out->results.v[i], groups->v[i], ERR_GROUP_AUTHORIZATION_FAILED);
}

/* Each group once, however often it is named. */
static int each_once(struct request *r, struct str *names)
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
		names[n++] = in->groups_names.v[i];
	}
	str_index_fini(&met);
	return n;
}

static enum outcome run_delete(struct request *r)
{
	const struct delete_groups_request *in = r->in;
	struct str *names = arena_array(&r->arena, (size_t)in->groups_names.n + 1, sizeof(*names));
	struct permitted *groups = arena_zalloc(&r->arena, sizeof(*groups));
	struct coordinator_fan *f;

	if (!r->image || !names || !groups ||
	    !permitted_sort(r, ACL_DELETE, ACL_GROUP, names, each_once(r, names), groups))
		return HANG_UP;
	f = coordinator_fan_new(r, COORDINATOR_GROUP, groups->n_may, finish_delete, groups);
	if (!f)
		return HANG_UP;
	for (int i = 0; i < f->n; i++) {
		struct delete_groups_request *part = arena_zalloc(&r->arena, sizeof(*part));

		if (!part)
			return HANG_UP;
		part->groups_names.v = &groups->v[i];
		part->groups_names.n = 1;
		coordinator_fan_ask(f, i, groups->v[i], part);
	}
	return coordinator_fan_run(f);
}

const struct api api_delete_groups = {
	.key = delete_groups_request_KEY,
	.first = delete_groups_request_FIRST,
	.last = delete_groups_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &delete_groups_request_schema,
	.out = &delete_groups_response_schema,
	.run = run_delete,
	.fail = fail_delete,
};
