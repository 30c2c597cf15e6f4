/*
 * steady: the service that others get during a flood, at a steady rate.
 *
 *	steady HOST PORT TOPIC A_SECOND	records are produced and fetched, over two permanent connections
 *	steady HOST PORT A_SECOND	a connection is opened, has one request answered, and is closed
 *
 * A line on standard input is the name of the phase that begins; at the end of input the phases are
 * printed, one per line, with the number of records and the median, the 99th percentile and the
 * longest time in microseconds. A time begins when the record was due by the clock, not when the
 * one before was done: a delay of one second makes a second's worth of late records. Any error, or
 * a closed connection, ends the program.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/raw.h"

enum { PHASES = 256, NAME = 64, VALUE = 100 };

static struct phase {
	char name[NAME];
	int *us;
	int n, cap;
} phases[PHASES];
static int n_phases;

static void begin_phase(const char *name)
{
	if (n_phases == PHASES)
		raw_die("too many phases");
	snprintf(phases[n_phases++].name, NAME, "%s", name);
}

static void note(int64_t us)
{
	struct phase *p;

	if (n_phases == 0)
		return;
	p = &phases[n_phases - 1];
	if (p->n == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 1024;
		p->us = realloc(p->us, (size_t)p->cap * sizeof(*p->us));
	}
	p->us[p->n++] = us < INT32_MAX ? (int)us : INT32_MAX;
}

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void report(void)
{
	for (int i = 0; i < n_phases; i++) {
		struct phase *p = &phases[i];

		if (p->n == 0)
			continue;
		qsort(p->us, (size_t)p->n, sizeof(*p->us), compare);
		printf("%s %d %d %d %d\n", p->name, p->n, p->us[p->n / 2], p->us[(int)((int64_t)p->n * 99 / 100)],
		       p->us[p->n - 1]);
	}
}

/* False: standard input has ended. */
static bool listen_to_phases(void)
{
	static char line[NAME];
	static size_t len;
	struct pollfd fd = {.fd = 0, .events = POLLIN};
	char c;

	while (poll(&fd, 1, 0) > 0) {
		if (read(0, &c, 1) != 1)
			return false;
		if (c == '\n') {
			line[len] = 0;
			begin_phase(line);
			len = 0;
		} else if (len < sizeof(line) - 1) {
			line[len++] = c;
		}
	}
	return true;
}

static void wait_until(int64_t us)
{
	int64_t left = us - raw_now_us();
	struct timespec t = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};

	if (left > 0)
		nanosleep(&t, NULL);
}

/* A record is written, and comes back. */
static void send_a_record(const char *topic, struct raw *producer, struct raw *consumer)
{
	static struct bytes_out batch, out;
	static int32_t n;
	struct bytes_in in;

	if (n == 0)
		batch_make(&batch, 1, VALUE, raw_wall_ms());
	put_produce(&out, ++n, topic, 0, -1, &batch);
	raw_send(producer, &out);
	in = raw_receive(producer, n);
	if (produce_error(in))
		raw_die("produce: error %d", produce_error(in));
	put_fetch(&out, n, topic, 0, n - 1, 1 << 20, 10000);
	raw_send(consumer, &out);
	in = raw_receive(consumer, n);
	if (in.left < VALUE)
		raw_die("fetch: nothing at offset %d", n - 1);
}

static void knock(const char *host, int port)
{
	static struct bytes_out out;
	struct raw r;

	raw_open(&r, host, port);
	put_api_versions(&out, 1);
	raw_send(&r, &out);
	(void)raw_receive(&r, 1);
	raw_close(&r);
}

int main(int argc, char **argv)
{
	const char *topic = argc == 5 ? argv[3] : NULL;
	struct raw producer, consumer;
	int64_t due;

	if (argc != 4 && argc != 5)
		raw_die("steady HOST PORT [TOPIC] A_SECOND");
	if (topic) {
		raw_open(&producer, argv[1], atoi(argv[2]));
		raw_open(&consumer, argv[1], atoi(argv[2]));
	}
	for (due = raw_now_us(); listen_to_phases(); due += 1000000 / atoi(argv[argc - 1])) {
		wait_until(due);
		if (topic)
			send_a_record(topic, &producer, &consumer);
		else
			knock(argv[1], atoi(argv[2]));
		note(raw_now_us() - due);
	}
	report();
	return 0;
}
