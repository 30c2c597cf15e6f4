/*
 * perf_produce: sends records in bursts, as many as memory and the target throughput permit, and
 * reports how long each took to be acknowledged.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/client_settings.h"
#include "cli/perf.h"

enum { BURST = 500, FILE_MAX = 1 << 30, TRANSACTION_MS = 3000 };

struct stats {
	struct histogram all, window;
	int64_t start_ns, window_ns;
	uint64_t bytes, window_bytes;
	bool steady;
	bool quiet;
};

struct load {
	struct tool *tool;
	struct producer *producer;
	struct payloads payloads;
	struct str *values; /* from --payload-file */
	int n_values;
	int64_t n, sent, done, failed;
	int64_t warmup;
	size_t record_size;
	double throughput; /* < 0: unlimited */
	int64_t interval_ns;
	int64_t start_ns;
	bool monotonic, keys_random;
	int32_t key_range; /* 0: no keys */
	struct timer burst;
	int64_t duration_ns;	/* duration of a transaction; 0: none */
	int64_t transaction_ns; /* start of the current transaction */
	bool in_transaction, committing;
	struct stats stats, steady;
	bool in_steady;
};

static int64_t now_ns(const struct load *l)
{
	return env_mono_ns(l->tool->env);
}

/* ---- statistics ---- */

static void stats_init(struct load *l, struct stats *s, bool steady)
{
	histogram_init(&s->all);
	histogram_init(&s->window);
	s->start_ns = s->window_ns = now_ns(l);
	s->steady = steady;
}

static void print_window(struct load *l, struct stats *s, int64_t now)
{
	double seconds = (double)(now - s->window_ns) / 1e9;

	if (s->steady && s->all.n == s->window.n)
		printf("In steady state.\n");
	if (!s->quiet && !l->tool->json)
		printf("%" PRIu64
		       " records sent, %.1f records/sec (%.2f MB/sec), %.1f ms avg latency, %.1f ms max latency.\n",
		       s->window.n, (double)s->window.n / seconds, (double)s->window_bytes / seconds / 1048576,
		       histogram_mean(&s->window) / 1e6, (double)(s->window.max / 1000000));
	fflush(stdout);
	histogram_reset(&s->window);
	s->window_bytes = 0;
	s->window_ns = now;
}

static void stats_add(struct load *l, struct stats *s, const struct produced *b, int64_t now)
{
	for (int i = 0; i < b->n; i++) {
		histogram_add(&s->all, now - b->sent_ns[i]);
		histogram_add(&s->window, now - b->sent_ns[i]);
	}
	s->bytes += b->bytes;
	s->window_bytes += b->bytes;
	if (now - s->window_ns >= l->interval_ns)
		print_window(l, s, now);
}

static void print_total(struct load *l, struct stats *s)
{
	double seconds = (double)(now_ns(l) - s->start_ns) / 1e9;
	int64_t p50 = histogram_percentile(&s->all, 50), p95 = histogram_percentile(&s->all, 95);
	int64_t p99 = histogram_percentile(&s->all, 99), p999 = histogram_percentile(&s->all, 99.9);

	if (l->tool->json) {
		json_t *one = json_pack("{s:b,s:I,s:f,s:f,s:o,s:I}", "steadyState", (int)s->steady, "records",
					(json_int_t)s->all.n, "recordsPerSec", (double)s->all.n / seconds, "mbPerSec",
					(double)s->bytes / seconds / 1048576, "latencyMs", json_latencies(&s->all),
					"failed", (json_int_t)l->failed);

		json_array_append_new(l->tool->out, one);
		return;
	}
	printf("%" PRIu64
	       "%s records sent, %f records/sec (%.2f MB/sec), %.2f ms avg latency, %.2f ms max latency, %" PRId64
	       " ms 50th, %" PRId64 " ms 95th, %" PRId64 " ms 99th, %" PRId64 " ms 99.9th.\n",
	       s->all.n, s->steady ? " steady state" : "", (double)s->all.n / seconds,
	       (double)s->bytes / seconds / 1048576, histogram_mean(&s->all) / 1e6, (double)(s->all.max / 1000000),
	       p50 / 1000000, p95 / 1000000, p99 / 1000000, p999 / 1000000);
}

/* Ends when everything has been reported and committed; otherwise sends more if there is room. */
static void go_on(struct load *l)
{
	if (l->committing)
		return;
	if (l->done == l->n && !l->in_transaction)
		loop_stop(l->tool->loop);
	else if (l->sent < l->n && !timer_is_running(&l->burst) && !producer_is_full(l->producer))
		timer_start(&l->burst, 0);
}

static void on_produced(void *arg, const struct produced *b)
{
	struct load *l = arg;
	char name[96];

	l->done += b->n;
	if (b->err && l->duration_ns > 0) /* like an exception from commitTransaction() */
		tool_die_of(l->tool, b->err, b->message);
	if (b->err) {
		l->failed += b->n;
		fprintf(stderr, "%d records: org.apache.kafka.common.errors.%s: %.*s\n", b->n,
			tool_exception(b->err, name), STR_ARG(tool_error_text(l->tool, b->err, b->message)));
	} else {
		int64_t now = now_ns(l);

		stats_add(l, &l->stats, b, now);
		if (l->in_steady)
			stats_add(l, &l->steady, b, now);
	}
	go_on(l);
}

/* ---- records ---- */

static struct bytes next_value(struct load *l, char *number)
{
	if (l->n_values > 0) {
		struct str v = l->values[payloads_next(&l->payloads) % (uint64_t)l->n_values];

		return (struct bytes){(const uint8_t *)v.p, v.len};
	}
	if (l->monotonic)
		return (struct bytes){(const uint8_t *)number, snprintf(number, 24, "%" PRId64, l->sent)};
	return (struct bytes){payloads_cut(&l->payloads, l->record_size), (int32_t)l->record_size};
}

static struct bytes next_key(struct load *l, char *number)
{
	uint64_t key;

	if (l->key_range == 0)
		return BYTES_NULL;
	key = (l->keys_random ? payloads_next(&l->payloads) : (uint64_t)l->sent) % (uint64_t)l->key_range;
	return (struct bytes){(const uint8_t *)number, snprintf(number, 24, "%" PRIu64, key)};
}

static void begin_steady(struct load *l)
{
	if (l->warmup == 0 || l->sent != l->warmup)
		return;
	stats_init(l, &l->steady, true);
	l->stats.quiet = true;
	l->in_steady = true;
}

/* How many records may have been sent by now. */
static int64_t allowed(const struct load *l, int64_t now)
{
	if (l->throughput < 0)
		return l->n;
	return (int64_t)((double)(now - l->start_ns) / 1e9 * l->throughput) + 1;
}

/* ---- transactions ---- */

static void commit(struct load *l)
{
	l->committing = true;
	producer_commit(l->producer);
}

static void on_committed(void *arg, int err, struct str message)
{
	struct load *l = arg;

	if (err != 0)
		tool_die_of(l->tool, err, message);
	l->committing = false;
	l->in_transaction = false;
	go_on(l);
}

/* Begins a transaction, or ends it when it is time; false while it is ending. */
static bool in_time(struct load *l)
{
	if (l->duration_ns == 0)
		return true;
	if (!l->in_transaction) {
		l->in_transaction = true;
		l->transaction_ns = now_ns(l);
	} else if (now_ns(l) - l->transaction_ns >= l->duration_ns) {
		commit(l);
		return false;
	}
	return true;
}

static void on_burst(struct timer *timer)
{
	struct load *l = container_of(timer, struct load, burst);
	int64_t limit = allowed(l, now_ns(l));
	int64_t wall_ms = env_wall_ms(l->tool->env);
	char value[24], key[24];

	if (!in_time(l))
		return;
	limit = limit < l->n ? limit : l->n;
	for (int i = 0; i < BURST && l->sent < limit && !producer_is_full(l->producer); i++) {
		struct producer_record r = {
			.value = next_value(l, value), .key = next_key(l, key), .timestamp = wall_ms};
		int err;

		begin_steady(l);
		err = producer_send(l->producer, &r);
		if (err != 0)
			tool_die_of(l->tool, err, STR_NULL);
		l->sent++;
	}
	if (l->sent == l->n && l->duration_ns > 0)
		commit(l);
	else if (l->sent == l->n)
		producer_flush(l->producer);
	else if (l->sent < limit && !producer_is_full(l->producer))
		timer_start(timer, 0);
	else if (l->sent >= limit)
		timer_start(timer, 1);
}

/* ---- options ---- */

static void read_values(struct load *l, const char *path)
{
	struct tool *t = l->tool;
	const char *delimiter = tool_has(t, "payload-delimiter") ? tool_value(t, "payload-delimiter") : "\\n";
	char *text, *at, *next;
	size_t len;
	int err = env_read_file(t->env, path, FILE_MAX, &text, &len);

	if (err != 0 || len == 0)
		tool_die(t, "File does not exist or empty file provided.");
	printf("Reading payloads from: %s\n", path);
	delimiter = strcmp(delimiter, "\\n") == 0 ? "\n" : delimiter;
	at = tool_string(t, (struct str){text, (int32_t)len});
	xfree(text);
	l->values = arena_array(&t->arena, len + 1, sizeof(*l->values));
	for (; *at; at = next) {
		char *end = strstr(at, delimiter);

		next = end ? end + strlen(delimiter) : at + strlen(at);
		l->values[l->n_values++] = (struct str){at, (int32_t)((end ? end : next) - at)};
	}
	printf("Number of records read: %d\n", l->n_values);
}

static void read_keys(struct load *l)
{
	struct tool *t = l->tool;
	const char *kind = tool_has(t, "key-distribution") ? tool_value(t, "key-distribution") : "none";
	bool has_keys = strcmp(kind, "none") != 0;

	if (has_keys && strcmp(kind, "range") != 0 && strcmp(kind, "random") != 0)
		tool_misused(t, "argument --key-distribution: invalid choice: '%s' (choose from {none,range,random})",
			     kind);
	l->key_range = tool_integer(t, "record-key-range", 0);
	if (tool_has(t, "record-key-range") && l->key_range <= 0)
		tool_misused(t, "--record-key-range should be greater than zero.");
	if (has_keys && l->key_range == 0)
		tool_misused(t, "--record-key-range is required when --key-distribution is 'range' or 'random'.");
	if (!has_keys && l->key_range > 0)
		tool_misused(t, "--key-distribution must be 'range' or 'random' when --record-key-range is specified.");
	l->keys_random = strcmp(kind, "random") == 0;
}

static void read_sizes(struct load *l)
{
	struct tool *t = l->tool;
	int kinds = tool_has(t, "record-size") + tool_has(t, "payload-file") + tool_has(t, "payload-monotonic");
	int64_t size = tool_number(t, "record-size", 0);

	if (!tool_has(t, "topic") || !tool_has(t, "num-records") || !tool_has(t, "throughput"))
		tool_misused(t, "--topic, --num-records and --throughput are required");
	if (kinds != 1)
		tool_misused(t, "exactly one of --record-size, --payload-file and --payload-monotonic is required");
	if (l->n <= 0)
		tool_misused(t, "--num-records should be greater than zero.");
	if (l->warmup >= l->n)
		tool_misused(
			t,
			"The value for --warmup-records must be strictly fewer than the number of records in the test, --num-records.");
	if (tool_has(t, "record-size") && (size <= 0 || size > INT32_MAX))
		tool_misused(t, "--record-size should be greater than zero.");
	if (l->interval_ns <= 0)
		tool_misused(t, "--reporting-interval should be greater than zero.");
	if (tool_has(t, "transaction-duration-ms") && tool_number(t, "transaction-duration-ms", 0) <= 0)
		tool_misused(t, "--transaction-duration-ms should be greater than zero.");
	l->record_size = (size_t)size;
}

static void read_transactions(struct load *l, struct producer_options *o)
{
	struct tool *t = l->tool;
	char random[UUID_TEXT_LEN + 1];
	const char *id = tool_has(t, "transactional-id") ? tool_value(t, "transactional-id")
							 : tool_property(t, "transactional.id");

	if (!id && tool_has(t, "transaction-duration-ms"))
		id = arena_printf(&t->arena, "performance-producer-%s", uuid_text(env_random_uuid(t->env), random)).p;
	if (!id)
		return;
	o->transactional_id = id;
	o->transaction_timeout_ms =
		(int32_t)tool_property_number(t, "transaction.timeout.ms", o->transaction_timeout_ms);
	l->duration_ns = tool_number(t, "transaction-duration-ms", TRANSACTION_MS) * 1000000;
}

static void print_percentiles(const struct histogram *h)
{
	static const double PERCENTS[] = {50, 75, 90, 95, 99, 99.9, 99.99, 100};

	printf("\n%-24s   %s\n", "Metric Name", "Value");
	for (size_t i = 0; i < sizeof(PERCENTS) / sizeof(PERCENTS[0]); i++)
		printf("latency-ms:p%-12g : %.3f\n", PERCENTS[i], (double)histogram_percentile(h, PERCENTS[i]) / 1e6);
}

static void finish(struct load *l)
{
	l->tool->out = json_array();
	print_total(l, &l->stats);
	if (l->in_steady)
		print_total(l, &l->steady);
	if (tool_has(l->tool, "print-metrics"))
		print_percentiles(&l->stats.all);
	producer_free(l->producer);
	histogram_fini(&l->stats.all);
	histogram_fini(&l->stats.window);
	if (l->in_steady) {
		histogram_fini(&l->steady.all);
		histogram_fini(&l->steady.window);
	}
}

int perf_produce(struct tool *t)
{
	struct load *l = arena_zalloc(&t->arena, sizeof(*l));
	struct producer_options o;

	l->tool = t;
	l->n = tool_number(t, "num-records", 0);
	l->warmup = tool_number(t, "warmup-records", 0) > 0 ? tool_number(t, "warmup-records", 0) : 0;
	l->interval_ns = tool_number(t, "reporting-interval", 5000) * 1000000;
	l->throughput = tool_has(t, "throughput") ? strtod(tool_value(t, "throughput"), NULL) : -1;
	l->monotonic = tool_has(t, "payload-monotonic");
	read_sizes(l);
	read_keys(l);
	t->kinds = CLIENT_PRODUCER;
	perf_properties(t, "producer.config");
	if (!tool_property(t, "client.id"))
		tool_property_set(t, "client.id", "perf-producer-client");
	if (tool_has(t, "payload-file"))
		read_values(l, tool_value(t, "payload-file"));
	payloads_init(&l->payloads, t, l->record_size, (uint64_t)tool_number(t, "random-seed", 0));
	o = perf_producer_options(t);
	read_transactions(l, &o);
	o.keep_times = true;
	o.produced = on_produced;
	o.committed = on_committed;
	o.arg = l;
	if (tool_has(t, "bootstrap-server"))
		tool_connect(t);
	else if (tool_property(t, "bootstrap.servers"))
		tool_connect_to(t, tool_property(t, "bootstrap.servers"), false);
	else
		tool_misused(
			t,
			"At least one of --bootstrap-server, --command-property, --producer-props, --producer.config or --command-config must be "
			"specified.");
	if (l->warmup > 0)
		printf("Warmup first %" PRId64
		       " records. Steady state results will print after the complete test summary.\n",
		       l->warmup);
	l->producer = producer_new(t->client, &o);
	timer_init(&l->burst, t->loop, on_burst);
	stats_init(l, &l->stats, false);
	l->start_ns = now_ns(l);
	timer_start(&l->burst, 0);
	loop_run(t->loop);
	finish(l);
	return l->failed ? EXIT_CONFIG : EXIT_FINE;
}
