/*
 * perf: `odradek perf`: kafka-producer-perf-test, kafka-consumer-perf-test and kafka-e2e-latency in
 * one single-threaded program.
 */
#include "cli/perf.h"

#include <string.h>

#include "compress/compress.h"

extern const struct command command_perf;

enum { POOL = 4 << 20, LETTERS = 8 /* obtained from one random number */ };

/* ---- payloads ---- */

uint64_t payloads_next(struct payloads *p)
{
	uint64_t z = p->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void payloads_init(struct payloads *p, struct tool *t, size_t record_size, uint64_t seed)
{
	p->size = POOL + record_size;
	p->state = seed;
	p->pool = arena_alloc(&t->arena, p->size);
	for (size_t i = 0; i < p->size; i += LETTERS) {
		uint64_t bytes = payloads_next(p);

		for (size_t k = i; k < i + LETTERS && k < p->size; k++, bytes >>= 8)
			p->pool[k] = (char)('A' + (bytes & 0xff) * 26 / 256);
	}
}

const uint8_t *payloads_cut(struct payloads *p, size_t len)
{
	return (const uint8_t *)p->pool + payloads_next(p) % (p->size - len + 1);
}

json_t *json_latencies(const struct histogram *h)
{
	static const double PERCENTS[] = {50, 75, 90, 95, 99, 99.9, 99.99, 100};
	json_t *all = json_object();
	char name[16];

	for (size_t i = 0; i < sizeof(PERCENTS) / sizeof(PERCENTS[0]); i++) {
		snprintf(name, sizeof(name), "%g", PERCENTS[i]);
		json_object_set_new(all, name, json_real((double)histogram_percentile(h, PERCENTS[i]) / 1e6));
	}
	json_object_set_new(all, "mean", json_real(histogram_mean(h) / 1e6));
	return all;
}

/* ---- properties ---- */

void perf_properties(struct tool *t, const char *old_config)
{
	if (tool_has(t, old_config) && tool_has(t, "command-config"))
		tool_misused(t, "--command-config and --%s cannot be specified together.", old_config);
	if (tool_has(t, "command-property") && tool_has(t, "producer-props"))
		tool_misused(t, "--command-property and --producer-props cannot be specified together.");
	if (tool_has(t, old_config))
		tool_property_file(t, tool_value(t, old_config));
	for (int i = 0; i < options_count(&t->options, "producer-props"); i++)
		tool_property_pair(t, options_nth(&t->options, "producer-props", i));
	for (int i = 0; i < options_count(&t->options, "command-property"); i++)
		tool_property_pair(t, options_nth(&t->options, "command-property", i));
}

static int codec_of(struct tool *t)
{
	const char *name = tool_property(t, "compression.type");

	for (int i = 0; name && i <= CODEC_ZSTD; i++)
		if (strcasecmp(name, codec_name(i)) == 0)
			return i;
	if (name)
		tool_die(t, "Unknown compression name: %s", name);
	return CODEC_NONE;
}

static int acks_of(struct tool *t)
{
	const char *acks = tool_property(t, "acks");

	if (!acks || strcmp(acks, "all") == 0 || strcmp(acks, "-1") == 0)
		return -1;
	if (strcmp(acks, "0") != 0 && strcmp(acks, "1") != 0)
		tool_die(t, "Invalid value %s for configuration acks: String must be one of: all, -1, 0, 1", acks);
	return *acks - '0';
}

struct producer_options perf_producer_options(struct tool *t)
{
	struct producer_options o = PRODUCER_OPTIONS_DEFAULT;
	const char *idempotence = tool_property(t, "enable.idempotence");

	o.topic = tool_value(t, "topic");
	o.acks = (int16_t)acks_of(t);
	o.idempotent = !idempotence || str_is_true(str_of(idempotence));
	o.codec = codec_of(t);
	o.batch_bytes = (size_t)tool_property_number(t, "batch.size", (int64_t)o.batch_bytes);
	o.buffer_bytes = (size_t)tool_property_number(t, "buffer.memory", (int64_t)o.buffer_bytes);
	o.request_bytes = (size_t)tool_property_number(t, "max.request.size", (int64_t)o.request_bytes);
	o.linger_ms = tool_property_number(t, "linger.ms", o.linger_ms);
	o.request_timeout_ms = (int32_t)tool_property_number(t, "request.timeout.ms", o.request_timeout_ms);
	o.delivery_timeout_ms = (int32_t)tool_property_number(t, "delivery.timeout.ms", o.delivery_timeout_ms);
	o.retries = (int)tool_property_number(t, "retries", o.retries);
	o.max_in_flight = (int)tool_property_number(t, "max.in.flight.requests.per.connection", o.max_in_flight);
	return o;
}

/* ---- the command ---- */

static const struct {
	const char *name;
	int (*run)(struct tool *t);
} PARTS[] = {{"produce", perf_produce}, {"consume", perf_consume}, {"latency", perf_latency}};

static int perf(struct tool *t)
{
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		if (strcmp(PARTS[i].name, t->sub) == 0)
			return PARTS[i].run(t);
	return EXIT_CONFIG;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_perf, argc, argv, perf);
}

static const struct subcommand SUBCOMMANDS[] = {
	{"produce", "send records as fast as it goes, or as told (kafka-producer-perf-test)"},
	{"consume", "read records as fast as it goes (kafka-consumer-perf-test)"},
	{"latency", "send a record, wait until it is read, send the next (kafka-e2e-latency)"},
	{NULL, NULL},
};

#define P "produce"
#define C "consume"
#define L "latency"

static const struct option_row OPTIONS[] = {
	{"bootstrap-server", "HOST:PORT,...", "brokers to connect to first", NULL, 0, 0},
	{"topic", "TOPIC", "where records go or come from", NULL, 0, 0},
	{"num-records", "N", "how many", NULL, 0, 0},
	{"record-size", "BYTES", "of one record's value", P " " L, 0, 0},
	{"payload-file", "FILE", "send values of this file, chosen at random", P, 0, 0},
	{"payload-delimiter", "TEXT", "what separates the values in it (a line's end)", P, 0, 0},
	{"payload-monotonic", NULL, "send rising numbers", P, 0, 0},
	{"throughput", "N", "records a second; -1 is no limit", P, 0, 0},
	{"producer-props", "NAME=VALUE...", "the old name of --command-property", P, 0, OPTION_MANY | OPTION_WORDS},
	{"command-property", "NAME=VALUE...",
	 "settings of the client, such as batch.size, linger.ms, acks, compression.type", P " " C, 0,
	 OPTION_MANY | OPTION_WORDS},
	{"producer.config", "FILE", "the old name of --command-config", P, 0, 0},
	{"print-metrics", NULL, "print latencies or sizes in more detail at the end", P " " C, 0, 0},
	{"transactional-id", "ID",
	 "send in transactions; without it, by a random one when --transaction-duration-ms is given", P, 0, 0},
	{"transaction-duration-ms", "MS", "after which the transaction is committed and the next begins (3000)", P, 0,
	 0},
	{"warmup-records", "N", "a second summary leaves out the first N", P, 0, 0},
	{"reporting-interval", "MS", "how often progress is printed (5000)", P " " C, 0, 0},
	{"record-key-range", "N", "keys are numbers below it", P, 0, 0},
	{"key-distribution", "KIND", "none (default), range (one after the other) or random", P, 0, 0},
	{"random-seed", "N", "of keys and payloads (0)", P, 0, 0},
	{"include", "REGEX", "topics to read, by a regular expression", C, 0, 0},
	{"group", "GROUP", "join this group; without it no group is joined", C, 0, 0},
	{"fetch-size", "BYTES", "of one partition in one answer (1048576)", C, 0, 0},
	{"from-latest", NULL, "begin at the end if the group has no committed offset", C, 0, 0},
	{"socket-buffer-size", "BYTES", "accepted without effect: the system sizes the buffers", C, 0, 0},
	{"consumer.config", "FILE", "the old name of --command-config", C, 0, 0},
	{"show-detailed-stats", NULL, "a line each reporting interval, instead of one at the end", C, 0, 0},
	{"timeout", "MS", "stop when no record comes for this long (10000)", C, 0, OPTION_MAYBE},
	{"messages", "N", "the old name of --num-records", C, 0, 0},
	{"date-format", "FORMAT", "of the times: yyyy MM dd HH mm ss SSS, in UTC", C, 0, 0},
	{"hide-header", NULL, "no line of heads", C, 0, 0},
	{"producer-acks", "ACKS", "1 or all", L, 0, 0},
	{"record-key-size", "BYTES", "of the key; without it there is none", L, 0, OPTION_MAYBE},
	{"record-header-key-size", "BYTES", "of a header's key", L, 0, OPTION_MAYBE},
	{"record-header-size", "BYTES", "of a header's value; -1 is null", L, 0, OPTION_MAYBE},
	{"num-headers", "N", "headers of each record", L, 0, OPTION_MAYBE},
	OPTION_COMMON,
};

const struct command command_perf = {
	.name = "perf",
	.summary = "measure throughput and latency, as the kafka-*-perf-test scripts do",
	.run = run,
	.options = OPTIONS,
	.subcommands = SUBCOMMANDS,
	.description =
		"Loads a cluster and measures it, as kafka-producer-perf-test, kafka-consumer-perf-test and kafka-e2e-latency do, with their\n"
		"options and lines. Latencies are kept in a histogram to one part in a thousand; --json prints more of it.",
	.examples =
		"  odradek perf produce --bootstrap-server localhost:9092 --topic t --num-records 1000000 --record-size 100 --throughput -1\n"
		"  odradek perf consume --bootstrap-server localhost:9092 --topic t --num-records 1000000\n"
		"  odradek perf latency --bootstrap-server localhost:9092 --topic t --num-records 1000 --producer-acks all --record-size 100\n",
};
