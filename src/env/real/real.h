/*
 * real: what a program needs of the real world that a node does not: its signals, and where its lines go.
 */
#ifndef ODRADEK_ENV_REAL_REAL_H
#define ODRADEK_ENV_REAL_REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For struct diag: the clock, and a line to stderr in one write. Both ignore arg. */
int64_t real_wall_ms(void *arg);
void real_stderr_line(void *arg, const char *line, int len);

/* Standard streams that are closed lead to /dev/null from now on: no file or socket gets their numbers. Before anything is opened. */
void real_streams_hold(void);

/*
 * SIGINT and SIGTERM wait to be asked for, in this thread and all that it starts: call it before the first loop_thread or work.
 * real_signal_next blocks until one comes and returns its number; 0 when real_signal_wake was called, from any thread.
 */
void real_signals_hold(void);
int real_signal_next(void);
void real_signal_wake(void);

/*
 * Zeroed memory for keys: in no core file, not swapped out where the system lets a process lock so much (*locked). Wiped by
 * real_secret_free. NULL: there is no memory.
 */
void *real_secret_new(size_t size, bool *locked);
void real_secret_free(void *p, size_t size);
/*
 * What `command` writes to its standard output when /bin/sh runs it, up to size bytes, in out; it has our standard error, and nothing to read.
 * 0; -EFBIG; -EPROTO: it did not end with status 0, which is in *status; another negated errno: it could not be run, and *len is as it was. Blocks. Before real_confine, which forbids it.
 */
int real_command_read(const char *command, void *out, size_t size, size_t *len, int *status);

/* What the process gives up for good, with all threads that it starts from now on. */
struct real_confinement {
	const char *user; /* whom root becomes; NULL: root stays root, with few capabilities */
	bool core_files;  /* a crash may leave one */
	bool filter;	  /* system calls that a node does not make are refused (seccomp) */
};

/* Before the first thread. 0, or a negated errno with *what "user" or "filter": -ENOENT, there is no such user; -ENOSYS, -EINVAL: no such filter here. */
int real_confine(const struct real_confinement *c, const char **what);

#endif
