/*
 * large_requests: the cost of a request that names thousands of things, counted in comparisons, or
 * in topics looked at (the linker puts counters before those functions), and its answer.
 */
#include "tests/controller/controller_world.h"

#include "base/err.h"
#include "metadata/image.h"
#include "protocol/alter_client_quotas.h"
#include "protocol/alter_configs.h"
#include "protocol/broker_registration.h"
#include "protocol/create_partitions.h"
#include "protocol/delete_topics.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/update_features.h"

enum { N = 10000, COMPARES_MAX = 50 * N };

static int64_t n_compares;

bool __real_str_eq(struct str a, struct str b);
bool __wrap_str_eq(struct str a, struct str b);

bool __wrap_str_eq(struct str a, struct str b)
{
	n_compares++;
	return __real_str_eq(a, b);
}

int __real_str_cmp(struct str a, struct str b);
int __wrap_str_cmp(struct str a, struct str b);

int __wrap_str_cmp(struct str a, struct str b)
{
	n_compares++;
	return __real_str_cmp(a, b);
}

bool __real_uuid_eq(struct uuid a, struct uuid b);
bool __wrap_uuid_eq(struct uuid a, struct uuid b);

bool __wrap_uuid_eq(struct uuid a, struct uuid b)
{
	n_compares++;
	return __real_uuid_eq(a, b);
}

static int64_t n_visits; /* of topics, one after the other */

const struct image_topic *__real_image_topics_next(struct image_iter *it);
const struct image_topic *__wrap_image_topics_next(struct image_iter *it);

const struct image_topic *__wrap_image_topics_next(struct image_iter *it)
{
	n_visits++;
	return __real_image_topics_next(it);
}

/* Two of each name. */
static struct str name_of(struct world *w, int i)
{
	return arena_printf(&w->arena, "t%d", i / 2);
}

static void topics_to_delete_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct delete_topics_request_topic *v = arena_array(&w->arena, N, sizeof(*v));
	struct delete_topics_request in = {.topics = {v, N}};
	struct delete_topics_response out;

	for (int i = 0; i < N; i++)
		v[i].name = name_of(w, i);
	v[N - 1] = v[N - 2] = (struct delete_topics_request_topic){STR_NULL, {{9}}};
	n_compares = 0;
	assert_int_equal(RUN(w, delete_topics, 6, &in, &out), 0);
	assert_in_range(n_compares, 1, COMPARES_MAX);
	assert_int_equal(out.responses.n, N / 2);
	assert_true(str_is(out.responses.v[N / 2 - 1].error_message, "Duplicate topic id."));
	for (int i = 0; i < N / 2 - 1; i++) {
		assert_int_equal(out.responses.v[i].error_code, ERR_INVALID_REQUEST);
		assert_true(str_is(out.responses.v[i].error_message, "Duplicate topic name."));
	}
}

static void topics_to_grow_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct create_partitions_request_topic *v = arena_array(&w->arena, N, sizeof(*v));
	struct create_partitions_request in = {.topics = {v, N}};
	struct create_partitions_response out;

	for (int i = 0; i < N; i++)
		v[i].name = name_of(w, i);
	v[N - 1].name = STR("alone");
	n_compares = 0;
	assert_int_equal(RUN(w, create_partitions, 3, &in, &out), 0);
	assert_in_range(n_compares, 1, COMPARES_MAX);
	assert_int_equal(out.results.n, N / 2 + 1);
	for (int i = 0; i < N / 2 - 1; i++)
		assert_int_equal(out.results.v[i].error_code, ERR_INVALID_REQUEST);
	assert_int_equal(out.results.v[N / 2].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

/* ---- settings ---- */

static struct incremental_alter_configs_request_config *settings(struct world *w, int n)
{
	struct incremental_alter_configs_request_config *v = arena_array(&w->arena, (size_t)n, sizeof(*v));

	for (int i = 0; i < n; i++) {
		v[i].name = arena_printf(&w->arena, "s%d", i);
		v[i].value = STR("1");
	}
	return v;
}

static void settings_of_a_resource_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct incremental_alter_configs_request_resource r[2] = {{RESOURCE_TOPIC, STR("a"), {settings(w, N), N}},
								  {RESOURCE_TOPIC, STR("b"), {settings(w, 1), 1}}};
	struct incremental_alter_configs_request in = {.resources = {r, 1}};
	struct incremental_alter_configs_response out;

	r[0].configs.v[N - 1].name = STR("s7");
	n_compares = 0;
	assert_int_equal(RUN(w, incremental_alter_configs, 1, &in, &out), 0);
	assert_in_range(n_compares, 1, COMPARES_MAX);
	assert_int_equal(out.responses.v[0].error_code, ERR_INVALID_REQUEST);
	assert_true(str_is(out.responses.v[0].error_message, "Error due to duplicate config keys"));
	in.resources.n = 2; /* more records than one operation may write */
	assert_int_equal(RUN(w, incremental_alter_configs, 1, &in, &out), ERR_POLICY_VIOLATION);
}

static void the_old_way_does_not_compare_each_with_each(void **state)
{
	struct world *w = *state;
	const struct incremental_alter_configs_request_config *names = settings(w, N);
	struct incremental_alter_configs_request_config *v = arena_array(&w->arena, N, sizeof(*v));
	struct incremental_alter_configs_request_resource r[2] = {{RESOURCE_TOPIC, STR("a"), {v, N}},
								  {RESOURCE_TOPIC, STR("b"), {v, 1}}};
	struct incremental_alter_configs_request in = {{r, 1}, false};
	struct incremental_alter_configs_response out;

	for (int i = 0; i < N; i++)
		v[i] = (struct incremental_alter_configs_request_config){.name = names[i].name, .value = STR("1")};
	n_compares = 0;
	assert_int_equal(RUN(w, alter_configs, 2, &in, &out), 0);
	assert_in_range(n_compares, 1, COMPARES_MAX);
	assert_int_equal(out.responses.v[0].error_code, ERR_INVALID_CONFIG);
	in.resources.n = 2;
	assert_int_equal(RUN(w, alter_configs, 2, &in, &out), ERR_POLICY_VIOLATION);
}

static void resources_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct incremental_alter_configs_request_resource *v = arena_array(&w->arena, N, sizeof(*v));
	struct incremental_alter_configs_request in = {.resources = {v, N}};
	struct incremental_alter_configs_response out;

	for (int i = 0; i < N; i++) {
		v[i].resource_type = i < N - 1 ? RESOURCE_TOPIC : RESOURCE_GROUP;
		v[i].resource_name = name_of(w, i);
	}
	n_compares = 0;
	assert_int_equal(RUN(w, incremental_alter_configs, 1, &in, &out), 0);
	assert_in_range(n_compares, 1, COMPARES_MAX);
	for (int i = 0; i < N - 2; i++)
		assert_true(str_is(out.responses.v[i].error_message, "Each resource must appear at most once."));
	assert_int_equal(out.responses.v[N - 2].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(out.responses.v[N - 1].error_code, 0);
}

static void settings_of_a_new_topic_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct create_topics_request_config *v = arena_array(&w->arena, N, sizeof(*v));
	struct create_topics_request_topic topics[2] = {{.name = STR("a"), .configs = {v, N}},
							{.name = STR("b"), .configs = {v, 1}}};
	struct create_topics_request in = {.topics = {topics, 1}};
	struct create_topics_response out;
	const struct incremental_alter_configs_request_config *names = settings(w, N);

	let_in(w, 1);
	topics[0].num_partitions = topics[0].replication_factor = 1;
	for (int i = 0; i < N; i++)
		v[i] = (struct create_topics_request_config){.name = names[i].name, .value = STR("1")};
	n_compares = 0;
	assert_int_equal(RUN(w, create_topics, 7, &in, &out), 0);
	assert_in_range(n_compares, 0, COMPARES_MAX);
	assert_int_equal(out.topics.v[0].error_code, ERR_INVALID_CONFIG);
	for (int i = 0; i < N; i++)
		v[i] = (struct create_topics_request_config){i == 2 ? STR("segment.ms") : STR("retention.ms"),
							     arena_printf(&w->arena, "%d", 1000 + i)};
	assert_int_equal(RUN(w, create_topics, 7, &in, &out), 0);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_true(str_is(image_config_value(image_configs(tip(w), RESOURCE_TOPIC, STR("a")), STR("retention.ms")),
			   "10999")); /* the last one wins */
	topics[0].name = STR("c");
	v[0].value = v[5].value = STR_NULL;
	assert_int_equal(RUN(w, create_topics, 7, &in, &out), 0);
	assert_true(str_is(out.topics.v[0].error_message,
			   "Null value not supported for topic configs: retention.ms,retention.ms"));
	in.topics.n = 2;
	assert_int_equal(RUN(w, create_topics, 7, &in, &out), ERR_POLICY_VIOLATION);
}

/* A broker may have settings of names that nobody knows: as many as one request may make. */
static void settings_of_a_broker_are_taken_in_by_the_thousand(void **state)
{
	struct world *w = *state;
	struct incremental_alter_configs_request_resource r = {RESOURCE_BROKER, STR(""), {settings(w, N - 1), N - 1}};
	struct incremental_alter_configs_request in = {.resources = {&r, 1}};
	struct incremental_alter_configs_response out;

	assert_int_equal(RUN(w, incremental_alter_configs, 1, &in, &out), 0);
	assert_int_equal(out.responses.v[0].error_code, 0);
	assert_int_equal(image_configs(tip(w), RESOURCE_BROKER, STR(""))->n, N); /* and min.insync.replicas */
	for (int i = 0; i < N - 1; i++)
		r.configs.v[i].value = STR("2");
	n_compares = 0;
	assert_int_equal(RUN(w, incremental_alter_configs, 1, &in, &out), 0);
	assert_in_range(n_compares, 1, COMPARES_MAX);
	for (int i = 0; i < N - 1; i++)
		assert_true(str_is(
			image_config_value(image_configs(tip(w), RESOURCE_BROKER, STR("")), r.configs.v[i].name), "2"));
}

/* ---- features ---- */

/* Kafka puts them in a map: of updates of one feature the last counts. */
static void the_last_update_of_a_feature_counts_and_they_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct update_features_request_feature *v = arena_array(&w->arena, N, sizeof(*v));
	struct update_features_request in = {.feature_updates = {v, N}};
	struct update_features_response out;

	for (int i = 0; i < N; i++)
		v[i] = (struct update_features_request_feature){
			.feature = STR("eligible.leader.replicas.version"), .max_version_level = 1, .upgrade_type = 1};
	v[3] = (struct update_features_request_feature){
		.feature = STR("group.version"), .max_version_level = 9, .upgrade_type = 1};
	v[7] = v[3];
	v[7].max_version_level = 1;
	n_compares = 0;
	assert_int_equal(RUN(w, update_features, 2, &in, &out), 0);
	assert_in_range(n_compares, 1, COMPARES_MAX);
	assert_int_equal(out.error_code, 0);
	assert_int_equal(w->records.n, 2);
	assert_int_equal(image_feature_level(tip(w), STR("group.version")), 1);
}

/* ---- registrations ---- */

static void directories_and_features_of_a_broker_are_not_each_compared_with_each(void **state)
{
	enum { DIRS = 1000 };
	struct world *w = *state;
	struct broker_registration_request_feature *features = arena_array(&w->arena, N, sizeof(*features));
	struct uuid *dirs = arena_array(&w->arena, N, sizeof(*dirs));
	struct broker_registration_request in;
	struct broker_registration_response out;

	codec_init(&broker_registration_request_schema, &in);
	in.broker_id = 1;
	in.cluster_id = STR("cluster");
	for (int i = 0; i < N; i++) {
		features[i].name = arena_printf(&w->arena, "f%d", 10 * N - i);
		dirs[i] = (struct uuid){{1, (uint8_t)(i >> 8), (uint8_t)i}};
	}
	features[0] = (struct broker_registration_request_feature){STR("metadata.version"), 7, 33};
	features[1] = (struct broker_registration_request_feature){STR("eligible.leader.replicas.version"), 0, 1};
	in.features.v = features;
	in.features.n = N;
	in.log_dirs.n = DIRS + 1;
	in.log_dirs.v = dirs;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INVALID_REGISTRATION);
	in.log_dirs.n = DIRS;
	n_compares = 0;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), 0);
	assert_in_range(n_compares, 0, COMPARES_MAX);
	assert_int_equal(image_broker(tip(w), 1)->n_features, N);
	in.broker_id = 2;
	dirs[DIRS - 1] = dirs[0];
	n_compares = 0;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INVALID_REGISTRATION);
	assert_true(str_is(w->why, "Duplicate directory ID in request"));
	dirs[DIRS - 1].b[0] = 2;
	assert_int_equal(RUN(w, broker_registration, 4, &in, &out), ERR_INVALID_REGISTRATION); /* broker 1's */
	assert_in_range(n_compares, 0, COMPARES_MAX);
}

/* ---- names that differ in '.' and '_' only ---- */

static struct str dotted(struct world *w, int i, char mark)
{
	struct str s = arena_printf(&w->arena, "a.b.c.d.e.f.g.h.i.j.k.l.%d", i);

	for (int k = 0; k < s.len; k++)
		if (s.p[k] == '.')
			((char *)s.p)[k] = mark;
	return s;
}

static int create_dotted(struct world *w, int n, char mark, struct create_topics_response *out)
{
	struct create_topics_request_topic *v = arena_array(&w->arena, (size_t)n, sizeof(*v));
	struct create_topics_request in = {.topics = {v, n}};

	for (int i = 0; i < n; i++)
		v[i] = (struct create_topics_request_topic){
			.name = dotted(w, i, mark), .num_partitions = 1, .replication_factor = 1};
	return RUN(w, create_topics, 7, &in, out);
}

static void topics_that_would_collide_are_found_among_thousands(void **state)
{
	enum { TOPICS = 4000 };
	struct world *w = *state;
	struct create_topics_response out;

	let_in(w, 1);
	assert_int_equal(create_dotted(w, TOPICS, '.', &out), 0);
	for (int i = 0; i < TOPICS; i++)
		assert_int_equal(out.topics.v[i].error_code, 0);
	n_visits = 0;
	assert_int_equal(create_dotted(w, TOPICS + 1, '_', &out), 0);
	assert_in_range(n_visits, 1, 20 * TOPICS);
	for (int i = 0; i < TOPICS; i++) {
		assert_int_equal(out.topics.v[i].error_code, ERR_INVALID_TOPIC_EXCEPTION);
		assert_true(str_eq(out.topics.v[i].error_message,
				   arena_printf(&w->arena, "Topic '%.*s' collides with existing topic: %.*s",
						STR_ARG(dotted(w, i, '_')), STR_ARG(dotted(w, i, '.')))));
	}
	assert_int_equal(out.topics.v[TOPICS].error_code, 0);
}

/* ---- quotas ---- */

static void quotas_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct alter_client_quotas_request_entry *v = arena_array(&w->arena, N, sizeof(*v));
	struct alter_client_quotas_request_op op = {STR("producer_byte_rate"), 1, false};
	struct alter_client_quotas_request in = {.entries = {v, N}};
	struct alter_client_quotas_response out;

	for (int i = 0; i < N; i++) {
		v[i].entity.v = arena_array(&w->arena, 1, sizeof(*v[i].entity.v));
		v[i].entity.v[0] = (struct alter_client_quotas_request_entity){STR("client-id"), name_of(w, i)};
		v[i].entity.n = 1;
		v[i].ops.v = &op;
		v[i].ops.n = 1;
	}
	n_compares = 0;
	assert_int_equal(RUN(w, alter_client_quotas, 1, &in, &out), 0);
	assert_in_range(n_compares, 1, COMPARES_MAX);
	assert_int_equal(out.entries.n, N / 2);
	for (int i = 0; i < N / 2; i++)
		assert_int_equal(out.entries.v[i].error_code, ERR_INVALID_REQUEST);
}

static void parts_and_quotas_of_an_entity_are_not_each_compared_with_each(void **state)
{
	struct world *w = *state;
	struct alter_client_quotas_request_entity *parts = arena_array(&w->arena, N + 3, sizeof(*parts));
	struct alter_client_quotas_request_op *ops = arena_array(&w->arena, N, sizeof(*ops));
	struct alter_client_quotas_request_entry entry = {{parts, N / 2}, {ops, N / 2}};
	struct alter_client_quotas_request in = {.entries = {&entry, 1}};
	struct alter_client_quotas_response out;

	for (int i = 0; i < N + 3; i++) {
		parts[i].entity_type = arena_printf(&w->arena, "p%d", i);
		ops[i % N].key = parts[i].entity_type;
		ops[i % N].value = 1;
	}
	n_compares = 0;
	assert_int_equal(RUN(w, alter_client_quotas, 1, &in, &out), 0);
	assert_in_range(n_compares, 0, COMPARES_MAX);
	assert_int_equal(out.entries.n, 1);
	assert_int_equal(out.entries.v[0].error_code, ERR_INVALID_REQUEST);
	entry.ops.n = 1;
	entry.entity.n = N + 2;
	assert_int_equal(RUN(w, alter_client_quotas, 1, &in, &out), 0);
	entry.entity.n = N + 3;
	assert_int_equal(RUN(w, alter_client_quotas, 1, &in, &out), ERR_POLICY_VIOLATION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(topics_to_delete_are_not_each_compared_with_each),
		TEST(topics_to_grow_are_not_each_compared_with_each),
		TEST(settings_of_a_resource_are_not_each_compared_with_each),
		TEST(the_old_way_does_not_compare_each_with_each),
		TEST(resources_are_not_each_compared_with_each),
		TEST(settings_of_a_new_topic_are_not_each_compared_with_each),
		TEST(settings_of_a_broker_are_taken_in_by_the_thousand),
		TEST(the_last_update_of_a_feature_counts_and_they_are_not_each_compared_with_each),
		TEST(directories_and_features_of_a_broker_are_not_each_compared_with_each),
		TEST(topics_that_would_collide_are_found_among_thousands),
		TEST(quotas_are_not_each_compared_with_each),
		TEST(parts_and_quotas_of_an_entity_are_not_each_compared_with_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
