#include "config/value.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "tests/base/cm.h"

static struct arena arena;

static int begin(void **state)
{
	arena_init(&arena, 16 << 20);
	return 0;
}

static int end(void **state)
{
	arena_fini(&arena);
	return 0;
}

/* The parsed value of a text, or what is wrong with it. */
static const char *read(enum config_id id, const char *text)
{
	struct config_value v;
	struct str error = STR_NULL;

	if (!config_value_read(config_setting(id), str_of(text), &arena, &v, &error))
		return arena_printf(&arena, "! %.*s", STR_ARG(error)).p;
	return str_is_null(v.text) ? "null" : arena_printf(&arena, "%.*s", STR_ARG(v.text)).p;
}

static void booleans_are_true_or_false_in_any_case(void **state)
{
	assert_string_equal(read(CONFIG_DELETE_TOPIC_ENABLE, " TRUE\n"), "true");
	assert_string_equal(read(CONFIG_DELETE_TOPIC_ENABLE, "fAlse"), "false");
	assert_string_equal(
		read(CONFIG_DELETE_TOPIC_ENABLE, "yes"),
		"! Invalid value yes for configuration delete.topic.enable: Expected value to be either true or false");
	assert_string_equal(
		read(CONFIG_DELETE_TOPIC_ENABLE, ""),
		"! Invalid value  for configuration delete.topic.enable: Expected value to be either true or false");
}

static void integers_are_read_as_java_reads_them(void **state)
{
	assert_string_equal(read(TOPIC_CONFIG_RETENTION_MS, " +5 "), "5");
	assert_string_equal(read(TOPIC_CONFIG_RETENTION_MS, "-1"), "-1");
	assert_string_equal(read(TOPIC_CONFIG_RETENTION_MS, "007"), "7");
	assert_string_equal(read(TOPIC_CONFIG_RETENTION_MS, "9223372036854775807"), "9223372036854775807");
	assert_string_equal(read(TOPIC_CONFIG_RETENTION_BYTES, "-9223372036854775808"), "-9223372036854775808");
	assert_string_equal(read(TOPIC_CONFIG_RETENTION_MS, "abc"),
			    "! Invalid value abc for configuration retention.ms: Not a number of type LONG");
	assert_string_equal(
		read(TOPIC_CONFIG_RETENTION_MS, "9223372036854775808"),
		"! Invalid value 9223372036854775808 for configuration retention.ms: Not a number of type LONG");
	assert_string_equal(read(TOPIC_CONFIG_RETENTION_MS, "1 000"),
			    "! Invalid value 1 000 for configuration retention.ms: Not a number of type LONG");
	assert_string_equal(read(TOPIC_CONFIG_RETENTION_MS, "1.0"),
			    "! Invalid value 1.0 for configuration retention.ms: Not a number of type LONG");
	assert_string_equal(read(CONFIG_NODE_ID, "2147483648"),
			    "! Invalid value 2147483648 for configuration node.id: Not a number of type INT");
	assert_string_equal(
		read(CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR, "32768"),
		"! Invalid value 32768 for configuration offsets.topic.replication.factor: Not a number of type SHORT");
	for (const char *const *bad = (const char *const[]){"", "+", "-", "--1", "0x10", "1L", "1,", NULL}; *bad; bad++)
		assert_int_equal(read(CONFIG_NODE_ID, *bad)[0], '!');
}

static void bounds_hold_at_both_ends(void **state)
{
	assert_string_equal(read(TOPIC_CONFIG_SEGMENT_BYTES, "1048576"), "1048576");
	assert_string_equal(read(TOPIC_CONFIG_SEGMENT_BYTES, "1048575"),
			    "! Invalid value 1048575 for configuration segment.bytes: Value must be at least 1048576");
	assert_string_equal(read(TOPIC_CONFIG_COMPRESSION_LZ4_LEVEL, "17"), "17");
	assert_string_equal(
		read(TOPIC_CONFIG_COMPRESSION_LZ4_LEVEL, "18"),
		"! Invalid value 18 for configuration compression.lz4.level: Value must be no more than 17");
	assert_string_equal(read(TOPIC_CONFIG_COMPRESSION_ZSTD_LEVEL, "-131072"), "-131072");
	assert_string_equal(read(TOPIC_CONFIG_MIN_CLEANABLE_DIRTY_RATIO, "1"), "1.0");
	assert_string_equal(
		read(TOPIC_CONFIG_MIN_CLEANABLE_DIRTY_RATIO, "1.1"),
		"! Invalid value 1.1 for configuration min.cleanable.dirty.ratio: Value must be no more than 1");
	assert_string_equal(read(TOPIC_CONFIG_COMPRESSION_GZIP_LEVEL, "-1"), "-1");
	assert_string_equal(
		read(TOPIC_CONFIG_COMPRESSION_GZIP_LEVEL, "0"),
		"! Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1");
	assert_string_equal(read(TOPIC_CONFIG_COMPRESSION_GZIP_LEVEL, "9"), "9");
}

static void doubles_are_read_and_written_as_java_does(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"0.5", "0.5"},
		{".5", "0.5"},
		{"5.", "5.0"},
		{"1e-3", "0.001"},
		{"0.00012", "1.2E-4"},
		{"9999999", "9999999.0"},
		{"10000000", "1.0E7"},
		{"123456.75", "123456.75"},
		{"12345678.9", "1.23456789E7"},
		{"2147483647", "2.147483647E9"},
		{"1.7976931348623157E308", "1.7976931348623157E308"},
		{"0.1d", "0.1"},
		{"1F", "1.0"},
		{"0x1p3", "8.0"},
		{"-0.0", "-0.0"},
		{"NaN", "NaN"},
		{"-Infinity", "-Infinity"},
		{"1e400", "Infinity"},
		{"100", "100.0"},
		{"0.010", "0.01"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(read(CONFIG_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR, cases[i].in), cases[i].out);
	for (const char *const *bad =
		     (const char *const[]){"", "inf", "nan", "1e", "0x1", "1dd", "a", "--1", "e5", "nan(1)", NULL};
	     *bad; bad++)
		assert_int_equal(read(CONFIG_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR, *bad)[0], '!');
}

static void lists_are_split_trimmed_and_lose_repeated_items(void **state)
{
	struct config_value v;

	assert_string_equal(read(CONFIG_LOG_DIRS, " /a , /b,/c "), "/a,/b,/c");
	assert_string_equal(read(CONFIG_LOG_DIRS, "/a,/b,/a"), "/a,/b");
	assert_string_equal(read(CONFIG_LOG_DIRS, ""),
			    "! Configuration 'log.dirs' must not be empty. Valid values include: any non-empty value");
	assert_string_equal(read(CONFIG_LOG_DIRS, "/a,,/b"), "! Configuration 'log.dirs' values must not be empty.");
	assert_string_equal(read(CONFIG_LOG_DIRS, ","), "! Configuration 'log.dirs' values must not be empty.");
	assert_string_equal(read(TOPIC_CONFIG_CLEANUP_POLICY, "delete , compact"), "delete,compact");
	assert_string_equal(read(TOPIC_CONFIG_CLEANUP_POLICY, ""), "");
	assert_string_equal(
		read(TOPIC_CONFIG_CLEANUP_POLICY, "Delete"),
		"! Invalid value Delete for configuration cleanup.policy: String must be one of: compact, delete");
	assert_string_equal(
		read(CONFIG_PROCESS_ROLES, ""),
		"! Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]");
	assert_true(config_value_read(config_setting(CONFIG_LOG_DIRS), STR("x"), &arena, &v, NULL));
	assert_int_equal(v.n_items, 1);
	assert_true(config_value_has_item(&v, "x"));
	assert_false(config_value_has_item(&v, "xx"));
}

static void names_must_be_known(void **state)
{
	assert_string_equal(read(TOPIC_CONFIG_COMPRESSION_TYPE, "zstd "), "zstd");
	assert_string_equal(
		read(TOPIC_CONFIG_COMPRESSION_TYPE, "ZSTD"),
		"! Invalid value ZSTD for configuration compression.type: String must be one of: uncompressed, zstd, lz4, "
		"snappy, gzip, producer");
	assert_string_equal(read(CONFIG_GROUP_CONSUMER_MIGRATION_POLICY, "upGrade"), "upGrade");
	assert_int_equal(read(CONFIG_GROUP_CONSUMER_MIGRATION_POLICY, "sideways")[0], '!');
	assert_string_equal(
		read(CONFIG_REMOTE_LOG_STORAGE_MANAGER_IMPL_PREFIX, " "),
		"! Invalid value  for configuration remote.log.storage.manager.impl.prefix: String must be non-empty");
}

static void a_null_is_legal_where_kafka_takes_it(void **state)
{
	assert_string_equal(read(CONFIG_BROKER_RACK, NULL), "null");
	assert_string_equal(read(CONFIG_LOG_DIRS, NULL), "null");
	assert_string_equal(read(CONFIG_NODE_ID, NULL),
			    "! Invalid value null for configuration node.id: Value must be non-null");
	assert_string_equal(read(CONFIG_LISTENERS, NULL), "! Configuration 'listeners' values must not be null.");
}

static void voters_servers_and_replicas_have_their_grammar(void **state)
{
	static const struct {
		enum config_id id;
		const char *text;
		bool legal;
	} cases[] = {
		{CONFIG_CONTROLLER_QUORUM_VOTERS, "1@localhost:9093", true},
		{CONFIG_CONTROLLER_QUORUM_VOTERS, "1@[::1]:9093,2@b:1", true},
		{CONFIG_CONTROLLER_QUORUM_VOTERS, "", true},
		{CONFIG_CONTROLLER_QUORUM_VOTERS, "localhost:9093", false},
		{CONFIG_CONTROLLER_QUORUM_VOTERS, "1@localhost", false},
		{CONFIG_CONTROLLER_QUORUM_VOTERS, "a@localhost:1", false},
		{CONFIG_CONTROLLER_QUORUM_VOTERS, "1@@localhost:1", false},
		{CONFIG_CONTROLLER_QUORUM_VOTERS, "1@local host:1", false},
		{CONFIG_CONTROLLER_QUORUM_VOTERS, "1@localhost:99999999999", false},
		{CONFIG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, "a:1,b:2", true},
		{CONFIG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, "a", false},
		{CONFIG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, "a:x", false},
		{TOPIC_CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS, "", true},
		{TOPIC_CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS, "*", true},
		{TOPIC_CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS, "0:1,2:3", true},
		{TOPIC_CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS, "0:1,", true},
		{TOPIC_CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS, "0:1,*", false},
		{TOPIC_CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS, "0:", false},
		{TOPIC_CONFIG_LEADER_REPLICATION_THROTTLED_REPLICAS, "0:1:2", false},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "latest", true},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "by_duration:PT24H", true},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "by_duration:P1DT2H3M4.5S", true},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "by_duration:P1D", true},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "by_duration:", false},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "by_duration:P", false},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "by_duration:PT", false},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "by_duration:PT1S2H", false},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "by_duration:-PT1S", false},
		{GROUP_CONFIG_SHARE_AUTO_OFFSET_RESET, "none", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if ((read(cases[i].id, cases[i].text)[0] != '!') != cases[i].legal)
			fail_msg("%s: %s", cases[i].text, read(cases[i].id, cases[i].text));
}

static void host_and_port_are_parted_at_the_last_colon(void **state)
{
	struct str host;
	int32_t port;

	assert_true(config_parse_host_port(STR("[::1]:9093"), &host, &port));
	assert_true(str_is(host, "::1") && port == 9093);
	assert_true(config_parse_host_port(STR("PLAINTEXT://a-b.c_d:1"), &host, &port));
	assert_true(str_is(host, "a-b.c_d") && port == 1);
	assert_true(config_parse_host_port(STR(":1"), &host, &port) && host.len == 0);
	assert_false(config_parse_host_port(STR(""), &host, &port));
	assert_false(config_parse_host_port(STR("a:"), &host, &port));
	assert_false(config_parse_host_port(STR("a/b:1"), &host, &port));
	assert_false(config_parse_host_port(STR("a:2147483648"), &host, &port));
}

static void every_row_has_a_name_a_description_and_a_legal_default(void **state)
{
	for (int i = 0; i < CONFIG_N; i++) {
		const struct config_setting *s = config_setting((enum config_id)i);
		struct config_value v, again;

		assert_non_null(s->name);
		assert_int_equal(s->id, i);
		assert_true(s->doc != NULL && s->doc[0] != 0);
		assert_true((s->reason == NULL) == (s->status == CONFIG_SERVED));
		assert_ptr_equal(config_setting_find(s->scope, str_of(s->name)), s);
		assert_true(config_legal(s, &arena).len > 0);
		config_value_default(s, &arena, &v);
		if (s->required || s->default_text == NULL)
			continue;
		/* The default is written as Kafka would write it. */
		if (!str_is(v.text, s->default_text) || !config_value_read(s, v.text, &arena, &again, NULL))
			fail_msg("%s: %s", s->name, s->default_text);
		assert_false(config_value_is_refused(s, &v));
	}
}

static void scopes_have_their_settings_together(void **state)
{
	static const enum config_scope scopes[] = {CONFIG_SCOPE_NODE, CONFIG_SCOPE_TOPIC, CONFIG_SCOPE_GROUP,
						   CONFIG_SCOPE_CLIENT_METRICS, CONFIG_SCOPE_QUOTA};
	int total = 0;

	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++) {
		int n;
		const struct config_setting *s = config_settings(scopes[i], &n);

		for (int k = 0; k < n; k++)
			assert_int_equal(s[k].scope, scopes[i]);
		total += n;
	}
	assert_int_equal(total, CONFIG_N);
	assert_null(config_setting_find(CONFIG_SCOPE_TOPIC, STR("log.dirs")));
	assert_null(config_setting_find(CONFIG_SCOPE_NODE, STR("log.dir.")));
}

static void a_misspelt_name_finds_its_nearest(void **state)
{
	assert_string_equal(config_setting_nearest(CONFIG_SCOPE_NODE, STR("log.retention.hour"))->name,
			    "log.retention.hours");
	assert_string_equal(config_setting_nearest(CONFIG_SCOPE_NODE, STR("Listener"))->name, "listeners");
	assert_string_equal(config_setting_nearest(CONFIG_SCOPE_TOPIC, STR("retention.m"))->name, "retention.ms");
	assert_null(config_setting_nearest(CONFIG_SCOPE_NODE, STR("zzzzzzzzzzzzzzzzzz")));
	assert_null(config_setting_nearest(CONFIG_SCOPE_NODE, STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(booleans_are_true_or_false_in_any_case),
		cmocka_unit_test(integers_are_read_as_java_reads_them),
		cmocka_unit_test(bounds_hold_at_both_ends),
		cmocka_unit_test(doubles_are_read_and_written_as_java_does),
		cmocka_unit_test(lists_are_split_trimmed_and_lose_repeated_items),
		cmocka_unit_test(names_must_be_known),
		cmocka_unit_test(a_null_is_legal_where_kafka_takes_it),
		cmocka_unit_test(voters_servers_and_replicas_have_their_grammar),
		cmocka_unit_test(host_and_port_are_parted_at_the_last_colon),
		cmocka_unit_test(every_row_has_a_name_a_description_and_a_legal_default),
		cmocka_unit_test(scopes_have_their_settings_together),
		cmocka_unit_test(a_misspelt_name_finds_its_nearest),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
