/*
 * replay: producer state at the end of the log: from the newest readable snapshot, then the headers
 * of the batches after it.
 *
 * Aborted transactions whose markers lie after the newest snapshot are rewritten to .txnindex, so
 * that each is in it once. Entries before the snapshot stay as they are: they were flushed with it,
 * whereas what is written now is not.
 *
 * A snapshot does not say which transactions are decided but unreplicated. One that lies after a
 * marker not yet passed by the high watermark is therefore not used: an older one, and the batches
 * after it, tell where that transaction began. (Kafka uses it. Once such a replica leads, and its
 * high watermark has moved to between the two, it shows as stable what is not stable on other
 * replicas.)
 */
#include <errno.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/internal.h"
#include "log/paths.h"

enum { SNAPSHOT_SIZE_MAX = 512 << 20, MARKER_SIZE_MAX = 4096 };

static int restore(struct log *log, int64_t offset, int64_t now_ms, int64_t expiration_ms)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	char *bytes;
	size_t len;

	LOG_DIR_PATH(log, dir);
	path_of_offset(path, dir, offset, ".snapshot");
	int err = env_read_file(log->env, path, SNAPSHOT_SIZE_MAX, &bytes, &len);
	if (err)
		return err;
	err = producers_restore(&log->data->producers, (struct bytes){(uint8_t *)bytes, (int32_t)len}, offset, now_ms,
				expiration_ms);
	xfree(bytes);
	if (err)
		diag_warn(log->env->diag, "producer snapshot unreadable, an older one is used", "file=%s", path);
	return err;
}

/*
 * Finds the first marker from `from` on, in segment s: 0 and *at, else -ENODATA. Behind an impossible
 * header none can be found; whoever reads there meets it, and nothing is cut for a snapshot's sake.
 */
static int find_marker(struct log *log, struct segment *s, int64_t from, int64_t *at)
{
	struct scan scan;
	int err = segment_locate(log, s, from, &scan, NULL);

	if (err)
		return is_damage(err) ? -ENODATA : err;
	while (!batch_is_control(&scan.header) || !batch_has_producer(&scan.header))
		if (!scan_next(&scan))
			return scan.error && !is_damage(scan.error) ? scan.error : -ENODATA;
	*at = scan.header.base_offset;
	return 0;
}

/*
 * Snapshots beyond *at are incomplete. Nothing is read unless there is one beyond the high
 * watermark; the metadata log has no producers.
 */
static int find_unreplicated(struct log *log, int64_t *at)
{
	struct log_data *d = log->data;
	int64_t newest = d->n_snapshots ? d->snapshots[d->n_snapshots - 1] : -1;
	int i = log_segment_of(log, log->high_watermark);
	int err = -ENODATA;

	*at = INT64_MAX;
	if (newest <= log->high_watermark || log_is_metadata(log))
		return 0;
	for (i = i < 0 ? 0 : i; err == -ENODATA && i < d->n && d->segments[i].base < newest; i++)
		err = find_marker(log, &d->segments[i], log->high_watermark, at);
	return err == -ENODATA ? 0 : err;
}

/*
 * Restores the newest snapshot that is good and complete; a bad one is removed, along with those
 * after it. *indexed: offset of the newest good one; .txnindex has everything before it.
 */
static int load_snapshot(struct log *log, int64_t now_ms, int64_t expiration_ms, int64_t *indexed)
{
	struct log_data *d = log->data;
	int64_t upto;
	int err = find_unreplicated(log, &upto);

	*indexed = -1;
	for (int i = d->n_snapshots - 1; !err && i >= 0; i--) {
		int64_t offset = d->snapshots[i];

		err = restore(log, offset, now_ms, expiration_ms);
		if (err < 0 && err != -ENOENT)
			return err;
		if (err)
			log_drop_snapshots(log, 0, offset - 1);
		else if (*indexed < 0)
			*indexed = offset;
		if (!err && offset <= upto)
			return 0;
		err = 0;
	}
	if (err)
		return err;
	producers_clear(&d->producers, log->start);
	return 0;
}

static int read_marker(struct file *file, const struct scan *scan, struct marker *out)
{
	const struct batch_header *h = &scan->header;
	uint8_t p[MARKER_SIZE_MAX];
	struct record r;

	if (batch_size(h) > MARKER_SIZE_MAX || batch_codec(h) != 0)
		return -ENOENT;
	int err = file_read_full(file, p, (size_t)batch_size(h), scan->at);
	if (err)
		return err;
	struct record_iter it = record_iter(h, p + BATCH_HEADER_SIZE, (size_t)(batch_size(h) - BATCH_HEADER_SIZE));
	if (!record_next(&it, &r))
		return -ENOENT;
	int type = control_type(r.key);
	if ((type != CONTROL_ABORT && type != CONTROL_COMMIT) ||
	    control_coordinator_epoch(r.value, &out->coordinator_epoch))
		return -ENOENT;
	out->type = (enum control_type)type;
	out->timestamp = r.timestamp;
	return 0;
}

static int replay_batch(struct log *log, struct segment *s, struct file *file, const struct scan *scan, int64_t indexed)
{
	struct producers *producers = &log->data->producers;
	struct completed_txn txn;
	struct marker m;
	int err = 0;

	if (batch_has_producer(&scan->header) && !batch_is_control(&scan->header)) {
		producers_apply_data(producers, &scan->header);
	} else if (batch_has_producer(&scan->header)) {
		err = read_marker(file, scan, &m);
		if (!err && producers_apply_marker(producers, &scan->header, &m, &txn) && txn.aborted &&
		    scan->header.base_offset >= indexed)
			err = segment_add_aborted(log, s, &txn);
		if (err == -ENOENT)
			err = 0;
	}
	producers_advance(producers, batch_last_offset(&scan->header) + 1);
	return err;
}

static int replay_segment(struct log *log, struct segment *s, int64_t from, int64_t upto, int64_t indexed)
{
	struct scan scan;
	struct file *file;
	int err = segment_cut_aborted(log, s, from > indexed ? from : indexed);

	if (err || from >= upto || s->base >= upto)
		return err;
	err = segment_locate(log, s, from, &scan, NULL);
	if (!err)
		err = segment_open(log, s, SEGMENT_LOG, false, &file);
	while (!err && scan.header.base_offset < upto) {
		err = replay_batch(log, s, file, &scan, indexed);
		if (!err && !scan_next(&scan))
			return scan.error;
	}
	return err == -ENODATA ? 0 : err;
}

/* Applies the batches after what was restored. */
static int replay_rest(struct log *log, int64_t none_from, int64_t indexed)
{
	int64_t from = log->data->producers.map_end;
	int i = log_segment_of(log, from);
	int err = 0;

	for (i = i < 0 ? 0 : i; !err && i < log->data->n; i++)
		/* the last segment always: its transaction index may have entries past the log's end */
		if (log_segment_end(log, i) > from || i == log->data->n - 1)
			err = replay_segment(log, &log->data->segments[i], from, none_from, indexed);
	return err;
}

int log_replay_producers(struct log *log, int64_t now_ms, int64_t expiration_ms, int64_t none_from)
{
	int64_t indexed;
	int err = load_snapshot(log, now_ms, expiration_ms, &indexed);

	if (!err)
		err = replay_rest(log, none_from, indexed);
	if (is_damage(err) && indexed >= 0) { /* between an older snapshot and the newest: that one, as with Kafka */
		err = restore(log, indexed, now_ms, expiration_ms);
		if (!err)
			err = replay_rest(log, none_from, indexed);
	}
	if (!err) {
		producers_advance(&log->data->producers, log->end);
		producers_high_watermark(&log->data->producers, log->high_watermark);
	}
	return err;
}
