/* assign: what the leader of a classic group assigns to its members. */
#include <string.h>

#include "client/member_assign.h"
#include "tests/base/cm.h"
#include "wire/codec.h"

enum { MEMBERS = 4, TOPICS = 3, PARTITIONS = 16 };

static struct {
	struct arena arena;
	struct share shares[MEMBERS];
	struct metadata_response metadata;
	struct metadata_response_topic topics[TOPICS];
	struct metadata_response_partition partitions[TOPICS][PARTITIONS];
	struct str wanted[MEMBERS][TOPICS];
	struct consumer_protocol_subscription_topic_partition owned[MEMBERS][PARTITIONS];
	int32_t owned_numbers[MEMBERS][PARTITIONS];
} t;

static const char *const IDS[MEMBERS] = {"m0", "m1", "m2", "m3"};
static const char *const NAMES[TOPICS] = {"t0", "t1", "t2"};

static int up(void **state)
{
	memset(&t, 0, sizeof(t));
	arena_init(&t.arena, 16 << 20);
	t.metadata.topics.v = t.topics;
	for (int i = 0; i < MEMBERS; i++) {
		t.shares[i].member_id = str_of(IDS[i]);
		t.shares[i].subscription.topics.v = t.wanted[i];
		t.shares[i].subscription.owned_partitions.v = t.owned[i];
	}
	return 0;
}

static int down(void **state)
{
	arena_fini(&t.arena);
	return 0;
}

static void topic(int i, int partitions)
{
	t.topics[i].name = str_of(NAMES[i]);
	t.topics[i].partitions.v = t.partitions[i];
	t.topics[i].partitions.n = partitions;
	for (int p = 0; p < partitions; p++)
		t.partitions[i][p].partition_index = p;
	t.metadata.topics.n = i + 1;
}

static void wants(int member, int topic_number)
{
	t.wanted[member][t.shares[member].subscription.topics.n++] = str_of(NAMES[topic_number]);
}

static void owns(int member, int topic_number, int partition)
{
	struct consumer_protocol_subscription *s = &t.shares[member].subscription;
	struct consumer_protocol_subscription_topic_partition *o = &t.owned[member][s->owned_partitions.n];
	int32_t *number = &t.owned_numbers[member][s->owned_partitions.n++];

	*number = partition;
	*o = (struct consumer_protocol_subscription_topic_partition){str_of(NAMES[topic_number]), {number, 1}};
}

/* wanted: "t0-0,t0-1 t1-0", the partitions of each member, members separated by blanks. */
static void assigned(enum strategy s, int members, const char *wanted)
{
	struct buf b = {0};

	shares_sort(t.shares, members);
	for (int i = 0; i < members; i++)
		t.shares[i].assignment = (struct consumer_protocol_assignment){0};
	assert_true(shares_assign(s, &t.arena, t.shares, members, &t.metadata));
	for (int i = 0; i < members; i++) {
		const struct consumer_protocol_assignment *a = &t.shares[i].assignment;
		bool first = true;

		buf_printf(&b, "%s", i ? " " : "");
		for (int32_t k = 0; k < a->assigned_partitions.n; k++)
			for (int32_t p = 0; p < a->assigned_partitions.v[k].partitions.n; p++, first = false)
				buf_printf(&b, "%s%.*s-%d", first ? "" : ",",
					   STR_ARG(a->assigned_partitions.v[k].topic),
					   a->assigned_partitions.v[k].partitions.v[p]);
	}
	buf_put(&b, "", 1);
	assert_string_equal((const char *)b.p, wanted);
	buf_fini(&b);
}

static void range_gives_each_a_range_of_each_topic(void **state)
{
	topic(0, 3);
	topic(1, 3);
	for (int i = 0; i < 2; i++) {
		wants(i, 1);
		wants(i, 0);
	}
	assigned(STRATEGY_RANGE, 2, "t0-0,t0-1,t1-0,t1-1 t0-2,t1-2");
}

static void roundrobin_goes_round_all_partitions(void **state)
{
	topic(0, 3);
	topic(1, 3);
	for (int i = 0; i < 2; i++) {
		wants(i, 0);
		wants(i, 1);
	}
	assigned(STRATEGY_ROUNDROBIN, 2, "t0-0,t0-2,t1-1 t0-1,t1-0,t1-2");
}

/* The example in Kafka's documentation of the assignor. */
static void roundrobin_passes_over_who_does_not_want_it(void **state)
{
	topic(0, 1);
	topic(1, 2);
	topic(2, 3);
	wants(0, 0);
	wants(1, 0);
	wants(1, 1);
	wants(2, 0);
	wants(2, 1);
	wants(2, 2);
	assigned(STRATEGY_ROUNDROBIN, 3, "t0-0 t1-0 t1-1,t2-0,t2-1,t2-2");
}

static void sticky_leaves_what_it_can_and_holds_back_what_moves(void **state)
{
	topic(0, 4);
	wants(0, 0);
	wants(1, 0);
	for (int p = 0; p < 4; p++)
		owns(0, 0, p);
	assigned(STRATEGY_COOPERATIVE_STICKY, 2, "t0-0,t0-1 ");
}

static void what_was_given_up_goes_to_who_has_least(void **state)
{
	topic(0, 4);
	wants(0, 0);
	wants(1, 0);
	owns(0, 0, 0);
	owns(0, 0, 1);
	assigned(STRATEGY_COOPERATIVE_STICKY, 2, "t0-0,t0-1 t0-2,t0-3");
}

static void nobody_wants_a_topic_that_nobody_wants(void **state)
{
	topic(0, 2);
	topic(1, 2);
	wants(0, 0);
	owns(0, 1, 0);
	assigned(STRATEGY_COOPERATIVE_STICKY, 1, "t0-0,t0-1");
	assigned(STRATEGY_ROUNDROBIN, 1, "t0-0,t0-1");
	assigned(STRATEGY_RANGE, 1, "t0-0,t0-1");
}

static void the_newest_generation_s_claim_counts_and_of_two_none(void **state)
{
	topic(0, 2);
	wants(0, 0);
	wants(1, 0);
	t.shares[0].subscription.generation_id = 4;
	t.shares[1].subscription.generation_id = 5;
	owns(0, 0, 0);
	owns(1, 0, 0);
	assigned(STRATEGY_COOPERATIVE_STICKY, 2, "t0-1 t0-0");
	t.shares[0].subscription.generation_id = 5;
	assigned(STRATEGY_COOPERATIVE_STICKY, 2, " t0-1"); /* both must give up t0-0, which was counted for the first */
}

static void members_that_want_different_topics_are_balanced_too(void **state)
{
	topic(0, 2);
	topic(1, 4);
	wants(0, 0);
	wants(0, 1);
	wants(1, 1);
	assigned(STRATEGY_COOPERATIVE_STICKY, 2, "t0-0,t0-1,t1-2 t1-0,t1-1,t1-3");
}

static void static_members_come_first(void **state)
{
	topic(0, 1);
	for (int i = 0; i < 3; i++)
		wants(i, 0);
	t.shares[2].instance_id = STR("a");
	assigned(STRATEGY_RANGE, 3, "t0-0  ");
	assert_true(str_is(t.shares[0].member_id, "m2"));
}

static void a_topic_that_is_told_of_twice_is_one(void **state)
{
	topic(0, 2);
	topic(1, 2);
	t.topics[1].name = t.topics[0].name;
	wants(0, 0);
	for (int s = 0; s < STRATEGIES; s++)
		assigned((enum strategy)s, 1, "t0-0,t0-1");
}

static void memory_that_ends_is_told(void **state)
{
	struct arena small;

	topic(0, PARTITIONS);
	wants(0, 0);
	arena_init(&small, 300);
	for (int s = 0; s < STRATEGIES; s++)
		assert_false(shares_assign((enum strategy)s, &small, t.shares, 1, &t.metadata));
	arena_fini(&small);
}

static void strategies_go_by_kafka_s_names(void **state)
{
	assert_int_equal(strategy_find(STR("range")), STRATEGY_RANGE);
	assert_int_equal(strategy_find(STR("RoundRobinAssignor")), STRATEGY_ROUNDROBIN);
	assert_int_equal(strategy_find(STR("org.apache.kafka.clients.consumer.CooperativeStickyAssignor")),
			 STRATEGY_COOPERATIVE_STICKY);
	assert_int_equal(strategy_find(STR("org.apache.kafka.clients.consumer.StickyAssignor")), STRATEGIES);
	assert_int_equal(strategy_find(STR("")), STRATEGIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(range_gives_each_a_range_of_each_topic, up, down),
		cmocka_unit_test_setup_teardown(roundrobin_goes_round_all_partitions, up, down),
		cmocka_unit_test_setup_teardown(roundrobin_passes_over_who_does_not_want_it, up, down),
		cmocka_unit_test_setup_teardown(sticky_leaves_what_it_can_and_holds_back_what_moves, up, down),
		cmocka_unit_test_setup_teardown(what_was_given_up_goes_to_who_has_least, up, down),
		cmocka_unit_test_setup_teardown(nobody_wants_a_topic_that_nobody_wants, up, down),
		cmocka_unit_test_setup_teardown(the_newest_generation_s_claim_counts_and_of_two_none, up, down),
		cmocka_unit_test_setup_teardown(members_that_want_different_topics_are_balanced_too, up, down),
		cmocka_unit_test_setup_teardown(static_members_come_first, up, down),
		cmocka_unit_test_setup_teardown(a_topic_that_is_told_of_twice_is_one, up, down),
		cmocka_unit_test_setup_teardown(memory_that_ends_is_told, up, down),
		cmocka_unit_test_setup_teardown(strategies_go_by_kafka_s_names, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
