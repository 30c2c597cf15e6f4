/*
 * epoch: BeginQuorumEpoch, by which a leader tells the voters that it leads, and EndQuorumEpoch, by
 * which it tells them that it no longer does, and names candidates (KIP-595).
 */
#include "protocol/begin_quorum_epoch.h"
#include "protocol/end_quorum_epoch.h"
#include "raft/message.h"

/* ---- BeginQuorumEpoch ---- */

QUORUM_REQUEST_NEW(begin_quorum_epoch)
QUORUM_RESPONSE_FILL(begin_quorum_epoch)
QUORUM_RESPONSE_TAKE(begin_quorum_epoch)

static const struct begin_quorum_epoch_request *build_begin(const struct raft *r, struct arena *a,
							    struct raft_key voter)
{
	struct begin_quorum_epoch_request *m = new_begin_quorum_epoch(r, a);
	struct begin_quorum_epoch_request_partition *p = m->topics.v->partitions.v;

	m->voter_id = voter.id;
	p->voter_directory_id = voter.directory_id;
	p->leader_id = r->config.node_id;
	p->leader_epoch = r->election.leader_epoch;
	ENDPOINTS_COPY(m->leader_endpoints.v, r->own.endpoints, r->own.n_endpoints, a);
	m->leader_endpoints.n = r->own.n_endpoints;
	return m;
}

void epoch_send_begin(struct raft *r, struct raft_turn *t, struct raft_key voter)
{
	struct raft_node node;

	if (raft_voter_node(r, voter.id, &node) && peer_is_ready(r, voter.id, t->event->now_ms))
		peer_send(r, t, &node, begin_quorum_epoch_request_KEY, build_begin(r, t->out->arena, voter));
}

bool epoch_begin_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from)
{
	(void)from;
	return take_begin_quorum_epoch(r, t);
}

/* Takes in what another node says of itself as the leader. */
static int learn_leader(struct raft *r, struct raft_turn *t, const struct raft_leader *leader)
{
	int err = request_check_voter(r, leader->id, leader->epoch);

	if (err != 0)
		return err;
	return leader->id != r->config.node_id && role_learn(r, t, leader) ? 0 : ERR_INVALID_REQUEST;
}

static int begin(struct raft *r, struct raft_turn *t, const struct begin_quorum_epoch_request *m)
{
	const struct begin_quorum_epoch_request_partition *p = m->topics.v->partitions.v;
	struct raft_key addressee = {m->voter_id, p->voter_directory_id};
	struct raft_leader leader = {.id = p->leader_id, .epoch = p->leader_epoch};
	struct raft_endpoint *at;
	int err;

	if (m->leader_endpoints.n > ENDPOINTS_MAX)
		return ERR_INVALID_REQUEST;
	ENDPOINTS_COPY(at, m->leader_endpoints.v, m->leader_endpoints.n, t->out->arena);
	leader.endpoints = at;
	leader.n_endpoints = at ? m->leader_endpoints.n : 0;
	err = learn_leader(r, t, &leader);
	if (err != 0)
		return err;
	return request_is_for_us(r, addressee) ? 0 : ERR_INVALID_VOTER_KEY;
}

void epoch_begin_asked(struct raft *r, struct raft_turn *t, struct raft_request *q)
{
	const struct begin_quorum_epoch_request *m = q->in;
	struct begin_quorum_epoch_response *out = q->out;

	if (!raft_is_own_cluster(r, m->cluster_id))
		out->error_code = ERR_INCONSISTENT_CLUSTER_ID;
	else if (!IS_METADATA(m))
		out->error_code = ERR_INVALID_REQUEST;
	else
		answer_begin_quorum_epoch(r, q, begin(r, t, m));
}

/* ---- EndQuorumEpoch ---- */

QUORUM_REQUEST_NEW(end_quorum_epoch)
QUORUM_RESPONSE_FILL(end_quorum_epoch)
QUORUM_RESPONSE_TAKE(end_quorum_epoch)

/*
 * This node has resigned: notifies these voters, as candidates in this order, or (n = 0) all
 * voters, without naming candidates.
 */
void epoch_begin_end(struct raft *r, const struct raft_key *successors, int n)
{
	const struct raft_voters *voters = raft_voters(r);

	r->n_successors = n;
	r->n_ballots = 0;
	for (int i = 0; i < n; i++)
		ballots_add(r, successors[i], VOTE_NONE);
	for (int i = 0; n == 0 && i < voters->n; i++) {
		if (voters->v[i].id != r->config.node_id)
			ballots_add(r, raft_voter_key(&voters->v[i]), VOTE_NONE);
	}
}

static const struct end_quorum_epoch_request *build_end(const struct raft *r, struct arena *a)
{
	struct end_quorum_epoch_request *m = new_end_quorum_epoch(r, a);
	struct end_quorum_epoch_request_partition *p = m->topics.v->partitions.v;
	int n = r->n_successors;

	p->leader_id = r->config.node_id;
	p->leader_epoch = r->election.leader_epoch;
	p->preferred_successors.v = arena_array(a, (size_t)n + 1, sizeof(*p->preferred_successors.v));
	p->preferred_successors.n = n;
	p->preferred_candidates.v = arena_array(a, (size_t)n + 1, sizeof(*p->preferred_candidates.v));
	p->preferred_candidates.n = n;
	for (int i = 0; i < n; i++) {
		struct raft_key key = r->ballots[i].key;

		p->preferred_successors.v[i] = key.id;
		p->preferred_candidates.v[i] = (struct end_quorum_epoch_request_replica_info){key.id, key.directory_id};
	}
	return m;
}

void epoch_send_end(struct raft *r, struct raft_turn *t)
{
	struct raft_node node;

	for (int i = 0; i < r->n_ballots; i++) {
		const struct raft_ballot *b = &r->ballots[i];

		if (b->vote == VOTE_NONE && raft_voter_node(r, b->key.id, &node) &&
		    peer_is_ready(r, node.id, t->event->now_ms))
			peer_send(r, t, &node, end_quorum_epoch_request_KEY, build_end(r, t->out->arena));
	}
}

bool epoch_end_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from)
{
	struct raft_ballot *b = ballots_find(r, from->id);
	bool told = take_end_quorum_epoch(r, t);

	if (told && b && r->role == RAFT_RESIGNED)
		b->vote = VOTE_GRANTED;
	return told;
}

/*
 * How long this node waits before it stands for election, according to its place among the
 * candidates: not at all as the first, the longer the later its place, and the maximum if it is not
 * among them.
 */
static int64_t backoff_ms(const struct raft *r, const struct end_quorum_epoch_request_partition *p)
{
	int64_t max_ms = r->config.election_backoff_max_ms;
	int n = p->preferred_candidates.n > 0 ? p->preferred_candidates.n : p->preferred_successors.n;
	int at = 0;

	for (; at < n; at++) {
		struct raft_key key = {-1, UUID_ZERO};

		if (p->preferred_candidates.n > 0)
			key = (struct raft_key){p->preferred_candidates.v[at].candidate_id,
						p->preferred_candidates.v[at].candidate_directory_id};
		else
			key.id = p->preferred_successors.v[at];
		if (raft_key_matches(key, raft_own_key(r)))
			break;
	}
	if (at == 0)
		return 0;
	if (at >= n || at > 31 || n > 31)
		return max_ms;
	return min_ms(max_ms, (max_ms >> (n - 1)) << (at - 1));
}

static int end(struct raft *r, struct raft_turn *t, const struct end_quorum_epoch_request *m)
{
	const struct end_quorum_epoch_request_partition *p = m->topics.v->partitions.v;
	struct raft_leader leader = {.id = p->leader_id, .epoch = p->leader_epoch};
	struct raft_endpoint *at;
	int err;

	if (m->leader_endpoints.n > ENDPOINTS_MAX)
		return ERR_INVALID_REQUEST;
	ENDPOINTS_COPY(at, m->leader_endpoints.v, m->leader_endpoints.n, t->out->arena);
	leader.endpoints = at;
	leader.n_endpoints = at ? m->leader_endpoints.n : 0;
	err = learn_leader(r, t, &leader);
	if (err == 0 && r->role == RAFT_FOLLOWER && r->election.leader_id == p->leader_id)
		r->fetch_due_ms = t->event->now_ms + backoff_ms(r, p);
	return err;
}

void epoch_end_asked(struct raft *r, struct raft_turn *t, struct raft_request *q)
{
	const struct end_quorum_epoch_request *m = q->in;
	struct end_quorum_epoch_response *out = q->out;

	if (!raft_is_own_cluster(r, m->cluster_id))
		out->error_code = ERR_INCONSISTENT_CLUSTER_ID;
	else if (!IS_METADATA(m))
		out->error_code = ERR_INVALID_REQUEST;
	else
		answer_end_quorum_epoch(r, q, end(r, t, m));
}
