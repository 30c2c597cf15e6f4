/*
 * OffsetForLeaderEpoch: where an epoch ended, so that a reader can find out whether its log was
 * truncated (KIP-101, KIP-320).
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/partition.h"
#include "broker/permission.h"
#include "protocol/offset_for_leader_epoch.h"

typedef struct offset_for_leader_epoch_request_partition question;
typedef struct offset_for_leader_epoch_response_partition reply;

static int ask(struct request *r, struct str topic, const question *q, struct epoch_end *end)
{
	const struct image_topic *t = image_topic_by_name(r->image, topic);
	struct partition *p;

	if (!t || !image_topic_partition(t, q->partition))
		return ERR_UNKNOWN_TOPIC_OR_PARTITION;
	p = core_partition(r->core, t->id, q->partition);
	if (!p)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	return partition_epoch_end(p, q->current_leader_epoch, q->leader_epoch, end);
}

static void answer_one(struct request *r, struct str topic, const question *q, reply *out, bool may)
{
	struct epoch_end end = {-1, -1};
	int err = may ? ask(r, topic, q, &end) : ERR_TOPIC_AUTHORIZATION_FAILED;

	out->partition = q->partition;
	out->error_code = (int16_t)err;
	if (err)
		return;
	out->leader_epoch = end.epoch;
	out->end_offset = end.end_offset;
}

static bool shape_answer(struct request *r)
{
	const struct offset_for_leader_epoch_request *in = r->in;
	struct offset_for_leader_epoch_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->topics, offset_for_leader_epoch_response_topic_schema, in->topics.n))
		return false;
	for (int i = 0; i < in->topics.n; i++) {
		out->topics.v[i].topic = in->topics.v[i].topic;
		if (!ANSWER_ARRAY(r, out->topics.v[i].partitions, offset_for_leader_epoch_response_partition_schema,
				  in->topics.v[i].partitions.n))
			return false;
	}
	return true;
}

static enum outcome run(struct request *r)
{
	const struct offset_for_leader_epoch_request *in = r->in;
	struct offset_for_leader_epoch_response *out = r->out;

	bool all;

	if (!r->image || !shape_answer(r))
		return HANG_UP;
	/* Nodes, which used this API before consumers did, need no permission on topics. */
	all = request_may_quietly(r, ACL_CLUSTER_ACTION, ACL_CLUSTER, STR(ACL_CLUSTER_NAME));
	for (int i = 0; i < in->topics.n; i++) {
		struct str topic = in->topics.v[i].topic;
		bool may = all || request_may(r, ACL_DESCRIBE, ACL_TOPIC, topic);

		for (int j = 0; j < in->topics.v[i].partitions.n; j++)
			answer_one(r, topic, &in->topics.v[i].partitions.v[j], &out->topics.v[i].partitions.v[j], may);
	}
	return REPLY;
}

static void fail(struct request *r, int err, struct str message)
{
	const struct offset_for_leader_epoch_request *in = r->in;
	struct offset_for_leader_epoch_response *out = r->out;

	(void)message;
	if (!shape_answer(r))
		return;
	for (int i = 0; i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partitions.n; j++) {
			out->topics.v[i].partitions.v[j].partition = in->topics.v[i].partitions.v[j].partition;
			out->topics.v[i].partitions.v[j].error_code = (int16_t)err;
		}
}

const struct api api_offset_for_leader_epoch = {
	.key = offset_for_leader_epoch_request_KEY,
	.first = offset_for_leader_epoch_request_FIRST,
	.last = offset_for_leader_epoch_request_LAST,
	.flags = API_BROKER,
	.in = &offset_for_leader_epoch_request_schema,
	.out = &offset_for_leader_epoch_response_schema,
	.run = run,
	.fail = fail,
};
