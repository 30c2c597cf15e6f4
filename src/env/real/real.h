/*
 * real: what a program needs of the real world that a node does not: its signals, and where its lines go.
 */
#ifndef ODRADEK_ENV_REAL_REAL_H
#define ODRADEK_ENV_REAL_REAL_H

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

#endif
