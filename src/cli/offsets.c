/*
 * offsets: `odradek offsets`: kafka-get-offsets.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/partitions.h"
#include "cli/tool.h"

extern const struct command command_offsets;

/* ---- selecting partitions ---- */

/* A topic pattern and its partitions: low <= partition < high, or those in a list. */
struct rule {
	struct topic_pattern topic;
	int32_t low, high;
	const int32_t *list;
	int n_list; /* 0: by low and high */
};

static bool rule_takes(const struct rule *r, int32_t partition)
{
	for (int i = 0; i < r->n_list; i++)
		if (r->list[i] == partition)
			return true;
	return r->n_list == 0 && partition >= r->low && partition < r->high;
}

/* Parses "TOPIC", "TOPIC:3", "TOPIC:2-5", "TOPIC:2-", "TOPIC:-5". */
static void read_rule(struct tool *t, struct str text, struct rule *out)
{
	char *copy = tool_string(t, text);
	char *colon = strrchr(copy, ':');
	char *end = colon;

	*out = (struct rule){.low = 0, .high = INT32_MAX};
	if (colon) {
		*colon = 0;
		if (colon[1] && colon[1] != '-') {
			out->low = (int32_t)strtol(colon + 1, &end, 10);
			out->high = *end ? INT32_MAX : out->low + 1;
		} else {
			end = colon + 1;
		}
		if (*end == '-' && end[1])
			out->high = (int32_t)strtol(end + 1, &end, 10);
		else if (*end == '-')
			end++;
		if (*end)
			tool_die(t, "Invalid rule specification: %.*s", STR_ARG(text));
	}
	topic_pattern_init(t, &out->topic, *copy ? copy : ".*");
}

static int read_rules(struct tool *t, const char *text, struct rule **out)
{
	int n = 0;

	*out = arena_array(&t->arena, strlen(text) + 1, sizeof(**out));
	for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		read_rule(t, (struct str){at, (int32_t)strcspn(at, ",")}, &(*out)[n++]);
	return n;
}

static int read_one_rule(struct tool *t, struct rule **out)
{
	const char *partitions = tool_value(t, "partitions");
	int32_t *list = arena_array(&t->arena, partitions ? strlen(partitions) + 1 : 1, sizeof(*list));
	int n = 0;

	for (const char *at = partitions && *partitions ? partitions : NULL; at;
	     at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!str_to_i32((struct str){at, (int32_t)strcspn(at, ",")}, &list[n++]))
			tool_die(
				t,
				"--partitions expects a comma separated list of numeric partition ids, but received: %s",
				partitions);
	*out = arena_zalloc(&t->arena, sizeof(**out));
	**out = (struct rule){.low = 0, .high = INT32_MAX, .list = list, .n_list = n};
	topic_pattern_init(t, &(*out)->topic, tool_has(t, "topic") ? tool_value(t, "topic") : ".*");
	return 1;
}

static struct partition *choose_partitions(struct tool *t, const struct metadata_response *m, const struct rule *rules,
					   int n_rules, int *n)
{
	struct partition *v;
	size_t total = 1;

	for (int32_t i = 0; i < m->topics.n; i++)
		total += (size_t)m->topics.v[i].partitions.n;
	v = arena_array(&t->arena, total, sizeof(*v));
	*n = 0;
	for (int32_t i = 0; i < m->topics.n; i++) {
		const struct metadata_response_topic *topic = &m->topics.v[i];

		if (tool_has(t, "exclude-internal-topics") && topic->is_internal)
			continue;
		for (int32_t k = 0; k < topic->partitions.n; k++)
			for (int r = 0; r < n_rules; r++)
				if (rule_takes(&rules[r], topic->partitions.v[k].partition_index) &&
				    topic_pattern_matches(t, &rules[r].topic, topic->name)) {
					v[(*n)++] =
						(struct partition){.topic = topic->name,
								   .partition = topic->partitions.v[k].partition_index};
					break;
				}
	}
	return v;
}

/* ---- when ---- */

static const char *const TIMES[] = {"latest",	      "earliest",      "max-timestamp",
				    "earliest-local", "latest-tiered", "earliest-pending-upload"};

static int64_t read_time(struct tool *t)
{
	const char *text = tool_has(t, "time") ? tool_value(t, "time") : "latest";
	char *end;
	long long n;

	for (int i = 0; i < 6; i++)
		if (strcmp(text, TIMES[i]) == 0)
			return -1 - i;
	n = strtoll(text, &end, 10);
	if (end == text || *end)
		tool_die(
			t,
			"Malformed time argument %s. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local "
			"/ -5 or latest-tiered / -6 or earliest-pending-upload, or a specified long format timestamp",
			text);
	return n;
}

/* Kafka sorts by the text "topic-partition". */
static int by_text(const void *a, const void *b)
{
	const struct partition *x = a, *y = b;
	char one[300], other[300];

	snprintf(one, sizeof(one), "%.*s-%d", STR_ARG(x->topic), x->partition);
	snprintf(other, sizeof(other), "%.*s-%d", STR_ARG(y->topic), y->partition);
	return strcmp(one, other);
}

static void print_offset(struct tool *t, const struct partition *p)
{
	if (p->err)
		fprintf(stderr, "Skip getting offsets for topic-partition %.*s-%d due to error: %.*s\n",
			STR_ARG(p->topic), p->partition, STR_ARG(tool_error_text(t, p->err, STR_NULL)));
	else if (p->offset != -1 && t->json)
		json_array_append_new(t->out, json_pack("{s:o,s:i,s:I}", "topic", json_str(p->topic), "partition",
							(int)p->partition, "offset", (json_int_t)p->offset));
	else if (p->offset != -1)
		printf("%.*s:%d:%lld\n", STR_ARG(p->topic), p->partition, (long long)p->offset);
}

static int offsets(struct tool *t)
{
	struct rule *rules;
	struct partition *v;
	int64_t time;
	int n_rules, n;

	t->complaint = "Error occurred: ";
	if (tool_has(t, "topic-partitions") && (tool_has(t, "topic") || tool_has(t, "partitions")))
		tool_die(t, "--topic-partitions cannot be used with --topic or --partitions");
	time = read_time(t);
	n_rules = tool_has(t, "topic-partitions") ? read_rules(t, tool_value(t, "topic-partitions"), &rules)
						  : read_one_rule(t, &rules);
	tool_connect(t);
	v = choose_partitions(t, topics_of(t, NULL, 0), rules, n_rules, &n);
	if (n == 0)
		tool_die(t, "Could not match any topic-partitions with the specified filters");
	for (int i = 0; i < n; i++)
		v[i].timestamp = time;
	partitions_list_offsets(t, v, n, 0);
	qsort(v, (size_t)n, sizeof(*v), by_text);
	t->out = json_array();
	for (int i = 0; i < n; i++)
		print_offset(t, &v[i]);
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_offsets, argc, argv, offsets);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"topic-partitions", "TOPIC:N-M,...",
	 "topics (regular expressions) with their partitions: N, N-M (M not included), N-, -M, or all", NULL, 0, 0},
	{"topic", "TOPIC", "the topics, a regular expression; all without it", NULL, 0, 0},
	{"partitions", "N,...", "the partitions; all without it", NULL, 0, 0},
	{"time", "TIME",
	 "milliseconds since 1970, or -1 or latest (default), -2 or earliest, -3 or max-timestamp, -4 or earliest-local, -5 or latest-tiered, -6 or earliest-pending-upload",
	 NULL, 0, 0},
	{"exclude-internal-topics", NULL, "leave out Kafka's internal topics", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_offsets = {
	.name = "offsets",
	.summary = "print offsets of partitions: the first, the last, by time, as kafka-get-offsets does",
	.run = run,
	.options = OPTIONS,
	.description = "Prints TOPIC:PARTITION:OFFSET, by default of each partition's end, as kafka-get-offsets does.",
	.examples = "  odradek offsets --bootstrap-server localhost:9092 --topic t --time earliest\n",
};
