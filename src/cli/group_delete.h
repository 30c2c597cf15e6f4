/*
 * group_delete: groups that go, and offsets of theirs: `odradek consumer-groups --delete` and --delete-offsets.
 */
#ifndef ODRADEK_CLI_GROUP_DELETE_H
#define ODRADEK_CLI_GROUP_DELETE_H

#include "cli/tool.h"

/* Each is tried; what has become of them is printed. The exit status. */
int groups_delete(struct tool *t, const struct str *ids, int n);
/* Of --group, the offsets of --topic. */
int group_delete_offsets(struct tool *t);

#endif
