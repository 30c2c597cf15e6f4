/*
 * brain: the shard of __consumer_offsets without the runtime that carries it: decisions are applied
 * at once, jobs run at once, and the test sets the time. The records of all decisions are kept:
 * brain_reload rebuilds the state from them, compacted as a cleaner might leave them.
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
	const struct shard_asker *asker; /* for requests from now on */
	struct group_shard *s;
	struct config *config;
	struct config *next_config; /* NULL: none */
	const struct image *image;
	int64_t now_ms;
	uint64_t chance;
	struct arena arena; /* for the answers since the last brain_forget */
	struct brain_record *log;
	int n_log;
	int n_before; /* number of records before the last decision */
	bool refuse_appends;
	bool hold_written; /* callbacks for committed records wait for brain_tell_written */
	struct shard_written held[4];
	int n_held;
};

void brain_init(struct brain *b, const char *settings);
void brain_fini(struct brain *b);
void brain_forget(struct brain *b);
/* Sets other settings, effective from the next reload. */
void brain_configure(struct brain *b, const char *settings);

/* A topic with n partitions on broker 0; an existing one is replaced by one with more. */
void brain_topic(struct brain *b, const char *name, int32_t n);
void brain_remove_topic(struct brain *b, const char *name);
void brain_group_config(struct brain *b, const char *group, const char *name, const char *value);

/* Returns the answer's struct, or NULL with *err. `in` is a request of this API. */
const void *brain_ask(struct brain *b, int16_t api, int16_t version, const void *in, int *err);
/* The same for a request that may wait; `answered` tells. `in` must live until then. */
struct brain_call {
	struct shard_command c;
	bool answered;
};
struct brain_call *brain_send(struct brain *b, int16_t api, int16_t version, const void *in);
/* Reports held records as committed (0), or their fate as unknown. */
void brain_tell_written(struct brain *b, int err);
/* The message of the last refusal. */
const char *brain_message(const struct brain *b);
/* Lets time pass; timers that are due fire. */
void brain_pass(struct brain *b, int64_t ms);
/* compact: only the last record of each key remains. */
void brain_reload(struct brain *b, bool compact);

uint64_t brain_random(struct brain *b);

/* ---- consumer groups ---- */

struct beat {
	const char *group;
	const char *member;
	int32_t epoch;
	const char *instance; /* NULL: a dynamic member */
	const char *topics;   /* "a b"; NULL: unchanged */
	const char *regex;
	const char *assignor;
	bool full; /* reports `owned` */
	const struct assign_set *owned;
	int32_t rebalance_timeout_ms; /* 0: not reported */
};

const struct consumer_group_heartbeat_response *brain_beat(struct brain *b, const struct beat *beat, int *err);
struct consumer_group *brain_group(const struct brain *b, const char *id); /* NULL: none */
/* A set as "topic:0,1 other:2", topics by name and partitions ascending. */
const char *brain_set(struct brain *b, const struct assign_set *s);
/* The same for an answer. */
const char *brain_assignment(struct brain *b, const struct consumer_group_heartbeat_response *r);

#endif
