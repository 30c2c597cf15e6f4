/* sim_log: a log as a list of batches, which are shared between memory, disk and nodes. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "tests/raft/quorum_sim.h"
#include "wire/batch.h"

static void drop(struct sim_batch *b)
{
	if (--b->refs == 0)
		xfree(b);
}

void sim_log_fini(struct sim_log *l)
{
	for (int i = 0; i < l->n; i++)
		drop(l->v[i]);
	xfree(l->v);
	*l = (struct sim_log){0};
}

static void add(struct sim_log *l, struct sim_batch *b)
{
	check(b->base == l->end);
	if (l->n == l->room) {
		l->room = 2 * l->room + 4;
		l->v = xreallocarray(l->v, (size_t)l->room, sizeof(struct sim_batch *));
	}
	l->v[l->n++] = b;
	l->end = b->end;
}

void sim_log_copy(struct sim_log *to, const struct sim_log *from)
{
	struct sim_log copy = {.start = from->start, .end = from->start};

	for (int i = 0; i < from->n; i++) {
		from->v[i]->refs++;
		add(&copy, from->v[i]);
	}
	sim_log_fini(to);
	*to = copy;
}

void sim_log_append(struct sim_log *l, const uint8_t *bytes, size_t len)
{
	struct sim_batch *b = xmalloc(sizeof(*b) + len);
	struct batch_header h;

	check(batch_header_read(bytes, len, &h) == 0 && batch_size(&h) == (int64_t)len);
	*b = (struct sim_batch){
		.refs = 1,
		.base = h.base_offset,
		.end = batch_last_offset(&h) + 1,
		.epoch = h.leader_epoch,
		.crc = h.crc,
		.len = len,
	};
	memcpy(b->bytes, bytes, len);
	add(l, b);
}

void sim_log_truncate(struct sim_log *l, int64_t end)
{
	check(end >= l->start && end <= l->end);
	while (l->n > 0 && l->v[l->n - 1]->end > end) {
		check(l->v[l->n - 1]->base >= end); /* between two batches */
		drop(l->v[--l->n]);
	}
	l->end = end;
}

void sim_log_restart(struct sim_log *l, int64_t offset)
{
	sim_log_fini(l);
	l->start = l->end = offset;
}

void sim_log_clean(struct sim_log *l, int64_t start)
{
	int gone = 0;

	check(start >= l->start && start <= l->end);
	while (gone < l->n && l->v[gone]->end <= start)
		drop(l->v[gone++]);
	l->n -= gone;
	memmove(l->v, l->v + gone, (size_t)l->n * sizeof(struct sim_batch *));
	l->start = start;
}

const struct sim_batch *sim_log_at(const struct sim_log *l, int64_t offset)
{
	int low = 0;
	int high = l->n;

	while (low < high) {
		int mid = (low + high) / 2;

		if (l->v[mid]->end <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n && l->v[low]->base <= offset ? l->v[low] : NULL;
}

bool sim_batch_eq(const struct sim_batch *a, const struct sim_batch *b)
{
	return a == b || (a->base == b->base && a->end == b->end && a->epoch == b->epoch && a->crc == b->crc);
}
