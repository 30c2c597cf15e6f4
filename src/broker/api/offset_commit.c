/*
 * OffsetCommit: topics and partitions that the cluster does not have are refused here, the rest is the coordinator's. As Kafka answers it:
 * the refused ones first, then what the coordinator says, each topic once.
 */
#include "base/err.h"
#include "base/str_index.h"
#include "broker/answer.h"
#include "broker/core.h"
#include "broker/coordinator_request.h"
#include "broker/permission.h"
#include "protocol/offset_commit.h"

#define TOPIC_IDS_SINCE 10

typedef struct offset_commit_request_topic asked;
typedef struct offset_commit_response_topic told;

struct commit {
	struct str_index topics; /* where each topic is in the answer: by name, or by the bytes of its id */
	int only;		 /* where it is when one is asked about, as consumers most often do */
	bool is_one;
	struct offset_commit_request in;   /* what the cluster has */
	struct offset_commit_response out; /* what the coordinator says of it */
};

/* Each topic is in the answer once. t stays until then. */
static bool merge_topic(struct request *r, struct commit *k, const told *t)
{
	struct offset_commit_response *out = r->out;
	struct str key = t->name.len > 0 ? t->name : (struct str){(const char *)t->topic_id.b, sizeof(t->topic_id.b)};
	int *at = k->is_one ? &k->only : str_index_at(&k->topics, key);

	if (*at >= 0)
		return answer_join(r, &offset_commit_response_partition_schema, &out->topics.v[*at].partitions,
				   &t->partitions);
	*at = out->topics.n;
	out->topics.v[out->topics.n++] = *t;
	return true;
}

static bool refuse_topic(struct request *r, struct commit *k, const asked *t, int err)
{
	told *o = arena_zalloc(&r->arena, sizeof(*o));

	if (!o || !ANSWER_ARRAY(r, o->partitions, offset_commit_response_partition_schema, t->partitions.n))
		return false;
	o->name = t->name;
	o->topic_id = t->topic_id;
	for (int i = 0; i < t->partitions.n; i++) {
		o->partitions.v[i].partition_index = t->partitions.v[i].partition_index;
		o->partitions.v[i].error_code = (int16_t)err;
	}
	return merge_topic(r, k, o);
}

/* Sorts the partitions of a topic that is there: those that are not are refused. */
static bool sort_partitions(struct request *r, struct commit *k, const asked *t, const struct image_topic *topic)
{
	asked *good = &k->in.topics.v[k->in.topics.n], *bad = arena_zalloc(&r->arena, sizeof(*bad));
	int n = t->partitions.n;

	*good = (asked){.name = topic->name, .topic_id = topic->id};
	if (!bad || !ANSWER_ARRAY(r, good->partitions, offset_commit_request_partition_schema, n) ||
	    !ANSWER_ARRAY(r, bad->partitions, offset_commit_request_partition_schema, n))
		return false;
	bad->name = topic->name;
	bad->topic_id = topic->id;
	good->partitions.n = bad->partitions.n = 0;
	for (int i = 0; i < n; i++) {
		asked *to = image_topic_partition(topic, t->partitions.v[i].partition_index) ? good : bad;

		to->partitions.v[to->partitions.n++] = t->partitions.v[i];
	}
	k->in.topics.n += good->partitions.n > 0;
	return bad->partitions.n == 0 || refuse_topic(r, k, bad, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

/* topic: NULL, where there is none. Of a name it is not told that there is none to whom may not read it. */
static int error_of(struct request *r, const asked *t, const struct image_topic *topic)
{
	if (!topic && r->version >= TOPIC_IDS_SINCE)
		return ERR_UNKNOWN_TOPIC_ID;
	if (!request_may(r, ACL_READ, ACL_TOPIC, topic ? topic->name : t->name))
		return ERR_TOPIC_AUTHORIZATION_FAILED;
	return topic ? 0 : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static bool sort_topics(struct request *r, struct commit *k)
{
	const struct offset_commit_request *in = r->in;
	struct offset_commit_response *out = r->out;
	bool by_id = r->version >= TOPIC_IDS_SINCE;

	/* Twice: what is refused, and what the coordinator says. */
	if (!ANSWER_ARRAY(r, out->topics, offset_commit_response_topic_schema, in->topics.n * 2) ||
	    !ANSWER_ARRAY(r, k->in.topics, offset_commit_request_topic_schema, in->topics.n))
		return false;
	out->topics.n = k->in.topics.n = 0;
	for (int i = 0; i < in->topics.n; i++) {
		const asked *t = &in->topics.v[i];
		const struct image_topic *topic =
			by_id ? image_topic_by_id(r->image, t->topic_id) : image_topic_by_name(r->image, t->name);
		int err = error_of(r, t, topic);

		if (err ? !refuse_topic(r, k, t, err) : !sort_partitions(r, k, t, topic))
			return false;
	}
	return true;
}

static void finish(struct request *r, const struct shard_command *c, void *arg)
{
	struct commit *k = arg;
	bool ok = true;

	if (c->err) {
		for (int i = 0; i < k->in.topics.n && ok; i++)
			ok = refuse_topic(r, k, &k->in.topics.v[i], c->err);
		return;
	}
	for (int i = 0; i < k->out.topics.n && ok; i++)
		ok = merge_topic(r, k, &k->out.topics.v[i]);
}

static void fail(struct request *r, int err, struct str message)
{
	const struct offset_commit_request *in = r->in;
	struct offset_commit_response *out = r->out;

	(void)message;
	if (!ANSWER_ARRAY(r, out->topics, offset_commit_response_topic_schema, in->topics.n))
		return;
	for (int i = 0; i < in->topics.n; i++) {
		const asked *t = &in->topics.v[i];
		told *o = &out->topics.v[i];

		o->name = t->name;
		o->topic_id = t->topic_id;
		if (!ANSWER_ARRAY(r, o->partitions, offset_commit_response_partition_schema, t->partitions.n))
			return;
		for (int j = 0; j < t->partitions.n; j++) {
			o->partitions.v[j].partition_index = t->partitions.v[j].partition_index;
			o->partitions.v[j].error_code = (int16_t)err;
		}
	}
}

static void release(void *arg)
{
	struct commit *k = arg;

	str_index_fini(&k->topics);
}

static enum outcome run(struct request *r)
{
	const struct offset_commit_request *in = r->in;
	struct commit *k = arena_zalloc(&r->arena, sizeof(*k));

	if (!r->image || !k)
		return HANG_UP;
	if (!request_may(r, ACL_READ, ACL_GROUP, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	k->only = -1;
	k->is_one = in->topics.n == 1;
	if (!k->is_one) {
		str_index_init(&k->topics, env_random_u64(r->core->loop->env));
		arena_cleanup(&r->arena, release, k);
	}
	k->in = *in;
	if (!sort_topics(r, k))
		return HANG_UP;
	if (k->in.topics.n == 0)
		return REPLY;
	return coordinator_request_run(r, COORDINATOR_GROUP, in->group_id, &k->in, &k->out, finish, k);
}

const struct api api_offset_commit = {
	.key = offset_commit_request_KEY,
	.first = offset_commit_request_FIRST,
	.last = offset_commit_request_LAST,
	.flags = API_BROKER,
	.in = &offset_commit_request_schema,
	.out = &offset_commit_response_schema,
	.run = run,
	.fail = fail,
};
