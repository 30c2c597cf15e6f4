/*
 * departed: the list of departed replicas, and the signs of them on disk.
 */
#include "log/departed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "log/paths.h"

#define FORGOTTEN "odradek.forgotten"
#define MARK_LEN 33 /* ".", 32 hex digits */

struct departed {
	struct departed *next;
	bool remove;
	char path[];
};

static void push(struct departed **list, struct departed *d)
{
	d->next = __atomic_load_n(list, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(list, &d->next, d, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

void departed_push(struct departed **list, const char *path, bool remove)
{
	size_t len = strlen(path) + 1;
	struct departed *d = xmalloc(sizeof(*d) + len);

	d->remove = remove;
	memcpy(d->path, path, len);
	push(list, d);
}

struct departed *departed_take(struct departed **list)
{
	return __atomic_exchange_n(list, NULL, __ATOMIC_ACQ_REL);
}

void departed_give_back(struct departed **list, struct departed *v)
{
	while (v) {
		struct departed *next = v->next;

		push(list, v);
		v = next;
	}
}

void departed_free(struct departed *v)
{
	while (v) {
		struct departed *next = v->next;

		xfree(v);
		v = next;
	}
}

static int mark(struct env *env, const char *dir)
{
	char path[PATH_SIZE];
	struct file *file;

	path_in(path, dir, FORGOTTEN);
	int err = env_open(env, path, FILE_WRITE | FILE_CREATE, &file);
	if (!err)
		file_unref(&file);
	return err;
}

static int settle_one(struct env *env, const struct departed *d)
{
	int err = d->remove ? remove_dir(env, d->path) : mark(env, d->path);

	return err == -ENOENT ? 0 : err; /* its deletion has already removed it */
}

int departed_settle(struct env *env, struct departed **list, struct departed *v)
{
	int first = 0;

	while (v) {
		struct departed *next = v->next;
		int err = settle_one(env, v);

		if (err && !first)
			first = err;
		if (err)
			push(list, v);
		else
			xfree(v);
		v = next;
	}
	return first;
}

bool departed_is_sign(struct env *env, const char *dir, const char *name)
{
	char replica[PATH_SIZE];
	char path[PATH_SIZE];
	struct file_stat st;

	if (!name_ends(name, "-delete") && !name_ends(name, "-stray"))
		return false;
	path_in(replica, dir, name);
	path_in(path, replica, FORGOTTEN);
	return env_stat(env, path, &st) == -ENOENT;
}

bool departed_matches(const char *name, struct str topic, int32_t partition)
{
	char tail[32];
	const char *suffix = strrchr(name, '-');
	int tail_len = snprintf(tail, sizeof(tail), "-%d", partition);

	if (!suffix || suffix - name < MARK_LEN + tail_len)
		return false;
	const char *end = suffix - MARK_LEN; /* end of "<topic>-<partition>" */
	int32_t len = (int32_t)(end - name) - tail_len;
	if (*end != '.' || memcmp(end - tail_len, tail, (size_t)tail_len) != 0)
		return false;
	if (topic.len != len && (topic.len < len || strlen(name) != FILE_NAME_MAX))
		return false;
	return memcmp(topic.p, name, (size_t)len) == 0;
}
