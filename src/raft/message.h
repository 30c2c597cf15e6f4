/*
 * message: what the messages of the quorum have in common. The generated structs of Vote,
 * BeginQuorumEpoch and EndQuorumEpoch share most of their fields, but are different types: macros
 * make the functions for each.
 */
#ifndef ODRADEK_RAFT_MESSAGE_H
#define ODRADEK_RAFT_MESSAGE_H

#include "base/err.h"
#include "raft/raft_private.h"
#include "wire/codec.h"

#define METADATA_TOPIC "__cluster_metadata"

/*
 * Is a message of Vote, BeginQuorumEpoch, EndQuorumEpoch or DescribeQuorum about the metadata
 * partition and nothing else?
 */
#define IS_METADATA(message)                                                                                           \
	((message)->topics.n == 1 && str_is((message)->topics.v[0].topic_name, METADATA_TOPIC) &&                      \
	 (message)->topics.v[0].partitions.n == 1 && (message)->topics.v[0].partitions.v[0].partition_index == 0)

/*
 * Copies endpoints from or into a message: `to` becomes an array of n in the arena, or NULL.
 * Strings are not copied.
 */
#define ENDPOINTS_COPY(to, from, n, arena)                                                                             \
	do {                                                                                                           \
		(to) = arena_array((arena), (size_t)(n) + 1, sizeof(*(to)));                                           \
		for (int i_ = 0; (to) && i_ < (n); i_++) {                                                             \
			(to)[i_].name = (from)[i_].name;                                                               \
			(to)[i_].host = (from)[i_].host;                                                               \
			(to)[i_].port = (from)[i_].port;                                                               \
		}                                                                                                      \
	} while (0)

/* new_NAME: a request about the metadata partition, with everything else at its defaults. */
#define QUORUM_REQUEST_NEW(NAME)                                                                                       \
	static struct NAME##_request *new_##NAME(const struct raft *r, struct arena *a)                                \
	{                                                                                                              \
		struct NAME##_request *m = message_new(a, &NAME##_request_schema, sizeof(*m));                         \
                                                                                                                       \
		m->cluster_id = r->config.cluster_id;                                                                  \
		m->topics.v = message_new(a, &NAME##_request_topic_schema, sizeof(*m->topics.v));                      \
		m->topics.n = 1;                                                                                       \
		m->topics.v->topic_name = STR(METADATA_TOPIC);                                                         \
		m->topics.v->partitions.v =                                                                            \
			message_new(a, &NAME##_request_partition_schema, sizeof(*m->topics.v->partitions.v));          \
		m->topics.v->partitions.n = 1;                                                                         \
		return m;                                                                                              \
	}

/*
 * answer_NAME: the partition's answer, with the leader, whose address is given from version 1 on;
 * NULL when the arena is spent.
 */
#define QUORUM_RESPONSE_FILL(NAME)                                                                                     \
	static struct NAME##_response_partition *answer_##NAME(const struct raft *r, const struct raft_request *q,     \
							       int err)                                                \
	{                                                                                                              \
		struct NAME##_response *out = q->out;                                                                  \
		struct NAME##_response_topic *topic =                                                                  \
			answer_new(q->arena, &NAME##_response_topic_schema, sizeof(*topic));                           \
		struct NAME##_response_partition *p =                                                                  \
			answer_new(q->arena, &NAME##_response_partition_schema, sizeof(*p));                           \
		struct NAME##_response_node_endpoint *node =                                                           \
			answer_new(q->arena, &NAME##_response_node_endpoint_schema, sizeof(*node));                    \
		const struct raft_endpoint *leader = request_leader(r, q, 1);                                          \
                                                                                                                       \
		if (!topic || !p || !node)                                                                             \
			return NULL;                                                                                   \
		topic->topic_name = STR(METADATA_TOPIC);                                                               \
		topic->partitions.v = p;                                                                               \
		topic->partitions.n = 1;                                                                               \
		p->error_code = (int16_t)err;                                                                          \
		p->leader_id = r->election.leader_id;                                                                  \
		p->leader_epoch = r->election.leader_epoch;                                                            \
		out->topics.v = topic;                                                                                 \
		out->topics.n = 1;                                                                                     \
		if (leader) {                                                                                          \
			node->node_id = r->election.leader_id;                                                         \
			node->host = arena_str(q->arena, leader->host);                                                \
			node->port = leader->port;                                                                     \
			out->node_endpoints.v = node;                                                                  \
			out->node_endpoints.n = 1;                                                                     \
		}                                                                                                      \
		return p;                                                                                              \
	}

/*
 * take_NAME: learns what an answer says about the leader; returns the partition's answer when the
 * rest of it matters, else NULL.
 */
#define QUORUM_RESPONSE_TAKE(NAME)                                                                                     \
	static const struct NAME##_response_partition *take_##NAME(struct raft *r, struct raft_turn *t)                \
	{                                                                                                              \
		const struct NAME##_response *m = t->event->response;                                                  \
		const struct NAME##_response_partition *p;                                                             \
		struct raft_said said;                                                                                 \
                                                                                                                       \
		if (answer_err(t, m ? m->error_code : 0) != 0 || !IS_METADATA(m))                                      \
			return NULL;                                                                                   \
		p = &m->topics.v[0].partitions.v[0];                                                                   \
		said_init(&said, p->error_code, p->leader_id, p->leader_epoch);                                        \
		if (m->node_endpoints.n > 0)                                                                           \
			said_endpoint(r, &said, m->node_endpoints.v[0].host, m->node_endpoints.v[0].port);             \
		return said_applies(r, t, &said) && p->error_code == 0 ? p : NULL;                                     \
	}

/* ---- making messages ---- */

/* With every field at its default, in the arena of a step. */
void *message_new(struct arena *a, const struct schema *schema, size_t size);
/* The same in the arena of a request, which may be spent: NULL. */
void *answer_new(struct arena *a, const struct schema *schema, size_t size);
/* The address of a voter; false when it is not known. */
bool raft_voter_node(const struct raft *r, int32_t id, struct raft_node *out);

/* ---- answers that arrive ---- */

/* What all answers contain: the error, and the leader. */
struct raft_said {
	int err;
	struct raft_leader leader;
	struct raft_endpoint endpoint;
};

/* The transport's error, or the top-level error of the answer: 0 = its contents matter. */
int answer_err(struct raft_turn *t, int16_t code);
void said_init(struct raft_said *said, int err, int32_t leader_id, int32_t epoch);
void said_endpoint(const struct raft *r, struct raft_said *said, struct str host, int32_t port);
/*
 * Learns what an answer says about the leader. True when the rest of it matters: it is of this
 * epoch, and its error, if any, is specific to that API. False: the node is left alone for a while,
 * if it is still the one to ask.
 */
bool said_applies(struct raft *r, struct raft_turn *t, const struct raft_said *said);

/* ---- requests that arrive ---- */

/*
 * May that many endpoints be a node's? No node has more listeners; a set of voters has to fit into
 * one record, and what a request names into the memory of a step.
 */
#define ENDPOINTS_MAX 100
#define ENDPOINTS_BYTES_MAX 16384
/* The bytes of their names and hosts are counted as well: for endpoints that are going to be kept in the log. */
bool endpoints_fit(const struct raft_endpoint *v, int n);

/* 0, or the error: for a request that a voter sends as such; for a request that only a leader answers. */
int request_check_voter(const struct raft *r, int32_t from, int32_t epoch);
int request_check_leader(const struct raft *r, int32_t epoch);
/* The key may lack a directory, or (id -1) be absent. */
bool request_is_for_us(const struct raft *r, struct raft_key addressee);
/*
 * The leader's address on the listener on which the request arrived; NULL when it is not known, or
 * the version has no field for it.
 */
const struct raft_endpoint *request_leader(const struct raft *r, const struct raft_request *q, int16_t since_version);

#endif
