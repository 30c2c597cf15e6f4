/* offsets: the stored offsets, and how records change them. */
#include "group/offsets.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "group/classic.h"
#include "protocol/group_records.h"

/* A write that is in the log but not committed yet; in the shard's list, in log order. */
struct offset_change {
	struct list link;
	struct offset_entry *entry;
	struct offset_value *value; /* NULL: a tombstone */
	int64_t end;
};

/* ---- values ---- */

static struct offset_value *value_ref(struct offset_value *v)
{
	if (v)
		v->refs++;
	return v;
}

static void value_unref(struct offset_value **v)
{
	struct offset_value *dead = *v;

	*v = NULL;
	if (!dead || --dead->refs > 0)
		return;
	xfree(dead);
}

/* v has room for the metadata. */
static void value_set(struct offset_value *v, int refs, const struct offset_commit_value *in, int64_t record_offset)
{
	*v = (struct offset_value){
		.refs = refs,
		.leader_epoch = in->leader_epoch,
		.record_offset = record_offset,
		.offset = in->offset,
		.commit_ms = in->commit_timestamp,
		.expire_ms = in->expire_timestamp,
		.topic_id = in->topic_id,
		.metadata_len = in->metadata.len,
	};
	if (in->metadata.len > 0)
		memcpy(v->metadata, in->metadata.p, (size_t)in->metadata.len);
}

static struct offset_value *value_new(const struct offset_commit_value *in, int64_t record_offset)
{
	struct offset_value *v = xmalloc(sizeof(*v) + (size_t)in->metadata.len);

	value_set(v, 1, in, record_offset);
	return v;
}

/* ---- finding ---- */

static uint64_t text_hash(const struct map *m, struct str s)
{
	return hash_bytes(m->seed, s.p, (size_t)s.len);
}

static bool group_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct group_offsets, node)->id);
}

static bool topic_eq(const struct map_node *n, const void *key)
{
	return str_is(*(const struct str *)key, container_of(n, struct offset_topic, node)->name);
}

static bool txn_eq(const struct map_node *n, const void *key)
{
	return container_of(n, struct open_transaction, node)->producer_id == *(const int64_t *)key;
}

struct group_offsets *offsets_of(const struct group_shard *s, struct str id)
{
	struct map_node *n = map_find(&s->offsets, text_hash(&s->offsets, id), group_eq, &id);

	return n ? container_of(n, struct group_offsets, node) : NULL;
}

struct offset_topic *offsets_topic(const struct group_offsets *o, struct str topic)
{
	struct map_node *n = map_find(&o->by_name, text_hash(&o->by_name, topic), topic_eq, &topic);

	return n ? container_of(n, struct offset_topic, node) : NULL;
}

/* The index where a partition is, or would be. */
static int place(const struct offset_topic *t, int32_t partition)
{
	int low = 0, high = t->n;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (t->v[middle]->partition < partition)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct offset_entry *entry_of(const struct offset_topic *t, int32_t partition)
{
	int i = place(t, partition);

	return i < t->n && t->v[i]->partition == partition ? t->v[i] : NULL;
}

struct offset_entry *offsets_entry(const struct group_offsets *o, struct str topic, int32_t partition)
{
	const struct offset_topic *t = o ? offsets_topic(o, topic) : NULL;

	return t ? entry_of(t, partition) : NULL;
}

static struct open_transaction *txn_of(const struct group_shard *s, int64_t producer_id)
{
	struct map_node *n =
		map_find(&s->transactions, hash_u64(s->transactions.seed, (uint64_t)producer_id), txn_eq, &producer_id);

	return n ? container_of(n, struct open_transaction, node) : NULL;
}

/* ---- making ---- */

static struct group_offsets *need_group(struct group_shard *s, struct str id)
{
	struct group_offsets *o = offsets_of(s, id);

	if (o)
		return o;
	o = xcalloc(1, sizeof(*o));
	o->id = str_dup(id);
	map_init(&o->by_name, s->options.seed + 6);
	list_init(&o->topics);
	map_insert(&s->offsets, &o->node, text_hash(&s->offsets, id));
	return o;
}

static struct offset_topic *need_topic(struct group_offsets *o, struct str name)
{
	struct offset_topic *t = offsets_topic(o, name);

	if (t)
		return t;
	t = xcalloc(1, sizeof(*t));
	t->group = o;
	t->name = str_dup(name);
	list_push(&o->topics, &t->link);
	map_insert(&o->by_name, &t->node, text_hash(&o->by_name, name));
	o->n_topics++;
	return t;
}

static struct offset_entry *need_entry(struct group_shard *s, const struct offset_commit_key *key)
{
	struct offset_topic *t = need_topic(need_group(s, key->group), key->topic);
	int i = place(t, key->partition);
	struct offset_entry *e;

	if (i < t->n && t->v[i]->partition == key->partition)
		return t->v[i];
	e = xcalloc(1, sizeof(*e));
	e->topic = t;
	e->partition = key->partition;
	list_init(&e->open);
	t->v = xreallocarray(t->v, (size_t)t->n + 1, sizeof(struct offset_entry *));
	memmove(t->v + i + 1, t->v + i, (size_t)(t->n - i) * sizeof(struct offset_entry *));
	t->v[i] = e;
	t->n++;
	return e;
}

/* Frees an entry without contents, and its topic and group if they become empty. */
static void tidy(struct group_shard *s, struct offset_entry *e)
{
	struct offset_topic *t = e->topic;
	struct group_offsets *o = t->group;
	int i = place(t, e->partition);

	if (e->now || e->committed || e->n_changes > 0 || offset_is_pending(e))
		return;
	memmove(t->v + i, t->v + i + 1, (size_t)(t->n - i - 1) * sizeof(struct offset_entry *));
	xfree(e);
	if (--t->n > 0)
		return;
	map_remove(&o->by_name, &t->node);
	list_remove(&t->link);
	xfree(t->v);
	xfree(t->name);
	xfree(t);
	if (--o->n_topics > 0)
		return;
	map_remove(&s->offsets, &o->node);
	map_fini(&o->by_name);
	xfree(o->id);
	xfree(o);
}

/* ---- changing ---- */

/* Takes the reference to the value. `at` is the change's place in the log. */
static void change(struct group_shard *s, struct offset_entry *e, struct offset_value *value,
		   const struct shard_position *at)
{
	struct offset_change *c;

	value_unref(&e->now);
	e->now = value;
	if (at->offset < s->committed && e->n_changes == 0) {
		value_unref(&e->committed);
		e->committed = value_ref(value);
		return;
	}
	c = xmalloc(sizeof(*c));
	*c = (struct offset_change){.entry = e, .value = value_ref(value), .end = at->offset + 1};
	list_push(&s->uncommitted, &c->link);
	e->n_changes++;
}

/*
 * Where there is no other replica, and while a log is loaded, a commit is committed when it is
 * applied: if nobody else has the old value, the new one takes its place.
 */
static bool renew(struct group_shard *s, struct offset_entry *e, const struct offset_commit_value *value,
		  const struct shard_position *at)
{
	struct offset_value *v = e->now;

	if (!v || v != e->committed || v->refs != 2 || e->n_changes > 0 || at->offset >= s->committed ||
	    v->metadata_len != value->metadata.len)
		return false;
	value_set(v, v->refs, value, at->offset);
	return true;
}

static void settle(struct group_shard *s, struct offset_change *c)
{
	struct offset_entry *e = c->entry;

	list_remove(&c->link);
	value_unref(&e->committed);
	e->committed = c->value;
	e->n_changes--;
	xfree(c);
	tidy(s, e);
}

void offsets_committed(struct group_shard *s, int64_t offset)
{
	if (offset > s->committed)
		s->committed = offset;
	while (!list_empty(&s->uncommitted)) {
		struct offset_change *c = container_of(s->uncommitted.next, struct offset_change, link);

		if (c->end > s->committed)
			return;
		settle(s, c);
	}
}

static void drop_txn_offset(struct group_shard *s, struct txn_offset *p)
{
	struct open_transaction *txn = p->txn;

	list_remove(&p->of_entry);
	list_remove(&p->of_txn);
	value_unref(&p->value);
	xfree(p);
	if (!list_empty(&txn->offsets))
		return;
	map_remove(&s->transactions, &txn->node);
	xfree(txn);
}

static void add_txn_offset(struct group_shard *s, struct offset_entry *e, int64_t producer_id,
			   struct offset_value *value)
{
	struct open_transaction *txn = txn_of(s, producer_id);
	struct txn_offset *p;

	if (!txn) {
		txn = xcalloc(1, sizeof(*txn));
		txn->producer_id = producer_id;
		list_init(&txn->offsets);
		map_insert(&s->transactions, &txn->node, hash_u64(s->transactions.seed, (uint64_t)producer_id));
	}
	list_each(it, &e->open)
	{
		p = container_of(it, struct txn_offset, of_entry);
		if (p->txn == txn) {
			value_unref(&p->value);
			p->value = value;
			return;
		}
	}
	p = xcalloc(1, sizeof(*p));
	*p = (struct txn_offset){.entry = e, .txn = txn, .value = value};
	list_push(&e->open, &p->of_entry);
	list_push(&txn->offsets, &p->of_txn);
}

static void remove_offset(struct group_shard *s, const struct offset_commit_key *key, const struct shard_position *at)
{
	struct offset_entry *e = offsets_entry(offsets_of(s, key->group), key->topic, key->partition);

	if (!e)
		return;
	list_each_safe(it, &e->open) drop_txn_offset(s, container_of(it, struct txn_offset, of_entry));
	if (e->now)
		change(s, e, NULL, at);
	tidy(s, e);
}

int offsets_apply(struct group_shard *s, const void *key_, const void *value_, const struct shard_position *at)
{
	const struct offset_commit_key *key = key_;
	const struct offset_commit_value *value = value_;
	struct offset_entry *e;

	if (!value) {
		remove_offset(s, key, at);
		return 0;
	}
	/* A commit without membership creates the group. */
	if (!group_find(s, key->group))
		classic_new(s, key->group, at->timestamp_ms);
	e = need_entry(s, key);
	if (at->producer_id < 0 && !renew(s, e, value, at))
		change(s, e, value_new(value, at->offset), at);
	else if (at->producer_id >= 0)
		add_txn_offset(s, e, at->producer_id, value_new(value, at->offset));
	return 0;
}

int offsets_end_transaction(struct group_shard *s, int64_t producer_id, bool commit, const struct shard_position *at)
{
	struct open_transaction *txn = txn_of(s, producer_id);
	bool last = !txn;

	while (!last) {
		struct txn_offset *p = container_of(txn->offsets.next, struct txn_offset, of_txn);
		struct offset_entry *e = p->entry;

		last = p->of_txn.next == &txn->offsets;
		if (commit && (!e->now || p->value->record_offset > e->now->record_offset))
			change(s, e, value_ref(p->value), at);
		drop_txn_offset(s, p);
		tidy(s, e);
	}
	return 0;
}

/* ---- tombstones ---- */

void offsets_put_tombstone(struct shard_step *step, struct str group_id, struct str topic, int32_t partition)
{
	struct offset_commit_key key = {.group = group_id, .topic = topic, .partition = partition};

	GROUP_PUT_TOMBSTONE(step, offset_commit, &key);
}

void offsets_put_all_tombstones(const struct group_shard *s, struct str group_id, struct shard_step *step)
{
	const struct group_offsets *o = offsets_of(s, group_id);

	if (!o)
		return;
	list_each(it, &o->topics)
	{
		const struct offset_topic *t = container_of(it, struct offset_topic, link);

		for (int i = 0; i < t->n; i++)
			if (t->v[i]->now || offset_is_pending(t->v[i]))
				offsets_put_tombstone(step, group_id, str_of(t->name), t->v[i]->partition);
	}
}

/* ---- the end ---- */

void offsets_free(struct group_shard *s)
{
	while (!list_empty(&s->uncommitted))
		settle(s, container_of(s->uncommitted.next, struct offset_change, link));
	map_each(n, &s->offsets)
	{
		struct group_offsets *o = container_of(n, struct group_offsets, node);

		/* Removing the last entry of the last topic frees the whole group. */
		for (int left = o->n_topics; left > 0; left--) {
			struct offset_topic *t = container_of(o->topics.next, struct offset_topic, link);

			for (int n_left = t->n; n_left > 0; n_left--) {
				struct offset_entry *e = t->v[n_left - 1];

				list_each_safe(it, &e->open)
					drop_txn_offset(s, container_of(it, struct txn_offset, of_entry));
				value_unref(&e->now);
				value_unref(&e->committed);
				tidy(s, e);
			}
		}
	}
	map_fini(&s->offsets);
	map_fini(&s->transactions);
}
