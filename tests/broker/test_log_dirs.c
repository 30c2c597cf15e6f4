/*
 * log_dirs: a node with several log directories in the simulator: where replicas go, and what happens to a directory that fails before the
 * node has begun.
 */
#include <string.h>

#include "base/err.h"
#include "log/dir.h"
#include "protocol/create_topics.h"
#include "protocol/delete_records.h"
#include "protocol/describe_log_dirs.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#define PARTITIONS 4

/* ---- questions ---- */

static void create_topic(const char *name)
{
	struct create_topics_request_topic t;
	struct create_topics_request in;
	struct create_topics_response out;

	codec_init(&create_topics_request_topic_schema, &t);
	codec_init(&create_topics_request_schema, &in);
	t.name = str_of(name);
	t.num_partitions = PARTITIONS;
	t.replication_factor = 1;
	in.topics.v = &t;
	in.topics.n = 1;
	in.timeout_ms = 10000;
	client_send(&w->a, &create_topics_request_schema, 5, &in);
	client_take(&w->a, &create_topics_response_schema, 5, &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
}

static struct produce_response_partition produce_to(const char *topic, int32_t partition, const char *value)
{
	struct produce_request_partition p = {.index = partition};
	struct produce_request_topic t = {.name = str_of(topic), .partition_data = {&p, 1}};
	struct produce_response out;
	struct produce_request in;
	struct buf b = {0};

	codec_init(&produce_request_schema, &in);
	p.records = batch_of(&b, value);
	in.acks = -1;
	in.timeout_ms = 1000;
	in.topic_data.v = &t;
	in.topic_data.n = 1;
	client_send(&w->a, &produce_request_schema, 9, &in);
	client_take(&w->a, &produce_response_schema, 9, &out);
	buf_fini(&b);
	return out.responses.v[0].partition_responses.v[0];
}

static struct describe_log_dirs_response describe(void)
{
	struct describe_log_dirs_request in;
	struct describe_log_dirs_response out;

	codec_init(&describe_log_dirs_request_schema, &in);
	in.topics.n = -1;
	client_send(&w->a, &describe_log_dirs_request_schema, 4, &in);
	client_take(&w->a, &describe_log_dirs_response_schema, 4, &out);
	assert_int_equal(out.error_code, 0);
	return out;
}

static const struct describe_log_dirs_response_result *dir_in(const struct describe_log_dirs_response *d,
							      const char *path)
{
	for (int i = 0; i < d->results.n; i++)
		if (str_is(d->results.v[i].log_dir, path))
			return &d->results.v[i];
	fail_msg("%s is not described", path);
	return NULL;
}

static int replicas_in(const struct describe_log_dirs_response *d, const char *path)
{
	const struct describe_log_dirs_response_result *r = dir_in(d, path);
	int n = 0;

	for (int i = 0; i < r->topics.n; i++)
		n += r->topics.v[i].partitions.n;
	return n;
}

static bool is_in(const struct describe_log_dirs_response *d, const char *path, int32_t partition)
{
	const struct describe_log_dirs_response_result *r = dir_in(d, path);

	for (int i = 0; i < r->topics.n; i++)
		for (int j = 0; j < r->topics.v[i].partitions.n; j++)
			if (r->topics.v[i].partitions.v[j].partition_index == partition)
				return true;
	return false;
}

/* ---- the world: /data, where the metadata is, and /more ---- */

static int up(void **state)
{
	node_world_up(state);
	bring_down();
	w->overrides[0] = "log.dirs=/data,/more";
	bring_up();
	client_open(&w->a);
	create_topic("t");
	for (int i = 0; i < PARTITIONS; i++)
		assert_int_equal(produce_to("t", i, "first").error_code, 0);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	assert_int_equal(env_replace_file(sim_env(w->sim, NODE), path, text, strlen(text)), 0);
}

/* ---- what holds ---- */

static void a_new_replica_goes_where_there_are_fewest(void **state)
{
	struct describe_log_dirs_response d = describe();

	(void)state;
	assert_int_equal(d.results.n, 2);
	assert_int_equal(replicas_in(&d, "/data"), PARTITIONS / 2);
	assert_int_equal(replicas_in(&d, "/more"), PARTITIONS / 2);
}

static void a_directory_that_cannot_be_read_at_the_start_is_offline(void **state)
{
	struct describe_log_dirs_response d = describe();
	bool lost[PARTITIONS];

	(void)state;
	for (int i = 0; i < PARTITIONS; i++)
		lost[i] = is_in(&d, "/more", i);
	bring_down();
	sim_bad_range(w->sim, NODE, "/more/meta.properties", 0, 1);
	bring_up();
	client_open(&w->a);
	d = describe();
	assert_int_equal(dir_in(&d, "/more")->error_code, ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(dir_in(&d, "/data")->error_code, 0);
	for (int i = 0; i < PARTITIONS; i++) /* none is made anew elsewhere */
		assert_int_equal(produce_to("t", i, "second").error_code, lost[i] ? ERR_KAFKA_STORAGE_ERROR : 0);
	create_topic("new");
	for (int i = 0; i < PARTITIONS; i++)
		assert_int_equal(produce_to("new", i, "first").error_code, 0);
	bring_down();
}

static enum node_end end_of_start(void)
{
	struct config_input in = {.data_dir = STR("/data"), .overrides = w->overrides};
	struct config_notes notes;
	struct config *config;
	enum node_end end;

	config_load(&in, &config, &notes);
	config_notes_fini(&notes);
	assert_null(node_start(
		&(struct node_options){
			.env = sim_env(w->sim, NODE), .config = config, .n_reactors = 1, .release = "test"},
		&end));
	config_free(config);
	return end;
}

static enum node_end refused;

static void try_to_start(void *arg)
{
	(void)arg;
	refused = end_of_start();
}

static void assert_refused(void)
{
	refused = NODE_END_CLEAN;
	assert_true(sim_call(w->sim, NODE, try_to_start, NULL));
	assert_int_equal(refused, NODE_END_STORAGE);
}

static void without_the_metadata_or_with_another_cluster_s_directory_it_does_not_start(void **state)
{
	(void)state;
	bring_down();
	write_file("/more/meta.properties", "version=1\ncluster.id=another\nnode.id=1\n");
	assert_refused();
	write_file("/more/meta.properties", "version=7\n");
	assert_refused();
	sim_bad_range(w->sim, NODE, "/data/meta.properties", 0, 1);
	assert_refused();
}

static void delete_records(int32_t partition, int64_t before)
{
	struct delete_records_request_partition p = {.partition_index = partition, .offset = before};
	struct delete_records_request_topic t = {.name = STR("t"), .partitions = {&p, 1}};
	struct delete_records_request in = {.topics = {&t, 1}, .timeout_ms = 1000};
	struct delete_records_response out;

	client_send(&w->a, &delete_records_request_schema, 1, &in);
	client_take(&w->a, &delete_records_response_schema, 1, &out);
	assert_int_equal(out.topics.v[0].partitions.v[0].low_watermark, before);
}

static void free_stopped(void *arg)
{
	(void)arg;
	node_free(w->node);
	config_free(w->config);
}

/* Nothing is known of the logs yet: what the last run left must stand. */
static void a_stop_before_the_logs_are_open_is_no_clean_one(void **state)
{
	struct produce_response_partition p;

	(void)state;
	for (int i = 0; i < 2; i++)
		produce_to("t", 0, "more");
	delete_records(0, 2);
	bring_down();
	w->serving = w->stopped = false;
	sim_world_options(w->sim)->slow_work = 1000000;
	assert_true(sim_call(w->sim, NODE, start_node, NULL));
	assert_true(sim_call(w->sim, NODE, stop_node, NULL));
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_stopped, NULL));
	assert_true(sim_call(w->sim, NODE, free_stopped, NULL));
	sim_world_options(w->sim)->slow_work = 0;
	bring_up();
	client_open(&w->a);
	p = produce_to("t", 0, "second");
	assert_int_equal(p.base_offset, 3);
	assert_int_equal(p.log_start_offset, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, node_world_down)
	const struct CMUnitTest tests[] = {
		TEST(a_new_replica_goes_where_there_are_fewest),
		TEST(a_directory_that_cannot_be_read_at_the_start_is_offline),
		TEST(without_the_metadata_or_with_another_cluster_s_directory_it_does_not_start),
		TEST(a_stop_before_the_logs_are_open_is_no_clean_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
