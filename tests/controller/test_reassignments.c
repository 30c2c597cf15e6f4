/* reassignments: moves of replicas, what is reported about them, and cancelling them. */
#include "tests/controller/controller_world.h"

#include "base/err.h"
#include "protocol/alter_partition_reassignments.h"
#include "protocol/list_partition_reassignments.h"

static struct alter_partition_reassignments_response_partition reassign(struct world *w, const char *topic, int32_t n,
									int32_t r0, int32_t r1, bool may_resize)
{
	int32_t replicas[2] = {r0, r1};
	struct alter_partition_reassignments_request_partition one = {.partition_index = 0, .replicas = {replicas, n}};
	struct alter_partition_reassignments_request_topic t = {.name = str_of(topic), .partitions = {&one, 1}};
	struct alter_partition_reassignments_request in = {.topics = {&t, 1},
							   .allow_replication_factor_change = may_resize};
	struct alter_partition_reassignments_response out;

	assert_int_equal(RUN(w, alter_partition_reassignments, 1, &in, &out), 0);
	assert_int_equal(out.responses.n, 1);
	return out.responses.v[0].partitions.v[0];
}

#define CANCEL (-1)

static struct list_partition_reassignments_response under_way(struct world *w)
{
	struct list_partition_reassignments_request in = {.topics = {NULL, -1}};
	struct list_partition_reassignments_response out;

	assert_int_equal(RUN(w, list_partition_reassignments, 0, &in, &out), 0);
	assert_int_equal(w->records.n, 0);
	return out;
}

static void a_partition_moves_when_its_new_replica_has_caught_up(void **state)
{
	struct world *w = *state;
	struct list_partition_reassignments_response list;
	const struct image_partition *p;

	let_in(w, 1);
	create(w, "a", 1, 1);
	let_in(w, 2);
	assert_int_equal(reassign(w, "a", 1, 2, 0, true).error_code, 0);
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).n, 2);
	assert_int_equal(partition_replicas(p).v[0], 2);
	assert_int_equal(p->leader, 1); /* until the new one is in the ISR */
	list = under_way(w);
	assert_int_equal(list.topics.n, 1);
	assert_int_equal(list.topics.v[0].partitions.n, 1);
	assert_int_equal(list.topics.v[0].partitions.v[0].adding_replicas.v[0], 2);
	assert_int_equal(list.topics.v[0].partitions.v[0].removing_replicas.v[0], 1);
	assert_int_equal(alter_isr(w, 1, p, p->leader_epoch, p->partition_epoch, 1, 2), ERR_NEW_LEADER_ELECTED);
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).n, 1);
	assert_int_equal(partition_replicas(p).v[0], 2);
	assert_int_equal(partition_isr(p).n, 1);
	assert_int_equal(p->leader, 2);
	assert_int_equal(under_way(w).topics.n, 0);
}

/* It has given up its log: as a replica once more it starts empty. */
static void who_is_a_replica_no_more_is_not_eligible(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;
	int32_t leader;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	let_in(w, 3);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "min.insync.replicas", 0, "2"), 0);
	leader = partition(w, "a", 0)->leader;
	beat(w, 3 - leader, false, true);
	p = partition(w, "a", 0);
	assert_int_equal(p->leader, leader);
	assert_int_equal(partition_elr(p).n, 1);
	assert_int_equal(reassign(w, "a", 1, 3, 0, true).error_code, 0);
	p = partition(w, "a", 0);
	assert_int_equal(alter_isr(w, leader, p, p->leader_epoch, p->partition_epoch, leader, 3),
			 ERR_NEW_LEADER_ELECTED);
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).n, 1);
	assert_int_equal(p->leader, 3);
	assert_int_equal(partition_elr(p).n, 0);
}

static void a_move_that_is_called_off_leaves_what_was_there(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;

	let_in(w, 1);
	create(w, "a", 1, 1);
	let_in(w, 2);
	assert_int_equal(reassign(w, "a", CANCEL, 0, 0, true).error_code, ERR_NO_REASSIGNMENT_IN_PROGRESS);
	assert_int_equal(reassign(w, "a", 1, 2, 0, true).error_code, 0);
	assert_int_equal(reassign(w, "a", CANCEL, 0, 0, true).error_code, 0);
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).n, 1);
	assert_int_equal(partition_replicas(p).v[0], 1);
	assert_int_equal(p->leader, 1);
	assert_int_equal(under_way(w).topics.n, 0);
	assert_int_equal(reassign(w, "a", CANCEL, 0, 0, true).error_code, ERR_NO_REASSIGNMENT_IN_PROGRESS);
}

static void a_move_that_needs_nobody_new_is_over_at_once(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;
	int32_t first;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	first = partition_replicas(partition(w, "a", 0)).v[0];
	assert_int_equal(reassign(w, "a", 2, 3 - first, first, true).error_code, 0); /* another order */
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).v[0], 3 - first);
	assert_int_equal(under_way(w).topics.n, 0);
	assert_int_equal(reassign(w, "a", 1, first, 0, true).error_code, 0); /* one replica less */
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).n, 1);
	assert_int_equal(p->leader, first);
	assert_int_equal(under_way(w).topics.n, 0);
}

static void assignments_that_cannot_be_are_refused_one_by_one(void **state)
{
	struct world *w = *state;

	let_in(w, 1);
	create(w, "a", 1, 1);
	let_in(w, 2);
	assert_int_equal(reassign(w, "nothing", 1, 1, 0, true).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(reassign(w, "a", 0, 0, 0, true).error_code, ERR_INVALID_REPLICA_ASSIGNMENT);
	assert_int_equal(reassign(w, "a", 1, 3, 0, true).error_code, ERR_INVALID_REPLICA_ASSIGNMENT);
	assert_int_equal(reassign(w, "a", 2, 1, 1, true).error_code, ERR_INVALID_REPLICA_ASSIGNMENT);
	assert_int_equal(reassign(w, "a", 2, 1, 2, false).error_code, ERR_INVALID_REPLICATION_FACTOR);
	assert_int_equal(reassign(w, "a", 1, 1, 0, false).error_code, 0);
	assert_int_equal(w->records.n, 0); /* it is there already */
	assert_int_equal(reassign(w, "a", 2, 1, 2, true).error_code, 0);
	assert_int_equal(reassign(w, "a", 1, 2, 0, false).error_code,
			 ERR_INVALID_REPLICATION_FACTOR); /* two are on their way */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_partition_moves_when_its_new_replica_has_caught_up),
		TEST(who_is_a_replica_no_more_is_not_eligible),
		TEST(a_move_that_is_called_off_leaves_what_was_there),
		TEST(a_move_that_needs_nobody_new_is_over_at_once),
		TEST(assignments_that_cannot_be_are_refused_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
