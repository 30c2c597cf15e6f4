/*
 * credentials: SCRAM credentials of a user, as `odradek configs --alter` sets and deletes them (KIP-554). The password stays here: what is
 * sent is salted and hashed.
 */
#ifndef ODRADEK_CLI_CREDENTIALS_H
#define ODRADEK_CLI_CREDENTIALS_H

#include "cli/quotas.h"

bool credential_is_known(struct str name); /* "SCRAM-SHA-256" */
/* All changes are of credentials. What is wrong with them is said before anything is asked, and ends the tool. */
void credentials_check(struct tool *t, const char *user, const struct config_changes *c);
void credentials_alter(struct tool *t, const char *user, const struct config_changes *c);

#endif
