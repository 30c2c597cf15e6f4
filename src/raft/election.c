/*
 * election: the file quorum-state: one line of JSON, as Kafka's FileQuorumStateStore writes it.
 *
 *	{"clusterId":"","leaderId":1,"leaderEpoch":5,"votedId":-1,"appliedOffset":0,
 *	 "currentVoters":[{"voterId":1}],"data_version":0}
 *	{"leaderId":1,"leaderEpoch":5,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}
 */
#include <errno.h>
#include <jansson.h>

#include "raft/raft_private.h"

static void format_version_0(const struct raft_election *e, const struct raft_voters *voters, struct buf *out)
{
	buf_printf(
		out,
		"{\"clusterId\":\"\",\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":%d,\"appliedOffset\":0,\"currentVoters\":[",
		e->leader_id, e->leader_epoch, e->voted_id);
	for (int i = 0; i < voters->n; i++)
		buf_printf(out, "%s{\"voterId\":%d}", i > 0 ? "," : "", voters->v[i].id);
	buf_printf(out, "],\"data_version\":0}");
}

void raft_election_format(const struct raft_election *e, int16_t kraft_version, const struct raft_voters *voters,
			  struct buf *out)
{
	char text[UUID_TEXT_LEN + 1];

	if (kraft_version == 0) {
		format_version_0(e, voters, out);
		return;
	}
	buf_printf(out,
		   "{\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":%d,\"votedDirectoryId\":\"%s\",\"data_version\":1}",
		   e->leader_id, e->leader_epoch, e->voted_id, uuid_text(e->voted_directory_id, text));
}

/* A 32-bit number, at least -1. */
static bool get_int(const json_t *object, const char *name, int32_t *out)
{
	const json_t *v = json_object_get(object, name);
	json_int_t i;

	if (!json_is_integer(v))
		return false;
	i = json_integer_value(v);
	if (i < -1 || i > INT32_MAX)
		return false;
	*out = (int32_t)i;
	return true;
}

static bool get_uuid(const json_t *object, const char *name, struct uuid *out)
{
	const json_t *v = json_object_get(object, name);

	return json_is_string(v) && uuid_parse((struct str){json_string_value(v), (int32_t)json_string_length(v)}, out);
}

int raft_election_parse(struct str text, struct raft_election *out)
{
	struct raft_election e = {.voted_directory_id = {{0}}};
	json_t *object = json_loadb(text.p ? text.p : "", (size_t)text.len, JSON_DISABLE_EOF_CHECK, NULL);
	int32_t version;
	bool ok = json_is_object(object) && get_int(object, "data_version", &version) && version >= 0 && version <= 1 &&
		  get_int(object, "leaderId", &e.leader_id) && get_int(object, "leaderEpoch", &e.leader_epoch) &&
		  get_int(object, "votedId", &e.voted_id) && e.leader_epoch >= 0 &&
		  (version == 0 || get_uuid(object, "votedDirectoryId", &e.voted_directory_id));

	json_decref(object);
	if (!ok)
		return -EBADMSG;
	*out = e;
	return 0;
}

bool election_eq(const struct raft_election *a, const struct raft_election *b)
{
	return a->leader_id == b->leader_id && a->leader_epoch == b->leader_epoch && a->voted_id == b->voted_id &&
	       uuid_eq(a->voted_directory_id, b->voted_directory_id);
}
