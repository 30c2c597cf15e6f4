/*
 * The transaction coordinator, by traces: what producers request, what is written, which markers
 * are sent, and what happens when the log refuses, is slow, or is read again.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "tests/base/cm.h"
#include "tests/transaction/traces.h"
#include "transaction/internal.h"
#include "transaction/transaction.h"

static void follow(const struct trace *trace)
{
	struct traces *t = traces_new();

	for (; trace->line; trace++) {
		const char *given = traces_say(t, trace->line);

		if (trace->gives && strcmp(given, trace->gives) != 0)
			fail_msg("%s\n  gives    %s\n  and not  %s", trace->line, given, trace->gives);
	}
	traces_free(t);
}

#define TRACE(...) follow((const struct trace[]){__VA_ARGS__, {NULL, NULL}})

static void a_transaction_of_version_0_keeps_its_epoch(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"add a 1000 0 t:0", "t:0=0"}, {"add a 1000 0 t:2 u:0", "t:2=0 u:0=0"},
	      {"show a", "Ongoing 1000 0 start=1000000 t:2 t:0 u:0"},
	      {"end a 1000 0 commit", "-1 -1 | COMMIT 1000 0 v0 t:2 t:0 u:0"},
	      {"show a", "CompleteCommit 1000 0 start=1000000"}, {"end a 1000 0 commit", "-1 -1"},
	      {"end a 1000 0 abort", "INVALID_TXN_STATE"}, {"add a 1000 0 t:1", "t:1=0"},
	      {"end a 1000 0 abort", "-1 -1 | ABORT 1000 0 v0 t:1"}, {"end a 1000 0 abort", "-1 -1"},
	      {"end a 1000 0 commit", "INVALID_TXN_STATE"});
}

static void a_transaction_of_version_2_bumps_the_epoch_at_its_end(void **state)
{
	(void)state;
	TRACE({"version 2", "-"}, {"init a", "1000 0"}, {"add.5 a 1000 0 t:0", "t:0=0"},
	      {"end.5 a 1000 0 commit", "1000 1 | COMMIT 1000 1 v2 t:0"}, {"end.5 a 1000 0 commit", "1000 1"},
	      {"end.5 a 1000 0 abort", "INVALID_TXN_STATE"}, {"end.5 a 1000 1 commit", "INVALID_TXN_STATE"},
	      {"add.5 a 1000 0 t:0", "t:0=PRODUCER_FENCED"}, {"end.5 a 1000 1 abort", "1000 2"},
	      {"show a", "CompleteAbort 1000 2 start=1000000"}, {"end.5 a 1000 1 abort", "1000 2"},
	      {"end.5 a 1000 1 commit", "INVALID_TXN_STATE"}, {"end.5 a 1000 2 commit", "INVALID_TXN_STATE"},
	      {"end.5 a 1000 0 abort", "PRODUCER_FENCED"}, {"end.5 a 999 2 abort", "INVALID_PRODUCER_ID_MAPPING"});
}

static void nothing_can_be_committed_that_never_began(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"end a 1000 0 commit", "INVALID_TXN_STATE"},
	      {"end a 1000 0 abort", "INVALID_TXN_STATE"}, {"end.5 a 1000 0 commit", "INVALID_TXN_STATE"},
	      {"end.5 a 1000 -1 abort", "PRODUCER_FENCED"}, {"end.5 a 1000 0 abort", "1000 1"},
	      {"end b 1000 0 abort", "INVALID_PRODUCER_ID_MAPPING"}, {"show b", "TRANSACTIONAL_ID_NOT_FOUND"});
}

static void who_comes_later_fences_who_was_there(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"add a 1000 0 t:0", "t:0=0"},
	      {"init a", "CONCURRENT_TRANSACTIONS | ABORT 1000 1 v0 t:0"}, {"init a", "1000 2"},
	      {"add a 1000 0 t:0", "t:0=PRODUCER_FENCED"}, {"add.1 a 1000 0 t:0", "t:0=INVALID_PRODUCER_EPOCH"},
	      {"end a 1000 0 commit", "PRODUCER_FENCED"}, {"end.1 a 1000 0 commit", "INVALID_PRODUCER_EPOCH"},
	      {"add a 999 2 t:0", "t:0=INVALID_PRODUCER_ID_MAPPING"}, {"add a 1000 2 t:0", "t:0=0"}, {"version 2", "-"},
	      {"init a", "CONCURRENT_TRANSACTIONS | ABORT 1000 3 v2 t:0"}, {"init a", "1000 4"});
}

static void a_producer_that_says_who_it_was_is_told_twice_what_it_asks_twice(void **state)
{
	(void)state;
	TRACE({"init a 1 1", "1000 0"}, {"init a 1000 0", "1000 1"}, {"init a 1000 0", "1000 1"},
	      {"init a 1000 1", "1000 2"}, {"init a 1000 0", "PRODUCER_FENCED"},
	      {"init.3 a 1000 0", "INVALID_PRODUCER_EPOCH"}, {"init a 999 2", "PRODUCER_FENCED"}, {"init a", "1000 3"},
	      {"init a 1000 2", "PRODUCER_FENCED"}, {"init a 1000 3", "1000 4"}, {"reload", "-"},
	      {"init a 1000 3", "PRODUCER_FENCED"});
}

static void when_epochs_run_out_there_is_a_new_producer_id(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"epoch a 32765", "-"}, {"init a 1000 32765", "1000 32766"},
	      {"init a 1000 32766", "1001 0"}, {"init a 1000 32766", "1001 0"}, {"epoch a 32766", "-"},
	      {"init a", "1002 0"}, {"records", NULL}, {"epoch a 32766", "-"}, {"add.5 a 1002 32766 t:0", "t:0=0"},
	      {"end.5 a 1002 32766 commit", "1003 0 | COMMIT 1002 32767 v2 t:0"},
	      {"end.5 a 1002 32766 commit", "1003 0"}, {"show a", "CompleteCommit 1003 0 start=1000000"},
	      {"add.5 a 1003 0 t:0", "t:0=0"});
}

static void a_transaction_whose_epochs_run_out_is_fenced_with_a_new_id(void **state)
{
	(void)state;
	TRACE({"version 2", "-"}, {"init a", "1000 0"}, {"epoch a 32766", "-"}, {"add.5 a 1000 32766 t:0", "t:0=0"},
	      {"init a", "CONCURRENT_TRANSACTIONS | ABORT 1000 32767 v2 t:0"},
	      {"show a", "CompleteAbort 1001 0 start=1000000"}, {"init a", "1001 1"});
}

static void partitions_that_are_not_there_keep_the_others_out(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"},
	      {"add a 1000 0 t:0 t:3 x:0",
	       "t:0=OPERATION_NOT_ATTEMPTED t:3=UNKNOWN_TOPIC_OR_PARTITION x:0=UNKNOWN_TOPIC_OR_PARTITION"},
	      {"show a", "Empty 1000 0 start=-1"});
}

static void what_is_not_in_it_is_not_verified(void **state)
{
	(void)state;
	TRACE({"verify a 1000 0 t:0", "t:0=INVALID_PRODUCER_ID_MAPPING"}, {"init a", "1000 0"},
	      {"verify a 1000 0 t:0", "t:0=TRANSACTION_ABORTABLE"}, {"add a 1000 0 t:0", "t:0=0"},
	      {"verify a 1000 0 t:0 t:1", "t:0=0 t:1=TRANSACTION_ABORTABLE"},
	      {"verify a 1000 1 t:0", "t:0=PRODUCER_FENCED"}, {"offsets a 1000 0 u:0", "0"},
	      {"verify a 1000 0 u:0", "u:0=0"}, {"markers 6", "-"}, {"end a 1000 0 commit", NULL},
	      {"verify a 1000 0 t:0", "t:0=CONCURRENT_TRANSACTIONS"});
}

static void markers_wait_until_the_end_is_committed(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"add a 1000 0 t:0", "t:0=0"}, {"hold commits", "-"}, {"end a 1000 0 commit", "-"},
	      {"end a 1000 0 commit", "-"}, {"late", "COORDINATOR_NOT_AVAILABLE | COORDINATOR_NOT_AVAILABLE"},
	      {"commit", "COMMIT 1000 0 v0 t:0"}, {"show a", "CompleteCommit 1000 0 start=1000000"});
}

/* 16, NOT_COORDINATOR: what the log said of a batch written meanwhile. The coordinator is still this one. */
static void a_wait_that_another_batch_has_ended_begins_again(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"add a 1000 0 t:0", "t:0=0"}, {"hold commits", "-"}, {"end a 1000 0 commit", "-"},
	      {"late 16", "NOT_COORDINATOR"}, {"pass 100", "-"}, {"show a", "-"},
	      {"commit", "PrepareCommit 1000 0 start=1000000 t:0 | COMMIT 1000 0 v0 t:0"},
	      {"show a", "CompleteCommit 1000 0 start=1000000"});
}

static void while_something_is_pending_nothing_else_is_decided(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"hold commits", "-"}, {"add a 1000 0 t:0", "-"}, {"add a 1000 0 t:1", "-"},
	      {"end.5 a 1000 0 commit", "-"}, {"init a", "-"},
	      {"commit", "t:0=0 | t:1=CONCURRENT_TRANSACTIONS | CONCURRENT_TRANSACTIONS | CONCURRENT_TRANSACTIONS"},
	      {"add a 1000 0 t:1", "t:1=0"});
}

static void what_the_log_refuses_has_not_happened(void **state)
{
	(void)state;
	TRACE({"refuse", "-"}, {"init a", "COORDINATOR_NOT_AVAILABLE"}, {"accept", "-"}, {"init a", "1000 0"},
	      {"add a 1000 0 t:0", "t:0=0"}, {"refuse", "-"}, {"init a", "COORDINATOR_NOT_AVAILABLE"},
	      {"init a", "COORDINATOR_NOT_AVAILABLE"}, {"end a 1000 0 commit", "COORDINATOR_NOT_AVAILABLE"},
	      {"accept", "-"}, {"show a", "Ongoing 1000 0 start=1000000 t:0"},
	      {"end a 1000 0 commit", "-1 -1 | COMMIT 1000 0 v0 t:0"});
}

static void a_completion_that_the_log_refuses_is_tried_again(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"add a 1000 0 t:0", "t:0=0"}, {"hold calls", "-"},
	      {"end a 1000 0 commit", "-1 -1"}, {"refuse", "-"}, {"answer", "COMMIT 1000 0 v0 t:0"},
	      {"show a", "PrepareCommit 1000 0 start=1000000"}, {"accept", "-"}, {"pass 100", "-"},
	      {"show a", "CompleteCommit 1000 0 start=1000000"});
}

static void markers_go_again_to_those_who_did_not_take_them(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"add a 1000 0 t:0 t:1 u:0", NULL}, {"markers 6 t:1", "-"},
	      {"end a 1000 0 abort", "-1 -1 | ABORT 1000 0 v0 t:1 t:0 u:0"},
	      {"show a", "PrepareAbort 1000 0 start=1000000 t:1"}, {"init a", "CONCURRENT_TRANSACTIONS"},
	      {"pass 99", "-"}, {"pass 1", "ABORT 1000 0 v0 t:1"}, {"markers 0", "-"},
	      {"pass 100", "ABORT 1000 0 v0 t:1"}, {"show a", "CompleteAbort 1000 0 start=1000000"});
}

static void topics_that_are_deleted_need_no_markers(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"add a 1000 0 t:0 u:0", NULL}, {"markers 6 u:0", "-"},
	      {"end a 1000 0 commit", "-1 -1 | COMMIT 1000 0 v0 t:0 u:0"}, {"drop u", "-"}, {"pass 100", "-"},
	      {"show a", "CompleteCommit 1000 0 start=1000000"});
}

static void a_fenced_coordinator_sends_no_more_markers(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"add a 1000 0 t:0", NULL}, {"markers 52", "-"},
	      {"end a 1000 0 commit", "-1 -1 | COMMIT 1000 0 v0 t:0"}, {"pass 1000", "-"},
	      {"show a", "PrepareCommit 1000 0 start=1000000 t:0"}, {"init a", "CONCURRENT_TRANSACTIONS"});
}

static void what_was_being_ended_is_ended_after_a_reload(void **state)
{
	(void)state;
	TRACE({"version 2", "-"}, {"init a", "1000 0"}, {"add.5 a 1000 0 t:0", NULL}, {"hold calls", "-"},
	      {"end.5 a 1000 0 commit", "1000 1"}, {"init b", "-"}, {"reload", "NOT_COORDINATOR"},
	      {"answer", "COMMIT 1000 1 v2 t:0"}, {"show a", "CompleteCommit 1000 1 start=1000000"},
	      {"show b", "TRANSACTIONAL_ID_NOT_FOUND"}, {"init b", "1001 0"}, {"reload compact", "-"},
	      {"show a", "CompleteCommit 1000 1 start=1000000"}, {"show b", "Empty 1001 0 start=-1"},
	      {"end.5 a 1000 0 commit", "1000 1"});
}

static void a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"add a 1000 0 t:0", NULL}, {"init b", "1001 0"}, {"pass 60000", "-"},
	      {"pass 10000", "ABORT 1000 1 v0 t:0"}, {"end a 1000 0 commit", "PRODUCER_FENCED"}, {"init a", "1000 2"},
	      {"version 2", "-"}, {"epoch a 32766", "-"}, {"add.5 a 1000 32766 t:0", NULL}, {"pass 70000", "-"},
	      {"pass 10000", "ABORT 1000 32767 v2 t:0"}, {"show a", NULL}, {"init a", "1002 1"});
}

static void ids_that_nobody_uses_are_forgotten(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"init b", "1001 0"}, {"add b 1001 0 t:0", NULL}, {"records", NULL},
	      {"hold commits", "-"}, {"pass 608400000", NULL}, {"commit", NULL},
	      {"show a", "TRANSACTIONAL_ID_NOT_FOUND"}, {"show b", NULL}, {"reload", NULL},
	      {"show a", "TRANSACTIONAL_ID_NOT_FOUND"}, {"init a", "1002 0"});
}

static void what_no_coordinator_writes_is_not_loaded(void **state)
{
	(void)state;
	TRACE({"found a 1 1000 3 5", "0"}, {"found a 0 1000 0 -1", "0"}, {"found a 6 1000 3 5", "CORRUPT_MESSAGE"},
	      {"found a 7 1000 3 5", "CORRUPT_MESSAGE"}, {"found a -1 1000 3 5", "CORRUPT_MESSAGE"},
	      {"found a 1 -1 3 5", "CORRUPT_MESSAGE"}, {"found a 1 1000 -1 5", "CORRUPT_MESSAGE"},
	      {"found a 1 1000 3 -2", "CORRUPT_MESSAGE"}, {"found a 1 1000 3 9223372036854775807", "0"},
	      {"pass 70000", "-"}, {"init a", NULL});
}

static void records_are_of_the_version_that_the_cluster_has(void **state)
{
	(void)state;
	TRACE({"init a", NULL}, {"records", "v0 Empty 1000 0 previous=-1 next=-1 client=0 topics=-1"},
	      {"add.5 a 1000 0 t:0 u:0", NULL},
	      {"records", "v0 Ongoing 1000 0 previous=-1 next=-1 client=0 topics=2 t:0 u:0"}, {"version 1", "-"},
	      {"end.5 a 1000 0 abort", NULL},
	      {"records", "v1 PrepareAbort 1000 1 previous=1000 next=-1 client=2 topics=2 t:0 u:0 | "
			  "v1 CompleteAbort 1000 1 previous=1000 next=-1 client=2 topics=0"});
}

/*
 * A Java set in sixteen slots, and then in thirty-two; one that is read again has a table of its
 * own size.
 */
static void partitions_are_in_the_order_of_kafkas_set(void **state)
{
	(void)state;
	TRACE({"topic w 40", "-"}, {"init a", NULL}, {"add a 1000 0 w:5 t:2 w:11 t:0", NULL},
	      {"records",
	       "v0 Empty 1000 0 previous=-1 next=-1 client=0 topics=-1 | v0 Ongoing 1000 0 previous=-1 next=-1 client=0 topics=2 t:2 t:0 w:5 w:11"},
	      {"add a 1000 0 u:0 t:1 w:4 w:3 w:2 w:1 w:0 w:12", NULL},
	      {"records",
	       "v0 Ongoing 1000 0 previous=-1 next=-1 client=0 topics=3 t:2 t:1 t:0 u:0 w:5 w:4 w:3 w:2 w:1 w:0 w:12 w:11"},
	      {"show a", "Ongoing 1000 0 start=1000000 w:5 w:4 w:3 w:2 w:1 w:0 w:12 w:11 t:2 t:1 t:0 u:0"},
	      {"reload", "-"},
	      {"show a", "Ongoing 1000 0 start=1000000 w:12 w:11 w:5 w:4 w:3 w:2 w:1 w:0 t:2 t:1 t:0 u:0"});
}

static void without_a_producer_id_nothing_begins(void **state)
{
	(void)state;
	TRACE({"ids 14", "-"}, {"init a", "COORDINATOR_LOAD_IN_PROGRESS"}, {"ids 0", "-"}, {"hold calls", "-"},
	      {"init a", "-"}, {"init a", "CONCURRENT_TRANSACTIONS"}, {"answer", "1000 0"});
}

/* A request with producer id -1 must not match a transaction that has none yet: that once crashed the node. */
static void what_has_no_producer_yet_is_nobodys(void **state)
{
	(void)state;
	TRACE({"ids 14", "-"}, {"init a", "COORDINATOR_LOAD_IN_PROGRESS"},
	      {"add a -1 -1 t:0", "t:0=INVALID_PRODUCER_ID_MAPPING"}, {"show a", "TRANSACTIONAL_ID_NOT_FOUND"},
	      {"list", "-"}, {"offsets a -1 -1 t:0", "INVALID_PRODUCER_ID_MAPPING"},
	      {"end.5 a -1 -1 abort", "INVALID_PRODUCER_ID_MAPPING"}, {"ids 0", "-"}, {"hold calls", "-"},
	      {"init a", "-"}, {"show a", "TRANSACTIONAL_ID_NOT_FOUND"}, {"list", "-"},
	      {"add a -1 -1 t:0", "t:0=CONCURRENT_TRANSACTIONS"}, {"end.5 a -1 -1 abort", "CONCURRENT_TRANSACTIONS"},
	      {"end a -1 -1 abort", "CONCURRENT_TRANSACTIONS"}, {"verify a -1 -1 t:0", "t:0=UNKNOWN_SERVER_ERROR"},
	      {"refuse", "-"}, {"answer", "COORDINATOR_NOT_AVAILABLE"}, {"accept", "-"},
	      {"add a 1000 -1 t:0", "t:0=UNKNOWN_SERVER_ERROR"}, {"offsets a 1000 -1 t:0", "UNKNOWN_SERVER_ERROR"},
	      {"add a 1000 0 t:0", "t:0=PRODUCER_FENCED"}, {"end.5 a 1000 -1 abort", "1000 0"}, {"init a", "1000 1"});
}

/* Only -1 means that none is named (KIP-360). */
static void a_producer_that_names_an_impossible_id_is_fenced(void **state)
{
	(void)state;
	TRACE({"init a", "1000 0"}, {"init.4 a -2 0", "PRODUCER_FENCED"}, {"init.3 a -2 0", "INVALID_PRODUCER_EPOCH"},
	      {"init a 1000 0", "1000 1"});
}

/* A step has room for so many only (traces.c looks), and nobody waits for all of them. */
static void very_many_are_aborted_and_expire_step_by_step(void **state)
{
	struct traces *t = traces_new();
	char line[64];

	(void)state;
	for (int i = 0; i <= MOVES_AT_ONCE; i++) {
		snprintf(line, sizeof(line), "init many-%d", i);
		traces_say(t, line);
		snprintf(line, sizeof(line), "add many-%d %d 0 t:0", i, 1000 + i);
		assert_string_equal(traces_say(t, line), "t:0=0");
	}
	traces_say(t, "pass 80000");
	assert_string_equal(traces_say(t, "list Ongoing"), "-");
	traces_say(t, "pass 612000000");
	assert_string_equal(traces_say(t, "list"), "-");
	traces_free(t);
}

static void transactions_are_listed_by_their_states(void **state)
{
	(void)state;
	TRACE({"init a", NULL}, {"list", "a 1000 Empty"}, {"list Ongoing", "-"}, {"add a 1000 0 t:0", NULL},
	      {"list Ongoing", "a 1000 Ongoing"});
}

enum { ASKED_TOPICS = 100000, ASKED = ASKED_TOPICS + 500 };

/* Some topics occur twice, some names are prefixes of others. */
static struct transaction_asked *asked_of_many_topics(char (*names)[16])
{
	struct transaction_asked *v = xcalloc(ASKED, sizeof(*v));

	for (int i = 0; i < ASKED_TOPICS; i++)
		snprintf(names[i], sizeof(names[i]), "t%d", i);
	for (int i = 0; i < ASKED; i++)
		v[i] = (struct transaction_asked){.topic = str_of(names[i % ASKED_TOPICS]),
						  .partition = i / ASKED_TOPICS};
	return v;
}

/* Slots are in order within a topic, and topics are in the order of their first partitions. */
static void a_hundred_thousand_topics_are_put_in_order_in_no_time(void **state)
{
	char(*names)[16] = xcalloc(ASKED_TOPICS, sizeof(*names));
	struct transaction_asked *v = asked_of_many_topics(names);
	clock_t begun = clock();
	uint32_t slot = 0;
	int n_twice = 0;

	(void)state;
	transaction_ask_order(v, ASKED);
	assert_true(clock() - begun < 2 * CLOCKS_PER_SEC);
	for (int i = 1; i < ASKED; i++) {
		if (v[i].group == v[i - 1].group) {
			assert_true(str_eq(v[i].topic, v[i - 1].topic));
			assert_true(v[i].at > v[i - 1].at);
			n_twice++;
		} else {
			assert_true(v[i].group > v[i - 1].group);
			assert_int_equal(v[i].group, v[i].at);
			assert_true(v[i].slot >= slot); /* first of its topic */
			slot = v[i].slot;
		}
	}
	assert_int_equal(n_twice, ASKED - ASKED_TOPICS);
	xfree(v);
	xfree(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_transaction_of_version_0_keeps_its_epoch),
		cmocka_unit_test(a_transaction_of_version_2_bumps_the_epoch_at_its_end),
		cmocka_unit_test(nothing_can_be_committed_that_never_began),
		cmocka_unit_test(who_comes_later_fences_who_was_there),
		cmocka_unit_test(a_producer_that_says_who_it_was_is_told_twice_what_it_asks_twice),
		cmocka_unit_test(when_epochs_run_out_there_is_a_new_producer_id),
		cmocka_unit_test(a_transaction_whose_epochs_run_out_is_fenced_with_a_new_id),
		cmocka_unit_test(partitions_that_are_not_there_keep_the_others_out),
		cmocka_unit_test(what_is_not_in_it_is_not_verified),
		cmocka_unit_test(markers_wait_until_the_end_is_committed),
		cmocka_unit_test(a_wait_that_another_batch_has_ended_begins_again),
		cmocka_unit_test(while_something_is_pending_nothing_else_is_decided),
		cmocka_unit_test(what_the_log_refuses_has_not_happened),
		cmocka_unit_test(a_completion_that_the_log_refuses_is_tried_again),
		cmocka_unit_test(markers_go_again_to_those_who_did_not_take_them),
		cmocka_unit_test(topics_that_are_deleted_need_no_markers),
		cmocka_unit_test(a_fenced_coordinator_sends_no_more_markers),
		cmocka_unit_test(what_was_being_ended_is_ended_after_a_reload),
		cmocka_unit_test(a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced),
		cmocka_unit_test(ids_that_nobody_uses_are_forgotten),
		cmocka_unit_test(what_no_coordinator_writes_is_not_loaded),
		cmocka_unit_test(records_are_of_the_version_that_the_cluster_has),
		cmocka_unit_test(partitions_are_in_the_order_of_kafkas_set),
		cmocka_unit_test(a_hundred_thousand_topics_are_put_in_order_in_no_time),
		cmocka_unit_test(without_a_producer_id_nothing_begins),
		cmocka_unit_test(what_has_no_producer_yet_is_nobodys),
		cmocka_unit_test(a_producer_that_names_an_impossible_id_is_fenced),
		cmocka_unit_test(very_many_are_aborted_and_expire_step_by_step),
		cmocka_unit_test(transactions_are_listed_by_their_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
