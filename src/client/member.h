/*
 * member: a consumer's membership of a group, by the classic protocol: it joins, assigns as leader (by range), reads the committed offsets,
 * gives its consumer what is its share, beats, commits and leaves.
 *
 * Eager: before a rebalance everything is committed and given up. The consumer is the caller's and is assigned by the member alone.
 * Owner: the loop's thread.
 */
#ifndef ODRADEK_CLIENT_MEMBER_H
#define ODRADEK_CLIENT_MEMBER_H

#include "client/client.h"
#include "client/consumer.h"

struct member;

struct member_options {
	struct str group;
	struct str instance_id; /* null: dynamic */
	int32_t session_timeout_ms;
	int32_t rebalance_timeout_ms;
	int32_t heartbeat_ms;
	bool commits; /* every commit_ms, before a rebalance and at the end */
	int32_t commit_ms;
	int64_t reset; /* where partitions without a committed offset begin: OFFSET_* */
	/* The group cannot be joined, for good. */
	void (*failed)(void *arg, int err);
	void *arg;
};

#define MEMBER_OPTIONS_DEFAULT                                                                                         \
	((struct member_options){.session_timeout_ms = 45000,                                                          \
				 .rebalance_timeout_ms = 300000,                                                       \
				 .heartbeat_ms = 3000,                                                                 \
				 .commits = true,                                                                      \
				 .commit_ms = 5000,                                                                    \
				 .reset = OFFSET_LATEST})

struct member *member_new(struct client *c, struct consumer *consumer, const struct member_options *options);
/* The topics are copied. Joins, or joins anew. */
void member_subscribe(struct member *m, const struct str *topics, int n);
/* Commits, leaves, then calls left(), from the loop. */
void member_leave(struct member *m, void (*left)(void *arg));
void member_free(struct member *m);

#endif
