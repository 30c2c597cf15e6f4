/*
 * consumer_apply: applies the records of consumer groups to the state (GroupMetadataManager's
 * replay methods).
 *
 * In a compacted log the records of a group may not be in the order in which they were written:
 * each creates what it needs. Tombstones of things that do not exist are ignored. What makes Kafka
 * stop (a group's tombstone while it has members) is an error.
 */
#include <errno.h>

#include "group/classic.h"
#include "group/consumer_group.h"
#include "metadata/image.h"
#include "protocol/group_records.h"

/* Whether it exists only for its offsets. */
static bool is_simple(struct group *g)
{
	return group_is_classic(g) && classic_of(g)->protocol_type == NULL && classic_of(g)->n_members == 0;
}

/*
 * Finds the group a record is about, creating it if `make`. A group without members and protocol,
 * which exists only for its offsets, is replaced. *out is NULL when there is none and none is to be
 * made. -EBADMSG: it is a group of another kind.
 */
static int group_need(struct group_shard *s, struct str id, bool make, struct consumer_group **out)
{
	struct group *g = group_find(s, id);

	*out = NULL;
	if (group_is_consumer(g)) {
		*out = consumer_of(g);
		return 0;
	}
	if (g && !(make && is_simple(g)))
		return g && make ? -EBADMSG : 0;
	if (!make)
		return 0;
	if (g)
		group_drop(s, g);
	*out = consumer_group_new(s, id);
	group_add(s, &(*out)->g, &group_consumer, id);
	return 0;
}

int consumer_apply_group(struct group_shard *s, const void *k, const void *v, const struct shard_position *at)
{
	const struct consumer_group_metadata_key *key = k;
	const struct consumer_group_metadata_value *value = v;
	struct consumer_group *g;
	int err = group_need(s, key->group_id, value != NULL, &g);

	if (err || !g)
		return err;
	if (value) {
		g->epoch = value->epoch;
		g->metadata_hash = (uint64_t)value->metadata_hash;
		return 0;
	}
	if (g->n_members > 0 || g->n_targets > 0 || g->assignment_epoch != -1)
		return -EBADMSG;
	group_drop(s, &g->g);
	return 0;
}

int consumer_apply_partition_metadata(struct group_shard *s, const void *k, const void *v,
				      const struct shard_position *at)
{
	const struct consumer_group_partition_metadata_key *key = k;
	struct consumer_group *g;
	int err = group_need(s, key->group_id, v != NULL, &g);

	if (!err && g)
		g->has_partition_metadata = v != NULL;
	return err;
}

int consumer_apply_subscription(struct group_shard *s, const void *k, const void *v, const struct shard_position *at)
{
	const struct consumer_group_member_metadata_key *key = k;
	const struct consumer_group_member_metadata_value *value = v;
	struct consumer_group *g;
	struct consumer_member *m;
	struct consumer_view view;
	int err = group_need(s, key->group_id, value != NULL, &g);

	if (err || !g)
		return err;
	if (!value) {
		m = consumer_member(g, key->member_id);
		if (m && (m->v.epoch != CONSUMER_LEAVE_EPOCH || m->has_target))
			return -EBADMSG;
		if (m)
			consumer_remove(s, m);
		return 0;
	}
	view = consumer_view_new(key->member_id);
	view.instance_id = value->instance_id;
	view.rack_id = value->rack_id;
	view.client_id = value->client_id;
	view.client_host = value->client_host;
	view.regex = value->subscribed_topic_regex;
	view.rebalance_timeout_ms = value->rebalance_timeout_ms;
	view.assignor = value->server_assignor;
	view.classic = value->classic_member_metadata;
	if (view.classic && view.classic->supported_protocols.n == 0)
		return -EBADMSG;
	view.names = consumer_names(at->arena, value->subscribed_topic_names.v, value->subscribed_topic_names.n,
				    &view.n_names);
	if (!view.names)
		return -ENOMEM;
	consumer_set_subscription(consumer_entry_need(s, g, key->member_id), &view);
	return 0;
}

int consumer_apply_target_epoch(struct group_shard *s, const void *k, const void *v, const struct shard_position *at)
{
	const struct consumer_group_target_assignment_metadata_key *key = k;
	const struct consumer_group_target_assignment_metadata_value *value = v;
	struct consumer_group *g;
	int err = group_need(s, key->group_id, value != NULL, &g);

	if (err || !g)
		return err;
	if (!value && g->n_targets > 0)
		return -EBADMSG;
	g->assignment_epoch = value ? value->assignment_epoch : -1;
	g->assignment_ms = value ? value->assignment_timestamp : 0;
	return 0;
}

int consumer_apply_target(struct group_shard *s, const void *k, const void *v, const struct shard_position *at)
{
	const struct consumer_group_target_assignment_member_key *key = k;
	const struct consumer_group_target_assignment_member_value *value = v;
	struct consumer_group *g;
	struct consumer_member *m;
	struct assign_set set;
	int err = group_need(s, key->group_id, value != NULL, &g);

	if (err || !g)
		return err;
	if (!value) {
		m = consumer_entry(g, key->member_id);
		if (m && m->has_target)
			consumer_set_target(m, NULL);
		return 0;
	}
	set = (struct assign_set){value->topic_partitions.n,
				  arena_array(at->arena, (size_t)value->topic_partitions.n + 1, sizeof(*set.v))};
	if (!set.v)
		return -ENOMEM;
	for (int32_t i = 0; i < set.n; i++) {
		const struct consumer_group_target_assignment_member_value_topic_partition *t =
			&value->topic_partitions.v[i];

		set.v[i] = (struct assign_topic){t->topic_id, t->partitions.n, t->partitions.v, NULL};
	}
	order_target(&set);
	consumer_set_target(consumer_entry_need(s, g, key->member_id), &set);
	return 0;
}

typedef struct consumer_group_current_member_assignment_value_topic_partitions topic_partitions;

/*
 * Where assignment epochs are missing (records from before 4.3), or their number does not match
 * that of the partitions, the member's epoch is used.
 */
static bool read_current(struct arena *a, const topic_partitions *v, int32_t n, int32_t epoch, struct assign_set *out)
{
	*out = (struct assign_set){n, arena_array(a, (size_t)n + 1, sizeof(*out->v))};
	for (int32_t i = 0; out->v && i < n; i++) {
		struct assign_topic *t = &out->v[i];
		bool has_epochs = v[i].assignment_epochs.n == v[i].partitions.n;

		*t = (struct assign_topic){v[i].topic_id, v[i].partitions.n, v[i].partitions.v,
					   v[i].assignment_epochs.v};
		if (!has_epochs) {
			t->epochs = arena_array(a, (size_t)t->n + 1, sizeof(*t->epochs));
			if (!t->epochs)
				return false;
			for (int32_t j = 0; j < t->n; j++)
				t->epochs[j] = epoch < 0 ? 0 : epoch;
		}
	}
	if (!out->v)
		return false;
	order_current(out);
	return true;
}

int consumer_apply_current(struct group_shard *s, const void *k, const void *v, const struct shard_position *at)
{
	const struct consumer_group_current_member_assignment_key *key = k;
	const struct consumer_group_current_member_assignment_value *value = v;
	struct consumer_view view;
	struct consumer_member *m;
	struct consumer_group *g;
	int err = group_need(s, key->group_id, value != NULL, &g);

	if (err || !g)
		return err;
	m = value ? consumer_entry_need(s, g, key->member_id) : consumer_member(g, key->member_id);
	if (!m)
		return 0;
	view = m->v;
	view.epoch = view.previous_epoch = CONSUMER_LEAVE_EPOCH;
	view.assigned = view.revoking = (struct assign_set){0};
	if (value) {
		view.epoch = value->member_epoch;
		view.previous_epoch = value->previous_member_epoch;
		view.state = value->state >= CONSUMER_STABLE && value->state <= CONSUMER_UNRELEASED ? value->state
												    : CONSUMER_UNKNOWN;
		if (!read_current(at->arena, value->assigned_partitions.v, value->assigned_partitions.n, view.epoch,
				  &view.assigned) ||
		    !read_current(at->arena, value->partitions_pending_revocation.v,
				  value->partitions_pending_revocation.n, view.epoch, &view.revoking))
			return -ENOMEM;
	}
	consumer_set_current(m, &view);
	return 0;
}

int consumer_apply_regex(struct group_shard *s, const void *k, const void *v, const struct shard_position *at)
{
	const struct consumer_group_regular_expression_key *key = k;
	const struct consumer_group_regular_expression_value *value = v;
	struct consumer_group *g;
	struct str *topics;
	int32_t n = 0;
	int err = group_need(s, key->group_id, value != NULL, &g);

	if (err || !g)
		return err;
	if (!value) {
		consumer_unset_regex(g, key->regular_expression);
		return 0;
	}
	topics = consumer_names(at->arena, value->topics.v, value->topics.n, &n);
	if (!topics)
		return -ENOMEM;
	consumer_set_regex(g, key->regular_expression, topics, n, value->version, value->timestamp);
	return 0;
}
