/* group_list: the groups of all brokers, for the tools that list them. */
#ifndef ODRADEK_CLI_GROUP_LIST_H
#define ODRADEK_CLI_GROUP_LIST_H

#include "cli/tool.h"

struct group_line {
	struct str id;
	struct str protocol;
	struct str state; /* "Stable"; empty when the broker does not say */
	struct str type;  /* "Classic", as Java prints it; empty when the broker does not say */
};

struct group_list {
	struct group_line *v;
	int n;
};

/*
 * Sorted by id. Filters may be NULL; for brokers that do not support them, filtering happens here.
 * Ends the tool when a broker does not answer.
 */
struct group_list group_list_all(struct tool *t, const struct str *states, int n_states, const struct str *types,
				 int n_types);

/*
 * Converts "PREPARING_REBALANCE", "preparingrebalance", ... to "PreparingRebalance"; a null string
 * for an unknown state.
 */
struct str group_state_parse(struct str text);

#endif
