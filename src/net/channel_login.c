/*
 * channel_login: SaslHandshake, then SaslAuthenticate until both sides have sent everything they
 * must.
 *
 * 1. Nothing else is sent while a login is under way. What was sent before is answered first:
 *    answers come in the order of requests.
 * 2. If a server tells how long a session lasts, the channel re-authenticates once 85 to 95 percent
 *    of that have passed, before the next request (KIP-368). It sends nothing just for that: an
 *    unused connection may time out.
 * 3. The time allowed for a re-authentication starts when everything requested before has been
 *    answered: a fetch may be parked for long.
 * 4. If a login has an errand when it is done, the errand runs afterwards; only the shutdown waits
 *    for it, as for name look-ups.
 * 5. The server's messages must fit into the login's own small arena.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/channel_priv.h"
#include "protocol/sasl_authenticate.h"
#include "protocol/sasl_handshake.h"
#include "wire/codec.h"
#include "wire/login.h"

enum { ARENA_MAX = 256 * 1024, TRUSTED_PERCENT = 85, CHANCE_PERCENT = 10, WAIT_MS = 50 };

/* Work of an exchange, which is freed afterwards if its connection has gone meanwhile. */
struct errand {
	struct work work;
	struct channels *all;
	struct channel_login *login; /* NULL: no longer wanted */
	struct login *exchange;
	atomic_bool unwanted; /* the same, for the job */
};

struct channel_login {
	struct channel *channel;
	struct errand *errand;	/* NULL: none under way */
	struct login *exchange; /* NULL: none under way */
	struct timer wait;	/* waits for another login's work */
	struct call call;
	struct arena arena;
	struct sasl_handshake_request handshake;
	struct sasl_authenticate_request authenticate;
	struct buf words; /* this side's message, as it is sent */
	struct str heard; /* the server's message; in the arena */
	bool is_last;	  /* this side sends nothing after it */
	int64_t lifetime_ms;
	int64_t renew_ns; /* when to re-authenticate; 0: never */
};

static void step(struct channel_login *l);
static void let_run(struct channel_login *l);

/* ---- the end ---- */

static void end_exchange(struct channel_login *l)
{
	timer_stop(&l->wait);
	if (l->errand) {
		l->errand->login = NULL;
		atomic_store_explicit(&l->errand->unwanted, true, memory_order_relaxed);
	} else if (l->exchange) {
		login_free(l->exchange);
	}
	l->errand = NULL;
	l->exchange = NULL;
	if (l->words.p)
		explicit_bzero(l->words.p, l->words.cap);
	l->words.len = 0;
	list_remove(&l->call.link);
	arena_reset(&l->arena);
}

static void refuse(struct channel_login *l, int err, char *why)
{
	xfree(l->channel->why);
	l->channel->why = why;
	channel_break(l->channel, err);
}

static int64_t renewal_ns(const struct channel_login *l)
{
	struct env *env = l->channel->all->loop->env;
	int64_t percent = TRUSTED_PERCENT + (int64_t)env_random_below(env, CHANCE_PERCENT + 1);
	int64_t longest = INT64_MAX / 1000000 / 100;
	int64_t ms = l->lifetime_ms < longest ? l->lifetime_ms : longest;

	return ms > 0 ? env_mono_ns(env) + ms * 1000000 / 100 * percent : 0;
}

static void succeed(struct channel_login *l)
{
	if (l->exchange->has_errand)
		let_run(l);
	end_exchange(l);
	l->renew_ns = renewal_ns(l);
	channel_logged_in(l->channel);
}

/* ---- SaslAuthenticate ---- */

/* The message in the server's refusal, or Kafka's default message if it has none. */
static char *words_of(const struct sasl_authenticate_response *r)
{
	struct str text = r->error_message;

	if (str_is_null(text) || text.len == 0)
		text = str_of(err_message(r->error_code));
	return xasprintf("%.*s", STR_ARG(text));
}

static void on_answer(struct call *call)
{
	struct channel_login *l = container_of(call, struct channel_login, call);
	const struct sasl_authenticate_response *r = call->response;

	if (call->err != 0) {
		channel_break(l->channel, call->err);
		return;
	}
	if (r->error_code != 0) {
		refuse(l, r->error_code, words_of(r));
		return;
	}
	if (call->version >= 1 && r->session_lifetime_ms > 0)
		l->lifetime_ms = r->session_lifetime_ms;
	l->heard = (struct str){(const char *)r->auth_bytes.p, r->auth_bytes.len};
	if (l->is_last)
		succeed(l);
	else
		step(l);
}

static void say(struct channel_login *l)
{
	arena_reset(&l->arena);
	l->heard = STR("");
	codec_init(&sasl_authenticate_request_schema, &l->authenticate);
	l->authenticate.auth_bytes =
		(struct bytes){l->words.p ? l->words.p : (const uint8_t *)"", (int32_t)l->words.len};
	l->call = (struct call){
		.key = sasl_authenticate_request_KEY,
		.request = &l->authenticate,
		.arena = &l->arena,
		.done = on_answer,
	};
	channel_say(l->channel, &l->call);
}

static void do_errand(struct work *w)
{
	struct errand *e = container_of(w, struct errand, work);

	if (!atomic_load_explicit(&e->unwanted, memory_order_relaxed) && !e->all->over)
		login_work(e->exchange);
}

static void errand_done(struct work *w)
{
	struct errand *e = container_of(w, struct errand, work);
	struct channel_login *l = e->login;

	e->all->n_resolving--;
	if (l) {
		l->errand = NULL;
		step(l);
	} else {
		login_free(e->exchange);
	}
	xfree(e);
}

static void send_errand(struct channel_login *l)
{
	struct errand *e = l->errand = xcalloc(1, sizeof(*e));

	e->all = l->channel->all;
	e->login = l;
	e->exchange = l->exchange;
	e->work.job = do_errand;
	e->work.done = errand_done;
	e->work.waits_for_others = l->exchange->waits_for_others;
	e->all->n_resolving++;
	env_work(e->all->loop, &e->work);
}

/* Lets the work finish on its own; nothing waits for it. */
static void let_run(struct channel_login *l)
{
	send_errand(l);
	l->errand->login = NULL;
	l->errand = NULL;
	l->exchange = NULL;
}

static void wait_is_over(struct timer *t)
{
	step(container_of(t, struct channel_login, wait));
}

static void step(struct channel_login *l)
{
	enum login_turn turn;

	l->words.len = 0;
	turn = login_step(l->exchange, l->heard, &l->words);
	if (turn == LOGIN_WORK) {
		send_errand(l);
		return;
	}
	if (turn == LOGIN_WAIT) {
		timer_start(&l->wait, WAIT_MS);
		return;
	}
	if (turn == LOGIN_FAIL) {
		refuse(l, ERR_SASL_AUTHENTICATION_FAILED, xasprintf("%s", l->exchange->failure));
		return;
	}
	if (turn == LOGIN_DONE) {
		succeed(l);
		return;
	}
	l->is_last = turn == LOGIN_LAST;
	say(l);
}

/* ---- SaslHandshake ---- */

static char *mechanisms_of(const struct sasl_handshake_response *r)
{
	struct buf b = {0};
	char *text;

	for (int32_t i = 0; i < r->mechanisms.n; i++)
		buf_printf(&b, "%s%.*s", i ? ", " : "", STR_ARG(r->mechanisms.v[i]));
	text = str_dup(b.len ? buf_str(&b) : STR(""));
	buf_fini(&b);
	return text;
}

static void refuse_mechanism(struct channel_login *l, const struct sasl_handshake_response *r)
{
	struct str mechanism = l->channel->all->login->mechanism;
	char *there = mechanisms_of(r), *why;

	if (r->error_code == ERR_UNSUPPORTED_SASL_MECHANISM)
		why = xasprintf("Client SASL mechanism '%.*s' not enabled in the server, enabled mechanisms are [%s]",
				STR_ARG(mechanism), there);
	else if (r->error_code == ERR_ILLEGAL_SASL_STATE)
		why = xasprintf("Unexpected handshake request with client mechanism %.*s, enabled mechanisms are [%s]",
				STR_ARG(mechanism), there);
	else
		why = xasprintf("Unknown error code %s, client mechanism is %.*s, enabled mechanisms are [%s]",
				err_name(r->error_code), STR_ARG(mechanism), there);
	xfree(there);
	refuse(l, r->error_code == ERR_UNSUPPORTED_SASL_MECHANISM ? r->error_code : ERR_ILLEGAL_SASL_STATE, why);
}

static void on_handshake(struct call *call)
{
	struct channel_login *l = container_of(call, struct channel_login, call);
	const struct sasl_handshake_response *r = call->response;

	if (call->err != 0)
		channel_break(l->channel, call->err);
	else if (r->error_code != 0)
		refuse_mechanism(l, r);
	else
		step(l);
}

static struct channel_login *login_of(struct channel *ch)
{
	struct channel_login *l = ch->login;

	if (l)
		return l;
	l = ch->login = xcalloc(1, sizeof(*l));
	l->channel = ch;
	list_init(&l->call.link);
	timer_init(&l->wait, ch->all->loop, wait_is_over);
	arena_init(&l->arena, ARENA_MAX);
	return l;
}

void channel_login_begin(struct channel *ch)
{
	struct channel_login *l = login_of(ch);
	struct login_start start = {.host = ch->host,
				    .env = ch->all->loop->env,
				    .wall_ms = env_wall_ms(ch->all->loop->env),
				    .over = &ch->all->over};

	check(!l->exchange);
	l->heard = STR("");
	l->is_last = false;
	l->lifetime_ms = 0;
	env_random(ch->all->loop->env, start.nonce, sizeof(start.nonce));
	l->exchange = login_begin(ch->all->login, &start);
	if (ch->state == CHANNEL_LOGGING_IN)
		timer_start(&ch->attempt, channel_setup_ms(ch));
	codec_init(&sasl_handshake_request_schema, &l->handshake);
	l->handshake.mechanism = ch->all->login->mechanism;
	l->call = (struct call){
		.key = sasl_handshake_request_KEY,
		.request = &l->handshake,
		.arena = &l->arena,
		.done = on_handshake,
	};
	channel_say(ch, &l->call);
	channel_login_note(ch);
}

/* ---- called by channel.c ---- */

static bool is_first(struct channel *ch, const struct call *call)
{
	const struct list *l = list_first(list_empty(&ch->in_flight) ? &ch->sending : &ch->in_flight);

	return l == &call->link;
}

void channel_login_note(struct channel *ch)
{
	struct channel_login *l = ch->login;

	if (l && l->exchange && !timer_is_running(&ch->attempt) && is_first(ch, &l->call))
		timer_start(&ch->attempt, channel_setup_ms(ch));
}

bool channel_login_holds(struct channel *ch)
{
	struct channel_login *l = ch->login;

	if (!l || (!l->exchange && l->renew_ns == 0))
		return false;
	if (!l->exchange && env_mono_ns(ch->all->loop->env) >= l->renew_ns)
		channel_login_begin(ch);
	return l->exchange || ch->state != CHANNEL_READY;
}

void channel_login_end(struct channel *ch)
{
	if (!ch->login)
		return;
	end_exchange(ch->login);
	ch->login->renew_ns = 0;
}

void channel_login_fini(struct channel *ch)
{
	struct channel_login *l = ch->login;

	if (!l)
		return;
	end_exchange(l);
	arena_fini(&l->arena);
	buf_fini(&l->words);
	xfree(l);
	ch->login = NULL;
}
