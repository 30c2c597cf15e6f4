/*
 * DeleteRecords: moves a log's start (KIP-107). At or below the start it is a success. Segments that lie before it go at once: a full disk
 * is put right with it (after file.delete.delay.ms).
 *
 * The only replica is the leader: the low watermark is its log start, and nothing is waited for.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/internal_topic.h"
#include "broker/partition.h"
#include "protocol/delete_records.h"

typedef struct delete_records_request_partition wish;
typedef struct delete_records_response_partition reply;

static int delete_one(struct request *r, struct str topic, const wish *w, int64_t *low_watermark)
{
	const struct image_topic *t = image_topic_by_name(r->image, topic);
	struct partition_cut cut = {.offset = w->offset};
	struct effects effects = {0};
	struct partition *p;
	int err;

	if (!t || !image_topic_partition(t, w->partition_index))
		return ERR_UNKNOWN_TOPIC_OR_PARTITION;
	if (topic_is_internal(topic))
		return ERR_INVALID_TOPIC_EXCEPTION;
	p = core_partition(r->core, t->id, w->partition_index);
	if (!p)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	err = partition_delete_records(p, &cut, &effects);
	effects_run(&effects, r->core);
	if (cut.deletion)
		core_delete(r->core, cut.deletion);
	if (!err)
		*low_watermark = cut.low_watermark;
	return err;
}

static bool shape_answer(struct request *r)
{
	const struct delete_records_request *in = r->in;
	struct delete_records_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->topics, delete_records_response_topic_schema, in->topics.n))
		return false;
	for (int i = 0; i < in->topics.n; i++) {
		out->topics.v[i].name = in->topics.v[i].name;
		if (!ANSWER_ARRAY(r, out->topics.v[i].partitions, delete_records_response_partition_schema,
				  in->topics.v[i].partitions.n))
			return false;
	}
	return true;
}

static enum outcome run(struct request *r)
{
	const struct delete_records_request *in = r->in;
	struct delete_records_response *out = r->out;

	if (!r->image || !shape_answer(r))
		return HANG_UP;
	for (int i = 0; i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partitions.n; j++) {
			const wish *w = &in->topics.v[i].partitions.v[j];
			reply *o = &out->topics.v[i].partitions.v[j];

			o->partition_index = w->partition_index;
			o->low_watermark = -1;
			o->error_code = (int16_t)delete_one(r, in->topics.v[i].name, w, &o->low_watermark);
		}
	return REPLY;
}

static void fail(struct request *r, int err, struct str message)
{
	const struct delete_records_request *in = r->in;
	struct delete_records_response *out = r->out;

	(void)message;
	if (!shape_answer(r))
		return;
	for (int i = 0; i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partitions.n; j++) {
			out->topics.v[i].partitions.v[j].partition_index =
				in->topics.v[i].partitions.v[j].partition_index;
			out->topics.v[i].partitions.v[j].low_watermark = -1;
			out->topics.v[i].partitions.v[j].error_code = (int16_t)err;
		}
}

const struct api api_delete_records = {
	.key = delete_records_request_KEY,
	.first = delete_records_request_FIRST,
	.last = delete_records_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_DELETE,
	.acl_resource = ACL_TOPIC,
	.in = &delete_records_request_schema,
	.out = &delete_records_response_schema,
	.run = run,
	.fail = fail,
};
