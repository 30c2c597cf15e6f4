/*
 * start: `odradek start`: runs one node until it is told to stop, in the foreground or, with
 * -daemon, in the background.
 *
 * The main thread only waits for signals: the first asks the node for a clean stop, the second ends
 * the process at once (what was acknowledged is in the logs, and the next start recovers).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atrest/keys.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/node.h"
#include "broker/sasl.h"
#include "cli/command.h"
#include "cli/java_options.h"
#include "cli/release.h"
#include "cli/settings.h"
#include "config/config.h"
#include "env/env.h"
#include "env/real/real.h"
#include "kerberos/kerberos.h"
#include "security/secret.h"

/* A supervisor that signals the process and then its group means a single signal. */
#define SAME_SIGNAL_MS 100
#define JAVA_OPTIONS_MAX (4 << 20)
#define SIGNALLED 128 /* plus the number of the signal: how shells report such an end */

struct arguments {
	const char *file;
	const char **overrides; /* room for all arguments, and a NULL */
	int n_overrides;
	const char *log_level;
	const char *log_format;
	bool daemon;
};

struct run {
	struct node *node;
	int stopped; /* atomic */
};

extern const struct command command_start;

/* ---- arguments ---- */

/*
 * The value of argv[*i] if it is the option `name`, in the form "name=value" or "name value"; NULL
 * if it is another option or has no value.
 */
static const char *option(const char *name, int argc, char **argv, int *i)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0)
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	return argv[*i][len] == 0 && *i + 1 < argc ? argv[++*i] : NULL;
}

static int read_arguments(int argc, char **argv, struct arguments *a)
{
	a->daemon = argc > 1 && strcmp(argv[1], "-daemon") == 0;
	for (int i = a->daemon ? 2 : 1; i < argc; i++) {
		const char *value;

		if ((value = option("--override", argc, argv, &i)))
			a->overrides[a->n_overrides++] = value;
		else if ((value = option("--log-level", argc, argv, &i)))
			a->log_level = value;
		else if ((value = option("--log-format", argc, argv, &i)))
			a->log_format = value;
		else if (argv[i][0] == '-' || a->file)
			return command_misused(&command_start, "unexpected argument: %s", argv[i]);
		else
			a->file = argv[i];
	}
	return EXIT_FINE;
}

static int init_diag(struct diag *diag, const struct arguments *a)
{
	*diag = (struct diag){.level = DIAG_INFO, .wall_ms = real_wall_ms, .write = real_stderr_line};
	if (a->log_level && !diag_level_parse(a->log_level, &diag->level))
		return command_misused(&command_start, "--log-level is error, warn, info or debug, not %s",
				       a->log_level);
	if (a->log_format && strcmp(a->log_format, "json") != 0 && strcmp(a->log_format, "text") != 0)
		return command_misused(&command_start, "--log-format is text or json, not %s", a->log_format);
	diag->json = a->log_format && strcmp(a->log_format, "json") == 0;
	return EXIT_FINE;
}

/* ---- the run ---- */

static void node_event(void *arg, enum node_event event, const char *text)
{
	struct run *run = arg;

	(void)text;
	if (event != NODE_EVENT_STOPPED)
		return;
	__atomic_store_n(&run->stopped, 1, __ATOMIC_RELEASE);
	real_signal_wake();
}

static void wait_for_end(struct env *env, struct run *run)
{
	bool asked = false;
	int64_t asked_ms = 0;

	while (!__atomic_load_n(&run->stopped, __ATOMIC_ACQUIRE)) {
		int number = real_signal_next();

		if (number == 0 || (asked && env_mono_ms(env) - asked_ms < SAME_SIGNAL_MS))
			continue;
		if (asked) {
			diag_warn(env->diag, "ends at once; the next start recovers", "signal=%d", number);
			_Exit(SIGNALLED + number);
		}
		diag_info(env->diag, "stop asked for; again to end at once", "signal=%d", number);
		node_stop(run->node);
		asked = true;
		asked_ms = env_mono_ms(env);
	}
}

/* Call it before the first thread is started and the first file is opened. */
static bool confine(struct env *env, const struct config *config)
{
	struct str user = config_string(config, CONFIG_ODRADEK_USER);
	char *name = user.len > 0 ? xasprintf("%.*s", STR_ARG(user)) : NULL;
	const char *what;
	int err = real_confine(&(struct real_confinement){.user = name,
							  .core_files = config_bool(config, CONFIG_ODRADEK_CORE_FILES),
							  .filter = config_bool(config, CONFIG_ODRADEK_SANDBOX)},
			       &what);

	xfree(name);
	if (err == 0)
		return true;
	if (strcmp(what, "filter") == 0) {
		diag_warn(env->diag, "system calls are not filtered: odradek.sandbox has no effect here", "reason=%s",
			  err_name(err));
		return true;
	}
	diag_error(env->diag, "odradek.user cannot be followed", "user=%.*s reason=%s hint=\"%s\"", STR_ARG(user),
		   err_name(err), err == -ENOENT ? "there is no such user" : "only root can become another user");
	return false;
}

/* ---- keys of logs ---- */

/* Memory for the keys if there are to be any; otherwise NULL. */
static struct atrest_keys *log_keys_memory(struct env *env, const struct config *config)
{
	struct atrest_keys *keys;
	bool locked = false;

	if (config_string(config, CONFIG_ODRADEK_LOG_ENCRYPTION_KEY_FILE).len <= 0 &&
	    config_string(config, CONFIG_ODRADEK_LOG_ENCRYPTION_KEY_COMMAND).len <= 0)
		return NULL;
	keys = real_secret_new(sizeof(*keys), &locked);
	check(keys);
	if (!locked)
		diag_warn(env->diag, "the keys of logs may be swapped out: the system locks no more memory for us",
			  "hint=\"raise the limit of locked memory (LimitMEMLOCK)\"");
	return keys;
}

/* Call it before confine, after which no programs can be started. */
static bool run_key_command(struct env *env, const struct config *config, struct atrest_keys *keys)
{
	struct str setting = config_string(config, CONFIG_ODRADEK_LOG_ENCRYPTION_KEY_COMMAND);
	struct buf why = {0};
	char *command, *text;
	size_t len = 0;
	int status, err, added;
	bool locked;

	if (setting.len <= 0)
		return true;
	command = str_dup(setting);
	text = real_secret_new(ATREST_KEY_LIST_MAX, &locked);
	err = text ? real_command_read(command, text, ATREST_KEY_LIST_MAX, &len, &status) : -ENOMEM;
	if (err == -EPROTO)
		buf_printf(&why, "it ended with status %d", status);
	else if (err)
		buf_printf(&why, "%s", err_name(err));
	else
		err = atrest_keys_read(keys, (struct str){text, (int32_t)len}, &added, &why);
	if (err)
		diag_error(env->diag, "no key to encrypt logs with",
			   "setting=odradek.log.encryption.key.command reason=\"%.*s\"", STR_ARG(buf_str(&why)));
	real_secret_free(text, ATREST_KEY_LIST_MAX);
	xfree(command);
	buf_fini(&why);
	return err == 0;
}

/* A system library is loaded while the whole system is still accessible. */
static bool load_libraries(struct env *env, const struct config *config)
{
	struct buf why = {0};
	bool ok = !sasl_wants_kerberos(config) || kerberos_load(&why);

	if (!ok)
		diag_error(env->diag, "a library is missing", "reason=\"%.*s\"", STR_ARG(buf_str(&why)));
	buf_fini(&why);
	return ok;
}

static int run_node(struct env *env, const struct config *config, struct atrest_keys *keys,
		    const struct jvm_options *jvm)
{
	struct run run = {0};
	enum node_end end;

	if (!load_libraries(env, config) || !confine(env, config))
		return EXIT_CONFIG;
	real_signals_hold();
	run.node = node_start(&(struct node_options){.env = env,
						     .config = config,
						     .release = release_name(),
						     .log_keys = keys,
						     .jvm = *jvm,
						     .event = node_event,
						     .arg = &run},
			      &end);
	if (!run.node)
		return (int)end;
	node_run(run.node);
	wait_for_end(env, &run);
	end = node_free(run.node);
	if (end == NODE_END_CLEAN)
		diag_info(env->diag, "stopped", NULL);
	return (int)end;
}

static int run_with_keys(struct env *env, const struct config *config, const struct jvm_options *jvm)
{
	struct atrest_keys *keys = log_keys_memory(env, config);
	int code = run_key_command(env, config, keys) ? run_node(env, config, keys, jvm) : EXIT_CONFIG;

	real_secret_free(keys, sizeof(*keys));
	return code;
}

static int run_with_java_options(struct env *env, const struct config *config)
{
	struct jvm_options jvm;
	struct arena a;
	int code;

	arena_init(&a, JAVA_OPTIONS_MAX);
	jvm = java_options_read(env, &a);
	code = run_with_keys(env, config, &jvm);
	if (!str_is_null(jvm.jaas_file))
		secret_wipe((char *)(uintptr_t)jvm.jaas_file.p, (size_t)jvm.jaas_file.len);
	arena_fini(&a);
	return code;
}

static int run_with(const struct arguments *a)
{
	struct diag diag;
	struct env *env;
	struct config *config;
	int code = init_diag(&diag, a);

	if (code != EXIT_FINE)
		return code;
	env = env_real_new(&diag);
	diag_info(&diag, "odradek", "release=%s kafka=%s", release_name(), KAFKA_LEVEL);
	config = settings_load(env, a->file, a->overrides);
	code = config ? run_with_java_options(env, config) : EXIT_CONFIG;
	if (config)
		config_free(config);
	env_real_free(env);
	return code;
}

/*
 * As Kafka's script with -daemon: output goes to kafkaServer.out in LOG_DIR, which is by default the
 * directory `logs` beside the program's.
 */
static int go_to_background(void)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	const char *given = getenv("LOG_DIR");
	char *program = real_program_directory();
	char *dir = given && *given ? xasprintf("%s", given) : xasprintf("%s/../logs", program);
	char *file = xasprintf("%s/kafkaServer.out", dir);
	struct env *env = env_real_new(&diag);
	int err = env_mkdir_all(env, dir);

	env_real_free(env);
	err = err ? err : real_detach(file);
	if (err)
		fprintf(stderr, "odradek start: %s: %s; LOG_DIR names another directory\n", file, err_name(err));
	xfree(program);
	xfree(file);
	xfree(dir);
	return err ? EXIT_STORAGE : EXIT_FINE;
}

static bool asks_for_version(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--version") == 0)
			return true;
	return false;
}

static int run(int argc, char **argv)
{
	struct arguments a = {.overrides = xcalloc((size_t)argc + 1, sizeof(char *))};
	bool version = asks_for_version(argc, argv);
	int code = version ? EXIT_FINE : read_arguments(argc, argv, &a);

	if (version)
		release_print_of_tool();
	else if (code == EXIT_FINE && a.daemon)
		code = go_to_background();
	if (!version && code == EXIT_FINE)
		code = run_with(&a);
	xfree(a.overrides);
	return code;
}

const struct command command_start = {
	.name = "start",
	.summary = "run a node, in the foreground or with -daemon",
	.usage =
		"usage: odradek start [-daemon] [server.properties] [--override NAME=VALUE]... [--log-level LEVEL]\n"
		"                     [--log-format text|json]\n"
		"\n"
		"Without a file (which kafka-server-start needs) the node runs with a built-in configuration (odradek config\n"
		"--builtin prints it), its data in $XDG_STATE_HOME/odradek or ~/.local/state/odradek, under systemd in\n"
		"/var/lib/odradek. An empty directory is formatted.\n"
		"\n"
		"  -daemon       as the first word: in the background, with its output in $LOG_DIR/kafkaServer.out (LOG_DIR is by\n"
		"                default ../logs beside the program)\n"
		"  --override    set NAME to VALUE, over the file and the environment; may be repeated\n"
		"  --log-level   error, warn, info (the default) or debug\n"
		"  --log-format  text (the default) or json, one object a line\n"
		"  --version     print the version and exit\n"
		"\n"
		"Environment variables KAFKA_* override the file. SIGINT and SIGTERM stop the node cleanly, a second one at once.\n"
		"Exit status: 0 stopped cleanly; 1 wrong configuration, or no controller in time; 2 storage; 3 a port is taken.\n",
	.script_usage = "USAGE: kafka-server-start [-daemon] server.properties [--override property=value]*\n",
	.run = run,
};
