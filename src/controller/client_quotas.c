/*
 * client_quotas: AlterClientQuotas (ClientQuotaControlManager): each entity succeeds or fails by
 * itself, and what differs from the present values becomes records, all in one batch.
 */
#include <errno.h>
#include <math.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash_order.h"
#include "base/str_index.h"
#include "controller/internal.h"
#include "metadata/quota.h"
#include "protocol/alter_client_quotas.h"
#include "protocol/metadata_records.h"

enum { USER, CLIENT_ID, IP, TYPES };

static const char *const TYPE_NAMES[TYPES] = {"user", "client-id", "ip"};

typedef struct alter_client_quotas_request_entry alteration;
typedef struct alter_client_quotas_response_entry alteration_answer;

/* An entity with each type once, in the order of Java's map of them. */
struct entity {
	struct alter_client_quotas_request_entity *v;
	int n;
};

/* ---- entities ---- */

static bool read_entity(const struct controller_context *ctx, const alteration *in, struct entity *out)
{
	struct arena *a = ctx->arena;
	struct str_index types;
	int32_t *hashes = arena_array(a, (size_t)in->entity.n + 1, sizeof(*hashes));

	out->v = arena_array(a, (size_t)in->entity.n + 1, sizeof(*out->v));
	out->n = 0;
	if (!hashes || !out->v)
		return false;
	str_index_init(&types, ctx->random(ctx->random_arg));
	for (int32_t i = 0; i < in->entity.n; i++) {
		int *at = str_index_at(&types, in->entity.v[i].entity_type);

		if (*at < 0)
			*at = out->n++;
		out->v[*at] = in->entity.v[i];
		hashes[*at] = str_java_hash(out->v[*at].entity_type);
	}
	str_index_fini(&types);
	order_members(out->v, out->n, sizeof(*out->v), hashes,
		      order_table(order_table_for((size_t)in->entity.n), (size_t)out->n));
	return true;
}

static void put_text(struct buf *b, struct str s)
{
	int32_t len = str_is_null(s) ? -1 : s.len;

	buf_put(b, &len, sizeof(len));
	buf_put_str(b, s);
}

/* All of its parts as one string. */
static struct str key_of(struct arena *a, const struct entity *e)
{
	struct buf b = {0};
	struct str key;

	for (int i = 0; i < e->n; i++) {
		put_text(&b, e->v[i].entity_type);
		put_text(&b, e->v[i].entity_name);
	}
	key = e->n > 0 ? arena_str(a, buf_str(&b)) : STR("");
	buf_fini(&b);
	return key;
}

/* As Java prints it. */
static struct str entity_text(struct arena *a, const struct entity *e)
{
	struct buf text = {0};
	struct str out;

	buf_printf(&text, "ClientQuotaEntity(entries={");
	for (int i = 0; i < e->n; i++)
		buf_printf(&text, "%s%.*s=%.*s", i ? ", " : "", STR_ARG(e->v[i].entity_type),
			   str_is_null(e->v[i].entity_name) ? 4 : e->v[i].entity_name.len,
			   str_is_null(e->v[i].entity_name) ? "null" : e->v[i].entity_name.p);
	buf_printf(&text, "})");
	out = arena_str(a, buf_str(&text));
	buf_fini(&text);
	return out;
}

static int type_of(struct str name)
{
	for (int i = 0; i < TYPES; i++)
		if (str_is(name, TYPE_NAMES[i]))
			return i;
	return -1;
}

static struct api_error check_entity(const struct controller_context *ctx, const struct entity *e,
				     const struct str *parts[TYPES])
{
	if (e->n == 0)
		return (struct api_error){ERR_INVALID_REQUEST, STR("Invalid empty client quota entity")};
	for (int i = 0; i < e->n; i++) {
		int type = type_of(e->v[i].entity_type);

		if (type < 0)
			return api_error(ctx->arena, ERR_INVALID_REQUEST, "Unhandled client quota entity type: %.*s",
					 STR_ARG(e->v[i].entity_type));
		if (!str_is_null(e->v[i].entity_name) && e->v[i].entity_name.len == 0)
			return api_error(ctx->arena, ERR_INVALID_REQUEST, "Empty %.*s not supported",
					 STR_ARG(e->v[i].entity_type));
		parts[type] = &e->v[i].entity_name;
	}
	if (parts[IP] && (parts[USER] || parts[CLIENT_ID]))
		return (struct api_error){ERR_INVALID_REQUEST,
					  STR("Invalid quota entity combination, IP entity shouldnot be combined with "
					      "User or ClientId")};
	if (parts[IP] && !str_is_null(*parts[IP]) && !ctx->is_address(*parts[IP]))
		return api_error(ctx->arena, ERR_INVALID_REQUEST, "%.*s is not a valid IP or resolvable host.",
				 STR_ARG(*parts[IP]));
	return API_OK;
}

/* ---- values ---- */

/* The maximum of an integer quota; 0: any number. */
static const struct {
	enum config_id id;
	double max;
	const char *type;
} KNOWN[] = {
	{QUOTA_CONFIG_PRODUCER_BYTE_RATE, 9223372036854775807.0, "a LONG"},
	{QUOTA_CONFIG_CONSUMER_BYTE_RATE, 9223372036854775807.0, "a LONG"},
	{QUOTA_CONFIG_REQUEST_PERCENTAGE, 0, NULL},
	{QUOTA_CONFIG_CONTROLLER_MUTATION_RATE, 0, NULL},
	{QUOTA_CONFIG_CONNECTION_CREATION_RATE, INT32_MAX, "an INT"},
};

enum { N_KNOWN = sizeof(KNOWN) / sizeof(KNOWN[0]) };

static struct api_error check_value(struct arena *a, struct str key, double value, bool of_ip)
{
	int i = 0;

	while (i < N_KNOWN && !str_is(key, config_setting(KNOWN[i].id)->name))
		i++;
	if (i == N_KNOWN || of_ip != (KNOWN[i].id == QUOTA_CONFIG_CONNECTION_CREATION_RATE))
		return api_error(a, ERR_INVALID_REQUEST, "Invalid configuration key %.*s", STR_ARG(key));
	if (value <= 0)
		return api_error(a, ERR_INVALID_REQUEST, "Quota %.*s must be greater than 0", STR_ARG(key));
	if (KNOWN[i].max > 0 && value > KNOWN[i].max)
		return api_error(a, ERR_INVALID_REQUEST, "Proposed value for %.*s is too large for %s.", STR_ARG(key),
				 KNOWN[i].type);
	if (!isfinite(value)) /* Kafka accepts infinity and NaN, which cannot be enforced */
		return api_error(a, ERR_INVALID_REQUEST, "Quota %.*s must be a finite number", STR_ARG(key));
	if (KNOWN[i].max > 0 && fabs(fmod(value, 1)) > 1e-6)
		return api_error(a, ERR_INVALID_REQUEST, "%.*s cannot be a fractional value.", STR_ARG(key));
	return API_OK;
}

/* ---- records ---- */

static int add_record(struct record_list *records, const struct entity *e, struct str key, double value, bool remove)
{
	struct client_quota_record *r = record_list_add(records, RECORD_CLIENT_QUOTA, 0);

	if (!r)
		return -ENOMEM;
	r->entity.v = arena_array(records->arena, (size_t)e->n, sizeof(*r->entity.v));
	if (!r->entity.v)
		return -ENOMEM;
	r->entity.n = e->n;
	for (int i = 0; i < e->n; i++)
		r->entity.v[i] = (struct client_quota_record_entity){e->v[i].entity_type, e->v[i].entity_name};
	r->key = key;
	r->value = remove ? 0 : value;
	r->remove = remove;
	return 0;
}

static bool has_duplicate_key(const struct controller_context *ctx, const alteration *in)
{
	struct str_index keys;
	bool again = false;

	str_index_init(&keys, ctx->random(ctx->random_arg));
	for (int32_t i = 0; i < in->ops.n && !again; i++)
		again = ++*str_index_at(&keys, in->ops.v[i].key) > 0;
	str_index_fini(&keys);
	return again;
}

/* 0 or -ENOMEM; *e: the result for the entity. Its records are in the list only if it succeeds. */
static int alter_entity(struct controller *c, const struct controller_context *ctx, const struct entity *entity,
			const alteration *in, struct record_list *records, struct api_error *e)
{
	const struct str *parts[TYPES] = {NULL};
	int before = records->n, err = 0;

	*e = check_entity(ctx, entity, parts);
	for (int32_t i = 0; err == 0 && e->code == 0 && i < in->ops.n; i++) {
		struct image_quota_entity who = {parts[USER], parts[CLIENT_ID], parts[IP]};
		struct str key = in->ops.v[i].key;
		double value = in->ops.v[i].value, old;
		bool is_set = image_quota_find(tip(c), &who, key, &old);

		if (in->ops.v[i].remove) {
			if (is_set)
				err = add_record(records, entity, key, 0, true);
			continue;
		}
		*e = check_value(ctx->arena, key, value, parts[IP] != NULL);
		if (e->code == 0 && !(is_set && old == value))
			err = add_record(records, entity, key, value, false);
	}
	if (e->code != 0)
		records->n = before;
	return err;
}

/* ---- the request ---- */

static int add_answer(struct arena *a, struct alter_client_quotas_response *out, const struct entity *e,
		      struct api_error error)
{
	alteration_answer *to = &out->entries.v[out->entries.n++];

	*to = (alteration_answer){.error_code = (int16_t)error.code, .error_message = error.message};
	to->entity.v = arena_array(a, (size_t)e->n + 1, sizeof(*to->entity.v));
	if (!to->entity.v)
		return -ENOMEM;
	to->entity.n = e->n;
	for (int i = 0; i < e->n; i++)
		to->entity.v[i] =
			(struct alter_client_quotas_response_entity){e->v[i].entity_type, e->v[i].entity_name};
	return 0;
}

static struct api_error duplicate(struct arena *a, const struct entity *e)
{
	return api_error(a, ERR_INVALID_REQUEST, "Ignoring duplicate entity %.*s", STR_ARG(entity_text(a, e)));
}

/* An entity that was named before is answered once, and the first alteration of it counts. */
static int alter_one(struct controller *c, const struct controller_context *ctx, const alteration *in,
		     struct str_index *answers, struct alter_client_quotas_response *out, struct record_list *records)
{
	struct entity entity;
	int *place;
	struct api_error e;
	int err = 0;

	if (!read_entity(ctx, in, &entity))
		return -ENOMEM;
	place = str_index_at(answers, key_of(ctx->arena, &entity));
	if (*place >= 0) {
		e = duplicate(ctx->arena, &entity);
		out->entries.v[*place].error_code = (int16_t)e.code;
		out->entries.v[*place].error_message = e.message;
		return 0;
	}
	*place = out->entries.n;
	if (has_duplicate_key(ctx, in))
		e = duplicate(ctx->arena, &entity);
	else
		err = alter_entity(c, ctx, &entity, in, records, &e);
	return err ? err : add_answer(ctx->arena, out, &entity, e);
}

/* Kafka counts the records; alterations without a record take time as well. */
static bool is_large(const struct alter_client_quotas_request *in)
{
	int64_t n = in->entries.n;

	for (int32_t i = 0; i < in->entries.n; i++) {
		n += in->entries.v[i].ops.n > 1 ? in->entries.v[i].ops.n - 1 : 0;
		n += in->entries.v[i].entity.n > TYPES ? in->entries.v[i].entity.n - TYPES : 0;
	}
	return n > RECORDS_PER_OPERATION_MAX;
}

int controller_alter_client_quotas(struct controller *c, const struct controller_context *ctx,
				   const struct alter_client_quotas_request *in,
				   struct alter_client_quotas_response *out, struct record_list *records)
{
	struct str_index answers;
	int err = 0;

	if (is_large(in))
		return refuse_large(ctx);
	out->entries.v = arena_array(ctx->arena, (size_t)in->entries.n + 1, sizeof(*out->entries.v));
	if (!out->entries.v)
		return -ENOMEM;
	out->entries.n = 0;
	str_index_init(&answers, ctx->random(ctx->random_arg));
	for (int32_t i = 0; i < in->entries.n && err == 0; i++)
		err = alter_one(c, ctx, &in->entries.v[i], &answers, out, records);
	str_index_fini(&answers);
	if (err)
		return err;
	if (in->validate_only)
		records->n = 0;
	records->atomic = true;
	return 0;
}
