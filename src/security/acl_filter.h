/*
 * acl_filter: selects ACLs (AclBindingFilter): null strings and ANY match everything, MATCH matches
 * what applies to the name.
 */
#ifndef ODRADEK_SECURITY_ACL_FILTER_H
#define ODRADEK_SECURITY_ACL_FILTER_H

#include <stdbool.h>

#include "base/str.h"
#include "metadata/acls.h"
#include "protocol/describe_acls.h"
#include "security/acl.h"

struct acl_filter {
	int8_t resource_type;
	int8_t pattern_type;
	int8_t operation;
	int8_t permission_type;
	struct str resource_name; /* null: any */
	struct str principal;
	struct str host;
};

/* The filter of a DescribeAcls request; also used for a filter of DeleteAcls. Borrows its strings. */
struct acl_filter acl_filter_of(const struct describe_acls_request *in);
/* NULL, or Kafka's message for a filter that contains an unknown number. */
const char *acl_filter_fault(const struct acl_filter *f);
bool acl_filter_has(const struct acl_filter *f, const struct image_acl *acl);

#endif
