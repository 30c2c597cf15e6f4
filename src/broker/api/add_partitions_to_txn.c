/*
 * AddPartitionsToTxn: for a client's one transaction (versions below 4), or for several about which
 * another broker asks. Each is decided by its coordinator; an error of the coordinator itself is
 * given for every partition, as in Kafka.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/coordinator_request.h"
#include "broker/internal_topic.h"
#include "broker/permission.h"
#include "protocol/add_partitions_to_txn.h"

#define BROKERS_SINCE 4

typedef struct add_partitions_to_txn_request_transaction asked;
typedef struct add_partitions_to_txn_response_result told;

/* ---- one transaction ---- */

static bool shape(struct request *r, const asked *in, told *out)
{
	out->transactional_id = in->transactional_id;
	if (!ANSWER_ARRAY(r, out->topic_results, add_partitions_to_txn_response_topic_schema, in->topics.n))
		return false;
	for (int i = 0; i < in->topics.n; i++) {
		struct add_partitions_to_txn_response_topic *t = &out->topic_results.v[i];

		t->name = in->topics.v[i].name;
		if (!ANSWER_ARRAY(r, t->results_by_partition, add_partitions_to_txn_response_partition_schema,
				  in->topics.v[i].partitions.n))
			return false;
		for (int j = 0; j < t->results_by_partition.n; j++)
			t->results_by_partition.v[j].partition_index = in->topics.v[i].partitions.v[j];
	}
	return true;
}

static void tell_all(told *out, int err)
{
	for (int i = 0; i < out->topic_results.n; i++)
		for (int j = 0; j < out->topic_results.v[i].results_by_partition.n; j++)
			out->topic_results.v[i].results_by_partition.v[j].partition_error_code = (int16_t)err;
}

static void refuse(struct request *r, const asked *in, told *out, int err)
{
	if (shape(r, in, out))
		tell_all(out, err);
}

/* ---- clients ---- */

/* A client's request in the form that a broker would send. */
static asked of_client(const struct add_partitions_to_txn_request *in)
{
	return (asked){
		.transactional_id = in->v3_and_below_transactional_id,
		.producer_id = in->v3_and_below_producer_id,
		.producer_epoch = in->v3_and_below_producer_epoch,
		.topics = {in->v3_and_below_topics.v, in->v3_and_below_topics.n},
	};
}

/* No client may write to the topics of coordinators. */
static bool may_write(struct request *r, struct str name)
{
	return !topic_is_internal(name) && request_may(r, ACL_WRITE, ACL_TOPIC, name);
}

/*
 * Fills in the errors of a topic. True: it may not be written to. If it may, its errors count only
 * when another topic is refused.
 */
static bool refuse_topic(struct request *r, struct add_partitions_to_txn_response_topic *t)
{
	const struct image_topic *topic = image_topic_by_name(r->image, t->name);
	bool may = may_write(r, t->name);

	for (int i = 0; i < t->results_by_partition.n; i++) {
		struct add_partitions_to_txn_response_partition *p = &t->results_by_partition.v[i];
		bool is_there = topic && image_topic_partition(topic, p->partition_index);

		p->partition_error_code = !may	     ? ERR_TOPIC_AUTHORIZATION_FAILED
					  : is_there ? ERR_OPERATION_NOT_ATTEMPTED
						     : ERR_UNKNOWN_TOPIC_OR_PARTITION;
	}
	return !may;
}

/* One topic that may not be written to refuses all of them: then out is filled. */
static bool refuse_partitions(struct request *r, const asked *in, told *out)
{
	bool refused = false;

	if (!shape(r, in, out))
		return false;
	for (int i = 0; i < out->topic_results.n; i++)
		refused |= refuse_topic(r, &out->topic_results.v[i]);
	return refused;
}

/* ---- the request ---- */

static void put_result(struct request *r, int i, const told *result)
{
	struct add_partitions_to_txn_response *out = r->out;

	if (r->version >= BROKERS_SINCE) {
		out->results_by_transaction.v[i] = *result;
		return;
	}
	out->results_by_topic_v3_and_below.v = result->topic_results.v;
	out->results_by_topic_v3_and_below.n = result->topic_results.n;
}

static void finish(struct coordinator_fan *f)
{
	struct add_partitions_to_txn_response *out = f->r->out;

	if (f->r->version >= BROKERS_SINCE &&
	    !ANSWER_ARRAY(f->r, out->results_by_transaction, add_partitions_to_txn_response_result_schema, f->n))
		return;
	for (int i = 0; i < f->n; i++) {
		told *result = f->v[i].out;

		if (f->v[i].command.c.err)
			refuse(f->r, f->v[i].in, result, f->v[i].command.c.err);
		put_result(f->r, i, result);
	}
}

static enum outcome run_transactions(struct request *r, const asked *v, int n)
{
	struct coordinator_fan *f = coordinator_fan_new(r, COORDINATOR_TRANSACTION, n, finish, NULL);
	told *out = answer_array(&r->arena, &add_partitions_to_txn_response_result_schema, n);

	if (!f || !out)
		return HANG_UP;
	for (int i = 0; i < n; i++) {
		f->v[i].out = &out[i];
		coordinator_fan_ask(f, i, v[i].transactional_id, &v[i]);
	}
	return coordinator_fan_run(f);
}

static enum outcome run(struct request *r)
{
	const struct add_partitions_to_txn_request *in = r->in;
	asked *one;
	told result = {0};

	if (!r->image)
		return HANG_UP;
	if (r->version >= BROKERS_SINCE && !request_may_cluster(r, ACL_CLUSTER_ACTION))
		return request_fail_cluster(r, ACL_CLUSTER_ACTION);
	if (r->version >= BROKERS_SINCE)
		return run_transactions(r, in->transactions.v, in->transactions.n);
	one = arena_zalloc(&r->arena, sizeof(*one));
	if (!one)
		return HANG_UP;
	*one = of_client(in);
	if (!request_may(r, ACL_WRITE, ACL_TRANSACTIONAL_ID, one->transactional_id))
		return request_fail(r, ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, STR_NULL);
	if (!refuse_partitions(r, one, &result))
		return run_transactions(r, one, 1);
	put_result(r, 0, &result);
	return REPLY;
}

static void fail(struct request *r, int err, struct str message)
{
	const struct add_partitions_to_txn_request *in = r->in;
	struct add_partitions_to_txn_response *out = r->out;
	asked one = of_client(in);
	told result = {0};

	(void)message;
	if (r->version >= BROKERS_SINCE) {
		out->error_code = (int16_t)err;
		return;
	}
	refuse(r, &one, &result, err);
	put_result(r, 0, &result);
}

const struct api api_add_partitions_to_txn = {
	.key = add_partitions_to_txn_request_KEY,
	.first = add_partitions_to_txn_request_FIRST,
	.last = add_partitions_to_txn_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &add_partitions_to_txn_request_schema,
	.out = &add_partitions_to_txn_response_schema,
	.run = run,
	.fail = fail,
};
