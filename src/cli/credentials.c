/* credentials: reads changes of credentials, salts and hashes passwords, and sends them. */
#include "cli/credentials.h"

#include <string.h>

#include "protocol/alter_user_scram_credentials.h"
#include "security/scram.h"

struct secret {
	int32_t iterations;
	struct str password;
};

bool credential_is_known(struct str name)
{
	return scram_mechanism_of(name) != SCRAM_UNKNOWN;
}

/* Parses "iterations=8192,password=x" or "password=x". */
static struct secret read_secret(struct tool *t, const struct config_change *c)
{
	struct secret s = {SCRAM_ITERATIONS_DEFAULT, c->value};
	const char *comma;
	struct str digits;
	bool good = true;

	if (str_take_prefix(&s.password, "iterations=")) {
		comma = s.password.len > 0 ? memchr(s.password.p, ',', (size_t)s.password.len) : NULL;
		digits = (struct str){s.password.p, comma ? (int32_t)(comma - s.password.p) : 0};
		good = comma && str_to_i32(digits, &s.iterations);
		s.password.p += digits.len + 1;
		s.password.len -= digits.len + 1;
	}
	if (!good || !str_take_prefix(&s.password, "password="))
		tool_die(t, "Invalid credential property SCRAM_SHA_%s=%.*s", /* the name in Kafka's enum */
			 scram_mechanism_of(c->name) == SCRAM_SHA_256 ? "256" : "512", STR_ARG(c->value));
	if (s.iterations == -1)
		s.iterations = SCRAM_ITERATIONS_DEFAULT;
	if (s.iterations < SCRAM_ITERATIONS_MIN)
		tool_die(t, "Iterations %d is less than the minimum %d required for %.*s", (int)s.iterations,
			 SCRAM_ITERATIONS_MIN, STR_ARG(c->name));
	return s;
}

void credentials_check(struct tool *t, const char *user, const struct config_changes *c)
{
	if (!*user)
		tool_die(
			t,
			"The use of --entity-default or --user-defaults is not allowed with User SCRAM Credentials using --bootstrap-server.");
	for (int i = 0; i < c->n; i++)
		if (!c->v[i].remove && read_secret(t, &c->v[i]).password.len == 0)
			tool_die(t, "Password must not be empty");
}

static struct bytes arena_bytes(struct tool *t, const void *p, size_t len)
{
	struct str copy = arena_str(&t->arena, (struct str){p, (int32_t)len});

	return (struct bytes){(const uint8_t *)copy.p, copy.len};
}

static struct alter_user_scram_credentials_request_upsertion upsertion(struct tool *t, const char *user,
								       const struct config_change *c)
{
	enum scram_mechanism m = scram_mechanism_of(c->name);
	struct secret s = read_secret(t, c);
	uint8_t chance[SCRAM_CHANCE];
	char salt[SCRAM_NONCE_MAX];
	struct scram_key salted;
	struct alter_user_scram_credentials_request_upsertion u = {
		.name = str_of(user), .mechanism = (int8_t)m, .iterations = s.iterations};

	env_random(t->env, chance, sizeof(chance));
	u.salt = arena_bytes(t, salt, (size_t)scram_nonce(chance, salt));
	scram_salted_password(m, s.password, u.salt, s.iterations, &salted);
	u.salted_password = arena_bytes(t, salted.b, scram_key_len(m));
	scram_key_wipe(&salted);
	return u;
}

void credentials_alter(struct tool *t, const char *user, const struct config_changes *c)
{
	struct alter_user_scram_credentials_request *r = arena_zalloc(&t->arena, sizeof(*r));
	const struct alter_user_scram_credentials_response *answer;

	r->deletions.v = arena_array(&t->arena, (size_t)c->n, sizeof(*r->deletions.v));
	r->upsertions.v = arena_array(&t->arena, (size_t)c->n, sizeof(*r->upsertions.v));
	for (int i = 0; i < c->n; i++)
		if (c->v[i].remove)
			r->deletions.v[r->deletions.n++] = (struct alter_user_scram_credentials_request_deletion){
				str_of(user), (int8_t)scram_mechanism_of(c->v[i].name)};
		else
			r->upsertions.v[r->upsertions.n++] = upsertion(t, user, &c->v[i]);
	answer = tool_must(t, CLIENT_CONTROLLER, alter_user_scram_credentials_request_KEY, r);
	for (int32_t i = 0; i < answer->results.n; i++)
		if (answer->results.v[i].error_code)
			tool_die_of(t, answer->results.v[i].error_code, answer->results.v[i].error_message);
}
