/*
 * life: is all seen that the last process wrote in a log directory, though it was killed? And was that one of ours?
 *
 *	odradek.life				one line of text, while the logs are open: which page cache the file is read from (file_cache_name)
 *	odradek.life-0.0-delete/		the witness: an empty directory
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
 * The witness is on the platter before a log is appended to, and stays until a clean stop: so that it says also after a power cut that no log here is
 * of Kafka's making, unless somebody put it here by hand since. The file is not synced: what a power cut makes of it is of another start.
 *
 * What this does not see: a replica that somebody has put in another's place between a kill and the start, and an error that the system met while it
 * wrote pages of a file by itself and forgot with the file's inode. Batches so damaged are found by who reads them: clients check their CRC.
 *
 * Threads: none of its own; all of it blocks.
 */
#ifndef ODRADEK_LOG_LIFE_H
#define ODRADEK_LOG_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

#define LIFE_WITNESS "odradek.life-0.0-delete"

/* True, and when that life began, by the filesystem's clock. */
bool life_is_seen(struct env *env, const char *dir, int64_t *since_ms);
/* The witness is there, and Kafka was not. */
bool life_is_ours(struct env *env, const char *dir);
/* It is there from now on; to be synced by the caller. 0 or a negated errno. */
int life_make_witness(struct env *env, const char *dir);
/* The next process cannot tell what is in the page cache, whatever is there. 0 or a negated errno. */
int life_forget(struct env *env, const char *dir);
/* Nor, whose the logs are: the directory is left clean, for anybody. 0 or a negated errno. */
int life_end(struct env *env, const char *dir);
/* What is written from here on is seen by the next process. Where that cannot be told, or there is no witness, nothing is left. */
void life_begin(struct env *env, const char *dir);

#endif
