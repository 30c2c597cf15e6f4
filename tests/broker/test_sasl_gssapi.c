/*
 * sasl_gssapi: GSSAPI (RFC 4752) on a node in the simulator, with the test in the role of the
 * library: what each side says in which order, which user a principal becomes, and steps that are
 * jobs while the connection or the node goes away.
 */
#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "base/err.h"
#include "tests/base/cm.h"
#include "tests/broker/raw_world.h"
#include "tests/kerberos/fake_gss.h"

enum { HANDSHAKE = 17, AUTHENTICATE = 36, ASKING_PORT = 9094 };

#define LINE                                                                                                           \
	"listener.name.asking.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required "          \
	"useKeyTab=true storeKey=true keyTab=\"/k\" principal=\"kafka/host@REALM\";"
#define GENERIC "Authentication failed during authentication due to invalid credentials with SASL mechanism GSSAPI"
#define TOKEN(literal) literal, (int)sizeof(literal) - 1
/* No protection layer, no data accepted. */
#define CHOICE "W\1\0\0\0"

static struct caller caller;
static struct bytes_out out;

static void up(const char *extra)
{
	const char *settings[] = {
		"listeners=PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093,ASKING://:9094",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,ASKING:SASL_PLAINTEXT",
		"inter.broker.listener.name=PLAINTEXT",
		"sasl.kerberos.service.name=kafka",
		LINE,
		extra,
		NULL,
	};

	sim_library(fake_gss_find);
	raw_world_up_with(settings);
	memset(&caller, 0, sizeof(caller));
	caller.port = ASKING_PORT;
}

static void down(void)
{
	raw_leave(&caller);
	raw_world_down();
	sim_library(NULL);
	assert_int_equal(fake_gss_held(), 0);
}

static bool say(void)
{
	bool answered;

	raw_say(&caller, &out);
	answered = raw_answered(&caller);
	out.len = 0;
	return answered;
}

static void shake_hands(int version)
{
	size_t began = raw_begin(&out, HANDSHAKE, version, 1);

	put_text(&out, "GSSAPI");
	raw_end(&out, began);
	assert_true(say());
	assert_int_equal(get_u32(caller.in + 4), 1);
}

static void put_token(const char *token, int len)
{
	size_t began = raw_begin(&out, AUTHENTICATE, 1, 2);

	put32(&out, len);
	put_raw(&out, token, (size_t)len);
	raw_end(&out, began);
}

/* Its error; *answer the token or the message. */
static int hear(struct str *answer)
{
	struct bytes_in in = {caller.in + 8, caller.in_len - 8};
	int error = get16(&in);
	int len = get16(&in);

	*answer = (struct str){(const char *)in.p, len};
	if (error)
		return error;
	len = get32(&in);
	*answer = (struct str){(const char *)in.p, len};
	return 0;
}

static void expect(const char *token, int len, const char *wanted, int wanted_len)
{
	struct str answer;

	put_token(token, len);
	assert_true(say());
	assert_int_equal(hear(&answer), 0);
	assert_int_equal(answer.len, wanted_len);
	assert_memory_equal(answer.p, wanted, (size_t)wanted_len);
}

static void expect_failure(const char *token, int len)
{
	struct str answer;

	put_token(token, len);
	assert_true(say());
	assert_int_equal(hear(&answer), ERR_SASL_AUTHENTICATION_FAILED);
	assert_true(str_is(answer, GENERIC));
	caller.in_len = 0;
	if (!caller.closed)
		assert_true(sim_run_until(raw_world(), RAW_PATIENCE_MS, raw_has_answer, &caller) && caller.closed);
	raw_leave(&caller);
}

static void assert_served(void)
{
	put_metadata(&out, 3, NULL, false);
	assert_true(say());
}

/* Like a client of MIT Kerberos: the context's answer, nothing, the layers, the choice. */
static void begin(const char *token, int len)
{
	shake_hands(1);
	expect(token, len, TOKEN("R"));
	expect(TOKEN(""), TOKEN("W\1\1\0\0"));
}

static void who_has_a_ticket_is_served(void **state)
{
	(void)state;
	up(NULL);
	begin(TOKEN("Talice@REALM"));
	expect(TOKEN(CHOICE), TOKEN(""));
	assert_served();
	raw_leave(&caller);
	/* the requested identity has no effect */
	begin(TOKEN("Talice@REALM"));
	expect(TOKEN(CHOICE "bob"), TOKEN(""));
	assert_served();
	down();
}

static void a_context_without_an_answer_goes_on_with_the_layers(void **state)
{
	(void)state;
	up(NULL);
	shake_hands(1);
	expect(TOKEN("T-alice@REALM"), TOKEN("W\1\1\0\0"));
	expect(TOKEN(CHOICE), TOKEN(""));
	assert_served();
	down();
}

static void bare_tokens_end_without_an_answer(void **state)
{
	(void)state;
	up(NULL);
	shake_hands(0);
	put32(&out, 13);
	put_raw(&out, "T-alice@REALM", 13);
	assert_true(say());
	assert_int_equal(caller.in_len, 9);
	assert_memory_equal(caller.in + 4, "W\1\1\0\0", 5);
	put32(&out, 5);
	put_raw(&out, CHOICE, 5);
	put_metadata(&out, 3, NULL, false); /* sent after it, since nothing will be said */
	assert_true(say());
	assert_true(caller.in_len > 40);
	down();
}

static void what_is_no_ticket_is_refused_without_a_reason(void **state)
{
	(void)state;
	up(NULL);
	shake_hands(1);
	expect_failure(TOKEN("X"));
	shake_hands(1);
	expect_failure(TOKEN(""));
	shake_hands(1);
	expect_failure(TOKEN("garbage"));
	shake_hands(1);
	expect_failure(TOKEN("S"));
	shake_hands(1);
	expect(TOKEN("Talice@REALM"), TOKEN("R"));
	expect_failure(TOKEN("more"));
	begin(TOKEN("Talice@REALM"));
	expect_failure(TOKEN("not wrapped"));
	begin(TOKEN("Talice@REALM"));
	expect_failure(TOKEN("W"));
	begin(TOKEN("Talice@REALM"));
	expect_failure(TOKEN("W\1\0\0"));
	begin(TOKEN("Talice@REALM"));
	expect_failure(TOKEN("W\4\0\0\0"));
	down();
}

static void a_ticket_of_tomorrow_is_not_answered(void **state)
{
	(void)state;
	up(NULL);
	shake_hands(1);
	put_token(TOKEN("Y"));
	assert_false(say());
	down();
}

static void rules_say_who_somebody_is(void **state)
{
	(void)state;
	up("sasl.kerberos.principal.to.local.rules=RULE:[2:$1](boss)s/boss/alice/,DEFAULT");
	begin(TOKEN("Tboss/there@REALM"));
	expect(TOKEN(CHOICE), TOKEN(""));
	assert_served();
	raw_leave(&caller);
	begin(TOKEN("Talice@ELSEWHERE"));
	expect_failure(TOKEN(CHOICE));
	begin(TOKEN("Tboss/there/too@REALM"));
	expect_failure(TOKEN(CHOICE "alice"));
	down();
}

static bool so_many_events(void *left)
{
	return (*(int *)left)-- <= 0;
}

/* Runs so far that a step is on its way somewhere. */
static void run_on(int events)
{
	sim_run_until(raw_world(), 5, so_many_events, &events);
}

static void who_hangs_up_during_a_step_leaves_nothing(void **state)
{
	(void)state;
	up(NULL);
	for (int events = 0; events < 30; events++) {
		shake_hands(1);
		put_token(TOKEN("Talice@REALM"));
		raw_say(&caller, &out);
		out.len = 0;
		run_on(events);
		raw_leave(&caller);
	}
	down();
}

static void a_stop_during_a_step_leaves_nothing(void **state)
{
	(void)state;
	for (int events = 0; events < 20; events++) {
		up(NULL);
		shake_hands(1);
		put_token(TOKEN("Talice@REALM"));
		raw_say(&caller, &out);
		run_on(events);
		out.len = 0;
		raw_world_down();
		sim_library(NULL);
		assert_int_equal(fake_gss_held(), 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_a_ticket_is_served),
		cmocka_unit_test(a_context_without_an_answer_goes_on_with_the_layers),
		cmocka_unit_test(bare_tokens_end_without_an_answer),
		cmocka_unit_test(what_is_no_ticket_is_refused_without_a_reason),
		cmocka_unit_test(a_ticket_of_tomorrow_is_not_answered),
		cmocka_unit_test(rules_say_who_somebody_is),
		cmocka_unit_test(who_hangs_up_during_a_step_leaves_nothing),
		cmocka_unit_test(a_stop_during_a_step_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
