/*
 * paths: makes and parses the names of files and directories.
 */
#include "log/paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "log/text.h"

void path_in(char out[PATH_SIZE], const char *dir, const char *name)
{
	int n = snprintf(out, PATH_SIZE, "%s/%s", dir, name);

	check(n > 0 && n < PATH_SIZE);
}

void path_of_offset(char out[PATH_SIZE], const char *dir, int64_t offset, const char *suffix)
{
	int n = snprintf(out, PATH_SIZE, "%s/%020lld%s", dir, (long long)offset, suffix);

	check(n > 0 && n < PATH_SIZE);
}

void path_of_replica(char out[PATH_SIZE], const char *dir, struct str topic, int32_t partition)
{
	int n = snprintf(out, PATH_SIZE, "%s/%.*s-%d", dir, STR_ARG(topic), partition);

	check(n > 0 && n < PATH_SIZE);
}

void path_of_marked(char out[PATH_SIZE], const char *dir, struct str topic, int32_t partition, struct uuid unique,
		    const char *suffix)
{
	char tail[128];
	char hex[33];

	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", unique.b[i]);
	int tail_len = snprintf(tail, sizeof(tail), "-%d.%s%s", partition, hex, suffix);
	if (topic.len > FILE_NAME_MAX - tail_len)
		topic.len = FILE_NAME_MAX - tail_len;
	int n = snprintf(out, PATH_SIZE, "%s/%.*s%s", dir, STR_ARG(topic), tail);
	check(n > 0 && n < PATH_SIZE);
}

bool name_ends(const char *name, const char *suffix)
{
	size_t n = strlen(name);
	size_t s = strlen(suffix);

	return n >= s && strcmp(name + n - s, suffix) == 0;
}

bool name_offset(const char *name, const char *suffix, int64_t *offset)
{
	size_t n = strlen(name);
	size_t s = strlen(suffix);
	struct text t = {name, name + n - s};

	if (n <= s || strcmp(name + n - s, suffix) != 0 || name[0] == '-')
		return false;
	return text_number(&t, offset) && text_at_end(&t);
}

static bool split_replica(struct str name, struct str *topic, int32_t *partition)
{
	int32_t dash = name.len - 1;
	int64_t n;

	while (dash > 0 && name.p[dash] != '-')
		dash--;
	if (dash <= 0)
		return false;
	struct text t = {name.p + dash + 1, name.p + name.len};
	if (!text_number(&t, &n) || !text_at_end(&t) || n < 0 || n > INT32_MAX)
		return false;
	*topic = (struct str){name.p, dash};
	*partition = (int32_t)n;
	return true;
}

bool name_replica(const char *name, struct str *topic, int32_t *partition)
{
	return split_replica(str_of(name), topic, partition);
}

bool name_future(const char *name, struct str *topic, int32_t *partition)
{
	static const char SUFFIX[] = "-future";
	enum { MARK = 33 + sizeof(SUFFIX) - 1 }; /* ".", 32 hex digits, the suffix */
	struct str whole = str_of(name);

	if (whole.len <= MARK || !name_ends(name, SUFFIX) || name[whole.len - MARK] != '.')
		return false;
	return split_replica((struct str){name, whole.len - MARK}, topic, partition);
}

int partition_metadata_read(struct env *env, const char *dir, struct uuid *out)
{
	static const char FORMAT[] = "version: 0\ntopic_id: ";
	char path[PATH_SIZE];
	char *text;
	size_t len;

	path_in(path, dir, "partition.metadata");
	int err = env_read_file(env, path, 4096, &text, &len);
	if (err)
		return err;
	err = -EINVAL;
	if (len >= sizeof(FORMAT) - 1 + UUID_TEXT_LEN && memcmp(text, FORMAT, sizeof(FORMAT) - 1) == 0) {
		struct str id = {text + sizeof(FORMAT) - 1, UUID_TEXT_LEN};
		struct uuid topic_id;

		err = uuid_parse(id, &topic_id) ? 0 : -EINVAL;
		if (!err)
			*out = topic_id; /* half an id, from a torn file, would be that of another topic */
	}
	xfree(text);
	return err;
}

int partition_metadata_write(struct env *env, const char *dir, struct uuid topic_id)
{
	char path[PATH_SIZE];
	char aside[PATH_SIZE];
	char id[UUID_TEXT_LEN + 1];
	struct buf text = {0};
	struct file *file;

	path_in(path, dir, "partition.metadata");
	path_in(aside, dir, "partition.metadata.tmp");
	int err = env_open(env, aside, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &file);
	if (err)
		return err;
	buf_printf(&text, "version: 0\ntopic_id: %s\n", uuid_text(topic_id, id));
	err = file_write_full(file, text.p, text.len, 0);
	file_unref(&file);
	buf_fini(&text);
	return err ? err : env_rename(env, aside, path);
}

struct removal {
	struct env *env;
	const char *dir;
};

static int remove_one(void *arg, const char *name, bool is_dir)
{
	struct removal *r = arg;
	char path[PATH_SIZE];

	path_in(path, r->dir, name);
	return is_dir ? remove_dir(r->env, path) : env_unlink(r->env, path);
}

int remove_dir(struct env *env, const char *path)
{
	struct removal r = {env, path};
	int err = env_list(env, path, remove_one, &r);

	return err ? err : env_rmdir(env, path);
}
