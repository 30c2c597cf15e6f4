/*
 * authorizer: who may do what, by super.users, allow.everyone.if.no.acl.found and the ACLs of an image: Kafka's StandardAuthorizer.
 *
 * 1. A super user may do everything. For others a DENY that matches outweighs every ALLOW; without either nothing is allowed, but where no ACL
 *    at all applies to the resource, allow.everyone.if.no.acl.found decides.
 * 2. An ALLOW of READ, WRITE, DELETE or ALTER allows DESCRIBE, one of ALTER_CONFIGS allows DESCRIBE_CONFIGS. A DENY denies what it names.
 * 3. Without an image, before the metadata is there, super users alone pass.
 *
 * It never changes after authorizer_new: any thread asks.
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

/* NULL when the configuration names none. */
struct authorizer *authorizer_new(const struct config *c);
void authorizer_free(struct authorizer *a); /* NULL is fine */

struct authorizer_who {
	struct str principal; /* "User:alice" */
	struct str host;      /* as Java prints the address */
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
	const struct image_acl *acl; /* of RULE_ACL: the image's. Of several the one that Kafka names */
};

/* Is it one of super.users ("User:alice")? For any thread. */
bool authorizer_is_super(const struct authorizer *a, struct str principal);
/* image NULL: there is none yet. */
struct authorizer_verdict authorizer_decide(const struct authorizer *a, const struct image *image,
					    const struct authorizer_who *who, const struct authorizer_action *action);

/*
 * May the operation be done on at least one resource of that type? ACLs of just this operation, or of all, count; a DENY dominates an ALLOW of
 * the same literal or beneath its prefix (Authorizer.authorizeByResourceType, after its question about a name that nobody has,
 * AUTHORIZER_ANY_NAME, was answered with no).
 */
#define AUTHORIZER_ANY_NAME "hardcode"
bool authorizer_decide_any(const struct image *image, const struct authorizer_who *who, enum acl_operation operation,
			   enum acl_resource resource);

/* "SuperUser", "DefaultDeny", "MatchingAcl(acl=StandardAcl[...])", as in Kafka's lines; null when the arena is spent. */
struct str authorizer_rule_text(const struct authorizer_verdict *v, struct arena *a);

#endif
