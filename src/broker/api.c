/*
 * api: fills the table of rows by key, and checks the permission that a row requires.
 */
#include "broker/api.h"

#include <stddef.h>

#include "base/check.h"
#include "base/err.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "protocol/api_versions.h"
#include "protocol/sasl_authenticate.h"
#include "protocol/sasl_handshake.h"
#include "security/authorizer.h"
#include "wire/schema.h"

#define API(name) extern const struct api api_##name;
#include "broker/api.tbl"
#undef API

static const struct api *const rows[] = {
#define API(name) &api_##name,
#include "broker/api.tbl"
#undef API
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

const struct api *api_row(int i)
{
	return i >= 0 && (size_t)i < N_ROWS ? rows[i] : NULL;
}

void api_table_fill(struct api_table *t)
{
	*t = (struct api_table){0};
	for (size_t i = 0; i < N_ROWS; i++) {
		check(rows[i]->key >= 0 && rows[i]->key < API_KEYS_MAX && !t->by_key[rows[i]->key]);
		t->by_key[rows[i]->key] = rows[i];
	}
}

/* ---- permissions that a row requires ---- */

/* Kafka prints the request as Java does, with its connection and its buffer; here only its name is printed. */
enum outcome request_fail_cluster(struct request *r, enum acl_operation needed)
{
	struct str words = STR_NULL;

	r->refused = true;
	if (!(r->api->flags & API_PLAIN_REFUSAL))
		words = arena_printf(&r->arena, "Request %s needs %s permission.", r->api->in->name,
				     acl_operation_name((int)needed)->upper);
	return request_fail(r, ERR_CLUSTER_AUTHORIZATION_FAILED, words);
}

/*
 * Kafka's AuthorizerNotReadyException. It does not apply to APIs that need no permission, nor to
 * super users, who need no ACLs.
 */
static bool has_to_wait_for_rules(struct request *r)
{
	const struct authorizer *a = r->node->authorizer;
	int16_t key = r->api->key;

	if (!a || r->node->has_rules || key == api_versions_request_KEY || key == sasl_handshake_request_KEY ||
	    key == sasl_authenticate_request_KEY)
		return false;
	return !authorizer_is_super(a, request_identity(r)->text);
}

/* A quorum whose nodes are no super users to each other never elects, and nothing else would say why. */
static enum outcome fail_for_want_of_rules(struct request *r)
{
	struct diag *diag = r->core->loop->env->diag;

	if (diag_allow(diag, &r->core->early))
		diag_warn(diag, "only super.users are let in until the ACLs have been read",
			  "principal=%.*s listener=%.*s request=%s", STR_ARG(request_identity(r)->text),
			  STR_ARG(r->listener), r->api->in->name);
	return r->api->fail ? request_fail(r, ERR_UNKNOWN_SERVER_ERROR, STR_NULL) : HANG_UP;
}

enum outcome request_run(struct request *r)
{
	const struct api *api = r->api;

	if (r->has_nul)
		return api->fail ? request_fail(r, ERR_INVALID_REQUEST, STR("a name contains a NUL byte")) : HANG_UP;
	if (has_to_wait_for_rules(r))
		return fail_for_want_of_rules(r);
	if (!api->acl_operation || request_may_cluster(r, (enum acl_operation)api->acl_operation))
		return api->run(r);
	return request_fail_cluster(r, (enum acl_operation)api->acl_operation);
}
