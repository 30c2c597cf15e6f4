/*
 * configs: AlterConfigs and IncrementalAlterConfigs (ConfigurationControlManager): the requested
 * changes are applied to the present settings, the resulting set is checked as a whole, and the
 * differences become records. Each resource succeeds or fails as a whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str_index.h"
#include "controller/internal.h"
#include "metadata/topic_name.h"
#include "metadata/version.h"
#include "protocol/alter_configs.h"
#include "protocol/incremental_alter_configs.h"
#include "protocol/metadata_records.h"

#define MIN_ISR STR("min.insync.replicas")
#define VALUE_MAX 32767

enum { OP_SET = 0, OP_DELETE = 1, OP_APPEND = 2, OP_SUBTRACT = 3 };

/* One resource of a request of either kind. */
struct change {
	const struct controller *c;
	const struct controller_context *ctx;
	int8_t type;
	struct str name;
	const struct image_configs *old;
	struct config_pair *set; /* what is explicitly set, or deleted (null), each name once */
	int n_set;
	struct str_index names; /* indexes `set` */
	bool replaces;		/* AlterConfigs: settings not named are deleted */
};

static struct api_error null_values(const struct change *ch, struct str names)
{
	return api_error(ch->ctx->arena, ERR_INVALID_REQUEST, "Null value not supported for : %.*s", STR_ARG(names));
}

/* ---- lists ---- */

/* The next item of a list, which may be empty, as by Java's split(","). */
static bool next_item(struct str *rest, struct str *item)
{
	int32_t len = 0;

	if (rest->len <= 0)
		return false;
	while (len < rest->len && rest->p[len] != ',')
		len++;
	*item = (struct str){rest->p, len};
	rest->p += len < rest->len ? len + 1 : len;
	rest->len -= len < rest->len ? len + 1 : len;
	return true;
}

static struct str without_empty_end(struct str list)
{
	while (list.len > 0 && list.p[list.len - 1] == ',')
		list.len--;
	return list;
}

static void put_item(struct buf *out, int *n, struct str item)
{
	if ((*n)++ > 0)
		buf_put(out, ",", 1);
	buf_put_str(out, item);
}

/* Puts the non-empty items of `list`, then those items of `more` that are not among them. */
static void join_lists(struct str list, struct str more, struct str_index *index, struct buf *out)
{
	struct str rest = list, item;
	int n = 0;

	while (next_item(&rest, &item)) {
		if (item.len == 0)
			continue;
		*str_index_at(index, item) = 0;
		put_item(out, &n, item);
	}
	if (more.len == 0 && !str_index_has(index, more)) /* Java splits an empty string into one empty item */
		put_item(out, &n, more);
	rest = without_empty_end(more);
	while (next_item(&rest, &item))
		if (!str_index_has(index, item)) {
			*str_index_at(index, item) = 0;
			put_item(out, &n, item);
		}
}

/* The items of `list` that are not empty, without the first one that equals each item of `less`. */
static void thin_list(struct str list, struct str less, struct str_index *index, struct buf *out)
{
	struct str rest = without_empty_end(less), item;
	int n = 0;

	while (next_item(&rest, &item))
		++*str_index_at(index, item); /* one less than the number of occurrences */
	rest = list;
	while (next_item(&rest, &item)) {
		if (item.len == 0)
			continue;
		if (str_index_get(index, item) >= 0)
			--*str_index_at(index, item);
		else
			put_item(out, &n, item);
	}
}

static struct str change_items(const struct controller_context *ctx, int8_t operation, struct str list,
			       struct str value)
{
	struct str_index index;
	struct buf out = {0};
	struct str changed;

	str_index_init(&index, ctx->random(ctx->random_arg));
	if (operation == OP_APPEND)
		join_lists(list, value, &index, &out);
	else
		thin_list(list, value, &index, &out);
	str_index_fini(&index);
	changed = out.len > 0 ? arena_str(ctx->arena, buf_str(&out)) : STR("");
	buf_fini(&out);
	return changed;
}

static enum config_scope scope_of(int8_t type)
{
	return type == RESOURCE_BROKER ? CONFIG_SCOPE_NODE : (enum config_scope)type;
}

static const char *operation_name(int8_t operation)
{
	return operation == OP_APPEND ? "APPEND" : "SUBTRACT";
}

static struct api_error change_list(const struct change *ch, struct str name, int8_t operation, struct str value,
				    struct str *out)
{
	/* Kafka knows the types of these only */
	bool has_lists = ch->type == RESOURCE_TOPIC || ch->type == RESOURCE_BROKER;
	const struct config_setting *s = has_lists ? config_setting_find(scope_of(ch->type), name) : NULL;
	struct str old = image_config_value(ch->old, name);

	if (!s || s->type != CONFIG_TYPE_LIST)
		return api_error(ch->ctx->arena, ERR_INVALID_CONFIG,
				 "Can't %s to key %.*s because its type is not LIST.", operation_name(operation),
				 STR_ARG(name));
	if (str_is_null(old))
		old = str_of(s->default_text ? s->default_text : "");
	*out = change_items(ch->ctx, operation, old, value);
	return API_OK;
}

/* ---- checks ---- */

static bool has_name(const struct change *ch, struct str name)
{
	return str_index_has(&ch->names, name);
}

/* With ELR there is one min.insync.replicas for all brokers (KIP-966). */
static struct api_error check_min_isr(const struct change *ch, struct str name, struct str value)
{
	if (ch->type != RESOURCE_BROKER || !str_eq(name, MIN_ISR) || !elr_is_on(tip(ch->c)))
		return API_OK;
	if (ch->name.len > 0)
		return (struct api_error){
			ERR_INVALID_CONFIG,
			STR("Broker-level min.insync.replicas cannot be altered while ELR is enabled.")};
	if (ch->name.len == 0 && str_is_null(value))
		return (struct api_error){
			ERR_INVALID_CONFIG,
			STR("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")};
	return API_OK;
}

static bool encrypts(const struct image_node *broker)
{
	for (int i = 0; i < broker->n_features; i++)
		if (str_is(broker->features[i].name, FEATURE_ENCRYPTION))
			return broker->features[i].max > 0;
	return false;
}

struct api_error check_encryption(const struct controller *c, struct str name, struct str value)
{
	struct str trimmed = str_is_null(value) ? STR("") : str_trim(value);
	const struct image_node *broker;
	struct image_iter it;

	if (!str_is(name, "odradek.encryption.enable") || !str_is_true(trimmed))
		return API_OK;
	image_brokers(tip(c), &it);
	while ((broker = image_nodes_next(&it)))
		if (encrypts(broker))
			return API_OK;
	return (struct api_error){ERR_INVALID_CONFIG,
				  STR("odradek.encryption.enable=true: no broker has a key "
				      "(odradek.log.encryption.key.file or odradek.log.encryption.key.command).")};
}

/* KIP-1066: until metadata.version has the records, a broker cannot say what it has cordoned. */
static struct api_error check_cordoned(const struct change *ch, struct str name)
{
	if (ch->type == RESOURCE_BROKER && str_is(name, "cordoned.log.dirs") &&
	    image_metadata_version(tip(ch->c)) < METADATA_VERSION_CORDONED_DIRS)
		return (struct api_error){ERR_INVALID_CONFIG,
					  STR("The cordoned.log.dirs configuration value cannot be set because it "
					      "requires metadata.version >= 4.3-IV0")};
	return API_OK;
}

static struct api_error check_value(const struct change *ch, const struct config_pair *pair)
{
	struct api_error e = ch->type == RESOURCE_TOPIC ? check_encryption(ch->c, pair->name, pair->value) : API_OK;

	if (!e.code)
		e = check_cordoned(ch, pair->name);
	if (e.code)
		return e;
	if (pair->value.len > VALUE_MAX)
		return (struct api_error){ERR_INVALID_CONFIG,
					  STR("The configuration value cannot be added because it exceeds the maximum "
					      "value size of 32767 bytes.")};
	return check_min_isr(ch, pair->name, pair->value);
}

/* A broker's name is its id. */
static struct api_error check_broker_name(struct str name, int32_t *id)
{
	*id = -1;
	if (name.len == 0)
		return API_OK;
	if (!str_to_i32(name, id))
		return (struct api_error){ERR_INVALID_REQUEST, STR("Unable to parse broker name as a base 10 number.")};
	return *id >= 0 ? API_OK : (struct api_error){ERR_INVALID_REQUEST, STR("Invalid negative broker ID.")};
}

static struct api_error check_resource(const struct change *ch)
{
	struct arena *a = ch->ctx->arena;
	struct str wrong;
	int32_t id;

	switch (ch->type) {
	case RESOURCE_TOPIC:
		if (ch->name.len == 0)
			return (struct api_error){ERR_INVALID_REQUEST, STR("Default topic resources are not allowed.")};
		wrong = topic_name_check(ch->name, a);
		return str_is_null(wrong) ? API_OK : (struct api_error){ERR_INVALID_TOPIC_EXCEPTION, wrong};
	case RESOURCE_BROKER:
		return check_broker_name(ch->name, &id);
	case RESOURCE_GROUP:
		if (ch->name.len == 0)
			return (struct api_error){ERR_INVALID_REQUEST, STR("Default group resources are not allowed.")};
		return API_OK;
	case RESOURCE_CLIENT_METRICS:
		if (ch->name.len == 0)
			return (struct api_error){ERR_INVALID_REQUEST, STR("Subscription name can't be empty")};
		return API_OK;
	default:
		return api_error(a, ERR_INVALID_REQUEST, "Unknown resource type %d", ch->type);
	}
}

static struct api_error check_exists(const struct change *ch)
{
	int32_t id = -1;

	if (ch->type == RESOURCE_BROKER)
		check_broker_name(ch->name, &id);
	if (ch->type == RESOURCE_TOPIC && !image_topic_by_name(tip(ch->c), ch->name))
		return api_error(ch->ctx->arena, ERR_UNKNOWN_TOPIC_OR_PARTITION, "The topic '%.*s' does not exist.",
				 STR_ARG(ch->name));
	if (ch->type == RESOURCE_BROKER && ch->name.len > 0 && id != ch->c->node_id && !image_broker(tip(ch->c), id) &&
	    !image_controller(tip(ch->c), id))
		return api_error(ch->ctx->arena, ERR_BROKER_ID_NOT_REGISTERED, "No node with id %d found.", id);
	return API_OK;
}

/* The resulting settings of the resource: the old values that stay, and the new ones. */
static int whole_set(const struct change *ch, struct config_pair *out)
{
	int n = 0;

	for (int i = 0; ch->old && !ch->replaces && i < ch->old->n; i++) {
		if (!has_name(ch, ch->old->v[i].name))
			out[n++] = (struct config_pair){ch->old->v[i].name, ch->old->v[i].value};
	}
	for (int i = 0; i < ch->n_set; i++) {
		if (!str_is_null(ch->set[i].value))
			out[n++] = ch->set[i];
	}
	return n;
}

static struct api_error check_set(const struct change *ch)
{
	struct arena *a = ch->ctx->arena;
	int n_old = ch->old ? ch->old->n : 0;
	struct config_pair *all = arena_array(a, (size_t)(n_old + ch->n_set) + 1, sizeof(*all));
	struct config_pair *old = arena_array(a, (size_t)n_old + 1, sizeof(*old));
	struct str message = STR_NULL;
	int err = 0;
	int n;

	if (a->failed)
		return (struct api_error){ERR_UNKNOWN_SERVER_ERROR, STR_NULL};
	n = whole_set(ch, all);
	for (int i = 0; i < n_old; i++)
		old[i] = (struct config_pair){ch->old->v[i].name, ch->old->v[i].value};
	if (ch->type == RESOURCE_TOPIC)
		err = config_check_topic(ch->c->config, all, n, old, n_old, a, &message);
	else if (ch->type == RESOURCE_BROKER)
		err = config_check_broker(ch->c->config, ch->name.len > 0, all, n, a, &message);
	else if (ch->type == RESOURCE_GROUP)
		err = config_check_group(ch->c->config, all, n, a, &message);
	else
		err = config_check_client_metrics(all, n, a, &message);
	return (struct api_error){err_to_kafka(err), message};
}

static struct api_error check_change(const struct change *ch)
{
	struct api_error e = check_resource(ch);

	for (int i = 0; e.code == 0 && i < ch->n_set; i++)
		e = check_value(ch, &ch->set[i]);
	for (int i = 0; e.code == 0 && ch->replaces && ch->old && i < ch->old->n; i++) {
		if (!has_name(ch, ch->old->v[i].name))
			e = check_min_isr(ch, ch->old->v[i].name, STR_NULL);
	}
	if (e.code == 0)
		e = check_set(ch);
	return e.code == 0 ? check_exists(ch) : e;
}

/* ---- records ---- */

static void add_record(const struct change *ch, struct record_list *records, struct str name, struct str value)
{
	struct config_record *r = record_list_add(records, RECORD_CONFIG, 0);

	if (r)
		*r = (struct config_record){ch->type, ch->name, name, value};
}

static void add_records(const struct change *ch, struct record_list *records)
{
	for (int i = 0; i < ch->n_set; i++) {
		struct str old = image_config_value(ch->old, ch->set[i].name);

		/*
		 * A broker's are written even when nothing changes: that makes it reread the files
		 * that they name (KAFKA-14136).
		 */
		if (ch->type == RESOURCE_BROKER || !str_eq(old, ch->set[i].value))
			add_record(ch, records, ch->set[i].name, ch->set[i].value);
	}
	for (int i = 0; ch->replaces && ch->old && i < ch->old->n; i++) {
		if (!has_name(ch, ch->old->v[i].name))
			add_record(ch, records, ch->old->v[i].name, STR_NULL);
	}
}

int add_clear_elr(const struct controller *c, struct record_list *records, struct str topic)
{
	struct clear_elr_record *r;

	if (!elr_is_on(tip(c)))
		return 0;
	r = record_list_add(records, RECORD_CLEAR_ELR, 0);
	if (!r)
		return -ENOMEM;
	r->topic_name = topic;
	return 0;
}

/* Appends, after all records of the request, what a change of min.insync.replicas requires. */
static int finish(struct controller *c, const struct controller_context *ctx, bool validate_only,
		  struct record_list *records)
{
	int n = records->n;

	if (validate_only) {
		records->n = 0;
		return 0;
	}
	for (int i = 0; i < n; i++) {
		const struct config_record *r = records->v[i].body;

		if (str_eq(r->name, MIN_ISR))
			add_clear_elr(c, records, r->resource_type == RESOURCE_TOPIC ? r->resource_name : STR(""));
	}
	if (records->n > RECORDS_PER_OPERATION_MAX)
		return refuse_large(ctx);
	records->atomic = true;
	return 0;
}

/* ---- the two requests ---- */

/* Adds a name that is not there yet. */
static void put(struct change *ch, struct config_pair pair)
{
	*str_index_at(&ch->names, pair.name) = ch->n_set;
	ch->set[ch->n_set++] = pair;
}

/* What one request names: resources, and the number of their settings. */
struct census {
	struct arena *arena;
	struct str_index resources; /* one less than how often each is named */
	int64_t n_settings;
};

/* Valid until the end; NULL without memory, which the arena has recorded. */
static int *count_of(struct census *x, int8_t type, struct str name)
{
	char *key = arena_alloc(x->arena, (size_t)name.len + 1);

	if (!key)
		return NULL;
	key[0] = (char)type;
	memcpy(key + 1, name.p, (size_t)name.len);
	return str_index_at(&x->resources, (struct str){key, name.len + 1});
}

/*
 * False: more than one request may name. Kafka counts the records; settings without a record take
 * time as well.
 */
static bool count(struct census *x, int8_t type, struct str name, int32_t n_settings)
{
	int *n = count_of(x, type, name);

	if (n)
		++*n;
	x->n_settings += n_settings > 0 ? n_settings : 0;
	return x->n_settings <= RECORDS_PER_OPERATION_MAX;
}

static struct api_error check_once(struct census *x, int8_t type, struct str name)
{
	const int *n = count_of(x, type, name);

	return n && *n > 0 ? (struct api_error){ERR_INVALID_REQUEST, STR("Each resource must appear at most once.")}
			   : API_OK;
}

static void census_init(struct census *x, const struct controller_context *ctx)
{
	*x = (struct census){.arena = ctx->arena};
	str_index_init(&x->resources, ctx->random(ctx->random_arg));
}

static void census_fini(struct census *x)
{
	str_index_fini(&x->resources);
}

static struct change change_of(const struct controller *c, const struct controller_context *ctx, int8_t type,
			       struct str name, int32_t n, bool replaces)
{
	struct change ch = {
		.c = c,
		.ctx = ctx,
		.type = type,
		.name = name,
		.old = image_configs(tip(c), (enum image_resource)type, name),
		.set = arena_array(ctx->arena, (size_t)n, sizeof(struct config_pair)),
		.replaces = replaces,
	};

	str_index_init(&ch.names, ctx->random(ctx->random_arg));
	return ch;
}

/*
 * `old` points into the image: strings of records made from it live as long as the tip, which
 * outlives the request's append.
 */
static struct api_error run_change(const struct change *ch, struct record_list *records)
{
	struct api_error e = check_change(ch);

	if (e.code == 0)
		add_records(ch, records);
	return e;
}

static struct api_error legacy_set(struct change *ch, const struct incremental_alter_configs_request_resource *r)
{
	for (int32_t i = 0; ch->set && i < r->configs.n; i++) {
		struct config_pair pair = {r->configs.v[i].name, r->configs.v[i].value};

		if (has_name(ch, pair.name))
			return (struct api_error){ERR_INVALID_REQUEST, STR("Error due to duplicate config keys")};
		if (str_is_null(pair.value))
			return null_values(ch, pair.name);
		put(ch, pair);
	}
	return API_OK;
}

static struct api_error work_out(struct change *ch, const struct incremental_alter_configs_request_config *from)
{
	struct config_pair pair = {from->name, from->value};
	struct api_error e = API_OK;

	if (from->config_operation < OP_SET || from->config_operation > OP_SUBTRACT)
		return (struct api_error){ERR_UNKNOWN_SERVER_ERROR,
					  STR_NULL}; /* Kafka fails with an exception here, and gives no message */
	if (has_name(ch, pair.name))
		return (struct api_error){ERR_INVALID_REQUEST, STR("Error due to duplicate config keys")};
	if (from->config_operation != OP_DELETE && str_is_null(pair.value))
		return null_values(ch, pair.name);
	if (from->config_operation == OP_DELETE)
		pair.value = STR_NULL;
	else if (from->config_operation != OP_SET)
		e = change_list(ch, pair.name, from->config_operation, pair.value, &pair.value);
	if (e.code == 0)
		put(ch, pair);
	return e;
}

static struct api_error incremental_set(struct change *ch, const struct incremental_alter_configs_request_resource *r)
{
	struct api_error e = API_OK;

	for (int32_t i = 0; ch->set && e.code == 0 && i < r->configs.n; i++)
		e = work_out(ch, &r->configs.v[i]);
	return e;
}

/* ---- both requests: AlterConfigs replaces what is set ---- */

static struct api_error alter_one(struct controller *c, const struct controller_context *ctx,
				  const struct incremental_alter_configs_request_resource *r, bool replaces,
				  struct record_list *records)
{
	struct change ch = change_of(c, ctx, r->resource_type, r->resource_name, r->configs.n, replaces);
	struct api_error e = replaces ? legacy_set(&ch, r) : incremental_set(&ch, r);

	if (e.code == 0)
		e = run_change(&ch, records);
	str_index_fini(&ch.names);
	return e;
}

static bool fits(struct census *x, const struct incremental_alter_configs_request *in)
{
	bool ok = in->resources.n <= RECORDS_PER_OPERATION_MAX;

	for (int32_t i = 0; ok && i < in->resources.n; i++)
		ok = count(x, in->resources.v[i].resource_type, in->resources.v[i].resource_name,
			   in->resources.v[i].configs.n);
	return ok;
}

static void alter_all(struct controller *c, const struct controller_context *ctx, struct census *x,
		      const struct incremental_alter_configs_request *in, bool replaces,
		      struct incremental_alter_configs_response *out, struct record_list *records)
{
	out->responses.v = arena_array(ctx->arena, (size_t)in->resources.n, sizeof(*out->responses.v));
	out->responses.n = out->responses.v ? in->resources.n : 0;
	for (int32_t i = 0; i < out->responses.n; i++) {
		const struct incremental_alter_configs_request_resource *r = &in->resources.v[i];
		struct api_error e = check_once(x, r->resource_type, r->resource_name);

		if (e.code == 0)
			e = alter_one(c, ctx, r, replaces, records);
		out->responses.v[i] = (struct incremental_alter_configs_response_resource){
			.error_code = (int16_t)e.code,
			.error_message = e.message,
			.resource_type = r->resource_type,
			.resource_name = r->resource_name,
		};
	}
}

static int alter(struct controller *c, const struct controller_context *ctx,
		 const struct incremental_alter_configs_request *in, bool replaces,
		 struct incremental_alter_configs_response *out, struct record_list *records)
{
	struct census x;
	bool ok;

	census_init(&x, ctx);
	ok = fits(&x, in);
	if (ok)
		alter_all(c, ctx, &x, in, replaces, out, records);
	census_fini(&x);
	return ok ? finish(c, ctx, in->validate_only, records) : refuse_large(ctx);
}

int controller_alter_configs(struct controller *c, const struct controller_context *ctx,
			     const struct incremental_alter_configs_request *in,
			     struct incremental_alter_configs_response *out, struct record_list *records)
{
	return alter(c, ctx, in, true, out, records);
}

int controller_incremental_alter_configs(struct controller *c, const struct controller_context *ctx,
					 const struct incremental_alter_configs_request *in,
					 struct incremental_alter_configs_response *out, struct record_list *records)
{
	return alter(c, ctx, in, false, out, records);
}
