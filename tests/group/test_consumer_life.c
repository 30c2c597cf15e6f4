/*
 * The life of consumer groups, driven by seeds: members join, continue, change topics, leave and
 * die, topics grow, the coordinator is reloaded, and its writes are sometimes refused. What must
 * hold:
 *
 * 1. No two members believe at the same time that they own a partition.
 * 2. When everything calms down, everything wanted has one owner, as in the target, and the group
 *    is stable.
 */
#include <stdio.h>
#include <string.h>

#include "tests/base/cm.h"
#include "tests/group/brain.h"

#include "base/err.h"
#include "protocol/consumer_group_heartbeat.h"

#define SETTINGS                                                                                                       \
	"process.roles=broker,controller\nnode.id=0\ncontroller.quorum.voters=0@localhost:9093\n"                      \
	"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n"                       \
	"group.consumer.assignment.interval.ms=0\n"

static struct brain b;

enum { MEMBERS = 8, TOPICS = 4 };

/* A client, and what it believes. */
struct client {
	bool on;
	int32_t epoch;
	char id[16];
	char instance[16];
	char topics[64];
	struct assign_set owned; /* in an arena of its own */
	struct arena arena;
};

struct life {
	struct client clients[MEMBERS];
	int n_ids;
	int n_topics;
};

static uint64_t below(uint64_t n)
{
	return brain_random(&b) % n;
}

static void choose_topics(struct client *c)
{
	size_t len = 0;

	for (int i = 0; i < TOPICS; i++) {
		if (below(2))
			len += (size_t)snprintf(c->topics + len, sizeof(c->topics) - len, "%stopic%d", len ? " " : "",
						i);
	}
	if (len == 0)
		snprintf(c->topics, sizeof(c->topics), "topic0");
}

static void forget(struct client *c)
{
	arena_fini(&c->arena);
	arena_init(&c->arena, 64 << 20);
	c->owned = (struct assign_set){0};
}

static void take(struct client *c, const struct consumer_group_heartbeat_response *r)
{
	if (!r->assignment)
		return;
	forget(c);
	c->owned.n = r->assignment->topic_partitions.n;
	c->owned.v = arena_array(&c->arena, (size_t)c->owned.n + 1, sizeof(*c->owned.v));
	for (int32_t i = 0; i < c->owned.n; i++) {
		const struct consumer_group_heartbeat_response_topic_partitions *t =
			&r->assignment->topic_partitions.v[i];

		c->owned.v[i] = (struct assign_topic){t->topic_id, t->partitions.n, NULL, NULL};
		c->owned.v[i].partitions = arena_array(&c->arena, (size_t)t->partitions.n + 1, sizeof(int32_t));
		memcpy(c->owned.v[i].partitions, t->partitions.v, (size_t)t->partitions.n * sizeof(int32_t));
	}
}

/* The client reports its whole state, and does at once what it is told. An answer may be lost. */
static void call(struct life *l, struct client *c, bool lost)
{
	struct beat beat = {.group = "g",
			    .member = c->id,
			    .epoch = c->epoch,
			    .topics = c->topics,
			    .full = true,
			    .owned = c->epoch == 0 ? NULL : &c->owned,
			    .rebalance_timeout_ms = 60000};
	const struct consumer_group_heartbeat_response *r;
	int err;

	if (c->instance[0])
		beat.instance = c->instance;
	r = brain_beat(&b, &beat, &err);
	if (r && !lost) {
		c->epoch = r->member_epoch;
		take(c, r);
	} else if (err == ERR_UNKNOWN_MEMBER_ID || err == ERR_FENCED_MEMBER_EPOCH) {
		c->epoch = 0;
		forget(c);
	} else if (err && err != ERR_COORDINATOR_NOT_AVAILABLE) {
		assert_int_equal(err, ERR_UNRELEASED_INSTANCE_ID);
	}
	brain_forget(&b);
}

static bool owns(const struct client *c, struct uuid topic, int32_t partition)
{
	const struct assign_topic *t = c->on && c->epoch > 0 ? assign_set_find(&c->owned, topic) : NULL;

	for (int32_t i = 0; t && i < t->n; i++) {
		if (t->partitions[i] == partition)
			return true;
	}
	return false;
}

/*
 * Two clients must never believe at the same time that they have the same partition. Those fenced
 * without knowing it are not considered.
 */
static void assert_one_owner(const struct life *l)
{
	const struct consumer_group *g = brain_group(&b, "g");

	for (int t = 0; g && t < l->n_topics; t++) {
		char name[16];
		const struct image_topic *topic;

		snprintf(name, sizeof(name), "topic%d", t);
		topic = image_topic_by_name(b.image, str_of(name));
		for (int32_t p = 0; p < topic->n_partitions; p++) {
			int n = 0;

			for (int i = 0; i < MEMBERS; i++) {
				const struct client *c = &l->clients[i];

				n += owns(c, topic->id, p) && consumer_member(g, str_of(c->id));
			}
			assert_true(n <= 1);
		}
	}
}

static void start(struct life *l, struct client *c)
{
	c->on = true;
	c->epoch = 0;
	snprintf(c->id, sizeof(c->id), "m%d", l->n_ids++);
	forget(c);
	choose_topics(c);
}

static void happen(struct life *l, struct client *c)
{
	switch (below(12)) {
	case 0:
		if (c->on && c->epoch > 0) {
			struct beat beat = {.group = "g",
					    .member = c->id,
					    .epoch = c->instance[0] ? -2 : -1,
					    .instance = c->instance[0] ? c->instance : NULL};
			int err;

			brain_beat(&b, &beat, &err);
		}
		c->on = false;
		break;
	case 1: /* dies */
		c->on = false;
		break;
	case 2:
		if (c->on)
			choose_topics(c);
		break;
	case 3: {
		char name[16];

		snprintf(name, sizeof(name), "topic%d", (int)below((uint64_t)l->n_topics));
		brain_topic(&b, name, image_topic_by_name(b.image, str_of(name))->n_partitions + (int32_t)below(3));
		break;
	}
	case 4:
		brain_pass(&b, (int64_t)below(50000));
		break;
	case 5:
		brain_reload(&b, below(2));
		break;
	case 6:
		b.refuse_appends = true;
		call(l, c, true);
		b.refuse_appends = false;
		break;
	default:
		if (!c->on)
			start(l, c);
	}
}

static int32_t partitions_of(const struct consumer_group *g, const char *topics)
{
	int32_t n = 0;

	for (int t = 0; t < TOPICS; t++) {
		char name[16];

		snprintf(name, sizeof(name), "topic%d", t);
		if (strstr(topics, name))
			n += image_topic_by_name(b.image, str_of(name))->n_partitions;
	}
	(void)g;
	return n;
}

/* All send heartbeats until nothing changes any more: everything wanted has one owner, as in the target. */
static void assert_converges(struct life *l)
{
	const struct consumer_group *g;
	char wanted[256] = "";
	int64_t owned = 0;

	brain_pass(&b, 120000);
	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < MEMBERS; i++) {
			if (l->clients[i].on)
				call(l, &l->clients[i], false);
			assert_one_owner(l);
		}
	}
	g = brain_group(&b, "g");
	for (int i = 0; i < MEMBERS; i++) {
		const struct client *c = &l->clients[i];
		const struct consumer_member *m;

		if (!c->on)
			continue;
		m = consumer_member(g, str_of(c->id));
		assert_non_null(m);
		assert_int_equal(c->epoch, g->epoch);
		assert_string_equal(brain_set(&b, &c->owned), brain_set(&b, &m->target));
		owned += assign_set_partitions(&c->owned);
		strcat(wanted, c->topics);
	}
	if (g && g->n_members > 0) {
		assert_string_equal(consumer_group_state(&g->g), "Stable");
		assert_int_equal(owned, partitions_of(g, wanted));
	}
	brain_forget(&b);
}

static void live(uint64_t seed)
{
	struct life l = {.n_topics = TOPICS};

	brain_init(&b, SETTINGS);
	b.chance = seed * 7919 + 1;
	for (int t = 0; t < TOPICS; t++) {
		char name[16];

		snprintf(name, sizeof(name), "topic%d", t);
		brain_topic(&b, name, 1 + (int32_t)below(7));
	}
	for (int i = 0; i < MEMBERS; i++) {
		arena_init(&l.clients[i].arena, 64 << 20);
		if (i % 4 == 3)
			snprintf(l.clients[i].instance, sizeof(l.clients[i].instance), "i%d", i);
	}
	for (int step = 0; step < 300; step++) {
		struct client *c = &l.clients[below(MEMBERS)];

		if (below(4) == 0)
			happen(&l, c);
		else if (c->on)
			call(&l, c, below(10) == 0);
		assert_one_owner(&l);
	}
	assert_converges(&l);
	brain_reload(&b, true);
	assert_converges(&l);
	for (int i = 0; i < MEMBERS; i++)
		arena_fini(&l.clients[i].arena);
	brain_fini(&b);
}

static void no_partition_has_two_owners_whatever_happens(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		live(seed);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_partition_has_two_owners_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
