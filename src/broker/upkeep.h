/*
 * upkeep: what a node does for its logs while nobody asks: checkpoints, retention, flushes by time, idle files, silent producers.
 *
 * On reactor 0, by one timer that sleeps until something is due; the work itself is in jobs, one at a time.
 */
#ifndef ODRADEK_BROKER_UPKEEP_H
#define ODRADEK_BROKER_UPKEEP_H

struct node;
struct upkeep;

struct upkeep *upkeep_new(struct node *n);
/* On reactor 0. A job that runs is the core's to wait for. */
void upkeep_free(struct upkeep *u);

#endif
