/*
 * batch_build: writes a record batch into a buf.
 *
 * The header is filled in by batch_end, when the length, the largest timestamp and the number of
 * records are known. The base timestamp is the first record's, as in Kafka's builder.
 */
#include "base/check.h"
#include "base/varint.h"
#include "wire/batch.h"

void batch_begin(struct batch_builder *b, struct buf *out, const struct batch_options *options)
{
	static const uint8_t blank[BATCH_HEADER_SIZE];

	*b = (struct batch_builder){
		.out = out,
		.start = out->len,
		.options = *options,
		.base_timestamp = NO_TIMESTAMP,
		.max_timestamp = NO_TIMESTAMP,
	};
	buf_put(out, blank, sizeof(blank));
}

static int64_t bytes_size(struct bytes b)
{
	return b.p ? varint_size_i32(b.len) + (int64_t)b.len : varint_size_i32(-1);
}

static int64_t headers_size(const struct record_header *v, int n)
{
	int64_t size = varint_size_i32(n);

	for (int i = 0; i < n; i++)
		size += bytes_size((struct bytes){(const uint8_t *)v[i].key.p, v[i].key.len}) + bytes_size(v[i].value);
	return size;
}

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

void batch_add_headers(struct batch_builder *b, int64_t timestamp, struct bytes key, struct bytes value,
		       const struct record_header *headers, int n)
{
	uint8_t delta[VARINT64_MAX];
	uint8_t attributes = 0;

	if (b->count == 0)
		b->base_timestamp = timestamp;
	if (timestamp > b->max_timestamp)
		b->max_timestamp = timestamp;
	int delta_len = varint_write_i64(delta, timestamp - b->base_timestamp);
	int64_t size = 1 + delta_len + varint_size_i32(b->count) + bytes_size(key) + bytes_size(value) +
		       headers_size(headers, n);

	check(size <= INT32_MAX && b->count < INT32_MAX);
	put_varint(b->out, (int32_t)size);
	buf_put(b->out, &attributes, 1);
	buf_put(b->out, delta, (size_t)delta_len);
	put_varint(b->out, b->count);
	put_bytes(b->out, key);
	put_bytes(b->out, value);
	put_varint(b->out, n);
	for (int i = 0; i < n; i++) {
		put_bytes(b->out, (struct bytes){(const uint8_t *)headers[i].key.p, headers[i].key.len});
		put_bytes(b->out, headers[i].value);
	}
	b->count++;
}

void batch_add(struct batch_builder *b, int64_t timestamp, struct bytes key, struct bytes value)
{
	batch_add_headers(b, timestamp, key, value, NULL, 0);
}

size_t batch_end(struct batch_builder *b)
{
	size_t size = b->out->len - b->start;
	uint8_t *p = b->out->p + b->start;

	if (b->count == 0) {
		b->out->len = b->start;
		return 0;
	}
	batch_header_write(p, size,
			   &(struct batch_header){
				   .base_offset = b->options.base_offset,
				   .leader_epoch = b->options.leader_epoch,
				   .attributes = b->options.attributes,
				   .last_offset_delta = b->count - 1,
				   .base_timestamp = b->base_timestamp,
				   .max_timestamp = b->max_timestamp,
				   .producer_id = b->options.producer_id,
				   .producer_epoch = b->options.producer_epoch,
				   .base_sequence = b->options.base_sequence,
				   .count = b->count,
			   });
	return size;
}

size_t batch_build_marker(struct buf *out, const struct batch_options *options, int64_t timestamp,
			  enum control_type type, int32_t coordinator_epoch)
{
	struct batch_options o = *options;
	struct batch_builder b;
	uint8_t key[4];
	uint8_t value[6];

	put_i16(key, 0);
	put_i16(key + 2, (int16_t)type);
	put_i16(value, 0);
	put_i32(value + 2, coordinator_epoch);
	o.attributes |= BATCH_CONTROL | BATCH_TRANSACTIONAL;
	o.base_sequence = NO_SEQUENCE;
	batch_begin(&b, out, &o);
	batch_add(&b, timestamp, (struct bytes){key, sizeof(key)}, (struct bytes){value, sizeof(value)});
	return batch_end(&b);
}
