/*
 * client: producers, consumers and members of groups against a whole node, in the simulator.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "client/consumer.h"
#include "client/internal.h"
#include "client/member.h"
#include "client/murmur2.h"
#include "client/producer.h"
#include "protocol/create_topics.h"
#include "protocol/metadata.h"
#include "protocol/share_group_describe.h"
#include "tests/base/cm.h"
#include "tests/broker/raw_world.h"

enum { RECORDS = 300, BREAKS = 7, READERS = 2, PATIENCE_MS = 120000 };

static struct {
	struct loop *loop;
	struct client *client;
	struct producer *producer;
	struct consumer *consumers[READERS];
	struct member *members[READERS];
	struct timer tick;
	int sent, acknowledged, read, breaks;
	int seen[RECORDS];
	int last_of[16]; /* by partition */
	int produce_err;
	bool out_of_order, left, called;
	bool kip_848, cooperative;
	int given_up; /* partitions given up by members that stay */
	struct call call;
	struct arena arena;
	const void *request;
	int key;
} t;

static struct env *peer(void)
{
	return sim_env(raw_world(), RAW_PEER);
}

static void start(void *arg)
{
	struct client_options o = CLIENT_OPTIONS_DEFAULT;
	struct str wrong;

	o.bootstrap = arg ? arg : "10.0.0.1:9092";
	t.loop = loop_new(peer(), "client");
	assert_int_equal(client_new(t.loop, &o, &t.client, &wrong), 0);
	arena_init(&t.arena, 64 << 20);
}

static void stop(void *arg)
{
	timer_stop(&t.tick);
	for (int i = 0; i < READERS; i++) {
		if (t.members[i])
			member_free(t.members[i]);
		if (t.consumers[i])
			consumer_free(t.consumers[i]);
	}
	if (t.producer)
		producer_free(t.producer);
	client_free(t.client);
	arena_fini(&t.arena);
}

static void in_peer(void (*run)(void *), void *arg)
{
	assert_true(sim_call(raw_world(), RAW_PEER, run, arg));
}

static int up(void **state)
{
	memset(&t, 0, sizeof(t));
	raw_world_up();
	in_peer(start, NULL);
	return 0;
}

static int down(void **state)
{
	in_peer(stop, NULL);
	raw_world_down();
	return 0;
}

/* ---- one call ---- */

static void on_called(struct call *c)
{
	t.called = true;
}

static void call(void *arg)
{
	t.called = false;
	t.call = (struct call){.key = (int16_t)t.key,
			       .node = CLIENT_CONTROLLER,
			       .request = t.request,
			       .arena = &t.arena,
			       .done = on_called};
	client_call(t.client, &t.call);
}

static bool was_called(void *arg)
{
	return t.called;
}

static int ask(int key, const void *request)
{
	t.key = key;
	t.request = request;
	in_peer(call, NULL);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, was_called, NULL));
	return t.call.err;
}

static void make_topic(int partitions)
{
	struct create_topics_request_topic topic = {
		.name = STR("t"), .num_partitions = partitions, .replication_factor = 1};
	struct create_topics_request r = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *answer;

	assert_int_equal(ask(create_topics_request_KEY, &r), 0);
	answer = t.call.response;
	assert_int_equal(answer->topics.v[0].error_code, 0);
}

/* ---- producing and reading ---- */

static void on_produced(void *arg, const struct produced *b)
{
	assert_int_equal(b->err, 0);
	t.acknowledged += b->n;
}

static void break_all(void)
{
	list_each_safe(it, &t.client->nodes)
		channel_break(&container_of(it, struct client_node, link)->channel, -ECONNRESET);
	t.breaks++;
}

/* Sends three records per tick; now and then all connections break, with everything in flight on them. */
static void on_tick(struct timer *timer)
{
	char value[16], key[16];

	for (int i = 0; i < 3 && t.sent < RECORDS; i++, t.sent++) {
		struct producer_record r = {.timestamp = env_wall_ms(peer())};

		r.value = (struct bytes){(const uint8_t *)value, snprintf(value, sizeof(value), "%d", t.sent)};
		r.key = (struct bytes){(const uint8_t *)key, snprintf(key, sizeof(key), "k%d", t.sent % 5)};
		assert_int_equal(producer_send(t.producer, &r), 0);
	}
	if (t.breaks < BREAKS && t.sent > RECORDS / (BREAKS + 1) * (t.breaks + 1))
		break_all();
	if (t.sent < RECORDS)
		timer_start(timer, 7);
	else
		producer_flush(t.producer);
}

static bool on_record(void *arg, const struct consumed *c)
{
	int n = atoi((const char *)c->record->value.p); /* digits, then the record's header count: a zero byte */

	assert_in_range(n, 0, RECORDS - 1);
	t.seen[n]++;
	t.read++;
	t.out_of_order = t.out_of_order || t.last_of[c->partition] > n;
	t.last_of[c->partition] = n;
	return true;
}

static void produce(void *arg)
{
	struct producer_options o = PRODUCER_OPTIONS_DEFAULT;

	o.topic = "t";
	o.produced = on_produced;
	o.codec = *(const int *)arg;
	o.batch_bytes = 200; /* makes many batches */
	t.producer = producer_new(t.client, &o);
	timer_init(&t.tick, t.loop, on_tick);
	timer_start(&t.tick, 0);
}

static void read_all(void *arg)
{
	struct consumer_options o = CONSUMER_OPTIONS_DEFAULT;
	struct consumer_partition v[3];

	o.record = on_record;
	for (int i = 0; i < 3; i++)
		v[i] = (struct consumer_partition){STR("t"), i, OFFSET_EARLIEST};
	t.consumers[0] = consumer_new(t.client, &o);
	consumer_assign(t.consumers[0], v, 3);
}

static bool all_is_through(void *arg)
{
	return t.acknowledged >= RECORDS && t.read >= RECORDS;
}

static void through_breaks(int codec)
{
	make_topic(3);
	in_peer(produce, &codec);
	in_peer(read_all, NULL);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, all_is_through, NULL));
	sim_run_for(raw_world(), 2000);
	for (int i = 0; i < RECORDS; i++)
		assert_int_equal(t.seen[i], 1);
	assert_false(t.out_of_order);
	assert_int_equal(t.breaks, BREAKS);
	assert_int_equal(t.acknowledged, RECORDS);
}

static void each_record_comes_once_and_in_order_though_connections_break(void **state)
{
	through_breaks(0);
}

static void so_do_compressed_ones(void **state)
{
	through_breaks(4);
}

static void on_unanswered(void *arg, const struct produced *b)
{
	t.acknowledged += b->n;
	t.produce_err = b->err;
}

static void send_one(void *arg)
{
	struct producer_options o = PRODUCER_OPTIONS_DEFAULT;
	struct producer_record r = {.value = {(const uint8_t *)"v", 1}};

	o.topic = "t";
	o.acks = 1;
	o.request_timeout_ms = 500;
	o.retries = 0;
	o.produced = on_unanswered;
	if (!t.producer)
		t.producer = producer_new(t.client, &o);
	assert_int_equal(producer_send(t.producer, &r), 0);
	producer_flush(t.producer);
}

static bool is_told(void *arg)
{
	return t.acknowledged == *(const int *)arg;
}

/* The request is freed in its done(): nothing may use it afterwards. */
static void a_request_without_an_answer_ends_in_its_time(void **state)
{
	int one = 1, two = 2;

	make_topic(1);
	in_peer(send_one, NULL);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, is_told, &one));
	assert_int_equal(t.produce_err, 0);
	sim_cut(raw_world(), RAW_NODE, RAW_PEER, true);
	in_peer(send_one, NULL);
	assert_true(sim_run_until(raw_world(), 5000, is_told, &two));
	assert_int_equal(t.produce_err, -ETIMEDOUT);
}

static void send_one_with_a_long_backoff(void *arg)
{
	struct producer_options o = PRODUCER_OPTIONS_DEFAULT;
	struct producer_record r = {.value = {(const uint8_t *)"v", 1}};

	(void)arg;
	o.topic = "t";
	o.request_timeout_ms = 500;
	o.delivery_timeout_ms = 1000;
	o.retry_backoff_ms = 2000;
	o.produced = on_unanswered;
	t.producer = producer_new(t.client, &o);
	assert_int_equal(producer_send(t.producer, &r), 0);
}

static void send_another(void *arg)
{
	struct producer_record r = {.value = {(const uint8_t *)"v", 1}};

	(void)arg;
	assert_int_equal(producer_send(t.producer, &r), 0);
}

/* Its partition has nothing left then. */
static void a_batch_whose_time_ends_before_it_is_sent_again_is_reported(void **state)
{
	int one = 1, two = 2;

	(void)state;
	make_topic(1);
	in_peer(send_one_with_a_long_backoff, NULL);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, is_told, &one));
	assert_int_equal(t.produce_err, 0);
	sim_cut(raw_world(), RAW_NODE, RAW_PEER, true);
	in_peer(send_another, NULL);
	assert_true(sim_run_until(raw_world(), 10000, is_told, &two));
	assert_int_equal(t.produce_err, -ETIMEDOUT);
}

static void on_committed(void *arg, int err, struct str message)
{
	(void)arg;
	(void)message;
	t.called = true;
	assert_int_equal(err, 0);
}

static void send_in_a_transaction(void *arg)
{
	struct producer_options o = PRODUCER_OPTIONS_DEFAULT;
	struct producer_record r = {.value = {(const uint8_t *)"v", 1}};

	o.topic = "t";
	o.transactional_id = "id";
	o.produced = on_unanswered;
	o.committed = on_committed;
	t.producer = producer_new(t.client, &o);
	assert_int_equal(producer_send(t.producer, &r), 0);
	producer_commit(t.producer);
}

static void records_of_a_transaction_are_there_when_it_is_committed(void **state)
{
	(void)state;
	make_topic(1);
	t.called = false;
	in_peer(send_in_a_transaction, NULL);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, was_called, NULL));
	assert_int_equal(t.acknowledged, 1);
	assert_int_equal(t.produce_err, 0);
}

/* ---- groups ---- */

static void on_member_failed(void *arg, int err)
{
	fail();
}

static void on_revoked(void *arg, const struct consumer_partition *v, int n)
{
	t.given_up += n;
}

static void join(void *arg)
{
	struct consumer_options o = CONSUMER_OPTIONS_DEFAULT;
	struct member_options m = MEMBER_OPTIONS_DEFAULT;
	struct str topic = STR("t");
	int i = *(const int *)arg;

	o.record = on_record;
	o.reset = m.reset = OFFSET_EARLIEST;
	m.group = STR("g");
	m.failed = on_member_failed;
	m.revoked = on_revoked;
	m.is_consumer = t.kip_848;
	if (t.cooperative) {
		m.strategies[0] = STRATEGY_COOPERATIVE_STICKY;
		m.n_strategies = 1;
	}
	t.consumers[i] = consumer_new(t.client, &o);
	t.members[i] = member_new(t.client, t.consumers[i], &m);
	member_subscribe(t.members[i], &topic, 1);
}

static bool both_have_two(void *arg)
{
	return consumer_count(t.consumers[0]) == 2 && consumer_count(t.consumers[1]) == 2;
}

static bool first_has_all(void *arg)
{
	return consumer_count(t.consumers[0]) == 4;
}

static bool second_has_all(void *arg)
{
	return consumer_count(t.consumers[1]) == 4;
}

static void on_left(void *arg)
{
	t.left = true;
}

static void leave(void *arg)
{
	member_leave(t.members[*(const int *)arg], on_left);
}

static bool has_left(void *arg)
{
	return t.left;
}

static void share_and_read_once(void)
{
	int first = 0, second = 1, codec = 0;

	make_topic(4);
	t.breaks = BREAKS; /* none here: without a break nothing is read twice */
	in_peer(join, &first);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, first_has_all, NULL));
	in_peer(produce, &codec);
	in_peer(join, &second);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, both_have_two, NULL));
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, all_is_through, NULL));
	in_peer(leave, &first);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, has_left, NULL));
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, second_has_all, NULL));
	sim_run_for(raw_world(), 2000);
	for (int i = 0; i < RECORDS; i++)
		assert_int_equal(t.seen[i], 1);
}

static void members_share_partitions_and_what_is_committed_is_read_once(void **state)
{
	share_and_read_once();
	assert_int_equal(t.given_up, 4 + 2); /* everything, once per rebalance */
}

static void cooperative_ones_give_up_only_what_others_get(void **state)
{
	t.cooperative = true;
	share_and_read_once();
	assert_int_equal(t.given_up, 2);
}

static void so_do_members_by_the_protocol_of_kip_848(void **state)
{
	t.kip_848 = true;
	share_and_read_once();
	assert_int_equal(t.given_up, 2);
}

static void lose_the_coordinator(void *arg)
{
	break_all();
}

static void a_member_that_lost_its_connections_is_in_its_group_again(void **state)
{
	int first = 0, second = 1, codec = 0;

	t.kip_848 = *state != NULL;
	make_topic(4);
	t.breaks = BREAKS;
	in_peer(join, &first);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, first_has_all, NULL));
	sim_cut(raw_world(), RAW_NODE, RAW_PEER, true);
	sim_run_for(raw_world(), 60000); /* longer than its session */
	sim_cut(raw_world(), RAW_NODE, RAW_PEER, false);
	in_peer(join, &second);
	in_peer(lose_the_coordinator, NULL);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, both_have_two, NULL));
	in_peer(produce, &codec);
	assert_true(sim_run_until(raw_world(), PATIENCE_MS, all_is_through, NULL));
}

static int up_848(void **state)
{
	up(state);
	*state = &t;
	return 0;
}

/* ---- what cannot be ---- */

static void what_a_node_does_not_speak_is_said_at_once(void **state)
{
	static const struct share_group_describe_request R;

	assert_int_equal(ask(share_group_describe_request_KEY, &R), ERR_UNSUPPORTED_VERSION);
}

static void a_cluster_that_is_not_there_takes_the_time_that_was_given(void **state)
{
	static const struct create_topics_request R = {.timeout_ms = 1};
	char nowhere[] = "10.0.0.1:1,10.9.9.9:2";
	int64_t began;

	memset(&t, 0, sizeof(t));
	raw_world_up();
	in_peer(start, nowhere);
	began = sim_now_ns(raw_world());
	assert_int_equal(ask(create_topics_request_KEY, &R), -ETIMEDOUT);
	assert_in_range((sim_now_ns(raw_world()) - began) / 1000000, 59000, 62000);
	down(state);
}

static void try_wrong(void *arg)
{
	static const char *const WRONG[] = {
		"", ",", "host", "host:", "host:0", "host:65536", ":9092", "host:9092,other", "host:x"};
	struct client_options o = CLIENT_OPTIONS_DEFAULT;
	struct client *c;
	struct str wrong;

	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		o.bootstrap = WRONG[i];
		assert_int_equal(client_new(t.loop, &o, &c, &wrong), ERR_INVALID_CONFIG);
	}
}

static void addresses_that_are_none_are_refused(void **state)
{
	in_peer(try_wrong, NULL);
}

static void an_answer_that_there_is_no_room_for_is_said_at_once(void **state)
{
	static const struct metadata_request ALL = {.topics = {.n = -1}};
	int64_t began;

	make_topic(200);
	arena_fini(&t.arena);
	arena_init(&t.arena, 2000);
	began = sim_now_ns(raw_world());
	assert_int_equal(ask(metadata_request_KEY, &ALL), -EMSGSIZE);
	assert_in_range((sim_now_ns(raw_world()) - began) / 1000000, 0, 1000);
	arena_fini(&t.arena);
	arena_init(&t.arena, 64 << 20);
	assert_int_equal(ask(metadata_request_KEY, &ALL), 0);
}

static void take_hostile(void *arg)
{
	char nul[] = {'a', 0, 'b'};
	char long_host[300];
	struct metadata_response_broker brokers[] = {
		{.node_id = -3, .host = STR("10.0.0.1"), .port = 9092},
		{.node_id = 4, .host = STR(""), .port = 9092},
		{.node_id = 5, .host = STR("10.0.0.1"), .port = 0},
		{.node_id = 6, .host = STR("10.0.0.1"), .port = 65536},
		{.node_id = 7, .host = {nul, 3}, .port = 9092},
		{.node_id = 8, .host = {long_host, sizeof(long_host)}, .port = 9092},
		{.node_id = 1, .host = STR("10.0.0.1"), .port = 9092},
	};
	struct metadata_response m = {.controller_id = -3, .brokers = {brokers, sizeof(brokers) / sizeof(brokers[0])}};

	memset(long_host, 'x', sizeof(long_host));
	discovery_take_metadata(t.client, &m);
	assert_int_equal(t.client->n_brokers, 1);
	assert_int_equal(t.client->brokers[0].id, 1);
}

static void brokers_that_cannot_be_are_left_out(void **state)
{
	in_peer(take_hostile, NULL);
}

static int count_nodes(void)
{
	int n = 0;

	list_each(it, &t.client->nodes) n++;
	return n;
}

static void move_around(void *arg)
{
	char host[16];

	for (int i = 1; i < 50; i++) {
		struct metadata_response_broker broker = {.node_id = 1, .host = {host, 0}, .port = 9092};
		struct metadata_response m = {.brokers = {&broker, 1}};

		broker.host.len = snprintf(host, sizeof(host), "10.0.1.%d", i);
		discovery_take_metadata(t.client, &m);
	}
	assert_in_range(count_nodes(), 49, 50);
	discovery_sweep(&t.client->sweep);
	assert_in_range(count_nodes(), 1, 2);
}

static void a_broker_that_is_somewhere_else_now_leaves_nothing_behind(void **state)
{
	in_peer(move_around, NULL);
}

static void keys_go_to_the_partitions_that_kafka_gives_them(void **state)
{
	static const struct {
		const char *key;
		int32_t hash;
	} V[] = {{"21", -973932308},
		 {"foobar", -790332482},
		 {"a-little-bit-long-string", -985981536},
		 {"a-little-bit-longer-string", -1486304829},
		 {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
		 {"abc", 479470107}};

	for (size_t i = 0; i < sizeof(V) / sizeof(V[0]); i++)
		assert_int_equal((int32_t)murmur2((const uint8_t *)V[i].key, strlen(V[i].key)), V[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_record_comes_once_and_in_order_though_connections_break, up, down),
		cmocka_unit_test_setup_teardown(so_do_compressed_ones, up, down),
		cmocka_unit_test_setup_teardown(a_request_without_an_answer_ends_in_its_time, up, down),
		cmocka_unit_test_setup_teardown(a_batch_whose_time_ends_before_it_is_sent_again_is_reported, up, down),
		cmocka_unit_test_setup_teardown(records_of_a_transaction_are_there_when_it_is_committed, up, down),
		cmocka_unit_test_setup_teardown(members_share_partitions_and_what_is_committed_is_read_once, up, down),
		cmocka_unit_test_setup_teardown(cooperative_ones_give_up_only_what_others_get, up, down),
		cmocka_unit_test_setup_teardown(so_do_members_by_the_protocol_of_kip_848, up, down),
		cmocka_unit_test_setup_teardown(a_member_that_lost_its_connections_is_in_its_group_again, up, down),
		{"so_is_one_by_the_protocol_of_kip_848", a_member_that_lost_its_connections_is_in_its_group_again,
		 up_848, down, NULL},
		cmocka_unit_test_setup_teardown(what_a_node_does_not_speak_is_said_at_once, up, down),
		cmocka_unit_test(a_cluster_that_is_not_there_takes_the_time_that_was_given),
		cmocka_unit_test_setup_teardown(addresses_that_are_none_are_refused, up, down),
		cmocka_unit_test_setup_teardown(an_answer_that_there_is_no_room_for_is_said_at_once, up, down),
		cmocka_unit_test_setup_teardown(brokers_that_cannot_be_are_left_out, up, down),
		cmocka_unit_test_setup_teardown(a_broker_that_is_somewhere_else_now_leaves_nothing_behind, up, down),
		cmocka_unit_test(keys_go_to_the_partitions_that_kafka_gives_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
