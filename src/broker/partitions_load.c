/*
 * partitions_load: opens what is found in the log directories at the start.
 *
 *	scan	one job lists all directories; replicas are added to the table, strays are put aside
 *	load	num.recovery.threads.per.data.dir jobs per directory open the logs, each the next one that is left
 *
 * A replica that was being moved (mover.h) is in two directories: the current one, and -future. If
 * only the future one exists, and the cluster says that this is its place, the move was complete
 * except for the name. If both have the replica's name, the move was complete as well, and the one
 * in the directory to which it is not assigned is put aside.
 *
 * A directory that fails during this goes offline, with its contents; the others are loaded.
 */
#include <string.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/layers.h"
#include "broker/mover.h"
#include "broker/partitions_private.h"
#include "config/config.h"
#include "log/dir.h"
#include "metadata/image.h"

/* For all directories together: other work needs a thread now and then. */
#define JOBS_MAX 12
#define SCAN_AGAIN_MS 200

/* A replica that was being moved; loaded like the others. */
struct partitions_future {
	struct partition *partition; /* a reference */
	struct topic_state *topic;   /* a reference */
	struct log *log;
};

struct dir_load {
	struct loading *loading;
	struct log_dir *dir;
	int index;
	struct partition **found; /* each with a reference */
	int n, cap;
	char **futures; /* names of directories, until all were listed */
	int n_futures;
	int n_settled; /* how many of `futures` */
	bool scanned;
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
	int error; /* error of the scan, which continues */
	struct timer timer;
};

/*
 * The topic to which a directory belongs; NULL when it is not in the metadata, or this node has no
 * replica of it.
 */
static const struct image_topic *owner(const struct partitions *t, const struct image *image,
				       const struct log_dir_entry *e)
{
	const struct image_topic *topic = image_topic_by_name(image, e->topic);
	const struct image_partition *p = topic ? image_topic_partition(topic, e->partition) : NULL;

	if (!p || (!uuid_is_zero(e->topic_id) && !uuid_eq(e->topic_id, topic->id)))
		return NULL;
	return image_ids_has(partition_replicas(p), t->options.self.node_id) ? topic : NULL;
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

static struct log *new_log(struct dir_load *d, const struct topic_state *state, int32_t id, bool is_found)
{
	return log_new(d->dir, &(struct log_id){str_of(state->name), id, state->id, is_found}, &state->config);
}

/* Adds the replica to the table; false when it is there already. */
static bool take_in(struct dir_load *d, const struct image_topic *topic, const struct log_dir_entry *entry)
{
	bool is_found = !uuid_is_zero(entry->topic_id);
	int32_t id = entry->partition;
	struct partitions *t = d->loading->load->table;
	struct topic_entry *e;
	bool is_first;

	mutex_lock(&t->lock);
	e = partitions_take_in_topic(t, d->loading->load->image, topic);
	is_first = !partitions_find(t, topic->id, id);
	if (is_first)
		found(d, partitions_take_in(t, e, id, d->index, new_log(d, e->state, id, is_found)));
	mutex_unlock(&t->lock);
	return is_first;
}

static bool is_assigned_to(const struct dir_load *d, const struct image_partition *p)
{
	return uuid_eq(partitions_own_directory(d->loading->load->table, p), log_dir_meta(d->dir)->directory_id);
}

/* Nobody uses the replica yet. The directory that is not kept becomes a stray. */
static int settle_two(struct dir_load *d, const struct image_topic *topic, const struct log_dir_entry *entry)
{
	struct partitions *t = d->loading->load->table;
	struct partition *p = partitions_find(t, topic->id, entry->partition);
	struct log_dir *first = log_dir(p->log);

	diag_warn(t->options.env->diag, "replica is in two directories", "topic=%.*s partition=%d dirs=%s,%s",
		  STR_ARG(entry->topic), entry->partition, log_dir_path(first), log_dir_path(d->dir));
	if (!is_assigned_to(d, image_topic_partition(topic, entry->partition)))
		return log_dir_set_stray(d->dir, entry);
	int err = log_dir_set_stray(first, entry);
	if (err) {
		log_dir_fail(first, err, "putting a replica aside", entry->name);
		return 0;
	}
	log_free(p->log);
	p->log = new_log(d, p->topic, p->id, !uuid_is_zero(entry->topic_id));
	partitions_moved(t, first, d->dir);
	return 0;
}

/* A directory may be listed more than once. */
static bool is_known(const struct dir_load *d, const struct image_topic *topic, int32_t id)
{
	struct partitions *t = d->loading->load->table;
	const struct partition *p;
	bool is_here;

	mutex_lock(&t->lock);
	p = partitions_find(t, topic->id, id);
	is_here = p && log_dir(p->log) == d->dir;
	mutex_unlock(&t->lock);
	return is_here;
}

static void note_future(struct dir_load *d, const char *name)
{
	for (int i = 0; i < d->n_futures; i++)
		if (strcmp(d->futures[i], name) == 0)
			return;
	d->futures = xreallocarray(d->futures, (size_t)d->n_futures + 1, sizeof(char *));
	d->futures[d->n_futures++] = xstrdup(name);
}

static int scan_one(void *arg, const struct log_dir_entry *entry)
{
	struct dir_load *d = arg;
	const struct image_topic *topic;

	if (str_is(entry->topic, "__cluster_metadata"))
		return 0;
	if (entry->future) {
		note_future(d, entry->name);
		return 0;
	}
	topic = owner(d->loading->load->table, d->loading->load->image, entry);
	if (!topic)
		return log_dir_set_stray(d->dir, entry);
	if (is_known(d, topic, entry->partition) || take_in(d, topic, entry))
		return 0;
	return settle_two(d, topic, entry);
}

/* The move was complete except for the name. */
static int promote(struct dir_load *d, const struct image_topic *topic, const struct log_dir_entry *entry)
{
	struct log_id id = {topic->name, entry->partition, topic->id};
	struct topic_config none = {0};
	struct log *log = log_new_future(d->dir, &id, &none, entry->name);
	int err = log_become_current(log);

	log_free(log);
	if (!err)
		take_in(d, topic, entry);
	return err;
}

static void resume_later(struct dir_load *d, struct partition *p, const char *name)
{
	struct partitions_load *l = d->loading->load;
	struct partitions_future *f;
	struct log_id id = {str_of(p->topic->name), p->id, p->topic_id};

	l->futures = xreallocarray(l->futures, (size_t)l->n_futures + 1, sizeof(*l->futures));
	f = &l->futures[l->n_futures++];
	f->partition = partition_ref(p);
	f->topic = topic_state_ref(p->topic);
	f->log = log_new_future(d->dir, &id, &f->topic->config, name);
}

static int settle_future(struct dir_load *d, const char *name)
{
	struct partitions *t = d->loading->load->table;
	struct log_dir_entry e = {.name = name, .future = true};
	const struct image_topic *topic;
	struct partition *p;
	int err = log_dir_entry_read(d->dir, &e);

	if (err)
		return err;
	topic = owner(t, d->loading->load->image, &e);
	if (!topic)
		return log_dir_set_stray(d->dir, &e);
	p = partitions_find(t, topic->id, e.partition);
	if (p && log_dir(p->log) != d->dir)
		resume_later(d, p, name);
	else if (p) /* it is here already: this is left of a move that was given up */
		return log_dir_set_stray(d->dir, &e);
	else if (is_assigned_to(d, image_topic_partition(topic, e.partition)))
		return promote(d, topic, &e);
	else
		diag_warn(t->options.env->diag,
			  "replica was on its way to this directory, and is nowhere else; left alone", "dir=%s name=%s",
			  log_dir_path(d->dir), name);
	return 0;
}

/* 0; or a lack of descriptors: there are some left. */
static int settle_futures(struct dir_load *d)
{
	for (; d->n_settled < d->n_futures; d->n_settled++) {
		int err = log_dir_error(d->dir) ? 0 : settle_future(d, d->futures[d->n_settled]);

		if (err_is_no_descriptor(err))
			return err;
		if (err)
			log_dir_fail(d->dir, err, "opening a future replica", d->futures[d->n_settled]);
	}
	return 0;
}

static int scan_dir(struct dir_load *d)
{
	int err = d->scanned || log_dir_error(d->dir) ? 0 : log_dir_scan(d->dir, scan_one, d);

	if (err_is_no_descriptor(err))
		return err;
	if (err)
		log_dir_fail(d->dir, err, "listing its replicas", log_dir_path(d->dir));
	else if (!log_dir_error(d->dir))
		d->loading->load->table->listed[d->index] = true;
	d->scanned = true;
	return 0;
}

/* What fails for lack of descriptors is left for another attempt. */
static void scan_job(struct work *w)
{
	struct loading *g = container_of(w, struct loading, work);
	int n_dirs = g->load->table->options.n_dirs;

	g->error = 0;
	for (int i = 0; i < n_dirs && !g->error; i++)
		g->error = scan_dir(&g->dirs[i]);
	for (int i = 0; i < n_dirs && !g->error; i++)
		g->error = settle_futures(&g->dirs[i]);
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

static void load_log(struct partitions_load *l, struct log *log)
{
	const struct partitions_options *o = &l->table->options;
	struct layers layers = layers_of_broker(l->image, o->self.node_id);
	struct log_load how = {
		.clean = log_dir_was_clean(log_dir(log), NULL),
		.producer_expiration_ms =
			config_long_in(o->config, layers.v, layers.n, CONFIG_PRODUCER_ID_EXPIRATION_MS),
		.progress = report,
		.arg = l,
	};

	log_load(log, &how); /* the result is the log's standing, or the directory's failure */
}

static void load_one(struct dir_load *d, struct partition *p)
{
	struct partitions_load *l = d->loading->load;
	const struct image_topic *topic = image_topic_by_id(l->image, p->topic_id);
	struct effects none = {0};

	load_log(l, p->log);
	if (log_standing(p->log) != LOG_WHOLE)
		__atomic_add_fetch(&d->n_short, 1, __ATOMIC_RELAXED);
	partition_set_role(p, &l->table->options.self, l->image, image_topic_partition(topic, p->id), &none);
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

static void count_futures(struct loading *g)
{
	const struct partitions_load *l = g->load;

	for (int i = 0; i < l->table->options.n_dirs; i++)
		for (int k = 0; k < l->n_futures; k++)
			g->dirs[i].n_short += log_dir(l->futures[k].log) == g->dirs[i].dir &&
					      log_standing(l->futures[k].log) != LOG_WHOLE;
}

/*
 * Loads future replicas, of which there are few. Then everything is loaded, and the next process
 * may believe it.
 */
static void futures_job(struct work *w)
{
	struct loading *g = container_of(w, struct loading, work);
	struct partitions_load *l = g->load;

	for (int i = 0; i < l->n_futures; i++)
		if (!__atomic_load_n(&l->cancelled, __ATOMIC_RELAXED))
			load_log(l, l->futures[i].log);
	count_futures(g);
	for (int i = 0; i < l->table->options.n_dirs; i++) {
		struct log_dir *dir = g->dirs[i].dir;

		log_dir_forget_noted(dir);
		if (g->dirs[i].n_short || log_dir_error(dir) || __atomic_load_n(&l->cancelled, __ATOMIC_RELAXED))
			continue;
		log_dir_trust(dir);
		log_dir_vouch(dir);
	}
}

void partitions_resume(struct partitions_load *l, struct mover *m)
{
	for (int i = 0; i < l->n_futures; i++) {
		struct partitions_future *f = &l->futures[i];

		if (m && log_standing(f->log) == LOG_WHOLE && !log_dir_error(log_dir(f->log))) {
			mover_resume(m, f->partition, f->log, f->topic);
		} else { /* the directory stays on disk */
			log_free(f->log);
			topic_state_unref(&f->topic);
		}
		partition_unref(&f->partition);
	}
	xfree(l->futures);
	l->futures = NULL;
	l->n_futures = 0;
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
	for (int i = 0; i < d->n_futures; i++)
		xfree(d->futures[i]);
	xfree(d->futures);
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

static void futures_done(struct work *w)
{
	all_loaded(container_of(w, struct loading, work));
}

static void load_futures(struct loading *g, struct loop *loop)
{
	g->work = (struct work){.job = futures_job, .done = futures_done, .loop = loop};
	env_work(loop, &g->work);
}

static void load_done(struct work *w)
{
	struct loading *g = container_of(w, struct load_job, work)->dir->loading;

	if (--g->n_running == 0)
		load_futures(g, w->loop);
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

static void start_jobs(struct loading *g, struct loop *loop)
{
	const struct partitions *t = g->load->table;
	int n = 0;

	for (int i = 0; i < t->options.n_dirs; i++)
		n += jobs_for(g, &g->dirs[i]);
	if (n == 0) {
		load_futures(g, loop);
		return;
	}
	g->jobs = xcalloc((size_t)n, sizeof(*g->jobs));
	g->n_running = n;
	n = 0;
	for (int i = 0; i < t->options.n_dirs; i++)
		for (int j = jobs_for(g, &g->dirs[i]); j > 0; j--) {
			struct load_job *job = &g->jobs[n++];

			*job = (struct load_job){{.job = load_job, .done = load_done, .loop = loop}, &g->dirs[i]};
			env_work(loop, &job->work);
		}
}

static void scan_again(struct timer *t)
{
	struct loading *g = container_of(t, struct loading, timer);

	env_work(t->loop, &g->work);
}

static void scanned(struct work *w)
{
	struct loading *g = container_of(w, struct loading, work);
	struct partitions_load *l = g->load;

	if (g->error && !__atomic_load_n(&l->cancelled, __ATOMIC_RELAXED)) {
		diag_warn(l->table->options.env->diag, "log directories are not listed yet, tried again", "error=%s",
			  err_name(g->error));
		timer_start(&g->timer, SCAN_AGAIN_MS);
		return;
	}
	start_jobs(g, w->loop);
}

void partitions_load_drop(struct partitions_load *l)
{
	partitions_resume(l, NULL);
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
	for (int i = 0; i < t->options.n_dirs; i++)
		g->dirs[i] = (struct dir_load){.loading = g, .dir = t->options.dirs[i], .index = i};
	timer_init(&g->timer, loop, scan_again);
	g->work = (struct work){.job = scan_job, .done = scanned, .loop = loop};
	env_work(loop, &g->work);
}
