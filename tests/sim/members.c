#include "tests/sim/members.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "protocol/find_coordinator.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_fetch.h"
#include "protocol/sync_group.h"
#include "wire/codec.h"

enum {
	FIND_VERSION = 4,
	JOIN_VERSION = 5,
	SYNC_VERSION = 3,
	BEAT_VERSION = 3,
	LEAVE_VERSION = 2,
	COMMIT_VERSION = 8,
	FETCH_VERSION = 8,
	SESSION_MS = 6000,
	REBALANCE_MS = 8000,
	AGAIN_MS = 150,
};

#define GROUP STR("members")

static void act(struct member *m);

static uint64_t draw(struct member *m, uint64_t bound)
{
	return env_random_below(m->client.loop->env, bound);
}

static void again(struct member *m, int64_t ms)
{
	timer_start(&m->timer, ms);
}

static void on_timer(struct timer *t)
{
	act(container_of(t, struct member, timer));
}

/* It is not a member any more; if it keeps its id it may come back. */
static void go_out(struct member *m, bool forget_id)
{
	m->working = false;
	memset(m->owns, 0, sizeof(m->owns));
	if (forget_id)
		m->id[0] = 0;
}

static void refused(struct member *m, int err)
{
	if (m->of->brokers)
		client_move(&m->client, m->of->brokers, -1);
	switch (err) {
	case ERR_UNKNOWN_MEMBER_ID:
		go_out(m, true);
		break;
	case ERR_NETWORK_EXCEPTION:
	case ERR_REBALANCE_IN_PROGRESS:
	case ERR_ILLEGAL_GENERATION:
	case ERR_NOT_COORDINATOR:
	case ERR_COORDINATOR_NOT_AVAILABLE:
	case ERR_COORDINATOR_LOAD_IN_PROGRESS:
		go_out(m, false);
		break;
	case ERR_REQUEST_TIMED_OUT: /* its group's log has too few in-sync replicas */
		check(m->of->brokers);
		go_out(m, false);
		break;
	default:
		diag_info(m->client.loop->env->diag, "member is refused", "error=%s", err_name(err));
		check(false && "an error that this world has no cause for");
	}
	again(m, AGAIN_MS);
}

/* ---- what was promised ---- */

static void note_owner(struct members *g, int32_t generation, int partition, const char *id)
{
	for (int i = 0; i < g->n_owners; i++)
		if (g->owners[i].generation == generation && g->owners[i].partition == partition) {
			check(strcmp(g->owners[i].id, id) == 0);
			return;
		}
	g->owners = xreallocarray(g->owners, (size_t)g->n_owners + 1, sizeof(*g->owners));
	g->owners[g->n_owners] = (struct owner){.generation = generation, .partition = partition};
	snprintf(g->owners[g->n_owners++].id, MEMBER_ID_MAX, "%s", id);
}

/* ---- offsets ---- */

static void on_fetched(void *arg, int err, const void *answer)
{
	struct member *m = arg;
	const struct offset_fetch_response *r = answer;
	int code = err ? ERR_NETWORK_EXCEPTION : r->groups.v[0].error_code;

	if (code) {
		refused(m, code);
		return;
	}
	for (int i = 0; i < r->groups.v[0].topics.v[0].partitions.n; i++) {
		const struct offset_fetch_response_group_partition *p = &r->groups.v[0].topics.v[0].partitions.v[i];

		check(p->error_code == 0);
		check(p->committed_offset >= m->floor[p->partition_index] || (m->of->brokers && !m->of->calm));
		check(p->committed_offset <= m->of->sent);
	}
	m->of->n_answers++;
	again(m, 1 + (int64_t)draw(m, 100));
}

static void fetch(struct member *m)
{
	int32_t all[HISTORY_PARTITIONS_MAX];
	struct offset_fetch_request_group_topic t = {.name = STR("t"), .partition_indexes = {all, m->of->n_partitions}};
	struct offset_fetch_request_group g = {.group_id = GROUP, .member_epoch = -1, .topics = {&t, 1}};
	struct offset_fetch_request in;

	codec_init(&offset_fetch_request_schema, &in);
	in.groups.v = &g;
	in.groups.n = 1;
	in.require_stable = draw(m, 2);
	for (int i = 0; i < m->of->n_partitions; i++)
		all[i] = i;
	memcpy(m->floor, m->of->acknowledged, sizeof(m->floor));
	client_call(&m->client, FETCH_VERSION, &offset_fetch_request_schema, &in, &offset_fetch_response_schema,
		    on_fetched, m);
}

static void on_committed(void *arg, int err, const void *answer)
{
	struct member *m = arg;
	const struct offset_commit_response *r = answer;
	int code = err ? ERR_NETWORK_EXCEPTION : r->topics.v[0].partitions.v[0].error_code;

	/* Its topic may have been lost together with everything unflushed. */
	if (code == ERR_UNKNOWN_TOPIC_OR_PARTITION)
		code = ERR_NETWORK_EXCEPTION;
	if (code) {
		refused(m, code);
		return;
	}
	/* In a cluster an answer may take longer than a session lasts. */
	check(m->of->acknowledged[m->partition] < m->number || m->of->brokers);
	if (m->of->acknowledged[m->partition] < m->number)
		m->of->acknowledged[m->partition] = m->number;
	m->n_commits++;
	again(m, 1 + (int64_t)draw(m, 60));
}

/* What the generation before has sent comes late, and must not count. */
static void on_late(void *arg, int err, const void *answer)
{
	struct member *m = arg;
	const struct offset_commit_response *r = answer;
	int code = err ? ERR_NETWORK_EXCEPTION : r->topics.v[0].partitions.v[0].error_code;

	check(code != 0);
	m->of->n_late++;
	if (code == ERR_ILLEGAL_GENERATION)
		again(m, 1);
	else
		refused(m, code == ERR_UNKNOWN_TOPIC_OR_PARTITION ? ERR_NETWORK_EXCEPTION : code);
}

static void commit(struct member *m, int partition)
{
	bool late = m->of->some_late && m->of->sent % 4 == 0 && m->generation > 1;
	struct offset_commit_request_partition p = {partition, ++m->of->sent, -1, STR("")};
	struct offset_commit_request_topic t = {.name = STR("t"), .partitions = {&p, 1}};
	struct offset_commit_request in;

	codec_init(&offset_commit_request_schema, &in);
	in.group_id = GROUP;
	in.generation_id_or_member_epoch = m->generation - late;
	in.member_id = str_of(m->id);
	in.topics.v = &t;
	in.topics.n = 1;
	m->partition = partition;
	m->number = m->of->sent;
	client_call(&m->client, COMMIT_VERSION, &offset_commit_request_schema, &in, &offset_commit_response_schema,
		    late ? on_late : on_committed, m);
}

/* ---- membership ---- */

static void on_beaten(void *arg, int err, const void *answer)
{
	struct member *m = arg;
	const struct heartbeat_response *r = answer;
	int code = err ? ERR_NETWORK_EXCEPTION : r->error_code;

	if (code)
		refused(m, code);
	else
		again(m, 1 + (int64_t)draw(m, 300));
}

static void beat(struct member *m)
{
	struct heartbeat_request in;

	codec_init(&heartbeat_request_schema, &in);
	in.group_id = GROUP;
	in.generation_id = m->generation;
	in.member_id = str_of(m->id);
	client_call(&m->client, BEAT_VERSION, &heartbeat_request_schema, &in, &heartbeat_response_schema, on_beaten, m);
}

static void on_left(void *arg, int err, const void *answer)
{
	struct member *m = arg;

	(void)err, (void)answer;
	go_out(m, true);
	if (m->n_commits >= m->of->n_commits) {
		m->finished = true;
		m->of->n_finished++;
		return;
	}
	again(m, 1 + (int64_t)draw(m, 1000));
}

static void leave(struct member *m)
{
	struct leave_group_request in;

	codec_init(&leave_group_request_schema, &in);
	in.group_id = GROUP;
	in.member_id = str_of(m->id);
	client_call(&m->client, LEAVE_VERSION, &leave_group_request_schema, &in, &leave_group_response_schema, on_left,
		    m);
}

static void on_synced(void *arg, int err, const void *answer)
{
	struct member *m = arg;
	const struct sync_group_response *r = answer;
	int code = err ? ERR_NETWORK_EXCEPTION : r->error_code;

	if (code) {
		refused(m, code);
		return;
	}
	m->working = true;
	for (int i = 0; i < m->of->n_partitions; i++) {
		m->owns[i] = i < r->assignment.len && r->assignment.p[i];
		if (m->owns[i])
			note_owner(m->of, m->generation, i, m->id);
	}
	fetch(m);
}

/* The leader assigns each partition to one member. */
static void sync(struct member *m, const struct join_group_response *joined, bool leads)
{
	uint8_t bits[16][HISTORY_PARTITIONS_MAX] = {{0}};
	struct sync_group_request_assignment all[16];
	struct sync_group_request in;
	int n = leads ? joined->members.n : 0;

	check(n <= 16);
	codec_init(&sync_group_request_schema, &in);
	for (int i = 0; i < n; i++) {
		for (int p = 0; p < m->of->n_partitions; p++)
			bits[i][p] = p % n == i;
		all[i].member_id = joined->members.v[i].member_id;
		all[i].assignment = (struct bytes){bits[i], HISTORY_PARTITIONS_MAX};
	}
	in.group_id = GROUP;
	in.generation_id = m->generation;
	in.member_id = str_of(m->id);
	in.assignments.v = all;
	in.assignments.n = n;
	client_call(&m->client, SYNC_VERSION, &sync_group_request_schema, &in, &sync_group_response_schema, on_synced,
		    m);
}

static void on_joined(void *arg, int err, const void *answer)
{
	struct member *m = arg;
	const struct join_group_response *r = answer;
	int code = err ? ERR_NETWORK_EXCEPTION : r->error_code;

	if (code && code != ERR_MEMBER_ID_REQUIRED) {
		refused(m, code);
		return;
	}
	check(r->member_id.len < MEMBER_ID_MAX);
	snprintf(m->id, sizeof(m->id), "%.*s", STR_ARG(r->member_id));
	m->generation = r->generation_id;
	if (code)
		act(m);
	else
		sync(m, r, str_eq(r->leader, r->member_id));
}

static void join(struct member *m)
{
	struct join_group_request_protocol p = {STR("range"), {(const uint8_t *)"", 0}};
	struct join_group_request in;

	codec_init(&join_group_request_schema, &in);
	in.group_id = GROUP;
	in.session_timeout_ms = SESSION_MS;
	in.rebalance_timeout_ms = REBALANCE_MS;
	in.member_id = str_of(m->id);
	in.protocol_type = STR("consumer");
	in.protocols.v = &p;
	in.protocols.n = 1;
	client_call(&m->client, JOIN_VERSION, &join_group_request_schema, &in, &join_group_response_schema, on_joined,
		    m);
}

static void on_found(void *arg, int err, const void *answer)
{
	struct member *m = arg;
	const struct find_coordinator_response *r = answer;

	bool is_there = !err && !r->coordinators.v[0].error_code;

	if (m->of->brokers)
		client_move(&m->client, m->of->brokers, is_there ? r->coordinators.v[0].node_id : -1);
	if (is_there)
		join(m);
	else
		again(m, AGAIN_MS);
}

static void find(struct member *m)
{
	struct find_coordinator_request in;
	struct str key = GROUP;

	codec_init(&find_coordinator_request_schema, &in);
	in.coordinator_keys.v = &key;
	in.coordinator_keys.n = 1;
	client_call(&m->client, FIND_VERSION, &find_coordinator_request_schema, &in, &find_coordinator_response_schema,
		    on_found, m);
}

static void work(struct member *m)
{
	int partition = (int)draw(m, (uint64_t)m->of->n_partitions);
	uint64_t what = draw(m, 100);

	if (m->n_commits >= m->of->n_commits || what == 0)
		leave(m);
	else if (what == 1)
		again(m, (int64_t)draw(m, 2 * SESSION_MS)); /* a pause */
	else if (what == 2) {
		client_hang_up(&m->client);
		go_out(m, true); /* dead; a new member comes */
		again(m, (int64_t)draw(m, 1000));
	} else if (what < 10)
		fetch(m);
	else if (what < 65 && m->owns[partition])
		commit(m, partition);
	else
		beat(m);
}

static void act(struct member *m)
{
	bool owns = false;

	if (m->finished)
		return;
	for (int i = 0; i < m->of->n_partitions; i++)
		owns |= m->owns[i];
	if (m->working && !owns && m->of->n_partitions < m->of->n && draw(m, 20) == 0) {
		/* There is nothing to do for it, so it has had enough. */
		m->n_commits = m->of->n_commits;
	}
	if (m->working)
		work(m);
	else
		find(m);
}

/* ---- all of them ---- */

void members_draw(struct members *g, uint64_t seed, int n_partitions, bool short_run)
{
	uint64_t kind = seed % 7;

	/* Seeds that once found something keep their meaning: those are of other kinds. */
	*g = (struct members){.n = kind == 1 ? 1 : kind == 2 ? 2 : kind == 4 ? MEMBERS_MAX : 0};
	g->some_late = seed % 11 == 5; /* likewise */
	g->n_partitions = n_partitions;
	g->n_commits = short_run ? 3 : 5 + (int)(seed / 7 % 30);
	members_lost(g);
}

void members_start(struct members *g, struct loop *loop, const struct addr *to)
{
	g->started = true;
	for (int i = 0; i < g->n; i++) {
		struct member *m = &g->v[i];

		m->of = g;
		client_init(&m->client, loop, to, "sim-member");
		if (g->brokers)
			m->client.call_ms = g->brokers->call_ms;
		timer_init(&m->timer, loop, on_timer);
		act(m);
	}
}

void members_hang_up(struct members *g)
{
	for (int i = 0; g->started && i < g->n; i++)
		client_hang_up(&g->v[i].client);
}

void members_lost(struct members *g)
{
	for (int i = 0; i < HISTORY_PARTITIONS_MAX; i++)
		g->acknowledged[i] = -1;
	for (int i = 0; i < MEMBERS_MAX; i++)
		for (int p = 0; p < HISTORY_PARTITIONS_MAX; p++)
			g->v[i].floor[p] = -1;
	g->n_owners = 0;
}

bool members_are_done(const struct members *g)
{
	return g->n_finished == g->n;
}

void members_fini(struct members *g)
{
	for (int i = 0; g->started && i < g->n; i++) {
		timer_stop(&g->v[i].timer);
		client_fini(&g->v[i].client);
	}
	xfree(g->owners);
	g->owners = NULL;
	g->started = false;
}
