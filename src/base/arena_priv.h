/*
 * arena_priv: what arena.c and arena_twin.c share with arena_common.c.
 */
#ifndef ODRADEK_BASE_ARENA_PRIV_H
#define ODRADEK_BASE_ARENA_PRIV_H

#include "base/arena.h"

/* Runs the cleanups, latest first, and forgets them. */
void arena_run_cleanups(struct arena *a);

#endif
