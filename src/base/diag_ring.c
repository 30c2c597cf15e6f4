/*
 * diag_ring: sixty-four slots, used in turn. Two threads can meet in a slot only if one falls
 * sixty-four lines behind the other; the slot's flag then makes the later one drop its line.
 */
#include "base/diag_ring.h"

#include <stdatomic.h>
#include <string.h>

enum { RING_SLOTS = 64, RING_LINE = 256 };

static struct {
	atomic_uint next;
	struct {
		atomic_flag busy;
		char line[RING_LINE];
	} slots[RING_SLOTS];
} ring;

void diag_ring_put(const char *line, int len)
{
	unsigned slot = atomic_fetch_add_explicit(&ring.next, 1, memory_order_relaxed) % RING_SLOTS;
	size_t n = (size_t)len < RING_LINE - 2 ? (size_t)len : RING_LINE - 2;

	if (atomic_flag_test_and_set_explicit(&ring.slots[slot].busy, memory_order_acquire))
		return;
	memcpy(ring.slots[slot].line, line, n);
	if (n && line[n - 1] != '\n')
		ring.slots[slot].line[n++] = '\n';
	ring.slots[slot].line[n] = '\0';
	atomic_flag_clear_explicit(&ring.slots[slot].busy, memory_order_release);
}

void diag_ring_print(void (*say)(const char *text))
{
	unsigned next = atomic_load(&ring.next);

	for (unsigned i = 0; i < RING_SLOTS; i++) {
		unsigned slot = (next + i) % RING_SLOTS;

		if (atomic_flag_test_and_set(&ring.slots[slot].busy))
			continue;
		if (ring.slots[slot].line[0])
			say(ring.slots[slot].line);
		atomic_flag_clear(&ring.slots[slot].busy);
	}
}
