/*
 * verifiable_producer: `odradek verifiable-producer`: kafka-verifiable-producer. Sends increasing
 * numbers, and prints the result of each on a line. Nothing is sent again unless the properties say
 * so: whoever reads the lines wants to know of every failure.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client_settings.h"
#include "cli/perf.h"
#include "cli/verifiable.h"
#include "env/real/real.h"

extern const struct command command_verifiable_producer;

enum { BURST = 500, TEXT_MAX = 48 };

struct verifiable {
	struct tool *tool;
	struct producer *producer;
	int64_t n; /* number to send */
	int64_t sent, told, acked;
	int64_t throughput; /* records per second; < 0: unlimited */
	int64_t start_ns, start_ms;
	const char *prefix; /* of values, or NULL */
	int64_t keys;	    /* number of different keys; 0: none */
	int64_t create_ms;  /* of the next record; -1: the current time */
	struct timer burst;
	struct work signal;
	int caught;
	bool stopping;
};

/* ---- results of records ---- */

static struct str value_of(const struct verifiable *v, uint64_t number, char text[TEXT_MAX])
{
	int len = v->prefix ? snprintf(text, TEXT_MAX, "%s.%" PRIu64, v->prefix, number)
			    : snprintf(text, TEXT_MAX, "%" PRIu64, number);

	return (struct str){text, len};
}

static struct str key_of(const struct verifiable *v, uint64_t number, char text[TEXT_MAX])
{
	if (v->keys == 0)
		return STR_NULL;
	return (struct str){text, snprintf(text, TEXT_MAX, "%" PRIu64, number % (uint64_t)v->keys)};
}

static void tell_success(struct verifiable *v, uint64_t number, int32_t partition, int64_t offset)
{
	char key[TEXT_MAX], value[TEXT_MAX];

	v->acked++;
	verifiable_event(v->tool, "producer_send_success",
			 json_pack("{s:o,s:o,s:s,s:i,s:I}", "key", json_str(key_of(v, number, key)), "value",
				   json_str(value_of(v, number, value)), "topic", tool_value(v->tool, "topic"),
				   "partition", (int)partition, "offset", (json_int_t)offset));
}

static void tell_failure(struct verifiable *v, uint64_t number, int err, struct str message)
{
	char key[TEXT_MAX], value[TEXT_MAX], name[96];
	const char *topic = tool_value(v->tool, "topic");
	char class[160], invalid[320];
	struct str text;

	snprintf(class, sizeof(class), "class org.apache.kafka.common.errors.%s", tool_exception(err, name));
	snprintf(invalid, sizeof(invalid), "Invalid topics: [%s]", topic);
	text = err == ERR_INVALID_TOPIC_EXCEPTION ? str_of(invalid) : tool_error_text(v->tool, err, message);
	verifiable_event(v->tool, "producer_send_error",
			 json_pack("{s:s,s:o,s:o,s:s,s:o}", "topic", topic, "key", json_str(key_of(v, number, key)),
				   "value", json_str(value_of(v, number, value)), "exception", class, "message",
				   json_str(text)));
}

static void go_on(struct verifiable *v)
{
	if (v->told == v->sent && (v->stopping || v->sent == v->n))
		loop_stop(v->tool->loop);
	else if (!v->stopping && v->sent < v->n && !timer_is_running(&v->burst) && !producer_is_full(v->producer))
		timer_start(&v->burst, 0);
}

static void on_produced(void *arg, const struct produced *b)
{
	struct verifiable *v = arg;

	for (int i = 0; i < b->n; i++)
		if (b->err)
			tell_failure(v, b->tags[i], b->err, b->message);
		else
			tell_success(v, b->tags[i], b->partition, b->base_offset < 0 ? -1 : b->base_offset + i);
	fflush(stdout);
	v->told += b->n;
	go_on(v);
}

/* ---- records ---- */

/* How many may have been sent by now. */
static int64_t allowed_by_now(const struct verifiable *v)
{
	int64_t ns = env_mono_ns(v->tool->env) - v->start_ns, n;

	if (v->throughput < 0)
		return v->n;
	n = (int64_t)((double)ns / 1e9 * (double)v->throughput) + 1;
	return n < v->n ? n : v->n;
}

static int64_t next_timestamp(struct verifiable *v)
{
	int64_t now_ms = env_wall_ms(v->tool->env), at_ms = v->create_ms;

	if (at_ms < 0)
		return now_ms;
	v->create_ms += now_ms - v->start_ms; /* like Kafka's tool, whose time runs ahead */
	return at_ms;
}

static void send_next(struct verifiable *v)
{
	char key[TEXT_MAX], value[TEXT_MAX];
	uint64_t number = (uint64_t)v->sent;
	struct str k = key_of(v, number, key), text = value_of(v, number, value);
	struct producer_record r = {.key = {(const uint8_t *)k.p, k.len},
				    .value = {(const uint8_t *)text.p, text.len},
				    .timestamp = next_timestamp(v),
				    .tag = number};
	int err = producer_send(v->producer, &r);

	v->sent++;
	if (err != 0) {
		tell_failure(v, number, err, STR_NULL);
		v->told++;
	}
}

static void on_burst(struct timer *timer)
{
	struct verifiable *v = container_of(timer, struct verifiable, burst);
	int64_t limit = allowed_by_now(v);

	for (int i = 0; i < BURST && !v->stopping && v->sent < limit && !producer_is_full(v->producer); i++)
		send_next(v);
	if (v->sent == v->n)
		producer_flush(v->producer);
	else if (!v->stopping && !producer_is_full(v->producer))
		timer_start(timer, v->sent < limit ? 0 : 1);
	go_on(v);
}

/* ---- the end ---- */

static void wait_for_signal(struct work *w)
{
	container_of(w, struct verifiable, signal)->caught = real_signal_next();
}

/* The first signal waits for what was sent; the second does not. */
static void on_signal(struct work *w)
{
	struct verifiable *v = container_of(w, struct verifiable, signal);

	if (v->stopping)
		loop_stop(v->tool->loop);
	v->stopping = true;
	timer_stop(&v->burst);
	producer_flush(v->producer);
	env_work(v->tool->loop, w);
	go_on(v);
}

static _Noreturn void finish(struct verifiable *v)
{
	int64_t ns = env_mono_ns(v->tool->env) - v->start_ns;

	verifiable_event(v->tool, "shutdown_complete", NULL);
	verifiable_event(v->tool, "tool_data",
			 json_pack("{s:I,s:I,s:I,s:f}", "sent", (json_int_t)v->sent, "acked", (json_int_t)v->acked,
				   "target_throughput", (json_int_t)v->throughput, "avg_throughput",
				   (double)v->acked / ((double)ns / 1e9)));
	fflush(stdout);
	exit(v->caught ? 128 + v->caught : EXIT_FINE); /* a job may still be waiting for a signal */
}

/* ---- options ---- */

/* Sets a property unless a file has set it. */
static void set_if_unset(struct tool *t, const char *name, const char *value)
{
	if (!tool_property(t, name))
		tool_property_set(t, name, value);
}

static struct producer_options options_of(struct verifiable *v)
{
	struct tool *t = v->tool;
	const char *acks = tool_has(t, "acks") ? tool_value(t, "acks") : "-1";
	struct producer_options o;

	if (strcmp(acks, "0") != 0 && strcmp(acks, "1") != 0 && strcmp(acks, "-1") != 0)
		tool_misused(t, "argument --acks: invalid choice: '%s' (choose from {0,1,-1})", acks);
	verifiable_old_config(t, "producer.config");
	set_if_unset(t, "acks", acks);
	set_if_unset(t, "retries", "0");
	set_if_unset(t, "client.id", "producer-1");
	o = perf_producer_options(t);
	o.idempotent = o.idempotent && o.retries > 0 && o.acks == -1 && o.max_in_flight <= 5;
	o.keep_tags = true;
	o.produced = on_produced;
	o.arg = v;
	return o;
}

static void read_numbers(struct verifiable *v)
{
	struct tool *t = v->tool;

	v->n = tool_number(t, "max-messages", -1);
	v->n = v->n < 0 ? INT64_MAX : v->n;
	v->throughput = tool_number(t, "throughput", -1);
	v->keys = tool_number(t, "repeating-keys", 0);
	v->create_ms = tool_number(t, "message-create-time", -1);
	if (tool_number(t, "value-prefix", 0) != (int32_t)tool_number(t, "value-prefix", 0) || v->keys < 0)
		tool_misused(t, "--value-prefix is a number of 32 bits, --repeating-keys is not negative");
	if (tool_has(t, "value-prefix"))
		v->prefix = arena_printf(&t->arena, "%" PRId64, tool_number(t, "value-prefix", 0)).p;
}

static int verifiable_producer(struct tool *t)
{
	struct verifiable *v = arena_zalloc(&t->arena, sizeof(*v));
	struct producer_options o;

	v->tool = t;
	t->kinds = CLIENT_PRODUCER;
	read_numbers(v);
	o = options_of(v);
	tool_connect(t);
	real_signals_hold();
	v->producer = producer_new(t->client, &o);
	v->signal.job = wait_for_signal;
	v->signal.done = on_signal;
	env_work(t->loop, &v->signal);
	timer_init(&v->burst, t->loop, on_burst);
	v->start_ns = env_mono_ns(t->env);
	v->start_ms = env_wall_ms(t->env);
	verifiable_event(t, "startup_complete", NULL);
	fflush(stdout);
	timer_start(&v->burst, 0);
	loop_run(t->loop);
	finish(v);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_verifiable_producer, argc, argv, verifiable_producer);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"topic", "TOPIC", "where the records go", NULL, 0, OPTION_REQUIRED},
	{"max-messages", "N", "how many; -1 (default) until a signal comes", NULL, 0, 0},
	{"throughput", "N", "records a second, about; -1 (default) is no limit", NULL, 0, 0},
	{"acks", "ACKS", "-1 (default), 0 or 1", NULL, 0, 0},
	{"message-create-time", "MS", "the first record's timestamp, in milliseconds since 1970", NULL, 0, 0},
	{"value-prefix", "N", "values are N.0, N.1 ...", NULL, 0, 0},
	{"repeating-keys", "N", "keys are 0 to N - 1, again and again; without it there are none", NULL, 0, 0},
	{"producer.config", "FILE", "the old name of --command-config", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_verifiable_producer = {
	.name = "verifiable-producer",
	.summary = "send rising numbers, with JSON for each, as kafka-verifiable-producer does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Sends rising numbers and prints a line of JSON for each event, as kafka-verifiable-producer does: startup_complete,\n"
		"producer_send_success or producer_send_error for each record, and after the last record or a signal shutdown_complete\n"
		"and tool_data. A record is not sent again (retries=0), unless --command-config says so.",
	.examples =
		"  odradek verifiable-producer --bootstrap-server localhost:9092 --topic t --max-messages 1000 --throughput 100\n",
};
