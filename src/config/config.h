/*
 * config: all settings of the node, of topics, groups, metrics subscriptions and quotas: one table,
 * and the node's own values.
 *
 * 1. The table (setting.h, its rows in *.tbl) is the only list of settings: parser, checks,
 *    DescribeConfigs and the manual are derived from it.
 * 2. A `struct config` is what one node was started with: defaults < properties file < KAFKA_*
 *    environment < --override, each value with the place it came from. It is resolved once and
 *    never changes: any thread may read it. Dynamic values live in the metadata image; the caller
 *    lays them over it, as layers, at each look-up.
 * 3. A value that asks for a guarantee that is not given makes the load fail. A value that merely
 *    has no effect is noted and accepted.
 * 4. Nothing here reads the clock, random numbers, files or the environment: config_load is given
 *    the text of the file and the strings of the environment.
 */
#ifndef ODRADEK_CONFIG_CONFIG_H
#define ODRADEK_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "config/listener.h"
#include "config/setting.h"

struct config;
struct env;

/* ---- origins of values ---- */

enum config_origin {
	CONFIG_FROM_DEFAULT,
	CONFIG_FROM_BUILTIN,
	CONFIG_FROM_FILE,
	CONFIG_FROM_ENVIRONMENT,
	CONFIG_FROM_OVERRIDE,
};

/* Kafka's DescribeConfigsResponse.ConfigSource. */
enum config_source {
	CONFIG_SOURCE_UNKNOWN = 0,
	CONFIG_SOURCE_TOPIC = 1,
	CONFIG_SOURCE_DYNAMIC_BROKER = 2,
	CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER = 3,
	CONFIG_SOURCE_STATIC_BROKER = 4,
	CONFIG_SOURCE_DEFAULT = 5,
	CONFIG_SOURCE_DYNAMIC_BROKER_LOGGER = 6,
	CONFIG_SOURCE_CLIENT_METRICS = 7,
	CONFIG_SOURCE_GROUP = 8,
};

/* ---- loading ---- */

struct config_input {
	struct str file_name;		/* for messages; null: no file, so the built-in configuration */
	struct str file_text;		/* see properties.h */
	const char *const *environment; /* "NAME=value" strings, ended by NULL; may be NULL */
	const char *const *overrides;	/* "name=value" strings, ended by NULL; may be NULL */
	struct str data_dir;		/* log.dirs for the built-in configuration */
};

enum config_note_level {
	CONFIG_NOTE_WARN,
	CONFIG_NOTE_REFUSED, /* legal in Kafka, but it asks for a guarantee that is not given, or could not work */
	CONFIG_NOTE_ERROR,
};

/*
 * A message for the person who starts the node: the place ("server.properties:12", "KAFKA_NODE_ID",
 * "--override") and what is wrong there.
 */
struct config_note {
	enum config_note_level level;
	struct str place; /* null when it concerns the configuration as a whole */
	struct str text;
};

struct config_notes {
	struct arena arena;
	struct config_note *v;
	int n;
	int n_errors; /* includes refusals */
};

/*
 * Returns 0 and *out, or ERR_INVALID_CONFIG and NULL when a value is invalid, a required one is
 * missing or a guarantee is refused. All notes are given either way, in the order in which they
 * were found; the caller frees them.
 */
int config_load(const struct config_input *in, struct config **out, struct config_notes *notes);
void config_notes_fini(struct config_notes *notes);
void config_free(struct config *c);

/*
 * Where a node without a file keeps its data: the directory that systemd gives a service, or the
 * user's state directory (XDG), or /var/lib/odradek. It is not created here.
 */
struct str config_data_dir(const char *const *environment, struct arena *a);

/*
 * Translates "KAFKA_LOG_DIRS" to "log.dirs", as the official image does; null for variables that
 * are not settings.
 */
struct str config_name_of_variable(struct str variable, struct arena *a);

/* The built-in configuration as a properties file (UTF-8). */
struct str config_builtin_text(struct arena *a, struct str data_dir);

/* ---- the node's own static values; asking for the wrong type fails a check ---- */

bool config_is_null(const struct config *c, enum config_id id);
bool config_bool(const struct config *c, enum config_id id);
int32_t config_int(const struct config *c, enum config_id id);	 /* INT, SHORT */
int64_t config_long(const struct config *c, enum config_id id);	 /* LONG, INT, SHORT */
double config_double(const struct config *c, enum config_id id); /* DOUBLE */
/* STRING, CLASS, PASSWORD; null without a value. */
struct str config_string(const struct config *c, enum config_id id);
/* LIST: the items and their number; NULL and 0 for null and for empty. */
const struct str *config_list(const struct config *c, enum config_id id, int *n);
/* Any type, as Kafka prints it; null without a value. */
struct str config_text(const struct config *c, enum config_id id);
enum config_origin config_origin(const struct config *c, enum config_id id);
/* "server.properties:12", "KAFKA_LOG_DIRS", "--override", "built in", "default". */
struct str config_place(const struct config *c, enum config_id id);

/*
 * A setting of one listener: the value of listener.name.NAME.setting (NAME in any case), otherwise
 * the node's own. With a mechanism it is listener.name.NAME.MECHANISM.setting (sasl.jaas.config and
 * related settings; Kafka's JaasContext). Asking for the wrong type fails a check.
 */
struct config_at {
	struct str listener;
	struct str mechanism; /* null: none */
};

/* Whether the listener has a value of its own. */
bool config_at_is_set(const struct config *c, const struct config_at *at, enum config_id id);
/* Any type, as written; null without a value. */
struct str config_at_text(const struct config *c, const struct config_at *at, enum config_id id);
/* STRING, CLASS, PASSWORD; null without a value. */
struct str config_at_string(const struct config *c, const struct config_at *at, enum config_id id);
bool config_at_bool(const struct config *c, const struct config_at *at, enum config_id id);
int64_t config_at_long(const struct config *c, const struct config_at *at, enum config_id id); /* LONG, INT, SHORT */
const struct str *config_at_list(const struct config *c, const struct config_at *at, enum config_id id, int *n);

/*
 * What Kafka's authorizer reads besides the table, from all values given: super.users (null when
 * not given), and whether allow.everyone.if.no.acl.found is "true", in any case.
 */
struct str config_super_users(const struct config *c);
bool config_allow_everyone_if_no_acl_found(const struct config *c);

/* log.dirs, or otherwise log.dir. Never empty. */
const struct str *config_log_dirs(const struct config *c, int *n);
struct str config_metadata_log_dir(const struct config *c);
bool config_is_broker(const struct config *c);
bool config_is_controller(const struct config *c);

/* Listeners, advertised listeners, voters, per-address limits: parsed and checked (listener.h). */
const struct config_network *config_network(const struct config *c);

/* ---- dynamic values ---- */

/*
 * One source of dynamic values, usually a map in the metadata image. get() returns null when the
 * name is not set there.
 */
struct config_layer {
	enum config_source source;
	struct str (*get)(const void *arg, struct str name);
	const void *arg;
};

/*
 * A node setting under n dynamic layers, strongest first (this broker, all brokers), then the
 * static value. Invalid values count as not set. The text points into the layer, or into c.
 */
int64_t config_long_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id);
bool config_bool_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id);
double config_double_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id);
/*
 * A topic's setting (TOPIC_CONFIG_*), LONG, INT or BOOLEAN, under {topic, this broker, all
 * brokers}, resolved as by topic_config_resolve.
 */
int64_t config_topic_long(const struct config *c, const struct config_layer *layers, int n, enum config_id id);

/* ---- describing: what DescribeConfigs answers ---- */

struct config_synonym {
	struct str name;
	struct str value; /* null when sensitive */
	enum config_source source;
};

struct config_entry {
	struct str name;
	struct str value;	  /* null when sensitive or without a value */
	struct str documentation; /* null for names that are not in the table */
	const struct config_synonym *synonyms;
	int n_synonyms;
	enum config_source source;
	enum config_type type;
	bool sensitive;
	bool read_only;
};

/*
 * Describes one name. Layers, strongest first: for a topic {topic, this broker, all brokers}; for a
 * broker {this broker, all brokers}; for the cluster default (CONFIG_SCOPE_ALL_BROKERS) {all
 * brokers}; for a group {group, this broker, all brokers}; for a metrics subscription {it}.
 * Returns 0, or ERR_RESOURCE_NOT_FOUND when Kafka would not list the name (it is not set and is
 * unknown, internal, or a topic setting of Odradek's own): leave it out. Memory comes from the
 * arena or belongs to c and the layers.
 */
int config_describe(const struct config *c, enum config_scope scope, struct str name, const struct config_layer *layers,
		    int n, struct arena *a, struct config_entry *out);

/*
 * The names that DescribeConfigs lists for a scope when none were asked for: for topics, groups and
 * metrics those of the table; for a broker also names that were set but are in no table. i counts
 * from 0; null after the last. (Names that only a layer knows are up to the caller.)
 */
struct str config_described_name(const struct config *c, enum config_scope scope, int i);

/* ---- checking: what CreateTopics, AlterConfigs and IncrementalAlterConfigs refuse ---- */

struct config_pair {
	struct str name;
	struct str value; /* null is invalid, as in Kafka */
};

/*
 * Checks the complete new set of values of a resource as Kafka does, each by itself and all
 * together. c provides the defaults beneath. Returns 0, or the error number with Kafka's message
 * (our own where we refuse what Kafka would accept) in *message, from the arena. `old` is the
 * previous set.
 */
int config_check_topic(const struct config *c, const struct config_pair *set, int n, const struct config_pair *old,
		       int n_old, struct arena *a, struct str *message);
int config_check_broker(const struct config *c, bool per_broker, const struct config_pair *set, int n, struct arena *a,
			struct str *message);
int config_check_group(const struct config *c, const struct config_pair *set, int n, struct arena *a,
		       struct str *message);
int config_check_client_metrics(const struct config_pair *set, int n, struct arena *a, struct str *message);

#endif
