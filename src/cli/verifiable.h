/*
 * verifiable: what `odradek verifiable-producer` and `odradek verifiable-consumer` share: events on
 * stdout, one line of JSON each, as system tests read them.
 */
#ifndef ODRADEK_CLI_VERIFIABLE_H
#define ODRADEK_CLI_VERIFIABLE_H

#include "cli/tool.h"

/* Prints {"timestamp":MS,"name":NAME,...}; takes `fields`, which may be NULL. */
void verifiable_event(struct tool *t, const char *name, json_t *fields);
/* As Java decodes it: invalid UTF-8 becomes U+FFFD. Null stays null. */
json_t *verifiable_text(struct bytes b);
/*
 * Reads the file of an option's old name (--producer.config), which must not be combined with
 * --command-config.
 */
void verifiable_old_config(struct tool *t, const char *old);

#endif
