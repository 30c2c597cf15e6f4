/*
 * brain: the shard of __consumer_offsets without what carries it: decisions are applied at once, jobs run at once, time is told.
 *
 * The records of all decisions are kept: brain_reload makes the state anew from them, compacted as a cleaner might leave them.
 */
#ifndef ODRADEK_TESTS_GROUP_BRAIN_H
#define ODRADEK_TESTS_GROUP_BRAIN_H

#include "config/config.h"
#include "group/consumer_group.h"
#include "group/group.h"
#include "metadata/image.h"

struct brain_record {
	struct bytes key;
	struct bytes value;
};

struct brain {
	const struct shard_asker *asker; /* of what is sent from now on */
	struct group_shard *s;
	struct config *config;
	struct config *next_config; /* NULL */
	const struct image *image;
	int64_t now_ms;
	uint64_t chance;
	struct arena arena; /* of the answers since the last brain_forget */
	struct brain_record *log;
	int n_log;
	int n_before; /* records before the last decision */
	bool refuse_appends;
	bool hold_written; /* who waits for records to be committed is told by brain_tell_written */
	struct shard_written held[4];
	int n_held;
};

void brain_init(struct brain *b, const char *settings);
void brain_fini(struct brain *b);
void brain_forget(struct brain *b);
/* Other settings, from the next reload on. */
void brain_configure(struct brain *b, const char *settings);

/* A topic with n partitions on broker 0; made anew with more where it is there. */
void brain_topic(struct brain *b, const char *name, int32_t n);
void brain_remove_topic(struct brain *b, const char *name);
void brain_group_config(struct brain *b, const char *group, const char *name, const char *value);

/* The answer's struct, or NULL with *err. in is a request of this API. */
const void *brain_ask(struct brain *b, int16_t api, int16_t version, const void *in, int *err);
/* The same for a request that may wait: answered when it is. in has to stay until then. */
struct brain_call {
	struct shard_command c;
	bool answered;
};
struct brain_call *brain_send(struct brain *b, int16_t api, int16_t version, const void *in);
/* What was held is committed (0), or nobody knows. */
void brain_tell_written(struct brain *b, int err);
/* The message of the last refusal. */
const char *brain_message(const struct brain *b);
/* Time passes; what is due fires. */
void brain_pass(struct brain *b, int64_t ms);
/* Only the last record of each key, where compact. */
void brain_reload(struct brain *b, bool compact);

uint64_t brain_random(struct brain *b);

/* ---- consumer groups ---- */

struct beat {
	const char *group;
	const char *member;
	int32_t epoch;
	const char *instance; /* NULL: dynamic */
	const char *topics;   /* "a b"; NULL: as before */
	const char *regex;
	const char *assignor;
	bool full; /* says what it owns: `owned` */
	const struct assign_set *owned;
	int32_t rebalance_timeout_ms; /* 0: not said */
};

const struct consumer_group_heartbeat_response *brain_beat(struct brain *b, const struct beat *beat, int *err);
struct consumer_group *brain_group(const struct brain *b, const char *id); /* NULL */
/* "topic:0,1 other:2" of a set, topics by name and partitions ascending. */
const char *brain_set(struct brain *b, const struct assign_set *s);
/* The same of an answer. */
const char *brain_assignment(struct brain *b, const struct consumer_group_heartbeat_response *r);

#endif
