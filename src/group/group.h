/*
 * group: the coordinator of groups: classic and consumer groups and their offsets. (Records of
 * streams and share groups are preserved as they are.)
 *
 * This is the shard type of __consumer_offsets (coordinator/shard.h). Its commands are the requests
 * of these APIs, by API key: OffsetCommit, OffsetFetch, JoinGroup, Heartbeat, LeaveGroup,
 * SyncGroup, DescribeGroups, ListGroups, DeleteGroups, OffsetDelete, TxnOffsetCommit,
 * ConsumerGroupHeartbeat, ConsumerGroupDescribe. Of a request for many groups, a command holds
 * those that are this shard's, and answers in their order.
 */
#ifndef ODRADEK_GROUP_GROUP_H
#define ODRADEK_GROUP_GROUP_H

#include <stdbool.h>

#include "coordinator/shard.h"

extern const struct shard_type group_shard_type;

#endif
