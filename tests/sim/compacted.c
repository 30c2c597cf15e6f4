#include "tests/sim/compacted.h"

#include <stdio.h>

#include "base/check.h"
#include "base/err.h"
#include "protocol/create_topics.h"
#include "wire/codec.h"

enum {
	TOPIC_VERSION = 5,
	TOMBSTONES_MS = 3000,
	WHOLE_RUN_MS = 600000,
	AGAIN_MS = 200,
	PARTITIONS_MAX = 2,
	REPLICAS = 3
};

static const struct {
	const char *name;
	const char *value;
} SETTINGS[] = {
	{"cleanup.policy", "compact"},
	{"min.cleanable.dirty.ratio", "0.01"},
	{"segment.ms", "300"},
};

enum { N_SETTINGS = sizeof(SETTINGS) / sizeof(SETTINGS[0]) };

static uint64_t draw(struct compacted *c, uint64_t bound)
{
	uint64_t z = (c->seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % bound;
}

static void on_finished(void *arg)
{
	((struct compacted *)arg)->n_finished++;
}

static void draw_producer(struct compacted *c, int i)
{
	c->producers[i] = (struct producer){
		.index = i,
		.brokers = c->brokers,
		.history = &c->history,
		.topic = COMPACTED_TOPIC,
		.n_partitions = c->n_partitions,
		.n_batches = 20 + (int)draw(c, 60),
		/*
		 * A new leader knows only a producer's last batch: earlier ones may have been
		 * compacted away.
		 */
		.window = c->brokers ? 1 : 1 + (int)draw(c, 3),
		.pause_ms = 10 + (int)draw(c, 300),
		.acks = -1,
		.idempotent = draw(c, 2),
		.storage_fails = c->writes_fail,
		.losses_happen = true, /* batches in flight may be compacted away before they are sent again */
		.finished = on_finished,
		.arg = c,
	};
}

/*
 * delete.retention.ms counts from the first cleaning on any replica: another may still have what a
 * tombstone deletes when the tombstone has gone, and has it for good if it was away for that long.
 * So in a cluster tombstones are kept for the whole run, or not relied on.
 */
static void draw_retention(struct compacted *c, bool whole_run)
{
	c->retention_ms = c->brokers && whole_run ? WHOLE_RUN_MS : TOMBSTONES_MS;
	c->follower.tombstones_ms = c->clocks_jump || (c->brokers && !whole_run) ? 0 : c->retention_ms;
}

/* A third of the runs has such a topic. */
void compacted_draw(struct compacted *c)
{
	uint64_t seed = c->seed;

	history_init(&c->history, seed, 1 + (int)draw(c, HISTORY_KEYS_MAX));
	if (seed % 3 != 2)
		return;
	c->n_partitions = c->brokers ? 1 : 1 + (int)draw(c, PARTITIONS_MAX);
	c->n_producers = 1 + (int)draw(c, COMPACTED_PRODUCERS);
	for (int i = 0; i < c->n_producers; i++)
		draw_producer(c, i);
	c->follower = (struct follower){.brokers = c->brokers,
					.history = &c->history,
					.topic = COMPACTED_TOPIC,
					.n_partitions = c->n_partitions,
					.losses_happen = c->losses_happen,
					.storage_fails = c->reads_fail,
					.compacted = true};
	draw_retention(c, seed / 3 % 2);
}

/* ---- the topic ---- */

static void ask(struct compacted *c);

static void on_again(struct timer *t)
{
	ask(container_of(t, struct compacted, again));
}

static void on_topic(void *arg, int err, const void *answer)
{
	struct compacted *c = arg;
	const struct create_topics_response *a = answer;
	int16_t code = err ? ERR_NETWORK_EXCEPTION : a->topics.v[0].error_code;

	if (code != ERR_NONE && code != ERR_TOPIC_ALREADY_EXISTS) {
		if (c->brokers)
			client_move(&c->admin, c->brokers, -1);
		timer_start(&c->again, AGAIN_MS);
		return;
	}
	for (int i = 0; i < c->n_producers; i++)
		producer_start(&c->producers[i]);
	follower_start(&c->follower);
	c->started = true;
}

static void ask(struct compacted *c)
{
	struct create_topics_request_config configs[N_SETTINGS + 1];
	struct create_topics_request_topic topic;
	struct create_topics_request request;
	char retention[16];

	codec_init(&create_topics_request_topic_schema, &topic);
	codec_init(&create_topics_request_schema, &request);
	for (int i = 0; i < N_SETTINGS; i++) {
		codec_init(&create_topics_request_config_schema, &configs[i]);
		configs[i].name = str_of(SETTINGS[i].name);
		configs[i].value = str_of(SETTINGS[i].value);
	}
	codec_init(&create_topics_request_config_schema, &configs[N_SETTINGS]);
	configs[N_SETTINGS].name = STR("delete.retention.ms");
	configs[N_SETTINGS].value =
		(struct str){retention, snprintf(retention, sizeof(retention), "%d", c->retention_ms)};
	topic.name = STR(COMPACTED_TOPIC);
	topic.num_partitions = c->n_partitions;
	topic.replication_factor = c->brokers ? REPLICAS : 1;
	topic.configs.v = configs;
	topic.configs.n = N_SETTINGS + 1;
	request.timeout_ms = 30000;
	request.topics.v = &topic;
	request.topics.n = 1;
	client_call(&c->admin, TOPIC_VERSION, &create_topics_request_schema, &request, &create_topics_response_schema,
		    on_topic, c);
}

/* ---- its life ---- */

void compacted_start(struct compacted *c, struct loop *loop, const struct addr *to)
{
	if (!c->n_producers)
		return;
	for (int i = 0; i < c->n_producers; i++) {
		c->producers[i].loop = loop;
		c->producers[i].to = *to;
	}
	c->follower.loop = loop;
	c->follower.to = *to;
	client_init(&c->admin, loop, to, "sim-compacted");
	if (c->brokers)
		c->admin.call_ms = c->brokers->call_ms;
	timer_init(&c->again, loop, on_again);
	ask(c);
}

void compacted_lost(struct compacted *c)
{
	if (!c->n_producers)
		return;
	history_lost(&c->history);
	client_hang_up(&c->admin);
	for (int i = 0; i < c->n_producers && c->started; i++)
		producer_hang_up(&c->producers[i]);
	if (c->started)
		follower_start_over(&c->follower);
}

bool compacted_is_done(const struct compacted *c)
{
	return c->n_finished == c->n_producers;
}

void compacted_fini(struct compacted *c)
{
	if (!c->n_producers)
		return;
	timer_stop(&c->again);
	client_fini(&c->admin);
	for (int i = 0; i < c->n_producers && c->started; i++)
		producer_fini(&c->producers[i]);
	if (c->started)
		follower_fini(&c->follower);
}

void compacted_read_again(struct compacted *c)
{
	if (c->n_producers)
		follower_start(&c->follower);
}

bool compacted_is_read(const struct compacted *c)
{
	return !c->n_producers || follower_is_at_end(&c->follower);
}

void compacted_end_reading(struct compacted *c)
{
	if (c->n_producers)
		follower_fini(&c->follower);
}

void compacted_free(struct compacted *c)
{
	history_fini(&c->history);
}
