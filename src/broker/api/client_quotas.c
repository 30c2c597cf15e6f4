/*
 * DescribeClientQuotas, answered from this node's image (ClientQuotasImage.describe), and
 * AlterClientQuotas, decided by the controller (KIP-546).
 */
#include <string.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "metadata/image.h"
#include "metadata/quota.h"
#include "protocol/alter_client_quotas.h"
#include "protocol/describe_client_quotas.h"
#include "protocol/metadata_records.h"

enum { MATCH_EXACT = 0, MATCH_DEFAULT = 1, MATCH_SPECIFIED = 2 };

typedef struct describe_client_quotas_request_component component;
typedef struct describe_client_quotas_response_entry described;

/* ---- checking the request ---- */

static bool is_type(struct str type)
{
	return str_is(type, "user") || str_is(type, "client-id") || str_is(type, "ip");
}

/* 0, or Kafka's error and its message. */
static int check_component(const struct describe_client_quotas_request *in, int at, struct arena *a, struct str *words)
{
	const component *c = &in->components.v[at];

	*words = STR_NULL;
	if (c->entity_type.len == 0)
		*words = STR("Invalid empty entity type.");
	for (int i = 0; i < at && str_is_null(*words); i++)
		if (str_eq(in->components.v[i].entity_type, c->entity_type))
			*words = arena_printf(a, "Entity type %.*s cannot appear more than once in the filter.",
					      STR_ARG(c->entity_type));
	if (!str_is_null(*words))
		return ERR_INVALID_REQUEST;
	if (!is_type(c->entity_type)) {
		*words = arena_printf(a, "Unsupported entity type %.*s", STR_ARG(c->entity_type));
		return ERR_UNSUPPORTED_VERSION;
	}
	if (c->match_type == MATCH_EXACT && str_is_null(c->match))
		*words = STR("Request specified MATCH_TYPE_EXACT, but set match string to null.");
	else if (c->match_type == MATCH_DEFAULT && !str_is_null(c->match))
		*words = STR("Request specified MATCH_TYPE_DEFAULT, but also specified a match string.");
	else if (c->match_type == MATCH_SPECIFIED && !str_is_null(c->match))
		*words = STR("Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.");
	else if (c->match_type < MATCH_EXACT || c->match_type > MATCH_SPECIFIED)
		*words = arena_printf(a, "Unknown match type %d", c->match_type);
	return str_is_null(*words) ? 0 : ERR_INVALID_REQUEST;
}

static bool asks_for(const struct describe_client_quotas_request *in, const char *type)
{
	for (int i = 0; i < in->components.n; i++)
		if (str_is(in->components.v[i].entity_type, type))
			return true;
	return false;
}

static int check_filter(const struct describe_client_quotas_request *in, struct arena *a, struct str *words)
{
	int err = 0;

	for (int i = 0; err == 0 && i < in->components.n; i++)
		err = check_component(in, i, a, words);
	if (err == 0 && asks_for(in, "ip") && (asks_for(in, "user") || asks_for(in, "client-id"))) {
		*words = STR("Invalid entity filter component combination. IP filter component should not be used with "
			     "user or clientId filter component.");
		err = ERR_INVALID_REQUEST;
	}
	return err;
}

static const struct client_quota_record_entity *part_of(const struct client_quota_record *r, struct str type)
{
	for (int i = 0; i < r->entity.n; i++)
		if (str_eq(r->entity.v[i].entity_type, type))
			return &r->entity.v[i];
	return NULL;
}

static bool matches(const struct describe_client_quotas_request *in, const struct client_quota_record *r)
{
	if (in->strict && r->entity.n != in->components.n)
		return false;
	for (int i = 0; i < in->components.n; i++) {
		const component *c = &in->components.v[i];
		const struct client_quota_record_entity *part = part_of(r, c->entity_type);

		if (!part || (c->match_type != MATCH_SPECIFIED && !str_eq(part->entity_name, c->match)))
			return false;
	}
	return true;
}

/* ---- the answer ---- */

static bool same_entity(const described *e, const struct client_quota_record *r)
{
	if (e->entity.n != r->entity.n)
		return false;
	for (int i = 0; i < r->entity.n; i++) {
		const struct client_quota_record_entity *part = part_of(r, e->entity.v[i].entity_type);

		if (!part || !str_eq(part->entity_name, e->entity.v[i].entity_name))
			return false;
	}
	return true;
}

/* Makes room for one more in an arena's array that doubles; NULL when the arena is spent. */
static void *grow(struct arena *a, void *v, int n, size_t size)
{
	void *more;

	if (n > 0 && (n & (n - 1)) != 0)
		return v;
	more = arena_array(a, n > 0 ? 2 * (size_t)n : 1, size);
	if (more && n > 0)
		memcpy(more, v, (size_t)n * size);
	return more;
}

static bool add_entry(struct request *r, const struct client_quota_record *record)
{
	struct describe_client_quotas_response *out = r->out;
	described *e;

	out->entries.v = grow(&r->arena, out->entries.v, out->entries.n, sizeof(*out->entries.v));
	if (!out->entries.v)
		return false;
	e = &out->entries.v[out->entries.n++];
	*e = (described){.values = {NULL, 0}};
	e->entity.v = arena_array(&r->arena, (size_t)record->entity.n + 1, sizeof(*e->entity.v));
	e->entity.n = e->entity.v ? record->entity.n : 0;
	for (int i = 0; i < e->entity.n; i++)
		e->entity.v[i] = (struct describe_client_quotas_response_entity){record->entity.v[i].entity_type,
										 record->entity.v[i].entity_name};
	return e->entity.v != NULL;
}

/* Quotas of one entity are adjacent. */
static bool add_value(struct request *r, const struct client_quota_record *record)
{
	struct describe_client_quotas_response *out = r->out;
	described *e = out->entries.n > 0 ? &out->entries.v[out->entries.n - 1] : NULL;

	if (!e || !same_entity(e, record)) {
		if (!add_entry(r, record))
			return false;
		e = &out->entries.v[out->entries.n - 1];
	}
	e->values.v = grow(&r->arena, e->values.v, e->values.n, sizeof(*e->values.v));
	if (!e->values.v)
		return false;
	e->values.v[e->values.n++] = (struct describe_client_quotas_response_value){record->key, record->value};
	return true;
}

static enum outcome describe(struct request *r)
{
	const struct describe_client_quotas_request *in = r->in;
	struct describe_client_quotas_response *out = r->out;
	const struct client_quota_record *record;
	struct image_iter it;
	struct str words;
	int err = check_filter(in, &r->arena, &words);

	if (err)
		return request_fail(r, err, words);
	out->entries.n = 0;
	if (in->components.n == 0 && in->strict)
		return REPLY;
	image_quotas(r->image, &it);
	while ((record = image_quotas_next(&it, &r->arena)))
		if (matches(in, record) && !add_value(r, record))
			return HANG_UP;
	return r->arena.failed ? HANG_UP : REPLY;
}

static void describe_fail(struct request *r, int err, struct str message)
{
	struct describe_client_quotas_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = message; /* Kafka leaves out an error's default message here (ApiError.fromThrowable) */
	out->entries.v = NULL;
	out->entries.n = -1;
}

const struct api api_describe_client_quotas = {
	.key = describe_client_quotas_request_KEY,
	.first = describe_client_quotas_request_FIRST,
	.last = describe_client_quotas_request_LAST,
	.flags = API_BROKER | API_PLAIN_REFUSAL,
	.acl_operation = ACL_DESCRIBE_CONFIGS,
	.in = &describe_client_quotas_request_schema,
	.out = &describe_client_quotas_response_schema,
	.run = describe,
	.fail = describe_fail,
};

/* ---- changes ---- */

static void alter_fail(struct request *r, int err, struct str message)
{
	const struct alter_client_quotas_request *in = r->in;
	struct alter_client_quotas_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->entries, alter_client_quotas_response_entry_schema, in->entries.n))
		out->entries.n = 0;
	for (int i = 0; i < out->entries.n; i++) {
		struct alter_client_quotas_response_entry *to = &out->entries.v[i];

		to->error_code = (int16_t)err;
		to->error_message = answer_words(err, message);
		if (!ANSWER_ARRAY(r, to->entity, alter_client_quotas_response_entity_schema, in->entries.v[i].entity.n))
			to->entity.n = 0;
		for (int k = 0; k < to->entity.n; k++) {
			to->entity.v[k].entity_type = in->entries.v[i].entity.v[k].entity_type;
			to->entity.v[k].entity_name = in->entries.v[i].entity.v[k].entity_name;
		}
	}
}

const struct api api_alter_client_quotas = {
	.key = alter_client_quotas_request_KEY,
	.first = alter_client_quotas_request_FIRST,
	.last = alter_client_quotas_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD | API_PLAIN_REFUSAL,
	.acl_operation = ACL_ALTER_CONFIGS,
	.in = &alter_client_quotas_request_schema,
	.out = &alter_client_quotas_response_schema,
	.run = forward_run,
	.fail = alter_fail,
};
