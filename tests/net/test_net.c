/* net over loopback in the real world: reactors on threads, with blocking clients in the test. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endian.h"
#include "tests/base/cm.h"
#include "tests/net/loopback.h"

static void a_frame_is_answered(void **state)
{
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = dial_listener(&w, 0);
	put_frame(fd, "e", 1);
	expect_frame(fd, "e", 1);
	put_frame(fd, "p, a while later", 16);
	expect_frame(fd, "p, a while later", 16);
	close(fd);
	world_close(&w);
}

static void pipelined_frames_are_answered_in_order(void **state)
{
	enum { N = 2000 };
	static const char kinds[] = "eepem";
	uint8_t f[8];
	struct world w;
	int fd;

	world_open(&w, 2, NULL);
	fd = dial_listener(&w, 0);
	for (uint32_t i = 0; i < N; i++) {
		f[0] = (uint8_t)kinds[i % 5];
		put_u16(f + 1, 0);
		put_u32(f + 3, i);
		put_frame(fd, f, 7);
		if (i % 50 == 0)
			put_frame(fd, "q", 1);
	}
	for (uint32_t i = 0; i < N; i++) {
		f[0] = (uint8_t)kinds[i % 5];
		put_u16(f + 1, 0);
		put_u32(f + 3, i);
		expect_frame(fd, f, 7);
	}
	close(fd);
	world_close(&w);
}

static void frames_of_every_size_come_back_whole(void **state)
{
	static const size_t sizes[] = {1,	4,	 8187,	  8188,	   8192,     8193,     65531,
				       65532,	65533,	 65536,	  65540,   131072,   200000,   1048571,
				       1048572, 1048573, 1048577, 3000000, 16777212, 16777216, 20000000};
	uint8_t *p = malloc(20000000);
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = dial_listener(&w, 0);
	for (size_t i = 0; i < 20000000; i++)
		p[i] = echo_pattern(i);
	p[0] = 'e';
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		put_frame(fd, p, sizes[i]);
		expect_frame(fd, p, sizes[i]);
	}
	close(fd);
	world_close(&w);
	free(p);
}

static void a_frame_sent_byte_by_byte_is_a_frame(void **state)
{
	static const char f[] = "\0\0\0\012e123456789\0\0\0\003e!!";
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = dial_listener(&w, 0);
	for (size_t i = 0; i < sizeof(f) - 1; i++)
		put_bytes(fd, f + i, 1);
	expect_frame(fd, "e123456789", 10);
	expect_frame(fd, "e!!", 3);
	close(fd);
	world_close(&w);
}

static void an_answer_carries_a_range_of_a_file_between_memory(void **state)
{
	uint8_t f[9] = {'f'};
	uint8_t *got = malloc(FILE_LEN + 2);
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = dial_listener(&w, 0);
	for (int i = 0; i < 3; i++) {
		size_t pos = (size_t)i * 1000, len = FILE_LEN - 2 * pos;

		put_u32(f + 1, (uint32_t)pos);
		put_u32(f + 5, (uint32_t)len);
		put_frame(fd, f, 9);
		assert_int_equal(get_length(fd), len + 2);
		get_bytes(fd, got, len + 2);
		assert_int_equal(got[0], '<');
		assert_int_equal(got[len + 1], '>');
		for (size_t k = 0; k < len; k++)
			if (got[1 + k] != echo_pattern(pos + k))
				fail_msg("byte %zu", k);
	}
	expect_echo(fd);
	close(fd);
	world_close(&w);
	free(got);
}

static void a_file_that_is_too_short_closes_the_connection_in_one_line(void **state)
{
	uint8_t f[9] = {'f'};
	struct world w;
	uint8_t *got = malloc(FILE_LEN);
	int fd, other;

	world_open(&w, 1, NULL);
	fd = dial_listener(&w, 0);
	other = dial_listener(&w, 0);
	put_u32(f + 1, FILE_LEN - 10);
	put_u32(f + 5, 11);
	put_frame(fd, f, 9);
	assert_int_equal(get_length(fd), 13);
	get_bytes(fd, got, 11);
	expect_closed(fd);
	expect_echo(other);
	assert_true(was_told(&w, "a file is shorter"));
	close(other);
	world_close(&w);
	free(got);
}

static void a_reader_that_waits_gets_every_byte_later(void **state)
{
	enum { N = 40 };
	uint8_t f[5] = {'b'};
	const size_t len = 300000;
	uint8_t *got = malloc(len);
	struct world w;
	int fd, other;

	world_open(&w, 1, NULL);
	fd = dial_listener(&w, 0);
	other = dial_listener(&w, 0);
	put_u32(f + 1, (uint32_t)len);
	for (int i = 0; i < N; i++)
		put_frame(fd, f, 5);
	for (int i = 0; i < 20; i++) /* others are served meanwhile */
		expect_echo(other);
	/* Answers do not accumulate for a client that does not read. */
	assert_true(atomic_load(&w.echo.live) <= 16);
	for (int i = 0; i < N; i++) {
		assert_int_equal(get_length(fd), len);
		get_bytes(fd, got, len);
		for (size_t k = 0; k < len; k++)
			if (got[k] != echo_pattern(k))
				fail_msg("answer %d byte %zu", i, k);
	}
	close(fd);
	close(other);
	world_close(&w);
	free(got);
}

static void lengths_that_cannot_be_close_the_connection(void **state)
{
	struct net_limits limits;
	struct world w;
	int fd;

	net_limits_default(&limits, (int64_t)1 << 30);
	limits.request_max_bytes = 1000;
	world_open(&w, 1, &limits);
	fd = dial_listener(&w, 0);
	put_length(fd, (uint32_t)-1);
	expect_closed(fd);
	assert_true(was_told(&w, "negative frame length"));
	fd = dial_listener(&w, 0);
	put_length(fd, 1001);
	expect_closed(fd);
	assert_true(was_told(&w, "length=1001 max=1000"));
	fd = dial_listener(&w, 0);
	put_length(fd, 1000);
	put_bytes(fd, "e", 1);
	for (int i = 0; i < 999; i++)
		put_bytes(fd, "x", 1);
	assert_int_equal(get_length(fd), 1000);
	close(fd);
	world_close(&w);
}

static void a_flood_of_bad_ends_gives_few_lines(void **state)
{
	struct world w;

	world_open(&w, 1, NULL);
	for (int i = 0; i < 200; i++) {
		int fd = dial_listener(&w, 0);

		put_bytes(fd, "GET / HTTP/1.1\r\n\r\n", 18);
		expect_closed(fd);
	}
	assert_true(was_told(&w, "looks_like=HTTP"));
	world_close(&w);
	assert_true(w.n_lines < 20);
}

static void a_bound_of_one_connection_holds_for_it_alone(void **state)
{
	uint8_t f[5] = {'M'};
	struct world w;
	int fd, other;

	world_open(&w, 1, NULL);
	fd = dial_listener(&w, 0);
	other = dial_listener(&w, 0);
	put_u32(f + 1, 8);
	put_frame(fd, f, 5);
	expect_frame(fd, f, 5);
	put_frame(fd, "e2345678", 8);
	expect_frame(fd, "e2345678", 8);
	put_length(fd, 9);
	expect_closed(fd);
	expect_echo(other);
	close(other);
	world_close(&w);
}

static void a_handler_can_close_with_and_without_an_answer(void **state)
{
	struct world w;
	int fd;

	world_open(&w, 1, NULL);
	fd = dial_listener(&w, 0);
	put_bytes(fd, "\0\0\0\001x\0\0\0\001e", 10);
	expect_closed(fd);
	fd = dial_listener(&w, 0);
	put_frame(fd, "Xyz", 3);
	expect_frame(fd, "Xyz", 3);
	expect_closed(fd);
	fd = dial_listener(&w, 0);
	put_frame(fd, "", 0);
	expect_closed(fd);
	assert_true(was_told(&w, "not a command"));
	world_close(&w);
}

static void a_request_in_work_is_dropped_with_its_connection(void **state)
{
	struct linger gone = {.l_onoff = 1};
	struct world w;
	int fd;

	world_open(&w, 2, NULL);
	for (int i = 0; i < 20; i++) {
		fd = dial_listener(&w, 0);
		put_frame(fd, i % 2 ? "h" : "p", 1);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof(gone));
		close(fd);
	}
	fd = dial_listener(&w, 0);
	expect_echo(fd);
	close(fd);
	world_close(&w);
}

static void a_stop_ends_at_its_deadline_what_is_still_in_work(void **state)
{
	struct world w;
	int held, fd;

	world_open(&w, 2, NULL);
	w.patience_ms = 1;
	held = dial_listener(&w, 0);
	put_frame(held, "h", 1);
	fd = dial_listener(&w, 0);
	expect_echo(fd);
	world_stop(&w);
	expect_closed(held);
	expect_closed(fd);
	world_close(&w);
}

static void put_work(int fd, int n, uint32_t us)
{
	uint8_t frame[9] = {0, 0, 0, 5, 'w'};

	put_u32(frame + 5, us);
	for (int i = 0; i < n; i++)
		put_bytes(fd, frame, sizeof(frame));
}

/*
 * Clients keep the only reactor busy for half a minute with what they have sent before a node
 * connects. It is counted what has been done for them when the node has its answer: a machine that
 * is slow is slow for all.
 */
static void clients_do_not_keep_a_node_waiting(void **state)
{
	enum { CLIENTS = 100, FRAMES = 60, TURN_US = 5000 };
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct world w;
	int v[CLIENTS], node;

	l[1].name = "NODES";
	l[1].is_protected = true;
	net_limits_default(&limits, (int64_t)1 << 30);
	world_begin(&w);
	world_serve(&w, &limits, 1, l, 2);
	for (int i = 0; i < CLIENTS; i++) {
		v[i] = dial_listener(&w, 0);
		expect_echo(v[i]);
	}
	put_work(v[0], 1, 1000000); /* while the others send theirs */
	for (int i = 0; i < CLIENTS; i++)
		put_work(v[i], FRAMES, TURN_US);
	node = dial_listener(&w, 1);
	expect_echo(node);
	expect_echo(node);
	assert_true(w.echo.frames < CLIENTS * FRAMES / 2);
	close(node);
	for (int i = 0; i < CLIENTS; i++)
		close(v[i]);
	w.patience_ms = 1000;
	world_close(&w);
}

/* Who has had a turn, and has more to do, does not begin anew at the head of those that wait. */
static void who_has_had_a_turn_comes_behind_who_waits(void **state)
{
	enum { BUSY = 2, FRAMES = 1000 };
	struct world w;
	int v[BUSY + 1];

	(void)state;
	world_open(&w, 1, NULL);
	for (int i = 0; i <= BUSY; i++) {
		v[i] = dial_listener(&w, 0);
		expect_echo(v[i]);
	}
	put_work(v[0], 1, 100000); /* while they send theirs */
	for (int i = 0; i < BUSY; i++)
		put_work(v[i], FRAMES, 1000);
	expect_echo(v[BUSY]);
	assert_true(w.echo.frames < FRAMES);
	for (int i = 0; i <= BUSY; i++)
		close(v[i]);
	w.patience_ms = 1000;
	world_close(&w);
}

/*
 * Clients that wait for their turn come before one that is heard of later: it is counted what has been
 * done for them, eight frames a turn at least, when that one has had five answers.
 */
static void who_comes_later_comes_behind_those_that_wait(void **state)
{
	enum { CLIENTS = 20, FRAMES = 128, PINGS = 5, TURN_FRAMES = 8 };
	struct world w;
	int v[CLIENTS], late;

	(void)state;
	world_open(&w, 1, NULL);
	late = dial_listener(&w, 0);
	expect_echo(late);
	for (int i = 0; i < CLIENTS; i++) {
		v[i] = dial_listener(&w, 0);
		expect_echo(v[i]);
	}
	put_work(v[0], 1, 300000); /* while the others send theirs */
	for (int i = 0; i < CLIENTS; i++)
		put_work(v[i], FRAMES, 200);
	for (int i = 0; i < PINGS; i++)
		expect_echo(late);
	assert_true(w.echo.frames > PINGS * TURN_FRAMES * CLIENTS / 2);
	close(late);
	for (int i = 0; i < CLIENTS; i++)
		close(v[i]);
	world_close(&w);
}

static void connections_are_spread_over_the_reactors(void **state)
{
	struct world w;
	int v[8];

	world_open(&w, 4, NULL);
	for (int i = 0; i < 8; i++) {
		v[i] = dial_listener(&w, 0);
		expect_echo(v[i]);
	}
	assert_int_equal(w.echo.reactors, 15);
	net_counts(w.net, &w.counts);
	assert_int_equal(w.counts.connections, 8);
	for (int i = 0; i < 8; i++)
		close(v[i]);
	world_close(&w);
	assert_int_equal(w.counts.connections, 0);
	assert_int_equal(w.counts.accepted, 8);
	assert_int_equal(w.counts.bytes_in, 8 * 13);
	assert_int_equal(w.counts.bytes_out, 8 * 13);
}

static void a_clean_stop_answers_what_is_in_work_and_closes_the_idle(void **state)
{
	struct world w;
	int idle, busy;

	world_open(&w, 2, NULL);
	idle = dial_listener(&w, 0);
	busy = dial_listener(&w, 0);
	expect_echo(idle);
	put_frame(busy, "p1", 2);
	expect_frame(busy, "p1", 2);
	world_stop(&w);
	expect_closed(idle);
	expect_closed(busy);
	world_close(&w);
}

static void a_wildcard_takes_both_families_and_tells_the_local_address(void **state)
{
	struct net_listener_config l = one_listener();
	struct net_limits limits;
	struct world w;
	int fd;

	l.host = NULL;
	net_limits_default(&limits, (int64_t)1 << 30);
	world_begin(&w);
	world_serve(&w, &limits, 1, &l, 1);
	assert_true(addr_is_wildcard(net_listener_addr(w.net, 0)));
	fd = dial_listener(&w, 0);
	expect_echo(fd);
	close(fd);
	world_close(&w);
}

static void a_taken_port_is_an_error_that_names_the_listener(void **state)
{
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct net *second;
	int failed = -1;
	struct world w;

	world_open(&w, 1, NULL);
	l[1].port = net_listener_addr(w.net, 0)->port;
	net_limits_default(&limits, (int64_t)1 << 30);
	second = net_new(w.env, &limits, 1, &echo_handler, &w.echo);
	assert_int_equal(net_listen(second, l, 2, &failed), -EADDRINUSE);
	assert_int_equal(failed, 1);
	net_free(second);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_answered),
		cmocka_unit_test(pipelined_frames_are_answered_in_order),
		cmocka_unit_test(frames_of_every_size_come_back_whole),
		cmocka_unit_test(a_frame_sent_byte_by_byte_is_a_frame),
		cmocka_unit_test(an_answer_carries_a_range_of_a_file_between_memory),
		cmocka_unit_test(a_file_that_is_too_short_closes_the_connection_in_one_line),
		cmocka_unit_test(a_reader_that_waits_gets_every_byte_later),
		cmocka_unit_test(lengths_that_cannot_be_close_the_connection),
		cmocka_unit_test(a_flood_of_bad_ends_gives_few_lines),
		cmocka_unit_test(a_bound_of_one_connection_holds_for_it_alone),
		cmocka_unit_test(a_handler_can_close_with_and_without_an_answer),
		cmocka_unit_test(clients_do_not_keep_a_node_waiting),
		cmocka_unit_test(who_has_had_a_turn_comes_behind_who_waits),
		cmocka_unit_test(who_comes_later_comes_behind_those_that_wait),
		cmocka_unit_test(connections_are_spread_over_the_reactors),
		cmocka_unit_test(a_clean_stop_answers_what_is_in_work_and_closes_the_idle),
		cmocka_unit_test(a_wildcard_takes_both_families_and_tells_the_local_address),
		cmocka_unit_test(a_taken_port_is_an_error_that_names_the_listener),
		cmocka_unit_test(a_request_in_work_is_dropped_with_its_connection),
		cmocka_unit_test(a_stop_ends_at_its_deadline_what_is_still_in_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
