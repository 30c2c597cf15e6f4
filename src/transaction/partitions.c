/*
 * partitions: a set of partitions in the iteration order of Kafka's HashSet<TopicPartition>, which
 * is that of the slots of a Java hash table (base/hash_order.h). In that order they are written to
 * the records of __transaction_state.
 */
#include <string.h>

#include "base/hash_order.h"
#include "base/mem.h"
#include "transaction/internal.h"

#define TABLE_MIN 16
#define TOPICS_SEARCHED 16 /* a power of two; so many topics have a hash table */

int32_t transaction_partition_hash(int32_t topic_hash, int32_t partition)
{
	return (int32_t)(31 * (31 + (uint32_t)partition) + (uint32_t)topic_hash);
}

/* ---- topics ---- */

static bool is_topic(const struct transaction_topic *t, struct str name, int32_t hash)
{
	return t->hash == hash && str_is(name, t->name);
}

/* The slot of this topic, or the free one where it belongs. */
static int32_t *slot_of(const struct transaction_partitions *p, struct str name, int32_t hash)
{
	uint32_t mask = p->n_slots - 1;
	uint32_t i = ((uint32_t)hash ^ (uint32_t)hash >> 16) & mask;

	while (p->slots[i] && !is_topic(&p->topics[p->slots[i] - 1], name, hash))
		i = (i + 1) & mask;
	return &p->slots[i];
}

/* -1: none of its partitions was ever in the set. */
static int topic_of_hash(const struct transaction_partitions *p, struct str name, int32_t hash)
{
	if (p->slots)
		return *slot_of(p, name, hash) - 1;
	for (int i = 0; i < p->n_topics; i++)
		if (is_topic(&p->topics[i], name, hash))
			return i;
	return -1;
}

static int topic_of(const struct transaction_partitions *p, struct str name)
{
	return p->n_topics > 0 ? topic_of_hash(p, name, str_java_hash(name)) : -1;
}

static void index_topic(struct transaction_partitions *p, int i)
{
	*slot_of(p, str_of(p->topics[i].name), p->topics[i].hash) = i + 1;
}

/* Its table is at most half full. */
static void index_last_topic(struct transaction_partitions *p)
{
	if (p->n_topics < TOPICS_SEARCHED)
		return;
	if (2 * (uint32_t)p->n_topics <= p->n_slots) {
		index_topic(p, p->n_topics - 1);
		return;
	}
	xfree(p->slots);
	p->n_slots = p->n_slots ? 2 * p->n_slots : 4 * TOPICS_SEARCHED;
	p->slots = xcalloc(p->n_slots, sizeof(*p->slots));
	for (int i = 0; i < p->n_topics; i++)
		index_topic(p, i);
}

static int need_topic(struct transaction_partitions *p, struct str name)
{
	int32_t hash = str_java_hash(name);
	int i = topic_of_hash(p, name, hash);

	if (i >= 0)
		return i;
	p->topics = xreallocarray(p->topics, (size_t)p->n_topics + 1, sizeof(*p->topics));
	p->topics[p->n_topics++] = (struct transaction_topic){str_dup(name), hash};
	index_last_topic(p);
	return p->n_topics - 1;
}

/* ---- partitions ---- */

/* The first partition in this slot or a later one. */
static int place(const struct transaction_partitions *p, uint32_t slot)
{
	int low = 0, high = p->n;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (order_slot(p->v[middle].hash, p->table) < slot)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* -1: not found. */
static int find(const struct transaction_partitions *p, int topic, int32_t partition)
{
	uint32_t slot;

	if (topic < 0 || p->n == 0)
		return -1;
	slot = order_slot(transaction_partition_hash(p->topics[topic].hash, partition), p->table);
	for (int i = place(p, slot); i < p->n && order_slot(p->v[i].hash, p->table) == slot; i++)
		if (p->v[i].topic == topic && p->v[i].partition == partition)
			return i;
	return -1;
}

bool transaction_partitions_have(const struct transaction_partitions *p, struct str topic, int32_t partition)
{
	return find(p, topic_of(p, topic), partition) >= 0;
}

static void set_table(struct transaction_partitions *p, size_t table)
{
	int32_t *hashes;

	if (table == p->table)
		return;
	p->table = table;
	hashes = xcalloc((size_t)p->n + 1, sizeof(*hashes));
	for (int i = 0; i < p->n; i++)
		hashes[i] = p->v[i].hash;
	order_members(p->v, p->n, sizeof(*p->v), hashes, table);
	xfree(hashes);
}

static void need_room(struct transaction_partitions *p)
{
	if (p->n < p->room)
		return;
	p->room = p->room ? 2 * p->room : 4;
	p->v = xreallocarray(p->v, (size_t)p->room, sizeof(*p->v));
}

void transaction_partitions_add(struct transaction_partitions *p, struct str topic, int32_t partition)
{
	int of = need_topic(p, topic);
	int32_t hash = transaction_partition_hash(p->topics[of].hash, partition);
	int at;

	if (find(p, of, partition) >= 0)
		return;
	need_room(p);
	set_table(p, order_table(p->table ? p->table : TABLE_MIN, (size_t)p->n + 1));
	at = place(p, order_slot(hash, p->table) + 1);
	memmove(p->v + at + 1, p->v + at, (size_t)(p->n - at) * sizeof(*p->v));
	p->v[at] = (struct transaction_partition){of, partition, hash};
	p->n++;
}

void transaction_partitions_drop(struct transaction_partitions *p, int i)
{
	p->n--;
	memmove(p->v + i, p->v + i + 1, (size_t)(p->n - i) * sizeof(*p->v));
}

void transaction_partitions_remove(struct transaction_partitions *p, struct str topic, int32_t partition)
{
	int i = find(p, topic_of(p, topic), partition);

	if (i >= 0)
		transaction_partitions_drop(p, i);
}

void transaction_partitions_copy(struct transaction_partitions *to, const struct transaction_partitions *from)
{
	*to = (struct transaction_partitions){.n_topics = from->n_topics,
					      .n_slots = from->n_slots,
					      .n = from->n,
					      .room = from->n,
					      .table = from->table,
					      .topics = xcalloc((size_t)from->n_topics + 1, sizeof(*to->topics)),
					      .v = xcalloc((size_t)from->n + 1, sizeof(*to->v))};
	for (int i = 0; i < from->n_topics; i++)
		to->topics[i] = (struct transaction_topic){xstrdup(from->topics[i].name), from->topics[i].hash};
	for (int i = 0; i < from->n; i++)
		to->v[i] = from->v[i];
	if (from->slots) {
		to->slots = xcalloc(from->n_slots, sizeof(*to->slots));
		memcpy(to->slots, from->slots, from->n_slots * sizeof(*to->slots));
	}
}

void transaction_partitions_rehash(struct transaction_partitions *p)
{
	set_table(p, order_table_of_copy((size_t)p->n));
}

struct str transaction_partitions_topic(const struct transaction_partitions *p, int i)
{
	return str_of(p->topics[p->v[i].topic].name);
}

int transaction_partitions_of(const struct transaction_partitions *p, int topic)
{
	int n = 0;

	for (int i = 0; i < p->n; i++)
		n += p->v[i].topic == topic;
	return n;
}

void transaction_partitions_fini(struct transaction_partitions *p)
{
	for (int i = 0; i < p->n_topics; i++)
		xfree(p->topics[i].name);
	xfree(p->topics);
	xfree(p->slots);
	xfree(p->v);
	*p = (struct transaction_partitions){0};
}
