/*
 * metrics: the node's metrics, in Prometheus' text format 0.0.4.
 *
 * 1. A row is a family: node and partition families are in metrics.tbl, those of topics in
 *    counters.tbl, those of requests in metrics_print.c.
 * 2. Collecting does not hold up requests: partitions are walked in a job, each locked only while a
 *    few numbers are copied; groups and their offsets are copied by the core that has them. One
 *    collection runs at a time; requests made meanwhile are answered by the next.
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
/* Call it when no collection is under way. NULL is allowed. */
void metrics_free(struct metrics *m);

/* Collects, and calls done once with the text, which done takes over. */
void metrics_gather(struct metrics *m, void (*done)(void *arg, struct buf *text), void *arg);

#endif
