/*
 * DescribeTopicPartitions: topics in order of name, page by page, with their eligible leader
 * replicas (KIP-966).
 */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/core.h"
#include "broker/internal_topic.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "config/config.h"
#include "metadata/topic_name.h"
#include "protocol/describe_topic_partitions.h"
#include "wire/codec.h"

typedef struct describe_topic_partitions_response_topic topic_answer;
typedef struct describe_topic_partitions_response_partition partition_answer;

struct description {
	struct request *r;
	struct str *names; /* sorted, each once */
	int n;
	struct str *hidden; /* requested, but may not be described */
	int n_hidden;
	bool all;
	int left; /* number of partitions for which the answer has room */
};

/* ---- which topics ---- */

static int compare_names(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void sort_names(struct description *d)
{
	int n = 0;

	qsort(d->names, (size_t)d->n, sizeof(*d->names), compare_names);
	for (int i = 0; i < d->n; i++)
		if (i == 0 || !str_eq(d->names[i], d->names[i - 1]))
			d->names[n++] = d->names[i];
	d->n = n;
}

static bool list_all(struct description *d, struct str from)
{
	const struct image_topic *t;
	struct image_iter it;

	d->names = arena_array(&d->r->arena, (size_t)image_topic_count(d->r->image) + 1, sizeof(*d->names));
	if (!d->names)
		return false;
	image_topics_from(d->r->image, &it, from);
	while ((t = image_topics_next(&it)))
		d->names[d->n++] = t->name;
	return true;
}

static bool list_asked(struct description *d, const struct describe_topic_partitions_request *in, struct str from)
{
	d->names = arena_array(&d->r->arena, (size_t)in->topics.n + 1, sizeof(*d->names));
	if (!d->names)
		return false;
	for (int i = 0; i < in->topics.n; i++)
		if (str_cmp(in->topics.v[i].name, from) >= 0)
			d->names[d->n++] = in->topics.v[i].name;
	sort_names(d);
	return true;
}

/* 0, a Kafka error, or -ENOMEM. */
static int list_topics(struct description *d, const struct describe_topic_partitions_request *in)
{
	struct str from = in->cursor ? in->cursor->topic_name : STR("");

	d->all = in->topics.n <= 0;
	if (!(d->all ? list_all(d, from) : list_asked(d, in, from)))
		return -ENOMEM;
	if (in->cursor && !d->all && (d->n == 0 || !str_eq(d->names[0], from)))
		return ERR_INVALID_REQUEST;
	return in->cursor && in->cursor->partition_index < 0 ? ERR_INVALID_REQUEST : 0;
}

/* For a topic that may not be described, it is not even looked up whether it exists. */
static bool hide_names(struct description *d)
{
	int n = 0;

	d->hidden = arena_array(&d->r->arena, (size_t)d->n + 1, sizeof(*d->hidden));
	if (!d->hidden)
		return false;
	for (int i = 0; i < d->n; i++) {
		if (request_may(d->r, ACL_DESCRIBE, ACL_TOPIC, d->names[i]))
			d->names[n++] = d->names[i];
		else if (!d->all)
			d->hidden[d->n_hidden++] = d->names[i];
	}
	d->n = n;
	return true;
}

/* ---- one topic ---- */

static void copy_ids(struct image_ids from, int32_t **at, int32_t **v, int32_t *n)
{
	*v = *at;
	*n = from.n;
	for (int i = 0; i < from.n; i++)
		*(*at)++ = from.v[i];
}

static bool fill_partition(struct request *r, const struct image_partition *p, partition_answer *out)
{
	struct answer_endpoint e;
	size_t n = 2 * (size_t)p->n_replicas + p->n_isr + p->n_elr + p->n_last_known_elr;
	int32_t *at = arena_array(&r->arena, n + 1, sizeof(*at));

	if (!at)
		return false;
	out->partition_index = p->id;
	out->leader_id = answer_broker_endpoint(r, r->image, p->leader, &e) ? p->leader : -1;
	out->leader_epoch = p->leader_epoch;
	copy_ids(partition_replicas(p), &at, &out->replica_nodes.v, &out->replica_nodes.n);
	copy_ids(partition_isr(p), &at, &out->isr_nodes.v, &out->isr_nodes.n);
	copy_ids(partition_elr(p), &at, &out->eligible_leader_replicas.v, &out->eligible_leader_replicas.n);
	copy_ids(partition_last_known_elr(p), &at, &out->last_known_elr.v, &out->last_known_elr.n);
	out->offline_replicas.v = at;
	out->offline_replicas.n = 0;
	for (int i = 0; i < p->n_replicas; i++)
		if (answer_replica_is_offline(r, r->image, p, i))
			out->offline_replicas.v[out->offline_replicas.n++] = partition_replicas(p).v[i];
	return true;
}

/*
 * Adds partitions from `first` on as long as there is room; *next is the first for which there was
 * none, -1 when all fitted.
 */
static bool fill_topic(struct description *d, const struct image_topic *t, int32_t first, topic_answer *out,
		       int32_t *next)
{
	int n = t->n_partitions > first ? t->n_partitions - first : 0;

	if (n > d->left)
		n = d->left;
	*next = first + n < t->n_partitions ? first + n : -1;
	out->name = t->name;
	out->topic_id = t->id;
	out->is_internal = topic_is_internal(t->name);
	if (!ANSWER_ARRAY(d->r, out->partitions, describe_topic_partitions_response_partition_schema, n))
		return false;
	for (int i = 0; i < n; i++)
		if (!fill_partition(d->r, t->partitions[first + i], &out->partitions.v[i]))
			return false;
	d->left -= n;
	return true;
}

static void fill_missing(struct str name, topic_answer *out)
{
	out->name = name;
	out->is_internal = topic_is_internal(name);
	out->error_code = topic_name_is_valid(name) ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_INVALID_TOPIC_EXCEPTION;
}

/* ---- the request ---- */

static bool set_cursor(struct description *d, struct str topic, int32_t partition)
{
	struct describe_topic_partitions_response_cursor *c = arena_zalloc(&d->r->arena, sizeof(*c));
	struct describe_topic_partitions_response *out = d->r->out;

	if (!c)
		return false;
	c->topic_name = topic;
	c->partition_index = partition;
	out->next_cursor = c;
	return true;
}

static int32_t first_of(const struct describe_topic_partitions_request *in, struct str name)
{
	return in->cursor && str_eq(in->cursor->topic_name, name) ? in->cursor->partition_index : 0;
}

static bool fill(struct description *d, const struct describe_topic_partitions_request *in)
{
	struct describe_topic_partitions_response *out = d->r->out;
	int n = 0;

	if (!ANSWER_ARRAY(d->r, out->topics, describe_topic_partitions_response_topic_schema, d->n + d->n_hidden))
		return false;
	out->topics.n = 0;
	for (int i = 0; i < d->n; i++) {
		const struct image_topic *t = image_topic_by_name(d->r->image, d->names[i]);
		topic_answer *o = &out->topics.v[n];
		int32_t next = -1;

		if (d->left == 0)
			return set_cursor(d, d->names[i], 0);
		o->topic_authorized_operations = request_operations(d->r, ACL_TOPIC, d->names[i]);
		if (!t)
			fill_missing(d->names[i], o);
		else if (!fill_topic(d, t, first_of(in, d->names[i]), o, &next))
			return false;
		out->topics.n = ++n;
		if (next >= 0)
			return set_cursor(d, d->names[i], next);
	}
	return true;
}

/* After the others, regardless of the room left. */
static void fill_hidden(struct description *d)
{
	struct describe_topic_partitions_response *out = d->r->out;

	for (int i = 0; i < d->n_hidden; i++) {
		topic_answer *o = &out->topics.v[out->topics.n++];

		o->error_code = ERR_TOPIC_AUTHORIZATION_FAILED;
		o->name = d->hidden[i];
	}
}

static void fail(struct request *r, int err, struct str message)
{
	const struct describe_topic_partitions_request *in = r->in;
	struct describe_topic_partitions_response *out = r->out;

	(void)message;
	if (!ANSWER_ARRAY(r, out->topics, describe_topic_partitions_response_topic_schema, in->topics.n))
		out->topics.n = 0;
	for (int i = 0; i < out->topics.n; i++) {
		out->topics.v[i].name = in->topics.v[i].name;
		out->topics.v[i].error_code = (int16_t)err;
	}
}

static enum outcome run(struct request *r)
{
	const struct describe_topic_partitions_request *in = r->in;
	struct description d = {.r = r, .left = config_int(r->node->config, CONFIG_MAX_REQUEST_PARTITION_SIZE_LIMIT)};
	int err;

	if (!r->image)
		return HANG_UP;
	if (in->response_partition_limit < d.left)
		d.left = in->response_partition_limit;
	if (d.left < 1)
		d.left = 1;
	err = list_topics(&d, in);
	if (err)
		return err < 0 ? HANG_UP : request_fail(r, err, STR_NULL);
	if (!hide_names(&d) || !fill(&d, in))
		return HANG_UP;
	fill_hidden(&d);
	return REPLY;
}

const struct api api_describe_topic_partitions = {
	.key = describe_topic_partitions_request_KEY,
	.first = describe_topic_partitions_request_FIRST,
	.last = describe_topic_partitions_request_LAST,
	.flags = API_BROKER,
	.in = &describe_topic_partitions_request_schema,
	.out = &describe_topic_partitions_response_schema,
	.run = run,
	.fail = fail,
};
