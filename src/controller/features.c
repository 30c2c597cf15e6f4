/*
 * features: the levels of each feature, and UpdateFeatures (FeatureControlManager of Kafka 4.4).
 *
 * `max` is what this release can replay and carry: a level that Apache Kafka has finalized stays as
 * it is. `own_max` is what our own format finalizes: the levels that are fully served.
 */
#include <string.h>

#include "base/err.h"
#include "base/str_index.h"
#include "controller/internal.h"
#include "metadata/version.h"
#include "protocol/metadata_records.h"
#include "protocol/update_features.h"
#include "wire/codec.h"

const struct controller_feature CONTROLLER_FEATURES[] = {
	{"eligible.leader.replicas.version", 0, 1, 1},
	{"group.version", 0, 1, 1},
	{"kraft.version", 0, 1, 1},
	{"metadata.version", METADATA_VERSION_MIN, METADATA_VERSION_MAX, METADATA_VERSION_MAX},
	{"share.version", 0, 2, 0},
	{"streams.version", 0, 1, 0},
	{"transaction.version", 0, 2, 2},
	{NULL, 0, 0, 0},
};

/* The metadata.version from which on a level is the default. */
static const struct {
	const char *feature;
	int level;
	int metadata_version;
} DEFAULTS[] = {
	{"eligible.leader.replicas.version", 1, 26},
	{"group.version", 1, 22},
	{"kraft.version", 1, 21},
	{"share.version", 1, 28},
	{"share.version", 2, 31},
	{"streams.version", 1, 29},
	{"transaction.version", 2, 24},
};

/* The lowest metadata.version that a level of a feature requires. */
static const struct {
	const char *feature;
	int16_t level;
	int16_t metadata_version;
} NEEDS[] = {
	{"eligible.leader.replicas.version", 1, METADATA_VERSION_ELR},
};

enum { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3 };

const struct controller_feature *controller_feature_find(struct str name)
{
	for (const struct controller_feature *f = CONTROLLER_FEATURES; f->name; f++) {
		if (str_is(name, f->name))
			return f;
	}
	return NULL;
}

int controller_feature_default(const struct controller_feature *f, int metadata_version)
{
	int level = 0;

	if (strcmp(f->name, "metadata.version") == 0)
		return metadata_version;
	for (size_t i = 0; i < sizeof(DEFAULTS) / sizeof(DEFAULTS[0]); i++) {
		if (strcmp(f->name, DEFAULTS[i].feature) == 0 && metadata_version >= DEFAULTS[i].metadata_version)
			level = DEFAULTS[i].level;
	}
	return level;
}

bool feature_range_has(int16_t min, int16_t max, int16_t level)
{
	return level >= min && level <= max;
}

static struct api_error invalid_update(struct arena *a, struct str feature, int level, struct str words)
{
	return api_error(a, ERR_INVALID_UPDATE_VERSION, "Invalid update version %d for feature %.*s. %.*s", level,
			 STR_ARG(feature), STR_ARG(words));
}

/* Kafka's message why `what` cannot have the level; null when it can. */
static struct str not_supported(struct arena *a, const char *what, int32_t id, int16_t min, int16_t max, int16_t level)
{
	if (feature_range_has(min, max, level))
		return STR_NULL;
	if (max == 0)
		return arena_printf(a, "%s %d does not support this feature.", what, id);
	if (min == max)
		return arena_printf(a, "%s %d only supports versions %d", what, id, min);
	return arena_printf(a, "%s %d only supports versions %d-%d", what, id, min, max);
}

static struct str node_not_supported(struct arena *a, const char *what, const struct image_node *n, struct str feature,
				     int16_t level)
{
	for (int i = 0; i < n->n_features; i++) {
		if (str_eq(n->features[i].name, feature))
			return not_supported(a, what, n->id, n->features[i].min, n->features[i].max, level);
	}
	return not_supported(a, what, n->id, 0, 0, level);
}

/* For static voters: a dynamic set is raft's. */
static struct str reason_not_registered(const struct controller *c, struct arena *a)
{
	const struct config_network *network = config_network(c->config);

	for (int i = 0; i < network->n_voters; i++) {
		int32_t id = network->voters[i].id;

		if (id != c->node_id && !image_controller(tip(c), id))
			return arena_printf(a, "controller %d has not registered, and may not support this feature",
					    id);
	}
	return STR_NULL;
}

static struct str reason_not_supported(const struct controller *c, struct arena *a, struct str feature, int16_t level)
{
	const struct controller_feature *f = controller_feature_find(feature);
	const struct image_node *n;
	struct image_iter it;
	struct str reason = not_supported(a, "Local controller", c->node_id, f ? f->min : 0, f ? f->max : 0, level);

	image_brokers(tip(c), &it);
	while (str_is_null(reason) && (n = image_nodes_next(&it)))
		reason = node_not_supported(a, "Broker", n, feature, level);
	if (image_metadata_version(tip(c)) < METADATA_VERSION_CONTROLLER_REGISTRATION)
		return reason;
	image_controllers(tip(c), &it);
	while (str_is_null(reason) && (n = image_nodes_next(&it))) {
		if (n->id != c->node_id)
			reason = node_not_supported(a, "Controller", n, feature, level);
	}
	return str_is_null(reason) ? reason_not_registered(c, a) : reason;
}

static void add_level(struct record_list *records, struct str feature, int16_t level)
{
	struct feature_level_record *r = record_list_add(records, RECORD_FEATURE_LEVEL, 0);

	if (!r)
		return;
	r->name = feature;
	r->feature_level = level;
}

static struct api_error update_metadata_version(const struct controller *c, struct arena *a, int16_t level, bool unsafe,
						struct record_list *records)
{
	int16_t now = image_metadata_version(tip(c));

	if (!metadata_version_is_known(level))
		return api_error(a, ERR_INVALID_UPDATE_VERSION,
				 "Invalid metadata.version %d. Valid versions are from %d to %d.", level,
				 METADATA_VERSION_MIN, METADATA_VERSION_MAX);
	if (level < now && metadata_version_format_changed(level, now))
		return api_error(
			a, ERR_INVALID_UPDATE_VERSION, "Unsupported metadata.version downgrade from %d to %d. %s", now,
			level,
			unsafe ? "Unsafe metadata downgrade is not supported in this version."
			       : "Refusing to perform the requested downgrade because it might delete metadata information.");
	add_level(records, STR("metadata.version"), level);
	return API_OK;
}

/* A request, in which the last update of a feature counts. */
struct updates {
	const struct controller *c;
	const struct controller_context *ctx;
	const struct update_features_request *in;
	struct str_index last; /* by feature, indexes its updates */
};

static void find_last(struct updates *u)
{
	str_index_init(&u->last, u->ctx->random(u->ctx->random_arg));
	for (int32_t i = 0; i < u->in->feature_updates.n; i++)
		*str_index_at(&u->last, u->in->feature_updates.v[i].feature) = i;
}

static const struct update_features_request_feature *last_of(const struct updates *u, struct str feature)
{
	int at = str_index_get(&u->last, feature);

	return at < 0 ? NULL : &u->in->feature_updates.v[at];
}

/* The level that a feature will have after the whole request. */
static int16_t proposed_level(const struct updates *u, struct str feature)
{
	const struct update_features_request_feature *last = last_of(u, feature);

	return last ? last->max_version_level : image_feature_level(tip(u->c), feature);
}

static struct api_error check_needs(const struct updates *u, struct arena *a, struct str feature, int16_t level)
{
	for (size_t i = 0; i < sizeof(NEEDS) / sizeof(NEEDS[0]); i++) {
		if (!str_is(feature, NEEDS[i].feature) || level < NEEDS[i].level ||
		    proposed_level(u, STR("metadata.version")) >= NEEDS[i].metadata_version)
			continue;
		return invalid_update(
			a, feature, level,
			arena_printf(a, "%.*s could not be set to %d because it depends on metadata.version level %d",
				     STR_ARG(feature), level, NEEDS[i].metadata_version));
	}
	return API_OK;
}

/* A refusal by raft is reported in raft's words only. */
static struct api_error raise_kraft_version(const struct controller_context *ctx, int16_t level, bool validate_only)
{
	struct str why = STR_NULL;
	int err = level == ctx->kraft_version
			  ? 0
			  : ctx->raise_kraft_version(ctx->raise_arg, level, validate_only, ctx->arena, &why);

	return (struct api_error){err, why};
}

/* Checks again, since the set of voters may have changed. */
static struct api_error raise_wanted(const struct updates *u)
{
	const struct update_features_request_feature *wanted = last_of(u, STR("kraft.version"));

	return wanted ? raise_kraft_version(u->ctx, wanted->max_version_level, false) : API_OK;
}

static struct api_error update_one(const struct updates *all, const struct update_features_request_feature *u,
				   struct record_list *records)
{
	const struct controller *c = all->c;
	const struct controller_context *ctx = all->ctx;
	struct arena *a = ctx->arena;
	bool is_kraft = str_is(u->feature, "kraft.version");
	int16_t now = is_kraft ? ctx->kraft_version : image_feature_level(tip(c), u->feature);
	int16_t level = u->max_version_level;
	int type = ctx->version == 0 ? UPGRADE : u->upgrade_type; /* Kafka ignores allowDowngrade of version 0 */
	struct api_error e;
	struct str reason;

	if (type < UPGRADE || type > UNSAFE_DOWNGRADE)
		return invalid_update(a, u->feature, level,
				      STR("The controller does not support the given upgrade type."));
	if (level < 0)
		return invalid_update(a, u->feature, level, STR("A feature version cannot be less than 0."));
	reason = reason_not_supported(c, a, u->feature, level);
	if (!str_is_null(reason))
		return invalid_update(a, u->feature, level, reason);
	if (level < now && type == UPGRADE)
		return invalid_update(
			a, u->feature, level,
			STR("Can't downgrade the version of this feature without setting the upgrade type to either "
			    "safe or unsafe downgrade."));
	if (level > now && type != UPGRADE)
		return invalid_update(a, u->feature, level, STR("Can't downgrade to a newer version."));
	if (str_is(u->feature, "metadata.version"))
		return update_metadata_version(c, a, level, type == UNSAFE_DOWNGRADE, records);
	if (is_kraft && level < now)
		return invalid_update(a, u->feature, level, STR("Can't downgrade the version of this feature."));
	if (is_kraft)
		return raise_kraft_version(ctx, level, true);
	if (!controller_feature_find(u->feature)) /* every node supports level 0 of it */
		return invalid_update(a, u->feature, level,
				      arena_printf(a, "Feature %.*s not found.", STR_ARG(u->feature)));
	e = check_needs(all, a, u->feature, level);
	if (e.code == 0)
		add_level(records, u->feature, level);
	return e;
}

/* ELR needs one min.insync.replicas for all brokers: a cluster-wide value, and none for single brokers. */
static void add_elr_safety(const struct controller *c, struct arena *a, struct record_list *records)
{
	const struct image_configs *configs;
	struct image_iter it;

	if (str_is_null(
		    image_config_value(image_configs(tip(c), RESOURCE_BROKER, STR("")), STR("min.insync.replicas")))) {
		struct config_record *r = record_list_add(records, RECORD_CONFIG, 0);

		if (r)
			*r = (struct config_record){
				RESOURCE_BROKER, STR(""), STR("min.insync.replicas"),
				arena_printf(a, "%d", config_int(c->config, CONFIG_MIN_INSYNC_REPLICAS))};
	}
	image_all_configs(tip(c), &it);
	while ((configs = image_configs_next(&it))) {
		struct config_record *r;

		if (configs->type != RESOURCE_BROKER || configs->name.len == 0 ||
		    str_is_null(image_config_value(configs, STR("min.insync.replicas"))))
			continue;
		r = record_list_add(records, RECORD_CONFIG, 0);
		if (r)
			*r = (struct config_record){RESOURCE_BROKER, configs->name, STR("min.insync.replicas"),
						    STR_NULL};
	}
}

static void answer(const struct controller_context *ctx, const struct update_features_request *in, struct api_error e,
		   struct update_features_response *out)
{
	out->error_code = (int16_t)e.code;
	out->error_message = STR_NULL;
	if (e.code != 0) {
		out->error_message = arena_printf(
			ctx->arena, "The update failed for all features since the following feature had an error: %.*s",
			STR_ARG(e.message));
		return;
	}
	if (ctx->version > 1)
		return;
	out->results.v = arena_array(ctx->arena, (size_t)in->feature_updates.n, sizeof(*out->results.v));
	out->results.n = out->results.v ? in->feature_updates.n : 0;
	for (int32_t i = 0; i < out->results.n; i++) {
		out->results.v[i].feature = in->feature_updates.v[i].feature;
		out->results.v[i].error_message = STR("NONE"); /* Kafka's message for error 0 */
	}
}

int controller_update_features(struct controller *c, const struct controller_context *ctx,
			       const struct update_features_request *in, struct update_features_response *out,
			       struct record_list *records)
{
	struct updates all = {.c = c, .ctx = ctx, .in = in};
	struct record_list updates;
	struct api_error e = API_OK;
	int16_t elr;

	record_list_init(&updates, ctx->arena);
	find_last(&all);
	for (int32_t i = 0; e.code == 0 && i < in->feature_updates.n; i++) {
		const struct update_features_request_feature *u = &in->feature_updates.v[i];

		if (last_of(&all, u->feature) == u)
			e = update_one(&all, u, &updates);
	}
	if (e.code == 0 && !in->validate_only)
		e = raise_wanted(&all);
	elr = e.code == 0 ? proposed_level(&all, STR("eligible.leader.replicas.version")) : 0;
	str_index_fini(&all.last);
	answer(ctx, in, e, out);
	if (e.code != 0 || in->validate_only)
		return 0;
	if (elr > 0 && !elr_is_on(tip(c)))
		add_elr_safety(c, ctx->arena, records);
	for (int i = 0; i < updates.n; i++) {
		const struct feature_level_record *r = updates.v[i].body;

		add_level(records, r->name, r->feature_level);
	}
	records->atomic = true;
	return 0;
}
