/*
 * upkeep: background work for a node's logs: checkpoints, retention, flushes by time, idle files,
 * silent producers.
 *
 * It runs on reactor 0, with one timer that sleeps until something is due; the timer may fire a
 * little late, together with another wake-up of the loop. The work itself is in jobs, one at a
 * time.
 */
#ifndef ODRADEK_BROKER_UPKEEP_H
#define ODRADEK_BROKER_UPKEEP_H

struct node;
struct upkeep;

struct upkeep *upkeep_new(struct node *n);
/*
 * Logs have gone: rewrites the checkpoints at once; otherwise, after a crash, a new topic of the
 * same name would begin where the old one stood. On reactor 0.
 */
void upkeep_names_changed(struct upkeep *u);
/* A log was compacted: writes the cleaner checkpoint. On reactor 0. */
void upkeep_cleaned(struct upkeep *u);
/*
 * A cleaning, or a replica that was truncated, waits for the recovery points to be checkpointed. On
 * reactor 0.
 */
void upkeep_recovery_points_are_due(struct upkeep *u);
/* A topic has flush.ms now. On reactor 0. */
void upkeep_flushes_are_wanted(struct upkeep *u);
/* On reactor 0. The core waits for a job that runs. */
void upkeep_free(struct upkeep *u);

#endif
