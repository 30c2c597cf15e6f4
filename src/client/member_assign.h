/*
 * member_assign: what the leader of a classic group does: shares out partitions among the members. Pure functions over an arena.
 */
#ifndef ODRADEK_CLIENT_MEMBER_ASSIGN_H
#define ODRADEK_CLIENT_MEMBER_ASSIGN_H

#include "base/arena.h"
#include "client/member.h"
#include "protocol/consumer_protocol.h"
#include "protocol/metadata.h"

/* A member: what it has told, and its part of what is shared out. Strings are the join's and the metadata's. */
struct share {
	struct str member_id;
	struct str instance_id;
	struct consumer_protocol_subscription subscription;
	struct consumer_protocol_assignment assignment;
};

struct str strategy_name(enum strategy s);

/* Static members first, by their names, then the others by their ids: Kafka's order. Sorts their topics too. */
void shares_sort(struct share *v, int n);

void strs_sort(struct str *v, size_t n);

/*
 * Shares out all partitions of the topics. Cooperative: a partition that another member still says it has is given to nobody, until that
 * one has given it up and the group joins again. False when the arena is spent.
 */
bool shares_assign(enum strategy s, struct arena *a, struct share *v, int n, const struct metadata_response *m);

#endif
