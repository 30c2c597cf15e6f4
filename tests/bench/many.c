/*
 * many: requests over many connections or to many partitions.
 *
 *	many produce HOST PORT TOPIC CONNECTIONS N BYTES ACKS
 *		N records over CONNECTIONS, one in flight on each, each to a partition of its own
 *	many commit HOST PORT TOPIC CONNECTIONS N
 *		N OffsetCommits, one in flight on each, for groups without members
 *	many spread HOST PORT TOPIC PARTITIONS N EACH BYTES
 *		N requests with one record for each of EACH partitions, four in flight; goes through
 *		PARTITIONS in turn
 *	many quotas HOST PORT N
 *		client quotas of N users (AlterClientQuotas)
 *	many acls HOST PORT N
 *		N ACLs, of ten thousand users (CreateAcls)
 *
 * The result is lines NAME=VALUE, in microseconds.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/bench/hist.h"
#include "tests/bench/raw.h"

#define DEPTH 4
#define ADMIN_EACH 500 /* entities per request */
#define ACL_USERS 10000
#define PATIENCE_US INT64_C(60000000)

enum { API_ALTER_CLIENT_QUOTAS = 49, API_CREATE_ACLS = 30 };

struct asker {
	struct raw connection;
	char group[32];
	int64_t asked_us;
};

struct many {
	const char *host;
	int port;
	const char *topic;
	struct asker *v;
	int n_askers;
	int64_t n, asked;
	int acks;
	struct bytes_out batch, out;
	struct hist hist;
	void (*put)(struct many *m, int i);
	int (*error)(struct bytes_in in);
};

static void say(int64_t n, int64_t us)
{
	printf("requests=%lld\nwork_us=%lld\nper_second=%.0f\n", (long long)n, (long long)us,
	       (double)n * 1e6 / (double)us);
}

static void ask(struct many *m, int i)
{
	m->put(m, i);
	m->v[i].asked_us = raw_now_us();
	raw_send(&m->v[i].connection, &m->out);
	m->asked++;
}

static void take(struct many *m, int i)
{
	int err = m->error(raw_receive(&m->v[i].connection, 0));

	if (err)
		raw_die("a request was refused: error %d", err);
	hist_add(&m->hist, raw_now_us() - m->v[i].asked_us);
}

/* One in flight on each connection, until N have been sent and answered. */
static void go_round(struct many *m)
{
	struct pollfd *fds = calloc((size_t)m->n_askers, sizeof(*fds));
	int64_t began = raw_now_us(), answered = 0;

	for (int i = 0; i < m->n_askers; i++) {
		fds[i] = (struct pollfd){.fd = m->v[i].connection.fd, .events = POLLIN};
		ask(m, i);
	}
	while (answered < m->asked) {
		poll(fds, (nfds_t)m->n_askers, -1);
		for (int i = 0; i < m->n_askers; i++) {
			if (!fds[i].revents)
				continue;
			take(m, i);
			answered++;
			if (m->asked < m->n)
				ask(m, i);
		}
	}
	say(answered, raw_now_us() - began);
	hist_print(&m->hist);
	free(fds);
}

static void many_open(struct many *m, int n)
{
	m->n_askers = n;
	m->v = calloc((size_t)n, sizeof(*m->v));
	for (int i = 0; i < n; i++) {
		raw_open(&m->v[i].connection, m->host, m->port);
		snprintf(m->v[i].group, sizeof(m->v[i].group), "many-%d", i);
	}
}

/* ---- records ---- */

static void put_record(struct many *m, int i)
{
	put_produce(&m->out, 0, m->topic, i, m->acks, &m->batch);
}

static void run_produce(struct many *m, char **argv)
{
	m->topic = argv[0];
	m->n = atoll(argv[2]);
	m->acks = atoi(argv[4]);
	m->put = put_record;
	m->error = produce_error;
	batch_make(&m->batch, 1, atoi(argv[3]), raw_wall_ms());
	many_open(m, atoi(argv[1]));
	go_round(m);
}

static void put_spread(struct many *m, int64_t first, int partitions, int each)
{
	size_t at = raw_begin(&m->out, API_PRODUCE, 7, 0);

	put_text(&m->out, NULL);
	put16(&m->out, 1);
	put32(&m->out, 30000);
	put32(&m->out, 1);
	put_text(&m->out, m->topic);
	put32(&m->out, each);
	for (int i = 0; i < each; i++) {
		put32(&m->out, (int32_t)((first + i) % partitions));
		put32(&m->out, (int32_t)m->batch.len);
		put_raw(&m->out, m->batch.p, m->batch.len);
	}
	raw_end(&m->out, at);
}

/* Receives an answer; returns the last error of its partitions, 0 if all have taken their record. */
static int take_spread(struct raw *r, int each)
{
	struct bytes_in in = raw_receive(r, 0);
	int last = 0;

	get32(&in);
	skip_text(&in);
	if (get32(&in) != each)
		raw_die("not as many partitions as were asked for");
	for (int i = 0; i < each; i++) {
		int err;

		get32(&in);
		err = get16(&in);
		last = err ? err : last;
		skip_bytes(&in, 24);
	}
	return last;
}

/* Is the error temporary? Just after a topic was created, its brokers may not know yet that they lead. */
static bool passes(int err)
{
	return err == 3 || err == 5 || err == 6;
}

static void run_spread(struct many *m, char **argv)
{
	int partitions = atoi(argv[1]), each = atoi(argv[3]);
	int64_t n = atoll(argv[2]), next = 0, got = 0, sent = 0, taken = 0, began;
	int64_t in_flight[DEPTH]; /* the first partition of each request */

	m->topic = argv[0];
	batch_make(&m->batch, 1, atoi(argv[4]), raw_wall_ms());
	many_open(m, 1);
	began = raw_now_us();
	while (got < n) {
		int64_t first;
		int err;

		for (; next < n && sent - taken < DEPTH; next++) {
			in_flight[sent++ % DEPTH] = next * each;
			put_spread(m, next * each, partitions, each);
		}
		if (m->out.len)
			raw_send(&m->v[0].connection, &m->out);
		err = take_spread(&m->v[0].connection, each);
		first = in_flight[taken++ % DEPTH];
		if (err && (!passes(err) || raw_now_us() - began > PATIENCE_US))
			raw_die("a produce was refused: error %d", err);
		if (err) {
			poll(NULL, 0, 20);
			in_flight[sent++ % DEPTH] = first;
			put_spread(m, first, partitions, each);
		}
		got += err == 0;
	}
	say(n, raw_now_us() - began);
}

/* ---- commits ---- */

static void put_commit(struct many *m, int i)
{
	put_offset_commit(&m->out, 0, &(struct raw_member){m->v[i].group, "", -1}, m->topic, 0, m->asked);
}

static void await_coordinator(struct many *m, int i)
{
	int64_t began = raw_now_us();
	int err;

	do {
		put_find_coordinator(&m->out, 0, m->v[i].group);
		raw_send(&m->v[i].connection, &m->out);
		err = find_coordinator_error(raw_receive(&m->v[i].connection, 0));
		if (!err) {
			put_commit(m, i);
			raw_send(&m->v[i].connection, &m->out);
			err = offset_commit_error(raw_receive(&m->v[i].connection, 0));
		}
		if (err)
			poll(NULL, 0, 20);
	} while (err && raw_now_us() - began < PATIENCE_US);
	if (err)
		raw_die("no coordinator of %s: error %d", m->v[i].group, err);
}

static void run_commit(struct many *m, char **argv)
{
	m->topic = argv[0];
	m->n = atoll(argv[2]);
	m->put = put_commit;
	m->error = offset_commit_error;
	many_open(m, atoi(argv[1]));
	for (int i = 0; i < m->n_askers; i++)
		await_coordinator(m, i);
	go_round(m);
}

/* ---- what an administrator sets ---- */

static void put_quotas(struct many *m, int first, int n)
{
	size_t at = raw_begin(&m->out, API_ALTER_CLIENT_QUOTAS, 0, 0);

	put32(&m->out, n);
	for (int i = first; i < first + n; i++) {
		union {
			double d;
			int64_t i;
		} rate = {.d = 1e9};
		char user[32];

		snprintf(user, sizeof(user), "user-%d", i);
		put32(&m->out, 1);
		put_text(&m->out, "user");
		put_text(&m->out, user);
		put32(&m->out, 1);
		put_text(&m->out, "producer_byte_rate");
		put64(&m->out, rate.i);
		put8(&m->out, 0);
	}
	put8(&m->out, 0);
	raw_end(&m->out, at);
}

static void put_acls(struct many *m, int first, int n)
{
	size_t at = raw_begin(&m->out, API_CREATE_ACLS, 1, 0);

	put32(&m->out, n);
	for (int i = first; i < first + n; i++) {
		char topic[32], user[32];

		snprintf(topic, sizeof(topic), "topic.of.a.team.%d", i / 10);
		snprintf(user, sizeof(user), "User:user-%d", i % ACL_USERS);
		put8(&m->out, 2); /* a topic */
		put_text(&m->out, topic);
		put8(&m->out, i % 10 ? 3 : 4); /* literal, prefixed */
		put_text(&m->out, user);
		put_text(&m->out, "*");
		put8(&m->out, 3); /* read */
		put8(&m->out, 3); /* allow */
	}
	raw_end(&m->out, at);
}

/* Both answers: throttle time, a count, and for each element the error first. */
static void administer(struct many *m, int total, void (*put)(struct many *m, int first, int n))
{
	int64_t began = raw_now_us();

	many_open(m, 1);
	for (int first = 0; first < total; first += ADMIN_EACH) {
		int n = total - first < ADMIN_EACH ? total - first : ADMIN_EACH;
		struct bytes_in in;
		int err;

		put(m, first, n);
		raw_send(&m->v[0].connection, &m->out);
		in = raw_receive(&m->v[0].connection, 0);
		get32(&in);
		if (get32(&in) != n)
			raw_die("not as many answers as were asked for");
		err = get16(&in);
		if (err)
			raw_die("what an administrator asks for was refused: error %d", err);
	}
	say(total, raw_now_us() - began);
}

static void run_quotas(struct many *m, char **argv)
{
	administer(m, atoi(argv[0]), put_quotas);
}

static void run_acls(struct many *m, char **argv)
{
	administer(m, atoi(argv[0]), put_acls);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct many *m, char **argv);
		int n_args;
	} kinds[] = {{"produce", run_produce, 5},
		     {"commit", run_commit, 3},
		     {"spread", run_spread, 5},
		     {"quotas", run_quotas, 1},
		     {"acls", run_acls, 1}};
	struct rlimit limit;
	struct many m = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (size_t i = 0; argc > 4 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name) && argc == 4 + kinds[i].n_args) {
			m.host = argv[2];
			m.port = atoi(argv[3]);
			kinds[i].run(&m, argv + 4);
			return 0;
		}
	raw_die("what shall I measure? See the head of many.c");
}
