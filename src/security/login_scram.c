/*
 * login_scram: a client's exchange with SCRAM: its first message, its proof, and the server's
 * signature, which shows that the server knows the keys.
 *
 * What the server can make this side compute is limited: an iteration count above ITERATIONS_MAX,
 * which exceeds what Kafka stores, is refused; so is one below Kafka's minimum, with which a server
 * would get a proof that makes guessing the password cheap.
 */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/list.h"
#include "base/mem.h"
#include "security/login_words.h"
#include "wire/login.h"

enum { ITERATIONS_MAX = 65536, ARENA_MAX = 1 << 20 };

_Static_assert((int)SCRAM_CHANCE <= (int)LOGIN_NONCE_LEN, "a nonce is made of the chance that a login is given");
_Static_assert((int)ITERATIONS_MAX >= (int)SCRAM_ITERATIONS_MAX, "what Kafka keeps is taken");

struct scram {
	struct login_method method;
	enum scram_mechanism mechanism;
	char *name;
	char *password;
	bool token;
};

enum state { FIRST, PROVE, BELIEVE };

struct exchange {
	struct login login;
	const struct scram *scram;
	enum state state;
	struct arena arena;
	char nonce[SCRAM_NONCE_MAX];
	int nonce_len;
	struct str first;	 /* the first message, without "n,," */
	struct scram_key salted; /* from the password and the fields below, by work() */
	bool has_salted;
	struct bytes salt;
	int32_t iterations;
	struct scram_key signature; /* what the server must present */
};

static enum login_turn fail(struct exchange *e, const char *why)
{
	strcpy(e->login.failure, why);
	return LOGIN_FAIL;
}

static enum login_turn say(struct exchange *e, struct str text, struct buf *out)
{
	if (str_is_null(text))
		return fail(e, "The server says too much");
	buf_put_str(out, text);
	return LOGIN_SAY;
}

/* ---- the messages ---- */

static enum login_turn say_first(struct exchange *e, struct str in, struct buf *out)
{
	struct str nonce = {e->nonce, e->nonce_len}, text;
	struct scram_client_first first;

	if (in.len > 0)
		return fail(e, "Expected empty challenge");
	text = scram_client_first_text(str_of(e->scram->name), nonce,
				       e->scram->token ? STR("tokenauth=true") : STR_NULL, &e->arena);
	if (!scram_client_first_read(text, &first))
		return fail(e, "SCRAM cannot carry this user name: it must be ASCII");
	e->first = first.bare;
	e->state = PROVE;
	return say(e, text, out);
}

/* Computes both proofs from the salted password: this side's, and what the server must present. */
static void compute_proofs(struct exchange *e, struct str message, struct scram_key *proof)
{
	enum scram_mechanism m = e->scram->mechanism;
	struct scram_key stored, server, signature;

	scram_client_key(m, &e->salted, proof);
	scram_stored_key(m, proof, &stored);
	scram_sign(m, &stored, message, &signature);
	scram_xor(m, proof, &signature);
	scram_server_key(m, &e->salted, &server);
	scram_sign(m, &server, message, &e->signature);
	scram_key_wipe(&e->salted);
	scram_key_wipe(&stored);
	scram_key_wipe(&server);
	scram_key_wipe(&signature);
}

/* Computes thousands of hashes. */
static void work(struct login *l)
{
	struct exchange *e = container_of(l, struct exchange, login);

	scram_salted_password(e->scram->mechanism, str_of(e->scram->password), e->salt, e->iterations, &e->salted);
	e->has_salted = true;
}

static enum login_turn send_proof(struct exchange *e, struct str in, struct buf *out)
{
	struct str nonce = {e->nonce, e->nonce_len}, without_proof, message, text;
	struct scram_server_first answer;
	struct scram_key proof;

	if (!scram_server_first_read(in, &e->arena, &answer))
		return fail(e, "Invalid SCRAM server first message");
	if (answer.nonce.len < nonce.len || memcmp(answer.nonce.p, nonce.p, (size_t)nonce.len) != 0)
		return fail(e, "Invalid server nonce: does not start with client nonce");
	if (answer.iterations < SCRAM_ITERATIONS_MIN)
		return fail(e, "Requested iterations are less than the minimum, 4096");
	if (answer.iterations > ITERATIONS_MAX)
		return fail(e, "Requested iterations are more than the maximum, 65536");
	if (!e->has_salted) {
		e->salt = answer.salt;
		e->iterations = answer.iterations;
		return LOGIN_WORK;
	}
	without_proof = arena_printf(&e->arena, "c=biws,r=%.*s", STR_ARG(answer.nonce));
	message = scram_auth_message(e->first, in, without_proof, &e->arena);
	if (str_is_null(message))
		return say(e, message, out);
	compute_proofs(e, message, &proof);
	text = base64_text(BASE64_PADDED, (struct bytes){proof.b, (int32_t)scram_key_len(e->scram->mechanism)},
			   &e->arena);
	scram_key_wipe(&proof);
	e->state = BELIEVE;
	return say(e, arena_printf(&e->arena, "%.*s,p=%.*s", STR_ARG(without_proof), STR_ARG(text)), out);
}

static enum login_turn check_server(struct exchange *e, struct str in)
{
	struct scram_server_final final;

	if (!scram_server_final_read(in, &e->arena, &final))
		return fail(e, "Invalid SCRAM server final message");
	if (!str_is_null(final.error)) {
		snprintf(e->login.failure, sizeof(e->login.failure),
			 "Sasl authentication using %s failed with error: %.*s",
			 scram_mechanism_name(e->scram->mechanism), STR_ARG(final.error));
		return LOGIN_FAIL;
	}
	if (!scram_key_is(e->scram->mechanism, &e->signature, final.signature))
		return fail(e, "Invalid server signature in server final message");
	return LOGIN_DONE;
}

static enum login_turn step(struct login *l, struct str in, struct buf *out)
{
	struct exchange *e = container_of(l, struct exchange, login);

	switch (e->state) {
	case FIRST:
		return say_first(e, in, out);
	case PROVE:
		return send_proof(e, in, out);
	case BELIEVE:
		break;
	}
	return check_server(e, in);
}

/* ---- life ---- */

static void exchange_free(struct login *l)
{
	struct exchange *e = container_of(l, struct exchange, login);

	scram_key_wipe(&e->signature);
	scram_key_wipe(&e->salted);
	arena_fini(&e->arena);
	xfree(e);
}

static struct login *begin(const struct login_method *m, const struct login_start *start)
{
	static const struct login_ops ops = {step, exchange_free, work};
	struct exchange *e = xcalloc(1, sizeof(*e));

	e->login.ops = &ops;
	e->scram = container_of(m, struct scram, method);
	arena_init(&e->arena, ARENA_MAX);
	e->nonce_len = scram_nonce(start->nonce, e->nonce);
	return &e->login;
}

static void scram_free(struct login_method *m)
{
	struct scram *s = container_of(m, struct scram, method);

	explicit_bzero(s->password, strlen(s->password));
	xfree(s->password);
	xfree(s->name);
	xfree(s);
}

struct login_method *login_scram_new(enum scram_mechanism mechanism, const struct login_words *words)
{
	static const struct login_method_ops ops = {begin, scram_free};
	struct scram *s = xcalloc(1, sizeof(*s));

	s->method = (struct login_method){&ops, str_of(scram_mechanism_name(mechanism))};
	s->mechanism = mechanism;
	s->name = str_dup(words->name);
	s->password = str_dup(words->password);
	s->token = words->token;
	return &s->method;
}
