/* mechanism: exchanges, message by message, as a client has them with Kafka's own servers. */
#include "security/mechanism.h"

#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "metadata/image.h"
#include "protocol/metadata_records.h"
#include "security/scram.h"
#include "tests/base/cm.h"

#define PLAIN_LINE                                                                                                     \
	"org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" password=\"p\" "          \
	"user_alice=\"wonder\" user_bob=\"builder\";"
#define SCRAM_LINE "org.apache.kafka.common.security.scram.ScramLoginModule required;"

struct world {
	struct arena arena;
	struct config *config;
	struct jaas jaas;
	const struct mechanism *mechanism;
	void *exchange;
	struct mechanism_world given;
	struct mechanism_step step;
};

static void prepare(struct world *w, const char *mechanism, const char *line)
{
	struct config_notes notes;
	const char *override =
		arena_printf(&w->arena, "listener.name.x.%s.sasl.jaas.config=%s%c", mechanism, line, 0).p;
	struct config_input in = {.overrides = (const char *[]){override, NULL}, .data_dir = STR("/nowhere")};
	struct mechanism_place place = {.at = {STR("X"), str_of(mechanism)}, .cluster_id = STR("cluster")};
	struct str error;
	const void *setup;

	config_free(w->config);
	assert_int_equal(config_load(&in, &w->config, &notes), 0);
	config_notes_fini(&notes);
	place.config = w->config;
	assert_true(jaas_read(config_at_string(w->config, &place.at, CONFIG_SASL_JAAS_CONFIG), &w->arena, &w->jaas,
			      &error));
	place.jaas = &w->jaas;
	w->mechanism = mechanism_find(str_of(mechanism));
	setup = w->mechanism->prepare(&place, &w->arena, &error);
	assert_non_null(setup);
	w->exchange = xcalloc(1, w->mechanism->exchange_size);
	w->mechanism->begin(w->exchange, setup);
}

static void end(struct world *w)
{
	if (w->exchange && w->mechanism->end)
		w->mechanism->end(w->exchange);
	xfree(w->exchange);
	w->exchange = NULL;
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	arena_init(&w->arena, 1 << 20);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	end(w);
	image_unref(&w->given.image);
	config_free(w->config);
	arena_fini(&w->arena);
	xfree(w);
	return 0;
}

static enum mechanism_outcome say(struct world *w, const char *p, size_t len)
{
	w->mechanism->step(w->exchange, &w->given, (struct bytes){(const uint8_t *)p, (int32_t)len}, &w->arena,
			   &w->step);
	return w->step.outcome;
}

static struct str answer(const struct world *w)
{
	return (struct str){(const char *)w->step.token.p, w->step.token.len};
}

/* ---- PLAIN ---- */

static void assert_plain(struct world *w, const char *token, size_t len, const char *message)
{
	prepare(w, "PLAIN", PLAIN_LINE);
	assert_int_equal(say(w, token, len), message ? MECHANISM_FAILED : MECHANISM_DONE);
	if (message && !str_is(w->step.message, message))
		print_error("%.*s, not %s\n", STR_ARG(w->step.message), message);
	if (message)
		assert_true(str_is(w->step.message, message));
	end(w);
}

static void plain_lets_in_the_users_of_its_line(void **state)
{
	struct world *w = *state;

	assert_plain(w, "\0alice\0wonder", 13, NULL);
	assert_true(str_is(w->step.principal.type, "User") && str_is(w->step.principal.name, "alice"));
	assert_int_equal(w->step.token.len, 0);
	assert_true(w->step.expiry_ms == MECHANISM_FOR_EVER);
	assert_plain(w, "bob\0bob\0builder", 15, NULL);
}

static void plain_refuses_in_kafkas_words(void **state)
{
	static const char wrong[] = "Authentication failed: Invalid username or password";
	struct world *w = *state;

	assert_plain(w, "\0alice\0builder", 14, wrong);
	assert_plain(w, "\0carol\0wonder", 13, wrong);
	assert_plain(w, "\0alice\0wonde", 12, wrong);
	assert_plain(w, "\0alice\0wonder2", 14, wrong);
	assert_plain(w, "\0admin\0p", 8, wrong);
	assert_plain(w, "bob\0alice\0wonder", 16,
		     "Authentication failed: Client requested an authorization id that is different from username");
	assert_plain(w, "bob\0alice\0wrong", 15, wrong);
	assert_plain(w, "\0\0wonder", 8, "Authentication failed: username not specified");
	assert_plain(w, "\0alice\0", 7, "Authentication failed: password not specified");
	assert_plain(w, "", 0, "Invalid SASL/PLAIN response: expected 3 tokens, got 1");
	assert_plain(w, "\0alice", 6, "Invalid SASL/PLAIN response: expected 3 tokens, got 2");
	assert_plain(w, "\0alice\0wonder\0", 14, "Invalid SASL/PLAIN response: expected 3 tokens, got 4");
}

/* ---- SCRAM ---- */

/* An image with a credential of `user`, whose password is "pencil". */
static void learn(struct world *w, enum scram_mechanism m, const char *user, int32_t iterations)
{
	struct scram_key salted, client, stored, server;
	struct bytes salt = {(const uint8_t *)"grain", 5};
	struct user_scram_credential_record r = {.mechanism = (int8_t)m, .iterations = iterations, .salt = salt};
	struct metadata_record record = {.type = RECORD_USER_SCRAM_CREDENTIAL, .body = &r};
	struct image_batch batch = {&record, 1, 1, 1, 1};
	const struct image *old = w->given.image ? w->given.image : image_new(STR("cluster"));
	const char *why;

	scram_salted_password(m, STR("pencil"), salt, iterations, &salted);
	scram_client_key(m, &salted, &client);
	scram_stored_key(m, &client, &stored);
	scram_server_key(m, &salted, &server);
	r.name = str_of(user);
	r.stored_key = (struct bytes){stored.b, (int32_t)scram_key_len(m)};
	r.server_key = (struct bytes){server.b, (int32_t)scram_key_len(m)};
	w->given.image = NULL;
	assert_int_equal(image_apply(old, &batch, &w->given.image, &why), 0);
	image_unref(&old);
}

/* A client's answer to the server's first message. */
static struct str prove(struct world *w, enum scram_mechanism m, const char *password, const char *first,
			const char *channel)
{
	struct scram_client_first said;
	struct scram_server_first heard;
	struct scram_key salted, client, stored, signature;
	struct str server_first = arena_str(&w->arena, answer(w)), without, message;

	assert_true(scram_client_first_read(str_of(first), &said));
	assert_true(scram_server_first_read(server_first, &w->arena, &heard));
	without = arena_printf(&w->arena, "c=%s,r=%.*s", channel, STR_ARG(heard.nonce));
	message = scram_auth_message(said.bare, server_first, without, &w->arena);
	scram_salted_password(m, str_of(password), heard.salt, heard.iterations, &salted);
	scram_client_key(m, &salted, &client);
	scram_stored_key(m, &client, &stored);
	scram_sign(m, &stored, message, &signature);
	scram_xor(m, &client, &signature);
	return arena_printf(
		&w->arena, "%.*s,p=%.*s", STR_ARG(without),
		STR_ARG(base64_text(BASE64_PADDED, (struct bytes){client.b, (int32_t)scram_key_len(m)}, &w->arena)));
}

static enum mechanism_outcome say_str(struct world *w, struct str s)
{
	return say(w, s.p, (size_t)s.len);
}

static void scram_lets_in_who_proves_the_password(void **state)
{
	static const struct {
		enum scram_mechanism m;
		const char *name;
	} v[] = {{SCRAM_SHA_256, "SCRAM-SHA-256"}, {SCRAM_SHA_512, "SCRAM-SHA-512"}};
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		learn(w, v[i].m, "a,b", 4096);
		prepare(w, v[i].name, SCRAM_LINE);
		memset(w->given.chance, 0x55, sizeof(w->given.chance));
		/* compared as in Kafka */
		assert_int_equal(say_str(w, STR("n,a=a=2Cb,n=a=2Cb,r=xyz")), MECHANISM_FAILED);
		end(w);
		prepare(w, v[i].name, SCRAM_LINE);
		assert_int_equal(say_str(w, STR("n,,n=a=2Cb,r=xyz")), MECHANISM_CHALLENGE);
		assert_memory_equal(w->step.token.p, "r=xyz", 5);
		assert_int_equal(say_str(w, prove(w, v[i].m, "pencil", "n,,n=a=2Cb,r=xyz", "biws")), MECHANISM_DONE);
		assert_true(str_is(w->step.principal.name, "a,b"));
		assert_false(w->step.principal.token_authenticated);
		assert_memory_equal(w->step.token.p, "v=", 2);
		assert_int_equal(say_str(w, STR("again")), MECHANISM_FAILED);
		end(w);
	}
}

/* The client is told nothing about a failure, and the exchange is over. */
static void assert_scram_fails(struct world *w, const char *user, const char *password, const char *channel)
{
	const char *first = arena_printf(&w->arena, "n,,n=%s,r=xyz%c", user, 0).p;

	prepare(w, "SCRAM-SHA-256", SCRAM_LINE);
	assert_int_equal(say_str(w, str_of(first)), MECHANISM_CHALLENGE);
	assert_int_equal(say_str(w, prove(w, SCRAM_SHA_256, password, first, channel)), MECHANISM_FAILED);
	assert_true(str_is_null(w->step.message));
	assert_true(str_is_null(answer(w)));
	end(w);
}

static void scram_lets_in_nobody_else(void **state)
{
	struct world *w = *state;

	learn(w, SCRAM_SHA_256, "alice", 4096);
	learn(w, SCRAM_SHA_512, "bob", 4096);
	assert_scram_fails(w, "alice", "pencils", "biws");
	assert_scram_fails(w, "alice", "", "biws");
	assert_scram_fails(w, "bob", "pencil", "biws");
	assert_scram_fails(w, "carol", "pencil", "biws");
	assert_scram_fails(w, "alice", "pencil", "eSws"); /* "y,,": not the header that was sent */
}

static void a_users_absence_cannot_be_seen(void **state)
{
	struct world *w = *state;
	struct str first, second, other;
	struct scram_server_first a, b, c;

	learn(w, SCRAM_SHA_256, "alice", 8192);
	prepare(w, "SCRAM-SHA-256", SCRAM_LINE);
	say_str(w, STR("n,,n=carol,r=xyz"));
	first = answer(w);
	end(w);
	prepare(w, "SCRAM-SHA-256", SCRAM_LINE);
	say_str(w, STR("n,,n=carol,r=xyz"));
	second = answer(w);
	assert_true(str_eq(first, second));
	end(w);
	prepare(w, "SCRAM-SHA-256", SCRAM_LINE);
	say_str(w, STR("n,,n=dave,r=xyz"));
	other = answer(w);
	assert_true(scram_server_first_read(first, &w->arena, &a));
	assert_true(scram_server_first_read(other, &w->arena, &c));
	assert_false(bytes_eq(a.salt, c.salt));
	assert_int_equal(a.iterations, 8192); /* the same as for existing users */
	end(w);
	prepare(w, "SCRAM-SHA-512", SCRAM_LINE); /* the same line, so the same secret */
	say_str(w, STR("n,,n=carol,r=xyz"));
	assert_true(scram_server_first_read(answer(w), &w->arena, &b));
	assert_true(bytes_eq(a.salt, b.salt));
	assert_int_equal(b.iterations, 4096); /* no user has that mechanism: Kafka's default */
	end(w);
	learn(w, SCRAM_SHA_512, "alice", 16384);
	prepare(w, "SCRAM-SHA-512", SCRAM_LINE);
	say_str(w, STR("n,,n=carol,r=xyz"));
	assert_true(scram_server_first_read(answer(w), &w->arena, &b));
	assert_int_equal(b.iterations, 16384);
	end(w);
	prepare(w, "SCRAM-SHA-256", "org.apache.kafka.common.security.scram.ScramLoginModule required password=\"x\";");
	say_str(w, STR("n,,n=carol,r=xyz"));
	assert_true(scram_server_first_read(answer(w), &w->arena, &b));
	assert_false(bytes_eq(a.salt, b.salt));
	end(w);
	/* knowing the line and the cluster id is not enough: the key is missing */
	learn(w, SCRAM_SHA_256, "alice", 4096);
	prepare(w, "SCRAM-SHA-256", SCRAM_LINE);
	say_str(w, STR("n,,n=carol,r=xyz"));
	assert_true(scram_server_first_read(answer(w), &w->arena, &b));
	assert_false(bytes_eq(a.salt, b.salt));
}

static void assert_scram_refuses(struct world *w, const char *first, const char *last)
{
	prepare(w, "SCRAM-SHA-256", SCRAM_LINE);
	assert_int_equal(say_str(w, str_of(first)), last ? MECHANISM_CHALLENGE : MECHANISM_FAILED);
	if (last)
		assert_int_equal(say_str(w, str_of(last)), MECHANISM_FAILED);
	assert_true(str_is_null(w->step.message));
	assert_false(str_is_null(w->step.reason));
	end(w);
}

static void what_cannot_be_read_fails(void **state)
{
	struct world *w = *state;

	learn(w, SCRAM_SHA_256, "alice", 4096);
	learn(w, SCRAM_SHA_256, "weak", 4095);
	assert_scram_refuses(w, "", NULL);
	assert_scram_refuses(w, "n,,n=weak,r=xyz", NULL);
	assert_scram_refuses(w, "n,,n=alice,r=xyz", "");
	assert_scram_refuses(w, "n,,n=alice,r=xyz", "c=biws,r=xyz,p=");
	assert_scram_refuses(w, "n,,n=alice,r=xyz", "c=biws,r=xyz,p=Zg==");
	assert_scram_refuses(w, "n,,n=alice,r=xyz,tokenauth=true", "c=biws,r=xyz,p=Zg==");
}

static void a_line_of_another_module_is_refused(void **state)
{
	struct world *w = *state;
	struct mechanism_place place;
	struct str error;

	prepare(w, "PLAIN", PLAIN_LINE);
	end(w);
	place = (struct mechanism_place){.config = w->config, .at = {STR("X"), STR("PLAIN")}, .jaas = &w->jaas};
	assert_null(mechanism_find(STR("SCRAM-SHA-256"))->prepare(&place, &w->arena, &error));
	assert_true(str_is(error, "its login module is org.apache.kafka.common.security.scram.ScramLoginModule, not "
				  "org.apache.kafka.common.security.plain.PlainLoginModule"));
	assert_null(mechanism_find(STR("plain")));
	assert_null(mechanism_find(STR("CRAM-MD5")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain_lets_in_the_users_of_its_line, setup, teardown),
		cmocka_unit_test_setup_teardown(plain_refuses_in_kafkas_words, setup, teardown),
		cmocka_unit_test_setup_teardown(scram_lets_in_who_proves_the_password, setup, teardown),
		cmocka_unit_test_setup_teardown(scram_lets_in_nobody_else, setup, teardown),
		cmocka_unit_test_setup_teardown(a_users_absence_cannot_be_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_of_another_module_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
