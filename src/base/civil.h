/*
 * civil: a wall-clock time as people write it, in UTC. Years 0000 to 9999; times outside are
 * clamped to that range.
 */
#ifndef ODRADEK_BASE_CIVIL_H
#define ODRADEK_BASE_CIVIL_H

#include <stdint.h>

#define CIVIL_TEXT_LEN 24

/* "2026-11-22T21:12:56.123Z" and a NUL. */
const char *civil_text(int64_t wall_ms, char out[CIVIL_TEXT_LEN + 1]);

#endif
