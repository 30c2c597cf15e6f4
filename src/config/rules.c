/*
 * rules: checks that involve more than one value: Kafka's KafkaConfig.validateValues and the checks
 * of its group and share group settings.
 */
#include <stdio.h>
#include <string.h>

#include "config/config_impl.h"

static void fail(const struct config *c, struct config_notes *notes, enum config_id id, const char *why)
{
	struct str text = config_shown(config_setting(id), config_text(c, id));

	config_note_add(notes, CONFIG_NOTE_ERROR, config_given(c, id) ? config_place(c, id) : STR_NULL, "%s=%.*s: %s",
			config_setting(id)->name, STR_ARG(text), why);
}

/* ---- comparisons of two numbers ---- */

enum relation { AT_LEAST, AT_MOST, LESS };

static const struct {
	enum config_id left;
	enum relation relation;
	enum config_id right;
} relations[] = {
	{CONFIG_REPLICA_FETCH_WAIT_MAX_MS, AT_MOST, CONFIG_REPLICA_SOCKET_TIMEOUT_MS},
	{CONFIG_REPLICA_FETCH_WAIT_MAX_MS, AT_MOST, CONFIG_REPLICA_LAG_TIME_MAX_MS},
	{CONFIG_LOG_CLEANER_MIN_COMPACTION_LAG_MS, AT_MOST, CONFIG_LOG_CLEANER_MAX_COMPACTION_LAG_MS},

	{CONFIG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS},
	{CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS},
	{CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, AT_MOST, CONFIG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS},
	{CONFIG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS, AT_LEAST, CONFIG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS, AT_LEAST, CONFIG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS, AT_MOST, CONFIG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, LESS, CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS},
	{CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS},
	{CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, AT_MOST, CONFIG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS},

	{CONFIG_GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS},
	{CONFIG_GROUP_SHARE_HEARTBEAT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS},
	{CONFIG_GROUP_SHARE_HEARTBEAT_INTERVAL_MS, AT_MOST, CONFIG_GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS},
	{CONFIG_GROUP_SHARE_MAX_SESSION_TIMEOUT_MS, AT_LEAST, CONFIG_GROUP_SHARE_MIN_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_SHARE_SESSION_TIMEOUT_MS, AT_LEAST, CONFIG_GROUP_SHARE_MIN_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_SHARE_SESSION_TIMEOUT_MS, AT_MOST, CONFIG_GROUP_SHARE_MAX_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_SHARE_HEARTBEAT_INTERVAL_MS, LESS, CONFIG_GROUP_SHARE_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS},
	{CONFIG_GROUP_SHARE_ASSIGNMENT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS},
	{CONFIG_GROUP_SHARE_ASSIGNMENT_INTERVAL_MS, AT_MOST, CONFIG_GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS},
	{CONFIG_GROUP_SHARE_DELIVERY_COUNT_LIMIT, AT_MOST, CONFIG_GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT},
	{CONFIG_GROUP_SHARE_DELIVERY_COUNT_LIMIT, AT_LEAST, CONFIG_GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT},
	{CONFIG_GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, AT_MOST, CONFIG_GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS},
	{CONFIG_GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, AT_LEAST, CONFIG_GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS},
	{CONFIG_GROUP_SHARE_RECORD_LOCK_DURATION_MS, AT_LEAST, CONFIG_GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS},
	{CONFIG_GROUP_SHARE_RECORD_LOCK_DURATION_MS, AT_MOST, CONFIG_GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS},
	{CONFIG_GROUP_SHARE_MAX_SHARE_SESSIONS, AT_LEAST, CONFIG_GROUP_SHARE_MAX_SIZE},

	{CONFIG_GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS},
	{CONFIG_GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS},
	{CONFIG_GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, AT_MOST, CONFIG_GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS},
	{CONFIG_GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS, AT_LEAST, CONFIG_GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_STREAMS_SESSION_TIMEOUT_MS, AT_LEAST, CONFIG_GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_STREAMS_SESSION_TIMEOUT_MS, AT_MOST, CONFIG_GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, LESS, CONFIG_GROUP_STREAMS_SESSION_TIMEOUT_MS},
	{CONFIG_GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS},
	{CONFIG_GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS},
	{CONFIG_GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, AT_MOST, CONFIG_GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS},
	{CONFIG_GROUP_STREAMS_NUM_STANDBY_REPLICAS, AT_MOST, CONFIG_GROUP_STREAMS_MAX_STANDBY_REPLICAS},
	{CONFIG_GROUP_STREAMS_TASK_OFFSET_INTERVAL_MS, AT_LEAST, CONFIG_GROUP_STREAMS_MIN_TASK_OFFSET_INTERVAL_MS},
	{CONFIG_GROUP_STREAMS_NUM_WARMUP_REPLICAS, AT_MOST, CONFIG_GROUP_STREAMS_MAX_WARMUP_REPLICAS},
};

static void check_relations(const struct config *c, struct config_notes *notes)
{
	static const char *const words[] = {[AT_LEAST] = "at least", [AT_MOST] = "at most", [LESS] = "less than"};

	for (size_t i = 0; i < sizeof(relations) / sizeof(*relations); i++) {
		int64_t left = config_long(c, relations[i].left), right = config_long(c, relations[i].right);
		enum relation r = relations[i].relation;
		/* Blames the setting that was given. */
		bool turn = config_given(c, relations[i].left) == NULL && config_given(c, relations[i].right) != NULL;
		enum config_id at = turn ? relations[i].right : relations[i].left;

		if (r == AT_LEAST ? left >= right : r == AT_MOST ? left <= right : left < right)
			continue;
		config_note_add(notes, CONFIG_NOTE_ERROR, config_place(c, at), "%s=%lld must be %s %s, which is %lld",
				config_setting(relations[i].left)->name, (long long)left, words[r],
				config_setting(relations[i].right)->name, (long long)right);
	}
}

/* ---- logs ---- */

static void check_logs(const struct config *c, struct config_notes *notes)
{
	int64_t threads = config_long(c, CONFIG_LOG_CLEANER_THREADS);
	int64_t buffer = config_long(c, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE);
	struct config_found retention;
	enum config_id behind[] = {CONFIG_LOG_RETENTION_MS, CONFIG_LOG_RETENTION_MINUTES, CONFIG_LOG_RETENTION_HOURS};

	if (!config_is_null(c, CONFIG_LOG_ROLL_MS) && config_long(c, CONFIG_LOG_ROLL_MS) < 1)
		fail(c, notes, CONFIG_LOG_ROLL_MS, "it must be at least 1");
	if (!config_is_null(c, CONFIG_LOG_ROLL_JITTER_MS) && config_long(c, CONFIG_LOG_ROLL_JITTER_MS) < 0)
		fail(c, notes, CONFIG_LOG_ROLL_JITTER_MS, "it must be at least 0");
	config_find_behind(c, NULL, 0, TOPIC_CONFIG_RETENTION_MS, (struct arena *)&c->arena, &retention);
	for (int i = 0; retention.value.integer == 0 && i < 3; i++)
		if (!config_is_null(c, behind[i])) {
			fail(c, notes, behind[i], "retention must be negative (without limit) or at least 1 ms");
			break;
		}
	if (threads == 0)
		fail(c, notes, CONFIG_LOG_CLEANER_THREADS, "it must be at least 1");
	else if (buffer / threads <= 1024 * 1024)
		fail(c, notes, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE,
		     "it must be more than 1 MiB for each of log.cleaner.threads");
}

static void check_cordoned(const struct config *c, struct config_notes *notes)
{
	int n, n_dirs;
	const struct str *v = config_list(c, CONFIG_CORDONED_LOG_DIRS, &n), *dirs = config_log_dirs(c, &n_dirs);

	if (config_value_has_item(&c->values[CONFIG_CORDONED_LOG_DIRS], "*")) {
		if (n > 1)
			fail(c, notes, CONFIG_CORDONED_LOG_DIRS, "* stands alone");
		return;
	}
	for (int i = 0; i < n; i++) {
		int k = 0;

		while (k < n_dirs && !str_eq(dirs[k], v[i]))
			k++;
		if (k == n_dirs)
			fail(c, notes, CONFIG_CORDONED_LOG_DIRS, "each entry must be one of log.dirs");
	}
}

/* ---- roles and listeners ---- */

static bool is_voter(const struct config *c)
{
	for (int i = 0; i < c->network.n_voters; i++)
		if (c->network.voters[i].id == config_int(c, CONFIG_NODE_ID))
			return true;
	return false;
}

static bool has_endpoint(const struct config_endpoint *v, int n, struct str name)
{
	for (int i = 0; i < n; i++)
		if (str_eq(v[i].name, name))
			return true;
	return false;
}

static void check_controller(const struct config *c, struct config_notes *notes)
{
	const struct config_network *net = &c->network;
	int n;
	const struct str *names = config_list(c, CONFIG_CONTROLLER_LISTENER_NAMES, &n);

	if (net->n_voters > 0 && !is_voter(c))
		fail(c, notes, CONFIG_CONTROLLER_QUORUM_VOTERS, "the id of this controller must be among the voters");
	if (net->n_controller_advertised == 0)
		fail(c, notes, CONFIG_CONTROLLER_LISTENER_NAMES, "at least one name must stand in listeners");
	for (int i = 0; i < n; i++)
		if (!has_endpoint(net->listeners, net->n_listeners, names[i]))
			fail(c, notes, CONFIG_CONTROLLER_LISTENER_NAMES,
			     "each name must stand in listeners, in upper case");
}

static void check_pure_controller(const struct config *c, struct config_notes *notes)
{
	const struct config_network *net = &c->network;

	if (net->n_controller_advertised != net->n_listeners)
		fail(c, notes, CONFIG_LISTENERS,
		     "a node that is a controller only may listen on controller.listener.names only");
	if (config_is_null(c, CONFIG_INTER_BROKER_LISTENER_NAME))
		return;
	if (config_value_has_item(
		    &c->values[CONFIG_CONTROLLER_LISTENER_NAMES],
		    arena_printf((struct arena *)&c->arena, "%.*s", STR_ARG(net->inter_broker_listener)).p))
		fail(c, notes, CONFIG_INTER_BROKER_LISTENER_NAME, "it must not be one of controller.listener.names");
}

static void check_pure_broker(const struct config *c, struct config_notes *notes)
{
	if (is_voter(c))
		fail(c, notes, CONFIG_CONTROLLER_QUORUM_VOTERS,
		     "a node that is a broker only must not be among the voters");
	for (int i = 0; i < c->network.n_listeners; i++)
		if (c->network.listeners[i].controller)
			fail(c, notes, CONFIG_CONTROLLER_LISTENER_NAMES,
			     "a node that is a broker only must not listen on them");
	if (config_bool(c, CONFIG_CONTROLLER_QUORUM_AUTO_JOIN_ENABLE))
		fail(c, notes, CONFIG_CONTROLLER_QUORUM_AUTO_JOIN_ENABLE, "only a controller can join the quorum");
}

static void check_broker(const struct config *c, struct config_notes *notes)
{
	const struct config_network *net = &c->network;

	if (net->n_advertised == 0) {
		fail(c, notes, CONFIG_LISTENERS,
		     "a broker needs a listener that is not one of controller.listener.names");
		return;
	}
	if (!has_endpoint(net->advertised, net->n_advertised, net->inter_broker_listener))
		config_note_add(
			notes, CONFIG_NOTE_ERROR, STR_NULL,
			"inter.broker.listener.name (or security.inter.broker.protocol) gives %.*s, which is not the name of an "
			"advertised listener",
			STR_ARG(net->inter_broker_listener));
	for (int i = 0; i < net->n_advertised; i++)
		if (!has_endpoint(net->listeners, net->n_listeners, net->advertised[i].name))
			fail(c, notes, CONFIG_ADVERTISED_LISTENERS, "each name must stand in listeners");
	check_cordoned(c, notes);
}

static void check_advertised(const struct config *c, struct config_notes *notes)
{
	const struct config_network *net = &c->network;
	enum config_id id = net->advertised_is_set ? CONFIG_ADVERTISED_LISTENERS : CONFIG_LISTENERS;

	for (int i = 0; i < net->n_advertised; i++)
		if (!str_is_null(net->advertised[i].host) && str_is(net->advertised[i].host, "0.0.0.0"))
			fail(c, notes, id,
			     "0.0.0.0 cannot be advertised: leave the host out, or set advertised.listeners");
	for (int i = 0; i < net->n_controller_advertised; i++)
		if (!str_is_null(net->controller_advertised[i].host) &&
		    str_is(net->controller_advertised[i].host, "0.0.0.0"))
			fail(c, notes, id, "0.0.0.0 cannot be advertised");
}

static bool is_everywhere(const struct config_endpoint *e)
{
	return str_is_null(e->host) || e->host.len == 0 || str_is(e->host, "0.0.0.0") || str_is(e->host, "::");
}

/*
 * A single node may tell a client the address that the client has connected to. Other brokers
 * advertise it too, and cannot know such an address. Kafka then advertises the machine's host name:
 * a guess that fails at a client, far from the cause.
 */
static void check_reachable(const struct config *c, struct config_notes *notes)
{
	const struct config_network *net = &c->network;
	bool everywhere = false;
	char line[512];
	size_t len = 0;

	if (net->advertised_is_set || (net->n_voters < 2 && net->n_bootstrap < 2))
		return;
	line[0] = 0;
	for (int i = 0; i < net->n_advertised && len < sizeof(line); i++) {
		const struct config_endpoint *e = &net->advertised[i];
		bool named = !is_everywhere(e);

		everywhere |= !named;
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%.*s://%.*s:%d", i ? "," : "",
					STR_ARG(e->name), named ? e->host.len : 4, named ? e->host.p : "HOST", e->port);
	}
	if (everywhere)
		config_note_add(
			notes, CONFIG_NOTE_REFUSED, config_place(c, CONFIG_LISTENERS),
			"this is one of several nodes, and listens on every address: the others and clients have to know "
			"by which. Add advertised.listeners=%s with the name or address of this machine for HOST",
			line);
}

static void check_roles(const struct config *c, struct config_notes *notes)
{
	bool broker = config_is_broker(c), controller = config_is_controller(c);

	if (config_long(c, CONFIG_NODE_ID) != config_long(c, CONFIG_BROKER_ID))
		fail(c, notes, CONFIG_BROKER_ID, "it must be the same as node.id");
	if (c->network.n_voters == 0 && c->network.n_bootstrap == 0)
		config_note_add(notes, CONFIG_NOTE_ERROR, STR_NULL,
				"controller.quorum.bootstrap.servers or controller.quorum.voters must be given");
	if (controller)
		check_controller(c, notes);
	if (controller && !broker)
		check_pure_controller(c, notes);
	if (broker && !controller)
		check_pure_broker(c, notes);
	if (broker)
		check_broker(c, notes);
	check_advertised(c, notes);
	if (broker)
		check_reachable(c, notes);
}

static void check_inter_broker_login(const struct config *c, struct config_notes *notes)
{
	const struct config_network *net = &c->network;
	struct config_at at = {.listener = net->inter_broker_listener};
	int n;
	const struct str *v = config_at_list(c, &at, CONFIG_SASL_ENABLED_MECHANISMS, &n);

	if (net->inter_broker_protocol != PROTOCOL_SASL_PLAINTEXT && net->inter_broker_protocol != PROTOCOL_SASL_SSL)
		return;
	for (int i = 0; i < n; i++)
		if (str_eq(v[i], config_string(c, CONFIG_SASL_MECHANISM_INTER_BROKER_PROTOCOL)))
			return;
	fail(c, notes, CONFIG_SASL_MECHANISM_INTER_BROKER_PROTOCOL,
	     "it must be among sasl.enabled.mechanisms when brokers log in to each other");
}

static void check_early_start(const struct config *c, struct config_notes *notes)
{
	int n;
	const struct str *v = config_list(c, CONFIG_EARLY_START_LISTENERS, &n);

	for (int i = 0; i < n; i++)
		if (!has_endpoint(c->network.listeners, c->network.n_listeners, v[i]))
			fail(c, notes, CONFIG_EARLY_START_LISTENERS, "each name must stand in listeners");
}

/* ---- encryption ---- */

static void check_encrypted_dirs(const struct config *c, struct config_notes *notes)
{
	int n, n_all;
	const struct str *v = config_list(c, CONFIG_ODRADEK_LOG_ENCRYPTION_DIRS, &n), *all = config_log_dirs(c, &n_all);

	for (int i = 0; i < n; i++) {
		bool is_there = false;

		for (int k = 0; k < n_all; k++)
			is_there |= str_eq(v[i], all[k]);
		if (!is_there)
			fail(c, notes, CONFIG_ODRADEK_LOG_ENCRYPTION_DIRS,
			     "each must stand in log.dirs, letter for letter");
	}
}

static void check_encryption(const struct config *c, struct config_notes *notes)
{
	int n_dirs;
	bool file = config_string(c, CONFIG_ODRADEK_LOG_ENCRYPTION_KEY_FILE).len > 0;
	bool command = config_string(c, CONFIG_ODRADEK_LOG_ENCRYPTION_KEY_COMMAND).len > 0;

	if (config_bool(c, CONFIG_ODRADEK_LOG_ENCRYPTION_ENABLE) && !file && !command)
		fail(c, notes, CONFIG_ODRADEK_LOG_ENCRYPTION_ENABLE,
		     "it needs odradek.log.encryption.key.file or odradek.log.encryption.key.command");
	(void)config_list(c, CONFIG_ODRADEK_LOG_ENCRYPTION_DIRS, &n_dirs);
	if (n_dirs > 0 && !file && !command)
		fail(c, notes, CONFIG_ODRADEK_LOG_ENCRYPTION_DIRS,
		     "it needs odradek.log.encryption.key.file or odradek.log.encryption.key.command");
	check_encrypted_dirs(c, notes);
	if (file && command)
		fail(c, notes, CONFIG_ODRADEK_LOG_ENCRYPTION_KEY_COMMAND,
		     "odradek.log.encryption.key.file is set too: keys come from one of them");
}

/* ---- connections, groups ---- */

static void check_connections(const struct config *c, struct config_notes *notes)
{
	int64_t queued = config_long(c, CONFIG_QUEUED_MAX_REQUEST_BYTES),
		idle = config_long(c, CONFIG_CONNECTIONS_MAX_IDLE_MS);

	if (queued > 0 && queued < config_long(c, CONFIG_SOCKET_REQUEST_MAX_BYTES))
		fail(c, notes, CONFIG_QUEUED_MAX_REQUEST_BYTES, "it must be at least socket.request.max.bytes");
	if (config_int(c, CONFIG_MAX_CONNECTIONS_PER_IP) == 0 && c->network.n_ip_limits == 0)
		fail(c, notes, CONFIG_MAX_CONNECTIONS_PER_IP, "0 needs max.connections.per.ip.overrides");
	if (idle >= 0 && config_long(c, CONFIG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS) >= idle)
		fail(c, notes, CONFIG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS,
		     "it must be less than connections.max.idle.ms");
}

/* A codec's number in the record batch format. */
static void check_codec(const struct config *c, enum config_id id, struct config_notes *notes)
{
	if (config_int(c, id) < 0 || config_int(c, id) > 4)
		fail(c, notes, id, "0 is uncompressed, 1 gzip, 2 snappy, 3 lz4, 4 zstd");
}

static void check_groups(const struct config *c, struct config_notes *notes)
{
	int n;

	check_codec(c, CONFIG_OFFSETS_TOPIC_COMPRESSION_CODEC, notes);
	check_codec(c, CONFIG_SHARE_COORDINATOR_STATE_TOPIC_COMPRESSION_CODEC, notes);
	if (!config_value_has_item(&c->values[CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS], "classic"))
		fail(c, notes, CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS, "classic cannot be left out");
	config_list(c, CONFIG_GROUP_SHARE_ASSIGNORS, &n);
	if (n != 1)
		fail(c, notes, CONFIG_GROUP_SHARE_ASSIGNORS, "exactly one assignor");
}

void config_rules_check(const struct config *c, struct config_notes *notes)
{
	check_roles(c, notes);
	check_early_start(c, notes);
	if (config_is_broker(c))
		check_inter_broker_login(c, notes);
	check_logs(c, notes);
	check_encryption(c, notes);
	check_connections(c, notes);
	check_groups(c, notes);
	check_relations(c, notes);
}
