/* real_priv: the structs of the real world. Each begins with the part that env knows. */
#ifndef ODRADEK_ENV_REAL_REAL_PRIV_H
#define ODRADEK_ENV_REAL_REAL_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/list.h"
#include "env/env_priv.h"

enum { REAL_STACK_BYTES = 256 * 1024, REAL_WORKERS_MAX = 24, REAL_WAITERS_MAX = 4 };

/*
 * A pool of threads. A thread is started when there is work and none is idle, and ends after ten
 * idle seconds.
 */
struct workers {
	pthread_mutex_t lock;
	pthread_cond_t some; /* work has been queued, or the pool is closing */
	pthread_cond_t gone; /* a thread has ended */
	struct work *first;
	struct work **last;
	int n_queued;
	int n_threads;
	int n_idle;
	int max; /* maximum number of threads */
	bool closing;
};

struct real_env {
	struct env base;
	struct workers workers;
	struct workers waiters; /* for jobs that wait for other machines */
	/*
	 * Closed for a moment to accept, and then close, a connection that cannot be served; -1
	 * meanwhile.
	 */
	atomic_int spare_fd;
};

struct real_loop {
	struct loop base;
	uv_loop_t uv;
	uv_poll_t wake; /* on wake_fd, an eventfd */
	int wake_fd;
	uv_timer_t timer;
	uv_idle_t soon; /* active while own posts wait or is_due is set: the poll then does not block */
	bool is_due;	/* the earliest timer is due */
	uv_prepare_t prepare;
	uv_check_t awake;
	atomic_bool asleep;	       /* in a poll that may block, or about to enter one: a post must wake it */
	_Atomic(struct post *) others; /* posts from other threads, latest first */
	struct post *own;	       /* posts from the loop's own thread, in order */
	struct post **own_last;
	bool in_posts;	      /* posts are being run */
	int64_t armed_ms;     /* when the uv timer is due, on libuv's clock; INT64_MAX: it is not set */
	atomic_int n_works;   /* works that have been started and whose done() has not been called */
	atomic_int n_posting; /* threads inside loop_post */
	atomic_bool stopping;
	atomic_bool has_tid;
	pthread_t tid;	  /* written by the thread itself, before has_tid */
	pthread_t thread; /* the thread to join */
	bool threaded;
	char name[16];
};

/* There may be very many of these, so it is kept small. */
struct real_sock {
	struct sock base;
	uv_poll_t poll; /* valid while attached: its loop is set, and its data is the argument for `ready` */
	sock_ready_fn *ready;
	int fd;
	uint8_t wanted;
	uint8_t asked; /* libuv was asked for these events last */
	bool polled;   /* libuv has told of an event since: the kernel has what libuv was asked for */
	bool quiet;    /* the kernel was told not to report anything; libuv does not know */
};

struct real_listener {
	struct listener base;
	uv_poll_t poll;
	struct real_loop *loop;
	listener_ready_fn *ready;
	void *arg;
	struct timer again; /* retries when not even the spare descriptor helped */
	int fd;
	bool paused;
};

struct real_file {
	struct file base;
	int fd;
	/* The range last seen in the page cache, and when. These are hints, set by several threads. */
	_Atomic int64_t warm_from, warm_end, warm_ns;
};

static inline struct real_env *real_env(struct env *e) { return container_of(e, struct real_env, base); }

/* Starts a joinable thread with a stack of 256 KiB. */
void real_thread_start(pthread_t *out, void *(*run)(void *), void *arg);
/*
 * Names the calling thread: one system call. Naming another thread would mean opening, writing and
 * closing a file.
 */
void real_thread_name(const char *name);
int64_t real_memory_bytes(void);
void real_let_go(struct env *e);

/* ---- loop.c ---- */
struct loop *real_loop_new(struct env *e, const char *name);
void real_loop_free(struct loop *l);
void real_loop_thread(struct loop *l);
void real_loop_run(struct loop *l);
void real_loop_stop(struct loop *l);
void real_loop_post(struct loop *l, struct post *p);
void real_loop_wake_at(struct loop *l);

/* ---- work.c ---- */
void workers_init(struct workers *w, int max);
void workers_fini(struct workers *w); /* waits for the threads; no work may be left */
void real_work(struct loop *l, struct work *w);

/* ---- sock.c ---- */
int real_dial(struct loop *l, const struct addr *a, sock_ready_fn *ready, void *arg, struct sock **out);
void real_sock_attach(struct sock *s, struct loop *l, sock_ready_fn *ready, void *arg);
void real_sock_want(struct sock *s, int events);
ssize_t real_sock_read(struct sock *s, void *p, size_t len);
ssize_t real_sock_writev(struct sock *s, const struct iovec *iov, int n, bool more);
ssize_t real_sock_sendfile(struct sock *s, struct file *f, int64_t pos, size_t len);
int real_sock_error(struct sock *s);
int real_sock_addrs(struct sock *s, struct addr *local, struct addr *peer);
int real_sock_buffers(struct sock *s, int send, int receive);
void real_sock_close(struct sock *s);
/* Wraps fd in a socket and sets its options. */
struct sock *real_sock_new(struct env *e, int fd, const struct addr *peer);

/* ---- sockaddr.c ---- */
struct sockaddr;
struct sockaddr_storage;
unsigned addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out); /* returns its length */
void addr_from_sockaddr(struct addr *a, const struct sockaddr *from);

/* ---- listener.c ---- */
int real_listen(struct loop *l, const struct addr *a, int backlog, listener_ready_fn *ready, void *arg,
		struct listener **out);
int real_listener_accept(struct listener *l, struct addr *peer, struct sock **out);
int real_listener_addr(struct listener *l, struct addr *out);
void real_listener_pause(struct listener *l, bool pause);
void real_listener_close(struct listener *l);

/* ---- names.c ---- */
int real_resolve(struct env *e, const char *host, uint16_t port, struct addr *v, int max);
int real_host_name(struct env *e, char *out, size_t size);

/* ---- file.c ---- */
int real_fd(struct file *f);
/* open(2) with O_CLOEXEC and, for files of our own, O_NOATIME: reading then writes no inode. -1 and errno. */
int real_open_quietly(const char *path, int how);
int real_open(struct env *e, const char *path, int flags, struct file **out);
void real_file_close(struct file *f);
ssize_t real_pread(struct file *f, void *p, size_t len, int64_t pos);
ssize_t real_pwritev(struct file *f, const struct iovec *iov, int n, int64_t pos);
int real_truncate(struct file *f, int64_t size);
int real_allocate(struct file *f, int64_t size);
int real_set_mtime(struct file *f, int64_t ms);
int64_t real_size(struct file *f);
int real_sync(struct file *f);
ssize_t real_pread_nowait(struct file *f, void *p, size_t len, int64_t pos);
bool real_resident(struct file *f, int64_t pos, size_t len);
int real_lock(struct env *e, const char *path, struct file **out);

/* ---- disk.c ---- */
int real_sync_disk(struct file *f);
int real_cache_name(struct file *f, char *out);
int real_write_back_error(struct file *f);

/* ---- dir.c ---- */
int real_sync_dir(struct env *e, const char *path);
int real_stat(struct env *e, const char *path, struct file_stat *out);
int real_rename(struct env *e, const char *from, const char *to);
int real_unlink(struct env *e, const char *path);
int real_mkdir(struct env *e, const char *path);
int real_rmdir(struct env *e, const char *path);
int real_list(struct env *e, const char *path, int (*each)(void *arg, const char *name, bool is_dir), void *arg);
int real_space(struct env *e, const char *path, struct disk_space *out);
int64_t real_unwritten(struct env *e);

#endif
