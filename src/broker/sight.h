/*
 * sight: which topics a coordinator that looks up topics itself, as for the patterns of consumer
 * groups (KIP-848), may reveal to the principal of a request: those that it may describe.
 */
#ifndef ODRADEK_BROKER_SIGHT_H
#define ODRADEK_BROKER_SIGHT_H

struct request;
struct shard_asker;

/* In the request's arena; NULL without an authorizer. */
const struct shard_asker *sight_asker(struct request *r);

#endif
