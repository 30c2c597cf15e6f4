/*
 * lookup: ListOffsets by time. Under the lock, a segment is chosen by its largest timestamp; the
 * search in it is a job: time index, offset index, headers, and finally the records of one batch.
 */
#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/internal.h"
#include "log/record_stream.h"

static int take_files(struct log *log, struct segment *s, struct log_lookup *l)
{
	struct file *file;
	int err = segment_open(log, s, SEGMENT_LOG, false, &file);

	if (err)
		return err;
	l->log_file = file_ref(file);
	l->base_offset = s->base;
	l->size = s->size;
	l->sealed = log_sealed_at(log, s);
	if (l->sealed.any)
		l->topic = xstrdup(log->topic);
	if (s->index_n && segment_open(log, s, SEGMENT_INDEX, false, &file) == 0) {
		l->index_file = file_ref(file);
		l->index_size = s->index_n;
	}
	if (s->time_n && segment_open(log, s, SEGMENT_TIME, false, &file) == 0) {
		l->time_file = file_ref(file);
		l->time_size = s->time_n;
	}
	return 0;
}

/*
 * Returns the first segment with a timestamp >= the wanted one, or the one with the largest. That
 * one is returned even if it lies beyond `upto`: nothing is found then, as in Kafka. -1 when there
 * is none, or a negated errno < -1.
 */
static int choose(struct log *log, struct log_lookup *l)
{
	int best = -1;

	for (int i = 0; log->data && i < log->data->n; i++) {
		struct segment *s = &log->data->segments[i];
		int err = segment_read_max_timestamp(log, s);

		if (err)
			return err;
		if (log_segment_end(log, i) <= l->start || s->max_timestamp < 0)
			continue;
		if (l->timestamp != LOOKUP_MAX_TIMESTAMP && s->max_timestamp >= l->timestamp)
			return s->base < l->upto ? i : -1;
		if (l->timestamp == LOOKUP_MAX_TIMESTAMP &&
		    (best < 0 || s->max_timestamp > log->data->segments[best].max_timestamp))
			best = i;
	}
	return best;
}

int log_lookup_begin(struct log *log, int64_t timestamp, int64_t upto, struct log_lookup *out)
{
	*out = (struct log_lookup){
		.timestamp = timestamp,
		.start = log->start,
		.upto = upto < log->end ? upto : log->end,
		.found_offset = -1,
		.found_timestamp = -1,
		.found_epoch = -1,
	};
	int i = choose(log, out);
	if (i == -1)
		return 0;
	int err = i < -1 ? i : take_files(log, &log->data->segments[i], out);
	if (err)
		log_lookup_fini(out);
	else if (timestamp == LOOKUP_MAX_TIMESTAMP)
		out->timestamp = log->data->segments[i].max_timestamp;
	out->error = err;
	return err;
}

void log_lookup_fini(struct log_lookup *l)
{
	file_unref(&l->log_file);
	file_unref(&l->index_file);
	file_unref(&l->time_file);
	xfree(l->topic);
	l->topic = NULL;
}

/* Finds a position at or before the first batch that can contain the timestamp. */
static int start_position(struct log_lookup *l, int64_t *pos)
{
	uint8_t entry[TIME_ENTRY];
	int64_t offset = l->base_offset;

	*pos = 0;
	if (l->time_file) {
		int i = index_search(l->time_file, (int32_t)l->time_size, KEY_TIMESTAMP, l->timestamp - 1, entry);

		if (i < -1)
			return i;
		if (i >= 0)
			offset += time_get(entry).offset;
	}
	if (offset < l->start)
		offset = l->start;
	if (l->index_file) {
		int i = index_search(l->index_file, (int32_t)l->index_size, KEY_OFFSET, offset - l->base_offset, entry);

		if (i < -1)
			return i;
		if (i >= 0)
			*pos = index_get(entry).pos;
	}
	return 0;
}

static bool answers(const struct log_lookup *l, const struct stream_record *r)
{
	return r->timestamp >= l->timestamp && r->offset >= l->start && r->offset < l->upto;
}

/* The first record of the batch that answers, if there is one. */
static int search_batch(struct log_lookup *l, const struct scan *scan, struct codecs *codecs)
{
	struct batch_header h = scan->header;
	size_t size = (size_t)batch_size(&h);
	struct record_stream stream;
	struct stream_record r;
	uint8_t *batch = xmalloc(size);
	int err = file_read_full(l->log_file, batch, size, scan->at);

	if (!err && l->sealed.any)
		err = sealed_open(&l->sealed, str_of(l->topic), scan->at, batch, &h);
	if (!err) {
		record_stream_init(&stream, codecs, &h, batch, INT32_MAX);
		while (l->found_offset < 0 && record_stream_next(&stream, &r)) {
			if (!answers(l, &r))
				continue;
			l->found_offset = r.offset;
			l->found_timestamp = r.timestamp;
			l->found_epoch = scan->header.leader_epoch;
		}
		err = stream.error;
	}
	xfree(batch);
	return err;
}

int log_lookup_run(struct log_lookup *l, struct codecs *codecs)
{
	struct scan scan;
	int64_t pos = 0;

	if (l->error || !l->log_file)
		return l->error;
	l->error = start_position(l, &pos);
	if (l->error)
		return l->error;
	scan_init(&scan, l->log_file, pos, l->size);
	while (!l->error && l->found_offset < 0 && scan_next(&scan) && scan.header.base_offset < l->upto) {
		if (batch_last_offset(&scan.header) < l->start || scan.header.max_timestamp < l->timestamp)
			continue;
		if (scan.header.magic == BATCH_MAGIC)
			l->error = search_batch(l, &scan, codecs);
	}
	if (!l->error)
		l->error = scan.error;
	return l->error;
}
