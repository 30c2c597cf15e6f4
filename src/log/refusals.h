/*
 * refusals: first batches of idempotent producers that a full disk, or a lack of descriptors, has kept out.
 *
 * A log takes any sequence from a producer that it does not know. With several batches in flight the second would be taken for the first
 * when the disk has room again in between, and the first refused for ever; so it is remembered what such a producer must begin with.
 * A client that gives its batch up begins again with another epoch. Bounded: the oldest is forgotten. Owner: the log.
 */
#ifndef ODRADEK_LOG_REFUSALS_H
#define ODRADEK_LOG_REFUSALS_H

#include <stdbool.h>

#include "wire/batch.h"

enum { REFUSALS_MAX = 64 };

struct refusals;

void refusals_free(struct refusals *r);
/* This batch, of a producer that the log does not know, was kept out. Made when it is needed. */
void refusals_add(struct refusals **r, const struct batch_header *h);
/* Is another batch of this producer to come first? */
bool refusals_stand_against(const struct refusals *r, const struct batch_header *h);
/* The producer's first batch was taken. */
void refusals_remove(struct refusals *r, const struct batch_header *h);

#endif
