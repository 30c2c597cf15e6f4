/*
 * noted: the state of a log in odradek.manifest.
 *
 *	int8		1: there may be sealed batches; 2: there are no producers
 *	int64		end
 *	int64 int64	the active segment: position of its last index entry, timestamp of its last time entry
 *	int32		number of leader epochs, then for each: int32 epoch, int64 start
 *	int32		number of producer snapshots, then for each: int64 offset
 *	int32		number of segments, then for each:
 *			int64		base offset
 *			int64 int64	largest timestamp, and its offset
 *			int8		1: it has a .txnindex
 *			3 x 16		.log, .index and .timeindex, as seen (manifest.h)
 */
#include "log/noted.h"

#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "log/internal.h"
#include "log/paths.h"
#include "log/swap.h"

enum { HAS_SEALED = 1, NO_PRODUCERS = 2, HAS_TXN_INDEX = 1 };
enum { SEEN_FILES = SEGMENT_TXN }; /* of a segment: those that are not looked into when an entry is restored */

/* ---- writing ---- */

static void put_8(struct buf *out, int v)
{
	uint8_t p = (uint8_t)v;

	buf_put(out, &p, 1);
}

static void put_32(struct buf *out, int32_t v)
{
	uint8_t p[4];

	put_i32(p, v);
	buf_put(out, p, sizeof(p));
}

/* What is in the directory of a log that was closed. */
struct names {
	struct log *log;
	int n[SEGMENT_FILES];
	int n_snapshots;
	bool has_owner;
	bool has_epochs;
	bool is_sealed;
	bool is_other; /* loading would find something that the log does not know, or remove something */
};

static bool has_snapshot(const struct log_data *d, int64_t offset)
{
	int low = 0;
	int high = d->n_snapshots;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (d->snapshots[mid] < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low < d->n_snapshots && d->snapshots[low] == offset;
}

static void note_file(struct names *v, int kind, int64_t offset)
{
	int i = log_segment_of(v->log, offset);

	v->n[kind]++;
	if (i < 0 || v->log->data->segments[i].base != offset)
		v->is_other = true;
	else if (kind == SEGMENT_TXN)
		v->log->data->segments[i].no_aborted = false;
}

static int note_name(void *arg, const char *name, bool is_dir)
{
	struct names *v = arg;
	int64_t offset;

	for (int kind = 0; kind < SEGMENT_FILES; kind++)
		if (name_offset(name, SEGMENT_SUFFIX[kind], &offset)) {
			note_file(v, kind, offset);
			return 0;
		}
	if (name_offset(name, ".snapshot", &offset)) {
		v->n_snapshots++;
		v->is_other |= !has_snapshot(v->log->data, offset);
	}
	v->has_owner |= strcmp(name, "partition.metadata") == 0;
	v->has_epochs |= strcmp(name, "leader-epoch-checkpoint") == 0;
	v->is_sealed |= strcmp(name, SEALED_FILE) == 0;
	v->is_other |= is_dir || name_ends(name, ".deleted") || name_ends(name, ".tmp") ||
		       name_ends(name, SWAP_SUFFIX) || name_ends(name, CLEANED_SUFFIX);
	return 0;
}

/* Are the files in the directory those that the log knows? */
static bool list_names(struct log *log, const char *dir, struct names *v)
{
	struct log_data *d = log->data;

	*v = (struct names){.log = log};
	for (int i = 0; i < d->n; i++)
		d->segments[i].no_aborted = true; /* until one is listed */
	if (env_list(log->env, dir, note_name, v) || v->is_other || !v->has_owner)
		return false;
	if ((epochs_below(&log->epochs, log->end) > 0 && !v->has_epochs) || v->n_snapshots != d->n_snapshots)
		return false;
	return v->n[SEGMENT_LOG] == d->n && v->n[SEGMENT_INDEX] == d->n && v->n[SEGMENT_TIME] == d->n;
}

static int64_t known_size(const struct segment *s, int kind)
{
	return kind == SEGMENT_LOG     ? s->size
	       : kind == SEGMENT_INDEX ? (int64_t)s->index_n * INDEX_ENTRY
				       : (int64_t)s->time_n * TIME_ENTRY;
}

/* The path of a segment's files up to their suffixes. */
struct stem {
	struct env *env;
	size_t len;
	char path[PATH_SIZE];
};

static void stem_init(struct stem *stem, const struct log *log, int64_t base)
{
	char dir[PATH_SIZE];

	LOG_DIR_PATH(log, dir);
	path_of_offset(stem->path, dir, base, "");
	stem->env = log->env;
	stem->len = strlen(stem->path);
}

static bool see_file(struct stem *stem, int kind, struct file_stat *st)
{
	size_t len = strlen(SEGMENT_SUFFIX[kind]) + 1;

	check(stem->len + len <= sizeof(stem->path));
	memcpy(stem->path + stem->len, SEGMENT_SUFFIX[kind], len);
	return env_stat(stem->env, stem->path, st) == 0 && !st->is_dir;
}

static bool put_segment(const struct log *log, const struct segment *s, struct buf *out)
{
	struct file_stat st;
	struct stem stem;

	if (s->swap || s->max_timestamp == TIMESTAMP_UNREAD)
		return false;
	stem_init(&stem, log, s->base);
	manifest_put_i64(out, s->base);
	manifest_put_i64(out, s->max_timestamp);
	manifest_put_i64(out, s->max_timestamp_offset);
	put_8(out, s->no_aborted ? 0 : HAS_TXN_INDEX);
	for (int kind = 0; kind < SEEN_FILES; kind++) {
		if (!see_file(&stem, kind, &st) || st.size != known_size(s, kind))
			return false;
		seen_put(out, seen_of(&st));
	}
	return true;
}

static bool has_no_producers(const struct producers *p)
{
	return p->map.n == 0 && p->open.n == 0 && p->unreplicated.n == 0;
}

static void put_marks(const struct log *log, bool is_sealed, struct buf *out)
{
	const struct log_data *d = log->data;
	const struct segment *active = &d->segments[d->n - 1];
	int n_epochs = epochs_below(&log->epochs, log->end);

	put_8(out, (is_sealed ? HAS_SEALED : 0) | (has_no_producers(&d->producers) ? NO_PRODUCERS : 0));
	manifest_put_i64(out, log->end);
	manifest_put_i64(out, active->indexed_pos);
	manifest_put_i64(out, active->last_time);
	put_32(out, n_epochs);
	for (int i = 0; i < n_epochs; i++) {
		put_32(out, log->epochs.v[i].epoch);
		manifest_put_i64(out, log->epochs.v[i].start);
	}
	put_32(out, d->n_snapshots);
	for (int i = 0; i < d->n_snapshots; i++)
		manifest_put_i64(out, d->snapshots[i]);
	put_32(out, d->n);
}

/* A replica that is being moved is on its way elsewhere; the metadata log is read before all others anyway. */
static bool may_note(const struct log *log)
{
	return log->data && log->data->n > 0 && !log->dir_name && !log_is_metadata(log) && log_is_closed(log);
}

static bool put_log(struct log *log, const char *dir, struct buf *out)
{
	struct file_stat st;
	struct names names;

	/* in this order: a later change shows */
	if (env_stat(log->env, dir, &st) || st.changed_ns <= 0 || !list_names(log, dir, &names))
		return false;
	struct manifest_log entry = {
		.name = str_of(strrchr(dir, '/') + 1), .topic_id = log->topic_id, .dir = seen_of(&st)};
	size_t began = manifest_begin(out, &entry);
	put_marks(log, names.is_sealed, out);
	for (int i = 0; i < log->data->n; i++)
		if (!put_segment(log, &log->data->segments[i], out))
			return false;
	manifest_end(out, began);
	return true;
}

bool log_note(struct log *log, struct buf *out)
{
	char dir[PATH_SIZE];
	size_t began = out->len;

	if (!may_note(log))
		return false;
	LOG_DIR_PATH(log, dir);
	if (put_log(log, dir, out))
		return true;
	out->len = began;
	return false;
}

/* ---- restoring ---- */

static bool read_epochs(struct epochs *e, struct reader *r)
{
	int32_t n = reader_i32(r);

	for (int32_t i = 0; i < n; i++) {
		int32_t epoch = reader_i32(r);
		int64_t start = reader_i64(r);

		if (r->failed || !epochs_assign(e, epoch, start) || e->n != i + 1) /* else they do not ascend */
			return false;
	}
	return n >= 0 && !r->failed;
}

static bool read_snapshots(struct log_data *d, struct reader *r)
{
	int32_t n = reader_i32(r);

	for (int32_t i = 0; i < n; i++) {
		int64_t offset = reader_i64(r);

		if (r->failed || offset < 0 || (d->n_snapshots && offset <= d->snapshots[d->n_snapshots - 1]))
			return false;
		log_add_snapshot(d, offset);
	}
	return n >= 0 && !r->failed;
}

static bool restore_index(struct segment *s, int kind, struct seen seen)
{
	int32_t size = kind == SEGMENT_TIME ? TIME_ENTRY : INDEX_ENTRY;

	if (seen.size < 0 || seen.size % size || seen.size > INT32_MAX)
		return false;
	*(kind == SEGMENT_TIME ? &s->time_n : &s->index_n) = (int32_t)(seen.size / size);
	return true;
}

static bool restore_file(struct segment *s, struct stem *stem, int kind, struct seen seen)
{
	struct file_stat st;

	if (!see_file(stem, kind, &st) || !seen_eq(seen_of(&st), seen))
		return false;
	if (kind != SEGMENT_LOG)
		return restore_index(s, kind, seen);
	s->size = st.size;
	s->created_ms = st.mtime_ms;
	return true;
}

static bool read_segment(struct log *log, struct reader *r)
{
	struct log_data *d = log->data;
	int64_t base = reader_i64(r);
	struct stem stem;

	if (r->failed || base < 0 || (d->n && base <= d->segments[d->n - 1].base))
		return false;
	stem_init(&stem, log, base);
	struct segment *s = log_add_segment(log, base);
	s->max_timestamp = reader_i64(r);
	s->max_timestamp_offset = reader_i64(r);
	s->no_aborted = !(reader_i8(r) & HAS_TXN_INDEX);
	for (int kind = 0; kind < SEEN_FILES && !r->failed; kind++)
		if (!restore_file(s, &stem, kind, seen_read(r)))
			return false;
	return !r->failed;
}

static bool read_segments(struct log *log, struct reader *r)
{
	int32_t n = reader_i32(r);

	for (int32_t i = 0; i < n; i++)
		if (!read_segment(log, r))
			return false;
	return n > 0 && !r->failed && reader_left(r) == 0;
}

static bool restore_active(struct log *log, int64_t indexed_pos, int64_t last_time)
{
	struct segment *s = log_active(log);

	s->indexed_pos = indexed_pos;
	s->last_time = last_time;
	return log->end >= s->base && indexed_pos >= 0 && indexed_pos <= s->size;
}

bool noted_restore(struct log *log, const struct manifest_log *noted, bool *no_producers)
{
	struct reader r;

	if (!uuid_eq(noted->topic_id, log->topic_id))
		return false;
	reader_init(&r, noted->state.p, (size_t)noted->state.len);
	log->data = log_data_new(log);
	int8_t flags = reader_i8(&r);
	log->data->has_sealed = flags & HAS_SEALED;
	*no_producers = flags & NO_PRODUCERS;
	log->end = reader_i64(&r);
	int64_t indexed_pos = reader_i64(&r);
	int64_t last_time = reader_i64(&r);
	return read_epochs(&log->epochs, &r) && read_snapshots(log->data, &r) && read_segments(log, &r) &&
	       restore_active(log, indexed_pos, last_time);
}

/* ---- a check, for the simulator ---- */

static void check_segment(const struct segment *a, const struct segment *b)
{
	check(a->base == b->base && a->size == b->size);
	check(a->max_timestamp == b->max_timestamp);
	check(a->max_timestamp < 0 || a->max_timestamp_offset == b->max_timestamp_offset);
	check(a->created_ms == b->created_ms && a->no_aborted == b->no_aborted);
	check(a->indexed_pos == b->indexed_pos && a->last_time == b->last_time);
	check(a->index_n == b->index_n && a->time_n == b->time_n);
}

void noted_check(const struct log *noted, const struct log *loaded)
{
	const struct log_data *a = noted->data;
	const struct log_data *b = loaded->data;

	check(noted->start == loaded->start && noted->end == loaded->end);
	check(noted->high_watermark == loaded->high_watermark && noted->flushed_end == loaded->flushed_end);
	check(noted->recovery_point == loaded->recovery_point && noted->clean_end == loaded->clean_end);
	check(noted->epochs.n == loaded->epochs.n);
	for (int i = 0; i < noted->epochs.n; i++)
		check(noted->epochs.v[i].epoch == loaded->epochs.v[i].epoch &&
		      noted->epochs.v[i].start == loaded->epochs.v[i].start);
	check(a->n == b->n && a->n_snapshots == b->n_snapshots && a->has_sealed == b->has_sealed);
	for (int i = 0; i < a->n; i++)
		check_segment(&a->segments[i], &b->segments[i]);
	for (int i = 0; i < a->n_snapshots; i++)
		check(a->snapshots[i] == b->snapshots[i]);
	check(a->producers.map.n == b->producers.map.n && a->producers.map_end == b->producers.map_end);
}
