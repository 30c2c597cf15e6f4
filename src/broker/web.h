/*
 * web: what a node answers over HTTP (odradek.http.listeners; off by default).
 *
 *	/metrics	what is counted, as Prometheus reads it
 *	/healthz	200 while the process is of use; 503 and the reason when only a restart or a person can help
 *	/readyz		200 while clients are served; 503 and what is waited for otherwise
 *
 * It answers from the moment the port is bound, so that a long recovery is seen as what it is. Nothing here is secret, and nothing is
 * changed by it; who may reach it is decided by the address it listens on.
 *
 * Threads: reactor 0; web_new before any loop runs.
 */
#ifndef ODRADEK_BROKER_WEB_H
#define ODRADEK_BROKER_WEB_H

#include <stdint.h>

#include "broker/node.h"

struct web;

/* *out is NULL where none is configured. NODE_END_PORT, the reason told, when it cannot be bound. */
enum node_end web_new(struct node *n, struct web **out);
void web_tell(const struct web *w);
/* Nothing is asked any more; what is being gathered still ends. */
void web_stop(struct web *w);
/* When the core is idle. NULL is fine. */
void web_free(struct web *w);

#endif
