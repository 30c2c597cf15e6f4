/*
 * node_stop: a clean stop, step by step, and what each step waits for.
 *
 *	RESIGNING	the controller has moved leaders away, or a while has passed
 *	HANDING_OVER	another controller leads the quorum, or a while has passed
 *	HANGING_UP	requests in progress are answered, connections close
 *	CLOSING		the quorum closes its log; parked requests end; cores let go; the logs are closed and the
 *			directories marked clean
 *			ENDED
 *
 * Without controlled.shutdown.enable the first step is left out. It is also left out after a
 * storage failure, and then nothing is marked clean: the next start recovers.
 */
#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/advertise.h"
#include "broker/cleaner.h"
#include "broker/coordinator.h"
#include "broker/dispatch.h"
#include "broker/assignments.h"
#include "broker/fetchers.h"
#include "broker/isr.h"
#include "broker/mover.h"
#include "broker/node_private.h"
#include "broker/partitions.h"
#include "broker/sasl.h"
#include "broker/upkeep.h"
#include "broker/web.h"
#include "config/config.h"
#include "net/net.h"

#define RESIGN_MS 4000
#define HANG_UP_MS 3000
#define TELL_MS 1000

static const char *waits_for(const struct node *n)
{
	switch (n->phase) {
	case NODE_RESIGNING:
		return "the controller to let the broker go";
	case NODE_HANDING_OVER:
		return "another controller to lead";
	case NODE_HANGING_UP:
		return "requests in work";
	case NODE_CLOSING:
		return "logs to be closed";
	default:
		return "";
	}
}

static void tell(struct timer *t)
{
	struct node *n = container_of(t, struct node, stop_timer);

	diag_info(n->env->diag, "stopping", "waits_for=\"%s\" ms=%lld", waits_for(n),
		  (long long)(env_mono_ms(n->env) - n->stop_began_ms));
	if (n->options.event)
		n->options.event(n->options.arg, NODE_EVENT_WAITING, waits_for(n));
	timer_start(t, TELL_MS);
}

/* ---- closing ---- */

static void could_not_close(struct node *n, int err)
{
	diag_error(n->env->diag, "logs could not be closed cleanly", "error=%s", err_name(err));
	n->end = NODE_END_STORAGE;
}

static void mark_job(struct work *w)
{
	struct node *n = container_of(w, struct node, close_work);
	int err = n->closing.error ? n->closing.error : n->metadata_error;

	if (err == 0 && n->end == NODE_END_CLEAN)
		err = node_mark_clean(n);
	if (err)
		could_not_close(n, err);
}

static void closed(struct work *w)
{
	struct node *n = container_of(w, struct node, close_work);

	timer_stop(&n->stop_timer);
	advertise_free(n->advertise);
	n->advertise = NULL;
	n->phase = NODE_ENDED;
	if (n->options.event)
		n->options.event(n->options.arg, NODE_EVENT_STOPPED, "");
}

static void mark(struct node *n)
{
	n->close_work = (struct work){.job = mark_job, .done = closed, .loop = net_loop(n->net, 0)};
	env_work(net_loop(n->net, 0), &n->close_work);
}

static void logs_closed(struct partitions_closing *c)
{
	mark(container_of(c, struct node, closing));
}

static void close_moves_job(struct work *w)
{
	struct node *n = container_of(w, struct node, close_work);
	int err = n->mover ? mover_close(n->mover) : 0;

	if (err && n->loaded)
		could_not_close(n, err);
}

static void moves_closed(struct work *w)
{
	struct node *n = container_of(w, struct node, close_work);

	if (!n->partitions)
		mark(n);
	else if (n->loaded)
		partitions_close(n->partitions, &n->closing, w->loop);
	else /* nothing is known of the logs: what the last run left stays, as after a crash */
		closed(w);
}

static void close_logs(struct node *n)
{
	n->closing = (struct partitions_closing){.done = logs_closed};
	n->close_work = (struct work){.job = close_moves_job, .done = moves_closed, .loop = net_loop(n->net, 0)};
	env_work(net_loop(n->net, 0), &n->close_work);
}

struct core_post {
	struct post post;
	struct core *core;
};

static void core_has_ended(struct post *post)
{
	struct core_post *p = container_of(post, struct core_post, post);
	struct node *n = p->core->node;

	xfree(p);
	if (++n->cores_idle < n->n_cores)
		return;
	close_logs(n);
}

static void end_core(struct post *post)
{
	struct core_post *p = container_of(post, struct core_post, post);

	core_fini(p->core);
	p->post.run = core_has_ended;
	loop_post(net_loop(p->core->node->net, 0), &p->post);
}

void node_core_idle(struct core *c)
{
	struct core_post *p = xcalloc(1, sizeof(*p));

	p->core = c;
	p->post.run = end_core;
	loop_post(c->loop, &p->post);
}

static void stop_core(struct post *post)
{
	struct core_post *p = container_of(post, struct core_post, post);

	core_stop(p->core);
	xfree(p);
}

static void post_to_cores(struct node *n, void (*run)(struct post *))
{
	for (int i = 0; i < n->n_cores; i++) {
		struct core_post *p = xcalloc(1, sizeof(*p));

		p->core = &n->cores[i];
		p->post.run = run;
		loop_post(n->cores[i].loop, &p->post);
	}
}

static void quorum_closed(void *arg, int err)
{
	struct node *n = arg;

	n->metadata_error = err;
	post_to_cores(n, stop_core);
}

/* ---- closing connections ---- */

static void close_quorum(struct post *post)
{
	struct node *n = container_of(post, struct node, close_post);

	n->phase = NODE_CLOSING;
	if (n->partitions) {
		mover_stop(n->mover);
		assignments_stop(n->assignments);
		isr_stop(n->isr);
		fetchers_stop(n->fetchers);
	}
	cleaner_free(n->cleaner);
	n->cleaner = NULL;
	if (n->upkeep)
		upkeep_free(n->upkeep);
	n->upkeep = NULL;
	if (n->web)
		web_stop(n->web);
	for (int i = 0; i < n->n_listeners; i++)
		sasl_listener_stop(n->listeners[i].sasl);
	quorum_unsubscribe(n->quorum, &n->subscriber);
	quorum_stop(n->quorum, quorum_closed, n);
}

/* This may be called by the quorum itself, which cannot be closed from within. */
static void connections_closed(void *arg)
{
	struct node *n = arg;

	n->close_post.run = close_quorum;
	loop_post(net_loop(n->net, 0), &n->close_post);
}

static void hurry_core(struct post *post)
{
	struct core_post *p = container_of(post, struct core_post, post);

	/* Otherwise members that wait for others would go on waiting. */
	coordinators_stop(p->core);
	requests_hurry(p->core);
	xfree(p);
}

static void hang_up(struct node *n)
{
	n->phase = NODE_HANGING_UP;
	post_to_cores(n, hurry_core);
	net_stop(n->net, HANG_UP_MS, connections_closed, n);
}

/* ---- handing over the quorum ---- */

static void handed_over(void *arg)
{
	hang_up(arg);
}

/*
 * Its voters ask this node for its vote, so its listeners answer until another node leads (Kafka's
 * ensureNotRaftLeader).
 */
static void hand_over(struct node *n)
{
	n->phase = NODE_HANDING_OVER;
	if (!quorum_hand_over(n->quorum, handed_over, n))
		hang_up(n);
}

/* ---- the broker leaves ---- */

void node_resigned(struct node *n)
{
	if (n->phase == NODE_RESIGNING)
		hand_over(n);
}

void node_stop_begin(struct node *n, enum node_end end)
{
	bool registered = n->partitions && n->broker_epoch >= 0;

	if (end != NODE_END_CLEAN && n->end == NODE_END_CLEAN)
		n->end = end;
	if (n->phase != NODE_STARTING && n->phase != NODE_SERVING)
		return;
	n->stop_began_ms = env_mono_ms(n->env);
	timer_start(&n->stop_timer, TELL_MS);
	partitions_load_cancel(&n->load);
	if (end == NODE_END_CLEAN && registered && config_bool(n->config, CONFIG_CONTROLLED_SHUTDOWN_ENABLE)) {
		n->phase = NODE_RESIGNING;
		quorum_broker_shutdown(n->quorum, RESIGN_MS);
	} else if (end == NODE_END_CLEAN) {
		hand_over(n);
	} else {
		hang_up(n);
	}
}

static void stop_asked(struct post *post)
{
	node_stop_begin(container_of(post, struct node, stop_post), NODE_END_CLEAN);
}

void node_stop_init(struct node *n)
{
	timer_init(&n->stop_timer, net_loop(n->net, 0), tell);
	n->stop_post.run = stop_asked;
}

void node_stop(struct node *n)
{
	if (!__atomic_exchange_n(&n->stop_asked, 1, __ATOMIC_ACQ_REL))
		loop_post(net_loop(n->net, 0), &n->stop_post);
}
