/*
 * version: the levels of metadata.version, and what each of them allows.
 */
#ifndef ODRADEK_METADATA_VERSION_H
#define ODRADEK_METADATA_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum metadata_version {
	METADATA_VERSION_MIN = 7, /* 3.3-IV3 */
	METADATA_VERSION_SHUTDOWN_STATE = 7,
	METADATA_VERSION_ZK_MIGRATION = 8,
	METADATA_VERSION_SCRAM = 11,
	METADATA_VERSION_NO_EPOCH_BUMP_ON_SHRINK = 12,
	METADATA_VERSION_TRANSACTIONS = 13,
	METADATA_VERSION_TOKENS = 14,
	METADATA_VERSION_CONTROLLER_REGISTRATION = 15,
	METADATA_VERSION_DIRECTORIES = 17,
	METADATA_VERSION_KRAFT_1 = 21,
	METADATA_VERSION_ELR = 23,
	METADATA_VERSION_CORDONED_DIRS = 30,
	METADATA_VERSION_CIDR = 32,
	METADATA_VERSION_UNREGISTER_CONTROLLER = 33,
	METADATA_VERSION_MAX = 33, /* 4.4-IV2 */
};

bool metadata_version_is_known(int level);
/* "4.4-IV2"; NULL for an unknown level. */
const char *metadata_version_name(int level);
/* "4.4-IV2", "4.4" or "4.4.1" (the last level of that release); -1 when there is none. */
int metadata_version_parse(struct str text);
/* Did the format of the log change above the lower level, up to and including the higher one? */
bool metadata_version_format_changed(int a, int b);

int16_t metadata_version_of_register_broker(int level);
int16_t metadata_version_of_partition(int level); /* of PartitionChangeRecord too */

#endif
