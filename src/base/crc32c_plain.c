/* crc32c_plain: for processors without a CRC instruction: the table method. */
#include "base/crc32c.h"

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
	return crc32c_table(crc, p, len);
}

uint32_t crc32c_way(enum crc32c_way way, uint32_t crc, const void *p, size_t len)
{
	(void)way;
	return crc32c(crc, p, len);
}
