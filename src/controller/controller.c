/*
 * controller: the tip, leadership, the first records of a new leader, sessions that end.
 */
#include "controller/controller.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/mem.h"
#include "controller/internal.h"
#include "metadata/version.h"
#include "protocol/metadata_records.h"

struct controller *controller_new(const struct controller_config *config)
{
	struct controller *c = xcalloc(1, sizeof(*c));

	c->node_id = config->node_id;
	c->cluster_id = str_dup(config->cluster_id);
	c->config = config->config;
	return c;
}

void controller_free(struct controller *c)
{
	if (!c)
		return;
	controller_resign(c);
	xfree(c->cluster_id);
	xfree(c);
}

void controller_lead(struct controller *c, const struct replay *log, int64_t now_ms)
{
	const struct image_node *broker;
	struct image_iter it;

	check(!c->active);
	c->active = true;
	c->log = *log;
	c->log.image = image_ref(log->image);
	c->log.tip = image_ref(log->tip);
	image_brokers(tip(c), &it);
	while ((broker = image_nodes_next(&it))) {
		struct heartbeat *h = heartbeat_of(c, broker, broker->fenced ? NEVER : now_ms);

		/* Where its registration is in the log is not known here: not behind what there is. */
		if (broker->fenced)
			h->registered_offset = image_offset(tip(c));
	}
	elections_begin(c, now_ms);
	tokens_begin(c, now_ms);
}

static int64_t session_timeout_ms(const struct controller *c)
{
	return config_int(c->config, CONFIG_BROKER_SESSION_TIMEOUT_MS);
}

void controller_heard(struct controller *c, int32_t broker_id, int64_t at_ms)
{
	struct heartbeat *h = heartbeat_find(c, broker_id);
	int64_t earliest_ms;

	if (!h || h->last_contact_ms == NEVER)
		return;
	earliest_ms = h->last_contact_ms - session_timeout_ms(c) +
		      2 * config_int(c->config, CONFIG_BROKER_HEARTBEAT_INTERVAL_MS);
	if (at_ms < earliest_ms)
		at_ms = earliest_ms;
	if (h->last_contact_ms > at_ms)
		h->last_contact_ms = at_ms;
}

void controller_resign(struct controller *c)
{
	if (!c->active)
		return;
	c->active = false;
	tokens_end(c);
	replay_fini(&c->log);
	xfree(c->heartbeats);
	c->heartbeats = NULL;
	c->n_heartbeats = 0;
}

bool controller_is_active(const struct controller *c)
{
	return c->active;
}

const struct image *controller_tip(const struct controller *c)
{
	return c->active ? tip(c) : NULL;
}

const struct image *controller_image(const struct controller *c)
{
	return c->active ? c->log.image : NULL;
}

/* Soft state follows registrations: with a new epoch, what was known of the previous one is forgotten. */
static void follow_registration(struct controller *c, int32_t broker_id, int64_t offset)
{
	const struct image_node *broker = image_broker(tip(c), broker_id);
	struct heartbeat *h = heartbeat_find(c, broker_id);

	if (broker && h && h->broker_epoch == broker->epoch)
		h->registered_offset = offset;
}

int controller_apply(struct controller *c, const struct record_list *records, int64_t last_offset, int32_t epoch,
		     int64_t wall_ms, const char **why)
{
	struct image_batch batch = {records->v, records->n, last_offset, epoch, wall_ms};
	int err = replay_batch(&c->log, &batch, why);

	if (err != 0)
		return err;
	for (int i = 0; i < records->n; i++) {
		if (records->v[i].type == RECORD_REGISTER_BROKER)
			follow_registration(c, ((const struct register_broker_record *)records->v[i].body)->broker_id,
					    last_offset - records->n + 1 + i);
		else if (records->v[i].type == RECORD_UNREGISTER_BROKER)
			heartbeat_drop(c, ((const struct unregister_broker_record *)records->v[i].body)->broker_id);
		else
			tokens_follow(c, &records->v[i]);
	}
	return 0;
}

/* ---- a new leader's records (ActivationRecordsGenerator) ---- */

static void copy_records(struct record_list *to, const struct record_list *from)
{
	for (int i = 0; i < from->n; i++) {
		void *body = record_list_add(to, (enum metadata_record_type)from->v[i].type, from->v[i].version);

		if (body)
			memcpy(body, from->v[i].body, metadata_record_body_size(from->v[i].type));
	}
}

static int16_t level_among(const struct record_list *bootstrap, const char *feature)
{
	int16_t level = 0;

	for (int i = 0; i < bootstrap->n; i++) {
		const struct feature_level_record *r = bootstrap->v[i].body;

		if (bootstrap->v[i].type == RECORD_FEATURE_LEVEL && str_is(r->name, feature))
			level = r->feature_level;
	}
	return level;
}

static void add_abort(struct record_list *records)
{
	struct abort_transaction_record *r = record_list_add(records, RECORD_ABORT_TRANSACTION, 0);

	if (r)
		r->reason = STR("Controller failover");
}

static void activate_empty_log(struct controller *c, const struct controller_context *ctx,
			       const struct record_list *bootstrap, struct record_list *records)
{
	bool transactional = level_among(bootstrap, "metadata.version") >= METADATA_VERSION_TRANSACTIONS;

	if (c->log.in_transaction)
		add_abort(records);
	if (transactional) {
		struct begin_transaction_record *r = record_list_add(records, RECORD_BEGIN_TRANSACTION, 0);

		if (r)
			r->name = STR("Bootstrap records");
	}
	copy_records(records, bootstrap);
	if (level_among(bootstrap, "eligible.leader.replicas.version") > 0) {
		struct config_record *r = record_list_add(records, RECORD_CONFIG, 0);

		if (r)
			*r = (struct config_record){
				RESOURCE_BROKER, STR(""), STR("min.insync.replicas"),
				arena_printf(ctx->arena, "%d", config_int(c->config, CONFIG_MIN_INSYNC_REPLICAS))};
	}
	if (transactional)
		record_list_add(records, RECORD_END_TRANSACTION, 0);
	records->atomic = true;
}

int controller_activate(struct controller *c, const struct controller_context *ctx, const struct record_list *bootstrap,
			struct record_list *records)
{
	int16_t level = level_among(bootstrap, "metadata.version");

	/*
	 * A transaction left open hides what it wrote: the log counts as empty when it contains
	 * nothing else.
	 */
	if (image_metadata_version(c->log.image) == 0) {
		if (!metadata_version_is_known(level))
			return refuse(ctx, ERR_UNSUPPORTED_VERSION,
				      "the bootstrap records name no metadata.version that is known");
		activate_empty_log(c, ctx, bootstrap, records);
	} else if (c->log.in_transaction) {
		add_abort(records);
		records->atomic = true;
	}
	return record_list_failed(records) ? ERR_UNKNOWN_SERVER_ERROR : 0;
}

/* ---- sessions ---- */

/* Handles leaders and tokens. Not along with a fencing, whose changes are not in the tip yet. */
static void tend(struct controller *c, const struct controller_context *ctx, struct record_list *records,
		 int64_t *next_ms)
{
	int64_t due = elections_tick(c, ctx->now_ms, records);
	int64_t tokens_due = tokens_tick(c, ctx, records);

	if (due < *next_ms)
		*next_ms = due;
	if (tokens_due < *next_ms)
		*next_ms = tokens_due;
}

int controller_tick(struct controller *c, const struct controller_context *ctx, struct record_list *records,
		    int64_t *next_ms)
{
	int64_t timeout = session_timeout_ms(c);
	bool fenced_one = false;

	*next_ms = ctx->now_ms + timeout; /* no session that begins meanwhile ends before that */
	for (int i = 0; i < c->n_heartbeats; i++) {
		struct heartbeat *h = &c->heartbeats[i];
		const struct image_node *broker = image_broker(tip(c), h->broker_id);
		int64_t ends = h->last_contact_ms + timeout;

		if (!broker || broker->fenced)
			continue;
		if (ends <= ctx->now_ms && !fenced_one) {
			fence_broker(c, broker, FENCE_SESSION, records);
			fenced_one = true;
		} else if (ends < *next_ms) {
			*next_ms = ends;
		}
	}
	if (fenced_one)
		*next_ms = ctx->now_ms + 1;
	else
		tend(c, ctx, records, next_ms);
	return record_list_failed(records) ? ERR_UNKNOWN_SERVER_ERROR : 0;
}

/* ---- errors ---- */

struct api_error api_error(struct arena *a, int code, const char *format, ...)
{
	char text[1024];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	return (struct api_error){code, arena_str(a, (struct str){text, len})};
}

int refuse(const struct controller_context *ctx, int code, const char *format, ...)
{
	char text[1024];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (len >= (int)sizeof(text))
		len = (int)sizeof(text) - 1;
	if (ctx->why)
		*ctx->why = arena_str(ctx->arena, (struct str){text, len});
	return code;
}

int refuse_large(const struct controller_context *ctx)
{
	return refuse(ctx, ERR_POLICY_VIOLATION, "Unable to perform excessively large batch operation.");
}

struct api_error check_quota(const struct controller_context *ctx, int n)
{
	if (!ctx->may_change || ctx->may_change(ctx->change_arg, n))
		return API_OK;
	return (struct api_error){ERR_THROTTLING_QUOTA_EXCEEDED, STR("The throttling quota has been exceeded.")};
}

/* ---- configuration ---- */

static struct str layer_get(const void *arg, struct str name)
{
	return image_config_value(arg, name);
}

int topic_layers(const struct controller *c, const struct image_configs *own, struct config_layer layers[TOPIC_LAYERS])
{
	char id[16];
	int len = snprintf(id, sizeof(id), "%d", c->node_id);
	const struct image_configs *node = image_configs(tip(c), RESOURCE_BROKER, (struct str){id, len});
	const struct image_configs *all = image_configs(tip(c), RESOURCE_BROKER, STR(""));

	layers[0] = (struct config_layer){CONFIG_SOURCE_TOPIC, layer_get, own};
	layers[1] = (struct config_layer){CONFIG_SOURCE_DYNAMIC_BROKER, layer_get, node};
	layers[2] = (struct config_layer){CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER, layer_get, all};
	return TOPIC_LAYERS;
}

bool topic_allows_unclean_election(const struct controller *c, struct str topic)
{
	struct config_layer layers[TOPIC_LAYERS];
	int n = topic_layers(c, image_configs(tip(c), RESOURCE_TOPIC, topic), layers);

	return config_topic_long(c->config, layers, n, TOPIC_CONFIG_UNCLEAN_LEADER_ELECTION_ENABLE) != 0;
}

int topic_min_isr(const struct controller *c, const struct image_topic *t)
{
	struct config_layer layers[TOPIC_LAYERS];
	int n = topic_layers(c, image_configs(tip(c), RESOURCE_TOPIC, t->name), layers);
	int64_t min = config_topic_long(c->config, layers, n, TOPIC_CONFIG_MIN_INSYNC_REPLICAS);

	if (t->n_partitions > 0 && min > t->partitions[0]->n_replicas)
		min = t->partitions[0]->n_replicas;
	return (int)min;
}

bool elr_is_on(const struct image *i)
{
	return image_feature_level(i, STR("eligible.leader.replicas.version")) >= 1;
}
