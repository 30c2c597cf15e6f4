/* controller: commands in, records and answers out, each applied to the tip as a carrier would. */
#include "tests/controller/controller_world.h"

#include "base/err.h"
#include "protocol/allocate_producer_ids.h"
#include "protocol/alter_configs.h"
#include "protocol/broker_registration.h"
#include "protocol/controller_registration.h"
#include "protocol/create_partitions.h"
#include "protocol/delete_topics.h"
#include "protocol/metadata_records.h"
#include "protocol/unregister_broker.h"
#include "protocol/unregister_controller.h"
#include "protocol/update_features.h"

/* ---- brokers ---- */

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
	struct broker_registration_request_listener listener = {STR("L"), STR("h"), 1, 4};
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
	in.listeners.v = &listener;
	in.listeners.n = 1;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_UNKNOWN_SERVER_ERROR);
	assert_true(str_is(w->why, "Unknown security protocol 4 in listener L"));
	dirs[0] = UUID_DIR_LOST;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INVALID_REGISTRATION); /* reserved */
}

/* A quorum with kraft.version 1 has no broker that does not say that it knows of it. */
static void a_broker_that_does_not_know_the_version_of_the_quorum_is_refused(void **state)
{
	struct world *w = *state;

	w->kraft_version = 1;
	assert_int_equal(register_incarnation(w, 1, 1, -1), ERR_UNSUPPORTED_VERSION);
	assert_true(str_is(w->why, "Unable to register because the broker does not support finalized version 1 of "
				   "kraft.version. The broker wants a version between 0 and 0, inclusive."));
	w->kraft_version = 0;
	assert_int_equal(register_incarnation(w, 1, 1, -1), 0);
}

static void a_directory_belongs_to_one_broker(void **state)
{
	struct broker_registration_request_feature features[2] = {{STR("metadata.version"), 7, 33},
								  {STR("eligible.leader.replicas.version"), 0, 1}};
	struct uuid dirs[3] = {{{9}}, {{0xd0, 1}}, {{3}}};
	struct broker_registration_request in;
	struct broker_registration_response out;
	struct world *w = *state;

	let_in(w, 1);
	codec_init(&broker_registration_request_schema, &in);
	in.broker_id = 2;
	in.cluster_id = STR("cluster");
	in.features.v = features;
	in.features.n = 2;
	in.log_dirs.v = dirs;
	in.log_dirs.n = 3;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INVALID_REGISTRATION);
	assert_true(str_is(w->why, "Broker 1 is already registered with directory 0AEAAAAAAAAAAAAAAAAAAA"));
	dirs[1].b[0] = 1;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), 0);
	assert_int_equal(image_broker(tip(w), 2)->n_log_dirs, 3);
	assert_int_equal(image_broker(tip(w), 2)->log_dirs[0].b[0], 9); /* in the order given */
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

/* ---- topics ---- */

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

static bool add_up(void *arg, int n)
{
	*(int64_t *)arg += n;
	return true;
}

/* The error of growing topic "a"; what was charged to the quota is added to *charged. */
static int grow(struct world *w, int32_t count, struct create_partitions_response *out, int64_t *charged)
{
	struct create_partitions_request_topic topic = {.name = STR("a"), .count = count, .assignments = {NULL, -1}};
	struct create_partitions_request in = {.topics = {&topic, 1}, .validate_only = true};
	struct controller_context ctx = context(w, 3);

	ctx.may_change = add_up;
	ctx.change_arg = charged;
	record_list_init(&w->records, &w->arena);
	return controller_create_partitions(w->controller, &ctx, &in, out, &w->records);
}

static void what_is_too_large_is_refused_before_the_quota_counts_it(void **state)
{
	struct world *w = *state;
	struct create_partitions_response out = {0};
	int64_t charged = 0;

	let_in(w, 1);
	create(w, "a", 2, 1);
	assert_int_equal(grow(w, INT32_MAX, &out, &charged), ERR_POLICY_VIOLATION);
	assert_int_equal(grow(w, INT32_MIN, &out, &charged), 0);
	assert_int_equal(out.results.v[0].error_code, ERR_INVALID_PARTITIONS);
	assert_int_equal(charged, 0);
	assert_int_equal(grow(w, 5, &out, &charged), 0);
	assert_int_equal(out.results.v[0].error_code, 0);
	assert_int_equal(charged, 3);
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

static void what_is_to_be_deleted_by_its_id_and_by_its_name_stays(void **state)
{
	struct world *w = *state;
	struct delete_topics_request_topic v[4] = {{.name = STR_NULL}, {.name = STR("a")}, {.name = STR("b")}};
	struct delete_topics_request in = {.topics = {v, 3}};
	struct delete_topics_response out;
	struct uuid a;

	let_in(w, 1);
	create(w, "a", 1, 1);
	create(w, "b", 1, 1);
	a = v[0].topic_id = image_topic_by_name(tip(w), STR("a"))->id;
	assert_int_equal(RUN(w, delete_topics, 6, &in, &out), 0);
	assert_int_equal(out.responses.n, 2); /* the id has no answer of its own */
	assert_true(str_is(out.responses.v[0].name, "a"));
	assert_true(uuid_eq(out.responses.v[0].topic_id, a));
	assert_int_equal(out.responses.v[0].error_code, ERR_INVALID_REQUEST);
	assert_int_equal(out.responses.v[1].error_code, 0);
	assert_non_null(image_topic_by_name(tip(w), STR("a")));
	assert_null(image_topic_by_name(tip(w), STR("b")));
	v[2] = v[0]; /* the id twice, which is an error by itself, and the name */
	assert_int_equal(RUN(w, delete_topics, 6, &in, &out), 0);
	assert_int_equal(out.responses.n, 2);
	assert_int_equal(out.responses.v[0].error_code, ERR_INVALID_REQUEST);
	assert_int_equal(out.responses.v[1].error_code, ERR_INVALID_REQUEST);
	assert_non_null(image_topic_by_name(tip(w), STR("a")));
	in.topics.n = 1;
	assert_int_equal(RUN(w, delete_topics, 6, &in, &out), 0);
	assert_int_equal(out.responses.v[0].error_code, 0);
	assert_null(image_topic_by_name(tip(w), STR("a")));
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

static bool is_described(const struct create_topics_response_topic *t, const char *name)
{
	for (int i = 0; i < t->configs.n; i++)
		if (str_is(t->configs.v[i].name, name))
			return true;
	return false;
}

static void a_setting_that_kafka_does_not_have_is_told_of_a_topic_that_has_it(void **state)
{
	struct world *w = *state;
	struct create_topics_request_config encrypted = {STR("odradek.encryption.enable"), STR("true")};
	struct create_topics_request_topic v[] = {
		{.name = STR("a"), .num_partitions = 1, .replication_factor = 1},
		{.name = STR("b"), .num_partitions = 1, .replication_factor = 1, .configs = {&encrypted, 1}}};
	struct create_topics_request in = {.topics = {v, 2}};
	struct create_topics_response out;

	w->encrypts = true;
	let_in(w, 1);
	assert_int_equal(RUN(w, create_topics, 7, &in, &out), 0);
	assert_true(is_described(&out.topics.v[0], "retention.ms"));
	assert_false(is_described(&out.topics.v[0], "odradek.encryption.enable"));
	assert_true(is_described(&out.topics.v[1], "odradek.encryption.enable"));
}

/*
 * Nobody could append to such a topic. Once one broker has a key, the setting is accepted: it is up
 * to the operator to give every broker one.
 */
static void to_encrypt_is_refused_while_no_broker_has_a_key(void **state)
{
	struct world *w = *state;
	struct create_topics_request_config encrypted = {STR("odradek.encryption.enable"), STR(" TRUE")};
	struct create_topics_request_topic v[] = {
		{.name = STR("a"), .num_partitions = 1, .replication_factor = 1, .configs = {&encrypted, 1}},
		{.name = STR("b"), .num_partitions = 1, .replication_factor = 1}};
	struct create_topics_request in = {.topics = {v, 2}};
	struct create_topics_response out;

	let_in(w, 1);
	assert_int_equal(RUN(w, create_topics, 7, &in, &out), 0);
	assert_int_equal(out.topics.v[0].error_code, ERR_INVALID_CONFIG);
	assert_non_null(strstr(out.topics.v[0].error_message.p, "no broker has a key"));
	assert_int_equal(out.topics.v[1].error_code, 0);
	assert_int_equal(change(w, RESOURCE_TOPIC, "b", "odradek.encryption.enable", 0, "true"), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_TOPIC, "b", "odradek.encryption.enable", 0, "false"), 0);
	w->encrypts = true;
	let_in(w, 2);
	assert_int_equal(change(w, RESOURCE_TOPIC, "b", "odradek.encryption.enable", 0, "true"), 0);
	/* A setting made earlier stays: a broker that has its key may be back soon. */
	w->encrypts = false;
	w->now_ms += 100000;
	assert_int_equal(register_incarnation(w, 2, 2, -1), 0);
	assert_int_equal(change(w, RESOURCE_TOPIC, "b", "retention.ms", 0, "1000"), 0);
	assert_int_equal(change(w, RESOURCE_TOPIC, "b", "odradek.encryption.enable", 0, "true"), ERR_INVALID_CONFIG);
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

/* ---- brokers that go, and ids ---- */

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

static void register_controller(struct world *w, int32_t id, int16_t protocol, int expected)
{
	struct broker_registration_request_listener listener = {STR("CONTROLLER"), STR("h"), 1, protocol};
	struct controller_registration_request in = {
		.controller_id = id, .incarnation_id = {{2}}, .listeners = {&listener, 1}};
	struct controller_registration_response out;

	assert_int_equal(RUN(w, controller_registration, 0, &in, &out), expected);
}

static void a_controller_is_forgotten_by_name_but_not_the_active_one(void **state)
{
	struct unregister_controller_request in = {1};
	struct unregister_controller_response out;
	struct world *w = *state;

	register_controller(w, 1, 0, 0);
	register_controller(w, 2, 4, ERR_UNKNOWN_SERVER_ERROR); /* no protocol has that number */
	register_controller(w, 2, 3, 0);
	assert_int_equal(RUN(w, unregister_controller, 0, &in, &out), ERR_INVALID_REQUEST);
	assert_true(str_is(w->why, "Controller cannot unregister itself while it is active."));
	in.controller_id = 3;
	assert_int_equal(RUN(w, unregister_controller, 0, &in, &out), ERR_CONTROLLER_ID_NOT_REGISTERED);
	in.controller_id = 2;
	assert_int_equal(RUN(w, unregister_controller, 0, &in, &out), 0);
	assert_null(image_controller(tip(w), 2));
	assert_non_null(image_controller(tip(w), 1));
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

#define LIST "follower.replication.throttled.replicas"

static void lists_grow_and_shrink_item_by_item(void **state)
{
	struct world *w = *state;
	enum { SET, DELETE, APPEND, SUBTRACT };

	let_in(w, 1);
	create(w, "a", 1, 1);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", LIST, APPEND, "0:1,1:1,0:1"), 0);
	assert_true(str_is(topic_value(w, LIST), "0:1,1:1"));
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", LIST, APPEND, "1:1,2:1,,"), 0);
	assert_true(str_is(topic_value(w, LIST), "0:1,1:1,2:1"));
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", LIST, SUBTRACT, "1:1,7:7"), 0);
	assert_true(str_is(topic_value(w, LIST), "0:1,2:1"));
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", LIST, SUBTRACT, ","), 0);
	assert_true(str_is(topic_value(w, LIST), "0:1,2:1"));
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", LIST, SUBTRACT, "2:1,0:1"), 0);
	assert_true(str_is(topic_value(w, LIST), ""));
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "cleanup.policy", APPEND, ""), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "cleanup.policy", APPEND, ",compact"), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "cleanup.policy", APPEND, "compact,"), 0);
	assert_true(str_is(topic_value(w, "cleanup.policy"), "delete,compact"));
}

static void set_metadata_version(struct world *w, int16_t level)
{
	struct feature_level_record *r;

	record_list_init(&w->records, &w->arena);
	r = record_list_add(&w->records, RECORD_FEATURE_LEVEL, 0);
	*r = (struct feature_level_record){STR("metadata.version"), level};
	apply(w);
}

static void directories_are_cordoned_once_metadata_version_has_records_of_it(void **state)
{
	struct world *w = *state;

	let_in(w, 0);
	set_metadata_version(w, 29);
	assert_int_equal(change(w, RESOURCE_BROKER, "0", "cordoned.log.dirs", 0, "/d"), ERR_INVALID_CONFIG);
	assert_int_equal(w->records.n, 0);
	set_metadata_version(w, 30);
	assert_int_equal(change(w, RESOURCE_BROKER, "0", "cordoned.log.dirs", 0, "/d"), 0);
	assert_int_equal(w->records.n, 1);
}

static void min_insync_replicas_clears_the_elr_and_belongs_to_the_cluster(void **state)
{
	struct world *w = *state;

	let_in(w, 1);
	create(w, "a", 1, 1);
	assert_int_equal(change(w, RESOURCE_TOPIC, "a", "min.insync.replicas", 0, "1"), 0);
	assert_int_equal(w->records.v[1].type, RECORD_CLEAR_ELR);
	assert_int_equal(change(w, RESOURCE_BROKER, "1", "min.insync.replicas", 0, "1"), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_BROKER, "1", "min.insync.replicas", 1, NULL), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_BROKER, "", "min.insync.replicas", 1, NULL), ERR_INVALID_CONFIG);
	assert_int_equal(change(w, RESOURCE_BROKER, "9", "log.retention.ms", 0, "1"), ERR_BROKER_ID_NOT_REGISTERED);
	assert_int_equal(change(w, RESOURCE_BROKER, "x", "log.retention.ms", 0, "1"), ERR_INVALID_REQUEST);
	assert_int_equal(change(w, RESOURCE_BROKER, "-1", "log.retention.ms", 0, "1"), ERR_INVALID_REQUEST);
	assert_int_equal(change(w, RESOURCE_BROKER, "+1", "log.retention.ms", 0, "1"), 0);
}

static void the_old_way_replaces_all_settings(void **state)
{
	struct world *w = *state;
	struct incremental_alter_configs_request_config config = {.name = STR("segment.ms"), .value = STR("5000")};
	struct incremental_alter_configs_request_resource r = {RESOURCE_TOPIC, STR("a"), {&config, 1}};
	struct incremental_alter_configs_request_resource twice[2] = {r, r};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

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

enum { UPGRADE = 1, SAFE = 2, UNSAFE = 3 };

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
	assert_int_equal(feature(w, "unknown.version", 0, UPGRADE, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(feature(w, "group.version", 1, 0, false), ERR_INVALID_UPDATE_VERSION);
	let_in(w, 1); /* its registration does not mention group.version */
	assert_int_equal(feature(w, "group.version", 1, UPGRADE, false), ERR_INVALID_UPDATE_VERSION);
}

static void the_version_of_the_quorum_is_that_of_its_log_as_it_is_now(void **state)
{
	struct world *w = *state;

	w->kraft_version = 1;
	assert_int_equal(feature(w, "kraft.version", 1, UPGRADE, false), 0);
	assert_int_equal(feature(w, "kraft.version", 0, UPGRADE, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(feature(w, "kraft.version", 0, SAFE, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(w->kraft_version, 1);
}

static void raft_alone_raises_the_version_of_the_quorum_and_says_why_not(void **state)
{
	struct update_features_request_feature u[2] = {
		{.feature = STR("kraft.version"), .max_version_level = 1, .upgrade_type = UPGRADE},
		{.feature = STR("group.version"), .max_version_level = 9, .upgrade_type = UPGRADE}};
	struct update_features_request in = {.feature_updates = {u, 1}};
	struct update_features_response out;
	struct world *w = *state;

	assert_int_equal(RUN(w, update_features, 2, &in, &out), 0);
	assert_int_equal(out.error_code, ERR_INVALID_UPDATE_VERSION);
	assert_true(str_is(out.error_message, "The update failed for all features since the following feature had an "
					      "error: not all of the voters support it"));
	w->kraft_version_max = 1;
	in.feature_updates.n = 2; /* all or nothing */
	assert_int_equal(RUN(w, update_features, 2, &in, &out), 0);
	assert_int_equal(out.error_code, ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(w->kraft_version, 0);
	assert_int_equal(feature(w, "kraft.version", 1, UPGRADE, true), 0);
	assert_int_equal(w->kraft_version, 0);
	assert_int_equal(feature(w, "kraft.version", 1, UPGRADE, false), 0);
	assert_int_equal(w->kraft_version, 1);
	assert_int_equal(w->records.n, 0); /* it has no record in the metadata log */
}

static void no_level_goes_up_while_a_voter_of_the_configuration_has_not_registered(void **state)
{
	struct broker_registration_request_feature speaks = {STR("group.version"), 0, 1};
	struct controller_registration_request in = {
		.controller_id = 2, .incarnation_id = {{2}}, .features = {&speaks, 1}};
	struct controller_registration_response out;
	struct world *w = *state;

	assert_int_equal(feature(w, "group.version", 1, UPGRADE, false), ERR_INVALID_UPDATE_VERSION);
	assert_int_equal(RUN(w, controller_registration, 0, &in, &out), 0);
	assert_int_equal(out.error_code, 0);
	assert_int_equal(feature(w, "group.version", 1, UPGRADE, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_log_begins_with_the_bootstrap_transaction),
		TEST(a_broker_registers_fenced_and_is_let_in_when_it_has_caught_up),
		TEST(another_incarnation_waits_for_the_session_of_the_first),
		TEST(registrations_that_cannot_be_are_refused),
		TEST(a_broker_that_does_not_know_the_version_of_the_quorum_is_refused),
		TEST(a_directory_belongs_to_one_broker),
		TEST(a_heartbeat_of_an_old_epoch_is_refused),
		TEST(a_new_topic_is_led_by_an_active_replica),
		TEST(topics_that_cannot_be_are_refused_one_by_one),
		TEST(a_topic_needs_a_broker_that_is_not_fenced),
		TEST(a_topic_goes_once_by_name_or_by_id),
		TEST(a_topic_only_grows),
		TEST(what_is_too_large_is_refused_before_the_quota_counts_it),
		TEST(a_request_that_names_too_much_is_refused_whole),
		TEST(what_is_to_be_deleted_by_its_id_and_by_its_name_stays),
		TEST(thousands_of_topics_share_what_their_answers_say_of_settings),
		TEST(a_setting_that_kafka_does_not_have_is_told_of_a_topic_that_has_it),
		TEST(to_encrypt_is_refused_while_no_broker_has_a_key),
		TEST(a_name_that_is_twice_in_a_request_is_refused_once_and_last),
		TEST(a_broker_is_forgotten_by_name),
		TEST(a_controller_is_forgotten_by_name_but_not_the_active_one),
		TEST(producer_ids_come_in_blocks),
		TEST(a_topics_settings_are_set_appended_to_and_deleted),
		TEST(lists_grow_and_shrink_item_by_item),
		TEST(directories_are_cordoned_once_metadata_version_has_records_of_it),
		TEST(min_insync_replicas_clears_the_elr_and_belongs_to_the_cluster),
		TEST(the_old_way_replaces_all_settings),
		TEST(levels_go_up_when_all_can_and_down_only_safely),
		TEST(the_version_of_the_quorum_is_that_of_its_log_as_it_is_now),
		TEST(raft_alone_raises_the_version_of_the_quorum_and_says_why_not),
		cmocka_unit_test_setup_teardown(no_level_goes_up_while_a_voter_of_the_configuration_has_not_registered,
						setup_of_two, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
