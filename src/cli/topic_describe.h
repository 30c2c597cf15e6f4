/*
 * topic_describe: prints topics and their partitions for `odradek topics --describe`, as far as its
 * options request it.
 */
#ifndef ODRADEK_CLI_TOPIC_DESCRIBE_H
#define ODRADEK_CLI_TOPIC_DESCRIBE_H

#include "cli/tool.h"

struct metadata_response;

struct topic_names {
	struct str *v;
	int n;
	const struct metadata_response *metadata; /* of all topics */
};

/* To standard output, or as objects in t->out. */
void topics_describe(struct tool *t, const struct topic_names *names);
void topic_describe_by_id(struct tool *t, struct uuid id);

#endif
