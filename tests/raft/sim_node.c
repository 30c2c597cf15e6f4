/*
 * sim_node: the carrier of one brain, as raft.h asks for it, over a simulated disk.
 */
#include <errno.h>
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
#include "raft/control.h"
#include "tests/raft/quorum_sim.h"
#include "wire/batch.h"
#include "wire/codec.h"

#define ARENA_BYTES (64 << 20)
#define FETCH_BYTES 2000

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

/* Nothing leaves before quorum-state is as the brain thinks it is. */
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

static void drop_held(struct sim_node *n, bool send)
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

/* What the highest version that both speak cannot say: Fetch has another place for the id below version 15. */
static void fit(int16_t api, int16_t version, void *request)
{
	struct fetch_request *m = request;

	if (api != fetch_request_KEY || version >= 15)
		return;
	m->replica_id = m->replica_state.replica_id;
	m->replica_state.replica_id = -1;
}

/* What it promises when it leaves. */
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

static void send_request(struct sim_node *n, const struct raft_effect *e)
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

/* A request that is in work, and what it arrived in. */
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
		m->from_life = p->from->from_life; /* for whom it is */
		m->api = p->q.api;
		m->correlation = p->from->correlation;
		if (m->api == vote_request_KEY)
			note_vote(n->sim, p, m);
		leave(n, m);
	}
	free_parked(p);
}

/* Whole batches from an offset on, the first whatever its size. */
static void read_log(struct sim_node *n, struct sim_parked *p)
{
	struct fetch_response *out = p->q.out;
	int32_t max = p->q.max_bytes < FETCH_BYTES ? p->q.max_bytes : FETCH_BYTES;
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

static bool has_snapshot(const struct sim_node *n, struct raft_snapshot_id id)
{
	for (int i = 0; i < n->disk.n_snapshots; i++) {
		if (n->disk.snapshots[i].end_offset == id.end_offset && n->disk.snapshots[i].epoch == id.epoch)
			return true;
	}
	return false;
}

static int64_t asked_size(const struct sim_node *n, const struct raft_request *q)
{
	const struct fetch_snapshot_request *m = q->in;
	struct raft_snapshot_id id;

	if (q->api != fetch_snapshot_request_KEY || m->topics.n != 1 || m->topics.v->partitions.n != 1)
		return -1;
	id = (struct raft_snapshot_id){m->topics.v->partitions.v->snapshot_id.end_offset,
				       m->topics.v->partitions.v->snapshot_id.epoch};
	return has_snapshot(n, id) ? (int64_t)sim_snapshot_find(n->sim, id)->bytes.len : -1;
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

static void run_request(struct sim_node *n, struct sim_parked *p)
{
	p->q.snapshot_size = asked_size(n, &p->q);
	codec_init(p->api->response, p->q.out);
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
		break;
	}
}

static struct sim_parked *parked_new(const struct sim_api *api, int16_t version)
{
	struct sim_parked *p = xcalloc(1, sizeof(*p));

	arena_init(&p->arena, ARENA_BYTES);
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

	arena_init(&arena, ARENA_BYTES);
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

static void wake_fetches(struct sim_node *n, int64_t below)
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

static void end_change(struct sim_node *n, const struct raft_effect *e)
{
	struct sim_parked *p = n->change;

	n->change = NULL;
	check(p);
	if (p->q.api == add_raft_voter_request_KEY)
		((struct add_raft_voter_response *)p->q.out)->error_code = (int16_t)e->err;
	else
		((struct remove_raft_voter_response *)p->q.out)->error_code = (int16_t)e->err;
	answer(n, p);
}

/* ---- quorum-state ---- */

static int64_t disk_time(struct sim_node *n)
{
	return n->disk_us / 2 + (int64_t)sim_chance(n->sim, (uint64_t)n->disk_us);
}

static void start_write(struct sim_node *n);

static void tell_flushed(struct sim_node *n)
{
	if (n->writing || !n->flush_done)
		return;
	n->flush_done = n->flushing = false;
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_FLUSHED, .offset = n->disk.log.end});
}

static void written(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = e->node;

	(void)s;
	n->disk.election = n->writes;
	n->disk.has_election = true;
	if (n->write_again) {
		start_write(n);
		return;
	}
	n->writing = false;
	drop_held(n, true);
	tell_flushed(n);
}

/* The file is read back, as it is after a start. */
static struct raft_election through_file(struct sim_node *n, const struct raft_election *e)
{
	struct raft_election back;
	struct buf text = {0};

	raft_election_format(e, raft_kraft_version(n->raft), raft_voters(n->raft), &text);
	check(raft_election_parse(buf_str(&text), &back) == 0);
	buf_fini(&text);
	return back;
}

static void start_write(struct sim_node *n)
{
	n->writing = true;
	n->write_again = false;
	n->writes = n->election;
	sim_at(n->sim, disk_time(n), written, n);
}

static void write_state(struct sim_node *n, const struct raft_election *e)
{
	n->election = through_file(n, e);
	if (n->writing)
		n->write_again = true;
	else
		start_write(n);
}

/* ---- the log ---- */

static void flush_ended(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = e->node;

	(void)s;
	sim_log_copy(&n->disk.log, &n->flush_image);
	sim_log_fini(&n->flush_image);
	sim_log_fini(&n->disk.ghost);
	n->flush_done = true;
	tell_flushed(n);
}

static void flush(struct sim_node *n)
{
	check(!n->flushing);
	n->flushing = true;
	sim_log_copy(&n->flush_image, &n->log);
	sim_at(n->sim, disk_time(n), flush_ended, n);
}

static void power_cut(struct sim *s, struct sim_event *e)
{
	if (s->healed)
		return;
	sim_meet(s, MET_CRASH);
	sim_node_crash(e->node);
}

/* What was on disk may come back, as long as nothing has taken its place. */
static void truncate_log(struct sim_node *n, int64_t offset)
{
	sim_meet(n->sim, MET_TRUNCATED);
	if (sim_one_in(n->sim, 8))
		sim_at(n->sim, 0, power_cut, n);
	sim_log_truncate(&n->log, offset);
	if (n->disk.log.end > offset) {
		if (n->disk.ghost.n == 0)
			sim_log_copy(&n->disk.ghost, &n->disk.log);
		sim_log_truncate(&n->disk.log, offset);
	}
	if (n->flush_image.n > 0 && n->flush_image.end > offset)
		sim_log_truncate(&n->flush_image, offset);
}

static void append(struct sim_node *n, const uint8_t *bytes, size_t len)
{
	sim_log_fini(&n->disk.ghost);
	sim_log_append(&n->log, bytes, len);
}

static void append_data(struct sim_node *n, int n_records)
{
	struct batch_options options = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	struct buf out = {0};
	uint64_t value = sim_chance(n->sim, UINT64_MAX);

	options.base_offset = raft_log_end(n->raft);
	options.leader_epoch = raft_epoch(n->raft);
	batch_begin(&b, &out, &options);
	for (int i = 0; i < n_records; i++)
		batch_add(&b, 0, BYTES_NULL, (struct bytes){(const uint8_t *)&value, sizeof(value)});
	batch_end(&b);
	append(n, out.p, out.len);
	buf_fini(&out);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_APPENDED,
					      .n_records = n_records,
					      .bytes = 200 * n_records,
					      .idle = n_records == 1 && sim_one_in(n->sim, 2)});
}

void sim_node_append(struct sim_node *n)
{
	if (raft_role(n->raft) == RAFT_LEADER)
		append_data(n, 1 + (int)sim_chance(n->sim, 3));
}

/* What the log takes is told; what is damaged on the way, or does not follow, ends it. */
static void append_fetched(struct sim_node *n, const struct raft_effect *e)
{
	struct batch_iter it = batch_iter(e->records.p, (size_t)e->records.len);
	bool damaged = !n->sim->healed && sim_one_in(n->sim, 200);
	struct raft_history history;
	int err = 0;

	check(e->offset == n->log.end);
	raft_history_init(&history, n->log.end, raft_last_epoch(n->raft));
	while (err == 0 && batch_next(&it)) {
		if (it.header.leader_epoch > e->epoch)
			break;
		err = damaged || !batch_crc_ok(it.p, &it.header) ? -EBADMSG : control_note(&it.header, it.p, &history);
		if (err == 0)
			append(n, it.p, (size_t)batch_size(&it.header));
		damaged = !n->sim->healed && sim_one_in(n->sim, 200);
	}
	if (err != 0)
		sim_meet(n->sim, MET_CORRUPT);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_FETCHED, .history = &history, .err = err});
	raft_history_fini(&history);
}

/* ---- committing ---- */

static void commit(struct sim_node *n, int64_t offset)
{
	sim_check_commit(n->sim, n, offset);
	check(offset > n->high_watermark);
	n->high_watermark = offset;
	if (n->applied < offset) {
		n->applied = offset;
		n->state = n->sim->committed[offset - 1].state;
	}
}

/* ---- snapshots ---- */

static void put_snapshot(struct sim_node *n, struct raft_snapshot_id id)
{
	struct sim_disk *d = &n->disk;

	if (has_snapshot(n, id))
		return;
	check(d->n_snapshots == 0 || d->snapshots[d->n_snapshots - 1].end_offset < id.end_offset);
	d->snapshots = xreallocarray(d->snapshots, (size_t)d->n_snapshots + 1, sizeof(*d->snapshots));
	d->snapshots[d->n_snapshots++] = id;
}

/* All but the newest few; the log then starts at the oldest. */
static void clean(struct sim_node *n)
{
	struct sim_disk *d = &n->disk;
	int keep = 1 + (int)sim_chance(n->sim, 3);
	int gone = d->n_snapshots - keep;

	if (gone <= 0)
		return;
	d->n_snapshots -= gone;
	memmove(d->snapshots, d->snapshots + gone, (size_t)d->n_snapshots * sizeof(*d->snapshots));
	sim_log_clean(&n->log, d->snapshots[0].end_offset);
	if (d->log.end < n->log.start) { /* what was not flushed is in the snapshot, which is */
		sim_log_restart(&d->log, n->log.start);
	} else {
		sim_log_clean(&d->log, n->log.start);
	}
	sim_log_fini(&d->ghost);
	if (n->flush_image.n > 0 && n->flush_image.end > n->log.start)
		sim_log_clean(&n->flush_image, n->log.start);
	else if (n->flushing && !n->flush_done)
		sim_log_restart(&n->flush_image, n->log.start);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_CLEANED, .snapshot = d->snapshots[0]});
}

static void cut_ended(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = e->node;
	struct raft_event event = {.type = RAFT_EVENT_SNAPSHOT, .snapshot = {-1, 0}};
	int n_had = n->disk.n_snapshots;

	n->cutting = false;
	if (!sim_one_in(s, 20) && (n_had == 0 || n->disk.snapshots[n_had - 1].end_offset < e->number)) {
		sim_meet(s, MET_SNAPSHOT_CUT);
		event.snapshot = (struct raft_snapshot_id){e->number, s->committed[e->number - 1].epoch};
		put_snapshot(n, event.snapshot);
	}
	sim_node_event(n, event);
}

static void make_snapshot(struct sim_node *n, struct raft_snapshot_id id)
{
	struct sim *s = n->sim;
	struct sim_snapshot *fresh;

	s->snapshots = xreallocarray(s->snapshots, (size_t)s->n_snapshots + 1, sizeof(*s->snapshots));
	fresh = &s->snapshots[s->n_snapshots++];
	*fresh = (struct sim_snapshot){
		.id = id, .state = n->state, .kraft_version = raft_kraft_version_at(n->raft, id.end_offset - 1)};
	raft_voters_copy(&fresh->voters, raft_voters_at(n->raft, id.end_offset - 1));
	buf_put(&fresh->bytes, &fresh->state, sizeof(fresh->state));
	for (uint64_t more = sim_chance(s, 300); more > 0; more--)
		buf_put(&fresh->bytes, "x", 1);
}

static void cut_snapshot(struct sim_node *n, int64_t offset)
{
	struct raft_snapshot_id id = {offset, n->sim->committed[offset - 1].epoch};
	const struct sim_snapshot *same;

	check(!n->cutting && n->applied == offset);
	n->cutting = true;
	if (!sim_snapshot_find(n->sim, id))
		make_snapshot(n, id);
	same = sim_snapshot_find(n->sim, id);
	if (same->state != n->state || same->voters.n != raft_voters_at(n->raft, offset - 1)->n ||
	    same->kraft_version != raft_kraft_version_at(n->raft, offset - 1))
		sim_fail(n->sim, "node %d cuts another snapshot at %lld than somebody before it", n->id,
			 (long long)offset);
	sim_at(n->sim, 1000 + (int64_t)sim_chance(n->sim, 300000), cut_ended, n)->number = offset;
}

static void take_chunk(struct sim_node *n, const struct raft_effect *e)
{
	if (e->offset == 0) {
		n->part.len = 0;
		n->part_id = e->snapshot;
	}
	check((int64_t)n->part.len == e->offset && n->part_id.end_offset == e->snapshot.end_offset &&
	      n->part_id.epoch == e->snapshot.epoch);
	buf_put(&n->part, e->records.p, (size_t)e->records.len);
}

/* The log, and what of it is on disk, is the snapshot's. */
static void restart_log(struct sim_node *n, const struct sim_snapshot *snapshot)
{
	int64_t end = snapshot->id.end_offset;

	sim_log_restart(&n->log, end);
	sim_log_restart(&n->disk.log, end);
	sim_log_fini(&n->disk.ghost);
	if (n->flushing && !n->flush_done)
		sim_log_restart(&n->flush_image, end);
	n->disk.n_snapshots = 0;
	put_snapshot(n, snapshot->id);
	n->state = snapshot->state;
	n->applied = end;
}

static void note_snapshot(const struct sim_snapshot *snapshot, struct raft_history *out)
{
	int64_t at = snapshot->id.end_offset - 1;

	if (snapshot->kraft_version == 0)
		return;
	raft_history_note_kraft_version(out, at, snapshot->kraft_version);
	raft_history_note_voters(out, at, &snapshot->voters);
}

static void load_ended(struct sim *s, struct sim_event *e)
{
	struct sim_node *n = e->node;
	struct raft_event event = {.type = RAFT_EVENT_LOADED, .snapshot = n->part_id};
	const struct sim_snapshot *snapshot;
	struct raft_history history;

	if (e->number) /* it was here before */
		event.snapshot = n->disk.snapshots[n->disk.n_snapshots - 1];
	snapshot = sim_snapshot_find(s, event.snapshot);
	raft_history_init(&history, snapshot->id.end_offset, snapshot->id.epoch);
	event.history = &history;
	if (!e->number &&
	    (n->part.len != snapshot->bytes.len || memcmp(n->part.p, snapshot->bytes.p, n->part.len) != 0))
		sim_fail(s, "node %d has fetched other bytes of a snapshot than there are", n->id);
	if (!s->healed && sim_one_in(s, 10)) {
		sim_meet(s, MET_LOAD_FAILED);
		event.err = -EIO;
	} else {
		sim_meet(s, MET_SNAPSHOT_LOADED);
		restart_log(n, snapshot);
		note_snapshot(snapshot, &history);
	}
	sim_node_event(n, event);
	raft_history_fini(&history);
}

static void load_snapshot(struct sim_node *n, struct raft_snapshot_id id)
{
	int64_t longest_us = sim_one_in(n->sim, 4) ? 5000000 : 200000;
	struct sim_event *e = sim_at(n->sim, 1000 + (int64_t)sim_chance(n->sim, (uint64_t)longest_us), load_ended, n);

	if (raft_role(n->raft) == RAFT_LEADER)
		sim_fail(n->sim, "node %d loads a snapshot while it leads", n->id);
	if (has_snapshot(n, id))
		e->number = 1;
}

/* ---- effects ---- */

static void tick(struct sim *s, struct sim_event *e)
{
	(void)s;
	if (e->number != e->node->tick_seq)
		return;
	e->node->tick_ms = INT64_MAX;
	sim_node_event(e->node, (struct raft_event){.type = RAFT_EVENT_TICK});
}

static void wake_at(struct sim_node *n, int64_t at_ms)
{
	int64_t left_ms = at_ms - sim_node_ms(n);

	if (at_ms >= n->tick_ms)
		return;
	n->tick_ms = at_ms;
	sim_at(n->sim, left_ms > 0 ? left_ms * 1000000 / n->rate + 1000 : 0, tick, n)->number = ++n->tick_seq;
}

static void gone(struct sim *s, struct sim_event *e)
{
	(void)s;
	sim_meet(s, MET_CLEAN_STOP);
	sim_node_crash(e->node);
}

static void perform(struct sim_node *n, const struct raft_effect *e)
{
	switch (e->type) {
	case RAFT_EFFECT_WRITE_STATE:
		write_state(n, &e->election);
		break;
	case RAFT_EFFECT_SEND:
		send_request(n, e);
		break;
	case RAFT_EFFECT_APPEND_CONTROL:
		check(e->offset == n->log.end);
		append(n, e->batch.p, (size_t)e->batch.len);
		break;
	case RAFT_EFFECT_APPEND_FETCHED:
		append_fetched(n, e);
		break;
	case RAFT_EFFECT_TRUNCATE:
		truncate_log(n, e->offset);
		break;
	case RAFT_EFFECT_FLUSH:
		flush(n);
		break;
	case RAFT_EFFECT_COMMIT:
		commit(n, e->offset);
		break;
	case RAFT_EFFECT_LEADER:
		sim_meet(n->sim, MET_LEADER);
		sim_check_leader(n->sim, n);
		append_data(n, 1);
		break;
	case RAFT_EFFECT_RESIGNED:
		sim_meet(n->sim, MET_RESIGNED);
		break;
	case RAFT_EFFECT_FOLLOWER:
		break;
	case RAFT_EFFECT_FETCHES:
		wake_fetches(n, e->offset);
		break;
	case RAFT_EFFECT_CHANGE_DONE:
		end_change(n, e);
		break;
	case RAFT_EFFECT_SNAPSHOT_CHUNK:
		take_chunk(n, e);
		break;
	case RAFT_EFFECT_LOAD_SNAPSHOT:
		load_snapshot(n, e->snapshot);
		break;
	case RAFT_EFFECT_CUT_SNAPSHOT:
		cut_snapshot(n, e->offset);
		break;
	case RAFT_EFFECT_CLEAN:
		clean(n);
		break;
	case RAFT_EFFECT_WARN:
		sim_fail(n->sim, "node %d is told what cannot be: %.*s", n->id, STR_ARG(e->message));
	case RAFT_EFFECT_STOPPED:
		sim_at(n->sim, 0, gone, n);
		break;
	case RAFT_EFFECT_WAKE:
		wake_at(n, e->offset);
		break;
	}
}

int64_t sim_node_ms(const struct sim_node *n)
{
	return n->sim->now_us / 1000 * n->rate / 1000 + n->clock_ms;
}

static void note_role(struct sim_node *n, enum raft_role before)
{
	enum raft_role now = raft_role(n->raft);

	if (now == before)
		return;
	sim_say(n->sim, n, "%s -> %s epoch=%d leader=%d", raft_role_name(before), raft_role_name(now),
		raft_epoch(n->raft), raft_leader_id(n->raft));
	if (now == RAFT_PROSPECTIVE)
		sim_meet(n->sim, MET_PROSPECTIVE);
	if (now == RAFT_CANDIDATE)
		sim_meet(n->sim, MET_CANDIDATE);
	if (before == RAFT_PROSPECTIVE && (now == RAFT_UNATTACHED || now == RAFT_FOLLOWER))
		sim_meet(n->sim, MET_PROSPECTIVE_LOST);
}

static void fill(const struct sim_node *n, struct raft_event *event)
{
	event->now_ms = sim_node_ms(n);
	event->wall_ms = event->now_ms + 1700000000000;
	event->chance = sim_chance(n->sim, UINT64_MAX);
}

/* What comes of a step may be the next one, from inside an effect. */
static void perform_all(struct sim_node *n, const struct raft_effects *effects)
{
	for (int i = 0; i < effects->n; i++)
		perform(n, &effects->v[i]);
	sim_check_node(n->sim, n);
}

void sim_node_event(struct sim_node *n, struct raft_event event)
{
	enum raft_role before = raft_role(n->raft);
	int n_voters = raft_voters(n->raft)->n;
	struct raft_effects effects;
	struct arena arena;

	fill(n, &event);
	arena_init(&arena, ARENA_BYTES);
	effects = (struct raft_effects){.arena = &arena};
	raft_step(n->raft, &event, &effects);
	note_role(n, before);
	if (event.type == RAFT_EVENT_ANSWER && raft_voters(n->raft)->n != n_voters)
		sim_meet(n->sim, MET_VOTERS_UNDONE);
	perform_all(n, &effects);
	arena_fini(&arena);
}

void sim_node_upgrade(struct sim_node *n)
{
	struct raft_upgrade to = {.kraft_version = 1};
	struct raft_event event = {0};
	struct raft_effects effects;
	struct str why = STR_NULL;
	struct arena arena;

	fill(n, &event);
	arena_init(&arena, ARENA_BYTES);
	effects = (struct raft_effects){.arena = &arena};
	if (raft_upgrade(n->raft, &to, &event, &effects, &why) == 0 && effects.n > 0)
		sim_meet(n->sim, MET_UPGRADED);
	perform_all(n, &effects);
	arena_fini(&arena);
}

/* ---- life ---- */

void sim_node_init(struct sim *s, int at, enum sim_kind kind)
{
	struct sim_node *n = &s->nodes[at];

	*n = (struct sim_node){.sim = s, .id = at + 1, .kind = kind, .disk_us = 2000, .rate = 1000};
	n->directory_id.b[0] = (uint8_t)(at + 1);
	n->directory_id.b[15] = 1;
	n->endpoint = (struct raft_endpoint){SIM_LISTENER, STR("sim"), (uint16_t)(9000 + at)};
	n->held_end = &n->held;
	n->tick_ms = INT64_MAX;
	n->high_watermark = -1;
}

static void forget_life(struct sim_node *n)
{
	raft_free(n->raft);
	n->raft = NULL;
	drop_held(n, false);
	while (n->parked) {
		struct sim_parked *next = n->parked->next;

		free_parked(n->parked);
		n->parked = next;
	}
	if (n->change)
		free_parked(n->change);
	n->change = NULL;
	sim_log_fini(&n->log);
	sim_log_fini(&n->flush_image);
	n->part.len = 0;
	n->up = n->stopping = n->flushing = n->flush_done = n->writing = n->write_again = n->cutting = false;
	n->tick_ms = INT64_MAX;
	n->high_watermark = -1;
	n->epoch = 0;
	n->life++;
}

void sim_node_fini(struct sim_node *n)
{
	forget_life(n);
	sim_log_fini(&n->disk.log);
	sim_log_fini(&n->disk.ghost);
	xfree(n->disk.snapshots);
	buf_fini(&n->part);
}

/* Of what was not flushed some of the first batches may be there all the same; what was cut off may be there again. */
static void lose_records(struct sim_node *n)
{
	struct sim_log *disk = &n->disk.log;
	int first = 0;

	while (first < n->log.n && n->log.v[first]->base < disk->end)
		first++;
	if (n->log.end > disk->end) {
		for (; first < n->log.n && sim_one_in(n->sim, 2); first++)
			sim_log_append(disk, n->log.v[first]->bytes, n->log.v[first]->len);
		if (n->log.end > disk->end)
			sim_meet(n->sim, MET_RECORDS_LOST);
	} else if (n->disk.ghost.n > 0 && n->disk.ghost.start == disk->start && sim_one_in(n->sim, 2)) {
		sim_meet(n->sim, MET_GHOST);
		sim_log_copy(disk, &n->disk.ghost);
	}
	sim_log_fini(&n->disk.ghost);
}

void sim_node_crash(struct sim_node *n)
{
	check(n->up);
	sim_say(n->sim, n, "down");
	if (n->writing && sim_one_in(n->sim, 2)) {
		n->disk.election = n->writes;
		n->disk.has_election = true;
	} else if (n->writing) {
		sim_meet(n->sim, MET_STATE_LOST);
	}
	lose_records(n);
	forget_life(n);
}

void sim_node_stop(struct sim_node *n)
{
	if (n->stopping)
		return;
	n->stopping = true;
	sim_at(n->sim, 1000000, gone, n);
	sim_node_event(n, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN});
}

void sim_node_wipe(struct sim_node *n)
{
	check(!n->up);
	sim_log_fini(&n->disk.log);
	sim_log_fini(&n->disk.ghost);
	n->disk.n_snapshots = 0;
	n->disk.has_election = false;
	n->told_epoch = 0;
	n->directory_id.b[15]++;
}

/* A log that ends before the newest snapshot, or in an epoch before it, gives way to that (as Kafka's does when it starts). */
static void recover(struct sim_node *n)
{
	struct sim_disk *d = &n->disk;
	const struct sim_snapshot *snapshot;
	int32_t last_epoch = d->log.n > 0 ? d->log.v[d->log.n - 1]->epoch : 0;

	n->state = 0;
	n->applied = 0;
	if (d->n_snapshots == 0)
		return;
	snapshot = sim_snapshot_find(n->sim, d->snapshots[d->n_snapshots - 1]);
	if (d->log.end < snapshot->id.end_offset || (d->log.n > 0 && last_epoch < snapshot->id.epoch))
		restart_log(n, snapshot);
	n->state = snapshot->state;
	n->applied = snapshot->id.end_offset;
}

static void read_history(struct sim_node *n, struct raft_history *out)
{
	struct sim_disk *d = &n->disk;
	int64_t snapshot_end = d->n_snapshots > 0 ? d->snapshots[d->n_snapshots - 1].end_offset : 0;
	bool noted = false;

	raft_history_init(out, n->log.start, n->log.start > 0 ? d->snapshots[0].epoch : 0);
	if (n->sim->dynamic) {
		raft_history_note_kraft_version(out, -1, 1);
		raft_history_note_voters(out, -1, &n->sim->first_voters);
	}
	for (int i = 0; i <= n->log.n; i++) {
		const struct sim_batch *b = i < n->log.n ? n->log.v[i] : NULL;
		struct batch_header h;

		if (!noted && d->n_snapshots > 0 && (!b || b->base >= snapshot_end)) {
			note_snapshot(sim_snapshot_find(n->sim, d->snapshots[d->n_snapshots - 1]), out);
			noted = true;
		}
		if (!b)
			break;
		if (b->base < snapshot_end) {
			raft_history_note_epoch(out, b->epoch, b->base);
			out->end = b->end;
			continue;
		}
		check(batch_header_read(b->bytes, b->len, &h) == 0 && control_note(&h, b->bytes, out) == 0);
	}
}

static void configure(struct sim_node *n, struct raft_config *config, struct raft_voter *own)
{
	*own = (struct raft_voter){.id = n->id,
				   .directory_id = n->directory_id,
				   .endpoints = &n->endpoint,
				   .n_endpoints = 1,
				   .kraft_version_min = 0,
				   .kraft_version_max = 1};
	*config = (struct raft_config){
		.node_id = n->id,
		.directory_id = n->directory_id,
		.cluster_id = SIM_CLUSTER,
		.listener = SIM_LISTENER,
		.own = own,
		.may_become_voter = n->kind == SIM_CONTROLLER,
		.auto_join = n->auto_join,
		.bootstrap = n->sim->bootstrap,
		.n_bootstrap = n->sim->n_bootstrap,
		.election_timeout_ms = 1000,
		.fetch_timeout_ms = 2000,
		.election_backoff_max_ms = 1000,
		.request_timeout_ms = 2000,
		.retry_backoff_ms = 20,
		.fetch_max_wait_ms = 500,
		.fetch_max_bytes = FETCH_BYTES,
		.fetch_snapshot_max_bytes = 100,
		.snapshot_max_bytes = n->sim->snapshot_bytes,
		.snapshot_max_ms = 3600000,
	};
}

void sim_node_start(struct sim_node *n)
{
	struct raft_event event = {0};
	struct raft_start start = {.snapshot = {-1, 0}};
	struct raft_config config;
	struct raft_effects effects;
	struct raft_voter own;
	struct arena arena;

	check(!n->up);
	sim_say(n->sim, n, "up");
	n->up = true;
	recover(n);
	sim_log_copy(&n->log, &n->disk.log);
	configure(n, &config, &own);
	start.election = n->disk.election;
	start.has_election = n->disk.has_election;
	start.log_start = n->log.start;
	if (n->disk.n_snapshots > 0)
		start.snapshot = n->disk.snapshots[n->disk.n_snapshots - 1];
	if (!n->sim->dynamic)
		start.static_voters = n->sim->first_voters;
	read_history(n, &start.history);
	n->raft = raft_new(&config, &start);
	raft_history_fini(&start.history);
	fill(n, &event);
	arena_init(&arena, ARENA_BYTES);
	effects = (struct raft_effects){.arena = &arena};
	raft_begin(n->raft, &event, &effects);
	sim_check_start(n->sim, n);
	perform_all(n, &effects);
	arena_fini(&arena);
}
