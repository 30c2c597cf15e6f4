/* Records of coordinators as JSON, whatever is in them. */
#include "cli/coordinator_record.h"

#include <string.h>

#include "base/endian.h"
#include "protocol/transaction_records.h"
#include "tests/base/cm.h"
#include "wire/codec.h"

/* Its version or type, then the message. */
static struct bytes encode(int16_t first, const struct schema *s, int version, const void *message, struct buf *out)
{
	uint8_t head[2];

	put_i16(head, first);
	buf_put(out, head, sizeof(head));
	assert_int_equal(codec_encode_buf(s, version, message, out), 0);
	return (struct bytes){out->p, (int32_t)out->len};
}

/* A broker refuses such names; a log may have been written by another program. */
static void a_name_with_a_nul_byte_is_printed(void **state)
{
	struct transaction_log_value_partitions partitions = {.topic = STR("a\0b"),
							      .partition_ids = {(int32_t[]){7}, 1}};
	struct transaction_log_key key = {.transactional_id = STR("t\0")};
	struct transaction_log_value value;
	struct buf key_bytes = {0}, value_bytes = {0}, out = {0};
	struct bytes k, v;
	struct arena a;
	int version;

	(void)state;
	arena_init(&a, 1 << 20);
	codec_init(&transaction_log_value_schema, &value);
	value.transaction_status = 1;
	value.transaction_partitions.v = &partitions;
	value.transaction_partitions.n = 1;
	k = encode(transaction_log_key_KEY, &transaction_log_key_schema, 0, &key, &key_bytes);
	v = encode(1, &transaction_log_value_schema, 1, &value, &value_bytes);
	assert_int_equal(coordinator_key_json(COORDINATOR_TRANSACTION, k, &a, &out), 0);
	out.len = 0;
	assert_int_equal(coordinator_value_json(COORDINATOR_TRANSACTION, k, v, &a, &version, &out), 0);
	assert_int_equal(version, 1);
	buf_put(&out, "", 1);
	assert_non_null(strstr((const char *)out.p, "\"transactionStatus\":\"Ongoing\""));
	assert_non_null(strstr((const char *)out.p, "\"a\\u0000b\""));
	buf_fini(&key_bytes);
	buf_fini(&value_bytes);
	buf_fini(&out);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_with_a_nul_byte_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
