/*
 * login_bearer: a client's exchange with OAUTHBEARER.
 *
 *	n,,^A auth=Bearer TOKEN [^A NAME=VALUE]... ^A^A -> empty: done
 *		-> the reason in JSON: the client sends ^A, and the server refuses
 */
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "security/bearer.h"
#include "security/secret.h"
#include "wire/login.h"
#include "wire/oauth.h"

enum { BEARER_MAX = 200 };

struct bearer {
	struct login_method method;
	struct token_source *source;
	char *said;
};

enum state { BEGINNING, HEARING, REFUSED };

struct exchange {
	struct login login;
	const struct bearer *bearer;
	struct env *env;
	int64_t now_ms;
	struct token_wish wish;
	enum state state;
	bool is_fetched, is_good; /* work() has run, and obtained a token */
};

static enum login_turn fail(struct exchange *e, const char *why)
{
	if (e->login.failure[0] == 0)
		snprintf(e->login.failure, sizeof(e->login.failure), "%s", why);
	return LOGIN_FAIL;
}

static enum login_turn show(struct exchange *e, struct buf *out)
{
	enum token_state token;

	buf_reserve(out, 4096); /* leaves few copies of the token behind */
	buf_put_str(out, STR("n,,\1auth=Bearer "));
	token = e->bearer->source->ops->take(e->bearer->source, &e->wish, e->now_ms, out);
	if (token == TOKEN_NONE || token == TOKEN_AWAITED) {
		out->len = 0;
		if (token == TOKEN_AWAITED)
			return LOGIN_WAIT;
		return e->is_fetched ? fail(e, "There is no valid token") : LOGIN_WORK;
	}
	e->login.has_errand = token == TOKEN_OLD;
	buf_put_str(out, str_of(e->bearer->said));
	buf_put_str(out, STR("\1\1"));
	e->state = HEARING;
	return LOGIN_SAY;
}

/* The server's reason for refusing a token is reported, as far as it is printable. */
static enum login_turn give_up(struct exchange *e, struct str in, struct buf *out)
{
	char *at = e->login.failure;
	int n = snprintf(at, sizeof(e->login.failure), "The server does not take the token: %.*s",
			 in.len < BEARER_MAX ? in.len : BEARER_MAX, in.p);

	for (int i = 0; i < n; i++)
		if ((unsigned char)at[i] < ' ' || (unsigned char)at[i] > '~')
			at[i] = '?';
	e->state = REFUSED;
	buf_put_str(out, STR("\1"));
	return LOGIN_SAY;
}

static enum login_turn step(struct login *l, struct str in, struct buf *out)
{
	struct exchange *e = container_of(l, struct exchange, login);

	if (e->is_fetched && !e->is_good)
		return fail(e, "No token could be got");
	if (e->state == BEGINNING)
		return show(e, out);
	if (e->state == HEARING)
		return in.len == 0 ? LOGIN_DONE : give_up(e, in, out);
	return fail(e, "The server does not take the token");
}

static void work(struct login *l)
{
	struct exchange *e = container_of(l, struct exchange, login);
	struct buf why = {0};
	enum token_fetched end = e->bearer->source->ops->fetch(e->bearer->source, &e->wish, e->env, &why);

	e->is_good = end == TOKEN_FETCHED;
	e->is_fetched = end != TOKEN_BUSY;
	if (end == TOKEN_FAILED)
		snprintf(l->failure, sizeof(l->failure), "No token could be got: %.*s", STR_ARG(buf_str(&why)));
	buf_fini(&why);
}

static void exchange_free(struct login *l)
{
	xfree(container_of(l, struct exchange, login));
}

static struct login *begin(const struct login_method *m, const struct login_start *start)
{
	static const struct login_ops ops = {step, exchange_free, work};
	struct exchange *e = xcalloc(1, sizeof(*e));

	e->login.ops = &ops;
	e->login.waits_for_others = true;
	e->bearer = container_of(m, struct bearer, method);
	e->env = start->env;
	e->wish.over = start->over;
	e->now_ms = start->wall_ms;
	return &e->login;
}

static void method_free(struct login_method *m)
{
	struct bearer *b = container_of(m, struct bearer, method);

	token_source_free(b->source);
	secret_wipe(b->said, strlen(b->said));
	xfree(b->said);
	xfree(b);
}

struct login_method *bearer_login_new(struct token_source *source, struct str said)
{
	static const struct login_method_ops ops = {begin, method_free};
	struct bearer *b = xcalloc(1, sizeof(*b));

	b->method = (struct login_method){&ops, STR("OAUTHBEARER")};
	b->source = source;
	b->said = str_dup(said);
	return &b->method;
}
