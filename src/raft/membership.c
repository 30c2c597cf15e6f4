/*
 * membership: AddRaftVoter and RemoveRaftVoter, as far as a quorum of one decides them (KIP-853; Kafka's AddVoterHandler and
 * RemoveVoterHandler, in their order).
 *
 * A voter cannot be added before the leader can ask it for its versions: it counts as one that cannot be reached. The last voter cannot be
 * removed.
 */
#include "base/check.h"
#include "base/err.h"
#include "protocol/add_raft_voter.h"
#include "protocol/remove_raft_voter.h"
#include "raft/raft_private.h"

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
static struct str key_text(struct arena *a, int32_t id, struct uuid directory)
{
	char text[UUID_TEXT_LEN + 1];

	return arena_printf(a, "ReplicaKey(id=%d, directoryId=%s)", id, uuid_text(directory, text));
}

static struct str keys_text(const struct raft *r, struct arena *a)
{
	struct str all = STR("");

	for (int i = 0; i < r->voters.n; i++) {
		struct str one = key_text(a, r->voters.v[i].id, r->voters.v[i].directory_id);

		all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), i > 0 ? ", " : "", STR_ARG(one));
	}
	return arena_printf(a, "[%.*s]", STR_ARG(all));
}

static bool may_ask(const struct raft *r, struct str own_cluster, struct str cluster, const struct refusal *to)
{
	if (!str_is_null(cluster) && !str_eq(cluster, own_cluster))
		return refuse(to, ERR_INCONSISTENT_CLUSTER_ID,
			      arena_printf(to->arena, "The given id \"%.*s\" doesn't match the cluster id \"%.*s\"",
					   STR_ARG(cluster), STR_ARG(own_cluster)));
	if (r->role != RAFT_LEADER) {
		*to->code = ERR_NOT_LEADER_OR_FOLLOWER;
		return false;
	}
	return true;
}

/* Is the set of voters one that can be changed, and is nothing of an earlier change on its way? */
static bool may_change(const struct raft *r, const char *doing, const struct refusal *to)
{
	if (r->high_watermark < 0)
		return refuse(
			to, ERR_REQUEST_TIMED_OUT,
			STR("Request timed out waiting for leader to establish HWM and fence previous voter changes"));
	if (r->kraft_version < 1)
		return refuse(to, ERR_UNSUPPORTED_VERSION,
			      arena_printf(to->arena,
					   "Cluster doesn't support %s voter because the kraft.version feature is %d",
					   doing, r->kraft_version));
	if (r->voters_offset >= r->high_watermark)
		return refuse(to, ERR_REQUEST_TIMED_OUT,
			      arena_printf(to->arena,
					   "Request timed out waiting for voters to commit the latest voter change at "
					   "Optional[%lld] with HWM %lld",
					   (long long)r->voters_offset, (long long)r->high_watermark));
	return true;
}

static bool has_listener(const struct add_raft_voter_request *in, struct str name)
{
	for (int i = 0; i < in->listeners.n; i++)
		if (str_eq(in->listeners.v[i].name, name))
			return true;
	return false;
}

void raft_add_voter(const struct raft *r, const struct raft_asker *asker, const struct add_raft_voter_request *in,
		    struct add_raft_voter_response *out)
{
	struct refusal to = {asker->arena, &out->error_code, &out->error_message};
	struct str key;

	if (!may_ask(r, asker->cluster_id, in->cluster_id, &to))
		return;
	if (in->voter_id < 0 || uuid_is_zero(in->voter_directory_id)) {
		refuse(&to, ERR_INVALID_REQUEST, STR("Add voter request didn't include a valid voter"));
		return;
	}
	if (!has_listener(in, asker->listener)) {
		refuse(&to, ERR_INVALID_REQUEST,
		       arena_printf(asker->arena,
				    "Add voter request didn't include the endpoint (Endpoints(endpoints={})) for the "
				    "default listener ListenerName(%.*s)",
				    STR_ARG(asker->listener)));
		return;
	}
	if (!may_change(r, "adding", &to))
		return;
	key = key_text(asker->arena, in->voter_id, in->voter_directory_id);
	if (raft_voters_find(&r->voters, in->voter_id))
		refuse(&to, ERR_DUPLICATE_VOTER,
		       arena_printf(asker->arena, "The voter id for %.*s is already part of the set of voters %.*s.",
				    STR_ARG(key), STR_ARG(keys_text(r, asker->arena))));
	else
		refuse(&to, ERR_REQUEST_TIMED_OUT,
		       arena_printf(asker->arena, "New voter %.*s is not ready to receive requests", STR_ARG(key)));
}

void raft_remove_voter(const struct raft *r, const struct raft_asker *asker, const struct remove_raft_voter_request *in,
		       struct remove_raft_voter_response *out)
{
	struct refusal to = {asker->arena, &out->error_code, &out->error_message};

	if (!may_ask(r, asker->cluster_id, in->cluster_id, &to))
		return;
	if (in->voter_id < 0 || uuid_is_zero(in->voter_directory_id)) {
		refuse(&to, ERR_INVALID_REQUEST, STR("Remove voter request didn't include a valid voter"));
		return;
	}
	if (!may_change(r, "removing", &to))
		return;
	check(r->voters.n == 1); /* nobody else is known, and the last one stays */
	refuse(&to, ERR_VOTER_NOT_FOUND,
	       arena_printf(asker->arena, "Cannot remove voter %.*s from the set of voters %.*s",
			    STR_ARG(key_text(asker->arena, in->voter_id, in->voter_directory_id)),
			    STR_ARG(keys_text(r, asker->arena))));
}
