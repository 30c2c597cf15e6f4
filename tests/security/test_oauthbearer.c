/*
 * oauthbearer: Kafka's exchange with unsecured tokens, and delegation tokens as SCRAM passwords:
 * message by message.
 */
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "metadata/image.h"
#include "protocol/metadata_records.h"
#include "security/jwks.h"
#include "security/mechanism.h"
#include "security/scram.h"
#include "security/token.h"
#include "tests/base/cm.h"

#define BEARER "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
#define SCRAM "org.apache.kafka.common.security.scram.ScramLoginModule required"
#define NOW_MS 1700000000000LL
#define CLAIMS "{\"sub\":\"alice\",\"exp\":1700000100}"

struct world {
	struct arena arena;
	struct config *config;
	struct jaas jaas;
	const struct mechanism *mechanism;
	void *exchange;
	struct jwks *keys;
	const char *more[2]; /* settings; ended by NULL */
	struct mechanism_world given;
	struct mechanism_step step;
};

/* ---- a listener, and an exchange on it ---- */

static void end(struct world *w)
{
	if (w->exchange && w->mechanism->end)
		w->mechanism->end(w->exchange);
	xfree(w->exchange);
	w->exchange = NULL;
}

/* False: the listener's line is refused. */
static bool prepare(struct world *w, const char *mechanism, const char *line, const char *setting)
{
	const char *own = arena_printf(&w->arena, "listener.name.x.%s.sasl.jaas.config=%s;%c", mechanism, line, 0).p;
	const char *overrides[] = {own, setting ? setting : "num.network.threads=3", w->more[0], w->more[1], NULL};
	struct config_input in = {.overrides = overrides, .data_dir = STR("/nowhere")};
	struct mechanism_place place = {
		.at = {STR("X"), str_of(mechanism)}, .cluster_id = STR("cluster"), .is_signed = w->keys != NULL};
	struct config_notes notes;
	struct str error = STR_NULL;
	const void *setup;

	end(w);
	config_free(w->config);
	assert_int_equal(config_load(&in, &w->config, &notes), 0);
	config_notes_fini(&notes);
	place.config = w->config;
	assert_true(jaas_read(config_at_string(w->config, &place.at, CONFIG_SASL_JAAS_CONFIG), &w->arena, &w->jaas,
			      &error));
	place.jaas = &w->jaas;
	w->mechanism = mechanism_find(str_of(mechanism));
	assert_non_null(w->mechanism);
	setup = w->mechanism->prepare(&place, &w->arena, &error);
	if (!setup) {
		assert_true(error.len > 0);
		return false;
	}
	w->exchange = xcalloc(1, w->mechanism->exchange_size);
	w->mechanism->begin(w->exchange, setup);
	return true;
}

static int up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	arena_init(&w->arena, 64 << 20);
	w->given.now_ms = NOW_MS;
	*state = w;
	return 0;
}

static int down(void **state)
{
	struct world *w = *state;

	end(w);
	image_unref(&w->given.image);
	jwks_unref(&w->keys);
	config_free(w->config);
	arena_fini(&w->arena);
	xfree(w);
	return 0;
}

static enum mechanism_outcome say(struct world *w, struct str s)
{
	w->mechanism->step(w->exchange, &w->given, (struct bytes){(const uint8_t *)s.p, s.len}, &w->arena, &w->step);
	return w->step.outcome;
}

static struct str answer(const struct world *w)
{
	return (struct str){(const char *)w->step.token.p, w->step.token.len};
}

/* ---- OAUTHBEARER ---- */

static struct str b64(struct world *w, const char *text)
{
	return base64_text(BASE64_URL, (struct bytes){(const uint8_t *)text, (int32_t)strlen(text)}, &w->arena);
}

static struct str token(struct world *w, const char *claims)
{
	struct str h = b64(w, "{\"alg\":\"none\"}");
	struct str c = b64(w, claims);

	return arena_printf(&w->arena, "%.*s.%.*s.", STR_ARG(h), STR_ARG(c));
}

static struct str message(struct world *w, const char *before, struct str text, const char *behind)
{
	return arena_printf(&w->arena, "%s%.*s%s", before, STR_ARG(text), behind);
}

static struct str good(struct world *w)
{
	return message(w, "n,,\1auth=Bearer ", token(w, CLAIMS), "\1\1");
}

static void a_token_says_who_comes_and_for_how_long(void **state)
{
	struct world *w = *state;

	assert_true(prepare(w, "OAUTHBEARER", BEARER, NULL));
	assert_int_equal(say(w, good(w)), MECHANISM_DONE);
	assert_true(str_is(w->step.principal.type, "User") && str_is(w->step.principal.name, "alice"));
	assert_true(w->step.expiry_ms == 1700000100000LL);
	assert_true(w->step.token.p && w->step.token.len == 0);
	assert_false(w->step.principal.token_authenticated);
	assert_int_equal(say(w, message(w, "n,a=alice,\1auth=BEARER   ", token(w, CLAIMS), "\1x=y z\1\1")),
			 MECHANISM_DONE);
	assert_int_equal(say(w, message(w, "n,,\1auth=x\1auth=bearer ", token(w, CLAIMS), "\1\1")), MECHANISM_DONE);
}

static void another_authorization_id_is_refused_in_kafkas_words(void **state)
{
	struct world *w = *state;

	assert_true(prepare(w, "OAUTHBEARER", BEARER, NULL));
	assert_int_equal(say(w, message(w, "n,a=bob,\1auth=Bearer ", token(w, CLAIMS), "\1\1")), MECHANISM_FAILED);
	assert_true(str_is(w->step.message, "Authentication failed: Client requested an authorization id (bob) that is "
					    "different from the token's principal name (alice)"));
}

static void a_token_that_is_not_taken_is_told_of_first_and_then_fails(void **state)
{
	struct world *w = *state;

	assert_true(prepare(w, "OAUTHBEARER", BEARER, NULL));
	assert_int_equal(say(w, STR("\1")), MECHANISM_FAILED);
	assert_true(str_is_null(w->step.message));
	assert_int_equal(say(w, message(w, "n,,\1auth=Bearer ", token(w, "{\"sub\":\"alice\",\"exp\":1}"), "\1\1")),
			 MECHANISM_CHALLENGE);
	assert_true(str_is(answer(w), "{\"status\":\"invalid_token\"}"));
	assert_int_equal(say(w, STR("\1")), MECHANISM_FAILED);
	assert_true(str_is(w->step.message, "{\"status\":\"invalid_token\"}"));
}

static void a_scope_may_be_wanted(void **state)
{
	struct world *w = *state;
	const char *line =
		BEARER " unsecuredValidatorRequiredScope=\"a  b\" unsecuredValidatorScopeClaimName=\"s\" "
		       "unsecuredValidatorPrincipalClaimName=\"who\" unsecuredValidatorAllowableClockSkewMs=\"3000\"";

	assert_true(prepare(w, "OAUTHBEARER", line, NULL));
	assert_int_equal(say(w, message(w, "n,,\1auth=Bearer ",
					token(w, "{\"who\":\"x\",\"exp\":1699999999,\"s\":[\"b\",\"a\"]}"), "\1\1")),
			 MECHANISM_DONE);
	assert_true(str_is(w->step.principal.name, "x"));
	assert_int_equal(say(w, message(w, "n,,\1auth=Bearer ",
					token(w, "{\"who\":\"x\",\"exp\":1699999999,\"s\":\"a\"}"), "\1\1")),
			 MECHANISM_CHALLENGE);
	assert_true(str_is(answer(w), "{\"status\":\"insufficient_scope\", \"scope\":\"[a, b]\"}"));
	assert_int_equal(say(w, STR("\1")), MECHANISM_FAILED);
	assert_true(str_is(w->step.message, "{\"status\":\"insufficient_scope\", \"scope\":\"[a, b]\"}"));
}

static void lines_that_cannot_be_are_refused_at_the_start(void **state)
{
	struct world *w = *state;

	assert_false(prepare(w, "OAUTHBEARER", SCRAM, NULL));
	assert_false(prepare(w, "OAUTHBEARER", BEARER " unsecuredValidatorAllowableClockSkewMs=\"-1\"", NULL));
	assert_false(prepare(w, "OAUTHBEARER", BEARER " unsecuredValidatorAllowableClockSkewMs=\"x\"", NULL));
	assert_false(prepare(w, "OAUTHBEARER", BEARER " unsecuredValidatorRequiredScope='a \"b'", NULL));
}

static void what_cannot_be_read_fails_without_a_word(void **state)
{
	static const char *const bad[] = {
		"",
		"n",
		"n,,",
		"y,,\1auth=Bearer t\1\1",
		"p=x,,\1auth=Bearer t\1\1",
		"n,,\1\1",
		"n,,\1auth=Bearer t\1",
		"n,,\1auth=Bearer t\1\1\1",
		"n,,\1auth=Bearer t\1\1x",
		"n,,\1auth=Basic t\1\1",
		"n,,\1auth=Bearert\1\1",
		"n,,\1auth=Bearer \1\1",
		"n,,\1auth=Bearer t t\1\1",
		"n,,\1auth=Bearer =t\1\1",
		"n,,\1auth=Bearer t\1x y=z\1\1",
		"n,,\1auth=Bearer t\1x=\1\1",
		"n,,\1auth=Bearer t\1=x\1\1",
		"n,,\1Auth=Bearer t\1\1",
		"n,a=,\1auth=Bearer t\1\1",
		"n,a=x=y,\1auth=Bearer t\1\1",
		"n,a=x\1auth=Bearer t\1\1",
		"n,a=\xc3\xa4,\1auth=Bearer t\1\1",
	};
	struct world *w = *state;
	struct str whole;

	assert_true(prepare(w, "OAUTHBEARER", BEARER, NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (say(w, str_of(bad[i])) != MECHANISM_FAILED)
			print_error("%zu: %s\n", i, bad[i]);
		assert_int_equal(w->step.outcome, MECHANISM_FAILED);
		assert_true(str_is_null(w->step.message));
	}
	whole = good(w);
	for (int32_t len = 0; len < whole.len; len++)
		assert_int_not_equal(say(w, (struct str){whole.p, len}), MECHANISM_DONE);
}

/* ---- signed tokens: the vector of RFC 8037, A.4, whose claims are none ---- */

static void where_tokens_are_signed_no_unsecured_one_is_taken(void **state)
{
	struct world *w = *state;
	struct str why;

	w->keys = jwks_read(
		STR("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"),
		&w->arena, &why);
	assert_non_null(w->keys);
	assert_false(prepare(w, "OAUTHBEARER", BEARER, NULL)); /* no audience */
	w->more[0] = "listener.name.x.oauthbearer.sasl.oauthbearer.expected.audience=kafka";
	assert_false(prepare(w, "OAUTHBEARER", BEARER, NULL)); /* no issuer */
	w->more[1] = "listener.name.x.sasl.oauthbearer.allow.unverified.issuer=true";
	assert_true(prepare(w, "OAUTHBEARER", BEARER, NULL));
	assert_int_equal(say(w, good(w)), MECHANISM_CHALLENGE);
	assert_true(str_is(answer(w), "{\"status\":\"invalid_token\"}"));
	assert_int_equal(say(w, STR("\1")), MECHANISM_FAILED);
}

static void a_handler_of_kafkas_wants_keys(void **state)
{
	static const char handler[] =
		"listener.name.x.oauthbearer.sasl.server.callback.handler.class="
		"org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler";
	struct mechanism_place place = {.at = {STR("X"), STR("OAUTHBEARER")}};
	struct world *w = *state;

	assert_true(prepare(w, "OAUTHBEARER", BEARER, NULL));
	place.config = w->config;
	assert_true(str_is_null(oauthbearer_keys_url(&place)));
	w->more[0] = handler;
	assert_false(prepare(w, "OAUTHBEARER", BEARER, NULL)); /* keys that have not been read */
	place.config = w->config;
	assert_true(str_is(oauthbearer_keys_url(&place), ""));
	w->more[1] = "sasl.oauthbearer.jwks.endpoint.url=file:///k";
	assert_false(prepare(w, "OAUTHBEARER", BEARER, NULL)); /* keys that have not been read */
	place.config = w->config;
	assert_true(str_is(oauthbearer_keys_url(&place), "file:///k"));
	place.at.mechanism = STR("PLAIN");
	assert_true(str_is_null(oauthbearer_keys_url(&place)));
}

/* ---- delegation tokens ---- */

static void learn_token(struct world *w, const char *id, int64_t expiry_ms)
{
	struct delegation_token_record r = {.owner = STR("User:alice"),
					    .requester = STR("User:bob"),
					    .max_timestamp = NOW_MS * 2,
					    .expiration_timestamp = expiry_ms,
					    .token_id = str_of(id)};
	struct metadata_record record = {.type = RECORD_DELEGATION_TOKEN, .body = &r};
	struct image_batch batch = {&record, 1, 1, 1, 1};
	const struct image *old = w->given.image ? w->given.image : image_new(STR("cluster"));
	const char *why;

	w->given.image = NULL;
	assert_int_equal(image_apply(old, &batch, &w->given.image, &why), 0);
	image_unref(&old);
}

/* Presents the token with this id, made with this secret, to a listener. */
static enum mechanism_outcome show(struct world *w, enum scram_mechanism m, const char *setting, const char *id,
				   const char *secret, const char *extension)
{
	struct str first = arena_printf(&w->arena, "n,,n=%s,r=xyz%s", id, extension);
	struct scram_client_first said;
	struct scram_server_first heard;
	struct scram_key salted, client, stored, signature;
	struct str server_first, without, text, proof;
	uint8_t hmac[TOKEN_HMAC_LEN];

	assert_true(prepare(w, scram_mechanism_name(m), SCRAM, setting));
	assert_int_equal(say(w, first), MECHANISM_CHALLENGE);
	server_first = arena_str(&w->arena, answer(w));
	assert_true(scram_client_first_read(first, &said) && scram_server_first_read(server_first, &w->arena, &heard));
	without = arena_printf(&w->arena, "c=biws,r=%.*s", STR_ARG(heard.nonce));
	text = scram_auth_message(said.bare, server_first, without, &w->arena);
	token_hmac(str_of(secret), str_of(id), hmac);
	scram_salted_password(m, base64_text(BASE64_PADDED, (struct bytes){hmac, sizeof(hmac)}, &w->arena), heard.salt,
			      heard.iterations, &salted);
	scram_client_key(m, &salted, &client);
	scram_stored_key(m, &client, &stored);
	scram_sign(m, &stored, text, &signature);
	scram_xor(m, &client, &signature);
	proof = base64_text(BASE64_PADDED, (struct bytes){client.b, (int32_t)scram_key_len(m)}, &w->arena);
	return say(w, arena_printf(&w->arena, "%.*s,p=%.*s", STR_ARG(without), STR_ARG(proof)));
}

#define SECRET "delegation.token.secret.key=sesame"
#define TOKENAUTH ",tokenauth=true"

static void a_delegation_token_lets_its_owner_in(void **state)
{
	struct world *w = *state;

	learn_token(w, "id", NOW_MS + 5000);
	for (int m = SCRAM_SHA_256; m <= SCRAM_SHA_512; m++) {
		assert_int_equal(show(w, (enum scram_mechanism)m, SECRET, "id", "sesame", TOKENAUTH), MECHANISM_DONE);
		assert_true(str_is(w->step.principal.type, "User") && str_is(w->step.principal.name, "alice"));
		assert_true(w->step.principal.token_authenticated);
		assert_true(w->step.expiry_ms == NOW_MS + 5000);
	}
}

static void no_other_token_lets_anybody_in(void **state)
{
	struct world *w = *state;

	learn_token(w, "id", NOW_MS + 5000);
	learn_token(w, "late", NOW_MS - 1);
	assert_int_equal(show(w, SCRAM_SHA_256, SECRET, "id", "sesam", TOKENAUTH), MECHANISM_FAILED);
	assert_true(str_is_null(w->step.message));
	assert_int_equal(show(w, SCRAM_SHA_256, SECRET, "id", "sesame", ""), MECHANISM_FAILED);
	assert_int_equal(show(w, SCRAM_SHA_256, SECRET, "late", "sesame", TOKENAUTH), MECHANISM_FAILED);
	assert_int_equal(show(w, SCRAM_SHA_256, SECRET, "none", "sesame", TOKENAUTH), MECHANISM_FAILED);
	assert_int_equal(show(w, SCRAM_SHA_256, NULL, "id", "sesame", TOKENAUTH), MECHANISM_FAILED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		TEST(a_token_says_who_comes_and_for_how_long),
		TEST(another_authorization_id_is_refused_in_kafkas_words),
		TEST(a_token_that_is_not_taken_is_told_of_first_and_then_fails),
		TEST(a_scope_may_be_wanted),
		TEST(lines_that_cannot_be_are_refused_at_the_start),
		TEST(what_cannot_be_read_fails_without_a_word),
		TEST(where_tokens_are_signed_no_unsecured_one_is_taken),
		TEST(a_handler_of_kafkas_wants_keys),
		TEST(a_delegation_token_lets_its_owner_in),
		TEST(no_other_token_lets_anybody_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
