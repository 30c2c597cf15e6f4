/*
 * WriteTxnMarkers: ends transactions in partitions of this node, for another coordinator, or for an
 * operator who aborts a hanging transaction.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/markers.h"
#include "broker/permission.h"
#include "protocol/write_txn_markers.h"
#include "wire/batch.h"

typedef struct write_txn_markers_request_marker asked;
typedef struct write_txn_markers_response_marker told;

struct writing {
	struct request *r;
	struct markers *v; /* one per marker of the request */
	int n;
	int n_left;
};

static int count_partitions(const asked *in)
{
	int n = 0;

	for (int i = 0; i < in->topics.n; i++)
		n += in->topics.v[i].partition_indexes.n;
	return n;
}

/* Gives the answer the shape of the request. */
static bool shape(struct request *r, const asked *in, told *out)
{
	out->producer_id = in->producer_id;
	if (!ANSWER_ARRAY(r, out->topics, write_txn_markers_response_topic_schema, in->topics.n))
		return false;
	for (int i = 0; i < in->topics.n; i++) {
		out->topics.v[i].name = in->topics.v[i].name;
		if (!ANSWER_ARRAY(r, out->topics.v[i].partitions, write_txn_markers_response_partition_schema,
				  in->topics.v[i].partition_indexes.n))
			return false;
		for (int j = 0; j < in->topics.v[i].partition_indexes.n; j++)
			out->topics.v[i].partitions.v[j].partition_index = in->topics.v[i].partition_indexes.v[j];
	}
	return true;
}

static bool shape_all(struct request *r)
{
	const struct write_txn_markers_request *in = r->in;
	struct write_txn_markers_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->markers, write_txn_markers_response_marker_schema, in->markers.n))
		return false;
	for (int i = 0; i < in->markers.n; i++)
		if (!shape(r, &in->markers.v[i], &out->markers.v[i]))
			return false;
	return true;
}

static void fill(const struct markers *m, told *out)
{
	int at = 0;

	for (int i = 0; i < out->topics.n; i++)
		for (int j = 0; j < out->topics.v[i].partitions.n; j++)
			out->topics.v[i].partitions.v[j].error_code = (int16_t)m->marked[at++].err;
}

static void written(struct markers *m)
{
	struct writing *w = m->arg;
	struct write_txn_markers_response *out = w->r->out;

	if (--w->n_left > 0)
		return;
	for (int i = 0; i < w->n; i++)
		fill(&w->v[i], &out->markers.v[i]);
	request_complete(w->r);
}

static bool prepare(struct writing *w, const asked *in, struct markers *m)
{
	int n = count_partitions(in);

	*m = (struct markers){
		.core = w->r->core,
		.marker = {.producer_id = in->producer_id,
			   .producer_epoch = in->producer_epoch,
			   .coordinator_epoch = in->coordinator_epoch,
			   .transaction_version = in->transaction_version,
			   .commit = in->transaction_result},
		.here_alone = true,
		.marked = arena_array(&w->r->arena, (size_t)n + 1, sizeof(*m->marked)),
		.done = written,
		.arg = w,
	};
	for (int i = 0; m->marked && i < in->topics.n; i++)
		for (int j = 0; j < in->topics.v[i].partition_indexes.n; j++)
			m->marked[m->n++] = (struct transaction_marked){
				.topic = in->topics.v[i].name,
				.partition = in->topics.v[i].partition_indexes.v[j],
			};
	return m->marked != NULL;
}

/* A batch that ends nobody's transaction: Kafka fails to build it. */
static bool some_end_nobodys(const struct write_txn_markers_request *in)
{
	for (int i = 0; i < in->markers.n; i++)
		if (in->markers.v[i].producer_id == NO_PRODUCER_ID ||
		    in->markers.v[i].producer_epoch == NO_PRODUCER_EPOCH)
			return true;
	return false;
}

static enum outcome run(struct request *r)
{
	const struct write_txn_markers_request *in = r->in;
	struct writing *w = arena_zalloc(&r->arena, sizeof(*w));

	if (!r->image || !w)
		return HANG_UP;
	/*
	 * To end hanging transactions by hand is to alter the cluster; coordinators need the
	 * permission for cluster actions.
	 */
	if (!request_may_quietly(r, ACL_ALTER, ACL_CLUSTER, STR(ACL_CLUSTER_NAME)) &&
	    !request_may_cluster(r, ACL_CLUSTER_ACTION))
		return request_fail_cluster(r, ACL_CLUSTER_ACTION);
	if (some_end_nobodys(in))
		return request_fail(r, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
	if (!shape_all(r))
		return HANG_UP;
	if (in->markers.n == 0)
		return REPLY;
	w->r = r;
	w->n = w->n_left = in->markers.n;
	w->v = arena_array(&r->arena, (size_t)w->n, sizeof(*w->v));
	for (int i = 0; w->v && i < w->n; i++)
		if (!prepare(w, &in->markers.v[i], &w->v[i]))
			return HANG_UP;
	if (!w->v)
		return HANG_UP;
	request_park(r, w, NULL);
	for (int i = 0; i < w->n; i++)
		markers_write(&w->v[i]);
	return PARKED;
}

static void fail(struct request *r, int err, struct str message)
{
	struct write_txn_markers_response *out = r->out;

	(void)message;
	if (!shape_all(r))
		return;
	for (int i = 0; i < out->markers.n; i++)
		for (int j = 0; j < out->markers.v[i].topics.n; j++)
			for (int k = 0; k < out->markers.v[i].topics.v[j].partitions.n; k++)
				out->markers.v[i].topics.v[j].partitions.v[k].error_code = (int16_t)err;
}

const struct api api_write_txn_markers = {
	.key = write_txn_markers_request_KEY,
	.first = write_txn_markers_request_FIRST,
	.last = write_txn_markers_request_LAST,
	.flags = API_BROKER | API_CLUSTER_ACTION,
	.in = &write_txn_markers_request_schema,
	.out = &write_txn_markers_response_schema,
	.run = run,
	.fail = fail,
};
