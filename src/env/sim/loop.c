/*
 * loop, sim: a mailbox, a timer and jobs, each an event.
 *
 * A post is taken some microseconds after it was sent, a few at a time, so that other loops run in
 * between; a timer is a little late, as real ones are; a job runs at a random moment, and its
 * completion is delivered at another. Between one poster and one loop the order is preserved.
 */
#include "base/check.h"
#include "base/mem.h"
#include "env/sim/sim_priv.h"

struct sim_loop {
	struct loop base;
	struct list link;
	struct post *first;
	struct post **last;
	struct sim_event posts;
	struct sim_event timer;
	bool stopped;
};

static struct sim_loop *sim_loop(struct loop *l)
{
	return container_of(l, struct sim_loop, base);
}

static int64_t soon(struct sim_env *e, int64_t most_us)
{
	return e->w->now_ns + chance_between(&e->w->chance, 1000, most_us * 1000);
}

bool sim_loop_is_stopped(struct loop *l)
{
	return sim_loop(l)->stopped;
}

/* ---- mailbox ---- */

static void run_posts(struct sim_event *ev)
{
	struct sim_loop *l = container_of(ev, struct sim_loop, posts);
	int64_t n = chance_between(&ev->w->chance, 1, 8);

	l->base.n_polls++; /* sockets may have had their events in between */
	for (; n > 0 && l->first && !l->stopped; n--) {
		struct post *p = l->first;

		l->first = p->next;
		if (!l->first)
			l->last = &l->first;
		p->run(p);
	}
	if (l->first && !l->stopped)
		event_at(&l->posts, soon(ev->env, 20));
}

void sim_loop_post(struct loop *base, struct post *p)
{
	struct sim_loop *l = sim_loop(base);
	struct sim_env *e = sim_env_of(base->env);

	check(p->run);
	p->next = NULL;
	*l->last = p;
	l->last = &p->next;
	if (!l->stopped && !event_is_waiting(&l->posts))
		event_at(&l->posts, soon(e, 20));
}

/* ---- timers ---- */

static void set_timer(struct sim_loop *l)
{
	struct sim_env *e = sim_env_of(l->base.env);
	struct heap_node *earliest = heap_min(&l->base.timers);
	int64_t at;

	if (l->stopped || !earliest) {
		event_cancel(&l->timer);
		return;
	}
	at = sim_world_time_of(e, earliest->key);
	if (at == INT64_MAX)
		return;
	at = at < e->w->now_ns ? e->w->now_ns : at;
	event_at(&l->timer, at + chance_between(&e->w->chance, 1000, 1000000));
}

static void fire_timers(struct sim_event *ev)
{
	struct sim_loop *l = container_of(ev, struct sim_loop, timer);

	loop_fire_timers(&l->base, sim_mono_ns(ev->env));
	set_timer(l);
}

void sim_loop_wake_at(struct loop *l)
{
	set_timer(sim_loop(l));
}

/* ---- work ---- */

struct job {
	struct sim_event event;
	struct work *work;
	struct list link;
};

static void job_done(struct sim_event *ev)
{
	struct job *j = container_of(ev, struct job, event);
	struct work *w = j->work;

	list_remove(&j->link);
	ev->env->n_works--;
	check(!sim_loop(w->loop)->stopped);
	sim_free(j);
	w->done(w);
}

static void job_run(struct sim_event *ev)
{
	struct job *j = container_of(ev, struct job, event);

	j->work->job(j->work);
	event_init(&j->event, ev->env, ev->w, "work done", job_done);
	event_at(&j->event, soon(ev->env, 100));
}

void sim_work(struct loop *l, struct work *w)
{
	struct sim_env *e = sim_env_of(l->env);
	struct job *j = sim_alloc(sizeof(*j));
	int64_t at = soon(e, 2000);

	check(w->job && w->done);
	w->loop = l;
	j->work = w;
	if (sim_happens(e->w, e->w->options.slow_work, SIM_MET_SLOW_WORK))
		at += chance_between(&e->w->chance, 0, 5000000000);
	list_push(&e->jobs, &j->link);
	e->n_works++;
	event_init(&j->event, e, e->w, "work", job_run);
	event_at(&j->event, at);
}

/* ---- life ---- */

struct loop *sim_loop_new(struct env *base, const char *name)
{
	struct sim_env *e = sim_env_of(base);
	struct sim_loop *l = sim_alloc(sizeof(*l));

	loop_base_init(&l->base, base);
	l->last = &l->first;
	event_init(&l->posts, e, e->w, "posts", run_posts);
	event_init(&l->timer, e, e->w, "timers", fire_timers);
	list_push(&e->loops, &l->link);
	return &l->base;
}

void sim_loop_thread(struct loop *l)
{
	/* The scheduler runs it from the moment it is created. */
}

void sim_loop_run(struct loop *l)
{
	check(false && "the simulator runs all loops itself");
}

void sim_loop_stop(struct loop *base)
{
	struct sim_loop *l = sim_loop(base);

	l->stopped = true;
	event_cancel(&l->posts);
	event_cancel(&l->timer);
}

void sim_loop_free(struct loop *base)
{
	struct sim_loop *l = sim_loop(base);

	check(l->stopped && !l->first);
	list_remove(&l->link);
	loop_base_fini(&l->base);
	sim_free(l);
}

/* The heaps of timers were in the node's memory, and are gone with it. */
void sim_drop_loops(struct sim_env *e)
{
	list_each_safe(it, &e->loops)
	{
		struct sim_loop *l = container_of(it, struct sim_loop, link);

		event_cancel(&l->posts);
		event_cancel(&l->timer);
		sim_free(l);
	}
	list_each_safe(it, &e->jobs)
	{
		struct job *j = container_of(it, struct job, link);

		event_cancel(&j->event);
		sim_free(j);
	}
	list_init(&e->loops);
	list_init(&e->jobs);
	e->n_works = 0;
}
