/*
 * library: a shared library of the system that few nodes need, looked up by name while the program runs and kept until its end. In the
 * simulator there is none.
 *
 * Before the process gives anything up (real_confine), since the library may look at files of the system.
 */
#ifndef ODRADEK_ENV_LIBRARY_H
#define ODRADEK_ENV_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_symbol {
	const char *name;
	void *to; /* the address of a pointer to a function, which is set */
};

enum { LIBRARY_WHY_MAX = 256 };

/* Sets all n symbols, for as long as the process lives; or none: false, with the linker's words in why. Blocks, and is for the start. */
bool library_open(const char *name, const struct library_symbol *v, size_t n, char why[LIBRARY_WHY_MAX]);

#endif
