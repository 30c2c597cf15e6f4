/*
 * java_order: the iteration order of a java.util.HashMap or HashSet, which Kafka's scripts
 * sometimes print.
 */
#ifndef ODRADEK_CLI_JAVA_ORDER_H
#define ODRADEK_CLI_JAVA_ORDER_H

#include "cli/ids.h"
#include "cli/tool.h"

/* For n distinct keys, inserted in this order: order[i] is the index of the i-th key in iteration order. */
void java_order_of_strings(struct tool *t, const struct str *keys, int n, int *order);
void java_order_of_hashes(struct tool *t, const int32_t *hashes, int n, int *order);
/* Sorts ids into that order. */
void java_order_ids(struct tool *t, struct id_list l);

#endif
