/* tables: the rows of the two dispatch tables. */
#include "group/tables.h"

#include "group/admin.h"
#include "group/classic.h"
#include "group/consumer_group.h"
#include "group/offsets.h"
#include "protocol/consumer_group_describe.h"
#include "protocol/consumer_group_heartbeat.h"
#include "protocol/delete_groups.h"
#include "protocol/describe_groups.h"
#include "protocol/group_records.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/list_groups.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_delete.h"
#include "protocol/offset_fetch.h"
#include "protocol/sync_group.h"
#include "protocol/txn_offset_commit.h"

const struct group_command group_commands[] = {
	{offset_commit_request_KEY, offset_commit_command},
	{offset_fetch_request_KEY, offset_fetch_command},
	{heartbeat_request_KEY, classic_heartbeat_command},
	{join_group_request_KEY, classic_join_command},
	{sync_group_request_KEY, classic_sync_command},
	{leave_group_request_KEY, classic_leave_command},
	{txn_offset_commit_request_KEY, txn_offset_commit_command},
	{describe_groups_request_KEY, describe_groups_command},
	{list_groups_request_KEY, list_groups_command},
	{delete_groups_request_KEY, delete_groups_command},
	{offset_delete_request_KEY, offset_delete_command},
	{consumer_group_heartbeat_request_KEY, consumer_heartbeat_command},
	{consumer_group_describe_request_KEY, consumer_describe_command},
};
const int group_commands_n = (int)(sizeof(group_commands) / sizeof(group_commands[0]));

#define CONSUMER(name, apply)                                                                                          \
	{                                                                                                              \
		&consumer_group_##name##_key_schema, &consumer_group_##name##_value_schema, apply                      \
	}

/*
 * The keys of the first two kinds differ only in their number; values of both are read by their own
 * version.
 */
const struct group_record group_records[] = {
	{&legacy_offset_commit_key_schema, &offset_commit_value_schema, offsets_apply},
	{&offset_commit_key_schema, &offset_commit_value_schema, offsets_apply},
	{&group_metadata_key_schema, &group_metadata_value_schema, classic_apply},
	CONSUMER(metadata, consumer_apply_group),
	CONSUMER(partition_metadata, consumer_apply_partition_metadata),
	CONSUMER(member_metadata, consumer_apply_subscription),
	CONSUMER(target_assignment_metadata, consumer_apply_target_epoch),
	CONSUMER(target_assignment_member, consumer_apply_target),
	CONSUMER(current_member_assignment, consumer_apply_current),
	CONSUMER(regular_expression, consumer_apply_regex),
};
const int group_records_n = (int)(sizeof(group_records) / sizeof(group_records[0]));
