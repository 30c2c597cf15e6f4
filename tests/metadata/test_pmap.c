/* pmap: a persistent map behaves like a sorted list that is copied at every change. */
#include <string.h>

#include "tests/base/cm.h"

#include "base/mem.h"
#include "metadata/pmap.h"

#define KEYS 200

struct member {
	int refs;
	int key;
	int value;
};

static int n_alive;

static int compare(const void *a, const void *b)
{
	return ((const struct member *)a)->key - ((const struct member *)b)->key;
}

static void release(void *m)
{
	n_alive--;
	xfree(m);
}

static const struct pmap_type TYPE = {compare, release};

static struct member *member_new(int key, int value)
{
	struct member *m = xmalloc(sizeof(*m));

	*m = (struct member){1, key, value};
	n_alive++;
	return m;
}

/* The same content twice: a map and a plain array, 0 = absent. */
struct twin {
	struct pmap map;
	int v[KEYS];
};

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

static void assert_same(const struct twin *t)
{
	struct pmap_iter it;
	const struct member *m;
	size_t n = 0;

	pmap_iter(&t->map, &it);
	for (int key = 0; key < KEYS; key++) {
		struct member probe = {.key = key};

		m = pmap_find(&t->map, &probe);
		assert_int_equal(m ? m->value : 0, t->v[key]);
		if (t->v[key] == 0)
			continue;
		n++;
		m = pmap_next(&it);
		assert_non_null(m);
		assert_int_equal(m->key, key);
	}
	assert_null(pmap_next(&it));
	assert_int_equal(t->map.n, n);
}

static void change(struct twin *t, uint64_t *state)
{
	struct member probe = {.key = (int)(next_random(state) % KEYS)};

	if (next_random(state) % 3 == 0) {
		assert_int_equal(pmap_remove(&t->map, &probe), t->v[probe.key] != 0);
		t->v[probe.key] = 0;
	} else {
		int value = (int)(next_random(state) % 1000) + 1;

		pmap_put(&t->map, member_new(probe.key, value));
		t->v[probe.key] = value;
	}
}

static void every_version_stays_as_it_was(void **state)
{
	enum { VERSIONS = 40 };
	static struct twin versions[VERSIONS];
	uint64_t random = 7;

	(void)state;
	n_alive = 0;
	pmap_init(&versions[0].map, &TYPE);
	memset(versions[0].v, 0, sizeof(versions[0].v));
	for (int i = 1; i < VERSIONS; i++) {
		versions[i].map = pmap_share(&versions[i - 1].map);
		memcpy(versions[i].v, versions[i - 1].v, sizeof(versions[i].v));
		for (int n = 0; n < 25; n++)
			change(&versions[i], &random);
	}
	for (int i = 0; i < VERSIONS; i++)
		assert_same(&versions[i]);
	for (int i = 0; i < VERSIONS; i += 2)
		pmap_fini(&versions[i].map);
	for (int i = 1; i < VERSIONS; i += 2) {
		assert_same(&versions[i]);
		pmap_fini(&versions[i].map);
	}
	assert_int_equal(n_alive, 0);
}

struct found {
	const struct twin *old;
	const struct twin *now;
	int n;
	int last_key;
};

static void found_one(void *arg, void *old, void *now)
{
	struct found *f = arg;
	const struct member *a = old;
	const struct member *b = now;
	int key = a ? a->key : b->key;

	assert_true(key > f->last_key);
	f->last_key = key;
	assert_int_equal(a ? a->value : 0, f->old->v[key]);
	assert_int_equal(b ? b->value : 0, f->now->v[key]);
	f->n++;
}

static void a_difference_names_every_change_once_and_in_order(void **state)
{
	uint64_t random = 99;

	(void)state;
	for (int round = 0; round < 300; round++) {
		static struct twin a;
		static struct twin b;
		struct found f = {&a, &b, 0, -1};
		int expected = 0;

		pmap_init(&a.map, &TYPE);
		memset(a.v, 0, sizeof(a.v));
		for (uint64_t n = next_random(&random) % 300; n > 0; n--)
			change(&a, &random);
		b.map = pmap_share(&a.map);
		memcpy(b.v, a.v, sizeof(b.v));
		for (uint64_t n = next_random(&random) % 8; n > 0; n--)
			change(&b, &random);
		pmap_diff(&a.map, &b.map, found_one, &f);
		for (int key = 0; key < KEYS; key++)
			expected += a.v[key] != b.v[key];
		assert_true(f.n >= expected);
		assert_true(f.n <= expected + 8); /* a member put again with the same value is another object */
		pmap_fini(&a.map);
		pmap_fini(&b.map);
	}
}

static int n_compared;

static int counting_compare(const void *a, const void *b)
{
	n_compared++;
	return compare(a, b);
}

static void count_one(void *arg, void *old, void *now)
{
	assert_non_null(old);
	assert_null(now);
	++*(int *)arg;
}

static void a_difference_costs_what_changed(void **state)
{
	static const struct pmap_type counting = {counting_compare, release};
	struct member probe = {.key = 4711};
	struct pmap a;
	struct pmap b;
	int n = 0;

	(void)state;
	pmap_init(&a, &counting);
	for (int key = 0; key < 10000; key++)
		pmap_put(&a, member_new(key, 1));
	b = pmap_share(&a);
	assert_true(pmap_remove(&b, &probe));
	n_compared = 0;
	pmap_diff(&a, &b, count_one, &n);
	assert_int_equal(n, 1);
	assert_true(n_compared < 100);
	pmap_fini(&a);
	pmap_fini(&b);
}

static void iteration_can_begin_anywhere(void **state)
{
	struct pmap m;
	struct pmap_iter it;

	(void)state;
	pmap_init(&m, &TYPE);
	for (int key = 0; key < KEYS; key += 2)
		pmap_put(&m, member_new(key, key + 1));
	for (int from = -1; from < KEYS + 1; from++) {
		struct member probe = {.key = from};
		int expected = from < 0 ? 0 : from + from % 2;
		const struct member *first;

		pmap_iter_from(&m, &it, &probe);
		first = pmap_next(&it);
		if (expected >= KEYS)
			assert_null(first);
		else
			assert_int_equal(first->key, expected);
	}
	pmap_fini(&m);
}

static void a_map_that_nobody_shares_is_changed_in_place(void **state)
{
	struct member probe = {.key = 3};
	struct pmap m;
	struct pmap other;
	struct member *mine;

	(void)state;
	pmap_init(&m, &TYPE);
	for (int key = 0; key < 8; key++)
		pmap_put(&m, member_new(key, 1));
	mine = *pmap_slot(&m, &probe);
	assert_int_equal(member_refs(mine), 1);
	other = pmap_share(&m);
	assert_ptr_equal(*pmap_slot(&m, &probe), mine);
	assert_int_equal(member_refs(mine), 2); /* the path was copied; the member is in both */
	pmap_fini(&other);
	assert_int_equal(member_refs(mine), 1);
	probe.key = 99;
	assert_null(pmap_slot(&m, &probe));
	pmap_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_stays_as_it_was),
		cmocka_unit_test(a_difference_names_every_change_once_and_in_order),
		cmocka_unit_test(a_difference_costs_what_changed),
		cmocka_unit_test(iteration_can_begin_anywhere),
		cmocka_unit_test(a_map_that_nobody_shares_is_changed_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
