/*
 * departed: replicas of a log directory that were deleted or put aside while checkpoints may still
 * contain their names.
 *
 * A checkpoint knows a log by its name. When a topic is deleted and created again, the entries of
 * the old log would hide records of the new one, or vouch for bytes that were never synced.
 * Checkpoints are rewritten after a deletion, but not at once. If the process dies in between, a
 * sign remains: a directory <topic>-<partition>.<id>-delete (or -stray) without a file
 * "odradek.forgotten" in it.
 *
 * 1. The directory gets that file, or is removed, only after all checkpoints were written without
 *    its replica.
 * 2. While there is a sign, checkpoint entries of that name are ignored. (If the name was cut to
 *    fit, so are those of all names that begin with it.)
 *
 * Threads: push and take may be called from any thread; the rest from one job at a time.
 */
#ifndef ODRADEK_LOG_DEPARTED_H
#define ODRADEK_LOG_DEPARTED_H

#include <stdbool.h>

#include "base/str.h"
#include "env/env.h"

struct checkpoint;
struct departed;

/*
 * remove: also delete the directory when it is settled; for one that was found at the start and has
 * no other remover.
 */
void departed_push(struct departed **list, const char *path, bool remove);
/*
 * Takes the whole list, which is then the caller's. Call it before gathering what the checkpoints
 * will contain.
 */
struct departed *departed_take(struct departed **list);
/*
 * For when the checkpoints are written; takes over v. Entries that fail go back to the list.
 * Blocks; 0 or the first error.
 */
int departed_settle(struct env *env, struct departed **list, struct departed *v);
/* For when the checkpoints could not be written: puts the entries back for a later attempt. */
void departed_give_back(struct departed **list, struct departed *v);
void departed_free(struct departed *v);

/* Is this name of a directory a sign? "t-0.0123...-delete" is the sign of topic "t", partition 0. */
bool departed_is_sign(struct env *env, const char *dir, const char *name);
bool departed_matches(const char *name, struct str topic, int32_t partition);

#endif
