#include "tests/log/keyed.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tests/base/cm.h"
#include "wire/batch.h"
#include "wire/records.h"

enum { FIRST_PRODUCER_ID = 100 };

void keyed_init(struct keyed *k, uint64_t seed, int n_keys, int64_t now_ms)
{
	*k = (struct keyed){.seed = seed, .n_keys = n_keys, .now_ms = now_ms};
	for (int i = 0; i < KEYED_PRODUCERS; i++)
		k->producers[i].last_offset = -1;
}

void keyed_fini(struct keyed *k)
{
	xfree(k->v);
	k->v = NULL;
	k->n = k->cap = 0;
}

static uint32_t draw(struct keyed *k, uint32_t below)
{
	return (uint32_t)(cm_random(&k->seed) % below);
}

static void note(struct keyed *k, struct keyed_record r)
{
	if (k->n == k->cap) {
		k->cap = k->cap ? 2 * k->cap : 1024;
		k->v = xreallocarray(k->v, (size_t)k->cap, sizeof(*k->v));
	}
	k->v[k->n++] = r;
}

/* ---- writing ---- */

static void note_written(struct keyed *k, int producer, int64_t offset)
{
	struct keyed_producer *p = &k->producers[producer];

	p->sequence = k->v[offset].sequence + 1;
	p->last_offset = offset;
	if (producer < KEYED_IDEMPOTENT)
		return;
	k->v[offset].fate = KEYED_OPEN;
	if (!p->open)
		p->first_open = offset;
	p->open = true;
}

static void end_transaction(struct keyed *k, int producer, int64_t marker)
{
	struct keyed_producer *p = &k->producers[producer];

	for (int64_t i = p->first_open; i < marker && p->open; i++)
		if (k->v[i].producer == producer && k->v[i].fate == KEYED_OPEN)
			k->v[i].fate = k->v[marker].serial ? KEYED_VISIBLE : KEYED_ABORTED;
	p->open = false;
}

static int append(struct keyed *k, struct keyed_hands *h, struct buf *bytes, enum append_origin origin)
{
	struct batch_check c = {.topic = STR("t"),
				.config = h->config,
				.origin = origin,
				.now_ms = k->now_ms,
				.codecs = h->codecs,
				.arena = h->arena};
	struct batch_problem problem;
	struct log_appended out;
	struct batch_info info;
	struct buf again = {0};
	int err = batch_check(&c, bytes->p, bytes->len, &info, &problem);

	if (!err && info.recompress) {
		err = batch_recompress(&c, bytes->p, &info, &again, &problem);
		bytes = &again;
	}
	if (!err)
		err = log_append(h->log, bytes->p, &info, 0, k->now_ms, &out);
	if (!err && out.base_offset + info.header.last_offset_delta + 1 != k->n)
		err = ERR_UNKNOWN_SERVER_ERROR;
	if (!err) {
		log_set_high_watermark(h->log, log_offsets(h->log).end);
		k->acked_end = log_offsets(h->log).end;
	}
	buf_fini(&again);
	return err;
}

static void add_record(struct keyed *k, struct batch_builder *b, struct keyed_record r)
{
	char key[32];
	char value[64];
	int key_len = snprintf(key, sizeof(key), "key-%d", r.key);
	int value_len = snprintf(value, sizeof(value), "%d is the value", r.serial);
	struct record_header headers[] = {{STR("who"), {(const uint8_t *)"me", 2}}};

	batch_add_headers(b, r.timestamp, (struct bytes){(const uint8_t *)key, key_len},
			  r.serial < 0 ? BYTES_NULL : (struct bytes){(const uint8_t *)value, value_len}, headers,
			  r.serial % 3 == 1);
	note(k, r);
}

static int append_data(struct keyed *k, struct keyed_hands *h, int producer)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct keyed_producer *p = producer < 0 ? NULL : &k->producers[producer];
	struct batch_builder b;
	struct buf bytes = {0};
	int n = 1 + (int)draw(k, 6);
	bool transactional = producer >= KEYED_IDEMPOTENT;

	if (p) {
		o.producer_id = FIRST_PRODUCER_ID + producer;
		o.producer_epoch = p->epoch;
		o.base_sequence = p->sequence;
		o.attributes = transactional ? BATCH_TRANSACTIONAL : 0;
	}
	h->config->compression_type = draw(k, 2) ? COMPRESSION_UNCOMPRESSED : (enum compression_type)(1 + draw(k, 4));
	batch_begin(&b, &bytes, &o);
	for (int i = 0; i < n; i++)
		add_record(k, &b,
			   (struct keyed_record){.timestamp = k->now_ms - draw(k, 50),
						 .key = (int32_t)draw(k, (uint32_t)k->n_keys),
						 .serial = draw(k, 8) == 0 ? -1 : (int32_t)k->n,
						 .sequence = p ? p->sequence + i : -1,
						 .producer = (int8_t)producer,
						 .fate = transactional ? KEYED_OPEN : KEYED_VISIBLE});
	batch_end(&b);
	int err = append(k, h, &bytes, ORIGIN_CLIENT);
	for (int64_t i = k->n - n; p && !err && i < k->n; i++)
		note_written(k, producer, i);
	buf_fini(&bytes);
	return err;
}

static int append_marker(struct keyed *k, struct keyed_hands *h, int producer, bool commit)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct buf bytes = {0};

	o.producer_id = FIRST_PRODUCER_ID + producer;
	o.producer_epoch = k->producers[producer].epoch;
	batch_build_marker(&bytes, &o, k->now_ms, commit ? CONTROL_COMMIT : CONTROL_ABORT, 0);
	note(k, (struct keyed_record){
			.timestamp = k->now_ms, .serial = commit, .producer = (int8_t)producer, .fate = KEYED_MARKER});
	int err = append(k, h, &bytes, ORIGIN_COORDINATOR);
	buf_fini(&bytes);
	if (err)
		return err;
	end_transaction(k, producer, k->n - 1);
	return 0;
}

void keyed_cut(struct keyed *k, int64_t end)
{
	if (k->n > end)
		k->n = end;
	if (k->acked_end > end)
		k->acked_end = end;
	if (k->flushed_end > end)
		k->flushed_end = end;
	for (int i = 0; i < KEYED_PRODUCERS; i++)
		k->producers[i] = (struct keyed_producer){.last_offset = -1};
	k->n_met = k->n_met < k->n ? k->n_met : k->n;
	for (int64_t i = 0; i < k->n; i++) {
		struct keyed_record *r = &k->v[i];

		if (i >= k->n_met) /* by the cleaning that the crash interrupted */
			r->cleaned_ms = k->cleaning_ms;
		if (r->producer >= 0 && r->fate == KEYED_MARKER)
			end_transaction(k, r->producer, i);
		else if (r->producer >= 0)
			note_written(k, r->producer, i);
	}
	if (k->cleaning_ms)
		k->n_met = k->n;
}

int keyed_end_all(struct keyed *k, struct keyed_hands *h)
{
	int err = 0;

	for (int i = 0; i < KEYED_PRODUCERS && !err; i++)
		if (k->producers[i].open)
			err = append_marker(k, h, i, draw(k, 2));
	return err;
}

int keyed_append(struct keyed *k, struct keyed_hands *h)
{
	int producer = (int)draw(k, KEYED_PRODUCERS + 2) - 2;

	k->now_ms += draw(k, 20);
	if (producer < 0)
		return append_data(k, h, -1);
	if (k->producers[producer].open && draw(k, 3) == 0)
		return append_marker(k, h, producer, draw(k, 2));
	return append_data(k, h, producer);
}

void keyed_flush(struct keyed *k, struct keyed_hands *h)
{
	struct log_flush f = {0};

	if (log_flush_begin(h->log, LOG_FLUSH_ALL, &f)) {
		log_flush_run(&f);
		if (log_flush_end(h->log, &f) == 0)
			k->flushed_end = log_offsets(h->log).flushed_end;
	}
	log_flush_fini(&f);
}

void keyed_checkpoint(struct keyed_hands *h)
{
	struct log_checkpoint_writer w;
	int64_t offset = log_begin_checkpoint(h->log);

	log_checkpoint_init(&w, CHECKPOINT_RECOVERY_POINT);
	if (offset >= 0)
		log_checkpoint_add(&w, log_topic(h->log), log_partition(h->log), offset);
	if (log_checkpoint_write(&w, log_dir(h->log)) == 0)
		log_end_checkpoint(h->log);
}

/* ---- cleaning ---- */

int keyed_clean(struct keyed *k, struct keyed_hands *h, struct keyed_clean *how)
{
	struct log_clean_look look;
	struct log_clean_options o = {
		.codecs = h->codecs, .now_ms = k->now_ms, .io_bytes = 200, .slice_bytes = 700, .plain_max = 1 << 20};
	struct log_deletion *d;
	struct key_map keys;
	int err = log_clean_look(h->log, k->now_ms, &look);

	how->was_wanted = !err && look.wanted;
	if (!how->was_wanted)
		return err;
	int64_t end =
		log_offsets(h->log).end; /* segments beyond the clean end are rewritten too, up to their own ends */
	k->cleaning_ms = k->now_ms;
	key_map_init(&keys, (struct siphash_key){cm_random(&k->seed), 7}, how->map_bytes, 0.9);
	o.keys = &keys;
	struct log_clean *c = log_clean_begin(h->log, &look, &o);
	while (log_clean_step(h->log, c)) {
		log_clean_run(c);
		if (log_clean_is_stalled(c)) {
			keyed_flush(k, h);
			keyed_checkpoint(h);
		}
		if (how->between)
			how->between(how->arg);
	}
	err = log_clean_error(c);
	how->stats = *log_clean_stats(c);
	d = log_clean_take_deletion(c);
	if (d) {
		log_deletion_finish(d);
		log_deletion_free(d);
	}
	log_clean_free(c);
	key_map_fini(&keys);
	for (int64_t i = k->n_met; i < end; i++)
		k->v[i].cleaned_ms = k->cleaning_ms;
	k->n_met = end > k->n_met ? end : k->n_met;
	return err;
}

/* ---- what must hold ---- */

struct checking {
	const struct keyed *k;
	struct keyed_hands *h;
	struct log_offsets o;
	int64_t clean_end;
	bool clean;
	int64_t next;
	int64_t next_marker;  /* earlier ones exist, or may be gone */
	int64_t *newest_seen; /* by key: the last visible record seen; -1: none */
	int32_t *below_clean; /* by key: records below the clean end */
	const char *what;
};

static bool is_what_was_written(const struct keyed_record *w, const struct record *r)
{
	char key[32];
	char value[64];
	int key_len = snprintf(key, sizeof(key), "key-%d", w->key);
	int value_len = snprintf(value, sizeof(value), "%d is the value", w->serial);

	if (r->key.len != key_len || memcmp(r->key.p, key, (size_t)key_len) != 0 || r->timestamp != w->timestamp ||
	    r->n_headers != (w->serial % 3 == 1))
		return false;
	if (w->serial < 0)
		return !r->value.p;
	return r->value.p && r->value.len == value_len && memcmp(r->value.p, value, (size_t)value_len) == 0;
}

static bool wrong(struct checking *c, const char *what)
{
	if (!c->what)
		c->what = what;
	return false;
}

static bool is_past_horizon(const struct checking *c, const struct keyed_record *w)
{
	return w->cleaned_ms > 0 && c->k->now_ms >= w->cleaned_ms + c->h->config->delete_retention_ms;
}

/*
 * A transaction's end marker must not be removed before every reader of committed records that met
 * its transaction is past it (KAFKA-8351).
 */
static void miss_markers(struct checking *c, int64_t upto)
{
	for (; c->next_marker < upto; c->next_marker++) {
		const struct keyed_record *w = &c->k->v[c->next_marker];

		if (w->fate == KEYED_MARKER && !is_past_horizon(c, w))
			wrong(c, "a marker has gone before its horizon");
	}
}

static bool check_record(struct checking *c, const struct batch_header *h, const struct record *r)
{
	const struct keyed_record *w = &c->k->v[r->offset];

	if (r->offset < h->base_offset || r->offset > batch_last_offset(h))
		return wrong(c, "a record lies outside of its batch");
	if (r->offset >= c->k->n)
		return wrong(c, "there is a record that was never written");
	if (w->fate == KEYED_MARKER || !is_what_was_written(w, r))
		return wrong(c, "a record is not what was written there");
	if (r->offset < c->next)
		return wrong(c, "offsets go back");
	c->next = r->offset + 1;
	if (c->clean && r->offset < c->clean_end && r->offset < c->o.stable && w->fate == KEYED_ABORTED)
		return wrong(c, "what was aborted is still there behind a cleaning");
	if (w->fate == KEYED_VISIBLE)
		c->newest_seen[w->key] = r->offset;
	if (r->offset < c->clean_end && ++c->below_clean[w->key] > 1 && c->clean)
		return wrong(c, "a key is there twice behind a cleaning");
	return true;
}

static bool check_batch(struct checking *c, const uint8_t *p, const struct batch_header *h)
{
	size_t len = (size_t)(batch_size(h) - BATCH_HEADER_SIZE);
	struct buf plain = {0};
	struct record r;

	if (!batch_crc_ok(p, h))
		return wrong(c, "a checksum is wrong");
	if (batch_is_control(h) && h->count > 0) {
		miss_markers(c, h->base_offset);
		c->next_marker = batch_last_offset(h) + 1;
	}
	if (batch_is_control(h))
		return true;
	if (decode_all(c->h->codecs, batch_codec(h), p + BATCH_HEADER_SIZE, len, 1 << 20, &plain))
		return wrong(c, "a batch does not decompress");
	struct record_iter it = record_iter(h, plain.p, plain.len);
	while (!c->what && record_next(&it, &r))
		check_record(c, h, &r);
	if (it.error)
		wrong(c, "a batch cannot be read");
	buf_fini(&plain);
	return !c->what;
}

/* Calls each() for all batches of one read. */
static int64_t each_batch(struct keyed_hands *h, int64_t at, int64_t end,
			  void (*each)(void *arg, const uint8_t *p, const struct batch_header *h), void *arg)
{
	struct log_read read = {.offset = at, .max_bytes = 3000, .min_one_message = true, .upto_offset = end};
	struct records records;
	struct buf buf = {0};

	if (log_read(h->log, &read, &records, NULL))
		return -1;
	if (!records.file)
		return end;
	int err = 0;
	if (read.sealed.any) {
		err = sealed_read(&read.sealed, STR("t"), &records, &buf);
	} else {
		buf_reserve(&buf, (size_t)records.len);
		err = file_read_full(records.file, buf.p, (size_t)records.len, records.pos);
		buf.len = (size_t)records.len;
	}
	file_unref(&records.file);
	struct batch_iter it = batch_iter(buf.p, buf.len);
	while (!err && batch_next(&it)) {
		each(arg, it.p, &it.header);
		at = batch_last_offset(&it.header) + 1;
	}
	buf_fini(&buf);
	return err ? -1 : at;
}

static void check_next(void *arg, const uint8_t *p, const struct batch_header *h)
{
	struct checking *c = arg;

	if (batch_last_offset(h) < c->next)
		wrong(c, "batches go back");
	if (!c->what)
		check_batch(c, p, h);
}

/*
 * For each key the newest visible record must be there, unless it is a tombstone that was cleaned:
 * then no record of the key is.
 */
static void check_newest(struct checking *c)
{
	int64_t *newest = xcalloc((size_t)c->k->n_keys, sizeof(*newest));

	for (int i = 0; i < c->k->n_keys; i++)
		newest[i] = -1;
	for (int64_t i = 0; i < c->o.end; i++)
		if (c->k->v[i].fate == KEYED_VISIBLE)
			newest[c->k->v[i].key] = i;
	for (int i = 0; i < c->k->n_keys && !c->what; i++) {
		if (newest[i] == c->newest_seen[i])
			continue;
		if (newest[i] < 0 || c->k->v[newest[i]].serial >= 0)
			wrong(c, "the newest value of a key is gone");
		else if (c->newest_seen[i] < 0 && !is_past_horizon(c, &c->k->v[newest[i]]))
			wrong(c, "a tombstone has gone before its horizon");
		else if (c->newest_seen[i] >= 0)
			wrong(c, "what a tombstone has removed is back");
	}
	xfree(newest);
}

static void check_producers(struct checking *c)
{
	struct log_producer *v;
	int n;

	if (log_producers(c->h->log, c->h->arena, &v, &n))
		wrong(c, "producers cannot be listed");
	for (int p = 0; p < KEYED_PRODUCERS && !c->what; p++) {
		int32_t seen = -1;

		if (c->k->producers[p].last_offset < 0 || c->k->producers[p].last_offset >= c->o.end)
			continue;
		for (int i = 0; i < n; i++)
			if (v[i].producer_id == FIRST_PRODUCER_ID + p)
				seen = v[i].last_sequence;
		if (seen != c->k->producers[p].sequence - 1)
			wrong(c, "a producer's sequence is lost");
	}
}

/* A reader of committed records, like a client. */
struct committed {
	struct checking *c;
	const struct aborted_txn *v; /* what it was told, sorted by first offset */
	int n, at;
	bool is_aborted[KEYED_PRODUCERS]; /* producers whose records it skips */
};

static void hear_of_aborted(struct committed *r, int64_t last_offset)
{
	for (; r->at < r->n && r->v[r->at].first_offset <= last_offset; r->at++)
		r->is_aborted[r->v[r->at].producer_id - FIRST_PRODUCER_ID] = true;
}

static void read_marker(struct committed *r, const uint8_t *p, const struct batch_header *h)
{
	struct record_iter it = record_iter(h, p + BATCH_HEADER_SIZE, (size_t)(batch_size(h) - BATCH_HEADER_SIZE));
	struct record one;

	while (record_next(&it, &one))
		if (control_type(one.key) == CONTROL_ABORT)
			r->is_aborted[h->producer_id - FIRST_PRODUCER_ID] = false;
}

static void read_data(struct committed *r, const uint8_t *p, const struct batch_header *h)
{
	size_t len = (size_t)(batch_size(h) - BATCH_HEADER_SIZE);
	bool skips = batch_is_transactional(h) && r->is_aborted[h->producer_id - FIRST_PRODUCER_ID];
	struct buf plain = {0};
	struct record one;

	if (decode_all(r->c->h->codecs, batch_codec(h), p + BATCH_HEADER_SIZE, len, 1 << 20, &plain))
		wrong(r->c, "a batch does not decompress");
	struct record_iter it = record_iter(h, plain.p, plain.len);
	while (!r->c->what && record_next(&it, &one)) {
		int fate = r->c->k->v[one.offset].fate;

		if (one.offset < r->c->o.stable && skips && fate != KEYED_ABORTED)
			wrong(r->c, "a committed reader leaves out what counts");
		if (one.offset < r->c->o.stable && !skips && fate != KEYED_VISIBLE)
			wrong(r->c, "a committed reader is given what was aborted");
	}
	buf_fini(&plain);
}

static void read_committed(void *arg, const uint8_t *p, const struct batch_header *h)
{
	struct committed *r = arg;

	if (r->c->what || h->base_offset >= r->c->o.stable)
		return;
	hear_of_aborted(r, batch_last_offset(h));
	if (batch_is_control(h))
		read_marker(r, p, h);
	else
		read_data(r, p, h);
}

/* It is told of every aborted record that it still meets, and of none that counts. */
static void check_committed(struct checking *c, int64_t from)
{
	struct aborted_query q = {.from = from, .upto = c->o.stable, .arena = c->h->arena};
	struct committed r = {.c = c};
	struct aborted_txn *v;

	if (log_aborted(c->h->log, &q, &v, &r.n, NULL)) {
		wrong(c, "aborted transactions cannot be listed");
		return;
	}
	r.v = v;
	for (int i = 0; i < r.n; i++) {
		const struct keyed_record *w = &c->k->v[v[i].first_offset];

		if (w->fate != KEYED_ABORTED || w->producer != v[i].producer_id - FIRST_PRODUCER_ID) {
			wrong(c, "a transaction is called aborted that was not");
			return;
		}
	}
	for (int64_t at = from; at < c->o.stable && !c->what;)
		if ((at = each_batch(c->h, at, c->o.end, read_committed, &r)) < 0)
			wrong(c, "a range cannot be read");
}

const char *keyed_check(const struct keyed *k, struct keyed_hands *h, bool clean)
{
	struct checking c = {
		.k = k, .h = h, .o = log_offsets(h->log), .clean_end = log_clean_end(h->log), .clean = clean};

	c.next_marker = c.o.start;
	c.newest_seen = xcalloc((size_t)k->n_keys, sizeof(*c.newest_seen));
	c.below_clean = xcalloc((size_t)k->n_keys, sizeof(*c.below_clean));
	for (int i = 0; i < k->n_keys; i++)
		c.newest_seen[i] = -1;
	if (c.o.end > k->n)
		wrong(&c, "the log ends behind what was written");
	for (int64_t at = c.o.start; at < c.o.end && !c.what;) {
		at = each_batch(h, at, c.o.end, check_next, &c);
		if (at < 0)
			wrong(&c, "a range cannot be read");
	}
	miss_markers(&c, c.o.end);
	if (!c.what)
		check_newest(&c);
	if (!c.what)
		check_producers(&c);
	if (!c.what)
		check_committed(&c, c.o.start);
	if (!c.what)
		check_committed(&c, c.o.start + (c.o.stable - c.o.start) / 2);
	xfree(c.newest_seen);
	xfree(c.below_clean);
	return c.what;
}
