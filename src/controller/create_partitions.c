/*
 * CreatePartitions: adds partitions to a topic, with the replication factor of its first partition
 * (ReplicationControlManager).
 */
#include <errno.h>

#include "base/err.h"
#include "base/str_index.h"
#include "controller/assignment.h"
#include "controller/controller.h"
#include "controller/internal.h"
#include "controller/placement.h"
#include "protocol/create_partitions.h"

typedef struct create_partitions_request_topic growth;
typedef struct create_partitions_response_result growth_answer;

static int refuse_topic(growth_answer *a, int err, struct str message)
{
	a->error_code = (int16_t)err;
	a->error_message = message;
	return err;
}

static int check_count(const struct controller_context *ctx, const struct image_topic *t, const growth *in,
		       growth_answer *a)
{
	int more;

	if (in->count == t->n_partitions)
		return refuse_topic(a, ERR_INVALID_PARTITIONS,
				    arena_printf(ctx->arena, "Topic already has %d partition(s).", t->n_partitions));
	if (in->count < t->n_partitions)
		return refuse_topic(
			a, ERR_INVALID_PARTITIONS,
			arena_printf(ctx->arena,
				     "The topic %.*s currently has %d partition(s); %d would not be an increase.",
				     STR_ARG(in->name), t->n_partitions, in->count));
	more = in->count - t->n_partitions;
	if (in->assignments.n >= 0 && in->assignments.n != more)
		return refuse_topic(
			a, ERR_INVALID_REPLICA_ASSIGNMENT,
			arena_printf(
				ctx->arena,
				"Attempted to add %d additional partition(s), but only %d assignment(s) were specified.",
				more, in->assignments.n));
	return 0;
}

static int add_manual(const struct image *now, const struct controller_context *ctx, const struct image_topic *t,
		      const growth *in, struct record_list *records, growth_answer *a)
{
	int replicas = partition_replicas(t->partitions[0]).n, err;

	for (int i = 0; i < in->assignments.n; i++) {
		struct assignment one = {in->assignments.v[i].broker_ids.v, in->assignments.v[i].broker_ids.n};
		struct str message;

		err = assignment_check(now, ctx, &one, replicas, &message);
		if (err)
			return err > 0 ? refuse_topic(a, err, message) : err;
		if (assignment_is_dead(now, &one))
			return refuse_topic(
				a, ERR_INVALID_REPLICA_ASSIGNMENT,
				arena_printf(
					ctx->arena,
					"All brokers specified in the manual partition assignment for partition %d are "
					"fenced or in controlled shutdown.",
					t->n_partitions + i));
		err = assignment_record(now, records, t->id, t->n_partitions + i, &one);
		if (err)
			return err;
	}
	return 0;
}

static int add_placed(const struct image *now, const struct controller_context *ctx, const struct image_topic *t,
		      const growth *in, struct record_list *records, growth_answer *a)
{
	int replicas = partition_replicas(t->partitions[0]).n;
	struct placement *placement;
	struct str message = STR_NULL;
	int err = placement_new(now, ctx, replicas, &placement, &message);

	if (err)
		return err > 0 ? refuse_topic(a, err, message) : err;
	for (int i = t->n_partitions; i < in->count; i++) {
		int32_t *ids = arena_array(ctx->arena, (size_t)replicas, sizeof(*ids));
		struct assignment one = {ids, replicas};

		if (!ids)
			return -ENOMEM;
		placement_next(placement, ids);
		if (assignment_is_dead(now, &one))
			return refuse_topic(
				a, ERR_INVALID_REPLICATION_FACTOR,
				arena_printf(
					ctx->arena,
					"Unable to replicate the partition %d time(s): All brokers are currently fenced or in "
					"controlled shutdown.",
					replicas));
		err = assignment_record(now, records, t->id, i, &one);
		if (err)
			return err;
	}
	return 0;
}

/* 0, the topic's error (which is in the answer), one for the whole request, or -ENOMEM. */
static int grow(struct controller *c, const struct controller_context *ctx, const growth *in,
		struct record_list *records, growth_answer *a)
{
	const struct image *now = tip(c);
	const struct image_topic *t = image_topic_by_name(now, in->name);
	struct api_error e;
	int err, before = records->n;

	if (!t || t->n_partitions == 0)
		return refuse_topic(a, ERR_UNKNOWN_TOPIC_OR_PARTITION, STR_NULL);
	err = check_count(ctx, t, in, a);
	if (err)
		return err;
	e = check_quota(ctx, in->count - t->n_partitions);
	if (e.code)
		return refuse_topic(a, e.code, e.message);
	err = in->assignments.n >= 0 ? add_manual(now, ctx, t, in, records, a)
				     : add_placed(now, ctx, t, in, records, a);
	if (err)
		records->n = before; /* all of a topic's new partitions, or none */
	return err;
}

/* Counts only topics that are named once. */
static bool are_too_many(const struct controller *c, const struct create_partitions_request *in,
			 struct str_index *counts)
{
	int64_t n = 0;

	for (int i = 0; i < in->topics.n; i++) {
		const struct image_topic *t = image_topic_by_name(tip(c), in->topics.v[i].name);

		if (t && *str_index_at(counts, in->topics.v[i].name) == 0 && in->topics.v[i].count > t->n_partitions)
			n += in->topics.v[i].count - t->n_partitions;
	}
	return n > RECORDS_PER_OPERATION_MAX;
}

static growth_answer *next_answer(struct create_partitions_response *out, struct str name)
{
	growth_answer *a = &out->results.v[out->results.n++];

	*a = *(const growth_answer *)create_partitions_response_result_schema.defaults;
	a->name = name;
	return a;
}

/* `counts`: one less than how often each name occurs. */
static void refuse_duplicates(const struct create_partitions_request *in, struct str_index *counts,
			      struct create_partitions_response *out)
{
	for (int i = 0; i < in->topics.n; i++)
		if (++*str_index_at(counts, in->topics.v[i].name) == 1)
			refuse_topic(next_answer(out, in->topics.v[i].name), ERR_INVALID_REQUEST,
				     STR("Duplicate topic name."));
}

static int grow_all(struct controller *c, const struct controller_context *ctx,
		    const struct create_partitions_request *in, struct str_index *counts,
		    struct create_partitions_response *out, struct record_list *records)
{
	for (int i = 0; i < in->topics.n; i++) {
		int err;

		if (*str_index_at(counts, in->topics.v[i].name) > 0)
			continue;
		err = grow(c, ctx, &in->topics.v[i], records, next_answer(out, in->topics.v[i].name));
		if (records->n > RECORDS_PER_OPERATION_MAX)
			return refuse_large(ctx);
		if (err < 0)
			return err;
	}
	return 0;
}

int controller_create_partitions(struct controller *c, const struct controller_context *ctx,
				 const struct create_partitions_request *in, struct create_partitions_response *out,
				 struct record_list *records)
{
	struct str_index counts;
	int err;

	if (in->topics.n > RECORDS_PER_OPERATION_MAX)
		return refuse_large(ctx);
	out->results.v = arena_array(ctx->arena, (size_t)in->topics.n, sizeof(*out->results.v));
	if (!out->results.v)
		return -ENOMEM;
	out->results.n = 0;
	records->atomic = true;
	str_index_init(&counts, ctx->random(ctx->random_arg));
	refuse_duplicates(in, &counts, out);
	if (are_too_many(c, in, &counts))
		err = refuse(ctx, ERR_POLICY_VIOLATION,
			     "Excessively large number of additional partitions per request.");
	else
		err = grow_all(c, ctx, in, &counts, out, records);
	str_index_fini(&counts);
	if (err == 0 && in->validate_only)
		records->n = 0;
	return err;
}
