/*
 * DescribeConfigs: the settings of a topic, a broker, all brokers, a group or a metrics
 * subscription, with their sources and synonyms (KIP-133, KIP-226, KIP-524, KIP-569). Any broker
 * answers it from its image and its own configuration.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/layers.h"
#include "broker/logger.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "metadata/topic_name.h"
#include "protocol/describe_configs.h"

/* One resource being described. */
struct description {
	struct request *r;
	const struct describe_configs_request_resource *asked;
	struct describe_configs_response_result *result;
	enum config_scope scope;
	struct layers layers;
	bool only_layers; /* the default of all brokers lists what was set for it, and nothing else */
	int cap;
};

static int refuse(struct description *d, int err, struct str message)
{
	d->result->error_code = (int16_t)err;
	d->result->error_message = message;
	return err;
}

static int fill_synonyms(struct description *d, struct describe_configs_response_config *c,
			 const struct config_entry *e)
{
	if (!ANSWER_ARRAY(d->r, c->synonyms, describe_configs_response_synonym_schema, e->n_synonyms))
		return -ENOMEM;
	for (int i = 0; i < e->n_synonyms; i++)
		c->synonyms.v[i] = (struct describe_configs_response_synonym){
			.name = e->synonyms[i].name,
			.value = e->synonyms[i].value,
			.source = (int8_t)e->synonyms[i].source,
		};
	return 0;
}

static struct describe_configs_response_config *next_config(struct description *d)
{
	struct describe_configs_response_config *v =
		arena_grow(&d->r->arena, d->result->configs.v, d->result->configs.n, &d->cap, sizeof(*v));

	if (!v)
		return NULL;
	d->result->configs.v = v;
	return &d->result->configs.v[d->result->configs.n++];
}

static bool was_asked_for(const struct description *d, struct str name)
{
	if (d->asked->configuration_keys.n <= 0)
		return true;
	for (int i = 0; i < d->asked->configuration_keys.n; i++)
		if (str_eq(d->asked->configuration_keys.v[i], name))
			return true;
	return false;
}

static int add(struct description *d, struct str name)
{
	const struct describe_configs_request *in = d->r->in;
	struct config_entry e;
	struct describe_configs_response_config *c;

	if (!was_asked_for(d, name) ||
	    config_describe(d->r->node->config, d->scope, name, d->layers.v, d->layers.n, &d->r->arena, &e))
		return 0;
	c = next_config(d);
	if (!c)
		return -ENOMEM;
	*c = (struct describe_configs_response_config){
		.name = e.name,
		.value = e.value,
		.read_only = e.read_only,
		.config_source = (int8_t)e.source,
		.is_sensitive = e.sensitive,
		.config_type = (int8_t)e.type,
		.documentation = in->include_documentation ? e.documentation : STR_NULL,
	};
	return in->include_synonyms ? fill_synonyms(d, c, &e) : 0;
}

/* Adds settings that are in a layer but in no table. */
static int add_unlisted(struct description *d, const struct image_configs *set)
{
	int err = 0;

	for (int i = 0; set && i < set->n && !err; i++)
		if (d->only_layers || !config_setting_find(d->scope, set->v[i].name))
			err = add(d, set->v[i].name);
	return err;
}

static int add_all(struct description *d)
{
	const struct config *config = d->r->node->config;
	struct str name;
	int err = 0;

	for (int i = 0; !d->only_layers && !err; i++) {
		name = config_described_name(config, d->scope, i);
		if (str_is_null(name))
			break;
		err = add(d, name);
	}
	return err ? err : d->layers.n ? add_unlisted(d, d->layers.v[0].arg) : 0;
}

static int of_topic(struct description *d, struct str name)
{
	struct str message = topic_name_check(name, &d->r->arena);

	if (!str_is_null(message))
		return refuse(d, ERR_INVALID_TOPIC_EXCEPTION, message);
	if (!image_topic_by_name(d->r->image, name)) {
		d->result->error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
		return ERR_UNKNOWN_TOPIC_OR_PARTITION; /* without a message, as in Kafka */
	}
	d->scope = CONFIG_SCOPE_TOPIC;
	d->layers = layers_of_topic(d->r->image, d->r->node->id, name);
	return 0;
}

/* The name of a broker is its id, as Java's Integer.parseInt reads one. */
static int of_broker(struct description *d, struct str name)
{
	int32_t own = d->r->node->id, id;

	d->scope = CONFIG_SCOPE_NODE;
	if (name.len == 0) {
		d->scope = CONFIG_SCOPE_ALL_BROKERS;
		d->only_layers = true;
		d->layers = layers_of_all_brokers(d->r->image);
		return 0;
	}
	if (!str_to_i32(name, &id))
		return refuse(
			d, ERR_INVALID_REQUEST,
			arena_printf(&d->r->arena, "Broker id must be an integer, but it is: %.*s", STR_ARG(name)));
	if (id != own)
		return refuse(d, ERR_INVALID_REQUEST,
			      arena_printf(&d->r->arena,
					   "Unexpected broker id, expected %d or empty string, but received %.*s", own,
					   STR_ARG(name)));
	d->layers = layers_of_broker(d->r->image, own);
	return 0;
}

static int add_loggers(struct description *d)
{
	struct str name;

	for (int i = 0; (name = logger_name(d->r->node, i)).p; i++) {
		struct describe_configs_response_config *c = was_asked_for(d, name) ? next_config(d) : NULL;

		if (c)
			*c = (struct describe_configs_response_config){
				.name = name,
				.value = logger_level(d->r->node, name),
				.config_source = CONFIG_SOURCE_DYNAMIC_BROKER_LOGGER,
				.documentation = STR(""), /* Kafka's loggers have an empty documentation, not null */
			};
	}
	return d->r->arena.failed ? -ENOMEM : 0;
}

static int of_broker_logger(struct description *d, struct str name)
{
	int32_t own = d->r->node->id, id;

	if (name.len == 0)
		return refuse(d, ERR_INVALID_REQUEST, STR("Broker id must not be empty"));
	if (!str_to_i32(name, &id))
		return refuse(
			d, ERR_INVALID_REQUEST,
			arena_printf(&d->r->arena, "Broker id must be an integer, but it is: %.*s", STR_ARG(name)));
	if (id != own)
		return refuse(d, ERR_INVALID_REQUEST,
			      arena_printf(&d->r->arena, "Unexpected broker id, expected %d but received %.*s", own,
					   STR_ARG(name)));
	d->scope = CONFIG_SCOPE_NODE;
	d->only_layers = true;
	return add_loggers(d);
}

static int of_metrics(struct description *d, struct str name)
{
	if (name.len == 0)
		return refuse(d, ERR_INVALID_REQUEST, STR("Client metrics subscription name must not be empty"));
	d->scope = CONFIG_SCOPE_CLIENT_METRICS;
	d->layers = layers_of_metrics(d->r->image, name);
	return 0;
}

static int of_group(struct description *d, struct str name)
{
	if (name.len == 0)
		return refuse(d, ERR_INVALID_REQUEST, STR("Group name must not be empty"));
	d->scope = CONFIG_SCOPE_GROUP;
	d->layers = layers_of_group(d->r->image, d->r->node->id, name);
	return 0;
}

static const struct {
	int8_t type;
	enum acl_resource acl;
	int refusal;
	int (*describe)(struct description *, struct str name);
} resources[] = {
	{RESOURCE_TOPIC, ACL_TOPIC, ERR_TOPIC_AUTHORIZATION_FAILED, of_topic},
	{RESOURCE_BROKER, ACL_CLUSTER, ERR_CLUSTER_AUTHORIZATION_FAILED, of_broker},
	{RESOURCE_BROKER_LOGGER, ACL_CLUSTER, ERR_CLUSTER_AUTHORIZATION_FAILED, of_broker_logger},
	{RESOURCE_CLIENT_METRICS, ACL_CLUSTER, ERR_CLUSTER_AUTHORIZATION_FAILED, of_metrics},
	{RESOURCE_GROUP, ACL_GROUP, ERR_GROUP_AUTHORIZATION_FAILED, of_group},
};

#define N_RESOURCES (sizeof(resources) / sizeof(resources[0]))

static size_t resource_of(int8_t type)
{
	size_t i = 0;

	while (i < N_RESOURCES && resources[i].type != type)
		i++;
	return i;
}

/* Kafka refuses the whole request if it contains one unknown type. */
static bool all_known(const struct describe_configs_request *in)
{
	for (int i = 0; i < in->resources.n; i++)
		if (resource_of(in->resources.v[i].resource_type) == N_RESOURCES)
			return false;
	return true;
}

static bool may_describe(struct request *r, const struct describe_configs_request_resource *asked)
{
	enum acl_resource type = resources[resource_of(asked->resource_type)].acl;

	return request_may(r, ACL_DESCRIBE_CONFIGS, type,
			   type == ACL_CLUSTER ? STR(ACL_CLUSTER_NAME) : asked->resource_name);
}

static struct description description_of(struct request *r, const struct describe_configs_request_resource *asked,
					 struct describe_configs_response_result *result)
{
	result->resource_type = asked->resource_type;
	result->resource_name = asked->resource_name;
	result->error_message = STR("");
	return (struct description){.r = r, .asked = asked, .result = result};
}

static int describe(struct request *r, const struct describe_configs_request_resource *asked,
		    struct describe_configs_response_result *result)
{
	struct description d = description_of(r, asked, result);

	return resources[resource_of(asked->resource_type)].describe(&d, asked->resource_name) ? 0 : add_all(&d);
}

static void refuse_resource(struct request *r, const struct describe_configs_request_resource *asked,
			    struct describe_configs_response_result *result, int err)
{
	struct description d = description_of(r, asked, result);

	refuse(&d, err, str_of(err_message(err)));
}

static enum outcome refuse_all(struct request *r)
{
	const struct describe_configs_request *in = r->in;
	struct describe_configs_response *out = r->out;

	for (int i = 0; i < in->resources.n; i++)
		refuse_resource(r, &in->resources.v[i], &out->results.v[i], ERR_INVALID_REQUEST);
	return REPLY;
}

/* Resources that may not be described come last. */
static enum outcome run(struct request *r)
{
	const struct describe_configs_request *in = r->in;
	struct describe_configs_response *out = r->out;
	int n = 0, n_refused = 0;

	if (!r->image) /* a controller without any metadata yet */
		return request_fail(r, ERR_BROKER_NOT_AVAILABLE, STR_NULL);
	if (!ANSWER_ARRAY(r, out->results, describe_configs_response_result_schema, in->resources.n))
		return HANG_UP;
	if (!all_known(in))
		return refuse_all(r);
	for (int i = 0; i < in->resources.n; i++) {
		const struct describe_configs_request_resource *asked = &in->resources.v[i];

		if (!may_describe(r, asked))
			refuse_resource(r, asked, &out->results.v[in->resources.n - ++n_refused],
					resources[resource_of(asked->resource_type)].refusal);
		else if (describe(r, asked, &out->results.v[n++]))
			return HANG_UP;
	}
	return REPLY;
}

static void fail(struct request *r, int err, struct str message)
{
	const struct describe_configs_request *in = r->in;
	struct describe_configs_response *out = r->out;

	if (!r->image || !ANSWER_ARRAY(r, out->results, describe_configs_response_result_schema, in->resources.n))
		return;
	for (int i = 0; i < in->resources.n; i++) {
		out->results.v[i].error_code = (int16_t)err;
		out->results.v[i].error_message = str_is_null(message) ? str_of(err_message(err)) : message;
		out->results.v[i].resource_type = in->resources.v[i].resource_type;
		out->results.v[i].resource_name = in->resources.v[i].resource_name;
	}
}

const struct api api_describe_configs = {
	.key = describe_configs_request_KEY,
	.first = describe_configs_request_FIRST,
	.last = describe_configs_request_LAST,
	.flags = API_BROKER | API_CONTROLLER,
	.in = &describe_configs_request_schema,
	.out = &describe_configs_response_schema,
	.run = run,
	.fail = fail,
};
