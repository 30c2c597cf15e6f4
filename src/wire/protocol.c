/* protocol: look-ups in the generated tables. */
#include "wire/protocol.h"

#include <stddef.h>

const struct api_info *api_info_find(int key)
{
	int low = 0, high = api_infos_n;

	while (low < high) {
		int middle = (low + high) / 2;

		if (api_infos[middle].key == key)
			return &api_infos[middle];
		if (api_infos[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
