/* file, real: file descriptors. EINTR is retried; every other error is returned. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "env/real/real_priv.h"

#define WARM_NS INT64_C(100000000)
#define WARM_BYTES (INT64_C(64) << 20)

int real_fd(struct file *f)
{
	return container_of(f, struct real_file, base)->fd;
}

static struct file *file_of(struct env *e, int fd)
{
	struct real_file *f = xcalloc(1, sizeof(*f));

	file_base_init(&f->base, e);
	f->fd = fd;
	return &f->base;
}

int real_open_quietly(const char *path, int how)
{
	int fd;

	do
		fd = open(path, how | O_NOATIME | O_CLOEXEC, 0666);
	while (fd < 0 && errno == EINTR);
	if (fd < 0 && errno == EPERM) /* the file is another user's: O_NOATIME is not permitted */
		do
			fd = open(path, how | O_CLOEXEC, 0666);
		while (fd < 0 && errno == EINTR);
	return fd;
}

int real_open(struct env *e, const char *path, int flags, struct file **out)
{
	int how = O_NOCTTY | (flags & FILE_WRITE ? O_RDWR : O_RDONLY);
	struct stat st;
	int fd, err;

	how |= flags & FILE_CREATE ? O_CREAT : 0;
	how |= flags & FILE_EXCLUSIVE ? O_EXCL : 0;
	how |= flags & FILE_TRUNCATE ? O_TRUNC : 0;
	fd = real_open_quietly(path, how);
	if (fd < 0)
		return -errno;
	/* a directory cannot be opened for writing, so only reading is checked */
	err = flags & FILE_WRITE ? 0 : fstat(fd, &st) ? -errno : S_ISDIR(st.st_mode) ? -EISDIR : 0;
	if (err) {
		close(fd);
		return err;
	}
	*out = file_of(e, fd);
	return 0;
}

void real_file_close(struct file *f)
{
	close(real_fd(f));
	xfree(container_of(f, struct real_file, base));
}

ssize_t real_pread(struct file *f, void *p, size_t len, int64_t pos)
{
	ssize_t n;

	do
		n = pread(real_fd(f), p, len, pos);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t real_pwritev(struct file *f, const struct iovec *iov, int n_iov, int64_t pos)
{
	ssize_t n;

	do
		n = pwritev(real_fd(f), iov, n_iov, pos);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int real_truncate(struct file *f, int64_t size)
{
	int rc;

	do
		rc = ftruncate(real_fd(f), size);
	while (rc && errno == EINTR);
	return rc ? -errno : 0;
}

int real_allocate(struct file *f, int64_t size)
{
	int rc;

	do
		rc = fallocate(real_fd(f), 0, 0, size);
	while (rc && errno == EINTR);
	return rc ? -errno : 0;
}

int real_set_mtime(struct file *f, int64_t ms)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};

	if (ms < 0)
		return -EINVAL;
	return futimens(real_fd(f), times) ? -errno : 0;
}

int64_t real_size(struct file *f)
{
	struct stat st;

	return fstat(real_fd(f), &st) ? -errno : st.st_size;
}

/*
 * Never retried after an error, not even EINTR: the next call would report success (Rebello et al.,
 * ATC 2020).
 */
int real_sync(struct file *f)
{
	return fdatasync(real_fd(f)) ? -errno : 0;
}

/* On filesystems that do not support RWF_NOWAIT this is an ordinary read. */
ssize_t real_pread_nowait(struct file *f, void *p, size_t len, int64_t pos)
{
	struct iovec iov = {p, len};
	ssize_t n;

	do
		n = preadv2(real_fd(f), &iov, 1, pos, RWF_NOWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EOPNOTSUPP)
		return real_pread(f, p, len, pos);
	return n < 0 ? -errno : n;
}

static bool page_resident(struct file *f, int64_t pos)
{
	uint8_t byte;

	return real_pread_nowait(f, &byte, 1, pos) != -EAGAIN;
}

/* Read-ahead and write-back handle pages in long runs: the ends and the middle stand for the rest. */
static bool range_resident(struct file *f, int64_t pos, int64_t end)
{
	return page_resident(f, pos) && page_resident(f, end - 1) && page_resident(f, pos + (end - pos) / 2);
}

static int64_t hint(_Atomic int64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static void set_hint(_Atomic int64_t *at, int64_t v)
{
	atomic_store_explicit(at, v, memory_order_relaxed);
}

/*
 * A range seen a moment ago is not checked again, not even for another reader; if the new range
 * extends it, only the rest is checked. (Two threads that set the hints at the same time may
 * produce a mixture, of at most WARM_BYTES: a slightly worse guess.)
 */
bool real_resident(struct file *f, int64_t pos, size_t len)
{
	struct real_file *r = container_of(f, struct real_file, base);
	int64_t end = pos + (int64_t)len, now = env_mono_ns(f->env);
	int64_t from = hint(&r->warm_from), to = hint(&r->warm_end);
	bool goes_on = now - hint(&r->warm_ns) < WARM_NS && pos >= from && pos <= to && end - from <= WARM_BYTES;

	if (!len || (goes_on && end <= to))
		return true;
	if (!range_resident(f, goes_on ? to : pos, end))
		return false;
	if (!goes_on) {
		set_hint(&r->warm_from, pos);
		set_hint(&r->warm_ns, now);
	}
	set_hint(&r->warm_end, end);
	return true;
}

/*
 * The lock belongs to the process and the file, and is released when any descriptor of that file is
 * closed, so nothing else may open it. As in Java, it covers all offsets.
 */
int real_lock(struct env *e, const char *path, struct file **out)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int err = real_open(e, path, FILE_WRITE | FILE_CREATE, out);

	if (err)
		return err;
	if (fcntl(real_fd(*out), F_SETLK, &whole)) {
		err = errno == EACCES ? -EAGAIN : -errno;
		file_unref(out);
	}
	return err;
}
