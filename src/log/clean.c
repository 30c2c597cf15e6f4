/*
 * clean: the phases of a cleaning, each with a part under the lock and a part without it.
 *
 *	phase		under the lock					without it
 *	ABORTED		reads transaction indexes, some at a time	-
 *	GATHER		opens the next dirty segment			its keys, a slice at a time
 *	COPY		makes the new segment, opens the next old one	survivors, a slice; at group end: sync
 *	PREPARE		waits for a flush; .cleaned becomes .swap	sync of the names
 *	REPLACE		the segments in memory are exchanged		-
 *	RETIRE		old files become .deleted, some at a time	sync of the names
 *	NAME_LOG	.log.swap becomes .log				sync of the names
 *	NAME_INDEXES	the same for the indexes			sync of the names; the next group
 *	TAKE_BACK	after an error or an abort: .swap is .cleaned	sync of the names
 *	DROP		removes the new files				-
 *
 * A sync for which there was no descriptor is retried before the next phase.
 *
 * From REPLACE on a group is finished whatever happens: half a swap is on disk, and only its other
 * half may follow.
 */
#include "log/clean.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "log/clean_private.h"
#include "log/internal.h"
#include "log/paths.h"
#include "log/swap.h"

enum { INDEXES_PER_STEP = 64 };

/* ---- beginning ---- */

static void note_old(struct log *log, struct log_clean *c)
{
	int n = 0;

	while (n < log->data->n - 1 && log->data->segments[n].base < c->first_uncleanable)
		n++;
	c->old = xcalloc((size_t)n + 1, sizeof(*c->old));
	c->n_old = n;
	for (int i = 0; i < n; i++) {
		const struct segment *s = &log->data->segments[i];

		c->old[i] = (struct old_segment){
			.base = s->base,
			.end = log_segment_end(log, i),
			.size = s->size,
			.index_bytes = (int64_t)s->index_n * INDEX_ENTRY,
			.time_bytes = (int64_t)s->time_n * TIME_ENTRY,
		};
	}
}

static int64_t mtime_of(const struct log *log, int64_t base)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	struct file_stat st;

	LOG_DIR_PATH(log, dir);
	path_of_offset(path, dir, base, SEGMENT_SUFFIX[SEGMENT_LOG]);
	return env_stat(log->env, path, &st) ? 0 : st.mtime_ms;
}

/* Tombstones of formats 0 and 1 have no delete horizon; they expire by the time of the last clean segment. */
static int64_t legacy_horizon(const struct log *log, const struct log_clean *c)
{
	int n = 0;

	while (n < c->n_old && c->old[n].base < c->stats.first_dirty)
		n++;
	return n ? mtime_of(log, c->old[n - 1].base) - c->delete_retention_ms : 0;
}

static void retain_aborted(void *arg, const struct completed_txn *t)
{
	struct log_clean *c = arg;
	int err = cleaned_add_aborted(&c->cleaned, t);

	if (err && !c->aborted_error)
		c->aborted_error = err;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = ((const struct last_record *)a)->producer_id;
	int64_t y = ((const struct last_record *)b)->producer_id;

	return (x > y) - (x < y);
}

/*
 * As of the beginning of the cleaning: a producer that writes on meanwhile makes one more batch
 * survive than necessary.
 */
static void note_last_records(const struct log *log, struct log_clean *c)
{
	const struct map *m = &log->data->producers.map;

	c->n_last = 0;
	c->last = xreallocarray(c->last, m->n + 1, sizeof(*c->last));
	map_each(it, m)
	{
		const struct producer *p = container_of(it, struct producer, node);

		c->last[c->n_last++] = (struct last_record){
			.producer_id = p->id,
			.last_offset = p->n ? p->batches[p->n - 1].last_offset : -1,
			.epoch = p->epoch,
		};
	}
	qsort(c->last, (size_t)c->n_last, sizeof(*c->last), by_id);
	c->filter.last = c->last;
	c->filter.n_last = c->n_last;
	c->filter.high_watermark = log->high_watermark;
}

struct log_clean *log_clean_begin(struct log *log, const struct log_clean_look *look, const struct log_clean_options *o)
{
	struct log_clean *c = xcalloc(1, sizeof(*c));
	char dir[PATH_SIZE];

	check(!log->cleaning && log->data && look->first_uncleanable >= look->first_dirty);
	LOG_DIR_PATH(log, dir);
	c->env = log->env;
	c->o = *o;
	c->dir = xstrdup(dir);
	c->segment_bytes = log->config->segment_bytes;
	c->index_bytes_max = log->config->segment_index_bytes;
	c->delete_retention_ms = log->config->delete_retention_ms;
	c->first_uncleanable = look->first_uncleanable;
	c->stats.first_dirty = look->first_dirty;
	note_old(log, c);
	c->legacy_horizon_ms = legacy_horizon(log, c);
	c->filter = (struct clean_filter){
		.keys = o->keys,
		.codecs = o->codecs,
		.now_ms = o->now_ms,
		.delete_retention_ms = c->delete_retention_ms,
		.plain_max = o->plain_max,
		.latest = -1,
		.txns = &c->txns,
		.retain_aborted = retain_aborted,
		.arg = c,
	};
	note_last_records(log, c);
	c->noted_end = log->end;
	key_map_clear(o->keys);
	c->seals = log_may_seal(log);
	c->topic = xstrdup(log->topic);
	c->sealed = log_sealed_at(log, log_active(log));
	log->cleaning = c;
	return c;
}

/* ---- reading segments ---- */

bool log_clean_is_cancelled(const struct log_clean *c)
{
	return __atomic_load_n(&c->cancelled, __ATOMIC_RELAXED);
}

static void source_close(struct source *s)
{
	file_unref(&s->file);
	s->bytes.len = 0;
	s->at = 0;
}

static int source_open(struct log *log, const struct old_segment *old, struct source *s)
{
	int i = log_segment_of(log, old->base);
	struct file *file;

	check(i >= 0 && log->data->segments[i].base == old->base);
	int err = segment_open(log, &log->data->segments[i], SEGMENT_LOG, false, &file);
	if (err)
		return err;
	source_close(s);
	s->file = file_ref(file);
	s->base = old->base;
	s->end = old->end;
	s->size = old->size;
	s->pos = 0;
	return 0;
}

/* Opens a sealed batch that source_next has returned, in the buffer. */
static int open_batch(struct log_clean *c, const uint8_t *p, struct batch_header *h)
{
	struct source *s = &c->source;

	if (!c->sealed.any)
		return 0;
	c->sealed.segment = s->base;
	return sealed_open(&c->sealed, str_of(c->topic), s->pos - batch_size(h), s->bytes.p + (p - s->bytes.p), h);
}

/* Seals what the filter has written from `at` on: a batch, or nothing. */
static int seal_batch_at(struct log_clean *c, size_t at)
{
	struct buf *out = &c->filter.out;
	struct batch_header h;

	if (!c->seals || out->len == at)
		return 0;
	check(batch_header_read(out->p + at, out->len - at, &h) == 0 && batch_size(&h) == (int64_t)(out->len - at));
	if (!seal_applies(&h))
		return 0;
	c->sealing.len = 0;
	int err = sealed_put(&c->sealed, str_of(c->topic), out->p + at, &h, &c->sealing);
	if (err)
		return err;
	out->len = at;
	buf_put(out, c->sealing.p, c->sealing.len);
	return 0;
}

/* Reads on from s->pos: at least `least` bytes, and as many as a buffer of io_bytes holds. */
static int refill(struct log_clean *c, struct source *s, int64_t least)
{
	int64_t want = least > c->o.io_bytes ? least : c->o.io_bytes;

	if (want > s->size - s->pos)
		want = s->size - s->pos;
	if (least > want)
		return ERR_CORRUPT_MESSAGE; /* a batch that extends beyond the end */
	if (least <= c->o.io_bytes && s->bytes.cap > (size_t)c->o.io_bytes)
		buf_fini(&s->bytes);
	s->bytes.len = 0;
	s->at = 0;
	buf_reserve(&s->bytes, (size_t)want);
	int err = file_read_full(s->file, s->bytes.p, (size_t)want, s->pos);
	if (!err)
		s->bytes.len = (size_t)want;
	c->moved += want;
	return err;
}

static bool is_possible(const struct source *s, const struct batch_header *h)
{
	int64_t last = batch_last_offset(h);

	return h->last_offset_delta >= 0 && (h->base_offset >= s->base || h->magic < BATCH_MAGIC) && last >= s->base &&
	       last < s->end && last - s->base <= INT32_MAX && (h->magic < BATCH_MAGIC || h->count >= 0);
}

/* Returns the next whole batch and steps over it: 0, -ENODATA at the end. */
static int source_next(struct log_clean *c, const uint8_t **p, struct batch_header *h)
{
	struct source *s = &c->source;

	for (int tries = 0; s->pos < s->size; tries++) {
		size_t have = s->bytes.len - s->at;
		int err = have ? batch_header_read(s->bytes.p + s->at, have, h) : -ENODATA;

		if (err > 0)
			return err;
		int64_t need = err ? BATCH_HEADER_SIZE : batch_size(h);
		if (!err && need <= (int64_t)have) {
			*p = s->bytes.p + s->at;
			s->at += (size_t)need;
			s->pos += need;
			return is_possible(s, h) ? 0 : ERR_CORRUPT_MESSAGE;
		}
		if (tries == 3)
			return ERR_CORRUPT_MESSAGE;
		if (need > s->size - s->pos && err)
			need = s->size - s->pos; /* a short one of an old format */
		err = refill(c, s, need);
		if (err)
			return err;
	}
	return -ENODATA;
}

/* ---- ABORTED: the aborted transactions ---- */

static int note_aborted(void *arg, const struct completed_txn *t)
{
	struct log_clean *c = arg;

	if (t->first_offset < c->first_uncleanable)
		aborted_txns_add(&c->aborted, t);
	return 0;
}

/*
 * Also reads the indexes of later segments: a transaction that began in the range to be cleaned may
 * have ended there.
 */
static int collect_aborted(struct log *log, struct log_clean *c)
{
	int err = c->seals ? log_note_sealed(log) : 0;

	for (int i = 0; i < INDEXES_PER_STEP && c->next_index < log->data->n && !err; i++)
		err = log_each_aborted(log, c->next_index++, note_aborted, c);
	if (c->next_index < log->data->n || err)
		return err;
	aborted_txns_sort(&c->aborted);
	clean_txns_init(&c->txns, &c->aborted, c->stats.first_dirty, c->o.keys->key.k0);
	c->has_txns = true;
	c->at = 0;
	while (c->at < c->n_old && c->old[c->at].end <= c->stats.first_dirty)
		c->at++;
	c->phase = CLEAN_GATHER;
	return 0;
}

/* ---- GATHER: the keys ---- */

/* Finds a position at or before the first batch that contains the offset. */
static int seek_dirty(struct log *log, struct log_clean *c)
{
	int i = log_segment_of(log, c->source.base);
	struct scan scan;
	int err;

	if (c->stats.first_dirty <= c->source.base)
		return 0;
	err = segment_locate(log, &log->data->segments[i], c->stats.first_dirty, &scan, NULL);
	if (err == -ENODATA)
		c->source.pos = c->source.size;
	else if (!err)
		c->source.pos = scan.at;
	return err == -ENODATA ? 0 : err;
}

void clean_group_from(struct log_clean *c, int first);

/* All keys for which there is room are known: what lies at or below `latest` can be cleaned. */
static int gathered(struct log_clean *c)
{
	c->stats.map_load = key_map_load(c->o.keys);
	c->stats.gathered_ns = env_mono_ns(c->env);
	c->stats.end = c->filter.latest + 1;
	source_close(&c->source);
	if (c->stats.end <= c->stats.first_dirty)
		return -ENOBUFS;
	clean_txns_fini(&c->txns);
	clean_txns_init(&c->txns, &c->aborted, 0, c->o.keys->key.k0);
	clean_group_from(c, 0);
	c->phase = CLEAN_COPY;
	return 0;
}

static int open_dirty(struct log *log, struct log_clean *c)
{
	if (c->source.file)
		return 0;
	if (c->at == c->n_old)
		return gathered(c);
	int err = source_open(log, &c->old[c->at], &c->source);
	return err ? err : seek_dirty(log, c);
}

static int gather_some(struct log_clean *c)
{
	struct batch_header h;
	const uint8_t *p;
	bool full;

	if (!c->source.file) /* that was the last */
		return 0;
	while (c->moved < c->o.slice_bytes && !log_clean_is_cancelled(c)) {
		int err = source_next(c, &p, &h);

		if (err == -ENODATA) { /* also covers a gap after the last batch */
			c->filter.latest = c->old[c->at++].end - 1;
			source_close(&c->source);
			break;
		}
		c->stats.bytes_indexed += err ? 0 : batch_size(&h);
		if (!err)
			err = open_batch(c, p, &h);
		if (!err)
			err = clean_gather_keys(&c->filter, p, &h, c->stats.first_dirty, &full);
		if (err)
			return err;
		if (full) {
			c->at = c->n_old;
			source_close(&c->source);
			break;
		}
		if (batch_last_offset(&h) >= c->stats.first_dirty)
			c->filter.latest = batch_last_offset(&h);
	}
	return 0;
}

/* ---- COPY: group by group ---- */

/*
 * Kafka's grouping: segments whose old sizes together fit into one segment, and whose offsets do.
 * The end of the last one is only known to lie before the segment that follows it.
 */
void clean_group_from(struct log_clean *c, int first)
{
	int64_t size = 0, index = 0, time = 0;
	int i = first;

	c->group_first = c->at = first;
	for (; i < c->n_old && c->old[i].base < c->stats.end; i++) {
		const struct old_segment *s = &c->old[i];

		if (i > first && (size + s->size > c->segment_bytes || index + s->index_bytes > c->index_bytes_max ||
				  time + s->time_bytes > c->index_bytes_max ||
				  (s->size > 0 && s->end - 1 - c->old[first].base > INT32_MAX)))
			break;
		size += s->size;
		index += s->index_bytes;
		time += s->time_bytes;
	}
	c->group_end = i;
	c->retired = 0;
}

static int begin_group(struct log *log, struct log_clean *c)
{
	c->files = FILES_CLEANED;
	return cleaned_create(&c->cleaned, log, c->old[c->group_first].base);
}

static int open_source(struct log *log, struct log_clean *c)
{
	int err = 0;

	if (c->source.file)
		return 0;
	if (c->group_first == c->group_end) {
		c->phase = CLEAN_ENDED;
		return 0;
	}
	if (c->files == FILES_NONE)
		err = begin_group(log, c);
	if (!err)
		err = source_open(log, &c->old[c->at], &c->source);
	if (err)
		return err;
	c->mtime_ms = mtime_of(log, c->source.base);
	c->filter.keep_legacy_tombstones = c->mtime_ms > c->legacy_horizon_ms;
	return 0;
}

int clean_sync_names(struct log_clean *c)
{
	int err = env_sync_dir(c->env, c->dir);

	c->unsynced = err_is_no_descriptor(err);
	c->names_lost = c->names_lost || (err && !c->unsynced);
	return err;
}

static int finish_group(struct log_clean *c)
{
	int err = cleaned_finish(&c->cleaned, c->mtime_ms);

	if (err)
		return err;
	c->phase = CLEAN_PREPARE;
	return clean_sync_names(c);
}

static int write_out(struct log_clean *c)
{
	struct buf *out = &c->filter.out;
	int err = cleaned_append(&c->cleaned, out->p, out->len);

	c->moved += (int64_t)out->len;
	c->stats.bytes_written += (int64_t)out->len;
	if (out->cap > 2 * (size_t)c->o.io_bytes)
		buf_fini(out);
	out->len = 0;
	return err;
}

/*
 * Opens, filters, and seals the batch with the present key, or leaves it in plaintext, as the log's
 * setting says.
 */
static int copy_batch(struct log_clean *c, const uint8_t *p, struct batch_header *h)
{
	size_t at = c->filter.out.len;
	int err = open_batch(c, p, h);

	if (!err)
		err = clean_filter_batch(&c->filter, p, h);
	return err ? err : seal_batch_at(c, at);
}

static int copy_some(struct log_clean *c)
{
	struct batch_header h;
	const uint8_t *p;
	int err = 0;

	if (!c->source.file)
		return 0;
	while (c->moved < c->o.slice_bytes && !log_clean_is_cancelled(c) && !err && !c->aborted_error) {
		err = source_next(c, &p, &h);
		if (err == -ENODATA)
			break;
		c->stats.bytes_read += err ? 0 : batch_size(&h);
		if (!err)
			err = copy_batch(c, p, &h);
		if (!err && c->filter.out.len >= (size_t)c->o.io_bytes)
			err = write_out(c);
	}
	if (err && err != -ENODATA)
		return err;
	bool at_end = err == -ENODATA;
	err = c->aborted_error ? c->aborted_error : write_out(c);
	if (err || !at_end)
		return err;
	source_close(&c->source);
	return ++c->at == c->group_end ? finish_group(c) : 0;
}

/* ---- ending ---- */

static int take_back(struct log *log, struct log_clean *c)
{
	int err = 0;

	if (c->files == FILES_SWAP)
		err = cleaned_rename(log, c->cleaned.segment.base, SWAP_SUFFIX, CLEANED_SUFFIX);
	if (!err)
		c->phase = CLEAN_DROP;
	return err;
}

static int drop(struct log *log, struct log_clean *c)
{
	c->phase = CLEAN_ENDED;
	return c->files == FILES_NONE ? 0 : cleaned_unlink(log, c->cleaned.segment.base, CLEANED_SUFFIX);
}

void log_clean_cancel(struct log_clean *c)
{
	__atomic_store_n(&c->cancelled, 1, __ATOMIC_RELAXED);
}

/*
 * Renaming .swap to .cleaned takes the swap back (swap.h). If the swap has already happened, the
 * next start must not find the old files beside a new one that was truncated: they are retired now.
 * The next step of RETIRE then finds nothing to do and has the names synced.
 */
int log_clean_abort(struct log *log)
{
	struct log_clean *c = log->cleaning;
	int err = 0;

	if (!c)
		return 0;
	log_clean_cancel(c);
	if (c->files == FILES_SWAP && log->data) {
		err = cleaned_rename(log, c->cleaned.segment.base, SWAP_SUFFIX, CLEANED_SUFFIX);
		if (!err)
			c->files = FILES_CLEANED;
	}
	if (c->files == FILES_SWAPPED && c->phase == CLEAN_RETIRE && log->data) {
		int n = c->group_end - c->group_first;

		while (c->retired < n && !err) {
			err = clean_retire_segment(log, c, c->group_first + c->retired);
			c->retired += !err;
		}
	} /* the next step of RETIRE finds nothing to do and has the names synced */
	return err;
}

/* ---- the table ---- */

struct phase {
	int (*locked)(struct log *log, struct log_clean *c);
	int (*run)(struct log_clean *c);
};

static const struct phase PHASES[] = {
	[CLEAN_ABORTED] = {collect_aborted, NULL},
	[CLEAN_GATHER] = {open_dirty, gather_some},
	[CLEAN_COPY] = {open_source, copy_some},
	[CLEAN_PREPARE] = {clean_prepare, clean_sync_names},
	[CLEAN_REPLACE] = {clean_replace, NULL},
	[CLEAN_RETIRE] = {clean_retire, clean_sync_retired},
	[CLEAN_NAME_LOG] = {clean_name_log, clean_sync_names},
	[CLEAN_NAME_INDEXES] = {clean_name_indexes, clean_sync_names},
	[CLEAN_TAKE_BACK] = {take_back, clean_sync_names},
	[CLEAN_DROP] = {drop, NULL},
};

/* Is the disk at fault? Other errors are temporary, or concern this log alone. */
static bool is_of_disk(int err)
{
	return err < 0 && !err_passes(err) && err != -ECANCELED && err != -ENOBUFS && err != -EFBIG;
}

static void fail(struct log *log, struct log_clean *c, int err)
{
	char path[PATH_SIZE];

	if (err == -ENODATA || err == -EINVAL) /* a file that became shorter, an invalid index */
		err = ERR_CORRUPT_MESSAGE;
	if (c->error == 0)
		c->error_segment = c->source.file ? c->source.base : c->cleaned.segment.base;
	c->error = err;
	path_of_offset(path, c->dir, c->error_segment, SEGMENT_SUFFIX[SEGMENT_LOG]);
	if (log->data && (is_of_disk(err) || c->names_lost))
		log_dir_fail(log->dir, err, "compacting", path);
}

/* Half a swap goes on; before a swap, or between two, the cleaning ends here. */
static void end_early(struct log *log, struct log_clean *c)
{
	if (c->phase == CLEAN_TAKE_BACK || c->phase == CLEAN_DROP || c->phase == CLEAN_ENDED)
		return;
	if (c->error == 0 && log_clean_is_cancelled(c) && c->files != FILES_SWAPPED)
		c->error = -ECANCELED;
	if (c->error)
		c->phase = c->files == FILES_SWAPPED ? CLEAN_ENDED : CLEAN_TAKE_BACK;
}

static bool finish(struct log *log, struct log_clean *c)
{
	log->cleaning = NULL;
	c->phase = CLEAN_ENDED;
	c->stats.records_read = c->filter.records_read;
	c->stats.records_kept = c->filter.records_kept;
	c->stats.records_invalid = c->filter.records_invalid;
	c->stats.batches_too_large = c->filter.batches_too_large;
	if (c->error == 0)
		log->clean_end = c->stats.end;
	return false;
}

void log_clean_abandon(struct log *log, struct log_clean *c)
{
	check(log->cleaning == c && log_clean_is_cancelled(c));
	if (c->error == 0)
		c->error = -ECANCELED;
	finish(log, c);
}

/* Takes in the error of the last run. */
static void take_error(struct log *log, struct log_clean *c)
{
	int err = c->run_error;

	c->run_error = 0;
	c->stalled = c->unsynced || (err && (c->files == FILES_SWAPPED || c->phase == CLEAN_TAKE_BACK) &&
				     err_passes(err) && !c->names_lost);
	if (err && !c->stalled && (c->error == 0 || c->names_lost))
		fail(log, c, err);
	if (c->error == 0 && !log->data) /* deleted: its directory has another name */
		c->error = -ECANCELED;
	if (c->error == 0 && log_dir_error(log->dir))
		c->error = -EIO;
}

bool log_clean_step(struct log *log, struct log_clean *c)
{
	int err;

	check(log->cleaning == c);
	take_error(log, c);
	c->run = NULL;
	if (!log->data || log_dir_error(log->dir))
		return finish(log, c);
	if (c->unsynced) {
		c->run = clean_sync_names;
		return true;
	}
	end_early(log, c);
	if (c->phase == CLEAN_ENDED)
		return finish(log, c);
	c->run = PHASES[c->phase].run;
	err = PHASES[c->phase].locked(log, c);
	if (err)
		c->run_error = err;
	return true;
}

int64_t log_clean_run(struct log_clean *c)
{
	c->moved = 0;
	if (c->run && c->run_error == 0)
		c->run_error = c->run(c);
	return c->moved;
}

bool log_clean_is_stalled(const struct log_clean *c)
{
	return c->stalled;
}

int64_t log_clean_flush_upto(const struct log_clean *c)
{
	return c->noted_end;
}

int log_clean_error(const struct log_clean *c)
{
	return c->error;
}

bool log_clean_is_hopeless(const struct log_clean *c)
{
	/* A missing key may be there the next time. */
	return (c->error > 0 && c->error != ERR_KAFKA_STORAGE_ERROR) || c->error == -ENOBUFS || c->error == -EFBIG;
}

int64_t log_clean_error_segment(const struct log_clean *c)
{
	return c->error_segment;
}

const struct log_clean_stats *log_clean_stats(const struct log_clean *c)
{
	return &c->stats;
}

struct log_deletion *log_clean_take_deletion(struct log_clean *c)
{
	struct log_deletion *d = c->files == FILES_SWAPPED ? NULL : c->deletion;

	if (d)
		c->deletion = NULL;
	return d;
}

void log_clean_free(struct log_clean *c)
{
	if (!c)
		return;
	source_close(&c->source);
	buf_fini(&c->source.bytes);
	buf_fini(&c->sealing);
	xfree(c->topic);
	cleaned_fini(&c->cleaned);
	if (c->has_txns)
		clean_txns_fini(&c->txns);
	aborted_txns_fini(&c->aborted);
	clean_filter_fini(&c->filter);
	log_deletion_free(c->deletion);
	xfree(c->last);
	xfree(c->old);
	xfree(c->dir);
	xfree(c);
}
