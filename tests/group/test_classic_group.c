/*
 * A classic group: what members are told, what is written, and what time brings; the facts are
 * Kafka 4.4's behaviour (GroupMetadataManager).
 */
#include <stdio.h>
#include <string.h>

#include "tests/group/classic_world.h"

#include "base/err.h"
#include "protocol/describe_groups.h"
#include "protocol/group_records.h"
#include "protocol/join_group.h"
#include "protocol/list_groups.h"
#include "protocol/sync_group.h"

/* ---- joining ---- */

static void a_first_member_is_given_an_id_and_waits_for_others(void **state_)
{
	struct member m = {0}, n = {0};
	struct brain_call *c, *d;

	(void)state_;
	c = enter(&m);
	assert_string_equal(state(), "PreparingRebalance");
	brain_pass(&b, 2000);
	d = enter(&n); /* joins within the delay: another delay follows */
	brain_pass(&b, 1000);
	assert_false(c->answered);
	brain_pass(&b, 2999);
	assert_false(c->answered);
	brain_pass(&b, 1);
	take_join(&m, c);
	take_join(&n, d);
	assert_int_equal(m.generation, 1);
	assert_int_equal(((struct join_group_response *)c->c.out)->members.n, 2);
	assert_int_equal(((struct join_group_response *)d->c.out)->members.n, 0);
	assert_true(str_eq(((struct join_group_response *)d->c.out)->leader, m.id));
	assert_string_equal(state(), "CompletingRebalance");
}

/* A group that existed before waits as long as a new one. */
static void an_empty_group_waits_for_others_again(void **state_)
{
	struct member m = {0}, n = {0}, o = {0};
	struct brain_call *c, *d;

	(void)state_;
	settle_one(&m);
	assert_int_equal(leave(m.id, NULL), 0);
	assert_string_equal(state(), "Empty");
	c = enter(&n);
	brain_pass(&b, 2999);
	assert_false(c->answered);
	d = enter(&o);
	brain_pass(&b, 3001);
	take_join(&n, c);
	take_join(&o, d);
	assert_int_equal(n.generation, 3);
	assert_int_equal(o.generation, 3);
}

static void a_new_group_is_written_once_and_empty(void **state_)
{
	struct member m = {0};

	(void)state_;
	assert_int_equal(join_error(join(&m)), ERR_MEMBER_ID_REQUIRED);
	assert_int_equal(b.n_log, 1);
	assert_int_equal(shard_record_number(b.log[0].key), 2);
	assert_int_equal(shard_record_number(b.log[0].value), 3);
	m.id = STR_NULL;
	assert_int_equal(join_error(join(&m)), ERR_MEMBER_ID_REQUIRED);
	assert_int_equal(b.n_log, 1);
}

static void old_versions_join_without_an_id(void **state_)
{
	struct member m = {.version = 3};

	(void)state_;
	settle_one(&m);
	assert_int_equal(beat(&m), 0);
}

static void a_member_id_begins_with_the_client_and_is_a_uuid(void **state_)
{
	struct member m = {0};
	char text[128];
	unsigned a, c, d, e;
	unsigned long long f;

	(void)state_;
	enter(&m);
	snprintf(text, sizeof(text), "%.*s", STR_ARG(m.id));
	assert_int_equal(sscanf(text, "client-%8x-%4x-%4x-%4x-%12llx", &a, &c, &d, &e, &f), 5);
	assert_int_equal(strlen(text), strlen("client-") + 36);
	assert_int_equal(d >> 12, 4);
	assert_int_equal(e >> 14, 2);
}

static void who_has_nothing_in_common_is_refused(void **state_)
{
	struct member m = {0}, n = {.protocols = "sticky"}, o = {.protocols = "sticky range"};

	(void)state_;
	settle_one(&m);
	assert_int_equal(join_error(join(&n)), ERR_INCONSISTENT_GROUP_PROTOCOL);
	assert_int_equal(join_error(join(&o)), ERR_MEMBER_ID_REQUIRED);
}

static void a_stranger_s_id_is_unknown(void **state_)
{
	struct member m = {.id = STR("nobody")}, n = {0};

	(void)state_;
	assert_int_equal(join_error(join(&m)), ERR_UNKNOWN_MEMBER_ID);
	assert_string_equal(state(), "-");
	settle_one(&n);
	assert_int_equal(join_error(join(&m)), ERR_UNKNOWN_MEMBER_ID);
	m.generation = 1;
	assert_int_equal(beat(&m), ERR_UNKNOWN_MEMBER_ID);
	assert_int_equal(sync_error(send_sync(&m, NULL)), ERR_UNKNOWN_MEMBER_ID);
	assert_int_equal(leave(m.id, NULL), ERR_UNKNOWN_MEMBER_ID);
}

static void the_most_wanted_protocol_wins(void **state_)
{
	struct member m = {.protocols = "range sticky"}, n = {.protocols = "sticky range"},
		      o = {.protocols = "sticky range"};
	struct brain_call *c = enter(&m), *d = enter(&n), *e = enter(&o);

	(void)state_;
	brain_pass(&b, 6000);
	take_join(&m, c);
	take_join(&n, d);
	take_join(&o, e);
	assert_true(str_is(((struct join_group_response *)c->c.out)->protocol_name, "sticky"));
}

static void a_group_takes_as_many_as_it_may(void **state_)
{
	struct member m = {0}, n = {0}, o = {0}, p = {0};
	struct brain_call *c = enter(&m);

	(void)state_;
	enter(&n);
	enter(&o);
	assert_int_equal(join_error(join(&p)), ERR_GROUP_MAX_SIZE_REACHED);
	brain_pass(&b, 6000);
	take_join(&m, c);
	assert_int_equal(join_error(join(&p)), ERR_GROUP_MAX_SIZE_REACHED);
	assert_int_equal(group()->n_members, 3);
}

static void a_follower_that_joins_with_the_same_is_told_the_same(void **state_)
{
	struct member m = {0}, n = {0};
	struct brain_call *c;

	(void)state_;
	settle_two(&m, &n);
	c = join(&n);
	take_join(&n, c);
	assert_int_equal(n.generation, 2);
	assert_string_equal(state(), "Stable");
	c = join(&m); /* a join by the leader triggers a rebalance */
	assert_false(c->answered);
	assert_string_equal(state(), "PreparingRebalance");
}

/* ---- rebalances ---- */

static void who_does_not_join_again_is_out(void **state_)
{
	struct member m = {0}, n = {.session_ms = 1000000}, o = {0};
	struct brain_call *c, *d;

	(void)state_;
	settle_two(&m, &n);
	d = enter(&o);
	c = join(&m);
	brain_pass(&b, REBALANCE_MS - 1);
	assert_false(c->answered);
	brain_pass(&b, 1);
	take_join(&m, c);
	take_join(&o, d);
	assert_int_equal(beat(&n), ERR_UNKNOWN_MEMBER_ID);
	assert_int_equal(group()->n_members, 2);
}

static void a_leader_that_does_not_come_back_is_replaced(void **state_)
{
	struct member m = {.session_ms = 1000000}, n = {0}, o = {0};
	struct brain_call *c, *d;

	(void)state_;
	settle_two(&m, &n);
	d = enter(&o);
	c = join(&n);
	brain_pass(&b, REBALANCE_MS);
	take_join(&n, c);
	take_join(&o, d);
	assert_true(str_eq(((struct join_group_response *)c->c.out)->leader, n.id));
}

static void who_does_not_sync_in_time_is_out(void **state_)
{
	struct member m = {0}, n = {.session_ms = 1000000};
	struct brain_call *c = enter(&m), *d = enter(&n), *e;

	(void)state_;
	brain_pass(&b, 6000);
	take_join(&m, c);
	take_join(&n, d);
	e = send_sync(&m, (const struct member *const[]){&m, &n, NULL});
	assert_assigned(e, &m);
	for (int i = 0; i < REBALANCE_MS / 5000; i++) {
		assert_int_equal(beat(&m), 0);
		brain_pass(&b, 5000);
	}
	assert_int_equal(beat(&m), ERR_REBALANCE_IN_PROGRESS);
	assert_int_equal(beat(&n), ERR_UNKNOWN_MEMBER_ID);
}

static void who_is_given_nothing_is_given_no_bytes(void **state_)
{
	struct member m = {0}, n = {0};
	struct brain_call *c = enter(&m), *d = enter(&n);
	const struct sync_group_response *out;

	(void)state_;
	brain_pass(&b, 6000);
	take_join(&m, c);
	take_join(&n, d);
	d = send_sync(&n, NULL);
	assert_assigned(send_sync(&m, (const struct member *const[]){&m, NULL}), &m);
	assert_int_equal(sync_error(d), 0);
	out = d->c.out;
	assert_int_equal(out->assignment.len, 0);
	assert_int_equal(beat(&n), 0);
}

static void a_session_ends_and_the_others_are_told(void **state_)
{
	struct member m = {0}, n = {.session_ms = 1000000};

	(void)state_;
	settle_two(&m, &n);
	brain_pass(&b, SESSION_MS - 1);
	assert_int_equal(beat(&n), 0);
	brain_pass(&b, 1);
	assert_int_equal(beat(&n), ERR_REBALANCE_IN_PROGRESS);
	assert_int_equal(beat(&m), ERR_UNKNOWN_MEMBER_ID);
}

static void an_id_that_nobody_comes_back_with_is_forgotten(void **state_)
{
	struct member m = {0};

	(void)state_;
	assert_int_equal(join_error(join(&m)), ERR_MEMBER_ID_REQUIRED);
	assert_int_equal(group()->n_pending, 1);
	brain_pass(&b, SESSION_MS);
	assert_int_equal(group()->n_pending, 0);
}

static void the_last_one_leaves_and_the_group_is_written_empty(void **state_)
{
	struct member m = {0};
	struct group_metadata_value value;
	struct brain_record r;

	(void)state_;
	settle_one(&m);
	assert_int_equal(leave(m.id, NULL), 0);
	assert_string_equal(state(), "Empty");
	r = b.log[b.n_log - 1];
	assert_int_equal(shard_record_decode(&group_metadata_value_schema, 3, r.value, &b.arena, &value), 0);
	assert_int_equal(value.members.n, 0);
	assert_int_equal(value.generation, 2);
	assert_true(str_is_null(value.protocol) && str_is_null(value.leader));
	assert_true(str_is(value.protocol_type, "consumer"));
}

static void syncs_and_beats_of_another_generation_are_illegal(void **state_)
{
	struct member m = {0};

	(void)state_;
	settle_one(&m);
	m.generation = 2;
	assert_int_equal(beat(&m), ERR_ILLEGAL_GENERATION);
	assert_int_equal(sync_error(send_sync(&m, NULL)), ERR_ILLEGAL_GENERATION);
}

static void an_assignment_that_cannot_be_written_is_given_to_nobody(void **state_)
{
	struct member m = {0};
	struct brain_call *c = enter(&m);
	int before;

	(void)state_;
	brain_pass(&b, 3000);
	take_join(&m, c);
	before = b.n_log;
	b.refuse_appends = true;
	assert_int_equal(sync_error(send_sync(&m, (const struct member *const[]){&m, NULL})),
			 ERR_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(b.n_log, before);
	assert_string_equal(state(), "PreparingRebalance");
	b.refuse_appends = false;
	c = join(&m);
	take_join(&m, c);
	assert_int_equal(m.generation, 2);
	assert_assigned(send_sync(&m, (const struct member *const[]){&m, NULL}), &m);
}

static void a_reload_finds_the_last_assignment(void **state_)
{
	struct member m = {0}, n = {0};
	struct brain_call *waits;

	(void)state_;
	settle_two(&m, &n);
	waits = join(&m);
	brain_reload(&b, true);
	assert_int_equal(join_error(waits), ERR_NOT_COORDINATOR);
	assert_string_equal(state(), "Stable");
	assert_int_equal(beat(&m), 0);
	assert_assigned(send_sync(&n, NULL), &n);
	brain_pass(&b, SESSION_MS); /* sessions have been restarted */
	assert_string_equal(state(), "Empty");
}

static void a_group_that_is_too_large_after_a_reload_shrinks(void **state_)
{
	struct member m = {0}, n = {0};

	(void)state_;
	settle_two(&m, &n);
	brain_configure(&b, MINIMAL "group.max.size=1\n");
	brain_reload(&b, false);
	assert_string_equal(state(), "PreparingRebalance");
	assert_int_equal(beat(&n), ERR_REBALANCE_IN_PROGRESS);
}

/* ---- static members ---- */

static void a_static_member_comes_back_without_a_rebalance(void **state_)
{
	struct member m = {.instance = "i", .version = 9}, n = {.instance = "i", .version = 9};
	struct brain_call *c;

	(void)state_;
	settle_one(&m);
	c = join(&n);
	take_join(&n, c);
	assert_int_equal(n.generation, 1);
	assert_true(((struct join_group_response *)c->c.out)->skip_assignment);
	assert_int_equal(((struct join_group_response *)c->c.out)->members.n, 1);
	assert_string_equal(state(), "Stable");
	assert_int_equal(beat(&m), ERR_FENCED_INSTANCE_ID);
	assert_int_equal(join_error(join(&m)), ERR_FENCED_INSTANCE_ID);
	assert_int_equal(sync_error(send_sync(&m, NULL)), ERR_FENCED_INSTANCE_ID);
	assert_true(str_eq((struct str){(const char *)group()->leader, (int32_t)strlen(group()->leader)}, n.id));
	assert_assigned(send_sync(&n, NULL), &m);
}

static void an_id_belongs_to_one_instance(void **state_)
{
	struct member m = {.instance = "i"}, n = {.instance = "j"}, other;

	(void)state_;
	settle_two(&m, &n);
	other = m;
	other.instance = "j";
	assert_int_equal(join_error(join(&other)), ERR_FENCED_INSTANCE_ID);
	assert_int_equal(beat(&other), ERR_FENCED_INSTANCE_ID);
	other.instance = "k";
	assert_int_equal(join_error(join(&other)), ERR_UNKNOWN_MEMBER_ID);
	assert_int_equal(beat(&other), ERR_UNKNOWN_MEMBER_ID);
	assert_int_equal(beat(&m), 0);
	assert_int_equal(beat(&n), 0);
	assert_int_equal(leave(STR(""), "i"), 0);
	assert_int_equal(leave(STR(""), "k"), ERR_UNKNOWN_MEMBER_ID);
}

static void a_static_member_whose_return_cannot_be_written_stays_who_it_was(void **state_)
{
	struct member m = {.instance = "i", .version = 9}, n = {.instance = "i", .version = 9};

	(void)state_;
	settle_one(&m);
	b.refuse_appends = true;
	assert_int_equal(join_error(join(&n)), ERR_COORDINATOR_NOT_AVAILABLE);
	b.refuse_appends = false;
	assert_int_equal(beat(&m), 0);
}

/*
 * Its JoinGroup was answered by the next generation, made by its new protocols: they stand,
 * whatever became of the write.
 */
static void a_group_that_went_on_with_a_returned_member_keeps_it_as_it_is(void **state_)
{
	struct member m = {.instance = "i", .version = 9}, o = {.protocols = "other"};
	struct member n = {.instance = "i", .version = 9, .protocols = "range other"};
	const struct member *all[] = {&n, &o, NULL};
	struct brain_call *returning, *joining;

	(void)state_;
	settle_one(&m);
	b.hold_written = true;
	returning = join(&n);
	joining = enter(&o);
	brain_tell_written(&b, ERR_COORDINATOR_NOT_AVAILABLE);
	take_join(&n, returning);
	take_join(&o, joining);
	assert_int_equal(n.generation, 2);
	assert_string_equal(group()->protocol, "other");
	assert_assigned(send_sync(&n, all), &n);
	assert_assigned(send_sync(&o, NULL), &o);
	assert_string_equal(state(), "Stable");
	brain_reload(&b, true);
	assert_int_equal(beat(&n), 0);
	assert_int_equal(beat(&o), 0);
}

/* Waiting in steps leaves time for the other groups of the shard. */
static void a_static_member_without_a_rebalance_timeout_is_waited_for_in_steps(void **state_)
{
	struct member m = {.instance = "i", .version = 9, .session_ms = 200000}, n = {.instance = "j", .version = 9};

	(void)state_;
	settle_one(&m);
	m.id = STR_NULL;
	m.no_rebalance_ms = true;
	take_join(&m, join(&m));
	join(&n);
	assert_int_equal(leave(STR(""), "j"), 0);
	brain_pass(&b, 100000);
	assert_string_equal(state(), "PreparingRebalance");
	brain_pass(&b, 100000);
	assert_string_equal(state(), "Empty");
}

static void a_static_member_leaves_by_its_instance(void **state_)
{
	struct member m = {.instance = "i"};

	(void)state_;
	settle_one(&m);
	assert_int_equal(leave(STR(""), "j"), ERR_UNKNOWN_MEMBER_ID);
	assert_int_equal(leave(STR("x"), "i"), ERR_FENCED_INSTANCE_ID);
	assert_int_equal(leave(STR(""), "i"), 0);
	assert_string_equal(state(), "Empty");
}

static void a_static_member_is_waited_for_until_its_session_ends(void **state_)
{
	struct member m = {.instance = "i", .session_ms = 200000}, n = {0};
	struct brain_call *c;

	(void)state_;
	settle_one(&m);
	c = enter(&n);
	brain_pass(&b, REBALANCE_MS);
	take_join(&n, c);
	assert_int_equal(group()->n_members, 2);
}

/* ---- what people ask ---- */

static void groups_are_listed_by_state_and_type(void **state_)
{
	struct list_groups_request in = {0};
	const struct list_groups_response *out;
	struct str words[] = {STR(" eMPTY "), STR("classic"), STR("consumer")};
	int err;

	(void)state_;
	assert_int_equal(commit(NULL, 0, 1), 0);
	in.states_filter.v = &words[0];
	in.states_filter.n = 1;
	in.types_filter.v = &words[1];
	in.types_filter.n = 1;
	out = brain_ask(&b, list_groups_request_KEY, 5, &in, &err);
	assert_int_equal(out->groups.n, 1);
	assert_true(str_is(out->groups.v[0].group_type, "classic"));
	assert_true(str_is(out->groups.v[0].protocol_type, ""));
	in.types_filter.n = 2;
	out = brain_ask(&b, list_groups_request_KEY, 5, &in, &err);
	assert_int_equal(out->groups.n, 1);
	in.types_filter.v = &words[2];
	in.types_filter.n = 1;
	out = brain_ask(&b, list_groups_request_KEY, 5, &in, &err);
	assert_int_equal(out->groups.n, 0);
}

static void a_group_is_described_with_its_members(void **state_)
{
	struct member m = {0};
	struct describe_groups_request in = {0};
	struct str names[] = {STR("g"), STR("nobody")};
	const struct describe_groups_response *out;
	int err;

	(void)state_;
	settle_one(&m);
	in.groups.v = names;
	in.groups.n = 2;
	out = brain_ask(&b, describe_groups_request_KEY, 5, &in, &err);
	assert_true(str_is(out->groups.v[0].group_state, "Stable"));
	assert_true(str_is(out->groups.v[0].protocol_data, "range"));
	assert_int_equal(out->groups.v[0].members.n, 1);
	assert_true(str_is(out->groups.v[0].members.v[0].client_host, "/127.0.0.1"));
	assert_int_equal(out->groups.v[0].members.v[0].member_metadata.len, 13);
	assert_true(str_is(out->groups.v[1].group_state, "Dead"));
	assert_int_equal(out->groups.v[1].error_code, 0);
	out = brain_ask(&b, describe_groups_request_KEY, 6, &in, &err);
	assert_int_equal(out->groups.v[1].error_code, ERR_GROUP_ID_NOT_FOUND);
	assert_true(str_is(out->groups.v[1].error_message, "Group nobody not found."));
}

static void a_group_s_partition_is_java_s(void **state_)
{
	(void)state_;
	assert_int_equal(shard_partition_of(STR(""), 50), 0);
	assert_int_equal(shard_partition_of(STR("g1"), 50), 42);
	assert_int_equal(shard_partition_of(STR("polygenelubricants"), 50), 0); /* its hash is the smallest int */
	/* of UTF-16, not of bytes: 252, and 31 * 0xd83d + 0xde00 for a pair */
	assert_int_equal(shard_partition_of(STR("\xc3\xbc"), 50), 2);
	assert_int_equal(shard_partition_of(STR("\xf0\x9f\x98\x80"), 50), 49);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_first_member_is_given_an_id_and_waits_for_others),
		TEST(an_empty_group_waits_for_others_again),
		TEST(a_new_group_is_written_once_and_empty),
		TEST(old_versions_join_without_an_id),
		TEST(a_member_id_begins_with_the_client_and_is_a_uuid),
		TEST(who_has_nothing_in_common_is_refused),
		TEST(a_stranger_s_id_is_unknown),
		TEST(the_most_wanted_protocol_wins),
		TEST(a_group_takes_as_many_as_it_may),
		TEST(a_follower_that_joins_with_the_same_is_told_the_same),
		TEST(who_does_not_join_again_is_out),
		TEST(a_leader_that_does_not_come_back_is_replaced),
		TEST(who_does_not_sync_in_time_is_out),
		TEST(who_is_given_nothing_is_given_no_bytes),
		TEST(a_session_ends_and_the_others_are_told),
		TEST(an_id_that_nobody_comes_back_with_is_forgotten),
		TEST(the_last_one_leaves_and_the_group_is_written_empty),
		TEST(syncs_and_beats_of_another_generation_are_illegal),
		TEST(an_assignment_that_cannot_be_written_is_given_to_nobody),
		TEST(a_reload_finds_the_last_assignment),
		TEST(a_group_that_is_too_large_after_a_reload_shrinks),
		TEST(a_static_member_comes_back_without_a_rebalance),
		TEST(an_id_belongs_to_one_instance),
		TEST(a_static_member_whose_return_cannot_be_written_stays_who_it_was),
		TEST(a_group_that_went_on_with_a_returned_member_keeps_it_as_it_is),
		TEST(a_static_member_without_a_rebalance_timeout_is_waited_for_in_steps),
		TEST(a_static_member_leaves_by_its_instance),
		TEST(a_static_member_is_waited_for_until_its_session_ends),
		TEST(groups_are_listed_by_state_and_type),
		TEST(a_group_is_described_with_its_members),
		TEST(a_group_s_partition_is_java_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
