/*
 * permission: see the header. There is no authorizer yet: a configuration that names one is refused at the start.
 */
#include "broker/permission.h"

#include "base/check.h"
#include "broker/api.h"

bool request_may(struct request *r, enum acl_operation op, enum acl_resource type, struct str name)
{
	(void)r, (void)op, (void)type, (void)name;
	return true;
}

bool request_may_cluster(struct request *r, enum acl_operation op)
{
	return request_may(r, op, ACL_CLUSTER, STR(ACL_CLUSTER_NAME));
}

bool request_may_quietly(struct request *r, enum acl_operation op, enum acl_resource type, struct str name)
{
	return request_may(r, op, type, name);
}

bool request_may_any(struct request *r, enum acl_operation op, enum acl_resource type)
{
	return request_may(r, op, type, STR_NULL);
}

/* ---- operations (AclEntry.supportedOperations) ---- */

#define BIT(operation) (1 << (operation))

static int32_t supported(enum acl_resource type)
{
	switch (type) {
	case ACL_TOPIC:
		return BIT(ACL_READ) | BIT(ACL_WRITE) | BIT(ACL_CREATE) | BIT(ACL_DELETE) | BIT(ACL_ALTER) |
		       BIT(ACL_DESCRIBE) | BIT(ACL_DESCRIBE_CONFIGS) | BIT(ACL_ALTER_CONFIGS);
	case ACL_GROUP:
		return BIT(ACL_READ) | BIT(ACL_DELETE) | BIT(ACL_DESCRIBE) | BIT(ACL_DESCRIBE_CONFIGS) |
		       BIT(ACL_ALTER_CONFIGS);
	case ACL_CLUSTER:
		return BIT(ACL_CREATE) | BIT(ACL_CLUSTER_ACTION) | BIT(ACL_DESCRIBE_CONFIGS) | BIT(ACL_ALTER_CONFIGS) |
		       BIT(ACL_IDEMPOTENT_WRITE) | BIT(ACL_ALTER) | BIT(ACL_DESCRIBE);
	case ACL_TRANSACTIONAL_ID:
		return BIT(ACL_DESCRIBE) | BIT(ACL_WRITE) | BIT(ACL_TWO_PHASE_COMMIT);
	case ACL_DELEGATION_TOKEN:
		return BIT(ACL_DESCRIBE);
	case ACL_USER:
		return BIT(ACL_CREATE_TOKENS) | BIT(ACL_DESCRIBE_TOKENS);
	default:
		check(false);
		return 0;
	}
}

int32_t request_operations(struct request *r, enum acl_resource type, struct str name)
{
	int32_t may = 0;

	for (int op = ACL_READ; op < ACL_OPERATIONS; op++)
		if (supported(type) & BIT(op) && request_may_quietly(r, (enum acl_operation)op, type, name))
			may |= BIT(op);
	return may;
}
