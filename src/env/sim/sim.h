/*
 * sim: a world of nodes in one process and one thread, whose randomness all comes from one seed.
 *
 * A world has virtual time, a network and up to SIM_ENVS machines. A machine has an env, which is
 * given to a node just as the real one would be; a disk that survives the node; and a heap of its
 * own (mem.h), which is dropped whole when the node crashes. Clients are nodes too: a test gives
 * one machine to its own code.
 *
 * 1. Everything is an event in one heap, ordered by (time, seq). One event runs at a time and calls
 *    one callback of one loop.
 * 2. The same seed and options, and the same calls from outside, give the same events, and so the
 *    same sim_trace_hash(). Nothing in here looks at an address, at real time, or at the order of a
 *    hash table.
 * 3. Faults come from the options (how often), or are requested by name (sim_crash, sim_cut...).
 *    Each kind that happened is counted under its mark: a test that means to meet one can check
 *    that it did.
 * 4. A crash stops the node wherever it is, even in the middle of a call into env: control returns
 *    to the scheduler; the node's memory, loops and sockets are gone; and its disk is as a power
 *    cut or a kill leaves it (see disk_crash.c).
 * 5. Time passes between events only. A callback that never returns is left to the test's time
 *    limit.
 *
 * The world is not thread-safe. One process may have several worlds one after another, or side by
 * side if their calls are not mixed.
 */
#ifndef ODRADEK_ENV_SIM_SIM_H
#define ODRADEK_ENV_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

#define SIM_ENVS 8

struct sim_world;

/*
 * How often things go wrong: occurrences per million opportunities. All zero (sim_options_calm) is
 * a world that never fails.
 */
struct sim_options {
	int n_envs;

	int64_t latency_min_us;	 /* between machines, one way; a tenth of it within a machine */
	int64_t latency_mean_us; /* added on top, exponentially distributed */
	uint32_t partial_read;	 /* a read returns less than there is */
	uint32_t partial_write;	 /* a write accepts less than there is room for */
	uint32_t spurious;	 /* reported ready, but the call returns -EAGAIN */
	uint32_t reset;		 /* a segment is answered with a reset of the connection */
	uint32_t stall;		 /* a segment is delayed by up to a second */
	uint32_t half_open;	 /* a power cut ends connections silently: the peer finds out only when it sends */
	int32_t send_buffer;	 /* bytes a connection holds in each direction */

	uint32_t short_write; /* a file accepts less than it was given */
	uint32_t sync_error;  /* a sync fails: what was unsynced is lost, and the next sync succeeds */
	uint32_t read_error;  /* -EIO */
	uint32_t write_error; /* -EIO */
	uint32_t cold;	      /* file_resident returns false, and file_pread_nowait -EAGAIN */
	uint32_t writeback;   /* a write makes the system write some older data to the platter */
	uint32_t slow_work;   /* a job is delayed by up to five seconds */
	int64_t disk_bytes;   /* capacity of each disk */
	int32_t descriptors;  /* files and sockets a machine can have open */

	uint32_t buggify;	 /* a site this seed has selected takes its rare path */
	int64_t clock_skew_ms;	 /* wall clocks differ by up to this much */
	int32_t clock_drift_ppm; /* monotonic clocks run fast or slow by up to this much */
};

void sim_options_calm(struct sim_options *o);
/*
 * Draws options from a seed: each kind of network and scheduling fault is on or off and, if on,
 * rare or frequent. Disk errors are off.
 */
void sim_options_draw(struct sim_options *o, uint64_t seed);

struct sim_world *sim_world_new(uint64_t seed, const struct sim_options *options);
void sim_world_free(struct sim_world *w);
struct sim_options *sim_world_options(struct sim_world *w); /* may be changed while the world runs */

/*
 * Machine i, from 0. Its address is 10.0.0.(i + 1); each is "127.0.0.1" and "localhost" to itself,
 * and "node<i>" to all.
 */
struct env *sim_env(struct sim_world *w, int i);
void sim_env_diag(struct sim_world *w, int i, struct diag *diag);

/* ---- running ---- */

int64_t sim_now_ns(const struct sim_world *w);
/* Runs one event. False when there is none. */
bool sim_step(struct sim_world *w);
/*
 * Runs until done(arg) is true, which is checked after every event; false if the time ran out first
 * or no events were left.
 */
bool sim_run_until(struct sim_world *w, int64_t within_ms, bool (*done)(void *arg), void *arg);
void sim_run_for(struct sim_world *w, int64_t ms);
/*
 * Calls run(arg) as code of machine i, the way a program's main would be called. False if the
 * machine crashed meanwhile.
 */
bool sim_call(struct sim_world *w, int i, void (*run)(void *arg), void *arg);
/* Calls run(arg) from outside all machines, as an event `ms` from now. */
void sim_after(struct sim_world *w, int64_t ms, void (*run)(void *arg), void *arg);

/* ---- faults by name ---- */

enum sim_crash { SIM_KILL, SIM_POWER };

/*
 * Crashes the machine at once, from outside; or at the n-th change of its disk from now on (1 is
 * the next).
 */
void sim_crash(struct sim_world *w, int i, enum sim_crash how);
void sim_crash_at_disk_op(struct sim_world *w, int i, int64_t n, enum sim_crash how);
bool sim_is_down(const struct sim_world *w, int i);
enum sim_crash sim_died_of(const struct sim_world *w, int i); /* for a machine that is down */
/* Cuts the power of a machine that is down after a kill. */
void sim_lose_power(struct sim_world *w, int i);
/* The machine may be used again: empty except for its disk. */
void sim_restart(struct sim_world *w, int i);
int64_t sim_disk_ops(const struct sim_world *w, int i); /* changes of its disk so far */

/* one way: what is sent waits until the link is restored */
void sim_cut(struct sim_world *w, int from, int to, bool cut);
void sim_slow(struct sim_world *w, int from, int to, int64_t us); /* one way: adds this delay; 0: as the options say */
/* no event of this machine happens while it is paused */
void sim_pause(struct sim_world *w, int i, bool pause);
void sim_set_wall(struct sim_world *w, int i, int64_t offset_ms); /* a jump of its wall clock */
void sim_fail_next_sync(struct sim_world *w, int i);		  /* with -EIO */
void sim_fail_next_sync_with(struct sim_world *w, int i, int err);
/*
 * The file's unsynced data cannot be written and is lost on the platter. The system has noticed,
 * and tells whoever asks next.
 */
void sim_fail_write_back(struct sim_world *w, int i, const char *path);
/* From now on, reading these bytes of this file returns -EIO. */
void sim_bad_range(struct sim_world *w, int i, const char *path, int64_t pos, int64_t len);
/*
 * Every operation of the given kinds on one of the machine's devices fails with -EIO, until reset
 * with 0. A device is a directory of the root with everything below it; the root itself is one too.
 */
enum { SIM_FAIL_READS = 1, SIM_FAIL_WRITES = 2, SIM_FAIL_SYNCS = 4 };
void sim_fail_device(struct sim_world *w, int i, const char *path, int which);
/* Sets this machine's own capacity or number of descriptors; 0: as the options say. */
void sim_set_disk_bytes(struct sim_world *w, int i, int64_t bytes);
void sim_set_descriptors(struct sim_world *w, int i, int32_t n);
/*
 * Of the descriptors the machine asks for from now on, refuses the n-th (1 is the next; 0: none)
 * and the `more` that follow it.
 */
void sim_refuse_descriptors(struct sim_world *w, int i, int64_t n, int64_t more);
int64_t sim_disk_used(const struct sim_world *w, int i);
int32_t sim_descriptors_used(const struct sim_world *w, int i);
/* Changes one byte of a file, on the platter and in the cache. Returns 0 or a negated errno. */
int sim_flip_byte(struct sim_world *w, int i, const char *path, int64_t pos, uint8_t mask);

/* ---- what is observed ---- */

/* What a node has not given back: all zero after a clean stop. */
struct sim_held {
	int64_t blocks;
	int64_t bytes;
	int files;
	int socks; /* listeners included */
	int loops;
	int works;
};
void sim_held(const struct sim_world *w, int i, struct sim_held *out);

uint64_t sim_trace_hash(const struct sim_world *w);
uint64_t sim_events(const struct sim_world *w);
/* Prints the last events, oldest first, one line each. */
void sim_print_trace(const struct sim_world *w, void (*say)(const char *line));
/* Passes on each event's line as it happens. */
void sim_world_follow(struct sim_world *w, void (*say)(const char *line));
/*
 * A failed check then prints the seed, the options and the last events. `how` is the command that
 * reproduces the run.
 */
void sim_world_name(struct sim_world *w, const char *how);

/* Everything that can go wrong; each is counted when it happens. */
/* clang-format is off because its layout of this list changes with every run. */
/* clang-format off */
#define SIM_MARKS(X) \
	X(PARTIAL_READ) X(PARTIAL_WRITE) X(SPURIOUS) X(RESET) X(STALL) X(SEND_BUFFER_FULL) X(REFUSED) \
	X(CUT) X(HALF_OPEN) X(SLOW_LINK) X(SENDFILE_LATE) X(SHORT_WRITE) X(SYNC_ERROR) X(READ_ERROR) \
	X(WRITE_ERROR) X(COLD) X(WRITEBACK) X(DISK_FULL) X(NO_DESCRIPTOR) X(SLOW_WORK) X(BUGGIFY) X(KILL) \
	X(POWER) X(CRASH_IN_DISK_OP) X(WRITE_KEPT) X(WRITE_LOST) X(WRITE_TORN) X(SIZE_WITHOUT_DATA) \
	X(NAME_KEPT) X(NAME_LOST) X(CLOCK_FORWARD) X(CLOCK_BACK) X(PAUSE)
/* clang-format on */

enum sim_mark {
#define X(name) SIM_MET_##name,
	SIM_MARKS(X)
#undef X
		SIM_N_MARKS
};
int64_t sim_reached(const struct sim_world *w, enum sim_mark mark);
const char *sim_mark_name(enum sim_mark mark);

/*
 * Replaces the shared libraries of all machines (library.h): `find` returns the function for a
 * symbol. NULL, the default: there are none.
 */
typedef void (*sim_library_fn(const char *symbol))(void);
void sim_library(sim_library_fn *find);

#endif
