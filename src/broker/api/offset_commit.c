/*
 * OffsetCommit: partitions that exist are left to the group coordinator, the others are refused
 * here (commit_topics.h).
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/commit_topics.h"
#include "broker/coordinator_request.h"
#include "broker/permission.h"

#define TOPIC_IDS_SINCE 10

struct commit {
	struct commit_topics topics;
	struct offset_commit_request in; /* the request to the coordinator */
};

static void finish(struct request *r, const struct shard_command *c, void *arg)
{
	struct commit *k = arg;

	(void)r;
	commit_topics_finish(&k->topics, c->err);
}

static void fail(struct request *r, int err, struct str message)
{
	const struct offset_commit_request *in = r->in;

	(void)message;
	commit_topics_fail(r, in->topics.v, in->topics.n, err);
}

static enum outcome run(struct request *r)
{
	const struct offset_commit_request *in = r->in;
	struct commit *k = arena_zalloc(&r->arena, sizeof(*k));

	if (!r->image || !k)
		return HANG_UP;
	if (!request_may(r, ACL_READ, ACL_GROUP, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	if (!commit_topics_sort(&k->topics, r, in->topics.v, in->topics.n, r->version >= TOPIC_IDS_SINCE))
		return HANG_UP;
	if (k->topics.n == 0)
		return REPLY;
	k->in = *in;
	k->in.topics.v = k->topics.v;
	k->in.topics.n = k->topics.n;
	return coordinator_request_run(r, COORDINATOR_GROUP, in->group_id, &k->in, &k->topics.said, finish, k);
}

const struct api api_offset_commit = {
	.key = offset_commit_request_KEY,
	.first = offset_commit_request_FIRST,
	.last = offset_commit_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &offset_commit_request_schema,
	.out = &offset_commit_response_schema,
	.run = run,
	.fail = fail,
};
