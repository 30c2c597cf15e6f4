/*
 * swap: at the start, finishes what an interrupted cleaning (or Kafka's splitting of a segment) has
 * left in a directory.
 *
 * New segments are written as <base>.log.cleaned (with the indexes beside it), synced, renamed to
 * .swap, synced; the old ones are renamed to .deleted, synced; then .swap is taken off, from the
 * .log first and, after a sync, from the indexes. Therefore
 * 1. if there is a .cleaned file, no .swap at its base or beyond is complete: all of them are
 *    removed;
 * 2. otherwise a .log.swap is complete and replaces the segments whose offsets it covers;
 * 3. an index's .swap without a .log.swap belongs to a .log that already has its final name.
 *
 * Kafka's LogLoader does the same, and each implementation can open the other's directories. (Kafka
 * says "between the first .swap and the last"; covering each segment's own range has the same
 * effect.)
 *
 * Each step is synced before the next one, because renames may reach the platter in any order.
 */
#ifndef ODRADEK_LOG_SWAP_H
#define ODRADEK_LOG_SWAP_H

#include "env/env.h"

#define CLEANED_SUFFIX ".cleaned"
#define SWAP_SUFFIX ".swap"

/* Blocks. 0 or a negated errno. */
int swap_settle(struct env *env, const char *dir);

#endif
