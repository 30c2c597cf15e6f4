/*
 * role: which role follows which (Kafka's QuorumState), and what each role does as time passes.
 *
 * A change of role within an epoch keeps the vote that was given in it. Requests under way are
 * forgotten: their answers no longer matter.
 */
#include "base/check.h"
#include "base/mem.h"
#include "raft/raft_private.h"

static const bool MAY_BECOME[][RAFT_RESIGNED + 1] = {
	[RAFT_UNATTACHED] = {[RAFT_UNATTACHED] = true, [RAFT_PROSPECTIVE] = true, [RAFT_FOLLOWER] = true},
	[RAFT_PROSPECTIVE] = {[RAFT_UNATTACHED] = true, [RAFT_CANDIDATE] = true, [RAFT_FOLLOWER] = true},
	[RAFT_CANDIDATE] =
		{[RAFT_UNATTACHED] = true, [RAFT_PROSPECTIVE] = true, [RAFT_LEADER] = true, [RAFT_FOLLOWER] = true},
	[RAFT_LEADER] = {[RAFT_UNATTACHED] = true, [RAFT_FOLLOWER] = true, [RAFT_RESIGNED] = true},
	[RAFT_FOLLOWER] = {[RAFT_UNATTACHED] = true, [RAFT_PROSPECTIVE] = true, [RAFT_FOLLOWER] = true},
	[RAFT_RESIGNED] = {[RAFT_UNATTACHED] = true, [RAFT_FOLLOWER] = true},
};

static void become(struct raft *r, struct raft_turn *t, enum raft_role role)
{
	check(MAY_BECOME[r->role][role]);
	if (r->role == RAFT_LEADER)
		leader_end(r, t);
	r->role = role;
	r->moved = true;
	r->n_peers = 0;
	r->election_due_ms = INT64_MAX;
}

static void set_leader_endpoints(struct raft *r, const struct raft_endpoint *v, int n)
{
	struct raft_endpoint *copy = endpoints_copy(v, n);

	endpoints_free(r->leader_endpoints, r->n_leader_endpoints);
	r->leader_endpoints = copy;
	r->n_leader_endpoints = n;
}

int64_t role_election_timeout(const struct raft *r, struct raft_turn *t)
{
	/* A round must not end in the instant in which it began: 0 is allowed. */
	int32_t base_ms = r->config.election_timeout_ms > 0 ? r->config.election_timeout_ms : 1;

	return t->event->now_ms + base_ms + raft_chance(t, base_ms);
}

static void tell_followed(struct raft_turn *t, int32_t leader_id, int32_t epoch)
{
	struct raft_effect *e = raft_effect(t, RAFT_EFFECT_FOLLOWER);

	e->leader_id = leader_id;
	e->epoch = epoch;
}

/* The vote given in this epoch, or none if the epoch is later. */
static struct raft_election election_in(const struct raft *r, int32_t epoch, int32_t leader_id)
{
	struct raft_election next = {leader_id, epoch, -1, UUID_ZERO};

	check(epoch >= r->election.leader_epoch);
	if (epoch == r->election.leader_epoch) {
		next.voted_id = r->election.voted_id;
		next.voted_directory_id = r->election.voted_directory_id;
	}
	return next;
}

/* ---- transitions ---- */

/* An election held by others does not delay this node's own, nor does a lost round bring it forward. */
static int64_t unattached_timeout(const struct raft *r, struct raft_turn *t)
{
	bool waits = r->role == RAFT_CANDIDATE || r->role == RAFT_UNATTACHED || r->role == RAFT_RESIGNED ||
		     (r->role == RAFT_PROSPECTIVE && !vote_is_lost(r));

	if (!raft_is_eligible(r))
		return INT64_MAX;
	return waits && r->election_due_ms != INT64_MAX ? r->election_due_ms : role_election_timeout(r, t);
}

void role_unattached(struct raft *r, struct raft_turn *t, int32_t epoch, int32_t leader_id)
{
	int64_t due_ms = unattached_timeout(r, t);

	become(r, t, RAFT_UNATTACHED);
	r->election = election_in(r, epoch, leader_id);
	r->election_due_ms = due_ms;
	set_leader_endpoints(r, NULL, 0);
	tell_followed(t, -1, epoch);
}

void role_follower(struct raft *r, struct raft_turn *t, const struct raft_leader *leader)
{
	check(leader->id != r->config.node_id && leader->n_endpoints > 0);
	become(r, t, RAFT_FOLLOWER);
	r->election = election_in(r, leader->epoch, leader->id);
	set_leader_endpoints(r, leader->endpoints, leader->n_endpoints);
	follower_begin(r, t);
	tell_followed(t, leader->id, leader->epoch);
}

void role_prospective(struct raft *r, struct raft_turn *t)
{
	check(raft_is_eligible(r));
	become(r, t, RAFT_PROSPECTIVE);
	r->election_due_ms = role_election_timeout(r, t);
	vote_begin(r);
	vote_count(r, t);
}

void role_candidate(struct raft *r, struct raft_turn *t)
{
	check(raft_is_eligible(r) && r->election.leader_epoch < INT32_MAX);
	r->n_candidacies++;
	become(r, t, RAFT_CANDIDATE);
	r->election =
		(struct raft_election){-1, r->election.leader_epoch + 1, r->config.node_id, r->config.directory_id};
	set_leader_endpoints(r, NULL, 0);
	r->election_due_ms = role_election_timeout(r, t);
	vote_begin(r);
	if (!raft_is_only_voter(r))
		tell_followed(t, -1, r->election.leader_epoch);
	vote_count(r, t);
}

void role_leader(struct raft *r, struct raft_turn *t)
{
	become(r, t, RAFT_LEADER);
	r->election = (struct raft_election){r->config.node_id, r->election.leader_epoch, -1, UUID_ZERO};
	set_leader_endpoints(r, r->own.endpoints, r->own.n_endpoints);
	leader_begin(r, t);
}

/* It remains the leader of this epoch, so that no other node is voted for in it. */
void role_resigned(struct raft *r, struct raft_turn *t)
{
	struct raft_key *successors = arena_array(t->out->arena, (size_t)r->replicas.n + 1, sizeof(*successors));
	int n = leader_successors(r, successors);

	become(r, t, RAFT_RESIGNED);
	r->election_due_ms = role_election_timeout(r, t);
	epoch_begin_end(r, successors, n);
}

/* ---- what a message says about the leader ---- */

/* Endpoints that the message lacks are taken from the set of voters. */
static void find_endpoints(const struct raft *r, struct raft_leader *leader)
{
	const struct raft_voter *voter = raft_voters_find(raft_voters(r), leader->id);

	if (leader->n_endpoints > 0 || !voter)
		return;
	leader->endpoints = voter->endpoints;
	leader->n_endpoints = voter->n_endpoints;
}

/* It is of a later epoch, or names a leader not known yet, or more of its addresses. */
static bool is_news(const struct raft *r, const struct raft_leader *leader)
{
	if (leader->epoch > r->election.leader_epoch)
		return true;
	return leader->id >= 0 && leader->n_endpoints > 0 &&
	       (r->election.leader_id < 0 || leader->n_endpoints > r->n_leader_endpoints);
}

/*
 * Another address of the known leader, which comes from the leader itself or from a node that was
 * asked because the leader did not answer: the set of voters may have the address from before it
 * moved (Kafka keeps to that one until another node leads). It is not a sign of life: timeouts go
 * on.
 */
static bool is_elsewhere(const struct raft *r, const struct raft_leader *said)
{
	const struct raft_endpoint *at = endpoints_find(said->endpoints, said->n_endpoints, r->config.listener);
	struct raft_node known;

	return r->role == RAFT_FOLLOWER && at && said->epoch == r->election.leader_epoch &&
	       said->id == r->election.leader_id && said->n_endpoints >= r->n_leader_endpoints &&
	       follower_leader_node(r, &known) && (known.port != at->port || !str_eq(known.host, at->host));
}

bool role_learn(struct raft *r, struct raft_turn *t, const struct raft_leader *said)
{
	struct raft_leader leader = *said;

	if (leader.id == r->config.node_id) { /* what others remember of an earlier life: this node knows better */
		if (leader.epoch > r->election.leader_epoch)
			role_unattached(r, t, leader.epoch, -1);
		return true;
	}
	if (leader.epoch == r->election.leader_epoch && leader.id >= 0 && r->election.leader_id >= 0 &&
	    leader.id != r->election.leader_id) {
		raft_warn(t, "two leaders in one epoch: epoch=%d leader=%d other=%d", leader.epoch,
			  r->election.leader_id, leader.id);
		return false;
	}
	if (is_elsewhere(r, &leader)) {
		set_leader_endpoints(r, leader.endpoints, leader.n_endpoints);
		return true;
	}
	find_endpoints(r, &leader);
	if (!is_news(r, &leader))
		return true;
	if (leader.id >= 0 && leader.n_endpoints > 0)
		role_follower(r, t, &leader);
	else
		role_unattached(r, t, leader.epoch, -1);
	return true;
}

/* ---- what is due ---- */

/*
 * Not while the log is being changed, since a leader's log must be fixed; and not in the last
 * epoch, which has no successor.
 */
bool role_may_stand(const struct raft *r)
{
	return raft_is_eligible(r) && !raft_log_is_busy(r) && r->election.leader_epoch < INT32_MAX;
}

static int64_t poll_unattached(struct raft *r, struct raft_turn *t)
{
	if (r->stopping)
		return INT64_MAX;
	if (role_may_stand(r) && t->event->now_ms >= r->election_due_ms) {
		role_prospective(r, t);
		return t->event->now_ms;
	}
	follower_ask_anybody(r, t);
	return role_may_stand(r) ? r->election_due_ms : INT64_MAX;
}

/* It will not be elected: returns to the previous role. */
void role_lost(struct raft *r, struct raft_turn *t)
{
	struct raft_leader leader = {r->election.leader_id, r->election.leader_epoch, r->leader_endpoints,
				     r->n_leader_endpoints};

	check(r->role == RAFT_PROSPECTIVE);
	if (leader.id >= 0 && leader.n_endpoints > 0)
		role_follower(r, t, &leader);
	else
		role_unattached(r, t, leader.epoch, leader.id);
}

static int64_t poll_prospective(struct raft *r, struct raft_turn *t)
{
	if (!r->stopping && t->event->now_ms >= r->election_due_ms)
		role_lost(r, t);
	else
		vote_send(r, t);
	return r->stopping ? INT64_MAX : r->election_due_ms;
}

static int64_t poll_candidate(struct raft *r, struct raft_turn *t)
{
	if (!r->stopping && t->event->now_ms >= r->election_due_ms)
		role_prospective(r, t);
	else
		vote_send(r, t);
	return r->stopping ? INT64_MAX : r->election_due_ms;
}

/*
 * Gives the others time to elect a leader. The epoch ends with it: no node is to follow this one in
 * it any more.
 */
static int64_t poll_resigned(struct raft *r, struct raft_turn *t)
{
	bool may_end = !r->stopping && r->election.leader_epoch < INT32_MAX;

	if (may_end && t->event->now_ms >= r->election_due_ms)
		role_unattached(r, t, r->election.leader_epoch + 1, -1);
	else
		epoch_send_end(r, t);
	return may_end ? r->election_due_ms : INT64_MAX;
}

static int64_t (*const POLLS[])(struct raft *r, struct raft_turn *t) = {
	[RAFT_UNATTACHED] = poll_unattached, [RAFT_PROSPECTIVE] = poll_prospective, [RAFT_CANDIDATE] = poll_candidate,
	[RAFT_LEADER] = leader_poll,	     [RAFT_FOLLOWER] = follower_poll,	    [RAFT_RESIGNED] = poll_resigned,
};

int64_t role_poll(struct raft *r, struct raft_turn *t)
{
	int64_t due_ms;
	int n = 0;

	do {
		check(n++ < 10);
		r->moved = false;
		due_ms = POLLS[r->role](r, t);
	} while (r->moved);
	return min_ms(due_ms, peers_due_ms(r, t->event->now_ms));
}

/* ---- the first role ---- */

/*
 * The disk may have lost records of an epoch in which this node led, so it must not lead in that
 * epoch again (KAFKA-10527). A node that voted for itself, and whose log extends into that epoch,
 * has led in it.
 */
static bool has_led(const struct raft *r)
{
	const struct raft_election *e = &r->election;

	return e->leader_id == r->config.node_id || (e->leader_id < 0 && e->voted_id == r->config.node_id &&
						     history_last_epoch(&r->history) == e->leader_epoch);
}

static bool voted_for_itself(const struct raft *r)
{
	struct raft_key voted = {r->election.voted_id, r->election.voted_directory_id};

	return r->election.leader_id < 0 && raft_key_matches(voted, raft_own_key(r));
}

/* As Kafka's QuorumState.initialize. */
static void resume(struct raft *r, struct raft_turn *t)
{
	struct raft_leader leader = {r->election.leader_id, r->election.leader_epoch, NULL, 0};

	find_endpoints(r, &leader);
	r->election_due_ms = role_election_timeout(r, t);
	if (r->election.leader_epoch < history_last_epoch(&r->history)) {
		r->election = (struct raft_election){-1, history_last_epoch(&r->history), -1, UUID_ZERO};
	} else if (has_led(r)) {
		r->election = (struct raft_election){r->config.node_id, r->election.leader_epoch, -1, UUID_ZERO};
		r->role = RAFT_RESIGNED;
		set_leader_endpoints(r, r->own.endpoints, r->own.n_endpoints);
		epoch_begin_end(r, NULL, 0);
	} else if (voted_for_itself(r) && raft_is_eligible(r)) {
		r->role = RAFT_CANDIDATE;
		vote_begin(r);
	} else if (leader.id >= 0 && leader.n_endpoints > 0) {
		role_follower(r, t, &leader);
	}
}

void role_begin(struct raft *r, struct raft_turn *t)
{
	if (raft_is_only_voter(r)) { /* there is no one else to ask or to wait for */
		if (r->election.leader_epoch < history_last_epoch(&r->history))
			r->election.leader_epoch = history_last_epoch(&r->history);
		r->election.leader_id = -1;
		role_prospective(r, t);
		return;
	}
	resume(r, t);
}
