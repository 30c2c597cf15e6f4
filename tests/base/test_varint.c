#include "base/varint.h"

#include <string.h>

#include "tests/base/cm.h"

static void assert_u64(uint64_t v)
{
	uint8_t b[VARINT64_MAX];
	uint64_t back = ~v;
	int n = varint_write_u64(b, v);

	assert_int_equal(varint_read_u64(b, b + n, &back), n);
	assert_true(back == v);
	for (int cut = 0; cut < n; cut++)
		assert_int_equal(varint_read_u64(b, b + cut, &back), 0);
}

static void assert_i64(int64_t v)
{
	uint8_t b[VARINT64_MAX];
	int64_t back = ~v;
	int n = varint_write_i64(b, v);

	assert_in_range(n, 1, VARINT64_MAX);
	assert_int_equal(varint_read_i64(b, b + n, &back), n);
	assert_true(back == v);
}

static void assert_u32(uint32_t v)
{
	uint8_t b[VARINT32_MAX];
	uint32_t back = ~v;
	int n = varint_write_u32(b, v);

	assert_int_equal(n, varint_size_u32(v));
	assert_int_equal(varint_read_u32(b, b + n, &back), n);
	assert_true(back == v);
	for (int cut = 0; cut < n; cut++)
		assert_int_equal(varint_read_u32(b, b + cut, &back), 0);
}

static void assert_i32(int32_t v)
{
	uint8_t b[VARINT32_MAX];
	int32_t back = ~v;
	int n = varint_write_i32(b, v);

	assert_int_equal(n, varint_size_i32(v));
	assert_int_equal(varint_read_i32(b, b + n, &back), n);
	assert_int_equal(back, v);
}

static void numbers_of_every_length_go_back_and_forth(void **state)
{
	for (int bit = 0; bit < 64; bit++) {
		for (int64_t d = -1; d <= 1; d++) {
			uint64_t v = ((uint64_t)1 << bit) + (uint64_t)d;

			assert_u64(v);
			assert_i64((int64_t)v);
			assert_i64((int64_t)(0 - v));
			assert_u32((uint32_t)v);
			assert_i32((int32_t)v);
			assert_i32((int32_t)(0 - v));
		}
	}
	assert_u64(UINT64_MAX);
	assert_i64(INT64_MIN);
	assert_i64(INT64_MAX);
	assert_u32(UINT32_MAX);
	assert_i32(INT32_MIN);
	assert_i32(INT32_MAX);
}

static void the_bytes_are_those_of_protocol_buffers(void **state)
{
	uint8_t b[VARINT64_MAX];

	assert_int_equal(varint_write_u32(b, 300), 2);
	assert_memory_equal(b, "\xac\x02", 2);
	assert_int_equal(varint_write_i32(b, -1), 1);
	assert_memory_equal(b, "\x01", 1);
	assert_int_equal(varint_write_i32(b, INT32_MIN), 5);
	assert_memory_equal(b, "\xff\xff\xff\xff\x0f", 5);
	assert_int_equal(varint_write_i64(b, INT64_MIN), 10);
	assert_memory_equal(b, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
}

static void too_many_bytes_or_bits_are_refused(void **state)
{
	uint8_t b[12];
	uint32_t u;
	uint64_t v;

	memset(b, 0xff, sizeof(b));
	assert_int_equal(varint_read_u32(b, b + sizeof(b), &u), 0);
	assert_int_equal(varint_read_u64(b, b + sizeof(b), &v), 0);
	b[4] = 0x0f;
	assert_int_equal(varint_read_u32(b, b + sizeof(b), &u), 5);
	b[4] = 0x10;
	assert_int_equal(varint_read_u32(b, b + sizeof(b), &u), 0);
	memset(b, 0x80, sizeof(b));
	b[9] = 0x01;
	assert_int_equal(varint_read_u64(b, b + sizeof(b), &v), 10);
	assert_true(v == (uint64_t)1 << 63);
	b[9] = 0x02;
	assert_int_equal(varint_read_u64(b, b + sizeof(b), &v), 0);
	memcpy(b, "\x80\x00", 2); /* longer than necessary: accepted, as in Kafka */
	assert_int_equal(varint_read_u32(b, b + 2, &u), 2);
	assert_int_equal(u, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_every_length_go_back_and_forth),
		cmocka_unit_test(the_bytes_are_those_of_protocol_buffers),
		cmocka_unit_test(too_many_bytes_or_bits_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
