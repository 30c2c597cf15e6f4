/*
 * logger: the BROKER_LOGGER resource (KIP-412). Java's node has a logger for each class; this one has `root`, whose level is that of the
 * lines the node says (diag), and, with an authorizer, its logger: INFO says what is denied, DEBUG all, what is above INFO nothing. Changes last
 * until the node stops, as Kafka's do.
 */
#ifndef ODRADEK_BROKER_LOGGER_H
#define ODRADEK_BROKER_LOGGER_H

#include <stdbool.h>

#include "base/diag.h"
#include "base/str.h"

struct alteration;
struct node;
struct request;

/* The i-th; null behind the last. */
struct str logger_name(const struct node *n, int i);
/* In Kafka's words: ERROR, WARN, INFO, DEBUG. */
struct str logger_level(const struct node *n, struct str name);
/* Judges a whole resource and, unless it is only to be validated, does what it asks for. The answer is in `a`. */
void logger_alter(struct request *r, struct alteration *a, bool validate_only);

#endif
