/*
 * lifecycle: the life of this node's broker as seen by the controller: it registers, sends a
 * heartbeat every broker.heartbeat.interval.ms, is unfenced, and leaves.
 *
 *	STARTING			registered; has not applied its own registration yet
 *	RECOVERY			has applied it; the logs are being opened
 *	RUNNING				not fenced
 *	PENDING_CONTROLLED_SHUTDOWN	wants to leave; its partitions get other leaders first
 *	SHUTTING_DOWN			may end; or has to, since it could not register in time
 *
 * The requests are those that a broker sends to a controller; the quorum finds out where that is.
 * One is under way at a time; changes in between are reported with the next, which is then sent at
 * once.
 */
#include <string.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/cordon.h"
#include "broker/quorum_private.h"
#include "metadata/version.h"
#include "protocol/broker_heartbeat.h"
#include "protocol/broker_registration.h"
#include "security/principal.h"
#include "wire/codec.h"

enum { API_BROKER_REGISTRATION = 62, API_BROKER_HEARTBEAT = 63 };
enum { REGISTRATION_VERSION = 4, HEARTBEAT_VERSION = 2 };

#define ARENA (1 << 20)
#define SHUTDOWN_RETRY_MS 5
#define SHUTDOWN_RETRY_REMOTE_MS 50
#define REGISTRATION_RETRY_MS 100

struct lifecycle {
	struct quorum *quorum;
	struct arena own; /* for what was given at the start */
	struct quorum_broker broker;
	enum broker_state state;
	int64_t epoch; /* atomic; -1 before registration */

	struct arena arena; /* for the request under way */
	struct quorum_request request;
	struct broker_registration_request registration;
	struct broker_registration_response registration_answer;
	struct broker_heartbeat_request heartbeat;
	struct broker_heartbeat_response heartbeat_answer;
	bool under_way;
	bool again; /* something has changed meanwhile */
	bool freed; /* while a request is under way: it is freed when that comes back */

	bool ready;
	bool outdated;		/* the present registration must be replaced */
	int16_t outdated_since; /* the metadata.version for which that last happened */
	struct uuid *failed;
	int n_failed;
	int n_told;	    /* how many of them the controller knows of */
	int n_saying;	    /* how many are in the heartbeat under way */
	bool *cordoned;	    /* of each directory, as in the last heartbeat */
	bool says_cordoned; /* did that say anything of them? */
	struct lazy_timer timer;
	struct timer deadline;
	struct timer first;    /* until the first registration */
	struct timer failures; /* until the controller knows of a failed directory */
};

static void beat(struct lifecycle *l);
static void speak(struct lifecycle *l);

static void enter(struct lifecycle *l, enum broker_state state)
{
	if (l->state == state)
		return;
	l->state = state;
	l->broker.state(l->broker.arg, state, l->epoch);
}

static void release(struct lifecycle *l)
{
	arena_fini(&l->own);
	arena_fini(&l->arena);
	xfree(l->failed);
	xfree(l);
}

void lifecycle_free(struct lifecycle *l)
{
	if (!l)
		return;
	lazy_timer_stop(&l->timer);
	timer_stop(&l->deadline);
	timer_stop(&l->first);
	timer_stop(&l->failures);
	l->freed = true;
	if (!l->under_way)
		release(l);
}

/* A request that takes more than half a session is given up; as Kafka's BrokerServer. */
static int64_t answer_ms(const struct lifecycle *l)
{
	return config_int(l->quorum->options.config, CONFIG_BROKER_SESSION_TIMEOUT_MS) / 2;
}

static int64_t beat_ms(const struct lifecycle *l)
{
	return config_int(l->quorum->options.config, CONFIG_BROKER_HEARTBEAT_INTERVAL_MS);
}

static void send(struct lifecycle *l, int16_t api, int16_t version, const void *request, void *response,
		 quorum_done_fn *done)
{
	check(!l->under_way);
	l->under_way = true;
	l->again = false;
	l->request = (struct quorum_request){
		.loop = l->quorum->loop,
		.done = done,
		.arg = l,
		.api = api,
		.version = version,
		.request = request,
		.response = response,
		.arena = &l->arena,
		.principal = &PRINCIPAL_ANONYMOUS,
		.own_node = true,
		.deadline_ms = env_mono_ms(l->quorum->env) + answer_ms(l),
	};
	quorum_submit(l->quorum, &l->request);
}

/* False: the lifecycle has ended meanwhile, and is gone now. */
static bool came_back(struct lifecycle *l)
{
	l->under_way = false;
	if (!l->freed)
		return true;
	release(l);
	return false;
}

/* ---- registration ---- */

/* Checks the answer of another node's controller. */
static int registration_error(const struct lifecycle *l)
{
	const struct broker_registration_response *a = &l->registration_answer;

	if (l->request.err || a->error_code)
		return l->request.err ? l->request.err : a->error_code;
	return a->broker_epoch < 0 ? ERR_INVALID_REQUEST : 0;
}

static void registered(struct quorum_request *r)
{
	struct lifecycle *l = r->arg;
	int err;

	if (!came_back(l) || l->state == BROKER_SHUTTING_DOWN)
		return;
	err = registration_error(l);
	if (err != 0) {
		diag_warn(l->quorum->env->diag, "broker registration refused", "error=%s reason=\"%.*s\"",
			  err_name(err), STR_ARG(r->message));
		arena_reset(&l->arena);
		lazy_timer_start(&l->timer, quorum_leads(l->quorum) ? REGISTRATION_RETRY_MS : beat_ms(l), 0);
		return;
	}
	__atomic_store_n(&l->epoch, l->registration_answer.broker_epoch, __ATOMIC_RELEASE);
	arena_reset(&l->arena);
	timer_stop(&l->first);
	l->outdated = false;
	if (l->state == BROKER_NOT_RUNNING)
		enter(l, BROKER_STARTING);
	if (!l->under_way)
		beat(l);
}

static void fill_features(struct lifecycle *l, struct broker_registration_request *r)
{
	r->features.v = arena_array(&l->arena, 16, sizeof(*r->features.v));
	for (const struct controller_feature *f = CONTROLLER_FEATURES; f->name; f++) {
		r->features.v[r->features.n].name = str_of(f->name);
		r->features.v[r->features.n].min_supported_version = f->min;
		r->features.v[r->features.n++].max_supported_version = f->max;
	}
	if (l->broker.encrypts) {
		r->features.v[r->features.n].name = STR(FEATURE_ENCRYPTION);
		r->features.v[r->features.n].min_supported_version = 0;
		r->features.v[r->features.n++].max_supported_version = 1;
	}
}

static void register_broker(struct lifecycle *l)
{
	struct broker_registration_request *r = &l->registration;
	const struct quorum_broker *b = &l->broker;

	codec_init(&broker_registration_request_schema, r);
	codec_init(&broker_registration_response_schema, &l->registration_answer);
	r->broker_id = b->id;
	r->cluster_id = str_of(l->quorum->cluster_id);
	r->incarnation_id = b->incarnation;
	r->rack = b->rack;
	r->previous_broker_epoch = b->previous_epoch;
	r->log_dirs.v = (struct uuid *)b->log_dirs;
	r->log_dirs.n = b->n_log_dirs;
	r->listeners.v = arena_array(&l->arena, (size_t)b->n_endpoints, sizeof(*r->listeners.v));
	r->listeners.n = b->n_endpoints;
	for (int i = 0; i < b->n_endpoints; i++) {
		r->listeners.v[i].name = b->endpoints[i].name;
		r->listeners.v[i].host = b->endpoints[i].host;
		r->listeners.v[i].port = b->endpoints[i].port;
		r->listeners.v[i].security_protocol = b->endpoints[i].security_protocol;
	}
	fill_features(l, r);
	send(l, API_BROKER_REGISTRATION, REGISTRATION_VERSION, r, &l->registration_answer, registered);
}

/* ---- heartbeats ---- */

static bool is_leaving(const struct lifecycle *l)
{
	return l->state == BROKER_PENDING_CONTROLLED_SHUTDOWN;
}

static void failures_told(struct lifecycle *l)
{
	l->n_told = l->n_saying;
	if (l->n_told == l->n_failed)
		timer_stop(&l->failures);
}

static void answered(struct lifecycle *l)
{
	const struct broker_heartbeat_response *a = &l->heartbeat_answer;

	failures_told(l);
	if (is_leaving(l)) {
		if (a->should_shut_down)
			enter(l, BROKER_SHUTTING_DOWN);
		return;
	}
	if (l->state == BROKER_STARTING && a->is_caught_up)
		enter(l, BROKER_RECOVERY);
	if (l->state == BROKER_RECOVERY && !a->is_fenced)
		enter(l, BROKER_RUNNING);
}

static int64_t next_beat_ms(const struct lifecycle *l)
{
	if (is_leaving(l))
		return quorum_leads(l->quorum) ? SHUTDOWN_RETRY_MS : SHUTDOWN_RETRY_REMOTE_MS;
	return beat_ms(l);
}

/* A heartbeat may be a little late, to go along with other timers: a session is several heartbeats long. */
static void sleep_until_beat(struct lifecycle *l)
{
	int64_t ms = next_beat_ms(l);

	lazy_timer_start(&l->timer, ms, is_leaving(l) ? 0 : ms / 8);
}

static void beaten(struct quorum_request *r)
{
	struct lifecycle *l = r->arg;
	int err;

	if (!came_back(l))
		return;
	err = r->err ? r->err : l->heartbeat_answer.error_code;
	arena_reset(&l->arena);
	if (err == 0)
		answered(l);
	else
		diag_warn(l->quorum->env->diag, "heartbeat refused", "error=%s", err_name(err));
	if (l->state == BROKER_SHUTTING_DOWN || l->under_way)
		return;
	/*
	 * Fenced because its session ran out, or unregistered: a new registration is a new life,
	 * and that is the node's decision.
	 */
	if (l->again && err == 0)
		speak(l);
	else
		sleep_until_beat(l);
}

/* Before this node has caught up with the metadata its own setting may be missing there. */
static bool knows_cordoned(const struct lifecycle *l)
{
	return l->state != BROKER_NOT_RUNNING && l->state != BROKER_STARTING && cordon_is_known(l->quorum->image);
}

static bool is_cordoned(const struct lifecycle *l, int dir)
{
	return cordon_has(l->quorum->options.config, l->quorum->image, l->broker.id, l->broker.log_dir_paths[dir]);
}

static void fill_cordoned(struct lifecycle *l, struct broker_heartbeat_request *r)
{
	const struct quorum_broker *b = &l->broker;

	l->says_cordoned = knows_cordoned(l);
	if (!l->says_cordoned)
		return;
	r->cordoned_log_dirs.v = arena_array(&l->arena, (size_t)b->n_log_dirs, sizeof(struct uuid));
	r->cordoned_log_dirs.n = 0;
	for (int i = 0; i < b->n_log_dirs; i++) {
		l->cordoned[i] = is_cordoned(l, i);
		if (l->cordoned[i])
			r->cordoned_log_dirs.v[r->cordoned_log_dirs.n++] = b->log_dirs[i];
	}
}

/* Differs from what the last heartbeat said. When that said nothing, the next one is soon enough. */
static bool cordoned_anew(const struct lifecycle *l)
{
	for (int i = 0; l->says_cordoned && i < l->broker.n_log_dirs; i++)
		if (l->cordoned[i] != is_cordoned(l, i))
			return true;
	return false;
}

static void beat(struct lifecycle *l)
{
	struct broker_heartbeat_request *r = &l->heartbeat;

	codec_init(&broker_heartbeat_request_schema, r);
	codec_init(&broker_heartbeat_response_schema, &l->heartbeat_answer);
	r->broker_id = l->broker.id;
	r->broker_epoch = l->epoch;
	r->current_metadata_offset = quorum_committed_offset(l->quorum);
	r->want_fence = !l->ready && !is_leaving(l);
	r->want_shut_down = is_leaving(l);
	r->offline_log_dirs.v = arena_array(&l->arena, (size_t)l->n_failed, sizeof(*l->failed));
	r->offline_log_dirs.n = l->n_saying = l->n_failed;
	if (l->n_failed > 0)
		memcpy(r->offline_log_dirs.v, l->failed, (size_t)l->n_failed * sizeof(*l->failed));
	fill_cordoned(l, r);
	send(l, API_BROKER_HEARTBEAT, HEARTBEAT_VERSION, r, &l->heartbeat_answer, beaten);
}

static void speak(struct lifecycle *l)
{
	if (l->epoch < 0 || (l->outdated && !is_leaving(l)))
		register_broker(l);
	else
		beat(l);
}

static void due(struct lazy_timer *t)
{
	struct lifecycle *l = container_of(t, struct lifecycle, timer);

	if (l->under_way)
		return;
	if (l->epoch < 0)
		speak(l);
	else if (env_buggify(l->quorum->env, "a heartbeat is lost")) /* after three in a row the broker is fenced */
		sleep_until_beat(l);
	else
		speak(l);
}

/* Something is to be reported: now, or as soon as the request under way has come back. */
static void hurry(struct lifecycle *l)
{
	if (l->state == BROKER_SHUTTING_DOWN) /* the controller has let it go: a heartbeat would unfence it */
		return;
	if (l->under_way) {
		l->again = true;
	} else if (l->epoch >= 0) {
		lazy_timer_stop(&l->timer);
		speak(l);
	}
}

/*
 * A registration from before metadata.version knew of directories has none: it is replaced once the
 * version allows it (Kafka's BrokerRegistrationTracker), once per metadata.version, since a
 * controller may refuse it.
 */
static bool becomes_outdated(const struct lifecycle *l)
{
	const struct image *image = l->quorum->image;
	const struct image_node *known = image ? image_broker(image, l->broker.id) : NULL;

	return known && known->epoch == l->epoch && known->n_log_dirs == 0 && l->broker.n_log_dirs > 0 &&
	       image_metadata_version(image) >= METADATA_VERSION_DIRECTORIES &&
	       image_metadata_version(image) != l->outdated_since && !is_leaving(l);
}

void lifecycle_committed(struct lifecycle *l)
{
	if (becomes_outdated(l)) {
		l->outdated = true;
		l->outdated_since = image_metadata_version(l->quorum->image);
		hurry(l);
	}
	if (cordoned_anew(l))
		hurry(l);
	/* STARTING ends when its registration is in the image. */
	if (l->state == BROKER_STARTING && l->epoch >= 0 && (l->under_way || timer_is_running(&l->timer.timer)))
		hurry(l);
}

/* ---- calls from the node ---- */

static const struct str *copy_paths(struct arena *a, const struct str *from, int n)
{
	struct str *to = arena_array(a, (size_t)n, sizeof(*to));

	for (int i = 0; i < n; i++)
		to[i] = arena_str(a, from[i]);
	return to;
}

static const struct uuid *copy_dirs(struct arena *a, const struct uuid *from, int n)
{
	struct uuid *to = arena_array(a, (size_t)n, sizeof(*to));

	if (n > 0)
		memcpy(to, from, (size_t)n * sizeof(*to));
	return to;
}

static void shutdown_late(struct timer *t)
{
	struct lifecycle *l = container_of(t, struct lifecycle, deadline);

	diag_warn(l->quorum->env->diag, "the controller has not agreed to the shutdown in time", NULL);
	enter(l, BROKER_SHUTTING_DOWN);
}

/* Kafka's BrokerLifecycleManager: partitions must not keep leaders that are unavailable. */
static void failures_untold(struct timer *t)
{
	struct lifecycle *l = container_of(t, struct lifecycle, failures);

	diag_error(l->quorum->env->diag, "the controller could not be told of a failed log directory in time",
		   "node=%d ms=%lld remedy=\"see to the controllers, then restart\"", l->broker.id,
		   (long long)config_long(l->quorum->options.config, CONFIG_LOG_DIR_FAILURE_TIMEOUT_MS));
	lazy_timer_stop(&l->timer);
	enter(l, BROKER_SHUTTING_DOWN);
}

static void never_registered(struct timer *t)
{
	struct lifecycle *l = container_of(t, struct lifecycle, first);

	diag_error(l->quorum->env->diag, "the broker could not register with a controller in time",
		   "node=%d ms=%d remedy=\"see to the controllers, then restart\"", l->broker.id,
		   config_int(l->quorum->options.config, CONFIG_INITIAL_BROKER_REGISTRATION_TIMEOUT_MS));
	lazy_timer_stop(&l->timer);
	enter(l, BROKER_SHUTTING_DOWN);
}

void quorum_broker_start(struct quorum *q, const struct quorum_broker *b)
{
	struct lifecycle *l = xcalloc(1, sizeof(*l));
	struct quorum_broker_endpoint *endpoints;

	check(!q->lifecycle);
	arena_init(&l->own, ARENA);
	arena_init(&l->arena, ARENA);
	endpoints = arena_array(&l->own, (size_t)b->n_endpoints, sizeof(*endpoints));
	for (int i = 0; i < b->n_endpoints; i++) {
		endpoints[i] = b->endpoints[i];
		endpoints[i].name = arena_str(&l->own, b->endpoints[i].name);
		endpoints[i].host = arena_str(&l->own, b->endpoints[i].host);
	}
	l->quorum = q;
	l->broker = *b;
	l->broker.endpoints = endpoints;
	l->broker.rack = arena_str(&l->own, b->rack);
	l->broker.log_dirs = copy_dirs(&l->own, b->log_dirs, b->n_log_dirs);
	l->broker.log_dir_paths = copy_paths(&l->own, b->log_dir_paths, b->n_log_dirs);
	l->cordoned = arena_array(&l->own, (size_t)b->n_log_dirs + 1, sizeof(*l->cordoned));
	l->epoch = -1;
	l->state = BROKER_NOT_RUNNING;
	lazy_timer_init(&l->timer, q->loop, due);
	timer_init(&l->deadline, q->loop, shutdown_late);
	timer_init(&l->first, q->loop, never_registered);
	timer_init(&l->failures, q->loop, failures_untold);
	if (!config_is_controller(q->options.config)) /* a combined node stays: it may be needed to form the quorum */
		timer_start(&l->first, config_int(q->options.config, CONFIG_INITIAL_BROKER_REGISTRATION_TIMEOUT_MS));
	q->lifecycle = l;
	register_broker(l);
}

struct said {
	struct post post;
	struct quorum *quorum;
	struct uuid directory;
	int64_t timeout_ms;
};

static void say(struct quorum *q, void (*run)(struct post *), struct uuid directory, int64_t timeout_ms)
{
	struct said *s = xcalloc(1, sizeof(*s));

	s->post.run = run;
	s->quorum = q;
	s->directory = directory;
	s->timeout_ms = timeout_ms;
	loop_post(q->loop, &s->post);
}

static void hear_ready(struct post *post)
{
	struct said *s = container_of(post, struct said, post);
	struct lifecycle *l = s->quorum->lifecycle;

	xfree(s);
	if (!l || l->ready)
		return;
	l->ready = true;
	hurry(l);
}

static void hear_failed(struct post *post)
{
	struct said *s = container_of(post, struct said, post);
	struct lifecycle *l = s->quorum->lifecycle;

	if (l) {
		l->failed = xreallocarray(l->failed, (size_t)l->n_failed + 1, sizeof(*l->failed));
		l->failed[l->n_failed++] = s->directory;
		if (l->epoch >= 0 && !timer_is_running(&l->failures))
			timer_start(&l->failures,
				    config_long(s->quorum->options.config, CONFIG_LOG_DIR_FAILURE_TIMEOUT_MS));
		hurry(l);
	}
	xfree(s);
}

static void hear_shutdown(struct post *post)
{
	struct said *s = container_of(post, struct said, post);
	struct lifecycle *l = s->quorum->lifecycle;
	int64_t timeout_ms = s->timeout_ms;

	xfree(s);
	if (!l || l->state == BROKER_PENDING_CONTROLLED_SHUTDOWN || l->state == BROKER_SHUTTING_DOWN)
		return;
	if (l->epoch < 0 || l->quorum->failed) {
		enter(l, BROKER_SHUTTING_DOWN);
		return;
	}
	enter(l, BROKER_PENDING_CONTROLLED_SHUTDOWN);
	timer_start(&l->deadline, timeout_ms);
	hurry(l);
}

void quorum_broker_ready(struct quorum *q)
{
	say(q, hear_ready, UUID_ZERO, 0);
}

void quorum_broker_directory_failed(struct quorum *q, struct uuid directory)
{
	say(q, hear_failed, directory, 0);
}

void quorum_broker_shutdown(struct quorum *q, int64_t timeout_ms)
{
	say(q, hear_shutdown, UUID_ZERO, timeout_ms);
}

int64_t quorum_broker_epoch(struct quorum *q)
{
	struct lifecycle *l = q->lifecycle;

	return l ? __atomic_load_n(&l->epoch, __ATOMIC_ACQUIRE) : -1;
}
