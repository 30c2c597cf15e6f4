/*
 * logger: the BROKER_LOGGER resource (KIP-412). A Java broker has a logger per class. This one has
 * `root`, whose level is that of the node's log lines (diag), and, with an authorizer, the
 * authorizer's logger: INFO logs denials, DEBUG all decisions, levels above INFO nothing. Changes
 * last until the node stops, as Kafka's do.
 */
#ifndef ODRADEK_BROKER_LOGGER_H
#define ODRADEK_BROKER_LOGGER_H

#include <stdbool.h>

#include "base/diag.h"
#include "base/str.h"

struct alteration;
struct node;
struct request;

/* The i-th; null past the last. */
struct str logger_name(const struct node *n, int i);
/* In Kafka's words: ERROR, WARN, INFO, DEBUG. */
struct str logger_level(const struct node *n, struct str name);
/* Checks the changes of a whole resource and, unless validate_only, carries them out. The answer is in `a`. */
void logger_alter(struct request *r, struct alteration *a, bool validate_only);

#endif
