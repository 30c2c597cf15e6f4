/*
 * controller_version: converts this node's request to an older version that the controller
 * understands. The original, made for the newest version, is not changed: the next controller may
 * be newer.
 */
#ifndef ODRADEK_BROKER_CONTROLLER_VERSION_H
#define ODRADEK_BROKER_CONTROLLER_VERSION_H

#include <stdint.h>

#include "base/arena.h"

/* The request itself, or a converted copy in the arena; NULL when the arena is spent. */
const void *controller_version_fit(int16_t key, int version, const void *request, struct arena *a);

#endif
