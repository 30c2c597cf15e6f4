/*
 * coordinator_shard: the actor.
 *
 * A step becomes a decision, and a decision is in one place at a time:
 *
 *	being decided -> pending (its records are in the batch, or it waits behind the batch) ->
 *	waiting (for the high watermark) -> done
 *
 * The consequences of a decision that is done (answers, written()) are carried out once, with 0 or
 * with the error.
 */
#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/coordinator_private.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/partitions.h"
#include "config/config.h"
#include "transaction/transaction.h"

#define STEP_MEMORY_MAX (256 << 20)
#define TICKS_AT_ONCE 64
#define SPARE_MAX 256
#define SPARE_ARENA_MAX 4096

struct decision {
	struct list link;
	struct arena arena;
	struct shard_step step;
	int n_batched; /* records that were added to a batch */
	int n_applied;
	uint64_t scope; /* hash; 0: none */
	int64_t end;	/* done when everything below it is committed */
	int64_t deadline_ms;
	int error; /* an append of its records was refused */
};

struct job {
	struct work work;
	struct coordinator_shard *shard;
	struct shard_job *job;
};

static void flush(struct coordinator_shard *s);
static void advance(struct coordinator_shard *s);
static void arm_timer(struct coordinator_shard *s);
static void decision_end(struct coordinator_shard *s, struct decision *d);

/* ---- decisions ---- */

static uint64_t draw(void *arg)
{
	return env_random_u64(arg);
}

/* Returns a spare one, whose memory is still warm, or a new one. */
static struct decision *decision_new(struct coordinators *c)
{
	struct list *spare = list_first(&c->spare);
	struct decision *d;

	if (spare) {
		list_remove(spare);
		c->n_spare--;
		d = container_of(spare, struct decision, link);
	} else {
		d = xmalloc(sizeof(*d));
		arena_init(&d->arena, STEP_MEMORY_MAX);
	}
	*d = (struct decision){.arena = d->arena};
	list_init(&d->link);
	return d;
}

static struct decision *decision_begin(struct coordinator_shard *s)
{
	struct decision *d = decision_new(s->core->coordinators);
	struct env *env = s->core->loop->env;

	shard_step_init(&d->step, &d->arena);
	d->step.now_ms = env_mono_ms(env);
	d->step.wall_ms = env_wall_ms(env);
	d->step.epoch = s->epoch;
	d->step.image = s->core->image;
	d->step.random = draw;
	d->step.random_arg = env;
	return d;
}

static void decision_free(struct coordinator_shard *s, struct decision *d)
{
	struct coordinators *c = s->core->coordinators;

	if (c->n_spare == SPARE_MAX || d->arena.used > SPARE_ARENA_MAX) {
		arena_fini(&d->arena);
		xfree(d);
		return;
	}
	arena_reset(&d->arena);
	list_add_after(&c->spare, &d->link);
	c->n_spare++;
}

void shard_forget_spare(struct coordinators *c)
{
	list_each_safe(it, &c->spare)
	{
		struct decision *d = container_of(it, struct decision, link);

		arena_fini(&d->arena);
		xfree(d);
	}
}

static void tell(struct list *commands, int err)
{
	list_each_safe(it, commands)
	{
		struct shard_command *c = container_of(it, struct shard_command, link);

		list_remove(it);
		if (err) {
			c->err = coordinator_error(err);
			c->message = STR_NULL;
		}
		coordinator_answer(c);
	}
}

/* Carries out the consequences. d must not be in any list. */
static void done(struct coordinator_shard *s, struct decision *d, int err)
{
	tell(&d->step.answered, err);
	while (!list_empty(&d->step.written)) {
		struct shard_written *w = container_of(d->step.written.next, struct shard_written, link);
		struct decision *next;

		list_remove(&w->link);
		flush(s);
		next = decision_begin(s);
		w->fn(s->state, &next->step, w->arg, err ? coordinator_error(err) : 0);
		decision_end(s, next);
	}
	decision_free(s, d);
}

static void all_done(struct coordinator_shard *s, struct list *decisions, int err)
{
	while (!list_empty(decisions)) {
		struct decision *d = container_of(decisions->next, struct decision, link);

		list_remove(&d->link);
		done(s, d, err);
	}
}

/* ---- jobs ---- */

static void job_runs(struct work *work)
{
	struct job *j = container_of(work, struct job, work);

	j->job->run(j->job);
}

/* A job or call is back: returns a step without a scope for it; NULL when the shard has gone. */
static struct decision *came_back(struct coordinator_shard *s)
{
	s->n_jobs--;
	if (s->phase != SHARD_ACTIVE)
		return NULL;
	flush(s);
	return decision_begin(s);
}

static void has_come_back(struct coordinator_shard *s, struct decision *d)
{
	if (d) {
		decision_end(s, d);
		arm_timer(s);
	} else {
		shard_free_if_idle(s);
	}
}

static void job_has_run(struct work *work)
{
	struct job *j = container_of(work, struct job, work);
	struct coordinator_shard *s = j->shard;
	struct decision *d = came_back(s);

	j->job->done(j->job, d ? s->state : NULL, d ? &d->step : NULL);
	has_come_back(s, d);
	xfree(j);
}

static void call_has_come_back(struct post *post)
{
	struct coordinator_call *c = container_of(post, struct coordinator_call, post);
	struct coordinator_shard *s = c->shard;
	struct decision *d = came_back(s);

	c->call->done(c->call, d ? s->state : NULL, d ? &d->step : NULL);
	has_come_back(s, d);
	xfree(c);
}

/* Posted rather than run at once, because the step that has asked is not over. */
void coordinator_call_done(struct coordinator_call *c)
{
	c->post.run = call_has_come_back;
	loop_post(c->shard->core->loop, &c->post);
}

static void start_calls(struct coordinator_shard *s, struct decision *d)
{
	list_each_safe(it, &d->step.calls)
	{
		struct coordinator_call *c = xcalloc(1, sizeof(*c));

		list_remove(it);
		c->shard = s;
		c->call = container_of(it, struct shard_call, link);
		s->n_jobs++;
		s->type->ask(s->core, c);
	}
}

static void start_jobs(struct coordinator_shard *s, struct decision *d)
{
	list_each_safe(it, &d->step.jobs)
	{
		struct job *j;

		list_remove(it);
		j = xcalloc(1, sizeof(*j));
		j->shard = s;
		j->job = container_of(it, struct shard_job, link);
		j->work = (struct work){.job = job_runs, .done = job_has_run, .loop = s->core->loop};
		s->n_jobs++;
		env_work(s->core->loop, &j->work);
	}
}

/* ---- answers that wait ---- */

static void arm_deadline(struct coordinator_shard *s)
{
	struct list *first = list_first(&s->waiting);

	if (!first)
		timer_stop(&s->deadline);
	else if (!timer_is_running(&s->deadline))
		timer_start(&s->deadline,
			    container_of(first, struct decision, link)->deadline_ms - env_mono_ms(s->core->loop->env));
}

static int64_t deadline_ms(const struct coordinator_shard *s)
{
	return env_mono_ms(s->core->loop->env) + config_long(s->core->node->config, s->type->write_timeout_ms);
}

static void wait_for(struct coordinator_shard *s, struct decision *d, int64_t end)
{
	if (s->committed >= end) {
		done(s, d, 0);
		return;
	}
	d->end = end;
	d->deadline_ms = deadline_ms(s);
	list_push(&s->waiting, &d->link);
	arm_deadline(s);
}

static void waited_too_long(struct timer *t)
{
	struct coordinator_shard *s = container_of(t, struct coordinator_shard, deadline);
	int64_t now = env_mono_ms(s->core->loop->env);

	for (;;) {
		struct list *first = list_first(&s->waiting);
		struct decision *d = first ? container_of(first, struct decision, link) : NULL;

		if (!d || d->deadline_ms > now)
			break;
		list_remove(&d->link);
		done(s, d, ERR_REQUEST_TIMED_OUT);
	}
	arm_deadline(s);
	arm_timer(s);
}

/* Takes over the partition's high watermark; false if the stint in which the shard was loaded is over. */
static bool look(struct coordinator_shard *s)
{
	struct partition_view view;

	partition_look(s->partition, &view);
	/*
	 * Once this node no longer leads, or leads again, the image will say so; until then nothing
	 * here is known to be committed.
	 */
	if (!view.leads || view.stint != s->stint || view.deleted)
		return false;
	if (view.offsets.high_watermark > s->committed) {
		s->committed = view.offsets.high_watermark;
		s->type->type->committed(s->state, s->committed);
	}
	return true;
}

/* Completes the decisions that waited for what is committed. */
static void complete(struct coordinator_shard *s)
{
	while (!list_empty(&s->waiting)) {
		struct decision *d = container_of(s->waiting.next, struct decision, link);

		if (d->end > s->committed)
			break;
		list_remove(&d->link);
		done(s, d, 0);
		if (s->phase != SHARD_ACTIVE)
			return;
	}
	arm_deadline(s);
}

/* Takes over the high watermark, and completes the decisions that waited for it. */
static void advance(struct coordinator_shard *s)
{
	if (s->phase == SHARD_ACTIVE && look(s))
		complete(s);
}

static void watch(struct coordinator_shard *s)
{
	while (s->phase == SHARD_ACTIVE && s->committed < s->end) {
		int64_t before = s->committed;

		partition_unwait(&s->waiter);
		s->waiter = (struct waiter){.waking = &s->waking, .past = s->committed, .watch = WATCH_HIGH_WATERMARK};
		list_init(&s->waiter.link);
		if (partition_wait(s->partition, &s->waiter))
			return;
		advance(s);
		if (s->committed == before)
			return; /* it no longer leads */
	}
}

static void woken(struct waking *w)
{
	struct coordinator_shard *s = container_of(w, struct coordinator_shard, waking);

	advance(s);
	watch(s);
	if (s->phase == SHARD_ACTIVE)
		arm_timer(s);
	shard_free_if_idle(s);
}

/* ---- the pending batch ---- */

static void apply(struct coordinator_shard *s, struct decision *d, int64_t *offset)
{
	for (; d->n_applied < d->n_batched; d->n_applied++, (*offset)++) {
		struct shard_position at = {
			.offset = *offset,
			.timestamp_ms = d->step.wall_ms,
			.producer_id = d->step.producer_id,
			.producer_epoch = d->step.producer_epoch,
			.arena = &s->scratch,
		};

		if (d->step.applied)
			continue;
		/* This very code made it: it must not write what it cannot read. */
		check(s->type->type->apply(s->state, &d->step.records.v[d->n_applied], &at) == 0);
		arena_reset(&s->scratch);
	}
}

/* Writes the batch. A divisible decision that has more records stays pending. */
static void flush(struct coordinator_shard *s)
{
	struct list batched, rest;
	int64_t offset = 0, until_ms = 0;
	bool leads = false;
	int err;

	if (s->builder.count == 0)
		return;
	list_init(&batched);
	list_init(&rest);
	list_splice(&batched, &s->pending);
	err = shard_batch_write(s, &offset);
	/* Without other replicas the records are committed at once: this must be known before they are applied. */
	if (!err)
		leads = look(s);
	list_each_safe(it, &batched)
	{
		struct decision *d = container_of(it, struct decision, link);

		if (err)
			d->error = err;
		else
			apply(s, d, &offset);
		if (d->n_batched < d->step.records.n) {
			list_remove(it);
			list_push(&rest, it);
		}
	}
	list_splice(&s->pending, &rest);
	if (err) {
		all_done(s, &batched, err);
		return;
	}
	if (s->committed < s->end)
		until_ms = deadline_ms(s);
	list_each(it, &batched)
	{
		container_of(it, struct decision, link)->end = s->end;
		container_of(it, struct decision, link)->deadline_ms = until_ms;
	}
	list_splice(&s->waiting, &batched);
	if (leads)
		complete(s);
	watch(s);
	arm_deadline(s);
}

static void flush_posted(struct post *post)
{
	struct coordinator_shard *s = container_of(post, struct coordinator_shard, flush_post);

	s->flush_posted = false;
	if (s->phase == SHARD_ACTIVE) {
		flush(s);
		arm_timer(s);
	}
	shard_free_if_idle(s);
}

static void has_lingered(struct timer *t)
{
	struct coordinator_shard *s = container_of(t, struct coordinator_shard, linger);

	flush(s);
	arm_timer(s);
}

static void flush_later(struct coordinator_shard *s)
{
	int linger_ms = s->type->linger_ms == NO_SETTING ? -1 : config_int(s->core->node->config, s->type->linger_ms);

	if (s->builder.count == 0)
		return;
	if (linger_ms == 0) {
		flush(s);
	} else if (linger_ms > 0) {
		if (!timer_is_running(&s->linger))
			timer_start(&s->linger, linger_ms);
	} else if (!s->flush_posted) {
		s->flush_posted = true;
		loop_post(s->core->loop, &s->flush_post);
	}
}

static bool has_room_for_all(struct coordinator_shard *s, const struct shard_records *records)
{
	int64_t size = 0;

	for (int i = 0; i < records->n; i++)
		size += shard_batch_size_of(&records->v[i]);
	return shard_batch_has_room(s, size, shard_batch_max(s));
}

/* Puts all records into one batch. The consequences of a flush may have written as well, hence the loop. */
static void put_whole(struct coordinator_shard *s, struct decision *d)
{
	bool transactional = d->step.producer_id != NO_PRODUCER_ID;

	while (s->builder.count > 0 && (transactional || !has_room_for_all(s, &d->step.records)))
		flush(s);
	list_push(&s->pending, &d->link);
	while (d->n_batched < d->step.records.n)
		shard_batch_add(s, &d->step, &d->step.records.v[d->n_batched++]);
	shard_batch_note_scope(s, d->scope);
	if (transactional)
		flush(s);
	else
		flush_later(s);
}

/* Uses as many batches as it takes. */
static void put_divided(struct coordinator_shard *s, struct decision *d)
{
	int64_t max = shard_batch_max(s);

	list_push(&s->pending, &d->link);
	while (d->n_batched < d->step.records.n) {
		if (!shard_batch_has_room(s, shard_batch_size_of(&d->step.records.v[d->n_batched]), max)) {
			flush(s);
			/*
			 * Move it behind decisions that have written as a consequence of the flush:
			 * they must be in the order of their records.
			 */
			list_remove(&d->link);
			if (d->error) {
				done(s, d, d->error);
				return;
			}
			list_push(&s->pending, &d->link);
		}
		shard_batch_add(s, &d->step, &d->step.records.v[d->n_batched++]);
	}
	shard_batch_note_scope(s, d->scope);
	flush_later(s);
}

/* Ends a step: takes over d. */
static void decision_end(struct coordinator_shard *s, struct decision *d)
{
	tell(&d->step.answered_at_once, 0);
	start_jobs(s, d);
	start_calls(s, d);
	if (d->step.failed) {
		done(s, d, ERR_UNKNOWN_SERVER_ERROR);
	} else if (s->phase != SHARD_ACTIVE) {
		done(s, d, ERR_NOT_COORDINATOR);
	} else if (d->step.records.n > 0) {
		if (d->step.divisible)
			put_divided(s, d);
		else
			put_whole(s, d);
	} else if (list_empty(&d->step.answered) && list_empty(&d->step.written)) {
		decision_free(s, d);
	} else if (s->builder.count > 0) {
		list_push(&s->pending, &d->link);
	} else {
		wait_for(s, d, s->end);
	}
}

/* ---- triggers of steps ---- */

/* 0 for a null scope. */
static uint64_t scope_hash(struct str scope)
{
	return str_is_null(scope) ? 0 : hash_bytes(0, scope.p, (size_t)scope.len) | 1;
}

/* Applies what was decided in this scope before more is decided. */
static void settle(struct coordinator_shard *s, uint64_t scope)
{
	bool met = scope == 0 || s->all_scopes;

	for (int i = 0; i < s->n_scopes && !met; i++)
		met = s->scopes[i] == scope;
	if (met)
		flush(s);
}

void shard_command(struct coordinator_shard *s, struct coordinator_command *c)
{
	uint64_t scope = scope_hash(c->c.scope);
	struct decision *d;

	settle(s, scope);
	d = decision_begin(s);
	d->scope = scope;
	s->type->type->command(s->state, &c->c, &d->step);
	decision_end(s, d);
	arm_timer(s);
}

void shard_end_transaction(struct coordinator_shard *s, struct coordinator_command *c)
{
	const struct transaction_marker *m = c->marker;
	struct shard_position at = {.producer_id = m->producer_id, .producer_epoch = m->producer_epoch};
	struct decision *d;
	int err;

	flush(s);
	d = decision_begin(s);
	shard_answer(&d->step, &c->c);
	at.timestamp_ms = d->step.wall_ms;
	at.arena = &s->scratch;
	err = shard_batch_write_marker(s, m, &at.offset);
	if (err) {
		done(s, d, err);
		return;
	}
	s->end = at.offset + 1;
	check(s->type->type->end_transaction(s->state, m->producer_id, m->producer_epoch, m->commit, &at) == 0);
	arena_reset(&s->scratch);
	wait_for(s, d, s->end);
	advance(s);
	watch(s);
	arm_timer(s);
}

void shard_image(struct coordinator_shard *s, const struct image *old)
{
	struct decision *d;

	if (s->phase != SHARD_ACTIVE || !s->type->type->image)
		return;
	flush(s);
	d = decision_begin(s);
	s->type->type->image(s->state, old, &d->step);
	decision_end(s, d);
	arm_timer(s);
}

static void tick(struct coordinator_shard *s)
{
	struct decision *d;

	flush(s);
	d = decision_begin(s);
	s->type->type->tick(s->state, &d->step);
	decision_end(s, d);
}

static void arm_timer(struct coordinator_shard *s)
{
	int64_t due;

	if (s->phase != SHARD_ACTIVE)
		return;
	due = s->type->type->next_ms(s->state);
	if (due == s->timer_ms && timer_is_running(&s->timer))
		return;
	s->timer_ms = due;
	if (due == INT64_MAX)
		timer_stop(&s->timer);
	else
		timer_start(&s->timer, due - env_mono_ms(s->core->loop->env));
}

static void timer_is_due(struct timer *t)
{
	struct coordinator_shard *s = container_of(t, struct coordinator_shard, timer);

	for (int i = 0; i < TICKS_AT_ONCE && s->phase == SHARD_ACTIVE; i++) {
		if (s->type->type->next_ms(s->state) > env_mono_ms(s->core->loop->env))
			break;
		tick(s);
	}
	arm_timer(s);
}

/* ---- creation and end ---- */

struct coordinator_shard *shard_open(struct core *core, const struct coordinator_type *type, struct partition *p,
				     struct uuid topic_id, int32_t epoch)
{
	struct coordinator_shard *s = xcalloc(1, sizeof(*s));

	core_work_begins(core);
	s->core = core;
	s->type = type;
	s->partition = p;
	s->id = p->id;
	s->topic_id = topic_id;
	s->epoch = epoch;
	list_init(&s->pending);
	list_init(&s->waiting);
	list_init(&s->waiter.link);
	/*
	 * No limit: what has been written must be applied, and max.message.bytes limits what a
	 * record can take.
	 */
	arena_init(&s->scratch, SIZE_MAX);
	waking_init(&s->waking, core->loop, woken);
	timer_init(&s->linger, core->loop, has_lingered);
	timer_init(&s->deadline, core->loop, waited_too_long);
	timer_init(&s->timer, core->loop, timer_is_due);
	s->flush_post.run = flush_posted;
	s->state = type->type->new (&(struct shard_options){
		.config = core->node->config,
		.node_id = core->node->id,
		.partition = s->id,
		.seed = env_random_u64(core->loop->env),
	});
	shard_load(s);
	return s;
}

void shard_loaded(struct coordinator_shard *s, int err)
{
	struct decision *d;

	if (s->phase == SHARD_CLOSED) {
		shard_free_if_idle(s);
		return;
	}
	s->phase = err ? SHARD_FAILED : SHARD_ACTIVE;
	if (err)
		return;
	s->type->type->committed(s->state, s->committed);
	d = decision_begin(s);
	s->type->type->loaded(s->state, &d->step);
	decision_end(s, d);
	advance(s);
	watch(s);
	arm_timer(s);
}

static void unload(struct coordinator_shard *s)
{
	struct list decisions;
	struct decision *d;

	list_init(&decisions);
	list_splice(&decisions, &s->waiting);
	list_splice(&decisions, &s->pending);
	shard_batch_empty(s);
	all_done(s, &decisions, ERR_NOT_COORDINATOR);
	d = decision_begin(s);
	s->type->type->unload(s->state, &d->step, ERR_NOT_COORDINATOR);
	decision_end(s, d);
}

void shard_close(struct coordinator_shard *s)
{
	bool active = s->phase == SHARD_ACTIVE;

	s->phase = SHARD_CLOSED;
	timer_stop(&s->linger);
	timer_stop(&s->deadline);
	timer_stop(&s->timer);
	partition_unwait(&s->waiter);
	if (timer_is_running(&s->load.timer))
		shard_load_drop(s);
	if (active)
		unload(s);
	shard_free_if_idle(s);
}

void shard_free_if_idle(struct coordinator_shard *s)
{
	struct core *core = s->core;

	if (s->phase != SHARD_CLOSED || s->n_jobs > 0 || s->flush_posted || !waking_settle(&s->waking))
		return;
	s->type->type->free(s->state);
	buf_fini(&s->batch);
	buf_fini(&s->packed);
	arena_fini(&s->scratch);
	partition_unref(&s->partition);
	xfree(s);
	core_work_ends(core);
}
