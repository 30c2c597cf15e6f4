/* secret, real: memory for keys, and running the command that prints them. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "env/real/real.h"

extern char **environ;

/* ---- memory ---- */

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

void *real_secret_new(size_t size, bool *locked)
{
	size_t len = whole_pages(size);
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	*locked = mlock(p, len) == 0;
	madvise(p, len, MADV_DONTDUMP);
	return p;
}

void real_secret_free(void *p, size_t size)
{
	if (!p)
		return;
	explicit_bzero(p, whole_pages(size));
	munmap(p, whole_pages(size));
}

/* ---- the command ---- */

static int start(const char *command, int output, pid_t *pid)
{
	char *const argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)command, NULL};
	posix_spawn_file_actions_t files;
	int err = posix_spawn_file_actions_init(&files);

	if (err)
		return -err;
	err = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	if (!err)
		err = posix_spawn(pid, "/bin/sh", &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

/* Reads everything; what is beyond `size` is discarded, so that the command can finish. */
static int read_all(int fd, char *out, size_t size, size_t *len)
{
	char beyond[512];
	int err = 0;

	*len = 0;
	for (;;) {
		bool full = *len == size;
		ssize_t n = read(fd, full ? beyond : out + *len, full ? sizeof(beyond) : size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		if (full)
			err = -EFBIG;
		else
			*len += (size_t)n;
	}
	explicit_bzero(beyond, sizeof(beyond));
	return err;
}

static int end(pid_t pid, int *status)
{
	int raw;

	while (waitpid(pid, &raw, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
	return *status == 0 ? 0 : -EPROTO;
}

int real_command_read(const char *command, void *out, size_t size, size_t *len, int *status)
{
	int fds[2];
	pid_t pid;
	int err, ended;

	*status = 0;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	err = start(command, fds[1], &pid);
	close(fds[1]);
	if (!err) {
		err = read_all(fds[0], out, size, len);
		ended = end(pid, status);
		err = err ? err : ended;
	}
	close(fds[0]);
	return err;
}
