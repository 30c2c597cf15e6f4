/*
 * quorum: requests go in, decisions go to the log, effects of raft are done, answers go out.
 *
 * Everything here runs on the quorum's loop but quorum_submit, quorum_broker_epoch and the like, which post to it.
 */
#include "broker/quorum.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/quorum_private.h"
#include "log/dir.h"
#include "metadata/version.h"
#include "wire/batch.h"

#define EFFECTS_ARENA (16 << 20)
#define FLUSH_RETRY_MS 50
#define BEGIN_RETRY_MS 50 /* at first; then twice as long, up to: */
#define BEGIN_RETRY_MAX_MS 1600
/* A clean stop leaves a snapshot rather than more than this to be replayed. */
#define REPLAY_AFTER_STOP (1 << 20)
/* The records of one decision, as structs. */
#define RECORDS_ARENA (512 << 20)

/* ---- publishing ---- */

int64_t quorum_committed_offset(const struct quorum *q)
{
	return q->image ? image_offset(q->image) : -1;
}

static void push_image(struct quorum *q, const struct image *image, int64_t end)
{
	struct pending_image *p = xmalloc(sizeof(*p));

	p->end = end;
	p->image = image_ref(image);
	list_push(&q->pending, &p->link);
}

static void tell_subscribers(struct quorum *q, const struct image *old, const struct image *now)
{
	if (old && image_shares_all(old, now))
		return;
	list_each_safe(it, &q->subscribers)
	{
		struct quorum_subscriber *s = container_of(it, struct quorum_subscriber, link);

		s->image(s, old, now);
	}
}

static void maybe_started(struct quorum *q)
{
	if (q->started || !q->image || image_metadata_version(q->image) == 0)
		return;
	q->started = true;
	quorum_clean(q); /* of what earlier runs left behind */
	q->options.started(q->options.arg, 0);
}

static void publish(struct quorum *q, int64_t high_watermark)
{
	const struct image *newest = NULL;
	const struct image *old;

	list_each_safe(it, &q->pending)
	{
		struct pending_image *p = container_of(it, struct pending_image, link);

		if (p->end > high_watermark)
			break;
		image_unref(&newest);
		newest = p->image;
		list_remove(&p->link);
		xfree(p);
	}
	if (!newest)
		return;
	old = q->image;
	q->image = newest;
	tell_subscribers(q, old, newest);
	image_unref(&old);
}

/* ---- answers ---- */

static void run_done(struct post *post)
{
	struct quorum_request *r = container_of(post, struct quorum_request, post);

	r->done(r);
}

static void give(struct quorum_request *r)
{
	r->post.run = run_done;
	loop_post(r->loop, &r->post);
}

/* Nobody hears of what quorum-state does not say yet: after a power cut this node might vote twice, or begin an epoch a second time. */
void quorum_complete(struct quorum_request *r)
{
	if (r->quorum->state_write)
		list_push(&r->quorum->held, &r->link);
	else
		give(r);
}

void quorum_complete_with(struct quorum_request *r, int err)
{
	r->err = err_to_kafka(err);
	quorum_complete(r);
}

static void give_held(struct quorum *q, int err)
{
	list_each_safe(it, &q->held)
	{
		struct quorum_request *r = container_of(it, struct quorum_request, link);

		list_remove(&r->link);
		if (err != 0)
			r->err = err_to_kafka(err);
		give(r);
	}
}

static void complete_committed(struct quorum *q, int64_t high_watermark)
{
	list_each_safe(it, &q->waiting)
	{
		struct quorum_request *r = container_of(it, struct quorum_request, link);

		if (r->wait_offset > high_watermark)
			break;
		list_remove(&r->link);
		quorum_complete(r);
	}
}

static void fail_all(struct quorum *q, int err)
{
	list_each_safe(it, &q->waiting)
	{
		struct quorum_request *r = container_of(it, struct quorum_request, link);

		list_remove(&r->link);
		quorum_complete_with(r, err);
	}
	if (q->changing)
		quorum_complete_with(q->changing, err);
	q->changing = NULL;
}

void quorum_fail(struct quorum *q, int err)
{
	if (q->failed)
		return;
	q->failed = true;
	diag_error(q->env->diag, "metadata log failed", "dir=%s error=%s", q->path, err_name(err));
	fail_all(q, ERR_NOT_CONTROLLER);
	quorum_drop_fetches(q);
	if (controller_is_active(q->controller))
		controller_resign(q->controller);
	q->options.failed(q->options.arg, err);
}

/* ---- deciding ---- */

static uint64_t chance(void *arg)
{
	return env_random_u64(arg);
}

static struct controller_context context(struct quorum *q, struct quorum_request *r)
{
	return (struct controller_context){
		.now_ms = env_mono_ms(q->env),
		.wall_ms = env_wall_ms(q->env),
		.principal = r ? r->principal : STR("User:ANONYMOUS"),
		.version = r ? r->version : 0,
		.own_node = r && r->own_node,
		.random = chance,
		.random_arg = q->env,
		.arena = r ? r->arena : &q->records_arena,
		.why = r ? &r->message : NULL,
	};
}

#define COMMAND(name)                                                                                                  \
	static int run_##name(struct controller *c, const struct controller_context *ctx, const void *in, void *out,   \
			      struct record_list *records)                                                             \
	{                                                                                                              \
		return controller_##name(c, ctx, in, out, records);                                                    \
	}

COMMAND(create_topics)
COMMAND(delete_topics)
COMMAND(create_partitions)
COMMAND(alter_configs)
COMMAND(incremental_alter_configs)
COMMAND(update_features)
COMMAND(broker_registration)
COMMAND(broker_heartbeat)
COMMAND(unregister_broker)
COMMAND(unregister_controller)
COMMAND(controller_registration)
COMMAND(allocate_producer_ids)
COMMAND(alter_partition)
COMMAND(elect_leaders)
COMMAND(assign_replicas_to_dirs)
COMMAND(alter_partition_reassignments)
COMMAND(list_partition_reassignments)

static const struct command {
	int16_t api;
	int (*run)(struct controller *, const struct controller_context *, const void *, void *, struct record_list *);
} COMMANDS[] = {
	{19, run_create_topics},
	{20, run_delete_topics},
	{33, run_alter_configs},
	{37, run_create_partitions},
	{43, run_elect_leaders},
	{44, run_incremental_alter_configs},
	{56, run_alter_partition},
	{57, run_update_features},
	{62, run_broker_registration},
	{63, run_broker_heartbeat},
	{64, run_unregister_broker},
	{67, run_allocate_producer_ids},
	{70, run_controller_registration},
	{73, run_assign_replicas_to_dirs},
	{94, run_unregister_controller},
	{45, run_alter_partition_reassignments},
	{46, run_list_partition_reassignments},
};

static const struct command *command_find(int16_t api)
{
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
		if (COMMANDS[i].api == api)
			return &COMMANDS[i];
	}
	return NULL;
}

/* ---- what raft itself answers ---- */

static void describe_quorum(struct quorum *q, struct quorum_request *r)
{
	struct raft_describe how = {env_mono_ms(q->env), env_wall_ms(q->env), r->version, r->arena};

	raft_describe_quorum(q->raft, &how, r->request, r->response);
	quorum_complete(r);
}

/* A change of the voters waits for what comes of it (end_change), unless it is refused at once. */
static void ask_raft(struct quorum *q, struct quorum_request *r)
{
	struct raft_request ask = quorum_question(q, r);

	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &ask});
	if (ask.outcome == RAFT_ANSWERED) {
		quorum_complete(r);
		return;
	}
	check(!q->changing);
	q->changing = r;
}

static void end_change(struct quorum *q, int err, struct str message)
{
	struct quorum_request *r = q->changing;

	q->changing = NULL;
	if (!r)
		return;
	r->message = arena_str(r->arena, message);
	quorum_complete_with(r, err);
}

/* A quorum of one has nobody whom it could reach. */
static void not_sent(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, send_timer);

	quorum_step(q, (struct raft_event){
			       .type = RAFT_EVENT_ANSWER, .correlation = q->not_sent, .err = ERR_BROKER_NOT_AVAILABLE});
}

static const struct query {
	int16_t api;
	void (*run)(struct quorum *q, struct quorum_request *r);
} QUERIES[] = {{1, quorum_fetch}, {55, describe_quorum}, {59, quorum_fetch_snapshot}, {80, ask_raft}, {81, ask_raft}};

static const struct query *query_find(int16_t api)
{
	for (size_t i = 0; i < sizeof(QUERIES) / sizeof(QUERIES[0]); i++) {
		if (QUERIES[i].api == api)
			return &QUERIES[i];
	}
	return NULL;
}

bool quorum_serves(int16_t api)
{
	return query_find(api) || command_find(api);
}

/* ---- appending ---- */

/* As many records of the list from `from` on as one batch takes, as a batch; how many. */
static int build_batch(struct quorum *q, const struct record_list *records, int from, int64_t now_ms, struct buf *out)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	struct buf value = {0};
	int n = 0;

	options.base_offset = raft_log_end(q->raft);
	options.leader_epoch = raft_epoch(q->raft);
	out->len = 0;
	batch_begin(&b, out, &options);
	for (int i = from; i < records->n; i++) {
		value.len = 0;
		metadata_record_encode(&records->v[i], &value);
		if (n > 0 && !records->atomic && out->len + value.len > METADATA_BATCH_MAX / 2)
			break;
		batch_add(&b, now_ms, BYTES_NULL, (struct bytes){value.p, (int32_t)value.len});
		n++;
	}
	batch_end(&b);
	buf_fini(&value);
	return n;
}

/* One batch into the log, then to raft and to the tip. */
static int append_batch(struct quorum *q, const struct record_list *all, int from, int n, int64_t now_ms,
			const struct buf *batch)
{
	struct record_list part = {.v = all->v + from, .n = n};
	struct log_appended appended;
	bool idle = all->n == 1 && all->v[0].type == RECORD_NO_OP;
	const char *why = "";
	int err = log_append_as_follower(q->log, batch->p, batch->len, raft_epoch(q->raft), now_ms, &appended);

	if (err != 0)
		return err;
	err = controller_apply(q->controller, &part, appended.last_offset, raft_epoch(q->raft), now_ms, &why);
	if (err != 0)
		diag_error(q->env->diag, "decided records contradict the metadata", "reason=\"%s\"", why);
	check(err == 0);
	q->last_append_ms = env_mono_ms(q->env);
	if (!idle)
		q->state_end = appended.last_offset + 1;
	quorum_step(q,
		    (struct raft_event){
			    .type = RAFT_EVENT_APPENDED, .n_records = n, .bytes = (int64_t)batch->len, .idle = idle});
	push_image(q, controller_image(q->controller), appended.last_offset + 1);
	return 0;
}

/* 0, or why nothing more of the list was taken. */
static int append_records(struct quorum *q, const struct record_list *records)
{
	int64_t now_ms = env_wall_ms(q->env);
	struct buf batch = {0};
	int err = 0;

	for (int from = 0; err == 0 && from < records->n;) {
		int n = build_batch(q, records, from, now_ms, &batch);

		err = batch.len > METADATA_BATCH_MAX ? ERR_POLICY_VIOLATION
						     : append_batch(q, records, from, n, now_ms, &batch);
		from += n;
	}
	buf_fini(&batch);
	if (err != 0 && log_dir_error(q->options.dir) != 0)
		quorum_fail(q, log_dir_error(q->options.dir));
	return err;
}

/* A decision rests on all state before it; no-op records, which may be flushed seconds later, are none. */
static void wait_or_complete(struct quorum *q, struct quorum_request *r)
{
	r->wait_offset = q->state_end;
	if (r->wait_offset <= raft_high_watermark(q->raft))
		quorum_complete(r);
	else
		list_push(&q->waiting, &r->link);
}

static void schedule_tick(struct quorum *q, int64_t next_ms)
{
	if (next_ms == INT64_MAX)
		timer_stop(&q->tick_timer);
	else
		timer_start(&q->tick_timer, next_ms - env_mono_ms(q->env));
}

void quorum_run(struct quorum *q, struct quorum_request *r)
{
	const struct command *command = command_find(r->api);
	const struct query *query = query_find(r->api);
	struct controller_context ctx = context(q, r);
	struct record_list records;
	int err;

	r->err = 0;
	r->message = STR_NULL;
	if (q->stopping || !quorum_leads(q)) {
		quorum_complete_with(r, ERR_NOT_CONTROLLER);
		return;
	}
	if (r->deadline_ms > 0 && ctx.now_ms > r->deadline_ms) {
		quorum_complete_with(r, ERR_REQUEST_TIMED_OUT);
		return;
	}
	if (query) {
		query->run(q, r);
		return;
	}
	check(command);
	record_list_init(&records, &q->records_arena);
	err = command->run(q->controller, &ctx, r->request, r->response, &records);
	if (err == 0 && (record_list_failed(&records) || r->arena->failed))
		err = -ENOMEM;
	if (err == 0)
		err = append_records(q, &records);
	r->err = err_to_kafka(err);
	arena_reset(&q->records_arena);
	if (!q->failed)
		wait_or_complete(q, r);
	else
		quorum_complete_with(r, ERR_NOT_CONTROLLER);
	if (!timer_is_running(&q->tick_timer))
		schedule_tick(q, ctx.now_ms + 1000);
}

static void submitted(struct post *post)
{
	struct quorum_request *r = container_of(post, struct quorum_request, post);

	quorum_run(r->quorum, r);
}

void quorum_submit(struct quorum *q, struct quorum_request *r)
{
	list_init(&r->link);
	r->quorum = q;
	r->post.run = submitted;
	loop_post(q->loop, &r->post);
}

/* ---- effects ---- */

/* Raft hears of a flush when quorum-state is written too: what is committed rests on both. */
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
	give_held(q, err == 0 ? 0 : ERR_NOT_CONTROLLER);
	tell_flushed(q);
}

static void flush_now(struct quorum *q);

static void flush_again(struct timer *t)
{
	flush_now(container_of(t, struct quorum, flush_timer));
}

/* No sync has failed: a file could not be opened, or the leader epochs found no room. */
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
	if (!q->failed && log_dir_error(q->options.dir) != 0) /* somebody else's write has found it out */
		quorum_fail(q, log_dir_error(q->options.dir));
	if (!q->failed && log_flush_begin(q->log, LOG_FLUSH_ALL, &q->flush)) {
		q->flush.done = flushed;
		log_flusher_add(q->flusher, &q->flush);
	} else {
		flush_over(q);
	}
}

/* All that was appended in this turn: a start has its epoch and its registrations in one flush. */
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

static void commit(struct quorum *q, int64_t offset)
{
	log_set_high_watermark(q->log, offset);
	publish(q, offset);
	complete_committed(q, offset);
	maybe_started(q);
	if (q->lifecycle)
		lifecycle_committed(q->lifecycle);
	if (q->started && !q->stopping && !q->cutting &&
	    env_buggify(q->env, "cut a snapshot")) /* one of a few records */
		quorum_cut_snapshot(q);
}

static int append_control(struct quorum *q, const struct raft_effect *e)
{
	struct log_appended appended;
	int64_t now_ms = env_wall_ms(q->env);
	int err;

	log_begin_epoch(q->log, e->epoch);
	err = log_append_as_follower(q->log, e->batch.p, (size_t)e->batch.len, e->epoch, now_ms, &appended);
	if (err == 0)
		replay_skip(&q->replay, appended.last_offset, e->epoch, now_ms);
	return err;
}

static void take_over(struct quorum *q)
{
	controller_lead(q->controller, &q->replay, env_mono_ms(q->env));
	replay_fini(&q->replay); /* from here on the controller has it */
	q->state_end = raft_log_end(q->raft);
	push_image(q, controller_image(q->controller), q->state_end);
}

static int lead(struct quorum *q)
{
	struct controller_context ctx = context(q, NULL);
	struct record_list records;
	int err;

	if (!controller_is_active(q->controller))
		take_over(q);
	record_list_init(&records, &q->records_arena);
	err = controller_activate(q->controller, &ctx, &q->bootstrap, &records);
	if (err == 0 && records.n > 0)
		err = append_records(q, &records);
	arena_reset(&q->records_arena);
	if (err != 0)
		return err;
	lifecycle_register_controller(q);
	schedule_tick(q, ctx.now_ms + 1000);
	if (q->idle_ms > 0)
		timer_start(&q->idle_timer, q->idle_ms);
	return 0;
}

/* An event that is stepped from inside an effect may have asked for an earlier one. */
static void wake_at(struct quorum *q, int64_t at_ms)
{
	if (timer_is_running(&q->raft_timer) && q->wake_ms <= at_ms)
		return;
	q->wake_ms = at_ms;
	timer_start_at(&q->raft_timer, at_ms * 1000000);
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
		diag_debug(q->env->diag, "this node leads the metadata quorum", "epoch=%d offset=%lld", e->epoch,
			   (long long)e->offset);
		return lead(q);
	case RAFT_EFFECT_RESIGNED:
		fail_all(q, ERR_NOT_CONTROLLER);
		controller_resign(q->controller);
		return 0;
	case RAFT_EFFECT_CUT_SNAPSHOT:
		quorum_cut_snapshot(q);
		return 0;
	case RAFT_EFFECT_CLEAN:
		quorum_clean(q);
		return 0;
	case RAFT_EFFECT_WAKE:
		wake_at(q, e->offset);
		return 0;
	case RAFT_EFFECT_FETCHES:
		quorum_wake_fetches(q, e->offset);
		return 0;
	case RAFT_EFFECT_CHANGE_DONE:
		end_change(q, e->err, e->message);
		return 0;
	case RAFT_EFFECT_SEND:
		q->not_sent = e->correlation;
		timer_start(&q->send_timer, 0);
		return 0;
	case RAFT_EFFECT_WARN:
		diag_warn(q->env->diag, "metadata quorum", "what=\"%.*s\"", STR_ARG(e->message));
		return 0;
	case RAFT_EFFECT_STOPPED:
		return 0;
	case RAFT_EFFECT_APPEND_FETCHED: /* of others, who do not exist in a quorum of one */
	case RAFT_EFFECT_TRUNCATE:
	case RAFT_EFFECT_FOLLOWER:
	case RAFT_EFFECT_SNAPSHOT_CHUNK:
	case RAFT_EFFECT_LOAD_SNAPSHOT:
		check(false);
	}
	return 0;
}

static void perform_all(struct quorum *q, const struct raft_effects *effects)
{
	for (int i = 0; i < effects->n && !q->failed; i++) {
		int err = perform(q, &effects->v[i]);

		if (err != 0)
			quorum_fail(q, err);
	}
}

void quorum_step(struct quorum *q, struct raft_event event)
{
	struct raft_effects effects;
	struct arena arena;

	if (q->failed)
		return;
	event.now_ms = env_mono_ms(q->env);
	event.wall_ms = env_wall_ms(q->env);
	event.chance = env_random_u64(q->env);
	arena_init(&arena, EFFECTS_ARENA);
	effects = (struct raft_effects){.arena = &arena};
	raft_step(q->raft, &event, &effects);
	perform_all(q, &effects);
	arena_fini(&arena);
	quorum_note_leader(q);
}

/* ---- the first step: an epoch begins ---- */

/* No room, or no descriptor, for the records that an epoch begins with: nothing can be decided before they are in the log. */
static bool is_worth_waiting(const struct quorum *q, int err)
{
	return (err_passes(err) || err == ERR_KAFKA_STORAGE_ERROR) && log_dir_error(q->options.dir) == 0 &&
	       log_standing(q->log) == LOG_WHOLE;
}

static void end_beginning(struct quorum *q)
{
	timer_stop(&q->begin_timer);
	arena_fini(&q->begin_arena);
	q->beginning = false;
}

/* The effects that are left, in their order: one that has to wait is tried again, and those behind it wait too. */
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
	end_beginning(q);
	quorum_note_leader(q);
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

/* ---- time ---- */

static void raft_due(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, raft_timer);

	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_TICK});
}

static void tick_due(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, tick_timer);
	struct controller_context ctx = context(q, NULL);
	struct record_list records;
	int64_t next_ms = INT64_MAX;
	int err;

	if (q->failed || !controller_is_active(q->controller))
		return;
	record_list_init(&records, &q->records_arena);
	err = controller_tick(q->controller, &ctx, &records, &next_ms);
	if (err == 0 && records.n > 0)
		append_records(q, &records);
	arena_reset(&q->records_arena);
	schedule_tick(q, next_ms);
}

/* An idle log gets a record now and then, so that those who follow it see that the leader lives (KIP-835). */
static void idle_due(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, idle_timer);
	int64_t idle = env_mono_ms(q->env) - q->last_append_ms;
	struct record_list records;

	if (q->failed || !controller_is_active(q->controller))
		return;
	if (idle < q->idle_ms) {
		timer_start(&q->idle_timer, q->idle_ms - idle);
		return;
	}
	record_list_init(&records, &q->records_arena);
	if (record_list_add(&records, RECORD_NO_OP, 0))
		append_records(q, &records);
	arena_reset(&q->records_arena);
	timer_start(&q->idle_timer, q->idle_ms);
}

/* ---- subscribers ---- */

void quorum_subscribe(struct quorum *q, struct quorum_subscriber *s)
{
	list_push(&q->subscribers, &s->link);
	if (s->leader && q->leader.id >= 0)
		s->leader(s);
	if (q->image)
		s->image(s, NULL, q->image);
}

void quorum_unsubscribe(struct quorum *q, struct quorum_subscriber *s)
{
	(void)q;
	if (s->link.next)
		list_remove(&s->link);
}

const struct image *quorum_image(struct quorum *q)
{
	return q->image ? image_ref(q->image) : NULL;
}

/* ---- life ---- */

int quorum_start(const struct quorum_options *options, struct quorum **out)
{
	struct quorum *q = xcalloc(1, sizeof(*q));
	struct controller_config config = {
		.node_id = options->node_id, .cluster_id = options->cluster_id, .config = options->config};
	int err;

	q->options = *options;
	q->env = options->env;
	q->loop = options->loop;
	q->cluster_id = str_dup(options->cluster_id);
	q->path = xasprintf("%s/" METADATA_TOPIC "-0", log_dir_path(options->dir));
	list_init(&q->pending);
	list_init(&q->waiting);
	list_init(&q->held);
	list_init(&q->parked);
	list_init(&q->subscribers);
	quorum_forget_leader(q);
	arena_init(&q->records_arena, RECORDS_ARENA);
	arena_init(&q->bootstrap_arena, RECORDS_ARENA);
	record_list_init(&q->bootstrap, &q->bootstrap_arena);
	timer_init(&q->raft_timer, q->loop, raft_due);
	timer_init(&q->tick_timer, q->loop, tick_due);
	timer_init(&q->idle_timer, q->loop, idle_due);
	timer_init(&q->flush_timer, q->loop, flush_again);
	timer_init(&q->begin_timer, q->loop, begin_on);
	timer_init(&q->send_timer, q->loop, not_sent);
	q->idle_ms = config_int(options->config, CONFIG_METADATA_MAX_IDLE_INTERVAL_MS);
	q->last_append_ms = env_mono_ms(q->env);
	replay_init(&q->replay, image_new(options->cluster_id));
	q->flusher = log_flusher_new(q->loop);
	err = quorum_load(q);
	if (err != 0) {
		quorum_free(q);
		return err;
	}
	config.kraft_version = raft_kraft_version(q->raft);
	q->controller = controller_new(&config);
	*out = q;
	return 0;
}

void quorum_begin(struct quorum *q)
{
	q->begin_post.run = begin;
	loop_post(q->loop, &q->begin_post);
}

static void close_job(struct work *w)
{
	struct quorum *q = container_of(w, struct quorum, close_work);

	if (!q->failed)
		log_close(q->log);
}

static void close_done(struct work *w)
{
	struct quorum *q = container_of(w, struct quorum, close_work);

	q->closed = true;
	q->stopped(q->stopped_arg);
}

/* What is in flight comes to its end first: a flush, a snapshot, the removal of old files. */
static void try_close(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, raft_timer);

	if (q->flushing || q->state_write || q->cutting || q->n_cleaning > 0) {
		timer_start(&q->raft_timer, 1);
		return;
	}
	q->close_work.job = close_job;
	q->close_work.done = close_done;
	env_work(q->loop, &q->close_work);
}

bool quorum_leads(const struct quorum *q)
{
	return !q->failed && !q->beginning && controller_is_active(q->controller);
}

void quorum_stop(struct quorum *q, void (*done)(void *arg), void *arg)
{
	check(!q->stopping);
	q->stopped = done;
	q->stopped_arg = arg;
	timer_stop(&q->tick_timer);
	timer_stop(&q->idle_timer);
	timer_stop(&q->begin_timer);
	timer_stop(&q->send_timer);
	if (timer_is_running(&q->flush_timer)) {
		timer_stop(&q->flush_timer);
		q->flushing = false;
	}
	quorum_drop_state(q);
	lifecycle_free(q->lifecycle);
	q->lifecycle = NULL;
	if (!q->failed && !q->cutting && q->image && raft_bytes_since_snapshot(q->raft) > REPLAY_AFTER_STOP)
		quorum_cut_snapshot(q);
	if (!q->failed && controller_is_active(q->controller))
		quorum_step(q, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN});
	fail_all(q, ERR_NOT_CONTROLLER);
	quorum_drop_fetches(q);
	if (!q->state_write)
		give_held(q, ERR_NOT_CONTROLLER);
	q->stopping = true;
	timer_stop(&q->raft_timer);
	timer_init(&q->raft_timer, q->loop, try_close);
	timer_start(&q->raft_timer, 0);
}

void quorum_free(struct quorum *q)
{
	timer_stop(&q->raft_timer);
	timer_stop(&q->tick_timer);
	timer_stop(&q->idle_timer);
	timer_stop(&q->flush_timer);
	if (q->beginning)
		end_beginning(q);
	timer_stop(&q->send_timer);
	list_each_safe(it, &q->pending)
	{
		struct pending_image *p = container_of(it, struct pending_image, link);

		image_unref(&p->image);
		list_remove(&p->link);
		xfree(p);
	}
	if (q->replay.image)
		replay_fini(&q->replay);
	image_unref(&q->image);
	quorum_forget_leader(q);
	lifecycle_free(q->lifecycle);
	controller_free(q->controller);
	raft_free(q->raft);
	log_flush_fini(&q->flush);
	log_flusher_free(q->flusher);
	log_free(q->log);
	arena_fini(&q->records_arena);
	arena_fini(&q->bootstrap_arena);
	xfree(q->snapshots);
	xfree(q->cluster_id);
	xfree(q->path);
	xfree(q);
}
