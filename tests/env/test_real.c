/*
 * The real world: the same scribe as in test_sim_net, and what only threads, descriptors and other
 * processes can show.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

	error_ignored(env_list(e, dir, remove_one, dir)); /* rmdir tells */
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
	assert_int_equal(listener_addr(listener, &a), 0);
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

/* A socket of which nothing is wanted between its events, and its peer, which is a plain descriptor. */
static struct {
	struct env *env;
	struct listener *listener;
	struct sock *sock;
	int peer;
	int calls;
	char got;
	ssize_t n; /* of the last read */
} shy;

static void reset_peer(void)
{
	struct linger none = {.l_onoff = 1};

	assert_int_equal(setsockopt(shy.peer, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
	close(shy.peer);
}

static void on_shy(struct sock *s, int ready, void *arg)
{
	assert_int_equal(ready, SOCK_READ);
	shy.calls++;
	shy.n = sock_read(s, &shy.got, 1);
	sock_want(s, 0);
	loop_stop(arg);
}

static void on_guest(struct listener *l, void *arg)
{
	struct addr peer;

	if (listener_accept(l, &peer, &shy.sock))
		return;
	sock_attach(shy.sock, arg, on_shy, arg);
	sock_want(shy.sock, SOCK_READ);
	assert_int_equal(send(shy.peer, "a", 1, 0), 1);
}

static void shy_sock_is_told(struct loop *l, int calls)
{
	sock_want(shy.sock, SOCK_READ);
	loop_run(l);
	assert_int_equal(shy.calls, calls);
}

/* Polls, for a while, until a timer ends it; few times. */
static void poll_without(struct loop *l, int calls)
{
	uint64_t before = l->n_polls;
	struct timer end;

	timer_init(&end, l, stop_loop);
	timer_start(&end, 30);
	loop_run(l);
	assert_int_equal(shy.calls, calls);
	assert_true(l->n_polls - before < 20);
}

/* A loop that the peer is connected to. */
static struct loop *meet(listener_ready_fn *on_guest_there)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct loop *l;
	struct addr a;

	memset(&shy, 0, sizeof(shy));
	shy.env = env_real_new(&diag);
	l = loop_new(shy.env, "shy");
	addr_parse("127.0.0.1", 0, &a);
	assert_int_equal(env_listen(l, &a, 1, on_guest_there, l, &shy.listener), 0);
	assert_int_equal(listener_addr(shy.listener, &a), 0);
	to.sin_port = htons(a.port);
	shy.peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(shy.peer, (struct sockaddr *)&to, sizeof(to)), 0);
	return l;
}

static void part(struct loop *l)
{
	sock_close(shy.sock);
	listener_close(shy.listener);
	loop_stop(l);
	loop_free(l);
	env_real_free(shy.env);
}

static void a_socket_is_told_of_what_came_while_nothing_was_wanted(void **state)
{
	struct loop *l = meet(on_guest);

	loop_run(l);
	assert_true(shy.calls == 1 && shy.n == 1 && shy.got == 'a');

	assert_int_equal(send(shy.peer, "bc", 2, 0), 2);
	poll_without(l, 1);
	shy_sock_is_told(l, 2);
	assert_true(shy.n == 1 && shy.got == 'b');
	shy_sock_is_told(l, 3);
	assert_true(shy.n == 1 && shy.got == 'c');

	reset_peer();
	poll_without(l, 3);
	shy_sock_is_told(l, 4);
	assert_int_equal(shy.n, -ECONNRESET);

	part(l);
}

/* It goes on wanting the same, and reads until there is nothing at the moment. */
static void on_steady(struct sock *s, int ready, void *arg)
{
	char got;

	assert_int_equal(ready, SOCK_READ);
	shy.calls++;
	shy.n = sock_read(s, &got, 1);
	if (shy.n == 1)
		return;
	sock_want(s, 0);
	loop_stop(arg);
}

/* A byte, and a reset: the error hides the byte from libuv, and the byte hides the error from the first read. */
static void on_steady_guest(struct listener *l, void *arg)
{
	struct addr peer;

	if (listener_accept(l, &peer, &shy.sock))
		return;
	assert_int_equal(send(shy.peer, "a", 1, 0), 1);
	reset_peer();
	sock_attach(shy.sock, arg, on_steady, arg);
	sock_want(shy.sock, SOCK_READ);
}

static void a_socket_is_told_of_a_reset_behind_what_it_has_read(void **state)
{
	struct loop *l = meet(on_steady_guest);
	struct timer late;

	timer_init(&late, l, stop_loop);
	timer_start(&late, 20000);
	loop_run(l);
	timer_stop(&late);
	assert_int_equal(shy.calls, 2);
	assert_int_equal(shy.n, -ECONNRESET);
	part(l);
}

static void a_taken_port_is_told(void **state)
{
	struct env *e = env_real_new(&diag);
	struct loop *l = loop_new(e, "listen");
	struct listener *first, *second;
	struct addr a;

	addr_parse("127.0.0.1", 0, &a);
	assert_int_equal(env_listen(l, &a, 1, NULL, NULL, &first), 0);
	assert_int_equal(listener_addr(first, &a), 0);
	assert_int_equal(env_listen(l, &a, 1, NULL, NULL, &second), -EADDRINUSE);
	listener_close(first);
	loop_stop(l);
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
	error_ignored(env_unlink(e, in_dir(".lock"))); /* rmdir tells */
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
	for (int i = 0; i < 1000; i++) {
		double fraction = env_random_fraction(e);

		seen[env_random_below(e, 5)] = true;
		assert_true(fraction >= 0 && fraction < 1);
	}
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
		cmocka_unit_test(a_socket_is_told_of_what_came_while_nothing_was_wanted),
		cmocka_unit_test(a_socket_is_told_of_a_reset_behind_what_it_has_read),
		cmocka_unit_test(a_taken_port_is_told),
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
