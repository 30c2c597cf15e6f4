/*
 * follower: where records are fetched, and what the answers bring: records, a truncation (KIP-595),
 * a snapshot (KIP-630), another leader.
 *
 * 1. There is one Fetch or FetchSnapshot under way at a time, to whatever node, and none while the
 *    log is being changed or fetched records are not on disk yet.
 * 2. While the leader is unknown or does not answer, one of the bootstrap servers or voters is
 *    asked: it may know who leads.
 * 3. The log is never truncated below the high watermark or the newest snapshot.
 */
#include "base/check.h"
#include "protocol/fetch.h"
#include "protocol/fetch_snapshot.h"
#include "raft/message.h"

static const struct raft_snapshot_id NO_SNAPSHOT = {-1, -1};

void follower_begin(struct raft *r, struct raft_turn *t)
{
	r->fetch_due_ms = t->event->now_ms + r->config.fetch_timeout_ms;
	r->update_voter_due_ms = t->event->now_ms + r->config.fetch_timeout_ms;
	r->has_fetched = false;
	r->has_updated_voter = false;
	r->fetching = NO_SNAPSHOT;
}

/* The node has answered as leader. */
void follower_heard(struct raft *r, struct raft_turn *t)
{
	if (r->role != RAFT_FOLLOWER)
		return;
	r->fetch_due_ms = t->event->now_ms + r->config.fetch_timeout_ms;
	r->heard_leader = r->election.leader_id;
	r->heard_leader_epoch = r->election.leader_epoch;
	r->heard_leader_ms = t->event->now_ms;
	r->has_fetched = true;
}

/* ---- asking ---- */

static const struct fetch_request *build_fetch(const struct raft *r, struct arena *a)
{
	struct fetch_request *m = message_new(a, &fetch_request_schema, sizeof(*m));
	struct fetch_request_topic *topic = message_new(a, &fetch_request_topic_schema, sizeof(*topic));
	struct fetch_request_partition *p = message_new(a, &fetch_request_partition_schema, sizeof(*p));

	m->cluster_id = r->config.cluster_id;
	m->replica_state.replica_id = r->config.node_id;
	m->max_wait_ms = r->config.fetch_max_wait_ms;
	m->max_bytes = r->config.fetch_max_bytes;
	m->topics.v = topic;
	m->topics.n = 1;
	topic->topic = STR(METADATA_TOPIC);
	topic->topic_id = UUID_METADATA_TOPIC;
	topic->partitions.v = p;
	topic->partitions.n = 1;
	p->current_leader_epoch = r->election.leader_epoch;
	p->last_fetched_epoch = history_last_epoch(&r->history);
	p->fetch_offset = r->history.end;
	p->replica_directory_id = r->config.directory_id;
	p->high_watermark = r->high_watermark;
	return m;
}

static const struct fetch_snapshot_request *build_fetch_snapshot(const struct raft *r, struct arena *a)
{
	struct fetch_snapshot_request *m = message_new(a, &fetch_snapshot_request_schema, sizeof(*m));
	struct fetch_snapshot_request_topic *topic =
		message_new(a, &fetch_snapshot_request_topic_schema, sizeof(*topic));
	struct fetch_snapshot_request_partition *p =
		message_new(a, &fetch_snapshot_request_partition_schema, sizeof(*p));

	m->cluster_id = r->config.cluster_id;
	m->replica_id = r->config.node_id;
	m->max_bytes = r->config.fetch_snapshot_max_bytes;
	m->topics.v = topic;
	m->topics.n = 1;
	topic->name = STR(METADATA_TOPIC);
	topic->partitions.v = p;
	topic->partitions.n = 1;
	p->current_leader_epoch = r->election.leader_epoch;
	p->snapshot_id.end_offset = r->fetching.end_offset;
	p->snapshot_id.epoch = r->fetching.epoch;
	p->position = r->fetching_pos;
	p->replica_directory_id = r->config.directory_id;
	return m;
}

/* The offset of a Fetch promises that what is below it is on disk (raft.h, 5). */
static bool may_ask(const struct raft *r)
{
	bool promises = r->config.may_become_voter || raft_is_voter(r);

	return !raft_log_is_busy(r) && (!promises || r->flushed_end >= r->history.end);
}

/*
 * The i-th of the bootstrap servers, followed by the voters: the configuration may not know a voter
 * that was added later.
 */
static bool anybody(const struct raft *r, int i, struct raft_node *out)
{
	int n_bootstrap = r->config.n_bootstrap;

	if (i >= n_bootstrap)
		return raft_voter_node(r, raft_voters(r)->v[i - n_bootstrap].id, out) && out->id != r->config.node_id;
	*out = r->bootstrap[i];
	return out->id != r->config.node_id;
}

void follower_ask_anybody(struct raft *r, struct raft_turn *t)
{
	int64_t now_ms = t->event->now_ms;
	int n = r->config.n_bootstrap + raft_voters(r)->n;
	struct raft_node node;
	int first;

	if (n == 0 || !may_ask(r) || peers_busy(r, now_ms))
		return;
	first = raft_chance(t, n);
	for (int i = 0; i < n; i++) {
		if (!anybody(r, (first + i) % n, &node) || !peer_is_ready(r, node.id, now_ms))
			continue;
		peer_send(r, t, &node, fetch_request_KEY, build_fetch(r, t->out->arena));
		return;
	}
}

bool follower_leader_node(const struct raft *r, struct raft_node *out)
{
	const struct raft_endpoint *at = endpoints_find(r->leader_endpoints, r->n_leader_endpoints, r->config.listener);

	if (!at)
		return false;
	*out = (struct raft_node){r->election.leader_id, at->host, at->port};
	return true;
}

static void ask_leader(struct raft *r, struct raft_turn *t, const struct raft_node *leader)
{
	if (!peer_is_ready(r, leader->id, t->event->now_ms))
		return;
	if (r->fetching.end_offset >= 0)
		peer_send(r, t, leader, fetch_snapshot_request_KEY, build_fetch_snapshot(r, t->out->arena));
	else
		peer_send(r, t, leader, fetch_request_KEY, build_fetch(r, t->out->arena));
}

static void ask(struct raft *r, struct raft_turn *t)
{
	int64_t now_ms = t->event->now_ms;
	struct raft_node leader;

	if (!may_ask(r))
		return;
	if (!follower_leader_node(r, &leader) || peer_timed_out(r, leader.id, now_ms) ||
	    peer_is_backing_off(r, leader.id, now_ms))
		follower_ask_anybody(r, t);
	else if (!peers_busy(r, now_ms))
		ask_leader(r, t, &leader);
}

int64_t follower_poll(struct raft *r, struct raft_turn *t)
{
	bool may_stand = role_may_stand(r);
	int64_t join_due_ms;

	if (r->stopping)
		return INT64_MAX;
	if (may_stand && t->event->now_ms >= r->fetch_due_ms) {
		role_prospective(r, t);
		return t->event->now_ms;
	}
	join_due_ms = join_poll(r, t);
	ask(r, t);
	return may_stand ? min_ms(join_due_ms, r->fetch_due_ms) : join_due_ms;
}

/* ---- truncation ---- */

/* Where this log and the leader's diverge, given the leader's end of an epoch. */
static int64_t common_end(const struct raft *r, struct raft_epoch_end leader)
{
	struct raft_epoch_end own = history_epoch_end(&r->history, leader.epoch);

	if (leader.epoch == 0)
		own = (struct raft_epoch_end){0, r->history.end};
	return own.epoch == leader.epoch ? min_ms(own.end_offset, leader.end_offset) : own.end_offset;
}

static bool truncate_to(struct raft *r, struct raft_turn *t, struct raft_epoch_end leader)
{
	int64_t offset = common_end(r, leader);

	if (offset < r->high_watermark || offset < r->snapshot.end_offset || offset < r->log_start ||
	    offset >= r->history.end) {
		raft_warn(t,
			  "the leader wants a truncation that cannot be: leader=%d epoch=%d diverging_epoch=%d "
			  "diverging_end=%lld offset=%lld end=%lld high_watermark=%lld",
			  r->election.leader_id, r->election.leader_epoch, leader.epoch, (long long)leader.end_offset,
			  (long long)offset, (long long)r->history.end, (long long)r->high_watermark);
		return false;
	}
	raft_effect(t, RAFT_EFFECT_TRUNCATE)->offset = offset;
	history_truncate(&r->history, offset);
	raft_flush_truncated(r, offset);
	return true;
}

/* ---- snapshots ---- */

/*
 * True when the log ends before the snapshot, or in an epoch before the snapshot's: the snapshot
 * may replace the log.
 */
static bool is_ahead(const struct raft *r, struct raft_snapshot_id id)
{
	int32_t last_epoch = history_last_epoch(&r->history);

	if (id.end_offset <= 0 || id.epoch < 0 || id.end_offset < r->high_watermark)
		return false;
	return id.epoch > last_epoch || (id.epoch == last_epoch && id.end_offset > r->history.end);
}

static bool begin_snapshot(struct raft *r, struct raft_turn *t, struct raft_snapshot_id id)
{
	if (!is_ahead(r, id)) {
		raft_warn(
			t,
			"the leader wants a snapshot to be loaded that cannot be: leader=%d epoch=%d snapshot=%lld-%d "
			"end=%lld high_watermark=%lld",
			r->election.leader_id, r->election.leader_epoch, (long long)id.end_offset, id.epoch,
			(long long)r->history.end, (long long)r->high_watermark);
		return false;
	}
	r->fetching = id;
	r->fetching_pos = 0;
	return true;
}

static bool take_chunk(struct raft *r, struct raft_turn *t, const struct fetch_snapshot_response_partition *p)
{
	int64_t len = p->unaligned_records.len;
	struct raft_effect *e;

	if (p->snapshot_id.end_offset != r->fetching.end_offset || p->snapshot_id.epoch != r->fetching.epoch ||
	    p->position != r->fetching_pos || len <= 0 || len > p->size - p->position) {
		raft_warn(
			t,
			"the leader gives another piece of a snapshot than it was asked for: leader=%d snapshot=%lld-%d pos=%lld",
			r->election.leader_id, (long long)r->fetching.end_offset, r->fetching.epoch,
			(long long)r->fetching_pos);
		r->fetching = NO_SNAPSHOT;
		return false;
	}
	e = raft_effect(t, RAFT_EFFECT_SNAPSHOT_CHUNK);
	e->snapshot = r->fetching;
	e->offset = r->fetching_pos;
	e->records = p->unaligned_records;
	r->fetching_pos += len;
	if (r->fetching_pos == p->size) {
		raft_effect(t, RAFT_EFFECT_LOAD_SNAPSHOT)->snapshot = r->fetching;
		r->fetching = NO_SNAPSHOT;
		r->loading = true;
	}
	return true;
}

bool follower_fetch_snapshot_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from)
{
	const struct fetch_snapshot_response *m = t->event->response;
	const struct fetch_snapshot_response_partition *p;
	struct raft_said said;
	bool well;

	(void)from;
	if (answer_err(t, m ? m->error_code : 0) != 0 || m->topics.n != 1 ||
	    !str_is(m->topics.v->name, METADATA_TOPIC) || m->topics.v->partitions.n != 1)
		return false;
	p = m->topics.v->partitions.v;
	said_init(&said, p->error_code, p->current_leader.leader_id, p->current_leader.leader_epoch);
	if (m->node_endpoints.n > 0)
		said_endpoint(r, &said, m->node_endpoints.v->host, m->node_endpoints.v->port);
	if (!said_applies(r, t, &said) || r->role != RAFT_FOLLOWER || r->fetching.end_offset < 0)
		return false;
	if (p->error_code != 0) { /* the snapshot is gone or has changed: the next Fetch names a newer one */
		r->fetching = NO_SNAPSHOT;
		return p->error_code == ERR_SNAPSHOT_NOT_FOUND;
	}
	well = take_chunk(r, t, p);
	if (well)
		follower_heard(r, t);
	return well;
}

/* The log now consists of the snapshot, and is committed up to its end. */
static void restart_log(struct raft *r, struct raft_turn *t)
{
	struct raft_snapshot_id id = t->event->snapshot;
	struct raft_history fresh;

	check(r->role != RAFT_LEADER && id.end_offset >= r->high_watermark);
	raft_history_init(&fresh, id.end_offset, id.epoch);
	history_append(&fresh, t->event->history);
	raft_history_fini(&r->history);
	r->history = fresh;
	r->history.bytes = 0;
	r->log_start = r->flushed_end = r->wanted_end = id.end_offset;
	r->snapshot = id;
	r->bytes_since_snapshot = 0;
	snapshot_schedule(r, t->event->now_ms);
	raft_commit(r, t, id.end_offset);
}

void follower_loaded(struct raft *r, struct raft_turn *t)
{
	check(r->loading);
	r->loading = false;
	if (t->event->err != 0) {
		peer_fail(r, r->election.leader_id, t->event->now_ms);
		return;
	}
	restart_log(r, t);
	follower_heard(r, t);
}

/* ---- records ---- */

static bool append(struct raft *r, struct raft_turn *t, const struct fetch_response_partition *p)
{
	struct raft_effect *e;

	if (p->records.len == 0) {
		if (p->high_watermark >= 0)
			raft_commit(r, t, min_ms(p->high_watermark, r->history.end));
		follower_heard(r, t);
		return true;
	}
	e = raft_effect(t, RAFT_EFFECT_APPEND_FETCHED);
	e->records = p->records;
	e->offset = r->history.end;
	e->epoch = r->election.leader_epoch;
	r->appending = true;
	r->fetched_high_watermark = p->high_watermark;
	return true;
}

void follower_fetched(struct raft *r, struct raft_turn *t)
{
	check(r->appending && r->role != RAFT_LEADER);
	r->appending = false;
	if (t->event->history) {
		r->bytes_since_snapshot += t->event->history->bytes;
		history_append(&r->history, t->event->history);
	}
	if (r->fetched_high_watermark >= 0)
		raft_commit(r, t, min_ms(r->fetched_high_watermark, r->history.end));
	if (r->config.may_become_voter || raft_is_voter(r))
		raft_want_flush(r, t);
	if (t->event->err == 0)
		follower_heard(r, t);
	else
		peer_fail(r, r->election.leader_id, t->event->now_ms);
}

static bool is_about_metadata(const struct fetch_response *m)
{
	return m->responses.n == 1 && uuid_eq(m->responses.v->topic_id, UUID_METADATA_TOPIC) &&
	       m->responses.v->partitions.n == 1 && m->responses.v->partitions.v->partition_index == 0;
}

bool follower_fetch_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from)
{
	const struct fetch_response *m = t->event->response;
	const struct fetch_response_partition *p;
	struct raft_said said;
	bool well;

	(void)from;
	if (answer_err(t, m ? m->error_code : 0) != 0 || !is_about_metadata(m))
		return false;
	p = m->responses.v->partitions.v;
	said_init(&said, p->error_code, p->current_leader.leader_id, p->current_leader.leader_epoch);
	if (m->node_endpoints.n > 0)
		said_endpoint(r, &said, m->node_endpoints.v->host, m->node_endpoints.v->port);
	if (!said_applies(r, t, &said) || p->error_code != 0 || r->role != RAFT_FOLLOWER || raft_log_is_busy(r))
		return false;
	r->fetching = NO_SNAPSHOT; /* this answer is newer than the one that made us fetch a snapshot */
	if (p->diverging_epoch.epoch < 0 && p->snapshot_id.epoch < 0 && p->snapshot_id.end_offset < 0)
		return append(r, t, p);
	if (p->diverging_epoch.epoch >= 0)
		well = truncate_to(r, t,
				   (struct raft_epoch_end){p->diverging_epoch.epoch, p->diverging_epoch.end_offset});
	else
		well = begin_snapshot(r, t, (struct raft_snapshot_id){p->snapshot_id.end_offset, p->snapshot_id.epoch});
	if (well)
		follower_heard(r, t);
	return well;
}
