/* Reader and writer: never past the end, and failed for good once failed. */
#include "../base/cm.h"

#include "wire/reader.h"
#include "wire/writer.h"

static size_t write_all(uint8_t *p, size_t len, bool *failed)
{
	struct writer w;
	struct uuid u = {{1, 2, 3}};

	writer_init(&w, p, len);
	writer_i8(&w, -1);
	writer_i16(&w, -2);
	writer_u16(&w, 0xfffd);
	writer_i32(&w, -4);
	writer_u32(&w, 0xfffffffb);
	writer_i64(&w, INT64_MIN);
	writer_f64(&w, 1.5);
	writer_uuid(&w, u);
	writer_uvarint(&w, 300);
	writer_put(&w, "xyz", 3);
	*failed = w.failed;
	return (size_t)(w.p - p);
}

static void what_is_written_is_read_back(void **state)
{
	uint8_t bytes[64];
	struct reader r;
	bool failed;
	size_t len = write_all(bytes, sizeof(bytes), &failed);

	assert_false(failed);
	assert_int_equal(len, 1 + 2 + 2 + 4 + 4 + 8 + 8 + 16 + 2 + 3);
	reader_init(&r, bytes, len);
	assert_int_equal(reader_i8(&r), -1);
	assert_int_equal(reader_i16(&r), -2);
	assert_int_equal(reader_u16(&r), 0xfffd);
	assert_int_equal(reader_i32(&r), -4);
	assert_true(reader_u32(&r) == 0xfffffffb);
	assert_true(reader_i64(&r) == INT64_MIN);
	assert_true(reader_f64(&r) == 1.5);
	assert_int_equal(reader_uuid(&r).b[2], 3);
	assert_int_equal(reader_uvarint(&r), 300);
	assert_memory_equal(reader_take(&r, 3), "xyz", 3);
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.failed);
}

static void a_writer_without_room_writes_nothing_more(void **state)
{
	uint8_t bytes[64];
	bool failed;

	for (size_t len = 0; len < 50; len++) {
		memset(bytes, 0xee, sizeof(bytes));
		assert_true(write_all(bytes, len, &failed) <= len);
		assert_true(failed);
		assert_int_equal(bytes[len], 0xee);
	}
}

static void a_reader_gone_wrong_gives_zeros(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5};
	struct reader r;

	reader_init(&r, bytes, sizeof(bytes));
	assert_int_equal(reader_i32(&r), 0x01020304);
	assert_int_equal(reader_i16(&r), 0);
	assert_true(r.failed);
	assert_int_equal(reader_i8(&r), 0);
	assert_int_equal(reader_uvarint(&r), 0);
	assert_null(reader_take(&r, 1));
	assert_int_equal(reader_left(&r), 0);
}

static void nothing_at_null_is_an_empty_piece_of_memory(void **state)
{
	struct reader r;
	struct writer w;

	reader_init(&r, NULL, 0);
	assert_int_equal(reader_left(&r), 0);
	assert_int_equal(reader_i8(&r), 0);
	assert_true(r.failed);
	writer_init(&w, NULL, 0);
	writer_put(&w, "", 0);
	assert_false(w.failed);
	writer_i8(&w, 1);
	assert_true(w.failed);
}

static void lengths_are_compared_before_they_are_added(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct reader r;

	reader_init(&r, bytes, sizeof(bytes));
	assert_null(reader_take(&r, SIZE_MAX));
	reader_init(&r, bytes, sizeof(bytes));
	assert_null(reader_take(&r, SIZE_MAX - 1));
	assert_true(r.failed);
}

static void half_a_varint_is_refused(void **state)
{
	static const uint8_t half[] = {0x80, 0x80}, long_one[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
	struct reader r;

	reader_init(&r, half, sizeof(half));
	assert_int_equal(reader_uvarint(&r), 0);
	assert_true(r.failed);
	reader_init(&r, long_one, sizeof(long_one));
	assert_int_equal(reader_uvarint(&r), 0);
	assert_true(r.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_writer_without_room_writes_nothing_more),
		cmocka_unit_test(a_reader_gone_wrong_gives_zeros),
		cmocka_unit_test(nothing_at_null_is_an_empty_piece_of_memory),
		cmocka_unit_test(lengths_are_compared_before_they_are_added),
		cmocka_unit_test(half_a_varint_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
