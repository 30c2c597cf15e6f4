/*
 * topic_describe: what `odradek topics --describe` says of topics and their partitions, as far as its options ask for it.
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

/* To standard output, or as objects to t->out. */
void topics_describe(struct tool *t, const struct topic_names *names);
void topic_describe_by_id(struct tool *t, struct uuid id);

#endif
