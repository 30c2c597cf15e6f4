/*
 * hash_order: the order in which Java walks its HashMap and HashSet. Some of what Kafka writes and assigns rests on it.
 *
 * A table has a power of two of slots, grows when more than three quarters of them would be taken, and is walked slot by slot; those of one
 * slot are in the order in which they came. So an array that is put into the order of its table is what Kafka walks. (Java makes trees of
 * slots of more than eight, whose order is that too but for the first; it is not imitated.)
 */
#ifndef ODRADEK_BASE_HASH_ORDER_H
#define ODRADEK_BASE_HASH_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of a table that began with `table` slots when it holds n; a new HashMap() begins with 16. */
size_t order_table(size_t table, size_t n);
size_t order_table_for(size_t capacity); /* new HashMap(capacity) */
size_t order_table_of_copy(size_t n);	 /* new HashSet(of n), which is never below 16 */
size_t order_table_of_map(size_t n);	 /* new HashMap(of n) */

/* Where a hash stands in a table. */
static inline uint32_t order_slot(int32_t hash, size_t table)
{
	uint32_t h = (uint32_t)hash;

	return (h ^ h >> 16) & (uint32_t)(table - 1);
}

/*
 * Puts the n members of `size` bytes, whose hashes are given (and moved along), into the order of a table; those of one slot stay in the
 * order they have.
 */
void order_members(void *v, int32_t n, size_t size, int32_t *hashes, size_t table);
bool order_is_kept(const int32_t *hashes, int32_t n, size_t table); /* they are in it */

#endif
