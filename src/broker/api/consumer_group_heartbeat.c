/*
 * ConsumerGroupHeartbeat: a message from a member of a consumer group to its coordinator (KIP-848).
 *
 * This file makes the checks that Kafka makes before it looks for the group (KafkaApis,
 * GroupCoordinatorService).
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/consumer_protocol.h"
#include "broker/coordinator_request.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "config/config.h"
#include "protocol/consumer_group_heartbeat.h"

#define MEMBER_ID_SINCE 1 /* the member chooses its id itself */

enum { JOIN_EPOCH = 0, LEAVE_EPOCH = -1, STATIC_LEAVE_EPOCH = -2 };

typedef struct consumer_group_heartbeat_request heartbeat_request;
typedef struct consumer_group_heartbeat_response heartbeat_response;

static void fail(struct request *r, int err, struct str message)
{
	*(heartbeat_response *)r->out =
		(heartbeat_response){.error_code = (int16_t)err, .error_message = message, .member_id = STR_NULL};
}

static void finish(struct request *r, const struct shard_command *c, void *arg)
{
	(void)arg;
	if (c->err)
		fail(r, c->err, c->err == ERR_UNKNOWN_SERVER_ERROR ? STR_NULL : c->message);
}

/* Java's trim().isEmpty(). */
static bool is_blank(struct str s)
{
	for (int i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] > ' ')
			return false;
	}
	return !str_is_null(s);
}

static const char *wrong_join(const heartbeat_request *in)
{
	if (in->rebalance_timeout_ms == -1)
		return "RebalanceTimeoutMs must be provided in first request.";
	if (in->topic_partitions.n != 0)
		return "TopicPartitions must be empty when (re-)joining.";
	if (in->subscribed_topic_names.n < 0 && str_is_null(in->subscribed_topic_regex))
		return "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.";
	return NULL;
}

/* What is wrong with the request, in Kafka's words; NULL: nothing. */
static const char *wrong(const heartbeat_request *in, int16_t version)
{
	bool names_itself = version >= MEMBER_ID_SINCE || in->member_epoch > 0 || in->member_epoch == LEAVE_EPOCH;

	if (names_itself && is_blank(in->member_id))
		return "MemberId can't be empty.";
	if (is_blank(in->group_id))
		return "GroupId can't be empty.";
	if (is_blank(in->instance_id))
		return "InstanceId can't be empty.";
	if (is_blank(in->rack_id))
		return "RackId can't be empty.";
	if (in->member_epoch == JOIN_EPOCH)
		return wrong_join(in);
	if (in->member_epoch == STATIC_LEAVE_EPOCH)
		return str_is_null(in->instance_id) ? "InstanceId can't be null." : NULL;
	return in->member_epoch < STATIC_LEAVE_EPOCH ? "MemberEpoch is invalid." : NULL;
}

static enum outcome refuse_assignor(struct request *r, struct str name)
{
	struct str all = STR("");
	int n;
	const struct str *v = config_list(r->node->config, CONFIG_GROUP_CONSUMER_ASSIGNORS, &n);

	for (int i = 0; i < n; i++)
		all = arena_printf(&r->arena, "%.*s%s%.*s", STR_ARG(all), i ? ", " : "", STR_ARG(v[i]));
	return request_fail(r, ERR_UNSUPPORTED_ASSIGNOR,
			    arena_printf(&r->arena, "ServerAssignor %.*s is not supported. Supported assignors: %.*s.",
					 STR_ARG(name), STR_ARG(all)));
}

static bool has_assignor(const struct node *node, struct str name)
{
	int n;
	const struct str *v = config_list(node->config, CONFIG_GROUP_CONSUMER_ASSIGNORS, &n);

	for (int i = 0; i < n; i++) {
		if (str_eq(v[i], name))
			return true;
	}
	return str_is_null(name);
}

/*
 * One topic that may not be described refuses the whole request, so that a subscription does not
 * reveal which topics exist.
 */
static bool may_describe_topics(struct request *r, const heartbeat_request *in)
{
	for (int i = 0; i < in->subscribed_topic_names.n; i++)
		if (!request_may(r, ACL_DESCRIBE, ACL_TOPIC, in->subscribed_topic_names.v[i]))
			return false;
	return true;
}

static enum outcome run(struct request *r)
{
	const heartbeat_request *in = r->in;
	const char *why;

	if (!r->image)
		return HANG_UP;
	if (!consumer_protocol_is_on(r->node, r->image))
		return request_fail(r, ERR_UNSUPPORTED_VERSION, STR_NULL);
	if (!request_may(r, ACL_READ, ACL_GROUP, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	if (!may_describe_topics(r, in))
		return request_fail(r, ERR_TOPIC_AUTHORIZATION_FAILED, STR_NULL);
	why = wrong(in, r->version);
	if (why)
		return request_fail(r, ERR_INVALID_REQUEST, str_of(why));
	if (!has_assignor(r->node, in->server_assignor))
		return refuse_assignor(r, in->server_assignor);
	return coordinator_request_run(r, COORDINATOR_GROUP, in->group_id, r->in, r->out, finish, NULL);
}

const struct api api_consumer_group_heartbeat = {
	.key = consumer_group_heartbeat_request_KEY,
	.first = consumer_group_heartbeat_request_FIRST,
	.last = consumer_group_heartbeat_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &consumer_group_heartbeat_request_schema,
	.out = &consumer_group_heartbeat_response_schema,
	.run = run,
	.fail = fail,
};
