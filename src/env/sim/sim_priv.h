/*
 * sim_priv: the insides of the world. They are allocated with sim_alloc, outside all nodes' heaps,
 * and outlive crashes.
 */
#ifndef ODRADEK_ENV_SIM_SIM_PRIV_H
#define ODRADEK_ENV_SIM_SIM_PRIV_H

#include <setjmp.h>

#include "base/heap.h"
#include "base/list.h"
#include "env/env_priv.h"
#include "env/sim/sim.h"

struct sim_env;
struct sim_event;
struct disk;

/* xoshiro256** (Blackman and Vigna), its state filled by splitmix64 from a seed. */
struct chance {
	uint64_t s[4];
};

void chance_init(struct chance *c, uint64_t seed);
uint64_t chance_u64(struct chance *c);
uint64_t chance_below(struct chance *c, uint64_t bound); /* [0, bound), bound > 0 */
bool chance_ppm(struct chance *c, uint32_t ppm);
int64_t chance_between(struct chance *c, int64_t low, int64_t high); /* both included */

enum { TRACE_KEPT = 256 };

struct trace_line {
	int64_t at_ns;
	const char *what;
	int env;
	uint64_t a, b;
};

typedef void event_fn(struct sim_event *);

/* Owned by the struct it is embedded in, or by the world (event_new). */
struct sim_event {
	struct heap_node node;
	struct sim_world *w;
	struct sim_env *env; /* NULL: belongs to the world itself */
	event_fn *run;
	const char *what;
	uint64_t what_hash;
};

struct sim_world {
	uint64_t seed;
	struct sim_options options;
	struct chance chance;
	int64_t now_ns;
	struct heap events;
	struct sim_env *envs[SIM_ENVS];
	bool cut[SIM_ENVS][SIM_ENVS];
	int64_t slow_us[SIM_ENVS][SIM_ENVS];
	uint64_t hash;
	uint64_t n_events;
	struct trace_line trace[TRACE_KEPT];
	uint64_t n_trace;
	int64_t reached[SIM_N_MARKS];
	struct list conns;
	uint64_t next_id; /* of connections */
	const char *name;
	void (*follow)(const char *line);
	jmp_buf *scheduler; /* where a crash jumps to; NULL outside sim_step and sim_call */
};

struct sim_env {
	struct env base;
	struct sim_world *w;
	struct chance chance; /* the randomness the node itself draws from */
	int index;
	bool dying; /* its code has been left for good, but its state is still there */
	bool down;
	bool paused;
	int64_t wall_offset_ms;
	int64_t drift_ppm;
	struct diag quiet;
	struct disk *disk;
	struct list loops;
	struct list jobs;
	struct list socks;
	struct list listeners;
	struct list files;
	int n_works;
	int64_t own_disk_bytes;	 /* 0: as the options say */
	int32_t own_descriptors; /* 0: as the options say */
	int n_descriptors;
	/*
	 * Descriptors asked for so far; those numbered from refuse_from up to, but not including,
	 * refuse_upto are refused.
	 */
	int64_t asked_for;
	int64_t refuse_from;
	int64_t refuse_upto;
	uint16_t next_port;
	struct list blocks; /* the blocks of its heap */
	int64_t n_blocks;
	int64_t n_bytes;
	int64_t crash_at_op; /* 0: no crash is scheduled */
	enum sim_crash crash_how;
	enum sim_crash died_of;
};

static inline struct sim_env *sim_env_of(struct env *e) { return container_of(e, struct sim_env, base); }

/* ---- world.c ---- */
void event_init(struct sim_event *ev, struct sim_env *env, struct sim_world *w, const char *what, event_fn *run);
void event_at(struct sim_event *ev, int64_t at_ns); /* reschedules it if it is waiting */
void event_cancel(struct sim_event *ev);
bool event_is_waiting(const struct sim_event *ev);
/* Adds the event to the hash; the last ones are printed when a check fails. */
void sim_trace(struct sim_world *w, const struct sim_env *env, const char *what, uint64_t a, uint64_t b);
/* True by chance; then it is counted. */
bool sim_happens(struct sim_world *w, uint32_t ppm, enum sim_mark mark);
void sim_met(struct sim_world *w, enum sim_mark mark);
void *sim_alloc(size_t size);	  /* zeroed */
void *sim_alloc_raw(size_t size); /* uninitialized */
void sim_free(void *p);

/* ---- mem.c: the heap from which xmalloc allocates ---- */
struct sim_env *sim_enter(struct sim_env *e); /* returns the previous one, for sim_leave; NULL is outside all nodes */
void sim_leave(struct sim_env *before);
struct sim_env *sim_current(void);
void sim_drop_heap(struct sim_env *e);
void sim_set_last_world(struct sim_world *w); /* the world that die() reports on */

/* ---- env.c ---- */
struct sim_env *sim_env_new(struct sim_world *w, int index);
void sim_env_free(struct sim_env *e);
int64_t sim_mono_ns(const struct sim_env *e);
int64_t sim_world_time_of(const struct sim_env *e, int64_t mono_ns); /* never before the clock shows it */
/* Drops everything the node had except its disk. */
void sim_env_let_go(struct sim_env *e);
/* Called from inside a node with `crash_how` set: jumps to the scheduler, which buries it. */
_Noreturn void sim_env_die(struct sim_env *e);
void sim_env_bury(struct sim_env *e);
bool take_descriptor(struct sim_env *e);
void give_descriptor(struct sim_env *e);
int64_t disk_capacity(const struct sim_env *e);
bool room_for_name(struct sim_env *e); /* in file.c */

/* ---- loop.c ---- */
struct sim_loop;
struct loop *sim_loop_new(struct env *e, const char *name);
void sim_loop_free(struct loop *l);
void sim_loop_thread(struct loop *l);
void sim_loop_run(struct loop *l);
void sim_loop_stop(struct loop *l);
void sim_loop_post(struct loop *l, struct post *p);
void sim_loop_wake_at(struct loop *l);
void sim_work(struct loop *l, struct work *w);
bool sim_loop_is_stopped(struct loop *l);
void sim_drop_loops(struct sim_env *e);

/* ---- net.c ---- */
int sim_listen(struct loop *l, const struct addr *a, int backlog, listener_ready_fn *ready, void *arg,
	       struct listener **out);
int sim_listener_accept(struct listener *l, struct addr *peer, struct sock **out);
int sim_listener_addr(struct listener *l, struct addr *out);
void sim_listener_pause(struct listener *l, bool pause);
void sim_listener_close(struct listener *l);
int sim_dial(struct loop *l, const struct addr *a, sock_ready_fn *ready, void *arg, struct sock **out);
void sim_sock_attach(struct sock *s, struct loop *l, sock_ready_fn *ready, void *arg);
void sim_sock_want(struct sock *s, int events);
ssize_t sim_sock_read(struct sock *s, void *p, size_t len);
ssize_t sim_sock_writev(struct sock *s, const struct iovec *iov, int n, bool more);
ssize_t sim_sock_sendfile(struct sock *s, struct file *f, int64_t pos, size_t len);
int sim_sock_error(struct sock *s);
int sim_sock_addrs(struct sock *s, struct addr *local, struct addr *peer);
int sim_sock_buffers(struct sock *s, int send, int receive);
void sim_sock_close(struct sock *s);
void sim_drop_socks(struct sim_env *e); /* drops the machine's ends; the peers see a reset */
void sim_link_healed(struct sim_world *w, int from, int to);
void sim_drop_conns(struct sim_world *w);
void sim_drop_unsent(struct sim_env *e);
int sim_resolve(struct env *e, const char *host, uint16_t port, struct addr *v, int max);
int sim_host_name(struct env *e, char *out, size_t size);

/* ---- pages.c: the bytes of a file, one page at a time; a missing page reads as zeros ---- */
enum { PAGE_BYTES = 4096, SECTOR_BYTES = 512 };

struct pages {
	uint8_t **v;
	size_t n;
	int64_t n_used; /* pages that exist */
};

void pages_fini(struct pages *p);
void pages_read(const struct pages *p, void *out, size_t len, int64_t pos);
void pages_write(struct pages *p, const void *from, size_t len, int64_t pos);
void pages_allocate(struct pages *p, int64_t pos); /* makes sure that this page exists */
void pages_cut(struct pages *p, int64_t size);	   /* what lies beyond becomes zeros */
void pages_copy(struct pages *to, const struct pages *from, int64_t pos, int64_t len);
int64_t pages_missing(const struct pages *p, int64_t pos, int64_t len); /* pages that a write there would add */

/* ---- disk: see disk.c ---- */

/* A change since the last sync, in order: bytes written or, if len < 0, the size set. */
struct dirty {
	struct list link;
	int64_t pos;
	int64_t len;
};

struct bad_range {
	struct bad_range *next;
	int64_t pos;
	int64_t len;
};

struct inode {
	int refs; /* names, seen or on the platter, and open files */
	bool is_dir;
	int device; /* 0 is the root's; each directory in the root has its own */
	int64_t mtime_ms;
	int64_t changed_ns; /* a number that no other change on this disk has */
	/* For a file: what is read, what is on the platter, and the differences between the two. */
	struct pages cache;
	struct pages platter;
	int64_t size;
	int64_t platter_size;
	struct list dirty;
	int write_back_error; /* not reported yet */
	struct bad_range *bad;
	struct list names;    /* a directory's names, as seen by the node, sorted */
	struct name **sorted; /* the same names, for binary search */
	int n_names;
	int names_room;
};

struct name {
	struct list link;
	char *text;
	struct inode *inode;
};

/*
 * A name that was bound to `before` and is now bound to `after`; either may be NULL. The two halves
 * of a rename share one id and are kept or lost together.
 */
struct change {
	struct list link;
	struct inode *dir;
	char *text;
	struct inode *before;
	struct inode *after;
	uint64_t id;
	bool kept;
};

enum { SIM_DEVICES = 64 };

struct disk {
	struct sim_env *env;
	struct inode *root;
	struct list changes; /* changes of names since their directories were last synced, in order */
	int64_t used_bytes;
	int64_t ops;
	uint64_t next_change;
	int64_t last_changed_ns;
	int fail_next_sync; /* 0, or the error */
	int n_devices;
	int64_t errors[SIM_DEVICES];  /* writes that failed so far, by device */
	int boots;		      /* power cuts so far */
	uint8_t failing[SIM_DEVICES]; /* bits of SIM_FAIL_..., by device */
};

struct sim_file {
	struct file base;
	struct list link;
	struct inode *inode;
	bool writable;
	int64_t errors_told; /* of its device: as a sync of the disk has told this file, and no other */
};

struct disk *disk_new(struct sim_env *e);
void disk_free(struct disk *d);
void disk_after_crash(struct disk *d, enum sim_crash how);
/*
 * Counts one change of the disk. A scheduled crash may happen here, before the change or, when
 * `after`, after it.
 */
void disk_op(struct disk *d, bool after);
void inode_changed(struct disk *d, struct inode *i);
/* Created in `dir`; NULL: the root. */
struct inode *inode_new(struct disk *d, const struct inode *dir, bool is_dir);
/* Whether the device of `i` fails this kind of operation (SIM_FAIL_...). If so, that is counted. */
bool device_fails(struct disk *d, const struct inode *i, int what);
void inode_unref(struct disk *d, struct inode *i);
struct inode *disk_find(struct disk *d, const char *path, int *err);
/*
 * The directory that holds the last name of path, and that name in *last; NULL, with *err set, when
 * there is none.
 */
struct inode *disk_parent(struct disk *d, const char *path, const char **last, int *err);
struct name *dir_name(struct inode *dir, const char *text);
void dir_bind(struct disk *d, struct inode *dir, const char *text, struct inode *after, uint64_t change_id);
/* not recorded as a change: as if it had always been so */
void dir_set(struct disk *d, struct inode *dir, const char *text, struct inode *to);
struct change *change_partner(struct disk *d, const struct change *c); /* the other half of a rename, or NULL */
void change_free(struct disk *d, struct change *c);
void dir_flush(struct disk *d, struct inode *dir);
void dirty_apply(struct inode *i, const struct dirty *range); /* writes it to the platter */
void dirty_free(struct dirty *range);
void inode_drop_dirty(struct inode *i);
ssize_t inode_read(struct sim_env *e, struct inode *i, void *p, size_t len, int64_t pos);
uint64_t hash_text(const char *text);

int sim_open(struct env *e, const char *path, int flags, struct file **out);
void sim_file_close(struct file *f);
ssize_t sim_pread(struct file *f, void *p, size_t len, int64_t pos);
ssize_t sim_pwritev(struct file *f, const struct iovec *iov, int n, int64_t pos);
int sim_truncate(struct file *f, int64_t size);
int sim_allocate(struct file *f, int64_t size);
int sim_set_mtime(struct file *f, int64_t ms);
int64_t sim_size(struct file *f);
int sim_sync(struct file *f);
int sim_sync_disk(struct file *f);
int sim_cache_name(struct file *f, char *out);
int sim_write_back_error(struct file *f);
ssize_t sim_pread_nowait(struct file *f, void *p, size_t len, int64_t pos);
bool sim_resident(struct file *f, int64_t pos, size_t len);
int sim_lock(struct env *e, const char *path, struct file **out);
int sim_sync_dir(struct env *e, const char *path);
int sim_stat(struct env *e, const char *path, struct file_stat *out);
int sim_rename(struct env *e, const char *from, const char *to);
int sim_unlink(struct env *e, const char *path);
int sim_mkdir(struct env *e, const char *path);
int sim_rmdir(struct env *e, const char *path);
int sim_list(struct env *e, const char *path, int (*each)(void *arg, const char *name, bool is_dir), void *arg);
int sim_space(struct env *e, const char *path, struct disk_space *out);
int64_t sim_unwritten(struct env *e);
void sim_drop_files(struct sim_env *e);

#endif
