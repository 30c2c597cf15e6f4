/*
 * consume: `odradek consume`: kafka-console-consumer.
 *
 * Without --group it joins no group: it reads all partitions of its topics. With one it is a member
 * (client/member.h) and commits like Kafka's consumer, every five seconds and at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/client_settings.h"
#include "cli/consumer_settings.h"
#include "cli/formatter.h"
#include "cli/partitions.h"
#include "cli/tool.h"
#include "env/real/real.h"

extern const struct command command_consume;

enum { LOOK_AGAIN_MS = 500, ARENA_MAX = 256 << 20 };

struct consuming {
	struct tool *tool;
	struct formatter formatter;
	struct consumer *consumer;
	struct member *member;
	const char *group; /* NULL: none */
	int64_t reset;
	int64_t left; /* records left to read; -1: unlimited */
	int64_t count;
	int64_t timeout_ms; /* -1: none */
	struct timer silence;
	struct timer flush;
	/* The topics that exist, and their partition counts. */
	struct topic_pattern pattern;
	struct timer look;
	struct call look_call;
	struct arena look_arena;
	struct consumer_partition *known;
	int n_known;
	int64_t refresh_ms;
	struct work signal;
	int caught;
	bool ending;
	int code;
};

static void end_consuming(struct consuming *c);

/* ---- records ---- */

static bool on_record(void *arg, const struct consumed *r)
{
	struct consuming *c = arg;

	if (c->left == 0)
		return false;
	if (c->timeout_ms >= 0)
		timer_start(&c->silence, c->timeout_ms);
	c->count++;
	if (!formatter_write(&c->formatter, r)) {
		fprintf(stderr, "ERROR Error processing message at offset %lld of %.*s-%d\n",
			(long long)r->record->offset, STR_ARG(r->topic), r->partition);
		if (!tool_has(c->tool, "skip-message-on-error")) {
			c->code = EXIT_CONFIG;
			end_consuming(c);
			return false;
		}
	}
	if (ferror(stdout)) {
		fprintf(stderr, "Unable to write to standard out, closing consumer.\n");
		end_consuming(c);
		return false;
	}
	if (!timer_is_running(&c->flush))
		timer_start(&c->flush, 0);
	if (c->left > 0 && --c->left == 0) {
		end_consuming(c);
		return false;
	}
	return true;
}

static void on_flush(struct timer *t)
{
	struct consuming *c = container_of(t, struct consuming, flush);

	if (fflush(stdout) != 0 && !c->ending) {
		fprintf(stderr, "Unable to write to standard out, closing consumer.\n");
		end_consuming(c);
	}
}

static void on_failed(void *arg, struct str topic, int32_t partition, int err)
{
	struct consuming *c = arg;
	char name[96];

	fprintf(stderr,
		"ERROR Error processing message, terminating consumer process: org.apache.kafka.common.errors.%s: %.*s-%d: %.*s\n",
		tool_exception(err, name), STR_ARG(topic), partition, STR_ARG(tool_error_text(c->tool, err, STR_NULL)));
	end_consuming(c);
}

static void on_refused(void *arg, int err)
{
	struct consuming *c = arg;
	char name[96];

	fprintf(stderr,
		"ERROR Authentication failed: terminating consumer process: org.apache.kafka.common.errors.%s: %.*s\n",
		tool_exception(err, name), STR_ARG(tool_error_text(c->tool, err, STR_NULL)));
	c->code = EXIT_CONFIG;
	end_consuming(c);
}

static void on_silence(struct timer *t)
{
	struct consuming *c = container_of(t, struct consuming, silence);

	fprintf(stderr,
		"ERROR Error processing message, terminating consumer process: \norg.apache.kafka.common.errors.TimeoutException\n");
	end_consuming(c);
}

/* ---- topics ---- */

static void on_found(struct call *call);

static void look_for_topics(struct timer *t)
{
	struct consuming *c = container_of(t, struct consuming, look);
	struct metadata_request *r;

	arena_reset(&c->look_arena);
	r = arena_zalloc(&c->look_arena, sizeof(*r));
	r->allow_auto_topic_creation = true;
	r->topics.n = -1;
	if (tool_has(c->tool, "topic")) {
		r->topics.n = 1;
		r->topics.v = arena_zalloc(&c->look_arena, sizeof(*r->topics.v));
		r->topics.v[0].name = str_of(tool_value(c->tool, "topic"));
	}
	c->look_call = (struct call){.key = metadata_request_KEY,
				     .node = CLIENT_ANY,
				     .request = r,
				     .arena = &c->look_arena,
				     .done = on_found};
	client_call(c->tool->client, &c->look_call);
}

/* Partitions already being read continue at their position. */
static int64_t offset_of(const struct consuming *c, struct str topic, int32_t partition)
{
	for (int i = 0; i < consumer_count(c->consumer); i++) {
		struct consumer_partition p = consumer_position(c->consumer, i);

		if (p.partition == partition && str_eq(p.topic, topic))
			return p.offset;
	}
	return c->n_known ? OFFSET_EARLIEST : c->reset; /* a new partition is read from its beginning */
}

static bool is_wanted(struct consuming *c, const struct metadata_response_topic *t)
{
	return t->error_code == 0 &&
	       (tool_has(c->tool, "topic") || topic_pattern_matches(c->tool, &c->pattern, t->name));
}

static void subscribe(struct consuming *c, const struct metadata_response *m)
{
	struct str *names = arena_array(&c->look_arena, (size_t)m->topics.n + 1, sizeof(*names));
	int n = 0;

	for (int32_t i = 0; i < m->topics.n; i++)
		if (is_wanted(c, &m->topics.v[i]))
			names[n++] = m->topics.v[i].name;
	if (n > 0)
		member_subscribe(c->member, names, n);
}

/* Returns the wanted partitions in order; their names point into the metadata. */
static struct consumer_partition *wanted_partitions(struct consuming *c, const struct metadata_response *m, int *n)
{
	struct consumer_partition *v;
	int total = 0;

	for (int32_t i = 0; i < m->topics.n; i++)
		total += is_wanted(c, &m->topics.v[i]) ? m->topics.v[i].partitions.n : 0;
	v = arena_array(&c->look_arena, (size_t)total, sizeof(*v));
	*n = 0;
	for (int32_t i = 0; i < m->topics.n; i++)
		for (int32_t k = 0; is_wanted(c, &m->topics.v[i]) && k < m->topics.v[i].partitions.n; k++)
			v[(*n)++] = (struct consumer_partition){m->topics.v[i].name,
								m->topics.v[i].partitions.v[k].partition_index, 0};
	qsort(v, (size_t)*n, sizeof(*v), consumer_partition_compare);
	return v;
}

static bool are_known(const struct consuming *c, const struct consumer_partition *v, int n)
{
	bool same = n == c->n_known;

	for (int i = 0; same && i < n; i++)
		same = consumer_partition_compare(&v[i], &c->known[i]) == 0;
	return same;
}

/* Returns true when the partitions have changed since the last look. */
static bool take_partitions(struct consuming *c, const struct metadata_response *m)
{
	int n;
	const struct consumer_partition *found = wanted_partitions(c, m, &n);
	struct consumer_partition *v;

	if (are_known(c, found, n))
		return false;
	v = xcalloc((size_t)n + 1, sizeof(*v));
	for (int i = 0; i < n; i++)
		v[i] = (struct consumer_partition){str_of(str_dup(found[i].topic)), found[i].partition,
						   offset_of(c, found[i].topic, found[i].partition)};
	for (int i = 0; i < c->n_known; i++)
		xfree((char *)c->known[i].topic.p);
	xfree(c->known);
	c->known = v;
	c->n_known = n;
	return true;
}

static void on_found(struct call *call)
{
	struct consuming *c = container_of(call, struct consuming, look_call);
	const struct metadata_response *m = call->response;
	struct str text;
	char name[96];

	if (c->ending)
		return;
	for (int32_t i = 0; call->err == 0 && i < m->topics.n; i++) {
		int err = m->topics.v[i].error_code;

		if (err == 0 || err_is_retriable(err) || !tool_has(c->tool, "topic"))
			continue;
		text = tool_error_text(c->tool, err, STR_NULL);
		fprintf(stderr,
			"ERROR Error processing message, terminating consumer process: org.apache.kafka.common.errors.%s: %.*s\n",
			tool_exception(err, name), STR_ARG(text));
		end_consuming(c);
		return;
	}
	if (call->err == 0 && take_partitions(c, m)) {
		if (c->member)
			subscribe(c, m);
		else
			consumer_assign(c->consumer, c->known, c->n_known);
	}
	timer_start(&c->look, c->n_known ? c->refresh_ms : LOOK_AGAIN_MS);
}

/* ---- the end ---- */

static void on_left(void *arg)
{
	struct consuming *c = arg;

	loop_stop(c->tool->loop);
}

static void on_member_failed(void *arg, int err)
{
	struct consuming *c = arg;
	char name[96];

	fprintf(stderr,
		"ERROR Error processing message, terminating consumer process: org.apache.kafka.common.errors.%s: %.*s\n",
		tool_exception(err, name), STR_ARG(tool_error_text(c->tool, err, STR_NULL)));
	end_consuming(c);
}

static void end_consuming(struct consuming *c)
{
	if (c->ending)
		return;
	c->ending = true;
	c->left = 0;
	timer_stop(&c->silence);
	timer_stop(&c->look);
	if (c->member)
		member_leave(c->member, on_left);
	else
		loop_stop(c->tool->loop);
}

static void wait_for_signal(struct work *w)
{
	container_of(w, struct consuming, signal)->caught = real_signal_next();
}

/* The first signal makes the member commit and leave; a second one ends the program at once. */
static void on_signal(struct work *w)
{
	struct consuming *c = container_of(w, struct consuming, signal);

	if (c->ending)
		loop_stop(c->tool->loop);
	else
		end_consuming(c);
	env_work(c->tool->loop, w);
}

/* ---- options ---- */

static void old_name(struct tool *t, const char *old, const char *new)
{
	if (tool_has(t, old) && tool_has(t, new))
		tool_misused(t, "Options --%s and --%s cannot be specified together.", old, new);
	if (tool_has(t, old))
		fprintf(tool_notices(t),
			"Option --%s is deprecated and will be removed in a future version. Use --%s instead.\n", old,
			new);
}

static void read_properties(struct tool *t)
{
	t->kinds = CLIENT_CONSUMER;
	old_name(t, "consumer-property", "command-property");
	old_name(t, "consumer.config", "command-config");
	old_name(t, "property", "formatter-property");
	if (tool_has(t, "consumer.config"))
		tool_property_file(t, tool_value(t, "consumer.config"));
	for (int i = 0; i < options_count(&t->options, "consumer-property"); i++)
		tool_property_pair(t, options_nth(&t->options, "consumer-property", i));
	for (int i = 0; i < options_count(&t->options, "command-property"); i++)
		tool_property_pair(t, options_nth(&t->options, "command-property", i));
	if (!tool_property(t, "client.id"))
		tool_property_set(t, "client.id", "console-consumer");
}

static void check_options(struct tool *t)
{
	bool partition = tool_has(t, "partition");

	if (tool_has(t, "topic") == tool_has(t, "include"))
		tool_misused(t, "Exactly one of the following arguments is required: [topic], [include]");
	if (partition && !tool_has(t, "topic"))
		tool_misused(t, "The topic is required when partition is specified.");
	if (partition && tool_has(t, "from-beginning") && tool_has(t, "offset"))
		tool_misused(t, "Options from-beginning and offset cannot be specified together.");
	if (!partition && tool_has(t, "offset"))
		tool_misused(t, "The partition is required when offset is specified.");
}

static const char *group_of(struct tool *t)
{
	const char *option = tool_value(t, "group"), *property = tool_property(t, "group.id");

	if (option && property && strcmp(option, property) != 0)
		tool_misused(
			t,
			"The group ids provided in different places (directly using '--group', via '--consumer-property', or via "
			"'--consumer.config') do not match. Detected group ids: '%s', '%s'",
			option, property);
	if ((option || property) && tool_has(t, "partition"))
		tool_misused(t, "Options group and partition cannot be specified together.");
	return option ? option : property;
}

static int64_t reset_of(struct tool *t)
{
	const char *text = tool_property(t, "auto.offset.reset");

	if (!text)
		return tool_has(t, "from-beginning") ? OFFSET_EARLIEST : OFFSET_LATEST;
	if (tool_has(t, "from-beginning") && strcmp(text, "earliest") != 0)
		tool_die(
			t,
			"Can't simultaneously specify --from-beginning and 'auto.offset.reset=%s', please remove one option",
			text);
	if (strcmp(text, "earliest") == 0)
		return OFFSET_EARLIEST;
	if (strcmp(text, "latest") == 0)
		return OFFSET_LATEST;
	if (strcmp(text, "none") == 0)
		return OFFSET_NONE;
	tool_die(t, "auto.offset.reset=%s: earliest, latest or none was expected", text);
}

static int64_t offset_option(struct tool *t)
{
	const char *text = tool_value(t, "offset");
	char *end_of;
	long long n;

	if (!text)
		return tool_has(t, "from-beginning") ? OFFSET_EARLIEST : OFFSET_LATEST;
	if (strcasecmp(text, "earliest") == 0)
		return OFFSET_EARLIEST;
	if (strcasecmp(text, "latest") == 0)
		return OFFSET_LATEST;
	n = strtoll(text, &end_of, 10);
	if (end_of == text || *end_of || n < 0)
		tool_misused(
			t,
			"The provided offset value '%s' is incorrect. Valid values are 'earliest', 'latest', or a non-negative long.",
			text);
	return n;
}

static struct consumer_options consumer_options_of(struct consuming *c)
{
	struct consumer_options o;

	if (tool_has(c->tool, "isolation-level"))
		tool_property_set(c->tool, "isolation.level", tool_value(c->tool, "isolation-level"));
	o = consumer_settings(c->tool);
	o.reset = c->reset;
	o.record = on_record;
	o.failed = on_failed;
	o.arg = c;
	return o;
}

static struct member_options member_options_of(struct consuming *c)
{
	struct member_options o = member_settings(c->tool, c->group);

	o.reset = c->reset;
	o.failed = on_member_failed;
	o.arg = c;
	return o;
}

static void begin_consuming(struct consuming *c)
{
	struct tool *t = c->tool;
	struct consumer_options o = consumer_options_of(c);
	struct member_options m;
	struct consumer_partition one;

	c->consumer = consumer_new(t->client, &o);
	if (c->group) {
		m = member_options_of(c);
		c->member = member_new(t->client, c->consumer, &m);
	}
	if (tool_has(t, "partition")) {
		one = (struct consumer_partition){str_of(tool_value(t, "topic")), tool_integer(t, "partition", 0),
						  offset_option(t)};
		consumer_assign(c->consumer, &one, 1);
	} else {
		timer_start(&c->look, 0);
	}
	if (c->timeout_ms >= 0)
		timer_start(&c->silence, c->timeout_ms);
	c->signal.job = wait_for_signal;
	c->signal.done = on_signal;
	env_work(t->loop, &c->signal);
}

static int consume(struct tool *t)
{
	struct consuming *c = arena_zalloc(&t->arena, sizeof(*c));

	c->tool = t;
	check_options(t);
	read_properties(t);
	formatter_init(&c->formatter, t);
	c->group = group_of(t);
	c->reset = reset_of(t);
	c->left = tool_number(t, "max-messages", -1);
	c->timeout_ms = tool_number(t, "timeout-ms", -1);
	c->refresh_ms = tool_property_number(t, "metadata.max.age.ms", 300000);
	if (tool_has(t, "include"))
		topic_pattern_init(t, &c->pattern, tool_value(t, "include"));
	arena_init(&c->look_arena, ARENA_MAX);
	t->refused = on_refused;
	t->refused_arg = c;
	tool_connect(t);
	timer_init(&c->silence, t->loop, on_silence);
	timer_init(&c->flush, t->loop, on_flush);
	timer_init(&c->look, t->loop, look_for_topics);
	real_signals_hold();
	if (c->left != 0) {
		begin_consuming(c);
		loop_run(t->loop);
	}
	if (fflush(stdout) != 0)
		fprintf(stderr, "Unable to write to standard out.\n");
	fprintf(stderr, "Processed a total of %lld messages\n", (long long)c->count);
	if (tool_has(t, "enable-systest-events"))
		printf("shutdown_complete\n");
	fflush(stdout);
	exit(c->caught ? 128 + c->caught : c->code); /* a job may still be waiting for a signal */
}

static int run(int argc, char **argv)
{
	return tool_run(&command_consume, argc, argv, consume);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"topic", "TOPIC", "what to read", NULL, 0, 0},
	{"include", "REGEX", "topics to read, by a regular expression", NULL, 0, 0},
	{"partition", "N", "only this partition; from its end, without --offset or --from-beginning", NULL, 0, 0},
	{"offset", "OFFSET", "where to begin in it: a number, earliest or latest", NULL, 0, 0},
	{"from-beginning", NULL, "begin with the first record if the group has no committed offset", NULL, 0, 0},
	{"group", "GROUP", "join this group; without it no group is joined", NULL, 0, 0},
	{"max-messages", "N", "stop after this many records", NULL, 0, 0},
	{"timeout-ms", "MS", "stop when no record comes for this long", NULL, 0, 0},
	{"isolation-level", "LEVEL", "read_uncommitted (default) or read_committed", NULL, 0, 0},
	{"formatter", "CLASS",
	 "how records are printed: DefaultMessageFormatter, NoOpMessageFormatter, LoggingMessageFormatter, OffsetsMessageFormatter, GroupMetadataMessageFormatter, TransactionLogMessageFormatter, ShareGroupMessageFormatter, ShareGroupStateMessageFormatter, with or without their package",
	 NULL, 0, 0},
	{"property", "NAME=VALUE", "the old name of --formatter-property", NULL, 0, OPTION_MANY},
	{"formatter-property", "NAME=VALUE",
	 "print.timestamp, print.key, print.value, print.offset, print.partition, print.headers, print.epoch, print.delivery (true or false); key.separator, line.separator, headers.separator, null.literal; key.deserializer, value.deserializer, headers.deserializer",
	 NULL, 0, OPTION_MANY},
	{"formatter-config", "FILE", "the same from a file", NULL, 0, 0},
	{"skip-message-on-error", NULL, "skip records that cannot be printed", NULL, 0, 0},
	{"key-deserializer", "CLASS", "one of Kafka's for keys, such as LongDeserializer", NULL, 0, 0},
	{"value-deserializer", "CLASS", "one of Kafka's for values", NULL, 0, 0},
	{"enable-systest-events", NULL, "print shutdown_complete at the end", NULL, 0, 0},
	{"consumer-property", "NAME=VALUE", "the old name of --command-property", NULL, 0, OPTION_MANY},
	{"command-property", "NAME=VALUE",
	 "a setting of the consumer, such as fetch.min.bytes, group.protocol or partition.assignment.strategy", NULL, 0,
	 OPTION_MANY},
	{"consumer.config", "FILE", "the old name of --command-config", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_consume = {
	.name = "consume",
	.summary = "print the records of topics, as kafka-console-consumer does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Prints records of topics as they come, as kafka-console-consumer does. With --json each is a line of JSON.",
	.examples =
		"  odradek consume --bootstrap-server localhost:9092 --topic t --from-beginning\n"
		"  odradek consume --bootstrap-server localhost:9092 --topic t --group g --formatter-property print.key=true\n",
};
