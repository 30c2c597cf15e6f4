/*
 * crowd: many group members, each on a connection of its own, moving in step: all send requests,
 * then all are answered.
 *
 *	crowd classic HOST PORT PID GROUP N
 *		N - 1 members join a group of one; then all rejoin, since one has a new subscription
 *	crowd consumer HOST PORT PID GROUP TOPIC N
 *		N members (KIP-848) of a topic with N partitions; then every second one leaves
 *	crowd commits HOST PORT PID GROUP N SECONDS
 *		N groups of one member; each commits once per second
 *
 * The result is lines NAME=VALUE on standard output, in microseconds: the time until all have what
 * they are to have; `waited`, the same without the CPU time of this program, which is all members at
 * once: the time in which it waits for the node; and the CPU time of the node, whose process id is
 * PID. All members leave before the end.
 *
 * Answers are read in the opposite order of the requests: when the last one is there, so are most
 * others, and the program sleeps once instead of a thousand times.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/bench/raw.h"

#define SESSION_MS 45000
#define REBALANCE_MS RAW_REBALANCE_MS
#define ASSIGNMENT_INTERVAL_US 1000000 /* group.consumer.assignment.interval.ms, as the node is configured */
#define BACKLOG 32 /* below socket.listen.backlog.size: beyond it the kernel delays connections by a second */
#define GIVE_UP_US INT64_C(60000000)

enum { JOIN_EPOCH = 0, LEAVE_EPOCH = -1 };

struct member {
	struct raw connection;
	char group[64];
	char id[128];
	int32_t generation; /* or epoch */
	bool owes_answer;   /* for a commit */

	/* For the new protocol. */
	uint8_t *owned; /* partitions by topic, in the encoding of requests and answers */
	size_t owned_len;
	int n_owned;
	bool changed; /* not yet reported to the node */
};

struct crowd {
	struct member *v;
	int n;
	int pid;
	struct bytes_out out;
};

static void pause_us(int64_t us)
{
	nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static void must_be(int err, int wanted, const char *what)
{
	if (err != wanted)
		raw_die("%s was answered with error %d instead of %d", what, err, wanted);
}

/* ---- what is measured ---- */

struct meter {
	int64_t began_us;
	int64_t cpu_us;
	int64_t own_us;
};

static struct meter meter_start(const struct crowd *c)
{
	return (struct meter){raw_now_us(), raw_cpu_us(c->pid), raw_cpu_us(0)};
}

/* Lets time pass that was waited for by configuration: the clock begins anew at its end. */
static void meter_pass(struct meter *m, int64_t us)
{
	m->began_us += us;
	pause_us(m->began_us - raw_now_us());
	m->own_us = raw_cpu_us(0);
}

static void meter_stop(const struct meter *m, const struct crowd *c, const char *name)
{
	int64_t elapsed_us = raw_now_us() - m->began_us, cpu_us = raw_cpu_us(c->pid) - m->cpu_us;
	int64_t waited_us = elapsed_us - (raw_cpu_us(0) - m->own_us);

	printf("%s_us=%lld\n%s_waited_us=%lld\n%s_cpu_us=%lld\n", name, (long long)elapsed_us, name,
	       (long long)waited_us, name, (long long)cpu_us);
}

/* ---- asking ---- */

static void ask(struct crowd *c, struct member *m)
{
	raw_send(&m->connection, &c->out);
}

static struct bytes_in answer(struct member *m)
{
	return raw_receive(&m->connection, 0);
}

static void put_assignment(struct bytes_out *o, int partition)
{
	struct bytes_out b = {0};

	put16(&b, 0);
	put32(&b, 1);
	put_text(&b, "a-topic-of-the-crowd");
	put32(&b, 1);
	put32(&b, partition);
	put32(&b, -1);
	put32(o, (int32_t)b.len);
	put_raw(o, b.p, b.len);
	free(b.p);
}

/* The leader's contains the assignments of all n members from `first` on. */
static void put_sync(struct crowd *c, const struct member *m, const struct member *first, int n)
{
	size_t at = raw_begin(&c->out, API_SYNC_GROUP, 3, 0);

	put_text(&c->out, m->group);
	put32(&c->out, m->generation);
	put_text(&c->out, m->id);
	put_text(&c->out, NULL);
	put32(&c->out, n);
	for (int i = 0; i < n; i++) {
		put_text(&c->out, first[i].id);
		put_assignment(&c->out, i);
	}
	raw_end(&c->out, at);
}

static void put_heartbeat(struct crowd *c, const struct member *m)
{
	size_t at = raw_begin(&c->out, API_HEARTBEAT, 3, 0);

	put_text(&c->out, m->group);
	put32(&c->out, m->generation);
	put_text(&c->out, m->id);
	put_text(&c->out, NULL);
	raw_end(&c->out, at);
}

static void put_leave(struct crowd *c, const struct member *first, int n)
{
	size_t at = raw_begin(&c->out, API_LEAVE_GROUP, 3, 0);

	put_text(&c->out, first->group);
	put32(&c->out, n);
	for (int i = 0; i < n; i++) {
		put_text(&c->out, first[i].id);
		put_text(&c->out, NULL);
	}
	raw_end(&c->out, at);
}

/* ---- answers of classic groups: throttle time, error, the rest ---- */

static int answer_error(struct bytes_in *in)
{
	get32(in);
	return get16(in);
}

static void take_text(struct bytes_in *in, char *to, size_t room)
{
	int len = get16(in);

	if (len < 0 || (size_t)len >= room)
		raw_die("a text of %d bytes", len);
	skip_bytes(in, (size_t)len);
	memcpy(to, in->p - len, (size_t)len);
	to[len] = 0;
}

static void take_join(struct member *m, int wanted)
{
	struct bytes_in in = answer(m);

	must_be(answer_error(&in), wanted, "JoinGroup");
	m->generation = get32(&in);
	skip_text(&in);
	skip_text(&in);
	take_text(&in, m->id, sizeof(m->id));
}

static void take_sync(struct member *m)
{
	struct bytes_in in = answer(m);

	must_be(answer_error(&in), NO_ERROR, "SyncGroup");
	if (get32(&in) <= 0)
		raw_die("a member without an assignment");
}

static int beat(struct crowd *c, struct member *m)
{
	struct bytes_in in;

	put_heartbeat(c, m);
	ask(c, m);
	in = answer(m);
	return answer_error(&in);
}

/* Asks for the members from `first` on; returns how many got this answer. */
static int beat_from(struct crowd *c, int first, int err)
{
	int n = 0;

	for (int i = first; i < c->n; i++) {
		put_heartbeat(c, &c->v[i]);
		ask(c, &c->v[i]);
	}
	for (int i = c->n - 1; i >= first; i--) {
		struct bytes_in in = answer(&c->v[i]);

		n += answer_error(&in) == err;
	}
	return n;
}

/* ---- classic groups ---- */

static void join(struct crowd *c, int first, int n, int user_data)
{
	for (int i = first; i < first + n; i++) {
		put_join_group(&c->out, 0, &(struct raw_member){c->v[i].group, c->v[i].id}, SESSION_MS, user_data);
		ask(c, &c->v[i]);
	}
}

static void take_joins(struct crowd *c, int first, int n, int wanted)
{
	for (int i = first + n - 1; i >= first; i--)
		take_join(&c->v[i], wanted);
}

/* Members without an id get one, and join with it. */
static void join_anew(struct crowd *c, int first, int n)
{
	join(c, first, n, 0);
	take_joins(c, first, n, MEMBER_ID_REQUIRED);
	join(c, first, n, 0);
}

/* The members [0, n) are one group, led by the first. */
static void sync_all(struct crowd *c, int n)
{
	for (int i = 0; i < n; i++) {
		put_sync(c, &c->v[i], c->v, i == 0 ? n : 0);
		ask(c, &c->v[i]);
	}
	for (int i = n - 1; i >= 0; i--)
		take_sync(&c->v[i]);
}

static void await_rebalance(struct crowd *c, struct member *m)
{
	int err;

	do
		err = beat(c, m);
	while (err == NO_ERROR);
	must_be(err, REBALANCE_IN_PROGRESS, "Heartbeat");
}

static void grow(struct crowd *c)
{
	struct meter meter;

	join_anew(c, 0, 1);
	take_joins(c, 0, 1, NO_ERROR);
	sync_all(c, 1);

	meter = meter_start(c);
	join_anew(c, 1, c->n - 1);
	await_rebalance(c, &c->v[0]);
	join(c, 0, 1, 0);
	take_joins(c, 0, c->n, NO_ERROR);
	sync_all(c, c->n);
	meter_stop(&meter, c, "join");
}

static void rebalance(struct crowd *c)
{
	struct meter meter = meter_start(c);

	join(c, 0, 1, 1);
	await_rebalance(c, &c->v[1]);
	if (beat_from(c, 2, REBALANCE_IN_PROGRESS) != c->n - 2)
		raw_die("a member does not hear of the rebalance");
	join(c, 1, c->n - 1, 0);
	take_joins(c, 0, c->n, NO_ERROR);
	sync_all(c, c->n);
	meter_stop(&meter, c, "rebalance");
}

static void leave(struct crowd *c, struct member *first, int n)
{
	struct bytes_in in;

	put_leave(c, first, n);
	ask(c, first);
	in = answer(first);
	must_be(answer_error(&in), NO_ERROR, "LeaveGroup");
}

static void run_classic(struct crowd *c, char **argv)
{
	(void)argv;
	grow(c);
	rebalance(c);
	leave(c, c->v, c->n);
}

/* ---- consumer groups ---- */

/* topic NULL: unchanged. */
static void ask_heartbeat(struct crowd *c, struct member *m, const char *topic)
{
	const struct bytes_in owned = {m->owned, m->owned_len};

	put_consumer_heartbeat(&c->out, 0, &(struct raw_member){m->group, m->id, m->generation}, topic,
			       m->changed ? &owned : NULL);
	ask(c, m);
}

static void take_owned(struct member *m, struct bytes_in *in)
{
	const uint8_t *began = in->p;
	int n_topics = get_compact(in);

	m->n_owned = 0;
	for (int i = 0; i < n_topics; i++) {
		int n;

		skip_bytes(in, 16);
		n = get_compact(in);
		skip_bytes(in, (size_t)n * 4 + 1);
		m->n_owned += n;
	}
	m->owned_len = (size_t)(in->p - began);
	m->owned = realloc(m->owned, m->owned_len);
	memcpy(m->owned, began, m->owned_len);
	m->changed = true;
}

static void take_consumer_heartbeat(struct member *m)
{
	struct bytes_in in = answer(m);

	skip_bytes(&in, 1); /* tagged fields of the header */
	must_be(answer_error(&in), NO_ERROR, "ConsumerGroupHeartbeat");
	skip_compact_text(&in);
	skip_compact_text(&in);
	m->generation = get32(&in);
	get32(&in);
	m->changed = false;
	if (get8(&in) >= 0)
		take_owned(m, &in);
}

/* For every step-th member from `first` on. */
static void beat_each(struct crowd *c, int first, int step, const char *topic)
{
	int last = first;

	for (int i = first; i < c->n; last = i, i += step)
		ask_heartbeat(c, &c->v[i], topic);
	for (int i = last; i >= first && i < c->n; i -= step)
		take_consumer_heartbeat(&c->v[i]);
}

static bool all_own(const struct crowd *c, int step, int n_each)
{
	for (int i = 0; i < c->n; i += step)
		if (c->v[i].n_owned != n_each || c->v[i].changed)
			return false;
	return true;
}

/*
 * In rounds. The first member, which had all partitions before the others came, goes ahead in each:
 * so as many rounds are needed whichever thread of the node is faster.
 */
static void settle(struct crowd *c, int step, int n_each)
{
	int64_t began = raw_now_us();

	while (!all_own(c, step, n_each)) {
		ask_heartbeat(c, &c->v[0], NULL);
		take_consumer_heartbeat(&c->v[0]);
		beat_each(c, step, step, NULL);
		if (raw_now_us() - began > GIVE_UP_US)
			raw_die("the members do not get what they are to have");
	}
}

static void consumer_leave(struct crowd *c, int first, int step)
{
	for (int i = first; i < c->n; i += step) {
		c->v[i].generation = LEAVE_EPOCH;
		c->v[i].changed = false;
		ask_heartbeat(c, &c->v[i], NULL);
	}
	for (int i = first + (c->n - 1 - first) / step * step; i >= first; i -= step)
		take_consumer_heartbeat(&c->v[i]);
}

static void run_consumer(struct crowd *c, char **argv)
{
	struct meter meter = meter_start(c);

	for (int i = 0; i < c->n; i++)
		snprintf(c->v[i].id, sizeof(c->v[i].id), "%08x-%04x-member-of-the-crowd", (unsigned)i * 2654435761u, i);
	beat_each(c, 0, 1, argv[0]);
	meter_pass(&meter, ASSIGNMENT_INTERVAL_US);
	settle(c, 1, 1);
	meter_stop(&meter, c, "join");

	pause_us(ASSIGNMENT_INTERVAL_US);
	meter = meter_start(c);
	consumer_leave(c, 1, 2);
	settle(c, 2, 2);
	meter_stop(&meter, c, "rebalance");
	consumer_leave(c, 0, 2);
}

/* ---- commits ---- */

static void join_each(struct crowd *c)
{
	join_anew(c, 0, c->n);
	take_joins(c, 0, c->n, NO_ERROR);
	for (int i = 0; i < c->n; i++) {
		put_sync(c, &c->v[i], &c->v[i], 1);
		ask(c, &c->v[i]);
	}
	for (int i = 0; i < c->n; i++)
		take_sync(&c->v[i]);
}

static void take_commit(struct member *m)
{
	if (m->owes_answer)
		must_be(offset_commit_error(answer(m)), NO_ERROR, "OffsetCommit");
	m->owes_answer = false;
}

/* One after another, spread over the second; an answer is read at its member's next turn. */
static void commit_for(struct crowd *c, int seconds)
{
	int64_t began = raw_now_us(), total = (int64_t)c->n * seconds, sent = 0;

	while (sent < total) {
		int64_t due = (raw_now_us() - began) * c->n / 1000000;

		for (; sent < due && sent < total; sent++) {
			struct member *m = &c->v[sent % c->n];

			take_commit(m);
			put_offset_commit(&c->out, 0, &(struct raw_member){m->group, m->id, m->generation}, "t", 0,
					  sent);
			ask(c, m);
			m->owes_answer = true;
		}
		pause_us(1000);
	}
	for (int i = 0; i < c->n; i++)
		take_commit(&c->v[i]);
}

static void run_commits(struct crowd *c, char **argv)
{
	struct meter meter;

	join_each(c);
	meter = meter_start(c);
	commit_for(c, atoi(argv[1]));
	meter_stop(&meter, c, "commits");
	for (int i = 0; i < c->n; i++)
		leave(c, &c->v[i], 1);
}

/* ---- */

/* Asking for a coordinator creates the topic. */
static void await_topic(struct crowd *c, struct member *m)
{
	int64_t began = raw_now_us();
	int err;

	do {
		put_find_coordinator(&c->out, 0, m->group);
		ask(c, m);
		err = find_coordinator_error(answer(m));
		if (err)
			pause_us(10000);
	} while (err && raw_now_us() - began < GIVE_UP_US);
	must_be(err, NO_ERROR, "FindCoordinator");
}

/* Once a coordinator has loaded its groups it recognizes non-members. */
static void await_coordinators(struct crowd *c)
{
	int64_t began = raw_now_us();

	while (beat_from(c, 0, UNKNOWN_MEMBER_ID) < c->n) {
		if (raw_now_us() - began > GIVE_UP_US)
			raw_die("a coordinator does not get ready");
		pause_us(100000);
	}
}

static void crowd_open(struct crowd *c, const char *host, int port, const char *group, bool alone)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	c->v = calloc((size_t)c->n, sizeof(*c->v));
	for (int i = 0; i < c->n; i++) {
		raw_open(&c->v[i].connection, host, port);
		if (alone)
			snprintf(c->v[i].group, sizeof(c->v[i].group), "%s-%d", group, i);
		else
			snprintf(c->v[i].group, sizeof(c->v[i].group), "%s", group);
		if (i % BACKLOG == 0)
			await_topic(c, &c->v[i]); /* accepted, together with everything before it */
	}
}

static void crowd_close(struct crowd *c)
{
	for (int i = 0; i < c->n; i++) {
		raw_close(&c->v[i].connection);
		free(c->v[i].owned);
	}
	free(c->v);
	free(c->out.p);
}

static const struct {
	const char *name;
	void (*run)(struct crowd *c, char **argv); /* arguments after GROUP */
	int n_args;
	int count_at; /* which of them is N */
	bool alone;   /* each member has its own group, GROUP-i */
} kinds[] = {
	{"classic", run_classic, 1, 0, false},
	{"consumer", run_consumer, 2, 1, false},
	{"commits", run_commits, 2, 0, true},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc >= 6 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct crowd c = {.pid = atoi(argv[4])};

		if (strcmp(argv[1], kinds[i].name) != 0 || argc != 6 + kinds[i].n_args)
			continue;
		c.n = atoi(argv[6 + kinds[i].count_at]);
		crowd_open(&c, argv[2], atoi(argv[3]), argv[5], kinds[i].alone);
		await_coordinators(&c);
		kinds[i].run(&c, argv + 6);
		printf("client_cpu_us=%lld\n", (long long)raw_cpu_us(0));
		crowd_close(&c);
		return 0;
	}
	raw_die("what shall I measure? See the head of crowd.c");
}
