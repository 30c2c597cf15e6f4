/*
 * disk_limit: collects the segments that may be removed, oldest first, and retires as many as
 * necessary.
 */
#include "broker/disk_limit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/mem.h"
#include "broker/internal_topic.h"
#include "broker/node_private.h"
#include "broker/partition.h"
#include "broker/partitions.h"
#include "log/dir.h"
#include "log/log.h"

/* A segment that may be removed. */
struct candidate {
	struct partition *partition; /* a reference */
	int64_t end;
	int64_t bytes;
	int64_t newest_ms; /* at least that of the segments before it */
	int number;	   /* index in its partition */
};

struct weighing {
	struct node *node;
	struct log_dir *dir;
	int64_t bytes; /* of all logs in the directory */
	struct candidate *v;
	int n, cap;
	void (*found)(void *arg, struct log_deletion *d);
	void *arg;
};

static void weigh_one(struct partition *p, void *arg)
{
	struct weighing *w = arg;

	mutex_lock(&p->lock);
	if (!p->deleted && log_dir(p->log) == w->dir)
		w->bytes += log_size(p->log);
	mutex_unlock(&p->lock);
}

static void add(struct weighing *w, struct partition *p, int number, const struct log_front *front)
{
	const struct candidate *before = number > 0 ? &w->v[w->n - 1] : NULL;
	int64_t newest_ms = before && before->newest_ms > front->newest_ms ? before->newest_ms : front->newest_ms;

	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->v = xreallocarray(w->v, (size_t)w->cap, sizeof(*w->v));
	}
	w->v[w->n++] = (struct candidate){partition_ref(p), front->end, front->bytes, newest_ms, number};
}

static void list_one(struct partition *p, void *arg)
{
	struct weighing *w = arg;
	struct log_front front;

	mutex_lock(&p->lock);
	if (!p->deleted && log_dir(p->log) == w->dir && !p->topic->config.cleanup_compact &&
	    !topic_is_internal(str_of(p->topic->name)))
		for (int i = 0; log_front(p->log, i, &front) == 0; i++)
			add(w, p, i, &front);
	mutex_unlock(&p->lock);
}

static int by_age(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->newest_ms != y->newest_ms)
		return x->newest_ms < y->newest_ms ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static void let_go(struct weighing *w, const struct candidate *c)
{
	struct log_deletion *deletion;

	do {
		deletion = NULL;
		mutex_lock(&c->partition->lock);
		if (!c->partition->deleted && log_dir(c->partition->log) == w->dir)
			log_retain_beyond(c->partition->log, env_wall_ms(w->node->env), c->end, &deletion);
		mutex_unlock(&c->partition->lock);
		if (deletion) {
			partition_has_moved(c->partition);
			w->found(w->arg, deletion);
		}
	} while (deletion);
}

static void lighten(struct weighing *w, int64_t limit)
{
	int64_t bytes = w->bytes;
	int n = 0;

	partitions_each(w->node->partitions, list_one, w);
	if (w->n > 0)
		qsort(w->v, (size_t)w->n, sizeof(*w->v), by_age);
	for (; n < w->n && bytes > limit; n++) {
		let_go(w, &w->v[n]);
		bytes -= w->v[n].bytes;
	}
	if (n > 0) /* not worth a line every time */
		diag_info(w->node->env->diag, "logs take more of their disk than they may: the oldest segments go",
			  "dir=%s bytes=%" PRId64 " limit=%" PRId64 " segments=%d left=%" PRId64, log_dir_path(w->dir),
			  w->bytes, limit, n, bytes);
	for (int i = 0; i < w->n; i++)
		partition_unref(&w->v[i].partition);
	xfree(w->v);
}

void disk_limit_apply(struct node *n, int percent, void (*found)(void *arg, struct log_deletion *d), void *arg)
{
	for (int i = 0; percent > 0 && i < n->n_dirs; i++) {
		struct weighing w = {.node = n, .dir = n->dirs[i], .found = found, .arg = arg};
		struct disk_space space;

		/* Some filesystems do not know their size. */
		if (log_dir_error(w.dir) || log_dir_space(w.dir, &space) || space.total <= 0)
			continue;
		partitions_each(n->partitions, weigh_one, &w);
		if (w.bytes > space.total / 100 * percent)
			lighten(&w, space.total / 100 * percent);
	}
}
