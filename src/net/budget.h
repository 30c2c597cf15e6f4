/*
 * budget: the bytes that all requests of a node may hold at once (queued.max.request.bytes), shared
 * by its reactors.
 *
 * 1. `used` counts every block owned by a connection or a request, and the memory of answers that
 *    their reader has not taken.
 * 2. A request made before memory is allocated (the next block of a large frame, the first read of
 *    a frame) may be refused: the connection then waits in its reactor's queue. What that read
 *    entails (copying a small frame) is never refused, so the limit may be exceeded by what one
 *    turn of a reactor reads.
 * 3. `stalled` is the part of `used` that waiting connections hold. When nothing else is in use, no
 *    bytes would ever come back: then the oldest waiter is let through, alone, over the limit.
 * 4. Reactors publish the age of their oldest waiter; a younger waiter yields to an older one on
 *    another reactor and wakes it.
 *
 * Any thread: counters are atomic, and each operation is sequentially consistent, so that a waiter
 * and a release cannot miss each other.
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
	_Atomic int64_t tickets; /* issued so far */
};

/* Takes the bytes unconditionally. */
static inline void budget_charge(struct budget *b, int64_t bytes) { atomic_fetch_add(&b->used, bytes); }

/* Takes the bytes if they fit, or if everything in use is held by waiting connections. */
bool budget_try(struct budget *b, int64_t bytes);

/* Whether there is any room. What is read next may exceed the limit a little. */
static inline bool budget_has_room(struct budget *b)
{
	int64_t used = atomic_load(&b->used);

	return used < b->limit || used == atomic_load(&b->stalled);
}

/* Returns bytes. True when a connection is waiting for them. */
static inline bool budget_release(struct budget *b, int64_t bytes)
{
	atomic_fetch_sub(&b->used, bytes);
	return atomic_load(&b->waiting) > 0;
}

#endif
