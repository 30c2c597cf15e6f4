/*
 * bearer: a client's login with OAUTHBEARER (RFC 7628), configured by settings and a JAAS line.
 *
 * Without sasl.login.callback.handler.class, the line's options unsecuredLogin* are the claims of
 * an unsigned token (OAuthBearerUnsecuredLoginCallbackHandler). With
 * OAuthBearerLoginCallbackHandler, the token comes from sasl.oauthbearer.token.endpoint.url: a
 * file, or a server that is given a client id and secret, or an assertion (grant type
 * client_credentials), or only an assertion (JwtBearerJwtRetriever, jwt-bearer). Options
 * extension_NAME, or unsecuredLoginExtension_NAME, are sent along with it.
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
	/* A setting as text; null without a value. */
	struct str (*get)(const void *arg, const char *name);
	const void *arg;
	const struct jvm_options *jvm;
	/*
	 * Opens a source of tokens (src/oauth/). NULL, with *why: not possible. Takes the claims,
	 * which are freed with it by xfree().
	 */
	struct token_source *(*open)(struct env *env, const struct oauth_endpoint *e, struct buf *why);
};

/* NULL, with an explanation that contains no secret appended to *why. */
struct login_method *bearer_choose(const struct bearer_place *place, struct buf *why);

/* ---- its parts ---- */

/* Takes the source. `said` is sent along with the token: "^Aname=value" for each extension. */
struct login_method *bearer_login_new(struct token_source *source, struct str said);
/* A source of unsigned tokens with the line's claims; NULL and *error. */
struct token_source *bearer_unsecured_new(const struct jaas *line, struct arena *a, struct str *error);

#define BEARER_CLAIM_MAX 128

/* The names of the claims to read. */
struct bearer_claims {
	char scope[BEARER_CLAIM_MAX];
	char subject[BEARER_CLAIM_MAX];
};

/* For struct oauth_endpoint: Kafka's ClientJwtValidator and JwtResponseParser. */
const char *bearer_look(const void *claims, struct str token, struct arena *a, struct token_times *out);
struct str bearer_read_answer(struct str body, struct arena *a);

#endif
