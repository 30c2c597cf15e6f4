/*
 * work, real: runs jobs that may wait on a few threads, and posts their completion to the loop that
 * submitted them.
 */
#include <errno.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/real/real_priv.h"

enum { IDLE_SECONDS = 10 };

/* Stored in the work's private words. */
struct ticket {
	struct post post;
	struct work *work;
};

_Static_assert(sizeof(struct ticket) <= sizeof(((struct work *)NULL)->env_private), "a work has room for its ticket");

void workers_init(struct workers *w, int max)
{
	pthread_condattr_t attr;

	check(pthread_condattr_init(&attr) == 0);
	check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	check(pthread_cond_init(&w->some, &attr) == 0);
	check(pthread_cond_init(&w->gone, NULL) == 0);
	check(pthread_mutex_init(&w->lock, NULL) == 0);
	pthread_condattr_destroy(&attr);
	w->last = &w->first;
	w->max = max;
}

void workers_fini(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	check(!w->first);
	w->closing = true;
	pthread_cond_broadcast(&w->some);
	while (w->n_threads)
		pthread_cond_wait(&w->gone, &w->lock);
	pthread_mutex_unlock(&w->lock);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->some);
	pthread_cond_destroy(&w->gone);
}

static void tell_done(struct post *p)
{
	struct work *w = container_of(p, struct ticket, post)->work;
	struct real_loop *l = container_of(w->loop, struct real_loop, base);

	atomic_fetch_sub(&l->n_works, 1);
	w->done(w);
}

static void do_job(struct work *w)
{
	struct ticket *t = (struct ticket *)w->env_private;

	w->job(w);
	t->work = w;
	t->post.run = tell_done;
	loop_post(w->loop, &t->post);
}

/* Called with the lock held. False when no work came for a while, or the pool is closing. */
static bool wait_for_work(struct workers *w)
{
	struct timespec until;
	int err = 0;

	check(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
	until.tv_sec += IDLE_SECONDS;
	w->n_idle++;
	while (!w->first && !w->closing && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&w->some, &w->lock, &until);
	w->n_idle--;
	return w->first;
}

static void *worker_main(void *arg)
{
	struct workers *w = arg;

	real_thread_name("work");
	pthread_detach(pthread_self());
	pthread_mutex_lock(&w->lock);
	while (wait_for_work(w)) {
		struct work *work = w->first;

		w->first = work->next;
		if (!w->first)
			w->last = &w->first;
		w->n_queued--;
		pthread_mutex_unlock(&w->lock);
		do_job(work);
		pthread_mutex_lock(&w->lock);
	}
	w->n_threads--;
	pthread_cond_signal(&w->gone);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

void real_work(struct loop *l, struct work *work)
{
	struct real_env *e = real_env(l->env);
	struct workers *w = work->waits_for_others ? &e->waiters : &e->workers;
	pthread_t thread;

	check(work->job && work->done);
	work->loop = l;
	work->next = NULL;
	atomic_fetch_add(&container_of(l, struct real_loop, base)->n_works, 1);
	pthread_mutex_lock(&w->lock);
	*w->last = work;
	w->last = &work->next;
	w->n_queued++;
	if (w->n_queued > w->n_idle && w->n_threads < w->max) {
		w->n_threads++;
		real_thread_start(&thread, worker_main, w);
	} else {
		pthread_cond_signal(&w->some);
	}
	pthread_mutex_unlock(&w->lock);
}
