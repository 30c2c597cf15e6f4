/*
 * api: the rows, which api.tbl has in order of their keys.
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

#define N_ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

const struct api *api_find(int key)
{
	int low = 0, high = N_ROWS;

	while (low < high) {
		int middle = (low + high) / 2;

		if (rows[middle]->key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < N_ROWS && rows[low]->key == key ? rows[low] : NULL;
}

const struct api *api_row(int i)
{
	return i < N_ROWS ? rows[i] : NULL;
}
