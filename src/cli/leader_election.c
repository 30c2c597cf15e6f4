/*
 * leader_election: `odradek leader-election`: kafka-leader-election.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/partition_file.h"
#include "cli/tool.h"
#include "protocol/elect_leaders.h"

extern const struct command command_leader_election;

enum { TIMEOUT_MS = 30000, PREFERRED = 0, UNCLEAN = 1 };

/* ---- selecting partitions ---- */

static const struct partition_file ELECTION_FILE = {
	.not_json = "Replica election data is empty",
	.no_list = "Replica election data is missing \"partitions\" field",
	.twice = "Replica election data contains duplicate partitions: [",
	.twice_end = "]",
};

static void write_partitions(struct tool *t, struct elect_leaders_request *r)
{
	struct partition one = {.topic = str_of(tool_value(t, "topic")), .partition = tool_integer(t, "partition", 0)};
	const char *path = tool_value(t, "path-to-json-file");
	int n = 1;
	struct partition *v = path ? partition_file_read(t, &ELECTION_FILE, path, &n) : &one;

	r->topic_partitions.n = -1;
	if (tool_has(t, "all-topic-partitions"))
		return;
	r->topic_partitions.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*r->topic_partitions.v));
	r->topic_partitions.n = 0;
	for (int i = 0; i < n; i++) {
		struct elect_leaders_request_topic *topic = &r->topic_partitions.v[r->topic_partitions.n - 1];

		if (i == 0 || !str_eq(v[i].topic, v[i - 1].topic)) {
			topic = &r->topic_partitions.v[r->topic_partitions.n++];
			topic->topic = v[i].topic;
			topic->partitions.v = arena_array(&t->arena, (size_t)(n - i), sizeof(int32_t));
		}
		topic->partitions.v[topic->partitions.n++] = v[i].partition;
	}
}

/* ---- telling ---- */

static void print_those(const struct elect_leaders_response *r, int err, const char *head)
{
	const char *separator = head;

	for (int32_t i = 0; i < r->replica_election_results.n; i++)
		for (int32_t k = 0; k < r->replica_election_results.v[i].partition_result.n; k++) {
			if (r->replica_election_results.v[i].partition_result.v[k].error_code != err)
				continue;
			printf("%s%.*s-%d", separator, STR_ARG(r->replica_election_results.v[i].topic),
			       r->replica_election_results.v[i].partition_result.v[k].partition_id);
			separator = ", ";
		}
	if (separator != head)
		putchar('\n');
}

static int tell(struct tool *t, const struct elect_leaders_response *r, const char *kind)
{
	int failed = 0;
	char name[96], head[96];

	snprintf(head, sizeof(head), "Successfully completed leader election (%s) for partitions ", kind);
	if (!t->json) {
		print_those(r, 0, head);
		print_those(r, ERR_ELECTION_NOT_NEEDED, "Valid replica already elected for partitions ");
	}
	t->out = json_array();
	for (int32_t i = 0; i < r->replica_election_results.n; i++)
		for (int32_t k = 0; k < r->replica_election_results.v[i].partition_result.n; k++) {
			const struct elect_leaders_response_partition *p =
				&r->replica_election_results.v[i].partition_result.v[k];
			struct str topic = r->replica_election_results.v[i].topic;
			bool bad = p->error_code && p->error_code != ERR_ELECTION_NOT_NEEDED;

			failed += bad;
			if (t->json)
				json_array_append_new(t->out,
						      json_pack("{s:o,s:i,s:s?}", "topic", json_str(topic), "partition",
								(int)p->partition_id, "error",
								p->error_code ? err_name(p->error_code) : NULL));
			else if (bad)
				printf("Error completing leader election (%s) for partition: %.*s-%d: org.apache.kafka.common.errors.%s: %.*s\n",
				       kind, STR_ARG(topic), p->partition_id, tool_exception(p->error_code, name),
				       STR_ARG(tool_error_text(t, p->error_code, p->error_message)));
		}
	if (failed > 0)
		fprintf(stderr, "%d replica(s) could not be elected\n", failed);
	return failed ? EXIT_CONFIG : EXIT_FINE;
}

static int leader_election(struct tool *t)
{
	const char *type = tool_value(t, "election-type");
	struct elect_leaders_request r = {.timeout_ms = TIMEOUT_MS};

	if (strcasecmp(type, "preferred") != 0 && strcasecmp(type, "unclean") != 0)
		tool_misused(t, "Cannot parse argument '%s' of option election-type", type);
	if (tool_has(t, "topic") + tool_has(t, "all-topic-partitions") + tool_has(t, "path-to-json-file") != 1)
		tool_die(
			t,
			"One and only one of the following options is required: topic, all-topic-partitions, path-to-json-file");
	if (tool_has(t, "topic") && !tool_has(t, "partition"))
		tool_die(t, "Missing required option(s): partition");
	if (!tool_has(t, "topic") && tool_has(t, "partition"))
		tool_die(t, "Option partition is only allowed if topic is used");
	if (tool_has(t, "admin.config") && tool_has(t, "command-config"))
		tool_misused(t, "Option \"[admin.config]\" can't be used with option \"[command-config]\"");
	if (tool_has(t, "admin.config")) {
		fprintf(tool_notices(t),
			"Option --admin.config has been deprecated and will be removed in a future version. Use --command-config instead.\n");
		tool_property_file(t, tool_value(t, "admin.config"));
	}
	r.election_type = strcasecmp(type, "unclean") == 0 ? UNCLEAN : PREFERRED;
	write_partitions(t, &r);
	tool_connect(t);
	return tell(t, tool_must(t, CLIENT_CONTROLLER, elect_leaders_request_KEY, &r),
		    r.election_type == UNCLEAN ? "UNCLEAN" : "PREFERRED");
}

static int run(int argc, char **argv)
{
	return tool_run(&command_leader_election, argc, argv, leader_election);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"election-type", "TYPE", "preferred: back to the first replica; unclean: any replica where there is no leader",
	 NULL, 0, OPTION_REQUIRED},
	{"topic", "TOPIC", "of one partition", NULL, 0, 0},
	{"partition", "N", "its number", NULL, 0, 0},
	{"all-topic-partitions", NULL, "of all partitions that need it", NULL, 0, 0},
	{"path-to-json-file", "FILE", "of those in a file: {\"partitions\": [{\"topic\": \"t\", \"partition\": 0}]}",
	 NULL, 0, 0},
	{"admin.config", "FILE", "the old name of --command-config", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_leader_election = {
	.name = "leader-election",
	.summary = "elect leaders of partitions, as kafka-leader-election does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Has partitions choose the preferred replica, or, where there is no leader, any, as kafka-leader-election does.",
	.examples =
		"  odradek leader-election --bootstrap-server localhost:9092 --election-type preferred --all-topic-partitions\n",
};
