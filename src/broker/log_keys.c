/*
 * log_keys: reads the key file, and looks whether it has changed.
 */
#include "broker/log_keys.h"

#include <string.h>

#include "atrest/keys.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/node_private.h"
#include "config/config.h"
#include "log/dir.h"

static const char *key_file(const struct node *n)
{
	struct str path = config_string(n->config, CONFIG_ODRADEK_LOG_ENCRYPTION_KEY_FILE);

	return path.len > 0 ? path.p : NULL;
}

bool log_keys_may_change(const struct node *n)
{
	return n->log_keys && key_file(n);
}

static int read_file(struct node *n, int *added, struct buf *why)
{
	char *path = str_dup(config_string(n->config, CONFIG_ODRADEK_LOG_ENCRYPTION_KEY_FILE));
	struct file_stat stat = {0};
	char *text;
	size_t len;
	int err = env_stat(n->env, path, &stat);

	n->log_keys_seen = (struct file_stat){.mtime_ms = -1}; /* if it cannot be read, it is tried again */
	if (!err)
		err = env_read_file(n->env, path, ATREST_KEY_LIST_MAX, &text, &len);
	xfree(path);
	if (err) {
		buf_printf(why, "%s", err_name(err));
		return err;
	}
	err = atrest_keys_read(n->log_keys, (struct str){text, (int32_t)len}, added, why);
	explicit_bzero(text, len);
	xfree(text);
	return err;
}

/* The setting must name the directory as log.dirs does, which is the path it was opened by. */
static bool is_encrypted(const struct node *n, const struct log_dir *dir)
{
	int n_dirs;
	const struct str *v = config_list(n->config, CONFIG_ODRADEK_LOG_ENCRYPTION_DIRS, &n_dirs);

	for (int i = 0; i < n_dirs; i++)
		if (str_is(v[i], log_dir_path(dir)))
			return true;
	return false;
}

static void set_dirs(struct node *n)
{
	for (int i = 0; i < n->n_dirs; i++) {
		log_dir_set_keys(n->dirs[i], n->log_keys);
		if (n->log_keys && is_encrypted(n, n->dirs[i]))
			log_dir_seal_all(n->dirs[i]);
	}
}

static void tell(struct node *n)
{
	struct str dirs = config_text(n->config, CONFIG_ODRADEK_LOG_ENCRYPTION_DIRS);
	const struct atrest_key *key = atrest_keys_current(n->log_keys);
	char id[ATREST_KEY_TEXT];

	diag_info(n->env->diag, "logs are encrypted: Apache Kafka cannot read them",
		  "topics=\"%s\" dirs=\"%.*s\" key=%s keys=%d",
		  config_bool(n->config, CONFIG_ODRADEK_LOG_ENCRYPTION_ENABLE) ? "all that do not say otherwise"
									       : "those that say so",
		  STR_ARG(dirs), atrest_key_text(key->id, id), n->log_keys->n);
}

enum node_end log_keys_start(struct node *n)
{
	struct buf why = {0};
	int added;

	n->log_keys = n->options.log_keys;
	if (key_file(n)) {
		if (!n->log_keys)
			n->log_keys = n->own_log_keys = xcalloc(1, sizeof(*n->log_keys));
		if (read_file(n, &added, &why)) {
			diag_error(n->env->diag, "no key to encrypt logs with",
				   "odradek.log.encryption.key.file=%s reason=\"%.*s\"", key_file(n),
				   STR_ARG(buf_str(&why)));
			buf_fini(&why);
			return NODE_END_CONFIG;
		}
	}
	set_dirs(n);
	if (n->log_keys)
		tell(n);
	return NODE_END_CLEAN;
}

void log_keys_free(struct node *n)
{
	if (n->own_log_keys)
		atrest_keys_wipe(n->own_log_keys);
	xfree(n->own_log_keys);
}

void log_keys_look(struct node *n)
{
	char *path = str_dup(config_string(n->config, CONFIG_ODRADEK_LOG_ENCRYPTION_KEY_FILE));
	const struct atrest_key *before = atrest_keys_current(n->log_keys);
	char id[ATREST_KEY_TEXT];
	struct file_stat stat = {0};
	struct buf why = {0};
	int added;

	error_ignored(env_stat(n->env, path, &stat)); /* reading it tells */
	xfree(path);
	if (stat.mtime_ms == n->log_keys_seen.mtime_ms && stat.size == n->log_keys_seen.size)
		return;
	if (read_file(n, &added, &why))
		diag_warn(n->env->diag, "keys of logs are not taken, the ones from before hold", "reason=\"%.*s\"",
			  STR_ARG(buf_str(&why)));
	else if (added > 0 || atrest_keys_current(n->log_keys) != before)
		diag_info(n->env->diag, "keys of logs have changed", "key=%s new=%d",
			  atrest_key_text(atrest_keys_current(n->log_keys)->id, id), added);
	buf_fini(&why);
}
