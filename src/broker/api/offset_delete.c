/*
 * OffsetDelete: topics and partitions that do not exist are refused here, the coordinator handles
 * the rest (KIP-496).
 */
#include "base/err.h"
#include "base/str_index.h"
#include "broker/answer.h"
#include "broker/core.h"
#include "broker/coordinator_request.h"
#include "broker/permission.h"
#include "protocol/offset_delete.h"

typedef struct offset_delete_request_topic asked;
typedef struct offset_delete_response_topic told;

struct deletion {
	struct offset_delete_request in;
	struct offset_delete_response out;
	struct offset_delete_response refused;
};

static void refuse(told *o, int32_t partition, int err)
{
	o->partitions.v[o->partitions.n++] =
		(struct offset_delete_response_partition){.partition_index = partition, .error_code = (int16_t)err};
}

static bool sort_topic(struct request *r, struct deletion *d, const asked *t)
{
	const struct image_topic *topic = image_topic_by_name(r->image, t->name);
	asked *good = &d->in.topics.v[d->in.topics.n];
	told *bad = &d->refused.topics.v[d->refused.topics.n];
	bool may = request_may(r, ACL_READ, ACL_TOPIC, t->name);

	good->name = bad->name = t->name;
	if (!ANSWER_ARRAY(r, good->partitions, offset_delete_request_partition_schema, t->partitions.n) ||
	    !ANSWER_ARRAY(r, bad->partitions, offset_delete_response_partition_schema, t->partitions.n))
		return false;
	good->partitions.n = bad->partitions.n = 0;
	for (int i = 0; i < t->partitions.n; i++) {
		int32_t partition = t->partitions.v[i].partition_index;

		if (!may)
			refuse(bad, partition, ERR_TOPIC_AUTHORIZATION_FAILED);
		else if (topic && image_topic_partition(topic, partition))
			good->partitions.v[good->partitions.n++] = t->partitions.v[i];
		else
			refuse(bad, partition, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	}
	d->in.topics.n += good->partitions.n > 0;
	d->refused.topics.n += bad->partitions.n > 0;
	return true;
}

/* Adds the refused partitions of a topic, then the coordinator's. */
static void merge(struct request *r, const struct deletion *d, struct str_index *met)
{
	struct offset_delete_response *out = r->out;
	int n = d->refused.topics.n + d->out.topics.n;

	if (!ANSWER_ARRAY(r, out->topics, offset_delete_response_topic_schema, n))
		return;
	out->topics.n = 0;
	for (int i = 0; i < n; i++) {
		const told *t =
			i < d->refused.topics.n ? &d->refused.topics.v[i] : &d->out.topics.v[i - d->refused.topics.n];
		int *at = str_index_at(met, t->name);

		if (*at >= 0) {
			answer_join(r, &offset_delete_response_partition_schema, &out->topics.v[*at].partitions,
				    &t->partitions);
			continue;
		}
		*at = out->topics.n;
		out->topics.v[out->topics.n++] = *t;
	}
}

static void finish(struct request *r, const struct shard_command *c, void *arg)
{
	struct str_index met;

	/* With an error of the group, the answer has no topics. */
	if (c->err) {
		((struct offset_delete_response *)r->out)->error_code = (int16_t)c->err;
		return;
	}
	str_index_init(&met, env_random_u64(r->core->loop->env));
	merge(r, arg, &met);
	str_index_fini(&met);
}

static void fail(struct request *r, int err, struct str message)
{
	(void)message;
	((struct offset_delete_response *)r->out)->error_code = (int16_t)err;
}

static enum outcome run(struct request *r)
{
	const struct offset_delete_request *in = r->in;
	struct deletion *d = arena_zalloc(&r->arena, sizeof(*d));

	if (!r->image || !d)
		return HANG_UP;
	if (!request_may(r, ACL_DELETE, ACL_GROUP, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	d->in.group_id = in->group_id;
	if (!ANSWER_ARRAY(r, d->in.topics, offset_delete_request_topic_schema, in->topics.n) ||
	    !ANSWER_ARRAY(r, d->refused.topics, offset_delete_response_topic_schema, in->topics.n))
		return HANG_UP;
	d->in.topics.n = d->refused.topics.n = 0;
	for (int i = 0; i < in->topics.n; i++)
		if (!sort_topic(r, d, &in->topics.v[i]))
			return HANG_UP;
	if (in->group_id.len == 0)
		return request_fail(r, ERR_INVALID_GROUP_ID, STR_NULL);
	return coordinator_request_run(r, COORDINATOR_GROUP, in->group_id, &d->in, &d->out, finish, d);
}

const struct api api_offset_delete = {
	.key = offset_delete_request_KEY,
	.first = offset_delete_request_FIRST,
	.last = offset_delete_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &offset_delete_request_schema,
	.out = &offset_delete_response_schema,
	.run = run,
	.fail = fail,
};
