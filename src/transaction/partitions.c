/*
 * partitions: a set of partitions, by topic. Transactions have few: they are looked through.
 */
#include <string.h>

#include "base/mem.h"
#include "transaction/internal.h"

static struct transaction_topic *topic_of(const struct transaction_partitions *p, struct str name)
{
	for (int i = 0; i < p->n; i++)
		if (str_is(name, p->v[i].name))
			return &p->v[i];
	return NULL;
}

/* Where a partition is, or would be. */
static int place(const struct transaction_topic *t, int32_t partition)
{
	int low = 0, high = t->n;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (t->v[middle] < partition)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool topic_has(const struct transaction_topic *t, int32_t partition)
{
	int i = place(t, partition);

	return i < t->n && t->v[i] == partition;
}

bool transaction_partitions_have(const struct transaction_partitions *p, struct str topic, int32_t partition)
{
	const struct transaction_topic *t = topic_of(p, topic);

	return t && topic_has(t, partition);
}

static struct transaction_topic *need_topic(struct transaction_partitions *p, struct str name)
{
	struct transaction_topic *t = topic_of(p, name);

	if (t)
		return t;
	p->v = xreallocarray(p->v, (size_t)p->n + 1, sizeof(*p->v));
	t = &p->v[p->n++];
	*t = (struct transaction_topic){.name = str_dup(name)};
	return t;
}

void transaction_partitions_add(struct transaction_partitions *p, struct str topic, int32_t partition)
{
	struct transaction_topic *t = need_topic(p, topic);
	int i = place(t, partition);

	if (topic_has(t, partition))
		return;
	t->v = xreallocarray(t->v, (size_t)t->n + 1, sizeof(*t->v));
	memmove(t->v + i + 1, t->v + i, (size_t)(t->n - i) * sizeof(*t->v));
	t->v[i] = partition;
	t->n++;
}

static void drop_topic(struct transaction_partitions *p, struct transaction_topic *t)
{
	xfree(t->name);
	xfree(t->v);
	memmove(t, t + 1, (size_t)(p->v + p->n - t - 1) * sizeof(*t));
	p->n--;
}

void transaction_partitions_remove(struct transaction_partitions *p, struct str topic, int32_t partition)
{
	struct transaction_topic *t = topic_of(p, topic);
	int i = t ? place(t, partition) : 0;

	if (!t || !topic_has(t, partition))
		return;
	memmove(t->v + i, t->v + i + 1, (size_t)(t->n - i - 1) * sizeof(*t->v));
	if (--t->n == 0)
		drop_topic(p, t);
}

void transaction_partitions_copy(struct transaction_partitions *to, const struct transaction_partitions *from)
{
	*to = (struct transaction_partitions){.v = xcalloc((size_t)from->n + 1, sizeof(*to->v)), .n = from->n};
	for (int i = 0; i < from->n; i++) {
		const struct transaction_topic *t = &from->v[i];

		to->v[i] = (struct transaction_topic){.name = xstrdup(t->name), .n = t->n};
		to->v[i].v = xcalloc((size_t)t->n, sizeof(*t->v));
		memcpy(to->v[i].v, t->v, (size_t)t->n * sizeof(*t->v));
	}
}

int transaction_partitions_count(const struct transaction_partitions *p)
{
	int n = 0;

	for (int i = 0; i < p->n; i++)
		n += p->v[i].n;
	return n;
}

void transaction_partitions_fini(struct transaction_partitions *p)
{
	while (p->n > 0)
		drop_topic(p, &p->v[p->n - 1]);
	xfree(p->v);
	*p = (struct transaction_partitions){0};
}
