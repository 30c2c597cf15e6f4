/*
 * Principals to users: the cases of Kafka's KerberosNameTest and KerberosRuleTest, and what Java
 * does apart from these.
 */
#include "broker/kerberos_names.h"

#include <string.h>

#include "tests/base/cm.h"

enum { RULES_MAX = 8 };

/* Rules are separated by ';'. */
static struct kerberos_names *make(const char *text, struct buf *why)
{
	struct str rules[RULES_MAX];
	int n = 0;

	while (*text) {
		size_t len = strcspn(text, ";");

		rules[n++] = (struct str){text, (int32_t)len};
		text += len + (text[len] == ';');
	}
	return kerberos_names_new(rules, n, STR("REALM"), why);
}

/* wanted NULL: nobody. */
static void expect(const char *rules, const char *principal, const char *wanted)
{
	struct buf why = {0}, user = {0};
	struct kerberos_names *k = make(rules, &why);

	assert_non_null(k);
	if (kerberos_names_find(k, str_of(principal), &user) != (wanted != NULL))
		fail_msg("%s with %s: %s", principal, rules, wanted ? "nobody" : "somebody");
	buf_put(&user, "", 1);
	if (wanted)
		assert_string_equal((const char *)user.p, wanted);
	buf_fini(&user);
	buf_fini(&why);
	kerberos_names_free(k);
}

static void expect_invalid(const char *rules, const char *wanted)
{
	struct buf why = {0};

	assert_null(make(rules, &why));
	buf_put(&why, "", 1);
	assert_string_equal((const char *)why.p, wanted);
	buf_fini(&why);
}

#define TWO "RULE:[1:$1](App\\..*)s/App\\.(.*)/$1/g;RULE:[2:$1](App\\..*)s/App\\.(.*)/$1/g;DEFAULT"

static void principals_become_users(void **state)
{
	(void)state;
	expect(TWO, "App.service-name/example.com@REALM", "service-name");
	expect(TWO, "App.service-name@REALM", "service-name");
	expect(TWO, "user/host@REALM", "user");
	expect(TWO, "user", "user");
	expect(TWO, "user/host@OTHER", NULL);
	expect("DEFAULT", "user@REALM", "user");
	expect("DEFAULT", "user@realm", NULL);
	expect("", "user@REALM", NULL);
	expect("RULE:[1:$1@$0](.*@OTHER)s/@.*//;DEFAULT", "user@OTHER", "user");
	expect("RULE:[2:$1.$2]", "a/b@R", "a.b");
	expect("RULE:[2:$2]", "a/@R", "");
	expect("RULE:[1:fixed]", "a@R", "fixed");
}

static void cases_are_folded(void **state)
{
	(void)state;
	expect("RULE:[1:$1]/L", "User@REALM", "user");
	expect("RULE:[1:$1]L", "User@REALM", "user");
	expect("RULE:[2:$1]/L", "TestABC/host@FOO.COM", "testabc");
	expect("RULE:[2:$1](TestABC)s/TestABC/test/L", "TestABC/host@FOO.COM", "test");
	expect("RULE:[2:$1](TestABC)s/ABC/XYZ/g/U", "TestABC/host@FOO.COM", "TESTXYZ");
	expect("RULE:[1:$1](.*)s/a/b/U", "aaa@R", "BAA");
	expect("RULE:[1:$1](.*)s/a/b/g/U", "aaa@R", "BBB");
	expect("RULE:[1:$1](.*)s/a/b/", "aaa@R", "baa");
}

static void who_is_not_simple_is_nobody(void **state)
{
	(void)state;
	expect("RULE:[1:$1@$0];DEFAULT", "user@REALM", NULL);
	expect("RULE:[2:$1/$2];DEFAULT", "user/h@REALM", NULL);
	expect("RULE:[1:$2];DEFAULT", "user@REALM", NULL);
	expect("RULE:[1:$];DEFAULT", "user@REALM", NULL);
	expect("RULE:[1:$1]s/user/$7/;DEFAULT", "user@REALM", NULL);
	expect("RULE:[1:$1]s/(us)er/$7/;DEFAULT", "user@REALM", NULL);
	expect("RULE:[1:$1]s/(us)er/$17/;DEFAULT", "user@REALM", "us7");
	expect("DEFAULT", "a/b/c@REALM", NULL);
	expect("DEFAULT", "a@REALM@REALM", NULL);
	expect("DEFAULT", "a@b/c", NULL);
}

static void rules_that_are_none_are_refused(void **state)
{
	(void)state;
	expect_invalid("default", "Invalid rule: default");
	expect_invalid("DEFAUL", "Invalid rule: DEFAUL");
	expect_invalid("DEFAULT/L", "Invalid rule: `DEFAULT/L`, unmatched substring: `/L`");
	expect_invalid("RULE:[n:$1]", "Invalid rule: RULE:[n:$1]");
	expect_invalid("RULE:[1:$1](a", "Invalid rule: `RULE:[1:$1](a`, unmatched substring: `(a`");
	expect_invalid("RULE:[1:$1]s/a", "Invalid rule: `RULE:[1:$1]s/a`, unmatched substring: `s/a`");
	expect_invalid("RULE:[1:$1]/LU", "Invalid rule: `RULE:[1:$1]/LU`, unmatched substring: `U`");
	expect_invalid("RULE:[1:$1]/G", "Invalid rule: `RULE:[1:$1]/G`, unmatched substring: `G`");
	expect_invalid("RULE:[:$1]", "Invalid rule: `RULE:[:$1]`: the number of parts is missing");
	expect_invalid("RULE:[1:$1](+)", "Invalid rule: `RULE:[1:$1](+)`: a pattern is not a regular expression, or "
					 "uses look-around or back-references");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(principals_become_users),
		cmocka_unit_test(cases_are_folded),
		cmocka_unit_test(who_is_not_simple_is_nobody),
		cmocka_unit_test(rules_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
