/*
 * real: what a program needs of the real world that a node does not: signals, log output, keys,
 * confinement.
 */
#ifndef ODRADEK_ENV_REAL_REAL_H
#define ODRADEK_ENV_REAL_REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Functions for struct diag: the clock, and writing a line to stderr in one call. Both ignore arg. */
int64_t real_wall_ms(void *arg);
void real_stderr_line(void *arg, const char *line, int len);

/*
 * Points standard streams that are closed at /dev/null, so that no file or socket gets their
 * numbers. Call it before anything is opened.
 */
void real_streams_hold(void);

/*
 * Blocks SIGINT and SIGTERM in this thread and all threads it starts; call it before the first
 * loop_thread or work. real_signal_next waits until one arrives and returns its number; it returns
 * 0 when real_signal_wake was called (from any thread).
 */
void real_signals_hold(void);
int real_signal_next(void);
void real_signal_wake(void);

/*
 * Zeroed memory for keys: in no core file, and not swapped out where the system lets a process lock
 * that much (*locked). real_secret_free wipes it. NULL: out of memory.
 */
void *real_secret_new(size_t size, bool *locked);
void real_secret_free(void *p, size_t size);
/*
 * Runs `command` with /bin/sh and stores up to size bytes of its standard output in `out`; it
 * inherits our standard error and has nothing to read. Returns 0; -EFBIG; -EPROTO if it did not end
 * with status 0 (the status is in *status); or another negated errno if it could not be run, in
 * which case *len is unchanged. Blocks. Call it before real_confine, which forbids it.
 */
int real_command_read(const char *command, void *out, size_t size, size_t *len, int *status);

/* What the process gives up for good, together with all threads it starts afterwards. */
struct real_confinement {
	const char *user; /* user that root switches to; NULL: root stays root, with few capabilities */
	bool core_files;  /* a crash may leave a core file */
	bool filter;	  /* refuse system calls that a node does not make (seccomp) */
};

/*
 * Call it before the first thread is started. Returns 0, or a negated errno with *what set to
 * "user" or "filter": -ENOENT, the user does not exist; -ENOSYS or -EINVAL, this system has no such
 * filter.
 */
int real_confine(const struct real_confinement *c, const char **what);

#endif
