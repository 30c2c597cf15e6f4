/*
 * die, sim: reports a failed check in a simulated world with the seed, the last events, and how to
 * reproduce the run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "env/sim/sim_priv.h"

static struct sim_world *last_world;

void sim_set_last_world(struct sim_world *w)
{
	last_world = w;
}

void die_say(const char *text)
{
	fputs(text, stderr);
}

_Noreturn void die(void)
{
	char line[256];

	if (last_world) {
		die_say("the last events:\n");
		sim_print_trace(last_world, die_say);
		snprintf(line, sizeof(line), "seed %" PRIu64 ", trace hash %016" PRIx64 ", after %" PRIu64 " events\n",
			 last_world->seed, sim_trace_hash(last_world), sim_events(last_world));
		die_say(line);
		if (last_world->name) {
			snprintf(line, sizeof(line), "run it again: %s\n", last_world->name);
			die_say(line);
		}
	}
	fflush(stderr);
	abort();
}
