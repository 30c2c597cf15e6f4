/*
 * throttled: parses the lists of throttled replicas and looks up partitions.
 */
#include "replication/throttled.h"

#include <stdlib.h>

#include "base/mem.h"

/* Digits up to `end` or the end of the text; false: not a number. */
static bool take_number(struct str *text, char end, int32_t *out)
{
	int64_t v = 0;
	int i = 0;

	for (; i < text->len && text->p[i] != end; i++) {
		if (text->p[i] < '0' || text->p[i] > '9')
			return false;
		v = 10 * v + (text->p[i] - '0');
		if (v > INT32_MAX)
			return false;
	}
	*out = (int32_t)v;
	text->p += i < text->len ? i + 1 : i;
	text->len -= i < text->len ? i + 1 : i;
	return i > 0;
}

static int by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static int count_commas(struct str text)
{
	int n = 0;

	for (int i = 0; i < text.len; i++)
		n += text.p[i] == ',';
	return n;
}

void throttled_init(struct throttled *t, struct str text, int32_t broker)
{
	*t = (struct throttled){.all = str_is(text, "*")};
	if (t->all || text.len == 0)
		return;
	t->partitions = xcalloc((size_t)count_commas(text) + 1, sizeof(*t->partitions));
	while (text.len > 0) {
		int32_t partition, of;

		if (!take_number(&text, ':', &partition) || !take_number(&text, ',', &of))
			break;
		if (of == broker)
			t->partitions[t->n++] = partition;
	}
	qsort(t->partitions, (size_t)t->n, sizeof(*t->partitions), by_number);
}

void throttled_fini(struct throttled *t)
{
	xfree(t->partitions);
}

bool throttled_has(const struct throttled *t, int32_t partition)
{
	return t->all ||
	       (t->n > 0 && bsearch(&partition, t->partitions, (size_t)t->n, sizeof(*t->partitions), by_number));
}
