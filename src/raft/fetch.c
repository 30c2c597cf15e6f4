/*
 * fetch: Fetch and FetchSnapshot, answered by a leader (KIP-595, KIP-630).
 *
 * A Fetch gives the end of the fetcher's log and the epoch of its last record. If the leader's log
 * has that record, the answer is what follows. If the leader has another record there, the answer
 * is where the two logs diverge (diverging epoch). If the leader's log begins after it, the answer
 * is the newest snapshot.
 */
#include "protocol/fetch.h"
#include "protocol/fetch_snapshot.h"
#include "raft/message.h"

/* ---- Fetch ---- */

static bool is_about_metadata(const struct fetch_request *m)
{
	return m->topics.n == 1 && uuid_eq(m->topics.v->topic_id, UUID_METADATA_TOPIC) &&
	       m->topics.v->partitions.n == 1 && m->topics.v->partitions.v->partition == 0;
}

/* The partition's answer, with the leader; NULL when the arena is spent. */
static struct fetch_response_partition *fill_fetch(const struct raft *r, const struct raft_request *q, int err)
{
	struct fetch_response *out = q->out;
	struct fetch_response_topic *topic = answer_new(q->arena, &fetch_response_topic_schema, sizeof(*topic));
	struct fetch_response_partition *p = answer_new(q->arena, &fetch_response_partition_schema, sizeof(*p));
	struct fetch_response_node_endpoint *node =
		answer_new(q->arena, &fetch_response_node_endpoint_schema, sizeof(*node));
	const struct raft_endpoint *leader = request_leader(r, q, 17);

	if (!topic || !p || !node)
		return NULL;
	topic->topic = STR(METADATA_TOPIC);
	topic->topic_id = UUID_METADATA_TOPIC;
	topic->partitions.v = p;
	topic->partitions.n = 1;
	p->error_code = (int16_t)err;
	p->high_watermark = -1;
	p->log_start_offset = r->log_start;
	p->current_leader.leader_id = r->election.leader_id;
	p->current_leader.leader_epoch = r->election.leader_epoch;
	p->records = (struct records){.p = (const uint8_t *)"", .len = 0};
	out->responses.v = topic;
	out->responses.n = 1;
	if (leader) {
		node->node_id = r->election.leader_id;
		node->host = arena_str(q->arena, leader->host);
		node->port = leader->port;
		out->node_endpoints.v = node;
		out->node_endpoints.n = 1;
	}
	return p;
}

/*
 * An empty log is filled fastest by a snapshot; a log that ends before this one begins, or in an
 * epoch before this one's first, cannot be filled in any other way.
 */
static bool needs_snapshot(const struct raft *r, int64_t offset, int32_t epoch)
{
	int32_t base_epoch = r->history.base_epoch;

	if (r->snapshot.end_offset <= 0) /* every node has its own bootstrap snapshot */
		return false;
	if (offset == 0)
		return true;
	return r->log_start > 0 &&
	       (offset < r->log_start || (offset == r->log_start && epoch != base_epoch) || epoch < base_epoch);
}

/*
 * Does this log have the record before `offset`, with that epoch? If not, *where is the point up to
 * which they may agree.
 */
static bool agrees(const struct raft *r, int64_t offset, int32_t epoch, struct raft_epoch_end *where)
{
	*where = history_epoch_end(&r->history, epoch);
	return offset == 0 || (where->epoch == epoch && where->end_offset >= offset);
}

static bool wants_to_wait(const struct raft_request *q, const struct fetch_response_partition *p)
{
	const struct fetch_request *m = q->in;

	return !q->again && m->max_wait_ms > 0 && m->topics.v->partitions.v->high_watermark >= p->high_watermark;
}

/* Serves a fetch that agrees: notes what its sender has, and returns what follows. */
static void serve(struct raft *r, struct raft_turn *t, struct raft_request *q, struct fetch_response_partition *p)
{
	const struct fetch_request *m = q->in;
	const struct fetch_request_partition *from = m->topics.v->partitions.v;
	struct raft_key key = {q->version >= 15 ? m->replica_state.replica_id : m->replica_id,
			       from->replica_directory_id};

	if (!q->again)
		leader_fetched(r, t, key, from->fetch_offset);
	p->high_watermark = leader_high_watermark(r);
	q->offset = from->fetch_offset;
	if (from->fetch_offset < r->history.end) {
		q->outcome = RAFT_READ;
		q->max_bytes = m->max_bytes;
	} else if (wants_to_wait(q, p)) {
		q->outcome = RAFT_PARKED_FETCH;
		r->has_parked = true;
	}
}

static void lead(struct raft *r, struct raft_turn *t, struct raft_request *q, struct fetch_response_partition *p)
{
	const struct fetch_request_partition *from = ((const struct fetch_request *)q->in)->topics.v->partitions.v;
	struct raft_epoch_end where;

	p->high_watermark = leader_high_watermark(r);
	if (needs_snapshot(r, from->fetch_offset, from->last_fetched_epoch)) {
		p->snapshot_id.end_offset = r->snapshot.end_offset;
		p->snapshot_id.epoch = r->snapshot.epoch;
	} else if (!agrees(r, from->fetch_offset, from->last_fetched_epoch, &where)) {
		p->diverging_epoch.epoch = where.epoch;
		p->diverging_epoch.end_offset = where.end_offset;
	} else {
		serve(r, t, q, p);
	}
}

/*
 * A fetch that was parked gets NOT_LEADER_OR_FOLLOWER when this node no longer leads, whatever the
 * epoch is now.
 */
static int check_fetch(const struct raft *r, const struct raft_request *q)
{
	const struct fetch_request *m = q->in;
	const struct fetch_request_partition *p = m->topics.v->partitions.v;
	int32_t id = q->version >= 15 ? m->replica_state.replica_id : m->replica_id;
	int err;

	if (m->max_wait_ms < 0 || p->fetch_offset < 0 || p->last_fetched_epoch < 0 ||
	    p->last_fetched_epoch > p->current_leader_epoch)
		return ERR_INVALID_REQUEST;
	err = request_check_leader(r, p->current_leader_epoch);
	if (err != 0)
		return q->again ? ERR_NOT_LEADER_OR_FOLLOWER : err;
	return id == r->config.node_id ? ERR_UNKNOWN_SERVER_ERROR : 0;
}

void fetch_asked(struct raft *r, struct raft_turn *t, struct raft_request *q)
{
	const struct fetch_request *m = q->in;
	struct fetch_response *out = q->out;
	struct fetch_response_partition *p;
	int err;

	if (!raft_is_own_cluster(r, m->cluster_id)) {
		out->error_code = ERR_INCONSISTENT_CLUSTER_ID;
		return;
	}
	if (!is_about_metadata(m)) {
		out->error_code = ERR_INVALID_REQUEST;
		return;
	}
	err = check_fetch(r, q);
	p = fill_fetch(r, q, err);
	if (p && err == 0)
		lead(r, t, q, p);
}

/* ---- FetchSnapshot ---- */

static struct fetch_snapshot_response_partition *fill_snapshot(const struct raft *r, const struct raft_request *q)
{
	const struct fetch_snapshot_request *m = q->in;
	struct fetch_snapshot_response *out = q->out;
	struct fetch_snapshot_response_topic *topic =
		answer_new(q->arena, &fetch_snapshot_response_topic_schema, sizeof(*topic));
	struct fetch_snapshot_response_partition *p =
		answer_new(q->arena, &fetch_snapshot_response_partition_schema, sizeof(*p));
	struct fetch_snapshot_response_node_endpoint *node =
		answer_new(q->arena, &fetch_snapshot_response_node_endpoint_schema, sizeof(*node));
	const struct raft_endpoint *leader = request_leader(r, q, 1);

	if (!topic || !p || !node)
		return NULL;
	topic->name = m->topics.v->name;
	topic->partitions.v = p;
	topic->partitions.n = 1;
	p->index = m->topics.v->partitions.v->partition;
	p->unaligned_records = (struct records){.p = (const uint8_t *)"", .len = 0};
	out->topics.v = topic;
	out->topics.n = 1;
	if (leader) {
		node->node_id = r->election.leader_id;
		node->host = arena_str(q->arena, leader->host);
		node->port = leader->port;
		out->node_endpoints.v = node;
		out->node_endpoints.n = 1;
	}
	return p;
}

static int check_snapshot(const struct raft *r, const struct raft_request *q,
			  const struct fetch_snapshot_request_partition *from)
{
	int err = request_check_leader(r, from->current_leader_epoch);

	if (err != 0)
		return err;
	if (q->snapshot_size < 0 || (from->snapshot_id.end_offset == 0 && from->snapshot_id.epoch == 0))
		return ERR_SNAPSHOT_NOT_FOUND;
	return from->position < 0 || from->position >= q->snapshot_size ? ERR_POSITION_OUT_OF_RANGE : 0;
}

static void serve_snapshot(struct raft *r, struct raft_turn *t, struct raft_request *q,
			   struct fetch_snapshot_response_partition *p)
{
	const struct fetch_snapshot_request *m = q->in;
	const struct fetch_snapshot_request_partition *from = m->topics.v->partitions.v;

	p->snapshot_id.end_offset = from->snapshot_id.end_offset;
	p->snapshot_id.epoch = from->snapshot_id.epoch;
	p->size = q->snapshot_size;
	p->position = from->position;
	q->outcome = RAFT_READ_SNAPSHOT;
	q->snapshot = (struct raft_snapshot_id){from->snapshot_id.end_offset, from->snapshot_id.epoch};
	q->offset = from->position;
	q->max_bytes = m->max_bytes;
	leader_heard(r, t, (struct raft_key){m->replica_id, from->replica_directory_id});
}

void fetch_snapshot_asked(struct raft *r, struct raft_turn *t, struct raft_request *q)
{
	const struct fetch_snapshot_request *m = q->in;
	struct fetch_snapshot_response *out = q->out;
	struct fetch_snapshot_response_partition *p;
	const struct fetch_snapshot_request_partition *from;

	if (!raft_is_own_cluster(r, m->cluster_id)) {
		out->error_code = ERR_INCONSISTENT_CLUSTER_ID;
		return;
	}
	if (m->topics.n != 1 || m->topics.v->partitions.n != 1) {
		out->error_code = ERR_INVALID_REQUEST;
		return;
	}
	from = m->topics.v->partitions.v;
	p = fill_snapshot(r, q);
	if (!p)
		return;
	if (!str_is(m->topics.v->name, METADATA_TOPIC) || from->partition != 0) {
		p->error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
		return;
	}
	p->current_leader.leader_id = r->election.leader_id;
	p->current_leader.leader_epoch = r->election.leader_epoch;
	p->error_code = (int16_t)check_snapshot(r, q, from);
	if (p->error_code == 0)
		serve_snapshot(r, t, q, p);
}
