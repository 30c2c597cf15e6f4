/*
 * raft_world: one brain for trace tests: an event goes in, and its effects are read as a line of
 * words.
 *
 * The node is 1 of n voters 1..n, with directories 0xd1.. and listeners of that name; the test sets
 * its clock.
 */
#ifndef ODRADEK_TESTS_RAFT_RAFT_WORLD_H
#define ODRADEK_TESTS_RAFT_RAFT_WORLD_H

#include "base/arena.h"
#include "raft/raft.h"

#define WORLD_VOTERS_MAX 5
#define WORLD_SENT 64

/* A request that was sent. */
struct world_sent {
	struct raft_effect effect;
};

struct raft_world {
	struct arena arena;
	struct raft *raft;
	struct raft_effects effects;
	struct raft_config config;
	struct raft_voter voters[WORLD_VOTERS_MAX]; /* [0] is this node */
	struct raft_endpoint endpoints[WORLD_VOTERS_MAX];
	struct raft_node bootstrap[WORLD_VOTERS_MAX];
	int64_t now_ms;
	struct world_sent sent[WORLD_SENT]; /* the most recent ones */
	int n_sent;
	char line[2048];
};

int world_setup(void **state); /* for cmocka: *state is a struct raft_world */
int world_teardown(void **state);
struct uuid world_directory(int32_t id);

/*
 * A start with static voters 1..n and nothing else; or with dynamic ones, in the bootstrap
 * snapshot. Release its history with raft_history_fini.
 */
struct raft_start world_static(struct raft_world *w, int n);
struct raft_start world_dynamic(struct raft_world *w, int n);
/* Adds records of this epoch from the end of the log up to `end`. */
void world_log(struct raft_start *from, int32_t epoch, int64_t end);

void world_start(struct raft_world *w, const struct raft_start *from);
const char *world_begin(struct raft_world *w); /* runs the first step; returns its story */
const char *world_step(struct raft_world *w, struct raft_event event);
const char *world_story(struct raft_world *w); /* the effects of the last step, in words */
/* The first effect of this type in the last step; NULL: none. */
const struct raft_effect *world_effect(const struct raft_world *w, enum raft_effect_type type);

/* The last request sent, or the one `before` positions earlier; NULL: none. */
const struct world_sent *world_sent(const struct raft_world *w, int before);
/* Forgets all messages so far. */
void world_forget(struct raft_world *w);

const char *world_tick(struct raft_world *w, int64_t now_ms);
const char *world_flushed(struct raft_world *w, int64_t offset);
const char *world_appended(struct raft_world *w, int32_t n_records);
/* Returns what was decided about a request; the effects are in the story. */
struct raft_request world_ask(struct raft_world *w, int16_t api, int16_t version, const void *in, void *out);
/* Delivers the answer to the last request sent to this node, or the reason why there is none. */
const char *world_answer(struct raft_world *w, int32_t node_id, const void *response);
const char *world_no_answer(struct raft_world *w, int32_t node_id, int err);

/*
 * After world_start: has this node elected with as few votes as it takes; nothing of its epoch is
 * flushed yet.
 */
void world_lead(struct raft_world *w);
/* Makes it follow this leader. */
void world_follow(struct raft_world *w, int32_t leader_id, int32_t epoch);

/* ---- messages ---- */

struct vote_request;
struct fetch_request;
struct fetch_response;

struct world_vote {
	int32_t epoch;
	int32_t candidate;
	int32_t last_epoch;
	int64_t last_offset;
	bool pre_vote;
};

struct vote_request *world_vote(struct raft_world *w, const struct world_vote *v);
/* Delivers voter `id`'s answer: granted or not. */
const char *world_voted(struct raft_world *w, int32_t id, bool granted);
/* BeginQuorumEpoch: returns the partition's error. */
int world_epoch_begun(struct raft_world *w, int32_t leader_id, int32_t epoch);

struct world_fetch {
	int32_t replica_id;
	int64_t offset;
	int32_t last_epoch;
	int32_t epoch;
	int64_t high_watermark;
};

struct fetch_request *world_fetch(struct raft_world *w, const struct world_fetch *f);
struct fetch_response *world_fetch_response(struct raft_world *w, int32_t leader_id, int32_t epoch, int error);

#endif
