/*
 * budget: the bytes that all requests of a node may hold at once (queued.max.request.bytes), shared by its reactors.
 *
 * 1. `used` counts every block that a connection or a request owns, and the memory of answers that a reader has not taken.
 * 2. What is asked for before memory is allocated (a large frame's next block, the first read of a frame) may be refused: the connection
 *    waits in its reactor's queue. What comes in the course of that (a small frame's copy) is never refused: it can exceed the limit
 *    by what one turn of a reactor reads.
 * 3. `stalled` is the part of `used` that waiting connections hold. When nothing else is used nobody would ever give back: then the
 *    oldest is let through, alone, over the limit.
 * 4. Reactors publish the age of their oldest waiter; one gives way to an older one elsewhere and wakes it.
 * Any thread: counters are atomic, and each operation is sequentially consistent, so that a waiter and a release cannot miss each other.
 */
#ifndef ODRADEK_NET_BUDGET_H
#define ODRADEK_NET_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BUDGET_NO_TICKET INT64_MAX

struct budget {
	int64_t limit;
	_Atomic int64_t used;
	_Atomic int64_t stalled;
	_Atomic int64_t waiting; /* connections */
	_Atomic int64_t tickets; /* given so far */
};

/* Takes bytes in any case. */
static inline void budget_charge(struct budget *b, int64_t bytes) { atomic_fetch_add(&b->used, bytes); }

/* Takes bytes if they fit, or if all that is used is held by connections that wait. */
bool budget_try(struct budget *b, int64_t bytes);

/* Is there any room? What is then read may exceed the limit a little. */
static inline bool budget_has_room(struct budget *b)
{
	int64_t used = atomic_load(&b->used);

	return used < b->limit || used == atomic_load(&b->stalled);
}

/* Gives bytes back. True when somebody waits for them. */
static inline bool budget_release(struct budget *b, int64_t bytes)
{
	atomic_fetch_sub(&b->used, bytes);
	return atomic_load(&b->waiting) > 0;
}

#endif
