/*
 * crc32c: CRC-32C (Castagnoli), as record batches v2 and producer snapshots carry it.
 *
 * crc32c(0, p, len) is the checksum of p; crc32c(crc, p, len) goes on from it. Any thread. The fastest way the processor has is
 * chosen call by call (SSE4.2, PCLMULQDQ, VPCLMULQDQ; ARMv8), a table elsewhere; tests hold all against the table.
 */
#ifndef ODRADEK_BASE_CRC32C_H
#define ODRADEK_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *p, size_t len);
uint32_t crc32c_table(uint32_t crc, const void *p, size_t len); /* the plain one, for tests */

/* For tests: the named way if the processor and the length allow it, what crc32c() would take if not. */
enum crc32c_way { CRC32C_WORDS, CRC32C_FOLD, CRC32C_WIDE };
uint32_t crc32c_way(enum crc32c_way way, uint32_t crc, const void *p, size_t len);

#endif
