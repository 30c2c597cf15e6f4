/*
 * producer_ids: ids for idempotent producers, from blocks that the controller hands out (KIP-730).
 *
 * Each core has a block of its own, asked for when the first id is wanted, and the next one when most of it is used. An id is given once
 * in the life of a cluster; those of a block that was not used up are lost with the run, as Kafka's are.
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

/* True and w->id at once, or false and done() later. */
bool producer_id_get(struct core *c, struct producer_id_waiter *w);
void producer_ids_free(struct producer_ids *p); /* nobody waits, and no block is on its way; NULL is fine */

#endif
