/*
 * clean_swap: puts a new segment in the place of old ones, in memory and then on disk: PREPARE to
 * NAME_INDEXES (clean.c).
 *
 *	.cleaned -> .swap	the new files are whole and synced: from here on they can take the place
 *	replace			in memory, at once: readers that are under way keep the old files
 *	old -> .deleted		some at a time
 *	.log.swap -> .log	as Kafka's loader does with a half-done swap (swap.c)
 *	indexes			the same
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "log/clean_private.h"
#include "log/internal.h"
#include "log/paths.h"
#include "log/swap.h"

enum { RETIRED_PER_STEP = 16 };

int clean_prepare(struct log *log, struct log_clean *c)
{
	int64_t base = c->cleaned.segment.base;

	/* Above the recovery point, recovery takes a gap between segments for a hole. */
	if (log->flushed_end < c->noted_end || log->recovery_point < c->first_uncleanable) {
		c->stalled = true;
		c->run = NULL;
		return 0;
	}
	c->files = FILES_SWAP;
	if (c->cleaned.aborted_size == 0) { /* there is no .txnindex if nothing was aborted */
		char path[PATH_SIZE];

		path_of_offset(path, c->dir, base, ".txnindex" CLEANED_SUFFIX);
		file_unref(&c->cleaned.segment.files[SEGMENT_TXN]);
		error_ignored(env_unlink(c->env, path)); /* an empty one that stays says the same */
	}
	int err = cleaned_rename(log, base, CLEANED_SUFFIX, SWAP_SUFFIX);
	if (!err)
		c->phase = CLEAN_REPLACE;
	return err;
}

static struct log_deletion *deletion_of(struct log_clean *c)
{
	if (!c->deletion) {
		c->deletion = xcalloc(1, sizeof(*c->deletion));
		c->deletion->env = c->env;
	}
	return c->deletion;
}

static void check_group(const struct log *log, const struct log_clean *c, int at)
{
	int n = c->group_end - c->group_first;

	check(at >= 0 && at + n < log->data->n); /* the active segment comes after them */
	for (int i = 0; i < n; i++)
		check(log->data->segments[at + i].base == c->old[c->group_first + i].base);
}

int clean_replace(struct log *log, struct log_clean *c)
{
	struct log_data *d = log->data;
	int n = c->group_end - c->group_first;
	int at = log_segment_of(log, c->old[c->group_first].base);
	struct segment *s = &c->cleaned.segment;

	check_group(log, c, at);
	for (int i = 0; i < n; i++)
		segment_close_files(&d->segments[at + i]);
	s->used_ms = env_mono_ms(c->env);
	s->swap = (1u << SEGMENT_FILES) - 1;
	if (c->cleaned.aborted_size == 0)
		s->swap &= (uint8_t) ~(1u << SEGMENT_TXN);
	d->segments[at] = *s;
	for (int i = 0; i < SEGMENT_FILES; i++)
		s->files[i] = NULL; /* they are the log's now */
	memmove(&d->segments[at + 1], &d->segments[at + n], (size_t)(d->n - at - n) * sizeof(*s));
	d->n -= n - 1;
	log_forget_hints(log);
	c->files = FILES_SWAPPED;
	c->phase = CLEAN_RETIRE;
	return 0;
}

static int retire_file(struct log *log, struct log_clean *c, int64_t base, const char *suffix)
{
	char path[PATH_SIZE];

	path_of_offset(path, c->dir, base, suffix);
	return log_retire_file(log, path, deletion_of(c));
}

/* Retires the snapshot of producer state at the beginning of a segment that no longer exists. */
static int retire_snapshot(struct log *log, struct log_clean *c, int64_t base)
{
	struct log_data *d = log->data;
	int kept = 0;
	bool found = false;

	for (int i = 0; i < d->n_snapshots; i++) {
		if (d->snapshots[i] == base)
			found = true;
		else
			d->snapshots[kept++] = d->snapshots[i];
	}
	d->n_snapshots = kept;
	return found ? retire_file(log, c, base, ".snapshot") : 0;
}

int clean_retire_segment(struct log *log, struct log_clean *c, int i)
{
	int64_t base = c->old[i].base;
	int err = 0;

	for (int k = 0; k < SEGMENT_FILES && !err; k++)
		err = retire_file(log, c, base, SEGMENT_SUFFIX[k]);
	return err || i == c->group_first ? err : retire_snapshot(log, c, base);
}

int clean_retire(struct log *log, struct log_clean *c)
{
	int n = c->group_end - c->group_first;
	int err = 0;

	for (int i = 0; i < RETIRED_PER_STEP && c->retired < n && !err; i++) {
		err = clean_retire_segment(log, c, c->group_first + c->retired);
		c->retired += !err;
	}
	if (!err && c->retired == n)
		c->phase = CLEAN_NAME_LOG;
	return err;
}

int clean_sync_retired(struct log_clean *c)
{
	return c->phase == CLEAN_NAME_LOG ? clean_sync_names(c) : 0;
}

/* The new segment, if it still exists and has files to be renamed. */
static struct segment *swapped(struct log *log, const struct log_clean *c)
{
	int i = log_segment_of(log, c->old[c->group_first].base);
	struct segment *s = i < 0 ? NULL : &log->data->segments[i];

	return s && s->base == c->old[c->group_first].base && s->swap ? s : NULL;
}

static int name_files(struct log *log, struct segment *s, unsigned kinds)
{
	char from[PATH_SIZE];
	char to[PATH_SIZE];

	for (int i = 0; i < SEGMENT_FILES; i++) {
		if (!(s->swap & kinds & 1u << i))
			continue;
		segment_path(log, s, (enum segment_file)i, from);
		s->swap ^= (uint8_t)(1u << i);
		segment_path(log, s, (enum segment_file)i, to);
		int err = env_rename(log->env, from, to);
		if (err) {
			s->swap ^= (uint8_t)(1u << i);
			return err;
		}
	}
	return 0;
}

int clean_name_log(struct log *log, struct log_clean *c)
{
	struct segment *s = swapped(log, c);
	int err = s ? name_files(log, s, 1u << SEGMENT_LOG) : 0;

	if (!err)
		c->phase = CLEAN_NAME_INDEXES;
	return err;
}

int clean_name_indexes(struct log *log, struct log_clean *c)
{
	struct segment *s = swapped(log, c);
	int err = s ? name_files(log, s, ~0u) : 0;

	if (err)
		return err;
	c->files = FILES_NONE;
	cleaned_fini(&c->cleaned);
	deletion_of(c)->delay_ms = log->config->file_delete_delay_ms;
	clean_group_from(c, c->group_end);
	c->phase = CLEAN_COPY;
	return 0;
}
