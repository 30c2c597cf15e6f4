/*
 * recompress: rewrites a batch with the codec that the topic wants. Records keep their timestamps,
 * keys, values and headers; their offsets are numbered from the base on.
 */
#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "base/varint.h"
#include "log/validate.h"

static int level_of(const struct topic_config *config, int codec)
{
	switch (codec) {
	case CODEC_GZIP:
		return config->compression_gzip_level;
	case CODEC_LZ4:
		return config->compression_lz4_level;
	case CODEC_ZSTD:
		return config->compression_zstd_level;
	default:
		return CODEC_LEVEL_DEFAULT;
	}
}

static void put_record(struct buf *out, const struct record *r, int64_t base_timestamp, int32_t index,
		       const uint8_t *tail, int64_t tail_len)
{
	uint8_t head[1 + VARINT64_MAX + VARINT32_MAX];
	uint8_t size[VARINT32_MAX];
	int n = 0;

	head[n++] = 0;
	n += varint_write_i64(head + n, (int64_t)((uint64_t)r->timestamp - (uint64_t)base_timestamp));
	n += varint_write_i32(head + n, index);
	buf_put(out, size, (size_t)varint_write_i32(size, (int32_t)(n + tail_len)));
	buf_put(out, head, (size_t)n);
	buf_put(out, tail, (size_t)tail_len);
}

/* Where the key begins in the record that ends at `end`: after attributes and the two deltas. */
static const uint8_t *key_start(const uint8_t *p, const uint8_t *end)
{
	int64_t wide;
	int32_t number;

	p += varint_read_i32(p, end, &number) + 1;
	p += varint_read_i64(p, end, &wide);
	return p + varint_read_i32(p, end, &number);
}

static int renumber(const struct batch_header *h, const struct buf *in, struct buf *out, int64_t *base_timestamp)
{
	/*
	 * With LogAppendTime the header's max timestamp is the one that counts; the deltas keep
	 * what the producer wrote.
	 */
	struct batch_header create_time = *h;
	struct record_iter it;
	struct record r;
	int32_t index = 0;

	create_time.attributes &= (int16_t)~BATCH_LOG_APPEND_TIME;
	it = record_iter(&create_time, in->p, in->len);
	for (const uint8_t *p = it.p; record_next(&it, &r); p = it.p, index++) {
		const uint8_t *key = key_start(p, it.p);

		if (index == 0)
			*base_timestamp = r.timestamp;
		put_record(out, &r, *base_timestamp, index, key, it.p - key);
	}
	return it.error;
}

static void put_header(struct buf *out, size_t start, struct batch_info *info, int64_t base_timestamp)
{
	struct batch_header *h = &info->header;
	uint8_t *p = out->p + start;
	size_t size = out->len - start;

	h->attributes = (int16_t)((h->attributes & ~BATCH_CODEC_MASK) | info->target_codec);
	h->base_timestamp = base_timestamp;
	h->last_offset_delta = h->count - 1;
	batch_header_write(p, size, h);
	info->size = (int32_t)size;
	info->recompress = false;
}

static int rewrite(const struct batch_check *c, const uint8_t *p, struct batch_info *info, struct buf *records,
		   struct buf *numbered, struct buf *out)
{
	static const uint8_t blank[BATCH_HEADER_SIZE];
	const struct batch_header *h = &info->header;
	size_t start = out->len;
	int64_t base_timestamp = h->base_timestamp;
	int err = decode_all(c->codecs, batch_codec(h), p + BATCH_HEADER_SIZE,
			     (size_t)(batch_size(h) - BATCH_HEADER_SIZE), (size_t)info->uncompressed_size, records);

	if (!err)
		err = renumber(h, records, numbered, &base_timestamp);
	if (err)
		return err;
	buf_put(out, blank, sizeof(blank));
	err = encode_all(c->codecs, info->target_codec, level_of(c->config, info->target_codec), numbered->p,
			 numbered->len, out);
	if (err || out->len - start > INT32_MAX) {
		out->len = start;
		return err ? err : ERR_MESSAGE_TOO_LARGE;
	}
	put_header(out, start, info, base_timestamp);
	return 0;
}

int batch_recompress(const struct batch_check *c, const uint8_t *p, struct batch_info *info, struct buf *out,
		     struct batch_problem *problem)
{
	struct buf records = {0};
	struct buf numbered = {0};
	size_t start = out->len;

	*problem = (struct batch_problem){0};
	int err = rewrite(c, p, info, &records, &numbered, out);
	buf_fini(&records);
	buf_fini(&numbered);
	if (!err && info->size > c->config->max_message_bytes) {
		problem->message = arena_printf(
			c->arena,
			"Message batch size is %d bytes in append to partition %.*s-%d which exceeds the maximum "
			"configured size of %d.",
			info->size, STR_ARG(c->topic), c->partition, c->config->max_message_bytes);
		out->len = start;
		err = ERR_MESSAGE_TOO_LARGE;
	}
	problem->error = err;
	return err;
}
