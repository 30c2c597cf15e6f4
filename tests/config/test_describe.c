#include "config/config.h"

#include <string.h>

#include "base/err.h"
#include "config/topic_config.h"
#include "tests/base/cm.h"

#define MINIMAL                                                                                                        \
	"process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"                           \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.quorum.bootstrap.servers=localhost:9093\n"

/* "name", "value", ..., NULL */
static struct str pairs_get(const void *arg, struct str name)
{
	for (const char *const *p = arg; *p != NULL; p += 2)
		if (str_is(name, p[0]))
			return str_of(p[1]);
	return STR_NULL;
}

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TOPIC(...)                                                                                                     \
	{                                                                                                              \
		CONFIG_SOURCE_TOPIC, pairs_get, PAIRS(__VA_ARGS__)                                                     \
	}
#define BROKER(...)                                                                                                    \
	{                                                                                                              \
		CONFIG_SOURCE_DYNAMIC_BROKER, pairs_get, PAIRS(__VA_ARGS__)                                            \
	}
#define BROKERS(...)                                                                                                   \
	{                                                                                                              \
		CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER, pairs_get, PAIRS(__VA_ARGS__)                                    \
	}
#define GROUP(...)                                                                                                     \
	{                                                                                                              \
		CONFIG_SOURCE_GROUP, pairs_get, PAIRS(__VA_ARGS__)                                                     \
	}
#define N(layers) (int)(sizeof(layers) / sizeof(*(layers)))

static struct arena arena;
static struct config *config;

static struct config *load(const char *text)
{
	struct config_input in = {.file_name = STR("f"), .file_text = str_of(text)};
	struct config_notes notes;
	struct config *c;

	assert_int_equal(config_load(&in, &c, &notes), 0);
	config_notes_fini(&notes);
	return c;
}

static int begin(void **state)
{
	arena_init(&arena, 16 << 20);
	config = load(MINIMAL
		      "log.retention.hours=2\nlog.segment.bytes=2097152 \nssl.key.password=secret\nodd.name=x\n"
		      "internal.metadata.delete.delay.millis=5\nlistener.name.plaintext.ssl.keystore.location=/k\n");
	return 0;
}

static int end(void **state)
{
	config_free(config);
	arena_fini(&arena);
	return 0;
}

/* "value source type sensitive read-only synonyms" */
static const char *describe(enum config_scope scope, const char *name, const struct config_layer *layers, int n)
{
	struct config_entry e;
	struct str s;

	if (config_describe(config, scope, str_of(name), layers, n, &arena, &e) != 0)
		return "none";
	assert_true(str_is(e.name, name));
	s = arena_printf(&arena, "%.*s %d %d%s%s", str_is_null(e.value) ? 4 : (int)e.value.len,
			 str_is_null(e.value) ? "null" : e.value.p, e.source, e.type, e.sensitive ? " sensitive" : "",
			 e.read_only ? " read-only" : "");
	for (int i = 0; i < e.n_synonyms; i++)
		s = arena_printf(&arena, "%.*s; %.*s=%.*s %d", STR_ARG(s), STR_ARG(e.synonyms[i].name),
				 str_is_null(e.synonyms[i].value) ? 4 : (int)e.synonyms[i].value.len,
				 str_is_null(e.synonyms[i].value) ? "null" : e.synonyms[i].value.p,
				 e.synonyms[i].source);
	return arena_printf(&arena, "%.*s", STR_ARG(s)).p;
}

static const char *describe_node(const char *name)
{
	return describe(CONFIG_SCOPE_NODE, name, NULL, 0);
}

static void a_static_value_and_its_default_are_synonyms(void **state)
{
	assert_string_equal(describe_node("log.segment.bytes"),
			    "2097152 4 3; log.segment.bytes=2097152  4; log.segment.bytes=1073741824 5");
	assert_string_equal(describe_node("num.partitions"), "1 5 3 read-only; num.partitions=1 5");
	assert_string_equal(describe_node("broker.rack"), "null 5 2 read-only");
	assert_string_equal(describe_node("broker.id"), "1 4 3 read-only; broker.id=1 4; broker.id=-1 5");
}

static void secrets_and_unknown_names_have_no_value(void **state)
{
	assert_string_equal(describe_node("ssl.key.password"), "null 4 9 sensitive; ssl.key.password=null 4");
	assert_string_equal(describe_node("odd.name"), "null 4 0 sensitive read-only; odd.name=null 4");
	assert_string_equal(describe_node("odder.name"), "none");
}

static void internal_settings_are_described_only_where_set(void **state)
{
	assert_string_equal(
		describe_node("internal.metadata.delete.delay.millis"),
		"5 4 5 read-only; internal.metadata.delete.delay.millis=5 4; internal.metadata.delete.delay.millis=60000 5");
	assert_string_equal(describe_node("internal.metadata.log.segment.bytes"), "none");
}

static void a_listeners_own_setting_has_the_general_one_as_synonym(void **state)
{
	assert_string_equal(describe_node("listener.name.plaintext.ssl.keystore.location"),
			    "/k 4 2 read-only; listener.name.plaintext.ssl.keystore.location=/k 4");
}

static void dynamic_values_go_before_static_ones(void **state)
{
	struct config_layer layers[] = {BROKER("log.segment.bytes", "3145728"),
					BROKERS("log.segment.bytes", "4194304")};

	assert_string_equal(
		describe(CONFIG_SCOPE_NODE, "log.segment.bytes", layers, N(layers)),
		"3145728 2 3; log.segment.bytes=3145728 2; log.segment.bytes=4194304 3; log.segment.bytes=2097152  4; "
		"log.segment.bytes=1073741824 5");
	assert_int_equal(config_long_in(config, layers, 2, CONFIG_LOG_SEGMENT_BYTES), 3145728);
	assert_int_equal(config_long_in(config, layers + 1, 1, CONFIG_LOG_SEGMENT_BYTES), 4194304);
	assert_int_equal(config_long_in(config, NULL, 0, CONFIG_LOG_SEGMENT_BYTES), 2097152);
}

static void the_default_of_all_brokers_shows_only_itself(void **state)
{
	struct config_layer layers[] = {BROKERS("log.segment.bytes", " 4194304")};

	assert_string_equal(describe(CONFIG_SCOPE_ALL_BROKERS, "log.segment.bytes", layers, 1),
			    " 4194304 3 3; log.segment.bytes= 4194304 3");
	assert_string_equal(describe(CONFIG_SCOPE_ALL_BROKERS, "num.partitions", layers, 1), "none");
}

static void other_names_of_a_value_are_its_synonyms(void **state)
{
	struct config_layer layers[] = {BROKER("log.retention.ms", "1000")};

	assert_string_equal(describe_node("log.retention.hours"),
			    "2 4 3 read-only; log.retention.hours=2 4; log.retention.hours=168 5");
	assert_string_equal(describe_node("log.retention.ms"), "null 5 5");
	assert_string_equal(describe(CONFIG_SCOPE_NODE, "log.retention.ms", layers, 1),
			    "1000 2 5; log.retention.ms=1000 2; log.retention.hours=2 4; log.retention.hours=168 5");
	/* The dynamic name hides the static one. */
	assert_string_equal(describe(CONFIG_SCOPE_NODE, "log.retention.hours", layers, 1),
			    "168 4 3 read-only; log.retention.hours=2 4; log.retention.hours=168 5");
}

static void values_that_do_not_count_are_passed_over(void **state)
{
	struct config_layer bad[] = {BROKER("log.segment.bytes", "5", "num.partitions", "9"),
				     BROKERS("listeners", "PLAINTEXT://:1")};

	assert_int_equal(config_long_in(config, bad, 2, CONFIG_LOG_SEGMENT_BYTES), 2097152);
	assert_int_equal(config_long_in(config, bad, 2, CONFIG_NUM_PARTITIONS), 1);
}

static void a_topic_has_the_brokers_value_until_it_has_its_own(void **state)
{
	struct config_layer layers[] = {TOPIC("segment.bytes", " 5242880 "), BROKER("log.segment.bytes", "3145728")};

	assert_string_equal(describe(CONFIG_SCOPE_TOPIC, "segment.bytes", NULL, 0),
			    "2097152 4 3; log.segment.bytes=2097152  4; log.segment.bytes=1073741824 5");
	assert_string_equal(
		describe(CONFIG_SCOPE_TOPIC, "segment.bytes", layers, 2),
		"5242880 1 3; segment.bytes=5242880 1; log.segment.bytes=3145728 2; log.segment.bytes=2097152  4; "
		"log.segment.bytes=1073741824 5");
	assert_string_equal(describe(CONFIG_SCOPE_TOPIC, "remote.storage.enable", NULL, 0), "false 5 1");
	assert_string_equal(describe(CONFIG_SCOPE_TOPIC, "internal.segment.bytes", NULL, 0), "none");
	assert_string_equal(describe(CONFIG_SCOPE_TOPIC, "no.such", NULL, 0), "none");
}

/* A value set for the topic is its own even if it equals the value it would otherwise have. */
static void a_value_that_is_set_to_the_default_is_not_the_default(void **state)
{
	struct config_layer layers[] = {TOPIC("compression.type", "producer")};

	assert_string_equal(describe(CONFIG_SCOPE_TOPIC, "compression.type", NULL, 0),
			    "producer 5 2; compression.type=producer 5");
	assert_string_equal(describe(CONFIG_SCOPE_TOPIC, "compression.type", layers, 1),
			    "producer 1 2; compression.type=producer 1; compression.type=producer 5");
}

static void times_of_the_broker_become_milliseconds(void **state)
{
	/* log.retention.ms has no value, so its synonyms are dropped: Kafka shows none. */
	assert_string_equal(describe(CONFIG_SCOPE_TOPIC, "retention.ms", NULL, 0), "7200000 5 5");
	assert_string_equal(describe(CONFIG_SCOPE_TOPIC, "segment.ms", NULL, 0), "604800000 5 5");
	assert_string_equal(describe(CONFIG_SCOPE_TOPIC, "flush.ms", NULL, 0), "9223372036854775807 5 5");
}

static void a_group_has_the_brokers_value_until_it_has_its_own(void **state)
{
	struct config_layer layers[] = {GROUP("consumer.session.timeout.ms", "50000")};

	assert_string_equal(
		describe(CONFIG_SCOPE_GROUP, "consumer.session.timeout.ms", layers, 1),
		"50000 8 3; consumer.session.timeout.ms=50000 8; group.consumer.session.timeout.ms=45000 5");
	assert_string_equal(describe(CONFIG_SCOPE_GROUP, "share.isolation.level", NULL, 0),
			    "read_uncommitted 5 2; share.isolation.level=read_uncommitted 5");
	assert_string_equal(describe(CONFIG_SCOPE_GROUP, "streams.assignor.name", NULL, 0),
			    "sticky 5 2; group.streams.assignors=sticky 5");
	assert_string_equal(describe(CONFIG_SCOPE_GROUP, "streams.num.warmup.replicas", NULL, 0), "none");
}

static void a_metrics_subscription_shows_what_it_sets(void **state)
{
	struct config_layer layers[] = {{CONFIG_SOURCE_CLIENT_METRICS, pairs_get, PAIRS("interval.ms", "100")}};

	assert_string_equal(describe(CONFIG_SCOPE_CLIENT_METRICS, "interval.ms", layers, 1),
			    "100 7 3; interval.ms=100 7");
	assert_string_equal(describe(CONFIG_SCOPE_CLIENT_METRICS, "metrics", layers, 1), " 5 7");
}

static void all_names_can_be_gone_through(void **state)
{
	int n = 0, unknown = 0;

	for (struct str name; !str_is_null(name = config_described_name(config, CONFIG_SCOPE_NODE, n)); n++)
		unknown += config_setting_find(CONFIG_SCOPE_NODE, name) == NULL;
	assert_int_equal(unknown, 2);
	for (n = 0; !str_is_null(config_described_name(config, CONFIG_SCOPE_TOPIC, n)); n++)
		;
	assert_int_equal(n, 42);
}

static void a_topics_settings_are_resolved_through_all_layers(void **state)
{
	struct config_layer layers[] = {
		TOPIC("cleanup.policy", "compact, delete", "compression.type", "zstd", "message.timestamp.type",
		      "LogAppendTime", "leader.replication.throttled.replicas", " 0:1,1:1 ", "min.insync.replicas",
		      "2"),
		BROKER("log.roll.ms", "1000", "log.flush.interval.messages", "1"),
		BROKERS("log.roll.ms", "2000", "compression.type", "lz4", "log.retention.ms", "-5"),
	};
	struct topic_config t;

	assert_int_equal(topic_config_resolve(config, layers, 3, &t), 0);
	assert_true(t.cleanup_compact && t.cleanup_delete);
	assert_int_equal(t.compression_type, COMPRESSION_ZSTD);
	assert_int_equal(t.message_timestamp_type, TIMESTAMP_LOG_APPEND_TIME);
	assert_int_equal(t.segment_ms, 1000);
	assert_int_equal(t.flush_messages, 1);
	assert_int_equal(t.retention_ms, -1);
	assert_int_equal(t.min_insync_replicas, 2);
	assert_int_equal(t.segment_bytes, 2097152);
	assert_true(str_is(t.leader_replication_throttled_replicas, "0:1,1:1"));
}

static void an_illegal_value_of_a_topic_counts_as_not_set(void **state)
{
	struct config_layer layers[] = {TOPIC("segment.bytes", "1", "retention.ms", "77")};
	struct topic_config t;

	assert_int_equal(topic_config_resolve(config, layers, 1, &t), ERR_INVALID_CONFIG);
	assert_int_equal(t.segment_bytes, 2097152);
	assert_int_equal(t.retention_ms, 77);
}

static void a_test_may_have_tiny_segments(void **state)
{
	struct config_layer layers[] = {TOPIC("internal.segment.bytes", "100")};
	struct topic_config t;

	assert_int_equal(topic_config_resolve(config, layers, 1, &t), 0);
	assert_int_equal(t.segment_bytes, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_static_value_and_its_default_are_synonyms),
		cmocka_unit_test(secrets_and_unknown_names_have_no_value),
		cmocka_unit_test(internal_settings_are_described_only_where_set),
		cmocka_unit_test(a_listeners_own_setting_has_the_general_one_as_synonym),
		cmocka_unit_test(dynamic_values_go_before_static_ones),
		cmocka_unit_test(the_default_of_all_brokers_shows_only_itself),
		cmocka_unit_test(other_names_of_a_value_are_its_synonyms),
		cmocka_unit_test(values_that_do_not_count_are_passed_over),
		cmocka_unit_test(a_topic_has_the_brokers_value_until_it_has_its_own),
		cmocka_unit_test(a_value_that_is_set_to_the_default_is_not_the_default),
		cmocka_unit_test(times_of_the_broker_become_milliseconds),
		cmocka_unit_test(a_group_has_the_brokers_value_until_it_has_its_own),
		cmocka_unit_test(a_metrics_subscription_shows_what_it_sets),
		cmocka_unit_test(all_names_can_be_gone_through),
		cmocka_unit_test(a_topics_settings_are_resolved_through_all_layers),
		cmocka_unit_test(an_illegal_value_of_a_topic_counts_as_not_set),
		cmocka_unit_test(a_test_may_have_tiny_segments),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
