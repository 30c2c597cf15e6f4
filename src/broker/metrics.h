/*
 * metrics: what a node knows of itself, as Prometheus reads it (text format 0.0.4).
 *
 * 1. A row is a family: node and partition families in metrics.tbl, those of topics in counters.tbl, those of requests in metrics.c.
 * 2. Gathering costs nobody who is served: partitions are walked in a job, each locked as long as it takes to copy a few numbers; groups and
 *    their offsets are copied by the core that has them. One
 *    gathering at a time; who asks meanwhile is answered by the next.
 *
 * Threads: reactor 0.
 */
#ifndef ODRADEK_BROKER_METRICS_H
#define ODRADEK_BROKER_METRICS_H

#include "base/buf.h"

struct metrics;
struct node;

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics *metrics_new(struct node *n);
/* When nothing is gathered. NULL is fine. */
void metrics_free(struct metrics *m);

/* Gathers, and calls done once with the text, which is taken. */
void metrics_gather(struct metrics *m, void (*done)(void *arg, struct buf *text), void *arg);

#endif
