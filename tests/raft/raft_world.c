/* raft_world: drives one brain by events, and puts its effects into words. */
#include "tests/raft/raft_world.h"

#include <stdio.h>

#include "tests/base/cm.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "protocol/add_raft_voter.h"
#include "protocol/api_versions.h"
#include "protocol/begin_quorum_epoch.h"
#include "protocol/end_quorum_epoch.h"
#include "protocol/fetch.h"
#include "protocol/fetch_snapshot.h"
#include "protocol/remove_raft_voter.h"
#include "protocol/update_raft_voter.h"
#include "protocol/vote.h"
#include "wire/codec.h"

#define LISTENER STR("CONTROLLER")
#define CLUSTER STR("ours")
#define TOPIC STR("__cluster_metadata")

/* ---- the world ---- */

struct uuid world_directory(int32_t id)
{
	return (struct uuid){{(uint8_t)(0xd0 + id)}};
}

int world_setup(void **state)
{
	struct raft_world *w = xcalloc(1, sizeof(*w));

	arena_init(&w->arena, 16 << 20);
	for (int i = 0; i < WORLD_VOTERS_MAX; i++) {
		w->endpoints[i] = (struct raft_endpoint){LISTENER, STR("localhost"), (uint16_t)(9093 + i)};
		w->voters[i] = (struct raft_voter){.id = i + 1,
						   .directory_id = world_directory(i + 1),
						   .endpoints = &w->endpoints[i],
						   .n_endpoints = 1,
						   .kraft_version_max = 1};
		w->bootstrap[i] = (struct raft_node){-2 - i, STR("localhost"), w->endpoints[i].port};
	}
	w->config = (struct raft_config){
		.node_id = 1,
		.directory_id = world_directory(1),
		.cluster_id = CLUSTER,
		.listener = LISTENER,
		.own = &w->voters[0],
		.may_become_voter = true,
		.bootstrap = w->bootstrap,
		.election_timeout_ms = 1000,
		.fetch_timeout_ms = 2000,
		.election_backoff_max_ms = 1000,
		.request_timeout_ms = 2000,
		.retry_backoff_ms = 20,
		.fetch_max_wait_ms = 500,
		.fetch_max_bytes = 1 << 20,
		.fetch_snapshot_max_bytes = 1 << 20,
		.snapshot_max_bytes = 1000,
		.snapshot_max_ms = 60000,
	};
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct raft_world *w = *state;

	raft_free(w->raft);
	arena_fini(&w->arena);
	xfree(w);
	return 0;
}

/* ---- what is found on disk ---- */

static struct raft_voters voters_of(struct raft_world *w, int n)
{
	struct raft_voters all = {arena_array(&w->arena, (size_t)n, sizeof(*all.v)), n};

	check(n <= WORLD_VOTERS_MAX);
	for (int i = 0; i < n; i++)
		all.v[i] = w->voters[i];
	return all;
}

struct raft_start world_static(struct raft_world *w, int n)
{
	struct raft_start from = {.snapshot = {-1, 0}, .static_voters = voters_of(w, n)};

	for (int i = 0; i < n; i++) {
		from.static_voters.v[i].directory_id = UUID_ZERO;
		from.static_voters.v[i].kraft_version_max = 0;
	}
	return from;
}

struct raft_start world_dynamic(struct raft_world *w, int n)
{
	struct raft_start from = {.snapshot = {-1, 0}};
	struct raft_voters voters = voters_of(w, n);

	raft_history_init(&from.history, 0, 0);
	raft_history_note_kraft_version(&from.history, -1, 1);
	raft_history_note_voters(&from.history, -1, &voters);
	return from;
}

void world_log(struct raft_start *from, int32_t epoch, int64_t end)
{
	raft_history_note_epoch(&from->history, epoch, from->history.end);
	from->history.end = end;
}

void world_start(struct raft_world *w, const struct raft_start *from)
{
	raft_free(w->raft);
	w->raft = raft_new(&w->config, from);
}

/* ---- effects in words ---- */

static const char *api_name(const struct raft_effect *e)
{
	const struct vote_request *vote = e->request;

	switch (e->api) {
	case vote_request_KEY:
		return vote->topics.v->partitions.v->pre_vote ? "pre-vote" : "vote";
	case begin_quorum_epoch_request_KEY:
		return "begin-epoch";
	case end_quorum_epoch_request_KEY:
		return "end-epoch";
	case fetch_request_KEY:
		return "fetch";
	case fetch_snapshot_request_KEY:
		return "fetch-snapshot";
	case api_versions_request_KEY:
		return "api-versions";
	case add_raft_voter_request_KEY:
		return "add-voter";
	case remove_raft_voter_request_KEY:
		return "remove-voter";
	case update_raft_voter_request_KEY:
		return "update-voter";
	default:
		return "?";
	}
}

static void add_words(const struct raft_effect *e, struct buf *out)
{
	const struct raft_election *to = &e->election;
	long long offset = (long long)e->offset;

	switch (e->type) {
	case RAFT_EFFECT_WRITE_STATE:
		buf_printf(out, "write-state %d@%d", to->leader_id, to->leader_epoch);
		if (to->voted_id >= 0)
			buf_printf(out, " voted %d", to->voted_id);
		break;
	case RAFT_EFFECT_SEND:
		buf_printf(out, "send %s to %d", api_name(e), e->node.id);
		break;
	case RAFT_EFFECT_APPEND_CONTROL:
		buf_printf(out, "append-control %lld", offset);
		break;
	case RAFT_EFFECT_APPEND_FETCHED:
		buf_printf(out, "append-fetched %lld", offset);
		break;
	case RAFT_EFFECT_TRUNCATE:
		buf_printf(out, "truncate %lld", offset);
		break;
	case RAFT_EFFECT_FLUSH:
		buf_printf(out, "flush %lld", offset);
		break;
	case RAFT_EFFECT_COMMIT:
		buf_printf(out, "commit %lld", offset);
		break;
	case RAFT_EFFECT_LEADER:
		buf_printf(out, "leader %d from %lld", e->epoch, offset);
		break;
	case RAFT_EFFECT_RESIGNED:
		buf_printf(out, "resigned %d", e->epoch);
		break;
	case RAFT_EFFECT_FOLLOWER:
		buf_printf(out, "follower %d@%d", e->leader_id, e->epoch);
		break;
	case RAFT_EFFECT_FETCHES:
		if (e->offset == INT64_MAX)
			buf_printf(out, "fetches");
		else
			buf_printf(out, "fetches below %lld", offset);
		break;
	case RAFT_EFFECT_CHANGE_DONE:
		buf_printf(out, "change-done %d", e->err);
		break;
	case RAFT_EFFECT_SNAPSHOT_CHUNK:
		buf_printf(out, "chunk %lld of %lld-%d", offset, (long long)e->snapshot.end_offset, e->snapshot.epoch);
		break;
	case RAFT_EFFECT_LOAD_SNAPSHOT:
		buf_printf(out, "load %lld-%d", (long long)e->snapshot.end_offset, e->snapshot.epoch);
		break;
	case RAFT_EFFECT_CUT_SNAPSHOT:
		buf_printf(out, "cut-snapshot %lld", offset);
		break;
	case RAFT_EFFECT_CLEAN:
		buf_printf(out, "clean %lld", (long long)e->snapshot.end_offset);
		break;
	case RAFT_EFFECT_WARN:
		buf_printf(out, "warn");
		break;
	case RAFT_EFFECT_STOPPED:
		buf_printf(out, "stopped");
		break;
	case RAFT_EFFECT_WAKE:
		buf_printf(out, "wake %lld", (long long)e->at_ms);
		break;
	}
}

const char *world_story(struct raft_world *w)
{
	struct buf out = {0};

	for (int i = 0; i < w->effects.n; i++) {
		if (i > 0)
			buf_printf(&out, ", ");
		add_words(&w->effects.v[i], &out);
	}
	check(out.len < sizeof(w->line));
	snprintf(w->line, sizeof(w->line), "%.*s", STR_ARG(buf_str(&out)));
	buf_fini(&out);
	return w->line;
}

const struct raft_effect *world_effect(const struct raft_world *w, enum raft_effect_type type)
{
	for (int i = 0; i < w->effects.n; i++) {
		if (w->effects.v[i].type == type)
			return &w->effects.v[i];
	}
	return NULL;
}

/* ---- steps ---- */

static void note_sent(struct raft_world *w)
{
	for (int i = 0; i < w->effects.n; i++) {
		const struct raft_effect *e = &w->effects.v[i];

		if (e->type == RAFT_EFFECT_SEND)
			w->sent[w->n_sent++ % WORLD_SENT].effect = *e;
	}
}

const char *world_begin(struct raft_world *w)
{
	struct raft_event event = {.now_ms = w->now_ms, .wall_ms = w->now_ms + 1000};

	w->effects = (struct raft_effects){.arena = &w->arena};
	raft_begin(w->raft, &event, &w->effects);
	note_sent(w);
	return world_story(w);
}

const char *world_step(struct raft_world *w, struct raft_event event)
{
	event.now_ms = w->now_ms;
	event.wall_ms = w->now_ms + 1000;
	w->effects = (struct raft_effects){.arena = &w->arena};
	raft_step(w->raft, &event, &w->effects);
	note_sent(w);
	return world_story(w);
}

const char *world_tick(struct raft_world *w, int64_t now_ms)
{
	w->now_ms = now_ms;
	return world_step(w, (struct raft_event){.type = RAFT_EVENT_TICK});
}

const char *world_flushed(struct raft_world *w, int64_t offset)
{
	return world_step(w, (struct raft_event){.type = RAFT_EVENT_FLUSHED, .offset = offset});
}

const char *world_appended(struct raft_world *w, int32_t n_records)
{
	return world_step(w, (struct raft_event){.type = RAFT_EVENT_APPENDED, .n_records = n_records, .bytes = 10});
}

struct raft_request world_ask(struct raft_world *w, int16_t api, int16_t version, const void *in, void *out)
{
	struct raft_request q = {.api = api,
				 .version = version,
				 .listener = LISTENER,
				 .in = in,
				 .out = out,
				 .arena = &w->arena,
				 .snapshot_size = -1};

	world_step(w, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &q});
	return q;
}

/* ---- answers ---- */

const struct world_sent *world_sent(const struct raft_world *w, int before)
{
	int at = w->n_sent - 1 - before;

	return at >= 0 && before < WORLD_SENT ? &w->sent[at % WORLD_SENT] : NULL;
}

void world_forget(struct raft_world *w)
{
	w->n_sent = 0;
	w->effects.n = 0;
	arena_reset(&w->arena);
}

static int32_t correlation_to(const struct raft_world *w, int32_t node_id)
{
	const struct world_sent *sent;

	for (int before = 0; (sent = world_sent(w, before)); before++) {
		if (sent->effect.node.id == node_id)
			return sent->effect.correlation;
	}
	check(false);
	return -1;
}

const char *world_answer(struct raft_world *w, int32_t node_id, const void *response)
{
	return world_step(w, (struct raft_event){.type = RAFT_EVENT_ANSWER,
						 .correlation = correlation_to(w, node_id),
						 .response = response});
}

const char *world_no_answer(struct raft_world *w, int32_t node_id, int err)
{
	return world_step(w, (struct raft_event){
				     .type = RAFT_EVENT_ANSWER, .correlation = correlation_to(w, node_id), .err = err});
}

/* ---- votes ---- */

/* One topic with one partition, all at their defaults. */
#define NEW(w, type) message_of(w, &type##_schema, sizeof(struct type))

static void *message_of(struct raft_world *w, const struct schema *schema, size_t size)
{
	void *m = arena_zalloc(&w->arena, size);

	codec_init(schema, m);
	return m;
}

struct vote_request *world_vote(struct raft_world *w, const struct world_vote *v)
{
	struct vote_request *m = NEW(w, vote_request);
	struct vote_request_partition *p = NEW(w, vote_request_partition);

	m->cluster_id = CLUSTER;
	m->voter_id = 1;
	m->topics.v = NEW(w, vote_request_topic);
	m->topics.n = 1;
	m->topics.v->topic_name = TOPIC;
	m->topics.v->partitions.v = p;
	m->topics.v->partitions.n = 1;
	p->replica_epoch = v->epoch;
	p->replica_id = v->candidate;
	p->replica_directory_id = v->candidate > 0 ? world_directory(v->candidate) : UUID_ZERO;
	p->voter_directory_id = world_directory(1);
	p->last_offset_epoch = v->last_epoch;
	p->last_offset = v->last_offset;
	p->pre_vote = v->pre_vote;
	return m;
}

const char *world_voted(struct raft_world *w, int32_t id, bool granted)
{
	struct vote_response *m = NEW(w, vote_response);
	struct vote_response_partition *p = NEW(w, vote_response_partition);

	m->topics.v = NEW(w, vote_response_topic);
	m->topics.n = 1;
	m->topics.v->topic_name = TOPIC;
	m->topics.v->partitions.v = p;
	m->topics.v->partitions.n = 1;
	p->leader_id = -1;
	p->leader_epoch = raft_epoch(w->raft);
	p->vote_granted = granted;
	return world_answer(w, id, m);
}

int world_epoch_begun(struct raft_world *w, int32_t leader_id, int32_t epoch)
{
	struct begin_quorum_epoch_request *m = NEW(w, begin_quorum_epoch_request);
	struct begin_quorum_epoch_request_partition *p = NEW(w, begin_quorum_epoch_request_partition);
	struct begin_quorum_epoch_response *out = NEW(w, begin_quorum_epoch_response);

	m->cluster_id = CLUSTER;
	m->topics.v = NEW(w, begin_quorum_epoch_request_topic);
	m->topics.n = 1;
	m->topics.v->topic_name = TOPIC;
	m->topics.v->partitions.v = p;
	m->topics.v->partitions.n = 1;
	p->leader_id = leader_id;
	p->leader_epoch = epoch;
	world_ask(w, begin_quorum_epoch_request_KEY, 1, m, out);
	return out->error_code != 0 ? out->error_code : out->topics.v->partitions.v->error_code;
}

/* ---- fetches ---- */

struct fetch_request *world_fetch(struct raft_world *w, const struct world_fetch *f)
{
	struct fetch_request *m = NEW(w, fetch_request);
	struct fetch_request_partition *p = NEW(w, fetch_request_partition);

	m->cluster_id = CLUSTER;
	m->replica_state.replica_id = f->replica_id;
	m->max_wait_ms = 500;
	m->max_bytes = 1 << 20;
	m->topics.v = NEW(w, fetch_request_topic);
	m->topics.n = 1;
	m->topics.v->topic_id = UUID_METADATA_TOPIC;
	m->topics.v->partitions.v = p;
	m->topics.v->partitions.n = 1;
	p->current_leader_epoch = f->epoch;
	p->fetch_offset = f->offset;
	p->last_fetched_epoch = f->last_epoch;
	p->replica_directory_id = f->replica_id > 0 ? world_directory(f->replica_id) : UUID_ZERO;
	p->high_watermark = f->high_watermark;
	return m;
}

struct fetch_response *world_fetch_response(struct raft_world *w, int32_t leader_id, int32_t epoch, int error)
{
	struct fetch_response *m = NEW(w, fetch_response);
	struct fetch_response_partition *p = NEW(w, fetch_response_partition);

	m->responses.v = NEW(w, fetch_response_topic);
	m->responses.n = 1;
	m->responses.v->topic_id = UUID_METADATA_TOPIC;
	m->responses.v->partitions.v = p;
	m->responses.v->partitions.n = 1;
	p->error_code = (int16_t)error;
	p->current_leader.leader_id = leader_id;
	p->current_leader.leader_epoch = epoch;
	p->high_watermark = -1;
	return m;
}

/* ---- stories that others begin with ---- */

void world_lead(struct raft_world *w)
{
	int n_voters = raft_voters(w->raft)->n;

	world_begin(w);
	world_tick(w, w->now_ms + 2000);
	for (int i = 2; i <= n_voters && raft_role(w->raft) == RAFT_PROSPECTIVE; i++)
		world_voted(w, i, true);
	for (int i = 2; i <= n_voters && raft_role(w->raft) == RAFT_CANDIDATE; i++)
		world_voted(w, i, true);
	assert_int_equal(raft_role(w->raft), RAFT_LEADER);
}

void world_follow(struct raft_world *w, int32_t leader_id, int32_t epoch)
{
	world_begin(w);
	assert_int_equal(world_epoch_begun(w, leader_id, epoch), 0);
	assert_int_equal(raft_role(w->raft), RAFT_FOLLOWER);
}
