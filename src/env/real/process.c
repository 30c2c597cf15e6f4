/*
 * process, real: the processes of this machine, found in /proc; going on in the background.
 *
 *	/proc/PID/cmdline	the arguments, each followed by a NUL byte
 *	/proc/PID/environ	the variables it was started with, likewise; readable by its user and by root
 *	/proc/PID/cwd		a link to its working directory, likewise
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/real/real.h"

#define FILE_MAX ((size_t)4 << 20)

/* Strings that follow each other. */
struct strings {
	char *text;
	const char **v; /* ended by NULL */
};

/* The whole of a file of /proc, whose size is not known before it is read. NULL: it cannot be read. */
static char *read_all(const char *path, size_t *len)
{
	size_t cap = 4096;
	char *text;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*len = 0;
	if (fd < 0)
		return NULL;
	text = xmalloc(cap);
	while (*len < FILE_MAX && (n = read(fd, text + *len, cap - *len - 1)) > 0) {
		*len += (size_t)n;
		if (*len + 1 == cap) {
			cap *= 2;
			text = xreallocarray(text, cap, 1);
		}
	}
	close(fd);
	text[*len] = 0;
	return text;
}

static bool strings_read(struct strings *s, const char *pid, const char *file)
{
	char path[300];
	size_t len, n = 0;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
	*s = (struct strings){.text = read_all(path, &len)};
	if (!s->text)
		len = 0;
	s->v = xcalloc(len + 1, sizeof(*s->v));
	for (size_t at = 0; at < len; at += strlen(s->text + at) + 1)
		s->v[n++] = s->text + at;
	return n > 0;
}

static void strings_free(struct strings *s)
{
	xfree(s->text);
	xfree(s->v);
}

int real_processes(int (*each)(void *arg, const struct real_process *p), void *arg)
{
	struct dirent *e;
	int result = 0;
	DIR *d = opendir("/proc");

	while (d && result == 0 && (e = readdir(d))) {
		struct strings arguments, environment;
		char link[300], directory[PATH_MAX];
		ssize_t n;

		if (e->d_name[0] < '1' || e->d_name[0] > '9' || atoi(e->d_name) == (int)getpid())
			continue;
		if (strings_read(&arguments, e->d_name, "cmdline")) {
			snprintf(link, sizeof(link), "/proc/%s/cwd", e->d_name);
			n = readlink(link, directory, sizeof(directory) - 1);
			directory[n > 0 ? n : 0] = 0;
			strings_read(&environment, e->d_name, "environ");
			result = each(arg, &(struct real_process){.pid = atoi(e->d_name),
								  .arguments = arguments.v,
								  .environment = environment.v,
								  .directory = n > 0 ? directory : NULL});
			strings_free(&environment);
		}
		strings_free(&arguments);
	}
	if (d)
		closedir(d);
	return result;
}

/* ---- signals ---- */

int real_signal_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {{"TERM", SIGTERM}, {"KILL", SIGKILL}, {"INT", SIGINT},	{"HUP", SIGHUP},   {"QUIT", SIGQUIT},
		       {"ABRT", SIGABRT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};
	char *end;
	long number = strtol(name, &end, 10);

	if (*name && !*end)
		return number > 0 && number <= SIGRTMAX ? (int)number : 0;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (strcasecmp(signals[i].name, name) == 0)
			return signals[i].number;
	return 0;
}

int real_process_signal(int pid, int number)
{
	return kill(pid, number) ? -errno : 0;
}

/* ---- the background ---- */

/* The first directory of PATH that has a program of this name. */
static char *find_in_path(const char *name)
{
	const char *path = getenv("PATH");

	for (const char *end; path && *path; path = *end ? end + 1 : end) {
		char *directory, *program;
		bool is_there;

		end = path + strcspn(path, ":");
		directory = xasprintf("%.*s", (int)(end - path), path);
		program = xasprintf("%s/%s", directory, name);
		is_there = access(program, X_OK) == 0;
		xfree(program);
		if (is_there)
			return directory;
		xfree(directory);
	}
	return xasprintf(".");
}

char *real_program_directory(void)
{
	struct strings arguments;
	const char *name, *slash;
	char *directory;

	name = strings_read(&arguments, "self", "cmdline") ? arguments.v[0] : "";
	slash = strrchr(name, '/');
	directory = slash ? xasprintf("%.*s", slash > name ? (int)(slash - name) : 1, name) : find_in_path(name);
	strings_free(&arguments);
	return directory;
}

/* The same file, not under the number of a standard stream, in case one of those was closed. */
static int above_standard(int fd)
{
	int moved = fd >= 0 && fd <= 2 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : fd;

	if (moved != fd)
		close(fd);
	return moved;
}

int real_detach(const char *output)
{
	int out = above_standard(open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
	int nothing = above_standard(open("/dev/null", O_RDONLY | O_CLOEXEC));
	int err = 0;

	if (out < 0 || nothing < 0) {
		err = -errno;
	} else {
		pid_t pid = fork();

		if (pid < 0)
			err = -errno;
		else if (pid > 0)
			_exit(0);
		else if (setsid() < 0 || signal(SIGHUP, SIG_IGN) == SIG_ERR || dup2(nothing, 0) < 0 ||
			 dup2(out, 1) < 0 || dup2(out, 2) < 0)
			err = -errno;
	}
	if (out >= 0)
		close(out);
	if (nothing >= 0)
		close(nothing);
	return err;
}
