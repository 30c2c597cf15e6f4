/*
 * group_reset: the offsets of a group that has no members, set anew: `odradek consumer-groups --reset-offsets`.
 */
#ifndef ODRADEK_CLI_GROUP_RESET_H
#define ODRADEK_CLI_GROUP_RESET_H

#include "cli/group_describe.h"

/* Plans, and with --execute commits, for each group; prints the plan, as CSV with --export. */
int groups_reset(struct tool *t, const struct str *ids, int n);

/* "TOPIC" or "TOPIC:0,1" of --topic, all of them: the partitions. Ends the tool when one is not there. */
struct partition *topic_arguments(struct tool *t, int *n);

/* "2026-11-22T21:12:56.123", with or without a zone, to milliseconds since 1970 in UTC; false when it is no such text. */
bool datetime_parse(const char *text, int64_t *out);
/* "P1DT2H3M4.5S" to milliseconds. */
bool duration_parse(const char *text, int64_t *out);

#endif
