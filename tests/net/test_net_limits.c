/* The bounds on connections, over loopback in the real world, and how they change while a net runs. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/base/cm.h"
#include "tests/net/loopback.h"

static void one_address_has_its_bound(void **state)
{
	struct net_limits limits;
	struct net_ip_limit mine = {.connections = 3};
	struct world w;
	int v[4];

	net_limits_default(&limits, (int64_t)1 << 30);
	limits.max_connections_per_ip = 1;
	limits.ip_limits = &mine;
	limits.n_ip_limits = 1;
	assert_true(addr_parse("127.0.0.1", 0, &mine.addr));
	world_open(&w, 2, &limits);
	for (int i = 0; i < 3; i++) {
		v[i] = dial_listener(&w, 0);
		expect_echo(v[i]);
	}
	v[3] = dial_listener(&w, 0);
	expect_closed(v[3]);
	assert_true(was_told(&w, "max.connections.per.ip"));
	for (int i = 0; i < 3; i++) {
		expect_echo(v[i]);
		close(v[i]);
	}
	world_close(&w);
}

static void connections_beyond_the_bound_wait_until_one_closes(void **state)
{
	struct net_limits limits;
	struct world w;
	int a, b, c;

	net_limits_default(&limits, (int64_t)1 << 30);
	limits.max_connections = 2;
	world_open(&w, 2, &limits);
	a = dial_listener(&w, 0);
	b = dial_listener(&w, 0);
	expect_echo(a);
	expect_echo(b);
	c = dial_listener(&w, 0); /* accepted by the system, but not by the net */
	put_frame(c, "e", 1);
	expect_echo(a);
	assert_int_equal(w.echo.opened, 2);
	close(b);
	expect_frame(c, "e", 1);
	close(a);
	close(c);
	world_close(&w);
}

static void a_listener_between_brokers_takes_the_place_of_an_idle_connection(void **state)
{
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct world w;
	int a, b, c;

	l[1].name = "NODES";
	l[1].is_protected = true;
	net_limits_default(&limits, (int64_t)1 << 30);
	limits.max_connections = 2;
	world_begin(&w);
	world_serve(&w, &limits, 1, l, 2);
	a = dial_listener(&w, 0);
	b = dial_listener(&w, 0);
	expect_echo(a);
	expect_echo(b);
	expect_echo(a); /* so b is the least recently active */
	c = dial_listener(&w, 1);
	expect_echo(c);
	expect_closed(b);
	expect_echo(a);
	close(a);
	close(c);
	world_close(&w);
}

/* Its connections neither take the places of clients nor count among those of their address. */
static void an_exempt_listener_counts_for_itself(void **state)
{
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct world w;
	int v[5];

	l[1].name = "NODES";
	l[1].exempt = true;
	net_limits_default(&limits, (int64_t)1 << 30);
	limits.max_connections = 2;
	limits.max_connections_per_ip = 2;
	world_begin(&w);
	world_serve(&w, &limits, 1, l, 2);
	for (int i = 0; i < 5; i++) { /* a node, a client, two nodes, a client */
		v[i] = dial_listener(&w, i == 1 || i == 4 ? 0 : 1);
		expect_echo(v[i]);
	}
	for (int i = 0; i < 5; i++) {
		expect_echo(v[i]);
		close(v[i]);
	}
	world_close(&w);
}

/* ---- limits that change while it runs ---- */

struct change {
	struct post post;
	struct world *w;
	void (*make)(struct net *net);
	bool done;
};

static void make_change(struct post *p)
{
	struct change *c = (struct change *)((char *)p - offsetof(struct change, post));

	c->make(c->w->net);
	pthread_mutex_lock(&c->w->lock);
	c->done = true;
	pthread_cond_signal(&c->w->cond);
	pthread_mutex_unlock(&c->w->lock);
}

static void change(struct world *w, void (*make)(struct net *net))
{
	struct change c = {.post.run = make_change, .w = w, .make = make};

	loop_post(net_loop(w->net, 0), &c.post);
	pthread_mutex_lock(&w->lock);
	while (!c.done)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void allow_two(struct net *net)
{
	net_set_max_connections(net, 2);
}

static void allow_three(struct net *net)
{
	net_set_max_connections(net, 3);
}

static void allow_the_listener_one(struct net *net)
{
	net_set_listener_max_connections(net, 0, 1);
}

static void allow_the_listener_three(struct net *net)
{
	net_set_listener_max_connections(net, 0, 3);
}

static void allow_an_address_one(struct net *net)
{
	net_set_max_connections_per_ip(net, 1);
}

static void allow_this_address_two(struct net *net)
{
	struct net_ip_limit mine = {.connections = 2};

	assert_true(addr_parse("127.0.0.1", 0, &mine.addr));
	net_set_ip_limits(net, &mine, 1);
}

static bool is_served(int fd)
{
	char answer[5];

	return send(fd, "\0\0\0\1e", 5, MSG_NOSIGNAL) == 5 && recv(fd, answer, 5, MSG_WAITALL) == 5;
}

static void wait_for_connections(struct world *w, int n)
{
	for (int ms = 0; ms < 60000; ms++) {
		net_counts(w->net, &w->counts);
		if (w->counts.connections == n)
			return;
		usleep(1000);
	}
	fail_msg("%d connections, and not %d", (int)w->counts.connections, n);
}

/* On two reactors, with a connection of a node that must not be closed. */
static void a_lower_bound_closes_as_many_as_there_are_too_many(void **state)
{
	struct net_listener_config l[2] = {one_listener(), one_listener()};
	struct net_limits limits;
	struct world w;
	int v[6], served = 0, next;

	l[1].name = "NODES";
	l[1].is_protected = true;
	net_limits_default(&limits, (int64_t)1 << 30);
	world_begin(&w);
	world_serve(&w, &limits, 2, l, 2);
	for (int i = 0; i < 6; i++) {
		v[i] = dial_listener(&w, i == 0);
		expect_echo(v[i]);
	}
	change(&w, allow_two);
	wait_for_connections(&w, 2);
	for (int i = 0; i < 6; i++)
		served += is_served(v[i]);
	assert_int_equal(served, 2);
	assert_true(is_served(v[0]));
	next = dial_listener(&w, 0);
	put_frame(next, "e", 1);
	change(&w, allow_three);
	expect_frame(next, "e", 1);
	for (int i = 0; i < 6; i++)
		close(v[i]);
	close(next);
	world_close(&w);
}

static void a_bound_of_a_listener_is_for_those_that_come(void **state)
{
	struct world w;
	int v[3];

	world_open(&w, 1, NULL);
	for (int i = 0; i < 2; i++) {
		v[i] = dial_listener(&w, 0);
		expect_echo(v[i]);
	}
	change(&w, allow_the_listener_one);
	v[2] = dial_listener(&w, 0);
	put_frame(v[2], "e", 1);
	expect_echo(v[0]);
	expect_echo(v[1]);
	assert_int_equal(w.echo.opened, 2);
	change(&w, allow_the_listener_three);
	expect_frame(v[2], "e", 1);
	for (int i = 0; i < 3; i++)
		close(v[i]);
	world_close(&w);
}

static void a_bound_of_addresses_changes_too(void **state)
{
	struct world w;
	int a, b, c;

	world_open(&w, 1, NULL);
	change(&w, allow_an_address_one);
	a = dial_listener(&w, 0);
	expect_echo(a);
	expect_closed(dial_listener(&w, 0));
	change(&w, allow_this_address_two);
	b = dial_listener(&w, 0);
	expect_echo(b);
	c = dial_listener(&w, 0);
	expect_closed(c);
	close(a);
	close(b);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_has_its_bound),
		cmocka_unit_test(connections_beyond_the_bound_wait_until_one_closes),
		cmocka_unit_test(a_listener_between_brokers_takes_the_place_of_an_idle_connection),
		cmocka_unit_test(an_exempt_listener_counts_for_itself),
		cmocka_unit_test(a_lower_bound_closes_as_many_as_there_are_too_many),
		cmocka_unit_test(a_bound_of_a_listener_is_for_those_that_come),
		cmocka_unit_test(a_bound_of_addresses_changes_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
