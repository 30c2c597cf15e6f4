/* fetch_session: members, epochs, eviction, and what an incremental answer has to contain. */
#include "broker/fetch_session.h"

#include "tests/base/cm.h"

static uint64_t counter(void *arg)
{
	uint64_t *n = arg;

	return ++*n * 2654435761u;
}

struct fixture {
	struct fetch_sessions *s;
	uint64_t draws;
};

static void setup(struct fixture *f, int slots, int index, int of)
{
	f->draws = 0;
	f->s = fetch_sessions_new(&(struct fetch_sessions_config){
		.slots = slots, .bytes = 1 << 20, .index = index, .of = of, .random = counter, .arg = &f->draws});
}

static struct fetch_want want(const char *topic, int32_t partition)
{
	return (struct fetch_want){
		.topic = str_of(topic), .partition = partition, .max_bytes = 100, .current_leader_epoch = -1};
}

static void a_session_has_an_id_that_tells_whose_it_is(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 100, 2, 3);
	for (int i = 0; i < 50; i++) {
		struct fetch_session *s = fetch_session_open(f.s, false, false, 1, 0);

		assert_non_null(s);
		assert_true(s->id > 0);
		assert_int_equal(s->id % 3, 2);
		assert_ptr_equal(fetch_session_find(f.s, s->id), s);
		assert_int_equal(s->epoch, 1);
	}
	assert_int_equal(fetch_sessions_count(f.s), 50);
	fetch_sessions_free(f.s);
}

static void a_member_is_found_by_name_and_partition_and_changes_in_place(void **state)
{
	struct fixture f;
	struct fetch_session *s;
	struct fetch_want w = want("t", 1);
	struct fetch_member *m;

	(void)state;
	setup(&f, 10, 0, 1);
	s = fetch_session_open(f.s, false, false, 1, 0);
	m = fetch_session_want(s, &w);
	assert_ptr_equal(fetch_session_member(s, UUID_ZERO, STR("t"), 1), m);
	assert_null(fetch_session_member(s, UUID_ZERO, STR("t"), 2));
	assert_null(fetch_session_member(s, UUID_ZERO, STR("u"), 1));
	w.fetch_offset = 7;
	w.current_leader_epoch = 3; /* after a change of leaders */
	w.last_fetched_epoch = 2;
	assert_ptr_equal(fetch_session_want(s, &w), m);
	assert_int_equal(m->want.fetch_offset, 7);
	assert_int_equal(m->want.current_leader_epoch, 3);
	assert_int_equal(m->want.last_fetched_epoch, 2);
	assert_int_equal(s->members.n, 1);
	fetch_session_forget(s, m);
	assert_null(fetch_session_member(s, UUID_ZERO, STR("t"), 1));
	fetch_sessions_free(f.s);
}

static void a_member_by_id_is_told_from_one_of_another_topic(void **state)
{
	struct fixture f;
	struct fetch_session *s;
	struct fetch_want w = {.topic_id = {{1}}, .partition = 0};
	struct fetch_member *m;

	(void)state;
	setup(&f, 10, 0, 1);
	s = fetch_session_open(f.s, false, true, 1, 0);
	m = fetch_session_want(s, &w);
	assert_ptr_equal(fetch_session_member(s, w.topic_id, STR_NULL, 0), m);
	assert_null(fetch_session_member(s, (struct uuid){{2}}, STR_NULL, 0));
	fetch_sessions_free(f.s);
}

static void a_member_that_got_records_goes_to_the_end(void **state)
{
	struct fixture f;
	struct fetch_session *s;
	struct fetch_want a = want("a", 0), b = want("b", 0);
	struct fetch_member *first;

	(void)state;
	setup(&f, 10, 0, 1);
	s = fetch_session_open(f.s, false, false, 2, 0);
	first = fetch_session_want(s, &a);
	fetch_session_want(s, &b);
	fetch_session_rotate(s, first);
	assert_ptr_equal(container_of(s->order.prev, struct fetch_member, order), first);
	fetch_sessions_free(f.s);
}

static void what_has_not_changed_is_not_told(void **state)
{
	struct fixture f;
	struct fetch_session *s;
	struct fetch_want w = want("t", 0);
	struct fetch_member *m;
	struct fetch_news news = {.high_watermark = 5, .log_start_offset = 0};

	(void)state;
	setup(&f, 10, 0, 1);
	s = fetch_session_open(f.s, false, false, 1, 0);
	m = fetch_session_want(s, &w);
	assert_true(fetch_session_tells(m, &news)); /* it has reported nothing yet */
	assert_false(fetch_session_tells(m, &news));
	news.log_start_offset = 1;
	assert_true(fetch_session_tells(m, &news));
	news.high_watermark = 6;
	assert_true(fetch_session_tells(m, &news));
	news.has_records = true;
	assert_true(fetch_session_tells(m, &news));
	assert_true(fetch_session_tells(m, &news));
	fetch_sessions_free(f.s);
}

static void after_an_error_it_is_told_again(void **state)
{
	struct fixture f;
	struct fetch_session *s;
	struct fetch_want w = want("t", 0);
	struct fetch_member *m;
	struct fetch_news fine = {.high_watermark = 5}, broken = {.high_watermark = -1, .has_error = true};

	(void)state;
	setup(&f, 10, 0, 1);
	s = fetch_session_open(f.s, false, false, 1, 0);
	m = fetch_session_want(s, &w);
	assert_true(fetch_session_tells(m, &fine));
	assert_true(fetch_session_tells(m, &broken));
	assert_true(fetch_session_tells(m, &fine));
	assert_false(fetch_session_tells(m, &fine));
	fetch_sessions_free(f.s);
}

/* A replica that has to truncate its log first has not taken the high watermark. */
static void after_a_diverging_epoch_it_is_told_again(void **state)
{
	struct fixture f;
	struct fetch_session *s;
	struct fetch_want w = want("t", 1);
	struct fetch_member *m;
	struct fetch_news fine = {.high_watermark = 5}, diverges = {.high_watermark = 5, .has_more = true};

	(void)state;
	setup(&f, 10, 0, 1);
	s = fetch_session_open(f.s, false, false, 1, 0);
	m = fetch_session_want(s, &w);
	assert_true(fetch_session_tells(m, &diverges));
	assert_true(fetch_session_tells(m, &fine));
	assert_false(fetch_session_tells(m, &fine));
	fetch_sessions_free(f.s);
}

static void no_slot_is_taken_from_a_young_session(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1, 0, 1);
	assert_non_null(fetch_session_open(f.s, false, false, 1, 0));
	assert_null(fetch_session_open(f.s, false, false, 100, FETCH_SESSION_EVICTION_MS));
	fetch_sessions_free(f.s);
}

static void a_stale_session_gives_way(void **state)
{
	struct fixture f;
	int32_t old;

	(void)state;
	setup(&f, 1, 0, 1);
	old = fetch_session_open(f.s, true, false, 100, 0)->id;
	assert_non_null(fetch_session_open(f.s, false, false, 1, FETCH_SESSION_EVICTION_MS + 1));
	assert_null(fetch_session_find(f.s, old));
	assert_int_equal(fetch_sessions_count(f.s), 1);
	fetch_sessions_free(f.s);
}

static void an_old_session_in_use_gives_way_to_a_larger_one_only(void **state)
{
	struct fixture f;
	struct fetch_session *s;
	int64_t later = FETCH_SESSION_EVICTION_MS + 1;
	struct fetch_want a = want("a", 0), b = want("b", 0);

	(void)state;
	setup(&f, 1, 0, 1);
	s = fetch_session_open(f.s, false, false, 2, 0);
	fetch_session_want(s, &a);
	fetch_session_want(s, &b);
	fetch_session_touch(f.s, s, later);
	assert_null(fetch_session_open(f.s, false, false, 1, later));
	assert_non_null(fetch_session_open(f.s, false, false, 3, later));
	fetch_sessions_free(f.s);
}

static void a_follower_takes_the_slot_of_a_consumer_but_not_the_other_way(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 1, 0, 1);
	fetch_session_open(f.s, false, false, 100, 0);
	assert_non_null(fetch_session_open(f.s, true, false, 1, 1));
	assert_null(fetch_session_open(f.s, false, false, 1000, 2));
	fetch_sessions_free(f.s);
}

static void a_closed_session_lives_as_long_as_it_is_referenced(void **state)
{
	struct fixture f;
	struct fetch_session *s;
	struct fetch_want w = want("t", 0);

	(void)state;
	setup(&f, 1, 0, 1);
	s = fetch_session_ref(fetch_session_open(f.s, false, false, 1, 0));
	fetch_session_want(s, &w);
	fetch_session_close(f.s, s);
	fetch_session_close(f.s, s);
	assert_int_equal(fetch_sessions_count(f.s), 0);
	assert_non_null(fetch_session_member(s, UUID_ZERO, STR("t"), 0));
	fetch_session_unref(&s);
	assert_null(s);
	fetch_sessions_free(f.s);
}

static void the_epoch_after_the_last_is_one(void **state)
{
	(void)state;
	assert_int_equal(fetch_epoch_after(0), 1);
	assert_int_equal(fetch_epoch_after(41), 42);
	assert_int_equal(fetch_epoch_after(INT32_MAX), 1);
	assert_int_equal(fetch_epoch_after(-1), -1);
}

static void members_are_bounded_by_their_bytes(void **state)
{
	struct fixture f;
	struct fetch_session *old, *s;
	struct fetch_want w = want("t", 0);

	(void)state;
	setup(&f, 10, 0, 1);
	old = fetch_session_open(f.s, false, false, 1, 0);
	while (fetch_session_want(old, &w))
		w.partition++;
	assert_true(w.partition > 1000 && fetch_sessions_bytes(f.s) <= 1 << 20);
	w.partition = 0;
	assert_non_null(fetch_session_want(old, &w)); /* it is a member already */
	s = fetch_session_open(f.s, false, false, 1, FETCH_SESSION_EVICTION_MS);
	assert_null(fetch_session_want(s, &w)); /* the other one may still be in use */
	fetch_session_close(f.s, s);
	s = fetch_session_open(f.s, false, false, 1, FETCH_SESSION_EVICTION_MS + 1);
	assert_non_null(fetch_session_want(s, &w));
	assert_int_equal(fetch_sessions_count(f.s), 1);
	fetch_session_forget(s, fetch_session_member(s, UUID_ZERO, STR("t"), 0));
	assert_int_equal(fetch_sessions_bytes(f.s), 0);
	fetch_sessions_free(f.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_bounded_by_their_bytes),
		cmocka_unit_test(a_session_has_an_id_that_tells_whose_it_is),
		cmocka_unit_test(a_member_is_found_by_name_and_partition_and_changes_in_place),
		cmocka_unit_test(a_member_by_id_is_told_from_one_of_another_topic),
		cmocka_unit_test(a_member_that_got_records_goes_to_the_end),
		cmocka_unit_test(what_has_not_changed_is_not_told),
		cmocka_unit_test(after_an_error_it_is_told_again),
		cmocka_unit_test(after_a_diverging_epoch_it_is_told_again),
		cmocka_unit_test(no_slot_is_taken_from_a_young_session),
		cmocka_unit_test(a_stale_session_gives_way),
		cmocka_unit_test(an_old_session_in_use_gives_way_to_a_larger_one_only),
		cmocka_unit_test(a_follower_takes_the_slot_of_a_consumer_but_not_the_other_way),
		cmocka_unit_test(a_closed_session_lives_as_long_as_it_is_referenced),
		cmocka_unit_test(the_epoch_after_the_last_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
