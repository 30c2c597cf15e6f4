/*
 * describe: DescribeQuorum's answer, and figures for metrics.
 */
#include "protocol/describe_quorum.h"
#include "raft/message.h"

static void set_error(struct describe_quorum_response_partition *p, int err, int16_t version)
{
	p->error_code = (int16_t)err;
	if (version >= 2)
		p->error_message = str_of(err_message(err));
}

/*
 * Answers every requested partition with the same error
 * (DescribeQuorumRequest.getPartitionLevelErrorResponse).
 */
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

static void describe_replica(const struct raft *r, const struct raft_describe *how, const struct raft_replica *from,
			     struct describe_quorum_response_replica *to)
{
	bool mine = raft_key_matches(from->key, raft_own_key(r));

	codec_init(&describe_quorum_response_replica_schema, to);
	to->replica_id = from->key.id;
	if (how->version >= 2)
		to->replica_directory_id = from->key.directory_id;
	to->log_end_offset = from->flushed_end;
	to->last_fetch_timestamp = mine ? how->wall_ms : from->fetched_wall_ms;
	to->last_caught_up_timestamp = mine ? how->wall_ms : from->caught_up_wall_ms;
}

static void describe_replicas(const struct raft *r, const struct raft_describe *how,
			      struct describe_quorum_response_partition *p)
{
	p->current_voters.v = arena_array(how->arena, (size_t)r->replicas.n + 1, sizeof(*p->current_voters.v));
	p->observers.v = arena_array(how->arena, (size_t)r->observers.n + 1, sizeof(*p->observers.v));
	if (how->arena->failed)
		return;
	for (int i = 0; i < r->replicas.n; i++)
		describe_replica(r, how, &r->replicas.v[i], &p->current_voters.v[p->current_voters.n++]);
	for (int i = 0; i < r->observers.n; i++) {
		if (leader_knows_observer(&r->observers.v[i], how->now_ms))
			describe_replica(r, how, &r->observers.v[i], &p->observers.v[p->observers.n++]);
	}
}

static void describe_nodes(const struct raft *r, struct arena *a, struct describe_quorum_response *out)
{
	const struct raft_voters *voters = raft_voters(r);

	out->nodes.v = arena_array(a, (size_t)voters->n, sizeof(*out->nodes.v));
	out->nodes.n = voters->n;
	for (int i = 0; !a->failed && i < voters->n; i++) {
		const struct raft_voter *from = &voters->v[i];
		struct describe_quorum_response_node *to = &out->nodes.v[i];

		if (raft_key_matches(raft_voter_key(from), raft_own_key(r)))
			from = &r->own;
		to->node_id = from->id;
		ENDPOINTS_COPY(to->listeners.v, from->endpoints, from->n_endpoints, a);
		to->listeners.n = from->n_endpoints;
	}
}

void raft_describe_quorum(const struct raft *r, const struct raft_describe *how,
			  const struct describe_quorum_request *request, struct describe_quorum_response *out)
{
	struct arena *a = how->arena;
	struct describe_quorum_response_topic *t;
	struct describe_quorum_response_partition *p;

	if (!IS_METADATA(request)) {
		answer_unknown(request, how->version, a, out);
		return;
	}
	t = arena_array(a, 1, sizeof(*t));
	p = answer_new(a, &describe_quorum_response_partition_schema, sizeof(*p));
	if (a->failed)
		return;
	t->topic_name = STR(METADATA_TOPIC);
	t->partitions.v = p;
	t->partitions.n = 1;
	out->topics.v = t;
	out->topics.n = 1;
	p->leader_id = raft_leader_id(r);
	p->leader_epoch = raft_epoch(r);
	if (r->role != RAFT_LEADER) {
		set_error(p, ERR_NOT_LEADER_OR_FOLLOWER, how->version);
		return;
	}
	p->high_watermark = raft_high_watermark(r);
	describe_replicas(r, how, p);
	if (how->version >= 2)
		describe_nodes(r, a, out);
}

/* ---- numbers ---- */

static const char *state_of(const struct raft *r)
{
	bool voted = r->election.voted_id >= 0;

	switch (r->role) {
	case RAFT_PROSPECTIVE:
		return voted ? "prospective-voted" : "prospective";
	case RAFT_UNATTACHED:
		return voted ? "unattached-voted" : "unattached";
	case RAFT_FOLLOWER:
		return raft_is_voter(r) ? "follower" : "observer";
	default:
		return raft_role_name(r->role);
	}
}

void raft_measure(const struct raft *r, int64_t now_ms, struct raft_numbers *out)
{
	bool leads = r->role == RAFT_LEADER;

	*out = (struct raft_numbers){
		.state = state_of(r),
		.leader_id = raft_leader_id(r),
		.voted_id = leads ? r->config.node_id : r->election.voted_id,
		.epoch = raft_epoch(r),
		.high_watermark = raft_high_watermark(r),
		.log_end = raft_log_end(r),
		.log_end_epoch = raft_last_epoch(r),
		.n_voters = raft_voters(r)->n,
		.voters_uncommitted =
			leads && raft_voters_offset(r) >= 0 && raft_voters_offset(r) >= raft_high_watermark(r),
		.n_candidacies = r->n_candidacies,
	};
	for (int i = 0; leads && i < r->observers.n; i++)
		out->n_observers += leader_knows_observer(&r->observers.v[i], now_ms);
}

int64_t raft_candidacies(const struct raft *r)
{
	return r->n_candidacies;
}

bool raft_commits(const struct raft *r)
{
	if (r->role == RAFT_LEADER)
		return r->high_watermark > r->epoch_start;
	return r->role == RAFT_FOLLOWER && r->has_fetched;
}
