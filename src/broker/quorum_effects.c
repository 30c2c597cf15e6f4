/*
 * quorum_effects: steps raft, and carries out its effects.
 */
#include <errno.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "broker/quorum_private.h"
#include "log/dir.h"

#define EFFECTS_ARENA (16 << 20)
#define FLUSH_RETRY_MS 50
#define BEGIN_RETRY_MS 50 /* at first; doubled each time, up to: */
#define BEGIN_RETRY_MAX_MS 1600

/* ---- flushing ---- */

/* Tells raft of a flush when quorum-state is written as well: commits depend on both. */
static void tell_flushed(struct quorum *q)
{
	if (q->failed || q->closed || !q->flush_ended || q->state_write)
		return;
	q->flush_ended = false;
	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_FLUSHED, .offset = log_offsets(q->log).flushed_end});
}

static void flush_over(struct quorum *q)
{
	q->flushing = false;
	q->flush_ended = true;
	tell_flushed(q);
}

void quorum_state_written(struct quorum *q, int err)
{
	if (err != 0)
		quorum_fail(q, err);
	quorum_give_held(q, err == 0 ? 0 : ERR_NOT_CONTROLLER);
	if (err == 0)
		quorum_send_held(q);
	tell_flushed(q);
}

static void flush_now(struct quorum *q);

static void flush_again(struct timer *t)
{
	flush_now(container_of(t, struct quorum, flush_timer));
}

/* True if no sync has failed: a file could not be opened, or there was no space for the leader epochs. */
static bool passes(struct quorum *q, int err, bool sync_failed)
{
	if (sync_failed || log_dir_error(q->options.dir))
		return false;
	if (err_is_disk_full(err))
		log_dir_release_reserve(q->options.dir);
	return err_passes(err);
}

static void flushed(struct log_flush *f)
{
	struct quorum *q = container_of(f, struct quorum, flush);
	bool sync_failed = f->sync_failed;
	int err = log_flush_end(q->log, f);

	if (err != 0 && !q->stopping && passes(q, err, sync_failed)) {
		diag_warn(q->env->diag, "metadata log is not flushed yet, tried again", "dir=%s error=%s", q->path,
			  err_name(err));
		timer_start(&q->flush_timer, FLUSH_RETRY_MS);
		return;
	}
	if (err != 0)
		quorum_fail(q, err);
	flush_over(q);
}

static void flush_now(struct quorum *q)
{
	if (!q->failed && log_dir_error(q->options.dir) != 0) /* another write has failed meanwhile */
		quorum_fail(q, log_dir_error(q->options.dir));
	if (!q->failed && log_flush_begin(q->log, LOG_FLUSH_ALL, &q->flush)) {
		q->flush.done = flushed;
		log_flusher_add(q->flusher, &q->flush);
	} else {
		flush_over(q);
	}
}

/* Flushes everything appended in this turn: at the start, the epoch and the registrations go into one flush. */
static void flush_all(struct post *post)
{
	flush_now(container_of(post, struct quorum, flush_post));
}

static void begin_flush(struct quorum *q)
{
	q->flushing = true;
	q->flush_post.run = flush_all;
	loop_post(q->loop, &q->flush_post);
}

/* ---- effects ---- */

void quorum_maybe_started(struct quorum *q)
{
	if (q->started || q->stopping || !q->image || image_metadata_version(q->image) == 0 || q->leader.id < 0)
		return;
	q->started = true;
	quorum_clean(q); /* removes what earlier runs left behind */
	q->options.started(q->options.arg, 0);
}

static void commit(struct quorum *q, int64_t offset)
{
	log_set_high_watermark(q->log, offset);
	q->measures.n_commits++;
	if (controller_is_active(q->controller))
		quorum_publish(q, offset);
	else
		quorum_follow(q, offset);
	quorum_complete_committed(q, offset);
	quorum_maybe_started(q);
	if (q->image)
		controller_registration_look(q->registration, q->image);
	if (q->lifecycle)
		lifecycle_committed(q->lifecycle);
	/* with only a few records */
	if (q->started && !q->stopping && !q->cutting && env_buggify(q->env, "cut a snapshot"))
		quorum_cut_snapshot(q);
}

/* No space, or no descriptor: the log is unchanged, and other nodes may be able to lead. */
static bool is_worth_waiting(const struct quorum *q, int err)
{
	return (err_passes(err) || err == ERR_KAFKA_STORAGE_ERROR) && log_dir_error(q->options.dir) == 0 &&
	       log_standing(q->log) == LOG_WHOLE;
}

static const char CANNOT_READ[] = "this node cannot read the metadata log, and leads it no more";
static const char CANNOT_WRITE[] = "this node cannot write the metadata log, and leads it no more";

static void tell(struct quorum *q, const char *what, int err)
{
	diag_error(q->env->diag, what, "dir=%s epoch=%d error=%s remedy=\"free some space, or allow more open files\"",
		   q->path, raft_epoch(q->raft), err_name(err));
}

static void resign(struct quorum *q, const char *what, int err)
{
	tell(q, what, err);
	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_RESIGN});
}

void quorum_unwritten(struct quorum *q, int err)
{
	if (!q->failed && controller_is_active(q->controller) && is_worth_waiting(q, err))
		resign(q, CANNOT_WRITE, err);
}

static int append_control(struct quorum *q, const struct raft_effect *e)
{
	struct log_appended appended;
	int err = -ENOSPC;

	log_begin_epoch(q->log, e->epoch);
	if (q->beginning || !env_buggify(q->env, "no room for a control record"))
		err = log_append_as_follower(q->log, e->batch.p, (size_t)e->batch.len, e->epoch, env_wall_ms(q->env),
					     &appended);
	if (err == 0 || q->beginning || !is_worth_waiting(q, err))
		return err;
	tell(q, CANNOT_WRITE, err);
	q->n_unwritten++;
	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_UNWRITTEN, .offset = e->offset});
	return 0;
}

static int lead(struct quorum *q, const struct raft_effect *e)
{
	int err;

	if (raft_role(q->raft) != RAFT_LEADER) /* it could not write the records that begin its epoch */
		return 0;
	diag_info(q->env->diag, "this node leads the metadata quorum", "epoch=%d offset=%lld", e->epoch,
		  (long long)e->offset);
	err = quorum_lead(q);
	if (err == 0 || q->beginning || !is_worth_waiting(q, err))
		return err;
	if (raft_role(q->raft) == RAFT_LEADER) /* otherwise it has already resigned because of it */
		resign(q, controller_is_active(q->controller) ? CANNOT_WRITE : CANNOT_READ, err);
	return 0;
}

/* An event that is stepped from inside an effect may have asked for an earlier wake-up. */
static void wake_at(struct quorum *q, int64_t at_ms)
{
	if (timer_is_running(&q->raft_timer) && q->wake_ms <= at_ms)
		return;
	q->wake_ms = at_ms;
	timer_start_at(&q->raft_timer, at_ms * 1000000);
}

/*
 * A follower that does not hear from its leader stands for an election, loses, and follows again:
 * logs the leader once.
 */
static void say_followed(struct quorum *q, const struct raft_effect *e)
{
	if (e->leader_id == q->followed_leader && e->epoch == q->followed_epoch)
		return;
	q->followed_leader = e->leader_id;
	q->followed_epoch = e->epoch;
	diag_info(q->env->diag, "this node follows the metadata quorum", "leader=%d epoch=%d", e->leader_id, e->epoch);
}

static int perform(struct quorum *q, const struct raft_effect *e)
{
	switch (e->type) {
	case RAFT_EFFECT_WRITE_STATE:
		quorum_write_state(q, &e->election);
		return 0;
	case RAFT_EFFECT_APPEND_CONTROL:
		return append_control(q, e);
	case RAFT_EFFECT_FLUSH:
		begin_flush(q);
		return 0;
	case RAFT_EFFECT_COMMIT:
		commit(q, e->offset);
		return 0;
	case RAFT_EFFECT_LEADER:
		return lead(q, e);
	case RAFT_EFFECT_RESIGNED:
		quorum_resign(q);
		return 0;
	case RAFT_EFFECT_CUT_SNAPSHOT:
		quorum_cut_snapshot(q);
		return 0;
	case RAFT_EFFECT_CLEAN:
		quorum_clean(q);
		return 0;
	case RAFT_EFFECT_WAKE:
		wake_at(q, e->at_ms);
		return 0;
	case RAFT_EFFECT_FETCHES:
		quorum_wake_fetches(q, e->offset);
		return 0;
	case RAFT_EFFECT_CHANGE_DONE:
		quorum_end_change(q, e->err, e->message);
		return 0;
	case RAFT_EFFECT_SEND:
		quorum_send(q, e);
		return 0;
	case RAFT_EFFECT_WARN:
		diag_warn(q->env->diag, "metadata quorum", "what=\"%.*s\"", STR_ARG(e->message));
		return 0;
	case RAFT_EFFECT_STOPPED:
		quorum_has_resigned(q);
		return 0;
	case RAFT_EFFECT_APPEND_FETCHED:
		return quorum_append_fetched(q, e);
	case RAFT_EFFECT_TRUNCATE:
		return quorum_truncate(q, e->offset);
	case RAFT_EFFECT_FOLLOWER:
		say_followed(q, e);
		return 0;
	case RAFT_EFFECT_SNAPSHOT_CHUNK:
		quorum_take_chunk(q, e);
		return 0;
	case RAFT_EFFECT_LOAD_SNAPSHOT:
		quorum_load_fetched(q, e->snapshot);
		return 0;
	}
	check(false);
	return 0;
}

/*
 * A change whose record could not be written has failed: it ends like one whose leader resigns
 * (Kafka's LeaderState.close).
 */
static void void_change(struct raft_effect *e)
{
	if (e->type == RAFT_EFFECT_CHANGE_DONE && e->err == 0)
		e->err = ERR_NOT_LEADER_OR_FOLLOWER;
}

static void perform_all(struct quorum *q, const struct raft_effects *effects)
{
	int64_t n_unwritten = q->n_unwritten;

	for (int i = 0; i < effects->n && !q->failed; i++) {
		int err;

		if (q->n_unwritten != n_unwritten)
			void_change(&effects->v[i]);
		err = perform(q, &effects->v[i]);
		if (err != 0)
			quorum_fail(q, err);
	}
}

static void date(const struct quorum *q, struct raft_event *event)
{
	event->now_ms = env_mono_ms(q->env);
	event->wall_ms = env_wall_ms(q->env);
	event->chance = env_random_u64(q->env);
}

static void end_step(struct quorum *q, struct raft_effects *effects)
{
	perform_all(q, effects);
	arena_fini(effects->arena);
	quorum_note_leader(q);
	quorum_route(q);
}

int quorum_upgrade(struct quorum *q, const struct raft_upgrade *to, struct arena *a, struct str *why)
{
	struct raft_event event = {.type = RAFT_EVENT_TICK};
	struct raft_effects effects;
	struct arena arena;
	int err;

	arena_init(&arena, EFFECTS_ARENA);
	effects = (struct raft_effects){.arena = &arena};
	date(q, &event);
	err = raft_upgrade(q->raft, to, &event, &effects, why);
	*why = arena_str(a, *why);
	end_step(q, &effects);
	return controller_is_active(q->controller) ? err : ERR_NOT_CONTROLLER;
}

void quorum_step(struct quorum *q, struct raft_event event)
{
	struct raft_effects effects;
	struct arena arena;

	if (q->failed || q->closing)
		return;
	date(q, &event);
	arena_init(&arena, EFFECTS_ARENA);
	effects = (struct raft_effects){.arena = &arena};
	raft_step(q->raft, &event, &effects);
	end_step(q, &effects);
}

/* ---- the first step: an epoch begins ---- */

void quorum_end_beginning(struct quorum *q)
{
	timer_stop(&q->begin_timer);
	arena_fini(&q->begin_arena);
	q->beginning = false;
}

/*
 * Carries out the remaining effects in their order: one that has to wait is retried, and those
 * after it wait as well.
 */
static void begin_on(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, begin_timer);

	for (; q->n_begun < q->begin_effects.n && !q->failed; q->n_begun++) {
		int err = perform(q, &q->begin_effects.v[q->n_begun]);

		if (err != 0 && is_worth_waiting(q, err)) {
			diag_warn(q->env->diag, "metadata log cannot be appended to yet, tried again",
				  "dir=%s error=%s", q->path, err_name(err));
			timer_start(&q->begin_timer, q->begin_retry_ms);
			if (q->begin_retry_ms < BEGIN_RETRY_MAX_MS)
				q->begin_retry_ms *= 2;
			return;
		}
		if (err != 0)
			quorum_fail(q, err);
	}
	quorum_end_beginning(q);
	q->begun = true;
	quorum_note_leader(q);
	quorum_route(q);
}

static void begin(struct post *post)
{
	struct quorum *q = container_of(post, struct quorum, begin_post);
	struct raft_event event = {
		.now_ms = env_mono_ms(q->env), .wall_ms = env_wall_ms(q->env), .chance = env_random_u64(q->env)};

	if (q->stopping)
		return;
	arena_init(&q->begin_arena, EFFECTS_ARENA);
	q->begin_effects = (struct raft_effects){.arena = &q->begin_arena};
	q->begin_retry_ms = BEGIN_RETRY_MS;
	q->beginning = true;
	raft_begin(q->raft, &event, &q->begin_effects);
	begin_on(&q->begin_timer);
}

void quorum_begin(struct quorum *q)
{
	q->begin_post.run = begin;
	loop_post(q->loop, &q->begin_post);
}

/* ---- time ---- */

static void raft_due(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, raft_timer);

	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_TICK});
}

void quorum_effects_init(struct quorum *q)
{
	timer_init(&q->raft_timer, q->loop, raft_due);
	timer_init(&q->flush_timer, q->loop, flush_again);
	timer_init(&q->begin_timer, q->loop, begin_on);
}
