/* dump_sealed: what dump-log needs to decrypt batches: keys, and where the batches belong. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/dump_log.h"
#include "log/paths.h"

/* Reads "orders-3" from "data/orders-3.1f...-delete/0.log" as well as from "data/orders-3/0.log". */
static bool read_partition(const char *dir, int32_t *partition)
{
	const char *slash = strrchr(dir, '/');
	char *name = xstrdup(slash ? slash + 1 : dir);
	struct str topic;
	bool found = name_replica(name, &topic, partition) || name_future(name, &topic, partition);
	char *dot = strrchr(name, '.');

	if (!found && dot) {
		*dot = 0;
		found = name_replica(name, &topic, partition);
	}
	xfree(name);
	return found;
}

bool dump_place(struct env *env, const char *path, struct seal_place *out)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	bool known = read_partition(dir, &out->partition) && partition_metadata_read(env, dir, &out->topic_id) == 0;

	xfree(dir);
	return known;
}

bool dump_read_keys(struct dump *d, const char *path)
{
	struct buf why = {0};
	char *text;
	size_t len;
	int added;
	int err = env_read_file(d->env, path, ATREST_KEY_LIST_MAX, &text, &len);

	if (err) {
		buf_printf(&why, "%s", err_name(err));
	} else {
		err = atrest_keys_read(&d->keys, (struct str){text, (int32_t)len}, &added, &why);
		explicit_bzero(text, len);
		xfree(text);
	}
	if (err)
		fprintf(stderr, "odradek dump-log: %s: %.*s\n", path, STR_ARG(buf_str(&why)));
	buf_fini(&why);
	return err == 0;
}
