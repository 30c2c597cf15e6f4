/*
 * logger: the BROKER_LOGGER resource (KIP-412). Java's node has a logger for each class; this one has `root`, whose level is that of the
 * lines the node says (diag). Changes last until the node stops, as Kafka's do.
 */
#ifndef ODRADEK_BROKER_LOGGER_H
#define ODRADEK_BROKER_LOGGER_H

#include <stdbool.h>

#include "base/diag.h"
#include "base/str.h"

struct alteration;
struct request;

#define LOGGER_ROOT "root"

/* In Kafka's words: ERROR, WARN, INFO, DEBUG. */
struct str logger_level(const struct diag *d);
/* Judges a whole resource and, unless it is only to be validated, does what it asks for. The answer is in `a`. */
void logger_alter(struct request *r, struct alteration *a, bool validate_only);

#endif
