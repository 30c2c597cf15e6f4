/*
 * credentials: a user's SCRAM credentials, as set and deleted by `odradek configs --alter`
 * (KIP-554). The password stays here: it is sent salted and hashed.
 */
#ifndef ODRADEK_CLI_CREDENTIALS_H
#define ODRADEK_CLI_CREDENTIALS_H

#include "cli/quotas.h"

bool credential_is_known(struct str name); /* "SCRAM-SHA-256" */
/* All changes must be of credentials. Mistakes are reported before anything is sent, and end the tool. */
void credentials_check(struct tool *t, const char *user, const struct config_changes *c);
void credentials_alter(struct tool *t, const char *user, const struct config_changes *c);

#endif
