/* protocol: look-ups in the generated tables. */
#include "wire/protocol.h"

#include <stddef.h>

const struct api_info *api_info_find(int key)
{
	int low = 0, high = api_infos_n;

	/* As long as no key is left out, each has its own place. */
	if (key >= 0 && key < api_infos_n && api_infos[key].key == key)
		return &api_infos[key];
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
