/*
 * diag_ring: the last log lines of all nodes of the process, printed by a failed check.
 *
 * This is the only mutable process-wide state in the tree: a failed check does not know which node
 * it belongs to. Only a process that is ending reads it, so no behaviour can depend on it.
 */
#ifndef ODRADEK_BASE_DIAG_RING_H
#define ODRADEK_BASE_DIAG_RING_H

void diag_ring_put(const char *line, int len);
void diag_ring_print(void (*say)(const char *text)); /* oldest first */

#endif
