/* login: the client's side of PLAIN and SCRAM, with the test as the server. */
#include <string.h>

#include "base/base64.h"
#include "security/login_words.h"
#include "tests/base/cm.h"
#include "wire/login.h"

static const struct login_words MARY = {STR("mary,=o'neill"), STR("pencil \xc3\xa4"), false};

static struct {
	enum scram_mechanism mechanism;
	struct login_method *method;
	struct login *login;
	struct buf out;
	struct arena arena;
	struct scram_client_first first;
	struct str nonce; /* both nonces concatenated */
	struct str server_first;
	int n_works;
} t;

static enum login_turn step(struct str in)
{
	enum login_turn turn;

	t.out.len = 0;
	turn = login_step(t.login, in, &t.out);
	if (turn != LOGIN_WORK)
		return turn;
	t.n_works++;
	login_work(t.login);
	return login_step(t.login, in, &t.out);
}

static struct str said(void)
{
	return arena_str(&t.arena, buf_str(&t.out));
}

static void begin(enum scram_mechanism m, const struct login_words *words)
{
	struct login_start start = {.host = "there", .nonce = "whatever chance has given"};

	memset(&t, 0, sizeof(t));
	arena_init(&t.arena, 4 << 20);
	t.mechanism = m;
	t.method = m == SCRAM_UNKNOWN ? login_plain_new(words) : login_scram_new(m, words);
	t.login = login_begin(t.method, &start);
}

static void end(void)
{
	login_free(t.login);
	login_method_free(t.method);
	buf_fini(&t.out);
	arena_fini(&t.arena);
}

/* ---- PLAIN ---- */

static void plain_says_it_in_one_message(void **state)
{
	(void)state;
	begin(SCRAM_UNKNOWN, &MARY);
	assert_true(str_is(t.method->mechanism, "PLAIN"));
	assert_int_equal(step(STR("")), LOGIN_LAST);
	assert_int_equal(t.out.len, 24);
	assert_memory_equal(t.out.p, "\0mary,=o'neill\0pencil \xc3\xa4", 24);
	end();
}

/* ---- SCRAM ---- */

/* The server's answer to the first message. */
static struct str server_first(int32_t iterations)
{
	assert_int_equal(step(STR("")), LOGIN_SAY);
	assert_true(scram_client_first_read(said(), &t.first));
	t.nonce = arena_printf(&t.arena, "%.*sSERVER", STR_ARG(t.first.nonce));
	return t.server_first = scram_server_first_text(
		       t.first.nonce, STR("SERVER"), (struct bytes){(const uint8_t *)"salty", 5}, iterations, &t.arena);
}

/* Whether the proof is the one for this password. *final is then the server's answer. */
static bool proves(struct str password, int32_t iterations, struct str *final)
{
	struct scram_key salted, key, stored, server, signature;
	struct scram_client_final last;
	struct str message;

	assert_true(scram_client_final_read(said(), &t.arena, &last));
	assert_true(str_eq(last.nonce, t.nonce));
	assert_true(bytes_eq(last.channel, (struct bytes){(const uint8_t *)"n,,", 3}));
	message = scram_auth_message(t.first.bare, t.server_first, last.without_proof, &t.arena);
	scram_salted_password(t.mechanism, password, (struct bytes){(const uint8_t *)"salty", 5}, iterations, &salted);
	scram_client_key(t.mechanism, &salted, &key);
	scram_stored_key(t.mechanism, &key, &stored);
	scram_sign(t.mechanism, &stored, message, &signature);
	scram_xor(t.mechanism, &key, &signature);
	scram_server_key(t.mechanism, &salted, &server);
	scram_sign(t.mechanism, &server, message, &signature);
	*final = arena_printf(
		&t.arena, "v=%.*s",
		STR_ARG(base64_text(BASE64_PADDED, (struct bytes){signature.b, (int32_t)scram_key_len(t.mechanism)},
				    &t.arena)));
	return scram_key_is(t.mechanism, &key, last.proof);
}

static void scram_proves_the_password_and_has_the_server_prove_it_too(void **state)
{
	(void)state;
	for (int m = SCRAM_SHA_256; m <= SCRAM_SHA_512; m++) {
		struct str name, final;

		begin((enum scram_mechanism)m, &MARY);
		assert_string_equal(scram_mechanism_name(t.mechanism), m == 1 ? "SCRAM-SHA-256" : "SCRAM-SHA-512");
		assert_true(str_is(t.method->mechanism, scram_mechanism_name(t.mechanism)));
		assert_int_equal(step(server_first(4096)), LOGIN_SAY);
		assert_int_equal(t.n_works, 1); /* a step must not compute the salted password */
		assert_true(scram_name_read(t.first.name, &t.arena, &name));
		assert_true(str_eq(name, MARY.name));
		assert_true(str_is_null(t.first.extensions));
		assert_true(proves(MARY.password, 4096, &final));
		assert_int_equal(step(final), LOGIN_DONE);
		end();
	}
}

static void another_password_has_another_proof(void **state)
{
	struct str final;

	(void)state;
	begin(SCRAM_SHA_256, &MARY);
	assert_int_equal(step(server_first(4096)), LOGIN_SAY);
	assert_false(proves(STR("pencil"), 4096, &final));
	assert_int_equal(step(final), LOGIN_FAIL); /* a server that knows a different password is refused */
	assert_string_equal(t.login->failure, "Invalid server signature in server final message");
	end();
}

static void a_token_is_said_to_be_one(void **state)
{
	static const struct login_words TOKEN = {STR("id"), STR("hmac"), true};

	(void)state;
	begin(SCRAM_SHA_512, &TOKEN);
	server_first(4096);
	assert_true(str_is(scram_extension(t.first.extensions, "tokenauth"), "true"));
	end();
}

static void two_logins_have_two_nonces(void **state)
{
	struct login_start start = {.nonce = "another chance of thirty bytes"};
	struct scram_client_first other;
	struct login *login;

	(void)state;
	begin(SCRAM_SHA_256, &MARY);
	server_first(4096);
	login = login_begin(t.method, &start);
	t.out.len = 0;
	assert_int_equal(login_step(login, STR(""), &t.out), LOGIN_SAY);
	assert_true(scram_client_first_read(said(), &other));
	assert_false(str_eq(other.nonce, t.first.nonce));
	login_free(login);
	end();
}

/* Between the two, the nonce or its first bytes. */
static void assert_refused(const char *before, int nonce_len, const char *after, const char *why)
{
	struct str nonce;

	begin(SCRAM_SHA_256, &MARY);
	server_first(4096);
	nonce = t.first.nonce;
	nonce.len = nonce_len < nonce.len ? nonce_len : nonce.len;
	assert_int_equal(step(arena_printf(&t.arena, "%s%.*s%s", before, STR_ARG(nonce), after)), LOGIN_FAIL);
	assert_string_equal(t.login->failure, why);
	end();
}

static void a_first_answer_that_cannot_be_is_refused(void **state)
{
	(void)state;
	assert_refused("r=", 99, "x,s=AAAA,i=4095", "Requested iterations are less than the minimum, 4096");
	assert_refused("r=", 99, "x,s=AAAA,i=65537", "Requested iterations are more than the maximum, 65536");
	assert_refused("r=", 99, "x,s=AAAA,i=99999999999", "Invalid SCRAM server first message");
	assert_refused("r=other", 99, ",s=AAAA,i=4096", "Invalid server nonce: does not start with client nonce");
	assert_refused("r=", 3, ",s=AAAA,i=4096", "Invalid server nonce: does not start with client nonce");
	assert_refused("r=", 99, "x,s=AAAA", "Invalid SCRAM server first message");
	assert_refused("r=", 99, "x,s=!,i=4096", "Invalid SCRAM server first message");
	assert_refused("", 0, "", "Invalid SCRAM server first message");
}

static void a_last_answer_that_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"v=AAAA", "Invalid server signature in server final message"},
		{"v=", "Invalid server signature in server final message"},
		{"", "Invalid SCRAM server final message"},
		{"e=other-error", "Sasl authentication using SCRAM-SHA-256 failed with error: other-error"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(SCRAM_SHA_256, &MARY);
		assert_int_equal(step(server_first(4096)), LOGIN_SAY);
		assert_int_equal(step(str_of(rows[i].text)), LOGIN_FAIL);
		assert_string_equal(t.login->failure, rows[i].why);
		end();
	}
}

/* Each length one short, and the signature with one bit flipped. */
static void nothing_less_than_the_signature_is_believed(void **state)
{
	struct str final;
	char wrong[128];

	(void)state;
	for (int cut = 0; cut < 46; cut++) {
		begin(SCRAM_SHA_256, &MARY);
		assert_int_equal(step(server_first(4096)), LOGIN_SAY);
		assert_true(proves(MARY.password, 4096, &final));
		memcpy(wrong, final.p, (size_t) final.len);
		assert_int_equal(final.len, 46);
		final.len -= cut;
		wrong[2] = wrong[2] == 'A' ? 'B' : 'A';
		if (cut == 0)
			final.p = wrong;
		assert_int_equal(step(final), LOGIN_FAIL);
		end();
	}
}

static void a_server_that_says_too_much_is_refused(void **state)
{
	static char much[2 << 20];
	struct str text;

	(void)state;
	begin(SCRAM_SHA_256, &MARY);
	server_first(4096);
	text = arena_printf(&t.arena, "r=%.*s", STR_ARG(t.first.nonce));
	memset(much, 'x', sizeof(much));
	memcpy(much, text.p, (size_t)text.len);
	memcpy(much + sizeof(much) - 14, ",s=AAAA,i=4096", 14);
	assert_int_equal(step((struct str){much, sizeof(much)}), LOGIN_FAIL);
	assert_string_equal(t.login->failure, "The server says too much");
	end();
}

static void a_name_that_scram_cannot_carry_is_refused(void **state)
{
	static const struct login_words NAME = {STR("m\xc3\xa4ry"), STR("pencil"), false};

	(void)state;
	begin(SCRAM_SHA_256, &NAME);
	assert_int_equal(step(STR("")), LOGIN_FAIL);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_says_it_in_one_message),
		cmocka_unit_test(scram_proves_the_password_and_has_the_server_prove_it_too),
		cmocka_unit_test(another_password_has_another_proof),
		cmocka_unit_test(a_token_is_said_to_be_one),
		cmocka_unit_test(two_logins_have_two_nonces),
		cmocka_unit_test(a_first_answer_that_cannot_be_is_refused),
		cmocka_unit_test(a_last_answer_that_cannot_be_is_refused),
		cmocka_unit_test(nothing_less_than_the_signature_is_believed),
		cmocka_unit_test(a_server_that_says_too_much_is_refused),
		cmocka_unit_test(a_name_that_scram_cannot_carry_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
