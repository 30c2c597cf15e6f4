/*
 * producers: sequences, epochs and open transactions of one log.
 *
 * The rules are Kafka's (ProducerAppendInfo, ProducerStateManager):
 *	epoch below the current one                          INVALID_PRODUCER_EPOCH
 *	epoch above, sequence not 0, and an epoch is known   OUT_OF_ORDER_SEQUENCE_NUMBER
 *	same epoch, sequence not last + 1 (or 0 after MAX)   OUT_OF_ORDER_SEQUENCE_NUMBER
 *	producer not known                                   any sequence
 *	not transactional while a transaction is open        INVALID_TXN_STATE
 */
#include "log/producers.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"

void producers_init(struct producers *p, uint64_t seed)
{
	*p = (struct producers){0};
	map_init(&p->map, seed);
}

static void forget_all(struct producers *p)
{
	map_each(it, &p->map)
	{
		struct producer *producer = container_of(it, struct producer, node);

		map_remove(&p->map, it);
		xfree(producer);
	}
	p->open.n = 0;
	p->unreplicated.n = 0;
}

void producers_fini(struct producers *p)
{
	forget_all(p);
	map_fini(&p->map);
	xfree(p->open.v);
	xfree(p->unreplicated.v);
}

void producers_clear(struct producers *p, int64_t map_end)
{
	forget_all(p);
	p->map_end = map_end;
}

static bool same_id(const struct map_node *node, const void *key)
{
	return container_of(node, struct producer, node)->id == *(const int64_t *)key;
}

static struct producer *find(const struct producers *p, int64_t id)
{
	if (p->map.n == 0)
		return NULL;
	struct map_node *node = map_find(&p->map, hash_u64(p->map.seed, (uint64_t)id), same_id, &id);

	return node ? container_of(node, struct producer, node) : NULL;
}

const struct producer *producers_find(const struct producers *p, int64_t id)
{
	return find(p, id);
}

static struct producer *find_or_add(struct producers *p, int64_t id)
{
	struct producer *e = find(p, id);

	if (e)
		return e;
	e = xcalloc(1, sizeof(*e));
	e->id = id;
	e->epoch = NO_PRODUCER_EPOCH;
	e->coordinator_epoch = -1;
	e->last_timestamp = NO_TIMESTAMP;
	e->txn_first_offset = -1;
	map_insert(&p->map, &e->node, hash_u64(p->map.seed, (uint64_t)id));
	return e;
}

/* ---- lists of transactions ---- */

static void txn_put(struct txn_list *l, struct open_txn txn)
{
	int at = l->n;

	while (at > 0 && l->v[at - 1].first_offset > txn.first_offset)
		at--;
	if (at > 0 && l->v[at - 1].first_offset == txn.first_offset) {
		l->v[at - 1] = txn;
		return;
	}
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 4;
		l->v = xreallocarray(l->v, (size_t)l->cap, sizeof(*l->v));
	}
	memmove(&l->v[at + 1], &l->v[at], (size_t)(l->n - at) * sizeof(*l->v));
	l->v[at] = txn;
	l->n++;
}

static bool txn_take(struct txn_list *l, int64_t first_offset, struct open_txn *out)
{
	for (int i = 0; i < l->n; i++) {
		if (l->v[i].first_offset != first_offset)
			continue;
		*out = l->v[i];
		l->n--;
		memmove(&l->v[i], &l->v[i + 1], (size_t)(l->n - i) * sizeof(*l->v));
		return true;
	}
	return false;
}

int64_t producers_first_unstable(const struct producers *p)
{
	int64_t open = p->open.n ? p->open.v[0].first_offset : -1;
	int64_t unreplicated = p->unreplicated.n ? p->unreplicated.v[0].first_offset : -1;

	if (open < 0)
		return unreplicated;
	if (unreplicated < 0)
		return open;
	return open < unreplicated ? open : unreplicated;
}

void producers_high_watermark(struct producers *p, int64_t offset)
{
	int kept = 0;

	for (int i = 0; i < p->unreplicated.n; i++)
		if (p->unreplicated.v[i].last_offset >= offset)
			p->unreplicated.v[kept++] = p->unreplicated.v[i];
	p->unreplicated.n = kept;
}

/* ---- checks ---- */

const struct producer_batch *producers_duplicate(const struct producers *p, const struct batch_header *h)
{
	const struct producer *e = find(p, h->producer_id);

	if (!e || e->epoch != h->producer_epoch)
		return NULL;
	for (int i = 0; i < e->n; i++) {
		const struct producer_batch *b = &e->batches[i];

		if (b->last_sequence == batch_last_sequence(h) && b->offset_delta == h->last_offset_delta)
			return b;
	}
	return NULL;
}

static bool in_sequence(int32_t last, int32_t next)
{
	return (int64_t)last + 1 == next || (next == 0 && last == INT32_MAX);
}

static int check_sequence(const struct producer *e, const struct batch_header *h)
{
	if (e->epoch == NO_PRODUCER_EPOCH)
		return 0;
	if (h->producer_epoch != e->epoch)
		return h->base_sequence == 0 ? 0 : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
	int32_t last = e->n ? e->batches[e->n - 1].last_sequence : NO_SEQUENCE;

	return in_sequence(last, h->base_sequence) ? 0 : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

int producers_check_data(const struct producers *p, const struct batch_header *h, enum append_origin origin)
{
	const struct producer *e = find(p, h->producer_id);

	if (!e)
		return 0;
	if (h->producer_epoch < e->epoch)
		return ERR_INVALID_PRODUCER_EPOCH;
	if (origin == ORIGIN_CLIENT) {
		int err = check_sequence(e, h);

		if (err)
			return err;
	}
	return e->txn_first_offset >= 0 && !batch_is_transactional(h) ? ERR_INVALID_TXN_STATE : 0;
}

/*
 * In version 2 the coordinator bumps the epoch before it sends markers, so a marker with the same
 * epoch is late, and might end the next transaction. But a repeated one, while no transaction is
 * open, is accepted (KAFKA-19999), and so is one with an epoch that cannot be bumped any more.
 */
static bool epoch_ends(const struct producer *e, int16_t epoch, int8_t transaction_version)
{
	if (transaction_version < 2 || epoch != e->epoch)
		return epoch >= e->epoch;
	return e->txn_first_offset < 0 || epoch == INT16_MAX;
}

bool producers_is_open(const struct producers *p, int64_t id, int16_t epoch)
{
	const struct producer *e = find(p, id);

	return e && e->txn_first_offset >= 0 && e->epoch == epoch;
}

int producers_check_marker(const struct producers *p, const struct batch_header *h, int32_t coordinator_epoch,
			   int8_t transaction_version)
{
	const struct producer *e = find(p, h->producer_id);

	if (!e)
		return 0;
	if (!epoch_ends(e, h->producer_epoch, transaction_version))
		return ERR_INVALID_PRODUCER_EPOCH;
	return e->coordinator_epoch > coordinator_epoch ? ERR_TRANSACTION_COORDINATOR_FENCED : 0;
}

/* ---- changes ---- */

static void set_epoch(struct producer *e, int16_t epoch)
{
	if (e->epoch == epoch)
		return;
	e->epoch = epoch;
	e->n = 0;
}

static void add_batch(struct producer *e, struct producer_batch b)
{
	if (e->n == PRODUCER_BATCHES) {
		memmove(&e->batches[0], &e->batches[1], (PRODUCER_BATCHES - 1) * sizeof(b));
		e->n--;
	}
	e->batches[e->n++] = b;
}

void producers_apply_data(struct producers *p, const struct batch_header *h)
{
	struct producer *e = find_or_add(p, h->producer_id);

	set_epoch(e, h->producer_epoch);
	add_batch(e, (struct producer_batch){
			     .last_sequence = batch_last_sequence(h),
			     .last_offset = batch_last_offset(h),
			     .offset_delta = h->last_offset_delta,
			     .timestamp = h->max_timestamp,
		     });
	e->last_timestamp = h->max_timestamp;
	if (batch_is_transactional(h) && e->txn_first_offset < 0) {
		e->txn_first_offset = h->base_offset;
		txn_put(&p->open, (struct open_txn){h->base_offset, -1, e->id});
	}
}

/*
 * The last stable offset once this transaction is over: the first offset of the next open one of
 * another producer, or the offset after the marker.
 */
static int64_t stable_after(const struct producers *p, int64_t producer_id, int64_t marker_offset)
{
	for (int i = 0; i < p->open.n; i++)
		if (p->open.v[i].producer_id != producer_id)
			return p->open.v[i].first_offset;
	return marker_offset + 1;
}

bool producers_apply_marker(struct producers *p, const struct batch_header *h, const struct marker *m,
			    struct completed_txn *out)
{
	struct producer *e = find_or_add(p, h->producer_id);
	struct open_txn txn;
	bool had_txn = e->txn_first_offset >= 0 && txn_take(&p->open, e->txn_first_offset, &txn);

	set_epoch(e, h->producer_epoch);
	e->coordinator_epoch = m->coordinator_epoch;
	e->last_timestamp = m->timestamp;
	e->txn_first_offset = -1;
	if (!had_txn)
		return false;
	txn.last_offset = h->base_offset;
	*out = (struct completed_txn){
		.producer_id = e->id,
		.first_offset = txn.first_offset,
		.last_offset = h->base_offset,
		.last_stable_offset = stable_after(p, e->id, h->base_offset),
		.aborted = m->type == CONTROL_ABORT,
	};
	txn_put(&p->unreplicated, txn);
	return true;
}

void producers_advance(struct producers *p, int64_t map_end)
{
	p->map_end = map_end;
}

static bool is_expired(const struct producer *e, int64_t now_ms, int64_t expiration_ms)
{
	return e->txn_first_offset < 0 && e->last_timestamp <= now_ms - expiration_ms;
}

void producers_expire(struct producers *p, int64_t now_ms, int64_t expiration_ms)
{
	map_each(it, &p->map)
	{
		struct producer *e = container_of(it, struct producer, node);

		if (!is_expired(e, now_ms, expiration_ms))
			continue;
		map_remove(&p->map, it);
		xfree(e);
	}
}

/* ---- snapshots ---- */

/*
 *    0  2  version 1
 *    2  4  CRC-32C of 6..end
 *    6  4  number of entries, then each:
 *       8  producer id        4  last sequence   4  offset delta   4  coordinator epoch
 *       2  epoch              8  last offset     8  timestamp      8  first offset of the open transaction, -1
 *
 * Apache Kafka writes one entry per producer, for its last batch. Here each of the five batches has
 * an entry, oldest first, so that repeated batches are still recognized after a restart. Kafka
 * replaces an earlier entry of an id by a later one, and so reads what it would have written
 * itself.
 */
enum { SNAPSHOT_VERSION = 1, SNAPSHOT_HEADER = 10, SNAPSHOT_CRC_FROM = 6, SNAPSHOT_ENTRY = 46 };

static int by_id(const void *a, const void *b)
{
	int64_t x = (*(const struct producer *const *)a)->id;
	int64_t y = (*(const struct producer *const *)b)->id;

	return x < y ? -1 : x > y;
}

static void put_entry(uint8_t *p, const struct producer *e, const struct producer_batch *b, int64_t timestamp)
{
	put_i64(p, e->id);
	put_i16(p + 8, e->epoch);
	put_i32(p + 10, b->last_sequence);
	put_i64(p + 14, b->last_offset);
	put_i32(p + 22, b->offset_delta);
	put_i64(p + 26, timestamp);
	put_i32(p + 34, e->coordinator_epoch);
	put_i64(p + 38, e->txn_first_offset);
}

static size_t n_entries(const struct producer *e)
{
	return e->n ? e->n : 1;
}

/*
 * The last entry says when the producer was last heard from; no earlier one may have a later time,
 * since Kafka expires them entry by entry.
 */
static uint8_t *put_producer(uint8_t *p, const struct producer *e)
{
	struct producer_batch none = {.last_offset = -1, .last_sequence = NO_SEQUENCE};

	for (size_t i = 0; i < n_entries(e); i++, p += SNAPSHOT_ENTRY) {
		const struct producer_batch *b = e->n ? &e->batches[i] : &none;
		bool is_earlier = i + 1 < n_entries(e) && b->timestamp < e->last_timestamp;

		put_entry(p, e, b, is_earlier ? b->timestamp : e->last_timestamp);
	}
	return p;
}

void producers_snapshot(const struct producers *p, struct buf *out)
{
	size_t start = out->len;
	size_t n = 0, entries = 0;
	struct producer **v = xreallocarray(NULL, p->map.n + 1, sizeof(*v));
	uint8_t *at;

	map_each(it, &p->map)
	{
		v[n] = container_of(it, struct producer, node);
		entries += n_entries(v[n++]);
	}
	qsort(v, n, sizeof(*v), by_id); /* the same state gives the same bytes */
	buf_reserve(out, SNAPSHOT_HEADER + entries * SNAPSHOT_ENTRY);
	out->len = start + SNAPSHOT_HEADER + entries * SNAPSHOT_ENTRY;
	at = out->p + start + SNAPSHOT_HEADER;
	for (size_t i = 0; i < n; i++)
		at = put_producer(at, v[i]);
	xfree(v);
	at = out->p + start;
	put_i16(at, SNAPSHOT_VERSION);
	put_i32(at + SNAPSHOT_CRC_FROM, (int32_t)entries);
	put_u32(at + 2, crc32c(0, at + SNAPSHOT_CRC_FROM, out->len - start - SNAPSHOT_CRC_FROM));
}

static void restore_entry(struct producers *p, const uint8_t *at)
{
	struct producer_batch last = {
		.last_sequence = get_i32(at + 10),
		.last_offset = get_i64(at + 14),
		.offset_delta = get_i32(at + 22),
		.timestamp = get_i64(at + 26),
	};
	struct producer *e = find_or_add(p, get_i64(at));
	int64_t txn_first_offset = get_i64(at + 38);

	set_epoch(e, get_i16(at + 8));
	e->last_timestamp = last.timestamp;
	e->coordinator_epoch = get_i32(at + 34);
	e->txn_first_offset = txn_first_offset < 0 ? -1 : txn_first_offset;
	if (last.last_offset >= 0)
		add_batch(e, last);
}

static void list_open_transactions(struct producers *p)
{
	map_each(it, &p->map)
	{
		const struct producer *e = container_of(it, struct producer, node);

		if (e->txn_first_offset >= 0)
			txn_put(&p->open, (struct open_txn){e->txn_first_offset, -1, e->id});
	}
}

int producers_restore(struct producers *p, struct bytes s, int64_t map_end, int64_t now_ms, int64_t expiration_ms)
{
	producers_clear(p, map_end);
	if (!s.p || s.len < SNAPSHOT_HEADER || get_i16(s.p) != SNAPSHOT_VERSION)
		return ERR_CORRUPT_MESSAGE;
	int32_t n = get_i32(s.p + SNAPSHOT_CRC_FROM);

	if (n < 0 || n > (s.len - SNAPSHOT_HEADER) / SNAPSHOT_ENTRY || s.len != SNAPSHOT_HEADER + n * SNAPSHOT_ENTRY)
		return ERR_CORRUPT_MESSAGE;
	if (crc32c(0, s.p + SNAPSHOT_CRC_FROM, (size_t)s.len - SNAPSHOT_CRC_FROM) != get_u32(s.p + 2))
		return ERR_CORRUPT_MESSAGE;
	for (int32_t i = 0; i < n; i++)
		restore_entry(p, s.p + SNAPSHOT_HEADER + (size_t)i * SNAPSHOT_ENTRY);
	producers_expire(p, now_ms, expiration_ms);
	list_open_transactions(p);
	return 0;
}
