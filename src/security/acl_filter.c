/* acl_filter: from a request to a filter, its validation, and matching against an ACL. */
#include "security/acl_filter.h"

#include <string.h>

struct acl_filter acl_filter_of(const struct describe_acls_request *in)
{
	return (struct acl_filter){
		.resource_type = in->resource_type_filter,
		.pattern_type = in->pattern_type_filter,
		.operation = in->operation,
		.permission_type = in->permission_type,
		.resource_name = in->resource_name_filter,
		.principal = in->principal_filter,
		.host = in->host_filter,
	};
}

const char *acl_filter_fault(const struct acl_filter *f)
{
	if (!acl_known(f->resource_type, ACL_RESOURCES) || !acl_known(f->pattern_type, ACL_PATTERNS))
		return "Unknown patternFilter.";
	if (!acl_known(f->operation, ACL_OPERATIONS) || !acl_known(f->permission_type, ACL_PERMISSIONS))
		return "Unknown entryFilter.";
	return NULL;
}

static bool has_prefix(struct str name, struct str prefix)
{
	return prefix.len <= name.len && memcmp(name.p, prefix.p, (size_t)prefix.len) == 0;
}

static bool pattern_matches(const struct acl_filter *f, const struct image_acl *acl)
{
	if (f->resource_type != ACL_ANY_RESOURCE && f->resource_type != acl->resource_type)
		return false;
	if (f->pattern_type != ACL_ANY_PATTERN && f->pattern_type != ACL_MATCH && f->pattern_type != acl->pattern_type)
		return false;
	if (str_is_null(f->resource_name))
		return true;
	if (f->pattern_type != ACL_MATCH)
		return str_eq(f->resource_name, acl->resource_name);
	if (acl->pattern_type == ACL_PREFIXED)
		return has_prefix(f->resource_name, acl->resource_name);
	return str_eq(f->resource_name, acl->resource_name) || str_is(acl->resource_name, "*");
}

bool acl_filter_has(const struct acl_filter *f, const struct image_acl *acl)
{
	return pattern_matches(f, acl) && (str_is_null(f->principal) || str_eq(f->principal, acl->principal)) &&
	       (str_is_null(f->host) || str_eq(f->host, acl->host)) &&
	       (f->operation == ACL_ANY_OPERATION || f->operation == acl->operation) &&
	       (f->permission_type == ACL_ANY_PERMISSION || f->permission_type == acl->permission_type);
}
