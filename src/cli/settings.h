/*
 * settings: how a subcommand gets a node's configuration: from a file or the built-in one, the
 * environment, and --override.
 */
#ifndef ODRADEK_CLI_SETTINGS_H
#define ODRADEK_CLI_SETTINGS_H

#include "base/arena.h"
#include "base/diag.h"

struct config;
struct config_notes;
struct env;

/*
 * Returns 0 and *out; ERR_INVALID_CONFIG; or a negated errno when the file cannot be read. Unless
 * it is an errno, the caller must report and free the notes.
 */
int settings_read(struct env *env, const char *file, const char *const *overrides, struct config **out,
		  struct config_notes *notes);

/*
 * NULL after logging what is wrong. file NULL: the built-in configuration, with its data in the
 * user's state directory. Notes that are not errors are logged as warnings.
 */
struct config *settings_load(struct env *env, const char *file, const char *const *overrides);

#endif
