/*
 * delete_records: `odradek delete-records`: kafka-delete-records.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/partition_file.h"
#include "cli/tool.h"

extern const struct command command_delete_records;

enum { TIMEOUT_MS = 30000 };

static const struct partition_file OFFSETS_FILE = {
	.has_offsets = true,
	.not_json = "The input string is not a valid JSON",
	.no_list = "Missing partitions field",
	.twice = "Offset json file contains duplicate topic partitions: ",
	.twice_end = "",
};

static int delete_records(struct tool *t)
{
	struct partition *v;
	int n;

	v = partition_file_read(t, &OFFSETS_FILE, tool_value(t, "offset-json-file"), &n);
	tool_connect(t);
	t->out = json_array();
	if (!t->json)
		printf("Executing records delete operation\n");
	partitions_delete_records(t, v, n, TIMEOUT_MS);
	if (!t->json)
		printf("Records delete operation completed:\n");
	for (int i = 0; i < n; i++) {
		struct str text = v[i].err ? tool_error_text(t, v[i].err, STR_NULL) : STR_NULL;
		char name[96];

		if (t->json)
			json_array_append_new(t->out, json_pack("{s:o,s:i,s:o,s:o}", "topic", json_str(v[i].topic),
								"partition", (int)v[i].partition, "lowWatermark",
								v[i].err ? json_null() : json_integer(v[i].offset),
								"error", json_str(text)));
		else if (v[i].err)
			printf("partition: %.*s-%d\terror: org.apache.kafka.common.errors.%s: %.*s\n",
			       STR_ARG(v[i].topic), v[i].partition, tool_exception(v[i].err, name), STR_ARG(text));
		else
			printf("partition: %.*s-%d\tlow_watermark: %lld\n", STR_ARG(v[i].topic), v[i].partition,
			       (long long)v[i].offset);
	}
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_delete_records, argc, argv, delete_records);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"offset-json-file", "FILE",
	 "what to delete: {\"partitions\": [{\"topic\": \"t\", \"partition\": 0, \"offset\": 10}], \"version\": 1}; an offset of -1 is the end",
	 NULL, 0, OPTION_REQUIRED},
	OPTION_COMMON,
};

const struct command command_delete_records = {
	.name = "delete-records",
	.summary = "delete records before given offsets, as kafka-delete-records does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Deletes the records before an offset of each partition in a file, as kafka-delete-records does.",
};
