/*
 * core: a reactor's tables, its flushes, and its pending deletions of files.
 */
#include "broker/core.h"

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/counters.h"
#include "broker/coordinator.h"
#include "broker/dispatch.h"
#include "broker/fetch_session.h"
#include "broker/markers.h"
#include "broker/kept_answer.h"
#include "broker/node.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/peers.h"
#include "broker/partitions.h"
#include "broker/producer_ids.h"
#include "compress/compress.h"
#include "config/config.h"
#include "log/log.h"
#include "metadata/image.h"

#define EARLY_LINES_MS 60000

struct seen {
	struct map_node node;
	struct partition *partition;
	struct uuid topic_id;
	int32_t id;
};

static uint64_t draw(void *arg)
{
	return env_random_u64(arg);
}

/* This core's share of the slots for fetch sessions. */
static int slots_of(int slots, int index, int n_cores)
{
	return slots / n_cores + (index < slots % n_cores);
}

void core_init(struct core *c, struct node *node, struct loop *loop, int index)
{
	struct env *env = loop->env;

	*c = (struct core){.node = node, .loop = loop, .index = index};
	c->refusals.interval_ms = c->strangers.interval_ms = 1000;
	c->early.interval_ms = EARLY_LINES_MS;
	c->api_counts = xcalloc(API_KEYS_MAX, sizeof(*c->api_counts));
	map_init(&c->partitions, env_random_u64(env));
	list_init(&c->parked);
	list_init(&c->image_waiters);
	list_init(&c->deletions);
	list_init(&c->flushes);
	list_init(&c->markers);
	list_init(&c->marker_errands);
	list_init(&c->verification_errands);
	list_init(&c->spare);
	c->sessions = fetch_sessions_new(&(struct fetch_sessions_config){
		.slots = slots_of(config_int(node->config, CONFIG_MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS), index,
				  node->n_cores),
		.bytes = config_long(node->config, CONFIG_ODRADEK_FETCH_SESSION_BYTES) / node->n_cores,
		.index = index,
		.of = node->n_cores,
		.core = c,
		.random = draw,
		.arg = env,
	});
}

/* ---- partitions ---- */

static uint64_t seen_hash(const struct core *c, struct uuid topic_id, int32_t id)
{
	return hash_u64(hash_bytes(c->partitions.seed, topic_id.b, sizeof(topic_id.b)), (uint64_t)(uint32_t)id);
}

static bool seen_eq(const struct map_node *n, const void *key)
{
	const struct seen *a = container_of(n, struct seen, node);
	const struct seen *b = key;

	return a->id == b->id && uuid_eq(a->topic_id, b->topic_id);
}

struct partition *core_partition(struct core *c, struct uuid topic_id, int32_t id)
{
	struct seen key = {.topic_id = topic_id, .id = id};
	uint64_t hash = seen_hash(c, topic_id, id);
	struct map_node *n = map_find(&c->partitions, hash, seen_eq, &key);
	struct partition *p;
	struct seen *s;

	if (n)
		return container_of(n, struct seen, node)->partition;
	p = partitions_get(c->node->partitions, topic_id, id);
	if (!p)
		return NULL;
	s = xmalloc(sizeof(*s));
	*s = (struct seen){.partition = p, .topic_id = topic_id, .id = id};
	map_insert(&c->partitions, &s->node, hash);
	return p;
}

static void forget(struct core *c, struct seen *s)
{
	map_remove(&c->partitions, &s->node);
	partition_unref(&s->partition);
	xfree(s);
}

static bool has_replica(const struct core *c, const struct image_topic *t, int32_t id)
{
	const struct image_partition *p = t ? image_topic_partition(t, id) : NULL;

	return p && image_ids_has(partition_replicas(p), c->node->id);
}

static void forget_topic(void *arg, const struct image_topic *old, const struct image_topic *now)
{
	struct core *c = arg;

	for (int i = 0; old && i < old->n_partitions; i++) {
		struct seen key = {.topic_id = old->id, .id = old->partitions[i]->id};
		struct map_node *n =
			has_replica(c, now, key.id)
				? NULL
				: map_find(&c->partitions, seen_hash(c, key.topic_id, key.id), seen_eq, &key);

		if (n)
			forget(c, container_of(n, struct seen, node));
	}
}

/* ---- counts ---- */

void core_forget_counts(struct core *c)
{
	for (int key = 0; key < API_KEYS_MAX; key++)
		xfree(c->api_counts[key]);
	xfree(c->api_counts);
	c->api_counts = NULL;
	xfree(c->verifications);
	c->verifications = NULL;
}

void core_count_request(struct core *c, int key, int64_t began_ns)
{
	if (!c->api_counts[key]) {
		struct api_counts *made = xcalloc(1, sizeof(*made));

		__atomic_store_n(&c->api_counts[key], made, __ATOMIC_RELEASE);
	}
	api_counts_note(c->api_counts[key], began_ns, env_mono_ns(c->loop->env));
}

const struct api_counts *core_api_counts(const struct core *c, int key)
{
	return __atomic_load_n(&c->api_counts[key], __ATOMIC_ACQUIRE);
}

/* ---- the image ---- */

void core_set_image(struct core *c, const struct image *now)
{
	const struct image *old = c->image;
	struct list waiting;

	c->image = image_ref(now);
	c->n_images++;
	if (old)
		image_diff_topics(old, now, forget_topic, c);
	kept_answers_forget(c);
	coordinators_follow(c, old);
	image_unref(&old);
	list_init(&waiting);
	list_splice(&waiting, &c->image_waiters);
	while (!list_empty(&waiting)) {
		struct image_waiter *w = container_of(waiting.next, struct image_waiter, link);

		list_remove(&w->link);
		list_push(&c->image_waiters, &w->link);
		w->changed(w);
	}
}

/* ---- work besides requests ---- */

struct codecs *core_codecs(struct core *c)
{
	if (!c->codecs)
		c->codecs = codecs_new();
	return c->codecs;
}

void core_work_begins(struct core *c)
{
	c->n_busy++;
}

static void tell_if_idle(struct core *c)
{
	if (!c->stopping || c->idle || c->n_busy > 0)
		return;
	c->idle = true;
	node_core_idle(c);
}

void core_work_ends(struct core *c)
{
	check(c->n_busy > 0);
	c->n_busy--;
	tell_if_idle(c);
}

void core_flushed(struct core *c)
{
	core_work_ends(c);
}

void core_flush(struct core *c, struct log_flush *f)
{
	core_work_begins(c);
	if (!c->flusher)
		c->flusher = log_flusher_new(c->loop);
	log_flusher_add(c->flusher, f);
}

/* ---- flushes that have to be retried ---- */

enum { FLUSH_AGAIN_MS = 100 };

struct pending_flush {
	struct list link;
	struct timer timer;
	struct core *core;
	struct partition *partition;
};

static void pending_flush_end(struct pending_flush *f)
{
	struct core *core = f->core;

	timer_stop(&f->timer);
	list_remove(&f->link);
	partition_unref(&f->partition);
	xfree(f);
	core_work_ends(core);
}

static void flush_due(struct timer *t)
{
	struct pending_flush *f = container_of(t, struct pending_flush, timer);
	struct effects effects = {0};

	partition_flush(f->partition, f->core, &effects);
	effects_run(&effects, f->core);
	pending_flush_end(f);
}

/*
 * A partition has one flush at a time, and so waits here once. A core that stops does not retry:
 * the logs are flushed when they are closed.
 */
void core_flush_again(struct core *c, struct partition *p)
{
	struct pending_flush *f;

	if (c->stopping)
		return;
	f = xcalloc(1, sizeof(*f));
	core_work_begins(c);
	f->core = c;
	f->partition = partition_ref(p);
	timer_init(&f->timer, c->loop, flush_due);
	list_push(&c->flushes, &f->link);
	timer_start(&f->timer, FLUSH_AGAIN_MS);
}

/* ---- files to be removed ---- */

struct pending_deletion {
	struct list link;
	struct work work;
	struct timer timer;
	struct core *core;
	struct log_deletion *deletion;
	bool at_work;
};

static void deletion_end(struct pending_deletion *d)
{
	struct core *core = d->core;

	list_remove(&d->link);
	log_deletion_free(d->deletion);
	xfree(d);
	core_work_ends(core);
}

static void deletion_job(struct work *w)
{
	struct pending_deletion *d = container_of(w, struct pending_deletion, work);
	int err = log_deletion_finish(d->deletion);

	if (err)
		diag_warn(d->core->loop->env->diag, "files of a log could not be removed", "error=%s", err_name(err));
}

static void deletion_done(struct work *w)
{
	deletion_end(container_of(w, struct pending_deletion, work));
}

static void deletion_due(struct timer *t)
{
	struct pending_deletion *d = container_of(t, struct pending_deletion, timer);

	d->at_work = true;
	d->work = (struct work){.job = deletion_job, .done = deletion_done, .loop = d->core->loop};
	env_work(d->core->loop, &d->work);
}

void core_delete(struct core *c, struct log_deletion *deletion)
{
	struct pending_deletion *d;

	if (c->stopping) {
		log_deletion_free(deletion);
		return;
	}
	d = xcalloc(1, sizeof(*d));
	core_work_begins(c);
	d->core = c;
	d->deletion = deletion;
	timer_init(&d->timer, c->loop, deletion_due);
	list_push(&c->deletions, &d->link);
	timer_start(&d->timer, deletion->delay_ms);
}

/* ---- the end ---- */

void core_stop(struct core *c)
{
	c->stopping = true;
	core_work_begins(c);
	coordinators_stop(c);
	peers_stop(c);
	markers_hurry(c);
	fetch_sessions_stop(c->sessions);
	list_each_safe(it, &c->flushes) pending_flush_end(container_of(it, struct pending_flush, link));
	list_each_safe(it, &c->deletions)
	{
		struct pending_deletion *d = container_of(it, struct pending_deletion, link);

		timer_stop(&d->timer);
		if (!d->at_work)
			deletion_end(d);
	}
	core_work_ends(c);
}

void core_fini(struct core *c)
{
	check(list_empty(&c->parked) && list_empty(&c->image_waiters) && list_empty(&c->deletions) &&
	      list_empty(&c->flushes));
	map_each(n, &c->partitions) forget(c, container_of(n, struct seen, node));
	map_fini(&c->partitions);
	requests_forget(c);
	kept_answers_free(c);
	fetch_sessions_free(c->sessions);
	if (c->flusher)
		log_flusher_free(c->flusher);
	if (c->codecs)
		codecs_free(c->codecs);
	producer_ids_free(c->producer_ids);
	peers_free(c->peers);
	coordinators_free(c->coordinators);
	coordinator_makers_free(c);
	c->coordinators = NULL;
	image_unref(&c->image);
}
