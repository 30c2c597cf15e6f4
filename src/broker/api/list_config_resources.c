/*
 * ListConfigResources: the resources that have, or may have, a dynamic configuration (KIP-714 as
 * ListClientMetricsResources, KIP-1142).
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "broker/api.h"
#include "metadata/image.h"
#include "protocol/list_config_resources.h"

struct listing {
	struct request *r;
	struct list_config_resources_response *out;
	int cap;
};

static int put_resource(struct listing *l, int8_t type, struct str name)
{
	struct list_config_resources_response_resource *v =
		arena_grow(&l->r->arena, l->out->config_resources.v, l->out->config_resources.n, &l->cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->out->config_resources.v = v;
	v[l->out->config_resources.n++] =
		(struct list_config_resources_response_resource){.resource_name = name, .resource_type = type};
	return 0;
}

static int put_brokers(struct listing *l, int8_t type)
{
	const struct image_node *n;
	struct image_iter it;
	int err = 0;

	image_brokers(l->r->image, &it);
	while (!err && (n = image_nodes_next(&it)))
		err = put_resource(l, type, arena_printf(&l->r->arena, "%d", n->id));
	return err;
}

static int put_topics(struct listing *l, int8_t type)
{
	const struct image_topic *t;
	struct image_iter it;
	int err = 0;

	image_topics(l->r->image, &it);
	while (!err && (t = image_topics_next(&it)))
		err = put_resource(l, type, t->name);
	return err;
}

/* Groups and metrics subscriptions are listed if they have a configuration. */
static int put_configured(struct listing *l, int8_t type)
{
	const struct image_configs *c;
	struct image_iter it;
	int err = 0;

	image_all_configs(l->r->image, &it);
	while (!err && (c = image_configs_next(&it)))
		if (c->type == type)
			err = put_resource(l, type, c->name);
	return err;
}

static const struct {
	int8_t type;
	int16_t since; /* version 0 has metrics subscriptions only */
	int (*put)(struct listing *, int8_t type);
} kinds[] = {
	{RESOURCE_GROUP, 1, put_configured},	  {RESOURCE_CLIENT_METRICS, 0, put_configured},
	{RESOURCE_BROKER_LOGGER, 1, put_brokers}, {RESOURCE_BROKER, 1, put_brokers},
	{RESOURCE_TOPIC, 1, put_topics},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool is_wanted(const struct list_config_resources_request *in, int8_t type)
{
	for (int i = 0; i < in->resource_types.n; i++)
		if (in->resource_types.v[i] == type)
			return true;
	return in->resource_types.n <= 0;
}

static bool is_known(int8_t type, int16_t version)
{
	for (size_t k = 0; k < N_KINDS; k++)
		if (kinds[k].type == type)
			return version >= kinds[k].since;
	return false;
}

static enum outcome run(struct request *r)
{
	const struct list_config_resources_request *in = r->in;
	struct listing l = {.r = r, .out = r->out};

	for (int i = 0; i < in->resource_types.n; i++)
		if (!is_known(in->resource_types.v[i], r->version)) {
			l.out->error_code = ERR_UNSUPPORTED_VERSION;
			return REPLY;
		}
	for (size_t k = 0; k < N_KINDS; k++)
		if (r->version >= kinds[k].since && is_wanted(in, kinds[k].type) && kinds[k].put(&l, kinds[k].type))
			return HANG_UP;
	return REPLY;
}

static void fail(struct request *r, int err, struct str message)
{
	struct list_config_resources_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
}

const struct api api_list_config_resources = {
	.key = list_config_resources_request_KEY,
	.first = list_config_resources_request_FIRST,
	.last = list_config_resources_request_LAST,
	.flags = API_BROKER,
	.acl_operation = ACL_DESCRIBE_CONFIGS,
	.in = &list_config_resources_request_schema,
	.out = &list_config_resources_response_schema,
	.run = run,
	.fail = fail,
};
