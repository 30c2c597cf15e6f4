/*
 * epochs: reads, writes and truncates the list in leader-epoch-checkpoint.
 *
 *	0                   version
 *	2                   entries
 *	3 0                 epoch, start offset
 *	5 120
 */
#include "log/epochs.h"

#include "base/mem.h"
#include "log/text.h"

void epochs_fini(struct epochs *e)
{
	xfree(e->v);
	*e = (struct epochs){0};
}

int32_t epochs_last(const struct epochs *e)
{
	return e->n ? e->v[e->n - 1].epoch : -1;
}

void epochs_copy(struct epochs *to, const struct epochs *from)
{
	*to = (struct epochs){.n = from->n, .cap = from->n};
	if (from->n > 0) {
		to->v = xmalloc((size_t)from->n * sizeof(*to->v));
		memcpy(to->v, from->v, (size_t)from->n * sizeof(*to->v));
	}
}

bool epochs_assign(struct epochs *e, int32_t epoch, int64_t start)
{
	const struct epoch_start *last = e->n ? &e->v[e->n - 1] : NULL;

	if (epoch < 0 || start < 0 || (last && last->epoch == epoch && last->start <= start))
		return false;
	while (e->n && (e->v[e->n - 1].epoch >= epoch || e->v[e->n - 1].start >= start))
		e->n--;
	if (e->n == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 2;
		e->v = xreallocarray(e->v, (size_t)e->cap, sizeof(*e->v));
	}
	e->v[e->n++] = (struct epoch_start){.epoch = epoch, .start = start};
	return true;
}

struct epoch_end epochs_end_of(const struct epochs *e, int32_t epoch, int64_t log_end)
{
	int higher = 0;

	if (epoch < 0 || e->n == 0)
		return (struct epoch_end){-1, -1};
	if (epochs_last(e) == epoch)
		return (struct epoch_end){epoch, log_end};
	while (higher < e->n && e->v[higher].epoch <= epoch)
		higher++;
	if (higher == e->n)
		return (struct epoch_end){-1, -1};
	return (struct epoch_end){higher ? e->v[higher - 1].epoch : epoch, e->v[higher].start};
}

int32_t epochs_of(const struct epochs *e, int64_t offset)
{
	int i = e->n;

	while (i > 0 && e->v[i - 1].start > offset)
		i--;
	return i ? e->v[i - 1].epoch : -1;
}

bool epochs_truncate_end(struct epochs *e, int64_t end)
{
	int n = e->n;

	while (e->n && e->v[e->n - 1].start >= end)
		e->n--;
	return e->n != n;
}

bool epochs_truncate_start(struct epochs *e, int64_t start)
{
	int below = 0; /* entries at or below the new start: the last of them now begins there */

	while (below < e->n && e->v[below].start <= start)
		below++;
	if (below == 0 || (below == 1 && e->v[0].start == start))
		return false;
	e->v[below - 1].start = start;
	for (int i = below - 1; i < e->n; i++)
		e->v[i - below + 1] = e->v[i];
	e->n -= below - 1;
	return true;
}

int epochs_below(const struct epochs *e, int64_t end)
{
	int n = e->n;

	while (n > 0 && e->v[n - 1].start >= end)
		n--;
	return n;
}

void epochs_format(const struct epochs *e, int64_t end, struct buf *out)
{
	int n = epochs_below(e, end);

	buf_printf(out, "0\n%d\n", n);
	for (int i = 0; i < n; i++)
		buf_printf(out, "%d %lld\n", e->v[i].epoch, (long long)e->v[i].start);
}

static bool parse_entries(struct epochs *e, struct text *t)
{
	int64_t n;

	if (!text_header(t, &n))
		return n == 0;
	for (int64_t i = 0; i < n; i++) {
		int64_t epoch;
		int64_t start;

		if (!text_number(t, &epoch) || !text_number(t, &start) || !text_end_line(t) || epoch < 0 ||
		    epoch > INT32_MAX || start < 0)
			return false;
		if (e->n && (epoch <= epochs_last(e) || start <= e->v[e->n - 1].start))
			continue; /* an older entry that a crash has left: the first one counts */
		epochs_assign(e, (int32_t)epoch, start);
	}
	return text_at_end(t);
}

bool epochs_parse(struct epochs *e, struct str text)
{
	struct text t = {text.p, text.p + text.len};

	e->n = 0;
	if (text.len > 0 && text.p[text.len - 1] != '\n') /* the rest of a number may be missing */
		return false;
	if (parse_entries(e, &t))
		return true;
	e->n = 0;
	return false;
}
