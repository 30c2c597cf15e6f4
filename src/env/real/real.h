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

/* A process of this machine. */
struct real_process {
	int pid;
	const char *const *arguments;	/* at least one; ended by NULL */
	const char *const *environment; /* ended by NULL; empty if it cannot be read */
	const char *directory;		/* its working directory; NULL if it cannot be read */
};
/*
 * Calls each() for all processes but this one whose arguments can be read, until it returns
 * something else than 0. Returns what it returned last.
 */
int real_processes(int (*each)(void *arg, const struct real_process *p), void *arg);
/* Sends a signal. 0 or a negated errno. */
int real_process_signal(int pid, int number);
/* "TERM", "SIGTERM", "15": its number; 0: there is no such signal. */
int real_signal_number(const char *name);

/* Where the program lies, by the name it was called by: links are not followed. xfree() it. */
char *real_program_directory(void);
/*
 * Goes on in a process of its own that has no terminal, nothing to read, and `output`, which is
 * emptied, for its standard output and error; the calling process ends with status 0. Returns 0 in
 * the new process. A negated errno: in the calling process, if the file could not be opened or there
 * is no new process; in the new one, if it could not let go of the terminal. Call it before the first
 * thread is started.
 */
int real_detach(const char *output);

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
