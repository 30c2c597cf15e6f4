/*
 * acl_world: an image that ACLs are put into and taken out of, a record at a time, for the tests of those who look them up.
 */
#ifndef ODRADEK_TESTS_METADATA_ACL_WORLD_H
#define ODRADEK_TESTS_METADATA_ACL_WORLD_H

#include "metadata/acls.h"

struct acl_world {
	const struct image *image;
	int64_t n_made; /* ids are numbers */
};

void acl_world_init(struct acl_world *w);
void acl_world_fini(struct acl_world *w);
/* Its id is made here, and given back. */
struct uuid acl_world_add(struct acl_world *w, const struct image_acl *acl);
void acl_world_remove(struct acl_world *w, struct uuid id);

/* How many to draw: what ODRADEK_DRAWS says, or this. */
int64_t acl_world_draws(int64_t otherwise);

#endif
