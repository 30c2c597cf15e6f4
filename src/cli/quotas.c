/*
 * quotas: DescribeClientQuotas, AlterClientQuotas, DescribeUserScramCredentials.
 */
#include "cli/quotas.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/alter_client_quotas.h"
#include "protocol/describe_client_quotas.h"
#include "protocol/describe_user_scram_credentials.h"

enum { MATCH_EXACT = 0, MATCH_DEFAULT = 1, MATCH_ANY = 2 };

static const char *const QUOTAS[] = {"producer_byte_rate", "consumer_byte_rate", "request_percentage",
				     "controller_mutation_rate"};

bool quota_is_known(bool of_ip, struct str name)
{
	if (of_ip)
		return str_is(name, "connection_creation_rate");
	for (size_t i = 0; i < sizeof(QUOTAS) / sizeof(QUOTAS[0]); i++)
		if (str_is(name, QUOTAS[i]))
			return true;
	return false;
}

static const struct describe_client_quotas_response *ask(struct tool *t, const struct quota_entity *e)
{
	struct describe_client_quotas_request *r = arena_zalloc(&t->arena, sizeof(*r));

	r->strict = true;
	r->components.v = arena_array(&t->arena, QUOTA_TYPES, sizeof(*r->components.v));
	for (int i = 0; i < e->n; i++)
		r->components.v[r->components.n++] = (struct describe_client_quotas_request_component){
			str_of(e->type[i]),
			!e->name[i]	? MATCH_ANY
			: e->name[i][0] ? MATCH_EXACT
					: MATCH_DEFAULT,
			e->name[i] && e->name[i][0] ? str_of(e->name[i]) : STR_NULL};
	return tool_must(t, CLIENT_ANY, describe_client_quotas_request_KEY, r);
}

/* As Java prints a double: always with a point. */
static struct str number_text(struct tool *t, double v)
{
	char text[40];

	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	if (v >= 1e-3 && v < 1e7)
		snprintf(text, sizeof(text), v == (double)(long long)v ? "%.1f" : "%.15g", v);
	return arena_printf(&t->arena, "%s%s", text, strpbrk(text, ".en") ? "" : ".0");
}

static void print_entity(const struct describe_client_quotas_response_entry *e)
{
	static const struct {
		const char *type, *text;
	} ORDER[] = {{"user", "user-principal"}, {"client-id", "client-id"}, {"ip", "ip"}};
	const char *separator = "";

	for (size_t k = 0; k < sizeof(ORDER) / sizeof(ORDER[0]); k++)
		for (int32_t i = 0; i < e->entity.n; i++) {
			if (!str_is(e->entity.v[i].entity_type, ORDER[k].type))
				continue;
			if (e->entity.v[i].entity_name.len > 0)
				printf("%s%s '%.*s'", separator, ORDER[k].text, STR_ARG(e->entity.v[i].entity_name));
			else
				printf("%sthe default %s", separator, ORDER[k].text);
			separator = ", ";
		}
}

static void show(struct tool *t, const struct describe_client_quotas_response_entry *e)
{
	json_t *entity = json_object(), *values = json_object();

	for (int32_t i = 0; i < e->entity.n && t->json; i++)
		json_object_setn_new(entity, e->entity.v[i].entity_type.p, (size_t)e->entity.v[i].entity_type.len,
				     json_str(e->entity.v[i].entity_name));
	if (!t->json) {
		printf("Quota configs for ");
		print_entity(e);
		printf(" are ");
	}
	for (int32_t i = 0; i < e->values.n; i++) {
		if (t->json)
			json_object_setn_new(values, e->values.v[i].key.p, (size_t)e->values.v[i].key.len,
					     json_real(e->values.v[i].value));
		else
			printf("%s%.*s=%.*s", i ? ", " : "", STR_ARG(e->values.v[i].key),
			       STR_ARG(number_text(t, e->values.v[i].value)));
	}
	if (t->json)
		json_array_append_new(t->out, json_pack("{s:O,s:O}", "entity", entity, "quotas", values));
	else
		putchar('\n');
	json_decref(entity);
	json_decref(values);
}

void quotas_describe(struct tool *t, const struct quota_entity *e)
{
	const struct describe_client_quotas_response *r = ask(t, e);

	t->out = json_array();
	for (int32_t i = 0; i < r->entries.n; i++)
		show(t, &r->entries.v[i]);
}

static bool is_set(const struct describe_client_quotas_response *r, struct str name)
{
	for (int32_t i = 0; r->entries.n > 0 && i < r->entries.v[0].values.n; i++)
		if (str_eq(r->entries.v[0].values.v[i].key, name))
			return true;
	return false;
}

static double read_value(struct tool *t, const struct config_change *c)
{
	char *text = tool_string(t, c->value), *end;
	double v = strtod(text, &end);

	if (end == text || *end)
		tool_die(t, "Cannot parse quota configuration value for %.*s: %s", STR_ARG(c->name), text);
	return v;
}

void quotas_alter(struct tool *t, const struct quota_entity *e, const struct config_changes *c)
{
	const struct describe_client_quotas_response *now = ask(t, e);
	struct alter_client_quotas_request *r = arena_zalloc(&t->arena, sizeof(*r));
	const struct alter_client_quotas_response *answer;

	r->entries.v = arena_zalloc(&t->arena, sizeof(*r->entries.v));
	r->entries.n = 1;
	r->entries.v[0].entity.v = arena_array(&t->arena, QUOTA_TYPES, sizeof(*r->entries.v[0].entity.v));
	for (int i = 0; i < e->n; i++)
		r->entries.v[0].entity.v[r->entries.v[0].entity.n++] = (struct alter_client_quotas_request_entity){
			str_of(e->type[i]), e->name[i][0] ? str_of(e->name[i]) : STR_NULL};
	r->entries.v[0].ops.v = arena_array(&t->arena, (size_t)c->n + 1, sizeof(*r->entries.v[0].ops.v));
	for (int i = 0; i < c->n; i++) {
		if (c->v[i].remove && !is_set(now, c->v[i].name))
			tool_die(t, "Invalid config(s): %.*s", STR_ARG(c->v[i].name));
		r->entries.v[0].ops.v[r->entries.v[0].ops.n++] = (struct alter_client_quotas_request_op){
			c->v[i].name, c->v[i].remove ? 0 : read_value(t, &c->v[i]), c->v[i].remove};
	}
	answer = tool_must(t, CLIENT_CONTROLLER, alter_client_quotas_request_KEY, r);
	for (int32_t i = 0; i < answer->entries.n; i++)
		if (answer->entries.v[i].error_code)
			tool_die_of(t, answer->entries.v[i].error_code, answer->entries.v[i].error_message);
}

/* ---- SCRAM ---- */

static void show_user(struct tool *t, const struct describe_user_scram_credentials_response_result *u)
{
	char name[96];

	if (t->json) {
		json_array_append_new(t->out, json_pack("{s:o,s:i,s:s?}", "user", json_str(u->user), "credentials",
							(int)u->credential_infos.n, "error",
							u->error_code ? err_name(u->error_code) : NULL));
		return;
	}
	if (u->error_code) {
		printf("Error retrieving SCRAM credential configs for user-principal '%.*s': %s: %.*s\n",
		       STR_ARG(u->user), tool_exception(u->error_code, name),
		       STR_ARG(tool_error_text(t, u->error_code, u->error_message)));
		return;
	}
	printf("SCRAM credential configs for user-principal '%.*s' are ", STR_ARG(u->user));
	for (int32_t i = 0; i < u->credential_infos.n; i++)
		printf("%sSCRAM-SHA-%s=iterations=%d", i ? ", " : "",
		       u->credential_infos.v[i].mechanism == 1 ? "256" : "512", u->credential_infos.v[i].iterations);
	putchar('\n');
}

void scram_describe(struct tool *t, const char *const *users, int n)
{
	struct describe_user_scram_credentials_request *r = arena_zalloc(&t->arena, sizeof(*r));
	const struct describe_user_scram_credentials_response *answer;
	const void *response;
	int err;

	r->users.n = n > 0 ? n : -1;
	r->users.v = arena_array(&t->arena, (size_t)n + 1, sizeof(*r->users.v));
	for (int i = 0; i < n; i++)
		r->users.v[i].name = str_of(users[i]);
	err = tool_ask(t, CLIENT_ANY, describe_user_scram_credentials_request_KEY, r, &response);
	if (err == ERR_UNSUPPORTED_VERSION)
		return; /* the node keeps no credentials */
	if (err != 0)
		tool_die_of(t, err, t->message);
	answer = response;
	for (int32_t i = 0; i < answer->results.n; i++)
		if (answer->results.v[i].error_code != ERR_RESOURCE_NOT_FOUND)
			show_user(t, &answer->results.v[i]);
}
