#include "tests/fuzz/speakers.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "protocol/consumer_group_describe.h"
#include "protocol/consumer_group_heartbeat.h"
#include "protocol/consumer_protocol.h"
#include "protocol/delete_groups.h"
#include "protocol/describe_groups.h"
#include "protocol/find_coordinator.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/leave_group.h"
#include "protocol/list_groups.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_delete.h"
#include "protocol/offset_fetch.h"
#include "protocol/sync_group.h"
#include "wire/codec.h"

enum { SESSION_MS = 6000, REBALANCE_MS = 10000 };

struct speech {
	struct speaker *s;
	struct str group;
	struct str instance; /* null: not a static member */
	bool old;
	int32_t epoch;
	int number; /* 0..15 */
};

static void forget_answer(void *arg, int err, const void *answer)
{
	(void)arg;
	(void)err;
	(void)answer;
}

#define SAY(speech, version, api, request, done)                                                                       \
	client_call(&(speech)->s->client, version, &api##_request_schema, request, &api##_response_schema, done,       \
		    (speech)->s)

/* ---- any group ---- */

static void find(const struct speech *p)
{
	struct find_coordinator_request in;
	struct str key = p->group;

	codec_init(&find_coordinator_request_schema, &in);
	in.coordinator_keys.v = &key;
	in.coordinator_keys.n = 1;
	SAY(p, 4, find_coordinator, &in, forget_answer);
}

static void list(const struct speech *p)
{
	struct list_groups_request in;

	codec_init(&list_groups_request_schema, &in);
	SAY(p, p->old ? 2 : 5, list_groups, &in, forget_answer);
}

static void delete (const struct speech *p)
{
	struct delete_groups_request in;
	struct str group = p->group;

	codec_init(&delete_groups_request_schema, &in);
	in.groups_names.v = &group;
	in.groups_names.n = 1;
	SAY(p, 2, delete_groups, &in, forget_answer);
}

/* ---- offsets ---- */

static void commit(const struct speech *p)
{
	struct offset_commit_request_partition part;
	struct offset_commit_request_topic topic;
	struct offset_commit_request in;

	codec_init(&offset_commit_request_schema, &in);
	codec_init(&offset_commit_request_topic_schema, &topic);
	codec_init(&offset_commit_request_partition_schema, &part);
	part.partition_index = p->number & 1;
	part.committed_offset = p->number;
	part.committed_metadata = STR("note");
	topic.name = STR("t");
	topic.partitions.v = &part;
	topic.partitions.n = 1;
	in.group_id = p->group;
	in.member_id = str_of(p->s->id);
	in.generation_id_or_member_epoch = p->s->id[0] ? p->epoch : -1;
	in.topics.v = &topic;
	in.topics.n = 1;
	if (!p->old)
		in.group_instance_id = p->instance;
	SAY(p, p->old ? 2 : 9, offset_commit, &in, forget_answer);
}

static void fetch(const struct speech *p)
{
	struct offset_fetch_request_group_topic topic;
	struct offset_fetch_request_group group;
	struct offset_fetch_request in;
	int32_t partitions[2] = {0, 1};

	codec_init(&offset_fetch_request_schema, &in);
	codec_init(&offset_fetch_request_group_schema, &group);
	codec_init(&offset_fetch_request_group_topic_schema, &topic);
	topic.name = STR("t");
	topic.partition_indexes.v = partitions;
	topic.partition_indexes.n = 2;
	group.group_id = p->group;
	group.member_id = str_of(p->s->id);
	group.member_epoch = p->epoch;
	group.topics.v = &topic;
	group.topics.n = p->number & 1 ? -1 : 1; /* null: all */
	in.groups.v = &group;
	in.groups.n = 1;
	in.require_stable = p->number & 2;
	SAY(p, p->old ? 8 : 9, offset_fetch, &in, forget_answer);
}

static void delete_offset(const struct speech *p)
{
	struct offset_delete_request_partition part = {p->number & 1};
	struct offset_delete_request_topic topic = {.name = STR("t"), .partitions = {&part, 1}};
	struct offset_delete_request in;

	codec_init(&offset_delete_request_schema, &in);
	in.group_id = p->group;
	in.topics.v = &topic;
	in.topics.n = 1;
	SAY(p, 0, offset_delete, &in, forget_answer);
}

/* ---- the classic protocol ---- */

static void on_joined(void *arg, int err, const void *answer)
{
	struct speaker *s = arg;
	const struct join_group_response *r = answer;

	if (err || r->member_id.len == 0 || r->member_id.len >= SPEAKER_ID_MAX)
		return;
	snprintf(s->id, sizeof(s->id), "%.*s", STR_ARG(r->member_id)); /* even with MEMBER_ID_REQUIRED */
	s->epoch = r->generation_id;
}

/* A subscription to "t", as ConsumerProtocol encodes it. */
static struct bytes subscription(struct buf *out)
{
	static const uint8_t BYTES[] = {0, 0, 0, 0, 0, 1, 0, 1, 't', 0xff, 0xff, 0xff, 0xff};

	buf_put(out, BYTES, sizeof(BYTES));
	return (struct bytes){out->p, (int32_t)out->len};
}

static void join(const struct speech *p)
{
	struct join_group_request_protocol protocol;
	struct join_group_request in;
	struct buf metadata = {0};

	codec_init(&join_group_request_schema, &in);
	codec_init(&join_group_request_protocol_schema, &protocol);
	protocol.name = p->number & 1 ? STR("range") : STR("roundrobin");
	protocol.metadata = p->number & 8 ? (struct bytes){(const uint8_t *)"?", 1} : subscription(&metadata);
	in.group_id = p->group;
	in.session_timeout_ms = SESSION_MS;
	in.rebalance_timeout_ms = REBALANCE_MS;
	in.member_id = str_of(p->number & 4 ? "" : p->s->id);
	in.protocol_type = STR("consumer");
	in.protocols.v = &protocol;
	in.protocols.n = 1;
	if (!p->old)
		in.group_instance_id = p->instance;
	SAY(p, p->old ? 3 : 9, join_group, &in, on_joined);
	buf_fini(&metadata);
}

static void sync(const struct speech *p)
{
	struct sync_group_request_assignment assignment;
	struct sync_group_request in;

	codec_init(&sync_group_request_schema, &in);
	codec_init(&sync_group_request_assignment_schema, &assignment);
	assignment.member_id = str_of(p->s->id);
	assignment.assignment = (struct bytes){(const uint8_t *)"\0\0\0\0\0\0\xff\xff\xff\xff", 10};
	in.group_id = p->group;
	in.generation_id = p->epoch;
	in.member_id = str_of(p->s->id);
	in.assignments.v = &assignment;
	in.assignments.n = p->number & 1;
	if (!p->old)
		in.group_instance_id = p->instance;
	SAY(p, p->old ? 2 : 5, sync_group, &in, forget_answer);
}

static void beat(const struct speech *p)
{
	struct heartbeat_request in;

	codec_init(&heartbeat_request_schema, &in);
	in.group_id = p->group;
	in.generation_id = p->epoch;
	in.member_id = str_of(p->s->id);
	if (!p->old)
		in.group_instance_id = p->instance;
	SAY(p, p->old ? 2 : 4, heartbeat, &in, forget_answer);
}

static void leave(const struct speech *p)
{
	struct leave_group_request_member member;
	struct leave_group_request in;

	codec_init(&leave_group_request_schema, &in);
	codec_init(&leave_group_request_member_schema, &member);
	in.group_id = p->group;
	member.member_id = str_of(p->number & 1 ? "" : p->s->id);
	member.group_instance_id = p->instance;
	if (p->old) {
		in.member_id = str_of(p->s->id);
	} else {
		in.members.v = &member;
		in.members.n = 1;
	}
	SAY(p, p->old ? 2 : 5, leave_group, &in, forget_answer);
}

static void describe(const struct speech *p)
{
	struct describe_groups_request in;
	struct str group = p->group;

	codec_init(&describe_groups_request_schema, &in);
	in.groups.v = &group;
	in.groups.n = 1;
	SAY(p, p->old ? 2 : 6, describe_groups, &in, forget_answer);
}

/* ---- consumer groups (KIP-848) ---- */

static void take_assignment(struct speaker *s, const struct consumer_group_heartbeat_response_assignment *a)
{
	s->n_owns = 0;
	for (int i = 0; i < a->topic_partitions.n; i++) {
		s->topic_id = a->topic_partitions.v[i].topic_id;
		for (int j = 0; j < a->topic_partitions.v[i].partitions.n && s->n_owns < SPEAKER_OWNS_MAX; j++)
			s->owns[s->n_owns++] = a->topic_partitions.v[i].partitions.v[j];
	}
}

static void on_beaten(void *arg, int err, const void *answer)
{
	struct speaker *s = arg;
	const struct consumer_group_heartbeat_response *r = answer;

	if (err || r->error_code)
		return;
	s->epoch = r->member_epoch;
	if (r->assignment)
		take_assignment(s, r->assignment);
}

static void beat_with(const struct speech *p, int32_t epoch, bool says_all)
{
	struct consumer_group_heartbeat_request_topic owned;
	struct consumer_group_heartbeat_request in;
	struct str topic = STR("t");

	if (!p->s->id[0])
		snprintf(p->s->id, sizeof(p->s->id), "speaker-%d", p->number & 3);
	codec_init(&consumer_group_heartbeat_request_schema, &in);
	codec_init(&consumer_group_heartbeat_request_topic_schema, &owned);
	in.group_id = p->group;
	in.member_id = str_of(p->s->id);
	in.member_epoch = epoch;
	in.instance_id = p->instance;
	if (says_all) {
		owned.topic_id = p->s->topic_id;
		owned.partitions.v = p->s->owns;
		owned.partitions.n = p->s->n_owns;
		in.rebalance_timeout_ms = REBALANCE_MS;
		in.topic_partitions.v = &owned;
		in.topic_partitions.n = epoch > 0 && p->s->n_owns > 0;
		if (p->number & 8 && !p->old)
			in.subscribed_topic_regex = STR("t.*");
		else
			in.subscribed_topic_names.v = &topic, in.subscribed_topic_names.n = 1;
		in.server_assignor = p->number & 4 ? STR("range") : STR_NULL;
	}
	SAY(p, p->old ? 0 : 1, consumer_group_heartbeat, &in, on_beaten);
}

static void consumer_join(const struct speech *p)
{
	p->s->n_owns = 0;
	beat_with(p, 0, true);
}

static void consumer_beat(const struct speech *p)
{
	beat_with(p, p->epoch, p->number & 1);
}

static void consumer_leave(const struct speech *p)
{
	beat_with(p, !str_is_null(p->instance) && p->number & 1 ? -2 : -1, false);
}

static void consumer_describe(const struct speech *p)
{
	struct consumer_group_describe_request in;
	struct str group = p->group;

	codec_init(&consumer_group_describe_request_schema, &in);
	in.group_ids.v = &group;
	in.group_ids.n = 1;
	SAY(p, p->old ? 0 : 1, consumer_group_describe, &in, forget_answer);
}

/* ---- all of them ---- */

static void (*const SPEECH[SPEECHES])(const struct speech *) = {
	find,  join,	      sync,	     beat,	     leave,    commit,
	fetch, consumer_join, consumer_beat, consumer_leave, describe, consumer_describe,
	list,  delete,	      delete_offset,
};

void speaker_init(struct speaker *s, struct loop *loop, const struct addr *to)
{
	*s = (struct speaker){.epoch = -1};
	client_init(&s->client, loop, to, "fuzz-member");
}

void speaker_fini(struct speaker *s)
{
	client_fini(&s->client);
}

void speaker_speak(struct speaker *s, int speech, uint8_t how)
{
	struct speech p = {
		.s = s,
		.group = how & 1 ? STR("one") : STR("another"),
		.instance = how & 2 ? STR("instance") : STR_NULL,
		.old = how & 4,
		.epoch = how & 8 ? s->epoch + 1 : s->epoch,
		.number = how >> 4,
	};

	check(speech >= 0 && speech < SPEECHES);
	SPEECH[speech](&p);
}
