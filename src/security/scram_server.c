/*
 * scram_server: SCRAM's exchange on the server's side (Kafka's ScramSaslServer), with the image's
 * credentials.
 *
 * For an unknown user Kafka fails at once. Here the exchange continues with a salt made from the
 * name and a secret, always the same for that name, and fails at the end, like one with a wrong
 * password. The secret is made from the cluster's id and the listener's JAAS line: brokers with the
 * same configuration give the same salt, even after a restart, and nobody outside knows the secret.
 *
 * With the extension tokenauth=true the name is the id of a delegation token, the password is its
 * HMAC in base64, and the principal is its owner. Its keys are computed when it is presented, which
 * takes some milliseconds and so happens in a work job. An unknown token id costs none of that
 * time; but ids are not secret. An expired token counts as unknown.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/base64.h"
#include "base/check.h"
#include "base/mem.h"
#include "metadata/credential.h"
#include "security/mechanism.h"
#include "security/scram.h"
#include "security/secret.h"
#include "security/token.h"

#define CLASS_NAME "org.apache.kafka.common.security.scram.ScramLoginModule"
#define SECRET_LEN 32
#define AUTHZID "Authentication failed: Client requested an authorization id that is different from username"

struct setup {
	uint8_t secret[SECRET_LEN]; /* part of the salts for unknown users, and for tokens */
	struct str token_secret;    /* delegation.token.secret.key; null: there are no tokens */
};

enum state { CLIENT_FIRST, CLIENT_FINAL, ENDED };

struct exchange {
	const struct setup *setup;
	enum scram_mechanism mechanism;
	enum state state;
	bool is_known; /* otherwise no proof is ever right */
	struct scram_key stored_key;
	struct scram_key server_key;
	struct principal principal; /* its name is `name` */
	int64_t expiry_ms;
	char *name; /* the user's, or the token owner's */
	char *gs2;  /* NUL-terminated copies of earlier messages */
	char *client_first_bare;
	char *server_first;
	struct str nonce; /* points into server_first */
};

/* ---- the listener ---- */

static const void *prepare(const struct mechanism_place *place, struct arena *a, struct str *error)
{
	struct setup *s = arena_zalloc(a, sizeof(*s));
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	struct str line = config_at_string(place->config, &place->at, CONFIG_SASL_JAAS_CONFIG);

	check(s && hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1);
	check(EVP_DigestUpdate(hash, place->cluster_id.p, (size_t)place->cluster_id.len) == 1);
	check(EVP_DigestUpdate(hash, line.p, (size_t)line.len) == 1);
	check(EVP_DigestFinal_ex(hash, s->secret, NULL) == 1);
	s->token_secret = config_string(place->config, CONFIG_DELEGATION_TOKEN_SECRET_KEY);
	EVP_MD_CTX_free(hash);
	return mechanism_wants_module(place, CLASS_NAME, a, error) ? s : NULL;
}

static void begin_as(struct exchange *x, enum scram_mechanism m, const void *setup)
{
	x->setup = setup;
	x->mechanism = m;
}

static void begin_256(void *exchange, const void *setup)
{
	begin_as(exchange, SCRAM_SHA_256, setup);
}

static void begin_512(void *exchange, const void *setup)
{
	begin_as(exchange, SCRAM_SHA_512, setup);
}

static void end(void *exchange)
{
	struct exchange *x = exchange;

	xfree(x->name);
	xfree(x->gs2);
	xfree(x->client_first_bare);
	xfree(x->server_first);
}

static void fail_exchange(struct exchange *x, struct mechanism_step *out, struct str reason)
{
	x->state = ENDED;
	mechanism_fails(out, STR_NULL, reason);
}

/* ---- who ---- */

struct found {
	struct bytes salt;
	int32_t iterations;
};

static bool keep_key(enum scram_mechanism m, struct bytes key, struct scram_key *out)
{
	if ((size_t)key.len != scram_key_len(m))
		return false;
	memcpy(out->b, key.p, (size_t)key.len);
	return true;
}

/*
 * The first credential there is, whose key all nodes have; NULL: there is none, so existing users
 * cannot be told from others anyway.
 */
static const struct image_scram *one_of_all(const struct image *image)
{
	struct image_iter it;

	if (!image)
		return NULL;
	image_scrams(image, &it);
	return image_scrams_next(&it);
}

/* The iteration count of an existing credential of this mechanism. */
static int32_t iterations_of(const struct image *image, enum scram_mechanism m)
{
	const struct image_scram *one;
	struct image_iter it;

	if (!image)
		return SCRAM_ITERATIONS_DEFAULT;
	image_scrams(image, &it);
	while ((one = image_scrams_next(&it)))
		if (one->mechanism == (int8_t)m)
			return one->iterations;
	return SCRAM_ITERATIONS_DEFAULT;
}

/*
 * A salt like Kafka's, derived from the name: 130 bits in base 36. It is made from the node's
 * secret, if any, and from a key of a credential, which is known to all nodes and otherwise only to
 * that credential's owner.
 */
static bool invent_salt(const struct exchange *x, const struct image *image, struct str name, struct arena *a,
			struct found *out)
{
	const struct image_scram *one = one_of_all(image);
	char *salt = arena_alloc(a, SCRAM_NONCE_MAX);
	uint8_t mac[EVP_MAX_MD_SIZE], secret[EVP_MAX_MD_SIZE];

	if (!salt)
		return false;
	check(HMAC(EVP_sha256(), x->setup->secret, SECRET_LEN, one ? one->server_key.p : (const uint8_t *)"",
		   one ? (size_t)one->server_key.len : 0, secret, NULL));
	check(HMAC(EVP_sha256(), secret, SECRET_LEN, (const uint8_t *)name.p, (size_t)name.len, mac, NULL));
	secret_wipe(secret, sizeof(secret));
	*out = (struct found){{(const uint8_t *)salt, scram_nonce(mac, salt)}, iterations_of(image, x->mechanism)};
	return true;
}

static bool find_user(struct exchange *x, const struct mechanism_world *w, struct str name, struct arena *a,
		      struct found *out)
{
	const struct image_scram *c = w->image ? image_scram(w->image, (int8_t)x->mechanism, name) : NULL;

	x->principal.type = STR("User");
	x->expiry_ms = MECHANISM_FOR_EVER;
	if (!c || !keep_key(x->mechanism, c->stored_key, &x->stored_key) ||
	    !keep_key(x->mechanism, c->server_key, &x->server_key))
		return invent_salt(x, w->image, name, a, out);
	x->is_known = true;
	*out = (struct found){c->salt, c->iterations};
	return true;
}

static void make_keys(struct exchange *x, struct str id, struct bytes salt)
{
	char password[BASE64_LEN(TOKEN_HMAC_LEN)];
	uint8_t hmac[TOKEN_HMAC_LEN];
	struct scram_key salted, client;

	token_hmac(x->setup->token_secret, id, hmac);
	scram_salted_password(x->mechanism,
			      (struct str){password, (int32_t)base64_put(BASE64_PADDED, hmac, sizeof(hmac), password)},
			      salt, SCRAM_ITERATIONS_DEFAULT, &salted);
	scram_client_key(x->mechanism, &salted, &client);
	scram_stored_key(x->mechanism, &client, &x->stored_key);
	scram_server_key(x->mechanism, &salted, &x->server_key);
	scram_key_wipe(&salted);
	scram_key_wipe(&client);
	secret_wipe(hmac, sizeof(hmac));
	secret_wipe(password, sizeof(password));
}

/* *owner: the token's owner; unchanged when there is no such token. */
static bool find_token(struct exchange *x, const struct mechanism_world *w, struct str id, struct arena *a,
		       struct found *out, struct str *owner)
{
	const struct image_token *t = w->image && x->setup->token_secret.len > 0 ? image_token(w->image, id) : NULL;

	x->principal = (struct principal){.type = STR("User"), .token_authenticated = true};
	x->expiry_ms = MECHANISM_FOR_EVER;
	if (!invent_salt(x, w->image, id, a, out))
		return false;
	out->iterations = SCRAM_ITERATIONS_DEFAULT;
	if (!t || token_has_expired(t, w->now_ms))
		return true;
	make_keys(x, id, out->salt);
	x->is_known = true;
	x->expiry_ms = t->expiry_ms;
	*owner = token_principal(t->owner).name;
	return true;
}

/* ---- the two messages ---- */

static bool is_token(const struct scram_client_first *m)
{
	return str_is_true(scram_extension(m->extensions, "tokenauth"));
}

static bool find_either(struct exchange *x, const struct mechanism_world *w, const struct scram_client_first *m,
			struct str name, struct arena *a, struct found *out, struct str *who)
{
	*who = name;
	return is_token(m) ? find_token(x, w, name, a, out, who) : find_user(x, w, name, a, out);
}

static void answer_first(struct exchange *x, const struct mechanism_world *w, const struct scram_client_first *m,
			 struct arena *a, struct mechanism_step *out)
{
	char server_nonce[SCRAM_NONCE_MAX];
	struct found found;
	struct str name, text, nonce = {server_nonce, scram_nonce(w->chance, server_nonce)};
	struct str who;

	if (!scram_name_read(m->name, a, &name) || !find_either(x, w, m, name, a, &found, &who)) {
		fail_exchange(x, out, STR("the name cannot be read"));
		return;
	}
	if (m->authzid.len > 0 && !str_eq(m->authzid, name)) {
		x->state = ENDED;
		mechanism_fails(out, STR(AUTHZID), STR_NULL);
		return;
	}
	if (found.iterations < SCRAM_ITERATIONS_MIN) {
		fail_exchange(x, out, STR("the credential has too few iterations"));
		return;
	}
	text = scram_server_first_text(m->nonce, nonce, found.salt, found.iterations, a);
	if (str_is_null(text)) {
		fail_exchange(x, out, STR("no memory"));
		return;
	}
	x->name = str_dup(who);
	x->principal.name = (struct str){x->name, who.len};
	x->gs2 = str_dup(m->gs2);
	x->client_first_bare = str_dup(m->bare);
	x->server_first = str_dup(text);
	x->nonce = (struct str){x->server_first + 2, m->nonce.len + nonce.len};
	x->state = CLIENT_FINAL;
	*out = (struct mechanism_step){.outcome = MECHANISM_CHALLENGE, .token = {(const uint8_t *)text.p, text.len}};
}

static void client_first(struct exchange *x, const struct mechanism_world *w, struct str text, struct arena *a,
			 struct mechanism_step *out)
{
	struct scram_client_first m;

	if (!scram_client_first_read(text, &m)) {
		fail_exchange(x, out, STR("the client's first message cannot be read"));
	} else {
		answer_first(x, w, &m, a, out);
	}
}

/* The proof reveals the client's key, whose hash must be the stored key. */
static bool is_proven(const struct exchange *x, struct bytes proof, struct str auth_message)
{
	struct scram_key signature, computed = {{0}};
	bool is_right;

	if ((size_t)proof.len != scram_key_len(x->mechanism))
		return false;
	scram_sign(x->mechanism, &x->stored_key, auth_message, &signature);
	memcpy(computed.b, proof.p, (size_t)proof.len);
	scram_xor(x->mechanism, &signature, &computed);
	scram_stored_key(x->mechanism, &signature, &computed);
	is_right = scram_key_is(x->mechanism, &computed,
				(struct bytes){x->stored_key.b, (int32_t)scram_key_len(x->mechanism)});
	scram_key_wipe(&signature);
	return is_right && x->is_known;
}

static void client_final(struct exchange *x, struct str text, struct arena *a, struct mechanism_step *out)
{
	struct scram_client_final m;
	struct scram_key signature;
	struct str message, answer;
	struct bytes signature_bytes = {signature.b, (int32_t)scram_key_len(x->mechanism)};

	if (!scram_client_final_read(text, a, &m)) {
		fail_exchange(x, out, STR("the client's last message cannot be read"));
		return;
	}
	message = scram_auth_message(str_of(x->client_first_bare), str_of(x->server_first), m.without_proof, a);
	if (str_is_null(message) || !str_eq(m.nonce, x->nonce) ||
	    !str_is((struct str){(const char *)m.channel.p, m.channel.len}, x->gs2)) {
		fail_exchange(x, out, STR("the client's last message is of another exchange"));
		return;
	}
	if (!is_proven(x, m.proof, message)) {
		fail_exchange(x, out, STR("invalid credentials"));
		return;
	}
	scram_sign(x->mechanism, &x->server_key, message, &signature);
	answer = base64_text(BASE64_PADDED, signature_bytes, a);
	answer = arena_printf(a, "v=%.*s", STR_ARG(answer));
	x->state = ENDED;
	*out = (struct mechanism_step){
		.outcome = MECHANISM_DONE,
		.token = {(const uint8_t *)answer.p, answer.len},
		.principal = x->principal,
		.expiry_ms = x->expiry_ms,
	};
	out->principal.name = arena_str(a, x->principal.name);
}

/* The keys of a token are computed from its HMAC. */
static bool is_slow(const void *exchange, struct bytes token)
{
	const struct exchange *x = exchange;
	struct scram_client_first m;

	return x->state == CLIENT_FIRST &&
	       scram_client_first_read((struct str){(const char *)token.p, token.len}, &m) && is_token(&m);
}

static void step(void *exchange, const struct mechanism_world *w, struct bytes token, struct arena *a,
		 struct mechanism_step *out)
{
	struct exchange *x = exchange;
	struct str text = {(const char *)token.p, token.len};

	if (x->state == CLIENT_FIRST)
		client_first(x, w, text, a, out);
	else if (x->state == CLIENT_FINAL)
		client_final(x, text, a, out);
	else
		fail_exchange(x, out, STR("the exchange has ended"));
}

const struct mechanism mechanism_scram_sha_256 = {
	.name = "SCRAM-SHA-256",
	.prepare = prepare,
	.exchange_size = sizeof(struct exchange),
	.is_slow = is_slow,
	.begin = begin_256,
	.step = step,
	.end = end,
};

const struct mechanism mechanism_scram_sha_512 = {
	.name = "SCRAM-SHA-512",
	.prepare = prepare,
	.exchange_size = sizeof(struct exchange),
	.is_slow = is_slow,
	.begin = begin_512,
	.step = step,
	.end = end,
};
