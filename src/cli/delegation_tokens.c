/*
 * delegation_tokens: `odradek delegation-tokens`: kafka-delegation-tokens (KIP-48, KIP-373):
 * creates, renews, expires and lists tokens.
 *
 * Its output contains the HMACs, which are passwords, as with Kafka's script.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/civil.h"
#include "cli/tool.h"
#include "protocol/create_delegation_token.h"
#include "protocol/describe_delegation_token.h"
#include "protocol/expire_delegation_token.h"
#include "protocol/renew_delegation_token.h"
#include "security/principal.h"

extern const struct command command_delegation_tokens;

/* ---- arguments ---- */

struct principals {
	struct principal *v;
	int n;
};

/* The values of a repeatable option; one without a value is skipped. */
static struct principals principals_of(struct tool *t, const char *option)
{
	int n = options_count(&t->options, option);
	struct principals all = {.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*all.v))};

	for (int i = 0; i < n; i++) {
		const char *value = options_nth(&t->options, option, i);
		struct str text = str_trimmed(str_of(value ? value : ""));
		const char *colon = text.len > 0 ? memchr(text.p, ':', (size_t)text.len) : NULL;

		if (!value)
			continue;
		if (!colon)
			tool_die(t, "expected a string in format principalType:principalName but got %s", value);
		all.v[all.n++] = (struct principal){.type = {text.p, (int32_t)(colon - text.p)},
						    .name = {colon + 1, (int32_t)(text.p + text.len - colon - 1)}};
	}
	return all;
}

/* Formats as Java prints a list: "[User:a, User:b]". */
static const char *list_text(struct tool *t, const struct principals *all)
{
	struct str text = STR("[");

	for (int i = 0; i < all->n; i++)
		text = arena_printf(&t->arena, "%.*s%s%.*s:%.*s", STR_ARG(text), i > 0 ? ", " : "",
				    STR_ARG(all->v[i].type), STR_ARG(all->v[i].name));
	return tool_string(t, arena_printf(&t->arena, "%.*s]", STR_ARG(text)));
}

static struct bytes hmac_of(struct tool *t)
{
	struct bytes hmac = BYTES_NULL;

	if (!base64_read(BASE64_PADDED, str_of(tool_value(t, "hmac")), &t->arena, &hmac))
		tool_die(t, "--hmac: base64 was expected, as --create and --describe print it");
	return hmac;
}

static int64_t number_of(struct tool *t, const char *option)
{
	return tool_number(t, option, -1);
}

static void require(struct tool *t, const char *option)
{
	if (!tool_has(t, option))
		tool_misused(t, "Missing required argument \"[%s]\"", option);
}

static void check_options(struct tool *t)
{
	static const char *const OF_CREATE[] = {"hmac", "renew-time-period", "expiry-time-period", NULL};
	static const char *const OF_RENEW[] = {"renewer-principal", "max-life-time-period", "expiry-time-period",
					       "owner-principal", NULL};
	static const char *const OF_EXPIRE[] = {"renew", "max-life-time-period", "renew-time-period", "owner-principal",
						NULL};
	static const char *const OF_DESCRIBE[] = {"renew-time-period", "max-life-time-period", "hmac",
						  "expiry-time-period", NULL};

	require(t, "command-config");
	if (tool_has(t, "create"))
		require(t, "max-life-time-period");
	if (tool_has(t, "renew")) {
		require(t, "hmac");
		require(t, "renew-time-period");
	}
	if (tool_has(t, "expire")) {
		require(t, "hmac");
		require(t, "expiry-time-period");
	}
	tool_excludes(t, "create", OF_CREATE);
	tool_excludes(t, "renew", OF_RENEW);
	tool_excludes(t, "expire", OF_EXPIRE);
	tool_excludes(t, "describe", OF_DESCRIBE);
}

/* ---- output ---- */

struct row {
	struct str id;
	struct bytes hmac;
	struct principal owner, requester;
	struct principals renewers;
	int64_t issue_ms, expiry_ms, max_ms;
};

/* "2026-11-22T21:12", in UTC. */
static const char *minute_text(int64_t ms, char out[CIVIL_TEXT_LEN + 1])
{
	civil_text(ms, out);
	out[16] = 0;
	return out;
}

static const char *name_of(struct tool *t, const struct principal *p)
{
	return tool_string(t, principal_text(p, &t->arena));
}

static void print_heading(const struct tool *t)
{
	tool_say(t, "\n%-15s %-30s %-15s %-15s %-25s %-15s %-15s %-15s\n", "TOKENID", "HMAC", "OWNER", "REQUESTER",
		 "RENEWERS", "ISSUEDATE", "EXPIRYDATE", "MAXDATE");
}

static void print_row(struct tool *t, const struct row *r)
{
	char issue[CIVIL_TEXT_LEN + 1], expiry[CIVIL_TEXT_LEN + 1], max[CIVIL_TEXT_LEN + 1];
	struct str hmac = base64_text(BASE64_PADDED, r->hmac, &t->arena);
	json_t *renewers;

	if (!t->json) {
		printf("\n%-15s %-30s %-15s %-15s %-25s %-15s %-15s %-15s\n", tool_string(t, r->id),
		       tool_string(t, hmac), name_of(t, &r->owner), name_of(t, &r->requester),
		       list_text(t, &r->renewers), minute_text(r->issue_ms, issue), minute_text(r->expiry_ms, expiry),
		       minute_text(r->max_ms, max));
		return;
	}
	renewers = json_array();
	for (int i = 0; i < r->renewers.n; i++)
		json_array_append_new(renewers, json_string(name_of(t, &r->renewers.v[i])));
	json_array_append_new(t->out, json_pack("{s:o,s:o,s:s,s:s,s:o,s:I,s:I,s:I}", "id", json_str(r->id), "hmac",
						json_str(hmac), "owner", name_of(t, &r->owner), "requester",
						name_of(t, &r->requester), "renewers", renewers, "issued_ms",
						(json_int_t)r->issue_ms, "expires_ms", (json_int_t)r->expiry_ms,
						"max_ms", (json_int_t)r->max_ms));
}

/* ---- actions ---- */

static void check_answer(struct tool *t, int err)
{
	if (err)
		tool_die_of(t, err, STR_NULL);
}

static int create(struct tool *t)
{
	struct principals renewers = principals_of(t, "renewer-principal");
	struct principals owners = principals_of(t, "owner-principal");
	struct create_delegation_token_request *in = arena_zalloc(&t->arena, sizeof(*in));
	const struct create_delegation_token_response *out;

	in->max_lifetime_ms = number_of(t, "max-life-time-period");
	tool_say(t, "Calling create token operation with renewers :%s , max-life-time-period :%lld\n",
		 list_text(t, &renewers), (long long)in->max_lifetime_ms);
	in->owner_principal_type = in->owner_principal_name = STR("");
	if (owners.n > 0) {
		in->owner_principal_type = owners.v[0].type;
		in->owner_principal_name = owners.v[0].name;
	}
	in->renewers.v = arena_array(&t->arena, (size_t)renewers.n + 1, sizeof(*in->renewers.v));
	for (in->renewers.n = 0; in->renewers.n < renewers.n; in->renewers.n++)
		in->renewers.v[in->renewers.n] = (struct create_delegation_token_request_renewer){
			renewers.v[in->renewers.n].type, renewers.v[in->renewers.n].name};
	out = tool_must(t, CLIENT_ANY, create_delegation_token_request_KEY, in);
	check_answer(t, out->error_code);
	tool_say(t, "Created delegation token with tokenId : %.*s\n", STR_ARG(out->token_id));
	print_heading(t);
	print_row(t, &(struct row){
			     .id = out->token_id,
			     .hmac = out->hmac,
			     .owner = {out->principal_type, out->principal_name, false},
			     .requester = {out->token_requester_principal_type, out->token_requester_principal_name,
					   false},
			     .renewers = renewers,
			     .issue_ms = out->issue_timestamp_ms,
			     .expiry_ms = out->expiry_timestamp_ms,
			     .max_ms = out->max_timestamp_ms,
		     });
	return EXIT_FINE;
}

static int say_expiry(struct tool *t, const char *what, int64_t expiry_ms)
{
	char text[CIVIL_TEXT_LEN + 1];

	tool_say(t, "Completed %s operation. New expiry date : %s", what, minute_text(expiry_ms, text));
	json_array_append_new(t->out, json_pack("{s:I}", "expires_ms", (json_int_t)expiry_ms));
	return EXIT_FINE;
}

static int renew(struct tool *t)
{
	struct renew_delegation_token_request in = {.renew_period_ms = number_of(t, "renew-time-period")};
	const struct renew_delegation_token_response *out;

	tool_say(t, "Calling renew token operation with hmac :%s , renew-time-period :%lld\n", tool_value(t, "hmac"),
		 (long long)in.renew_period_ms);
	in.hmac = hmac_of(t);
	out = tool_must(t, CLIENT_ANY, renew_delegation_token_request_KEY, &in);
	check_answer(t, out->error_code);
	return say_expiry(t, "renew", out->expiry_timestamp_ms);
}

static int expire(struct tool *t)
{
	struct expire_delegation_token_request in = {.expiry_time_period_ms = number_of(t, "expiry-time-period")};
	const struct expire_delegation_token_response *out;

	tool_say(t, "Calling expire token operation with hmac :%s , expire-time-period :%lld\n", tool_value(t, "hmac"),
		 (long long)in.expiry_time_period_ms);
	in.hmac = hmac_of(t);
	out = tool_must(t, CLIENT_ANY, expire_delegation_token_request_KEY, &in);
	check_answer(t, out->error_code);
	return say_expiry(t, "expire", out->expiry_timestamp_ms);
}

static void print_described(struct tool *t, const struct describe_delegation_token_response_token *v)
{
	struct row r = {
		.id = v->token_id,
		.hmac = v->hmac,
		.owner = {v->principal_type, v->principal_name, false},
		.requester = {v->token_requester_principal_type, v->token_requester_principal_name, false},
		.issue_ms = v->issue_timestamp,
		.expiry_ms = v->expiry_timestamp,
		.max_ms = v->max_timestamp,
	};

	r.renewers.v = arena_array(&t->arena, (size_t)v->renewers.n + 1, sizeof(*r.renewers.v));
	for (; r.renewers.n < v->renewers.n; r.renewers.n++)
		r.renewers.v[r.renewers.n] = (struct principal){v->renewers.v[r.renewers.n].principal_type,
								v->renewers.v[r.renewers.n].principal_name, false};
	print_row(t, &r);
}

/*
 * Without owners: all tokens the caller may see. Kafka's script then sends an empty list, and
 * always gets none.
 */
static int describe(struct tool *t)
{
	struct principals owners = principals_of(t, "owner-principal");
	struct describe_delegation_token_request in = {.owners = {NULL, -1}};
	const struct describe_delegation_token_response *out;

	if (owners.n == 0) {
		tool_say(t, "Calling describe token operation for current user.\n");
	} else {
		tool_say(t, "Calling describe token operation for owners: %s\n", list_text(t, &owners));
		in.owners.v = arena_array(&t->arena, (size_t)owners.n, sizeof(*in.owners.v));
		for (in.owners.n = 0; in.owners.n < owners.n; in.owners.n++)
			in.owners.v[in.owners.n] = (struct describe_delegation_token_request_owner){
				owners.v[in.owners.n].type, owners.v[in.owners.n].name};
	}
	out = tool_must(t, CLIENT_ANY, describe_delegation_token_request_KEY, &in);
	check_answer(t, out->error_code);
	tool_say(t, "Total number of tokens : %d", out->tokens.n);
	print_heading(t);
	for (int32_t i = 0; i < out->tokens.n; i++)
		print_described(t, &out->tokens.v[i]);
	return EXIT_FINE;
}

static int delegation_tokens(struct tool *t)
{
	static const char *const NAMES[] = {"create", "renew", "expire", "describe", NULL};
	static int (*const RUN[])(struct tool * t) = {create, renew, expire, describe};
	int action = tool_one_of(t, NAMES,
				 "Command must include exactly one action: --create, --renew, --expire or --describe");

	check_options(t);
	t->out = json_array();
	t->exception_names = true;
	tool_connect(t);
	return RUN[action](t);
}

static int run(int argc, char **argv)
{
	return tool_run(&command_delegation_tokens, argc, argv, delegation_tokens);
}

static const struct option_row OPTIONS[] = {
	OPTION_BOOTSTRAP,
	{"create", NULL, "create a token", NULL, 0, 0},
	{"renew", NULL, "extend a token's life", NULL, 0, 0},
	{"expire", NULL, "expire a token, now or later", NULL, 0, 0},
	{"describe", NULL, "list the tokens that may be seen", NULL, 0, 0},
	{"owner-principal", "TYPE:NAME", "whose the token is to be, or whose tokens are listed, such as User:alice",
	 NULL, 0, OPTION_MANY | OPTION_MAYBE},
	{"renewer-principal", "TYPE:NAME", "who may renew it besides its owner", NULL, 0, OPTION_MANY | OPTION_MAYBE},
	{"max-life-time-period", "MS", "how long it can be renewed; -1: as long as the brokers allow", NULL, 0, 0},
	{"renew-time-period", "MS", "how long it is valid from now on; -1: as long as the brokers allow", NULL, 0, 0},
	{"expiry-time-period", "MS", "how long until it expires; -1: at once", NULL, 0, 0},
	{"hmac", "HMAC", "the token, by its HMAC as it was printed", NULL, 0, 0},
	OPTION_COMMON,
};

const struct command command_delegation_tokens = {
	.name = "delegation-tokens",
	.summary = "create, renew, expire and list delegation tokens, as kafka-delegation-tokens does",
	.run = run,
	.options = OPTIONS,
	.description =
		"Makes, renews, ends and lists delegation tokens, as kafka-delegation-tokens does. Brokers serve them where "
		"delegation.token.secret.key is set, to whoever is known by more than a token: over SASL, or TLS with a "
		"certificate. --command-config is wanted, since it says who asks. The HMAC that is printed is a password. "
		"A client shows a token by SCRAM: its id as the user, its HMAC as the password, and tokenauth=true.",
	.examples =
		"  odradek delegation-tokens --bootstrap-server localhost:9092 --command-config alice.properties --create --max-life-time-period -1 --renewer-principal User:bob\n"
		"  odradek delegation-tokens --bootstrap-server localhost:9092 --command-config alice.properties --describe\n",
};
