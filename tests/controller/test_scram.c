/* scram: AlterUserScramCredentials, decided as by ScramControlManager. */
#include <string.h>

#include "tests/controller/controller_world.h"

#include "base/err.h"
#include "metadata/credential.h"
#include "protocol/alter_user_scram_credentials.h"
#include "security/scram.h"

typedef struct alter_user_scram_credentials_request_deletion deletion;
typedef struct alter_user_scram_credentials_request_upsertion upsertion;

static struct alter_user_scram_credentials_response alter(struct world *w, const deletion *d, int n_d,
							  const upsertion *u, int n_u)
{
	struct alter_user_scram_credentials_request in = {.deletions = {(deletion *)d, n_d},
							  .upsertions = {(upsertion *)u, n_u}};
	struct alter_user_scram_credentials_response out;

	assert_int_equal(RUN(w, alter_user_scram_credentials, 0, &in, &out), 0);
	return out;
}

static upsertion with(const char *user, int8_t mechanism, int32_t iterations)
{
	return (upsertion){
		.name = str_of(user),
		.mechanism = mechanism,
		.iterations = iterations,
		.salt = {(const uint8_t *)"grain", 5},
		.salted_password = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32},
	};
}

static void assert_result(const struct alter_user_scram_credentials_response *out, int i, const char *user, int err,
			  const char *message)
{
	assert_true(i < out->results.n);
	assert_true(str_is(out->results.v[i].user, user));
	assert_int_equal(out->results.v[i].error_code, err);
	assert_true(message ? str_is(out->results.v[i].error_message, message)
			    : str_is_null(out->results.v[i].error_message));
}

static void a_salted_password_becomes_the_keys_that_are_kept(void **state)
{
	struct world *w = *state;
	upsertion u = with("alice", SCRAM_SHA_256, 8192);
	struct alter_user_scram_credentials_response out = alter(w, NULL, 0, &u, 1);
	struct scram_key salted, client, stored, server;
	const struct image_scram *c = image_scram(tip(w), SCRAM_SHA_256, STR("alice"));

	assert_int_equal(out.results.n, 1);
	assert_result(&out, 0, "alice", 0, NULL);
	memcpy(salted.b, "0123456789abcdef0123456789abcdef", 32);
	scram_client_key(SCRAM_SHA_256, &salted, &client);
	scram_stored_key(SCRAM_SHA_256, &client, &stored);
	scram_server_key(SCRAM_SHA_256, &salted, &server);
	assert_non_null(c);
	assert_int_equal(c->iterations, 8192);
	assert_true(scram_key_is(SCRAM_SHA_256, &stored, c->stored_key));
	assert_true(scram_key_is(SCRAM_SHA_256, &server, c->server_key));
	assert_memory_equal(c->salt.p, "grain", 5);
}

static void what_is_there_can_be_deleted_once(void **state)
{
	struct world *w = *state;
	upsertion u = with("alice", SCRAM_SHA_512, 4096);
	deletion d = {STR("alice"), SCRAM_SHA_512}, other = {STR("alice"), SCRAM_SHA_256};
	struct alter_user_scram_credentials_response out;

	alter(w, NULL, 0, &u, 1);
	out = alter(w, &other, 1, NULL, 0);
	assert_result(&out, 0, "alice", ERR_RESOURCE_NOT_FOUND,
		      "Attempt to delete a user credential that does not exist");
	out = alter(w, &d, 1, NULL, 0);
	assert_result(&out, 0, "alice", 0, NULL);
	assert_null(image_scram(tip(w), SCRAM_SHA_512, STR("alice")));
	out = alter(w, &d, 1, NULL, 0);
	assert_result(&out, 0, "alice", ERR_RESOURCE_NOT_FOUND,
		      "Attempt to delete a user credential that does not exist");
}

static void what_is_not_legal_is_refused_user_by_user(void **state)
{
	struct world *w = *state;
	const upsertion u[] = {with("few", 1, 4095), with("many", 2, 16385), with("", 1, 4096), with("kind", 3, 4096),
			       with("fine", 1, 16384)};
	struct alter_user_scram_credentials_response out = alter(w, NULL, 0, u, 5);
	int refused = 0;

	assert_int_equal(out.results.n, 5);
	assert_result(&out, 0, "fine", 0, NULL);
	for (int i = 1; i < 5; i++) {
		struct str user = out.results.v[i].user;

		if (str_is(user, "few"))
			assert_result(&out, i, "few", ERR_UNACCEPTABLE_CREDENTIAL, "Too few iterations");
		else if (str_is(user, "many"))
			assert_result(&out, i, "many", ERR_UNACCEPTABLE_CREDENTIAL, "Too many iterations");
		else if (str_is(user, "kind"))
			assert_result(&out, i, "kind", ERR_UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism");
		else
			assert_result(&out, i, "", ERR_UNACCEPTABLE_CREDENTIAL, "Username must not be empty");
		refused++;
	}
	assert_int_equal(refused, 4);
	assert_null(image_scram(tip(w), 1, STR("few")));
	assert_non_null(image_scram(tip(w), 1, STR("fine")));
}

static void a_user_is_altered_once_in_a_request(void **state)
{
	static const char twice[] = "A user credential cannot be altered twice in the same request";
	struct world *w = *state;
	const upsertion u[] = {with("alice", 1, 4096), with("alice", 2, 4096)};
	const deletion d[] = {{STR("alice"), 1}, {STR("alice"), 1}};
	struct alter_user_scram_credentials_response out = alter(w, NULL, 0, u, 2);

	assert_int_equal(out.results.n, 1);
	assert_result(&out, 0, "alice", ERR_DUPLICATE_RESOURCE, twice);
	assert_null(image_scram(tip(w), 1, STR("alice")));
	alter(w, NULL, 0, u, 1);
	out = alter(w, d, 2, NULL, 0);
	assert_result(&out, 0, "alice", ERR_DUPLICATE_RESOURCE, twice);
	out = alter(w, d, 1, u, 1);
	assert_int_equal(out.results.n, 1);
	assert_result(&out, 0, "alice", ERR_DUPLICATE_RESOURCE, twice);
	assert_non_null(image_scram(tip(w), 1, STR("alice")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_salted_password_becomes_the_keys_that_are_kept),
		TEST(what_is_there_can_be_deleted_once),
		TEST(what_is_not_legal_is_refused_user_by_user),
		TEST(a_user_is_altered_once_in_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
