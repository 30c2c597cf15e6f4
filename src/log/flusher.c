/*
 * flusher: the flushes of one loop, of many logs, side by side. Invariants:
 *
 * 1. Jobs sync files in parallel: filesystems commit such syncs together.
 * 2. When as many flushes wait as there are jobs, one sync of the whole filesystem serves all of
 *    them: a group. It takes a small part of the CPU time of theirs, but waits for whatever else is
 *    to be written there: there is none while that is much, nor for a while after one that took
 *    longer than its flushes would have taken alone.
 * 3. While a group runs, what arrives waits for the next one.
 * 4. An error of a group says nothing about a single log: its flushes are then run alone, and so are
 *    those of logs on another filesystem than their directory. And its success says nothing about
 *    errors that the system has met before: each file is asked for them.
 */
#include "base/check.h"
#include "base/mem.h"
#include "log/internal.h"

#define JOBS 8
/* While so many wait for each job, a job takes them one by one: none is held up by those taken with it. */
#define QUEUE 16
/* Groups of fewer, on average, are no gain. */
#define GROUP_LEAST (JOBS / 2)
/* What others may have left to write: more would hold a group up. */
#define BACKLOG_MAX (4 << 20)
#define BACKLOG_AGAIN_NS (50 * NS_PER_MS)
/* After a group that was too slow: how many times as long there is none. */
#define ALONE_TIMES 20
/* After one that failed. */
#define ALONE_NS (1000 * NS_PER_MS)
#define SLOW_NS (5 * NS_PER_MS)

struct flush_job {
	struct work work;
	struct log_flusher *flusher;
	struct log_flush *running; /* NULL: the job is free */
	int n_running;
	int64_t began_ns;
	int64_t alone_for_ns; /* of a group: for how long there is none after it; INT64_MAX: for ever */
};

struct log_flusher {
	struct loop *loop;
	struct log_flush *first; /* waiting */
	struct log_flush **last;
	int n_waiting;
	int n_busy;
	struct flush_job jobs[JOBS];
	struct flush_job group;
	int group_size;	  /* moving average; 0: groups are not the rule now */
	int64_t alone_ns; /* how long a flush takes alone: moving average */
	int64_t no_group_until_ns;
};

struct log_flusher *log_flusher_new(struct loop *loop)
{
	struct log_flusher *g = xcalloc(1, sizeof(*g));

	g->loop = loop;
	g->last = &g->first;
	for (int i = 0; i < JOBS; i++)
		g->jobs[i].flusher = g;
	g->group.flusher = g;
	return g;
}

void log_flusher_free(struct log_flusher *g)
{
	check(!g || (g->n_busy == 0 && !g->first));
	xfree(g);
}

/* ---- jobs ---- */

/* Removes and returns the next n waiting flushes. */
static struct log_flush *take_waiting(struct log_flusher *g, int n)
{
	struct log_flush *first = g->first, *last = first;

	for (int i = 1; i < n; i++)
		last = last->next;
	g->first = last->next;
	if (!g->first)
		g->last = &g->first;
	last->next = NULL;
	g->n_waiting -= n;
	return first;
}

static void start(struct flush_job *j, int n, void (*run)(struct work *), void (*done)(struct work *))
{
	struct log_flusher *g = j->flusher;

	j->running = take_waiting(g, n);
	j->n_running = n;
	j->began_ns = env_mono_ns(g->loop->env);
	j->work = (struct work){.job = run, .done = done};
	g->n_busy++;
	env_work(g->loop, &j->work);
}

static void start_waiting(struct log_flusher *g);

/* The next flushes run while those of this job are completed. */
static void end(struct flush_job *j)
{
	struct log_flush *f = j->running;

	j->running = NULL;
	j->flusher->n_busy--;
	start_waiting(j->flusher);
	while (f) {
		struct log_flush *next = f->next;

		f->done(f);
		f = next;
	}
}

static void run_alone(struct work *w)
{
	for (struct log_flush *f = container_of(w, struct flush_job, work)->running; f; f = f->next)
		log_flush_run(f);
}

static void average(int64_t *of, int64_t ns)
{
	*of += *of ? (ns - *of) / 8 : ns;
}

static void alone_done(struct work *w)
{
	struct flush_job *j = container_of(w, struct flush_job, work);
	int64_t each_ns = (env_mono_ns(j->flusher->loop->env) - j->began_ns) / j->n_running;

	average(&j->flusher->alone_ns, each_ns);
	end(j);
}

/* ---- groups ---- */

/* Syncs the filesystem of f's directory, for all flushes of the group that are in it. */
static bool sync_disk_of(struct flush_job *j, struct log_flush *f)
{
	int err = file_sync_disk(f->files[0]);

	if (err) {
		j->alone_for_ns = err == -EOPNOTSUPP ? INT64_MAX : ALONE_NS;
		return false;
	}
	for (struct log_flush *same = f; same; same = same->next)
		same->disk_synced |= same->dir == f->dir && same->on_dirs_disk;
	return true;
}

static void run_group(struct work *w)
{
	struct flush_job *j = container_of(w, struct flush_job, work);

	j->alone_for_ns = 0;
	if (env_unwritten(j->flusher->loop->env) > BACKLOG_MAX) {
		j->alone_for_ns = BACKLOG_AGAIN_NS;
		return;
	}
	for (struct log_flush *f = j->running; f; f = f->next) {
		if (!f->disk_synced && f->on_dirs_disk && f->n_files > 0 && !f->error && !sync_disk_of(j, f))
			return;
		if (f->disk_synced)
			log_flush_run_synced(f);
		else /* it is on another filesystem */
			j->alone_for_ns = ALONE_NS;
	}
}

/* Puts what the group has not synced before what waits. */
static void give_back(struct flush_job *j)
{
	struct log_flusher *g = j->flusher;
	struct log_flush **at = &j->running, **waiting = &g->first;

	while (*at) {
		struct log_flush *f = *at;

		if (f->disk_synced) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		f->next = *waiting;
		*waiting = f;
		waiting = &f->next;
		if (!f->next)
			g->last = waiting;
		g->n_waiting++;
	}
}

static void group_done(struct work *w)
{
	struct flush_job *j = container_of(w, struct flush_job, work);
	struct log_flusher *g = j->flusher;
	int64_t now_ns = env_mono_ns(g->loop->env), took_ns = now_ns - j->began_ns;

	if (took_ns > SLOW_NS && took_ns > 2 * g->alone_ns * (j->n_running / JOBS + 1) && j->alone_for_ns == 0)
		j->alone_for_ns = ALONE_TIMES * took_ns;
	g->no_group_until_ns = j->alone_for_ns == INT64_MAX ? INT64_MAX : now_ns + j->alone_for_ns;
	g->group_size = (g->group_size + j->n_running) / 2;
	give_back(j);
	end(j);
}

static bool wants_group(const struct log_flusher *g)
{
	return (g->n_waiting >= JOBS || g->group_size >= GROUP_LEAST) &&
	       env_mono_ns(g->loop->env) >= g->no_group_until_ns;
}

/*
 * Gives each free job its part of what waits; the jobs that are busy will want theirs. If none is
 * free they wait, and more may join them.
 */
static void start_waiting(struct log_flusher *g)
{
	if (!g->first || g->group.running)
		return;
	if (wants_group(g)) {
		start(&g->group, g->n_waiting, run_group, group_done);
		return;
	}
	g->group_size = 0;
	for (int i = 0; i < JOBS && g->first; i++)
		if (!g->jobs[i].running)
			start(&g->jobs[i], 1 + g->n_waiting / (JOBS * QUEUE), run_alone, alone_done);
}

void log_flusher_add(struct log_flusher *g, struct log_flush *f)
{
	f->next = NULL;
	f->disk_synced = false;
	*g->last = f;
	g->last = &f->next;
	g->n_waiting++;
	start_waiting(g);
}
