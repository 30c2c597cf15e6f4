/*
 * Compaction of one log: random histories compared with what was written, and the rules one by one.
 * `test_clean OPERATIONS [SEED]` runs one long history.
 */
#include "log/clean.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/clean_filter.h"
#include "tests/log/fixture.h"
#include "tests/log/keyed.h"

static struct fixture f;

static int set_up(void **state)
{
	fixture_init(&f);
	f.config.cleanup_compact = true;
	f.config.cleanup_delete = false;
	f.config.segment_bytes = 2000;
	f.config.index_interval_bytes = 200;
	f.config.min_cleanable_dirty_ratio = 0;
	f.config.max_compaction_lag_ms = INT64_MAX;
	f.config.delete_retention_ms = 500;
	return 0;
}

static int tear_down(void **state)
{
	fixture_fini(&f);
	return 0;
}

static struct keyed_hands hands(void)
{
	return (struct keyed_hands){.log = f.log, .codecs = f.codecs, .arena = &f.arena, .config = &f.config};
}

/* ---- random histories ---- */

static void must_hold(const struct keyed *k, bool clean, const char *when)
{
	struct keyed_hands h = hands();
	const char *what = keyed_check(k, &h, clean);

	arena_reset(&f.arena);
	if (what)
		fail_msg("%s, %s, after %lld records", what, when, (long long)k->n);
}

struct reading {
	struct keyed *k;
	int left; /* changes left between the steps */
	bool looks;
};

static void write_on(void *arg)
{
	struct reading *r = arg;
	struct keyed_hands h = hands();

	if (r->left-- <= 0)
		return;
	if (r->left % 3 == 0)
		assert_int_equal(keyed_append(r->k, &h), 0);
	if (r->looks)
		must_hold(r->k, false, "in the middle of a cleaning");
}

/* Turns encryption off or on, or adds a key. */
static void change_encryption(uint64_t chance)
{
	f.config.encryption_enable = chance & 3;
	if (f.keys.n == 0 || chance >> 2 & 1)
		fixture_add_key(&f, (uint8_t)(chance >> 3 & 31));
}

static void live(int64_t operations, uint64_t seed, bool encrypted)
{
	bool is_long = operations > 10000; /* then a full check costs more, so there are fewer */
	struct keyed k;
	int cleaned = 0;
	int64_t went = 0;

	if (is_long)
		f.config.segment_bytes = 1 << 20;
	keyed_init(&k, seed, 12 + (int)(seed % 30), f.now_ms - 1000000);
	for (int64_t i = 0; i < operations; i++) {
		uint64_t chance = cm_random(&k.seed);
		struct keyed_hands h = hands();
		struct reading r = {&k, (int)(chance >> 24) % 7, !is_long || (chance >> 33 & 15) == 0};
		struct keyed_clean how = {
			.map_bytes = chance >> 20 & 3 ? 100000 : 24 * 9, .between = write_on, .arg = &r};

		if (encrypted && (i == 0 || (chance >> 40 & 31) == 0))
			change_encryption(chance >> 45);
		assert_int_equal(keyed_append(&k, &h), 0);
		if (chance % (is_long ? 2000 : 40) == 0) {
			if (chance >> 30 & 1)
				assert_int_equal(keyed_end_all(&k, &h), 0);
			keyed_flush(&k, &h);
			assert_int_equal(keyed_clean(&k, &h, &how), 0);
			cleaned += how.was_wanted;
			went += how.stats.records_read - how.stats.records_kept;
			must_hold(&k, true, "after a cleaning");
		}
		if (chance % (is_long ? 49999 : 997) == 1) {
			fixture_restart(&f);
			must_hold(&k, log_clean_end(f.log) >= 0, "after a restart");
		}
	}
	assert_true(cleaned > 3 && went > 10);
	keyed_fini(&k);
}

static void lives(void **state, uint64_t from, uint64_t upto, bool encrypted)
{
	for (uint64_t seed = from; seed <= upto; seed++) {
		if (seed > from)
			set_up(state);
		live(600, seed, encrypted);
		if (seed < upto)
			tear_down(state);
	}
}

static void random_histories_keep_the_newest_of_each_key(void **state)
{
	lives(state, 1, 12, false);
}

static void so_they_do_while_encryption_comes_and_goes_and_keys_change(void **state)
{
	lives(state, 21, 28, true);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_histories_keep_the_newest_of_each_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(so_they_do_while_encryption_comes_and_goes_and_keys_change, set_up,
						tear_down),
	};

	if (argc > 1) {
		set_up(NULL);
		live(atoll(argv[1]), argc > 2 ? (uint64_t)atoll(argv[2]) : 1, false);
		tear_down(NULL);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
