/*
 * large_requests: what a request that names thousands of things costs, counted in the strings that are compared (the linker puts a counter
 * before str_eq), and what it is answered.
 */
#include "tests/controller/controller_world.h"

#include "base/err.h"
#include "protocol/create_partitions.h"
#include "protocol/delete_topics.h"

enum { N = 10000, COMPARES_MAX = 50 * N };

static int64_t n_compares;

bool __real_str_eq(struct str a, struct str b);
bool __wrap_str_eq(struct str a, struct str b);

bool __wrap_str_eq(struct str a, struct str b)
{
	n_compares++;
	return __real_str_eq(a, b);
}

/* Two of each name. */
static struct str name_of(struct world *w, int i)
{
	return arena_printf(&w->arena, "t%d", i / 2);
}

static void topics_to_delete_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct delete_topics_request_topic *v = arena_array(&w->arena, N, sizeof(*v));
	struct delete_topics_request in = {.topics = {v, N}};
	struct delete_topics_response out;

	for (int i = 0; i < N; i++)
		v[i].name = name_of(w, i);
	v[N - 1] = v[N - 2] = (struct delete_topics_request_topic){STR_NULL, {{9}}};
	n_compares = 0;
	assert_int_equal(RUN(w, delete_topics, 6, &in, &out), 0);
	assert_in_range(n_compares, 0, COMPARES_MAX);
	assert_int_equal(out.responses.n, N / 2);
	assert_true(str_is(out.responses.v[0].error_message, "Duplicate topic id."));
	for (int i = 1; i < N / 2; i++) {
		assert_int_equal(out.responses.v[i].error_code, ERR_INVALID_REQUEST);
		assert_true(str_is(out.responses.v[i].error_message, "Duplicate topic name."));
	}
}

static void topics_to_grow_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct create_partitions_request_topic *v = arena_array(&w->arena, N, sizeof(*v));
	struct create_partitions_request in = {.topics = {v, N}};
	struct create_partitions_response out;

	for (int i = 0; i < N; i++)
		v[i].name = name_of(w, i);
	v[N - 1].name = STR("alone");
	n_compares = 0;
	assert_int_equal(RUN(w, create_partitions, 3, &in, &out), 0);
	assert_in_range(n_compares, 0, COMPARES_MAX);
	assert_int_equal(out.results.n, N / 2 + 1);
	for (int i = 0; i < N / 2 - 1; i++)
		assert_int_equal(out.results.v[i].error_code, ERR_INVALID_REQUEST);
	assert_int_equal(out.results.v[N / 2].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(topics_to_delete_are_not_each_compared_with_each),
		TEST(topics_to_grow_are_not_each_compared_with_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
