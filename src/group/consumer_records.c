/*
 * consumer_records: builds the records of consumer groups, as Kafka's GroupCoordinatorRecordHelpers
 * does.
 */
#include <stdlib.h>
#include <string.h>

#include "group/consumer_group.h"
#include "protocol/group_records.h"

static int name_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct str *sorted(struct shard_step *step, const struct str *v, int32_t n)
{
	struct str *out = arena_array(step->arena, (size_t)n + 1, sizeof(*out));

	if (!out) {
		step->failed = true;
		return NULL;
	}
	if (n > 0)
		memcpy(out, v, (size_t)n * sizeof(*v));
	qsort(out, (size_t)n, sizeof(*out), name_cmp);
	return out;
}

void consumer_put_subscription(struct shard_step *step, struct str group, const struct consumer_view *v)
{
	const struct consumer_group_member_metadata_key key = {group, v->id};
	struct consumer_group_member_metadata_value value = {
		.instance_id = v->instance_id,
		.rack_id = v->rack_id,
		.client_id = v->client_id,
		.client_host = v->client_host,
		.subscribed_topic_names = {sorted(step, v->names, v->n_names), v->n_names},
		.subscribed_topic_regex = v->regex,
		.rebalance_timeout_ms = v->rebalance_timeout_ms,
		.server_assignor = v->assignor,
		.classic_member_metadata = v->classic,
	};

	if (!step->failed)
		GROUP_PUT(step, consumer_group_member_metadata, &key, 0, &value);
}

typedef struct consumer_group_current_member_assignment_value_topic_partitions current_topic;

static current_topic *current_topics(struct shard_step *step, const struct assign_set *s)
{
	current_topic *v = arena_array(step->arena, (size_t)s->n + 1, sizeof(*v));

	step->failed |= v == NULL;
	for (int32_t i = 0; v && i < s->n; i++)
		v[i] = (current_topic){s->v[i].id, {s->v[i].partitions, s->v[i].n}, {s->v[i].epochs, s->v[i].n}};
	return v;
}

void consumer_put_current(struct shard_step *step, struct str group, const struct consumer_view *v)
{
	const struct consumer_group_current_member_assignment_key key = {group, v->id};
	struct consumer_group_current_member_assignment_value value = {
		.member_epoch = v->epoch,
		.previous_member_epoch = v->previous_epoch,
		.state = v->state,
		.assigned_partitions = {current_topics(step, &v->assigned), v->assigned.n},
		.partitions_pending_revocation = {current_topics(step, &v->revoking), v->revoking.n},
	};

	if (!step->failed)
		GROUP_PUT(step, consumer_group_current_member_assignment, &key, 0, &value);
}

void consumer_put_target(struct shard_step *step, struct str group, struct str member, const struct assign_set *target)
{
	const struct consumer_group_target_assignment_member_key key = {group, member};
	struct consumer_group_target_assignment_member_value value = {0};
	struct consumer_group_target_assignment_member_value_topic_partition *v =
		arena_array(step->arena, (size_t)target->n + 1, sizeof(*v));

	step->failed |= v == NULL;
	for (int32_t i = 0; v && i < target->n; i++) {
		v[i].topic_id = target->v[i].id;
		v[i].partitions.v = target->v[i].partitions;
		v[i].partitions.n = target->v[i].n;
	}
	value.topic_partitions.v = v;
	value.topic_partitions.n = target->n;
	if (!step->failed)
		GROUP_PUT(step, consumer_group_target_assignment_member, &key, 0, &value);
}

void consumer_put_epoch(struct shard_step *step, struct str group, int32_t epoch, uint64_t metadata_hash)
{
	const struct consumer_group_metadata_key key = {group};
	const struct consumer_group_metadata_value value = {epoch, (int64_t)metadata_hash};

	GROUP_PUT(step, consumer_group_metadata, &key, 0, &value);
}

void consumer_put_target_epoch(struct shard_step *step, struct str group, int32_t epoch, int64_t wall_ms)
{
	const struct consumer_group_target_assignment_metadata_key key = {group};
	const struct consumer_group_target_assignment_metadata_value value = {epoch, wall_ms};

	GROUP_PUT(step, consumer_group_target_assignment_metadata, &key, 0, &value);
}

void consumer_put_regex(struct shard_step *step, struct str group, struct str pattern, struct str *topics, int32_t n,
			int64_t version, int64_t timestamp_ms)
{
	const struct consumer_group_regular_expression_key key = {group, pattern};
	struct consumer_group_regular_expression_value value = {
		.topics = {sorted(step, topics, n), n}, .version = version, .timestamp = timestamp_ms};

	if (!step->failed)
		GROUP_PUT(step, consumer_group_regular_expression, &key, 0, &value);
}

/* ---- tombstones ---- */

static void drop_current(struct shard_step *step, struct str group, struct str member)
{
	const struct consumer_group_current_member_assignment_key key = {group, member};

	GROUP_PUT_TOMBSTONE(step, consumer_group_current_member_assignment, &key);
}

static void drop_target(struct shard_step *step, struct str group, struct str member)
{
	const struct consumer_group_target_assignment_member_key key = {group, member};

	GROUP_PUT_TOMBSTONE(step, consumer_group_target_assignment_member, &key);
}

static void drop_subscription(struct shard_step *step, struct str group, struct str member)
{
	const struct consumer_group_member_metadata_key key = {group, member};

	GROUP_PUT_TOMBSTONE(step, consumer_group_member_metadata, &key);
}

void consumer_drop_member(struct shard_step *step, struct str group, struct str member)
{
	drop_current(step, group, member);
	drop_target(step, group, member);
	drop_subscription(step, group, member);
}

void consumer_drop_regex(struct shard_step *step, struct str group, struct str pattern)
{
	const struct consumer_group_regular_expression_key key = {group, pattern};

	GROUP_PUT_TOMBSTONE(step, consumer_group_regular_expression, &key);
}

void consumer_drop_partition_metadata(struct shard_step *step, struct str group)
{
	const struct consumer_group_partition_metadata_key key = {group};

	GROUP_PUT_TOMBSTONE(step, consumer_group_partition_metadata, &key);
}

static void drop_of_members(const struct consumer_group *g, struct shard_step *step, struct str gone, struct str came,
			    void (*drop)(struct shard_step *step, struct str group, struct str member))
{
	consumer_each(m, g) drop(step, str_of(g->g.id), str_eq(m->v.id, gone) ? came : m->v.id);
}

/*
 * Drops targets of entries that are not members: no decision here leaves one, but a log written by
 * another implementation may contain some.
 */
static void drop_orphan_targets(const struct consumer_group *g, struct shard_step *step)
{
	list_each(it, &g->list)
	{
		const struct consumer_member *m = container_of(it, struct consumer_member, link);

		if (!m->is_member && m->has_target)
			drop_target(step, str_of(g->g.id), m->v.id);
	}
}

void consumer_drop_group(const struct consumer_group *g, struct shard_step *step, struct str gone, struct str came)
{
	struct str id = str_of(g->g.id);
	const struct consumer_group_target_assignment_metadata_key target_key = {id};
	const struct consumer_group_metadata_key key = {id};

	drop_of_members(g, step, gone, came, drop_current);
	drop_of_members(g, step, gone, came, drop_target);
	drop_orphan_targets(g, step);
	GROUP_PUT_TOMBSTONE(step, consumer_group_target_assignment_metadata, &target_key);
	drop_of_members(g, step, gone, came, drop_subscription);
	map_each(n, &g->regexes)
	{
		const struct consumer_regex *r = container_of(n, struct consumer_regex, node);

		if (r->is_resolved)
			consumer_drop_regex(step, id, str_of(r->pattern));
	}
	consumer_drop_partition_metadata(step, id);
	GROUP_PUT_TOMBSTONE(step, consumer_group_metadata, &key);
}
