/*
 * refusals: the bounded list of refused first batches.
 */
#include "log/refusals.h"

#include "base/mem.h"

struct refusal {
	int64_t producer_id;
	int32_t base_sequence;
	int16_t epoch;
	bool stands;
};

struct refusals {
	struct refusal v[REFUSALS_MAX];
	int next;
};

void refusals_free(struct refusals *r)
{
	xfree(r);
}

static const struct refusal *find(const struct refusals *r, const struct batch_header *h)
{
	for (int i = 0; r && i < REFUSALS_MAX; i++)
		if (r->v[i].stands && r->v[i].producer_id == h->producer_id && r->v[i].epoch == h->producer_epoch)
			return &r->v[i];
	return NULL;
}

void refusals_add(struct refusals **r, const struct batch_header *h)
{
	if (find(*r, h))
		return;
	if (!*r)
		*r = xcalloc(1, sizeof(**r));
	(*r)->v[(*r)->next] = (struct refusal){h->producer_id, h->base_sequence, h->producer_epoch, true};
	(*r)->next = ((*r)->next + 1) % REFUSALS_MAX;
}

bool refusals_stand_against(const struct refusals *r, const struct batch_header *h)
{
	const struct refusal *refusal = find(r, h);

	return refusal && refusal->base_sequence != h->base_sequence;
}

void refusals_remove(struct refusals *r, const struct batch_header *h)
{
	const struct refusal *refusal = find(r, h);

	if (refusal)
		r->v[refusal - r->v].stands = false;
}
