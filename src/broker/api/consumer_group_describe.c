/*
 * ConsumerGroupDescribe: consumer groups with their members and assignments, from their
 * coordinators.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/consumer_protocol.h"
#include "broker/coordinator_request.h"
#include "broker/permission.h"
#include "broker/permitted.h"
#include "protocol/consumer_group_describe.h"

typedef struct consumer_group_describe_request describe_request;
typedef struct consumer_group_describe_response describe_response;

static void refuse(struct consumer_group_describe_response_group *o, struct str id, int err)
{
	*o = (struct consumer_group_describe_response_group){.error_code = (int16_t)err,
							     .group_id = id,
							     .group_state = STR(""),
							     .assignor_name = STR(""),
							     .authorized_operations = INT32_MIN};
}

static void fail(struct request *r, int err, struct str message)
{
	const describe_request *in = r->in;
	describe_response *out = r->out;

	(void)message;
	if (!ANSWER_ARRAY(r, out->groups, consumer_group_describe_response_group_schema, in->group_ids.n))
		return;
	for (int i = 0; i < in->group_ids.n; i++)
		refuse(&out->groups.v[i], in->group_ids.v[i], err);
}

/* ---- topics that may not be described ---- */

typedef struct consumer_group_describe_response_group told;

static bool may_see(struct request *r, const struct consumer_group_describe_response_assignment *a)
{
	for (int i = 0; i < a->topic_partitions.n; i++)
		if (!request_may(r, ACL_DESCRIBE, ACL_TOPIC, a->topic_partitions.v[i].topic_name))
			return false;
	return true;
}

/* One topic that may not be described hides the whole group. */
static void hide(struct request *r, told *o)
{
	struct str id = o->group_id;

	for (int i = 0; i < o->members.n; i++)
		if (!may_see(r, &o->members.v[i].assignment) || !may_see(r, &o->members.v[i].target_assignment)) {
			refuse(o, id, ERR_TOPIC_AUTHORIZATION_FAILED);
			o->error_message =
				STR("The group has described topic(s) that the client is not authorized to describe.");
			return;
		}
}

/* ---- the answer ---- */

/* Groups without an id, which have no coordinator, are answered before the others. */
struct describing {
	struct permitted groups;
	int n_nameless;
};

static void fill(struct coordinator_fan *f, int i, told *o)
{
	const describe_request *in = f->r->in;
	const describe_request *part_in = f->v[i].in;
	const describe_response *part = f->v[i].out;

	if (f->v[i].command.c.err) {
		refuse(o, part_in->group_ids.v[0], f->v[i].command.c.err);
		return;
	}
	*o = part->groups.v[0];
	if (in->include_authorized_operations && !o->error_code)
		o->authorized_operations = request_operations(f->r, ACL_GROUP, o->group_id);
	hide(f->r, o);
}

/* Groups that may not be described come first. */
static void finish(struct coordinator_fan *f)
{
	const struct describing *d = f->arg;
	describe_response *out = f->r->out;
	int n = 0;

	if (!ANSWER_ARRAY(f->r, out->groups, consumer_group_describe_response_group_schema, d->groups.n))
		return;
	for (int i = d->groups.n_may; i < d->groups.n; i++)
		refuse(&out->groups.v[n++], d->groups.v[i], ERR_GROUP_AUTHORIZATION_FAILED);
	for (int i = 0; i < d->n_nameless; i++)
		refuse(&out->groups.v[n++], STR(""), ERR_INVALID_GROUP_ID);
	for (int i = 0; i < f->n; i++)
		fill(f, i, &out->groups.v[n++]);
}

static enum outcome run(struct request *r)
{
	const describe_request *in = r->in;
	describe_request *parts = arena_array(&r->arena, (size_t)in->group_ids.n + 1, sizeof(*parts));
	struct describing *d = arena_zalloc(&r->arena, sizeof(*d));
	struct coordinator_fan *f;
	int n = 0;

	if (!r->image || !parts || !d)
		return HANG_UP;
	if (!consumer_protocol_is_on(r->node, r->image))
		return request_fail(r, ERR_UNSUPPORTED_VERSION, STR_NULL);
	if (!permitted_sort(r, ACL_DESCRIBE, ACL_GROUP, in->group_ids.v, in->group_ids.n, &d->groups))
		return HANG_UP;
	for (int i = 0; i < d->groups.n_may; i++) {
		if (d->groups.v[i].len == 0)
			continue;
		parts[n].group_ids.v = &d->groups.v[i];
		parts[n++].group_ids.n = 1;
	}
	d->n_nameless = d->groups.n_may - n;
	f = coordinator_fan_new(r, COORDINATOR_GROUP, n, finish, d);
	if (!f)
		return HANG_UP;
	for (int i = 0; i < n; i++)
		coordinator_fan_ask(f, i, parts[i].group_ids.v[0], &parts[i]);
	return coordinator_fan_run(f);
}

const struct api api_consumer_group_describe = {
	.key = consumer_group_describe_request_KEY,
	.first = consumer_group_describe_request_FIRST,
	.last = consumer_group_describe_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &consumer_group_describe_request_schema,
	.out = &consumer_group_describe_response_schema,
	.run = run,
	.fail = fail,
};
