/*
 * controller_version: what this node asks of a controller, as an older controller understands it. The request that was made for the newest
 * version stays as it is: the next controller may be newer.
 */
#ifndef ODRADEK_BROKER_CONTROLLER_VERSION_H
#define ODRADEK_BROKER_CONTROLLER_VERSION_H

#include <stdint.h>

#include "base/arena.h"

/* The request itself, or one like it in the arena; NULL when the arena is spent. */
const void *controller_version_fit(int16_t key, int version, const void *request, struct arena *a);

#endif
