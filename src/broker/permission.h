/*
 * permission: what the principal of a request may do, according to this node's authorizer and the
 * ACLs in the request's image (Kafka's StandardAuthorizer). Without authorizer.class.name
 * everything is permitted.
 *
 * Handlers ask before they look at anything, and answer what is not permitted with Kafka's error
 * for that API: for a resource that may not be described, they do not even reveal whether it
 * exists. Decisions go to the audit log, unless asked for quietly (Kafka's logIfDenied and
 * logIfAllowed). On the request's reactor.
 */
#ifndef ODRADEK_BROKER_PERMISSION_H
#define ODRADEK_BROKER_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "security/acl.h"

struct request;

/* Without one everything is permitted. */
bool request_has_authorizer(const struct request *r);
bool request_may(struct request *r, enum acl_operation op, enum acl_resource type, struct str name);
/* The same for the cluster as a resource. */
bool request_may_cluster(struct request *r, enum acl_operation op);
/* The same, without a log line for a denial: for what is merely filtered out of an answer. */
bool request_may_quietly(struct request *r, enum acl_operation op, enum acl_resource type, struct str name);
/* The same for at least one resource of the type (Kafka's authorizeByResourceType). */
bool request_may_any(struct request *r, enum acl_operation op, enum acl_resource type);
/*
 * The operations that the principal may perform, as bits 1 << operation: the "authorized
 * operations" of an answer.
 */
int32_t request_operations(struct request *r, enum acl_resource type, struct str name);

#endif
