/*
 * hot: N requests of one kind to a whole node in the simulator, for counting instructions: the same
 * N gives the same count.
 *
 *	hot KIND N
 *
 * tests/bench/instructions runs it under callgrind, which counts only inside the turns of a
 * connection and of a coordinator: from the bytes of a request to those of its answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cm.h"
#include "tests/broker/raw_world.h"

#define SESSION_MS 45000

static struct caller caller;
static struct bytes_out batch;
static char id[128];
static struct raw_member member = {"g", "", 0};

static void ask(struct bytes_out *o)
{
	raw_say(&caller, o);
	assert_true(raw_answered(&caller));
	o->len = 0;
}

static void make_versions(struct bytes_out *o, int i)
{
	put_api_versions(o, i);
}

static void make_metadata(struct bytes_out *o, int i)
{
	put_metadata(o, i, "t", false);
}

static void make_produce(struct bytes_out *o, int i)
{
	put_produce(o, i, "t", 0, 1, &batch);
}

static void make_fetch(struct bytes_out *o, int i)
{
	put_fetch(o, i, "t", 0, 0, 20000, 0);
}

static void make_empty_fetch(struct bytes_out *o, int i)
{
	put_fetch(o, i, "u", 0, 0, 20000, 0);
}

static void make_commit(struct bytes_out *o, int i)
{
	put_offset_commit(o, i, &(struct raw_member){"g", "", -1}, "t", 0, i);
}

/* The leader, and only member, has another subscription each time. */
static void make_join(struct bytes_out *o, int i)
{
	put_join_group(o, i, &member, SESSION_MS, i);
}

static void make_heartbeat(struct bytes_out *o, int i)
{
	put_consumer_heartbeat(o, i, &member, NULL, NULL);
}

/* ---- what comes first ---- */

static struct bytes_in answer(void)
{
	return (struct bytes_in){.p = caller.in + 8, .left = caller.in_len - 8};
}

static void await_coordinator(struct bytes_out *o)
{
	do {
		put_find_coordinator(o, 0, "g");
		ask(o);
	} while (find_coordinator_error(answer()) != 0);
	do {
		make_commit(o, 0);
		ask(o);
	} while (offset_commit_error(answer()) != 0);
}

/* The id is given by the first answer, and membership by the second. */
static void join(struct bytes_out *o)
{
	struct bytes_in in;
	int len;

	await_coordinator(o);
	make_join(o, -1);
	ask(o);
	in = answer();
	skip_bytes(&in, 10); /* throttle time, error, generation */
	skip_text(&in);
	skip_text(&in);
	len = get16(&in);
	assert_in_range(len, 1, sizeof(id) - 1);
	skip_bytes(&in, (size_t)len);
	memcpy(id, in.p - len, (size_t)len);
	member.id = id;
	make_join(o, -2);
	ask(o);
	in = answer();
	skip_bytes(&in, 4);
	assert_int_equal(get16(&in), 0);
}

/* The epoch is given by the answer. */
static void enter(struct bytes_out *o)
{
	struct bytes_in in;

	await_coordinator(o);
	member.id = "a-member";
	put_consumer_heartbeat(o, 0, &member, "t", NULL);
	ask(o);
	in = answer();
	skip_bytes(&in, 5); /* tagged fields of the header, throttle time */
	assert_int_equal(get16(&in), 0);
	skip_compact_text(&in);
	skip_compact_text(&in);
	member.generation = get32(&in);
}

static const struct {
	const char *name;
	void (*make)(struct bytes_out *o, int i);
	int records; /* in the batch that is produced; for a fetch, once before it */
	void (*before)(struct bytes_out *o);
} kinds[] = {
	{"versions", make_versions, 0, NULL},	       {"metadata", make_metadata, 0, NULL},
	{"produce-1", make_produce, 1, NULL},	       {"produce-100", make_produce, 100, NULL},
	{"fetch-16k", make_fetch, 150, NULL},	       {"fetch-nothing", make_empty_fetch, 0, NULL},
	{"commit", make_commit, 0, await_coordinator}, {"join", make_join, 0, join},
	{"heartbeat", make_heartbeat, 0, enter},
};

static void run(size_t kind, int n)
{
	struct bytes_out o = {0};

	raw_world_up();
	put_create_topic(&o, 1, "t", 1);
	ask(&o);
	put_create_topic(&o, 1, "u", 1);
	ask(&o);
	if (kinds[kind].records) {
		batch_make(&batch, kinds[kind].records, 100, raw_world_ms());
		make_produce(&o, 0);
		ask(&o);
		assert_int_equal(produce_error(answer()), 0);
	}
	if (kinds[kind].before)
		kinds[kind].before(&o);
	for (int i = 0; i < n; i++) {
		kinds[kind].make(&o, i);
		ask(&o);
	}
	raw_leave(&caller);
	raw_world_down();
	free(o.p);
	free(batch.p);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name) == 0) {
			run(i, atoi(argv[2]));
			return 0;
		}
	}
	fprintf(stderr, "usage: hot KIND N\n");
	return 2;
}
