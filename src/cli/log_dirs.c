/* log_dirs: `odradek log-dirs`: kafka-log-dirs. Its output is JSON anyway; with --json it is only that. */
#include <stdlib.h>
#include <string.h>

#include "cli/ids.h"
#include "cli/tool.h"
#include "protocol/describe_log_dirs.h"
#include "protocol/metadata.h"

extern const struct command command_log_dirs;

/* Whether `name` is in a comma-separated list. An empty list contains everything. */
static bool is_listed(const char *list, struct str name)
{
	bool any = false;

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct str one = {at, (int32_t)strcspn(at, ",")};

		any = any || one.len > 0;
		if (one.len > 0 && str_eq(one, name))
			return true;
	}
	return !any;
}

static json_t *json_dir(struct tool *t, const struct describe_log_dirs_response_result *dir)
{
	json_t *partitions = json_array();
	char name[96], error[160];
	const char *topics = tool_value(t, "topic-list");

	for (int32_t i = 0; i < dir->topics.n; i++) {
		for (int32_t k = 0; k < dir->topics.v[i].partitions.n && is_listed(topics, dir->topics.v[i].name);
		     k++) {
			const struct describe_log_dirs_response_partition *p = &dir->topics.v[i].partitions.v[k];
			struct str text =
				arena_printf(&t->arena, "%.*s-%d", STR_ARG(dir->topics.v[i].name), p->partition_index);

			json_array_append_new(partitions,
					      json_pack("{s:o,s:I,s:I,s:b}", "partition", json_str(text), "size",
							(json_int_t)p->partition_size, "offsetLag",
							(json_int_t)p->offset_lag, "isFuture", (int)p->is_future_key));
		}
	}
	if (dir->error_code)
		snprintf(error, sizeof(error), "org.apache.kafka.common.errors.%s",
			 tool_exception(dir->error_code, name));
	return json_pack("{s:o,s:s?,s:o}", "partitions", partitions, "error", dir->error_code ? error : NULL, "logDir",
			 json_str(dir->log_dir));
}

static json_t *json_broker(struct tool *t, int32_t id, const struct describe_log_dirs_response *r)
{
	json_t *dirs = json_array();

	for (int32_t i = 0; i < r->results.n; i++)
		json_array_append_new(dirs, json_dir(t, &r->results.v[i]));
	return json_pack("{s:i,s:o}", "broker", (int)id, "logDirs", dirs);
}

/* The brokers to ask: those named, which must exist, or all. */
static int choose_brokers(struct tool *t, int32_t *v)
{
	static const struct metadata_request NO_TOPICS = {.allow_auto_topic_creation = true};
	const struct metadata_response *m = tool_must(t, CLIENT_ANY, metadata_request_KEY, &NO_TOPICS);
	int32_t *all = arena_array(&t->arena, (size_t)m->brokers.n + 1, sizeof(*all));
	const char *list = tool_value(t, "broker-list");
	int n = 0;

	for (int32_t i = 0; i < m->brokers.n; i++)
		all[i] = m->brokers.v[i].node_id;
	qsort(all, (size_t)m->brokers.n, sizeof(*all), id_compare);
	for (const char *at = list; at && n < OPTIONS_MAX; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct str one = {at, (int32_t)strcspn(at, ",")};
		int32_t id;

		if (one.len == 0)
			continue;
		if (!str_to_i32(one, &id))
			tool_die(t, "For input string: \"%.*s\"", STR_ARG(one));
		if (!bsearch(&id, all, (size_t)m->brokers.n, sizeof(id), id_compare))
			tool_die(
				t,
				"ERROR: The given brokers do not exist from --broker-list: %d. Current existent brokers: %.*s",
				id, STR_ARG(ids_text(t, (struct id_list){all, m->brokers.n})));
		v[n++] = id;
	}
	if (n > 0)
		return n;
	for (int32_t i = 0; i < m->brokers.n && n < OPTIONS_MAX; i++)
		v[n++] = all[i];
	return n;
}

static int log_dirs(struct tool *t)
{
	static const struct describe_log_dirs_request ALL = {.topics.n = -1};
	struct ask *asks = arena_array(&t->arena, OPTIONS_MAX, sizeof(*asks));
	json_t *brokers = json_array();
	int32_t ids[OPTIONS_MAX];
	int n;

	tool_connect(t);
	n = choose_brokers(t, ids);
	if (!t->json)
		printf("Querying brokers for log directories information\n");
	for (int i = 0; i < n; i++)
		tool_ask_start(t, &asks[i], ids[i], describe_log_dirs_request_KEY, &ALL);
	tool_wait(t);
	for (int i = 0; i < n; i++) {
		int err = tool_ask_error(t, &asks[i]);

		if (err != 0)
			tool_die_of(t, err, t->message);
		json_array_append_new(brokers, json_broker(t, ids[i], asks[i].call.response));
	}
	if (!t->json)
		printf("Received log directory information from brokers %.*s\n",
		       STR_ARG(ids_text(t, (struct id_list){ids, n})));
	t->out = json_pack("{s:o,s:i}", "brokers", brokers, "version", 1);
	t->json = true;
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_log_dirs, argc, argv, log_dirs);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"describe", NULL, "describe what is in the directories", NULL, 0, OPTION_REQUIRED},
	{"topic-list", "TOPIC,...", "only of these topics", NULL, 0, 0},
	{"broker-list", "ID,...", "only of these brokers", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_log_dirs = {
	.name = "log-dirs",
	.summary = "print what is in the log directories of brokers, as kafka-log-dirs does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Prints as JSON the partitions in the log directories of brokers and their sizes, as kafka-log-dirs does.",
};
