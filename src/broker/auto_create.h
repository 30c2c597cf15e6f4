/*
 * auto_create: topics that are created because a client asked for them (auto.create.topics.enable,
 * and the coordinators' own).
 *
 * All names of a request are created by one call. It ends when the core's image has every topic
 * that was created, with a leader for each partition; when it is clear that this will not happen;
 * or after a few seconds, since the client will ask again.
 */
#ifndef ODRADEK_BROKER_AUTO_CREATE_H
#define ODRADEK_BROKER_AUTO_CREATE_H

#include <stdbool.h>

#include "broker/core.h"
#include "broker/quorum.h"

struct auto_create {
	struct quorum_request q;
	struct quorum_client client;
	struct image_waiter waiter;
	struct timer timer;
	struct core *core;
	struct arena *arena;
	const struct str *names;
	int n;
	bool decided;  /* the controller has answered */
	bool finished; /* done was called */
	void (*done)(struct auto_create *c);
	void *arg;
};

/*
 * On whose behalf: the client is charged for what is created (controller_mutation_rate), wherever
 * the controller is.
 */
struct auto_create_for {
	struct core *core;
	struct arena *arena;
	struct request *request; /* NULL: the node itself wants the topics */
};

/*
 * names stay the caller's until done(), which is called later, on the core, exactly once. False
 * when the arena is spent: done() is then not called.
 */
bool auto_create_start(struct auto_create *c, const struct auto_create_for *whom, const struct str *names, int n);
/* The caller no longer waits: done() is called as soon as nothing of c is used elsewhere. */
void auto_create_hurry(struct auto_create *c);

#endif
