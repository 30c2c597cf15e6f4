/*
 * leader: what a leader knows of voters and observers, and what follows from it: the high
 * watermark, and whether it may go on leading.
 *
 * 1. A replica's flushed end is the last offset it asked for, which may be lower than before, if
 *    its disk was lost. The high watermark does not move back.
 * 2. A leader that is no longer a voter does not count itself.
 */
#include "base/err.h"
#include "base/mem.h"
#include "raft/control.h"
#include "raft/raft_private.h"

/* As in Kafka's LeaderState. */
#define OBSERVER_SESSION_MS 300000
/* No cluster has more: beyond this number, the observer that was silent for longest is forgotten. */
#define OBSERVERS_MAX 1000
/* The maximum time since an observer was last heard from if it is to become a voter. */
#define CAUGHT_UP_MS 3600000

static int64_t check_quorum_ms(const struct raft *r)
{
	return (int64_t)r->config.fetch_timeout_ms * 3 / 2;
}

/* ---- replicas ---- */

static struct raft_replica *replicas_add(struct raft_replicas *all, struct raft_key key)
{
	struct raft_replica *fresh;

	all->v = xreallocarray(all->v, (size_t)all->n + 1, sizeof(*all->v));
	fresh = &all->v[all->n++];
	*fresh = (struct raft_replica){.key = key,
				       .flushed_end = -1,
				       .fetched_ms = -1,
				       .fetched_wall_ms = -1,
				       .caught_up_wall_ms = -1,
				       .end_when_fetched = -1};
	return fresh;
}

static void replicas_remove(struct raft_replicas *all, const struct raft_replica *one)
{
	all->v[one - all->v] = all->v[all->n - 1];
	all->n--;
}

static void replicas_fini(struct raft_replicas *all)
{
	xfree(all->v);
	*all = (struct raft_replicas){NULL, 0};
}

static struct raft_replica *find_voter(const struct raft *r, struct raft_key key)
{
	for (int i = 0; i < r->replicas.n; i++) {
		if (raft_key_matches(r->replicas.v[i].key, key))
			return &r->replicas.v[i];
	}
	return NULL;
}

static struct raft_replica *find_observer(const struct raft *r, struct raft_key key)
{
	for (int i = 0; i < r->observers.n; i++) {
		if (raft_keys_equal(r->observers.v[i].key, key))
			return &r->observers.v[i];
	}
	return NULL;
}

bool leader_knows_observer(const struct raft_replica *observer, int64_t now_ms)
{
	return observer->fetched_ms >= 0 && now_ms - observer->fetched_ms < OBSERVER_SESSION_MS;
}

static void forget_silent_observers(struct raft *r, int64_t now_ms)
{
	for (int i = r->observers.n - 1; i >= 0; i--) {
		if (!leader_knows_observer(&r->observers.v[i], now_ms))
			replicas_remove(&r->observers, &r->observers.v[i]);
	}
}

static struct raft_replica *silent_longest(const struct raft_replicas *all)
{
	struct raft_replica *found = &all->v[0];

	for (int i = 1; i < all->n; i++) {
		if (all->v[i].fetched_ms < found->fetched_ms)
			found = &all->v[i];
	}
	return found;
}

static struct raft_replica *find_or_observe(struct raft *r, struct raft_key key, int64_t now_ms)
{
	struct raft_replica *found = find_voter(r, key);

	if (!found)
		found = find_observer(r, key);
	if (found)
		return found;
	forget_silent_observers(r, now_ms);
	if (r->observers.n >= OBSERVERS_MAX)
		replicas_remove(&r->observers, silent_longest(&r->observers));
	return replicas_add(&r->observers, key);
}

/*
 * The state of a replica that becomes or remains a voter is kept; one that is no longer a voter
 * becomes an observer.
 */
static void set_voters(struct raft *r, int64_t now_ms)
{
	struct raft_replicas before = r->replicas;
	const struct raft_voters *voters = raft_voters(r);
	bool was_alone = before.n <= 1;

	r->replicas = (struct raft_replicas){NULL, 0};
	for (int i = 0; i < voters->n; i++) {
		struct raft_key key = raft_voter_key(&voters->v[i]);
		struct raft_replica *fresh = replicas_add(&r->replicas, key);
		struct raft_replica *observer = find_observer(r, key);

		for (int old = 0; old < before.n; old++) {
			if (!raft_key_matches(before.v[old].key, key))
				continue;
			*fresh = before.v[old];
			replicas_remove(&before, &before.v[old]);
			break;
		}
		if (observer && fresh->fetched_ms < 0)
			*fresh = *observer;
		if (observer)
			replicas_remove(&r->observers, observer);
		fresh->key = key;
	}
	for (int old = 0; old < before.n; old++) {
		if (!raft_key_matches(before.v[old].key, raft_own_key(r)) && !find_observer(r, before.v[old].key))
			*replicas_add(&r->observers, before.v[old].key) = before.v[old];
	}
	if (was_alone) /* there was no other voter to hear from */
		r->check_quorum_due_ms = now_ms + check_quorum_ms(r);
	replicas_fini(&before);
}

/* ---- the high watermark ---- */

/* The largest end that a majority of the voters has on disk; -1 while no majority has been heard from. */
static int64_t majority_end(const struct raft *r)
{
	int64_t best = -1;

	for (int i = 0; i < r->replicas.n; i++) {
		int64_t end = r->replicas.v[i].flushed_end;
		int n_at_least = 0;

		for (int other = 0; other < r->replicas.n; other++)
			n_at_least += r->replicas.v[other].flushed_end >= end;
		if (n_at_least > r->replicas.n / 2 && end > best)
			best = end;
	}
	return best;
}

/*
 * Unknown until a record of this epoch is committed: another leader may have announced a higher one
 * than this node knows.
 */
int64_t leader_high_watermark(const struct raft *r)
{
	return r->high_watermark > r->epoch_start ? r->high_watermark : -1;
}

static void update_high_watermark(struct raft *r, struct raft_turn *t)
{
	int64_t end = majority_end(r);

	if (end <= r->epoch_start || end <= r->high_watermark)
		return;
	raft_commit(r, t, end);
	raft_wake_fetches(r, INT64_MAX);
	membership_committed(r, t);
}

void leader_flushed(struct raft *r, struct raft_turn *t)
{
	struct raft_replica *own = find_voter(r, raft_own_key(r));

	if (own)
		own->flushed_end = r->flushed_end;
	update_high_watermark(r, t);
}

/* ---- the log grows ---- */

void leader_appended(struct raft *r, struct raft_turn *t)
{
	raft_want_flush(r, t);
	raft_wake_fetches(r, r->history.end);
}

static void append_control(struct raft *r, struct raft_turn *t, const struct control_batch *what)
{
	struct raft_effect *e = raft_effect(t, RAFT_EFFECT_APPEND_CONTROL);
	int64_t end;

	e->offset = what->offset;
	e->epoch = what->epoch;
	e->batch = control_build(what, t->out->arena, &e->n_records);
	end = what->offset + e->n_records;
	if (what->kraft_version >= 0)
		raft_history_note_kraft_version(&r->history, end - 2, what->kraft_version);
	if (what->voters)
		raft_history_note_voters(&r->history, end - 1, what->voters);
	r->history.end = end;
	r->bytes_since_snapshot += e->batch.len;
}

void leader_append_voters(struct raft *r, struct raft_turn *t, const struct raft_voters *voters, int16_t kraft_version)
{
	struct control_batch what = {
		.offset = r->history.end,
		.epoch = r->election.leader_epoch,
		.timestamp = t->event->wall_ms,
		.kraft_version = kraft_version,
		.voters = voters,
	};

	append_control(r, t, &what);
	set_voters(r, t->event->now_ms);
	leader_appended(r, t);
	update_high_watermark(r, t); /* a smaller set may already have a majority */
}

/*
 * With kraft.version 1 the set of voters is written once more if it was never in the log, or if its
 * listeners or versions of this node are outdated.
 */
static bool has_to_write_voters(const struct raft *r, struct raft_voters *updated)
{
	const struct raft_voter *mine = voters_find_key(raft_voters(r), raft_own_key(r));

	if (raft_kraft_version(r) < 1 || !mine || (raft_voters_offset(r) >= 0 && !raft_voter_differs(mine, &r->own)))
		return false;
	raft_voters_copy(updated, raft_voters(r));
	voters_put(updated, &r->own);
	return true;
}

static const struct control_leader_change *leader_change(const struct raft *r, struct arena *a)
{
	const struct raft_voters *voters = raft_voters(r);
	struct control_leader_change *m = arena_array(a, 1, sizeof(*m));
	int32_t *all = arena_array(a, (size_t)(voters->n + r->n_ballots) + 1, sizeof(*all));
	int32_t *granting = all + voters->n;

	*m = (struct control_leader_change){.leader_id = r->config.node_id, .voters = all, .granting = granting};
	for (int i = 0; i < voters->n; i++)
		all[m->n_voters++] = voters->v[i].id;
	for (int i = 0; i < r->n_ballots; i++) {
		if (r->ballots[i].vote == VOTE_GRANTED)
			granting[m->n_granting++] = r->ballots[i].key.id;
	}
	return m;
}

static void append_epoch_start(struct raft *r, struct raft_turn *t)
{
	struct raft_voters updated = {NULL, 0};
	bool with_voters = has_to_write_voters(r, &updated);
	struct control_batch what = {
		.offset = r->history.end,
		.epoch = r->election.leader_epoch,
		.timestamp = t->event->wall_ms,
		.leader_change = leader_change(r, t->out->arena),
		.kraft_version = with_voters ? raft_kraft_version(r) : -1,
		.voters = with_voters ? &updated : NULL,
	};

	raft_history_note_epoch(&r->history, what.epoch, what.offset);
	append_control(r, t, &what);
	raft_voters_fini(&updated);
}

/* ---- who is heard of ---- */

/* When a majority (less the leader, if it is a voter) has been heard from in time, the check starts anew. */
void leader_heard(struct raft *r, struct raft_turn *t, struct raft_key key)
{
	struct raft_replica *voter = find_voter(r, key);
	int n_wanted = r->replicas.n / 2 + 1 - (raft_is_voter(r) ? 1 : 0);
	int n_heard = 0;

	if (voter && key.id != r->config.node_id)
		voter->heard = true;
	for (int i = 0; i < r->replicas.n; i++)
		n_heard += r->replicas.v[i].heard;
	if (n_heard < n_wanted)
		return;
	for (int i = 0; i < r->replicas.n; i++)
		r->replicas.v[i].heard = false;
	r->check_quorum_due_ms = t->event->now_ms + check_quorum_ms(r);
}

/* A replica has caught up when it asks for the end, or for what was the end when it last asked. */
static void note_fetch(struct raft_replica *one, const struct raft_event *event, int64_t offset, int64_t log_end)
{
	if (offset >= log_end)
		one->caught_up_wall_ms = event->wall_ms;
	else if (one->end_when_fetched > 0 && offset >= one->end_when_fetched)
		one->caught_up_wall_ms = one->fetched_wall_ms;
	one->end_when_fetched = log_end;
	one->fetched_ms = event->now_ms;
	one->fetched_wall_ms = event->wall_ms;
	one->flushed_end = offset;
}

void leader_fetched(struct raft *r, struct raft_turn *t, struct raft_key key, int64_t offset)
{
	if (key.id < 0) /* a reader, not a replica */
		return;
	note_fetch(find_or_observe(r, key, t->event->now_ms), t->event, offset, r->history.end);
	leader_heard(r, t, key);
	update_high_watermark(r, t);
}

/* As Kafka's LeaderState.isReplicaCaughtUp: it has caught up once, and was heard from within the last hour. */
bool leader_has_caught_up(const struct raft *r, struct raft_key key, int64_t now_ms)
{
	const struct raft_replica *observer = find_observer(r, key);

	return observer && observer->caught_up_wall_ms >= 0 && observer->fetched_ms > now_ms - CAUGHT_UP_MS;
}

/* ---- what is due ---- */

static int64_t send_begin_epoch(struct raft *r, struct raft_turn *t)
{
	int64_t now_ms = t->event->now_ms;
	int64_t period_ms = r->config.fetch_timeout_ms / 2;

	if (now_ms < r->begin_epoch_due_ms)
		return r->begin_epoch_due_ms;
	for (int i = 0; i < r->replicas.n; i++) {
		const struct raft_replica *voter = &r->replicas.v[i];

		if (voter->key.id != r->config.node_id &&
		    (voter->fetched_ms < 0 || now_ms - voter->fetched_ms >= period_ms))
			epoch_send_begin(r, t, voter->key);
	}
	r->begin_epoch_due_ms = now_ms + period_ms;
	return r->begin_epoch_due_ms;
}

int64_t leader_poll(struct raft *r, struct raft_turn *t)
{
	int64_t now_ms = t->event->now_ms;
	bool alone = raft_is_only_voter(r);
	int64_t due_ms;

	if (r->stopping || r->wants_to_resign || (!alone && now_ms >= r->check_quorum_due_ms)) {
		role_resigned(r, t);
		return now_ms;
	}
	due_ms = membership_poll(r, t);
	if (alone)
		return due_ms;
	due_ms = min_ms(due_ms, send_begin_epoch(r, t));
	return min_ms(due_ms, r->check_quorum_due_ms);
}

/* The voters except this node, those with the highest ends first (KIP-595's preferred successors). */
int leader_successors(const struct raft *r, struct raft_key *out)
{
	int n = 0;

	for (int i = 0; i < r->replicas.n; i++) {
		const struct raft_replica *one = &r->replicas.v[i];
		int at = n;

		if (raft_key_matches(one->key, raft_own_key(r)))
			continue;
		for (; at > 0 && find_voter(r, out[at - 1])->flushed_end < one->flushed_end; at--)
			out[at] = out[at - 1];
		out[at] = one->key;
		n++;
	}
	return n;
}

/* ---- start and end ---- */

void leader_begin(struct raft *r, struct raft_turn *t)
{
	struct raft_effect *e;

	r->epoch_start = r->history.end;
	r->begin_epoch_due_ms = t->event->now_ms;
	r->wants_to_resign = false;
	append_epoch_start(r, t);
	set_voters(r, t->event->now_ms);
	upgrade_begin(r);
	e = raft_effect(t, RAFT_EFFECT_LEADER);
	e->offset = r->epoch_start;
	e->epoch = r->election.leader_epoch;
	leader_flushed(r, t);
	raft_want_flush(r, t);
}

/* Another role follows: ends all waiting here. */
void leader_end(struct raft *r, struct raft_turn *t)
{
	raft_effect(t, RAFT_EFFECT_RESIGNED)->epoch = r->election.leader_epoch;
	membership_end(r, t, ERR_NOT_LEADER_OR_FOLLOWER);
	raft_wake_fetches(r, INT64_MAX);
	leader_forget(r);
}

void leader_forget(struct raft *r)
{
	r->epoch_start = -1;
	replicas_fini(&r->replicas);
	replicas_fini(&r->observers);
	raft_voters_fini(&r->told_voters);
	if (r->change.kind == CHANGE_ADD)
		raft_voter_fini(&r->change.voter);
	r->change.kind = CHANGE_NONE;
}
