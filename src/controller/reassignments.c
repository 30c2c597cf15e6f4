/*
 * reassignments: moves partitions to other replicas, step by step (KIP-455, KIP-860).
 *
 *	1. the new replicas join the list: new ones are `adding`, those that are to leave are `removing`
 *	2. the new ones catch up: AlterPartition brings them into the ISR
 *	3. the old ones leave, and both lists are empty (partition_change, as soon as the ISR allows it, even at once)
 *
 * A null list cancels: replicas being added leave, replicas being removed stay.
 */
#include <stdlib.h>

#include "base/err.h"
#include "controller/assignment.h"
#include "controller/internal.h"
#include "controller/partition_change.h"
#include "protocol/alter_partition_reassignments.h"
#include "protocol/list_partition_reassignments.h"

typedef struct alter_partition_reassignments_request_partition wish;

static bool is_moving(const struct image_partition *p)
{
	return partition_removing(p).n > 0 || partition_adding(p).n > 0;
}

static int compare_ids(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* Those of `a` that are not in `b`, in their order. */
static struct image_ids ids_minus(struct arena *arena, struct image_ids a, struct image_ids b)
{
	int32_t *v = arena_array(arena, (size_t)a.n + 1, sizeof(*v));
	struct image_ids out = {v, 0};

	for (int i = 0; v && i < a.n; i++)
		if (!image_ids_has(b, a.v[i]))
			v[out.n++] = a.v[i];
	return out;
}

static struct image_ids ids_minus_sorted(struct arena *arena, struct image_ids a, struct image_ids b)
{
	struct image_ids out = ids_minus(arena, a, b);

	if (out.n > 0)
		qsort((int32_t *)out.v, (size_t)out.n, sizeof(out.v[0]), compare_ids);
	return out;
}

static struct image_ids ids_then(struct arena *arena, struct image_ids a, struct image_ids b)
{
	int32_t *v = arena_array(arena, (size_t)(a.n + b.n) + 1, sizeof(*v));

	for (int i = 0; v && i < a.n + b.n; i++)
		v[i] = i < a.n ? a.v[i] : b.v[i - a.n];
	return (struct image_ids){v, v ? a.n + b.n : 0};
}

/* ---- one partition ---- */

/*
 * If only replicas that were being added are left in the ISR, the first of the others has to lead,
 * and may lack records.
 */
static struct api_error cancel(struct controller *c, const struct controller_context *ctx, const struct image_topic *t,
			       const struct image_partition *p, struct record_list *records)
{
	bool unclean = topic_allows_unclean_election(c, t->name);
	struct partition_change change;

	if (!is_moving(p))
		return (struct api_error){ERR_NO_REASSIGNMENT_IN_PROGRESS, STR_NULL};
	partition_change_init(&change, c, ctx->arena, t, p);
	change.replicas = ids_minus(ctx->arena, partition_replicas(p), partition_adding(p));
	change.isr = ids_minus(ctx->arena, partition_isr(p), partition_adding(p));
	change.removing = change.adding = (struct image_ids){NULL, 0};
	if (unclean)
		change.election = ELECT_UNCLEAN;
	if (change.isr.n == 0 && change.replicas.n == 0)
		return api_error(ctx->arena, ERR_INVALID_REPLICA_ASSIGNMENT,
				 "Invalid replica assignment: addingReplicas contains all replicas.");
	if (change.isr.n == 0) {
		if (!unclean)
			return api_error(
				ctx->arena, ERR_INVALID_REPLICA_ASSIGNMENT,
				"Unable to revert partition assignment for %.*s-%d because it would require an unclean leader "
				"election.",
				STR_ARG(t->name), p->id);
		change.isr = (struct image_ids){change.replicas.v, 1};
	}
	partition_change_build(&change, records);
	return API_OK;
}

/* The number of replicas when the present reassignment is complete. */
static int replication_factor(const struct image_partition *p)
{
	return partition_replicas(p).n - partition_removing(p).n;
}

static struct api_error move(struct controller *c, const struct controller_context *ctx, const struct image_topic *t,
			     const struct image_partition *p, struct image_ids target, bool may_resize,
			     struct record_list *records)
{
	struct assignment wanted = {target.v, target.n};
	struct image_ids now = partition_replicas(p), removing, adding;
	struct partition_change change;
	struct str message = STR_NULL;
	int err = assignment_check(tip(c), ctx, &wanted, -1, &message);

	if (err)
		return (struct api_error){err_to_kafka(err), message};
	if (!may_resize && replication_factor(p) != target.n)
		return api_error(ctx->arena, ERR_INVALID_REPLICATION_FACTOR,
				 "The replication factor is changed from %d to %d", replication_factor(p), target.n);
	removing = ids_minus_sorted(ctx->arena, now, target);
	adding = ids_minus_sorted(ctx->arena, target, now);
	partition_change_init(&change, c, ctx->arena, t, p);
	change.replicas = ids_then(ctx->arena, target, removing);
	if (removing.n > 0) /* otherwise an earlier removal continues, as in Kafka */
		change.removing = removing;
	if (adding.n > 0)
		change.adding = adding;
	partition_change_build(&change, records);
	return API_OK;
}

static struct api_error reassign(struct controller *c, const struct controller_context *ctx, struct str topic,
				 const wish *wanted, bool may_resize, struct record_list *records)
{
	const struct image_topic *t = image_topic_by_name(tip(c), topic);
	const struct image_partition *p = t ? image_topic_partition(t, wanted->partition_index) : NULL;

	if (!t)
		return api_error(ctx->arena, ERR_UNKNOWN_TOPIC_OR_PARTITION, "Unable to find a topic named %.*s.",
				 STR_ARG(topic));
	if (!p)
		return api_error(ctx->arena, ERR_UNKNOWN_TOPIC_OR_PARTITION, "Unable to find partition %.*s:%d.",
				 STR_ARG(topic), wanted->partition_index);
	if (wanted->replicas.n < 0)
		return cancel(c, ctx, t, p, records);
	return move(c, ctx, t, p, (struct image_ids){wanted->replicas.v, wanted->replicas.n}, may_resize, records);
}

/* ---- AlterPartitionReassignments ---- */

int controller_alter_partition_reassignments(struct controller *c, const struct controller_context *ctx,
					     const struct alter_partition_reassignments_request *in,
					     struct alter_partition_reassignments_response *out,
					     struct record_list *records)
{
	records->atomic = true;
	/* for an empty request Kafka returns its initial value */
	out->error_message = in->topics.n > 0 ? STR_NULL : STR("");
	out->allow_replication_factor_change = in->allow_replication_factor_change;
	out->responses.v = arena_array(ctx->arena, (size_t)in->topics.n, sizeof(*out->responses.v));
	out->responses.n = out->responses.v ? in->topics.n : 0;
	for (int32_t i = 0; i < out->responses.n; i++) {
		const struct alter_partition_reassignments_request_topic *from = &in->topics.v[i];
		struct alter_partition_reassignments_response_topic *to = &out->responses.v[i];

		to->name = from->name;
		to->partitions.v = arena_array(ctx->arena, (size_t)from->partitions.n, sizeof(*to->partitions.v));
		to->partitions.n = to->partitions.v ? from->partitions.n : 0;
		for (int32_t k = 0; k < to->partitions.n; k++) {
			struct api_error e = reassign(c, ctx, from->name, &from->partitions.v[k],
						      in->allow_replication_factor_change, records);

			to->partitions.v[k].partition_index = from->partitions.v[k].partition_index;
			to->partitions.v[k].error_code = (int16_t)e.code;
			to->partitions.v[k].error_message = e.message;
			if (records->n > RECORDS_PER_OPERATION_MAX)
				return refuse_large(ctx);
		}
	}
	return 0;
}

/* ---- ListPartitionReassignments ---- */

#define COPY_IDS(arena, out, from)                                                                                     \
	do {                                                                                                           \
		struct image_ids copy = ids_then((arena), (from), (struct image_ids){NULL, 0});                        \
		(out).v = (int32_t *)copy.v;                                                                           \
		(out).n = copy.n;                                                                                      \
	} while (0)

/* Copies, because the tip moves before the answer is sent. */
static void list_one(struct arena *a, const struct image_partition *p,
		     struct list_partition_reassignments_response_topic *to)
{
	struct list_partition_reassignments_response_partition *out;

	if (!p || !is_moving(p))
		return;
	out = &to->partitions.v[to->partitions.n++];
	out->partition_index = p->id;
	COPY_IDS(a, out->replicas, partition_replicas(p));
	COPY_IDS(a, out->adding_replicas, partition_adding(p));
	COPY_IDS(a, out->removing_replicas, partition_removing(p));
}

/* Lists n partitions: those of `ids`, or with NULL the first n. */
static void list_topic(const struct controller_context *ctx, const struct image_topic *t, const int32_t *ids, int n,
		       struct list_partition_reassignments_response *out)
{
	struct list_partition_reassignments_response_topic *to = &out->topics.v[out->topics.n];

	to->partitions.n = 0;
	to->partitions.v = arena_array(ctx->arena, (size_t)n, sizeof(*to->partitions.v));
	for (int i = 0; to->partitions.v && i < n; i++)
		list_one(ctx->arena, ids ? image_topic_partition(t, ids[i]) : t->partitions[i], to);
	if (to->partitions.n == 0)
		return;
	to->name = arena_str(ctx->arena, t->name);
	out->topics.n++;
}

static void list_all(struct controller *c, const struct controller_context *ctx,
		     struct list_partition_reassignments_response *out)
{
	const struct image_topic *t;
	struct image_iter it;

	out->topics.v = arena_array(ctx->arena, (size_t)image_topic_count(tip(c)), sizeof(*out->topics.v));
	image_topics(tip(c), &it);
	while (out->topics.v && (t = image_topics_next(&it))) {
		bool moves = false;

		for (int i = 0; i < t->n_partitions; i++)
			moves |= is_moving(t->partitions[i]);
		if (moves)
			list_topic(ctx, t, NULL, t->n_partitions, out);
	}
}

int controller_list_partition_reassignments(struct controller *c, const struct controller_context *ctx,
					    const struct list_partition_reassignments_request *in,
					    struct list_partition_reassignments_response *out,
					    struct record_list *records)
{
	(void)records;
	out->error_message = STR_NULL;
	out->topics.n = 0;
	if (in->topics.n < 0) {
		list_all(c, ctx, out);
		return 0;
	}
	out->topics.v = arena_array(ctx->arena, (size_t)in->topics.n, sizeof(*out->topics.v));
	for (int32_t i = 0; out->topics.v && i < in->topics.n; i++) {
		const struct image_topic *t = image_topic_by_name(tip(c), in->topics.v[i].name);

		if (t)
			list_topic(ctx, t, in->topics.v[i].partition_indexes.v, in->topics.v[i].partition_indexes.n,
				   out);
	}
	return 0;
}
