/*
 * vote: Vote, sent, answered and counted (KIP-595, and KIP-996's pre-vote).
 *
 * 1. A vote that is given is in quorum-state before the candidate hears of it (raft.h, 1); a
 *    pre-vote changes nothing.
 * 2. A node whose log ends before this node's gets neither.
 * 3. Only the first answer of a voter to a prospective or candidate counts.
 */
#include "base/mem.h"
#include "protocol/vote.h"
#include "raft/message.h"

/* ---- counting ---- */

void ballots_add(struct raft *r, struct raft_key key, enum raft_vote vote)
{
	r->ballots = xreallocarray(r->ballots, (size_t)r->n_ballots + 1, sizeof(*r->ballots));
	r->ballots[r->n_ballots++] = (struct raft_ballot){key, vote};
}

struct raft_ballot *ballots_find(struct raft *r, int32_t id)
{
	for (int i = 0; i < r->n_ballots; i++) {
		if (r->ballots[i].key.id == id)
			return &r->ballots[i];
	}
	return NULL;
}

static int count(const struct raft *r, enum raft_vote vote)
{
	int n = 0;

	for (int i = 0; i < r->n_ballots; i++)
		n += r->ballots[i].vote == vote;
	return n;
}

/* Every voter is to be asked, except this node, which votes for itself. */
void vote_begin(struct raft *r)
{
	const struct raft_voters *voters = raft_voters(r);

	r->n_ballots = 0;
	for (int i = 0; i < voters->n; i++)
		ballots_add(r, raft_voter_key(&voters->v[i]),
			    voters->v[i].id == r->config.node_id ? VOTE_GRANTED : VOTE_NONE);
}

bool vote_is_lost(const struct raft *r)
{
	return count(r, VOTE_GRANTED) + count(r, VOTE_NONE) < r->n_ballots / 2 + 1;
}

/*
 * A candidate that has lost waits for its timeout, so that not all begin anew at once. A node that
 * is about to stop does not become leader.
 */
void vote_count(struct raft *r, struct raft_turn *t)
{
	bool won = count(r, VOTE_GRANTED) >= r->n_ballots / 2 + 1 && !r->stopping;

	if (won && r->role == RAFT_CANDIDATE)
		role_leader(r, t);
	else if (won && r->role == RAFT_PROSPECTIVE && r->election.leader_epoch < INT32_MAX)
		role_candidate(r, t);
	else if (r->role == RAFT_PROSPECTIVE && vote_is_lost(r))
		role_lost(r, t);
}

/* ---- asking ---- */

QUORUM_REQUEST_NEW(vote)

static const struct vote_request *build(const struct raft *r, struct arena *a, struct raft_key voter)
{
	struct vote_request *m = new_vote(r, a);
	struct vote_request_partition *p = m->topics.v->partitions.v;

	m->voter_id = voter.id;
	p->replica_epoch = r->election.leader_epoch;
	p->replica_id = r->config.node_id;
	p->replica_directory_id = r->config.directory_id;
	p->voter_directory_id = voter.directory_id;
	p->last_offset_epoch = history_last_epoch(&r->history);
	p->last_offset = r->history.end;
	p->pre_vote = r->role == RAFT_PROSPECTIVE;
	return m;
}

void vote_send(struct raft *r, struct raft_turn *t)
{
	struct raft_node node;

	for (int i = 0; i < r->n_ballots && !vote_is_lost(r); i++) {
		const struct raft_ballot *b = &r->ballots[i];

		if (b->vote == VOTE_NONE && raft_voter_node(r, b->key.id, &node) &&
		    peer_is_ready(r, node.id, t->event->now_ms))
			peer_send(r, t, &node, vote_request_KEY, build(r, t->out->arena, b->key));
	}
}

static void count_answer(struct raft *r, struct raft_turn *t, int32_t voter_id, bool granted)
{
	struct raft_ballot *b = ballots_find(r, voter_id);

	if (!b || (r->role != RAFT_PROSPECTIVE && r->role != RAFT_CANDIDATE))
		return;
	if (b->vote == VOTE_NONE)
		b->vote = granted ? VOTE_GRANTED : VOTE_REJECTED;
	vote_count(r, t);
}

QUORUM_RESPONSE_TAKE(vote)

static bool is_unsupported(const struct raft_event *answer)
{
	const struct vote_response *m = answer->response;

	return (answer->err != 0 ? answer->err : m->error_code) == ERR_UNSUPPORTED_VERSION;
}

bool vote_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from)
{
	const struct vote_response_partition *p;

	if (r->role == RAFT_PROSPECTIVE && is_unsupported(t->event) && r->election.leader_epoch < INT32_MAX) {
		role_candidate(r, t); /* the voter is from before KIP-996 and does not support pre-votes */
		return true;
	}
	p = take_vote(r, t);
	if (p)
		count_answer(r, t, from->id, p->vote_granted);
	return p;
}

/* ---- answering ---- */

static bool is_up_to_date(const struct raft *r, const struct vote_request_partition *p)
{
	int32_t own_epoch = history_last_epoch(&r->history);

	return p->last_offset_epoch > own_epoch ||
	       (p->last_offset_epoch == own_epoch && p->last_offset >= r->history.end);
}

/* Has this epoch's vote, or leadership, not gone to another node? */
static bool is_free(const struct raft *r, struct raft_key candidate)
{
	struct raft_key voted = {r->election.voted_id, r->election.voted_directory_id};

	if (voted.id >= 0)
		return raft_key_matches(voted, candidate);
	return r->election.leader_id < 0;
}

/* Kafka's rules: canGrantVote of each of its states. */
static bool may_grant(const struct raft *r, const struct vote_request_partition *p)
{
	struct raft_key candidate = {p->replica_id, p->replica_directory_id};
	bool again = r->election.voted_id >= 0;

	switch (r->role) {
	case RAFT_UNATTACHED:
	case RAFT_PROSPECTIVE:
		return p->pre_vote ? is_up_to_date(r, p) : is_free(r, candidate) && (again || is_up_to_date(r, p));
	case RAFT_CANDIDATE:
	case RAFT_RESIGNED:
		return p->pre_vote && is_up_to_date(r, p);
	case RAFT_FOLLOWER:
		return p->pre_vote && !r->has_fetched && is_up_to_date(r, p);
	case RAFT_LEADER:
		return false;
	}
	return false;
}

/* Gives the vote, and with it time for the candidate to win. */
static void give(struct raft *r, struct raft_turn *t, const struct vote_request_partition *p)
{
	if (p->pre_vote || r->election.voted_id >= 0)
		return;
	r->election.voted_id = p->replica_id;
	r->election.voted_directory_id = p->replica_directory_id;
	r->election_due_ms = raft_is_eligible(r) ? role_election_timeout(r, t) : INT64_MAX;
	if (r->role == RAFT_PROSPECTIVE)
		vote_begin(r);
}

static int decide(struct raft *r, struct raft_turn *t, const struct vote_request *m, bool *granted)
{
	const struct vote_request_partition *p = &m->topics.v[0].partitions.v[0];
	struct raft_key addressee = {m->voter_id, p->voter_directory_id};
	int err;

	if (p->last_offset < 0 || p->last_offset_epoch < 0 ||
	    (p->pre_vote ? p->last_offset_epoch > p->replica_epoch : p->last_offset_epoch >= p->replica_epoch))
		return ERR_INVALID_REQUEST;
	err = request_check_voter(r, p->replica_id, p->replica_epoch);
	if (err != 0)
		return err;
	if (p->replica_epoch > r->election.leader_epoch)
		role_unattached(r, t, p->replica_epoch, -1);
	if (!request_is_for_us(r, addressee))
		return ERR_INVALID_VOTER_KEY;
	*granted = p->replica_id != r->config.node_id && may_grant(r, p);
	if (*granted)
		give(r, t, p);
	return 0;
}

QUORUM_RESPONSE_FILL(vote)

void vote_asked(struct raft *r, struct raft_turn *t, struct raft_request *q)
{
	const struct vote_request *m = q->in;
	struct vote_response *out = q->out;
	struct vote_response_partition *p;
	bool granted = false;

	if (!raft_is_own_cluster(r, m->cluster_id)) {
		out->error_code = ERR_INCONSISTENT_CLUSTER_ID;
	} else if (!IS_METADATA(m)) {
		out->error_code = ERR_INVALID_REQUEST;
	} else {
		int err = decide(r, t, m, &granted);

		p = answer_vote(r, q, err);
		if (p)
			p->vote_granted = granted;
	}
}
