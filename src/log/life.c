/* life: a file, and a witness. See life.h. */
#include "log/life.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "log/paths.h"

#define LIFE_FILE "odradek.life"
#define WITNESS_SUFFIX "-delete"

enum { ID_LEN = 32, LIFE_TEXT_MAX = ID_LEN + 1 + FILE_CACHE_NAME_MAX + 2 };

static int text_of(struct file *f, const char id[ID_LEN + 1], char out[LIFE_TEXT_MAX])
{
	char cache[FILE_CACHE_NAME_MAX];
	int err = file_cache_name(f, cache);

	if (!err)
		snprintf(out, LIFE_TEXT_MAX, "%s %s\n", id, cache);
	return err;
}

static void witness_path(char out[PATH_SIZE], const char *dir, const char *id)
{
	char name[FILE_NAME_MAX];

	snprintf(name, sizeof(name), LIFE_FILE "-0.%.*s" WITNESS_SUFFIX, ID_LEN, id);
	path_in(out, dir, name);
}

/* The id that the file names. */
static bool read_id(struct env *env, const char *path, char id[ID_LEN + 1])
{
	char *text;
	size_t len;

	if (env_read_file(env, path, LIFE_TEXT_MAX, &text, &len))
		return false;
	bool ok = len > ID_LEN && strspn(text, "0123456789abcdef") == ID_LEN;
	if (ok)
		snprintf(id, ID_LEN + 1, "%.*s", ID_LEN, text);
	xfree(text);
	return ok;
}

static int found_one(void *arg, const char *name, bool is_dir)
{
	return -ENOTEMPTY;
}

static bool is_as_it_was(struct env *env, const char *path, const char *id)
{
	char wanted[LIFE_TEXT_MAX];
	struct file *f;
	char *text;
	size_t len;
	int err = env_open(env, path, FILE_READ, &f);

	if (err)
		return false;
	err = text_of(f, id, wanted);
	file_unref(&f);
	if (err || env_read_file(env, path, LIFE_TEXT_MAX, &text, &len))
		return false;
	bool same = len == strlen(wanted) && memcmp(text, wanted, len) == 0;
	xfree(text);
	return same;
}

bool life_is_seen(struct env *env, const char *dir, int64_t *since_ms)
{
	char path[PATH_SIZE];
	char witness[PATH_SIZE];
	char id[ID_LEN + 1];
	struct file_stat st;

	path_in(path, dir, LIFE_FILE);
	if (!read_id(env, path, id) || !is_as_it_was(env, path, id) || env_stat(env, path, &st))
		return false;
	*since_ms = st.mtime_ms;
	witness_path(witness, dir, id);
	return env_list(env, witness, found_one, NULL) == 0;
}

int life_forget(struct env *env, const char *dir)
{
	char path[PATH_SIZE];
	char witness[PATH_SIZE];
	char id[ID_LEN + 1];

	path_in(path, dir, LIFE_FILE);
	bool known = read_id(env, path, id);
	int err = env_unlink(env, path);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (known) {
		witness_path(witness, dir, id);
		env_rmdir(env, witness); /* one that holds something goes as a replica that was deleted */
	}
	return 0;
}

static int write_life(struct env *env, const char *dir, const char *path, const char *id)
{
	char witness[PATH_SIZE];
	char text[LIFE_TEXT_MAX];
	struct file *f;
	int err = env_open(env, path, FILE_WRITE | FILE_CREATE | FILE_EXCLUSIVE, &f);

	if (err)
		return err;
	err = text_of(f, id, text);
	witness_path(witness, dir, id);
	if (!err)
		err = env_mkdir(env, witness);
	if (!err)
		err = file_write_full(f, text, strlen(text), 0);
	file_unref(&f);
	return err;
}

void life_begin(struct env *env, const char *dir)
{
	char path[PATH_SIZE];
	char id[ID_LEN + 1];
	struct uuid unique = env_random_uuid(env);

	for (int i = 0; i < ID_LEN / 2; i++)
		snprintf(id + 2 * i, 3, "%02x", unique.b[i]);
	path_in(path, dir, LIFE_FILE);
	if (life_forget(env, dir) == 0 && write_life(env, dir, path, id))
		life_forget(env, dir);
}
