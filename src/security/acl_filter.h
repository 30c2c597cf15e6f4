/*
 * acl_filter: which ACLs are meant (AclBindingFilter): null strings and ANY match all, MATCH matches what applies to the name.
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

/* What DescribeAcls asks for, or one filter of DeleteAcls. Borrows its strings. */
struct acl_filter acl_filter_of(const struct describe_acls_request *in);
/* NULL, or Kafka's words for a filter with a number that is not known. */
const char *acl_filter_fault(const struct acl_filter *f);
bool acl_filter_has(const struct acl_filter *f, const struct image_acl *acl);

#endif
