/* client: a node that refuses it ends all requests with its message; impossible settings are reported. */
#include <string.h>

#include "base/err.h"
#include "client/client.h"
#include "client/secure.h"
#include "protocol/list_groups.h"
#include "protocol/metadata.h"
#include "protocol/sasl_authenticate.h"
#include "protocol/sasl_handshake.h"
#include "tests/base/cm.h"
#include "tests/broker/played_controller.h"
#include "wire/login.h"

#define PLAIN "org.apache.kafka.common.security.plain.PlainLoginModule"
#define SCRAM "org.apache.kafka.common.security.scram.ScramLoginModule"

enum { ASKS, ANSWERS, MACHINES, CALLS = 3 };

static struct {
	const char *const *settings; /* names and values; ended by NULL */
	struct sim_world *sim;
	struct played_controller node;
	bool lets_in;
	struct secure secure;
	struct client *client;
	struct arena arena;
	struct list_groups_request request;
	struct call calls[CALLS];
	int n_done, n_words;
	struct buf why;
} t;

static const char *get(const void *arg, const char *name)
{
	(void)arg;
	for (const char *const *s = t.settings; *s; s += 2)
		if (strcmp(*s, name) == 0)
			return s[1];
	return NULL;
}

static int read_settings(struct env *env)
{
	struct secure_settings settings = {get, NULL};

	t.why.len = 0;
	return secure_init(&t.secure, env, &settings, &t.why);
}

/* ---- settings ---- */

static void assert_wrong(const char *const *settings, const char *why)
{
	struct sim_options calm;

	t.settings = settings;
	sim_options_calm(&calm);
	t.sim = sim_world_new(1, &calm);
	assert_int_equal(read_settings(sim_env(t.sim, 0)), ERR_INVALID_CONFIG);
	buf_put(&t.why, "", 1);
	assert_string_equal((const char *)t.why.p, why);
	assert_null(t.secure.login);
	assert_null(t.secure.tls);
	buf_fini(&t.why);
	sim_world_free(t.sim);
}

#define KRB5 "com.sun.security.auth.module.Krb5LoginModule"
#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void settings_that_cannot_be_are_said_to_be_so(void **state)
{
	(void)state;
	assert_wrong(SETTINGS("security.protocol", "TLS"),
		     "Invalid value TLS for configuration security.protocol: String must be one of (case insensitive): "
		     "PLAINTEXT, SASL_PLAINTEXT, SASL_SSL, SSL");
	assert_wrong(
		SETTINGS("security.protocol", "sasl_plaintext"),
		"SASL (sasl.mechanism=GSSAPI) needs sasl.jaas.config, or KafkaClient in a JAAS file that KAFKA_OPTS names "
		"(-Djava.security.auth.login.config=PATH)");
	assert_wrong(SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.jaas.config",
			      KRB5 " required useTicketCache=true;"),
		     "No serviceName defined in either JAAS or Kafka config");
	assert_wrong(
		SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.jaas.config",
			 KRB5 " required useTicketCache=true serviceName=a;", "sasl.kerberos.service.name", "b"),
		"Conflicting serviceName values found in JAAS and Kafka configs value in JAAS file a, value in Kafka "
		"config b");
	assert_wrong(SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.jaas.config",
			      KRB5 " required useKeyTab=true serviceName=a;"),
		     "principal was expected: whose keys are taken from the key table");
	assert_wrong(
		SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.jaas.config", KRB5 " required serviceName=a;"),
		"useKeyTab=true or useTicketCache=true was expected");
	assert_wrong(
		SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.jaas.config",
			 KRB5 " required useTicketCache=true serviceName=a;"),
		"GSSAPI needs MIT Kerberos' libgssapi_krb5.so.2 (Debian package libgssapi-krb5-2): libgssapi_krb5.so.2: "
		"there are no libraries in the simulator");
	assert_wrong(SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "LOUD", "sasl.jaas.config", "x"),
		     "LOUD is not a mechanism that this release can log in by");
	assert_wrong(SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "PLAIN", "sasl.jaas.config",
			      SCRAM " required username=\"a\" password=\"b\";"),
		     "the login module of PLAIN is " PLAIN ", not " SCRAM);
	assert_wrong(SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "PLAIN", "sasl.jaas.config",
			      PLAIN " required username=\"a\";"),
		     PLAIN " needs the options username and password");
	assert_wrong(SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "PLAIN", "sasl.jaas.config",
			      PLAIN " required username=\"a\" password=\"b\""),
		     "JAAS config entry not terminated by semi-colon");
}

static void in_plain_text_nothing_is_made_of_the_others(void **state)
{
	(void)state;
	t.settings = SETTINGS("sasl.mechanism", "LOUD", "ssl.truststore.location", "/nowhere");
	assert_int_equal(read_settings(NULL), 0);
	assert_null(t.secure.login);
	assert_null(t.secure.tls);
}

/* ---- a node ---- */

static enum played_act act(struct played_controller *p, const struct played_request *r, void *out)
{
	const struct sasl_authenticate_request *in = r->in;
	struct sasl_authenticate_response *answer = out;

	(void)p;
	if (r->key != sasl_authenticate_request_KEY)
		return PLAYED_ANSWER;
	assert_int_equal(in->auth_bytes.len, 6);
	assert_memory_equal(in->auth_bytes.p, "\0a\0pwd", 6);
	t.n_words++;
	if (!t.lets_in) {
		answer->error_code = ERR_SASL_AUTHENTICATION_FAILED;
		answer->error_message = STR("Authentication failed: Invalid username or password");
	}
	return PLAYED_ANSWER;
}

static void done(struct call *c)
{
	(void)c;
	t.n_done++;
}

static void start(void *arg)
{
	struct client_options o = CLIENT_OPTIONS_DEFAULT;
	struct env *env = sim_env(t.sim, ASKS);
	struct str wrong;

	(void)arg;
	assert_int_equal(read_settings(env), 0);
	arena_init(&t.arena, 1 << 24);
	o.bootstrap = "10.0.0.2:9093";
	o.login = t.secure.login;
	assert_int_equal(client_new(loop_new(env, "client"), &o, &t.client, &wrong), 0);
	for (int i = 0; i < CALLS; i++) {
		t.calls[i] = (struct call){.key = list_groups_request_KEY,
					   .node = i == 0   ? CLIENT_ANY
						   : i == 1 ? CLIENT_CONTROLLER
							    : 7,
					   .request = &t.request,
					   .arena = &t.arena,
					   .done = done};
		client_call(t.client, &t.calls[i]);
	}
}

static void stop(void *arg)
{
	(void)arg;
	client_free(t.client);
	secure_fini(&t.secure);
	arena_fini(&t.arena);
}

static bool all_done(void *arg)
{
	(void)arg;
	return t.n_done == CALLS;
}

static void ask(bool lets_in)
{
	struct sim_options calm;

	memset(&t, 0, sizeof(t));
	t.settings = SETTINGS("security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "PLAIN", "sasl.jaas.config",
			      PLAIN " required username=\"a\" password=\"pwd\";");
	t.lets_in = lets_in;
	sim_options_calm(&calm);
	calm.n_envs = MACHINES;
	t.sim = sim_world_new(1, &calm);
	t.node = (struct played_controller){.machine = ANSWERS, .sim = t.sim, .act = act};
	played_start(&t.node);
	assert_true(sim_call(t.sim, ASKS, start, NULL));
	assert_true(sim_run_until(t.sim, 5000, all_done, NULL));
}

static void end(void)
{
	assert_true(sim_call(t.sim, ASKS, stop, NULL));
	sim_world_free(t.sim);
}

static void a_node_that_does_not_let_it_in_ends_all_calls_with_its_words(void **state)
{
	(void)state;
	ask(false);
	for (int i = 0; i < CALLS; i++) {
		assert_int_equal(t.calls[i].err, ERR_SASL_AUTHENTICATION_FAILED);
		assert_true(str_is(t.calls[i].message, "Authentication failed: Invalid username or password"));
	}
	assert_string_equal(client_refusal(t.client), "Authentication failed: Invalid username or password");
	assert_in_range(t.n_words, 1, 2); /* the look-up of nodes may be another attempt */
	end();
}

static void who_is_let_in_asks(void **state)
{
	(void)state;
	ask(true);
	assert_int_equal(t.calls[0].err, 0);
	assert_string_equal(client_refusal(t.client), "");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_that_cannot_be_are_said_to_be_so),
		cmocka_unit_test(in_plain_text_nothing_is_made_of_the_others),
		cmocka_unit_test(a_node_that_does_not_let_it_in_ends_all_calls_with_its_words),
		cmocka_unit_test(who_is_let_in_asks),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_fini(&t.why);
	return failed;
}
