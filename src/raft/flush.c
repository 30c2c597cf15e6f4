/*
 * flush: which part of the log is on disk, and which is committed.
 *
 * One flush is under way at a time. Further requests for a flush are served together when it ends.
 */
#include "base/check.h"
#include "raft/raft_private.h"

static void maybe_flush(struct raft *r, struct raft_turn *t)
{
	if (r->flushing || r->flushed_end >= r->wanted_end)
		return;
	r->flushing = true;
	r->flush_due_ms = INT64_MAX;
	raft_effect(t, RAFT_EFFECT_FLUSH)->offset = r->history.end;
}

void raft_want_flush(struct raft *r, struct raft_turn *t)
{
	r->wanted_end = r->history.end;
	maybe_flush(r, t);
}

void raft_flush_ended(struct raft *r, struct raft_turn *t)
{
	check(r->flushing && t->event->offset <= r->history.end);
	r->flushing = false;
	if (t->event->offset > r->flushed_end)
		r->flushed_end = t->event->offset;
	if (r->role == RAFT_LEADER)
		leader_flushed(r, t);
	maybe_flush(r, t);
}

void raft_flush_truncated(struct raft *r, int64_t offset)
{
	if (r->flushed_end > offset)
		r->flushed_end = offset;
	if (r->wanted_end > offset)
		r->wanted_end = offset;
}

void raft_commit(struct raft *r, struct raft_turn *t, int64_t offset)
{
	check(offset <= r->history.end);
	if (offset <= r->high_watermark)
		return;
	r->high_watermark = offset;
	raft_effect(t, RAFT_EFFECT_COMMIT)->offset = offset;
}
