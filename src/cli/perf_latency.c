/* perf_latency: one record at a time, from sending it to receiving it. */
#include <stdlib.h>
#include <string.h>

#include "cli/client_settings.h"
#include "cli/partitions.h"
#include "cli/perf.h"
#include "client/consumer.h"
#include "protocol/create_topics.h"

enum { HEADERS_MAX = 64, PATIENCE_MS = 60000, PLACING_MS = 2, ROUND = 1000 };

struct roundtrip {
	struct tool *tool;
	struct producer *producer;
	struct consumer *consumer;
	struct payloads payloads;
	struct histogram latencies;
	struct record_header headers[HEADERS_MAX];
	int n_headers;
	int64_t n, at;
	int32_t value_len, key_len, header_key_len, header_value_len;
	struct bytes value, key;
	int64_t begin_ns, elapsed_ns;
	bool is_acknowledged, is_read;
	struct timer begin;
	struct timer patience;
};

/* As in Kafka's tool, all letters of one record are equal. */
static struct bytes letters(struct roundtrip *r, uint8_t *p, int32_t len)
{
	if (len < 0)
		return BYTES_NULL;
	memset(p, (int)('A' + payloads_next(&r->payloads) % 26), (size_t)len);
	return (struct bytes){p, len};
}

static void send_next(struct roundtrip *r)
{
	struct producer_record record = {
		.headers = r->headers, .n_headers = r->n_headers, .timestamp = env_wall_ms(r->tool->env)};
	int err;

	r->value = letters(r, (uint8_t *)(uintptr_t)r->value.p, r->value_len);
	if (r->key_len > 0)
		r->key = letters(r, (uint8_t *)(uintptr_t)r->key.p, r->key_len);
	for (int i = 0; i < r->n_headers; i++) {
		letters(r, (uint8_t *)(uintptr_t)r->headers[i].key.p, r->header_key_len);
		letters(r, (uint8_t *)(uintptr_t)r->headers[i].value.p, r->header_value_len);
	}
	record.value = r->value;
	record.key = r->key_len > 0 ? r->key : BYTES_NULL;
	r->is_acknowledged = r->is_read = false;
	r->begin_ns = env_mono_ns(r->tool->env);
	timer_start(&r->patience, PATIENCE_MS);
	err = producer_send(r->producer, &record);
	if (err != 0)
		tool_die_of(r->tool, err, STR_NULL);
}

static void round_done(struct roundtrip *r)
{
	if (!r->is_acknowledged || !r->is_read)
		return;
	r->elapsed_ns = env_mono_ns(r->tool->env) - r->begin_ns;
	histogram_add(&r->latencies, r->elapsed_ns);
	if (r->at % ROUND == 0 && !r->tool->json)
		printf("%lld\t%.6g\n", (long long)r->at, (double)r->elapsed_ns / 1e6);
	if (++r->at == r->n)
		loop_stop(r->tool->loop);
	else
		send_next(r);
}

static void on_produced(void *arg, const struct produced *b)
{
	struct roundtrip *r = arg;

	if (b->err)
		tool_die_of(r->tool, b->err, b->message);
	r->is_acknowledged = true;
	round_done(r);
}

static bool on_record(void *arg, const struct consumed *c)
{
	struct roundtrip *r = arg;

	if (r->is_read || r->begin_ns == 0)
		tool_die(r->tool, "Only one result was expected during this test. We found more");
	if (!bytes_eq(c->record->value, r->value))
		tool_die(r->tool, "The message value read [%.*s] did not match the message value sent [%.*s]",
			 (int)c->record->value.len, (const char *)c->record->value.p, (int)r->value.len,
			 (const char *)r->value.p);
	if (r->key_len > 0 && !bytes_eq(c->record->key, r->key))
		tool_die(r->tool, "The message key read did not match the message key sent");
	if (c->record->n_headers != r->n_headers)
		tool_die(r->tool, "Header count mismatch between sent and received messages");
	r->is_read = true;
	round_done(r);
	return true;
}

static void on_failed(void *arg, struct str topic, int32_t partition, int err)
{
	tool_die_of(((struct roundtrip *)arg)->tool, err, STR_NULL);
}

static void on_patience(struct timer *t)
{
	struct roundtrip *r = container_of(t, struct roundtrip, patience);

	tool_die(r->tool, "poll() timed out before finding a result (timeout:[%dms])", PATIENCE_MS);
}

/*
 * Nothing is sent before the ends of all partitions are known, so that what arrives afterwards is
 * what was sent.
 */
static void on_begin(struct timer *t)
{
	struct roundtrip *r = container_of(t, struct roundtrip, begin);

	if (consumer_is_placed(r->consumer))
		send_next(r);
	else
		timer_start(t, PLACING_MS);
}

/* ---- options ---- */

static int32_t size_option(struct tool *t, const char *name, int64_t least, const char *what)
{
	const char *text = tool_has(t, name) ? tool_value(t, name) : NULL;
	int64_t n = text ? tool_number(t, name, 0) : 0;

	if (n < least || n > INT32_MAX)
		tool_misused(t, "Value for --%s must be %s.", name, what);
	return (int32_t)n;
}

static void read_options(struct roundtrip *r)
{
	static const char *const NEEDED[] = {"bootstrap-server", "topic", "num-records", "producer-acks",
					     "record-size"};
	struct tool *t = r->tool;
	const char *acks;

	for (size_t i = 0; i < sizeof(NEEDED) / sizeof(NEEDED[0]); i++)
		if (!tool_has(t, NEEDED[i]))
			tool_misused(t, "Missing required argument \"[%s]\"", NEEDED[i]);
	acks = tool_value(t, "producer-acks");
	if (strcmp(acks, "1") != 0 && strcmp(acks, "all") != 0)
		tool_misused(
			t,
			"Invalid value for --producer-acks. Latency testing requires synchronous acknowledgement. Please use '1' or 'all'.");
	tool_property_set(t, "acks", acks);
	r->n = tool_number(t, "num-records", 0);
	if (r->n <= 0)
		tool_misused(t, "Value for --num-records must be a positive integer.");
	r->value_len = size_option(t, "record-size", 0, "a non-negative integer");
	r->key_len = size_option(t, "record-key-size", 0, "a non-negative integer");
	r->header_key_len = size_option(t, "record-header-key-size", 0, "a non-negative integer");
	r->header_value_len =
		size_option(t, "record-header-size", -1, "a non-negative integer or -1 for null header value");
	r->n_headers = size_option(t, "num-headers", 0, "a non-negative integer");
	if (r->n_headers > HEADERS_MAX)
		tool_misused(t, "Value for --num-headers must be at most %d here.", HEADERS_MAX);
}

static void make_buffers(struct roundtrip *r)
{
	struct arena *a = &r->tool->arena;

	r->value.p = arena_alloc(a, (size_t)r->value_len + 1);
	r->key.p = arena_alloc(a, (size_t)r->key_len + 1);
	for (int i = 0; i < r->n_headers; i++) {
		r->headers[i].key = (struct str){arena_alloc(a, (size_t)r->header_key_len + 1), r->header_key_len};
		r->headers[i].value =
			r->header_value_len < 0
				? BYTES_NULL
				: (struct bytes){arena_alloc(a, (size_t)r->header_value_len + 1), r->header_value_len};
	}
}

static void create_topic(struct tool *t, struct str name)
{
	struct create_topics_request_topic topic = {.name = name, .num_partitions = 1, .replication_factor = 1};
	struct create_topics_request request = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *answer;

	printf("Topic \"%.*s\" does not exist. Will create topic with 1 partition(s) and replication factor = 1\n",
	       STR_ARG(name));
	answer = tool_must(t, CLIENT_CONTROLLER, create_topics_request_KEY, &request);
	if (answer->topics.n == 1 && answer->topics.v[0].error_code)
		tool_die_of(t, answer->topics.v[0].error_code, answer->topics.v[0].error_message);
}

/* Done before a producer or consumer exists, which would create the topic with the cluster's defaults. */
static const struct metadata_response *find_topic(struct tool *t)
{
	struct str name = str_of(tool_value(t, "topic"));
	const struct metadata_response *m = topics_of(t, &name, 1);

	if (m->topics.n != 1 || m->topics.v[0].error_code != ERR_UNKNOWN_TOPIC_OR_PARTITION)
		return m;
	create_topic(t, name);
	return topics_of(t, &name, 1);
}

static void assign(struct roundtrip *r, const struct metadata_response *m)
{
	struct tool *t = r->tool;
	struct str name = str_of(tool_value(t, "topic"));
	struct consumer_partition *v;

	v = arena_array(&t->arena, (size_t)m->topics.v[0].partitions.n + 1, sizeof(*v));
	for (int32_t i = 0; i < m->topics.v[0].partitions.n; i++)
		v[i] = (struct consumer_partition){name, m->topics.v[0].partitions.v[i].partition_index, OFFSET_LATEST};
	consumer_assign(r->consumer, v, m->topics.v[0].partitions.n);
}

static void print_results(struct roundtrip *r)
{
	if (r->tool->json)
		r->tool->out =
			json_pack("{s:I,s:o}", "records", (json_int_t)r->n, "latencyMs", json_latencies(&r->latencies));
	else
		printf("Avg latency: %.4f ms\nPercentiles: 50th = %d, 99th = %d, 99.9th = %d\n",
		       histogram_mean(&r->latencies) / 1e6, (int)(histogram_percentile(&r->latencies, 50) / 1000000),
		       (int)(histogram_percentile(&r->latencies, 99) / 1000000),
		       (int)(histogram_percentile(&r->latencies, 99.9) / 1000000));
}

int perf_latency(struct tool *t)
{
	struct roundtrip *r = arena_zalloc(&t->arena, sizeof(*r));
	struct consumer_options consumer = CONSUMER_OPTIONS_DEFAULT;
	struct producer_options producer;
	const struct metadata_response *topic;

	r->tool = t;
	t->kinds = CLIENT_CONSUMER | CLIENT_PRODUCER;
	read_options(r);
	make_buffers(r);
	producer = perf_producer_options(t);
	producer.linger_ms = 0;
	producer.produced = on_produced;
	producer.arg = r;
	consumer.record = on_record;
	consumer.failed = on_failed;
	consumer.arg = r;
	r->payloads.state = 0;
	histogram_init(&r->latencies);
	tool_connect(t);
	topic = find_topic(t);
	timer_init(&r->begin, t->loop, on_begin);
	timer_init(&r->patience, t->loop, on_patience);
	r->consumer = consumer_new(t->client, &consumer);
	r->producer = producer_new(t->client, &producer);
	assign(r, topic);
	timer_start(&r->begin, 0);
	loop_run(t->loop);
	timer_stop(&r->patience);
	print_results(r);
	producer_free(r->producer);
	consumer_free(r->consumer);
	histogram_fini(&r->latencies);
	return EXIT_FINE;
}
