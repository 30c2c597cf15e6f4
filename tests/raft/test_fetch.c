/*
 * fetch: a leader's answers to Fetch and FetchSnapshot, and what it learns from these requests:
 * high watermark, live followers (KIP-595, KIP-630).
 */
#include "tests/base/cm.h"

#include "base/err.h"
#include "protocol/begin_quorum_epoch.h"
#include "protocol/fetch.h"
#include "protocol/fetch_snapshot.h"
#include "tests/raft/raft_world.h"
#include "wire/codec.h"

/* The result of one Fetch. */
struct answer {
	enum raft_outcome outcome;
	int top_error;
	struct fetch_response_partition p;
	struct fetch_response all;
};

static struct answer ask_with(struct raft_world *w, const struct fetch_request *m, int16_t version, bool again)
{
	struct answer a = {.top_error = 0};
	struct raft_request q = {.api = fetch_request_KEY,
				 .version = version,
				 .listener = STR("CONTROLLER"),
				 .in = m,
				 .out = &a.all,
				 .arena = &w->arena,
				 .again = again};

	codec_init(&fetch_response_schema, &a.all);
	world_step(w, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &q});
	a.outcome = q.outcome;
	a.top_error = a.all.error_code;
	if (a.all.responses.n > 0)
		a.p = *a.all.responses.v->partitions.v;
	return a;
}

static struct answer fetch(struct raft_world *w, struct world_fetch f)
{
	return ask_with(w, world_fetch(w, &f), 18, false);
}

/*
 * Three voters; the log had epoch 2 up to 10 and epoch 4 up to 20; this node leads epoch 5 from 20,
 * and has its first record, at 20, on disk.
 */
static void lead(struct raft_world *w)
{
	struct raft_start from = world_static(w, 3);

	from.has_election = true;
	from.election = (struct raft_election){-1, 4, -1, {{0}}};
	world_log(&from, 2, 10);
	world_log(&from, 4, 20);
	world_start(w, &from);
	raft_history_fini(&from.history);
	world_lead(w);
	world_flushed(w, 21);
}

/* A Fetch of a voter that has everything. */
static const struct world_fetch GOOD = {
	.replica_id = 2, .offset = 21, .last_epoch = 5, .epoch = 5, .high_watermark = -1};

static void what_cannot_be_is_refused_in_kafkas_order(void **state)
{
	struct raft_world *w = *state;
	struct fetch_request *m;
	struct world_fetch f;

	lead(w);
	m = world_fetch(w, &GOOD);
	m->cluster_id = STR("theirs");
	m->topics.n = 0;
	assert_int_equal(ask_with(w, m, 18, false).top_error, ERR_INCONSISTENT_CLUSTER_ID);
	m->cluster_id = STR("ours");
	assert_int_equal(ask_with(w, m, 18, false).top_error, ERR_INVALID_REQUEST);
	m = world_fetch(w, &GOOD);
	m->topics.v->topic_id = UUID_ZERO;
	assert_int_equal(ask_with(w, m, 18, false).top_error, ERR_INVALID_REQUEST);
	m = world_fetch(w, &GOOD);
	m->max_wait_ms = -1;
	m->topics.v->partitions.v->current_leader_epoch = 9;
	assert_int_equal(ask_with(w, m, 18, false).p.error_code, ERR_INVALID_REQUEST);
	f = GOOD;
	f.offset = -1;
	assert_int_equal(fetch(w, f).p.error_code, ERR_INVALID_REQUEST);
	f = GOOD;
	f.last_epoch = 6;
	assert_int_equal(fetch(w, f).p.error_code, ERR_INVALID_REQUEST);
	f = GOOD;
	f.epoch = 6;
	assert_int_equal(fetch(w, f).p.error_code, ERR_UNKNOWN_LEADER_EPOCH);
	f.epoch = 4;
	f.last_epoch = 4;
	assert_int_equal(fetch(w, f).p.error_code, ERR_FENCED_LEADER_EPOCH);
	f = GOOD;
	f.replica_id = 1; /* its own id */
	assert_int_equal(fetch(w, f).p.error_code, ERR_UNKNOWN_SERVER_ERROR);
}

static void the_leader_is_named_in_every_answer(void **state)
{
	struct raft_world *w = *state;
	struct world_fetch f = GOOD;
	struct answer a;

	lead(w);
	f.epoch = 4;
	f.last_epoch = 4;
	a = fetch(w, f);
	assert_int_equal(a.p.current_leader.leader_id, 1);
	assert_int_equal(a.p.current_leader.leader_epoch, 5);
	assert_int_equal(a.all.node_endpoints.v->port, 9093);
	assert_int_equal(ask_with(w, world_fetch(w, &f), 16, false).all.node_endpoints.n, 0);
	assert_int_equal(world_epoch_begun(w, 2, 6), 0);
	f.epoch = 6;
	f.last_epoch = 5;
	a = fetch(w, f);
	assert_int_equal(a.p.error_code, ERR_NOT_LEADER_OR_FOLLOWER);
	assert_int_equal(a.p.current_leader.leader_id, 2);
	assert_int_equal(a.all.node_endpoints.v->node_id, 2);
	assert_int_equal(a.all.node_endpoints.v->port, 9094);
}

static void logs_that_part_are_told_where(void **state)
{
	static const struct {
		int64_t offset;
		int32_t last_epoch;
		bool agrees;
		int32_t epoch; /* or where they might agree */
		int64_t end;
	} rows[] = {
		{0, 0, true, 0, 0},    {5, 2, true, 0, 0},  {10, 2, true, 0, 0},   {11, 2, false, 2, 10},
		{15, 3, false, 2, 10}, {15, 4, true, 0, 0}, {20, 4, true, 0, 0},   {25, 4, false, 4, 20},
		{5, 4, true, 0, 0},    {21, 5, true, 0, 0}, {22, 5, false, 5, 21}, {10, 1, false, 0, 0},
	};
	struct raft_world *w = *state;

	lead(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer a = fetch(w, (struct world_fetch){2, rows[i].offset, rows[i].last_epoch, 5, -1});

		assert_int_equal(a.p.error_code, 0);
		assert_int_equal(a.p.diverging_epoch.epoch, rows[i].agrees ? -1 : rows[i].epoch);
		assert_int_equal(a.p.diverging_epoch.end_offset, rows[i].agrees ? -1 : rows[i].end);
		assert_int_equal(a.p.snapshot_id.end_offset, -1);
		if (rows[i].agrees && rows[i].offset < 21)
			assert_int_equal(a.outcome, RAFT_READ);
		if (!rows[i].agrees)
			assert_int_equal(a.outcome, RAFT_ANSWERED);
	}
}

/* The log begins at 30, where a snapshot of epoch 3 ends; there is a newer one. */
static void lead_behind_a_snapshot(struct raft_world *w, struct raft_snapshot_id newest)
{
	struct raft_start from = world_static(w, 3);

	from.log_start = 30;
	from.snapshot = newest;
	raft_history_init(&from.history, 30, 3);
	world_log(&from, 3, 35);
	world_log(&from, 4, 50);
	world_start(w, &from);
	raft_history_fini(&from.history);
	world_lead(w);
	world_flushed(w, 51);
}

static void who_ends_before_the_log_begins_gets_the_newest_snapshot(void **state)
{
	static const struct {
		int64_t offset;
		int32_t last_epoch;
		bool snapshot;
	} rows[] = {{0, 0, true},  {29, 3, true},  {30, 2, true}, {30, 3, false},
		    {31, 2, true}, {31, 3, false}, {40, 4, false}};
	struct raft_world *w = *state;

	lead_behind_a_snapshot(w, (struct raft_snapshot_id){45, 4});
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer a = fetch(w, (struct world_fetch){2, rows[i].offset, rows[i].last_epoch, 5, -1});

		assert_int_equal(a.p.snapshot_id.end_offset, rows[i].snapshot ? 45 : -1);
		assert_int_equal(a.p.snapshot_id.epoch, rows[i].snapshot ? 4 : -1);
		assert_int_equal(a.p.diverging_epoch.epoch, -1);
		assert_int_equal(a.outcome, rows[i].snapshot ? RAFT_ANSWERED : RAFT_READ);
	}
}

/* An epoch that began before the log has no entry there, except that of the snapshot. */
static void an_epoch_that_nobody_knows_behind_a_snapshot_is_none_of_ours(void **state)
{
	struct raft_world *w = *state;
	struct raft_start from = world_static(w, 3);
	struct answer a;

	from.log_start = 30;
	from.snapshot = (struct raft_snapshot_id){30, 3};
	raft_history_init(&from.history, 30, 3);
	from.history.end = 35;
	from.has_election = true;
	from.election = (struct raft_election){-1, 6, -1, {{0}}};
	world_start(w, &from);
	world_lead(w);
	assert_int_equal(raft_epoch(w->raft), 7);
	a = fetch(w, (struct world_fetch){2, 35, 5, 7, -1});
	assert_int_equal(a.p.diverging_epoch.epoch, 3);
	assert_int_equal(a.p.diverging_epoch.end_offset, 35);
}

static void an_empty_log_is_filled_by_a_snapshot_but_not_by_that_of_the_formatting(void **state)
{
	struct raft_world *w = *state;
	struct raft_start from = world_static(w, 3);

	world_log(&from, 1, 10);
	from.snapshot = (struct raft_snapshot_id){0, 0};
	world_start(w, &from);
	world_lead(w);
	assert_int_equal(fetch(w, (struct world_fetch){2, 0, 0, 2, -1}).outcome, RAFT_READ);
	from.snapshot = (struct raft_snapshot_id){5, 1};
	w->now_ms = 0;
	world_start(w, &from);
	raft_history_fini(&from.history);
	world_lead(w);
	assert_int_equal(fetch(w, (struct world_fetch){2, 0, 0, 2, -1}).p.snapshot_id.end_offset, 5);
}

/* ---- waiting ---- */

static void who_has_all_waits_for_more_or_for_a_commit(void **state)
{
	struct raft_world *w = *state;
	struct world_fetch f = GOOD;
	struct answer a;

	lead(w);
	f.replica_id = 7; /* an observer */
	f.high_watermark = 0;
	a = fetch(w, f);
	assert_int_equal(a.outcome, RAFT_PARKED_FETCH);
	assert_string_equal(world_appended(w, 2), "flush 23, fetches below 23");
	a = ask_with(w, world_fetch(w, &f), 18, true);
	assert_int_equal(a.outcome, RAFT_READ);
	f.offset = 23;
	f.epoch = f.last_epoch = 5;
	assert_int_equal(fetch(w, f).outcome, RAFT_PARKED_FETCH);
	assert_int_equal(fetch(w, GOOD).outcome, RAFT_READ); /* by a voter: 21 is committed */
	assert_string_equal(world_story(w), "commit 21, fetches");
	a = ask_with(w, world_fetch(w, &f), 18, true);
	assert_int_equal(a.outcome, RAFT_ANSWERED);
	assert_int_equal(a.p.high_watermark, 21);
}

static void who_does_not_know_of_the_last_commit_does_not_wait(void **state)
{
	struct raft_world *w = *state;
	struct world_fetch f = GOOD;

	lead(w);
	fetch(w, GOOD);
	assert_int_equal(raft_high_watermark(w->raft), 21);
	assert_int_equal(fetch(w, f).outcome, RAFT_ANSWERED); /* it knows -1 */
	f.high_watermark = 21;
	assert_int_equal(fetch(w, f).outcome, RAFT_PARKED_FETCH);
	f.high_watermark = INT64_MAX; /* from before version 18 */
	assert_int_equal(fetch(w, f).outcome, RAFT_PARKED_FETCH);
}

static void who_does_not_want_to_wait_is_answered(void **state)
{
	struct raft_world *w = *state;
	struct fetch_request *m = world_fetch(w, &GOOD);

	lead(w);
	m->max_wait_ms = 0;
	m->topics.v->partitions.v->high_watermark = INT64_MAX;
	assert_int_equal(ask_with(w, m, 18, false).outcome, RAFT_ANSWERED);
}

static void who_waits_is_told_when_the_leader_leads_no_more(void **state)
{
	struct raft_world *w = *state;
	struct world_fetch f = GOOD;
	struct answer a;

	lead(w);
	f.high_watermark = INT64_MAX;
	assert_int_equal(fetch(w, f).outcome, RAFT_PARKED_FETCH);
	assert_int_equal(world_epoch_begun(w, 3, 9), 0);
	assert_string_equal(world_story(w), "write-state 3@9, resigned 5, follower 3@9, send fetch to 3, fetches");
	a = ask_with(w, world_fetch(w, &f), 18, true);
	assert_int_equal(a.outcome, RAFT_ANSWERED);
	assert_int_equal(a.p.error_code, ERR_NOT_LEADER_OR_FOLLOWER);
	assert_int_equal(a.p.current_leader.leader_id, 3);
}

/* ---- the high watermark ---- */

static void what_a_majority_has_flushed_is_committed(void **state)
{
	struct raft_world *w = *state;
	struct world_fetch f = GOOD;

	lead(w);
	world_appended(w, 9);
	f.offset = 20;
	f.last_epoch = 4;
	fetch(w, f); /* nothing of this epoch yet */
	assert_int_equal(raft_high_watermark(w->raft), -1);
	assert_int_equal(fetch(w, f).p.high_watermark, -1);
	f.offset = 25;
	f.last_epoch = 5;
	fetch(w, f);
	assert_int_equal(raft_high_watermark(w->raft), 21); /* limited by our own disk */
	assert_string_equal(world_flushed(w, 30), "commit 25");
	f.replica_id = 3;
	f.offset = 30;
	fetch(w, f);
	assert_int_equal(raft_high_watermark(w->raft), 30);
}

static void two_followers_commit_what_the_leader_has_not_flushed(void **state)
{
	struct raft_world *w = *state;
	struct world_fetch f = GOOD;

	lead(w);
	world_appended(w, 9);
	f.offset = 30;
	fetch(w, f);
	f.replica_id = 3;
	fetch(w, f);
	assert_int_equal(raft_high_watermark(w->raft), 30);
}

static void the_high_watermark_stays_when_a_disk_is_lost(void **state)
{
	struct raft_world *w = *state;
	struct world_fetch f = GOOD;

	lead(w);
	fetch(w, f);
	assert_int_equal(raft_high_watermark(w->raft), 21);
	f.offset = f.last_epoch = 0;
	fetch(w, f);
	assert_int_equal(raft_high_watermark(w->raft), 21);
}

static void an_observer_counts_for_nothing(void **state)
{
	struct raft_world *w = *state;
	struct world_fetch f = GOOD;

	lead(w);
	f.replica_id = 7;
	fetch(w, f);
	f.replica_id = -1;
	fetch(w, f);
	assert_int_equal(raft_high_watermark(w->raft), -1);
}

/* ---- is there a quorum? ---- */

static void a_leader_that_nobody_asks_resigns(void **state)
{
	struct raft_world *w = *state;

	lead(w); /* at 2000 */
	world_tick(w, 4999);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
	world_tick(w, 5000);
	assert_int_equal(raft_role(w->raft), RAFT_RESIGNED);
}

static void a_majority_that_asks_keeps_the_leader(void **state)
{
	struct raft_world *w = *state;
	struct world_fetch f = GOOD;

	lead(w);
	world_tick(w, 4900);
	f.replica_id = 7;
	fetch(w, f);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
	fetch(w, GOOD);
	world_tick(w, 7899);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
	world_tick(w, 7900);
	assert_int_equal(raft_role(w->raft), RAFT_RESIGNED);
}

static void voters_that_do_not_ask_are_told_again_who_leads(void **state)
{
	struct raft_world *w = *state;

	lead(w);
	assert_string_equal(world_no_answer(w, 2, ERR_BROKER_NOT_AVAILABLE), "wake 2020");
	w->now_ms = 2500;
	fetch(w, (struct world_fetch){3, 21, 5, 5, -1});
	assert_string_equal(world_tick(w, 3000), "send begin-epoch to 2, wake 4000");
}

/* ---- FetchSnapshot ---- */

static struct fetch_snapshot_request *snapshot_request(struct raft_world *w, int64_t end_offset, int64_t pos)
{
	struct fetch_snapshot_request *m = arena_zalloc(&w->arena, sizeof(*m));
	struct fetch_snapshot_request_partition *p = arena_zalloc(&w->arena, sizeof(*p));

	codec_init(&fetch_snapshot_request_schema, m);
	codec_init(&fetch_snapshot_request_partition_schema, p);
	m->cluster_id = STR("ours");
	m->replica_id = 2;
	m->max_bytes = 100;
	m->topics.v = arena_zalloc(&w->arena, sizeof(*m->topics.v));
	m->topics.n = 1;
	m->topics.v->name = STR("__cluster_metadata");
	m->topics.v->partitions.v = p;
	m->topics.v->partitions.n = 1;
	p->current_leader_epoch = raft_epoch(w->raft);
	p->snapshot_id.end_offset = end_offset;
	p->snapshot_id.epoch = end_offset > 0 ? 4 : 0;
	p->position = pos;
	return m;
}

static struct raft_request fetch_snapshot(struct raft_world *w, const struct fetch_snapshot_request *m, int64_t size,
					  struct fetch_snapshot_response *out)
{
	struct raft_request q = {.api = fetch_snapshot_request_KEY,
				 .version = 1,
				 .listener = STR("CONTROLLER"),
				 .in = m,
				 .out = out,
				 .arena = &w->arena,
				 .snapshot_size = size};

	codec_init(&fetch_snapshot_response_schema, out);
	world_step(w, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &q});
	return q;
}

static int snapshot_error(struct raft_world *w, const struct fetch_snapshot_request *m, int64_t size)
{
	struct fetch_snapshot_response out;

	fetch_snapshot(w, m, size, &out);
	return out.error_code != 0 ? out.error_code : out.topics.v->partitions.v->error_code;
}

static void a_piece_of_a_snapshot_is_refused_in_kafkas_order(void **state)
{
	struct raft_world *w = *state;
	struct fetch_snapshot_request *m;

	lead_behind_a_snapshot(w, (struct raft_snapshot_id){45, 4});
	m = snapshot_request(w, 45, 0);
	m->cluster_id = STR("theirs");
	assert_int_equal(snapshot_error(w, m, 500), ERR_INCONSISTENT_CLUSTER_ID);
	m = snapshot_request(w, 45, 0);
	m->topics.n = 0;
	assert_int_equal(snapshot_error(w, m, 500), ERR_INVALID_REQUEST);
	m = snapshot_request(w, 45, 0);
	m->topics.v->name = STR("other");
	assert_int_equal(snapshot_error(w, m, 500), ERR_UNKNOWN_TOPIC_OR_PARTITION);
	m = snapshot_request(w, 45, 0);
	m->topics.v->partitions.v->current_leader_epoch--;
	assert_int_equal(snapshot_error(w, m, 500), ERR_FENCED_LEADER_EPOCH);
	assert_int_equal(snapshot_error(w, snapshot_request(w, 46, 0), -1), ERR_SNAPSHOT_NOT_FOUND);
	assert_int_equal(snapshot_error(w, snapshot_request(w, 0, 0), 500), ERR_SNAPSHOT_NOT_FOUND);
	assert_int_equal(snapshot_error(w, snapshot_request(w, 45, -1), 500), ERR_POSITION_OUT_OF_RANGE);
	assert_int_equal(snapshot_error(w, snapshot_request(w, 45, 500), 500), ERR_POSITION_OUT_OF_RANGE);
	assert_int_equal(snapshot_error(w, snapshot_request(w, 45, 499), 500), 0);
}

static void a_piece_of_a_snapshot_is_read_and_its_reader_counts_as_present(void **state)
{
	struct raft_world *w = *state;
	struct fetch_snapshot_response out;
	struct raft_request q;

	lead_behind_a_snapshot(w, (struct raft_snapshot_id){45, 4}); /* at 2000 */
	w->now_ms = 4900;
	q = fetch_snapshot(w, snapshot_request(w, 45, 200), 500, &out);
	assert_int_equal(q.outcome, RAFT_READ_SNAPSHOT);
	assert_int_equal(q.snapshot.end_offset, 45);
	assert_int_equal(q.offset, 200);
	assert_int_equal(q.max_bytes, 100);
	assert_int_equal(out.topics.v->partitions.v->size, 500);
	assert_int_equal(out.topics.v->partitions.v->position, 200);
	assert_int_equal(out.topics.v->partitions.v->current_leader.leader_id, 1);
	world_tick(w, 7000);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_cannot_be_is_refused_in_kafkas_order),
		TEST(the_leader_is_named_in_every_answer),
		TEST(logs_that_part_are_told_where),
		TEST(who_ends_before_the_log_begins_gets_the_newest_snapshot),
		TEST(an_epoch_that_nobody_knows_behind_a_snapshot_is_none_of_ours),
		TEST(an_empty_log_is_filled_by_a_snapshot_but_not_by_that_of_the_formatting),
		TEST(who_has_all_waits_for_more_or_for_a_commit),
		TEST(who_does_not_know_of_the_last_commit_does_not_wait),
		TEST(who_does_not_want_to_wait_is_answered),
		TEST(who_waits_is_told_when_the_leader_leads_no_more),
		TEST(what_a_majority_has_flushed_is_committed),
		TEST(two_followers_commit_what_the_leader_has_not_flushed),
		TEST(the_high_watermark_stays_when_a_disk_is_lost),
		TEST(an_observer_counts_for_nothing),
		TEST(a_leader_that_nobody_asks_resigns),
		TEST(a_majority_that_asks_keeps_the_leader),
		TEST(voters_that_do_not_ask_are_told_again_who_leads),
		TEST(a_piece_of_a_snapshot_is_refused_in_kafkas_order),
		TEST(a_piece_of_a_snapshot_is_read_and_its_reader_counts_as_present),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
