/* env, sim: a machine: its clocks, its random numbers, and how it stops. */
#include <string.h>

#include "base/check.h"
#include "env/sim/sim_priv.h"

/* 2026-01-01T00:00:00Z: where the wall clocks of all worlds begin, give or take their skew. */
#define WALL_START_MS 1767225600000

__extension__ typedef __int128 wide;

/* With drift, a clock runs (1000000 + drift_ppm) / 1000000 times as fast. */
int64_t sim_mono_ns(const struct sim_env *e)
{
	return (int64_t)((wide)e->w->now_ns * (1000000 + e->drift_ppm) / 1000000);
}

/* The first moment at which the clock shows this time. */
int64_t sim_world_time_of(const struct sim_env *e, int64_t mono_ns)
{
	int64_t rate = 1000000 + e->drift_ppm;

	if (mono_ns > (int64_t)1 << 60)
		return INT64_MAX;
	return (int64_t)(((wide)mono_ns * 1000000 + rate - 1) / rate);
}

static int64_t mono_ns(struct env *e)
{
	return sim_mono_ns(sim_env_of(e));
}

static int64_t sim_wall_ms(const struct sim_env *e)
{
	return WALL_START_MS + e->w->now_ns / 1000000 + e->wall_offset_ms;
}

static int64_t wall_ms(struct env *e)
{
	return sim_wall_ms(sim_env_of(e));
}

static void random_bytes(struct env *base, void *p, size_t len)
{
	struct sim_env *e = sim_env_of(base);
	uint8_t *at = p;

	while (len) {
		uint64_t v = chance_u64(&e->chance);
		size_t n = len < sizeof(v) ? len : sizeof(v);

		memcpy(at, &v, n);
		at += n;
		len -= n;
	}
}

static void let_go(struct env *e)
{
	(void)e; /* a simulated heap has nothing to spare */
}

/* A seed selects a quarter of the sites, and some of the visits to those. */
static bool buggify(struct env *base, const char *site)
{
	struct sim_env *e = sim_env_of(base);
	uint64_t site_hash = hash_text(site) ^ (e->w->seed * 0x9e3779b97f4a7c15u);

	if (!e->w->options.buggify || (site_hash ^ site_hash >> 32) % 4)
		return false;
	if (!sim_happens(e->w, e->w->options.buggify, SIM_MET_BUGGIFY))
		return false;
	sim_trace(e->w, e, site, 0, 0);
	return true;
}

static const struct env_ops sim_ops = {
	.mono_ns = mono_ns,
	.wall_ms = wall_ms,
	.random = random_bytes,
	.loop_new = sim_loop_new,
	.loop_free = sim_loop_free,
	.loop_thread = sim_loop_thread,
	.loop_run = sim_loop_run,
	.loop_stop = sim_loop_stop,
	.loop_post = sim_loop_post,
	.loop_wake_at = sim_loop_wake_at,
	.work = sim_work,
	.listen = sim_listen,
	.listener_accept = sim_listener_accept,
	.listener_addr = sim_listener_addr,
	.listener_pause = sim_listener_pause,
	.listener_close = sim_listener_close,
	.dial = sim_dial,
	.sock_attach = sim_sock_attach,
	.sock_want = sim_sock_want,
	.sock_read = sim_sock_read,
	.sock_writev = sim_sock_writev,
	.sock_sendfile = sim_sock_sendfile,
	.sock_error = sim_sock_error,
	.sock_addrs = sim_sock_addrs,
	.sock_buffers = sim_sock_buffers,
	.sock_close = sim_sock_close,
	.resolve = sim_resolve,
	.host_name = sim_host_name,
	.open = sim_open,
	.file_close = sim_file_close,
	.pread = sim_pread,
	.pwritev = sim_pwritev,
	.truncate = sim_truncate,
	.allocate = sim_allocate,
	.set_mtime = sim_set_mtime,
	.size = sim_size,
	.sync = sim_sync,
	.pread_nowait = sim_pread_nowait,
	.resident = sim_resident,
	.sync_disk = sim_sync_disk,
	.cache_name = sim_cache_name,
	.write_back_error = sim_write_back_error,
	.sync_dir = sim_sync_dir,
	.stat = sim_stat,
	.rename = sim_rename,
	.unlink = sim_unlink,
	.mkdir = sim_mkdir,
	.rmdir = sim_rmdir,
	.list = sim_list,
	.space = sim_space,
	.unwritten = sim_unwritten,
	.lock = sim_lock,
	.let_go = let_go,
	.buggify = buggify,
};

static int64_t quiet_wall_ms(void *arg)
{
	return sim_wall_ms(arg);
}

static void quiet_write(void *arg, const char *line, int len)
{
	/* diag's ring keeps the line for a failed check. */
}

/* The state of a machine that has just been switched on. Its disk exists already. */
static void power_on(struct sim_env *e)
{
	struct sim_world *w = e->w;

	e->base.ops = &sim_ops;
	e->base.cores = 2;
	e->base.buggifies = w->options.buggify > 0;
	e->base.memory_bytes = (int64_t)1 << 30;
	e->base.open_files = 0;
	e->base.open_files_max = w->options.descriptors / 2;
	e->n_descriptors = 0;
	e->n_works = 0;
	e->down = false;
	e->dying = false;
	e->paused = false;
	e->crash_at_op = 0;
	e->next_port = 32768;
	list_init(&e->loops);
	list_init(&e->jobs);
	list_init(&e->socks);
	list_init(&e->listeners);
	list_init(&e->files);
	list_init(&e->blocks);
	chance_init(&e->chance, chance_u64(&w->chance));
	e->quiet = (struct diag){.level = DIAG_INFO, .wall_ms = quiet_wall_ms, .write = quiet_write, .arg = e};
	if (!e->base.diag)
		e->base.diag = &e->quiet;
}

struct sim_env *sim_env_new(struct sim_world *w, int index)
{
	struct sim_env *e = sim_alloc(sizeof(*e));
	int64_t skew = w->options.clock_skew_ms, drift = w->options.clock_drift_ppm;

	e->w = w;
	e->index = index;
	e->wall_offset_ms = chance_between(&w->chance, -skew, skew);
	e->drift_ppm = chance_between(&w->chance, -drift, drift);
	e->disk = disk_new(e);
	power_on(e);
	return e;
}

void sim_env_free(struct sim_env *e)
{
	disk_free(e->disk);
	sim_free(e);
}

void sim_env_diag(struct sim_world *w, int i, struct diag *diag)
{
	w->envs[i]->base.diag = diag ? diag : &w->envs[i]->quiet;
}

void sim_env_let_go(struct sim_env *e)
{
	struct sim_env *before = sim_enter(NULL);

	sim_drop_loops(e);
	sim_drop_socks(e);
	sim_drop_files(e);
	sim_drop_heap(e);
	sim_leave(before);
}

void sim_env_bury(struct sim_env *e)
{
	check(e->dying && !e->down);
	e->dying = false;
	e->down = true;
	e->died_of = e->crash_how;
	sim_trace(e->w, e, "down", e->crash_how, 0);
	sim_met(e->w, e->crash_how == SIM_POWER ? SIM_MET_POWER : SIM_MET_KILL);
	sim_env_let_go(e);
	if (e->crash_how == SIM_POWER)
		sim_drop_unsent(e);
	disk_after_crash(e->disk, e->crash_how);
}

_Noreturn void sim_env_die(struct sim_env *e)
{
	check(e->w->scheduler && sim_current() == e);
	e->dying = true;
	longjmp(*e->w->scheduler, 1);
}

void sim_crash(struct sim_world *w, int i, enum sim_crash how)
{
	struct sim_env *e = w->envs[i];

	check(sim_current() != e && !e->down);
	e->dying = true;
	e->crash_how = how;
	sim_env_bury(e);
}

void sim_crash_at_disk_op(struct sim_world *w, int i, int64_t n, enum sim_crash how)
{
	w->envs[i]->crash_at_op = n > 0 ? w->envs[i]->disk->ops + n : 0;
	w->envs[i]->crash_how = how;
}

bool sim_is_down(const struct sim_world *w, int i)
{
	return w->envs[i]->down;
}

enum sim_crash sim_died_of(const struct sim_world *w, int i)
{
	check(w->envs[i]->down);
	return w->envs[i]->died_of;
}

void sim_lose_power(struct sim_world *w, int i)
{
	struct sim_env *e = w->envs[i];

	check(e->down);
	if (e->died_of == SIM_POWER)
		return;
	e->died_of = SIM_POWER;
	sim_trace(w, e, "power lost", 0, 0);
	sim_met(w, SIM_MET_POWER);
	sim_drop_unsent(e);
	disk_after_crash(e->disk, SIM_POWER);
}

void sim_restart(struct sim_world *w, int i)
{
	check(w->envs[i]->down);
	power_on(w->envs[i]);
	sim_trace(w, w->envs[i], "up", 0, 0);
}

int64_t sim_disk_ops(const struct sim_world *w, int i)
{
	return w->envs[i]->disk->ops;
}

void sim_cut(struct sim_world *w, int from, int to, bool cut)
{
	sim_trace(w, w->envs[from], cut ? "cut" : "healed", (uint64_t)to, 0);
	w->cut[from][to] = cut;
	if (!cut)
		sim_link_healed(w, from, to);
}

void sim_pause(struct sim_world *w, int i, bool pause)
{
	sim_trace(w, w->envs[i], pause ? "paused" : "goes on", 0, 0);
	if (pause)
		sim_met(w, SIM_MET_PAUSE);
	w->envs[i]->paused = pause;
}

void sim_set_wall(struct sim_world *w, int i, int64_t offset_ms)
{
	sim_met(w, offset_ms < w->envs[i]->wall_offset_ms ? SIM_MET_CLOCK_BACK : SIM_MET_CLOCK_FORWARD);
	w->envs[i]->wall_offset_ms = offset_ms;
}

void sim_slow(struct sim_world *w, int from, int to, int64_t us)
{
	sim_trace(w, w->envs[from], us ? "slow" : "as fast as ever", (uint64_t)to, (uint64_t)us);
	w->slow_us[from][to] = us;
}

void sim_set_disk_bytes(struct sim_world *w, int i, int64_t bytes)
{
	sim_trace(w, w->envs[i], "disk of", (uint64_t)bytes, 0);
	w->envs[i]->own_disk_bytes = bytes;
}

void sim_set_descriptors(struct sim_world *w, int i, int32_t n)
{
	sim_trace(w, w->envs[i], "descriptors", (uint64_t)n, 0);
	w->envs[i]->own_descriptors = n;
}

void sim_refuse_descriptors(struct sim_world *w, int i, int64_t n, int64_t more)
{
	struct sim_env *e = w->envs[i];

	sim_trace(w, e, "refuse descriptors", (uint64_t)n, (uint64_t)more);
	e->refuse_from = e->asked_for + n;
	e->refuse_upto = n ? e->refuse_from + more + 1 : 0;
}

int64_t sim_disk_used(const struct sim_world *w, int i)
{
	return w->envs[i]->disk->used_bytes;
}

int32_t sim_descriptors_used(const struct sim_world *w, int i)
{
	return w->envs[i]->n_descriptors;
}

int64_t disk_capacity(const struct sim_env *e)
{
	return e->own_disk_bytes ? e->own_disk_bytes : e->w->options.disk_bytes;
}

bool take_descriptor(struct sim_env *e)
{
	int32_t most = e->own_descriptors ? e->own_descriptors : e->w->options.descriptors;

	e->asked_for++;
	if (e->n_descriptors >= most || (e->asked_for >= e->refuse_from && e->asked_for < e->refuse_upto)) {
		sim_met(e->w, SIM_MET_NO_DESCRIPTOR);
		return false;
	}
	e->n_descriptors++;
	return true;
}

void give_descriptor(struct sim_env *e)
{
	check(e->n_descriptors > 0);
	e->n_descriptors--;
}

static int length(const struct list *head)
{
	int n = 0;

	list_each(it, head) n++;
	return n;
}

void sim_held(const struct sim_world *w, int i, struct sim_held *out)
{
	const struct sim_env *e = w->envs[i];

	*out = (struct sim_held){
		.blocks = e->n_blocks,
		.bytes = e->n_bytes,
		.files = length(&e->files),
		.socks = length(&e->socks) + length(&e->listeners),
		.loops = length(&e->loops),
		.works = e->n_works,
	};
}
