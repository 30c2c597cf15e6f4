/*
 * fetchers: keeps this node's replicas up to date with their leaders on other brokers:
 * num.replica.fetchers connections per leader, over which records are fetched (Kafka's
 * ReplicaFetcherManager). replication/following.h decides what to do with an answer.
 *
 * 1. A replica is followed as soon as the metadata says who leads it, whether or not it has been
 *    used here.
 * 2. One request of a fetcher is under way at a time, and a replica has one fetcher. A partition
 *    fetches from the end of its log; where a flush is promised, only once the log is flushed,
 *    because a fetch tells the leader what this replica has.
 * 3. A leader that moves to another address, or goes, takes its connection with it.
 *
 * Owner: reactor 0.
 */
#ifndef ODRADEK_BROKER_FETCHERS_H
#define ODRADEK_BROKER_FETCHERS_H

#include <stdint.h>

struct fetchers;
struct image;
struct node;
struct partition;
struct topic_state;

struct fetchers *fetchers_new(struct node *n);
/* Call it when reactor 0 has ended. */
void fetchers_free(struct fetchers *f);
/* Call it after the table of partitions has followed the image. */
void fetchers_follow(struct fetchers *f, const struct image *image);
/* Nothing more is fetched. */
void fetchers_stop(struct fetchers *f);

/* ---- numbers ---- */

struct fetched_number {
	struct partition *partition; /* a reference */
	int32_t leader;
	int fetcher;		       /* index, below num.replica.fetchers */
	int64_t leader_high_watermark; /* from its last answer; -1: there was no answer */

	/* counted in the job */
	struct topic_state *topic; /* a reference */
	int32_t id;
	int64_t lag; /* records behind that high watermark; -1: not known */
};

struct fetcher_numbers {
	struct fetched_number *v;
	int n, cap;
	int64_t n_failed; /* partitions not fetched until their leader epoch changes */
	int64_t n_leaders;
	double rate_min; /* answers per second, from the leader with the fewest; 0 without any */
	int64_t lag_max; /* counted in the job */
};

/* On reactor 0. */
void fetchers_numbers(const struct fetchers *f, struct fetcher_numbers *out);
/* In a job. */
void fetcher_numbers_count(struct fetcher_numbers *numbers);
void fetcher_numbers_fini(struct fetcher_numbers *numbers);

#endif
