/*
 * partition_file: the JSON files in which Kafka's tools take partitions:
 *
 *	{"version": 1, "partitions": [{"topic": "t", "partition": 0, "offset": 10}, ...]}
 */
#ifndef ODRADEK_CLI_PARTITION_FILE_H
#define ODRADEK_CLI_PARTITION_FILE_H

#include <stdbool.h>

#include "cli/partitions.h"

/* What a tool wants of its file, and Kafka's words for what is wrong with it. */
struct partition_file {
	bool has_offsets; /* each has one; and the version is looked at */
	const char *not_json;
	const char *no_list;
	const char *twice; /* before the partition that is there twice */
	const char *twice_end;
};

/* By topic and number, each once, in the tool's arena. Ends the tool when the file cannot be read or says something else. */
struct partition *partition_file_read(struct tool *t, const struct partition_file *f, const char *path, int *n);

#endif
