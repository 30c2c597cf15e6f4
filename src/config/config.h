/*
 * config: every setting of the node, of topics, groups, metrics subscriptions and quotas: one table, and the node's own values.
 *
 * 1. The table (setting.h, its rows in *.tbl) is the only list of settings: parser, checks, DescribeConfigs and the manual follow it.
 * 2. A `struct config` is what one node was started with: defaults < properties file < KAFKA_* environment < --override, each value with
 *    the place it came from. It is resolved once and never changes: any thread may read it. Dynamic values live in the metadata image
 *    and are laid over it by the caller, as layers, at each look-up.
 * 3. A setting whose value asks for a guarantee that is not given stops the load. What merely has no effect is noted, and stands.
 * 4. Nothing here reads clock, chance, files or environment: config_load takes the text of the file and the environment's strings.
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

/* ---- where a value comes from ---- */

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
	struct str file_name;		/* for messages; null = no file: the built-in configuration */
	struct str file_text;		/* properties.h */
	const char *const *environment; /* "NAME=value" strings, NULL at the end; may be NULL */
	const char *const *overrides;	/* "name=value" strings, NULL at the end; may be NULL */
	struct str data_dir;		/* log.dirs of the built-in configuration */
};

enum config_note_level {
	CONFIG_NOTE_WARN,
	CONFIG_NOTE_REFUSED, /* legal in Kafka; it asks for a guarantee that is not given, or could not work */
	CONFIG_NOTE_ERROR,
};

/* A line for the person who starts the node: place ("server.properties:12", "KAFKA_NODE_ID", "--override"), then what is wrong. */
struct config_note {
	enum config_note_level level;
	struct str place; /* null when it is about the whole */
	struct str text;
};

struct config_notes {
	struct arena arena;
	struct config_note *v;
	int n;
	int n_errors; /* refusals among them */
};

/*
 * 0 and *out, or ERR_INVALID_CONFIG and NULL when a value is not legal, a required one is missing or a guarantee is refused. All notes are
 * given either way, in the order of their finding; the caller finishes them.
 */
int config_load(const struct config_input *in, struct config **out, struct config_notes *notes);
void config_notes_fini(struct config_notes *notes);
void config_free(struct config *c);

/*
 * Where a node without a file keeps its data: the directory that systemd gives a service, or the user's state directory (XDG), or
 * /var/lib/odradek. Not created here.
 */
struct str config_data_dir(const char *const *environment, struct arena *a);

/* "KAFKA_LOG_DIRS" to "log.dirs", as the official image names it; null for variables that are no settings. */
struct str config_name_of_variable(struct str variable, struct arena *a);

/* The built-in configuration as a properties file (UTF-8). */
struct str config_builtin_text(struct arena *a, struct str data_dir);

/* ---- the node's own values, static ones; a wrong type is a check ---- */

bool config_is_null(const struct config *c, enum config_id id);
bool config_bool(const struct config *c, enum config_id id);
int32_t config_int(const struct config *c, enum config_id id);	 /* INT, SHORT */
int64_t config_long(const struct config *c, enum config_id id);	 /* LONG, INT, SHORT */
double config_double(const struct config *c, enum config_id id); /* DOUBLE */
struct str config_string(const struct config *c,
			 enum config_id id); /* STRING, CLASS, PASSWORD; null when it has no value */
/* LIST: n and the items; NULL and 0 for null and for empty. */
const struct str *config_list(const struct config *c, enum config_id id, int *n);
struct str config_text(const struct config *c,
		       enum config_id id); /* any type, as Kafka prints it; null when it has no value */
enum config_origin config_origin(const struct config *c, enum config_id id);
/* "server.properties:12", "KAFKA_LOG_DIRS", "--override", "built in", "default". */
struct str config_place(const struct config *c, enum config_id id);

/*
 * A setting of one listener: what listener.name.NAME.setting gives, NAME in any case, or else the node's own. With a mechanism it is
 * listener.name.NAME.MECHANISM.setting (sasl.jaas.config and its neighbours; Kafka's JaasContext). A wrong type is a check.
 */
struct config_at {
	struct str listener;
	struct str mechanism; /* null: none */
};

/* Does the listener have a value of its own? */
bool config_at_is_set(const struct config *c, const struct config_at *at, enum config_id id);
struct str config_at_text(const struct config *c, const struct config_at *at,
			  enum config_id id); /* any type, as it stands; null when it has no value */
struct str config_at_string(const struct config *c, const struct config_at *at,
			    enum config_id id); /* STRING, CLASS, PASSWORD */
bool config_at_bool(const struct config *c, const struct config_at *at, enum config_id id);
int64_t config_at_long(const struct config *c, const struct config_at *at, enum config_id id); /* LONG, INT, SHORT */
const struct str *config_at_list(const struct config *c, const struct config_at *at, enum config_id id, int *n);

/*
 * What Kafka's authorizer reads beside the table, from all that was given: super.users (null when it was not), and whether
 * allow.everyone.if.no.acl.found is "true", in any case.
 */
struct str config_super_users(const struct config *c);
bool config_allow_everyone_if_no_acl_found(const struct config *c);

/* log.dirs, or else log.dir. Never empty. */
const struct str *config_log_dirs(const struct config *c, int *n);
struct str config_metadata_log_dir(const struct config *c);
bool config_is_broker(const struct config *c);
bool config_is_controller(const struct config *c);

/* Listeners, what is advertised, voters, per-address limits: parsed and checked (listener.h). */
const struct config_network *config_network(const struct config *c);

/* ---- dynamic values ---- */

/* One source of dynamic values, most often a map in the metadata image. get() gives null when the name is not set there. */
struct config_layer {
	enum config_source source;
	struct str (*get)(const void *arg, struct str name);
	const void *arg;
};

/*
 * A node setting under n dynamic layers, strongest first (this broker, all brokers), then the static value. Values that are not legal
 * count as not set. The text points into the layer, or into c.
 */
int64_t config_long_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id);
bool config_bool_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id);
double config_double_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id);
/* A topic's setting (TOPIC_CONFIG_*), LONG, INT or BOOLEAN, under {topic, this broker, all brokers}, as topic_config_resolve finds it. */
int64_t config_topic_long(const struct config *c, const struct config_layer *layers, int n, enum config_id id);

/* ---- describing: what DescribeConfigs answers ---- */

struct config_synonym {
	struct str name;
	struct str value; /* null when sensitive */
	enum config_source source;
};

struct config_entry {
	struct str name;
	struct str value;	  /* null when sensitive or without value */
	struct str documentation; /* null for names that are not in the table */
	const struct config_synonym *synonyms;
	int n_synonyms;
	enum config_source source;
	enum config_type type;
	bool sensitive;
	bool read_only;
};

/*
 * Describes one name. Layers strongest first; those of a topic are {topic, this broker, all brokers}; of a broker {this broker, all
 * brokers}; of the cluster default (CONFIG_SCOPE_ALL_BROKERS) {all brokers}; of a group {group, this broker, all brokers}; of a metrics
 * subscription {it}.
 * 0, or ERR_RESOURCE_NOT_FOUND when Kafka would not list the name (it is unknown and not set, internal and not set, or a setting of ours of a topic and not set): leave it out. Memory comes from the arena or belongs to c and the layers.
 */
int config_describe(const struct config *c, enum config_scope scope, struct str name, const struct config_layer *layers,
		    int n, struct arena *a, struct config_entry *out);

/*
 * The names that DescribeConfigs lists for a scope when none were asked for: of topics, groups and metrics the table's, of a broker also
 * those that were set and are in no table. i counts from 0; null after the last. (Names that only a layer knows are the caller's.)
 */
struct str config_described_name(const struct config *c, enum config_scope scope, int i);

/* ---- checking: what CreateTopics, AlterConfigs and IncrementalAlterConfigs refuse ---- */

struct config_pair {
	struct str name;
	struct str value; /* null = not legal, as in Kafka */
};

/*
 * Checks the whole new set of a resource as Kafka does, name by name and across. c gives the defaults beneath. 0, or the error number,
 * with Kafka's words (and ours where we refuse what Kafka would take) in *message, from the arena. `old` is the set before.
 */
int config_check_topic(const struct config *c, const struct config_pair *set, int n, const struct config_pair *old,
		       int n_old, struct arena *a, struct str *message);
int config_check_broker(const struct config *c, bool per_broker, const struct config_pair *set, int n, struct arena *a,
			struct str *message);
int config_check_group(const struct config *c, const struct config_pair *set, int n, struct arena *a,
		       struct str *message);
int config_check_client_metrics(const struct config_pair *set, int n, struct arena *a, struct str *message);

#endif
