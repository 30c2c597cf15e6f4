/*
 * played_controller: a controller that the test plays: it listens in the simulator, greets, and answers what the test says, or does not.
 */
#ifndef ODRADEK_TESTS_BROKER_PLAYED_CONTROLLER_H
#define ODRADEK_TESTS_BROKER_PLAYED_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "env/sim/sim.h"

#define PLAYED_PORT 9093

/* What has come. */
struct played_request {
	int16_t key;
	int16_t version;
	int32_t correlation_id;
	struct str client_id;
	const void *in;
	struct arena *arena; /* what the answer points to */
};

enum played_act { PLAYED_ANSWER, PLAYED_LATE, PLAYED_SILENCE, PLAYED_GARBAGE, PLAYED_HANG_UP };

struct played_controller {
	int machine;
	struct sim_world *sim;
	struct net *net;
	/* Fills `out`, which is at its defaults; on the controller's loop. */
	enum played_act (*act)(struct played_controller *p, const struct played_request *r, void *out);
	int16_t lacks;	 /* an API that it does not say it speaks; 0: it speaks all */
	int16_t older;	 /* an API of which it speaks no version above the next; 0: none */
	int16_t newest;	 /* of that one */
	int64_t late_ms; /* of PLAYED_LATE: the answer comes so much later */
	int n_asked;
	int n_connections; /* so far */
};

/* Listens, at PLAYED_PORT of the machine. machine, sim and act are set. */
void played_start(struct played_controller *p);

#endif
