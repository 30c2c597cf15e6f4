/*
 * tokens: creates, renews and expires delegation tokens, and removes expired ones
 * (DelegationTokenControlManager).
 *
 * Requests name a token by its HMAC. The index from HMAC to token is soft state: it follows the tip
 * while this controller leads, and is empty where tokens are off. An HMAC cannot be chosen without
 * the secret, so its own first bytes serve as its hash.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/internal.h"
#include "metadata/token.h"
#include "metadata/version.h"
#include "protocol/create_delegation_token.h"
#include "protocol/expire_delegation_token.h"
#include "protocol/metadata_records.h"
#include "protocol/renew_delegation_token.h"
#include "security/principal.h"
#include "security/token.h"

#define SWEEP_MAX 1000
#define RENEWERS_MAX 1000
#define PRINCIPAL_NAME_MAX 32000 /* "User:" and the name are one string of a record */

/* ---- the index ---- */

struct shown {
	struct map_node node;
	uint8_t hmac[TOKEN_HMAC_LEN];
	struct str id;
	char text[];
};

static struct str secret(const struct controller *c)
{
	return config_string(c->config, CONFIG_DELEGATION_TOKEN_SECRET_KEY);
}

static uint64_t hash_of(const uint8_t hmac[TOKEN_HMAC_LEN])
{
	uint64_t hash;

	memcpy(&hash, hmac, sizeof(hash));
	return hash;
}

static bool is_shown(const struct map_node *node, const void *hmac)
{
	return token_hmac_equal(((const struct shown *)node)->hmac, hmac);
}

static struct shown *find_shown(const struct controller *c, const uint8_t hmac[TOKEN_HMAC_LEN])
{
	return (struct shown *)map_find(&c->tokens, hash_of(hmac), is_shown, hmac);
}

static void note_token(struct controller *c, struct str id)
{
	uint8_t hmac[TOKEN_HMAC_LEN];
	struct shown *s;

	token_hmac(secret(c), id, hmac);
	if (find_shown(c, hmac))
		return;
	s = xmalloc(sizeof(*s) + (size_t)id.len);
	memcpy(s->hmac, hmac, sizeof(hmac));
	memcpy(s->text, id.p, (size_t)id.len);
	s->id = (struct str){s->text, id.len};
	map_insert(&c->tokens, &s->node, hash_of(hmac));
}

static void forget_token(struct controller *c, struct str id)
{
	uint8_t hmac[TOKEN_HMAC_LEN];
	struct shown *s;

	token_hmac(secret(c), id, hmac);
	s = find_shown(c, hmac);
	if (!s)
		return;
	map_remove(&c->tokens, &s->node);
	xfree(s);
}

static int64_t later(int64_t now_ms, int64_t by_ms)
{
	return now_ms > INT64_MAX - by_ms ? INT64_MAX : now_ms + by_ms;
}

void tokens_begin(struct controller *c, int64_t now_ms)
{
	const struct image_token *t;
	struct image_iter it;

	map_init(&c->tokens, 0);
	c->tokens_due_ms = later(now_ms, config_long(c->config, CONFIG_DELEGATION_TOKEN_EXPIRY_CHECK_INTERVAL_MS));
	if (secret(c).len <= 0)
		return;
	image_tokens(tip(c), &it);
	while ((t = image_tokens_next(&it)))
		note_token(c, t->id);
}

void tokens_end(struct controller *c)
{
	map_each(node, &c->tokens)
	{
		map_remove(&c->tokens, node);
		xfree(node);
	}
	map_fini(&c->tokens);
}

void tokens_follow(struct controller *c, const struct metadata_record *r)
{
	if (secret(c).len <= 0)
		return;
	if (r->type == RECORD_DELEGATION_TOKEN)
		note_token(c, ((const struct delegation_token_record *)r->body)->token_id);
	else if (r->type == RECORD_REMOVE_DELEGATION_TOKEN)
		forget_token(c, ((const struct remove_delegation_token_record *)r->body)->token_id);
}

static const struct image_token *shown_token(const struct controller *c, struct bytes hmac)
{
	struct shown *s = hmac.len == TOKEN_HMAC_LEN ? find_shown(c, hmac.p) : NULL;

	return s ? image_token(tip(c), s->id) : NULL;
}

/* ---- checks common to all three ---- */

static int why_not_served(const struct controller *c)
{
	if (secret(c).len <= 0)
		return ERR_DELEGATION_TOKEN_AUTH_DISABLED;
	return image_metadata_version(tip(c)) < METADATA_VERSION_TOKENS ? ERR_UNSUPPORTED_VERSION : 0;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The setting, or the requested period if that is shorter, and positive. */
static int64_t period(const struct controller *c, enum config_id setting, int64_t asked_ms)
{
	int64_t most = config_long(c->config, setting);

	return asked_ms > 0 ? least(most, asked_ms) : most;
}

/* ---- create ---- */

static struct principal owner_of(const struct create_delegation_token_request *in, const struct principal *requester)
{
	if (in->owner_principal_name.len <= 0)
		return *requester;
	return (struct principal){.type = in->owner_principal_type, .name = in->owner_principal_name};
}

/* A principal must fit into one string of a record, and must not contain NUL, since it is printed as text. */
static int why_not_named(struct str type, struct str name)
{
	if (!str_is(type, "User"))
		return ERR_INVALID_PRINCIPAL_TYPE;
	return name.len > PRINCIPAL_NAME_MAX || (name.len > 0 && memchr(name.p, 0, (size_t)name.len))
		       ? ERR_INVALID_REQUEST
		       : 0;
}

/*
 * Kafka accepts an owner of any type. A client that authenticates with the token is a User, so a
 * token of X:admin would be one of User:admin.
 */
static int why_not_created(const struct controller *c, const struct create_delegation_token_request *in,
			   const struct principal *owner, const struct principal *requester)
{
	int err = why_not_served(c);

	if (err == 0)
		err = why_not_named(owner->type, owner->name);
	if (err == 0 && requester->type.len + requester->name.len > PRINCIPAL_NAME_MAX)
		err = ERR_INVALID_REQUEST;
	if (err == 0 && in->renewers.n > RENEWERS_MAX)
		err = ERR_POLICY_VIOLATION;
	for (int32_t i = 0; err == 0 && i < in->renewers.n; i++)
		err = why_not_named(in->renewers.v[i].principal_type, in->renewers.v[i].principal_name);
	return err;
}

static struct str new_id(const struct controller_context *ctx)
{
	char text[UUID_TEXT_LEN + 1];

	return arena_str(ctx->arena, str_of(uuid_text(random_uuid(ctx), text)));
}

static int add_token(const struct controller_context *ctx, const struct create_delegation_token_request *in,
		     const struct principal *owner, const struct create_delegation_token_response *out,
		     struct record_list *records)
{
	struct delegation_token_record *r = record_list_add(records, RECORD_DELEGATION_TOKEN, 0);
	struct arena *a = records->arena;

	if (!r)
		return ERR_UNKNOWN_SERVER_ERROR;
	r->token_id = out->token_id;
	r->owner = principal_text(owner, a);
	r->requester = principal_text(ctx->principal, a);
	r->renewers.v = arena_array(a, (size_t)in->renewers.n, sizeof(*r->renewers.v));
	r->renewers.n = r->renewers.v ? in->renewers.n : 0;
	for (int32_t i = 0; i < r->renewers.n; i++)
		r->renewers.v[i] = principal_text(
			&(struct principal){in->renewers.v[i].principal_type, in->renewers.v[i].principal_name, false},
			a);
	r->issue_timestamp = out->issue_timestamp_ms;
	r->max_timestamp = out->max_timestamp_ms;
	r->expiration_timestamp = out->expiry_timestamp_ms;
	return a->failed ? ERR_UNKNOWN_SERVER_ERROR : 0;
}

int controller_create_delegation_token(struct controller *c, const struct controller_context *ctx,
				       const struct create_delegation_token_request *in,
				       struct create_delegation_token_response *out, struct record_list *records)
{
	struct principal owner = owner_of(in, ctx->principal);
	uint8_t *hmac = arena_alloc(ctx->arena, TOKEN_HMAC_LEN);

	out->principal_type = owner.type;
	out->principal_name = owner.name;
	if (ctx->version >= 3) {
		out->token_requester_principal_type = ctx->principal->type;
		out->token_requester_principal_name = ctx->principal->name;
	}
	out->error_code = (int16_t)why_not_created(c, in, &owner, ctx->principal);
	if (out->error_code)
		return 0;
	if (!hmac || str_is_null(owner.type))
		return ERR_UNKNOWN_SERVER_ERROR;
	out->token_id = new_id(ctx);
	token_hmac(secret(c), out->token_id, hmac);
	out->hmac = (struct bytes){hmac, TOKEN_HMAC_LEN};
	out->issue_timestamp_ms = ctx->wall_ms;
	out->max_timestamp_ms =
		later(ctx->wall_ms, period(c, CONFIG_DELEGATION_TOKEN_MAX_LIFETIME_MS, in->max_lifetime_ms));
	out->expiry_timestamp_ms =
		least(out->max_timestamp_ms,
		      later(ctx->wall_ms, config_long(c->config, CONFIG_DELEGATION_TOKEN_EXPIRY_TIME_MS)));
	return add_token(ctx, in, &owner, out, records);
}

/* ---- renew, expire ---- */

static int expires_at(const struct image_token *t, int64_t expiry_ms, struct record_list *records)
{
	struct delegation_token_record *r = record_list_add(records, RECORD_DELEGATION_TOKEN, 0);

	if (!r)
		return ERR_UNKNOWN_SERVER_ERROR;
	image_token_to_record(t, r);
	r->token_id = arena_str(records->arena, t->id); /* copied: the token is freed when the record is applied */
	r->expiration_timestamp = expiry_ms;
	return str_is_null(r->token_id) ? ERR_UNKNOWN_SERVER_ERROR : 0;
}

static int remove_token(const struct image_token *t, struct record_list *records)
{
	struct remove_delegation_token_record *r = record_list_add(records, RECORD_REMOVE_DELEGATION_TOKEN, 0);

	if (!r)
		return ERR_UNKNOWN_SERVER_ERROR;
	r->token_id = arena_str(records->arena, t->id);
	return str_is_null(r->token_id) ? ERR_UNKNOWN_SERVER_ERROR : 0;
}

int controller_renew_delegation_token(struct controller *c, const struct controller_context *ctx,
				      const struct renew_delegation_token_request *in,
				      struct renew_delegation_token_response *out, struct record_list *records)
{
	int err = why_not_served(c);
	const struct image_token *t = err ? NULL : shown_token(c, in->hmac);

	if (!err && !t)
		err = ERR_DELEGATION_TOKEN_NOT_FOUND;
	if (!err && token_has_expired(t, ctx->wall_ms))
		err = ERR_DELEGATION_TOKEN_EXPIRED;
	if (!err && !token_may_be_renewed_by(t, ctx->principal))
		err = ERR_DELEGATION_TOKEN_OWNER_MISMATCH;
	out->error_code = (int16_t)err;
	if (err)
		return 0;
	out->expiry_timestamp_ms = least(
		t->max_ms, later(ctx->wall_ms, period(c, CONFIG_DELEGATION_TOKEN_EXPIRY_TIME_MS, in->renew_period_ms)));
	return expires_at(t, out->expiry_timestamp_ms, records);
}

int controller_expire_delegation_token(struct controller *c, const struct controller_context *ctx,
				       const struct expire_delegation_token_request *in,
				       struct expire_delegation_token_response *out, struct record_list *records)
{
	int err = why_not_served(c);
	const struct image_token *t = err ? NULL : shown_token(c, in->hmac);

	if (!err && !t)
		err = ERR_DELEGATION_TOKEN_NOT_FOUND;
	if (!err && !token_may_be_renewed_by(t, ctx->principal))
		err = ERR_DELEGATION_TOKEN_OWNER_MISMATCH;
	if (!err && in->expiry_time_period_ms >= 0 && token_has_expired(t, ctx->wall_ms))
		err = ERR_DELEGATION_TOKEN_EXPIRED;
	out->error_code = (int16_t)err;
	if (err)
		return 0;
	if (in->expiry_time_period_ms < 0) {
		out->expiry_timestamp_ms = ctx->wall_ms;
		return remove_token(t, records);
	}
	out->expiry_timestamp_ms = least(t->max_ms, later(ctx->wall_ms, in->expiry_time_period_ms));
	return expires_at(t, out->expiry_timestamp_ms, records);
}

/* ---- expiry ---- */

int64_t tokens_tick(struct controller *c, const struct controller_context *ctx, struct record_list *records)
{
	const struct image_token *t;
	struct image_iter it;
	int n = 0;

	if (ctx->now_ms < c->tokens_due_ms)
		return c->tokens_due_ms;
	c->tokens_due_ms = later(ctx->now_ms, config_long(c->config, CONFIG_DELEGATION_TOKEN_EXPIRY_CHECK_INTERVAL_MS));
	image_tokens(tip(c), &it);
	while ((t = image_tokens_next(&it))) {
		if (!token_has_expired(t, ctx->wall_ms))
			continue;
		if (n++ == SWEEP_MAX) {
			c->tokens_due_ms = ctx->now_ms + 1;
			break;
		}
		if (remove_token(t, records))
			break;
	}
	return c->tokens_due_ms;
}
