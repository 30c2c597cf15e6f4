/*
 * gssapi: GSSAPI (RFC 4752), as in the JDK's SASL server used by Kafka.
 *
 *	GSS-API tokens until the context is established; one empty message if the server sent the last token
 *	server: wrapped, 4 bytes: the security layers it supports (1: none), the largest message it accepts
 *	client: wrapped, 4 bytes: the layer it has chosen, the largest message it accepts; then its authorization id
 *
 * No security layer is supported: TLS is for that. The authorization id is read but has no effect,
 * as in Kafka: the identity comes from the ticket, by sasl.kerberos.principal.to.local.rules.
 */
#include <string.h>

#include "base/mem.h"
#include "security/mechanism.h"
#include "wire/gss.h"

enum { NO_LAYER = 1, LAYERS_LEN = 4, NAME_MAX_LEN = 4096 };

/* The maximum size that the JDK announces, although nothing will be wrapped. */
static const char layers[LAYERS_LEN] = {NO_LAYER, 0x01, 0x00, 0x00};

enum state { ESTABLISHING, EXPECTING_NOTHING, EXPECTING_LAYER };

struct exchange {
	const struct mechanism_gss *gss;
	struct gss_context *context;
	enum state state;
};

static const void *prepare(const struct mechanism_place *place, struct arena *a, struct str *error)
{
	if (!place->gss)
		*error = arena_printf(a, "its keys were expected");
	return place->gss;
}

static void begin(void *exchange, const void *setup)
{
	struct exchange *x = exchange;

	x->gss = setup;
	x->context = x->gss->acceptor->ops->open(x->gss->acceptor);
}

static void end(void *exchange)
{
	struct exchange *x = exchange;

	if (x->context)
		x->gss->acceptor->ops->close(x->context);
	x->context = NULL;
}

/* The client is told nothing except that it failed: Kafka's SaslException. */
static void fails(struct mechanism_step *out, const struct buf *why, struct arena *a)
{
	mechanism_fails(out, STR_NULL,
			why->len > 0 ? arena_str(a, buf_str(why)) : STR("the client's message cannot be read"));
}

static void challenge(struct mechanism_step *out, const struct buf *said, struct arena *a)
{
	struct str text = said->len > 0 ? arena_str(a, buf_str(said)) : STR("");

	*out = (struct mechanism_step){.outcome = MECHANISM_CHALLENGE, .token = {(const uint8_t *)text.p, text.len}};
}

static void offer_layers(struct exchange *x, struct arena *a, struct mechanism_step *out)
{
	struct buf said = {0}, why = {0};

	x->state = EXPECTING_LAYER;
	if (x->gss->acceptor->ops->wrap(x->context, (struct str){layers, LAYERS_LEN}, &said, &why))
		challenge(out, &said, a);
	else
		fails(out, &why, a);
	buf_fini(&said);
	buf_fini(&why);
}

static void establish(struct exchange *x, struct str token, struct arena *a, struct mechanism_step *out)
{
	struct buf said = {0}, why = {0};
	enum gss_turn turn = x->gss->acceptor->ops->accept(x->context, token, &said, &why);

	if (turn == GSS_FAILED || turn == GSS_FAILED_FOR_NOW) {
		fails(out, &why, a);
		out->hangs_up = turn == GSS_FAILED_FOR_NOW;
	} else if (turn == GSS_ESTABLISHED && said.len == 0) {
		offer_layers(x, a, out);
	} else {
		x->state = turn == GSS_ESTABLISHED ? EXPECTING_NOTHING : ESTABLISHING;
		challenge(out, &said, a);
	}
	buf_fini(&said);
	buf_fini(&why);
}

/* Maps the ticket's name to a user's. */
static bool let_in(struct exchange *x, struct arena *a, struct mechanism_step *out, struct buf *why)
{
	struct buf ticket = {0}, user = {0};
	bool ok = x->gss->acceptor->ops->peer(x->context, &ticket, why) && ticket.len <= NAME_MAX_LEN;

	if (ok && !x->gss->to_local(x->gss->rules, buf_str(&ticket), &user)) {
		buf_put_str(why,
			    STR("no rule of sasl.kerberos.principal.to.local.rules makes a user of its principal"));
		ok = false;
	}
	if (ok)
		*out = (struct mechanism_step){
			.outcome = MECHANISM_DONE,
			.principal = {.type = STR("User"),
				      .name = user.len > 0 ? arena_str(a, buf_str(&user)) : STR("")},
			.expiry_ms = MECHANISM_FOR_EVER,
			.is_silent = true,
		};
	buf_fini(&ticket);
	buf_fini(&user);
	return ok;
}

static void take_layer(struct exchange *x, struct str token, struct arena *a, struct mechanism_step *out)
{
	struct buf said = {0}, why = {0};
	bool ok = x->gss->acceptor->ops->unwrap(x->context, token, &said, &why);

	if (ok && (said.len < LAYERS_LEN || !(said.p[0] & NO_LAYER))) {
		buf_put_str(&why, STR("the client wants a layer of protection that is not offered"));
		ok = false;
	}
	if (!ok || !let_in(x, a, out, &why))
		fails(out, &why, a);
	buf_fini(&said);
	buf_fini(&why);
}

/* Any step may access the disk. */
static bool is_slow(const void *exchange, struct bytes token)
{
	(void)exchange;
	(void)token;
	return true;
}

static void step(void *exchange, const struct mechanism_world *w, struct bytes token, struct arena *a,
		 struct mechanism_step *out)
{
	struct exchange *x = exchange;
	struct str in = {(const char *)token.p, token.len};

	(void)w;
	if (x->state == ESTABLISHING)
		establish(x, in, a, out);
	else if (x->state == EXPECTING_LAYER)
		take_layer(x, in, a, out);
	else if (in.len > 0)
		mechanism_fails(out, STR_NULL, STR("the client says something where it has nothing to say"));
	else
		offer_layers(x, a, out);
}

const struct mechanism mechanism_gssapi = {
	.name = "GSSAPI",
	.prepare = prepare,
	.exchange_size = sizeof(struct exchange),
	.begin = begin,
	.step = step,
	.end = end,
	.is_slow = is_slow,
};
