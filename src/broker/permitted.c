/*
 * permitted: checks each name once, and sorts.
 */
#include "broker/permitted.h"

#include "base/str_index.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/permission.h"

bool permitted_sort(struct request *r, enum acl_operation op, enum acl_resource type, const struct str *names, int n,
		    struct permitted *out)
{
	struct str *may_not = arena_array(&r->arena, (size_t)n + 1, sizeof(*may_not));
	int n_may_not = 0;

	*out = (struct permitted){.v = arena_array(&r->arena, (size_t)n + 1, sizeof(*out->v)), .n = n};
	if (!may_not || !out->v)
		return false;
	for (int i = 0; i < n; i++) {
		if (request_may(r, op, type, names[i]))
			out->v[out->n_may++] = names[i];
		else
			may_not[n_may_not++] = names[i];
	}
	for (int i = 0; i < n_may_not; i++)
		out->v[out->n_may + i] = may_not[i];
	return true;
}

bool *permitted_each(struct request *r, enum acl_operation op, enum acl_resource type, const struct str *names, int n)
{
	bool *may = arena_array(&r->arena, (size_t)n + 1, sizeof(*may));
	struct str_index counts; /* one less than how often each is named */

	str_index_init(&counts, env_random_u64(r->core->loop->env));
	for (int i = 0; may && i < n; i++)
		++*str_index_at(&counts, names[i]);
	for (int i = 0; may && i < n; i++)
		may[i] = *str_index_at(&counts, names[i]) > 0 || request_may(r, op, type, names[i]);
	str_index_fini(&counts);
	return may;
}

int32_t permitted_on_cluster(struct request *r)
{
	return request_may_cluster(r, ACL_DESCRIBE) ? request_operations(r, ACL_CLUSTER, STR(ACL_CLUSTER_NAME)) : 0;
}
