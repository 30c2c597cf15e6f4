/*
 * partition_replica: the follower's part of a partition: the state of its log, appends and
 * truncations.
 */
#include "base/err.h"
#include "broker/partition_private.h"
#include "log/clean.h"
#include "log/dir.h"
#include "log/sealing.h"
#include "wire/batch.h"

void partition_replica(struct partition *p, struct partition_replica *out)
{
	struct log_offsets o;

	mutex_lock(&p->lock);
	o = log_offsets(p->log);
	*out = (struct partition_replica){
		.start = o.start,
		.end = o.end,
		.high_watermark = o.high_watermark,
		.last_epoch = o.last_epoch,
		.is_flushed = o.flushed_end >= p->must_flush || o.flushed_end == o.end,
		.is_cut = log_checkpoint_is_ahead(p->log),
		.is_reassigned = p->n_adding > 0,
		.is_throttled = throttled_has(&p->topic->follower_throttled, p->id),
		.is_usable = !p->deleted && !p->leads && !p->held && !partition_storage_error(p),
		.dir_has_failed = log_dir_error(log_dir(p->log)) != 0,
	};
	mutex_unlock(&p->lock);
}

struct epoch_end partition_own_epoch(struct partition *p, int32_t epoch)
{
	struct epoch_end end;

	mutex_lock(&p->lock);
	end = log_epoch_end(p->log, epoch);
	mutex_unlock(&p->lock);
	return end;
}

/*
 * The leader's log may start inside a batch, which it sends whole: an empty log then starts with
 * that batch (Kafka's UnexpectedAppendOffsetException).
 */
static int meet_first_batch(struct partition *p, const struct partition_replicated *r)
{
	struct log_offsets o = log_offsets(p->log);
	struct batch_header h;

	if (o.start != o.end || batch_header_read(r->p, r->len, &h) || h.base_offset < 0 || h.base_offset >= o.end ||
	    batch_last_offset(&h) < o.end)
		return 0;
	return log_truncate_fully_at(p->log, h.base_offset);
}

static int append(struct partition *p, const struct partition_replicated *r, const struct sealing *ahead,
		  struct core *core, struct effects *e)
{
	struct log_appended out = {.base_offset = -1};
	int err = meet_first_batch(p, r);

	if (err == 0)
		err = log_append_replicated_as_sealed(p->log, r->p, r->len, r->leader_epoch, r->wall_ms, ahead, &out);
	/* If a batch was refused, those before it are in the log. */
	if (out.base_offset >= 0 && out.flush_before_ack)
		p->must_flush = out.last_offset + 1;
	if (out.base_offset >= 0 && (out.wants_flush || out.flush_before_ack))
		partition_flush_begin(p, core, e);
	return err;
}

/* Takes over the leader's high watermark, as far as this log goes, and its log start. */
static void take_marks(struct partition *p, const struct partition_replicated *r)
{
	int64_t end = log_offsets(p->log).end;
	int64_t high_watermark = r->high_watermark < end ? r->high_watermark : end;
	bool moved = false;

	if (high_watermark > log_offsets(p->log).high_watermark) {
		log_set_high_watermark(p->log, high_watermark);
		p->checkpoint_due = true;
	}
	if (r->log_start > log_offsets(p->log).start)
		log_set_start(p->log, r->log_start < high_watermark ? r->log_start : high_watermark, &moved);
}

static int usable(const struct partition *p)
{
	if (p->deleted || p->leads || p->held)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	return partition_storage_error(p);
}

int partition_replicate(struct partition *p, const struct partition_replicated *r, struct core *core, struct effects *e)
{
	struct sealing ahead = {0};
	int err;

	mutex_lock(&p->lock);
	err = usable(p);
	if (err == 0 && r->len > 0 && sealing_begin_replicated(p->log, r->p, r->len, &ahead)) {
		mutex_unlock(&p->lock);
		sealing_run(&ahead);
		mutex_lock(&p->lock);
		err = usable(p);
	}
	if (err == 0 && r->len > 0)
		err = append(p, r, &ahead, core, e);
	if (err == 0)
		take_marks(p, r);
	partition_wake_ready(p, false, e);
	mutex_unlock(&p->lock);
	sealing_fini(&ahead);
	return err;
}

int partition_truncate(struct partition *p, int64_t offset, bool fully, struct effects *e)
{
	int err;

	mutex_lock(&p->lock);
	err = usable(p);
	if (err == 0)
		err = fully ? log_truncate_fully_at(p->log, offset) : log_truncate_to(p->log, offset);
	if (err == 0 && p->must_flush > log_offsets(p->log).end)
		p->must_flush = log_offsets(p->log).end;
	partition_wake_ready(p, false, e);
	mutex_unlock(&p->lock);
	return err;
}
