/*
 * producer_batch: records on their way into a batch, and the batch until it is sent.
 *
 * A record that comes before the topic's partitions are known goes into an unplaced batch, from
 * which it is read again later.
 */
#include "client/producer_private.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/murmur2.h"

/*
 * Upper bounds of what a record takes besides its bytes: lengths, deltas and attributes; and the two
 * lengths of a header.
 */
enum { RECORD_OVERHEAD = 32, HEADER_OVERHEAD = 10 };

/* ---- batches ---- */

static struct batch *batch_new(struct producer *p, int32_t partition)
{
	struct batch *b = xcalloc(1, sizeof(*b));
	struct batch_options o = BATCH_OPTIONS_NONE;

	o.attributes = p->transaction ? BATCH_TRANSACTIONAL : 0;
	list_init(&b->link);
	b->partition = partition;
	b->created_ns = producer_now_ns(p);
	b->size = BATCH_HEADER_SIZE;
	batch_begin(&b->builder, &b->bytes, &o);
	return b;
}

void producer_batch_free(struct batch *b)
{
	list_remove(&b->link);
	buf_fini(&b->bytes);
	xfree(b->sent_ns);
	xfree(b->tags);
	xfree(b);
}

static void batch_compress(struct producer *p, struct batch *b)
{
	struct buf out = {0};

	buf_put(&out, b->bytes.p, BATCH_HEADER_SIZE);
	check(encode_all(p->codecs, p->options.codec, p->options.level, b->bytes.p + BATCH_HEADER_SIZE,
			 b->bytes.len - BATCH_HEADER_SIZE, &out) == 0);
	put_i32(out.p + BATCH_AT_LENGTH, (int32_t)(out.len - BATCH_PREFIX_SIZE));
	put_i16(out.p + BATCH_AT_ATTRIBUTES, (int16_t)(b->builder.options.attributes | p->options.codec));
	buf_fini(&b->bytes);
	b->bytes = out;
}

void producer_batch_close(struct producer *p, struct batch *b)
{
	if (b->closed)
		return;
	check(batch_end(&b->builder) > 0);
	b->closed = true;
	if (p->options.codec != CODEC_NONE) {
		batch_compress(p, b);
		batch_crc_set(b->bytes.p, b->bytes.len);
	}
}

void producer_batch_sequence(struct producer *p, struct batch *b)
{
	struct partition *of = &p->partitions[b->partition];

	if (!p->options.idempotent || b->sequenced)
		return;
	b->sequence = of->next_sequence;
	of->next_sequence = sequence_add(b->sequence, b->builder.count);
	b->sequenced = true;
	put_i64(b->bytes.p + BATCH_AT_PRODUCER_ID, p->id);
	put_i16(b->bytes.p + BATCH_AT_PRODUCER_EPOCH, p->epoch);
	put_i32(b->bytes.p + BATCH_AT_BASE_SEQUENCE, b->sequence);
	batch_crc_set(b->bytes.p, b->bytes.len);
}

void producer_batch_report(struct producer *p, struct batch *b, int err, int64_t offset, struct str message)
{
	struct produced produced = {b->partition, offset,  b->builder.count, b->payload,
				    err,	  message, b->sent_ns,	     b->tags};

	p->buffered -= b->size;
	p->waiting -= b->builder.count;
	if (p->options.produced)
		p->options.produced(p->options.arg, &produced);
	producer_batch_free(b);
}

void producer_fail_all(struct producer *p, int err, struct str message)
{
	list_each_safe(it, &p->unplaced)
		producer_batch_report(p, container_of(it, struct batch, link), err, -1, message);
	for (int i = 0; i < p->n_partitions; i++)
		list_each_safe(it, &p->partitions[i].batches)
			producer_batch_report(p, container_of(it, struct batch, link), err, -1, message);
}

/* ---- records ---- */

static size_t payload_of(const struct producer_record *r)
{
	return (size_t)(r->key.p ? r->key.len : 0) + (size_t)(r->value.p ? r->value.len : 0);
}

static size_t size_of(const struct producer_record *r)
{
	size_t size = RECORD_OVERHEAD + payload_of(r);

	for (int i = 0; i < r->n_headers; i++)
		size += HEADER_OVERHEAD + (size_t)r->headers[i].key.len +
			(size_t)(r->headers[i].value.p ? r->headers[i].value.len : 0);
	return size;
}

/* -1: the partitions are not known yet. */
static int32_t partition_for(struct producer *p, const struct producer_record *r)
{
	if (p->n_partitions == 0)
		return -1;
	if (r->key.p)
		return (int32_t)((murmur2(r->key.p, (size_t)r->key.len) & 0x7fffffff) % (uint32_t)p->n_partitions);
	return p->sticky % p->n_partitions;
}

/* Keeps what the caller wants back for the batch's next record. */
static void keep_for_report(struct producer *p, struct batch *b, const struct producer_record *r, int64_t sent_ns)
{
	int32_t i = b->builder.count;

	if (i >= b->cap) {
		b->cap = b->cap ? b->cap * 2 : 16;
		if (p->options.keep_times)
			b->sent_ns = xreallocarray(b->sent_ns, (size_t)b->cap, sizeof(*b->sent_ns));
		if (p->options.keep_tags)
			b->tags = xreallocarray(b->tags, (size_t)b->cap, sizeof(*b->tags));
	}
	if (b->sent_ns)
		b->sent_ns[i] = sent_ns;
	if (b->tags)
		b->tags[i] = r->tag;
}

static void add_record(struct producer *p, struct batch *b, const struct producer_record *r, int64_t sent_ns)
{
	keep_for_report(p, b, r, sent_ns);
	batch_add_headers(&b->builder, r->timestamp, r->key, r->value, r->headers, r->n_headers);
	b->payload += payload_of(r);
	b->size += size_of(r);
	p->buffered += size_of(r);
}

static struct batch *last_open(struct list *batches)
{
	struct batch *b = list_empty(batches) ? NULL : container_of(batches->prev, struct batch, link);

	return b && !b->closed && b->attempts == 0 ? b : NULL;
}

/* The batch that takes the record: the open one, unless it would grow too large. */
static struct batch *batch_for(struct producer *p, struct list *batches, int32_t partition, size_t size)
{
	struct batch *b = last_open(batches);

	if (b && b->size + size > p->options.batch_bytes && b->builder.count > 0) {
		if (partition >= 0)
			producer_batch_close(p, b);
		b = NULL;
		p->sticky = (int32_t)env_random_below(p->loop->env, INT32_MAX);
	}
	if (b)
		return b;
	b = batch_new(p, partition);
	p->buffered += b->size;
	list_push(batches, &b->link);
	producer_turn_at(p, p->flushing ? 0 : b->created_ns + p->options.linger_ms * NS_PER_MS);
	return b;
}

/* Adds the record to a batch. sent_ns: when the caller sent it. */
static int place_record(struct producer *p, const struct producer_record *r, int64_t sent_ns)
{
	size_t size = size_of(r);
	int32_t partition = partition_for(p, r);
	struct list *batches = partition < 0 ? &p->unplaced : &p->partitions[partition].batches;
	struct batch *b;

	if (size + BATCH_HEADER_SIZE > p->options.request_bytes)
		return ERR_MESSAGE_TOO_LARGE;
	b = batch_for(p, batches, partition, size);
	if (partition >= 0 && !r->key.p)
		p->sticky = partition;
	add_record(p, b, r, sent_ns);
	p->waiting++;
	if (b->size >= p->options.batch_bytes || p->flushing)
		producer_turn_soon(p);
	return 0;
}

int producer_send(struct producer *p, const struct producer_record *r)
{
	return place_record(p, r, p->options.keep_times ? producer_now_ns(p) : 0);
}

/* ---- records that came before the topic was known ---- */

/* The same bytes again, now with a partition. */
static void place_again(struct producer *p, const struct batch *b, int32_t i, struct record *r)
{
	struct record_header *headers = xcalloc((size_t)r->n_headers + 1, sizeof(*headers));
	struct producer_record again = {.key = r->key,
					.value = r->value,
					.headers = headers,
					.timestamp = r->timestamp,
					.tag = b->tags ? b->tags[i] : 0};

	while (again.n_headers < r->n_headers && record_header_next(&r->headers, &headers[again.n_headers]))
		again.n_headers++;
	check(place_record(p, &again, b->sent_ns ? b->sent_ns[i] : 0) == 0);
	xfree(headers);
}

static void place_batch(struct producer *p, struct batch *b)
{
	struct batch_header h;
	struct record_iter it;
	struct record r;

	producer_batch_close(p, b);
	check(batch_header_read(b->bytes.p, b->bytes.len, &h) == 0);
	it = record_iter(&h, b->bytes.p + BATCH_HEADER_SIZE, b->bytes.len - BATCH_HEADER_SIZE);
	for (int32_t i = 0; record_next(&it, &r); i++)
		place_again(p, b, i, &r);
	p->waiting -= b->builder.count;
	p->buffered -= b->size;
	producer_batch_free(b);
}

void producer_place_unplaced(struct producer *p)
{
	int codec = p->options.codec;

	p->options.codec = CODEC_NONE; /* the batches are read again here */
	list_each_safe(it, &p->unplaced) place_batch(p, container_of(it, struct batch, link));
	p->options.codec = codec;
}
