/*
 * configs: `odradek configs`: kafka-configs.
 *
 * Topics, brokers, loggers, client metrics and groups have settings (DescribeConfigs,
 * IncrementalAlterConfigs); users, clients and addresses have quotas, and users also SCRAM
 * credentials.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/configs_entities.h"
#include "cli/credentials.h"
#include "cli/java_order.h"
#include "cli/partitions.h"
#include "cli/quotas.h"
#include "cli/resource.h"
#include "cli/tool.h"
#include "config/config.h"
#include "protocol/describe_configs.h"
#include "protocol/list_config_resources.h"
#include "protocol/list_groups.h"

extern const struct command command_configs;

static const char *const SOURCES[] = {"UNKNOWN",
				      "DYNAMIC_TOPIC_CONFIG",
				      "DYNAMIC_BROKER_CONFIG",
				      "DYNAMIC_DEFAULT_BROKER_CONFIG",
				      "STATIC_BROKER_CONFIG",
				      "DEFAULT_CONFIG",
				      "DYNAMIC_BROKER_LOGGER_CONFIG",
				      "DYNAMIC_CLIENT_METRICS_CONFIG",
				      "DYNAMIC_GROUP_CONFIG"};

/* ---- settings ---- */

/* Only the broker itself knows its own settings, even if controllers are asked. */
static int32_t node_to_describe(struct tool *t, const struct entity_type *type, const char *name)
{
	int32_t id;

	if (t->controllers && type->resource == RESOURCE_BROKER && str_to_i32(str_of(name), &id))
		return id;
	return resource_node(t, type->resource, str_of(name));
}

static const struct describe_configs_response_result *describe_one(struct tool *t, const struct entity_type *type,
								   const char *name)
{
	struct describe_configs_request *r = arena_zalloc(&t->arena, sizeof(*r));
	const struct describe_configs_response *answer;

	r->resources.v = arena_zalloc(&t->arena, sizeof(*r->resources.v));
	r->resources.v[0].resource_type = type->resource;
	r->resources.v[0].resource_name = str_of(name);
	r->resources.v[0].configuration_keys.n = -1;
	r->resources.n = 1;
	r->include_synonyms = true;
	answer = tool_must(t, node_to_describe(t, type, name), describe_configs_request_KEY, r);
	if (answer->results.n != 1)
		tool_die(t, "DescribeConfigs: one result was expected");
	if (answer->results.v[0].error_code)
		tool_die_of(t, answer->results.v[0].error_code, answer->results.v[0].error_message);
	return &answer->results.v[0];
}

static const char *source_name(int source)
{
	return source >= 0 && source < (int)(sizeof(SOURCES) / sizeof(SOURCES[0])) ? SOURCES[source] : "UNKNOWN";
}

static void print_config(const struct describe_configs_response_config *c)
{
	printf("  %.*s=%.*s sensitive=%s synonyms={", STR_ARG(c->name), STR_ARG(str_or_null(c->value)),
	       c->is_sensitive ? "true" : "false");
	for (int32_t i = 0; i < c->synonyms.n; i++)
		printf("%s%s:%.*s=%.*s", i ? ", " : "", source_name(c->synonyms.v[i].source),
		       STR_ARG(c->synonyms.v[i].name), STR_ARG(str_or_null(c->synonyms.v[i].value)));
	printf("}\n");
}

static json_t *json_config(const struct describe_configs_response_config *c)
{
	json_t *synonyms = json_array();

	for (int32_t i = 0; i < c->synonyms.n; i++)
		json_array_append_new(synonyms,
				      json_pack("{s:s,s:o,s:o}", "source", source_name(c->synonyms.v[i].source), "name",
						json_str(c->synonyms.v[i].name), "value",
						json_str(c->synonyms.v[i].value)));
	return json_pack("{s:o,s:o,s:s,s:b,s:o}", "name", json_str(c->name), "value", json_str(c->value), "source",
			 source_name(c->config_source), "sensitive", (int)c->is_sensitive, "synonyms", synonyms);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct describe_configs_response_config *)a)->name,
		       ((const struct describe_configs_response_config *)b)->name);
}

static void show_entity(struct tool *t, const struct entity_type *type, const char *name)
{
	const struct describe_configs_response_result *r = describe_one(t, type, name);
	int source = type->resource == RESOURCE_BROKER && !*name ? CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER
								 : type->dynamic_source;
	json_t *configs = json_array();

	if (!*name && !t->json)
		printf("Default configs for %s in the cluster are:\n", type->name);
	else if (!t->json)
		printf("%s configs for %.*s %s are:\n", tool_has(t, "all") ? "All" : "Dynamic",
		       STR_ARG(entity_type_singular(type)), name);
	qsort(r->configs.v, (size_t)r->configs.n, sizeof(*r->configs.v), by_name);
	for (int32_t i = 0; i < r->configs.n; i++) {
		if (!tool_has(t, "all") && r->configs.v[i].config_source != source)
			continue;
		if (t->json)
			json_array_append_new(configs, json_config(&r->configs.v[i]));
		else
			print_config(&r->configs.v[i]);
	}
	if (t->json)
		json_array_append_new(t->out, json_pack("{s:s,s:s,s:O}", "entityType", type->name, "entityName", name,
							"configs", configs));
	json_decref(configs);
}

/* ---- checks of names ---- */

struct names {
	const char **v;
	int n, cap;
};

static void add_name(struct tool *t, struct names *n, struct str name)
{
	for (int i = 0; i < n->n; i++)
		if (str_is(name, n->v[i]))
			return;
	n->v = tool_grow(t, n->v, n->n, &n->cap, sizeof(*n->v));
	n->v[n->n++] = tool_string(t, name);
}

static void add_resources(struct tool *t, struct names *n, int8_t type)
{
	struct list_config_resources_request r = {.resource_types = {&type, 1}};
	const struct list_config_resources_response *answer;
	const void *response;

	if (tool_ask(t, CLIENT_ANY, list_config_resources_request_KEY, &r, &response) != 0)
		return;
	answer = response;
	for (int32_t i = 0; i < answer->config_resources.n; i++)
		if (answer->config_resources.v[i].resource_type == type)
			add_name(t, n, answer->config_resources.v[i].resource_name);
}

static void add_groups(struct tool *t, struct names *n)
{
	static const struct list_groups_request ALL;
	const struct metadata_response *m = topics_of(t, &STR_NULL, 0);
	const void *response;

	for (int32_t i = 0; i < m->brokers.n; i++) {
		const struct list_groups_response *answer;

		if (tool_ask(t, m->brokers.v[i].node_id, list_groups_request_KEY, &ALL, &response) != 0)
			continue;
		answer = response;
		for (int32_t k = 0; k < answer->groups.n; k++)
			add_name(t, n, answer->groups.v[k].group_id);
	}
}

static struct names names_of(struct tool *t, const struct entity_type *type)
{
	struct names n = {0};
	const struct metadata_response *m;

	if (type->resource == RESOURCE_TOPIC) {
		m = topics_of(t, NULL, 0);
		for (int32_t i = 0; i < m->topics.n; i++)
			add_name(t, &n, m->topics.v[i].name);
	} else if (type->resource == RESOURCE_CLIENT_METRICS) {
		add_resources(t, &n, RESOURCE_CLIENT_METRICS);
	} else if (type->resource == RESOURCE_GROUP) {
		add_groups(t, &n);
		add_resources(t, &n, RESOURCE_GROUP);
	} else {
		m = topics_of(t, &STR_NULL, 0);
		for (int32_t i = 0; i < m->brokers.n; i++)
			add_name(t, &n, arena_printf(&t->arena, "%d", m->brokers.v[i].node_id));
		add_name(t, &n, STR(""));
	}
	return n;
}

static bool entity_exists(struct tool *t, const struct entity_type *type, const char *name)
{
	struct names n;

	if (tool_has(t, "bootstrap-controller"))
		return true;
	n = names_of(t, type);
	for (int i = 0; i < n.n; i++)
		if (strcmp(n.v[i], name) == 0)
			return true;
	return false;
}

static int describe_settings(struct tool *t, const struct entities *e)
{
	const struct entity_type *type = e->types[0];
	struct names n = {0};

	t->out = json_array();
	if (e->n_names > 0) {
		add_name(t, &n, str_of(e->names[0]));
		if (!tool_has(t, "all") && !entity_exists(t, type, e->names[0])) {
			if (!t->json)
				printf("The %.*s '%s' doesn't exist and doesn't have dynamic config.\n",
				       STR_ARG(entity_type_singular(type)), e->names[0]);
			return EXIT_FINE;
		}
	} else {
		n = names_of(t, type);
	}
	for (int i = 0; i < n.n; i++)
		show_entity(t, type, n.v[i]);
	return EXIT_FINE;
}

static void alter_settings(struct tool *t, const struct entities *e, const struct config_changes *c)
{
	struct incremental_alter_configs_request_resource r =
		resource_change(t, e->types[0]->resource, str_of(e->names[0]), c->n);

	for (int i = 0; i < c->n; i++) {
		if (c->v[i].remove)
			resource_unset(&r, c->v[i].name);
		else
			resource_set(&r, c->v[i].name, c->v[i].value);
	}
	resources_alter(t, &r, 1);
}

/* ---- quotas ---- */

static void entities_to_quota(const struct entities *e, struct quota_entity *out)
{
	static const struct {
		const char *type, *wire;
	} WIRE[] = {{"users", "user"}, {"clients", "client-id"}, {"ips", "ip"}};

	out->n = 0;
	for (int i = 0; i < e->n_types; i++)
		for (size_t k = 0; k < sizeof(WIRE) / sizeof(WIRE[0]); k++)
			if (entity_type_is(e->types[i], WIRE[k].type)) {
				out->type[out->n] = WIRE[k].wire;
				out->name[out->n++] = i < e->n_names ? e->names[i] : NULL;
			}
}

static void check_together(struct tool *t, const struct entities *e, const struct config_changes *c, int n)
{
	if (n < c->n && e->names[0][0])
		tool_die(
			t,
			"Cannot alter both quota and SCRAM credential configs simultaneously for 'users' using --bootstrap-server.");
	credentials_check(t, e->names[0], c);
}

enum { ADDED = 1, DELETED = 2 };

static bool is_unexpected(const struct entities *e, struct str name)
{
	bool of_user = e->n_types == 1 && entities_have_type(e, "users");

	return !quota_is_known(entities_have_type(e, "ips"), name) && !(of_user && credential_is_known(name));
}

/* All unexpected names, in the order of a HashSet; null: none. */
static struct str unexpected_names(struct tool *t, const struct entities *e, const struct config_changes *c,
				   unsigned which, const char *separator)
{
	struct str *names = arena_array(&t->arena, (size_t)c->n + 1, sizeof(*names)), text = STR_NULL;
	int *order = arena_array(&t->arena, (size_t)c->n + 1, sizeof(*order));
	int n = 0;

	for (int i = 0; i < c->n; i++) {
		bool is_there = false;

		for (int k = 0; k < n; k++)
			is_there |= str_eq(names[k], c->v[i].name);
		if (!is_there && which & (c->v[i].remove ? DELETED : ADDED) && is_unexpected(e, c->v[i].name))
			names[n++] = c->v[i].name;
	}
	java_order_of_strings(t, names, n, order);
	for (int i = 0; i < n; i++)
		text = i ? arena_printf(&t->arena, "%.*s%s%.*s", STR_ARG(text), separator, STR_ARG(names[order[i]]))
			 : names[order[i]];
	return text;
}

static void refuse_unexpected(struct tool *t, const struct entities *e, const struct config_changes *c, unsigned which)
{
	bool of_user = e->n_types == 1 && entities_have_type(e, "users");
	struct str names = unexpected_names(t, e, c, which, entities_have_type(e, "ips") ? ", " : ",");

	if (str_is_null(names))
		return;
	if (entities_have_type(e, "ips"))
		tool_die(
			t,
			"Only connection quota configs can be added for 'ips' using --bootstrap-server. Unexpected config names: %.*s",
			STR_ARG(names));
	tool_die(t, "Only quota %sconfigs can be %s for '%s' using --bootstrap-server. Unexpected config names: %.*s",
		 of_user ? "and SCRAM credential " : "", which & ADDED ? "added" : "deleted",
		 of_user ? "users" : "clients", STR_ARG(names));
}

/* A user may have credentials too; one run changes either those or quotas. True: credentials. */
static bool check_names(struct tool *t, const struct entities *e, const struct config_changes *c)
{
	int credentials = 0;

	if (entities_have_type(e, "ips")) {
		refuse_unexpected(t, e, c, ADDED | DELETED);
		return false;
	}
	refuse_unexpected(t, e, c, ADDED);
	refuse_unexpected(t, e, c, DELETED);
	for (int i = 0; i < c->n; i++)
		credentials += credential_is_known(c->v[i].name);
	if (credentials > 0)
		check_together(t, e, c, credentials);
	return credentials > 0;
}

/* ---- the command ---- */

static int alter(struct tool *t, const struct entities *e)
{
	struct config_changes *c = arena_zalloc(&t->arena, sizeof(*c));
	struct quota_entity quota;
	bool credentials;

	config_changes_read(t, c);
	if (e->types[0]->resource != RESOURCE_NONE) {
		tool_connect(t);
		alter_settings(t, e, c);
	} else {
		credentials = check_names(t, e, c);
		tool_connect(t);
		entities_to_quota(e, &quota);
		if (credentials)
			credentials_alter(t, e->names[0], c);
		else
			quotas_alter(t, &quota, c);
	}
	if (t->json)
		t->out = json_pack("{s:s,s:s,s:i}", "entityType", e->types[0]->name, "entityName", e->names[0],
				   "changes", c->n);
	else if (e->names[0][0])
		printf("Completed updating config for %.*s %s.\n", STR_ARG(entity_type_singular(e->types[0])),
		       e->names[0]);
	else
		printf("Completed updating default config for %s in the cluster.\n", e->types[0]->name);
	return EXIT_FINE;
}

static int describe(struct tool *t, const struct entities *e)
{
	struct quota_entity quota;

	tool_connect(t);
	if (e->types[0]->resource != RESOURCE_NONE)
		return describe_settings(t, e);
	entities_to_quota(e, &quota);
	quotas_describe(t, &quota);
	if (!entities_have_type(e, "clients") && !entities_have_type(e, "ips") && !entities_have_name(e, true))
		scram_describe(t, e->names, e->n_names);
	return EXIT_FINE;
}

static int configs(struct tool *t)
{
	static const char *const ACTIONS[] = {"alter", "describe", NULL};
	int action = tool_one_of(t, ACTIONS, "Command must include exactly one action: --describe, --alter");
	struct entities *e = entities_read(t);

	entities_check(t, e, action == 0);
	return action == 0 ? alter(t, e) : describe(t, e);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_configs, argc, argv, configs);
}

static const struct option_row OPTIONS[] = {
	{"bootstrap-server", "HOST:PORT,...", "brokers to connect to first", NULL, 0, 0},
	{"bootstrap-controller", "HOST:PORT,...", "controllers to connect to first", NULL, 0, 0},
	{"alter", NULL, "change settings", NULL, 0, 0},
	{"describe", NULL, "print settings that were set while the cluster runs", NULL, 0, 0},
	{"all", NULL, "print all settings, static ones and defaults too", NULL, 0, 0},
	{"entity-type", "TYPE", "topics, clients, users, brokers, broker-loggers, ips, client-metrics or groups", NULL,
	 0, OPTION_MANY},
	{"entity-name", "NAME", "whose settings", NULL, 0, OPTION_MANY},
	{"entity-default", NULL, "the defaults of clients, users, brokers or ips", NULL, 0, OPTION_MANY},
	{"add-config", "NAME=VALUE,...", "settings to set; brackets keep commas together: k1=v1,k2=[v1,v2]", NULL, 0,
	 0},
	{"add-config-file", "FILE", "the same from a properties file", NULL, 0, 0},
	{"delete-config", "NAME,...", "settings to unset", NULL, 0, OPTION_MANY},
	{"topic", "TOPIC", "short for --entity-type topics --entity-name TOPIC", NULL, 0, 0},
	{"client", "ID", "the same for a client", NULL, 0, 0},
	{"client-defaults", NULL, "the defaults of clients", NULL, 0, 0},
	{"user", "NAME", "the same for a user", NULL, 0, 0},
	{"user-defaults", NULL, "the defaults of users", NULL, 0, 0},
	{"broker", "ID", "the same for a broker", NULL, 0, 0},
	{"broker-defaults", NULL, "the defaults of brokers", NULL, 0, 0},
	{"broker-logger", "ID", "the same for the loggers of a broker", NULL, 0, 0},
	{"ip", "ADDRESS", "the same for an address", NULL, 0, 0},
	{"ip-defaults", NULL, "the defaults of addresses", NULL, 0, 0},
	{"group", "GROUP", "the same for a group", NULL, 0, 0},
	{"client-metrics", "NAME", "the same for a subscription to client metrics", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_configs = {
	.name = "configs",
	.summary = "describe and alter settings, quotas and SCRAM credentials, as kafka-configs does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Describes and alters the settings of topics, brokers, groups and client metrics, quotas of users, clients and addresses,\n"
		"and SCRAM credentials of users, as kafka-configs does.",
	.examples =
		"  odradek configs --bootstrap-server localhost:9092 --describe --topic t --all\n"
		"  odradek configs --bootstrap-server localhost:9092 --alter --topic t --add-config retention.ms=3600000\n"
		"  odradek configs --bootstrap-server localhost:9092 --alter --user alice --add-config 'SCRAM-SHA-256=[password=wonder]'\n",
};
