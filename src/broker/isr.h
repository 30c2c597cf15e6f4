/*
 * isr: the controller is asked to change the in-sync replicas of partitions that this node leads (AlterPartition, KIP-497), and followers
 * that fell behind are looked for.
 *
 * 1. One request is under way at a time; what is proposed meanwhile goes with the next. What a partition proposes is read when the request
 *    is made, and not sent when it has been settled by then.
 * 2. A proposal is sent until the controller has answered it, or the metadata says otherwise.
 *
 * Owner: reactor 0; isr_propose from any thread.
 */
#ifndef ODRADEK_BROKER_ISR_H
#define ODRADEK_BROKER_ISR_H

#include <stdint.h>

struct isr;
struct node;
struct partition;

/* What has become of proposals. */
struct isr_counts {
	int64_t expanded;
	int64_t shrunk;
	int64_t failed;
};

struct isr *isr_new(struct node *n);
/* When reactor 0 has ended. */
void isr_free(struct isr *c);
/* Looks for followers that are behind, from now on. On reactor 0. */
void isr_watch(struct isr *c);
/* Takes over the reference. */
void isr_propose(struct isr *c, struct partition **p);
/* From any thread. */
void isr_counts(const struct isr *c, struct isr_counts *out);
/* Nothing more is said. On reactor 0. */
void isr_stop(struct isr *c);

#endif
