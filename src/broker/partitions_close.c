/*
 * partitions_close: closes all logs cleanly, in parallel jobs.
 *
 *	write	what a clean end needs is written, beside the old files
 *	sync	everything is synced, once for each directory
 *	rename	what was written beside gets its name
 *	end	directories in which anything was renamed are synced again; the checkpoints are written
 *	note	what the next start would find out is noted for the directories' manifests
 *
 * In a directory with few logs to close, or on a filesystem where a sync of everything promises
 * nothing (env.h), each log is closed by itself in the third step; so is a log that lies on another
 * filesystem, or that could not be written. Nothing is vouched for before it is on the platter: a
 * log's flushed end moves in the last step, and the caller writes the marker of a clean stop.
 */
#include "base/check.h"
#include "base/list.h"
#include "base/mem.h"
#include "broker/partition.h"
#include "broker/partitions_private.h"
#include "log/dir.h"
#include "log/log.h"

#define JOBS 12
#define FEW 64 /* below this number, closing logs one by one is faster than syncing the whole disk */

struct closing_job {
	struct work work;
	struct partitions_closing *closing;
};

/* A log that has something to close, or files to be noted. */
struct closing_log {
	struct partition *partition; /* a reference */
	int dir;
	bool is_open;
	bool shares; /* uses the common syncs of its directory */
	struct buf note;
};

struct closing {
	struct closing_log *v;
	int n, cap;
	int next;	/* atomic: the first that no job has taken */
	bool *shares;	/* per directory: its logs share syncs */
	int *n_of;	/* per directory: how many logs are open */
	int *n_renamed; /* per directory, atomic: how many logs had a file renamed */
	int n_running;
	const struct stage *stage;
	struct closing_job jobs[JOBS];
};

/* Runs either for each log, in jobs, or once. */
struct stage {
	int (*each)(struct closing *g, struct closing_log *l);
	void (*once)(struct partitions_closing *c);
};

static int dir_of(const struct partitions_closing *c, const struct partition *p)
{
	int i = 0;

	while (c->table->options.dirs[i] != log_dir(p->log)) {
		i++;
		check(i < c->table->options.n_dirs);
	}
	return i;
}

static void note_error(struct partitions_closing *c, int err, struct log_dir *dir)
{
	int none = 0;

	if (err && !log_dir_error(dir)) /* a failed directory has been logged already */
		__atomic_compare_exchange_n(&c->error, &none, err, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* ---- the stages ---- */

static int write_one(struct closing *g, struct closing_log *l)
{
	l->shares = l->is_open && g->shares[l->dir] && log_close_write(l->partition->log) == 0;
	return 0; /* any obstacle will appear in log_close as well */
}

static void sync_all(struct partitions_closing *c)
{
	for (int i = 0; i < c->table->options.n_dirs; i++)
		if (c->closing->shares[i] && (env_buggify(c->table->options.env, "a disk is not synced as a whole") ||
					      log_dir_sync(c->table->options.dirs[i])))
			c->closing->shares[i] = false;
}

static int rename_one(struct closing *g, struct closing_log *l)
{
	bool renamed;
	int err;

	if (!l->is_open)
		return 0;
	l->shares = l->shares && g->shares[l->dir];
	if (!l->shares)
		return log_close(l->partition->log);
	err = log_close_rename(l->partition->log, &renamed);
	if (renamed)
		__atomic_fetch_add(&g->n_renamed[l->dir], 1, __ATOMIC_RELAXED);
	return err;
}

static void end_all(struct partitions_closing *c)
{
	struct closing *g = c->closing;
	int err;

	for (int i = 0; i < c->table->options.n_dirs; i++)
		if (g->shares[i] && g->n_renamed[i] > 0)
			note_error(c, log_dir_sync(c->table->options.dirs[i]), c->table->options.dirs[i]);
	for (int i = 0; i < g->n; i++)
		if (g->v[i].shares)
			log_close_end(g->v[i].partition->log);
	err = partitions_checkpoint_all(c->table);
	if (!c->error)
		c->error = err;
}

static int note_one(struct closing *g, struct closing_log *l)
{
	log_note(l->partition->log, &l->note);
	return 0;
}

static void pass_notes(struct partitions_closing *c)
{
	struct closing *g = c->closing;

	for (int i = 0; i < g->n; i++)
		if (g->v[i].note.len > 0)
			log_dir_note(c->table->options.dirs[g->v[i].dir], &g->v[i].note);
}

static const struct stage STAGES[] = {{.each = write_one},
				      {.once = sync_all},
				      {.each = rename_one},
				      {.once = end_all},
				      {.each = note_one},
				      {.once = pass_notes},
				      {0}};

/* ---- execution ---- */

static void job(struct work *w)
{
	struct partitions_closing *c = container_of(w, struct closing_job, work)->closing;
	struct closing *g = c->closing;
	int i;

	if (g->stage->once) {
		g->stage->once(c);
		return;
	}
	while ((i = __atomic_fetch_add(&g->next, 1, __ATOMIC_RELAXED)) < g->n)
		note_error(c, g->stage->each(g, &g->v[i]), log_dir(g->v[i].partition->log));
}

static void closed(struct partitions_closing *c)
{
	struct closing *g = c->closing;

	for (int i = 0; i < g->n; i++) {
		partition_unref(&g->v[i].partition);
		buf_fini(&g->v[i].note);
	}
	xfree(g->v);
	xfree(g->shares);
	xfree(g->n_of);
	xfree(g->n_renamed);
	xfree(g);
	c->closing = NULL;
	c->done(c);
}

static void run_stage(struct partitions_closing *c, struct loop *loop);

static void job_done(struct work *w)
{
	struct partitions_closing *c = container_of(w, struct closing_job, work)->closing;

	if (--c->closing->n_running > 0)
		return;
	c->closing->stage++;
	run_stage(c, w->loop);
}

static void run_stage(struct partitions_closing *c, struct loop *loop)
{
	struct closing *g = c->closing;

	if (!g->stage->each && !g->stage->once) {
		closed(c);
		return;
	}
	g->next = 0;
	g->n_running = g->stage->once || g->n == 0 ? 1 : g->n < JOBS ? g->n : JOBS;
	for (int i = 0; i < g->n_running; i++) {
		g->jobs[i] = (struct closing_job){{.job = job, .done = job_done, .loop = loop}, c};
		env_work(loop, &g->jobs[i].work);
	}
}

static void gather(struct partition *p, void *arg)
{
	struct partitions_closing *c = arg;
	struct closing *g = c->closing;
	bool is_open = !log_is_closed(p->log);

	if (p->deleted || (!is_open && log_segments(p->log) == 0))
		return;
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 64;
		g->v = xreallocarray(g->v, (size_t)g->cap, sizeof(*g->v));
	}
	g->v[g->n++] = (struct closing_log){.partition = partition_ref(p), .dir = dir_of(c, p), .is_open = is_open};
	g->n_of[dir_of(c, p)] += is_open;
}

void partitions_close(struct partitions *t, struct partitions_closing *c, struct loop *loop)
{
	struct closing *g = xcalloc(1, sizeof(*g));
	size_t n_dirs = (size_t)t->options.n_dirs;

	c->table = t;
	c->error = 0;
	c->closing = g;
	g->stage = STAGES;
	g->shares = xcalloc(n_dirs, sizeof(*g->shares));
	g->n_of = xcalloc(n_dirs, sizeof(*g->n_of));
	g->n_renamed = xcalloc(n_dirs, sizeof(*g->n_renamed));
	partitions_each(t, gather, c);
	for (size_t i = 0; i < n_dirs; i++)
		g->shares[i] = g->n_of[i] > FEW ||
			       (g->n_of[i] > 0 && env_buggify(t->options.env, "share the syncs of a stop"));
	run_stage(c, loop);
}
