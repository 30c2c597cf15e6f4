/*
 * vote: which candidate gets a vote, in which role, and in which order errors are checked (KIP-595,
 * KIP-996); how a node becomes leader, and how it resigns.
 */
#include "tests/base/cm.h"

#include "base/err.h"
#include "base/mem.h"
#include "protocol/begin_quorum_epoch.h"
#include "protocol/end_quorum_epoch.h"
#include "protocol/vote.h"
#include "tests/raft/raft_world.h"
#include "wire/codec.h"

/* ---- asking this node ---- */

struct decision {
	int error; /* at the top, otherwise in the partition */
	bool granted;
	int32_t leader_id;
	int32_t epoch;
};

static struct decision ask(struct raft_world *w, const struct vote_request *m)
{
	struct vote_response out;
	const struct vote_response_partition *p;

	codec_init(&vote_response_schema, &out);
	world_ask(w, vote_request_KEY, 2, m, &out);
	if (out.error_code != 0)
		return (struct decision){.error = out.error_code};
	p = out.topics.v->partitions.v;
	return (struct decision){p->error_code, p->vote_granted, p->leader_id, p->leader_epoch};
}

static struct decision vote(struct raft_world *w, struct world_vote v)
{
	return ask(w, world_vote(w, &v));
}

/* Three static voters, a log of epoch 3 up to 10, and the contents of quorum-state. */
static void start(struct raft_world *w, const struct raft_election *election)
{
	struct raft_start from = world_static(w, 3);

	from.has_election = true;
	from.election = *election;
	world_log(&from, 3, 10);
	world_start(w, &from);
	raft_history_fini(&from.history);
}

static const struct raft_election UNATTACHED = {-1, 5, -1, {{0}}};

static const struct world_vote GOOD = {.epoch = 6, .candidate = 2, .last_epoch = 3, .last_offset = 10};

static void what_cannot_be_is_refused_in_kafkas_order(void **state)
{
	struct raft_world *w = *state;
	struct vote_request *m;
	struct world_vote v;

	start(w, &UNATTACHED);
	world_begin(w);
	m = world_vote(w, &GOOD);
	m->cluster_id = STR("theirs");
	m->topics.n = 0;
	assert_int_equal(ask(w, m).error, ERR_INCONSISTENT_CLUSTER_ID);
	m->cluster_id = STR_NULL;
	assert_int_equal(ask(w, m).error, ERR_INVALID_REQUEST);
	m = world_vote(w, &GOOD);
	m->topics.v->partitions.v->partition_index = 1;
	assert_int_equal(ask(w, m).error, ERR_INVALID_REQUEST);

	v = GOOD; /* a candidate's epoch is one that its log does not have */
	v.last_epoch = v.epoch;
	assert_int_equal(vote(w, v).error, ERR_INVALID_REQUEST);
	v.pre_vote = true;
	assert_int_equal(vote(w, v).error, 0);
	v.last_epoch = v.epoch + 1;
	assert_int_equal(vote(w, v).error, ERR_INVALID_REQUEST);
	v = GOOD;
	v.last_offset = -1;
	v.epoch = 1; /* checked later */
	assert_int_equal(vote(w, v).error, ERR_INVALID_REQUEST);
	v = GOOD;
	v.epoch = 4;
	v.candidate = -1;
	assert_int_equal(vote(w, v).error, ERR_FENCED_LEADER_EPOCH);
	v.epoch = 8;
	assert_int_equal(vote(w, v).error, ERR_INVALID_REQUEST);
	assert_int_equal(raft_epoch(w->raft), 6);
}

static void a_later_epoch_is_taken_over_before_it_is_looked_whom_the_question_is_for(void **state)
{
	struct raft_world *w = *state;
	struct vote_request *m;

	start(w, &UNATTACHED);
	world_begin(w);
	m = world_vote(w, &GOOD);
	m->topics.v->partitions.v->voter_directory_id = world_directory(2);
	assert_int_equal(ask(w, m).error, ERR_INVALID_VOTER_KEY);
	assert_string_equal(world_story(w), "write-state -1@6, follower -1@6, send fetch to 2");
	m->voter_id = 3;
	m->topics.v->partitions.v->voter_directory_id = UUID_ZERO;
	assert_int_equal(ask(w, m).error, ERR_INVALID_VOTER_KEY);
	m->voter_id = 1;
	assert_true(ask(w, m).granted);
	m->voter_id = -1; /* from a node that does not say */
	assert_true(ask(w, m).granted);
}

static void a_vote_is_written_and_given_to_one_only(void **state)
{
	struct raft_world *w = *state;
	struct world_vote v = GOOD;

	start(w, &UNATTACHED);
	world_begin(w);
	assert_true(vote(w, v).granted);
	assert_string_equal(world_story(w), "write-state -1@6 voted 2, follower -1@6, send fetch to 3");
	assert_true(vote(w, v).granted);
	assert_string_equal(world_story(w), "");
	v.candidate = 3;
	assert_false(vote(w, v).granted);
	v.candidate = 2;
	v.last_offset = 0; /* it was good enough before */
	assert_true(vote(w, v).granted);
	v.epoch = 7;
	assert_false(vote(w, v).granted);
	assert_string_equal(world_story(w), "write-state -1@7, follower -1@7, send fetch to 2");
}

static void the_same_id_on_another_disk_is_another_candidate(void **state)
{
	struct raft_world *w = *state;
	struct vote_request *m;

	start(w, &UNATTACHED);
	world_begin(w);
	m = world_vote(w, &GOOD);
	assert_true(ask(w, m).granted);
	m->topics.v->partitions.v->replica_directory_id = world_directory(5);
	assert_false(ask(w, m).granted);
}

static void a_log_that_ends_before_ours_gets_no_vote(void **state)
{
	static const struct {
		int32_t last_epoch;
		int64_t last_offset;
		bool granted;
	} rows[] = {{3, 10, true}, {3, 9, false}, {3, 11, true}, {2, 100, false}, {4, 1, true}, {0, 0, false}};
	struct raft_world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_vote v = {6, 2, rows[i].last_epoch, rows[i].last_offset, false};

		start(w, &UNATTACHED);
		world_begin(w);
		assert_int_equal(vote(w, v).granted, rows[i].granted);
		start(w, &UNATTACHED);
		world_begin(w);
		v.pre_vote = true;
		v.epoch = 5;
		assert_int_equal(vote(w, v).granted, rows[i].granted);
		assert_int_equal(raft_epoch(w->raft), 5);
		assert_string_equal(world_story(w), "");
	}
}

/* ---- the table of roles ---- */

static void become_unattached(struct raft_world *w)
{
	start(w, &UNATTACHED);
	world_begin(w);
}

static void become_voted(struct raft_world *w)
{
	start(w, &(struct raft_election){-1, 5, 3, {{0}}});
	world_begin(w);
}

static void become_prospective(struct raft_world *w)
{
	start(w, &UNATTACHED);
	world_begin(w);
	world_tick(w, 2000);
}

static void become_candidate(struct raft_world *w)
{
	start(w, &(struct raft_election){-1, 4, -1, {{0}}});
	world_begin(w);
	world_tick(w, 2000);
	world_voted(w, 3, true);
}

static void become_leader(struct raft_world *w)
{
	become_candidate(w);
	world_voted(w, 3, true);
}

static void become_resigned(struct raft_world *w)
{
	start(w, &(struct raft_election){1, 5, -1, {{0}}});
	world_begin(w);
}

static void become_follower(struct raft_world *w)
{
	start(w, &UNATTACHED);
	world_follow(w, 3, 5);
}

static void become_follower_that_has_fetched(struct raft_world *w)
{
	become_follower(w);
	world_answer(w, 3, world_fetch_response(w, 3, 5, 0));
}

static void each_role_votes_as_kafkas_does(void **state)
{
	static const struct {
		void (*become)(struct raft_world *w);
		enum raft_role role;
		bool grants_pre_vote;
		bool grants_vote; /* in the same epoch */
	} rows[] = {
		{become_unattached, RAFT_UNATTACHED, true, true},
		{become_voted, RAFT_UNATTACHED, true, false},
		{become_prospective, RAFT_PROSPECTIVE, true, true},
		{become_candidate, RAFT_CANDIDATE, true, false},
		{become_resigned, RAFT_RESIGNED, true, false},
		{become_follower, RAFT_FOLLOWER, true, false},
		{become_follower_that_has_fetched, RAFT_FOLLOWER, false, false},
		{become_leader, RAFT_LEADER, false, false},
	};
	struct raft_world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* A leader's log includes its own epoch: the other log cannot be more up to date. */
		struct world_vote v = {5, 2, 5, 1000, true};

		w->now_ms = 0;
		rows[i].become(w);
		assert_int_equal(raft_role(w->raft), rows[i].role);
		assert_int_equal(raft_epoch(w->raft), 5);
		assert_int_equal(vote(w, v).granted, rows[i].grants_pre_vote);
		assert_int_equal(raft_role(w->raft), rows[i].role);
		v.last_epoch = 4;
		v.pre_vote = false;
		assert_int_equal(vote(w, v).granted, rows[i].grants_vote);
		assert_int_equal(raft_role(w->raft), rows[i].role);
	}
}

static void a_leader_that_is_not_known_where_is_not_voted_against(void **state)
{
	struct raft_world *w = *state;

	start(w, &(struct raft_election){9, 5, -1, {{0}}}); /* not one of our voters: its address is unknown */
	world_begin(w);
	assert_int_equal(raft_role(w->raft), RAFT_UNATTACHED);
	assert_false(vote(w, (struct world_vote){5, 2, 4, 1000, false}).granted);
	assert_true(vote(w, (struct world_vote){5, 2, 4, 1000, true}).granted);
}

/* ---- being elected ---- */

static void a_voter_asks_beforehand_then_asks_and_leads(void **state)
{
	struct raft_world *w = *state;

	start(w, &UNATTACHED);
	assert_string_equal(world_begin(w), "send fetch to 3, wake 1000");
	assert_string_equal(world_tick(w, 1000), "send pre-vote to 2, send pre-vote to 3, wake 2000");
	assert_int_equal(raft_role(w->raft), RAFT_PROSPECTIVE);
	assert_string_equal(world_voted(w, 3, true),
			    "write-state -1@6 voted 1, follower -1@6, send vote to 2, send vote to 3");
	assert_string_equal(world_voted(w, 3, true),
			    "write-state 1@6, append-control 10, leader 6 from 10, flush 11, send begin-epoch to 2, "
			    "send begin-epoch to 3");
	assert_int_equal(raft_leader_id(w->raft), 1);
	assert_int_equal(raft_high_watermark(w->raft), -1);
}

static void be_elected(struct raft_world *w)
{
	for (int n = 0; n < 5 && raft_role(w->raft) != RAFT_PROSPECTIVE; n++)
		world_tick(w, w->now_ms + 2000);
	world_voted(w, 3, true);
	world_voted(w, 3, true);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
}

static void a_leader_knows_when_it_heard_of_the_last_one_if_it_has_followed_that_one(void **state)
{
	struct raft_world *w = *state;
	int64_t at_ms;
	int32_t id;

	start(w, &UNATTACHED);
	world_follow(w, 2, 5);
	w->now_ms = 700;
	world_answer(w, 2, world_fetch_response(w, 2, 5, 0));
	be_elected(w);
	assert_int_equal(raft_epoch(w->raft), 6);
	assert_true(raft_heard_predecessor(w->raft, &id, &at_ms));
	assert_int_equal(id, 2);
	assert_int_equal(at_ms, 700);
	world_step(w, (struct raft_event){.type = RAFT_EVENT_RESIGN});
	be_elected(w);
	assert_false(raft_heard_predecessor(w->raft, &id, &at_ms));
}

static void who_led_before_the_last_one_is_no_predecessor(void **state)
{
	struct raft_world *w = *state;
	int64_t at_ms;
	int32_t id;

	start(w, &UNATTACHED);
	world_follow(w, 2, 5);
	world_answer(w, 2, world_fetch_response(w, 2, 5, 0));
	assert_int_equal(world_epoch_begun(w, 3, 6), 0); /* which is no longer heard */
	be_elected(w);
	assert_int_equal(raft_epoch(w->raft), 7);
	assert_false(raft_heard_predecessor(w->raft, &id, &at_ms));
}

static void half_of_the_votes_are_not_enough(void **state)
{
	struct raft_world *w = *state;
	struct raft_start from = world_static(w, 4);

	world_start(w, &from);
	world_begin(w);
	world_tick(w, 2000);
	world_voted(w, 2, true);
	assert_int_equal(raft_role(w->raft), RAFT_PROSPECTIVE);
	world_voted(w, 3, true);
	assert_int_equal(raft_role(w->raft), RAFT_CANDIDATE);
	world_voted(w, 3, false);
	world_voted(w, 4, true);
	assert_int_equal(raft_role(w->raft), RAFT_CANDIDATE);
	world_voted(w, 2, true);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
}

static void a_lost_pre_vote_leaves_the_epoch_and_a_lost_vote_waits(void **state)
{
	struct raft_world *w = *state;

	start(w, &UNATTACHED);
	world_begin(w);
	world_tick(w, 1000);
	world_voted(w, 2, false);
	assert_int_equal(raft_role(w->raft), RAFT_PROSPECTIVE);
	world_voted(w, 3, false);
	assert_int_equal(raft_role(w->raft), RAFT_UNATTACHED);
	assert_int_equal(raft_epoch(w->raft), 5);

	world_tick(w, 3000);
	world_voted(w, 2, true);
	world_voted(w, 2, false);
	world_voted(w, 3, false);
	assert_int_equal(raft_role(w->raft), RAFT_CANDIDATE);
	world_tick(w, 3999);
	assert_int_equal(raft_role(w->raft), RAFT_CANDIDATE);
	world_tick(w, 5000);
	assert_int_equal(raft_role(w->raft), RAFT_PROSPECTIVE);
	assert_int_equal(raft_epoch(w->raft), 6);
}

static void a_follower_whose_pre_vote_is_lost_follows_again(void **state)
{
	struct raft_world *w = *state;

	become_follower(w);
	assert_string_equal(world_tick(w, 2000), "send pre-vote to 2, send pre-vote to 3, wake 3000");
	world_voted(w, 2, false);
	assert_string_equal(world_voted(w, 3, false), "follower 3@5, send fetch to 3");
}

static void a_voter_from_before_the_pre_vote_is_asked_for_its_vote_at_once(void **state)
{
	struct raft_world *w = *state;

	start(w, &UNATTACHED);
	world_begin(w);
	world_tick(w, 1000);
	assert_string_equal(world_no_answer(w, 2, ERR_UNSUPPORTED_VERSION),
			    "write-state -1@6 voted 1, follower -1@6, send vote to 2, send vote to 3");
}

static void a_voter_that_does_not_answer_is_asked_again(void **state)
{
	struct raft_world *w = *state;

	start(w, &UNATTACHED);
	world_begin(w);
	world_tick(w, 1000);
	assert_string_equal(world_no_answer(w, 2, ERR_BROKER_NOT_AVAILABLE), "wake 1020");
	assert_string_equal(world_tick(w, 1019), "wake 1020");
	assert_string_equal(world_tick(w, 1020), "send pre-vote to 2, wake 2000");
}

static void an_answer_to_an_earlier_question_is_not_counted(void **state)
{
	struct raft_world *w = *state;
	int32_t correlation;

	start(w, &UNATTACHED);
	world_begin(w);
	world_tick(w, 1000);
	correlation = world_effect(w, RAFT_EFFECT_SEND)->correlation;
	world_tick(w, 2000); /* the round is over, and another has begun */
	assert_int_equal(raft_role(w->raft), RAFT_PROSPECTIVE);
	assert_string_equal(world_step(w, (struct raft_event){.type = RAFT_EVENT_ANSWER,
							      .correlation = correlation,
							      .err = ERR_UNSUPPORTED_VERSION}),
			    "");
	assert_int_equal(raft_role(w->raft), RAFT_PROSPECTIVE);
}

static void the_last_epoch_has_no_election_after_it(void **state)
{
	struct raft_world *w = *state;

	start(w, &(struct raft_election){-1, INT32_MAX, -1, {{0}}});
	world_begin(w);
	world_tick(w, 5000);
	assert_int_equal(raft_role(w->raft), RAFT_UNATTACHED);
}

/* ---- after a start ---- */

static void a_node_goes_on_where_quorum_state_says_it_was(void **state)
{
	static const struct {
		struct raft_election election;
		enum raft_role role;
		int32_t epoch;
		const char *story;
	} rows[] = {
		{{-1, 5, -1, {{0}}}, RAFT_UNATTACHED, 5, "send fetch to 3, wake 1000"},
		{{-1, 2, 1, {{0}}}, RAFT_UNATTACHED, 3, "write-state -1@3, send fetch to 3, wake 1000"},
		{{1, 5, -1, {{0}}}, RAFT_RESIGNED, 5, "send end-epoch to 2, send end-epoch to 3, wake 1000"},
		{{-1, 5, 1, {{0}}}, RAFT_CANDIDATE, 5, "send vote to 2, send vote to 3, wake 1000"},
		/* It was the leader: its own records of that epoch are in the log (KAFKA-10527). */
		{{-1, 3, 1, {{0}}},
		 RAFT_RESIGNED,
		 3,
		 "write-state 1@3, send end-epoch to 2, send end-epoch to 3, wake 1000"},
		{{3, 5, 2, {{0}}}, RAFT_FOLLOWER, 5, "follower 3@5, send fetch to 3, wake 2000"},
		{{9, 5, -1, {{0}}}, RAFT_UNATTACHED, 5, "send fetch to 3, wake 1000"},
	};
	struct raft_world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(w, &rows[i].election);
		assert_string_equal(world_begin(w), rows[i].story);
		assert_int_equal(raft_role(w->raft), rows[i].role);
		assert_int_equal(raft_epoch(w->raft), rows[i].epoch);
	}
}

static void who_has_resigned_is_back_in_a_later_epoch(void **state)
{
	struct raft_world *w = *state;

	become_resigned(w);
	assert_string_equal(world_tick(w, 999), "wake 1000");
	assert_string_equal(world_tick(w, 1000),
			    "write-state -1@6, follower -1@6, send pre-vote to 2, send pre-vote to 3, wake 2000");
}

/* ---- BeginQuorumEpoch, EndQuorumEpoch ---- */

static void a_leader_is_followed_when_it_says_so(void **state)
{
	struct raft_world *w = *state;

	start(w, &UNATTACHED);
	world_begin(w);
	assert_int_equal(world_epoch_begun(w, 2, 4), ERR_FENCED_LEADER_EPOCH);
	assert_int_equal(world_epoch_begun(w, -1, 6), ERR_INVALID_REQUEST);
	assert_int_equal(world_epoch_begun(w, 1, 6), ERR_INVALID_REQUEST);
	assert_int_equal(raft_epoch(w->raft), 5);
	assert_int_equal(world_epoch_begun(w, 2, 6), 0);
	assert_string_equal(world_story(w), "write-state 2@6, follower 2@6, send fetch to 2");
	assert_int_equal(world_epoch_begun(w, 2, 6), 0);
	assert_string_equal(world_story(w), "");
	assert_int_equal(world_epoch_begun(w, 3, 6), ERR_INVALID_REQUEST);
	assert_string_equal(world_story(w), "warn");
	assert_int_equal(raft_leader_id(w->raft), 2);
}

static struct end_quorum_epoch_request *end_of(struct raft_world *w, int32_t leader_id, int32_t epoch,
					       const int32_t *candidates, int n)
{
	struct end_quorum_epoch_request *m = arena_zalloc(&w->arena, sizeof(*m));
	struct end_quorum_epoch_request_partition *p = arena_zalloc(&w->arena, sizeof(*p));

	codec_init(&end_quorum_epoch_request_schema, m);
	codec_init(&end_quorum_epoch_request_partition_schema, p);
	m->topics.v = arena_zalloc(&w->arena, sizeof(*m->topics.v));
	m->topics.n = 1;
	m->topics.v->topic_name = STR("__cluster_metadata");
	m->topics.v->partitions.v = p;
	m->topics.v->partitions.n = 1;
	p->leader_id = leader_id;
	p->leader_epoch = epoch;
	p->preferred_candidates.v = arena_array(&w->arena, 8, sizeof(*p->preferred_candidates.v));
	p->preferred_candidates.n = n;
	for (int i = 0; i < n; i++)
		p->preferred_candidates.v[i] =
			(struct end_quorum_epoch_request_replica_info){candidates[i], world_directory(candidates[i])};
	return m;
}

static int end_epoch(struct raft_world *w, const struct end_quorum_epoch_request *m)
{
	struct end_quorum_epoch_response out;

	codec_init(&end_quorum_epoch_response_schema, &out);
	world_ask(w, end_quorum_epoch_request_KEY, 1, m, &out);
	return out.error_code != 0 ? out.error_code : out.topics.v->partitions.v->error_code;
}

/* More than a step's memory holds: the node answers, and lives on. */
static void a_leader_with_listeners_beyond_number_is_refused(void **state)
{
	enum { LISTENERS = 500000 };
	struct begin_quorum_epoch_request begin;
	struct begin_quorum_epoch_request_topic topic = {.topic_name = STR("__cluster_metadata")};
	struct begin_quorum_epoch_request_partition p = {.leader_id = 2, .leader_epoch = 6};
	struct end_quorum_epoch_request end;
	struct end_quorum_epoch_request_topic end_topic = {.topic_name = STR("__cluster_metadata")};
	struct end_quorum_epoch_request_partition end_p;
	struct begin_quorum_epoch_response out;
	struct end_quorum_epoch_response end_out;
	struct raft_world *w = *state;

	start(w, &UNATTACHED);
	world_begin(w);
	codec_init(&begin_quorum_epoch_request_schema, &begin);
	codec_init(&begin_quorum_epoch_response_schema, &out);
	begin.topics.v = &topic;
	begin.topics.n = topic.partitions.n = 1;
	topic.partitions.v = &p;
	begin.leader_endpoints.v = xcalloc(LISTENERS, sizeof(*begin.leader_endpoints.v));
	begin.leader_endpoints.n = LISTENERS;
	world_ask(w, begin_quorum_epoch_request_KEY, 1, &begin, &out);
	assert_int_equal(out.topics.v->partitions.v->error_code, ERR_INVALID_REQUEST);
	xfree(begin.leader_endpoints.v);
	codec_init(&end_quorum_epoch_request_schema, &end);
	codec_init(&end_quorum_epoch_request_partition_schema, &end_p);
	codec_init(&end_quorum_epoch_response_schema, &end_out);
	end_p.leader_id = 2;
	end_p.leader_epoch = 6;
	end.topics.v = &end_topic;
	end.topics.n = end_topic.partitions.n = 1;
	end_topic.partitions.v = &end_p;
	end.leader_endpoints.v = xcalloc(LISTENERS, sizeof(*end.leader_endpoints.v));
	end.leader_endpoints.n = LISTENERS;
	world_ask(w, end_quorum_epoch_request_KEY, 1, &end, &end_out);
	assert_int_equal(end_out.topics.v->partitions.v->error_code, ERR_INVALID_REQUEST);
	xfree(end.leader_endpoints.v);
	assert_int_equal(raft_epoch(w->raft), 5);
}

/* controller.quorum.election.timeout.ms=0 is allowed: a round then ends with the next millisecond. */
static void an_election_that_may_take_no_time_takes_one_instant(void **state)
{
	struct raft_world *w = *state;

	w->config.election_timeout_ms = 0;
	start(w, &UNATTACHED);
	world_begin(w);
	for (int i = 0; i < 20; i++)
		world_tick(w, w->now_ms + 1);
	assert_int_equal(raft_epoch(w->raft), 5);
}

static void a_message_of_another_cluster_or_partition_is_refused(void **state)
{
	struct raft_world *w = *state;
	struct end_quorum_epoch_request *end;
	struct begin_quorum_epoch_request begin;
	struct begin_quorum_epoch_response out;

	become_follower(w);
	end = end_of(w, 3, 5, NULL, 0);
	end->cluster_id = STR("theirs");
	assert_int_equal(end_epoch(w, end), ERR_INCONSISTENT_CLUSTER_ID);
	end->cluster_id = STR("ours");
	end->topics.v->topic_name = STR("other");
	assert_int_equal(end_epoch(w, end), ERR_INVALID_REQUEST);
	codec_init(&begin_quorum_epoch_request_schema, &begin);
	codec_init(&begin_quorum_epoch_response_schema, &out);
	world_ask(w, begin_quorum_epoch_request_KEY, 1, &begin, &out);
	assert_int_equal(out.error_code, ERR_INVALID_REQUEST);
	begin.cluster_id = STR("theirs");
	world_ask(w, begin_quorum_epoch_request_KEY, 1, &begin, &out);
	assert_int_equal(out.error_code, ERR_INCONSISTENT_CLUSTER_ID);
	assert_int_equal(raft_role(w->raft), RAFT_FOLLOWER);
}

static void the_place_among_the_candidates_says_how_long_to_wait(void **state)
{
	static const struct {
		int32_t candidates[5];
		int n;
		int64_t wait_ms;
	} rows[] = {
		{{1, 2}, 2, 0},		{{2, 1}, 2, 500},  {{2, 3, 1}, 3, 500}, {{2, 1, 3}, 3, 250},
		{{2, 3, 4, 1}, 4, 500}, {{2, 3}, 2, 1000}, {{0}, 0, 0},
	};
	struct raft_world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w->now_ms = 0;
		become_follower(w);
		assert_int_equal(end_epoch(w, end_of(w, 3, 5, rows[i].candidates, rows[i].n)), 0);
		if (rows[i].wait_ms > 0) {
			assert_int_equal(raft_role(w->raft), RAFT_FOLLOWER);
			world_tick(w, rows[i].wait_ms - 1);
			assert_int_equal(raft_role(w->raft), RAFT_FOLLOWER);
			world_tick(w, rows[i].wait_ms);
		}
		assert_int_equal(raft_role(w->raft), RAFT_PROSPECTIVE);
	}
}

static void another_directory_is_no_place_among_the_candidates(void **state)
{
	static const int32_t only[] = {1};
	struct raft_world *w = *state;
	struct end_quorum_epoch_request *m;

	become_follower(w);
	m = end_of(w, 3, 5, only, 1);
	m->topics.v->partitions.v->preferred_candidates.v[0].candidate_directory_id = world_directory(4);
	assert_int_equal(end_epoch(w, m), 0);
	assert_int_equal(raft_role(w->raft), RAFT_FOLLOWER);
}

static void the_end_of_another_epoch_is_not_this_ones(void **state)
{
	static const int32_t only[] = {1};
	struct raft_world *w = *state;

	become_follower(w);
	assert_int_equal(end_epoch(w, end_of(w, 3, 4, only, 1)), ERR_FENCED_LEADER_EPOCH);
	assert_int_equal(end_epoch(w, end_of(w, 2, 5, only, 1)), ERR_INVALID_REQUEST); /* by a node that never led it */
	assert_int_equal(raft_role(w->raft), RAFT_FOLLOWER);
	assert_int_equal(end_epoch(w, end_of(w, 2, 6, only, 1)), 0);
	assert_string_equal(world_story(w), "write-state 2@6, follower 2@6, send pre-vote to 2, send pre-vote to 3");
}

static void a_leader_that_stops_tells_the_voters_who_might_be_next(void **state)
{
	struct raft_world *w = *state;
	const struct end_quorum_epoch_request *m;

	become_leader(w);
	world_step(w, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN});
	assert_string_equal(world_story(w), "resigned 5, send end-epoch to 2, send end-epoch to 3");
	m = world_effect(w, RAFT_EFFECT_SEND)->request;
	assert_int_equal(m->topics.v->partitions.v->preferred_candidates.n, 2);
	assert_int_equal(m->topics.v->partitions.v->preferred_successors.n, 2);
	world_tick(w, 9000); /* it does not start another election */
	assert_int_equal(raft_role(w->raft), RAFT_RESIGNED);
	assert_int_equal(world_epoch_begun(w, 2, 6), 0);
	assert_string_equal(world_story(w), "write-state 2@6, follower 2@6, stopped");
}

static void a_follower_and_an_only_voter_stop_at_once(void **state)
{
	struct raft_world *w = *state;
	struct raft_start from = world_static(w, 1);

	become_follower(w);
	assert_string_equal(world_step(w, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN}), "stopped");
	world_start(w, &from);
	world_begin(w);
	assert_string_equal(world_step(w, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN}), "resigned 1, stopped");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

static void a_leader_whose_first_record_has_no_room_resigns_and_its_log_is_as_it_was(void **state)
{
	struct raft_world *w = *state;
	struct raft_start from = world_static(w, 3);
	int64_t end;

	world_log(&from, 1, 5);
	world_start(w, &from);
	raft_history_fini(&from.history);
	world_lead(w);
	end = raft_log_end(w->raft) - 1;
	world_step(w, (struct raft_event){.type = RAFT_EVENT_UNWRITTEN, .offset = end});
	assert_int_equal(raft_role(w->raft), RAFT_RESIGNED);
	assert_int_equal(raft_log_end(w->raft), end);
	assert_int_equal(raft_last_epoch(w->raft), 1);
	assert_non_null(world_effect(w, RAFT_EFFECT_RESIGNED));
	assert_int_equal(world_effect(w, RAFT_EFFECT_SEND)->api, end_quorum_epoch_request_KEY);
	world_flushed(w, end); /* of the flush that had begun */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_cannot_be_is_refused_in_kafkas_order),
		TEST(a_later_epoch_is_taken_over_before_it_is_looked_whom_the_question_is_for),
		TEST(a_vote_is_written_and_given_to_one_only),
		TEST(the_same_id_on_another_disk_is_another_candidate),
		TEST(a_log_that_ends_before_ours_gets_no_vote),
		TEST(each_role_votes_as_kafkas_does),
		TEST(a_leader_that_is_not_known_where_is_not_voted_against),
		TEST(a_voter_asks_beforehand_then_asks_and_leads),
		TEST(a_leader_knows_when_it_heard_of_the_last_one_if_it_has_followed_that_one),
		TEST(who_led_before_the_last_one_is_no_predecessor),
		TEST(half_of_the_votes_are_not_enough),
		TEST(a_lost_pre_vote_leaves_the_epoch_and_a_lost_vote_waits),
		TEST(a_follower_whose_pre_vote_is_lost_follows_again),
		TEST(a_voter_from_before_the_pre_vote_is_asked_for_its_vote_at_once),
		TEST(a_voter_that_does_not_answer_is_asked_again),
		TEST(an_answer_to_an_earlier_question_is_not_counted),
		TEST(the_last_epoch_has_no_election_after_it),
		TEST(a_node_goes_on_where_quorum_state_says_it_was),
		TEST(who_has_resigned_is_back_in_a_later_epoch),
		TEST(a_leader_is_followed_when_it_says_so),
		TEST(a_leader_with_listeners_beyond_number_is_refused),
		TEST(an_election_that_may_take_no_time_takes_one_instant),
		TEST(a_message_of_another_cluster_or_partition_is_refused),
		TEST(the_place_among_the_candidates_says_how_long_to_wait),
		TEST(another_directory_is_no_place_among_the_candidates),
		TEST(the_end_of_another_epoch_is_not_this_ones),
		TEST(a_leader_whose_first_record_has_no_room_resigns_and_its_log_is_as_it_was),
		TEST(a_leader_that_stops_tells_the_voters_who_might_be_next),
		TEST(a_follower_and_an_only_voter_stop_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
