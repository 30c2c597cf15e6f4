/*
 * permitted: helpers shared by several handlers: they divide the resources named by a request into
 * those on which the principal may perform an operation and the others.
 */
#ifndef ODRADEK_BROKER_PERMITTED_H
#define ODRADEK_BROKER_PERMITTED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "security/acl.h"

struct request;

/* In the request's arena. Both parts are in the order of the request. */
struct permitted {
	struct str *v; /* the permitted ones, followed by the others */
	int n;	       /* number of both */
	int n_may;
};

/* False: the arena is spent. */
bool permitted_sort(struct request *r, enum acl_operation op, enum acl_resource type, const struct str *names, int n,
		    struct permitted *out);

/*
 * Tells for each name whether it is permitted: in the request's arena, or NULL. A name that occurs
 * twice is not checked, and true: the deciding code refuses it.
 */
bool *permitted_each(struct request *r, enum acl_operation op, enum acl_resource type, const struct str *names, int n);

/* The operations on the cluster, as reported in answers: none, if it may not be described. */
int32_t permitted_on_cluster(struct request *r);

#endif
