/*
 * verifiable: what `odradek verifiable-producer` and `odradek verifiable-consumer` share: events, a line of JSON each on stdout, as tests
 * of systems read them.
 */
#ifndef ODRADEK_CLI_VERIFIABLE_H
#define ODRADEK_CLI_VERIFIABLE_H

#include "cli/tool.h"

/* {"timestamp":MS,"name":NAME,...}: the fields, which are taken, may be NULL. */
void verifiable_event(struct tool *t, const char *name, json_t *fields);
/* As Java decodes it: what is no UTF-8 becomes U+FFFD. Null stays null. */
json_t *verifiable_text(struct bytes b);
/* The file of an option's old name (--producer.config), which may not stand beside --command-config. */
void verifiable_old_config(struct tool *t, const char *old);

#endif
