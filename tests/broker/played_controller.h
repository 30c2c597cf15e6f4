/*
 * played_controller: a controller played by the test: it listens in the simulator, negotiates
 * versions, and answers what the test says, or not at all.
 */
#ifndef ODRADEK_TESTS_BROKER_PLAYED_CONTROLLER_H
#define ODRADEK_TESTS_BROKER_PLAYED_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "env/sim/sim.h"

#define PLAYED_PORT 9093

/* A received request. */
struct played_request {
	int16_t key;
	int16_t version;
	int32_t correlation_id;
	struct str client_id;
	const void *in;
	struct arena *arena; /* for what the answer points to */
};

enum played_act { PLAYED_ANSWER, PLAYED_LATE, PLAYED_SILENCE, PLAYED_GARBAGE, PLAYED_HANG_UP };

struct played_controller {
	int machine;
	struct sim_world *sim;
	struct net *net;
	/* Fills in `out`, which has default values; called on the controller's loop. */
	enum played_act (*act)(struct played_controller *p, const struct played_request *r, void *out);
	int16_t lacks;	 /* an API it does not advertise; 0: it advertises all */
	int16_t older;	 /* an API of which it supports no version above `newest`; 0: none */
	int16_t newest;	 /* highest version of the API in `older` */
	int64_t late_ms; /* for PLAYED_LATE: the delay of the answer */
	int n_asked;
	int n_connections; /* so far */
};

/* Listens at PLAYED_PORT of the machine. machine, sim and act must be set. */
void played_start(struct played_controller *p);

#endif
