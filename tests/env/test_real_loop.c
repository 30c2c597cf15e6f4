/* The real loop: posts between threads, timers, and work that is done elsewhere. */
#include <pthread.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "env/env.h"
#include "env/real/real.h"
#include "tests/base/cm.h"

static struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};

static void stop_loop(struct timer *t)
{
	loop_stop(t->loop);
}

/* ---- posts ---- */

enum { POSTERS = 3, POSTS = 5000 };

struct note {
	struct post post;
	int poster;
	int n;
};

static struct {
	struct loop *reader;
	int last[POSTERS + 1];
	int total;
	struct note notes[POSTERS + 1][POSTS];
} mail;

static void on_note(struct post *p)
{
	struct note *n = container_of(p, struct note, post);

	assert_int_equal(n->n, mail.last[n->poster] + 1);
	mail.last[n->poster] = n->n;
	if (++mail.total == (POSTERS + 1) * POSTS)
		loop_stop(mail.reader);
}

static void post_all(int poster)
{
	for (int i = 0; i < POSTS; i++) {
		mail.notes[poster][i] = (struct note){{.run = on_note}, poster, i};
		loop_post(mail.reader, &mail.notes[poster][i].post);
	}
}

struct poster {
	struct post start;
	struct loop *loop;
	int index;
};

static void on_start(struct post *p)
{
	struct poster *poster = container_of(p, struct poster, start);

	post_all(poster->index);
	loop_stop(poster->loop);
}

static void posts_arrive_once_and_in_the_order_of_their_poster(void **state)
{
	struct env *e = env_real_new(&diag);
	struct poster posters[POSTERS];

	mail.reader = loop_new(e, "reader");
	for (int i = 0; i <= POSTERS; i++)
		mail.last[i] = -1;
	for (int i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){{.run = on_start}, loop_new(e, "poster"), i};
		loop_thread(posters[i].loop);
		loop_post(posters[i].loop, &posters[i].start);
	}
	post_all(POSTERS); /* before the loop runs, from the thread that will run it */
	loop_run(mail.reader);
	assert_int_equal(mail.total, (POSTERS + 1) * POSTS);
	for (int i = 0; i < POSTERS; i++)
		loop_free(posters[i].loop);
	loop_free(mail.reader);
	env_real_free(e);
}

struct echo {
	struct post post;
	struct loop *loop;
	int left;
};

static void post_again(struct post *p)
{
	struct echo *e = container_of(p, struct echo, post);

	if (e->left-- > 0)
		loop_post(e->loop, p);
	else
		loop_stop(e->loop);
}

static void a_loop_can_post_to_itself(void **state)
{
	struct env *e = env_real_new(&diag);
	struct echo echo = {{.run = post_again}, loop_new(e, "self"), 1000};

	loop_post(echo.loop, &echo.post);
	loop_run(echo.loop);
	assert_int_equal(echo.left, -1);
	loop_free(echo.loop);
	env_real_free(e);
}

/* ---- timers ---- */

struct bell {
	struct timer timer;
	int64_t due_ns;
	int rings;
	struct bell *stops;
};

static int64_t last_due_ns;

static void ring(struct timer *t)
{
	struct bell *b = container_of(t, struct bell, timer);

	assert_true(env_mono_ns(t->loop->env) >= b->due_ns);
	assert_true(b->due_ns >= last_due_ns);
	assert_false(timer_is_running(t));
	last_due_ns = b->due_ns;
	b->rings++;
	if (b->stops)
		timer_stop(&b->stops->timer);
}

static void timers_ring_once_when_due_in_order(void **state)
{
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "timers");
	int64_t now = env_mono_ns(e);
	struct bell bells[20];
	struct timer end;

	for (int i = 0; i < 20; i++) {
		bells[i] = (struct bell){.due_ns = now + (i * 7 % 20) * 1500000};
		timer_init(&bells[i].timer, l, ring);
		timer_start_at(&bells[i].timer, bells[i].due_ns + 3600000000000);
		timer_start_at(&bells[i].timer, bells[i].due_ns); /* reschedules it */
	}
	bells[1].stops = &bells[2]; /* 2 is due after 1 */
	timer_init(&end, l, stop_loop);
	timer_start(&end, 40);
	loop_run(l);
	for (int i = 0; i < 20; i++)
		assert_int_equal(bells[i].rings, i != 2);
	loop_free(l);
	env_real_free(e);
}

enum { TURNS = 1000 };

struct turns {
	struct timer next;
	int left;
};

static void take_turn(struct timer *t)
{
	struct turns *turns = container_of(t, struct turns, next);

	if (--turns->left == 0)
		loop_stop(t->loop);
	else
		timer_start(t, 0);
}

/* With a clock of milliseconds each would be up to a millisecond late. */
static void a_timer_of_nothing_is_not_waited_for(void **state)
{
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "turns");
	struct turns turns = {.left = TURNS};
	struct timer end;

	timer_init(&turns.next, l, take_turn);
	timer_start(&turns.next, 0);
	timer_init(&end, l, stop_loop);
	timer_start(&end, TURNS / 2);
	loop_run(l);
	assert_int_equal(turns.left, 0);
	timer_stop(&end);
	loop_free(l);
	env_real_free(e);
}

enum { CHAIN_POSTS = 4, CHAINS_AT_MOST = 10000 };

/* Posts that post one another, on a loop that has something else to do in each turn. */
struct chain_of_posts {
	struct post post;
	struct timer other;
	int others, others_before;
	int left;
	int chains;
	bool endless;
	bool in_one_turn;
};

static void do_other(struct timer *t)
{
	struct chain_of_posts *c = container_of(t, struct chain_of_posts, other);

	c->others++;
	if (c->endless)
		loop_stop(t->loop);
	else
		timer_start(t, 0);
}

static void post_next(struct post *p)
{
	struct chain_of_posts *c = container_of(p, struct chain_of_posts, post);

	if (c->left == CHAIN_POSTS)
		c->others_before = c->others;
	if (c->endless) {
		if (c->others == 0)
			loop_post(c->other.loop, p);
	} else if (--c->left > 0) {
		loop_post(c->other.loop, p);
	} else {
		c->in_one_turn = c->others == c->others_before;
		c->left = CHAIN_POSTS;
		if (c->in_one_turn || ++c->chains == CHAINS_AT_MOST)
			loop_stop(c->other.loop);
		else
			loop_post(c->other.loop, p);
	}
}

static void run_chain(struct chain_of_posts *c)
{
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "chain");

	c->post.run = post_next;
	c->left = CHAIN_POSTS;
	timer_init(&c->other, l, do_other);
	timer_start(&c->other, 0);
	loop_post(l, &c->post);
	loop_run(l);
	timer_stop(&c->other);
	loop_free(l);
	env_real_free(e);
}

/* The machine may be busy: chains are repeated until one is fast enough. */
static void what_posts_post_is_run_in_the_same_turn(void **state)
{
	struct chain_of_posts c = {0};

	run_chain(&c);
	assert_true(c.in_one_turn);
}

static void who_posts_without_end_leaves_others_their_turn(void **state)
{
	struct chain_of_posts c = {.endless = true};

	run_chain(&c);
	assert_int_equal(c.others, 1);
}

/* ---- timers that go with others ---- */

struct lazy_bell {
	struct lazy_timer timer;
	int64_t rang_ns; /* the first time; 0: not yet */
	int rings;
	bool again;
};

static void ring_lazily(struct lazy_timer *t)
{
	struct lazy_bell *b = container_of(t, struct lazy_bell, timer);

	/*
	 * A timer started while another fires does not fire in the same turn, though it is due:
	 * there are two turns here, alone's and the end's.
	 */
	assert_true(++b->rings <= (b->again ? 2 : 1));
	if (b->rings == 1)
		b->rang_ns = env_mono_ns(t->timer.loop->env);
	if (b->again)
		lazy_timer_start(t, 0, 3600000);
}

static void a_lazy_timer_goes_with_another_and_is_not_later_than_it_may(void **state)
{
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "lazy");
	struct lazy_bell early = {0}, with = {.again = true}, alone = {0}, stopped = {0};
	struct lazy_bell *all[] = {&early, &with, &alone, &stopped};
	int64_t began = env_mono_ns(e);
	struct timer end;

	for (int i = 0; i < 4; i++)
		lazy_timer_init(&all[i]->timer, l, ring_lazily);
	lazy_timer_start(&early.timer, 3600000, 0); /* not due when another one fires */
	lazy_timer_start(&with.timer, 5, 3600000);
	lazy_timer_start(&alone.timer, 1, 10);
	lazy_timer_start(&stopped.timer, 0, 3600000);
	lazy_timer_stop(&stopped.timer);
	timer_init(&end, l, stop_loop);
	timer_start(&end, 40);
	loop_run(l);
	assert_int_equal(early.rang_ns, 0);
	assert_int_equal(stopped.rang_ns, 0);
	assert_true(alone.rang_ns >= began + 11000000);
	assert_true(with.rang_ns >= began + 11000000);
	assert_true(with.rang_ns <= env_mono_ns(e));
	lazy_timer_stop(&early.timer);
	loop_free(l);
	lazy_timer_stop(&with.timer); /* works even when its loop is gone */
	env_real_free(e);
}

/* Takes long, and then starts a timer. */
enum { BUSY_ROUNDS = 200, BUSY_MS = 20, BUSY_LATE_NS = BUSY_MS * 1000000 / 2 };

struct busy {
	struct timer busy, timer;
	int64_t after_ms, due_ns, least_late_ns;
	int left;
};

static void be_busy(struct timer *t)
{
	struct busy *b = container_of(t, struct busy, busy);
	int64_t end_ns = env_mono_ns(t->loop->env) + BUSY_MS * 1000000;

	while (env_mono_ns(t->loop->env) < end_ns)
		continue;
	b->due_ns = env_mono_ns(t->loop->env) + b->after_ms * 1000000;
	timer_start_at(&b->timer, b->due_ns);
}

static void note_late(struct timer *t)
{
	struct busy *b = container_of(t, struct busy, timer);
	int64_t late_ns = env_mono_ns(t->loop->env) - b->due_ns;

	if (late_ns < b->least_late_ns)
		b->least_late_ns = late_ns;
	if (--b->left == 0 || b->least_late_ns <= BUSY_LATE_NS)
		loop_stop(t->loop);
	else
		timer_start(&b->busy, 0);
}

/* The machine may be busy with other work, so it is repeated until it is once in time. */
static void be_busy_before_a_timer(int64_t after_ms)
{
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "busy");
	struct busy b = {.after_ms = after_ms, .least_late_ns = INT64_MAX, .left = BUSY_ROUNDS};

	timer_init(&b.busy, l, be_busy);
	timer_init(&b.timer, l, note_late);
	timer_start(&b.busy, 0);
	loop_run(l);
	assert_in_range(b.least_late_ns, 0, BUSY_LATE_NS);
	loop_free(l);
	env_real_free(e);
}

static void a_timer_is_not_late_by_what_was_run_before_it(void **state)
{
	(void)state;
	be_busy_before_a_timer(0); /* due when the loop gets to it */
	be_busy_before_a_timer(3); /* not due then */
}

/* ---- work ---- */

struct errand {
	struct work work;
	bool ran;
};

static int errands_left;

static void run_errand(struct work *w)
{
	container_of(w, struct errand, work)->ran = true;
}

static void errand_done(struct work *w)
{
	assert_true(container_of(w, struct errand, work)->ran);
	if (--errands_left == 0)
		loop_stop(w->loop);
}

static void work_is_done_elsewhere_and_told_here(void **state)
{
	static struct errand errands[500];
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "work");

	errands_left = 500;
	for (int i = 0; i < 500; i++) {
		errands[i] = (struct errand){.work = {.job = run_errand, .done = errand_done}};
		env_work(l, &errands[i].work);
	}
	loop_run(l);
	assert_int_equal(errands_left, 0);
	loop_free(l);
	env_real_free(e);
}

static pthread_mutex_t silence = PTHREAD_MUTEX_INITIALIZER;

static void run_until_heard(struct work *w)
{
	pthread_mutex_lock(&silence);
	run_errand(w);
	pthread_mutex_unlock(&silence);
}

static void disk_done(struct work *w)
{
	pthread_mutex_unlock(&silence);
	errand_done(w);
}

/* A hundred look-ups at a silent name server, and then a sync, which does not wait behind them. */
static void who_waits_for_others_holds_up_nobody_else(void **state)
{
	static struct errand waiting[100], disk;
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "work");

	pthread_mutex_lock(&silence);
	errands_left = 101;
	for (int i = 0; i < 100; i++) {
		waiting[i] = (struct errand){
			.work = {.job = run_until_heard, .done = errand_done, .waits_for_others = true}};
		env_work(l, &waiting[i].work);
	}
	disk = (struct errand){.work = {.job = run_errand, .done = disk_done}};
	env_work(l, &disk.work);
	loop_run(l);
	assert_int_equal(errands_left, 0);
	loop_free(l);
	env_real_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posts_arrive_once_and_in_the_order_of_their_poster),
		cmocka_unit_test(a_loop_can_post_to_itself),
		cmocka_unit_test(timers_ring_once_when_due_in_order),
		cmocka_unit_test(a_timer_of_nothing_is_not_waited_for),
		cmocka_unit_test(what_posts_post_is_run_in_the_same_turn),
		cmocka_unit_test(who_posts_without_end_leaves_others_their_turn),
		cmocka_unit_test(a_lazy_timer_goes_with_another_and_is_not_later_than_it_may),
		cmocka_unit_test(a_timer_is_not_late_by_what_was_run_before_it),
		cmocka_unit_test(work_is_done_elsewhere_and_told_here),
		cmocka_unit_test(who_waits_for_others_holds_up_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
