/*
 * env: the world as one node sees it.
 *
 * Time, randomness, files, sockets, loops, threads and mailboxes are reached through this table and
 * in no other way. A node is given its env at creation. There are two implementations: src/env/real
 * (libuv, the kernel) and src/env/sim (virtual time, seeded randomness, a network and disks that
 * misbehave; several nodes are several envs in one process and one thread).
 *
 * Invariants
 * 1. No file outside src/env calls the C library for time, randomness, files, sockets or threads;
 *    tests/lint enforces it.
 * 2. A loop's callbacks (timers, posts, socket readiness, completed work) run one at a time, on
 *    that loop's thread only. None of them runs inside a call into env.
 * 3. Clock, randomness, pread, pwritev, truncate, size, unlink and open are synchronous. Anything
 *    that may wait for a disk or take long (fdatasync, directory sync, bulk create and unlink, cold
 *    reads, recompression, scans) goes through env_work; the simulator runs a job at a moment of
 *    its own choice.
 * 4. Errors are negated errnos. Short reads and writes happen.
 * 5. Nothing here retries a failed sync. After one, the fate of the file's unsynced bytes is
 *    unknown.
 *
 * Threads: env_* may be called from any thread; loop_*, timer_* and sock_* only on the loop's own
 * thread, except loop_post and loop_stop, which may be called from any.
 */
#ifndef ODRADEK_ENV_ENV_H
#define ODRADEK_ENV_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/diag.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/must_check.h"
#include "base/uuid.h"

struct env;
struct loop;
struct file;
struct sock;
struct listener;

/* ---- addresses ---- */

#define ADDR_TEXT_MAX 64

struct addr {
	uint8_t ip[16]; /* IPv4 in the first four when !v6 */
	uint32_t scope; /* IPv6 zone */
	uint16_t port;
	bool v6;
};

/* "127.0.0.1" or "::1", without the port. An IPv4 address mapped into IPv6 is shown as IPv4. */
const char *addr_text(const struct addr *a, char out[ADDR_TEXT_MAX]);
/* Parses an IP literal; false for host names. */
bool addr_parse(const char *ip, uint16_t port, struct addr *out);
bool addr_is_wildcard(const struct addr *a);

/* ---- timers, mailboxes, work: structs embedded in what they serve ---- */

struct timer {
	struct heap_node node;
	void (*fire)(struct timer *);
	struct loop *loop;
};

/*
 * A timer that may fire late: it fires together with another timer of its loop when it can, so that
 * an idle node wakes up once for many timers.
 */
struct lazy_timer {
	struct timer timer; /* fires at the latest possible time */
	struct list link;
	int64_t early_ns;
	void (*fire)(struct lazy_timer *);
};

struct post {
	struct post *next;
	void (*run)(struct post *);
};

/*
 * `done` runs on the loop that submitted the work, after `job` has returned. The caller keeps the
 * struct alive and leaves it alone until then.
 */
struct work {
	struct work *next;
	void (*job)(struct work *);
	void (*done)(struct work *);
	struct loop *loop;
	/*
	 * The job waits for another machine (a name server, for example). Such jobs have a few
	 * threads of their own, so that disk jobs never queue behind them.
	 */
	bool waits_for_others;
	void *env_private[12];
};

/* ---- sockets: non-blocking byte streams with readiness ---- */

enum { SOCK_READ = 1, SOCK_WRITE = 2 };

/*
 * Called with the wanted events that are ready. A dialled socket becomes writable when it has
 * connected or failed (see sock_error).
 */
typedef void sock_ready_fn(struct sock *, int ready, void *arg);
/* A connection is waiting: call listener_accept until it returns -EAGAIN. */
typedef void listener_ready_fn(struct listener *, void *arg);

/* ---- files ---- */

enum file_flags {
	FILE_READ = 1,
	FILE_WRITE = 2, /* implies FILE_READ */
	FILE_CREATE = 4,
	FILE_EXCLUSIVE = 8, /* with FILE_CREATE: -EEXIST if the file exists */
	FILE_TRUNCATE = 16,
};

struct file_stat {
	int64_t size;
	int64_t mtime_ms;
	int64_t changed_ns; /* ctime: when its bytes, names or attributes last changed; nobody can set it */
	bool is_dir;
	uint64_t device; /* the device its filesystem is on */
};

struct disk_space {
	int64_t total;
	int64_t usable;
	uint64_t disk; /* identifies the filesystem; only for comparison */
};

/* ---- the table ---- */

struct env_ops {
	int64_t (*mono_ns)(struct env *);
	int64_t (*wall_ms)(struct env *);
	void (*random)(struct env *, void *p, size_t len);

	struct loop *(*loop_new)(struct env *, const char *name);
	void (*loop_free)(struct loop *);
	void (*loop_thread)(struct loop *);
	void (*loop_run)(struct loop *);
	void (*loop_stop)(struct loop *);
	void (*loop_post)(struct loop *, struct post *);
	void (*loop_wake_at)(struct loop *); /* the earliest timer has changed */
	void (*work)(struct loop *, struct work *);

	int (*listen)(struct loop *, const struct addr *, int backlog, listener_ready_fn *, void *arg,
		      struct listener **);
	int (*listener_accept)(struct listener *, struct addr *peer, struct sock **);
	int (*listener_addr)(struct listener *, struct addr *);
	void (*listener_pause)(struct listener *, bool pause);
	void (*listener_close)(struct listener *);
	int (*dial)(struct loop *, const struct addr *, sock_ready_fn *, void *arg, struct sock **);
	void (*sock_attach)(struct sock *, struct loop *, sock_ready_fn *, void *arg);
	void (*sock_want)(struct sock *, int events);
	ssize_t (*sock_read)(struct sock *, void *, size_t);
	ssize_t (*sock_writev)(struct sock *, const struct iovec *, int n, bool more);
	ssize_t (*sock_sendfile)(struct sock *, struct file *, int64_t pos, size_t len);
	int (*sock_error)(struct sock *);
	int (*sock_addrs)(struct sock *, struct addr *local, struct addr *peer);
	int (*sock_buffers)(struct sock *, int send, int receive);
	void (*sock_close)(struct sock *);
	int (*resolve)(struct env *, const char *host, uint16_t port, struct addr *v, int max);
	int (*host_name)(struct env *, char *out, size_t size);

	int (*open)(struct env *, const char *path, int flags, struct file **);
	void (*file_close)(struct file *);
	ssize_t (*pread)(struct file *, void *, size_t, int64_t pos);
	ssize_t (*pwritev)(struct file *, const struct iovec *, int n, int64_t pos);
	int (*truncate)(struct file *, int64_t size);
	int (*allocate)(struct file *, int64_t size);
	int (*set_mtime)(struct file *, int64_t ms);
	int64_t (*size)(struct file *);
	int (*sync)(struct file *);
	ssize_t (*pread_nowait)(struct file *, void *, size_t, int64_t pos);
	bool (*resident)(struct file *, int64_t pos, size_t len);
	int (*sync_disk)(struct file *);
	int (*cache_name)(struct file *, char *out);
	int (*write_back_error)(struct file *);
	int (*sync_dir)(struct env *, const char *path);
	int (*stat)(struct env *, const char *path, struct file_stat *);
	int (*rename)(struct env *, const char *from, const char *to);
	int (*unlink)(struct env *, const char *path);
	int (*mkdir)(struct env *, const char *path);
	int (*rmdir)(struct env *, const char *path);
	int (*list)(struct env *, const char *path, int (*each)(void *arg, const char *name, bool is_dir), void *arg);
	int (*space)(struct env *, const char *path, struct disk_space *);
	int64_t (*unwritten)(struct env *);
	int (*lock)(struct env *, const char *path, struct file **);

	void (*let_go)(struct env *);

	bool (*buggify)(struct env *, const char *site);
};

struct env {
	const struct env_ops *ops;
	struct diag *diag;
	int open_files_max; /* limit for open files; descriptors of sockets are not part of it */
	int open_files;	    /* atomic */
	int cores;
	bool buggifies;	      /* simulated env whose seed takes rare paths */
	int64_t memory_bytes; /* memory available to this node: the machine's, or its container's limit */
	/*
	 * TCP congestion control for connections over loopback; NULL keeps the system's. Set before
	 * the first connection. The real env sets "reno" where the system uses bbr, whose pacing
	 * makes a loopback connection cost several times as much.
	 */
	const char *loopback_congestion;
};

/* Every loop begins with this, whichever env made it. */
struct loop {
	struct env *env;
	uint64_t n_polls; /* how often it has asked which sockets are ready */
	struct heap timers;
	struct list lazy; /* timers that may fire together with others */
};

/* Every file begins with this. It may be referenced from any thread; the last unref closes it. */
struct file {
	struct env *env;
	int refs; /* atomic */
};

/* ---- clock and random numbers ---- */

#define NS_PER_MS INT64_C(1000000)

static inline int64_t env_mono_ns(struct env *e) { return e->ops->mono_ns(e); }
static inline int64_t env_mono_ms(struct env *e) { return e->ops->mono_ns(e) / NS_PER_MS; }
static inline int64_t env_wall_ms(struct env *e) { return e->ops->wall_ms(e); }
static inline void env_random(struct env *e, void *p, size_t len) { e->ops->random(e, p, len); }
uint64_t env_random_u64(struct env *e);
uint64_t env_random_below(struct env *e, uint64_t bound); /* uniform in [0, bound) */
double env_random_fraction(struct env *e);		  /* uniform in [0, 1), of 2^20 values */
struct uuid env_random_uuid(struct env *e);		  /* as Uuid.randomUuid */
/*
 * Returns memory that only startup needed to the system, where that is possible. Call it from a
 * work job.
 */
static inline void env_let_go(struct env *e) { e->ops->let_go(e); }
/*
 * Always false in the program, at the cost of testing one byte. In the simulator it is true now and
 * then: the caller then takes its rare path, which must be as correct as the usual one
 * (FoundationDB's BUGGIFY). `site` names the place; each seed selects some of the sites.
 */
static inline bool env_buggify(struct env *e, const char *site)
{
	return __builtin_expect(e->buggifies, 0) && e->ops->buggify(e, site);
}

/* ---- loops ---- */

static inline struct loop *loop_new(struct env *e, const char *name) { return e->ops->loop_new(e, name); }
/* Frees a loop that has stopped and has no sockets or listeners left. */
static inline void loop_free(struct loop *l) { l->env->ops->loop_free(l); }
/* Runs the loop on a thread of its own until loop_stop. loop_free joins the thread. */
static inline void loop_thread(struct loop *l) { l->env->ops->loop_thread(l); }
/*
 * Runs the loop on the calling thread until loop_stop; the same thread may run it again afterwards.
 * Not called in the simulator, which runs all loops itself.
 */
static inline void loop_run(struct loop *l) { l->env->ops->loop_run(l); }
static inline void loop_stop(struct loop *l) { l->env->ops->loop_stop(l); }
/*
 * Hands `p` to the loop. run() is called once; posts by one poster run in the order they were
 * posted. Posting to one's own loop makes no system call.
 */
static inline void loop_post(struct loop *l, struct post *p) { l->env->ops->loop_post(l, p); }
static inline void env_work(struct loop *l, struct work *w) { l->env->ops->work(l, w); }

/* ---- timers: one-shot; starting a running timer reschedules it ---- */

void timer_init(struct timer *t, struct loop *l, void (*fire)(struct timer *));
void timer_start(struct timer *t, int64_t delay_ms); /* < 0 counts as 0 */
void timer_start_at(struct timer *t, int64_t mono_ns);
void timer_stop(struct timer *t);
bool timer_is_running(const struct timer *t);
void lazy_timer_init(struct lazy_timer *t, struct loop *l, void (*fire)(struct lazy_timer *));
/*
 * Fires together with any timer of the loop that fires after delay_ms, and delay_ms + slack_ms from
 * now at the latest.
 */
void lazy_timer_start(struct lazy_timer *t, int64_t delay_ms, int64_t slack_ms);
void lazy_timer_stop(struct lazy_timer *t);

/* ---- sockets ---- */

/*
 * Port 0 picks a free port; listener_addr returns it. An IPv6 wildcard also accepts IPv4 where the
 * system can.
 */
MUST_CHECK static inline int env_listen(struct loop *l, const struct addr *a, int backlog, listener_ready_fn *ready,
					void *arg, struct listener **out)
{
	return l->env->ops->listen(l, a, backlog, ready, arg, out);
}
/*
 * The new socket is not attached to a loop yet: call sock_attach on the thread of the loop that is
 * to have it. -EAGAIN: no connection is waiting. -EMFILE: a connection was closed unserved because
 * no descriptor was free; more may be waiting. Other errors concern one connection, which is
 * already gone.
 */
MUST_CHECK int listener_accept(struct listener *, struct addr *peer, struct sock **out);
MUST_CHECK int listener_addr(struct listener *, struct addr *out);
void listener_pause(struct listener *, bool pause);
void listener_close(struct listener *);

MUST_CHECK static inline int env_dial(struct loop *l, const struct addr *a, sock_ready_fn *ready, void *arg,
				      struct sock **out)
{
	return l->env->ops->dial(l, a, ready, arg, out);
}
void sock_attach(struct sock *, struct loop *, sock_ready_fn *, void *arg);
void sock_want(struct sock *, int events);			  /* level-triggered; 0 wants nothing */
MUST_CHECK ssize_t sock_read(struct sock *, void *p, size_t len); /* 0: the peer has closed; -EAGAIN: nothing to read */
MUST_CHECK ssize_t sock_writev(struct sock *, const struct iovec *iov, int n);
/* As sock_writev, but more data follows at once, so the bytes may be held back and sent with it. */
MUST_CHECK ssize_t sock_writev_more(struct sock *, const struct iovec *iov, int n);
/* Sends a range of a file from the page cache. May send less; returns 0 if the file ends before pos. */
MUST_CHECK ssize_t sock_sendfile(struct sock *, struct file *, int64_t pos, size_t len);
MUST_CHECK int sock_error(struct sock *); /* for a dialled socket: 0 when connected */
MUST_CHECK int sock_addrs(struct sock *, struct addr *local, struct addr *peer); /* either may be NULL */
MUST_CHECK int sock_buffers(struct sock *, int send, int receive);		 /* -1 keeps the system's default */
void sock_close(struct sock *);							 /* no callback comes after this */

/*
 * Blocking: call it from a work job only. Fills in up to max addresses; returns their number or a
 * negated errno.
 */
MUST_CHECK static inline int env_resolve(struct env *e, const char *host, uint16_t port, struct addr *v, int max)
{
	return e->ops->resolve(e, host, port, v, max);
}
/* The canonical host name of this machine, as InetAddress.getCanonicalHostName returns it in Java. */
MUST_CHECK static inline int env_host_name(struct env *e, char *out, size_t size)
{
	return e->ops->host_name(e, out, size);
}

/* ---- files ---- */

/* Returns 0 and a file with one reference, or a negated errno. The file counts against env->open_files. */
MUST_CHECK static inline int env_open(struct env *e, const char *path, int flags, struct file **out)
{
	return e->ops->open(e, path, flags, out);
}
struct file *file_ref(struct file *f);
void file_unref(struct file **f); /* NULL is fine; sets it to NULL */
MUST_CHECK static inline ssize_t file_pread(struct file *f, void *p, size_t len, int64_t pos)
{
	return f->env->ops->pread(f, p, len, pos);
}
/* Reads exactly len bytes. Returns 0, a negated errno, or -ENODATA if the file ends before that. */
MUST_CHECK int file_read_full(struct file *f, void *p, size_t len, int64_t pos);
MUST_CHECK static inline ssize_t file_pwritev(struct file *f, const struct iovec *iov, int n, int64_t pos)
{
	return f->env->ops->pwritev(f, iov, n, pos);
}
/*
 * Writes exactly len bytes. Returns 0 or a negated errno, after which some of them may have been
 * written.
 */
MUST_CHECK int file_write_full(struct file *f, const void *p, size_t len, int64_t pos);
MUST_CHECK static inline int file_truncate(struct file *f, int64_t size) { return f->env->ops->truncate(f, size); }
/*
 * Extends the file to at least `size` bytes, with disk space allocated for all of them. -ENOSPC, or
 * -EOPNOTSUPP on filesystems that cannot do it.
 */
MUST_CHECK static inline int file_allocate(struct file *f, int64_t size) { return f->env->ops->allocate(f, size); }
/* Sets the modification time that env_stat returns. Not synced. */
MUST_CHECK static inline int file_set_mtime(struct file *f, int64_t ms) { return f->env->ops->set_mtime(f, ms); }
MUST_CHECK static inline int64_t file_size(struct file *f) { return f->env->ops->size(f); } /* or a negated errno */
MUST_CHECK static inline int file_sync(struct file *f) { return f->env->ops->sync(f); } /* blocks: see invariant 3 */
/*
 * As file_pread, but reads only from the page cache: -EAGAIN if pos is not cached, and a short read
 * if what follows is not.
 */
MUST_CHECK static inline ssize_t file_pread_nowait(struct file *f, void *p, size_t len, int64_t pos)
{
	return f->env->ops->pread_nowait(f, p, len, pos);
}
/* Whether the range is in the page cache. A guess: never wrong in the simulator, cheap in the kernel. */
static inline bool file_resident(struct file *f, int64_t pos, size_t len) { return f->env->ops->resident(f, pos, len); }

/*
 * Makes everything ever written to f's filesystem durable, names included, whoever wrote it; it
 * waits for other processes' writes too. Also fails if some of it could not be written since f was
 * opened. -EOPNOTSUPP: the system does not guarantee this for the filesystem. Blocks.
 */
MUST_CHECK static inline int file_sync_disk(struct file *f) { return f->env->ops->sync_disk(f); }
/*
 * Names the page cache through which f is read: this boot of the machine, this mount of the
 * filesystem, and this very file. If the text is the same as before, everything written to that
 * filesystem up to then is still visible, whatever became of the process that wrote it.
 * -EOPNOTSUPP: it cannot be told (network filesystems, stacked filesystems, kernels before Linux
 * 6.8).
 */
#define FILE_CACHE_NAME_MAX 160
MUST_CHECK static inline int file_cache_name(struct file *f, char out[FILE_CACHE_NAME_MAX])
{
	return f->env->ops->cache_name(f, out);
}
/*
 * 0, or the error the system met when it wrote back f's pages on its own and has not reported yet.
 * Treat it like a failed sync.
 */
MUST_CHECK static inline int file_write_back_error(struct file *f) { return f->env->ops->write_back_error(f); }
MUST_CHECK static inline int env_sync_dir(struct env *e, const char *path) { return e->ops->sync_dir(e, path); }
MUST_CHECK static inline int env_stat(struct env *e, const char *path, struct file_stat *out)
{
	return e->ops->stat(e, path, out);
}
MUST_CHECK static inline int env_rename(struct env *e, const char *from, const char *to)
{
	return e->ops->rename(e, from, to);
}
MUST_CHECK static inline int env_unlink(struct env *e, const char *path) { return e->ops->unlink(e, path); }
/* Creates one directory; -EEXIST is an error. */
MUST_CHECK static inline int env_mkdir(struct env *e, const char *path) { return e->ops->mkdir(e, path); }
MUST_CHECK static inline int env_rmdir(struct env *e, const char *path) { return e->ops->rmdir(e, path); }
/*
 * Calls each() for every name except "." and "..". The order is unspecified (sorted in the
 * simulator). A non-zero result of each() ends the walk and is returned.
 */
MUST_CHECK static inline int env_list(struct env *e, const char *path,
				      int (*each)(void *arg, const char *name, bool is_dir), void *arg)
{
	return e->ops->list(e, path, each, arg);
}
MUST_CHECK static inline int env_space(struct env *e, const char *path, struct disk_space *out)
{
	return e->ops->space(e, path, out);
}
/* Bytes that the machine's page cache has yet to write, for whomever, to whichever disk; INT64_MAX: unknown. */
static inline int64_t env_unwritten(struct env *e) { return e->ops->unwritten(e); }
/*
 * Creates path and takes an fcntl write lock on it, as Java's FileChannel.tryLock does. -EAGAIN:
 * another process holds it.
 */
MUST_CHECK static inline int env_lock(struct env *e, const char *path, struct file **out)
{
	return e->ops->lock(e, path, out);
}

/* Like mkdir -p. */
MUST_CHECK int env_mkdir_all(struct env *e, const char *path);
/* Reads the whole file into xmalloc'd memory with a NUL after it; -EFBIG if it is longer than max. */
MUST_CHECK int env_read_file(struct env *e, const char *path, size_t max, char **out, size_t *len);
/*
 * Writes path.tmp, syncs it, renames it over path and syncs the directory: afterwards either the
 * old or the new content is there. Blocks.
 */
MUST_CHECK int env_replace_file(struct env *e, const char *path, const void *p, size_t len);

/* ---- locks: each is a leaf: call nothing that can wait while holding one ---- */

struct mutex {
	void *opaque[6];
};

void mutex_init(struct mutex *);
void mutex_fini(struct mutex *);
void mutex_lock(struct mutex *);
void mutex_unlock(struct mutex *);

/*
 * The real world. Raises the descriptor limit to the maximum allowed, derives open_files_max from
 * it, and ignores SIGPIPE. src/env/real/real.h has what a program needs besides.
 */
struct env *env_real_new(struct diag *diag);
/* Call it when all loops have been freed and all work is done. */
void env_real_free(struct env *e);

#endif
