#include "security/jaas.h"

#include <string.h>

#include "tests/base/cm.h"

static struct arena arena;

static bool read_line(const char *text, struct jaas *out, struct str *error)
{
	arena_fini(&arena);
	arena_init(&arena, 1 << 20);
	return jaas_read(str_of(text), &arena, out, error);
}

static void assert_option(const struct jaas *j, const char *name, const char *value)
{
	struct str v = jaas_option(j, str_of(name));

	if (!str_is(v, value))
		print_error("%s is %.*s, not %s\n", name, STR_ARG(v), value);
	assert_true(str_is(v, value));
}

static void a_line_is_a_module_and_its_options(void **state)
{
	struct jaas j;
	struct str error;

	(void)state;
	assert_true(read_line("org.apache.kafka.common.security.plain.PlainLoginModule required username=\"a\"\n"
			      "  password='b c' user_alice=\"x\\\"y\" \"user_b=c\" = \"\" user_alice=z-1.2;",
			      &j, &error));
	assert_true(str_is(j.module, "org.apache.kafka.common.security.plain.PlainLoginModule"));
	assert_int_equal(j.n_options, 5);
	assert_option(&j, "username", "a");
	assert_option(&j, "password", "b c");
	assert_option(&j, "user_alice", "z-1.2");
	assert_option(&j, "user_b=c", "");
	assert_true(str_is_null(jaas_option(&j, STR("user_bob"))));
}

/* As parsed by Java's StreamTokenizer. */
static void quotes_escapes_and_comments_are_javas(void **state)
{
	struct jaas j;
	struct str error;

	(void)state;
	assert_true(read_line(
		"// a\n/* b ; */ M /c\n OPTIONAL a=\"\\101\\7\\n\\t\\q\\\\\" b='\"' c=$x_y d=\"\xc3\xa4\"; // end", &j,
		&error));
	assert_true(str_is(j.module, "M"));
	assert_option(&j, "a", "A\a\n\tq\\");
	assert_option(&j, "b", "\"");
	assert_option(&j, "c", "$x_y");
	assert_option(&j, "d", "\xc3\xa4");
	assert_true(read_line("M required a=\"open\n;", &j, &error));
	assert_option(&j, "a", "open");
}

static void assert_refused(const char *text, const char *why)
{
	struct jaas j;
	struct str error;

	assert_false(read_line(text, &j, &error));
	if (!str_is(error, why))
		print_error("'%s': %.*s, not %s\n", text, STR_ARG(error), why);
	assert_true(str_is(error, why));
}

static void what_kafka_refuses_is_refused_in_its_words(void **state)
{
	(void)state;
	assert_refused("", "Login module not specified in JAAS config");
	assert_refused("  // nothing", "Login module not specified in JAAS config");
	assert_refused(";", "Login module not specified in JAAS config");
	assert_refused("M", "Login module control flag not specified in JAAS config");
	assert_refused("M;", "Login module control flag is not available in the JAAS config");
	assert_refused("M 1 a=b;", "Login module control flag is not available in the JAAS config");
	assert_refused("M maybe;", "Invalid login module control flag 'maybe' in JAAS config");
	assert_refused("M required", "JAAS config entry not terminated by semi-colon");
	assert_refused("M required a=b", "JAAS config entry not terminated by semi-colon");
	assert_refused("M required a;", "Value not specified for key 'a' in JAAS config");
	assert_refused("M required a=;", "Value not specified for key 'a' in JAAS config");
	assert_refused("M required a=", "Value not specified for key 'a' in JAAS config");
	assert_refused("M required a=12;", "Value not specified for key 'a' in JAAS config");
	assert_refused("M required a=-1.5;", "Value not specified for key 'a' in JAAS config");
	assert_refused("M required; N required;", "JAAS config property contains 2 login modules, should be 1 module");
}

/* Every prefix of a line, and every line with one byte changed, is parsed or refused, within its bytes. */
static void damaged_lines_are_read_or_refused(void **state)
{
	static const char line[] = "M required a=\"\\101x\" /* c */ b='y' // d\n c=-1.5;";
	char copy[sizeof(line)];
	struct jaas j;
	struct str error;

	(void)state;
	for (size_t cut = 0; cut < sizeof(line); cut++) {
		char *exact = test_malloc(cut + 1);

		memcpy(exact, line, cut);
		arena_fini(&arena);
		arena_init(&arena, 1 << 20);
		(void)jaas_read((struct str){exact, (int32_t)cut}, &arena, &j, &error);
		test_free(exact);
	}
	for (size_t i = 0; i + 1 < sizeof(line); i++)
		for (int c = 0; c < 256; c += 7) {
			memcpy(copy, line, sizeof(line));
			copy[i] = (char)c;
			if (!read_line(copy, &j, &error))
				assert_false(str_is_null(error));
		}
}

/* ---- a file ---- */

#define SCRAM_CLASS "org.apache.kafka.common.security.scram.ScramLoginModule"
static const char file[] = "// comment\n"
			   "KafkaClient { a.B required x=\"}\"; };\n"
			   "KafkaServer {\n  a.B required x=\"1\";\n  " SCRAM_CLASS " required y=\"2\";\n};\n"
			   "gss.KafkaServer { c.D optional; };\n";

static void expect_line(const char *text, const char *section, const char *module, const char *wanted,
			const char *wanted_error)
{
	struct arena a;
	struct str error, line;

	arena_init(&a, 1 << 16);
	line = jaas_section_line(str_of(text), str_of(section), module ? str_of(module) : STR_NULL, &a, &error);
	assert_int_equal(str_is_null(line), wanted == NULL);
	if (wanted)
		assert_true(str_is(line, wanted));
	assert_int_equal(str_is_null(error), wanted_error == NULL);
	if (wanted_error)
		assert_true(str_is(error, wanted_error));
	arena_fini(&a);
}

static void a_file_has_lines_in_sections(void **state)
{
	(void)state;
	expect_line(file, "KafkaClient", NULL, "a.B required x=\"}\";", NULL);
	expect_line(file, "KafkaServer", NULL, "a.B required x=\"1\";", NULL);
	expect_line(file, "KafkaServer", "c.D", NULL, NULL);
	expect_line(file, "gss.KafkaServer", "c.D", "c.D optional;", NULL);
	expect_line(file, "Elsewhere", NULL, NULL, NULL);
	expect_line("", "KafkaClient", NULL, NULL, NULL);
	expect_line("KafkaClient a.B required;", "KafkaClient", NULL, NULL,
		    "a name of a section and a brace were expected in the JAAS file");
	expect_line("KafkaClient { a.B required; }", "KafkaClient", NULL, NULL,
		    "a section of the JAAS file does not end with a brace and a semi-colon");
	expect_line("KafkaClient { a.B required;", "KafkaClient", NULL, NULL,
		    "a section of the JAAS file does not end with a brace and a semi-colon");
	expect_line("KafkaClient { a.B required }", "KafkaClient", NULL, NULL,
		    "Value not specified for key '' in JAAS config");
	expect_line("Other { a.B wanted; }; KafkaClient { a.B required; };", "KafkaClient", NULL, NULL,
		    "Invalid login module control flag 'wanted' in JAAS config");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_has_lines_in_sections),
		cmocka_unit_test(a_line_is_a_module_and_its_options),
		cmocka_unit_test(quotes_escapes_and_comments_are_javas),
		cmocka_unit_test(what_kafka_refuses_is_refused_in_its_words),
		cmocka_unit_test(damaged_lines_are_read_or_refused),
	};
	int failed;

	arena_init(&arena, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_fini(&arena);
	return failed;
}
