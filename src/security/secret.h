/*
 * secret: bytes that nobody is to learn: compared in a time that says nothing of them, and wiped when they are used no more.
 */
#ifndef ODRADEK_SECURITY_SECRET_H
#define ODRADEK_SECURITY_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Overwrites; NULL with 0 is fine. */
void secret_wipe(void *p, size_t len);
/* Neither where they differ nor how long the longer one is can be seen from the time it takes. A null str is equal to nothing. */
bool secret_equal(struct str a, struct str b);

#endif
