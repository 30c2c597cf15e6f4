/*
 * join: a follower's requests to its leader about itself (KIP-853): to update its listeners and
 * versions in the set of voters (UpdateRaftVoter); and, if it is not a voter but may be one and
 * controller.quorum.auto.join.enable is set, to become one.
 */
#include "protocol/add_raft_voter.h"
#include "protocol/remove_raft_voter.h"
#include "protocol/update_raft_voter.h"
#include "raft/message.h"

/* ---- what is wanted ---- */

/*
 * With kraft.version 0 the set is not in the log: every new leader has to be told anew, otherwise
 * it could not raise kraft.version.
 */
static bool wants_update(const struct raft *r)
{
	const struct raft_voter *mine = voters_find_key(raft_voters(r), raft_own_key(r));

	if (!mine)
		return false;
	return raft_kraft_version(r) >= 1 ? raft_voter_differs(mine, &r->own) : !r->has_updated_voter;
}

static bool wants_to_join(const struct raft *r)
{
	return !raft_is_voter(r) && r->config.may_become_voter && r->config.auto_join && raft_kraft_version(r) >= 1;
}

/* ---- requests ---- */

static const void *build_update(const struct raft *r, struct arena *a)
{
	struct update_raft_voter_request *m = message_new(a, &update_raft_voter_request_schema, sizeof(*m));

	m->cluster_id = r->config.cluster_id;
	m->current_leader_epoch = r->election.leader_epoch;
	m->voter_id = r->config.node_id;
	m->voter_directory_id = r->config.directory_id;
	ENDPOINTS_COPY(m->listeners.v, r->own.endpoints, r->own.n_endpoints, a);
	m->listeners.n = r->own.n_endpoints;
	m->k_raft_version_feature.min_supported_version = r->own.kraft_version_min;
	m->k_raft_version_feature.max_supported_version = r->own.kraft_version_max;
	return m;
}

static const void *build_add(const struct raft *r, struct arena *a)
{
	struct add_raft_voter_request *m = message_new(a, &add_raft_voter_request_schema, sizeof(*m));

	m->cluster_id = r->config.cluster_id;
	m->timeout_ms = r->config.request_timeout_ms;
	m->voter_id = r->config.node_id;
	m->voter_directory_id = r->config.directory_id;
	ENDPOINTS_COPY(m->listeners.v, r->own.endpoints, r->own.n_endpoints, a);
	m->listeners.n = r->own.n_endpoints;
	m->ack_when_committed = false;
	return m;
}

/* Removes the voter with this node's id whose disk is gone. */
static const void *build_remove(const struct raft *r, struct arena *a, const struct raft_voter *old)
{
	struct remove_raft_voter_request *m = message_new(a, &remove_raft_voter_request_schema, sizeof(*m));

	m->cluster_id = r->config.cluster_id;
	m->voter_id = old->id;
	m->voter_directory_id = old->directory_id;
	return m;
}

int64_t join_poll(struct raft *r, struct raft_turn *t)
{
	const struct raft_voter *same_id = raft_voters_find(raft_voters(r), r->config.node_id);
	struct arena *a = t->out->arena;
	struct raft_node leader;
	bool update = wants_update(r);

	if (!update && !wants_to_join(r))
		return INT64_MAX;
	if (t->event->now_ms < r->update_voter_due_ms)
		return r->update_voter_due_ms;
	if (!follower_leader_node(r, &leader) || peers_busy(r, t->event->now_ms) ||
	    !peer_is_ready(r, leader.id, t->event->now_ms))
		return INT64_MAX;
	if (update)
		peer_send(r, t, &leader, update_raft_voter_request_KEY, build_update(r, a));
	else if (same_id)
		peer_send(r, t, &leader, remove_raft_voter_request_KEY, build_remove(r, a, same_id));
	else
		peer_send(r, t, &leader, add_raft_voter_request_KEY, build_add(r, a));
	r->update_voter_due_ms = t->event->now_ms + r->config.fetch_timeout_ms;
	return r->update_voter_due_ms;
}

/* ---- answers ---- */

bool join_update_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from)
{
	const struct update_raft_voter_response *m = t->event->response;
	struct raft_said said;

	(void)from;
	if (t->event->err != 0 && t->event->err != ERR_UNSUPPORTED_VERSION)
		return false;
	if (m) {
		said_init(&said, m->error_code, m->current_leader.leader_id, m->current_leader.leader_epoch);
		if (m->current_leader.host.len > 0)
			said_endpoint(r, &said, m->current_leader.host, m->current_leader.port);
		if (!said_applies(r, t, &said) || (m->error_code != 0 && m->error_code != ERR_UNSUPPORTED_VERSION))
			return false;
	}
	r->has_updated_voter = true;
	follower_heard(r, t);
	return true;
}

/*
 * It is done, or had been done before, or the leader is busy with another change: the next attempt
 * comes after a while.
 */
static bool joined(struct raft *r, struct raft_turn *t, int err, int there_before)
{
	if (err != 0 && err != ERR_REQUEST_TIMED_OUT && err != there_before)
		return false;
	r->update_voter_due_ms = t->event->now_ms + r->config.fetch_timeout_ms;
	return true;
}

bool join_add_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from)
{
	const struct add_raft_voter_response *m = t->event->response;

	(void)from;
	return joined(r, t, answer_err(t, m ? m->error_code : 0), ERR_DUPLICATE_VOTER);
}

bool join_remove_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from)
{
	const struct remove_raft_voter_response *m = t->event->response;

	(void)from;
	return joined(r, t, answer_err(t, m ? m->error_code : 0), ERR_VOTER_NOT_FOUND);
}
