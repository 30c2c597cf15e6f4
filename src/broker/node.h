/*
 * node: a whole Odradek node, made from an env and a configuration: broker, controller, or both.
 *
 * 1. It has no state outside itself: the simulator runs several nodes in one process. Signals, exit
 *    codes and standard output belong to the caller (cli/start.c).
 * 2. node_start returns when the node's directories are open, its metadata log is replayed and its
 *    listeners are bound; it blocks and is called before any of the node's loops runs. What follows
 *    (registration, recovery, serving) is reported through `event`.
 * 3. node_stop may be called from any thread, and more than once. A process that ends without it
 *    loses nothing that was acknowledged: the next start recovers. `event` reports
 *    NODE_EVENT_STOPPED once, then node_free.
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
	NODE_EVENT_WAITING, /* the stop is still going on; the text says what it waits for, about once a second */
	NODE_EVENT_STOPPED, /* everything is closed; nothing runs any more but the loops themselves */
};

/* Why a start or a run ended: the program's exit codes. */
enum node_end {
	NODE_END_CLEAN = 0,
	NODE_END_CONFIG = 1, /* or a cluster that does not accept the broker */
	NODE_END_STORAGE = 2,
	NODE_END_PORT = 3,
};

struct node_options {
	struct env *env;
	const struct config *config; /* outlives the node */
	int n_reactors;		     /* 0: as odradek.reactors says */
	const char *release;	     /* of this program, for the first line */
	/* the keys that encrypt logs, or memory for them; NULL: from odradek.log.encryption.key.file, if set */
	struct atrest_keys *log_keys;
	struct jvm_options jvm; /* what they point to outlives the node */
	/* Called on a loop of the node; must not block. */
	void (*event)(void *arg, enum node_event event, const char *text);
	void *arg;
};

/* NULL and *end on failure; the reason is logged. */
struct node *node_start(const struct node_options *options, enum node_end *end);
/* Starts a thread for each of the node's loops. Not called in the simulator, which runs the loops itself. */
void node_run(struct node *n);
void node_stop(struct node *n);
/*
 * Call it after NODE_EVENT_STOPPED, and not on one of the node's loops. Returns how the run ended:
 * clean, or storage that failed.
 */
enum node_end node_free(struct node *n);

/* The port to which listener `name` is bound; 0 when there is no such listener. */
uint16_t node_port(const struct node *n, const char *name);

#endif
