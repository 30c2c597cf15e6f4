/* controller_world: a controller that is active from the start, and what a carrier does for it. */
#include "tests/controller/controller_world.h"

#include "base/err.h"
#include "base/mem.h"
#include "metadata/replay.h"
#include "protocol/alter_partition.h"
#include "protocol/broker_registration.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/metadata_records.h"

/* ---- the carrier's part ---- */

static uint64_t chance(void *arg)
{
	return cm_random(arg);
}

static int raise_kraft_version(void *arg, int16_t to, bool validate_only, struct arena *a, struct str *why)
{
	struct world *w = arg;

	if (to > w->kraft_version_max) {
		*why = arena_str(a, STR("not all of the voters support it"));
		return ERR_INVALID_UPDATE_VERSION;
	}
	if (!validate_only)
		w->kraft_version = to;
	return 0;
}

struct controller_context context(struct world *w, int16_t version)
{
	w->why = STR_NULL;
	return (struct controller_context){
		.now_ms = w->now_ms,
		.wall_ms = 1000,
		.version = version,
		.own_node = w->own_node,
		.kraft_version = w->kraft_version,
		.random = chance,
		.random_arg = &w->chance,
		.raise_kraft_version = raise_kraft_version,
		.raise_arg = w,
		.arena = &w->arena,
		.why = &w->why,
	};
}

void apply(struct world *w)
{
	const char *why = NULL;

	assert_false(w->arena.failed);
	if (w->records.n == 0)
		return;
	w->offset += w->records.n;
	assert_int_equal(controller_apply(w->controller, &w->records, w->offset, 1, 1000, &why), 0);
}

const struct image *tip(struct world *w)
{
	return controller_tip(w->controller);
}

static void lead_with(struct world *w, int16_t elr)
{
	struct controller_config config = {1, STR("cluster"), w->config};
	struct controller_context ctx = context(w, 0);
	struct record_list bootstrap;
	struct feature_level_record *r;
	struct replay log;

	w->controller = controller_new(&config);
	replay_init(&log, image_new(STR("cluster")));
	controller_lead(w->controller, &log, 0);
	replay_fini(&log);
	record_list_init(&bootstrap, &w->arena);
	r = record_list_add(&bootstrap, RECORD_FEATURE_LEVEL, 0);
	*r = (struct feature_level_record){STR("metadata.version"), 33};
	if (elr > 0) {
		r = record_list_add(&bootstrap, RECORD_FEATURE_LEVEL, 0);
		*r = (struct feature_level_record){STR("eligible.leader.replicas.version"), elr};
	}
	record_list_init(&w->records, &w->arena);
	assert_int_equal(controller_activate(w->controller, &ctx, &bootstrap, &w->records), 0);
	apply(w);
}

static int setup_with(void **state, const char *voters, const char *setting)
{
	const char *const overrides[] = {
		"advertised.listeners=PLAINTEXT://localhost:9092",
		"process.roles=broker,controller",
		"node.id=1",
		voters,
		"listeners=PLAINTEXT://:9092,CONTROLLER://:9093",
		"controller.listener.names=CONTROLLER",
		setting,
		NULL,
	};
	struct config_input in = {.file_name = STR("t"), .file_text = STR(""), .overrides = overrides};
	struct world *w = xcalloc(1, sizeof(*w));
	struct config_notes notes;

	arena_init(&w->arena, 256 << 20);
	assert_int_equal(config_load(&in, &w->config, &notes), 0);
	config_notes_fini(&notes);
	w->chance = 42;
	w->offset = -1;
	w->now_ms = 100000;
	lead_with(w, 1);
	*state = w;
	return 0;
}

int setup_with_setting(void **state, const char *setting)
{
	return setup_with(state, "controller.quorum.voters=1@localhost:9093", setting);
}

int setup(void **state)
{
	return setup_with_setting(state, NULL);
}

int setup_of_two(void **state)
{
	return setup_with(state, "controller.quorum.voters=1@localhost:9093,2@localhost:9094", NULL);
}

int teardown(void **state)
{
	struct world *w = *state;

	controller_free(w->controller);
	config_free(w->config);
	arena_fini(&w->arena);
	xfree(w);
	return 0;
}

/* ---- brokers ---- */

int register_incarnation(struct world *w, int32_t id, uint8_t incarnation, int64_t previous_epoch)
{
	struct broker_registration_request in;
	struct broker_registration_request_feature feature = {STR("metadata.version"), 7, 33};
	struct broker_registration_request_feature elr = {STR("eligible.leader.replicas.version"), 0, 1};
	struct broker_registration_request_feature features[3] = {feature, elr, {STR(FEATURE_ENCRYPTION), 0, 1}};
	struct uuid dir = {{0xd0, (uint8_t)id}};
	struct broker_registration_response out;
	int err;

	codec_init(&broker_registration_request_schema, &in);
	in.broker_id = id;
	in.cluster_id = STR("cluster");
	in.incarnation_id = (struct uuid){{incarnation, (uint8_t)id}};
	in.features.v = features;
	in.features.n = w->encrypts ? 3 : 2;
	in.log_dirs.v = &dir;
	in.log_dirs.n = 1;
	in.previous_broker_epoch = previous_epoch;
	err = RUN(w, broker_registration, 4, &in, &out);
	if (err == 0)
		w->epochs[id] = out.broker_epoch;
	return err;
}

struct broker_heartbeat_response beat(struct world *w, int32_t id, bool fence, bool leave)
{
	struct broker_heartbeat_request in;
	struct broker_heartbeat_response out;

	codec_init(&broker_heartbeat_request_schema, &in);
	in.broker_id = id;
	in.broker_epoch = w->epochs[id];
	in.current_metadata_offset = w->offset;
	in.want_fence = fence;
	in.want_shut_down = leave;
	assert_int_equal(RUN(w, broker_heartbeat, 2, &in, &out), 0);
	return out;
}

void let_in(struct world *w, int32_t id)
{
	assert_int_equal(register_incarnation(w, id, 1, -1), 0);
	assert_false(beat(w, id, false, false).is_fenced);
}

/* ---- topics ---- */

struct create_topics_response_topic create(struct world *w, const char *name, int32_t partitions, int16_t replicas)
{
	struct create_topics_request_topic topic = {
		.name = str_of(name), .num_partitions = partitions, .replication_factor = replicas};
	struct create_topics_request in = {.topics = {&topic, 1}};
	struct create_topics_response out;

	assert_int_equal(RUN(w, create_topics, 7, &in, &out), 0);
	assert_int_equal(out.topics.n, 1);
	return out.topics.v[0];
}

const struct image_partition *partition(struct world *w, const char *topic, int32_t id)
{
	return image_topic_partition(image_topic_by_name(tip(w), str_of(topic)), id);
}
int16_t alter_isr(struct world *w, int32_t sender, const struct image_partition *p, int32_t leader_epoch,
		  int32_t partition_epoch, int32_t isr0, int32_t isr1)
{
	struct alter_partition_request_broker_state states[2] = {{isr0, -1}, {isr1, -1}};
	struct alter_partition_request_partition one;
	struct alter_partition_request_topic topic = {.topic_id = image_topic_by_name(tip(w), STR("a"))->id,
						      .partitions = {&one, 1}};
	struct alter_partition_request in = {
		.broker_id = sender, .broker_epoch = w->epochs[sender], .topics = {&topic, 1}};
	struct alter_partition_response out;

	codec_init(&alter_partition_request_partition_schema, &one);
	one.partition_index = p->id;
	one.leader_epoch = leader_epoch;
	one.partition_epoch = partition_epoch;
	one.new_isr_with_epochs.v = states;
	one.new_isr_with_epochs.n = isr1 >= 0 ? 2 : 1;
	assert_int_equal(RUN(w, alter_partition, 3, &in, &out), 0);
	return out.topics.v[0].partitions.v[0].error_code;
}

/* ---- configuration ---- */

int16_t change(struct world *w, int8_t type, const char *resource, const char *name, int8_t operation,
	       const char *value)
{
	struct incremental_alter_configs_request_config config = {str_of(name), operation, str_of(value)};
	struct incremental_alter_configs_request_resource r = {type, str_of(resource), {&config, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	assert_int_equal(RUN(w, incremental_alter_configs, 1, &in, &out), 0);
	return out.responses.v[0].error_code;
}
