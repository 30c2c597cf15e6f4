/*
 * brokers: registration, heartbeats and their soft state, fencing, unregistration; registration of
 * controllers (ClusterControlManager, BrokerHeartbeatManager).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/listener.h"
#include "controller/internal.h"
#include "metadata/version.h"
#include "protocol/broker_heartbeat.h"
#include "protocol/broker_registration.h"
#include "protocol/controller_registration.h"
#include "protocol/metadata_records.h"
#include "protocol/unregister_broker.h"
#include "protocol/unregister_controller.h"
#include "wire/codec.h"

#define NOBODY (-1)
#define KRAFT_VERSION STR("kraft.version") /* it is not among the records of finalized features */

/* ---- soft state ---- */

struct heartbeat *heartbeat_find(struct controller *c, int32_t broker_id)
{
	for (int i = 0; i < c->n_heartbeats; i++) {
		if (c->heartbeats[i].broker_id == broker_id)
			return &c->heartbeats[i];
	}
	return NULL;
}

struct heartbeat *heartbeat_of(struct controller *c, const struct image_node *broker, int64_t now_ms)
{
	struct heartbeat *h = heartbeat_find(c, broker->id);

	if (h && h->broker_epoch == broker->epoch)
		return h;
	if (!h) {
		c->heartbeats = xreallocarray(c->heartbeats, (size_t)c->n_heartbeats + 1, sizeof(*h));
		h = &c->heartbeats[c->n_heartbeats++];
	}
	*h = (struct heartbeat){broker->id, broker->epoch, now_ms, -1, broker->epoch, -1, FENCE_NONE};
	return h;
}

void heartbeat_drop(struct controller *c, int32_t broker_id)
{
	struct heartbeat *h = heartbeat_find(c, broker_id);

	if (h)
		*h = c->heartbeats[--c->n_heartbeats];
}

static bool session_is_valid(struct controller *c, const struct image_node *broker, int64_t now_ms)
{
	const struct heartbeat *h = heartbeat_find(c, broker->id);

	return h && h->broker_epoch == broker->epoch &&
	       now_ms - h->last_contact_ms < config_int(c->config, CONFIG_BROKER_SESSION_TIMEOUT_MS);
}

/* ---- directories ---- */

bool directory_is_reserved(struct uuid directory)
{
	for (int i = 0; i < 15; i++) {
		if (directory.b[i] != 0)
			return false;
	}
	return directory.b[15] < 100;
}

static bool has_directory(const struct uuid *v, int n, struct uuid directory)
{
	for (int i = 0; i < n; i++) {
		if (uuid_eq(v[i], directory))
			return true;
	}
	return false;
}

bool broker_has_uncordoned_directory(const struct image_node *broker)
{
	if (broker->n_log_dirs == 0 || !broker->has_cordoned)
		return true;
	for (int i = 0; i < broker->n_log_dirs; i++) {
		if (!has_directory(broker->cordoned_dirs, broker->n_cordoned_dirs, broker->log_dirs[i]))
			return true;
	}
	return false;
}

struct uuid broker_default_directory(const struct image *i, int32_t broker_id)
{
	const struct image_node *broker = image_broker(i, broker_id);

	if (!broker)
		return UUID_DIR_UNASSIGNED;
	if (broker->n_log_dirs == 0)
		return UUID_DIR_MIGRATING;
	return broker->n_log_dirs == 1 ? broker->log_dirs[0] : UUID_DIR_UNASSIGNED;
}

/* ---- epochs ---- */

int check_broker_epoch(const struct controller *c, const struct controller_context *ctx, int32_t id, int64_t epoch)
{
	const struct image_node *broker = image_broker(tip(c), id);

	if (!broker)
		return refuse(ctx, ERR_STALE_BROKER_EPOCH, "No broker registration found for broker id %d", id);
	if (broker->epoch != epoch)
		return refuse(ctx, ERR_STALE_BROKER_EPOCH, "Expected broker epoch %lld, but got broker epoch %lld",
			      (long long)broker->epoch, (long long)epoch);
	return 0;
}

/* ---- registration ---- */

static int compare_directories(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static bool is_among(const struct uuid *sorted, int n, struct uuid directory)
{
	return n > 0 && bsearch(&directory, sorted, (size_t)n, sizeof(*sorted), compare_directories);
}

/* A directory belongs to one broker only. */
static int check_owners(const struct controller *c, const struct controller_context *ctx, int32_t broker_id,
			const struct uuid *sorted, int n)
{
	const struct image_node *other;
	struct image_iter it;
	char text[UUID_TEXT_LEN + 1];

	image_brokers(tip(c), &it);
	while ((other = image_nodes_next(&it))) {
		for (int i = 0; other->id != broker_id && i < other->n_log_dirs; i++) {
			if (is_among(sorted, n, other->log_dirs[i]))
				return refuse(ctx, ERR_INVALID_REGISTRATION,
					      "Broker %d is already registered with directory %s", other->id,
					      uuid_text(other->log_dirs[i], text));
		}
	}
	return 0;
}

/* Each is looked for among the others in heartbeats, and its partitions among all. */
#define DIRECTORIES_MAX 1000

static int check_directories(const struct controller *c, const struct controller_context *ctx,
			     const struct broker_registration_request *in)
{
	int n = in->log_dirs.n;
	struct uuid *sorted;

	if (n <= 0)
		return refuse(ctx, ERR_INVALID_REGISTRATION, "No directories specified in request");
	if (n > DIRECTORIES_MAX)
		return refuse(ctx, ERR_INVALID_REGISTRATION, "More than %d directories specified in request",
			      DIRECTORIES_MAX);
	for (int i = 0; i < n; i++) {
		if (directory_is_reserved(in->log_dirs.v[i]))
			return refuse(ctx, ERR_INVALID_REGISTRATION, "Reserved directory ID in request");
	}
	sorted = arena_array(ctx->arena, (size_t)n, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, in->log_dirs.v, (size_t)n * sizeof(*sorted));
	qsort(sorted, (size_t)n, sizeof(*sorted), compare_directories);
	for (int i = 1; i < n; i++) {
		if (uuid_eq(sorted[i - 1], sorted[i]))
			return refuse(ctx, ERR_INVALID_REGISTRATION, "Duplicate directory ID in request");
	}
	return check_owners(c, ctx, in->broker_id, sorted, n);
}

/* ---- listeners ---- */

/* Kafka's nodes cannot read a registration with a protocol that they do not know (ListenerInfo). */
static int check_listeners(const struct controller_context *ctx, const struct broker_registration_request_listener *v,
			   int n)
{
	for (int i = 0; i < n; i++) {
		if (v[i].security_protocol < PROTOCOL_PLAINTEXT || v[i].security_protocol > PROTOCOL_SASL_SSL)
			return refuse(ctx, ERR_UNKNOWN_SERVER_ERROR, "Unknown security protocol %d in listener %.*s",
				      v[i].security_protocol, STR_ARG(v[i].name));
	}
	return 0;
}

static int check_feature(const struct controller_context *ctx, struct str name, int16_t min, int16_t max,
			 int16_t finalized)
{
	if (feature_range_has(min, max, finalized))
		return 0;
	return refuse(
		ctx, ERR_UNSUPPORTED_VERSION,
		"Unable to register because the broker does not support finalized version %d of %.*s. The broker wants a version "
		"between %d and %d, inclusive.",
		finalized, STR_ARG(name), min, max);
}

static const struct broker_registration_request_feature *find_feature(const struct broker_registration_request *in,
								      struct str name)
{
	for (int32_t i = 0; i < in->features.n; i++) {
		if (str_eq(in->features.v[i].name, name))
			return &in->features.v[i];
	}
	return NULL;
}

static int check_features(const struct controller *c, const struct controller_context *ctx,
			  const struct broker_registration_request *in)
{
	const struct image_feature *finalized;
	struct image_iter it;
	int err = 0;

	for (int32_t i = 0; err == 0 && i < in->features.n; i++) {
		const struct broker_registration_request_feature *f = &in->features.v[i];
		bool is_kraft = str_eq(f->name, KRAFT_VERSION);

		err = check_feature(ctx, f->name, f->min_supported_version, f->max_supported_version,
				    is_kraft ? ctx->kraft_version : image_feature_level(tip(c), f->name));
	}
	if (err == 0 && !find_feature(in, STR("metadata.version")))
		return refuse(ctx, ERR_INVALID_REGISTRATION, "Request features do not contain 'metadata.version'");
	image_features(tip(c), &it);
	while (err == 0 && (finalized = image_features_next(&it))) {
		if (!find_feature(in, finalized->name))
			err = check_feature(ctx, finalized->name, 0, 0, finalized->level);
	}
	if (err == 0 && !find_feature(in, KRAFT_VERSION))
		err = check_feature(ctx, KRAFT_VERSION, 0, 0, ctx->kraft_version);
	return err;
}

static int check_registration(struct controller *c, const struct controller_context *ctx,
			      const struct broker_registration_request *in, const struct image_node *existing)
{
	int err = 0;

	if (!str_is(in->cluster_id, c->cluster_id))
		return refuse(ctx, ERR_INCONSISTENT_CLUSTER_ID, "Expected cluster ID %s, but got cluster ID %.*s",
			      c->cluster_id, STR_ARG(in->cluster_id));
	if (existing && !ctx->own_node && session_is_valid(c, existing, ctx->now_ms) &&
	    !uuid_eq(existing->incarnation, in->incarnation_id))
		return refuse(
			ctx, ERR_DUPLICATE_BROKER_REGISTRATION,
			"Another broker is registered with that broker id. If the broker was recently restarted this should "
			"self-resolve once the heartbeat manager expires the broker's session.");
	if (in->is_migrating_zk_broker)
		return refuse(ctx, ERR_BROKER_ID_NOT_REGISTERED, "Controller does not support registering ZK brokers.");
	if (image_metadata_version(tip(c)) >= METADATA_VERSION_DIRECTORIES)
		err = check_directories(c, ctx, in);
	if (err == 0)
		err = check_listeners(ctx, in->listeners.v, in->listeners.n);
	return err != 0 ? err : check_features(c, ctx, in);
}

/* For a new incarnation of a broker: removes the old one from ISRs and leaderships. */
static void clean_up_after(struct controller *c, const struct controller_context *ctx,
			   const struct broker_registration_request *in, int64_t stored_epoch,
			   struct record_list *records)
{
	bool clean = ctx->version >= 3 && stored_epoch == in->previous_broker_epoch;
	struct broker_move unclean = {NOBODY, NOBODY, in->broker_id};
	struct broker_move gone = {in->broker_id, NOBODY, NOBODY};

	if (elr_is_on(tip(c)) && !clean) {
		move_broker(c, unclean, (struct partition_filter){PARTITIONS_WITH_ISR_MEMBER, in->broker_id, UUID_ZERO},
			    records);
		move_broker(c, unclean, (struct partition_filter){PARTITIONS_WITH_ELR_MEMBER, in->broker_id, UUID_ZERO},
			    records);
	} else {
		move_broker(c, gone, (struct partition_filter){PARTITIONS_WITH_ISR_MEMBER, in->broker_id, UUID_ZERO},
			    records);
	}
}

static void fill_registration(const struct broker_registration_request *in, struct register_broker_record *r,
			      bool with_directories)
{
	r->broker_id = in->broker_id;
	r->incarnation_id = in->incarnation_id;
	r->rack = in->rack;
	r->end_points.v = in->listeners.v;
	r->end_points.n = in->listeners.n;
	r->features.v = in->features.v;
	r->features.n = in->features.n;
	if (with_directories) {
		r->log_dirs.v = in->log_dirs.v;
		r->log_dirs.n = in->log_dirs.n;
	}
}

int controller_broker_registration(struct controller *c, const struct controller_context *ctx,
				   const struct broker_registration_request *in,
				   struct broker_registration_response *out, struct record_list *records)
{
	const struct image_node *existing = image_broker(tip(c), in->broker_id);
	int16_t level = image_metadata_version(tip(c));
	int err = check_registration(c, ctx, in, existing);
	struct register_broker_record *r;
	struct image_node now;

	if (err != 0)
		return err;
	now = (struct image_node){.id = in->broker_id, .epoch = image_offset(tip(c)) + 1};
	if (!existing || !uuid_eq(existing->incarnation, in->incarnation_id))
		clean_up_after(c, ctx, in, existing ? existing->epoch : -2, records);
	r = record_list_add(records, RECORD_REGISTER_BROKER, metadata_version_of_register_broker(level));
	if (!r)
		return ERR_UNKNOWN_SERVER_ERROR;
	fill_registration(in, r, level >= METADATA_VERSION_DIRECTORIES);
	if (existing && uuid_eq(existing->incarnation, in->incarnation_id)) {
		r->fenced = existing->fenced;
		r->in_controlled_shutdown = existing->in_controlled_shutdown;
		now.epoch = existing->epoch;
	}
	r->broker_epoch = now.epoch;
	out->broker_epoch = now.epoch;
	heartbeat_of(c, &now, NEVER)->why_fenced = r->fenced ? FENCE_RESTART : FENCE_NONE;
	return 0;
}

/* ---- heartbeats ---- */

enum control_state { FENCED, UNFENCED, CONTROLLED_SHUTDOWN, SHUTDOWN_NOW };

static enum control_state state_now(const struct image_node *broker, const struct heartbeat *h)
{
	if (h->shutdown_offset >= 0)
		return CONTROLLED_SHUTDOWN;
	return broker->fenced ? FENCED : UNFENCED;
}

static int64_t lowest_active_offset(struct controller *c)
{
	int64_t lowest = INT64_MAX;

	for (int i = 0; i < c->n_heartbeats; i++) {
		const struct heartbeat *h = &c->heartbeats[i];
		const struct image_node *broker = image_broker(tip(c), h->broker_id);

		if (broker && !broker->fenced && h->shutdown_offset < 0 && h->metadata_offset < lowest)
			lowest = h->metadata_offset;
	}
	return lowest;
}

static enum control_state state_next(struct controller *c, const struct broker_heartbeat_request *in,
				     const struct heartbeat *h, enum control_state now)
{
	switch (now) {
	case FENCED:
		if (in->want_shut_down)
			return SHUTDOWN_NOW;
		return !in->want_fence && in->current_metadata_offset >= h->registered_offset ? UNFENCED : FENCED;
	case UNFENCED:
		if (in->want_fence)
			return in->want_shut_down ? SHUTDOWN_NOW : FENCED;
		if (!in->want_shut_down)
			return UNFENCED;
		return broker_leads_something(tip(c), in->broker_id) ? CONTROLLED_SHUTDOWN : SHUTDOWN_NOW;
	case CONTROLLED_SHUTDOWN:
		if (broker_leads_something(tip(c), in->broker_id))
			return CONTROLLED_SHUTDOWN;
		return h->shutdown_offset <= lowest_active_offset(c) ? SHUTDOWN_NOW : CONTROLLED_SHUTDOWN;
	case SHUTDOWN_NOW:
		break;
	}
	return SHUTDOWN_NOW;
}

static struct broker_registration_change_record *add_change(const struct image_node *broker, int16_t version,
							    struct record_list *records)
{
	struct broker_registration_change_record *r =
		record_list_add(records, RECORD_BROKER_REGISTRATION_CHANGE, version);

	if (r) {
		r->broker_id = broker->id;
		r->broker_epoch = broker->epoch;
	}
	return r;
}

const char *controller_fence_reason(const struct controller *c, int32_t broker_id)
{
	static const char *const words[] = {
		[FENCE_NONE] = NULL,
		[FENCE_SESSION] = "no heartbeat within broker.session.timeout.ms",
		[FENCE_GONE] = "its process is gone",
		[FENCE_ASKED] = "it asked to be",
		[FENCE_SHUTDOWN] = "controlled shutdown",
		[FENCE_RESTART] = "it has started anew",
	};

	for (int i = 0; i < c->n_heartbeats; i++)
		if (c->heartbeats[i].broker_id == broker_id)
			return words[c->heartbeats[i].why_fenced];
	return NULL;
}

int64_t controller_heartbeat_age_ms(const struct controller *c, int32_t broker_id, int64_t now_ms)
{
	for (int i = 0; i < c->n_heartbeats; i++)
		if (c->heartbeats[i].broker_id == broker_id && c->heartbeats[i].last_contact_ms != NEVER)
			return now_ms - c->heartbeats[i].last_contact_ms;
	return -1;
}

void fence_broker(struct controller *c, const struct image_node *broker, enum fence_reason why,
		  struct record_list *records)
{
	struct broker_move gone = {broker->id, NOBODY, NOBODY};
	struct broker_registration_change_record *r;
	struct heartbeat *h = heartbeat_find(c, broker->id);

	if (h) {
		h->why_fenced = why;
		h->shutdown_offset = -1; /* a fenced broker leaves the controlled shutdown: it may end at once */
	}
	move_broker(c, gone, (struct partition_filter){PARTITIONS_WITH_ISR_MEMBER, broker->id, UUID_ZERO}, records);
	r = add_change(broker, 0, records);
	if (r)
		r->fenced = 1;
}

void controller_fence(struct controller *c, int32_t broker_id, int64_t broker_epoch, struct record_list *records)
{
	const struct image_node *broker = image_broker(tip(c), broker_id);
	struct heartbeat *h = heartbeat_find(c, broker_id);

	if (!broker || broker->epoch != broker_epoch || broker->fenced)
		return;
	if (h)
		h->last_contact_ms = NEVER;
	fence_broker(c, broker, FENCE_GONE, records);
}

static void unfence_broker(struct controller *c, const struct image_node *broker, struct record_list *records)
{
	struct broker_move back = {NOBODY, broker->id, NOBODY};
	struct broker_registration_change_record *r = add_change(broker, 0, records);

	if (r)
		r->fenced = -1;
	move_broker(c, back, (struct partition_filter){PARTITIONS_WITHOUT_LEADER, NOBODY, UUID_ZERO}, records);
}

static void begin_shutdown(struct controller *c, const struct image_node *broker, struct record_list *records)
{
	struct broker_move gone = {broker->id, NOBODY, NOBODY};

	if (!broker->in_controlled_shutdown) {
		struct broker_registration_change_record *r = add_change(broker, 1, records);

		if (r)
			r->in_controlled_shutdown = 1;
	}
	move_broker(c, gone, (struct partition_filter){PARTITIONS_WITH_ISR_MEMBER, broker->id, UUID_ZERO}, records);
}

static void directories_offline(struct controller *c, const struct image_node *broker,
				const struct broker_heartbeat_request *in, struct record_list *records)
{
	struct broker_move gone = {broker->id, NOBODY, NOBODY};
	struct broker_registration_change_record *r;
	struct uuid *left = arena_array(records->arena, (size_t)broker->n_log_dirs, sizeof(*left));
	int n = 0;

	for (int i = 0; left && i < broker->n_log_dirs; i++) {
		struct uuid directory = broker->log_dirs[i];

		if (in->offline_log_dirs.n > 0 &&
		    has_directory(in->offline_log_dirs.v, in->offline_log_dirs.n, directory))
			move_broker(c, gone, (struct partition_filter){PARTITIONS_IN_DIRECTORY, broker->id, directory},
				    records);
		else
			left[n++] = directory;
	}
	if (!left || n == broker->n_log_dirs)
		return;
	r = add_change(broker, 2, records);
	if (r) {
		r->log_dirs.v = left;
		r->log_dirs.n = n;
	}
}

static void directories_cordoned(const struct image_node *broker, const struct broker_heartbeat_request *in,
				 struct record_list *records)
{
	bool same = broker->has_cordoned && broker->n_cordoned_dirs == in->cordoned_log_dirs.n;
	struct broker_registration_change_record *r;

	if (in->cordoned_log_dirs.n < 0)
		return;
	for (int32_t i = 0; same && i < in->cordoned_log_dirs.n; i++)
		same = has_directory(broker->cordoned_dirs, broker->n_cordoned_dirs, in->cordoned_log_dirs.v[i]);
	if (same)
		return;
	r = add_change(broker, 3, records);
	if (r) {
		r->cordoned_log_dirs.v = in->cordoned_log_dirs.v;
		r->cordoned_log_dirs.n = in->cordoned_log_dirs.n;
	}
}

static void move_to(struct controller *c, const struct image_node *broker, struct heartbeat *h, enum control_state next,
		    struct record_list *records)
{
	switch (next) {
	case FENCED:
	case SHUTDOWN_NOW:
		fence_broker(c, broker, next == FENCED ? FENCE_ASKED : FENCE_SHUTDOWN, records);
		break;
	case UNFENCED:
		unfence_broker(c, broker, records);
		break;
	case CONTROLLED_SHUTDOWN:
		begin_shutdown(c, broker, records);
		h->shutdown_offset = image_offset(tip(c)) + records->n;
		break;
	}
}

int controller_broker_heartbeat(struct controller *c, const struct controller_context *ctx,
				const struct broker_heartbeat_request *in, struct broker_heartbeat_response *out,
				struct record_list *records)
{
	int err = check_broker_epoch(c, ctx, in->broker_id, in->broker_epoch);
	const struct image_node *broker = image_broker(tip(c), in->broker_id);
	int16_t level = image_metadata_version(tip(c));
	enum control_state now;
	enum control_state next;
	struct heartbeat *h;

	if (err != 0)
		return err;
	h = heartbeat_of(c, broker, ctx->now_ms);
	now = state_now(broker, h);
	next = state_next(c, in, h, now);
	if (next != now)
		move_to(c, broker, h, next, records);
	h->last_contact_ms = next == SHUTDOWN_NOW ? NEVER : ctx->now_ms; /* it may come back at once */
	h->metadata_offset = in->current_metadata_offset;
	if (level >= METADATA_VERSION_DIRECTORIES)
		directories_offline(c, broker, in, records);
	if (level >= METADATA_VERSION_CORDONED_DIRS)
		directories_cordoned(broker, in, records);
	out->is_caught_up = in->current_metadata_offset >= h->registered_offset;
	out->is_fenced = next == FENCED || next == SHUTDOWN_NOW;
	out->should_shut_down = next == SHUTDOWN_NOW;
	return 0;
}

/* ---- unregistration; controllers ---- */

int controller_unregister_broker(struct controller *c, const struct controller_context *ctx,
				 const struct unregister_broker_request *in, struct unregister_broker_response *out,
				 struct record_list *records)
{
	const struct image_node *broker = image_broker(tip(c), in->broker_id);
	struct broker_move gone = {in->broker_id, NOBODY, NOBODY};
	struct unregister_broker_record *r;

	(void)out;
	if (!broker)
		return refuse(ctx, ERR_BROKER_ID_NOT_REGISTERED, "Broker ID %d is not currently registered",
			      in->broker_id);
	move_broker(c, gone, (struct partition_filter){PARTITIONS_WITH_ISR_MEMBER, in->broker_id, UUID_ZERO}, records);
	move_broker(c, gone, (struct partition_filter){PARTITIONS_WITH_ELR_MEMBER, in->broker_id, UUID_ZERO}, records);
	r = record_list_add(records, RECORD_UNREGISTER_BROKER, 0);
	if (r)
		*r = (struct unregister_broker_record){in->broker_id, broker->epoch};
	return 0;
}

int controller_controller_registration(struct controller *c, const struct controller_context *ctx,
				       const struct controller_registration_request *in,
				       struct controller_registration_response *out, struct record_list *records)
{
	struct register_controller_record *r;
	int err;

	(void)out;
	if (image_metadata_version(tip(c)) < METADATA_VERSION_CONTROLLER_REGISTRATION)
		return refuse(ctx, ERR_UNSUPPORTED_VERSION,
			      "The current MetadataVersion is too old to support controller registrations.");
	err = check_listeners(ctx, in->listeners.v, in->listeners.n);
	if (err != 0)
		return err;
	r = record_list_add(records, RECORD_REGISTER_CONTROLLER, 0);
	if (!r)
		return ERR_UNKNOWN_SERVER_ERROR;
	r->controller_id = in->controller_id;
	r->incarnation_id = in->incarnation_id;
	r->end_points.v = in->listeners.v;
	r->end_points.n = in->listeners.n;
	r->features.v = in->features.v;
	r->features.n = in->features.n;
	return 0;
}

int controller_unregister_controller(struct controller *c, const struct controller_context *ctx,
				     const struct unregister_controller_request *in,
				     struct unregister_controller_response *out, struct record_list *records)
{
	struct unregister_controller_record *r;

	(void)out;
	if (in->controller_id == c->node_id)
		return refuse(ctx, ERR_INVALID_REQUEST, "Controller cannot unregister itself while it is active.");
	if (image_metadata_version(tip(c)) < METADATA_VERSION_UNREGISTER_CONTROLLER)
		return refuse(ctx, ERR_UNSUPPORTED_VERSION,
			      "The current MetadataVersion is too old to support controller unregistration.");
	if (!image_controller(tip(c), in->controller_id))
		return refuse(ctx, ERR_CONTROLLER_ID_NOT_REGISTERED, "Controller ID %d is not currently registered.",
			      in->controller_id);
	r = record_list_add(records, RECORD_UNREGISTER_CONTROLLER, 0);
	if (r)
		r->controller_id = in->controller_id;
	return 0;
}
