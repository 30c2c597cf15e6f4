#include "compress/compress.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "base/err.h"
#include "tests/base/cm.h"

enum { CODECS = 5, BIG = 300 * 1000 };

static struct codecs *codecs;

static int set_up(void **state)
{
	codecs = codecs_new();
	return 0;
}

static int tear_down(void **state)
{
	codecs_free(codecs);
	return 0;
}

/* Compressible text, with some that is not. */
static void fill(struct buf *b, size_t len, uint64_t seed)
{
	buf_reserve(b, len);
	for (size_t i = 0; i < len; i++) {
		uint64_t r = cm_random(&seed);

		b->p[i] = r % 16 == 0 ? (uint8_t)r : (uint8_t)('a' + i % 7);
	}
	b->len = len;
}

static void what_goes_in_comes_out(void **state)
{
	static const size_t LENGTHS[] = {0, 1, 100, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, BIG};

	for (int codec = 0; codec < CODECS; codec++) {
		for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
			struct buf in = {0}, packed = {0}, out = {0};

			fill(&in, LENGTHS[i], 1 + i);
			assert_int_equal(encode_all(codecs, codec, CODEC_LEVEL_DEFAULT, in.p, in.len, &packed), 0);
			if (in.len == BIG && codec)
				assert_true(packed.len < in.len);
			assert_int_equal(decode_all(codecs, codec, packed.p, packed.len, in.len, &out), 0);
			assert_int_equal(out.len, in.len);
			if (in.len)
				assert_memory_equal(out.p, in.p, in.len);
			buf_fini(&in);
			buf_fini(&packed);
			buf_fini(&out);
		}
	}
}

static void every_level_can_be_read(void **state)
{
	static const struct {
		int codec, from, to;
	} LEVELS[] = {{CODEC_GZIP, -1, 9}, {CODEC_LZ4, 1, 17}, {CODEC_ZSTD, -5, 22}};
	struct buf in = {0}, packed = {0}, out = {0};

	fill(&in, 5000, 3);
	for (int i = 0; i < 3; i++) {
		for (int level = LEVELS[i].from; level <= LEVELS[i].to; level++) {
			packed.len = out.len = 0;
			assert_int_equal(encode_all(codecs, LEVELS[i].codec, level, in.p, in.len, &packed), 0);
			assert_int_equal(decode_all(codecs, LEVELS[i].codec, packed.p, packed.len, in.len, &out), 0);
			assert_int_equal(out.len, in.len);
			assert_memory_equal(out.p, in.p, in.len);
		}
	}
	buf_fini(&in);
	buf_fini(&packed);
	buf_fini(&out);
}

static void a_bomb_is_stopped_while_it_unfolds(void **state)
{
	struct buf in = {0};

	buf_reserve(&in, 32 << 20);
	memset(in.p, 0, 32 << 20);
	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		struct buf packed = {0}, out = {0};

		assert_int_equal(encode_all(codecs, codec, CODEC_LEVEL_DEFAULT, in.p, 32 << 20, &packed), 0);
		assert_int_equal(decode_all(codecs, codec, packed.p, packed.len, 1 << 20, &out), ERR_MESSAGE_TOO_LARGE);
		assert_true(out.len <= 1 << 20);
		out.len = 0;
		assert_int_equal(decode_all(codecs, codec, packed.p, packed.len, (32 << 20) - 1, &out),
				 ERR_MESSAGE_TOO_LARGE);
		buf_fini(&packed);
		buf_fini(&out);
	}
	buf_fini(&in);
}

static void a_stream_cut_anywhere_is_an_error(void **state)
{
	struct buf in = {0};

	fill(&in, 3000, 9);
	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		struct buf packed = {0}, out = {0};
		int whole = 0;

		encode_all(codecs, codec, CODEC_LEVEL_DEFAULT, in.p, in.len, &packed);
		for (size_t len = 0; len < packed.len; len++) {
			uint8_t *copy = malloc(len + 1);

			memcpy(copy, packed.p, len);
			out.len = 0;
			whole += decode_all(codecs, codec, copy, len, 1 << 20, &out) == 0;
			free(copy);
		}
		/* snappy's stream may end between blocks: after its header, before its only block. */
		assert_int_equal(whole, codec == CODEC_SNAPPY ? 1 : 0);
		buf_fini(&packed);
		buf_fini(&out);
	}
	buf_fini(&in);
}

static void noise_never_reads_or_writes_outside(void **state)
{
	uint64_t seed = 5;
	struct buf in = {0};

	fill(&in, 2000, 9);
	for (int codec = CODEC_GZIP; codec < CODECS; codec++) {
		struct buf packed = {0}, out = {0};

		encode_all(codecs, codec, CODEC_LEVEL_DEFAULT, in.p, in.len, &packed);
		for (int i = 0; i < 2000; i++) {
			size_t at = cm_random(&seed) % packed.len;
			uint8_t old = packed.p[at];

			packed.p[at] = (uint8_t)cm_random(&seed);
			out.len = 0;
			decode_all(codecs, codec, packed.p, packed.len, 1 << 20, &out);
			assert_true(out.len <= 1 << 20);
			packed.p[at] = old;
		}
		out.len = 0;
		assert_int_equal(decode_all(codecs, codec, packed.p, packed.len, 1 << 20, &out), 0);
		buf_fini(&packed);
		buf_fini(&out);
	}
	buf_fini(&in);
}

static void raw_snappy_and_joined_streams_are_read(void **state)
{
	/* "hello" as one raw block: length 5, a literal of 5. */
	static const uint8_t RAW[] = {5, 4 << 2, 'h', 'e', 'l', 'l', 'o'};
	struct buf twice = {0}, out = {0};

	assert_int_equal(decode_all(codecs, CODEC_SNAPPY, RAW, sizeof(RAW), 100, &out), 0);
	assert_int_equal(out.len, 5);
	encode_all(codecs, CODEC_SNAPPY, 0, "one", 3, &twice);
	encode_all(codecs, CODEC_SNAPPY, 0, "two", 3, &twice);
	out.len = 0;
	assert_int_equal(decode_all(codecs, CODEC_SNAPPY, twice.p, twice.len, 100, &out), 0);
	assert_memory_equal(out.p, "onetwo", 6);
	for (int codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec += CODEC_ZSTD - CODEC_GZIP) {
		twice.len = out.len = 0;
		encode_all(codecs, codec, CODEC_LEVEL_DEFAULT, "one", 3, &twice);
		encode_all(codecs, codec, CODEC_LEVEL_DEFAULT, "two", 3, &twice);
		assert_int_equal(decode_all(codecs, codec, twice.p, twice.len, 100, &out), 0);
		assert_int_equal(out.len, 6);
	}
	buf_fini(&twice);
	buf_fini(&out);
}

static void a_snappy_block_that_claims_too_much_is_refused_before_room_is_made(void **state)
{
	static const uint8_t CLAIM[] = {0xff, 0xff, 0xff, 0xff, 0x07, 0};
	struct buf out = {0};

	assert_int_equal(decode_all(codecs, CODEC_SNAPPY, CLAIM, sizeof(CLAIM), INT32_MAX, &out), ERR_CORRUPT_MESSAGE);
	buf_fini(&out);
}

static void the_snappy_header_is_big_endian(void **state)
{
	struct buf packed = {0};

	encode_all(codecs, CODEC_SNAPPY, 0, "x", 1, &packed);
	assert_int_equal(get_i32(packed.p + 8), 1);
	assert_int_equal(get_i32(packed.p + 12), 1);
	assert_int_equal(get_i32(packed.p + 16), packed.len - 20);
	buf_fini(&packed);
}

static void dependent_lz4_blocks_are_refused(void **state)
{
	struct buf packed = {0}, out = {0};

	encode_all(codecs, CODEC_LZ4, CODEC_LEVEL_DEFAULT, "some text", 9, &packed);
	packed.p[4] &= (uint8_t)~0x20;
	assert_int_equal(decode_all(codecs, CODEC_LZ4, packed.p, packed.len, 100, &out), ERR_CORRUPT_MESSAGE);
	buf_fini(&packed);
	buf_fini(&out);
}

static void an_unknown_codec_is_refused_and_has_no_name(void **state)
{
	struct buf out = {0};

	assert_int_equal(decode_all(codecs, 5, "x", 1, 10, &out), ERR_UNSUPPORTED_COMPRESSION_TYPE);
	assert_int_equal(decode_all(codecs, -1, "x", 1, 10, &out), ERR_UNSUPPORTED_COMPRESSION_TYPE);
	assert_int_equal(encode_all(codecs, 6, 0, "x", 1, &out), ERR_UNSUPPORTED_COMPRESSION_TYPE);
	assert_null(codec_name(5));
	assert_string_equal(codec_name(CODEC_ZSTD), "zstd");
}

static void the_next_stream_ends_the_last(void **state)
{
	struct buf in = {0}, packed[CODECS] = {{0}};
	const uint8_t *p;
	size_t len;

	fill(&in, BIG, 4);
	for (int codec = 0; codec < CODECS; codec++)
		encode_all(codecs, codec, CODEC_LEVEL_DEFAULT, in.p, in.len, &packed[codec]);
	for (int codec = 0; codec < CODECS; codec++) {
		assert_int_equal(decode_begin(codecs, codec, packed[codec].p, packed[codec].len, BIG), 0);
		assert_int_equal(decode_next(codecs, &p, &len), 0);
		assert_true(len > 0);
		assert_memory_equal(p, in.p, len);
	}
	for (int codec = 0; codec < CODECS; codec++)
		buf_fini(&packed[codec]);
	buf_fini(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(every_level_can_be_read),
		cmocka_unit_test(a_bomb_is_stopped_while_it_unfolds),
		cmocka_unit_test(a_stream_cut_anywhere_is_an_error),
		cmocka_unit_test(noise_never_reads_or_writes_outside),
		cmocka_unit_test(raw_snappy_and_joined_streams_are_read),
		cmocka_unit_test(a_snappy_block_that_claims_too_much_is_refused_before_room_is_made),
		cmocka_unit_test(the_snappy_header_is_big_endian),
		cmocka_unit_test(dependent_lz4_blocks_are_refused),
		cmocka_unit_test(an_unknown_codec_is_refused_and_has_no_name),
		cmocka_unit_test(the_next_stream_ends_the_last),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
