/*
 * reset: `odradek reset`: empties a node's directories, after confirmation. A directory in use by a
 * process is not touched.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/settings.h"
#include "config/config.h"
#include "env/env.h"
#include "env/real/real.h"

struct removal {
	struct env *env;
	const char *path;
	int depth;
};

#define DEPTH_MAX 8

extern const struct command command_reset;

static int remove_all(struct env *env, const char *path, int depth);

static int remove_one(void *arg, const char *name, bool is_dir)
{
	struct removal *r = arg;
	char *path = xasprintf("%s/%s", r->path, name);
	int err = is_dir ? remove_all(r->env, path, r->depth + 1) : env_unlink(r->env, path);

	if (!err && is_dir)
		err = env_rmdir(r->env, path);
	if (err)
		fprintf(stderr, "odradek reset: %s: %s\n", path, err_name(err));
	xfree(path);
	return err;
}

/* Removes the contents of the directory, but not the directory. */
static int remove_all(struct env *env, const char *path, int depth)
{
	struct removal r = {.env = env, .path = path, .depth = depth};

	return depth > DEPTH_MAX ? -ELOOP : env_list(env, path, remove_one, &r);
}

static int count(void *arg, const char *name, bool is_dir)
{
	int *n = arg;

	(void)is_dir;
	*n += strcmp(name, ".lock") != 0;
	return 0;
}

static int reset_dir(struct env *env, const char *path)
{
	char *lock_path = xasprintf("%s/.lock", path);
	struct file *lock = NULL;
	int err = env_lock(env, lock_path, &lock);

	xfree(lock_path);
	if (err) {
		fprintf(stderr, "odradek reset: %s: %s\n", path,
			err == -EAGAIN ? "a process uses it; stop that first" : err_name(err));
		return EXIT_STORAGE;
	}
	err = remove_all(env, path, 0);
	file_unref(&lock);
	if (!err)
		printf("%s is empty\n", path);
	return err ? EXIT_STORAGE : EXIT_FINE;
}

static bool says_yes(const char *path, int n)
{
	char answer[16] = "";

	printf("%s holds a node's data (%d entries). Remove all of it? Type yes: ", path, n);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0;
}

static int reset_path(struct env *env, struct str dir, bool yes)
{
	char *path = str_dup(dir);
	int n = 0, code = EXIT_FINE;
	int err = env_list(env, path, count, &n);

	if (err == -ENOENT || (err == 0 && n == 0)) {
		printf("%s is empty\n", path);
	} else if (err) {
		fprintf(stderr, "odradek reset: %s: %s\n", path, err_name(err));
		code = EXIT_STORAGE;
	} else if (yes || says_yes(path, n)) {
		code = reset_dir(env, path);
	} else {
		printf("%s is left as it is\n", path);
		code = EXIT_CONFIG;
	}
	xfree(path);
	return code;
}

static int reset_all(struct env *env, const struct config *c, bool yes)
{
	int n, code = EXIT_FINE;
	const struct str *dirs = config_log_dirs(c, &n);
	struct str metadata = config_metadata_log_dir(c);
	bool has_metadata = false;

	for (int i = 0; i < n && code == EXIT_FINE; i++) {
		has_metadata |= str_eq(dirs[i], metadata);
		code = reset_path(env, dirs[i], yes);
	}
	if (code == EXIT_FINE && !has_metadata)
		code = reset_path(env, metadata, yes);
	return code;
}

static int run(int argc, char **argv)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	const char *file = NULL;
	struct config *config;
	struct env *env;
	bool yes = false;
	int code;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--yes") == 0)
			yes = true;
		else if (argv[i][0] == '-' || file)
			return command_misused(&command_reset, "unexpected argument: %s", argv[i]);
		else
			file = argv[i];
	}
	env = env_real_new(&diag);
	config = settings_load(env, file, NULL);
	code = config ? reset_all(env, config, yes) : EXIT_CONFIG;
	if (config)
		config_free(config);
	env_real_free(env);
	return code;
}

const struct command command_reset = {
	.name = "reset",
	.summary = "empty the data directories of a node, after asking",
	.usage =
		"usage: odradek reset [server.properties] [--yes]\n"
		"\n"
		"Removes everything in log.dirs and metadata.log.dir of the file, or of the built-in configuration, after asking.\n"
		"A directory that a process uses is left alone.\n"
		"\n"
		"  --yes         do not ask\n",
	.run = run,
};
