/*
 * verifications: the map of producers for which a coordinator is being asked.
 */
#include "log/verifications.h"

#include "base/list.h"
#include "base/mem.h"

struct verifications {
	struct map map;
	uint64_t last_guard;
};

static bool same_id(const struct map_node *n, const void *key)
{
	return container_of(n, struct unverified, node)->producer_id == *(const int64_t *)key;
}

static struct unverified *find(const struct verifications *v, int64_t id)
{
	struct map_node *n;

	if (!v || v->map.n == 0)
		return NULL;
	n = map_find(&v->map, hash_u64(v->map.seed, (uint64_t)id), same_id, &id);
	return n ? container_of(n, struct unverified, node) : NULL;
}

const struct unverified *verifications_find(const struct verifications *v, int64_t id)
{
	return find(v, id);
}

static void drop(struct verifications *v, struct unverified *e)
{
	map_remove(&v->map, &e->node);
	xfree(e);
}

void verifications_remove(struct verifications *v, int64_t id)
{
	struct unverified *e = find(v, id);

	if (e)
		drop(v, e);
}

void verifications_expire(struct verifications *v, int64_t now_ms, int64_t expiration_ms)
{
	if (!v)
		return;
	map_each(it, &v->map)
	{
		struct unverified *e = container_of(it, struct unverified, node);

		if (now_ms - e->asked_ms >= expiration_ms)
			drop(v, e);
	}
}

void verifications_free(struct verifications *v)
{
	if (!v)
		return;
	map_each(it, &v->map) drop(v, container_of(it, struct unverified, node));
	map_fini(&v->map);
	xfree(v);
}

static struct unverified *add(struct verifications *v, const struct verification_question *q, int64_t now_ms)
{
	struct unverified *e = xcalloc(1, sizeof(*e));

	*e = (struct unverified){
		.producer_id = q->producer_id,
		.guard = ++v->last_guard,
		.asked_ms = now_ms,
		.lowest_sequence = q->base_sequence,
		.epoch = q->epoch,
		.bumps_epochs = q->bumps_epochs,
	};
	map_insert(&v->map, &e->node, hash_u64(v->map.seed, (uint64_t)q->producer_id));
	return e;
}

uint64_t verifications_ask(struct verifications **v, const struct verification_question *q, uint64_t seed,
			   int64_t now_ms)
{
	struct unverified *e;

	if (!*v) {
		*v = xcalloc(1, sizeof(**v));
		map_init(&(*v)->map, seed);
	}
	e = find(*v, q->producer_id);
	if (!e)
		e = add(*v, q, now_ms);
	if (q->epoch == e->epoch && q->base_sequence < e->lowest_sequence)
		e->lowest_sequence = q->base_sequence;
	if (q->epoch > e->epoch) {
		e->epoch = q->epoch;
		e->lowest_sequence = q->base_sequence;
	}
	return e->guard;
}
