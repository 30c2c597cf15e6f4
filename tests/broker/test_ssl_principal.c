/*
 * Names of certificates to users: the cases of Kafka's SslPrincipalMapperTest, and what Java's
 * replaceAll does apart from these.
 */
#include "broker/ssl_principal.h"

#include <string.h>

#include "tests/base/cm.h"

static void expect_valid(const char *text)
{
	struct buf why = {0};
	struct ssl_principal_rules *r = ssl_principal_rules_new(str_of(text), &why);

	if (!r)
		fail_msg("%s: %.*s", text, STR_ARG(buf_str(&why)));
	ssl_principal_rules_free(r);
}

static void expect_invalid(const char *text)
{
	struct buf why = {0};

	assert_null(ssl_principal_rules_new(str_of(text), &why));
	assert_memory_equal(why.p, "Invalid rule: `", 15);
	buf_fini(&why);
}

/* wanted NULL: nobody. */
static void expect_name(const char *rules, const char *dn, const char *wanted)
{
	struct buf why = {0}, name = {0};
	struct ssl_principal_rules *r = ssl_principal_rules_new(str_of(rules), &why);

	assert_non_null(r);
	assert_int_equal(ssl_principal_name(r, str_of(dn), &name), wanted != NULL);
	buf_put(&name, "", 1);
	if (wanted)
		assert_string_equal((const char *)name.p, wanted);
	buf_fini(&name);
	ssl_principal_rules_free(r);
}

static void what_kafka_takes_is_taken(void **state)
{
	static const char *const valid[] = {
		"DEFAULT",
		"RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/",
		"RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L, DEFAULT",
		"RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/",
		"RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/L",
		"RULE:^CN=([^,ADEFLTU,]+)(,.*|$)/$1/",
		"",
		"RULE://",
		"  RULE:   /     / ,  DEFAULT  ",
		",   , , ,      , , ,   ",
		"     ,  , RULE:   /  /U    ,,  ,DEFAULT, ,",
		"RULE:\\/\\\\\\(\\)\\n\\t/\\/\\//",
		"RULE:,RULE:,/,RULE:,\\//U,RULE:,/RULE:,/,RULE:,RULE:,/L,RULE:,/L,RULE:, DEFAULT, /DEFAULT/,DEFAULT",
	};

	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		expect_valid(valid[i]);
}

static void what_kafka_refuses_is_refused_and_what_looks_around_too(void **state)
{
	static const char *const invalid[] = {
		"default",
		"DEFAUL",
		"DEFAULT/L",
		"RULE:CN=(.*?),OU=ServiceUsers.*/$1",
		"rule:^CN=(.*?),OU=ServiceUsers.*$/$1/",
		"RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L/U",
		"RULE:^CN=(.*?),OU=ServiceUsers.*$/L",
		"RULE:^CN=(.*?),OU=ServiceUsers.*$/LU",
		"RULE:(/x/",
		"RULE:(?=CN).*/x/",
		"RULE:(a)\\1/x/",
		"RULE:(a{1000}){1000}/x/",
	};

	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		expect_invalid(invalid[i]);
}

static void the_first_rule_that_applies_decides(void **state)
{
	static const char *const rules = "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/L, "
					 "RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L, "
					 "RULE:^cn=(.*?),ou=(.*?),dc=(.*?),dc=(.*?)$/$1@$2/U, "
					 "RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/U, DEFAULT";

	expect_name(rules, "CN=Duke,OU=ServiceUsers,O=Org,C=US", "duke");
	expect_name(rules, "CN=Duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US", "duke@sme");
	expect_name(rules, "cn=duke,ou=sme,dc=mycp,dc=com", "DUKE@SME");
	expect_name(rules, "cN=duke,OU=JavaSoft,O=Sun Microsystems", "DUKE");
	expect_name(rules, "OU=JavaSoft,O=Sun Microsystems,C=US", "OU=JavaSoft,O=Sun Microsystems,C=US");
	expect_name("RULE:^CN=((\\\\, *|\\w)+)(,.*|$)/$1/,DEFAULT", "CN=Tkac\\, Adam,OU=ITZ,DC=geodis,DC=cz",
		    "Tkac\\, Adam");
	expect_name("RULE:^CN=(.*)$/$1/", "O=x", NULL);
	expect_name("", "O=x", NULL);
}

static void replacements_are_javas(void **state)
{
	expect_name("RULE:.*/X/", "abc", "XX"); /* the end matches once more */
	expect_name("RULE:a+/<$0>/", "aaa", "<aaa>");
	expect_name("RULE:(a)(b)/$2$1$3$12\\$\\/\\\\/", "ab", "ba$3a2$/\\");
	expect_name("RULE:(a)|(b)/[$2]/", "a", "[]");
	expect_name("RULE:a/$1/", "a", NULL);
	expect_name("RULE:(a)/$x/", "a", NULL);
	expect_name("RULE:(.*[a-z])/$1/U", "caf\xc3\xa9 \xd0\xb6 z", "CAF\xc3\x89 \xd0\x96 Z");
	expect_name("RULE:(.*[A-Z])/$1/L", "\xc3\x89\xc3\x97\xce\xa9\xd0\x81Z", "\xc3\xa9\xc3\x97\xcf\x89\xd1\x91z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_kafka_takes_is_taken),
		cmocka_unit_test(what_kafka_refuses_is_refused_and_what_looks_around_too),
		cmocka_unit_test(the_first_rule_that_applies_decides),
		cmocka_unit_test(replacements_are_javas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
