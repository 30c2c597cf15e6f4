/*
 * permission: what a request's principal may do, by the authorizer of this node and the ACLs of the request's image (Kafka's
 * StandardAuthorizer). Without authorizer.class.name everybody may do everything.
 *
 * Handlers ask before they look at anything, and answer Kafka's error of that API for what is not permitted: of a resource that may not
 * be described they do not even tell whether it exists. What is asked is written to the audit log, unless it is asked quietly (Kafka's
 * logIfDenied and logIfAllowed). On the request's reactor.
 */
#ifndef ODRADEK_BROKER_PERMISSION_H
#define ODRADEK_BROKER_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "security/acl.h"

struct request;

/* Is there an authorizer at all? */
bool request_is_authorized(const struct request *r);
bool request_may(struct request *r, enum acl_operation op, enum acl_resource type, struct str name);
/* The cluster as a resource. */
bool request_may_cluster(struct request *r, enum acl_operation op);
/* The same, and a refusal is no line: what is merely filtered out of an answer. */
bool request_may_quietly(struct request *r, enum acl_operation op, enum acl_resource type, struct str name);
/* On at least one resource of the type (Kafka's authorizeByResourceType). */
bool request_may_any(struct request *r, enum acl_operation op, enum acl_resource type);
/* The operations that the principal may do, as bits 1 << operation: what answers call authorized operations. */
int32_t request_operations(struct request *r, enum acl_resource type, struct str name);

#endif
