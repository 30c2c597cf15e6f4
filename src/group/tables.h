/*
 * tables: the two dispatch tables of this room: the function for each command, and the function
 * that applies each record. A new command or record is a row in tables.c.
 */
#ifndef ODRADEK_GROUP_TABLES_H
#define ODRADEK_GROUP_TABLES_H

#include "group/internal.h"

struct group_command {
	int16_t api;
	group_command_fn *run;
};

struct group_record {
	const struct schema *key;
	const struct schema *value;
	group_apply_fn *apply;
};

extern const struct group_command group_commands[];
extern const int group_commands_n;
extern const struct group_record group_records[];
extern const int group_records_n;

#endif
