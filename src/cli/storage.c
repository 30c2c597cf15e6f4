/*
 * storage: `odradek storage`, with the subcommands of Kafka's kafka-storage: format, info, random-uuid,
 * version-mapping.
 */
#include "cli/storage.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/settings.h"
#include "config/config.h"
#include "controller/controller.h"
#include "env/env.h"
#include "env/real/real.h"
#include "log/dir.h"
#include "metadata/version.h"

extern const struct command command_storage;

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

static void problem(int *n, const char *path, const char *what)
{
	if ((*n)++ == 0)
		printf("Found problems:\n");
	printf("  %s%s\n", path, what);
}

static void print_directories(const struct str *dirs, int n)
{
	printf(n == 1 ? "Found log directory:\n" : "Found log directories:\n");
	for (int i = 0; i < n; i++)
		printf("  %.*s\n", STR_ARG(dirs[i]));
	printf("\n");
}

static void print_metadata(const struct meta_properties *m)
{
	char id[UUID_TEXT_LEN + 1];

	printf("Found metadata: {cluster.id=%s, ", m->cluster_id);
	if (!uuid_is_zero(m->directory_id))
		printf("directory.id=%s, ", uuid_text(m->directory_id, id));
	printf("node.id=%d, version=%d}\n\n", m->node_id, m->version);
}

static int info_of(struct env *env, const struct config *c)
{
	struct meta_properties first = {.version = -1};
	struct meta_properties m;
	int problems = 0;
	int n;
	const struct str *dirs = config_log_dirs(c, &n);

	print_directories(dirs, n);
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < n; i++) {
			char *path = str_dup(dirs[i]);
			char *why = NULL;
			int err = meta_properties_read(env, path, &m, &why);

			if (pass == 0 && err == 0 && first.version < 0)
				first = m;
			else if (pass == 1 && err == -ENOENT)
				problem(&problems, path, " is not formatted.");
			else if (pass == 1 && err != 0)
				problem(&problems, path, why ? why : " cannot be read");
			else if (pass == 1 && strcmp(m.cluster_id, first.cluster_id) != 0)
				problem(&problems, "", "Mismatched cluster IDs between storage directories.");
			else if (pass == 1 && m.node_id != first.node_id)
				problem(&problems, "", "Mismatched node IDs between storage directories.");
			xfree(why);
			xfree(path);
		}
		if (pass == 0 && first.version >= 0)
			print_metadata(&first);
	}
	if (problems > 0)
		printf("\n");
	return problems > 0 ? EXIT_CONFIG : EXIT_FINE;
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

static int version_mapping(int argc, char **argv)
{
	struct storage_arguments a;
	int level = METADATA_VERSION_MAX;
	int code = storage_arguments_parse(&command_storage, argc, argv, &a);

	if (code != 0)
		return code;
	if (a.release_version)
		level = metadata_version_parse(str_of(a.release_version));
	if (level < 0)
		return command_misused(&command_storage, "unknown release version: %s", a.release_version);
	printf("metadata.version=%d (%s)\n", level, metadata_version_name(level));
	for (const struct controller_feature *f = CONTROLLER_FEATURES; f->name; f++) {
		if (strcmp(f->name, "metadata.version") != 0)
			printf("%s=%d\n", f->name, controller_feature_default(f, level));
	}
	return EXIT_FINE;
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
	{"version-mapping", version_mapping},
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
	.summary = "the subcommands of kafka-storage: format, info, random-uuid, version-mapping",
	.usage =
		"usage: odradek storage format [OPTION]... [FILE]     see odradek format --help\n"
		"       odradek storage info [-c FILE]                what the log directories hold; exit 1 when something is wrong\n"
		"       odradek storage random-uuid                   an id for a cluster\n"
		"       odradek storage version-mapping [-r RELEASE]  the default feature levels of a release\n",
	.run = run,
};
