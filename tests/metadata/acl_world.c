/* acl_world: applies one record at a time to an image. */
#include "tests/metadata/acl_world.h"

#include <stdlib.h>
#include <string.h>

#include "tests/base/cm.h"

#include "protocol/metadata_records.h"

void acl_world_init(struct acl_world *w)
{
	*w = (struct acl_world){.image = image_new(STR("cluster"))};
}

void acl_world_fini(struct acl_world *w)
{
	image_unref(&w->image);
}

static void apply(struct acl_world *w, int16_t type, const void *body)
{
	struct metadata_record r = {type, 0, body};
	struct image_batch batch = {&r, 1, image_offset(w->image) + 1, 1, 0};
	const struct image *next;

	assert_int_equal(image_apply(w->image, &batch, &next, NULL), 0);
	image_unref(&w->image);
	w->image = next;
}

struct uuid acl_world_add(struct acl_world *w, const struct image_acl *acl)
{
	struct access_control_entry_record r = {
		.resource_type = acl->resource_type,
		.resource_name = acl->resource_name,
		.pattern_type = acl->pattern_type,
		.principal = acl->principal,
		.host = acl->host,
		.operation = acl->operation,
		.permission_type = acl->permission_type,
	};

	w->n_made++;
	memcpy(r.id.b, &w->n_made, sizeof(w->n_made));
	apply(w, RECORD_ACCESS_CONTROL_ENTRY, &r);
	return r.id;
}

void acl_world_remove(struct acl_world *w, struct uuid id)
{
	struct remove_access_control_entry_record r = {.id = id};

	apply(w, RECORD_REMOVE_ACCESS_CONTROL_ENTRY, &r);
}

int64_t acl_world_draws(int64_t otherwise)
{
	const char *told = getenv("ODRADEK_DRAWS");

	return told ? strtoll(told, NULL, 10) : otherwise;
}
