/*
 * Metadata: brokers, topics and their leaders, as seen on the client's listener; requested topics
 * may be created (KafkaApis, KRaftMetadataCache).
 *
 * With auto-creation the answer waits until the new partitions have leaders, so that the first
 * produce succeeds at once.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/auto_create.h"
#include "broker/coordinator.h"
#include "broker/core.h"
#include "broker/dispatch.h"
#include "broker/internal_topic.h"
#include "broker/kept_answer.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "broker/permitted.h"
#include "broker/throttle.h"
#include "config/config.h"
#include "metadata/topic_name.h"
#include "protocol/metadata.h"

typedef struct metadata_response_topic topic_answer;
typedef struct metadata_response_partition partition_answer;

struct metadata {
	struct request *r;
	const struct image *image; /* after a creation, newer than the request's */
	struct str *names;	   /* requested topics, each once; by name */
	struct uuid *ids;	   /* requested topics, each once; by id */
	int n_names;
	int n_ids;
	struct str *hidden; /* those of the names that may not be described */
	struct str *denied; /* those of the names that do not exist and may not be created */
	int n_hidden;
	int n_denied;
	bool all;
	bool by_id;
	struct str *missing; /* to be created */
	int n_missing;
	struct auto_create creation;
};

/* ---- reading the request ---- */

static bool has_id(const struct metadata_request *in)
{
	for (int i = 0; i < in->topics.n; i++)
		if (!uuid_is_zero(in->topics.v[i].topic_id))
			return true;
	return false;
}

static int compare_names(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int compare_ids(const void *a, const void *b)
{
	return uuid_cmp(*(const struct uuid *)a, *(const struct uuid *)b);
}

/* Each name or id once: Kafka treats the list as a set. */
static void make_sets(struct metadata *m)
{
	int n = 0;

	qsort(m->names, (size_t)m->n_names, sizeof(*m->names), compare_names);
	for (int i = 0; i < m->n_names; i++)
		if (i == 0 || !str_eq(m->names[i], m->names[i - 1]))
			m->names[n++] = m->names[i];
	m->n_names = n;
	n = 0;
	qsort(m->ids, (size_t)m->n_ids, sizeof(*m->ids), compare_ids);
	for (int i = 0; i < m->n_ids; i++)
		if (i == 0 || !uuid_eq(m->ids[i], m->ids[i - 1]))
			m->ids[n++] = m->ids[i];
	m->n_ids = n;
}

/* 0, or the error for the whole request; or -ENOMEM. */
static int read_request(struct metadata *m, const struct metadata_request *in)
{
	size_t n = in->topics.n > 0 ? (size_t)in->topics.n : 0;

	m->all = in->topics.n < 0 || (m->r->version == 0 && n == 0);
	m->by_id = has_id(in);
	m->names = arena_array(&m->r->arena, n + 1, sizeof(*m->names));
	m->ids = arena_array(&m->r->arena, n + 1, sizeof(*m->ids));
	m->missing = arena_array(&m->r->arena, n + 1, sizeof(*m->missing));
	m->hidden = arena_array(&m->r->arena, n + 1, sizeof(*m->hidden));
	m->denied = arena_array(&m->r->arena, n + 1, sizeof(*m->denied));
	if (!m->names || !m->ids || !m->missing || !m->hidden || !m->denied)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct metadata_request_topic *t = &in->topics.v[i];

		if (m->r->version < 12 && (str_is_null(t->name) || !uuid_is_zero(t->topic_id)))
			return ERR_INVALID_REQUEST;
		if (m->by_id && !uuid_is_zero(t->topic_id))
			m->ids[m->n_ids++] = t->topic_id;
		else if (!m->by_id && !str_is_null(t->name))
			m->names[m->n_names++] = t->name;
	}
	make_sets(m);
	return 0;
}

/* ---- what may be described ---- */

static bool may_describe(struct metadata *m, struct str name)
{
	return request_may(m->r, ACL_DESCRIBE, ACL_TOPIC, name);
}

/* For a topic that may not be described, it is not even looked up whether it exists. */
static void hide_names(struct metadata *m)
{
	int n = 0;

	for (int i = 0; i < m->n_names; i++) {
		if (may_describe(m, m->names[i]))
			m->names[n++] = m->names[i];
		else
			m->hidden[m->n_hidden++] = m->names[i];
	}
	m->n_names = n;
}

static bool makes_topics(const struct metadata *m)
{
	const struct metadata_request *in = m->r->in;

	return !m->all && !m->by_id && in->allow_auto_topic_creation &&
	       config_bool(m->r->node->config, CONFIG_AUTO_CREATE_TOPICS_ENABLE);
}

/* Moves to `denied` the topics that do not exist and that this principal may not create. */
static void deny_names(struct metadata *m)
{
	int n = 0, all = -1; /* the cluster permission is checked when the first is found */

	if (!makes_topics(m))
		return;
	for (int i = 0; i < m->n_names; i++) {
		bool is_there = image_topic_by_name(m->image, m->names[i]) != NULL;

		if (!is_there && all < 0)
			all = request_may_quietly(m->r, ACL_CREATE, ACL_CLUSTER, STR(ACL_CLUSTER_NAME));
		if (is_there || all > 0 || request_may(m->r, ACL_CREATE, ACL_TOPIC, m->names[i]))
			m->names[n++] = m->names[i];
		else
			m->denied[m->n_denied++] = m->names[i];
	}
	m->n_names = n;
}

/* ---- filling ---- */

/* Notes that the client was told this node's own address. */
static void note_told(struct metadata *m, const struct answer_endpoint *e)
{
	struct request *r = m->r;

	if (r->peer)
		advertise_told(r->node->advertise, &r->peer->advertise, r->conn, r->client_id, e->host, e->port);
}

static bool fill_brokers(struct metadata *m, struct metadata_response *out)
{
	const struct image_node *node;
	struct image_iter it;
	int n = 0;

	if (!ANSWER_ARRAY(m->r, out->brokers, metadata_response_broker_schema, image_broker_count(m->image)))
		return false;
	image_brokers(m->image, &it);
	while ((node = image_nodes_next(&it))) {
		struct metadata_response_broker *b = &out->brokers.v[n];
		struct answer_endpoint e;

		if (!answer_alive_endpoint(m->r, m->image, node->id, &e))
			continue;
		b->node_id = node->id;
		b->host = e.host;
		b->port = e.port;
		b->rack = node->rack;
		if (node->id == m->r->node->id)
			note_told(m, &e);
		n++;
	}
	out->brokers.n = n;
	return true;
}

static bool is_alive(struct metadata *m, int32_t id)
{
	struct answer_endpoint e;

	return answer_alive_endpoint(m->r, m->image, id, &e);
}

/* Version 0 names only live brokers. */
static int copy_ids(struct metadata *m, struct image_ids from, int32_t *to)
{
	int n = 0;

	for (int i = 0; i < from.n; i++)
		if (m->r->version > 0 || is_alive(m, from.v[i]))
			to[n++] = from.v[i];
	return n;
}

static int partition_error(struct metadata *m, const struct image_partition *p, const partition_answer *out,
			   bool reachable)
{
	if (reachable)
		return out->replica_nodes.n < p->n_replicas || out->isr_nodes.n < p->n_isr ? ERR_REPLICA_NOT_AVAILABLE
											   : 0;
	if (!image_broker(m->image, p->leader) || m->r->version < 6)
		return ERR_LEADER_NOT_AVAILABLE;
	return ERR_LISTENER_NOT_FOUND;
}

static bool fill_partition(struct metadata *m, const struct image_partition *p, partition_answer *out)
{
	struct image_ids replicas = partition_replicas(p);
	struct answer_endpoint e;
	int32_t *ids = arena_array(&m->r->arena, 2 * (size_t)replicas.n + p->n_isr + 1, sizeof(*ids));
	bool reachable = answer_broker_endpoint(m->r, m->image, p->leader, &e);

	if (!ids)
		return false;
	out->partition_index = p->id;
	out->leader_id = reachable ? p->leader : -1;
	out->leader_epoch = p->leader_epoch;
	out->replica_nodes.v = ids;
	out->replica_nodes.n = copy_ids(m, replicas, ids);
	out->isr_nodes.v = ids + replicas.n;
	out->isr_nodes.n = copy_ids(m, partition_isr(p), out->isr_nodes.v);
	out->offline_replicas.v = out->isr_nodes.v + p->n_isr;
	out->offline_replicas.n = 0;
	for (int i = 0; i < replicas.n; i++)
		if (answer_replica_is_offline(m->r, m->image, p, i))
			out->offline_replicas.v[out->offline_replicas.n++] = replicas.v[i];
	out->error_code = (int16_t)partition_error(m, p, out, reachable);
	return true;
}

static bool fill_topic(struct metadata *m, const struct image_topic *t, topic_answer *out)
{
	const struct metadata_request *in = m->r->in;

	out->name = t->name;
	out->topic_id = t->id;
	out->is_internal = topic_is_internal(t->name);
	if (m->r->version >= 8 && in->include_topic_authorized_operations)
		out->topic_authorized_operations = request_operations(m->r, ACL_TOPIC, t->name);
	if (!ANSWER_ARRAY(m->r, out->partitions, metadata_response_partition_schema, t->n_partitions))
		return false;
	for (int i = 0; i < t->n_partitions; i++)
		if (!fill_partition(m, t->partitions[i], &out->partitions.v[i]))
			return false;
	return true;
}

static void fill_missing(struct metadata *m, struct str name, topic_answer *out)
{
	const struct metadata_request *in = m->r->in;

	out->name = name;
	out->is_internal = topic_is_internal(name);
	out->error_code = topic_name_is_valid(name) ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_INVALID_TOPIC_EXCEPTION;
	if (m->r->version >= 8 && in->include_topic_authorized_operations)
		out->topic_authorized_operations = request_operations(m->r, ACL_TOPIC, name);
}

static bool fill_all_topics(struct metadata *m, struct metadata_response *out)
{
	const struct image_topic *t;
	struct image_iter it;
	int n = 0;

	if (!ANSWER_ARRAY(m->r, out->topics, metadata_response_topic_schema, image_topic_count(m->image)))
		return false;
	image_topics(m->image, &it);
	while ((t = image_topics_next(&it)))
		if (request_may_quietly(m->r, ACL_DESCRIBE, ACL_TOPIC, t->name) &&
		    !fill_topic(m, t, &out->topics.v[n++]))
			return false;
	out->topics.n = n;
	return true;
}

/* An id is not secret, but the name behind it is. */
static void fill_hidden_id(const struct image_topic *t, topic_answer *out)
{
	out->error_code = ERR_TOPIC_AUTHORIZATION_FAILED;
	out->name = STR_NULL;
	out->topic_id = t->id;
}

static void fill_refused(struct metadata *m, topic_answer *out)
{
	for (int i = 0; i < m->n_denied; i++, out++) {
		out->error_code = ERR_TOPIC_AUTHORIZATION_FAILED;
		out->name = m->denied[i];
		out->is_internal = topic_is_internal(m->denied[i]);
	}
	for (int i = 0; i < m->n_hidden; i++, out++) {
		out->error_code = ERR_TOPIC_AUTHORIZATION_FAILED;
		out->name = m->hidden[i];
	}
}

static bool fill_ids(struct metadata *m, topic_answer *out)
{
	for (int i = 0; i < m->n_ids; i++) {
		const struct image_topic *t = image_topic_by_id(m->image, m->ids[i]);

		if (!t) {
			out->error_code = ERR_UNKNOWN_TOPIC_ID;
			out->name = STR_NULL;
			out++->topic_id = m->ids[i];
		}
	}
	for (int i = 0; i < m->n_ids; i++) {
		const struct image_topic *t = image_topic_by_id(m->image, m->ids[i]);

		if (!t)
			continue;
		if (!may_describe(m, t->name))
			fill_hidden_id(t, out++);
		else if (!fill_topic(m, t, out++))
			return false;
	}
	return true;
}

/* Kafka's order: unknown ids, then existing topics, then missing ones, then refused ones. */
static bool fill_topics(struct metadata *m, struct metadata_response *out)
{
	int n = 0;

	if (m->all)
		return fill_all_topics(m, out);
	if (!ANSWER_ARRAY(m->r, out->topics, metadata_response_topic_schema,
			  m->n_ids + m->n_names + m->n_denied + m->n_hidden))
		return false;
	if (m->by_id)
		return fill_ids(m, out->topics.v);
	for (int i = 0; i < m->n_names; i++) {
		const struct image_topic *t = image_topic_by_name(m->image, m->names[i]);

		if (t && !fill_topic(m, t, &out->topics.v[n++]))
			return false;
	}
	for (int i = 0; i < m->n_names; i++)
		if (!image_topic_by_name(m->image, m->names[i]))
			fill_missing(m, m->names[i], &out->topics.v[n++]);
	fill_refused(m, &out->topics.v[n]);
	return true;
}

static bool fill(struct metadata *m)
{
	const struct metadata_request *in = m->r->in;
	struct metadata_response *out = m->r->out;

	out->cluster_id = m->r->node->cluster_id;
	out->controller_id = answer_any_broker(m->r, m->image);
	if (in->include_cluster_authorized_operations)
		out->cluster_authorized_operations = permitted_on_cluster(m->r);
	return fill_brokers(m, out) && fill_topics(m, out);
}

/* ---- all topics, for all clients ---- */

/* With fewer topics an answer is made as quickly as it is looked up. */
#define KEPT_TOPICS_MIN 16

/* Would every client with this request get the same answer? */
static bool is_for_all(struct metadata *m)
{
	const struct metadata_request *in = m->r->in;

	return m->all && !request_has_authorizer(m->r) && !m->r->envelope &&
	       !in->include_cluster_authorized_operations && !in->include_topic_authorized_operations &&
	       throttle_is_idle(m->r) && image_topic_count(m->image) >= KEPT_TOPICS_MIN;
}

static bool answer_for_all(struct metadata *m)
{
	struct request *r = m->r;
	struct answer_endpoint own;
	struct kept_key key;

	if (!answer_alive_endpoint(r, m->image, r->node->id, &own))
		return fill(m);
	key = (struct kept_key){m->image, r->version, r->listener, own.host, own.port, 0};
	if (kept_answer_use(r, &key)) {
		note_told(m, &own);
		return true;
	}
	if (!fill(m))
		return false;
	kept_answer_keep(r, &key);
	return true;
}

/* ---- creating missing topics ---- */

/* Topics of coordinators that are not served yet are not created. */
static bool may_be_made(struct str name)
{
	return !topic_is_internal(name) || str_eq(name, coordinator_topic(COORDINATOR_GROUP));
}

static void find_missing(struct metadata *m)
{
	if (!makes_topics(m))
		return;
	for (int i = 0; i < m->n_names; i++)
		if (topic_name_is_valid(m->names[i]) && may_be_made(m->names[i]) &&
		    !image_topic_by_name(m->image, m->names[i]))
			m->missing[m->n_missing++] = m->names[i];
}

static void created(struct auto_create *c)
{
	struct metadata *m = c->arg;
	bool filled;

	m->image = m->r->core->image;
	filled = fill(m);
	/* The answer's names and addresses point into that image. */
	image_ref(m->image);
	image_unref(&m->r->image);
	m->r->image = m->image;
	if (filled)
		request_complete(m->r);
	else
		request_end(m->r, true);
}

static void hurry(struct request *r)
{
	auto_create_hurry(&((struct metadata *)r->state)->creation);
}

static void fail(struct request *r, int err, struct str message)
{
	const struct metadata_request *in = r->in;
	struct metadata_response *out = r->out;

	(void)message;
	out->error_code = (int16_t)err;
	if (!ANSWER_ARRAY(r, out->topics, metadata_response_topic_schema, in->topics.n > 0 ? in->topics.n : 0)) {
		out->topics.n = 0;
		return;
	}
	for (int i = 0; i < out->topics.n; i++) {
		out->topics.v[i].name =
			str_is_null(in->topics.v[i].name) && r->version < 12 ? STR("") : in->topics.v[i].name;
		out->topics.v[i].topic_id = in->topics.v[i].topic_id;
		out->topics.v[i].error_code = (int16_t)err;
	}
}

static enum outcome run(struct request *r)
{
	struct metadata *m = arena_zalloc(&r->arena, sizeof(*m));
	int err;

	if (!m || !r->image)
		return HANG_UP;
	m->r = r;
	m->image = r->image;
	err = read_request(m, r->in);
	if (err)
		return err < 0 ? HANG_UP : request_fail(r, err, STR_NULL);
	hide_names(m);
	deny_names(m);
	find_missing(m);
	if (is_for_all(m))
		return answer_for_all(m) ? REPLY : HANG_UP;
	if (m->n_missing == 0)
		return fill(m) ? REPLY : HANG_UP;
	m->creation.done = created;
	m->creation.arg = m;
	request_park(r, m, hurry);
	if (!auto_create_start(&m->creation, &(struct auto_create_for){r->core, &r->arena, r}, m->missing,
			       m->n_missing))
		request_end(r, true);
	return PARKED;
}

const struct api api_metadata = {
	.key = metadata_request_KEY,
	.first = metadata_request_FIRST,
	.last = metadata_request_LAST,
	.flags = API_BROKER,
	.in = &metadata_request_schema,
	.out = &metadata_response_schema,
	.run = run,
	.fail = fail,
};
