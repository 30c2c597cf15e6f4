/*
 * config: `odradek config`: shows the built-in configuration, checks a file, and shows the value of
 * each setting and where it comes from.
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/manual.h"
#include "cli/settings.h"
#include "config/config.h"
#include "env/env.h"
#include "env/real/real.h"

extern char **environ;

enum { OVERRIDES_MAX = 1024 };

struct arguments {
	const char *mode; /* "--builtin", ... */
	const char *file;
	const char *overrides[OVERRIDES_MAX + 1];
	int n_overrides;
};

static const char usage[] =
	"usage: odradek config --builtin\n"
	"       odradek config --check FILE [--override NAME=VALUE]...\n"
	"       odradek config --effective [FILE] [--override NAME=VALUE]...\n"
	"       odradek config --list\n"
	"\n"
	"  --builtin     print the configuration of a node that is given no file\n"
	"  --check       read FILE as a start would and say what is wrong, what is refused and what has no effect;\n"
	"                the exit status is 1 when the node would not start\n"
	"  --effective   print every setting's value and where it comes from: the file and its line, the variable,\n"
	"                --override, or the default; without FILE, of the built-in configuration\n"
	"  --list        print every setting there is: scope, name, type, default, what is legal, who may change it,\n"
	"                what this release does with it; separated by tabs\n"
	"\n"
	"Variables KAFKA_* are laid over the file, and --override over both, as `odradek start` does. odradek.conf(5)\n"
	"describes every setting.\n";

static int usage_error(const char *what, const char *arg)
{
	fprintf(stderr, "odradek config: %s%s\n%s", what, arg, usage);
	return EXIT_CONFIG;
}

/* ---- loading ---- */

static void print_note(FILE *to, const struct config_note *note)
{
	static const char *const levels[] = {
		[CONFIG_NOTE_WARN] = "warn", [CONFIG_NOTE_REFUSED] = "refused", [CONFIG_NOTE_ERROR] = "error"};

	fprintf(to, "%s: ", levels[note->level]);
	if (!str_is_null(note->place))
		fprintf(to, "%.*s: ", STR_ARG(note->place));
	fprintf(to, "%.*s\n", STR_ARG(note->text));
}

static int load(const struct arguments *args, FILE *notes_to, struct config **out)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	struct env *env = env_real_new(&diag);
	struct config_notes notes = {.n = 0};
	int err = settings_read(env, args->file, args->overrides, out, &notes);

	if (err < 0)
		fprintf(stderr, "odradek config: %s: %s\n", args->file, strerror(-err));
	for (int i = 0; i < notes.n; i++)
		print_note(notes_to, &notes.v[i]);
	if (err >= 0)
		config_notes_fini(&notes);
	env_real_free(env);
	return err;
}

/* ---- the modes ---- */

static int run_builtin(const struct arguments *args)
{
	struct arena arena;
	struct str text;

	arena_init(&arena, 64 << 10);
	text = config_builtin_text(&arena, config_data_dir((const char *const *)environ, &arena));
	printf("%.*s", STR_ARG(text));
	arena_fini(&arena);
	return args->file ? usage_error("--builtin takes no file: ", args->file) : EXIT_FINE;
}

static int run_check(const struct arguments *args)
{
	struct config *c;

	if (args->file == NULL)
		return usage_error("--check needs a file", "");
	if (load(args, stdout, &c) != 0)
		return EXIT_CONFIG;
	config_free(c);
	printf("%s: a node starts with this\n", args->file);
	return EXIT_FINE;
}

static void print_effective(const struct config *c, const struct config_setting *s)
{
	struct str text = config_text(c, s->id), place = config_place(c, s->id);
	bool given = config_origin(c, s->id) != CONFIG_FROM_DEFAULT;

	if (s->internal && !given)
		return;
	if (s->type == CONFIG_TYPE_PASSWORD && !str_is_null(text))
		text = STR("[hidden]");
	if (str_is_null(text))
		printf("# %s has no value\t# %.*s\n", s->name, STR_ARG(place));
	else
		printf("%s=%.*s\t# %.*s\n", s->name, STR_ARG(text), STR_ARG(place));
}

static int run_effective(const struct arguments *args)
{
	struct config *c;
	int n;
	const struct config_setting *s = config_settings(CONFIG_SCOPE_NODE, &n);

	if (load(args, stderr, &c) != 0)
		return EXIT_CONFIG;
	for (int i = 0; i < n; i++)
		print_effective(c, &s[i]);
	config_free(c);
	return EXIT_FINE;
}

static int run_list(const struct arguments *args)
{
	(void)args;
	manual_list(stdout);
	return EXIT_FINE;
}

/* Not in the usage: the build makes the manual page with this. */
static int run_manual(const struct arguments *args)
{
	(void)args;
	manual_page(stdout);
	return EXIT_FINE;
}

static const struct {
	const char *name;
	int (*run)(const struct arguments *);
} modes[] = {
	{"--builtin", run_builtin}, {"--check", run_check},   {"--effective", run_effective},
	{"--list", run_list},	    {"--manual", run_manual},
};

/* ---- arguments ---- */

static bool is_mode(const char *arg)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(arg, modes[i].name) == 0)
			return true;
	return false;
}

/* Returns 0, or the exit status for a mistake. */
static int read_arguments(int argc, char **argv, struct arguments *args)
{
	for (int i = 1; i < argc; i++) {
		if (is_mode(argv[i])) {
			if (args->mode != NULL)
				return usage_error("one of them at a time: ", argv[i]);
			args->mode = argv[i];
		} else if (strcmp(argv[i], "--override") == 0) {
			if (i + 1 == argc || args->n_overrides == OVERRIDES_MAX)
				return usage_error("--override needs NAME=VALUE", "");
			args->overrides[args->n_overrides++] = argv[++i];
		} else if (argv[i][0] == '-' || args->file != NULL) {
			return usage_error("unexpected argument: ", argv[i]);
		} else {
			args->file = argv[i];
		}
	}
	return args->mode == NULL ? usage_error("what to do?", "") : 0;
}

static int run(int argc, char **argv)
{
	struct arguments args = {0};
	int status = read_arguments(argc, argv, &args);

	if (status != 0)
		return status;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(args.mode, modes[i].name) == 0)
			status = modes[i].run(&args);
	return fflush(stdout) == 0 ? status : EXIT_STORAGE;
}

const struct command command_config = {
	.name = "config",
	.summary = "check a configuration file, or print every setting with its value and source",
	.usage = usage,
	.run = run,
};
