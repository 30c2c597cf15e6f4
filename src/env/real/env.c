/* env, real: the function table of the real world, its clocks and random numbers. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/real/real.h"
#include "env/real/real_priv.h"

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	check(clock_gettime(clock, &t) == 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t real_mono_ns(struct env *e)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t wall_ms(struct env *e)
{
	return clock_ns(CLOCK_REALTIME) / 1000000;
}

int64_t real_wall_ms(void *arg)
{
	return clock_ns(CLOCK_REALTIME) / 1000000;
}

static void real_random(struct env *e, void *p, size_t len)
{
	uint8_t *at = p;

	while (len) {
		ssize_t n = getrandom(at, len, 0);

		check(n > 0 || errno == EINTR);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
}

static bool never(struct env *e, const char *site)
{
	return false;
}

static const struct env_ops real_ops = {
	.mono_ns = real_mono_ns,
	.wall_ms = wall_ms,
	.random = real_random,
	.loop_new = real_loop_new,
	.loop_free = real_loop_free,
	.loop_thread = real_loop_thread,
	.loop_run = real_loop_run,
	.loop_stop = real_loop_stop,
	.loop_post = real_loop_post,
	.loop_wake_at = real_loop_wake_at,
	.work = real_work,
	.listen = real_listen,
	.listener_accept = real_listener_accept,
	.listener_addr = real_listener_addr,
	.listener_pause = real_listener_pause,
	.listener_close = real_listener_close,
	.dial = real_dial,
	.sock_attach = real_sock_attach,
	.sock_want = real_sock_want,
	.sock_read = real_sock_read,
	.sock_writev = real_sock_writev,
	.sock_sendfile = real_sock_sendfile,
	.sock_error = real_sock_error,
	.sock_addrs = real_sock_addrs,
	.sock_buffers = real_sock_buffers,
	.sock_close = real_sock_close,
	.resolve = real_resolve,
	.host_name = real_host_name,
	.open = real_open,
	.file_close = real_file_close,
	.pread = real_pread,
	.pwritev = real_pwritev,
	.truncate = real_truncate,
	.allocate = real_allocate,
	.set_mtime = real_set_mtime,
	.size = real_size,
	.sync = real_sync,
	.pread_nowait = real_pread_nowait,
	.resident = real_resident,
	.sync_disk = real_sync_disk,
	.cache_name = real_cache_name,
	.write_back_error = real_write_back_error,
	.sync_dir = real_sync_dir,
	.stat = real_stat,
	.rename = real_rename,
	.unlink = real_unlink,
	.mkdir = real_mkdir,
	.rmdir = real_rmdir,
	.list = real_list,
	.space = real_space,
	.unwritten = real_unwritten,
	.lock = real_lock,
	.let_go = real_let_go,
	.buggify = never,
};

/*
 * Half of the descriptors left after the process's own (standard streams, event loops, the spare
 * one, the name service) are for files, the other half for sockets: neither can starve the other.
 */
static int files_budget(void)
{
	struct rlimit limit;

	check(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			check(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	}
	if (limit.rlim_cur > 1 << 20)
		return 1 << 19;
	return limit.rlim_cur < 128 ? 16 : ((int)limit.rlim_cur - 64) / 2;
}

static bool system_uses_bbr(void)
{
	char name[16] = "";
	int fd = open("/proc/sys/net/ipv4/tcp_congestion_control", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, name, sizeof(name) - 1) < 0)
		name[0] = '\0';
	close(fd);
	return !strncmp(name, "bbr", 3);
}

void real_streams_hold(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

struct env *env_real_new(struct diag *diag)
{
	struct real_env *e = xcalloc(1, sizeof(*e));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	signal(SIGPIPE, SIG_IGN);
	e->base.ops = &real_ops;
	e->base.diag = diag;
	e->base.cores = cores > 0 ? (int)cores : 1;
	e->base.memory_bytes = real_memory_bytes();
	e->base.open_files_max = files_budget();
	e->base.loopback_congestion = system_uses_bbr() ? "reno" : NULL;
	atomic_init(&e->spare_fd, open("/dev/null", O_RDONLY | O_CLOEXEC));
	workers_init(&e->workers, REAL_WORKERS_MAX);
	workers_init(&e->waiters, REAL_WAITERS_MAX);
	return &e->base;
}

void env_real_free(struct env *base)
{
	struct real_env *e = real_env(base);

	workers_fini(&e->workers);
	workers_fini(&e->waiters);
	if (e->spare_fd >= 0)
		close(e->spare_fd);
	xfree(e);
}

void real_thread_start(pthread_t *out, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	int err;

	check(pthread_attr_init(&attr) == 0);
	check(pthread_attr_setstacksize(&attr, REAL_STACK_BYTES) == 0);
	err = pthread_create(out, &attr, run, arg);
	check(err == 0);
	pthread_attr_destroy(&attr);
}

void real_thread_name(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

void real_stderr_line(void *arg, const char *line, int len)
{
	ssize_t n = write(STDERR_FILENO, line, (size_t)len);

	(void)n; /* there is nothing else to do about an error */
}
