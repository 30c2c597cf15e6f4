/*
 * departed: replicas of a log directory that were deleted or put aside, while checkpoints may still know their names.
 *
 * Checkpoints know a log by its name. When a topic is deleted and made again, what they say of the old one would hide records of the new
 * one, or vouch for bytes that were never synced. They are written anew after a deletion, but not at once; a process that dies in
 * between leaves the sign that says so: the directory <topic>-<partition>.<id>-delete (or -stray), without a file "odradek.forgotten" in
 * it.
 *
 * 1. A directory gets that file, or is removed, only after all checkpoints were written without its replica.
 * 2. Where there is a sign, what a checkpoint says of that name is not believed. (Of a name that was cut to fit: of all that begin so.)
 *
 * Threads: push and take from any, the rest from one job at a time.
 */
#ifndef ODRADEK_LOG_DEPARTED_H
#define ODRADEK_LOG_DEPARTED_H

#include <stdbool.h>

#include "base/str.h"
#include "env/env.h"

struct checkpoint;
struct departed;

/* remove: nobody else will; it was found at the start. */
void departed_push(struct departed **list, const char *path, bool remove);
/* All of them, and they are the caller's: before the checkpoints are gathered. */
struct departed *departed_take(struct departed **list);
/* The checkpoints are written: takes v over. What fails goes back to the list. Blocks; 0 or the first error. */
int departed_settle(struct env *env, struct departed **list, struct departed *v);
/* They are not: later. */
void departed_give_back(struct departed **list, struct departed *v);
void departed_free(struct departed *v);

/* Is a directory's name a sign? "t-0.0123...-delete" is for "t", 0. */
bool departed_is_sign(struct env *env, const char *dir, const char *name);
bool departed_matches(const char *name, struct str topic, int32_t partition);

#endif
