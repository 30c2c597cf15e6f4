/*
 * plain: PLAIN (RFC 4616), as in Kafka's PlainSaslServer and PlainServerCallbackHandler: [authzid]
 * NUL user NUL password; the users are the options user_NAME of the listener's JAAS line.
 */
#include <string.h>

#include "security/mechanism.h"
#include "security/secret.h"

#define CLASS_NAME "org.apache.kafka.common.security.plain.PlainLoginModule"

struct exchange {
	const struct jaas *jaas;
};

static const void *prepare(const struct mechanism_place *place, struct arena *a, struct str *error)
{
	return mechanism_wants_module(place, CLASS_NAME, a, error) ? place->jaas : NULL;
}

static void begin(void *exchange, const void *setup)
{
	struct exchange *x = exchange;

	x->jaas = setup;
}

/* Splits into up to four parts, as Kafka counts them. */
static int split_token(struct bytes token, struct str parts[4])
{
	struct str in = {(const char *)token.p, token.len};
	int n = 0;

	while (n < 4) {
		const char *nul = in.len > 0 ? memchr(in.p, 0, (size_t)in.len) : NULL;

		parts[n++] = (struct str){in.p ? in.p : "", nul ? (int32_t)(nul - in.p) : in.len};
		if (!nul)
			break;
		in.len -= parts[n - 1].len + 1;
		in.p = nul + 1;
	}
	return n;
}

/*
 * Looks at all options and compares something, whether the user exists or not, so that the time
 * does not tell.
 */
static bool is_right(const struct jaas *jaas, struct str user, struct str password)
{
	static const char prefix[] = "user_";
	struct str expected = STR_NULL;

	for (int i = 0; i < jaas->n_options; i++) {
		struct str name = jaas->options[i].name;
		int32_t skip = sizeof(prefix) - 1;

		if (name.len > skip && memcmp(name.p, prefix, (size_t)skip) == 0 &&
		    str_eq((struct str){name.p + skip, name.len - skip}, user))
			expected = jaas->options[i].value;
	}
	return secret_equal(password, expected);
}

static void fails(struct mechanism_step *out, struct str message)
{
	mechanism_fails(out, message, STR_NULL);
}

static void step(void *exchange, const struct mechanism_world *w, struct bytes token, struct arena *a,
		 struct mechanism_step *out)
{
	const struct exchange *x = exchange;
	struct str parts[4];
	int n = split_token(token, parts);

	(void)w;
	if (n != 3)
		fails(out, arena_printf(a, "Invalid SASL/PLAIN response: expected 3 tokens, got %d", n));
	else if (parts[1].len == 0)
		fails(out, STR("Authentication failed: username not specified"));
	else if (parts[2].len == 0)
		fails(out, STR("Authentication failed: password not specified"));
	else if (!is_right(x->jaas, parts[1], parts[2]))
		fails(out, STR("Authentication failed: Invalid username or password"));
	else if (parts[0].len > 0 && !str_eq(parts[0], parts[1]))
		fails(out, STR("Authentication failed: Client requested an authorization id that is different from "
			       "username"));
	else
		*out = (struct mechanism_step){
			.outcome = MECHANISM_DONE,
			.token = {(const uint8_t *)"", 0},
			.principal = {.type = STR("User"), .name = arena_str(a, parts[1])},
			.expiry_ms = MECHANISM_FOR_EVER,
		};
}

const struct mechanism mechanism_plain = {
	.name = "PLAIN",
	.prepare = prepare,
	.exchange_size = sizeof(struct exchange),
	.begin = begin,
	.step = step,
};
