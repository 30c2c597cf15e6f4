/*
 * api_versions: which APIs a node speaks in which versions, printed as Java's NodeApiVersions has it.
 */
#ifndef ODRADEK_CLI_API_VERSIONS_H
#define ODRADEK_CLI_API_VERSIONS_H

#include "cli/tool.h"

struct node_line {
	int32_t id;
	struct str host;
	int port;
	struct str rack;
	bool is_fenced;
};

/* Asks each node, prints "host:port (id: ...) -> (...)" or adds to tool->out. */
void api_versions_print(struct tool *t, const struct node_line *nodes, int n);

#endif
