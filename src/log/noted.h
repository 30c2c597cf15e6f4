/*
 * noted: a log's entry in the manifest, written after a clean close and restored by the next load.
 * It holds what loading reads from the log's files, and nothing that is in a checkpoint.
 *
 * Owner: the log. Blocks.
 */
#ifndef ODRADEK_LOG_NOTED_H
#define ODRADEK_LOG_NOTED_H

#include <stdbool.h>

#include "log/log.h"
#include "log/manifest.h"

/*
 * Restores the files, the end and the epochs of a new log. False: something on disk is not as it was
 * noted, and the log must be loaded, after what this has left of it was freed. *no_producers: there
 * is no producer to be restored from a snapshot.
 */
bool noted_restore(struct log *log, const struct manifest_log *noted, bool *no_producers);
/* Ends the process if the two differ in what loading finds out. */
void noted_check(const struct log *noted, const struct log *loaded);

#endif
