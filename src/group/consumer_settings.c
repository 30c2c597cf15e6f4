/* consumer_settings: a group's settings: its own within the broker's bounds, or otherwise the broker's. */
#include "config/config.h"
#include "group/consumer_group.h"
#include "metadata/image.h"

static struct str get(const void *arg, struct str name)
{
	return image_config_value(arg, name);
}

/* The broker's setting, under the layers for this broker and for all brokers. */
static int64_t of_broker(const struct group_shard *s, const struct shard_step *step, enum config_id id)
{
	const struct image_configs *own = image_configs(step->image, RESOURCE_BROKER, str_of(s->node));
	const struct image_configs *all = image_configs(step->image, RESOURCE_BROKER, STR(""));
	struct config_layer layers[2];
	int n = 0;

	if (own)
		layers[n++] = (struct config_layer){CONFIG_SOURCE_DYNAMIC_BROKER, get, own};
	if (all)
		layers[n++] = (struct config_layer){CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER, get, all};
	return n > 0 ? config_long_in(s->options.config, layers, n, id) : config_long(s->options.config, id);
}

struct bounded {
	const char *name; /* the group's setting */
	enum config_id otherwise;
	enum config_id least;
	enum config_id most;
};

/* Kafka's GroupConfig.evaluate: a value set under other bounds is clamped to the current ones. */
static int32_t of_group(const struct group_shard *s, const struct shard_step *step, struct str group,
			const struct bounded *b)
{
	const struct image_configs *c = image_configs(step->image, RESOURCE_GROUP, group);
	int64_t least = config_long(s->options.config, b->least), most = config_long(s->options.config, b->most);
	int32_t v;

	if (!c || !str_to_i32(image_config_value(c, str_of(b->name)), &v))
		return (int32_t)of_broker(s, step, b->otherwise);
	return (int32_t)(v < least ? least : v > most ? most : v);
}

int32_t consumer_session_timeout_ms(const struct group_shard *s, const struct shard_step *step, struct str group)
{
	static const struct bounded b = {"consumer.session.timeout.ms", CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS,
					 CONFIG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
					 CONFIG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS};

	return of_group(s, step, group, &b);
}

int32_t consumer_heartbeat_interval_ms(const struct group_shard *s, const struct shard_step *step, struct str group)
{
	static const struct bounded b = {"consumer.heartbeat.interval.ms", CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS,
					 CONFIG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
					 CONFIG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS};

	return of_group(s, step, group, &b);
}

int32_t consumer_assignment_interval_ms(const struct group_shard *s, const struct shard_step *step, struct str group)
{
	static const struct bounded b = {
		"consumer.assignment.interval.ms", CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS,
		CONFIG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS, CONFIG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS};

	return of_group(s, step, group, &b);
}

/*
 * The first of group.consumer.assignors; Java classes are not available (the node does not start
 * with them).
 */
struct str consumer_default_assignor(const struct group_shard *s)
{
	int n;
	const struct str *v = config_list(s->options.config, CONFIG_GROUP_CONSUMER_ASSIGNORS, &n);

	return n > 0 ? v[0] : str_of(ASSIGNORS[0].name);
}

static bool policy_is(const struct group_shard *s, const char *one_way)
{
	struct str policy = config_string(s->options.config, CONFIG_GROUP_CONSUMER_MIGRATION_POLICY);

	return (policy.len > 0 && (policy.p[0] | 0x20) == 'b') ||
	       (policy.len > 1 && (policy.p[0] | 0x20) == one_way[0] && (policy.p[1] | 0x20) == one_way[1]);
}

bool consumer_may_upgrade(const struct group_shard *s)
{
	return policy_is(s, "up");
}

bool consumer_may_downgrade(const struct group_shard *s)
{
	return policy_is(s, "do");
}
