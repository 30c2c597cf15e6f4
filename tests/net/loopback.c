#include "tests/net/loopback.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/endian.h"
#include "env/real/real.h"
#include "tests/base/cm.h"

static void keep_line(void *arg, const char *line, int len)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	snprintf(w->last_line, sizeof(w->last_line), "%.*s", len, line);
	w->n_lines++;
	pthread_mutex_unlock(&w->lock);
}

bool was_told(struct world *w, const char *what)
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

struct net_listener_config one_listener(void)
{
	return (struct net_listener_config){
		.name = "PLAINTEXT",
		.host = "127.0.0.1",
		.max_connections = NET_NO_LIMIT,
		.max_connection_creation_rate = NET_NO_LIMIT,
	};
}

void world_begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->patience_ms = 10000;
	w->diag = (struct diag){.level = DIAG_INFO, .wall_ms = real_wall_ms, .write = keep_line, .arg = w};
	w->env = env_real_new(&w->diag);
	make_file(w);
}

void world_serve(struct world *w, const struct net_limits *limits, int reactors,
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

void world_open(struct world *w, int reactors, struct net_limits *limits)
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

static void stop_net(struct post *p)
{
	struct world *w = (struct world *)((char *)p - offsetof(struct world, post));

	net_stop(w->net, w->patience_ms, told_stopped, w);
}

void world_stop(struct world *w)
{
	w->post.run = stop_net;
	loop_post(net_loop(w->net, 0), &w->post);
}

/* Ends with a clean stop, after which nothing may be left. */
void world_close(struct world *w)
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

int dial_listener(struct world *w, int listener)
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

void put_bytes(int fd, const void *p, size_t len)
{
	const uint8_t *at = p;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		assert_true(n > 0);
		at += n;
		len -= (size_t)n;
	}
}

void put_length(int fd, uint32_t len)
{
	uint8_t b[4];

	put_u32(b, len);
	put_bytes(fd, b, 4);
}

void put_frame(int fd, const void *p, size_t len)
{
	put_length(fd, (uint32_t)len);
	put_bytes(fd, p, len);
}

void get_bytes(int fd, void *p, size_t len)
{
	ssize_t n = recv(fd, p, len, MSG_WAITALL);

	assert_int_equal(n, len);
}

uint32_t get_length(int fd)
{
	uint8_t b[4];

	get_bytes(fd, b, 4);
	return get_u32(b);
}

void expect_frame(int fd, const void *p, size_t len)
{
	uint8_t *got = malloc(len + 1);

	assert_int_equal(get_length(fd), len);
	get_bytes(fd, got, len);
	assert_memory_equal(got, p, len);
	free(got);
}

/* The node has closed the connection: end of stream, or a reset if something was unread. */
void expect_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
	close(fd);
}

void expect_echo(int fd)
{
	put_frame(fd, "e, please", 9);
	expect_frame(fd, "e, please", 9);
}
