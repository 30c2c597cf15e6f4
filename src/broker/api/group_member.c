/*
 * group_member: JoinGroup, SyncGroup, Heartbeat and LeaveGroup: the messages of a member of a
 * classic group to its coordinator.
 *
 * This file makes the checks that Kafka makes before it looks for the group (KafkaApis,
 * GroupCoordinatorService), and handles old versions.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/coordinator_request.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "config/config.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/sync_group.h"

#define NULL_PROTOCOL_SINCE_JOIN 7
#define PROTOCOLS_SINCE_SYNC 5
#define MEMBERS_SINCE_LEAVE 3

static bool may_read(struct request *r, struct str group_id)
{
	return request_may(r, ACL_READ, ACL_GROUP, group_id);
}

/* ---- JoinGroup ---- */

static void fail_join(struct request *r, int err, struct str message)
{
	struct join_group_response *out = r->out;

	(void)message;
	*out = (struct join_group_response){
		.error_code = (int16_t)err,
		.generation_id = -1,
		.protocol_name = r->version >= NULL_PROTOCOL_SINCE_JOIN ? STR_NULL : STR(""),
		.leader = STR(""),
		.member_id = STR(""),
	};
}

static void finish_join(struct request *r, const struct shard_command *c, void *arg)
{
	struct join_group_response *out = r->out;

	(void)arg;
	if (c->err)
		fail_join(r, c->err, STR_NULL);
	if (out->protocol_name.len == 0)
		out->protocol_name = r->version >= NULL_PROTOCOL_SINCE_JOIN ? STR_NULL : STR("");
	if (str_is_null(out->leader))
		out->leader = STR("");
}

static enum outcome refuse_join(struct request *r, int err)
{
	const struct join_group_request *in = r->in;

	fail_join(r, err, STR_NULL);
	((struct join_group_response *)r->out)->member_id = in->member_id;
	return REPLY;
}

static enum outcome run_join(struct request *r)
{
	const struct join_group_request *in = r->in;
	const struct config *config = r->node->config;

	if (!r->image)
		return HANG_UP;
	if (!may_read(r, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	if (in->group_id.len == 0)
		return refuse_join(r, ERR_INVALID_GROUP_ID);
	if (in->session_timeout_ms < config_int(config, CONFIG_GROUP_MIN_SESSION_TIMEOUT_MS) ||
	    in->session_timeout_ms > config_int(config, CONFIG_GROUP_MAX_SESSION_TIMEOUT_MS))
		return refuse_join(r, ERR_INVALID_SESSION_TIMEOUT);
	return coordinator_request_run(r, COORDINATOR_GROUP, in->group_id, r->in, r->out, finish_join, NULL);
}

const struct api api_join_group = {
	.key = join_group_request_KEY,
	.first = join_group_request_FIRST,
	.last = join_group_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &join_group_request_schema,
	.out = &join_group_response_schema,
	.run = run_join,
	.fail = fail_join,
};

/* ---- SyncGroup ---- */

static void fail_sync(struct request *r, int err, struct str message)
{
	struct sync_group_response *out = r->out;

	(void)message;
	*out = (struct sync_group_response){.error_code = (int16_t)err, .assignment = {(const uint8_t *)"", 0}};
}

static enum outcome run_sync(struct request *r)
{
	const struct sync_group_request *in = r->in;

	if (!r->image)
		return HANG_UP;
	if (r->version >= PROTOCOLS_SINCE_SYNC && (str_is_null(in->protocol_type) || str_is_null(in->protocol_name)))
		return request_fail(r, ERR_INCONSISTENT_GROUP_PROTOCOL, STR_NULL);
	if (!may_read(r, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	if (in->group_id.len == 0)
		return request_fail(r, ERR_INVALID_GROUP_ID, STR_NULL);
	return coordinator_request_run(r, COORDINATOR_GROUP, in->group_id, r->in, r->out, NULL, NULL);
}

const struct api api_sync_group = {
	.key = sync_group_request_KEY,
	.first = sync_group_request_FIRST,
	.last = sync_group_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &sync_group_request_schema,
	.out = &sync_group_response_schema,
	.run = run_sync,
	.fail = fail_sync,
};

/* ---- Heartbeat ---- */

static void fail_heartbeat(struct request *r, int err, struct str message)
{
	(void)message;
	((struct heartbeat_response *)r->out)->error_code = (int16_t)err;
}

static void finish_heartbeat(struct request *r, const struct shard_command *c, void *arg)
{
	(void)arg;
	/*
	 * A coordinator that is loading does not count this as missed: the session begins when it
	 * has loaded.
	 */
	if (c->err)
		fail_heartbeat(r, c->err == ERR_COORDINATOR_LOAD_IN_PROGRESS ? 0 : c->err, STR_NULL);
}

static enum outcome run_heartbeat(struct request *r)
{
	const struct heartbeat_request *in = r->in;

	if (!r->image)
		return HANG_UP;
	if (!may_read(r, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	if (in->group_id.len == 0)
		return request_fail(r, ERR_INVALID_GROUP_ID, STR_NULL);
	return coordinator_request_run(r, COORDINATOR_GROUP, in->group_id, r->in, r->out, finish_heartbeat, NULL);
}

const struct api api_heartbeat = {
	.key = heartbeat_request_KEY,
	.first = heartbeat_request_FIRST,
	.last = heartbeat_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &heartbeat_request_schema,
	.out = &heartbeat_response_schema,
	.run = run_heartbeat,
	.fail = fail_heartbeat,
};

/* ---- LeaveGroup ---- */

static void fail_leave(struct request *r, int err, struct str message)
{
	(void)message;
	*(struct leave_group_response *)r->out = (struct leave_group_response){.error_code = (int16_t)err};
}

/* Before version 3 one member leaves, and its error is that of the request. */
static void finish_leave(struct request *r, const struct shard_command *c, void *arg)
{
	struct leave_group_response *out = r->out;

	(void)arg;
	if (c->err) {
		fail_leave(r, c->err, STR_NULL);
		return;
	}
	if (r->version >= MEMBERS_SINCE_LEAVE)
		return;
	for (int i = 0; i < out->members.n && !out->error_code; i++)
		out->error_code = out->members.v[i].error_code;
	out->members.n = 0;
}

static const struct leave_group_request *with_members(struct request *r, const struct leave_group_request *in)
{
	struct leave_group_request *copy = arena_alloc(&r->arena, sizeof(*copy));

	if (r->version >= MEMBERS_SINCE_LEAVE || !copy)
		return copy ? in : NULL;
	*copy = *in;
	if (!ANSWER_ARRAY(r, copy->members, leave_group_request_member_schema, 1))
		return NULL;
	copy->members.v[0].member_id = in->member_id;
	return copy;
}

static enum outcome run_leave(struct request *r)
{
	const struct leave_group_request *in = with_members(r, r->in);

	if (!r->image || !in)
		return HANG_UP;
	if (!may_read(r, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	if (in->group_id.len == 0)
		return request_fail(r, ERR_INVALID_GROUP_ID, STR_NULL);
	return coordinator_request_run(r, COORDINATOR_GROUP, in->group_id, in, r->out, finish_leave, NULL);
}

const struct api api_leave_group = {
	.key = leave_group_request_KEY,
	.first = leave_group_request_FIRST,
	.last = leave_group_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &leave_group_request_schema,
	.out = &leave_group_response_schema,
	.run = run_leave,
	.fail = fail_leave,
};
