/*
 * setting: the table of all settings.
 *
 * Rows are in *.tbl, one file per topic; a row is
 *
 *	SETTING(ID, "name", TYPE, default, rule, IMPORTANCE, flags, UPDATE, status, "what it does")
 *
 * default   text as Kafka prints it, or NULL (no value)
 * rule      which values are legal: ANY, AT_LEAST(n), BETWEEN(a, b), ONE_OF("a,b"), ONE_OF_ANY_CASE("a,b"),
 *           SOME_OF("a,b", flags) and DISTINCT(flags) for lists, NOT_EMPTY, NOT_NULL, and a few with a
 *           grammar of their own (enum config_rule)
 * flags     0, INTERNAL (not listed, and described only where set), REQUIRED (the node does not start
 *           without it), DYNAMIC_ONLY (Kafka does not read it from the file, and describes it only where
 *           set) or AT_START (Kafka can change it at run time, this release cannot yet: clients are refused)
 * UPDATE    STATIC, PER_BROKER or CLUSTER: at which level it can be changed while the node runs
 * status    SERVED, NO_EFFECT(REASON), LATER(REASON) or REFUSE(WHEN, REASON): what this release does with
 *           it (reason.tbl)
 *
 * The table is constant; ids are dense; settings of one scope are contiguous, in the order of the
 * rows.
 */
#ifndef ODRADEK_CONFIG_SETTING_H
#define ODRADEK_CONFIG_SETTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Kafka's resource types where there is one. */
enum config_scope {
	CONFIG_SCOPE_TOPIC = 2,
	CONFIG_SCOPE_NODE = 4,
	CONFIG_SCOPE_CLIENT_METRICS = 16,
	CONFIG_SCOPE_GROUP = 32,
	CONFIG_SCOPE_QUOTA = 256,
	CONFIG_SCOPE_ALL_BROKERS = 257, /* for describing the cluster-wide default of node settings; has no rows */
};

/* The numbers are those of DescribeConfigsResponse. */
enum config_type {
	CONFIG_TYPE_UNKNOWN = 0,
	CONFIG_TYPE_BOOLEAN = 1,
	CONFIG_TYPE_STRING = 2,
	CONFIG_TYPE_INT = 3,
	CONFIG_TYPE_SHORT = 4,
	CONFIG_TYPE_LONG = 5,
	CONFIG_TYPE_DOUBLE = 6,
	CONFIG_TYPE_LIST = 7,
	CONFIG_TYPE_CLASS = 8,
	CONFIG_TYPE_PASSWORD = 9,
};

enum config_importance { CONFIG_HIGH, CONFIG_MEDIUM, CONFIG_LOW };
enum config_update { CONFIG_STATIC, CONFIG_PER_BROKER, CONFIG_CLUSTER };

enum config_rule {
	CONFIG_RULE_ANY,
	CONFIG_RULE_RANGE,
	CONFIG_RULE_ONE_OF,
	CONFIG_RULE_ONE_OF_ANY_CASE,
	CONFIG_RULE_LIST, /* distinct items, from `allowed` if that is set */
	CONFIG_RULE_NOT_EMPTY,
	CONFIG_RULE_NOT_NULL,
	CONFIG_RULE_GZIP_LEVEL,	  /* 1 to 9, or -1 */
	CONFIG_RULE_VOTERS,	  /* id@host:port */
	CONFIG_RULE_SERVERS,	  /* host:port */
	CONFIG_RULE_REPLICAS,	  /* partition:broker, or * */
	CONFIG_RULE_OFFSET_RESET, /* earliest, latest, by_duration:PnDTnHnMn.nS */
};

enum { CONFIG_EMPTY_TOO = 1, CONFIG_NULL_TOO = 2 };

struct config_constraint {
	enum config_rule rule;
	int flags;
	const char *allowed; /* separated by commas, in the order in which Kafka lists them */
	double min;
	double max; /* INFINITY = none */
};

enum config_status {
	CONFIG_SERVED,
	CONFIG_NO_EFFECT, /* this design has no such thing; the value is accepted and described */
	CONFIG_LATER,	  /* belongs to a feature that is not served yet; the value is accepted and described */
	/*
	 * some values promise what is not given: with them the node does not start, and clients are
	 * refused
	 */
	CONFIG_REFUSE,
};

/* Which values of a CONFIG_REFUSE setting are refused. */
enum config_refuse_when {
	CONFIG_REFUSE_NEVER,
	CONFIG_REFUSE_SET, /* anything but null and empty */
	CONFIG_REFUSE_TRUE,
	CONFIG_REFUSE_NOT_DEFAULT,
};

enum config_id {
#define SETTING(id, ...) id,
#include "config/settings.tbl"
#undef SETTING
	CONFIG_N
};

struct config_setting {
	const char *name;
	const char *default_text; /* NULL = no value */
	const char *doc;
	const char *reason; /* for a status other than SERVED: a clause without a full stop */
	struct config_constraint constraint;
	enum config_id id;
	enum config_scope scope;
	enum config_type type;
	enum config_importance importance;
	enum config_update update;
	enum config_status status;
	enum config_refuse_when refuse_when;
	int name_len;
	bool internal;
	bool required;
	bool dynamic_only;
	bool at_start;
};

const struct config_setting *config_setting(enum config_id id);
/* NULL when the scope has no such setting. */
const struct config_setting *config_setting_find(enum config_scope scope, struct str name);
/* The n settings of a scope, in a row from the one returned. */
const struct config_setting *config_settings(enum config_scope scope, int *n);
/* The most similar name in a scope, for "did you mean"; NULL when none is similar. */
const struct config_setting *config_setting_nearest(enum config_scope scope, struct str name);

const char *config_type_name(enum config_type type); /* "LONG" */
/* What would be legal, for people: "an integer, at least 1". */
struct str config_legal(const struct config_setting *s, struct arena *a);

#endif
