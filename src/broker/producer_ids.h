/*
 * producer_ids: ids for idempotent producers, from blocks that the controller hands out (KIP-730).
 *
 * Each core has its own block, requested when the first id is wanted, and the next one when most of
 * it is used. An id is given out once in the life of a cluster; ids of a block that was not used up
 * are lost at the end of the run, as in Kafka.
 *
 * Owner: a core.
 */
#ifndef ODRADEK_BROKER_PRODUCER_IDS_H
#define ODRADEK_BROKER_PRODUCER_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct core;
struct producer_ids;

/* Waits for an id: done(w) is called with id, or with err and id -1. */
struct producer_id_waiter {
	struct list link;
	void (*done)(struct producer_id_waiter *w);
	int64_t id;
	int err;
};

/* True, with w->id set, at once; or false, and done() is called later. */
bool producer_id_get(struct core *c, struct producer_id_waiter *w);
void producer_ids_free(struct producer_ids *p); /* when nobody waits and no block is under way; NULL is allowed */

#endif
