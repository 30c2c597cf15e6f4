/* consumer_kind: implements struct group_kind for consumer groups. */
#include "base/err.h"
#include "group/consumer_group.h"
#include "metadata/image.h"
#include "protocol/group_records.h"

enum { OFFSET_COMMIT_WITH_EPOCH = 9 };

static struct str protocol_type(const struct group *g)
{
	(void)g;
	return STR("consumer");
}

static const struct consumer_group *const_of(const struct group *g)
{
	return container_of(g, const struct consumer_group, g);
}

static bool is_empty(const struct group *g)
{
	return const_of(g)->n_members == 0;
}

static bool is_subscribed(const struct group *g, struct str topic)
{
	return consumer_topic(const_of(g), topic) != NULL;
}

static enum group_expiry expiry(const struct group *g, int64_t *since_ms)
{
	(void)g;
	(void)since_ms;
	return GROUP_EXPIRY_COMMIT;
}

static int may_delete_offsets(struct group_shard *s, struct group *g)
{
	(void)s;
	(void)g;
	return 0;
}

static int may_delete(const struct group *g)
{
	return is_empty(g) ? 0 : ERR_NON_EMPTY_GROUP;
}

static void put_tombstones(struct group_shard *s, struct group *g, struct shard_step *step)
{
	(void)s;
	consumer_drop_group(consumer_of(g), step, STR_NULL, STR_NULL);
}

static void unload(struct group_shard *s, struct group *g, struct shard_step *step, int err)
{
	/* No command is held. */
	(void)s;
	(void)g;
	(void)step;
	(void)err;
}

/* ---- offsets ---- */

/*
 * Tools, and consumers that assign partitions themselves, commit for a group without members;
 * transactional commits may come without a member.
 */
static bool needs_no_member(const struct consumer_group *g, const struct group_committer *who)
{
	return (who->generation < 0 && g->n_members == 0) || (who->transactional && who->generation == -1 &&
							      who->member_id.len == 0 && str_is_null(who->instance_id));
}

static int wrong_epoch(const struct consumer_member *m)
{
	return m->v.classic ? ERR_ILLEGAL_GENERATION : ERR_STALE_MEMBER_EPOCH;
}

/* An outdated epoch is checked again for each partition. */
static int may_commit(struct group_shard *s, struct group *g, const struct group_committer *who)
{
	const struct consumer_member *m;

	(void)s;
	if (needs_no_member(consumer_of(g), who))
		return 0;
	m = consumer_member(consumer_of(g), who->member_id);
	if (!m)
		return ERR_UNKNOWN_MEMBER_ID;
	if (!who->transactional && !m->v.classic && who->version < OFFSET_COMMIT_WITH_EPOCH)
		return ERR_UNSUPPORTED_VERSION;
	return who->generation > m->v.epoch ? wrong_epoch(m) : 0;
}

/* The epoch since which the member has the partition; -1: it does not. */
static int32_t since(const struct assign_set *s, struct uuid id, int32_t partition)
{
	const struct assign_topic *t = assign_set_find(s, id);

	for (int32_t i = 0; t && i < t->n; i++) {
		if (t->partitions[i] == partition)
			return t->epochs[i];
	}
	return -1;
}

/*
 * KIP-1251: a commit with an outdated epoch is accepted if the member has not lost the partition
 * since then.
 */
static int may_commit_partition(struct group_shard *s, struct group *g, const struct group_committer *who,
				struct uuid topic_id, struct str topic, int32_t partition)
{
	const struct consumer_member *m = consumer_member(consumer_of(g), who->member_id);
	int32_t epoch;

	(void)s;
	(void)topic;
	if (!m || needs_no_member(consumer_of(g), who) || who->generation >= m->v.epoch)
		return 0;
	epoch = since(&m->v.assigned, topic_id, partition);
	if (epoch == -1)
		epoch = since(&m->v.revoking, topic_id, partition);
	return epoch == -1 || who->generation < epoch ? wrong_epoch(m) : 0;
}

static int may_fetch(struct group_shard *s, struct group *g, struct str member_id, int32_t member_epoch)
{
	const struct consumer_member *m;

	(void)s;
	if (str_is_null(member_id) && member_epoch < 0)
		return 0;
	m = str_is_null(member_id) ? NULL : consumer_member(consumer_of(g), member_id);
	if (!m)
		return ERR_UNKNOWN_MEMBER_ID;
	return m->v.epoch == member_epoch ? 0 : wrong_epoch(m);
}

/* ---- the cluster ---- */

struct topic_changes {
	bool any;
	bool any_new;
};

static void note(void *arg, const struct image_topic *old, const struct image_topic *now)
{
	struct topic_changes *c = arg;

	(void)now;
	c->any = true;
	c->any_new |= old == NULL;
}

/*
 * A topic has changed: every group recomputes its hash at its next heartbeat, at a cost
 * proportional to its topics; patterns are resolved again when there are new topics.
 */
void consumer_image(struct group_shard *s, const struct image *old, const struct image *now)
{
	struct topic_changes c = {0};

	image_diff_topics(old, now, note, &c);
	if (c.any)
		s->topics_version++;
	if (c.any_new)
		s->new_topics_offset = image_offset(now);
}

const struct group_kind group_consumer = {
	.type = GROUP_CONSUMER,
	.name = "consumer",
	.state = consumer_group_state,
	.protocol_type = protocol_type,
	.is_empty = is_empty,
	.free = consumer_group_free,
	.may_commit = may_commit,
	.may_fetch = may_fetch,
	.may_delete_offsets = may_delete_offsets,
	.may_commit_partition = may_commit_partition,
	.is_subscribed = is_subscribed,
	.expiry = expiry,
	.may_delete = may_delete,
	.put_tombstones = put_tombstones,
	.join = consumer_classic_join,
	.sync = consumer_classic_sync,
	.heartbeat = consumer_classic_heartbeat,
	.leave = consumer_classic_leave,
	.loaded = consumer_loaded,
	.unload = unload,
};
