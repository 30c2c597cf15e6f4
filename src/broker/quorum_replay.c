/*
 * quorum_replay: reads batches of the log and of snapshots from the disk into an image (struct
 * replay) and into what raft has to know (struct raft_history).
 *
 * Everything here may block for the disk. What was just read or written is in the page cache: then
 * it is called on the loop as well.
 */
#include <errno.h>
#include <string.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/quorum_private.h"
#include "raft/control.h"
#include "wire/batch.h"
#include "wire/records.h"

/* The memory limit for the decoded records of one batch. */
#define BATCH_ARENA (256 << 20)
#define READ_BYTES (1 << 20)

int quorum_damaged(const struct loading *l, int64_t offset, const char *what)
{
	count_shared(&l->quorum->measures.n_errors, 1); /* the reader may be a job */
	diag_error(l->quorum->env->diag, "metadata is damaged",
		   "file=%s offset=%lld what=\"%s\" remedy=\"restore the file, or let the node "
		   "fetch the metadata of its quorum\"",
		   l->file, (long long)offset, what);
	return -EBADMSG;
}

/* ---- control batches ---- */

static bool has_footer(const struct batch_header *h, const uint8_t *p)
{
	struct record_iter it = record_iter(h, p + BATCH_HEADER_SIZE, (size_t)batch_size(h) - BATCH_HEADER_SIZE);
	struct record r;

	while (record_next(&it, &r)) {
		if (control_type(r.key) == CONTROL_SNAPSHOT_FOOTER)
			return true;
	}
	return false;
}

static int load_control(struct loading *l, const struct batch_header *h, const uint8_t *p)
{
	if (l->snapshot)
		l->ended |= has_footer(h, p);
	else if (l->replay)
		replay_skip(l->replay, batch_last_offset(h), h->leader_epoch, h->max_timestamp);
	return 0;
}

/* Notes what raft has to know. */
static int note(struct loading *l, const struct batch_header *h, const uint8_t *p)
{
	int err = l->snapshot ? control_note_snapshot(h, p, l->id.end_offset, l->to) : control_note(h, p, l->to);

	return err == 0
		       ? 0
		       : quorum_damaged(
				 l, h->base_offset,
				 "a batch that does not follow on the one before, or a voter set or kraft.version that this release cannot read");
}

/* ---- data batches ---- */

/* The bootstrap records outlive the bytes from which they are read: those are copied. */
static int keep_bootstrap(struct loading *l, struct bytes value)
{
	struct quorum *q = l->quorum;
	struct str copy = arena_str(&q->bootstrap_arena, (struct str){(const char *)value.p, value.len});
	struct metadata_record r;
	int err = metadata_record_decode((struct bytes){(const uint8_t *)copy.p, copy.len}, &q->bootstrap_arena, &r);
	void *body;

	if (err != 0)
		return err;
	body = record_list_add(&q->bootstrap, (enum metadata_record_type)r.type, r.version);
	if (!body)
		return -ENOMEM;
	memcpy(body, r.body, metadata_record_body_size(r.type));
	return 0;
}

static int unreadable(struct loading *l, int64_t offset, int err, const struct metadata_record *r)
{
	if (err == -ENOTSUP)
		diag_error(l->quorum->env->diag, "metadata of a later release",
			   "file=%s offset=%lld type=%d version=%d remedy=\"use that "
			   "release\"",
			   l->file, (long long)offset, r->type, r->version);
	else
		quorum_damaged(l, offset, "a record that cannot be read");
	return err;
}

static int decode_batch(struct loading *l, const struct batch_header *h, const uint8_t *p, struct arena *a,
			struct metadata_record *v)
{
	struct record_iter it = record_iter(h, p + BATCH_HEADER_SIZE, (size_t)batch_size(h) - BATCH_HEADER_SIZE);
	struct record r;
	int n = 0;

	while (record_next(&it, &r)) {
		int err = l->replay ? metadata_record_decode(r.value, a, &v[n]) : keep_bootstrap(l, r.value);

		if (err != 0)
			return unreadable(l, r.offset, err, &v[n]);
		n++;
	}
	return it.error == 0 && n == h->count
		       ? 0
		       : quorum_damaged(l, h->base_offset, "a batch whose records cannot be read");
}

static int load_data(struct loading *l, const struct batch_header *h, const uint8_t *p)
{
	struct metadata_record *v;
	const char *why = "";
	struct arena a;
	int err = -ENOMEM;

	if (!l->replay && !l->bootstrap)
		return 0;
	if (h->count <= 0 || h->count > h->length || batch_codec(h) != 0)
		return quorum_damaged(l, h->base_offset, "a batch without records, or a compressed one");
	arena_init(&a, BATCH_ARENA);
	v = arena_array(&a, (size_t)h->count, sizeof(*v));
	if (v)
		err = decode_batch(l, h, p, &a, v);
	if (err == 0 && l->replay) {
		struct image_batch batch = {
			.v = v,
			.n = h->count,
			.last_offset = l->snapshot ? l->id.end_offset - 1 : batch_last_offset(h),
			.epoch = l->snapshot ? l->id.epoch : h->leader_epoch,
			.timestamp_ms = h->max_timestamp,
		};

		err = replay_batch(l->replay, &batch, &why);
		if (err != 0)
			err = quorum_damaged(l, h->base_offset, why);
	}
	arena_fini(&a);
	return err;
}

/* Reads whole batches from `from` on; *next is the offset after the last of them. */
int quorum_load_bytes(struct loading *l, const uint8_t *p, size_t len, int64_t from, int64_t *next)
{
	struct batch_iter it = batch_iter(p, len);
	int err = 0;

	while (err == 0 && batch_next(&it)) {
		*next = batch_last_offset(&it.header) + 1;
		if (*next <= from)
			continue;
		if (it.header.magic != BATCH_MAGIC || !batch_crc_ok(it.p, &it.header))
			return quorum_damaged(l, it.header.base_offset, "a batch whose checksum does not agree");
		l->timestamp_ms = it.header.max_timestamp;
		err = l->to ? note(l, &it.header, it.p) : 0;
		if (err == 0)
			err = batch_is_control(&it.header) ? load_control(l, &it.header, it.p)
							   : load_data(l, &it.header, it.p);
	}
	if (err == 0 && it.error != 0)
		return quorum_damaged(l, *next, "bytes that are no batch");
	return err;
}

/* ---- files ---- */

int quorum_load_snapshot(struct loading *l, const char *path)
{
	char *bytes;
	size_t len;
	int64_t next = 0;
	int err = env_read_file(l->quorum->env, path, SNAPSHOT_MAX, &bytes, &len);

	if (err != 0) {
		if (err != -ENOENT)
			diag_error(l->quorum->env->diag, "snapshot cannot be read", "file=%s error=%s", path,
				   err_name(err));
		return err;
	}
	l->file = path;
	l->snapshot = true;
	l->ended = false;
	err = quorum_load_bytes(l, (const uint8_t *)bytes, len, 0, &next);
	if (err == 0 && !l->ended)
		err = quorum_damaged(l, next, "a snapshot without its last batch");
	xfree(bytes);
	l->snapshot = false;
	return err;
}

static int load_range(struct loading *l, int64_t *from, int64_t end, struct buf *buf)
{
	struct log_read want = {.offset = *from, .max_bytes = READ_BYTES, .min_one_message = true, .upto_offset = end};
	struct records records;
	int64_t next = *from;
	int err = log_read(l->quorum->log, &want, &records, NULL);

	if (err != 0)
		return err;
	if (records.len == 0)
		return 0;
	buf->len = 0;
	buf_reserve(buf, (size_t)records.len);
	err = file_read_full(records.file, buf->p, (size_t)records.len, records.pos);
	file_unref(&records.file);
	if (err == 0)
		err = quorum_load_bytes(l, buf->p, (size_t)records.len, *from, &next);
	if (err == 0 && next <= *from)
		return quorum_damaged(l, *from, "a batch that does not end");
	*from = next;
	return err;
}

int quorum_load_log(struct loading *l, int64_t *from, int64_t end)
{
	struct buf buf = {0};
	int64_t at;
	int err = 0;

	l->file = l->quorum->path;
	do {
		at = *from;
		if (at < end)
			err = load_range(l, from, end, &buf);
	} while (err == 0 && *from > at);
	buf_fini(&buf);
	return err;
}

int quorum_replay(struct quorum *q, struct replay *to, int64_t *from, int64_t end)
{
	struct loading l = {.quorum = q, .replay = to};

	return quorum_load_log(&l, from, end);
}
