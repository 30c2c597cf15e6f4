/*
 * map: an intrusive hash table.
 *
 * The caller hashes (hash_bytes with the map's seed) and compares. The seed comes from the env's
 * random numbers, so that nobody can choose keys that collide; nothing may depend on the order of
 * map_each.
 * Owner: whoever owns the map; there are no locks. The table grows by doubling; the cost for a
 * large one is spread over later inserts.
 */
#ifndef ODRADEK_BASE_MAP_H
#define ODRADEK_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_node {
	struct map_node *next;
	uint64_t hash;
};

struct map {
	struct map_node **slots;
	size_t n_slots; /* 0 or a power of two */
	size_t n;
	uint64_t seed;
};

void map_init(struct map *m, uint64_t seed);
void map_fini(struct map *m); /* the members stay the caller's */

/* The first node with this hash for which eq(node, key) is true; NULL when there is none. */
struct map_node *map_find(const struct map *m, uint64_t hash, bool (*eq)(const struct map_node *, const void *key),
			  const void *key);
void map_insert(struct map *m, struct map_node *node, uint64_t hash); /* does not check for an equal one */
void map_remove(struct map *m, struct map_node *node);

/*
 * map_next(m, NULL) is the first node; NULL follows the last. In map_each the current node may be
 * removed; nothing may be inserted.
 */
struct map_node *map_next(const struct map *m, const struct map_node *node);
#define map_each(it, m)                                                                                                \
	for (struct map_node *it = map_next(m, NULL), *it##_next; it && ((it##_next = map_next(m, it)) || true);       \
	     it = it##_next)

uint64_t hash_bytes(uint64_t seed, const void *p, size_t len);
uint64_t hash_u64(uint64_t seed, uint64_t v);

#endif
