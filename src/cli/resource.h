/*
 * resource: what has settings in a cluster (a topic, a broker, a group, ...), by type and name, and changing them.
 */
#ifndef ODRADEK_CLI_RESOURCE_H
#define ODRADEK_CLI_RESOURCE_H

#include "cli/tool.h"
#include "protocol/incremental_alter_configs.h"

enum {
	RESOURCE_TOPIC = 2,
	RESOURCE_BROKER = 4,
	RESOURCE_BROKER_LOGGER = 8,
	RESOURCE_CLIENT_METRICS = 16,
	RESOURCE_GROUP = 32,
};

/* Who is asked to change it: a broker's own settings are that broker's; with --bootstrap-controller everything is the controller's. */
int32_t resource_node(const struct tool *t, int8_t type, struct str name);

/* No changes yet, with room for `cap`; in the tool's arena. */
struct incremental_alter_configs_request_resource resource_change(struct tool *t, int8_t type, struct str name,
								  int cap);
void resource_set(struct incremental_alter_configs_request_resource *r, struct str name, struct str value);
void resource_unset(struct incremental_alter_configs_request_resource *r, struct str name);

/* Changes the settings of all; ends the tool with the first error. */
void resources_alter(struct tool *t, struct incremental_alter_configs_request_resource *v, int n);

#endif
