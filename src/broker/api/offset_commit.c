/*
 * OffsetCommit: topics and partitions that the cluster does not have are refused here, the rest is the coordinator's. As Kafka answers it:
 * the refused ones first, then what the coordinator says, each topic once.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/group_request.h"
#include "protocol/offset_commit.h"

#define TOPIC_IDS_SINCE 10

typedef struct offset_commit_request_topic asked;
typedef struct offset_commit_response_topic told;

struct commit {
	struct offset_commit_request in;   /* what the cluster has */
	struct offset_commit_response out; /* what the coordinator says of it */
};

static bool is_same(const told *a, const told *b)
{
	return b->name.len > 0 ? str_eq(a->name, b->name) : a->name.len == 0 && uuid_eq(a->topic_id, b->topic_id);
}

/* Each topic is in the answer once. */
static bool merge_topic(struct request *r, const told *t)
{
	struct offset_commit_response *out = r->out;

	for (int i = 0; i < out->topics.n; i++) {
		told *o = &out->topics.v[i];
		int32_t n = o->partitions.n;
		told both = {0};

		if (!is_same(o, t))
			continue;
		if (!ANSWER_ARRAY(r, both.partitions, offset_commit_response_partition_schema, n + t->partitions.n))
			return false;
		for (int j = 0; j < both.partitions.n; j++)
			both.partitions.v[j] = j < n ? o->partitions.v[j] : t->partitions.v[j - n];
		o->partitions.v = both.partitions.v;
		o->partitions.n = both.partitions.n;
		return true;
	}
	out->topics.v[out->topics.n++] = *t;
	return true;
}

static bool refuse_topic(struct request *r, const asked *t, int err)
{
	told o = {.name = t->name, .topic_id = t->topic_id};

	if (!ANSWER_ARRAY(r, o.partitions, offset_commit_response_partition_schema, t->partitions.n))
		return false;
	for (int i = 0; i < t->partitions.n; i++) {
		o.partitions.v[i].partition_index = t->partitions.v[i].partition_index;
		o.partitions.v[i].error_code = (int16_t)err;
	}
	return merge_topic(r, &o);
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
	return bad->partitions.n == 0 || refuse_topic(r, bad, ERR_UNKNOWN_TOPIC_OR_PARTITION);
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
		bool ok = topic ? sort_partitions(r, k, t, topic)
				: refuse_topic(r, t, by_id ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION);

		if (!ok)
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
			ok = refuse_topic(r, &k->in.topics.v[i], c->err);
		return;
	}
	for (int i = 0; i < k->out.topics.n && ok; i++)
		ok = merge_topic(r, &k->out.topics.v[i]);
}

static void fail(struct request *r, int err, struct str message)
{
	const struct offset_commit_request *in = r->in;
	struct offset_commit_response *out = r->out;

	(void)message;
	if (!ANSWER_ARRAY(r, out->topics, offset_commit_response_topic_schema, in->topics.n))
		return;
	out->topics.n = 0;
	for (int i = 0; i < in->topics.n; i++)
		if (!refuse_topic(r, &in->topics.v[i], err))
			return;
}

static enum outcome run(struct request *r)
{
	const struct offset_commit_request *in = r->in;
	struct commit *k = arena_zalloc(&r->arena, sizeof(*k));

	if (!r->image || !k)
		return HANG_UP;
	k->in = *in;
	if (!sort_topics(r, k))
		return HANG_UP;
	if (k->in.topics.n == 0)
		return REPLY;
	return group_request_run(r, in->group_id, &k->in, &k->out, finish, k);
}

const struct api api_offset_commit = {
	.key = offset_commit_request_KEY,
	.first = offset_commit_request_FIRST,
	.last = offset_commit_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_READ,
	.acl_resource = ACL_GROUP,
	.in = &offset_commit_request_schema,
	.out = &offset_commit_response_schema,
	.run = run,
	.fail = fail,
};
