/*
 * api: the rows, by key.
 */
#include "broker/api.h"

#include <stddef.h>

#define API(name) extern const struct api api_##name;
#include "broker/api.tbl"
#undef API

static const struct api *const rows[] = {
#define API(name) &api_##name,
#include "broker/api.tbl"
#undef API
};

const struct api *api_find(int key)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i]->key == key)
			return rows[i];
	return NULL;
}
