/* str_index: a map whose nodes hold a string and its number. */
#include "base/str_index.h"

#include "base/list.h"
#include "base/mem.h"

struct slot {
	struct map_node node;
	struct str s;
	int number;
};

void str_index_init(struct str_index *x, uint64_t seed)
{
	map_init(&x->map, seed);
}

void str_index_fini(struct str_index *x)
{
	map_each(n, &x->map)
	{
		map_remove(&x->map, n);
		xfree(container_of(n, struct slot, node));
	}
	map_fini(&x->map);
}

static bool slot_eq(const struct map_node *n, const void *key)
{
	return str_eq(container_of(n, struct slot, node)->s, *(const struct str *)key);
}

static uint64_t hash_of(const struct str_index *x, struct str s)
{
	return hash_bytes(x->map.seed, s.p ? s.p : "", (size_t)s.len);
}

bool str_index_has(const struct str_index *x, struct str s)
{
	return map_find(&x->map, hash_of(x, s), slot_eq, &s) != NULL;
}

int str_index_get(const struct str_index *x, struct str s)
{
	struct map_node *n = map_find(&x->map, hash_of(x, s), slot_eq, &s);

	return n ? container_of(n, struct slot, node)->number : -1;
}

int *str_index_at(struct str_index *x, struct str s)
{
	uint64_t hash = hash_of(x, s);
	struct map_node *n = map_find(&x->map, hash, slot_eq, &s);
	struct slot *slot;

	if (n)
		return &container_of(n, struct slot, node)->number;
	slot = xmalloc(sizeof(*slot));
	*slot = (struct slot){.s = s, .number = -1};
	map_insert(&x->map, &slot->node, hash);
	return &slot->number;
}
