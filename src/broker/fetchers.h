/*
 * fetchers: this node's replicas that another broker leads: one connection a leader, over which Fetch asks for all of them (Kafka's
 * ReplicaFetcherManager). What is to be done with an answer is decided by replication/following.h.
 *
 * 1. A replica is followed from the moment that the metadata says who leads it, whether or not anybody has asked for it here.
 * 2. One request a leader is under way at a time. A partition fetches at the end of its log; where a flush is promised, not before it is
 *    flushed: what a fetch says this replica has, it has.
 * 3. A leader that moves to another address, or goes, takes its connection with it.
 *
 * Owner: reactor 0.
 */
#ifndef ODRADEK_BROKER_FETCHERS_H
#define ODRADEK_BROKER_FETCHERS_H

struct fetchers;
struct image;
struct node;

struct fetchers *fetchers_new(struct node *n);
/* When reactor 0 has ended. */
void fetchers_free(struct fetchers *f);
/* After the table of partitions has followed it. */
void fetchers_follow(struct fetchers *f, const struct image *image);
/* Nothing more is fetched. */
void fetchers_stop(struct fetchers *f);

#endif
