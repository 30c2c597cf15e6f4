/*
 * swap: what a cleaning (or Kafka's splitting of a segment) has left in a directory, brought to an end at the start.
 *
 * New segments are written as <base>.log.cleaned (and the indexes beside it), synced, renamed to .swap, synced; the old ones are renamed to
 * .deleted, synced; then .swap is taken off: of the .log first, and after a sync of the indexes. So
 * 1. where a .cleaned is there, no .swap of its base or behind it is whole: all of them go;
 * 2. else a .log.swap is whole and replaces the segments whose offsets it covers;
 * 3. an index's .swap without a .log.swap belongs to a .log that has its name already.
 * Kafka's LogLoader does the same, and its directories open here as ours do there. (It says "between the first .swap and the last"; a
 * segment of its own covers the same.)
 *
 * Each step is synced before the next one: names that were changed reach the platter in any order.
 */
#ifndef ODRADEK_LOG_SWAP_H
#define ODRADEK_LOG_SWAP_H

#include "env/env.h"

#define CLEANED_SUFFIX ".cleaned"
#define SWAP_SUFFIX ".swap"

/* Blocks. 0 or a negated errno. */
int swap_settle(struct env *env, const char *dir);

#endif
