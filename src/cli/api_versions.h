/* api_versions: which APIs a node supports, in which versions, printed like Java's NodeApiVersions. */
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

/* Asks each node and prints "host:port (id: ...) -> (...)", or adds to tool->out. */
void api_versions_print(struct tool *t, const struct node_line *nodes, int n);

#endif
