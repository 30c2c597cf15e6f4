/*
 * controller: commands in, records and answers out, each applied to the tip as the carrier would.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "controller/controller.h"
#include "metadata/replay.h"
#include "protocol/allocate_producer_ids.h"
#include "protocol/alter_configs.h"
#include "protocol/alter_partition.h"
#include "protocol/alter_partition_reassignments.h"
#include "protocol/broker_heartbeat.h"
#include "protocol/broker_registration.h"
#include "protocol/create_partitions.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"
#include "protocol/elect_leaders.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/list_partition_reassignments.h"
#include "protocol/metadata_records.h"
#include "protocol/unregister_broker.h"
#include "protocol/update_features.h"
#include "tests/base/cm.h"
#include "wire/codec.h"

struct world {
	int16_t kraft_version;
	struct arena arena;
	struct config *config;
	struct controller *controller;
	struct record_list records; /* of the last command */
	struct str why;
	uint64_t chance;
	int64_t now_ms;
	int64_t offset;
	int64_t epochs[4]; /* of brokers 0 to 3 */
};

/* ---- the carrier's part ---- */

static uint64_t chance(void *arg)
{
	return cm_random(arg);
}

static struct controller_context context(struct world *w, int16_t version)
{
	w->why = STR_NULL;
	return (struct controller_context){
		.now_ms = w->now_ms,
		.wall_ms = 1000,
		.version = version,
		.kraft_version = w->kraft_version,
		.random = chance,
		.random_arg = &w->chance,
		.arena = &w->arena,
		.why = &w->why,
	};
}

static void apply(struct world *w)
{
	const char *why = NULL;

	assert_false(w->arena.failed);
	if (w->records.n == 0)
		return;
	w->offset += w->records.n;
	assert_int_equal(controller_apply(w->controller, &w->records, w->offset, 1, 1000, &why), 0);
}

/* Runs a command, applies what it wrote, gives its error. */
#define RUN(w, name, version, in, out)                                                                                 \
	({                                                                                                             \
		struct controller_context ctx_ = context((w), (version));                                              \
		int err_;                                                                                              \
		record_list_init(&(w)->records, &(w)->arena);                                                          \
		codec_init(&name##_response_schema, (out));                                                            \
		err_ = controller_##name((w)->controller, &ctx_, (in), (out), &(w)->records);                          \
		if (err_ == 0)                                                                                         \
			apply(w);                                                                                      \
		err_;                                                                                                  \
	})

static const struct image *tip(struct world *w)
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

static int setup(void **state)
{
	static const char *const overrides[] = {
		"process.roles=broker,controller",	     "node.id=1",
		"controller.quorum.voters=1@localhost:9093", "listeners=PLAINTEXT://:9092,CONTROLLER://:9093",
		"controller.listener.names=CONTROLLER",	     NULL,
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

static int teardown(void **state)
{
	struct world *w = *state;

	controller_free(w->controller);
	config_free(w->config);
	arena_fini(&w->arena);
	xfree(w);
	return 0;
}

/* ---- brokers ---- */

static int register_incarnation(struct world *w, int32_t id, uint8_t incarnation, int64_t previous_epoch)
{
	struct broker_registration_request in;
	struct broker_registration_request_feature feature = {STR("metadata.version"), 7, 33};
	struct broker_registration_request_feature elr = {STR("eligible.leader.replicas.version"), 0, 1};
	struct broker_registration_request_feature features[2] = {feature, elr};
	struct uuid dir = {{0xd0, (uint8_t)id}};
	struct broker_registration_response out;
	int err;

	codec_init(&broker_registration_request_schema, &in);
	in.broker_id = id;
	in.cluster_id = STR("cluster");
	in.incarnation_id = (struct uuid){{incarnation, (uint8_t)id}};
	in.features.v = features;
	in.features.n = 2;
	in.log_dirs.v = &dir;
	in.log_dirs.n = 1;
	in.previous_broker_epoch = previous_epoch;
	err = RUN(w, broker_registration, 4, &in, &out);
	if (err == 0)
		w->epochs[id] = out.broker_epoch;
	return err;
}

static struct broker_heartbeat_response beat(struct world *w, int32_t id, bool fence, bool leave)
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

static void let_in(struct world *w, int32_t id)
{
	assert_int_equal(register_incarnation(w, id, 1, -1), 0);
	assert_false(beat(w, id, false, false).is_fenced);
}

/* ---- topics ---- */

static struct create_topics_response_topic create(struct world *w, const char *name, int32_t partitions,
						  int16_t replicas)
{
	struct create_topics_request_topic topic = {
		.name = str_of(name), .num_partitions = partitions, .replication_factor = replicas};
	struct create_topics_request in = {.topics = {&topic, 1}};
	struct create_topics_response out;

	assert_int_equal(RUN(w, create_topics, 7, &in, &out), 0);
	assert_int_equal(out.topics.n, 1);
	return out.topics.v[0];
}

static const struct image_partition *partition(struct world *w, const char *topic, int32_t id)
{
	return image_topic_partition(image_topic_by_name(tip(w), str_of(topic)), id);
}

static void an_empty_log_begins_with_the_bootstrap_transaction(void **state)
{
	struct world *w = *state;
	static const int16_t expected[] = {RECORD_BEGIN_TRANSACTION, RECORD_FEATURE_LEVEL, RECORD_FEATURE_LEVEL,
					   RECORD_CONFIG, RECORD_END_TRANSACTION};

	assert_int_equal(w->records.n, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(w->records.v[i].type, expected[i]);
	assert_true(w->records.atomic);
	assert_int_equal(image_metadata_version(controller_image(w->controller)), 33);
}

static void a_broker_registers_fenced_and_is_let_in_when_it_has_caught_up(void **state)
{
	struct world *w = *state;
	struct broker_heartbeat_response out;

	assert_int_equal(register_incarnation(w, 1, 1, -1), 0);
	assert_int_equal(w->records.n, 1);
	assert_int_equal(w->epochs[1], w->offset);
	assert_false(image_broker_is_active(tip(w), 1));
	out = beat(w, 1, true, false);
	assert_true(out.is_caught_up);
	assert_true(out.is_fenced);
	assert_int_equal(w->records.n, 0);
	out = beat(w, 1, false, false);
	assert_false(out.is_fenced);
	assert_int_equal(w->records.n, 1);
	assert_true(image_broker_is_active(tip(w), 1));
}

static void another_incarnation_waits_for_the_session_of_the_first(void **state)
{
	struct world *w = *state;

	let_in(w, 1);
	assert_int_equal(register_incarnation(w, 1, 2, -1), ERR_DUPLICATE_BROKER_REGISTRATION);
	w->now_ms += 10000;
	assert_int_equal(register_incarnation(w, 1, 2, -1), 0);
}

static void registrations_that_cannot_be_are_refused(void **state)
{
	struct world *w = *state;
	struct broker_registration_request in;
	struct broker_registration_response out;
	struct broker_registration_request_feature feature = {STR("metadata.version"), 7, 32};
	struct uuid dirs[2] = {{{1}}, {{1}}};

	codec_init(&broker_registration_request_schema, &in);
	in.broker_id = 1;
	in.cluster_id = STR("other");
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INCONSISTENT_CLUSTER_ID);
	in.cluster_id = STR("cluster");
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INVALID_REGISTRATION); /* no directories */
	in.log_dirs.v = dirs;
	in.log_dirs.n = 2;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INVALID_REGISTRATION); /* one twice */
	assert_true(str_is(w->why, "Duplicate directory ID in request"));
	in.log_dirs.n = 1;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INVALID_REGISTRATION); /* no metadata.version */
	in.features.v = &feature;
	in.features.n = 1;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_UNSUPPORTED_VERSION);
	dirs[0] = UUID_DIR_LOST;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INVALID_REGISTRATION); /* reserved */
}

static void a_heartbeat_of_an_old_epoch_is_refused(void **state)
{
	struct world *w = *state;
	struct broker_heartbeat_request in;
	struct broker_heartbeat_response out;

	let_in(w, 1);
	codec_init(&broker_heartbeat_request_schema, &in);
	in.broker_id = 1;
	in.broker_epoch = w->epochs[1] - 1;
	assert_int_equal(RUN(w, broker_heartbeat, 2, &in, &out), ERR_STALE_BROKER_EPOCH);
	in.broker_id = 3;
	assert_int_equal(RUN(w, broker_heartbeat, 2, &in, &out), ERR_STALE_BROKER_EPOCH);
}

static void a_new_topic_is_led_by_an_active_replica(void **state)
{
	struct world *w = *state;
	struct create_topics_response_topic out;
	const struct image_partition *p;

	let_in(w, 1);
	out = create(w, "a", 3, 1);
	assert_int_equal(out.error_code, 0);
	assert_int_equal(out.num_partitions, 3);
	assert_true(out.configs.n > 20);
	assert_int_equal(w->records.n, 4);
	assert_true(w->records.atomic);
	p = partition(w, "a", 2);
	assert_int_equal(p->leader, 1);
	assert_int_equal(p->leader_epoch, 0);
	assert_int_equal(p->partition_epoch, 0);
	assert_int_equal(partition_isr(p).n, 1);
	assert_int_equal(partition_directory(p, 0).b[0], 0xd0);
}

static void topics_that_cannot_be_are_refused_one_by_one(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *name;
		int32_t partitions;
		int16_t replicas;
		int16_t error;
	} cases[] = {
		{"", 1, 1, ERR_INVALID_TOPIC_EXCEPTION},
		{"..", 1, 1, ERR_INVALID_TOPIC_EXCEPTION},
		{"a b", 1, 1, ERR_INVALID_TOPIC_EXCEPTION},
		{"is.there", 1, 1, ERR_TOPIC_ALREADY_EXISTS},
		{"is_there", 1, 1, ERR_INVALID_TOPIC_EXCEPTION},
		{"n", 0, 1, ERR_INVALID_PARTITIONS},
		{"n", -2, 1, ERR_INVALID_PARTITIONS},
		{"n", 1, 0, ERR_INVALID_REPLICATION_FACTOR},
		{"n", 1, 2, ERR_INVALID_REPLICATION_FACTOR},
		{"__cluster_metadata", 1, 1, ERR_INVALID_REQUEST},
	};

	let_in(w, 1);
	assert_int_equal(create(w, "is.there", 1, 1).error_code, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(create(w, cases[i].name, cases[i].partitions, cases[i].replicas).error_code,
				 cases[i].error);
		assert_int_equal(w->records.n, 0);
	}
	assert_int_equal(create(w, "defaults", -1, -1).error_code, 0);
}

static void a_topic_needs_a_broker_that_is_not_fenced(void **state)
{
	struct world *w = *state;

	assert_int_equal(create(w, "a", 1, 1).error_code, ERR_INVALID_REPLICATION_FACTOR);
	assert_int_equal(register_incarnation(w, 1, 1, -1), 0);
	assert_int_equal(create(w, "a", 1, 1).error_code, ERR_INVALID_REPLICATION_FACTOR);
}

static void a_topic_goes_once_by_name_or_by_id(void **state)
{
	struct world *w = *state;
	struct delete_topics_request_topic topics[2] = {{STR("a"), UUID_ZERO}, {STR_NULL, {{9}}}};
	struct delete_topics_request in = {.topics = {topics, 2}};
	struct delete_topics_response out;

	let_in(w, 1);
	create(w, "a", 2, 1);
	assert_int_equal(RUN(w, delete_topics, 6, &in, &out), 0);
	assert_int_equal(w->records.n, 1);
	assert_null(image_topic_by_name(tip(w), STR("a")));
	for (int i = 0; i < 2; i++)
		assert_int_equal(out.responses.v[i].error_code,
				 str_is_null(out.responses.v[i].name) ? ERR_UNKNOWN_TOPIC_ID : 0);
	in.topics.n = 1;
	assert_int_equal(RUN(w, delete_topics, 6, &in, &out), 0);
	assert_int_equal(out.responses.v[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void a_topic_only_grows(void **state)
{
	struct world *w = *state;
	struct create_partitions_request_topic topic = {.name = STR("a"), .count = 3, .assignments = {NULL, -1}};
	struct create_partitions_request in = {.topics = {&topic, 1}};
	struct create_partitions_response out;

	let_in(w, 1);
	create(w, "a", 2, 1);
	assert_int_equal(RUN(w, create_partitions, 3, &in, &out), 0);
	assert_int_equal(out.results.v[0].error_code, 0);
	assert_int_equal(partition(w, "a", 2)->leader, 1);
	assert_int_equal(RUN(w, create_partitions, 3, &in, &out), 0);
	assert_int_equal(out.results.v[0].error_code, ERR_INVALID_PARTITIONS);
	assert_true(str_is(out.results.v[0].error_message, "Topic already has 3 partition(s)."));
	topic.count = 5;
	in.validate_only = true;
	assert_int_equal(RUN(w, create_partitions, 3, &in, &out), 0);
	assert_int_equal(out.results.v[0].error_code, 0);
	assert_int_equal(w->records.n, 0);
}

static void a_request_that_names_too_much_is_refused_whole(void **state)
{
	struct world *w = *state;
	struct delete_topics_request in = {.topics = {arena_array(&w->arena, 10001, sizeof(*in.topics.v)), 10001}};
	struct delete_topics_response out;
	struct create_topics_request many = {.topics = {arena_array(&w->arena, 10001, sizeof(*many.topics.v)), 10001}};
	struct create_topics_response answer;

	assert_int_equal(RUN(w, delete_topics, 6, &in, &out), ERR_POLICY_VIOLATION);
	assert_int_equal(RUN(w, create_topics, 7, &many, &answer), ERR_POLICY_VIOLATION);
}

static void thousands_of_topics_share_what_their_answers_say_of_settings(void **state)
{
	enum { N = 4000 };
	struct world *w = *state;
	struct create_topics_request_topic *v = arena_array(&w->arena, N, sizeof(*v));
	struct create_topics_request in = {.topics = {v, N}};
	struct create_topics_response out;
	size_t used;

	let_in(w, 1);
	for (int i = 0; i < N; i++) {
		v[i].name = arena_printf(&w->arena, "t%d", i);
		v[i].num_partitions = v[i].replication_factor = 1;
	}
	used = w->arena.used;
	assert_int_equal(RUN(w, create_topics, 7, &in, &out), 0);
	assert_in_range(w->arena.used - used, N, 16 << 20);
	assert_int_equal(w->records.n, 2 * N);
	for (int i = 0; i < N; i++) {
		assert_int_equal(out.topics.v[i].error_code, 0);
		assert_true(out.topics.v[i].configs.n > 20);
	}
}

static void a_name_that_is_twice_in_a_request_is_refused_once_and_last(void **state)
{
	struct world *w = *state;
	struct create_topics_request_topic v[4] = {
		{.name = STR("b")}, {.name = STR("a")}, {.name = STR("b")}, {.name = STR("b")}};
	struct create_topics_request in = {.topics = {v, 4}};
	struct create_topics_response out;

	let_in(w, 1);
	for (int i = 0; i < 4; i++)
		v[i].num_partitions = v[i].replication_factor = 1;
	assert_int_equal(RUN(w, create_topics, 7, &in, &out), 0);
	assert_int_equal(out.topics.n, 2);
	assert_true(str_is(out.topics.v[0].name, "a"));
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_true(str_is(out.topics.v[1].name, "b"));
	assert_int_equal(out.topics.v[1].error_code, ERR_INVALID_REQUEST);
}

/* ---- leaders, ISR, ELR ---- */

static void a_broker_that_leaves_hands_over_and_comes_back(void **state)
{
	struct world *w = *state;
	struct broker_heartbeat_response out;

	let_in(w, 1);
	create(w, "a", 1, 1);
	out = beat(w, 1, false, true);
	assert_false(out.should_shut_down);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
	assert_int_equal(partition_isr(partition(w, "a", 0)).n, 0);
	assert_int_equal(partition_elr(partition(w, "a", 0)).n, 1); /* it still has all that was committed */
	assert_int_equal(partition_last_known_elr(partition(w, "a", 0)).n, 1);
	out = beat(w, 1, false, true);
	assert_true(out.should_shut_down);
	assert_false(image_broker_is_active(tip(w), 1));

	w->now_ms += 10000;
	assert_int_equal(register_incarnation(w, 1, 2, w->epochs[1]), 0);
	assert_int_equal(w->records.n, 1); /* a clean stop: it stays eligible */
	assert_false(beat(w, 1, false, false).is_fenced);
	assert_int_equal(partition(w, "a", 0)->leader, 1);
	assert_int_equal(partition(w, "a", 0)->leader_epoch, 2);
	assert_int_equal(partition_isr(partition(w, "a", 0)).n, 1);
	assert_int_equal(partition_elr(partition(w, "a", 0)).n, 0);
	assert_int_equal(partition(w, "a", 0)->recovering, 0);
}

static void an_unclean_restart_is_no_longer_eligible_but_the_last_known_leader(void **state)
{
	struct world *w = *state;

	let_in(w, 1);
	create(w, "a", 1, 1);
	w->now_ms += 10000;
	assert_int_equal(register_incarnation(w, 1, 2, -1), 0);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
	assert_int_equal(partition_elr(partition(w, "a", 0)).n, 0);
	assert_false(beat(w, 1, false, false).is_fenced);
	assert_int_equal(partition(w, "a", 0)->leader, 1);
	assert_int_equal(partition(w, "a", 0)->recovering, 1);
}

static void a_session_that_ends_fences_one_broker_and_moves_its_leaders(void **state)
{
	struct world *w = *state;
	struct controller_context ctx;
	int64_t next_ms;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 8, 2);
	w->now_ms += 8000;
	beat(w, 2, false, false);
	w->now_ms += 1500;
	ctx = context(w, 0);
	record_list_init(&w->records, &w->arena);
	assert_int_equal(controller_tick(w->controller, &ctx, &w->records, &next_ms), 0);
	assert_int_equal(w->records.v[w->records.n - 1].type,
			 RECORD_BROKER_REGISTRATION_CHANGE); /* changes of partitions come first */
	apply(w);
	assert_false(image_broker_is_active(tip(w), 1));
	for (int i = 0; i < 8; i++)
		assert_int_equal(partition(w, "a", i)->leader, 2);
	assert_true(next_ms > w->now_ms);
}

static int16_t alter_isr(struct world *w, int32_t sender, const struct image_partition *p, int32_t leader_epoch,
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

static void an_isr_is_changed_by_its_leader_in_its_epoch(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;
	int32_t leader;
	int32_t other;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	p = partition(w, "a", 0);
	leader = p->leader;
	other = 3 - leader;
	assert_int_equal(alter_isr(w, leader, p, 1, 0, leader, -1), ERR_NOT_CONTROLLER);
	assert_int_equal(alter_isr(w, other, p, 0, 0, leader, -1), ERR_INVALID_REQUEST);
	assert_int_equal(alter_isr(w, leader, p, 0, 0, other, -1), ERR_INVALID_REQUEST); /* without itself */
	assert_int_equal(alter_isr(w, leader, p, 0, 0, leader, 3), ERR_INVALID_REQUEST); /* no replica */
	assert_int_equal(alter_isr(w, leader, p, 0, 0, leader, leader), ERR_INVALID_REQUEST);
	assert_int_equal(alter_isr(w, leader, p, 0, 0, leader, -1), 0);
	p = partition(w, "a", 0);
	assert_int_equal(partition_isr(p).n, 1);
	assert_int_equal(p->leader_epoch, 0);
	assert_int_equal(p->partition_epoch, 1);
	assert_int_equal(alter_isr(w, leader, p, 0, 0, leader, other), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(alter_isr(w, leader, p, 0, 1, leader, other), 0);
}

static void elections_say_why_they_did_nothing(void **state)
{
	struct world *w = *state;
	int32_t zero = 0;
	struct elect_leaders_request_topic topic = {STR("a"), {&zero, 1}};
	struct elect_leaders_request in = {.election_type = 0, .topic_partitions = {&topic, 1}};
	struct elect_leaders_response out;

	let_in(w, 1);
	create(w, "a", 1, 1);
	assert_int_equal(RUN(w, elect_leaders, 2, &in, &out), 0);
	assert_int_equal(out.replica_election_results.v[0].partition_result.v[0].error_code, ERR_ELECTION_NOT_NEEDED);
	topic.topic = STR("b");
	assert_int_equal(RUN(w, elect_leaders, 2, &in, &out), 0);
	assert_int_equal(out.replica_election_results.v[0].partition_result.v[0].error_code,
			 ERR_UNKNOWN_TOPIC_OR_PARTITION);
	in.election_type = 2;
	assert_int_equal(RUN(w, elect_leaders, 2, &in, &out), ERR_INVALID_REQUEST);
}

static void a_broker_is_forgotten_by_name(void **state)
{
	struct world *w = *state;
	struct unregister_broker_request in = {1};
	struct unregister_broker_response out;

	assert_int_equal(RUN(w, unregister_broker, 0, &in, &out), ERR_BROKER_ID_NOT_REGISTERED);
	let_in(w, 1);
	assert_int_equal(RUN(w, unregister_broker, 0, &in, &out), 0);
	assert_null(image_broker(tip(w), 1));
}

static void producer_ids_come_in_blocks(void **state)
{
	struct world *w = *state;
	struct allocate_producer_ids_request in = {.broker_id = 1};
	struct allocate_producer_ids_response out;

	assert_int_equal(RUN(w, allocate_producer_ids, 0, &in, &out), ERR_STALE_BROKER_EPOCH);
	let_in(w, 1);
	in.broker_epoch = w->epochs[1];
	assert_int_equal(RUN(w, allocate_producer_ids, 0, &in, &out), 0);
	assert_int_equal(out.producer_id_start, 0);
	assert_int_equal(out.producer_id_len, 1000);
	assert_int_equal(RUN(w, allocate_producer_ids, 0, &in, &out), 0);
	assert_int_equal(out.producer_id_start, 1000);
}

/* ---- configuration ---- */

static int16_t change(struct world *w, int8_t type, const char *resource, const char *name, int8_t operation,
		      const char *value)
{
	struct incremental_alter_configs_request_config config = {str_of(name), operation, str_of(value)};
	struct incremental_alter_configs_request_resource r = {type, str_of(resource), {&config, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	assert_int_equal(RUN(w, incremental_alter_configs, 1, &in, &out), 0);
	return out.responses.v[0].error_code;
}

/* ---- leaders that are looked after ---- */

/* Brokers 1 and 2 are heard of, time brings what it brings; returns when it brings more. */
static int64_t tick_at(struct world *w, int64_t now_ms)
{
	struct controller_context ctx;
	int64_t next_ms;

	w->now_ms = now_ms;
	for (int id = 1; id <= 2; id++)
		beat(w, id, !image_broker_is_active(tip(w), id), false);
	ctx = context(w, 0);
	record_list_init(&w->records, &w->arena);
	assert_int_equal(controller_tick(w->controller, &ctx, &w->records, &next_ms), 0);
	apply(w);
	return next_ms;
}

static void leadership_goes_back_to_the_preferred_replica_when_it_is_in_sync(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;
	int32_t preferred, other;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	preferred = partition_replicas(partition(w, "a", 0)).v[0];
	other = 3 - preferred;
	beat(w, preferred, true, false);
	beat(w, preferred, false, false);
	tick_at(w, 300000); /* it is not in sync */
	p = partition(w, "a", 0);
	assert_int_equal(p->leader, other);
	assert_int_equal(alter_isr(w, other, p, p->leader_epoch, p->partition_epoch, other, preferred), 0);
	tick_at(w, 500000);
	assert_int_equal(partition(w, "a", 0)->leader, other);
	tick_at(w, 600000);
	assert_int_equal(partition(w, "a", 0)->leader, preferred);
	assert_int_equal(w->records.n, 1);
	tick_at(w, 900000);
	assert_int_equal(w->records.n, 0);
}

static void a_partition_without_a_leader_gets_an_unclean_one_where_its_topic_allows_it(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;
	int32_t leader;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	p = partition(w, "a", 0);
	leader = p->leader;
	assert_int_equal(alter_isr(w, leader, p, p->leader_epoch, p->partition_epoch, leader, -1), 0);
	beat(w, leader, true, false);
	tick_at(w, 300000);
	assert_int_equal(partition(w, "a", 0)->leader, -1);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "unclean.leader.election.enable", 0, "true"), 0);
	tick_at(w, 600000);
	assert_int_equal(partition(w, "a", 0)->leader, 3 - leader);
	assert_int_equal(partition(w, "a", 0)->recovering, 1);
}

static void there_are_a_thousand_elections_at_once_and_the_others_soon(void **state)
{
	enum { PARTITIONS = 2400 }; /* broker 1 is preferred for half of them */
	struct world *w = *state;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", PARTITIONS, 2);
	beat(w, 1, true, false);
	beat(w, 1, false, false);
	for (int i = 0; i < PARTITIONS; i++) {
		const struct image_partition *p = partition(w, "a", i);

		assert_int_equal(alter_isr(w, 2, p, p->leader_epoch, p->partition_epoch, 2, 1), 0);
	}
	assert_true(tick_at(w, 300000) <= 300010);
	assert_int_equal(w->records.n, 1000);
	tick_at(w, 300010);
	assert_int_equal(w->records.n, PARTITIONS / 2 - 1000);
	for (int i = 0; i < PARTITIONS; i++)
		assert_int_equal(partition(w, "a", i)->leader, partition_replicas(partition(w, "a", i)).v[0]);
}

static struct str topic_value(struct world *w, const char *name)
{
	return image_config_value(image_configs(tip(w), RESOURCE_TOPIC, STR("a")), str_of(name));
}

static void a_topics_settings_are_set_appended_to_and_deleted(void **state)
{
	struct world *w = *state;
	enum { SET, DELETE, APPEND, SUBTRACT };

	let_in(w, 1);
	create(w, "a", 1, 1);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "retention.ms", SET, "1000"), 0);
	assert_true(str_is(topic_value(w, "retention.ms"), "1000"));
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "retention.ms", SET, "1000"), 0);
	assert_int_equal(w->records.n, 0); /* it is so already */
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "retention.ms", APPEND, "1"), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "retention.ms", SET, "x"), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "retention.ms", DELETE, NULL), 0);
	assert_true(str_is_null(topic_value(w, "retention.ms")));
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "leader.replication.throttled.replicas", APPEND, "0:1,0:2"), 0);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "leader.replication.throttled.replicas", SUBTRACT, "0:1"), 0);
	assert_true(str_is(topic_value(w, "leader.replication.throttled.replicas"), "0:2"));
	assert_int_equal(change(w, RESOURCE_TOPIC, "b", "retention.ms", SET, "1"), ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "retention.ms", 7, "1"), ERR_UNKNOWN_SERVER_ERROR);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "retention.ms", SET, NULL), ERR_INVALID_REQUEST);
	assert_int_equal(change(w, 3, "a", "retention.ms", SET, "1"), ERR_INVALID_REQUEST);
}

static void min_insync_replicas_clears_the_elr_and_belongs_to_the_cluster(void **state)
{
	struct world *w = *state;

	let_in(w, 1);
	create(w, "a", 1, 1);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "min.insync.replicas", 0, "1"), 0);
	assert_int_equal(w->records.v[1].type, RECORD_CLEAR_ELR);
	assert_int_equal(change(w, RESOURCE_BROKER, "1", "min.insync.replicas", 0, "1"), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_BROKER, "", "min.insync.replicas", 1, NULL), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_BROKER, "9", "log.retention.ms", 0, "1"), ERR_BROKER_ID_NOT_REGISTERED);
	assert_int_equal(change(w, RESOURCE_BROKER, "x", "log.retention.ms", 0, "1"), ERR_INVALID_REQUEST);
}

static void the_old_way_replaces_all_settings(void **state)
{
	struct world *w = *state;
	struct alter_configs_request_config config = {STR("segment.ms"), STR("5000")};
	struct alter_configs_request_resource r = {RESOURCE_TOPIC, STR("a"), {&config, 1}};
	struct alter_configs_request_resource twice[2] = {r, r};
	struct alter_configs_request in = {{&r, 1}, false};
	struct alter_configs_response out;

	let_in(w, 1);
	create(w, "a", 1, 1);
	change(w, RESOURCE_TOPIC, "a", "retention.ms", 0, "1000");
	assert_int_equal(RUN(w, alter_configs, 2, &in, &out), 0);
	assert_int_equal(out.responses.v[0].error_code, 0);
	assert_true(str_is_null(topic_value(w, "retention.ms")));
	assert_true(str_is(topic_value(w, "segment.ms"), "5000"));
	in.resources.v = twice;
	in.resources.n = 2;
	assert_int_equal(RUN(w, alter_configs, 2, &in, &out), 0);
	assert_int_equal(out.responses.v[1].error_code, ERR_INVALID_REQUEST);
}

/* ---- features ---- */

static int16_t feature(struct world *w, const char *name, int16_t level, int8_t type, bool validate_only)
{
	struct update_features_request_feature u = {
		.feature = str_of(name), .max_version_level = level, .upgrade_type = type};
	struct update_features_request in = {.feature_updates = {&u, 1}, .validate_only = validate_only};
	struct update_features_response out;

	assert_int_equal(RUN(w, update_features, 2, &in, &out), 0);
	return out.error_code;
}

static void levels_go_up_when_all_can_and_down_only_safely(void **state)
{
	struct world *w = *state;
	enum { UPGRADE = 1, SAFE = 2, UNSAFE = 3 };

	assert_int_equal(feature(w, "group.version", 1, UPGRADE, true), 0);
	assert_int_equal(image_feature_level(tip(w), STR("group.version")), 0);
	assert_int_equal(feature(w, "group.version", 1, UPGRADE, false), 0);
	assert_int_equal(image_feature_level(tip(w), STR("group.version")), 1);
	assert_int_equal(feature(w, "group.version", 2, UPGRADE, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(feature(w, "group.version", 0, UPGRADE, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(feature(w, "group.version", 0, SAFE, false), 0);
	assert_int_equal(feature(w, "metadata.version", 32, SAFE, false),
			 ERR_INVALID_UPDATE_VERSION); /* the format changed */
	assert_int_equal(feature(w, "metadata.version", 32, UNSAFE, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(feature(w, "metadata.version", 34, UPGRADE, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(feature(w, "unknown.version", 1, UPGRADE, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(feature(w, "group.version", 1, 0, false), ERR_INVALID_UPDATE_VERSION);
	let_in(w, 1); /* its registration says nothing of group.version */
	assert_int_equal(feature(w, "group.version", 1, UPGRADE, false), ERR_INVALID_UPDATE_VERSION);
}

static void the_version_of_the_quorum_is_that_of_its_log_as_it_is_now(void **state)
{
	struct world *w = *state;

	assert_int_not_equal(feature(w, "kraft.version", 1, 1, false), 0); /* it is raft's to raise */
	w->kraft_version = 1;
	assert_int_equal(feature(w, "kraft.version", 1, 1, false), 0);
}

/* ---- reassignments ---- */

static struct alter_partition_reassignments_response_partition reassign(struct world *w, const char *topic, int32_t n,
									int32_t r0, int32_t r1, bool may_resize)
{
	int32_t replicas[2] = {r0, r1};
	struct alter_partition_reassignments_request_partition one = {.partition_index = 0, .replicas = {replicas, n}};
	struct alter_partition_reassignments_request_topic t = {.name = str_of(topic), .partitions = {&one, 1}};
	struct alter_partition_reassignments_request in = {.topics = {&t, 1},
							   .allow_replication_factor_change = may_resize};
	struct alter_partition_reassignments_response out;

	assert_int_equal(RUN(w, alter_partition_reassignments, 1, &in, &out), 0);
	assert_int_equal(out.responses.n, 1);
	return out.responses.v[0].partitions.v[0];
}

#define CANCEL (-1)

static struct list_partition_reassignments_response under_way(struct world *w)
{
	struct list_partition_reassignments_request in = {.topics = {NULL, -1}};
	struct list_partition_reassignments_response out;

	assert_int_equal(RUN(w, list_partition_reassignments, 0, &in, &out), 0);
	assert_int_equal(w->records.n, 0);
	return out;
}

static void a_partition_moves_when_its_new_replica_has_caught_up(void **state)
{
	struct world *w = *state;
	struct list_partition_reassignments_response list;
	const struct image_partition *p;

	let_in(w, 1);
	create(w, "a", 1, 1);
	let_in(w, 2);
	assert_int_equal(reassign(w, "a", 1, 2, 0, true).error_code, 0);
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).n, 2);
	assert_int_equal(partition_replicas(p).v[0], 2);
	assert_int_equal(p->leader, 1); /* until the new one is in the ISR */
	list = under_way(w);
	assert_int_equal(list.topics.n, 1);
	assert_int_equal(list.topics.v[0].partitions.n, 1);
	assert_int_equal(list.topics.v[0].partitions.v[0].adding_replicas.v[0], 2);
	assert_int_equal(list.topics.v[0].partitions.v[0].removing_replicas.v[0], 1);
	assert_int_equal(alter_isr(w, 1, p, p->leader_epoch, p->partition_epoch, 1, 2), ERR_NEW_LEADER_ELECTED);
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).n, 1);
	assert_int_equal(partition_replicas(p).v[0], 2);
	assert_int_equal(partition_isr(p).n, 1);
	assert_int_equal(p->leader, 2);
	assert_int_equal(under_way(w).topics.n, 0);
}

static void a_move_that_is_called_off_leaves_what_was_there(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;

	let_in(w, 1);
	create(w, "a", 1, 1);
	let_in(w, 2);
	assert_int_equal(reassign(w, "a", CANCEL, 0, 0, true).error_code, ERR_NO_REASSIGNMENT_IN_PROGRESS);
	assert_int_equal(reassign(w, "a", 1, 2, 0, true).error_code, 0);
	assert_int_equal(reassign(w, "a", CANCEL, 0, 0, true).error_code, 0);
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).n, 1);
	assert_int_equal(partition_replicas(p).v[0], 1);
	assert_int_equal(p->leader, 1);
	assert_int_equal(under_way(w).topics.n, 0);
	assert_int_equal(reassign(w, "a", CANCEL, 0, 0, true).error_code, ERR_NO_REASSIGNMENT_IN_PROGRESS);
}

static void a_move_that_needs_nobody_new_is_over_at_once(void **state)
{
	struct world *w = *state;
	const struct image_partition *p;
	int32_t first;

	let_in(w, 1);
	let_in(w, 2);
	create(w, "a", 1, 2);
	first = partition_replicas(partition(w, "a", 0)).v[0];
	assert_int_equal(reassign(w, "a", 2, 3 - first, first, true).error_code, 0); /* another order */
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).v[0], 3 - first);
	assert_int_equal(under_way(w).topics.n, 0);
	assert_int_equal(reassign(w, "a", 1, first, 0, true).error_code, 0); /* one replica less */
	p = partition(w, "a", 0);
	assert_int_equal(partition_replicas(p).n, 1);
	assert_int_equal(p->leader, first);
	assert_int_equal(under_way(w).topics.n, 0);
}

static void assignments_that_cannot_be_are_refused_one_by_one(void **state)
{
	struct world *w = *state;

	let_in(w, 1);
	create(w, "a", 1, 1);
	let_in(w, 2);
	assert_int_equal(reassign(w, "nothing", 1, 1, 0, true).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(reassign(w, "a", 0, 0, 0, true).error_code, ERR_INVALID_REPLICA_ASSIGNMENT);
	assert_int_equal(reassign(w, "a", 1, 3, 0, true).error_code, ERR_INVALID_REPLICA_ASSIGNMENT);
	assert_int_equal(reassign(w, "a", 2, 1, 1, true).error_code, ERR_INVALID_REPLICA_ASSIGNMENT);
	assert_int_equal(reassign(w, "a", 2, 1, 2, false).error_code, ERR_INVALID_REPLICATION_FACTOR);
	assert_int_equal(reassign(w, "a", 1, 1, 0, false).error_code, 0);
	assert_int_equal(w->records.n, 0); /* it is there already */
	assert_int_equal(reassign(w, "a", 2, 1, 2, true).error_code, 0);
	assert_int_equal(reassign(w, "a", 1, 2, 0, false).error_code,
			 ERR_INVALID_REPLICATION_FACTOR); /* two are on their way */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_empty_log_begins_with_the_bootstrap_transaction),
		TEST(a_broker_registers_fenced_and_is_let_in_when_it_has_caught_up),
		TEST(another_incarnation_waits_for_the_session_of_the_first),
		TEST(registrations_that_cannot_be_are_refused),
		TEST(a_heartbeat_of_an_old_epoch_is_refused),
		TEST(a_new_topic_is_led_by_an_active_replica),
		TEST(topics_that_cannot_be_are_refused_one_by_one),
		TEST(a_topic_needs_a_broker_that_is_not_fenced),
		TEST(a_topic_goes_once_by_name_or_by_id),
		TEST(a_topic_only_grows),
		TEST(a_request_that_names_too_much_is_refused_whole),
		TEST(thousands_of_topics_share_what_their_answers_say_of_settings),
		TEST(a_name_that_is_twice_in_a_request_is_refused_once_and_last),
		TEST(a_broker_that_leaves_hands_over_and_comes_back),
		TEST(an_unclean_restart_is_no_longer_eligible_but_the_last_known_leader),
		TEST(a_session_that_ends_fences_one_broker_and_moves_its_leaders),
		TEST(an_isr_is_changed_by_its_leader_in_its_epoch),
		TEST(a_partition_moves_when_its_new_replica_has_caught_up),
		TEST(a_move_that_is_called_off_leaves_what_was_there),
		TEST(a_move_that_needs_nobody_new_is_over_at_once),
		TEST(assignments_that_cannot_be_are_refused_one_by_one),
		TEST(elections_say_why_they_did_nothing),
		TEST(leadership_goes_back_to_the_preferred_replica_when_it_is_in_sync),
		TEST(a_partition_without_a_leader_gets_an_unclean_one_where_its_topic_allows_it),
		TEST(there_are_a_thousand_elections_at_once_and_the_others_soon),
		TEST(a_broker_is_forgotten_by_name),
		TEST(producer_ids_come_in_blocks),
		TEST(a_topics_settings_are_set_appended_to_and_deleted),
		TEST(min_insync_replicas_clears_the_elr_and_belongs_to_the_cluster),
		TEST(the_old_way_replaces_all_settings),
		TEST(levels_go_up_when_all_can_and_down_only_safely),
		TEST(the_version_of_the_quorum_is_that_of_its_log_as_it_is_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
