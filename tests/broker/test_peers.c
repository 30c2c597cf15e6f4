/*
 * peers: calls to a broker whose process is gone: each of them ends, even one that waits between
 * two attempts. And markers, which end in a turn of their own.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "tests/base/cm.h"

#include "base/err.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/markers.h"
#include "broker/node_private.h"
#include "broker/peers.h"
#include "config/config.h"
#include "env/sim/sim.h"
#include "metadata/image.h"
#include "metadata/record.h"
#include "protocol/metadata_records.h"
#include "protocol/write_txn_markers.h"
#include "wire/codec.h"

enum { NODE, PEER, MACHINES };
#define PEER_ID 2
#define REQUEST_MS 150

struct asked {
	struct call c;
	struct arena arena;
	struct write_txn_markers_request in;
	int err;
	bool done;
};

static struct {
	struct sim_world *sim;
	struct diag diag;
	struct config *config;
	struct node node;
	struct core core;
	struct asked first, second;
} t;

static void on_node(void (*run)(void *arg), void *arg)
{
	assert_true(sim_call(t.sim, NODE, run, arg));
}

static void done(struct call *c)
{
	struct asked *a = container_of(c, struct asked, c);

	a->err = c->err;
	a->done = true;
	arena_fini(&a->arena);
}

static void ask(void *arg)
{
	struct asked *a = arg;

	*a = (struct asked){.done = false};
	arena_init(&a->arena, 1 << 20);
	codec_init(&write_txn_markers_request_schema, &a->in);
	a->c = (struct call){.key = write_txn_markers_request_KEY, .request = &a->in, .arena = &a->arena, .done = done};
	peer_call(&t.core, PEER_MARKERS, PEER_ID, &a->c);
}

static bool is_done(void *arg)
{
	return ((struct asked *)arg)->done;
}

/* A call that is refused; a pause before the next attempt follows. */
static void be_refused(void)
{
	on_node(ask, &t.first);
	assert_true(sim_run_until(t.sim, 20000, is_done, &t.first));
	assert_int_equal(t.first.err, -ECONNREFUSED);
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

static const struct image *image_with_peer(void)
{
	struct broker_registration_request_listener e = {
		.name = STR("PLAINTEXT"), .host = STR("10.0.0.2"), .port = 9092};
	const struct image *empty = image_new(STR("cluster")), *image;
	struct register_broker_record *r;
	struct record_list list;
	struct arena arena;

	arena_init(&arena, 1 << 20);
	record_list_init(&list, &arena);
	r = record_list_add(&list, RECORD_REGISTER_BROKER, 4);
	r->broker_id = PEER_ID;
	r->end_points.v = &e;
	r->end_points.n = 1;
	assert_int_equal(image_apply(empty, &(struct image_batch){list.v, list.n, list.n - 1, 1, 0}, &image, NULL), 0);
	image_unref(&empty);
	arena_fini(&arena);
	return image;
}

static void start(void *arg)
{
	static const char *const overrides[] = {"process.roles=broker",
						"node.id=1",
						"controller.quorum.voters=3@localhost:9093",
						"listeners=PLAINTEXT://:9092",
						"controller.listener.names=CONTROLLER",
						"request.timeout.ms=150",
						NULL};
	struct config_input in = {.file_name = STR("t"), .file_text = STR(""), .overrides = overrides};
	struct config_notes notes;

	(void)arg;
	assert_int_equal(config_load(&in, &t.config, &notes), 0);
	config_notes_fini(&notes);
	t.node.config = t.config;
	t.node.outgoing.config = t.config;
	t.node.id = 1;
	t.core.node = &t.node;
	t.core.loop = loop_new(sim_env(t.sim, NODE), "core");
	t.core.image = image_with_peer();
	t.core.idle = true; /* nobody is to be told */
	list_init(&t.core.markers);
	list_init(&t.core.marker_errands);
}

static void stop(void *arg)
{
	(void)arg;
	t.core.stopping = true;
	peers_stop(&t.core);
}

static void release(void *arg)
{
	(void)arg;
	assert_int_equal(t.core.n_busy, 0);
	peers_free(t.core.peers);
	image_unref(&t.core.image);
	config_free(t.config);
}

static int up(void **state)
{
	struct sim_options calm;

	(void)state;
	memset(&t, 0, sizeof(t));
	sim_options_calm(&calm);
	calm.n_envs = MACHINES;
	t.sim = sim_world_new(1, &calm);
	t.diag = (struct diag){.level = DIAG_INFO, .wall_ms = wall, .write = no_line};
	for (int i = 0; i < MACHINES; i++)
		sim_env_diag(t.sim, i, &t.diag);
	on_node(start, NULL);
	return 0;
}

static int down(void **state)
{
	(void)state;
	if (!t.core.stopping)
		on_node(stop, NULL);
	sim_run_for(t.sim, 100);
	on_node(release, NULL);
	sim_world_free(t.sim);
	return 0;
}

/* ---- stories ---- */

static void what_waits_for_the_next_attempt_ends_when_the_core_stops(void **state)
{
	(void)state;
	be_refused();
	on_node(ask, &t.second);
	assert_false(t.second.done);
	on_node(stop, NULL);
	assert_true(sim_run_until(t.sim, 10, is_done, &t.second));
	assert_int_equal(t.second.err, -ECONNRESET);
}

static void what_waits_for_the_next_attempt_ends_when_its_time_is_up(void **state)
{
	int64_t began_ns;

	(void)state;
	for (int i = 0; i < 3; i++) /* each pause is longer: 50, 100, 200 ms */
		be_refused();
	on_node(ask, &t.second);
	began_ns = sim_now_ns(t.sim);
	assert_true(sim_run_until(t.sim, 20000, is_done, &t.second));
	assert_int_equal(t.second.err, -ETIMEDOUT);
	assert_in_range(sim_now_ns(t.sim) - began_ns, REQUEST_MS * 1000000LL, REQUEST_MS * 1100000LL);
}

static int n_written;

static void written(struct markers *m)
{
	(void)m;
	n_written++;
}

/* All their results are known at once, and the core stops in the same turn. */
static void write_and_hurry(void *arg)
{
	markers_write(arg);
	markers_hurry(&t.core);
	assert_int_equal(n_written, 0);
}

static void markers_end_later_whatever_comes_between(void **state)
{
	struct transaction_marked nowhere = {.topic = STR("nowhere")};
	struct markers m = {.core = &t.core, .marked = &nowhere, .n = 1, .done = written};

	(void)state;
	n_written = 0;
	on_node(write_and_hurry, &m);
	sim_run_for(t.sim, 10);
	assert_int_equal(n_written, 1);
	assert_int_equal(nowhere.err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

enum { TRANSACTIONS = 40000, PARTS = 3 };

/*
 * Each marker belongs to a producer, with partitions 0 to PARTS - 1 of one topic; the last one is
 * refused.
 */
static void fill_answer(struct write_txn_markers_response_marker *markers, bool backwards)
{
	static struct write_txn_markers_response_partition parts[PARTS] = {
		{.partition_index = 0}, {.partition_index = 1}, {.partition_index = 2, .error_code = 5}};
	static struct write_txn_markers_response_topic topic = {.name = STR("t"), .partitions = {parts, PARTS}};

	for (int i = 0; i < TRANSACTIONS; i++)
		markers[i] = (struct write_txn_markers_response_marker){
			.producer_id = backwards ? TRANSACTIONS - 1 - i : i, .topics = {&topic, 1}};
}

static void the_answer_of_very_many_transactions_is_read_in_no_time(void **state)
{
	struct write_txn_markers_response_marker *markers = xcalloc(TRANSACTIONS, sizeof(*markers));
	struct write_txn_markers_response r = {.markers = {markers, TRANSACTIONS}};
	struct transaction_marked marked = {.topic = STR("t")};
	clock_t began = clock();
	int at = 0;

	(void)state;
	fill_answer(markers, false);
	for (int64_t id = 0; id < TRANSACTIONS; id++)
		for (marked.partition = 0; marked.partition < PARTS; marked.partition++)
			assert_int_equal(markers_answer(&r, id, &marked, &at), marked.partition == 2 ? 5 : 0);
	assert_true(clock() - began < CLOCKS_PER_SEC);
	fill_answer(markers, true);
	marked.partition = 2;
	for (int64_t id = 0; id < 3; id++)
		assert_int_equal(markers_answer(&r, id, &marked, &at), 5);
	assert_int_equal(markers_answer(&r, TRANSACTIONS, &marked, &at), ERR_NOT_LEADER_OR_FOLLOWER);
	marked.partition = PARTS;
	assert_int_equal(markers_answer(&r, 0, &marked, &at), ERR_NOT_LEADER_OR_FOLLOWER);
	marked = (struct transaction_marked){.topic = STR("u")};
	assert_int_equal(markers_answer(&r, 0, &marked, &at), ERR_NOT_LEADER_OR_FOLLOWER);
	r.markers.n = 0;
	at = 0;
	assert_int_equal(markers_answer(&r, 0, &marked, &at), ERR_NOT_LEADER_OR_FOLLOWER);
	xfree(markers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_waits_for_the_next_attempt_ends_when_the_core_stops),
		TEST(what_waits_for_the_next_attempt_ends_when_its_time_is_up),
		TEST(markers_end_later_whatever_comes_between),
		TEST(the_answer_of_very_many_transactions_is_read_in_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
