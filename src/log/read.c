/*
 * read: from offsets to ranges of files.
 *
 * The position of the last batch is remembered from its append, for readers that wait for new
 * records. A position is found without touching the disk when a reader goes on from where a
 * previous read ended (hints), or in the last stretch of the log (pending index entries); otherwise
 * by the index and a walk over the headers of at most index.interval.bytes.
 */
#include <errno.h>

#include "base/err.h"
#include "log/internal.h"
#include "log/txn_index.h"
#include "wire/records.h"

/* ---- positions ---- */

static void add_hint(struct log *log, const struct segment *s, int64_t offset, int64_t pos)
{
	struct log_data *d = log->data;

	for (int i = 0; i < HINTS; i++)
		if (d->hints[i].offset == offset)
			return;
	d->hints[d->next_hint] = (struct hint){offset, s->base, pos};
	d->next_hint = (d->next_hint + 1) % HINTS;
}

static bool find_hint(const struct log *log, const struct segment *s, int64_t offset, int64_t *pos)
{
	for (int i = 0; i < HINTS; i++) {
		const struct hint *h = &log->data->hints[i];

		if (h->offset == offset && h->segment == s->base) {
			*pos = h->pos;
			return true;
		}
	}
	return false;
}

static bool find_pending(const struct log *log, const struct segment *s, int64_t offset, int64_t *pos)
{
	const struct pending *p = log->data->pending;

	if (!p || s != &log->data->segments[log->data->n - 1])
		return false;
	for (int i = p->n_index - 1; i >= 0; i--) {
		if (s->base + p->index[i].offset > offset)
			continue;
		*pos = p->index[i].pos;
		return true;
	}
	return false;
}

static int say_cold(struct log_cold *cold, struct file *file, int64_t pos, int64_t len)
{
	*cold = (struct log_cold){.file = file_ref(file), .pos = pos, .len = len};
	return -EAGAIN;
}

/* Finds the position of the last indexed batch that does not lie wholly after the offset. */
static int search_index(struct log *log, struct segment *s, int64_t offset, int64_t *pos, bool nowait,
			struct log_cold *cold)
{
	uint8_t entry[TIME_ENTRY];
	struct file *file;

	*pos = 0;
	if (find_hint(log, s, offset, pos) || find_pending(log, s, offset, pos) || s->index_n == 0)
		return 0;
	int err = segment_open(log, s, SEGMENT_INDEX, false, &file);
	if (err)
		return err;
	if (nowait && !file_resident(file, 0, (size_t)s->index_n * INDEX_ENTRY))
		return say_cold(cold, file, 0, (int64_t)s->index_n * INDEX_ENTRY);
	int i = index_search(file, s->index_n, KEY_OFFSET, offset - s->base, entry);
	if (i < -1)
		return i;
	if (i >= 0)
		*pos = index_get(entry).pos;
	return 0;
}

static int scan_result(struct scan *scan, bool found, struct log_cold *cold)
{
	if (found)
		return 0;
	if (scan->cold)
		return say_cold(cold, scan->file, scan->pos, SCAN_BUFFER);
	return scan->error ? scan->error : -ENODATA;
}

int segment_locate(struct log *log, struct segment *s, int64_t offset, struct scan *scan, struct log_cold *cold)
{
	struct file *file;
	int64_t pos;
	bool nowait = cold != NULL;
	int err = search_index(log, s, offset, &pos, nowait, cold);

	if (!err)
		err = segment_open(log, s, SEGMENT_LOG, false, &file);
	if (err)
		return err;
	scan_init(scan, file, pos, s->size);
	scan->nowait = nowait;
	return scan_result(scan, scan_to(scan, offset), cold);
}

/* ---- ranges ---- */

struct range {
	struct segment *segment;
	int index;	   /* of the segment */
	int64_t from;	   /* position of the first batch */
	int64_t first;	   /* size of the first batch */
	int64_t first_end; /* the offset after the first batch */
	int64_t limit;	   /* everything before this position may be read */
	int64_t next;	   /* the offset after the range; -1 = not known */
};

static bool is_in_tail(struct log *log, int64_t offset)
{
	const struct hint *tail = &log->data->tail;

	return tail->offset >= 0 && offset >= tail->offset && offset < log->end &&
	       tail->segment == log_active(log)->base;
}

static int start_at_tail(struct log *log, struct range *r, struct scan *scan)
{
	const struct hint *tail = &log->data->tail;
	struct file *file;
	int err;

	r->index = log->data->n - 1;
	r->segment = log_active(log);
	err = segment_open(log, r->segment, SEGMENT_LOG, false, &file);
	if (err)
		return err;
	scan_init(scan, file, r->segment->size, r->segment->size);
	r->from = tail->pos;
	r->first = r->segment->size - tail->pos;
	r->first_end = log->end;
	return 0;
}

static int find_start(struct log *log, int64_t offset, struct range *r, struct scan *scan, struct log_cold *cold)
{
	int i = log_segment_of(log, offset);
	int err = -ENODATA;

	if (is_in_tail(log, offset))
		return start_at_tail(log, r, scan);

	for (i = i < 0 ? 0 : i; i < log->data->n && err == -ENODATA; i++) {
		r->segment = &log->data->segments[i];
		r->index = i;
		err = segment_locate(log, r->segment, offset, scan, cold);
	}
	if (err)
		return err;
	r->from = scan->at;
	r->first = batch_size(&scan->header);
	r->first_end = batch_last_offset(&scan->header) + 1;
	return 0;
}

/* Finds how far readers may go in this segment. */
static int find_limit(struct log *log, int64_t upto, struct range *r, struct scan *scan, struct log_cold *cold)
{
	if (upto >= log_segment_end(log, r->index)) {
		r->limit = r->segment->size;
		r->next = log_segment_end(log, r->index);
		return 0;
	}
	int err = segment_locate(log, r->segment, upto, scan, cold);
	if (err == -ENODATA) { /* a gap up to the end of the segment */
		r->limit = r->segment->size;
		return 0;
	}
	if (err)
		return err;
	r->limit = scan->at;
	r->next = scan->header.base_offset;
	add_hint(log, r->segment, r->next, r->limit);
	return 0;
}

/* Finds the last batch boundary at or before `want`. */
static int cut_at_batch(struct log *log, int64_t want, struct range *r, struct scan *scan, struct log_cold *cold)
{
	const struct pending *p = r->index == log->data->n - 1 ? log->data->pending : NULL;
	uint8_t entry[TIME_ENTRY];
	int64_t pos = r->from;
	struct file *file = scan->file;
	struct file *index;

	for (int i = 0; p && i < p->n_index && p->index[i].pos <= want; i++)
		if (p->index[i].pos > pos)
			pos = p->index[i].pos;
	if (pos == r->from && r->segment->index_n > 0) {
		int err = segment_open(log, r->segment, SEGMENT_INDEX, false, &index);

		if (err)
			return err;
		if (cold && !file_resident(index, 0, (size_t)r->segment->index_n * INDEX_ENTRY))
			return say_cold(cold, index, 0, (int64_t)r->segment->index_n * INDEX_ENTRY);
		int i = index_search(index, r->segment->index_n, KEY_POSITION, want, entry);
		if (i < -1)
			return i;
		if (i >= 0 && index_get(entry).pos > pos)
			pos = index_get(entry).pos;
	}
	scan_init(scan, file, pos, r->limit);
	scan->nowait = cold != NULL;
	r->next = -1;
	while (scan_next(scan)) {
		if (scan->pos > want) {
			r->next = r->next < 0 ? scan->header.base_offset : r->next;
			break;
		}
		r->next = batch_last_offset(&scan->header) + 1;
	}
	if (scan->cold || scan->error)
		return scan_result(scan, false, cold);
	r->limit = scan->pos <= want ? scan->pos : scan->at;
	return 0;
}

static int find_range(struct log *log, const struct log_read *want, struct range *r, struct log_cold *cold)
{
	struct scan scan;
	int64_t max = want->max_bytes > 0 ? want->max_bytes : 0;
	int err = find_start(log, want->offset, r, &scan, cold);

	if (!err)
		err = find_limit(log, want->upto_offset, r, &scan, cold);
	if (err || r->limit <= r->from)
		return err;
	if (max < r->first) { /* only the first batch, if it may be larger than max_bytes */
		r->limit = want->min_one_message ? r->from + r->first : r->from;
		r->next = r->first_end;
		return 0;
	}
	if (r->limit - r->from > max)
		err = cut_at_batch(log, r->from + max, r, &scan, cold);
	return err;
}

int log_read(struct log *log, struct log_read *want, struct records *out, struct log_cold *cold)
{
	struct range r = {.next = -1};
	struct file *file;

	*out = (struct records){0};
	want->next_offset = want->upto_offset;
	if (want->offset < log->start || want->offset > log->end)
		return ERR_OFFSET_OUT_OF_RANGE;
	if (log_dir_error(log->dir))
		return ERR_KAFKA_STORAGE_ERROR;
	want->is_older = false;
	if (want->offset >= want->upto_offset || want->offset == log->end || !log->data)
		return 0;
	if (want->min_one_message && env_buggify(log->env, "read one batch")) /* every batch is a read of its own */
		want->max_bytes = 1;
	if (env_buggify(log->env, "forget where readers are")) /* positions are then found by the index */
		log_forget_hints(log);
	if (log->data->has_sealed && want->sealed_max > 0 && want->max_bytes > want->sealed_max)
		want->max_bytes = want->sealed_max;
	int err = find_range(log, want, &r, want->nowait ? cold : NULL);
	if (err == -ENODATA) /* only a gap between here and the end */
		return 0;
	if (!err && r.limit > r.from)
		err = segment_open(log, r.segment, SEGMENT_LOG, false, &file);
	if (err == -EIO)
		log_failed(log, err, "reading", SEGMENT_LOG, r.segment ? r.segment->base : log->start);
	if (err || r.limit <= r.from)
		return err;
	out->file = file_ref(file);
	out->pos = r.from;
	out->len = (int32_t)(r.limit - r.from);
	want->is_older = r.index < log_segment_of(log, want->upto_offset);
	want->sealed = log_sealed_at(log, r.segment);
	if (r.next >= 0) {
		add_hint(log, r.segment, r.next, r.limit);
		want->next_offset = r.next;
	}
	return 0;
}

int log_cold_run(struct log_cold *c)
{
	uint8_t page[16 * 1024];
	int64_t end = c->pos + c->len;
	int err = 0;

	while (c->pos < end && !err) {
		ssize_t n = file_pread(c->file, page, sizeof(page), c->pos);

		if (n <= 0)
			err = (int)n;
		if (n <= 0)
			break;
		c->pos += n;
	}
	file_unref(&c->file);
	return err;
}

/* ---- aborted transactions ---- */

struct aborted_list {
	struct arena *arena;
	struct aborted_txn *v;
	int n;
	int cap;
};

static bool add_aborted(struct aborted_list *l, const struct completed_txn *t)
{
	struct aborted_txn *v = arena_grow(l->arena, l->v, l->n, &l->cap, sizeof(*v));

	if (!v)
		return false;
	l->v = v;
	int at = l->n++;
	for (; at > 0 && l->v[at - 1].first_offset > t->first_offset; at--)
		l->v[at] = l->v[at - 1];
	l->v[at] = (struct aborted_txn){t->producer_id, t->first_offset};
	return true;
}

/* For one segment. *complete: no later segment can have a transaction that overlaps. */
static int collect_aborted(struct file *file, int64_t from, int64_t upto, struct aborted_list *l, bool *complete)
{
	struct completed_txn t;
	int err;

	for (int64_t i = 0; (err = txn_index_read(file, i, &t)) == 0; i++) {
		if (t.last_offset >= from && t.first_offset < upto && !add_aborted(l, &t))
			return -ENOMEM;
		if (t.last_stable_offset >= upto) {
			*complete = true;
			return 0;
		}
	}
	return err == -ENODATA ? 0 : err;
}

int log_each_aborted(struct log *log, int i, int (*each)(void *arg, const struct completed_txn *t), void *arg)
{
	struct completed_txn t;
	struct file *file;
	int err = segment_open(log, &log->data->segments[i], SEGMENT_TXN, false, &file);

	for (int64_t k = 0; !err; k++) {
		err = txn_index_read(file, k, &t);
		if (!err)
			err = each(arg, &t);
	}
	return err == -ENOENT || err == -ENODATA ? 0 : err;
}

static int aborted_of(struct log *log, int i, struct file **out, struct log_cold *cold)
{
	int err = segment_open(log, &log->data->segments[i], SEGMENT_TXN, false, out);
	int64_t size = err ? 0 : file_size(*out);

	if (err || !cold || size <= 0 || file_resident(*out, 0, (size_t)size))
		return err;
	return say_cold(cold, *out, 0, size);
}

int log_aborted(struct log *log, const struct aborted_query *q, struct aborted_txn **v, int *n, struct log_cold *cold)
{
	struct aborted_list l = {.arena = q->arena};
	bool complete = false;
	int i = log_segment_of(log, q->from);

	for (i = i < 0 ? 0 : i; log->data && i < log->data->n && !complete; i++) {
		struct file *file;
		int err = aborted_of(log, i, &file, cold);

		if (err == -ENOENT)
			continue;
		if (!err)
			err = collect_aborted(file, q->from, q->upto, &l, &complete);
		if (err)
			return err;
	}
	*v = l.v;
	*n = l.n;
	return 0;
}
