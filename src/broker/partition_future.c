/*
 * partition_future: the partition's side of a move: the next chunk, the hold on appends, and the
 * swap.
 */
#include "broker/partition_future.h"

#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/clean.h"
#include "log/dir.h"

#define CHUNK_BYTES (1 << 20)

static int usable(const struct partition *p)
{
	if (p->deleted)
		return -ECANCELED;
	return p->reloading || log_standing(p->log) != LOG_WHOLE || log_dir_error(log_dir(p->log))
		       ? ERR_KAFKA_STORAGE_ERROR
		       : 0;
}

static void find_bounds(const struct partition *p, const struct log *future, struct future_chunk *c)
{
	struct log_offsets o = log_offsets(p->log);
	int64_t end = log_offsets(future).end;
	int64_t common = log_common_end(p->log, future);

	c->current_end = o.end;
	if (end < o.start || common < o.start)
		c->restart_at = o.start;
	else if (common < end)
		c->truncate_to = common;
}

static int next_chunk(struct partition *p, const struct log *future, bool nowait, struct future_chunk *c)
{
	struct log_read r = {
		.max_bytes = CHUNK_BYTES, .min_one_message = true, .upto_offset = c->current_end, .nowait = nowait};

	r.offset = c->restart_at >= 0 ? c->restart_at : c->truncate_to >= 0 ? c->truncate_to : log_offsets(future).end;
	int err = log_read(p->log, &r, &c->records, &c->cold);

	c->sealed = r.sealed;
	return err;
}

int partition_future_chunk(struct partition *p, const struct log *future, bool nowait, struct future_chunk *c)
{
	int err;

	*c = (struct future_chunk){.restart_at = -1, .truncate_to = -1};
	mutex_lock(&p->lock);
	err = usable(p);
	if (!err) {
		find_bounds(p, future, c);
		err = next_chunk(p, future, nowait, c);
	}
	mutex_unlock(&p->lock);
	return err;
}

void partition_future_note(struct partition *p, const struct log *future)
{
	mutex_lock(&p->lock);
	p->future_dir = future ? log_dir(future) : NULL;
	p->future_size = future ? log_size(future) : 0;
	p->future_end = future ? log_offsets(future).end : 0;
	p->held = p->held && future;
	mutex_unlock(&p->lock);
}

static void set_held(struct partition *p, bool held)
{
	mutex_lock(&p->lock);
	p->held = held;
	mutex_unlock(&p->lock);
}

void partition_future_hold(struct partition *p)
{
	set_held(p, true);
}

void partition_future_release(struct partition *p)
{
	set_held(p, false);
}

/* Where a flush is promised, what was on the platter must remain so: the future log must be flushed as far. */
static bool keeps_promise(const struct partition *p, const struct log *future)
{
	return p->topic->config.flush_messages == INT64_MAX ||
	       log_offsets(future).flushed_end >= log_offsets(p->log).flushed_end;
}

static bool can_swap(const struct partition *p, const struct log *future)
{
	int64_t end = log_offsets(future).end;

	return !p->flushing && log_offsets(p->log).end == end && log_common_end(p->log, future) == end &&
	       keeps_promise(p, future);
}

static int swap(struct partition *p, struct log *future, struct log_deletion **deletion, struct effects *e)
{
	int err = usable(p);

	log_cancel_cleaning(p->log); /* no cleaning begins from now on; one under way ends soon */
	if (!err && (!can_swap(p, future) || log_is_being_cleaned(p->log)))
		err = -EAGAIN;
	if (!err)
		err = log_become_current(future);
	if (err)
		return err;
	log_take_over(future, p->log);
	*deletion = log_delete(p->log);
	partition_put_log(p, future, e);
	p->future_dir = NULL;
	p->held = false;
	return 0;
}

int partition_future_swap(struct partition *p, struct log *future, struct log_deletion **deletion, struct effects *e)
{
	int err;

	*deletion = NULL;
	mutex_lock(&p->lock);
	err = swap(p, future, deletion, e);
	mutex_unlock(&p->lock);
	return err;
}

struct log_dir *partition_dir(struct partition *p)
{
	struct log_dir *dir;

	mutex_lock(&p->lock);
	dir = log_dir(p->log);
	mutex_unlock(&p->lock);
	return dir;
}

bool partition_is_deleted(struct partition *p)
{
	bool deleted;

	mutex_lock(&p->lock);
	deleted = p->deleted;
	mutex_unlock(&p->lock);
	return deleted;
}

bool partition_measure_future(struct partition *p, struct log_dir **dir, int64_t *size, int64_t *lag)
{
	mutex_lock(&p->lock);
	*dir = p->future_dir;
	*size = p->future_size;
	*lag = log_offsets(p->log).end - p->future_end;
	mutex_unlock(&p->lock);
	return *dir != NULL;
}
