/*
 * group: the coordinator of groups: classic, consumer, (streams and share groups are carried as they were written), and their offsets.
 *
 * The shard type of __consumer_offsets (coordinator/shard.h). Its commands are the requests of these APIs, by their keys: OffsetCommit,
 * OffsetFetch, JoinGroup, Heartbeat, LeaveGroup, SyncGroup, DescribeGroups, ListGroups, DeleteGroups, OffsetDelete, TxnOffsetCommit,
 * ConsumerGroupHeartbeat, ConsumerGroupDescribe. Of requests for many groups a command holds those that are this shard's, and answers
 * in their order.
 */
#ifndef ODRADEK_GROUP_GROUP_H
#define ODRADEK_GROUP_GROUP_H

#include <stdbool.h>

#include "coordinator/shard.h"

extern const struct shard_type group_shard_type;

#endif
