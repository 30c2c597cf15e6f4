/*
 * permission: asks the authorizer and writes the audit log.
 */
#include "broker/permission.h"

#include "broker/api.h"
#include "broker/audit.h"
#include "broker/identity.h"
#include "broker/node_private.h"

/* Which outcomes are logged. */
enum lines { LINES_BOTH, LINES_ALLOWED, LINES_NONE };

static struct authorizer_who asker_of(struct request *r)
{
	const struct identity *i = request_identity(r);

	return (struct authorizer_who){i->text, i->host};
}

static bool decide(struct request *r, const struct authorizer_action *action, enum lines lines)
{
	const struct authorizer *a = r->node->authorizer;
	struct authorizer_verdict v;
	struct authorizer_who asker;

	if (!a)
		return true;
	asker = asker_of(r);
	v = authorizer_decide(a, r->image, &asker, action);
	audit_note(r, action, &v, lines == LINES_NONE || (lines == LINES_ALLOWED && !v.allowed));
	return v.allowed;
}

bool request_has_authorizer(const struct request *r)
{
	return r->node->authorizer != NULL;
}

bool request_may(struct request *r, enum acl_operation op, enum acl_resource type, struct str name)
{
	return decide(r, &(struct authorizer_action){op, type, name}, LINES_BOTH);
}

bool request_may_cluster(struct request *r, enum acl_operation op)
{
	return request_may(r, op, ACL_CLUSTER, STR(ACL_CLUSTER_NAME));
}

bool request_may_quietly(struct request *r, enum acl_operation op, enum acl_resource type, struct str name)
{
	return decide(r, &(struct authorizer_action){op, type, name}, LINES_ALLOWED);
}

bool request_may_any(struct request *r, enum acl_operation op, enum acl_resource type)
{
	struct authorizer_action action = {op, type, STR(AUTHORIZER_ANY_NAME)};
	struct authorizer_who asker;

	if (decide(r, &action, LINES_ALLOWED))
		return true;
	asker = asker_of(r);
	return authorizer_decide_any(r->image, &asker, op, type);
}

int32_t request_operations(struct request *r, enum acl_resource type, struct str name)
{
	int32_t supported = acl_supported(type);
	int32_t may = 0;

	for (int op = ACL_READ; op < ACL_OPERATIONS; op++)
		if (supported & (1 << op) &&
		    decide(r, &(struct authorizer_action){(enum acl_operation)op, type, name}, LINES_NONE))
			may |= 1 << op;
	return may;
}
