/* ConsumerGroupDescribe: consumer groups with their members and assignments, as their coordinators know them. */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/consumer_protocol.h"
#include "broker/coordinator_request.h"
#include "broker/permission.h"
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

/* The groups without an id come first: they are nobody's. */
static void finish(struct coordinator_fan *f)
{
	const describe_request *in = f->r->in;
	describe_response *out = f->r->out;
	int n = in->group_ids.n - f->n;

	if (!ANSWER_ARRAY(f->r, out->groups, consumer_group_describe_response_group_schema, in->group_ids.n))
		return;
	for (int i = 0; i < n; i++)
		refuse(&out->groups.v[i], STR(""), ERR_INVALID_GROUP_ID);
	for (int i = 0; i < f->n; i++) {
		const describe_request *part_in = f->v[i].in;
		const describe_response *part = f->v[i].out;
		struct consumer_group_describe_response_group *o = &out->groups.v[n + i];

		if (f->v[i].command.c.err) {
			refuse(o, part_in->group_ids.v[0], f->v[i].command.c.err);
			continue;
		}
		*o = part->groups.v[0];
		if (in->include_authorized_operations && !o->error_code)
			o->authorized_operations = request_operations(f->r, ACL_GROUP, o->group_id);
	}
}

static enum outcome run(struct request *r)
{
	const describe_request *in = r->in;
	describe_request *parts = arena_array(&r->arena, (size_t)in->group_ids.n + 1, sizeof(*parts));
	struct coordinator_fan *f;
	int n = 0;

	if (!r->image || !parts)
		return HANG_UP;
	if (!consumer_protocol_is_on(r->node, r->image))
		return request_fail(r, ERR_UNSUPPORTED_VERSION, STR_NULL);
	for (int i = 0; i < in->group_ids.n; i++) {
		if (in->group_ids.v[i].len == 0)
			continue;
		parts[n].group_ids.v = &in->group_ids.v[i];
		parts[n++].group_ids.n = 1;
	}
	f = coordinator_fan_new(r, COORDINATOR_GROUP, n, finish, NULL);
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
	.flags = API_BROKER,
	.acl_operation = ACL_DESCRIBE,
	.acl_resource = ACL_GROUP,
	.in = &consumer_group_describe_request_schema,
	.out = &consumer_group_describe_response_schema,
	.run = run,
	.fail = fail,
};
