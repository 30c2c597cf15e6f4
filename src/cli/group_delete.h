/*
 * group_delete: deletes groups, or offsets of a group: `odradek consumer-groups --delete` and
 * --delete-offsets.
 */
#ifndef ODRADEK_CLI_GROUP_DELETE_H
#define ODRADEK_CLI_GROUP_DELETE_H

#include "cli/tool.h"

/* Tries each group and prints the results. Returns the exit status. */
int groups_delete(struct tool *t, const struct str *ids, int n);
/* Deletes the offsets of --group for --topic. */
int group_delete_offsets(struct tool *t);

#endif
