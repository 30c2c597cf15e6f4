/*
 * quorum: the carrier on the real environment, in a directory of its own: a node formats, leads,
 * registers its broker, takes requests, and finds everything again after a clean stop and after an
 * unclean one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/format.h"
#include "broker/quorum.h"
#include "broker/quorum_private.h"
#include "config/config.h"
#include "env/env.h"
#include "env/real/real.h"
#include "log/dir.h"
#include "metadata/version.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"
#include "protocol/describe_quorum.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/metadata_records.h"
#include "protocol/update_features.h"
#include "security/principal.h"
#include "tests/base/cm.h"
#include "wire/codec.h"

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool closed;
};

struct world {
	struct diag diag;
	struct env *env;
	const struct env_ops *real; /* the env's real operations, except for quorum-state, which waits at the gate */
	struct env_ops ops;
	struct gate gate;
	struct loop *loop;
	struct config *config;
	char dir[64];
	struct log_dir *log_dir;
	struct quorum *quorum;
	struct arena arena;
	enum broker_state state;
	enum broker_state until;
	struct quorum_broker_endpoint endpoint;
	struct uuid log_dir_id;
	int64_t previous_epoch;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
	struct post post;
	void (*call)(struct world *);
	const struct image *image; /* as of the latest look() */
};

/* ---- the loop has a thread of its own; the test waits for what it does there ---- */

static void finish(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void wait_for(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->done)
		pthread_cond_wait(&w->changed, &w->lock);
	w->done = false;
	pthread_mutex_unlock(&w->lock);
}

static void run_call(struct post *post)
{
	struct world *w = container_of(post, struct world, post);

	w->call(w);
}

/* Runs `call` on the loop; waits until finish() was called, by it or by something it started. */
static void on_loop(struct world *w, void (*call)(struct world *))
{
	w->post.run = run_call;
	w->call = call;
	loop_post(w->loop, &w->post);
	wait_for(w);
}

static void take_image(struct world *w)
{
	image_unref(&w->image);
	w->image = quorum_image(w->quorum);
	finish(w);
}

static const struct image *look(struct world *w)
{
	on_loop(w, take_image);
	return w->image;
}

/* ---- quorum-state takes its time ---- */

static struct world *gated; /* the env's operations take no argument */

static int rename_at_gate(struct env *e, const char *from, const char *to)
{
	struct gate *g = &gated->gate;
	const char *name = strrchr(to, '/');

	pthread_mutex_lock(&g->lock);
	while (g->closed && name && strcmp(name, "/quorum-state") == 0)
		pthread_cond_wait(&g->opened, &g->lock);
	pthread_mutex_unlock(&g->lock);
	return gated->real->rename(e, from, to);
}

static void close_gate(struct world *w)
{
	pthread_mutex_init(&w->gate.lock, NULL);
	pthread_cond_init(&w->gate.opened, NULL);
	w->gate.closed = true;
	w->real = w->env->ops;
	w->ops = *w->real;
	w->ops.rename = rename_at_gate;
	w->env->ops = &w->ops;
	gated = w;
}

static void open_gate(struct world *w)
{
	pthread_mutex_lock(&w->gate.lock);
	w->gate.closed = false;
	pthread_cond_broadcast(&w->gate.opened);
	pthread_mutex_unlock(&w->gate.lock);
}

/* ---- a node's life ---- */

static void on_started(void *arg, int err)
{
	struct world *w = arg;

	assert_int_equal(err, 0);
	w->started = true;
	finish(w);
}

static void on_failed(void *arg, int err)
{
	(void)arg;
	fail_msg("the metadata log failed: %s", err_name(err));
}

static void on_state(void *arg, enum broker_state state, int64_t epoch)
{
	struct world *w = arg;

	(void)epoch;
	w->state = state;
	if (state == BROKER_RECOVERY)
		quorum_broker_ready(w->quorum);
	if (state == w->until)
		finish(w);
}

static void open_dir(struct world *w)
{
	struct log_dir_options options = {.path = w->dir};
	char *why = NULL;

	assert_int_equal(log_dir_open(w->env, &options, &w->log_dir, &why), 0);
}

static void begin_start(struct world *w)
{
	struct quorum_options options = {
		.env = w->env,
		.config = w->config,
		.node_id = 1,
		.started = on_started,
		.failed = on_failed,
		.arg = w,
	};

	w->loop = loop_new(w->env, "quorum");
	open_dir(w);
	if (!log_dir_is_formatted(w->log_dir)) {
		struct format_options format = {w->env, w->config, &w->log_dir, 1, w->log_dir};

		assert_int_equal(format_own(&format), 0);
		log_dir_free(w->log_dir);
		open_dir(w);
	}
	assert_int_equal(log_dir_begin_run(w->log_dir), 0);
	options.loop = w->loop;
	options.dir = w->log_dir;
	options.cluster_id = str_of(log_dir_meta(w->log_dir)->cluster_id);
	w->started = false;
	assert_int_equal(quorum_start(&options, &w->quorum), 0);
	quorum_begin(w->quorum);
	loop_thread(w->loop);
}

static void wait_for_start(struct world *w)
{
	wait_for(w);
	assert_true(w->started);
}

static void start(struct world *w)
{
	begin_start(w);
	wait_for_start(w);
}

static void register_broker(struct world *w)
{
	struct quorum_broker b = {
		.id = 1,
		.incarnation = env_random_uuid(w->env),
		.endpoints = &w->endpoint,
		.n_endpoints = 1,
		.log_dirs = &w->log_dir_id,
		.log_dir_paths = &STR("/data"),
		.n_log_dirs = 1,
		.previous_epoch = w->previous_epoch,
		.state = on_state,
		.arg = w,
	};

	w->endpoint = (struct quorum_broker_endpoint){STR("PLAINTEXT"), STR("localhost"), 9092, 0};
	w->log_dir_id = log_dir_meta(w->log_dir)->directory_id;
	w->until = BROKER_RUNNING;
	quorum_broker_start(w->quorum, &b);
}

static void run_broker(struct world *w)
{
	on_loop(w, register_broker);
	assert_int_equal(w->state, BROKER_RUNNING);
}

static void leave(struct world *w)
{
	w->until = BROKER_SHUTTING_DOWN;
	quorum_broker_shutdown(w->quorum, 10000);
	w->previous_epoch = quorum_broker_epoch(w->quorum);
	wait_for(w);
	assert_int_equal(w->state, BROKER_SHUTTING_DOWN);
}

static void on_stopped(void *arg, int err)
{
	assert_int_equal(err, 0);
	finish(arg);
}

static void begin_stop(struct world *w)
{
	quorum_stop(w->quorum, on_stopped, w);
}

static void stop(struct world *w, bool clean)
{
	image_unref(&w->image);
	on_loop(w, begin_stop);
	loop_stop(w->loop);
	quorum_free(w->quorum);
	w->quorum = NULL;
	if (clean)
		assert_int_equal(log_dir_mark_clean(w->log_dir, w->previous_epoch), 0);
	else
		w->previous_epoch = -1;
	log_dir_free(w->log_dir);
	loop_free(w->loop);
}

static int setup(void **state)
{
	static const char *const overrides[] = {
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.bootstrap.servers=localhost:9093",
		"listeners=PLAINTEXT://:9092,CONTROLLER://localhost:9093",
		"controller.listener.names=CONTROLLER",
		"metadata.log.max.record.bytes.between.snapshots=4096",
		"metadata.max.retention.bytes=1",
		"metadata.max.idle.interval.ms=0",
		NULL,
	};
	struct world *w = xcalloc(1, sizeof(*w));
	struct config_notes notes;
	struct config_input in = {.file_name = STR("test.properties"), .file_text = STR(""), .overrides = overrides};

	w->diag = (struct diag){DIAG_WARN, false, real_wall_ms, real_stderr_line, NULL};
	w->env = env_real_new(&w->diag);
	snprintf(w->dir, sizeof(w->dir), "%s/odr-quorum-XXXXXX",
		 getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 40 ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(config_load(&in, &w->config, &notes), 0);
	config_notes_fini(&notes);
	arena_init(&w->arena, 64 << 20);
	w->previous_epoch = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];

	config_free(w->config);
	env_real_free(w->env);
	arena_fini(&w->arena);
	snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
	assert_int_equal(system(command), 0);
	xfree(w);
	return 0;
}

/* ---- requests ---- */

static void answered(struct quorum_request *r)
{
	finish(r->arg);
}

static int ask(struct world *w, int16_t api, int16_t version, const void *in, void *out)
{
	struct quorum_request r = {
		.loop = w->loop,
		.done = answered,
		.arg = w,
		.api = api,
		.version = version,
		.request = in,
		.response = out,
		.arena = &w->arena,
		.principal = &PRINCIPAL_ANONYMOUS,
	};

	quorum_submit(w->quorum, &r);
	wait_for(w);
	return r.err;
}

static int16_t create_topic(struct world *w, const char *name, int32_t partitions)
{
	struct create_topics_request in;
	struct create_topics_request_topic topic;
	struct create_topics_response out;

	codec_init(&create_topics_request_schema, &in);
	codec_init(&create_topics_request_topic_schema, &topic);
	codec_init(&create_topics_response_schema, &out);
	topic.name = str_of(name);
	topic.num_partitions = partitions;
	topic.replication_factor = 1;
	in.topics.v = &topic;
	in.topics.n = 1;
	assert_int_equal(ask(w, 19, 7, &in, &out), 0);
	assert_int_equal(out.topics.n, 1);
	return out.topics.v[0].error_code;
}

static const struct image_partition *find(struct world *w, const char *topic, int32_t partition)
{
	const struct image_topic *t = image_topic_by_name(look(w), str_of(topic));

	return t ? image_topic_partition(t, partition) : NULL;
}

static void a_node_with_an_empty_directory_leads_and_lets_its_broker_in(void **state)
{
	struct world *w = *state;
	const struct image *image;

	start(w);
	image = look(w);
	assert_int_equal(image_metadata_version(image), 33);
	assert_int_equal(image_feature_level(image, STR("eligible.leader.replicas.version")), 1);
	assert_int_equal(image_feature_level(image, STR("group.version")), 1);
	assert_true(str_is(
		image_config_value(image_configs(image, RESOURCE_BROKER, STR("")), STR("min.insync.replicas")), "1"));
	run_broker(w);
	image = look(w);
	assert_true(image_broker_is_active(image, 1));
	assert_non_null(image_controller(image, 1));
	leave(w);
	stop(w, true);
}

/* For a cluster that is not at the newest metadata.version yet. */
static void format_at(struct world *w, int16_t metadata_version)
{
	struct format_options format = {w->env, w->config, &w->log_dir, 1, w->log_dir};
	struct uuid directory = format_directory_id(w->env);
	struct format_plan plan = {
		.cluster_id = STR("cluster"), .node_id = 1, .with_bootstrap = true, .kraft_version = 1};
	struct raft_voters voters = {NULL, 1};
	struct feature_level_record *level;
	struct record_list records;
	struct raft_voter own;

	open_dir(w);
	format.dirs = &w->log_dir;
	format.metadata_dir = w->log_dir;
	record_list_init(&records, &w->arena);
	level = record_list_add(&records, RECORD_FEATURE_LEVEL, 0);
	*level = (struct feature_level_record){STR("metadata.version"), metadata_version};
	format_own_voter(&format, directory, &w->arena, &own);
	voters.v = &own;
	plan.records = &records;
	plan.voters = &voters;
	plan.metadata_directory = directory;
	assert_int_equal(format_write(&format, &plan), 0);
	log_dir_free(w->log_dir);
}

static int16_t raise_metadata_version(struct world *w, int16_t to)
{
	struct update_features_request_feature u = {
		.feature = STR("metadata.version"), .max_version_level = to, .upgrade_type = 1};
	struct update_features_request in = {.feature_updates = {&u, 1}};
	struct update_features_response out;

	codec_init(&update_features_response_schema, &out);
	assert_int_equal(ask(w, 57, 1, &in, &out), 0);
	return out.error_code;
}

static void a_broker_tells_its_directories_when_metadata_version_has_come_to_know_of_them(void **state)
{
	enum { LOOKS = 100000 };
	struct world *w = *state;
	int64_t epoch;

	format_at(w, METADATA_VERSION_CONTROLLER_REGISTRATION);
	start(w);
	run_broker(w);
	epoch = quorum_broker_epoch(w->quorum);
	assert_int_equal(image_broker(look(w), 1)->n_log_dirs, 0);
	assert_int_equal(raise_metadata_version(w, METADATA_VERSION_MAX), 0);
	for (int i = 0; image_broker(look(w), 1)->n_log_dirs == 0; i++)
		assert_true(i < LOOKS);
	assert_true(uuid_eq(image_broker(w->image, 1)->log_dirs[0], w->log_dir_id));
	assert_true(image_broker_is_active(w->image, 1));
	assert_int_equal(quorum_broker_epoch(w->quorum), epoch);
	assert_int_equal(w->state, BROKER_RUNNING);
	leave(w);
	stop(w, true);
}

static void a_topic_is_there_after_a_clean_stop_and_after_none(void **state)
{
	struct world *w = *state;

	start(w);
	run_broker(w);
	assert_int_equal(create_topic(w, "a", 3), 0);
	assert_int_equal(create_topic(w, "a", 3), ERR_TOPIC_ALREADY_EXISTS);
	assert_int_equal(find(w, "a", 2)->leader, 1);
	leave(w);
	assert_int_equal(find(w, "a", 2)->leader, -1);
	assert_int_equal(partition_elr(find(w, "a", 2)).n, 1);
	stop(w, true);

	start(w);
	assert_int_equal(find(w, "a", 2)->leader, -1);
	run_broker(w);
	assert_int_equal(find(w, "a", 2)->leader, 1);
	assert_int_equal(partition_isr(find(w, "a", 2)).n, 1);
	assert_int_equal(create_topic(w, "b", 1), 0);
	stop(w, false); /* as before: the broker never left */

	start(w);
	run_broker(w);
	assert_int_equal(find(w, "b", 0)->leader, 1);
	leave(w);
	stop(w, true);
}

static void snapshots_take_the_place_of_the_log_below_them(void **state)
{
	struct world *w = *state;
	char name[16];
	char command[160];

	start(w);
	run_broker(w);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(create_topic(w, name, 10), 0);
	}
	/* A snapshot is cut in the background: the loop goes on until there is one. */
	snprintf(command, sizeof(command), "ls '%s'/__cluster_metadata-0/0*[1-9]*-*.checkpoint >/dev/null 2>&1",
		 w->dir);
	for (int i = 0; system(command) && i < 2000; i++) {
		snprintf(name, sizeof(name), "more%d", i);
		assert_int_equal(create_topic(w, name, 10), 0);
	}
	leave(w);
	stop(w, true);
	assert_int_equal(system(command), 0);

	start(w);
	run_broker(w);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_non_null(find(w, name, 9));
		assert_int_equal(find(w, name, 9)->leader, 1);
	}
	leave(w);
	stop(w, true);
}

/* A kill between the flush of the epochs, from a snapshot on, and the deletion of the segments before it. */
static void where_the_first_epochs_are_gone_the_log_begins_at_its_snapshot(void **state)
{
	struct world *w = *state;
	char command[400], name[16];
	int64_t began;

	start(w);
	run_broker(w);
	snprintf(command, sizeof(command), "ls '%s'/__cluster_metadata-0/0*[1-9]*-*.checkpoint >/dev/null 2>&1",
		 w->dir);
	for (int i = 0; system(command) && i < 2000; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(create_topic(w, name, 10), 0);
	}
	leave(w);
	stop(w, true);
	snprintf(
		command, sizeof(command),
		"cd '%s'/__cluster_metadata-0 && ls 0*[1-9]*-*.checkpoint | tail -n 1 | sed 's/^0*\\([0-9]*\\)-0*\\([0-9]*\\).*/0\\n1\\n\\2 "
		"\\1/' >leader-epoch-checkpoint",
		w->dir);
	assert_int_equal(system(command), 0);
	start(w);
	began = log_offsets(w->quorum->log).start;
	assert_true(began > 0);
	assert_true(log_epoch_of(w->quorum->log, began) > 0);
	run_broker(w);
	assert_non_null(find(w, "t0", 9));
	leave(w);
	stop(w, true);
}

static void the_quorum_describes_itself(void **state)
{
	struct world *w = *state;
	struct describe_quorum_request_partition p = {0};
	struct describe_quorum_request_topic t = {STR("__cluster_metadata"), {&p, 1}};
	struct describe_quorum_request in = {{&t, 1}};
	struct describe_quorum_response out;

	start(w);
	codec_init(&describe_quorum_response_schema, &out);
	assert_int_equal(ask(w, 55, 2, &in, &out), 0);
	assert_int_equal(out.topics.v[0].partitions.v[0].leader_id, 1);
	assert_true(out.topics.v[0].partitions.v[0].high_watermark > 0);
	assert_true(quorum_serves(55));
	assert_true(quorum_serves(19));
	assert_false(quorum_serves(0));
	stop(w, true);
}

struct listener {
	struct quorum_subscriber subscriber;
	struct world *world;
	int32_t heard; /* the leader, in the end */
	int n;
};

static struct listener listener;

static void hear_image(struct quorum_subscriber *s, const struct image *old, const struct image *now)
{
	(void)s;
	(void)old;
	assert_non_null(now);
}

static void hear_leader(struct quorum_subscriber *s)
{
	struct listener *l = container_of(s, struct listener, subscriber);

	l->heard = quorum_leader(l->world->quorum).id;
	l->n++;
}

static void begin_listening(struct world *w)
{
	struct quorum_leader leader = quorum_leader(w->quorum);

	assert_int_equal(leader.id, 1);
	assert_int_equal(leader.epoch, 1);
	assert_true(str_is(leader.node.host, "localhost"));
	assert_int_equal(leader.node.port, 9093);
	listener = (struct listener){.subscriber = {.image = hear_image, .leader = hear_leader}, .world = w};
	quorum_subscribe(w->quorum, &listener.subscriber);
	assert_int_equal(listener.heard, 1);
	assert_int_equal(listener.n, 1);
	finish(w);
}

static void who_leads_is_told_and_that_nobody_does_any_more(void **state)
{
	struct world *w = *state;

	start(w);
	on_loop(w, begin_listening);
	stop(w, true);
	assert_int_equal(listener.heard, -1);
	assert_int_equal(listener.n, 2);
}

static void heard(struct quorum_request *r)
{
	*(bool *)r->arg = true;
}

/* Waits until everything posted to the loop before, and everything that this posted, is done. */
static void let_turn(struct world *w)
{
	on_loop(w, finish);
	on_loop(w, finish);
}

static void nobody_hears_of_an_epoch_before_it_is_on_disk(void **state)
{
	struct world *w = *state;
	struct describe_quorum_request_partition p = {0};
	struct describe_quorum_request_topic t = {STR("__cluster_metadata"), {&p, 1}};
	struct describe_quorum_request in = {{&t, 1}};
	struct describe_quorum_response out;
	bool answered = false;
	struct quorum_request r = {
		.loop = NULL,
		.done = heard,
		.arg = &answered,
		.api = 55,
		.version = 2,
		.request = &in,
		.response = &out,
		.arena = &w->arena,
		.principal = &PRINCIPAL_ANONYMOUS,
	};

	codec_init(&describe_quorum_response_schema, &out);
	close_gate(w);
	begin_start(w);
	r.loop = w->loop;
	quorum_submit(w->quorum, &r);
	let_turn(w);
	assert_false(answered);
	open_gate(w);
	wait_for_start(w);
	let_turn(w);
	assert_true(answered);
	assert_int_equal(r.err, 0);
	assert_int_equal(out.topics.v[0].partitions.v[0].leader_id, 1);
	stop(w, true);
}

static void a_setting_that_is_not_legal_is_refused_and_a_legal_one_kept(void **state)
{
	struct world *w = *state;
	struct incremental_alter_configs_request_config config = {STR("retention.ms"), 0, STR("abc")};
	struct incremental_alter_configs_request_resource resource = {RESOURCE_TOPIC, STR("a"), {&config, 1}};
	struct incremental_alter_configs_request in = {{&resource, 1}, false};
	struct incremental_alter_configs_response out;
	const struct image *image;

	start(w);
	run_broker(w);
	assert_int_equal(create_topic(w, "a", 1), 0);
	codec_init(&incremental_alter_configs_response_schema, &out);
	assert_int_equal(ask(w, 44, 1, &in, &out), 0);
	assert_int_equal(out.responses.v[0].error_code, ERR_INVALID_CONFIG);
	config.value = STR("1000");
	assert_int_equal(ask(w, 44, 1, &in, &out), 0);
	assert_int_equal(out.responses.v[0].error_code, 0);
	image = look(w);
	assert_true(str_is(image_config_value(image_configs(image, RESOURCE_TOPIC, STR("a")), STR("retention.ms")),
			   "1000"));
	leave(w);
	stop(w, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_broker_tells_its_directories_when_metadata_version_has_come_to_know_of_them, setup, teardown),
		cmocka_unit_test_setup_teardown(a_node_with_an_empty_directory_leads_and_lets_its_broker_in, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_topic_is_there_after_a_clean_stop_and_after_none, setup, teardown),
		cmocka_unit_test_setup_teardown(snapshots_take_the_place_of_the_log_below_them, setup, teardown),
		cmocka_unit_test_setup_teardown(where_the_first_epochs_are_gone_the_log_begins_at_its_snapshot, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_quorum_describes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(who_leads_is_told_and_that_nobody_does_any_more, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_hears_of_an_epoch_before_it_is_on_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(a_setting_that_is_not_legal_is_refused_and_a_legal_one_kept, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
