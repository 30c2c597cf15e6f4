/*
 * config_impl: what the files of this room share about a loaded configuration. No other room
 * includes it.
 */
#ifndef ODRADEK_CONFIG_CONFIG_IMPL_H
#define ODRADEK_CONFIG_CONFIG_IMPL_H

#include "config/config.h"
#include "config/value.h"

/* The number of node settings, which come first in the table. */
#define CONFIG_NODE_N TOPIC_CONFIG_SEGMENT_BYTES

/* A value that was given: one of Kafka's "originals". */
struct config_given {
	struct str name;
	struct str text; /* as given, not trimmed */
	struct str place;
	enum config_origin origin;
	const struct config_setting *setting; /* NULL for names that are not in the table */
	/* The parsed value of listener.name.X.setting; NULL for all other names and for invalid values. */
	const struct config_value *of_listener;
};

struct config {
	struct arena arena;
	struct config_given *given; /* one per name, in the order of first appearance */
	int n_given;
	int given_cap;
	struct config_value values[CONFIG_NODE_N];
	int given_by[CONFIG_NODE_N]; /* index into given, or -1 */
	struct config_network network;
};

const struct config_given *config_given(const struct config *c, enum config_id id); /* NULL when it has its default */
/* The same for one listener's own value. */
const struct config_given *config_given_at(const struct config *c, const struct config_at *at, enum config_id id);
/* Names that Kafka's authorizer reads and that are in no table. */
#define CONFIG_NAME_SUPER_USERS STR("super.users")
#define CONFIG_NAME_ALLOW_EVERYONE STR("allow.everyone.if.no.acl.found")
const struct config_given *config_given_name(const struct config *c, struct str name);

/* A view of as much of the value as a log line can take; nothing of a secret. */
struct str config_shown(const struct config_setting *s, struct str text);

void config_note_add(struct config_notes *notes, enum config_note_level level, struct str place, const char *format,
		     ...) __attribute__((format(printf, 4, 5)));

/* listener.c: fills in c->network; false after notes of level error. */
bool config_network_read(struct config *c, struct config_notes *notes);
/* rules.c: Kafka's checks across settings, which no single value reveals. */
void config_rules_check(const struct config *c, struct config_notes *notes);
/* status.c: notes values that ask for a guarantee that is not given, and values without effect. */
void config_status_check(const struct config *c, struct config_notes *notes);

/* synonym.c */

/* The names of one value, strongest first, including the setting itself; n == 1 for most. */
struct config_chain {
	enum config_id ids[3];
	int n;
};
struct config_chain config_chain_of(enum config_id id);

/*
 * The broker settings behind a topic's or a group's; the first is the one whose synonyms are
 * described. n == 0 when there are none.
 */
struct config_chain config_behind(enum config_id id);

/* Whether it is "listener.name.X.rest"; *rest is then a view of what follows the listener. */
bool config_listener_rest(struct str name, struct str *rest);
/* For "listener.name.X.setting": the setting behind it, or NULL; *base is its name. */
const struct config_setting *config_listener_override(struct str name, struct str *base);
/* Whether a SASL mechanism may have its own value: listener.name.LISTENER.MECHANISM.SETTING. */
bool config_is_of_mechanism(enum config_id id);

/* layer.c: the value a setting has under the layers, and its source; the text is null without a value. */
struct config_found {
	struct config_value value;
	enum config_source source;
};
void config_find_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id,
		    struct arena *a, struct config_found *out);
/*
 * A topic's or a group's setting: its own layer first, then the broker settings behind it,
 * converted. False when some layer held an invalid value, which was skipped.
 */
bool config_find_behind(const struct config *c, const struct config_layer *layers, int n, enum config_id id,
			struct arena *a, struct config_found *out);
/*
 * Whether this layer's value counts (not for static settings, per-broker settings set for all
 * brokers, or invalid values).
 */
bool config_layer_value(const struct config_layer *layer, const struct config_setting *s, struct arena *a,
			struct config_value *out);

#endif
