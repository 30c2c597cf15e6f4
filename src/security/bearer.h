/*
 * bearer: a client's login by OAUTHBEARER (RFC 7628), from settings and a JAAS line.
 *
 * Without sasl.login.callback.handler.class the line's options unsecuredLogin* are the claims of a token that nobody signs
 * (OAuthBearerUnsecuredLoginCallbackHandler). With OAuthBearerLoginCallbackHandler sasl.oauthbearer.token.endpoint.url gives it: a file, or a server that is
 * shown a client's id and secret (grant type client_credentials). Options extension_NAME, or unsecuredLoginExtension_NAME, are said beside it.
 */
#ifndef ODRADEK_SECURITY_BEARER_H
#define ODRADEK_SECURITY_BEARER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct env;
struct jaas;
struct jvm_options;
struct login_method;
struct oauth_endpoint;
struct token_source;
struct token_times;

struct bearer_place {
	struct env *env;
	struct str line;
	/* A setting as text, null when it has no value. */
	struct str (*get)(const void *arg, const char *name);
	const void *arg;
	const struct jvm_options *jvm;
	/* Opens what tokens come from (src/oauth/). NULL and *why: it cannot be so. Takes the claims, which are xfree()d with it. */
	struct token_source *(*open)(struct env *env, const struct oauth_endpoint *e, struct buf *why);
};

/* NULL with what is wrong appended to *why, which has no secret in it. */
struct login_method *bearer_choose(const struct bearer_place *place, struct buf *why);

/* ---- parts of it ---- */

/* Takes the source. `said` is what is said beside the token: "^Aname=value" each. */
struct login_method *bearer_login_new(struct token_source *source, struct str said);
/* Tokens that nobody signs, with the line's claims; NULL and *error. */
struct token_source *bearer_unsecured_new(const struct jaas *line, struct arena *a, struct str *error);

#define BEARER_CLAIM_MAX 128

/* The names of claims. */
struct bearer_claims {
	char scope[BEARER_CLAIM_MAX];
	char subject[BEARER_CLAIM_MAX];
};

/* Of struct oauth_endpoint: Kafka's ClientJwtValidator and JwtResponseParser. */
const char *bearer_look(const void *claims, struct str token, struct arena *a, struct token_times *out);
struct str bearer_read_answer(struct str body, struct arena *a);

#endif
