/*
 * partition_file: the JSON files in which Kafka's tools are given partitions:
 *
 *	{"version": 1, "partitions": [{"topic": "t", "partition": 0, "offset": 10}, ...]}
 */
#ifndef ODRADEK_CLI_PARTITION_FILE_H
#define ODRADEK_CLI_PARTITION_FILE_H

#include <stdbool.h>

#include "cli/partitions.h"

/* What a tool requires of its file, and Kafka's messages for mistakes in it. */
struct partition_file {
	bool has_offsets; /* each partition has one; then the version is checked too */
	const char *not_json;
	const char *no_list;
	const char *twice; /* precedes the partition that occurs twice */
	const char *twice_end;
};

/*
 * Sorted by topic and partition, without duplicates, in the tool's arena. Ends the tool when the
 * file cannot be read or is invalid.
 */
struct partition *partition_file_read(struct tool *t, const struct partition_file *f, const char *path, int *n);

#endif
