/*
 * flood: connections meant only to cause cost.
 *
 *	flood KIND HOST PORT SECONDS
 *
 *	slow	TLS handshakes that send one byte per second
 *	dial	two thousand connections per second, each closed after one second
 *	garbage	random bytes
 *	half	half a frame, and nothing more
 *	length	lengths that are impossible or false
 *	sasl	TLS, then endless meaningless SaslAuthenticate requests
 *	shake	three hundred TLS handshakes per second, each closed half a second later
 *	press	a hundred producers that write to the topic "pressed" as fast as they are let
 *
 * Prints the number of connections, the largest number at one time, and the age in milliseconds of
 * the oldest one when the node closed it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/raw.h"

enum { MOST = 4096, EVENTS = 256, PATIENCE_MS = 60000 };

struct one {
	int fd; /* -1: none */
	int64_t born_ms;
	int64_t next_ms; /* when it sends again */
	int step;
	size_t at; /* in the frame that it is sending */
	SSL *ssl;
	bool shaken;
};

struct kind {
	const char *name;
	int at_once;	 /* limit of open connections */
	int a_second;	 /* new ones per second, at most */
	int every_ms;	 /* between two sends of one connection */
	int64_t life_ms; /* after which it closes itself; 0: never */
	bool tls;
	void (*say)(struct one *o);
};

static struct one ones[MOST];
static struct sockaddr_in to;
static int poller;
static SSL_CTX *ctx;
static int64_t n_opened, oldest_ms;
static int n_open, most_open;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what is said; a socket that takes nothing more is waited for by the node ---- */

static void put(struct one *o, const void *p, size_t len)
{
	if (o->ssl)
		SSL_write(o->ssl, p, (int)len);
	else if (send(o->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

/* The beginning of a ClientHello of five hundred bytes. */
static void say_slowly(struct one *o)
{
	static const uint8_t hello[] = {22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
	size_t at = (size_t)o->step++;
	uint8_t b = at < sizeof(hello) ? hello[at] : (uint8_t)at;

	put(o, &b, 1);
}

static void say_nothing(struct one *o)
{
	(void)o;
}

static void say_garbage(struct one *o)
{
	uint8_t b[4096];

	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)random();
	put(o, b, sizeof(b));
}

static void say_half_a_frame(struct one *o)
{
	static uint8_t b[40000] = {0, 0, 0xff, 0xf0};

	if (o->step++ == 0)
		put(o, b, sizeof(b));
}

static void say_a_length(struct one *o)
{
	static const uint8_t lengths[][4] = {
		{0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff}, {0x06, 0, 0, 0}, {0, 1, 0, 1}};
	static uint8_t more[20000];

	if (o->step++ > 0)
		return;
	put(o, lengths[random() % 4], 4);
	put(o, more, sizeof(more));
}

static void say_tokens(struct one *o)
{
	static uint8_t frame[30014] = {0, 0, 0x75, 0x3a, 0, 36, 0, 0, 0, 0, 0, 1, 0xff, 0xff};
	static const uint8_t handshake[] = {0,	0,   0,	  25,  0,   17,	 0,   1,   0,	0,   0,	  0,   0xff, 0xff, 0,
					    13, 'S', 'C', 'R', 'A', 'M', '-', 'S', 'H', 'A', '-', '2', '5',  '6'};

	if (!o->shaken) {
		o->shaken = SSL_do_handshake(o->ssl) == 1;
		return;
	}
	if (o->step++ == 0)
		put(o, handshake, sizeof(handshake));
	else
		put(o, frame, sizeof(frame));
}

static void say_handshake(struct one *o)
{
	o->shaken = o->shaken || SSL_do_handshake(o->ssl) == 1;
}

/* A hundred records of a KiB in each request; at most a MiB at once. */
static void say_records(struct one *o)
{
	static struct bytes_out batch, frame;

	if (frame.len == 0) {
		batch_make(&batch, 100, 1024, raw_wall_ms());
		put_produce(&frame, 1, "pressed", 0, 1, &batch);
	}
	for (int i = 0; i < 10; i++) {
		ssize_t n = send(o->fd, frame.p + o->at, frame.len - o->at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n <= 0)
			return;
		o->at = (o->at + (size_t)n) % frame.len;
	}
}

static const struct kind kinds[] = {
	{"slow", 1500, 500, 1000, 0, false, say_slowly},     {"dial", 2500, 2000, 1000, 1000, false, say_nothing},
	{"garbage", 200, 400, 100, 0, false, say_garbage},   {"half", 1500, 500, 1000, 0, false, say_half_a_frame},
	{"length", 500, 400, 1000, 0, false, say_a_length},  {"sasl", 50, 50, 20, 0, true, say_tokens},
	{"shake", 300, 300, 1000, 500, true, say_handshake}, {"press", 100, 1000, 1, 0, false, say_records},
};

/* ---- connections ---- */

static void hang_up(struct one *o)
{
	if (o->ssl)
		SSL_free(o->ssl);
	close(o->fd);
	*o = (struct one){.fd = -1};
	n_open--;
}

static bool dial(const struct kind *k, struct one *o)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = o};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) {
		close(fd);
		return false;
	}
	*o = (struct one){.fd = fd, .born_ms = now_ms()};
	if (k->tls) {
		o->ssl = SSL_new(ctx);
		SSL_set_fd(o->ssl, fd);
		SSL_set_connect_state(o->ssl);
	}
	epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
	n_opened++;
	if (++n_open > most_open)
		most_open = n_open;
	return true;
}

/* Discards what is received; notes the end. */
static void hear(struct one *o)
{
	static char b[65536];
	ssize_t n = 1;

	if (o->fd < 0)
		return;
	while (!o->ssl && n > 0)
		n = read(o->fd, b, sizeof(b));
	if (o->ssl) {
		int got = o->shaken ? SSL_read(o->ssl, b, sizeof(b)) : SSL_do_handshake(o->ssl);
		int err = SSL_get_error(o->ssl, got);

		o->shaken |= !o->shaken && got == 1;
		n = got > 0 || err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? 1 : 0;
	} else if (n < 0 && errno == EAGAIN) {
		return;
	}
	if (n > 0)
		return;
	if (now_ms() - o->born_ms > oldest_ms)
		oldest_ms = now_ms() - o->born_ms;
	hang_up(o);
}

static void go_on(const struct kind *k, int64_t began_ms)
{
	int64_t now = now_ms(), may = (now - began_ms) * k->a_second / 1000;
	static int64_t dialled;

	if (dialled < may - k->a_second) /* missed ones are not made up for */
		dialled = may - k->a_second;
	for (int i = 0; i < k->at_once; i++) {
		struct one *o = &ones[i];

		if (o->fd < 0 && dialled < may) {
			dialled++;
			if (!dial(k, o))
				continue;
		}
		if (o->fd >= 0 && k->life_ms && now - o->born_ms >= k->life_ms) {
			hang_up(o);
		} else if (o->fd >= 0 && o->next_ms <= now) {
			o->next_ms = now + k->every_ms;
			k->say(o);
		}
	}
}

/* A busy machine may not have let it run in time. */
static bool goes_on(int64_t began_ms, int seconds)
{
	int64_t ms = now_ms() - began_ms;

	return ms < seconds * INT64_C(1000) || (n_opened == 0 && ms < PATIENCE_MS);
}

int main(int argc, char **argv)
{
	struct rlimit files = {8192, 8192};
	struct epoll_event events[EVENTS];
	const struct kind *k = NULL;
	int64_t began = now_ms();

	for (size_t i = 0; argc == 5 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, argv[1]) == 0)
			k = &kinds[i];
	if (!k) {
		fprintf(stderr, "flood KIND HOST PORT SECONDS\n");
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
	inet_pton(AF_INET, argv[2], &to.sin_addr);
	poller = epoll_create1(EPOLL_CLOEXEC);
	ctx = SSL_CTX_new(TLS_client_method());
	for (int i = 0; i < MOST; i++)
		ones[i].fd = -1;
	while (goes_on(began, atoi(argv[4]))) {
		int n = epoll_wait(poller, events, EVENTS, 5);

		for (int i = 0; i < n; i++)
			hear(events[i].data.ptr);
		go_on(k, began);
	}
	for (int i = 0; i < MOST; i++) /* surviving connections count too; those we close ourselves do not */
		if (ones[i].fd >= 0 && !k->life_ms && now_ms() - ones[i].born_ms > oldest_ms)
			oldest_ms = now_ms() - ones[i].born_ms;
	printf("%lld %d %lld\n", (long long)n_opened, most_open, (long long)oldest_ms);
	return 0;
}
