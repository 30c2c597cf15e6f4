/* assertion: what a client asserts, and that its key has signed it; which keys, templates and files are refused. */
#include "security/assertion.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/base64.h"
#include "security/jwt_parts.h"
#include "tests/base/cm.h"

#define NOW_S 1700000000

static struct {
	struct arena arena;
	EVP_PKEY *rsa, *p256, *p384;
	struct oauth_assertion a;
	struct oauth_now now;
	struct str made;
} t;

/* The key as PKCS#8 in PEM, encrypted if there is a passphrase. */
static struct str pem_of(EVP_PKEY *key, const char *passphrase)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text;
	struct str pem;

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, key, passphrase ? EVP_aes_256_cbc() : NULL, passphrase,
						       passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
			 1);
	pem.len = (int32_t)BIO_get_mem_data(out, &text);
	pem.p = text;
	pem = arena_str(&t.arena, pem);
	BIO_free(out);
	return pem;
}

static int keys_make(void **state)
{
	(void)state;
	t.rsa = EVP_RSA_gen(2048);
	t.p256 = EVP_EC_gen("P-256");
	t.p384 = EVP_EC_gen("P-384");
	return t.rsa && t.p256 && t.p384 ? 0 : -1;
}

static int keys_free(void **state)
{
	(void)state;
	EVP_PKEY_free(t.rsa);
	EVP_PKEY_free(t.p256);
	EVP_PKEY_free(t.p384);
	return 0;
}

static int up(void **state)
{
	(void)state;
	arena_init(&t.arena, 1 << 20);
	t.a = (struct oauth_assertion){.key_file = STR("/key"),
				       .algorithm = STR("RS256"),
				       .claims = STR("{\"iss\":\"me\",\"aud\":\"you\"}"),
				       .valid_s = 300,
				       .before_s = 60};
	t.now = (struct oauth_now){.wall_ms = NOW_S * INT64_C(1000) + 999, .key = pem_of(t.rsa, NULL)};
	return 0;
}

static int down(void **state)
{
	(void)state;
	arena_fini(&t.arena);
	return 0;
}

static void make(void)
{
	const char *why = assertion_make(&t.a, &t.now, &t.arena, &t.made);

	if (why)
		fail_msg("%s", why);
}

static void refused(const char *why)
{
	assert_string_equal(assertion_make(&t.a, &t.now, &t.arena, &t.made), why);
}

/* One of its objects equals this, whatever the order of the members. */
static void assert_object(struct str part, const char *wanted)
{
	json_error_t error;
	json_t *is = jwt_object(part, 0, &t.arena), *should = json_loads(wanted, 0, &error);

	assert_non_null(is);
	assert_non_null(should);
	if (!json_equal(is, should))
		fail_msg("%s", json_dumps(is, 0));
	json_decref(is);
	json_decref(should);
}

static bool is_signed_by(EVP_PKEY *key, struct str text, struct bytes signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[160], *to = der;

	if (EVP_PKEY_is_a(key, "EC")) {
		ECDSA_SIG *sig = ECDSA_SIG_new();

		assert_int_equal(signature.len, 64);
		ECDSA_SIG_set0(sig, BN_bin2bn(signature.p, 32, NULL), BN_bin2bn(signature.p + 32, 32, NULL));
		signature = (struct bytes){der, i2d_ECDSA_SIG(sig, &to)};
		ECDSA_SIG_free(sig);
	}
	assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL), 1);
	bool good = EVP_DigestVerify(ctx, signature.p, (size_t)signature.len, (const uint8_t *)text.p,
				     (size_t)text.len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static struct jwt_parts parts_of_made(EVP_PKEY *key)
{
	struct jwt_parts parts;
	struct bytes signature;

	assert_true(jwt_split(t.made, &parts));
	assert_true(base64_read(BASE64_URL, parts.signature, &t.arena, &signature));
	assert_true(is_signed_by(key, parts.signed_text, signature));
	return parts;
}

static void it_says_what_the_settings_say_and_is_signed(void **state)
{
	struct jwt_parts parts;

	(void)state;
	make();
	parts = parts_of_made(t.rsa);
	assert_object(parts.header, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}");
	assert_object(parts.claims,
		      "{\"iss\":\"me\",\"aud\":\"you\",\"iat\":1700000000,\"exp\":1700000300,\"nbf\":1699999940}");
}

static void a_signature_of_a_curve_is_two_numbers(void **state)
{
	(void)state;
	t.a.algorithm = STR("ES256");
	t.now.key = pem_of(t.p256, NULL);
	for (int i = 0; i < 200; i++) { /* some of them begin with zeros */
		t.now.wall_ms += 1000;
		make();
		parts_of_made(t.p256);
	}
}

static void the_template_comes_between_the_settings_and_the_clock(void **state)
{
	struct jwt_parts parts;

	(void)state;
	t.now.template = STR("{\"header\":{\"kid\":\"k\",\"alg\":\"none\"},"
			     "\"payload\":{\"aud\":[\"x\",\"y\"],\"exp\":1,\"deep\":{\"n\":1.5}}}");
	make();
	parts = parts_of_made(t.rsa);
	assert_object(parts.header, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k\"}");
	assert_object(parts.claims, "{\"iss\":\"me\",\"aud\":[\"x\",\"y\"],\"deep\":{\"n\":1.5},"
				    "\"iat\":1700000000,\"exp\":1700000300,\"nbf\":1699999940}");
	t.now.template = STR("{}");
	make();
	t.now.template = STR("[]");
	refused("its template is no JSON object");
	t.now.template = STR("{\"payload\":1}");
	refused("the header and the payload of its template have to be JSON objects");
	t.now.template = STR("{\"header\":[]}");
	refused("the header and the payload of its template have to be JSON objects");
}

static void each_may_have_an_id_of_its_own(void **state)
{
	struct jwt_parts parts;

	(void)state;
	t.a.has_id = true;
	memset(t.now.random, 0xff, sizeof(t.now.random));
	make();
	parts = parts_of_made(t.rsa);
	assert_object(parts.claims,
		      "{\"iss\":\"me\",\"aud\":\"you\",\"iat\":1700000000,\"exp\":1700000300,\"nbf\":1699999940,"
		      "\"jti\":\"ffffffff-ffff-4fff-bfff-ffffffffffff\"}");
}

static void a_key_may_be_encrypted_and_has_to_fit(void **state)
{
	const char *unreadable =
		"its private key cannot be read: PKCS#8 in PEM was expected, and its passphrase if it is encrypted";

	(void)state;
	t.now.key = pem_of(t.rsa, "open sesame");
	refused(unreadable);
	t.a.passphrase = STR("wrong");
	refused(unreadable);
	t.a.passphrase = STR("open sesame");
	make();
	parts_of_made(t.rsa);
	t.now.key = STR("");
	refused(unreadable);
	t.now.key = pem_of(t.p256, NULL);
	refused("RS256 needs a private key of RSA");
	t.a.algorithm = STR("es256");
	make();
	t.now.key = pem_of(t.p384, NULL);
	refused("ES256 needs a private key on P-256");
	t.now.key = pem_of(t.rsa, NULL);
	refused("ES256 needs a private key on P-256");
}

static void a_curve_of_the_same_size_is_not_p_256(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("secp256k1");

	(void)state;
	if (!key)
		skip(); /* not every OpenSSL has it */
	t.a.algorithm = STR("ES256");
	t.now.key = pem_of(key, NULL);
	EVP_PKEY_free(key);
	refused("ES256 needs a private key on P-256");
}

static void one_that_is_ready_is_taken_from_its_file(void **state)
{
	(void)state;
	t.a.file = STR("/assertion");
	t.now.file = STR(" e30.e30.c2ln\n");
	make();
	assert_true(str_is(t.made, "e30.e30.c2ln"));
	t.now.file = STR("e30.e30");
	refused("its file holds no JSON Web Token");
	t.now.file = STR("e30.W10.c2ln"); /* its claims are an array */
	refused("its file holds no JSON Web Token");
	t.now.file = STR("");
	refused("its file holds no JSON Web Token");
	t.now.file = STR("e30.e30.");
	refused("its file holds no JSON Web Token");
	t.now.file = STR("e30.e30.a&b=c"); /* it would be a parameter of the request */
	refused("its file holds no JSON Web Token");
	t.now.file = STR("e30.e30.c2\nln");
	refused("its file holds no JSON Web Token");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_says_what_the_settings_say_and_is_signed, up, down),
		cmocka_unit_test_setup_teardown(a_signature_of_a_curve_is_two_numbers, up, down),
		cmocka_unit_test_setup_teardown(the_template_comes_between_the_settings_and_the_clock, up, down),
		cmocka_unit_test_setup_teardown(each_may_have_an_id_of_its_own, up, down),
		cmocka_unit_test_setup_teardown(a_key_may_be_encrypted_and_has_to_fit, up, down),
		cmocka_unit_test_setup_teardown(a_curve_of_the_same_size_is_not_p_256, up, down),
		cmocka_unit_test_setup_teardown(one_that_is_ready_is_taken_from_its_file, up, down),
	};

	return cmocka_run_group_tests(tests, keys_make, keys_free);
}
