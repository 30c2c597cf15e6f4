/* ids: formatting, searching and comparing lists of ids. */
#include "cli/ids.h"

#include <string.h>

struct str ids_text(struct tool *t, struct id_list l)
{
	struct buf b = {0};
	struct str out;

	for (int32_t i = 0; i < l.n; i++)
		buf_printf(&b, "%s%d", i ? "," : "", l.v[i]);
	out = b.len ? arena_str(&t->arena, buf_str(&b)) : STR("");
	buf_fini(&b);
	return out;
}

json_t *ids_json(struct id_list l)
{
	json_t *a = l.n < 0 ? json_null() : json_array();

	for (int32_t i = 0; i < l.n; i++)
		json_array_append_new(a, json_integer(l.v[i]));
	return a;
}

bool ids_have(struct id_list l, int32_t id)
{
	for (int32_t i = 0; i < l.n; i++)
		if (l.v[i] == id)
			return true;
	return false;
}

bool id_lists_equal(struct id_list a, struct id_list b)
{
	return a.n == b.n && (a.n <= 0 || memcmp(a.v, b.v, (size_t)a.n * sizeof(*a.v)) == 0);
}

struct id_list ids_new(struct tool *t, int cap)
{
	return (struct id_list){arena_array(&t->arena, (size_t)cap + 1, sizeof(int32_t)), 0};
}

void ids_add(struct id_list *l, int32_t id)
{
	if (!ids_have(*l, id))
		l->v[l->n++] = id;
}

int id_compare(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}
