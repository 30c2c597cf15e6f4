/* consumer_settings: reads a consumer's properties, with Kafka's defaults and checks. */
#include "cli/consumer_settings.h"

#include <string.h>

static bool is_true_property(struct tool *t, const char *name, bool otherwise)
{
	const char *text = tool_property(t, name);

	return text ? tool_is_true(text) : otherwise;
}

static int32_t number(struct tool *t, const char *name, int32_t otherwise)
{
	return (int32_t)tool_property_number(t, name, otherwise);
}

struct consumer_options consumer_settings(struct tool *t)
{
	struct consumer_options o = CONSUMER_OPTIONS_DEFAULT;
	const char *isolation = tool_property(t, "isolation.level");

	if (isolation && strcasecmp(isolation, "read_committed") != 0 && strcasecmp(isolation, "read_uncommitted") != 0)
		tool_die(
			t,
			"Invalid value %s for configuration isolation.level: String must be one of: read_committed, read_uncommitted",
			isolation);
	o.isolation = isolation && strcasecmp(isolation, "read_committed") == 0;
	o.min_bytes = number(t, "fetch.min.bytes", o.min_bytes);
	o.max_wait_ms = number(t, "fetch.max.wait.ms", o.max_wait_ms);
	o.max_bytes = number(t, "fetch.max.bytes", o.max_bytes);
	o.partition_max_bytes = number(t, "max.partition.fetch.bytes", o.partition_max_bytes);
	o.check_crcs = is_true_property(t, "check.crcs", o.check_crcs);
	return o;
}

/* ---- members ---- */

static bool by_kip_848(struct tool *t)
{
	const char *protocol = tool_property(t, "group.protocol");

	if (protocol && strcasecmp(protocol, "classic") != 0 && strcasecmp(protocol, "consumer") != 0)
		tool_die(
			t,
			"Invalid value %s for configuration group.protocol: String must be one of (case insensitive): CLASSIC, CONSUMER",
			protocol);
	return protocol && strcasecmp(protocol, "consumer") == 0;
}

/* Refuses settings that only the other protocol has. */
static void refuse_settings(struct tool *t, bool is_consumer)
{
	static const char *const CLASSIC[] = {"partition.assignment.strategy", "heartbeat.interval.ms",
					      "session.timeout.ms", NULL};
	static const char *const CONSUMER[] = {"group.remote.assignor", NULL};
	struct buf b = {0};

	for (const char *const *name = is_consumer ? CLASSIC : CONSUMER; *name; name++)
		if (tool_property(t, *name))
			buf_printf(&b, "%s%s", b.len ? ", " : "", *name);
	if (b.len > 0)
		tool_die(t, "%.*s cannot be set when group.protocol=%s", STR_ARG(buf_str(&b)),
			 is_consumer ? "CONSUMER" : "CLASSIC");
}

/* Parses "range,org.apache.kafka.clients.consumer.CooperativeStickyAssignor". */
static void read_strategies(struct tool *t, struct member_options *o)
{
	const char *list = tool_property(t, "partition.assignment.strategy");

	if (!list)
		return;
	o->n_strategies = 0;
	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		struct str one = str_trimmed((struct str){at, (int32_t)strcspn(at, ",")});
		enum strategy s = strategy_find(one);

		if (s == STRATEGIES || o->n_strategies == STRATEGIES)
			tool_die(
				t,
				"partition.assignment.strategy=%s: this tool assigns by RangeAssignor, RoundRobinAssignor and CooperativeStickyAssignor, each once",
				list);
		o->strategies[o->n_strategies++] = s;
	}
}

struct member_options member_settings(struct tool *t, const char *group)
{
	struct member_options o = MEMBER_OPTIONS_DEFAULT;

	o.is_consumer = by_kip_848(t);
	refuse_settings(t, o.is_consumer);
	read_strategies(t, &o);
	o.group = str_of(group);
	o.instance_id = str_of(tool_property(t, "group.instance.id"));
	o.assignor = str_of(tool_property(t, "group.remote.assignor"));
	o.rack = str_of(tool_property(t, "client.rack"));
	o.session_timeout_ms = number(t, "session.timeout.ms", o.session_timeout_ms);
	o.rebalance_timeout_ms = number(t, "max.poll.interval.ms", o.rebalance_timeout_ms);
	o.heartbeat_ms = number(t, "heartbeat.interval.ms", o.heartbeat_ms);
	o.commit_ms = number(t, "auto.commit.interval.ms", o.commit_ms);
	o.commits = is_true_property(t, "enable.auto.commit", o.commits);
	return o;
}
