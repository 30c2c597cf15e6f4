#include "base/crc32c.h"

#include <string.h>

#include "tests/base/cm.h"

/* RFC 3720, appendix B.4. */
static void the_published_values_come_out(void **state)
{
	uint8_t block[32];

	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c_table(0, "123456789", 9), 0xe3069283);
	memset(block, 0, sizeof(block));
	assert_int_equal(crc32c(0, block, sizeof(block)), 0x8a9136aa);
	memset(block, 0xff, sizeof(block));
	assert_int_equal(crc32c(0, block, sizeof(block)), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		block[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, block, sizeof(block)), 0x46dd794e);
	assert_int_equal(crc32c(0, block, 0), 0);
}

static uint8_t data[20000];

static void fill(void)
{
	uint64_t chance = 7;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)cm_random(&chance);
}

static void assert_all_ways(uint32_t start, size_t pos, size_t len)
{
	uint32_t want = crc32c_table(start, data + pos, len);

	assert_int_equal(crc32c(start, data + pos, len), want);
	assert_int_equal(crc32c_way(CRC32C_WORDS, start, data + pos, len), want);
	assert_int_equal(crc32c_way(CRC32C_FOLD, start, data + pos, len), want);
	assert_int_equal(crc32c_way(CRC32C_WIDE, start, data + pos, len), want);
}

static void all_ways_agree_at_every_length_and_alignment(void **state)
{
	fill();
	for (size_t len = 0; len < 1100; len++)
		assert_all_ways((uint32_t)len * 2654435761u, len % 67, len);
	for (size_t len = 1100; len < 19000; len += 257)
		assert_all_ways(0, len % 61, len);
}

static void a_checksum_can_be_continued_anywhere(void **state)
{
	uint32_t whole;

	fill();
	whole = crc32c(0, data, 2000);
	for (size_t cut = 0; cut <= 2000; cut++)
		assert_int_equal(crc32c(crc32c(0, data, cut), data + cut, 2000 - cut), whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_values_come_out),
		cmocka_unit_test(all_ways_agree_at_every_length_and_alignment),
		cmocka_unit_test(a_checksum_can_be_continued_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
