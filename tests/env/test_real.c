/*
 * The real world: the same scribe as in test_sim_net, and what only threads, descriptors and other
 * processes can show.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "env/env.h"
#include "env/real/real.h"
#include "tests/base/cm.h"
#include "tests/env/scribe.h"

static struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
static char dir[200];

static int make_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/odradek-test-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(void *arg, const char *name, bool is_dir)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", (char *)arg, name);
	return is_dir ? rmdir(path) : unlink(path);
}

static int remove_dir(void **state)
{
	struct env *e = env_real_new(&diag);

	env_list(e, dir, remove_one, dir);
	env_real_free(e);
	return rmdir(dir);
}

static const char *in_dir(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void writer_done(struct writer *w)
{
	loop_stop(w->loop);
}

/* A conversation with a scribe at `listen`, connected to at `dial`. */
static void converse(const char *listen, const char *dial, bool sync)
{
	struct env *e = env_real_new(&diag);
	struct writer w = {.n = 50, .seed = 7, .done = writer_done};
	struct scribe *s;
	struct addr a;

	assert_true(addr_parse(listen, 0, &a));
	s = scribe_start(e, dir, &a, sync);
	assert_true(addr_parse(dial, scribe_addr(s).port, &w.to));
	assert_true(w.to.port > 0);
	loop_thread(scribe_loop(s));
	w.loop = loop_new(e, "writer");
	writer_start(&w);
	loop_run(w.loop);
	assert_int_equal(w.error, 0);
	assert_int_equal(w.acknowledged, 50);
	assert_true(w.book.len >= w.sent.len);
	assert_memory_equal(w.book.p + w.book.len - w.sent.len, w.sent.p, w.sent.len);
	writer_fini(&w);
	loop_free(w.loop);
	scribe_stop(s);
	scribe_free(s);
	assert_int_equal(e->open_files, 0);
	env_real_free(e);
	unlink(in_dir("book"));
}

static void a_conversation_goes_over_ipv4_with_and_without_syncs(void **state)
{
	converse("127.0.0.1", "127.0.0.1", true);
	converse("0.0.0.0", "127.0.0.1", false);
}

static void the_wildcard_of_ipv6_takes_ipv4_too(void **state)
{
	converse("::", "127.0.0.1", false);
}

static void note_error(struct sock *s, int ready, void *arg)
{
	*(int *)arg = sock_error(s);
	sock_close(s);
}

static void stop_loop(struct timer *t)
{
	loop_stop(t->loop);
}

static void a_port_that_is_closed_refuses(void **state)
{
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "dial");
	struct listener *listener;
	struct addr a;
	struct sock *s;
	struct timer end;
	int err = 0;

	addr_parse("127.0.0.1", 0, &a);
	assert_int_equal(env_listen(l, &a, 1, NULL, NULL, &listener), 0);
	listener_addr(listener, &a);
	listener_close(listener);
	if (env_dial(l, &a, note_error, &err, &s) == 0) {
		sock_want(s, SOCK_WRITE);
		timer_init(&end, l, stop_loop);
		timer_start(&end, 50);
		loop_run(l);
		assert_int_equal(err, -ECONNREFUSED);
	}
	loop_stop(l);
	loop_free(l);
	env_real_free(e);
}

static void a_taken_port_is_told(void **state)
{
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "listen");
	struct listener *first, *second;
	struct addr a;

	addr_parse("127.0.0.1", 0, &a);
	assert_int_equal(env_listen(l, &a, 1, NULL, NULL, &first), 0);
	listener_addr(first, &a);
	assert_int_equal(env_listen(l, &a, 1, NULL, NULL, &second), -EADDRINUSE);
	listener_close(first);
	loop_stop(l);
	loop_free(l);
	env_real_free(e);
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

enum { BUSY_ROUNDS = 200, BUSY_MS = 20, BUSY_LATE_NS = BUSY_MS * 1000000 / 2 };

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

/* ---- files ---- */

static int count(void *arg, const char *name, bool is_dir)
{
	*(int *)arg += is_dir ? 100 : 1;
	return 0;
}

static void code_that_was_let_go_comes_back(void **state)
{
	struct env *e = env_real_new(&diag);
	char before[UUID_TEXT_LEN + 1], after[UUID_TEXT_LEN + 1];
	struct uuid u = env_random_uuid(e);

	(void)state;
	uuid_text(u, before);
	env_let_go(e);
	uuid_text(u, after);
	assert_string_equal(before, after);
	env_real_free(e);
}

static void files_and_names(void **state)
{
	struct env *e = env_real_new(&diag);
	struct file *f;
	struct file_stat st;
	struct disk_space space;
	char path[500], *text;
	size_t len;
	int n = 0;

	assert_int_equal(env_replace_file(e, in_dir("f"), "hello", 5), 0);
	assert_int_equal(env_replace_file(e, in_dir("f"), "hallo!", 6), 0);
	assert_int_equal(env_read_file(e, in_dir("f"), 5, &text, &len), -EFBIG);
	assert_int_equal(env_read_file(e, in_dir("f"), 6, &text, &len), 0);
	assert_string_equal(text, "hallo!");
	xfree(text);
	assert_int_equal(env_open(e, in_dir("f"), FILE_WRITE | FILE_CREATE | FILE_EXCLUSIVE, &f), -EEXIST);
	assert_int_equal(env_open(e, in_dir("none"), FILE_READ, &f), -ENOENT);
	assert_int_equal(env_open(e, dir, FILE_READ, &f), -EISDIR);
	assert_int_equal(env_open(e, in_dir("f"), FILE_READ, &f), 0);
	assert_int_equal(file_pwritev(f, &(struct iovec){(char[]){"x"}, 1}, 1, 0), -EBADF);
	assert_true(file_resident(f, 0, 6));
	file_unref(&f);
	assert_int_equal(env_open(e, in_dir("f"), FILE_WRITE, &f), 0);
	assert_int_equal(file_truncate(f, 3), 0);
	assert_int_equal(file_size(f), 3);
	file_unref(&f);
	assert_int_equal(env_stat(e, in_dir("f"), &st), 0);
	assert_int_equal(st.size, 3);
	assert_false(st.is_dir);
	assert_true(st.mtime_ms > 1700000000000);
	snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_int_equal(env_mkdir_all(e, path), 0);
	assert_int_equal(env_mkdir_all(e, path), 0);
	assert_int_equal(env_list(e, dir, count, &n), 0);
	assert_int_equal(n, 101);
	assert_int_equal(env_rmdir(e, path), 0);
	assert_int_equal(env_rmdir(e, in_dir("a")), 0);
	assert_int_equal(env_space(e, dir, &space), 0);
	assert_true(space.total > 0 && space.usable <= space.total);
	assert_int_equal(env_unlink(e, in_dir("f")), 0);
	assert_int_equal(e->open_files, 0);
	env_real_free(e);
}

/* Runs `run` in a child process and returns its status; 0 is success. */
static int in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int lock_it(void)
{
	struct env *e = env_real_new(&diag);
	struct file *f;

	return env_lock(e, in_dir(".lock"), &f) == -EAGAIN ? 0 : 1;
}

/* What a filesystem says about itself is the same both times. */
static void a_whole_filesystem_is_synced_and_its_page_cache_has_a_name(void **state)
{
	struct env *e = env_real_new(&diag);
	char path[300];
	char names[3][FILE_CACHE_NAME_MAX] = {"", "", ""};
	struct file *f;
	int told = 0;

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/cached-%d", dir, i / 2);
		assert_int_equal(env_open(e, path, FILE_WRITE | FILE_CREATE, &f), 0);
		assert_int_equal(file_write_full(f, "text", 4, 0), 0);
		int err = file_sync_disk(f);
		assert_true(err == 0 || err == -EOPNOTSUPP);
		err = file_cache_name(f, names[i]);
		assert_true(err == 0 || err == -EOPNOTSUPP);
		told += err == 0;
		assert_int_equal(file_write_back_error(f), 0);
		file_unref(&f);
	}
	assert_true(told == 0 || told == 3);
	assert_string_equal(names[0], names[1]);
	assert_true(told == 0 || strcmp(names[0], names[2]) != 0);
	env_real_free(e);
}

static void a_lock_keeps_another_process_out_until_it_is_dropped(void **state)
{
	struct env *e = env_real_new(&diag);
	struct file *f;

	assert_int_equal(env_lock(e, in_dir(".lock"), &f), 0);
	assert_int_equal(in_child(lock_it), 0);
	file_unref(&f);
	assert_int_equal(in_child(lock_it), 1);
	env_unlink(e, in_dir(".lock"));
	env_real_free(e);
}

/* ---- without descriptors ---- */

static struct {
	int calls;
	int turned_away;
	int served;
} flood;

static void on_flood(struct listener *l, void *arg)
{
	struct sock *s;
	struct addr peer;
	int err;

	flood.calls++;
	while ((err = listener_accept(l, &peer, &s)) != -EAGAIN) {
		if (err == -EMFILE)
			flood.turned_away++;
		else if (!err)
			flood.served++; /* and kept, so that its descriptor is not free again */
	}
}

static void nothing(struct sock *s, int ready, void *arg)
{
}

/* Ten connect; the listener has descriptors for only a few. */
static int flooded(void)
{
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "flood");
	struct listener *listener;
	struct sock *socks[10];
	struct rlimit limit;
	struct timer end;
	struct addr a;
	int highest;

	addr_parse("127.0.0.1", 0, &a);
	if (env_listen(l, &a, 20, on_flood, NULL, &listener) || listener_addr(listener, &a))
		return 1;
	for (int i = 0; i < 10; i++)
		if (env_dial(l, &a, nothing, NULL, &socks[i]))
			return 2;
	highest = dup(0);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)highest + 3;
	setrlimit(RLIMIT_NOFILE, &limit);
	close(highest);
	timer_init(&end, l, stop_loop);
	timer_start(&end, 150);
	loop_run(l);
	if (flood.served < 1 || flood.served + flood.turned_away != 10)
		return 3;
	return flood.calls > 20 ? 4 : 0; /* it would busy-loop */
}

static void without_descriptors_connections_are_turned_away_and_the_loop_does_not_spin(void **state)
{
	assert_int_equal(in_child(flooded), 0);
}

/* ---- the rest ---- */

static int signalled(void)
{
	real_signals_hold();
	kill(getpid(), SIGTERM);
	if (real_signal_next() != SIGTERM)
		return 1;
	real_signal_wake();
	return real_signal_next();
}

static void signals_wait_to_be_asked_for(void **state)
{
	assert_int_equal(in_child(signalled), 0);
}

static void names_addresses_chance_and_clocks(void **state)
{
	struct env *e = env_real_new(&diag);
	struct addr a[4];
	char host[256], text[ADDR_TEXT_MAX];
	int64_t before = env_mono_ns(e);
	bool seen[5] = {false};

	assert_true(env_resolve(e, "localhost", 80, a, 4) >= 1);
	assert_int_equal(a[0].port, 80);
	assert_int_equal(env_resolve(e, "::1", 1, a, 4), 1);
	assert_true(a[0].v6);
	assert_string_equal(addr_text(&a[0], text), "::1");
	assert_true(addr_parse("::ffff:1.2.3.4", 0, &a[0]));
	assert_string_equal(addr_text(&a[0], text), "1.2.3.4");
	assert_false(addr_parse("localhost", 0, &a[0]));
	assert_false(addr_parse("1.2.3", 0, &a[0]));
	assert_true(addr_parse("::", 0, &a[0]) && addr_is_wildcard(&a[0]));
	assert_true(addr_parse("0.0.0.0", 0, &a[0]) && addr_is_wildcard(&a[0]));
	assert_int_equal(env_host_name(e, host, sizeof(host)), 0);
	assert_true(strlen(host) > 0);
	assert_true(env_random_u64(e) != env_random_u64(e));
	for (int i = 0; i < 1000; i++)
		seen[env_random_below(e, 5)] = true;
	for (int i = 0; i < 5; i++)
		assert_true(seen[i]);
	assert_false(uuid_eq(env_random_uuid(e), env_random_uuid(e)));
	assert_false(env_buggify(e, "here"));
	assert_true(env_mono_ns(e) >= before);
	assert_true(env_wall_ms(e) > 1700000000000);
	assert_true(e->cores >= 1 && e->open_files_max >= 16);
	env_real_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_conversation_goes_over_ipv4_with_and_without_syncs),
		cmocka_unit_test(the_wildcard_of_ipv6_takes_ipv4_too),
		cmocka_unit_test(a_port_that_is_closed_refuses),
		cmocka_unit_test(a_taken_port_is_told),
		cmocka_unit_test(posts_arrive_once_and_in_the_order_of_their_poster),
		cmocka_unit_test(a_loop_can_post_to_itself),
		cmocka_unit_test(timers_ring_once_when_due_in_order),
		cmocka_unit_test(a_timer_of_nothing_is_not_waited_for),
		cmocka_unit_test(what_posts_post_is_run_in_the_same_turn),
		cmocka_unit_test(who_posts_without_end_leaves_others_their_turn),
		cmocka_unit_test(a_timer_is_not_late_by_what_was_run_before_it),
		cmocka_unit_test(a_lazy_timer_goes_with_another_and_is_not_later_than_it_may),
		cmocka_unit_test(work_is_done_elsewhere_and_told_here),
		cmocka_unit_test(who_waits_for_others_holds_up_nobody_else),
		cmocka_unit_test(code_that_was_let_go_comes_back),
		cmocka_unit_test(files_and_names),
		cmocka_unit_test(a_whole_filesystem_is_synced_and_its_page_cache_has_a_name),
		cmocka_unit_test(a_lock_keeps_another_process_out_until_it_is_dropped),
		cmocka_unit_test(without_descriptors_connections_are_turned_away_and_the_loop_does_not_spin),
		cmocka_unit_test(signals_wait_to_be_asked_for),
		cmocka_unit_test(names_addresses_chance_and_clocks),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
