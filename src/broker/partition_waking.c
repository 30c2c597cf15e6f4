/*
 * partition_waking: who waits for a partition to move, and what an operation under its lock has to
 * have done once the lock is let go; partition.h has the invariants.
 */
#include "base/check.h"
#include "broker/core.h"
#include "broker/isr.h"
#include "broker/node_private.h"
#include "broker/partition_private.h"
#include "replication/leading.h"

void waking_init(struct waking *w, struct loop *loop, void (*run)(struct waking *))
{
	*w = (struct waking){.loop = loop, .run = run};
}

static void waking_arrived(struct post *post)
{
	struct waking *w = container_of(post, struct waking, post);

	__atomic_store_n(&w->on_its_way, 0, __ATOMIC_SEQ_CST);
	w->run(w);
}

static void gather(struct waking *w, struct waiter *ready)
{
	ready->ready = __atomic_load_n(&w->ready, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&w->ready, &ready->ready, ready, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
}

struct waiter *waking_take(struct waking *w)
{
	return __atomic_load_n(&w->ready, __ATOMIC_SEQ_CST) ? __atomic_exchange_n(&w->ready, NULL, __ATOMIC_SEQ_CST)
							    : NULL;
}

/*
 * Under the partition's lock. What is gathered before a call that is on its way arrives is taken by
 * that call: both sides see each other's steps in one order.
 */
static void wake(struct waiter *ready, struct effects *e)
{
	struct waking *w = ready->waking;

	if (w->gathers)
		gather(w, ready);
	if (__atomic_exchange_n(&w->on_its_way, 1, __ATOMIC_SEQ_CST))
		return;
	w->next = e->first;
	e->first = w;
}

bool waking_settle(struct waking *w)
{
	return !__atomic_load_n(&w->on_its_way, __ATOMIC_ACQUIRE);
}

void effects_run(struct effects *e, struct core *core)
{
	while (e->first) {
		struct waking *w = e->first;

		e->first = w->next;
		w->post.run = waking_arrived;
		loop_post(w->loop, &w->post);
	}
	if (e->flush)
		core_flush(core, e->flush);
	e->flush = NULL;
	if (e->proposes)
		isr_propose(core->node->isr, &e->proposes);
}

static int64_t watched(const struct partition *p, const struct log_offsets *o, enum watch watch)
{
	switch (watch) {
	case WATCH_HIGH_WATERMARK:
		return o->high_watermark;
	case WATCH_STABLE:
		return o->stable;
	case WATCH_END:
		return o->end;
	case WATCH_START:
		return o->start;
	case WATCH_FLUSHED:
		return o->flushed_end;
	case WATCH_LOW_WATERMARK:
		return p->low_watermark;
	}
	check(false);
}

static bool is_ready(const struct partition *p, const struct log_offsets *o, const struct waiter *w)
{
	return watched(p, o, w->watch) > w->past ||
	       (w->watches_marks && (o->high_watermark != w->high_watermark || o->start != w->start));
}

/* It had everything until now, as of when it was last heard of. */
static void note_follower_at_rest(struct partition *p, const struct waiter *w)
{
	if (w->heard_ms && p->leading)
		leading_heard(p->leading, w->follower, __atomic_load_n(w->heard_ms, __ATOMIC_RELAXED));
}

void partition_wake_ready(struct partition *p, bool all, struct effects *e)
{
	struct log_offsets o;

	if (list_empty(&p->waiters))
		return;
	/* A waiter that is woken too early looks, and waits again. */
	all = all || env_buggify(log_dir_env(log_dir(p->log)), "wake all");
	o = log_offsets(p->log);
	list_each_safe(it, &p->waiters)
	{
		struct waiter *w = container_of(it, struct waiter, link);

		if (is_ready(p, &o, w))
			note_follower_at_rest(p, w);
		else if (!all)
			continue;
		list_remove(&w->link);
		wake(w, e);
	}
}

void partition_has_moved(struct partition *p)
{
	struct effects e = {0};

	mutex_lock(&p->lock);
	partition_wake_ready(p, false, &e);
	mutex_unlock(&p->lock);
	effects_run(&e, NULL); /* nothing but wakes */
}

bool partition_wait(struct partition *p, struct waiter *w)
{
	struct log_offsets o;
	bool waits;

	check(!w->partition);
	mutex_lock(&p->lock);
	o = log_offsets(p->log);
	waits = !p->deleted && !is_ready(p, &o, w);
	if (waits) {
		w->partition = partition_ref(p);
		list_push(&p->waiters, &w->link);
	}
	mutex_unlock(&p->lock);
	return waits;
}

void partition_unwait(struct waiter *w)
{
	if (!w->partition)
		return;
	mutex_lock(&w->partition->lock);
	if (!list_empty(&w->link)) /* nothing has moved since it began to wait */
		note_follower_at_rest(w->partition, w);
	list_remove(&w->link);
	mutex_unlock(&w->partition->lock);
	partition_unref(&w->partition);
}
