/*
 * alter: checks the changes of a request, this broker's own in full, and tries the stores of
 * listeners in a job.
 */
#include "broker/alter.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str_index.h"
#include "broker/cordon.h"
#include "broker/core.h"
#include "broker/dispatch.h"
#include "broker/layers.h"
#include "broker/logger.h"
#include "broker/node_private.h"
#include "broker/permission.h"
#include "broker/secure.h"
#include "config/config.h"
#include "metadata/image.h"

static void refuse(struct alteration *a, int err, struct str message)
{
	a->err = err;
	a->message = message;
	a->done = true;
}

/* ---- checks that apply to any resource ---- */

static int compare_resources(const void *x, const void *y)
{
	const struct alteration *a = *(struct alteration *const *)x, *b = *(struct alteration *const *)y;

	return a->type != b->type ? a->type - b->type : str_cmp(a->name, b->name);
}

/* A controller refuses both in one answer. */
static void refuse_again(const struct request *r, struct alteration *first, struct alteration *again)
{
	const char *words = r->from_controller ? "Duplicate resource." : "Each resource must appear at most once.";

	refuse(first, ERR_INVALID_REQUEST, str_of(words));
	refuse(again, ERR_INVALID_REQUEST, str_of(words));
	again->is_left_out = r->from_controller;
}

/* Refuses every occurrence of a resource that is named more than once. */
static int check_once(struct request *r, struct alter *alter)
{
	struct alteration **sorted = arena_array(&r->arena, (size_t)alter->n + 1, sizeof(struct alteration *));

	if (!sorted)
		return -ENOMEM;
	for (int i = 0; i < alter->n; i++)
		sorted[i] = &alter->v[i];
	qsort(sorted, (size_t)alter->n, sizeof(struct alteration *), compare_resources);
	for (int i = 1; i < alter->n; i++)
		if (compare_resources(&sorted[i - 1], &sorted[i]) == 0)
			refuse_again(r, sorted[i - 1], sorted[i]);
	return 0;
}

static int compare_names(const void *x, const void *y)
{
	return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* 1, 0, or -ENOMEM. */
static int has_duplicates(struct request *r, const struct alteration *a)
{
	struct str *sorted = arena_array(&r->arena, (size_t)a->n_changes + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (int i = 0; i < a->n_changes; i++)
		sorted[i] = a->changes[i].name;
	qsort(sorted, (size_t)a->n_changes, sizeof(*sorted), compare_names);
	for (int i = 1; i < a->n_changes; i++)
		if (str_eq(sorted[i], sorted[i - 1]))
			return 1;
	return 0;
}

/* The names of changes that need a value and have none; null when there are none. */
static struct str without_value(const struct alteration *a, struct arena *arena)
{
	struct buf names = {0};
	struct str out;
	int n = 0;

	for (int i = 0; i < a->n_changes; i++) {
		const struct alter_change *c = &a->changes[i];

		if (c->operation == ALTER_DELETE || !str_is_null(c->value))
			continue;
		buf_printf(&names, "%s%.*s", n++ > 0 ? ", " : "", STR_ARG(c->name));
	}
	out = n == 0 ? STR_NULL : names.len > 0 ? arena_str(arena, buf_str(&names)) : STR("");
	buf_fini(&names);
	return out;
}

/* ---- a broker's own settings ---- */

/* The settings of one resource while changes are applied to them. */
struct alter_settings {
	struct config_pair *v;
	int n;
	struct arena *arena;
	struct str_index names; /* indexes `v` while changes are applied; -1: it is not set */
};

static struct config_pair *find_setting(struct alter_settings *s, struct str name)
{
	int at = *str_index_at(&s->names, name);

	return at >= 0 ? &s->v[at] : NULL;
}

static void put_setting(struct alter_settings *s, struct str name, struct str value)
{
	int *at = str_index_at(&s->names, name);

	if (*at < 0)
		*at = s->n++;
	s->v[*at] = (struct config_pair){name, value};
}

/* The last one takes its place. */
static void take_out(struct alter_settings *s, struct str name)
{
	int *at = str_index_at(&s->names, name);

	if (*at < 0)
		return;
	s->v[*at] = s->v[--s->n];
	*str_index_at(&s->names, s->v[s->n].name) = *at;
	*at = -1;
}

static bool list_has(struct str list, struct str wanted)
{
	struct str item;

	for (int32_t at = 0; str_next_item(list, &at, &item);)
		if (str_eq(item, wanted))
			return true;
	return false;
}

static void put_item(struct buf *b, struct str item)
{
	if (b->len > 0)
		buf_put(b, ",", 1);
	buf_put_str(b, item);
}

/* Appends the items of `from` that are not in `other` to those in `to`. */
static void put_missing(struct buf *to, struct str from, struct str other)
{
	struct str item;

	for (int32_t at = 0; from.len > 0 && str_next_item(from, &at, &item);)
		if (!list_has(other, item))
			put_item(to, item);
}

static int change_list(struct alteration *a, struct alter_settings *s, const struct alter_change *c)
{
	const struct config_setting *setting = config_setting_find(CONFIG_SCOPE_NODE, c->name);
	const char *verb = c->operation == ALTER_APPEND ? "append" : "subtract";
	const struct config_pair *old = find_setting(s, c->name);
	struct str list;
	struct buf now = {0};

	if (!setting) {
		refuse(a, ERR_INVALID_CONFIG, arena_printf(s->arena, "Unknown config name: %.*s", STR_ARG(c->name)));
		return a->err;
	}
	if (setting->type != CONFIG_TYPE_LIST) {
		refuse(a, ERR_INVALID_CONFIG,
		       arena_printf(s->arena, "Config value %s is not allowed for config key: %.*s", verb,
				    STR_ARG(c->name)));
		return a->err;
	}
	list = old ? old->value : str_of(setting->default_text ? setting->default_text : "");
	if (c->operation == ALTER_APPEND) {
		buf_put_str(&now, list);
		put_missing(&now, c->value, list);
	} else {
		put_missing(&now, list, c->value);
	}
	put_setting(s, c->name, arena_str(s->arena, (struct str){now.p ? (const char *)now.p : "", (int32_t)now.len}));
	buf_fini(&now);
	return 0;
}

static int change_setting(struct alteration *a, struct alter_settings *s, const struct alter_change *c)
{
	switch (c->operation) {
	case ALTER_SET:
		put_setting(s, c->name, c->value);
		return 0;
	case ALTER_DELETE:
		take_out(s, c->name);
		return 0;
	case ALTER_APPEND:
	case ALTER_SUBTRACT:
		return change_list(a, s, c);
	default:
		refuse(a, ERR_INVALID_REQUEST, arena_printf(s->arena, "Unknown operations type %d", c->operation));
		return a->err;
	}
}

static int settings_begin(struct alter_settings *s, const struct alteration *a, const struct request *r)
{
	const struct image_configs *set = a->from_nothing ? NULL : image_configs(r->image, RESOURCE_BROKER, a->name);
	int n = set ? set->n : 0;

	s->v = arena_array(s->arena, (size_t)n + (size_t)a->n_changes, sizeof(*s->v));
	if (!s->v)
		return -ENOMEM;
	for (int i = 0; i < n; i++)
		put_setting(s, set->v[i].name, set->v[i].value);
	return 0;
}

/* Applies the changes. 0, -ENOMEM, or the error with which the resource has been refused. */
static int change_settings(struct request *r, struct alteration *a, struct alter_settings *s)
{
	int err;

	str_index_init(&s->names, env_random_u64(r->core->loop->env));
	err = settings_begin(s, a, r);
	for (int i = 0; err == 0 && i < a->n_changes; i++)
		err = change_setting(a, s, &a->changes[i]);
	str_index_fini(&s->names);
	return err;
}

/* ---- pools of threads ---- */

static struct str proposed_value(const void *arg, struct str name)
{
	const struct alter_settings *s = arg;

	for (int i = 0; i < s->n; i++)
		if (str_eq(s->v[i].name, name))
			return s->v[i].value;
	return STR_NULL;
}

/* The proposed settings, of this broker or of all, combined with the present settings of the other. */
static struct layers layers_with(const struct request *r, const struct alteration *a, const struct alter_settings *s)
{
	struct layers l = layers_of_broker(r->image, r->node->id);

	l.v[a->name.len > 0 ? 0 : 1].get = proposed_value;
	l.v[a->name.len > 0 ? 0 : 1].arg = s;
	return l;
}

/* Kafka's words, in which one exception quotes another. */
static struct str quote_exception(struct arena *a, struct str words)
{
	return arena_printf(
		a,
		"Invalid value org.apache.kafka.common.config.ConfigException: %.*s for configuration Invalid "
		"dynamic configuration",
		STR_ARG(words));
}

static struct str words_of_pool(struct arena *a, enum config_id id, int64_t old, int64_t new)
{
	bool less = new < old;

	if (id == CONFIG_LOG_CLEANER_THREADS)
		return arena_printf(a, "Log cleaner threads cannot be %s the current value %lld",
				    less ? "reduced to less than half" : "increased to more than double",
				    (long long)old);
	return arena_printf(
		a, "Dynamic thread count update validation failed for %s=%lld, value should %s the current value %lld",
		config_setting(id)->name, (long long)new, less ? "be at least half" : "not be greater than double",
		(long long)old);
}

/* Kafka's DynamicThreadPool: at most twice as many at once, and no fewer than half. */
static int check_pools(struct request *r, const struct alteration *a, const struct alter_settings *s,
		       struct str *message)
{
	static const enum config_id pools[] = {
		CONFIG_NUM_IO_THREADS,	   CONFIG_NUM_REPLICA_FETCHERS, CONFIG_NUM_RECOVERY_THREADS_PER_DATA_DIR,
		CONFIG_BACKGROUND_THREADS, CONFIG_NUM_NETWORK_THREADS,	CONFIG_LOG_CLEANER_THREADS};
	struct layers before = layers_of_broker(r->image, r->node->id), after = layers_with(r, a, s);

	for (size_t i = 0; i < sizeof(pools) / sizeof(*pools); i++) {
		int64_t old = config_long_in(r->node->config, before.v, before.n, pools[i]);
		int64_t new = config_long_in(r->node->config, after.v, after.n, pools[i]);

		if (new >= old / 2 && new <= old * 2)
			continue;
		*message = quote_exception(&r->arena, words_of_pool(&r->arena, pools[i], old, new));
		return ERR_INVALID_REQUEST;
	}
	return 0;
}

/* Kafka's KafkaConfig.validateValues. */
static int check_cleaner(struct request *r, const struct alteration *a, const struct alter_settings *s,
			 struct str *message)
{
	struct layers after = layers_with(r, a, s);
	int64_t threads = config_long_in(r->node->config, after.v, after.n, CONFIG_LOG_CLEANER_THREADS);
	int64_t buffer = config_long_in(r->node->config, after.v, after.n, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE);

	if (threads > 0 && buffer / threads > 1024 * 1024)
		return 0;
	*message = threads > 0 ? STR("requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per "
				     "cleaner thread.")
			       : STR("Log cleaner threads should be at least 1");
	return ERR_INVALID_REQUEST;
}

/* ---- limits on connections ---- */

/* Kafka's KafkaConfig.validateValues. */
static int check_addresses(struct request *r, const struct layers *after, struct str *message)
{
	const struct config *c = r->node->config;
	struct str text = layers_text(after, str_of(config_setting(CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES)->name));
	const struct config_ip_limit *v;
	int n;

	if (str_is_null(text))
		text = config_string(c, CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES);
	if (!config_ip_limits_read(text, &r->arena, &v, &n, message))
		return ERR_INVALID_REQUEST;
	if (n > 0 || config_long_in(c, after->v, after->n, CONFIG_MAX_CONNECTIONS_PER_IP) > 0)
		return 0;
	*message = STR("requirement failed: max.connections.per.ip can be set to zero only if "
		       "max.connections.per.ip.overrides property is set.");
	return ERR_INVALID_REQUEST;
}

/*
 * Kafka's ListenerConnectionQuota.validateReconfiguration: a listener whose limits change, its own or
 * those of the node, must let somebody in.
 */
static int check_limits(struct request *r, const struct alteration *a, const struct alter_settings *s,
			struct str *message)
{
	static const enum config_id ids[] = {CONFIG_MAX_CONNECTIONS, CONFIG_MAX_CONNECTION_CREATION_RATE};
	const struct config_network *network = config_network(r->node->config);
	struct layers before = layers_of_broker(r->image, r->node->id), after = layers_with(r, a, s);
	const size_t n_ids = sizeof(ids) / sizeof(*ids);

	for (int i = 0; i < network->n_listeners; i++) {
		struct str listener = network->listeners[i].name;
		int64_t limits[2];
		bool changed = false, is_own;

		for (size_t k = 0; k < n_ids; k++) {
			limits[k] = layers_listener_long(r->node->config, &after, listener, ids[k], &is_own);
			changed |=
				limits[k] != layers_listener_long(r->node->config, &before, listener, ids[k], &is_own);
		}
		for (size_t k = 0; k < n_ids && changed && !network->listeners[i].controller; k++) {
			if (limits[k] > 0)
				continue;
			*message = quote_exception(&r->arena,
						   arena_printf(&r->arena, "Invalid %s %lld",
								config_setting(ids[k])->name, (long long)limits[k]));
			return ERR_INVALID_REQUEST;
		}
	}
	return check_addresses(r, &after, message);
}

/* ---- directories ---- */

static struct str cordoned_name(void)
{
	return str_of(config_setting(CONFIG_CORDONED_LOG_DIRS)->name);
}

/* Kafka's KafkaConfig.validateCordonedLogDirs. */
static int check_cordoned(struct request *r, const struct alter_settings *s, struct str *message)
{
	struct str value = proposed_value(s, cordoned_name());

	if (!str_is_null(value))
		*message = cordon_check(r->node->config, value, &r->arena);
	return str_is_null(*message) ? 0 : ERR_INVALID_REQUEST;
}

static bool alters_cordoned(const struct alteration *a)
{
	for (int i = 0; i < a->n_changes; i++)
		if (str_eq(a->changes[i].name, cordoned_name()))
			return true;
	return false;
}

/*
 * A broker has checked what it forwards. Without it, nobody knows the paths of its directories: entries
 * may be removed only (ConfigurationControlManager.isCordonedLogDirsInvalid).
 */
static int check_at_controller(struct request *r, struct alteration *a)
{
	struct alter_settings s = {.arena = &r->arena};
	struct str old, now;
	int err;

	if (r->envelope || !alters_cordoned(a))
		return 0;
	err = change_settings(r, a, &s);
	if (err)
		return err < 0 ? err : 0;
	old = image_config_value(image_configs(r->image, RESOURCE_BROKER, a->name), cordoned_name());
	now = proposed_value(&s, cordoned_name());
	if (!str_is_null(now) && str_trim(now).len > 0 && !cordon_is_subset(now, old))
		refuse(a, ERR_INVALID_CONFIG,
		       STR("When updating cordoned.log.dirs via controllers,  the new value must be a subset of the "
			   "current configuration value."));
	return 0;
}

static int try_later(struct request *r, struct alteration *a, const struct alter_settings *s)
{
	struct alter *alter = r->state;

	if (alter->own) { /* "1" and "01" are the same broker */
		refuse(a, ERR_INVALID_REQUEST, STR("Each resource must appear at most once."));
		return 0;
	}
	alter->to = arena_alloc(&r->arena, sizeof(*alter->to));
	if (!alter->to)
		return -ENOMEM;
	*alter->to = *s;
	alter->own = a;
	return 0;
}

static int check_broker(struct request *r, struct alteration *a)
{
	struct alter_settings s = {.arena = &r->arena};
	struct str message = STR_NULL;
	int32_t own = r->node->id, id;
	int err;

	if (r->from_controller)
		return check_at_controller(r, a);
	if (a->name.len > 0 && !str_to_i32(a->name, &id)) {
		refuse(a, ERR_INVALID_REQUEST,
		       arena_printf(&r->arena, "Node id must be an integer, but it is: %.*s", STR_ARG(a->name)));
		return 0;
	}
	if (a->name.len > 0 && id != own) {
		refuse(a, ERR_INVALID_REQUEST,
		       arena_printf(&r->arena, "Unexpected broker id, expected %d, but received %.*s", own,
				    STR_ARG(a->name)));
		return 0;
	}
	err = change_settings(r, a, &s);
	if (err)
		return err < 0 ? err : 0;
	err = config_check_broker(r->node->config, a->name.len > 0, s.v, s.n, &r->arena, &message);
	if (!err)
		err = check_cordoned(r, &s, &message);
	if (!err)
		err = check_cleaner(r, a, &s, &message);
	if (!err)
		err = check_limits(r, a, &s, &message);
	if (!err)
		err = check_pools(r, a, &s, &message);
	if (err)
		refuse(a, err == ERR_INVALID_CONFIG ? ERR_INVALID_REQUEST : err, message);
	else if (a->name.len > 0 && secure_is_used(r->node))
		return try_later(r, a, &s);
	return 0;
}

/* ---- permissions ---- */

static void check_permission(struct request *r, struct alteration *a)
{
	int err = 0;

	switch (a->type) {
	case RESOURCE_TOPIC:
		err = request_may(r, ACL_ALTER_CONFIGS, ACL_TOPIC, a->name) ? 0 : ERR_TOPIC_AUTHORIZATION_FAILED;
		break;
	case RESOURCE_GROUP:
		err = request_may(r, ACL_ALTER_CONFIGS, ACL_GROUP, a->name) ? 0 : ERR_GROUP_AUTHORIZATION_FAILED;
		break;
	default:
		err = request_may_cluster(r, ACL_ALTER_CONFIGS) ? 0 : ERR_CLUSTER_AUTHORIZATION_FAILED;
	}
	if (err)
		refuse(a, err, str_of(err_message(err)));
}

/*
 * A broker refuses without a message what it decides itself; a controller has a message, and
 * requires another permission for loggers.
 */
static bool may_alter_node(struct request *r, struct alteration *a, enum acl_operation op)
{
	if (request_may_cluster(r, op))
		return true;
	refuse(a, ERR_CLUSTER_AUTHORIZATION_FAILED,
	       r->from_controller ? str_of(err_message(ERR_CLUSTER_AUTHORIZATION_FAILED)) : STR_NULL);
	return false;
}

static int alter_broker(struct request *r, struct alteration *a)
{
	return r->from_controller || may_alter_node(r, a, ACL_ALTER_CONFIGS) ? check_broker(r, a) : 0;
}

static void alter_logger(struct request *r, struct alteration *a, bool validate_only)
{
	if (may_alter_node(r, a, r->from_controller ? ACL_CLUSTER_ACTION : ACL_ALTER_CONFIGS))
		logger_alter(r, a, validate_only);
}

/* ---- one request ---- */

static int check_resource(struct request *r, struct alteration *a, bool loggers, bool validate_only)
{
	int duplicates = has_duplicates(r, a);
	struct str names;

	if (duplicates < 0)
		return duplicates;
	if (duplicates) {
		refuse(a, ERR_INVALID_REQUEST, STR("Error due to duplicate config keys"));
		return 0;
	}
	names = without_value(a, &r->arena);
	if (!str_is_null(names)) {
		refuse(a, ERR_INVALID_REQUEST,
		       arena_printf(&r->arena, "Null value not supported for : %.*s", STR_ARG(names)));
		return 0;
	}
	switch (a->type) {
	case RESOURCE_BROKER:
		return alter_broker(r, a);
	case RESOURCE_TOPIC:
	case RESOURCE_CLIENT_METRICS:
	case RESOURCE_GROUP:
		return 0;
	case RESOURCE_BROKER_LOGGER:
		if (loggers) {
			alter_logger(r, a, validate_only);
			return 0;
		}
		/* fall through */
	default:
		if (r->from_controller && a->type != RESOURCE_BROKER_LOGGER)
			refuse(a, ERR_UNSUPPORTED_VERSION,
			       arena_printf(&r->arena, "Unknown resource type %d.", a->type));
		else
			refuse(a, ERR_INVALID_REQUEST, arena_printf(&r->arena, "Unknown resource type %d", a->type));
		return 0;
	}
}

int alter_check(struct request *r, struct alter *alter, bool loggers, bool validate_only)
{
	int err = check_once(r, alter);

	for (int i = 0; i < alter->n && !err; i++)
		if (!alter->v[i].done)
			err = check_resource(r, &alter->v[i], loggers, validate_only);
	for (int i = 0; i < alter->n && !err; i++)
		if (!alter->v[i].done && (alter->v[i].type != RESOURCE_BROKER || r->from_controller))
			check_permission(r, &alter->v[i]);
	return err;
}

struct trial {
	struct work work;
	struct request *r;
	struct alter *alter;
	enum outcome (*then)(struct request *r);
	int err;
	struct str message;
};

/* The request is parked: image and arena are the job's. */
static void try_stores(struct work *w)
{
	struct trial *t = container_of(w, struct trial, work);
	struct layers after = layers_with(t->r, t->alter->own, t->alter->to);

	t->err = secure_check(t->r->node, &after, &t->r->arena, &t->message);
}

static void tried(struct work *w)
{
	struct trial *t = container_of(w, struct trial, work);
	struct request *r = t->r;

	if (t->err)
		refuse(t->alter->own, t->err, t->message);
	list_remove(&r->parked);
	r->hurry = NULL;
	request_finish(r, t->then(r));
}

/* Does nothing: the job is done soon. */
static void let_it_be(struct request *r)
{
	(void)r;
}

enum outcome alter_try(struct request *r, struct alter *alter, enum outcome (*then)(struct request *r))
{
	struct trial *t;

	if (!alter->own || alter->own->done)
		return then(r);
	t = arena_zalloc(&r->arena, sizeof(*t));
	if (!t)
		return HANG_UP;
	t->r = r;
	t->alter = alter;
	t->then = then;
	t->work.job = try_stores;
	t->work.done = tried;
	request_park(r, alter, let_it_be);
	env_work(r->core->loop, &t->work);
	return PARKED;
}

int alter_left(const struct alter *alter)
{
	int n = 0;

	for (int i = 0; i < alter->n; i++)
		n += !alter->v[i].done;
	return n;
}

struct alter *alter_new(struct request *r, int n)
{
	struct alter *alter = arena_zalloc(&r->arena, sizeof(*alter));

	if (!alter || !r->image)
		return NULL;
	alter->v = arena_array(&r->arena, (size_t)n, sizeof(*alter->v));
	alter->n = n;
	r->state = alter;
	return alter->v ? alter : NULL;
}

struct alter_change *alteration_init(struct request *r, struct alteration *a, int8_t type, struct str name, int n)
{
	*a = (struct alteration){
		.type = type,
		.name = name,
		.changes = arena_array(&r->arena, (size_t)n, sizeof(*a->changes)),
		.n_changes = n,
	};
	return a->changes;
}
