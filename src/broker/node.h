/*
 * node: everything one Odradek is made of, born with an env and a configuration; broker and controller, or one of them.
 *
 * 1. There is no state outside of it: the simulator runs five nodes in one process. Signals, exit codes and standard output belong to
 *    whoever runs it (cli/start.c).
 * 2. node_start returns when the node's directories are open, its metadata log is replayed and its listeners are bound; it blocks and
 *    is called before any of the node's loops runs. What follows (registration, recovery, serving) is told by `event`.
 * 3. node_stop may be called from any thread, and again, which changes nothing. A process that ends without it loses nothing that was
 *    acknowledged: the next start recovers. `event` says NODE_EVENT_STOPPED once, then node_free.
 */
#ifndef ODRADEK_BROKER_NODE_H
#define ODRADEK_BROKER_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"
#include "security/jvm_options.h"

struct atrest_keys;
struct config;
struct node;

enum node_event {
	NODE_EVENT_STARTED, /* serving */
	NODE_EVENT_WAITING, /* a stop goes on: what is waited for, about once a second */
	NODE_EVENT_STOPPED, /* all is closed; nothing runs any more but the loops themselves */
};

/* Why a start or a run ended: the program's exit codes. */
enum node_end {
	NODE_END_CLEAN = 0,
	NODE_END_CONFIG = 1, /* or a cluster that does not let the broker in */
	NODE_END_STORAGE = 2,
	NODE_END_PORT = 3,
};

struct node_options {
	struct env *env;
	const struct config *config; /* outlives the node */
	int n_reactors;		     /* 0: as odradek.reactors says */
	const char *release;	     /* of this program, for the first line */
	struct atrest_keys *
		log_keys; /* what logs are encrypted with, or memory for it; NULL: odradek.log.encryption.key.file's, if set */
	struct jvm_options jvm; /* what they point to outlives the node */
	/* On a loop of the node; must not block. */
	void (*event)(void *arg, enum node_event event, const char *text);
	void *arg;
};

/* NULL and *end on failure, the reason told to diag. */
struct node *node_start(const struct node_options *options, enum node_end *end);
/* The loops run on threads of their own from now on. Not called in the simulator, which runs the loops itself. */
void node_run(struct node *n);
void node_stop(struct node *n);
/* After NODE_EVENT_STOPPED. Not on one of the node's loops. What the run ended as: clean, or the storage that failed. */
enum node_end node_free(struct node *n);

/* The port that listener `name` is bound to; 0 when there is none of that name. */
uint16_t node_port(const struct node *n, const char *name);

#endif
