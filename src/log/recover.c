/*
 * recover: after an unclean stop, reads and verifies everything past the recovery point.
 *
 * 1. Everything below the recovery point was synced, indexes included. A segment that contains it
 *    is read from its last index entry below it, if the batch there agrees with the entry;
 *    otherwise from the beginning.
 * 2. The log ends before the first batch that is not sound. A torn tail is cut off. Whole batches
 *    after a bad one are set aside, as <offset>.log.set-aside, which neither Kafka nor Odradek
 *    reads as a segment, and each such file is logged in a line.
 * 3. Where a segment ends before the next one begins, what was in between is lost: the log ends
 *    there too. Our own compaction leaves no such gap above the recovery point, and a follower's
 *    gaps lie within segments (log_roll_for, clean_prepare). A log unknown to the checkpoint may
 *    have been compacted by Kafka: if Kafka may have been the last to write here (life.h), its gaps
 *    are accepted, provided that some lie within its segments as well.
 * 4. After a kill, if everything written is visible (life.h), only headers are walked, and the last
 *    batch is read. If anything looks damaged (a batch cut short, for instance), the whole segment
 *    is verified from the recovery point on.
 * 5. Index entries are made by the same rules as in appending: a recovered index is identical to
 *    the one that appending would have written.
 */
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "log/internal.h"
#include "log/paths.h"
#include "log/verify.h"

enum { TELL_AFTER_MS = 1000, COPY_BYTES = 64 * 1024 };

/* ---- setting aside ---- */

/* Finds a name that is not taken yet. */
static int aside_path(struct log *log, int64_t offset, char out[PATH_SIZE])
{
	char dir[PATH_SIZE];
	char suffix[64];
	struct file_stat st;

	LOG_DIR_PATH(log, dir);
	for (int i = 0; i < 1000; i++) {
		snprintf(suffix, sizeof(suffix), i ? ".log.%d.set-aside" : ".log.set-aside", i);
		path_of_offset(out, dir, offset, suffix);
		int err = env_stat(log->env, out, &st);
		if (err)
			return err == -ENOENT ? 0 : err;
	}
	return -EEXIST;
}

static int copy_range(struct file *from, int64_t pos, int64_t end, struct file *to)
{
	uint8_t bytes[COPY_BYTES];
	int64_t at = 0;
	int err = 0;

	while (pos < end && !err) {
		int64_t len = end - pos < COPY_BYTES ? end - pos : COPY_BYTES;

		err = file_read_full(from, bytes, (size_t)len, pos);
		if (!err)
			err = file_write_full(to, bytes, (size_t)len, at);
		pos += len;
		at += len;
	}
	return err ? err : file_sync(to);
}

static void tell_aside(struct log *log, const struct segment *s, int64_t pos, int64_t bytes, const char *path)
{
	diag_warn(
		log->env->diag, "whole batches behind a bad one are set aside, not served",
		"topic=%s partition=%d segment=%020lld.log position=%lld end-offset=%lld bytes=%lld file=%s remedy=\"odradek "
		"dump-log --files shows them; produce again what is missed, then remove the file\"",
		log->topic, log->partition, (long long)s->base, (long long)pos, (long long)log->end, (long long)bytes,
		path);
}

/* Sets aside the whole batches after the bad batch at pos of segment s; *any: there are some. */
static int set_aside_rest(struct log *log, struct segment *s, struct verify *v, int64_t pos, bool *any)
{
	char path[PATH_SIZE];
	struct batch_header h;
	struct file *to;
	int64_t at;
	int err = verify_find(v, pos, log->end, &at, &h);

	*any = err != -ENODATA;
	if (!*any)
		return 0;
	if (!err)
		err = aside_path(log, h.base_offset, path);
	if (!err)
		err = env_open(log->env, path, FILE_WRITE | FILE_CREATE | FILE_EXCLUSIVE, &to);
	if (err)
		return err;
	err = copy_range(v->file, at, s->size, to);
	file_unref(&to);
	if (!err)
		tell_aside(log, s, pos, s->size - at, path);
	return err;
}

/* Sets aside a whole segment beyond the end of the log. */
static int set_aside_segment(struct log *log, struct segment *s)
{
	char dir[PATH_SIZE];
	char from[PATH_SIZE];
	char to[PATH_SIZE];
	int err = 0;

	if (s->size >= BATCH_HEADER_SIZE) {
		LOG_DIR_PATH(log, dir);
		path_of_offset(from, dir, s->base, SEGMENT_SUFFIX[SEGMENT_LOG]);
		err = aside_path(log, s->base, to);
		if (!err)
			err = env_rename(log->env, from, to);
		if (!err)
			tell_aside(log, s, 0, s->size, to);
	}
	return err ? err : segment_unlink(log, s);
}

/* ---- one segment ---- */

/*
 * An index for which the disk has no room stays short: readers walk further, and nothing must be
 * written after it until it is whole.
 */
static int without_room(struct log *log, int err)
{
	if (!err_is_disk_full(err))
		return err;
	log->standing = LOG_READ_ONLY;
	segment_forget_pending(log->data);
	return 0;
}

static int cut_to(struct log *log, struct segment *s, enum segment_file kind, int32_t n)
{
	int64_t wanted = (int64_t)n * (kind == SEGMENT_TIME ? TIME_ENTRY : INDEX_ENTRY);
	struct file *file;
	int err = segment_open(log, s, kind, true, &file);

	if (err)
		return err;
	int64_t size = file_size(file);
	return size < 0 ? (int)size : size > wanted ? file_truncate(file, wanted) : 0;
}

/*
 * Writes the entries over the old ones and cuts off the rest. Most files then need no cut; and a
 * file that is truncated to nothing and rewritten is flushed at once by some filesystems.
 */
static int end_entries(struct log *log, struct segment *s)
{
	int err = without_room(log, segment_seal_indexes(log, s));

	if (!err)
		err = without_room(log, cut_to(log, s, SEGMENT_INDEX, s->index_n));
	return err ? err : without_room(log, cut_to(log, s, SEGMENT_TIME, s->time_n));
}

/*
 * Returns the number of the index entry of the last indexed batch below the recovery point, -1 when
 * there is none that can be trusted.
 */
static int trusted_entry(struct log *log, struct segment *s, struct verify *v, int64_t recovery_point, int64_t *pos,
			 int64_t *offset)
{
	uint8_t bytes[TIME_ENTRY];
	struct batch_header h;
	struct file *file;

	if (recovery_point <= s->base || segment_open(log, s, SEGMENT_TIME, false, &file) ||
	    segment_open(log, s, SEGMENT_INDEX, false, &file)) /* both are kept, or both are made anew */
		return -1;
	int32_t n = index_count(file, KEY_OFFSET, s->size);
	if (n < 0)
		return -1;
	int i = index_search(file, n, KEY_OFFSET, recovery_point - 1 - s->base, bytes);
	if (i < 0)
		return -1;
	*pos = index_get(bytes).pos;
	*offset = s->base + index_get(bytes).offset;
	if (verify_at(v, *pos, s->base, &h) || batch_last_offset(&h) != *offset)
		return -1;
	return i;
}

/*
 * Keeps the index entries up to there; end_entries overwrites or cuts off the rest. Sets the state
 * from which appending goes on.
 */
static void keep_entries(struct log *log, struct segment *s, int entry, int64_t pos, int64_t offset)
{
	uint8_t bytes[TIME_ENTRY];
	struct file *file;

	s->index_n = entry + 1;
	s->indexed_pos = entry >= 0 ? pos : 0;
	s->time_n = 0;
	s->last_time = -1;
	s->max_timestamp = -1;
	s->max_timestamp_offset = -1;
	if (entry >= 0 && segment_open(log, s, SEGMENT_TIME, false, &file) == 0) {
		int32_t n = index_count(file, KEY_TIMESTAMP, s->size);

		for (; n > 0; n--) {
			if (index_read(file, KEY_TIMESTAMP, n - 1, bytes) == 0 &&
			    s->base + time_get(bytes).offset <= offset)
				break;
		}
		s->time_n = n > 0 ? n : 0;
	}
	if (s->time_n > 0) {
		s->max_timestamp = time_get(bytes).timestamp;
		s->max_timestamp_offset = s->base + time_get(bytes).offset;
		s->last_time = s->max_timestamp;
	}
}

static int tell_progress(struct log *log, struct recovery *r, int64_t bytes)
{
	int64_t now = env_mono_ms(log->env);
	struct log_load_progress p = {
		.topic = str_of(log->topic),
		.partition = log->partition,
		.bytes_total = r->bytes_total,
	};

	r->bytes_done += bytes;
	if (!r->how || !r->how->progress || now - r->told_ms < TELL_AFTER_MS)
		return 0;
	r->told_ms = now;
	p.bytes_done = r->bytes_done;
	return r->how->progress(r->how->arg, &p) ? 0 : -ECANCELED;
}

/* Only compaction removes records before a batch, or from one. */
static bool shows_compaction(const struct batch_header *h, int64_t next)
{
	return h->base_offset > next || (h->magic >= BATCH_MAGIC && h->count <= h->last_offset_delta);
}

static void note_walked(struct recovery *r, const struct batch_header *h, int64_t next)
{
	r->shows_compaction = r->shows_compaction || shows_compaction(h, next);
	if (batch_has_producer(h))
		r->no_producers_from = NO_SUCH_OFFSET;
}

/*
 * Verifies from pos on; log->end is then the end of the last sound batch. *bad is the position of
 * the first bad one, or the size.
 */
static int verify_segment(struct log *log, struct segment *s, struct verify *v, int64_t pos, struct recovery *r,
			  int64_t *bad)
{
	struct batch_header h;
	int err = 0;

	while (pos < s->size && !err) {
		err = verify_at(v, pos, log->end, &h);
		if (err)
			break;
		if (r)
			note_walked(r, &h, log->end);
		segment_note_batch(log, s, &h, pos);
		if (batch_is_sealed(&h)) { /* a power cut may have taken odradek.sealed, but not the records */
			err = log_note_sealed(log);
			if (err)
				break;
		}
		if (epochs_last(&log->epochs) < h.leader_epoch &&
		    epochs_assign(&log->epochs, h.leader_epoch, h.base_offset))
			log->data->epochs_dirty = true;
		log->end = batch_last_offset(&h) + 1;
		pos += batch_size(&h);
		if (r)
			err = tell_progress(log, r, batch_size(&h));
	}
	*bad = pos;
	return err < 0 ? err : 0;
}

static int cut_bad_end(struct log *log, struct segment *s, struct verify *v, int64_t bad)
{
	bool any;
	int err = set_aside_rest(log, s, v, bad, &any);

	if (err)
		return err;
	diag_info(log->env->diag, "log cut at its last whole batch",
		  "topic=%s partition=%d segment=%020lld.log position=%lld bytes=%lld end-offset=%lld", log->topic,
		  log->partition, (long long)s->base, (long long)bad, (long long)(s->size - bad), (long long)log->end);
	err = file_truncate(v->file, bad);
	s->size = bad;
	/* if a power cut brought them back, they would follow on what is appended in the bad batch's place */
	if (!err && any)
		err = file_sync(v->file);
	return err;
}

/* The tail was cut off once, before the log went on in the next segment, and has come back with a power cut. */
static int cut_again(struct log *log, struct segment *s, struct verify *v, int64_t bad)
{
	int err = file_truncate(v->file, bad);

	s->size = err ? s->size : bad;
	return err;
}

/*
 * Rewrites what a failed sync has left in the cache but not on the platter: the same bytes, so that
 * the next sync writes them.
 */
static int write_again(struct file *file, int64_t pos, int64_t end)
{
	uint8_t bytes[COPY_BYTES];
	int err = 0;

	for (int64_t len; pos < end && !err; pos += len) {
		len = end - pos < COPY_BYTES ? end - pos : COPY_BYTES;
		err = file_read_full(file, bytes, (size_t)len, pos);
		if (!err)
			err = file_write_full(file, bytes, (size_t)len, pos);
	}
	return err ? err : file_truncate(file, end);
}

struct checked {
	struct verify v;
	int64_t from; /* what lies before it is below the recovery point */
	int64_t bad;
};

/* Verifies what is past the recovery point of segment s, and makes its index entries. */
static int check_segment(struct log *log, struct segment *s, int64_t recovery_point, struct recovery *r,
			 struct checked *c)
{
	int64_t pos = 0;
	int64_t offset = s->base - 1;
	int entry = trusted_entry(log, s, &c->v, recovery_point, &pos, &offset);

	if (entry < 0) {
		pos = 0;
		offset = s->base - 1;
	}
	keep_entries(log, s, entry, pos, offset);
	log->end = s->base;
	c->from = pos;
	if (!r->walks) /* the first segment to be walked; all later ones follow */
		r->no_producers_from = offset + 1;
	r->walks = true;
	return verify_segment(log, s, &c->v, pos, r, &c->bad);
}

/*
 * Do the headers follow one another to the very end, and is the last batch sound? 1 if so; 0; or a
 * negated errno.
 */
static int looks_whole(struct checked *c, const struct segment *s)
{
	struct batch_header h;

	if (c->bad < s->size)
		return 0;
	c->v.headers = false;
	int err = s->size ? verify_at(&c->v, s->size - c->v.last_size, s->base, &h) : 0;
	return err < 0 ? err : err == 0;
}

/* Undoes what an unsuccessful walk by headers has noted. */
static void take_back(struct log *log, struct epochs *epochs, struct recovery *r, const struct recovery *before)
{
	struct epochs noted = log->epochs;

	log->epochs = *epochs;
	*epochs = noted;
	segment_forget_pending(log->data);
	*r = *before;
}

/*
 * The same by headers alone. 1 when everything is as it was written; 0 when there is something that
 * a kill does not explain, or a batch that was cut short: then all of it must be read. If the
 * system has failed to write the file back by itself, that counts as a failed sync.
 */
static int check_headers(struct log *log, struct segment *s, int64_t recovery_point, struct recovery *r,
			 struct checked *c)
{
	struct recovery before = *r;
	struct epochs epochs;
	int err = file_write_back_error(c->v.file);

	if (err) {
		log_dir_doubt(log->dir);
		return err;
	}
	epochs_copy(&epochs, &log->epochs);
	c->v.headers = true;
	err = check_segment(log, s, recovery_point, r, c);
	int whole = err ? err : looks_whole(c, s);
	c->v.headers = false;
	if (whole == 0)
		take_back(log, &epochs, r, &before);
	epochs_fini(&epochs);
	return whole;
}

/* *whole: the log may go on after it. */
static int recover_segment(struct log *log, int i, int64_t recovery_point, struct recovery *r, bool *whole)
{
	struct segment *s = &log->data->segments[i];
	int64_t next = i + 1 < log->data->n ? s[1].base : -1;
	struct checked c;
	struct file *file;
	int done = 0;
	int err = segment_open(log, s, SEGMENT_LOG, false, &file);

	if (err)
		return err;
	verify_init(&c.v, file, s->base, s->size);
	if (r->cache_is_whole)
		done = check_headers(log, s, recovery_point, r, &c);
	err = done < 0 ? done : done ? 0 : check_segment(log, s, recovery_point, r, &c);
	*whole = !err && (c.bad == s->size || log->end == next);
	if (!err && c.bad < s->size)
		err = *whole ? cut_again(log, s, &c.v, c.bad) : cut_bad_end(log, s, &c.v, c.bad);
	if (!err && log_dir_is_doubtful(log->dir))
		err = write_again(c.v.file, c.from, s->size);
	verify_fini(&c.v);
	s->dirty = s->indexes_dirty = true;
	return err ? err : end_entries(log, s);
}

/* A wrong checksum is met by whoever reads that batch; behind an impossible header nothing can be found. */
static int find_impossible(struct file *file, int64_t bad, int64_t size)
{
	struct scan scan;

	if (bad == size)
		return 0;
	scan_init(&scan, file, bad, size);
	while (scan_next(&scan))
		;
	if (scan.error < 0)
		return scan.error;
	return scan.error || scan.pos != size ? -EBADMSG : 0;
}

int segment_rebuild(struct log *log, struct segment *s)
{
	int64_t end = log->end;
	struct verify v;
	struct file *file;
	int64_t bad;
	int err = segment_open(log, s, SEGMENT_LOG, false, &file);

	if (!err) /* if this is interrupted, damaged indexes must not look sound */
		err = without_room(log, cut_to(log, s, SEGMENT_INDEX, 0));
	if (!err)
		err = without_room(log, cut_to(log, s, SEGMENT_TIME, 0));
	if (err)
		return err;
	keep_entries(log, s, -1, 0, s->base - 1);
	log->end = s->base;
	verify_init(&v, file, s->base, s->size);
	err = verify_segment(log, s, &v, 0, NULL, &bad);
	if (!err)
		err = find_impossible(file, bad, s->size);
	verify_fini(&v);
	log->end = end;
	s->dirty = s->indexes_dirty = true;
	return err ? err : end_entries(log, s);
}

/* ---- the log ---- */

/*
 * Removes segments from `first` on, durably, before anything is appended: a segment that came back
 * would overlap what the log has written since.
 */
static int drop_behind(struct log *log, int first)
{
	struct log_data *d = log->data;
	char dir[PATH_SIZE];
	int n = d->n;

	for (int i = first; i < n; i++) {
		int err = set_aside_segment(log, &d->segments[i]);

		if (err)
			return err;
	}
	d->n = first;
	LOG_DIR_PATH(log, dir);
	return n > first ? env_sync_dir(log->env, dir) : 0;
}

/*
 * All of segment i was synced by a flush of anything after it. A flush that ended exactly where the
 * segment ends may have come before a cut of its end, in which case the bytes may be back.
 */
bool recovery_trusts(const struct log_data *d, int i, int64_t recovery_point)
{
	return i < d->n - 1 && d->segments[i + 1].base < recovery_point;
}

/* Segment i was created, but the end of the previous one never reached the platter. */
static bool is_behind_a_hole(const struct log *log, int i, const struct recovery *r)
{
	int64_t base = log->data->segments[i].base;

	if (i == 0 || log->end >= base || base <= log->recovery_point ||
	    (log->recovery_point < 0 && r->shows_compaction && !log_dir_is_ours(log->dir)))
		return false;
	diag_warn(log->env->diag, "records are missing between two segments, the log ends before them",
		  "topic=%s partition=%d end-offset=%lld segment=%020lld.log", log->topic, log->partition,
		  (long long)log->end, (long long)base);
	return true;
}

/*
 * An earlier recovery removed segment i, and appending went on in the previous one; then a power
 * cut brought the name back. Its content is older, and was never flushed: a flush would have made
 * its removal durable.
 */
static bool has_come_back(const struct log *log, int i)
{
	return i > 0 && log->end > log->data->segments[i].base;
}

/*
 * Epochs in the file above the recovery point may belong to a tail that was cut off since; the
 * batches have the right ones. Below it the file counts, since the batches of a compacted log do
 * not have them all.
 */
static void forget_epochs(struct log *log)
{
	if (log->recovery_point >= 0 && epochs_truncate_end(&log->epochs, log->recovery_point))
		log->data->epochs_dirty = true;
}

int log_recover(struct log *log, int64_t recovery_point, struct recovery *r)
{
	struct log_data *d = log->data;
	bool whole = true;
	int err = 0;

	forget_epochs(log);
	for (int i = 0; i < d->n; i++)
		if (!recovery_trusts(d, i, recovery_point))
			r->bytes_total += d->segments[i].size;
	for (int i = 0; i < d->n && whole && !err; i++) {
		if (recovery_trusts(d, i, recovery_point))
			continue;
		whole = !is_behind_a_hole(log, i, r) && !has_come_back(log, i);
		if (!whole) {
			err = drop_behind(log, i);
			break;
		}
		err = recover_segment(log, i, recovery_point, r, &whole);
		if (!err && !whole)
			err = drop_behind(log, i + 1);
	}
	return err;
}
