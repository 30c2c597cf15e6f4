/*
 * sasl: a node in the simulator with a listener that requires authentication, and callers that send
 * bytes. What Kafka's SaslServerAuthenticator answers, and when it closes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "base/err.h"
#include "tests/base/cm.h"
#include "tests/broker/raw_world.h"
#include "tests/broker/signed_token.h"

enum { HANDSHAKE = 17, AUTHENTICATE = 36, ASKING_PORT = 9094, PLAIN_PORT = 9092 };

#define PLAIN_LINE                                                                                                     \
	"listener.name.asking.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule "         \
	"required user_alice=\"wonder\" user_bob=\"builder\";"
#define SCRAM_LINE                                                                                                     \
	"listener.name.asking.scram-sha-256.sasl.jaas.config="                                                         \
	"org.apache.kafka.common.security.scram.ScramLoginModule required;"

static struct caller caller;
static struct bytes_out out;
static const char *settings[9];

static void up(const char *extra, const char *another)
{
	static const char *const base[] = {
		"listeners=PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093,ASKING://:9094",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,ASKING:SASL_PLAINTEXT",
		"inter.broker.listener.name=PLAINTEXT",
		"sasl.enabled.mechanisms=SCRAM-SHA-256,PLAIN",
		PLAIN_LINE,
		SCRAM_LINE,
	};

	memset(settings, 0, sizeof(settings));
	memcpy(settings, base, sizeof(base));
	settings[6] = extra;
	settings[7] = another;
	raw_world_up_with(settings);
	memset(&caller, 0, sizeof(caller));
	caller.port = ASKING_PORT;
}

static void down(void)
{
	raw_leave(&caller);
	raw_world_down();
}

/* ---- what is said ---- */

static bool say(void)
{
	bool answered;

	raw_say(&caller, &out);
	answered = raw_answered(&caller);
	out.len = 0;
	return answered;
}

static void put_handshake(int version, const char *mechanism)
{
	size_t began = raw_begin(&out, HANDSHAKE, version, 1);

	put_text(&out, mechanism);
	raw_end(&out, began);
}

static void put_token(int version, const char *token, int len)
{
	size_t began = raw_begin(&out, AUTHENTICATE, version, 2);

	put32(&out, len);
	put_raw(&out, token, (size_t)len);
	raw_end(&out, began);
}

static void put_bare(const char *token, int len)
{
	put32(&out, len);
	put_raw(&out, token, (size_t)len);
}

#define TOKEN(literal) literal, (int)sizeof(literal) - 1

/* ---- what is heard: behind the correlation id ---- */

static struct bytes_in heard(void)
{
	struct bytes_in in = {caller.in + 8, caller.in_len - 8};

	return in;
}

static int heard_error(void)
{
	struct bytes_in in = heard();

	return get16(&in);
}

static const char *heard_message(void)
{
	static char text[512];
	struct bytes_in in = heard();
	int len;

	get16(&in);
	len = get16(&in);
	if (len < 0)
		return NULL;
	memcpy(text, in.p, (size_t)len);
	text[len] = 0;
	return text;
}

static int64_t heard_lifetime(void)
{
	struct bytes_in in = heard();

	get16(&in);
	skip_text(&in);
	skip_bytes(&in, (size_t)get32(&in));
	return get64(&in);
}

static void assert_closed_soon(void)
{
	if (!caller.closed)
		assert_true(sim_run_until(raw_world(), RAW_PATIENCE_MS, raw_has_answer, &caller) && caller.closed);
}

/* Only the answer came, and the connection ends. */
static void assert_closes(void)
{
	caller.in_len = 0;
	assert_closed_soon();
	assert_int_equal(caller.in_len, 0);
}

static void log_in(const char *token, int len)
{
	put_handshake(1, "PLAIN");
	assert_true(say());
	assert_int_equal(heard_error(), 0);
	put_token(1, token, len);
	assert_true(say());
	assert_int_equal(heard_error(), 0);
}

static void assert_served(void)
{
	put_metadata(&out, 3, NULL, false);
	assert_true(say());
}

/* ---- tests ---- */

static void who_says_it_rightly_is_served(void **state)
{
	(void)state;
	up(NULL, NULL);
	put_api_versions(&out, 1);
	assert_true(say());
	log_in(TOKEN("\0alice\0wonder"));
	assert_true(heard_lifetime() == 0);
	assert_served();
	down();
}

static void a_handshake_names_the_mechanisms_in_kafkas_order(void **state)
{
	struct bytes_in in;

	(void)state;
	up(NULL, NULL);
	put_handshake(1, "PLAIN");
	assert_true(say());
	in = heard();
	assert_int_equal(get16(&in), 0);
	assert_int_equal(get32(&in), 2);
	assert_int_equal(get16(&in), 5);
	assert_memory_equal(in.p, "PLAIN", 5); /* the order of a HashSet */
	down();
}

static void tokens_after_a_handshake_of_version_0_are_bare(void **state)
{
	(void)state;
	up(NULL, NULL);
	put_handshake(0, "PLAIN");
	assert_true(say());
	put_bare(TOKEN("\0alice\0wonder"));
	assert_true(say());
	assert_int_equal(caller.in_len, 4);
	assert_int_equal(get_u32(caller.in), 0);
	assert_served();
	raw_leave(&caller);
	put_handshake(0, "PLAIN");
	assert_true(say());
	put_bare(TOKEN("\0alice\0wrong"));
	assert_false(say());
	down();
}

static void a_wrong_password_is_answered_late_and_closes(void **state)
{
	int64_t began;

	(void)state;
	up(NULL, NULL);
	put_handshake(1, "PLAIN");
	assert_true(say());
	began = sim_now_ns(raw_world());
	put_token(1, TOKEN("\0alice\0wrong"));
	assert_true(say());
	assert_true(sim_now_ns(raw_world()) - began >= 100000000);
	assert_true(sim_now_ns(raw_world()) - began < 200000000);
	assert_int_equal(heard_error(), ERR_SASL_AUTHENTICATION_FAILED);
	assert_string_equal(heard_message(), "Authentication failed: Invalid username or password");
	assert_closes();
	down();
}

static void without_a_delay_it_is_answered_at_once(void **state)
{
	int64_t began;

	(void)state;
	up("connection.failed.authentication.delay.ms=0", NULL);
	put_handshake(1, "PLAIN");
	assert_true(say());
	began = sim_now_ns(raw_world());
	put_token(1, TOKEN("\0alice\0wrong"));
	assert_true(say());
	assert_true(sim_now_ns(raw_world()) - began < 50000000);
	assert_closes();
	down();
}

static void who_hangs_up_before_his_failure_leaves_nothing(void **state)
{
	(void)state;
	up(NULL, NULL);
	put_handshake(1, "PLAIN");
	assert_true(say());
	put_token(1, TOKEN("\0alice\0wrong"));
	raw_say(&caller, &out);
	sim_run_for(raw_world(), 20);
	raw_leave(&caller);
	out.len = 0;
	sim_run_for(raw_world(), 1000);
	down(); /* fails when a block is left */
}

static void a_stop_does_not_wait_for_a_failure(void **state)
{
	(void)state;
	up("connection.failed.authentication.delay.ms=500000", NULL);
	put_handshake(1, "PLAIN");
	assert_true(say());
	put_token(1, TOKEN("\0alice\0wrong"));
	raw_say(&caller, &out);
	sim_run_for(raw_world(), 20);
	out.len = 0;
	raw_world_down();
	memset(&caller, 0, sizeof(caller));
}

static void another_mechanism_is_answered_with_those_there_are(void **state)
{
	struct bytes_in in;

	(void)state;
	up(NULL, NULL);
	put_handshake(1, "SCRAM-SHA-512");
	assert_true(say());
	in = heard();
	assert_int_equal(get16(&in), ERR_UNSUPPORTED_SASL_MECHANISM);
	assert_int_equal(get32(&in), 2);
	assert_closes();
	down();
}

static void nothing_else_is_taken_before(void **state)
{
	(void)state;
	up(NULL, NULL);
	put_metadata(&out, 1, NULL, false);
	assert_false(say());
	raw_leave(&caller);
	put_token(1, TOKEN("\0alice\0wonder"));
	assert_false(say());
	raw_leave(&caller);
	put_handshake(2, "PLAIN");
	assert_false(say());
	raw_leave(&caller);
	put_bare("", 0);
	assert_false(say());
	raw_leave(&caller);
	put_api_versions(&out, 1);
	assert_true(say());
	put_api_versions(&out, 1); /* once is enough */
	assert_false(say());
	down();
}

static void another_request_between_tokens_is_an_illegal_state(void **state)
{
	struct bytes_in in;
	size_t began;

	(void)state;
	up(NULL, NULL);
	put_handshake(1, "PLAIN");
	assert_true(say());
	put_handshake(1, "PLAIN");
	assert_true(say());
	assert_int_equal(heard_error(), ERR_ILLEGAL_SASL_STATE);
	assert_closes();
	raw_leave(&caller);
	put_handshake(1, "PLAIN");
	assert_true(say());
	began = raw_begin(&out, API_VERSIONS, 0, 9);
	raw_end(&out, began);
	assert_true(say());
	in = heard();
	assert_int_equal(get16(&in), ERR_ILLEGAL_SASL_STATE);
	assert_closes();
	down();
}

static void an_unknown_user_is_heard_to_the_end(void **state)
{
	struct bytes_in in;
	char text[256], last[300];
	int len;

	(void)state;
	up(NULL, NULL);
	put_handshake(1, "SCRAM-SHA-256");
	assert_true(say());
	put_token(1, TOKEN("n,,n=nobody,r=abc"));
	assert_true(say());
	in = heard();
	assert_int_equal(get16(&in), 0);
	skip_text(&in);
	len = get32(&in);
	assert_true(len > 5 && len < 250);
	memcpy(text, in.p, (size_t)len);
	text[len] = 0;
	assert_memory_equal(text, "r=abc", 5);
	*strchr(text, ',') = 0;
	len = snprintf(last, sizeof(last), "c=biws,%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", text);
	put_token(1, last, len);
	assert_true(say());
	assert_int_equal(heard_error(), ERR_SASL_AUTHENTICATION_FAILED);
	assert_string_equal(heard_message(), "Authentication failed during authentication due to invalid credentials "
					     "with SASL mechanism SCRAM-SHA-256");
	assert_closes();
	down();
}

static void who_says_nothing_has_ten_seconds(void **state)
{
	int64_t began;

	(void)state;
	up(NULL, NULL);
	put_handshake(1, "PLAIN");
	assert_true(say());
	began = sim_now_ns(raw_world());
	assert_closes();
	assert_in_range(sim_now_ns(raw_world()) - began, 9000000000, 10500000000);
	down();
}

static void who_is_served_has_longer(void **state)
{
	(void)state;
	up(NULL, NULL);
	log_in(TOKEN("\0alice\0wonder"));
	sim_run_for(raw_world(), 20000);
	assert_served();
	down();
}

static void a_large_frame_is_not_taken_before(void **state)
{
	static char large[65537];

	(void)state;
	up(NULL, NULL);
	put_handshake(1, "PLAIN");
	assert_true(say());
	put_token(1, large, sizeof(large));
	assert_false(say());
	raw_leave(&caller);
	log_in(TOKEN("\0alice\0wonder"));
	put_token(1, large, sizeof(large)); /* of the size that is allowed after login, but too late */
	assert_true(say());
	assert_int_equal(heard_error(), ERR_ILLEGAL_SASL_STATE);
	down();
}

static void where_nobody_asks_it_is_an_illegal_state(void **state)
{
	(void)state;
	up(NULL, NULL);
	caller.port = PLAIN_PORT;
	put_handshake(1, "PLAIN");
	assert_true(say());
	assert_int_equal(heard_error(), ERR_ILLEGAL_SASL_STATE);
	put_token(1, TOKEN("\0alice\0wonder"));
	assert_true(say());
	assert_int_equal(heard_error(), ERR_ILLEGAL_SASL_STATE);
	assert_string_equal(heard_message(), "SaslAuthenticate request received after successful authentication");
	assert_served();
	down();
}

/* ---- re-authentication ---- */

static void who_has_no_session_end_cannot_begin_again(void **state)
{
	(void)state;
	up(NULL, NULL);
	log_in(TOKEN("\0alice\0wonder"));
	put_handshake(1, "PLAIN");
	assert_true(say());
	assert_int_equal(heard_error(), ERR_ILLEGAL_SASL_STATE);
	assert_served();
	down();
}

static void a_session_may_begin_again_before_its_end(void **state)
{
	(void)state;
	up("listener.name.asking.plain.connections.max.reauth.ms=5000", NULL);
	log_in(TOKEN("\0alice\0wonder"));
	assert_true(heard_lifetime() == 5000);
	sim_run_for(raw_world(), 4000);
	log_in(TOKEN("\0alice\0wonder"));
	assert_true(heard_lifetime() == 5000);
	put_handshake(1, "PLAIN"); /* once per second */
	assert_true(say());
	assert_int_equal(heard_error(), ERR_ILLEGAL_SASL_STATE);
	sim_run_for(raw_world(), 4000);
	assert_served();
	down();
}

static void a_session_that_has_ended_takes_a_handshake_alone(void **state)
{
	(void)state;
	up("connections.max.reauth.ms=5000", NULL);
	log_in(TOKEN("\0alice\0wonder"));
	sim_run_for(raw_world(), 6000);
	log_in(TOKEN("\0alice\0wonder"));
	assert_served();
	sim_run_for(raw_world(), 6000);
	put_metadata(&out, 3, NULL, false);
	assert_false(say());
	down();
}

static void nobody_becomes_another(void **state)
{
	(void)state;
	up("connections.max.reauth.ms=5000", NULL);
	log_in(TOKEN("\0alice\0wonder"));
	put_handshake(1, "PLAIN");
	assert_true(say());
	put_token(1, TOKEN("\0bob\0builder"));
	assert_true(say());
	assert_int_equal(heard_error(), ERR_SASL_AUTHENTICATION_FAILED);
	assert_string_equal(heard_message(),
			    "Cannot change principals during re-authentication from User.alice: User.bob");
	assert_closes();
	raw_leave(&caller);
	log_in(TOKEN("\0alice\0wonder"));
	put_handshake(1, "SCRAM-SHA-256");
	assert_true(say());
	assert_int_equal(heard_error(), 0);
	put_token(1, TOKEN("n,,n=alice,r=abc"));
	assert_false(say());
	down();
}

/* ---- lines ---- */

static void a_flood_of_failures_gives_few_lines(void **state)
{
	int before;

	(void)state;
	up("connection.failed.authentication.delay.ms=0", NULL);
	before = raw_world_lines();
	for (int i = 0; i < 50; i++) {
		put_handshake(1, "PLAIN");
		assert_true(say());
		put_token(1, TOKEN("\0alice\0wrong"));
		assert_true(say());
		assert_closes();
		raw_leave(&caller);
		put_handshake(1, "NONE"); /* and a mechanism that does not exist */
		assert_true(say());
		assert_closes();
		raw_leave(&caller);
	}
	assert_in_range(raw_world_lines() - before, 1, 8); /* those of a second, of each reactor */
	down();
}

/* ---- before the rules are there ---- */

enum { DESCRIBE_ACLS = 29, CONTROLLER_PORT = 9093 };

static const char *const with_rules[] = {
	"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
	"super.users=User:somebody-else",
	"controller.quorum.voters=1@127.0.0.1:9093", /* [2]: plus others that are not there */
	"advertised.listeners=PLAINTEXT://10.0.0.1:9092",
	NULL, /* [4] */
	NULL,
};

static void ask_the_controller_for_acls(void)
{
	static const uint8_t any[] = {1, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff, 1, 1};
	size_t began;

	raw_leave(&caller);
	memset(&caller, 0, sizeof(caller));
	caller.port = CONTROLLER_PORT;
	out.len = 0;
	began = raw_begin(&out, DESCRIBE_ACLS, 1, 1);
	put_raw(&out, any, sizeof(any));
	raw_end(&out, began);
	raw_say(&caller, &out);
	out.len = 0;
}

static int refusal(void)
{
	struct bytes_in in;

	assert_true(raw_answered(&caller));
	in = heard();
	get32(&in); /* throttleTimeMs */
	return get16(&in);
}

/* Two thirds of the quorum are missing: nobody is elected, and no high watermark is known. */
static const char *const others_are_away = "controller.quorum.voters=1@127.0.0.1:9093,2@10.0.0.9:9093,3@10.0.0.10:9093";

static char early_line[512];

static void keep_early_line(void *arg, const char *line, int len)
{
	(void)arg;
	if (strstr(line, "only super.users are let in"))
		snprintf(early_line, sizeof(early_line), "%.*s", len, line);
}

static int64_t no_time(void *arg)
{
	(void)arg;
	return 0;
}

static void nobody_is_judged_before_the_rules_are_there(void **state)
{
	static struct diag diag = {.level = DIAG_WARN, .write = keep_early_line, .wall_ms = no_time};
	const char *settings_of[6];

	(void)state;
	memcpy(settings_of, with_rules, sizeof(settings_of));
	raw_world_up_with(settings_of);
	ask_the_controller_for_acls();
	assert_int_equal(refusal(), ERR_CLUSTER_AUTHORIZATION_FAILED);
	raw_leave(&caller);
	settings_of[2] = others_are_away;
	raw_world_again(settings_of);
	sim_env_diag(raw_world(), RAW_NODE, &diag);
	ask_the_controller_for_acls();
	assert_int_equal((int16_t)refusal(), -1); /* Kafka's UNKNOWN_SERVER_ERROR */
	assert_non_null(strstr(early_line, "principal=User:"));
	sim_env_diag(raw_world(), RAW_NODE, NULL);
	down();
}

static void a_listener_that_does_not_start_early_waits_for_the_rules(void **state)
{
	const char *settings_of[6];

	(void)state;
	memcpy(settings_of, with_rules, sizeof(settings_of));
	settings_of[4] = "early.start.listeners=PLAINTEXT";
	raw_world_up_with(settings_of);
	ask_the_controller_for_acls();
	assert_int_equal(refusal(), ERR_CLUSTER_AUTHORIZATION_FAILED);
	raw_leave(&caller);
	settings_of[2] = others_are_away;
	raw_world_again(settings_of);
	ask_the_controller_for_acls();
	assert_false(sim_run_until(raw_world(), 5000, raw_has_answer, &caller));
	down();
}

/* ---- signed tokens: the keys are those that their file holds when somebody logs in ---- */

static uint8_t published; /* whose key is in the file; 0: the file is no key set */

static void publish(void *arg)
{
	struct env *env = sim_env(raw_world(), RAW_NODE);
	char key[200], text[256];
	int n;

	(void)arg;
	signed_token_key(published, NULL, key, sizeof(key));
	n = snprintf(text, sizeof(text), published ? "{\"keys\":[%s]}" : "{}", key);
	assert_int_equal(env_replace_file(env, "/keys", text, (size_t)n), 0);
}

static void publish_key(uint8_t seed)
{
	published = seed;
	sim_run_until(raw_world(), 10, raw_has_answer, &caller); /* file times have a resolution of a millisecond */
	assert_true(sim_call(raw_world(), RAW_NODE, publish, NULL));
}

/* Returns whether a token signed by this key lets a caller in. */
static bool is_let_in(uint8_t seed)
{
	char message[2048];
	int n = signed_token_message(seed, NULL, raw_world_ms() / 1000, message, sizeof(message));

	raw_leave(&caller);
	memset(&caller, 0, sizeof(caller));
	caller.port = ASKING_PORT;
	put_handshake(1, "OAUTHBEARER");
	assert_true(say());
	put_token(1, message, n);
	assert_true(say());
	assert_int_equal(heard_error(), 0);
	return heard_lifetime() > 0;
}

/* The step is a job: a caller that leaves meanwhile gets no answer, and nothing of it stays. */
static void leave_within_a_step(int after_ms)
{
	raw_leave(&caller);
	memset(&caller, 0, sizeof(caller));
	caller.port = ASKING_PORT;
	put_handshake(1, "OAUTHBEARER");
	assert_true(say());
	put_token(1, TOKEN("n,,\1auth=Bearer a.b.c\1\1"));
	raw_say(&caller, &out);
	out.len = 0;
	sim_run_until(raw_world(), after_ms, raw_has_answer, &caller);
	raw_leave(&caller);
}

static void keys_of_signed_tokens_are_those_of_the_file_at_the_moment(void **state)
{
	static const char *const signed_tokens[] = {
		"listeners=PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093,ASKING://:9094",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,ASKING:SASL_PLAINTEXT",
		"inter.broker.listener.name=PLAINTEXT",
		"sasl.enabled.mechanisms=OAUTHBEARER",
		"listener.name.asking.oauthbearer.sasl.jaas.config="
		"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
		"listener.name.asking.oauthbearer.sasl.server.callback.handler.class="
		"org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
		"listener.name.asking.oauthbearer.sasl.oauthbearer.jwks.endpoint.url=file:///keys",
		"listener.name.asking.oauthbearer.sasl.oauthbearer.expected.audience=kafka",
		"listener.name.asking.oauthbearer.sasl.oauthbearer.allow.unverified.issuer=true",
		NULL,
	};

	(void)state;
	published = 1;
	raw_world_allow_url("file:///keys");
	raw_world_up_after(signed_tokens, publish);
	memset(&caller, 0, sizeof(caller));
	assert_true(is_let_in(1));
	assert_false(is_let_in(2));
	publish_key(2);
	assert_true(is_let_in(2));
	assert_false(is_let_in(1));
	publish_key(0);
	assert_false(is_let_in(2));
	publish_key(1);
	assert_true(is_let_in(1));
	for (int ms = 0; ms < 8; ms++)
		leave_within_a_step(ms);
	down();
}

/* ---- what is counted of it ---- */

static struct caller web;

/* On any core: the sum of the numbers after the name; -1 where it is not a number. */
static double metric(const char *name)
{
	char front[160];
	double sum = 0;
	bool any = false;

	snprintf(front, sizeof(front),
		 "\nkafka_server_socket_server_metrics_%s{listener=\"ASKING\",networkProcessor=\"", name);
	for (const char *at = (const char *)web.in; (at = strstr(at, front)); at++) {
		double v = strtod(strchr(at, '}') + 1, NULL);

		any = true;
		sum += v == v ? v : -1;
	}
	assert_true(any);
	return sum;
}

static void counted(const char *name, double wanted)
{
	double v = metric(name);

	if (v != wanted)
		print_error("%s is %f\n", name, v);
	assert_true(v == wanted);
}

static void logins_are_counted(void **state)
{
	(void)state;
	up("connections.max.reauth.ms=5000", "odradek.http.listeners=:9644");
	raw_metrics(&web);
	counted("successful_authentication_total", 0);
	assert_true(metric("reauthentication_latency_max") < 0); /* NaN */
	log_in(TOKEN("\0alice\0wonder"));
	raw_metrics(&web);
	counted("successful_authentication_total", 1);
	assert_true(metric("successful_authentication_rate") > 0.01 && metric("successful_authentication_rate") < 0.05);
	counted("successful_authentication_no_reauth_total", 0);
	sim_run_for(raw_world(), 2000);
	log_in(TOKEN("\0alice\0wonder"));
	raw_metrics(&web);
	counted("successful_authentication_total", 1);
	counted("successful_reauthentication_total", 1);
	sim_run_for(raw_world(), 6000);
	put_metadata(&out, 3, NULL, false);
	assert_false(say());
	raw_leave(&caller);
	put_handshake(1, "PLAIN");
	assert_true(say());
	put_token(0, TOKEN("\0alice\0wrong"));
	assert_true(say());
	raw_metrics(&web);
	counted("expired_connections_killed_count", 1);
	counted("failed_authentication_total", 1);
	counted("failed_reauthentication_total", 0);
	assert_true(metric("failed_authentication_rate") > 0);
	sim_run_for(raw_world(), 61000);
	raw_metrics(&web);
	counted("failed_authentication_rate", 0);
	counted("failed_authentication_total", 1);
	raw_leave(&web);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_of_failures_gives_few_lines),
		cmocka_unit_test(nobody_is_judged_before_the_rules_are_there),
		cmocka_unit_test(a_listener_that_does_not_start_early_waits_for_the_rules),
		cmocka_unit_test(keys_of_signed_tokens_are_those_of_the_file_at_the_moment),
		cmocka_unit_test(who_says_it_rightly_is_served),
		cmocka_unit_test(a_handshake_names_the_mechanisms_in_kafkas_order),
		cmocka_unit_test(tokens_after_a_handshake_of_version_0_are_bare),
		cmocka_unit_test(a_wrong_password_is_answered_late_and_closes),
		cmocka_unit_test(without_a_delay_it_is_answered_at_once),
		cmocka_unit_test(who_hangs_up_before_his_failure_leaves_nothing),
		cmocka_unit_test(a_stop_does_not_wait_for_a_failure),
		cmocka_unit_test(another_mechanism_is_answered_with_those_there_are),
		cmocka_unit_test(nothing_else_is_taken_before),
		cmocka_unit_test(another_request_between_tokens_is_an_illegal_state),
		cmocka_unit_test(an_unknown_user_is_heard_to_the_end),
		cmocka_unit_test(who_says_nothing_has_ten_seconds),
		cmocka_unit_test(who_is_served_has_longer),
		cmocka_unit_test(a_large_frame_is_not_taken_before),
		cmocka_unit_test(where_nobody_asks_it_is_an_illegal_state),
		cmocka_unit_test(who_has_no_session_end_cannot_begin_again),
		cmocka_unit_test(a_session_may_begin_again_before_its_end),
		cmocka_unit_test(a_session_that_has_ended_takes_a_handshake_alone),
		cmocka_unit_test(nobody_becomes_another),
		cmocka_unit_test(logins_are_counted),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(out.p);
	return failed;
}
