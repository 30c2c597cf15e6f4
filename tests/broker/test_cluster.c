/*
 * cluster: three whole nodes in the simulator: their quorum elects leaders, loses them, and takes
 * them back.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "protocol/api_versions.h"
#include "protocol/describe_cluster.h"
#include "protocol/update_features.h"
#include "protocol/update_raft_voter.h"
#include "tests/base/cm.h"
#include "tests/broker/cluster_world.h"
#include "wire/codec.h"

static void start_all(void)
{
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_start(i);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_serving(i);
}

static int other_than(int i)
{
	return i == 0 ? 1 : 0;
}

static void everybody_knows(const char *topic)
{
	for (int i = 0; i < CLUSTER_NODES; i++)
		if (cluster_runs(i))
			cluster_wait_topic(i, topic);
}

/*
 * As the active controller, in answers to tools that manage the cluster through its controllers
 * (KIP-919).
 */
static void everybody_names(int leader)
{
	struct describe_cluster_request in;
	const struct describe_cluster_response *out;

	codec_init(&describe_cluster_request_schema, &in);
	in.endpoint_type = 2;
	for (int i = 0; i < CLUSTER_NODES; i++) {
		if (!cluster_runs(i))
			continue;
		out = cluster_ask(i, CLUSTER_CONTROLLER, describe_cluster_request_KEY, &in);
		assert_non_null(out);
		assert_int_equal(out->error_code, 0);
		assert_int_equal(out->controller_id, leader + 1);
		assert_int_equal(out->brokers.n, CLUSTER_NODES);
	}
}

static void when_the_leader_loses_its_power_another_leads_and_knows_what_was_decided(void **state)
{
	int first, second;

	(void)state;
	cluster_up(1, NULL);
	start_all();
	first = cluster_wait_leader();
	everybody_names(first);
	assert_int_equal(cluster_create_topic(other_than(first), "a"), 0);
	everybody_knows("a");
	cluster_crash(first, SIM_POWER);
	second = cluster_wait_leader();
	assert_int_not_equal(second, first);
	everybody_names(second);
	cluster_wait_topic(second, "a");
	cluster_start(first);
	cluster_wait_serving(first);
	assert_int_equal(cluster_create_topic(first, "b"), 0);
	everybody_knows("b");
	cluster_down();
}

/*
 * Separates it from all others, in both directions, or (cut false) joins them again. The client can
 * always reach it.
 */
static void isolate(int node, bool cut)
{
	for (int i = 0; i < CLUSTER_NODES; i++) {
		if (i == node)
			continue;
		sim_cut(cluster_sim(), node, i, cut);
		sim_cut(cluster_sim(), i, node, cut);
	}
}

static int leader_beside(int node)
{
	int leader = -1;

	for (int i = 0; i < 1000 && (leader < 0 || leader == node); i++) {
		leader = cluster_leader_by(other_than(node));
		if (leader < 0 || leader == node)
			sim_run_for(cluster_sim(), 50);
	}
	assert_true(leader >= 0 && leader != node);
	return leader;
}

/* What it decided on its own is in its log, and is truncated there. */
static void what_an_isolated_leader_decides_is_never_true(void **state)
{
	struct create_topics_request_topic topic = {.name = STR("lost"), .num_partitions = 1, .replication_factor = 3};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out;
	struct cluster_question q;
	int first, second;

	(void)state;
	cluster_up(2, NULL);
	start_all();
	first = cluster_wait_leader();
	isolate(first, true);
	cluster_begin_ask(first, CLUSTER_CONTROLLER, create_topics_request_KEY, &in, &q);
	second = leader_beside(first);
	assert_int_equal(cluster_create_topic(second, "kept"), 0);
	sim_run_for(cluster_sim(), 5000);
	assert_true(q.answered);
	out = q.answer;
	assert_int_equal(out->topics.v->error_code, ERR_NOT_CONTROLLER);
	isolate(first, false);
	cluster_wait_topic(first, "kept");
	assert_int_equal(cluster_said(first, "the metadata log is cut to what its leader has"), 1);
	assert_int_not_equal(cluster_wait_leader(), first);
	for (int i = 0; i < CLUSTER_NODES; i++)
		assert_false(cluster_knows_topic(i, "lost"));
	cluster_down();
}

static void who_comes_late_takes_a_snapshot(void **state)
{
	static const char *const settings[] = {"metadata.log.max.record.bytes.between.snapshots=4096",
					       "metadata.max.retention.bytes=1", NULL};
	char name[16];
	int late, leader;

	(void)state;
	cluster_up(3, settings);
	start_all();
	leader = cluster_wait_leader();
	late = other_than(leader);
	cluster_crash(late, SIM_KILL);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(cluster_create_topic(leader, name), 0);
	}
	cluster_start(late);
	cluster_wait_serving(late);
	assert_int_equal(cluster_said(late, "the metadata log starts over behind its leader's snapshot"), 1);
	cluster_wait_topic(late, "t0");
	cluster_wait_topic(late, "t59");
	cluster_stop(leader); /* `late` leads with what it has fetched */
	assert_int_not_equal(cluster_wait_leader(), leader);
	cluster_wait_topic(late, "t59");
	cluster_down();
}

/* The index of the leader, as told by its controllers' listener to tools; -1 until all have registered. */
static int leader_told_by(int i)
{
	struct describe_cluster_request in;
	const struct describe_cluster_response *out;

	codec_init(&describe_cluster_request_schema, &in);
	in.endpoint_type = 2; /* controllers */
	out = cluster_ask(i, CLUSTER_CONTROLLER, describe_cluster_request_KEY, &in);
	assert_non_null(out);
	assert_int_equal(out->error_code, 0);
	return out->brokers.n == CLUSTER_NODES ? out->controller_id - 1 : -1;
}

static void every_controller_is_registered_and_says_who_leads(void **state)
{
	int leader;

	(void)state;
	cluster_up(3, NULL);
	start_all();
	leader = cluster_wait_leader();
	for (int i = 0; i < CLUSTER_NODES; i++) {
		int told = leader_told_by(i);

		for (int k = 0; told < 0 && k < 100; k++) {
			sim_run_for(cluster_sim(), 50);
			told = leader_told_by(i);
		}
		assert_int_equal(told, leader);
	}
	cluster_down();
}

static void what_a_broker_was_asked_goes_to_the_next_controller(void **state)
{
	struct create_topics_request_topic topic = {.name = STR("t"), .num_partitions = 1, .replication_factor = 2};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out;
	struct cluster_question q;
	int leader;

	(void)state;
	cluster_up(4, NULL);
	start_all();
	leader = cluster_wait_leader();
	sim_pause(cluster_sim(), leader, true); /* it takes the request and never answers */
	cluster_begin_ask(other_than(leader), CLUSTER_BROKER, create_topics_request_KEY, &in, &q);
	for (int i = 0; !q.answered && i < 400; i++)
		sim_run_for(cluster_sim(), 50);
	assert_true(q.answered);
	out = q.answer;
	assert_non_null(out);
	assert_int_equal(out->topics.v->error_code, 0);
	sim_pause(cluster_sim(), leader, false);
	cluster_wait_topic(leader, "t");
	cluster_down();
}

/* ---- kraft.version ---- */

static int16_t raise_kraft_version(int by, bool validate_only)
{
	struct update_features_request_feature u = {
		.feature = STR("kraft.version"), .max_version_level = 1, .upgrade_type = 1};
	struct update_features_request in = {
		.timeout_ms = 30000, .feature_updates = {&u, 1}, .validate_only = validate_only};
	const struct update_features_response *out = cluster_ask(by, CLUSTER_BROKER, update_features_request_KEY, &in);

	assert_non_null(out);
	return out->error_code;
}

/* The finalized level, as this listener reports it. */
static int16_t kraft_version_by(int i, enum cluster_port port)
{
	struct api_versions_request in;
	const struct api_versions_response *out;

	codec_init(&api_versions_request_schema, &in);
	in.client_software_name = in.client_software_version = STR("test");
	out = cluster_ask(i, port, api_versions_request_KEY, &in);
	assert_non_null(out);
	for (int32_t k = 0; k < out->finalized_features.n; k++)
		if (str_is(out->finalized_features.v[k].name, "kraft.version"))
			return out->finalized_features.v[k].max_version_level;
	return 0;
}

static void wait_kraft_version(int i)
{
	for (int k = 0; kraft_version_by(i, CLUSTER_BROKER) != 1; k++) {
		assert_true(k < 400);
		sim_run_for(cluster_sim(), 50);
	}
	assert_int_equal(kraft_version_by(i, CLUSTER_CONTROLLER), 1);
}

static void kraft_version_is_raised_by_whoever_is_asked_and_the_voters_are_in_the_log(void **state)
{
	int leader;

	(void)state;
	cluster_up(6, NULL);
	cluster_start(0);
	cluster_start(1);
	leader = cluster_wait_leader();
	cluster_wait_serving(0);
	cluster_wait_serving(1);
	assert_int_equal(raise_kraft_version(other_than(leader), false),
			 ERR_INVALID_UPDATE_VERSION); /* one is unknown */
	cluster_start(2);
	cluster_wait_serving(2);
	/* until all have reported their versions */
	for (int k = 0; raise_kraft_version(other_than(leader), true) != 0; k++) {
		assert_true(k < 400);
		sim_run_for(cluster_sim(), 50);
	}
	assert_int_equal(kraft_version_by(leader, CLUSTER_BROKER), 0);
	assert_int_equal(raise_kraft_version(other_than(leader), false), 0);
	for (int i = 0; i < CLUSTER_NODES; i++)
		wait_kraft_version(i);
	assert_int_equal(raise_kraft_version(other_than(leader), false), 0);
	cluster_crash(leader, SIM_POWER);
	assert_int_not_equal(cluster_wait_leader(), leader);
	cluster_start(leader);
	cluster_wait_serving(leader);
	wait_kraft_version(leader);
	cluster_down();
}

/* ---- a disk without room ---- */

static const char CANNOT_READ[] = "this node cannot read the metadata log, and leads it no more";
static const char CANNOT_WRITE[] = "this node cannot write the metadata log, and leads it no more";

static void fill_disk(int i)
{
	sim_set_disk_bytes(cluster_sim(), i, sim_disk_used(cluster_sim(), i));
}

static const char *const NO_RESERVE[] = {"odradek.metadata.reserve.bytes=0", NULL};

static void a_leader_whose_disk_is_full_gives_the_lead_to_one_who_has_room(void **state)
{
	char name[16];
	int first;

	(void)state;
	cluster_up(7, NO_RESERVE);
	start_all();
	first = cluster_wait_leader();
	fill_disk(first);
	for (int i = 0; cluster_said(first, CANNOT_WRITE) == 0; i++) { /* part of a page is left */
		assert_true(i < 200);
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(cluster_create_topic(other_than(first), name), 0);
	}
	assert_int_not_equal(leader_beside(first), first);
	sim_set_disk_bytes(cluster_sim(), first, 0);
	everybody_knows(name);
	cluster_down();
}

/*
 * True if a controller was elected that could not write its first record, or not read its log, and
 * that logged `what`.
 */
static bool is_elected_and_cannot(uint64_t seed, const char *what)
{
	int first, said = 0;

	cluster_up(seed, NULL);
	sim_world_options(cluster_sim())->buggify =
		1; /* practically never, but a machine that is switched on now asks */
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_crash(i, SIM_KILL);
	start_all();
	first = cluster_wait_leader();
	sim_world_options(cluster_sim())->buggify = 800000;
	cluster_crash(first, SIM_KILL);
	leader_beside(first);
	sim_run_for(cluster_sim(), 5000);
	sim_world_options(cluster_sim())->buggify = 1;
	cluster_start(first);
	cluster_wait_serving(first);
	assert_int_equal(cluster_create_topic(first, "a"), 0);
	everybody_knows("a");
	for (int i = 0; i < CLUSTER_NODES; i++)
		said += cluster_said(i, what);
	cluster_down();
	return said > 0;
}

static void one_without_room_for_its_first_record_does_not_lead(void **state)
{
	int n_elected = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		n_elected += is_elected_and_cannot(seed, CANNOT_WRITE);
	assert_true(n_elected > 0);
}

static void one_that_cannot_read_its_log_does_not_lead(void **state)
{
	int n_elected = 0;

	(void)state;
	for (uint64_t seed = 13; seed <= 24; seed++)
		n_elected += is_elected_and_cannot(seed, CANNOT_READ);
	assert_true(n_elected > 0);
}

/* The leader's answer to a voter that has moved. */
static int16_t update_voter(int leader, int voter)
{
	struct describe_quorum_request_partition metadata = {0};
	struct describe_quorum_request_topic topic = {STR("__cluster_metadata"), {&metadata, 1}};
	struct describe_quorum_request describe = {{&topic, 1}};
	const struct describe_quorum_response *how =
		cluster_ask(leader, CLUSTER_CONTROLLER, describe_quorum_request_KEY, &describe);
	const struct describe_quorum_response_partition *p;
	struct update_raft_voter_request_listener listener = {STR("CONTROLLER"), STR("10.0.0.9"), CLUSTER_CONTROLLER};
	struct update_raft_voter_request in = {
		.voter_id = voter + 1, .listeners = {&listener, 1}, .k_raft_version_feature = {0, 1}};
	const struct update_raft_voter_response *out;

	assert_non_null(how);
	p = how->topics.v->partitions.v;
	in.current_leader_epoch = p->leader_epoch;
	for (int i = 0; i < p->current_voters.n; i++)
		if (p->current_voters.v[i].replica_id == voter + 1)
			in.voter_directory_id = p->current_voters.v[i].replica_directory_id;
	out = cluster_ask(leader, CLUSTER_CONTROLLER, update_raft_voter_request_KEY, &in);
	assert_non_null(out);
	return out->error_code;
}

/* Returns true when there was no room for the record. */
static bool is_updated_without_room(uint64_t seed)
{
	int leader;
	int16_t err;
	bool said;

	cluster_up(seed, NULL);
	sim_world_options(cluster_sim())->buggify = 1;
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_crash(i, SIM_KILL);
	start_all();
	leader = cluster_wait_leader();
	for (int k = 0; raise_kraft_version(leader, false) != 0; k++) {
		assert_true(k < 100);
		sim_run_for(cluster_sim(), 100);
	}
	wait_kraft_version(leader);
	leader = cluster_wait_leader();
	sim_world_options(cluster_sim())->buggify = 1000000;
	err = update_voter(leader, other_than(leader));
	said = cluster_said(leader, CANNOT_WRITE) > 0;
	sim_world_options(cluster_sim())->buggify = 1;
	if (said)
		assert_int_equal(err, ERR_NOT_LEADER_OR_FOLLOWER);
	cluster_down();
	return said;
}

static void a_voter_is_not_told_that_it_is_updated_when_that_found_no_room(void **state)
{
	int n = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		n += is_updated_without_room(seed);
	assert_true(n > 0);
}

/* ---- a clean stop ---- */

static int64_t now_ms(void)
{
	return sim_now_ns(cluster_sim()) / 1000000;
}

static void a_leader_that_stops_cleanly_leaves_the_lead_to_another_at_once(void **state)
{
	enum { AT_ONCE_MS = 100, PATIENCE_MS = 10000 }; /* an election after a time-out takes longer than a second */
	int first, other, leader;
	int64_t led_ms = 0;

	(void)state;
	cluster_up(9, NULL);
	start_all();
	first = leader = cluster_wait_leader();
	other = other_than(first);
	cluster_begin_stop(first);
	for (int64_t began_ms = now_ms(); leader < 0 || leader == first; leader = cluster_leader_by(other)) {
		assert_true(now_ms() - began_ms < PATIENCE_MS);
		if (leader == first)
			led_ms = now_ms();
		sim_run_for(cluster_sim(), 5);
	}
	assert_true(now_ms() - led_ms < AT_ONCE_MS);
	cluster_end_stop(first);
	cluster_down();
}

static void who_has_stopped_cleanly_is_back_without_waiting_for_its_session(void **state)
{
	int node;
	int64_t began_ms;

	(void)state;
	cluster_up(10, NULL);
	start_all();
	node = other_than(cluster_wait_leader());
	cluster_stop(node);
	began_ms = now_ms();
	cluster_start(node);
	cluster_wait_serving(node);
	assert_true(now_ms() - began_ms < 1000);
	cluster_down();
}

/* ---- brokers that are gone ---- */

/* How long it takes until the active controller reports that; `most` at most. */
static int64_t fenced_after_ms(int leader, int64_t most)
{
	int64_t waited = 0;

	while (!cluster_said(leader, "reason=\"its process is gone\"") && waited < most) {
		sim_run_for(cluster_sim(), 10);
		waited += 10;
	}
	return waited;
}

static void a_broker_whose_process_is_gone_is_fenced_at_once_and_one_that_is_silent_is_not(void **state)
{
	enum { AT_ONCE_MS = 300, SILENCE_MS = 5000 }; /* a session lasts 9 s */
	int leader;

	(void)state;
	cluster_up(5, NULL);
	start_all();
	leader = cluster_wait_leader();
	sim_pause(cluster_sim(), other_than(leader), true);
	assert_int_equal(fenced_after_ms(leader, SILENCE_MS), SILENCE_MS);
	sim_pause(cluster_sim(), other_than(leader), false);
	sim_run_for(cluster_sim(), SILENCE_MS); /* it is heard of again */
	cluster_crash(other_than(leader), SIM_KILL);
	assert_true(fenced_after_ms(leader, SILENCE_MS) < AT_ONCE_MS);
	cluster_start(other_than(leader)); /* and is let in again without waiting for its session to end */
	cluster_wait_serving(other_than(leader));
	cluster_down();
}

/* By the clock of the observer: from the moment of the pause. */
static void a_controller_that_stands_still_is_fenced_a_session_after_it_was_heard_of_last(void **state)
{
	enum { SESSION_MS = 9000, SLACK_MS = 700 };
	int first, second;
	int64_t began_ms;

	(void)state;
	cluster_up(12, NULL);
	start_all();
	first = cluster_wait_leader();
	sim_run_for(cluster_sim(), 3000);
	began_ms = now_ms();
	sim_pause(cluster_sim(), first, true);
	second = leader_beside(first);
	while (!cluster_said(second, "reason=\"no heartbeat within broker.session.timeout.ms\"")) {
		assert_true(now_ms() - began_ms < SESSION_MS + SLACK_MS);
		sim_run_for(cluster_sim(), 10);
	}
	assert_true(now_ms() - began_ms > SESSION_MS - SLACK_MS);
	sim_pause(cluster_sim(), first, false);
	cluster_down();
}

static void a_new_controller_fences_the_one_that_died(void **state)
{
	enum { PATIENCE_MS = 3000 };
	int first, second;

	(void)state;
	cluster_up(6, NULL);
	start_all();
	first = cluster_wait_leader();
	cluster_crash(first, SIM_KILL);
	second = cluster_wait_leader();
	assert_int_not_equal(second, first);
	assert_true(fenced_after_ms(second, PATIENCE_MS) < PATIENCE_MS);
	cluster_down();
}

/* ---- seeds ---- */

enum { SEEDS = 20, STEPS = 40 };

struct wish {
	char name[16];
	struct create_topics_request_topic topic;
	struct create_topics_request in;
	struct cluster_question q;
};

static struct {
	uint64_t chance;
	bool isolated[CLUSTER_NODES];
	struct wish wishes[STEPS];
	int n;
} chaos;

/* Over all seeds: a set of seeds that does not meet all of these tests nothing. */
static struct {
	int made, refused, cut, anew, led;
} met;

static void note(int node)
{
	met.cut += cluster_said(node, "the metadata log is cut to what its leader has");
	met.anew += cluster_said(node, "the metadata log starts over behind its leader's snapshot");
	met.led += cluster_said(node, "this node follows the metadata quorum");
}

static void crash(int node, enum sim_crash how)
{
	note(node);
	cluster_crash(node, how);
}

/* Connections break, segments and jobs are late. */
static void trouble(bool on)
{
	struct sim_options *o = sim_world_options(cluster_sim());

	o->partial_read = o->partial_write = on ? 100000 : 0;
	o->stall = on ? 10000 : 0;
	o->reset = on ? 1000 : 0;
	o->half_open = on ? 500000 : 0;
	o->slow_work = on ? 10000 : 0;
	o->buggify = on ? 10000 : 0;
}

static int draw(int n)
{
	chaos.chance = chaos.chance * 6364136223846793005u + 1442695040888963407u;
	return (int)((chaos.chance >> 33) % (uint64_t)n);
}

static void wish_for_topic(int by)
{
	struct wish *w = &chaos.wishes[chaos.n];

	snprintf(w->name, sizeof(w->name), "w%d", chaos.n++);
	w->topic = (struct create_topics_request_topic){
		.name = str_of(w->name), .num_partitions = 3, .replication_factor = -1};
	w->in = (struct create_topics_request){.topics = {&w->topic, 1}, .timeout_ms = 30000};
	cluster_begin_ask(by, CLUSTER_BROKER, create_topics_request_KEY, &w->in, &w->q);
}

static void go_on(int node)
{
	switch (draw(8)) {
	case 0:
		if (cluster_runs(node))
			crash(node, SIM_KILL);
		break;
	case 1:
		if (cluster_runs(node))
			crash(node, SIM_POWER);
		break;
	case 2:
		chaos.isolated[node] = !chaos.isolated[node];
		isolate(node, chaos.isolated[node]);
		break;
	case 3:
	case 4:
		if (!cluster_runs(node))
			cluster_start(node);
		break;
	default:
		if (cluster_runs(node))
			wish_for_topic(node);
	}
	sim_run_for(cluster_sim(), draw(3000));
}

static void calm_down(void)
{
	trouble(false);
	for (int i = 0; i < CLUSTER_NODES; i++) {
		if (chaos.isolated[i])
			isolate(i, false);
		if (!cluster_runs(i))
			cluster_start(i);
	}
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_serving(i);
}

static void live_through(uint64_t seed)
{
	static const char *const settings[] = {"metadata.log.max.record.bytes.between.snapshots=4096",
					       "metadata.max.retention.bytes=1", NULL};

	memset(&chaos, 0, sizeof(chaos));
	chaos.chance = seed;
	cluster_up(seed, settings);
	start_all();
	trouble(seed % 2 == 0);
	for (int i = 0; i < STEPS; i++)
		go_on(draw(CLUSTER_NODES));
	calm_down();
	for (int i = 0; i < chaos.n; i++) {
		const struct create_topics_response *out = chaos.wishes[i].q.answer;

		if (!out || out->topics.v->error_code != 0) {
			met.refused++;
			continue;
		}
		everybody_knows(chaos.wishes[i].name);
		met.made++;
	}
	for (int i = 0; i < CLUSTER_NODES; i++)
		note(i);
	cluster_down();
}

static void what_was_acknowledged_is_known_to_all_whatever_has_happened(void **state)
{
	(void)state;
	memset(&met, 0, sizeof(met));
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		live_through(seed);
	assert_true(met.made > SEEDS && met.refused > 0 && met.cut > 0 && met.anew > 0 && met.led > 2 * SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(when_the_leader_loses_its_power_another_leads_and_knows_what_was_decided),
		cmocka_unit_test(what_an_isolated_leader_decides_is_never_true),
		cmocka_unit_test(who_comes_late_takes_a_snapshot),
		cmocka_unit_test(every_controller_is_registered_and_says_who_leads),
		cmocka_unit_test(what_a_broker_was_asked_goes_to_the_next_controller),
		cmocka_unit_test(kraft_version_is_raised_by_whoever_is_asked_and_the_voters_are_in_the_log),
		cmocka_unit_test(a_leader_whose_disk_is_full_gives_the_lead_to_one_who_has_room),
		cmocka_unit_test(one_without_room_for_its_first_record_does_not_lead),
		cmocka_unit_test(one_that_cannot_read_its_log_does_not_lead),
		cmocka_unit_test(a_voter_is_not_told_that_it_is_updated_when_that_found_no_room),
		cmocka_unit_test(a_leader_that_stops_cleanly_leaves_the_lead_to_another_at_once),
		cmocka_unit_test(who_has_stopped_cleanly_is_back_without_waiting_for_its_session),
		cmocka_unit_test(a_broker_whose_process_is_gone_is_fenced_at_once_and_one_that_is_silent_is_not),
		cmocka_unit_test(a_controller_that_stands_still_is_fenced_a_session_after_it_was_heard_of_last),
		cmocka_unit_test(a_new_controller_fences_the_one_that_died),
		cmocka_unit_test(what_was_acknowledged_is_known_to_all_whatever_has_happened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
