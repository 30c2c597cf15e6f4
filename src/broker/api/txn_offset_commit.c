/*
 * TxnOffsetCommit: offsets that count when the transaction is committed. Topics and partitions that the cluster does not have are refused here;
 * then the partition where the group's offsets lie is verified, or comes into the transaction, as if the client had produced to it; the rest
 * is the group coordinator's.
 */
#include "base/err.h"
#include "base/str_index.h"
#include "broker/answer.h"
#include "broker/coordinator_request.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/permission.h"
#include "broker/verification.h"
#include "protocol/txn_offset_commit.h"

#define LOADING_SINCE 2 /* older clients do not know COORDINATOR_LOAD_IN_PROGRESS (KAFKA-7296) */
#define TOPIC_IDS_SINCE 6

typedef struct txn_offset_commit_request_topic asked;
typedef struct txn_offset_commit_response_topic told;

struct commit {
	struct request *r;
	struct txn_offset_commit_request in;   /* what the cluster has */
	struct txn_offset_commit_response out; /* what the coordinator says of it */
	struct verification verification;
	struct verified offsets; /* the partition of the group's offsets */
	struct str_index topics; /* where each topic is in the answer: by name, or by the bytes of its id */
	bool verifies;
};

/* ---- answers ---- */

/* Fills o: all of t is refused. */
static bool refuse_all(struct request *r, const asked *t, int err, told *o)
{
	if (!ANSWER_ARRAY(r, o->partitions, txn_offset_commit_response_partition_schema, t->partitions.n))
		return false;
	o->name = t->name;
	o->topic_id = t->topic_id;
	for (int i = 0; i < t->partitions.n; i++) {
		o->partitions.v[i].partition_index = t->partitions.v[i].partition_index;
		o->partitions.v[i].error_code = (int16_t)err;
	}
	return true;
}

/* Each topic is in the answer once. t stays until then. */
static bool merge_topic(struct commit *k, const told *t)
{
	struct txn_offset_commit_response *out = k->r->out;
	struct str key = t->name.len > 0 ? t->name : (struct str){(const char *)t->topic_id.b, sizeof(t->topic_id.b)};
	int *at = str_index_at(&k->topics, key);

	if (*at >= 0)
		return answer_join(k->r, &txn_offset_commit_response_partition_schema, &out->topics.v[*at].partitions,
				   &t->partitions);
	*at = out->topics.n;
	out->topics.v[out->topics.n++] = *t;
	return true;
}

static bool refuse_topic(struct commit *k, const asked *t, int err)
{
	told *o = arena_zalloc(&k->r->arena, sizeof(*o));

	return o && refuse_all(k->r, t, err, o) && merge_topic(k, o);
}

static int as_clients_know_it(const struct request *r, int err)
{
	return err == ERR_COORDINATOR_LOAD_IN_PROGRESS && r->version < LOADING_SINCE ? ERR_COORDINATOR_NOT_AVAILABLE
										     : err;
}

/* The coordinator has refused all of it. */
static bool refuse_rest(struct commit *k, int err)
{
	for (int i = 0; i < k->in.topics.n; i++)
		if (!refuse_topic(k, &k->in.topics.v[i], as_clients_know_it(k->r, err)))
			return false;
	return true;
}

static void finish(struct request *r, const struct shard_command *c, void *arg)
{
	struct commit *k = arg;
	bool ok = true;

	(void)r;
	if (c->err) {
		refuse_rest(k, c->err);
		return;
	}
	for (int i = 0; i < k->out.topics.n && ok; i++)
		ok = merge_topic(k, &k->out.topics.v[i]);
}

/* ---- what the cluster has ---- */

static bool sort_partitions(struct request *r, struct commit *k, const asked *t, const struct image_topic *topic)
{
	asked *good = &k->in.topics.v[k->in.topics.n], bad = {.name = topic->name, .topic_id = topic->id};
	int n = t->partitions.n;

	*good = (asked){.name = topic->name, .topic_id = topic->id};
	if (!ANSWER_ARRAY(r, good->partitions, txn_offset_commit_request_partition_schema, n) ||
	    !ANSWER_ARRAY(r, bad.partitions, txn_offset_commit_request_partition_schema, n))
		return false;
	good->partitions.n = bad.partitions.n = 0;
	for (int i = 0; i < n; i++) {
		asked *to = image_topic_partition(topic, t->partitions.v[i].partition_index) ? good : &bad;

		to->partitions.v[to->partitions.n++] = t->partitions.v[i];
	}
	k->in.topics.n += good->partitions.n > 0;
	return bad.partitions.n == 0 || refuse_topic(k, &bad, ERR_UNKNOWN_TOPIC_OR_PARTITION);
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
	const struct txn_offset_commit_request *in = r->in;
	struct txn_offset_commit_response *out = r->out;
	bool by_id = r->version >= TOPIC_IDS_SINCE;

	/* Twice: what is refused, and what the coordinator says. */
	if (!ANSWER_ARRAY(r, out->topics, txn_offset_commit_response_topic_schema, in->topics.n * 2) ||
	    !ANSWER_ARRAY(r, k->in.topics, txn_offset_commit_request_topic_schema, in->topics.n))
		return false;
	out->topics.n = k->in.topics.n = 0;
	for (int i = 0; i < in->topics.n; i++) {
		const asked *t = &in->topics.v[i];
		const struct image_topic *topic =
			by_id ? image_topic_by_id(r->image, t->topic_id) : image_topic_by_name(r->image, t->name);
		int err = error_of(r, t, topic);

		if (err ? !refuse_topic(k, t, err) : !sort_partitions(r, k, t, topic))
			return false;
	}
	return true;
}

/* ---- the transaction ---- */

static void commit(struct commit *k)
{
	coordinator_request_go_on(k->r, COORDINATOR_GROUP, k->in.group_id, &k->in, &k->out, k->offsets.guard, finish,
				  k);
}

static void verified(struct verification *v)
{
	struct commit *k = v->arg;

	k->verifies = false;
	if (k->offsets.err) {
		refuse_rest(k, coordinator_error(k->offsets.err));
		request_complete(k->r);
		return;
	}
	commit(k);
}

static void hurry(struct request *r)
{
	struct commit *k = r->state;

	if (k->verifies)
		verification_hurry(&k->verification);
}

/* NULL: this node does not look after the group. */
static struct partition *offsets_partition(struct request *r, struct str group_id)
{
	const struct image_topic *topic = image_topic_by_name(r->image, coordinator_topic(COORDINATOR_GROUP));

	return topic ? core_partition(r->core, topic->id,
				      coordinator_partition(r->node, r->image, COORDINATOR_GROUP, group_id))
		     : NULL;
}

static void verify(struct commit *k, struct partition *p)
{
	struct request *r = k->r;

	k->offsets = (struct verified){
		.partition = partition_ref(p), .topic = coordinator_topic(COORDINATOR_GROUP), .index = p->id};
	k->verification = (struct verification){
		.core = r->core,
		.arena = &r->arena,
		.transactional_id = k->in.transactional_id,
		.producer_id = k->in.producer_id,
		.producer_epoch = k->in.producer_epoch,
		.manner = verification_of_offsets(r->version),
		.v = &k->offsets,
		.n = 1,
		.done = verified,
		.arg = k,
	};
	request_park(r, k, hurry);
	k->verifies = verification_begin(&k->verification);
	if (!k->verifies)
		verified(&k->verification);
}

static void release(void *arg)
{
	struct commit *k = arg;

	partition_unref(&k->offsets.partition);
	str_index_fini(&k->topics);
}

static enum outcome run(struct request *r)
{
	const struct txn_offset_commit_request *in = r->in;
	struct commit *k = arena_zalloc(&r->arena, sizeof(*k));
	struct partition *p;

	if (!r->image || !k)
		return HANG_UP;
	if (!request_may(r, ACL_WRITE, ACL_TRANSACTIONAL_ID, in->transactional_id))
		return request_fail(r, ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, STR_NULL);
	if (!request_may(r, ACL_READ, ACL_GROUP, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	str_index_init(&k->topics, env_random_u64(r->core->loop->env));
	arena_cleanup(&r->arena, release, k);
	k->r = r;
	k->in = *in;
	if (!sort_topics(r, k))
		return HANG_UP;
	if (k->in.topics.n == 0)
		return REPLY;
	p = offsets_partition(r, in->group_id);
	if (in->group_id.len == 0 || !p)
		return refuse_rest(k, in->group_id.len == 0 ? ERR_INVALID_GROUP_ID : ERR_NOT_COORDINATOR) ? REPLY
													  : HANG_UP;
	verify(k, p);
	return PARKED;
}

static void fail(struct request *r, int err, struct str message)
{
	const struct txn_offset_commit_request *in = r->in;
	struct txn_offset_commit_response *out = r->out;

	(void)message;
	if (!ANSWER_ARRAY(r, out->topics, txn_offset_commit_response_topic_schema, in->topics.n))
		return;
	for (int i = 0; i < in->topics.n; i++)
		if (!refuse_all(r, &in->topics.v[i], as_clients_know_it(r, err), &out->topics.v[i]))
			return;
}

const struct api api_txn_offset_commit = {
	.key = txn_offset_commit_request_KEY,
	.first = txn_offset_commit_request_FIRST,
	.last = txn_offset_commit_request_LAST,
	.flags = API_BROKER,
	.in = &txn_offset_commit_request_schema,
	.out = &txn_offset_commit_response_schema,
	.run = run,
	.fail = fail,
};
