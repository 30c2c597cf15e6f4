/*
 * group_show: prints a group for `odradek consumer-groups --describe`: its offsets, its members or
 * its state.
 */
#ifndef ODRADEK_CLI_GROUP_SHOW_H
#define ODRADEK_CLI_GROUP_SHOW_H

#include "cli/group_describe.h"

/* To standard output, or as another object in t->out. */
void group_show_offsets(struct tool *t, const struct group *g);
void group_show_members(struct tool *t, const struct group *g);
void group_show_state(struct tool *t, const struct group *g);

#endif
