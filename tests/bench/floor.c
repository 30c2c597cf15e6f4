/*
 * floor: the smallest broker that stock clients can talk to. Its cost is the minimum for any broker
 * on this machine.
 *
 *	floor null|floor PORT DIRECTORY
 *
 * null acknowledges what it is sent and keeps nothing. floor receives, checks the CRC32C, assigns
 * offsets, writes with pwrite and sends with sendfile. One thread, one epoll. No access control, no
 * validation of records, no idempotence, no quotas, no metrics, no recovery. Every topic exists. A
 * fetch is answered for its first partition only. Its logs are in floor_log.c, its answers to members
 * of groups in floor_groups.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endian.h"
#include "tests/bench/floor_groups.h"
#include "tests/bench/floor_log.h"
#include "tests/bench/raw.h"

#define PARTITIONS 1
#define CONNECTION_BYTES ((size_t)64 << 10)
#define UNSUPPORTED_VERSION 35

struct conn {
	struct conn *prev, *next; /* list of those with a waiting fetch */
	int fd;
	uint8_t *in;
	size_t len, cap;
	struct bytes_out out;
	struct floor_member member;
	/* A waiting fetch. */
	bool parked;
	struct log *log;
	int32_t correlation, max_bytes;
	int64_t offset, deadline_us;
};

static struct conn parked = {.prev = &parked, .next = &parked};
static bool keeps;
static int port;
static struct floor_groups groups;

/* ---- answers ---- */

static size_t answer(struct conn *c, int32_t correlation)
{
	size_t at = c->out.len;

	put32(&c->out, 0);
	put32(&c->out, correlation);
	return at;
}

static void put_name(struct bytes_out *o, const char *name, size_t len)
{
	put16(o, (int)len);
	put_raw(o, name, len);
}

static const char *take_name(struct bytes_in *in, size_t *len)
{
	int n = get16(in);

	*len = n > 0 ? (size_t)n : 0;
	skip_bytes(in, *len);
	return (const char *)in->p - *len;
}

static void on_versions(struct conn *c, struct bytes_in in, int version, int32_t correlation)
{
	static const int16_t apis[][2] = {
		{API_PRODUCE, 7}, {API_FETCH, 4}, {2, 1}, {API_METADATA, 4}, {API_VERSIONS, 0}};
	size_t began = answer(c, correlation), n = sizeof(apis) / sizeof(apis[0]);

	(void)in;
	put16(&c->out, version ? UNSUPPORTED_VERSION : 0);
	put32(&c->out, (int32_t)n);
	for (size_t i = 0; i < n; i++) {
		put16(&c->out, apis[i][0]);
		put16(&c->out, 0);
		put16(&c->out, apis[i][1]);
	}
	raw_end(&c->out, began);
}

static void on_metadata(struct conn *c, struct bytes_in in, int version, int32_t correlation)
{
	size_t began = answer(c, correlation);
	int32_t n = get32(&in);

	(void)version;
	put32(&c->out, 0);
	put32(&c->out, 1);
	put32(&c->out, 1);
	put_text(&c->out, "127.0.0.1");
	put32(&c->out, port);
	put_text(&c->out, NULL);
	put_text(&c->out, NULL);
	put32(&c->out, 1);
	put32(&c->out, n > 0 ? n : 0);
	for (int32_t i = 0; i < n; i++) {
		size_t len;
		const char *name = take_name(&in, &len);

		put16(&c->out, 0);
		put_name(&c->out, name, len);
		put8(&c->out, 0);
		put32(&c->out, PARTITIONS);
		for (int p = 0; p < PARTITIONS; p++) {
			put16(&c->out, 0);
			put32(&c->out, p);
			for (int k = 0; k < 5; k++) /* leader, replicas and those in sync: node 1 */
				put32(&c->out, 1);
		}
	}
	raw_end(&c->out, began);
}

static void on_offsets(struct conn *c, struct bytes_in in, int version, int32_t correlation)
{
	size_t began = answer(c, correlation), len;
	const char *name;
	struct log *l;
	int64_t time;
	int32_t p;

	(void)version;
	get32(&in);
	get32(&in);
	name = take_name(&in, &len);
	get32(&in);
	p = get32(&in);
	time = get64(&in);
	l = log_of(name, len, p);
	put32(&c->out, 1);
	put_name(&c->out, name, len);
	put32(&c->out, 1);
	put32(&c->out, p);
	put16(&c->out, 0);
	put64(&c->out, -1);
	put64(&c->out, time == -2 ? l->start : l->next);
	raw_end(&c->out, began);
}

static void resume(struct conn *c);

static void wake(struct log *l)
{
	for (struct conn *c = parked.next, *next; c != &parked; c = next) {
		next = c->next;
		if (c->log == l)
			resume(c);
	}
}

static void produce_partition(struct conn *c, struct bytes_in *in, const char *name, size_t len)
{
	int32_t p = get32(in), bytes = get32(in);
	struct log *l = log_of(name, len, p);
	int64_t first = l->next;

	skip_bytes(in, (size_t)bytes);
	if (keeps)
		first = log_append(l, (uint8_t *)in->p - bytes, (size_t)bytes);
	put32(&c->out, p);
	put16(&c->out, 0);
	put64(&c->out, first);
	put64(&c->out, -1);
	put64(&c->out, 0);
	if (keeps && parked.next != &parked)
		wake(l);
}

static void on_produce(struct conn *c, struct bytes_in in, int version, int32_t correlation)
{
	size_t began = answer(c, correlation);
	int32_t topics;

	(void)version;
	skip_text(&in);
	get16(&in);
	get32(&in);
	topics = get32(&in);
	put32(&c->out, topics);
	for (int32_t i = 0; i < topics; i++) {
		size_t len;
		const char *name = take_name(&in, &len);
		int32_t n = get32(&in);

		put_name(&c->out, name, len);
		put32(&c->out, n);
		for (int32_t k = 0; k < n; k++)
			produce_partition(c, &in, name, len);
	}
	put32(&c->out, 0);
	raw_end(&c->out, began);
}

static void flush(struct conn *c, int flags)
{
	for (size_t at = 0; at < c->out.len;) {
		ssize_t n = send(c->fd, c->out.p + at, c->out.len - at, MSG_NOSIGNAL | flags);

		if (n < 0)
			break; /* its end is noticed when it is read */
		at += (size_t)n;
	}
	c->out.len = 0;
}

static void unpark(struct conn *c)
{
	if (!c->parked)
		return;
	c->prev->next = c->next;
	c->next->prev = c->prev;
	c->parked = false;
}

static void fetch_answer(struct conn *c, struct log *l, int32_t correlation, int64_t offset, int32_t max_bytes)
{
	int64_t pos = log_pos(l, offset), len = l->size - pos < max_bytes ? l->size - pos : max_bytes;
	size_t began = answer(c, correlation);
	off_t from = pos;

	unpark(c);
	put32(&c->out, 0);
	put32(&c->out, 1);
	put_text(&c->out, l->name);
	put32(&c->out, 1);
	put32(&c->out, l->partition);
	put16(&c->out, 0);
	put64(&c->out, l->next);
	put64(&c->out, l->next);
	put32(&c->out, 0);
	put32(&c->out, (int32_t)len);
	put_u32(c->out.p + began, (uint32_t)(c->out.len - began - 4 + (size_t)len));
	flush(c, len ? MSG_MORE : 0);
	while (len > 0) {
		ssize_t n = sendfile(c->fd, l->fd, &from, (size_t)len);

		if (n <= 0)
			break;
		len -= n;
	}
}

static void on_fetch(struct conn *c, struct bytes_in in, int version, int32_t correlation)
{
	int32_t wait_ms, max_bytes, p;
	int64_t offset;
	const char *name;
	struct log *l;
	size_t len;

	(void)version;
	get32(&in);
	wait_ms = get32(&in);
	get32(&in);
	get32(&in);
	get8(&in);
	if (get32(&in) < 1)
		raw_die("a fetch of nothing");
	name = take_name(&in, &len);
	get32(&in);
	p = get32(&in);
	offset = get64(&in);
	max_bytes = get32(&in);
	l = log_of(name, len, p);
	if (!keeps || (offset >= l->next && wait_ms > 0)) {
		c->log = l;
		c->correlation = correlation;
		c->max_bytes = max_bytes;
		c->offset = offset;
		c->deadline_us = raw_now_us() + wait_ms * INT64_C(1000);
		c->parked = true;
		c->prev = &parked;
		c->next = parked.next;
		c->next->prev = c->prev->next = c;
		return;
	}
	fetch_answer(c, l, correlation, offset < l->start ? l->start : offset, max_bytes);
}

/* ---- connections ---- */

static void serve(struct conn *c, struct bytes_in in)
{
	static const struct {
		int key;
		void (*serve)(struct conn *c, struct bytes_in in, int version, int32_t correlation);
	} apis[] = {{API_PRODUCE, on_produce},
		    {API_FETCH, on_fetch},
		    {2, on_offsets},
		    {API_METADATA, on_metadata},
		    {API_VERSIONS, on_versions}};
	int key = get16(&in), version = get16(&in);
	int32_t correlation = get32(&in);
	size_t began;

	skip_text(&in);
	for (size_t i = 0; i < sizeof(apis) / sizeof(apis[0]); i++)
		if (apis[i].key == key) {
			apis[i].serve(c, in, version, correlation);
			return;
		}
	began = answer(c, correlation);
	if (!floor_groups_answer(&groups, key, &c->member, in, &c->out))
		raw_die("an API that the floor has not: %d", key);
	raw_end(&c->out, began);
}

/* Handles every whole frame, and sends all answers at once. */
static void serve_all(struct conn *c)
{
	size_t at = 0;

	while (!c->parked && c->len - at >= 4) {
		size_t len = get_u32(c->in + at);

		if (c->len - at - 4 < len) {
			if (c->cap < len + 4) {
				c->cap = len + 4;
				c->in = realloc(c->in, c->cap);
			}
			break;
		}
		serve(c, (struct bytes_in){c->in + at + 4, len});
		at += 4 + len;
	}
	if (at)
		memmove(c->in, c->in + at, c->len - at);
	c->len -= at;
	if (c->out.len)
		flush(c, 0);
}

/* Answers the waiting fetch, then handles what was received after it. */
static void resume(struct conn *c)
{
	fetch_answer(c, c->log, c->correlation, c->offset, c->max_bytes);
	serve_all(c);
}

static bool conn_read(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->len, c->cap - c->len, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		return false;
	c->len += n > 0 ? (size_t)n : 0;
	serve_all(c);
	return true;
}

static void conn_new(int epoll, int listener)
{
	struct conn *c = calloc(1, sizeof(*c));

	c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	c->cap = CONNECTION_BYTES;
	c->in = malloc(c->cap);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
}

static void conn_free(struct conn *c)
{
	unpark(c);
	close(c->fd);
	free(c->in);
	free(c->out.p);
	free(c);
}

static void answer_late(void)
{
	int64_t now = raw_now_us();

	for (struct conn *c = parked.next, *next; c != &parked; c = next) {
		next = c->next;
		if (c->deadline_us <= now)
			resume(c);
	}
}

static int listen_on(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1024) != 0)
		raw_die("port %d: %s", port, strerror(errno));
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];
	struct rlimit limit;
	int listener, epoll;

	if (argc != 4)
		raw_die("where? See the head of floor.c");
	keeps = !strcmp(argv[1], "floor");
	port = atoi(argv[2]);
	groups = (struct floor_groups){.port = port, .keeps = keeps};
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	logs_init(argv[3], keeps);
	signal(SIGPIPE, SIG_IGN); /* sendfile has no flag for it */
	listener = listen_on();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.ptr = NULL});
	for (;;) {
		int n = epoll_wait(epoll, events, 64, parked.next == &parked ? -1 : 10);

		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (!c)
				conn_new(epoll, listener);
			else if (!conn_read(c))
				conn_free(c);
		}
		answer_late();
	}
}
