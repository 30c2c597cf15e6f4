/* library, real: loads a library with the system's dynamic linker. */
#include "env/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

bool library_open(const char *name, const struct library_symbol *v, size_t n, char why[LIBRARY_WHY_MAX])
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	bool has_all = library;

	for (size_t i = 0; has_all && i < n; i++)
		has_all = dlsym(library, v[i].name);
	if (!has_all) {
		const char *said = dlerror();

		snprintf(why, LIBRARY_WHY_MAX, "%s", said ? said : "it lacks what is needed");
		if (library)
			dlclose(library);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		void *address = dlsym(library, v[i].name);

		memcpy(v[i].to, &address, sizeof(address));
	}
	return true;
}
