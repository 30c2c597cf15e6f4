/* node: a whole node in the simulator, asked over its network by two raw clients on another machine. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "broker/node.h"
#include "protocol/api_versions.h"
#include "protocol/delete_records.h"
#include "protocol/init_producer_id.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

/* ---- what holds ---- */

static void a_stopped_node_has_given_everything_back(void **state)
{
	struct sim_held held;

	(void)state;
	assert_int_equal(ask_produce("no such topic", "x").error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	bring_down();
	sim_held(w->sim, NODE, &held);
	assert_int_equal(held.files, 0);
	assert_int_equal(held.socks, 0);
	assert_int_equal(held.loops, 0);
	assert_int_equal(held.works, 0);
	assert_int_equal(held.blocks, 0);
}

static void a_topic_that_is_asked_for_has_a_leader_in_the_answer(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	assert_int_equal(out.brokers.n, 1);
	assert_true(str_is(out.brokers.v[0].host, "10.0.0.1"));
	assert_int_equal(out.brokers.v[0].port, PORT);
	assert_int_equal(out.topics.n, 1);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_int_equal(out.topics.v[0].partitions.v[0].leader_id, 1);
}

static void a_topic_that_is_asked_for_has_as_many_partitions_as_the_node_says(void **state)
{
	struct metadata_response out;

	(void)state;
	bring_down();
	w->overrides[0] = "num.partitions=3";
	bring_up();
	client_open(&w->a);
	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_int_equal(out.topics.v[0].partitions.n, 3);
}

static void a_name_that_is_not_legal_makes_no_topic(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("a b", &out);
	assert_int_equal(out.topics.v[0].error_code, ERR_INVALID_TOPIC_EXCEPTION);
}

static void a_batch_with_a_wrong_crc_is_refused_and_nothing_is_written(void **state)
{
	struct metadata_response out;
	struct produce_response answer;
	struct buf b = {0};
	struct records records;

	(void)state;
	ask_metadata("t", &out);
	records = batch_of(&b, "x");
	b.p[b.len - 1] ^= 1;
	send_produce(&w->a, "t", records, 1);
	client_take(&w->a, &produce_response_schema, 9, &answer);
	buf_fini(&b);
	assert_int_equal(answer.responses.v[0].partition_responses.v[0].error_code, ERR_CORRUPT_MESSAGE);
	assert_int_equal(ask_produce("t", "y").base_offset, 0);
}

static void without_acks_nothing_is_answered_and_the_next_request_is(void **state)
{
	struct metadata_response out;
	struct buf b = {0};

	(void)state;
	ask_metadata("t", &out);
	send_produce(&w->a, "t", batch_of(&b, "unseen"), 0);
	sim_run_for(w->sim, 200);
	assert_int_equal(w->a.in_len, 0);
	assert_int_equal(ask_produce("t", "seen").base_offset, 1);
	buf_fini(&b);
}

static void without_acks_an_error_closes_the_connection(void **state)
{
	struct buf b = {0};

	(void)state;
	send_produce(&w->a, "nothing", batch_of(&b, "x"), 0);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_answer, &w->a));
	assert_true(w->a.closed);
	buf_fini(&b);
}

static void acks_of_two_are_refused(void **state)
{
	struct metadata_response out;
	struct produce_response answer;
	struct buf b = {0};

	(void)state;
	ask_metadata("t", &out);
	send_produce(&w->a, "t", batch_of(&b, "x"), 2);
	client_take(&w->a, &produce_response_schema, 9, &answer);
	assert_int_equal(answer.responses.v[0].partition_responses.v[0].error_code, ERR_INVALID_REQUIRED_ACKS);
	assert_int_equal(answer.responses.v[0].partition_responses.v[0].base_offset, -1);
	batch_of(&b, "x");
	b.p[70] ^= 1; /* not noticed, because the batch is not looked at */
	send_produce(&w->a, "t", (struct records){.p = b.p, .len = (int32_t)b.len}, 2);
	client_take(&w->a, &produce_response_schema, 9, &answer);
	assert_int_equal(answer.responses.v[0].partition_responses.v[0].error_code, ERR_INVALID_REQUIRED_ACKS);
	buf_fini(&b);
}

static void a_version_of_the_future_is_told_which_are_served(void **state)
{
	struct api_versions_request in;
	struct api_versions_response out;

	(void)state;
	codec_init(&api_versions_request_schema, &in);
	in.client_software_name = STR("test");
	in.client_software_version = STR("1");
	client_send(&w->a, &api_versions_request_schema, 5, &in);
	put_i16(w->a.out + 6, 99);
	client_take(&w->a, &api_versions_response_schema, 0, &out);
	assert_int_equal(out.error_code, ERR_UNSUPPORTED_VERSION);
	assert_int_equal(out.api_keys.n, 1);
	assert_int_equal(out.api_keys.v[0].api_key, api_versions_request_KEY);
	assert_int_equal(out.api_keys.v[0].max_version, 5);
}

static void produce_is_advertised_from_version_0(void **state)
{
	struct api_versions_request in;
	struct api_versions_response out;

	(void)state;
	codec_init(&api_versions_request_schema, &in);
	client_send(&w->a, &api_versions_request_schema, 0, &in);
	client_take(&w->a, &api_versions_response_schema, 0, &out);
	assert_int_equal(out.api_keys.v[0].api_key, produce_request_KEY);
	assert_int_equal(out.api_keys.v[0].min_version, 0);
	assert_int_equal(out.api_keys.v[0].max_version, 13);
}

static void a_key_that_is_not_served_closes_the_connection(void **state)
{
	struct api_versions_request in;

	(void)state;
	codec_init(&api_versions_request_schema, &in);
	client_send(&w->a, &api_versions_request_schema, 0, &in);
	put_i16(w->a.out + 4, 52);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_answer, &w->a));
	assert_true(w->a.closed);
}

static void each_producer_has_an_id_of_its_own(void **state)
{
	struct init_producer_id_request in;
	struct init_producer_id_response out;
	int64_t last = -1;

	(void)state;
	codec_init(&init_producer_id_request_schema, &in);
	in.transactional_id = STR_NULL;
	for (int i = 0; i < 1200; i++) {
		client_send(&w->a, &init_producer_id_request_schema, 4, &in);
		client_take(&w->a, &init_producer_id_response_schema, 4, &out);
		assert_int_equal(out.error_code, 0);
		assert_true(out.producer_id > last);
		last = out.producer_id;
	}
}

static void after_a_kill_every_acknowledged_record_is_there(void **state)
{
	struct metadata_response out;
	struct fetch_response_partition f;

	(void)state;
	ask_metadata("t", &out);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_produce("t", "kept").base_offset, i);
	sim_crash(w->sim, NODE, SIM_KILL);
	sim_restart(w->sim, NODE);
	bring_up();
	client_open(&w->a);
	send_fetch(&w->a, "t", 19, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_int_equal(f.high_watermark, 20);
	assert_value(f.records, "kept");
	assert_int_equal(ask_produce("t", "next").base_offset, 20);
}

/* flush.messages is a promise: what is acknowledged is on the platter, with acks=1 too. */
static void where_every_message_is_flushed_power_loss_loses_nothing(void **state)
{
	struct metadata_response out;

	(void)state;
	bring_down();
	w->overrides[0] = "log.flush.interval.messages=1";
	bring_up();
	client_open(&w->a);
	ask_metadata("t", &out);
	for (int i = 0; i < 10; i++) {
		struct produce_response_partition p = ask_produce_with("t", "kept", i % 2 ? -1 : 1);

		assert_int_equal(p.base_offset, i);
		sim_crash(w->sim, NODE, SIM_POWER);
		sim_restart(w->sim, NODE);
		bring_up();
		client_open(&w->a);
	}
	assert_int_equal(ask_produce("t", "next").base_offset, 10);
}

static void delete_records(const char *topic, int64_t before)
{
	struct delete_records_request_partition p = {.offset = before};
	struct delete_records_request_topic t = {.name = str_of(topic), .partitions = {&p, 1}};
	struct delete_records_request in = {.topics = {&t, 1}, .timeout_ms = 1000};
	struct delete_records_response out;

	client_send(&w->a, &delete_records_request_schema, 1, &in);
	client_take(&w->a, &delete_records_response_schema, 1, &out);
	assert_int_equal(out.topics.v[0].partitions.v[0].low_watermark, before);
}

#define CHECKPOINTS_WRITTEN_MS 70000

/*
 * The checkpoints know a log by its name only: what they say about a deleted topic does not hold
 * for a new one of that name.
 */
static void a_topic_made_again_does_not_begin_where_the_old_one_stood(void **state)
{
	struct fetch_response_partition f;
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask_produce("t", "old").base_offset, i);
	delete_records("t", 4);
	sim_run_for(w->sim, CHECKPOINTS_WRITTEN_MS);
	delete_topic("t");
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "new").base_offset, 0);
	sim_run_for(w->sim, 100);
	sim_crash(w->sim, NODE, SIM_KILL);
	sim_restart(w->sim, NODE);
	bring_up();
	client_open(&w->a);
	send_fetch(&w->a, "t", 0, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_int_equal(f.log_start_offset, 0);
	assert_value(f.records, "new");
}

/* The same when it dies before the checkpoints were written without the old one. */
static void nor_does_it_when_the_node_dies_at_once(void **state)
{
	struct fetch_response_partition f;
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	for (int life = 0; life < 16; life++) {
		for (int i = 0; i < 5; i++)
			assert_int_equal(ask_produce("t", "old").base_offset, life == 0 ? i : i + 1);
		delete_records("t", 4);
		sim_run_for(w->sim, CHECKPOINTS_WRITTEN_MS);
		sim_world_options(w->sim)->slow_work = 1000000;
		delete_topic("t");
		ask_metadata("t", &out);
		assert_int_equal(ask_produce("t", "new").base_offset, 0);
		sim_crash(w->sim, NODE, SIM_KILL);
		sim_world_options(w->sim)->slow_work = 0;
		sim_restart(w->sim, NODE);
		bring_up();
		client_open(&w->a);
		send_fetch(&w->a, "t", 0, 0);
		f = take_fetch(&w->a);
		assert_int_equal(f.error_code, 0);
		assert_int_equal(f.log_start_offset, 0);
		assert_value(f.records, "new");
	}
}

static void free_failed_node(void *arg)
{
	(void)arg;
	assert_int_equal(node_free(w->node), NODE_END_STORAGE);
	config_free(w->config);
}

static void a_failed_sync_ends_the_node_and_the_next_start_goes_on(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "kept").base_offset, 0);
	sim_fail_next_sync(w->sim, NODE);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_stopped, NULL));
	assert_true(sim_call(w->sim, NODE, free_failed_node, NULL));
	bring_up();
	client_open(&w->a);
	assert_int_equal(ask_produce("t", "next").base_offset, 1);
}

static bool is_there(int64_t offset, const char *value)
{
	struct fetch_response_partition f;

	send_fetch(&w->a, "t", offset, 0);
	f = take_fetch(&w->a);
	if (f.error_code || f.records.len == 0)
		return false;
	assert_value(f.records, value);
	return true;
}

/* The page cache has it, and the kernel considers the pages written. */
static void what_a_failed_sync_left_in_the_cache_is_written_again_before_it_is_shown(void **state)
{
	struct metadata_response out;
	struct buf b = {0};

	(void)state;
	bring_down();
	w->overrides[0] = "log.flush.interval.messages=1";
	bring_up();
	client_open(&w->a);
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "kept").base_offset, 0);
	sim_fail_device(w->sim, NODE, "/data", SIM_FAIL_SYNCS);
	send_produce(&w->a, "t", batch_of(&b, "unsure"), -1);
	buf_fini(&b);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_stopped, NULL));
	assert_true(sim_call(w->sim, NODE, free_failed_node, NULL));
	sim_fail_device(w->sim, NODE, "/data", 0);
	bring_up(); /* the process, not the machine */
	client_open(&w->a);
	assert_true(is_there(1, "unsure"));
	assert_int_equal(ask_produce("t", "next").base_offset, 2);
	for (int i = 0; i < 2; i++) { /* by the second time there is no doubt any more */
		sim_crash(w->sim, NODE, SIM_POWER);
		sim_restart(w->sim, NODE);
		bring_up();
		client_open(&w->a);
		assert_true(is_there(0, "kept"));
		assert_true(is_there(1, "unsure"));
		assert_true(is_there(2, "next"));
	}
}

/* The records of one produce are large enough for an index entry of their own. */
static struct produce_response_partition ask_produce_large(const char *topic)
{
	static char value[5000];

	memset(value, 'x', sizeof(value) - 1);
	return ask_produce(topic, value);
}

static void fill_disk(void *arg)
{
	struct disk_space space;

	(void)arg;
	assert_int_equal(env_space(sim_env(w->sim, NODE), "/data", &space), 0);
	sim_world_options(w->sim)->disk_bytes = space.total - space.usable;
}

static bool can_produce(void)
{
	return ask_produce_large("t").error_code == 0;
}

static void a_full_disk_is_started_on_for_readers_and_heals(void **state)
{
	int64_t room = sim_world_options(w->sim)->disk_bytes;
	struct fetch_response_partition f;
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ask_produce_large("t").base_offset, i);
	sim_crash(w->sim, NODE, SIM_KILL);
	sim_restart(w->sim, NODE);
	assert_true(sim_call(w->sim, NODE, fill_disk, NULL));
	bring_up();
	client_open(&w->a);
	send_fetch(&w->a, "t", 9, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_true(f.records.len > 5000);
	assert_int_equal(ask_produce_large("t").error_code, ERR_KAFKA_STORAGE_ERROR);
	ask_metadata("another", &out); /* written into the reserve */
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_int_equal(ask_produce_large("another").error_code, ERR_KAFKA_STORAGE_ERROR);
	sim_world_options(w->sim)->disk_bytes = room;
	sim_run_for(w->sim, 10000);
	assert_true(can_produce());
	assert_int_equal(ask_produce("t", "next").base_offset, 11);
}

static void a_metadata_flush_without_a_descriptor_is_tried_again(void **state)
{
	struct metadata_response out;

	(void)state;
	sim_fail_next_sync_with(w->sim, NODE, -EMFILE);
	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_false(w->stopped);
	assert_int_equal(ask_produce("t", "kept").base_offset, 0);
}

static int64_t changes_upto;

static bool is_at_the_sync(void *arg)
{
	(void)arg;
	return sim_disk_ops(w->sim, NODE) >= changes_upto || w->stopped || w->serving;
}

/* The sync of whatever is written fails at each moment of a start, quorum-state included. */
static void a_start_without_a_descriptor_for_a_while_is_a_later_one(void **state)
{
	(void)state;
	for (int at = 0; at < 24; at++) {
		bring_down();
		w->serving = w->stopped = false;
		changes_upto = sim_disk_ops(w->sim, NODE) + at;
		assert_true(sim_call(w->sim, NODE, start_node, NULL));
		assert_true(sim_run_until(w->sim, PATIENCE_MS, is_at_the_sync, NULL));
		sim_fail_next_sync_with(w->sim, NODE, -EMFILE);
		assert_true(sim_run_until(w->sim, PATIENCE_MS, is_serving, NULL));
		sim_fail_next_sync_with(w->sim, NODE, 0);
	}
	bring_down();
}

static void after_a_clean_stop_it_goes_on(void **state)
{
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "one").base_offset, 0);
	bring_down();
	bring_up();
	client_open(&w->a);
	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
	assert_int_equal(ask_produce("t", "two").base_offset, 1);
}

/* Syncs are most of what a start needs, and of what an idle node does. */
static void a_restart_and_an_idle_minute_change_little_on_the_disk(void **state)
{
	int64_t before;

	bring_down();
	before = sim_disk_ops(w->sim, NODE);
	bring_up();
	assert_in_range(sim_disk_ops(w->sim, NODE) - before, 1, 24);
	before = sim_disk_ops(w->sim, NODE);
	sim_run_for(w->sim, 60000);
	assert_in_range(sim_disk_ops(w->sim, NODE) - before, 1,
			150); /* two no-op records per second, hardly ever flushed */
	bring_down();
}

static void start_refused(void *arg)
{
	struct config_input in = {.data_dir = STR("/data"), .overrides = w->overrides};
	struct config_notes notes;
	enum node_end end = NODE_END_CLEAN;

	config_load(&in, &w->config, &notes);
	config_notes_fini(&notes);
	assert_null(node_start(
		&(struct node_options){.env = sim_env(w->sim, NODE), .config = w->config, .release = "test"}, &end));
	assert_int_equal(end, NODE_END_STORAGE);
	config_free(w->config);
	(void)arg;
}

static void logs_without_meta_properties_are_not_made_another_clusters(void **state)
{
	struct env *env = sim_env(w->sim, NODE);
	struct metadata_response out;

	(void)state;
	ask_metadata("t", &out);
	assert_int_equal(ask_produce("t", "one").base_offset, 0);
	bring_down();
	assert_int_equal(env_rename(env, "/data/meta.properties", "/data/kept"), 0);
	assert_true(sim_call(w->sim, NODE, start_refused, NULL));
	assert_int_equal(env_rename(env, "/data/kept", "/data/meta.properties"), 0);
	bring_up();
	client_open(&w->a);
	assert_int_equal(ask_produce("t", "two").base_offset, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, node_world_up, node_world_down)
	const struct CMUnitTest tests[] = {
		TEST(a_stopped_node_has_given_everything_back),
		TEST(a_topic_that_is_asked_for_has_a_leader_in_the_answer),
		TEST(a_topic_that_is_asked_for_has_as_many_partitions_as_the_node_says),
		TEST(a_name_that_is_not_legal_makes_no_topic),
		TEST(a_batch_with_a_wrong_crc_is_refused_and_nothing_is_written),
		TEST(without_acks_nothing_is_answered_and_the_next_request_is),
		TEST(without_acks_an_error_closes_the_connection),
		TEST(acks_of_two_are_refused),
		TEST(a_version_of_the_future_is_told_which_are_served),
		TEST(produce_is_advertised_from_version_0),
		TEST(a_key_that_is_not_served_closes_the_connection),
		TEST(each_producer_has_an_id_of_its_own),
		TEST(after_a_kill_every_acknowledged_record_is_there),
		TEST(where_every_message_is_flushed_power_loss_loses_nothing),
		TEST(a_topic_made_again_does_not_begin_where_the_old_one_stood),
		TEST(nor_does_it_when_the_node_dies_at_once),
		TEST(a_failed_sync_ends_the_node_and_the_next_start_goes_on),
		TEST(what_a_failed_sync_left_in_the_cache_is_written_again_before_it_is_shown),
		TEST(a_full_disk_is_started_on_for_readers_and_heals),
		TEST(a_metadata_flush_without_a_descriptor_is_tried_again),
		TEST(a_start_without_a_descriptor_for_a_while_is_a_later_one),
		TEST(after_a_clean_stop_it_goes_on),
		TEST(a_restart_and_an_idle_minute_change_little_on_the_disk),
		TEST(logs_without_meta_properties_are_not_made_another_clusters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
