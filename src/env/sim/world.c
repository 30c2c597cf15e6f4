/* world: the heap of events, the running event, and the trace of past ones. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "env/sim/sim_priv.h"

static const char *const mark_names[] = {
#define X(name) #name,
	SIM_MARKS(X)
#undef X
};

void sim_options_calm(struct sim_options *o)
{
	*o = (struct sim_options){
		.n_envs = 1,
		.latency_min_us = 50,
		.latency_mean_us = 50,
		.send_buffer = 256 * 1024,
		.disk_bytes = (int64_t)1 << 30,
		.descriptors = 1000,
	};
}

static uint32_t draw_rate(struct chance *c, uint32_t seldom, uint32_t often)
{
	switch (chance_below(c, 4)) {
	case 0:
	case 1:
		return 0;
	case 2:
		return seldom;
	default:
		return often;
	}
}

void sim_options_draw(struct sim_options *o, uint64_t seed)
{
	struct chance c;

	chance_init(&c, seed ^ 0x6f7074696f6e73); /* not the world's own stream */
	sim_options_calm(o);
	o->latency_min_us = chance_between(&c, 10, 5000);
	o->latency_mean_us = chance_between(&c, 1, 20000);
	o->partial_read = draw_rate(&c, 10000, 400000);
	o->partial_write = draw_rate(&c, 10000, 400000);
	o->spurious = draw_rate(&c, 1000, 100000);
	o->reset = draw_rate(&c, 200, 5000);
	o->stall = draw_rate(&c, 200, 5000);
	o->send_buffer = (int32_t)chance_between(&c, 512, 128 * 1024);
	o->cold = draw_rate(&c, 10000, 500000);
	o->writeback = draw_rate(&c, 10000, 300000);
	o->slow_work = draw_rate(&c, 1000, 50000);
	o->buggify = draw_rate(&c, 10000, 100000);
	o->clock_skew_ms = (int64_t)draw_rate(&c, 100, 60000);
	o->clock_drift_ppm = (int32_t)draw_rate(&c, 50, 20000);
	o->half_open = draw_rate(&c, 200000, 700000);
	o->short_write = draw_rate(&c, 1000, 50000);
}

struct sim_world *sim_world_new(uint64_t seed, const struct sim_options *options)
{
	struct sim_env *before = sim_enter(NULL);
	struct sim_world *w = sim_alloc(sizeof(*w));

	check(options->n_envs >= 1 && options->n_envs <= SIM_ENVS);
	w->seed = seed;
	w->options = *options;
	w->now_ns = 1000000000;
	w->hash = seed;
	list_init(&w->conns);
	chance_init(&w->chance, seed);
	for (int i = 0; i < options->n_envs; i++)
		w->envs[i] = sim_env_new(w, i);
	sim_set_last_world(w);
	sim_leave(before);
	return w;
}

void sim_world_free(struct sim_world *w)
{
	struct sim_env *before = sim_enter(NULL);

	for (int i = 0; i < w->options.n_envs; i++)
		sim_env_let_go(w->envs[i]);
	sim_drop_conns(w);
	for (int i = 0; i < w->options.n_envs; i++)
		sim_env_free(w->envs[i]);
	while (heap_min(&w->events)) {
		struct sim_event *ev = container_of(heap_min(&w->events), struct sim_event, node);

		event_cancel(ev);
		sim_free(ev); /* those left are sim_after's */
	}
	heap_fini(&w->events);
	sim_free(w);
	sim_set_last_world(NULL);
	sim_leave(before);
}

struct sim_options *sim_world_options(struct sim_world *w)
{
	return &w->options;
}

struct env *sim_env(struct sim_world *w, int i)
{
	check(i >= 0 && i < w->options.n_envs);
	return &w->envs[i]->base;
}

void sim_world_name(struct sim_world *w, const char *how)
{
	w->name = how;
}

int64_t sim_now_ns(const struct sim_world *w)
{
	return w->now_ns;
}

/* ---- events ---- */

static void trace_hashed(struct sim_world *w, const struct sim_env *env, const char *what, uint64_t what_hash,
			 uint64_t a, uint64_t b);

void event_init(struct sim_event *ev, struct sim_env *env, struct sim_world *w, const char *what, event_fn *run)
{
	*ev = (struct sim_event){.env = env, .w = w, .what = what, .what_hash = hash_text(what), .run = run};
	ev->node.pos = 0;
}

bool event_is_waiting(const struct sim_event *ev)
{
	return ev->node.pos != 0;
}

void event_cancel(struct sim_event *ev)
{
	if (event_is_waiting(ev))
		heap_remove(&ev->w->events, &ev->node);
}

/* The heap grows by xrealloc, which must not use the running node's heap. */
void event_at(struct sim_event *ev, int64_t at_ns)
{
	struct sim_env *before = sim_enter(NULL);

	event_cancel(ev);
	heap_insert(&ev->w->events, &ev->node, at_ns < ev->w->now_ns ? ev->w->now_ns : at_ns);
	sim_leave(before);
}

struct outside {
	struct sim_event event;
	void (*run)(void *arg);
	void *arg;
};

static void run_outside(struct sim_event *ev)
{
	struct outside *o = container_of(ev, struct outside, event);

	o->run(o->arg);
	sim_free(o);
}

void sim_after(struct sim_world *w, int64_t ms, void (*run)(void *arg), void *arg)
{
	struct outside *o = sim_alloc(sizeof(*o));

	o->run = run;
	o->arg = arg;
	event_init(&o->event, NULL, w, "outside", run_outside);
	event_at(&o->event, w->now_ns + ms * 1000000);
}

/* A paused machine's events wait until it resumes. */
static bool is_held(struct sim_event *ev)
{
	if (!ev->env || !ev->env->paused)
		return false;
	event_at(ev, ev->w->now_ns + 1000000);
	return true;
}

bool sim_step(struct sim_world *w)
{
	struct heap_node *node = heap_min(&w->events);
	struct sim_event *ev;
	jmp_buf scheduler;
	jmp_buf *outer = w->scheduler;
	struct sim_env *before;

	if (!node)
		return false;
	ev = container_of(node, struct sim_event, node);
	check(node->key >= w->now_ns);
	w->now_ns = node->key;
	if (is_held(ev))
		return true;
	heap_remove(&w->events, node);
	w->n_events++;
	trace_hashed(w, ev->env, ev->what, ev->what_hash, 0, 0);
	before = sim_enter(ev->env);
	w->scheduler = &scheduler;
	if (!setjmp(scheduler))
		ev->run(ev);
	w->scheduler = outer;
	sim_leave(before);
	for (int i = 0; i < w->options.n_envs; i++)
		if (w->envs[i]->dying)
			sim_env_bury(w->envs[i]);
	return true;
}

bool sim_call(struct sim_world *w, int i, void (*run)(void *arg), void *arg)
{
	struct sim_env *e = w->envs[i];
	struct sim_env *before = sim_enter(e);
	jmp_buf scheduler;
	jmp_buf *outer = w->scheduler;

	check(!e->down);
	w->scheduler = &scheduler;
	if (!setjmp(scheduler))
		run(arg);
	w->scheduler = outer;
	sim_leave(before);
	if (e->dying)
		sim_env_bury(e);
	return !e->down;
}

bool sim_run_until(struct sim_world *w, int64_t within_ms, bool (*done)(void *arg), void *arg)
{
	int64_t end_ns = w->now_ns + within_ms * 1000000;

	while (!done(arg)) {
		struct heap_node *node = heap_min(&w->events);

		if (!node || node->key > end_ns) {
			w->now_ns = end_ns;
			return false;
		}
		sim_step(w);
	}
	return true;
}

static bool never(void *arg)
{
	return false;
}

void sim_run_for(struct sim_world *w, int64_t ms)
{
	sim_run_until(w, ms, never, NULL);
}

/* ---- trace ---- */

static uint64_t mix(uint64_t hash, uint64_t v)
{
	hash = (hash ^ v) * 0x9e3779b97f4a7c15u;
	return hash ^ (hash >> 29);
}

uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
	return hash;
}

void sim_world_follow(struct sim_world *w, void (*say)(const char *line))
{
	w->follow = say;
}

static void say_trace(const struct trace_line *t, void (*say)(const char *line))
{
	char line[160];

	snprintf(line, sizeof(line), "%6" PRId64 ".%09" PRId64 " %2d %s %" PRIu64 " %" PRIx64 "\n",
		 t->at_ns / 1000000000, t->at_ns % 1000000000, t->env, t->what, t->a, t->b);
	say(line);
}

static void trace_hashed(struct sim_world *w, const struct sim_env *env, const char *what, uint64_t what_hash,
			 uint64_t a, uint64_t b)
{
	int index = env ? env->index : -1;

	w->hash = mix(mix(mix(mix(mix(w->hash, (uint64_t)w->now_ns), (uint64_t)index), what_hash), a), b);
	w->trace[w->n_trace % TRACE_KEPT] = (struct trace_line){w->now_ns, what, index, a, b};
	if (w->follow)
		say_trace(&w->trace[w->n_trace % TRACE_KEPT], w->follow);
	w->n_trace++;
}

void sim_trace(struct sim_world *w, const struct sim_env *env, const char *what, uint64_t a, uint64_t b)
{
	trace_hashed(w, env, what, hash_text(what), a, b);
}

uint64_t sim_trace_hash(const struct sim_world *w)
{
	return w->hash;
}

uint64_t sim_events(const struct sim_world *w)
{
	return w->n_events;
}

void sim_print_trace(const struct sim_world *w, void (*say)(const char *line))
{
	uint64_t first = w->n_trace > TRACE_KEPT ? w->n_trace - TRACE_KEPT : 0;

	for (uint64_t i = first; i < w->n_trace; i++)
		say_trace(&w->trace[i % TRACE_KEPT], say);
}

void sim_met(struct sim_world *w, enum sim_mark mark)
{
	w->reached[mark]++;
}

bool sim_happens(struct sim_world *w, uint32_t ppm, enum sim_mark mark)
{
	if (!chance_ppm(&w->chance, ppm))
		return false;
	sim_met(w, mark);
	return true;
}

int64_t sim_reached(const struct sim_world *w, enum sim_mark mark)
{
	return w->reached[mark];
}

const char *sim_mark_name(enum sim_mark mark)
{
	return mark_names[mark];
}
