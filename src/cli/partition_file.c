/* partition_file: parses the file and checks each entry. */
#include "cli/partition_file.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FILE_MAX = 64 << 20, FILE_VERSION = 1 };

static struct partition read_one(struct tool *t, const struct partition_file *f, const json_t *one, size_t at)
{
	const char *topic = json_string_value(json_object_get(one, "topic"));
	const json_t *partition = json_object_get(one, "partition");
	const json_t *offset = json_object_get(one, "offset");

	if (!topic || !json_is_integer(partition) || (f->has_offsets && !json_is_integer(offset)))
		tool_die(t, "partition %zu of the file: topic%s were expected", at,
			 f->has_offsets ? ", partition and offset" : " and partition");
	return (struct partition){
		.topic = arena_str(&t->arena, str_of(topic)),
		.partition = (int32_t)json_integer_value(partition),
		.offset = json_integer_value(offset),
	};
}

static struct partition *read_list(struct tool *t, const struct partition_file *f, const json_t *root, int *n)
{
	const json_t *version = f->has_offsets ? json_object_get(root, "version") : NULL;
	const json_t *list = json_object_get(root, "partitions");
	struct partition *v;

	if (version && json_integer_value(version) != FILE_VERSION)
		tool_die(t, "Not supported version field value %lld", (long long)json_integer_value(version));
	if (!json_is_array(list))
		tool_die(t, "%s", f->no_list);
	*n = (int)json_array_size(list);
	v = arena_array(&t->arena, (size_t)*n + 1, sizeof(*v));
	for (int i = 0; i < *n; i++)
		v[i] = read_one(t, f, json_array_get(list, (size_t)i), (size_t)i);
	return v;
}

struct partition *partition_file_read(struct tool *t, const struct partition_file *f, const char *path, int *n)
{
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
		tool_die(t, "%s", f->not_json);
	v = read_list(t, f, root, n);
	json_decref(root);
	qsort(v, (size_t)*n, sizeof(*v), partition_compare);
	for (int i = 1; i < *n; i++)
		if (partition_compare(&v[i - 1], &v[i]) == 0)
			tool_die(t, "%s%.*s-%d%s", f->twice, STR_ARG(v[i].topic), v[i].partition, f->twice_end);
	return v;
}
