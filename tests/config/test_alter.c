#include <string.h>

#include "base/err.h"
#include "config/config.h"
#include "tests/base/cm.h"

#define MINIMAL                                                                                                        \
	"process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"                           \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.quorum.bootstrap.servers=localhost:9093\n"

static struct arena arena;
static struct config *config;

static int begin(void **state)
{
	struct config_input in = {.file_name = STR("f"), .file_text = STR(MINIMAL)};
	struct config_notes notes;
	int err = config_load(&in, &config, &notes);

	arena_init(&arena, 16 << 20);
	config_notes_fini(&notes);
	return err;
}

static int end(void **state)
{
	config_free(config);
	arena_fini(&arena);
	return 0;
}

static const char *answer(int err, struct str message)
{
	if (err == 0) {
		assert_true(str_is_null(message));
		return "fine";
	}
	return arena_printf(&arena, "%s: %.*s", err_name(err), STR_ARG(message)).p;
}

static const char *topic(const struct config_pair *set, int n)
{
	struct str message;
	int err = config_check_topic(config, set, n, NULL, 0, &arena, &message);

	return answer(err, message);
}

static const char *topic1(const char *name, const char *value)
{
	struct config_pair set = {str_of(name), str_of(value)};

	return topic(&set, 1);
}

static const char *broker1(bool per_broker, const char *name, const char *value)
{
	struct config_pair set = {str_of(name), str_of(value)};
	struct str message;
	int err = config_check_broker(config, per_broker, &set, 1, &arena, &message);

	return answer(err, message);
}

static const char *group1(const char *name, const char *value)
{
	struct config_pair set = {str_of(name), str_of(value)};
	struct str message;
	int err = config_check_group(config, &set, 1, &arena, &message);

	return answer(err, message);
}

static const char *metrics1(const char *name, const char *value)
{
	struct config_pair set = {str_of(name), str_of(value)};
	struct str message;
	int err = config_check_client_metrics(&set, 1, &arena, &message);

	return answer(err, message);
}

static void topics_get_the_words_of_kafka(void **state)
{
	assert_string_equal(topic(NULL, 0), "fine");
	assert_string_equal(topic1("retention.ms", "-1"), "fine");
	assert_string_equal(
		topic1("retention.ms", "abc"),
		"INVALID_CONFIG: Invalid value abc for configuration retention.ms: Not a number of type LONG");
	assert_string_equal(
		topic1("retention.ms", "-2"),
		"INVALID_CONFIG: Invalid value -2 for configuration retention.ms: Value must be at least -1");
	assert_string_equal(topic1("retention.mss", "1"), "INVALID_CONFIG: Unknown topic config name: retention.mss");
	assert_string_equal(topic1("retention.ms", NULL),
			    "INVALID_CONFIG: Null value not supported for topic configs: retention.ms");
	assert_string_equal(topic1("log.retention.ms", "1"),
			    "INVALID_CONFIG: Unknown topic config name: log.retention.ms");
}

static void a_topic_cannot_contradict_itself(void **state)
{
	struct config_pair both[] = {{STR("min.compaction.lag.ms"), STR("5")},
				     {STR("max.compaction.lag.ms"), STR("4")}};

	assert_string_equal(
		topic(both, 2),
		"INVALID_CONFIG: conflict topic config setting min.compaction.lag.ms (5) > max.compaction.lag.ms (4)");
	both[1].value = STR("5");
	assert_string_equal(topic(both, 2), "fine");
}

static void a_topic_cannot_ask_for_what_is_not_served(void **state)
{
	struct config_pair was = {STR("remote.storage.enable"), STR("true")};
	struct str message;

	assert_string_equal(topic1("cleanup.policy", "compact"), "fine");
	assert_string_equal(topic1("cleanup.policy", "delete"), "fine");
	assert_string_equal(topic1("cleanup.policy", ""), "fine");
	assert_string_equal(
		topic1("remote.storage.enable", "true"),
		"INVALID_CONFIG: Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote "
		"log storage.");
	assert_string_equal(topic1("remote.storage.enable", "false"), "fine");
	assert_int_equal(config_check_topic(config, NULL, 0, &was, 1, &arena, &message), ERR_INVALID_CONFIG);
	assert_non_null(memmem(message.p, (size_t)message.len, "without deleting remote data", 28));
}

static void brokers_change_only_what_is_dynamic(void **state)
{
	assert_string_equal(broker1(true, "log.retention.ms", "5"), "fine");
	assert_string_equal(broker1(false, "log.retention.ms", "5"), "fine");
	assert_string_equal(broker1(false, "log.retention.ms", "-1"), "fine");
	assert_string_equal(
		broker1(false, "log.retention.ms", "0"),
		"INVALID_REQUEST: requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1");
	assert_string_equal(broker1(true, "log.roll.ms", "1"), "fine");
	assert_string_equal(broker1(true, "log.roll.ms", "0"),
			    "INVALID_REQUEST: requirement failed: log.roll.ms must be greater than or equal to 1");
	assert_string_equal(
		broker1(true, "log.roll.jitter.ms", "-1"),
		"INVALID_REQUEST: requirement failed: log.roll.jitter.ms must be greater than or equal to 0");
	assert_string_equal(broker1(true, "log.retention.hours", "5"),
			    "INVALID_REQUEST: Cannot update these configs dynamically: [log.retention.hours]");
	assert_string_equal(
		broker1(true, "log.retention.ms", "x"),
		"INVALID_REQUEST: Invalid value x for configuration log.retention.ms: Not a number of type LONG");
	assert_string_equal(
		broker1(false, "listeners", "PLAINTEXT://:1"),
		"INVALID_REQUEST: Cannot update these configs at default cluster level, broker id must be specified: [listeners]");
	assert_string_equal(
		broker1(true, "ssl.keystore.location", "/k"),
		"INVALID_REQUEST: These security configs can be dynamically updated only per-listener using the listener "
		"prefix: [ssl.keystore.location]");
	assert_string_equal(broker1(true, "listener.name.x.ssl.keystore.location", "/k"), "fine");
	assert_string_equal(
		broker1(false, "listener.name.x.ssl.keystore.location", "/k"),
		"INVALID_REQUEST: Cannot update these configs at default cluster level, broker id must be specified: "
		"[listener.name.x.ssl.keystore.location]");
	assert_string_equal(
		broker1(false, "listener.name.x.max.connections", "0x"),
		"INVALID_REQUEST: Invalid value 0x for configuration max.connections: Not a number of type INT");
	assert_string_equal(broker1(true, "custom.name", "anything"), "fine");
	assert_string_equal(broker1(false, "custom.name", "anything"), "fine");
	assert_string_equal(broker1(true, "listener.name.x.custom.name", "anything"), "fine");
	assert_string_equal(
		broker1(false, "listener.name.x.custom.name", "anything"),
		"INVALID_REQUEST: Cannot update these configs at default cluster level, broker id must be specified: "
		"[listener.name.x.custom.name]");
	assert_string_equal(broker1(true, "log.cleanup.policy", "delete,delete"),
			    "INVALID_REQUEST: Configuration 'log.cleanup.policy' values must not be duplicated.");
}

static void brokers_cannot_ask_for_what_is_not_served(void **state)
{
	assert_string_equal(
		broker1(true, "config.providers", "file"),
		"INVALID_CONFIG: Invalid value file for configuration config.providers: values from other sources are not served "
		"yet and would be taken literally");
	assert_string_equal(broker1(true, "leader.replication.throttled.rate", "1000"), "fine");
	assert_string_equal(broker1(false, "log.cleanup.policy", "compact"), "fine");
}

static void brokers_cannot_change_what_is_read_at_the_start_only(void **state)
{
	assert_string_equal(
		broker1(true, "listeners", "PLAINTEXT://:1,CONTROLLER://:2"),
		"INVALID_CONFIG: Invalid value PLAINTEXT://:1,CONTROLLER://:2 for configuration listeners: it is read at the "
		"start only, for now");
	assert_string_equal(
		broker1(true, "listener.name.x.sasl.enabled.mechanisms", "PLAIN"),
		"INVALID_CONFIG: Invalid value PLAIN for configuration listener.name.x.sasl.enabled.mechanisms: it is read at the "
		"start only, for now");
}

static void what_a_broker_can_change_while_it_runs_is_taken(void **state)
{
	assert_string_equal(broker1(true, "max.connections", "5"), "fine");
	assert_string_equal(broker1(false, "listener.name.x.max.connections", "5"), "fine");
	assert_string_equal(broker1(false, "max.connections.per.ip", "5"), "fine");
	assert_string_equal(broker1(false, "max.connections.per.ip.overrides", "a:5"), "fine");
	assert_string_equal(
		broker1(true, "listener.name.x.plain.sasl.jaas.config", "module required user_a=\"a-secret\";"),
		"fine");
	assert_string_equal(
		broker1(false, "listener.name.x.plain.sasl.jaas.config", "module required;"),
		"INVALID_REQUEST: Cannot update these configs at default cluster level, broker id must be specified: "
		"[listener.name.x.plain.sasl.jaas.config]");
	assert_string_equal(broker1(true, "sasl.kerberos.min.time.before.relogin", "58000"), "fine");
	assert_string_equal(broker1(true, "sasl.kerberos.ticket.renew.window.factor", "0.7"), "fine");
	assert_string_equal(broker1(true, "listener.name.x.sasl.kerberos.ticket.renew.jitter", "0.1"), "fine");
}

static void groups_stay_within_the_bounds_of_the_broker(void **state)
{
	struct config_pair two[] = {{STR("share.session.timeout.ms"), STR("45000")},
				    {STR("share.heartbeat.interval.ms"), STR("15000")}};
	struct str message;

	assert_string_equal(group1("consumer.session.timeout.ms", "45000"), "fine");
	assert_string_equal(
		group1("consumer.session.timeout.ms", "44999"),
		"INVALID_CONFIG: consumer.session.timeout.ms must be in the range 45000 to 60000 inclusive.");
	assert_string_equal(group1("streams.num.standby.replicas", "3"),
			    "INVALID_CONFIG: streams.num.standby.replicas must be less than or equal to 2");
	assert_string_equal(group1("streams.task.offset.interval.ms", "14999"),
			    "INVALID_CONFIG: streams.task.offset.interval.ms must be greater than or equal to 15000");
	assert_string_equal(
		group1("streams.assignor.name", "best"),
		"INVALID_CONFIG: streams.assignor.name 'best' is not a registered task assignor. Registered assignors are: "
		"[sticky].");
	assert_string_equal(group1("streams.assignor.name", "sticky"), "fine");
	assert_string_equal(group1("streams.rack.aware.assignment.tags", "a,b, a"),
			    "INVALID_CONFIG: streams.rack.aware.assignment.tags must not contain duplicate tag keys.");
	assert_string_equal(
		group1("errors.deadletterqueue.topic.name", "__x"),
		"INVALID_CONFIG: errors.deadletterqueue.topic.name: DLQ topic name must not start with '__'");
	assert_string_equal(group1("x", "1"), "INVALID_CONFIG: Unknown group config name: x");
	assert_string_equal(group1("share.isolation.level", NULL),
			    "INVALID_CONFIG: Null value not supported for group configs: share.isolation.level");
	assert_int_equal(config_check_group(config, two, 2, &arena, &message), 0);
}

static void metrics_subscriptions_are_checked(void **state)
{
	assert_string_equal(metrics1("interval.ms", "100"), "fine");
	assert_string_equal(
		metrics1("interval.ms", "99"),
		"INVALID_REQUEST: Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)");
	assert_string_equal(metrics1("interval", "99"),
			    "INVALID_REQUEST: Unknown client metrics configuration: interval");
	assert_string_equal(metrics1("interval.ms", "x"),
			    "INVALID_CONFIG: Invalid value x for configuration interval.ms: Not a number of type INT");
	assert_string_equal(metrics1("match", "client_id=a.*, client_software_name=b"), "fine");
	assert_string_equal(metrics1("match", "client=a"), "INVALID_CONFIG: Illegal client matching pattern: client=a");
	assert_string_equal(metrics1("match", "client_id"),
			    "INVALID_CONFIG: Illegal client matching pattern: client_id");
	assert_string_equal(metrics1("match", "client_id="),
			    "INVALID_CONFIG: Illegal client matching pattern: client_id=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topics_get_the_words_of_kafka),
		cmocka_unit_test(a_topic_cannot_contradict_itself),
		cmocka_unit_test(a_topic_cannot_ask_for_what_is_not_served),
		cmocka_unit_test(brokers_change_only_what_is_dynamic),
		cmocka_unit_test(brokers_cannot_ask_for_what_is_not_served),
		cmocka_unit_test(brokers_cannot_change_what_is_read_at_the_start_only),
		cmocka_unit_test(what_a_broker_can_change_while_it_runs_is_taken),
		cmocka_unit_test(groups_stay_within_the_bounds_of_the_broker),
		cmocka_unit_test(metrics_subscriptions_are_checked),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
