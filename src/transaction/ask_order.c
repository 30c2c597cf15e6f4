/*
 * ask_order: the order in which a broker names partitions to a transaction coordinator
 * (ReplicaManager, AddPartitionsToTxnManager): the iteration order of Scala's mutable HashMap, then
 * grouped by topic. Its slots are Java's, but each is sorted by hash, and the table doubles one
 * entry sooner.
 */
#include <stdlib.h>

#include "base/hash_order.h"
#include "transaction/internal.h"

#define TABLE_MIN 16

static size_t scala_table(size_t n)
{
	size_t table = TABLE_MIN;

	while (n >= table / 4 * 3)
		table *= 2;
	return table;
}

static int by_slot(const void *a, const void *b)
{
	const struct transaction_asked *x = a, *y = b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->at - y->at;
}

static int by_name(const void *a, const void *b)
{
	const struct transaction_asked *x = a, *y = b;
	int order = str_cmp(x->topic, y->topic);

	return order != 0 ? order : x->at - y->at;
}

static int by_group(const void *a, const void *b)
{
	const struct transaction_asked *x = a, *y = b;

	return x->group != y->group ? x->group - y->group : x->at - y->at;
}

/*
 * Groups by topic, topics in order of first occurrence; a group's number is the index of its first
 * partition. There may be as many topics as partitions.
 */
static void group(struct transaction_asked *v, int n)
{
	for (int i = 0; i < n; i++)
		v[i].at = i;
	qsort(v, (size_t)n, sizeof(*v), by_name);
	for (int i = 0; i < n; i++)
		v[i].group = i > 0 && str_eq(v[i - 1].topic, v[i].topic) ? v[i - 1].group : v[i].at;
	qsort(v, (size_t)n, sizeof(*v), by_group);
}

void transaction_ask_order(struct transaction_asked *v, int n)
{
	size_t table = scala_table((size_t)n);

	for (int i = 0; i < n; i++) {
		uint32_t hash = (uint32_t)transaction_partition_hash(str_java_hash(v[i].topic), v[i].partition);

		v[i].at = i;
		v[i].hash = (int32_t)(hash ^ hash >> 16);
		v[i].slot = order_slot((int32_t)hash, table);
	}
	qsort(v, (size_t)n, sizeof(*v), by_slot);
	group(v, n);
}
