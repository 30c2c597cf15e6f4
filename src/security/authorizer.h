/*
 * authorizer: decides whether a principal may do something, by super.users,
 * allow.everyone.if.no.acl.found and the ACLs of an image, as Kafka's StandardAuthorizer does.
 *
 * 1. A super user may do everything. For others a matching DENY outweighs every ALLOW; without
 *    either nothing is allowed, except that allow.everyone.if.no.acl.found decides if no ACL at all
 *    applies to the resource.
 * 2. An ALLOW of READ, WRITE, DELETE or ALTER also allows DESCRIBE, and one of ALTER_CONFIGS also
 *    DESCRIBE_CONFIGS. A DENY denies only what it names.
 * 3. Without an image, before the metadata is loaded, only super users pass.
 *
 * It never changes after authorizer_new: any thread may use it.
 */
#ifndef ODRADEK_SECURITY_AUTHORIZER_H
#define ODRADEK_SECURITY_AUTHORIZER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "security/acl.h"

struct authorizer;
struct config;
struct image;
struct image_acl;

#define STANDARD_AUTHORIZER "org.apache.kafka.metadata.authorizer.StandardAuthorizer"

/* NULL when the configuration does not name an authorizer. */
struct authorizer *authorizer_new(const struct config *c);
void authorizer_free(struct authorizer *a); /* NULL is fine */

struct authorizer_who {
	struct str principal; /* "User:alice" */
	struct str host;      /* the address as Java prints it */
};

struct authorizer_action {
	enum acl_operation operation;
	enum acl_resource resource;
	struct str name;
};

enum authorizer_rule { RULE_DEFAULT, RULE_SUPER_USER, RULE_ACL };

struct authorizer_verdict {
	bool allowed;
	enum authorizer_rule rule;
	const struct image_acl *acl; /* for RULE_ACL: in the image; if several match, the one Kafka reports */
};

/* Whether the principal ("User:alice") is one of super.users. Any thread. */
bool authorizer_is_super(const struct authorizer *a, struct str principal);
/* image NULL: there is none yet. */
struct authorizer_verdict authorizer_decide(const struct authorizer *a, const struct image *image,
					    const struct authorizer_who *who, const struct authorizer_action *action);

/*
 * Whether the operation is allowed on at least one resource of that type. Only ACLs of exactly this
 * operation, or of ALL, count; a DENY dominates an ALLOW of the same literal or of a name under its
 * prefix (Authorizer.authorizeByResourceType, after its question about a name that nothing has,
 * AUTHORIZER_ANY_NAME, was answered with no).
 */
#define AUTHORIZER_ANY_NAME "hardcode"
bool authorizer_decide_any(const struct image *image, const struct authorizer_who *who, enum acl_operation operation,
			   enum acl_resource resource);

/*
 * "SuperUser", "DefaultDeny", "MatchingAcl(acl=StandardAcl[...])", as in Kafka's log; null when the
 * arena's budget is spent.
 */
struct str authorizer_rule_text(const struct authorizer_verdict *v, struct arena *a);

#endif
