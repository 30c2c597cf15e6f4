/*
 * follower: which node it asks, and what it does with the answer: records, a truncation, a
 * snapshot, another leader; and its own requests for changes of itself.
 */
#include <errno.h>
#include <stdio.h>

#include "tests/base/cm.h"

#include "base/err.h"
#include "protocol/add_raft_voter.h"
#include "protocol/fetch.h"
#include "protocol/fetch_snapshot.h"
#include "protocol/remove_raft_voter.h"
#include "protocol/update_raft_voter.h"
#include "tests/raft/raft_world.h"
#include "wire/codec.h"

/* Voter 1 of three follows 2 in epoch 5; its log has epoch 2 up to 10 and epoch 4 up to 20. */
static void follow_from(struct raft_world *w, struct raft_start *from)
{
	from->has_election = true;
	from->election = (struct raft_election){-1, 4, -1, {{0}}};
	world_log(from, 2, 10);
	world_log(from, 4, 20);
	world_start(w, from);
	raft_history_fini(&from->history);
	world_follow(w, 2, 5);
}

static void follow(struct raft_world *w)
{
	struct raft_start from = world_static(w, 3);

	follow_from(w, &from);
}

static struct fetch_response *records(struct raft_world *w, int64_t high_watermark)
{
	struct fetch_response *m = world_fetch_response(w, 2, 5, 0);

	m->responses.v->partitions.v->records.p = (const uint8_t *)"records";
	m->responses.v->partitions.v->records.len = 7;
	m->responses.v->partitions.v->high_watermark = high_watermark;
	return m;
}

/* The log accepted records of this epoch up to `end`. */
static const char *fetched(struct raft_world *w, int32_t epoch, int64_t end, int err)
{
	struct raft_history history;
	const char *story;

	raft_history_init(&history, raft_log_end(w->raft), raft_last_epoch(w->raft));
	if (end > history.end)
		raft_history_note_epoch(&history, epoch, history.end);
	history.end = end;
	story = world_step(w, (struct raft_event){.type = RAFT_EVENT_FETCHED, .history = &history, .err = err});
	raft_history_fini(&history);
	return story;
}

static const char *diverging(struct raft_world *w, int32_t epoch, int64_t end)
{
	struct fetch_response *m = world_fetch_response(w, 2, 5, 0);

	m->responses.v->partitions.v->diverging_epoch.epoch = epoch;
	m->responses.v->partitions.v->diverging_epoch.end_offset = end;
	return world_answer(w, 2, m);
}

static const char *snapshot_told(struct raft_world *w, int64_t end, int32_t epoch)
{
	struct fetch_response *m = world_fetch_response(w, 2, 5, 0);

	m->responses.v->partitions.v->snapshot_id.end_offset = end;
	m->responses.v->partitions.v->snapshot_id.epoch = epoch;
	return world_answer(w, 2, m);
}

static const struct fetch_request *asked_fetch(struct raft_world *w)
{
	return world_effect(w, RAFT_EFFECT_SEND)->request;
}

/* ---- records ---- */

static void a_fetch_says_where_the_log_ends_and_what_is_committed(void **state)
{
	struct raft_world *w = *state;
	const struct fetch_request *m;

	follow(w);
	assert_string_equal(world_story(w), "write-state 2@5, follower 2@5, send fetch to 2");
	m = asked_fetch(w);
	assert_int_equal(m->topics.v->partitions.v->fetch_offset, 20);
	assert_int_equal(m->topics.v->partitions.v->last_fetched_epoch, 4);
	assert_int_equal(m->topics.v->partitions.v->current_leader_epoch, 5);
	assert_int_equal(m->topics.v->partitions.v->high_watermark, -1);
	assert_int_equal(m->max_wait_ms, 500);
	assert_int_equal(m->replica_state.replica_id, 1);
	assert_string_equal(world_answer(w, 2, records(w, 15)), "append-fetched 20");
	assert_string_equal(fetched(w, 5, 25, 0), "commit 15, flush 25");
	assert_string_equal(world_flushed(w, 25), "send fetch to 2");
	m = asked_fetch(w);
	assert_int_equal(m->topics.v->partitions.v->fetch_offset, 25);
	assert_int_equal(m->topics.v->partitions.v->last_fetched_epoch, 5);
	assert_int_equal(m->topics.v->partitions.v->high_watermark, 15);
}

static void nothing_is_asked_for_before_what_is_below_is_flushed(void **state)
{
	struct raft_world *w = *state;

	follow(w);
	world_answer(w, 2, records(w, -1));
	assert_string_equal(fetched(w, 5, 25, 0), "flush 25");
	assert_string_equal(world_tick(w, 1000), "wake 2000");
	assert_string_equal(world_flushed(w, 24), "flush 25");
	assert_string_equal(world_flushed(w, 25), "send fetch to 2");
}

static void an_observer_that_never_votes_does_not_flush(void **state)
{
	struct raft_world *w = *state;
	struct raft_start from = world_static(w, 3);

	w->config.node_id = 9;
	w->config.directory_id = world_directory(9);
	w->config.may_become_voter = false;
	follow_from(w, &from);
	world_answer(w, 2, records(w, -1));
	assert_string_equal(fetched(w, 5, 25, 0), "send fetch to 2");
	world_tick(w, 9000); /* nor does it start an election */
	assert_int_equal(raft_role(w->raft), RAFT_FOLLOWER);
}

static void an_answer_without_records_brings_the_high_watermark(void **state)
{
	struct raft_world *w = *state;
	struct fetch_response *m;

	follow(w);
	m = world_fetch_response(w, 2, 5, 0);
	m->responses.v->partitions.v->high_watermark = 18;
	assert_string_equal(world_answer(w, 2, m), "commit 18, send fetch to 2");
	m->responses.v->partitions.v->high_watermark = 99; /* more than it has */
	assert_string_equal(world_answer(w, 2, m), "commit 20, send fetch to 2");
	m->responses.v->partitions.v->high_watermark = 10; /* a new leader may know less */
	assert_string_equal(world_answer(w, 2, m), "send fetch to 2");
	assert_int_equal(raft_high_watermark(w->raft), 20);
}

static void records_that_the_log_does_not_take_are_asked_for_again_in_a_while(void **state)
{
	struct raft_world *w = *state;

	follow(w);
	world_answer(w, 2, records(w, 20));
	assert_string_equal(fetched(w, 5, 20, -EBADMSG), "commit 20, send fetch to 3, wake 20");
	world_answer(w, 3, world_fetch_response(w, 2, 5, ERR_NOT_LEADER_OR_FOLLOWER));
	assert_string_equal(world_tick(w, 20), "send fetch to 2, wake 2000");
}

static void each_answer_puts_the_election_off(void **state)
{
	struct raft_world *w = *state;

	follow(w);
	w->now_ms = 1500;
	world_answer(w, 2, world_fetch_response(w, 2, 5, 0));
	world_tick(w, 3499);
	assert_int_equal(raft_role(w->raft), RAFT_FOLLOWER);
	world_tick(w, 3500);
	assert_int_equal(raft_role(w->raft), RAFT_PROSPECTIVE);
}

/* ---- another leader ---- */

static void who_asks_the_wrong_one_is_told_the_right_one(void **state)
{
	struct raft_world *w = *state;

	follow(w);
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 3, 6, ERR_FENCED_LEADER_EPOCH)),
			    "write-state 3@6, follower 3@6, send fetch to 3");
	assert_string_equal(world_answer(w, 3, world_fetch_response(w, -1, 7, ERR_FENCED_LEADER_EPOCH)),
			    "write-state -1@7, follower -1@7, send fetch to 3");
	/* A request of an unattached node may find the leader, and return its records as well. */
	assert_string_equal(world_answer(w, 3, world_fetch_response(w, 3, 7, 0)),
			    "write-state 3@7, follower 3@7, send fetch to 3");
}

static void a_leader_that_does_not_answer_is_asked_for_elsewhere(void **state)
{
	struct raft_world *w = *state;

	w->config.n_bootstrap = 1;
	w->bootstrap[0] = (struct raft_node){-2, STR("elsewhere"), 1};
	w->config.fetch_timeout_ms = 9000;
	follow(w);
	assert_string_equal(world_no_answer(w, 2, ERR_BROKER_NOT_AVAILABLE), "send fetch to -2, wake 20");
	assert_string_equal(world_answer(w, -2, world_fetch_response(w, 2, 5, ERR_NOT_LEADER_OR_FOLLOWER)),
			    "send fetch to 3");
	assert_string_equal(world_answer(w, 3, world_fetch_response(w, 2, 5, ERR_NOT_LEADER_OR_FOLLOWER)), "");
	assert_string_equal(world_tick(w, 20), "send fetch to 2, wake 2020");
	assert_string_equal(world_tick(w, 2020), "send fetch to -2, wake 4020"); /* it did not answer in time */
}

static void a_leader_that_has_moved_is_asked_where_others_say_that_he_is(void **state)
{
	struct raft_world *w = *state;
	struct fetch_response_node_endpoint at = {.node_id = 2, .host = STR("moved"), .port = 9095};
	struct fetch_response *m;
	const struct raft_endpoint *known;

	w->config.n_bootstrap = 1;
	w->bootstrap[0] = (struct raft_node){-2, STR("elsewhere"), 1};
	w->config.fetch_timeout_ms = 9000;
	follow(w);
	assert_string_equal(world_no_answer(w, 2, ERR_BROKER_NOT_AVAILABLE), "send fetch to -2, wake 20");
	m = world_fetch_response(w, 2, 5, ERR_NOT_LEADER_OR_FOLLOWER);
	m->node_endpoints.v = &at;
	m->node_endpoints.n = 1;
	assert_string_equal(world_answer(w, -2, m), "send fetch to 3"); /* what was due remains due */
	known = raft_leader_endpoint(w->raft, STR("CONTROLLER"));
	assert_non_null(known);
	assert_true(str_is(known->host, "moved"));
	assert_int_equal(known->port, 9095);
	assert_string_equal(world_answer(w, 3, world_fetch_response(w, 2, 5, ERR_NOT_LEADER_OR_FOLLOWER)), "");
	assert_string_equal(world_tick(w, 20), "send fetch to 2, wake 2020");
}

static void two_leaders_in_an_epoch_cannot_be(void **state)
{
	struct raft_world *w = *state;

	follow(w);
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 3, 5, ERR_NOT_LEADER_OR_FOLLOWER)),
			    "warn, send fetch to 3, wake 20");
	assert_int_equal(raft_leader_id(w->raft), 2);
}

/* ---- truncation ---- */

static void a_log_that_parts_from_the_leaders_is_cut_where_they_part(void **state)
{
	static const struct {
		int32_t epoch;
		int64_t end;
		int64_t cut;
		int32_t last_epoch; /* of the remaining log */
	} rows[] = {{4, 15, 15, 4}, {3, 15, 10, 2}, {2, 8, 8, 2}, {2, 15, 10, 2}, {1, 5, 0, 0}, {0, 0, 0, 0}};
	struct raft_world *w = *state;
	char story[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		follow(w);
		snprintf(story, sizeof(story), "truncate %lld, send fetch to 2", (long long)rows[i].cut);
		assert_string_equal(diverging(w, rows[i].epoch, rows[i].end), story);
		assert_int_equal(raft_log_end(w->raft), rows[i].cut);
		assert_int_equal(raft_last_epoch(w->raft), rows[i].last_epoch);
		assert_int_equal(asked_fetch(w)->topics.v->partitions.v->last_fetched_epoch, rows[i].last_epoch);
	}
}

static void nothing_below_the_high_watermark_is_cut(void **state)
{
	struct raft_world *w = *state;
	struct fetch_response *m;

	follow(w);
	m = world_fetch_response(w, 2, 5, 0);
	m->responses.v->partitions.v->high_watermark = 18;
	world_answer(w, 2, m);
	assert_string_equal(diverging(w, 4, 17), "warn, send fetch to 3, wake 20");
	assert_int_equal(raft_log_end(w->raft), 20);
}

static void a_truncation_that_cuts_nothing_cannot_be(void **state)
{
	struct raft_world *w = *state;

	follow(w);
	assert_string_equal(diverging(w, 5, 30), "warn, send fetch to 3, wake 20");
}

static void a_flush_that_is_out_counts_up_to_where_the_log_was_cut(void **state)
{
	struct raft_world *w = *state;
	struct fetch_response *m;

	follow(w);
	world_answer(w, 2, records(w, -1));
	fetched(w, 5, 25, 0); /* a flush is under way */
	assert_int_equal(world_epoch_begun(w, 3, 6), 0);
	world_flushed(w, 25);
	m = world_fetch_response(w, 3, 6, 0);
	m->responses.v->partitions.v->diverging_epoch.epoch = 4;
	m->responses.v->partitions.v->diverging_epoch.end_offset = 18;
	assert_string_equal(world_answer(w, 3, m), "truncate 18, send fetch to 3");
	m = records(w, -1);
	m->responses.v->partitions.v->current_leader.leader_id = 3;
	m->responses.v->partitions.v->current_leader.leader_epoch = 6;
	world_answer(w, 3, m);
	assert_string_equal(fetched(w, 6, 22, 0), "flush 22");
	assert_string_equal(world_flushed(w, 22), "send fetch to 3");
}

/* ---- snapshots ---- */

static struct update_raft_voter_response *update_answer(struct raft_world *w)
{
	struct update_raft_voter_response *m = arena_zalloc(&w->arena, sizeof(*m));

	codec_init(&update_raft_voter_response_schema, m);
	m->current_leader.leader_id = 2;
	m->current_leader.leader_epoch = 5;
	return m;
}

static struct fetch_snapshot_response *piece(struct raft_world *w, int64_t pos, int32_t len, int64_t size, int error)
{
	struct fetch_snapshot_response *m = arena_zalloc(&w->arena, sizeof(*m));
	struct fetch_snapshot_response_partition *p = arena_zalloc(&w->arena, sizeof(*p));

	codec_init(&fetch_snapshot_response_schema, m);
	codec_init(&fetch_snapshot_response_partition_schema, p);
	m->topics.v = arena_zalloc(&w->arena, sizeof(*m->topics.v));
	m->topics.n = 1;
	m->topics.v->name = STR("__cluster_metadata");
	m->topics.v->partitions.v = p;
	m->topics.v->partitions.n = 1;
	p->error_code = (int16_t)error;
	p->current_leader.leader_id = 2;
	p->current_leader.leader_epoch = 5;
	p->snapshot_id.end_offset = 100;
	p->snapshot_id.epoch = 5;
	p->size = size;
	p->position = pos;
	p->unaligned_records.p = (const uint8_t *)"0123456789";
	p->unaligned_records.len = len;
	return m;
}

static const char *loaded(struct raft_world *w, int err)
{
	struct raft_history history;
	const char *story;

	raft_history_init(&history, 100, 5);
	story = world_step(w, (struct raft_event){.type = RAFT_EVENT_LOADED,
						  .snapshot = {100, 5},
						  .history = err == 0 ? &history : NULL,
						  .err = err});
	raft_history_fini(&history);
	return story;
}

static void a_snapshot_comes_in_pieces_and_takes_the_place_of_the_log(void **state)
{
	struct raft_world *w = *state;
	const struct fetch_snapshot_request *m;

	follow(w);
	assert_string_equal(snapshot_told(w, 100, 5), "send fetch-snapshot to 2");
	m = world_effect(w, RAFT_EFFECT_SEND)->request;
	assert_int_equal(m->topics.v->partitions.v->snapshot_id.end_offset, 100);
	assert_int_equal(m->topics.v->partitions.v->position, 0);
	assert_string_equal(world_answer(w, 2, piece(w, 0, 10, 15, 0)), "chunk 0 of 100-5, send fetch-snapshot to 2");
	m = world_effect(w, RAFT_EFFECT_SEND)->request;
	assert_int_equal(m->topics.v->partitions.v->position, 10);
	assert_string_equal(world_answer(w, 2, piece(w, 10, 5, 15, 0)), "chunk 10 of 100-5, load 100-5");
	world_tick(w, 5000); /* meanwhile it starts no election */
	assert_int_equal(raft_role(w->raft), RAFT_FOLLOWER);
	world_answer(w, 2, update_answer(w));
	assert_string_equal(loaded(w, 0), "commit 100, send fetch to 2");
	assert_int_equal(raft_log_end(w->raft), 100);
	assert_int_equal(raft_last_epoch(w->raft), 5);
	assert_int_equal(raft_high_watermark(w->raft), 100);
	assert_int_equal(asked_fetch(w)->topics.v->partitions.v->fetch_offset, 100);
}

static void a_snapshot_that_is_gone_or_does_not_load_is_asked_for_anew(void **state)
{
	struct raft_world *w = *state;

	follow(w);
	snapshot_told(w, 100, 5);
	assert_string_equal(world_answer(w, 2, piece(w, 0, 0, 0, ERR_SNAPSHOT_NOT_FOUND)), "send fetch to 2");
	snapshot_told(w, 100, 5);
	assert_string_equal(world_answer(w, 2, piece(w, 5, 10, 15, 0)), "warn, send fetch to 3, wake 20");
	assert_string_equal(world_answer(w, 3, world_fetch_response(w, 2, 5, ERR_NOT_LEADER_OR_FOLLOWER)), "");
	assert_string_equal(world_tick(w, 20), "send fetch to 2, wake 2000");
	snapshot_told(w, 100, 5);
	world_answer(w, 2, piece(w, 0, 10, 10, 0));
	assert_string_equal(loaded(w, -EIO), "send fetch to 3, wake 40");
	assert_int_equal(raft_log_end(w->raft), 20);
}

static void a_snapshot_that_would_take_the_log_back_cannot_be(void **state)
{
	struct raft_world *w = *state;
	struct fetch_response *m;

	follow(w);
	assert_string_equal(snapshot_told(w, 15, 4), "warn, send fetch to 3, wake 20");
	follow(w);
	m = world_fetch_response(w, 2, 5, 0);
	m->responses.v->partitions.v->high_watermark = 18;
	world_answer(w, 2, m);
	assert_string_equal(snapshot_told(w, 17, 5), "warn, send fetch to 3, wake 20");
}

static void another_leader_is_asked_for_its_own_snapshot(void **state)
{
	struct raft_world *w = *state;

	follow(w);
	snapshot_told(w, 100, 5);
	assert_int_equal(world_epoch_begun(w, 3, 6), 0);
	assert_string_equal(world_story(w), "write-state 3@6, follower 3@6, send fetch to 3");
}

/* ---- what it asks about itself ---- */

static void a_static_voter_tells_each_leader_its_listeners_once(void **state)
{
	struct raft_world *w = *state;

	follow(w);
	w->now_ms = 1999;
	world_answer(w, 2, world_fetch_response(w, 2, 5, 0));
	assert_string_equal(world_tick(w, 2000), "wake 3999");
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 2, 5, 0)), "send update-voter to 2");
	assert_string_equal(world_answer(w, 2, update_answer(w)), "send fetch to 2");
	w->now_ms = 3900;
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 2, 5, 0)), "send fetch to 2");
	w->now_ms = 5800;
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 2, 5, 0)), "send fetch to 2");
}

static void a_voter_that_has_moved_says_so(void **state)
{
	struct raft_world *w = *state;
	struct raft_endpoint moved = {STR("CONTROLLER"), STR("elsewhere"), 1};
	struct raft_voter own = w->voters[0];
	struct raft_start from = world_dynamic(w, 3);

	own.endpoints = &moved;
	w->config.own = &own;
	follow_from(w, &from);
	w->now_ms = 1999;
	world_answer(w, 2, world_fetch_response(w, 2, 5, 0));
	w->now_ms = 2000;
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 2, 5, 0)), "send update-voter to 2");
}

static void observe(struct raft_world *w, int32_t id, struct uuid directory)
{
	struct raft_start from = world_dynamic(w, 3);

	w->config.node_id = id;
	w->config.directory_id = directory;
	w->config.auto_join = true;
	follow_from(w, &from);
	w->now_ms = 2000;
}

static void an_observer_that_may_joins(void **state)
{
	struct raft_world *w = *state;
	struct add_raft_voter_response out;

	observe(w, 4, world_directory(4));
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 2, 5, 0)), "send add-voter to 2");
	codec_init(&add_raft_voter_response_schema, &out);
	out.error_code = ERR_REQUEST_TIMED_OUT;
	assert_string_equal(world_answer(w, 2, &out), "send fetch to 2");
	w->now_ms = 3999;
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 2, 5, 0)), "send fetch to 2");
	w->now_ms = 4000;
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 2, 5, 0)), "send add-voter to 2");
}

static void who_comes_back_with_another_disk_has_the_old_one_removed_first(void **state)
{
	struct raft_world *w = *state;
	const struct remove_raft_voter_request *m;

	observe(w, 1, world_directory(4));
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 2, 5, 0)), "send remove-voter to 2");
	m = world_effect(w, RAFT_EFFECT_SEND)->request;
	assert_int_equal(m->voter_id, 1);
	assert_true(uuid_eq(m->voter_directory_id, world_directory(1)));
}

static void a_broker_and_who_is_not_told_to_do_not_join(void **state)
{
	struct raft_world *w = *state;

	w->config.may_become_voter = false;
	observe(w, 4, world_directory(4));
	assert_string_equal(world_answer(w, 2, world_fetch_response(w, 2, 5, 0)), "send fetch to 2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fetch_says_where_the_log_ends_and_what_is_committed),
		TEST(nothing_is_asked_for_before_what_is_below_is_flushed),
		TEST(an_observer_that_never_votes_does_not_flush),
		TEST(an_answer_without_records_brings_the_high_watermark),
		TEST(records_that_the_log_does_not_take_are_asked_for_again_in_a_while),
		TEST(each_answer_puts_the_election_off),
		TEST(who_asks_the_wrong_one_is_told_the_right_one),
		TEST(a_leader_that_does_not_answer_is_asked_for_elsewhere),
		TEST(a_leader_that_has_moved_is_asked_where_others_say_that_he_is),
		TEST(two_leaders_in_an_epoch_cannot_be),
		TEST(a_log_that_parts_from_the_leaders_is_cut_where_they_part),
		TEST(nothing_below_the_high_watermark_is_cut),
		TEST(a_truncation_that_cuts_nothing_cannot_be),
		TEST(a_flush_that_is_out_counts_up_to_where_the_log_was_cut),
		TEST(a_snapshot_comes_in_pieces_and_takes_the_place_of_the_log),
		TEST(a_snapshot_that_is_gone_or_does_not_load_is_asked_for_anew),
		TEST(a_snapshot_that_would_take_the_log_back_cannot_be),
		TEST(another_leader_is_asked_for_its_own_snapshot),
		TEST(a_static_voter_tells_each_leader_its_listeners_once),
		TEST(a_voter_that_has_moved_says_so),
		TEST(an_observer_that_may_joins),
		TEST(who_comes_back_with_another_disk_has_the_old_one_removed_first),
		TEST(a_broker_and_who_is_not_told_to_do_not_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
