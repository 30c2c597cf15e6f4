/*
 * diag_ring: the last lines of all nodes of the process, for the last words of a failed check.
 *
 * The one thing in this tree that is process-wide and changes: a check that fails knows no node. Nothing ever reads it but a
 * process that is ending, so that no behaviour can depend on it.
 */
#ifndef ODRADEK_BASE_DIAG_RING_H
#define ODRADEK_BASE_DIAG_RING_H

void diag_ring_put(const char *line, int len);
void diag_ring_print(void (*say)(const char *text)); /* oldest first */

#endif
