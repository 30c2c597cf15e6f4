/*
 * limits: what a node does when the limits on connections change while it runs, and which changes it
 * refuses. A whole node in the simulator; the words are Apache Kafka's (compat/differential).
 */
#include "base/err.h"
#include "protocol/describe_configs.h"
#include "protocol/incremental_alter_configs.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

static struct client third;
static struct str words;

/* Sets (value NULL: deletes) a setting of broker 1, or of all brokers. `words` becomes what is said. */
static int set_of(const char *broker, const char *name, const char *value)
{
	struct incremental_alter_configs_request_config c = {str_of(name), value ? 0 : 1,
							     value ? str_of(value) : STR_NULL};
	struct incremental_alter_configs_request_resource r = {4, str_of(broker), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	client_send(&w->a, &incremental_alter_configs_request_schema, 1, &in);
	client_take(&w->a, &incremental_alter_configs_response_schema, 1, &out);
	words = out.responses.v[0].error_message;
	return out.responses.v[0].error_code;
}

static void set(const char *name, const char *value)
{
	assert_int_equal(set_of("1", name, value), 0);
}

static void expect_refused(const char *broker, const char *name, const char *value, const char *why)
{
	assert_int_equal(set_of(broker, name, value), ERR_INVALID_REQUEST);
	assert_true(str_is(words, why));
}

static void ask_for_a_fetch(struct client *c)
{
	send_fetch(c, "none", 0, 0);
}

static bool is_closed(void *arg)
{
	return ((struct client *)arg)->closed;
}

static void expect_closed(struct client *c)
{
	assert_true(sim_run_until(w->sim, PATIENCE_MS, is_closed, c));
}

static void expect_served(struct client *c)
{
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_answer, c));
	assert_false(c->closed);
}

/* It is connected to the system, not to the node. */
static void expect_waiting(struct client *c)
{
	sim_run_for(w->sim, 5000);
	assert_false(has_answer(c));
}

static void the_total_can_be_lowered_and_raised(void **state)
{
	(void)state;
	set("max.connections", "1"); /* a has asked for it, and b is idle */
	expect_closed(&w->b);
	client_open(&third);
	ask_for_a_fetch(&third);
	expect_waiting(&third);
	set("max.connections", " 2 ");
	expect_served(&third);
	set("max.connections", NULL);
	client_open(&w->b);
	ask_for_a_fetch(&w->b);
	expect_served(&w->b);
}

static void a_listener_has_a_limit_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(set_of("", "listener.name.plaintext.max.connections", " 2 "), 0);
	client_open(&third);
	ask_for_a_fetch(&third);
	expect_waiting(&third);
	ask_for_a_fetch(&w->b); /* it has been there before, and stays */
	expect_served(&w->b);
	set("listener.name.plaintext.max.connections", "3"); /* this broker's value goes before that of all */
	expect_served(&third);
}

static void a_rate_of_a_listener_may_be_written_with_spaces(void **state)
{
	(void)state;
	set("listener.name.plaintext.max.connection.creation.rate", " 1 ");
	for (int i = 0; i < 2; i++) {
		client_open(&third);
		ask_for_a_fetch(&third);
	}
	sim_run_for(w->sim, 100);
	assert_false(has_answer(&third));
	expect_served(&third);
}

static void an_address_can_get_limits(void **state)
{
	(void)state;
	set("max.connections.per.ip", "2");
	client_open(&third);
	expect_closed(&third);
	set("max.connections.per.ip.overrides", "10.0.0.2:3, 10.0.0.9:1");
	sim_run_for(w->sim, 1000);
	client_open(&third);
	ask_for_a_fetch(&third);
	expect_served(&third);
	client_open(&w->b);
	expect_closed(&w->b);
	set("max.connections.per.ip.overrides", NULL);
	set("max.connections.per.ip", NULL);
	sim_run_for(w->sim, 1000);
	client_open(&w->b);
	ask_for_a_fetch(&w->b);
	expect_served(&w->b);
}

/* With it nobody could come in again to take it back, not even after a restart. */
static void limits_that_let_nobody_in_are_refused(void **state)
{
#define WRAPPED(x)                                                                                                     \
	"Invalid value org.apache.kafka.common.config.ConfigException: " x                                             \
	" for configuration Invalid dynamic configuration"
	(void)state;
	expect_refused("", "max.connection.creation.rate", "0", WRAPPED("Invalid max.connection.creation.rate 0"));
	expect_refused("1", "max.connections", "0", WRAPPED("Invalid max.connections 0"));
	expect_refused("1", "listener.name.plaintext.max.connections", "0", WRAPPED("Invalid max.connections 0"));
	expect_refused("1", "listener.name.plaintext.max.connection.creation.rate", "0",
		       WRAPPED("Invalid max.connection.creation.rate 0"));
	assert_int_equal(set_of("1", "listener.name.nobody.max.connections", "0"), 0); /* there is no such listener */
	expect_refused("1", "max.connections.per.ip", "0",
		       "requirement failed: max.connections.per.ip can be set to zero only if "
		       "max.connections.per.ip.overrides property is set.");
	expect_refused("1", "max.connections.per.ip.overrides", "a:b", "For input string: \"b\"");
	expect_refused("1", "max.connections.per.ip.overrides", "a b:1",
		       "max.connections.per.ip.overrides contains invalid addresses : a b");
	set("max.connections.per.ip.overrides", "10.0.0.2:5");
	set("max.connections.per.ip", "0");
	client_open(&third);
	ask_for_a_fetch(&third);
	expect_served(&third);
}

/* As in Kafka: it is kept, and its value is shown to nobody. */
static void a_jaas_line_is_kept_and_hidden(void **state)
{
	static const char name[] = "listener.name.plaintext.plain.sasl.jaas.config";
	struct str names[] = {str_of(name), STR("sasl.jaas.config")};
	struct describe_configs_request_resource r = {4, STR("1"), {names, 2}};
	struct describe_configs_request in = {.resources = {&r, 1}, .include_synonyms = true};
	struct describe_configs_response out;

	(void)state;
	set(name, "org.apache.kafka.common.security.plain.PlainLoginModule required user_a=\"s3cret\";");
	set("sasl.jaas.config", "org.apache.kafka.common.security.plain.PlainLoginModule required user_a=\"s3cret\";");
	client_send(&w->a, &describe_configs_request_schema, 4, &in);
	client_take(&w->a, &describe_configs_response_schema, 4, &out);
	assert_int_equal(out.results.v[0].configs.n, 2);
	for (int i = 0; i < 2; i++) {
		assert_true(out.results.v[0].configs.v[i].is_sensitive);
		assert_true(str_is_null(out.results.v[0].configs.v[i].value));
		for (int k = 0; k < out.results.v[0].configs.v[i].synonyms.n; k++)
			assert_true(str_is_null(out.results.v[0].configs.v[i].synonyms.v[k].value));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, node_world_up, node_world_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_total_can_be_lowered_and_raised),
		TEST(a_listener_has_a_limit_of_its_own),
		TEST(a_rate_of_a_listener_may_be_written_with_spaces),
		TEST(an_address_can_get_limits),
		TEST(limits_that_let_nobody_in_are_refused),
		TEST(a_jaas_line_is_kept_and_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
