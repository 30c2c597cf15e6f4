/* Metadata about all topics: the answer that is kept says what one made for the request would say, and goes with its image. */
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

/* The topics that have leaders; the answer is in `last`. */
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
	raw_world_down(); /* which finds every byte given back */
	free(before.p);
	free(last.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_what_was_answered_and_goes_with_its_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
