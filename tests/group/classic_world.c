/* classic_world: drives members of one classic group by hand, over a brain. */
#include <string.h>

#include "tests/group/classic_world.h"

#include "base/err.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/sync_group.h"
#include "wire/codec.h"

#define SETTINGS                                                                                                       \
	MINIMAL "group.initial.rebalance.delay.ms=3000\ngroup.max.size=3\noffsets.retention.minutes=60\n"              \
		"offsets.retention.check.interval.ms=600000\n"

struct brain b;

int begin(void **state)
{
	(void)state;
	brain_init(&b, SETTINGS);
	brain_topic(&b, "t", 6);
	return 0;
}

int end(void **state)
{
	(void)state;
	brain_fini(&b);
	return 0;
}

/* ---- members ---- */

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

struct brain_call *join(struct member *m)
{
	return brain_send(&b, join_group_request_KEY, version_of(m), join_of(m));
}

int join_error(const struct brain_call *c)
{
	const struct join_group_response *out = c->c.out;

	assert_true(c->answered);
	return c->c.err ? c->c.err : out->error_code;
}

void take_join(struct member *m, const struct brain_call *c)
{
	const struct join_group_response *out = c->c.out;

	assert_int_equal(join_error(c), 0);
	m->id = out->member_id;
	m->generation = out->generation_id;
}

struct brain_call *enter(struct member *m)
{
	struct brain_call *c = join(m);

	if (m->instance || version_of(m) < 4)
		return c;
	assert_int_equal(join_error(c), ERR_MEMBER_ID_REQUIRED);
	m->id = ((struct join_group_response *)c->c.out)->member_id;
	return join(m);
}

struct brain_call *send_sync(const struct member *m, const struct member *const *all)
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

int sync_error(const struct brain_call *c)
{
	assert_true(c->answered);
	return c->c.err ? c->c.err : ((struct sync_group_response *)c->c.out)->error_code;
}

void assert_assigned(const struct brain_call *c, const struct member *m)
{
	const struct sync_group_response *out = c->c.out;

	assert_int_equal(sync_error(c), 0);
	assert_true(str_eq((struct str){(const char *)out->assignment.p, out->assignment.len}, m->id));
}

int beat(const struct member *m)
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

int leave(struct str id, const char *instance)
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

const char *state(void)
{
	struct group *g = group_find(b.s, STR("g"));

	return g ? g->kind->state(g) : "-";
}

struct classic_group *group(void)
{
	return classic_of(group_find(b.s, STR("g")));
}

void settle_one(struct member *m)
{
	struct brain_call *c = enter(m);

	if (!c->answered)
		brain_pass(&b, 3000);
	take_join(m, c);
	assert_assigned(send_sync(m, (const struct member *const[]){m, NULL}), m);
	assert_string_equal(state(), "Stable");
}

void settle_two(struct member *m, struct member *n)
{
	struct brain_call *c, *d;

	settle_one(m);
	d = enter(n);
	assert_int_equal(beat(m), ERR_REBALANCE_IN_PROGRESS);
	c = join(m);
	take_join(m, c);
	take_join(n, d);
	d = send_sync(n, NULL);
	assert_false(d->answered);
	assert_assigned(send_sync(m, (const struct member *const[]){m, n, NULL}), m);
	assert_assigned(d, n);
}

/* ---- what they commit ---- */

struct offset_commit_request *commit_of(const struct member *m, int32_t partition, int64_t offset, const char *note)
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

int send_commit(const struct offset_commit_request *in, int16_t version)
{
	int err;
	const struct offset_commit_response *out = brain_ask(&b, offset_commit_request_KEY, version, in, &err);

	return err ? err : out->topics.v[0].partitions.v[0].error_code;
}

int commit(const struct member *m, int32_t partition, int64_t offset)
{
	return send_commit(commit_of(m, partition, offset, "note"), 9);
}
