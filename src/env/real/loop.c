/*
 * loop, real: a libuv loop, its mailbox and its timers.
 *
 * Posts from other threads are pushed onto a lock-free stack. The first one after the loop has
 * fallen asleep wakes it: many posts cost one wake-up, and a loop that is awake needs none, because
 * it looks at the stack both after announcing that it will sleep and after sleeping. It takes the
 * whole stack at once and reverses it, which keeps each poster's order. Posts of the loop's own
 * thread go on a plain list, and an idle handle keeps the next poll from blocking, without a system
 * call. Posts made by posts run in the same turn until the sockets have waited for CHAIN_NS, so that
 * a request that goes from post to post costs no poll in between.
 *
 * All timers of a loop are in one heap (env.c), and one uv_timer is set for the earliest, just
 * before each poll. A timer that is due by then is not left to uv, whose milliseconds would make it
 * late; for any other, the delay is counted from that moment, not from before the posts of this
 * turn.
 */
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/real/real_priv.h"

#define CHAIN_NS 100000

static struct real_loop *real_loop(struct loop *l)
{
	return container_of(l, struct real_loop, base);
}

static bool is_own_thread(const struct real_loop *l)
{
	return atomic_load_explicit(&l->has_tid, memory_order_acquire) && pthread_equal(l->tid, pthread_self());
}

/* ---- mailbox ---- */

static void append_own(struct real_loop *l, struct post *p)
{
	p->next = NULL;
	*l->own_last = p;
	l->own_last = &p->next;
}

static void take_others(struct real_loop *l)
{
	struct post *latest = atomic_exchange_explicit(&l->others, NULL, memory_order_acquire);
	struct post *in_order = NULL;

	while (latest) {
		struct post *p = latest;

		latest = p->next;
		p->next = in_order;
		in_order = p;
	}
	while (in_order) {
		struct post *p = in_order;

		in_order = p->next;
		append_own(l, p);
	}
}

static void no_waiting(struct real_loop *l);

/* Runs the posts that are there now. */
static void run_round(struct real_loop *l)
{
	struct post *p;

	take_others(l);
	p = l->own;
	l->own = NULL;
	l->own_last = &l->own;
	while (p) {
		struct post *next = p->next;

		p->run(p);
		p = next;
	}
}

/* Posts that are left after CHAIN_NS wait for the next turn, after the sockets. */
static void run_posts(struct real_loop *l)
{
	int64_t began_ns = env_mono_ns(l->base.env);

	l->in_posts = true;
	do
		run_round(l);
	while (l->own && env_mono_ns(l->base.env) - began_ns < CHAIN_NS);
	l->in_posts = false;
	if (l->own)
		no_waiting(l);
}

/*
 * With libuv's own wake-up (uv_async) the woken thread spins until the sender has returned from its
 * system call; with a free core for each thread, that is most of the cost of a post between cores.
 */
static void wake(struct real_loop *l)
{
	check(eventfd_write(l->wake_fd, 1) == 0);
}

static void on_wake(uv_poll_t *handle, int status, int events)
{
	struct real_loop *l = container_of(handle, struct real_loop, wake);
	eventfd_t n;

	(void)status, (void)events;
	(void)eventfd_read(l->wake_fd, &n);
	if (atomic_load(&l->stopping))
		uv_stop(&l->uv);
	run_posts(l);
}

static void on_soon(uv_idle_t *handle)
{
	struct real_loop *l = container_of(handle, struct real_loop, soon);

	uv_idle_stop(handle);
	if (l->is_due) {
		l->is_due = false;
		loop_fire_timers(&l->base, env_mono_ns(l->base.env));
	}
	run_posts(l);
}

static void no_waiting(struct real_loop *l)
{
	if (!uv_is_active((uv_handle_t *)&l->soon))
		uv_idle_start(&l->soon, on_soon);
}

void real_loop_post(struct loop *base, struct post *p)
{
	struct real_loop *l = real_loop(base);
	struct post *latest;

	check(p->run);
	if (is_own_thread(l)) {
		append_own(l, p);
		if (!l->in_posts)
			no_waiting(l);
		return;
	}
	atomic_fetch_add(&l->n_posting, 1);
	latest = atomic_load_explicit(&l->others, memory_order_relaxed);
	do
		p->next = latest;
	while (!atomic_compare_exchange_weak(&l->others, &latest, p));
	if (atomic_exchange(&l->asleep, false))
		wake(l);
	atomic_fetch_sub(&l->n_posting, 1);
}

/* ---- timers ---- */

static void on_timer(uv_timer_t *handle)
{
	struct real_loop *l = container_of(handle, struct real_loop, timer);

	l->armed_ms = INT64_MAX;
	loop_fire_timers(&l->base, env_mono_ns(l->base.env));
}

/* libuv's clock is the monotonic one in milliseconds: due times are rounded up to the next millisecond. */
static void arm_timer(struct real_loop *l)
{
	struct heap_node *earliest = heap_min(&l->base.timers);
	int64_t now_ns, due_ms;

	if (!earliest) {
		if (l->armed_ms != INT64_MAX)
			uv_timer_stop(&l->timer);
		l->armed_ms = INT64_MAX;
		return;
	}
	now_ns = env_mono_ns(l->base.env);
	if (earliest->key <= now_ns) {
		l->is_due = true;
		no_waiting(l);
		return;
	}
	if (now_ns / 1000000 > (int64_t)uv_now(&l->uv))
		uv_update_time(&l->uv);
	due_ms = earliest->key / 1000000 + (earliest->key % 1000000 > 0);
	if (due_ms == l->armed_ms)
		return;
	uv_timer_start(&l->timer, on_timer, (uint64_t)(due_ms - now_ns / 1000000), 0);
	l->armed_ms = due_ms;
}

/* Posts made before `asleep` is set do not wake the loop, but are seen here; later ones wake it. */
static void fall_asleep(struct real_loop *l)
{
	atomic_store(&l->asleep, true);
	if (!atomic_load(&l->others))
		return;
	atomic_store(&l->asleep, false);
	no_waiting(l);
}

static void on_prepare(uv_prepare_t *handle)
{
	struct real_loop *l = container_of(handle, struct real_loop, prepare);

	l->base.n_polls++;
	arm_timer(l);
	if (!uv_is_active((uv_handle_t *)&l->soon))
		fall_asleep(l);
}

static void on_awake(uv_check_t *handle)
{
	struct real_loop *l = container_of(handle, struct real_loop, awake);

	atomic_store(&l->asleep, false);
	if (atomic_load(&l->others))
		no_waiting(l);
}

void real_loop_wake_at(struct loop *base)
{
	/* Timers belong to the loop's own thread: on_prepare will see the change. */
}

/* ---- life ---- */

struct loop *real_loop_new(struct env *e, const char *name)
{
	struct real_loop *l = xcalloc(1, sizeof(*l));

	loop_base_init(&l->base, e);
	l->own_last = &l->own;
	l->armed_ms = INT64_MAX;
	snprintf(l->name, sizeof(l->name), "%s", name);
	check(uv_loop_init(&l->uv) == 0);
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	check(l->wake_fd >= 0);
	check(uv_poll_init(&l->uv, &l->wake, l->wake_fd) == 0);
	check(uv_poll_start(&l->wake, UV_READABLE, on_wake) == 0);
	check(uv_timer_init(&l->uv, &l->timer) == 0);
	check(uv_idle_init(&l->uv, &l->soon) == 0);
	check(uv_prepare_init(&l->uv, &l->prepare) == 0);
	check(uv_prepare_start(&l->prepare, on_prepare) == 0);
	check(uv_check_init(&l->uv, &l->awake) == 0);
	check(uv_check_start(&l->awake, on_awake) == 0);
	return &l->base;
}

void real_loop_run(struct loop *base)
{
	struct real_loop *l = real_loop(base);

	check(!atomic_load(&l->has_tid) || is_own_thread(l));
	l->tid = pthread_self();
	atomic_store_explicit(&l->has_tid, true, memory_order_release);
	take_others(l); /* this thread may have posted before it ran the loop: keeps the order */
	while (!atomic_load(&l->stopping)) {
		if (l->own)
			no_waiting(l);
		uv_run(&l->uv, UV_RUN_DEFAULT);
	}
	while (l->own || atomic_load(&l->others))
		run_posts(l);
	atomic_store(&l->stopping, false);
}

static void *thread_main(void *arg)
{
	real_thread_name(real_loop(arg)->name);
	real_loop_run(arg);
	return NULL;
}

void real_loop_thread(struct loop *base)
{
	struct real_loop *l = real_loop(base);
	pthread_t thread;

	check(!l->threaded);
	l->threaded = true;
	real_thread_start(&thread, thread_main, base);
	l->thread = thread;
}

void real_loop_stop(struct loop *base)
{
	struct real_loop *l = real_loop(base);

	atomic_store(&l->stopping, true);
	wake(l);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	struct real_loop *l = arg;

	/* A socket or listener still open here would be used after it is freed. */
	check(uv_is_closing(handle) || handle == (uv_handle_t *)&l->wake || handle == (uv_handle_t *)&l->timer ||
	      handle == (uv_handle_t *)&l->soon || handle == (uv_handle_t *)&l->prepare ||
	      handle == (uv_handle_t *)&l->awake);
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void real_loop_free(struct loop *base)
{
	struct real_loop *l = real_loop(base);

	if (l->threaded)
		check(pthread_join(l->thread, NULL) == 0);
	check(atomic_load(&l->n_works) == 0);
	/* its post has arrived, but the poster has not returned from loop_post yet */
	while (atomic_load(&l->n_posting))
		sched_yield();
	check(!l->own && !atomic_load(&l->others));
	uv_walk(&l->uv, close_handle, l);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	check(uv_loop_close(&l->uv) == 0);
	close(l->wake_fd);
	loop_base_fini(&l->base);
	xfree(l);
}
