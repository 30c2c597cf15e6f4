/*
 * key_map: the newest offset of each key, in memory that is bounded from the start (log.cleaner.dedupe.buffer.size).
 *
 * 1. A key is its hash (SipHash of 128 bits, keyed by chance). An entry is 24 bytes, as Kafka's, so that a map of the same bytes holds as
 *    many keys.
 * 2. Entries stand in the order of their hashes, each at or a little behind the place its hash asks for. A look-up ends at the first that is
 *    larger: what is not there costs no more than what is, also when the map is nearly full.
 * 3. It begins small and grows in place, up to its bound.
 * 4. A look-up is a miss of the processor's caches, as the map is larger than they are. So the hash comes first and has the memory fetched;
 *    who hashes some keys before the first of them is looked up waits once for all.
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
	int64_t slots; /* that hashes are spread over */
	int64_t total; /* and some behind them */
	int64_t n;     /* keys */
	int64_t max;   /* keys it may hold */
	int64_t max_slots;
	struct siphash_key key;
};

/* bytes / 24 slots, of which load_factor may be taken; at least one. */
void key_map_init(struct key_map *m, struct siphash_key key, int64_t bytes, double load_factor);
void key_map_fini(struct key_map *m);
void key_map_clear(struct key_map *m);
struct hash128 key_map_hash(const struct key_map *m, struct bytes key);
/* False when there is no room for another key; an old key's offset is always set. */
bool key_map_put(struct key_map *m, struct hash128 key, int64_t offset);
/* -1 when it is not there. */
int64_t key_map_get(const struct key_map *m, struct hash128 key);
/* How full it is, of all it may hold. */
double key_map_load(const struct key_map *m);

#endif
