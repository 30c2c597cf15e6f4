/* resource: builds and sends IncrementalAlterConfigs requests. */
#include "cli/resource.h"

enum { OP_SET = 0, OP_DELETE = 1 };

int32_t resource_node(const struct tool *t, int8_t type, struct str name)
{
	int32_t id;

	if (t->controllers)
		return CLIENT_CONTROLLER;
	return (type == RESOURCE_BROKER || type == RESOURCE_BROKER_LOGGER) && str_to_i32(name, &id) ? id : CLIENT_ANY;
}

struct incremental_alter_configs_request_resource resource_change(struct tool *t, int8_t type, struct str name, int cap)
{
	struct incremental_alter_configs_request_resource r = {.resource_type = type, .resource_name = name};

	r.configs.v = arena_array(&t->arena, (size_t)cap + 1, sizeof(*r.configs.v));
	return r;
}

void resource_set(struct incremental_alter_configs_request_resource *r, struct str name, struct str value)
{
	r->configs.v[r->configs.n++] = (struct incremental_alter_configs_request_config){name, OP_SET, value};
}

void resource_unset(struct incremental_alter_configs_request_resource *r, struct str name)
{
	r->configs.v[r->configs.n++] = (struct incremental_alter_configs_request_config){name, OP_DELETE, STR_NULL};
}

static void check_answer(struct tool *t, const struct ask *a)
{
	const struct incremental_alter_configs_response *answer = a->call.response;
	int err = tool_ask_error(t, a);

	if (err != 0)
		tool_die_of(t, err, t->message);
	for (int32_t i = 0; i < answer->responses.n; i++)
		if (answer->responses.v[i].error_code)
			tool_die_of(t, answer->responses.v[i].error_code, answer->responses.v[i].error_message);
}

/* Brokers get one request each, as in Kafka's client; all other resources share one. */
void resources_alter(struct tool *t, struct incremental_alter_configs_request_resource *v, int n)
{
	struct incremental_alter_configs_request *requests = arena_array(&t->arena, (size_t)n + 1, sizeof(*requests));
	struct ask *asks = arena_array(&t->arena, (size_t)n + 1, sizeof(*asks));
	struct incremental_alter_configs_request *shared = &requests[0];
	int32_t shared_node = CLIENT_ANY;
	int n_asks = 1;

	shared->resources.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*v));
	for (int i = 0; i < n; i++) {
		int32_t node = resource_node(t, v[i].resource_type, v[i].resource_name);

		if (node < 0) {
			shared->resources.v[shared->resources.n++] = v[i];
			shared_node = node;
			continue;
		}
		requests[n_asks].resources.v = &v[i];
		requests[n_asks].resources.n = 1;
		tool_ask_start(t, &asks[n_asks], node, incremental_alter_configs_request_KEY, &requests[n_asks]);
		n_asks++;
	}
	if (shared->resources.n > 0)
		tool_ask_start(t, &asks[0], shared_node, incremental_alter_configs_request_KEY, shared);
	tool_wait(t);
	for (int i = shared->resources.n > 0 ? 0 : 1; i < n_asks; i++)
		check_answer(t, &asks[i]);
}
