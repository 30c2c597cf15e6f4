/*
 * roles: how its configured roles determine what a node does: whether it formats itself, which
 * listeners it has, and what it answers on them.
 */
#include <string.h>

#include "base/err.h"
#include "broker/format.h"
#include "broker/node.h"
#include "config/config.h"
#include "env/sim/sim.h"
#include "log/dir.h"
#include "metadata/version.h"
#include "net/channel.h"
#include "protocol/describe_cluster.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/metadata_records.h"
#include "tests/base/cm.h"
#include "wire/codec.h"

enum { NODE, PEER, PATIENCE_MS = 30000, PORT = 9093 };

static struct {
	struct sim_world *sim;
	struct diag diag;
	const char *file;
	struct config *config;
	struct node *node;
	enum node_end end;
	bool serving, stopped;
	struct channels channels;
	struct channel channel;
	struct arena arena;
	struct call call;
	bool answered;
} t;

/* ---- a node ---- */

static void node_event(void *arg, enum node_event event, const char *text)
{
	(void)arg;
	(void)text;
	t.serving |= event == NODE_EVENT_STARTED;
	t.stopped |= event == NODE_EVENT_STOPPED;
}

static struct config *load(void)
{
	static const char *const none[] = {NULL};
	struct config_input in = {.file_name = STR("node.properties"), .file_text = str_of(t.file), .overrides = none};
	struct config_notes notes;
	struct config *config;

	config_load(&in, &config, &notes);
	assert_non_null(config);
	config_notes_fini(&notes);
	return config;
}

/* With an older metadata.version. */
static void format_older(void *arg)
{
	struct config *config = load();
	struct log_dir_options options = {.path = "/data"};
	struct log_dir *dir;
	struct format_options o = {sim_env(t.sim, NODE), config, &dir, 1, NULL};
	struct raft_voters voters = {0};
	struct record_list records;
	struct format_plan plan = {.cluster_id = STR("older"),
				   .node_id = 1,
				   .with_bootstrap = true,
				   .records = &records,
				   .voters = &voters,
				   .metadata_directory = format_directory_id(o.env)};
	struct feature_level_record *r;
	struct arena a;
	char *why;

	assert_int_equal(log_dir_open(o.env, &options, &dir, &why), 0);
	o.metadata_dir = dir;
	arena_init(&a, 1 << 20);
	record_list_init(&records, &a);
	r = record_list_add(&records, RECORD_FEATURE_LEVEL, 0);
	r->name = STR("metadata.version");
	r->feature_level = *(const int16_t *)arg;
	assert_int_equal(format_write(&o, &plan), 0);
	arena_fini(&a);
	log_dir_free(dir);
	config_free(config);
}

static void start_node(void *arg)
{
	(void)arg;
	t.config = load();
	t.node = node_start(&(struct node_options){.env = sim_env(t.sim, NODE),
						   .config = t.config,
						   .n_reactors = 2,
						   .release = "test",
						   .event = node_event},
			    &t.end);
	if (!t.node)
		config_free(t.config);
}

static void start(const char *file)
{
	t.file = file;
	assert_true(sim_call(t.sim, NODE, start_node, NULL));
}

static bool is_serving(void *arg)
{
	(void)arg;
	return t.serving;
}

static bool has_stopped(void *arg)
{
	(void)arg;
	return t.stopped;
}

static void stop_node(void *arg)
{
	(void)arg;
	node_stop(t.node);
}

static void free_node(void *arg)
{
	(void)arg;
	assert_int_equal(node_free(t.node), NODE_END_CLEAN);
	config_free(t.config);
}

static void serve(const char *file)
{
	start(file);
	assert_non_null(t.node);
	assert_true(sim_run_until(t.sim, PATIENCE_MS, is_serving, NULL));
}

static void stop(void)
{
	struct sim_held held;

	assert_true(sim_call(t.sim, NODE, stop_node, NULL));
	assert_true(sim_run_until(t.sim, PATIENCE_MS, has_stopped, NULL));
	assert_true(sim_call(t.sim, NODE, free_node, NULL));
	sim_held(t.sim, NODE, &held);
	assert_int_equal(held.blocks, 0);
	assert_int_equal(held.socks, 0);
}

/* ---- who asks it ---- */

static void on_done(struct call *c)
{
	(void)c;
	t.answered = true;
}

static void on_broken(struct channel *ch, int err, struct list *calls)
{
	(void)ch;
	while (!list_empty(calls))
		call_finish(container_of(list_first(calls), struct call, link), err);
}

static void dial(void *arg)
{
	(void)arg;
	arena_init(&t.arena, 1 << 24);
	channels_init(&t.channels, loop_new(sim_env(t.sim, PEER), "peer"));
	t.channels.client_id = STR("peer");
	t.channels.answer_max = 1 << 24;
	t.channels.broken = on_broken;
	channel_init(&t.channel, &t.channels, "10.0.0.1", PORT);
}

static void hang_up(void *arg)
{
	(void)arg;
	channel_fini(&t.channel);
	channels_fini(&t.channels);
	arena_fini(&t.arena);
}

static void send_call(void *arg)
{
	(void)arg;
	list_init(&t.call.link);
	timer_init(&t.call.timer, t.channels.loop, NULL);
	channel_call(&t.channel, &t.call);
}

static bool is_answered(void *arg)
{
	(void)arg;
	return t.answered;
}

static int ask(int16_t key, const void *request)
{
	t.answered = false;
	t.call = (struct call){.key = key, .request = request, .arena = &t.arena, .done = on_done};
	assert_true(sim_call(t.sim, PEER, send_call, NULL));
	assert_true(sim_run_until(t.sim, PATIENCE_MS, is_answered, NULL));
	return t.call.err;
}

/* ---- the world ---- */

static void no_line(void *arg, const char *line, int len)
{
	(void)arg;
	(void)line;
	(void)len;
}

static int64_t wall(void *arg)
{
	(void)arg;
	return sim_now_ns(t.sim) / 1000000;
}

static int up(void **state)
{
	struct sim_options calm;

	(void)state;
	memset(&t, 0, sizeof(t));
	sim_options_calm(&calm);
	calm.n_envs = 2;
	t.sim = sim_world_new(1, &calm);
	t.diag = (struct diag){.level = DIAG_ERROR, .wall_ms = wall, .write = no_line};
	sim_env_diag(t.sim, NODE, &t.diag);
	return 0;
}

static int down(void **state)
{
	(void)state;
	sim_world_free(t.sim);
	return 0;
}

/* ---- stories ---- */

#define CONTROLLER_ALONE                                                                                               \
	"process.roles=controller\nnode.id=1\nlog.dirs=/data\ncontroller.listener.names=CONTROLLER\n"                  \
	"listeners=CONTROLLER://10.0.0.1:9093\n"
#define BROKER_ALONE                                                                                                   \
	"process.roles=broker\nnode.id=1\nlog.dirs=/data\ncontroller.listener.names=CONTROLLER\n"                      \
	"listeners=PLAINTEXT://10.0.0.1:9092\ncontroller.quorum.bootstrap.servers=10.0.0.2:9093\n"

static void is_not_formatted(const char *file)
{
	start(file);
	assert_null(t.node);
	assert_int_equal(t.end, NODE_END_STORAGE);
}

static void who_is_no_cluster_by_itself_is_not_formatted_by_itself(void **state)
{
	(void)state;
	is_not_formatted(BROKER_ALONE);
	is_not_formatted(CONTROLLER_ALONE "controller.quorum.bootstrap.servers=10.0.0.1:9093,10.0.0.2:9093\n");
	is_not_formatted(CONTROLLER_ALONE "controller.quorum.bootstrap.servers=10.0.0.2:9094\n");
	is_not_formatted(CONTROLLER_ALONE "controller.quorum.bootstrap.servers=10.0.0.1:9093\n"
					  "controller.quorum.auto.join.enable=true\n");
}

static void a_controller_alone_serves_its_listener(void **state)
{
	struct describe_cluster_request in;
	const struct describe_cluster_response *out;

	(void)state;
	serve(CONTROLLER_ALONE "controller.quorum.bootstrap.servers=10.0.0.1:9093\n");
	assert_int_equal(node_port(t.node, "PLAINTEXT"), 0);
	assert_true(sim_call(t.sim, PEER, dial, NULL));
	codec_init(&describe_cluster_request_schema, &in);
	in.endpoint_type = 2; /* controllers */
	assert_int_equal(ask(describe_cluster_request_KEY, &in), 0);
	out = t.call.response;
	assert_int_equal(out->error_code, 0);
	assert_int_equal(out->controller_id, 1);
	assert_int_equal(out->brokers.n, 1);
	assert_int_equal(out->brokers.v[0].port, PORT);
	assert_true(sim_call(t.sim, PEER, hang_up, NULL));
	stop();
}

/* Clients talk to controllers where these register. */
static void a_controller_describes_the_cluster_where_controllers_register(void **state)
{
	int16_t level = METADATA_VERSION_CONTROLLER_REGISTRATION - 1;
	struct describe_cluster_request in;
	const struct describe_cluster_response *out;

	(void)state;
	t.file = CONTROLLER_ALONE "controller.quorum.voters=1@10.0.0.1:9093\n";
	assert_true(sim_call(t.sim, NODE, format_older, &level));
	serve(t.file);
	assert_true(sim_call(t.sim, PEER, dial, NULL));
	codec_init(&describe_cluster_request_schema, &in);
	in.endpoint_type = 2; /* controllers */
	assert_int_equal(ask(describe_cluster_request_KEY, &in), 0);
	out = t.call.response;
	assert_int_equal(out->error_code, ERR_UNSUPPORTED_VERSION);
	assert_true(str_is(out->error_message,
			   "Direct-to-controller communication is not supported with the current MetadataVersion."));
	assert_true(sim_call(t.sim, PEER, hang_up, NULL));
	stop();
}

/* Brokers have checked the settings already; the controller does not care which broker they are for. */
static void a_controller_changes_the_settings_of_any_broker(void **state)
{
	struct incremental_alter_configs_request_config c = {
		.name = STR("message.max.bytes"), .config_operation = 0, .value = STR("2000000")};
	struct incremental_alter_configs_request_resource r = {
		.resource_type = 4, .resource_name = STR("7"), .configs = {&c, 1}};
	struct incremental_alter_configs_request in = {.resources = {&r, 1}};
	const struct incremental_alter_configs_response *out;

	(void)state;
	serve(CONTROLLER_ALONE "controller.quorum.voters=1@10.0.0.1:9093\n");
	assert_true(sim_call(t.sim, PEER, dial, NULL));
	assert_int_equal(ask(incremental_alter_configs_request_KEY, &in), 0);
	out = t.call.response;
	assert_int_equal(out->responses.n, 1);
	assert_int_equal(out->responses.v[0].error_code, ERR_BROKER_ID_NOT_REGISTERED);
	assert_true(sim_call(t.sim, PEER, hang_up, NULL));
	stop();
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		STORY(who_is_no_cluster_by_itself_is_not_formatted_by_itself),
		STORY(a_controller_alone_serves_its_listener),
		STORY(a_controller_describes_the_cluster_where_controllers_register),
		STORY(a_controller_changes_the_settings_of_any_broker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
