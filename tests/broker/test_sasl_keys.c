/*
 * sasl_keys: a node in the simulator whose listener checks tokens with the keys of an HTTP server
 * on another machine.
 */
#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "http/server.h"
#include "tests/base/cm.h"
#include "tests/broker/raw_world.h"
#include "tests/broker/signed_token.h"

enum { HANDSHAKE = 17, AUTHENTICATE = 36, ASKING_PORT = 9094, WEB_PORT = 8080, SOON_MS = 60000 };

static const char *const settings[] = {
	"listeners=PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093,ASKING://:9094",
	"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,ASKING:SASL_PLAINTEXT",
	"inter.broker.listener.name=PLAINTEXT",
	"sasl.enabled.mechanisms=OAUTHBEARER",
	"listener.name.asking.oauthbearer.sasl.jaas.config="
	"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
	"listener.name.asking.oauthbearer.sasl.server.callback.handler.class="
	"org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
	"listener.name.asking.oauthbearer.sasl.oauthbearer.jwks.endpoint.url=http://node1:8080/keys?a=b",
	"listener.name.asking.oauthbearer.sasl.oauthbearer.jwks.endpoint.refresh.ms=600000",
	"listener.name.asking.oauthbearer.sasl.oauthbearer.expected.audience=kafka",
	"listener.name.asking.oauthbearer.sasl.oauthbearer.allow.unverified.issuer=true",
	"odradek.http.listeners=:9644",
	NULL,
};

static struct caller caller;
static struct bytes_out out;

/* ---- the issuer ---- */

static struct issuer {
	struct http_server *server;
	struct loop *loop;
	uint8_t seed; /* of its key; 0: its answer is not a key set */
	const char *kid;
	int status;
	bool is_silent;
	struct http_exchange *held;
	int asked;
} issuer;

static void answer(struct http_exchange *x)
{
	struct buf body = {0};
	char key[200];

	signed_token_key(issuer.seed, issuer.kid, key, sizeof(key));
	buf_printf(&body, issuer.seed ? "{\"keys\":[%s]}" : "<html>", key);
	http_answer(x, issuer.status, "application/json", &body);
}

static void keys_are_asked_for(void *arg, struct http_exchange *x)
{
	(void)arg;
	issuer.asked++;
	if (issuer.is_silent)
		issuer.held = x;
	else
		answer(x);
}

static void open_issuer(void *arg)
{
	static const struct http_route routes[] = {{"/keys", keys_are_asked_for}};
	struct loop *l = loop_new(sim_env(raw_world(), RAW_PEER), "issuer");

	(void)arg;
	issuer.loop = l;
	issuer.server =
		http_new(&(struct http_options){.loop = l, .connections_max = 10, .routes = routes, .n_routes = 1});
	assert_int_equal(http_listen(issuer.server, STR_NULL, WEB_PORT), 0);
}

static void close_issuer(void *arg)
{
	(void)arg;
	http_stop(issuer.server);
	if (issuer.held)
		answer(issuer.held);
	issuer.held = NULL;
	http_free(issuer.server);
	loop_stop(issuer.loop);
	loop_free(issuer.loop);
	issuer.server = NULL;
}

static void issuer_is(bool there)
{
	assert_true(sim_call(raw_world(), RAW_PEER, there ? open_issuer : close_issuer, NULL));
}

/* ---- the node and its clients ---- */

static void up(void)
{
	memset(&caller, 0, sizeof(caller));
	issuer = (struct issuer){.seed = 1, .kid = "one", .status = 200};
	raw_world_allow_url("http://node1:8080/keys?a=b");
	raw_world_up_with(settings);
}

static void down(void)
{
	raw_leave(&caller);
	if (issuer.server)
		issuer_is(false);
	raw_world_down();
}

static void say(void)
{
	raw_say(&caller, &out);
	assert_true(raw_answered(&caller));
	out.len = 0;
}

/* Returns whether a token of this key, with this key id, lets a caller in. */
static bool lets_in(uint8_t seed, const char *kid)
{
	struct bytes_in in;
	char message[2048];
	int n = signed_token_message(seed, kid, raw_world_ms() / 1000, message, sizeof(message));
	size_t began;

	raw_leave(&caller);
	memset(&caller, 0, sizeof(caller));
	caller.port = ASKING_PORT;
	began = raw_begin(&out, HANDSHAKE, 1, 1);
	put_text(&out, "OAUTHBEARER");
	raw_end(&out, began);
	say();
	began = raw_begin(&out, AUTHENTICATE, 1, 2);
	put32(&out, n);
	put_raw(&out, message, (size_t)n);
	raw_end(&out, began);
	say();
	in = (struct bytes_in){caller.in + 8, caller.in_len - 8};
	assert_int_equal(get16(&in), 0);
	skip_text(&in);
	skip_bytes(&in, (size_t)get32(&in));
	return get64(&in) > 0;
}

static bool is_asked(void *arg)
{
	return issuer.asked > *(int *)arg;
}

/* The issuer is asked once more, and its answer arrives. */
static void assert_asked(int64_t within_ms)
{
	int before = issuer.asked;

	assert_true(sim_run_until(raw_world(), within_ms, is_asked, &before));
	sim_run_for(raw_world(), 1000);
	assert_int_equal(issuer.asked, before + 1);
}

static void assert_not_asked(int64_t for_ms)
{
	int before = issuer.asked;

	sim_run_for(raw_world(), for_ms);
	assert_int_equal(issuer.asked, before);
}

/* ---- stories ---- */

static void a_node_starts_without_its_issuer(void **state)
{
	(void)state;
	up();
	assert_false(lets_in(1, "one"));
	sim_run_for(raw_world(), 60000);
	assert_false(lets_in(1, "one"));
	issuer_is(true);
	assert_asked(SOON_MS);
	assert_true(lets_in(1, "one"));
	assert_not_asked(500000);
	down();
}

static void a_key_that_is_missing_has_the_issuer_asked_once_a_minute(void **state)
{
	int before;

	(void)state;
	up();
	issuer_is(true);
	assert_asked(SOON_MS);
	assert_true(lets_in(1, "one"));
	issuer.seed = 2;
	issuer.kid = "two";
	assert_false(lets_in(2, "two"));
	assert_asked(SOON_MS);
	assert_true(lets_in(2, "two"));
	assert_false(lets_in(1, "one")); /* its key was removed: that too makes it ask the issuer */
	assert_asked(SOON_MS);
	before = issuer.asked;
	for (int i = 0; i < 10; i++)
		assert_false(lets_in(3, "three") || lets_in(1, "one"));
	sim_run_for(raw_world(), 1000);
	assert_int_equal(issuer.asked, before + 1);
	assert_not_asked(60000);
	assert_false(lets_in(3, "three"));
	assert_asked(SOON_MS);
	down();
}

static bool is_held(void *arg)
{
	(void)arg;
	return issuer.held;
}

/* The answer under way was requested before the key was missed, and need not contain it. */
static void a_key_that_is_missed_while_the_issuer_answers_has_him_asked_once_more(void **state)
{
	(void)state;
	up();
	issuer_is(true);
	assert_asked(SOON_MS);
	issuer.is_silent = true;
	assert_true(sim_run_until(raw_world(), 700000, is_held, NULL));
	assert_false(lets_in(2, "two"));
	assert_not_asked(1000);
	issuer.is_silent = false;
	answer(issuer.held);
	issuer.held = NULL;
	issuer.seed = 2;
	issuer.kid = "two";
	assert_asked(2000);
	assert_true(lets_in(2, "two"));
	assert_not_asked(500000);
	down();
}

static void names_without_end_have_it_asked_once_a_second_at_most(void **state)
{
	int before;
	int64_t began_ms;
	char kid[16];

	(void)state;
	up();
	issuer_is(true);
	assert_asked(SOON_MS);
	before = issuer.asked;
	began_ms = raw_world_ms();
	for (int i = 0; i < 200; i++) {
		snprintf(kid, sizeof(kid), "k%d", i);
		assert_false(lets_in(3, kid));
	}
	assert_in_range(issuer.asked - before, 1, (raw_world_ms() - began_ms) / 1000 + 1);
	assert_true(lets_in(1, "one"));
	down();
}

static void keys_are_fetched_anew_now_and_then(void **state)
{
	(void)state;
	up();
	issuer_is(true);
	assert_asked(SOON_MS);
	issuer.seed = 2; /* with the same name */
	assert_not_asked(500000);
	assert_true(lets_in(1, "one"));
	assert_asked(200000);
	assert_false(lets_in(1, "one"));
	assert_true(lets_in(2, "one"));
	down();
}

static void nothing_that_an_issuer_does_takes_keys_away(void **state)
{
	(void)state;
	up();
	issuer_is(true);
	assert_asked(SOON_MS);
	issuer.seed = 0;
	sim_run_for(raw_world(), 700000);
	assert_true(issuer.asked > 2);
	assert_true(lets_in(1, "one"));
	issuer.seed = 2;
	issuer.status = 503;
	sim_run_for(raw_world(), 700000);
	assert_true(lets_in(1, "one"));
	issuer.is_silent = true;
	sim_run_for(raw_world(), 700000);
	assert_non_null(issuer.held);
	assert_true(lets_in(1, "one"));
	issuer_is(false);
	sim_run_for(raw_world(), 700000);
	assert_true(lets_in(1, "one"));
	issuer.is_silent = false;
	issuer.status = 200;
	issuer_is(true);
	sim_run_for(raw_world(), 700000);
	assert_true(lets_in(2, "one"));
	down();
}

/* The node can be stopped at any moment of an attempt, and then holds nothing. */
static void a_stop_waits_for_no_issuer(void **state)
{
	(void)state;
	for (int ms = 0; ms < 40; ms += 4) {
		up();
		issuer_is(true);
		issuer.is_silent = ms % 8 == 0;
		sim_run_for(raw_world(), ms);
		down();
	}
}

/* ---- what is counted ---- */

static struct caller web;

static void what_becomes_of_it_is_counted(void **state)
{
	(void)state;
	up();
	assert_non_null(strstr(raw_metrics(&web), "\nodradek_token_keys{listener=\"ASKING\"} 0\n"));
	assert_non_null(strstr(raw_metrics(&web), "\nodradek_token_keys_age_seconds{listener=\"ASKING\"} NaN\n"));
	assert_null(strstr(raw_metrics(&web), "\nodradek_token_keys_failures_total{listener=\"ASKING\"} 0\n"));
	issuer_is(true);
	assert_asked(SOON_MS);
	sim_run_for(raw_world(), 29000);
	assert_non_null(strstr(raw_metrics(&web), "\nodradek_token_keys{listener=\"ASKING\"} 1\n"));
	assert_non_null(strstr(raw_metrics(&web), "\nodradek_token_keys_reads_total{listener=\"ASKING\"} 1\n"));
	assert_non_null(strstr(raw_metrics(&web), "\nodradek_token_keys_age_seconds{listener=\"ASKING\"} 30\n"));
	raw_leave(&web);
	down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_starts_without_its_issuer),
		cmocka_unit_test(a_key_that_is_missing_has_the_issuer_asked_once_a_minute),
		cmocka_unit_test(a_key_that_is_missed_while_the_issuer_answers_has_him_asked_once_more),
		cmocka_unit_test(names_without_end_have_it_asked_once_a_second_at_most),
		cmocka_unit_test(keys_are_fetched_anew_now_and_then),
		cmocka_unit_test(nothing_that_an_issuer_does_takes_keys_away),
		cmocka_unit_test(a_stop_waits_for_no_issuer),
		cmocka_unit_test(what_becomes_of_it_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
