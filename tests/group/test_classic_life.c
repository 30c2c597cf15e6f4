/*
 * The life of classic groups, driven by seeds: members join, continue, commit, pause, leave, die
 * and come back; the coordinator is reloaded at any point, and its writes are sometimes refused.
 * What must hold:
 *
 * 1. No partition has two owners in one generation.
 * 2. An acknowledged commit is what a fetch returns, whatever happens afterwards; nothing moves
 *    back.
 * 3. A waiting member is answered, once.
 * 4. When everything calms down the group becomes stable, and every partition has its owner.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cm.h"
#include "tests/group/brain.h"

#include "base/err.h"
#include "base/mem.h"
#include "group/classic.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_fetch.h"
#include "protocol/sync_group.h"
#include "wire/codec.h"

#define SETTINGS                                                                                                       \
	"process.roles=broker,controller\nnode.id=0\ncontroller.quorum.voters=0@localhost:9093\n"                      \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n"                       \
	"group.initial.rebalance.delay.ms=500\n"
#define MEMBERS 5
#define PARTITIONS 7
#define STEPS 1500
#define SESSION_MS 6000
#define REBALANCE_MS 9000
#define ID_LEN 160

enum phase { OUT, JOINING, SYNCING, WORKING };

struct member {
	char id[ID_LEN];
	char instance[8]; /* "": dynamic */
	int32_t generation;
	enum phase phase;
	bool paused;
	bool owns[PARTITIONS];
	struct brain_call *call; /* the call it is waiting for */
};

struct life {
	struct brain b;
	struct member m[MEMBERS];
	char (*owners)[PARTITIONS][ID_LEN]; /* indexed by generation: which member was told that it owns a partition */
	int n_generations;
	int64_t acked[PARTITIONS];
	int64_t next_offset;
	int n_commits, n_rebalances, n_reloads;
	uint64_t chance;
};

static uint64_t below(struct life *l, uint64_t n)
{
	return cm_random(&l->chance) % n;
}

static void go_out(struct member *m)
{
	m->phase = OUT;
	m->generation = -1;
	memset(m->owns, 0, sizeof(m->owns));
}

static void forget(struct member *m)
{
	m->id[0] = 0;
	go_out(m);
}

/* ---- what was promised ---- */

/* A static member comes back with another id, and is the same owner. */
static bool is_same_owner(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || (a[0] == 's' && b[0] == 's' && a[1] == b[1] && a[2] == '-' && b[2] == '-');
}

static void note_owner(struct life *l, int32_t generation, int partition, const char *id)
{
	char *owner;

	assert_true(generation > 0);
	while (l->n_generations <= generation) {
		l->owners = xreallocarray(l->owners, (size_t)l->n_generations + 1, sizeof(*l->owners));
		memset(l->owners[l->n_generations++], 0, sizeof(*l->owners));
	}
	owner = l->owners[generation][partition];
	if (owner[0])
		assert_true(is_same_owner(owner, id));
	snprintf(owner, ID_LEN, "%s", id);
}

/* ---- requests ---- */

static void join(struct life *l, struct member *m)
{
	struct join_group_request *in = arena_zalloc(&l->b.arena, sizeof(*in));

	codec_init(&join_group_request_schema, in);
	in->group_id = STR("g");
	in->session_timeout_ms = SESSION_MS;
	in->rebalance_timeout_ms = REBALANCE_MS;
	in->member_id = arena_str(&l->b.arena, str_of(m->id));
	in->group_instance_id = m->instance[0] ? str_of(m->instance) : STR_NULL;
	in->protocol_type = STR("consumer");
	in->protocols.v = arena_zalloc(&l->b.arena, sizeof(*in->protocols.v));
	in->protocols.n = 1;
	in->protocols.v[0].name = STR("range");
	in->protocols.v[0].metadata = (struct bytes){(const uint8_t *)"\0\0\0\0\0\1\0\1t\xff\xff\xff\xff", 13};
	m->phase = JOINING;
	m->call = brain_send(&l->b, join_group_request_KEY, 7, in);
}

static void sync(struct life *l, struct member *m, const struct join_group_response *joined)
{
	struct sync_group_request *in = arena_zalloc(&l->b.arena, sizeof(*in));
	int32_t n = joined ? joined->members.n : 0;

	codec_init(&sync_group_request_schema, in);
	in->group_id = STR("g");
	in->generation_id = m->generation;
	in->member_id = arena_str(&l->b.arena, str_of(m->id));
	in->group_instance_id = m->instance[0] ? str_of(m->instance) : STR_NULL;
	in->assignments.v = arena_array(&l->b.arena, (size_t)n + 1, sizeof(*in->assignments.v));
	in->assignments.n = n;
	for (int i = 0; i < n; i++) {
		uint8_t *bits = arena_zalloc(&l->b.arena, PARTITIONS);

		for (int p = 0; p < PARTITIONS; p++)
			bits[p] = p % n == i;
		in->assignments.v[i].member_id = joined->members.v[i].member_id;
		in->assignments.v[i].assignment = (struct bytes){bits, PARTITIONS};
	}
	m->phase = SYNCING;
	m->call = brain_send(&l->b, sync_group_request_KEY, 5, in);
}

static void refused(struct member *m, int err)
{
	switch (err) {
	case ERR_UNKNOWN_MEMBER_ID:
	case ERR_FENCED_INSTANCE_ID:
		forget(m);
		break;
	case ERR_REBALANCE_IN_PROGRESS:
	case ERR_ILLEGAL_GENERATION:
	case ERR_NOT_COORDINATOR:
	case ERR_COORDINATOR_NOT_AVAILABLE:
		go_out(m);
		break;
	default:
		print_message("unexpected error %d\n", err);
		assert_true(false);
	}
}

static void take_join(struct life *l, struct member *m)
{
	const struct join_group_response *out = m->call->c.out;
	int err = m->call->c.err ? m->call->c.err : out->error_code;

	if (err == ERR_MEMBER_ID_REQUIRED) {
		snprintf(m->id, sizeof(m->id), "%.*s", STR_ARG(out->member_id));
		join(l, m);
		return;
	}
	if (err) {
		refused(m, err);
		m->call = NULL;
		return;
	}
	snprintf(m->id, sizeof(m->id), "%.*s", STR_ARG(out->member_id));
	m->generation = out->generation_id;
	l->n_rebalances++;
	sync(l, m, str_eq(out->leader, out->member_id) ? out : NULL);
}

static void take_sync(struct life *l, struct member *m)
{
	const struct sync_group_response *out = m->call->c.out;
	int err = m->call->c.err ? m->call->c.err : out->error_code;

	if (err) {
		refused(m, err);
	} else {
		m->phase = WORKING;
		memset(m->owns, 0, sizeof(m->owns));
		for (int p = 0; p < PARTITIONS && p < out->assignment.len; p++)
			if (out->assignment.p[p]) {
				m->owns[p] = true;
				note_owner(l, m->generation, p, m->id);
			}
	}
	m->call = NULL;
}

/* Takes the answer, if it has arrived; a join is followed by the next request at once. */
static void look(struct life *l, struct member *m)
{
	for (int i = 0; i < 4 && m->call && m->call->answered; i++)
		if (m->phase == JOINING)
			take_join(l, m);
		else
			take_sync(l, m);
}

static void beat(struct life *l, struct member *m)
{
	struct heartbeat_request in = {
		.group_id = STR("g"), .generation_id = m->generation, .member_id = str_of(m->id)};
	const struct heartbeat_response *out;
	int err;

	if (m->instance[0])
		in.group_instance_id = str_of(m->instance);
	out = brain_ask(&l->b, heartbeat_request_KEY, 4, &in, &err);
	err = err ? err : out->error_code;
	if (err == ERR_REBALANCE_IN_PROGRESS)
		join(l, m);
	else if (err)
		refused(m, err);
}

static void commit(struct life *l, struct member *m, int partition)
{
	struct offset_commit_request_partition p = {partition, ++l->next_offset, -1, STR("")};
	struct offset_commit_request_topic t = {.name = STR("t"), .partitions = {&p, 1}};
	struct offset_commit_request in;
	const struct offset_commit_response *out;
	int err;

	codec_init(&offset_commit_request_schema, &in);
	in.group_id = STR("g");
	in.generation_id_or_member_epoch = m->generation;
	in.member_id = str_of(m->id);
	in.group_instance_id = m->instance[0] ? str_of(m->instance) : STR_NULL;
	in.topics.v = &t;
	in.topics.n = 1;
	out = brain_ask(&l->b, offset_commit_request_KEY, 8, &in, &err);
	err = err ? err : out->topics.v[0].partitions.v[0].error_code;
	if (err == 0) {
		l->acked[partition] = p.committed_offset;
		l->n_commits++;
	} else if (err != ERR_REBALANCE_IN_PROGRESS && err != ERR_COORDINATOR_NOT_AVAILABLE) {
		refused(m, err);
	}
}

static void leave(struct life *l, struct member *m)
{
	struct leave_group_request_member who = {str_of(m->id), STR_NULL, STR_NULL};
	struct leave_group_request in = {.group_id = STR("g"), .members = {&who, 1}};
	int err;

	brain_ask(&l->b, leave_group_request_KEY, 4, &in, &err);
	forget(m);
}

static void check_offsets(struct life *l)
{
	int32_t all[PARTITIONS];
	struct offset_fetch_request_group_topic t = {.name = STR("t"), .partition_indexes = {all, PARTITIONS}};
	struct offset_fetch_request_group g = {.group_id = STR("g"), .member_epoch = -1, .topics = {&t, 1}};
	struct offset_fetch_request in = {.groups = {&g, 1}, .require_stable = below(l, 2)};
	const struct offset_fetch_response *out;
	int err;

	for (int p = 0; p < PARTITIONS; p++)
		all[p] = p;
	out = brain_ask(&l->b, offset_fetch_request_KEY, 8, &in, &err);
	assert_int_equal(err, 0);
	for (int p = 0; p < PARTITIONS; p++)
		assert_int_equal(out->groups.v[0].topics.v[0].partitions.v[p].committed_offset, l->acked[p]);
}

/* ---- a life ---- */

static void reload(struct life *l)
{
	brain_reload(&l->b, below(l, 2));
	l->n_reloads++;
	for (int i = 0; i < MEMBERS; i++) {
		/* Everything that waited has been answered. */
		if (l->m[i].call)
			assert_true(l->m[i].call->answered);
		look(l, &l->m[i]);
	}
	check_offsets(l);
}

static void work(struct life *l, struct member *m)
{
	uint64_t what = below(l, 100);
	int partition = (int)below(l, PARTITIONS);

	if (what < 45)
		beat(l, m);
	else if (what < 98 && m->owns[partition])
		commit(l, m, partition);
	else if (what == 98 && !m->instance[0])
		leave(l, m);
	else if (what == 99)
		forget(m); /* dies and comes back as a new member; a static one as itself */
}

static void act(struct life *l, struct member *m)
{
	look(l, m);
	if (m->paused || m->call)
		return;
	if (m->phase == OUT)
		join(l, m);
	else
		work(l, m);
	look(l, m);
}

static void step(struct life *l)
{
	uint64_t what = below(l, 100);
	struct member *m = &l->m[below(l, MEMBERS)];

	if (below(l, 100) == 0)
		reload(l);
	else if (what < (l->b.refuse_appends ? 30 : 1))
		l->b.refuse_appends = !l->b.refuse_appends;
	else if (below(l, 100) < (m->paused ? 15 : 1))
		m->paused = !m->paused;
	else if (what < 40)
		brain_pass(&l->b, (int64_t)below(l, 400));
	else
		act(l, m);
	for (int i = 0; i < MEMBERS; i++)
		look(l, &l->m[i]);
}

static bool is_calm(struct life *l)
{
	int owned = 0;
	int32_t generation = -1;

	for (int i = 0; i < MEMBERS; i++)
		for (int p = 0; l->m[i].phase == WORKING && p < PARTITIONS; p++)
			if (l->m[i].owns[p] && (generation < 0 || generation == l->m[i].generation)) {
				generation = l->m[i].generation;
				owned++;
			}
	return owned == PARTITIONS;
}

/* All members send heartbeats and join, without disturbance. */
static void settle(struct life *l)
{
	l->b.refuse_appends = false;
	for (int i = 0; i < MEMBERS; i++)
		l->m[i].paused = false;
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < MEMBERS; i++) {
			struct member *m = &l->m[i];

			look(l, m);
			if (!m->call && m->phase == OUT)
				join(l, m);
			else if (!m->call)
				beat(l, m);
			look(l, m);
		}
		brain_pass(&l->b, 500);
		if (round > 60 && is_calm(l))
			return;
	}
	assert_true(is_calm(l));
}

static void live(uint64_t seed)
{
	struct life l = {.chance = seed};

	brain_init(&l.b, SETTINGS);
	brain_topic(&l.b, "t", PARTITIONS);
	for (int p = 0; p < PARTITIONS; p++)
		l.acked[p] = -1;
	for (int i = 0; i < MEMBERS; i++) {
		forget(&l.m[i]);
		if (i >= MEMBERS - 2)
			snprintf(l.m[i].instance, sizeof(l.m[i].instance), "s%d", i);
	}
	for (int i = 0; i < STEPS; i++) {
		step(&l);
		if (i % 20 == 0)
			check_offsets(&l);
	}
	settle(&l);
	check_offsets(&l);
	if (getenv("VERBOSE"))
		print_message("seed %llu: %d commits, %d joins, %d reloads, generation %d\n", (unsigned long long)seed,
			      l.n_commits, l.n_rebalances, l.n_reloads, l.n_generations - 1);
	assert_true(l.n_rebalances > 0);
	xfree(l.owners);
	brain_fini(&l.b);
}

/* SEEDS is the number of seeds, SEED the first one. */
static void no_partition_has_two_owners_and_no_commit_is_lost(void **state)
{
	const char *n = getenv("SEEDS"), *first = getenv("SEED");
	uint64_t from = first ? strtoull(first, NULL, 10) : 1, count = n ? strtoull(n, NULL, 10) : 150;

	(void)state;
	for (uint64_t seed = from; seed < from + count; seed++) {
		if (getenv("VERBOSE"))
			print_message("seed %llu\n", (unsigned long long)seed);
		live(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_partition_has_two_owners_and_no_commit_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
