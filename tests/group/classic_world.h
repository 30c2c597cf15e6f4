/*
 * classic_world: members of one classic group, "g", driven by hand over a brain: what they send,
 * and what they receive.
 */
#ifndef ODRADEK_TESTS_GROUP_CLASSIC_WORLD_H
#define ODRADEK_TESTS_GROUP_CLASSIC_WORLD_H

#include "group/classic.h"
#include "protocol/offset_commit.h"
#include "tests/base/cm.h"
#include "tests/group/brain.h"

#define MINIMAL                                                                                                        \
	"process.roles=broker,controller\nnode.id=0\ncontroller.quorum.voters=0@localhost:9093\n"                      \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n"
#define SESSION_MS 10000
#define REBALANCE_MS 60000

extern struct brain b;

/* For each test: a new brain, with topic "t" of six partitions. */
int begin(void **state);
int end(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

struct member {
	struct str id;
	const char *instance;
	int32_t generation;
	int16_t version;       /* of JoinGroup; 0 means 4 */
	const char *protocols; /* "range sticky"; NULL: range */
	int32_t session_ms;
	bool no_rebalance_ms; /* its rebalance timeout is 0 */
};

struct brain_call *join(struct member *m);
int join_error(const struct brain_call *c);
/* Adopts what a JoinGroup's answer says. */
void take_join(struct member *m, const struct brain_call *c);
/* Joins the group with the id that is handed out first; returns the waiting JoinGroup. */
struct brain_call *enter(struct member *m);
/* all: the members to be assigned, each its own id; ended by NULL. NULL: the sender is not the leader. */
struct brain_call *send_sync(const struct member *m, const struct member *const *all);
int sync_error(const struct brain_call *c);
/* Asserts that it was assigned its own id, as these tests do. */
void assert_assigned(const struct brain_call *c, const struct member *m);
int beat(const struct member *m);
int leave(struct str id, const char *instance);
/* "-": the group does not exist. */
const char *state(void);
struct classic_group *group(void);
/* Makes a stable group of one member. */
void settle_one(struct member *m);
/* A second member joins a stable group of one; both end up stable. */
void settle_two(struct member *m, struct member *n);

/* m is NULL when there is no member. */
struct offset_commit_request *commit_of(const struct member *m, int32_t partition, int64_t offset, const char *note);
int send_commit(const struct offset_commit_request *in, int16_t version);
int commit(const struct member *m, int32_t partition, int64_t offset);

#endif
