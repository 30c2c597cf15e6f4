/*
 * offsets: ListOffsets, DeleteRecords, OffsetForLeaderEpoch, and what Fetch and Produce report
 * about a log's bounds. Most cases are mistakes that others have made with stock clients.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "log/dir.h"
#include "metadata/image.h"
#include "metadata/partition.h"
#include "broker/core.h"
#include "broker/partition.h"
#include "protocol/create_topics.h"
#include "protocol/delete_records.h"
#include "protocol/list_offsets.h"
#include "protocol/offset_for_leader_epoch.h"
#include "tests/base/cm.h"
#include "tests/broker/node_world.h"

#define LATEST (-1)
#define EARLIEST (-2)
#define MAX_TIMESTAMP (-3)
#define NOW_MS 1000000000000 /* no wall clock here lags it by more than a batch may */

/* ---- questions ---- */

static struct list_offsets_response_partition ask_offset_in(int64_t timestamp, int32_t current_epoch)
{
	struct list_offsets_request_partition p = {.timestamp = timestamp, .current_leader_epoch = current_epoch};
	struct list_offsets_request_topic t = {.name = STR("t"), .partitions = {&p, 1}};
	struct list_offsets_request in = {.replica_id = -1, .topics = {&t, 1}};
	struct list_offsets_response out;

	client_send(&w->a, &list_offsets_request_schema, 8, &in);
	client_take(&w->a, &list_offsets_response_schema, 8, &out);
	return out.topics.v[0].partitions.v[0];
}

static struct list_offsets_response_partition ask_offset(int64_t timestamp)
{
	return ask_offset_in(timestamp, -1);
}

static struct delete_records_response_partition ask_delete(const char *topic, int64_t before)
{
	struct delete_records_request_partition p = {.offset = before};
	struct delete_records_request_topic t = {.name = str_of(topic), .partitions = {&p, 1}};
	struct delete_records_request in = {.topics = {&t, 1}, .timeout_ms = 1000};
	struct delete_records_response out;

	client_send(&w->a, &delete_records_request_schema, 1, &in);
	client_take(&w->a, &delete_records_response_schema, 1, &out);
	return out.topics.v[0].partitions.v[0];
}

static struct offset_for_leader_epoch_response_partition ask_epoch(int32_t epoch)
{
	struct offset_for_leader_epoch_request_partition p = {.leader_epoch = epoch, .current_leader_epoch = -1};
	struct offset_for_leader_epoch_request_topic t = {.topic = STR("t"), .partitions = {&p, 1}};
	struct offset_for_leader_epoch_request in = {.replica_id = -2, .topics = {&t, 1}};
	struct offset_for_leader_epoch_response out;

	client_send(&w->a, &offset_for_leader_epoch_request_schema, 4, &in);
	client_take(&w->a, &offset_for_leader_epoch_response_schema, 4, &out);
	return out.topics.v[0].partitions.v[0];
}

/* A batch with one record for each of these times. */
static struct produce_response_partition produce_times(const int64_t *times, int n)
{
	struct batch_builder builder;
	struct produce_response out;
	struct records records;
	struct buf b = {0};

	batch_begin(&builder, &b, &BATCH_OPTIONS_NONE);
	for (int i = 0; i < n; i++)
		batch_add(&builder, times[i], BYTES_NULL, (struct bytes){(const uint8_t *)"v", 1});
	batch_end(&builder);
	put_i32(b.p + BATCH_AT_LEADER_EPOCH, -1);
	batch_crc_set(b.p, b.len);
	records = (struct records){.p = b.p, .len = (int32_t)b.len};
	send_produce(&w->a, "t", records, -1);
	client_take(&w->a, &produce_response_schema, 9, &out);
	buf_fini(&b);
	return out.responses.v[0].partition_responses.v[0];
}

static int up(void **state)
{
	static const int64_t first[] = {NOW_MS + 10, NOW_MS + 40, NOW_MS + 20};
	static const int64_t second[] = {NOW_MS + 30, NOW_MS + 50};
	struct metadata_response out;

	node_world_up(state);
	ask_metadata("t", &out);
	assert_int_equal(produce_times(first, 3).base_offset, 0);
	assert_int_equal(produce_times(second, 2).base_offset, 3);
	return 0;
}

/* ---- ListOffsets ---- */

/*
 * The first record, by offset, that is not older; neither the first one of its batch nor the one
 * with the nearest time.
 */
static void a_time_is_answered_with_the_first_record_that_is_not_older(void **state)
{
	static const struct {
		int64_t time, offset, found;
	} CASES[] = {{0, 0, 10},  {10, 0, 10}, {11, 1, 40}, {20, 1, 40},
		     {40, 1, 40}, {41, 4, 50}, {50, 4, 50}, {51, -1, -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct list_offsets_response_partition p = ask_offset(NOW_MS + CASES[i].time);

		assert_int_equal(p.error_code, 0);
		assert_int_equal(p.offset, CASES[i].offset);
		assert_int_equal(p.timestamp, CASES[i].found < 0 ? -1 : NOW_MS + CASES[i].found);
		assert_int_equal(p.leader_epoch, CASES[i].found < 0 ? -1 : 0);
	}
}

static void the_special_times_are_answered_with_their_epochs(void **state)
{
	struct list_offsets_response_partition p = ask_offset(LATEST);

	(void)state;
	assert_int_equal(p.offset, 5); /* after the last record, not at it */
	assert_int_equal(p.timestamp, -1);
	assert_int_equal(p.leader_epoch, 0);
	p = ask_offset(EARLIEST);
	assert_int_equal(p.offset, 0);
	assert_int_equal(p.leader_epoch, 0);
	p = ask_offset(MAX_TIMESTAMP);
	assert_int_equal(p.offset, 4);
	assert_int_equal(p.timestamp, NOW_MS + 50);
	p = ask_offset(-7);
	assert_int_equal(p.error_code, ERR_UNSUPPORTED_VERSION);
	assert_int_equal(ask_offset_in(LATEST, 1).error_code, ERR_UNKNOWN_LEADER_EPOCH);
	assert_int_equal(ask_offset_in(LATEST, -2).error_code, ERR_FENCED_LEADER_EPOCH); /* only -1 is none */
}

/* In one answer: to Kafka it is one partition. */
static void a_partition_that_is_named_twice_is_refused(void **state)
{
	struct list_offsets_request_partition p[] = {
		{.timestamp = LATEST, .current_leader_epoch = -1},
		{.timestamp = EARLIEST, .current_leader_epoch = -1},
		{.partition_index = 1, .timestamp = LATEST, .current_leader_epoch = -1}};
	struct list_offsets_request_topic t[] = {{.name = STR("t"), .partitions = {p, 3}},
						 {.name = STR("u"), .partitions = {p, 1}}};
	struct list_offsets_request in = {.replica_id = -1, .topics = {t, 2}};
	struct list_offsets_response out;

	(void)state;
	client_send(&w->a, &list_offsets_request_schema, 8, &in);
	client_take(&w->a, &list_offsets_response_schema, 8, &out);
	assert_int_equal(out.topics.v[0].partitions.n, 2);
	assert_int_equal(out.topics.v[0].partitions.v[0].error_code, ERR_INVALID_REQUEST);
	assert_int_equal(out.topics.v[0].partitions.v[1].partition_index, 1);
	assert_int_equal(out.topics.v[0].partitions.v[1].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(out.topics.v[1].partitions.v[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
	t[0].partitions.n = 1;
	t[1].name = STR("t"); /* in two topics of one name */
	client_send(&w->a, &list_offsets_request_schema, 8, &in);
	client_take(&w->a, &list_offsets_response_schema, 8, &out);
	assert_int_equal(out.topics.n, 1);
	assert_int_equal(out.topics.v[0].partitions.n, 1);
	assert_int_equal(out.topics.v[0].partitions.v[0].error_code, ERR_INVALID_REQUEST);
}

static void deleted_records_are_found_no_more(void **state)
{
	(void)state;
	assert_int_equal(ask_delete("t", 2).low_watermark, 2);
	assert_int_equal(ask_offset(EARLIEST).offset, 2);
	assert_int_equal(ask_offset(NOW_MS).offset, 2); /* in the middle of a batch */
	assert_int_equal(ask_offset(NOW_MS + 21).offset, 3);
	assert_int_equal(ask_delete("t", 5).low_watermark, 5);
	assert_int_equal(ask_offset(NOW_MS).offset, -1);
	assert_int_equal(ask_offset(MAX_TIMESTAMP).offset, -1);
	assert_int_equal(ask_offset(EARLIEST).offset, 5);
	assert_int_equal(ask_offset(LATEST).offset, 5);
}

/* ---- DeleteRecords ---- */

static void deleting_what_is_gone_is_no_error_and_what_is_not_there_is_one(void **state)
{
	struct delete_records_response_partition p = ask_delete("t", 3);

	(void)state;
	assert_int_equal(p.error_code, 0);
	p = ask_delete("t", 3);
	assert_int_equal(p.error_code, 0);
	assert_int_equal(p.low_watermark, 3);
	p = ask_delete("t", 1);
	assert_int_equal(p.error_code, 0);
	assert_int_equal(p.low_watermark, 3);
	p = ask_delete("t", 6);
	assert_int_equal(p.error_code, ERR_OFFSET_OUT_OF_RANGE);
	assert_int_equal(p.low_watermark, -1);
	p = ask_delete("t", -2);
	assert_int_equal(p.error_code, ERR_OFFSET_OUT_OF_RANGE);
	p = ask_delete("t", -1); /* all */
	assert_int_equal(p.error_code, 0);
	assert_int_equal(p.low_watermark, 5);
	p = ask_delete("nowhere", 0);
	assert_int_equal(p.error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION); /* retriable */
}

static void a_trim_survives_a_restart_and_everybody_is_told_of_it(void **state)
{
	struct fetch_response_partition f;
	struct produce_response_partition p;
	static const int64_t time[] = {NOW_MS + 60};

	(void)state;
	assert_int_equal(ask_delete("t", 2).low_watermark, 2);
	bring_down();
	bring_up();
	client_open(&w->a);
	send_fetch(&w->a, "t", 1, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, ERR_OFFSET_OUT_OF_RANGE);
	assert_false(records_is_null(f.records)); /* empty, which is not null */
	assert_int_equal(f.records.len, 0);
	send_fetch(&w->a, "t", 2, 0);
	f = take_fetch(&w->a);
	assert_int_equal(f.error_code, 0);
	assert_int_equal(f.log_start_offset, 2);
	assert_true(f.records.len > 0);
	p = produce_times(time, 1);
	assert_int_equal(p.base_offset, 5);
	assert_int_equal(p.log_start_offset, 2);
}

/* ---- Fetch ---- */

static void an_offset_within_a_batch_is_answered_with_all_of_it(void **state)
{
	struct fetch_response_partition f;
	struct batch_iter it;

	(void)state;
	for (int64_t offset = 0; offset < 5; offset++) {
		send_fetch(&w->a, "t", offset, 0);
		f = take_fetch(&w->a);
		it = batch_iter(f.records.p, (size_t)f.records.len);
		assert_true(batch_next(&it));
		assert_int_equal(it.header.base_offset, offset < 3 ? 0 : 3);
		while (batch_next(&it))
			;
		assert_int_equal(it.pos, f.records.len); /* whole batches only */
		assert_int_equal(it.header.base_offset, 3);
		assert_int_equal(f.aborted_transactions.n, -1); /* a reader of uncommitted records gets no list */
	}
}

/* The numbers of batches that a Fetch with these limits gets of "t", from an offset on, and of "u". */
static void assert_batches(int64_t offset, int32_t max_bytes, int32_t partition_max_bytes, int of_t, int of_u)
{
	const int expected[] = {of_t, of_u};
	struct fetch_response out;
	struct fetch_of f;

	fetch_begin(&f);
	fetch_add(&f, "t", offset);
	fetch_add(&f, "u", 0);
	f.partitions[0].partition_max_bytes = f.partitions[1].partition_max_bytes = partition_max_bytes;
	f.in.max_bytes = max_bytes;
	f.in.min_bytes = 1;
	client_send(&w->a, &fetch_request_schema, 12, &f.in);
	client_take(&w->a, &fetch_response_schema, 12, &out);
	assert_int_equal(out.responses.n, 2);
	for (int i = 0; i < 2; i++) {
		const struct fetch_response_partition *p = &out.responses.v[i].partitions.v[0];
		struct batch_iter it = batch_iter(p->records.p, (size_t)p->records.len);
		int n = 0;

		while (batch_next(&it))
			n++;
		assert_int_equal(p->error_code, 0);
		assert_int_equal(it.pos, p->records.len); /* whole ones */
		assert_int_equal(n, expected[i]);
		assert_int_equal(p->high_watermark, i ? 1 : 5); /* also of one that gets nothing */
	}
}

/* KIP-74: a reader gets on however small its limits are; more than one such batch it does not get. */
static void one_batch_may_be_beyond_the_limits_in_the_first_partition_that_has_any(void **state)
{
	struct metadata_response made;

	(void)state;
	ask_metadata("u", &made);
	assert_int_equal(ask_produce("u", "value").base_offset, 0);
	assert_batches(0, 1, 1 << 20, 1, 0);
	assert_batches(0, 1 << 20, 1, 1, 0);
	assert_batches(5, 1, 1 << 20, 0, 1); /* the first is at its end */
	assert_batches(0, 1 << 20, 1 << 20, 2, 1);
}

/* ---- OffsetForLeaderEpoch ---- */

static void an_epoch_ends_where_the_next_began_and_one_to_come_is_unknown(void **state)
{
	struct offset_for_leader_epoch_response_partition p = ask_epoch(0);

	(void)state;
	assert_int_equal(p.error_code, 0);
	assert_int_equal(p.leader_epoch, 0);
	assert_int_equal(p.end_offset, 5);
	p = ask_epoch(7);
	assert_int_equal(p.leader_epoch, -1);
	assert_int_equal(p.end_offset, -1);
}

/* ---- KIP-207, on a partition alone ---- */

/* Replicas 1 and 2. */
static struct image_partition *role_of(int32_t leader, int32_t epoch, int n_isr)
{
	static const int32_t ids[] = {1, 2};

	return partition_new(&(struct partition_parts){.leader = leader,
						       .leader_epoch = epoch,
						       .partition_epoch = epoch,
						       .replicas = {ids, 2},
						       .isr = {ids, n_isr}});
}

static void fill(struct partition *p)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct log_appended out;
	struct batch_builder b;
	struct buf buf = {0};

	batch_begin(&b, &buf, &o);
	batch_add(&b, NOW_MS, BYTES_NULL, (struct bytes){(const uint8_t *)"v", 1});
	batch_end(&b);
	assert_int_equal(log_append_as_follower(p->log, buf.p, buf.len, 0, NOW_MS, &out), 0);
	buf_fini(&buf);
}

static int16_t listed(struct partition *p, int64_t timestamp, enum isolation isolation)
{
	struct partition_list l = {
		.timestamp = timestamp, .current_leader_epoch = -1, .isolation = isolation, .leader_only = true};
	int err = partition_list(p, &l);

	if (!err && l.looks_up) {
		err = l.behind && l.lookup.found_offset < 0 ? ERR_OFFSET_NOT_AVAILABLE : 0;
		log_lookup_fini(&l.lookup);
	}
	return (int16_t)err;
}

/* A partition without a node. */
struct lonely {
	struct topic_config config;
	struct topic_state *topic;
	struct log_dir *dir;
	struct partition *p;
	struct core core;
};

static void lonely_init(struct lonely *l)
{
	struct log_dir_options options = {.path = "/alone"};
	struct log_id id = {STR("t"), 0, {{1}}};
	char *why;

	l->config = (struct topic_config){.segment_bytes = 1 << 20,
					  .segment_ms = INT64_MAX,
					  .segment_index_bytes = 1 << 20,
					  .index_interval_bytes = 4096,
					  .flush_messages = INT64_MAX,
					  .max_message_bytes = 1 << 20,
					  .message_timestamp_before_max_ms = INT64_MAX,
					  .message_timestamp_after_max_ms = INT64_MAX};
	l->topic = topic_state_new(id.topic_id, id.topic, &l->config, 1);
	assert_int_equal(log_dir_open(sim_env(w->sim, PEER), &options, &l->dir, &why), 0);
	l->p = partition_make(l->topic, 0, log_new(l->dir, &id, &l->topic->config));
	fill(l->p);
	l->core = (struct core){.image = image_new(STR("cluster"))};
}

static void lonely_fini(struct lonely *l)
{
	image_unref(&l->core.image);
	partition_unref(&l->p);
	topic_state_unref(&l->topic);
	log_dir_free(l->dir);
}

static void lonely_leads(struct lonely *l, int32_t leader, int32_t epoch, int n_isr)
{
	struct image_partition *role = role_of(leader, epoch, n_isr);
	struct effects e = {0};

	partition_set_role(l->p, &(struct partition_self){1, 30000}, l->core.image, role, &e);
	xfree(role);
}

static void a_new_leader_tells_no_end_before_its_high_watermark_is_known(void **state)
{
	struct lonely l;

	(void)state;
	lonely_init(&l);
	lonely_leads(&l, 1, 3, 2);
	assert_int_equal(log_offsets(l.p->log).high_watermark, 0);
	assert_int_equal(listed(l.p, LATEST, READ_UNCOMMITTED), ERR_OFFSET_NOT_AVAILABLE);
	assert_int_equal(listed(l.p, NOW_MS, READ_COMMITTED), ERR_OFFSET_NOT_AVAILABLE);
	assert_int_equal(listed(l.p, EARLIEST, READ_UNCOMMITTED), 0);
	assert_int_equal(listed(l.p, LATEST, READ_TO_END), 0); /* another replica */
	lonely_leads(&l, 1, 4, 1);
	assert_int_equal(listed(l.p, LATEST, READ_UNCOMMITTED), 0);
	lonely_fini(&l);
}

/* ---- what was decided in another leadership ---- */

static int append_with(struct lonely *l, struct partition_append *a)
{
	struct batch_check check = {.topic = STR("t"), .config = &l->config, .now_ms = NOW_MS};
	struct batch_problem problem;
	struct batch_info info;
	struct effects e = {0};
	struct buf b = {0};
	int err;

	batch_of(&b, "v");
	assert_int_equal(batch_check(&check, b.p, b.len, &info, &problem), 0);
	a->batch = b.p;
	a->info = &info;
	err = partition_append(l->p, a, &l->core, &e);
	if (e.flush) { /* a segment was rolled */
		core_work_begins(&l->core);
		log_flush_run(e.flush);
		partition_flushed(e.flush);
	}
	buf_fini(&b);
	return err;
}

static int append_of(struct lonely *l, int32_t epoch)
{
	struct partition_append a = {.acks = 1, .leader_epoch = epoch, .now_ms = NOW_MS};

	return append_with(l, &a);
}

static void what_was_decided_before_somebody_else_led_is_not_appended(void **state)
{
	struct lonely l;

	(void)state;
	lonely_init(&l);
	lonely_leads(&l, 1, 3, 1);
	assert_int_equal(append_of(&l, 3), 0);
	lonely_leads(&l, 1, 4, 1); /* elected again */
	assert_int_equal(append_of(&l, 3), 0);
	assert_int_equal(append_of(&l, 4), 0);
	lonely_leads(&l, 2, 5, 1);
	assert_int_equal(append_of(&l, 4), ERR_NOT_LEADER_OR_FOLLOWER);
	lonely_leads(&l, 1, 6, 1);
	assert_int_equal(append_of(&l, 4), ERR_NOT_LEADER_OR_FOLLOWER);
	assert_int_equal(append_of(&l, 6), 0);
	assert_int_equal(append_of(&l, ANY_LEADER_EPOCH), 0);
	lonely_fini(&l);
}

static int replicate_at(struct lonely *l, int64_t base_offset)
{
	struct partition_replicated r = {.leader_epoch = 5, .wall_ms = NOW_MS};
	struct batch_builder builder;
	struct effects e = {0};
	struct buf b = {0};
	int err;

	batch_begin(&builder, &b, &BATCH_OPTIONS_NONE);
	for (int i = 0; i < 10; i++)
		batch_add(&builder, NOW_MS, BYTES_NULL, (struct bytes){(const uint8_t *)"v", 1});
	batch_end(&builder);
	batch_assign(b.p, base_offset, 5);
	r.p = b.p;
	r.len = b.len;
	err = partition_replicate(l->p, &r, &l->core, &e);
	buf_fini(&b);
	return err;
}

/* The log of the leader may start inside its first batch, but no log has a record below 0. */
static void an_empty_replica_begins_with_a_whole_batch_and_not_below_zero(void **state)
{
	struct effects e = {0};
	struct lonely l;

	(void)state;
	lonely_init(&l);
	lonely_leads(&l, 2, 5, 2);
	assert_int_equal(partition_truncate(l.p, 0, true, &e), 0);
	assert_int_equal(replicate_at(&l, -5), ERR_INVALID_RECORD);
	assert_int_equal(log_offsets(l.p->log).start, 0);
	assert_int_equal(log_offsets(l.p->log).end, 0);
	assert_int_equal(partition_truncate(l.p, 7, true, &e), 0);
	assert_int_equal(replicate_at(&l, 5), 0);
	assert_int_equal(log_offsets(l.p->log).start, 5);
	assert_int_equal(log_offsets(l.p->log).end, 15);
	lonely_fini(&l);
}

static void woken_too_late(struct waking *waking)
{
	(void)waking;
}

/* Another node led and may have cut off the batch before the waiter looks. */
static void what_somebody_else_may_have_cut_off_is_not_acknowledged(void **state)
{
	struct partition_append a = {.acks = -1, .leader_epoch = ANY_LEADER_EPOCH, .now_ms = NOW_MS};
	struct waiter waiter = {0};
	struct appended_at at;
	struct effects e = {0};
	struct waking waking;
	struct lonely l;
	int err;

	(void)state;
	lonely_init(&l);
	waking_init(&waking, NULL, woken_too_late);
	lonely_leads(&l, 1, 3, 2);
	assert_int_equal(append_with(&l, &a), 0);
	assert_true(a.wait);
	at = (struct appended_at){.last_offset = a.out.last_offset, .stint = a.stint};
	assert_false(partition_replicated(l.p, at, &waiter, &waking, &err));
	lonely_leads(&l, 1, 4, 2); /* re-elected: the batch is still there */
	assert_false(partition_replicated(l.p, at, &waiter, &waking, &err));
	lonely_leads(&l, 2, 5, 2);
	assert_int_equal(partition_truncate(l.p, at.last_offset, false, &e), 0);
	lonely_leads(&l, 1, 6, 1);
	assert_int_equal(append_of(&l, 6), 0);
	assert_true(log_offsets(l.p->log).high_watermark > at.last_offset);
	assert_true(partition_replicated(l.p, at, &waiter, &waking, &err));
	assert_int_equal(err, ERR_NOT_LEADER_OR_FOLLOWER);
	partition_unwait(&waiter);
	lonely_fini(&l);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, node_world_down)
	const struct CMUnitTest tests[] = {
		TEST(a_time_is_answered_with_the_first_record_that_is_not_older),
		TEST(the_special_times_are_answered_with_their_epochs),
		TEST(a_partition_that_is_named_twice_is_refused),
		TEST(deleted_records_are_found_no_more),
		TEST(deleting_what_is_gone_is_no_error_and_what_is_not_there_is_one),
		TEST(a_trim_survives_a_restart_and_everybody_is_told_of_it),
		TEST(an_offset_within_a_batch_is_answered_with_all_of_it),
		TEST(one_batch_may_be_beyond_the_limits_in_the_first_partition_that_has_any),
		TEST(an_epoch_ends_where_the_next_began_and_one_to_come_is_unknown),
		TEST(a_new_leader_tells_no_end_before_its_high_watermark_is_known),
		TEST(what_was_decided_before_somebody_else_led_is_not_appended),
		TEST(an_empty_replica_begins_with_a_whole_batch_and_not_below_zero),
		TEST(what_somebody_else_may_have_cut_off_is_not_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
