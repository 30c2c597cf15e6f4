/*
 * A node compacts its topics: it finds them itself, the result survives kills, power cuts and
 * stops, and a cleaning is given up when its topic goes.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#define TOPIC "compacted"
#define A_WHILE_MS 40000 /* the cleaner looks twice */

static int64_t timestamp;

static void create(const char *policy)
{
	const char *settings[] = {
		"cleanup.policy",      policy, "segment.ms", "500", "min.cleanable.dirty.ratio", "0.01",
		"delete.retention.ms", "1000", NULL};

	create_topic_with(TOPIC, 1, settings);
}

/* One record per batch, one batch per segment. A null value is a tombstone. */
static struct produce_response_partition ask_put(const char *key, const char *value)
{
	struct produce_response out;
	struct batch_builder builder;
	struct buf b = {0};

	timestamp += 1000;
	batch_begin(&builder, &b, &BATCH_OPTIONS_NONE);
	batch_add(&builder, timestamp, key ? (struct bytes){(const uint8_t *)key, (int32_t)strlen(key)} : BYTES_NULL,
		  value ? (struct bytes){(const uint8_t *)value, (int32_t)strlen(value)} : BYTES_NULL);
	batch_end(&builder);
	put_i32(b.p + BATCH_AT_LEADER_EPOCH, -1);
	batch_crc_set(b.p, b.len);
	send_produce(&w->a, TOPIC, (struct records){.p = b.p, .len = (int32_t)b.len}, -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	buf_fini(&b);
	return out.responses.v[0].partition_responses.v[0];
}

static int16_t put(const char *key, const char *value)
{
	return ask_put(key, value).error_code;
}

/* "offset:value ..." of all the records there are. */
static const char *all(void)
{
	static char text[4096];
	int64_t at = 0;

	text[0] = '\0';
	while (true) {
		send_fetch(&w->a, TOPIC, at, 0);
		struct fetch_response_partition f = take_fetch(&w->a);
		struct record r;

		assert_int_equal(f.error_code, 0);
		if (f.records.len == 0)
			return text;
		for (struct batch_iter it = batch_iter(f.records.p, (size_t)f.records.len); batch_next(&it);) {
			struct record_iter records = record_iter(&it.header, it.p + BATCH_HEADER_SIZE,
								 (size_t)batch_size(&it.header) - BATCH_HEADER_SIZE);

			assert_true(batch_crc_ok(it.p, &it.header));
			at = batch_last_offset(&it.header) + 1;
			while (record_next(&records, &r))
				snprintf(text + strlen(text), sizeof(text) - strlen(text), "%lld:%.*s ",
					 (long long)r.offset, r.value.p ? r.value.len : 1,
					 r.value.p ? (const char *)r.value.p : "-");
		}
	}
}

static void fill(void)
{
	assert_int_equal(put("a", "one"), 0);
	assert_int_equal(put("b", "two"), 0);
	assert_int_equal(put("a", "three"), 0);
	assert_int_equal(put("c", "four"), 0);
	assert_int_equal(put("c", NULL), 0);
	assert_int_equal(put("a", "six"), 0); /* in the active segment, which is not cleaned */
}

static int set_up(void **state)
{
	timestamp = 1700000000000;
	return node_world_up(state);
}

static void a_compacted_topic_keeps_the_newest_of_each_key(void **state)
{
	create("compact");
	fill();
	assert_string_equal(all(), "0:one 1:two 2:three 3:four 4:- 5:six ");
	sim_run_for(w->sim, A_WHILE_MS);
	assert_string_equal(all(), "1:two 2:three 4:- 5:six ");
	assert_int_equal(put("d", "seven"), 0);
	sim_run_for(w->sim, A_WHILE_MS);
	assert_string_equal(all(), "1:two 5:six 6:seven ");
}

static void what_was_compacted_stays_so_after_a_kill_and_a_power_cut_and_a_stop(void **state)
{
	create("compact");
	fill();
	sim_run_for(w->sim, A_WHILE_MS);
	for (int i = 0; i < 3; i++) {
		if (i < 2) {
			sim_crash(w->sim, NODE, i == 0 ? SIM_KILL : SIM_POWER);
			sim_restart(w->sim, NODE);
		} else {
			bring_down();
		}
		bring_up();
		client_open(&w->a);
		assert_true(strncmp(all(), "1:two 2:three 4:- ", strlen("1:two 2:three 4:- ")) == 0);
	}
}

/* Kills, power cuts, stops and deletions at many moments around a cleaning. */
static void a_cleaning_may_be_ended_at_any_moment(void **state)
{
	for (int i = 0; i < 24; i++) {
		if (i > 0)
			set_up(state);
		create("compact");
		fill();
		sim_run_for(w->sim, 14000 + 60 * i);
		if (i % 4 == 0) {
			delete_topic(TOPIC);
			sim_run_for(w->sim, 3000);
			create("compact");
			assert_int_equal(put("x", "again"), 0);
			assert_string_equal(all(), "0:again ");
		} else {
			if (i % 4 == 1) {
				bring_down();
			} else {
				sim_crash(w->sim, NODE, i % 4 == 2 ? SIM_KILL : SIM_POWER);
				sim_restart(w->sim, NODE);
			}
			bring_up();
			client_open(&w->a);
			sim_run_for(w->sim, A_WHILE_MS);
			assert_non_null(strstr(all(), "1:two 2:three "));
			assert_null(strstr(all(), "0:one"));
		}
		if (i < 23)
			node_world_down(state);
	}
}

static void a_record_without_a_key_is_refused(void **state)
{
	struct produce_response_partition p;

	create("compact");
	p = ask_put(NULL, "value");
	assert_int_equal(p.error_code, ERR_INVALID_RECORD);
	assert_int_equal(p.base_offset, -1);
	assert_int_equal(p.record_errors.n, 1); /* clients name the record by this */
	assert_int_equal(p.record_errors.v[0].batch_index, 0);
	assert_true(str_is(p.record_errors.v[0].batch_index_error_message,
			   "Compacted topic cannot accept message without key in topic partition " TOPIC "-0"));
	assert_false(str_is_null(p.error_message));
	assert_int_equal(put("key", "value"), 0);
}

/* The records are from 1970: older than retention.ms. */
static void a_topic_of_both_policies_is_compacted_and_deleted_from(void **state)
{
	struct fetch_response_partition f;

	create("compact,delete");
	timestamp = 1000;
	fill();
	sim_run_for(w->sim, A_WHILE_MS);
	send_fetch(&w->a, TOPIC, 0, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, ERR_OFFSET_OUT_OF_RANGE);
	timestamp = env_wall_ms(sim_env(w->sim, NODE)) - 10000;
	fill();
	sim_run_for(w->sim, A_WHILE_MS);
	send_fetch(&w->a, TOPIC, 6, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_value(f.records, "two"); /* the record at 8 shadows the one at 6 */
}

/* ---- what befalls a node in the middle of a cleaning ---- */

#define TO_THE_FIRST_LOOK_MS 15000
#define CLEAN_STOP_MS 10000
#define MORE "/more"

/* Two directories, and a cleaning slow enough to take a while. */
static void slow_up(void **state, const char *bytes_per_second)
{
	set_up(state);
	bring_down();
	w->overrides[0] = "log.dirs=/data," MORE;
	w->overrides[1] = bytes_per_second;
	bring_up();
	client_open(&w->a);
	create("compact");
	fill();
}

static int n_names;

static int count_replica(void *arg, const char *name, bool is_dir)
{
	(void)arg;
	n_names += is_dir && strcmp(name, TOPIC "-0") == 0;
	return 0;
}

static void count_replicas(void *arg)
{
	n_names = 0;
	assert_int_equal(env_list(sim_env(w->sim, NODE), arg, count_replica, NULL), 0);
}

static bool is_in(const char *dir)
{
	assert_true(sim_call(w->sim, NODE, count_replicas, (void *)dir));
	return n_names > 0;
}

static const char *other_dir(void)
{
	return is_in(MORE) ? "/data" : MORE;
}

static void take_move(void)
{
	struct alter_replica_log_dirs_response out;

	client_take(&w->a, &alter_replica_log_dirs_response_schema, 2, &out);
	assert_int_equal(out.results.v[0].partitions.v[0].error_code, 0);
}

static void await_move(const char *to)
{
	for (int i = 0; i < CLEAN_STOP_MS / 10 && !is_in(to); i++)
		sim_run_for(w->sim, 10);
	assert_true(is_in(to));
}

static int64_t stop_ms(void)
{
	int64_t before = sim_now_ns(w->sim);

	bring_down();
	return (sim_now_ns(w->sim) - before) / 1000000;
}

static void assert_kept(void)
{
	assert_non_null(strstr(all(), "1:two 2:three "));
	assert_non_null(strstr(all(), "4:- 5:six "));
}

static void a_throttled_cleaning_holds_up_neither_a_stop_nor_a_move_nor_a_deletion(void **state)
{
	for (int i = 0; i < 3; i++) {
		const char *to;

		node_world_down(state);
		slow_up(state, "log.cleaner.io.max.bytes.per.second=1");
		sim_run_for(w->sim, TO_THE_FIRST_LOOK_MS + 1000);
		if (i == 0) {
			assert_in_range(stop_ms(), 0, CLEAN_STOP_MS);
			bring_up();
			client_open(&w->a);
			assert_kept();
		} else if (i == 1) {
			to = other_dir();
			send_move(TOPIC, 0, to);
			take_move();
			await_move(to);
			assert_kept();
		} else {
			delete_topic(TOPIC);
			assert_in_range(stop_ms(), 0, CLEAN_STOP_MS);
			bring_up();
		}
	}
}

/*
 * In its new place the log is cleaned from its start: the delay of a tombstone that was cleaned
 * before may be over by then.
 */
static void assert_cleaned(void)
{
	const char *text = all();

	if (strstr(text, "4:-"))
		assert_string_equal(text, "1:two 2:three 4:- 5:six ");
	else
		assert_string_equal(text, "1:two 2:three 5:six ");
}

static void a_replica_may_be_moved_at_any_moment_of_its_cleaning(void **state)
{
	for (int i = 0; i < 24; i++) {
		const char *to;

		node_world_down(state);
		slow_up(state, "log.cleaner.io.max.bytes.per.second=400");
		sim_run_for(w->sim, TO_THE_FIRST_LOOK_MS - 300 + 100 * i);
		to = other_dir();
		send_move(TOPIC, 0, to);
		take_move();
		await_move(to);
		assert_kept();
		sim_run_for(w->sim, A_WHILE_MS);
		assert_cleaned();
		bring_down();
		bring_up();
		client_open(&w->a);
		assert_cleaned();
	}
}

static void lack_room(bool lacks)
{
	sim_set_disk_bytes(w->sim, NODE, lacks ? sim_disk_used(w->sim, NODE) : 0);
}

static void lack_descriptors(bool lacks)
{
	sim_refuse_descriptors(w->sim, NODE, lacks ? 1 : 0, INT32_MAX);
}

/* Either there is room again, or not before the node stops. */
static void lack_at_each_moment(void **state, void (*lack)(bool lacks))
{
	for (int i = 0; i < 30; i++) {
		node_world_down(state);
		slow_up(state, "log.cleaner.io.max.bytes.per.second=400");
		sim_run_for(w->sim, TO_THE_FIRST_LOOK_MS - 300 + 80 * i);
		lack(true);
		sim_run_for(w->sim, 3000);
		if (i % 3) {
			assert_true(sim_call(w->sim, NODE, stop_node, NULL));
			assert_true(sim_run_until(w->sim, CLEAN_STOP_MS, has_stopped, NULL));
			sim_crash(w->sim, NODE, SIM_KILL);
			sim_restart(w->sim, NODE);
		}
		lack(false);
		if (i % 3) {
			bring_up();
			client_open(&w->a);
		}
		assert_kept();
		sim_run_for(w->sim, 2 * A_WHILE_MS);
		assert_non_null(strstr(all(), "1:two 2:three ")); /* a second cleaning may have removed the tombstone */
		assert_non_null(strstr(all(), "5:six "));
		assert_null(strstr(all(), "0:one"));
		assert_int_equal(put("e", "eight"), 0);
	}
}

static void the_disk_may_fill_up_at_any_moment_of_a_cleaning(void **state)
{
	lack_at_each_moment(state, lack_room);
}

static void descriptors_may_run_out_at_any_moment_of_a_cleaning(void **state)
{
	lack_at_each_moment(state, lack_descriptors);
}

/*
 * Where every message is flushed: the node dies at the n-th change of the disk, counted from
 * shortly before the cleaning.
 */
static bool dies_at(int64_t op, enum sim_crash how)
{
	bool died;

	slow_up(&(void *){NULL}, "log.flush.interval.messages=1");
	sim_run_for(w->sim, TO_THE_FIRST_LOOK_MS - 200);
	assert_non_null(strstr(all(), "0:one"));
	sim_crash_at_disk_op(w->sim, NODE, op, how);
	sim_run_for(w->sim, 1000);
	died = sim_is_down(w->sim, NODE);
	sim_crash_at_disk_op(w->sim, NODE, 0, how); /* no later crash */
	if (died) {
		sim_restart(w->sim, NODE);
		bring_up();
		client_open(&w->a);
	}
	assert_kept();
	sim_run_for(w->sim, A_WHILE_MS);
	assert_kept();
	assert_null(strstr(all(), "0:one"));
	node_world_down(NULL);
	return died;
}

static void a_node_may_die_at_any_change_of_its_disk_by_a_cleaning(void **state)
{
	for (int how = SIM_KILL; how <= SIM_POWER; how++) {
		int64_t op = 1;

		node_world_down(state);
		while (dies_at(op, (enum sim_crash)how))
			op++;
		assert_true(op > 25);
		set_up(state);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, node_world_down)
	const struct CMUnitTest tests[] = {
		TEST(a_compacted_topic_keeps_the_newest_of_each_key),
		TEST(what_was_compacted_stays_so_after_a_kill_and_a_power_cut_and_a_stop),
		TEST(a_cleaning_may_be_ended_at_any_moment),
		TEST(a_throttled_cleaning_holds_up_neither_a_stop_nor_a_move_nor_a_deletion),
		TEST(a_replica_may_be_moved_at_any_moment_of_its_cleaning),
		TEST(the_disk_may_fill_up_at_any_moment_of_a_cleaning),
		TEST(descriptors_may_run_out_at_any_moment_of_a_cleaning),
		TEST(a_node_may_die_at_any_change_of_its_disk_by_a_cleaning),
		TEST(a_record_without_a_key_is_refused),
		TEST(a_topic_of_both_policies_is_compacted_and_deleted_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
