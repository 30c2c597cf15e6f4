/*
 * java_order: the order in which a java.util.HashMap, or HashSet, gives out what was put into it: what Kafka's scripts print sometimes.
 */
#ifndef ODRADEK_CLI_JAVA_ORDER_H
#define ODRADEK_CLI_JAVA_ORDER_H

#include "cli/ids.h"
#include "cli/tool.h"

/* Of n keys, put in this order, none twice: order[i] is the index of the i-th that comes out. */
void java_order_of_strings(struct tool *t, const struct str *keys, int n, int *order);
void java_order_of_hashes(struct tool *t, const int32_t *hashes, int n, int *order);
/* Of ids: puts them into that order. */
void java_order_ids(struct tool *t, struct id_list l);

#endif
