/*
 * life: is all seen that the last process wrote in a log directory, though it was killed?
 *
 *	odradek.life				one line of text, while the logs are open: the witness' id, and which page cache the file is
 *						read from (file_cache_name)
 *	odradek.life-0.<id>-delete/		the witness: an empty directory
 *
 * What a process has written is in the page cache when the call has returned; a kill does not take it from there, and cuts short at most what
 * was being written last. So recovery may walk from header to header instead of reading every byte, when nothing but that has happened since:
 *
 * 1. The page cache is the same: the machine was not started anew, the filesystem was not mounted anew, the file is no copy.
 * 2. Everything in the directory had been verified, or was written, by the process that says so: it writes the file when all logs are loaded
 *    whole, and the next one removes it before it changes anything.
 * 3. No write or sync has failed: a directory that fails loses the file (log_dir_doubt).
 * 4. Nobody else has written there. Apache Kafka loads every directory before it appends to any log, and a log it loads gets files; one whose name
 *    ends in -delete it removes afterwards. So a witness that is there, and empty, has not met Kafka.
 *
 * Nothing here is synced: what a power cut makes of these files is of another start of the machine.
 *
 * Threads: none of its own; all of it blocks.
 */
#ifndef ODRADEK_LOG_LIFE_H
#define ODRADEK_LOG_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

/* True, and when that life began, by the filesystem's clock. */
bool life_is_seen(struct env *env, const char *dir, int64_t *since_ms);
/* The next process cannot tell, whatever is there. 0 or a negated errno. */
int life_forget(struct env *env, const char *dir);
/* What is written from here on is seen by the next process. Where that cannot be told nothing is left. */
void life_begin(struct env *env, const char *dir);

#endif
