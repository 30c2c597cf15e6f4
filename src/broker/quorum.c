/*
 * quorum: the start from what is on disk, the end, and failures in between.
 */
#include "broker/quorum.h"

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/controller_channel.h"
#include "broker/news.h"
#include "broker/quorum_private.h"
#include "log/dir.h"

/* A clean stop leaves a snapshot if more than this would have to be replayed. */
#define REPLAY_AFTER_STOP (1 << 20)
/* How long a stopping node waits for the others to hear that it no longer leads. */
#define RESIGN_MS 1000
/* Memory limit for the records of one decision, as structs. */
#define RECORDS_ARENA (512 << 20)

bool quorum_leads(const struct quorum *q)
{
	return !q->failed && !q->stopping && !q->beginning && controller_is_active(q->controller);
}

bool quorum_leads_alone(const struct quorum *q)
{
	const struct image_node *broker;
	struct image_iter it;

	if (!quorum_leads(q))
		return false;
	image_brokers(controller_tip(q->controller), &it);
	while ((broker = image_nodes_next(&it)))
		if (broker->id != q->options.node_id)
			return false;
	return true;
}

void quorum_fail(struct quorum *q, int err)
{
	if (q->failed)
		return;
	q->failed = true;
	diag_error(q->env->diag, "metadata log failed", "dir=%s error=%s", q->path, err_name(err));
	controller_channel_stop(q->channel);
	quorum_fail_requests(q, ERR_NOT_CONTROLLER);
	quorum_drop_fetches(q);
	if (controller_is_active(q->controller))
		controller_resign(q->controller);
	q->options.failed(q->options.arg, err);
}

static void close_job(struct work *w)
{
	struct quorum *q = container_of(w, struct quorum, close_work);

	if (!q->failed)
		q->close_error = log_close(q->log);
}

static void close_done(struct work *w)
{
	struct quorum *q = container_of(w, struct quorum, close_work);

	q->closed = true;
	q->stopped(q->stopped_arg, q->close_error);
}

static bool is_busy(const struct quorum *q)
{
	return q->flushing || q->state_write || q->cutting || q->loading_snapshot || q->n_cleaning > 0 ||
	       q->channels.n_resolving > 0 || q->pulse_channels.n_resolving > 0 || q->pulse_secure.n_resolving > 0 ||
	       !controller_channel_is_settled(q->channel);
}

/*
 * Waits a while for the voters to hear that this node no longer leads, and then for the end of what
 * is in flight: a flush, a snapshot, the removal of old files, the look-up of a name.
 */
static void try_close(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, close_timer);
	bool waits = q->begun && !q->failed && !q->resigned && env_mono_ms(q->env) < q->resign_due_ms;

	if (!waits && !q->closing) {
		q->closing = true;
		timer_stop(&q->raft_timer);
		timer_stop(&q->replay_timer);
		quorum_send_stop(q);
		quorum_pulse_stop(q);
	}
	if (waits || is_busy(q)) {
		timer_start(t, 1);
		return;
	}
	q->close_work.job = close_job;
	q->close_work.done = close_done;
	env_work(q->loop, &q->close_work);
}

static void handed_over(struct timer *t)
{
	struct quorum *q = container_of(t, struct quorum, hand_over_timer);

	q->handed_over(q->handed_over_arg);
}

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
	timer_init(&q->close_timer, q->loop, try_close);
	timer_init(&q->hand_over_timer, q->loop, handed_over);
	q->news = news_new(q->env, q->loop);
	quorum_effects_init(q);
	quorum_decide_init(q);
	quorum_send_init(q);
	quorum_pulse_init(q);
	quorum_follow_init(q);
	q->flusher = log_flusher_new(q->loop);
	err = quorum_load(q);
	if (err != 0) {
		quorum_free(q);
		return err;
	}
	q->channel = controller_channel_new(&(struct controller_channel_options){
		.loop = q->loop,
		.node_id = options->node_id,
		.outgoing = options->outgoing,
		.answer_ms = config_int(options->config, CONFIG_CONTROLLER_SOCKET_TIMEOUT_MS),
	});
	if (config_is_controller(options->config))
		q->registration = controller_registration_new(q);
	q->controller = controller_new(&config);
	*out = q;
	return 0;
}

bool quorum_hand_over(struct quorum *q, void (*done)(void *arg), void *arg)
{
	if (!q->begun || q->failed || raft_role(q->raft) != RAFT_LEADER || raft_voters(q->raft)->n < 2)
		return false;
	q->handed_over = done;
	q->handed_over_arg = arg;
	timer_start(&q->hand_over_timer, RESIGN_MS);
	q->resign_due_ms = env_mono_ms(q->env) + RESIGN_MS;
	quorum_step(q, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN});
	return true;
}

void quorum_has_resigned(struct quorum *q)
{
	q->resigned = true;
	if (timer_is_running(&q->hand_over_timer))
		timer_start(&q->hand_over_timer, 0);
}

void quorum_stop(struct quorum *q, void (*done)(void *arg, int err), void *arg)
{
	check(!q->stopping);
	q->stopped = done;
	q->stopped_arg = arg;
	timer_stop(&q->tick_timer);
	timer_stop(&q->idle_timer);
	timer_stop(&q->begin_timer);
	timer_stop(&q->hand_over_timer);
	news_stop(q->news);
	if (timer_is_running(&q->flush_timer)) {
		timer_stop(&q->flush_timer);
		q->flushing = false;
	}
	quorum_drop_state(q);
	lifecycle_free(q->lifecycle);
	q->lifecycle = NULL;
	controller_registration_free(q->registration);
	q->registration = NULL;
	if (!q->failed && !q->cutting && q->image && raft_bytes_since_snapshot(q->raft) > REPLAY_AFTER_STOP)
		quorum_cut_snapshot(q);
	controller_channel_stop(q->channel);
	if (q->begun)
		quorum_step(q, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN});
	quorum_fail_requests(q, ERR_NOT_CONTROLLER);
	quorum_drop_fetches(q);
	if (!q->state_write)
		quorum_give_held(q, ERR_NOT_CONTROLLER);
	q->stopping = true;
	if (q->resign_due_ms == 0)
		q->resign_due_ms = env_mono_ms(q->env) + RESIGN_MS;
	timer_start(&q->close_timer, 0);
}

void quorum_free(struct quorum *q)
{
	timer_stop(&q->raft_timer);
	timer_stop(&q->tick_timer);
	timer_stop(&q->idle_timer);
	timer_stop(&q->flush_timer);
	timer_stop(&q->close_timer);
	timer_stop(&q->hand_over_timer);
	if (q->beginning)
		quorum_end_beginning(q);
	quorum_forget_pending(q);
	quorum_follow_fini(q);
	image_unref(&q->image);
	quorum_forget_leader(q);
	lifecycle_free(q->lifecycle);
	controller_registration_free(q->registration);
	controller_channel_free(q->channel);
	controller_free(q->controller);
	news_free(q->news);
	raft_free(q->raft);
	quorum_send_fini(q);
	quorum_pulse_fini(q);
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
