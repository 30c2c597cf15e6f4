#include "wire/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/base/cm.h"

#define BYTES(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

static size_t build(struct buf *out, int64_t base, int n)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct record_header header = {STR("h"), BYTES("value of h")};
	struct batch_builder b;

	o.base_offset = base;
	o.leader_epoch = 7;
	o.producer_id = 9;
	o.producer_epoch = 1;
	o.base_sequence = 100;
	batch_begin(&b, out, &o);
	for (int i = 0; i < n; i++)
		batch_add_headers(&b, 1000 + i, i % 2 ? BYTES("key") : BYTES_NULL, i % 3 ? BYTES("value") : BYTES_NULL,
				  &header, i % 2);
	return batch_end(&b);
}

static void a_built_batch_reads_back(void **state)
{
	struct buf buf = {0};
	struct batch_header h;
	struct record r;
	struct record_header header;
	size_t size = build(&buf, 40, 5);

	assert_int_equal(batch_header_read(buf.p, buf.len, &h), 0);
	assert_int_equal(batch_size(&h), size);
	assert_int_equal(h.base_offset, 40);
	assert_int_equal(batch_last_offset(&h), 44);
	assert_int_equal(h.leader_epoch, 7);
	assert_int_equal(h.max_timestamp, 1004);
	assert_int_equal(batch_last_sequence(&h), 104);
	assert_true(batch_crc_ok(buf.p, &h));
	struct record_iter it = record_iter(&h, buf.p + BATCH_HEADER_SIZE, size - BATCH_HEADER_SIZE);
	for (int i = 0; i < 5; i++) {
		assert_true(record_next(&it, &r));
		assert_int_equal(r.offset, 40 + i);
		assert_int_equal(r.timestamp, 1000 + i);
		assert_int_equal(r.sequence, 100 + i);
		assert_int_equal(r.key.p != NULL, i % 2);
		assert_int_equal(r.value.p != NULL, i % 3 != 0);
		assert_int_equal(r.n_headers, i % 2);
		struct bytes rest = r.headers;
		if (i % 2) {
			assert_true(record_header_next(&rest, &header));
			assert_true(str_is(header.key, "h"));
			assert_true(bytes_eq(header.value, BYTES("value of h")));
		}
		assert_int_equal(rest.len, 0);
	}
	assert_false(record_next(&it, &r));
	assert_int_equal(it.error, 0);
	buf_fini(&buf);
}

static void every_length_one_short_is_told(void **state)
{
	struct buf buf = {0};
	struct batch_header h;
	size_t size = build(&buf, 0, 4);

	for (size_t len = 0; len < size; len++) {
		int err = batch_header_read(buf.p, len, &h);

		assert_int_equal(err, len < BATCH_HEADER_SIZE ? -ENODATA : 0);
		struct batch_iter it = batch_iter(buf.p, len);
		assert_false(batch_next(&it));
		assert_int_equal(it.error, 0);
		assert_int_equal(it.pos, 0);
	}
	batch_header_read(buf.p, size, &h);
	for (size_t len = 0; len < size - BATCH_HEADER_SIZE; len++) {
		uint8_t *copy = malloc(len + 1); /* exact size, so that a sanitizer sees a read past the end */
		struct record_iter it;
		struct record r;

		memcpy(copy, buf.p + BATCH_HEADER_SIZE, len);
		it = record_iter(&h, copy, len);
		while (record_next(&it, &r))
			;
		assert_int_equal(it.error, ERR_INVALID_RECORD);
		free(copy);
	}
	buf_fini(&buf);
}

static void impossible_headers_are_refused(void **state)
{
	struct buf buf = {0};
	struct batch_header h;

	build(&buf, 0, 1);
	put_i32(buf.p + BATCH_AT_LENGTH, BATCH_LEGACY_SIZE_MIN - 1);
	assert_int_equal(batch_header_read(buf.p, buf.len, &h), ERR_CORRUPT_MESSAGE);
	put_i32(buf.p + BATCH_AT_LENGTH, -1);
	assert_int_equal(batch_header_read(buf.p, buf.len, &h), ERR_CORRUPT_MESSAGE);
	put_i32(buf.p + BATCH_AT_LENGTH, 48);
	assert_int_equal(batch_header_read(buf.p, buf.len, &h), ERR_CORRUPT_MESSAGE);
	put_i32(buf.p + BATCH_AT_LENGTH, 100);
	buf.p[BATCH_AT_MAGIC] = 3;
	assert_int_equal(batch_header_read(buf.p, buf.len, &h), ERR_CORRUPT_MESSAGE);
	buf.p[BATCH_AT_MAGIC] = 0xff;
	assert_int_equal(batch_header_read(buf.p, buf.len, &h), ERR_CORRUPT_MESSAGE);
	buf.p[BATCH_AT_MAGIC] = 1;
	assert_int_equal(batch_header_read(buf.p, buf.len, &h), 0);
	assert_int_equal(h.producer_id, NO_PRODUCER_ID);
	assert_int_equal(batch_last_offset(&h), h.base_offset);
	buf_fini(&buf);
}

static void a_walk_over_batches_stops_at_a_torn_one(void **state)
{
	struct buf buf = {0};
	int64_t offset = 0;

	build(&buf, 0, 3);
	build(&buf, 3, 1);
	size_t whole = buf.len;
	build(&buf, 4, 9);
	struct batch_iter it = batch_iter(buf.p, buf.len - 1);
	for (; batch_next(&it); offset = batch_last_offset(&it.header) + 1)
		assert_int_equal(it.header.base_offset, offset);
	assert_int_equal(offset, 4);
	assert_int_equal(it.pos, whole);
	assert_int_equal(it.error, 0);
	buf_fini(&buf);
}

static void offset_and_epoch_are_outside_the_crc_and_nothing_else_is(void **state)
{
	struct buf buf = {0};
	struct batch_header h;
	size_t size = build(&buf, 0, 2);

	batch_assign(buf.p, 77, 8);
	batch_header_read(buf.p, size, &h);
	assert_true(batch_crc_ok(buf.p, &h));
	assert_int_equal(h.base_offset, 77);
	for (size_t i = BATCH_AT_ATTRIBUTES; i < size; i++) {
		buf.p[i] ^= 1;
		assert_false(batch_crc_ok(buf.p, &h));
		buf.p[i] ^= 1;
	}
	buf_fini(&buf);
}

static void sequences_wrap_to_zero(void **state)
{
	struct batch_header h = {.base_sequence = INT32_MAX - 1, .last_offset_delta = 3, .producer_id = 1};

	assert_int_equal(batch_last_sequence(&h), 1);
	assert_int_equal(sequence_add(INT32_MAX, 1), 0);
	assert_int_equal(sequence_add(5, 0), 5);
	h.base_sequence = NO_SEQUENCE;
	assert_int_equal(batch_last_sequence(&h), NO_SEQUENCE);
}

static void a_marker_has_its_type_and_epoch(void **state)
{
	struct buf buf = {0};
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_header h;
	struct record r;
	int32_t epoch;

	o.producer_id = 5;
	o.producer_epoch = 0;
	size_t size = batch_build_marker(&buf, &o, 123, CONTROL_ABORT, 42);
	batch_header_read(buf.p, size, &h);
	assert_true(batch_is_control(&h) && batch_is_transactional(&h));
	assert_int_equal(h.base_sequence, NO_SEQUENCE);
	struct record_iter it = record_iter(&h, buf.p + BATCH_HEADER_SIZE, size - BATCH_HEADER_SIZE);
	assert_true(record_next(&it, &r));
	assert_int_equal(control_type(r.key), CONTROL_ABORT);
	assert_int_equal(control_coordinator_epoch(r.value, &epoch), 0);
	assert_int_equal(epoch, 42);
	r.key.len = 3;
	assert_int_equal(control_type(r.key), -1);
	r.value.len = 5;
	assert_int_equal(control_coordinator_epoch(r.value, &epoch), ERR_INVALID_RECORD);
	buf_fini(&buf);
}

static void an_empty_batch_is_not_built(void **state)
{
	struct buf buf = {0};
	struct batch_builder b;

	buf_put(&buf, "x", 1);
	batch_begin(&b, &buf, &BATCH_OPTIONS_NONE);
	assert_int_equal(batch_end(&b), 0);
	assert_int_equal(buf.len, 1);
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_built_batch_reads_back),
		cmocka_unit_test(every_length_one_short_is_told),
		cmocka_unit_test(impossible_headers_are_refused),
		cmocka_unit_test(a_walk_over_batches_stops_at_a_torn_one),
		cmocka_unit_test(offset_and_epoch_are_outside_the_crc_and_nothing_else_is),
		cmocka_unit_test(sequences_wrap_to_zero),
		cmocka_unit_test(a_marker_has_its_type_and_epoch),
		cmocka_unit_test(an_empty_batch_is_not_built),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
