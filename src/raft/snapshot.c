/*
 * snapshot: when one is cut, and which part of the log it makes superfluous (KIP-630). Leaders,
 * followers and observers each cut their own.
 */
#include "base/check.h"
#include "raft/raft_private.h"

void snapshot_schedule(struct raft *r, int64_t now_ms)
{
	r->snapshot_due_ms = r->config.snapshot_max_ms > 0 ? now_ms + r->config.snapshot_max_ms : INT64_MAX;
}

static void maybe_cut(struct raft *r, struct raft_turn *t)
{
	bool by_bytes = r->bytes_since_snapshot >= r->config.snapshot_max_bytes;
	bool by_time = t->event->now_ms >= r->snapshot_due_ms;

	if (!r->cutting && !r->loading && r->high_watermark > r->snapshot.end_offset && (by_bytes || by_time)) {
		r->cutting = true;
		raft_effect(t, RAFT_EFFECT_CUT_SNAPSHOT)->offset = r->high_watermark;
	} else if (by_time && !r->cutting) {
		snapshot_schedule(r, t->event->now_ms);
	}
}

/* At the end of a step, since the results of these effects may be stepped from inside them. */
void snapshot_poll(struct raft *r, struct raft_turn *t, bool committed)
{
	if (r->may_clean)
		raft_effect(t, RAFT_EFFECT_CLEAN)->snapshot = r->snapshot;
	r->may_clean = false;
	if (committed || t->event->type == RAFT_EVENT_TICK)
		maybe_cut(r, t);
}

void snapshot_was_cut(struct raft *r, struct raft_turn *t)
{
	struct raft_snapshot_id id = t->event->snapshot;

	r->cutting = false;
	if (id.end_offset > r->snapshot.end_offset) { /* one that was fetched meanwhile may be newer */
		check(id.end_offset <= r->high_watermark);
		r->snapshot = id;
		r->bytes_since_snapshot = 0;
		history_forget_before_snapshot(&r->history, id.end_offset);
		r->may_clean = true;
	}
	snapshot_schedule(r, t->event->now_ms);
}

void snapshot_cleaned(struct raft *r, struct raft_turn *t)
{
	struct raft_snapshot_id earliest = t->event->snapshot;

	check(earliest.end_offset >= r->log_start && earliest.end_offset <= r->snapshot.end_offset);
	r->log_start = earliest.end_offset;
	history_forget_epochs(&r->history, r->log_start);
}
