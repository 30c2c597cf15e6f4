/*
 * cm: cmocka with the headers it requires, and random numbers for tests (splitmix64: good, tiny,
 * the same everywhere).
 */
#ifndef ODRADEK_TESTS_BASE_CM_H
#define ODRADEK_TESTS_BASE_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* must follow the headers above */
#include <cmocka.h>

static inline uint64_t cm_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

#endif
