/*
 * delete_records: `odradek delete-records`: kafka-delete-records.
 *
 *	{"version": 1, "partitions": [{"topic": "t", "partition": 0, "offset": 10}, ...]}
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/partitions.h"
#include "cli/tool.h"

extern const struct command command_delete_records;

enum { FILE_MAX = 64 << 20, TIMEOUT_MS = 30000 };

static struct partition *read_partitions(struct tool *t, json_t *root, int *n)
{
	json_t *version = json_object_get(root, "version");
	json_t *list = json_object_get(root, "partitions");
	struct partition *v;
	size_t at;
	json_t *one;

	if (version && json_integer_value(version) != 1)
		tool_die(t, "Not supported version field value %lld", (long long)json_integer_value(version));
	if (!json_is_array(list))
		tool_die(t, "Missing partitions field");
	v = arena_array(&t->arena, json_array_size(list) + 1, sizeof(*v));
	json_array_foreach(list, at, one)
	{
		const char *topic = json_string_value(json_object_get(one, "topic"));

		if (!topic || !json_is_integer(json_object_get(one, "partition")) ||
		    !json_is_integer(json_object_get(one, "offset")))
			tool_die(t, "partition %zu of the file: topic, partition and offset were expected", at);
		v[at] = (struct partition){.topic = arena_str(&t->arena, str_of(topic)),
					   .partition = (int32_t)json_integer_value(json_object_get(one, "partition")),
					   .offset = json_integer_value(json_object_get(one, "offset"))};
	}
	*n = (int)json_array_size(list);
	return v;
}

static struct partition *read_file(struct tool *t, int *n)
{
	const char *path = tool_value(t, "offset-json-file");
	struct partition *v;
	json_error_t why;
	json_t *root;
	char *text;
	size_t len;
	int err = env_read_file(t->env, path, FILE_MAX, &text, &len);

	if (err != 0)
		tool_die(t, "%s: %s", path, err_name(err));
	root = json_loadb(text, len, 0, &why);
	xfree(text);
	if (!root)
		tool_die(t, "The input string is not a valid JSON");
	v = read_partitions(t, root, n);
	json_decref(root);
	qsort(v, (size_t)*n, sizeof(*v), partition_compare);
	for (int i = 1; i < *n; i++)
		if (partition_compare(&v[i - 1], &v[i]) == 0)
			tool_die(t, "Offset json file contains duplicate topic partitions: %.*s-%d",
				 STR_ARG(v[i].topic), v[i].partition);
	return v;
}

static int delete_records(struct tool *t)
{
	struct partition *v;
	int n;

	v = read_file(t, &n);
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
	.summary = "delete records before given offsets, as kafka-delete-records",
	.run = run,
	.options = OPTIONS,
	.description =
		"Deletes the records before an offset of each partition in a file, as kafka-delete-records does.",
};
