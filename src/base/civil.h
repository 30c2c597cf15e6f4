/*
 * civil: a moment of the wall clock as people write it, in UTC; years 0000 to 9999, outside of which it is cut to the nearest.
 */
#ifndef ODRADEK_BASE_CIVIL_H
#define ODRADEK_BASE_CIVIL_H

#include <stdint.h>

#define CIVIL_TEXT_LEN 24

/* "2026-11-22T21:12:56.123Z" and a NUL. */
const char *civil_text(int64_t wall_ms, char out[CIVIL_TEXT_LEN + 1]);

#endif
