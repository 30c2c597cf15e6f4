#include "tests/sim/storm.h"

#include "base/check.h"
#include "tests/sim/draw.h"

/* As in trouble.c: no client's record may be an hour ahead of a broker's clock. */
enum { AHEAD_MS_MAX = 6 * 3600000, BEHIND_MS_MAX = 50 * 60000, FIRST_EPISODE = STORM_ISOLATE };

const char *const STORM_NAMES[] = {"kill",    "kill-in-disk-op", "kill-many", "power-cut", "stop",
				   "isolate", "one-way",	 "bridge",    "ring",	   "slow",
				   "pause",   "clock",		 "full",      "device"};

static uint64_t draw(struct storm *s, uint64_t bound)
{
	return draw_below(&s->chance, bound);
}

static bool has(const struct storm *s, enum storm_kind kind)
{
	return s->kinds >> kind & 1;
}

/* Most runs have few kinds, which then have room to do their worst. */
void storm_draw(struct storm *s, uint64_t seed)
{
	/* separate, so that the other kinds do not depend on these */
	uint64_t seldom, of_devices = seed ^ 0x646576696365;

	s->chance = seed ^ 0x73746f726d;
	seldom = 2 + draw(s, 3);
	s->kinds = 0;
	for (int i = 0; i < STORM_DEVICE; i++)
		if (draw(s, seldom) == 0)
			s->kinds |= 1u << i;
	if (draw_below(&of_devices, 4) == 0)
		s->kinds |= 1u << STORM_DEVICE;
	s->kinds &= ~s->without;
	s->pace_ms = 500 + (int)draw(s, 8000);
}

/* A random node, or an important one: the leader of a partition, or of the quorum. */
static int draw_node(struct storm *s)
{
	int any = (int)draw(s, (uint64_t)s->nodes->n);
	int which = (int)draw(s, 1000);
	int found = -1;

	switch (draw(s, 4)) {
	case 0:
	case 1:
		found = nodes_leader(s->nodes, which);
		break;
	case 2:
		found = nodes_controller(s->nodes);
		break;
	default:
		break;
	}
	return found >= 0 ? found : any;
}

/* ---- lives ---- */

static void plan_death(struct storm *s);

static void kill_many(struct storm *s)
{
	bool all = draw(s, 3) == 0;

	for (int i = 0; i < s->nodes->n; i++)
		if (all || draw(s, 2))
			nodes_crash(s->nodes, i, SIM_KILL);
}

static void end_a_life(struct storm *s, enum storm_kind kind, int node)
{
	switch (kind) {
	case STORM_KILL:
		nodes_crash(s->nodes, node, SIM_KILL);
		break;
	case STORM_KILL_IN_DISK_OP:
		nodes_kill_at(s->nodes, node, 1 + (int64_t)draw(s, draw(s, 2) ? 20 : 200));
		break;
	case STORM_KILL_MANY:
		kill_many(s);
		break;
	case STORM_POWER_CUT:
		nodes_crash(s->nodes, node, SIM_POWER);
		break;
	default:
		nodes_stop(s->nodes, node);
	}
}

static void on_death(void *arg)
{
	struct storm *s = arg;
	enum storm_kind kind;

	if (s->over)
		return;
	do
		kind = (enum storm_kind)draw(s, FIRST_EPISODE);
	while (!has(s, kind));
	s->n[kind]++;
	end_a_life(s, kind, draw_node(s));
	plan_death(s);
}

static void plan_death(struct storm *s)
{
	if (s->kinds & ((1u << FIRST_EPISODE) - 1))
		sim_after(s->w, (int64_t)draw(s, 2 * (uint64_t)s->pace_ms), on_death, s);
}

/* ---- episodes ---- */

static void plan_episode(struct storm *s);

static void cut_pair(struct storm *s, int a, int b)
{
	sim_cut(s->w, a, b, true);
	sim_cut(s->w, b, a, true);
}

static void isolate(struct storm *s, int node, bool in, bool out)
{
	int machines = s->nodes->n + (draw(s, 2) ? 1 : 0);

	for (int i = 0; i < machines; i++) {
		if (i == node)
			continue;
		if (in)
			sim_cut(s->w, i, node, true);
		if (out)
			sim_cut(s->w, node, i, true);
	}
}

static void bridge(struct storm *s, int middle)
{
	uint64_t sides = draw(s, 1u << s->nodes->n);

	for (int a = 0; a < s->nodes->n; a++)
		for (int b = a + 1; b < s->nodes->n; b++)
			if (a != middle && b != middle && (sides >> a & 1) != (sides >> b & 1))
				cut_pair(s, a, b);
}

static void ring(struct storm *s)
{
	int n = s->nodes->n;

	for (int a = 0; a < n; a++)
		for (int b = a + 1; b < n; b++)
			if (b != a + 1 && !(a == 0 && b == n - 1 && n > 3))
				cut_pair(s, a, b);
}

static void slow(struct storm *s, int node)
{
	for (int i = 0; i <= s->nodes->n; i++) {
		sim_slow(s->w, node, i, 20000 + (int64_t)draw(s, 700000));
		sim_slow(s->w, i, node, 20000 + (int64_t)draw(s, 700000));
	}
}

static void begin(struct storm *s, int node)
{
	switch (s->now) {
	case STORM_ISOLATE:
		isolate(s, node, true, true);
		break;
	case STORM_ONE_WAY:
		isolate(s, node, draw(s, 2), true);
		break;
	case STORM_BRIDGE:
		bridge(s, node);
		break;
	case STORM_RING:
		ring(s);
		break;
	case STORM_SLOW:
		slow(s, node);
		break;
	case STORM_PAUSE:
		if (!sim_is_down(s->w, node))
			sim_pause(s->w, node, true);
		break;
	case STORM_DEVICE:
		nodes_fail_device(s->nodes, node, (int)draw(s, NODE_DIRS_MAX), 1 + (int)draw(s, 7));
		break;
	case STORM_FULL:
		nodes_fill(s->nodes, node, 1 + (int64_t)draw(s, 1 << 17));
		break;
	default:
		sim_set_wall(s->w, node,
			     draw(s, 2) ? (int64_t)draw(s, AHEAD_MS_MAX) : -(int64_t)draw(s, BEHIND_MS_MAX));
	}
}

static void calm(struct storm *s)
{
	for (int a = 0; a <= s->nodes->n; a++)
		for (int b = 0; b <= s->nodes->n; b++) {
			sim_cut(s->w, a, b, false);
			sim_slow(s->w, a, b, 0);
		}
	for (int i = 0; i < s->nodes->n; i++) {
		sim_pause(s->w, i, false);
		nodes_fill(s->nodes, i, 0);
		nodes_mend(s->nodes, i);
	}
}

static void on_end(void *arg)
{
	struct storm *s = arg;

	if (s->over)
		return;
	calm(s);
	plan_episode(s);
}

static void on_begin(void *arg)
{
	struct storm *s = arg;

	if (s->over)
		return;
	do
		s->now = (enum storm_kind)(
			FIRST_EPISODE + draw(s, (has(s, STORM_DEVICE) ? STORM_KINDS : STORM_DEVICE) - FIRST_EPISODE));
	while (!has(s, s->now));
	s->n[s->now]++;
	begin(s, draw_node(s));
	sim_after(s->w, 1 + (int64_t)draw(s, draw(s, 3) ? 4000 : 20000), on_end, s);
}

static void plan_episode(struct storm *s)
{
	if (s->kinds >> FIRST_EPISODE)
		sim_after(s->w, (int64_t)draw(s, draw(s, 2) ? 500 : 8000), on_begin, s);
}

void storm_begin(struct storm *s)
{
	plan_death(s);
	plan_episode(s);
}

void storm_end(struct storm *s)
{
	s->over = true;
	calm(s);
	for (int i = 0; i < s->nodes->n; i++)
		sim_set_wall(s->w, i, 0);
}
