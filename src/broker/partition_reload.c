/*
 * partition_reload: reloads a log that could not be loaded whole for lack of disk space.
 *
 * While the job has the files the partition answers KAFKA_STORAGE_ERROR, and a deletion of the
 * topic leaves them to the job.
 */
#include "base/check.h"
#include "broker/partition.h"
#include "log/clean.h"

/* The minimum of free space, without which the log would be read in vain. */
#define ROOM (1 << 20)

static bool has_room(struct log_dir *dir)
{
	struct disk_space space;

	return log_dir_space(dir, &space) == 0 && space.usable >= ROOM && !log_dir_is_short(dir);
}

bool partition_wants_reload(struct partition *p)
{
	struct log_dir *dir;
	bool wants;

	mutex_lock(&p->lock);
	dir = log_dir(p->log);
	wants = !p->deleted && !p->reloading && log_standing(p->log) != LOG_WHOLE && !log_dir_error(dir);
	mutex_unlock(&p->lock);
	return wants && has_room(dir);
}

/* Anything that has begun to use the log must end first. */
static bool is_in_use(struct partition *p)
{
	log_cancel_cleaning(p->log);
	return p->flushing || log_is_being_cleaned(p->log);
}

static bool begin(struct partition *p)
{
	bool begins;

	mutex_lock(&p->lock);
	begins = !p->deleted && !p->reloading && log_standing(p->log) != LOG_WHOLE && !is_in_use(p);
	p->reloading = p->reloading || begins;
	mutex_unlock(&p->lock);
	return begins;
}

struct log_deletion *partition_reload(struct partition *p, int64_t producer_expiration_ms)
{
	struct log_load how = {.producer_expiration_ms = producer_expiration_ms};
	struct log_deletion *deletion = NULL;
	struct effects e = {0};
	struct topic_state *topic;
	struct log *log;

	if (!begin(p))
		return NULL;
	topic = partition_topic(p);
	log = log_new(log_dir(p->log), &(struct log_id){str_of(topic->name), p->id, p->topic_id}, &topic->config);
	log_recall_checkpoint(log, p->log);
	log_load(log, &how); /* the result is the log's standing, or the directory's failure */
	mutex_lock(&p->lock);
	p->reloading = false;
	if (p->deleted)
		deletion = log_delete(p->log);
	else
		partition_put_log(p, log, &e);
	if (deletion)
		log_free(log);
	mutex_unlock(&p->lock);
	check(!e.flush);
	effects_run(&e, NULL);
	topic_state_unref(&topic);
	return deletion;
}
