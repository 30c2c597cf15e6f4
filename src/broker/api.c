/*
 * api: the rows, by key.
 */
#include "broker/api.h"

#include <stddef.h>

#include "base/check.h"

#define API(name) extern const struct api api_##name;
#include "broker/api.tbl"
#undef API

static const struct api *const rows[] = {
#define API(name) &api_##name,
#include "broker/api.tbl"
#undef API
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

const struct api *api_row(int i)
{
	return i >= 0 && (size_t)i < N_ROWS ? rows[i] : NULL;
}

void api_table_fill(struct api_table *t)
{
	*t = (struct api_table){0};
	for (size_t i = 0; i < N_ROWS; i++) {
		check(rows[i]->key >= 0 && rows[i]->key < API_KEYS_MAX && !t->by_key[rows[i]->key]);
		t->by_key[rows[i]->key] = rows[i];
	}
}
