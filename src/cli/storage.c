/*
 * storage: `odradek storage`, with the subcommands of Kafka's kafka-storage.
 */
#include "cli/storage.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/settings.h"
#include "config/config.h"
#include "env/env.h"
#include "env/real/real.h"
#include "log/dir.h"

extern const struct command command_storage;
extern const struct command command_features;

/* ---- arguments ---- */

enum kind { TEXT, LIST, SWITCH };

struct option {
	const char *name;
	char letter;
	enum kind kind;
	size_t offset; /* offset of the field; for a list, n_offset is that of its count */
	size_t n_offset;
};

#define AT(field) offsetof(struct storage_arguments, field)

static const struct option OPTIONS[] = {
	{"config", 'c', TEXT, AT(config), 0},
	{"cluster-id", 't', TEXT, AT(cluster_id), 0},
	{"release-version", 'r', TEXT, AT(release_version), 0},
	{"initial-controllers", 'I', TEXT, AT(initial_controllers), 0},
	{"feature", 'f', LIST, AT(features), AT(n_features)},
	{"override", 'o', LIST, AT(overrides), AT(n_overrides)},
	{"ignore-formatted", 'g', SWITCH, AT(ignore_formatted), 0},
	{"standalone", 's', SWITCH, AT(standalone), 0},
	{"no-initial-controllers", 'N', SWITCH, AT(no_initial_controllers), 0},
	{"add-scram", 'S', LIST, AT(add_scram), AT(n_add_scram)},
};

static const struct option *option_find(const char *argument, const char **value)
{
	size_t len = strcspn(argument, "=");

	*value = NULL;
	for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(OPTIONS[0]); i++) {
		const struct option *o = &OPTIONS[i];

		if (argument[0] == '-' && argument[1] == o->letter && argument[2] == 0)
			return o;
		if (len < 2 || strncmp(argument, "--", 2) != 0 || strlen(o->name) != len - 2 ||
		    strncmp(argument + 2, o->name, len - 2) != 0)
			continue;
		if (argument[len] == '=')
			*value = argument + len + 1;
		return o;
	}
	return NULL;
}

static bool option_set(const struct option *o, const char *value, struct storage_arguments *out)
{
	char *base = (char *)out;
	int *n = (int *)(base + o->n_offset);

	if (o->kind == SWITCH) {
		*(bool *)(base + o->offset) = true;
	} else if (o->kind == TEXT) {
		*(const char **)(base + o->offset) = value;
	} else {
		if (*n == STORAGE_LIST_MAX)
			return false;
		((const char **)(base + o->offset))[(*n)++] = value;
	}
	return true;
}

int storage_arguments_parse(const struct command *c, int argc, char **argv, struct storage_arguments *out)
{
	*out = (struct storage_arguments){0};
	for (int i = 1; i < argc; i++) {
		const char *value;
		const struct option *o = option_find(argv[i], &value);

		if (!o && argv[i][0] != '-' && !out->config) {
			out->config = argv[i];
			continue;
		}
		if (!o)
			return command_misused(c, "unexpected argument: %s", argv[i]);
		if (o->kind != SWITCH && !value && ++i < argc)
			value = argv[i];
		if (o->kind != SWITCH && !value)
			return command_misused(c, "--%s wants a value", o->name);
		if (!option_set(o, value, out))
			return command_misused(c, "too many times --%s", o->name);
	}
	return 0;
}

/* ---- info ---- */

struct survey {
	struct env *env;
	struct meta_properties first; /* of the first directory that has any; version -1: none has yet */
	struct buf found, problems;
	int n_found, n_problems;
};

#define PROBLEM(s, format, ...) ((s)->n_problems++, buf_printf(&(s)->problems, "  " format "\n", __VA_ARGS__))

static void compare(struct survey *s, const struct meta_properties *m)
{
	if (s->first.version < 0)
		s->first = *m;
	else if (strcmp(m->cluster_id, s->first.cluster_id) != 0)
		PROBLEM(s, "%s", "Mismatched cluster IDs between storage directories.");
	else if (m->node_id != s->first.node_id)
		PROBLEM(s, "%s", "Mismatched node IDs between storage directories.");
}

static void look_at(struct survey *s, const char *path)
{
	struct meta_properties m;
	struct file_stat stat;
	char *why = NULL;
	int err = env_stat(s->env, path, &stat);

	if (err != 0 || !stat.is_dir) {
		PROBLEM(s, "%s %s", path,
			err == 0	 ? "is not a directory"
			: err == -ENOENT ? "does not exist"
					 : err_name(err));
		return;
	}
	buf_printf(&s->found, "  %s\n", path);
	s->n_found++;
	err = meta_properties_read(s->env, path, &m, &why);
	if (err == 0)
		compare(s, &m);
	else if (err == -ENOENT)
		PROBLEM(s, "%s is not formatted.", path);
	else
		PROBLEM(s, "Error loading %s/meta.properties: %s", path, why ? why : err_name(err));
	xfree(why);
}

static void print_metadata(const struct meta_properties *m)
{
	char id[UUID_TEXT_LEN + 1];

	printf("Found metadata: {cluster.id=%s, ", m->cluster_id);
	if (!uuid_is_zero(m->directory_id))
		printf("directory.id=%s, ", uuid_text(m->directory_id, id));
	printf("node.id=%d, version=%d}\n\n", m->node_id, m->version);
}

static int by_path(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Looks at all log directories, including that of the metadata log. */
static void look_at_all(struct survey *s, const struct config *c)
{
	int n;
	const struct str *dirs = config_log_dirs(c, &n);
	struct str *all = xcalloc((size_t)n + 1, sizeof(*all));

	memcpy(all, dirs, (size_t)n * sizeof(*all));
	all[n] = config_metadata_log_dir(c);
	qsort(all, (size_t)n + 1, sizeof(*all), by_path);
	for (int i = 0; i <= n; i++) {
		char *path = str_dup(all[i]);

		if (i == 0 || !str_eq(all[i], all[i - 1]))
			look_at(s, path);
		xfree(path);
	}
	xfree(all);
	if (s->first.version == 0)
		PROBLEM(s, "%s",
			"The kafka configuration file appears to be for a cluster in KRaft mode, but the directories are formatted for "
			"legacy mode.");
}

static int info_of(struct env *env, const struct config *c)
{
	struct survey s = {.env = env, .first = {.version = -1}};
	int code;

	look_at_all(&s, c);
	if (s.n_found > 0)
		printf("Found log director%s:\n%.*s\n", s.n_found == 1 ? "y" : "ies", STR_ARG(buf_str(&s.found)));
	if (s.first.version >= 0)
		print_metadata(&s.first);
	if (s.n_problems > 0)
		printf("Found problem%s:\n%.*s\n", s.n_problems == 1 ? "" : "s", STR_ARG(buf_str(&s.problems)));
	code = s.n_problems > 0 ? EXIT_CONFIG : EXIT_FINE;
	buf_fini(&s.found);
	buf_fini(&s.problems);
	return code;
}

static int info(int argc, char **argv)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	struct storage_arguments a;
	struct config *c;
	struct env *env;
	int code = storage_arguments_parse(&command_storage, argc, argv, &a);

	if (code != 0)
		return code;
	env = env_real_new(&diag);
	c = settings_load(env, a.config, a.overrides);
	code = c ? info_of(env, c) : EXIT_CONFIG;
	if (c)
		config_free(c);
	env_real_free(env);
	return code;
}

/* ---- the small ones ---- */

static int random_uuid(int argc, char **argv)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	struct env *env = env_real_new(&diag);
	char text[UUID_TEXT_LEN + 1];

	(void)argc;
	(void)argv;
	printf("%s\n", uuid_text(env_random_uuid(env), text));
	env_real_free(env);
	return EXIT_FINE;
}

/* Runs the command of kafka-features, whose options have no short forms. */
static int of_features(int argc, char **argv)
{
	static char features[] = "features", release[] = "--release-version", feature[] = "--feature";
	char **words = xcalloc((size_t)argc + 2, sizeof(*words));
	int code;

	words[0] = features;
	for (int i = 0; i < argc; i++)
		words[i + 1] = strcmp(argv[i], "-r") == 0 ? release : strcmp(argv[i], "-f") == 0 ? feature : argv[i];
	code = command_features.run(argc + 1, words);
	xfree(words);
	return code;
}

static int format(int argc, char **argv)
{
	struct storage_arguments a;
	int code = storage_arguments_parse(&command_storage, argc, argv, &a);

	return code != 0 ? code : storage_format(&a);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} SUBCOMMANDS[] = {
	{"format", format},
	{"info", info},
	{"random-uuid", random_uuid},
	{"version-mapping", of_features},
	{"feature-dependencies", of_features},
};

static int run(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(SUBCOMMANDS) / sizeof(SUBCOMMANDS[0]); i++) {
		if (strcmp(argv[1], SUBCOMMANDS[i].name) == 0)
			return SUBCOMMANDS[i].run(argc - 1, argv + 1);
	}
	return command_misused(&command_storage, argc > 1 ? "unknown subcommand: %s" : "a subcommand is wanted%s",
			       argc > 1 ? argv[1] : "");
}

const struct command command_storage = {
	.name = "storage",
	.summary = "the subcommands of kafka-storage: format, info, random-uuid, version-mapping, feature-dependencies",
	.usage =
		"usage: odradek storage format [OPTION]... [FILE]     see odradek format --help\n"
		"       odradek storage info [-c FILE]                what the log directories hold; exit 1 when something is wrong\n"
		"       odradek storage random-uuid                   an id for a cluster\n"
		"       odradek storage version-mapping [-r RELEASE]  the default feature levels of a release\n"
		"       odradek storage feature-dependencies -f NAME=LEVEL...\n"
		"                                                     what a level of a feature needs\n",
	.run = run,
};
