/* moment: dates and durations on a command line, as Kafka's tools take them (ISO 8601). */
#ifndef ODRADEK_CLI_MOMENT_H
#define ODRADEK_CLI_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Converts "2026-11-22T21:12:56.123", with or without a zone, to milliseconds since 1970 UTC; false
 * when invalid.
 */
bool moment_parse(const char *text, int64_t *out_ms);
/* Converts "P1DT2H3M4.5S" to milliseconds; false when invalid. */
bool duration_parse(const char *text, int64_t *out_ms);

#endif
