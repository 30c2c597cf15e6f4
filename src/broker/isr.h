/*
 * isr: asks the controller to change the in-sync replicas of partitions that this node leads
 * (AlterPartition, KIP-497), and looks for followers that have fallen behind.
 *
 * 1. One request is under way at a time; proposals made meanwhile go with the next. What a
 *    partition proposes is read when the request is made; a proposal that has been settled by then
 *    is not sent.
 * 2. A proposal is sent until the controller has answered it, or the metadata has settled it.
 *
 * Owner: reactor 0; isr_propose may be called from any thread.
 */
#ifndef ODRADEK_BROKER_ISR_H
#define ODRADEK_BROKER_ISR_H

#include <stdint.h>

struct isr;
struct node;
struct partition;

/* Outcomes of proposals. */
struct isr_counts {
	int64_t expanded;
	int64_t shrunk;
	int64_t failed;
};

struct isr *isr_new(struct node *n);
/* Call it when reactor 0 has ended. */
void isr_free(struct isr *c);
/* From now on, looks for followers that are behind. On reactor 0. */
void isr_watch(struct isr *c);
/* Takes over the reference. */
void isr_propose(struct isr *c, struct partition **p);
/* From any thread. */
void isr_counts(const struct isr *c, struct isr_counts *out);
/* Nothing more is sent. On reactor 0. */
void isr_stop(struct isr *c);

#endif
