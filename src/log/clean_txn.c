/*
 * clean_txn: finds out for each batch and marker what its transaction's outcome means, by Kafka's
 * rules (CleanedTransactionMetadata).
 */
#include "log/clean_txn.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/mem.h"

struct ongoing {
	struct map_node node;
	int64_t producer_id;
	bool seen; /* a batch of it was seen */
	struct completed_txn txn;
};

void aborted_txns_add(struct aborted_txns *a, const struct completed_txn *t)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 16;
		a->v = xreallocarray(a->v, (size_t)a->cap, sizeof(*a->v));
	}
	a->v[a->n++] = *t;
}

static int by_first_offset(const void *a, const void *b)
{
	const struct completed_txn *x = a;
	const struct completed_txn *y = b;

	return (x->first_offset > y->first_offset) - (x->first_offset < y->first_offset);
}

void aborted_txns_sort(struct aborted_txns *a)
{
	if (a->n)
		qsort(a->v, (size_t)a->n, sizeof(*a->v), by_first_offset);
}

void aborted_txns_fini(struct aborted_txns *a)
{
	xfree(a->v);
	*a = (struct aborted_txns){0};
}

void clean_txns_init(struct clean_txns *t, const struct aborted_txns *all, int64_t from, uint64_t seed)
{
	*t = (struct clean_txns){.all = all, .from = from};
	map_init(&t->aborted, seed);
	map_init(&t->committed, seed);
}

static void forget_all(struct map *m)
{
	map_each(it, m)
	{
		struct ongoing *o = container_of(it, struct ongoing, node);

		map_remove(m, it);
		xfree(o);
	}
	map_fini(m);
}

void clean_txns_fini(struct clean_txns *t)
{
	forget_all(&t->aborted);
	forget_all(&t->committed);
}

static bool same_producer(const struct map_node *node, const void *key)
{
	return container_of(node, struct ongoing, node)->producer_id == *(const int64_t *)key;
}

static struct ongoing *find(const struct map *m, int64_t producer_id)
{
	struct map_node *node = map_find(m, hash_u64(m->seed, (uint64_t)producer_id), same_producer, &producer_id);

	return node ? container_of(node, struct ongoing, node) : NULL;
}

static struct ongoing *add(struct map *m, int64_t producer_id)
{
	struct ongoing *o = xcalloc(1, sizeof(*o));

	o->producer_id = producer_id;
	map_insert(m, &o->node, hash_u64(m->seed, (uint64_t)producer_id));
	return o;
}

/* Moves the aborted transactions that have begun by `offset` into the map of those under way. */
static void begin_until(struct clean_txns *t, int64_t offset)
{
	for (; t->next < t->all->n && t->all->v[t->next].first_offset <= offset; t->next++) {
		const struct completed_txn *txn = &t->all->v[t->next];

		if (txn->last_offset >= t->from && !find(&t->aborted, txn->producer_id))
			add(&t->aborted, txn->producer_id)->txn = *txn;
	}
}

bool clean_txns_data(struct clean_txns *t, const struct batch_header *h)
{
	begin_until(t, batch_last_offset(h));
	if (!batch_is_transactional(h))
		return false;
	struct ongoing *aborted = find(&t->aborted, h->producer_id);
	if (aborted)
		aborted->seen = true;
	else if (!find(&t->committed, h->producer_id))
		add(&t->committed, h->producer_id);
	return aborted != NULL;
}

/* Removes it from the map; true when it was there. */
static bool end(struct map *m, int64_t producer_id, struct ongoing *out)
{
	struct ongoing *o = find(m, producer_id);

	if (!o)
		return false;
	*out = *o;
	map_remove(m, &o->node);
	xfree(o);
	return true;
}

struct clean_marker clean_txns_marker(struct clean_txns *t, const struct batch_header *h, int type)
{
	struct clean_marker m = {0};
	struct ongoing ended = {0};

	begin_until(t, batch_last_offset(h));
	switch (type) {
	case CONTROL_NONE:
		m.may_go = true;
		break;
	case CONTROL_ABORT:
		m.indexed = end(&t->aborted, h->producer_id, &ended) && ended.seen;
		m.aborted = ended.txn;
		m.may_go = !m.indexed;
		break;
	case CONTROL_COMMIT:
		m.may_go = !end(&t->committed, h->producer_id, &ended);
		break;
	default:
		break;
	}
	return m;
}
