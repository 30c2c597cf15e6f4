/*
 * acls: the ACLs of an image, found by id and by resource.
 *
 * 1. A look-up takes a few steps down a tree for each pattern that may match (the literal, its
 *    existing prefixes, the wildcard), regardless of the number of other ACLs.
 * 2. The contents of an ACL are as in its record: numbers unknown to this release, and principals
 *    that are malformed, match nobody.
 * 3. ACLs live as long as the image. Any thread.
 */
#ifndef ODRADEK_METADATA_ACLS_H
#define ODRADEK_METADATA_ACLS_H

#include "metadata/image.h"

/* Kafka's PatternType; src/security has names for the other numbers. */
enum image_acl_pattern { IMAGE_ACL_LITERAL = 3, IMAGE_ACL_PREFIXED = 4 };

struct image_acl {
	int refs;
	int8_t resource_type; /* numbers are Kafka's, here (ResourceType) and below */
	int8_t pattern_type;
	int8_t operation;
	int8_t permission_type;
	struct uuid id;
	struct str resource_name;
	struct str principal; /* such as "User:alice" */
	struct str host;
};

int image_acl_count(const struct image *i);
const struct image_acl *image_acl(const struct image *i, struct uuid id); /* NULL when there is none */
/* An ACL with the same contents, whatever its id; NULL when there is none. */
const struct image_acl *image_acl_like(const struct image *i, const struct image_acl *like);

void image_acls(const struct image *i, struct image_iter *it); /* by id */
/*
 * The ACLs of one resource type for one principal: longer names before their prefixes, literal
 * before prefixed.
 */
void image_acls_of(const struct image *i, struct image_iter *it, int8_t resource_type, struct str principal);
/* NULL after the last; image_acls_of continues with those of others */
const struct image_acl *image_acls_next(struct image_iter *it);

/* The ACLs for one principal that apply to one name: literal, prefixed, and the wildcard's. */
struct image_acl_walk {
	const struct image *image;
	struct image_acl probe;
	struct str name;
	struct str next_name; /* ACLs before this pattern do not apply */
	int8_t next_pattern_type;
	int8_t skipped;
	bool at_wildcard;
	struct image_iter it;
};

void image_acls_for(const struct image *i, struct image_acl_walk *w, int8_t resource_type, struct str principal,
		    struct str name);
const struct image_acl *image_acls_for_next(struct image_acl_walk *w); /* NULL after the last */

/* Is there any ACL that applies to the name, for whatever principal? */
bool image_has_acls_for(const struct image *i, int8_t resource_type, struct str name);

#endif
