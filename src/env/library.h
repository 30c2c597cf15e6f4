/*
 * library: a system shared library that few nodes need. It is loaded by name at run time and stays
 * loaded until the program ends. In the simulator there is none.
 *
 * Load it before the process gives up its privileges (real_confine), since the library may read
 * system files.
 */
#ifndef ODRADEK_ENV_LIBRARY_H
#define ODRADEK_ENV_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_symbol {
	const char *name;
	void *to; /* address of a function pointer, which is set */
};

enum { LIBRARY_WHY_MAX = 256 };

/*
 * Sets all n symbols, valid for as long as the process lives; or sets none, returns false and puts
 * the linker's message into `why`. Blocks; for startup only.
 */
bool library_open(const char *name, const struct library_symbol *v, size_t n, char why[LIBRARY_WHY_MAX]);

#endif
