/*
 * key_map: linear probing in the order of the hashes (Amble and Knuth, "Ordered hash tables",
 * 1974).
 */
#include "log/key_map.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

struct key_entry {
	struct hash128 hash;
	int64_t offset; /* plus 1; 0 = free */
};

_Static_assert(sizeof(struct key_entry) == KEY_MAP_ENTRY, "an entry is as large as Kafka's");

enum { SLOTS_MIN = 1024, BEHIND = 256 };

void key_map_init(struct key_map *m, struct siphash_key key, int64_t bytes, double load_factor)
{
	*m = (struct key_map){.key = key, .max_slots = bytes / KEY_MAP_ENTRY};
	if (m->max_slots < 1)
		m->max_slots = 1;
	m->max = (int64_t)((double)m->max_slots * (load_factor < 1 ? load_factor : 1));
	if (m->max < 1)
		m->max = 1;
}

void key_map_fini(struct key_map *m)
{
	xfree(m->entries);
	m->entries = NULL;
	m->slots = m->total = m->n = 0;
}

void key_map_clear(struct key_map *m)
{
	if (m->entries)
		memset(m->entries, 0, (size_t)m->total * sizeof(*m->entries));
	m->n = 0;
}

static inline bool is_below(const struct hash128 *a, const struct hash128 *b)
{
	return a->hi != b->hi ? a->hi < b->hi : a->lo < b->lo;
}

static inline int64_t home_of(const struct key_map *m, const struct hash128 *h)
{
	return (int64_t)((unsigned __int128)h->hi * (uint64_t)m->slots >> 64);
}

/* The index of the hash, or where it would be inserted. */
static inline int64_t find(const struct key_map *m, const struct hash128 *h)
{
	int64_t i = home_of(m, h);

	while (i < m->total && m->entries[i].offset && is_below(&m->entries[i].hash, h))
		i++;
	return i;
}

static inline bool is_at(const struct key_map *m, int64_t i, const struct hash128 *h)
{
	return i < m->total && m->entries[i].offset && m->entries[i].hash.hi == h->hi && m->entries[i].hash.lo == h->lo;
}

/*
 * Moves all entries to the end of a larger table, then each to its place, which never comes after
 * where it is.
 */
static void grow(struct key_map *m)
{
	int64_t slots = m->slots ? 4 * m->slots : SLOTS_MIN;
	int64_t old = m->total;

	if (slots > m->max_slots)
		slots = m->max_slots;
	m->slots = slots;
	m->total = slots + BEHIND;
	m->entries = xreallocarray(m->entries, (size_t)m->total, sizeof(*m->entries));
	xhint_scattered(m->entries, (size_t)m->total * sizeof(*m->entries));
	memset(m->entries + old, 0, (size_t)(m->total - old) * sizeof(*m->entries));
	int64_t to = m->total;
	for (int64_t from = old - 1; from >= 0; from--) {
		struct key_entry e = m->entries[from];

		m->entries[from].offset = 0;
		if (e.offset)
			m->entries[--to] = e;
	}
	int64_t at = 0;
	for (; to < m->total; to++, at++) {
		struct key_entry e = m->entries[to];
		int64_t home = home_of(m, &e.hash);

		m->entries[to].offset = 0;
		if (at < home)
			at = home;
		check(at <= to);
		m->entries[at] = e;
	}
}

/* Makes room at i by shifting the entries that follow by one; false when there is none. */
static bool shift(struct key_map *m, int64_t i)
{
	int64_t free = i;

	while (free < m->total && m->entries[free].offset)
		free++;
	if (free == m->total)
		return false;
	memmove(&m->entries[i + 1], &m->entries[i], (size_t)(free - i) * sizeof(*m->entries));
	return true;
}

struct hash128 key_map_hash(const struct key_map *m, struct bytes key)
{
	struct hash128 h = siphash(m->key, key.p, (size_t)key.len);

	if (m->entries)
		__builtin_prefetch(&m->entries[home_of(m, &h)]);
	return h;
}

bool key_map_put(struct key_map *m, struct hash128 h, int64_t offset)
{
	int64_t i = find(m, &h);

	if (is_at(m, i, &h)) {
		m->entries[i].offset = offset + 1;
		return true;
	}
	if (m->n >= m->max)
		return false;
	if (m->slots < m->max_slots && m->n >= m->slots / 2) {
		grow(m);
		i = find(m, &h);
	}
	if (!shift(m, i))
		return false;
	m->entries[i] = (struct key_entry){h, offset + 1};
	m->n++;
	return true;
}

int64_t key_map_get(const struct key_map *m, struct hash128 h)
{
	int64_t i = find(m, &h);

	return is_at(m, i, &h) ? m->entries[i].offset - 1 : -1;
}

double key_map_load(const struct key_map *m)
{
	return (double)m->n / (double)m->max_slots;
}
