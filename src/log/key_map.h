/*
 * key_map: the newest offset of each key, in bounded memory (log.cleaner.dedupe.buffer.size).
 *
 * 1. A key is represented by its hash (128-bit SipHash with a random key). An entry takes 24 bytes,
 *    as Kafka's does, so that a map of the same size holds as many keys.
 * 2. Entries are sorted by hash, each at or a little after the slot that its hash points to. A
 *    look-up ends at the first larger hash, so an absent key costs no more than a present one, even
 *    when the map is nearly full.
 * 3. The map begins small and grows in place, up to its bound.
 * 4. The map is larger than the processor's caches, so a look-up is a cache miss. key_map_hash
 *    therefore prefetches the slot; hashing several keys before the first look-up makes their
 *    misses overlap.
 *
 * Owner: one cleaning at a time.
 */
#ifndef ODRADEK_LOG_KEY_MAP_H
#define ODRADEK_LOG_KEY_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "base/str.h"

enum { KEY_MAP_ENTRY = 24 };

struct key_entry;

struct key_map {
	struct key_entry *entries;
	int64_t slots; /* slots that hashes are spread over */
	int64_t total; /* slots in all, including the overflow at the end */
	int64_t n;     /* keys */
	int64_t max;   /* maximum number of keys */
	int64_t max_slots;
	struct siphash_key key;
};

/* bytes / 24 slots, of which the share load_factor may be used; at least one. */
void key_map_init(struct key_map *m, struct siphash_key key, int64_t bytes, double load_factor);
void key_map_fini(struct key_map *m);
void key_map_clear(struct key_map *m);
struct hash128 key_map_hash(const struct key_map *m, struct bytes key);
/* False when there is no room for another key; the offset of an existing key is always set. */
bool key_map_put(struct key_map *m, struct hash128 key, int64_t offset);
/* -1 when the key is absent. */
int64_t key_map_get(const struct key_map *m, struct hash128 key);
/* The number of keys as a share of the maximum. */
double key_map_load(const struct key_map *m);

#endif
