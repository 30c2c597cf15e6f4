/*
 * message: what the messages of the quorum have in common: the leader that an answer names, and the
 * first checks of every request.
 */
#include "raft/message.h"

#include "base/check.h"

/* ---- making messages ---- */

void *answer_new(struct arena *a, const struct schema *schema, size_t size)
{
	void *m = arena_zalloc(a, size);

	if (m)
		codec_init(schema, m);
	return m;
}

void *message_new(struct arena *a, const struct schema *schema, size_t size)
{
	void *m = answer_new(a, schema, size);

	check(m); /* a step's arena has room for its messages */
	return m;
}

bool raft_voter_node(const struct raft *r, int32_t id, struct raft_node *out)
{
	const struct raft_voter *voter = raft_voters_find(raft_voters(r), id);
	const struct raft_endpoint *at =
		voter ? endpoints_find(voter->endpoints, voter->n_endpoints, r->config.listener) : NULL;

	if (!at)
		return false;
	*out = (struct raft_node){id, at->host, at->port};
	return true;
}

/* ---- answers that arrive ---- */

int answer_err(struct raft_turn *t, int16_t code)
{
	int err = t->event->err != 0 ? t->event->err : code;

	if (err == ERR_CLUSTER_AUTHORIZATION_FAILED || err == ERR_INCONSISTENT_CLUSTER_ID)
		raft_warn(t, "a node of the quorum refuses this one: error=%s", err_name(err));
	return err;
}

void said_init(struct raft_said *said, int err, int32_t leader_id, int32_t epoch)
{
	*said = (struct raft_said){.err = err, .leader = {.id = leader_id, .epoch = epoch}};
}

void said_endpoint(const struct raft *r, struct raft_said *said, struct str host, int32_t port)
{
	said->endpoint = (struct raft_endpoint){r->config.listener, host, (uint16_t)port};
	said->leader.endpoints = &said->endpoint;
	said->leader.n_endpoints = 1;
}

bool said_applies(struct raft *r, struct raft_turn *t, const struct raft_said *said)
{
	int32_t epoch = said->leader.epoch;

	if (epoch < r->election.leader_epoch || said->err == ERR_UNKNOWN_LEADER_EPOCH)
		return false;
	if (epoch > r->election.leader_epoch || said->err == ERR_FENCED_LEADER_EPOCH ||
	    said->err == ERR_NOT_LEADER_OR_FOLLOWER) {
		role_learn(r, t, &said->leader);
		return false;
	}
	if (said->leader.id >= 0 && r->election.leader_id < 0) {
		/*
		 * The rest of it is believed once this node follows that leader: a first Fetch may
		 * bring records.
		 */
		role_learn(r, t, &said->leader);
		return r->role == RAFT_FOLLOWER && said->err == 0;
	}
	if (said->err == ERR_INVALID_REQUEST)
		raft_warn(t, "a node of the quorum takes a request for invalid: epoch=%d leader=%d", epoch,
			  said->leader.id);
	return said->err != ERR_INVALID_REQUEST && said->err != ERR_BROKER_NOT_AVAILABLE &&
	       said->err != ERR_INVALID_VOTER_KEY;
}

/* ---- requests that arrive ---- */

bool endpoints_fit(const struct raft_endpoint *v, int n)
{
	int64_t bytes = 0;

	for (int i = 0; i < n && n <= ENDPOINTS_MAX; i++)
		bytes += v[i].name.len + v[i].host.len;
	return n <= ENDPOINTS_MAX && bytes <= ENDPOINTS_BYTES_MAX;
}

int request_check_voter(const struct raft *r, int32_t from, int32_t epoch)
{
	if (epoch < r->election.leader_epoch)
		return ERR_FENCED_LEADER_EPOCH;
	return from < 0 ? ERR_INVALID_REQUEST : 0;
}

int request_check_leader(const struct raft *r, int32_t epoch)
{
	if (epoch < r->election.leader_epoch)
		return ERR_FENCED_LEADER_EPOCH;
	if (epoch > r->election.leader_epoch)
		return ERR_UNKNOWN_LEADER_EPOCH;
	if (r->role != RAFT_LEADER)
		return ERR_NOT_LEADER_OR_FOLLOWER;
	return r->stopping ? ERR_BROKER_NOT_AVAILABLE : 0;
}

bool request_is_for_us(const struct raft *r, struct raft_key addressee)
{
	return addressee.id < 0 || raft_key_matches(addressee, raft_own_key(r));
}

const struct raft_endpoint *request_leader(const struct raft *r, const struct raft_request *q, int16_t since_version)
{
	if (q->version < since_version || r->election.leader_id < 0)
		return NULL;
	return endpoints_find(r->leader_endpoints, r->n_leader_endpoints, q->listener);
}
