/*
 * acl: the numbers of Kafka's access control: AclOperation, ResourceType, PatternType and
 * AclPermissionType, as on the wire, in the metadata log and, as bits (1 << operation), in the
 * fields of authorized operations.
 */
#ifndef ODRADEK_SECURITY_ACL_H
#define ODRADEK_SECURITY_ACL_H

#include <stdint.h>

enum acl_operation {
	ACL_UNKNOWN_OPERATION = 0,
	ACL_ANY_OPERATION = 1,
	ACL_ALL = 2,
	ACL_READ = 3,
	ACL_WRITE = 4,
	ACL_CREATE = 5,
	ACL_DELETE = 6,
	ACL_ALTER = 7,
	ACL_DESCRIBE = 8,
	ACL_CLUSTER_ACTION = 9,
	ACL_DESCRIBE_CONFIGS = 10,
	ACL_ALTER_CONFIGS = 11,
	ACL_IDEMPOTENT_WRITE = 12,
	ACL_CREATE_TOKENS = 13,
	ACL_DESCRIBE_TOKENS = 14,
	ACL_TWO_PHASE_COMMIT = 15,
	ACL_OPERATIONS,
};

enum acl_resource {
	ACL_UNKNOWN_RESOURCE = 0,
	ACL_ANY_RESOURCE = 1,
	ACL_TOPIC = 2,
	ACL_GROUP = 3,
	ACL_CLUSTER = 4, /* its only name is ACL_CLUSTER_NAME */
	ACL_TRANSACTIONAL_ID = 5,
	ACL_DELEGATION_TOKEN = 6,
	ACL_USER = 7,
	ACL_RESOURCES,
};

#define ACL_CLUSTER_NAME "kafka-cluster"

enum acl_pattern {
	ACL_UNKNOWN_PATTERN = 0,
	ACL_ANY_PATTERN = 1,
	ACL_MATCH = 2, /* in filters only */
	ACL_LITERAL = 3,
	ACL_PREFIXED = 4,
	ACL_PATTERNS,
};

enum acl_permission {
	ACL_UNKNOWN_PERMISSION = 0,
	ACL_ANY_PERMISSION = 1,
	ACL_DENY = 2,
	ACL_ALLOW = 3,
	ACL_PERMISSIONS,
};

/* A number from outside, or 0 (unknown) if Kafka's enum of n values does not have it. */
static inline int acl_known(int number, int n) { return number >= 0 && number < n ? number : 0; }

struct acl_name {
	const char *upper;  /* "DESCRIBE_CONFIGS", as Java prints the enum */
	const char *pascal; /* "DescribeConfigs", as people type it */
};

/* For any number; never NULL. */
const struct acl_name *acl_operation_name(int operation);
const struct acl_name *acl_resource_name(int resource);
const char *acl_pattern_name(int pattern);
const char *acl_permission_name(int permission);

/* The operations that apply to a resource, as bits 1 << operation (AclEntry.supportedOperations). */
int32_t acl_supported(enum acl_resource resource);

#endif
