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

static struct caller caller;
static struct bytes_out batch;

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

static const struct {
	const char *name;
	void (*make)(struct bytes_out *o, int i);
	int records; /* in the batch that is produced; for a fetch, once before it */
} kinds[] = {
	{"versions", make_versions, 0},	    {"metadata", make_metadata, 0}, {"produce-1", make_produce, 1},
	{"produce-100", make_produce, 100}, {"fetch-16k", make_fetch, 150}, {"fetch-nothing", make_empty_fetch, 0},
	{"commit", make_commit, 0},
};

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
	if (kinds[kind].make == make_commit)
		await_coordinator(&o);
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
