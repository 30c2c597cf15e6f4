/*
 * Bad input against a whole node in the simulator. The bytes are written one by one
 * (tests/bench/raw.h), not by the codec under test.
 *
 * After every attempt a healthy client asks for metadata over a connection of its own and has to
 * get an answer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "base/err.h"
#include "tests/base/cm.h"
#include "tests/broker/raw_world.h"

#define CALLERS 64
#define HELD_MAX ((int64_t)32 << 20)

static struct caller healthy;
static struct caller callers[CALLERS];

static void expect_healthy(void)
{
	struct bytes_out o = {0};
	struct sim_held held;

	put_metadata(&o, 5, NULL, false);
	raw_say(&healthy, &o);
	assert_true(raw_answered(&healthy));
	assert_int_equal(get_i32(healthy.in + 4), 5);
	sim_held(raw_world(), RAW_NODE, &held);
	assert_true(held.bytes < HELD_MAX);
	free(o.p);
}

/* The bytes end their connection and do no other harm. */
static void expect_closed(const struct bytes_out *o, const char *what, int n)
{
	raw_say(&callers[0], o);
	if (raw_answered(&callers[0]))
		fail_msg("answered: %s %d", what, n);
	raw_leave(&callers[0]);
	expect_healthy();
}

static int bring_up(void **state)
{
	struct bytes_out o = {0};

	(void)state;
	raw_world_up();
	put_create_topic(&o, 1, "t", 1);
	raw_say(&healthy, &o);
	assert_true(raw_answered(&healthy));
	free(o.p);
	expect_healthy();
	return 0;
}

static int bring_down(void **state)
{
	(void)state;
	expect_healthy();
	raw_leave(&healthy);
	raw_world_down();
	return 0;
}

/* ---- attempts ---- */

static void put_header(struct bytes_out *o, int key, int version)
{
	put16(o, key);
	put16(o, version);
	put32(o, 9);
	put_text(o, "bad");
}

static void keys_and_versions_that_are_not_served_close(void **state)
{
	static const struct {
		int key, version;
	} v[] = {{-1, 0},
		 {999, 0},
		 {32767, 32767},
		 {0, 2},
		 {0, 99},
		 {1, 3},
		 {3, 99},
		 {3, -1},
		 {19, 1},
		 /* those of the controller's listener, and those between nodes */
		 {52, 0},
		 {53, 0},
		 {54, 0},
		 {59, 0},
		 {62, 0},
		 {63, 0},
		 {70, 0},
		 {4, 0},
		 {5, 0},
		 {6, 0},
		 {7, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct bytes_out o = {0};

		put32(&o, 0);
		put_header(&o, v[i].key, v[i].version);
		put64(&o, 0);
		put64(&o, 0);
		raw_end(&o, 0);
		expect_closed(&o, "key", v[i].key);
		free(o.p);
	}
}

static void a_version_of_api_versions_that_is_not_known_is_answered(void **state)
{
	struct bytes_out o = {0};
	size_t began;

	(void)state;
	began = raw_begin(&o, API_VERSIONS, 99, 7);
	put8(&o, 0); /* the header's tags: it is a flexible one */
	raw_end(&o, began);
	raw_say(&callers[0], &o);
	assert_true(raw_answered(&callers[0]));
	assert_int_equal(get_i32(callers[0].in + 4), 7);
	assert_int_equal(get_i16(callers[0].in + 8), ERR_UNSUPPORTED_VERSION);
	raw_leave(&callers[0]);
	free(o.p);
}

/* A frame with an honest length, but with a request that ends `len` bytes after its start. */
static void expect_closed_when_cut(const struct bytes_out *whole, const char *what)
{
	for (size_t len = 0; len < whole->len - 4; len++) {
		struct bytes_out o = {0};

		put32(&o, (int32_t)len);
		put_raw(&o, whole->p + 4, len);
		expect_closed(&o, what, (int)len);
		free(o.p);
	}
}

static void a_request_that_ends_too_early_closes_at_every_length(void **state)
{
	struct bytes_out batch = {0}, o = {0};

	(void)state;
	batch_make(&batch, 1, 3, raw_world_ms());
	put_produce(&o, 1, "t", 0, 1, &batch);
	expect_closed_when_cut(&o, "produce");
	o.len = 0;
	put_fetch(&o, 1, "t", 0, 0, 100, 0);
	expect_closed_when_cut(&o, "fetch");
	o.len = 0;
	put_metadata(&o, 1, "t", true);
	expect_closed_when_cut(&o, "metadata");
	o.len = 0;
	put_create_topic(&o, 1, "u", 1);
	expect_closed_when_cut(&o, "create topics");
	free(o.p);
	free(batch.p);
}

/* Every four bytes of a request in turn become a large number: most often a length or a count that lies. */
static void numbers_that_lie_cost_nothing(void **state)
{
	static const uint32_t lies[] = {0x7fffffff, 0x80000000, 0xffffffff, 0x00ffffff};
	struct bytes_out batch = {0}, whole = {0};

	(void)state;
	batch_make(&batch, 3, 30, raw_world_ms());
	put_produce(&whole, 1, "t", 0, 1, &batch);
	put_fetch(&whole, 1, "t", 0, 0, 100, 0);
	put_metadata(&whole, 1, "t", false);
	for (size_t at = 4; at + 4 <= whole.len; at++) {
		struct bytes_out o = {0};

		put_raw(&o, whole.p, whole.len);
		put_u32(o.p + at, lies[at % 4]);
		raw_say(&callers[0], &o);
		sim_run_for(raw_world(), 50);
		raw_leave(&callers[0]);
		expect_healthy();
		free(o.p);
	}
	free(whole.p);
	free(batch.p);
}

static void every_api_survives_random_bodies(void **state)
{
	uint64_t chance = 42;
	int n_answered = 0;

	(void)state;
	for (int n = 0; n < 10000; n++) {
		struct bytes_out o = {0};
		struct caller *c = &callers[n % CALLERS];
		size_t len = cm_random(&chance) % 120;

		raw_leave(c);
		put32(&o, 0);
		put_header(&o, (int)(cm_random(&chance) % 95), (int)(cm_random(&chance) % 14));
		for (size_t i = 0; i < len; i++)
			put8(&o, cm_random(&chance) % 3 ? (int)(cm_random(&chance) % 3) : (int)cm_random(&chance));
		raw_end(&o, 0);
		raw_say(c, &o);
		sim_run_until(raw_world(), 1000, raw_has_answer, c);
		n_answered += !c->closed && raw_has_answer(c);
		if (n % 50 == 0)
			expect_healthy();
		raw_leave(c);
		free(o.p);
	}
	assert_true(n_answered > 50); /* some bodies are valid requests */
}

/* The error that a produce of these bytes gets; -1 when the connection is closed. */
static int error_of(const struct bytes_out *batch)
{
	struct bytes_out o = {0};
	int error = -1;

	put_produce(&o, 1, "t", 0, 1, batch);
	raw_say(&callers[0], &o);
	if (raw_answered(&callers[0]))
		error = produce_error((struct bytes_in){.p = callers[0].in + 8, .left = get_u32(callers[0].in) - 4});
	else
		raw_leave(&callers[0]);
	free(o.p);
	return error;
}

/*
 * Bytes 0-7 are the base offset, 12-15 the leader epoch: the checksum covers neither. The node
 * writes both itself.
 */
static void a_batch_with_any_bit_wrong_is_refused(void **state)
{
	struct bytes_out batch = {0};

	(void)state;
	batch_make(&batch, 2, 5, raw_world_ms());
	assert_int_equal(error_of(&batch), 0);
	for (size_t bit = 8 * 8; bit < batch.len * 8; bit++) {
		if (bit / 8 >= 12 && bit / 8 < 16)
			continue;
		batch.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (error_of(&batch) == 0)
			fail_msg("bit %zu of byte %zu was taken", bit % 8, bit / 8);
		batch.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	raw_leave(&callers[0]);
	free(batch.p);
}

static void a_crowd_of_garbage_is_told_in_few_lines_and_held_in_little_memory(void **state)
{
	static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n",
					    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\xff\xff\xff\xff",
					    "\x7f\xff\xff\xff", "SSH-2.0-OpenSSH_9.2\r\n"};
	struct bytes_out o[CALLERS];
	uint64_t chance = 7;
	int before = raw_world_lines();

	(void)state;
	memset(o, 0, sizeof(o));
	for (int n = 0; n < 2000; n++) {
		int i = n % CALLERS;
		struct caller *c = &callers[i];

		raw_leave(c);
		o[i].len = 0;
		if (n % 3 == 0) {
			const char *text = texts[cm_random(&chance) % 5];

			put_raw(&o[i], text, strlen(text));
		} else if (n % 3 == 1) { /* the start of a large frame, then silence */
			put32(&o[i], 50000000);
			for (int k = 0; k < 3000; k++)
				put32(&o[i], (int32_t)cm_random(&chance));
		} else {
			for (int k = 0; k < 100; k++)
				put32(&o[i], (int32_t)cm_random(&chance));
		}
		raw_say(c, &o[i]);
		if (n % 100 == 0)
			expect_healthy();
	}
	expect_healthy();
	sim_run_for(raw_world(), 60000);
	assert_true(raw_world_lines() - before < 400);
	for (int i = 0; i < CALLERS; i++) {
		raw_leave(&callers[i]);
		free(o[i].p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_and_versions_that_are_not_served_close, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(a_version_of_api_versions_that_is_not_known_is_answered, bring_up,
						bring_down),
		cmocka_unit_test_setup_teardown(a_request_that_ends_too_early_closes_at_every_length, bring_up,
						bring_down),
		cmocka_unit_test_setup_teardown(numbers_that_lie_cost_nothing, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(every_api_survives_random_bodies, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(a_batch_with_any_bit_wrong_is_refused, bring_up, bring_down),
		cmocka_unit_test_setup_teardown(a_crowd_of_garbage_is_told_in_few_lines_and_held_in_little_memory,
						bring_up, bring_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
