/*
 * permitted: what several handlers make of permissions: of the resources that a request names, those that the principal may do something to,
 * and those it may not.
 */
#ifndef ODRADEK_BROKER_PERMITTED_H
#define ODRADEK_BROKER_PERMITTED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "security/acl.h"

struct request;

/* In the request's arena. Both parts in the order of the request. */
struct permitted {
	struct str *v; /* what is permitted, then what is not */
	int n;	       /* of both */
	int n_may;
};

/* False: the arena is spent. */
bool permitted_sort(struct request *r, enum acl_operation op, enum acl_resource type, const struct str *names, int n,
		    struct permitted *out);

/*
 * Whether each name is permitted: in the request's arena, or NULL. What stands there twice is not asked about, and true: it is for whoever
 * decides to refuse it.
 */
bool *permitted_each(struct request *r, enum acl_operation op, enum acl_resource type, const struct str *names, int n);

/* The operations on the cluster, as answers tell them: none, where it may not be described. */
int32_t permitted_on_cluster(struct request *r);

#endif
