/*
 * life: is everything visible that the last process wrote in a log directory, although it was
 * killed? And was that process one of ours?
 *
 *	odradek.life			text, while the logs are open: identifies the page cache (file_cache_name)
 *	odradek.life-0.0-delete/	the witness: an empty directory
 *
 * When a write has returned, its bytes are in the page cache. Killing the process does not remove
 * them, and at most cuts short the write in progress. So if nothing but a kill has happened,
 * recovery may walk from header to header instead of reading every byte. That needs four things:
 *
 * 1. The page cache is the same: the machine was not rebooted, the filesystem was not remounted,
 *    the file is not a copy.
 * 2. Everything in the directory was verified, or written, by the process that vouches for it: it
 *    writes odradek.life once all logs are loaded whole, and the next process removes the file
 *    before it changes anything.
 * 3. No write or sync has failed: a directory that fails loses the file (log_dir_doubt).
 * 4. Nobody else has written there. Apache Kafka loads every directory before it appends to any
 *    log. It creates files in each log that it loads, and then removes those whose name ends in
 *    -delete. So a witness that still exists and is empty has not met Kafka.
 *
 * The witness is on the platter before a log is appended to, and stays until a clean stop. So it
 * also shows after a power cut that no log here is Kafka's, unless somebody has put one here by
 * hand. odradek.life is not synced: if a power cut leaves it behind, it names another boot.
 *
 * Not detected: a replica that was exchanged for another by hand between a kill and the start; and
 * an error that the system met in writing back a file's pages by itself and forgot along with the
 * inode. Batches damaged in that way are found by their readers: clients check the CRC.
 *
 * Threads: none of its own; everything blocks.
 */
#ifndef ODRADEK_LOG_LIFE_H
#define ODRADEK_LOG_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "env/env.h"

#define LIFE_WITNESS "odradek.life-0.0-delete"

/* True, with the time at which that process began to write, by the filesystem's clock. */
bool life_is_seen(struct env *env, const char *dir, int64_t *since_ms);
/* The witness exists, and Kafka was not here. */
bool life_is_ours(struct env *env, const char *dir);
/* Creates the witness; the caller syncs the directory. 0 or a negated errno. */
int life_make_witness(struct env *env, const char *dir);
/* Removes odradek.life: the next process cannot trust the page cache. 0 or a negated errno. */
int life_forget(struct env *env, const char *dir);
/* Removes the witness as well: the directory is left clean, for Odradek or Kafka. 0 or a negated errno. */
int life_end(struct env *env, const char *dir);
/*
 * Writes odradek.life: the next process sees what is written from here on. Writes nothing where the
 * page cache cannot be identified, or where there is no witness.
 */
void life_begin(struct env *env, const char *dir);

#endif
