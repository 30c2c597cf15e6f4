/*
 * consumer_settings: a consumer's properties, for the tools that read records: those of the
 * consumer, and those of a group member.
 */
#ifndef ODRADEK_CLI_CONSUMER_SETTINGS_H
#define ODRADEK_CLI_CONSUMER_SETTINGS_H

#include "cli/tool.h"
#include "client/consumer.h"
#include "client/member.h"

/* isolation.level, fetch.*, max.partition.fetch.bytes, check.crcs. An invalid value ends the tool. */
struct consumer_options consumer_settings(struct tool *t);
/*
 * group.protocol, group.remote.assignor, partition.assignment.strategy, session.timeout.ms,
 * max.poll.interval.ms, heartbeat.interval.ms, enable.auto.commit, auto.commit.interval.ms,
 * group.instance.id, client.rack.
 */
struct member_options member_settings(struct tool *t, const char *group);

#endif
