/*
 * verifiable_consumer: `odradek verifiable-consumer`: kafka-verifiable-consumer. A group member
 * that prints a line of JSON for what it is assigned, has read and has committed.
 *
 * What is handed out in one turn is reported in one line, and committed before the next turn: a
 * commit covers exactly what was reported. Before partitions are given up, the member itself
 * commits what was read from them meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/client_settings.h"
#include "cli/consumer_settings.h"
#include "cli/verifiable.h"
#include "env/real/real.h"
#include "protocol/metadata.h"

extern const struct command command_verifiable_consumer;

enum { LOOK_AGAIN_MS = 500, ARENA_MAX = 256 << 20, CLOSE_MS = 30000 };

/* Records of a partition not reported yet. */
struct part {
	int32_t partition;
	int64_t count, first, last; /* offsets */
};

struct verifiable {
	struct tool *tool;
	struct consumer *consumer;
	struct member *member;
	struct str topic;
	int64_t left; /* records left to read; -1: unlimited */
	bool verbose, commits_alone;
	struct part *parts;
	int n_parts, cap;
	struct timer report;
	json_t *committing; /* offsets of the commit under way; NULL: none */
	/* The topic's partition count. */
	struct timer look;
	struct call look_call;
	struct arena look_arena;
	int32_t known;
	int64_t refresh_ms;
	struct timer close;
	struct work signal;
	int caught;
	bool ending;
};

static void end(struct verifiable *v);

static void tell(struct verifiable *v, const char *name, json_t *fields)
{
	verifiable_event(v->tool, name, fields);
	fflush(stdout);
}

/* ---- records ---- */

static struct part *part_of(struct verifiable *v, int32_t partition)
{
	for (int i = v->n_parts - 1; i >= 0; i--)
		if (v->parts[i].partition == partition)
			return &v->parts[i];
	if (v->n_parts == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 16;
		v->parts = xreallocarray(v->parts, (size_t)v->cap, sizeof(*v->parts));
	}
	v->parts[v->n_parts] = (struct part){.partition = partition};
	return &v->parts[v->n_parts++];
}

static void tell_record(struct verifiable *v, const struct consumed *r)
{
	verifiable_event(v->tool, "record_data",
			 json_pack("{s:o,s:o,s:o,s:i,s:I}", "key", verifiable_text(r->record->key), "value",
				   verifiable_text(r->record->value), "topic", json_str(r->topic), "partition",
				   (int)r->partition, "offset", (json_int_t)r->record->offset));
}

static bool on_record(void *arg, const struct consumed *r)
{
	struct verifiable *v = arg;
	struct part *p;

	if (v->left == 0 || v->ending)
		return false;
	p = part_of(v, r->partition);
	if (p->count++ == 0)
		p->first = r->record->offset;
	p->last = r->record->offset;
	if (v->verbose)
		tell_record(v, r);
	if (!timer_is_running(&v->report))
		timer_start(&v->report, 0);
	if (v->left > 0)
		v->left--;
	return v->left != 0;
}

/* Reports what was read. Returns the offsets after it. */
static json_t *tell_parts(struct verifiable *v)
{
	json_t *parts = json_array(), *offsets = json_array();
	json_int_t count = 0;

	for (int i = 0; i < v->n_parts; i++) {
		const struct part *p = &v->parts[i];

		count += p->count;
		json_array_append_new(parts,
				      json_pack("{s:o,s:i,s:I,s:I,s:I}", "topic", json_str(v->topic), "partition",
						(int)p->partition, "count", (json_int_t)p->count, "minOffset",
						(json_int_t)p->first, "maxOffset", (json_int_t)p->last));
		json_array_append_new(offsets, json_pack("{s:o,s:i,s:I}", "topic", json_str(v->topic), "partition",
							 (int)p->partition, "offset", (json_int_t)p->last + 1));
	}
	v->n_parts = 0;
	tell(v, "records_consumed", json_pack("{s:I,s:o}", "count", count, "partitions", parts));
	return offsets;
}

static void report(struct verifiable *v);

static void on_committed(void *arg, int err)
{
	struct verifiable *v = arg;
	json_t *fields = json_pack("{s:o}", "offsets", v->committing);

	v->committing = NULL;
	if (err != 0)
		json_object_set_new(fields, "error", json_str(tool_error_text(v->tool, err, STR_NULL)));
	json_object_set_new(fields, "success", json_boolean(err == 0));
	tell(v, "offsets_committed", fields);
	report(v);
}

static void report(struct verifiable *v)
{
	json_t *offsets;

	if (v->committing || v->ending)
		return;
	if (v->n_parts > 0) {
		offsets = tell_parts(v);
		if (!v->commits_alone) {
			v->committing = offsets;
			member_commit(v->member, on_committed);
			return;
		}
		json_decref(offsets);
	}
	if (v->left == 0)
		end(v);
}

static void on_report(struct timer *t)
{
	report(container_of(t, struct verifiable, report));
}

/* ---- the group ---- */

static void tell_partitions(struct verifiable *v, const char *name, const struct consumer_partition *p, int n)
{
	json_t *all = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(
			all, json_pack("{s:o,s:i}", "topic", json_str(p[i].topic), "partition", (int)p[i].partition));
	tell(v, name, json_pack("{s:o}", "partitions", all));
}

static void on_assigned(void *arg, const struct consumer_partition *p, int n)
{
	tell_partitions(arg, "partitions_assigned", p, n);
}

static void on_revoked(void *arg, const struct consumer_partition *p, int n)
{
	struct verifiable *v = arg;

	if (v->n_parts > 0)
		json_decref(tell_parts(v));
	tell_partitions(v, "partitions_revoked", p, n);
}

static void give_up(struct verifiable *v, int err)
{
	char name[96];

	fprintf(stderr,
		"ERROR Error during processing, terminating consumer process: org.apache.kafka.common.errors.%s: %.*s\n",
		tool_exception(err, name), STR_ARG(tool_error_text(v->tool, err, STR_NULL)));
	end(v);
}

static void on_member_failed(void *arg, int err)
{
	give_up(arg, err);
}

static void on_failed(void *arg, struct str topic, int32_t partition, int err)
{
	(void)topic;
	(void)partition;
	give_up(arg, err);
}

/* ---- the topic ---- */

static void on_found(struct call *call)
{
	struct verifiable *v = container_of(call, struct verifiable, look_call);
	const struct metadata_response *m = call->response;
	int32_t n = call->err == 0 && m->topics.n == 1 ? m->topics.v[0].partitions.n : 0;
	int err = call->err == 0 && m->topics.n == 1 ? m->topics.v[0].error_code : 0;

	if (v->ending)
		return;
	if (err != 0 && !err_is_retriable(err)) {
		give_up(v, err);
		return;
	}
	if (n > 0 && n != v->known) {
		v->known = n;
		member_subscribe(v->member, &v->topic, 1);
	}
	timer_start(&v->look, v->known ? v->refresh_ms : LOOK_AGAIN_MS);
}

static void look(struct timer *t)
{
	struct verifiable *v = container_of(t, struct verifiable, look);
	struct metadata_request *r;

	arena_reset(&v->look_arena);
	r = arena_zalloc(&v->look_arena, sizeof(*r));
	r->allow_auto_topic_creation = true;
	r->topics.n = 1;
	r->topics.v = arena_zalloc(&v->look_arena, sizeof(*r->topics.v));
	r->topics.v[0].name = v->topic;
	v->look_call = (struct call){.key = metadata_request_KEY,
				     .node = CLIENT_ANY,
				     .request = r,
				     .arena = &v->look_arena,
				     .done = on_found};
	client_call(v->tool->client, &v->look_call);
}

/* ---- the end ---- */

static void on_left(void *arg)
{
	loop_stop(((struct verifiable *)arg)->tool->loop);
}

static void on_close(struct timer *t)
{
	on_left(container_of(t, struct verifiable, close));
}

static void end(struct verifiable *v)
{
	int n = consumer_count(v->consumer);
	struct consumer_partition *p;

	if (v->ending)
		return;
	v->ending = true;
	timer_stop(&v->look);
	timer_stop(&v->report);
	if (v->n_parts > 0)
		json_decref(tell_parts(v));
	p = arena_array(&v->tool->arena, (size_t)n + 1, sizeof(*p));
	for (int i = 0; i < n; i++)
		p[i] = consumer_position(v->consumer, i);
	if (n > 0)
		tell_partitions(v, "partitions_revoked", p, n);
	timer_start(&v->close, tool_number(v->tool, "close-timeout", CLOSE_MS));
	member_leave(v->member, on_left);
}

static void wait_for_signal(struct work *w)
{
	container_of(w, struct verifiable, signal)->caught = real_signal_next();
}

/* The first signal makes the member commit and leave; a second one ends the program at once. */
static void on_signal(struct work *w)
{
	struct verifiable *v = container_of(w, struct verifiable, signal);

	if (v->ending) {
		loop_stop(v->tool->loop);
	} else {
		tell(v, "shutdown_requested", NULL);
		end(v);
	}
	env_work(v->tool->loop, w);
}

static _Noreturn void finish(struct verifiable *v)
{
	verifiable_event(v->tool, "shutdown_complete", NULL);
	if (!v->caught)
		verifiable_event(v->tool, "shutdown_requested", NULL); /* in the order of events when a JVM exits */
	fflush(stdout);
	exit(v->caught ? 128 + v->caught : EXIT_FINE); /* a job may still be waiting for a signal */
}

/* ---- options ---- */

static void read_properties(struct verifiable *v)
{
	static const char *const OPTIONS_OF[][2] = {{"group-protocol", "group.protocol"},
						    {"session-timeout", "session.timeout.ms"},
						    {"group-id", "group.id"},
						    {"group-instance-id", "group.instance.id"},
						    {"reset-policy", "auto.offset.reset"}};
	struct tool *t = v->tool;
	bool is_consumer =
		tool_has(t, "group-protocol") && strcasecmp(tool_value(t, "group-protocol"), "consumer") == 0;

	t->kinds = CLIENT_CONSUMER;
	verifiable_old_config(t, "consumer.config");
	for (size_t i = 0; i < sizeof(OPTIONS_OF) / sizeof(OPTIONS_OF[0]); i++)
		if (tool_has(t, OPTIONS_OF[i][0]))
			tool_property_set(t, OPTIONS_OF[i][1], tool_value(t, OPTIONS_OF[i][0]));
	if (!tool_has(t, "group-protocol"))
		tool_property_set(t, "group.protocol", "classic");
	if (is_consumer && tool_has(t, "group-remote-assignor"))
		tool_property_set(t, "group.remote.assignor", tool_value(t, "group-remote-assignor"));
	if (!is_consumer)
		tool_property_set(t, "partition.assignment.strategy",
				  tool_has(t, "assignment-strategy") ? tool_value(t, "assignment-strategy") : "range");
	v->commits_alone = tool_has(t, "enable-autocommit");
	if (!tool_property(t, "client.id"))
		tool_property_set(t, "client.id", "verifiable-consumer");
}

static int64_t reset_of(struct tool *t)
{
	const char *text = tool_has(t, "reset-policy") ? tool_value(t, "reset-policy") : "earliest";

	if (strcmp(text, "earliest") == 0)
		return OFFSET_EARLIEST;
	if (strcmp(text, "latest") == 0)
		return OFFSET_LATEST;
	if (strcmp(text, "none") == 0)
		return OFFSET_NONE;
	tool_die(t, "auto.offset.reset=%s: earliest, latest or none was expected", text);
}

static void join(struct verifiable *v)
{
	struct tool *t = v->tool;
	struct consumer_options o = consumer_settings(t);
	struct member_options m = member_settings(t, tool_value(t, "group-id"));

	o.reset = m.reset = reset_of(t);
	o.record = on_record;
	o.failed = on_failed;
	o.arg = m.arg = v;
	m.failed = on_member_failed;
	m.assigned = on_assigned;
	m.revoked = on_revoked;
	m.commits = true;
	if (!v->commits_alone)
		m.commit_ms = INT32_MAX;
	v->consumer = consumer_new(t->client, &o);
	v->member = member_new(t->client, v->consumer, &m);
}

static int verifiable_consumer(struct tool *t)
{
	struct verifiable *v = arena_zalloc(&t->arena, sizeof(*v));

	v->tool = t;
	v->topic = str_of(tool_value(t, "topic"));
	v->left = tool_number(t, "max-messages", -1);
	v->verbose = tool_has(t, "verbose");
	read_properties(v);
	v->refresh_ms = tool_property_number(t, "metadata.max.age.ms", 300000);
	tool_connect(t);
	real_signals_hold();
	arena_init(&v->look_arena, ARENA_MAX);
	timer_init(&v->report, t->loop, on_report);
	timer_init(&v->look, t->loop, look);
	timer_init(&v->close, t->loop, on_close);
	join(v);
	v->signal.job = wait_for_signal;
	v->signal.done = on_signal;
	env_work(t->loop, &v->signal);
	tell(v, "startup_complete", NULL);
	timer_start(&v->look, 0);
	if (v->left != 0)
		loop_run(t->loop);
	finish(v);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_verifiable_consumer, argc, argv, verifiable_consumer);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"topic", "TOPIC", "what to read", NULL, 0, OPTION_REQUIRED},
	{"group-id", "GROUP", "the group to join", NULL, 0, OPTION_REQUIRED},
	{"group-protocol", "PROTOCOL", "classic (default) or consumer (KIP-848)", NULL, 0, 0},
	{"group-remote-assignor", "NAME", "of the consumer protocol: uniform or range", NULL, 0, 0},
	{"group-instance-id", "ID", "be a static member", NULL, 0, 0},
	{"max-messages", "N", "end after so many; -1 (default): when a signal comes", NULL, 0, 0},
	{"session-timeout", "MS", "of the classic protocol", NULL, 0, 0},
	{"verbose", NULL, "a line for each record too", NULL, 0, 0},
	{"enable-autocommit", NULL, "commit now and then, without a line, instead of after each lot of records", NULL,
	 0, 0},
	{"close-timeout", "MS", "how long leaving may take (30000)", NULL, 0, 0},
	{"reset-policy", "POLICY", "where to begin without a committed offset: earliest (default), latest or none",
	 NULL, 0, 0},
	{"assignment-strategy", "CLASS",
	 "of the classic protocol: RangeAssignor (default), with or without its package", NULL, 0, 0},
	{"consumer.config", "FILE", "the old name of --command-config", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_verifiable_consumer = {
	.name = "verifiable-consumer",
	.summary = "read as a member of a group, with JSON for each event, as kafka-verifiable-consumer does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Reads a topic as a member of a group and prints a line of JSON for each event, as kafka-verifiable-consumer does:\n"
		"startup_complete, partitions_assigned, partitions_revoked, records_consumed, record_data (--verbose), offsets_committed,\n"
		"shutdown_requested and shutdown_complete.",
	.examples =
		"  odradek verifiable-consumer --bootstrap-server localhost:9092 --topic t --group-id g --max-messages 1000\n",
};
