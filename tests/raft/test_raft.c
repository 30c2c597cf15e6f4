/* raft: traces of a single voter: an event, then the effects it must have, in words. */
#include <errno.h>

#include "tests/base/cm.h"

#include "raft/control.h"
#include "tests/raft/raft_world.h"

#define DIRECTORY world_directory(1)

static void start(struct raft_world *w)
{
	struct raft_start from = world_static(w, 1);

	world_start(w, &from);
}

/* A log of one epoch. */
static void start_with_log(struct raft_world *w, const struct raft_election *election, int32_t epoch, int64_t end)
{
	struct raft_start from = world_static(w, 1);

	if (election) {
		from.election = *election;
		from.has_election = true;
	}
	world_log(&from, epoch, end);
	world_start(w, &from);
	raft_history_fini(&from.history);
}

/* The voter is in the bootstrap snapshot, or at this offset of a log of one epoch. */
static void start_dynamic(struct raft_world *w, const struct raft_voter *voter, int64_t offset, int32_t epoch,
			  int64_t end)
{
	struct raft_start from = {.snapshot = {-1, 0}};
	struct raft_voters voters = {(struct raft_voter *)voter, 1};

	raft_history_init(&from.history, 0, 0);
	raft_history_note_kraft_version(&from.history, offset, 1);
	raft_history_note_voters(&from.history, offset, &voters);
	world_log(&from, epoch, end);
	world_start(w, &from);
	raft_history_fini(&from.history);
}

static const char *append(struct raft_world *w, int32_t n, int64_t bytes)
{
	return world_step(w, (struct raft_event){.type = RAFT_EVENT_APPENDED, .n_records = n, .bytes = bytes});
}

static void a_single_voter_leads_at_once_and_flushes_an_idle_log_at_once(void **state)
{
	struct raft_world *w = *state;

	start(w);
	assert_string_equal(world_begin(w), "write-state 1@1, append-control 0, leader 1 from 0, flush 1, wake 60000");
	assert_int_equal(raft_high_watermark(w->raft), -1);
	assert_string_equal(world_flushed(w, 1), "commit 1");
	assert_string_equal(append(w, 3, 100), "flush 4");
	assert_string_equal(world_flushed(w, 4), "commit 4");
	assert_int_equal(raft_leader_id(w->raft), 1);
}

static void appends_gather_behind_a_flush_in_flight(void **state)
{
	struct raft_world *w = *state;

	start(w);
	world_begin(w);
	world_flushed(w, 1);
	assert_string_equal(append(w, 1, 10), "flush 2");
	assert_string_equal(append(w, 1, 10), "");
	assert_string_equal(append(w, 2, 10), "");
	assert_string_equal(world_flushed(w, 2), "commit 2, flush 5");
	assert_string_equal(append(w, 1, 10), "");
	assert_string_equal(world_flushed(w, 5), "commit 5, flush 6");
	assert_string_equal(world_flushed(w, 6), "commit 6");
}

static const char *append_idle(struct raft_world *w, int64_t now_ms)
{
	w->now_ms = now_ms;
	return world_step(w,
			  (struct raft_event){.type = RAFT_EVENT_APPENDED, .n_records = 1, .bytes = 10, .idle = true});
}

static void what_nobody_waits_for_is_flushed_later_or_with_what_somebody_waits_for(void **state)
{
	struct raft_world *w = *state;

	start(w);
	world_begin(w);
	world_flushed(w, 1);
	assert_string_equal(append_idle(w, 100), "wake 5100");
	assert_string_equal(append_idle(w, 600), "");
	assert_string_equal(world_tick(w, 5099), "wake 5100");
	assert_string_equal(world_tick(w, 5100), "flush 3, wake 60000");
	assert_string_equal(append_idle(w, 5101), "wake 10101");
	assert_string_equal(world_flushed(w, 3), "commit 3");
	assert_string_equal(append(w, 1, 10), "flush 5");
	assert_string_equal(world_flushed(w, 5), "commit 5");
	assert_string_equal(world_tick(w, 10101), "wake 60000");
}

static void a_restart_leads_in_a_later_epoch_than_the_log_and_the_file_know(void **state)
{
	struct raft_world *w = *state;

	start_with_log(w, &(struct raft_election){1, 4, -1, {{0}}}, 7, 10);
	assert_string_equal(world_begin(w),
			    "write-state 1@8, append-control 10, leader 8 from 10, flush 11, wake 60000");
	assert_string_equal(world_flushed(w, 11), "commit 11");
}

static void the_high_watermark_waits_for_a_record_of_the_epoch(void **state)
{
	struct raft_world *w = *state;

	start_with_log(w, NULL, 1, 10);
	world_begin(w);
	assert_int_equal(raft_high_watermark(w->raft), -1);
	assert_string_equal(world_flushed(w, 10), "flush 11");
	assert_int_equal(raft_high_watermark(w->raft), -1);
}

static void a_node_that_is_not_the_only_voter_does_not_lead(void **state)
{
	struct raft_world *w = *state;
	struct raft_start from = world_static(w, 2);

	world_start(w, &from);
	assert_string_equal(world_begin(w), "send fetch to 2, wake 1000");
	assert_int_equal(raft_leader_id(w->raft), -1);
}

static void the_same_id_on_another_disk_does_not_vote_with_kraft_version_1(void **state)
{
	struct raft_world *w = *state;
	struct raft_voter other = w->voters[0];

	other.directory_id = world_directory(2);
	start_dynamic(w, &other, -1, 0, 0);
	assert_string_equal(world_begin(w), "wake 60000");
}

static void a_snapshot_is_cut_when_enough_was_written_and_frees_what_is_below(void **state)
{
	struct raft_world *w = *state;

	start(w);
	world_begin(w);
	world_flushed(w, 1);
	assert_string_equal(append(w, 1, 900), "flush 2");
	assert_string_equal(append(w, 1, 900), "");
	assert_string_equal(world_flushed(w, 2), "commit 2, flush 3, cut-snapshot 2");
	assert_string_equal(world_flushed(w, 3), "commit 3"); /* one at a time */
	w->now_ms = 50;
	assert_string_equal(world_step(w, (struct raft_event){.type = RAFT_EVENT_SNAPSHOT, .snapshot = {2, 1}}),
			    "clean 2");
	assert_string_equal(world_step(w, (struct raft_event){.type = RAFT_EVENT_CLEANED, .snapshot = {2, 1}}), "");
	assert_string_equal(append(w, 1, 10), "flush 4");
	assert_string_equal(world_flushed(w, 4), "commit 4");
}

static void a_snapshot_is_cut_when_an_hour_has_passed_and_there_is_something_new(void **state)
{
	struct raft_world *w = *state;

	start(w);
	world_begin(w);
	world_flushed(w, 1);
	assert_string_equal(world_tick(w, 59999), "wake 60000");
	assert_string_equal(world_tick(w, 60000), "cut-snapshot 1");
	w->now_ms = 60001;
	world_step(w, (struct raft_event){.type = RAFT_EVENT_SNAPSHOT, .snapshot = {1, 1}});
	assert_string_equal(world_tick(w, 120001), "wake 180001");
}

static void a_shutdown_resigns_and_commits_nothing_more(void **state)
{
	struct raft_world *w = *state;

	start(w);
	world_begin(w);
	assert_string_equal(world_step(w, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN}), "resigned 1, stopped");
	assert_string_equal(world_flushed(w, 1), "");
	assert_int_equal(raft_leader_id(w->raft), -1);
}

/* ---- the first batch of an epoch ---- */

static int types_of(struct bytes batch, int *types, int max)
{
	struct batch_header h;
	struct record_iter it;
	struct record r;
	int n = 0;

	assert_int_equal(batch_header_read(batch.p, (size_t)batch.len, &h), 0);
	assert_true(batch_is_control(&h));
	assert_true(batch_crc_ok(batch.p, &h));
	it = record_iter(&h, batch.p + BATCH_HEADER_SIZE, (size_t)batch.len - BATCH_HEADER_SIZE);
	while (record_next(&it, &r)) {
		assert_true(n < max);
		types[n++] = control_type(r.key);
		if (types[n - 1] == CONTROL_KRAFT_VOTERS) {
			struct raft_voters v;

			assert_int_equal(control_read_voters(r.value, &v), 0);
			assert_int_equal(v.n, 1);
			assert_true(uuid_eq(v.v[0].directory_id, DIRECTORY));
			assert_int_equal(v.v[0].endpoints[0].port, 9093);
			raft_voters_fini(&v);
			for (int32_t len = 0; len < r.value.len; len++)
				assert_int_equal(control_read_voters((struct bytes){r.value.p, len}, &v), -EBADMSG);
		}
	}
	assert_int_equal(it.error, 0);
	return n;
}

static void an_epoch_begins_with_a_leader_change(void **state)
{
	struct raft_world *w = *state;
	int types[4];

	start(w);
	world_begin(w);
	assert_int_equal(types_of(w->effects.v[1].batch, types, 4), 1);
	assert_int_equal(types[0], CONTROL_LEADER_CHANGE);
}

static void a_dynamic_quorum_writes_its_voters_once(void **state)
{
	struct raft_world *w = *state;
	int types[4];

	start_dynamic(w, &w->voters[0], -1, 0, 0);
	assert_string_equal(world_begin(w), "write-state 1@1, append-control 0, leader 1 from 0, flush 3, wake 60000");
	assert_int_equal(types_of(w->effects.v[1].batch, types, 4), 3);
	assert_int_equal(types[1], CONTROL_KRAFT_VERSION);
	assert_int_equal(types[2], CONTROL_KRAFT_VOTERS);
	assert_int_equal(raft_voters_offset(w->raft), 2);
	start_dynamic(w, &w->voters[0], 2, 1, 3);
	assert_string_equal(world_begin(w), "write-state 1@2, append-control 3, leader 2 from 3, flush 4, wake 60000");
}

static void a_leader_whose_endpoints_moved_writes_its_voters_anew(void **state)
{
	struct raft_world *w = *state;
	struct raft_endpoint moved = {STR("CONTROLLER"), STR("localhost"), 19093};
	struct raft_voter before = w->voters[0];

	before.endpoints = &moved;
	start_dynamic(w, &before, 2, 1, 3);
	assert_string_equal(world_begin(w), "write-state 1@2, append-control 3, leader 2 from 3, flush 6, wake 60000");
	assert_int_equal(raft_voters(w->raft)->v[0].endpoints[0].port, 9093);
}

/* ---- quorum-state ---- */

static void quorum_state_is_written_as_kafka_writes_it(void **state)
{
	struct raft_voter one = {.id = 1};
	struct raft_voters voters = {&one, 1};
	struct raft_election e = {1, 1, -1, {{0}}};
	struct raft_election back;
	struct buf out = {0};

	(void)state;
	raft_election_format(&e, 0, &voters, &out);
	assert_true(str_is(buf_str(&out),
			   "{\"clusterId\":\"\",\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"appliedOffset\":0,"
			   "\"currentVoters\":[{\"voterId\":1}],\"data_version\":0}"));
	assert_int_equal(raft_election_parse(buf_str(&out), &back), 0);
	assert_int_equal(back.leader_epoch, 1);
	for (int32_t len = 0; len < (int32_t)out.len; len++)
		assert_int_equal(raft_election_parse((struct str){(const char *)out.p, len}, &back), -EBADMSG);
	out.len = 0;
	raft_election_format(&e, 1, &voters, &out);
	assert_true(str_is(buf_str(&out), "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,"
					  "\"votedDirectoryId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":1}"));
	assert_int_equal(raft_election_parse(buf_str(&out), &back), 0);
	buf_fini(&out);
}

static void a_damaged_quorum_state_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1}",
		"{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"data_version\":2}",
		"{\"leaderId\":1,\"leaderEpoch\":-1,\"votedId\":-1,\"data_version\":0}",
		"{\"leaderId\":1,\"leaderEpoch\":4294967296,\"votedId\":-1,\"data_version\":0}",
		"{\"leaderId\":\"1\",\"leaderEpoch\":1,\"votedId\":-1,\"data_version\":0}",
		"{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"votedDirectoryId\":\"short\",\"data_version\":1}",
	};
	struct raft_election e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(raft_election_parse(str_of(bad[i]), &e), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_single_voter_leads_at_once_and_flushes_an_idle_log_at_once,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(appends_gather_behind_a_flush_in_flight, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_nobody_waits_for_is_flushed_later_or_with_what_somebody_waits_for,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_restart_leads_in_a_later_epoch_than_the_log_and_the_file_know,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_high_watermark_waits_for_a_record_of_the_epoch, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(a_node_that_is_not_the_only_voter_does_not_lead, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(the_same_id_on_another_disk_does_not_vote_with_kraft_version_1,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_is_cut_when_enough_was_written_and_frees_what_is_below,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_is_cut_when_an_hour_has_passed_and_there_is_something_new,
						world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_shutdown_resigns_and_commits_nothing_more, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(an_epoch_begins_with_a_leader_change, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_dynamic_quorum_writes_its_voters_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_leader_whose_endpoints_moved_writes_its_voters_anew, world_setup,
						world_teardown),
		cmocka_unit_test(quorum_state_is_written_as_kafka_writes_it),
		cmocka_unit_test(a_damaged_quorum_state_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
