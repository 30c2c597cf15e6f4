/*
 * member_assign: how the leader of a classic group distributes partitions among the members. Pure
 * functions over an arena.
 */
#ifndef ODRADEK_CLIENT_MEMBER_ASSIGN_H
#define ODRADEK_CLIENT_MEMBER_ASSIGN_H

#include "base/arena.h"
#include "client/member.h"
#include "protocol/consumer_protocol.h"
#include "protocol/metadata.h"

/*
 * A member: its subscription, and its part of the assignment. Strings belong to the join response
 * and the metadata.
 */
struct share {
	struct str member_id;
	struct str instance_id;
	struct consumer_protocol_subscription subscription;
	struct consumer_protocol_assignment assignment;
};

struct str strategy_name(enum strategy s);

/*
 * Sorts as Kafka does: static members first, by instance id, then the others, by member id. Also
 * sorts their topics.
 */
void shares_sort(struct share *v, int n);

void strs_sort(struct str *v, size_t n);

/*
 * Assigns all partitions of the topics. Cooperative: a partition that another member still claims
 * is assigned to nobody, until that member has given it up and the group joins again. False when
 * the arena's budget is spent.
 */
bool shares_assign(enum strategy s, struct arena *a, struct share *v, int n, const struct metadata_response *m);

#endif
