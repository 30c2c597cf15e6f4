/* format_scram: parses the argument, salts and hashes the password, and makes the record. */
#include "cli/format_scram.h"

#include <string.h>

#include "base/base64.h"
#include "env/env.h"
#include "protocol/metadata_records.h"
#include "security/scram.h"

enum { NAME, SALT, ITERATIONS, PASSWORD, SALTED_PASSWORD, PARTS };

static const char *const names[PARTS] = {"name", "salt", "iterations", "password", "saltedpassword"};

struct credential {
	enum scram_mechanism mechanism;
	struct str parts[PARTS];
	struct bytes salt;
	struct bytes salted;
	int32_t iterations;
};

struct parsing {
	struct env *env;
	struct arena *a;
	struct str *error;
};

#define WRONG(p, ...) (*(p)->error = arena_printf((p)->a, __VA_ARGS__), false)

static bool read_part(struct parsing *p, struct str text, struct credential *c)
{
	const char *equals = text.len > 0 ? memchr(text.p, '=', (size_t)text.len) : NULL;
	struct str name, value;

	if (!equals)
		return WRONG(p, "No equals sign found in SCRAM component: %.*s", STR_ARG(text));
	name = (struct str){text.p, (int32_t)(equals - text.p)};
	value = (struct str){equals + 1, text.len - name.len - 1};
	if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
		value = (struct str){value.p + 1, value.len - 2};
	for (int i = 0; i < PARTS; i++) {
		if (!str_is(name, names[i]))
			continue;
		c->parts[i] = value;
		return true;
	}
	return WRONG(p, "Unknown SCRAM configurations: %.*s", STR_ARG(name));
}

static bool read_parts(struct parsing *p, struct str in, struct credential *c)
{
	bool more = true;

	while (more) {
		const char *comma = in.len > 0 ? memchr(in.p, ',', (size_t)in.len) : NULL;
		struct str part = {in.p, comma ? (int32_t)(comma - in.p) : in.len};

		if (!read_part(p, part, c))
			return false;
		more = comma;
		if (more)
			in = (struct str){comma + 1, in.len - part.len - 1};
	}
	return true;
}

/* The mechanism, and the part between the brackets. */
static bool read_argument(struct parsing *p, struct str text, struct credential *c)
{
	const char *equals = text.len > 0 ? memchr(text.p, '=', (size_t)text.len) : NULL;
	struct str name, in;

	if (!equals)
		return WRONG(p, "Failed to find equals sign in SCRAM argument '%.*s'", STR_ARG(text));
	name = (struct str){text.p, (int32_t)(equals - text.p)};
	in = (struct str){equals + 1, text.len - name.len - 1};
	c->mechanism = scram_mechanism_of(name);
	if (c->mechanism == SCRAM_UNKNOWN)
		return WRONG(p, "The add-scram mechanism %.*s is not supported.", STR_ARG(name));
	if (in.len == 0 || in.p[0] != '[')
		return WRONG(p, "Expected configuration string to start with [");
	if (in.len < 2 || in.p[in.len - 1] != ']')
		return WRONG(p, "Expected configuration string to end with ]");
	return read_parts(p, (struct str){in.p + 1, in.len - 2}, c);
}

static bool draw_salt(struct parsing *p, struct credential *c)
{
	uint8_t chance[SCRAM_CHANCE];
	char *salt = arena_alloc(p->a, SCRAM_NONCE_MAX);

	env_random(p->env, chance, sizeof(chance));
	c->salt = (struct bytes){(const uint8_t *)salt, salt ? scram_nonce(chance, salt) : 0};
	return salt;
}

static bool read_values(struct parsing *p, struct credential *c)
{
	const struct str *v = c->parts;

	if (str_is_null(v[NAME]))
		return WRONG(p, "You must supply 'name' to add-scram");
	if (!str_is_null(v[SALT]) && !base64_read(BASE64_PADDED, v[SALT], p->a, &c->salt))
		return WRONG(p, "Failed to decode given salt: %.*s", STR_ARG(v[SALT]));
	c->iterations = SCRAM_ITERATIONS_DEFAULT;
	if (!str_is_null(v[ITERATIONS]) && !str_to_i32(v[ITERATIONS], &c->iterations))
		return WRONG(p, "Failed to parse iterations count: %.*s", STR_ARG(v[ITERATIONS]));
	if (str_is_null(v[PASSWORD]) && str_is_null(v[SALTED_PASSWORD]))
		return WRONG(p, "You must supply one of 'password' or 'saltedpassword' to add-scram");
	if (str_is_null(v[PASSWORD]) && str_is_null(v[SALT]))
		return WRONG(p, "You must supply 'salt' with 'saltedpassword' to add-scram");
	if (str_is_null(v[PASSWORD]) &&
	    (!base64_read(BASE64_PADDED, v[SALTED_PASSWORD], p->a, &c->salted) || c->salted.len == 0))
		return WRONG(p, "Failed to decode given saltedPassword");
	if (c->iterations < SCRAM_ITERATIONS_MIN)
		return WRONG(p, "The 'iterations' value must be >= %d for add-scram using SCRAM_SHA_%s",
			     SCRAM_ITERATIONS_MIN, c->mechanism == SCRAM_SHA_256 ? "256" : "512");
	if (c->iterations > SCRAM_ITERATIONS_MAX)
		return WRONG(p, "The 'iterations' value must be <= %d for add-scram using SCRAM_SHA_%s",
			     SCRAM_ITERATIONS_MAX, c->mechanism == SCRAM_SHA_256 ? "256" : "512");
	return !str_is_null(v[SALT]) || draw_salt(p, c);
}

static struct bytes keep(enum scram_mechanism m, const struct scram_key *key, struct arena *a)
{
	struct str copy = arena_str(a, (struct str){(const char *)key->b, (int32_t)scram_key_len(m)});

	return (struct bytes){(const uint8_t *)copy.p, copy.len};
}

bool format_scram_record(struct env *env, struct str argument, struct record_list *records, struct arena *a,
			 struct str *error)
{
	struct parsing p = {env, a, error};
	struct credential c = {0};
	struct scram_key salted, stored, server;
	struct user_scram_credential_record *r;

	if (!read_argument(&p, str_trim(argument), &c) || !read_values(&p, &c))
		return false;
	if (!str_is_null(c.parts[PASSWORD])) {
		scram_salted_password(c.mechanism, c.parts[PASSWORD], c.salt, c.iterations, &salted);
		c.salted = (struct bytes){salted.b, (int32_t)scram_key_len(c.mechanism)};
	}
	scram_kept_keys(c.mechanism, c.salted, &stored, &server);
	r = record_list_add(records, RECORD_USER_SCRAM_CREDENTIAL, 0);
	if (!r)
		return WRONG(&p, "the arguments are too many");
	*r = (struct user_scram_credential_record){.name = c.parts[NAME],
						   .mechanism = (int8_t)c.mechanism,
						   .salt = c.salt,
						   .stored_key = keep(c.mechanism, &stored, a),
						   .server_key = keep(c.mechanism, &server, a),
						   .iterations = c.iterations};
	scram_key_wipe(&salted);
	return true;
}
