/*
 * clean_filter: filters one batch: the result is a batch, an empty batch, or nothing.
 */
#include "log/clean_filter.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/varint.h"
#include "log/legacy.h"

struct kept_record {
	const uint8_t *p; /* as in the batch, with its length; NULL for a legacy one */
	int32_t size;
	int64_t offset;
	int64_t timestamp;
	struct bytes key; /* of a legacy one */
	struct bytes value;
};

/* What happens to a batch as a whole, or once no record of it is left. */
enum retention { DROP_BATCH, DROP_IF_EMPTY, KEEP_EMPTY };

struct verdict {
	enum retention retention;
	bool drops_records;
	bool needs_horizon; /* a marker whose transaction is gone */
};

void clean_filter_fini(struct clean_filter *f)
{
	buf_fini(&f->out);
	buf_fini(&f->plain);
	buf_fini(&f->rebuilt);
	xfree(f->kept);
	f->kept = NULL;
}

/* ---- reading ---- */

/* The records of a batch of format 2, decompressed. -EFBIG when they are too many bytes. */
static int open_records(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, struct bytes *out)
{
	size_t len = (size_t)(batch_size(h) - BATCH_HEADER_SIZE);

	*out = (struct bytes){p + BATCH_HEADER_SIZE, (int32_t)len};
	if (batch_codec(h) == CODEC_NONE)
		return 0;
	f->plain.len = 0;
	int err = decode_all(f->codecs, batch_codec(h), out->p, len, (size_t)f->plain_max, &f->plain);
	*out = (struct bytes){f->plain.p, (int32_t)f->plain.len};
	return err == ERR_MESSAGE_TOO_LARGE ? -EFBIG : err;
}

static int open_legacy(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, struct legacy_set *set)
{
	int err = legacy_open(set, f->codecs, p, h, (size_t)f->plain_max, &f->plain);

	return err == ERR_MESSAGE_TOO_LARGE ? -EFBIG : err;
}

static int read_control_type(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, int *type)
{
	struct bytes records;
	struct record r;
	int err = open_records(f, p, h, &records);

	*type = CONTROL_NONE;
	if (err || h->count <= 0)
		return err == -EFBIG ? ERR_CORRUPT_MESSAGE : err;
	struct record_iter it = record_iter(h, records.p, (size_t)records.len);
	if (!record_next(&it, &r))
		return ERR_CORRUPT_MESSAGE;
	int found = control_type(r.key);
	*type = found < 0 ? CONTROL_LEADER_CHANGE : found; /* an unknown type: it stays */
	return 0;
}

static bool has_delete_horizon(const struct batch_header *h)
{
	return h->attributes & BATCH_DELETE_HORIZON;
}

/* ---- deciding ---- */

static int by_producer(const void *key, const void *member)
{
	int64_t id = *(const int64_t *)key;
	const struct last_record *r = member;

	return (id > r->producer_id) - (id < r->producer_id);
}

static bool is_last_of_producer(const struct clean_filter *f, const struct batch_header *h)
{
	const struct last_record *r;

	if (!batch_has_producer(h) || f->n_last == 0)
		return false;
	r = bsearch(&h->producer_id, f->last, (size_t)f->n_last, sizeof(*r), by_producer);
	if (!r)
		return false;
	if (r->last_offset >= 0)
		return batch_last_offset(h) == r->last_offset;
	return batch_is_control(h) && h->producer_epoch == r->epoch;
}

static int judge_batch(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, struct verdict *v)
{
	bool may_go;

	*v = (struct verdict){0};
	if (batch_is_control(h)) {
		int type;
		int err = read_control_type(f, p, h, &type);

		if (err)
			return err;
		struct clean_marker m = clean_txns_marker(f->txns, h, type);
		if (m.indexed)
			f->retain_aborted(f->arg, &m.aborted);
		may_go = m.may_go;
		v->needs_horizon = may_go;
		v->drops_records = may_go && has_delete_horizon(h) && h->base_timestamp <= f->now_ms;
	} else {
		may_go = clean_txns_data(f->txns, h);
		v->drops_records = may_go;
	}
	if (is_last_of_producer(f, h) || batch_last_offset(h) + 1 == f->high_watermark)
		v->retention = KEEP_EMPTY;
	else
		v->retention = v->drops_records ? DROP_BATCH : DROP_IF_EMPTY;
	return 0;
}

/* key: only used for a record whose key must be looked up. */
static bool stays(struct clean_filter *f, const struct batch_header *h, const struct record *r, struct hash128 key)
{
	if (r->offset > f->latest)
		return true;
	if (!r->key.p) {
		f->records_invalid++;
		return false;
	}
	if (r->offset < key_map_get(f->keys, key))
		return false;
	if (r->value.p || f->batches_too_large) /* the records that a tombstone deletes may be in a batch that stays */
		return true;
	if (h->magic < BATCH_MAGIC)
		return f->keep_legacy_tombstones;
	return !has_delete_horizon(h) || f->now_ms < h->base_timestamp;
}

/* ---- choosing ---- */

static void keep(struct clean_filter *f, struct kept_record k)
{
	if (f->n_kept == f->cap_kept) {
		f->cap_kept = f->cap_kept ? 2 * f->cap_kept : 256;
		f->kept = xreallocarray(f->kept, (size_t)f->cap_kept, sizeof(*f->kept));
	}
	f->kept[f->n_kept++] = k;
}

struct choice {
	bool all; /* no record is dropped */
	bool tombstones;
};

/*
 * This many records are read, and their keys' slots prefetched, before the first of them is judged
 * (key_map.h).
 */
enum { RECORDS_AHEAD = 32 };

struct candidate {
	struct record r;
	struct hash128 key;
	const uint8_t *p; /* as in kept_record */
};

static struct hash128 hash_key(const struct clean_filter *f, const struct record *r)
{
	return r->key.p ? key_map_hash(f->keys, r->key) : (struct hash128){0};
}

/* Reads the next records: RECORDS_AHEAD of them, unless the end comes first. */
static int read_ahead(const struct clean_filter *f, struct record_iter *it, struct candidate *v)
{
	int n = 0;

	for (; n < RECORDS_AHEAD; n++) {
		v[n].p = it->p;
		if (!record_next(it, &v[n].r))
			break;
		v[n].key = hash_key(f, &v[n].r);
	}
	return n;
}

static void choose_one(struct clean_filter *f, const struct batch_header *h, const struct verdict *v,
		       const struct candidate *one, struct choice *c)
{
	f->records_read++;
	if (v->drops_records || (!batch_is_control(h) && !stays(f, h, &one->r, one->key))) {
		c->all = false;
		return;
	}
	c->tombstones = c->tombstones || !one->r.value.p;
	keep(f, (struct kept_record){
			.p = one->p, .size = one->r.size, .offset = one->r.offset, .timestamp = one->r.timestamp});
}

static int choose(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, const struct verdict *v,
		  struct choice *c)
{
	struct candidate ahead[RECORDS_AHEAD];
	struct bytes records;
	int n, err = open_records(f, p, h, &records);

	f->n_kept = 0;
	*c = (struct choice){.all = true};
	if (err)
		return err;
	struct record_iter it = record_iter(h, records.p, (size_t)records.len);
	while ((n = read_ahead(f, &it, ahead)) > 0)
		for (int i = 0; i < n; i++)
			choose_one(f, h, v, &ahead[i], c);
	return it.error ? ERR_CORRUPT_MESSAGE : 0;
}

static int choose_legacy(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, struct legacy_set *set,
			 struct choice *c)
{
	struct record r;
	int err = open_legacy(f, p, h, set);

	f->n_kept = 0;
	*c = (struct choice){0};
	while (!err && (err = legacy_next(set, &r)) == 0) {
		f->records_read++;
		if (!stays(f, h, &r, hash_key(f, &r)))
			continue;
		c->tombstones = c->tombstones || !r.value.p;
		keep(f, (struct kept_record){
				.offset = r.offset, .timestamp = r.timestamp, .key = r.key, .value = r.value});
	}
	return err == -ENODATA ? 0 : err;
}

/* ---- writing ---- */

static void put_varint(struct buf *out, int32_t v)
{
	uint8_t p[VARINT32_MAX];

	buf_put(out, p, (size_t)varint_write_i32(p, v));
}

static void put_bytes(struct buf *out, struct bytes b)
{
	put_varint(out, b.p ? b.len : -1);
	if (b.p)
		buf_put(out, b.p, (size_t)b.len);
}

static int64_t bytes_size(struct bytes b)
{
	return varint_size_i32(b.p ? b.len : -1) + (int64_t)(b.p ? b.len : 0);
}

/* Writes length, attributes and timestamp delta. */
static void put_record_head(struct buf *out, const struct kept_record *k, int64_t base_timestamp, int64_t tail_len)
{
	uint8_t head[1 + VARINT64_MAX] = {0};
	int n = 1 + varint_write_i64(head + 1, (int64_t)((uint64_t)k->timestamp - (uint64_t)base_timestamp));

	put_varint(out, (int32_t)(n + tail_len));
	buf_put(out, head, (size_t)n);
}

/* Finds the offset delta: after the length, the attributes and the timestamp delta. */
static int32_t tail_of(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *at = p;
	int64_t wide;
	int32_t number;

	at += varint_read_i32(at, end, &number) + 1;
	at += varint_read_i64(at, end, &wide);
	return (int32_t)(at - p);
}

static void put_kept(struct buf *out, const struct kept_record *k, const struct batch_header *was,
		     const struct batch_header *h)
{
	if (k->p && was->base_timestamp == h->base_timestamp && !(h->attributes & BATCH_LOG_APPEND_TIME)) {
		buf_put(out, k->p, (size_t)k->size);
		return;
	}
	if (k->p) {
		int32_t tail = tail_of(k->p, k->p + k->size);

		put_record_head(out, k, h->base_timestamp, k->size - tail);
		buf_put(out, k->p + tail, (size_t)(k->size - tail));
		return;
	}
	int32_t delta = (int32_t)(k->offset - h->base_offset);
	put_record_head(out, k, h->base_timestamp,
			varint_size_i32(delta) + bytes_size(k->key) + bytes_size(k->value) + varint_size_i32(0));
	put_varint(out, delta);
	put_bytes(out, k->key);
	put_bytes(out, k->value);
	put_varint(out, 0);
}

static void put_empty(struct clean_filter *f, const struct batch_header *was)
{
	static const uint8_t blank[BATCH_HEADER_SIZE];
	struct batch_header h = *was;
	size_t start = f->out.len;

	h.attributes &= BATCH_LOG_APPEND_TIME | BATCH_TRANSACTIONAL | BATCH_CONTROL;
	h.base_timestamp = NO_TIMESTAMP;
	h.count = 0;
	buf_put(&f->out, blank, sizeof(blank));
	batch_header_write(f->out.p + start, BATCH_HEADER_SIZE, &h);
}

static int64_t newest(const struct clean_filter *f)
{
	int64_t max = NO_TIMESTAMP;

	for (int64_t i = 0; i < f->n_kept; i++)
		if (f->kept[i].timestamp > max)
			max = f->kept[i].timestamp;
	return max;
}

/*
 * Writes the kept records as a batch with header *h, of which the caller has set everything but the
 * timestamps, horizon and count.
 */
static int put_batch(struct clean_filter *f, const struct batch_header *was, struct batch_header *h, bool sets_horizon)
{
	static const uint8_t blank[BATCH_HEADER_SIZE];
	size_t start = f->out.len;
	struct buf *records = &f->rebuilt;

	h->count = (int32_t)f->n_kept;
	if (sets_horizon) {
		h->base_timestamp = f->now_ms + f->delete_retention_ms;
		h->attributes |= BATCH_DELETE_HORIZON;
	} else if (!has_delete_horizon(was)) {
		h->base_timestamp = f->kept[0].timestamp;
	}
	if (!(h->attributes & BATCH_LOG_APPEND_TIME))
		h->max_timestamp = newest(f);
	records->len = 0;
	for (int64_t i = 0; i < f->n_kept; i++)
		put_kept(records, &f->kept[i], was, h);
	buf_put(&f->out, blank, sizeof(blank));
	int err = 0;
	if (batch_codec(h) == CODEC_NONE)
		buf_put(&f->out, records->p, records->len);
	else
		err = encode_all(f->codecs, batch_codec(h), CODEC_LEVEL_DEFAULT, records->p, records->len, &f->out);
	if (!err && f->out.len - start > INT32_MAX)
		err = -EFBIG;
	if (err)
		f->out.len = start;
	else
		batch_header_write(f->out.p + start, f->out.len - start, h);
	return err;
}

static void put_as_it_is(struct clean_filter *f, const uint8_t *p, const struct batch_header *h)
{
	buf_put(&f->out, p, (size_t)batch_size(h));
}

static int filter_current(struct clean_filter *f, const uint8_t *p, const struct batch_header *h)
{
	struct batch_header now = *h;
	struct verdict v;
	struct choice c = {0};
	int err = batch_crc_ok(p, h) ? judge_batch(f, p, h, &v) : ERR_CORRUPT_MESSAGE;

	if (err || v.retention == DROP_BATCH)
		return err;
	if (v.drops_records)
		f->n_kept = 0;
	else
		err = choose(f, p, h, &v, &c);
	if (err)
		return err;
	if (f->n_kept == 0) {
		if (v.retention == KEEP_EMPTY)
			put_empty(f, h);
		return 0;
	}
	bool sets_horizon = (c.tombstones || v.needs_horizon) && !has_delete_horizon(h);
	f->records_kept += f->n_kept;
	if (!c.all || sets_horizon)
		return put_batch(f, h, &now, sets_horizon);
	put_as_it_is(f, p, h);
	return 0;
}

static int filter_legacy(struct clean_filter *f, const uint8_t *p, const struct batch_header *h)
{
	struct batch_header now = {.leader_epoch = NO_LEADER_EPOCH,
				   .producer_id = NO_PRODUCER_ID,
				   .producer_epoch = NO_PRODUCER_EPOCH,
				   .base_sequence = NO_SEQUENCE,
				   .magic = BATCH_MAGIC};
	struct legacy_set set;
	struct choice c;
	int err = choose_legacy(f, p, h, &set, &c);

	if (err || f->n_kept == 0)
		return err;
	now.base_offset = f->kept[0].offset;
	if (f->kept[f->n_kept - 1].offset - now.base_offset > INT32_MAX)
		return ERR_CORRUPT_MESSAGE;
	now.last_offset_delta = (int32_t)(f->kept[f->n_kept - 1].offset - now.base_offset);
	now.attributes = (int16_t)(set.codec | (set.append_time ? BATCH_LOG_APPEND_TIME : 0));
	now.max_timestamp = set.timestamp;
	f->records_kept += f->n_kept;
	return put_batch(f, h, &now, c.tombstones);
}

int clean_filter_batch(struct clean_filter *f, const uint8_t *p, const struct batch_header *h)
{
	int err = h->magic < BATCH_MAGIC ? filter_legacy(f, p, h) : filter_current(f, p, h);

	if (err != -EFBIG)
		return err;
	f->batches_too_large++;
	put_as_it_is(f, p, h);
	return 0;
}

/* ---- gathering keys ---- */

static bool gather(struct clean_filter *f, const struct record *r, struct hash128 key, int64_t from)
{
	return !r->key.p || r->offset < from || key_map_put(f->keys, key, r->offset);
}

static int gather_legacy(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, int64_t from,
			 bool *full)
{
	struct legacy_set set;
	struct record r;
	int err = open_legacy(f, p, h, &set);

	while (!err && !*full && (err = legacy_next(&set, &r)) == 0)
		*full = !gather(f, &r, hash_key(f, &r), from);
	return err == -ENODATA ? 0 : err;
}

static int gather_current(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, int64_t from,
			  bool *full)
{
	struct candidate ahead[RECORDS_AHEAD];
	struct bytes records;
	int n, type;
	int err = batch_crc_ok(p, h) ? 0 : ERR_CORRUPT_MESSAGE;

	if (!err && batch_is_control(h)) {
		err = read_control_type(f, p, h, &type);
		if (!err)
			clean_txns_marker(f->txns, h, type);
		return err;
	}
	if (err || clean_txns_data(f->txns, h))
		return err;
	err = open_records(f, p, h, &records);
	if (err)
		return err;
	struct record_iter it = record_iter(h, records.p, (size_t)records.len);
	while (!*full && (n = read_ahead(f, &it, ahead)) > 0)
		for (int i = 0; i < n && !*full; i++)
			*full = !gather(f, &ahead[i].r, ahead[i].key, from);
	return it.error ? ERR_CORRUPT_MESSAGE : 0;
}

int clean_gather_keys(struct clean_filter *f, const uint8_t *p, const struct batch_header *h, int64_t from, bool *full)
{
	*full = false;
	int err = h->magic < BATCH_MAGIC ? gather_legacy(f, p, h, from, full) : gather_current(f, p, h, from, full);

	return err == -EFBIG ? 0 : err;
}
