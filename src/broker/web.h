/*
 * web: what a node serves over HTTP (odradek.http.listeners; off by default).
 *
 *	/metrics	metrics for Prometheus
 *	/healthz	200 while the process is of use; 503 and the reason when only a restart or an operator can help
 *	/readyz		200 while clients are served; otherwise 503 and what is waited for
 *
 * It answers from the moment the port is bound, so that a long recovery can be observed. Nothing
 * here is secret, and nothing can be changed through it; access is controlled by the address on
 * which it listens.
 *
 * Threads: reactor 0; web_new before any loop runs.
 */
#ifndef ODRADEK_BROKER_WEB_H
#define ODRADEK_BROKER_WEB_H

#include "broker/node.h"

struct web;

/* *out is NULL when none is configured. NODE_END_PORT, with the reason logged, when it cannot be bound. */
enum node_end web_new(struct node *n, struct web **out);
void web_tell(const struct web *w);
/* No more requests; a collection under way still ends. */
void web_stop(struct web *w);
/* When the core is idle. NULL is allowed. */
void web_free(struct web *w);

#endif
