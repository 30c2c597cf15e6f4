/*
 * fetchers: this node's replicas that another broker leads: num.replica.fetchers connections a leader, over which Fetch asks for them (Kafka's
 * ReplicaFetcherManager). What is to be done with an answer is decided by replication/following.h.
 *
 * 1. A replica is followed from the moment that the metadata says who leads it, whether or not anybody has asked for it here.
 * 2. One request of a fetcher is under way at a time, and a replica has one fetcher. A partition fetches at the end of its log; where a
 *    flush is promised, not before it is flushed: what a fetch says this replica has, it has.
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
/* When reactor 0 has ended. */
void fetchers_free(struct fetchers *f);
/* After the table of partitions has followed it. */
void fetchers_follow(struct fetchers *f, const struct image *image);
/* Nothing more is fetched. */
void fetchers_stop(struct fetchers *f);

/* ---- numbers ---- */

struct fetched_number {
	struct partition *partition; /* a reference */
	int32_t leader;
	int fetcher;		       /* which of num.replica.fetchers */
	int64_t leader_high_watermark; /* as its last answer had it; -1: there was none */

	/* counted */
	struct topic_state *topic; /* a reference */
	int32_t id;
	int64_t lag; /* records behind that high watermark; -1: not known */
};

struct fetcher_numbers {
	struct fetched_number *v;
	int n, cap;
	int64_t n_failed; /* partitions that are not fetched any more until there is another leader epoch */
	int64_t n_leaders;
	double rate_min; /* answers a second, of the leader with the fewest; 0 without any */
	int64_t lag_max; /* counted */
};

/* On reactor 0. */
void fetchers_numbers(const struct fetchers *f, struct fetcher_numbers *out);
/* In a job. */
void fetcher_numbers_count(struct fetcher_numbers *numbers);
void fetcher_numbers_fini(struct fetcher_numbers *numbers);

#endif
