/*
 * internal_topic: the topics in which coordinators keep their state (Topic.isInternal).
 */
#ifndef ODRADEK_BROKER_INTERNAL_TOPIC_H
#define ODRADEK_BROKER_INTERNAL_TOPIC_H

#include <stdbool.h>

#include "base/str.h"

bool topic_is_internal(struct str name);

#endif
