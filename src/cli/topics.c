/*
 * topics: `odradek topics`: kafka-topics.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/internal_topic.h"
#include "cli/ids.h"
#include "cli/partitions.h"
#include "cli/resource.h"
#include "cli/tool.h"
#include "cli/topic_describe.h"
#include "protocol/create_partitions.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"

extern const struct command command_topics;

enum { TIMEOUT_MS = 30000 };

/* ---- which ---- */

static struct topic_names names_of(struct tool *t)
{
	const char *pattern_text = tool_value(t, "topic");
	struct topic_names names = {.metadata = topics_of(t, NULL, 0)};
	struct topic_pattern pattern;

	if (pattern_text)
		topic_pattern_init(t, &pattern, pattern_text);
	names.v = arena_array(&t->arena, (size_t)names.metadata->topics.n + 1, sizeof(*names.v));
	for (int32_t i = 0; i < names.metadata->topics.n; i++) {
		struct str name = names.metadata->topics.v[i].name;

		if (tool_has(t, "exclude-internal") && topic_is_internal(name))
			continue;
		if (!pattern_text || topic_pattern_matches(t, &pattern, name))
			names.v[names.n++] = name;
	}
	if (pattern_text && *pattern_text && names.n == 0 && !tool_has(t, "list") && !tool_has(t, "if-exists"))
		tool_die(t, "Topic '%s' does not exist as expected", pattern_text);
	return names;
}

static json_t *names_json(const struct topic_names *names)
{
	json_t *all = json_array();

	for (int i = 0; i < names->n; i++)
		json_array_append_new(all, json_str(names->v[i]));
	return all;
}

static int list(struct tool *t)
{
	struct topic_names names = names_of(t);

	t->out = names_json(&names);
	for (int i = 0; i < names.n && !t->json; i++)
		printf("%.*s\n", STR_ARG(names.v[i]));
	if (names.n == 0 && !t->json)
		putchar('\n');
	return EXIT_FINE;
}

/* ---- create ---- */

static struct id_list *read_assignment(struct tool *t, const char *text, int *n)
{
	struct id_list *v = arena_array(&t->arena, strlen(text) + 1, sizeof(*v));

	*n = 0;
	for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct id_list *one = &v[(*n)++];
		const char *end = at + strcspn(at, ",");

		one->v = arena_array(&t->arena, (size_t)(end - at) + 1, sizeof(int32_t));
		while (at < end) {
			char *after;
			long id = strtol(at, &after, 10);

			if (after == at || id < 0 || id > INT32_MAX)
				tool_die(t, "--replica-assignment %s: ids of brokers were expected", text);
			for (int32_t i = 0; i < one->n; i++)
				if (one->v[i] == id)
					tool_die(t, "Partition replica lists may not contain duplicate entries: %ld",
						 id);
			one->v[one->n++] = (int32_t)id;
			at = after + strspn(after, " :");
		}
		if (one->n != v[0].n)
			tool_die(t, "Partition %d has different replication factor", *n - 1);
	}
	return v;
}

static void add_assignment(struct tool *t, struct create_topics_request_topic *topic)
{
	const char *text = tool_value(t, "replica-assignment");
	struct id_list *v;
	int n;

	if (!text || !*text)
		return;
	v = read_assignment(t, text, &n);
	topic->num_partitions = -1;
	topic->replication_factor = -1;
	topic->assignments.v = arena_array(&t->arena, (size_t)n, sizeof(*topic->assignments.v));
	topic->assignments.n = n;
	for (int i = 0; i < n; i++) {
		topic->assignments.v[i].partition_index = i;
		topic->assignments.v[i].broker_ids.v = v[i].v;
		topic->assignments.v[i].broker_ids.n = v[i].n;
	}
}

static void add_configs(struct tool *t, struct create_topics_request_topic *topic)
{
	int n = options_count(&t->options, "config");

	topic->configs.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*topic->configs.v));
	for (int i = 0; i < n; i++) {
		const char *pair = options_nth(&t->options, "config", i);
		const char *equals = strchr(pair, '=');

		if (!equals || equals[1] == 0)
			tool_die(
				t,
				"requirement failed: Invalid topic config: all configs to be added must be in the format \"key=val\".");
		topic->configs.v[topic->configs.n++] = (struct create_topics_request_config){
			str_trimmed((struct str){pair, (int32_t)(equals - pair)}), str_trimmed(str_of(equals + 1))};
	}
}

/* Names that differ only in '.' and '_' collide in the names of metrics. */
static void warn_of_collisions(const char *name)
{
	if (strpbrk(name, "._"))
		printf("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. To avoid "
		       "issues it is best to use either, but not both.\n");
}

static int create(struct tool *t)
{
	struct create_topics_request_topic topic = {
		.name = str_of(tool_value(t, "topic")), .num_partitions = -1, .replication_factor = -1};
	struct create_topics_request r = {.timeout_ms = TIMEOUT_MS};
	const struct create_topics_response *answer;
	int64_t partitions = tool_number(t, "partitions", -1);
	int64_t factor = tool_number(t, "replication-factor", -1);
	int err;

	if (!t->json)
		warn_of_collisions(topic.name.p);
	if (tool_has(t, "replication-factor") && (factor < 1 || factor > INT16_MAX))
		tool_die(t, "The replication factor must be between 1 and 32767 inclusive");
	if (tool_has(t, "partitions") && (partitions < 1 || partitions > INT32_MAX))
		tool_die(t, "The partitions must be greater than 0");
	topic.num_partitions = (int32_t)partitions;
	topic.replication_factor = (int16_t)factor;
	add_configs(t, &topic);
	add_assignment(t, &topic);
	r.topics.v = &topic;
	r.topics.n = 1;
	answer = tool_must(t, CLIENT_CONTROLLER, create_topics_request_KEY, &r);
	err = answer->topics.n == 1 ? answer->topics.v[0].error_code : -EPROTO;
	if (err == ERR_TOPIC_ALREADY_EXISTS && tool_has(t, "if-not-exists")) {
		t->out = json_pack("{s:o,s:b}", "topic", json_str(topic.name), "created", 0);
		return EXIT_FINE;
	}
	if (err != 0)
		tool_die_of(t, err, answer->topics.n == 1 ? answer->topics.v[0].error_message : STR_NULL);
	if (!t->json)
		printf("Created topic %.*s.\n", STR_ARG(topic.name));
	else
		t->out = json_pack("{s:o,s:b,s:i,s:i}", "topic", json_str(topic.name), "created", 1, "partitions",
				   (int)answer->topics.v[0].num_partitions, "replicationFactor",
				   (int)answer->topics.v[0].replication_factor);
	return EXIT_FINE;
}

/* ---- alter, delete ---- */

static void add_more(struct tool *t, struct create_partitions_request_topic *topic, const struct metadata_response *m)
{
	const char *text = tool_value(t, "replica-assignment");
	const struct metadata_response_topic *now = topic_find(m, topic->name);
	struct id_list *v;
	int n;

	topic->assignments.n = -1;
	if (!text || !*text)
		return;
	v = read_assignment(t, text, &n);
	topic->assignments.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*topic->assignments.v));
	topic->assignments.n = 0;
	for (int i = now->partitions.n; i < n; i++) {
		topic->assignments.v[topic->assignments.n].broker_ids.v = v[i].v;
		topic->assignments.v[topic->assignments.n++].broker_ids.n = v[i].n;
	}
}

static int alter(struct tool *t)
{
	struct topic_names names = names_of(t);
	struct create_partitions_request r = {.timeout_ms = TIMEOUT_MS};
	const struct create_partitions_response *answer;

	t->out = json_pack("{s:o,s:i}", "altered", names_json(&names), "partitions", tool_integer(t, "partitions", 0));
	if (names.n == 0)
		return EXIT_FINE;
	r.topics.v = arena_array(&t->arena, (size_t)names.n, sizeof(*r.topics.v));
	for (int i = 0; i < names.n; i++) {
		r.topics.v[i].name = names.v[i];
		r.topics.v[i].count = tool_integer(t, "partitions", 0);
		add_more(t, &r.topics.v[i], names.metadata);
	}
	r.topics.n = names.n;
	answer = tool_must(t, CLIENT_CONTROLLER, create_partitions_request_KEY, &r);
	for (int32_t i = 0; i < answer->results.n; i++)
		if (answer->results.v[i].error_code)
			tool_die_of(t, answer->results.v[i].error_code, answer->results.v[i].error_message);
	return EXIT_FINE;
}

/* Versions 1-5 have names in one list, version 6 in another, with ids (KIP-516). */
static int fit_delete(struct call *call)
{
	struct delete_topics_request *r = (struct delete_topics_request *)(uintptr_t)call->request;

	if (call->version >= 6)
		r->topic_names.n = 0;
	else
		r->topics.n = 0;
	return 0;
}

static int delete (struct tool *t)
{
	struct topic_names names = names_of(t);
	struct delete_topics_request r = {.timeout_ms = TIMEOUT_MS};
	const struct delete_topics_response *answer;
	struct ask ask = {.call.fit = fit_delete};
	int err;

	t->out = json_pack("{s:o}", "deleted", names_json(&names));
	if (names.n == 0)
		return EXIT_FINE;
	r.topic_names.v = names.v;
	r.topic_names.n = names.n;
	r.topics.v = arena_array(&t->arena, (size_t)names.n, sizeof(*r.topics.v));
	r.topics.n = names.n;
	for (int i = 0; i < names.n; i++)
		r.topics.v[i].name = names.v[i];
	tool_ask_start(t, &ask, CLIENT_CONTROLLER, delete_topics_request_KEY, &r);
	tool_wait(t);
	err = tool_ask_error(t, &ask);
	answer = ask.call.response;
	for (int32_t i = 0; err == 0 && i < answer->responses.n; i++) {
		err = answer->responses.v[i].error_code;
		t->message = answer->responses.v[i].error_message;
	}
	if (err != 0)
		tool_die_of(t, err, t->message);
	return EXIT_FINE;
}

/* ---- describe ---- */

static int describe(struct tool *t)
{
	struct topic_names names;
	struct uuid id = UUID_ZERO;

	if (tool_has(t, "topic-id") && !uuid_parse(str_of(tool_value(t, "topic-id")), &id))
		tool_die(t, "Input string `%s` decoded as no uuid", tool_value(t, "topic-id"));
	if (uuid_is_zero(id)) {
		names = names_of(t);
		topics_describe(t, &names);
	} else {
		topic_describe_by_id(t, id);
	}
	return EXIT_FINE;
}

/* ---- arguments ---- */

static const struct {
	const char *name;
	int (*run)(struct tool *t);
} ACTIONS[] = {{"create", create}, {"list", list}, {"alter", alter}, {"describe", describe}, {"delete", delete}};

/* The actions with which each option may be used. */
static const struct {
	const char *option;
	const char *actions;
} PAIRS[] = {
	{"config", " alter create "},
	{"partitions", " alter create "},
	{"replication-factor", " create "},
	{"replica-assignment", " alter create "},
	{"under-replicated-partitions", " describe "},
	{"under-min-isr-partitions", " describe "},
	{"at-min-isr-partitions", " describe "},
	{"unavailable-partitions", " describe "},
	{"topics-with-overrides", " describe "},
	{"if-exists", " alter delete describe "},
	{"if-not-exists", " create "},
	{"exclude-internal", " list describe "},
};

static void check_pairs(struct tool *t, const char *action)
{
	char word[32];

	snprintf(word, sizeof(word), " %s ", action);
	for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++)
		if (tool_has(t, PAIRS[i].option) && !strstr(PAIRS[i].actions, word))
			tool_misused(t, "Option \"[%s]\" can't be used with option \"[%s]\"", PAIRS[i].option, action);
	if (tool_has(t, "create") && tool_has(t, "replica-assignment") && tool_has(t, "partitions"))
		tool_misused(t, "Option \"[replica-assignment]\" can't be used with option \"[partitions]\"");
	if (tool_has(t, "create") && tool_has(t, "replica-assignment") && tool_has(t, "replication-factor"))
		tool_misused(t, "Option \"[replica-assignment]\" can't be used with option \"[replication-factor]\"");
	for (int i = 6; i < 10 && tool_has(t, "topics-with-overrides"); i++)
		if (tool_has(t, PAIRS[i - 2].option) && i < 10)
			tool_misused(t, "Option \"[topics-with-overrides]\" can't be used with option \"[%s]\"",
				     PAIRS[i - 2].option);
}

static void check_needs(struct tool *t)
{
	bool names = tool_has(t, "topic") || tool_has(t, "topic-id");

	if (tool_has(t, "describe") && tool_has(t, "if-exists") && !names)
		tool_misused(t, "--topic or --topic-id is required to describe a topic");
	if (!tool_has(t, "list") && !tool_has(t, "describe") && !tool_has(t, "topic"))
		tool_misused(t, "Missing required argument \"[topic]\"");
	if (tool_has(t, "alter") && tool_has(t, "config"))
		tool_misused(
			t,
			"Option combination \"[bootstrap-server],[config]\" can't be used with option \"[alter]\" (To alter topic "
			"configurations, the kafka-configs tool can be used.)");
	if (tool_has(t, "alter") && !tool_has(t, "partitions"))
		tool_misused(t, "Missing required argument \"[partitions]\"");
	if (tool_has(t, "delete-config"))
		fprintf(stderr,
			"delete-config option is no longer supported and deprecated since version 4.0. The config will be fully "
			"removed in future releases.\n");
}

static int topics(struct tool *t)
{
	static const char *const NAMES[] = {"create", "list", "alter", "describe", "delete", NULL};
	int action = tool_one_of(
		t, NAMES, "Command must include exactly one action: --list, --describe, --create, --alter or --delete");

	check_needs(t);
	check_pairs(t, NAMES[action]);
	t->complaint = "Error while executing topic command : ";
	t->complain_to = stdout;
	tool_connect(t);
	return ACTIONS[action].run(t);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_topics, argc, argv, topics);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"list", NULL, "list the topics", NULL, 0, 0},
	{"create", NULL, "make a topic", NULL, 0, 0},
	{"delete", NULL, "delete topics", NULL, 0, 0},
	{"alter", NULL, "give topics more partitions", NULL, 0, 0},
	{"describe", NULL, "describe topics and their partitions", NULL, 0, 0},
	{"topic", "NAME", "the topic; a regular expression, except with --create", NULL, 0, 0},
	{"topic-id", "ID", "the topic to describe, by its id", NULL, 0, 0},
	{"config", "NAME=VALUE", "a setting of the new topic", NULL, 0, OPTION_MANY},
	{"delete-config", "NAME", "accepted without effect", NULL, 0, OPTION_MANY},
	{"partitions", "N", "how many partitions it has or gets; without it --create takes the cluster's default", NULL,
	 0, 0},
	{"replication-factor", "N", "how many replicas; without it the cluster's default", NULL, 0, 0},
	{"replica-assignment", "ID:ID,...", "brokers of the replicas of each partition", NULL, 0, 0},
	{"under-replicated-partitions", NULL, "describe only partitions with fewer replicas in sync than there are",
	 NULL, 0, 0},
	{"unavailable-partitions", NULL, "describe only partitions whose leader is not alive", NULL, 0, 0},
	{"under-min-isr-partitions", NULL, "describe only partitions with fewer than min.insync.replicas in sync", NULL,
	 0, 0},
	{"at-min-isr-partitions", NULL, "describe only partitions with exactly min.insync.replicas in sync", NULL, 0,
	 0},
	{"topics-with-overrides", NULL, "describe only topics with settings of their own", NULL, 0, 0},
	{"if-exists", NULL, "do nothing if the topic does not exist", NULL, 0, 0},
	{"if-not-exists", NULL, "no error if the topic to create exists already", NULL, 0, 0},
	{"exclude-internal", NULL, "leave out Kafka's internal topics", NULL, 0, 0},
	{"partition-size-limit-per-response", "N", "partitions in one answer of DescribeTopicPartitions", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_topics = {
	.name = "topics",
	.summary = "list, describe, create, alter and delete topics, as kafka-topics does",
	.run = run,
	.options = OPTIONS,
	.description = "Lists, describes, creates, alters and deletes topics, as kafka-topics does.",
	.examples = "  odradek topics --bootstrap-server localhost:9092 --create --topic t --partitions 3\n"
		    "  odradek topics --bootstrap-server localhost:9092 --describe --topic 't.*'\n",
};
