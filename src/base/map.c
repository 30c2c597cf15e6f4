/*
 * map: chains in a table whose size is a power of two; the low bits of the hash choose the chain.
 *
 * The hash is a multiply-and-fold over eight bytes at a time (128-bit products, folded by xor):
 * fast and, with a seed unknown to peers, good enough that keys from the network cannot be made to
 * collide.
 *
 * When the average chain length reaches one, the table is doubled. A member of chain i of the old
 * table belongs to chain i or i + old size of the new one, so moving takes one pass over the slots.
 * At each doubling a large table costs a few nanoseconds per member, spread over the inserts that
 * made it necessary.
 */
#include "base/map.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void map_init(struct map *m, uint64_t seed)
{
	*m = (struct map){.seed = seed};
}

void map_fini(struct map *m)
{
	xfree(m->slots);
	*m = (struct map){.seed = m->seed};
}

static struct map_node **slot_of(const struct map *m, uint64_t hash)
{
	return &m->slots[hash & (m->n_slots - 1)];
}

static void grow(struct map *m)
{
	struct map_node **old = m->slots;
	size_t n_old = m->n_slots;

	m->n_slots = n_old ? 2 * n_old : 8;
	m->slots = xcalloc(m->n_slots, sizeof(struct map_node *));
	for (size_t i = 0; i < n_old; i++) {
		for (struct map_node *node = old[i], *next; node; node = next) {
			struct map_node **slot = slot_of(m, node->hash);

			next = node->next;
			node->next = *slot;
			*slot = node;
		}
	}
	xfree(old);
}

struct map_node *map_find(const struct map *m, uint64_t hash, bool (*eq)(const struct map_node *, const void *key),
			  const void *key)
{
	if (!m->n)
		return NULL;
	for (struct map_node *node = *slot_of(m, hash); node; node = node->next)
		if (node->hash == hash && eq(node, key))
			return node;
	return NULL;
}

void map_insert(struct map *m, struct map_node *node, uint64_t hash)
{
	struct map_node **slot;

	if (m->n >= m->n_slots)
		grow(m);
	slot = slot_of(m, hash);
	node->hash = hash;
	node->next = *slot;
	*slot = node;
	m->n++;
}

void map_remove(struct map *m, struct map_node *node)
{
	check(m->n > 0);
	for (struct map_node **at = slot_of(m, node->hash); *at; at = &(*at)->next) {
		if (*at == node) {
			*at = node->next;
			node->next = NULL;
			m->n--;
			return;
		}
	}
	check(false && "the member is in the map");
}

struct map_node *map_next(const struct map *m, const struct map_node *node)
{
	size_t i = 0;

	if (node) {
		if (node->next)
			return node->next;
		i = (node->hash & (m->n_slots - 1)) + 1;
	}
	for (; i < m->n_slots; i++)
		if (m->slots[i])
			return m->slots[i];
	return NULL;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 product_t;
	product_t product = (product_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define HASH_A 0x9e3779b97f4a7c15u
#define HASH_B 0xd6e8feb86659fd93u

uint64_t hash_u64(uint64_t seed, uint64_t v)
{
	return fold(v ^ seed ^ HASH_A, HASH_B ^ (seed >> 32 | seed << 32));
}

uint64_t hash_bytes(uint64_t seed, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = seed ^ fold(len ^ HASH_A, HASH_B);
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = fold(h ^ word, HASH_A ^ (seed >> 32 | seed << 32)) + HASH_B;
	}
	word = 0;
	if (len)
		memcpy(&word, p, len);
	return fold(h ^ word, HASH_B ^ seed);
}
