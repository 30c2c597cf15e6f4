/*
 * refusals: remembers the first batches of idempotent producers that were refused because the disk
 * was full or descriptors were lacking.
 *
 * A log accepts any sequence from a producer that it does not know. With several batches in flight,
 * if space becomes free between them, the second would be taken for the first, and the first would
 * be refused for ever. So the log remembers which sequence such a producer must begin with. A
 * client that gives up its batch begins again with another epoch. Bounded: the oldest entry is
 * forgotten. Owner: the log.
 */
#ifndef ODRADEK_LOG_REFUSALS_H
#define ODRADEK_LOG_REFUSALS_H

#include <stdbool.h>

#include "wire/batch.h"

enum { REFUSALS_MAX = 64 };

struct refusals;

void refusals_free(struct refusals *r);
/* Notes that this batch, of a producer unknown to the log, was refused. Creates *r when needed. */
void refusals_add(struct refusals **r, const struct batch_header *h);
/* Must another batch of this producer come first? */
bool refusals_stand_against(const struct refusals *r, const struct batch_header *h);
/* The producer's first batch was appended: forgets the refusal. */
void refusals_remove(struct refusals *r, const struct batch_header *h);

#endif
