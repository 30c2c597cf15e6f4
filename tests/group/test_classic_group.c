/*
 * A classic group and its offsets: what members are told, what is written, and what time brings; Kafka 4.4's own behaviour
 * (GroupMetadataManager, OffsetMetadataManager) as facts.
 */
#include <stdio.h>
#include <string.h>

#include "tests/base/cm.h"
#include "tests/group/brain.h"

#include "base/err.h"
#include "group/classic.h"
#include "group/offsets.h"
#include "protocol/delete_groups.h"
#include "protocol/describe_groups.h"
#include "protocol/group_records.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/list_groups.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_delete.h"
#include "protocol/offset_fetch.h"
#include "protocol/sync_group.h"
#include "protocol/txn_offset_commit.h"
#include "wire/codec.h"

#define MINIMAL                                                                                                        \
	"process.roles=broker,controller\nnode.id=0\ncontroller.quorum.voters=0@localhost:9093\n"                      \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n"
#define SETTINGS                                                                                                       \
	MINIMAL "group.initial.rebalance.delay.ms=3000\ngroup.max.size=3\noffsets.retention.minutes=60\n"              \
		"offsets.retention.check.interval.ms=600000\n"
#define SESSION_MS 10000
#define REBALANCE_MS 60000

static struct brain b;

static int begin(void **state)
{
	(void)state;
	brain_init(&b, SETTINGS);
	brain_topic(&b, "t", 6);
	return 0;
}

static int end(void **state)
{
	(void)state;
	brain_fini(&b);
	return 0;
}

/* ---- members ---- */

struct member {
	struct str id;
	const char *instance;
	int32_t generation;
	int16_t version;       /* of JoinGroup; 0 stands for 4 */
	const char *protocols; /* "range sticky"; NULL: range */
	int32_t session_ms;
	bool no_rebalance_ms; /* its rebalance timeout is 0 */
};

static const struct join_group_request *join_of(const struct member *m)
{
	struct join_group_request *in = arena_zalloc(&b.arena, sizeof(*in));
	const char *text = m->protocols ? m->protocols : "range";

	codec_init(&join_group_request_schema, in);
	in->group_id = STR("g");
	in->session_timeout_ms = m->session_ms ? m->session_ms : SESSION_MS;
	in->rebalance_timeout_ms = m->no_rebalance_ms ? 0 : REBALANCE_MS;
	in->member_id = str_is_null(m->id) ? STR("") : m->id;
	in->group_instance_id = str_of(m->instance);
	in->protocol_type = STR("consumer");
	in->protocols.v = arena_array(&b.arena, 4, sizeof(*in->protocols.v));
	while (*text) {
		size_t len = strcspn(text, " ");

		in->protocols.v[in->protocols.n].name = (struct str){text, (int32_t)len};
		in->protocols.v[in->protocols.n++].metadata =
			(struct bytes){(const uint8_t *)"\0\0\0\0\0\1\0\1t\xff\xff\xff\xff", 13};
		text += len + (text[len] == ' ');
	}
	return in;
}

static int16_t version_of(const struct member *m)
{
	return m->version ? m->version : 4;
}

static struct brain_call *join(struct member *m)
{
	return brain_send(&b, join_group_request_KEY, version_of(m), join_of(m));
}

static int join_error(const struct brain_call *c)
{
	const struct join_group_response *out = c->c.out;

	assert_true(c->answered);
	return c->c.err ? c->c.err : out->error_code;
}

static void take_join(struct member *m, const struct brain_call *c)
{
	const struct join_group_response *out = c->c.out;

	assert_int_equal(join_error(c), 0);
	m->id = out->member_id;
	m->generation = out->generation_id;
}

/* Into the group, with the id that is given first; the JoinGroup that waits. */
static struct brain_call *enter(struct member *m)
{
	struct brain_call *c = join(m);

	if (m->instance || version_of(m) < 4)
		return c;
	assert_int_equal(join_error(c), ERR_MEMBER_ID_REQUIRED);
	m->id = ((struct join_group_response *)c->c.out)->member_id;
	return join(m);
}

static struct brain_call *sync(const struct member *m, const struct member *const *all)
{
	struct sync_group_request *in = arena_zalloc(&b.arena, sizeof(*in));

	codec_init(&sync_group_request_schema, in);
	in->group_id = STR("g");
	in->generation_id = m->generation;
	in->member_id = m->id;
	in->group_instance_id = str_of(m->instance);
	in->assignments.v = arena_array(&b.arena, 8, sizeof(*in->assignments.v));
	for (; all && *all; all++) {
		in->assignments.v[in->assignments.n].member_id = (*all)->id;
		in->assignments.v[in->assignments.n++].assignment =
			(struct bytes){(const uint8_t *)(*all)->id.p, (*all)->id.len};
	}
	return brain_send(&b, sync_group_request_KEY, 4, in);
}

static int sync_error(const struct brain_call *c)
{
	assert_true(c->answered);
	return c->c.err ? c->c.err : ((struct sync_group_response *)c->c.out)->error_code;
}

/* Its own id was assigned to it by these tests. */
static void assert_assigned(const struct brain_call *c, const struct member *m)
{
	const struct sync_group_response *out = c->c.out;

	assert_int_equal(sync_error(c), 0);
	assert_true(str_eq((struct str){(const char *)out->assignment.p, out->assignment.len}, m->id));
}

static int beat(const struct member *m)
{
	struct heartbeat_request *in = arena_zalloc(&b.arena, sizeof(*in));
	const struct heartbeat_response *out;
	int err;

	in->group_id = STR("g");
	in->generation_id = m->generation;
	in->member_id = m->id;
	in->group_instance_id = str_of(m->instance);
	out = brain_ask(&b, heartbeat_request_KEY, 4, in, &err);
	return err ? err : out->error_code;
}

static int leave(struct str id, const char *instance)
{
	struct leave_group_request *in = arena_zalloc(&b.arena, sizeof(*in));
	const struct leave_group_response *out;
	int err;

	in->group_id = STR("g");
	in->members.v = arena_array(&b.arena, 1, sizeof(*in->members.v));
	in->members.n = 1;
	in->members.v[0].member_id = id;
	in->members.v[0].group_instance_id = str_of(instance);
	out = brain_ask(&b, leave_group_request_KEY, 5, in, &err);
	return err ? err : out->error_code ? out->error_code : out->members.v[0].error_code;
}

static const char *state(void)
{
	struct group *g = group_find(b.s, STR("g"));

	return g ? g->kind->state(g) : "-";
}

static struct classic_group *group(void)
{
	return classic_of(group_find(b.s, STR("g")));
}

/* One member, stable. */
static void settle_one(struct member *m)
{
	struct brain_call *c = enter(m);

	if (!c->answered)
		brain_pass(&b, 3000);
	take_join(m, c);
	assert_assigned(sync(m, (const struct member *const[]){m, NULL}), m);
	assert_string_equal(state(), "Stable");
}

/* A second one joins a stable group of one; both are stable. */
static void settle_two(struct member *m, struct member *n)
{
	struct brain_call *c, *d;

	settle_one(m);
	d = enter(n);
	assert_int_equal(beat(m), ERR_REBALANCE_IN_PROGRESS);
	c = join(m);
	take_join(m, c);
	take_join(n, d);
	d = sync(n, NULL);
	assert_false(d->answered);
	assert_assigned(sync(m, (const struct member *const[]){m, n, NULL}), m);
	assert_assigned(d, n);
}

/* ---- joining ---- */

static void a_first_member_is_given_an_id_and_waits_for_others(void **state_)
{
	struct member m = {0}, n = {0};
	struct brain_call *c, *d;

	(void)state_;
	c = enter(&m);
	assert_string_equal(state(), "PreparingRebalance");
	brain_pass(&b, 2000);
	d = enter(&n); /* comes within the delay: another one begins when it is over */
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

/* What has been a group before is in no more of a hurry than a new one. */
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
	assert_int_equal(sync_error(sync(&m, NULL)), ERR_UNKNOWN_MEMBER_ID);
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
	c = join(&m); /* the leader wants a rebalance by it */
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
	e = sync(&m, (const struct member *const[]){&m, &n, NULL});
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
	d = sync(&n, NULL);
	assert_assigned(sync(&m, (const struct member *const[]){&m, NULL}), &m);
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
	assert_int_equal(sync_error(sync(&m, NULL)), ERR_ILLEGAL_GENERATION);
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
	assert_int_equal(sync_error(sync(&m, (const struct member *const[]){&m, NULL})), ERR_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(b.n_log, before);
	assert_string_equal(state(), "PreparingRebalance");
	b.refuse_appends = false;
	c = join(&m);
	take_join(&m, c);
	assert_int_equal(m.generation, 2);
	assert_assigned(sync(&m, (const struct member *const[]){&m, NULL}), &m);
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
	assert_assigned(sync(&n, NULL), &n);
	brain_pass(&b, SESSION_MS); /* sessions have begun anew */
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
	assert_int_equal(sync_error(sync(&m, NULL)), ERR_FENCED_INSTANCE_ID);
	assert_true(str_eq((struct str){(const char *)group()->leader, (int32_t)strlen(group()->leader)}, n.id));
	assert_assigned(sync(&n, NULL), &m);
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

/* Its JoinGroup was answered by the next generation, which its new protocols made: they stand, whatever came of the write. */
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
	assert_assigned(sync(&n, all), &n);
	assert_assigned(sync(&o, NULL), &o);
	assert_string_equal(state(), "Stable");
	brain_reload(&b, true);
	assert_int_equal(beat(&n), 0);
	assert_int_equal(beat(&o), 0);
}

/* The time does not stand still for the others of the shard. */
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

/* ---- offsets ---- */

static const struct offset_commit_request *commit_of(const struct member *m, int32_t partition, int64_t offset,
						     const char *note)
{
	struct offset_commit_request *in = arena_zalloc(&b.arena, sizeof(*in));

	codec_init(&offset_commit_request_schema, in);
	in->group_id = STR("g");
	in->generation_id_or_member_epoch = m ? m->generation : -1;
	in->member_id = m ? m->id : STR("");
	in->group_instance_id = m ? str_of(m->instance) : STR_NULL;
	in->topics.n = 1;
	in->topics.v = arena_zalloc(&b.arena, sizeof(*in->topics.v));
	in->topics.v[0].name = STR("t");
	in->topics.v[0].topic_id = image_topic_by_name(b.image, STR("t"))->id;
	in->topics.v[0].partitions.n = 1;
	in->topics.v[0].partitions.v = arena_zalloc(&b.arena, sizeof(*in->topics.v[0].partitions.v));
	in->topics.v[0].partitions.v[0].partition_index = partition;
	in->topics.v[0].partitions.v[0].committed_offset = offset;
	in->topics.v[0].partitions.v[0].committed_leader_epoch = -1;
	in->topics.v[0].partitions.v[0].committed_metadata = str_of(note);
	return in;
}

static int send_commit(const struct offset_commit_request *in, int16_t version)
{
	int err;
	const struct offset_commit_response *out = brain_ask(&b, offset_commit_request_KEY, version, in, &err);

	return err ? err : out->topics.v[0].partitions.v[0].error_code;
}

static int commit(const struct member *m, int32_t partition, int64_t offset)
{
	return send_commit(commit_of(m, partition, offset, "note"), 9);
}

static const struct offset_fetch_response_group_partition *fetch_error(int32_t partition, bool stable)
{
	struct offset_fetch_request *in = arena_zalloc(&b.arena, sizeof(*in));
	const struct offset_fetch_response *out;
	int err;

	in->require_stable = stable;
	in->groups.n = 1;
	in->groups.v = arena_zalloc(&b.arena, sizeof(*in->groups.v));
	in->groups.v[0].group_id = STR("g");
	in->groups.v[0].member_epoch = -1;
	in->groups.v[0].topics.n = 1;
	in->groups.v[0].topics.v = arena_zalloc(&b.arena, sizeof(*in->groups.v[0].topics.v));
	in->groups.v[0].topics.v[0].name = STR("t");
	in->groups.v[0].topics.v[0].partition_indexes.n = 1;
	in->groups.v[0].topics.v[0].partition_indexes.v = arena_zalloc(&b.arena, sizeof(int32_t));
	in->groups.v[0].topics.v[0].partition_indexes.v[0] = partition;
	out = brain_ask(&b, offset_fetch_request_KEY, 9, in, &err);
	assert_int_equal(err, 0);
	assert_int_equal(out->groups.v[0].error_code, 0);
	return &out->groups.v[0].topics.v[0].partitions.v[0];
}

static int64_t fetch(int32_t partition)
{
	const struct offset_fetch_response_group_partition *p = fetch_error(partition, false);

	assert_int_equal(p->error_code, 0);
	return p->committed_offset;
}

static void offsets_are_committed_without_a_group(void **state_)
{
	const struct offset_fetch_response_group_partition *p;

	(void)state_;
	assert_int_equal(commit(NULL, 0, 42), 0);
	assert_int_equal(shard_record_number(b.log[0].key), 1);
	assert_int_equal(shard_record_number(b.log[0].value), 4);
	assert_int_equal(fetch(0), 42);
	assert_int_equal(fetch(1), -1);
	p = fetch_error(0, true);
	assert_true(str_is(p->metadata, "note"));
	assert_int_equal(p->committed_leader_epoch, -1);
	assert_string_equal(state(), "Empty");
	brain_reload(&b, true);
	assert_int_equal(fetch(0), 42);
	assert_string_equal(state(), "Empty");
}

static void an_offset_keeps_the_epoch_it_was_committed_with(void **state_)
{
	const struct offset_commit_request *in = commit_of(NULL, 0, 42, "note");

	(void)state_;
	in->topics.v[0].partitions.v[0].committed_leader_epoch = 7;
	assert_int_equal(send_commit(in, 9), 0);
	assert_int_equal(fetch_error(0, true)->committed_leader_epoch, 7);
	assert_int_equal(fetch_error(1, true)->committed_leader_epoch, -1);
	brain_reload(&b, true);
	assert_int_equal(fetch_error(0, true)->committed_leader_epoch, 7);
}

static void who_commits_to_a_group_has_to_be_in_it(void **state_)
{
	struct member m = {0}, stranger = {.id = STR("x"), .generation = 1}, n = {0};
	struct brain_call *c;

	(void)state_;
	stranger.generation = 5;
	assert_int_equal(send_commit(commit_of(&stranger, 0, 1, ""), 8), ERR_ILLEGAL_GENERATION);
	assert_int_equal(send_commit(commit_of(&stranger, 0, 1, ""), 9), ERR_GROUP_ID_NOT_FOUND);
	c = enter(&m);
	brain_pass(&b, 3000);
	take_join(&m, c);
	assert_int_equal(commit(&m, 0, 1), ERR_REBALANCE_IN_PROGRESS);
	assert_assigned(sync(&m, (const struct member *const[]){&m, NULL}), &m);
	assert_int_equal(commit(&m, 0, 1), 0);
	assert_int_equal(commit(NULL, 0, 2), ERR_UNKNOWN_MEMBER_ID);
	assert_int_equal(commit(&stranger, 0, 2), ERR_UNKNOWN_MEMBER_ID);
	m.generation++;
	assert_int_equal(commit(&m, 0, 2), ERR_ILLEGAL_GENERATION);
	m.generation--;
	enter(&n);
	assert_string_equal(state(), "PreparingRebalance");
	assert_int_equal(commit(&m, 0, 3), 0); /* what it has read it may still say */
	assert_int_equal(fetch(0), 3);
}

static void committing_keeps_a_session(void **state_)
{
	struct member m = {0};

	(void)state_;
	settle_one(&m);
	for (int i = 0; i < 5; i++) {
		brain_pass(&b, SESSION_MS - 1);
		assert_int_equal(commit(&m, 0, i), 0);
	}
	assert_int_equal(beat(&m), 0);
}

static void a_note_may_be_so_long(void **state_)
{
	static char note[4098];

	(void)state_;
	memset(note, 'x', sizeof(note) - 1);
	assert_int_equal(send_commit(commit_of(NULL, 0, 1, note), 9), ERR_OFFSET_METADATA_TOO_LARGE);
	assert_int_equal(b.n_log, 0);
	note[4096] = 0;
	assert_int_equal(send_commit(commit_of(NULL, 0, 1, note), 9), 0);
}

static void a_refused_commit_changes_nothing(void **state_)
{
	(void)state_;
	assert_int_equal(commit(NULL, 0, 1), 0);
	b.refuse_appends = true;
	assert_int_equal(commit(NULL, 0, 2), ERR_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(commit(NULL, 1, 2), ERR_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(fetch(0), 1);
	assert_int_equal(fetch(1), -1);
}

/* What is in the log but not committed yet is not shown; who asks for stable offsets waits for it. */
static void an_offset_keeps_its_old_value_until_the_new_one_is_committed(void **state_)
{
	struct shard_record r;
	struct shard_position at = {.offset = 2, .producer_id = -1, .arena = &b.arena};

	(void)state_;
	assert_int_equal(commit(NULL, 0, 1), 0);
	assert_int_equal(commit(NULL, 0, 2), 0);
	r = (struct shard_record){b.log[0].key, b.log[0].value}; /* offset 1 again, later */
	assert_int_equal(group_shard_type.apply(b.s, &r, &at), 0);
	b.s->committed = 2;
	{
		const struct offset_entry *e = offsets_entry(offsets_of(b.s, STR("g")), STR("t"), 0);

		assert_int_equal(e->now->offset, 1);
		assert_int_equal(e->committed->offset, 2);
		group_shard_type.committed(b.s, 3);
		assert_int_equal(e->committed->offset, 1);
	}
}

static struct offset_commit_value decode_value(int i)
{
	struct offset_commit_value value;

	assert_int_equal(shard_record_decode(&offset_commit_value_schema, shard_record_number(b.log[i].value),
					     b.log[i].value, &b.arena, &value),
			 0);
	return value;
}

static void a_retention_is_written_in_the_version_that_has_room_for_it(void **state_)
{
	struct offset_commit_request *in = (struct offset_commit_request *)commit_of(NULL, 0, 7, NULL);

	(void)state_;
	in->retention_time_ms = 1000;
	assert_int_equal(send_commit(in, 4), 0);
	assert_int_equal(shard_record_number(b.log[0].value), 1);
	assert_int_equal(decode_value(0).expire_timestamp, b.now_ms + 1000);
	in->retention_time_ms = INT64_MAX;
	assert_int_equal(send_commit(in, 4), 0);
	brain_pass(&b, 600000);
	assert_int_equal(fetch(0), 7);
}

static void offsets_expire_when_their_group_has_been_empty_for_long(void **state_)
{
	struct member m = {.session_ms = 20000000};

	(void)state_;
	brain_reload(&b, false); /* expiry is looked at from now on */
	settle_one(&m);
	assert_int_equal(commit(&m, 0, 1), 0);
	brain_pass(&b, 2 * 3600000); /* the member is subscribed */
	assert_int_equal(fetch(0), 1);
	assert_int_equal(leave(m.id, NULL), 0);
	brain_pass(&b, 3600000 - 600000);
	assert_int_equal(fetch(0), 1);
	brain_pass(&b, 2 * 600000);
	assert_int_equal(fetch(0), -1);
	assert_string_equal(state(), "-");
	brain_reload(&b, true);
	assert_string_equal(state(), "-");
}

static void offsets_of_a_deleted_topic_go(void **state_)
{
	(void)state_;
	assert_int_equal(commit(NULL, 0, 1), 0);
	assert_int_equal(commit(NULL, 5, 2), 0);
	brain_remove_topic(&b, "t");
	assert_int_equal(b.n_log, 4);
	assert_null(b.log[2].value.p);
	assert_int_equal(fetch(0), -1);
	assert_int_equal(fetch(5), -1);
}

static int delete_offset(int32_t partition)
{
	struct offset_delete_request *in = arena_zalloc(&b.arena, sizeof(*in));
	const struct offset_delete_response *out;
	int err;

	in->group_id = STR("g");
	in->topics.n = 1;
	in->topics.v = arena_zalloc(&b.arena, sizeof(*in->topics.v));
	in->topics.v[0].name = STR("t");
	in->topics.v[0].partitions.n = 1;
	in->topics.v[0].partitions.v = arena_zalloc(&b.arena, sizeof(*in->topics.v[0].partitions.v));
	in->topics.v[0].partitions.v[0].partition_index = partition;
	out = brain_ask(&b, offset_delete_request_KEY, 0, in, &err);
	return err ? err : out->topics.v[0].partitions.v[0].error_code;
}

static int delete_group(const char *id)
{
	struct delete_groups_request *in = arena_zalloc(&b.arena, sizeof(*in));
	struct str *name = arena_zalloc(&b.arena, sizeof(*name));
	const struct delete_groups_response *out;
	int err;

	*name = str_of(id);
	in->groups_names.v = name;
	in->groups_names.n = 1;
	out = brain_ask(&b, delete_groups_request_KEY, 2, in, &err);
	return err ? err : out->results.v[0].error_code;
}

static void offsets_are_deleted_where_nobody_is_subscribed(void **state_)
{
	struct member m = {0};
	int before;

	(void)state_;
	assert_int_equal(delete_offset(0), ERR_GROUP_ID_NOT_FOUND);
	settle_one(&m);
	assert_int_equal(commit(&m, 0, 1), 0);
	assert_int_equal(delete_offset(0), ERR_GROUP_SUBSCRIBED_TO_TOPIC);
	assert_int_equal(leave(m.id, NULL), 0);
	assert_int_equal(delete_offset(0), 0);
	assert_int_equal(fetch(0), -1);
	before = b.n_log;
	assert_int_equal(delete_offset(0), 0);
	assert_int_equal(b.n_log, before);
}

static void a_group_is_deleted_with_its_offsets_when_it_is_empty(void **state_)
{
	struct member m = {0};
	int before;

	(void)state_;
	assert_int_equal(delete_group("g"), ERR_GROUP_ID_NOT_FOUND);
	settle_one(&m);
	assert_int_equal(commit(&m, 0, 1), 0);
	assert_int_equal(delete_group("g"), ERR_NON_EMPTY_GROUP);
	assert_int_equal(leave(m.id, NULL), 0);
	before = b.n_log;
	assert_int_equal(delete_group("g"), 0);
	assert_int_equal(b.n_log, before + 2); /* the offset's tombstone, then the group's */
	assert_int_equal(shard_record_number(b.log[before].key), 1);
	assert_int_equal(shard_record_number(b.log[before + 1].key), 2);
	assert_string_equal(state(), "-");
	assert_int_equal(fetch(0), -1);
}

/* ---- offsets in transactions ---- */

static void commit_in_transaction(int64_t producer_id, int32_t partition, int64_t offset, int64_t record_offset)
{
	struct offset_commit_key key = {STR("g"), STR("t"), partition};
	struct offset_commit_value value = {
		.offset = offset, .leader_epoch = -1, .metadata = STR(""), .expire_timestamp = -1};
	struct shard_position at = {.offset = record_offset, .producer_id = producer_id, .arena = &b.arena};

	assert_int_equal(offsets_apply(b.s, &key, &value, &at), 0);
}

static void end_transaction(int64_t producer_id, bool committed, int64_t record_offset)
{
	struct shard_position at = {.offset = record_offset, .producer_id = producer_id, .arena = &b.arena};

	assert_int_equal(group_shard_type.end_transaction(b.s, producer_id, 0, committed, &at), 0);
	group_shard_type.committed(b.s, record_offset + 1);
}

static void offsets_of_an_open_transaction_are_pending(void **state_)
{
	(void)state_;
	assert_int_equal(commit(NULL, 0, 1), 0);
	commit_in_transaction(9, 0, 5, 1);
	assert_int_equal(fetch(0), 1);
	assert_int_equal(fetch_error(0, true)->error_code, ERR_UNSTABLE_OFFSET_COMMIT);
	assert_int_equal(fetch_error(0, true)->committed_offset, -1);
	end_transaction(9, true, 2);
	assert_int_equal(fetch(0), 5);
	assert_int_equal(fetch_error(0, true)->error_code, 0);
	commit_in_transaction(9, 0, 6, 3);
	commit_in_transaction(8, 0, 7, 4);
	end_transaction(9, false, 5);
	assert_int_equal(fetch_error(0, true)->error_code, ERR_UNSTABLE_OFFSET_COMMIT);
	end_transaction(8, true, 6);
	assert_int_equal(fetch(0), 7);
	end_transaction(8, true, 7); /* a marker of nothing */
	assert_int_equal(fetch(0), 7);
}

static void the_later_write_stands_when_a_transaction_ends(void **state_)
{
	(void)state_;
	commit_in_transaction(9, 0, 5, 0);
	b.n_log = 0;
	group_shard_type.committed(b.s, 1);
	{
		struct offset_commit_key key = {STR("g"), STR("t"), 0};
		struct offset_commit_value value = {
			.offset = 6, .leader_epoch = -1, .metadata = STR(""), .expire_timestamp = -1};
		struct shard_position at = {.offset = 1, .producer_id = -1, .arena = &b.arena};

		assert_int_equal(offsets_apply(b.s, &key, &value, &at), 0);
	}
	end_transaction(9, true, 2);
	assert_int_equal(fetch(0), 6);
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
	in.types_filter.v = &words[2];
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
	assert_int_equal(shard_partition_of(STR("polygenelubricants"), 50),
			 0); /* its hash is the smallest int there is */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

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
		TEST(offsets_are_committed_without_a_group),
		TEST(an_offset_keeps_the_epoch_it_was_committed_with),
		TEST(who_commits_to_a_group_has_to_be_in_it),
		TEST(committing_keeps_a_session),
		TEST(a_note_may_be_so_long),
		TEST(a_refused_commit_changes_nothing),
		TEST(an_offset_keeps_its_old_value_until_the_new_one_is_committed),
		TEST(a_retention_is_written_in_the_version_that_has_room_for_it),
		TEST(offsets_expire_when_their_group_has_been_empty_for_long),
		TEST(offsets_of_a_deleted_topic_go),
		TEST(offsets_are_deleted_where_nobody_is_subscribed),
		TEST(a_group_is_deleted_with_its_offsets_when_it_is_empty),
		TEST(offsets_of_an_open_transaction_are_pending),
		TEST(the_later_write_stands_when_a_transaction_ends),
		TEST(groups_are_listed_by_state_and_type),
		TEST(a_group_is_described_with_its_members),
		TEST(a_group_s_partition_is_java_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
