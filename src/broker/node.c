/*
 * node: creation and start; delivery of images to the cores.
 *
 *	node_start	directories, ports, metadata log		(before any loop runs)
 *	run_begun	the quorum begins, and the broker registers	(reactor 0 from here on)
 *	quorum_started	there is metadata: a controller serves
 *	in_recovery	the controller says that this node has caught up, or there is no other node: follow the
 *			metadata, open the logs
 *	logs_open	every replica on disk is open and recovered; when caught up: ask to be unfenced
 *	running		unfenced: accept clients
 */
#include "broker/node.h"

#include <stdio.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/advertise.h"
#include "broker/assignments.h"
#include "broker/audit.h"
#include "broker/cleaner.h"
#include "broker/coordinator.h"
#include "broker/fetchers.h"
#include "broker/isr.h"
#include "broker/log_keys.h"
#include "broker/mover.h"
#include "broker/node_private.h"
#include "broker/sasl.h"
#include "broker/secure.h"
#include "broker/replication_quota.h"
#include "broker/throttle.h"
#include "broker/upkeep.h"
#include "broker/web.h"
#include "config/config.h"
#include "log/dir.h"
#include "metadata/image.h"
#include "net/net.h"
#include "security/authorizer.h"

#define NODE_ARENA (1 << 20)

static void event(struct node *n, enum node_event what)
{
	if (n->options.event)
		n->options.event(n->options.arg, what, "");
}

/* ---- images ---- */

static void image_arrived(struct post *post)
{
	struct image_post *p = container_of(post, struct image_post, post);

	if (!p->core->stopping)
		core_set_image(p->core, p->image);
	image_unref(&p->image);
	xfree(p);
}

static void send_image(struct core *c, const struct image *image)
{
	struct image_post *p = xcalloc(1, sizeof(*p));

	p->post.run = image_arrived;
	p->core = c;
	p->image = image_ref(image);
	loop_post(c->loop, &p->post);
}

static void note_standing(struct node *n, const struct image *now)
{
	const struct image_node *own = image_broker(now, n->id);

	n->let_in |= own && own->epoch == n->broker_epoch && !own->fenced;
	n->shut_out = NULL;
	if (n->let_in && !own)
		n->shut_out = "this broker is registered no more";
	else if (n->let_in && own->fenced)
		n->shut_out = "the controller has fenced this broker";
}

/* Replicas follow the metadata from the moment at which those on disk are looked for. */
static void replicas_follow(struct node *n, const struct image *now)
{
	note_standing(n, now);
	replication_quotas_follow(n->replication_quotas, now);
	partitions_follow(n->partitions, now, &n->cores[0]);
	mover_follow(n->mover, now);
	if (n->loaded)
		fetchers_follow(n->fetchers, now);
}

static void image_published(struct quorum_subscriber *s, const struct image *old, const struct image *now)
{
	struct node *n = container_of(s, struct node, subscriber);

	secure_follow(n, old, now);
	node_limits_follow(n, old, now);
	throttle_follow(n->throttle, now);
	if (n->load.arg)
		replicas_follow(n, now);
	for (int i = 0; i < n->n_cores; i++)
		send_image(&n->cores[i], now);
}

/* ---- from the replayed log to serving ---- */

static void ready_if_all_is(struct node *n)
{
	if (n->loaded && n->in_recovery && n->phase == NODE_STARTING)
		quorum_broker_ready(n->quorum);
}

struct start_post {
	struct post post;
	struct core *core;
};

static void start_core(struct post *post)
{
	struct start_post *p = container_of(post, struct start_post, post);

	coordinators_start(p->core);
	xfree(p);
}

static void start_coordinators(struct node *n)
{
	for (int i = 0; i < n->n_cores; i++) {
		struct start_post *p = xcalloc(1, sizeof(*p));

		p->core = &n->cores[i];
		p->post.run = start_core;
		loop_post(n->cores[i].loop, &p->post);
	}
}

static void logs_open(struct partitions_load *l)
{
	struct node *n = l->arg;
	const struct image *image;

	if (n->phase == NODE_STARTING) {
		partitions_loaded(n->partitions, l, &n->cores[0]);
		n->loaded = true;
		image = quorum_image(n->quorum);
		fetchers_follow(n->fetchers, image);
		image_unref(&image);
		start_coordinators(n);
		ready_if_all_is(n);
	} else {
		partitions_load_drop(l);
	}
	core_work_ends(&n->cores[0]);
}

/* With the prefix by which tests that start Kafka find the line. */
static void say_started(struct node *n)
{
	int64_t ms = (env_mono_ns(n->env) - n->born_ns) / 1000000;
	char event[64];

	snprintf(event, sizeof(event), "[KafkaRaftServer nodeId=%d] Kafka Server started", n->id);
	diag_info(n->env->diag, event, "ms=%lld", (long long)ms);
}

static void serving(struct node *n)
{
	n->phase = NODE_SERVING;
	node_accept(n, false);
	node_tell_listeners(n);
	if (n->web)
		web_tell(n->web);
	if (n->partitions) {
		n->upkeep = upkeep_new(n);
		n->cleaner = cleaner_new(n);
		isr_watch(n->isr);
	}
	say_started(n);
	event(n, NODE_EVENT_STARTED);
}

/*
 * Kafka's completeInitialLoad: the ACLs are known. Cores get the image in the same way as the
 * requests that follow.
 */
static void rules_are_there(struct node *n)
{
	if (n->has_rules)
		return;
	n->has_rules = true;
	n->subscriber.image = image_published;
	quorum_subscribe(n->quorum, &n->subscriber);
	node_accept(n, true);
}

static bool is_initialized(const struct image *image)
{
	return image && image_metadata_version(image) > 0;
}

/*
 * A replica on disk that the metadata lacks is put aside. That must be done with complete metadata,
 * which is when the controller says that this node has caught up (Kafka's initialCatchUpFuture). By
 * then the node is also registered and no longer leads anything: what it led in its previous life
 * may have been lost in a power cut, and it must not go on leading that in the same epoch. If no
 * other node has a replica, there is nothing to wait for.
 */
static void open_logs_if_caught_up(struct node *n)
{
	const struct image *image = quorum_image(n->quorum);

	if (is_initialized(image) && quorum_leads(n->quorum))
		rules_are_there(n); /* others wait for decisions of the controller */
	if (is_initialized(image) && !n->load.arg && (n->in_recovery || quorum_leads_alone(n->quorum))) {
		rules_are_there(n);
		n->load = (struct partitions_load){.done = logs_open, .arg = n};
		replicas_follow(n, image);
		core_work_begins(&n->cores[0]);
		partitions_load(n->partitions, &n->load, image, net_loop(n->net, 0));
	}
	image_unref(&image);
}

static void broker_state(void *arg, enum broker_state state, int64_t epoch)
{
	struct node *n = arg;

	n->broker_epoch = epoch;
	switch (state) {
	case BROKER_RECOVERY:
		diag_info(n->env->diag, "The broker has caught up. Transitioning from STARTING to RECOVERY.", NULL);
		n->in_recovery = true;
		if (n->phase == NODE_STARTING)
			open_logs_if_caught_up(n);
		ready_if_all_is(n);
		return;
	case BROKER_RUNNING:
		diag_info(n->env->diag, "The broker has been unfenced. Transitioning from RECOVERY to RUNNING.", NULL);
		if (n->phase == NODE_STARTING)
			serving(n);
		return;
	case BROKER_SHUTTING_DOWN:
		if (n->phase == NODE_STARTING && epoch < 0)
			node_stop_begin(n, NODE_END_CONFIG);
		else if (n->phase == NODE_STARTING || n->phase == NODE_SERVING)
			node_stop_begin(n, NODE_END_STORAGE);
		else
			node_resigned(n);
		return;
	default:
		return;
	}
}

static void quorum_started(void *arg, int err)
{
	struct node *n = arg;

	if (err) {
		diag_error(n->env->diag, "metadata log cannot be opened", "dir=%s error=%s",
			   log_dir_path(n->metadata_dir), err_name(err));
		node_stop_begin(n, NODE_END_STORAGE);
		return;
	}
	if (n->phase != NODE_STARTING)
		return;
	node_watch_dirs(n);
	if (n->partitions) {
		open_logs_if_caught_up(n);
		return;
	}
	rules_are_there(n);
	serving(n);
}

static void quorum_lost(void *arg, int err)
{
	struct node *n = arg;

	diag_error(n->env->diag, "metadata log has failed; the node stops", "dir=%s error=%s",
		   log_dir_path(n->metadata_dir), err_name(err));
	node_stop_begin(n, NODE_END_STORAGE);
}

/* ---- creation and start ---- */

static void make_cores(struct node *n)
{
	n->n_cores = net_reactors(n->net);
	n->cores = xcalloc((size_t)n->n_cores, sizeof(*n->cores));
	for (int i = 0; i < n->n_cores; i++)
		core_init(&n->cores[i], n, net_loop(n->net, i), i);
	for (int i = 0; i < n->n_listeners; i++)
		sasl_listener_count(&n->listeners[i], n->n_cores);
}

static enum node_end start_quorum(struct node *n)
{
	struct quorum_options options;

	n->throttle = throttle_new(n->env, n->config);
	options = (struct quorum_options){
		.env = n->env,
		.config = n->config,
		.outgoing = &n->outgoing,
		.loop = net_loop(n->net, 0),
		.node_id = n->id,
		.cluster_id = n->cluster_id,
		.dir = n->metadata_dir,
		.throttle = n->throttle,
		.started = quorum_started,
		.failed = quorum_lost,
		.arg = n,
	};

	if (quorum_start(&options, &n->quorum))
		return NODE_END_STORAGE;
	if (!n->partitions || n->n_dirs > n->n_log_dirs) /* the directory holds this log and no other */
		log_dir_trust(n->metadata_dir);
	return NODE_END_CLEAN;
}

static void make_partitions(struct node *n)
{
	if (!config_is_broker(n->config))
		return;
	n->assignments = assignments_new(n);
	n->mover = mover_new(n);
	n->isr = isr_new(n);
	n->fetchers = fetchers_new(n);
	n->replication_quotas = replication_quotas_new(n->env, n->config, n->id);
	n->partitions = partitions_new(&(struct partitions_options){
		.env = n->env,
		.config = n->config,
		.self = {n->id, config_long(n->config, CONFIG_REPLICA_LAG_TIME_MAX_MS)},
		.dirs = n->dirs,
		.n_dirs = n->n_log_dirs,
		.seed = env_random_u64(n->env),
		.assignments = n->assignments,
	});
}

static void run_begun(struct node *n)
{
	if (n->phase != NODE_STARTING)
		return;
	for (int i = 0; i < n->n_listeners; i++)
		sasl_listener_start(n->listeners[i].sasl, &n->cores[0]);
	quorum_begin(n->quorum);
	node_accept(n, true); /* no leader can be elected before the nodes of the quorum reach each other */
	if (n->partitions)
		node_register(n, broker_state);
}

static void free_all(struct node *n)
{
	if (n->quorum)
		quorum_free(n->quorum);
	advertise_free(n->advertise);
	web_free(n->web);
	if (n->net)
		net_free(n->net);
	secure_stop(n);
	for (int i = 0; i < n->n_listeners; i++)
		sasl_listener_forget(&n->listeners[i]);
	for (int i = 0; i < n->n_cores && n->cores; i++)
		core_forget_counts(&n->cores[i]);
	xfree(n->cores);
	partitions_free(n->partitions);
	mover_free(n->mover);
	assignments_free(n->assignments);
	isr_free(n->isr);
	fetchers_free(n->fetchers);
	replication_quotas_free(n->replication_quotas);
	authorizer_free(n->authorizer);
	throttle_free(n->throttle);
	node_free_dirs(n);
	log_keys_free(n);
	xfree(n->address_limits);
	arena_fini(&n->arena);
	xfree(n);
}

static enum node_end bring_up(struct node *n)
{
	int32_t open_files = config_int(n->config, CONFIG_ODRADEK_OPEN_FILES);
	enum node_end end;

	if (open_files > 0)
		n->env->open_files_max = open_files;
	end = node_open_dirs(n);
	if (end)
		return end;
	end = log_keys_start(n);
	if (end)
		return end;
	diag_info(n->env->diag, "log directory", "dir=%s cluster=%.*s node=%d", log_dir_path(n->metadata_dir),
		  STR_ARG(n->cluster_id), n->id);
	end = node_bind(n);
	if (end)
		return end;
	make_cores(n);
	end = web_new(n, &n->web);
	if (end)
		return end;
	make_partitions(n);
	n->advertise = advertise_new(n->env, net_loop(n->net, 0));
	node_stop_init(n);
	for (int i = 0; i < n->n_dirs; i++) /* opening the metadata log may need it */
		log_dir_hold_reserve(n->dirs[i]);
	end = start_quorum(n);
	if (!end)
		node_begin_run(n, run_begun);
	return end;
}

struct node *node_start(const struct node_options *options, enum node_end *end)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->options = *options;
	n->env = options->env;
	n->config = options->config;
	api_table_fill(&n->apis);
	n->id = config_int(n->config, CONFIG_NODE_ID);
	n->broker_epoch = -1;
	n->request_budget = (size_t)config_long(n->config, CONFIG_ODRADEK_REQUEST_MEMORY_BYTES);
	n->born_ns = env_mono_ns(n->env);
	arena_init(&n->arena, NODE_ARENA);
	n->authorizer = authorizer_new(n->config);
	n->audit_level = audit_level_of(n->config);
	*end = bring_up(n);
	if (*end == NODE_END_CLEAN)
		return n;
	if (n->web)
		web_stop(n->web);
	if (n->cores)
		for (int i = 0; i < n->n_cores; i++)
			core_fini(&n->cores[i]);
	free_all(n);
	return NULL;
}

void node_run(struct node *n)
{
	net_start(n->net);
	loop_thread(net_loop(n->net, 0));
}

enum node_end node_free(struct node *n)
{
	enum node_end end = n->end;

	check(n->phase == NODE_ENDED);
	free_all(n);
	return end;
}
