/*
 * CreateTopics: checks names, settings and placement of new topics, each topic by itself; valid
 * ones become TopicRecord, ConfigRecords and PartitionRecords in one atomic batch (ControllerApis,
 * ReplicationControlManager).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str_index.h"
#include "config/config.h"
#include "controller/assignment.h"
#include "controller/collision.h"
#include "controller/controller.h"
#include "controller/internal.h"
#include "controller/placement.h"
#include "metadata/topic_name.h"
#include "protocol/create_topics.h"
#include "protocol/metadata_records.h"

typedef struct create_topics_request_topic new_topic;
typedef struct create_topics_response_topic new_topic_answer;

/* The maximum number of partitions in one request. */
#define PARTITIONS_MAX 10000
#define METADATA_TOPIC "__cluster_metadata"

/* The occurrence of a name within its request. */
enum name_place { NAME_ALONE, NAME_FIRST_OF_SEVERAL, NAME_AGAIN };

struct creation {
	struct controller *c;
	const struct controller_context *ctx;
	const struct image *tip;
	struct record_list *records;
	struct create_topics_response *out;
	enum name_place *places; /* of each topic */
	struct collisions collisions;
	/* the answer with the settings of all topics without settings of their own; made when first needed */
	new_topic_answer plain;
};

static int refuse_topic(new_topic_answer *a, int err, struct str message)
{
	a->error_code = (int16_t)err;
	a->error_message = message;
	return err;
}

/* ---- names ---- */

static int check_name(struct creation *k, const new_topic *in, new_topic_answer *a)
{
	struct str message = topic_name_check(in->name, k->ctx->arena);
	const struct image_topic *other;

	if (!str_is_null(message))
		return refuse_topic(a, ERR_INVALID_TOPIC_EXCEPTION, message);
	if (image_topic_by_name(k->tip, in->name))
		return refuse_topic(a, ERR_TOPIC_ALREADY_EXISTS,
				    arena_printf(k->ctx->arena, "Topic '%.*s' already exists.", STR_ARG(in->name)));
	other = collisions_find(&k->collisions, in->name);
	if (other)
		return refuse_topic(a, ERR_INVALID_TOPIC_EXCEPTION,
				    arena_printf(k->ctx->arena, "Topic '%.*s' collides with existing topic: %.*s",
						 STR_ARG(in->name), STR_ARG(other->name)));
	return 0;
}

/* ---- settings ---- */

/* What the request sets, each name once, with its last value. */
struct settings {
	struct config_pair *v;
	int n;
};

static struct str settings_get(const void *arg, struct str name)
{
	const struct settings *s = arg;

	for (int i = 0; i < s->n; i++)
		if (str_eq(s->v[i].name, name))
			return s->v[i].value;
	return STR_NULL;
}

static void settings_put(struct settings *s, struct str_index *names, struct config_pair pair)
{
	int *at = str_index_at(names, pair.name);

	if (*at < 0)
		*at = s->n++;
	s->v[*at] = pair;
}

/* Returns the names of those that are null, comma-separated; null: there are none. */
static struct str settings_put_all(struct creation *k, const new_topic *in, struct settings *s)
{
	struct str_index names;
	struct buf nulls = {0};
	struct str out;
	int n_nulls = 0;

	str_index_init(&names, k->ctx->random(k->ctx->random_arg));
	for (int i = 0; i < in->configs.n; i++) {
		struct config_pair pair = {in->configs.v[i].name, in->configs.v[i].value};

		if (!str_is_null(pair.value))
			settings_put(s, &names, pair);
		else
			buf_printf(&nulls, "%s%.*s", n_nulls++ ? "," : "", STR_ARG(pair.name));
	}
	str_index_fini(&names);
	out = n_nulls == 0 ? STR_NULL : nulls.len > 0 ? arena_str(k->ctx->arena, buf_str(&nulls)) : STR("");
	buf_fini(&nulls);
	return out;
}

static int read_settings(struct creation *k, const new_topic *in, struct settings *s, new_topic_answer *a)
{
	struct str nulls, message = STR_NULL;
	int err;

	s->v = arena_array(k->ctx->arena, (size_t)in->configs.n, sizeof(*s->v));
	if (!s->v)
		return -ENOMEM;
	nulls = settings_put_all(k, in, s);
	if (!str_is_null(nulls))
		return refuse_topic(a, ERR_INVALID_CONFIG,
				    arena_printf(k->ctx->arena, "Null value not supported for topic configs: %.*s",
						 STR_ARG(nulls)));
	err = config_check_topic(k->c->config, s->v, s->n, NULL, 0, k->ctx->arena, &message);
	for (int i = 0; err == 0 && i < s->n; i++) {
		struct api_error e = check_encryption(k->c, s->v[i].name, s->v[i].value);

		err = e.code;
		message = e.message;
	}
	return err > 0 ? refuse_topic(a, err, message) : err;
}

/* KIP-525: the settings that the topic will have, by name. */
static int describe_settings(struct creation *k, const struct settings *s, new_topic_answer *a)
{
	const struct config *config = k->c->config;
	struct config_layer layers[TOPIC_LAYERS];
	int n_layers = topic_layers(k->c, NULL, layers);
	struct config_entry e;
	struct str name, own; /* values that the request sets are returned as they were sent */
	int n;

	/* stands for the topic that does not exist yet */
	layers[0] = (struct config_layer){CONFIG_SOURCE_TOPIC, settings_get, s};
	config_settings(CONFIG_SCOPE_TOPIC, &n);
	a->configs.v = arena_array(k->ctx->arena, (size_t)n, sizeof(*a->configs.v));
	if (!a->configs.v)
		return -ENOMEM;
	for (int i = 0; !str_is_null(name = config_described_name(config, CONFIG_SCOPE_TOPIC, i)) && a->configs.n < n;
	     i++) {
		if (config_describe(config, CONFIG_SCOPE_TOPIC, name, layers, n_layers, k->ctx->arena, &e))
			continue;
		own = settings_get(s, e.name);
		a->configs.v[a->configs.n++] = (struct create_topics_response_config){
			.name = e.name,
			.value = arena_str(k->ctx->arena, str_is_null(own) ? e.value : own),
			.read_only = e.read_only,
			.config_source = (int8_t)e.source,
			.is_sensitive = e.sensitive,
		};
	}
	return 0;
}

/* A request may have thousands of topics, few of them with settings of their own: the others share one list. */
static int answer_settings(struct creation *k, const struct settings *s, new_topic_answer *a)
{
	int err = 0;

	if (s->n > 0)
		return describe_settings(k, s, a);
	if (k->plain.configs.n == 0)
		err = describe_settings(k, s, &k->plain);
	a->configs = k->plain.configs;
	return err;
}

/* ---- placement ---- */

struct partitions {
	struct assignment *v;
	int n;
};

static int read_manual(struct creation *k, const new_topic *in, struct partitions *p, new_topic_answer *a)
{
	int replicas = -1;

	if (in->replication_factor != -1)
		return refuse_topic(
			a, ERR_INVALID_REQUEST,
			STR("A manual partition assignment was specified, but replication factor was not set to -1."));
	if (in->num_partitions != -1)
		return refuse_topic(
			a, ERR_INVALID_REQUEST,
			STR("A manual partition assignment was specified, but numPartitions was not set to -1."));
	for (int i = 0; i < in->assignments.n; i++) {
		const struct create_topics_request_assignment *given = &in->assignments.v[i];
		struct assignment one = {given->broker_ids.v, given->broker_ids.n};
		struct str message;
		int err;

		for (int j = 0; j < i; j++)
			if (in->assignments.v[j].partition_index == given->partition_index)
				return refuse_topic(
					a, ERR_INVALID_REPLICA_ASSIGNMENT,
					arena_printf(k->ctx->arena,
						     "Found multiple manual partition assignments for partition %d",
						     given->partition_index));
		err = assignment_check(k->tip, k->ctx, &one, replicas, &message);
		if (err)
			return err > 0 ? refuse_topic(a, err, message) : err;
		replicas = one.n;
		if (assignment_is_dead(k->tip, &one))
			return refuse_topic(
				a, ERR_INVALID_REPLICA_ASSIGNMENT,
				arena_printf(
					k->ctx->arena,
					"All brokers specified in the manual partition assignment for partition %d are "
					"fenced or in controlled shutdown.",
					given->partition_index));
		if (given->partition_index >= 0 && given->partition_index < p->n)
			p->v[given->partition_index] = one;
	}
	for (int i = 0; i < p->n; i++)
		if (p->v[i].n == 0)
			return refuse_topic(a, ERR_INVALID_REPLICA_ASSIGNMENT,
					    STR("partitions should be a consecutive 0-based integer sequence"));
	return 0;
}

static int place(struct creation *k, int replicas, struct partitions *p, new_topic_answer *a)
{
	struct placement *placement;
	struct str message = STR_NULL;
	int32_t *ids;
	int err = placement_new(k->tip, k->ctx, replicas, &placement, &message);

	if (err < 0)
		return err;
	for (int i = 0; !err && i < p->n; i++) {
		ids = arena_array(k->ctx->arena, (size_t)replicas, sizeof(*ids));
		if (!ids)
			return -ENOMEM;
		placement_next(placement, ids);
		p->v[i] = (struct assignment){ids, replicas};
		if (assignment_is_dead(k->tip, &p->v[i])) {
			message = STR("All brokers are currently fenced or in controlled shutdown.");
			err = ERR_INVALID_REPLICATION_FACTOR;
		}
	}
	if (!err)
		return 0;
	return refuse_topic(a, err,
			    arena_printf(k->ctx->arena, "Unable to replicate the partition %d time(s): %.*s", replicas,
					 STR_ARG(message)));
}

static int partition_count(const struct creation *k, const new_topic *in)
{
	if (in->assignments.n > 0)
		return in->assignments.n;
	return in->num_partitions == -1 ? config_int(k->c->config, CONFIG_NUM_PARTITIONS) : in->num_partitions;
}

static int read_partitions(struct creation *k, const new_topic *in, struct partitions *p, new_topic_answer *a)
{
	int replicas = in->replication_factor;

	if (in->assignments.n <= 0 && (replicas < -1 || replicas == 0))
		return refuse_topic(a, ERR_INVALID_REPLICATION_FACTOR,
				    STR("Replication factor must be larger than 0, or -1 to use the default value."));
	if (in->assignments.n <= 0 && (in->num_partitions < -1 || in->num_partitions == 0))
		return refuse_topic(a, ERR_INVALID_PARTITIONS,
				    STR("Number of partitions was set to an invalid non-positive value."));
	p->n = partition_count(k, in);
	p->v = arena_array(k->ctx->arena, (size_t)p->n, sizeof(*p->v));
	if (!p->v)
		return -ENOMEM;
	if (in->assignments.n > 0)
		return read_manual(k, in, p, a);
	if (replicas == -1)
		replicas = config_int(k->c->config, CONFIG_DEFAULT_REPLICATION_FACTOR);
	return place(k, replicas, p, a);
}

/* ---- records ---- */

struct uuid random_uuid(const struct controller_context *ctx)
{
	struct uuid id;
	uint64_t draw[2];
	uint8_t bytes[16];

	do {
		draw[0] = ctx->random(ctx->random_arg);
		draw[1] = ctx->random(ctx->random_arg);
		memcpy(bytes, draw, sizeof(bytes));
	} while (!uuid_from_random(bytes, &id));
	return id;
}

static int write_records(struct creation *k, const new_topic *in, const struct settings *s, const struct partitions *p,
			 struct uuid id)
{
	struct topic_record *topic = record_list_add(k->records, RECORD_TOPIC, 0);
	int err = 0;

	if (!topic)
		return -ENOMEM;
	topic->name = in->name;
	topic->topic_id = id;
	for (int i = 0; i < s->n; i++) {
		struct config_record *r = record_list_add(k->records, RECORD_CONFIG, 0);

		if (!r)
			return -ENOMEM;
		*r = (struct config_record){RESOURCE_TOPIC, in->name, s->v[i].name, s->v[i].value};
	}
	if (!str_is_null(settings_get(s, STR("min.insync.replicas"))))
		err = add_clear_elr(k->c, k->records, in->name);
	for (int i = 0; !err && i < p->n; i++)
		err = assignment_record(k->tip, k->records, id, i, &p->v[i]);
	return err;
}

/* 0, the topic's error (which is in the answer), or -ENOMEM. */
static int check_rate(struct creation *k, int n, new_topic_answer *a)
{
	struct api_error e = check_quota(k->ctx, n);

	return e.code ? refuse_topic(a, e.code, e.message) : 0;
}

static int create(struct creation *k, const new_topic *in, new_topic_answer *a)
{
	struct settings settings = {0};
	struct partitions partitions = {0};
	int err = check_name(k, in, a);

	if (!err)
		err = read_settings(k, in, &settings, a);
	if (!err)
		err = read_partitions(k, in, &partitions, a);
	if (!err)
		err = check_rate(k, partitions.n, a);
	if (err)
		return err;
	a->topic_id = random_uuid(k->ctx);
	a->num_partitions = partitions.n;
	a->replication_factor = (int16_t)partitions.v[0].n;
	err = answer_settings(k, &settings, a);
	return err ? err : write_records(k, in, &settings, &partitions, a->topic_id);
}

/* ---- the request ---- */

struct named {
	struct str name;
	int at;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = str_cmp(x->name, y->name);

	return c ? c : x->at - y->at;
}

static int find_places(struct creation *k, const struct create_topics_request *in)
{
	int n = in->topics.n;
	struct named *sorted = arena_array(k->ctx->arena, (size_t)n + 1, sizeof(*sorted));

	k->places = arena_array(k->ctx->arena, (size_t)n + 1, sizeof(*k->places));
	if (!sorted || !k->places)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		sorted[i] = (struct named){in->topics.v[i].name, i};
	qsort(sorted, (size_t)n, sizeof(*sorted), by_name);
	for (int i = 0; i < n; i++) {
		bool again = i > 0 && str_eq(sorted[i - 1].name, sorted[i].name);
		bool more = i + 1 < n && str_eq(sorted[i + 1].name, sorted[i].name);

		k->places[sorted[i].at] = again ? NAME_AGAIN : more ? NAME_FIRST_OF_SEVERAL : NAME_ALONE;
	}
	return 0;
}

static bool too_many(const struct creation *k, const struct create_topics_request *in)
{
	int64_t n = 0;

	for (int i = 0; i < in->topics.n; i++) {
		int one = partition_count(k, &in->topics.v[i]);

		n += one > 0 ? one : 1; /* a topic that will be refused costs time as well */
	}
	return n > PARTITIONS_MAX;
}

/* Kafka counts the records; settings without a record take time as well. */
static bool has_too_many_settings(const struct create_topics_request *in)
{
	int64_t n = 0;

	for (int i = 0; i < in->topics.n; i++)
		n += in->topics.v[i].configs.n > 0 ? in->topics.v[i].configs.n : 0;
	return n > RECORDS_PER_OPERATION_MAX;
}

static new_topic_answer *next_answer(struct creation *k, struct str name)
{
	new_topic_answer *a = &k->out->topics.v[k->out->topics.n++];

	*a = *(const new_topic_answer *)create_topics_response_topic_schema.defaults;
	a->name = name;
	a->error_message = STR_NULL;
	return a;
}

/* Topics that are refused without further checks come last, as in Kafka's answer. */
static void refuse_the_rest(struct creation *k, const struct create_topics_request *in)
{
	for (int i = 0; i < in->topics.n; i++)
		if (k->places[i] == NAME_FIRST_OF_SEVERAL)
			refuse_topic(next_answer(k, in->topics.v[i].name), ERR_INVALID_REQUEST,
				     STR("Duplicate topic name."));
	for (int i = 0; i < in->topics.n; i++)
		if (str_is(in->topics.v[i].name, METADATA_TOPIC) && k->places[i] == NAME_ALONE)
			refuse_topic(next_answer(k, in->topics.v[i].name), ERR_INVALID_REQUEST,
				     STR("Creation of internal topic " METADATA_TOPIC " is prohibited."));
}

static int create_all(struct creation *k, const struct create_topics_request *in)
{
	for (int i = 0; i < in->topics.n; i++) {
		if (k->places[i] != NAME_ALONE || str_is(in->topics.v[i].name, METADATA_TOPIC))
			continue;
		if (create(k, &in->topics.v[i], next_answer(k, in->topics.v[i].name)) < 0)
			return -ENOMEM;
	}
	return 0;
}

int controller_create_topics(struct controller *c, const struct controller_context *ctx,
			     const struct create_topics_request *in, struct create_topics_response *out,
			     struct record_list *records)
{
	struct creation k = {.c = c, .ctx = ctx, .tip = tip(c), .records = records, .out = out};
	int err;

	out->topics.v = arena_array(ctx->arena, (size_t)in->topics.n, sizeof(*out->topics.v));
	if (!out->topics.v)
		return -ENOMEM;
	out->topics.n = 0;
	if (too_many(&k, in))
		return refuse(ctx, ERR_POLICY_VIOLATION, "Excessively large number of partitions per request.");
	if (has_too_many_settings(in))
		return refuse_large(ctx);
	if (find_places(&k, in))
		return -ENOMEM;
	records->atomic = true;
	collisions_init(&k.collisions, k.tip, ctx->random(ctx->random_arg));
	err = create_all(&k, in);
	collisions_fini(&k.collisions);
	if (err)
		return err;
	refuse_the_rest(&k, in);
	if (records->n > RECORDS_PER_OPERATION_MAX)
		return refuse_large(ctx);
	if (in->validate_only)
		records->n = 0;
	return 0;
}
