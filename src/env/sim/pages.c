/*
 * pages: an array of pages, as long as the last page written. A page that was allocated but never
 * written shares the page of zeros.
 */
#include <string.h>

#include "env/sim/sim_priv.h"

static uint8_t zeros[PAGE_BYTES]; /* never written to */

static void page_free(uint8_t *page)
{
	if (page != zeros)
		sim_free(page);
}

void pages_fini(struct pages *p)
{
	for (size_t i = 0; i < p->n; i++)
		page_free(p->v[i]);
	sim_free(p->v);
	*p = (struct pages){0};
}

static size_t within(int64_t pos, size_t len, size_t *page, size_t *at)
{
	*page = (size_t)(pos / PAGE_BYTES);
	*at = (size_t)(pos % PAGE_BYTES);
	return len < PAGE_BYTES - *at ? len : PAGE_BYTES - *at;
}

void pages_read(const struct pages *p, void *out, size_t len, int64_t pos)
{
	uint8_t *to = out;

	while (len) {
		size_t page, at, n = within(pos, len, &page, &at);

		if (page < p->n && p->v[page])
			memcpy(to, p->v[page] + at, n);
		else
			memset(to, 0, n);
		to += n;
		pos += (int64_t)n;
		len -= n;
	}
}

static void grow(struct pages *p, size_t page)
{
	size_t n = page + 1 > 2 * p->n ? page + 1 : 2 * p->n;
	uint8_t **v;

	if (page < p->n)
		return;
	v = sim_alloc(n * sizeof(*v));
	if (p->n)
		memcpy(v, p->v, p->n * sizeof(*v));
	sim_free(p->v);
	p->v = v;
	p->n = n;
}

void pages_allocate(struct pages *p, int64_t pos)
{
	size_t page = (size_t)(pos / PAGE_BYTES);

	grow(p, page);
	if (p->v[page])
		return;
	p->v[page] = zeros;
	p->n_used++;
}

/* Returns the page to write n bytes into; it is zeroed only if n is less than a page. */
static uint8_t *page_for_write(struct pages *p, size_t page, size_t n)
{
	grow(p, page);
	p->n_used += !p->v[page];
	if (!p->v[page] || p->v[page] == zeros)
		p->v[page] = n < PAGE_BYTES ? sim_alloc(PAGE_BYTES) : sim_alloc_raw(PAGE_BYTES);
	return p->v[page];
}

void pages_write(struct pages *p, const void *data, size_t len, int64_t pos)
{
	const uint8_t *from = data;

	while (len) {
		size_t page, at, n = within(pos, len, &page, &at);

		memcpy(page_for_write(p, page, n) + at, from, n);
		from += n;
		pos += (int64_t)n;
		len -= n;
	}
}

void pages_cut(struct pages *p, int64_t size)
{
	size_t keep = (size_t)((size + PAGE_BYTES - 1) / PAGE_BYTES);
	size_t at = (size_t)(size % PAGE_BYTES);

	if (at && keep <= p->n && p->v[keep - 1] && p->v[keep - 1] != zeros)
		memset(p->v[keep - 1] + at, 0, PAGE_BYTES - at);
	for (size_t i = keep; i < p->n; i++) {
		if (p->v[i])
			p->n_used--;
		page_free(p->v[i]);
		p->v[i] = NULL;
	}
}

void pages_copy(struct pages *to, const struct pages *from, int64_t pos, int64_t len)
{
	while (len > 0) {
		size_t page, at, n = within(pos, (size_t)len, &page, &at);
		uint8_t *copy = page_for_write(to, page, n) + at;

		if (page < from->n && from->v[page])
			memcpy(copy, from->v[page] + at, n);
		else
			memset(copy, 0, n);
		pos += (int64_t)n;
		len -= (int64_t)n;
	}
}

int64_t pages_missing(const struct pages *p, int64_t pos, int64_t len)
{
	int64_t missing = 0;

	if (len <= 0)
		return 0;
	for (size_t i = (size_t)(pos / PAGE_BYTES); i <= (size_t)((pos + len - 1) / PAGE_BYTES); i++)
		missing += i >= p->n || !p->v[i];
	return missing;
}
