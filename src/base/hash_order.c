/* hash_order: the sizes of Java's hash tables, and sorting an array into a table's iteration order. */
#include "base/hash_order.h"

#include <string.h>

#include "base/mem.h"

size_t order_table(size_t table, size_t n)
{
	while (n > (size_t)((double)table * 0.75))
		table *= 2;
	return table;
}

size_t order_table_for(size_t capacity)
{
	size_t table = 1;

	while (table < capacity)
		table *= 2;
	return table;
}

/* Both constructors compute (int)(n / .75f + 1), in floats. */
size_t order_table_of_map(size_t n)
{
	return order_table_for((size_t)((float)n / 0.75f + 1.0f));
}

size_t order_table_of_copy(size_t n)
{
	size_t table = order_table_for((size_t)((float)n / .75f) + 1);

	return table < 16 ? 16 : table;
}

bool order_is_kept(const int32_t *hashes, int32_t n, size_t table)
{
	for (int32_t i = 1; i < n; i++) {
		if (order_slot(hashes[i - 1], table) > order_slot(hashes[i], table))
			return false;
	}
	return true;
}

/* A stable counting sort by slot, with a copy of the members. */
void order_members(void *v, int32_t n, size_t size, int32_t *hashes, size_t table)
{
	uint32_t *start;
	uint8_t *aside;
	int32_t *moved;

	if (order_is_kept(hashes, n, table))
		return;
	start = xcalloc(table + 1, sizeof(*start));
	aside = xreallocarray(NULL, (size_t)n, size);
	moved = xreallocarray(NULL, (size_t)n, sizeof(*moved));
	for (int32_t i = 0; i < n; i++)
		start[order_slot(hashes[i], table) + 1]++;
	for (size_t i = 1; i <= table; i++)
		start[i] += start[i - 1];
	for (int32_t i = 0; i < n; i++) {
		uint32_t at = start[order_slot(hashes[i], table)]++;

		memcpy(aside + at * size, (const uint8_t *)v + (size_t)i * size, size);
		moved[at] = hashes[i];
	}
	memcpy(v, aside, (size_t)n * size);
	memcpy(hashes, moved, (size_t)n * sizeof(*moved));
	xfree(start);
	xfree(aside);
	xfree(moved);
}
