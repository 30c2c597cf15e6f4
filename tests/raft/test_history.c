/*
 * history: epochs, voters and kraft.versions by offset, as given by batches, and after truncations
 * and snapshots.
 */
#include <errno.h>

#include "tests/base/cm.h"

#include "raft/control.h"
#include "raft/raft_private.h"
#include "wire/batch.h"

/* Epoch 2 from 0, 3 from 10, 7 from 20 on, up to 30. */
static void fill(struct raft_history *h)
{
	raft_history_init(h, 0, 0);
	raft_history_note_epoch(h, 2, 0);
	raft_history_note_epoch(h, 2, 5);
	raft_history_note_epoch(h, 3, 10);
	raft_history_note_epoch(h, 7, 20);
	h->end = 30;
}

static void check_end(const struct raft_history *h, int32_t asked, int32_t epoch, int64_t end)
{
	struct raft_epoch_end e = history_epoch_end(h, asked);

	assert_int_equal(e.epoch, epoch);
	assert_int_equal(e.end_offset, end);
}

static void an_epoch_ends_where_the_next_begins(void **state)
{
	struct raft_history h;

	(void)state;
	fill(&h);
	check_end(&h, 1, 0, 0);
	check_end(&h, 2, 2, 10);
	check_end(&h, 3, 3, 20);
	check_end(&h, 5, 3, 20);
	check_end(&h, 7, 7, 30);
	check_end(&h, 9, 7, 30);
	assert_int_equal(history_last_epoch(&h), 7);
	raft_history_fini(&h);
}

static void a_truncation_takes_the_epochs_that_begin_behind_it(void **state)
{
	struct raft_history h;

	(void)state;
	fill(&h);
	history_truncate(&h, 20);
	assert_int_equal(history_last_epoch(&h), 3);
	check_end(&h, 7, 3, 20);
	history_truncate(&h, 15);
	check_end(&h, 3, 3, 15);
	history_truncate(&h, 0);
	assert_int_equal(history_last_epoch(&h), 0);
	raft_history_fini(&h);
}

static void behind_a_snapshot_its_epoch_is_the_one_before_all(void **state)
{
	struct raft_history h;

	(void)state;
	raft_history_init(&h, 100, 4);
	assert_int_equal(history_last_epoch(&h), 4);
	raft_history_note_epoch(&h, 4, 100);
	h.end = 110;
	assert_int_equal(h.n_epochs, 0);
	check_end(&h, 4, 4, 110);
	raft_history_note_epoch(&h, 9, 110);
	h.end = 120;
	check_end(&h, 4, 4, 110);
	check_end(&h, 6, 4, 110); /* not an epoch of this log */
	check_end(&h, 3, 3, 110); /* before it */
	history_truncate(&h, 100);
	assert_int_equal(history_last_epoch(&h), 4);
	raft_history_fini(&h);
}

static void a_log_that_starts_later_keeps_the_epoch_before_its_start(void **state)
{
	struct raft_history h;

	(void)state;
	fill(&h);
	history_forget_epochs(&h, 15);
	assert_int_equal(h.base_epoch, 3);
	assert_int_equal(h.n_epochs, 1);
	check_end(&h, 3, 3, 20);
	history_forget_epochs(&h, 20); /* the first remaining record has epoch 7, the one before it 3 */
	assert_int_equal(h.base_epoch, 3);
	assert_int_equal(h.n_epochs, 1);
	history_forget_epochs(&h, 30);
	assert_int_equal(h.base_epoch, 7);
	assert_int_equal(history_last_epoch(&h), 7);
	raft_history_fini(&h);
}

/* ---- voters, kraft.versions ---- */

static int n_voters_at(const struct raft_history *h, int64_t offset)
{
	const struct raft_voters_at *at = history_voters_at(h, offset);

	return at ? at->voters.n : -1;
}

static void note(struct raft_history *h, int64_t offset, int n)
{
	struct raft_voter v[3] = {{.id = 1}, {.id = 2}, {.id = 3}};
	struct raft_voters voters = {v, n};

	raft_history_note_voters(h, offset, &voters);
}

static void what_was_said_last_at_or_before_an_offset_counts(void **state)
{
	struct raft_history h;

	(void)state;
	fill(&h);
	note(&h, -1, 1);
	note(&h, 12, 2);
	note(&h, 25, 3);
	raft_history_note_kraft_version(&h, 11, 1);
	assert_int_equal(n_voters_at(&h, -2), -1);
	assert_int_equal(n_voters_at(&h, 11), 1);
	assert_int_equal(n_voters_at(&h, 12), 2);
	assert_int_equal(n_voters_at(&h, INT64_MAX), 3);
	assert_int_equal(history_kraft_version_at(&h, 10), 0);
	assert_int_equal(history_kraft_version_at(&h, 11), 1);
	history_truncate(&h, 25);
	assert_int_equal(n_voters_at(&h, INT64_MAX), 2);
	history_truncate(&h, 11);
	assert_int_equal(n_voters_at(&h, INT64_MAX), 1);
	assert_int_equal(history_kraft_version_at(&h, INT64_MAX), 0);
	raft_history_fini(&h);
}

static void a_snapshot_keeps_what_counts_at_its_end(void **state)
{
	struct raft_history h;

	(void)state;
	fill(&h);
	note(&h, -1, 1);
	note(&h, 12, 2);
	note(&h, 25, 3);
	history_forget_before_snapshot(&h, 25); /* it does not include 25 */
	assert_int_equal(n_voters_at(&h, 11), -1);
	assert_int_equal(n_voters_at(&h, 24), 2);
	assert_int_equal(n_voters_at(&h, 25), 3);
	history_forget_before_snapshot(&h, 26);
	assert_int_equal(n_voters_at(&h, 24), -1);
	assert_int_equal(n_voters_at(&h, 25), 3);
	raft_history_fini(&h);
}

/* ---- batches ---- */

static struct batch_header build(struct arena *a, int64_t offset, int32_t epoch, int n, struct bytes *out)
{
	struct raft_voter v[3] = {{.id = 1}, {.id = 2}, {.id = 3}};
	struct raft_voters voters = {v, n};
	struct control_batch what = {.offset = offset, .epoch = epoch, .kraft_version = 1, .voters = &voters};
	struct batch_header h;
	int32_t n_records;

	*out = control_build(&what, a, &n_records);
	assert_int_equal(n_records, 2);
	assert_int_equal(batch_header_read(out->p, (size_t)out->len, &h), 0);
	return h;
}

static void a_batch_is_noted_when_it_follows_on_what_is_there(void **state)
{
	struct raft_history h;
	struct batch_header b;
	struct bytes bytes;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	raft_history_init(&h, 10, 3);
	b = build(&a, 10, 4, 2, &bytes);
	assert_int_equal(control_note(&b, bytes.p, &h), 0);
	assert_int_equal(h.end, 12);
	assert_int_equal(h.bytes, bytes.len);
	assert_int_equal(h.kraft_versions[0].offset, 10);
	assert_int_equal(h.voters[0].offset, 11);
	assert_int_equal(h.epochs[0].epoch, 4);
	b = build(&a, 13, 4, 2, &bytes); /* a gap */
	assert_int_equal(control_note(&b, bytes.p, &h), -EBADMSG);
	b = build(&a, 11, 4, 2, &bytes); /* repeated */
	assert_int_equal(control_note(&b, bytes.p, &h), -EBADMSG);
	b = build(&a, 12, 3, 2, &bytes); /* an earlier epoch */
	assert_int_equal(control_note(&b, bytes.p, &h), -EBADMSG);
	assert_int_equal(h.n_voters, 1);
	raft_history_fini(&h);
	arena_fini(&a);
}

static void a_batch_that_cannot_be_read_leaves_nothing_behind(void **state)
{
	struct raft_history h;
	struct batch_header b;
	struct bytes bytes;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	raft_history_init(&h, 10, 3);
	b = build(&a, 10, 4, 3, &bytes);
	b.count = 3; /* one more than there are: the first two are noted before that is found out */
	assert_int_equal(control_note(&b, bytes.p, &h), -EBADMSG);
	assert_int_equal(h.end, 10);
	assert_int_equal(h.n_voters + h.n_kraft_versions + h.n_epochs, 0);
	raft_history_fini(&h);
	arena_fini(&a);
}

/* The first record is that of kraft.version: its size takes one byte, its offset's difference the fourth. */
static void records_of_a_batch_are_in_their_order_and_inside_of_it(void **state)
{
	static const uint8_t wrong[] = {2 /* 1, as the next one */, 4 /* 2, behind the batch */, 1 /* -1 */};
	struct raft_history h, of_snapshot;
	struct batch_header b;
	struct bytes bytes;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	raft_history_init(&h, 10, 3);
	b = build(&a, 10, 4, 2, &bytes);
	for (size_t i = 0; i < sizeof(wrong); i++) {
		assert_int_equal(bytes.p[BATCH_HEADER_SIZE + 3], i == 0 ? 0 : wrong[i - 1]);
		((uint8_t *)bytes.p)[BATCH_HEADER_SIZE + 3] = wrong[i];
		assert_int_equal(control_note(&b, bytes.p, &h), -EBADMSG);
		raft_history_init(&of_snapshot, 10, 3);
		assert_int_equal(control_note_snapshot(&b, bytes.p, 10, &of_snapshot), -EBADMSG);
		raft_history_fini(&of_snapshot);
		assert_int_equal(h.end, 10);
		assert_int_equal(h.n_voters + h.n_kraft_versions + h.n_epochs, 0);
	}
	raft_history_fini(&h);
	arena_fini(&a);
}

/* Kafka's leaders do not limit the listeners of a voter. */
static void a_set_of_voters_is_read_that_fills_its_batch(void **state)
{
	enum { LISTENERS = 100000 };
	struct raft_voter v = {.id = 1, .n_endpoints = LISTENERS};
	struct raft_voters voters = {&v, 1};
	struct control_batch what = {.offset = 10, .epoch = 4, .kraft_version = -1, .voters = &voters};
	struct raft_history h;
	struct batch_header b;
	struct bytes bytes;
	int32_t n_records;
	struct arena a;

	(void)state;
	arena_init(&a, 64 << 20);
	v.endpoints = arena_array(&a, LISTENERS, sizeof(*v.endpoints));
	for (int i = 0; i < LISTENERS; i++)
		v.endpoints[i] = (struct raft_endpoint){STR("C"), STR("host"), 1};
	bytes = control_build(&what, &a, &n_records);
	assert_int_equal(batch_header_read(bytes.p, (size_t)bytes.len, &b), 0);
	raft_history_init(&h, 10, 3);
	assert_int_equal(control_note(&b, bytes.p, &h), 0);
	assert_int_equal(h.voters[0].voters.v[0].n_endpoints, LISTENERS);
	raft_history_fini(&h);
	arena_fini(&a);
}

static void what_a_snapshot_says_stands_at_its_end(void **state)
{
	struct raft_history h;
	struct batch_header b;
	struct bytes bytes;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	raft_history_init(&h, 100, 3);
	b = build(&a, 0, 0, 2, &bytes);
	assert_int_equal(control_note_snapshot(&b, bytes.p, 100, &h), 0);
	assert_int_equal(h.voters[0].offset, 99);
	assert_int_equal(h.kraft_versions[0].offset, 99);
	assert_int_equal(h.end, 100);
	raft_history_fini(&h);
	raft_history_init(&h, 0, 0);
	assert_int_equal(control_note_snapshot(&b, bytes.p, 0, &h), 0); /* of the formatting */
	assert_int_equal(h.voters[0].offset, -1);
	raft_history_fini(&h);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_epoch_ends_where_the_next_begins),
		cmocka_unit_test(a_truncation_takes_the_epochs_that_begin_behind_it),
		cmocka_unit_test(behind_a_snapshot_its_epoch_is_the_one_before_all),
		cmocka_unit_test(a_log_that_starts_later_keeps_the_epoch_before_its_start),
		cmocka_unit_test(what_was_said_last_at_or_before_an_offset_counts),
		cmocka_unit_test(a_snapshot_keeps_what_counts_at_its_end),
		cmocka_unit_test(a_batch_is_noted_when_it_follows_on_what_is_there),
		cmocka_unit_test(a_batch_that_cannot_be_read_leaves_nothing_behind),
		cmocka_unit_test(records_of_a_batch_are_in_their_order_and_inside_of_it),
		cmocka_unit_test(a_set_of_voters_is_read_that_fills_its_batch),
		cmocka_unit_test(what_a_snapshot_says_stands_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
