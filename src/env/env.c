/*
 * env: what is the same in every world: random numbers, timers in their loop's heap, reference
 * counts of files, and whole files read and written.
 */
#include "env/env.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/mem.h"
#include "env/env_priv.h"

/* ---- addresses ---- */

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

const char *addr_text(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	bool mapped = a->v6 && !memcmp(a->ip, mapped_prefix, sizeof(mapped_prefix));
	const uint8_t *ip = mapped ? a->ip + sizeof(mapped_prefix) : a->ip;

	check(inet_ntop(a->v6 && !mapped ? AF_INET6 : AF_INET, ip, out, ADDR_TEXT_MAX));
	return out;
}

bool addr_parse(const char *ip, uint16_t port, struct addr *out)
{
	*out = (struct addr){.port = port};
	if (inet_pton(AF_INET, ip, out->ip) == 1)
		return true;
	out->v6 = inet_pton(AF_INET6, ip, out->ip) == 1;
	return out->v6;
}

bool addr_is_wildcard(const struct addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->ip, zero, a->v6 ? 16 : 4);
}

/* ---- chance ---- */

uint64_t env_random_u64(struct env *e)
{
	uint64_t v;

	env_random(e, &v, sizeof(v));
	return v;
}

/* Draws again if v is in the incomplete last run of `bound` values, which would favour small results. */
uint64_t env_random_below(struct env *e, uint64_t bound)
{
	uint64_t v, spare;

	check(bound > 0);
	spare = (0 - bound) % bound;
	do
		v = env_random_u64(e);
	while (v < spare);
	return v % bound;
}

double env_random_fraction(struct env *e)
{
	enum { STEPS = 1 << 20 };

	return (double)env_random_below(e, STEPS) / STEPS;
}

struct uuid env_random_uuid(struct env *e)
{
	uint8_t random[16];
	struct uuid u;

	do
		env_random(e, random, sizeof(random));
	while (!uuid_from_random(random, &u));
	return u;
}

/* ---- timers ---- */

void loop_base_init(struct loop *l, struct env *e)
{
	*l = (struct loop){.env = e};
	list_init(&l->lazy);
}

void loop_base_fini(struct loop *l)
{
	while (!list_empty(&l->lazy))
		list_remove(l->lazy.next);
	heap_fini(&l->timers);
}

void timer_init(struct timer *t, struct loop *l, void (*fire)(struct timer *))
{
	*t = (struct timer){.fire = fire, .loop = l};
}

static int64_t later_ns(int64_t ns, int64_t delay_ms)
{
	int64_t delay_ns, at;

	if (delay_ms < 0)
		delay_ms = 0;
	if (__builtin_mul_overflow(delay_ms, 1000000, &delay_ns) || __builtin_add_overflow(ns, delay_ns, &at))
		at = INT64_MAX;
	return at;
}

void timer_start(struct timer *t, int64_t delay_ms)
{
	timer_start_at(t, later_ns(env_mono_ns(t->loop->env), delay_ms));
}

void timer_start_at(struct timer *t, int64_t mono_ns)
{
	struct heap *timers = &t->loop->timers;

	check(t->fire);
	if (t->node.pos)
		heap_remove(timers, &t->node);
	heap_insert(timers, &t->node, mono_ns);
	if (heap_min(timers) == &t->node)
		t->loop->env->ops->loop_wake_at(t->loop);
}

void timer_stop(struct timer *t)
{
	if (t->node.pos)
		heap_remove(&t->loop->timers, &t->node);
}

bool timer_is_running(const struct timer *t)
{
	return t->node.pos != 0;
}

static void latest_come(struct timer *timer)
{
	struct lazy_timer *t = container_of(timer, struct lazy_timer, timer);

	list_remove(&t->link);
	t->fire(t);
}

void lazy_timer_init(struct lazy_timer *t, struct loop *l, void (*fire)(struct lazy_timer *))
{
	timer_init(&t->timer, l, latest_come);
	list_init(&t->link);
	t->fire = fire;
}

void lazy_timer_start(struct lazy_timer *t, int64_t delay_ms, int64_t slack_ms)
{
	struct loop *l = t->timer.loop;

	lazy_timer_stop(t);
	t->early_ns = later_ns(env_mono_ns(l->env), delay_ms);
	list_push(&l->lazy, &t->link);
	timer_start_at(&t->timer, later_ns(t->early_ns, slack_ms));
}

void lazy_timer_stop(struct lazy_timer *t)
{
	timer_stop(&t->timer);
	list_remove(&t->link);
}

/* Considers only timers that existed before this turn. */
static struct lazy_timer *first_early(struct loop *l, int64_t now_ns, uint64_t first_new)
{
	list_each(it, &l->lazy)
	{
		struct lazy_timer *t = container_of(it, struct lazy_timer, link);

		if (t->early_ns <= now_ns && t->timer.node.seq < first_new)
			return t;
	}
	return NULL;
}

void loop_fire_timers(struct loop *l, int64_t now_ns)
{
	uint64_t first_new = l->timers.seq;
	struct heap_node *node;
	struct lazy_timer *lazy;

	while ((node = heap_min(&l->timers)) && node->key <= now_ns && node->seq < first_new) {
		struct timer *t = container_of(node, struct timer, node);

		heap_remove(&l->timers, node);
		t->fire(t);
	}
	while ((lazy = first_early(l, now_ns, first_new))) {
		lazy_timer_stop(lazy);
		lazy->fire(lazy);
	}
}

/* ---- sockets ---- */

int listener_accept(struct listener *l, struct addr *peer, struct sock **out)
{
	return l->env->ops->listener_accept(l, peer, out);
}

int listener_addr(struct listener *l, struct addr *out)
{
	return l->env->ops->listener_addr(l, out);
}

void listener_pause(struct listener *l, bool pause)
{
	l->env->ops->listener_pause(l, pause);
}

void listener_close(struct listener *l)
{
	l->env->ops->listener_close(l);
}

void sock_attach(struct sock *s, struct loop *l, sock_ready_fn *ready, void *arg)
{
	s->env->ops->sock_attach(s, l, ready, arg);
}

void sock_want(struct sock *s, int events)
{
	s->env->ops->sock_want(s, events);
}

ssize_t sock_read(struct sock *s, void *p, size_t len)
{
	return s->env->ops->sock_read(s, p, len);
}

ssize_t sock_writev(struct sock *s, const struct iovec *iov, int n)
{
	return s->env->ops->sock_writev(s, iov, n, false);
}

ssize_t sock_writev_more(struct sock *s, const struct iovec *iov, int n)
{
	return s->env->ops->sock_writev(s, iov, n, true);
}

ssize_t sock_sendfile(struct sock *s, struct file *f, int64_t pos, size_t len)
{
	return s->env->ops->sock_sendfile(s, f, pos, len);
}

int sock_error(struct sock *s)
{
	return s->env->ops->sock_error(s);
}

int sock_addrs(struct sock *s, struct addr *local, struct addr *peer)
{
	return s->env->ops->sock_addrs(s, local, peer);
}

int sock_buffers(struct sock *s, int send, int receive)
{
	return s->env->ops->sock_buffers(s, send, receive);
}

void sock_close(struct sock *s)
{
	s->env->ops->sock_close(s);
}

/* ---- files ---- */

void file_base_init(struct file *f, struct env *e)
{
	f->env = e;
	f->refs = 1;
	__atomic_add_fetch(&e->open_files, 1, __ATOMIC_RELAXED);
}

struct file *file_ref(struct file *f)
{
	int before = __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);

	check(before > 0);
	return f;
}

void file_unref(struct file **f)
{
	struct file *gone = *f;
	int before;

	*f = NULL;
	if (!gone)
		return;
	before = __atomic_fetch_sub(&gone->refs, 1, __ATOMIC_ACQ_REL);
	check(before > 0);
	if (before == 1) {
		__atomic_sub_fetch(&gone->env->open_files, 1, __ATOMIC_RELAXED);
		gone->env->ops->file_close(gone);
	}
}

int file_read_full(struct file *f, void *p, size_t len, int64_t pos)
{
	uint8_t *at = p;

	while (len) {
		ssize_t n = file_pread(f, at, len, pos);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -ENODATA;
		at += n;
		pos += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_write_full(struct file *f, const void *p, size_t len, int64_t pos)
{
	struct iovec iov = {(void *)p, len};

	while (iov.iov_len) {
		ssize_t n = file_pwritev(f, &iov, 1, pos);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EIO;
		iov.iov_base = (uint8_t *)iov.iov_base + n;
		iov.iov_len -= (size_t)n;
		pos += n;
	}
	return 0;
}

/*
 * Another thread or process may make the same directory at the same moment: -EEXIST is fine if a
 * directory is there.
 */
static int make_dir(struct env *e, const char *path)
{
	struct file_stat st;
	int err = env_mkdir(e, path);

	if (err != -EEXIST)
		return err;
	err = env_stat(e, path, &st);
	if (err)
		return err;
	return st.is_dir ? 0 : -ENOTDIR;
}

int env_mkdir_all(struct env *e, const char *path)
{
	char *copy = xstrdup(path);
	int err = 0;

	for (char *p = copy + 1; !err && *copy; p++) {
		char c = *p;

		if (c != '/' && c)
			continue;
		*p = '\0';
		err = make_dir(e, copy);
		*p = c;
		if (!c)
			break;
	}
	xfree(copy);
	return err;
}

static int read_whole(struct file *f, size_t max, char **out, size_t *len)
{
	int64_t size = file_size(f);
	char *p;
	int err;

	if (size < 0)
		return (int)size;
	if ((uint64_t)size > max)
		return -EFBIG;
	p = xmalloc((size_t)size + 1);
	err = file_read_full(f, p, (size_t)size, 0);
	if (err) {
		explicit_bzero(p, (size_t)size); /* it may have been a secret */
		xfree(p);
		return err;
	}
	p[size] = '\0';
	*out = p;
	*len = (size_t)size;
	return 0;
}

int env_read_file(struct env *e, const char *path, size_t max, char **out, size_t *len)
{
	struct file *f;
	int err = env_open(e, path, FILE_READ, &f);

	if (err)
		return err;
	err = read_whole(f, max, out, len);
	file_unref(&f);
	return err;
}

static int write_whole(struct env *e, const char *path, const void *p, size_t len)
{
	struct file *f;
	int err = env_open(e, path, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &f);

	if (err)
		return err;
	err = file_write_full(f, p, len, 0);
	if (!err)
		err = file_sync(f);
	file_unref(&f);
	return err;
}

/* The directory that contains `path`: "." if there is no slash, "/" for entries of the root. */
static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int env_replace_file(struct env *e, const char *path, const void *p, size_t len)
{
	char *tmp = xasprintf("%s.tmp", path);
	char *dir = dir_of(path);
	int err = write_whole(e, tmp, p, len);

	if (!err)
		err = env_rename(e, tmp, path);
	if (!err)
		err = env_sync_dir(e, dir);
	xfree(dir);
	xfree(tmp);
	return err;
}
