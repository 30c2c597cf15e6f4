/*
 * channel: a login, with a node played by the test that accepts, refuses, lies, is silent or says
 * too much.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "env/sim/sim.h"
#include "net/channel.h"
#include "protocol/metadata.h"
#include "protocol/sasl_authenticate.h"
#include "protocol/sasl_handshake.h"
#include "tests/base/cm.h"
#include "tests/broker/played_controller.h"
#include "wire/codec.h"
#include "wire/login.h"

enum { ASKS, ANSWERS, MACHINES, CALLS = 8, MS = 1000000 };

enum manner {
	LETS_IN,
	HAS_OTHER_MECHANISMS,
	WANTS_NO_LOGIN,
	SAYS_NO,
	SAYS_NO_WITHOUT_WORDS,
	HANGS_UP,
	SAYS_GARBAGE,
	SAYS_TOO_MUCH,
	IS_SILENT,
	LIES,
};

static struct {
	struct sim_world *sim;
	struct played_controller node;
	enum manner manner;
	int64_t lifetime_ms;
	int n_handshakes, n_words, n_metadata;
	bool early; /* something was requested before the login was complete */
	bool is_in;

	struct channels channels;
	struct channel channel;
	struct metadata_request request;
	struct arena arena;
	struct call calls[CALLS];
	int n_calls, n_done, n_broken;
	int err;
	char why[LOGIN_FAILURE_MAX];
	int64_t broken_ms[CALLS];
	bool tries_on;
	bool works;
	int waits; /* this many steps wait for another exchange's work */
	bool has_errand;
	const _Atomic bool *over;
	int n_works;
	int n_exchanges;
} t;

/* ---- a mechanism: "who?" "me" "really?" "yes" "so be it" ---- */

struct talk {
	struct login login;
	int n;
};

static enum login_turn talk_step(struct login *l, struct str in, struct buf *out)
{
	struct talk *k = container_of(l, struct talk, login);

	if (t.works && k->n == 1) {
		t.works = false;
		return LOGIN_WORK;
	}
	if (t.waits > 0 && k->n == 1) {
		t.waits--;
		return LOGIN_WAIT;
	}
	l->has_errand = t.has_errand;
	if (k->n++ == 0) {
		assert_true(str_is(in, ""));
		buf_put_str(out, STR("me"));
		return LOGIN_SAY;
	}
	if (!str_is(in, "really?")) {
		strcpy(l->failure, "the server is not who it should be");
		return LOGIN_FAIL;
	}
	buf_put_str(out, STR("yes"));
	return LOGIN_LAST;
}

static void talk_work(struct login *l)
{
	(void)l;
	t.n_works++;
}

static void talk_free(struct login *l)
{
	struct talk *k = container_of(l, struct talk, login);

	t.n_exchanges--;
	xfree(k);
}

static struct login *talk_begin(const struct login_method *m, const struct login_start *start)
{
	static const struct login_ops ops = {talk_step, talk_free, talk_work};
	static const uint8_t nothing[LOGIN_NONCE_LEN];
	struct talk *k = xcalloc(1, sizeof(*k));

	assert_string_equal(start->host, "10.0.0.2");
	assert_memory_not_equal(start->nonce, nothing, sizeof(nothing));
	(void)m;
	t.n_exchanges++;
	t.over = start->over;
	k->login.ops = &ops;
	k->login.waits_for_others = true;
	return &k->login;
}

static const struct login_method_ops talk_ops = {talk_begin};
static const struct login_method talk = {&talk_ops, STR("TALK")};

/* ---- the node ---- */

static enum played_act on_handshake(const struct sasl_handshake_request *in, struct sasl_handshake_response *out)
{
	static struct str others[] = {STR("PLAIN"), STR("GSSAPI")};

	t.n_handshakes++;
	t.n_words = 0;
	t.is_in = false;
	assert_true(str_is(in->mechanism, "TALK"));
	if (t.manner == HAS_OTHER_MECHANISMS)
		*out = (struct sasl_handshake_response){ERR_UNSUPPORTED_SASL_MECHANISM, {others, 2}};
	if (t.manner == WANTS_NO_LOGIN)
		out->error_code = ERR_ILLEGAL_SASL_STATE;
	return PLAYED_ANSWER;
}

static enum played_act on_words(const struct played_request *r, struct sasl_authenticate_response *out)
{
	static const char much[1 << 20];
	const struct sasl_authenticate_request *in = r->in;
	struct str words = {(const char *)in->auth_bytes.p, in->auth_bytes.len};

	assert_true(str_is(words, t.n_words == 0 ? "me" : "yes"));
	if (t.n_words++ == 0) {
		out->auth_bytes = (struct bytes){(const uint8_t *)"really?", t.manner == LIES ? 6 : 7};
		return t.manner == HANGS_UP ? PLAYED_HANG_UP : PLAYED_ANSWER;
	}
	switch (t.manner) {
	case SAYS_NO:
		out->error_message = STR("Authentication failed: nobody knows you");
		out->error_code = ERR_SASL_AUTHENTICATION_FAILED;
		return PLAYED_ANSWER;
	case SAYS_NO_WITHOUT_WORDS:
		out->error_code = ERR_SASL_AUTHENTICATION_FAILED;
		return PLAYED_ANSWER;
	case SAYS_GARBAGE:
		return PLAYED_GARBAGE;
	case SAYS_TOO_MUCH:
		out->auth_bytes = (struct bytes){(const uint8_t *)much, sizeof(much)};
		return PLAYED_ANSWER;
	case IS_SILENT:
		return PLAYED_SILENCE;
	default:
		t.is_in = true;
		out->session_lifetime_ms = t.lifetime_ms;
		return PLAYED_ANSWER;
	}
}

static enum played_act act(struct played_controller *p, const struct played_request *r, void *out)
{
	(void)p;
	if (r->key == sasl_handshake_request_KEY)
		return on_handshake(r->in, out);
	if (r->key == sasl_authenticate_request_KEY)
		return on_words(r, out);
	t.early = t.early || !t.is_in;
	t.n_metadata++;
	return t.node.late_ms ? PLAYED_LATE : PLAYED_ANSWER;
}

/* ---- who asks ---- */

static void done(struct call *c)
{
	assert_int_equal(c->err, 0);
	t.n_done++;
}

static void ask(void *arg)
{
	struct call *c = &t.calls[t.n_calls++ % CALLS];

	(void)arg;
	*c = (struct call){.key = metadata_request_KEY, .request = &t.request, .arena = &t.arena, .done = done};
	list_init(&c->link);
	timer_init(&c->timer, t.channels.loop, NULL);
	channel_call(&t.channel, c);
}

static void broken(struct channel *ch, int err, struct list *calls)
{
	t.err = err;
	strcpy(t.why, channel_why(ch));
	while (!list_empty(calls))
		list_remove(list_first(calls));
	t.broken_ms[t.n_broken++] = sim_now_ns(t.sim) / MS;
	if (t.tries_on && t.n_broken < CALLS)
		ask(NULL);
}

static void start(void *arg)
{
	(void)arg;
	arena_init(&t.arena, 1 << 24);
	codec_init(&metadata_request_schema, &t.request);
	channels_init(&t.channels, loop_new(sim_env(t.sim, ASKS), "asks"));
	t.channels.client_id = STR("asks");
	t.channels.answer_max = 16 << 20;
	t.channels.broken = broken;
	t.channels.setup_timeout_ms = 3000;
	t.channels.backoff_max_ms = 50;
	t.channels.login = &talk;
	channel_init(&t.channel, &t.channels, "10.0.0.2", PLAYED_PORT);
}

static void stop(void *arg)
{
	(void)arg;
	channels_stop(&t.channels);
	assert_true(!t.over || *t.over);
	channel_fini(&t.channel);
	channels_fini(&t.channels);
	arena_fini(&t.arena);
}

static void begin(enum manner manner)
{
	struct sim_options calm;

	memset(&t, 0, sizeof(t));
	t.manner = manner;
	sim_options_calm(&calm);
	calm.n_envs = MACHINES;
	t.sim = sim_world_new(1, &calm);
	t.node = (struct played_controller){.machine = ANSWERS, .sim = t.sim, .act = act};
	played_start(&t.node);
	assert_true(sim_call(t.sim, ASKS, start, NULL));
}

static void end(void)
{
	assert_true(sim_call(t.sim, ASKS, stop, NULL));
	assert_int_equal(t.n_exchanges, 0);
	assert_false(t.early);
	sim_world_free(t.sim);
}

static bool all_ended(void *arg)
{
	(void)arg;
	return t.n_done + t.n_broken >= (t.tries_on ? CALLS : t.n_calls);
}

static void ask_and_wait(void)
{
	assert_true(sim_call(t.sim, ASKS, ask, NULL));
	assert_true(sim_run_until(t.sim, 60000, all_ended, NULL));
}

/* ---- tests ---- */

static void nothing_is_asked_before_the_login_is_done(void **state)
{
	(void)state;
	begin(LETS_IN);
	assert_true(sim_call(t.sim, ASKS, ask, NULL));
	ask_and_wait();
	assert_int_equal(t.n_done, 2);
	assert_int_equal(t.n_handshakes, 1);
	end();
}

static void an_exchange_may_have_a_job_work_for_it(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.works = true;
	ask_and_wait();
	assert_int_equal(t.n_works, 1);
	assert_int_equal(t.n_done, 1);
	end();
}

static void an_exchange_may_wait_for_anothers_work(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.waits = 3;
	ask_and_wait();
	assert_int_equal(t.waits, 0);
	assert_int_equal(t.n_works, 0);
	assert_int_equal(t.n_done, 1);
	end();
}

static void a_wait_ends_with_its_connection(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.waits = 1 << 30;
	ask_and_wait();
	assert_int_equal(t.n_broken, 1);
	t.waits = 0;
	ask_and_wait();
	assert_int_equal(t.n_done, 1);
	end();
}

static bool works(void *arg)
{
	(void)arg;
	return t.channels.n_resolving > 0;
}

static bool works_no_more(void *arg)
{
	return !works(arg);
}

static void an_errand_is_done_behind_a_login(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.has_errand = true;
	ask_and_wait();
	assert_int_equal(t.n_done, 1);
	assert_true(sim_run_until(t.sim, 60000, works_no_more, NULL));
	assert_int_equal(t.n_works, 1);
	assert_int_equal(t.n_exchanges, 0);
	end();
}

static void give_up(void *arg)
{
	(void)arg;
	channel_break(&t.channel, -ECONNRESET);
}

static void an_exchange_that_nobody_wants_any_more_ends_with_its_work(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.works = true;
	assert_true(sim_call(t.sim, ASKS, ask, NULL));
	assert_true(sim_run_until(t.sim, 60000, works, NULL));
	assert_true(sim_call(t.sim, ASKS, give_up, NULL));
	assert_int_equal(t.n_broken, 1);
	assert_int_equal(t.n_exchanges, 1);
	assert_true(sim_run_until(t.sim, 60000, works_no_more, NULL));
	assert_int_equal(t.n_exchanges, 0);
	ask_and_wait();
	assert_int_equal(t.n_done, 1);
	end();
}

static void why_a_login_fails_is_known(void **state)
{
	static const struct {
		enum manner manner;
		int err;
		const char *why;
	} rows[] = {
		{HAS_OTHER_MECHANISMS, ERR_UNSUPPORTED_SASL_MECHANISM,
		 "Client SASL mechanism 'TALK' not enabled in the server, enabled mechanisms are [PLAIN, GSSAPI]"},
		{WANTS_NO_LOGIN, ERR_ILLEGAL_SASL_STATE,
		 "Unexpected handshake request with client mechanism TALK, enabled mechanisms are []"},
		{SAYS_NO, ERR_SASL_AUTHENTICATION_FAILED, "Authentication failed: nobody knows you"},
		{SAYS_NO_WITHOUT_WORDS, ERR_SASL_AUTHENTICATION_FAILED, "SASL Authentication failed."},
		{LIES, ERR_SASL_AUTHENTICATION_FAILED, "the server is not who it should be"},
		{HANGS_UP, -ECONNRESET, ""},
		{SAYS_GARBAGE, -EPROTO, ""},
		{SAYS_TOO_MUCH, -EMSGSIZE, ""},
		{IS_SILENT, -ETIMEDOUT, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(rows[i].manner);
		ask_and_wait();
		assert_int_equal(t.n_broken, 1);
		assert_int_equal(t.err, rows[i].err);
		assert_string_equal(t.why, rows[i].why);
		assert_int_equal(t.n_metadata, 0);
		end();
	}
}

/* The pauses grow, whatever the owner's longest pause is. */
static void a_refused_login_is_not_tried_without_rest(void **state)
{
	(void)state;
	begin(SAYS_NO);
	t.tries_on = true;
	ask_and_wait();
	for (int i = 1; i < CALLS; i++)
		assert_true(t.broken_ms[i] - t.broken_ms[i - 1] >= (i < 6 ? 50 << (i - 1) : 1000));
	end();
}

static void after_a_refusal_another_trouble_is_not_taken_for_it(void **state)
{
	(void)state;
	begin(SAYS_NO);
	ask_and_wait();
	assert_string_not_equal(t.why, "");
	t.manner = HANGS_UP;
	ask_and_wait();
	assert_int_equal(t.n_broken, 2);
	assert_string_equal(t.why, "");
	t.manner = LETS_IN;
	ask_and_wait();
	assert_int_equal(t.n_done, 1);
	end();
}

static void a_session_is_renewed_before_it_ends_and_no_call_is_lost(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.lifetime_ms = 10000;
	ask_and_wait();
	sim_run_for(t.sim, 8000); /* 80 percent: too early */
	ask_and_wait();
	assert_int_equal(t.n_handshakes, 1);
	sim_run_for(t.sim, 1600); /* 96 percent */
	for (int i = 0; i < 3; i++)
		assert_true(sim_call(t.sim, ASKS, ask, NULL));
	ask_and_wait();
	assert_int_equal(t.n_handshakes, 2);
	assert_int_equal(t.n_done, 6);
	assert_int_equal(t.n_broken, 0);
	assert_int_equal(t.node.n_connections, 1);
	end();
}

/* The setup may take three seconds. */
static void a_renewal_has_its_time_from_when_it_is_its_turn(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.lifetime_ms = 10000;
	ask_and_wait();
	sim_run_for(t.sim, 8000);
	t.node.late_ms = 8000;
	assert_true(sim_call(t.sim, ASKS, ask, NULL));
	sim_run_for(t.sim, 1600);
	ask_and_wait();
	assert_int_equal(t.n_handshakes, 2);
	assert_int_equal(t.n_done, 3);
	assert_int_equal(t.n_broken, 0);
	assert_int_equal(t.node.n_connections, 1);
	end();
}

static void nobody_is_told_again_while_nothing_is_asked(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.lifetime_ms = 1000;
	ask_and_wait();
	sim_run_for(t.sim, 60000);
	assert_int_equal(t.n_handshakes, 1);
	ask_and_wait();
	assert_int_equal(t.n_handshakes, 2);
	end();
}

static void a_renewal_that_is_refused_breaks_the_connection(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.lifetime_ms = 1000;
	ask_and_wait();
	sim_run_for(t.sim, 1000);
	t.manner = SAYS_NO;
	ask_and_wait();
	assert_int_equal(t.n_broken, 1);
	assert_int_equal(t.err, ERR_SASL_AUTHENTICATION_FAILED);
	end();
}

static void a_renewal_that_is_not_answered_breaks_the_connection(void **state)
{
	(void)state;
	begin(LETS_IN);
	t.lifetime_ms = 1000;
	ask_and_wait();
	sim_run_for(t.sim, 1000);
	t.manner = IS_SILENT;
	ask_and_wait();
	assert_int_equal(t.err, -ETIMEDOUT);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_asked_before_the_login_is_done),
		cmocka_unit_test(an_exchange_may_have_a_job_work_for_it),
		cmocka_unit_test(an_exchange_may_wait_for_anothers_work),
		cmocka_unit_test(a_wait_ends_with_its_connection),
		cmocka_unit_test(an_errand_is_done_behind_a_login),
		cmocka_unit_test(an_exchange_that_nobody_wants_any_more_ends_with_its_work),
		cmocka_unit_test(why_a_login_fails_is_known),
		cmocka_unit_test(a_refused_login_is_not_tried_without_rest),
		cmocka_unit_test(after_a_refusal_another_trouble_is_not_taken_for_it),
		cmocka_unit_test(a_session_is_renewed_before_it_ends_and_no_call_is_lost),
		cmocka_unit_test(a_renewal_has_its_time_from_when_it_is_its_turn),
		cmocka_unit_test(nobody_is_told_again_while_nothing_is_asked),
		cmocka_unit_test(a_renewal_that_is_refused_breaks_the_connection),
		cmocka_unit_test(a_renewal_that_is_not_answered_breaks_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
