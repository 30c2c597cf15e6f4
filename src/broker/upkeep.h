/*
 * upkeep: what a node does for its logs while nobody asks: checkpoints, retention, flushes by time, idle files, silent producers.
 *
 * On reactor 0, by one timer that sleeps until something is due, and a little longer when something else wakes the loop then; the work itself is in jobs, one at a time.
 */
#ifndef ODRADEK_BROKER_UPKEEP_H
#define ODRADEK_BROKER_UPKEEP_H

struct node;
struct upkeep;

struct upkeep *upkeep_new(struct node *n);
/*
 * Logs have gone: what the checkpoints say of them is written anew at once, or a topic of the same name would begin, after a crash, where
 * the old one stood. On reactor 0.
 */
void upkeep_names_changed(struct upkeep *u);
/* A log was compacted: the checkpoint of that is written. On reactor 0. */
void upkeep_cleaned(struct upkeep *u);
/* Somebody waits for the recovery points to be written down: a cleaning, or a replica that was cut. On reactor 0. */
void upkeep_recovery_points_are_due(struct upkeep *u);
/* A topic has flush.ms now. On reactor 0. */
void upkeep_flushes_are_wanted(struct upkeep *u);
/* On reactor 0. A job that runs is the core's to wait for. */
void upkeep_free(struct upkeep *u);

#endif
