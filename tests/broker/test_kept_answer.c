/*
 * Metadata for all topics, and ApiVersions: the kept answer equals one made for the request, and
 * goes away with its image.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/base/cm.h"
#include "tests/broker/raw_world.h"

#define TOPICS 20

static struct caller caller;
static struct bytes_out last;

static void ask(struct bytes_out *o)
{
	raw_say(&caller, o);
	assert_true(raw_answered(&caller));
	o->len = 0;
}

/* Returns the number of topics that have leaders; the answer is in `last`. */
static int ask_for_all(void)
{
	struct bytes_out o = {0};

	put_metadata(&o, 7, NULL, false);
	ask(&o);
	free(o.p);
	last.len = 0;
	put_raw(&last, caller.in, caller.in_len);
	return metadata_leaders((struct bytes_in){.p = caller.in + 8, .left = caller.in_len - 8});
}

static void create(int first, int n)
{
	struct bytes_out o = {0};

	put_create_topics(&o, 1, "topic", first, n);
	ask(&o);
	free(o.p);
}

static void what_is_kept_is_what_was_answered_and_goes_with_its_image(void **state)
{
	struct bytes_out before = {0};

	(void)state;
	raw_world_up();
	create(0, TOPICS);
	assert_int_equal(ask_for_all(), TOPICS);
	put_raw(&before, last.p, last.len);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask_for_all(), TOPICS);
		assert_int_equal(last.len, before.len);
		assert_memory_equal(last.p, before.p, before.len);
	}
	create(TOPICS, 1);
	assert_int_equal(ask_for_all(), TOPICS + 1);
	assert_int_equal(ask_for_all(), TOPICS + 1);
	raw_leave(&caller);
	raw_world_down(); /* which checks that every byte was given back */
	free(before.p);
	free(last.p);
}

/* Version 3 has the cluster's features and the offset of their image. */
static void ask_versions(int version, int32_t correlation)
{
	struct bytes_out o = {0};
	size_t began = raw_begin(&o, API_VERSIONS, version, correlation);

	if (version >= 3) {
		put8(&o, 0);
		put_compact_text(&o, "probe");
		put_compact_text(&o, "1");
		put8(&o, 0);
	}
	raw_end(&o, began);
	ask(&o);
	free(o.p);
	last.len = 0;
	put_raw(&last, caller.in + 8, caller.in_len - 8);
}

static void versions_are_told_alike_until_the_image_changes(void **state)
{
	struct bytes_out first[2] = {0};

	(void)state;
	raw_world_up();
	for (int32_t i = 0; i < 6; i++) {
		struct bytes_out *f = &first[i % 2];

		ask_versions(i % 2 ? 3 : 0, i);
		assert_true(last.len > 100);
		if (i < 2)
			put_raw(f, last.p, last.len);
		assert_int_equal(last.len, f->len);
		assert_memory_equal(last.p, f->p, f->len);
	}
	create(0, 1);
	ask_versions(0, 7);
	assert_int_equal(last.len, first[0].len);
	assert_memory_equal(last.p, first[0].p, last.len);
	ask_versions(3, 8);
	assert_int_equal(last.len, first[1].len);
	assert_memory_not_equal(last.p, first[1].p, last.len);
	raw_leave(&caller);
	raw_world_down();
	free(first[0].p);
	free(first[1].p);
	free(last.p);
	last = (struct bytes_out){0};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_told_alike_until_the_image_changes),
		cmocka_unit_test(what_is_kept_is_what_was_answered_and_goes_with_its_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
