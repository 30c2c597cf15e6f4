/*
 * partitions_load: what is found in the log directories at the start, opened.
 *
 *	scan	one job lists all directories; replicas come into the table, strays are put aside
 *	load	num.recovery.threads.per.data.dir jobs a directory open their logs, each the next one that is left
 *
 * A directory that fails on the way goes offline, with what is in it; the others are loaded.
 */
#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/partitions_private.h"
#include "config/config.h"
#include "log/dir.h"
#include "metadata/image.h"

/* Of all directories together: other work wants a thread now and then. */
#define JOBS_MAX 12

struct dir_load {
	struct loading *loading;
	struct log_dir *dir;
	int index;
	bool clean;
	struct partition **found; /* each with a reference */
	int n, cap;
	int next;    /* atomic: the first that no job has taken */
	int n_short; /* atomic: logs that a full disk or a lack of descriptors kept from being whole */
};

struct load_job {
	struct work work;
	struct dir_load *dir;
};

struct loading {
	struct partitions_load *load;
	struct work work;
	struct dir_load *dirs;
	struct load_job *jobs;
	int n_running;
};

/* The topic that a directory belongs to; NULL when the metadata knows none, or gives this node no replica of it. */
static const struct image_topic *owner(const struct partitions *t, const struct image *image,
				       const struct log_dir_entry *e)
{
	const struct image_topic *topic = image_topic_by_name(image, e->topic);
	const struct image_partition *p = topic ? image_topic_partition(topic, e->partition) : NULL;

	if (!p || (!uuid_is_zero(e->topic_id) && !uuid_eq(e->topic_id, topic->id)))
		return NULL;
	return image_ids_has(partition_replicas(p), t->options.node_id) ? topic : NULL;
}

/* ---- scanning ---- */

static void found(struct dir_load *d, struct partition *p)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		d->found = xreallocarray(d->found, (size_t)d->cap, sizeof(struct partition *));
	}
	d->found[d->n++] = partition_ref(p);
}

/* False: it is there already. */
static bool take_in(struct dir_load *d, const struct image_topic *topic, int32_t id)
{
	struct partitions *t = d->loading->load->table;
	struct topic_entry *e;
	struct log *log;
	bool is_first;

	mutex_lock(&t->lock);
	e = partitions_take_in_topic(t, d->loading->load->image, topic);
	is_first = !partitions_find(t, topic->id, id);
	if (is_first) {
		log = log_new(d->dir, &(struct log_id){str_of(e->state->name), id, topic->id}, &e->state->config);
		found(d, partitions_take_in(t, e, id, d->index, log));
	}
	mutex_unlock(&t->lock);
	return is_first;
}

static int scan_one(void *arg, const struct log_dir_entry *entry)
{
	struct dir_load *d = arg;
	struct partitions *t = d->loading->load->table;
	const struct image_topic *topic;

	if (str_is(entry->topic, "__cluster_metadata"))
		return 0;
	topic = owner(t, d->loading->load->image, entry);
	if (!topic)
		return log_dir_set_stray(d->dir, entry);
	if (!take_in(d, topic, entry->partition))
		diag_error(t->options.env->diag, "replica is in two directories; the second is left alone",
			   "dir=%s name=%s", log_dir_path(d->dir), entry->name);
	return 0;
}

static void scan_job(struct work *w)
{
	struct loading *g = container_of(w, struct loading, work);
	const struct partitions *t = g->load->table;

	for (int i = 0; i < t->options.n_dirs; i++) {
		struct dir_load *d = &g->dirs[i];
		int err;

		*d = (struct dir_load){.loading = g, .dir = t->options.dirs[i], .index = i};
		d->clean = log_dir_was_clean(d->dir, NULL);
		err = log_dir_error(d->dir) ? 0 : log_dir_scan(d->dir, scan_one, d);
		if (err)
			log_dir_fail(d->dir, err, "listing its replicas", log_dir_path(d->dir));
	}
}

/* ---- loading ---- */

static bool report(void *arg, const struct log_load_progress *p)
{
	struct partitions_load *l = arg;

	diag_info(l->table->options.env->diag, "recovering", "topic=%.*s partition=%d bytes=%lld of=%lld logs=%d",
		  STR_ARG(p->topic), p->partition, (long long)p->bytes_done, (long long)p->bytes_total,
		  __atomic_load_n(&l->n_recovered, __ATOMIC_RELAXED));
	return !__atomic_load_n(&l->cancelled, __ATOMIC_RELAXED);
}

static void load_one(struct dir_load *d, struct partition *p)
{
	struct partitions_load *l = d->loading->load;
	const struct image_topic *topic = image_topic_by_id(l->image, p->topic_id);
	struct log_load how = {
		.clean = d->clean,
		.producer_expiration_ms = config_int(l->table->options.config, CONFIG_PRODUCER_ID_EXPIRATION_MS),
		.progress = report,
		.arg = l,
	};
	struct effects none = {0};

	log_load(p->log, &how); /* what it comes to is its standing, or the directory's failure */
	if (log_standing(p->log) != LOG_WHOLE)
		__atomic_add_fetch(&d->n_short, 1, __ATOMIC_RELAXED);
	partition_set_role(p, image_topic_partition(topic, p->id), l->table->options.node_id, &none);
	check(!none.first && !none.flush);
	__atomic_add_fetch(&l->n_recovered, 1, __ATOMIC_RELAXED);
}

static void load_job(struct work *w)
{
	struct dir_load *d = container_of(w, struct load_job, work)->dir;
	int i;

	while (!__atomic_load_n(&d->loading->load->cancelled, __ATOMIC_RELAXED) &&
	       (i = __atomic_fetch_add(&d->next, 1, __ATOMIC_RELAXED)) < d->n)
		load_one(d, d->found[i]);
}

static void dir_loaded(struct dir_load *d)
{
	if (d->n_short)
		diag_warn(d->loading->load->table->options.env->diag,
			  "logs could not be loaded whole, tried again later",
			  "dir=%s logs=%d remedy=\"free some space, or allow more open files\"", log_dir_path(d->dir),
			  d->n_short);
	for (int i = 0; i < d->n; i++)
		partition_unref(&d->found[i]);
	xfree(d->found);
}

static void all_loaded(struct loading *g)
{
	struct partitions_load *l = g->load;

	for (int i = 0; i < l->table->options.n_dirs; i++)
		dir_loaded(&g->dirs[i]);
	xfree(g->dirs);
	xfree(g->jobs);
	xfree(g);
	image_unref(&l->image);
	l->done(l);
}

static void load_done(struct work *w)
{
	struct loading *g = container_of(w, struct load_job, work)->dir->loading;

	if (--g->n_running == 0)
		all_loaded(g);
}

static int jobs_for(const struct loading *g, const struct dir_load *d)
{
	const struct partitions *t = g->load->table;
	int threads = config_int(t->options.config, CONFIG_NUM_RECOVERY_THREADS_PER_DATA_DIR);
	int most = JOBS_MAX / t->options.n_dirs;

	if (threads > most)
		threads = most > 0 ? most : 1;
	return threads < d->n ? threads : d->n;
}

static void scanned(struct work *w)
{
	struct loading *g = container_of(w, struct loading, work);
	const struct partitions *t = g->load->table;
	int n = 0;

	for (int i = 0; i < t->options.n_dirs; i++)
		n += jobs_for(g, &g->dirs[i]);
	if (n == 0) {
		all_loaded(g);
		return;
	}
	g->jobs = xcalloc((size_t)n, sizeof(*g->jobs));
	g->n_running = n;
	n = 0;
	for (int i = 0; i < t->options.n_dirs; i++)
		for (int j = jobs_for(g, &g->dirs[i]); j > 0; j--) {
			struct load_job *job = &g->jobs[n++];

			*job = (struct load_job){{.job = load_job, .done = load_done, .loop = w->loop}, &g->dirs[i]};
			env_work(w->loop, &job->work);
		}
}

void partitions_load_cancel(struct partitions_load *l)
{
	__atomic_store_n(&l->cancelled, 1, __ATOMIC_RELAXED);
}

void partitions_load(struct partitions *t, struct partitions_load *l, const struct image *image, struct loop *loop)
{
	struct loading *g = xcalloc(1, sizeof(*g));

	t->loading = true;
	l->table = t;
	l->image = image_ref(image);
	g->load = l;
	g->dirs = xcalloc((size_t)t->options.n_dirs, sizeof(*g->dirs));
	g->work = (struct work){.job = scan_job, .done = scanned, .loop = loop};
	env_work(loop, &g->work);
}
