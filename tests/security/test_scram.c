#include "security/scram.h"

#include <string.h>

#include "base/base64.h"
#include "security/token.h"
#include "tests/base/cm.h"

/* RFC 7677, 3, and the same with SHA-512 (from a separate implementation). */
static const struct vector {
	enum scram_mechanism m;
	const char *proof;
	const char *signature;
	const char *stored_key;
	const char *server_key;
} vectors[] = {
	{SCRAM_SHA_256, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	 "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=", "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="},
	{SCRAM_SHA_512, "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
	 "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
	 "6AAub3065EYRmyFpM2RNwqK+eGnrkYuEWbXn19LsEmBqzu8QaCXNc1FwpnX9NhH2hK/60dzj9DoO5DvVkOHbvg==",
	 "jZHbYjC1aHh0/hKbxyBuGFjDrgjgKTT1esA7awWiKcRZ0o/0b1yWEebBeSVkkCFewf91nLDfKF24mvD5nmE6rA=="},
};

#define CLIENT_FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_FIRST "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define WITHOUT_PROOF "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

static void assert_key(enum scram_mechanism m, const struct scram_key *key, const char *text, struct arena *a)
{
	struct bytes b = {key->b, (int32_t)scram_key_len(m)}, other;

	assert_true(str_is(base64_text(BASE64_PADDED, b, a), text));
	assert_true(base64_read(BASE64_PADDED, str_of(text), a, &other));
	assert_true(scram_key_is(m, key, other));
	other.len--;
	assert_false(scram_key_is(m, key, other));
}

static void assert_vector(const struct vector *v)
{
	struct scram_key salted, client, stored, server, proof, signature;
	struct scram_client_first first;
	struct scram_server_first answer;
	struct str message;
	struct arena a;

	arena_init(&a, 1 << 20);
	assert_true(scram_client_first_read(STR(CLIENT_FIRST), &first));
	assert_true(scram_server_first_read(STR(SERVER_FIRST), &a, &answer));
	scram_salted_password(v->m, STR("pencil"), answer.salt, answer.iterations, &salted);
	scram_client_key(v->m, &salted, &client);
	scram_stored_key(v->m, &client, &stored);
	scram_server_key(v->m, &salted, &server);
	assert_key(v->m, &stored, v->stored_key, &a);
	assert_key(v->m, &server, v->server_key, &a);
	message = scram_auth_message(first.bare, STR(SERVER_FIRST), STR(WITHOUT_PROOF), &a);
	scram_sign(v->m, &stored, message, &signature);
	proof = client;
	scram_xor(v->m, &proof, &signature);
	assert_key(v->m, &proof, v->proof, &a);
	scram_sign(v->m, &server, message, &signature);
	assert_key(v->m, &signature, v->signature, &a);
	arena_fini(&a);
}

static void the_vectors_give_their_keys_proofs_and_signatures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
		assert_vector(&vectors[i]);
}

static void a_mechanism_has_its_name_and_number(void **state)
{
	(void)state;
	assert_int_equal(scram_mechanism_of(STR("SCRAM-SHA-256")), 1);
	assert_int_equal(scram_mechanism_of(STR("SCRAM-SHA-512")), 2);
	assert_int_equal(scram_mechanism_of(STR("SCRAM-SHA-1")), SCRAM_UNKNOWN);
	assert_int_equal(scram_mechanism_of(STR("scram-sha-256")), SCRAM_UNKNOWN);
	assert_string_equal(scram_mechanism_name(SCRAM_SHA_512), "SCRAM-SHA-512");
	assert_string_equal(scram_mechanism_name((enum scram_mechanism)9), "UNKNOWN");
}

static void assert_nonce(const uint8_t chance[SCRAM_CHANCE], const char *text)
{
	char out[SCRAM_NONCE_MAX];
	int n = scram_nonce(chance, out);

	assert_int_equal(n, strlen(text));
	assert_memory_equal(out, text, (size_t)n);
}

static void a_nonce_is_130_bits_in_base_36(void **state)
{
	uint8_t chance[SCRAM_CHANCE] = {0};

	(void)state;
	assert_nonce(chance, "0");
	chance[SCRAM_CHANCE - 1] = 35;
	assert_nonce(chance, "z");
	chance[SCRAM_CHANCE - 1] = 36;
	assert_nonce(chance, "10");
	for (int i = 0; i < SCRAM_CHANCE; i++)
		chance[i] = (uint8_t)(i + 1);
	assert_nonce(chance, "f9war3lvskojybi3x7fo64j69");
	memset(chance, 0xff, sizeof(chance));
	assert_nonce(chance, "1omfro7zwmumr3umxudzyj6scf");
}

static void a_first_message_of_a_client_has_all_its_parts(void **state)
{
	struct scram_client_first m;

	(void)state;
	assert_true(scram_client_first_read(STR("n,a=x=2Cy,m=z,n=a=3Db,r=+-*,tokenauth=True,e=1=2"), &m));
	assert_true(str_is(m.gs2, "n,a=x=2Cy,"));
	assert_true(str_is(m.bare, "m=z,n=a=3Db,r=+-*,tokenauth=True,e=1=2"));
	assert_true(str_is(m.authzid, "x=2Cy"));
	assert_true(str_is(m.name, "a=3Db"));
	assert_true(str_is(m.nonce, "+-*"));
	assert_true(str_is(scram_extension(m.extensions, "tokenauth"), "True"));
	assert_true(str_is(scram_extension(m.extensions, "e"), "1=2"));
	assert_true(str_is_null(scram_extension(m.extensions, "auth")));
	assert_true(scram_client_first_read(STR("n,,n=a,r=b"), &m));
	assert_true(str_is_null(m.authzid));
	assert_true(str_is_null(scram_extension(m.extensions, "tokenauth")));
}

static void what_is_no_first_message_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"n",
		"n,",
		"n,,",
		"n,,n=",
		"n,,n=,r=b",
		"n,,n=a",
		"n,,n=a,r=",
		"n,,n=a,r=b,",
		"n,,n=a,r=b,=",
		"n,,n=a,r=b,x",
		"n,,n=a,r=b,x=",
		"y,,n=a,r=b",
		"p=t,,n=a,r=b",
		"n,x,n=a,r=b",
		"n,a=,n=a,r=b",
		"n,a=b=,n=a,r=b",
		"n,,n=a=2,r=b",
		"n,,n=a=2c,r=b",
		"n,,n=a==,r=b",
		"n,,n=a,r=b c",
		"n,,n=\xc3\xa4,r=b",
		"n,,m=,n=a,r=b",
		"n,,m=x n=a,r=b",
		"n,,r=b,n=a",
		"n,,n=a,r=b\x7f",
		"n,,n=a,r=b,x1=2",
	};
	struct scram_client_first m;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(scram_client_first_read(str_of(wrong[i]), &m));
	assert_false(scram_client_first_read((struct str){"n,,n=a\0,r=b", 11}, &m));
}

static void the_other_messages_are_read_as_strictly(void **state)
{
	struct scram_server_first first;
	struct scram_client_final final;
	struct scram_server_final end;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_true(scram_server_first_read(STR("m=a,r=b,s=,i=1,x=y"), &a, &first));
	assert_false(scram_server_first_read(STR("r=b,s=Zg==,i=0"), &a, &first));
	assert_false(scram_server_first_read(STR("r=b,s=Zg==,i=99999999999"), &a, &first));
	assert_false(scram_server_first_read(STR("r=b,s=Zg==,i=+1"), &a, &first));
	assert_false(scram_server_first_read(STR("r=b,s=Zg,i=1"), &a, &first));
	assert_true(scram_client_final_read(STR("c=biws,r=b,x=y,p=Zg=="), &a, &final));
	assert_true(str_is(final.without_proof, "c=biws,r=b,x=y"));
	assert_memory_equal(final.channel.p, "n,,", 3);
	assert_true(scram_client_final_read(STR("c=,r=b,p="), &a, &final));
	assert_false(scram_client_final_read(STR("c=biws,r=b"), &a, &final));
	assert_false(scram_client_final_read(STR("c=biws,r=,p=Zg=="), &a, &final));
	assert_false(scram_client_final_read(STR("c=biws,r=b,p=Zg==,x=y"), &a, &final));
	assert_false(scram_client_final_read(STR("c=biws,r=b,x,p=Zg=="), &a, &final));
	assert_false(scram_client_final_read(STR(""), &a, &final));
	assert_true(scram_server_final_read(STR("v=Zg==,x=y"), &a, &end));
	assert_int_equal(end.signature.len, 1);
	assert_true(scram_server_final_read(STR("e=other-error"), &a, &end));
	assert_true(str_is(end.error, "other-error"));
	assert_false(scram_server_final_read(STR("e="), &a, &end));
	assert_false(scram_server_final_read(STR("v=!"), &a, &end));
	assert_false(scram_server_final_read(STR(""), &a, &end));
	arena_fini(&a);
}

static void names_are_escaped_and_back(void **state)
{
	struct arena a;
	struct str text, back;

	(void)state;
	arena_init(&a, 1 << 20);
	text = scram_name_text(STR("a,b=c=2Cd"), &a);
	assert_true(str_is(text, "a=2Cb=3Dc=3D2Cd"));
	assert_true(scram_name_read(text, &a, &back));
	assert_true(str_is(back, "a,b=c=2Cd"));
	assert_false(scram_name_read(STR("a=2"), &a, &back));
	assert_false(scram_name_read(STR("a=2c"), &a, &back));
	assert_false(scram_name_read(STR("a="), &a, &back));
	assert_true(str_is(scram_client_first_text(STR("a=b"), STR("r"), STR("tokenauth=true"), &a),
			   "n,,n=a=3Db,r=r,tokenauth=true"));
	assert_true(str_is(scram_client_first_text(STR("a"), STR("r"), STR_NULL, &a), "n,,n=a,r=r"));
	arena_fini(&a);
}

/* RFC 7914, 11: the first 32 bytes of each. */
static void keys_are_derived_as_in_rfc_7914(void **state)
{
	static const struct {
		const char *password, *salt;
		int32_t iterations;
		uint8_t key[32];
	} rows[] = {
		{"passwd", "salt", 1, {0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91,
				       0xc2, 0x25, 0x44, 0xb6, 0x05, 0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde,
				       0x04, 0x65, 0xe6, 0x8b, 0x9d, 0x57, 0xc2, 0x0d, 0xac, 0xbc}},
		{"Password", "NaCl", 80000, {0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe, 0x21, 0x83, 0x0c, 0xee,
					     0x5e, 0xf2, 0x27, 0x01, 0xf9, 0x64, 0x1a, 0x44, 0x18, 0xd0, 0x4c,
					     0x04, 0x14, 0xae, 0xff, 0x08, 0x87, 0x6b, 0x34, 0xab, 0x56}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes salt = {(const uint8_t *)rows[i].salt, 4};
		struct scram_key key;

		scram_salted_password(SCRAM_SHA_256, str_of(rows[i].password), salt, rows[i].iterations, &key);
		assert_memory_equal(key.b, rows[i].key, 32);
	}
}

/* RFC 4231, 4.3. */
static void a_mac_is_that_of_rfc_4231(void **state)
{
	static const uint8_t wanted[] = {0x16, 0x4b, 0x7a, 0x7b, 0xfc, 0xf8, 0x19, 0xe2, 0xe3, 0x95, 0xfb, 0xe7, 0x3b,
					 0x56, 0xe0, 0xa3, 0x87, 0xbd, 0x64, 0x22, 0x2e, 0x83, 0x1f, 0xd6, 0x10, 0x27,
					 0x0c, 0xd7, 0xea, 0x25, 0x05, 0x54, 0x97, 0x58, 0xbf, 0x75, 0xc0, 0x5a, 0x99,
					 0x4a, 0x6d, 0x03, 0x4f, 0x65, 0xf8, 0xf0, 0xe6, 0xfd, 0xca, 0xea, 0xb1, 0xa3,
					 0x4d, 0x4a, 0x6b, 0x4b, 0x63, 0x6e, 0x07, 0x0a, 0x38, 0xbc, 0xe7, 0x37};
	uint8_t mac[TOKEN_HMAC_LEN];

	(void)state;
	token_hmac(STR("Jefe"), STR("what do ya want for nothing?"), mac);
	assert_memory_equal(mac, wanted, sizeof(wanted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_derived_as_in_rfc_7914),
		cmocka_unit_test(a_mac_is_that_of_rfc_4231),
		cmocka_unit_test(the_vectors_give_their_keys_proofs_and_signatures),
		cmocka_unit_test(a_mechanism_has_its_name_and_number),
		cmocka_unit_test(a_nonce_is_130_bits_in_base_36),
		cmocka_unit_test(a_first_message_of_a_client_has_all_its_parts),
		cmocka_unit_test(what_is_no_first_message_is_refused),
		cmocka_unit_test(the_other_messages_are_read_as_strictly),
		cmocka_unit_test(names_are_escaped_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
