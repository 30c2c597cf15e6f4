#include "base/diag.h"

#include <string.h>

#include "base/civil.h"
#include "base/diag_ring.h"
#include "tests/base/cm.h"

static struct {
	int64_t now;
	char text[8192];
	int lines;
} out;

static int64_t now(void *arg)
{
	return out.now;
}

static void take(void *arg, const char *line, int len)
{
	assert_int_equal(strlen(line), len);
	assert_int_equal(line[len - 1], '\n');
	strcpy(out.text, line);
	out.lines++;
}

static struct diag fresh(enum diag_level level, bool json)
{
	out.now = 1795381976123;
	out.lines = 0;
	out.text[0] = '\0';
	return (struct diag){.level = level, .json = json, .wall_ms = now, .write = take};
}

static void a_line_has_time_level_event_and_pairs(void **state)
{
	struct diag d = fresh(DIAG_INFO, false);

	diag_info(&d, "log recovered", "topic=%s records=%d", "t", 12);
	assert_string_equal(out.text, "2026-11-22T21:12:56.123Z info  log recovered: topic=t records=12\n");
	diag_error(&d, "stopping", NULL);
	assert_string_equal(out.text, "2026-11-22T21:12:56.123Z error stopping\n");
}

static void lines_above_the_level_are_not_written(void **state)
{
	struct diag d = fresh(DIAG_WARN, false);

	diag_info(&d, "quiet", NULL);
	diag_debug(&d, "quiet", NULL);
	assert_int_equal(out.lines, 0);
	diag_warn(&d, "loud", NULL);
	assert_int_equal(out.lines, 1);
}

static void what_a_peer_sent_cannot_end_a_line(void **state)
{
	struct diag d = fresh(DIAG_INFO, false);

	diag_info(&d, "client", "id=%s", "a\nb\033[2Jc\x7f");
	assert_string_equal(out.text, "2026-11-22T21:12:56.123Z info  client: id=a?b?[2Jc?\n");
}

static void json_takes_the_pairs_apart(void **state)
{
	struct diag d = fresh(DIAG_INFO, true);

	diag_info(&d, "it \"is\"", "dir=/a id=\"b c\" empty= last=\\\x01 and a tail");
	assert_string_equal(out.text,
			    "{\"time\":\"2026-11-22T21:12:56.123Z\",\"level\":\"info\",\"event\":\"it \\\"is\\\"\","
			    "\"dir\":\"/a\",\"id\":\"b c\",\"empty\":\"\",\"last\":\"\\\\\\u0001\","
			    "\"text\":\"and a tail\"}\n");
	diag_info(&d, "alone", NULL);
	assert_string_equal(out.text,
			    "{\"time\":\"2026-11-22T21:12:56.123Z\",\"level\":\"info\",\"event\":\"alone\"}\n");
}

static void a_line_that_is_too_long_is_cut(void **state)
{
	struct diag d = fresh(DIAG_INFO, false);
	char event[5000];

	memset(event, 'x', sizeof(event));
	event[sizeof(event) - 1] = '\0';
	diag_info(&d, event, "k=%s", event);
	assert_true(strlen(out.text) < 2048);
	assert_string_equal(out.text + strlen(out.text) - 5, "x...\n");
	d.json = true;
	diag_info(&d, event, NULL);
	assert_string_equal(out.text + strlen(out.text) - 2, "}\n");
}

static void a_limited_line_comes_once_an_interval_and_says_how_many_were_left_out(void **state)
{
	struct diag d = fresh(DIAG_INFO, false);
	struct diag_limit limit = {.interval_ms = 1000};

	assert_true(diag_allow(&d, &limit));
	for (int i = 0; i < 3; i++)
		assert_false(diag_allow(&d, &limit));
	assert_int_equal(out.lines, 0);
	out.now += 1000;
	assert_true(diag_allow(&d, &limit));
	assert_non_null(strstr(out.text, "lines left out: count=3\n"));
	out.now -= 5000; /* the clock was set back */
	assert_true(diag_allow(&d, &limit));
}

static char said[64 * 256];

static void say(const char *text)
{
	strcat(said, text);
}

static void the_ring_keeps_the_last_lines_also_those_not_written(void **state)
{
	struct diag d = fresh(DIAG_ERROR, false);

	for (int i = 0; i < 100; i++)
		diag_info(&d, "step", "n=%d", i);
	assert_int_equal(out.lines, 0);
	said[0] = '\0';
	diag_ring_print(say);
	assert_null(strstr(said, "n=35\n"));
	assert_non_null(strstr(said, "n=36\n"));
	assert_true(strstr(said, "n=98\n") < strstr(said, "n=99\n"));
}

static void levels_have_names(void **state)
{
	enum diag_level level;

	assert_true(diag_level_parse("debug", &level));
	assert_int_equal(level, DIAG_DEBUG);
	assert_true(diag_level_parse("error", &level));
	assert_int_equal(level, DIAG_ERROR);
	assert_false(diag_level_parse("INFO", &level));
	assert_false(diag_level_parse("", &level));
}

static void moments_are_written_as_dates(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{951782399999, "2000-02-28T23:59:59.999Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{951868800000, "2000-03-01T00:00:00.000Z"},
		{4107542400000, "2100-03-01T00:00:00.000Z"},
		{4107542399999, "2100-02-28T23:59:59.999Z"},
		{1767225599999, "2025-12-31T23:59:59.999Z"},
		{INT64_MIN, "0000-01-01T00:00:00.000Z"},
		{INT64_MAX, "9999-12-31T23:59:59.999Z"},
	};
	char text[CIVIL_TEXT_LEN + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(civil_text(rows[i].ms, text), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_level_event_and_pairs),
		cmocka_unit_test(lines_above_the_level_are_not_written),
		cmocka_unit_test(what_a_peer_sent_cannot_end_a_line),
		cmocka_unit_test(json_takes_the_pairs_apart),
		cmocka_unit_test(a_line_that_is_too_long_is_cut),
		cmocka_unit_test(a_limited_line_comes_once_an_interval_and_says_how_many_were_left_out),
		cmocka_unit_test(the_ring_keeps_the_last_lines_also_those_not_written),
		cmocka_unit_test(levels_have_names),
		cmocka_unit_test(moments_are_written_as_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
