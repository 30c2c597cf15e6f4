/*
 * throttle: client quotas on a whole node in the simulator: who is told to wait, for how long, and
 * that the connection really waits.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/node_private.h"
#include "broker/throttle.h"
#include "net/net.h"
#include "protocol/alter_client_quotas.h"
#include "protocol/create_acls.h"
#include "protocol/create_partitions.h"
#include "protocol/create_topics.h"
#include "protocol/delete_topics.h"
#include "protocol/describe_client_quotas.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/write_txn_markers.h"
#include "security/authorizer.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#define ASK(c, name, version, in, out)                                                                                 \
	(client_send((c), &name##_request_schema, (version), (in)),                                                    \
	 client_take((c), &name##_response_schema, (version), (out)))

static int64_t now_ms(void)
{
	return env_mono_ms(sim_env(w->sim, PEER));
}

/* ---- quotas ---- */

/* type NULL: the client id. value 0: remove. Returns the error of the entity. */
static int set_quota_of(const char *type, struct str name, const char *key, double value)
{
	struct alter_client_quotas_request_entity entity = {str_of(type ? type : "client-id"), name};
	struct alter_client_quotas_request_op op = {str_of(key), value, value == 0};
	struct alter_client_quotas_request_entry entry = {{&entity, 1}, {&op, 1}};
	struct alter_client_quotas_request in = {.entries = {&entry, 1}};
	struct alter_client_quotas_response out;
	struct client *c = &w->b; /* the one that is not throttled */

	ASK(c, alter_client_quotas, 1, &in, &out);
	assert_int_equal(out.entries.n, 1);
	return out.entries.v[0].error_code;
}

static int set_quota(const char *type, const char *name, const char *key, double value)
{
	return set_quota_of(type, str_of(name), key, value);
}

static int two_clients(void **state)
{
	struct metadata_response out;

	node_world_up(state);
	w->b.id = "other";
	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
	return 0;
}

static struct records big_batch(struct buf *b, int len)
{
	char *value = xcalloc(1, (size_t)len + 1);
	struct records r;

	memset(value, 'x', (size_t)len);
	r = batch_of(b, value);
	xfree(value);
	return r;
}

/* Kafka's formula for a client's first bytes: over ten windows of a second. */
static int32_t wait_for(size_t len, double bound)
{
	return (int32_t)floor(((double)len / 10 - bound) / bound * 10000 + 0.5);
}

static void a_producer_is_told_to_wait_and_its_connection_does(void **state)
{
	struct produce_response out;
	struct metadata_response metadata;
	struct buf b = {0};
	int64_t began;
	size_t len;

	(void)state;
	assert_int_equal(set_quota(NULL, "test", "producer_byte_rate", 1000), 0);
	began = now_ms();
	send_produce(&w->a, "t", big_batch(&b, 15000), -1);
	len = w->a.out_len - 4;
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_int_equal(out.responses.v[0].partition_responses.v[0].error_code, 0);
	assert_int_equal(out.throttle_time_ms, wait_for(len, 1000));
	assert_true(now_ms() - began < 100); /* the answer is not held back */
	began = now_ms();
	ask_metadata("t", &metadata);
	assert_true(now_ms() - began >= out.throttle_time_ms - 100);
	assert_true(now_ms() - began < out.throttle_time_ms + 100);
	buf_fini(&b);
}

static void others_are_not_held_up(void **state)
{
	struct produce_response out;
	struct buf b = {0};
	int64_t began;

	(void)state;
	assert_int_equal(set_quota(NULL, "test", "producer_byte_rate", 1000), 0);
	send_produce(&w->a, "t", big_batch(&b, 20000), -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_true(out.throttle_time_ms > 5000);
	began = now_ms();
	send_produce(&w->b, "t", big_batch(&b, 20000), -1);
	client_take(&w->b, &produce_response_schema, 9, &out);
	assert_int_equal(out.throttle_time_ms, 0);
	assert_true(now_ms() - began < 100);
	buf_fini(&b);
}

static void a_client_is_counted_on_all_its_connections(void **state)
{
	struct produce_response out;
	struct buf b = {0};

	(void)state;
	assert_int_equal(set_quota(NULL, "test", "producer_byte_rate", 2000), 0);
	w->b.id = NULL;
	send_produce(&w->b, "t", big_batch(&b, 15000), -1);
	client_take(&w->b, &produce_response_schema, 9, &out);
	assert_int_equal(out.throttle_time_ms, 0);
	send_produce(&w->a, "t", big_batch(&b, 15000), -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_true(out.throttle_time_ms > 4000);
	buf_fini(&b);
}

static bool is_sent(void *arg)
{
	const struct client *c = arg;

	return c->sent == c->out_len;
}

static void without_an_answer_the_connection_waits_all_the_same(void **state)
{
	struct metadata_response metadata;
	struct buf b = {0};
	int64_t began;

	(void)state;
	assert_int_equal(set_quota(NULL, "test", "producer_byte_rate", 1000), 0);
	began = now_ms();
	send_produce(&w->a, "t", big_batch(&b, 15000), 0);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, is_sent, &w->a));
	ask_metadata("t", &metadata);
	assert_true(now_ms() - began > 4000);
	buf_fini(&b);
}

/* By then "t" has its batch; the other partition is why the connection is closed. */
static void send_one_good_and_one_bad(struct client *c, struct records good)
{
	struct produce_request_partition p[2] = {{.records = good}, {.index = 7, .records = good}};
	struct produce_request_topic t;
	struct produce_request in;

	codec_init(&produce_request_topic_schema, &t);
	codec_init(&produce_request_schema, &in);
	t.name = STR("t");
	t.partition_data.v = p;
	t.partition_data.n = 2;
	in.timeout_ms = 1000;
	in.topic_data.v = &t;
	in.topic_data.n = 1;
	client_send(c, &produce_request_schema, 9, &in);
}

static bool is_closed(void *arg)
{
	return ((struct client *)arg)->closed;
}

static void what_was_written_before_a_hang_up_is_counted(void **state)
{
	struct produce_response out;
	struct buf b = {0};
	size_t len;

	(void)state;
	assert_int_equal(set_quota(NULL, "test", "producer_byte_rate", 1000), 0);
	send_one_good_and_one_bad(&w->a, big_batch(&b, 15000));
	len = w->a.out_len - 4;
	assert_true(sim_run_until(w->sim, PATIENCE_MS, is_closed, &w->a));
	client_open(&w->a);
	send_produce(&w->a, "t", big_batch(&b, 10), -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_int_equal(out.responses.v[0].partition_responses.v[0].base_offset, 1);
	assert_true(out.throttle_time_ms >= wait_for(len, 1000));
	buf_fini(&b);
}

static void a_quota_that_is_gone_holds_no_more(void **state)
{
	struct produce_response out;
	struct buf b = {0};

	(void)state;
	assert_int_equal(set_quota(NULL, NULL, "producer_byte_rate", 1000), 0);
	assert_int_equal(set_quota(NULL, "test", "producer_byte_rate", 1e9), 0);
	send_produce(&w->a, "t", big_batch(&b, 15000), -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_int_equal(out.throttle_time_ms, 0);
	assert_int_equal(set_quota(NULL, "test", "producer_byte_rate", 0), 0);
	send_produce(&w->a, "t", big_batch(&b, 15000), -1); /* the default counts now, including the earlier bytes */
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_true(out.throttle_time_ms > 15000);
	assert_int_equal(set_quota(NULL, NULL, "producer_byte_rate", 0), 0);
	assert_true(sim_run_until(w->sim, 100, has_stopped, NULL) == false);
	send_produce(&w->b, "t", big_batch(&b, 15000), -1);
	client_take(&w->b, &produce_response_schema, 9, &out);
	assert_int_equal(out.throttle_time_ms, 0);
	buf_fini(&b);
}

/* One fetch; returns the length of the records received. */
static int32_t fetch(int64_t offset, int32_t *throttle_ms)
{
	struct fetch_response out;

	send_fetch(&w->a, "t", offset, 0);
	client_take(&w->a, &fetch_response_schema, 12, &out);
	assert_int_equal(out.error_code, 0);
	*throttle_ms = out.throttle_time_ms;
	return out.responses.n == 0 ? 0 : out.responses.v[0].partitions.v[0].records.len;
}

/* Kafka counts whole windows: a client that waits as long as it was told may be told to wait once more. */
static void a_consumer_gets_nothing_until_it_has_waited(void **state)
{
	struct produce_response produced;
	struct buf b = {0};
	int64_t began;
	int32_t ms, len;

	(void)state;
	for (int i = 0; i < 4; i++) {
		send_produce(&w->b, "t", big_batch(&b, 6000), -1);
		client_take(&w->b, &produce_response_schema, 9, &produced);
	}
	assert_int_equal(set_quota(NULL, "test", "consumer_byte_rate", 1000), 0);
	len = fetch(0, &ms);
	assert_in_range(len, 6000, 10000); /* no more than the bytes of ten windows */
	assert_int_equal(ms, 0);
	began = now_ms();
	len = fetch(1, &ms);
	assert_int_equal(len, 0);
	assert_in_range(ms, 2000, 2500); /* 12200 bytes in ten seconds */
	len = fetch(1, &ms);
	assert_true(now_ms() - began > 2000);
	for (int i = 0; len == 0 && i < 10; i++)
		len = fetch(1, &ms);
	assert_in_range(len, 6000, 10000);
	assert_in_range(now_ms() - began, 9000, 13000); /* what was not sent was not counted */
	buf_fini(&b);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

/* ---- changes of partitions ---- */

static int create_topic(const char *name, int32_t partitions, int16_t version, int32_t *throttle_ms)
{
	struct create_topics_request_topic t;
	struct create_topics_request in;
	struct create_topics_response out;

	codec_init(&create_topics_request_topic_schema, &t);
	codec_init(&create_topics_request_schema, &in);
	t.name = str_of(name);
	t.num_partitions = partitions;
	t.replication_factor = 1;
	in.topics.v = &t;
	in.topics.n = 1;
	ASK(&w->a, create_topics, version, &in, &out);
	*throttle_ms = out.throttle_time_ms;
	return out.topics.v[0].error_code;
}

static void topics_are_refused_once_there_are_no_tokens(void **state)
{
	struct delete_topics_request_topic t = {.name = STR("one")};
	struct delete_topics_request in = {.topics = {&t, 1}, .timeout_ms = 1000};
	struct delete_topics_response out;
	int32_t ms;
	int64_t began = now_ms();

	(void)state;
	assert_int_equal(set_quota(NULL, "test", "controller_mutation_rate", 1), 0);
	assert_int_equal(create_topic("one", 13, 7, &ms), 0); /* there are eleven tokens */
	assert_int_equal(ms, 0);
	assert_int_equal(create_topic("two", 1, 7, &ms), ERR_THROTTLING_QUOTA_EXCEEDED);
	assert_true(ms > 1900 && ms <= 2000);
	ASK(&w->a, delete_topics, 6, &in, &out); /* it had to wait for the connection first */
	assert_true(now_ms() - began > 1900);
	assert_int_equal(out.responses.v[0].error_code, 0);
	assert_int_equal(create_topic("two", 1, 7, &ms), ERR_THROTTLING_QUOTA_EXCEEDED);
	assert_true(ms > 12000);
}

static void a_topic_that_is_made_by_being_asked_for_is_charged_to_who_asked(void **state)
{
	struct metadata_response out;
	int made = 0;
	int32_t ms;

	(void)state;
	assert_int_equal(set_quota(NULL, "test", "controller_mutation_rate", 1), 0);
	assert_int_equal(create_topic("many", 20, 7, &ms), 0); /* all the tokens, and some more */
	ask_metadata("asked-for", &out);
	assert_int_equal(out.topics.v[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	sim_run_until(w->sim, 30000, never, NULL);
	for (int i = 0; i < 3; i++) {
		ask_metadata("asked-for", &out);
		made += out.topics.v[0].error_code == 0;
	}
	assert_true(made > 0);
}

static void older_clients_are_told_to_wait_only(void **state)
{
	int32_t ms;

	(void)state;
	assert_int_equal(set_quota("user", "ANONYMOUS", "controller_mutation_rate", 1), 0);
	assert_int_equal(create_topic("one", 13, 5, &ms), 0);
	assert_true(ms > 1900 && ms <= 2000);
	assert_int_equal(create_topic("two", 5, 5, &ms), 0);
	assert_true(ms > 4000 && ms <= 5000);
}

/* ---- connections ---- */

enum { DIALLED = 12, DIALLED_IN_ALL = 128 };

static struct client *dialled[DIALLED_IN_ALL]; /* their world keeps them until its end */
static int n_dialled;

static int down(void **state)
{
	int err = node_world_down(state);

	while (n_dialled > 0)
		xfree(dialled[--n_dialled]);
	return err;
}

/* Opens so many connections at once; returns how many of them are closed two seconds later. */
static int dial(int n)
{
	struct client *v[DIALLED];
	int closed = 0;

	for (int i = 0; i < n; i++) {
		v[i] = xcalloc(1, sizeof(*v[i]));
		assert_true(n_dialled < DIALLED_IN_ALL);
		dialled[n_dialled++] = v[i];
		client_open(v[i]);
		assert_false(v[i]->closed); /* it is delayed first */
	}
	sim_run_until(w->sim, 2000, never, NULL);
	for (int i = 0; i < n; i++)
		closed += v[i]->closed;
	return closed;
}

static void an_address_that_dials_too_fast_waits_and_is_closed(void **state)
{
	(void)state;
	assert_int_equal(set_quota("ip", NULL, "connection_creation_rate", 1), 0);
	assert_int_equal(dial(DIALLED), 2); /* what ten windows allow is fine */
	sim_run_until(w->sim, 10000, never, NULL);
	assert_int_equal(dial(1), 0);
	assert_int_equal(set_quota("ip", "10.0.0.2", "connection_creation_rate", 1000), 0);
	assert_int_equal(dial(DIALLED), 0);
}

/* ---- rates of all addresses together ---- */

static int set_of_broker(const char *broker, const char *name, const char *value)
{
	struct incremental_alter_configs_request_config c = {str_of(name), value ? 0 : 1,
							     value ? str_of(value) : STR_NULL};
	struct incremental_alter_configs_request_resource r = {4, str_of(broker), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	ASK(&w->b, incremental_alter_configs, 1, &in, &out);
	assert_int_equal(out.responses.n, 1);
	return out.responses.v[0].error_code;
}

/* How many of DIALLED are accepted within two seconds. */
static int accepted(void)
{
	struct net_counts before, after;

	net_counts(w->node->net, &before);
	dial(DIALLED);
	net_counts(w->node->net, &after);
	return (int)(after.accepted - before.accepted);
}

static void connections_come_as_fast_as_the_rate_is_at_the_moment(void **state)
{
	static const char *const all = "max.connection.creation.rate";
	static const char *const one = "listener.name.plaintext.max.connection.creation.rate";

	(void)state;
	assert_int_equal(set_of_broker("", all, "2"), 0);
	assert_in_range(accepted(), 4, 7);
	assert_int_equal(set_of_broker("", all, "100"), 0); /* those that wait come in at once */
	sim_run_until(w->sim, 1000, never, NULL);
	assert_int_equal(accepted(), DIALLED);
	assert_int_equal(set_of_broker("", one, "3"), 0);
	assert_in_range(accepted(), 6, 10);
	assert_int_equal(set_of_broker("1", one, "200"), 0); /* this broker's value before that of all brokers */
	sim_run_until(w->sim, 1000, never, NULL);
	assert_int_equal(accepted(), DIALLED);
	assert_int_equal(set_of_broker("1", one, NULL), 0);
	assert_int_equal(set_of_broker("", one, NULL), 0);
	assert_int_equal(set_of_broker("", all, NULL), 0);
	assert_int_equal(accepted(), DIALLED);
	assert_int_equal(set_of_broker("", one, "0"), ERR_INVALID_REQUEST);
	assert_int_equal(set_of_broker("", all, "-1"), ERR_INVALID_REQUEST);
}

/* ---- floods ---- */

static void names_are_forgotten_before_they_take_too_much(void **state)
{
	struct produce_response out;
	struct buf b = {0};
	char id[4001];
	int64_t bytes;

	(void)state;
	assert_int_equal(set_quota(NULL, NULL, "producer_byte_rate", 1e9), 0);
	memset(id, 'i', sizeof(id));
	id[4000] = 0;
	w->a.id = id;
	for (int i = 0; i < 6000; i++) {
		snprintf(id, 8, "%07d", i);
		id[7] = 'i';
		send_produce(&w->a, "t", batch_of(&b, "v"), -1);
		client_take(&w->a, &produce_response_schema, 9, &out);
		if (i % 100 == 0)
			arena_reset(&w->arena);
	}
	bytes = throttle_bytes(w->node->throttle);
	assert_true(bytes > THROTTLE_BYTES_MAX / 2);
	assert_true(bytes <= THROTTLE_BYTES_MAX + 16 * 8192);
	buf_fini(&b);
}

/* Four thousand bytes, starting with a number: some thousands of these are more than there is room for. */
static void say_as(int name, struct produce_response *out)
{
	static char id[4001];
	struct buf b = {0};

	memset(id, 'i', sizeof(id) - 1);
	snprintf(id, 8, "%07d", name);
	id[7] = 'i';
	w->b.id = id;
	send_produce(&w->b, "t", batch_of(&b, "v"), -1);
	client_take(&w->b, &produce_response_schema, 9, out);
	buf_fini(&b);
	if (name % 100 == 0)
		arena_reset(&w->arena);
}

static void a_flood_of_names_pushes_nobody_out(void **state)
{
	struct produce_response out = {.throttle_time_ms = 0};
	struct buf b = {0};
	int n = 0;

	(void)state;
	assert_int_equal(set_quota(NULL, NULL, "producer_byte_rate", 1000), 0);
	send_produce(&w->a, "t", big_batch(&b, 15000), -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_true(out.throttle_time_ms > 4000 && out.throttle_time_ms < 6000);
	for (out.throttle_time_ms = 0; out.throttle_time_ms == 0 && n < 6000; n++)
		say_as(n, &out);
	assert_true(n > 3000);
	assert_true(n < 6000); /* those without room share one */
	send_produce(&w->a, "t", batch_of(&b, "v"), -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	assert_true(out.throttle_time_ms > 4000); /* and earlier bytes are remembered */
	buf_fini(&b);
}

static void count_number(void *arg, const struct throttle_number *n)
{
	assert_int_equal(n->quota, IMAGE_QUOTA_PRODUCE);
	assert_int_equal(n->tags.user.len, 0);
	++*(int *)arg;
}

static void who_is_silent_for_an_hour_is_forgotten(void **state)
{
	struct produce_response out;
	struct buf b = {0};
	int n = 0;

	(void)state;
	assert_int_equal(set_quota(NULL, NULL, "producer_byte_rate", 1e9), 0);
	send_produce(&w->a, "t", batch_of(&b, "v"), -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	throttle_numbers(w->node->throttle, count_number, &n);
	assert_int_equal(n, 1);
	sim_run_until(w->sim, 3600 * 1000, never, NULL);
	n = 0;
	throttle_numbers(w->node->throttle, count_number, &n);
	assert_int_equal(n, 0);
	buf_fini(&b);
}

static void what_clients_use_is_printed(void **state)
{
	struct produce_response out;
	struct buf b = {0}, text = {0};

	(void)state;
	assert_int_equal(set_quota("user", NULL, "producer_byte_rate", 1000), 0);
	assert_int_equal(set_quota(NULL, NULL, "request_percentage", 1), 0);
	assert_int_equal(set_quota("ip", NULL, "connection_creation_rate", 1), 0);
	w->a.id = "a\"b";
	send_produce(&w->a, "t", big_batch(&b, 15000), -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	dial(1);
	throttle_print(w->node->throttle, &text);
	buf_put(&text, "", 1);
	assert_non_null(
		strstr((char *)text.p,
		       "\nkafka_server_quota_byte_rate{resource=\"Produce\",user=\"ANONYMOUS\",clientId=\"\"} 15"));
	assert_non_null(
		strstr((char *)text.p, "\nkafka_server_quota_throttle_time{resource=\"Produce\",user=\"ANONYMOUS\""));
	assert_non_null(
		strstr((char *)text.p,
		       "\nkafka_server_quota_request_time{resource=\"Request\",user=\"\",clientId=\"a\\\"b\"} "));
	assert_non_null(strstr((char *)text.p,
			       "\nkafka_server_socket_server_metrics_connection_creation_rate{ip=\"10.0.0.2\"} 0.1"));
	buf_fini(&b);
	buf_fini(&text);
}

/* ---- between nodes ---- */

static int with_authorizer(void **state)
{
	static const char *const overrides[] = {"authorizer.class.name=" STANDARD_AUTHORIZER,
						"allow.everyone.if.no.acl.found=true"};

	node_world_up_with(state, overrides, 2);
	w->b.id = "other";
	assert_int_equal(set_quota(NULL, NULL, "request_percentage", 1), 0);
	return 0;
}

static void deny_cluster_action(void)
{
	struct create_acls_request_creation v[] = {{ACL_CLUSTER, STR(ACL_CLUSTER_NAME), ACL_LITERAL,
						    STR("User:ANONYMOUS"), STR("*"), ACL_CLUSTER_ACTION, ACL_DENY}};
	struct create_acls_request in = {{v, 1}};
	struct create_acls_response out;

	ASK(&w->b, create_acls, 3, &in, &out);
	assert_int_equal(out.results.v[0].error_code, 0);
	sim_run_until(w->sim, 1000, never, NULL);
}

/* Returns whether time of the client with this name is counted. */
static bool is_counted(const char *id)
{
	struct buf text = {0};
	char line[100];
	bool found;

	snprintf(line, sizeof(line), "kafka_server_quota_request_time{resource=\"Request\",user=\"\",clientId=\"%s\"}",
		 id);
	throttle_print(w->node->throttle, &text);
	buf_put(&text, "", 1);
	found = strstr((char *)text.p, line) != NULL;
	buf_fini(&text);
	return found;
}

static void ask_markers(const char *id)
{
	struct write_txn_markers_request_marker m;
	struct write_txn_markers_request in = {{&m, 0}};
	struct write_txn_markers_response out;

	w->a.id = id;
	ASK(&w->a, write_txn_markers, 1, &in, &out);
}

static void only_who_is_let_in_is_exempt(void **state)
{
	(void)state;
	ask_markers("node");
	assert_false(is_counted("node"));
	deny_cluster_action();
	ask_markers("stranger");
	assert_true(is_counted("stranger"));
}

static int32_t fetch_as_replica(const char *id)
{
	struct fetch_response out;
	struct fetch_of f;
	struct fetch_request *in = fetch_one(&f, "t", 0);

	in->replica_id = 5;
	in->session_epoch = 0;
	w->a.id = id;
	ASK(&w->a, fetch, 12, in, &out);
	assert_int_equal(out.error_code, 0);
	assert_true(out.responses.v[0].partitions.v[0].error_code != 0);
	return out.session_id;
}

/* A client that lacks the permission of a replica must not learn which topic ids exist. */
static void who_only_says_that_he_is_a_replica_is_not_told_which_ids_there_are(void **state)
{
	struct fetch_response out;
	struct fetch_of f;
	struct fetch_request *in = fetch_one(&f, "", 0); /* by id: the name is not sent */

	(void)state;
	f.topics[0].topic_id = (struct uuid){{1, 2, 3}};
	in->replica_state.replica_id = 5;
	in->session_epoch = 0;
	deny_cluster_action();
	w->a.id = "stranger";
	ASK(&w->a, fetch, 15, in, &out);
	assert_int_equal(out.error_code, 0);
	assert_int_equal(out.responses.v[0].partitions.v[0].error_code, ERR_TOPIC_AUTHORIZATION_FAILED);
}

static void only_a_replica_that_is_let_in_has_a_session_and_is_exempt(void **state)
{
	(void)state;
	assert_true(fetch_as_replica("node") != 0);
	assert_false(is_counted("node"));
	deny_cluster_action();
	assert_int_equal(fetch_as_replica("stranger"), 0);
	assert_true(is_counted("stranger"));
}

/* ---- the two requests ---- */

static void what_cannot_be_a_quota_is_refused(void **state)
{
	(void)state;
	assert_int_equal(set_quota(NULL, "c", "producer_byte_rate", -1), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota(NULL, "c", "producer_byte_rate", 1.5), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota(NULL, "c", "request_percentage", 1.5), 0);
	assert_int_equal(set_quota(NULL, "", "producer_byte_rate", 1), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota(NULL, "c", "connection_creation_rate", 1), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota("ip", "1.2.3.4", "producer_byte_rate", 1), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota("ip", "nowhere", "connection_creation_rate", 1), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota_of("ip", STR("1.2.3.4\0x"), "connection_creation_rate", 1), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota(NULL, "c", "controller_mutation_rate", (double)NAN), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota(NULL, "c", "request_percentage", (double)INFINITY), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota(NULL, "c", "producer_byte_rate", (double)NAN), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota("ip", "fe80::1", "connection_creation_rate", 1), 0);
	assert_int_equal(set_quota("ip", "1.2.3.4", "connection_creation_rate", 3e9), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota("group", "g", "producer_byte_rate", 1), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota(NULL, "c", "colour", 1), ERR_INVALID_REQUEST);
	assert_int_equal(set_quota(NULL, "c", "colour", 0), 0); /* removing what does not exist is fine */
}

static int described(const char *type, int8_t match, const char *name, bool strict)
{
	struct describe_client_quotas_request_component c = {str_of(type ? type : ""), match,
							     name ? str_of(name) : STR_NULL};
	struct describe_client_quotas_request in = {.components = {&c, type ? 1 : 0}, .strict = strict};
	struct describe_client_quotas_response out;

	ASK(&w->a, describe_client_quotas, 1, &in, &out);
	return out.error_code ? -out.error_code : out.entries.n;
}

static void quotas_are_described_by_filters(void **state)
{
	(void)state;
	assert_int_equal(set_quota(NULL, "c", "producer_byte_rate", 1), 0);
	assert_int_equal(set_quota(NULL, "c", "consumer_byte_rate", 1), 0);
	assert_int_equal(set_quota(NULL, NULL, "producer_byte_rate", 1), 0);
	assert_int_equal(set_quota("user", "u", "producer_byte_rate", 1), 0);
	assert_int_equal(described(NULL, 0, NULL, false), 3);
	assert_int_equal(described(NULL, 0, NULL, true), 0);
	assert_int_equal(described("client-id", 2, NULL, true), 2);
	assert_int_equal(described("client-id", 0, "c", true), 1);
	assert_int_equal(described("client-id", 1, NULL, true), 1);
	assert_int_equal(described("client-id", 0, "d", false), 0);
	assert_int_equal(described("client-id", 0, NULL, false), -ERR_INVALID_REQUEST);
	assert_int_equal(described("client-id", 1, "c", false), -ERR_INVALID_REQUEST);
	assert_int_equal(described("client-id", 3, NULL, false), -ERR_INVALID_REQUEST);
	assert_int_equal(described("", 2, NULL, false), -ERR_INVALID_REQUEST);
	assert_int_equal(described("group", 2, NULL, false), -ERR_UNSUPPORTED_VERSION);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, two_clients, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_producer_is_told_to_wait_and_its_connection_does),
		TEST(others_are_not_held_up),
		TEST(a_client_is_counted_on_all_its_connections),
		TEST(without_an_answer_the_connection_waits_all_the_same),
		TEST(what_was_written_before_a_hang_up_is_counted),
		TEST(a_quota_that_is_gone_holds_no_more),
		TEST(a_consumer_gets_nothing_until_it_has_waited),
		TEST(topics_are_refused_once_there_are_no_tokens),
		TEST(a_topic_that_is_made_by_being_asked_for_is_charged_to_who_asked),
		TEST(older_clients_are_told_to_wait_only),
		TEST(an_address_that_dials_too_fast_waits_and_is_closed),
		TEST(connections_come_as_fast_as_the_rate_is_at_the_moment),
		TEST(names_are_forgotten_before_they_take_too_much),
		TEST(a_flood_of_names_pushes_nobody_out),
		TEST(who_is_silent_for_an_hour_is_forgotten),
		TEST(what_clients_use_is_printed),
		cmocka_unit_test_setup_teardown(only_who_is_let_in_is_exempt, with_authorizer, node_world_down),
		cmocka_unit_test_setup_teardown(only_a_replica_that_is_let_in_has_a_session_and_is_exempt,
						with_authorizer, node_world_down),
		cmocka_unit_test_setup_teardown(who_only_says_that_he_is_a_replica_is_not_told_which_ids_there_are,
						with_authorizer, node_world_down),
		TEST(what_cannot_be_a_quota_is_refused),
		TEST(quotas_are_described_by_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
