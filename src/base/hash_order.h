/*
 * hash_order: the order in which Java iterates over its HashMap and HashSet. Some of what Kafka
 * writes and assigns depends on it.
 *
 * A table has a power of two of slots, grows when more than three quarters of them would be taken,
 * and is iterated slot by slot; entries in one slot are in insertion order. An array put into the
 * order of its table is therefore what Kafka iterates over. (Java turns slots of more than eight
 * entries into trees, whose order is the same except for the first entry; that is not imitated.)
 */
#ifndef ODRADEK_BASE_HASH_ORDER_H
#define ODRADEK_BASE_HASH_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The size that a table which started with `table` slots has when it holds n entries. A new
 * HashMap() starts with 16.
 */
size_t order_table(size_t table, size_t n);
size_t order_table_for(size_t capacity); /* for new HashMap(capacity) */
size_t order_table_of_copy(size_t n);	 /* for new HashSet(collection of n), which has at least 16 slots */
size_t order_table_of_map(size_t n);	 /* for new HashMap(map of n) */

/* The slot of a hash in a table. */
static inline uint32_t order_slot(int32_t hash, size_t table)
{
	uint32_t h = (uint32_t)hash;

	return (h ^ h >> 16) & (uint32_t)(table - 1);
}

/*
 * Sorts n members of `size` bytes, whose hashes are given (and moved along with them), into the
 * order of a table. The sort is stable: members of one slot keep their order.
 */
void order_members(void *v, int32_t n, size_t size, int32_t *hashes, size_t table);
bool order_is_kept(const int32_t *hashes, int32_t n, size_t table); /* whether they are already in that order */

#endif
