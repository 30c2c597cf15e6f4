/* secret: bytes that must stay secret: compared in constant time, and wiped after use. */
#ifndef ODRADEK_SECURITY_SECRET_H
#define ODRADEK_SECURITY_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Overwrites the bytes; NULL with length 0 is fine. */
void secret_wipe(void *p, size_t len);
/* Its time reveals neither where they differ nor how long the longer one is. A null str equals nothing. */
bool secret_equal(struct str a, struct str b);

#endif
