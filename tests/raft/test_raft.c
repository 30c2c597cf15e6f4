/*
 * raft: stories of one voter. Each is a trace: an event, then the effects it must have, in words.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/base/cm.h"

#include "base/err.h"
#include "base/mem.h"
#include "protocol/add_raft_voter.h"
#include "protocol/control_records.h"
#include "protocol/describe_quorum.h"
#include "protocol/remove_raft_voter.h"
#include "raft/control.h"
#include "raft/raft.h"
#include "wire/codec.h"

static const struct uuid DIRECTORY = {{0xd1}};

struct world {
	struct arena arena;
	struct raft *raft;
	struct raft_effects effects;
};

static struct raft_endpoint endpoints[] = {{STR("CONTROLLER"), STR("localhost"), 9093}};
static struct raft_voter own = {1, {{0xd1}}, endpoints, 1, 0, 1};

static void start(struct world *w, const struct raft_start *from)
{
	struct raft_config config = {
		.node_id = 1,
		.directory_id = DIRECTORY,
		.cluster_id = STR("ours"),
		.listener = STR("CONTROLLER"),
		.own = &own,
		.may_become_voter = true,
		.election_timeout_ms = 1000,
		.fetch_timeout_ms = 2000,
		.election_backoff_max_ms = 1000,
		.request_timeout_ms = 2000,
		.retry_backoff_ms = 20,
		.fetch_max_wait_ms = 500,
		.fetch_max_bytes = 1 << 20,
		.fetch_snapshot_max_bytes = 1 << 20,
		.snapshot_max_bytes = 1000,
		.snapshot_max_ms = 60000,
	};

	w->raft = raft_new(&config, from);
}

static struct raft_start empty_start(struct raft_voter *voter)
{
	return (struct raft_start){.snapshot = {-1, 0}, .static_voters = {voter, 1}};
}

/* The voter stands in the log or bootstrap snapshot at this offset; the log goes up to `end`, all in one epoch. */
static struct raft_start dynamic_start(struct raft_voter *voter, int64_t offset, int64_t end, int32_t epoch)
{
	struct raft_start from = {.snapshot = {-1, 0}};
	struct raft_voters voters = {voter, 1};

	raft_history_init(&from.history, 0, 0);
	raft_history_note_kraft_version(&from.history, offset, 1);
	raft_history_note_voters(&from.history, offset, &voters);
	raft_history_note_epoch(&from.history, epoch, 0);
	from.history.end = end;
	return from;
}

static void start_dynamic(struct world *w, struct raft_voter *voter, int64_t offset, int64_t end, int32_t epoch)
{
	struct raft_start from = dynamic_start(voter, offset, end, epoch);

	start(w, &from);
	raft_history_fini(&from.history);
}

/* A log of one epoch that is in no snapshot. */
static void log_of(struct raft_start *from, int64_t end, int32_t epoch)
{
	from->history.end = end;
	raft_history_note_epoch(&from->history, epoch, 0);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	arena_init(&w->arena, 1 << 20);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	raft_free(w->raft);
	arena_fini(&w->arena);
	xfree(w);
	return 0;
}

/* The effects as a line: "write-state 1@1, append-control 0, ...". */
static const char *story(struct world *w)
{
	static char line[512];
	int len = 0;

	line[0] = 0;
	for (int i = 0; i < w->effects.n; i++) {
		const struct raft_effect *e = &w->effects.v[i];
		char *at = line + len;
		size_t left = sizeof(line) - (size_t)len;
		const char *comma = len > 0 ? ", " : "";
		long long offset = (long long)e->offset;

		switch (e->type) {
		case RAFT_EFFECT_WRITE_STATE:
			len += snprintf(at, left, "%swrite-state %d@%d", comma, e->election.leader_id,
					e->election.leader_epoch);
			break;
		case RAFT_EFFECT_APPEND_CONTROL:
			len += snprintf(at, left, "%sappend-control %lld", comma, offset);
			break;
		case RAFT_EFFECT_FLUSH:
			len += snprintf(at, left, "%sflush %lld", comma, offset);
			break;
		case RAFT_EFFECT_COMMIT:
			len += snprintf(at, left, "%scommit %lld", comma, offset);
			break;
		case RAFT_EFFECT_LEADER:
			len += snprintf(at, left, "%sleader %d from %lld", comma, e->epoch, offset);
			break;
		case RAFT_EFFECT_RESIGNED:
			len += snprintf(at, left, "%sresigned %d", comma, e->epoch);
			break;
		case RAFT_EFFECT_CUT_SNAPSHOT:
			len += snprintf(at, left, "%scut-snapshot %lld", comma, offset);
			break;
		case RAFT_EFFECT_CLEAN:
			len += snprintf(at, left, "%sclean %lld", comma, (long long)e->snapshot.end_offset);
			break;
		case RAFT_EFFECT_WAKE:
			len += snprintf(at, left, "%swake %lld", comma, offset);
			break;
		case RAFT_EFFECT_STOPPED:
			len += snprintf(at, left, "%sstopped", comma);
			break;
		case RAFT_EFFECT_SEND:
			len += snprintf(at, left, "%ssend %d to %d", comma, e->api, e->node.id);
			break;
		case RAFT_EFFECT_CHANGE_DONE:
			len += snprintf(at, left, "%schange-done %d", comma, e->err);
			break;
		default:
			len += snprintf(at, left, "%sother %d", comma, (int)e->type);
		}
	}
	return line;
}

static const char *begin(struct world *w)
{
	w->effects = (struct raft_effects){.arena = &w->arena};
	raft_begin(w->raft, &(struct raft_event){.wall_ms = 1000}, &w->effects);
	return story(w);
}

static const char *step(struct world *w, struct raft_event event)
{
	w->effects = (struct raft_effects){.arena = &w->arena};
	raft_step(w->raft, &event, &w->effects);
	return story(w);
}

static const char *append(struct world *w, int32_t n, int64_t bytes)
{
	return step(w, (struct raft_event){.type = RAFT_EVENT_APPENDED, .n_records = n, .bytes = bytes, .now_ms = 1});
}

static const char *flushed(struct world *w, int64_t offset)
{
	return step(w, (struct raft_event){.type = RAFT_EVENT_FLUSHED, .offset = offset, .now_ms = 2});
}

static void a_single_voter_leads_at_once_and_flushes_an_idle_log_at_once(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);

	start(w, &from);
	assert_string_equal(begin(w), "write-state 1@1, append-control 0, leader 1 from 0, flush 1, wake 60000");
	assert_int_equal(raft_high_watermark(w->raft), -1);
	assert_string_equal(flushed(w, 1), "commit 1");
	assert_string_equal(append(w, 3, 100), "flush 4");
	assert_string_equal(flushed(w, 4), "commit 4");
	assert_int_equal(raft_leader_id(w->raft), 1);
}

static void appends_gather_behind_a_flush_in_flight(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);

	start(w, &from);
	begin(w);
	flushed(w, 1);
	assert_string_equal(append(w, 1, 10), "flush 2");
	assert_string_equal(append(w, 1, 10), "");
	assert_string_equal(append(w, 2, 10), "");
	assert_string_equal(flushed(w, 2), "commit 2, flush 5");
	assert_string_equal(append(w, 1, 10), "");
	assert_string_equal(flushed(w, 5), "commit 5, flush 6");
	assert_string_equal(flushed(w, 6), "commit 6");
}

static const char *append_idle(struct world *w, int64_t now_ms)
{
	return step(w,
		    (struct raft_event){
			    .type = RAFT_EVENT_APPENDED, .n_records = 1, .bytes = 10, .now_ms = now_ms, .idle = true});
}

static const char *tick(struct world *w, int64_t now_ms)
{
	return step(w, (struct raft_event){.type = RAFT_EVENT_TICK, .now_ms = now_ms});
}

static void what_nobody_waits_for_is_flushed_later_or_with_what_somebody_waits_for(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);

	start(w, &from);
	begin(w);
	flushed(w, 1);
	assert_string_equal(append_idle(w, 100), "wake 5100");
	assert_string_equal(append_idle(w, 600), "");
	assert_string_equal(tick(w, 5099), "wake 5100");
	assert_string_equal(tick(w, 5100), "flush 3, wake 60000");
	assert_string_equal(append_idle(w, 5101), "wake 10101");
	assert_string_equal(flushed(w, 3), "commit 3");
	assert_string_equal(append(w, 1, 10), "flush 5");
	assert_string_equal(flushed(w, 5), "commit 5");
	assert_string_equal(tick(w, 10101), "wake 60000");
}

static void a_restart_leads_in_a_later_epoch_than_the_log_and_the_file_know(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);

	from.has_election = true;
	from.election = (struct raft_election){1, 4, -1, {{0}}};
	log_of(&from, 10, 7);
	start(w, &from);
	raft_history_fini(&from.history);
	assert_string_equal(begin(w), "write-state 1@8, append-control 10, leader 8 from 10, flush 11, wake 60000");
	assert_string_equal(flushed(w, 11), "commit 11");
}

static void the_high_watermark_waits_for_a_record_of_the_epoch(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);

	from.history.end = 10;
	start(w, &from);
	begin(w);
	assert_int_equal(raft_high_watermark(w->raft), -1);
	assert_string_equal(flushed(w, 10), "flush 11");
	assert_int_equal(raft_high_watermark(w->raft), -1);
}

static void a_node_that_is_not_the_only_voter_does_not_lead(void **state)
{
	struct world *w = *state;
	struct raft_voter two[2] = {own, own};
	struct raft_start from = empty_start(two);

	two[1].id = 2;
	from.static_voters.n = 2;
	start(w, &from);
	assert_string_equal(begin(w), "send 1 to 2, wake 1000");
	assert_int_equal(raft_leader_id(w->raft), -1);
}

static void the_same_id_on_another_disk_does_not_vote_with_kraft_version_1(void **state)
{
	struct world *w = *state;
	struct raft_voter other = own;

	other.directory_id = (struct uuid){{0xd2}};
	start_dynamic(w, &other, -1, 0, 0);
	assert_string_equal(begin(w), "wake 60000");
}

static void a_snapshot_is_cut_when_enough_was_written_and_frees_what_is_below(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);

	start(w, &from);
	begin(w);
	flushed(w, 1);
	assert_string_equal(append(w, 1, 900), "flush 2");
	assert_string_equal(append(w, 1, 900), "");
	assert_string_equal(flushed(w, 2), "commit 2, flush 3, cut-snapshot 2");
	assert_string_equal(flushed(w, 3), "commit 3"); /* one at a time */
	assert_string_equal(step(w, (struct raft_event){.type = RAFT_EVENT_SNAPSHOT, .snapshot = {2, 1}, .now_ms = 50}),
			    "clean 2");
	assert_string_equal(step(w, (struct raft_event){.type = RAFT_EVENT_CLEANED, .snapshot = {2, 1}}), "");
	assert_string_equal(append(w, 1, 10), "flush 4");
	assert_string_equal(flushed(w, 4), "commit 4");
}

static void a_snapshot_is_cut_when_an_hour_has_passed_and_there_is_something_new(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);

	start(w, &from);
	begin(w);
	flushed(w, 1);
	assert_string_equal(step(w, (struct raft_event){.type = RAFT_EVENT_TICK, .now_ms = 59999}), "wake 60000");
	assert_string_equal(step(w, (struct raft_event){.type = RAFT_EVENT_TICK, .now_ms = 60000}), "cut-snapshot 1");
	step(w, (struct raft_event){.type = RAFT_EVENT_SNAPSHOT, .snapshot = {1, 1}, .now_ms = 60001});
	assert_string_equal(step(w, (struct raft_event){.type = RAFT_EVENT_TICK, .now_ms = 120001}), "wake 180001");
}

static void a_shutdown_resigns_and_commits_nothing_more(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);

	start(w, &from);
	begin(w);
	assert_string_equal(step(w, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN}), "resigned 1, stopped");
	assert_string_equal(flushed(w, 1), "");
	assert_int_equal(raft_leader_id(w->raft), -1);
}

/* ---- the first batch of an epoch ---- */

static int types_of(struct bytes batch, int *types, int max)
{
	struct batch_header h;
	struct record_iter it;
	struct record r;
	int n = 0;

	assert_int_equal(batch_header_read(batch.p, (size_t)batch.len, &h), 0);
	assert_true(batch_is_control(&h));
	assert_true(batch_crc_ok(batch.p, &h));
	it = record_iter(&h, batch.p + BATCH_HEADER_SIZE, (size_t)batch.len - BATCH_HEADER_SIZE);
	while (record_next(&it, &r)) {
		assert_true(n < max);
		types[n++] = control_type(r.key);
		if (types[n - 1] == CONTROL_KRAFT_VOTERS) {
			struct raft_voters v;

			assert_int_equal(control_read_voters(r.value, &v), 0);
			assert_int_equal(v.n, 1);
			assert_true(uuid_eq(v.v[0].directory_id, DIRECTORY));
			assert_int_equal(v.v[0].endpoints[0].port, 9093);
			raft_voters_fini(&v);
			for (int32_t len = 0; len < r.value.len; len++)
				assert_int_equal(control_read_voters((struct bytes){r.value.p, len}, &v), -EBADMSG);
		}
	}
	assert_int_equal(it.error, 0);
	return n;
}

static void an_epoch_begins_with_a_leader_change(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);
	int types[4];

	start(w, &from);
	begin(w);
	assert_int_equal(types_of(w->effects.v[1].batch, types, 4), 1);
	assert_int_equal(types[0], CONTROL_LEADER_CHANGE);
}

static void a_dynamic_quorum_writes_its_voters_once(void **state)
{
	struct world *w = *state;
	int types[4];

	start_dynamic(w, &own, -1, 0, 0);
	assert_string_equal(begin(w), "write-state 1@1, append-control 0, leader 1 from 0, flush 3, wake 60000");
	assert_int_equal(types_of(w->effects.v[1].batch, types, 4), 3);
	assert_int_equal(types[1], CONTROL_KRAFT_VERSION);
	assert_int_equal(types[2], CONTROL_KRAFT_VOTERS);
	assert_int_equal(raft_voters_offset(w->raft), 2);
	raft_free(w->raft);

	start_dynamic(w, &own, 2, 3, 1);
	assert_string_equal(begin(w), "write-state 1@2, append-control 3, leader 2 from 3, flush 4, wake 60000");
}

static void a_leader_whose_endpoints_moved_writes_its_voters_anew(void **state)
{
	struct world *w = *state;
	struct raft_endpoint moved = {STR("CONTROLLER"), STR("localhost"), 19093};
	struct raft_voter before = own;

	before.endpoints = &moved;
	start_dynamic(w, &before, 2, 3, 1);
	assert_string_equal(begin(w), "write-state 1@2, append-control 3, leader 2 from 3, flush 6, wake 60000");
	assert_int_equal(raft_voters(w->raft)->v[0].endpoints[0].port, 9093);
}

/* ---- DescribeQuorum ---- */

static void the_leader_describes_itself(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);
	struct describe_quorum_request_partition p = {0};
	struct describe_quorum_request_topic t = {STR("__cluster_metadata"), {&p, 1}};
	struct describe_quorum_request request = {{&t, 1}};
	struct raft_describe how = {.now_ms = 2, .wall_ms = 77, .version = 2, .arena = &w->arena};
	struct describe_quorum_response out;
	struct describe_quorum_response_partition *answer;

	start(w, &from);
	begin(w);
	flushed(w, 1);
	codec_init(&describe_quorum_response_schema, &out);
	raft_describe_quorum(w->raft, &how, &request, &out);
	answer = &out.topics.v[0].partitions.v[0];
	assert_int_equal(answer->error_code, 0);
	assert_int_equal(answer->leader_id, 1);
	assert_int_equal(answer->high_watermark, 1);
	assert_int_equal(answer->current_voters.v[0].log_end_offset, 1);
	assert_int_equal(answer->current_voters.v[0].last_fetch_timestamp, 77);
	assert_int_equal(out.nodes.v[0].listeners.v[0].port, 9093);
	t.topic_name = STR("other");
	codec_init(&describe_quorum_response_schema, &out);
	raft_describe_quorum(w->raft, &how, &request, &out);
	assert_int_equal(out.topics.v[0].partitions.v[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

/* ---- voters that come and go ---- */

static enum raft_outcome ask(struct world *w, int16_t api, const void *in, void *out)
{
	struct raft_request q = {.api = api, .listener = STR("CONTROLLER"), .in = in, .out = out, .arena = &w->arena};

	step(w, (struct raft_event){.type = RAFT_EVENT_REQUEST, .request = &q, .now_ms = 3});
	return q.outcome;
}

static int add_voter(struct world *w, const char *cluster, int32_t id, struct uuid directory, const char *listener)
{
	struct add_raft_voter_request_listener l = {str_of(listener), STR("h"), 1};
	struct add_raft_voter_request in = {.cluster_id = cluster ? str_of(cluster) : STR_NULL,
					    .voter_id = id,
					    .voter_directory_id = directory,
					    .listeners = {&l, 1}};
	struct add_raft_voter_response out;

	codec_init(&add_raft_voter_response_schema, &out);
	ask(w, add_raft_voter_request_KEY, &in, &out);
	return out.error_code;
}

static int remove_voter(struct world *w, const char *cluster, int32_t id, struct uuid directory)
{
	struct remove_raft_voter_request in = {
		.cluster_id = cluster ? str_of(cluster) : STR_NULL, .voter_id = id, .voter_directory_id = directory};
	struct remove_raft_voter_response out;

	codec_init(&remove_raft_voter_response_schema, &out);
	ask(w, remove_raft_voter_request_KEY, &in, &out);
	return out.error_code;
}

static void voters_do_not_change_with_kraft_version_0(void **state)
{
	struct world *w = *state;
	struct raft_start from = empty_start(&own);

	start(w, &from);
	begin(w);
	assert_int_equal(add_voter(w, NULL, 2, DIRECTORY, "CONTROLLER"),
			 ERR_REQUEST_TIMED_OUT); /* no high watermark yet */
	flushed(w, 1);
	assert_int_equal(add_voter(w, "theirs", 2, DIRECTORY, "CONTROLLER"), ERR_INCONSISTENT_CLUSTER_ID);
	assert_int_equal(add_voter(w, "ours", -1, DIRECTORY, "CONTROLLER"), ERR_INVALID_REQUEST);
	assert_int_equal(add_voter(w, "ours", 2, UUID_ZERO, "CONTROLLER"), ERR_INVALID_REQUEST);
	assert_int_equal(add_voter(w, "ours", 2, DIRECTORY, "OTHER"), ERR_INVALID_REQUEST);
	assert_int_equal(add_voter(w, "ours", 2, DIRECTORY, "CONTROLLER"), ERR_UNSUPPORTED_VERSION);
	assert_int_equal(remove_voter(w, "theirs", 1, DIRECTORY), ERR_INCONSISTENT_CLUSTER_ID);
	assert_int_equal(remove_voter(w, NULL, 1, UUID_ZERO), ERR_INVALID_REQUEST);
	assert_int_equal(remove_voter(w, NULL, 1, DIRECTORY), ERR_UNSUPPORTED_VERSION);
}

static void the_last_voter_stays_and_one_that_cannot_be_reached_does_not_come(void **state)
{
	struct world *w = *state;
	int32_t correlation;

	start_dynamic(w, &own, -1, 0, 0);
	begin(w);
	flushed(w, raft_log_end(w->raft));
	assert_int_equal(add_voter(w, NULL, 1, (struct uuid){{9}}, "CONTROLLER"), ERR_DUPLICATE_VOTER);
	assert_int_equal(add_voter(w, NULL, 2, DIRECTORY, "CONTROLLER"), 0);
	assert_string_equal(story(w), "send 18 to 2, wake 2003");
	correlation = w->effects.v[0].correlation;
	assert_int_equal(add_voter(w, NULL, 3, DIRECTORY, "CONTROLLER"), ERR_REQUEST_TIMED_OUT);
	assert_string_equal(step(w, (struct raft_event){.type = RAFT_EVENT_ANSWER,
							.correlation = correlation,
							.err = ERR_BROKER_NOT_AVAILABLE,
							.now_ms = 4}),
			    "change-done 7, wake 24");
	assert_int_equal(remove_voter(w, NULL, 2, DIRECTORY), ERR_VOTER_NOT_FOUND);
	assert_int_equal(remove_voter(w, NULL, 1, DIRECTORY), ERR_VOTER_NOT_FOUND);
	step(w, (struct raft_event){.type = RAFT_EVENT_SHUTDOWN});
	assert_int_equal(remove_voter(w, NULL, 1, DIRECTORY), ERR_NOT_LEADER_OR_FOLLOWER);
}

/* ---- quorum-state ---- */

static void quorum_state_is_written_as_kafka_writes_it(void **state)
{
	struct raft_voters voters = {&own, 1};
	struct raft_election e = {1, 1, -1, {{0}}};
	struct raft_election back;
	struct buf out = {0};

	(void)state;
	raft_election_format(&e, 0, &voters, &out);
	assert_true(str_is(buf_str(&out),
			   "{\"clusterId\":\"\",\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"appliedOffset\":0,"
			   "\"currentVoters\":[{\"voterId\":1}],\"data_version\":0}"));
	assert_int_equal(raft_election_parse(buf_str(&out), &back), 0);
	assert_int_equal(back.leader_epoch, 1);
	for (int32_t len = 0; len < (int32_t)out.len; len++)
		assert_int_equal(raft_election_parse((struct str){(const char *)out.p, len}, &back), -EBADMSG);
	out.len = 0;
	raft_election_format(&e, 1, &voters, &out);
	assert_true(str_is(buf_str(&out), "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,"
					  "\"votedDirectoryId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":1}"));
	assert_int_equal(raft_election_parse(buf_str(&out), &back), 0);
	buf_fini(&out);
}

static void a_damaged_quorum_state_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1}",
		"{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"data_version\":2}",
		"{\"leaderId\":1,\"leaderEpoch\":-1,\"votedId\":-1,\"data_version\":0}",
		"{\"leaderId\":1,\"leaderEpoch\":4294967296,\"votedId\":-1,\"data_version\":0}",
		"{\"leaderId\":\"1\",\"leaderEpoch\":1,\"votedId\":-1,\"data_version\":0}",
		"{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"votedDirectoryId\":\"short\",\"data_version\":1}",
	};
	struct raft_election e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(raft_election_parse(str_of(bad[i]), &e), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_single_voter_leads_at_once_and_flushes_an_idle_log_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(appends_gather_behind_a_flush_in_flight, setup, teardown),
		cmocka_unit_test_setup_teardown(what_nobody_waits_for_is_flushed_later_or_with_what_somebody_waits_for,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_restart_leads_in_a_later_epoch_than_the_log_and_the_file_know, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_high_watermark_waits_for_a_record_of_the_epoch, setup, teardown),
		cmocka_unit_test_setup_teardown(a_node_that_is_not_the_only_voter_does_not_lead, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_id_on_another_disk_does_not_vote_with_kraft_version_1, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_is_cut_when_enough_was_written_and_frees_what_is_below,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_is_cut_when_an_hour_has_passed_and_there_is_something_new,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_shutdown_resigns_and_commits_nothing_more, setup, teardown),
		cmocka_unit_test_setup_teardown(an_epoch_begins_with_a_leader_change, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dynamic_quorum_writes_its_voters_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_leader_whose_endpoints_moved_writes_its_voters_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(the_leader_describes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(voters_do_not_change_with_kraft_version_0, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_voter_stays_and_one_that_cannot_be_reached_does_not_come,
						setup, teardown),
		cmocka_unit_test(quorum_state_is_written_as_kafka_writes_it),
		cmocka_unit_test(a_damaged_quorum_state_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
