/* authorizer: the super users, matching of ACLs, and the decision on one resource or on any of a type. */
#include "security/authorizer.h"

#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "config/value.h"
#include "metadata/acls.h"
#include "security/cidr.h"

struct authorizer {
	struct arena arena;
	struct str *super_users;
	int n_super_users;
	bool allow_everyone;
};

#define WILDCARD_PRINCIPAL STR("User:*")

/* ---- configuration ---- */

/* Names are separated by semicolons. */
static void read_super_users(struct authorizer *a, struct str text)
{
	int most = 1;

	for (int32_t i = 0; i < text.len; i++)
		most += text.p[i] == ';';
	a->super_users = xcalloc((size_t)most, sizeof(a->super_users[0]));
	while (text.len > 0) {
		const char *end = memchr(text.p, ';', (size_t)text.len);
		int32_t len = end ? (int32_t)(end - text.p) : text.len;
		struct str user = str_trim((struct str){text.p, len});

		if (user.len > 0)
			a->super_users[a->n_super_users++] = arena_str(&a->arena, user);
		text.p += len + (end != NULL);
		text.len -= len + (end != NULL);
	}
}

struct authorizer *authorizer_new(const struct config *c)
{
	struct authorizer *a;

	if (config_string(c, CONFIG_AUTHORIZER_CLASS_NAME).len <= 0)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	arena_init(&a->arena, 1 << 20);
	read_super_users(a, config_super_users(c));
	a->allow_everyone = config_allow_everyone_if_no_acl_found(c);
	return a;
}

void authorizer_free(struct authorizer *a)
{
	if (!a)
		return;
	arena_fini(&a->arena);
	xfree(a->super_users);
	xfree(a);
}

/* ---- one ACL ---- */

static bool host_matches(struct str pattern, struct str host)
{
	return str_is(pattern, "*") || str_eq(pattern, host) || (cidr_is(pattern) && cidr_has(pattern, host));
}

#define BIT(operation) (1u << (operation))

static bool operation_implies(int8_t operation, enum acl_operation asked)
{
	const unsigned describe = BIT(ACL_DESCRIBE) | BIT(ACL_READ) | BIT(ACL_WRITE) | BIT(ACL_DELETE) | BIT(ACL_ALTER);
	const unsigned describe_configs = BIT(ACL_DESCRIBE_CONFIGS) | BIT(ACL_ALTER_CONFIGS);
	unsigned bit = BIT(acl_known(operation, ACL_OPERATIONS));

	return (asked == ACL_DESCRIBE && bit & describe) || (asked == ACL_DESCRIBE_CONFIGS && bit & describe_configs);
}

static bool operation_matches(const struct image_acl *acl, enum acl_operation asked)
{
	return acl->operation == ACL_ALL || acl->operation == (int8_t)asked ||
	       (acl->permission_type == ACL_ALLOW && operation_implies(acl->operation, asked));
}

/* ---- of several ---- */

static bool is_wildcard(const struct image_acl *acl)
{
	return acl->pattern_type == ACL_LITERAL && str_is(acl->resource_name, "*");
}

/* The order in which Kafka examines the ACLs that apply to a name: those of the wildcard last. */
static int compare_met(const struct image_acl *a, const struct image_acl *b)
{
	int order = is_wildcard(a) - is_wildcard(b);

	if (order == 0)
		order = b->resource_name.len - a->resource_name.len;
	if (order == 0)
		order = a->pattern_type - b->pattern_type;
	if (order == 0)
		order = a->operation - b->operation;
	if (order == 0)
		order = str_cmp(a->principal, b->principal);
	return order ? order : str_cmp(a->host, b->host);
}

/* The last ALLOW and the first DENY. */
struct found {
	const struct image_acl *allow;
	const struct image_acl *deny;
};

static void note_acl(struct found *f, const struct image_acl *acl)
{
	if (acl->permission_type == ACL_ALLOW) {
		if (!f->allow || compare_met(acl, f->allow) > 0)
			f->allow = acl;
	} else if (!f->deny || compare_met(acl, f->deny) < 0) {
		f->deny = acl;
	}
}

static void find_acls(const struct image *image, struct str principal, struct str host,
		      const struct authorizer_action *action, struct found *f)
{
	struct image_acl_walk walk;
	const struct image_acl *acl;

	image_acls_for(image, &walk, (int8_t)action->resource, principal, action->name);
	while ((acl = image_acls_for_next(&walk)))
		if (operation_matches(acl, action->operation) && host_matches(acl->host, host))
			note_acl(f, acl);
}

bool authorizer_is_super(const struct authorizer *a, struct str principal)
{
	for (int i = 0; i < a->n_super_users; i++)
		if (str_eq(a->super_users[i], principal))
			return true;
	return false;
}

struct authorizer_verdict authorizer_decide(const struct authorizer *a, const struct image *image,
					    const struct authorizer_who *who, const struct authorizer_action *action)
{
	struct found f = {0};

	if (authorizer_is_super(a, who->principal))
		return (struct authorizer_verdict){true, RULE_SUPER_USER, NULL};
	if (!image)
		return (struct authorizer_verdict){false, RULE_DEFAULT, NULL};
	find_acls(image, who->principal, who->host, action, &f);
	if (!str_eq(who->principal, WILDCARD_PRINCIPAL))
		find_acls(image, WILDCARD_PRINCIPAL, who->host, action, &f);
	if (f.deny)
		return (struct authorizer_verdict){false, RULE_ACL, f.deny};
	if (f.allow)
		return (struct authorizer_verdict){true, RULE_ACL, f.allow};
	return (struct authorizer_verdict){a->allow_everyone &&
						   !image_has_acls_for(image, (int8_t)action->resource, action->name),
					   RULE_DEFAULT, NULL};
}

/* ---- any resource of a type ---- */

struct any {
	const struct image *image;
	const struct authorizer_who *who;
	enum acl_operation operation;
	enum acl_resource resource;
};

static bool any_matches(const struct any *q, const struct image_acl *acl)
{
	return (acl->operation == ACL_ALL || acl->operation == (int8_t)q->operation) &&
	       host_matches(acl->host, q->who->host);
}

/* Whether what an ALLOW permits is denied for the same literal, or for a prefix. */
static bool is_dominated_for(const struct any *q, struct str principal, const struct image_acl *allow)
{
	struct image_acl_walk walk;
	const struct image_acl *acl;

	image_acls_for(q->image, &walk, (int8_t)q->resource, principal, allow->resource_name);
	while ((acl = image_acls_for_next(&walk))) {
		bool counts = acl->pattern_type == ACL_PREFIXED ? acl->resource_name.len > 0
								: allow->pattern_type == ACL_LITERAL;

		if (counts && acl->permission_type == ACL_DENY && any_matches(q, acl))
			return true;
	}
	return false;
}

static bool is_dominated(const struct any *q, const struct image_acl *allow)
{
	return is_dominated_for(q, q->who->principal, allow) || is_dominated_for(q, WILDCARD_PRINCIPAL, allow);
}

/* Whether the wildcard resource has an ACL with this permission, for the principal or for everybody. */
static bool wildcard_has(const struct any *q, enum acl_permission permission)
{
	struct str principals[] = {q->who->principal, WILDCARD_PRINCIPAL};

	for (int i = 0; i < 2; i++) {
		struct image_acl_walk walk;
		const struct image_acl *acl;

		image_acls_for(q->image, &walk, (int8_t)q->resource, principals[i], STR("*"));
		while ((acl = image_acls_for_next(&walk)))
			if (is_wildcard(acl) && acl->permission_type == (int8_t)permission && any_matches(q, acl))
				return true;
	}
	return false;
}

static bool any_allow(const struct any *q, struct str principal)
{
	const struct image_acl *acl;
	struct image_iter it;

	image_acls_of(q->image, &it, (int8_t)q->resource, principal);
	while ((acl = image_acls_next(&it)) && acl->resource_type == (int8_t)q->resource &&
	       str_eq(acl->principal, principal))
		if (acl->permission_type == ACL_ALLOW && any_matches(q, acl) && !is_dominated(q, acl))
			return true;
	return false;
}

bool authorizer_decide_any(const struct image *image, const struct authorizer_who *who, enum acl_operation operation,
			   enum acl_resource resource)
{
	struct any q = {image, who, operation, resource};

	if (!image || wildcard_has(&q, ACL_DENY))
		return false;
	return wildcard_has(&q, ACL_ALLOW) || any_allow(&q, who->principal) || any_allow(&q, WILDCARD_PRINCIPAL);
}

/* ---- words ---- */

struct str authorizer_rule_text(const struct authorizer_verdict *v, struct arena *a)
{
	const struct image_acl *acl = v->acl;

	if (v->rule == RULE_SUPER_USER)
		return STR("SuperUser");
	if (v->rule == RULE_DEFAULT)
		return v->allowed ? STR("DefaultAllow") : STR("DefaultDeny");
	return arena_printf(a,
			    "MatchingAcl(acl=StandardAcl[resourceType=%s, resourceName=%.*s, patternType=%s, "
			    "principal=%.*s, host=%.*s, operation=%s, permissionType=%s])",
			    acl_resource_name(acl->resource_type)->upper, STR_ARG(acl->resource_name),
			    acl_pattern_name(acl->pattern_type), STR_ARG(acl->principal), STR_ARG(acl->host),
			    acl_operation_name(acl->operation)->upper, acl_permission_name(acl->permission_type));
}
