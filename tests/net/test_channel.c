/*
 * channel: how long attempts to reach a silent node may take. (The simulated kernel itself gives up
 * after three seconds.)
 */
#include "net/channel.h"

#include <errno.h>
#include <string.h>

#include "env/sim/sim.h"
#include "protocol/metadata.h"
#include "tests/base/cm.h"
#include "wire/codec.h"

enum { ASKS, SILENT, MACHINES, ATTEMPTS = 5, HALF = 500, LATE_MS = 20 };

static struct {
	struct sim_world *sim;
	struct channels channels;
	struct channel channel;
	struct metadata_request request;
	struct arena arena;
	struct call call;
	int64_t broken_ms[ATTEMPTS];
	int n_broken;
} t;

static void ask(void)
{
	t.call = (struct call){.key = metadata_request_KEY, .request = &t.request, .arena = &t.arena};
	list_init(&t.call.link);
	timer_init(&t.call.timer, t.channels.loop, NULL);
	channel_call(&t.channel, &t.call);
}

static void broken(struct channel *ch, int err, struct list *calls)
{
	(void)ch;
	assert_int_equal(err, -ETIMEDOUT);
	list_remove(list_first(calls));
	t.broken_ms[t.n_broken++] = sim_now_ns(t.sim) / 1000000;
	if (t.n_broken < ATTEMPTS)
		ask();
}

static bool all_broken(void *arg)
{
	(void)arg;
	return t.n_broken == ATTEMPTS;
}

static void start(void *arg)
{
	const int64_t *times = arg;

	arena_init(&t.arena, 1 << 20);
	codec_init(&metadata_request_schema, &t.request);
	channels_init(&t.channels, loop_new(sim_env(t.sim, ASKS), "asks"));
	t.channels.client_id = STR("asks");
	t.channels.answer_max = 1 << 20;
	t.channels.broken = broken;
	t.channels.setup_timeout_ms = times[0];
	t.channels.setup_timeout_max_ms = times[1];
	channel_init(&t.channel, &t.channels, "10.0.0.2", 9092);
	ask();
}

static void stop(void *arg)
{
	(void)arg;
	channel_fini(&t.channel);
	channels_fini(&t.channels);
	arena_fini(&t.arena);
}

/* Between two attempts there is a pause: 50 ms, doubled each time. */
static void assert_attempts(int64_t first, int64_t longest, const int64_t *expected)
{
	int64_t times[] = {first, longest};
	struct sim_options calm;

	memset(&t, 0, sizeof(t));
	sim_options_calm(&calm);
	calm.n_envs = MACHINES;
	t.sim = sim_world_new(1, &calm);
	sim_cut(t.sim, ASKS, SILENT, true);
	sim_cut(t.sim, SILENT, ASKS, true);
	assert_true(sim_call(t.sim, ASKS, start, times));
	assert_true(sim_run_until(t.sim, 1000 * HALF, all_broken, NULL));
	for (int i = 1; i < ATTEMPTS; i++)
		assert_in_range(t.broken_ms[i] - t.broken_ms[i - 1], expected[i] + (50 << (i - 1)),
				expected[i] + (50 << (i - 1)) + LATE_MS);
	assert_true(sim_call(t.sim, ASKS, stop, NULL));
	sim_world_free(t.sim);
}

static void an_attempt_may_take_twice_as_long_after_each_that_took_too_long(void **state)
{
	(void)state;
	assert_attempts(HALF, 3 * HALF, (int64_t[]){HALF, 2 * HALF, 3 * HALF, 3 * HALF, 3 * HALF});
	assert_attempts(4 * HALF, HALF, (int64_t[]){4 * HALF, 4 * HALF, 4 * HALF, 4 * HALF, 4 * HALF});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attempt_may_take_twice_as_long_after_each_that_took_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
