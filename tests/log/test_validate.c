#include "log/validate.h"

#include <string.h>

#include "base/err.h"
#include "tests/base/cm.h"

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})
#define NOW 1700000000000ll

static struct codecs *codecs;
static struct arena arena;
static struct topic_config config;
static struct batch_check check_it;
static struct batch_problem problem;
static struct batch_info info;
static struct buf buf;

static int set_up(void **state)
{
	codecs = codecs_new();
	arena_init(&arena, 8 << 20);
	buf = (struct buf){0};
	config = (struct topic_config){
		.max_message_bytes = 1048588,
		.compression_type = COMPRESSION_PRODUCER,
		.compression_gzip_level = -1,
		.compression_lz4_level = 9,
		.compression_zstd_level = 3,
		.message_timestamp_before_max_ms = INT64_MAX,
		.message_timestamp_after_max_ms = 3600000,
	};
	check_it = (struct batch_check){
		.topic = STR("t"), .config = &config, .now_ms = NOW, .codecs = codecs, .arena = &arena};
	return 0;
}

static int tear_down(void **state)
{
	codecs_free(codecs);
	arena_fini(&arena);
	buf_fini(&buf);
	return 0;
}

static void pack(int codec)
{
	struct buf packed = {0};

	encode_all(codecs, codec, CODEC_LEVEL_DEFAULT, buf.p + BATCH_HEADER_SIZE, buf.len - BATCH_HEADER_SIZE, &packed);
	buf.len = BATCH_HEADER_SIZE;
	buf_put(&buf, packed.p, packed.len);
	buf_fini(&packed);
	put_i32(buf.p + BATCH_AT_LENGTH, (int32_t)buf.len - BATCH_PREFIX_SIZE);
	put_i16(buf.p + BATCH_AT_ATTRIBUTES, (int16_t)codec);
	batch_crc_set(buf.p, buf.len);
}

/* Builds a batch of n records, with timestamps from `timestamp` on, compressed with codec. */
static void build(int n, int64_t timestamp, int codec)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder b;

	buf.len = 0;
	batch_begin(&b, &buf, &o);
	for (int i = 0; i < n; i++)
		batch_add(&b, timestamp + i, BYTES("key"), BYTES("a value that comes again and again and again"));
	batch_end(&b);
	if (codec != CODEC_NONE)
		pack(codec);
}

static int run(void)
{
	return batch_check(&check_it, buf.p, buf.len, &info, &problem);
}

static int rerun(void) /* after a change of the header */
{
	batch_crc_set(buf.p, buf.len);
	return run();
}

static void good_batches_pass_unchanged_with_every_codec(void **state)
{
	for (int codec = 0; codec <= CODEC_ZSTD; codec++) {
		struct buf before = {0};

		build(5000, NOW, codec);
		buf_put(&before, buf.p, buf.len);
		assert_int_equal(run(), 0);
		assert_int_equal(info.size, buf.len);
		assert_int_equal(info.header.count, 5000);
		assert_int_equal(info.header.max_timestamp, NOW + 4999);
		assert_int_equal(info.log_append_time_ms, -1);
		assert_false(info.recompress);
		assert_memory_equal(before.p, buf.p, buf.len);
		buf_fini(&before);
	}
}

static void what_kafka_refuses_is_refused_with_its_number(void **state)
{
	static const struct {
		int at, size;
		int64_t value;
		int error;
	} CASES[] = {
		{BATCH_AT_BASE_OFFSET, 8, 1, ERR_INVALID_RECORD},
		{BATCH_AT_LAST_OFFSET_DELTA, 4, -1, ERR_INVALID_RECORD},
		{BATCH_AT_LAST_OFFSET_DELTA, 4, 3, ERR_INVALID_RECORD},
		{BATCH_AT_LAST_OFFSET_DELTA, 4, 1, ERR_INVALID_RECORD},
		{BATCH_AT_COUNT, 4, 0, ERR_INVALID_RECORD},
		{BATCH_AT_COUNT, 4, -1, ERR_INVALID_RECORD},
		{BATCH_AT_ATTRIBUTES, 2, BATCH_CONTROL, ERR_INVALID_RECORD},
		{BATCH_AT_ATTRIBUTES, 2, 5, ERR_UNKNOWN_SERVER_ERROR},
		{BATCH_AT_PRODUCER_ID, 8, 7, ERR_INVALID_RECORD}, /* and no sequence */
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		build(3, NOW, CODEC_NONE);
		if (CASES[i].size == 8)
			put_i64(buf.p + CASES[i].at, CASES[i].value);
		else if (CASES[i].size == 4)
			put_i32(buf.p + CASES[i].at, (int32_t)CASES[i].value);
		else
			put_i16(buf.p + CASES[i].at, (int16_t)CASES[i].value);
		assert_int_equal(rerun(), CASES[i].error);
		assert_int_equal(problem.error, CASES[i].error);
	}
}

static void counts_must_agree_with_the_records(void **state)
{
	for (int codec = 0; codec <= CODEC_ZSTD; codec++) {
		for (int by = -1; by <= 1; by += 2) {
			build(3, NOW, codec);
			put_i32(buf.p + BATCH_AT_COUNT, 3 + by);
			put_i32(buf.p + BATCH_AT_LAST_OFFSET_DELTA, 2 + by);
			assert_int_equal(rerun(), ERR_INVALID_RECORD);
		}
	}
}

static void a_wrong_crc_or_length_is_corrupt(void **state)
{
	build(3, NOW, CODEC_NONE);
	buf.p[buf.len - 1] ^= 1;
	assert_int_equal(run(), ERR_CORRUPT_MESSAGE);
	build(3, NOW, CODEC_NONE);
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(batch_check(&check_it, buf.p, len, &info, &problem), ERR_CORRUPT_MESSAGE);
	buf_put(&buf, "", 1);
	assert_int_equal(run(), ERR_CORRUPT_MESSAGE);
}

static void a_payload_that_does_not_decompress_is_kafkas_unknown_server_error(void **state)
{
	for (int codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++) {
		build(100, NOW, codec);
		memset(buf.p + BATCH_HEADER_SIZE, 0x55, 20);
		assert_int_equal(rerun(), ERR_UNKNOWN_SERVER_ERROR);
	}
}

static void records_that_unfold_beyond_the_bound_are_refused(void **state)
{
	check_it.decompressed_max = 1000;
	build(1000, NOW, CODEC_ZSTD);
	assert_int_equal(run(), ERR_MESSAGE_TOO_LARGE);
}

static void a_record_that_unfolds_beyond_its_bound_is_refused(void **state)
{
	for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++) {
		int32_t least = 1;

		/* The smallest limit that accepts the records is the size of the largest one. */
		for (build(3, NOW, codec); least < 1000; least++) {
			config.max_decompressed_message_bytes = least;
			if (rerun() == 0)
				break;
			assert_int_equal(problem.error, ERR_INVALID_RECORD);
			assert_non_null(
				memmem(problem.message.p, (size_t)problem.message.len, "exceeds the configured", 22));
		}
		/* Uncompressed records are limited by their own size. */
		assert_true(codec == CODEC_NONE ? least == 1 : least > 1 && least < 1000);
	}
}

static void too_large_a_batch_is_refused_by_its_size(void **state)
{
	build(10, NOW, CODEC_NONE);
	config.max_message_bytes = (int32_t)buf.len;
	assert_int_equal(run(), 0);
	config.max_message_bytes--;
	assert_int_equal(run(), ERR_MESSAGE_TOO_LARGE);
}

static void timestamps_outside_the_window_are_named_by_index(void **state)
{
	build(4, NOW + 3600000 - 1, CODEC_NONE);
	assert_int_equal(run(), ERR_INVALID_TIMESTAMP);
	assert_int_equal(problem.n_records, 2);
	assert_int_equal(problem.records[0].index, 2);
	assert_int_equal(problem.records[1].index, 3);
	assert_true(str_eq(problem.message, STR("One or more records have been rejected due to invalid timestamp")));
	config.message_timestamp_before_max_ms = 10;
	build(2, NOW - 11, CODEC_GZIP);
	assert_int_equal(run(), ERR_INVALID_TIMESTAMP);
	assert_int_equal(problem.n_records, 1);
	build(2, INT64_MIN, CODEC_NONE);
	assert_int_equal(run(), ERR_INVALID_TIMESTAMP);
	build(1, NO_TIMESTAMP, CODEC_NONE);
	assert_int_equal(run(), 0);
}

static void a_compacted_topic_wants_keys(void **state)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder b;

	config.cleanup_compact = true;
	build(3, NOW, CODEC_NONE);
	assert_int_equal(run(), 0);
	buf.len = 0;
	batch_begin(&b, &buf, &o);
	batch_add(&b, NOW, BYTES("k"), BYTES_NULL);
	batch_add(&b, NOW, BYTES_NULL, BYTES("v"));
	batch_end(&b);
	assert_int_equal(run(), ERR_INVALID_RECORD);
	assert_int_equal(problem.n_records, 1);
	assert_int_equal(problem.records[0].index, 1);
	assert_true(str_eq(problem.records[0].message,
			   STR("Compacted topic cannot accept message without key in topic partition t-0")));
}

#define NO_KEY(index)                                                                                                  \
	"RecordError(batchIndex=" index                                                                                \
	", message='Compacted topic cannot accept message without key in topic partition t-0')"

static void the_first_three_bad_records_are_told_in_kafkas_words(void **state)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder b;

	config.cleanup_compact = true;
	batch_begin(&b, &buf, &o);
	batch_add(&b, NOW, BYTES("k"), BYTES_NULL);
	for (int i = 0; i < 4; i++)
		batch_add(&b, NOW, BYTES_NULL, BYTES("v"));
	batch_end(&b);
	assert_int_equal(run(), ERR_INVALID_RECORD);
	assert_int_equal(problem.n_records, 4);
	assert_true(str_eq(
		problem.message,
		STR("One or more records have been rejected due to 4 record errors in total, and only showing the first "
		    "three errors at most: [" NO_KEY("1") ", " NO_KEY("2") ", " NO_KEY("3") "]")));
}

static void log_append_time_is_stamped_and_the_crc_follows(void **state)
{
	struct batch_header h;

	config.message_timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
	build(3, 5, CODEC_LZ4);
	assert_int_equal(run(), 0);
	assert_int_equal(info.log_append_time_ms, NOW);
	assert_int_equal(batch_header_read(buf.p, buf.len, &h), 0);
	assert_true(h.attributes & BATCH_LOG_APPEND_TIME);
	assert_int_equal(h.max_timestamp, NOW);
	assert_true(batch_crc_ok(buf.p, &h));
}

/* As in LogValidator.validateTimestamp: on a CreateTime topic the bit is just cleared. */
static void clients_do_not_say_log_append_time(void **state)
{
	struct batch_header h;

	build(3, NOW, CODEC_NONE);
	put_i16(buf.p + BATCH_AT_ATTRIBUTES, BATCH_LOG_APPEND_TIME);
	assert_int_equal(rerun(), 0);
	batch_header_read(buf.p, buf.len, &h);
	assert_int_equal(h.attributes, 0);
	assert_true(batch_crc_ok(buf.p, &h));
	put_i16(buf.p + BATCH_AT_ATTRIBUTES, BATCH_LOG_APPEND_TIME);
	config.message_timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
	assert_int_equal(rerun(), ERR_INVALID_TIMESTAMP);
	assert_int_equal(problem.n_records, 3);
	assert_true(str_eq(
		problem.records[1].message,
		STR("Invalid timestamp type in message DefaultRecord(offset=1, timestamp=1700000000002, key=3 bytes, "
		    "value=44 bytes). Producer should not set timestamp type to LogAppendTime.")));
	build(3, NOW, CODEC_LZ4);
	put_i16(buf.p + BATCH_AT_ATTRIBUTES, BATCH_LOG_APPEND_TIME | CODEC_LZ4);
	assert_int_equal(rerun(), ERR_INVALID_TIMESTAMP);
	assert_true(str_eq(
		problem.records[0].message,
		STR("Invalid timestamp type in message PartialDefaultRecord(offset=0, timestamp=1700000000002, key=3 bytes, "
		    "value=44 bytes). Producer should not set timestamp type to LogAppendTime.")));
}

/* Kafka ignores them too: DefaultRecord.isCompressed is never true. */
static void attributes_of_a_record_mean_nothing(void **state)
{
	for (int codec = 0; codec <= CODEC_ZSTD; codec++) {
		build(3, NOW, CODEC_NONE);
		buf.p[BATCH_HEADER_SIZE + 1] = 0xff;
		batch_crc_set(buf.p, buf.len);
		if (codec != CODEC_NONE)
			pack(codec);
		assert_int_equal(run(), 0);
	}
}

static void a_wrong_max_timestamp_is_mended(void **state)
{
	struct batch_header h;

	build(3, NOW, CODEC_NONE);
	put_i64(buf.p + BATCH_AT_MAX_TIMESTAMP, NOW + 999);
	assert_int_equal(rerun(), 0);
	batch_header_read(buf.p, buf.len, &h);
	assert_int_equal(h.max_timestamp, NOW + 2);
	assert_true(batch_crc_ok(buf.p, &h));
}

static void recompression_keeps_records_and_producer(void **state)
{
	for (int from = 0; from <= CODEC_ZSTD; from++) {
		for (int to = 0; to <= CODEC_ZSTD; to++) {
			struct buf out = {0}, records = {0};
			struct batch_header h;
			struct record r;
			int n = 0;

			config.compression_type = (enum compression_type)to;
			build(300, NOW, from);
			put_i64(buf.p + BATCH_AT_PRODUCER_ID, 99);
			put_i32(buf.p + BATCH_AT_BASE_SEQUENCE, 5);
			assert_int_equal(rerun(), 0);
			assert_int_equal(info.recompress, from != to);
			if (from == to)
				continue;
			assert_int_equal(batch_recompress(&check_it, buf.p, &info, &out, &problem), 0);
			assert_int_equal(batch_header_read(out.p, out.len, &h), 0);
			assert_int_equal(info.size, out.len);
			assert_int_equal(batch_codec(&h), to);
			assert_true(batch_crc_ok(out.p, &h));
			assert_int_equal(h.producer_id, 99);
			assert_int_equal(h.base_sequence, 5);
			assert_int_equal(h.max_timestamp, NOW + 299);
			decode_all(codecs, to, out.p + BATCH_HEADER_SIZE, out.len - BATCH_HEADER_SIZE, 1 << 20,
				   &records);
			struct record_iter it = record_iter(&h, records.p, records.len);
			for (; record_next(&it, &r); n++) {
				assert_int_equal(r.timestamp, NOW + n);
				assert_int_equal(r.offset, n);
				assert_true(bytes_eq(r.key, BYTES("key")));
			}
			assert_int_equal(n, 300);
			assert_int_equal(it.error, 0);
			buf_fini(&out);
			buf_fini(&records);
		}
	}
}

static void a_produce_request_holds_one_batch_of_format_2(void **state)
{
	struct bytes records;

	build(1, NOW, CODEC_ZSTD);
	records = (struct bytes){buf.p, (int32_t)buf.len};
	assert_int_equal(batch_check_produce(records, 7), 0);
	assert_int_equal(batch_check_produce(records, 6), ERR_UNSUPPORTED_COMPRESSION_TYPE);
	records.len--;
	assert_int_equal(batch_check_produce(records, 7), ERR_INVALID_RECORD);
	assert_int_equal(batch_check_produce(BYTES_NULL, 7), ERR_INVALID_RECORD);
	size_t len = buf.len;
	buf_reserve(&buf, len);
	memcpy(buf.p + len, buf.p, len);
	buf.len = 2 * len;
	records = (struct bytes){buf.p, (int32_t)buf.len};
	assert_int_equal(batch_check_produce(records, 7), ERR_INVALID_RECORD);
	buf.p[BATCH_AT_MAGIC] = 1;
	assert_int_equal(batch_check_produce(records, 7), ERR_INVALID_RECORD);
	buf.p[BATCH_AT_MAGIC] = 3;
	assert_int_equal(batch_check_produce(records, 7), ERR_CORRUPT_MESSAGE);
}

static void noise_in_the_payload_never_breaks_the_walk(void **state)
{
	uint64_t seed = 11;
	int passed = 0, refused = 0;

	for (int codec = 0; codec <= CODEC_ZSTD; codec++) {
		for (int i = 0; i < 1500; i++) {
			struct batch_info first;
			int err;

			build(20, NOW, codec);
			for (int k = 0; k < 3; k++)
				buf.p[BATCH_AT_ATTRIBUTES + cm_random(&seed) % (buf.len - BATCH_AT_ATTRIBUTES)] =
					(uint8_t)cm_random(&seed);
			err = rerun();
			first = info;
			assert_int_equal(run(), err);
			if (err == 0)
				assert_memory_equal(&info.header, &first.header, sizeof(first.header));
			passed += err == 0;
			refused += err != 0;
			arena_reset(&arena);
		}
	}
	assert_true(passed > 0 && refused > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_batches_pass_unchanged_with_every_codec),
		TEST(what_kafka_refuses_is_refused_with_its_number),
		TEST(counts_must_agree_with_the_records),
		TEST(a_wrong_crc_or_length_is_corrupt),
		TEST(a_payload_that_does_not_decompress_is_kafkas_unknown_server_error),
		TEST(records_that_unfold_beyond_the_bound_are_refused),
		TEST(a_record_that_unfolds_beyond_its_bound_is_refused),
		TEST(too_large_a_batch_is_refused_by_its_size),
		TEST(timestamps_outside_the_window_are_named_by_index),
		TEST(a_compacted_topic_wants_keys),
		TEST(the_first_three_bad_records_are_told_in_kafkas_words),
		TEST(log_append_time_is_stamped_and_the_crc_follows),
		TEST(clients_do_not_say_log_append_time),
		TEST(attributes_of_a_record_mean_nothing),
		TEST(a_wrong_max_timestamp_is_mended),
		TEST(recompression_keeps_records_and_producer),
		TEST(a_produce_request_holds_one_batch_of_format_2),
		TEST(noise_in_the_payload_never_breaks_the_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
