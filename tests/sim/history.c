#include "tests/sim/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void history_init(struct history *h, uint64_t seed, int n_keys)
{
	check(n_keys <= HISTORY_KEYS_MAX);
	*h = (struct history){.seed = seed, .n_keys = n_keys};
}

/* Plain malloc: a history is not part of any node's memory. */
void history_fini(struct history *h)
{
	for (int i = 0; i < HISTORY_PARTITIONS_MAX; i++)
		free(h->partitions[i].v);
}

static uint64_t stir(uint64_t v)
{
	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
	return v ^ (v >> 31);
}

static uint64_t chance_of(const struct history *h, int producer, int64_t number)
{
	return stir(h->seed + (uint64_t)number * 64 + (uint64_t)producer);
}

static int key_of(const struct history *h, int producer, int64_t number)
{
	return h->n_keys ? (int)(stir(chance_of(h, producer, number)) % (uint64_t)h->n_keys) : 0;
}

static bool is_tombstone(const struct history *h, int producer, int64_t number)
{
	return h->n_keys && stir(chance_of(h, producer, number) + 1) % 6 == 0;
}

/* Used instead of snprintf, for speed: a run writes these texts most of the time. Numbers must not be negative. */
static char *put_text(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = '\0';
	return to;
}

static char *put_number(char *to, int64_t number)
{
	char digits[20];
	int n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n > 0)
		*to++ = digits[--n];
	*to = '\0';
	return to;
}

static size_t put_name(char *to, int producer, int64_t number)
{
	char *at = put_number(put_text(to, "p"), producer);

	return (size_t)(put_text(put_number(put_text(at, " n"), number), " ") - to);
}

/*
 * "p<producer> n<number> ", followed by bytes whose number and content depend on both. Most records
 * are small, some are not.
 */
static struct bytes value_of(const struct history *h, int producer, int64_t number)
{
	uint64_t chance = chance_of(h, producer, number);
	int32_t filler = (int32_t)(chance % 16 ? chance % 200 : chance % 40000);
	char *p = xmalloc(72 + (size_t)filler);
	int32_t len = (int32_t)put_name(p, producer, number);

	for (int32_t i = 0; i < filler; i += (int32_t)sizeof(chance), chance = chance * 0x9e3779b97f4a7c15u + 1)
		memcpy(p + len + i, &chance, sizeof(chance)); /* up to seven bytes too many, for which there is room */
	return (struct bytes){(uint8_t *)p, len + filler};
}

void history_record(const struct history *h, int producer, int64_t number, struct history_record *out)
{
	out->value = BYTES_NULL;
	out->key[0] = '\0';
	if (h->n_keys)
		put_number(put_text(out->key, "key"), key_of(h, producer, number));
	put_name(out->name, producer, number);
	if (!is_tombstone(h, producer, number))
		out->value = value_of(h, producer, number);
}

static struct told *at(struct history *h, int partition, int64_t offset)
{
	int64_t n = h->partitions[partition].n;

	check(partition >= 0 && partition < HISTORY_PARTITIONS_MAX && offset >= 0 && offset < 1 << 20);
	if (offset >= h->partitions[partition].cap) {
		h->partitions[partition].cap = 2 * offset + 64;
		h->partitions[partition].v =
			realloc(h->partitions[partition].v, (size_t)h->partitions[partition].cap * sizeof(struct told));
		check(h->partitions[partition].v);
	}
	for (; n <= offset; n++)
		h->partitions[partition].v[n] = (struct told){.producer = -1};
	h->partitions[partition].n = n;
	return &h->partitions[partition].v[offset];
}

void history_sent(struct history *h, int producer, int64_t number)
{
	check(number <= h->sent[producer]);
	if (number == h->sent[producer])
		h->sent[producer]++;
}

/* One offset, one record: every source must say the same. */
static struct told *learn(struct history *h, int partition, int64_t offset, int producer, int64_t number)
{
	struct told *t = at(h, partition, offset);

	if (t->producer < 0)
		*t = (struct told){.producer = producer, .number = number};
	check(t->producer == producer);
	check(t->number == number);
	return t;
}

void history_acknowledged(struct history *h, int partition, int64_t offset, int producer, int64_t number)
{
	learn(h, partition, offset, producer, number)->acknowledged = true;
	h->acknowledged++;
}

/* The value of a tombstone's header; otherwise the record's value. */
static struct bytes name_in(const struct record *r)
{
	struct bytes rest = r->headers;
	struct record_header header;

	if (r->value.p)
		return r->value;
	check(r->n_headers == 1 && record_header_next(&rest, &header));
	return header.value;
}

static bool is_text(struct bytes b, const char *text)
{
	size_t len = strlen(text);

	return len ? b.p && (size_t)b.len == len && memcmp(b.p, text, len) == 0 : !b.p;
}

int history_read(struct history *h, int partition, const struct record *r)
{
	struct bytes name = name_in(r);
	struct history_record want;
	char text[65] = "";
	long long number;
	int producer;

	memcpy(text, name.p, name.len < 64 ? (size_t)name.len : 64);
	check(sscanf(text, "p%d n%lld ", &producer, &number) == 2);
	check(producer >= 0 && producer < HISTORY_PRODUCERS_MAX && number >= 0 && number < h->sent[producer]);
	history_record(h, producer, number, &want);
	check(is_text(r->key, want.key));
	check(!want.value.p == !r->value.p && (!r->value.p || bytes_eq(want.value, r->value)));
	xfree((void *)want.value.p);
	learn(h, partition, r->offset, producer, number);
	h->read++;
	return key_of(h, producer, number);
}

int64_t history_newest(const struct history *h, int partition, int key, bool *tombstone)
{
	for (int64_t offset = h->partitions[partition].n - 1; offset >= 0; offset--) {
		const struct told *t = &h->partitions[partition].v[offset];

		if (t->producer < 0 || !t->acknowledged || key_of(h, t->producer, t->number) != key)
			continue;
		*tombstone = is_tombstone(h, t->producer, t->number);
		return offset;
	}
	return -1;
}

bool history_buried(const struct history *h, int partition, int key, int64_t offset)
{
	for (int64_t i = offset + 1; i < h->partitions[partition].n; i++) {
		const struct told *t = &h->partitions[partition].v[i];

		if (t->producer >= 0 && key_of(h, t->producer, t->number) == key &&
		    is_tombstone(h, t->producer, t->number))
			return true;
	}
	return false;
}

static bool is_below(const struct history *h, int partition, int64_t end, int producer, int64_t number)
{
	for (int64_t i = 0; i < end && i < h->partitions[partition].n; i++) {
		const struct told *t = &h->partitions[partition].v[i];

		if (t->producer == producer && t->number == number)
			return true;
	}
	return false;
}

bool history_goes_on(const struct history *h, int partition, int key, int64_t end)
{
	for (int producer = 0; producer < HISTORY_PRODUCERS_MAX; producer++)
		for (int64_t n = h->sent[producer] - 1; n >= 0; n--)
			if (key_of(h, producer, n) == key && !is_below(h, partition, end, producer, n))
				return true;
	return false;
}

void history_lost(struct history *h)
{
	h->losses++;
	for (int i = 0; i < HISTORY_PARTITIONS_MAX; i++)
		h->partitions[i].n = 0;
}

/* With losses a producer may send again what it had sent before, but one log never contains it twice. */
void history_end(const struct history *h, int partition, int64_t end_offset)
{
	int64_t next[HISTORY_PRODUCERS_MAX] = {0};

	check(h->partitions[partition].n <= end_offset);
	for (int64_t offset = 0; offset < h->partitions[partition].n; offset++) {
		const struct told *t = &h->partitions[partition].v[offset];

		check(t->producer >= 0);
		if (!h->idempotent[t->producer])
			continue;
		check(t->number >= next[t->producer]);
		next[t->producer] = t->number + 1;
	}
	check(h->partitions[partition].n == end_offset);
}
