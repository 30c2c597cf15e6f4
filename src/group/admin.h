/* admin: listing, describing and deleting groups. */
#ifndef ODRADEK_GROUP_ADMIN_H
#define ODRADEK_GROUP_ADMIN_H

#include "group/internal.h"

group_command_fn list_groups_command;
group_command_fn describe_groups_command;
group_command_fn delete_groups_command;

#endif
