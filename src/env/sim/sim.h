/*
 * sim: a world of nodes in one process and one thread, all of whose chance comes from one seed.
 *
 * A world has virtual time, a network and up to SIM_ENVS machines. A machine has an env, which a node is given as it would be given the
 * real one, a disk that survives the node, and a heap of its own (mem.h), dropped whole when the node crashes. Clients are nodes too:
 * a test gives one machine to its own code.
 *
 * 1. Everything is an event in one heap, ordered by (time, seq). One event runs at a time, and calls one callback of one loop.
 * 2. The same seed and options, and the same calls from outside, give the same events, and so the same sim_trace_hash(). Nothing in
 *    here looks at an address, at real time, or at the order of a hash table.
 * 3. Faults come from the options (how often), or are ordered by name (sim_crash, sim_cut...). Each kind that happened is counted
 *    under its mark: a test that means to have met it can check that it has.
 * 4. A crash drops the node wherever it is, also in the middle of a call into env: control goes back to the scheduler, the node's
 *    memory, loops and sockets are gone, and its disk is as a power cut or a kill leaves it (see disk_crash.c).
 * 5. Time passes between events only. A callback that does not return is the test's time limit's business.
 *
 * The world is not thread-safe. One process may have several worlds one after the other, or side by side if they are not mixed.
 */
#ifndef ODRADEK_ENV_SIM_SIM_H
#define ODRADEK_ENV_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

#define SIM_ENVS 8

struct sim_world;

/* How often things go wrong: in a million, of the chances each has. All zero (sim_options_calm) is a world that never fails. */
struct sim_options {
	int n_envs;

	int64_t latency_min_us;	 /* between machines, one way; a machine to itself takes a tenth */
	int64_t latency_mean_us; /* on top, exponentially distributed */
	uint32_t partial_read;	 /* a read gives less than there is */
	uint32_t partial_write;	 /* a write takes less than there is room for */
	uint32_t spurious;	 /* ready, but the call says -EAGAIN */
	uint32_t reset;		 /* a segment is answered by a reset of the connection */
	uint32_t stall;		 /* a segment is late by up to a second */
	uint32_t half_open;	 /* a power cut ends connections without a word: the peer finds out when it asks */
	int32_t send_buffer;	 /* bytes a connection holds in each direction */

	uint32_t short_write; /* a file takes less than it was given */
	uint32_t sync_error;  /* a sync fails: what was unsynced is lost, the next sync says all is well */
	uint32_t read_error;  /* -EIO */
	uint32_t write_error; /* -EIO */
	uint32_t cold;	      /* file_resident says no, file_pread_nowait that it would wait */
	uint32_t writeback;   /* a write makes the system write some older ones to the platter */
	uint32_t slow_work;   /* a job is late by up to five seconds */
	int64_t disk_bytes;   /* capacity of each disk */
	int32_t descriptors;  /* files and sockets that a machine can have open */

	uint32_t buggify;	 /* a site that this seed has chosen takes its rare path */
	int64_t clock_skew_ms;	 /* wall clocks differ by up to this */
	int32_t clock_drift_ppm; /* monotonic clocks run fast or slow by up to this */
};

void sim_options_calm(struct sim_options *o);
/* What a seed draws: each kind of network and scheduling fault is on or off, and if on, seldom or often. Disk errors are off. */
void sim_options_draw(struct sim_options *o, uint64_t seed);

struct sim_world *sim_world_new(uint64_t seed, const struct sim_options *options);
void sim_world_free(struct sim_world *w);
struct sim_options *sim_world_options(struct sim_world *w); /* may be changed while it runs */

/* Machine i, from 0. Its address is 10.0.0.(i + 1); each is "127.0.0.1" and "localhost" to itself, and "node<i>" to all. */
struct env *sim_env(struct sim_world *w, int i);
void sim_env_diag(struct sim_world *w, int i, struct diag *diag);

/* ---- running ---- */

int64_t sim_now_ns(const struct sim_world *w);
/* One event. False when there is none. */
bool sim_step(struct sim_world *w);
/* Until done(arg), which is asked after every event; false if the time was up first, or nothing was left to happen. */
bool sim_run_until(struct sim_world *w, int64_t within_ms, bool (*done)(void *arg), void *arg);
void sim_run_for(struct sim_world *w, int64_t ms);
/* Calls run(arg) as code of machine i, as a program's main would be: false when the machine crashed meanwhile. */
bool sim_call(struct sim_world *w, int i, void (*run)(void *arg), void *arg);
/* Calls run(arg) from outside of all machines, as an event `ms` from now. */
void sim_after(struct sim_world *w, int64_t ms, void (*run)(void *arg), void *arg);

/* ---- faults by name ---- */

enum sim_crash { SIM_KILL, SIM_POWER };

/* At once, from outside; or at the machine's n-th change of its disk from now on (1 is the next). */
void sim_crash(struct sim_world *w, int i, enum sim_crash how);
void sim_crash_at_disk_op(struct sim_world *w, int i, int64_t n, enum sim_crash how);
bool sim_is_down(const struct sim_world *w, int i);
enum sim_crash sim_died_of(const struct sim_world *w, int i); /* of one that is down */
/* One that is down after a kill loses its power too. */
void sim_lose_power(struct sim_world *w, int i);
/* The machine may be used again: empty, but for its disk. */
void sim_restart(struct sim_world *w, int i);
int64_t sim_disk_ops(const struct sim_world *w, int i); /* changes of its disk so far */

void sim_cut(struct sim_world *w, int from, int to, bool cut);	  /* one way: what is sent waits */
void sim_slow(struct sim_world *w, int from, int to, int64_t us); /* one way: later by so much; 0: as the options say */
void sim_pause(struct sim_world *w, int i, bool pause);		  /* no event of this machine happens meanwhile */
void sim_set_wall(struct sim_world *w, int i, int64_t offset_ms); /* a jump of its wall clock */
void sim_fail_next_sync(struct sim_world *w, int i);		  /* with -EIO */
void sim_fail_next_sync_with(struct sim_world *w, int i, int err);
/* What the file has unsynced cannot be written, and is lost on the platter: the system has noticed, and tells who asks next. */
void sim_fail_write_back(struct sim_world *w, int i, const char *path);
/* Reading these bytes of this file gives -EIO, from now on. */
void sim_bad_range(struct sim_world *w, int i, const char *path, int64_t pos, int64_t len);
/*
 * All that is asked of one of the machine's devices fails with -EIO, until it is told otherwise (0). A device is a directory of the root
 * with what is below it; the root itself is one too.
 */
enum { SIM_FAIL_READS = 1, SIM_FAIL_WRITES = 2, SIM_FAIL_SYNCS = 4 };
void sim_fail_device(struct sim_world *w, int i, const char *path, int which);
/* This machine's own capacity and descriptors; 0: as the options say. */
void sim_set_disk_bytes(struct sim_world *w, int i, int64_t bytes);
void sim_set_descriptors(struct sim_world *w, int i, int32_t n);
/* Of the descriptors that the machine asks for from now on, the n-th (1 is the next; 0: none) is refused, and so are `more` behind it. */
void sim_refuse_descriptors(struct sim_world *w, int i, int64_t n, int64_t more);
int64_t sim_disk_used(const struct sim_world *w, int i);
int32_t sim_descriptors_used(const struct sim_world *w, int i);
void sim_wipe_disk(struct sim_world *w, int i);
/* Changes one byte of a file, on the platter and in the cache. 0, or a negated errno. */
int sim_flip_byte(struct sim_world *w, int i, const char *path, int64_t pos, uint8_t mask);

/* ---- what is seen ---- */

/* What a node has not given back: after a clean stop all is zero. */
struct sim_held {
	int64_t blocks;
	int64_t bytes;
	int files;
	int socks; /* and listeners */
	int loops;
	int works;
};
void sim_held(const struct sim_world *w, int i, struct sim_held *out);

uint64_t sim_trace_hash(const struct sim_world *w);
uint64_t sim_events(const struct sim_world *w);
/* The last events, oldest first, a line each. */
void sim_print_trace(const struct sim_world *w, void (*say)(const char *line));
/* Each event's line as it happens. */
void sim_world_follow(struct sim_world *w, void (*say)(const char *line));
/* A check that fails says the seed, the options and the last events. `how` is the command that runs it again. */
void sim_world_name(struct sim_world *w, const char *how);

/* Everything that can go wrong, and whether it has. */
/* clang-format off */
/* clang-format off: it lays these out anew each time */
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

/* What stands for the libraries of all machines (library.h): a symbol's function. NULL: there are none, as at first. */
typedef void (*sim_library_fn(const char *symbol))(void);
void sim_library(sim_library_fn *find);

#endif
