/*
 * offset_commands: OffsetCommit, TxnOffsetCommit, OffsetFetch and OffsetDelete, for the groups of
 * this shard.
 *
 * The sender has sorted out topics and partitions that the cluster does not have, and filled in the
 * names of topics given by id (protocol/offset_commit.msg: `name` is set in every version).
 */
#include "base/err.h"
#include "config/setting.h"
#include "group/classic.h"
#include "group/offsets.h"
#include "protocol/group_records.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_delete.h"
#include "protocol/offset_fetch.h"
#include "protocol/txn_offset_commit.h"

#define VALUE_VERSION 4
#define VALUE_VERSION_WITH_EXPIRY 1 /* the only version that has room for it */
#define GROUP_ID_NOT_FOUND_SINCE_COMMIT 9
#define NEW_ERRORS_SINCE_TXN_COMMIT 6
#define RETENTION_DEFAULT (-1)

/* ---- committing ---- */

struct commit {
	struct group_shard *s;
	struct shard_command *c;
	struct shard_step *step;
	struct str group_id;
	struct group *group; /* NULL: the commit will create it */
	struct group_committer who;
	int64_t expire_ms; /* -1 */
};

static void put_commit(const struct commit *k, const struct offset_commit_request_topic *t,
		       const struct offset_commit_request_partition *p)
{
	struct offset_commit_key key = {.group = k->group_id, .topic = t->name, .partition = p->partition_index};
	struct offset_commit_value value = {
		.offset = p->committed_offset,
		.leader_epoch = p->committed_leader_epoch,
		.metadata = str_is_null(p->committed_metadata) ? STR("") : p->committed_metadata,
		.commit_timestamp = k->step->wall_ms,
		.expire_timestamp = k->expire_ms,
		.topic_id = t->topic_id,
	};

	GROUP_PUT(k->step, offset_commit, &key, k->expire_ms >= 0 ? VALUE_VERSION_WITH_EXPIRY : VALUE_VERSION, &value);
}

/* Java counts UTF-16 units. */
static int64_t utf16_len(struct str s)
{
	int64_t n = 0;

	for (int i = 0; i < s.len; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80 ? 1 + ((unsigned char)s.p[i] >= 0xf0) : 0;
	return n;
}

static bool note_is_too_long(const struct group_shard *s, struct str note)
{
	return utf16_len(note) > group_setting(s, CONFIG_OFFSET_METADATA_MAX_BYTES);
}

/* Returns 0, or the partition's own error; or sets *whole to an error of the whole request. */
static int commit_one(const struct commit *k, const struct offset_commit_request_topic *t,
		      const struct offset_commit_request_partition *p, int *whole)
{
	const struct group_kind *kind = k->group ? k->group->kind : NULL;

	if (note_is_too_long(k->s, p->committed_metadata))
		return ERR_OFFSET_METADATA_TOO_LARGE;
	if (kind && kind->may_commit_partition)
		*whole = kind->may_commit_partition(k->s, k->group, &k->who, t->topic_id, t->name, p->partition_index);
	if (*whole)
		return *whole;
	put_commit(k, t, p);
	return 0;
}

static int may_commit(struct commit *k, int unknown_group)
{
	k->group = group_find(k->s, k->group_id);
	if (k->group)
		return k->group->kind->may_commit(k->s, k->group, &k->who);
	return k->who.generation < 0 ? 0 : unknown_group;
}

static void refuse_commit(const struct commit *k, int err)
{
	/* Nothing of the request is written. */
	k->step->records.n = 0;
	shard_refuse(k->step, k->c, err, STR_NULL);
}

/* For both requests; their answers share one struct. */
static int commit_topics(const struct commit *k, const struct offset_commit_request_topic *v, int n)
{
	struct offset_commit_response *out = k->c->out;
	int whole = 0;

	if (!GROUP_ARRAY(k->c, out->topics, n))
		return ERR_UNKNOWN_SERVER_ERROR;
	for (int i = 0; i < n && !whole; i++) {
		const struct offset_commit_request_topic *t = &v[i];
		struct offset_commit_response_topic *to = &out->topics.v[i];

		to->name = t->name;
		to->topic_id = t->topic_id;
		if (!GROUP_ARRAY(k->c, to->partitions, t->partitions.n))
			return ERR_UNKNOWN_SERVER_ERROR;
		for (int j = 0; j < t->partitions.n && !whole; j++) {
			to->partitions.v[j].partition_index = t->partitions.v[j].partition_index;
			to->partitions.v[j].error_code = (int16_t)commit_one(k, t, &t->partitions.v[j], &whole);
		}
	}
	return whole;
}

/* Versions before 5 may request a retention of their own. */
static int64_t expires_at(int64_t wall_ms, int64_t retention_ms)
{
	int64_t at;

	if (retention_ms == RETENTION_DEFAULT)
		return -1;
	return __builtin_add_overflow(wall_ms, retention_ms, &at) ? INT64_MAX : at;
}

void offset_commit_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct offset_commit_request *in = c->in;
	struct commit k = {
		.s = s,
		.c = c,
		.step = step,
		.group_id = in->group_id,
		.who = {in->member_id, in->group_instance_id, in->generation_id_or_member_epoch, false, c->version},
		.expire_ms = expires_at(step->wall_ms, in->retention_time_ms),
	};
	int err = may_commit(&k, c->version >= GROUP_ID_NOT_FOUND_SINCE_COMMIT ? ERR_GROUP_ID_NOT_FOUND
									       : ERR_ILLEGAL_GENERATION);

	if (!err)
		err = commit_topics(&k, in->topics.v, in->topics.n);
	if (err) {
		refuse_commit(&k, err);
		return;
	}
	if (k.group && k.group->kind->committed_by)
		k.group->kind->committed_by(s, k.group, &k.who, step->now_ms);
	shard_answer(step, c);
}

/* ---- commits in a transaction ---- */

void txn_offset_commit_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct txn_offset_commit_request *in = c->in;
	bool knows_new = c->version >= NEW_ERRORS_SINCE_TXN_COMMIT;
	struct commit k = {
		.s = s,
		.c = c,
		.step = step,
		.group_id = in->group_id,
		.who = {in->member_id, in->group_instance_id, in->generation_id_or_member_epoch, true, c->version},
		.expire_ms = -1,
	};
	int err = may_commit(&k, knows_new ? ERR_GROUP_ID_NOT_FOUND : ERR_ILLEGAL_GENERATION);

	if (!err)
		err = commit_topics(&k, in->topics.v, in->topics.n);
	if (err == ERR_STALE_MEMBER_EPOCH && !knows_new)
		err = ERR_ILLEGAL_GENERATION;
	if (err) {
		refuse_commit(&k, err);
		return;
	}
	step->producer_id = in->producer_id;
	step->producer_epoch = in->producer_epoch;
	step->guard = c->guard;
	shard_answer(step, c);
}

/* ---- fetching ---- */

static bool id_differs(struct uuid have, struct uuid asked)
{
	return !uuid_is_zero(have) && !uuid_is_zero(asked) && !uuid_eq(have, asked);
}

static void show(struct shard_command *c, const struct offset_entry *e, bool stable, struct uuid asked_id,
		 struct offset_fetch_response_group_partition *out)
{
	const struct offset_value *v = !e ? NULL : stable ? e->now : e->committed;

	out->committed_offset = -1;
	out->committed_leader_epoch = -1;
	out->metadata = STR("");
	if (stable && e && offset_is_pending(e)) {
		out->error_code = ERR_UNSTABLE_OFFSET_COMMIT;
	} else if (v && !id_differs(v->topic_id, asked_id)) {
		out->committed_offset = v->offset;
		out->committed_leader_epoch = v->leader_epoch;
		out->metadata = arena_str(c->arena, (struct str){v->metadata, v->metadata_len});
	}
}

static bool fetch_some(const struct group_offsets *o, struct shard_command *c, bool stable,
		       const struct offset_fetch_request_group *in, struct offset_fetch_response_group *out)
{
	if (!GROUP_ARRAY(c, out->topics, in->topics.n))
		return false;
	for (int i = 0; i < in->topics.n; i++) {
		const struct offset_fetch_request_group_topic *t = &in->topics.v[i];
		struct offset_fetch_response_group_topic *to = &out->topics.v[i];

		to->name = t->name;
		to->topic_id = t->topic_id;
		if (!GROUP_ARRAY(c, to->partitions, t->partition_indexes.n))
			return false;
		for (int j = 0; j < t->partition_indexes.n; j++) {
			int32_t partition = t->partition_indexes.v[j];

			to->partitions.v[j].partition_index = partition;
			show(c, offsets_entry(o, t->name, partition), stable, t->topic_id, &to->partitions.v[j]);
		}
	}
	return true;
}

static bool fetch_topic(const struct offset_topic *t, struct shard_command *c, bool stable,
			struct offset_fetch_response_group_topic *out)
{
	int n = 0;

	out->name = arena_str(c->arena, str_of(t->name));
	if (!GROUP_ARRAY(c, out->partitions, t->n))
		return false;
	for (int i = 0; i < t->n; i++) {
		const struct offset_entry *e = t->v[i];

		if (!(stable ? e->now : e->committed))
			continue;
		out->partitions.v[n].partition_index = e->partition;
		show(c, e, stable, UUID_ZERO, &out->partitions.v[n++]);
	}
	out->partitions.n = n;
	return true;
}

static bool fetch_all(const struct group_offsets *o, struct shard_command *c, bool stable,
		      struct offset_fetch_response_group *out)
{
	int n = 0;

	if (!GROUP_ARRAY(c, out->topics, o ? o->n_topics : 0))
		return false;
	for (struct list *it = o ? o->topics.next : NULL; it && it != &o->topics; it = it->next) {
		if (!fetch_topic(container_of(it, struct offset_topic, link), c, stable, &out->topics.v[n]))
			return false;
		n += out->topics.v[n].partitions.n > 0;
	}
	out->topics.n = n;
	return true;
}

static bool fetch_group(struct group_shard *s, struct shard_command *c, bool stable,
			const struct offset_fetch_request_group *in, struct offset_fetch_response_group *out)
{
	const struct group_offsets *o = offsets_of(s, in->group_id);
	struct group *g = group_find(s, in->group_id);

	out->group_id = in->group_id;
	out->error_code = g ? (int16_t)g->kind->may_fetch(s, g, in->member_id, in->member_epoch) : 0;
	if (out->error_code)
		return true;
	return in->topics.n < 0 ? fetch_all(o, c, stable, out) : fetch_some(o, c, stable, in, out);
}

/*
 * The groups of the request that are this shard's, as in version 8 and later: the sender converts
 * older versions.
 */
void offset_fetch_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct offset_fetch_request *in = c->in;
	struct offset_fetch_response *out = c->out;

	if (!GROUP_ARRAY(c, out->groups, in->groups.n)) {
		group_no_memory(c, step);
		return;
	}
	for (int i = 0; i < in->groups.n; i++)
		if (!fetch_group(s, c, in->require_stable, &in->groups.v[i], &out->groups.v[i])) {
			group_no_memory(c, step);
			return;
		}
	if (in->require_stable)
		shard_answer(step, c);
	else
		shard_answer_at_once(step, c);
}

/* ---- deleting ---- */

static bool delete_topic(struct group_shard *s, struct group *g, struct shard_command *c, struct shard_step *step,
			 const struct offset_delete_request_topic *in, struct offset_delete_response_topic *out)
{
	const struct group_offsets *o = offsets_of(s, group_id(g));
	bool subscribed = g->kind->is_subscribed(g, in->name);

	out->name = in->name;
	if (!GROUP_ARRAY(c, out->partitions, in->partitions.n))
		return false;
	for (int i = 0; i < in->partitions.n; i++) {
		int32_t partition = in->partitions.v[i].partition_index;
		const struct offset_entry *e = offsets_entry(o, in->name, partition);

		out->partitions.v[i].partition_index = partition;
		if (subscribed)
			out->partitions.v[i].error_code = ERR_GROUP_SUBSCRIBED_TO_TOPIC;
		else if (e && (e->now || offset_is_pending(e)))
			offsets_put_tombstone(step, group_id(g), in->name, partition);
	}
	return true;
}

void offset_delete_command(struct group_shard *s, struct shard_command *c, struct shard_step *step)
{
	const struct offset_delete_request *in = c->in;
	struct offset_delete_response *out = c->out;
	struct group *g = group_find(s, in->group_id);
	int err = g ? g->kind->may_delete_offsets(s, g) : ERR_GROUP_ID_NOT_FOUND;

	if (err) {
		shard_refuse(step, c, err, STR_NULL);
		return;
	}
	if (!GROUP_ARRAY(c, out->topics, in->topics.n)) {
		group_no_memory(c, step);
		return;
	}
	for (int i = 0; i < in->topics.n; i++)
		if (!delete_topic(s, g, c, step, &in->topics.v[i], &out->topics.v[i])) {
			group_no_memory(c, step);
			return;
		}
	shard_answer(step, c);
}
