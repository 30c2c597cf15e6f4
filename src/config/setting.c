/*
 * setting: the rows of *.tbl as one constant table, sorted by scope but not by name. Look-ups by
 * name are linear within the scope: they are for startup, DescribeConfigs and AlterConfigs, never
 * for the path of a record.
 */
#include "config/setting.h"

#include <math.h>
#include <string.h>

#include "base/check.h"

/* The vocabulary of the rows. */
#define INTERNAL 1
#define REQUIRED 2
#define DYNAMIC_ONLY 4
#define AT_START 8
#define EMPTY_TOO CONFIG_EMPTY_TOO
#define NULL_TOO CONFIG_NULL_TOO
#define ANY                                                                                                            \
	{                                                                                                              \
		.rule = CONFIG_RULE_ANY                                                                                \
	}
#define AT_LEAST(low)                                                                                                  \
	{                                                                                                              \
		.rule = CONFIG_RULE_RANGE, .min = (low), .max = INFINITY                                               \
	}
#define BETWEEN(low, high)                                                                                             \
	{                                                                                                              \
		.rule = CONFIG_RULE_RANGE, .min = (low), .max = (high)                                                 \
	}
#define ONE_OF(names)                                                                                                  \
	{                                                                                                              \
		.rule = CONFIG_RULE_ONE_OF, .allowed = (names)                                                         \
	}
#define ONE_OF_ANY_CASE(names)                                                                                         \
	{                                                                                                              \
		.rule = CONFIG_RULE_ONE_OF_ANY_CASE, .allowed = (names)                                                \
	}
#define SOME_OF(names, bits)                                                                                           \
	{                                                                                                              \
		.rule = CONFIG_RULE_LIST, .allowed = (names), .flags = (bits)                                          \
	}
#define DISTINCT(bits)                                                                                                 \
	{                                                                                                              \
		.rule = CONFIG_RULE_LIST, .flags = (bits)                                                              \
	}
#define NOT_EMPTY                                                                                                      \
	{                                                                                                              \
		.rule = CONFIG_RULE_NOT_EMPTY                                                                          \
	}
#define NOT_NULL                                                                                                       \
	{                                                                                                              \
		.rule = CONFIG_RULE_NOT_NULL                                                                           \
	}
#define GZIP_LEVEL                                                                                                     \
	{                                                                                                              \
		.rule = CONFIG_RULE_GZIP_LEVEL                                                                         \
	}
#define VOTERS                                                                                                         \
	{                                                                                                              \
		.rule = CONFIG_RULE_VOTERS                                                                             \
	}
#define SERVERS                                                                                                        \
	{                                                                                                              \
		.rule = CONFIG_RULE_SERVERS                                                                            \
	}
#define REPLICAS                                                                                                       \
	{                                                                                                              \
		.rule = CONFIG_RULE_REPLICAS                                                                           \
	}
#define OFFSET_RESET                                                                                                   \
	{                                                                                                              \
		.rule = CONFIG_RULE_OFFSET_RESET                                                                       \
	}
#define SERVED CONFIG_SERVED, CONFIG_REFUSE_NEVER, NULL
#define NO_EFFECT(why) CONFIG_NO_EFFECT, CONFIG_REFUSE_NEVER, REASON_##why
#define LATER(why) CONFIG_LATER, CONFIG_REFUSE_NEVER, REASON_##why
#define REFUSE(when, why) CONFIG_REFUSE, CONFIG_REFUSE_##when, REASON_##why

#define REASON(id, text) static const char REASON_##id[] = text;
#include "config/reason.tbl"
#undef REASON

#define STATUS(s, when, why) .status = (s), .refuse_when = (when), .reason = (why)
#define STATUS_OF(...) STATUS(__VA_ARGS__)
#define SCOPE_OF(id)                                                                                                   \
	((id) < TOPIC_CONFIG_SEGMENT_BYTES		   ? CONFIG_SCOPE_NODE                                         \
	 : (id) < GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS ? CONFIG_SCOPE_TOPIC                                        \
	 : (id) < METRICS_CONFIG_METRICS		   ? CONFIG_SCOPE_GROUP                                        \
	 : (id) < QUOTA_CONFIG_PRODUCER_BYTE_RATE	   ? CONFIG_SCOPE_CLIENT_METRICS                               \
							   : CONFIG_SCOPE_QUOTA)

#define SETTING(id_, name_, type_, default_, rule_, importance_, flags_, update_, status_, doc_)                       \
	[id_] = {                                                                                                      \
		.id = id_,                                                                                             \
		.scope = SCOPE_OF(id_),                                                                                \
		.name = name_,                                                                                         \
		.name_len = sizeof(name_) - 1,                                                                         \
		.type = CONFIG_TYPE_##type_,                                                                           \
		.default_text = default_,                                                                              \
		.constraint = rule_,                                                                                   \
		.importance = CONFIG_##importance_,                                                                    \
		.internal = ((flags_)&INTERNAL) != 0,                                                                  \
		.required = ((flags_)&REQUIRED) != 0,                                                                  \
		.dynamic_only = ((flags_)&DYNAMIC_ONLY) != 0,                                                          \
		.at_start = ((flags_)&AT_START) != 0,                                                                  \
		.update = CONFIG_##update_,                                                                            \
		STATUS_OF(status_),                                                                                    \
		.doc = doc_,                                                                                           \
	},

static const struct config_setting table[CONFIG_N] = {
#include "config/settings.tbl"
};

const struct config_setting *config_setting(enum config_id id)
{
	check(id < CONFIG_N);
	return &table[id];
}

/* The range of each scope's rows. */
static const struct {
	enum config_scope scope;
	int first, end;
} ranges[] = {
	{CONFIG_SCOPE_NODE, 0, TOPIC_CONFIG_SEGMENT_BYTES},
	{CONFIG_SCOPE_TOPIC, TOPIC_CONFIG_SEGMENT_BYTES, GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS},
	{CONFIG_SCOPE_GROUP, GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS, METRICS_CONFIG_METRICS},
	{CONFIG_SCOPE_CLIENT_METRICS, METRICS_CONFIG_METRICS, QUOTA_CONFIG_PRODUCER_BYTE_RATE},
	{CONFIG_SCOPE_QUOTA, QUOTA_CONFIG_PRODUCER_BYTE_RATE, CONFIG_N},
};

const struct config_setting *config_settings(enum config_scope scope, int *n)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (ranges[i].scope != scope)
			continue;
		*n = ranges[i].end - ranges[i].first;
		return &table[ranges[i].first];
	}
	*n = 0;
	return NULL;
}

const struct config_setting *config_setting_find(enum config_scope scope, struct str name)
{
	int n;
	const struct config_setting *s = config_settings(scope, &n);

	for (int i = 0; i < n; i++)
		if (s[i].name_len == name.len && memcmp(s[i].name, name.p, (size_t)name.len) == 0)
			return &s[i];
	return NULL;
}

/* Up to a third of the letters may be wrong, but at most six. */
const struct config_setting *config_setting_nearest(enum config_scope scope, struct str name)
{
	int n;
	const struct config_setting *s = config_settings(scope, &n);
	const struct config_setting *nearest = NULL;
	int limit = name.len / 3 < 6 ? name.len / 3 : 6;

	for (int i = 0; i < n && limit > 0; i++) {
		int distance = s[i].internal ? limit + 1 : str_distance(name, str_of(s[i].name), limit + 1);

		if (distance > limit)
			continue;
		nearest = &s[i];
		limit = distance - 1;
	}
	return nearest;
}

const char *config_type_name(enum config_type type)
{
	static const char *const names[] = {"UNKNOWN", "BOOLEAN", "STRING", "INT",   "SHORT",
					    "LONG",    "DOUBLE",  "LIST",   "CLASS", "PASSWORD"};

	return names[type];
}

static const char *type_for_people(enum config_type type)
{
	switch (type) {
	case CONFIG_TYPE_BOOLEAN:
		return "true or false";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_SHORT:
	case CONFIG_TYPE_LONG:
		return "an integer";
	case CONFIG_TYPE_DOUBLE:
		return "a number";
	case CONFIG_TYPE_LIST:
		return "a list separated by commas";
	case CONFIG_TYPE_CLASS:
		return "the name of a Java class";
	default:
		return "a text";
	}
}

struct str config_legal(const struct config_setting *s, struct arena *a)
{
	const struct config_constraint *k = &s->constraint;
	const char *type = type_for_people(s->type);

	switch (k->rule) {
	case CONFIG_RULE_RANGE:
		if (isinf(k->max))
			return arena_printf(a, "%s, at least %.17g", type, k->min);
		return arena_printf(a, "%s from %.17g to %.17g", type, k->min, k->max);
	case CONFIG_RULE_ONE_OF:
	case CONFIG_RULE_ONE_OF_ANY_CASE:
		return arena_printf(a, "one of %s", k->allowed);
	case CONFIG_RULE_LIST:
		return arena_printf(a, "%s%s%s%s", type, k->allowed ? " of " : "", k->allowed ? k->allowed : "",
				    k->flags & CONFIG_EMPTY_TOO ? "" : ", not empty");
	case CONFIG_RULE_NOT_EMPTY:
		return str_of("a text that is not empty");
	case CONFIG_RULE_GZIP_LEVEL:
		return str_of("an integer from 1 to 9, or -1");
	case CONFIG_RULE_VOTERS:
		return str_of("id@host:port, separated by commas");
	case CONFIG_RULE_SERVERS:
		return str_of("host:port, separated by commas");
	case CONFIG_RULE_REPLICAS:
		return str_of("partition:broker, separated by commas, or *");
	case CONFIG_RULE_OFFSET_RESET:
		return str_of("earliest, latest, or by_duration: and a duration such as PT24H");
	case CONFIG_RULE_ANY:
	case CONFIG_RULE_NOT_NULL:
		break;
	}
	return str_of(type);
}
