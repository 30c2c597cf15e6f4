/*
 * commit_topics: sorts the topics of a commit, and merges the refusals with the coordinator's
 * answer.
 */
#include "broker/commit_topics.h"

#include "base/err.h"
#include "broker/answer.h"
#include "broker/core.h"
#include "broker/permission.h"

typedef struct offset_commit_request_topic asked;
typedef struct offset_commit_response_topic told;

/* Each topic is in the answer once. t must stay valid until then. */
static bool merge(struct commit_topics *k, const told *t)
{
	struct offset_commit_response *out = k->r->out;
	struct str key = t->name.len > 0 ? t->name : (struct str){(const char *)t->topic_id.b, sizeof(t->topic_id.b)};
	int *at = k->is_one ? &k->only : str_index_at(&k->at, key);

	if (*at >= 0)
		return answer_join(k->r, &offset_commit_response_partition_schema, &out->topics.v[*at].partitions,
				   &t->partitions);
	*at = out->topics.n;
	out->topics.v[out->topics.n++] = *t;
	return true;
}

/* Fills o: answers all of t with err. */
static bool fill(struct request *r, const asked *t, int err, told *o)
{
	if (!ANSWER_ARRAY(r, o->partitions, offset_commit_response_partition_schema, t->partitions.n))
		return false;
	o->name = t->name;
	o->topic_id = t->topic_id;
	for (int i = 0; i < t->partitions.n; i++) {
		o->partitions.v[i].partition_index = t->partitions.v[i].partition_index;
		o->partitions.v[i].error_code = (int16_t)err;
	}
	return true;
}

static bool refuse(struct commit_topics *k, const asked *t, int err)
{
	told *o = arena_zalloc(&k->r->arena, sizeof(*o));

	return o && fill(k->r, t, err, o) && merge(k, o);
}

/* Sorts the partitions of an existing topic: those that do not exist are refused. */
static bool sort_partitions(struct commit_topics *k, const asked *t, const struct image_topic *topic)
{
	asked *good = &k->v[k->n], bad = {.name = topic->name, .topic_id = topic->id};
	int n = t->partitions.n;

	*good = (asked){.name = topic->name, .topic_id = topic->id};
	if (!ANSWER_ARRAY(k->r, good->partitions, offset_commit_request_partition_schema, n) ||
	    !ANSWER_ARRAY(k->r, bad.partitions, offset_commit_request_partition_schema, n))
		return false;
	good->partitions.n = bad.partitions.n = 0;
	for (int i = 0; i < n; i++) {
		asked *to = image_topic_partition(topic, t->partitions.v[i].partition_index) ? good : &bad;

		to->partitions.v[to->partitions.n++] = t->partitions.v[i];
	}
	k->n += good->partitions.n > 0;
	return bad.partitions.n == 0 || refuse(k, &bad, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

/* topic: NULL if it does not exist. For a name, that is not revealed to a principal that may not read it. */
static int error_of(struct request *r, const asked *t, const struct image_topic *topic, bool by_id)
{
	if (!topic && by_id)
		return ERR_UNKNOWN_TOPIC_ID;
	if (!request_may(r, ACL_READ, ACL_TOPIC, topic ? topic->name : t->name))
		return ERR_TOPIC_AUTHORIZATION_FAILED;
	return topic ? 0 : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static void release(void *arg)
{
	struct commit_topics *k = arg;

	str_index_fini(&k->at);
}

/* The answer has room for twice the number of topics: refusals, and the coordinator's results. */
static bool begin(struct commit_topics *k, struct request *r, int n)
{
	struct offset_commit_response *out = r->out;

	*k = (struct commit_topics){.r = r, .only = -1, .is_one = n == 1};
	if (!k->is_one) {
		str_index_init(&k->at, env_random_u64(r->core->loop->env));
		arena_cleanup(&r->arena, release, k);
	}
	k->v = answer_array(&r->arena, &offset_commit_request_topic_schema, n);
	if (!k->v || !ANSWER_ARRAY(r, out->topics, offset_commit_response_topic_schema, n * 2))
		return false;
	out->topics.n = 0;
	return true;
}

bool commit_topics_sort(struct commit_topics *k, struct request *r, const asked *v, int n, bool by_id)
{
	if (!begin(k, r, n))
		return false;
	for (int i = 0; i < n; i++) {
		const asked *t = &v[i];
		const struct image_topic *topic =
			by_id ? image_topic_by_id(r->image, t->topic_id) : image_topic_by_name(r->image, t->name);
		int err = error_of(r, t, topic, by_id);

		if (err ? !refuse(k, t, err) : !sort_partitions(k, t, topic))
			return false;
	}
	return true;
}

bool commit_topics_finish(struct commit_topics *k, int err)
{
	for (int i = 0; err && i < k->n; i++)
		if (!refuse(k, &k->v[i], err))
			return false;
	for (int i = 0; !err && i < k->said.topics.n; i++)
		if (!merge(k, &k->said.topics.v[i]))
			return false;
	return true;
}

void commit_topics_fail(struct request *r, const asked *v, int n, int err)
{
	struct offset_commit_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->topics, offset_commit_response_topic_schema, n))
		return;
	for (int i = 0; i < n; i++)
		if (!fill(r, &v[i], err, &out->topics.v[i]))
			return;
}
