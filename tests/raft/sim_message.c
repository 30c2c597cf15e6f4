/*
 * sim_message: what a node sends and receives: requests in progress, parked ones, answers. Nothing
 * leaves before quorum-state is as the brain believes it to be.
 */
#include <string.h>

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
#include "tests/raft/quorum_sim.h"
#include "wire/codec.h"

/* ---- APIs ---- */

static const struct sim_api {
	int16_t key;
	int16_t last;
	int16_t first;
	const struct schema *request;
	const struct schema *response;
	size_t request_size;
	size_t response_size;
} APIS[] = {
#define API(name, from)                                                                                                \
	{                                                                                                              \
		name##_request_KEY, name##_request_LAST, from, &name##_request_schema, &name##_response_schema,        \
			sizeof(struct name##_request), sizeof(struct name##_response)                                  \
	}
	API(vote, 0),		API(begin_quorum_epoch, 0), API(end_quorum_epoch, 0),
	API(fetch, 13),		API(fetch_snapshot, 0),	    API(api_versions, 4),
	API(add_raft_voter, 1), API(remove_raft_voter, 0),  API(update_raft_voter, 0),
};

static const struct sim_api *api_of(int16_t key)
{
	for (size_t i = 0; i < sizeof(APIS) / sizeof(APIS[0]); i++) {
		if (APIS[i].key == key)
			return &APIS[i];
	}
	check(false);
	return NULL;
}

static int16_t version_between(const struct sim_node *a, const struct sim_node *b, const struct sim_api *api)
{
	int behind = a->versions_behind > b->versions_behind ? a->versions_behind : b->versions_behind;
	int version = api->last - behind;

	return (int16_t)(version < api->first ? api->first : version);
}

/* ---- what leaves the node ---- */

struct sim_held {
	struct sim_held *next;
	struct sim_message *message;
};

static void depart(struct sim_node *n, struct sim_message *m)
{
	sim_check_departure(n->sim, n);
	if (m->votes_for >= 0)
		sim_check_vote(n->sim, n, m->epoch, m->votes_for);
	if (m->fetches_from >= 0)
		sim_check_fetch(n->sim, n, m->fetches_from);
	sim_send(n->sim, m);
}

static void leave(struct sim_node *n, struct sim_message *m)
{
	struct sim_held *held;

	if (!n->writing) {
		depart(n, m);
		return;
	}
	held = xmalloc(sizeof(*held));
	*held = (struct sim_held){NULL, m};
	*n->held_end = held;
	n->held_end = &held->next;
}

void sim_message_release(struct sim_node *n, bool send)
{
	struct sim_held *held = n->held;

	n->held = NULL;
	n->held_end = &n->held;
	while (held) {
		struct sim_held *next = held->next;

		if (send)
			depart(n, held->message);
		else
			xfree(held->message);
		xfree(held);
		held = next;
	}
}

static struct sim_message *message_of(struct sim_node *n, int to, const struct schema *schema, int16_t version,
				      const void *body, int *err)
{
	struct sim_message *m;
	size_t len;

	*err = codec_size(schema, version, body, &len);
	if (*err != 0)
		return NULL;
	m = xcalloc(1, sizeof(*m) + len);
	m->from = (int)(n - n->sim->nodes);
	m->to = to;
	m->from_life = n->life;
	m->version = version;
	m->votes_for = -1;
	m->fetches_from = -1;
	m->len = len;
	*err = codec_encode_bytes(schema, version, body, m->bytes, len);
	check(*err == 0);
	return m;
}

static void answer_later(struct sim *s, struct sim_event *e)
{
	sim_node_event(e->node, (struct raft_event){.type = RAFT_EVENT_ANSWER,
						    .correlation = (int32_t)e->number,
						    .err = ERR_UNSUPPORTED_VERSION});
	(void)s;
}

static struct sim_node *find_node(struct sim *s, const struct raft_node *node)
{
	for (int i = 0; i < s->n_nodes; i++) {
		if (s->nodes[i].endpoint.port == node->port)
			return &s->nodes[i];
	}
	check(false);
	return NULL;
}

/*
 * Adapts a request to the highest version both sides support: below version 15, Fetch has the
 * replica id elsewhere.
 */
static void fit(int16_t api, int16_t version, void *request)
{
	struct fetch_request *m = request;

	if (api != fetch_request_KEY || version >= 15)
		return;
	m->replica_id = m->replica_state.replica_id;
	m->replica_state.replica_id = -1;
}

/* Records what the message promises when it leaves. */
static void note_promise(const struct sim_node *n, const void *request, struct sim_message *m)
{
	const struct fetch_request *fetch = request;
	const struct vote_request *vote = request;

	if (m->api == fetch_request_KEY)
		m->fetches_from = fetch->topics.v->partitions.v->fetch_offset;
	if (m->api != vote_request_KEY || vote->topics.v->partitions.v->pre_vote)
		return;
	m->epoch = vote->topics.v->partitions.v->replica_epoch;
	m->votes_for = n->id;
}

void sim_message_send(struct sim_node *n, const struct raft_effect *e)
{
	const struct sim_api *api = api_of(e->api);
	struct sim_node *to = find_node(n->sim, &e->node);
	int16_t version = version_between(n, to, api);
	struct sim_message *m;
	int err;

	fit(e->api, version, (void *)e->request);
	m = message_of(n, (int)(to - n->sim->nodes), api->request, version, e->request, &err);
	if (!m) { /* as a client finds out before it sends */
		check(err == ERR_UNSUPPORTED_VERSION);
		sim_meet(n->sim, MET_NO_PRE_VOTE);
		sim_at(n->sim, 10, answer_later, n)->number = e->correlation;
		return;
	}
	m->api = e->api;
	m->correlation = e->correlation;
	note_promise(n, e->request, m);
	leave(n, m);
}

/* ---- requests that arrive ---- */

/* A request in progress, and the message that it arrived in. */
struct sim_parked {
	struct sim_parked *next;
	struct raft_request q;
	struct arena arena;
	const struct sim_api *api;
	struct sim_message *from; /* NULL: an operator */
	int64_t offset;
	int64_t number;
};

static void free_parked(struct sim_parked *p)
{
	arena_fini(&p->arena);
	xfree(p->from);
	xfree(p);
}

static void count_answer(struct sim *s, const struct sim_parked *p)
{
	const struct add_raft_voter_response *add = p->q.out;
	const struct remove_raft_voter_response *remove = p->q.out;

	if (p->q.api == add_raft_voter_request_KEY)
		sim_meet(s, add->error_code == 0 ? MET_VOTER_ADDED : MET_CHANGE_REFUSED);
	if (p->q.api == remove_raft_voter_request_KEY)
		sim_meet(s, remove->error_code == 0 ? MET_VOTER_REMOVED : MET_CHANGE_REFUSED);
}

static void note_vote(struct sim *s, const struct sim_parked *p, struct sim_message *m)
{
	const struct vote_request_partition *in = ((const struct vote_request *)p->q.in)->topics.v->partitions.v;
	const struct vote_response *out = p->q.out;

	if (out->topics.n == 0 || in->pre_vote)
		return;
	sim_meet(s, out->topics.v->partitions.v->vote_granted ? MET_VOTE_GRANTED : MET_VOTE_REFUSED);
	if (!out->topics.v->partitions.v->vote_granted)
		return;
	m->epoch = in->replica_epoch;
	m->votes_for = in->replica_id;
}

static void answer(struct sim_node *n, struct sim_parked *p)
{
	struct sim_message *m;
	int err;

	check(!p->arena.failed);
	count_answer(n->sim, p);
	if (p->from) {
		m = message_of(n, p->from->from, p->api->response, p->q.version, p->q.out, &err);
		check(err == 0);
		m->is_answer = true;
		m->from_life = p->from->from_life; /* the life it is for */
		m->api = p->q.api;
		m->correlation = p->from->correlation;
		if (m->api == vote_request_KEY)
			note_vote(n->sim, p, m);
		leave(n, m);
	}
	free_parked(p);
}

/* Whole batches from an offset on; the first is returned whatever its size. */
static void read_log(struct sim_node *n, struct sim_parked *p)
{
	struct fetch_response *out = p->q.out;
	int32_t max = p->q.max_bytes < SIM_FETCH_BYTES ? p->q.max_bytes : SIM_FETCH_BYTES;
	const struct sim_batch *b = sim_log_at(&n->log, p->q.offset);
	struct buf bytes = {0};

	check(b && b->base == p->q.offset);
	for (; b && (bytes.len == 0 || (int64_t)(bytes.len + b->len) <= max); b = sim_log_at(&n->log, b->end))
		buf_put(&bytes, b->bytes, b->len);
	out->responses.v->partitions.v->records.p = (const uint8_t *)arena_str(&p->arena, buf_str(&bytes)).p;
	out->responses.v->partitions.v->records.len = (int32_t)bytes.len;
	buf_fini(&bytes);
}

static void read_snapshot(struct sim_node *n, struct sim_parked *p)
{
	const struct sim_snapshot *snapshot = sim_snapshot_find(n->sim, p->q.snapshot);
	struct fetch_snapshot_response *out = p->q.out;
	int64_t left = (int64_t)snapshot->bytes.len - p->q.offset;

	out->topics.v->partitions.v->unaligned_records.p = snapshot->bytes.p + p->q.offset;
	out->topics.v->partitions.v->unaligned_records.len = (int32_t)(left < p->q.max_bytes ? left : p->q.max_bytes);
}

static int64_t asked_size(const struct sim_node *n, const struct raft_request *q)
{
	const struct fetch_snapshot_request *m = q->in;
	struct raft_snapshot_id id;

	if (q->api != fetch_snapshot_request_KEY || m->topics.n != 1 || m->topics.v->partitions.n != 1)
		return -1;
	id = (struct raft_snapshot_id){m->topics.v->partitions.v->snapshot_id.end_offset,
				       m->topics.v->partitions.v->snapshot_id.epoch};
	return sim_disk_has_snapshot(n, id) ? (int64_t)sim_snapshot_find(n->sim, id)->bytes.len : -1;
}

static void run_request(struct sim_node *n, struct sim_parked *p);

static void wait_is_over(struct sim *s, struct sim_event *e)
{
	(void)s;
	for (struct sim_parked **at = &e->node->parked; *at; at = &(*at)->next) {
		struct sim_parked *p = *at;

		if (p->number != e->number)
			continue;
		*at = p->next;
		p->q.again = true;
		run_request(e->node, p);
		return;
	}
}

static void park(struct sim_node *n, struct sim_parked *p)
{
	const struct fetch_request *m = p->q.in;

	sim_meet(n->sim, MET_FETCH_PARKED);
	p->offset = p->q.offset;
	p->number = ++n->n_parked;
	p->next = n->parked;
	n->parked = p;
	sim_at(n->sim, (int64_t)m->max_wait_ms * 1000, wait_is_over, n)->number = p->number;
}

static void end_change(struct sim_node *n, int err)
{
	struct sim_parked *p = n->change;

	n->change = NULL;
	if (p->q.api == add_raft_voter_request_KEY)
		((struct add_raft_voter_response *)p->q.out)->error_code = (int16_t)err;
	else
		((struct remove_raft_voter_response *)p->q.out)->error_code = (int16_t)err;
	answer(n, p);
}

static void run_request(struct sim_node *n, struct sim_parked *p)
{
	p->q.snapshot_size = asked_size(n, &p->q);
	codec_init(p->api->response, p->q.out);
	if (p->q.api != fetch_request_KEY) /* other messages may have been handled while one waited */
		n->change_err = 0;
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &p->q});
	switch (p->q.outcome) {
	case RAFT_ANSWERED:
		answer(n, p);
		break;
	case RAFT_READ:
		read_log(n, p);
		answer(n, p);
		break;
	case RAFT_READ_SNAPSHOT:
		read_snapshot(n, p);
		answer(n, p);
		break;
	case RAFT_PARKED_FETCH:
		check(!p->q.again);
		park(n, p);
		break;
	case RAFT_PARKED_CHANGE:
		check(!n->change);
		n->change = p;
		if (n->change_err != 0)
			end_change(n, n->change_err);
		break;
	}
}

static struct sim_parked *parked_new(const struct sim_api *api, int16_t version)
{
	struct sim_parked *p = xcalloc(1, sizeof(*p));

	arena_init(&p->arena, SIM_ARENA_BYTES);
	p->api = api;
	p->q = (struct raft_request){.api = api->key, .version = version, .listener = SIM_LISTENER, .arena = &p->arena};
	p->q.out = arena_zalloc(&p->arena, api->response_size);
	return p;
}

static void answer_versions(struct sim_node *n, struct sim_parked *p)
{
	struct api_versions_response *out = p->q.out;

	codec_init(p->api->response, out);
	out->supported_features.v = arena_array(&p->arena, 1, sizeof(*out->supported_features.v));
	out->supported_features.n = 1;
	out->supported_features.v->name = STR("kraft.version");
	out->supported_features.v->min_version = 0;
	out->supported_features.v->max_version = 1;
	answer(n, p);
}

static void receive_request(struct sim_node *n, const struct sim_message *m)
{
	const struct sim_api *api = api_of(m->api);
	struct sim_parked *p = parked_new(api, m->version);
	void *in = arena_zalloc(&p->arena, api->request_size);

	p->from = xmalloc(sizeof(*m) + m->len);
	memcpy(p->from, m, sizeof(*m) + m->len);
	check(codec_decode(api->request, m->version, p->from->bytes, m->len, &p->arena, in) == 0);
	p->q.in = in;
	if (m->api == api_versions_request_KEY)
		answer_versions(n, p);
	else
		run_request(n, p);
}

static void receive_answer(struct sim_node *n, const struct sim_message *m)
{
	const struct sim_api *api = api_of(m->api);
	struct raft_event event = {.type = RAFT_EVENT_ANSWER, .correlation = m->correlation, .err = m->err};
	struct arena arena;
	void *out;

	arena_init(&arena, SIM_ARENA_BYTES);
	if (m->err == 0) {
		out = arena_zalloc(&arena, api->response_size);
		check(codec_decode(api->response, m->version, m->bytes, m->len, &arena, out) == 0);
		event.response = out;
	}
	sim_node_event(n, event);
	arena_fini(&arena);
}

void sim_node_receive(struct sim_node *n, const struct sim_message *m)
{
	if (m->is_answer)
		receive_answer(n, m);
	else
		receive_request(n, m);
}

void sim_node_ask(struct sim_node *n, int16_t key, const void *request)
{
	const struct sim_api *api = api_of(key);
	struct sim_parked *p = parked_new(api, api->last);
	struct buf bytes = {0};
	void *in = arena_zalloc(&p->arena, api->request_size);
	struct str copy;

	check(codec_encode_buf(api->request, api->last, request, &bytes) == 0);
	copy = arena_str(&p->arena, buf_str(&bytes));
	check(codec_decode(api->request, api->last, copy.p, (size_t)copy.len, &p->arena, in) == 0);
	buf_fini(&bytes);
	p->q.in = in;
	run_request(n, p);
}

void sim_message_wake(struct sim_node *n, int64_t below)
{
	struct sim_parked *woken = NULL;

	for (struct sim_parked **at = &n->parked; *at;) {
		struct sim_parked *p = *at;

		if (p->offset < below) {
			*at = p->next;
			p->next = woken;
			woken = p;
		} else {
			at = &p->next;
		}
	}
	while (woken) {
		struct sim_parked *next = woken->next;

		woken->q.again = true;
		run_request(n, woken);
		woken = next;
	}
}

void sim_message_end_change(struct sim_node *n, const struct raft_effect *e)
{
	if (n->change)
		end_change(n, e->err);
	else
		n->change_err = e->err; /* in the step that requested it */
}

void sim_message_forget(struct sim_node *n)
{
	sim_message_release(n, false);
	while (n->parked) {
		struct sim_parked *next = n->parked->next;

		free_parked(n->parked);
		n->parked = next;
	}
	if (n->change)
		free_parked(n->change);
	n->change = NULL;
}
