/* A consumer group: members join, reconcile and leave as in KIP-848, and as in Kafka 4.4. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/base/cm.h"
#include "tests/group/brain.h"

#include "base/err.h"
#include "base/mem.h"
#include "protocol/consumer_group_describe.h"
#include "protocol/consumer_group_heartbeat.h"
#include "protocol/delete_groups.h"
#include "protocol/group_records.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/sync_group.h"

#define MINIMAL                                                                                                        \
	"process.roles=broker,controller\nnode.id=0\ncontroller.quorum.voters=0@localhost:9093\n"                      \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n"
#define AT_ONCE MINIMAL "group.consumer.assignment.interval.ms=0\n"

static struct brain b;

static int begin(void **state)
{
	brain_init(&b, AT_ONCE);
	brain_topic(&b, "t", 6);
	return 0;
}

static int end(void **state)
{
	brain_fini(&b);
	return 0;
}

static struct beat joining(const char *member)
{
	return (struct beat){.group = "g", .member = member, .topics = "t", .full = true, .rebalance_timeout_ms = 5000};
}

static struct beat staying(const char *member, int32_t epoch)
{
	return (struct beat){.group = "g", .member = member, .epoch = epoch};
}

static const struct assign_set *set_of(const struct consumer_group_heartbeat_response *r)
{
	struct assign_set *s = arena_zalloc(&b.arena, sizeof(*s));

	s->n = r->assignment->topic_partitions.n;
	s->v = arena_array(&b.arena, (size_t)s->n + 1, sizeof(*s->v));
	for (int32_t i = 0; i < s->n; i++) {
		s->v[i].id = r->assignment->topic_partitions.v[i].topic_id;
		s->v[i].n = r->assignment->topic_partitions.v[i].partitions.n;
		s->v[i].partitions = r->assignment->topic_partitions.v[i].partitions.v;
	}
	return s;
}

static void assert_beat(struct beat beat, int32_t epoch, const char *assignment)
{
	int err;
	const struct consumer_group_heartbeat_response *r = brain_beat(&b, &beat, &err);

	if (!r)
		print_message("%d %s\n", err, brain_message(&b));
	assert_non_null(r);
	assert_int_equal(r->member_epoch, epoch);
	assert_string_equal(brain_assignment(&b, r), assignment);
}

/* Also asserts that nothing is written. */
static void assert_refused(struct beat beat, int error, const char *text)
{
	int err, n = b.n_log;

	assert_null(brain_beat(&b, &beat, &err));
	assert_int_equal(err, error);
	assert_string_equal(brain_message(&b), text);
	assert_int_equal(b.n_log, n);
}

static void the_first_member_gets_everything(void **state)
{
	assert_beat(joining("a"), 1 + 1, "t:0,1,2,3,4,5");
	assert_beat(staying("a", 2), 2, "-");
	assert_string_equal(consumer_group_state(&brain_group(&b, "g")->g), "Stable");
}

static void the_records_of_a_join_are_kafkas(void **state)
{
	static const int numbers[] = {5, 3, 7, 6, 8};

	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_int_equal(b.n_log, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(shard_record_number(b.log[i].key), numbers[i]);
}

static void a_second_member_waits_for_what_the_first_gives_back(void **state)
{
	struct beat beat = joining("a");
	int err;
	const struct consumer_group_heartbeat_response *r = brain_beat(&b, &beat, &err);
	const struct assign_set *all = set_of(r), *half;

	assert_beat(joining("b"), 3, "");
	assert_beat(staying("b", 3), 3, "-");
	beat = staying("a", 2);
	r = brain_beat(&b, &beat, &err);
	assert_int_equal(r->member_epoch, 2);
	assert_string_equal(brain_assignment(&b, r), "t:0,1,2");
	half = set_of(r);
	assert_string_equal(consumer_group_state(&brain_group(&b, "g")->g), "Reconciling");
	/* It still has everything. */
	beat = staying("a", 2);
	beat.full = true;
	beat.owned = all;
	assert_beat(beat, 2, "-");
	assert_beat(staying("b", 3), 3, "-");
	beat.owned = half;
	assert_beat(beat, 3, "-");
	assert_beat(staying("b", 3), 3, "t:3,4,5");
	assert_string_equal(consumer_group_state(&brain_group(&b, "g")->g), "Stable");
}

static void one_who_does_not_give_back_is_out_when_its_rebalance_timeout_has_passed(void **state)
{
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_beat(joining("b"), 3, "");
	assert_beat(staying("a", 2), 2, "t:0,1,2");
	brain_pass(&b, 4999);
	assert_beat(staying("a", 2), 2, "-");
	assert_beat(staying("b", 3), 3, "-");
	brain_pass(&b, 1);
	assert_refused(staying("a", 2), ERR_UNKNOWN_MEMBER_ID, "Member a is not a member of group g.");
	assert_beat(staying("b", 3), 4, "t:0,1,2,3,4,5");
}

static void a_silent_member_is_out_when_its_session_has_passed(void **state)
{
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	brain_pass(&b, 44999);
	assert_non_null(consumer_member(brain_group(&b, "g"), STR("a")));
	brain_pass(&b, 1);
	assert_null(consumer_member(brain_group(&b, "g"), STR("a")));
	assert_string_equal(consumer_group_state(&brain_group(&b, "g")->g), "Empty");
}

static void a_groups_own_session_timeout_is_kept_within_the_brokers_bounds(void **state)
{
	brain_group_config(&b, "g", "consumer.session.timeout.ms", "50000");
	brain_group_config(&b, "g", "consumer.heartbeat.interval.ms", "1");
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	brain_pass(&b, 49999);
	assert_non_null(consumer_member(brain_group(&b, "g"), STR("a")));
	brain_pass(&b, 1);
	assert_null(consumer_member(brain_group(&b, "g"), STR("a")));
	{
		struct beat beat = joining("b");
		int err;

		assert_int_equal(brain_beat(&b, &beat, &err)->heartbeat_interval_ms, 5000);
	}
}

static void a_leaving_member_takes_its_records_with_it(void **state)
{
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_beat(staying("a", -1), -1, "-");
	assert_int_equal(brain_group(&b, "g")->n_members, 0);
	brain_reload(&b, true);
	assert_int_equal(brain_group(&b, "g")->n_members, 0);
	assert_int_equal(brain_group(&b, "g")->epoch, 3);
	assert_int_equal(brain_group(&b, "g")->assignment_epoch, 3);
}

static void epochs_that_are_not_the_members_are_fenced(void **state)
{
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_refused(
		staying("a", 3), ERR_FENCED_MEMBER_EPOCH,
		"The consumer group member has a greater member epoch (3) than the one known by the group coordinator "
		"(2). The member must abandon all its partitions and rejoin.");
	assert_refused(
		staying("a", 1), ERR_FENCED_MEMBER_EPOCH,
		"The consumer group member has a smaller member epoch (1) than the one known by the group coordinator "
		"(2). The member must abandon all its partitions and rejoin.");
	assert_refused(staying("x", 2), ERR_UNKNOWN_MEMBER_ID, "Member x is not a member of group g.");
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
}

static void a_group_that_is_not_there_is_not_found(void **state)
{
	assert_refused(staying("a", 1), ERR_GROUP_ID_NOT_FOUND, "Consumer group g not found.");
	assert_refused(staying("a", -1), ERR_GROUP_ID_NOT_FOUND, "Group g not found.");
}

static void a_static_member_comes_back_to_its_partitions(void **state)
{
	struct beat a = joining("a"), again = joining("a2"), out = staying("a", -2);

	a.instance = again.instance = out.instance = "i";
	assert_beat(a, 2, "t:0,1,2,3,4,5");
	assert_refused(
		again, ERR_UNRELEASED_INSTANCE_ID,
		"Static member a2 with instance id i cannot join the group because the instance id is owned by a member.");
	assert_beat(out, -2, "-");
	assert_beat(again, 2, "t:0,1,2,3,4,5");
	assert_null(consumer_member(brain_group(&b, "g"), STR("a")));
	assert_refused(out, ERR_FENCED_INSTANCE_ID, "Static member a with instance id i was fenced by member a2.");
	brain_reload(&b, true);
	assert_int_equal(brain_group(&b, "g")->n_members, 1);
	assert_beat(staying("a2", 2), 2, "-");
}

/* A client that unsubscribes and subscribes again keeps its id. */
static void a_static_member_that_comes_back_under_its_id_has_a_session(void **state)
{
	struct beat a = joining("a"), out = staying("a", -2);

	a.instance = out.instance = "i";
	assert_beat(a, 2, "t:0,1,2,3,4,5");
	assert_beat(out, -2, "-");
	assert_beat(a, 2, "t:0,1,2,3,4,5");
	brain_pass(&b, 44999);
	assert_int_equal(brain_group(&b, "g")->n_members, 1);
	brain_pass(&b, 1);
	assert_int_equal(brain_group(&b, "g")->n_members, 0);
}

static void a_topic_that_grows_is_assigned_with_the_next_heartbeat(void **state)
{
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	brain_topic(&b, "t", 8);
	assert_beat(staying("a", 2), 3, "t:0,1,2,3,4,5,6,7");
	brain_topic(&b, "other", 3);
	assert_beat(staying("a", 3), 3, "-");
}

static void a_pattern_finds_topics_also_later_ones(void **state)
{
	struct beat beat = joining("a");

	beat.topics = NULL;
	beat.regex = "t.*";
	assert_beat(beat, 1 + 0, "");
	/* It has been resolved by now; the following heartbeat gets the result. */
	assert_beat(staying("a", 1), 2, "t:0,1,2,3,4,5");
	brain_topic(&b, "two", 2);
	brain_topic(&b, "xt", 2);
	brain_pass(&b, 10001);
	assert_beat(staying("a", 2), 2, "-");
	assert_beat(staying("a", 2), 3, "t:0,1,2,3,4,5 two:0,1");
	brain_reload(&b, true);
	assert_int_equal(brain_group(&b, "g")->n_resolved_regexes, 1);
	assert_beat(staying("a", 3), 3, "-");
	beat.epoch = 3;
	beat.regex = "";
	beat.full = false;
	assert_beat(beat, 3, ""); /* it must first give up everything */
	assert_int_equal(brain_group(&b, "g")->n_resolved_regexes, 0);
}

static bool sees_no_secret(const struct shard_sight *s, const struct image *image, struct str topic)
{
	(void)s;
	assert_non_null(image_topic_by_name(image, topic));
	return !str_is(topic, "secret");
}

static int n_sights;

static void let_go(struct shard_sight *s)
{
	n_sights--;
	xfree(s);
}

static struct shard_sight *sight(const struct shard_asker *a)
{
	struct shard_sight *s = xmalloc(sizeof(*s));

	(void)a;
	n_sights++;
	*s = (struct shard_sight){sees_no_secret, let_go};
	return s;
}

static void a_pattern_finds_nothing_that_its_member_may_not_describe(void **state)
{
	const struct shard_asker asker = {sight};
	struct beat beat = joining("a");

	beat.topics = NULL;
	beat.regex = ".*";
	brain_topic(&b, "secret", 2);
	b.asker = &asker;
	assert_beat(beat, 1, "");
	assert_beat(staying("a", 1), 2, "t:0,1,2,3,4,5");
	assert_int_equal(n_sights, 0);
	b.asker = NULL; /* may see everything, or there is no authorizer any more: found by the next job */
	brain_topic(&b, "more", 1);
	brain_pass(&b, 10001);
	assert_beat(staying("a", 2), 2, "-");
	assert_beat(staying("a", 2), 3, "more:0 secret:0,1 t:0,1,2,3,4,5");
}

static void a_pattern_that_is_none_is_refused(void **state)
{
	struct beat beat = joining("a");

	beat.regex = "a(";
	assert_refused(beat, ERR_INVALID_REGULAR_EXPRESSION,
		       "SubscribedTopicRegex `a(` is not a valid regular expression: missing closing ).");
	assert_null(brain_group(&b, "g"));
}

static void assignments_wait_for_the_interval(void **state)
{
	brain_fini(&b);
	brain_init(&b, MINIMAL);
	brain_topic(&b, "t", 6);
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_beat(joining("b"), 2, "");
	assert_string_equal(consumer_group_state(&brain_group(&b, "g")->g), "Assigning");
	brain_pass(&b, 999);
	assert_beat(staying("a", 2), 2, "-");
	brain_pass(&b, 1);
	assert_beat(staying("a", 2), 2, "t:0,1,2");
}

static void what_was_not_written_has_not_happened(void **state)
{
	struct beat beat = joining("a");
	int err;

	b.refuse_appends = true;
	brain_beat(&b, &beat, &err);
	assert_null(brain_group(&b, "g"));
	b.refuse_appends = false;
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	b.refuse_appends = true;
	brain_pass(&b, 45000);
	b.refuse_appends = false;
	assert_beat(staying("a", 2), 2, "-");
	brain_pass(&b, 45000);
	assert_refused(staying("a", 2), ERR_UNKNOWN_MEMBER_ID, "Member a is not a member of group g.");
}

static void describing_tells_of_members_and_targets(void **state)
{
	struct str ids[] = {STR("g"), STR("none")};
	struct consumer_group_describe_request in = {.group_ids = {ids, 2}};
	const struct consumer_group_describe_response *out;
	int err;

	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	out = brain_ask(&b, consumer_group_describe_request_KEY, 1, &in, &err);
	assert_int_equal(out->groups.n, 2);
	assert_true(str_is(out->groups.v[0].group_state, "Stable"));
	assert_true(str_is(out->groups.v[0].assignor_name, "uniform"));
	assert_int_equal(out->groups.v[0].members.n, 1);
	assert_int_equal(out->groups.v[0].members.v[0].target_assignment.topic_partitions.v[0].partitions.n, 6);
	assert_int_equal(out->groups.v[1].error_code, ERR_GROUP_ID_NOT_FOUND);
	assert_true(str_is(out->groups.v[1].error_message, "Group none not found."));
}

static void members_choose_the_assignor(void **state)
{
	struct beat beat = joining("a");

	beat.assignor = "range";
	assert_beat(beat, 2, "t:0,1,2,3,4,5");
	assert_true(str_is(consumer_preferred_assignor(b.s, brain_group(&b, "g"), NULL, NULL), "range"));
}

/* ---- the classic protocol ---- */

/* topic: NULL leaves the subscription out. */
static const struct join_group_response *join_classic_of(int16_t version, const char *member, const char *topic)
{
	static uint8_t metadata[64];
	static struct join_group_request_protocol protocol;
	static struct join_group_request in;
	size_t len = topic ? strlen(topic) : 0;
	int err;
	const struct join_group_response *r;

	/* Version 0: one topic, no user data. */
	memset(metadata, 0, sizeof(metadata));
	metadata[5] = 1;
	metadata[7] = (uint8_t)len;
	if (topic)
		memcpy(metadata + 8, topic, len);
	memset(metadata + 8 + len, 0xff, 4);
	protocol = (struct join_group_request_protocol){STR("range"), {metadata, topic ? (int32_t)(12 + len) : 0}};
	in = (struct join_group_request){.group_id = STR("g"),
					 .session_timeout_ms = 10000,
					 .rebalance_timeout_ms = version > 0 ? 5000 : -1,
					 .member_id = str_of(member),
					 .protocol_type = STR("consumer"),
					 .protocols = {&protocol, 1}};
	r = brain_ask(&b, join_group_request_KEY, version, &in, &err);
	assert_int_equal(err, 0);
	return r;
}

static const struct join_group_response *join_classic(const char *member, const char *topic)
{
	return join_classic_of(5, member, topic);
}

static int heartbeat_classic(const char *member, int32_t generation)
{
	struct heartbeat_request in = {.group_id = STR("g"),
				       .member_id = str_of(member),
				       .generation_id = generation,
				       .group_instance_id = STR_NULL};
	int err;

	return ((const struct heartbeat_response *)brain_ask(&b, heartbeat_request_KEY, 4, &in, &err))->error_code;
}

static const struct sync_group_response *sync_classic(const char *member, int32_t generation)
{
	struct sync_group_request in = {.group_id = STR("g"),
					.member_id = str_of(member),
					.generation_id = generation,
					.group_instance_id = STR_NULL,
					.protocol_type = STR("consumer"),
					.protocol_name = STR("range")};
	int err;

	return brain_ask(&b, sync_group_request_KEY, 5, &in, &err);
}

static void a_classic_member_joins_a_consumer_group_and_is_asked_to_join_again(void **state)
{
	const struct join_group_response *r;
	const struct sync_group_response *synced;

	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	r = join_classic("", NULL); /* as Kafka: the subscription is read when the member has an id */
	assert_int_equal(r->error_code, ERR_MEMBER_ID_REQUIRED);
	assert_true(r->member_id.len > 0);
	assert_int_equal(join_classic("c", NULL)->error_code, ERR_INCONSISTENT_GROUP_PROTOCOL);
	r = join_classic("c", "t");
	assert_int_equal(r->error_code, 0);
	assert_int_equal(r->generation_id, 3);
	assert_true(str_is(r->protocol_name, "range"));
	assert_true(str_is(r->leader, "")); /* the coordinator assigns */
	assert_int_equal(r->members.n, 0);
	synced = sync_classic("c", 3);
	assert_int_equal(synced->error_code, 0);
	assert_int_equal(synced->assignment.len, 2 + 4 + 4); /* nothing yet */
	assert_int_equal(heartbeat_classic("c", 3), 0);
	assert_beat(staying("a", 2), 2, "t:0,1,2");
	{
		struct beat beat = staying("a", 2);
		const struct assign_set *has = &consumer_member(brain_group(&b, "g"), STR("a"))->v.assigned;

		beat.full = true;
		beat.owned = has;
		assert_beat(beat, 3, "-");
	}
	assert_int_equal(heartbeat_classic("c", 3), ERR_REBALANCE_IN_PROGRESS);
	assert_int_equal(join_classic("c", "t")->error_code, 0);
	synced = sync_classic("c", 3);
	assert_true(synced->assignment.len > 10 + 3 * 4);
	assert_int_equal(heartbeat_classic("c", 3), 0);
	assert_int_equal(heartbeat_classic("c", 2), ERR_ILLEGAL_GENERATION);
	assert_int_equal(heartbeat_classic("a", 3), ERR_UNKNOWN_MEMBER_ID);
}

static void a_classic_member_that_does_not_sync_is_out(void **state)
{
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_int_equal(join_classic("c", "t")->error_code, 0);
	brain_pass(&b, 4999);
	assert_non_null(consumer_member(brain_group(&b, "g"), STR("c")));
	brain_pass(&b, 1);
	assert_null(consumer_member(brain_group(&b, "g"), STR("c")));
}

static void a_classic_member_of_version_0_has_its_session_to_sync_in(void **state)
{
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_int_equal(join_classic_of(0, "c", "t")->error_code, 0);
	brain_pass(&b, 9999);
	assert_non_null(consumer_member(brain_group(&b, "g"), STR("c")));
	brain_pass(&b, 1);
	assert_null(consumer_member(brain_group(&b, "g"), STR("c")));
}

static void the_group_is_classic_when_the_last_of_the_new_protocol_has_left(void **state)
{
	struct group *g;

	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_int_equal(join_classic("c", "t")->error_code, 0);
	assert_int_equal(sync_classic("c", 3)->error_code, 0);
	assert_beat(staying("a", -1), -1, "-");
	g = group_find(b.s, STR("g"));
	assert_string_equal(g->kind->name, "classic");
	assert_string_equal(g->kind->state(g), "PreparingRebalance");
	assert_int_equal(heartbeat_classic("c", 3), ERR_REBALANCE_IN_PROGRESS);
	brain_reload(&b, true);
	g = group_find(b.s, STR("g"));
	assert_string_equal(g->kind->name, "classic");
	/* It is a consumer group again, with the member that remained. */
	assert_beat(joining("a2"), 4, "t:0,1,2"); /* the other one keeps its target */
	assert_int_equal(brain_group(&b, "g")->n_members, 2);
	assert_int_equal(brain_group(&b, "g")->n_classic, 1);
	brain_reload(&b, false);
	assert_int_equal(brain_group(&b, "g")->n_members, 2);
}

static int leave_classic(const char *member, int times)
{
	struct leave_group_request_member v[2] = {{str_of(member), STR_NULL, STR_NULL},
						  {str_of(member), STR_NULL, STR_NULL}};
	struct leave_group_request in = {.group_id = STR("g"), .members = {v, times}};
	const struct leave_group_response *r;
	int err;

	r = brain_ask(&b, leave_group_request_KEY, 5, &in, &err);
	if (!r)
		return err;
	assert_int_equal(r->members.n, times);
	for (int i = 1; i < times; i++)
		assert_int_equal(r->members.v[i].error_code, r->members.v[0].error_code);
	return r->members.v[0].error_code;
}

static void a_member_that_is_named_twice_leaves_once(void **state)
{
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_int_equal(join_classic("c", "t")->error_code, 0);
	assert_int_equal(join_classic("d", "t")->error_code, 0);
	b.refuse_appends = true;
	leave_classic("c", 2);
	assert_int_equal(brain_group(&b, "g")->n_members, 3);
	b.refuse_appends = false;
	assert_int_equal(leave_classic("c", 2), 0);
	assert_int_equal(brain_group(&b, "g")->n_members, 2);
	assert_int_equal(leave_classic("c", 1), ERR_UNKNOWN_MEMBER_ID);
	assert_int_equal(leave_classic("d", 1), 0);
	assert_int_equal(brain_group(&b, "g")->n_members, 1);
}

static void one_whose_leave_was_not_written_has_a_session(void **state)
{
	struct beat beat = staying("a", -1);
	int err;

	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	b.refuse_appends = true;
	brain_beat(&b, &beat, &err);
	b.refuse_appends = false;
	brain_pass(&b, 44999);
	assert_non_null(consumer_member(brain_group(&b, "g"), STR("a")));
	brain_pass(&b, 1);
	assert_null(consumer_member(brain_group(&b, "g"), STR("a")));
}

static void one_who_could_not_be_put_out_is_put_out_later(void **state)
{
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_int_equal(join_classic("c", "t")->error_code, 0);
	assert_int_equal(sync_classic("c", 3)->error_code, 0);
	b.refuse_appends = true;
	for (int i = 0; i < 12; i++) {
		brain_pass(&b, 5000);
		heartbeat_classic("c", 3);
	}
	assert_int_equal(brain_group(&b, "g")->n_members, 2);
	b.refuse_appends = false;
	for (int i = 0; i < 12; i++) {
		brain_pass(&b, 5000);
		heartbeat_classic("c", 3);
	}
	assert_string_equal(group_find(b.s, STR("g"))->kind->name, "classic");
}

/*
 * No decision leaves a target without a member, but a log written by another implementation may
 * contain one.
 */
static void a_group_with_an_orphan_target_can_be_deleted(void **state)
{
	const struct consumer_group_target_assignment_member_key key = {STR("g"), STR("ghost")};
	const struct consumer_group_target_assignment_member_value value = {0};
	const struct shard_position at = {.producer_id = -1, .producer_epoch = -1, .arena = &b.arena};
	struct delete_groups_request *in = arena_zalloc(&b.arena, sizeof(*in));
	struct str name = STR("g");
	const struct delete_groups_response *out;
	int err;

	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_beat(staying("a", -1), -1, "-");
	assert_int_equal(consumer_apply_target(b.s, &key, &value, &at), 0);
	assert_int_equal(brain_group(&b, "g")->n_targets, 1);
	in->groups_names.v = &name;
	in->groups_names.n = 1;
	out = brain_ask(&b, delete_groups_request_KEY, 2, in, &err);
	assert_int_equal(err, 0);
	assert_int_equal(out->results.v[0].error_code, 0);
	assert_null(brain_group(&b, "g"));
}

/* ---- as much as a request holds ---- */

enum { MANY = 200000, SORTS_AT_MOST = 100 };

/* Unsorted. */
static struct str *many_names(void)
{
	struct str *v = arena_array(&b.arena, MANY, sizeof(*v));

	for (int i = 0; i < MANY; i++)
		v[i] = arena_printf(&b.arena, "%06d", (int)((int64_t)i * 7919 % MANY));
	return v;
}

static int by_text(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/*
 * Compares the processor time with that of a few sorts of the same number of names: quadratic time
 * would be thousands of times as much.
 */
static void assert_quick(clock_t began)
{
	clock_t took = clock() - began, sorted;
	struct str *v = many_names();

	began = clock();
	qsort(v, MANY, sizeof(*v), by_text);
	sorted = clock() - began + CLOCKS_PER_SEC / 100;
	if (took > SORTS_AT_MOST * sorted)
		fail_msg("took %ld, a sort %ld", (long)took, (long)sorted);
}

static void a_member_may_name_very_many_topics(void **state)
{
	struct consumer_group_heartbeat_request *in = arena_zalloc(&b.arena, sizeof(*in));
	clock_t began;
	int err;

	brain_topic(&b, "000042", 1);
	in->group_id = STR("g");
	in->member_id = STR("a");
	in->rebalance_timeout_ms = 5000;
	in->subscribed_topic_names.v = many_names();
	in->subscribed_topic_names.n = MANY;
	began = clock();
	assert_string_equal(brain_assignment(&b, brain_ask(&b, consumer_group_heartbeat_request_KEY, 1, in, &err)),
			    "000042:0");
	assert_int_equal(err, 0);
	assert_beat(joining("b"), 3, "t:0,1,2,3,4,5");
	assert_beat(staying("a", -1), -1, "-");
	assert_quick(began);
	assert_int_equal(brain_group(&b, "g")->topics.n, 1);
}

static const struct assign_set *told(struct beat beat)
{
	int err;
	const struct consumer_group_heartbeat_response *r = brain_beat(&b, &beat, &err);

	assert_non_null(r);
	assert_non_null(r->assignment);
	return set_of(r);
}

static void members_may_have_very_many_partitions(void **state)
{
	struct beat a = joining("a"), c = joining("c"), gives = staying("a", 2);
	clock_t began;

	brain_topic(&b, "many", MANY);
	a.topics = c.topics = "many";
	began = clock();
	assert_int_equal(assign_set_partitions(told(a)), MANY);
	assert_int_equal(assign_set_partitions(told(c)), 0);
	gives.owned = told(staying("a", 2));
	assert_int_equal(assign_set_partitions(gives.owned), MANY / 2);
	gives.full = true;
	assert_beat(gives, 3, "-");
	assert_int_equal(assign_set_partitions(told(staying("c", 3))), MANY / 2);
	assert_quick(began);
}

static void a_classic_member_may_offer_very_many_protocols(void **state)
{
	struct join_group_request *in = arena_zalloc(&b.arena, sizeof(*in));
	struct str *names = many_names();
	clock_t began = clock();

	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	in->group_id = STR("g");
	in->session_timeout_ms = in->rebalance_timeout_ms = 10000;
	in->protocol_type = STR("consumer");
	in->protocols.v = arena_array(&b.arena, MANY, sizeof(*in->protocols.v));
	in->protocols.n = MANY;
	for (int i = 0; i < MANY; i++) {
		in->protocols.v[i].name = names[i];
		in->protocols.v[i].metadata = (struct bytes){(const uint8_t *)"\0\0\0\0\0\1\0\1t\xff\xff\xff\xff", 13};
	}
	in->member_id = STR("c");
	assert_int_equal(
		((struct join_group_response *)brain_send(&b, join_group_request_KEY, 7, in)->c.out)->error_code, 0);
	/* One more, with nothing in common. */
	for (int i = 0; i < MANY; i++)
		in->protocols.v[i].name = arena_printf(&b.arena, "x%.*s", STR_ARG(names[i]));
	in->member_id = STR("d");
	assert_int_equal(
		((struct join_group_response *)brain_send(&b, join_group_request_KEY, 7, in)->c.out)->error_code,
		ERR_INCONSISTENT_GROUP_PROTOCOL);
	assert_beat(staying("a", -1), -1, "-");
	assert_string_equal(group_find(b.s, STR("g"))->kind->name, "classic");
	assert_quick(began);
}

static void migration_is_a_matter_of_policy(void **state)
{
	brain_fini(&b);
	brain_init(&b, AT_ONCE "group.consumer.migration.policy=disabled\n");
	brain_topic(&b, "t", 6);
	assert_beat(joining("a"), 2, "t:0,1,2,3,4,5");
	assert_int_equal(join_classic("c", "t")->error_code, ERR_INCONSISTENT_GROUP_PROTOCOL);
	assert_int_equal(brain_group(&b, "g")->n_members, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_member_gets_everything),
		TEST(the_records_of_a_join_are_kafkas),
		TEST(a_second_member_waits_for_what_the_first_gives_back),
		TEST(one_who_does_not_give_back_is_out_when_its_rebalance_timeout_has_passed),
		TEST(a_silent_member_is_out_when_its_session_has_passed),
		TEST(a_groups_own_session_timeout_is_kept_within_the_brokers_bounds),
		TEST(a_leaving_member_takes_its_records_with_it),
		TEST(epochs_that_are_not_the_members_are_fenced),
		TEST(a_group_that_is_not_there_is_not_found),
		TEST(a_static_member_comes_back_to_its_partitions),
		TEST(a_static_member_that_comes_back_under_its_id_has_a_session),
		TEST(a_topic_that_grows_is_assigned_with_the_next_heartbeat),
		TEST(a_pattern_finds_topics_also_later_ones),
		TEST(a_pattern_finds_nothing_that_its_member_may_not_describe),
		TEST(a_pattern_that_is_none_is_refused),
		TEST(assignments_wait_for_the_interval),
		TEST(what_was_not_written_has_not_happened),
		TEST(describing_tells_of_members_and_targets),
		TEST(members_choose_the_assignor),
		TEST(a_classic_member_joins_a_consumer_group_and_is_asked_to_join_again),
		TEST(a_classic_member_that_does_not_sync_is_out),
		TEST(a_classic_member_of_version_0_has_its_session_to_sync_in),
		TEST(the_group_is_classic_when_the_last_of_the_new_protocol_has_left),
		TEST(a_member_that_is_named_twice_leaves_once),
		TEST(one_whose_leave_was_not_written_has_a_session),
		TEST(one_who_could_not_be_put_out_is_put_out_later),
		TEST(a_member_may_name_very_many_topics),
		TEST(members_may_have_very_many_partitions),
		TEST(a_classic_member_may_offer_very_many_protocols),
		TEST(migration_is_a_matter_of_policy),
		TEST(a_group_with_an_orphan_target_can_be_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
