/*
 * coordinator: the shards of a core, and how commands find them.
 */
#include "broker/coordinator.h"

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/coordinator_private.h"
#include "broker/core.h"
#include "broker/node_private.h"
#include "broker/partitions.h"
#include "broker/transaction_calls.h"
#include "config/config.h"
#include "group/group.h"
#include "metadata/image.h"
#include "transaction/transaction.h"

const struct coordinator_type coordinator_types[COORDINATOR_KINDS] = {
	[COORDINATOR_GROUP] =
		{
			.type = &group_shard_type,
			.partitions = CONFIG_OFFSETS_TOPIC_NUM_PARTITIONS,
			.replication_factor = CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR,
			.codec = CONFIG_OFFSETS_TOPIC_COMPRESSION_CODEC,
			.linger_ms = CONFIG_GROUP_COORDINATOR_APPEND_LINGER_MS,
			.load_bytes = CONFIG_OFFSETS_LOAD_BUFFER_SIZE,
			.write_timeout_ms = CONFIG_OFFSETS_COMMIT_TIMEOUT_MS,
			.buffer_bytes = CONFIG_GROUP_COORDINATOR_CACHED_BUFFER_MAX_BYTES,
			.base_sequence = 0,
			.topic = {{"cleanup.policy", "compact", NO_SETTING},
				  {"compression.type", "producer", NO_SETTING},
				  {"segment.bytes", NULL, CONFIG_OFFSETS_TOPIC_SEGMENT_BYTES}},
		},
	[COORDINATOR_TRANSACTION] =
		{
			.type = &transaction_shard_type,
			.ask = transaction_ask,
			.partitions = CONFIG_TRANSACTION_STATE_LOG_NUM_PARTITIONS,
			.replication_factor = CONFIG_TRANSACTION_STATE_LOG_REPLICATION_FACTOR,
			.codec = NO_SETTING,
			.linger_ms = NO_SETTING,
			.load_bytes = CONFIG_TRANSACTION_STATE_LOG_LOAD_BUFFER_SIZE,
			.write_timeout_ms = CONFIG_REQUEST_TIMEOUT_MS,
			.buffer_bytes = NO_SETTING,
			.base_sequence = NO_SEQUENCE,
			.topic = {{"cleanup.policy", "compact", NO_SETTING},
				  {"compression.type", "uncompressed", NO_SETTING},
				  {"min.insync.replicas", NULL, CONFIG_TRANSACTION_STATE_LOG_MIN_ISR},
				  {"segment.bytes", NULL, CONFIG_TRANSACTION_STATE_LOG_SEGMENT_BYTES},
				  {"unclean.leader.election.enable", "false", NO_SETTING}},
		},
};

/* ---- where a key belongs ---- */

struct str coordinator_topic(enum coordinator_kind kind)
{
	return str_of(coordinator_types[kind].type->topic);
}

int32_t coordinator_partitions(const struct node *node, const struct image *image, enum coordinator_kind kind)
{
	const struct image_topic *topic = image ? image_topic_by_name(image, coordinator_topic(kind)) : NULL;

	return topic ? topic->n_partitions : config_int(node->config, coordinator_types[kind].partitions);
}

int32_t coordinator_partition(const struct node *node, const struct image *image, enum coordinator_kind kind,
			      struct str key)
{
	return shard_partition_of(key, coordinator_partitions(node, image, kind));
}

/* ---- errors ---- */

int coordinator_error(int err)
{
	static const struct {
		int from;
		int to;
	} map[] = {
		{ERR_NETWORK_EXCEPTION, ERR_COORDINATOR_LOAD_IN_PROGRESS},
		{ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_COORDINATOR_NOT_AVAILABLE},
		{ERR_NOT_ENOUGH_REPLICAS, ERR_COORDINATOR_NOT_AVAILABLE},
		{ERR_REQUEST_TIMED_OUT, ERR_COORDINATOR_NOT_AVAILABLE},
		{ERR_NOT_LEADER_OR_FOLLOWER, ERR_NOT_COORDINATOR},
		{ERR_KAFKA_STORAGE_ERROR, ERR_NOT_COORDINATOR},
		{ERR_MESSAGE_TOO_LARGE, ERR_UNKNOWN_SERVER_ERROR},
		{ERR_RECORD_LIST_TOO_LARGE, ERR_UNKNOWN_SERVER_ERROR},
		{ERR_INVALID_FETCH_SIZE, ERR_UNKNOWN_SERVER_ERROR},
	};

	err = err_to_kafka(err);
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].from == err)
			return map[i].to;
	return err;
}

/* ---- commands ---- */

static void answered(struct post *post)
{
	struct coordinator_command *c = container_of(post, struct coordinator_command, post);

	c->done(c);
}

void coordinator_answer(struct shard_command *command)
{
	struct coordinator_command *c = container_of(command, struct coordinator_command, c);

	c->post.run = answered;
	loop_post(c->loop, &c->post);
}

static void refuse(struct coordinator_command *c, int err)
{
	c->c.err = err;
	coordinator_answer(&c->c);
}

static struct coordinator_shard *find(struct core *core, enum coordinator_kind kind, int32_t partition)
{
	const struct shards *shards = core->coordinators ? &core->coordinators->of[kind] : NULL;

	return shards && partition < shards->n ? shards->v[partition] : NULL;
}

static void arrived(struct post *post)
{
	struct coordinator_command *c = container_of(post, struct coordinator_command, post);
	struct coordinator_shard *s = find(c->core, c->kind, c->partition);

	if (!s || s->phase == SHARD_FAILED)
		refuse(c, ERR_NOT_COORDINATOR);
	else if (s->phase == SHARD_LOADING)
		refuse(c, ERR_COORDINATOR_LOAD_IN_PROGRESS);
	else if (c->marker)
		shard_end_transaction(s, c);
	else
		shard_command(s, c);
}

void coordinator_submit(struct core *core, enum coordinator_kind kind, int32_t partition, struct coordinator_command *c)
{
	struct node *node = core->node;

	check(partition >= 0 && c->done);
	c->c.err = 0;
	c->c.message = STR_NULL;
	c->loop = core->loop;
	c->core = &node->cores[partition % node->n_cores];
	c->kind = kind;
	c->partition = partition;
	c->post.run = arrived;
	loop_post(c->core->loop, &c->post);
}

/* ---- the shards ---- */

static void make_room(struct shards *shards, int n)
{
	if (n <= shards->n)
		return;
	shards->v = xreallocarray(shards->v, (size_t)n, sizeof(struct coordinator_shard *));
	for (int i = shards->n; i < n; i++)
		shards->v[i] = NULL;
	shards->n = n;
}

static void open_shard(struct coordinators *c, enum coordinator_kind kind, const struct image_topic *topic,
		       const struct image_partition *p)
{
	struct core *core = c->core;
	struct partition *partition = partitions_get(core->node->partitions, topic->id, p->id);

	if (!partition)
		return;
	c->of[kind].v[p->id] = shard_open(core, &coordinator_types[kind], partition, topic->id, p->leader_epoch);
}

static void close_shard(struct shards *shards, int i)
{
	struct coordinator_shard *s = shards->v[i];

	shards->v[i] = NULL;
	shard_close(s);
}

/*
 * A shard stays while this node leads, from one epoch to the next; if an image skips an epoch,
 * another node may have led and written. A failed shard is loaded again in the next epoch.
 */
static bool may_stay(const struct coordinator_shard *s, const struct image_topic *topic,
		     const struct image_partition *p, int32_t node_id)
{
	return p && p->leader == node_id && uuid_eq(s->topic_id, topic->id) && p->leader_epoch <= s->epoch + 1 &&
	       !(s->phase == SHARD_FAILED && p->leader_epoch > s->epoch);
}

static void follow_kind(struct coordinators *c, enum coordinator_kind kind)
{
	struct core *core = c->core;
	struct shards *shards = &c->of[kind];
	const struct image_topic *topic = image_topic_by_name(core->image, coordinator_topic(kind));
	int step = core->node->n_cores;

	if (topic)
		make_room(shards, topic->n_partitions);
	for (int i = core->index; i < shards->n; i += step) {
		const struct image_partition *p = topic ? image_topic_partition(topic, i) : NULL;

		if (shards->v[i] && !may_stay(shards->v[i], topic, p, core->node->id))
			close_shard(shards, i);
		if (shards->v[i])
			shards->v[i]->epoch = p->leader_epoch;
		else if (p && p->leader == core->node->id)
			open_shard(c, kind, topic, p);
	}
}

void coordinators_each(struct core *core, enum coordinator_kind kind, void (*each)(const void *state, void *arg),
		       void *arg)
{
	const struct shards *shards = core->coordinators ? &core->coordinators->of[kind] : NULL;

	for (int i = 0; shards && i < shards->n; i++)
		if (shards->v[i] && shards->v[i]->phase == SHARD_ACTIVE)
			each(shards->v[i]->state, arg);
}

void coordinators_follow(struct core *core, const struct image *old)
{
	struct coordinators *c = core->coordinators;

	if (!c || c->stopped || !core->image)
		return;
	for (int kind = 0; kind < COORDINATOR_KINDS; kind++) {
		follow_kind(c, kind);
		for (int i = core->index; old && i < c->of[kind].n; i += core->node->n_cores)
			if (c->of[kind].v[i])
				shard_image(c->of[kind].v[i], old);
	}
}

void coordinators_start(struct core *core)
{
	if (core->coordinators || core->stopping)
		return;
	core->coordinators = xcalloc(1, sizeof(*core->coordinators));
	core->coordinators->core = core;
	list_init(&core->coordinators->spare);
	coordinators_follow(core, NULL);
}

void coordinators_stop(struct core *core)
{
	struct coordinators *c = core->coordinators;

	coordinator_makers_hurry(core);
	if (!c)
		return;
	c->stopped = true;
	for (int kind = 0; kind < COORDINATOR_KINDS; kind++)
		for (int i = 0; i < c->of[kind].n; i++)
			if (c->of[kind].v[i])
				close_shard(&c->of[kind], i);
}

void coordinators_free(struct coordinators *c)
{
	if (!c)
		return;
	check(c->stopped);
	for (int kind = 0; kind < COORDINATOR_KINDS; kind++)
		xfree(c->of[kind].v);
	shard_forget_spare(c);
	xfree(c);
}
