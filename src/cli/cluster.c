/*
 * cluster: `odradek cluster`: kafka-cluster.
 */
#include <string.h>

#include "cli/api_versions.h"
#include "cli/tool.h"
#include "protocol/describe_cluster.h"
#include "protocol/unregister_broker.h"
#include "protocol/unregister_controller.h"

extern const struct command command_cluster;

static bool of_controllers(struct tool *t)
{
	return tool_has(t, "bootstrap-controller");
}

/* The endpoint type and fenced brokers are fields of later versions. */
static int fit_describe(struct call *call)
{
	struct describe_cluster_request *r = (struct describe_cluster_request *)(uintptr_t)call->request;

	if (call->version < 2)
		r->include_fenced_brokers = false;
	return 0;
}

static const struct describe_cluster_response *describe(struct tool *t, bool fenced)
{
	struct describe_cluster_request *r = arena_zalloc(&t->arena, sizeof(*r));
	struct ask *a = arena_zalloc(&t->arena, sizeof(*a));
	int err;

	r->endpoint_type = of_controllers(t) ? 2 : 1;
	r->include_fenced_brokers = fenced;
	a->call.fit = fit_describe;
	tool_ask_start(t, a, CLIENT_ANY, describe_cluster_request_KEY, r);
	tool_wait(t);
	err = tool_ask_error(t, a);
	if (err != 0)
		tool_die_of(t, err, t->message);
	return a->call.response;
}

static int cluster_id(struct tool *t)
{
	const struct describe_cluster_response *d = describe(t, false);

	if (t->json)
		t->out = json_pack("{s:o}", "clusterId", json_str(d->cluster_id));
	else if (d->cluster_id.p)
		printf("Cluster ID: %.*s\n", STR_ARG(d->cluster_id));
	else
		printf("No cluster ID found. The Kafka version is probably too old.\n");
	return EXIT_FINE;
}

/* ---- unregister ---- */

static int print_unregistered(struct tool *t, int err, const char *what, int32_t id)
{
	if (err == ERR_UNSUPPORTED_VERSION) {
		printf("The target cluster does not support the %s unregistration API.\n", what);
		return EXIT_FINE;
	}
	if (err != 0) {
		t->exception_names = true;
		tool_die_of(t, err, t->message);
	}
	if (t->json)
		t->out = json_pack("{s:i,s:b}", "id", (int)id, "registered", 0);
	else
		printf("%s %d is no longer registered.\n", *what == 'b' ? "Broker" : "Controller", id);
	return EXIT_FINE;
}

static int unregister(struct tool *t)
{
	struct unregister_broker_request r = {tool_integer(t, "id", 0)};
	const void *response;

	return print_unregistered(t, tool_ask(t, CLIENT_CONTROLLER, unregister_broker_request_KEY, &r, &response),
				  "broker", r.broker_id);
}

static int unregister_controller(struct tool *t)
{
	struct unregister_controller_request r = {tool_integer(t, "id", 0)};
	const void *response;

	return print_unregistered(t, tool_ask(t, CLIENT_CONTROLLER, unregister_controller_request_KEY, &r, &response),
				  "controller", r.controller_id);
}

/* ---- endpoints ---- */

static void print_endpoints(const struct describe_cluster_response *d, bool controllers)
{
	int host = d->brokers.n ? 0 : 100, rack = -1;

	for (int32_t i = 0; i < d->brokers.n; i++) {
		if (d->brokers.v[i].host.len > host)
			host = d->brokers.v[i].host.len;
		if (d->brokers.v[i].rack.len > 0 && d->brokers.v[i].rack.len > rack)
			rack = d->brokers.v[i].rack.len;
	}
	rack = rack < 0 ? 10 : rack;
	printf("%-10s %-*s %-10s %-*s ", "ID", host, "HOST", "PORT", rack, "RACK");
	printf(controllers ? "%-15s\n" : "%-10s %-15s\n", controllers ? "ENDPOINT_TYPE" : "STATE", "ENDPOINT_TYPE");
	for (int32_t i = 0; i < d->brokers.n; i++) {
		const struct describe_cluster_response_broker *b = &d->brokers.v[i];
		const char *state = b->is_fenced ? "fenced" : "unfenced";

		printf("%-10d %-*.*s %-10d %-*.*s ", b->broker_id, host, STR_ARG(b->host), b->port, rack,
		       STR_ARG(str_or_null(b->rack)));
		if (controllers)
			printf("%-15s\n", "controller");
		else
			printf("%-10s %-15s\n", state, "broker");
	}
}

static int list_endpoints(struct tool *t)
{
	const struct describe_cluster_response *d;
	bool controllers = of_controllers(t);

	if (tool_has(t, "include-fenced-brokers") && controllers)
		tool_die(t, "The option --include-fenced-brokers is only supported with --bootstrap-server option");
	d = describe(t, tool_has(t, "include-fenced-brokers"));
	if (!t->json) {
		print_endpoints(d, controllers);
		return EXIT_FINE;
	}
	t->out = json_array();
	for (int32_t i = 0; i < d->brokers.n; i++)
		json_array_append_new(
			t->out, json_pack("{s:i,s:o,s:i,s:o,s:b,s:s}", "id", (int)d->brokers.v[i].broker_id, "host",
					  json_str(d->brokers.v[i].host), "port", (int)d->brokers.v[i].port, "rack",
					  json_str(d->brokers.v[i].rack), "fenced", (int)d->brokers.v[i].is_fenced,
					  "endpointType", controllers ? "controller" : "broker"));
	return EXIT_FINE;
}

static int api_versions(struct tool *t)
{
	const struct describe_cluster_response *d = describe(t, false);
	struct node_line *nodes = arena_array(&t->arena, (size_t)d->brokers.n + 1, sizeof(*nodes));

	for (int32_t i = 0; i < d->brokers.n; i++)
		nodes[i] = (struct node_line){d->brokers.v[i].broker_id, d->brokers.v[i].host, d->brokers.v[i].port,
					      d->brokers.v[i].rack, d->brokers.v[i].is_fenced};
	api_versions_print(t, nodes, d->brokers.n);
	return EXIT_FINE;
}

static const struct {
	const char *name;
	int (*run)(struct tool *t);
} PARTS[] = {
	{"cluster-id", cluster_id},
	{"unregister", unregister},
	{"unregister-controller", unregister_controller},
	{"list-endpoints", list_endpoints},
	{"api-versions", api_versions},
};

static int cluster(struct tool *t)
{
	if (tool_has(t, "config") && tool_has(t, "command-config"))
		tool_misused(t, "--config and --command-config cannot be specified together.");
	if (tool_has(t, "config")) {
		fprintf(tool_notices(t),
			"Option --config has been deprecated and will be removed in a future version. Use --command-config instead.\n");
		tool_property_file(t, tool_value(t, "config"));
	}
	tool_connect(t);
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		if (strcmp(PARTS[i].name, t->sub) == 0)
			return PARTS[i].run(t);
	return EXIT_CONFIG;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_cluster, argc, argv, cluster);
}

static const struct subcommand SUBCOMMANDS[] = {
	{"cluster-id", "print the id of the cluster"},
	{"unregister", "unregister a broker that is gone for good"},
	{"unregister-controller", "unregister a controller that is gone for good"},
	{"list-endpoints", "list brokers or controllers with their addresses"},
	{"api-versions", "print which APIs each node speaks in which versions"},
	{NULL, NULL},
};

static const struct option_row OPTIONS[] = {
	{"bootstrap-server", "HOST:PORT,...", "brokers to connect to first", NULL, 'b', 0},
	{"bootstrap-controller", "HOST:PORT,...", "controllers to connect to first", NULL, 'C', 0},
	{"config", "FILE", "the old name of --command-config", NULL, 0, 0},
	{"command-config", "FILE", "properties of the client: security.protocol, sasl.*, ssl.*, timeouts", NULL, 'c',
	 0},
	{"id", "ID", "the node", "unregister unregister-controller", 'i', OPTION_REQUIRED},
	{"include-fenced-brokers", NULL, "list brokers that are fenced too", "list-endpoints", 0, 0},
	{"json", NULL, "print JSON", NULL, 0, 0},
	{"version", NULL, "print the version", NULL, 0, 0},
	{"help", NULL, "print this help", NULL, 'h', 0},
	{NULL, NULL, NULL, NULL, 0, 0},
};

const struct command command_cluster = {
	.name = "cluster",
	.summary = "print a cluster's id and endpoints, unregister nodes, as kafka-cluster does",
	.run = run,
	.options = OPTIONS,
	.subcommands = SUBCOMMANDS,
	.description =
		"Tells the id of a cluster and the addresses of its nodes, and unregisters nodes, as kafka-cluster does.",
	.examples = "  odradek cluster cluster-id --bootstrap-server localhost:9092\n",
};
