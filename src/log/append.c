/*
 * append: check, roll, write, apply, in that order, so that a failure before "apply" leaves the log
 * as it was.
 *
 * The write is one pwritev at the end of the active segment. When it fails, any bytes that it left
 * beyond the end are cut off; they were never readable.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "log/internal.h"
#include "log/refusals.h"
#include "log/sealed.h"
#include "log/sealing.h"
#include "log/verifications.h"

/*
 * The error that a client sees for a storage error: a full or failed disk is a storage error of the
 * partition; a lack of descriptors passes.
 */
static int append_error(int err)
{
	return err_is_disk_full(err) || err == -EIO || err == -EBUSY ? ERR_KAFKA_STORAGE_ERROR : err;
}

/* ---- rolling ---- */

int segment_read_first_timestamp(struct log *log, struct segment *s)
{
	struct scan scan;
	struct file *file;

	if (s->first_timestamp != TIMESTAMP_UNREAD || s->size == 0)
		return 0;
	int err = segment_open(log, s, SEGMENT_LOG, false, &file);
	if (err)
		return err;
	scan_init(&scan, file, 0, s->size);
	if (scan_next(&scan))
		s->first_timestamp = scan.header.max_timestamp;
	return scan.error;
}

/*
 * A segment must leave the active position before max.compaction.lag.ms is over, because the active
 * one is not compacted (KIP-354).
 */
static int64_t longest_ms(const struct topic_config *c)
{
	return c->cleanup_compact && c->max_compaction_lag_ms > 0 && c->max_compaction_lag_ms < c->segment_ms
		       ? c->max_compaction_lag_ms
		       : c->segment_ms;
}

/*
 * segment.ms counts from the first batch's timestamp to the new one's, or from the segment's
 * creation if the first batch has no timestamp.
 */
static bool waited_long_enough(struct log *log, struct segment *s, int64_t max_timestamp, int64_t now_ms)
{
	int64_t waited;

	if (s->size == 0 || segment_read_first_timestamp(log, s))
		return false;
	if (s->first_timestamp >= 0)
		waited = max_timestamp - s->first_timestamp;
	else
		waited = now_ms - s->created_ms;
	return waited > longest_ms(log->config) - s->jitter_ms;
}

struct incoming {
	int64_t size;
	int64_t base_offset;
	int64_t last_offset;
	int64_t max_timestamp;
};

static bool must_roll(struct log *log, const struct incoming *in, int64_t now_ms)
{
	struct segment *s = log_active(log);

	/* Leaves a segment of one batch: its indexes are empty, and the next one begins right after it. */
	if (s && s->size > 0 && env_buggify(log->env, "roll early"))
		return true;
	return !s || s->sealed || s->size > (int64_t)log->config->segment_bytes - in->size ||
	       in->last_offset - s->base > INT32_MAX || segment_index_full(log, s) ||
	       waited_long_enough(log, s, in->max_timestamp, now_ms);
}

int log_roll_at(struct log *log, int64_t base, int64_t now_ms)
{
	struct segment *s = log_active(log);
	int err;

	if (s && s->base == base) { /* an empty one: its successor replaces it */
		check(s->size == 0);
		err = segment_unlink(log, s);
		log->data->n--;
		if (err)
			return log_failed(log, err, "deleting an empty segment", SEGMENT_LOG, base);
	} else if (s) {
		err = segment_seal_indexes(log, s);
		if (!err)
			err = log_write_snapshot(log);
		if (err)
			return err;
	}
	err = segment_create(log, base, now_ms);
	return err ? log_failed(log, err, "making a segment", SEGMENT_LOG, base) : 0;
}

int log_roll_for(struct log *log, int64_t last_offset, int64_t now_ms)
{
	struct segment *s = log_active(log);
	int64_t base;
	int err = segment_read_end(log, s, &base);

	if (err < 0)
		return log_failed(log, err, "rolling", SEGMENT_LOG, s->base);
	if (err > 0) /* a damaged header: readers will report it */
		base = log->end;
	return log_roll_at(log, last_offset - base > INT32_MAX ? last_offset - INT32_MAX : base, now_ms);
}

int log_roll(struct log *log, int64_t now_ms)
{
	struct segment *s = log_active(log);

	if (!s || s->size == 0 || !waited_long_enough(log, s, now_ms, now_ms))
		return 0;
	return log_roll_for(log, log->end, now_ms);
}

/* ---- writing ---- */

static int write_bytes(struct log *log, struct segment *s, const void *p, int64_t len)
{
	struct file *file;
	int err = segment_open(log, s, SEGMENT_LOG, false, &file);

	if (err)
		return log_failed(log, err, "opening a segment", SEGMENT_LOG, s->base);
	err = file_write_full(file, p, (size_t)len, s->size);
	if (err_is_disk_full(err) && log_is_metadata(log) && log_dir_release_reserve(log->dir))
		err = file_write_full(file, p, (size_t)len, s->size);
	if (!err)
		return 0;
	int cut = file_truncate(file, s->size);
	/* the cut is synced with what follows; else, after a power cut, the bytes could reappear before it */
	s->dirty = true;
	if (cut) /* bytes beyond the end that cannot be removed */
		log_dir_fail(log->dir, cut, "cutting off a failed write", log->topic);
	return log_failed(log, err, "appending", SEGMENT_LOG, s->base);
}

/*
 * The first segment begins where the log does: records missing at the start of a compacted log are
 * a gap within it, and do not move the log start.
 */
static int make_segment(struct log *log, const struct incoming *in, int64_t now_ms)
{
	int err = log_active(log) ? 0 : log_roll_at(log, log->end, now_ms);

	return err || !must_roll(log, in, now_ms) ? err : log_roll_for(log, in->last_offset, now_ms);
}

/* Creates what must exist before the write: the directory, and a segment with room. */
static int prepare(struct log *log, const struct incoming *in, int64_t now_ms, bool *rolled)
{
	int err = 0;

	*rolled = false;
	if (log->standing != LOG_WHOLE || (log_dir_is_short(log->dir) && !log_is_metadata(log)))
		return -ENOSPC;
	if (!log->data) {
		err = log_make_dir(log);
		if (err)
			return err == -EBUSY
				       ? err
				       : log_failed(log, err, "making a replica's directory", SEGMENT_LOG, log->end);
	}
	if (!must_roll(log, in, now_ms))
		return 0;
	*rolled = log_active(log) != NULL;
	err = make_segment(log, in, now_ms);
	if (err_is_disk_full(err) && log_is_metadata(log) && log_dir_release_reserve(log->dir))
		err = make_segment(log, in, now_ms);
	return err;
}

/* ---- applying ---- */

/*
 * Reads the marker in a control batch; false for an empty one (its transaction was removed by
 * cleaning) and for other control records.
 */
static bool read_marker(const uint8_t *p, const struct batch_header *h, struct marker *out)
{
	struct record_iter it = record_iter(h, p + BATCH_HEADER_SIZE, (size_t)(batch_size(h) - BATCH_HEADER_SIZE));
	struct record r;

	if (batch_codec(h) != 0 || !record_next(&it, &r))
		return false;
	int type = control_type(r.key);
	if ((type != CONTROL_ABORT && type != CONTROL_COMMIT) ||
	    control_coordinator_epoch(r.value, &out->coordinator_epoch))
		return false;
	out->type = (enum control_type)type;
	out->timestamp = r.timestamp;
	return true;
}

/*
 * Ends a question about the producer's transaction, which is now open or over. A late marker of the
 * previous transaction does not end it (version 2).
 */
static void end_verification(struct log *log, const struct batch_header *h)
{
	const struct unverified *v = verifications_find(log->verifications, h->producer_id);

	if (!v || !batch_is_transactional(h))
		return;
	if (!(v->bumps_epochs && batch_is_control(h) && h->producer_epoch == v->epoch))
		verifications_remove(log->verifications, h->producer_id);
}

static void apply_producer(struct log *log, struct segment *s, const uint8_t *p, const struct batch_header *h)
{
	struct producers *producers = &log->data->producers;
	struct completed_txn txn;
	struct marker m;

	if (!batch_has_producer(h))
		return;
	end_verification(log, h);
	if (!batch_is_control(h)) {
		producers_apply_data(producers, h);
		return;
	}
	if (!read_marker(p, h, &m) || !producers_apply_marker(producers, h, &m, &txn) || !txn.aborted)
		return;
	/* If it is not listed, readers take the transaction for committed: the log must be loaded again. */
	if (segment_add_aborted(log, s, &txn))
		log->standing = LOG_UNREAD;
}

/* Updates the state: the batch at p now lies at pos of the active segment. */
static void apply(struct log *log, const uint8_t *p, const struct batch_header *h, int64_t pos)
{
	struct segment *s = log_active(log);

	segment_note_batch(log, s, h, pos);
	s->size = pos + batch_size(h);
	s->dirty = true;
	if (epochs_assign(&log->epochs, h->leader_epoch, h->base_offset) ||
	    epochs_below(&log->epochs, h->base_offset) != log->epochs.n) /* the first batch of an epoch */
		log->data->epochs_dirty = true;
	apply_producer(log, s, p, h);
	log->end = batch_last_offset(h) + 1;
	log->data->tail = (struct hint){h->base_offset, s->base, pos};
	producers_advance(&log->data->producers, log->end);
}

static void note_flush(const struct log *log, bool rolled, struct log_appended *out)
{
	out->flush_before_ack = log->end - log->flushed_end >= log->config->flush_messages;
	out->wants_flush = rolled || out->flush_before_ack;
}

/* ---- as leader ---- */

static const struct producer *known_producer(const struct log *log, int64_t id)
{
	return log->data ? producers_find(&log->data->producers, id) : NULL;
}

static bool is_open(const struct log *log, int64_t id, int16_t epoch)
{
	return log->data && producers_is_open(&log->data->producers, id, epoch);
}

int log_verify(struct log *log, const struct verification_question *q, int64_t now_ms, uint64_t *guard)
{
	const struct producer *e = known_producer(log, q->producer_id);

	*guard = 0;
	if (e && q->epoch < e->epoch)
		return ERR_INVALID_PRODUCER_EPOCH;
	if (!is_open(log, q->producer_id, q->epoch))
		*guard = verifications_ask(&log->verifications, q, env_random_u64(log->env), now_ms);
	return 0;
}

/*
 * Refuses batches of transactions that the coordinator does not know, since they would never end
 * (KIP-890). A batch with a sequence above the lowest one asked for must wait for that one; a
 * producer of version 2 begins with 0.
 */
static int check_verification(const struct log *log, const struct batch_info *info)
{
	const struct batch_header *h = &info->header;
	const struct unverified *v = verifications_find(log->verifications, h->producer_id);
	const struct producer *e;

	if (!v && !info->transaction.must_be_verified)
		return 0;
	e = known_producer(log, h->producer_id);
	if (batch_is_transactional(h) && info->transaction.must_be_verified &&
	    !is_open(log, h->producer_id, h->producer_epoch)) {
		if (e && h->producer_epoch < e->epoch)
			return ERR_INVALID_PRODUCER_EPOCH;
		if (!v || v->guard != info->transaction.guard)
			return ERR_INVALID_TXN_STATE;
	}
	if (!v || info->origin != ORIGIN_CLIENT)
		return 0;
	if ((v->bumps_epochs && h->base_sequence != 0 && !(e && e->n > 0)) || h->base_sequence > v->lowest_sequence)
		return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
	return 0;
}

static int check_marker(const struct log *log, const uint8_t *batch, const struct batch_info *info)
{
	const struct batch_header *h = &info->header;
	struct marker m;

	if (!log->data || !read_marker(batch, h, &m))
		return 0;
	return producers_check_marker(&log->data->producers, h, m.coordinator_epoch, info->transaction.version);
}

static int check_producer(struct log *log, const uint8_t *batch, const struct batch_info *info,
			  struct log_appended *out, bool *done)
{
	const struct batch_header *h = &info->header;
	const struct producer_batch *old = NULL;
	int err;

	if (!batch_has_producer(h))
		return 0;
	if (batch_is_control(h))
		return check_marker(log, batch, info);
	if (log->data && info->origin == ORIGIN_CLIENT)
		old = producers_duplicate(&log->data->producers, h);
	if (!old) {
		err = check_verification(log, info);
		return err || !log->data ? err : producers_check_data(&log->data->producers, h, info->origin);
	}
	*out = (struct log_appended){
		.base_offset = old->last_offset - old->offset_delta,
		.last_offset = old->last_offset,
		.log_append_time_ms = old->timestamp,
		.log_start = log->start,
		.duplicate = true,
	};
	*done = true;
	return 0;
}

/*
 * A client's batch from a producer that this log does not know: any first sequence is accepted,
 * unless an earlier batch was refused.
 */
static bool is_of_unknown_producer(const struct log *log, const struct batch_info *info)
{
	return info->origin == ORIGIN_CLIENT && batch_has_producer(&info->header) && !batch_is_control(&info->header) &&
	       !(log->data && producers_find(&log->data->producers, info->header.producer_id));
}

/* Appends the batch at p, whose header is *h, in one write. */
static int append_batch(struct log *log, const uint8_t *p, const struct batch_header *h, int64_t now_ms, bool *rolled)
{
	struct incoming in = {batch_size(h), h->base_offset, batch_last_offset(h), h->max_timestamp};
	int err = prepare(log, &in, now_ms, rolled);

	if (!err && batch_is_sealed(h))
		err = log_note_sealed(log);
	if (!err)
		err = write_bytes(log, log_active(log), p, in.size);
	if (!err)
		apply(log, p, h, log_active(log)->size);
	return err;
}

/* Was exactly this sealed ahead, for this log? */
static bool is_ahead(const struct log *log, const uint8_t *p, const struct sealing *ahead)
{
	return ahead && ahead->bytes.len > 0 && ahead->p == p && ahead->dir == log->dir &&
	       ahead->place.partition == log->partition && uuid_eq(ahead->place.topic_id, log->topic_id);
}

static void count_sealed(const struct log *log, const struct sealing *ahead)
{
	for (int i = 0; i < ahead->n; i++)
		log_dir_count_sealed(log->dir, LOG_DIR_SEALED);
}

/* The caller's batch is not changed, except for its offset and epoch. */
static int append_sealed(struct log *log, const uint8_t *p, const struct batch_header *h, const struct sealing *ahead,
			 int64_t now_ms, bool *rolled)
{
	struct batch_header sealed = *h;
	struct buf bytes = {0};
	int err;

	if (is_ahead(log, p, ahead) && ahead->header.base_offset == h->base_offset &&
	    ahead->header.leader_epoch == h->leader_epoch) {
		count_sealed(log, ahead);
		return append_batch(log, ahead->bytes.p, &ahead->header, now_ms, rolled);
	}
	if (ahead)
		log_dir_count_sealed(log->dir, LOG_DIR_SEALED_LATE);
	err = log_seal(log, p, &sealed, &bytes);
	if (!err)
		err = append_batch(log, bytes.p, &sealed, now_ms, rolled);
	buf_fini(&bytes);
	return err;
}

int log_append_as_sealed(struct log *log, uint8_t *batch, const struct batch_info *info, int32_t leader_epoch,
			 int64_t now_ms, const struct sealing *ahead, struct log_appended *out)
{
	struct batch_header h = info->header;
	bool unknown = is_of_unknown_producer(log, info);
	bool done = false;
	bool rolled;
	int err = log_dir_error(log->dir) ? ERR_KAFKA_STORAGE_ERROR : 0;

	check(!info->recompress && info->size == batch_size(&h));
	if (!err && info->size > log->config->segment_bytes)
		err = ERR_RECORD_LIST_TOO_LARGE;
	if (!err && unknown && refusals_stand_against(log->refusals, &h))
		err = ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
	if (!err)
		err = check_producer(log, batch, info, out, &done);
	if (err || done)
		return err;
	h.base_offset = log->end;
	h.leader_epoch = leader_epoch;
	if (h.base_offset > INT64_MAX - h.last_offset_delta - 1)
		return ERR_KAFKA_STORAGE_ERROR;
	batch_assign(batch, h.base_offset, h.leader_epoch);

	err = log_seals(log, &h) ? append_sealed(log, batch, &h, ahead, now_ms, &rolled)
				 : append_batch(log, batch, &h, now_ms, &rolled);
	if (unknown && (err_passes(err) || err == ERR_KAFKA_STORAGE_ERROR)) /* a missing key may become available */
		refusals_add(&log->refusals, &h);
	if (err)
		return append_error(err);
	if (unknown)
		refusals_remove(log->refusals, &h);
	*out = (struct log_appended){
		.base_offset = h.base_offset,
		.last_offset = log->end - 1,
		.log_append_time_ms = info->log_append_time_ms,
		.log_start = log->start,
	};
	note_flush(log, rolled, out);
	return 0;
}

int log_append(struct log *log, uint8_t *batch, const struct batch_info *info, int32_t leader_epoch, int64_t now_ms,
	       struct log_appended *out)
{
	return log_append_as_sealed(log, batch, info, leader_epoch, now_ms, NULL, out);
}

/* ---- as follower ---- */

struct sound {
	size_t len;   /* total size of the batches that may be appended, beginning with the first */
	bool unknown; /* one of them has attributes without a meaning in Kafka */
};

static bool is_known(const struct batch_header *h)
{
	return h->magic < BATCH_MAGIC || (h->attributes & ~BATCH_KAFKA_ATTRIBUTES) == 0;
}

/*
 * Finds how much of p[0..len) may be appended: whole, sound batches in order, none of a later
 * epoch. 0 and *out, or the error.
 */
static int check_batches(const struct log *log, const void *p, size_t len, int32_t leader_epoch, struct sound *out)
{
	int64_t next = log->end;
	struct batch_iter it = batch_iter(p, len);

	*out = (struct sound){0};
	while (batch_next(&it)) {
		const struct batch_header *h = &it.header;

		if (h->leader_epoch > leader_epoch)
			return 0;
		if (h->last_offset_delta < 0 || h->base_offset > INT64_MAX - h->last_offset_delta - 1 ||
		    !batch_crc_ok(it.p, h))
			return ERR_CORRUPT_MESSAGE;
		if (h->base_offset < next)
			return ERR_INVALID_RECORD;
		if (batch_size(h) > log->config->segment_bytes)
			return ERR_RECORD_LIST_TOO_LARGE;
		next = batch_last_offset(h) + 1;
		out->unknown |= !is_known(h);
		out->len = it.pos;
	}
	return it.error || out->len != len ? ERR_CORRUPT_MESSAGE : 0;
}

/* The first batches of p[0..len) that fit into one segment together. */
static struct incoming next_group(const struct log *log, const uint8_t *p, size_t len)
{
	struct incoming in = {0};
	struct batch_iter it = batch_iter(p, len);

	while (batch_next(&it)) {
		int64_t last = batch_last_offset(&it.header);

		if (in.size == 0)
			in.base_offset = it.header.base_offset;
		else if ((int64_t)it.pos > log->config->segment_bytes || last - in.base_offset > INT32_MAX)
			break;
		in.size = (int64_t)it.pos;
		in.last_offset = last;
		if (it.header.max_timestamp > in.max_timestamp)
			in.max_timestamp = it.header.max_timestamp;
	}
	return in;
}

static int append_group(struct log *log, const uint8_t *p, const struct incoming *in, bool sealed, int64_t now_ms,
			bool *rolled)
{
	bool rolled_now;
	int err = prepare(log, in, now_ms, &rolled_now);

	if (!err && sealed)
		err = log_note_sealed(log);
	if (!err)
		err = write_bytes(log, log_active(log), p, in->size);
	if (err)
		return append_error(err);
	*rolled = *rolled || rolled_now;
	int64_t pos = log_active(log)->size;
	for (struct batch_iter it = batch_iter(p, (size_t)in->size); batch_next(&it); pos += batch_size(&it.header))
		apply(log, it.p, &it.header, pos);
	return 0;
}

static int append_groups(struct log *log, const uint8_t *p, size_t len, bool sealed, int64_t now_ms,
			 struct log_appended *out)
{
	bool rolled = false;
	int err = 0;

	*out = (struct log_appended){.base_offset = -1, .log_append_time_ms = -1, .log_start = log->start};
	while (len > 0) {
		struct incoming in = next_group(log, p, len);
		err = append_group(log, p, &in, sealed, now_ms, &rolled);
		if (err)
			break;
		if (out->base_offset < 0)
			out->base_offset = in.base_offset;
		p += in.size;
		len -= (size_t)in.size;
	}
	out->last_offset = log->end - 1;
	note_flush(log, rolled, out);
	return err;
}

/* Seals each batch that is to be sealed, under this node's own key. */
static int append_groups_sealed(struct log *log, const uint8_t *p, size_t len, const struct sealing *ahead,
				int64_t now_ms, struct log_appended *out)
{
	struct buf bytes = {0};
	bool sealed = false;
	int err = 0;

	if (is_ahead(log, p, ahead) && ahead->len == len) {
		count_sealed(log, ahead);
		return append_groups(log, ahead->bytes.p, ahead->bytes.len, ahead->n > 0, now_ms, out);
	}

	for (struct batch_iter it = batch_iter(p, len); !err && batch_next(&it);) {
		bool seals = log_seals(log, &it.header);

		if (seals && ahead)
			log_dir_count_sealed(log->dir, LOG_DIR_SEALED_LATE);
		if (seals)
			err = log_seal(log, it.p, &it.header, &bytes);
		else
			buf_put(&bytes, it.p, (size_t)batch_size(&it.header));
		sealed |= seals;
	}
	if (!err)
		err = append_groups(log, bytes.p, bytes.len, sealed, now_ms, out);
	buf_fini(&bytes);
	return err;
}

/*
 * Copies sound batches without the attributes that have no meaning in Kafka: one of them means
 * "sealed" in our segments.
 */
static void put_known(struct buf *out, const void *p, size_t len)
{
	struct batch_iter it = batch_iter(p, len);

	buf_reserve(out, len);
	while (batch_next(&it)) {
		size_t size = (size_t)batch_size(&it.header);
		uint8_t *copy = out->p + out->len;

		buf_put(out, it.p, size);
		if (is_known(&it.header))
			continue;
		put_i16(copy + BATCH_AT_ATTRIBUTES, (int16_t)(it.header.attributes & BATCH_KAFKA_ATTRIBUTES));
		batch_crc_set(copy, size);
	}
}

static int append_sound(struct log *log, const void *p, size_t len, const struct sealing *ahead, int64_t now_ms,
			struct log_appended *out)
{
	return log_may_seal(log) ? append_groups_sealed(log, p, len, ahead, now_ms, out)
				 : append_groups(log, p, len, false, now_ms, out);
}

/* Kafka's leaders keep unknown attributes, and its followers accept them. */
int log_append_replicated_as_sealed(struct log *log, const void *p, size_t len, int32_t leader_epoch, int64_t now_ms,
				    const struct sealing *ahead, struct log_appended *out)
{
	struct buf known = {0};
	struct sound sound;
	int err = log_dir_error(log->dir) ? ERR_KAFKA_STORAGE_ERROR : check_batches(log, p, len, leader_epoch, &sound);

	if (err)
		return err;
	if (!sound.unknown)
		return append_sound(log, p, sound.len, ahead, now_ms, out);
	put_known(&known, p, sound.len);
	err = append_sound(log, known.p, known.len, NULL, now_ms, out);
	buf_fini(&known);
	return err;
}

int log_append_as_follower(struct log *log, const void *p, size_t len, int32_t leader_epoch, int64_t now_ms,
			   struct log_appended *out)
{
	return log_append_replicated_as_sealed(log, p, len, leader_epoch, now_ms, NULL, out);
}
