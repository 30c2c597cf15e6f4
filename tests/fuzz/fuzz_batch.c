/*
 * A produced batch and the codecs. The first byte chooses the topic's settings, the rest is the
 * partition's records as a client sends them; the CRC is corrected, as an attacker would do. Then
 * the same bytes go to each codec as a stream.
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "log/validate.h"

enum { UNFOLDED_MAX = 4 << 20, BUDGET = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static void unfold(struct codecs *codecs, const uint8_t *p, size_t len)
{
	for (int codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++) {
		struct buf out = {0};

		decode_all(codecs, codec, p, len, UNFOLDED_MAX, &out);
		check(out.len <= UNFOLDED_MAX);
		buf_fini(&out);
	}
}

/* A batch that passed is what it claims to be, even when it was rewritten. */
static void hold(const struct batch_check *c, const uint8_t *batch, struct batch_info *info)
{
	struct batch_problem problem;
	struct batch_header h;
	struct buf out = {0};

	check(batch_header_read(batch, (size_t)info->size, &h) == 0 && batch_crc_ok(batch, &h));
	check(h.count == h.last_offset_delta + 1);
	if (info->recompress && batch_recompress(c, batch, info, &out, &problem) == 0) {
		check(batch_header_read(out.p, out.len, &h) == 0 && batch_crc_ok(out.p, &h));
		check(batch_codec(&h) == info->target_codec && (size_t)info->size == out.len);
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct codecs *codecs;
	struct batch_problem problem;
	struct batch_info info;
	struct arena arena;
	uint8_t *batch;

	if (len < 1 + BATCH_HEADER_SIZE)
		return 0;
	struct topic_config config = {
		.max_message_bytes = INT32_MAX,
		.compression_type = p[0] & 7 ? (enum compression_type)((p[0] & 7) % 5) : COMPRESSION_PRODUCER,
		.compression_gzip_level = -1,
		.compression_lz4_level = 9,
		.compression_zstd_level = 3,
		.message_timestamp_type = p[0] & 8 ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME,
		.cleanup_compact = p[0] & 16,
		.message_timestamp_before_max_ms = INT64_MAX,
		.message_timestamp_after_max_ms = p[0] & 32 ? 1000 : INT64_MAX,
	};
	codecs = codecs_new();
	arena_init(&arena, BUDGET);
	len--;
	batch = xmalloc(len);
	memcpy(batch, p + 1, len);
	put_i32(batch + BATCH_AT_LENGTH, (int32_t)(len - BATCH_PREFIX_SIZE));
	batch_crc_set(batch, len);
	batch_check_produce((struct bytes){batch, (int32_t)len}, 9);

	struct batch_check c = {.topic = STR("t"), .config = &config, .now_ms = 1000, .decompressed_max = UNFOLDED_MAX};
	c.codecs = codecs;
	c.arena = &arena;
	if (batch_check(&c, batch, len, &info, &problem) == 0)
		hold(&c, batch, &info);
	else
		check(problem.error > 0);
	unfold(codecs, p + 1, len);
	xfree(batch);
	arena_fini(&arena);
	codecs_free(codecs);
	return 0;
}
