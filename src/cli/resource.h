/*
 * resource: something in a cluster that has settings (a topic, a broker, a group, ...), by type and
 * name, and changing them.
 */
#ifndef ODRADEK_CLI_RESOURCE_H
#define ODRADEK_CLI_RESOURCE_H

#include "cli/tool.h"
#include "metadata/image.h"
#include "protocol/incremental_alter_configs.h"

/*
 * The node that can change it: a broker's own settings go to that broker; with
 * --bootstrap-controller everything goes to the controller.
 */
int32_t resource_node(const struct tool *t, int8_t type, struct str name);

/* An empty list of changes, with room for `cap`, in the tool's arena. */
struct incremental_alter_configs_request_resource resource_change(struct tool *t, int8_t type, struct str name,
								  int cap);
void resource_set(struct incremental_alter_configs_request_resource *r, struct str name, struct str value);
void resource_unset(struct incremental_alter_configs_request_resource *r, struct str name);

/* Sends all changes; the first error ends the tool. */
void resources_alter(struct tool *t, struct incremental_alter_configs_request_resource *v, int n);

#endif
