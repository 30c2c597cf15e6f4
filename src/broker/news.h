/*
 * news: log lines and counts of what a commit of the metadata has changed: brokers that come and
 * go, leaders that move, reassignments, SCRAM credentials.
 *
 * 1. Every node counts; the node that leads the quorum also logs: one line per event, however many
 *    partitions it affects.
 * 2. Events within a second of the last line of their kind are summed up in one line when that
 *    second is over; of brokers and of credentials, so many are told of first.
 *
 * Owner: the quorum's loop.
 */
#ifndef ODRADEK_BROKER_NEWS_H
#define ODRADEK_BROKER_NEWS_H

#include <stdint.h>

struct controller;
struct env;
struct image;
struct loop;
struct news;

/* Since the start, for the part of the metadata that this node has followed. */
struct news_counts {
	int64_t brokers_fenced;
	int64_t brokers_unfenced;
	int64_t leaders_moved;
	int64_t unclean_elections; /* of a replica that was neither in sync nor eligible */
	int64_t elr_elections;	   /* of an eligible replica (KIP-966) */
	int64_t reassignments_begun;
	int64_t reassignments_ended;
};

struct news *news_new(struct env *env, struct loop *loop);
/* Nothing more is logged. */
void news_stop(struct news *n);
void news_free(struct news *n);

/* From one committed image to the next. `leads`: the controller of a node that leads, else NULL. */
void news_tell(struct news *n, const struct controller *leads, const struct image *old, const struct image *now);
const struct news_counts *news_counts(const struct news *n);

#endif
