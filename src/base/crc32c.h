/*
 * crc32c: CRC-32C (Castagnoli), as used by record batches v2 and producer snapshots.
 *
 * crc32c(0, p, len) is the checksum of p; crc32c(crc, p, len) continues from crc. Any thread. Each
 * call picks the fastest method the processor has (SSE4.2, PCLMULQDQ, VPCLMULQDQ; ARMv8), and
 * otherwise a table; tests compare all of them with the table.
 */
#ifndef ODRADEK_BASE_CRC32C_H
#define ODRADEK_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *p, size_t len);
uint32_t crc32c_table(uint32_t crc, const void *p, size_t len); /* the table version, for tests */

/*
 * For tests: uses the named method if the processor and the length allow it, otherwise what
 * crc32c() would use.
 */
enum crc32c_way { CRC32C_WORDS, CRC32C_FOLD, CRC32C_WIDE };
uint32_t crc32c_way(enum crc32c_way way, uint32_t crc, const void *p, size_t len);

#endif
