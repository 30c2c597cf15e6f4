/*
 * config_impl: what the files of this room share about a loaded configuration. Nobody else includes it.
 */
#ifndef ODRADEK_CONFIG_CONFIG_IMPL_H
#define ODRADEK_CONFIG_CONFIG_IMPL_H

#include "config/config.h"
#include "config/value.h"

/* Node settings come first in the table. */
#define CONFIG_NODE_N TOPIC_CONFIG_SEGMENT_BYTES

/* A value that somebody gave: Kafka's "originals". */
struct config_given {
	struct str name;
	struct str text; /* as given, not trimmed */
	struct str place;
	enum config_origin origin;
	const struct config_setting *setting; /* NULL for names that are not in the table */
	const struct config_value
		*of_listener; /* of listener.name.X.setting, read; NULL for all others and for what is not legal */
};

struct config {
	struct arena arena;
	struct config_given *given; /* one for each name, in the order of their first appearance */
	int n_given;
	int given_cap;
	struct config_value values[CONFIG_NODE_N];
	int given_by[CONFIG_NODE_N]; /* index into given, or -1 */
	struct config_network network;
};

const struct config_given *config_given(const struct config *c, enum config_id id); /* NULL when it has its default */
/* The same of one listener's own value. */
const struct config_given *config_given_at(const struct config *c, const struct config_at *at, enum config_id id);
/* Names that Kafka's authorizer reads, and that are in no table. */
#define CONFIG_NAME_SUPER_USERS STR("super.users")
#define CONFIG_NAME_ALLOW_EVERYONE STR("allow.everyone.if.no.acl.found")
const struct config_given *config_given_name(const struct config *c, struct str name);

void config_note_add(struct config_notes *notes, enum config_note_level level, struct str place, const char *format,
		     ...) __attribute__((format(printf, 4, 5)));

/* listener.c: fills c->network; false after notes of level error. */
bool config_network_read(struct config *c, struct config_notes *notes);
/* rules.c: what no single value shows: Kafka's checks across settings. */
void config_rules_check(const struct config *c, struct config_notes *notes);
/* status.c: what asks for a guarantee that is not given, and what has no effect. */
void config_status_check(const struct config *c, struct config_notes *notes);

/* synonym.c */

/* Other names of one value, the strongest first, the setting itself among them; n == 1 for most. */
struct config_chain {
	enum config_id ids[3];
	int n;
};
struct config_chain config_chain_of(enum config_id id);

/* The broker's settings behind a topic's or a group's: first the one whose synonyms are described; n == 0 when there is none. */
struct config_chain config_behind(enum config_id id);

/* "listener.name.X.setting": the setting behind it, or NULL; *base is its name. */
const struct config_setting *config_listener_override(struct str name, struct str *base);
/* May it be a SASL mechanism's own: listener.name.LISTENER.MECHANISM.SETTING? */
bool config_is_of_mechanism(enum config_id id);

/* layer.c: the text a setting has under the layers, and where it comes from; the text is null where it has no value. */
struct config_found {
	struct config_value value;
	enum config_source source;
};
void config_find_in(const struct config *c, const struct config_layer *layers, int n, enum config_id id,
		    struct arena *a, struct config_found *out);
/* A topic's or a group's setting: its own layer first, then the broker's settings behind it, converted. Returns false when some layer held
 * a value that is not legal and was passed over. */
bool config_find_behind(const struct config *c, const struct config_layer *layers, int n, enum config_id id,
			struct arena *a, struct config_found *out);
/* Does this layer's value count? (not static ones, not per-broker ones for all brokers, not illegal ones) */
bool config_layer_value(const struct config_layer *layer, const struct config_setting *s, struct arena *a,
			struct config_value *out);

#endif
