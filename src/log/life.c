/*
 * life: the file odradek.life and the witness directory: checks, creates and removes them.
 */
#include "log/life.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "log/paths.h"

#define LIFE_FILE "odradek.life"

enum { LIFE_TEXT_MAX = FILE_CACHE_NAME_MAX + 1 };

static int text_of(struct file *f, char out[LIFE_TEXT_MAX])
{
	char cache[FILE_CACHE_NAME_MAX];
	int err = file_cache_name(f, cache);

	if (!err)
		snprintf(out, LIFE_TEXT_MAX, "%s\n", cache);
	return err;
}

/* ---- the witness ---- */

static int found_one(void *arg, const char *name, bool is_dir)
{
	return -ENOTEMPTY;
}

bool life_is_ours(struct env *env, const char *dir)
{
	char path[PATH_SIZE];

	path_in(path, dir, LIFE_WITNESS);
	return env_list(env, path, found_one, NULL) == 0;
}

int life_make_witness(struct env *env, const char *dir)
{
	char path[PATH_SIZE];
	int err;

	path_in(path, dir, LIFE_WITNESS);
	err = env_mkdir(env, path);
	return err == -EEXIST ? 0 : err;
}

static void remove_witness(struct env *env, const char *dir)
{
	char path[PATH_SIZE];

	path_in(path, dir, LIFE_WITNESS);
	error_ignored(env_rmdir(env, path)); /* if it contains anything, it is later removed as a deleted replica */
}

/* ---- the file ---- */

static bool is_as_it_was(struct env *env, const char *path)
{
	char wanted[LIFE_TEXT_MAX];
	struct file *f;
	char *text;
	size_t len;
	int err = env_open(env, path, FILE_READ, &f);

	if (err)
		return false;
	err = text_of(f, wanted);
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
	struct file_stat st;

	path_in(path, dir, LIFE_FILE);
	if (!is_as_it_was(env, path) || env_stat(env, path, &st))
		return false;
	*since_ms = st.mtime_ms;
	return life_is_ours(env, dir);
}

int life_forget(struct env *env, const char *dir)
{
	char path[PATH_SIZE];
	int err;

	path_in(path, dir, LIFE_FILE);
	err = env_unlink(env, path);
	return err == -ENOENT ? 0 : err;
}

int life_end(struct env *env, const char *dir)
{
	int err = life_forget(env, dir);

	if (err == 0)
		remove_witness(env, dir);
	return err;
}

static int write_life(struct env *env, const char *path)
{
	char text[LIFE_TEXT_MAX];
	struct file *f;
	int err = env_open(env, path, FILE_WRITE | FILE_CREATE | FILE_EXCLUSIVE, &f);

	if (err)
		return err;
	err = text_of(f, text);
	if (!err)
		err = file_write_full(f, text, strlen(text), 0);
	file_unref(&f);
	return err;
}

void life_begin(struct env *env, const char *dir)
{
	char path[PATH_SIZE];

	if (env_buggify(env, "a page cache that has no name"))
		return;
	path_in(path, dir, LIFE_FILE);
	if (life_forget(env, dir) == 0 && life_is_ours(env, dir) && write_life(env, path))
		life_forget(env, dir);
}
