/*
 * operating: what three nodes tell those who operate them: log lines, readiness, metrics, and the
 * dashboard made of these.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "controller/controller.h"
#include "protocol/alter_partition_reassignments.h"
#include "protocol/alter_user_scram_credentials.h"
#include "protocol/broker_registration.h"
#include "protocol/create_topics.h"
#include "protocol/produce.h"
#include "protocol/unregister_broker.h"
#include "security/scram.h"
#include "tests/base/cm.h"
#include "tests/broker/cluster_world.h"
#include "wire/batch.h"
#include "wire/codec.h"

enum { MANY = 60 };

static const char *const overrides[] = {"odradek.http.listeners=:9644", NULL};

static void start_all(void)
{
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_start(i);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_serving(i);
}

static void create(int by, const char *name, int partitions)
{
	struct create_topics_request_topic topic = {
		.name = str_of(name), .num_partitions = partitions, .replication_factor = CLUSTER_NODES};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out = cluster_ask(by, CLUSTER_BROKER, create_topics_request_KEY, &in);

	assert_non_null(out);
	assert_int_equal(out->topics.v->error_code, 0);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_topic(i, name);
}

static int other_than(int i)
{
	return i == 0 ? 1 : 0;
}

/* ---- the log ---- */

static void wait_for_line(int by, const char *line)
{
	for (int i = 0; i < 3000 && !cluster_said(by, line); i++)
		sim_run_for(cluster_sim(), 10);
	if (!cluster_said(by, line))
		fail_msg("node %d has not said: %s", by + 1, line);
}

/* Waits until all nodes serve; returns the leader of the quorum. */
static int begin(uint64_t seed)
{
	cluster_up(seed, overrides);
	start_all();
	return cluster_wait_leader();
}

static void who_leads_and_who_is_let_in_is_said_in_one_line(void **state)
{
	int leader;

	(void)state;
	leader = begin(1);
	assert_int_equal(cluster_said(leader, "this node leads the metadata quorum: epoch="), 1);
	for (int i = 0; i < CLUSTER_NODES; i++) {
		char line[64];

		snprintf(line, sizeof(line), "broker is registered: broker=%d epoch=", i + 1);
		assert_int_equal(cluster_said(leader, line), 1);
		snprintf(line, sizeof(line), "broker is unfenced: broker=%d epoch=", i + 1);
		assert_int_equal(cluster_said(leader, line), 1);
		assert_int_equal(cluster_said(i, "broker is unfenced"), i == leader ? CLUSTER_NODES : 0);
	}
	cluster_down();
}

static void a_start_is_said_in_kafkas_words(void **state)
{
	(void)state;
	begin(18);
	for (int i = 0; i < CLUSTER_NODES; i++) {
		char line[64];

		snprintf(line, sizeof(line), "[KafkaRaftServer nodeId=%d] Kafka Server started", i + 1);
		assert_int_equal(cluster_said(i, line), 1);
	}
	cluster_down();
}

/* ---- the log: credentials ---- */

static void set_credentials(int leader, int n)
{
	static struct alter_user_scram_credentials_request_upsertion set[64];
	static char names[64][16];
	struct alter_user_scram_credentials_request in = {.upsertions = {set, n}};

	for (int i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "user%d", i);
		set[i] = (struct alter_user_scram_credentials_request_upsertion){
			.name = str_of(names[i]),
			.mechanism = SCRAM_SHA_256,
			.iterations = 4096,
			.salt = {(const uint8_t *)"salt", 4},
			.salted_password = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32},
		};
	}
	assert_non_null(cluster_ask(leader, CLUSTER_BROKER, alter_user_scram_credentials_request_KEY, &in));
	sim_run_for(cluster_sim(), 1000);
}

static void delete_credential(int leader, const char *name)
{
	struct alter_user_scram_credentials_request_deletion d = {.name = str_of(name), .mechanism = SCRAM_SHA_256};
	struct alter_user_scram_credentials_request in = {.deletions = {&d, 1}};

	assert_non_null(cluster_ask(leader, CLUSTER_BROKER, alter_user_scram_credentials_request_KEY, &in));
	sim_run_for(cluster_sim(), 1000);
}

static void a_credential_that_changes_is_told_of_in_kafkas_words(void **state)
{
	int leader;

	(void)state;
	leader = begin(19);
	set_credentials(leader, 1);
	set_credentials(leader, 1);
	delete_credential(leader, "user0");
	for (int i = 0; i < CLUSTER_NODES; i++) {
		assert_int_equal(cluster_said(i, "Replayed UserScramCredentialRecord creating new entry for user0 with "
						 "mechanism SCRAM-SHA-256."),
				 i == leader);
		assert_int_equal(cluster_said(i,
					      "Replayed UserScramCredentialRecord modifying existing entry for user0 "
					      "with mechanism SCRAM-SHA-256."),
				 i == leader);
		assert_int_equal(cluster_said(i, "Replayed RemoveUserScramCredentialRecord for user0 with mechanism "
						 "SCRAM-SHA-256."),
				 i == leader);
	}
	cluster_down();
}

static void many_credentials_are_told_of_in_a_few_lines(void **state)
{
	int leader;

	(void)state;
	leader = begin(20);
	set_credentials(leader, 30);
	sim_run_for(cluster_sim(), 1500);
	assert_int_equal(cluster_said(leader, "Replayed UserScramCredentialRecord creating new entry for "), 20);
	assert_int_equal(
		cluster_said(leader, "more SCRAM credentials have changed than are told of: lines_left_out=10"), 1);
	cluster_down();
}

/* ---- the log: brokers and partitions ---- */

static void a_killed_broker_takes_a_line_however_much_it_led(void **state)
{
	char line[128];
	int leader, killed;

	(void)state;
	leader = begin(2);
	killed = other_than(leader);
	create(leader, "t", MANY);
	cluster_crash(killed, SIM_KILL);
	snprintf(line, sizeof(line), "broker is fenced: broker=%d epoch=", killed + 1);
	wait_for_line(leader, line);
	assert_int_equal(cluster_said(leader, "reason=\"its process is gone\""), 1);
	snprintf(line, sizeof(line), "leaders have moved: partitions=%d from=%d to=", MANY / CLUSTER_NODES, killed + 1);
	assert_int_equal(cluster_said(leader, line), 1);
	assert_int_equal(cluster_said(leader, "leaders have moved"), 1);
	cluster_down();
}

static void a_silent_broker_is_fenced_for_its_silence(void **state)
{
	int leader;

	(void)state;
	leader = begin(3);
	sim_pause(cluster_sim(), other_than(leader), true);
	wait_for_line(leader, "reason=\"no heartbeat within broker.session.timeout.ms\"");
	sim_pause(cluster_sim(), other_than(leader), false);
	cluster_down();
}

static void a_clean_stop_is_a_controlled_shutdown(void **state)
{
	char line[64];
	int leader, stopped;

	(void)state;
	leader = begin(4);
	stopped = other_than(leader);
	create(leader, "t", MANY);
	cluster_stop(stopped);
	snprintf(line, sizeof(line), "broker begins a controlled shutdown: broker=%d ", stopped + 1);
	assert_int_equal(cluster_said(leader, line), 1);
	wait_for_line(leader, "reason=\"controlled shutdown\"");
	snprintf(line, sizeof(line), "leaders have moved: partitions=%d from=%d ", MANY / CLUSTER_NODES, stopped + 1);
	assert_int_equal(cluster_said(leader, line), 1);
	cluster_down();
}

static void register_broker(int leader, int32_t id)
{
	static struct broker_registration_request_feature features[16];
	struct uuid directory = {{0xd0, (uint8_t)id}};
	struct broker_registration_request_listener listener = {STR("PLAINTEXT"), STR("10.9.9.9"), 9092, 0};
	struct broker_registration_request in;
	const struct broker_registration_response *out;

	codec_init(&broker_registration_request_schema, &in);
	in.broker_id = id;
	in.cluster_id = STR("three");
	in.incarnation_id = (struct uuid){{1, (uint8_t)id}};
	in.listeners.v = &listener;
	in.listeners.n = 1;
	in.log_dirs.v = &directory;
	in.log_dirs.n = 1;
	in.previous_broker_epoch = -1;
	in.features.v = features;
	for (const struct controller_feature *f = CONTROLLER_FEATURES; f->name; f++)
		in.features.v[in.features.n++] =
			(struct broker_registration_request_feature){str_of(f->name), f->min, f->max};
	out = cluster_ask(leader, CLUSTER_CONTROLLER, broker_registration_request_KEY, &in);
	assert_non_null(out);
	assert_int_equal(out->error_code, 0);
}

/* Nothing happens to brokers after the last of them: the remaining number is still reported. */
static void lines_that_are_left_out_are_counted_when_the_second_is_over(void **state)
{
	int leader;

	(void)state;
	leader = begin(17);
	sim_run_for(cluster_sim(), 2000);
	for (int i = 0; i < 25; i++)
		register_broker(leader, 100 + i);
	assert_int_equal(cluster_said(leader, "broker is registered: broker=1"), 21); /* and broker 1 */
	assert_int_equal(cluster_said(leader, "more brokers came and went than are told of"), 0);
	sim_run_for(cluster_sim(), 1500);
	assert_int_equal(cluster_said(leader, "more brokers came and went than are told of: lines_left_out=5"), 1);
	cluster_down();
}

/* ---- metrics ---- */

/* The number after "\nNAME "; fails when there is no such line. */
static double metric(int node, const char *name)
{
	const char *text = cluster_web(node, "/metrics");
	char line[256];
	const char *at;

	snprintf(line, sizeof(line), "\n%s ", name);
	at = strstr(text, line);
	if (!at)
		fail_msg("no line of %s", name);
	return strtod(at + strlen(line), NULL);
}

static void expect_metric(int node, const char *name, double value)
{
	double is = metric(node, name);

	if (is != value)
		fail_msg("node %d: %s is %g, not %g", node + 1, name, is, value);
}

static void wait_metric(int node, const char *name, double value)
{
	char line[256];
	double is;

	snprintf(line, sizeof(line), "\n%s ", name);
	for (int i = 0; i < 300 && !strstr(cluster_web(node, "/metrics"), line);
	     i++) /* it does not exist from the start */
		sim_run_for(cluster_sim(), 10);
	is = metric(node, name);
	for (int i = 0; i < 300 && is != value; i++) {
		sim_run_for(cluster_sim(), 100);
		is = metric(node, name);
	}
	if (is != value)
		fail_msg("node %d: %s stays %g, and does not become %g", node + 1, name, is, value);
}

static void the_quorum_is_told_in_numbers(void **state)
{
	int leader, other;

	(void)state;
	leader = begin(5);
	other = other_than(leader);
	create(leader, "t", MANY);
	for (int i = 0; i < CLUSTER_NODES; i++) {
		expect_metric(i, "kafka_server_raft_metrics_current_leader", leader + 1);
		expect_metric(i, "kafka_server_raft_metrics_number_of_voters", CLUSTER_NODES);
		expect_metric(i, "odradek_quorum_commits", 1);
		expect_metric(i, "kafka_controller_kafkacontroller_activecontrollercount", i == leader);
		expect_metric(i, "kafka_controller_kafkacontroller_activebrokercount", CLUSTER_NODES);
		expect_metric(i, "kafka_controller_kafkacontroller_globalpartitioncount", MANY);
		expect_metric(i, "kafka_controller_kafkacontroller_metadataerrorcount", 0);
		assert_true(metric(i, "kafka_server_broker_metadata_metrics_last_applied_record_lag_ms") < 2000);
		assert_true(metric(i, "kafka_server_broker_metadata_metrics_last_applied_record_offset") >= 0);
		expect_metric(i, "kafka_server_replicamanager_leadercount", MANY / CLUSTER_NODES);
	}
	expect_metric(leader, "kafka_server_raft_metrics_current_state{state=\"leader\"}", 1);
	expect_metric(other, "kafka_server_raft_metrics_current_state{state=\"follower\"}", 1);
	assert_true(metric(leader, "odradek_quorum_candidacies_total") >= 1);
	assert_true(metric(leader, "kafka_server_raft_metrics_election_latency_avg") >= 0);
	assert_true(metric(leader, "kafka_server_raft_metrics_commit_latency_max") > 0);
	assert_true(metric(leader, "kafka_server_raft_metrics_append_records_rate") > 0);
	expect_metric(leader, "kafka_server_raft_metrics_fetch_records_rate", 0);
	assert_true(metric(other, "kafka_server_raft_metrics_fetch_records_rate") > 0);
	assert_true(metric(other, "odradek_quorum_commits_total") > 1);
	assert_true(metric(leader, "kafka_server_raft_metrics_log_end_offset") >=
		    metric(leader, "kafka_server_raft_metrics_high_watermark"));
	assert_true(metric(leader, "kafka_controller_kafkacontroller_timesincelastheartbeatreceivedms{broker=\"1\"}") <
		    3000);
	assert_null(strstr(cluster_web(other, "/metrics"), "timesincelastheartbeatreceivedms{"));
	cluster_down();
}

static void a_broker_that_is_gone_is_seen_in_the_numbers(void **state)
{
	char name[128];
	int leader, killed, left;
	double let_in;

	(void)state;
	leader = begin(6);
	killed = other_than(leader);
	left = CLUSTER_NODES - leader - killed;
	create(leader, "t", MANY);
	let_in = metric(leader, "odradek_controller_brokers_unfenced_total");
	cluster_crash(killed, SIM_KILL);
	wait_metric(left, "kafka_controller_kafkacontroller_fencedbrokercount", 1);
	expect_metric(left, "odradek_controller_brokers_fenced_total", 1);
	expect_metric(leader, "odradek_controller_brokers_fenced_total", 1);
	expect_metric(leader, "odradek_controller_leaders_moved_total", MANY / CLUSTER_NODES);
	expect_metric(leader, "kafka_controller_kafkacontroller_preferredreplicaimbalancecount", MANY / CLUSTER_NODES);
	expect_metric(leader, "odradek_cluster_under_replicated_partitions", MANY);
	expect_metric(leader, "kafka_controller_kafkacontroller_offlinepartitionscount", 0);
	snprintf(name, sizeof(name), "kafka_controller_kafkacontroller_brokerregistrationstate{broker=\"%d\"}",
		 killed + 1);
	expect_metric(leader, name, 10);
	snprintf(name, sizeof(name), "odradek_broker_leader_count{broker=\"%d\"}", killed + 1);
	expect_metric(leader, name, 0);
	snprintf(name, sizeof(name), "kafka_controller_kafkacontroller_brokerregistrationstate{broker=\"%d\"}",
		 left + 1);
	expect_metric(leader, name, 30);
	cluster_start(killed);
	cluster_wait_serving(killed);
	wait_metric(leader, "odradek_cluster_under_replicated_partitions", 0);
	expect_metric(leader, "odradek_controller_brokers_unfenced_total", let_in + 1);
	cluster_down();
}

/* Kafka counts it no matter whether it is fenced yet. */
static void a_broker_that_has_shut_down_stays_counted_as_such(void **state)
{
	int leader;

	(void)state;
	leader = begin(16);
	create(leader, "t", MANY); /* a broker that leads nothing is fenced at once */
	cluster_stop(other_than(leader));
	wait_metric(leader, "kafka_controller_kafkacontroller_fencedbrokercount", 1);
	expect_metric(leader, "kafka_controller_kafkacontroller_controlledshutdownbrokercount", 1);
	cluster_down();
}

/* ---- what moves ---- */

/* One partition with these replicas, led by the first. Returns its topic's id. */
static struct uuid create_at(int by, const char *name, int32_t *replicas, int n, bool unclean)
{
	struct create_topics_request_assignment a = {0, {replicas, n}};
	struct create_topics_request_config c = {STR("unclean.leader.election.enable"), STR("true")};
	struct create_topics_request_topic topic = {str_of(name), -1, -1, {&a, 1}, {&c, unclean}};
	struct create_topics_request in = {.topics = {&topic, 1}, .timeout_ms = 30000};
	const struct create_topics_response *out = cluster_ask(by, CLUSTER_BROKER, create_topics_request_KEY, &in);

	assert_non_null(out);
	assert_int_equal(out->topics.v->error_code, 0);
	for (int i = 0; i < CLUSTER_NODES; i++)
		cluster_wait_topic(i, name);
	return out->topics.v->topic_id;
}

static void a_reassignment_is_said_when_it_begins_and_when_it_ends(void **state)
{
	static int32_t first[] = {1, 2}, then[] = {1, 3};
	struct alter_partition_reassignments_request_partition p = {0, {then, 2}};
	struct alter_partition_reassignments_request_topic topic = {STR("t"), {&p, 1}};
	struct alter_partition_reassignments_request in = {30000, true, {&topic, 1}};
	const struct alter_partition_reassignments_response *out;
	int leader;

	(void)state;
	leader = begin(12);
	create_at(leader, "t", first, 2, false);
	out = cluster_ask(leader, CLUSTER_BROKER, alter_partition_reassignments_request_KEY, &in);
	assert_non_null(out);
	assert_int_equal(out->responses.v->partitions.v->error_code, 0);
	wait_for_line(leader, "reassignments have begun: partitions=1 one=t-0");
	wait_for_line(leader, "reassignments have ended: partitions=1 one=t-0");
	for (int i = 0; i < CLUSTER_NODES; i++) {
		wait_metric(i, "odradek_controller_reassignments_ended_total", 1);
		expect_metric(i, "odradek_controller_reassignments_begun_total", 1);
		expect_metric(i, "odradek_cluster_reassigning_partitions", 0);
	}
	cluster_down();
}

/* Kafka does not count a replica that is being added. */
static void a_replica_that_is_added_is_not_missed(void **state)
{
	int32_t first[2], then[2];
	struct alter_partition_reassignments_request_partition p = {0, {then, 2}};
	struct alter_partition_reassignments_request_topic topic = {STR("t"), {&p, 1}};
	struct alter_partition_reassignments_request in = {30000, true, {&topic, 1}};
	const struct alter_partition_reassignments_response *out;
	int leader, other, added;

	(void)state;
	leader = begin(15);
	other = other_than(leader);
	added = CLUSTER_NODES - leader - other;
	first[0] = then[0] = leader + 1;
	first[1] = other + 1;
	then[1] = added + 1;
	create_at(leader, "t", first, 2, false);
	wait_metric(leader, "kafka_cluster_partition_insyncreplicascount{topic=\"t\",partition=\"0\"}", 2);
	sim_pause(cluster_sim(), added, true);
	out = cluster_ask(leader, CLUSTER_BROKER, alter_partition_reassignments_request_KEY, &in);
	assert_non_null(out);
	assert_int_equal(out->responses.v->partitions.v->error_code, 0);
	wait_metric(leader, "odradek_cluster_reassigning_partitions", 1);
	expect_metric(leader, "kafka_cluster_partition_replicascount{topic=\"t\",partition=\"0\"}", 2);
	expect_metric(leader, "kafka_cluster_partition_underreplicated{topic=\"t\",partition=\"0\"}", 0);
	expect_metric(leader, "kafka_server_replicamanager_underreplicatedpartitions", 0);
	expect_metric(leader, "odradek_cluster_under_replicated_partitions", 0);
	wait_metric(other, "kafka_cluster_partition_replicascount{topic=\"t\",partition=\"0\"}", 0);
	expect_metric(other, "kafka_cluster_partition_insyncreplicascount{topic=\"t\",partition=\"0\"}", 0);
	sim_pause(cluster_sim(), added, false);
	wait_metric(leader, "odradek_cluster_reassigning_partitions", 0);
	cluster_down();
}

static void a_leader_that_may_lack_records_is_told_of(void **state)
{
	int32_t replicas[2];
	int leader, last, behind;

	(void)state;
	leader = begin(13);
	last = other_than(leader);
	behind = CLUSTER_NODES - leader - last;
	replicas[0] = last + 1;
	replicas[1] = behind + 1;
	create_at(leader, "t", replicas, 2, true);
	cluster_crash(behind, SIM_KILL);
	wait_metric(leader, "kafka_controller_kafkacontroller_fencedbrokercount", 1);
	cluster_crash(last, SIM_KILL); /* alone in sync; and the majority goes with it */
	cluster_start(behind);
	leader = cluster_wait_leader();
	wait_metric(behind, "kafka_controller_controllerstats_uncleanleaderelections_total", 1);
	wait_for_line(leader, "leaders were elected that may lack committed records: partitions=1 ");
	cluster_down();
}

static void produce(int node, struct uuid topic_id, int count)
{
	struct produce_request_partition partition = {.index = 0};
	struct produce_request_topic topic;
	struct produce_request in;
	const struct produce_response *out;
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder builder;
	struct buf b = {0};

	codec_init(&produce_request_topic_schema, &topic);
	codec_init(&produce_request_schema, &in);
	batch_begin(&builder, &b, &o);
	for (int i = 0; i < count; i++)
		batch_add(&builder, 1, BYTES_NULL, (struct bytes){(const uint8_t *)"x", 1});
	batch_end(&builder);
	put_i32(b.p + BATCH_AT_LEADER_EPOCH, -1);
	partition.records = (struct records){.p = b.p, .len = (int32_t)b.len};
	topic.topic_id = topic_id;
	topic.partition_data.v = &partition;
	topic.partition_data.n = 1;
	in.acks = 1;
	in.timeout_ms = 5000;
	in.topic_data.v = &topic;
	in.topic_data.n = 1;
	out = cluster_ask(node, CLUSTER_BROKER, produce_request_KEY, &in);
	assert_non_null(out);
	assert_int_equal(out->responses.v->partition_responses.v->error_code, 0);
	buf_fini(&b);
}

static void how_far_a_replica_is_behind_is_told_by_its_leader_and_by_itself(void **state)
{
	static int32_t replicas[] = {1, 2};
	struct uuid id;

	(void)state;
	cluster_up(14, overrides);
	start_all();
	id = create_at(0, "t", replicas, 2, false);
	produce(0, id, 1);
	wait_metric(0, "odradek_partition_replica_lag{topic=\"t\",partition=\"0\"}", 0);
	sim_pause(cluster_sim(), 1, true);
	produce(0, id, 5);
	expect_metric(0, "odradek_partition_replica_lag{topic=\"t\",partition=\"0\"}", 5);
	expect_metric(0, "kafka_cluster_partition_insyncreplicascount{topic=\"t\",partition=\"0\"}", 2);
	sim_pause(cluster_sim(), 1, false);
	wait_metric(0, "odradek_partition_replica_lag{topic=\"t\",partition=\"0\"}", 0);
	wait_metric(
		1,
		"kafka_server_fetcherlagmetrics_consumerlag{clientId=\"ReplicaFetcherThread-0-1\",topic=\"t\",partition=\"0\"}",
		0);
	expect_metric(1, "kafka_server_replicafetchermanager_maxlag{clientId=\"Replica\"}", 0);
	assert_true(metric(1, "kafka_server_replicafetchermanager_minfetchrate{clientId=\"Replica\"}") > 0);
	cluster_down();
}

/* ---- the dashboard ---- */

/*
 * Checks every name in a PromQL expression that looks like one of ours or of Kafka's. Returns their
 * number.
 */
static int names_are_printed(const char *expr, const char *text)
{
	int n = 0;

	for (const char *p = expr; *p;) {
		size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_");
		char line[256];

		if (strncmp(p, "kafka_", 6) == 0 || strncmp(p, "odradek_", 8) == 0) {
			snprintf(line, sizeof(line), "\n# TYPE %.*s ", (int)len, p);
			if (!strstr(text, line))
				fail_msg("the dashboard asks for what nobody prints: %.*s", (int)len, p);
			n++;
		}
		p += len > 0 ? len : 1;
	}
	return n;
}

static int look_through(const json_t *value, const char *text)
{
	const char *key;
	json_t *member;
	size_t i;
	int n = 0;

	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		if (json_is_string(member))
			n += names_are_printed(json_string_value(member), text);
		else
			n += look_through(member, text);
	}
	json_array_foreach(value, i, member) n += look_through(member, text);
	return n;
}

static void the_dashboard_asks_for_what_is_printed(void **state)
{
	const char *root = getenv("srcdir");
	json_error_t error;
	json_t *dashboard;
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/config/grafana/odradek.json", root ? root : ".");
	dashboard = json_load_file(path, 0, &error);
	if (!dashboard)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	cluster_up(11, overrides);
	start_all();
	assert_true(look_through(dashboard, cluster_web(0, "/metrics")) > 40);
	json_decref(dashboard);
	cluster_down();
}

/* ---- readiness ---- */

static bool is_ready(int node)
{
	return strncmp(cluster_web(node, "/readyz"), "HTTP/1.1 200 ", 13) == 0;
}

static void wait_unready(int node, const char *reason)
{
	const char *text = cluster_web(node, "/readyz");

	for (int i = 0; i < 300 && (strncmp(text, "HTTP/1.1 503 ", 13) != 0 || !strstr(text, reason)); i++) {
		sim_run_for(cluster_sim(), 100);
		text = cluster_web(node, "/readyz");
	}
	if (!strstr(text, reason))
		fail_msg("node %d does not say: %s, but %s", node + 1, reason, text);
}

static void wait_ready(int node)
{
	for (int i = 0; i < 300 && !is_ready(node); i++)
		sim_run_for(cluster_sim(), 100);
	assert_true(is_ready(node));
}

static void cut_off(int node, bool cut)
{
	for (int i = 0; i < CLUSTER_NODES; i++) {
		if (i == node)
			continue;
		sim_cut(cluster_sim(), node, i, cut);
		sim_cut(cluster_sim(), i, node, cut);
	}
}

static void a_broker_that_is_let_in_no_more_is_not_ready(void **state)
{
	struct unregister_broker_request in = {0};
	const struct unregister_broker_response *out;
	int leader, other;

	(void)state;
	leader = begin(7);
	other = other_than(leader);
	assert_true(is_ready(other));
	in.broker_id = other + 1;
	out = cluster_ask(leader, CLUSTER_BROKER, unregister_broker_request_KEY, &in);
	assert_non_null(out);
	assert_int_equal(out->error_code, 0);
	wait_unready(other, "this broker is registered no more");
	assert_non_null(strstr(cluster_web(other, "/healthz"), "200 OK"));
	assert_true(is_ready(leader));
	cluster_down();
}

static void a_broker_serves_on_while_nobody_decides(void **state)
{
	int leader;

	(void)state;
	leader = begin(8);
	for (int i = 0; i < CLUSTER_NODES; i++)
		if (i != leader)
			cluster_crash(i, SIM_KILL);
	wait_metric(leader, "odradek_quorum_commits", 0);
	assert_true(is_ready(leader));
	for (int i = 0; i < CLUSTER_NODES; i++)
		if (i != leader)
			cluster_start(i);
	wait_metric(leader, "odradek_quorum_commits", 1);
	cluster_down();
}

static void a_node_that_is_cut_off_knows_that_the_quorum_does_not_commit_for_it(void **state)
{
	int leader, other;

	(void)state;
	leader = begin(9);
	other = other_than(leader);
	cut_off(other, true);
	wait_metric(other, "odradek_quorum_commits", 0);
	sim_run_for(cluster_sim(), 20000);
	expect_metric(other, "odradek_quorum_commits", 0); /* though it still takes the same node for the leader */
	expect_metric(leader, "odradek_quorum_commits", 1);
	cut_off(other, false);
	wait_metric(other, "odradek_quorum_commits", 1);
	cluster_down();
}

static void a_controller_alone_is_ready_when_its_quorum_commits(void **state)
{
	(void)state;
	cluster_up_split(10, overrides);
	cluster_start(0);
	cluster_start(1);
	wait_ready(0);
	wait_ready(1);
	cluster_start(2);
	cluster_wait_serving(2);
	cluster_crash(0, SIM_KILL);
	assert_true(is_ready(1)); /* it serves */
	cluster_crash(2, SIM_KILL);
	cluster_start(2);
	sim_run_for(cluster_sim(), 3000);
	wait_unready(2, "metadata"); /* it cannot join */
	cluster_start(0);
	wait_ready(2);
	cluster_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_leads_and_who_is_let_in_is_said_in_one_line),
		cmocka_unit_test(a_start_is_said_in_kafkas_words),
		cmocka_unit_test(a_credential_that_changes_is_told_of_in_kafkas_words),
		cmocka_unit_test(many_credentials_are_told_of_in_a_few_lines),
		cmocka_unit_test(a_killed_broker_takes_a_line_however_much_it_led),
		cmocka_unit_test(a_silent_broker_is_fenced_for_its_silence),
		cmocka_unit_test(a_clean_stop_is_a_controlled_shutdown),
		cmocka_unit_test(the_quorum_is_told_in_numbers),
		cmocka_unit_test(a_broker_that_is_gone_is_seen_in_the_numbers),
		cmocka_unit_test(a_reassignment_is_said_when_it_begins_and_when_it_ends),
		cmocka_unit_test(lines_that_are_left_out_are_counted_when_the_second_is_over),
		cmocka_unit_test(a_replica_that_is_added_is_not_missed),
		cmocka_unit_test(a_broker_that_has_shut_down_stays_counted_as_such),
		cmocka_unit_test(a_leader_that_may_lack_records_is_told_of),
		cmocka_unit_test(how_far_a_replica_is_behind_is_told_by_its_leader_and_by_itself),
		cmocka_unit_test(the_dashboard_asks_for_what_is_printed),
		cmocka_unit_test(a_broker_that_is_let_in_no_more_is_not_ready),
		cmocka_unit_test(a_broker_serves_on_while_nobody_decides),
		cmocka_unit_test(a_node_that_is_cut_off_knows_that_the_quorum_does_not_commit_for_it),
		cmocka_unit_test(a_controller_alone_is_ready_when_its_quorum_commits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
