/*
 * The runtime of coordinators in a whole node: its topic is created; shards are loaded, written,
 * refused and unloaded; acknowledged records survive kills and power cuts.
 */
#include <stdio.h>
#include <string.h>

#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#include "base/err.h"
#include "base/mem.h"
#include "group/group.h"
#include "protocol/consumer_group_heartbeat.h"
#include "protocol/find_coordinator.h"
#include "protocol/heartbeat.h"
#include "protocol/join_group.h"
#include "protocol/list_groups.h"
#include "protocol/offset_commit.h"
#include "protocol/offset_fetch.h"
#include "protocol/sync_group.h"

#define PARTITIONS 50

static void restart_with(const char *setting)
{
	bring_down();
	w->overrides[0] = setting;
	bring_up();
	client_open(&w->a);
	client_open(&w->b);
}

static void die_and_come_back(enum sim_crash how)
{
	sim_crash(w->sim, NODE, how);
	sim_restart(w->sim, NODE);
	bring_up();
	client_open(&w->a);
	client_open(&w->b);
}

/* ---- requests ---- */

static struct find_coordinator_response_coordinator ask_coordinator(int8_t type, const char *name)
{
	struct find_coordinator_request in;
	struct find_coordinator_response out;
	struct str key = str_of(name);

	codec_init(&find_coordinator_request_schema, &in);
	in.key_type = type;
	in.coordinator_keys.v = &key;
	in.coordinator_keys.n = 1;
	client_send(&w->a, &find_coordinator_request_schema, 6, &in);
	client_take(&w->a, &find_coordinator_response_schema, 6, &out);
	return out.coordinators.v[0];
}

static int find_coordinator(const char *group)
{
	struct find_coordinator_response_coordinator c = ask_coordinator(0, group);

	if (c.error_code == 0)
		assert_int_equal(c.port, PORT);
	return c.error_code;
}

static void send_commit_of(struct client *c, struct str group, int64_t offset, struct str note)
{
	struct offset_commit_request_partition p = {0, offset, -1, note};
	struct offset_commit_request_topic t = {.name = STR("t"), .partitions = {&p, 1}};
	struct offset_commit_request in;

	codec_init(&offset_commit_request_schema, &in);
	in.group_id = group;
	in.topics.v = &t;
	in.topics.n = 1;
	client_send(c, &offset_commit_request_schema, 8, &in);
}

static void send_commit(struct client *c, const char *group, int64_t offset, const char *note)
{
	send_commit_of(c, str_of(group), offset, str_of(note));
}

static int take_commit(struct client *c)
{
	struct offset_commit_response out;

	client_take(c, &offset_commit_response_schema, 8, &out);
	return out.topics.v[0].partitions.v[0].error_code;
}

static int commit(const char *group, int64_t offset)
{
	send_commit(&w->a, group, offset, "");
	return take_commit(&w->a);
}

static struct str fetched_note; /* beside the offset that fetch() returned last */

static int64_t fetch(const char *group)
{
	int32_t partition = 0;
	struct offset_fetch_request_group_topic t = {.name = STR("t"), .partition_indexes = {&partition, 1}};
	struct offset_fetch_request_group g = {.group_id = str_of(group), .member_epoch = -1, .topics = {&t, 1}};
	struct offset_fetch_request in;
	struct offset_fetch_response out;

	codec_init(&offset_fetch_request_schema, &in);
	in.groups.v = &g;
	in.groups.n = 1;
	client_send(&w->a, &offset_fetch_request_schema, 8, &in);
	client_take(&w->a, &offset_fetch_response_schema, 8, &out);
	if (out.groups.v[0].error_code)
		return -1000 - out.groups.v[0].error_code;
	fetched_note = out.groups.v[0].topics.v[0].partitions.v[0].metadata;
	return out.groups.v[0].topics.v[0].partitions.v[0].committed_offset;
}

/* Waits, like a client, until the coordinator has been found and has loaded. */
static void wait_for_coordinator(const char *group)
{
	for (int i = 0; i < 200 && (find_coordinator(group) || fetch(group) < -1); i++)
		sim_run_for(w->sim, 50);
	assert_true(fetch(group) >= -1);
}

static void make_topic(void)
{
	struct metadata_response out;

	ask_metadata("t", &out);
	assert_int_equal(out.topics.v[0].error_code, 0);
	wait_for_coordinator("");
}

/* Another group in the shard of "". */
static const char *neighbour(int i)
{
	static char names[8][16];

	for (int n = 0, found = 0;; n++) {
		snprintf(names[i], sizeof(names[i]), "n%d", n);
		if (shard_partition_of(str_of(names[i]), PARTITIONS) == 0 && found++ == i)
			return names[i];
	}
}

static int count_batches(int64_t from)
{
	struct fetch_response_partition f;
	struct batch_iter it;
	int n = 0;

	send_fetch(&w->a, "__consumer_offsets", from, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	for (it = batch_iter(f.records.p, (size_t)f.records.len); batch_next(&it);)
		n += it.header.base_offset >= from;
	return n;
}

static int64_t end_of_shard(void)
{
	struct fetch_response_partition f;

	send_fetch(&w->a, "__consumer_offsets", 0, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	return f.high_watermark;
}

/* ---- tests ---- */

static void the_topic_is_made_when_a_coordinator_is_looked_for(void **state)
{
	struct metadata_response out;

	(void)state;
	assert_int_equal(find_coordinator("g"), ERR_COORDINATOR_NOT_AVAILABLE);
	wait_for_coordinator("g");
	ask_metadata("__consumer_offsets", &out);
	assert_int_equal(out.topics.v[0].partitions.n, PARTITIONS);
	assert_true(out.topics.v[0].is_internal);
}

/* One key at a time to version 3, a list from 4 on; version 0 knows groups alone. */
static void every_version_finds_the_coordinator(void **state)
{
	struct str keys[] = {STR("g"), STR("h")};

	(void)state;
	make_topic();
	for (int version = 0; version <= 6; version++) {
		struct find_coordinator_request in;
		struct find_coordinator_response out;

		codec_init(&find_coordinator_request_schema, &in);
		if (version < 4) {
			in.key = keys[0];
		} else {
			in.coordinator_keys.v = keys;
			in.coordinator_keys.n = 2;
		}
		client_send(&w->a, &find_coordinator_request_schema, version, &in);
		client_take(&w->a, &find_coordinator_response_schema, version, &out);
		for (int i = 0; version < 4 ? i < 1 : i < out.coordinators.n; i++) {
			const struct find_coordinator_response_coordinator *c = &out.coordinators.v[i];

			assert_int_equal(version < 4 ? out.error_code : c->error_code, 0);
			assert_int_equal(version < 4 ? out.node_id : c->node_id, 1);
			assert_true(str_is(version < 4 ? out.host : c->host, "10.0.0.1"));
			assert_int_equal(version < 4 ? out.port : c->port, PORT);
			assert_true(version < 4 || str_eq(c->key, keys[i]));
		}
		assert_int_equal(out.coordinators.n, version < 4 ? 0 : 2);
	}
}

/* Nobody writes what a coordinator will read, but Kafka's own admin client. */
static void no_client_writes_to_a_coordinators_topic(void **state)
{
	(void)state;
	make_topic();
	assert_int_equal(ask_produce("__consumer_offsets", "x").error_code, ERR_INVALID_TOPIC_EXCEPTION);
	w->a.id = "__admin_client";
	assert_int_equal(ask_produce("__consumer_offsets", "x").error_code, ERR_INVALID_RECORD); /* it has no key */
}

/* Offsets of partitions 0 and 7 of "t", which has one, and of a topic that is not there; n of the topics. */
static struct offset_commit_response commit_some(int version, int n)
{
	struct offset_commit_request_partition p[2];
	struct offset_commit_request_topic t[2];
	struct offset_commit_request in;
	struct offset_commit_response out;

	codec_init(&offset_commit_request_schema, &in);
	for (int i = 0; i < 2; i++) {
		codec_init(&offset_commit_request_partition_schema, &p[i]);
		codec_init(&offset_commit_request_topic_schema, &t[i]);
		p[i].partition_index = 7 * i;
		p[i].committed_offset = 40 + version;
		p[i].committed_metadata = STR_NULL;
		t[i].name = i ? STR("nothing") : STR("t");
		t[i].partitions.v = p;
		t[i].partitions.n = 2 - i;
	}
	in.group_id = STR("g");
	in.topics.v = t;
	in.topics.n = n;
	client_send(&w->a, &offset_commit_request_schema, version, &in);
	client_take(&w->a, &offset_commit_response_schema, version, &out);
	return out;
}

static int error_of(const struct offset_commit_response *r, const char *topic, int32_t partition)
{
	for (int i = 0; i < r->topics.n; i++)
		for (int j = 0; str_is(r->topics.v[i].name, topic) && j < r->topics.v[i].partitions.n; j++)
			if (r->topics.v[i].partitions.v[j].partition_index == partition)
				return r->topics.v[i].partitions.v[j].error_code;
	fail_msg("no answer for %s-%d", topic, partition);
	return -1;
}

static void what_is_not_there_keeps_the_rest_of_a_commit_from_nothing(void **state)
{
	(void)state;
	make_topic();
	wait_for_coordinator("g");
	for (int version = 2; version <= 9; version++) {
		struct offset_commit_response out = commit_some(version, 2);

		assert_int_equal(error_of(&out, "t", 0), 0);
		assert_int_equal(error_of(&out, "t", 7), ERR_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(error_of(&out, "nothing", 0), ERR_UNKNOWN_TOPIC_OR_PARTITION);
		assert_int_equal(fetch("g"), 40 + version);
		assert_false(str_is_null(fetched_note)); /* a note that is null comes back as none */
		assert_int_equal(fetched_note.len, 0);
		assert_int_equal(commit_some(version, 0).topics.n, 0); /* of nothing: that is no error */
	}
}

static void who_looks_for_a_coordinator_that_is_not_served_is_not_kept_waiting(void **state)
{
	struct find_coordinator_response_coordinator c = ask_coordinator(2, "g:AAAAAAAAAAAAAAAAAAAAAQ:0");

	(void)state;
	assert_int_equal(c.error_code, ERR_UNSUPPORTED_VERSION);
	assert_true(str_is(c.error_message, "Share groups are not served yet."));
}

static void a_commit_outlives_a_kill(void **state)
{
	(void)state;
	make_topic();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(commit("g", i), 0);
		assert_int_equal(commit("h", 100 + i), 0);
		die_and_come_back(SIM_KILL);
		wait_for_coordinator("g");
		wait_for_coordinator("h");
		assert_int_equal(fetch("g"), i);
		assert_int_equal(fetch("h"), 100 + i);
	}
}

/* flush.messages holds the high watermark back, and the answer waits for it. */
static void where_every_message_is_flushed_a_commit_outlives_a_power_cut(void **state)
{
	(void)state;
	restart_with("log.flush.interval.messages=1");
	make_topic();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(commit("g", i), 0);
		die_and_come_back(SIM_POWER);
		wait_for_coordinator("g");
		assert_int_equal(fetch("g"), i);
	}
}

static int beat_of(struct client *c, struct str group, const struct join_group_response *joined)
{
	struct heartbeat_request in;
	struct heartbeat_response out;

	codec_init(&heartbeat_request_schema, &in);
	in.group_id = group;
	in.generation_id = joined->generation_id;
	in.member_id = joined->member_id;
	client_send(c, &heartbeat_request_schema, 3, &in);
	client_take(c, &heartbeat_response_schema, 3, &out);
	return out.error_code;
}

/* A member whose group is still being loaded is told that all is well: it would leave otherwise. Is that so now? */
static bool is_member_let_wait(void)
{
	struct join_group_response joined = {.generation_id = 1, .member_id = STR("m")};
	int64_t before = fetch("");
	int err = beat_of(&w->a, str_of(neighbour(0)), &joined);

	if (before != -1000 - ERR_COORDINATOR_LOAD_IN_PROGRESS || fetch("") != before)
		return false;
	assert_int_equal(err, 0);
	return true;
}

/* Such a log is not taken for an empty one. */
static void a_log_that_cannot_be_read_for_a_while_is_waited_for(void **state)
{
	int64_t met = 0, waited = 0;

	(void)state;
	make_topic();
	assert_int_equal(commit("", 42), 0);
	for (int n = 1; n < 40; n++) {
		int64_t found = -1000;

		sim_crash(w->sim, NODE, SIM_KILL);
		sim_restart(w->sim, NODE);
		w->serving = w->stopped = false;
		assert_true(sim_call(w->sim, NODE, start_node, NULL));
		sim_refuse_descriptors(w->sim, NODE, n, 30);
		assert_true(sim_run_until(w->sim, PATIENCE_MS, is_serving, NULL));
		met += sim_reached(w->sim, SIM_MET_NO_DESCRIPTOR);
		sim_refuse_descriptors(w->sim, NODE, 0, 0);
		client_open(&w->a);
		for (int i = 0; i < 200 && found <= -1000; i++, sim_run_for(w->sim, 50)) {
			waited += is_member_let_wait();
			found = fetch("");
		}
		assert_int_equal(found, 42);
	}
	assert_true(met > 0 && waited > 0);
}

static void commands_of_several_groups_share_a_batch(void **state)
{
	int64_t from;

	(void)state;
	restart_with("group.coordinator.append.linger.ms=50");
	make_topic();
	from = end_of_shard();
	send_commit(&w->a, neighbour(0), 1, "");
	send_commit(&w->b, neighbour(1), 2, "");
	assert_int_equal(take_commit(&w->a), 0);
	assert_int_equal(take_commit(&w->b), 0);
	assert_int_equal(end_of_shard(), from + 2);
	assert_int_equal(count_batches(from), 1);
	assert_int_equal(fetch(neighbour(0)), 1);
	assert_int_equal(fetch(neighbour(1)), 2);
}

static void commands_of_one_group_do_not(void **state)
{
	int64_t from;

	(void)state;
	restart_with("group.coordinator.append.linger.ms=50");
	make_topic();
	from = end_of_shard();
	send_commit(&w->a, neighbour(0), 1, "");
	send_commit(&w->b, neighbour(0), 2, "");
	assert_int_equal(take_commit(&w->a), 0);
	assert_int_equal(take_commit(&w->b), 0);
	assert_int_equal(count_batches(from), 2);
}

static void compressed_records_are_written_and_loaded(void **state)
{
	(void)state;
	restart_with("offsets.topic.compression.codec=4");
	make_topic();
	assert_int_equal(commit("g", 7), 0);
	die_and_come_back(SIM_KILL);
	wait_for_coordinator("g");
	assert_int_equal(fetch("g"), 7);
}

static void a_log_is_loaded_in_pieces(void **state)
{
	(void)state;
	restart_with("offsets.load.buffer.size=1");
	make_topic();
	for (int i = 0; i < 30; i++)
		assert_int_equal(commit("", i), 0);
	die_and_come_back(SIM_KILL);
	wait_for_coordinator("");
	assert_int_equal(fetch(""), 29);
}

static void fill_disk(void *arg)
{
	struct disk_space space;

	(void)arg;
	assert_int_equal(env_space(sim_env(w->sim, NODE), "/data", &space), 0);
	sim_world_options(w->sim)->disk_bytes = space.total - space.usable;
}

static void a_full_disk_refuses_commits_and_keeps_the_old_ones(void **state)
{
	static char note[4001];
	int64_t room = sim_world_options(w->sim)->disk_bytes;
	int last = 0, err = 0;

	(void)state;
	memset(note, 'x', sizeof(note) - 1);
	make_topic();
	assert_int_equal(commit("", 0), 0);
	assert_true(sim_call(w->sim, NODE, fill_disk, NULL));
	for (int i = 1; i < 50 && !err; i++) {
		send_commit(&w->a, "", i, note);
		err = take_commit(&w->a);
		if (!err)
			last = i;
	}
	assert_int_equal(err, ERR_NOT_COORDINATOR);
	assert_int_equal(fetch(""), last);
	sim_world_options(w->sim)->disk_bytes = room;
	sim_run_for(w->sim, 10000);
	assert_int_equal(commit("", 99), 0);
	assert_int_equal(fetch(""), 99);
	die_and_come_back(SIM_KILL);
	wait_for_coordinator("");
	assert_int_equal(fetch(""), 99);
}

/* ---- members ---- */

static void send_join(struct client *c, struct str member_id)
{
	struct join_group_request_protocol p = {STR("range"), {(const uint8_t *)"", 0}};
	struct join_group_request in;

	codec_init(&join_group_request_schema, &in);
	in.group_id = STR("g");
	in.session_timeout_ms = 10000;
	in.rebalance_timeout_ms = 300000;
	in.member_id = member_id;
	in.protocol_type = STR("consumer");
	in.protocols.v = &p;
	in.protocols.n = 1;
	client_send(c, &join_group_request_schema, 3, &in);
}

static int take_join(struct client *c, struct join_group_response *out)
{
	client_take(c, &join_group_response_schema, 3, out);
	out->member_id = arena_str(&w->arena, out->member_id); /* it is in the frame */
	return out->error_code;
}

static int sync(struct client *c, const struct join_group_response *joined)
{
	struct sync_group_request_assignment a = {joined->member_id, {(const uint8_t *)"all", 3}};
	struct sync_group_request in;
	struct sync_group_response out;

	codec_init(&sync_group_request_schema, &in);
	in.group_id = STR("g");
	in.generation_id = joined->generation_id;
	in.member_id = joined->member_id;
	in.assignments.v = &a;
	in.assignments.n = 1;
	client_send(c, &sync_group_request_schema, 3, &in);
	client_take(c, &sync_group_response_schema, 3, &out);
	if (out.error_code == 0)
		assert_int_equal(out.assignment.len, 3);
	return out.error_code;
}

static int beat(struct client *c, const struct join_group_response *joined)
{
	return beat_of(c, STR("g"), joined);
}

static void settle_one(struct join_group_response *joined)
{
	make_topic();
	wait_for_coordinator("g");
	send_join(&w->a, STR(""));
	assert_int_equal(take_join(&w->a, joined), 0);
	assert_int_equal(sync(&w->a, joined), 0);
}

/* Names are kept as C strings; what a consumer notes beside its offset is any text. */
static void a_name_with_a_nul_is_refused_and_a_note_with_one_is_kept(void **state)
{
	(void)state;
	make_topic();
	wait_for_coordinator("g");
	send_commit_of(&w->a, (struct str){"g\0x", 3}, 1, STR(""));
	assert_int_equal(take_commit(&w->a), ERR_INVALID_REQUEST);
	send_commit_of(&w->a, STR("g"), 2, (struct str){"a\0b", 3});
	assert_int_equal(take_commit(&w->a), 0);
	assert_int_equal(fetch("g"), 2);
	assert_int_equal(fetched_note.len, 3);
}

static void a_group_goes_on_after_a_kill(void **state)
{
	struct join_group_response joined;

	(void)state;
	settle_one(&joined);
	assert_int_equal(beat(&w->a, &joined), 0);
	die_and_come_back(SIM_KILL);
	wait_for_coordinator("g");
	assert_int_equal(beat(&w->a, &joined), 0);
	assert_int_equal(sync(&w->a, &joined), 0);
	sim_run_for(w->sim, 11000);
	assert_int_equal(beat(&w->a, &joined), ERR_UNKNOWN_MEMBER_ID);
}

static void a_member_that_waits_is_told_when_the_node_stops(void **state)
{
	struct join_group_response joined, other;

	(void)state;
	settle_one(&joined);
	send_join(&w->b, STR(""));
	sim_run_for(w->sim, 1000);
	assert_false(has_answer(&w->b));
	assert_true(sim_call(w->sim, NODE, stop_node, NULL));
	assert_int_equal(take_join(&w->b, &other), ERR_NOT_COORDINATOR);
	assert_true(sim_run_until(w->sim, PATIENCE_MS, has_stopped, NULL));
}

static void a_member_that_waits_and_hangs_up_is_out_when_its_session_ends(void **state)
{
	struct join_group_response joined;

	(void)state;
	settle_one(&joined);
	send_join(&w->b, STR(""));
	sim_run_for(w->sim, 1000);
	client_open(&w->b); /* nobody waits for the answer any more */
	assert_int_equal(beat(&w->a, &joined), ERR_REBALANCE_IN_PROGRESS);
	bring_down();
}

static void groups_of_all_shards_are_listed(void **state)
{
	struct list_groups_request in = {0};
	struct list_groups_response out;
	char name[16];

	(void)state;
	make_topic();
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "group-%d", i);
		wait_for_coordinator(name);
		assert_int_equal(commit(name, i), 0);
	}
	client_send(&w->a, &list_groups_request_schema, 4, &in);
	client_take(&w->a, &list_groups_response_schema, 4, &out);
	assert_int_equal(out.error_code, 0);
	assert_int_equal(out.groups.n, 40);
}

/* The answer would take more memory than requests may use. */
static void a_group_that_is_named_very_often_is_answered_for_as_long_as_memory_lasts(void **state)
{
	enum { TIMES = 300, NOTE = 4000 };
	static struct offset_fetch_request_group groups[TIMES];
	int32_t partition = 0;
	struct offset_fetch_request_group_topic t = {.name = STR("t"), .partition_indexes = {&partition, 1}};
	struct offset_fetch_request in;
	struct offset_fetch_response out;
	char note[NOTE + 1];

	(void)state;
	restart_with("odradek.request.memory.bytes=1048576");
	make_topic();
	wait_for_coordinator("g");
	memset(note, 'n', NOTE);
	note[NOTE] = 0;
	send_commit(&w->a, "g", 7, note);
	assert_int_equal(take_commit(&w->a), 0);
	for (int i = 0; i < TIMES; i++)
		groups[i] = (struct offset_fetch_request_group){
			.group_id = STR("g"), .member_epoch = -1, .topics = {&t, 1}};
	codec_init(&offset_fetch_request_schema, &in);
	in.groups.v = groups;
	in.groups.n = TIMES;
	client_send(&w->a, &offset_fetch_request_schema, 8, &in);
	client_take(&w->a, &offset_fetch_response_schema, 8, &out);
	assert_int_equal(out.groups.n, TIMES);
	assert_int_equal(out.groups.v[0].error_code, 0);
	assert_int_equal(out.groups.v[0].topics.v[0].partitions.v[0].metadata.len, NOTE);
	assert_int_equal(out.groups.v[TIMES - 1].error_code, ERR_UNKNOWN_SERVER_ERROR);
	assert_int_equal(fetch("g"), 7);
}

static void join_consumer_group(void)
{
	struct consumer_group_heartbeat_request in;
	struct consumer_group_heartbeat_response out;
	struct str name = STR("t");

	codec_init(&consumer_group_heartbeat_request_schema, &in);
	in.group_id = STR("g");
	in.member_id = STR("m");
	in.rebalance_timeout_ms = 5000;
	in.subscribed_topic_names.v = &name;
	in.subscribed_topic_names.n = 1;
	in.topic_partitions.n = 0;
	client_send(&w->a, &consumer_group_heartbeat_request_schema, 1, &in);
	client_take(&w->a, &consumer_group_heartbeat_response_schema, 1, &out);
	assert_int_equal(out.error_code, 0);
}

/*
 * Where large messages are allowed, applying a record may take many times its size, now and during
 * loading.
 */
static void a_record_of_very_many_small_things_is_applied(void **state)
{
	enum { PROTOCOLS = 2500000 };
	struct join_group_request_protocol *v = xcalloc(PROTOCOLS, sizeof(*v));
	struct join_group_request in;
	struct join_group_response out;

	(void)state;
	restart_with("message.max.bytes=10485760");
	make_topic();
	wait_for_coordinator("g");
	join_consumer_group();
	for (int i = 0; i < PROTOCOLS; i++)
		v[i] = (struct join_group_request_protocol){STR(""), {(const uint8_t *)"", 0}};
	v[0].name = STR("range");
	v[0].metadata = (struct bytes){(const uint8_t *)"\0\0\0\0\0\1\0\1t\xff\xff\xff\xff", 13};
	codec_init(&join_group_request_schema, &in);
	in.group_id = STR("g");
	in.session_timeout_ms = in.rebalance_timeout_ms = 10000;
	in.member_id = STR("c");
	in.protocol_type = STR("consumer");
	in.protocols.v = v;
	in.protocols.n = PROTOCOLS;
	client_send(&w->a, &join_group_request_schema, 7, &in);
	client_take(&w->a, &join_group_response_schema, 7, &out);
	assert_int_equal(out.error_code, 0);
	xfree(v);
	die_and_come_back(SIM_KILL);
	wait_for_coordinator("g");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, node_world_up, node_world_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_topic_is_made_when_a_coordinator_is_looked_for),
		TEST(every_version_finds_the_coordinator),
		TEST(no_client_writes_to_a_coordinators_topic),
		TEST(what_is_not_there_keeps_the_rest_of_a_commit_from_nothing),
		TEST(who_looks_for_a_coordinator_that_is_not_served_is_not_kept_waiting),
		TEST(a_commit_outlives_a_kill),
		TEST(where_every_message_is_flushed_a_commit_outlives_a_power_cut),
		TEST(a_log_that_cannot_be_read_for_a_while_is_waited_for),
		TEST(commands_of_several_groups_share_a_batch),
		TEST(commands_of_one_group_do_not),
		TEST(compressed_records_are_written_and_loaded),
		TEST(a_log_is_loaded_in_pieces),
		TEST(a_full_disk_refuses_commits_and_keeps_the_old_ones),
		TEST(a_name_with_a_nul_is_refused_and_a_note_with_one_is_kept),
		TEST(a_group_goes_on_after_a_kill),
		TEST(a_member_that_waits_is_told_when_the_node_stops),
		TEST(a_member_that_waits_and_hangs_up_is_out_when_its_session_ends),
		TEST(groups_of_all_shards_are_listed),
		TEST(a_record_of_very_many_small_things_is_applied),
		TEST(a_group_that_is_named_very_often_is_answered_for_as_long_as_memory_lasts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
