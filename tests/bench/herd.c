/*
 * herd: clients that come back all at once, as after a restart of the node. Each connects once,
 * completes a TLS handshake, sends ApiVersions, and stays.
 *
 *	herd HOST PORT CLIENTS
 *
 * Prints how many were answered, how many were turned away, and after how many milliseconds the last
 * one was answered. Exits with 1 if any was not answered.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, PATIENCE_MS = 120000 };
enum state { DIALS, SHAKES, ASKS, IS_IN, IS_OUT };

struct client {
	int fd;
	enum state state;
	SSL *ssl;
};

static struct sockaddr_in to;
static SSL_CTX *ctx;
static int poller, n_in, n_out;
static int64_t last_ms;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void want(struct client *c, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = c};

	epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}

static void settle(struct client *c, enum state state)
{
	c->state = state;
	n_in += state == IS_IN;
	n_out += state == IS_OUT;
	last_ms = now_ms();
	if (state == IS_IN) {
		want(c, EPOLLIN);
		return;
	}
	SSL_free(c->ssl);
	close(c->fd);
}

/* The result of an SSL call. 0: done; 1: it must wait for the socket; -1: the connection is over. */
static int outcome(struct client *c, int ret)
{
	int err = ret > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, ret);

	if (err == SSL_ERROR_NONE)
		return 0;
	if (err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE)
		return -1;
	want(c, err == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
	return 1;
}

static void go_on(struct client *c)
{
	static const uint8_t ask[] = {0, 0, 0, 14, 0, 18, 0, 0, 0, 0, 0, 1, 0, 4, 'h', 'e', 'r', 'd'};
	char answer[4096];
	int err = 0;

	if (c->state == DIALS) {
		socklen_t len = sizeof(err);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
		c->ssl = SSL_new(ctx);
		SSL_set_fd(c->ssl, c->fd);
		c->state = SHAKES;
	}
	if (err == 0 && c->state == SHAKES) {
		err = outcome(c, SSL_connect(c->ssl));
		if (err == 0)
			err = outcome(c, SSL_write(c->ssl, ask, sizeof(ask)));
		if (err == 0)
			c->state = ASKS;
	}
	if (err == 0 && c->state == ASKS) {
		err = outcome(c, SSL_read(c->ssl, answer, sizeof(answer)));
		if (err == 0)
			settle(c, IS_IN);
	} else if (err == 0 && c->state == IS_IN && outcome(c, SSL_read(c->ssl, answer, sizeof(answer))) < 0) {
		n_in--;
		settle(c, IS_OUT);
	}
	if (err != 0 && err != 1)
		settle(c, IS_OUT);
}

static void dial(struct client *c)
{
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c};

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)) {
		perror("herd");
		exit(2);
	}
	epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
}

int main(int argc, char **argv)
{
	int n = argc == 4 ? atoi(argv[3]) : 0;
	struct rlimit files;
	struct client *all;
	int64_t began_ms;

	to.sin_family = AF_INET;
	if (n <= 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: herd ADDRESS PORT CLIENTS\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	poller = epoll_create1(EPOLL_CLOEXEC);
	all = calloc((size_t)n, sizeof(*all));
	began_ms = now_ms();
	for (int i = 0; i < n; i++)
		dial(&all[i]);
	while (n_in + n_out < n && now_ms() - began_ms < PATIENCE_MS) {
		struct epoll_event events[EVENTS];
		int got = epoll_wait(poller, events, EVENTS, 1000);

		for (int i = 0; i < got; i++)
			go_on(events[i].data.ptr);
	}
	printf("%d %d %lld\n", n_in, n_out, (long long)(last_ms - began_ms));
	return n_in == n ? 0 : 1;
}
