/*
 * CreateDelegationToken, RenewDelegationToken, ExpireDelegationToken and DescribeDelegationToken
 * (KIP-48, KIP-373). A client that was authenticated by other means than a token may use them. The
 * controller decides the first three, and a broker's image answers the last.
 */
#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "config/config.h"
#include "protocol/create_delegation_token.h"
#include "protocol/describe_delegation_token.h"
#include "protocol/expire_delegation_token.h"
#include "protocol/renew_delegation_token.h"
#include "security/token.h"

#define NO_TIME (-1)

/* ---- which clients may ask ---- */

static enum security_protocol protocol_of(const struct request *r)
{
	const struct config_network *network = config_network(r->node->config);

	for (int i = 0; i < network->n_listeners; i++) {
		if (str_eq(network->listeners[i].name, r->listener))
			return network->listeners[i].protocol;
	}
	return PROTOCOL_PLAINTEXT;
}

/*
 * A request in an Envelope came to its broker by a listener that was checked there; its principal
 * is checked here as well.
 */
static bool may_ask(struct request *r)
{
	const struct principal *who = &request_identity(r)->principal;
	enum security_protocol protocol = protocol_of(r);

	if (who->token_authenticated)
		return false;
	if (r->envelope)
		return true;
	return protocol != PROTOCOL_PLAINTEXT &&
	       !(protocol == PROTOCOL_SSL && principal_equal(who, &PRINCIPAL_ANONYMOUS));
}

static bool may_for(struct request *r, enum acl_operation operation, const struct principal *who)
{
	struct str name = principal_text(who, &r->arena);

	return !str_is_null(name) && request_may(r, operation, ACL_USER, name);
}

/* ---- create ---- */

static struct principal owner_of(struct request *r)
{
	const struct create_delegation_token_request *in = r->in;

	if (in->owner_principal_name.len <= 0)
		return request_identity(r)->principal;
	return (struct principal){.type = in->owner_principal_type, .name = in->owner_principal_name};
}

static enum outcome refuse_create(struct request *r, int err, const struct principal *owner,
				  const struct principal *requester)
{
	struct create_delegation_token_response *out = r->out;

	out->error_code = (int16_t)err;
	out->principal_type = owner->type;
	out->principal_name = owner->name;
	if (r->version >= 3) {
		out->token_requester_principal_type = requester->type;
		out->token_requester_principal_name = requester->name;
	}
	out->issue_timestamp_ms = out->expiry_timestamp_ms = out->max_timestamp_ms = NO_TIME;
	return REPLY;
}

static void create_fail(struct request *r, int err, struct str message)
{
	(void)message;
	refuse_create(r, err, &PRINCIPAL_ANONYMOUS, &PRINCIPAL_ANONYMOUS);
}

static bool renewers_are_users(const struct create_delegation_token_request *in)
{
	for (int32_t i = 0; i < in->renewers.n; i++) {
		if (!str_is(in->renewers.v[i].principal_type, "User"))
			return false;
	}
	return true;
}

static enum outcome create(struct request *r)
{
	const struct principal *requester = &request_identity(r)->principal;
	struct principal owner = owner_of(r);

	if (str_is_null(owner.type)) /* Java's principal class throws for it */
		return request_fail(r, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
	if (!may_ask(r))
		return refuse_create(r, ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, &owner, requester);
	if (!principal_equal(&owner, requester) && !may_for(r, ACL_CREATE_TOKENS, &owner))
		return refuse_create(r, ERR_DELEGATION_TOKEN_AUTHORIZATION_FAILED, &owner, requester);
	if (!r->from_controller && !renewers_are_users(r->in))
		return refuse_create(r, ERR_INVALID_PRINCIPAL_TYPE, &owner, requester);
	return forward_run(r);
}

const struct api api_create_delegation_token = {
	.key = create_delegation_token_request_KEY,
	.first = create_delegation_token_request_FIRST,
	.last = create_delegation_token_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.in = &create_delegation_token_request_schema,
	.out = &create_delegation_token_response_schema,
	.run = create,
	.fail = create_fail,
};

/* ---- renew ---- */

static void renew_fail(struct request *r, int err, struct str message)
{
	struct renew_delegation_token_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
}

static enum outcome renew(struct request *r)
{
	struct renew_delegation_token_response *out = r->out;

	if (may_ask(r))
		return forward_run(r);
	out->error_code = ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED;
	out->expiry_timestamp_ms = NO_TIME;
	return REPLY;
}

const struct api api_renew_delegation_token = {
	.key = renew_delegation_token_request_KEY,
	.first = renew_delegation_token_request_FIRST,
	.last = renew_delegation_token_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.in = &renew_delegation_token_request_schema,
	.out = &renew_delegation_token_response_schema,
	.run = renew,
	.fail = renew_fail,
};

/* ---- expire ---- */

static void expire_fail(struct request *r, int err, struct str message)
{
	struct expire_delegation_token_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
}

static enum outcome expire(struct request *r)
{
	struct expire_delegation_token_response *out = r->out;

	if (may_ask(r))
		return forward_run(r);
	out->error_code = ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED;
	out->expiry_timestamp_ms = NO_TIME;
	return REPLY;
}

const struct api api_expire_delegation_token = {
	.key = expire_delegation_token_request_KEY,
	.first = expire_delegation_token_request_FIRST,
	.last = expire_delegation_token_request_LAST,
	.flags = API_BROKER | API_CONTROLLER | API_FORWARD,
	.in = &expire_delegation_token_request_schema,
	.out = &expire_delegation_token_response_schema,
	.run = expire,
	.fail = expire_fail,
};

/* ---- describe ---- */

static void describe_fail(struct request *r, int err, struct str message)
{
	struct describe_delegation_token_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
	out->tokens.n = 0;
}

static bool is_asked_for(const struct describe_delegation_token_request *in, const struct image_token *t)
{
	if (in->owners.n < 0)
		return true;
	for (int32_t i = 0; i < in->owners.n; i++) {
		struct principal who = {in->owners.v[i].principal_type, in->owners.v[i].principal_name, false};

		if (token_concerns(t, &who))
			return true;
	}
	return false;
}

/* A principal may see its own tokens, and those of others that it may describe. */
static bool may_see(struct request *r, const struct image_token *t)
{
	struct principal owner = token_principal(t->owner);

	return token_concerns(t, &request_identity(r)->principal) ||
	       request_may(r, ACL_DESCRIBE, ACL_DELEGATION_TOKEN, t->id) || may_for(r, ACL_DESCRIBE_TOKENS, &owner);
}

static bool fill_token(struct request *r, struct str secret, const struct image_token *t,
		       struct describe_delegation_token_response_token *out)
{
	struct principal owner = token_principal(t->owner);
	struct principal requester = token_principal(t->requester);
	uint8_t *hmac = arena_alloc(&r->arena, TOKEN_HMAC_LEN);

	if (!hmac || !ANSWER_ARRAY(r, out->renewers, describe_delegation_token_response_renewer_schema, t->n_renewers))
		return false;
	token_hmac(secret, t->id, hmac);
	out->principal_type = owner.type;
	out->principal_name = owner.name;
	if (r->version >= 3) {
		out->token_requester_principal_type = requester.type;
		out->token_requester_principal_name = requester.name;
	}
	out->issue_timestamp = t->issue_ms;
	out->expiry_timestamp = t->expiry_ms;
	out->max_timestamp = t->max_ms;
	out->token_id = t->id;
	out->hmac = (struct bytes){hmac, TOKEN_HMAC_LEN};
	for (int i = 0; i < t->n_renewers; i++) {
		struct principal renewer = token_principal(t->renewers[i]);

		out->renewers.v[i].principal_type = renewer.type;
		out->renewers.v[i].principal_name = renewer.name;
	}
	return true;
}

static enum outcome list_tokens(struct request *r, struct str secret)
{
	struct describe_delegation_token_response *out = r->out;
	const struct image_token *t;
	struct image_iter it;
	int n = 0;

	if (!ANSWER_ARRAY(r, out->tokens, describe_delegation_token_response_token_schema, image_token_count(r->image)))
		return HANG_UP;
	image_tokens(r->image, &it);
	while ((t = image_tokens_next(&it))) {
		if (!is_asked_for(r->in, t) || !may_see(r, t))
			continue;
		if (!fill_token(r, secret, t, &out->tokens.v[n++]))
			return HANG_UP;
	}
	out->tokens.n = n;
	return REPLY;
}

static enum outcome describe(struct request *r)
{
	const struct describe_delegation_token_request *in = r->in;
	struct str secret = config_string(r->node->config, CONFIG_DELEGATION_TOKEN_SECRET_KEY);

	if (r->from_controller) /* Kafka's controllers list this API, but do not serve it */
		return request_fail(r, ERR_UNKNOWN_SERVER_ERROR, STR_NULL);
	if (!may_ask(r))
		return request_fail(r, ERR_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED, STR_NULL);
	if (secret.len <= 0)
		return request_fail(r, ERR_DELEGATION_TOKEN_AUTH_DISABLED, STR_NULL);
	if (in->owners.n == 0)
		return REPLY;
	return list_tokens(r, secret);
}

const struct api api_describe_delegation_token = {
	.key = describe_delegation_token_request_KEY,
	.first = describe_delegation_token_request_FIRST,
	.last = describe_delegation_token_request_LAST,
	.flags = API_BROKER | API_CONTROLLER,
	.in = &describe_delegation_token_request_schema,
	.out = &describe_delegation_token_response_schema,
	.run = describe,
	.fail = describe_fail,
};
