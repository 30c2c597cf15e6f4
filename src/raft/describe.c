/*
 * describe: DescribeQuorum's answer.
 */
#include "base/err.h"
#include "protocol/describe_quorum.h"
#include "raft/raft_private.h"
#include "wire/codec.h"

#define TOPIC "__cluster_metadata"

static bool asks_for_us(const struct describe_quorum_request *request)
{
	return request->topics.n == 1 && str_is(request->topics.v[0].topic_name, TOPIC) &&
	       request->topics.v[0].partitions.n == 1 && request->topics.v[0].partitions.v[0].partition_index == 0;
}

static void set_error(struct describe_quorum_response_partition *p, int err, int16_t version)
{
	p->error_code = (int16_t)err;
	if (version >= 2)
		p->error_message = str_of(err_message(err));
}

/* Every partition that was asked for, with the same error (DescribeQuorumRequest.getPartitionLevelErrorResponse). */
static void answer_unknown(const struct describe_quorum_request *request, int16_t version, struct arena *a,
			   struct describe_quorum_response *out)
{
	out->topics.n = request->topics.n;
	out->topics.v = arena_array(a, (size_t)request->topics.n, sizeof(*out->topics.v));
	for (int32_t t = 0; !a->failed && t < request->topics.n; t++) {
		const struct describe_quorum_request_topic *from = &request->topics.v[t];
		struct describe_quorum_response_topic *to = &out->topics.v[t];

		to->topic_name = from->topic_name;
		to->partitions.n = from->partitions.n;
		to->partitions.v = arena_array(a, (size_t)from->partitions.n, sizeof(*to->partitions.v));
		for (int32_t p = 0; !a->failed && p < from->partitions.n; p++) {
			codec_init(&describe_quorum_response_partition_schema, &to->partitions.v[p]);
			to->partitions.v[p].partition_index = from->partitions.v[p].partition_index;
			set_error(&to->partitions.v[p], ERR_UNKNOWN_TOPIC_OR_PARTITION, version);
		}
	}
}

static void describe_voters(const struct raft *r, int64_t wall_ms, struct arena *a,
			    struct describe_quorum_response_partition *p)
{
	p->current_voters.v = arena_array(a, (size_t)r->voters.n, sizeof(*p->current_voters.v));
	p->current_voters.n = r->voters.n;
	for (int i = 0; !a->failed && i < r->voters.n; i++) {
		struct describe_quorum_response_replica *v = &p->current_voters.v[i];
		bool mine = r->voters.v[i].id == r->node_id;

		codec_init(&describe_quorum_response_replica_schema, v);
		v->replica_id = r->voters.v[i].id;
		v->replica_directory_id = r->voters.v[i].directory_id;
		v->log_end_offset = mine ? r->flushed_end : r->replicas[i].flushed_end;
		v->last_fetch_timestamp = mine ? wall_ms : -1;
		v->last_caught_up_timestamp = mine ? wall_ms : -1;
	}
}

static void describe_nodes(const struct raft *r, struct arena *a, struct describe_quorum_response *out)
{
	out->nodes.v = arena_array(a, (size_t)r->voters.n, sizeof(*out->nodes.v));
	out->nodes.n = r->voters.n;
	for (int i = 0; !a->failed && i < r->voters.n; i++) {
		const struct raft_voter *from = r->voters.v[i].id == r->node_id ? &r->own : &r->voters.v[i];
		struct describe_quorum_response_node *to = &out->nodes.v[i];

		to->node_id = r->voters.v[i].id;
		to->listeners.v = arena_array(a, (size_t)from->n_endpoints, sizeof(*to->listeners.v));
		to->listeners.n = from->n_endpoints;
		for (int e = 0; !a->failed && e < from->n_endpoints; e++) {
			to->listeners.v[e].name = from->endpoints[e].name;
			to->listeners.v[e].host = from->endpoints[e].host;
			to->listeners.v[e].port = from->endpoints[e].port;
		}
	}
}

void raft_describe_quorum(const struct raft *r, int64_t wall_ms, const struct describe_quorum_request *request,
			  int16_t version, struct arena *a, struct describe_quorum_response *out)
{
	struct describe_quorum_response_topic *t;
	struct describe_quorum_response_partition *p;

	if (!asks_for_us(request)) {
		answer_unknown(request, version, a, out);
		return;
	}
	t = arena_array(a, 1, sizeof(*t));
	p = arena_array(a, 1, sizeof(*p));
	if (a->failed)
		return;
	codec_init(&describe_quorum_response_partition_schema, p);
	t->topic_name = STR(TOPIC);
	t->partitions.v = p;
	t->partitions.n = 1;
	out->topics.v = t;
	out->topics.n = 1;
	p->leader_id = raft_leader_id(r);
	p->leader_epoch = raft_epoch(r);
	if (r->role != RAFT_LEADER) {
		set_error(p, ERR_NOT_LEADER_OR_FOLLOWER, version);
		return;
	}
	p->high_watermark = r->high_watermark;
	describe_voters(r, wall_ms, a, p);
	if (version >= 2)
		describe_nodes(r, a, out);
}
