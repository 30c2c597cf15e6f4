/*
 * acl_world: an image to which ACLs are added, and removed again, one record at a time, for tests
 * of code that looks them up.
 */
#ifndef ODRADEK_TESTS_METADATA_ACL_WORLD_H
#define ODRADEK_TESTS_METADATA_ACL_WORLD_H

#include "metadata/acls.h"

struct acl_world {
	const struct image *image;
	int64_t n_made; /* ids are consecutive numbers */
};

void acl_world_init(struct acl_world *w);
void acl_world_fini(struct acl_world *w);
/* Generates its id and returns it. */
struct uuid acl_world_add(struct acl_world *w, const struct image_acl *acl);
void acl_world_remove(struct acl_world *w, struct uuid id);

/* The number of random draws: the value of ODRADEK_DRAWS, or this default. */
int64_t acl_world_draws(int64_t otherwise);

#endif
