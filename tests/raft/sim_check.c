/*
 * sim_check: what always holds, checked after every step.
 *
 * For one node: its epoch and high watermark never go back, the epoch not even over a crash; log
 * start is 0 or the end of a snapshot; at most one set of voters is uncommitted.
 * For all: one leader per epoch; a node casts, as far as others hear, one vote per epoch, which is
 * on its disk; what it fetches at an offset requires everything below on its disk; what is
 * committed is on the disks of a majority of the leader's voters, is the same for all nodes, and is
 * in the log of every later leader (Raft's leader completeness).
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "tests/raft/quorum_sim.h"
#include "wire/batch.h"

/* ---- one node ---- */

static void check_log_start(struct sim *s, const struct sim_node *n)
{
	if (n->log.start != 0 && (n->disk.n_snapshots == 0 || n->disk.snapshots[0].end_offset != n->log.start))
		sim_fail(s, "node %d has a log that starts at %lld, where no snapshot ends", n->id,
			 (long long)n->log.start);
	if (n->log.end != raft_log_end(n->raft))
		sim_fail(s, "node %d has a log up to %lld and believes it goes up to %lld", n->id,
			 (long long)n->log.end, (long long)raft_log_end(n->raft));
}

static bool is_voter(const struct raft_voters *voters, const struct sim_node *n)
{
	for (int i = 0; i < voters->n; i++) {
		if (voters->v[i].id == n->id &&
		    (uuid_is_zero(voters->v[i].directory_id) || uuid_eq(voters->v[i].directory_id, n->directory_id)))
			return true;
	}
	return false;
}

/* The number of uncommitted sets of voters in the leader's log. */
static void check_changes(struct sim *s, const struct sim_node *n)
{
	int64_t high_watermark = raft_high_watermark(n->raft);
	const struct raft_voters *last = NULL;
	int n_sets = 0;

	if (raft_role(n->raft) != RAFT_LEADER || high_watermark < 0)
		return;
	for (int64_t at = high_watermark; at < n->log.end; at++) {
		if (raft_voters_at(n->raft, at) != last && raft_voters_at(n->raft, at)->n > 0 && last)
			n_sets++;
		last = raft_voters_at(n->raft, at);
	}
	if (n_sets > 1)
		sim_fail(s, "node %d has %d sets of voters that are not committed", n->id, n_sets);
	if (high_watermark > raft_voters_offset(n->raft) && !is_voter(raft_voters(n->raft), n))
		sim_fail(s, "node %d leads, and is committed to be no voter", n->id);
}

void sim_check_node(struct sim *s, struct sim_node *n)
{
	if (raft_epoch(n->raft) < n->epoch)
		sim_fail(s, "node %d goes back from epoch %d to %d", n->id, n->epoch, raft_epoch(n->raft));
	n->epoch = raft_epoch(n->raft);
	check_log_start(s, n);
	check_changes(s, n);
}

/* ---- leaders and votes ---- */

static void note_leader(struct sim *s, const struct sim_node *n, int32_t epoch)
{
	while (s->n_leaders <= epoch) {
		s->leaders = xreallocarray(s->leaders, (size_t)s->n_leaders + 1, sizeof(*s->leaders));
		s->leaders[s->n_leaders++] = (struct sim_leader){-1, false};
	}
	if (s->leaders[epoch].id != -1 && (s->leaders[epoch].id != n->id || s->leaders[epoch].has_spoken))
		sim_fail(s, "node %d leads epoch %d, in which node %d has led", n->id, epoch, s->leaders[epoch].id);
	s->leaders[epoch].id = n->id;
}

static bool is_committed(const struct sim *s, const struct sim_batch *b)
{
	const struct sim_committed *c = &s->committed[b->base];

	return c->epoch == b->epoch && c->crc == b->crc && c->base == b->base;
}

void sim_check_leader(struct sim *s, struct sim_node *n)
{
	note_leader(s, n, raft_epoch(n->raft));
	sim_say(s, n, "leads epoch %d from %lld", raft_epoch(n->raft), (long long)n->log.end);
	if (n->log.end < s->n_committed)
		sim_fail(s, "node %d leads epoch %d with a log up to %lld, though all up to %lld is committed", n->id,
			 raft_epoch(n->raft), (long long)n->log.end, (long long)s->n_committed);
	for (int i = 0; i < n->log.n && n->log.v[i]->end <= s->n_committed; i++) {
		if (!is_committed(s, n->log.v[i]))
			sim_fail(s, "node %d leads epoch %d without the committed record %lld", n->id,
				 raft_epoch(n->raft), (long long)n->log.v[i]->base);
	}
}

/* Something leaves the node: from now on it must stand by what it said, even after a crash. */
void sim_check_departure(struct sim *s, struct sim_node *n)
{
	n->told_epoch = raft_epoch(n->raft);
	if (raft_role(n->raft) == RAFT_LEADER)
		s->leaders[n->told_epoch].has_spoken = true;
	if (n->told_epoch > 0 && (!n->disk.has_election || n->disk.election.leader_epoch < n->told_epoch))
		sim_fail(s, "node %d speaks in epoch %d, which is not on its disk", n->id, n->told_epoch);
}

void sim_check_start(struct sim *s, const struct sim_node *n)
{
	if (raft_epoch(n->raft) < n->told_epoch)
		sim_fail(s, "node %d starts in epoch %d, though others have heard of it in epoch %d", n->id,
			 raft_epoch(n->raft), n->told_epoch);
}

void sim_check_vote(struct sim *s, struct sim_node *n, int32_t epoch, int32_t candidate)
{
	const struct raft_election *e = &n->disk.election;

	for (int i = 0; i < s->n_votes; i++) {
		const struct sim_vote *v = &s->votes[i];

		if (v->epoch == epoch && v->node == n->id && uuid_eq(v->directory_id, n->directory_id) &&
		    v->candidate != candidate)
			sim_fail(s, "node %d votes for %d in epoch %d, in which it has voted for %d", n->id, candidate,
				 epoch, v->candidate);
	}
	if (!n->disk.has_election || e->leader_epoch < epoch ||
	    (e->leader_epoch == epoch && e->voted_id != candidate && e->leader_id != candidate))
		sim_fail(s, "node %d votes for %d in epoch %d, which is not on its disk", n->id, candidate, epoch);
	s->votes = xreallocarray(s->votes, (size_t)s->n_votes + 1, sizeof(*s->votes));
	s->votes[s->n_votes++] = (struct sim_vote){epoch, n->id, n->directory_id, candidate};
}

void sim_check_fetch(struct sim *s, struct sim_node *n, int64_t offset)
{
	if (n->kind == SIM_CONTROLLER && n->disk.log.end < offset)
		sim_fail(s, "node %d asks for what is from %lld on, but has on disk what is below %lld", n->id,
			 (long long)offset, (long long)n->disk.log.end);
}

/* ---- commits ---- */

static bool has_on_disk(const struct sim_node *n, const struct sim_batch *last)
{
	const struct sim_batch *own = sim_log_at(&n->disk.log, last->base);

	return own ? sim_batch_eq(own, last) : n->disk.log.start >= last->end; /* below the log there is a snapshot */
}

/* A disk that was lost meanwhile may have had it. */
static void check_majority(struct sim *s, const struct sim_node *leader, const struct sim_batch *last)
{
	const struct raft_voters *voters = raft_voters(leader->raft);
	int n_have = 0;
	int n_found = 0;

	for (int i = 0; i < s->n_nodes; i++) {
		if (!is_voter(voters, &s->nodes[i]))
			continue;
		n_found++;
		n_have += has_on_disk(&s->nodes[i], last);
	}
	n_have += voters->n - n_found;
	if (n_have <= voters->n / 2)
		sim_fail(s, "node %d takes all below %lld for committed, which is on disk at %d of %d voters",
			 leader->id, (long long)last->end, n_have, voters->n);
	if (last->epoch != raft_epoch(leader->raft))
		sim_fail(s, "node %d commits a record of epoch %d as the last, while it leads epoch %d", leader->id,
			 last->epoch, raft_epoch(leader->raft));
}

static void commit_batch(struct sim *s, const struct sim_batch *b)
{
	uint64_t state = s->n_committed > 0 ? s->committed[s->n_committed - 1].state : 0;

	check(b->base == s->n_committed);
	if (b->end > s->room_committed) {
		s->room_committed = 2 * b->end + 64;
		s->committed = xreallocarray(s->committed, (size_t)s->room_committed, sizeof(*s->committed));
	}
	for (int64_t at = b->base; at < b->end; at++) {
		state = (state ^ b->crc ^ (uint64_t)at) * 0x100000001b3u;
		s->committed[at] = (struct sim_committed){b->epoch, b->crc, b->base, state};
	}
	s->n_committed = b->end;
}

/* From where this node was last checked to where it is committed now. */
void sim_check_commit(struct sim *s, struct sim_node *n, int64_t offset)
{
	int64_t from = n->high_watermark > n->log.start ? n->high_watermark : n->log.start;
	const struct sim_batch *last = NULL;

	for (int64_t at = from; at < offset; at = last->end) {
		last = sim_log_at(&n->log, at);
		if (!last || last->end > offset)
			sim_fail(s, "node %d commits up to %lld, where it has no batch that ends", n->id,
				 (long long)offset);
		if (last->base >= s->n_committed)
			commit_batch(s, last);
		if (!is_committed(s, last))
			sim_fail(s, "node %d has another record at %lld than the one that was committed", n->id,
				 (long long)last->base);
	}
	if (offset > s->n_committed)
		sim_fail(s, "node %d commits up to %lld, beyond all logs", n->id, (long long)offset);
	if (last && raft_role(n->raft) == RAFT_LEADER)
		check_majority(s, n, last);
}

/* ---- the end ---- */

static const struct sim_node *only_leader(const struct sim *s)
{
	const struct sim_node *leader = NULL;

	for (int i = 0; i < s->n_nodes; i++) {
		const struct sim_node *n = &s->nodes[i];

		if (n->up && raft_role(n->raft) == RAFT_LEADER &&
		    (!leader || raft_epoch(n->raft) > raft_epoch(leader->raft)))
			leader = n;
	}
	return leader;
}

/*
 * All nodes follow the only leader and have everything it had when calm began, and something of
 * this epoch.
 */
bool sim_is_settled(struct sim *s)
{
	const struct sim_node *leader = only_leader(s);

	if (!leader || raft_high_watermark(leader->raft) < s->wanted_end)
		return false;
	for (int i = 0; i < s->n_nodes; i++) {
		const struct sim_node *n = &s->nodes[i];

		if (!n->up || raft_epoch(n->raft) != raft_epoch(leader->raft) ||
		    raft_leader_id(n->raft) != leader->id || n->high_watermark < s->wanted_end)
			return false;
		if (n->id != leader->id && s->wiped && n->auto_join && n->kind == SIM_CONTROLLER &&
		    !is_voter(raft_voters(leader->raft), n))
			return false;
	}
	return true;
}

void sim_check_end(struct sim *s)
{
	const struct sim_node *leader = only_leader(s);

	for (int i = 0; i < s->n_nodes; i++) {
		const struct sim_node *n = &s->nodes[i];
		int64_t at = n->log.start > leader->log.start ? n->log.start : leader->log.start;

		for (; at < n->log.end && at < leader->log.end; at = sim_log_at(&n->log, at)->end) {
			if (!sim_batch_eq(sim_log_at(&n->log, at), sim_log_at(&leader->log, at)))
				sim_fail(s, "nodes %d and %d have different records at %lld", n->id, leader->id,
					 (long long)at);
		}
		if (n->state != s->committed[n->applied - 1].state)
			sim_fail(s, "node %d has another state than what was committed comes to", n->id);
	}
}
