/* net over loopback in the real world: reactors on threads, with blocking clients in the test. */
#include "net/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/endian.h"
#include "base/mem.h"
#include "env/real/real.h"
#include "tests/base/cm.h"
#include "tests/net/echo.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define FILE_LEN (3 * MIB)

struct world {
	struct env *env;
	struct diag diag;
	struct echo echo;
	struct net *net;
	char path[64];
	char last_line[512];
	int n_lines;
	struct post post;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct net_counts counts; /* when it ended */
	int64_t patience_ms;	  /* deadline of a stop */
	bool stopped;
};

static void keep_line(void *arg, const char *line, int len)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	snprintf(w->last_line, sizeof(w->last_line), "%.*s", len, line);
	w->n_lines++;
	pthread_mutex_unlock(&w->lock);
}

static bool was_told(struct world *w, const char *what)
{
	bool found;

	pthread_mutex_lock(&w->lock);
	found = strstr(w->last_line, what);
	pthread_mutex_unlock(&w->lock);
	return found;
}

static void make_file(struct world *w)
{
	uint8_t *p = malloc(FILE_LEN);

	snprintf(w->path, sizeof(w->path), "/tmp/odradek-test-net-%d", (int)getpid());
	for (size_t i = 0; i < FILE_LEN; i++)
		p[i] = echo_pattern(i);
	assert_int_equal(env_open(w->env, w->path, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &w->echo.file), 0);
	assert_int_equal(file_write_full(w->echo.file, p, FILE_LEN, 0), 0);
	free(p);
}

static struct net_listener_config one_listener(void)
{
	return (struct net_listener_config){
		.name = "PLAINTEXT",
		.host = "127.0.0.1",
		.max_connections = NET_NO_LIMIT,
		.max_connection_creation_rate = NET_NO_LIMIT,
	};
}

static void world_begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->patience_ms = 10000;
	w->diag = (struct diag){.level = DIAG_INFO, .wall_ms = real_wall_ms, .write = keep_line, .arg = w};
	w->env = env_real_new(&w->diag);
	make_file(w);
}

static void world_serve(struct world *w, const struct net_limits *limits, int reactors,
			const struct net_listener_config *listeners, int n)
{
	int failed = -1;

	w->net = net_new(w->env, limits, reactors, &echo_handler, &w->echo);
	assert_int_equal(net_listen(w->net, listeners, n, &failed), 0);
	for (int i = 0; i < n; i++)
		net_accept(w->net, i);
	net_start(w->net);
	loop_thread(net_loop(w->net, 0));
}

static void world_open(struct world *w, int reactors, struct net_limits *limits)
{
	struct net_listener_config l = one_listener();
	struct net_limits defaults;

	world_begin(w);
	net_limits_default(&defaults, (int64_t)1 << 30);
	world_serve(w, limits ? limits : &defaults, reactors, &l, 1);
}

static void told_stopped(void *arg)
{
	struct world *w = arg;

	net_counts(w->net, &w->counts);
	pthread_mutex_lock(&w->lock);
	w->stopped = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static void stop(struct post *p)
{
	struct world *w = (struct world *)((char *)p - offsetof(struct world, post));

	net_stop(w->net, w->patience_ms, told_stopped, w);
}

static void world_stop(struct world *w)
{
	w->post.run = stop;
	loop_post(net_loop(w->net, 0), &w->post);
}

/* Ends with a clean stop, after which nothing may be left. */
static void world_close(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	if (!w->post.run) {
		pthread_mutex_unlock(&w->lock);
		world_stop(w);
		pthread_mutex_lock(&w->lock);
	}
	while (!w->stopped)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
	net_free(w->net);
	assert_int_equal(w->echo.live, 0);
	assert_int_equal(w->echo.opened, w->echo.closed);
	file_unref(&w->echo.file);
	unlink(w->path);
	env_real_free(w->env);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->cond);
}

/* ---- a client ---- */

static int client(struct world *w, int listener)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(net_listener_addr(w->net, listener)->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void put(int fd, const void *p, size_t len)
{
	const uint8_t *at = p;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		assert_true(n > 0);
		at += n;
		len -= (size_t)n;
	}
}

static void put_length(int fd, uint32_t len)
{
	uint8_t b[4];

	put_u32(b, len);
	put(fd, b, 4);
}

static void put_frame(int fd, const void *p, size_t len)
{
	put_length(fd, (uint32_t)len);
	put(fd, p, len);
}

static void get(int fd, void *p, size_t len)
{
	ssize_t n = recv(fd, p, len, MSG_WAITALL);

	assert_int_equal(n, len);
}

static uint32_t get_length(int fd)
{
	uint8_t b[4];

	get(fd, b, 4);
	return get_u32(b);
}

static void expect_frame(int fd, const void *p, size_t len)
{
	uint8_t *got = malloc(len + 1);

	assert_int_equal(get_length(fd), len);
	get(fd, got, len);
	assert_memory_equal(got, p, len);
	free(got);
}

/* The node has closed the connection: end of stream, or a reset if something was unread. */
static void expect_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
	close(fd);
}

static void expect_echo(int fd)
{
	put_frame(fd, "e, please", 9);
	expect_frame(fd, "e, please", 9);
}

/* ---- tests ---- */

static void a_frame_is_answered(void **state)
{
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = client(&w, 0);
	put_frame(fd, "e", 1);
	expect_frame(fd, "e", 1);
	put_frame(fd, "p, a while later", 16);
	expect_frame(fd, "p, a while later", 16);
	close(fd);
	world_close(&w);
}

static void pipelined_frames_are_answered_in_order(void **state)
{
	enum { N = 2000 };
	static const char kinds[] = "eepem";
	uint8_t f[8];
	struct world w;
	int fd;

	world_open(&w, 2, NULL);
	fd = client(&w, 0);
	for (uint32_t i = 0; i < N; i++) {
		f[0] = (uint8_t)kinds[i % 5];
		put_u16(f + 1, 0);
		put_u32(f + 3, i);
		put_frame(fd, f, 7);
		if (i % 50 == 0)
			put_frame(fd, "q", 1);
	}
	for (uint32_t i = 0; i < N; i++) {
		f[0] = (uint8_t)kinds[i % 5];
		put_u16(f + 1, 0);
		put_u32(f + 3, i);
		expect_frame(fd, f, 7);
	}
	close(fd);
	world_close(&w);
}

static void frames_of_every_size_come_back_whole(void **state)
{
	static const size_t sizes[] = {1,	4,	 8187,	  8188,	   8192,     8193,     65531,
				       65532,	65533,	 65536,	  65540,   131072,   200000,   1048571,
				       1048572, 1048573, 1048577, 3000000, 16777212, 16777216, 20000000};
	uint8_t *p = malloc(20000000);
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = client(&w, 0);
	for (size_t i = 0; i < 20000000; i++)
		p[i] = echo_pattern(i);
	p[0] = 'e';
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put_frame(fd, p, sizes[i]);
		expect_frame(fd, p, sizes[i]);
	}
	close(fd);
	world_close(&w);
	free(p);
}

static void a_frame_sent_byte_by_byte_is_a_frame(void **state)
{
	static const char f[] = "\0\0\0\012e123456789\0\0\0\003e!!";
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = client(&w, 0);
	for (size_t i = 0; i < sizeof(f) - 1; i++)
		put(fd, f + i, 1);
	expect_frame(fd, "e123456789", 10);
	expect_frame(fd, "e!!", 3);
	close(fd);
	world_close(&w);
}

static void an_answer_carries_a_range_of_a_file_between_memory(void **state)
{
	uint8_t f[9] = {'f'};
	uint8_t *got = malloc(FILE_LEN + 2);
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = client(&w, 0);
	for (int i = 0; i < 3; i++) {
		size_t pos = (size_t)i * 1000, len = FILE_LEN - 2 * pos;

		put_u32(f + 1, (uint32_t)pos);
		put_u32(f + 5, (uint32_t)len);
		put_frame(fd, f, 9);
		assert_int_equal(get_length(fd), len + 2);
		get(fd, got, len + 2);
		assert_int_equal(got[0], '<');
		assert_int_equal(got[len + 1], '>');
		for (size_t k = 0; k < len; k++)
			if (got[1 + k] != echo_pattern(pos + k))
				fail_msg("byte %zu", k);
	}
	expect_echo(fd);
	close(fd);
	world_close(&w);
	free(got);
}

static void a_file_that_is_too_short_closes_the_connection_in_one_line(void **state)
{
	uint8_t f[9] = {'f'};
	struct world w;
	uint8_t *got = malloc(FILE_LEN);
	int fd, other;

	world_open(&w, 1, NULL);
	fd = client(&w, 0);
	other = client(&w, 0);
	put_u32(f + 1, FILE_LEN - 10);
	put_u32(f + 5, 11);
	put_frame(fd, f, 9);
	assert_int_equal(get_length(fd), 13);
	get(fd, got, 11);
	expect_closed(fd);
	expect_echo(other);
	assert_true(was_told(&w, "a file is shorter"));
	close(other);
	world_close(&w);
	free(got);
}

static void a_reader_that_waits_gets_every_byte_later(void **state)
{
	enum { N = 40 };
	uint8_t f[5] = {'b'};
	const size_t len = 300000;
	uint8_t *got = malloc(len);
	struct world w;
	int fd, other;

	world_open(&w, 1, NULL);
	fd = client(&w, 0);
	other = client(&w, 0);
	put_u32(f + 1, (uint32_t)len);
	for (int i = 0; i < N; i++)
		put_frame(fd, f, 5);
	for (int i = 0; i < 20; i++) /* others are served meanwhile */
		expect_echo(other);
	/* Answers do not accumulate for a client that does not read. */
	assert_true(atomic_load(&w.echo.live) <= 16);
	for (int i = 0; i < N; i++) {
		assert_int_equal(get_length(fd), len);
		get(fd, got, len);
		for (size_t k = 0; k < len; k++)
			if (got[k] != echo_pattern(k))
				fail_msg("answer %d byte %zu", i, k);
	}
	close(fd);
	close(other);
	world_close(&w);
	free(got);
}

static void lengths_that_cannot_be_close_the_connection(void **state)
{
	struct net_limits limits;
	struct world w;
	int fd;

	net_limits_default(&limits, (int64_t)1 << 30);
	limits.request_max_bytes = 1000;
	world_open(&w, 1, &limits);
	fd = client(&w, 0);
	put_length(fd, (uint32_t)-1);
	expect_closed(fd);
	assert_true(was_told(&w, "negative frame length"));
	fd = client(&w, 0);
	put_length(fd, 1001);
	expect_closed(fd);
	assert_true(was_told(&w, "length=1001 max=1000"));
	fd = client(&w, 0);
	put_length(fd, 1000);
	put(fd, "e", 1);
	for (int i = 0; i < 999; i++)
		put(fd, "x", 1);
	assert_int_equal(get_length(fd), 1000);
	close(fd);
	world_close(&w);
}

static void a_flood_of_bad_ends_gives_few_lines(void **state)
{
	struct world w;

	world_open(&w, 1, NULL);
	for (int i = 0; i < 200; i++) {
		int fd = client(&w, 0);

		put(fd, "GET / HTTP/1.1\r\n\r\n", 18);
		expect_closed(fd);
	}
	assert_true(was_told(&w, "looks_like=HTTP"));
	world_close(&w);
	assert_true(w.n_lines < 20);
}

static void a_bound_of_one_connection_holds_for_it_alone(void **state)
{
	uint8_t f[5] = {'M'};
	struct world w;
	int fd, other;

	world_open(&w, 1, NULL);
	fd = client(&w, 0);
	other = client(&w, 0);
	put_u32(f + 1, 8);
	put_frame(fd, f, 5);
	expect_frame(fd, f, 5);
	put_frame(fd, "e2345678", 8);
	expect_frame(fd, "e2345678", 8);
	put_length(fd, 9);
	expect_closed(fd);
	expect_echo(other);
	close(other);
	world_close(&w);
}

static void a_handler_can_close_with_and_without_an_answer(void **state)
{
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = client(&w, 0);
	put(fd, "\0\0\0\001x\0\0\0\001e", 10);
	expect_closed(fd);
	fd = client(&w, 0);
	put_frame(fd, "Xyz", 3);
	expect_frame(fd, "Xyz", 3);
	expect_closed(fd);
	fd = client(&w, 0);
	put_frame(fd, "", 0);
	expect_closed(fd);
	assert_true(was_told(&w, "not a command"));
	world_close(&w);
}

static void a_request_in_work_is_dropped_with_its_connection(void **state)
{
	struct linger gone = {.l_onoff = 1};
	struct world w;
	int fd;

	world_open(&w, 2, NULL);
	for (int i = 0; i < 20; i++) {
		fd = client(&w, 0);
		put_frame(fd, i % 2 ? "h" : "p", 1);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof(gone));
		close(fd);
	}
	fd = client(&w, 0);
	expect_echo(fd);
	close(fd);
	world_close(&w);
}

static void a_stop_ends_at_its_deadline_what_is_still_in_work(void **state)
{
	struct world w;
	int held, fd;

	world_open(&w, 2, NULL);
	w.patience_ms = 1;
	held = client(&w, 0);
	put_frame(held, "h", 1);
	fd = client(&w, 0);
	expect_echo(fd);
	world_stop(&w);
	expect_closed(held);
	expect_closed(fd);
	world_close(&w);
}

static void one_address_has_its_bound(void **state)
{
	struct net_limits limits;
	struct net_ip_limit mine = {.connections = 3};
	struct world w;
	int v[4];

	net_limits_default(&limits, (int64_t)1 << 30);
	limits.max_connections_per_ip = 1;
	limits.ip_limits = &mine;
	limits.n_ip_limits = 1;
	assert_true(addr_parse("127.0.0.1", 0, &mine.addr));
	world_open(&w, 2, &limits);
	for (int i = 0; i < 3; i++) {
		v[i] = client(&w, 0);
		expect_echo(v[i]);
	}
	v[3] = client(&w, 0);
	expect_closed(v[3]);
	assert_true(was_told(&w, "max.connections.per.ip"));
	for (int i = 0; i < 3; i++) {
		expect_echo(v[i]);
		close(v[i]);
	}
	world_close(&w);
}

static void connections_beyond_the_bound_wait_until_one_closes(void **state)
{
	struct net_limits limits;
	struct world w;
	int a, b, c;

	net_limits_default(&limits, (int64_t)1 << 30);
	limits.max_connections = 2;
	world_open(&w, 2, &limits);
	a = client(&w, 0);
	b = client(&w, 0);
	expect_echo(a);
	expect_echo(b);
	c = client(&w, 0); /* accepted by the system, but not by the net */
	put_frame(c, "e", 1);
	expect_echo(a);
	assert_int_equal(w.echo.opened, 2);
	close(b);
	expect_frame(c, "e", 1);
	close(a);
	close(c);
	world_close(&w);
}

static void a_listener_between_brokers_takes_the_place_of_an_idle_connection(void **state)
{
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct world w;
	int a, b, c;

	l[1].name = "NODES";
	l[1].is_protected = true;
	net_limits_default(&limits, (int64_t)1 << 30);
	limits.max_connections = 2;
	world_begin(&w);
	world_serve(&w, &limits, 1, l, 2);
	a = client(&w, 0);
	b = client(&w, 0);
	expect_echo(a);
	expect_echo(b);
	expect_echo(a); /* so b is the least recently active */
	c = client(&w, 1);
	expect_echo(c);
	expect_closed(b);
	expect_echo(a);
	close(a);
	close(c);
	world_close(&w);
}

/* Its connections neither take the places of clients nor count among those of their address. */
static void an_exempt_listener_counts_for_itself(void **state)
{
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct world w;
	int v[5];

	l[1].name = "NODES";
	l[1].exempt = true;
	net_limits_default(&limits, (int64_t)1 << 30);
	limits.max_connections = 2;
	limits.max_connections_per_ip = 2;
	world_begin(&w);
	world_serve(&w, &limits, 1, l, 2);
	for (int i = 0; i < 5; i++) { /* a node, a client, two nodes, a client */
		v[i] = client(&w, i == 1 || i == 4 ? 0 : 1);
		expect_echo(v[i]);
	}
	for (int i = 0; i < 5; i++) {
		expect_echo(v[i]);
		close(v[i]);
	}
	world_close(&w);
}

/* ---- limits that change while it runs ---- */

struct change {
	struct post post;
	struct world *w;
	void (*make)(struct net *net);
	bool done;
};

static void make_change(struct post *p)
{
	struct change *c = (struct change *)((char *)p - offsetof(struct change, post));

	c->make(c->w->net);
	pthread_mutex_lock(&c->w->lock);
	c->done = true;
	pthread_cond_signal(&c->w->cond);
	pthread_mutex_unlock(&c->w->lock);
}

static void change(struct world *w, void (*make)(struct net *net))
{
	struct change c = {.post.run = make_change, .w = w, .make = make};

	loop_post(net_loop(w->net, 0), &c.post);
	pthread_mutex_lock(&w->lock);
	while (!c.done)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void allow_two(struct net *net)
{
	net_set_max_connections(net, 2);
}

static void allow_three(struct net *net)
{
	net_set_max_connections(net, 3);
}

static void allow_the_listener_one(struct net *net)
{
	net_set_listener_max_connections(net, 0, 1);
}

static void allow_the_listener_three(struct net *net)
{
	net_set_listener_max_connections(net, 0, 3);
}

static void allow_an_address_one(struct net *net)
{
	net_set_max_connections_per_ip(net, 1);
}

static void allow_this_address_two(struct net *net)
{
	struct net_ip_limit mine = {.connections = 2};

	assert_true(addr_parse("127.0.0.1", 0, &mine.addr));
	net_set_ip_limits(net, &mine, 1);
}

static bool is_served(int fd)
{
	char answer[5];

	return send(fd, "\0\0\0\1e", 5, MSG_NOSIGNAL) == 5 && recv(fd, answer, 5, MSG_WAITALL) == 5;
}

static void wait_for_connections(struct world *w, int n)
{
	for (int ms = 0; ms < 60000; ms++) {
		net_counts(w->net, &w->counts);
		if (w->counts.connections == n)
			return;
		usleep(1000);
	}
	fail_msg("%d connections, and not %d", (int)w->counts.connections, n);
}

/* On two reactors, with a connection of a node that must not be closed. */
static void a_lower_bound_closes_as_many_as_there_are_too_many(void **state)
{
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct world w;
	int v[6], served = 0, next;

	l[1].name = "NODES";
	l[1].is_protected = true;
	net_limits_default(&limits, (int64_t)1 << 30);
	world_begin(&w);
	world_serve(&w, &limits, 2, l, 2);
	for (int i = 0; i < 6; i++) {
		v[i] = client(&w, i == 0);
		expect_echo(v[i]);
	}
	change(&w, allow_two);
	wait_for_connections(&w, 2);
	for (int i = 0; i < 6; i++)
		served += is_served(v[i]);
	assert_int_equal(served, 2);
	assert_true(is_served(v[0]));
	next = client(&w, 0);
	put_frame(next, "e", 1);
	change(&w, allow_three);
	expect_frame(next, "e", 1);
	for (int i = 0; i < 6; i++)
		close(v[i]);
	close(next);
	world_close(&w);
}

static void a_bound_of_a_listener_is_for_those_that_come(void **state)
{
	struct world w;
	int v[3];

	world_open(&w, 1, NULL);
	for (int i = 0; i < 2; i++) {
		v[i] = client(&w, 0);
		expect_echo(v[i]);
	}
	change(&w, allow_the_listener_one);
	v[2] = client(&w, 0);
	put_frame(v[2], "e", 1);
	expect_echo(v[0]);
	expect_echo(v[1]);
	assert_int_equal(w.echo.opened, 2);
	change(&w, allow_the_listener_three);
	expect_frame(v[2], "e", 1);
	for (int i = 0; i < 3; i++)
		close(v[i]);
	world_close(&w);
}

static void a_bound_of_addresses_changes_too(void **state)
{
	struct world w;
	int a, b, c;

	world_open(&w, 1, NULL);
	change(&w, allow_an_address_one);
	a = client(&w, 0);
	expect_echo(a);
	expect_closed(client(&w, 0));
	change(&w, allow_this_address_two);
	b = client(&w, 0);
	expect_echo(b);
	c = client(&w, 0);
	expect_closed(c);
	close(a);
	close(b);
	world_close(&w);
}

static void put_work(int fd, int n, uint32_t us)
{
	uint8_t frame[9] = {0, 0, 0, 5, 'w'};

	put_u32(frame + 5, us);
	for (int i = 0; i < n; i++)
		put(fd, frame, sizeof(frame));
}

/*
 * Clients keep the only reactor busy for half a minute with what they have sent before a node
 * connects. It is counted what has been done for them when the node has its answer: a machine that
 * is slow is slow for all.
 */
static void clients_do_not_keep_a_node_waiting(void **state)
{
	enum { CLIENTS = 100, FRAMES = 60, TURN_US = 5000 };
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct world w;
	int v[CLIENTS], node;

	l[1].name = "NODES";
	l[1].is_protected = true;
	net_limits_default(&limits, (int64_t)1 << 30);
	world_begin(&w);
	world_serve(&w, &limits, 1, l, 2);
	for (int i = 0; i < CLIENTS; i++) {
		v[i] = client(&w, 0);
		expect_echo(v[i]);
	}
	put_work(v[0], 1, 1000000); /* while the others send theirs */
	for (int i = 0; i < CLIENTS; i++)
		put_work(v[i], FRAMES, TURN_US);
	node = client(&w, 1);
	expect_echo(node);
	expect_echo(node);
	assert_true(w.echo.frames < CLIENTS * FRAMES / 2);
	close(node);
	for (int i = 0; i < CLIENTS; i++)
		close(v[i]);
	w.patience_ms = 1000;
	world_close(&w);
}

static void connections_are_spread_over_the_reactors(void **state)
{
	struct world w;
	int v[8];

	world_open(&w, 4, NULL);
	for (int i = 0; i < 8; i++) {
		v[i] = client(&w, 0);
		expect_echo(v[i]);
	}
	assert_int_equal(w.echo.reactors, 15);
	net_counts(w.net, &w.counts);
	assert_int_equal(w.counts.connections, 8);
	for (int i = 0; i < 8; i++)
		close(v[i]);
	world_close(&w);
	assert_int_equal(w.counts.connections, 0);
	assert_int_equal(w.counts.accepted, 8);
	assert_int_equal(w.counts.bytes_in, 8 * 13);
	assert_int_equal(w.counts.bytes_out, 8 * 13);
}

static void a_clean_stop_answers_what_is_in_work_and_closes_the_idle(void **state)
{
	struct world w;
	int idle, busy;

	world_open(&w, 2, NULL);
	idle = client(&w, 0);
	busy = client(&w, 0);
	expect_echo(idle);
	put_frame(busy, "p1", 2);
	expect_frame(busy, "p1", 2);
	world_stop(&w);
	expect_closed(idle);
	expect_closed(busy);
	world_close(&w);
}

static void a_wildcard_takes_both_families_and_tells_the_local_address(void **state)
{
	struct net_listener_config l = one_listener();
	struct net_limits limits;
	struct world w;
	int fd;

	l.host = NULL;
	net_limits_default(&limits, (int64_t)1 << 30);
	world_begin(&w);
	world_serve(&w, &limits, 1, &l, 1);
	assert_true(addr_is_wildcard(net_listener_addr(w.net, 0)));
	fd = client(&w, 0);
	expect_echo(fd);
	close(fd);
	world_close(&w);
}

static void a_taken_port_is_an_error_that_names_the_listener(void **state)
{
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct net *second;
	int failed = -1;
	struct world w;

	world_open(&w, 1, NULL);
	l[1].port = net_listener_addr(w.net, 0)->port;
	net_limits_default(&limits, (int64_t)1 << 30);
	second = net_new(w.env, &limits, 1, &echo_handler, &w.echo);
	assert_int_equal(net_listen(second, l, 2, &failed), -EADDRINUSE);
	assert_int_equal(failed, 1);
	net_free(second);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_answered),
		cmocka_unit_test(pipelined_frames_are_answered_in_order),
		cmocka_unit_test(frames_of_every_size_come_back_whole),
		cmocka_unit_test(a_frame_sent_byte_by_byte_is_a_frame),
		cmocka_unit_test(an_answer_carries_a_range_of_a_file_between_memory),
		cmocka_unit_test(a_file_that_is_too_short_closes_the_connection_in_one_line),
		cmocka_unit_test(a_reader_that_waits_gets_every_byte_later),
		cmocka_unit_test(lengths_that_cannot_be_close_the_connection),
		cmocka_unit_test(a_flood_of_bad_ends_gives_few_lines),
		cmocka_unit_test(a_bound_of_one_connection_holds_for_it_alone),
		cmocka_unit_test(a_handler_can_close_with_and_without_an_answer),
		cmocka_unit_test(one_address_has_its_bound),
		cmocka_unit_test(connections_beyond_the_bound_wait_until_one_closes),
		cmocka_unit_test(a_listener_between_brokers_takes_the_place_of_an_idle_connection),
		cmocka_unit_test(an_exempt_listener_counts_for_itself),
		cmocka_unit_test(a_lower_bound_closes_as_many_as_there_are_too_many),
		cmocka_unit_test(a_bound_of_a_listener_is_for_those_that_come),
		cmocka_unit_test(a_bound_of_addresses_changes_too),
		cmocka_unit_test(clients_do_not_keep_a_node_waiting),
		cmocka_unit_test(connections_are_spread_over_the_reactors),
		cmocka_unit_test(a_clean_stop_answers_what_is_in_work_and_closes_the_idle),
		cmocka_unit_test(a_wildcard_takes_both_families_and_tells_the_local_address),
		cmocka_unit_test(a_taken_port_is_an_error_that_names_the_listener),
		cmocka_unit_test(a_request_in_work_is_dropped_with_its_connection),
		cmocka_unit_test(a_stop_ends_at_its_deadline_what_is_still_in_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
