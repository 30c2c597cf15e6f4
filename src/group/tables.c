/*
 * tables: the rows.
 */
#include "group/tables.h"

#include "protocol/group_records.h"

const struct group_command group_commands[] = {
	{-1, NULL},
};
const int group_commands_n = (int)(sizeof(group_commands) / sizeof(group_commands[0]));

const struct group_record group_records[] = {
	{&group_metadata_key_schema, &group_metadata_value_schema, NULL},
};
const int group_records_n = (int)(sizeof(group_records) / sizeof(group_records[0]));
