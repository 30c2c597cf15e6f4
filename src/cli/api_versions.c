/*
 * api_versions: asks nodes for their API versions and prints them; also `odradek
 * broker-api-versions`, kafka-broker-api-versions.
 */
#include "cli/api_versions.h"

#include "protocol/api_versions.h"
#include "protocol/metadata.h"
#include "wire/protocol.h"

extern const struct command command_broker_api_versions;

static const struct api_versions_request QUESTION = {
	.client_software_name = {"odradek", 7}, .client_software_version = {"0", 1}, .node_id = -1};

static const struct api_versions_response_version *find(const struct api_versions_response *r, int key)
{
	for (int32_t i = 0; i < r->api_keys.n; i++)
		if (r->api_keys.v[i].api_key == key)
			return &r->api_keys.v[i];
	return NULL;
}

static void print_api(const struct api_info *api, const struct api_versions_response_version *v, int key)
{
	if (api)
		printf("%s(%d): ", api->name, key);
	else
		printf("UNKNOWN(%d): ", key);
	if (!v) {
		printf("UNSUPPORTED");
		return;
	}
	printf("%d", v->min_version);
	if (v->min_version != v->max_version)
		printf(" to %d", v->max_version);
	if (!api)
		return;
	if (api->last < v->min_version)
		printf(" [unusable: node too new]");
	else if (v->max_version < api->first)
		printf(" [unusable: node too old]");
	else
		printf(" [usable: %d]", api->last < v->max_version ? api->last : v->max_version);
}

static void print_apis(const struct api_versions_response *r)
{
	const char *separator = "(\n\t";

	for (int key = 0; key <= INT16_MAX; key++) {
		const struct api_info *api = api_info_find(key);
		const struct api_versions_response_version *v = find(r, key);

		if (!v && !(api && (api->listeners & LISTENER_BROKER)))
			continue;
		printf("%s", separator);
		print_api(api, v, key);
		separator = ",\n\t";
	}
	printf("\n)");
}

static json_t *json_apis(const struct api_versions_response *r)
{
	json_t *apis = json_array();

	for (int32_t i = 0; i < r->api_keys.n; i++) {
		const struct api_versions_response_version *v = &r->api_keys.v[i];
		const struct api_info *api = api_info_find(v->api_key);

		json_array_append_new(apis, json_pack("{s:i,s:s?,s:i,s:i}", "key", (int)v->api_key, "name",
						      api ? api->name : NULL, "min", (int)v->min_version, "max",
						      (int)v->max_version));
	}
	return apis;
}

static void print_node(struct tool *t, const struct node_line *n, const struct ask *a)
{
	int err = tool_ask_error(t, a);

	if (t->json) {
		json_array_append_new(t->out,
				      json_pack("{s:i,s:o,s:i,s:s?,s:o}", "id", (int)n->id, "host", json_str(n->host),
						"port", n->port, "error", err ? err_name(err) : NULL, "apis",
						err ? json_array() : json_apis(a->call.response)));
		return;
	}
	printf("%.*s:%d (id: %d rack: %.*s isFenced: %s) -> ", STR_ARG(n->host), n->port, n->id,
	       STR_ARG(n->rack.p ? n->rack : STR("null")), n->is_fenced ? "true" : "false");
	if (err == 0)
		print_apis(a->call.response);
	else
		printf("ERROR: %.*s", STR_ARG(tool_error_text(t, err, t->message)));
	putchar('\n');
}

void api_versions_print(struct tool *t, const struct node_line *nodes, int n)
{
	struct ask *asks = arena_array(&t->arena, (size_t)n + 1, sizeof(*asks));

	t->out = json_array();
	for (int i = 0; i < n; i++)
		tool_ask_start(t, &asks[i], nodes[i].id, api_versions_request_KEY, &QUESTION);
	tool_wait(t);
	for (int i = 0; i < n; i++)
		print_node(t, &nodes[i], &asks[i]);
}

static int broker_api_versions(struct tool *t)
{
	static const struct metadata_request NO_TOPICS = {.allow_auto_topic_creation = true};
	const struct metadata_response *m;
	struct node_line *nodes;

	tool_connect(t);
	m = tool_must(t, CLIENT_ANY, metadata_request_KEY, &NO_TOPICS);
	nodes = arena_array(&t->arena, (size_t)m->brokers.n + 1, sizeof(*nodes));
	for (int32_t i = 0; i < m->brokers.n; i++)
		nodes[i] = (struct node_line){m->brokers.v[i].node_id, m->brokers.v[i].host, m->brokers.v[i].port,
					      m->brokers.v[i].rack, false};
	api_versions_print(t, nodes, m->brokers.n);
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_broker_api_versions, argc, argv, broker_api_versions);
}

static const struct option_row OPTIONS[] = {OPTION_BOOTSTRAP, OPTION_COMMON};

const struct command command_broker_api_versions = {
	.name = "broker-api-versions",
	.summary = "print the APIs of each broker with their versions, as kafka-broker-api-versions does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Prints the APIs of each broker and their versions, and which of them a client of this release would use, as\n"
		"kafka-broker-api-versions does.",
};
