/*
 * future: a replica that is being moved to another directory (KIP-113).
 *
 *	<topic>-<partition>.<32 hex>-future/	Kafka's name for it, until it replaces the current one
 *
 * It is an ordinary log, filled like a follower's. When it has reached the end of the current one,
 * it takes over what the records alone do not contain (offsets, leader epochs, producers), and then
 * the name.
 */
#include <errno.h>

#include "base/check.h"
#include "base/mem.h"
#include "log/internal.h"
#include "log/paths.h"

struct log *log_new_future(struct log_dir *dir, const struct log_id *id, const struct topic_config *config,
			   const char *name)
{
	struct log *log = log_new(dir, id, config);
	char path[PATH_SIZE];

	if (name) {
		log->dir_name = xstrdup(name);
		return log;
	}
	path_of_marked(path, "", id->topic, id->partition, env_random_uuid(log->env), "-future");
	log->dir_name = xstrdup(path + 1); /* without the slash */
	return log;
}

bool log_is_future(const struct log *log)
{
	return log->dir_name != NULL;
}

int log_begin_at(struct log *log, int64_t offset)
{
	int err = log->data ? 0 : log_make_dir(log);

	return err ? log_failed(log, err, "making a future replica", SEGMENT_LOG, offset)
		   : log_truncate_fully_at(log, offset);
}

int64_t log_common_end(const struct log *current, const struct log *future)
{
	int32_t last = epochs_last(&future->epochs);
	int64_t end = future->end < current->end ? future->end : current->end;

	if (last < 0 || future->end == 0)
		return end;
	struct epoch_end e = log_epoch_end(current, last);
	return e.epoch >= 0 && e.end_offset < end ? e.end_offset : end;
}

/* A coordinator may be being asked right now, and a refused batch may be sent again. */
static void take_over_soft_state(struct log *future, struct log *current)
{
	struct verifications *verifications = future->verifications;
	struct refusals *refusals = future->refusals;

	future->verifications = current->verifications;
	future->refusals = current->refusals;
	current->verifications = verifications;
	current->refusals = refusals;
}

void log_take_over(struct log *future, struct log *current)
{
	struct epochs epochs = future->epochs;

	check(future->end == current->end);
	future->epochs = current->epochs;
	current->epochs = epochs;
	if (current->start > future->start)
		future->start = current->start;
	future->high_watermark = current->high_watermark;
	take_over_soft_state(future, current);
	if (!future->data || !current->data)
		return;
	struct producers producers = future->data->producers;
	future->data->producers = current->data->producers;
	current->data->producers = producers;
	future->data->epochs_dirty = true;
}

int log_become_current(struct log *log)
{
	char from[PATH_SIZE];
	char to[PATH_SIZE];
	struct file_stat st;

	check(log->dir_name && !(log->data && log->data->flushing));
	LOG_DIR_PATH(log, from);
	path_of_replica(to, log_dir_path(log->dir), str_of(log->topic), log->partition);
	if (env_stat(log->env, from, &st) == 0) {
		if (env_stat(log->env, to, &st) != -ENOENT)
			return -EEXIST;
		int err = env_rename(log->env, from, to);
		if (err)
			return log_failed(log, err, "taking a moved replica's name", SEGMENT_LOG, log->start);
	}
	xfree(log->dir_name);
	log->dir_name = NULL;
	if (log->data)
		log->data->dir_dirty = log->data->own_name_dirty = true;
	return 0;
}
