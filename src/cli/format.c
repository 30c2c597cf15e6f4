/*
 * format: `odradek format`: what Kafka's `kafka-storage format` does, with its options and
 * messages.
 *
 * Without --feature a feature gets its release's default, but never a level whose promises are not
 * kept here: a cluster formatted by this program advertises nothing it does not have. With
 * --feature, any level that can be stored may be requested.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "broker/format.h"
#include "cli/settings.h"
#include "cli/format_scram.h"
#include "cli/storage.h"
#include "config/config.h"
#include "controller/controller.h"
#include "env/env.h"
#include "env/real/real.h"
#include "log/dir.h"
#include "metadata/version.h"
#include "protocol/metadata_records.h"

#define ARENA (4 << 20)
#define FEATURES_MAX 16
#define VOTERS_MAX 64

extern const struct command command_format;

struct formatting {
	const struct storage_arguments *a;
	struct env *env;
	struct config *config;
	struct arena arena;
	struct format_options options;
	struct record_list records;
	int release;		  /* level of metadata.version */
	int levels[FEATURES_MAX]; /* indexed by row of CONTROLLER_FEATURES */
	struct raft_voter voters[VOTERS_MAX];
	struct raft_voters voter_set;
	struct uuid metadata_directory;
};

static int print_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int print_wrong(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("odradek format: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	return EXIT_CONFIG;
}

/* ---- feature levels ---- */

static int row_of(const char *name, size_t len)
{
	for (int i = 0; CONTROLLER_FEATURES[i].name; i++) {
		if (strlen(CONTROLLER_FEATURES[i].name) == len && strncmp(CONTROLLER_FEATURES[i].name, name, len) == 0)
			return i;
	}
	return -1;
}

static bool is_named(int row, const char *name)
{
	return strcmp(CONTROLLER_FEATURES[row].name, name) == 0;
}

/* Parses "name=level". */
static int read_feature(struct formatting *f, const char *text)
{
	const char *equals = strchr(text, '=');
	int row = equals ? row_of(text, (size_t)(equals - text)) : -1;
	char *end;
	long level = equals ? strtol(equals + 1, &end, 10) : 0;

	if (!equals || equals[1] == 0 || *end != 0)
		return print_wrong("Can't parse feature=level string %s: expected feature=level", text);
	if (row < 0)
		return print_wrong("Unsupported feature: %.*s", (int)(equals - text), text);
	if (level < CONTROLLER_FEATURES[row].min || level > CONTROLLER_FEATURES[row].max)
		return print_wrong("No feature:%s with feature level %ld", CONTROLLER_FEATURES[row].name, level);
	f->levels[row] = (int)level;
	return 0;
}

static int read_release(struct formatting *f)
{
	int row = row_of("metadata.version", strlen("metadata.version"));

	f->release = METADATA_VERSION_MAX;
	if (f->a->release_version && f->levels[row] >= 0)
		return print_wrong("Use --release-version instead of --feature metadata.version=X to avoid ambiguity.");
	if (f->a->release_version)
		f->release = metadata_version_parse(str_of(f->a->release_version));
	else if (f->levels[row] >= 0)
		f->release = f->levels[row];
	if (f->release < 0)
		return print_wrong(
			"Version %s is not a valid version. The minimum version is 3.3-IV3 and the maximum version is %s",
			f->a->release_version, metadata_version_name(METADATA_VERSION_MAX));
	f->levels[row] = f->release;
	return 0;
}

static int settle_kraft(struct formatting *f, bool dynamic)
{
	int row = row_of("kraft.version", strlen("kraft.version"));

	if (f->levels[row] == 0 && dynamic)
		return print_wrong(
			"Cannot set kraft.version to 0 if controller.quorum.voters is empty and one of the flags --standalone, "
			"--initial-controllers, or --no-initial-controllers is used. For dynamic controllers support, try removing "
			"the --feature flag for kraft.version.");
	if (f->levels[row] > 0 && !dynamic)
		return print_wrong(
			"Cannot set kraft.version to %d unless controller.quorum.voters is empty and one of the flags --standalone, "
			"--initial-controllers, or --no-initial-controllers is used.",
			f->levels[row]);
	f->levels[row] = dynamic;
	return 0;
}

static int settle_levels(struct formatting *f)
{
	int code = 0;

	for (int i = 0; i < FEATURES_MAX; i++)
		f->levels[i] = -1;
	for (int i = 0; code == 0 && i < f->a->n_features; i++)
		code = read_feature(f, f->a->features[i]);
	if (code == 0)
		code = read_release(f);
	if (code == 0)
		code = settle_kraft(f, config_network(f->config)->n_voters == 0);
	for (int i = 0; code == 0 && CONTROLLER_FEATURES[i].name; i++) {
		int level = controller_feature_default(&CONTROLLER_FEATURES[i], f->release);

		if (f->levels[i] < 0)
			f->levels[i] = level < CONTROLLER_FEATURES[i].own_max ? level : CONTROLLER_FEATURES[i].own_max;
		if (is_named(i, "eligible.leader.replicas.version") && f->levels[i] > 0 &&
		    f->release < METADATA_VERSION_ELR)
			return print_wrong(
				"eligible.leader.replicas.version could not be set to 1 because it depends on metadata.version level %d",
				METADATA_VERSION_ELR);
	}
	return code;
}

/* metadata.version first, the others sorted by name; level 0 has no record. */
static void add_levels(struct formatting *f)
{
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; CONTROLLER_FEATURES[i].name; i++) {
			struct feature_level_record *r;

			if (is_named(i, "metadata.version") != (pass == 0) || is_named(i, "kraft.version") ||
			    f->levels[i] == 0)
				continue;
			r = record_list_add(&f->records, RECORD_FEATURE_LEVEL, 0);
			r->name = str_of(CONTROLLER_FEATURES[i].name);
			r->feature_level = (int16_t)f->levels[i];
		}
	}
}

static int add_credentials(struct formatting *f)
{
	struct str error;

	if (f->a->n_add_scram > 0 && f->release < METADATA_VERSION_SCRAM)
		return print_wrong("SCRAM is only supported in metadata.version %s or later.",
				   metadata_version_name(METADATA_VERSION_SCRAM));
	for (int i = 0; i < f->a->n_add_scram; i++)
		if (!format_scram_record(f->env, str_of(f->a->add_scram[i]), &f->records, &f->arena, &error))
			return print_wrong("%.*s", STR_ARG(error));
	return 0;
}

/* ---- voters ---- */

/* Parses "id@host:port:directory". */
static bool read_voter(struct formatting *f, struct str text, struct raft_voter *out)
{
	char *copy = str_dup(text);
	char *at = strchr(copy, '@');
	char *last = strrchr(copy, ':');
	char *port = NULL;
	char *end = NULL;
	bool ok = at && last && last > at;

	if (ok) {
		*last = 0;
		*at = 0;
		port = strrchr(at + 1, ':');
		ok = port && uuid_parse(str_of(last + 1), &out->directory_id);
	}
	if (ok) {
		long number;

		*port = 0;
		out->id = (int32_t)strtol(copy, &end, 10);
		ok = end != copy && *end == 0 && out->id >= 0;
		number = strtol(port + 1, &end, 10);
		ok = ok && *end == 0 && number >= 0 && number <= 65535;
		out->endpoints = arena_array(&f->arena, 1, sizeof(*out->endpoints));
		out->n_endpoints = 1;
		out->endpoints[0].name = config_network(f->config)->n_controller_advertised > 0
						 ? config_network(f->config)->controller_advertised[0].name
						 : STR("CONTROLLER");
		out->endpoints[0].host = arena_str(&f->arena, str_of(at + 1));
		out->endpoints[0].port = (uint16_t)number;
		out->kraft_version_max = 1;
	}
	xfree(copy);
	return ok;
}

static int read_voters(struct formatting *f, const char *text)
{
	const char *rest = text;

	while (*rest) {
		size_t len = strcspn(rest, ",");
		struct raft_voter *v = &f->voters[f->voter_set.n];

		if (f->voter_set.n == VOTERS_MAX || !read_voter(f, (struct str){rest, (int32_t)len}, v))
			return print_wrong("\"%s\" is not a list of controllers: wanted id@host:port:directory,...",
					   text);
		if (v->id == config_int(f->config, CONFIG_NODE_ID))
			f->metadata_directory = v->directory_id;
		f->voter_set.n++;
		rest += len + (rest[len] == ',');
	}
	return 0;
}

static int settle_voters(struct formatting *f)
{
	bool is_static = config_network(f->config)->n_voters > 0;
	const struct storage_arguments *a = f->a;

	f->voter_set.v = f->voters;
	if (a->standalone + (a->initial_controllers != NULL) + a->no_initial_controllers > 1)
		return print_wrong(
			"--standalone, --initial-controllers and --no-initial-controllers exclude each other");
	if (is_static && (a->standalone || a->initial_controllers))
		return print_wrong(
			"You cannot specify controller.quorum.voters and format the node with --initial-controllers or --standalone. If you "
			"want to use dynamic quorum, please remove controller.quorum.voters and specify "
			"controller.quorum.bootstrap.servers instead.");
	if (a->standalone && !config_is_controller(f->config))
		return print_wrong("You can only use --standalone on a controller.");
	if (a->standalone) {
		f->metadata_directory = format_directory_id(f->env);
		format_own_voter(&f->options, f->metadata_directory, &f->arena, &f->voters[0]);
		f->voter_set.n = 1;
	} else if (a->initial_controllers) {
		return read_voters(f, a->initial_controllers);
	} else if (!a->no_initial_controllers && !is_static && config_is_controller(f->config)) {
		return print_wrong(
			"Because controller.quorum.voters is not set on this controller, you must specify one of the following: "
			"--standalone, --initial-controllers, or --no-initial-controllers.");
	}
	return 0;
}

/* ---- directories ---- */

static int open_dirs(struct formatting *f)
{
	struct str metadata = config_metadata_log_dir(f->config);
	int n;
	const struct str *paths = config_log_dirs(f->config, &n);
	bool listed = false;

	f->options.dirs = arena_array(&f->arena, (size_t)n + 1, sizeof(struct log_dir *));
	for (int i = 0; i <= n; i++) {
		struct str path = i < n ? paths[i] : metadata;
		struct log_dir_options options = {.path = str_dup(path)};
		char *why = NULL;
		int err;

		listed = listed || (i < n && str_eq(path, metadata));
		if (i == n && listed) {
			xfree((char *)options.path);
			break;
		}
		err = log_dir_open(f->env, &options, &f->options.dirs[f->options.n_dirs], &why);
		if (err == 0) {
			if (str_eq(path, metadata))
				f->options.metadata_dir = f->options.dirs[f->options.n_dirs];
			f->options.n_dirs++;
		} else {
			fprintf(stderr, "odradek format: %s: %s\n", options.path,
				why		 ? why
				: err == -EAGAIN ? "another process uses it"
						 : err_name(err));
		}
		xfree(why);
		xfree((char *)options.path);
		if (err != 0)
			return EXIT_STORAGE;
	}
	return 0;
}

static int check_dirs(const struct formatting *f, int *n_new)
{
	int node_id = config_int(f->config, CONFIG_NODE_ID);

	for (int i = 0; i < f->options.n_dirs; i++) {
		const struct log_dir *dir = f->options.dirs[i];

		if (!log_dir_is_formatted(dir)) {
			++*n_new;
			continue;
		}
		if (strcmp(log_dir_meta(dir)->cluster_id, f->a->cluster_id) != 0)
			return print_wrong("Invalid cluster.id in: %s/meta.properties. Expected %s, but read %s",
					   log_dir_path(dir), f->a->cluster_id, log_dir_meta(dir)->cluster_id);
		if (log_dir_meta(dir)->node_id != node_id)
			return print_wrong("Stored node id %d doesn't match previous node id %d in %s/meta.properties",
					   log_dir_meta(dir)->node_id, node_id, log_dir_path(dir));
		if (!f->a->ignore_formatted)
			return print_wrong(
				"Log directory %s is already formatted. Use --ignore-formatted to ignore this directory and format the "
				"others.",
				log_dir_path(dir));
	}
	return 0;
}

static const char *describe(const struct formatting *f, const struct log_dir *dir)
{
	if (dir != f->options.metadata_dir)
		return "data directory";
	if (f->voter_set.n == 0)
		return "metadata directory";
	return uuid_is_zero(f->metadata_directory) ? "dynamic metadata directory" : "dynamic metadata voter directory";
}

static int write_all(struct formatting *f)
{
	struct format_plan plan = {
		.cluster_id = str_of(f->a->cluster_id),
		.node_id = config_int(f->config, CONFIG_NODE_ID),
		.with_bootstrap = config_is_controller(f->config),
		.records = &f->records,
		.kraft_version = (int16_t)f->levels[row_of("kraft.version", strlen("kraft.version"))],
		.voters = &f->voter_set,
		.metadata_directory = f->metadata_directory,
	};
	int n_new = 0;
	int code = check_dirs(f, &n_new);
	int err;

	if (code != 0)
		return code;
	if (n_new == 0) {
		printf("All of the log directories are already formatted.\n");
		return EXIT_FINE;
	}
	for (int i = 0; i < f->options.n_dirs; i++) {
		if (!log_dir_is_formatted(f->options.dirs[i]))
			printf("Formatting %s %s with metadata.version %s.\n", describe(f, f->options.dirs[i]),
			       log_dir_path(f->options.dirs[i]), metadata_version_name(f->release));
	}
	err = format_write(&f->options, &plan);
	if (err == 0)
		return EXIT_FINE;
	print_wrong("%s", err_name(err));
	return EXIT_STORAGE;
}

/* ---- the command ---- */

static int format_node(struct formatting *f)
{
	int code;

	f->options.env = f->env;
	f->options.config = f->config;
	record_list_init(&f->records, &f->arena);
	code = settle_levels(f);
	if (code == 0)
		code = settle_voters(f);
	if (code == 0)
		code = open_dirs(f);
	if (code == 0) {
		add_levels(f);
		code = add_credentials(f);
	}
	if (code == 0)
		code = write_all(f);
	for (int i = 0; i < f->options.n_dirs; i++)
		log_dir_free(f->options.dirs[i]);
	return code;
}

int storage_format(const struct storage_arguments *a)
{
	struct diag diag = {.level = DIAG_ERROR, .wall_ms = real_wall_ms, .write = real_stderr_line};
	struct formatting f = {.a = a};
	int code = EXIT_CONFIG;

	if (!a->cluster_id)
		return command_misused(&command_format,
				       "--cluster-id is wanted; odradek storage random-uuid makes one");
	if (strlen(a->cluster_id) >= sizeof(((struct meta_properties *)NULL)->cluster_id))
		return print_wrong("the cluster id is too long");
	arena_init(&f.arena, ARENA);
	f.env = env_real_new(&diag);
	f.config = settings_load(f.env, a->config, a->overrides);
	if (f.config)
		code = format_node(&f);
	if (f.config)
		config_free(f.config);
	env_real_free(f.env);
	arena_fini(&f.arena);
	return code;
}

static int run(int argc, char **argv)
{
	struct storage_arguments a;
	int code = storage_arguments_parse(&command_format, argc, argv, &a);

	return code != 0 ? code : storage_format(&a);
}

const struct command command_format = {
	.name = "format",
	.summary = "format the log directories of a node, as kafka-storage format does",
	.usage =
		"usage: odradek format --cluster-id ID [OPTION]... [FILE]\n"
		"\n"
		"Writes meta.properties into the log directories of a configuration, and the first records of the cluster.\n"
		"\n"
		"  -c, --config FILE               the configuration; without one the built-in\n"
		"  -t, --cluster-id ID             odradek storage random-uuid makes one\n"
		"  -g, --ignore-formatted          leave directories that are formatted as they are\n"
		"  -r, --release-version RELEASE   the release whose feature levels are taken (default 4.4-IV2)\n"
		"  -f, --feature NAME=LEVEL        another level of one feature; may be given again\n"
		"  -S, --add-scram CREDENTIAL      a user's, such as 'SCRAM-SHA-256=[name=alice,password=...]'; may be given again\n"
		"  -s, --standalone                this controller is the first voter\n"
		"  -I, --initial-controllers LIST  id@host:port:directory,... are the first voters\n"
		"  -N, --no-initial-controllers    no voters yet\n"
		"  -o, --override NAME=VALUE       another value of a setting\n"
		"      --help                      print this help\n",
	.run = run,
};
