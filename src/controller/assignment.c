/*
 * assignment: checks manual assignments, and writes the record of a new partition.
 */
#include "controller/assignment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "controller/controller.h"
#include "controller/internal.h"
#include "metadata/version.h"
#include "protocol/metadata_records.h"

static int compare_ids(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static struct str what_is_wrong(const struct image *image, const struct controller_context *ctx, const int32_t *sorted,
				int n)
{
	for (int i = 0; i < n; i++) {
		const struct image_node *b = image_broker(image, sorted[i]);

		if (!b)
			return arena_printf(
				ctx->arena,
				"The manual partition assignment includes broker %d, but no such broker is registered.",
				sorted[i]);
		if (!broker_has_uncordoned_directory(b))
			return arena_printf(
				ctx->arena,
				"The manual partition assignment includes broker %d, but all its log directories are cordoned.",
				sorted[i]);
		if (i > 0 && sorted[i] == sorted[i - 1])
			return arena_printf(ctx->arena,
					    "The manual partition assignment includes the broker %d more than once.",
					    sorted[i]);
	}
	return STR_NULL;
}

int assignment_check(const struct image *image, const struct controller_context *ctx, const struct assignment *a,
		     int replicas, struct str *message)
{
	int32_t *sorted = arena_array(ctx->arena, (size_t)a->n, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	if (a->n == 0) {
		*message = STR("The manual partition assignment includes an empty replica list.");
		return ERR_INVALID_REPLICA_ASSIGNMENT;
	}
	memcpy(sorted, a->replicas, (size_t)a->n * sizeof(*sorted));
	qsort(sorted, (size_t)a->n, sizeof(*sorted), compare_ids);
	*message = what_is_wrong(image, ctx, sorted, a->n);
	if (!str_is_null(*message))
		return ERR_INVALID_REPLICA_ASSIGNMENT;
	if (replicas != -1 && a->n != replicas) {
		*message = arena_printf(
			ctx->arena,
			"The manual partition assignment includes a partition with %d replica(s), but this is not consistent "
			"with previous partitions, which have %d replica(s).",
			a->n, replicas);
		return ERR_INVALID_REPLICA_ASSIGNMENT;
	}
	return 0;
}

bool assignment_is_dead(const struct image *image, const struct assignment *a)
{
	for (int i = 0; i < a->n; i++)
		if (image_broker_is_active(image, a->replicas[i]))
			return false;
	return true;
}

int assignment_record(const struct image *image, struct record_list *records, struct uuid topic, int32_t partition,
		      const struct assignment *a)
{
	int version = metadata_version_of_partition(image_metadata_version(image));
	struct partition_record *r = record_list_add(records, RECORD_PARTITION, (int16_t)version);

	if (!r)
		return -ENOMEM;
	r->partition_id = partition;
	r->topic_id = topic;
	r->replicas.v = arena_array(records->arena, (size_t)a->n, sizeof(*r->replicas.v));
	r->isr.v = arena_array(records->arena, (size_t)a->n, sizeof(*r->isr.v));
	r->directories.v = arena_array(records->arena, (size_t)a->n, sizeof(*r->directories.v));
	if (!r->replicas.v || !r->isr.v || !r->directories.v)
		return -ENOMEM;
	memcpy(r->replicas.v, a->replicas, (size_t)a->n * sizeof(*r->replicas.v));
	r->replicas.n = a->n;
	for (int i = 0; i < a->n; i++) {
		if (image_broker_is_active(image, a->replicas[i]))
			r->isr.v[r->isr.n++] = a->replicas[i];
		r->directories.v[i] = broker_default_directory(image, a->replicas[i]);
	}
	r->directories.n = version >= 1 ? a->n : 0;
	r->leader = r->isr.v[0];
	r->leader_epoch = 0;
	r->partition_epoch = 0;
	return 0;
}
