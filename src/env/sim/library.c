/* library, sim: a simulated machine has no shared libraries, unless a test provides substitutes. */
#include "env/library.h"

#include <stdio.h>
#include <string.h>

#include "env/sim/sim.h"

static sim_library_fn *find_symbol;

void sim_library(sim_library_fn *find)
{
	find_symbol = find;
}

bool library_open(const char *name, const struct library_symbol *v, size_t n, char why[LIBRARY_WHY_MAX])
{
	if (!find_symbol) {
		snprintf(why, LIBRARY_WHY_MAX, "%s: there are no libraries in the simulator", name);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		void (*function)(void) = find_symbol(v[i].name);

		memcpy(v[i].to, &function, sizeof(function));
	}
	return true;
}
