/*
 * alter: what CreateTopics, AlterConfigs and IncrementalAlterConfigs refuse: the checks and
 * messages of LogConfig.validate, DynamicBrokerConfig.validateConfigs, GroupConfig.validate and
 * ClientMetricsConfigs.validate; then what this release refuses beyond them, with messages of its
 * own.
 */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config_impl.h"

struct layer_of_pairs {
	const struct config_pair *v;
	int n;
};

static struct str pair_value(const void *arg, struct str name)
{
	const struct layer_of_pairs *l = arg;

	for (int i = 0; i < l->n; i++)
		if (str_eq(l->v[i].name, name))
			return l->v[i].value;
	return STR_NULL;
}

/* "Null value not supported for topic configs: a,b" */
static int check_nulls(const char *what, const struct config_pair *set, int n, struct arena *a, struct str *message)
{
	struct buf names = {0};

	for (int i = 0; i < n; i++)
		if (str_is_null(set[i].value))
			buf_printf(&names, "%s%.*s", names.len ? "," : "", STR_ARG(set[i].name));
	if (names.len > 0)
		*message = arena_printf(a, "Null value not supported for %s configs: %.*s", what,
					STR_ARG(buf_str(&names)));
	buf_fini(&names);
	return str_is_null(*message) ? 0 : ERR_INVALID_CONFIG;
}

static int check_names(enum config_scope scope, const char *unknown, int err, const struct config_pair *set, int n,
		       struct arena *a, struct str *message)
{
	for (int i = 0; i < n; i++) {
		if (config_setting_find(scope, set[i].name) != NULL)
			continue;
		*message = arena_printf(a, "%s: %.*s", unknown, STR_ARG(set[i].name));
		return err;
	}
	return 0;
}

/* In the order of the table, which is the order of Kafka's definitions. */
static int check_values(enum config_scope scope, const struct config_pair *set, int n, struct arena *a,
			struct str *message)
{
	struct layer_of_pairs pairs = {set, n};
	int n_settings;
	const struct config_setting *s = config_settings(scope, &n_settings);

	for (int i = 0; i < n_settings; i++) {
		struct str text = pair_value(&pairs, str_of(s[i].name));
		struct config_value v;

		if (!str_is_null(text) && !config_value_read(&s[i], text, a, &v, message))
			return ERR_INVALID_CONFIG;
	}
	return 0;
}

/* Odradek's own refusals. */
static int check_refused(enum config_scope scope, const struct config_pair *set, int n, struct arena *a,
			 struct str *message)
{
	for (int i = 0; i < n; i++) {
		const struct config_setting *s = config_setting_find(scope, set[i].name);
		struct config_value v;

		if (s == NULL || !config_value_read(s, set[i].value, a, &v, NULL) || !config_value_is_refused(s, &v))
			continue;
		*message = arena_printf(a, "Invalid value %.*s for configuration %s: %s",
					STR_ARG(config_shown(s, set[i].value)), s->name, s->reason);
		return ERR_INVALID_CONFIG;
	}
	return 0;
}

/* ---- topics ---- */

static int check_compaction_lag(const struct config *c, const struct config_layer *layer, struct arena *a,
				struct str *message)
{
	struct config_found min, max;

	config_find_behind(c, layer, 1, TOPIC_CONFIG_MIN_COMPACTION_LAG_MS, a, &min);
	config_find_behind(c, layer, 1, TOPIC_CONFIG_MAX_COMPACTION_LAG_MS, a, &max);
	if (min.value.integer <= max.value.integer)
		return 0;
	*message = arena_printf(
		a, "conflict topic config setting min.compaction.lag.ms (%lld) > max.compaction.lag.ms (%lld)",
		(long long)min.value.integer, (long long)max.value.integer);
	return ERR_INVALID_CONFIG;
}

/* Tiered storage is off in every running node (remote.log.storage.system.enable is refused). */
static int check_remote(const struct config *c, const struct config_layer *layer, const struct config_layer *before,
			struct arena *a, struct str *message)
{
	struct config_found enable, was, delete_on_disable;

	config_find_behind(c, layer, 1, TOPIC_CONFIG_REMOTE_STORAGE_ENABLE, a, &enable);
	config_find_behind(c, before, 1, TOPIC_CONFIG_REMOTE_STORAGE_ENABLE, a, &was);
	config_find_behind(c, layer, 1, TOPIC_CONFIG_REMOTE_LOG_DELETE_ON_DISABLE, a, &delete_on_disable);
	if (enable.value.integer)
		*message = STR(
			"Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.");
	else if (was.value.integer && !delete_on_disable.value.integer)
		*message = STR(
			"It is invalid to disable remote storage without deleting remote data. If you want to keep the remote data and "
			"turn to read only, please set `remote.storage.enable=true,remote.log.copy.disable=true`. If you want to "
			"disable remote storage and delete all remote data, please set "
			"`remote.storage.enable=false,remote.log.delete.on.disable=true`.");
	return str_is_null(*message) ? 0 : ERR_INVALID_CONFIG;
}

int config_check_topic(const struct config *c, const struct config_pair *set, int n, const struct config_pair *old,
		       int n_old, struct arena *a, struct str *message)
{
	struct layer_of_pairs now = {set, n}, before = {old, n_old};
	struct config_layer layer = {CONFIG_SOURCE_TOPIC, pair_value, &now},
			    layer_before = {CONFIG_SOURCE_TOPIC, pair_value, &before};
	int err;

	*message = STR_NULL;
	err = check_nulls("topic", set, n, a, message);
	if (err == 0)
		err = check_names(CONFIG_SCOPE_TOPIC, "Unknown topic config name", ERR_INVALID_CONFIG, set, n, a,
				  message);
	if (err == 0)
		err = check_values(CONFIG_SCOPE_TOPIC, set, n, a, message);
	if (err == 0)
		err = check_compaction_lag(c, &layer, a, message);
	if (err == 0)
		err = check_remote(c, &layer, &layer_before, a, message);
	if (err == 0)
		err = check_refused(CONFIG_SCOPE_TOPIC, set, n, a, message);
	return err;
}

/* ---- brokers ---- */

static bool begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/*
 * What DynamicBrokerConfig calls security configs: the TLS stores, which can be changed for a
 * single listener only.
 */
static bool is_listener_only(const struct config_setting *s)
{
	return begins_with(s->name, "ssl.keystore.") || begins_with(s->name, "ssl.truststore.") ||
	       s->id == CONFIG_SSL_KEY_PASSWORD;
}

static bool is_static(const struct config_setting *s, bool overridden, bool per_broker)
{
	(void)per_broker;
	return !overridden && s->update == CONFIG_STATIC;
}

static bool is_listener_security(const struct config_setting *s, bool overridden, bool per_broker)
{
	(void)per_broker;
	return !overridden && is_listener_only(s);
}

static bool needs_broker_id(const struct config_setting *s, bool overridden, bool per_broker)
{
	if (per_broker)
		return false;
	if (overridden)
		return !s || (s->id != CONFIG_MAX_CONNECTIONS && s->id != CONFIG_MAX_CONNECTION_CREATION_RATE &&
			      s->id != CONFIG_NUM_NETWORK_THREADS);
	return s->update == CONFIG_PER_BROKER;
}

/* The setting that a name stands for, even with a listener's prefix (overridden); NULL when it is in no table. */
static const struct config_setting *node_setting(struct str name, bool *overridden)
{
	struct str base;
	const struct config_setting *s = config_setting_find(CONFIG_SCOPE_NODE, name);

	*overridden = s == NULL && config_listener_rest(name, &base);
	return *overridden ? config_listener_override(name, &base) : s;
}

/* "words: [a, b]", listing the names for which is_wrong is true. */
static int check_kind(bool (*is_wrong)(const struct config_setting *, bool, bool), const char *words, bool per_broker,
		      const struct config_pair *set, int n, struct arena *a, struct str *message)
{
	struct buf names = {0};

	for (int i = 0; i < n; i++) {
		bool overridden;
		const struct config_setting *s = node_setting(set[i].name, &overridden);

		if ((s != NULL || overridden) && is_wrong(s, overridden, per_broker))
			buf_printf(&names, "%s%.*s", names.len ? ", " : "", STR_ARG(set[i].name));
	}
	if (names.len > 0)
		*message = arena_printf(a, "%s: [%.*s]", words, STR_ARG(buf_str(&names)));
	buf_fini(&names);
	return str_is_null(*message) ? 0 : ERR_INVALID_REQUEST;
}

static int check_node_values(const struct config_pair *set, int n, struct arena *a, struct str *message)
{
	for (int i = 0; i < n; i++) {
		bool overridden;
		const struct config_setting *s = node_setting(set[i].name, &overridden);
		struct config_value v;

		if (s == NULL)
			continue;
		/* Duplicates, which are dropped when read from a file, are refused here. */
		if (s->constraint.rule == CONFIG_RULE_LIST && config_list_repeats(set[i].value, a))
			*message = arena_printf(a, "Configuration '%s' values must not be duplicated.", s->name);
		else if (config_value_read(s, set[i].value, a, &v, message))
			continue;
		return ERR_INVALID_REQUEST;
	}
	return 0;
}

/* Requirements on single values that Kafka checks with the whole configuration (KafkaConfig.validateValues). */
static int check_requirements(const struct config_pair *set, int n, struct arena *a, struct str *message)
{
	static const struct {
		enum config_id id;
		int64_t least;
		const char *words;
	} requirements[] = {
		{CONFIG_LOG_ROLL_MS, 1, "log.roll.ms must be greater than or equal to 1"},
		{CONFIG_LOG_ROLL_JITTER_MS, 0, "log.roll.jitter.ms must be greater than or equal to 0"},
		{CONFIG_LOG_RETENTION_MS, 1, "log.retention.ms must be unlimited (-1) or, greater than or equal to 1"},
	};

	for (int i = 0; i < n; i++) {
		bool overridden;
		const struct config_setting *s = node_setting(set[i].name, &overridden);
		struct config_value v;

		for (size_t k = 0; s && k < sizeof(requirements) / sizeof(*requirements); k++) {
			if (s->id != requirements[k].id || !config_value_read(s, set[i].value, a, &v, NULL) ||
			    v.integer >= requirements[k].least || (s->id == CONFIG_LOG_RETENTION_MS && v.integer < 0))
				continue;
			*message = arena_printf(a, "requirement failed: %s", requirements[k].words);
			return ERR_INVALID_REQUEST;
		}
	}
	return 0;
}

/*
 * Kafka would apply the change; here it would be stored and described, but not done. A value equal
 * to the one at startup is fine.
 */
static int check_at_start(const struct config *c, const struct config_pair *set, int n, struct arena *a,
			  struct str *message)
{
	for (int i = 0; i < n; i++) {
		bool overridden;
		const struct config_setting *s = node_setting(set[i].name, &overridden);
		struct config_value v;

		if (s == NULL || !s->at_start || !config_value_read(s, set[i].value, a, &v, NULL) ||
		    (!overridden && str_eq(v.text, c->values[s->id].text)))
			continue;
		*message = arena_printf(
			a, "Invalid value %.*s for configuration %.*s: it is read at the start only, for now",
			STR_ARG(config_shown(s, set[i].value)), STR_ARG(set[i].name));
		return ERR_INVALID_CONFIG;
	}
	return 0;
}

int config_check_broker(const struct config *c, bool per_broker, const struct config_pair *set, int n, struct arena *a,
			struct str *message)
{
	int err;

	*message = STR_NULL;
	err = check_nulls("broker", set, n, a, message);
	if (err == 0)
		err = check_kind(is_static, "Cannot update these configs dynamically", per_broker, set, n, a, message);
	if (err == 0)
		err = check_kind(
			is_listener_security,
			"These security configs can be dynamically updated only per-listener using the listener prefix",
			per_broker, set, n, a, message);
	if (err == 0)
		err = check_node_values(set, n, a, message);
	if (err == 0)
		err = check_kind(needs_broker_id,
				 "Cannot update these configs at default cluster level, broker id must be specified",
				 per_broker, set, n, a, message);
	if (err == 0)
		err = check_requirements(set, n, a, message);
	if (err == 0)
		err = check_refused(CONFIG_SCOPE_NODE, set, n, a, message);
	if (err == 0)
		err = check_at_start(c, set, n, a, message);
	return err;
}

/* ---- groups ---- */

/* A group's number and the broker's bounds for it; CONFIG_N where there is none. */
static const struct {
	enum config_id id, min, max;
} bounds[] = {
	{GROUP_CONFIG_CONSUMER_HEARTBEAT_INTERVAL_MS, CONFIG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
	 CONFIG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS},
	{GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS, CONFIG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
	 CONFIG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS},
	{GROUP_CONFIG_CONSUMER_ASSIGNMENT_INTERVAL_MS, CONFIG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS,
	 CONFIG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS},
	{GROUP_CONFIG_SHARE_HEARTBEAT_INTERVAL_MS, CONFIG_GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS,
	 CONFIG_GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS},
	{GROUP_CONFIG_SHARE_SESSION_TIMEOUT_MS, CONFIG_GROUP_SHARE_MIN_SESSION_TIMEOUT_MS,
	 CONFIG_GROUP_SHARE_MAX_SESSION_TIMEOUT_MS},
	{GROUP_CONFIG_SHARE_RECORD_LOCK_DURATION_MS, CONFIG_GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS,
	 CONFIG_GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS},
	{GROUP_CONFIG_SHARE_DELIVERY_COUNT_LIMIT, CONFIG_GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT,
	 CONFIG_GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT},
	{GROUP_CONFIG_SHARE_PARTITION_MAX_RECORD_LOCKS, CONFIG_GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS,
	 CONFIG_GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS},
	{GROUP_CONFIG_SHARE_ASSIGNMENT_INTERVAL_MS, CONFIG_GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS,
	 CONFIG_GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS},
	{GROUP_CONFIG_STREAMS_HEARTBEAT_INTERVAL_MS, CONFIG_GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS,
	 CONFIG_GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS},
	{GROUP_CONFIG_STREAMS_SESSION_TIMEOUT_MS, CONFIG_GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS,
	 CONFIG_GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS},
	{GROUP_CONFIG_STREAMS_NUM_STANDBY_REPLICAS, CONFIG_N, CONFIG_GROUP_STREAMS_MAX_STANDBY_REPLICAS},
	{GROUP_CONFIG_STREAMS_ASSIGNMENT_INTERVAL_MS, CONFIG_GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS,
	 CONFIG_GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS},
	{GROUP_CONFIG_STREAMS_TASK_OFFSET_INTERVAL_MS, CONFIG_GROUP_STREAMS_MIN_TASK_OFFSET_INTERVAL_MS, CONFIG_N},
	{GROUP_CONFIG_STREAMS_NUM_WARMUP_REPLICAS, CONFIG_N, CONFIG_GROUP_STREAMS_MAX_WARMUP_REPLICAS},
};

static int check_bounds(const struct config *c, const struct layer_of_pairs *set, struct arena *a, struct str *message)
{
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		const struct config_setting *s = config_setting(bounds[i].id);
		bool has_min = bounds[i].min != CONFIG_N, has_max = bounds[i].max != CONFIG_N;
		int min = has_min ? config_int(c, bounds[i].min) : INT32_MIN,
		    max = has_max ? config_int(c, bounds[i].max) : INT32_MAX;
		struct str text = pair_value(set, str_of(s->name));
		struct config_value v;

		if (str_is_null(text) || !config_value_read(s, text, a, &v, NULL) ||
		    (v.integer >= min && v.integer <= max))
			continue;
		if (has_min && has_max)
			*message = arena_printf(a, "%s must be in the range %d to %d inclusive.", s->name, min, max);
		else if (has_max)
			*message = arena_printf(a, "%s must be less than or equal to %d", s->name, max);
		else
			*message = arena_printf(a, "%s must be greater than or equal to %d", s->name, min);
		return ERR_INVALID_CONFIG;
	}
	return 0;
}

static int check_session(const struct config *c, const struct config_layer *layer, enum config_id session,
			 enum config_id heartbeat, struct arena *a, struct str *message)
{
	struct config_found s, h;

	if (str_is_null(layer->get(layer->arg, str_of(config_setting(session)->name))) &&
	    str_is_null(layer->get(layer->arg, str_of(config_setting(heartbeat)->name))))
		return 0;
	config_find_behind(c, layer, 1, session, a, &s);
	config_find_behind(c, layer, 1, heartbeat, a, &h);
	if (s.value.integer > h.value.integer)
		return 0;
	*message = arena_printf(a, "%s must be greater than %s", config_setting(session)->name,
				config_setting(heartbeat)->name);
	return ERR_INVALID_CONFIG;
}

static int check_assignor(const struct config *c, const struct layer_of_pairs *set, struct arena *a,
			  struct str *message)
{
	struct str name = pair_value(set, STR("streams.assignor.name"));
	const struct config_value *known = &c->values[CONFIG_GROUP_STREAMS_ASSIGNORS];

	if (str_is_null(name))
		return 0;
	name = str_trim(name);
	for (int i = 0; i < known->n_items; i++)
		if (str_eq(known->items[i], name))
			return 0;
	*message = arena_printf(
		a, "streams.assignor.name '%.*s' is not a registered task assignor. Registered assignors are: [%.*s].",
		STR_ARG(name), STR_ARG(known->text));
	return ERR_INVALID_CONFIG;
}

static int check_tags(const struct layer_of_pairs *set, struct arena *a, struct str *message)
{
	const char *name = config_setting(GROUP_CONFIG_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS)->name;
	struct str text = pair_value(set, str_of(name));

	if (str_is_null(text) || !config_list_repeats(text, a))
		return 0;
	*message = arena_printf(a, "%s must not contain duplicate tag keys.", name);
	return ERR_INVALID_CONFIG;
}

static int check_group_values(const struct config *c, const struct config_layer *layer, struct arena *a,
			      struct str *message)
{
	const struct layer_of_pairs *set = layer->arg;
	struct str dlq = pair_value(set, STR("errors.deadletterqueue.topic.name"));
	int err = check_bounds(c, set, a, message);

	if (err == 0)
		err = check_assignor(c, set, a, message);
	if (err == 0)
		err = check_session(c, layer, GROUP_CONFIG_CONSUMER_SESSION_TIMEOUT_MS,
				    GROUP_CONFIG_CONSUMER_HEARTBEAT_INTERVAL_MS, a, message);
	if (err == 0)
		err = check_session(c, layer, GROUP_CONFIG_SHARE_SESSION_TIMEOUT_MS,
				    GROUP_CONFIG_SHARE_HEARTBEAT_INTERVAL_MS, a, message);
	if (err == 0)
		err = check_session(c, layer, GROUP_CONFIG_STREAMS_SESSION_TIMEOUT_MS,
				    GROUP_CONFIG_STREAMS_HEARTBEAT_INTERVAL_MS, a, message);
	if (err == 0 && !str_is_null(dlq) && (dlq = str_trim(dlq)).len >= 2 && memcmp(dlq.p, "__", 2) == 0) {
		*message = STR("errors.deadletterqueue.topic.name: DLQ topic name must not start with '__'");
		err = ERR_INVALID_CONFIG;
	}
	return err;
}

int config_check_group(const struct config *c, const struct config_pair *set, int n, struct arena *a,
		       struct str *message)
{
	struct layer_of_pairs pairs = {set, n};
	struct config_layer layer = {CONFIG_SOURCE_GROUP, pair_value, &pairs};
	int err;

	*message = STR_NULL;
	err = check_nulls("group", set, n, a, message);
	if (err == 0)
		err = check_names(CONFIG_SCOPE_GROUP, "Unknown group config name", ERR_INVALID_CONFIG, set, n, a,
				  message);
	if (err == 0)
		err = check_tags(&pairs, a, message);
	if (err == 0)
		err = check_values(CONFIG_SCOPE_GROUP, set, n, a, message);
	if (err == 0)
		err = check_group_values(c, &layer, a, message);
	return err;
}

/* ---- client metrics ---- */

static bool is_match(struct str s)
{
	static const char *const attributes[] = {"client_instance_id",	  "client_id",
						 "client_software_name",  "client_software_version",
						 "client_source_address", "client_source_port"};
	const char *equals = memchr(s.p, '=', (size_t)s.len);
	struct str name;

	/* exactly one =, followed by something */
	if (equals == NULL || equals + 1 == s.p + s.len ||
	    memchr(equals + 1, '=', (size_t)(s.p + s.len - equals - 1)) != NULL)
		return false;
	name = str_trim((struct str){s.p, (int32_t)(equals - s.p)});
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		if (str_is(name, attributes[i]))
			return true;
	return false;
}

static int check_matches(const struct layer_of_pairs *pairs, struct arena *a, struct str *message)
{
	struct str text = pair_value(pairs, STR("match"));
	struct config_value v;

	if (str_is_null(text) || !config_value_read(config_setting(METRICS_CONFIG_MATCH), text, a, &v, NULL))
		return 0;
	for (int i = 0; i < v.n_items; i++) {
		if (is_match(v.items[i]))
			continue;
		*message = arena_printf(a, "Illegal client matching pattern: %.*s", STR_ARG(v.items[i]));
		return ERR_INVALID_CONFIG;
	}
	return 0;
}

int config_check_client_metrics(const struct config_pair *set, int n, struct arena *a, struct str *message)
{
	struct layer_of_pairs pairs = {set, n};
	struct str interval = pair_value(&pairs, STR("interval.ms"));
	int64_t ms;
	int err;

	*message = STR_NULL;
	err = check_nulls("client metrics", set, n, a, message);
	if (err == 0)
		err = check_names(CONFIG_SCOPE_CLIENT_METRICS, "Unknown client metrics configuration",
				  ERR_INVALID_REQUEST, set, n, a, message);
	if (err == 0)
		err = check_values(CONFIG_SCOPE_CLIENT_METRICS, set, n, a, message);
	if (err == 0 && !str_is_null(interval) && config_parse_integer(str_trim(interval), INT32_MIN, INT32_MAX, &ms) &&
	    (ms < 100 || ms > 3600000)) {
		*message = arena_printf(
			a, "Invalid value %lld for interval.ms, interval must be between 100 and 3600000 (1 hour)",
			(long long)ms);
		err = ERR_INVALID_REQUEST;
	}
	return err != 0 ? err : check_matches(&pairs, a, message);
}
