/*
 * sight: what the principal of a request may be told of by a coordinator that looks for topics itself, as patterns of consumer groups do
 * (KIP-848): those that it may describe.
 */
#ifndef ODRADEK_BROKER_SIGHT_H
#define ODRADEK_BROKER_SIGHT_H

struct request;
struct shard_asker;

/* In the request's arena; NULL without an authorizer. */
const struct shard_asker *sight_asker(struct request *r);

#endif
