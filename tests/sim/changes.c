#include "tests/sim/changes.h"

#include "protocol/alter_partition_reassignments.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"
#include "protocol/elect_leaders.h"
#include "wire/codec.h"

enum {
	REASSIGN_VERSION = 1,
	ELECT_VERSION = 2,
	CREATE_VERSION = 5,
	DELETE_VERSION = 4,
	TIMEOUT_MS = 5000,
	TAKE_BACK_MS = 500,
	TOPICS_MAX = 10
};

static int draw(struct changes *c, int bound)
{
	return (int)env_random_below(c->client.loop->env, (uint64_t)bound);
}

/* A broker that gave no good answer is not asked the next time. */
static void done(struct changes *c, bool well, int64_t *count)
{
	if (well)
		++*count;
	else
		client_move(&c->client, c->brokers, -1);
	timer_start(&c->next, c->pause_ms / 2 + draw(c, c->pause_ms));
}

/* ---- replicas to other brokers ---- */

static void on_reassigned(void *arg, int err, const void *answer)
{
	struct changes *c = arg;
	const struct alter_partition_reassignments_response *r = answer;

	done(c, !err && !r->error_code && r->responses.n && !r->responses.v[0].partitions.v[0].error_code, &c->n_moves);
}

/* NULL: cancels the reassignment under way. */
static void ask_reassignment(struct changes *c, int partition, int32_t *ids)
{
	struct alter_partition_reassignments_request_partition p;
	struct alter_partition_reassignments_request_topic t = {.name = str_of(c->topic), .partitions = {&p, 1}};
	struct alter_partition_reassignments_request in;

	codec_init(&alter_partition_reassignments_request_schema, &in);
	codec_init(&alter_partition_reassignments_request_partition_schema, &p);
	p.partition_index = partition;
	p.replicas.v = ids;
	p.replicas.n = ids ? c->n_replicas : -1;
	in.timeout_ms = TIMEOUT_MS;
	in.topics.v = &t;
	in.topics.n = 1;
	client_call(&c->client, REASSIGN_VERSION, &alter_partition_reassignments_request_schema, &in,
		    &alter_partition_reassignments_response_schema, on_reassigned, c);
}

/* To the same number of replicas, on random brokers in random order. */
static void reassign(struct changes *c)
{
	int32_t ids[BROKERS_MAX];
	int partition = draw(c, c->n_partitions);

	for (int i = 0; i < c->brokers->n; i++) {
		int at = draw(c, i + 1);

		ids[i] = ids[at];
		ids[at] = c->brokers->ids[i];
	}
	/*
	 * Here as in Kafka, a reassignment on top of another may leave fewer replicas than wanted,
	 * so none is requested then.
	 */
	ask_reassignment(c, partition, !(c->busy >> partition & 1) ? ids : NULL);
}

static void take_back(struct changes *c)
{
	for (int i = 0; i < c->n_partitions; i++)
		if (c->stuck >> i & 1) {
			c->n_taken_back++;
			ask_reassignment(c, i, NULL);
			return;
		}
	timer_start(&c->next, TAKE_BACK_MS);
}

/* ---- preferred leaders ---- */

static void on_elected(void *arg, int err, const void *answer)
{
	struct changes *c = arg;
	const struct elect_leaders_response *r = answer;

	done(c, !err && !r->error_code, &c->n_elections);
}

static void elect(struct changes *c)
{
	struct elect_leaders_request in;

	codec_init(&elect_leaders_request_schema, &in);
	in.topic_partitions.v = NULL;
	in.topic_partitions.n = -1; /* all partitions */
	in.timeout_ms = TIMEOUT_MS;
	client_call(&c->client, ELECT_VERSION, &elect_leaders_request_schema, &in, &elect_leaders_response_schema,
		    on_elected, c);
}

/* ---- a topic that comes and goes ---- */

static void on_made(void *arg, int err, const void *answer)
{
	struct changes *c = arg;
	const struct create_topics_response *r = answer;

	c->is_there = true;
	done(c, !err && !r->topics.v[0].error_code, &c->n_topics);
}

static void make(struct changes *c)
{
	struct create_topics_request_topic topic;
	struct create_topics_request in;

	codec_init(&create_topics_request_topic_schema, &topic);
	codec_init(&create_topics_request_schema, &in);
	topic.name = STR(CHANGES_TOPIC);
	topic.num_partitions = 2;
	topic.replication_factor = (int16_t)c->n_replicas;
	in.timeout_ms = TIMEOUT_MS;
	in.topics.v = &topic;
	in.topics.n = 1;
	c->n_made++;
	client_call(&c->client, CREATE_VERSION, &create_topics_request_schema, &in, &create_topics_response_schema,
		    on_made, c);
}

static void on_deleted(void *arg, int err, const void *answer)
{
	struct changes *c = arg;
	const struct delete_topics_response *r = answer;
	bool well = !err && !r->responses.v[0].error_code;

	c->is_there = !well;
	done(c, well, &c->n_topics);
}

static void drop(struct changes *c)
{
	struct str name = STR(CHANGES_TOPIC);
	struct delete_topics_request in;

	codec_init(&delete_topics_request_schema, &in);
	in.topic_names.v = &name;
	in.topic_names.n = 1;
	in.timeout_ms = TIMEOUT_MS;
	client_call(&c->client, DELETE_VERSION, &delete_topics_request_schema, &in, &delete_topics_response_schema,
		    on_deleted, c);
}

/* ---- one after another ---- */

static void on_next(struct timer *t)
{
	struct changes *c = container_of(t, struct changes, next);

	if (c->ends) {
		take_back(c);
		return;
	}
	switch (draw(c, 4)) {
	case 0:
		elect(c);
		break;
	case 1:
		if (c->is_there)
			drop(c);
		else if (c->n_made < TOPICS_MAX)
			make(c);
		else
			elect(c);
		break;
	default:
		reassign(c);
	}
}

void changes_start(struct changes *c, struct loop *loop, const struct addr *to)
{
	if (!c->pause_ms)
		return;
	c->started = true;
	client_init(&c->client, loop, to, "sim-changes");
	c->client.call_ms = c->brokers->call_ms;
	timer_init(&c->next, loop, on_next);
	timer_start(&c->next, c->pause_ms);
}

void changes_end(struct changes *c)
{
	c->ends = true;
}

void changes_fini(struct changes *c)
{
	if (!c->started)
		return;
	timer_stop(&c->next);
	client_fini(&c->client);
}
