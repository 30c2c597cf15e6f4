/*
 * configs_entities: whose settings `odradek configs` is asked for, and what it is to change: its
 * options, read and checked.
 *
 * An entity is a type and a name; users and clients can be combined. What is wrong ends the tool
 * with Kafka's message.
 */
#ifndef ODRADEK_CLI_CONFIGS_ENTITIES_H
#define ODRADEK_CLI_CONFIGS_ENTITIES_H

#include "cli/quotas.h"
#include "cli/tool.h"

/* A type that has quotas instead of settings is no resource. */
enum { RESOURCE_NONE = 0 };

struct entity_type {
	const char *name;
	int8_t resource;
	int8_t dynamic_source;	   /* enum config_source: of what was set for one of them */
	const char *flag;	   /* --topic NAME */
	const char *defaults_flag; /* --broker-defaults; NULL: none */
};

struct entities {
	const struct entity_type *types[OPTIONS_MAX];
	int n_types;
	const char *names[OPTIONS_MAX]; /* "": the default */
	int n_names;
};

bool entity_type_is(const struct entity_type *t, const char *name);
/* "topic" */
struct str entity_type_singular(const struct entity_type *t);

/* In the tool's arena. */
struct entities *entities_read(struct tool *t);
void entities_check(struct tool *t, const struct entities *e, bool alter);
bool entities_have_type(const struct entities *e, const char *name);
/* Whether there is a name, or the default if that is wanted. */
bool entities_have_name(const struct entities *e, bool wanted_default);

/* --add-config, --add-config-file, --delete-config */
void config_changes_read(struct tool *t, struct config_changes *c);

#endif
