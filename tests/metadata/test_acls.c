/* acls: the ACLs found for a name are those that a check of all of them finds. */
#include <string.h>

#include "tests/base/cm.h"
#include "tests/metadata/acl_world.h"

#define TOPIC 2
#define GROUP 3

static struct image_acl acl(const char *name, int8_t pattern_type, const char *principal)
{
	return (struct image_acl){.resource_type = TOPIC,
				  .resource_name = str_of(name),
				  .pattern_type = pattern_type,
				  .principal = str_of(principal),
				  .host = STR("*"),
				  .operation = 3,
				  .permission_type = 3};
}

static struct uuid add(struct acl_world *w, const char *name, int8_t pattern_type, const char *principal)
{
	struct image_acl a = acl(name, pattern_type, principal);

	return acl_world_add(w, &a);
}

static void expect(const struct image *i, const char *principal, const char *name, const char *const *names)
{
	struct image_acl_walk walk;

	image_acls_for(i, &walk, TOPIC, str_of(principal), str_of(name));
	for (; *names; names++) {
		const struct image_acl *a = image_acls_for_next(&walk);

		assert_non_null(a);
		assert_true(str_is(a->resource_name, *names));
	}
	assert_null(image_acls_for_next(&walk));
}

static void literals_prefixes_and_the_wildcard_are_met_in_that_order(void **state)
{
	struct acl_world w;

	(void)state;
	acl_world_init(&w);
	add(&w, "*", IMAGE_ACL_LITERAL, "User:a");
	add(&w, "foo", IMAGE_ACL_PREFIXED, "User:a");
	add(&w, "foob", IMAGE_ACL_LITERAL, "User:a");
	add(&w, "foobar", IMAGE_ACL_PREFIXED, "User:a");
	add(&w, "foobar", IMAGE_ACL_LITERAL, "User:a");
	add(&w, "fb", IMAGE_ACL_PREFIXED, "User:a");
	add(&w, "f", IMAGE_ACL_PREFIXED, "User:a");
	add(&w, "foobar", IMAGE_ACL_LITERAL, "User:b");
	add(&w, "gar", IMAGE_ACL_PREFIXED, "User:a");
	expect(w.image, "User:a", "foobar", (const char *const[]){"foobar", "foobar", "foo", "f", "*", NULL});
	expect(w.image, "User:a", "foobarx", (const char *const[]){"foobar", "foo", "f", "*", NULL});
	expect(w.image, "User:a", "foob", (const char *const[]){"foob", "foo", "f", "*", NULL});
	expect(w.image, "User:a", "zz", (const char *const[]){"*", NULL});
	expect(w.image, "User:a", "", (const char *const[]){"*", NULL});
	expect(w.image, "User:b", "foobar", (const char *const[]){"foobar", NULL});
	expect(w.image, "User:c", "foobar", (const char *const[]){NULL});
	acl_world_fini(&w);
}

static void an_acl_is_found_by_what_it_says_and_by_its_id(void **state)
{
	struct image_acl a = acl("t", IMAGE_ACL_LITERAL, "User:a");
	struct acl_world w;
	struct uuid id;

	(void)state;
	acl_world_init(&w);
	assert_null(image_acl_like(w.image, &a));
	id = acl_world_add(&w, &a);
	assert_non_null(image_acl_like(w.image, &a));
	assert_true(uuid_eq(image_acl_like(w.image, &a)->id, id));
	assert_ptr_equal(image_acl(w.image, id), image_acl_like(w.image, &a));
	a.operation = 4;
	assert_null(image_acl_like(w.image, &a));
	acl_world_remove(&w, id);
	assert_int_equal(image_acl_count(w.image), 0);
	assert_null(image_acl(w.image, id));
	acl_world_fini(&w);
}

/* ---- against a look at all ---- */

static const char *const NAMES[] = {"*", "a", "ab", "aba", "abb", "b", "ba", "aab", "", "+", "!", "*a"};
static const char *const PRINCIPALS[] = {"User:a", "User:*", "User:aa", "Group:a"};

#define PICK(v, chance) (v)[cm_random(chance) % (sizeof(v) / sizeof((v)[0]))]

static bool naive_applies(const struct image_acl *a, int8_t type, struct str name)
{
	struct str p = a->resource_name;

	if (a->resource_type != type)
		return false;
	if (a->pattern_type == IMAGE_ACL_LITERAL)
		return str_eq(p, name) || str_is(p, "*");
	return p.len <= name.len && memcmp(p.p, name.p, (size_t)p.len) == 0;
}

/* How many apply to the name, for one principal or (null) for any. */
static int naive_count(const struct image *i, int8_t type, struct str principal, struct str name)
{
	const struct image_acl *a;
	struct image_iter it;
	int n = 0;

	image_acls(i, &it);
	while ((a = image_acls_next(&it)))
		n += naive_applies(a, type, name) && (!principal.p || str_eq(principal, a->principal));
	return n;
}

static void compare(const struct image *i, uint64_t *chance)
{
	struct str principal = str_of(PICK(PRINCIPALS, chance));
	struct str name = str_of(PICK(NAMES, chance));
	int8_t type = cm_random(chance) % 2 ? TOPIC : GROUP;
	struct image_acl_walk walk;
	const struct image_acl *a;
	int n = 0;

	if (str_is(name, "*")) /* also a name of its own there: met twice */
		return;
	image_acls_for(i, &walk, type, principal, name);
	while ((a = image_acls_for_next(&walk))) {
		assert_true(naive_applies(a, type, name));
		assert_true(str_eq(a->principal, principal));
		n++;
	}
	assert_int_equal(n, naive_count(i, type, principal, name));
	assert_int_equal(image_has_acls_for(i, type, name), naive_count(i, type, STR_NULL, name) > 0);
}

static void what_applies_is_what_a_look_at_all_finds(void **state)
{
	int64_t draws = acl_world_draws(40000);
	uint64_t chance = 7;

	(void)state;
	for (int64_t at = 0; at < draws;) {
		struct uuid ids[24];
		struct acl_world w;
		int n = (int)(cm_random(&chance) % 24);

		acl_world_init(&w);
		for (int i = 0; i < n; i++) {
			struct image_acl a =
				acl(PICK(NAMES, &chance), cm_random(&chance) % 2 ? 3 : 4, PICK(PRINCIPALS, &chance));

			a.resource_type = cm_random(&chance) % 2 ? TOPIC : GROUP;
			ids[i] = acl_world_add(&w, &a);
		}
		for (int i = 0; i < 40; i++, at++) {
			compare(w.image, &chance);
			if (n > 0 && cm_random(&chance) % 8 == 0)
				acl_world_remove(&w, ids[--n]);
		}
		assert_int_equal(image_acl_count(w.image), n);
		acl_world_fini(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_prefixes_and_the_wildcard_are_met_in_that_order),
		cmocka_unit_test(an_acl_is_found_by_what_it_says_and_by_its_id),
		cmocka_unit_test(what_applies_is_what_a_look_at_all_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
