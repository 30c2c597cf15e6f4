/*
 * crc32c_arm: ARMv8's crc32cx, eight bytes per instruction. The build uses this file when the
 * compiler's baseline has the instruction (__ARM_FEATURE_CRC32: ARMv8.1 and later, which covers
 * every machine that runs Kafka).
 */
#include <arm_acle.h>
#include <string.h>

#include "base/crc32c.h"

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	crc = ~crc;
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		crc = __crc32cd(crc, word);
	}
	for (; len; p++, len--)
		crc = __crc32cb(crc, *p);
	return ~crc;
}

uint32_t crc32c_way(enum crc32c_way way, uint32_t crc, const void *p, size_t len)
{
	(void)way;
	return crc32c(crc, p, len);
}
