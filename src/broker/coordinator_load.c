/*
 * coordinator_load: reads and replays a shard's log, offsets.load.buffer.size at a time.
 *
 * A range is found on the loop, under the partition's lock; reading, decompressing and applying it
 * is a job, which has the shard's state for itself until the load has ended. Batches of formats
 * before 2 cannot be replayed: such a shard fails, with an error line, rather than forget what they
 * hold. If a log cannot be read at present (a lack of descriptors, a log that is to be reloaded),
 * the load waits for it.
 */
#include <errno.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/coordinator_private.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "compress/compress.h"
#include "config/config.h"
#include "wire/batch.h"

#define RETRY_MS 50 /* at first; doubled each time, up to: */
#define RETRY_MAX_MS 1600

static void next_range(struct coordinator_shard *s);

/* ---- in the job ---- */

static int replay_control(struct coordinator_shard *s, const struct batch_header *h, const struct record *r,
			  const struct shard_position *at)
{
	int type = control_type(r->key);

	if (type != CONTROL_COMMIT && type != CONTROL_ABORT)
		return 0;
	return s->type->type->end_transaction(s->state, h->producer_id, h->producer_epoch, type == CONTROL_COMMIT, at);
}

static int replay_record(struct coordinator_shard *s, const struct batch_header *h, const struct record *r)
{
	struct shard_position at = {
		.offset = r->offset,
		.timestamp_ms = r->timestamp,
		.producer_id = batch_is_transactional(h) ? h->producer_id : NO_PRODUCER_ID,
		.producer_epoch = h->producer_epoch,
		.loading = true,
		.arena = &s->load.arena,
	};
	struct shard_record record = {.key = r->key, .value = r->value};
	int err;

	if (r->offset < s->load.offset)
		return 0;
	err = batch_is_control(h) ? replay_control(s, h, r, &at) : s->type->type->apply(s->state, &record, &at);
	arena_reset(&s->load.arena);
	s->load.n_records++;
	return err;
}

static int replay_batch(struct coordinator_shard *s, const struct batch_header *h, const uint8_t *p)
{
	const uint8_t *records = p + BATCH_HEADER_SIZE;
	size_t len = (size_t)batch_size(h) - BATCH_HEADER_SIZE;
	struct record_iter it;
	struct record r;
	int err;

	if (h->magic < BATCH_MAGIC)
		return ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
	if (batch_codec(h) != CODEC_NONE) {
		s->load.unfolded.len = 0;
		err = decode_all(s->load.codecs, batch_codec(h), records, len, INT32_MAX, &s->load.unfolded);
		if (err)
			return err;
		records = s->load.unfolded.p;
		len = s->load.unfolded.len;
	}
	it = record_iter(h, records, len);
	while (record_next(&it, &r)) {
		err = replay_record(s, h, &r);
		if (err)
			return err;
	}
	return it.error;
}

static int read_range(struct coordinator_shard *s)
{
	struct shard_load *l = &s->load;
	size_t len = (size_t)l->records.len;
	int err;

	l->bytes.len = 0;
	if (l->sealed.any)
		return sealed_read(&l->sealed, str_of(s->type->type->topic), &l->records, &l->bytes);
	buf_reserve(&l->bytes, len);
	err = file_read_full(l->records.file, l->bytes.p, len, l->records.pos);
	l->bytes.len = err ? 0 : len;
	return err;
}

static void read_job(struct work *work)
{
	struct shard_load *l = container_of(work, struct shard_load, work);
	struct coordinator_shard *s = container_of(l, struct coordinator_shard, load);
	int64_t next = l->offset;

	l->error = read_range(s);
	if (l->error)
		return;
	for (struct batch_iter it = batch_iter(l->bytes.p, l->bytes.len); batch_next(&it);) {
		l->error = replay_batch(s, &it.header, it.p);
		if (l->error)
			return;
		next = batch_last_offset(&it.header) + 1;
	}
	l->n_bytes += (int64_t)l->bytes.len;
	/* A range without a single whole batch makes no progress. */
	l->error = next > l->offset ? 0 : ERR_CORRUPT_MESSAGE;
	l->offset = next;
}

/* ---- on the loop ---- */

void shard_load_drop(struct coordinator_shard *s)
{
	struct shard_load *l = &s->load;

	timer_stop(&l->timer);
	if (l->codecs)
		codecs_free(l->codecs);
	l->codecs = NULL;
	buf_fini(&l->bytes);
	buf_fini(&l->unfolded);
	arena_fini(&l->arena);
}

static void end_load(struct coordinator_shard *s, int err)
{
	struct shard_load *l = &s->load;

	shard_load_drop(s);
	if (err)
		diag_error(s->core->loop->env->diag, "coordinator could not be loaded",
			   "topic=%s partition=%d offset=%lld error=%s", s->type->type->topic, s->id,
			   (long long)l->offset, err_name(err));
	else if (l->n_records > 0)
		diag_debug(s->core->loop->env->diag, "coordinator loaded",
			   "topic=%s partition=%d epoch=%d records=%lld bytes=%lld ms=%lld", s->type->type->topic,
			   s->id, s->epoch, (long long)l->n_records, (long long)l->n_bytes,
			   (long long)(env_mono_ms(s->core->loop->env) - l->began_ms));
	shard_loaded(s, err);
}

static void load_later(struct coordinator_shard *s, int err)
{
	struct shard_load *l = &s->load;

	diag_warn(s->core->loop->env->diag, "coordinator is not loaded yet, tried again",
		  "topic=%s partition=%d offset=%lld error=%s", s->type->type->topic, s->id, (long long)l->offset,
		  err_name(err));
	timer_start(&l->timer, l->retry_ms);
	if (l->retry_ms < RETRY_MAX_MS)
		l->retry_ms *= 2;
}

static void range_is_read(struct work *work)
{
	struct shard_load *l = container_of(work, struct shard_load, work);
	struct coordinator_shard *s = container_of(l, struct coordinator_shard, load);

	file_unref(&l->records.file);
	s->n_jobs--;
	if (l->error == ERR_KAFKA_STORAGE_ERROR && s->phase != SHARD_CLOSED)
		load_later(s, l->error); /* a missing key */
	else if (l->error || s->phase == SHARD_CLOSED)
		end_load(s, l->error);
	else
		next_range(s);
}

static void next_range(struct coordinator_shard *s)
{
	struct shard_load *l = &s->load;
	struct partition_read r = {
		.offset = l->offset,
		.max_bytes = config_int(s->core->node->config, s->type->load_bytes),
		.current_leader_epoch = -1,
		.last_fetched_epoch = -1,
		.isolation = READ_TO_END,
		.min_one_message = true,
		.leader_only = true,
		.replica = -1,
		.arena = &l->arena,
	};
	int err;

	if (l->offset >= l->end) {
		end_load(s, 0);
		return;
	}
	err = partition_read(s->partition, &r);
	if (err == ERR_KAFKA_STORAGE_ERROR) {
		load_later(s, err);
		return;
	}
	/* If the end of the log was compacted away, there is nothing left to read. */
	if (err || r.records.len == 0) {
		end_load(s, err);
		return;
	}
	l->records = r.records;
	l->sealed = r.sealed;
	l->work = (struct work){.job = read_job, .done = range_is_read, .loop = s->core->loop};
	s->n_jobs++;
	env_work(s->core->loop, &l->work);
}

/* The range is only known once the log can be read: an unread log looks empty. */
static void find_range(struct coordinator_shard *s)
{
	struct shard_load *l = &s->load;
	struct partition_view view;

	partition_look(s->partition, &view);
	if (view.error) {
		load_later(s, view.error);
		return;
	}
	l->has_range = true;
	l->offset = view.offsets.start;
	l->end = view.offsets.end;
	s->committed = view.offsets.high_watermark;
	s->stint = view.stint;
	s->end = view.offsets.end;
	s->type->type->committed(s->state, s->committed);
	next_range(s);
}

static void load_due(struct timer *t)
{
	struct shard_load *l = container_of(t, struct shard_load, timer);
	struct coordinator_shard *s = container_of(l, struct coordinator_shard, load);

	if (l->has_range)
		next_range(s);
	else
		find_range(s);
}

void shard_load(struct coordinator_shard *s)
{
	struct shard_load *l = &s->load;

	*l = (struct shard_load){.began_ms = env_mono_ms(s->core->loop->env), .retry_ms = RETRY_MS};
	timer_init(&l->timer, s->core->loop, load_due);
	arena_init(&l->arena, SIZE_MAX); /* no limit: what was applied once must be applicable again */
	l->codecs = codecs_new();
	find_range(s);
}
