/*
 * TxnOffsetCommit: offsets that take effect when the transaction is committed. What does not exist
 * is refused here (commit_topics.h). Then the partition with the group's offsets is verified, or
 * added to the transaction, as if the client had produced to it. The group coordinator handles the
 * rest.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/commit_topics.h"
#include "broker/coordinator_request.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/permission.h"
#include "broker/verification.h"
#include "protocol/txn_offset_commit.h"

#define LOADING_SINCE 2 /* older clients do not know COORDINATOR_LOAD_IN_PROGRESS (KAFKA-7296) */
#define TOPIC_IDS_SINCE 6

struct commit {
	struct request *r;
	struct commit_topics topics;
	struct txn_offset_commit_request in; /* the request to the coordinator */
	struct verification verification;
	struct verified offsets; /* the partition of the group's offsets */
	bool verifies;
};

static int as_clients_know_it(const struct request *r, int err)
{
	return err == ERR_COORDINATOR_LOAD_IN_PROGRESS && r->version < LOADING_SINCE ? ERR_COORDINATOR_NOT_AVAILABLE
										     : err;
}

static void finish(struct request *r, const struct shard_command *c, void *arg)
{
	struct commit *k = arg;

	commit_topics_finish(&k->topics, as_clients_know_it(r, c->err));
}

static void commit(struct commit *k)
{
	coordinator_request_go_on(k->r, COORDINATOR_GROUP, k->in.group_id, &k->in, &k->topics.said, k->offsets.guard,
				  finish, k);
}

static void verified(struct verification *v)
{
	struct commit *k = v->arg;

	k->verifies = false;
	if (k->offsets.err) {
		if (commit_topics_finish(&k->topics, as_clients_know_it(k->r, coordinator_error(k->offsets.err))))
			request_complete(k->r);
		else
			request_end(k->r, true);
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

/* NULL: this node does not coordinate the group. */
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
	arena_cleanup(&r->arena, release, k);
	if (!commit_topics_sort(&k->topics, r, in->topics.v, in->topics.n, r->version >= TOPIC_IDS_SINCE))
		return HANG_UP;
	if (k->topics.n == 0)
		return REPLY;
	p = offsets_partition(r, in->group_id);
	if (in->group_id.len == 0 || !p) {
		int err = in->group_id.len == 0 ? ERR_INVALID_GROUP_ID : ERR_NOT_COORDINATOR;

		return commit_topics_finish(&k->topics, err) ? REPLY : HANG_UP;
	}
	k->r = r;
	k->in = *in;
	k->in.topics.v = k->topics.v;
	k->in.topics.n = k->topics.n;
	verify(k, p);
	return PARKED;
}

static void fail(struct request *r, int err, struct str message)
{
	const struct txn_offset_commit_request *in = r->in;

	(void)message;
	commit_topics_fail(r, in->topics.v, in->topics.n, as_clients_know_it(r, err));
}

const struct api api_txn_offset_commit = {
	.key = txn_offset_commit_request_KEY,
	.first = txn_offset_commit_request_FIRST,
	.last = txn_offset_commit_request_LAST,
	.flags = API_BROKER | API_WITHOUT_NUL,
	.in = &txn_offset_commit_request_schema,
	.out = &txn_offset_commit_response_schema,
	.run = run,
	.fail = fail,
};
