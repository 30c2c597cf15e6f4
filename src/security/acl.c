/* acl: the tables of names. */
#include "security/acl.h"

#include <stdbool.h>

#include "base/check.h"

static const struct acl_name OPERATIONS[ACL_OPERATIONS] = {
	[ACL_UNKNOWN_OPERATION] = {"UNKNOWN", "Unknown"},
	[ACL_ANY_OPERATION] = {"ANY", "Any"},
	[ACL_ALL] = {"ALL", "All"},
	[ACL_READ] = {"READ", "Read"},
	[ACL_WRITE] = {"WRITE", "Write"},
	[ACL_CREATE] = {"CREATE", "Create"},
	[ACL_DELETE] = {"DELETE", "Delete"},
	[ACL_ALTER] = {"ALTER", "Alter"},
	[ACL_DESCRIBE] = {"DESCRIBE", "Describe"},
	[ACL_CLUSTER_ACTION] = {"CLUSTER_ACTION", "ClusterAction"},
	[ACL_DESCRIBE_CONFIGS] = {"DESCRIBE_CONFIGS", "DescribeConfigs"},
	[ACL_ALTER_CONFIGS] = {"ALTER_CONFIGS", "AlterConfigs"},
	[ACL_IDEMPOTENT_WRITE] = {"IDEMPOTENT_WRITE", "IdempotentWrite"},
	[ACL_CREATE_TOKENS] = {"CREATE_TOKENS", "CreateTokens"},
	[ACL_DESCRIBE_TOKENS] = {"DESCRIBE_TOKENS", "DescribeTokens"},
	[ACL_TWO_PHASE_COMMIT] = {"TWO_PHASE_COMMIT", "TwoPhaseCommit"},
};

static const struct acl_name RESOURCES[ACL_RESOURCES] = {
	[ACL_UNKNOWN_RESOURCE] = {"UNKNOWN", "Unknown"},
	[ACL_ANY_RESOURCE] = {"ANY", "Any"},
	[ACL_TOPIC] = {"TOPIC", "Topic"},
	[ACL_GROUP] = {"GROUP", "Group"},
	[ACL_CLUSTER] = {"CLUSTER", "Cluster"},
	[ACL_TRANSACTIONAL_ID] = {"TRANSACTIONAL_ID", "TransactionalId"},
	[ACL_DELEGATION_TOKEN] = {"DELEGATION_TOKEN", "DelegationToken"},
	[ACL_USER] = {"USER", "User"},
};

static const char *const PATTERNS[] = {
	[ACL_UNKNOWN_PATTERN] = "UNKNOWN", [ACL_ANY_PATTERN] = "ANY",	[ACL_MATCH] = "MATCH",
	[ACL_LITERAL] = "LITERAL",	   [ACL_PREFIXED] = "PREFIXED",
};

static const char *const PERMISSIONS[] = {
	[ACL_UNKNOWN_PERMISSION] = "UNKNOWN",
	[ACL_ANY_PERMISSION] = "ANY",
	[ACL_DENY] = "DENY",
	[ACL_ALLOW] = "ALLOW",
};

const struct acl_name *acl_operation_name(int operation)
{
	return &OPERATIONS[acl_known(operation, ACL_OPERATIONS)];
}

const struct acl_name *acl_resource_name(int resource)
{
	return &RESOURCES[acl_known(resource, ACL_RESOURCES)];
}

const char *acl_pattern_name(int pattern)
{
	return PATTERNS[acl_known(pattern, ACL_PATTERNS)];
}

const char *acl_permission_name(int permission)
{
	return PERMISSIONS[acl_known(permission, ACL_PERMISSIONS)];
}

#define BIT(operation) (1 << (operation))

int32_t acl_supported(enum acl_resource resource)
{
	switch (resource) {
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
