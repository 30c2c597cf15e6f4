/*
 * following: decides what a follower does after a change of leader and after each answer.
 */
#include "replication/following.h"

#include "base/err.h"

static const struct following_step NOTHING = {FOLLOW_NOTHING, -1};

#define PAUSE_MS 5 /* at first; doubled each time, up to the back-off */

void following_init(struct following *f)
{
	*f = (struct following){.state = FOLLOWING_NOBODY, .leader = -1, .leader_epoch = -1, .leader_end = -1};
}

struct following_step following_follow(struct following *f, int32_t leader, int32_t leader_epoch,
				       const struct following_view *v)
{
	if (leader_epoch <= f->leader_epoch)
		return NOTHING;
	f->leader = leader;
	f->leader_epoch = leader_epoch;
	f->not_before_ms = v->now_ms;
	f->pause_ms = 0;
	f->leader_end = -1;
	f->state = leader < 0 ? FOLLOWING_NOBODY : FOLLOWING;
	if (leader >= 0 && v->last_epoch < 0 && v->high_watermark < v->end)
		return (struct following_step){FOLLOW_CUT, v->high_watermark};
	return NOTHING;
}

bool following_is_due(const struct following *f, enum following_state what, int64_t now_ms)
{
	return f->state == what && now_ms >= f->not_before_ms;
}

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct following_step later(struct following *f, const struct following_view *v)
{
	f->not_before_ms = v->now_ms + v->backoff_ms;
	f->leader_end = -1;
	return NOTHING;
}

static bool knows_not_yet(int err)
{
	return err == ERR_NOT_LEADER_OR_FOLLOWER || err == ERR_UNKNOWN_LEADER_EPOCH || err == ERR_UNKNOWN_TOPIC_ID ||
	       err == ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static struct following_step refused(struct following *f, int err, const struct following_view *v)
{
	if (!knows_not_yet(err))
		return later(f, v);
	f->pause_ms = lesser(f->pause_ms > 0 ? 2 * f->pause_ms : PAUSE_MS, v->backoff_ms);
	f->not_before_ms = v->now_ms + f->pause_ms;
	return NOTHING;
}

void following_unheard(struct following *f, const struct following_view *v)
{
	later(f, v);
}

void following_stumbled(struct following *f, bool for_good, const struct following_view *v)
{
	if (for_good)
		f->state = FOLLOWING_FAILED;
	else
		later(f, v);
}

/*
 * The leader's log and ours diverge at the end of diverging_epoch, or before. If we do not have
 * that epoch, the one below it is compared next; if we have none below it at all, only the leader's
 * end counts.
 */
static struct following_step cut(const struct following_answer *a, const struct following_view *v)
{
	int64_t offset = a->diverging_end;

	if (a->own_epoch >= 0 && a->own_epoch != a->diverging_epoch)
		offset = a->own_end;
	else if (a->own_epoch >= 0)
		offset = lesser(a->own_end, a->diverging_end);
	return (struct following_step){FOLLOW_CUT, lesser(offset, v->end)};
}

/* The leader is already in a later epoch: wait for the metadata. */
static struct following_step fenced(struct following *f)
{
	f->state = FOLLOWING_FAILED;
	return NOTHING;
}

struct following_step following_answered(struct following *f, const struct following_answer *a,
					 const struct following_view *v)
{
	if (f->state != FOLLOWING || a->asked_epoch != f->leader_epoch || a->asked_offset != v->end)
		return NOTHING;
	if (a->err == ERR_OFFSET_OUT_OF_RANGE) {
		f->state = FOLLOWING_LOST;
		return NOTHING;
	}
	if (a->err == ERR_FENCED_LEADER_EPOCH)
		return fenced(f);
	if (a->err != 0)
		return refused(f, a->err, v);
	f->pause_ms = 0;
	if (a->diverging_epoch >= 0 && a->diverging_end < 0)
		return later(f, v); /* no epoch ends there */
	if (a->diverging_epoch >= 0)
		return cut(a, v);
	return (struct following_step){FOLLOW_APPEND, a->asked_offset};
}

struct following_step following_found(struct following *f, int32_t asked_epoch, int err, int64_t offset,
				      const struct following_view *v)
{
	int64_t leader_end = f->leader_end;

	if (f->state != FOLLOWING_LOST || asked_epoch != f->leader_epoch)
		return NOTHING;
	f->leader_end = -1;
	if (err == ERR_FENCED_LEADER_EPOCH)
		return fenced(f);
	if (err != 0)
		return refused(f, err, v);
	if (offset < 0) /* no log ends or starts there */
		return later(f, v);
	if (leader_end < 0) {
		f->leader_end = offset;
		return NOTHING;
	}
	f->state = FOLLOWING;
	if (leader_end < v->end) /* an unclean election has removed what we have */
		return (struct following_step){FOLLOW_CUT, leader_end};
	if (offset > v->end)
		return (struct following_step){FOLLOW_RESTART, offset};
	return NOTHING;
}
