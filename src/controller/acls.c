/*
 * acls: CreateAcls and DeleteAcls (AclControlManager, and the checks that AclApis makes before it).
 *
 * Creating an ACL that exists already succeeds without a record. A deletion takes effect as a
 * whole.
 */
#include <errno.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str_index.h"
#include "controller/internal.h"
#include "metadata/version.h"
#include "protocol/create_acls.h"
#include "protocol/delete_acls.h"
#include "protocol/metadata_records.h"
#include "security/acl_filter.h"
#include "security/cidr.h"

/* ---- what may be created ---- */

static struct api_error check_host(const struct controller *c, struct str host, struct arena *a)
{
	struct str wrong;

	if (host.len == 0)
		return (struct api_error){ERR_INVALID_REQUEST, STR("Host pattern cannot be null or empty")};
	if (!cidr_is(host))
		return API_OK;
	if (image_metadata_version(tip(c)) < METADATA_VERSION_CIDR)
		return api_error(a, ERR_UNSUPPORTED_VERSION,
				 "CIDR-based ACL host patterns require metadata version %s or higher.",
				 metadata_version_name(METADATA_VERSION_CIDR));
	wrong = cidr_check(host, a);
	return str_is_null(wrong) ? API_OK
				  : api_error(a, ERR_INVALID_REQUEST, "Invalid CIDR notation '%.*s': %.*s",
					      STR_ARG(host), STR_ARG(wrong));
}

static struct api_error check_numbers(const struct create_acls_request_creation *n, struct arena *a)
{
	int resource = acl_known(n->resource_type, ACL_RESOURCES);
	int operation = acl_known(n->operation, ACL_OPERATIONS);

	if (resource == ACL_UNKNOWN_RESOURCE || resource == ACL_ANY_RESOURCE)
		return api_error(a, ERR_INVALID_REQUEST, "Invalid resourceType %s", acl_resource_name(resource)->upper);
	if (n->resource_pattern_type != ACL_LITERAL && n->resource_pattern_type != ACL_PREFIXED)
		return api_error(a, ERR_INVALID_REQUEST, "Invalid patternType %s",
				 acl_pattern_name(n->resource_pattern_type));
	if (operation == ACL_UNKNOWN_OPERATION || operation == ACL_ANY_OPERATION)
		return api_error(a, ERR_INVALID_REQUEST, "Invalid operation %s", acl_operation_name(operation)->upper);
	if (n->permission_type != ACL_DENY && n->permission_type != ACL_ALLOW)
		return api_error(a, ERR_INVALID_REQUEST, "Invalid permissionType %s",
				 acl_permission_name(n->permission_type));
	return API_OK;
}

static bool has_colon(struct str s)
{
	for (int32_t i = 0; i < s.len; i++)
		if (s.p[i] == ':')
			return true;
	return false;
}

static struct api_error check_creation(const struct controller *c, const struct create_acls_request_creation *n,
				       struct arena *a)
{
	struct api_error e;

	if (n->resource_type == ACL_CLUSTER && !str_is(n->resource_name, ACL_CLUSTER_NAME))
		return (struct api_error){ERR_INVALID_REQUEST,
					  STR("The only valid name for the CLUSTER resource is " ACL_CLUSTER_NAME)};
	if (n->resource_name.len == 0)
		return (struct api_error){ERR_INVALID_REQUEST, STR("Invalid empty resource name")};
	e = check_numbers(n, a);
	if (e.code)
		return e;
	if (!has_colon(n->principal))
		return api_error(
			a, ERR_INVALID_REQUEST,
			"Could not parse principal from `%.*s` (no colon is present separating the principal type "
			"from the principal name)",
			STR_ARG(n->principal));
	return check_host(c, n->host, a);
}

/* ---- creating ---- */

struct creation {
	struct controller *c;
	const struct controller_context *ctx;
	struct record_list *records;
	struct str_index made; /* those of this request */
};

static struct uuid new_id(const struct creation *k)
{
	struct uuid id;

	do
		id = random_uuid(k->ctx);
	while (image_acl(tip(k->c), id));
	return id;
}

static void put_text(struct buf *b, struct str s)
{
	buf_put(b, &s.len, sizeof(s.len));
	buf_put_str(b, s);
}

/* All of its fields as one string, which may contain zero bytes. */
static struct str key_of(const struct create_acls_request_creation *n, struct arena *a)
{
	const int8_t numbers[] = {n->resource_type, n->resource_pattern_type, n->operation, n->permission_type};
	struct buf b = {0};
	struct str key;

	buf_put(&b, numbers, sizeof(numbers));
	put_text(&b, n->resource_name);
	put_text(&b, n->principal);
	put_text(&b, n->host);
	key = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return key;
}

static bool is_there(struct creation *k, const struct create_acls_request_creation *n)
{
	struct image_acl like = {
		.resource_type = n->resource_type,
		.pattern_type = n->resource_pattern_type,
		.operation = n->operation,
		.permission_type = n->permission_type,
		.resource_name = n->resource_name,
		.principal = n->principal,
		.host = n->host,
	};
	int *at;

	if (image_acl_like(tip(k->c), &like))
		return true;
	at = str_index_at(&k->made, key_of(n, k->ctx->arena));
	return (*at)++ >= 0;
}

static void create(struct creation *k, const struct create_acls_request_creation *n)
{
	struct access_control_entry_record *r;

	if (is_there(k, n))
		return;
	r = record_list_add(k->records, RECORD_ACCESS_CONTROL_ENTRY, 0);
	if (r)
		*r = (struct access_control_entry_record){
			.id = new_id(k),
			.resource_type = n->resource_type,
			.resource_name = n->resource_name,
			.pattern_type = n->resource_pattern_type,
			.principal = n->principal,
			.host = n->host,
			.operation = n->operation,
			.permission_type = n->permission_type,
		};
}

int controller_create_acls(struct controller *c, const struct controller_context *ctx,
			   const struct create_acls_request *in, struct create_acls_response *out,
			   struct record_list *records)
{
	struct creation k = {c, ctx, records, {{0}}};
	int n = in->creations.n > 0 ? in->creations.n : 0;

	out->results.v = arena_array(ctx->arena, (size_t)n, sizeof(*out->results.v));
	out->results.n = out->results.v ? n : 0;
	str_index_init(&k.made, ctx->random(ctx->random_arg));
	for (int i = 0; i < out->results.n; i++) {
		struct api_error e = check_creation(c, &in->creations.v[i], ctx->arena);

		out->results.v[i].error_code = (int16_t)e.code;
		out->results.v[i].error_message = e.code ? e.message : STR("");
		if (!e.code)
			create(&k, &in->creations.v[i]);
	}
	str_index_fini(&k.made);
	records->atomic = true;
	return records->n > RECORDS_PER_OPERATION_MAX ? refuse_large(ctx) : 0;
}

/* ---- deleting ---- */

struct deletion {
	const struct image *tip;
	const struct controller_context *ctx;
	struct record_list *records;
	struct str_index gone; /* ids, as strings */
};

static struct str id_text(const struct image_acl *acl)
{
	return (struct str){(const char *)acl->id.b, sizeof(acl->id.b)};
}

static int count_matching(const struct image *i, const struct acl_filter *f)
{
	const struct image_acl *acl;
	struct image_iter it;
	int n = 0;

	image_acls(i, &it);
	while ((acl = image_acls_next(&it)))
		n += acl_filter_has(f, acl);
	return n;
}

static struct delete_acls_response_matching_acl matching(const struct image_acl *acl, struct arena *a)
{
	return (struct delete_acls_response_matching_acl){
		.error_message = STR_NULL,
		.resource_type = acl->resource_type,
		.resource_name = arena_str(a, acl->resource_name),
		.pattern_type = acl->pattern_type,
		.principal = arena_str(a, acl->principal),
		.host = arena_str(a, acl->host),
		.operation = acl->operation,
		.permission_type = acl->permission_type,
	};
}

/* False when there are more records than one operation may make. */
static bool delete_one(struct deletion *d, const struct image_acl *acl)
{
	struct remove_access_control_entry_record *r;

	if (d->records->n >= RECORDS_PER_OPERATION_MAX)
		return false;
	if ((*str_index_at(&d->gone, id_text(acl)))++ >= 0)
		return true;
	r = record_list_add(d->records, RECORD_REMOVE_ACCESS_CONTROL_ENTRY, 0);
	if (r)
		r->id = acl->id;
	return true;
}

static bool delete_matching(struct deletion *d, const struct acl_filter *f,
			    struct delete_acls_response_filter_result *out)
{
	int n = count_matching(d->tip, f);
	const struct image_acl *acl;
	struct image_iter it;

	if (n > RECORDS_PER_OPERATION_MAX)
		return false;
	out->matching_acls.v = arena_array(d->ctx->arena, (size_t)n, sizeof(*out->matching_acls.v));
	if (!out->matching_acls.v)
		return true; /* the arena has recorded the failure */
	image_acls(d->tip, &it);
	while ((acl = image_acls_next(&it))) {
		if (!acl_filter_has(f, acl))
			continue;
		if (!delete_one(d, acl))
			return false;
		out->matching_acls.v[out->matching_acls.n++] = matching(acl, d->ctx->arena);
	}
	return true;
}

static bool delete_by(struct deletion *d, const struct describe_acls_request *in,
		      struct delete_acls_response_filter_result *out)
{
	struct acl_filter f = acl_filter_of(in);
	const char *fault = acl_filter_fault(&f);

	*out = (struct delete_acls_response_filter_result){.error_message = STR_NULL};
	if (!fault)
		return delete_matching(d, &f, out);
	out->error_code = ERR_INVALID_REQUEST;
	out->error_message = str_of(fault);
	return true;
}

int controller_delete_acls(struct controller *c, const struct controller_context *ctx,
			   const struct delete_acls_request *in, struct delete_acls_response *out,
			   struct record_list *records)
{
	struct deletion d = {tip(c), ctx, records, {{0}}};
	int n = in->filters.n > 0 ? in->filters.n : 0;
	bool fits = true;

	if (n > RECORDS_PER_OPERATION_MAX) /* each looks at all ACLs; Kafka accepts any number */
		return refuse_large(ctx);
	out->filter_results.v = arena_array(ctx->arena, (size_t)n, sizeof(*out->filter_results.v));
	out->filter_results.n = out->filter_results.v ? n : 0;
	str_index_init(&d.gone, ctx->random(ctx->random_arg));
	for (int i = 0; i < out->filter_results.n && fits; i++)
		fits = delete_by(&d, &in->filters.v[i], &out->filter_results.v[i]);
	str_index_fini(&d.gone);
	records->atomic = true;
	if (fits)
		return 0;
	return refuse(ctx, ERR_INVALID_REQUEST, "Cannot remove more than %d acls in a single delete operation.",
		      RECORDS_PER_OPERATION_MAX);
}
