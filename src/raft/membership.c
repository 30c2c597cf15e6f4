/*
 * membership: AddRaftVoter, RemoveRaftVoter and UpdateRaftVoter, decided by a leader (KIP-853;
 * Kafka's handlers of these names, and their order of checks).
 *
 * 1. One change at a time: none while another one is under way, nor before the last set of voters
 *    is committed; so any two sets that may decide have a voter in common.
 * 2. A voter is added when it has answered ApiVersions on the listener that the quorum uses,
 *    supports the present kraft.version, and has caught up. The answer is sent when the new set is
 *    committed by a majority of itself, or at the timeout.
 * 3. A leader that is removed continues until that is committed, then resigns.
 */
#include "protocol/add_raft_voter.h"
#include "protocol/api_versions.h"
#include "protocol/remove_raft_voter.h"
#include "protocol/update_raft_voter.h"
#include "raft/message.h"

struct refusal {
	struct arena *arena;
	int16_t *code;
	struct str *message;
};

static bool refuse(const struct refusal *to, int code, struct str message)
{
	*to->code = (int16_t)code;
	*to->message = str_is_null(message) ? str_of(err_message(code)) : message;
	return false;
}

/* "ReplicaKey(id=1, directoryId=...)" */
static struct str key_text(struct arena *a, struct raft_key key)
{
	char text[UUID_TEXT_LEN + 1];

	if (uuid_is_zero(key.directory_id))
		return arena_printf(a, "ReplicaKey(id=%d, directoryId=<undefined>)", key.id);
	return arena_printf(a, "ReplicaKey(id=%d, directoryId=%s)", key.id, uuid_text(key.directory_id, text));
}

static struct str keys_text(const struct raft *r, struct arena *a)
{
	const struct raft_voters *voters = raft_voters(r);
	struct str all = STR("");

	for (int i = 0; i < voters->n; i++) {
		struct str one = key_text(a, raft_voter_key(&voters->v[i]));

		all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), i > 0 ? ", " : "", STR_ARG(one));
	}
	return arena_printf(a, "[%.*s]", STR_ARG(all));
}

/* ---- the change that is under way ---- */

static void finish(struct raft *r, struct raft_turn *t, int err, struct str message)
{
	if (r->change.parked) {
		struct raft_effect *e = raft_effect(t, RAFT_EFFECT_CHANGE_DONE);

		e->err = err;
		e->message = message;
	}
	if (r->change.kind == CHANGE_ADD)
		raft_voter_fini(&r->change.voter);
	r->change = (struct raft_change){.kind = CHANGE_NONE};
}

void membership_end(struct raft *r, struct raft_turn *t, int err)
{
	if (r->change.kind != CHANGE_NONE)
		finish(r, t, err, STR_NULL);
}

int64_t membership_poll(struct raft *r, struct raft_turn *t)
{
	if (r->change.kind != CHANGE_NONE && t->event->now_ms >= r->change.due_ms)
		finish(r, t, ERR_REQUEST_TIMED_OUT, STR_NULL);
	return r->change.kind != CHANGE_NONE ? r->change.due_ms : INT64_MAX;
}

void membership_committed(struct raft *r, struct raft_turn *t)
{
	if (r->change.kind != CHANGE_NONE && r->change.offset >= 0 && r->high_watermark > r->change.offset)
		finish(r, t, 0, STR_NULL);
	if (!raft_is_voter(r) && r->high_watermark > raft_voters_offset(r))
		r->wants_to_resign = true;
}

/* ---- checks made first ---- */

static bool may_ask(const struct raft *r, struct str cluster, const struct refusal *to)
{
	int err;

	if (!raft_is_own_cluster(r, cluster))
		return refuse(to, ERR_INCONSISTENT_CLUSTER_ID,
			      arena_printf(to->arena, "The given id \"%.*s\" doesn't match the cluster id \"%.*s\"",
					   STR_ARG(cluster), STR_ARG(r->config.cluster_id)));
	err = request_check_leader(r, r->election.leader_epoch);
	*to->code = (int16_t)err;
	return err == 0;
}

/* Can the set of voters be changed, and is no earlier change under way? */
static bool may_change(struct raft *r, struct raft_turn *t, const char *doing, const struct refusal *to)
{
	membership_poll(r, t);
	if (r->change.kind != CHANGE_NONE)
		return refuse(to, ERR_REQUEST_TIMED_OUT,
			      STR("Request timed out waiting for leader to handle previous voter change request"));
	if (leader_high_watermark(r) < 0)
		return refuse(
			to, ERR_REQUEST_TIMED_OUT,
			STR("Request timed out waiting for leader to establish HWM and fence previous voter changes"));
	if (raft_kraft_version(r) < 1)
		return refuse(to, ERR_UNSUPPORTED_VERSION,
			      arena_printf(to->arena,
					   "Cluster doesn't support %s voter because the kraft.version feature is %d",
					   doing, raft_kraft_version(r)));
	if (raft_voters_offset(r) >= r->high_watermark)
		return refuse(to, ERR_REQUEST_TIMED_OUT,
			      arena_printf(to->arena,
					   "Request timed out waiting for voters to commit the latest voter change at "
					   "Optional[%lld] with HWM %lld",
					   (long long)raft_voters_offset(r), (long long)r->high_watermark));
	return true;
}

/* ---- AddRaftVoter ---- */

static struct raft_endpoint *endpoints_of_add(const struct add_raft_voter_request *m, struct arena *a)
{
	struct raft_endpoint *v;

	ENDPOINTS_COPY(v, m->listeners.v, m->listeners.n, a);
	return v;
}

static bool check_new_voter(const struct raft *r, const struct add_raft_voter_request *m,
			    const struct raft_endpoint *endpoints, const struct refusal *to)
{
	if (m->voter_id < 0 || uuid_is_zero(m->voter_directory_id))
		return refuse(to, ERR_INVALID_REQUEST, STR("Add voter request didn't include a valid voter"));
	if (!endpoints || !endpoints_find(endpoints, m->listeners.n, r->config.listener))
		return refuse(
			to, ERR_INVALID_REQUEST,
			arena_printf(to->arena,
				     "Add voter request didn't include the endpoint (Endpoints(endpoints={})) for the "
				     "default listener ListenerName(%.*s)",
				     STR_ARG(r->config.listener)));
	if (!endpoints_fit(endpoints, m->listeners.n))
		return refuse(to, ERR_INVALID_REQUEST, STR("Add voter request included too many listeners"));
	return true;
}

static const struct api_versions_request *build_api_versions(struct arena *a)
{
	struct api_versions_request *m = message_new(a, &api_versions_request_schema, sizeof(*m));

	m->client_software_name = STR("odradek");
	m->client_software_version = STR("0");
	return m;
}

/* Asks the new voter for its versions, to see whether it answers. The change begins with this question. */
static bool ask_versions(struct raft *r, struct raft_turn *t, const struct add_raft_voter_request *m,
			 struct raft_endpoint *endpoints)
{
	const struct raft_endpoint *at = endpoints_find(endpoints, m->listeners.n, r->config.listener);
	struct raft_node node = {m->voter_id, at->host, at->port};
	struct raft_voter voter = {
		.id = m->voter_id,
		.directory_id = m->voter_directory_id,
		.endpoints = endpoints,
		.n_endpoints = m->listeners.n,
	};

	if (!peer_is_ready(r, node.id, t->event->now_ms))
		return false;
	peer_send(r, t, &node, api_versions_request_KEY, build_api_versions(t->out->arena));
	r->change = (struct raft_change){
		.kind = CHANGE_ADD,
		.ack_when_committed = m->ack_when_committed,
		.parked = true,
		.offset = -1,
		.due_ms = t->event->now_ms + r->config.request_timeout_ms,
	};
	raft_voter_copy(&r->change.voter, &voter);
	return true;
}

void membership_add_asked(struct raft *r, struct raft_turn *t, struct raft_request *q)
{
	const struct add_raft_voter_request *m = q->in;
	struct add_raft_voter_response *out = q->out;
	struct refusal to = {q->arena, &out->error_code, &out->error_message};
	struct raft_key key = {m->voter_id, m->voter_directory_id};
	struct raft_endpoint *endpoints = endpoints_of_add(m, q->arena);

	if (!may_ask(r, m->cluster_id, &to) || !check_new_voter(r, m, endpoints, &to) ||
	    !may_change(r, t, "adding", &to))
		return;
	if (raft_voters_find(raft_voters(r), key.id))
		refuse(&to, ERR_DUPLICATE_VOTER,
		       arena_printf(q->arena, "The voter id for %.*s is already part of the set of voters %.*s.",
				    STR_ARG(key_text(q->arena, key)), STR_ARG(keys_text(r, q->arena))));
	else if (!ask_versions(r, t, m, endpoints))
		refuse(&to, ERR_REQUEST_TIMED_OUT,
		       arena_printf(q->arena, "New voter %.*s is not ready to receive requests",
				    STR_ARG(key_text(q->arena, key))));
	else
		q->outcome = RAFT_PARKED_CHANGE;
}

/* The range of kraft.version that it supports: one that does not report a range supports 0. */
static void read_range(const struct api_versions_response *m, struct raft_voter *voter)
{
	voter->kraft_version_min = voter->kraft_version_max = 0;
	for (int i = 0; i < m->supported_features.n; i++) {
		if (!str_is(m->supported_features.v[i].name, "kraft.version"))
			continue;
		voter->kraft_version_min = m->supported_features.v[i].min_version;
		voter->kraft_version_max = m->supported_features.v[i].max_version;
	}
}

static bool speaks(const struct raft_voter *voter, int16_t version)
{
	return voter->kraft_version_min <= version && voter->kraft_version_max >= version;
}

static void append_added(struct raft *r, struct raft_turn *t)
{
	struct raft_voters voters;

	raft_voters_copy(&voters, raft_voters(r));
	voters_put(&voters, &r->change.voter);
	leader_append_voters(r, t, &voters, -1);
	r->change.offset = r->history.end - 1;
	raft_voters_fini(&voters);
	if (!r->change.ack_when_committed && r->change.parked) {
		raft_effect(t, RAFT_EFFECT_CHANGE_DONE)->err = 0;
		r->change.parked = false; /* the change continues, though, until it is committed */
	}
}

bool membership_versions_answered(struct raft *r, struct raft_turn *t, const struct raft_peer *from)
{
	const struct api_versions_response *m = t->event->response;
	struct arena *a = t->out->arena;
	struct raft_voter *voter = &r->change.voter;
	int err = t->event->err != 0 ? t->event->err : m->error_code;
	struct raft_key key;

	if (r->change.kind != CHANGE_ADD || r->change.offset >= 0 || voter->id != from->id)
		return true;
	if (err != 0) {
		finish(r, t, ERR_REQUEST_TIMED_OUT,
		       arena_printf(a, "Aborted add voter operation for since API_VERSIONS returned an error %s",
				    err_name(err_to_kafka(err))));
		return false;
	}
	read_range(m, voter);
	key = raft_voter_key(voter);
	if (!speaks(voter, raft_kraft_version(r)))
		finish(r, t, ERR_INVALID_REQUEST,
		       arena_printf(a,
				    "Aborted add voter operation for %.*s since the kraft.version range (min: %d, max: "
				    "%d) doesn't support the finalized version %d",
				    STR_ARG(key_text(a, key)), voter->kraft_version_min, voter->kraft_version_max,
				    raft_kraft_version(r)));
	else if (!leader_has_caught_up(r, key, t->event->now_ms))
		finish(r, t, ERR_REQUEST_TIMED_OUT,
		       arena_printf(a, "Aborted add voter operation for %.*s since it is lagging behind",
				    STR_ARG(key_text(a, key))));
	else
		append_added(r, t);
	return true;
}

/* ---- RemoveRaftVoter ---- */

static void append_removed(struct raft *r, struct raft_turn *t, int32_t id)
{
	struct raft_voters voters;

	raft_voters_copy(&voters, raft_voters(r));
	voters_remove(&voters, id);
	r->change = (struct raft_change){
		.kind = CHANGE_REMOVE,
		.parked = true,
		.offset = r->history.end,
		.due_ms = t->event->now_ms + r->config.request_timeout_ms,
	};
	leader_append_voters(r, t, &voters, -1);
	raft_voters_fini(&voters);
}

void membership_remove_asked(struct raft *r, struct raft_turn *t, struct raft_request *q)
{
	const struct remove_raft_voter_request *m = q->in;
	struct remove_raft_voter_response *out = q->out;
	struct refusal to = {q->arena, &out->error_code, &out->error_message};
	struct raft_key key = {m->voter_id, m->voter_directory_id};
	const struct raft_voter *old;

	if (!may_ask(r, m->cluster_id, &to))
		return;
	if (key.id < 0 || uuid_is_zero(key.directory_id)) {
		refuse(&to, ERR_INVALID_REQUEST, STR("Remove voter request didn't include a valid voter"));
		return;
	}
	if (!may_change(r, t, "removing", &to))
		return;
	old = raft_voters_find(raft_voters(r), key.id);
	if (!old || !uuid_eq(old->directory_id, key.directory_id) || raft_voters(r)->n == 1) {
		refuse(&to, ERR_VOTER_NOT_FOUND,
		       arena_printf(q->arena, "Cannot remove voter %.*s from the set of voters %.*s",
				    STR_ARG(key_text(q->arena, key)), STR_ARG(keys_text(r, q->arena))));
		return;
	}
	q->outcome = RAFT_PARKED_CHANGE;
	append_removed(r, t, key.id);
}

/* ---- UpdateRaftVoter ---- */

static struct raft_voter updated_voter(const struct update_raft_voter_request *m, struct arena *a)
{
	struct raft_voter voter = {
		.id = m->voter_id,
		.directory_id = m->voter_directory_id,
		.n_endpoints = m->listeners.n,
		.kraft_version_min = m->k_raft_version_feature.min_supported_version,
		.kraft_version_max = m->k_raft_version_feature.max_supported_version,
	};

	ENDPOINTS_COPY(voter.endpoints, m->listeners.v, m->listeners.n, a);
	if (!voter.endpoints)
		voter.n_endpoints = 0;
	return voter;
}

static bool is_sensible(const struct raft *r, const struct raft_voter *v)
{
	return v->id >= 0 && !uuid_is_zero(v->directory_id) && endpoints_fit(v->endpoints, v->n_endpoints) &&
	       endpoints_find(v->endpoints, v->n_endpoints, r->config.listener) && v->kraft_version_min >= 0 &&
	       v->kraft_version_max >= v->kraft_version_min;
}

/*
 * With kraft.version 1 the set in the log is changed; before that, what the leader remembers for
 * the upgrade.
 */
static int update(struct raft *r, struct raft_turn *t, const struct raft_voter *voter)
{
	struct raft_voters voters;
	bool in_log = raft_kraft_version(r) >= 1;

	membership_poll(r, t);
	if (r->change.kind != CHANGE_NONE || leader_high_watermark(r) < 0 ||
	    (in_log && raft_voters_offset(r) >= r->high_watermark))
		return ERR_REQUEST_TIMED_OUT;
	if (!speaks(voter, raft_kraft_version(r)))
		return ERR_INVALID_REQUEST;
	if (in_log ? !voters_find_key(raft_voters(r), raft_voter_key(voter))
		   : !raft_voters_find(&r->told_voters, voter->id))
		return ERR_VOTER_NOT_FOUND;
	if (in_log) {
		raft_voters_copy(&voters, raft_voters(r));
		voters_put(&voters, voter);
		leader_append_voters(r, t, &voters, -1);
		raft_voters_fini(&voters);
	} else {
		voters_put(&r->told_voters, voter);
	}
	leader_heard(r, t, raft_voter_key(voter));
	return 0;
}

static int update_asked(struct raft *r, struct raft_turn *t, const struct raft_request *q)
{
	const struct update_raft_voter_request *m = q->in;
	struct raft_voter voter = updated_voter(m, q->arena);
	int err;

	if (!raft_is_own_cluster(r, m->cluster_id))
		return ERR_INCONSISTENT_CLUSTER_ID;
	err = request_check_leader(r, m->current_leader_epoch);
	if (err != 0)
		return err;
	return is_sensible(r, &voter) ? update(r, t, &voter) : ERR_INVALID_REQUEST;
}

void membership_update_asked(struct raft *r, struct raft_turn *t, struct raft_request *q)
{
	struct update_raft_voter_response *out = q->out;
	const struct raft_endpoint *leader;

	out->error_code = (int16_t)update_asked(r, t, q);
	out->current_leader.leader_id = r->election.leader_id;
	out->current_leader.leader_epoch = r->election.leader_epoch;
	leader = request_leader(r, q, 0);
	if (leader) {
		out->current_leader.host = arena_str(q->arena, leader->host);
		out->current_leader.port = leader->port;
	}
}
