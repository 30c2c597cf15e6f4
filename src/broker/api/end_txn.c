/*
 * EndTxn and AddOffsetsToTxn: requests of a transactional producer to its coordinator about one
 * transaction.
 */
#include "protocol/end_txn.h"
#include "base/err.h"
#include "broker/answer.h"
#include "broker/coordinator_request.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "protocol/add_offsets_to_txn.h"
#include "protocol/add_partitions_to_txn.h"

/* ---- EndTxn ---- */

static enum outcome end(struct request *r)
{
	const struct end_txn_request *in = r->in;

	if (!r->image)
		return HANG_UP;
	if (!request_may(r, ACL_WRITE, ACL_TRANSACTIONAL_ID, in->transactional_id))
		return request_fail(r, ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, STR_NULL);
	return coordinator_request_run(r, COORDINATOR_TRANSACTION, in->transactional_id, in, r->out, NULL, NULL);
}

static void end_fail(struct request *r, int err, struct str message)
{
	struct end_txn_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
	out->producer_id = -1;
	out->producer_epoch = -1;
}

const struct api api_end_txn = {
	.key = end_txn_request_KEY,
	.first = end_txn_request_FIRST,
	.last = end_txn_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &end_txn_request_schema,
	.out = &end_txn_response_schema,
	.run = end,
	.fail = end_fail,
};

/* ---- AddOffsetsToTxn ---- */

/* Adds the partition with the group's offsets to the transaction. */
static enum outcome add_offsets(struct request *r)
{
	const struct add_offsets_to_txn_request *in = r->in;
	struct add_partitions_to_txn_request_transaction *t = arena_zalloc(&r->arena, sizeof(*t));
	struct add_partitions_to_txn_request_topic *topic = arena_zalloc(&r->arena, sizeof(*topic));
	int32_t *partition = arena_zalloc(&r->arena, sizeof(*partition));

	if (!r->image || !t || !topic || !partition)
		return HANG_UP;
	if (!request_may(r, ACL_WRITE, ACL_TRANSACTIONAL_ID, in->transactional_id))
		return request_fail(r, ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, STR_NULL);
	if (!request_may(r, ACL_READ, ACL_GROUP, in->group_id))
		return request_fail(r, ERR_GROUP_AUTHORIZATION_FAILED, STR_NULL);
	*partition = coordinator_partition(r->node, r->image, COORDINATOR_GROUP, in->group_id);
	*topic = (struct add_partitions_to_txn_request_topic){
		.name = coordinator_topic(COORDINATOR_GROUP),
		.partitions = {partition, 1},
	};
	*t = (struct add_partitions_to_txn_request_transaction){
		.transactional_id = in->transactional_id,
		.producer_id = in->producer_id,
		.producer_epoch = in->producer_epoch,
		.topics = {topic, 1},
	};
	return coordinator_request_run(r, COORDINATOR_TRANSACTION, in->transactional_id, t, r->out, NULL, NULL);
}

static void add_offsets_fail(struct request *r, int err, struct str message)
{
	struct add_offsets_to_txn_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
}

const struct api api_add_offsets_to_txn = {
	.key = add_offsets_to_txn_request_KEY,
	.first = add_offsets_to_txn_request_FIRST,
	.last = add_offsets_to_txn_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &add_offsets_to_txn_request_schema,
	.out = &add_offsets_to_txn_response_schema,
	.run = add_offsets,
	.fail = add_offsets_fail,
};
