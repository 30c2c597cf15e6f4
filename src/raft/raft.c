/*
 * raft: the step function.
 *
 * A node that is the only voter leads at once, in an epoch of its own. A node that is one of several waits for them,
 * unattached: the messages of an election are not among the events yet.
 */
#include "raft/raft.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "raft/raft_private.h"

static const char *const ROLE_NAMES[] = {
	[RAFT_UNATTACHED] = "unattached", [RAFT_PROSPECTIVE] = "prospective", [RAFT_CANDIDATE] = "candidate",
	[RAFT_LEADER] = "leader",	  [RAFT_FOLLOWER] = "follower",	      [RAFT_RESIGNED] = "resigned",
};

/* Which role may follow which (QuorumState's own table, for what one voter can do). */
static const bool MAY_BECOME[][RAFT_RESIGNED + 1] = {
	[RAFT_UNATTACHED] = {[RAFT_PROSPECTIVE] = true, [RAFT_CANDIDATE] = true, [RAFT_FOLLOWER] = true},
	[RAFT_PROSPECTIVE] = {[RAFT_UNATTACHED] = true, [RAFT_CANDIDATE] = true, [RAFT_FOLLOWER] = true},
	[RAFT_CANDIDATE] =
		{[RAFT_UNATTACHED] = true, [RAFT_PROSPECTIVE] = true, [RAFT_LEADER] = true, [RAFT_FOLLOWER] = true},
	[RAFT_LEADER] = {[RAFT_RESIGNED] = true, [RAFT_UNATTACHED] = true},
	[RAFT_FOLLOWER] = {[RAFT_UNATTACHED] = true, [RAFT_PROSPECTIVE] = true},
	[RAFT_RESIGNED] = {[RAFT_UNATTACHED] = true},
};

const char *raft_role_name(enum raft_role role)
{
	return ROLE_NAMES[role];
}

static void become(struct raft *r, enum raft_role role)
{
	check(MAY_BECOME[r->role][role]);
	r->role = role;
}

static struct raft_effect *effect(struct raft_effects *out, enum raft_effect_type type)
{
	struct raft_effect *e;

	check(out->n < RAFT_EFFECTS_MAX);
	e = &out->v[out->n++];
	*e = (struct raft_effect){.type = type, .offset = -1, .epoch = -1};
	return e;
}

/* ---- life ---- */

struct raft *raft_new(const struct raft_config *config, const struct raft_start *start)
{
	struct raft *r = xcalloc(1, sizeof(*r));

	check(start->log_start >= 0 && start->log_start <= start->log_end);
	r->node_id = config->node_id;
	r->directory_id = config->directory_id;
	r->snapshot_max_bytes = config->snapshot_max_bytes;
	r->snapshot_max_ms = config->snapshot_max_ms;
	raft_voter_copy(&r->own, config->own);
	r->role = RAFT_UNATTACHED;
	r->election = start->election;
	if (!start->has_election)
		r->election = (struct raft_election){-1, 0, -1, {{0}}};
	r->log_start = start->log_start;
	r->log_end = start->log_end;
	r->flushed_end = start->log_end;
	r->last_epoch = start->last_epoch;
	r->epoch_start = -1;
	r->high_watermark = -1;
	r->kraft_version = start->kraft_version;
	raft_voters_copy(&r->voters, &start->voters);
	r->voters_offset = start->voters_offset;
	r->replicas = xcalloc((size_t)r->voters.n + 1, sizeof(*r->replicas));
	r->snapshot = start->snapshot;
	r->bytes_since_snapshot = start->bytes_since_snapshot;
	r->flush_due_ms = r->snapshot_due_ms = INT64_MAX;
	return r;
}

void raft_free(struct raft *r)
{
	if (!r)
		return;
	raft_voter_fini(&r->own);
	raft_voters_fini(&r->voters);
	xfree(r->replicas);
	xfree(r);
}

/* ---- the high watermark ---- */

/* The largest end that a majority of the voters has on disk; -1 while no majority was heard of. */
static int64_t majority_end(const struct raft *r)
{
	int64_t best = -1;

	for (int i = 0; i < r->voters.n; i++) {
		int n_at_least = 0;

		for (int other = 0; other < r->voters.n; other++)
			n_at_least += r->replicas[other].flushed_end >= r->replicas[i].flushed_end;
		if (n_at_least > r->voters.n / 2 && r->replicas[i].flushed_end > best)
			best = r->replicas[i].flushed_end;
	}
	return best;
}

static void move_high_watermark(struct raft *r, struct raft_effects *out)
{
	int64_t end;

	if (r->role != RAFT_LEADER)
		return;
	end = majority_end(r);
	if (end <= r->epoch_start || end <= r->high_watermark)
		return;
	r->high_watermark = end;
	effect(out, RAFT_EFFECT_COMMIT)->offset = end;
}

/* ---- flushing ---- */

/*
 * A record that nobody waits for, alone in a quorum of one, is flushed with the next that somebody waits for, or after this: half of what an
 * idle node uses is the two flushes a second of its no-op records.
 */
#define IDLE_FLUSH_MS 5000

static void maybe_flush(struct raft *r, struct raft_effects *out)
{
	if (r->flushing || r->flushed_end >= r->wanted_end)
		return;
	r->flushing = true;
	r->flush_due_ms = INT64_MAX;
	effect(out, RAFT_EFFECT_FLUSH)->offset = r->log_end;
}

static void want_flush(struct raft *r, struct raft_effects *out)
{
	r->wanted_end = r->log_end;
	maybe_flush(r, out);
}

static void on_flushed(struct raft *r, int64_t offset, struct raft_effects *out)
{
	check(r->flushing && offset <= r->log_end);
	r->flushing = false;
	if (offset > r->flushed_end)
		r->flushed_end = offset;
	for (int i = 0; i < r->voters.n; i++) {
		if (r->replicas[i].id == r->node_id)
			r->replicas[i].flushed_end = r->flushed_end;
	}
	move_high_watermark(r, out);
	maybe_flush(r, out);
}

/* ---- snapshots ---- */

static void wake(struct raft *r, struct raft_effects *out)
{
	int64_t at_ms = r->flush_due_ms;

	if (!r->cutting && r->snapshot_due_ms < at_ms) /* one that is being cut wakes when it is there */
		at_ms = r->snapshot_due_ms;
	if (at_ms != INT64_MAX)
		effect(out, RAFT_EFFECT_WAKE)->offset = at_ms;
}

static void schedule_snapshot(struct raft *r, int64_t now_ms)
{
	r->snapshot_due_ms = r->snapshot_max_ms > 0 ? now_ms + r->snapshot_max_ms : INT64_MAX;
}

static void maybe_cut_snapshot(struct raft *r, int64_t now_ms, struct raft_effects *out)
{
	bool by_bytes = r->bytes_since_snapshot >= r->snapshot_max_bytes;
	bool by_time = now_ms >= r->snapshot_due_ms;

	if (r->cutting || r->high_watermark <= r->snapshot.end_offset || !(by_bytes || by_time))
		return;
	r->cutting = true;
	effect(out, RAFT_EFFECT_CUT_SNAPSHOT)->offset = r->high_watermark;
}

static void on_snapshot(struct raft *r, const struct raft_event *event, struct raft_effects *out)
{
	r->cutting = false;
	if (event->snapshot.end_offset > r->snapshot.end_offset) {
		check(event->snapshot.end_offset <= r->high_watermark);
		r->snapshot = event->snapshot;
		r->bytes_since_snapshot = 0;
		effect(out, RAFT_EFFECT_CLEAN)->snapshot = r->snapshot;
	}
	schedule_snapshot(r, event->now_ms);
	wake(r, out);
}

static void on_cleaned(struct raft *r, int64_t offset)
{
	check(offset >= r->log_start && offset <= r->snapshot.end_offset);
	r->log_start = offset;
}

/* ---- leading ---- */

/* The voter set with this node as it is now; true when that is to be written. */
static bool refresh_own_voter(struct raft *r)
{
	for (int i = 0; i < r->voters.n; i++) {
		struct raft_voter *mine = &r->voters.v[i];

		if (mine->id != r->node_id)
			continue;
		if (r->voters_offset >= 0 && !raft_voter_differs(mine, &r->own))
			return false;
		raft_voter_fini(mine);
		raft_voter_copy(mine, &r->own);
		return true;
	}
	return false;
}

static void append_epoch_start(struct raft *r, int64_t wall_ms, struct raft_effects *out)
{
	bool with_voters = r->kraft_version >= 1 && refresh_own_voter(r);
	struct raft_effect *e = effect(out, RAFT_EFFECT_APPEND_CONTROL);
	int32_t n;

	e->offset = r->log_end;
	e->epoch = r->election.leader_epoch;
	e->batch = raft_epoch_batch(r, r->log_end, wall_ms, with_voters, out->arena, &n);
	e->n_records = n;
	if (with_voters)
		r->voters_offset = r->log_end + n - 1;
	r->bytes_since_snapshot += e->batch.len;
	r->log_end += n;
	r->last_epoch = r->election.leader_epoch;
}

static void lead(struct raft *r, int64_t wall_ms, struct raft_effects *out)
{
	struct raft_effect *e;

	become(r, RAFT_LEADER);
	r->epoch_start = r->log_end;
	for (int i = 0; i < r->voters.n; i++)
		r->replicas[i] =
			(struct raft_replica){r->voters.v[i].id, r->voters.v[i].id == r->node_id ? r->flushed_end : -1};
	append_epoch_start(r, wall_ms, out);
	e = effect(out, RAFT_EFFECT_LEADER);
	e->offset = r->epoch_start;
	e->epoch = r->election.leader_epoch;
	want_flush(r, out);
}

/* The vote of a single voter, and its election, are one write: nobody else was asked. */
static void elect_alone(struct raft *r, int64_t wall_ms, struct raft_effects *out)
{
	int32_t epoch = r->election.leader_epoch > r->last_epoch ? r->election.leader_epoch : r->last_epoch;

	check(epoch < INT32_MAX);
	become(r, RAFT_CANDIDATE);
	r->election = (struct raft_election){r->node_id, epoch + 1, -1, {{0}}};
	effect(out, RAFT_EFFECT_WRITE_STATE)->election = r->election;
	lead(r, wall_ms, out);
}

/* With kraft.version 1 a voter is an id and a directory: the same id on a new disk is somebody else. */
static bool votes_alone(const struct raft *r)
{
	return r->voters.n == 1 && r->voters.v[0].id == r->node_id &&
	       (r->kraft_version == 0 || uuid_eq(r->voters.v[0].directory_id, r->directory_id));
}

void raft_begin(struct raft *r, int64_t now_ms, int64_t wall_ms, struct raft_effects *out)
{
	check(!r->begun);
	r->begun = true;
	schedule_snapshot(r, now_ms);
	if (votes_alone(r))
		elect_alone(r, wall_ms, out);
	wake(r, out);
}

static void on_appended(struct raft *r, const struct raft_event *event, struct raft_effects *out)
{
	check(event->n_records > 0 && r->role == RAFT_LEADER);
	r->log_end += event->n_records;
	r->bytes_since_snapshot += event->bytes;
	if (!event->idle || r->voters.n > 1) {
		want_flush(r, out);
	} else if (r->flush_due_ms == INT64_MAX) {
		r->flush_due_ms = event->now_ms + IDLE_FLUSH_MS;
		wake(r, out);
	}
}

static void on_tick(struct raft *r, int64_t now_ms, struct raft_effects *out)
{
	if (now_ms >= r->flush_due_ms) {
		r->flush_due_ms =
			INT64_MAX; /* one that is under way does not have all of it: the next begins when it ends */
		want_flush(r, out);
	}
	maybe_cut_snapshot(r, now_ms, out);
	if (now_ms >= r->snapshot_due_ms && !r->cutting)
		schedule_snapshot(r, now_ms);
	wake(r, out);
}

static void on_shutdown(struct raft *r, struct raft_effects *out)
{
	if (r->role != RAFT_LEADER)
		return;
	become(r, RAFT_RESIGNED);
	effect(out, RAFT_EFFECT_RESIGNED)->epoch = r->election.leader_epoch;
}

void raft_step(struct raft *r, const struct raft_event *event, struct raft_effects *out)
{
	check(r->begun);
	switch (event->type) {
	case RAFT_EVENT_TICK:
		on_tick(r, event->now_ms, out);
		break;
	case RAFT_EVENT_APPENDED:
		on_appended(r, event, out);
		break;
	case RAFT_EVENT_FLUSHED:
		on_flushed(r, event->offset, out);
		maybe_cut_snapshot(r, event->now_ms, out);
		break;
	case RAFT_EVENT_SNAPSHOT:
		on_snapshot(r, event, out);
		break;
	case RAFT_EVENT_CLEANED:
		on_cleaned(r, event->offset);
		break;
	case RAFT_EVENT_SHUTDOWN:
		on_shutdown(r, out);
		break;
	}
	check(r->flushed_end <= r->log_end && r->high_watermark <= r->flushed_end);
}

/* ---- looking ---- */

enum raft_role raft_role(const struct raft *r)
{
	return r->role;
}

int32_t raft_epoch(const struct raft *r)
{
	return r->election.leader_epoch;
}

int32_t raft_leader_id(const struct raft *r)
{
	return r->role == RAFT_LEADER || r->role == RAFT_FOLLOWER ? r->election.leader_id : -1;
}

int64_t raft_log_end(const struct raft *r)
{
	return r->log_end;
}

int64_t raft_high_watermark(const struct raft *r)
{
	return r->high_watermark;
}

int64_t raft_bytes_since_snapshot(const struct raft *r)
{
	return r->bytes_since_snapshot;
}

int16_t raft_kraft_version(const struct raft *r)
{
	return r->kraft_version;
}

const struct raft_voters *raft_voters(const struct raft *r)
{
	return &r->voters;
}

const struct raft_voter *raft_own_voter(const struct raft *r)
{
	return &r->own;
}

int64_t raft_voters_offset(const struct raft *r)
{
	return r->voters_offset;
}
