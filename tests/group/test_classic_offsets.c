/*
 * Offsets, with a classic group and without: which commits are permitted, what is fetched, what
 * expires, what an open transaction holds back; the facts are Kafka 4.4's behaviour
 * (OffsetMetadataManager).
 */
#include <string.h>

#include "tests/group/classic_world.h"

#include "base/err.h"
#include "group/offsets.h"
#include "protocol/delete_groups.h"
#include "protocol/group_records.h"
#include "protocol/offset_delete.h"
#include "protocol/offset_fetch.h"
#include "protocol/txn_offset_commit.h"
#include "wire/codec.h"

/* ---- what is fetched ---- */

static const struct offset_fetch_response_group_partition *fetch_error(int32_t partition, bool stable)
{
	struct offset_fetch_request *in = arena_zalloc(&b.arena, sizeof(*in));
	const struct offset_fetch_response *out;
	int err;

	in->require_stable = stable;
	in->groups.n = 1;
	in->groups.v = arena_zalloc(&b.arena, sizeof(*in->groups.v));
	in->groups.v[0].group_id = STR("g");
	in->groups.v[0].member_epoch = -1;
	in->groups.v[0].topics.n = 1;
	in->groups.v[0].topics.v = arena_zalloc(&b.arena, sizeof(*in->groups.v[0].topics.v));
	in->groups.v[0].topics.v[0].name = STR("t");
	in->groups.v[0].topics.v[0].partition_indexes.n = 1;
	in->groups.v[0].topics.v[0].partition_indexes.v = arena_zalloc(&b.arena, sizeof(int32_t));
	in->groups.v[0].topics.v[0].partition_indexes.v[0] = partition;
	out = brain_ask(&b, offset_fetch_request_KEY, 9, in, &err);
	assert_int_equal(err, 0);
	assert_int_equal(out->groups.v[0].error_code, 0);
	return &out->groups.v[0].topics.v[0].partitions.v[0];
}

static int64_t fetch(int32_t partition)
{
	const struct offset_fetch_response_group_partition *p = fetch_error(partition, false);

	assert_int_equal(p->error_code, 0);
	return p->committed_offset;
}
/* ---- commits ---- */

static void offsets_are_committed_without_a_group(void **state_)
{
	const struct offset_fetch_response_group_partition *p;

	(void)state_;
	assert_int_equal(commit(NULL, 0, 42), 0);
	assert_int_equal(shard_record_number(b.log[0].key), 1);
	assert_int_equal(shard_record_number(b.log[0].value), 4);
	assert_int_equal(fetch(0), 42);
	assert_int_equal(fetch(1), -1);
	p = fetch_error(0, true);
	assert_true(str_is(p->metadata, "note"));
	assert_int_equal(p->committed_leader_epoch, -1);
	assert_string_equal(state(), "Empty");
	brain_reload(&b, true);
	assert_int_equal(fetch(0), 42);
	assert_string_equal(state(), "Empty");
}

static void an_offset_keeps_the_epoch_it_was_committed_with(void **state_)
{
	struct offset_commit_request *in = commit_of(NULL, 0, 42, "note");

	(void)state_;
	in->topics.v[0].partitions.v[0].committed_leader_epoch = 7;
	assert_int_equal(send_commit(in, 9), 0);
	assert_int_equal(fetch_error(0, true)->committed_leader_epoch, 7);
	assert_int_equal(fetch_error(1, true)->committed_leader_epoch, -1);
	brain_reload(&b, true);
	assert_int_equal(fetch_error(0, true)->committed_leader_epoch, 7);
}

static void who_commits_to_a_group_has_to_be_in_it(void **state_)
{
	struct member m = {0}, stranger = {.id = STR("x"), .generation = 1}, n = {0};
	struct brain_call *c;

	(void)state_;
	stranger.generation = 5;
	assert_int_equal(send_commit(commit_of(&stranger, 0, 1, ""), 8), ERR_ILLEGAL_GENERATION);
	assert_int_equal(send_commit(commit_of(&stranger, 0, 1, ""), 9), ERR_GROUP_ID_NOT_FOUND);
	c = enter(&m);
	brain_pass(&b, 3000);
	take_join(&m, c);
	assert_int_equal(commit(&m, 0, 1), ERR_REBALANCE_IN_PROGRESS);
	assert_assigned(send_sync(&m, (const struct member *const[]){&m, NULL}), &m);
	assert_int_equal(commit(&m, 0, 1), 0);
	assert_int_equal(commit(NULL, 0, 2), ERR_UNKNOWN_MEMBER_ID);
	assert_int_equal(commit(&stranger, 0, 2), ERR_UNKNOWN_MEMBER_ID);
	m.generation++;
	assert_int_equal(commit(&m, 0, 2), ERR_ILLEGAL_GENERATION);
	m.generation--;
	enter(&n);
	assert_string_equal(state(), "PreparingRebalance");
	assert_int_equal(commit(&m, 0, 3), 0); /* it may still commit what it has read */
	assert_int_equal(fetch(0), 3);
}

/* In a transaction, as this member. The topics are those of a plain commit. */
static int commit_in_transaction_as(const struct member *m, int16_t version)
{
	const struct offset_commit_request *plain = commit_of(m, 0, 9, "note");
	struct txn_offset_commit_request *in = arena_zalloc(&b.arena, sizeof(*in));
	const struct offset_commit_response *out;
	int err;

	codec_init(&txn_offset_commit_request_schema, in);
	in->transactional_id = STR("x");
	in->group_id = plain->group_id;
	in->producer_id = 7;
	in->generation_id_or_member_epoch = plain->generation_id_or_member_epoch;
	in->member_id = plain->member_id;
	in->group_instance_id = plain->group_instance_id;
	in->topics.v = plain->topics.v;
	in->topics.n = 1;
	out = brain_ask(&b, txn_offset_commit_request_KEY, version, in, &err);
	return err ? err : out->topics.v[0].partitions.v[0].error_code;
}

/* KIP-447: a zombie that is in the group no more must not commit what it has read, whatever its producer is. */
static void who_commits_in_a_transaction_has_to_be_in_the_group_it_names(void **state_)
{
	struct member m = {0}, stranger = {.id = STR("x"), .generation = 1};
	int before;

	(void)state_;
	assert_int_equal(commit_in_transaction_as(&stranger, 5), ERR_ILLEGAL_GENERATION); /* no such group */
	assert_int_equal(commit_in_transaction_as(&stranger, 6), ERR_GROUP_ID_NOT_FOUND);
	settle_one(&m);
	before = b.n_log;
	assert_int_equal(commit_in_transaction_as(&stranger, 5), ERR_UNKNOWN_MEMBER_ID);
	m.generation++;
	assert_int_equal(commit_in_transaction_as(&m, 5), ERR_ILLEGAL_GENERATION);
	m.generation--;
	m.instance = "another";
	assert_int_equal(commit_in_transaction_as(&m, 5), ERR_UNKNOWN_MEMBER_ID);
	m.instance = NULL;
	assert_int_equal(b.n_log, before);
	assert_int_equal(commit_in_transaction_as(&m, 5), 0);
	assert_int_equal(b.n_log, before + 1);
	assert_int_equal(commit_in_transaction_as(NULL, 2), 0); /* older clients name no member */
}

static void committing_keeps_a_session(void **state_)
{
	struct member m = {0};

	(void)state_;
	settle_one(&m);
	for (int i = 0; i < 5; i++) {
		brain_pass(&b, SESSION_MS - 1);
		assert_int_equal(commit(&m, 0, i), 0);
	}
	assert_int_equal(beat(&m), 0);
}

static void a_note_may_be_so_long(void **state_)
{
	static char note[4098];

	(void)state_;
	memset(note, 'x', sizeof(note) - 1);
	assert_int_equal(send_commit(commit_of(NULL, 0, 1, note), 9), ERR_OFFSET_METADATA_TOO_LARGE);
	assert_int_equal(b.n_log, 0);
	note[4096] = 0;
	assert_int_equal(send_commit(commit_of(NULL, 0, 1, note), 9), 0);
}

static void a_refused_commit_changes_nothing(void **state_)
{
	(void)state_;
	assert_int_equal(commit(NULL, 0, 1), 0);
	b.refuse_appends = true;
	assert_int_equal(commit(NULL, 0, 2), ERR_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(commit(NULL, 1, 2), ERR_COORDINATOR_NOT_AVAILABLE);
	assert_int_equal(fetch(0), 1);
	assert_int_equal(fetch(1), -1);
}

/* What is in the log but not committed yet is not shown; a fetch of stable offsets waits for it. */
static void an_offset_keeps_its_old_value_until_the_new_one_is_committed(void **state_)
{
	struct shard_record r;
	struct shard_position at = {.offset = 2, .producer_id = -1, .arena = &b.arena};

	(void)state_;
	assert_int_equal(commit(NULL, 0, 1), 0);
	assert_int_equal(commit(NULL, 0, 2), 0);
	r = (struct shard_record){b.log[0].key, b.log[0].value}; /* offset 1 again, later */
	assert_int_equal(group_shard_type.apply(b.s, &r, &at), 0);
	b.s->committed = 2;
	{
		const struct offset_entry *e = offsets_entry(offsets_of(b.s, STR("g")), STR("t"), 0);

		assert_int_equal(e->now->offset, 1);
		assert_int_equal(e->committed->offset, 2);
		group_shard_type.committed(b.s, 3);
		assert_int_equal(e->committed->offset, 1);
	}
}

static struct offset_commit_value decode_value(int i)
{
	struct offset_commit_value value;

	assert_int_equal(shard_record_decode(&offset_commit_value_schema, shard_record_number(b.log[i].value),
					     b.log[i].value, &b.arena, &value),
			 0);
	return value;
}

static void a_retention_is_written_in_the_version_that_has_room_for_it(void **state_)
{
	struct offset_commit_request *in = commit_of(NULL, 0, 7, NULL);

	(void)state_;
	in->retention_time_ms = 1000;
	assert_int_equal(send_commit(in, 4), 0);
	assert_int_equal(shard_record_number(b.log[0].value), 1);
	assert_int_equal(decode_value(0).expire_timestamp, b.now_ms + 1000);
	in->retention_time_ms = INT64_MAX;
	assert_int_equal(send_commit(in, 4), 0);
	brain_pass(&b, 600000);
	assert_int_equal(fetch(0), 7);
}

static void offsets_expire_when_their_group_has_been_empty_for_long(void **state_)
{
	struct member m = {.session_ms = 20000000};

	(void)state_;
	brain_reload(&b, false); /* expiry is checked from now on */
	settle_one(&m);
	assert_int_equal(commit(&m, 0, 1), 0);
	brain_pass(&b, 2 * 3600000); /* the member is subscribed */
	assert_int_equal(fetch(0), 1);
	assert_int_equal(leave(m.id, NULL), 0);
	brain_pass(&b, 3600000 - 600000);
	assert_int_equal(fetch(0), 1);
	brain_pass(&b, 2 * 600000);
	assert_int_equal(fetch(0), -1);
	assert_string_equal(state(), "-");
	brain_reload(&b, true);
	assert_string_equal(state(), "-");
}

static void offsets_of_a_deleted_topic_go(void **state_)
{
	(void)state_;
	assert_int_equal(commit(NULL, 0, 1), 0);
	assert_int_equal(commit(NULL, 5, 2), 0);
	brain_remove_topic(&b, "t");
	assert_int_equal(b.n_log, 4);
	assert_null(b.log[2].value.p);
	assert_int_equal(fetch(0), -1);
	assert_int_equal(fetch(5), -1);
}

static int delete_offset(int32_t partition)
{
	struct offset_delete_request *in = arena_zalloc(&b.arena, sizeof(*in));
	const struct offset_delete_response *out;
	int err;

	in->group_id = STR("g");
	in->topics.n = 1;
	in->topics.v = arena_zalloc(&b.arena, sizeof(*in->topics.v));
	in->topics.v[0].name = STR("t");
	in->topics.v[0].partitions.n = 1;
	in->topics.v[0].partitions.v = arena_zalloc(&b.arena, sizeof(*in->topics.v[0].partitions.v));
	in->topics.v[0].partitions.v[0].partition_index = partition;
	out = brain_ask(&b, offset_delete_request_KEY, 0, in, &err);
	return err ? err : out->topics.v[0].partitions.v[0].error_code;
}

static int delete_group(const char *id)
{
	struct delete_groups_request *in = arena_zalloc(&b.arena, sizeof(*in));
	struct str *name = arena_zalloc(&b.arena, sizeof(*name));
	const struct delete_groups_response *out;
	int err;

	*name = str_of(id);
	in->groups_names.v = name;
	in->groups_names.n = 1;
	out = brain_ask(&b, delete_groups_request_KEY, 2, in, &err);
	return err ? err : out->results.v[0].error_code;
}

static void offsets_are_deleted_where_nobody_is_subscribed(void **state_)
{
	struct member m = {0};
	int before;

	(void)state_;
	assert_int_equal(delete_offset(0), ERR_GROUP_ID_NOT_FOUND);
	settle_one(&m);
	assert_int_equal(commit(&m, 0, 1), 0);
	assert_int_equal(delete_offset(0), ERR_GROUP_SUBSCRIBED_TO_TOPIC);
	assert_int_equal(leave(m.id, NULL), 0);
	assert_int_equal(delete_offset(0), 0);
	assert_int_equal(fetch(0), -1);
	before = b.n_log;
	assert_int_equal(delete_offset(0), 0);
	assert_int_equal(b.n_log, before);
}

static void a_group_is_deleted_with_its_offsets_when_it_is_empty(void **state_)
{
	struct member m = {0};
	int before;

	(void)state_;
	assert_int_equal(delete_group("g"), ERR_GROUP_ID_NOT_FOUND);
	settle_one(&m);
	assert_int_equal(commit(&m, 0, 1), 0);
	assert_int_equal(delete_group("g"), ERR_NON_EMPTY_GROUP);
	assert_int_equal(leave(m.id, NULL), 0);
	before = b.n_log;
	assert_int_equal(delete_group("g"), 0);
	assert_int_equal(b.n_log, before + 2); /* the offset's tombstone, then the group's */
	assert_int_equal(shard_record_number(b.log[before].key), 1);
	assert_int_equal(shard_record_number(b.log[before + 1].key), 2);
	assert_string_equal(state(), "-");
	assert_int_equal(fetch(0), -1);
}

/* ---- offsets in transactions ---- */

static void commit_in_transaction(int64_t producer_id, int32_t partition, int64_t offset, int64_t record_offset)
{
	struct offset_commit_key key = {STR("g"), STR("t"), partition};
	struct offset_commit_value value = {
		.offset = offset, .leader_epoch = -1, .metadata = STR(""), .expire_timestamp = -1};
	struct shard_position at = {.offset = record_offset, .producer_id = producer_id, .arena = &b.arena};

	assert_int_equal(offsets_apply(b.s, &key, &value, &at), 0);
}

static void end_transaction(int64_t producer_id, bool committed, int64_t record_offset)
{
	struct shard_position at = {.offset = record_offset, .producer_id = producer_id, .arena = &b.arena};

	assert_int_equal(group_shard_type.end_transaction(b.s, producer_id, 0, committed, &at), 0);
	group_shard_type.committed(b.s, record_offset + 1);
}

static void offsets_of_an_open_transaction_are_pending(void **state_)
{
	(void)state_;
	assert_int_equal(commit(NULL, 0, 1), 0);
	commit_in_transaction(9, 0, 5, 1);
	assert_int_equal(fetch(0), 1);
	assert_int_equal(fetch_error(0, true)->error_code, ERR_UNSTABLE_OFFSET_COMMIT);
	assert_int_equal(fetch_error(0, true)->committed_offset, -1);
	end_transaction(9, true, 2);
	assert_int_equal(fetch(0), 5);
	assert_int_equal(fetch_error(0, true)->error_code, 0);
	commit_in_transaction(9, 0, 6, 3);
	commit_in_transaction(8, 0, 7, 4);
	end_transaction(9, false, 5);
	assert_int_equal(fetch_error(0, true)->error_code, ERR_UNSTABLE_OFFSET_COMMIT);
	end_transaction(8, true, 6);
	assert_int_equal(fetch(0), 7);
	end_transaction(8, true, 7); /* a marker for nothing */
	assert_int_equal(fetch(0), 7);
}

static void the_later_write_stands_when_a_transaction_ends(void **state_)
{
	(void)state_;
	commit_in_transaction(9, 0, 5, 0);
	b.n_log = 0;
	group_shard_type.committed(b.s, 1);
	{
		struct offset_commit_key key = {STR("g"), STR("t"), 0};
		struct offset_commit_value value = {
			.offset = 6, .leader_epoch = -1, .metadata = STR(""), .expire_timestamp = -1};
		struct shard_position at = {.offset = 1, .producer_id = -1, .arena = &b.arena};

		assert_int_equal(offsets_apply(b.s, &key, &value, &at), 0);
	}
	end_transaction(9, true, 2);
	assert_int_equal(fetch(0), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(offsets_are_committed_without_a_group),
		TEST(an_offset_keeps_the_epoch_it_was_committed_with),
		TEST(who_commits_to_a_group_has_to_be_in_it),
		TEST(who_commits_in_a_transaction_has_to_be_in_the_group_it_names),
		TEST(committing_keeps_a_session),
		TEST(a_note_may_be_so_long),
		TEST(a_refused_commit_changes_nothing),
		TEST(an_offset_keeps_its_old_value_until_the_new_one_is_committed),
		TEST(a_retention_is_written_in_the_version_that_has_room_for_it),
		TEST(offsets_expire_when_their_group_has_been_empty_for_long),
		TEST(offsets_of_a_deleted_topic_go),
		TEST(offsets_are_deleted_where_nobody_is_subscribed),
		TEST(a_group_is_deleted_with_its_offsets_when_it_is_empty),
		TEST(offsets_of_an_open_transaction_are_pending),
		TEST(the_later_write_stands_when_a_transaction_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
