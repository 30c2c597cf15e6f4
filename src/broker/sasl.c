/*
 * sasl: the states of a connection that has to authenticate.
 */
#include "broker/sasl.h"

#include <string.h>

#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/counters.h"
#include "broker/dispatch.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "broker/sasl_private.h"
#include "protocol/api_versions.h"
#include "protocol/sasl_authenticate.h"
#include "protocol/sasl_handshake.h"
#include "security/jwks.h"
#include "security/secret.h"
#include "wire/protocol.h"
#include "wire/reader.h"

#define DEADLINE_MS 10000
/* plus the length of the frame: memory limit of a request that is not part of the authentication */
#define STRANGERS_MEMORY (64 * 1024)
#define PRINCIPAL_NAME_MAX 32000 /* a principal is a string on the wire, with its type in front */
#define REAUTH_INTERVAL_NS 1000000000

/* Kafka's SaslState. */
enum state {
	FIRST,	   /* ApiVersions, or SaslHandshake */
	HANDSHAKE, /* SaslHandshake only */
	TOKENS,
	COMPLETE,
	BAD_MECHANISM, /* a re-authentication with another mechanism: it fails with the next frame */
	FAILED,
};

struct sasl {
	struct sasl_listener *listener;
	struct peer *peer;
	struct conn *conn;
	enum state state;
	const struct sasl_offer *offer; /* of the exchange, or of the session */
	void *exchange;			/* NULL: none */
	bool in_requests;		/* tokens are in SaslAuthenticate */
	bool again;			/* this is a re-authentication */
	bool knows_reauth;		/* a SaslAuthenticate of version 1 or later was seen */
	struct timer timer;		/* the deadline; while a failure is held back, the end of the delay */
	struct errand *errand;		/* a step that runs in a job; NULL: none */
	bool late;			/* the deadline has passed while the job ran */
	struct request *held;		/* the failed request, while it is held back */
	bool held_answer;		/* the failed request gets an answer */
	int64_t expires_ns;		/* of the session, monotonic; 0: it does not expire */
	int64_t again_ns;		/* when the last re-authentication began; 0: never */
};

/* What to do with the result of a step. */
typedef void then_fn(struct sasl *s, struct request *r, struct mechanism_step *step);

/* A step that runs in a job. It has the exchange, and its request's arena, until it is back. */
struct errand {
	struct work work;
	struct sasl *s; /* NULL: its connection is gone */
	struct request *r;
	const struct sasl_offer *offer;
	void *exchange;
	struct bytes token;
	struct mechanism_world world;
	struct mechanism_step out;
	then_fn *then;
};

static int64_t now_ns(const struct sasl *s)
{
	return env_mono_ns(s->peer->core->loop->env);
}

static struct sasl_counts *counts_of(const struct sasl *s)
{
	return &s->listener->counts[s->peer->core->index];
}

/* ---- creation and end ---- */

static void exchange_free(const struct mechanism *m, void *exchange)
{
	if (m->end)
		m->end(exchange);
	secret_wipe(exchange, m->exchange_size);
	xfree(exchange);
}

static void end_exchange(struct sasl *s)
{
	if (s->exchange)
		exchange_free(s->offer->mechanism, s->exchange);
	s->exchange = NULL;
}

static void begin_exchange(struct sasl *s, const struct sasl_offer *o)
{
	end_exchange(s);
	s->offer = o;
	s->exchange = xcalloc(1, o->mechanism->exchange_size);
	o->mechanism->begin(s->exchange, o->setup);
	s->state = TOKENS;
}

/* Sends the failure, and closes the connection. */
static void let_go(struct sasl *s)
{
	struct request *r = s->held;
	struct conn *conn = s->conn;

	s->held = NULL;
	timer_stop(&s->timer);
	if (s->held_answer)
		request_complete(r);
	else
		request_end(r, true);
	conn_close(conn, NULL);
}

static void time_is_up(struct timer *t)
{
	struct sasl *s = container_of(t, struct sasl, timer);

	if (s->held)
		let_go(s);
	else if (s->errand)
		s->late = true;
	else
		conn_close(s->conn, "it has not authenticated in time");
}

struct sasl *sasl_new(struct sasl_listener *l, struct peer *peer, struct conn *conn)
{
	struct sasl *s = xcalloc(1, sizeof(*s));

	s->listener = l;
	s->peer = peer;
	s->conn = conn;
	timer_init(&s->timer, peer->core->loop, time_is_up);
	timer_start(&s->timer, DEADLINE_MS);
	conn_set_frame_max(conn, l->frame_max);
	conn_set_secret(conn, true);
	return s;
}

void sasl_free(struct sasl *s)
{
	if (!s)
		return;
	timer_stop(&s->timer);
	if (s->errand)
		s->errand->s = NULL;
	end_exchange(s);
	xfree(s);
}

bool sasl_is_complete(const struct sasl *s)
{
	return s->state == COMPLETE;
}

/* ---- ends ---- */

/* The node stops, or the connection has gone, while a failure is held back. */
static void hurry(struct request *r)
{
	struct sasl *s = r->state;

	if (r->conn) {
		let_go(s);
		return;
	}
	s->held = NULL;
	request_end(r, true);
}

static void tell(struct sasl *s, struct request *r, struct str reason)
{
	struct diag *diag = r->core->loop->env->diag;
	struct str name = s->offer ? s->offer->name : STR("-");
	char peer[ADDR_TEXT_MAX];

	if (diag_allow(diag, &r->core->strangers))
		diag_warn(diag, s->again ? "re-authentication failed" : "authentication failed",
			  "reason=\"%.*s\" mechanism=%.*s peer=%s listener=%.*s",
			  STR_ARG(str_is_null(reason) ? STR("invalid credentials") : reason), STR_ARG(name),
			  addr_text(conn_peer_addr(s->conn), peer), STR_ARG(r->listener));
}

/* Fails after the delay; `out` has the answer, if there is one. */
static void fail(struct sasl *s, struct request *r, bool answered, struct str reason)
{
	tell(s, r, reason);
	sasl_meter_note(s->again ? &counts_of(s)->failures_again : &counts_of(s)->failures, now_ns(s), 0);
	s->state = FAILED;
	s->held = r;
	s->held_answer = answered;
	end_exchange(s);
	request_park(r, s, hurry);
	if (s->listener->failure_delay_ms > 0)
		timer_start(&s->timer, s->listener->failure_delay_ms);
	else
		let_go(s);
}

/* The length of the session in ms, as the client is told; 0: no limit. */
static int64_t begin_session(struct sasl *s, int64_t expiry_ms)
{
	int64_t max_ms = s->offer->max_reauth_ms, lifetime_ms = INT64_MAX;

	s->expires_ns = 0;
	if (max_ms > 0)
		lifetime_ms = max_ms;
	if (expiry_ms != MECHANISM_FOR_EVER) {
		int64_t left_ms = expiry_ms - env_wall_ms(s->peer->core->loop->env);

		left_ms = left_ms < 0 ? 0 : left_ms;
		lifetime_ms = left_ms < lifetime_ms ? left_ms : lifetime_ms;
	}
	if (lifetime_ms == INT64_MAX)
		return 0;
	if (lifetime_ms > (INT64_MAX - now_ns(s)) / NS_PER_MS)
		s->expires_ns = INT64_MAX;
	else
		s->expires_ns = now_ns(s) + lifetime_ms * NS_PER_MS;
	return lifetime_ms;
}

/* Is it the same principal as before, if there was one? */
static bool is_who_it_was(const struct sasl *s, const struct principal *now)
{
	return !s->again || principal_equal(&s->peer->identity->principal, now);
}

static int64_t complete(struct sasl *s, const struct mechanism_step *step)
{
	struct sasl_counts *counts = counts_of(s);
	int64_t lifetime_ms = begin_session(s, step->expiry_ms);

	if (s->again)
		sasl_meter_note(&counts->successes_again, now_ns(s), (now_ns(s) - s->again_ns) / NS_PER_MS);
	else
		sasl_meter_note(&counts->successes, now_ns(s), 0);
	if (!s->again && !s->knows_reauth)
		count(&counts->successes_of_old, 1);
	/* Even when the principal is the same: whether it came by a token may differ. */
	identity_unref(&s->peer->identity);
	s->peer->identity = identity_new(&step->principal, conn_peer_addr(s->conn));
	if (!s->again) {
		conn_know(s->conn);
		conn_set_frame_max(s->conn, s->listener->frame_max_then);
	}
	conn_set_secret(s->conn, false);
	timer_stop(&s->timer);
	end_exchange(s);
	s->state = COMPLETE;
	return lifetime_ms;
}

/* ---- the handshake ---- */

static const struct sasl_offer *find_offer(const struct sasl_listener *l, struct str mechanism)
{
	for (int i = 0; i < l->n_offers; i++)
		if (str_eq(l->offers[i].name, mechanism))
			return &l->offers[i];
	return NULL;
}

static void take_api_versions(struct sasl *s, struct request *r, struct reader *in)
{
	const struct api_versions_response *out;
	enum outcome outcome;

	if (s->state != FIRST) {
		request_refuse(r, "ApiVersions comes once before authentication");
		return;
	}
	if (request_read(r, in)) {
		request_refuse(r, "body cannot be read");
		return;
	}
	out = r->out;
	outcome = request_run(r);
	if (outcome == REPLY && out->error_code == 0)
		s->state = HANDSHAKE;
	request_finish(r, outcome);
}

static void take_handshake(struct sasl *s, struct request *r, struct reader *in)
{
	const struct sasl_handshake_request *body;
	struct sasl_handshake_response *out;
	const struct sasl_offer *o;

	if (request_read(r, in)) {
		request_refuse(r, "body cannot be read");
		return;
	}
	body = r->in;
	out = r->out;
	out->mechanisms.v = (struct str *)s->listener->names;
	out->mechanisms.n = s->listener->n_offers;
	s->in_requests = r->version >= 1;
	o = find_offer(s->listener, body->mechanism);
	if (!o) {
		out->error_code = ERR_UNSUPPORTED_SASL_MECHANISM;
		fail(s, r, true, STR("the mechanism is not enabled"));
		return;
	}
	if (s->again && o != s->offer)
		s->state = BAD_MECHANISM;
	else
		begin_exchange(s, o);
	request_finish(r, REPLY);
}

static void take_prelude(struct sasl *s, struct request *r, struct reader *in)
{
	if (!r->api)
		request_refuse(r, "not served on this listener");
	else if (r->api->key == api_versions_request_KEY && !request_is_of_version(r) && s->state == FIRST)
		request_serve(r, in);
	else if (!request_is_of_version(r))
		request_refuse(r, "version is not served");
	else if (r->api->key == api_versions_request_KEY)
		take_api_versions(s, r, in);
	else if (r->api->key == sasl_handshake_request_KEY)
		take_handshake(s, r, in);
	else
		request_refuse(r, "it has not authenticated");
}

/* ---- tokens ---- */

static void look_at_step(struct sasl *s, struct request *r, struct mechanism_step *out)
{
	secret_wipe(r->frame.p, r->frame.len);
	if (out->outcome == MECHANISM_DONE &&
	    (out->principal.name.len <= 0 || out->principal.name.len > PRINCIPAL_NAME_MAX))
		mechanism_fails(out, STR_NULL, STR("its principal has no name, or too long a one"));
	if (out->outcome == MECHANISM_DONE && !is_who_it_was(s, &out->principal)) {
		const struct principal *old = &s->peer->identity->principal;

		mechanism_fails(
			out,
			arena_printf(&r->arena,
				     "Cannot change principals during re-authentication from %.*s.%.*s: %.*s.%.*s",
				     STR_ARG(old->type), STR_ARG(old->name), STR_ARG(out->principal.type),
				     STR_ARG(out->principal.name)),
			STR("the principal is another"));
	}
}

/* A failure that may succeed at the next attempt is not answered. */
static void go_on(struct sasl *s, struct request *r, struct mechanism_step *out, then_fn *then)
{
	if (out->outcome != MECHANISM_FAILED || !out->hangs_up) {
		then(s, r, out);
		return;
	}
	tell(s, r, out->reason);
	request_refuse(r, "try again later");
}

/* On any thread: it uses only what it owns. */
static void do_errand(struct work *work)
{
	struct errand *e = container_of(work, struct errand, work);
	struct jwks *keys = e->offer->keys ? sasl_keys_now(e->offer->keys) : NULL;

	e->world.keys = keys;
	e->world.key_missing = sasl_keys_missing;
	e->world.key_missing_arg = e->offer->keys;
	e->offer->mechanism->step(e->exchange, &e->world, e->token, &e->r->arena, &e->out);
	jwks_unref(&keys);
}

static void errand_done(struct work *work)
{
	struct errand *e = container_of(work, struct errand, work);
	struct request *r = e->r;
	struct sasl *s = e->s;

	secret_wipe(e->world.chance, sizeof(e->world.chance));
	list_remove(&r->parked);
	r->hurry = NULL;
	if (!s) {
		secret_wipe(r->frame.p, r->frame.len);
		exchange_free(e->offer->mechanism, e->exchange);
		request_finish(r, HANG_UP);
		xfree(e);
		return;
	}
	s->errand = NULL;
	s->exchange = e->exchange;
	look_at_step(s, r, &e->out);
	if (s->late)
		request_refuse(r, "it has not authenticated in time");
	else
		go_on(s, r, &e->out, e->then);
	xfree(e);
}

/* The job comes back soon: there is nothing to hurry. */
static void let_it_be(struct request *r)
{
	(void)r;
}

static void step(struct sasl *s, struct request *r, struct bytes token, then_fn *then)
{
	const struct mechanism *m = s->offer->mechanism;
	struct mechanism_world world = {.image = r->image, .now_ms = env_wall_ms(r->core->loop->env)};
	struct mechanism_step out = {0};
	struct errand *e;

	env_random(r->core->loop->env, world.chance, sizeof(world.chance));
	if (!m->is_slow || !m->is_slow(s->exchange, token)) {
		m->step(s->exchange, &world, token, &r->arena, &out);
		secret_wipe(world.chance, sizeof(world.chance));
		look_at_step(s, r, &out);
		go_on(s, r, &out, then);
		return;
	}
	e = xcalloc(1, sizeof(*e));
	*e = (struct errand){.s = s, .r = r, .offer = s->offer, .exchange = s->exchange, .token = token, .then = then};
	e->world = world;
	e->work.job = do_errand;
	e->work.done = errand_done;
	s->exchange = NULL;
	s->errand = e;
	request_park(r, s, let_it_be);
	env_work(r->core->loop, &e->work);
}

static void take_bare_step(struct sasl *s, struct request *r, struct mechanism_step *out)
{
	if (out->outcome == MECHANISM_FAILED) {
		fail(s, r, false, out->reason);
		return;
	}
	if (out->outcome == MECHANISM_DONE)
		complete(s, out);
	if (out->is_silent)
		request_answer_nothing(r);
	else if (out->token.p)
		request_answer_bytes(r, out->token);
	else
		request_refuse(r, "no room for its token");
}

/* After a handshake of version 0. */
static void take_bare_token(struct sasl *s, struct request *r)
{
	step(s, r, (struct bytes){r->frame.p, (int32_t)r->frame.len}, take_bare_step);
}

/* "SASL_AUTHENTICATE", as Kafka writes the names of APIs. */
static struct str api_constant(int key, struct arena *a)
{
	const struct api_info *info = api_info_find(key);
	const char *name = info ? info->name : "";
	char *out = arena_alloc(a, strlen(name) * 2 + 1);
	int32_t len = 0;

	for (const char *p = name; out && *p; p++) {
		bool upper = *p >= 'A' && *p <= 'Z';

		if (upper && p > name)
			out[len++] = '_';
		out[len++] = upper ? *p : (char)(*p - 'a' + 'A');
	}
	return (struct str){out, len};
}

/* A client that has not authenticated gets little memory: a request that does not fit is not answered. */
static void take_another(struct sasl *s, struct request *r, struct reader *in)
{
	struct str name = api_constant(r->api->key, &r->arena);

	arena_set_budget(&r->arena, STRANGERS_MEMORY + r->frame.len);
	if (!r->api->fail || request_read(r, in)) {
		request_refuse(r, "it has not authenticated");
		return;
	}
	request_fail(r, ERR_ILLEGAL_SASL_STATE,
		     arena_printf(&r->arena, "Unexpected Kafka request of type %.*s during SASL authentication.",
				  STR_ARG(name)));
	fail(s, r, true, STR("a request before its end"));
}

static void answer_failure(struct sasl *s, struct request *r, const struct mechanism_step *step)
{
	struct sasl_authenticate_response *out = r->out;

	out->error_code = ERR_SASL_AUTHENTICATION_FAILED;
	out->error_message = step->message;
	if (str_is_null(step->message))
		out->error_message = arena_printf(
			&r->arena,
			"Authentication failed during %s due to invalid credentials with SASL mechanism %.*s",
			s->again ? "re-authentication" : "authentication", STR_ARG(s->offer->name));
	fail(s, r, true, step->reason);
}

static void take_step(struct sasl *s, struct request *r, struct mechanism_step *said)
{
	struct sasl_authenticate_response *out = r->out;

	if (said->outcome == MECHANISM_FAILED) {
		answer_failure(s, r, said);
		return;
	}
	out->auth_bytes = said->token.p ? said->token : (struct bytes){(const uint8_t *)"", 0};
	if (said->outcome == MECHANISM_DONE)
		out->session_lifetime_ms = complete(s, said);
	request_finish(r, REPLY);
}

static void take_token(struct sasl *s, struct request *r)
{
	const struct sasl_authenticate_request *in = r->in;

	s->knows_reauth |= r->version > 0;
	step(s, r, in->auth_bytes, take_step);
}

static void take_authenticate(struct sasl *s, struct request *r, struct reader *in)
{
	if (!r->api)
		request_refuse(r, "not served on this listener");
	else if (!request_is_of_version(r))
		request_refuse(r, "version is not served");
	else if (r->api->key != sasl_authenticate_request_KEY)
		take_another(s, r, in);
	else if (request_read(r, in))
		request_refuse(r, "body cannot be read");
	else
		take_token(s, r);
}

/* ---- frames ---- */

static bool may_begin_again(const struct sasl *s)
{
	return s->expires_ns && (!s->again_ns || now_ns(s) - s->again_ns >= REAUTH_INTERVAL_NS);
}

static bool is_handshake(const struct frame *f)
{
	return f->len >= 2 && f->p[0] == 0 && f->p[1] == sasl_handshake_request_KEY;
}

enum sasl_way sasl_look(struct sasl *s, const struct frame *f)
{
	if (s->state != COMPLETE)
		return SASL_OWN;
	if (is_handshake(f) && may_begin_again(s)) {
		s->again = true;
		s->again_ns = now_ns(s);
		s->state = HANDSHAKE;
		conn_set_secret(s->conn, true);
		timer_start(&s->timer, DEADLINE_MS);
		return SASL_OWN;
	}
	if (!s->expires_ns || now_ns(s) <= s->expires_ns)
		return SASL_OTHERS;
	count(&counts_of(s)->expired, 1);
	return SASL_EXPIRED;
}

void sasl_frame(struct sasl *s, struct request *r)
{
	struct reader in;

	check(s->state != COMPLETE && s->state != FAILED);
	if (s->state == BAD_MECHANISM) {
		fail(s, r, false, STR("the mechanism is another"));
		return;
	}
	if (s->state == TOKENS && !s->in_requests) {
		take_bare_token(s, r);
		return;
	}
	if (request_open(r, &in))
		request_refuse(r, "header cannot be read");
	else if (s->state == TOKENS)
		take_authenticate(s, r, &in);
	else
		take_prelude(s, r, &in);
}
