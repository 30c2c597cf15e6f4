/*
 * admin: what a stock tool asks a single node for, apart from topics and records. A whole node in
 * the simulator answers. compat/differential compares the wording of each answer, in every version,
 * with Apache Kafka's.
 */
#include "base/err.h"
#include "base/mem.h"
#include "protocol/add_raft_voter.h"
#include "protocol/alter_partition_reassignments.h"
#include "protocol/create_acls.h"
#include "protocol/describe_configs.h"
#include "protocol/describe_producers.h"
#include "protocol/describe_transactions.h"
#include "protocol/elect_leaders.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/list_partition_reassignments.h"
#include "protocol/list_transactions.h"
#include "protocol/unregister_broker.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#define ASK(name, version, in, out)                                                                                    \
	(client_send(&w->a, &name##_request_schema, (version), (in)),                                                  \
	 client_take(&w->a, &name##_response_schema, (version), (out)))

/* The linker puts this in front of str_eq. */
static int64_t n_compares;

bool __real_str_eq(struct str a, struct str b);
bool __wrap_str_eq(struct str a, struct str b);

bool __wrap_str_eq(struct str a, struct str b)
{
	n_compares++;
	return __real_str_eq(a, b);
}

static void make_topic(void)
{
	struct metadata_response out;

	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
}

static void a_partition_that_is_led_as_preferred_needs_no_election(void **state)
{
	int32_t zero = 0;
	struct elect_leaders_request_topic t = {STR("t"), {&zero, 1}};
	struct elect_leaders_request in = {.topic_partitions = {&t, 1}, .timeout_ms = 1000};
	struct elect_leaders_response out;

	(void)state;
	make_topic();
	ASK(elect_leaders, 2, &in, &out);
	assert_int_equal(out.error_code, 0);
	assert_int_equal(out.replica_election_results.v[0].partition_result.v[0].error_code, ERR_ELECTION_NOT_NEEDED);
}

static void replicas_move_to_brokers_that_are_there_only(void **state)
{
	int32_t two = 2;
	struct alter_partition_reassignments_request_partition p = {.replicas = {&two, 1}};
	struct alter_partition_reassignments_request_topic t = {STR("t"), {&p, 1}};
	struct alter_partition_reassignments_request in = {
		.timeout_ms = 1000, .allow_replication_factor_change = true, .topics = {&t, 1}};
	struct alter_partition_reassignments_response out;
	struct list_partition_reassignments_request list = {.topics = {NULL, -1}};
	struct list_partition_reassignments_response listed;

	(void)state;
	make_topic();
	ASK(alter_partition_reassignments, 1, &in, &out);
	assert_int_equal(out.responses.v[0].partitions.v[0].error_code, ERR_INVALID_REPLICA_ASSIGNMENT);
	p.replicas.n = -1;
	ASK(alter_partition_reassignments, 1, &in, &out);
	assert_int_equal(out.responses.v[0].partitions.v[0].error_code, ERR_NO_REASSIGNMENT_IN_PROGRESS);
	ASK(list_partition_reassignments, 0, &list, &listed);
	assert_int_equal(listed.topics.n, 0);
}

static void send_idempotent(int64_t producer_id)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder b;
	struct buf bytes = {0};

	o.producer_id = producer_id;
	o.producer_epoch = 0;
	o.base_sequence = 0;
	batch_begin(&b, &bytes, &o);
	batch_add(&b, 1000, BYTES_NULL, (struct bytes){(const uint8_t *)"v", 1});
	batch_end(&b);
	send_produce(&w->a, "t", (struct records){.p = bytes.p, .len = (int32_t)bytes.len}, -1);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_answer, &w->a));
	buf_fini(&bytes);
}

static void the_producers_of_a_partition_are_told(void **state)
{
	int32_t partitions[2] = {0, 7};
	struct describe_producers_request_topic topics[2] = {{STR("t"), {partitions, 2}},
							     {STR("nothing"), {partitions, 1}}};
	struct describe_producers_request in = {{topics, 2}};
	struct describe_producers_response out;

	(void)state;
	make_topic();
	send_idempotent(77);
	ASK(describe_producers, 0, &in, &out);
	assert_int_equal(out.topics.v[0].partitions.v[0].error_code, 0);
	assert_int_equal(out.topics.v[0].partitions.v[0].active_producers.n, 1);
	assert_int_equal(out.topics.v[0].partitions.v[0].active_producers.v[0].producer_id, 77);
	assert_int_equal(out.topics.v[0].partitions.v[0].active_producers.v[0].last_sequence, 0);
	assert_int_equal(out.topics.v[0].partitions.v[0].active_producers.v[0].current_txn_start_offset, -1);
	assert_int_equal(out.topics.v[0].partitions.v[1].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(out.topics.v[1].partitions.v[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void there_are_no_transactions(void **state)
{
	struct str filters[2] = {STR("Ongoing"), STR("nonsense")}, ids[2] = {STR("a"), STR("")};
	struct list_transactions_request list = {.state_filters = {filters, 2}, .duration_filter = -1};
	struct list_transactions_response listed;
	struct describe_transactions_request in = {{ids, 2}};
	struct describe_transactions_response out;

	(void)state;
	ASK(list_transactions, 1, &list, &listed);
	assert_int_equal(listed.error_code, 0);
	assert_int_equal(listed.transaction_states.n, 0);
	assert_int_equal(listed.unknown_state_filters.n, 1);
	assert_true(str_is(listed.unknown_state_filters.v[0], "nonsense"));
	ASK(describe_transactions, 0, &in, &out);
	assert_int_equal(out.transaction_states.v[0].error_code, ERR_NOT_COORDINATOR);
	assert_int_equal(out.transaction_states.v[1].error_code, ERR_INVALID_REQUEST);
}

static void without_an_authorizer_there_are_no_acls(void **state)
{
	struct create_acls_request_creation one = {2, STR("t"), 3, STR("User:a"), STR("*"), 3, 3};
	struct create_acls_request in = {{&one, 1}};
	struct create_acls_response out;

	(void)state;
	ASK(create_acls, 3, &in, &out);
	assert_int_equal(out.results.n, 1);
	assert_int_equal(out.results.v[0].error_code, ERR_SECURITY_DISABLED);
}

static void nodes_that_are_not_there_cannot_go_and_voters_stay_as_they_are(void **state)
{
	struct unregister_broker_request leaving = {.broker_id = 9};
	struct unregister_broker_response left;
	struct add_raft_voter_request_listener l = {STR("CONTROLLER"), STR("h"), 1};
	struct add_raft_voter_request in = {
		.timeout_ms = 1, .voter_id = 2, .voter_directory_id = {{7}}, .listeners = {&l, 1}};
	struct add_raft_voter_response out;

	(void)state;
	ASK(unregister_broker, 0, &leaving, &left);
	assert_int_equal(left.error_code, ERR_BROKER_ID_NOT_REGISTERED);
	ASK(add_raft_voter, 1, &in, &out);
	assert_int_not_equal(out.error_code, 0);
	in.cluster_id = STR("another");
	ASK(add_raft_voter, 1, &in, &out);
	assert_int_equal(out.error_code, ERR_INCONSISTENT_CLUSTER_ID);
}

/* The result of an AddRaftVoter for a node at this address. */
static struct str add_voter_at(int32_t id, const char *host, uint16_t port)
{
	struct add_raft_voter_request_listener l = {STR("CONTROLLER"), str_of(host), port};
	struct add_raft_voter_request in = {
		.timeout_ms = 10000, .voter_id = id, .voter_directory_id = {{7}}, .listeners = {&l, 1}};
	struct add_raft_voter_response out;

	ASK(add_raft_voter, 1, &in, &out);
	assert_int_equal(out.error_code, ERR_REQUEST_TIMED_OUT);
	return out.error_message;
}

/* The listener of this node answers properly, but the node there has never fetched anything. */
static void a_node_that_is_to_be_a_voter_is_asked_what_it_speaks(void **state)
{
	(void)state;
	assert_true(str_is(
		add_voter_at(2, "127.0.0.1", 9093),
		"Aborted add voter operation for ReplicaKey(id=2, directoryId=BwAAAAAAAAAAAAAAAAAAAA) since it is lagging behind"));
	assert_true(
		str_is(add_voter_at(2, "127.0.0.1", 1),
		       "Aborted add voter operation for since API_VERSIONS returned an error BROKER_NOT_AVAILABLE"));
	assert_true(
		str_is(add_voter_at(3, "nowhere", 1),
		       "Aborted add voter operation for since API_VERSIONS returned an error BROKER_NOT_AVAILABLE"));
}

static int set_root(const char *level, bool validate_only)
{
	struct incremental_alter_configs_request_config c = {STR("root"), 0, str_of(level)};
	struct incremental_alter_configs_request_resource r = {8, STR("1"), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, validate_only};
	struct incremental_alter_configs_response out;

	ASK(incremental_alter_configs, 1, &in, &out);
	return out.responses.v[0].error_code;
}

static void the_root_logger_is_the_level_of_diagnostics(void **state)
{
	struct describe_configs_request_resource r = {8, STR("1"), {NULL, -1}};
	struct describe_configs_request in = {.resources = {&r, 1}};
	struct describe_configs_response out;

	(void)state;
	assert_int_equal(set_root("DEBUG", true), 0);
	assert_int_equal(diag_level(&w->diag), DIAG_ERROR);
	assert_int_equal(set_root("LOUD", false), ERR_INVALID_CONFIG);
	assert_int_equal(set_root("WARN", false), 0);
	assert_int_equal(diag_level(&w->diag), DIAG_WARN);
	ASK(describe_configs, 4, &in, &out);
	assert_int_equal(out.results.v[0].configs.n, 1);
	assert_true(str_is(out.results.v[0].configs.v[0].name, "root"));
	assert_true(str_is(out.results.v[0].configs.v[0].value, "WARN"));
}

/* The error message would quote the value, and exceed the largest length of its field. */
static void a_value_that_is_too_long_to_be_quoted_is_refused_all_the_same(void **state)
{
	static char value[32767];
	struct incremental_alter_configs_request_config c = {STR("cleanup.policy"), 0, {value, sizeof(value)}};
	struct incremental_alter_configs_request_resource r = {2, STR("t"), {&c, 1}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	(void)state;
	create_topic_with("t", 1, NULL);
	memset(value, 'x', sizeof(value));
	ASK(incremental_alter_configs, 1, &in, &out);
	assert_int_equal(out.responses.n, 1);
	assert_int_equal(out.responses.v[0].error_code, ERR_UNKNOWN_SERVER_ERROR);
	assert_true(str_is_null(out.responses.v[0].error_message));
	assert_true(str_is(out.responses.v[0].resource_name, "t"));
}

/* Names that nobody knows are allowed for a broker, as many as one request may name. */
static void thousands_of_settings_of_a_broker_are_not_each_compared_with_each(void **state)
{
	enum { N = 4000 };
	struct incremental_alter_configs_request_config *v = xcalloc(N, sizeof(*v));
	struct incremental_alter_configs_request_resource r = {4, STR("1"), {v, N}};
	struct incremental_alter_configs_request in = {{&r, 1}, false};
	struct incremental_alter_configs_response out;

	(void)state;
	for (int i = 0; i < N; i++)
		v[i] = (struct incremental_alter_configs_request_config){str_of(xasprintf("some.name.%d", i)), 0,
									 STR("1")};
	n_compares = 0;
	ASK(incremental_alter_configs, 1, &in, &out);
	assert_int_equal(out.responses.v[0].error_code, 0);
	for (int i = 0; i < N; i++)
		v[i].config_operation = 1; /* delete */
	ASK(incremental_alter_configs, 1, &in, &out);
	assert_int_equal(out.responses.v[0].error_code, 0);
	assert_in_range(n_compares, 1, 200 * N);
	for (int i = 0; i < N; i++)
		xfree((char *)v[i].name.p);
	xfree(v);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, node_world_up, node_world_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_partition_that_is_led_as_preferred_needs_no_election),
		TEST(replicas_move_to_brokers_that_are_there_only),
		TEST(the_producers_of_a_partition_are_told),
		TEST(there_are_no_transactions),
		TEST(without_an_authorizer_there_are_no_acls),
		TEST(nodes_that_are_not_there_cannot_go_and_voters_stay_as_they_are),
		TEST(a_node_that_is_to_be_a_voter_is_asked_what_it_speaks),
		TEST(the_root_logger_is_the_level_of_diagnostics),
		TEST(a_value_that_is_too_long_to_be_quoted_is_refused_all_the_same),
		TEST(thousands_of_settings_of_a_broker_are_not_each_compared_with_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
