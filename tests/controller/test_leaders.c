/*
 * leaders: which replica leads a partition, and which may: ISR, ELR, elections, brokers that leave,
 * sessions that expire.
 */
#include "tests/controller/controller_world.h"

#include "base/err.h"
#include "metadata/replay.h"
#include "protocol/alter_partition_reassignments.h"
#include "protocol/assign_replicas_to_dirs.h"
#include "protocol/elect_leaders.h"

/* ---- leaders, ISR, ELR ---- */

static void a_broker_that_leaves_hands_over_and_comes_back(void **state)
{
	struct world *w = *state;
	struct broker_heartbeat_response out;

	let_in(w, 1);
	create(w, "a", 1, 1);
	out = beat(w, 1, false, true);
	assert_false(out.should_shut_down);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
	assert_int_equal(partition_isr(partition(w, "a", 0)).n, 0);
	assert_int_equal(partition_elr(partition(w, "a", 0)).n, 1); /* it still has everything committed */
	assert_int_equal(partition_last_known_elr(partition(w, "a", 0)).n, 1);
	out = beat(w, 1, false, true);
	assert_true(out.should_shut_down);
	assert_false(image_broker_is_active(tip(w), 1));

	w->now_ms += 10000;
	assert_int_equal(register_incarnation(w, 1, 2, w->epochs[1]), 0);
	assert_int_equal(w->records.n, 1); /* a clean stop: it stays eligible */
	assert_false(beat(w, 1, false, false).is_fenced);
	assert_int_equal(partition(w, "a", 0)->leader, 1);
	assert_int_equal(partition(w, "a", 0)->leader_epoch, 2);
	assert_int_equal(partition_isr(partition(w, "a", 0)).n, 1);
	assert_int_equal(partition_elr(partition(w, "a", 0)).n, 0);
	assert_int_equal(partition(w, "a", 0)->recovering, 0);
}

static void an_unclean_restart_is_no_longer_eligible_but_the_last_known_leader(void **state)
{
	struct world *w = *state;

	let_in(w, 1);
	create(w, "a", 1, 1);
	w->now_ms += 10000;
	assert_int_equal(register_incarnation(w, 1, 2, -1), 0);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
	assert_int_equal(partition_elr(partition(w, "a", 0)).n, 0);
	assert_false(beat(w, 1, false, false).is_fenced);
	assert_int_equal(partition(w, "a", 0)->leader, 1);
	assert_int_equal(partition(w, "a", 0)->recovering, 1);
}

static void check_isr_and_elr(struct world *w, int n_isr, int n_elr, int32_t broker, bool is_in)
{
	const struct image_partition *p = partition(w, "a", 0);

	assert_int_equal(partition_isr(p).n, n_isr);
	assert_int_equal(partition_elr(p).n, n_elr);
	assert_int_equal(image_ids_has(partition_isr(p), broker) || image_ids_has(partition_elr(p), broker), is_in);
}

/*
 * A broker that loses power and comes back before anyone has noticed: it was not fenced, and counts
 * as in sync. What it had is trusted only if it names its epoch at that time, which is on its disk
 * only after a clean stop (KIP-966).
 */
static void who_comes_back_unseen_is_in_sync_no_more_and_not_eligible_unless_his_stop_was_clean(void **state)
{
	struct world *w = *state;
	int64_t before;
	int32_t leader, one, two;

	for (int id = 1; id <= 3; id++)
		let_in(w, id);
	create(w, "a", 1, 3);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "min.insync.replicas", 0, "2"), 0);
	leader = partition(w, "a", 0)->leader;
	one = leader % 3 + 1;
	two = one % 3 + 1;
	check_isr_and_elr(w, 3, 0, one, true);

	/* On another node its session must expire first, and even then it has not been fenced. */
	before = w->epochs[one];
	assert_int_equal(register_incarnation(w, one, 2, -1), ERR_DUPLICATE_BROKER_REGISTRATION);
	w->now_ms += 10000;
	assert_true(image_broker_is_active(tip(w), one));
	assert_int_equal(register_incarnation(w, one, 2, -1), 0);
	check_isr_and_elr(w, 2, 0, one, false);

	/*
	 * On the controller's own node it need not. Below min.insync.replicas a clean stop leaves
	 * it eligible.
	 */
	w->own_node = true;
	assert_int_equal(register_incarnation(w, two, 2, w->epochs[two]), 0);
	check_isr_and_elr(w, 1, 1, two, true);
	/* It names an old epoch: its marker came back, and what it has written since may not have. */
	beat(w, two, false, false);
	assert_int_equal(register_incarnation(w, two, 3, before), 0);
	check_isr_and_elr(w, 1, 0, two, false);

	/* The same applies to a leader that is alone. */
	assert_int_equal(register_incarnation(w, leader, 2, -1), 0);
	check_isr_and_elr(w, 0, 0, leader, false);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
	assert_int_equal(partition_last_known_elr(partition(w, "a", 0)).v[0], leader);
}

static void a_session_that_ends_fences_one_broker_and_moves_its_leaders(void **state)
{
	struct world *w = *state;
	struct controller_context ctx;
	int64_t next_ms;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 8, 2);
	w->now_ms += 8000;
	beat(w, 2, false, false);
	w->now_ms += 1500;
	ctx = context(w, 0);
	record_list_init(&w->records, &w->arena);
	assert_int_equal(controller_tick(w->controller, &ctx, &w->records, &next_ms), 0);
	assert_int_equal(w->records.v[w->records.n - 1].type,
			 RECORD_BROKER_REGISTRATION_CHANGE); /* changes of partitions come first */
	apply(w);
	assert_false(image_broker_is_active(tip(w), 1));
	for (int i = 0; i < 8; i++)
		assert_int_equal(partition(w, "a", i)->leader, 2);
	assert_true(next_ms > w->now_ms);
}

static bool is_fenced_by_a_tick(struct world *w, int32_t id, int64_t *next_ms)
{
	struct controller_context ctx = context(w, 0);

	record_list_init(&w->records, &w->arena);
	assert_int_equal(controller_tick(w->controller, &ctx, &w->records, next_ms), 0);
	apply(w);
	return !image_broker_is_active(tip(w), id);
}

static void a_session_that_began_with_the_leader_before_leaves_time_for_two_heartbeats(void **state)
{
	struct world *w = *state;
	int64_t next_ms;

	let_in(w, 1);
	let_in(w, 2);
	controller_heard(w->controller, 1, w->now_ms - 3000);
	controller_heard(w->controller, 2, w->now_ms - 3600000);
	assert_false(is_fenced_by_a_tick(w, 2, &next_ms));
	assert_int_equal(next_ms, w->now_ms + 4000); /* twice broker.heartbeat.interval.ms */
	w->now_ms += 3999;
	assert_false(is_fenced_by_a_tick(w, 2, &next_ms));
	w->now_ms += 1;
	assert_true(is_fenced_by_a_tick(w, 2, &next_ms));
	w->now_ms += 1999;
	assert_false(is_fenced_by_a_tick(w, 1, &next_ms));
	w->now_ms += 1;
	assert_true(is_fenced_by_a_tick(w, 1, &next_ms));
}

static void an_isr_is_changed_by_its_leader_in_its_epoch(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;
	int32_t leader;
	int32_t other;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	p = partition(w, "a", 0);
	leader = p->leader;
	other = 3 - leader;
	assert_int_equal(alter_isr(w, leader, p, 1, 0, leader, -1), ERR_NOT_CONTROLLER);
	assert_int_equal(alter_isr(w, other, p, 0, 0, leader, -1), ERR_INVALID_REQUEST);
	assert_int_equal(alter_isr(w, leader, p, 0, 0, other, -1), ERR_INVALID_REQUEST); /* without itself */
	assert_int_equal(alter_isr(w, leader, p, 0, 0, leader, 3), ERR_INVALID_REQUEST); /* no replica */
	assert_int_equal(alter_isr(w, leader, p, 0, 0, leader, leader), ERR_INVALID_REQUEST);
	assert_int_equal(alter_isr(w, leader, p, 0, 0, leader, -1), 0);
	p = partition(w, "a", 0);
	assert_int_equal(partition_isr(p).n, 1);
	assert_int_equal(p->leader_epoch, 0);
	assert_int_equal(p->partition_epoch, 1);
	assert_int_equal(alter_isr(w, leader, p, 0, 0, leader, other), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(alter_isr(w, leader, p, 0, 1, leader, other), 0);
}

static void elections_say_why_they_did_nothing(void **state)
{
	struct world *w = *state;
	int32_t zero = 0;
	struct elect_leaders_request_topic topic = {STR("a"), {&zero, 1}};
	struct elect_leaders_request in = {.election_type = 0, .topic_partitions = {&topic, 1}};
	struct elect_leaders_response out;

	let_in(w, 1);
	create(w, "a", 1, 1);
	assert_int_equal(RUN(w, elect_leaders, 2, &in, &out), 0);
	assert_int_equal(out.replica_election_results.v[0].partition_result.v[0].error_code, ERR_ELECTION_NOT_NEEDED);
	topic.topic = STR("b");
	assert_int_equal(RUN(w, elect_leaders, 2, &in, &out), 0);
	assert_int_equal(out.replica_election_results.v[0].partition_result.v[0].error_code,
			 ERR_UNKNOWN_TOPIC_OR_PARTITION);
	in.election_type = 2;
	assert_int_equal(RUN(w, elect_leaders, 2, &in, &out), ERR_INVALID_REQUEST);
}

/* The first of topic "a" has its leader last. */
static void lead_from_the_back(struct world *w, int32_t leader)
{
	int32_t replicas[] = {3 - leader, leader};
	struct alter_partition_reassignments_request_partition p = {.replicas = {replicas, 2}};
	struct alter_partition_reassignments_request_topic topic = {.name = STR("a"), .partitions = {&p, 1}};
	struct alter_partition_reassignments_request in = {.topics = {&topic, 1}};
	struct alter_partition_reassignments_response out;

	assert_int_equal(RUN(w, alter_partition_reassignments, 1, &in, &out), 0);
	assert_int_equal(partition(w, "a", 0)->leader, leader);
	assert_int_equal(partition_replicas(partition(w, "a", 0)).v[0], 3 - leader);
}

static void a_partition_that_is_named_again_and_again_is_not_elected_for_ever(void **state)
{
	enum { N = 1000000 };
	struct world *w = *state;
	struct elect_leaders_request_topic topic = {STR("a"), {arena_array(&w->arena, N, sizeof(int32_t)), N}};
	struct elect_leaders_request in = {.election_type = 0, .topic_partitions = {&topic, 1}};
	struct elect_leaders_response out;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	lead_from_the_back(w, partition(w, "a", 0)->leader);
	assert_int_equal(RUN(w, elect_leaders, 2, &in, &out), ERR_POLICY_VIOLATION);
	assert_in_range(w->records.n, 10000, 20000);
	topic.partitions.n = 2;
	assert_int_equal(RUN(w, elect_leaders, 2, &in, &out), 0);
	assert_int_equal(partition(w, "a", 0)->leader, partition_replicas(partition(w, "a", 0)).v[0]);
}

/* Broker 1 was the last in sync, and 2 has come back without it: an unclean election would make it the leader of all. */
static void elections_of_all_are_no_more_than_one_operation_has(void **state)
{
	struct world *w = *state;
	struct elect_leaders_request in = {.election_type = 1, .topic_partitions = {.n = -1}};
	struct elect_leaders_response out;

	let_in(w, 1);
	let_in(w, 2);
	assert_int_equal(create(w, "a", 5000, 2).error_code, 0);
	assert_int_equal(create(w, "b", 5000, 2).error_code, 0);
	assert_int_equal(create(w, "c", 1, 2).error_code, 0);
	beat(w, 2, true, false);
	beat(w, 1, true, false);
	beat(w, 2, false, false);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
	assert_int_equal(RUN(w, elect_leaders, 2, &in, &out), ERR_POLICY_VIOLATION);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
}

/* No event tells when that one was let in. */
static void the_session_of_one_who_is_let_in_later_is_looked_at_in_time(void **state)
{
	struct world *w = *state;
	struct controller_context ctx = context(w, 0);
	int64_t next_ms;

	record_list_init(&w->records, &w->arena);
	assert_int_equal(controller_tick(w->controller, &ctx, &w->records, &next_ms), 0);
	assert_true(next_ms <= w->now_ms + 9000); /* no broker is there yet */
	let_in(w, 1);
	ctx = context(w, 0);
	assert_int_equal(controller_tick(w->controller, &ctx, &w->records, &next_ms), 0);
	assert_true(next_ms <= w->now_ms + 9000);
}

/* ---- leaders that are looked after ---- */

/* Brokers 1 and 2 send heartbeats, and time passes; returns when something is due next. */
static int64_t tick_at(struct world *w, int64_t now_ms)
{
	struct controller_context ctx;
	int64_t next_ms;

	w->now_ms = now_ms;
	for (int id = 1; id <= 2; id++)
		beat(w, id, !image_broker_is_active(tip(w), id), false);
	ctx = context(w, 0);
	record_list_init(&w->records, &w->arena);
	assert_int_equal(controller_tick(w->controller, &ctx, &w->records, &next_ms), 0);
	apply(w);
	return next_ms;
}

static void leadership_goes_back_to_the_preferred_replica_when_it_is_in_sync(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;
	int32_t preferred, other;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	preferred = partition_replicas(partition(w, "a", 0)).v[0];
	other = 3 - preferred;
	beat(w, preferred, true, false);
	beat(w, preferred, false, false);
	tick_at(w, 300000); /* it is not in sync */
	p = partition(w, "a", 0);
	assert_int_equal(p->leader, other);
	assert_int_equal(alter_isr(w, other, p, p->leader_epoch, p->partition_epoch, other, preferred), 0);
	tick_at(w, 500000);
	assert_int_equal(partition(w, "a", 0)->leader, other);
	tick_at(w, 600000);
	assert_int_equal(partition(w, "a", 0)->leader, preferred);
	assert_int_equal(w->records.n, 1);
	tick_at(w, 900000);
	assert_int_equal(w->records.n, 0);
}

static void a_partition_without_a_leader_gets_an_unclean_one_where_its_topic_allows_it(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;
	int32_t leader;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	p = partition(w, "a", 0);
	leader = p->leader;
	assert_int_equal(alter_isr(w, leader, p, p->leader_epoch, p->partition_epoch, leader, -1), 0);
	beat(w, leader, true, false);
	tick_at(w, 300000);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "unclean.leader.election.enable", 0, "true"), 0);
	tick_at(w, 600000);
	assert_int_equal(partition(w, "a", 0)->leader, 3 - leader);
	assert_int_equal(partition(w, "a", 0)->recovering, 1);
}

static void there_are_a_thousand_elections_at_once_and_the_others_soon(void **state)
{
	enum { PARTITIONS = 2400 }; /* broker 1 is preferred for half of them */
	struct world *w = *state;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", PARTITIONS, 2);
	beat(w, 1, true, false);
	beat(w, 1, false, false);
	for (int i = 0; i < PARTITIONS; i++) {
		const struct image_partition *p = partition(w, "a", i);

		assert_int_equal(alter_isr(w, 2, p, p->leader_epoch, p->partition_epoch, 2, 1), 0);
	}
	assert_true(tick_at(w, 300000) <= 300010);
	assert_int_equal(w->records.n, 1000);
	tick_at(w, 300010);
	assert_int_equal(w->records.n, PARTITIONS / 2 - 1000);
	for (int i = 0; i < PARTITIONS; i++)
		assert_int_equal(partition(w, "a", i)->leader, partition_replicas(partition(w, "a", i)).v[0]);
}

/* ---- a new leader ---- */

static bool is_let_in(struct world *w, struct controller *c, int32_t id, int64_t offset)
{
	struct controller_context ctx = context(w, 2);
	struct broker_heartbeat_request in;
	struct broker_heartbeat_response out;

	codec_init(&broker_heartbeat_request_schema, &in);
	codec_init(&broker_heartbeat_response_schema, &out);
	in.broker_id = id;
	in.broker_epoch = w->epochs[id];
	in.current_metadata_offset = offset;
	record_list_init(&w->records, &w->arena);
	assert_int_equal(controller_broker_heartbeat(c, &ctx, &in, &out, &w->records), 0);
	assert_int_equal(out.is_caught_up, !out.is_fenced);
	return !out.is_fenced;
}

/*
 * A registration's epoch is the offset at which it was decided; the record itself may be behind a
 * thousand changes of partitions, which the broker has to know of before it leads again.
 */
static void who_was_fenced_when_the_leader_came_has_read_what_there_was(void **state)
{
	struct controller_config config = {1, STR("cluster"), NULL};
	struct world *w = *state;
	struct controller *next;
	struct replay log;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 100, 2);
	w->now_ms += 10000;
	assert_int_equal(register_incarnation(w, 2, 2, -1), 0);
	assert_true(w->records.n > 100);
	config.config = w->config;
	next = controller_new(&config);
	replay_init(&log, image_ref(tip(w)));
	controller_lead(next, &log, w->now_ms);
	replay_fini(&log);
	assert_false(is_let_in(w, next, 2, w->epochs[2]));
	assert_false(is_let_in(w, next, 2, w->offset - 1));
	assert_true(is_let_in(w, next, 2, w->offset));
	controller_free(next);
}

/* ---- directories ---- */

static int16_t assign(struct world *w, int32_t id, struct uuid directory, int32_t partition)
{
	struct assign_replicas_to_dirs_request_partition p = {partition};
	struct assign_replicas_to_dirs_request_topic t = {.topic_id = image_topic_by_name(tip(w), STR("a"))->id,
							  .partitions = {&p, 1}};
	struct assign_replicas_to_dirs_request_directory d = {.id = directory, .topics = {&t, 1}};
	struct assign_replicas_to_dirs_request in = {
		.broker_id = id, .broker_epoch = w->epochs[id], .directories = {&d, 1}};
	struct assign_replicas_to_dirs_response out;

	assert_int_equal(RUN(w, assign_replicas_to_dirs, 0, &in, &out), 0);
	return out.directories.v[0].topics.v[0].partitions.v[0].error_code;
}

/* A topic "a" of two replicas, which the first of them leads alone; the other one is alive. */
static int32_t lead_alone(struct world *w)
{
	int32_t leader, other;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	leader = partition(w, "a", 0)->leader;
	other = 3 - leader;
	beat(w, other, true, false);
	beat(w, other, false, false);
	assert_int_equal(partition_isr(partition(w, "a", 0)).n, 1);
	assert_true(image_broker_is_active(tip(w), other));
	return leader;
}

static void a_replica_in_a_directory_that_is_offline_leads_no_more(void **state)
{
	static const struct uuid offline = {{0x77}};
	struct world *w = *state;
	int32_t leader = lead_alone(w);

	assert_int_equal(assign(w, leader, (struct uuid){{0xd0, (uint8_t)leader}}, 0), 0);
	assert_int_equal(partition(w, "a", 0)->leader, leader);
	assert_int_equal(assign(w, leader, offline, 1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(assign(w, leader, offline, 0), 0);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
	assert_int_equal(partition_isr(partition(w, "a", 0)).n, 0);
}

static void where_its_topic_allows_it_another_replica_leads_at_once(void **state)
{
	struct world *w = *state;
	int32_t leader = lead_alone(w);

	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "unclean.leader.election.enable", 0, "true"), 0);
	assert_int_equal(assign(w, leader, (struct uuid){{0x77}}, 0), 0);
	assert_int_equal(partition(w, "a", 0)->leader, 3 - leader);
	assert_int_equal(partition(w, "a", 0)->recovering, 1);
}

/* ---- a controlled shutdown that a fencing ends ---- */

static void who_is_fenced_while_it_leaves_may_end_at_once(void **state)
{
	struct broker_heartbeat_response out;
	struct world *w = *state;
	int64_t next_ms, read;

	let_in(w, 1);
	let_in(w, 2);
	read = w->offset;
	create(w, "a", 8, 2);
	assert_false(beat(w, 1, false, true).should_shut_down);
	w->now_ms += 8000;
	assert_true(is_let_in(w, w->controller, 2, read)); /* it lives, but knows nothing of its new leaderships */
	assert_false(beat(w, 1, false, true).should_shut_down);
	w->now_ms += 9000;
	assert_true(is_let_in(w, w->controller, 2, read));
	assert_true(is_fenced_by_a_tick(w, 1, &next_ms));
	out = beat(w, 1, false, true);
	assert_true(out.is_fenced);
	assert_true(out.should_shut_down);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_broker_that_leaves_hands_over_and_comes_back),
		TEST(an_unclean_restart_is_no_longer_eligible_but_the_last_known_leader),
		TEST(who_comes_back_unseen_is_in_sync_no_more_and_not_eligible_unless_his_stop_was_clean),
		TEST(a_session_that_ends_fences_one_broker_and_moves_its_leaders),
		TEST(the_session_of_one_who_is_let_in_later_is_looked_at_in_time),
		TEST(a_session_that_began_with_the_leader_before_leaves_time_for_two_heartbeats),
		TEST(an_isr_is_changed_by_its_leader_in_its_epoch),
		TEST(elections_say_why_they_did_nothing),
		TEST(a_partition_that_is_named_again_and_again_is_not_elected_for_ever),
		TEST(elections_of_all_are_no_more_than_one_operation_has),
		TEST(leadership_goes_back_to_the_preferred_replica_when_it_is_in_sync),
		TEST(a_partition_without_a_leader_gets_an_unclean_one_where_its_topic_allows_it),
		TEST(there_are_a_thousand_elections_at_once_and_the_others_soon),
		TEST(who_was_fenced_when_the_leader_came_has_read_what_there_was),
		TEST(a_replica_in_a_directory_that_is_offline_leads_no_more),
		TEST(where_its_topic_allows_it_another_replica_leads_at_once),
		TEST(who_is_fenced_while_it_leaves_may_end_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
