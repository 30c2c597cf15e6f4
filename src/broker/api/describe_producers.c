/*
 * DescribeProducers: the idempotent and transactional producers that a partition knows, and where
 * the open transaction of each began (KIP-664).
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/partition.h"
#include "broker/permission.h"
#include "log/log.h"
#include "metadata/topic_name.h"
#include "protocol/describe_producers.h"

typedef struct describe_producers_response_partition partition_answer;

static int topic_error(struct request *r, struct str name, struct str *message)
{
	*message = topic_name_check(name, &r->arena);
	if (!str_is_null(*message))
		return ERR_INVALID_TOPIC_EXCEPTION;
	if (!request_may(r, ACL_READ, ACL_TOPIC, name)) {
		*message = str_of(err_message(ERR_TOPIC_AUTHORIZATION_FAILED));
		return ERR_TOPIC_AUTHORIZATION_FAILED;
	}
	if (image_topic_by_name(r->image, name))
		return 0;
	*message = str_of(err_message(ERR_UNKNOWN_TOPIC_OR_PARTITION));
	return ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static int find(struct request *r, struct str topic, int32_t id, struct partition **p)
{
	const struct image_topic *t = image_topic_by_name(r->image, topic);
	const struct image_partition *image = image_topic_partition(t, id);

	if (!image)
		return ERR_UNKNOWN_TOPIC_OR_PARTITION;
	*p = core_partition(r->core, t->id, id);
	return *p ? 0 : ERR_NOT_LEADER_OR_FOLLOWER;
}

static bool describe(struct request *r, struct partition *p, partition_answer *out)
{
	struct log_producer *v;
	int n, err;

	err = partition_producers(p, &r->arena, &v, &n);
	out->error_code = (int16_t)err_to_kafka(err);
	if (err)
		return err > 0;
	if (!ANSWER_ARRAY(r, out->active_producers, describe_producers_response_producer_schema, n))
		return false;
	for (int i = 0; i < n; i++)
		out->active_producers.v[i] = (struct describe_producers_response_producer){
			.producer_id = v[i].producer_id,
			.producer_epoch = v[i].epoch,
			.last_sequence = v[i].last_sequence,
			.last_timestamp = v[i].last_timestamp,
			.coordinator_epoch = v[i].coordinator_epoch,
			.current_txn_start_offset = v[i].txn_first_offset,
		};
	return true;
}

static bool answer_topic_of(struct request *r, const struct describe_producers_request_topic *from,
			    struct describe_producers_response_topic *to)
{
	struct str message;
	int err = topic_error(r, from->name, &message);

	to->name = from->name;
	if (!ANSWER_ARRAY(r, to->partitions, describe_producers_response_partition_schema, from->partition_indexes.n))
		return false;
	for (int i = 0; i < to->partitions.n; i++) {
		partition_answer *out = &to->partitions.v[i];
		struct partition *p = NULL;
		int own = err ? err : find(r, from->name, from->partition_indexes.v[i], &p);

		out->partition_index = from->partition_indexes.v[i];
		out->error_code = (int16_t)own;
		out->error_message = message;
		if (!own && !describe(r, p, out))
			return false;
	}
	return true;
}

static enum outcome run(struct request *r)
{
	const struct describe_producers_request *in = r->in;
	struct describe_producers_response *out = r->out;

	if (!r->image || !ANSWER_ARRAY(r, out->topics, describe_producers_response_topic_schema, in->topics.n))
		return HANG_UP;
	for (int i = 0; i < in->topics.n; i++)
		if (!answer_topic_of(r, &in->topics.v[i], &out->topics.v[i]))
			return HANG_UP;
	return REPLY;
}

static void fail(struct request *r, int err, struct str message)
{
	const struct describe_producers_request *in = r->in;
	struct describe_producers_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->topics, describe_producers_response_topic_schema, in->topics.n))
		return;
	for (int i = 0; i < in->topics.n; i++) {
		struct describe_producers_response_topic *to = &out->topics.v[i];

		to->name = in->topics.v[i].name;
		if (!ANSWER_ARRAY(r, to->partitions, describe_producers_response_partition_schema,
				  in->topics.v[i].partition_indexes.n))
			to->partitions.n = 0;
		for (int k = 0; k < to->partitions.n; k++) {
			to->partitions.v[k].partition_index = in->topics.v[i].partition_indexes.v[k];
			to->partitions.v[k].error_code = (int16_t)err;
			to->partitions.v[k].error_message = answer_words(err, message);
		}
	}
}

const struct api api_describe_producers = {
	.key = describe_producers_request_KEY,
	.first = describe_producers_request_FIRST,
	.last = describe_producers_request_LAST,
	.flags = API_BROKER,
	.in = &describe_producers_request_schema,
	.out = &describe_producers_response_schema,
	.run = run,
	.fail = fail,
};
