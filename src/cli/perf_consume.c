/* perf_consume: reads records as fast as they come, and reports the rate. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "cli/client_settings.h"
#include "cli/consumer_settings.h"
#include "cli/partitions.h"
#include "cli/perf.h"

enum { LOOK_MS = 20 };

struct reading {
	struct tool *tool;
	struct consumer *consumer;
	struct member *member;
	int64_t wanted, records, last_records;
	uint64_t bytes, last_bytes;
	int64_t start_ms, start_ns, last_ns, last_record_ns;
	int64_t placed_ns; /* 0: nothing is assigned yet */
	int64_t timeout_ns, interval_ns;
	struct timer look;
	const char *date_format;
	bool detailed, ended;
};

static int64_t now_ns(const struct reading *r)
{
	return env_mono_ns(r->tool->env);
}

/* ---- printing ---- */

/* Formats by a pattern such as yyyy-MM-dd HH:mm:ss:SSS, in any order of these fields. */
static struct str date_text(struct reading *r, int64_t wall_ms)
{
	static const struct {
		const char *letters;
		int at;
	} FIELDS[] = {{"yyyy", 0}, {"MM", 5}, {"dd", 8}, {"HH", 11}, {"mm", 14}, {"ss", 17}, {"SSS", 20}};
	char civil[CIVIL_TEXT_LEN + 1];
	struct buf b = {0};
	struct str out;

	civil_text(wall_ms, civil);
	for (const char *p = r->date_format; *p;) {
		size_t i = 0, n = sizeof(FIELDS) / sizeof(FIELDS[0]);

		while (i < n && strncmp(p, FIELDS[i].letters, strlen(FIELDS[i].letters)) != 0)
			i++;
		if (i < n)
			buf_put(&b, civil + FIELDS[i].at, strlen(FIELDS[i].letters));
		else
			buf_put(&b, p, 1);
		p += i < n ? strlen(FIELDS[i].letters) : 1;
	}
	out = arena_str(&r->tool->arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

static int64_t wall_of(const struct reading *r, int64_t ns)
{
	return r->start_ms + (ns - r->start_ns) / 1000000;
}

static int64_t join_ms(const struct reading *r, int64_t now)
{
	return ((r->placed_ns ? r->placed_ns : now) - r->start_ns) / 1000000;
}

static void print_progress(struct reading *r, int64_t now)
{
	double seconds = (double)(now - r->last_ns) / 1e9;
	double mb = (double)(r->bytes - r->last_bytes) / 1048576;
	int64_t n = r->records - r->last_records;
	int64_t joined = r->last_ns == r->start_ns ? join_ms(r, now) : 0;
	int64_t fetch_ms = (now - r->last_ns) / 1000000 - joined;

	printf("%.*s, 0, %.4f, %.4f, %" PRId64 ", %.4f, %" PRId64 ", %" PRId64 ", %.4f, %.4f\n",
	       STR_ARG(date_text(r, wall_of(r, now))), (double)r->bytes / 1048576, mb / seconds, r->records,
	       (double)n / seconds, joined, fetch_ms, fetch_ms > 0 ? 1000 * mb / (double)fetch_ms : 0,
	       fetch_ms > 0 ? 1000 * (double)n / (double)fetch_ms : 0);
	fflush(stdout);
}

static void print_total(struct reading *r, int64_t now)
{
	double seconds = (double)(now - r->start_ns) / 1e9, mb = (double)r->bytes / 1048576;
	int64_t joined = join_ms(r, now), fetch_ms = (now - r->start_ns) / 1000000 - joined;
	double fetch_seconds = fetch_ms > 0 ? (double)fetch_ms / 1000 : 0.001;

	if (r->tool->json)
		r->tool->out = json_pack("{s:I,s:f,s:f,s:f,s:I,s:I}", "records", (json_int_t)r->records, "mb", mb,
					 "mbPerSec", mb / seconds, "recordsPerSec", (double)r->records / seconds,
					 "rebalanceMs", (json_int_t)joined, "fetchMs", (json_int_t)fetch_ms);
	else if (!r->detailed)
		printf("%.*s, %.*s, %.4f, %.4f, %" PRId64 ", %.4f, %" PRId64 ", %" PRId64 ", %.4f, %.4f\n",
		       STR_ARG(date_text(r, r->start_ms)), STR_ARG(date_text(r, wall_of(r, now))), mb, mb / seconds,
		       r->records, (double)r->records / seconds, joined, fetch_ms, mb / fetch_seconds,
		       (double)r->records / fetch_seconds);
}

/* ---- reading ---- */

static void end(struct reading *r);

static void on_left(void *arg)
{
	loop_stop(((struct reading *)arg)->tool->loop);
}

static void end(struct reading *r)
{
	if (r->ended)
		return;
	r->ended = true;
	timer_stop(&r->look);
	if (r->records < r->wanted)
		printf("WARNING: Exiting before consuming the expected number of records: timeout (%" PRId64
		       " ms) exceeded. You can use the --timeout option to increase the timeout.\n",
		       r->timeout_ns / 1000000);
	print_total(r, now_ns(r));
	if (r->member)
		member_leave(r->member, on_left);
	else
		loop_stop(r->tool->loop);
}

static bool on_record(void *arg, const struct consumed *c)
{
	struct reading *r = arg;

	if (r->records >= r->wanted)
		return false;
	r->records++;
	r->bytes += (uint64_t)(c->record->key.p ? c->record->key.len : 0) +
		    (uint64_t)(c->record->value.p ? c->record->value.len : 0);
	if (r->records >= r->wanted) {
		end(r);
		return false;
	}
	return true;
}

static void on_failed(void *arg, struct str topic, int32_t partition, int err)
{
	struct reading *r = arg;

	tool_die(r->tool, "%.*s-%d: %.*s", STR_ARG(topic), partition, STR_ARG(tool_error_text(r->tool, err, STR_NULL)));
}

static void on_member_failed(void *arg, int err)
{
	tool_die_of(((struct reading *)arg)->tool, err, STR_NULL);
}

/* The clock is read here, not at every record. */
static void on_look(struct timer *timer)
{
	struct reading *r = container_of(timer, struct reading, look);
	int64_t now = now_ns(r);

	if (r->records != r->last_records)
		r->last_record_ns = now;
	if (!r->placed_ns && consumer_count(r->consumer) > 0 && consumer_is_placed(r->consumer))
		r->placed_ns = now;
	if (now - r->last_ns >= r->interval_ns) {
		if (r->detailed && !r->tool->json)
			print_progress(r, now);
		r->last_ns = now;
		r->last_records = r->records;
		r->last_bytes = r->bytes;
	}
	if (now - r->last_record_ns > r->timeout_ns) {
		end(r);
		return;
	}
	timer_start(timer, LOOK_MS);
}

/* ---- options ---- */

static struct str *topic_names(struct reading *r, const struct metadata_response **m, int *n)
{
	struct tool *t = r->tool;
	struct str name = str_of(tool_value(t, "topic"));
	struct topic_pattern pattern;
	struct str *v;

	if (tool_has(t, "include"))
		topic_pattern_init(t, &pattern, tool_value(t, "include"));
	*m = tool_has(t, "topic") ? topics_of(t, &name, 1) : topics_of(t, NULL, 0);
	v = arena_array(&t->arena, (size_t)(*m)->topics.n + 1, sizeof(*v));
	*n = 0;
	for (int32_t i = 0; i < (*m)->topics.n; i++)
		if ((*m)->topics.v[i].error_code == 0 &&
		    (tool_has(t, "topic") || topic_pattern_matches(t, &pattern, (*m)->topics.v[i].name)))
			v[(*n)++] = (*m)->topics.v[i].name;
	if (*n == 0)
		tool_die(t, "there is no such topic");
	return v;
}

static void assign_all(struct reading *r, const struct metadata_response *m, const struct str *names, int n,
		       int64_t offset)
{
	struct consumer_partition *v;
	int total = 0;

	for (int32_t i = 0; i < m->topics.n; i++)
		total += m->topics.v[i].partitions.n;
	v = arena_array(&r->tool->arena, (size_t)total + 1, sizeof(*v));
	total = 0;
	for (int i = 0; i < n; i++) {
		const struct metadata_response_topic *topic = topic_find(m, names[i]);

		for (int32_t k = 0; k < topic->partitions.n; k++)
			v[total++] =
				(struct consumer_partition){names[i], topic->partitions.v[k].partition_index, offset};
	}
	consumer_assign(r->consumer, v, total);
}

static struct consumer_options options_of(struct reading *r)
{
	struct tool *t = r->tool;
	struct consumer_options o;

	if (!tool_property(t, "check.crcs"))
		tool_property_set(t, "check.crcs", "false"); /* as in kafka-consumer-perf-test */
	o = consumer_settings(t);
	o.reset = tool_has(t, "from-latest") ? OFFSET_LATEST : OFFSET_EARLIEST;
	o.partition_max_bytes = tool_integer(t, "fetch-size", o.partition_max_bytes);
	o.record = on_record;
	o.failed = on_failed;
	o.arg = r;
	return o;
}

static void begin(struct reading *r)
{
	struct tool *t = r->tool;
	struct consumer_options o = options_of(r);
	struct member_options m;
	const struct metadata_response *topics;
	struct str *names;
	int n;

	names = topic_names(r, &topics, &n);
	r->consumer = consumer_new(t->client, &o);
	if (!tool_has(t, "group")) {
		assign_all(r, topics, names, n, o.reset);
		return;
	}
	m = member_settings(t, tool_value(t, "group"));
	m.reset = o.reset;
	m.failed = on_member_failed;
	m.arg = r;
	r->member = member_new(t->client, r->consumer, &m);
	member_subscribe(r->member, names, n);
}

static void read_options(struct reading *r)
{
	struct tool *t = r->tool;

	if (!tool_has(t, "bootstrap-server"))
		tool_misused(t, "Missing required argument \"[bootstrap-server]\"");
	if (tool_has(t, "topic") == tool_has(t, "include"))
		tool_misused(t, "Exactly one of the following arguments is required: [topic], [include]");
	if (tool_has(t, "messages") == tool_has(t, "num-records"))
		tool_misused(t, "Exactly one of the following arguments is required: [messages], [num-records]");
	if (tool_has(t, "messages"))
		fprintf(tool_notices(t), "Warning: --messages is deprecated. Use --num-records instead.\n");
	if (tool_has(t, "consumer.config"))
		fprintf(tool_notices(t), "Warning: --consumer.config is deprecated. Use --command-config instead.\n");
	r->wanted = tool_has(t, "messages") ? tool_number(t, "messages", 0) : tool_number(t, "num-records", 0);
	r->timeout_ns =
		(tool_has(t, "timeout") && tool_value(t, "timeout") ? tool_number(t, "timeout", 0) : 10000) * 1000000;
	r->interval_ns = tool_number(t, "reporting-interval", 5000) * 1000000;
	r->detailed = tool_has(t, "show-detailed-stats");
	r->date_format = tool_has(t, "date-format") ? tool_value(t, "date-format") : "yyyy-MM-dd HH:mm:ss:SSS";
}

int perf_consume(struct tool *t)
{
	struct reading *r = arena_zalloc(&t->arena, sizeof(*r));

	r->tool = t;
	read_options(r);
	t->kinds = CLIENT_CONSUMER;
	perf_properties(t, "consumer.config");
	if (!tool_property(t, "client.id"))
		tool_property_set(t, "client.id", "perf-consumer-client");
	if (!tool_has(t, "hide-header") && !t->json)
		printf("%s, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, "
		       "fetch.nMsg.sec\n",
		       r->detailed ? "time, threadId" : "start.time, end.time");
	tool_connect(t);
	timer_init(&r->look, t->loop, on_look);
	r->start_ms = env_wall_ms(t->env);
	r->start_ns = r->last_ns = r->last_record_ns = now_ns(r);
	begin(r);
	timer_start(&r->look, LOOK_MS);
	if (r->wanted > 0)
		loop_run(t->loop);
	if (tool_has(t, "print-metrics"))
		printf("\n%-24s   %s\n%-24s : %" PRIu64 "\n%-24s : %" PRId64 "\n", "Metric Name", "Value",
		       "consumer:bytes", r->bytes, "consumer:records", r->records);
	if (r->member)
		member_free(r->member);
	consumer_free(r->consumer);
	return EXIT_FINE;
}
