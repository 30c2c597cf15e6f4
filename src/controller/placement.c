/*
 * placement: the rings of racks and brokers from which replicas are placed.
 */
#include "controller/placement.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/err.h"
#include "controller/controller.h"
#include "controller/internal.h"

/* Brokers that are visited from `offset` on, each once per epoch. */
struct ring {
	int32_t *v;
	int n;
	int at;	    /* number returned in this epoch */
	int offset; /* where an epoch begins */
	int epoch;
};

struct rack {
	struct str name; /* null: brokers without a rack */
	struct ring unfenced;
	struct ring fenced;
};

struct placement {
	const struct controller_context *ctx;
	struct rack *racks;
	int n_racks;
	int n_brokers;
	int n_unfenced;
	int replicas;
	int epoch;
	int offset; /* the rack at which the next partition begins */
};

static int random_below(const struct placement *p, int bound)
{
	return (int)(p->ctx->random(p->ctx->random_arg) % (uint64_t)bound);
}

/* ---- rings ---- */

static int32_t ring_next(struct ring *r, int epoch)
{
	if (r->n == 0)
		return -1;
	if (r->epoch != epoch) {
		r->epoch = epoch;
		r->at = 0;
		r->offset = (r->offset + 1) % r->n;
	}
	if (r->at >= r->n)
		return -1;
	return r->v[(r->at++ + r->offset) % r->n];
}

static void ring_shuffle(const struct placement *p, struct ring *r)
{
	for (int i = r->n; i > 1; i--) {
		int j = random_below(p, i);
		int32_t v = r->v[i - 1];

		r->v[i - 1] = r->v[j];
		r->v[j] = v;
	}
}

/* ---- racks ---- */

static struct rack *rack_of(struct placement *p, struct str name)
{
	for (int i = 0; i < p->n_racks; i++)
		if (str_eq(p->racks[i].name, name))
			return &p->racks[i];
	p->racks[p->n_racks].name = name;
	return &p->racks[p->n_racks++];
}

static int rack_compare(const void *a, const void *b)
{
	return str_cmp(((const struct rack *)a)->name, ((const struct rack *)b)->name);
}

static int by_id(const void *a, const void *b)
{
	int32_t x = ((const struct placement_broker *)a)->id, y = ((const struct placement_broker *)b)->id;

	return (x > y) - (x < y);
}

static int add_broker(struct placement *p, const struct placement_broker *b, int n_all)
{
	struct rack *rack = rack_of(p, b->rack);
	struct ring *ring = b->fenced ? &rack->fenced : &rack->unfenced;

	if (!ring->v) {
		ring->v = arena_array(p->ctx->arena, (size_t)n_all, sizeof(*ring->v));
		if (!ring->v)
			return -ENOMEM;
	}
	ring->v[ring->n++] = b->id;
	p->n_brokers++;
	p->n_unfenced += !b->fenced;
	return 0;
}

static int add_brokers(struct placement *p, struct placement_broker *v, int n)
{
	int err = 0;

	p->racks = arena_array(p->ctx->arena, (size_t)n, sizeof(*p->racks));
	if (!p->racks)
		return -ENOMEM;
	qsort(v, (size_t)n, sizeof(*v), by_id); /* so that the rings are sorted */
	for (int i = 0; !err && i < n; i++)
		err = add_broker(p, &v[i], n);
	return err;
}

static void begin(struct placement *p)
{
	qsort(p->racks, (size_t)p->n_racks, sizeof(*p->racks), rack_compare);
	for (int i = 0; i < p->n_racks; i++) {
		struct rack *r = &p->racks[i];

		if (r->unfenced.n > 0)
			r->unfenced.offset = random_below(p, r->unfenced.n);
		if (r->fenced.n > 0)
			r->fenced.offset = random_below(p, r->fenced.n);
	}
	p->offset = random_below(p, p->n_racks);
}

int placement_among(struct placement_broker *v, int n, const struct controller_context *ctx, int replicas,
		    struct placement **out, struct str *message)
{
	struct placement *p = arena_zalloc(ctx->arena, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->ctx = ctx;
	p->replicas = replicas;
	if (add_brokers(p, v, n))
		return -ENOMEM;
	if (p->n_unfenced == 0) {
		*message = STR("All brokers are currently fenced, or have all their log directories cordoned.");
		return ERR_INVALID_REPLICATION_FACTOR;
	}
	if (replicas > p->n_brokers) {
		*message = arena_printf(
			ctx->arena,
			"The target replication factor of %d cannot be reached because only %d broker(s) are registered "
			"or some brokers have all their log directories cordoned.",
			replicas, p->n_brokers);
		return ERR_INVALID_REPLICATION_FACTOR;
	}
	begin(p);
	*out = p;
	return 0;
}

int placement_new(const struct image *image, const struct controller_context *ctx, int replicas, struct placement **out,
		  struct str *message)
{
	struct placement_broker *v = arena_array(ctx->arena, (size_t)image_broker_count(image), sizeof(*v));
	const struct image_node *node;
	struct image_iter it;
	int n = 0;

	if (!v)
		return -ENOMEM;
	image_brokers(image, &it);
	while ((node = image_nodes_next(&it)))
		if (!node->in_controlled_shutdown && broker_has_uncordoned_directory(node))
			v[n++] = (struct placement_broker){node->id, node->fenced, node->rack};
	return placement_among(v, n, ctx, replicas, out, message);
}

/* ---- placing ---- */

static void shuffle(struct placement *p)
{
	for (int i = p->n_racks; i > 1; i--) {
		int j = random_below(p, i);
		struct rack r = p->racks[i - 1];

		p->racks[i - 1] = p->racks[j];
		p->racks[j] = r;
	}
	for (int i = 0; i < p->n_racks; i++) {
		ring_shuffle(p, &p->racks[i].unfenced);
		ring_shuffle(p, &p->racks[i].fenced);
	}
}

static int32_t rack_next(struct rack *r, int epoch)
{
	int32_t id = ring_next(&r->unfenced, epoch);

	return id >= 0 ? id : ring_next(&r->fenced, epoch);
}

/* The first replica, on the first rack that has an unfenced broker left; *rack is that rack. */
static int32_t place_first(struct placement *p, int *rack)
{
	*rack = p->offset;
	for (int tries = 0; tries < p->n_racks; tries++) {
		int32_t id = ring_next(&p->racks[*rack].unfenced, p->epoch);

		if (id >= 0)
			return id;
		*rack = (*rack + 1) % p->n_racks;
	}
	check(!"an epoch has an unfenced broker to begin with");
	return -1;
}

void placement_next(struct placement *p, int32_t *replicas)
{
	int first, rack;

	if (p->epoch == p->n_unfenced && p->n_unfenced > 1) {
		shuffle(p);
		p->epoch = 0;
	}
	if (p->offset == p->n_racks)
		p->offset = 0;
	replicas[0] = place_first(p, &first);
	rack = p->offset;
	for (int i = 1; i < p->replicas; i++) {
		int32_t id = -1;

		while (id < 0) {
			/* The rack of the first replica is skipped once. */
			if (rack == first)
				first = -1;
			else
				id = rack_next(&p->racks[rack], p->epoch);
			rack = (rack + 1) % p->n_racks;
		}
		replicas[i] = id;
	}
	p->epoch++;
	p->offset++;
}
