/*
 * stream: records at a steady rate, and readers that wait for them.
 *
 *	stream paced HOST PORT TOPIC RATE BATCH BYTES SECONDS
 *		RATE records per second, in batches of BATCH; how late one consumer gets each
 *	stream fan HOST PORT TOPIC CONSUMERS MIB RATE
 *		this many MiB at RATE MiB/s, read by each of CONSUMERS at the end of the log
 *
 * A batch is due at a time fixed beforehand, and its latency counts from then, whenever it was
 * sent: a stalled producer does not reduce the number of samples. The result is lines NAME=VALUE,
 * in microseconds.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/bench/hist.h"
#include "tests/bench/raw.h"

#define MIB 1048576
#define FETCH_BYTES MIB
#define WAIT_MS 1000
#define FAN_RECORDS 64
#define FAN_BYTES 1024
#define GIVE_UP_US INT64_C(60000000)
#define UNSENT_MAX MIB

struct reader {
	struct raw connection;
	int64_t offset;
	size_t bytes;
};

struct stream {
	const char *topic;
	struct raw producer;
	struct bytes_out batch;
	struct bytes_out unsent; /* produce requests not yet taken by the socket */
	struct bytes_out question;
	int records; /* per batch */
	int64_t n, sent, acknowledged;
	int64_t began_us;
	double period_us; /* between two batches */
	int64_t first_offset;
	struct reader *readers;
	int n_readers;
	struct hist *hist; /* for the first reader; NULL: not wanted */
};

static int64_t end_of(struct raw *r, const char *topic)
{
	struct bytes_out out = {0};
	struct bytes_in in;
	size_t at = raw_begin(&out, 2, 1, 0); /* ListOffsets */

	put32(&out, -1);
	put32(&out, 1);
	put_text(&out, topic);
	put32(&out, 1);
	put32(&out, 0);
	put64(&out, -1);
	raw_end(&out, at);
	raw_send(r, &out);
	in = raw_receive(r, 0);
	get32(&in);
	skip_text(&in);
	get32(&in);
	get32(&in);
	if (get16(&in) != 0)
		raw_die("ListOffsets was refused");
	get64(&in);
	free(out.p);
	return get64(&in);
}

static void ask(struct stream *s, struct reader *r)
{
	put_fetch(&s->question, 0, s->topic, 0, r->offset, FETCH_BYTES, WAIT_MS);
	raw_send(&r->connection, &s->question);
}

static int64_t due_us(const struct stream *s, int64_t batch)
{
	return s->began_us + (int64_t)((double)batch * s->period_us);
}

static void note(struct stream *s, int64_t from, int64_t to)
{
	int64_t now = raw_now_us();

	for (int64_t offset = from; offset < to; offset += s->records)
		hist_add(s->hist, now - due_us(s, (offset - s->first_offset) / s->records));
}

static void take(struct stream *s, struct reader *r)
{
	int64_t from = r->offset;
	size_t bytes;

	if (fetch_result(raw_receive(&r->connection, 0), &bytes, &r->offset) != 0)
		raw_die("a fetch was refused");
	r->bytes += bytes;
	if (s->hist)
		note(s, from, r->offset);
	if (r->offset < s->first_offset + s->n * s->records)
		ask(s, r);
}

/*
 * Sends what is due, as much as the socket takes. It must not block: a broker that does not read on
 * before its answers are taken would block it for ever.
 */
static void send_due(struct stream *s)
{
	int64_t now = raw_now_us();
	ssize_t n;

	for (; s->sent < s->n && due_us(s, s->sent) <= now && s->unsent.len < UNSENT_MAX; s->sent++)
		put_produce(&s->unsent, (int32_t)s->sent, s->topic, 0, 1, &s->batch);
	if (s->unsent.len == 0)
		return;
	n = send(s->producer.fd, s->unsent.p, s->unsent.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		raw_die("send: %s", strerror(errno));
	if (n > 0) {
		s->unsent.len -= (size_t)n;
		memmove(s->unsent.p, s->unsent.p + n, s->unsent.len);
	}
}

static bool is_done(const struct stream *s)
{
	for (int i = 0; i < s->n_readers; i++)
		if (s->readers[i].offset < s->first_offset + s->n * s->records)
			return false;
	return s->acknowledged == s->n;
}

/* Waits until the next batch is due, or one is acknowledged or read. */
static void wait_for_any(struct stream *s, struct pollfd *fds)
{
	bool is_full = s->unsent.len > 0;
	int64_t us = s->sent < s->n && !is_full ? due_us(s, s->sent) - raw_now_us() : WAIT_MS * 1000;
	struct timespec t = {us > 0 ? us / 1000000 : 0, us > 0 ? us % 1000000 * 1000 : 0};

	fds[0].events = (short)(POLLIN | (is_full ? POLLOUT : 0));
	if (ppoll(fds, (nfds_t)s->n_readers + 1, &t, NULL) < 0 && errno != EINTR)
		raw_die("poll: %s", strerror(errno));
	if (fds[0].revents & ~POLLOUT)
		do {
			if (produce_error(raw_receive(&s->producer, (int32_t)s->acknowledged++)) != 0)
				raw_die("a produce was refused");
		} while (s->producer.at < s->producer.end);
	for (int i = 0; i < s->n_readers; i++)
		if (fds[i + 1].revents)
			take(s, &s->readers[i]);
}

static void stream_run(struct stream *s, const char *host, int port)
{
	struct pollfd *fds = calloc((size_t)s->n_readers + 1, sizeof(*fds));

	prctl(PR_SET_TIMERSLACK, 1000);
	raw_open(&s->producer, host, port);
	s->first_offset = end_of(&s->producer, s->topic);
	s->readers = calloc((size_t)s->n_readers, sizeof(*s->readers));
	fds[0] = (struct pollfd){.fd = s->producer.fd, .events = POLLIN};
	for (int i = 0; i < s->n_readers; i++) {
		raw_open(&s->readers[i].connection, host, port);
		s->readers[i].offset = s->first_offset;
		fds[i + 1] = (struct pollfd){.fd = s->readers[i].connection.fd, .events = POLLIN};
		ask(s, &s->readers[i]);
	}
	s->began_us = raw_now_us();
	while (!is_done(s)) {
		send_due(s);
		wait_for_any(s, fds);
		if (raw_now_us() - due_us(s, s->n) > GIVE_UP_US)
			raw_die("not all that was sent is read");
	}
	free(fds);
}

static void paced(struct stream *s, char **argv)
{
	double rate = atof(argv[1]);

	s->records = atoi(argv[2]);
	s->n = (int64_t)(rate * atof(argv[4]) / s->records);
	s->period_us = 1e6 * s->records / rate;
	s->n_readers = 1;
	s->hist = calloc(1, sizeof(*s->hist));
	batch_make(&s->batch, s->records, atoi(argv[3]), raw_wall_ms());
}

static void fan(struct stream *s, char **argv)
{
	s->records = FAN_RECORDS;
	batch_make(&s->batch, FAN_RECORDS, FAN_BYTES, raw_wall_ms());
	s->n_readers = atoi(argv[1]);
	s->n = (int64_t)(atof(argv[2]) * MIB / (double)s->batch.len);
	s->period_us = (double)s->batch.len * 1e6 / MIB / atof(argv[3]);
}

int main(int argc, char **argv)
{
	struct stream s = {0};
	int64_t bytes = 0;

	if (argc == 9 && !strcmp(argv[1], "paced"))
		paced(&s, argv + 4);
	else if (argc == 8 && !strcmp(argv[1], "fan"))
		fan(&s, argv + 4);
	else
		raw_die("what shall I measure? See the head of stream.c");
	s.topic = argv[4];
	stream_run(&s, argv[2], atoi(argv[3]));
	for (int i = 0; i < s.n_readers; i++)
		bytes += (int64_t)s.readers[i].bytes;
	printf("records=%lld\nbytes=%lld\nwork_us=%lld\n", (long long)(s.n * s.records), (long long)bytes,
	       (long long)(raw_now_us() - s.began_us));
	if (s.hist)
		hist_print(s.hist);
	return 0;
}
