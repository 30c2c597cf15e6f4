/*
 * raft: creation, the step, queries.
 *
 * A step is what its event asks for, followed by everything that is due in the resulting role
 * (role_poll).
 */
#include "raft/raft.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "protocol/add_raft_voter.h"
#include "protocol/api_versions.h"
#include "protocol/begin_quorum_epoch.h"
#include "protocol/end_quorum_epoch.h"
#include "protocol/fetch.h"
#include "protocol/fetch_snapshot.h"
#include "protocol/remove_raft_voter.h"
#include "protocol/update_raft_voter.h"
#include "protocol/vote.h"
#include "raft/raft_private.h"

static const char *const ROLE_NAMES[] = {
	[RAFT_UNATTACHED] = "unattached", [RAFT_PROSPECTIVE] = "prospective", [RAFT_CANDIDATE] = "candidate",
	[RAFT_LEADER] = "leader",	  [RAFT_FOLLOWER] = "follower",	      [RAFT_RESIGNED] = "resigned",
};

const char *raft_role_name(enum raft_role role)
{
	return ROLE_NAMES[role];
}

/* ---- creation and end ---- */

static struct str keep(struct str s)
{
	return str_is_null(s) ? STR_NULL : (struct str){str_dup(s), s.len};
}

static void configure(struct raft *r, const struct raft_config *config)
{
	r->config = *config;
	r->config.cluster_id = keep(config->cluster_id);
	r->config.listener = keep(config->listener);
	raft_voter_copy(&r->own, config->own);
	r->own.id = config->node_id;
	r->own.directory_id = config->directory_id;
	r->config.own = &r->own;
	r->bootstrap = xcalloc((size_t)config->n_bootstrap + 1, sizeof(*r->bootstrap));
	for (int i = 0; i < config->n_bootstrap; i++) {
		r->bootstrap[i] = config->bootstrap[i];
		r->bootstrap[i].host = keep(config->bootstrap[i].host);
	}
	r->config.bootstrap = r->bootstrap;
}

struct raft *raft_new(const struct raft_config *config, const struct raft_start *start)
{
	struct raft *r = xcalloc(1, sizeof(*r));

	check(start->log_start >= 0 && start->log_start <= start->history.end);
	check(start->log_start > 0 || start->history.base_epoch == 0);
	configure(r, config);
	r->role = RAFT_UNATTACHED;
	r->election = (struct raft_election){-1, 0, -1, UUID_ZERO};
	if (start->has_election)
		r->election = start->election;
	r->written = r->election;
	r->election_due_ms = INT64_MAX;
	r->fetching.end_offset = -1;
	r->epoch_start = -1;
	r->heard_leader = -1;
	r->fetches_below = -1;
	r->log_start = start->log_start;
	raft_history_init(&r->history, start->log_start, start->history.base_epoch);
	history_append(&r->history, &start->history);
	r->flushed_end = r->wanted_end = r->history.end;
	raft_voters_copy(&r->static_voters, &start->static_voters);
	r->high_watermark = -1;
	r->snapshot = start->snapshot;
	r->bytes_since_snapshot = start->bytes_since_snapshot;
	r->flush_due_ms = r->snapshot_due_ms = r->wake_ms = INT64_MAX;
	return r;
}

void raft_free(struct raft *r)
{
	if (!r)
		return;
	leader_forget(r);
	raft_history_fini(&r->history);
	raft_voters_fini(&r->static_voters);
	endpoints_free(r->leader_endpoints, r->n_leader_endpoints);
	for (int i = 0; i < r->config.n_bootstrap; i++)
		xfree((char *)r->bootstrap[i].host.p);
	xfree(r->bootstrap);
	raft_voter_fini(&r->own);
	xfree((char *)r->config.cluster_id.p);
	xfree((char *)r->config.listener.p);
	xfree(r->ballots);
	xfree(r->peers);
	xfree(r);
}

/* ---- parts of a step ---- */

struct raft_effect *raft_effect(struct raft_turn *t, enum raft_effect_type type)
{
	struct raft_effects *out = t->out;
	struct raft_effect *e;

	if (out->n == out->room) {
		int room = out->room > 0 ? 2 * out->room : 8;
		struct raft_effect *more = arena_array(out->arena, (size_t)room, sizeof(*more));

		check(more);
		if (out->n > 0)
			memcpy(more, out->v, (size_t)out->n * sizeof(*more));
		out->v = more;
		out->room = room;
	}
	e = &out->v[out->n++];
	*e = (struct raft_effect){.type = type, .offset = -1, .epoch = -1, .leader_id = -1};
	return e;
}

void raft_warn(struct raft_turn *t, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	raft_effect(t, RAFT_EFFECT_WARN)->message = arena_str(t->out->arena, str_of(text));
}

int32_t raft_chance(struct raft_turn *t, int32_t n)
{
	uint64_t drawn = t->chance;

	check(n > 0);
	/* for the next number of this step (Knuth's MMIX) */
	t->chance = t->chance * 6364136223846793005u + 1442695040888963407u;
	return (int32_t)((drawn >> 33) % (uint64_t)n);
}

bool raft_is_own_cluster(const struct raft *r, struct str cluster_id)
{
	return str_is_null(cluster_id) || str_eq(cluster_id, r->config.cluster_id);
}

void raft_wake_fetches(struct raft *r, int64_t below)
{
	if (r->has_parked && below > r->fetches_below)
		r->fetches_below = below;
}

/* ---- events ---- */

static const struct {
	int16_t api;
	void (*asked)(struct raft *r, struct raft_turn *t, struct raft_request *q);
} REQUESTS[] = {
	{vote_request_KEY, vote_asked},
	{begin_quorum_epoch_request_KEY, epoch_begin_asked},
	{end_quorum_epoch_request_KEY, epoch_end_asked},
	{fetch_request_KEY, fetch_asked},
	{fetch_snapshot_request_KEY, fetch_snapshot_asked},
	{add_raft_voter_request_KEY, membership_add_asked},
	{remove_raft_voter_request_KEY, membership_remove_asked},
	{update_raft_voter_request_KEY, membership_update_asked},
};

static void on_request(struct raft *r, struct raft_turn *t)
{
	struct raft_request *q = t->event->request;

	/* What is due comes before the request: a leader that has to resign must not begin anything. */
	role_poll(r, t);
	q->outcome = RAFT_ANSWERED;
	for (size_t i = 0; i < sizeof(REQUESTS) / sizeof(REQUESTS[0]); i++) {
		if (REQUESTS[i].api == q->api) {
			REQUESTS[i].asked(r, t, q);
			return;
		}
	}
	check(false);
}

/* answered() returns true when the node that has answered is in order. */
static const struct {
	int16_t api;
	bool (*answered)(struct raft *r, struct raft_turn *t, const struct raft_peer *from);
} ANSWERS[] = {
	{vote_request_KEY, vote_answered},
	{begin_quorum_epoch_request_KEY, epoch_begin_answered},
	{end_quorum_epoch_request_KEY, epoch_end_answered},
	{fetch_request_KEY, follower_fetch_answered},
	{fetch_snapshot_request_KEY, follower_fetch_snapshot_answered},
	{api_versions_request_KEY, membership_versions_answered},
	{add_raft_voter_request_KEY, join_add_answered},
	{remove_raft_voter_request_KEY, join_remove_answered},
	{update_raft_voter_request_KEY, join_update_answered},
};

static void on_answer(struct raft *r, struct raft_turn *t)
{
	const struct raft_peer *peer = peer_asked(r, t->event->correlation);
	struct raft_peer from;

	check(!t->event->response == (t->event->err != 0));
	if (!peer) /* nobody waits for it any more */
		return;
	from = *peer;
	for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++) {
		if (ANSWERS[i].api != from.api)
			continue;
		peer_answered(r, from.correlation, ANSWERS[i].answered(r, t, &from), t->event->now_ms);
		return;
	}
	check(false);
}

/*
 * In a quorum of one, a record for which nobody waits is flushed together with the next one for
 * which somebody does, or after this time: without that, the two flushes a second for no-op records
 * would be half of an idle node's load.
 */
#define IDLE_FLUSH_MS 5000

static void on_appended(struct raft *r, struct raft_turn *t)
{
	const struct raft_event *event = t->event;

	check(event->n_records > 0 && r->role == RAFT_LEADER);
	r->history.end += event->n_records;
	r->bytes_since_snapshot += event->bytes;
	if (!event->idle || !raft_is_only_voter(r)) {
		leader_appended(r, t);
		return;
	}
	raft_wake_fetches(r, r->history.end);
	if (r->flush_due_ms == INT64_MAX)
		r->flush_due_ms = event->now_ms + IDLE_FLUSH_MS;
}

static void on_tick(struct raft *r, struct raft_turn *t)
{
	r->wake_ms = INT64_MAX;
	if (t->event->now_ms >= r->flush_due_ms) {
		/* A flush under way does not cover all of it: the next begins when it ends. */
		r->flush_due_ms = INT64_MAX;
		raft_want_flush(r, t);
	}
}

/*
 * The log ends where it ended before, and no other node has heard of what was to follow. The step
 * that wrote it may already have resigned.
 */
static void on_unwritten(struct raft *r, struct raft_turn *t)
{
	int64_t offset = t->event->offset;

	check(offset >= r->log_start && offset < r->history.end);
	history_truncate(&r->history, offset);
	raft_flush_truncated(r, offset);
	r->wants_to_resign = r->role == RAFT_LEADER;
}

static void on_resign(struct raft *r, struct raft_turn *t)
{
	(void)t;
	r->wants_to_resign = r->role == RAFT_LEADER;
}

static void on_shutdown(struct raft *r, struct raft_turn *t)
{
	(void)t;
	r->stopping = true;
}

static void (*const EVENTS[])(struct raft *r, struct raft_turn *t) = {
	[RAFT_EVENT_TICK] = on_tick,
	[RAFT_EVENT_REQUEST] = on_request,
	[RAFT_EVENT_ANSWER] = on_answer,
	[RAFT_EVENT_APPENDED] = on_appended,
	[RAFT_EVENT_FETCHED] = follower_fetched,
	[RAFT_EVENT_FLUSHED] = raft_flush_ended,
	[RAFT_EVENT_SNAPSHOT] = snapshot_was_cut,
	[RAFT_EVENT_LOADED] = follower_loaded,
	[RAFT_EVENT_CLEANED] = snapshot_cleaned,
	[RAFT_EVENT_UNWRITTEN] = on_unwritten,
	[RAFT_EVENT_RESIGN] = on_resign,
	[RAFT_EVENT_SHUTDOWN] = on_shutdown,
};

/* ---- the step ---- */

/* One write for all changes, moved before everything that leaves the node in this step. */
static void write_state(struct raft *r, struct raft_turn *t)
{
	struct raft_effects *out = t->out;
	struct raft_effect first;

	if (election_eq(&r->election, &r->written))
		return;
	check(r->election.leader_epoch >= r->written.leader_epoch);
	raft_effect(t, RAFT_EFFECT_WRITE_STATE)->election = r->election;
	first = out->v[out->n - 1];
	memmove(out->v + t->first + 1, out->v + t->first, (size_t)(out->n - 1 - t->first) * sizeof(first));
	out->v[t->first] = first;
	r->written = r->election;
}

static void wake_fetches(struct raft *r, struct raft_turn *t)
{
	if (r->fetches_below < 0)
		return;
	if (r->fetches_below == INT64_MAX)
		r->has_parked = false;
	raft_effect(t, RAFT_EFFECT_FETCHES)->offset = r->fetches_below;
	r->fetches_below = -1;
}

/* Nobody has to be told, or the others already know another leader. */
static void maybe_stopped(struct raft *r, struct raft_turn *t)
{
	bool is_replaced = r->election.leader_id >= 0 && r->election.leader_id != r->config.node_id;

	if (!r->stopping || r->stopped || (raft_is_voter(r) && !raft_is_only_voter(r) && !is_replaced))
		return;
	r->stopped = true;
	raft_effect(t, RAFT_EFFECT_STOPPED);
}

/* A tick that comes too early does no harm: asks only for an earlier one. */
static void wake(struct raft *r, struct raft_turn *t, int64_t due_ms)
{
	due_ms = min_ms(due_ms, r->flush_due_ms);
	if (!r->cutting) /* the end of the cutting wakes it */
		due_ms = min_ms(due_ms, r->snapshot_due_ms);
	if (due_ms >= r->wake_ms)
		return;
	r->wake_ms = due_ms;
	raft_effect(t, RAFT_EFFECT_WAKE)->at_ms = due_ms;
}

static void end_step(struct raft *r, struct raft_turn *t, int64_t high_watermark_before)
{
	int64_t due_ms = role_poll(r, t);

	snapshot_poll(r, t, r->high_watermark > high_watermark_before);
	wake_fetches(r, t);
	maybe_stopped(r, t);
	wake(r, t, due_ms);
	write_state(r, t);
	check(r->flushed_end <= r->history.end && r->high_watermark <= r->history.end);
	check(r->high_watermark >= high_watermark_before);
}

void raft_begin(struct raft *r, const struct raft_event *event, struct raft_effects *out)
{
	struct raft_turn t = {.event = event, .out = out, .first = out->n, .chance = event->chance};

	check(!r->begun);
	r->begun = true;
	snapshot_schedule(r, event->now_ms);
	role_begin(r, &t);
	end_step(r, &t, r->high_watermark);
}

void raft_step(struct raft *r, const struct raft_event *event, struct raft_effects *out)
{
	struct raft_turn t = {.event = event, .out = out, .first = out->n, .chance = event->chance};
	int64_t high_watermark = r->high_watermark;

	check(r->begun);
	EVENTS[event->type](r, &t);
	end_step(r, &t, high_watermark);
}

int raft_upgrade(struct raft *r, const struct raft_upgrade *to, const struct raft_event *event,
		 struct raft_effects *out, struct str *why)
{
	struct raft_turn t = {.event = event, .out = out, .first = out->n, .chance = event->chance};
	int err;

	check(r->begun);
	err = upgrade_decide(r, &t, to, why);
	end_step(r, &t, r->high_watermark);
	return err;
}

/* ---- queries ---- */

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

const struct raft_endpoint *raft_leader_endpoint(const struct raft *r, struct str listener)
{
	return raft_leader_id(r) < 0 ? NULL : endpoints_find(r->leader_endpoints, r->n_leader_endpoints, listener);
}

int64_t raft_log_end(const struct raft *r)
{
	return r->history.end;
}

int32_t raft_last_epoch(const struct raft *r)
{
	return history_last_epoch(&r->history);
}

int64_t raft_high_watermark(const struct raft *r)
{
	return r->role == RAFT_LEADER ? leader_high_watermark(r) : r->high_watermark;
}

bool raft_heard_predecessor(const struct raft *r, int32_t *id, int64_t *at_ms)
{
	*id = r->heard_leader;
	*at_ms = r->heard_leader_ms;
	return r->heard_leader >= 0 && r->heard_leader_epoch == r->election.leader_epoch - 1;
}

int64_t raft_bytes_since_snapshot(const struct raft *r)
{
	return r->bytes_since_snapshot;
}

int16_t raft_kraft_version(const struct raft *r)
{
	return history_kraft_version_at(&r->history, INT64_MAX);
}

const struct raft_voters *raft_voters(const struct raft *r)
{
	const struct raft_voters_at *at = history_voters_at(&r->history, INT64_MAX);

	return at ? &at->voters : &r->static_voters;
}

int64_t raft_voters_offset(const struct raft *r)
{
	const struct raft_voters_at *at = history_voters_at(&r->history, INT64_MAX);

	return at ? at->offset : -1;
}

int16_t raft_kraft_version_at(const struct raft *r, int64_t offset)
{
	return history_kraft_version_at(&r->history, offset);
}

const struct raft_voters *raft_voters_at(const struct raft *r, int64_t offset)
{
	static const struct raft_voters none = {NULL, 0};
	const struct raft_voters_at *at = history_voters_at(&r->history, offset);

	return at ? &at->voters : &none;
}

const struct raft_voter *raft_own_voter(const struct raft *r)
{
	return &r->own;
}

struct str raft_listener(const struct raft *r)
{
	return r->config.listener;
}
