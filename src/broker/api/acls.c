/*
 * DescribeAcls, which every node answers, CreateAcls and DeleteAcls, which the controller decides.
 * Without an authorizer they are answered SECURITY_DISABLED, as in Kafka.
 *
 * Requests that Kafka's classes refuse to construct, with a number 0 (unknown) or, in version 0,
 * with a pattern type other than literal, close the connection.
 */
#include <stdlib.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/forward.h"
#include "broker/permission.h"
#include "protocol/create_acls.h"
#include "protocol/delete_acls.h"
#include "protocol/describe_acls.h"
#include "security/acl_filter.h"

static void describe_fail(struct request *r, int err, struct str message)
{
	struct describe_acls_response *out = r->out;

	out->error_code = (int16_t)err;
	out->error_message = answer_words(err, message);
}

static void create_fail(struct request *r, int err, struct str message)
{
	const struct create_acls_request *in = r->in;
	struct create_acls_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->results, create_acls_response_result_schema, in->creations.n))
		return;
	for (int i = 0; i < out->results.n; i++) {
		out->results.v[i].error_code = (int16_t)err;
		out->results.v[i].error_message = answer_words(err, message);
	}
}

static void delete_fail(struct request *r, int err, struct str message)
{
	const struct delete_acls_request *in = r->in;
	struct delete_acls_response *out = r->out;

	if (!ANSWER_ARRAY(r, out->filter_results, delete_acls_response_filter_result_schema, in->filters.n))
		return;
	for (int i = 0; i < out->filter_results.n; i++) {
		out->filter_results.v[i].error_code = (int16_t)err;
		out->filter_results.v[i].error_message = answer_words(err, message);
	}
}

/* ---- checking the request ---- */

/* In version 0, before pattern types existed, ANY means literal. False: Kafka's class refuses it. */
static bool pattern_is_sound(const struct request *r, int8_t *pattern_type)
{
	if (r->version == 0 && *pattern_type == ACL_ANY_PATTERN)
		*pattern_type = ACL_LITERAL;
	return *pattern_type != ACL_UNKNOWN_PATTERN && (r->version > 0 || *pattern_type == ACL_LITERAL);
}

static bool filter_is_sound(const struct request *r, struct acl_filter *f)
{
	return pattern_is_sound(r, &f->pattern_type) && f->resource_type != ACL_UNKNOWN_RESOURCE &&
	       f->operation != ACL_UNKNOWN_OPERATION && f->permission_type != ACL_UNKNOWN_PERMISSION;
}

static bool creations_are_sound(const struct request *r, const struct create_acls_request *in)
{
	for (int32_t i = 0; i < in->creations.n; i++) {
		const struct create_acls_request_creation *n = &in->creations.v[i];

		if (n->resource_pattern_type == ACL_UNKNOWN_PATTERN || n->resource_type == ACL_UNKNOWN_RESOURCE ||
		    n->operation == ACL_UNKNOWN_OPERATION || n->permission_type == ACL_UNKNOWN_PERMISSION ||
		    (r->version == 0 && n->resource_pattern_type != ACL_LITERAL))
			return false;
	}
	return true;
}

/* The list belongs to the request, in its arena, and may be changed. */
static bool filters_are_sound(const struct request *r, const struct delete_acls_request *in)
{
	for (int32_t i = 0; i < in->filters.n; i++) {
		struct describe_acls_request *n = &in->filters.v[i];

		if (!pattern_is_sound(r, &n->pattern_type_filter) || n->resource_type_filter == ACL_UNKNOWN_RESOURCE ||
		    n->operation == ACL_UNKNOWN_OPERATION || n->permission_type == ACL_UNKNOWN_PERMISSION)
			return false;
	}
	return true;
}

/* ---- CreateAcls, DeleteAcls ---- */

static enum outcome alter(struct request *r)
{
	if (!request_has_authorizer(r))
		return request_fail(r, ERR_SECURITY_DISABLED, STR("No Authorizer is configured."));
	return forward_run(r);
}

static enum outcome create(struct request *r)
{
	return creations_are_sound(r, r->in) ? alter(r) : HANG_UP;
}

static enum outcome delete (struct request *r) { return filters_are_sound(r, r->in) ? alter(r) : HANG_UP; }

/* ---- DescribeAcls ---- */

typedef const struct image_acl *acl_ref;

static int compare(const void *a, const void *b)
{
	const struct image_acl *x = *(const acl_ref *)a;
	const struct image_acl *y = *(const acl_ref *)b;
	int order = x->resource_type - y->resource_type;

	if (order == 0)
		order = str_cmp(x->resource_name, y->resource_name);
	if (order == 0)
		order = x->pattern_type - y->pattern_type;
	if (order == 0)
		order = str_cmp(x->principal, y->principal);
	if (order == 0)
		order = x->operation - y->operation;
	if (order == 0)
		order = str_cmp(x->host, y->host);
	return order ? order : x->permission_type - y->permission_type;
}

static bool same_pattern(const struct image_acl *a, const struct image_acl *b)
{
	return a->resource_type == b->resource_type && a->pattern_type == b->pattern_type &&
	       str_eq(a->resource_name, b->resource_name);
}

/* The matching ACLs, in order; NULL when the arena is spent. */
static acl_ref *matching(struct request *r, const struct acl_filter *f, int *n)
{
	acl_ref *v = arena_array(&r->arena, (size_t)image_acl_count(r->image) + 1, sizeof(acl_ref));
	struct image_iter it;
	acl_ref acl;

	*n = 0;
	if (!v)
		return NULL;
	image_acls(r->image, &it);
	while ((acl = image_acls_next(&it)))
		if (acl_filter_has(f, acl))
			v[(*n)++] = acl;
	qsort(v, (size_t)*n, sizeof(acl_ref), compare);
	return v;
}

static bool put_resource(struct request *r, const acl_ref *v, int n, struct describe_acls_response_resource *out)
{
	out->resource_type = v[0]->resource_type;
	out->resource_name = v[0]->resource_name;
	out->pattern_type = v[0]->pattern_type;
	if (!ANSWER_ARRAY(r, out->acls, describe_acls_response_acl_schema, n))
		return false;
	for (int i = 0; i < n; i++)
		out->acls.v[i] = (struct describe_acls_response_acl){v[i]->principal, v[i]->host, v[i]->operation,
								     v[i]->permission_type};
	return true;
}

/* Adds one element per pattern. */
static bool put_resources(struct request *r, const acl_ref *v, int n)
{
	struct describe_acls_response *out = r->out;
	int patterns = 0;

	for (int i = 0; i < n; i++)
		patterns += i == 0 || !same_pattern(v[i - 1], v[i]);
	if (!ANSWER_ARRAY(r, out->resources, describe_acls_response_resource_schema, patterns))
		return false;
	patterns = 0;
	for (int from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && same_pattern(v[from], v[to]);)
			to++;
		if (!put_resource(r, v + from, to - from, &out->resources.v[patterns++]))
			return false;
	}
	return true;
}

static enum outcome describe(struct request *r)
{
	struct acl_filter f = acl_filter_of(r->in);
	acl_ref *v;
	int n;

	if (!filter_is_sound(r, &f))
		return HANG_UP;
	if (!request_has_authorizer(r))
		return request_fail(r, ERR_SECURITY_DISABLED, STR("No Authorizer is configured on the broker"));
	if (!r->image)
		return REPLY;
	v = matching(r, &f, &n);
	return v && put_resources(r, v, n) ? REPLY : HANG_UP;
}

#define ROW(name, more, operation, handler, failing)                                                                   \
	const struct api api_##name = {                                                                                \
		.key = name##_request_KEY,                                                                             \
		.first = name##_request_FIRST,                                                                         \
		.last = name##_request_LAST,                                                                           \
		.flags = API_BROKER | API_CONTROLLER | (more),                                                         \
		.acl_operation = (operation),                                                                          \
		.in = &name##_request_schema,                                                                          \
		.out = &name##_response_schema,                                                                        \
		.run = (handler),                                                                                      \
		.fail = (failing),                                                                                     \
	}

ROW(describe_acls, 0, ACL_DESCRIBE, describe, describe_fail);
ROW(create_acls, API_FORWARD, ACL_ALTER, create, create_fail);
ROW(delete_acls, API_FORWARD, ACL_ALTER, delete, delete_fail);
