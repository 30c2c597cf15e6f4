/*
 * features: `odradek features`: kafka-features.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/tool.h"
#include "controller/controller.h"
#include "metadata/version.h"
#include "protocol/api_versions.h"
#include "protocol/update_features.h"

extern const struct command command_features;

enum {
	TIMEOUT_MS = 60000,
	UPDATES_MAX = 64,
	UPGRADE = 1,
	SAFE_DOWNGRADE = 2,
	UNSAFE_DOWNGRADE = 3,
	ELR_NEEDS = METADATA_VERSION_ELR
};

#define METADATA "metadata.version"
#define ELR "eligible.leader.replicas.version"

/* Kafka's order of the features other than metadata.version. */
static const char *const FEATURES[] = {"kraft.version", "transaction.version", "group.version", ELR,
				       "share.version", "streams.version"};
enum { FEATURES_N = sizeof(FEATURES) / sizeof(FEATURES[0]) };

/* ---- describe ---- */

static struct str level_text(struct tool *t, struct str feature, int level)
{
	if (!str_is(feature, METADATA))
		return arena_printf(&t->arena, "%d", level);
	if (metadata_version_name(level))
		return str_of(metadata_version_name(level));
	return arena_printf(&t->arena, "UNKNOWN %d", level);
}

static int finalized_level(const struct api_versions_response *r, struct str feature)
{
	for (int32_t i = 0; i < r->finalized_features.n; i++)
		if (str_eq(r->finalized_features.v[i].name, feature))
			return r->finalized_features.v[i].max_version_level;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct api_versions_response_supported_feature *)a)->name,
		       ((const struct api_versions_response_supported_feature *)b)->name);
}

static void show_feature(struct tool *t, const struct api_versions_response *r,
			 const struct api_versions_response_supported_feature *f)
{
	struct str epoch = r->finalized_features_epoch >= 0
				   ? arena_printf(&t->arena, "%lld", (long long)r->finalized_features_epoch)
				   : STR("-");
	struct str min = level_text(t, f->name, f->min_version), max = level_text(t, f->name, f->max_version);
	struct str level = level_text(t, f->name, finalized_level(r, f->name));

	if (t->json)
		json_array_append_new(t->out, json_pack("{s:o,s:o,s:o,s:o,s:o}", "feature", json_str(f->name),
							"supportedMinVersion", json_str(min), "supportedMaxVersion",
							json_str(max), "finalizedVersionLevel", json_str(level),
							"epoch", json_str(epoch)));
	else
		printf("Feature: %-40.*s  SupportedMinVersion: %-15.*s  SupportedMaxVersion: %-15.*s  FinalizedVersionLevel: %-15.*s  Epoch: %.*s\n",
		       STR_ARG(f->name), STR_ARG(min), STR_ARG(max), STR_ARG(level), STR_ARG(epoch));
}

static int describe(struct tool *t)
{
	static const struct api_versions_request QUESTION = {
		.client_software_name = {"odradek", 7}, .client_software_version = {"0", 1}, .node_id = -1};
	int64_t node = tool_number(t, "node-id", CLIENT_ANY);
	struct api_versions_response *r;

	if (tool_has(t, "node-id") && node < 0)
		tool_die(t, "Invalid node id %lld: must be non-negative.", (long long)node);
	tool_connect(t);
	r = (struct api_versions_response *)(uintptr_t)tool_must(t, (int32_t)node, api_versions_request_KEY, &QUESTION);
	qsort(r->supported_features.v, (size_t)r->supported_features.n, sizeof(*r->supported_features.v), by_name);
	t->out = json_array();
	for (int32_t i = 0; i < r->supported_features.n; i++)
		show_feature(t, r, &r->supported_features.v[i]);
	return EXIT_FINE;
}

/* ---- upgrade, downgrade, disable ---- */

struct updates {
	struct update_features_request_feature v[UPDATES_MAX];
	int n;
	int type;
	const char *verb;
};

static void add_update(struct tool *t, struct updates *u, struct str feature, int level)
{
	for (int i = 0; i < u->n; i++)
		if (str_eq(u->v[i].feature, feature))
			tool_die(t, "Feature %.*s was specified more than once.", STR_ARG(feature));
	if (u->n == UPDATES_MAX)
		tool_die(t, "too many features");
	u->v[u->n++] =
		(struct update_features_request_feature){feature, (int16_t)level, u->type != UPGRADE, (int8_t)u->type};
}

static int level_of_release(struct tool *t, const char *release)
{
	int level = metadata_version_parse(str_of(release));

	if (level < 0)
		tool_die(
			t,
			"Version %s is not a valid version. The minimum version is 3.3-IV3 and the maximum version is %s",
			release, metadata_version_name(METADATA_VERSION_MAX));
	return level;
}

static struct str read_pair(struct tool *t, const char *pair, int *level)
{
	const char *equals = strchr(pair, '=');
	int32_t number;

	if (!equals)
		tool_die(t, "Can't parse feature=level string %s: equals sign not found.", pair);
	if (!str_to_i32(str_of(equals + 1), &number) || number < INT16_MIN || number > INT16_MAX)
		tool_die(t, "Can't parse feature=level string %s: unable to parse %s as a short.", pair, equals + 1);
	*level = number;
	return (struct str){pair, (int32_t)(equals - pair)};
}

static void add_release(struct tool *t, struct updates *u, const char *release)
{
	int level = level_of_release(t, release);

	add_update(t, u, STR(METADATA), level);
	for (int i = 0; i < FEATURES_N; i++) {
		int of = controller_feature_default(controller_feature_find(str_of(FEATURES[i])), level);

		if (u->type != UPGRADE || of > 0)
			add_update(t, u, str_of(FEATURES[i]), of);
	}
}

static void read_updates(struct tool *t, struct updates *u)
{
	const char *metadata = tool_value(t, "metadata");
	bool disable = strcmp(t->sub, "disable") == 0;

	if (tool_has(t, "release-version") && (metadata || tool_has(t, "feature")))
		tool_die(t, "Can not specify `release-version` with other feature flags.");
	if (tool_has(t, "release-version"))
		add_release(t, u, tool_value(t, "release-version"));
	if (metadata) {
		fprintf(tool_notices(t), " `metadata` flag is deprecated and may be removed in a future release.\n");
		add_update(t, u, STR(METADATA), level_of_release(t, metadata));
	}
	for (int i = 0; i < options_count(&t->options, "feature"); i++) {
		const char *text = options_nth(&t->options, "feature", i);
		int level = 0;
		struct str name = disable ? str_of(text) : read_pair(t, text, &level);

		add_update(t, u, name, level);
	}
	if (u->n == 0)
		tool_die(t, "You must specify at least one feature to %s", u->verb);
}

static int by_feature(const void *a, const void *b)
{
	return str_cmp(((const struct update_features_request_feature *)a)->feature,
		       ((const struct update_features_request_feature *)b)->feature);
}

/* Up to version 1 each feature has its own result; from 2 on all succeed or fail together. */
static int error_of(struct tool *t, const struct update_features_response *r, struct str feature)
{
	for (int32_t i = 0; r && i < r->results.n; i++)
		if (str_eq(r->results.v[i].feature, feature)) {
			t->message = r->results.v[i].error_message;
			return r->results.v[i].error_code;
		}
	return 0;
}

static void tell(struct tool *t, const struct updates *u, const struct update_features_request_feature *f, int err)
{
	bool dry = tool_has(t, "dry-run"), disable = strcmp(u->verb, "disable") == 0;
	struct str what = disable ? STR("") : arena_printf(&t->arena, " to %d", f->max_version_level);

	if (t->json)
		json_array_append_new(t->out,
				      json_pack("{s:o,s:i,s:o}", "feature", json_str(f->feature), "level",
						(int)f->max_version_level, "error",
						err ? json_str(tool_error_text(t, err, t->message)) : json_null()));
	else if (err)
		printf("%s%s %.*s%.*s. %.*s\n", dry ? "Can not " : "Could not ", u->verb, STR_ARG(f->feature),
		       STR_ARG(what), STR_ARG(tool_error_text(t, err, t->message)));
	else
		printf("%.*s%s%s%.*s.\n", STR_ARG(f->feature), dry ? " can be " : " was ",
		       disable ? "disabled" : tool_string(t, arena_printf(&t->arena, "%sd", u->verb)), STR_ARG(what));
}

static int update(struct tool *t)
{
	struct updates u = {.verb = t->sub, .type = UPGRADE};
	struct update_features_request r = {.timeout_ms = TIMEOUT_MS, .validate_only = tool_has(t, "dry-run")};
	const void *response = NULL;
	struct str message;
	int err, failed = 0;

	if (strcmp(t->sub, "upgrade") != 0)
		u.type = tool_has(t, "unsafe") ? UNSAFE_DOWNGRADE : SAFE_DOWNGRADE;
	read_updates(t, &u);
	tool_connect(t);
	qsort(u.v, (size_t)u.n, sizeof(u.v[0]), by_feature);
	for (int i = 0; i < u.n; i++)
		u.v[i].allow_downgrade = false; /* only for version 0, which no broker since 3.3 needs */
	r.feature_updates.v = u.v;
	r.feature_updates.n = u.n;
	err = tool_ask(t, CLIENT_CONTROLLER, update_features_request_KEY, &r, &response);
	message = t->message;
	t->out = json_array();
	for (int i = 0; i < u.n; i++) {
		int of = err ? err : error_of(t, response, u.v[i].feature);

		if (err)
			t->message = message;
		tell(t, &u, &u.v[i], of);
		failed += of != 0;
	}
	if (failed > 0)
		fprintf(stderr, "%d out of %d operation(s) failed.\n", failed, u.n);
	return failed ? EXIT_CONFIG : EXIT_FINE;
}

/* ---- actions that need no cluster ---- */

static int version_mapping(struct tool *t)
{
	const char *release = tool_has(t, "release-version") ? tool_value(t, "release-version")
							     : metadata_version_name(METADATA_VERSION_MAX);
	int level = level_of_release(t, release);

	t->out = json_pack("{s:i}", METADATA, level);
	if (!t->json)
		printf("metadata.version=%d (%s)\n", level, release);
	for (int i = 0; i < FEATURES_N; i++) {
		int of = controller_feature_default(controller_feature_find(str_of(FEATURES[i])), level);

		json_object_set_new(t->out, FEATURES[i], json_integer(of));
		if (!t->json)
			printf("%s=%d\n", FEATURES[i], of);
	}
	return EXIT_FINE;
}

static void add_needs(struct tool *t, struct str name, int level, int metadata)
{
	json_t *needs = json_object();

	if (metadata > 0)
		json_object_set_new(needs, METADATA, json_integer(metadata));
	json_array_append_new(t->out,
			      json_pack("{s:o,s:i,s:o}", "feature", json_str(name), "level", level, "requires", needs));
}

static void tell_dependencies(struct tool *t, const char *text)
{
	int level, needs;
	struct str name = read_pair(t, text, &level);
	const struct controller_feature *f = controller_feature_find(name);

	if (str_is(name, METADATA)) {
		if (!metadata_version_name(level))
			tool_die(t, "Unknown metadata.version %d", level);
		add_needs(t, name, level, 0);
		if (!t->json)
			printf("%.*s=%d (%s) has no dependencies.\n", STR_ARG(name), level,
			       metadata_version_name(level));
		return;
	}
	if (!f)
		tool_die(t, "Unknown feature: %.*s", STR_ARG(name));
	if (level < 0 || level > f->max)
		tool_die(t, "No feature:%.*s with feature level %d", STR_ARG(name), level);
	needs = str_is(name, ELR) && level > 0 ? ELR_NEEDS : 0;
	add_needs(t, name, level, needs);
	if (t->json)
		return;
	if (needs == 0)
		printf("%.*s=%d has no dependencies.\n", STR_ARG(name), level);
	else
		printf("%.*s=%d requires:\n    metadata.version=%d (%s)\n", STR_ARG(name), level, needs,
		       metadata_version_name(needs));
}

static int feature_dependencies(struct tool *t)
{
	t->out = json_array();
	for (int i = 0; i < options_count(&t->options, "feature"); i++)
		tell_dependencies(t, options_nth(&t->options, "feature", i));
	return EXIT_FINE;
}

static const struct {
	const char *name;
	int (*run)(struct tool *t);
} PARTS[] = {
	{"describe", describe},
	{"upgrade", update},
	{"downgrade", update},
	{"disable", update},
	{"version-mapping", version_mapping},
	{"feature-dependencies", feature_dependencies},
};

static int features(struct tool *t)
{
	if (strcmp(t->sub, "feature-dependencies") == 0 && !tool_has(t, "feature"))
		tool_misused(t, "Command line error: argument --feature is required. Type --help for help.");
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		if (strcmp(PARTS[i].name, t->sub) == 0)
			return PARTS[i].run(t);
	return EXIT_CONFIG;
}

static int run(int argc, char **argv)
{
	return tool_run(&command_features, argc, argv, features);
}

static const struct subcommand SUBCOMMANDS[] = {
	{"describe", "print each feature, its supported and its finalized levels"},
	{"upgrade", "finalize higher levels"},
	{"downgrade", "finalize lower levels"},
	{"disable", "finalize level 0"},
	{"version-mapping", "print the default levels of a release"},
	{"feature-dependencies", "print what a level of a feature needs"},
	{NULL, NULL},
};

static const struct option_row OPTIONS[] = {
	{"bootstrap-server", "HOST:PORT,...", "brokers to connect to first", NULL, 0, 0},
	{"bootstrap-controller", "HOST:PORT,...", "controllers to connect to first", NULL, 0, 0},
	{"node-id", "ID", "the node to ask; any node without it", "describe", 0, 0},
	{"metadata", "VERSION", "the old way to say --feature metadata.version=LEVEL: a release", "upgrade downgrade",
	 0, 0},
	{"release-version", "VERSION", "the release whose levels are meant, such as 4.4-IV2",
	 "upgrade downgrade version-mapping", 0, 0},
	{"feature", "NAME=LEVEL", "a feature and its level; of disable the name alone",
	 "upgrade downgrade disable feature-dependencies", 0, OPTION_MANY},
	{"unsafe", NULL, "even if metadata is lost", "downgrade disable", 0, 0},
	{"dry-run", NULL, "only check whether it could be done", "upgrade downgrade disable", 0, 0},
	OPTION_COMMON,
};

const struct command command_features = {
	.name = "features",
	.summary = "describe and change a cluster's feature levels, as kafka-features does",
	.run = run,
	.options = OPTIONS,
	.subcommands = SUBCOMMANDS,
	.description = "Describes and changes the levels of a cluster's features, as kafka-features does.",
	.examples = "  odradek features --bootstrap-server localhost:9092 describe\n",
};
