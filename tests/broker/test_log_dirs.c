/*
 * log_dirs: a node with several log directories in the simulator: where replicas go, and what
 * happens when a directory fails before the node has started.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "log/dir.h"
#include "protocol/create_topics.h"
#include "protocol/delete_records.h"
#include "protocol/describe_log_dirs.h"
#include "protocol/describe_topic_partitions.h"
#include "protocol/incremental_alter_configs.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#define PARTITIONS 4
#define CONTROLLER_PORT 9093

/* ---- questions ---- */

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
	create_topic_with("t", PARTITIONS, NULL);
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

/* As Fetch of this version reports it. */
static int fetch_error(int version, int32_t partition)
{
	struct fetch_response out;
	struct fetch_of f;

	fetch_one(&f, "t", 0);
	f.partitions[0].partition = partition;
	client_send(&w->a, &fetch_request_schema, version, &f.in);
	client_take(&w->a, &fetch_response_schema, version, &out);
	return out.responses.v[0].partitions.v[0].error_code;
}

/* The replicas of "t" in a directory that has failed are told to clients, by both APIs that can tell it. */
static void assert_told_offline(const bool *lost)
{
	struct describe_topic_partitions_request_topic t = {STR("t")};
	struct describe_topic_partitions_request in;
	struct describe_topic_partitions_response described;
	struct metadata_response out;

	codec_init(&describe_topic_partitions_request_schema, &in);
	in.topics.v = &t;
	in.topics.n = 1;
	ask_metadata("t", &out);
	for (int i = 0; i < PARTITIONS; i++) {
		assert_int_equal(out.topics.v[0].partitions.v[i].partition_index, i);
		assert_int_equal(out.topics.v[0].partitions.v[i].offline_replicas.n, lost[i]);
	}
	client_send(&w->a, &describe_topic_partitions_request_schema, 0, &in);
	client_take(&w->a, &describe_topic_partitions_response_schema, 0, &described);
	for (int i = 0; i < PARTITIONS; i++)
		assert_int_equal(described.topics.v[0].partitions.v[i].offline_replicas.n, lost[i]);
}

static void a_directory_that_cannot_be_read_at_the_start_is_offline(void **state)
{
	struct describe_log_dirs_response d = describe();
	bool lost[PARTITIONS];

	(void)state;
	for (int i = 0; i < PARTITIONS; i++)
		lost[i] = is_in(&d, "/more", i);
	assert_told_offline((const bool[PARTITIONS]){false});
	bring_down();
	sim_bad_range(w->sim, NODE, "/more/meta.properties", 0, 1);
	bring_up();
	client_open(&w->a);
	d = describe();
	assert_int_equal(dir_in(&d, "/more")->error_code, ERR_KAFKA_STORAGE_ERROR);
	assert_int_equal(dir_in(&d, "/data")->error_code, 0);
	for (int i = 0; i < PARTITIONS; i++) /* none is created again elsewhere */
		assert_int_equal(produce_to("t", i, "second").error_code, lost[i] ? ERR_KAFKA_STORAGE_ERROR : 0);
	assert_told_offline(lost);
	for (int i = 0; i < PARTITIONS; i++) {
		assert_int_equal(fetch_error(6, i), lost[i] ? ERR_KAFKA_STORAGE_ERROR : 0);
		assert_int_equal(fetch_error(5, i), lost[i] ? ERR_NOT_LEADER_OR_FOLLOWER : 0); /* which it knows */
	}
	create_topic_with("new", PARTITIONS, NULL);
	for (int i = 0; i < PARTITIONS; i++)
		assert_int_equal(produce_to("new", i, "first").error_code, 0);
	bring_down();
}

/* It was formatted and registered; what it holds was not read. */
static void nor_is_a_replica_of_one_that_fails_before_it_is_listed_created_elsewhere(void **state)
{
	struct describe_log_dirs_response d = describe();
	bool lost[PARTITIONS];

	(void)state;
	for (int i = 0; i < PARTITIONS; i++)
		lost[i] = is_in(&d, "/more", i);
	bring_down();
	bring_up_begin();
	sim_fail_device(w->sim, NODE, "/more", SIM_FAIL_READS);
	bring_up_end();
	client_open(&w->a);
	for (int i = 0; i < PARTITIONS; i++)
		assert_int_equal(produce_to("t", i, "second").error_code, lost[i] ? ERR_KAFKA_STORAGE_ERROR : 0);
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

/* The logs are not known yet: what the last run left has to stay as it is. */
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

/* ---- moving ---- */

static int16_t ask_to_move(int32_t partition, const char *path)
{
	struct alter_replica_log_dirs_response out;

	send_move("t", partition, path);
	client_take(&w->a, &alter_replica_log_dirs_response_schema, 2, &out);
	return out.results.v[0].partitions.v[0].error_code;
}

static const struct describe_log_dirs_response_partition *row_of(const struct describe_log_dirs_response *d,
								 const char *path, int32_t partition, bool future)
{
	const struct describe_log_dirs_response_result *r = dir_in(d, path);

	for (int i = 0; i < r->topics.n; i++)
		for (int j = 0; j < r->topics.v[i].partitions.n; j++) {
			const struct describe_log_dirs_response_partition *p = &r->topics.v[i].partitions.v[j];

			if (p->partition_index == partition && p->is_future_key == future)
				return p;
		}
	return NULL;
}

static const char *home(int32_t partition)
{
	struct describe_log_dirs_response d = describe();

	return row_of(&d, "/more", partition, false) ? "/more" : "/data";
}

static const char *other(const char *path)
{
	return strcmp(path, "/data") == 0 ? "/more" : "/data";
}

static bool is_moving(int32_t partition)
{
	struct describe_log_dirs_response d = describe();

	return row_of(&d, "/more", partition, true) || row_of(&d, "/data", partition, true);
}

static void await_move(int32_t partition, const char *to)
{
	for (int i = 0; i < 1000 && (is_moving(partition) || strcmp(home(partition), to) != 0); i++)
		sim_run_for(w->sim, 10);
	assert_false(is_moving(partition));
	assert_string_equal(home(partition), to);
}

/* Every offset from first to end exists. */
static void assert_all(int32_t partition, int64_t first, int64_t end)
{
	for (int64_t at = first; at < end;) {
		struct fetch_of f;
		struct fetch_response out;
		struct batch_iter it;

		fetch_one(&f, "t", at);
		f.partitions[0].partition = partition;
		client_send(&w->a, &fetch_request_schema, 12, &f.in);
		client_take(&w->a, &fetch_response_schema, 12, &out);
		assert_int_equal(out.responses.v[0].partitions.v[0].error_code, 0);
		assert_true(out.responses.v[0].partitions.v[0].high_watermark >= end);
		it = batch_iter(out.responses.v[0].partitions.v[0].records.p,
				(size_t)out.responses.v[0].partitions.v[0].records.len);
		while (batch_next(&it)) {
			assert_true(batch_crc_ok(it.p, &it.header));
			assert_true(it.header.base_offset <= at);
			at = batch_last_offset(&it.header) + 1;
		}
		assert_true(it.pos > 0);
	}
}

struct names {
	char text[1000];
	const char *dir;
};

static int note_name(void *arg, const char *name, bool is_dir)
{
	struct names *n = arg;

	/* Between its two renames a move has two directories of this name, since one was put aside. */
	if (is_dir && strncmp(name, "t-0", 3) == 0 && !strstr(name, "-stray"))
		snprintf(n->text + strlen(n->text), sizeof(n->text) - strlen(n->text), "%s ",
			 strstr(name, "-delete")   ? "deleted"
			 : strstr(name, "-future") ? "future"
						   : name);
	return 0;
}

static void list_names(void *arg)
{
	struct names *n = arg;

	check(env_list(sim_env(w->sim, NODE), n->dir, note_name, n) == 0);
}

static struct names names_in(const char *dir)
{
	struct names n = {.dir = dir};

	assert_true(sim_call(w->sim, NODE, list_names, &n));
	return n;
}

static void a_replica_is_moved_with_all_it_has(void **state)
{
	const char *from = home(0), *to = other(from);
	struct describe_log_dirs_response d;

	(void)state;
	for (int i = 1; i < 30; i++)
		assert_int_equal(produce_to("t", 0, "more").base_offset, i);
	delete_records(0, 5);
	assert_int_equal(ask_to_move(0, "/nowhere"), ERR_LOG_DIR_NOT_FOUND);
	assert_int_equal(ask_to_move(0, from), 0);
	assert_false(is_moving(0));
	sim_world_options(w->sim)->slow_work = 1000000;
	assert_int_equal(ask_to_move(0, to), 0);
	d = describe();
	assert_non_null(row_of(&d, to, 0, true));
	assert_int_equal(row_of(&d, to, 0, true)->offset_lag, 30);
	assert_non_null(row_of(&d, from, 0, false));
	assert_int_equal(produce_to("t", 0, "meanwhile").base_offset, 30);
	sim_world_options(w->sim)->slow_work = 0;
	await_move(0, to);
	assert_string_equal(names_in(to).text, "t-0 ");
	assert_string_equal(names_in(from).text, "deleted ");
	assert_int_equal(produce_to("t", 0, "after").base_offset, 31);
	assert_int_equal(produce_to("t", 0, "after").log_start_offset, 5);
	assert_all(0, 5, 33);
	sim_run_for(w->sim, 61000);
	assert_string_equal(names_in(from).text, "");
	for (int round = 0; round < 2; round++) {
		if (round == 0) {
			bring_down();
		} else {
			sim_crash(w->sim, NODE, SIM_KILL);
			sim_restart(w->sim, NODE);
		}
		bring_up();
		client_open(&w->a);
		assert_string_equal(home(0), to);
		assert_all(0, 5, 33);
	}
	bring_down();
}

static void no_more_replicas_are_copied_at_once_than_there_are_threads_for_it(void **state)
{
	const char *to[PARTITIONS];
	struct sim_held held;

	(void)state;
	for (int i = 0; i < PARTITIONS; i++) {
		produce_to("t", i, "kept");
		to[i] = other(home(i));
	}
	sim_world_options(w->sim)->slow_work = 1000000;
	for (int i = 0; i < PARTITIONS; i++)
		assert_int_equal(ask_to_move(i, to[i]), 0);
	sim_held(w->sim, NODE, &held);
	assert_int_equal(held.works, 2); /* one per directory */
	sim_world_options(w->sim)->slow_work = 0;
	for (int i = 0; i < PARTITIONS; i++)
		await_move(i, to[i]);
	bring_down();
}

static void set_move_rate(const char *rate)
{
	struct incremental_alter_configs_request_config c = {STR("replica.alter.log.dirs.io.max.bytes.per.second"), 0,
							     str_of(rate)};
	struct incremental_alter_configs_request_resource r = {4, STR(""), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	client_send(&w->a, &incremental_alter_configs_request_schema, 1, &in);
	client_take(&w->a, &incremental_alter_configs_response_schema, 1, &out);
	assert_int_equal(out.responses.v[0].error_code, 0);
}

/*
 * The first batch copied is more than the rate allows: the second one waits until the first is
 * forgotten or the rate changes.
 */
static void replicas_are_moved_at_the_rate_that_is_said(void **state)
{
	const char *to[2];

	(void)state;
	set_move_rate("1");
	for (int i = 0; i < 2; i++) {
		to[i] = other(home(i));
		produce_to("t", i, "kept");
	}
	assert_int_equal(ask_to_move(0, to[0]), 0);
	await_move(0, to[0]);
	assert_int_equal(ask_to_move(1, to[1]), 0);
	sim_run_for(w->sim, 8000);
	assert_true(is_moving(1));
	set_move_rate("1000000");
	await_move(1, to[1]);
	bring_down();
}

/* ---- cordoned directories ---- */

/* dirs: NULL takes the setting back. */
static int16_t cordon_by(struct client *asker, const char *dirs)
{
	struct incremental_alter_configs_request_config c = {STR("cordoned.log.dirs"), dirs ? 0 : 1, str_of(dirs)};
	struct incremental_alter_configs_request_resource r = {4, STR("1"), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	client_send(asker, &incremental_alter_configs_request_schema, 1, &in);
	client_take(asker, &incremental_alter_configs_response_schema, 1, &out);
	return out.responses.v[0].error_code;
}

static int16_t cordon(const char *dirs)
{
	return cordon_by(&w->a, dirs);
}

static int16_t create_one(const char *name)
{
	struct create_topics_request_topic topic;
	struct create_topics_request in;
	struct create_topics_response out;

	codec_init(&create_topics_request_schema, &in);
	codec_init(&create_topics_request_topic_schema, &topic);
	topic.name = str_of(name);
	topic.num_partitions = 1;
	topic.replication_factor = 1;
	in.topics.v = &topic;
	in.topics.n = 1;
	in.timeout_ms = 10000;
	in.validate_only = true;
	client_send(&w->a, &create_topics_request_schema, 7, &in);
	client_take(&w->a, &create_topics_response_schema, 7, &out);
	return out.topics.v[0].error_code;
}

/* The controller knows it from a heartbeat. */
static void await_creation(int16_t error)
{
	for (int i = 0; i < 1000 && create_one("other") != error; i++)
		sim_run_for(w->sim, 10);
	assert_int_equal(create_one("other"), error);
}

static bool is_cordoned(const char *path)
{
	struct describe_log_dirs_request in;
	struct describe_log_dirs_response out;

	codec_init(&describe_log_dirs_request_schema, &in);
	in.topics.n = -1;
	client_send(&w->a, &describe_log_dirs_request_schema, 5, &in);
	client_take(&w->a, &describe_log_dirs_response_schema, 5, &out);
	return dir_in(&out, path)->is_cordoned;
}

static void await_cordon(const char *path, bool cordoned)
{
	for (int i = 0; i < 1000 && is_cordoned(path) != cordoned; i++)
		sim_run_for(w->sim, 10);
	assert_int_equal(is_cordoned(path), cordoned);
}

static void a_cordoned_directory_gets_no_new_replicas(void **state)
{
	struct describe_log_dirs_response d;
	int32_t at_data = strcmp(home(0), "/data") == 0 ? 0 : 1;

	(void)state;
	assert_int_equal(cordon("/nowhere"), ERR_INVALID_REQUEST);
	assert_int_equal(cordon("*,/more"), ERR_INVALID_REQUEST);
	assert_int_equal(cordon("/more"), 0);
	await_cordon("/more", true);
	assert_false(is_cordoned("/data"));
	create_topic_with("new", PARTITIONS, NULL);
	for (int i = 0; i < PARTITIONS; i++)
		assert_int_equal(produce_to("new", i, "first").error_code, 0);
	d = describe();
	assert_int_equal(replicas_in(&d, "/more"), PARTITIONS / 2);
	assert_int_equal(replicas_in(&d, "/data"), PARTITIONS / 2 + PARTITIONS);
	assert_string_equal(home(at_data), "/data");
	assert_int_equal(ask_to_move(at_data, "/more"), ERR_INVALID_REPLICA_ASSIGNMENT);
	assert_int_equal(cordon(""), 0);
	await_cordon("/more", false);
	assert_int_equal(ask_to_move(at_data, "/more"), 0);
	await_move(at_data, "/more");
	bring_down();
}

static void at_the_controller_directories_are_only_taken_out_of_the_list(void **state)
{
	(void)state;
	client_open_at(&w->b, CONTROLLER_PORT);
	assert_int_equal(cordon_by(&w->b, "/more"), ERR_INVALID_CONFIG);
	assert_int_equal(cordon("/data, /more"), 0);
	await_cordon("/data", true);
	assert_int_equal(cordon_by(&w->b, "/more,/nowhere"), ERR_INVALID_CONFIG);
	assert_int_equal(cordon_by(&w->b, "/more"), 0);
	await_cordon("/data", false);
	assert_true(is_cordoned("/more"));
	assert_int_equal(cordon_by(&w->b, "/data"), ERR_INVALID_CONFIG);
	assert_int_equal(cordon_by(&w->b, NULL), 0);
	await_cordon("/more", false);
	bring_down();
}

static void a_broker_with_nothing_but_cordoned_directories_gets_no_new_partitions(void **state)
{
	(void)state;
	await_creation(0);
	assert_int_equal(cordon("*"), 0);
	await_creation(ERR_INVALID_REPLICATION_FACTOR);
	assert_int_equal(produce_to("t", 0, "second").error_code, 0);
	bring_down();
	bring_up(); /* said again after a start, and before the first replica could be placed */
	client_open(&w->a);
	await_creation(ERR_INVALID_REPLICATION_FACTOR);
	assert_int_equal(cordon("/data"), 0);
	await_creation(0);
	bring_down();
	w->overrides[1] = "cordoned.log.dirs=*"; /* the dynamic one is stronger */
	bring_up();
	client_open(&w->a);
	await_creation(0);
	bring_down();
}

static void what_is_cordoned_at_the_start_is_told_without_a_dynamic_setting(void **state)
{
	(void)state;
	bring_down();
	w->overrides[1] = "cordoned.log.dirs=/data,/more";
	bring_up();
	client_open(&w->a);
	await_creation(ERR_INVALID_REPLICATION_FACTOR);
	assert_true(is_cordoned("/data"));
	bring_down();
}

static void a_move_can_be_taken_back_and_ends_with_its_topic(void **state)
{
	const char *from = home(0), *to = other(from);

	(void)state;
	sim_world_options(w->sim)->slow_work = 1000000;
	assert_int_equal(ask_to_move(0, to), 0);
	assert_int_equal(ask_to_move(0, from), 0);
	sim_world_options(w->sim)->slow_work = 0;
	await_move(0, from);
	assert_int_equal(produce_to("t", 0, "second").base_offset, 1);
	sim_world_options(w->sim)->slow_work = 1000000;
	assert_int_equal(ask_to_move(0, to), 0);
	delete_topic("t");
	sim_world_options(w->sim)->slow_work = 0;
	sim_run_for(w->sim, 70000);
	assert_string_equal(names_in(from).text, "");
	assert_string_equal(names_in(to).text, "");
	create_topic_with("t", PARTITIONS, NULL);
	assert_int_equal(produce_to("t", 0, "again").base_offset, 0);
	bring_down();
}

/* Under a producer that never rests. */
static void a_move_comes_to_its_end_while_it_is_appended_to(void **state)
{
	const char *from = home(0), *to = other(from);
	int64_t end = 1;

	(void)state;
	assert_int_equal(ask_to_move(0, to), 0);
	for (int i = 0; i < 300; i++) {
		struct produce_response_partition p = produce_to("t", 0, "more");

		assert_true(p.error_code == 0 || p.error_code == ERR_NOT_LEADER_OR_FOLLOWER);
		if (p.error_code == 0)
			assert_int_equal(p.base_offset, end++);
	}
	await_move(0, to);
	assert_all(0, 0, end);
	bring_down();
}

/* Its swap comes when the cores are stopping already: the next start removes the files that it leaves. */
static void a_move_that_ends_late_holds_no_stop_up(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		produce_to("t", 0, "more");
		send_move("t", 0, other(home(0)));
		sim_run_for(w->sim, 1 + i);
		sim_world_options(w->sim)->slow_work = 1000000; /* of jobs that begin now */
		sim_run_for(w->sim, 1);
		sim_world_options(w->sim)->slow_work = 0;
		w->stopped = false;
		assert_true(sim_call(w->sim, NODE, stop_node, NULL));
		assert_true(sim_run_until(w->sim, 20000, has_stopped, NULL));
		assert_true(sim_call(w->sim, NODE, free_stopped, NULL));
		bring_up();
		client_open(&w->a);
		sim_run_for(w->sim, 3000);
	}
	bring_down();
}

static int n_checkpointed;

/* Counts the partitions, without the first, whose recovery point is their end. */
static void count_checkpointed(void *arg)
{
	static const char *const FILES[] = {"/data/recovery-point-offset-checkpoint",
					    "/more/recovery-point-offset-checkpoint"};
	int64_t end = *(int64_t *)arg;

	n_checkpointed = 0;
	for (int i = 0; i < 2; i++) {
		char *text;
		size_t len;

		if (env_read_file(sim_env(w->sim, NODE), FILES[i], 4096, &text, &len))
			continue;
		for (int p = 1; p < PARTITIONS; p++) {
			char line[32];

			snprintf(line, sizeof(line), "t %d %lld\n", p, (long long)end);
			n_checkpointed += strstr(text, line) != NULL;
		}
		xfree(text);
	}
}

/*
 * Each descriptor that the stop asks for is refused in turn: a log that cannot be closed does not
 * keep others from being closed.
 */
static void a_replica_on_its_way_that_cannot_be_closed_leaves_the_others_closed(void **state)
{
	int64_t end = 1;

	(void)state;
	for (int n = 1; n < 40; n++) {
		for (int i = 0; i < PARTITIONS; i++)
			produce_to("t", i, "more");
		end++;
		send_move("t", 0, other(home(0)));
		sim_run_for(w->sim, 1 + n % 3);
		sim_refuse_descriptors(w->sim, NODE, n, 0);
		w->stopped = false;
		assert_true(sim_call(w->sim, NODE, stop_node, NULL));
		assert_true(sim_run_until(w->sim, PATIENCE_MS, has_stopped, NULL));
		assert_true(sim_call(w->sim, NODE, count_checkpointed, &end));
		assert_true(n_checkpointed > 0);
		sim_crash(w->sim, NODE, SIM_KILL);
		sim_restart(w->sim, NODE);
		sim_refuse_descriptors(w->sim, NODE, 0, 0);
		bring_up();
		client_open(&w->a);
		sim_run_for(w->sim, 3000);
	}
	bring_down();
}

/* From the moment it is asked to move a replica, the node dies at each change of its disk in turn. */
static bool dies_on_the_way(int64_t op, enum sim_crash how)
{
	const char *to = other(home(0));
	int64_t end = 0;
	bool died;

	for (int i = 0; i < 8; i++)
		end = produce_to("t", 0, "kept").base_offset + 1;
	sim_crash_at_disk_op(w->sim, NODE, op, how);
	send_move("t", 0, to);
	sim_run_for(w->sim, 2000);
	died = sim_is_down(w->sim, NODE);
	sim_crash_at_disk_op(w->sim, NODE, 0, how); /* no later crash */
	if (died)
		sim_restart(w->sim, NODE);
	else
		bring_down();
	bring_up();
	client_open(&w->a);
	sim_run_for(w->sim, 5000);
	assert_false(is_moving(0));
	assert_all(0, 0, end);
	assert_int_equal(produce_to("t", 0, "next").base_offset, end);
	assert_string_equal(names_in(home(0)).text, "t-0 ");
	assert_null(strstr(names_in(other(home(0))).text, "t-0"));
	return died;
}

static void crash_at_every_change(enum sim_crash how)
{
	int64_t op = 1;

	while (dies_on_the_way(op, how)) {
		op++;
		sim_run_for(w->sim, 61000);
	}
	assert_true(op > 20);
	bring_down();
}

static void a_move_survives_a_kill_at_any_change_of_the_disk(void **state)
{
	(void)state;
	crash_at_every_change(SIM_KILL);
}

static void where_every_message_is_flushed_it_survives_power_cuts_too(void **state)
{
	(void)state;
	bring_down();
	w->overrides[1] = "log.flush.interval.messages=1";
	bring_up();
	client_open(&w->a);
	produce_to("t", 0, "flushed");
	crash_at_every_change(SIM_POWER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, node_world_down)
	const struct CMUnitTest tests[] = {
		TEST(a_new_replica_goes_where_there_are_fewest),
		TEST(a_directory_that_cannot_be_read_at_the_start_is_offline),
		TEST(nor_is_a_replica_of_one_that_fails_before_it_is_listed_created_elsewhere),
		TEST(without_the_metadata_or_with_another_cluster_s_directory_it_does_not_start),
		TEST(a_stop_before_the_logs_are_open_is_no_clean_one),
		TEST(a_replica_is_moved_with_all_it_has),
		TEST(no_more_replicas_are_copied_at_once_than_there_are_threads_for_it),
		TEST(replicas_are_moved_at_the_rate_that_is_said),
		TEST(a_cordoned_directory_gets_no_new_replicas),
		TEST(at_the_controller_directories_are_only_taken_out_of_the_list),
		TEST(a_broker_with_nothing_but_cordoned_directories_gets_no_new_partitions),
		TEST(what_is_cordoned_at_the_start_is_told_without_a_dynamic_setting),
		TEST(a_move_can_be_taken_back_and_ends_with_its_topic),
		TEST(a_move_comes_to_its_end_while_it_is_appended_to),
		TEST(a_move_that_ends_late_holds_no_stop_up),
		TEST(a_replica_on_its_way_that_cannot_be_closed_leaves_the_others_closed),
		TEST(a_move_survives_a_kill_at_any_change_of_the_disk),
		TEST(where_every_message_is_flushed_it_survives_power_cuts_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
