/*
 * record_stream: the fast walk over records, compared with the thorough one of src/wire, over valid
 * and damaged bytes.
 */
#include "log/record_stream.h"

#include <stdlib.h>
#include <string.h>

#include "tests/base/cm.h"

#define BASE_TIMESTAMP 1700000000000ll

static uint64_t chance = 11;

static int below(int bound)
{
	return (int)(cm_random(&chance) % (uint64_t)bound);
}

/* Null, or bytes of a length whose encoding takes one, two or three bytes. */
static struct bytes draw_bytes(void)
{
	static const uint8_t some[20000];
	static const int lengths[] = {0, 1, 63, 64, 300, 8191, 8192, 20000};

	if (below(4) == 0)
		return BYTES_NULL;
	return (struct bytes){some, below(3) ? below(40) : lengths[below(sizeof(lengths) / sizeof(lengths[0]))]};
}

static void draw_batch(struct buf *out, bool append_time)
{
	struct record_header headers[3] = {
		{STR("a"), BYTES_NULL}, {STR(""), draw_bytes()}, {STR("long"), draw_bytes()}};
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	int n = 1 + below(8);

	options.base_offset = 1000;
	options.attributes = append_time ? BATCH_LOG_APPEND_TIME : 0;
	batch_begin(&b, out, &options);
	for (int i = 0; i < n; i++)
		batch_add_headers(&b,
				  BASE_TIMESTAMP + (below(3) ? below(100) : below(1 << 30)) - (below(5) ? 0 : 1000000),
				  draw_bytes(), draw_bytes(), headers, below(3) ? 0 : below(4));
	batch_end(&b);
}

/* Both walks see the same records, and end in the same way. */
static void compare(const uint8_t *batch, const struct batch_header *h)
{
	struct record_iter it = record_iter(h, batch + BATCH_HEADER_SIZE, (size_t)batch_size(h) - BATCH_HEADER_SIZE);
	struct record_stream s;
	struct stream_record quick;
	struct record thorough;
	int64_t size = 0;
	bool more;

	record_stream_init(&s, NULL, h, batch, INT32_MAX);
	do {
		more = record_next(&it, &thorough);
		assert_int_equal(record_stream_next(&s, &quick), more);
		if (!more)
			break;
		assert_int_equal(quick.offset, thorough.offset);
		assert_int_equal(quick.timestamp, thorough.timestamp);
		assert_int_equal(quick.key_len < 0, !thorough.key.p);
		assert_int_equal(quick.value_len < 0, !thorough.value.p);
		assert_true(quick.value_len < 0 || quick.value_len == thorough.value.len);
		size += thorough.size;
		assert_int_equal(s.size, size);
	} while (more);
	assert_int_equal(s.error != 0, it.error != 0);
}

struct sums {
	int64_t n, size, first, last;
	bool keyless, error;
};

static void note(struct sums *a, int64_t timestamp, bool keyless)
{
	a->first = a->n == 0 || timestamp < a->first ? timestamp : a->first;
	a->last = a->n == 0 || timestamp > a->last ? timestamp : a->last;
	a->keyless |= keyless;
	a->n++;
}

static struct sums one_by_one(const uint8_t *batch, const struct batch_header *h)
{
	struct sums a = {0};
	struct record_stream s;
	struct stream_record r;

	record_stream_init(&s, NULL, h, batch, INT32_MAX);
	while (record_stream_next(&s, &r))
		note(&a, r.timestamp, r.key_len < 0);
	a.size = s.size;
	a.error = s.error != 0;
	return a;
}

static struct sums at_a_glance(const uint8_t *batch, const struct batch_header *h, int64_t *glanced)
{
	struct record_glance g = RECORD_GLANCE_NONE;
	struct sums a = {0};
	struct record_stream s;
	struct stream_record r;
	int n = 0;

	record_stream_init(&s, NULL, h, batch, INT32_MAX);
	for (record_stream_glance(&s, &g); record_stream_next(&s, &r); record_stream_glance(&s, &g), n++) {
		note(&a, r.timestamp, r.key_len < 0);
		g.n++;
	}
	if (g.delta_min <= g.delta_max) {
		note(&a, h->base_timestamp + g.delta_min, g.keyless & 1);
		note(&a, h->base_timestamp + g.delta_max, false);
	}
	a.n = g.n;
	a.size = s.size;
	a.error = s.error != 0;
	*glanced += g.n - n;
	return a;
}

/* The quick summary equals that of a walk over the records. */
static int64_t compare_glance(const uint8_t *batch, const struct batch_header *h)
{
	int64_t glanced = 0;
	struct sums slow = one_by_one(batch, h), quick = at_a_glance(batch, h, &glanced);

	assert_int_equal(quick.error, slow.error);
	if (slow.error)
		return glanced;
	assert_int_equal(quick.n, slow.n);
	assert_int_equal(quick.size, slow.size);
	assert_int_equal(quick.first, slow.first);
	assert_int_equal(quick.last, slow.last);
	assert_int_equal(quick.keyless, slow.keyless);
	return glanced;
}

static void both_walks_see_the_same_records(void **state)
{
	struct buf batch = {0};
	struct batch_header h;
	int64_t glanced = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		batch.len = 0;
		draw_batch(&batch, i % 7 == 0);
		assert_int_equal(batch_header_read(batch.p, batch.len, &h), 0);
		compare(batch.p, &h);
		if (i % 7) /* otherwise a record's own timestamp does not count */
			glanced += compare_glance(batch.p, &h);
	}
	assert_in_range(glanced, 2000, 3000 * 9);
	buf_fini(&batch);
}

static void both_walks_refuse_the_same_bytes(void **state)
{
	struct buf batch = {0};
	struct batch_header h;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		uint8_t *exact;

		batch.len = 0;
		draw_batch(&batch, false);
		assert_int_equal(batch_header_read(batch.p, batch.len, &h), 0);
		for (int k = below(3); k >= 0; k--) /* most of what is worth damaging is at the front */
			batch.p[BATCH_HEADER_SIZE + below(below(2) ? 12 : (int)batch.len - BATCH_HEADER_SIZE)] =
				(uint8_t)cm_random(&chance);
		if (below(4) == 0)
			h.count += below(3) - 1;
		if (below(4) == 0)
			h.length -= below(h.length - (BATCH_HEADER_SIZE - BATCH_PREFIX_SIZE));
		exact = malloc((size_t)batch_size(&h)); /* exact size, so that a sanitizer sees a read past the end */
		memcpy(exact, batch.p, (size_t)batch_size(&h));
		compare(exact, &h);
		compare_glance(exact, &h);
		free(exact);
	}
	buf_fini(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_walks_see_the_same_records),
		cmocka_unit_test(both_walks_refuse_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
