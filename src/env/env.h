/*
 * env: the world as one node sees it.
 *
 * Time, chance, files, sockets, loops, threads and mailboxes are reached through this table and in no other way. A node is
 * given its env at birth. There are two: src/env/real (libuv, the kernel) and src/env/sim (virtual time, seeded chance, a
 * network and disks that misbehave; five nodes are five envs in one process and one thread).
 *
 * Invariants
 * 1. No file outside src/env calls the C library for time, chance, files, sockets or threads; tests/lint holds it.
 * 2. A loop's callbacks (timers, posts, socket readiness, work done) run one at a time, on that loop's thread only. None of
 *    them runs inside a call into env.
 * 3. Clock, chance, pread, pwritev, truncate, size, unlink and open are synchronous. What may wait for a platter or take long
 *    (fdatasync, directory sync, bulk create and unlink, cold reads, recompression, scans) goes by env_work; the simulator runs
 *    a job at a moment of its own choice.
 * 4. Errors are negated errnos. Short reads and writes happen.
 * 5. Nothing here retries a failed sync. After one the file's unsynced bytes are of unknown fate.
 *
 * Threads: env_* from any thread; loop_*, timer_* and sock_* on the loop's own thread, but loop_post and loop_stop from any.
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

/* "127.0.0.1" or "::1", without the port; IPv4 mapped in IPv6 is shown as IPv4. */
const char *addr_text(const struct addr *a, char out[ADDR_TEXT_MAX]);
/* An IP literal; false for names. */
bool addr_parse(const char *ip, uint16_t port, struct addr *out);
bool addr_is_wildcard(const struct addr *a);

/* ---- timers, mailboxes, work: embedded in what they serve ---- */

struct timer {
	struct heap_node node;
	void (*fire)(struct timer *);
	struct loop *loop;
};

/* One that may come late: it goes with another timer of its loop when it can, so that an idle node wakes once for many. */
struct lazy_timer {
	struct timer timer; /* at the latest */
	struct list link;
	int64_t early_ns;
	void (*fire)(struct lazy_timer *);
};

struct post {
	struct post *next;
	void (*run)(struct post *);
};

/* done runs on the loop that gave the work, after job has returned; the struct is the caller's until then. */
struct work {
	struct work *next;
	void (*job)(struct work *);
	void (*done)(struct work *);
	struct loop *loop;
	bool waits_for_others; /* a name server, say: such jobs have a few threads to themselves, so that disks need not wait for it */
	void *env_private[12];
};

/* ---- sockets: non-blocking byte streams with readiness ---- */

enum { SOCK_READ = 1, SOCK_WRITE = 2 };

/* Called with what is ready among what was wanted. A dialled socket is ready to write when connected or failed (sock_error). */
typedef void sock_ready_fn(struct sock *, int ready, void *arg);
/* A connection waits: call listener_accept until it says -EAGAIN. */
typedef void listener_ready_fn(struct listener *, void *arg);

/* ---- files ---- */

enum file_flags {
	FILE_READ = 1,
	FILE_WRITE = 2, /* implies FILE_READ */
	FILE_CREATE = 4,
	FILE_EXCLUSIVE = 8, /* with FILE_CREATE: -EEXIST when it is there */
	FILE_TRUNCATE = 16,
};

struct file_stat {
	int64_t size;
	int64_t mtime_ms;
	bool is_dir;
	uint64_t device; /* that its filesystem is on */
};

struct disk_space {
	int64_t total;
	int64_t usable;
	uint64_t disk; /* which filesystem; for comparing */
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
	int (*lock)(struct env *, const char *path, struct file **);

	void (*let_go)(struct env *);

	bool (*buggify)(struct env *, const char *site);
};

struct env {
	const struct env_ops *ops;
	struct diag *diag;
	int open_files_max; /* the budget for FILES; descriptors for sockets are beside it */
	int open_files;	    /* atomic */
	int cores;
	bool buggifies;	      /* a simulated one whose seed takes rare paths */
	int64_t memory_bytes; /* what this node may count on: the machine's, or its container's limit */
	/*
	 * The TCP congestion control of connections over loopback; NULL leaves the system's. Set before the first connection. The real
	 * env sets "reno" where the system's is bbr, whose pacing makes a loopback connection cost several times as much.
	 */
	const char *loopback_congestion;
};

/* What every loop begins with, whichever env made it. */
struct loop {
	struct env *env;
	struct heap timers;
	struct list lazy; /* timers that would go with others */
};

/* What every file begins with. Referenced from any thread; the last unref closes it. */
struct file {
	struct env *env;
	int refs; /* atomic */
};

/* ---- clock and chance ---- */

static inline int64_t env_mono_ns(struct env *e) { return e->ops->mono_ns(e); }
static inline int64_t env_mono_ms(struct env *e) { return e->ops->mono_ns(e) / 1000000; }
static inline int64_t env_wall_ms(struct env *e) { return e->ops->wall_ms(e); }
static inline void env_random(struct env *e, void *p, size_t len) { e->ops->random(e, p, len); }
uint64_t env_random_u64(struct env *e);
uint64_t env_random_below(struct env *e, uint64_t bound); /* uniform in [0, bound) */
struct uuid env_random_uuid(struct env *e);		  /* as Uuid.randomUuid */
/* Memory that only a start needs is given back to the system, where that is possible. A job's business. */
static inline void env_let_go(struct env *e) { e->ops->let_go(e); }
/*
 * False in the program, at the price of one look at a byte; in the simulator true now and then: take the rare path here, which has to be
 * as right as the other (FoundationDB's BUGGIFY). `site` names the place: a seed chooses some of them.
 */
static inline bool env_buggify(struct env *e, const char *site)
{
	return __builtin_expect(e->buggifies, 0) && e->ops->buggify(e, site);
}

/* ---- loops ---- */

static inline struct loop *loop_new(struct env *e, const char *name) { return e->ops->loop_new(e, name); }
/* Frees a loop that has stopped and has no sockets or listeners left. */
static inline void loop_free(struct loop *l) { l->env->ops->loop_free(l); }
/* Runs the loop on a thread of its own, until loop_stop. loop_free joins it. */
static inline void loop_thread(struct loop *l) { l->env->ops->loop_thread(l); }
/*
 * Runs the loop on the calling thread, until loop_stop; after that the same thread may run it again. (The simulator runs all loops itself:
 * not called there.)
 */
static inline void loop_run(struct loop *l) { l->env->ops->loop_run(l); }
static inline void loop_stop(struct loop *l) { l->env->ops->loop_stop(l); }
/* Gives `p` to the loop; run() is called once, in the order of posting per poster. Posting to one's own loop is no system call. */
static inline void loop_post(struct loop *l, struct post *p) { l->env->ops->loop_post(l, p); }
static inline void env_work(struct loop *l, struct work *w) { l->env->ops->work(l, w); }

/* ---- timers: one shot; starting a running timer moves it ---- */

void timer_init(struct timer *t, struct loop *l, void (*fire)(struct timer *));
void timer_start(struct timer *t, int64_t delay_ms); /* < 0 counts as 0 */
void timer_start_at(struct timer *t, int64_t mono_ns);
void timer_stop(struct timer *t);
bool timer_is_running(const struct timer *t);
void lazy_timer_init(struct lazy_timer *t, struct loop *l, void (*fire)(struct lazy_timer *));
/* Fires when the loop has a timer to fire, from delay_ms on, and slack_ms later in any case. */
void lazy_timer_start(struct lazy_timer *t, int64_t delay_ms, int64_t slack_ms);
void lazy_timer_stop(struct lazy_timer *t);

/* ---- sockets ---- */

/* Port 0 picks one; listener_addr tells. An IPv6 wildcard also takes IPv4 where the system can. */
static inline int env_listen(struct loop *l, const struct addr *a, int backlog, listener_ready_fn *ready, void *arg,
			     struct listener **out)
{
	return l->env->ops->listen(l, a, backlog, ready, arg, out);
}
/* The socket is attached to no loop yet: sock_attach it, on its new loop's thread. -EAGAIN when none waits. -EMFILE: one was
 * closed unserved, for want of a descriptor; more may wait. Other errors are of one connection that is gone already. */
int listener_accept(struct listener *, struct addr *peer, struct sock **out);
int listener_addr(struct listener *, struct addr *out);
void listener_pause(struct listener *, bool pause);
void listener_close(struct listener *);

static inline int env_dial(struct loop *l, const struct addr *a, sock_ready_fn *ready, void *arg, struct sock **out)
{
	return l->env->ops->dial(l, a, ready, arg, out);
}
void sock_attach(struct sock *, struct loop *, sock_ready_fn *, void *arg);
void sock_want(struct sock *, int events);	       /* level-triggered; 0 wants nothing */
ssize_t sock_read(struct sock *, void *p, size_t len); /* 0 = the peer has closed; -EAGAIN */
ssize_t sock_writev(struct sock *, const struct iovec *iov, int n);
/* As sock_writev; what follows comes at once, and the bytes may wait to leave with it. */
ssize_t sock_writev_more(struct sock *, const struct iovec *iov, int n);
/* Sends a range of a file from the page cache; may send less; 0 when the file is shorter than pos. */
ssize_t sock_sendfile(struct sock *, struct file *, int64_t pos, size_t len);
int sock_error(struct sock *);					      /* of a dialled socket: 0 when connected */
int sock_addrs(struct sock *, struct addr *local, struct addr *peer); /* either may be NULL */
int sock_buffers(struct sock *, int send, int receive);		      /* -1 leaves the system's */
void sock_close(struct sock *);					      /* no callback comes after it */

/* Blocking: from a work job only. Fills up to max addresses, returns their number or a negated errno. */
static inline int env_resolve(struct env *e, const char *host, uint16_t port, struct addr *v, int max)
{
	return e->ops->resolve(e, host, port, v, max);
}
/* The canonical host name of this machine, as Java's InetAddress.getCanonicalHostName. */
static inline int env_host_name(struct env *e, char *out, size_t size) { return e->ops->host_name(e, out, size); }

/* ---- files ---- */

/* 0 and a file with one reference, or a negated errno. Counts against env->open_files. */
static inline int env_open(struct env *e, const char *path, int flags, struct file **out)
{
	return e->ops->open(e, path, flags, out);
}
struct file *file_ref(struct file *f);
void file_unref(struct file **f); /* NULL is fine; sets it to NULL */
static inline ssize_t file_pread(struct file *f, void *p, size_t len, int64_t pos)
{
	return f->env->ops->pread(f, p, len, pos);
}
/* Reads all of len: 0, -EIO-like errors, or -ENODATA when the file ends before. */
int file_read_full(struct file *f, void *p, size_t len, int64_t pos);
static inline ssize_t file_pwritev(struct file *f, const struct iovec *iov, int n, int64_t pos)
{
	return f->env->ops->pwritev(f, iov, n, pos);
}
/* Writes all of len; 0 or a negated errno (then some of it may have been written). */
int file_write_full(struct file *f, const void *p, size_t len, int64_t pos);
static inline int file_truncate(struct file *f, int64_t size) { return f->env->ops->truncate(f, size); }
/* Gives the file at least `size` bytes, with room on the disk behind each of them: -ENOSPC, or -EOPNOTSUPP of some filesystems. */
static inline int file_allocate(struct file *f, int64_t size) { return f->env->ops->allocate(f, size); }
/* The time of the last change, as env_stat tells it. Not synced. */
static inline int file_set_mtime(struct file *f, int64_t ms) { return f->env->ops->set_mtime(f, ms); }
static inline int64_t file_size(struct file *f) { return f->env->ops->size(f); } /* or a negated errno */
static inline int file_sync(struct file *f) { return f->env->ops->sync(f); }	 /* blocks: see invariant 3 */
/* As file_pread, of what is in the page cache: -EAGAIN when pos is not, and fewer bytes when what follows is not. */
static inline ssize_t file_pread_nowait(struct file *f, void *p, size_t len, int64_t pos)
{
	return f->env->ops->pread_nowait(f, p, len, pos);
}
/* Is the range in the page cache? A guess: never wrong in the simulator, cheap in the kernel. */
static inline bool file_resident(struct file *f, int64_t pos, size_t len) { return f->env->ops->resident(f, pos, len); }

/*
 * All that anybody has written to the filesystem that f is in is on the platter, names too; an error also when some of it could not be written
 * since f was opened. -EOPNOTSUPP: one of which the system does not say so. What others have written there is waited for as well. Blocks.
 */
static inline int file_sync_disk(struct file *f) { return f->env->ops->sync_disk(f); }
/*
 * Which page cache f is read from: this machine since it was started, this filesystem since it was mounted, and this very file. Where the
 * text is the same as before, all is seen in that filesystem that was written by then, whatever became of who wrote it. -EOPNOTSUPP: there is
 * no telling (network filesystems, layers upon others, kernels before Linux 6.8).
 */
#define FILE_CACHE_NAME_MAX 160
static inline int file_cache_name(struct file *f, char out[FILE_CACHE_NAME_MAX])
{
	return f->env->ops->cache_name(f, out);
}
/* 0, or the error that the system met when it wrote f's pages by itself, which nobody has been told yet: as with a sync that has failed. */
static inline int file_write_back_error(struct file *f) { return f->env->ops->write_back_error(f); }
static inline int env_sync_dir(struct env *e, const char *path) { return e->ops->sync_dir(e, path); }
static inline int env_stat(struct env *e, const char *path, struct file_stat *out)
{
	return e->ops->stat(e, path, out);
}
static inline int env_rename(struct env *e, const char *from, const char *to) { return e->ops->rename(e, from, to); }
static inline int env_unlink(struct env *e, const char *path) { return e->ops->unlink(e, path); }
static inline int env_mkdir(struct env *e, const char *path)
{
	return e->ops->mkdir(e, path);
} /* -EEXIST is an error */
static inline int env_rmdir(struct env *e, const char *path) { return e->ops->rmdir(e, path); }
/* Calls each() for all names but "." and ".."; order is unspecified (sorted in the simulator). each() != 0 ends it and is returned. */
static inline int env_list(struct env *e, const char *path, int (*each)(void *arg, const char *name, bool is_dir),
			   void *arg)
{
	return e->ops->list(e, path, each, arg);
}
static inline int env_space(struct env *e, const char *path, struct disk_space *out)
{
	return e->ops->space(e, path, out);
}
/* Creates path and takes an fcntl write lock on it, as Java's FileChannel.tryLock: -EAGAIN when another process holds it. */
static inline int env_lock(struct env *e, const char *path, struct file **out) { return e->ops->lock(e, path, out); }

/* mkdir -p. */
int env_mkdir_all(struct env *e, const char *path);
/* The whole file, xmalloc'd with a NUL after it; -EFBIG beyond max. */
int env_read_file(struct env *e, const char *path, size_t max, char **out, size_t *len);
/* Writes path.tmp, syncs it, renames it over path, syncs the directory: either the old or the new content is there. Blocks. */
int env_replace_file(struct env *e, const char *path, const void *p, size_t len);

/* ---- locks: for partitions only (CONTRIBUTING.md, threads). A leaf: nothing is called that can wait while one is held. ---- */

struct mutex {
	void *opaque[6];
};

void mutex_init(struct mutex *);
void mutex_fini(struct mutex *);
void mutex_lock(struct mutex *);
void mutex_unlock(struct mutex *);

/*
 * The real world. Raises the limit of descriptors to what is allowed, derives open_files_max from it, and ignores SIGPIPE.
 * src/env/real/real.h has what a program needs beside it.
 */
struct env *env_real_new(struct diag *diag);
/* When all loops are freed and all work is done. */
void env_real_free(struct env *e);

#endif
