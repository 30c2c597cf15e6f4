/*
 * hostile: whatever peers send, and in whatever role the brain receives it, it carries on: no check
 * fails, epochs and the high watermark do not go back, and its effects are ones that a carrier can
 * perform.
 *
 * Messages are well formed (the codec ensures that) and mean anything: each number is drawn from
 * the neighbours of meaningful ones.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/base/cm.h"

#include "base/err.h"
#include "protocol/add_raft_voter.h"
#include "protocol/api_versions.h"
#include "protocol/begin_quorum_epoch.h"
#include "protocol/end_quorum_epoch.h"
#include "protocol/fetch.h"
#include "protocol/fetch_snapshot.h"
#include "protocol/remove_raft_voter.h"
#include "protocol/update_raft_voter.h"
#include "protocol/vote.h"
#include "tests/raft/raft_world.h"
#include "wire/codec.h"

#define LIVES 400
#define STEPS 150

struct hostile {
	struct raft_world *w;
	uint64_t chance;
	bool flushing;
	bool cutting;
	bool loading;
	struct raft_snapshot_id snapshot;
	int64_t high_watermark;
	int32_t epoch;
};

static uint64_t chance(struct hostile *h, uint64_t n)
{
	return cm_random(&h->chance) % n;
}

static int32_t near_epoch(struct hostile *h)
{
	int32_t later = h->epoch > INT32_MAX - 2 ? INT32_MAX : h->epoch + 1;
	const int32_t of[] = {-1, 0, 1, h->epoch - 1, h->epoch, h->epoch, h->epoch, later, later, INT32_MAX};

	return of[chance(h, chance(h, 20) == 0 ? 10 : 9)]; /* the last one would end all elections */
}

static int64_t near_offset(struct hostile *h)
{
	int64_t end = raft_log_end(h->w->raft);
	const int64_t of[] = {
		-1,	  0, 1, end - 1, end, end, end, end + 1, end + 50, h->high_watermark, h->snapshot.end_offset,
		INT64_MAX};

	return of[chance(h, 12)];
}

static int32_t some_id(struct hostile *h)
{
	return (int32_t)chance(h, 7) - 1;
}

static struct uuid some_directory(struct hostile *h)
{
	return chance(h, 4) == 0 ? UUID_ZERO : world_directory((int32_t)chance(h, 6));
}

/* ---- messages: all at random by their tables, then what matters drawn anew ---- */

static void *random_message(struct hostile *h, const struct schema *schema, int version, size_t size)
{
	struct codec_chance c = {chance(h, UINT64_MAX)};
	void *m = arena_zalloc(&h->w->arena, size);

	assert_int_equal(codec_random(schema, version, &c, &h->w->arena, m), 0);
	return m;
}

#define RANDOM(h, type, version) random_message(h, &type##_schema, version, sizeof(struct type))

/* One topic with one partition, the rest at random. */
#define SHAPE(h, m, NAME)                                                                                              \
	do {                                                                                                           \
		(m)->topics.v = RANDOM(h, NAME##_topic, NAME##_LAST);                                                  \
		(m)->topics.n = 1;                                                                                     \
		(m)->topics.v->partitions.v = RANDOM(h, NAME##_partition, NAME##_LAST);                                \
		(m)->topics.v->partitions.n = 1;                                                                       \
	} while (0)

#define TOPIC STR("__cluster_metadata")

static const void *random_vote(struct hostile *h)
{
	struct vote_request *m = RANDOM(h, vote_request, 2);
	struct vote_request_partition *p;

	SHAPE(h, m, vote_request);
	p = m->topics.v->partitions.v;
	m->cluster_id = STR_NULL;
	m->voter_id = some_id(h);
	m->topics.v->topic_name = TOPIC;
	*p = (struct vote_request_partition){0,
					     near_epoch(h),
					     some_id(h),
					     some_directory(h),
					     some_directory(h),
					     near_epoch(h),
					     near_offset(h),
					     chance(h, 2)};
	return m;
}

static const void *random_begin(struct hostile *h)
{
	struct begin_quorum_epoch_request *m = RANDOM(h, begin_quorum_epoch_request, 1);

	SHAPE(h, m, begin_quorum_epoch_request);
	m->cluster_id = STR_NULL;
	m->topics.v->topic_name = TOPIC;
	*m->topics.v->partitions.v =
		(struct begin_quorum_epoch_request_partition){0, some_directory(h), some_id(h), near_epoch(h)};
	return m;
}

static const void *random_end(struct hostile *h)
{
	struct end_quorum_epoch_request *m = RANDOM(h, end_quorum_epoch_request, 1);

	SHAPE(h, m, end_quorum_epoch_request);
	m->cluster_id = STR_NULL;
	m->topics.v->topic_name = TOPIC;
	m->topics.v->partitions.v->partition_index = 0;
	m->topics.v->partitions.v->leader_id = some_id(h);
	m->topics.v->partitions.v->leader_epoch = near_epoch(h);
	return m;
}

static const void *random_fetch(struct hostile *h)
{
	struct world_fetch f = {some_id(h), near_offset(h), near_epoch(h), near_epoch(h), near_offset(h)};
	struct fetch_request *m = world_fetch(h->w, &f);

	m->topics.v->partitions.v->replica_directory_id = some_directory(h);
	m->max_wait_ms = (int32_t)chance(h, 3) - 1;
	return m;
}

static const void *random_fetch_snapshot(struct hostile *h)
{
	struct fetch_snapshot_request *m = RANDOM(h, fetch_snapshot_request, 1);
	struct fetch_snapshot_request_partition *p;

	SHAPE(h, m, fetch_snapshot_request);
	p = m->topics.v->partitions.v;
	m->cluster_id = STR_NULL;
	m->replica_id = some_id(h);
	m->topics.v->name = TOPIC;
	p->partition = 0;
	p->current_leader_epoch = near_epoch(h);
	p->snapshot_id.end_offset = near_offset(h);
	p->position = near_offset(h);
	return m;
}

static const void *random_add(struct hostile *h)
{
	static struct add_raft_voter_request_listener listener = {STR("CONTROLLER"), STR("h"), 1};
	struct add_raft_voter_request *m = RANDOM(h, add_raft_voter_request, 1);

	m->cluster_id = STR_NULL;
	m->voter_id = some_id(h);
	m->voter_directory_id = some_directory(h);
	m->listeners.v = &listener;
	m->listeners.n = (int32_t)chance(h, 5) > 0;
	return m;
}

static const void *random_remove(struct hostile *h)
{
	struct remove_raft_voter_request *m = RANDOM(h, remove_raft_voter_request, 0);

	m->cluster_id = STR_NULL;
	m->voter_id = some_id(h);
	m->voter_directory_id = world_directory(m->voter_id);
	return m;
}

static const void *random_update(struct hostile *h)
{
	static struct update_raft_voter_request_listener listener = {STR("CONTROLLER"), STR("h"), 1};
	struct update_raft_voter_request *m = RANDOM(h, update_raft_voter_request, 0);

	m->cluster_id = STR_NULL;
	m->current_leader_epoch = near_epoch(h);
	m->voter_id = some_id(h);
	m->voter_directory_id = world_directory(m->voter_id);
	m->listeners.v = &listener;
	m->listeners.n = 1;
	m->k_raft_version_feature.min_supported_version = 0;
	m->k_raft_version_feature.max_supported_version = (int16_t)chance(h, 3);
	return m;
}

static const struct row {
	int16_t api;
	const void *(*request)(struct hostile *h);
	const struct schema *response;
	size_t response_size;
} ROWS[] = {
	{vote_request_KEY, random_vote, &vote_response_schema, sizeof(struct vote_response)},
	{begin_quorum_epoch_request_KEY, random_begin, &begin_quorum_epoch_response_schema,
	 sizeof(struct begin_quorum_epoch_response)},
	{end_quorum_epoch_request_KEY, random_end, &end_quorum_epoch_response_schema,
	 sizeof(struct end_quorum_epoch_response)},
	{fetch_request_KEY, random_fetch, &fetch_response_schema, sizeof(struct fetch_response)},
	{fetch_snapshot_request_KEY, random_fetch_snapshot, &fetch_snapshot_response_schema,
	 sizeof(struct fetch_snapshot_response)},
	{add_raft_voter_request_KEY, random_add, &add_raft_voter_response_schema,
	 sizeof(struct add_raft_voter_response)},
	{remove_raft_voter_request_KEY, random_remove, &remove_raft_voter_response_schema,
	 sizeof(struct remove_raft_voter_response)},
	{update_raft_voter_request_KEY, random_update, &update_raft_voter_response_schema,
	 sizeof(struct update_raft_voter_response)},
	{api_versions_request_KEY, NULL, &api_versions_response_schema, sizeof(struct api_versions_response)},
};

/* ---- answers ---- */

static int16_t some_error(struct hostile *h)
{
	const int16_t of[] = {0,
			      0,
			      0,
			      ERR_NOT_LEADER_OR_FOLLOWER,
			      ERR_FENCED_LEADER_EPOCH,
			      ERR_UNKNOWN_LEADER_EPOCH,
			      ERR_INVALID_REQUEST,
			      ERR_BROKER_NOT_AVAILABLE,
			      ERR_SNAPSHOT_NOT_FOUND,
			      ERR_INVALID_VOTER_KEY};

	return of[chance(h, 10)];
}

static void shape_fetch_response(struct hostile *h, struct fetch_response *m)
{
	struct fetch_response_partition *p;

	*m = *world_fetch_response(h->w, some_id(h), near_epoch(h), some_error(h));
	p = m->responses.v->partitions.v;
	p->high_watermark = near_offset(h);
	if (chance(h, 4) == 0) {
		p->diverging_epoch.epoch = near_epoch(h);
		p->diverging_epoch.end_offset = near_offset(h);
	}
	if (chance(h, 4) == 0) {
		p->snapshot_id.end_offset = near_offset(h);
		p->snapshot_id.epoch = near_epoch(h);
	}
	if (chance(h, 2) == 0) {
		p->records.p = (const uint8_t *)"records";
		p->records.len = 7;
	}
}

static void shape_snapshot_response(struct hostile *h, const struct fetch_snapshot_request *asked,
				    struct fetch_snapshot_response *m)
{
	struct fetch_snapshot_response_partition *p;

	SHAPE(h, m, fetch_snapshot_response);
	m->error_code = 0;
	m->topics.v->name = TOPIC;
	p = m->topics.v->partitions.v;
	p->error_code = chance(h, 3) == 0 ? some_error(h) : 0;
	p->current_leader.leader_id = raft_leader_id(h->w->raft);
	p->current_leader.leader_epoch = h->epoch;
	p->snapshot_id.end_offset = asked->topics.v->partitions.v->snapshot_id.end_offset;
	p->snapshot_id.epoch = asked->topics.v->partitions.v->snapshot_id.epoch;
	p->position = chance(h, 8) == 0 ? near_offset(h) : asked->topics.v->partitions.v->position;
	p->size = chance(h, 8) == 0 ? near_offset(h) : p->position + 7 + (int64_t)chance(h, 2) * 7;
	p->unaligned_records.p = (const uint8_t *)"records";
	p->unaligned_records.len = 7;
}

static void shape_vote_response(struct hostile *h, struct vote_response *m)
{
	SHAPE(h, m, vote_response);
	m->error_code = 0;
	m->topics.v->topic_name = TOPIC;
	*m->topics.v->partitions.v =
		(struct vote_response_partition){0, some_error(h), some_id(h), near_epoch(h), chance(h, 2)};
}

static const void *random_response(struct hostile *h, const struct row *row, const struct raft_effect *to)
{
	void *m = random_message(h, row->response, 0, row->response_size);

	if (row->api == fetch_request_KEY)
		shape_fetch_response(h, m);
	if (row->api == fetch_snapshot_request_KEY)
		shape_snapshot_response(h, to->request, m);
	if (row->api == vote_request_KEY)
		shape_vote_response(h, m);
	return m;
}

/* ---- the carrier ---- */

static void step(struct hostile *h, struct raft_event event);

static void append_fetched(struct hostile *h, const struct raft_effect *e)
{
	struct raft_history history;
	struct raft_event event = {.type = RAFT_EVENT_FETCHED, .history = &history};
	struct raft_voter voter = h->w->voters[chance(h, 3)];
	struct raft_voters voters = {&voter, 1};

	raft_history_init(&history, raft_log_end(h->w->raft), raft_last_epoch(h->w->raft));
	if (chance(h, 3) > 0) {
		raft_history_note_epoch(&history, e->epoch - (int32_t)chance(h, 2), history.end);
		if (chance(h, 4) == 0)
			raft_history_note_voters(&history, history.end, &voters);
		history.end += 1 + (int64_t)chance(h, 3);
	} else {
		event.err = -EBADMSG;
	}
	step(h, event);
	raft_history_fini(&history);
}

static void load(struct hostile *h)
{
	struct raft_history history;
	struct raft_event event = {.type = RAFT_EVENT_LOADED, .snapshot = h->snapshot, .history = &history};

	h->loading = false;
	raft_history_init(&history, h->snapshot.end_offset, h->snapshot.epoch);
	if (chance(h, 3) == 0)
		event.err = -EIO;
	step(h, event);
	raft_history_fini(&history);
}

static void perform(struct hostile *h, const struct raft_effect *e)
{
	switch (e->type) {
	case RAFT_EFFECT_FLUSH:
		assert_false(h->flushing);
		h->flushing = true;
		break;
	case RAFT_EFFECT_CUT_SNAPSHOT:
		assert_false(h->cutting);
		h->cutting = true;
		break;
	case RAFT_EFFECT_LOAD_SNAPSHOT:
		assert_false(h->loading);
		h->loading = true;
		h->snapshot = e->snapshot;
		break;
	case RAFT_EFFECT_APPEND_FETCHED:
		append_fetched(h, e);
		break;
	case RAFT_EFFECT_TRUNCATE:
		assert_true(e->offset >= h->high_watermark);
		break;
	default:
		break;
	}
}

static void step(struct hostile *h, struct raft_event event)
{
	struct raft_effects effects;

	event.chance = chance(h, UINT64_MAX);
	world_step(h->w, event);
	assert_true(raft_epoch(h->w->raft) >= h->epoch);
	h->epoch = raft_epoch(h->w->raft);
	effects = h->w->effects;
	for (int i = 0; i < effects.n; i++) {
		const struct raft_effect *e = &effects.v[i];

		if (e->type == RAFT_EFFECT_COMMIT) {
			assert_true(e->offset > h->high_watermark);
			h->high_watermark = e->offset;
		}
	}
	for (int i = 0; i < effects.n; i++)
		perform(h, &effects.v[i]);
}

/* ---- what happens next ---- */

static void say_request(struct hostile *h)
{
	const struct row *row = &ROWS[chance(h, 8)];
	struct raft_request q = {.api = row->api,
				 .version = (int16_t)(row->api == fetch_request_KEY ? 18 : chance(h, 2)),
				 .listener = STR("CONTROLLER"),
				 .in = row->request(h),
				 .out = arena_zalloc(&h->w->arena, row->response_size),
				 .arena = &h->w->arena,
				 .again = chance(h, 4) == 0,
				 .snapshot_size = near_offset(h)};

	codec_init(row->response, q.out);
	step(h, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &q});
	if (q.outcome == RAFT_READ)
		assert_true(q.offset < raft_log_end(h->w->raft) && q.offset >= 0);
}

static void answer_something(struct hostile *h)
{
	struct raft_event event = {.type = RAFT_EVENT_ANSWER};
	const struct world_sent *sent = world_sent(h->w, (int)chance(h, 4));

	if (!sent)
		return;
	event.correlation = sent->effect.correlation;
	if (chance(h, 6) == 0)
		event.err = chance(h, 2) ? ERR_BROKER_NOT_AVAILABLE : ERR_UNSUPPORTED_VERSION;
	for (size_t i = 0; event.err == 0 && i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		if (ROWS[i].api == sent->effect.api)
			event.response = random_response(h, &ROWS[i], &sent->effect);
	}
	step(h, event);
}

static void let_time_pass(struct hostile *h)
{
	h->w->now_ms += (int64_t)chance(h, chance(h, 3) == 0 ? 3000 : 100);
	step(h, (struct raft_event){.type = RAFT_EVENT_TICK});
}

static void end_something(struct hostile *h)
{
	if (h->flushing) {
		h->flushing = false;
		step(h, (struct raft_event){.type = RAFT_EVENT_FLUSHED, .offset = raft_log_end(h->w->raft)});
	} else if (h->loading) {
		load(h);
	} else if (h->cutting) {
		h->cutting = false;
		step(h, (struct raft_event){.type = RAFT_EVENT_SNAPSHOT, .snapshot = {-1, 0}});
	} else if (raft_role(h->w->raft) == RAFT_LEADER) {
		world_appended(h->w, 1);
		for (int i = 0; i < h->w->effects.n; i++)
			perform(h, &h->w->effects.v[i]);
	}
}

static void next(struct hostile *h)
{
	switch (chance(h, 4)) {
	case 0:
		say_request(h);
		break;
	case 1:
		answer_something(h);
		break;
	case 2:
		let_time_pass(h);
		break;
	default:
		end_something(h);
	}
}

static void live(struct raft_world *w, uint64_t seed)
{
	struct hostile h = {.w = w, .chance = seed, .snapshot = {-1, 0}, .high_watermark = -1};
	int n = 1 + (int)chance(&h, 4);
	struct raft_start from = chance(&h, 2) ? world_static(w, n) : world_dynamic(w, n);

	w->config.auto_join = chance(&h, 2);
	w->config.node_id = 1 + (int32_t)(chance(&h, 6) == 0 ? 5 : 0); /* now and then an observer */
	from.has_election = true;
	from.election = (struct raft_election){(int32_t)chance(&h, 4) - 1, 4, -1, UUID_ZERO};
	world_log(&from, 2, 10);
	world_log(&from, 4, 20);
	w->now_ms = 0;
	world_start(w, &from);
	raft_history_fini(&from.history);
	world_begin(w);
	h.epoch = raft_epoch(w->raft);
	for (int i = 0; i < w->effects.n; i++)
		perform(&h, &w->effects.v[i]);
	for (int i = 0; i < STEPS; i++)
		next(&h);
}

static void nothing_that_a_peer_says_breaks_a_promise(void **state)
{
	struct raft_world *w = *state;

	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		live(w, seed);
		world_forget(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_that_a_peer_says_breaks_a_promise, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
