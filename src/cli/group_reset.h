/* group_reset: resets the offsets of a group without members: `odradek consumer-groups --reset-offsets`. */
#ifndef ODRADEK_CLI_GROUP_RESET_H
#define ODRADEK_CLI_GROUP_RESET_H

#include "cli/group_describe.h"

/* Plans and, with --execute, commits new offsets for each group; prints the plan, as CSV with --export. */
int groups_reset(struct tool *t, const struct str *ids, int n);

/*
 * Returns the partitions of all --topic options ("TOPIC" or "TOPIC:0,1"). An unknown topic ends the
 * tool or, with `unknown_too`, is returned as its partition -1 with the error.
 */
struct partition *topic_arguments(struct tool *t, bool unknown_too, int *n);

#endif
