/*
 * acls: the ACLs of an image, found by id and by what they say of a resource.
 *
 * 1. A look-up costs steps down a tree, one for each pattern on the way (the literal, its prefixes that are there, the wildcard), however many
 *    ACLs there are for others.
 * 2. What an ACL says is as its record had it: numbers that this release does not know, and principals that are none, match nobody.
 * 3. ACLs live as long as the image. Any thread.
 */
#ifndef ODRADEK_METADATA_ACLS_H
#define ODRADEK_METADATA_ACLS_H

#include "metadata/image.h"

/* Kafka's PatternType; the names of the other numbers are the room security's. */
enum image_acl_pattern { IMAGE_ACL_LITERAL = 3, IMAGE_ACL_PREFIXED = 4 };

struct image_acl {
	int refs;
	int8_t resource_type; /* Kafka's ResourceType; and so on */
	int8_t pattern_type;
	int8_t operation;
	int8_t permission_type;
	struct uuid id;
	struct str resource_name;
	struct str principal; /* "User:alice" */
	struct str host;
};

int image_acl_count(const struct image *i);
const struct image_acl *image_acl(const struct image *i, struct uuid id); /* NULL when there is none */
/* One that says the same, whatever its id; NULL when there is none. */
const struct image_acl *image_acl_like(const struct image *i, const struct image_acl *like);

void image_acls(const struct image *i, struct image_iter *it); /* by id */
/* Those of one type of resource for one principal: a name's longer ones before its prefixes, literal before prefixed. */
void image_acls_of(const struct image *i, struct image_iter *it, int8_t resource_type, struct str principal);
/* NULL after the last; of image_acls_of those of others follow. */
const struct image_acl *image_acls_next(struct image_iter *it);

/* The ACLs for one principal that apply to one name: literal, prefixed, and the wildcard's. */
struct image_acl_walk {
	const struct image *image;
	struct image_acl probe;
	struct str name;
	struct str next_name; /* what comes before this pattern does not apply */
	int8_t next_pattern_type;
	int8_t skipped;
	bool at_wildcard;
	struct image_iter it;
};

void image_acls_for(const struct image *i, struct image_acl_walk *w, int8_t resource_type, struct str principal,
		    struct str name);
const struct image_acl *image_acls_for_next(struct image_acl_walk *w); /* NULL after the last */

/* Is there any that applies to the name, whoever it is for? */
bool image_has_acls_for(const struct image *i, int8_t resource_type, struct str name);

#endif
