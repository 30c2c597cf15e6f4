/*
 * client_metrics: `odradek client-metrics`: kafka-client-metrics (KIP-714): which metrics clients
 * are asked to report.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/resource.h"
#include "cli/tool.h"
#include "protocol/describe_configs.h"
#include "protocol/list_config_resources.h"

extern const struct command command_client_metrics;

static const struct list_config_resources_response *resources(struct tool *t)
{
	static const int8_t type = RESOURCE_CLIENT_METRICS;
	static const struct list_config_resources_request R = {.resource_types = {(int8_t *)&type, 1}};

	return tool_must(t, CLIENT_ANY, list_config_resources_request_KEY, &R);
}

static const struct describe_configs_response_result *settings(struct tool *t, struct str name)
{
	struct describe_configs_request *r = arena_zalloc(&t->arena, sizeof(*r));
	const struct describe_configs_response *d;

	r->resources.v = arena_zalloc(&t->arena, sizeof(*r->resources.v));
	r->resources.v[0] = (struct describe_configs_request_resource){RESOURCE_CLIENT_METRICS, name, {NULL, -1}};
	r->resources.n = 1;
	d = tool_must(t, CLIENT_ANY, describe_configs_request_KEY, r);
	if (d->results.n != 1)
		tool_die(t, "DescribeConfigs: one result was expected");
	if (d->results.v[0].error_code)
		tool_die_of(t, d->results.v[0].error_code, d->results.v[0].error_message);
	return &d->results.v[0];
}

static int list(struct tool *t)
{
	const struct list_config_resources_response *r = resources(t);

	t->out = json_array();
	for (int32_t i = 0; i < r->config_resources.n; i++) {
		if (t->json)
			json_array_append_new(t->out, json_str(r->config_resources.v[i].resource_name));
		else
			printf("%.*s\n", STR_ARG(r->config_resources.v[i].resource_name));
	}
	if (r->config_resources.n == 0 && !t->json)
		putchar('\n');
	return EXIT_FINE;
}

static void show(struct tool *t, struct str name)
{
	const struct describe_configs_response_result *s = settings(t, name);
	json_t *values = json_object();

	if (!t->json)
		printf("Client metrics configs for %.*s are:\n", STR_ARG(name));
	for (int32_t i = 0; i < s->configs.n; i++) {
		if (t->json)
			json_object_setn_new(values, s->configs.v[i].name.p, (size_t)s->configs.v[i].name.len,
					     json_str(s->configs.v[i].value));
		else
			printf("  %.*s=%.*s\n", STR_ARG(s->configs.v[i].name), STR_ARG(s->configs.v[i].value));
	}
	if (t->json)
		json_array_append_new(t->out, json_pack("{s:o,s:O}", "name", json_str(name), "configs", values));
	json_decref(values);
}

static int describe(struct tool *t)
{
	const struct list_config_resources_response *r = resources(t);
	const char *wanted = tool_value(t, "name");
	int shown = 0;

	t->out = json_array();
	for (int32_t i = 0; i < r->config_resources.n; i++) {
		if (wanted && !str_is(r->config_resources.v[i].resource_name, wanted))
			continue;
		show(t, r->config_resources.v[i].resource_name);
		shown++;
	}
	if (wanted && shown == 0 && !t->json)
		printf("The client metric resource %s doesn't exist and doesn't have dynamic config.\n", wanted);
	return EXIT_FINE;
}

static int alter(struct tool *t)
{
	static const char *const PAIRS[][2] = {{"interval", "interval.ms"}, {"metrics", "metrics"}, {"match", "match"}};
	struct incremental_alter_configs_request_resource r;
	char made[UUID_TEXT_LEN + 1];
	const char *name = tool_value(t, "name");

	if (tool_has(t, "generate-name"))
		name = uuid_text(env_random_uuid(t->env), made);
	r = resource_change(t, RESOURCE_CLIENT_METRICS, str_of(name), 3);
	for (int i = 0; i < 3; i++) {
		const char *value = tool_value(t, PAIRS[i][0]);

		if (value && *value)
			resource_set(&r, str_of(PAIRS[i][1]), str_of(value));
		else if (value)
			resource_unset(&r, str_of(PAIRS[i][1]));
	}
	resources_alter(t, &r, 1);
	tool_say(t, "Altered client metrics config for %s.\n", name);
	t->out = json_pack("{s:s}", "altered", name);
	return EXIT_FINE;
}

static int delete (struct tool *t)
{
	const char *name = tool_value(t, "name");
	const struct describe_configs_response_result *s = settings(t, str_of(name));
	struct incremental_alter_configs_request_resource r =
		resource_change(t, RESOURCE_CLIENT_METRICS, str_of(name), s->configs.n);

	for (int32_t i = 0; i < s->configs.n; i++)
		resource_unset(&r, s->configs.v[i].name);
	resources_alter(t, &r, 1);
	tool_say(t, "Deleted client metrics config for %s.\n", name);
	t->out = json_pack("{s:s}", "deleted", name);
	return EXIT_FINE;
}

/* ---- arguments ---- */

static void check_options(struct tool *t)
{
	static const char *const OF_ALTER[] = {"generate-name", "interval", "match", "metrics", NULL};
	static const char *const NOT_OF_LIST[] = {"name", "generate-name", "interval", "match", "metrics", NULL};
	int32_t interval;

	tool_excludes(t, "delete", OF_ALTER);
	tool_excludes(t, "describe", OF_ALTER);
	tool_excludes(t, "list", NOT_OF_LIST);
	if (tool_has(t, "alter") && tool_has(t, "name") == tool_has(t, "generate-name"))
		tool_die(t, "One of --name or --generate-name must be specified with --alter.");
	if (tool_has(t, "interval") && *tool_value(t, "interval") &&
	    !str_to_i32(str_of(tool_value(t, "interval")), &interval))
		tool_die(t, "Invalid interval value. Enter an integer, or leave empty to reset.");
	if (tool_has(t, "delete") && !tool_has(t, "name"))
		tool_die(t, "A client metrics resource name must be specified with --delete.");
}

static int client_metrics(struct tool *t)
{
	static const char *const NAMES[] = {"alter", "delete", "describe", "list", NULL};
	static int (*const RUN[])(struct tool * t) = {alter, delete, describe, list};
	int action = tool_one_of(t, NAMES,
				 "Command must include exactly one action: --alter, --delete, --describe or --list.");

	check_options(t);
	t->complaint = "Error while executing client metrics command : ";
	t->complain_to = stdout;
	tool_connect(t);
	return RUN[action](t);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_client_metrics, argc, argv, client_metrics);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"list", NULL, "list the subscriptions", NULL, 0, 0},
	{"describe", NULL, "print their settings", NULL, 0, 0},
	{"alter", NULL, "make or change one", NULL, 0, 0},
	{"delete", NULL, "delete one", NULL, 0, 0},
	{"name", "NAME", "which", NULL, 0, 0},
	{"generate-name", NULL, "make one with a generated name", NULL, 0, 0},
	{"interval", "MS", "how often clients report; empty: the default", NULL, 0, 0},
	{"match", "NAME=REGEX,...",
	 "which clients: client_id, client_instance_id, client_software_name, client_software_version, client_source_address, client_source_port",
	 NULL, 0, 0},
	{"metrics", "PREFIX,...", "what they report", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_client_metrics = {
	.name = "client-metrics",
	.summary = "list and change subscriptions to client metrics, as kafka-client-metrics does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Lists, describes, alters and deletes subscriptions to the metrics of clients, as kafka-client-metrics does.",
	.examples =
		"  odradek client-metrics --bootstrap-server localhost:9092 --alter --name s --metrics org.apache.kafka.producer. --interval 30000\n",
};
