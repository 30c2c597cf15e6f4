/*
 * produce: `odradek produce`: kafka-console-producer: lines of standard input become records.
 *
 * Standard input is read by a job, so that lingering records are sent while nobody types. Records
 * that cannot be sent are reported on stderr; the exit status is 0 all the same, as in Kafka. An
 * invalid line ends the tool with status 1, once all lines before it have been sent.
 */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "cli/client_settings.h"
#include "cli/line_reader.h"
#include "cli/tool.h"
#include "client/producer.h"
#include "compress/compress.h"
#include "env/real/real.h"

extern const struct command command_produce;

enum { READ_MAX = 64 * 1024, LINE_MAX_BYTES = 1 << 30, CODECS_N = 5 };

struct producing {
	struct tool *tool;
	struct line_reader reader;
	struct producer *producer;
	struct work read;
	struct work signal;
	int caught; /* the signal received */
	char landing[READ_MAX];
	ssize_t n_read;
	struct buf input; /* input that is not a record yet */
	size_t at;
	size_t looked; /* this many bytes from `at` on are known to contain no line end */
	bool reading, ended, signalled, prompt, sync;
	int code;
	int64_t sent, failed;
};

static void send_lines(struct producing *p);

static void end_when_idle(struct producing *p)
{
	if (p->ended && producer_waiting(p->producer) == 0)
		loop_stop(p->tool->loop);
}

static void on_produced(void *arg, const struct produced *b)
{
	struct producing *p = arg;
	struct str text;
	char name[96];

	if (b->err == 0) {
		p->sent += b->n;
	} else {
		p->failed += b->n;
		text = tool_error_text(p->tool, b->err, b->message);
		fprintf(stderr,
			"ERROR Error when sending %d message(s) to topic %s with error: org.apache.kafka.common.errors.%s: %.*s\n",
			b->n, tool_value(p->tool, "topic"), tool_exception(b->err, name), STR_ARG(text));
	}
	send_lines(p);
	end_when_idle(p);
}

/* ---- standard input ---- */

static void read_input(struct work *w)
{
	struct producing *p = container_of(w, struct producing, read);
	uv_buf_t buf = uv_buf_init(p->landing, sizeof(p->landing));
	uv_fs_t request;

	p->n_read = uv_fs_read(NULL, &request, 0, &buf, 1, -1, NULL);
	uv_fs_req_cleanup(&request);
}

static void on_input(struct work *w)
{
	struct producing *p = container_of(w, struct producing, read);

	p->reading = false;
	if (p->ended)
		return;
	if (p->n_read > 0)
		buf_put(&p->input, p->landing, (size_t)p->n_read);
	else
		p->ended = true;
	send_lines(p);
	end_when_idle(p);
}

static void read_more(struct producing *p)
{
	if (p->reading || p->ended)
		return;
	if (p->at > 0)
		memmove(p->input.p, p->input.p + p->at, p->input.len - p->at);
	p->input.len -= p->at;
	p->at = 0;
	p->reading = true;
	if (p->prompt) {
		putchar('>');
		fflush(stdout);
	}
	env_work(p->tool->loop, &p->read);
}

/*
 * A line ends at \n, \r or \r\n, as in Java's readLine; a \r at the end of the input so far may be
 * the first half of one.
 */
static bool next_line(struct producing *p, struct str *out)
{
	const char *from = (const char *)p->input.p + p->at;
	size_t left = p->input.len - p->at, len = p->looked;

	while (len < left && from[len] != '\n' && from[len] != '\r')
		len++;
	if (len > LINE_MAX_BYTES)
		tool_die(p->tool, "line %lld is longer than %d bytes", (long long)p->reader.line + 1, LINE_MAX_BYTES);
	p->looked = len;
	if (len == left && (!p->ended || left == 0))
		return false;
	if (len < left && from[len] == '\r' && len + 1 == left && !p->ended)
		return false;
	*out = (struct str){from, (int32_t)len};
	p->looked = 0;
	p->at += len;
	if (len < left)
		p->at += from[len] == '\r' && len + 1 < left && from[len + 1] == '\n' ? 2 : 1;
	return true;
}

/* Reads no more; the records before it are still sent. */
static void end_input(struct producing *p)
{
	p->ended = true;
	p->at = p->input.len;
	p->looked = 0;
}

static void send_line(struct producing *p, struct str line)
{
	struct record_header headers[LINE_HEADERS_MAX];
	struct producer_record r = {.headers = headers, .timestamp = env_wall_ms(p->tool->env)};
	int err;

	if (!line_read(&p->reader, line, &r, headers)) {
		fprintf(stderr, "%.*s\n", STR_ARG(p->reader.wrong));
		p->code = EXIT_CONFIG;
		end_input(p);
		return;
	}
	err = producer_send(p->producer, &r);
	if (err == 0)
		return;
	p->failed++;
	fprintf(stderr, "ERROR Error when sending message to topic %s: %s\n", tool_value(p->tool, "topic"),
		err_message(err));
}

static void send_lines(struct producing *p)
{
	struct str line;

	while (!producer_is_full(p->producer) && !(p->sync && producer_waiting(p->producer) > 0) &&
	       next_line(p, &line)) {
		send_line(p, line);
		if (p->sync)
			producer_flush(p->producer);
	}
	if (p->ended && p->at == p->input.len)
		producer_flush(p->producer);
	if (!producer_is_full(p->producer) && !(p->sync && producer_waiting(p->producer) > 0))
		read_more(p);
}

/* ---- signals: everything accepted is sent before the program ends ---- */

static void wait_for_signal(struct work *w)
{
	container_of(w, struct producing, signal)->caught = real_signal_next();
}

static void on_signal(struct work *w)
{
	struct producing *p = container_of(w, struct producing, signal);

	if (p->signalled)
		loop_stop(p->tool->loop);
	p->signalled = true;
	end_input(p);
	producer_flush(p->producer);
	end_when_idle(p);
	env_work(p->tool->loop, w);
}

/* ---- options ---- */

static int codec_of(struct tool *t)
{
	const char *name = "none";

	if (tool_has(t, "compression-codec")) {
		name = tool_value(t, "compression-codec");
		name = name && *name ? name : "gzip";
	}
	for (int i = 0; i < CODECS_N; i++)
		if (strcasecmp(name, codec_name(i)) == 0)
			return i;
	tool_die(t, "Unknown compression name: %s", name);
}

/*
 * An option takes precedence over the property, which takes precedence over the option's default
 * (maybeMergeOptions).
 */
static int64_t option_or_property(struct tool *t, const char *option, const char *property, int64_t otherwise)
{
	return tool_has(t, option) ? tool_number(t, option, 0) : tool_property_number(t, property, otherwise);
}

static int acks_of(struct tool *t)
{
	const char *text = tool_has(t, "request-required-acks") ? tool_value(t, "request-required-acks")
								: tool_property(t, "acks");

	if (!text || strcmp(text, "all") == 0 || strcmp(text, "-1") == 0)
		return -1;
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		tool_die(t, "Invalid value %s for configuration acks: String must be one of: all, -1, 0, 1", text);
	return *text - '0';
}

static struct producer_options options_of(struct tool *t)
{
	struct producer_options o = PRODUCER_OPTIONS_DEFAULT;
	const char *idempotence = tool_property(t, "enable.idempotence");
	int64_t batch = option_or_property(t, "batch-size", "batch.size", 16384);

	o.topic = tool_value(t, "topic");
	o.acks = (int16_t)acks_of(t);
	o.codec = codec_of(t);
	o.linger_ms = option_or_property(t, "timeout", "linger.ms", 1000);
	o.request_timeout_ms = (int32_t)option_or_property(t, "request-timeout-ms", "request.timeout.ms", 1500);
	o.retries = (int)option_or_property(t, "message-send-max-retries", "retries", 3);
	o.retry_backoff_ms = (int32_t)option_or_property(t, "retry-backoff-ms", "retry.backoff.ms", 100);
	o.buffer_bytes = (size_t)option_or_property(t, "max-memory-bytes", "buffer.memory", 32 << 20);
	o.batch_bytes =
		(size_t)(tool_has(t, "max-partition-memory-bytes") ? tool_number(t, "max-partition-memory-bytes", 0)
								   : batch);
	o.request_bytes = (size_t)tool_property_number(t, "max.request.size", 1 << 20);
	o.delivery_timeout_ms = (int32_t)tool_property_number(t, "delivery.timeout.ms", 120000);
	o.max_in_flight = (int)tool_property_number(t, "max.in.flight.requests.per.connection", 5);
	o.idempotent = (!idempotence || str_is_true(str_of(idempotence))) && o.retries > 0 && o.max_in_flight <= 5;
	o.produced = on_produced;
	return o;
}

/* Handles the old name of an option, with Kafka's warning. */
static void warn_old(struct tool *t, const char *old, const char *new)
{
	if (tool_has(t, old) && tool_has(t, new))
		tool_misused(t, "Options --%s and --%s cannot be specified together.", new, old);
	if (tool_has(t, old))
		fprintf(tool_notices(t),
			"Warning: --%s is deprecated and will be removed in a future version. Use --%s instead.\n", old,
			new);
}

static void read_properties(struct tool *t)
{
	t->kinds = CLIENT_PRODUCER;
	warn_old(t, "producer-property", "command-property");
	warn_old(t, "producer.config", "command-config");
	warn_old(t, "property", "reader-property");
	if (tool_has(t, "max-partition-memory-bytes"))
		fprintf(tool_notices(t),
			"Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache Kafka 5.0. Use --batch-size instead.\n");
	if (tool_has(t, "producer.config"))
		tool_property_file(t, tool_value(t, "producer.config"));
	for (int i = 0; i < options_count(&t->options, "producer-property"); i++)
		tool_property_pair(t, options_nth(&t->options, "producer-property", i));
	for (int i = 0; i < options_count(&t->options, "command-property"); i++)
		tool_property_pair(t, options_nth(&t->options, "command-property", i));
	if (!tool_property(t, "client.id"))
		tool_property_set(t, "client.id", "console-producer");
}

static int produce(struct tool *t)
{
	struct producing *p = arena_zalloc(&t->arena, sizeof(*p));
	struct producer_options o;

	p->tool = t;
	read_properties(t);
	line_reader_init(&p->reader, t);
	o = options_of(t);
	o.arg = p;
	tool_connect(t);
	real_signals_hold();
	p->sync = tool_has(t, "sync");
	p->prompt = uv_guess_handle(0) == UV_TTY && uv_guess_handle(1) == UV_TTY;
	p->producer = producer_new(t->client, &o);
	p->read.job = read_input;
	p->read.done = on_input;
	p->signal.job = wait_for_signal;
	p->signal.done = on_signal;
	env_work(t->loop, &p->signal);
	read_more(p);
	loop_run(t->loop);
	if (t->json)
		printf("{\"records\":%lld,\"errors\":%lld}\n", (long long)p->sent, (long long)p->failed);
	fflush(stdout);
	exit(p->caught ? 128 + p->caught : p->code); /* a job may still be reading */
}

static int run(int argc, char **argv)
{
	return tool_run(&command_produce, argc, argv, produce);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"topic", "TOPIC", "where the records go", NULL, 0, OPTION_REQUIRED},
	{"sync", NULL, "send the next record when the last was acknowledged", NULL, 0, 0},
	{"compression-codec", "CODEC", "none, gzip, snappy, lz4 or zstd; gzip when no value is given", NULL, 0,
	 OPTION_MAYBE},
	{"batch-size", "BYTES", "how large a batch becomes (batch.size, 16384)", NULL, 0, 0},
	{"message-send-max-retries", "N", "how often a batch is sent again (retries, 3)", NULL, 0, 0},
	{"retry-backoff-ms", "MS", "the pause before it is (100)", NULL, 0, 0},
	{"timeout", "MS", "how long a batch waits for more (linger.ms, 1000)", NULL, 0, 0},
	{"request-required-acks", "ACKS", "-1 or all, 0 or 1 (-1)", NULL, 0, 0},
	{"request-timeout-ms", "MS", "how long an answer may take (1500)", NULL, 0, 0},
	{"metadata-expiry-ms", "MS", "accepted without effect: leaders are looked for when they have moved", NULL, 0,
	 0},
	{"max-block-ms", "MS", "accepted without effect: reading waits while memory is used up", NULL, 0, 0},
	{"max-memory-bytes", "BYTES", "memory for records that wait (buffer.memory, 33554432)", NULL, 0, 0},
	{"max-partition-memory-bytes", "BYTES", "the old name of --batch-size", NULL, 0, 0},
	{"line-reader", "CLASS", "org.apache.kafka.tools.LineMessageReader, the only one there is here", NULL, 0, 0},
	{"socket-buffer-size", "BYTES", "accepted without effect: the system sizes the buffers", NULL, 0, 0},
	{"property", "NAME=VALUE", "the old name of --reader-property", NULL, 0, OPTION_MANY},
	{"reader-property", "NAME=VALUE",
	 "how lines are read: parse.key, parse.headers, ignore.error, key.separator, headers.delimiter, headers.separator, headers.key.separator, null.marker",
	 NULL, 0, OPTION_MANY},
	{"reader-config", "FILE", "the same from a file", NULL, 0, 0},
	{"producer-property", "NAME=VALUE", "the old name of --command-property", NULL, 0, OPTION_MANY},
	{"command-property", "NAME=VALUE", "a setting of the producer, such as enable.idempotence", NULL, 0,
	 OPTION_MANY},
	{"producer.config", "FILE", "the old name of --command-config", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_produce = {
	.name = "produce",
	.summary = "send lines of standard input as records, as kafka-console-producer does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Reads lines from standard input and sends each as a record, as kafka-console-producer does. With parse.key=true what is\n"
		"before the key separator (a tab) is the key; with parse.headers=true headers stand first: h1:v1,h2:v2.",
	.examples =
		"  odradek produce --bootstrap-server localhost:9092 --topic t <file\n"
		"  odradek produce --bootstrap-server localhost:9092 --topic t --reader-property parse.key=true --reader-property key.separator=:\n",
};
