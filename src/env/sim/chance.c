/*
 * chance: xoshiro256** 1.0 (D. Blackman and S. Vigna, 2018), its four words filled by splitmix64
 * from the seed.
 */
#include "base/check.h"
#include "env/sim/sim_priv.h"

void chance_init(struct chance *c, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = (seed += 0x9e3779b97f4a7c15u);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		c->s[i] = z ^ (z >> 31);
	}
}

static uint64_t rotate_left(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

uint64_t chance_u64(struct chance *c)
{
	uint64_t *s = c->s;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

/* The remainder's bias is below 2^-40 for every bound that is used here. */
uint64_t chance_below(struct chance *c, uint64_t bound)
{
	check(bound > 0);
	return chance_u64(c) % bound;
}

bool chance_ppm(struct chance *c, uint32_t ppm)
{
	return ppm && chance_below(c, 1000000) < ppm;
}

int64_t chance_between(struct chance *c, int64_t low, int64_t high)
{
	check(low <= high);
	return low + (int64_t)chance_below(c, (uint64_t)(high - low) + 1);
}
