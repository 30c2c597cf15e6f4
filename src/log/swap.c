/*
 * swap: finishes a swap that was under way, or takes it back.
 */
#include "log/swap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "log/internal.h"
#include "log/paths.h"
#include "log/scan.h"

struct settling {
	struct env *env;
	const char *dir;
	int64_t min_cleaned; /* INT64_MAX: none */
	int64_t *logs;	     /* bases of .log.swap */
	int n_logs;
	int n_swaps;   /* files of any kind */
	int64_t base;  /* of the one that takes its place */
	int64_t end;   /* end of its last batch */
	int n_changed; /* names changed since the last sync */
};

/* For "<offset>.<kind><suffix>": true, with the kind and the offset. */
static bool name_of(const char *name, const char *suffix, enum segment_file *kind, int64_t *offset)
{
	char full[32];

	for (int i = 0; i < SEGMENT_FILES; i++) {
		snprintf(full, sizeof(full), "%s%s", SEGMENT_SUFFIX[i], suffix);
		*kind = (enum segment_file)i;
		if (name_offset(name, full, offset))
			return true;
	}
	return false;
}

static int look(void *arg, const char *name, bool is_dir)
{
	struct settling *s = arg;
	enum segment_file kind;
	int64_t offset;

	if (is_dir)
		return 0;
	if (name_of(name, CLEANED_SUFFIX, &kind, &offset) && offset < s->min_cleaned)
		s->min_cleaned = offset;
	if (!name_of(name, SWAP_SUFFIX, &kind, &offset))
		return 0;
	s->n_swaps++;
	if (kind != SEGMENT_LOG)
		return 0;
	s->logs = xreallocarray(s->logs, (size_t)s->n_logs + 1, sizeof(*s->logs));
	s->logs[s->n_logs++] = offset;
	return 0;
}

static int list(struct settling *s)
{
	s->min_cleaned = INT64_MAX;
	s->n_logs = s->n_swaps = 0;
	return env_list(s->env, s->dir, look, s);
}

static int sync_changes(struct settling *s)
{
	int n = s->n_changed;

	s->n_changed = 0;
	return n ? env_sync_dir(s->env, s->dir) : 0;
}

static int unlink_name(struct settling *s, const char *name)
{
	char path[PATH_SIZE];

	path_in(path, s->dir, name);
	s->n_changed++;
	return env_unlink(s->env, path);
}

static int drop_unfinished_swap(void *arg, const char *name, bool is_dir)
{
	struct settling *s = arg;
	enum segment_file kind;
	int64_t offset;

	return !is_dir && name_of(name, SWAP_SUFFIX, &kind, &offset) && offset >= s->min_cleaned ? unlink_name(s, name)
												 : 0;
}

static int drop_cleaned(void *arg, const char *name, bool is_dir)
{
	return !is_dir && name_ends(name, CLEANED_SUFFIX) ? unlink_name(arg, name) : 0;
}

/* Finds the end of the last batch of a .log.swap. */
static int find_end(struct settling *s)
{
	char path[PATH_SIZE];
	struct scan scan;
	struct file *file;

	path_of_offset(path, s->dir, s->base, ".log" SWAP_SUFFIX);
	int err = env_open(s->env, path, FILE_READ, &file);
	if (err)
		return err;
	s->end = s->base;
	scan_init(&scan, file, 0, file_size(file));
	while (scan_next(&scan))
		s->end = batch_last_offset(&scan.header) + 1;
	file_unref(&file);
	return scan.error < 0 ? scan.error : 0;
}

static int drop_replaced(void *arg, const char *name, bool is_dir)
{
	struct settling *s = arg;
	enum segment_file kind;
	int64_t offset;

	if (is_dir || !name_of(name, "", &kind, &offset))
		return 0;
	return offset == s->base || (offset > s->base && offset < s->end) ? unlink_name(s, name) : 0;
}

static int take_suffix_off(struct settling *s, const char *name)
{
	char from[PATH_SIZE];
	char to[PATH_SIZE];

	path_in(from, s->dir, name);
	path_in(to, s->dir, name);
	to[strlen(to) - strlen(SWAP_SUFFIX)] = '\0';
	s->n_changed++;
	return env_rename(s->env, from, to);
}

static int rename_log(void *arg, const char *name, bool is_dir)
{
	return !is_dir && name_ends(name, ".log" SWAP_SUFFIX) ? take_suffix_off(arg, name) : 0;
}

static int rename_any(void *arg, const char *name, bool is_dir)
{
	return !is_dir && name_ends(name, SWAP_SUFFIX) ? take_suffix_off(arg, name) : 0;
}

static int step(struct settling *s, int (*each)(void *arg, const char *name, bool is_dir))
{
	int err = env_list(s->env, s->dir, each, s);

	return err ? err : sync_changes(s);
}

static int take_back(struct settling *s)
{
	int err = step(s, drop_unfinished_swap);

	if (!err)
		err = step(s, drop_cleaned);
	return err ? err : list(s);
}

static int finish(struct settling *s)
{
	int err = 0;

	for (int i = 0; i < s->n_logs && !err; i++) {
		s->base = s->logs[i];
		err = find_end(s);
		if (!err)
			err = step(s, drop_replaced);
	}
	if (!err)
		err = step(s, rename_log);
	return err ? err : step(s, rename_any);
}

int swap_settle(struct env *env, const char *dir)
{
	struct settling s = {.env = env, .dir = dir};
	int err = list(&s);

	if (!err && s.min_cleaned != INT64_MAX)
		err = take_back(&s);
	if (!err && s.n_swaps)
		err = finish(&s);
	xfree(s.logs);
	return err;
}
