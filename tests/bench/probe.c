/*
 * probe: one figure at a time, for any node that speaks Kafka's protocol.
 *
 *	probe first HOST PORT TOPIC COMMAND...
 *		exec of COMMAND to the first acknowledged produce; COMMAND keeps running, its pid is printed
 *	probe ready HOST PORT N TOPIC COMMAND...
 *		exec to a Metadata answer in which N partitions have leaders, and to the first records of TOPIC
 *	probe produce HOST PORT TOPIC N RECORDS BYTES DEPTH
 *		N requests of a batch of RECORDS times BYTES, DEPTH of them in flight
 *	probe keyed HOST PORT TOPIC MIB KEYS
 *		this many MiB in batches of a hundred records, each with one of KEYS keys
 *	probe fetch HOST PORT TOPIC MIB BYTES
 *		this many MiB from the beginning, repeatedly, up to BYTES per request
 *	probe latency HOST PORT TOPIC N
 *		a record produced, and fetched by a waiting consumer, one at a time
 *	probe versions HOST PORT N CONNECTIONS DEPTH
 *		N ApiVersions requests over CONNECTIONS, DEPTH in flight on each
 *	probe metadata HOST PORT N
 *		N Metadata requests for all topics
 *	probe idle HOST PORT N
 *		N connections, each with one answered request, 32 at a time, until standard input ends
 *	probe cpu HOST PORT PID
 *		CPU time of a process
 *	probe create HOST PORT TOPIC N
 *		a topic of N partitions, until all have leaders
 *	probe topics HOST PORT NAME N EACH
 *		N topics of one partition, EACH of them per request
 *
 * The result is lines NAME=VALUE on standard output, times in microseconds.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/hist.h"
#include "tests/bench/raw.h"

#define GIVE_UP_US INT64_C(120000000)
#define MIB ((size_t)1048576)
#define TOGETHER 32 /* connections opened before the first is answered: below socket.listen.backlog.size */

struct target {
	const char *host;
	int port;
};

/* ---- starting a node ---- */

/* Pauses before the next look: a tight loop would take the core that the node needs. */
static void breathe(int64_t since)
{
	struct timespec t = {.tv_nsec = 100000};

	if (raw_now_us() - since > GIVE_UP_US)
		raw_die("the node did not get ready");
	nanosleep(&t, NULL);
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		raw_die("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	setsid();
	dup2(2, 1); /* keeps its output apart from the results */
	execvp(command[0], command);
	raw_die("%s: %s", command[0], strerror(errno));
}

static void open_when_there(struct raw *r, const struct target *t, int64_t since, pid_t pid)
{
	while (!raw_try(r, t->host, t->port)) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			raw_die("the node has ended");
		breathe(since);
	}
}

/* Sends one request until it is answered without an error, over a new connection if the node closes it. */
static void insist(struct raw *r, const struct target *t, int64_t since, pid_t pid, struct bytes_out *request,
		   bool (*good)(struct bytes_in in, int arg), int arg)
{
	for (;;) {
		struct bytes_out copy = {0};
		struct bytes_in in;

		put_raw(&copy, request->p, request->len);
		raw_send(r, &copy);
		free(copy.p);
		if (!raw_try_receive(r, 1, &in)) {
			raw_close(r);
			open_when_there(r, t, since, pid);
		} else if (good(in, arg)) {
			return;
		}
		breathe(since);
	}
}

static bool is_produced(struct bytes_in in, int arg)
{
	(void)arg;
	return produce_error(in) == 0;
}

static bool has_leaders(struct bytes_in in, int arg)
{
	return metadata_leaders(in) >= arg;
}

static int probe_first(const struct target *t, char **argv)
{
	struct bytes_out batch = {0}, request = {0}, metadata = {0};
	struct raw r;
	int64_t began;
	pid_t pid;

	batch_make(&batch, 1, 100, raw_wall_ms());
	put_produce(&request, 1, argv[0], 0, 1, &batch);
	put_metadata(&metadata, 1, argv[0], true);
	began = raw_now_us();
	pid = start(argv + 1);
	open_when_there(&r, t, began, pid);
	printf("connected_us=%lld\n", (long long)(raw_now_us() - began));
	if (getenv("PROBE_AUTO_CREATE"))
		insist(&r, t, began, pid, &metadata, has_leaders, 1);
	insist(&r, t, began, pid, &request, is_produced, 0);
	printf("first_us=%lld\n", (long long)(raw_now_us() - began));
	printf("cpu_us=%lld\npid=%d\n", (long long)raw_cpu_us(pid), (int)pid);
	raw_close(&r);
	return 0;
}

static bool has_records(struct bytes_in in, int arg)
{
	int64_t next = 0;
	size_t bytes;

	(void)arg;
	return fetch_result(in, &bytes, &next) == 0 && bytes > 0;
}

static int probe_ready(const struct target *t, char **argv)
{
	struct bytes_out metadata = {0}, fetch = {0};
	struct raw r;
	int64_t began;
	pid_t pid;

	put_metadata(&metadata, 1, NULL, false);
	put_fetch(&fetch, 1, argv[1], 0, 0, (int)MIB, 0);
	began = raw_now_us();
	pid = start(argv + 2);
	open_when_there(&r, t, began, pid);
	printf("connected_us=%lld\n", (long long)(raw_now_us() - began));
	insist(&r, t, began, pid, &metadata, has_leaders, atoi(argv[0]));
	printf("leaders_us=%lld\n", (long long)(raw_now_us() - began));
	insist(&r, t, began, pid, &fetch, has_records, 0);
	printf("ready_us=%lld\n", (long long)(raw_now_us() - began));
	printf("cpu_us=%lld\npid=%d\n", (long long)raw_cpu_us(pid), (int)pid);
	raw_close(&r);
	return 0;
}

static int probe_cpu(const struct target *t, char **argv)
{
	(void)t;
	printf("cpu_us=%lld\n", (long long)raw_cpu_us(atoi(argv[0])));
	return 0;
}

/* ---- work ---- */

static void say(const char *what, int64_t n, int64_t us)
{
	printf("%s=%lld\ntotal_us=%lld\nper_second=%.0f\n", what, (long long)n, (long long)us,
	       us ? (double)n * 1e6 / (double)us : 0);
}

static int probe_produce(const struct target *t, char **argv)
{
	const char *topic = argv[0];
	int n = atoi(argv[1]), records = atoi(argv[2]), bytes = atoi(argv[3]), depth = atoi(argv[4]);
	struct bytes_out batch = {0}, out = {0};
	struct raw r;
	int sent = 0;
	int64_t began;

	batch_make(&batch, records, bytes, raw_wall_ms());
	raw_open(&r, t->host, t->port);
	began = raw_now_us();
	for (int got = 0; got < n; got++) {
		for (; sent < n && sent - got < depth; sent++)
			put_produce(&out, sent, topic, 0, 1, &batch);
		if (out.len)
			raw_send(&r, &out);
		if (produce_error(raw_receive(&r, got)) != 0)
			raw_die("a produce was refused");
	}
	say("requests", n, raw_now_us() - began);
	raw_close(&r);
	return 0;
}

static int probe_keyed(const struct target *t, char **argv)
{
	size_t want = (size_t)atoll(argv[1]) * MIB, had = 0;
	int64_t began = raw_now_us(), n = 0;
	int keys = atoi(argv[2]);
	struct bytes_out out = {0};
	struct raw r;

	raw_open(&r, t->host, t->port);
	for (; had < want; n++) {
		struct bytes_out batch = {0};

		batch_make_keyed(&batch, 100, 100, raw_wall_ms(), keys);
		put_produce(&out, (int32_t)n, argv[0], 0, 1, &batch);
		had += batch.len;
		free(batch.p);
		raw_send(&r, &out);
		if (produce_error(raw_receive(&r, (int32_t)n)) != 0)
			raw_die("a produce was refused");
	}
	say("requests", n, raw_now_us() - began);
	raw_close(&r);
	return 0;
}

static int probe_fetch(const struct target *t, char **argv)
{
	size_t want = (size_t)atoll(argv[1]) * MIB, had = 0;
	int max = atoi(argv[2]);
	int64_t offset = 0, began, n = 0;
	struct bytes_out out = {0};
	struct raw r;

	raw_open(&r, t->host, t->port);
	began = raw_now_us();
	for (; had < want; n++) {
		size_t bytes;

		put_fetch(&out, (int32_t)n, argv[0], 0, offset, max, 0);
		raw_send(&r, &out);
		if (fetch_result(raw_receive(&r, (int32_t)n), &bytes, &offset) != 0)
			raw_die("a fetch was refused");
		if (bytes == 0 && offset == 0)
			raw_die("the topic is empty");
		if (bytes == 0)
			offset = 0;
		had += bytes;
	}
	say("requests", n, raw_now_us() - began);
	printf("bytes=%zu\n", had);
	raw_close(&r);
	return 0;
}

/* The offset after the topic's current contents. */
static int64_t end_of(struct raw *r, const char *topic, int64_t offset)
{
	struct bytes_out out = {0};

	for (;;) {
		size_t bytes;

		put_fetch(&out, 7, topic, 0, offset, (int)(16 * MIB), 0);
		raw_send(r, &out);
		if (fetch_result(raw_receive(r, 7), &bytes, &offset) != 0)
			raw_die("a fetch was refused");
		if (bytes == 0)
			break;
	}
	free(out.p);
	return offset;
}

static int probe_latency(const struct target *t, char **argv)
{
	int n = atoi(argv[1]);
	struct hist hist = {.total = 0};
	struct bytes_out batch = {0}, fetch = {0}, produce = {0};
	struct raw producer, consumer;
	int64_t offset;

	batch_make(&batch, 1, 100, raw_wall_ms());
	raw_open(&producer, t->host, t->port);
	raw_open(&consumer, t->host, t->port);
	offset = end_of(&consumer, argv[0], 0);
	for (int i = 0; i < n; i++) {
		int64_t began;
		size_t bytes;

		put_fetch(&fetch, i, argv[0], 0, offset, (int)MIB, 10000);
		put_produce(&produce, i, argv[0], 0, 1, &batch);
		raw_send(&consumer, &fetch);
		began = raw_now_us();
		raw_send(&producer, &produce);
		if (fetch_result(raw_receive(&consumer, i), &bytes, &offset) != 0 || bytes == 0)
			raw_die("a fetch came back without the record");
		hist_add(&hist, raw_now_us() - began);
		raw_receive(&producer, i);
	}
	hist_print(&hist);
	raw_close(&producer);
	raw_close(&consumer);
	return 0;
}

static int probe_versions(const struct target *t, char **argv)
{
	int n = atoi(argv[0]), connections = atoi(argv[1]), depth = atoi(argv[2]);
	struct raw *v = calloc((size_t)connections, sizeof(*v));
	struct bytes_out out = {0};
	int64_t began;
	int done = 0;

	for (int i = 0; i < connections; i++)
		raw_open(&v[i], t->host, t->port);
	began = raw_now_us();
	for (; done < n; done += connections * depth) {
		for (int i = 0; i < connections; i++) {
			for (int k = 0; k < depth; k++)
				put_api_versions(&out, k);
			raw_send(&v[i], &out);
		}
		for (int i = 0; i < connections; i++)
			for (int k = 0; k < depth; k++)
				raw_receive(&v[i], k);
	}
	say("requests", done, raw_now_us() - began);
	for (int i = 0; i < connections; i++)
		raw_close(&v[i]);
	free(v);
	return 0;
}

static int probe_metadata(const struct target *t, char **argv)
{
	int n = atoi(argv[0]);
	struct hist hist = {.total = 0};
	struct bytes_out out = {0};
	struct raw r;
	int64_t began;

	raw_open(&r, t->host, t->port);
	began = raw_now_us();
	for (int i = 0; i < n; i++) {
		int64_t asked = raw_now_us();

		put_metadata(&out, i, NULL, false);
		raw_send(&r, &out);
		raw_receive(&r, i);
		hist_add(&hist, raw_now_us() - asked);
	}
	say("requests", n, raw_now_us() - began);
	hist_print(&hist);
	raw_close(&r);
	return 0;
}

static int probe_idle(const struct target *t, char **argv)
{
	int n = atoi(argv[0]);
	struct raw *v = calloc((size_t)n, sizeof(*v));
	struct bytes_out out = {0};
	int64_t began = raw_now_us();

	for (int first = 0; first < n; first += TOGETHER) {
		int end = first + TOGETHER < n ? first + TOGETHER : n;

		for (int i = first; i < end; i++) {
			raw_open(&v[i], t->host, t->port);
			put_api_versions(&out, i);
			raw_send(&v[i], &out);
		}
		for (int i = first; i < end; i++)
			raw_receive(&v[i], i);
	}
	say("connections", n, raw_now_us() - began);
	fflush(stdout);
	while (getchar() != EOF)
		continue;
	for (int i = 0; i < n; i++)
		raw_close(&v[i]);
	free(v);
	return 0;
}

static int probe_create(const struct target *t, char **argv)
{
	struct bytes_out out = {0};
	struct bytes_in in;
	int n = atoi(argv[1]);
	struct raw r;
	int64_t began;
	int err;

	raw_open(&r, t->host, t->port);
	began = raw_now_us();
	put_create_topic(&out, 1, argv[0], n);
	raw_send(&r, &out);
	in = raw_receive(&r, 1);
	get32(&in);
	get32(&in);
	skip_text(&in);
	err = get16(&in);
	if (err)
		raw_die("the topic was refused: error %d", err);
	printf("created_us=%lld\n", (long long)(raw_now_us() - began));
	put_metadata(&out, 1, argv[0], false);
	insist(&r, t, began, 0, &out, has_leaders, n);
	printf("leaders_us=%lld\n", (long long)(raw_now_us() - began));
	raw_close(&r);
	return 0;
}

static int probe_topics(const struct target *t, char **argv)
{
	int n = atoi(argv[1]), each = atoi(argv[2]);
	struct bytes_out out = {0};
	struct raw r;
	int64_t began;

	raw_open(&r, t->host, t->port);
	began = raw_now_us();
	for (int first = 0; first < n; first += each) {
		put_create_topics(&out, first, argv[0], first, n - first < each ? n - first : each);
		raw_send(&r, &out);
		raw_receive(&r, first);
	}
	say("topics", n, raw_now_us() - began);
	put_metadata(&out, 1, NULL, false);
	insist(&r, t, began, 0, &out, has_leaders, n);
	raw_close(&r);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct target *, char **argv);
	int n_args; /* minimum number after HOST PORT */
} probes[] = {
	{"first", probe_first, 2},	 {"ready", probe_ready, 3},	{"produce", probe_produce, 5},
	{"fetch", probe_fetch, 3},	 {"latency", probe_latency, 2}, {"versions", probe_versions, 3},
	{"metadata", probe_metadata, 1}, {"idle", probe_idle, 1},	{"topics", probe_topics, 3},
	{"create", probe_create, 2},	 {"cpu", probe_cpu, 1},		{"keyed", probe_keyed, 3},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc >= 4 && i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!strcmp(argv[1], probes[i].name) && argc >= 4 + probes[i].n_args)
			return probes[i].run(&(struct target){argv[2], atoi(argv[3])}, argv + 4);
	raw_die("what shall I measure? See the head of probe.c");
}
