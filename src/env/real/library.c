/*
 * library, real: the system's dynamic linker.
 */
#include "env/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

bool library_open(const char *name, const struct library_symbol *v, size_t n, char why[LIBRARY_WHY_MAX])
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library && i < n; i++) {
		void *address = dlsym(library, v[i].name);

		if (!address) {
			dlclose(library);
			library = NULL;
		} else {
			memcpy(v[i].to, &address, sizeof(address));
		}
	}
	if (!library) {
		const char *said = dlerror();

		snprintf(why, LIBRARY_WHY_MAX, "%s", said ? said : "it lacks what is needed");
	}
	return library;
}
