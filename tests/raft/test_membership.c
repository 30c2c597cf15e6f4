/*
 * membership: adding, removing and updating voters, and the upgrade that makes this possible, as
 * decided by a leader (KIP-853); and what it reports about voters.
 */
#include "tests/base/cm.h"

#include "base/err.h"
#include "protocol/add_raft_voter.h"
#include "protocol/api_versions.h"
#include "protocol/describe_quorum.h"
#include "protocol/fetch.h"
#include "protocol/remove_raft_voter.h"
#include "protocol/update_raft_voter.h"
#include "raft/control.h"
#include "tests/raft/raft_world.h"
#include "wire/codec.h"

/* ---- leaders ---- */

static void heard(struct raft_world *w, int32_t id)
{
	struct fetch_request *m = world_fetch(
		w, &(struct world_fetch){id, raft_log_end(w->raft), raft_last_epoch(w->raft), raft_epoch(w->raft), -1});
	struct fetch_response out;

	codec_init(&fetch_response_schema, &out);
	world_ask(w, fetch_request_KEY, 18, m, &out);
}

/* Leads n voters, and everything is committed: all have fetched at the end of the log. */
static void settle(struct raft_world *w)
{
	int n = raft_voters(w->raft)->n;

	world_flushed(w, raft_log_end(w->raft));
	for (int i = 0; i < n; i++) {
		int32_t id = raft_voters(w->raft)->v[i].id;

		if (id != 1)
			heard(w, id);
	}
	assert_int_equal(raft_high_watermark(w->raft), raft_log_end(w->raft));
}

static void lead_static(struct raft_world *w, int n)
{
	struct raft_start from = world_static(w, n);

	world_start(w, &from);
	world_lead(w);
}

static void lead_dynamic(struct raft_world *w, int n)
{
	struct raft_start from = world_dynamic(w, n);

	world_start(w, &from);
	raft_history_fini(&from.history);
	world_lead(w);
}

/* ---- requests ---- */

struct change {
	const char *cluster;
	int32_t id;
	struct uuid directory;
	const char *listener;
	bool ack_at_append;
};

/* 0 and parked, or an immediate error. */
static int add(struct raft_world *w, struct change c)
{
	struct add_raft_voter_request_listener l = {str_of(c.listener ? c.listener : "CONTROLLER"), STR("new"), 7};
	struct add_raft_voter_request in;
	struct add_raft_voter_response out;
	struct raft_request q;

	codec_init(&add_raft_voter_request_schema, &in);
	codec_init(&add_raft_voter_response_schema, &out);
	in.cluster_id = c.cluster ? str_of(c.cluster) : STR_NULL;
	in.voter_id = c.id;
	in.voter_directory_id = c.directory;
	in.listeners.v = &l;
	in.listeners.n = 1;
	in.ack_when_committed = !c.ack_at_append;
	q = world_ask(w, add_raft_voter_request_KEY, 1, &in, &out);
	assert_int_equal(q.outcome == RAFT_PARKED_CHANGE, out.error_code == 0);
	return out.error_code;
}

static int add_id(struct raft_world *w, int32_t id)
{
	return add(w, (struct change){.id = id, .directory = world_directory(id)});
}

static int remove_voter(struct raft_world *w, const char *cluster, int32_t id, struct uuid directory)
{
	struct remove_raft_voter_request in = {
		.cluster_id = cluster ? str_of(cluster) : STR_NULL, .voter_id = id, .voter_directory_id = directory};
	struct remove_raft_voter_response out;
	struct raft_request q;

	codec_init(&remove_raft_voter_response_schema, &out);
	q = world_ask(w, remove_raft_voter_request_KEY, 0, &in, &out);
	assert_int_equal(q.outcome == RAFT_PARKED_CHANGE, out.error_code == 0);
	return out.error_code;
}

static int remove_id(struct raft_world *w, int32_t id)
{
	return remove_voter(w, NULL, id, world_directory(id));
}

static struct api_versions_response *versions(struct raft_world *w, int error, int16_t min, int16_t max)
{
	struct api_versions_response *m = arena_zalloc(&w->arena, sizeof(*m));

	codec_init(&api_versions_response_schema, m);
	m->error_code = (int16_t)error;
	m->supported_features.v = arena_zalloc(&w->arena, sizeof(*m->supported_features.v));
	m->supported_features.n = max >= 0;
	m->supported_features.v->name = STR("kraft.version");
	m->supported_features.v->min_version = min;
	m->supported_features.v->max_version = max;
	return m;
}

/* ---- adding ---- */

static void a_request_to_add_is_looked_at_in_kafkas_order(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 2);
	assert_int_equal(add(w, (struct change){"theirs", -1, UUID_ZERO, "OTHER", false}), ERR_INCONSISTENT_CLUSTER_ID);
	assert_int_equal(add(w, (struct change){"ours", -1, world_directory(3), "OTHER", false}), ERR_INVALID_REQUEST);
	assert_int_equal(add(w, (struct change){"ours", 3, UUID_ZERO, NULL, false}), ERR_INVALID_REQUEST);
	assert_int_equal(add(w, (struct change){"ours", 3, world_directory(3), "OTHER", false}), ERR_INVALID_REQUEST);
	assert_int_equal(add_id(w, 3), ERR_REQUEST_TIMED_OUT); /* no high watermark yet */
	settle(w);
	assert_int_equal(add(w, (struct change){.id = 2, .directory = world_directory(4)}), ERR_DUPLICATE_VOTER);
	assert_int_equal(add_id(w, 3), 0);
	assert_int_equal(add_id(w, 4), ERR_REQUEST_TIMED_OUT); /* one at a time */
	world_step(w, (struct raft_event){.type = RAFT_EVENT_RESIGN});
	assert_int_equal(add_id(w, 3), ERR_NOT_LEADER_OR_FOLLOWER);
}

static void static_voters_do_not_change(void **state)
{
	struct raft_world *w = *state;

	lead_static(w, 1);
	settle(w);
	assert_int_equal(add_id(w, 2), ERR_UNSUPPORTED_VERSION);
	assert_int_equal(remove_id(w, 1), ERR_UNSUPPORTED_VERSION);
}

static void a_voter_is_added_when_it_speaks_and_has_caught_up(void **state)
{
	struct raft_world *w = *state;
	const struct raft_effect *e;

	lead_dynamic(w, 2);
	settle(w);
	heard(w, 3); /* an observer so far */
	assert_int_equal(add_id(w, 3), 0);
	assert_string_equal(world_story(w), "send api-versions to 3");
	e = world_effect(w, RAFT_EFFECT_SEND);
	assert_true(str_is(e->node.host, "new"));
	assert_int_equal(e->node.port, 7);
	assert_string_equal(world_answer(w, 3, versions(w, 0, 0, 1)), "append-control 3, flush 4");
	assert_int_equal(raft_voters(w->raft)->n, 3); /* effective from now on */
	assert_int_equal(raft_voters_offset(w->raft), 3);
	world_flushed(w, 4);
	assert_int_equal(raft_high_watermark(w->raft), 3);
	heard(w, 3); /* a majority of the new set: 1 and 3 */
	assert_string_equal(world_story(w), "commit 4, change-done 0");
	assert_int_equal(add_id(w, 4), 0);
}

static void who_does_not_want_to_wait_is_answered_at_the_append(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 1);
	settle(w);
	heard(w, 3);
	assert_int_equal(add(w, (struct change){.id = 3, .directory = world_directory(3), .ack_at_append = true}), 0);
	assert_string_equal(world_answer(w, 3, versions(w, 0, 0, 1)),
			    "append-control 3, flush 4, change-done 0, wake 3000");
	assert_int_equal(add_id(w, 4), ERR_REQUEST_TIMED_OUT); /* but it is not committed */
	world_flushed(w, 4);
	heard(w, 3);
	assert_string_equal(world_story(w), "commit 4");
	assert_int_equal(add_id(w, 4), 0);
}

static void a_voter_that_is_not_fit_is_not_added(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 2);
	settle(w);
	heard(w, 3);
	add_id(w, 3);
	assert_string_equal(world_no_answer(w, 3, ERR_BROKER_NOT_AVAILABLE), "change-done 7, wake 2020");
	assert_int_equal(add_id(w, 3), ERR_REQUEST_TIMED_OUT); /* it is ignored for a while */
	w->now_ms += 20;
	add_id(w, 3);
	assert_string_equal(world_answer(w, 3, versions(w, ERR_UNSUPPORTED_VERSION, 0, 1)), "change-done 7");
	w->now_ms += 20;
	add_id(w, 3);
	assert_string_equal(world_answer(w, 3, versions(w, 0, 0, 0)), "change-done 42");
	add_id(w, 3);
	assert_string_equal(world_answer(w, 3, versions(w, 0, -1, -1)), "change-done 42"); /* it does not say */
	add_id(w, 4);
	assert_string_equal(world_answer(w, 4, versions(w, 0, 0, 1)), "change-done 7"); /* never heard of */
	assert_int_equal(raft_voters(w->raft)->n, 2);
}

static void a_change_that_takes_too_long_is_given_up(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 3);
	settle(w); /* at 2000 */
	assert_int_equal(remove_id(w, 3), 0);
	world_flushed(w, 4);
	assert_int_equal(remove_id(w, 2), ERR_REQUEST_TIMED_OUT);
	assert_string_equal(world_tick(w, 4000), "change-done 7, send begin-epoch to 2, wake 5000");
	assert_int_equal(raft_voters(w->raft)->n, 2);
	assert_int_equal(remove_id(w, 2), ERR_REQUEST_TIMED_OUT); /* the last set is not committed yet */
	heard(w, 2);
	assert_int_equal(remove_id(w, 2), 0);
}

static void a_change_does_not_put_off_when_a_majority_has_to_be_heard_of(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 3);
	settle(w); /* at 2000 */
	w->now_ms = 4900;
	assert_int_equal(remove_id(w, 3), 0);
	world_tick(w, 4999);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
	world_tick(w, 5000);
	assert_int_equal(raft_role(w->raft), RAFT_RESIGNED);
}

static void a_change_ends_with_the_leader(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 3);
	settle(w);
	assert_int_equal(remove_id(w, 3), 0);
	assert_int_equal(world_epoch_begun(w, 2, 9), 0);
	assert_string_equal(world_story(w), "write-state 2@9, resigned 1, change-done 6, follower 2@9");
	assert_string_equal(world_flushed(w, 4), "send fetch to 2");
}

/* ---- removing ---- */

static void a_request_to_remove_is_looked_at_in_kafkas_order(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 2);
	assert_int_equal(remove_voter(w, "theirs", -1, UUID_ZERO), ERR_INCONSISTENT_CLUSTER_ID);
	assert_int_equal(remove_voter(w, NULL, -1, world_directory(1)), ERR_INVALID_REQUEST);
	assert_int_equal(remove_voter(w, NULL, 1, UUID_ZERO), ERR_INVALID_REQUEST);
	assert_int_equal(remove_id(w, 2), ERR_REQUEST_TIMED_OUT);
	settle(w);
	assert_int_equal(remove_id(w, 3), ERR_VOTER_NOT_FOUND);
	assert_int_equal(remove_voter(w, NULL, 2, world_directory(3)), ERR_VOTER_NOT_FOUND);
	assert_int_equal(remove_id(w, 2), 0);
	world_flushed(w, 4);
	assert_string_equal(world_story(w), "commit 4, change-done 0"); /* by the remaining voter */
	assert_int_equal(remove_id(w, 1), ERR_VOTER_NOT_FOUND);		/* the last one stays */
}

static void a_leader_that_is_removed_goes_on_until_that_is_committed(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 3);
	settle(w);
	assert_int_equal(remove_id(w, 1), 0);
	assert_string_equal(world_flushed(w, 4), ""); /* its own log no longer counts */
	heard(w, 2);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
	heard(w, 3);
	assert_string_equal(world_story(w),
			    "commit 4, change-done 0, resigned 1, send end-epoch to 2, send end-epoch to 3");
	world_tick(w, 4000);
	assert_int_equal(raft_role(w->raft), RAFT_UNATTACHED);
	world_tick(w, 9000); /* it does not start another election */
	assert_int_equal(raft_role(w->raft), RAFT_UNATTACHED);
}

/*
 * A quorum of two whose leader removes itself and fails before the other has heard of it: only its
 * log can win.
 */
static void a_leader_that_is_removed_stands_again_until_that_is_committed(void **state)
{
	struct raft_world *w = *state;
	struct raft_start from = world_dynamic(w, 2);
	struct raft_voters left;

	left = (struct raft_voters){&w->voters[1], 1};
	world_log(&from, 1, 3);
	raft_history_note_voters(&from.history, 3, &left);
	from.history.end = 4;
	from.has_election = true;
	from.election = (struct raft_election){1, 1, -1, {{0}}};
	world_start(w, &from);
	raft_history_fini(&from.history);
	assert_string_equal(world_begin(w), "send end-epoch to 2, wake 1000");
	assert_string_equal(world_tick(w, 1000), "write-state -1@2, follower -1@2, send pre-vote to 2, wake 2000");
	world_voted(w, 2, true);
	world_voted(w, 2, true);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
	heard(w, 2);
	assert_int_equal(raft_role(w->raft), RAFT_RESIGNED);
}

/* ---- a truncation takes a set of voters back ---- */

static void a_set_of_voters_goes_with_the_log_that_it_was_in(void **state)
{
	struct raft_world *w = *state;
	struct raft_start from = world_dynamic(w, 3);
	struct raft_voters less = {w->voters, 2};
	struct fetch_response *m;

	world_log(&from, 1, 5);
	raft_history_note_voters(&from.history, 5, &less);
	from.history.end = 6;
	world_start(w, &from);
	raft_history_fini(&from.history);
	world_follow(w, 2, 3);
	assert_int_equal(raft_voters(w->raft)->n, 2);
	m = world_fetch_response(w, 2, 3, 0);
	m->responses.v->partitions.v->diverging_epoch.epoch = 1;
	m->responses.v->partitions.v->diverging_epoch.end_offset = 5;
	world_answer(w, 2, m);
	assert_int_equal(raft_voters(w->raft)->n, 3);
	assert_int_equal(raft_voters_offset(w->raft), -1);
}

/* ---- UpdateRaftVoter, and the upgrade ---- */

static struct update_raft_voter_response update(struct raft_world *w, int32_t id, struct uuid directory, int16_t max)
{
	struct update_raft_voter_request_listener l = {STR("CONTROLLER"), STR("moved"), 8};
	struct update_raft_voter_request in;
	struct update_raft_voter_response out;

	codec_init(&update_raft_voter_request_schema, &in);
	codec_init(&update_raft_voter_response_schema, &out);
	in.cluster_id = STR("ours");
	in.current_leader_epoch = raft_epoch(w->raft);
	in.voter_id = id;
	in.voter_directory_id = directory;
	in.listeners.v = &l;
	in.listeners.n = 1;
	in.k_raft_version_feature.max_supported_version = max;
	world_ask(w, update_raft_voter_request_KEY, 0, &in, &out);
	return out;
}

static struct update_raft_voter_request_listener *listeners(struct raft_world *w, int n, int bytes)
{
	struct update_raft_voter_request_listener *v = arena_array(&w->arena, (size_t)n, sizeof(*v));
	char *host = arena_zalloc(&w->arena, (size_t)bytes);

	for (int i = 0; i < n; i++)
		v[i] = (struct update_raft_voter_request_listener){
			i == 0 ? STR("CONTROLLER") : arena_printf(&w->arena, "C%d", i), STR("h"), 8};
	v[0].host = (struct str){host, bytes};
	return v;
}

/* Voter 2 describes itself with so many listeners, and so long a host. */
static int update_long(struct raft_world *w, int n, int bytes)
{
	struct update_raft_voter_request in;
	struct update_raft_voter_response out;

	codec_init(&update_raft_voter_request_schema, &in);
	codec_init(&update_raft_voter_response_schema, &out);
	in.cluster_id = STR("ours");
	in.current_leader_epoch = raft_epoch(w->raft);
	in.voter_id = 2;
	in.voter_directory_id = world_directory(2);
	in.listeners.v = listeners(w, n, bytes);
	in.listeners.n = n;
	in.k_raft_version_feature.max_supported_version = 1;
	world_ask(w, update_raft_voter_request_KEY, 0, &in, &out);
	return out.error_code;
}

static int add_long(struct raft_world *w, int n, int bytes)
{
	struct update_raft_voter_request_listener *from = listeners(w, n, bytes);
	struct add_raft_voter_request in;
	struct add_raft_voter_response out;

	codec_init(&add_raft_voter_request_schema, &in);
	codec_init(&add_raft_voter_response_schema, &out);
	in.cluster_id = STR_NULL;
	in.voter_id = 4;
	in.voter_directory_id = world_directory(4);
	in.listeners.v = arena_array(&w->arena, (size_t)n, sizeof(*in.listeners.v));
	in.listeners.n = n;
	for (int i = 0; i < n; i++)
		in.listeners.v[i] = (struct add_raft_voter_request_listener){from[i].name, from[i].host, from[i].port};
	world_ask(w, add_raft_voter_request_KEY, 1, &in, &out);
	return out.error_code;
}

/* A set of voters is one record that every voter has to read. */
static void a_voter_has_no_more_listeners_than_the_log_can_bear(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 3);
	settle(w);
	assert_int_equal(update_long(w, 101, 1), ERR_INVALID_REQUEST);
	assert_int_equal(update_long(w, 2, 1 << 14), ERR_INVALID_REQUEST);
	assert_int_equal(add_long(w, 101, 1), ERR_INVALID_REQUEST);
	assert_int_equal(add_long(w, 2, 1 << 14), ERR_INVALID_REQUEST);
	assert_int_equal(raft_log_end(w->raft), 3);
	assert_int_equal(update_long(w, 100, 1000), 0);
	assert_int_equal(raft_voters(w->raft)->v[1].n_endpoints, 100);
}

static void a_voter_that_has_moved_is_written_anew(void **state)
{
	struct raft_world *w = *state;

	lead_dynamic(w, 3);
	assert_int_equal(update(w, 2, world_directory(2), 1).error_code, ERR_REQUEST_TIMED_OUT);
	settle(w);
	assert_int_equal(update(w, 2, UUID_ZERO, 1).error_code, ERR_INVALID_REQUEST);
	assert_int_equal(update(w, -1, world_directory(2), 1).error_code, ERR_INVALID_REQUEST);
	assert_int_equal(update(w, 2, world_directory(2), -1).error_code, ERR_INVALID_REQUEST);
	/* it supported 1 before */
	assert_int_equal(update(w, 2, world_directory(2), 0).error_code, ERR_INVALID_REQUEST);
	assert_int_equal(update(w, 4, world_directory(4), 1).error_code, ERR_VOTER_NOT_FOUND);
	assert_int_equal(update(w, 2, world_directory(4), 1).error_code, ERR_VOTER_NOT_FOUND);
	assert_int_equal(update(w, 2, world_directory(2), 1).error_code, 0);
	assert_string_equal(world_story(w), "append-control 3, flush 4");
	assert_int_equal(raft_voters(w->raft)->v[1].endpoints[0].port, 8);
	assert_int_equal(update(w, 3, world_directory(3), 1).error_code, ERR_REQUEST_TIMED_OUT);
	assert_int_equal(update(w, 2, world_directory(2), 1).current_leader.port, 9093);
}

static int upgrade(struct raft_world *w, int16_t to, bool validate_only)
{
	struct raft_upgrade what = {to, validate_only};
	struct raft_event event = {.now_ms = w->now_ms};
	struct str why = STR_NULL;

	w->effects = (struct raft_effects){.arena = &w->arena};
	return raft_upgrade(w->raft, &what, &event, &w->effects, &why);
}

static void kraft_version_is_raised_when_all_voters_have_told_that_they_speak_it(void **state)
{
	struct raft_world *w = *state;

	lead_static(w, 3);
	settle(w);
	assert_int_equal(upgrade(w, 0, false), 0);
	assert_int_equal(upgrade(w, 1, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(update(w, 4, world_directory(4), 1).error_code, ERR_VOTER_NOT_FOUND);
	assert_int_equal(update(w, 2, world_directory(2), 1).error_code, 0);
	assert_string_equal(world_story(w), "");
	assert_int_equal(upgrade(w, 1, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(update(w, 3, world_directory(3), 0).error_code, 0);
	assert_int_equal(upgrade(w, 1, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(update(w, 3, world_directory(3), 1).error_code, 0);
	assert_int_equal(upgrade(w, 2, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(upgrade(w, 1, true), 0);
	assert_int_equal(raft_kraft_version(w->raft), 0);
	assert_int_equal(upgrade(w, 1, false), 0);
	assert_string_equal(world_story(w), "append-control 1, flush 3");
	assert_int_equal(raft_kraft_version(w->raft), 1);
	assert_int_equal(raft_voters_offset(w->raft), 2);
	assert_true(uuid_eq(raft_voters(w->raft)->v[2].directory_id, world_directory(3)));
	assert_int_equal(raft_kraft_version_at(w->raft, 0), 0);
	assert_int_equal(raft_voters_at(w->raft, 1)->n, 0);
	assert_int_equal(upgrade(w, 0, false), ERR_INVALID_UPDATE_VERSION);
	world_step(w, (struct raft_event){.type = RAFT_EVENT_RESIGN});
	assert_int_equal(upgrade(w, 1, false), ERR_NOT_CONTROLLER);
}

/* The step that appends is also the one that notices that no voter was heard for too long. */
static void an_upgrade_without_room_in_the_step_that_resigns_leaves_the_log_as_it_was(void **state)
{
	struct raft_world *w = *state;
	int64_t end;

	lead_static(w, 3);
	settle(w);
	assert_int_equal(update(w, 2, world_directory(2), 1).error_code, 0);
	assert_int_equal(update(w, 3, world_directory(3), 1).error_code, 0);
	end = raft_log_end(w->raft);
	w->now_ms += 10000;
	assert_int_equal(upgrade(w, 1, false), 0);
	assert_non_null(world_effect(w, RAFT_EFFECT_APPEND_CONTROL));
	assert_int_equal(raft_role(w->raft), RAFT_RESIGNED);
	world_step(w, (struct raft_event){.type = RAFT_EVENT_UNWRITTEN, .offset = end});
	assert_int_equal(raft_role(w->raft), RAFT_RESIGNED);
	assert_int_equal(raft_log_end(w->raft), end);
	assert_int_equal(raft_kraft_version(w->raft), 0);
	world_flushed(w, end);
}

/* ---- DescribeQuorum ---- */

static struct describe_quorum_response describe(struct raft_world *w, const char *topic, int16_t version)
{
	struct describe_quorum_request_partition p = {0};
	struct describe_quorum_request_topic t = {str_of(topic), {&p, 1}};
	struct describe_quorum_request request = {{&t, 1}};
	struct raft_describe how = {
		.now_ms = w->now_ms, .wall_ms = w->now_ms + 1000, .version = version, .arena = &w->arena};
	struct describe_quorum_response out;

	codec_init(&describe_quorum_response_schema, &out);
	raft_describe_quorum(w->raft, &how, &request, &out);
	return out;
}

static void a_leader_describes_the_quorum(void **state)
{
	struct raft_world *w = *state;
	struct describe_quorum_response out;
	const struct describe_quorum_response_partition *p;
	size_t len;

	lead_dynamic(w, 2); /* at 2000 */
	settle(w);
	heard(w, 7);
	w->now_ms = 2500;
	out = describe(w, "__cluster_metadata", 2);
	p = out.topics.v->partitions.v;
	assert_int_equal(p->error_code, 0);
	assert_int_equal(p->leader_id, 1);
	assert_int_equal(p->high_watermark, 3);
	assert_int_equal(p->current_voters.n, 2);
	assert_int_equal(p->current_voters.v[0].last_fetch_timestamp, 3500); /* itself: now */
	assert_int_equal(p->current_voters.v[1].log_end_offset, 3);
	assert_int_equal(p->current_voters.v[1].last_fetch_timestamp, 3000);
	assert_int_equal(p->current_voters.v[1].last_caught_up_timestamp, 3000);
	assert_true(uuid_eq(p->current_voters.v[1].replica_directory_id, world_directory(2)));
	assert_int_equal(p->observers.n, 1);
	assert_int_equal(p->observers.v[0].replica_id, 7);
	assert_int_equal(out.nodes.n, 2);
	assert_int_equal(out.nodes.v[1].listeners.v[0].port, 9094);
	out = describe(w, "__cluster_metadata", 1);
	assert_int_equal(codec_size(&describe_quorum_response_schema, 1, &out, &len), 0);
}

static void an_observer_that_was_silent_for_long_is_none(void **state)
{
	struct raft_world *w = *state;
	struct describe_quorum_response out;

	lead_dynamic(w, 1);
	settle(w);
	heard(w, 7);
	w->now_ms += 299999;
	out = describe(w, "__cluster_metadata", 2);
	assert_int_equal(out.topics.v->partitions.v->observers.n, 1);
	w->now_ms++;
	out = describe(w, "__cluster_metadata", 2);
	assert_int_equal(out.topics.v->partitions.v->observers.n, 0);
}

static void more_observers_than_a_cluster_has_are_not_kept(void **state)
{
	struct raft_world *w = *state;
	struct describe_quorum_response out;
	const struct describe_quorum_response_partition *p;

	lead_dynamic(w, 1);
	settle(w);
	for (int32_t id = 2; id < 1102; id++) {
		w->now_ms++;
		heard(w, id);
	}
	out = describe(w, "__cluster_metadata", 2);
	p = out.topics.v->partitions.v;
	assert_int_equal(p->observers.n, 1000);
	for (int i = 0; i < p->observers.n; i++)
		assert_true(p->observers.v[i].replica_id >= 102); /* those silent longest are gone */
}

static void who_does_not_lead_or_is_asked_for_something_else_says_so(void **state)
{
	struct raft_world *w = *state;
	struct describe_quorum_response out;

	lead_dynamic(w, 1);
	out = describe(w, "other", 2);
	assert_int_equal(out.topics.v->partitions.v->error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	world_step(w, (struct raft_event){.type = RAFT_EVENT_RESIGN});
	out = describe(w, "__cluster_metadata", 2);
	assert_int_equal(out.topics.v->partitions.v->error_code, ERR_NOT_LEADER_OR_FOLLOWER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_to_add_is_looked_at_in_kafkas_order),
		TEST(static_voters_do_not_change),
		TEST(a_voter_is_added_when_it_speaks_and_has_caught_up),
		TEST(who_does_not_want_to_wait_is_answered_at_the_append),
		TEST(a_voter_that_is_not_fit_is_not_added),
		TEST(a_change_that_takes_too_long_is_given_up),
		TEST(a_change_does_not_put_off_when_a_majority_has_to_be_heard_of),
		TEST(a_change_ends_with_the_leader),
		TEST(a_request_to_remove_is_looked_at_in_kafkas_order),
		TEST(a_leader_that_is_removed_goes_on_until_that_is_committed),
		TEST(a_leader_that_is_removed_stands_again_until_that_is_committed),
		TEST(a_set_of_voters_goes_with_the_log_that_it_was_in),
		TEST(a_voter_has_no_more_listeners_than_the_log_can_bear),
		TEST(a_voter_that_has_moved_is_written_anew),
		TEST(kraft_version_is_raised_when_all_voters_have_told_that_they_speak_it),
		TEST(an_upgrade_without_room_in_the_step_that_resigns_leaves_the_log_as_it_was),
		TEST(a_leader_describes_the_quorum),
		TEST(an_observer_that_was_silent_for_long_is_none),
		TEST(more_observers_than_a_cluster_has_are_not_kept),
		TEST(who_does_not_lead_or_is_asked_for_something_else_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
