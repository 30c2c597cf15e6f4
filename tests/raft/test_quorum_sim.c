/*
 * test_quorum_sim: clusters of brains in the simulator, one per seed.
 *
 *	test_quorum_sim [--seeds FIRST..LAST] [--seed N] [--trace]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/raft/quorum_sim.h"

#define SEEDS_IN_CHECK 300
/* This many seeds meet everything. */
#define SEEDS_FOR_ALL 200

static void run(struct sim_options *o, uint64_t seed)
{
	o->seed = seed;
	sim_run(o);
	if (o->trace)
		printf("seed %llu hash %016llx\n", (unsigned long long)seed, (unsigned long long)o->hash);
}

/* The same seed gives the same run. */
static int check_repeats(uint64_t seed)
{
	struct sim_options a = {.seed = seed};
	struct sim_options b = {.seed = seed};

	sim_run(&a);
	sim_run(&b);
	if (a.hash == b.hash && a.n_events == b.n_events)
		return 0;
	fprintf(stderr, "seed %llu is not the same twice\n", (unsigned long long)seed);
	return 1;
}

static int report(const struct sim_options *o, uint64_t n_seeds)
{
	int n_missing = 0;

	printf("%llu seeds, %llu events", (unsigned long long)n_seeds, (unsigned long long)o->n_events);
	for (int i = 0; i < MET_N; i++) {
		printf(", %s %llu", sim_met_name((enum sim_met)i), (unsigned long long)o->met[i]);
		if (o->met[i] == 0 && n_seeds >= SEEDS_FOR_ALL) {
			fprintf(stderr, "never met: %s\n", sim_met_name((enum sim_met)i));
			n_missing++;
		}
	}
	printf("\n");
	return n_missing > 0;
}

int main(int argc, char **argv)
{
	struct sim_options o = {0};
	unsigned long long first = 1;
	unsigned long long last = SEEDS_IN_CHECK;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0) {
			o.trace = true;
		} else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
			first = last = strtoull(argv[++i], NULL, 10);
		} else if (i + 1 >= argc || strcmp(argv[i], "--seeds") != 0 ||
			   sscanf(argv[++i], "%llu..%llu", &first, &last) != 2) {
			fprintf(stderr, "usage: test_quorum_sim [--seeds FIRST..LAST] [--seed N] [--trace]\n");
			return 2;
		}
	}
	for (uint64_t seed = first; seed <= last; seed++)
		run(&o, seed);
	return report(&o, last - first + 1) || check_repeats(first);
}
