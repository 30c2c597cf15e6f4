/*
 * group_describe: one consumer group with its members and committed offsets, whichever protocol it
 * uses, for `odradek consumer-groups`.
 */
#ifndef ODRADEK_CLI_GROUP_DESCRIBE_H
#define ODRADEK_CLI_GROUP_DESCRIBE_H

#include "cli/partitions.h"
#include "cli/tool.h"

struct group_member {
	struct str id, instance_id, client_id, host;
	struct partition *assigned;
	int n_assigned;
	struct partition *target;
	int n_target;
	int32_t epoch; /* -1: a classic group */
	int upgraded;  /* whether the member of a group in migration uses the consumer protocol; -1: unknown */
};

struct group {
	struct str id;
	int err; /* ERR_GROUP_ID_NOT_FOUND: it does not exist */
	struct str message;
	int32_t coordinator;
	struct str state;
	struct str assignor;
	bool is_consumer; /* uses KIP-848 */
	int32_t epoch, assignment_epoch;
	struct group_member *members;
	int n_members;
};

/* Ends the tool when the coordinator cannot be found. */
struct group group_describe(struct tool *t, const char *id);

/*
 * The committed offsets: topic, partition, offset, leader_epoch; sorted by topic and partition.
 * Ends the tool on an error.
 */
struct partition *group_offsets(struct tool *t, const struct group *g, int *n);
/*
 * Commits `offset` of each, which is permitted for a group without members. Returns 0 or the first
 * error.
 */
int group_commit(struct tool *t, const struct group *g, const struct partition *v, int n);

#endif
