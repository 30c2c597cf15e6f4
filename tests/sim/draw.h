/* draw: random numbers for what tests do to a world (splitmix64); the world has its own. */
#ifndef ODRADEK_TESTS_SIM_DRAW_H
#define ODRADEK_TESTS_SIM_DRAW_H

#include <stdint.h>

/* [0, bound), bound > 0 */
static inline uint64_t draw_below(uint64_t *chance, uint64_t bound)
{
	uint64_t z = (*chance += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % bound;
}

#endif
