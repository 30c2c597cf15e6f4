/*
 * settings: how a subcommand gets a node's configuration: a file or the built-in one, the environment, --override.
 */
#ifndef ODRADEK_CLI_SETTINGS_H
#define ODRADEK_CLI_SETTINGS_H

#include "base/arena.h"
#include "base/diag.h"

struct config;
struct config_notes;
struct env;

/*
 * 0 and *out; ERR_INVALID_CONFIG; or a negated errno when the file cannot be read. The notes are there, for the caller to tell and
 * finish, unless it is an errno.
 */
int settings_read(struct env *env, const char *file, const char *const *overrides, struct config **out,
		  struct config_notes *notes);

/*
 * NULL after telling diag what is wrong. file NULL: the built-in configuration, its data in the user's state directory. What only needs
 * to be known is told as warnings.
 */
struct config *settings_load(struct env *env, const char *file, const char *const *overrides);

#endif
