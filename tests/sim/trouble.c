#include "tests/sim/trouble.h"

#include "base/check.h"
#include "tests/sim/draw.h"

/*
 * A wall clock may be hours ahead, but no client's record may be an hour ahead of it: Kafka refuses
 * that (message.timestamp.after.max.ms).
 */
enum { AHEAD_MS_MAX = 6 * 3600000, BEHIND_MS_MAX = 50 * 60000 };

static uint64_t draw(struct trouble *t, uint64_t bound)
{
	return draw_below(&t->chance, bound);
}

void trouble_draw(struct trouble *t, uint64_t seed)
{
	t->chance = seed ^ 0x74726f75626c65;
	t->kinds = 0;
	if (draw(t, 2))
		return;
	for (int i = 0; i < TROUBLE_KINDS; i++)
		if (draw(t, 3) == 0)
			t->kinds |= 1u << i;
}

bool trouble_has(const struct trouble *t, enum trouble_kind kind)
{
	return t->kinds >> kind & 1;
}

bool trouble_fails_devices(const struct trouble *t)
{
	return trouble_has(t, TROUBLE_READS_FAIL) || trouble_has(t, TROUBLE_WRITES_FAIL) ||
	       trouble_has(t, TROUBLE_SYNCS_FAIL);
}

/* ---- devices ---- */

static int64_t sync_errors(const struct trouble *t)
{
	return sim_reached(t->w, SIM_MET_SYNC_ERROR);
}

static int64_t errors(const struct trouble *t)
{
	return sync_errors(t) + sim_reached(t->w, SIM_MET_READ_ERROR) + sim_reached(t->w, SIM_MET_WRITE_ERROR);
}

bool trouble_device_failed(const struct trouble *t, bool *a_sync)
{
	*a_sync = sync_errors(t) > t->sync_errors_before;
	return errors(t) > t->errors_before;
}

static bool may_fail(struct trouble *t, int which)
{
	struct file_stat st;

	t->device = (int)draw(t, (uint64_t)t->n_dirs);
	if (sim_is_down(t->w, t->node) || env_stat(sim_env(t->w, t->node), t->dirs[t->device], &st))
		return false;
	sim_fail_device(t->w, t->node, t->dirs[t->device], which);
	return true;
}

static void mend_devices(struct trouble *t)
{
	struct file_stat st;

	for (int i = 0; i < t->n_dirs; i++)
		if (env_stat(sim_env(t->w, t->node), t->dirs[i], &st) == 0)
			sim_fail_device(t->w, t->node, t->dirs[i], 0);
}

static bool hinders_now(const struct trouble *t)
{
	return t->is_on && (t->now == TROUBLE_FULL || t->now == TROUBLE_DESCRIPTORS);
}

void trouble_restarted(struct trouble *t)
{
	mend_devices(t);
	t->starting = true;
	t->hinders = t->hindered = hinders_now(t);
	t->errors_before = errors(t);
	t->sync_errors_before = sync_errors(t);
}

void trouble_started(struct trouble *t)
{
	t->starting = false;
}

/* ---- episodes ---- */

static void plan(struct trouble *t);

static void cut(struct trouble *t, bool both)
{
	int from = draw(t, 2) ? t->node : t->clients;
	int to = from == t->node ? t->clients : t->node;

	sim_cut(t->w, from, to, true);
	if (both)
		sim_cut(t->w, to, from, true);
}

static void slow_down(struct trouble *t, int64_t us)
{
	sim_slow(t->w, t->node, t->clients, us);
	sim_slow(t->w, t->clients, t->node, us);
}

/* Either only a few more are available to the node, or others take the last ones just when it asks. */
static void take_descriptors(struct trouble *t)
{
	if (draw(t, 2))
		sim_set_descriptors(t->w, t->node, sim_descriptors_used(t->w, t->node) + 1 + (int32_t)draw(t, 4));
	else
		sim_refuse_descriptors(t->w, t->node, 1 + (int64_t)draw(t, 40), (int64_t)draw(t, 10));
}

static void begin(struct trouble *t)
{
	switch (t->now) {
	case TROUBLE_CUT:
	case TROUBLE_CUT_ONE_WAY:
		cut(t, t->now == TROUBLE_CUT);
		break;
	case TROUBLE_SLOW:
		slow_down(t, 20000 + (int64_t)draw(t, 1000000));
		break;
	case TROUBLE_PAUSE:
		if (!sim_is_down(t->w, t->node))
			sim_pause(t->w, t->node, true);
		break;
	case TROUBLE_CLOCK:
		sim_set_wall(t->w, t->node,
			     draw(t, 2) ? (int64_t)draw(t, AHEAD_MS_MAX) : -(int64_t)draw(t, BEHIND_MS_MAX));
		break;
	case TROUBLE_FULL:
		sim_set_disk_bytes(t->w, t->node, sim_disk_used(t->w, t->node) + 1 + (int64_t)draw(t, 1 << 16));
		break;
	case TROUBLE_DESCRIPTORS:
		take_descriptors(t);
		break;
	case TROUBLE_READS_FAIL:
		may_fail(t, SIM_FAIL_READS);
		break;
	case TROUBLE_WRITES_FAIL:
		may_fail(t, SIM_FAIL_WRITES);
		break;
	default:
		may_fail(t, SIM_FAIL_SYNCS);
	}
}

static void calm(struct trouble *t)
{
	sim_cut(t->w, t->node, t->clients, false);
	sim_cut(t->w, t->clients, t->node, false);
	slow_down(t, 0);
	sim_pause(t->w, t->node, false);
	sim_set_disk_bytes(t->w, t->node, 0);
	sim_set_descriptors(t->w, t->node, 0);
	sim_refuse_descriptors(t->w, t->node, 0, 0);
	mend_devices(t);
	t->is_on = false;
}

static bool must_mend(struct trouble *t, enum sim_crash *how)
{
	bool a_sync;
	bool failed = trouble_device_failed(t, &a_sync);

	*how = draw(t, 2) ? SIM_POWER : SIM_KILL;
	return failed || t->hindered;
}

static void on_end(void *arg)
{
	struct trouble *t = arg;
	enum sim_crash how;

	if (t->over)
		return;
	calm(t);
	if (must_mend(t, &how))
		t->mend(t->arg, how);
	plan(t);
}

static void on_begin(void *arg)
{
	struct trouble *t = arg;

	if (t->over)
		return;
	do
		t->now = (enum trouble_kind)draw(t, TROUBLE_KINDS);
	while (!trouble_has(t, t->now));
	t->is_on = true;
	t->hinders = t->hinders || hinders_now(t);
	t->hindered = t->hindered || (t->starting && hinders_now(t));
	begin(t);
	sim_after(t->w, (int64_t)draw(t, draw(t, 4) ? 3000 : 15000), on_end, t);
}

static void plan(struct trouble *t)
{
	if (t->kinds)
		sim_after(t->w, (int64_t)draw(t, draw(t, 2) ? 500 : 4000), on_begin, t);
}

void trouble_begin(struct trouble *t)
{
	plan(t);
}

bool trouble_end(struct trouble *t, enum sim_crash *how)
{
	t->over = true;
	if (t->kinds) /* otherwise the faults are not ours */
		calm(t);
	return must_mend(t, how);
}

bool trouble_hindered_start(const struct trouble *t)
{
	return t->hindered;
}

bool trouble_hinders_start(const struct trouble *t)
{
	return t->hinders;
}
