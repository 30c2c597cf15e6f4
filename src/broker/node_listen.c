/*
 * node_listen: the node's listeners: their addresses, and what is advertised and logged about them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "broker/answer.h"
#include "broker/api.h"
#include "broker/dispatch.h"
#include "broker/node_private.h"
#include "broker/sasl.h"
#include "broker/secure.h"
#include "config/config.h"
#include "env/port_owner.h"
#include "log/dir.h"
#include "net/net.h"

#define HOST_MAX 256
#define STRANGERS_MAX 2048
#define KAFKA_SOCKET_BUFFER 102400
#define KAFKA_LISTEN_BACKLOG 50
#define SOMAXCONN_OF_LINUX 4096

/* ---- binding ---- */

static const char *cstr(struct node *n, struct str s)
{
	return str_is_null(s) ? NULL : arena_printf(&n->arena, "%.*s%c", STR_ARG(s), 0).p;
}

/*
 * Kafka's default is in the file that it ships, so it is not a deliberate choice. The system sizes
 * buffers according to the traffic of a connection.
 */
static int32_t socket_buffer(const struct config *c, enum config_id id)
{
	int32_t bytes = config_int(c, id);

	return bytes == KAFKA_SOCKET_BUFFER ? -1 : bytes;
}

/*
 * Kafka's default stands for the system's limit (Linux: net.core.somaxconn), so that clients that
 * come back together can wait.
 */
static int32_t backlog(const struct config *c)
{
	int32_t size = config_int(c, CONFIG_SOCKET_LISTEN_BACKLOG_SIZE);

	return size == KAFKA_LISTEN_BACKLOG ? SOMAXCONN_OF_LINUX : size;
}

static void read_limits(struct node *n, struct net_limits *l)
{
	const struct config *c = n->config;
	int64_t queued = config_long(c, CONFIG_QUEUED_MAX_REQUEST_BYTES);

	net_limits_default(l, 0);
	l->max_strangers = STRANGERS_MAX;
	l->connections_max_idle_ms = config_long(c, CONFIG_CONNECTIONS_MAX_IDLE_MS);
	l->request_max_bytes = (size_t)config_int(c, CONFIG_SOCKET_REQUEST_MAX_BYTES);
	l->socket_send_buffer_bytes = socket_buffer(c, CONFIG_SOCKET_SEND_BUFFER_BYTES);
	l->socket_receive_buffer_bytes = socket_buffer(c, CONFIG_SOCKET_RECEIVE_BUFFER_BYTES);
	l->socket_listen_backlog_size = backlog(c);
	l->queued_max_request_bytes = queued > 0 ? queued : config_long(c, CONFIG_ODRADEK_QUEUED_MAX_REQUEST_BYTES);
	l->frame_deadline_ms = config_long(c, CONFIG_ODRADEK_FRAME_DEADLINE_MS);
}

static bool broker_is_reflected(const struct config_network *network, const struct config_endpoint *e)
{
	return !e->controller && str_is_null(e->host) && !network->advertised_is_set;
}

/* "java, process 123", or as much of it as can be found out. */
static void owner_of(const struct config_endpoint *e, char *out, size_t size)
{
	struct port_owner owner;

	if (port_owner_find((uint16_t)e->port, &owner))
		snprintf(out, size, "unknown");
	else if (owner.pid == 0)
		snprintf(out, size, "a process of another user");
	else
		snprintf(out, size, "%s, process %d", owner.name, owner.pid);
}

static enum node_end refused(struct node *n, const struct config_endpoint *e, int err)
{
	struct str place = config_place(n->config, CONFIG_LISTENERS);
	char host[HOST_MAX], owner[PORT_OWNER_NAME_MAX + 32];

	snprintf(host, sizeof(host), "%.*s", STR_ARG(str_is_null(e->host) ? STR("*") : e->host));
	if (err == -EADDRINUSE) {
		owner_of(e, owner, sizeof(owner));
		diag_error(n->env->diag, "port is taken",
			   "listener=%.*s address=%s:%d owner=\"%s\" remedy=\"stop it, or change listeners (%.*s)\"",
			   STR_ARG(e->name), host, e->port, owner, STR_ARG(place));
	} else {
		diag_error(n->env->diag, "cannot listen",
			   "listener=%.*s address=%s:%d error=%s remedy=\"change listeners (%.*s)\"", STR_ARG(e->name),
			   host, e->port, err_name(err), STR_ARG(place));
	}
	return NODE_END_PORT;
}

static int reactors(const struct node *n)
{
	return n->options.n_reactors ? n->options.n_reactors : config_int(n->config, CONFIG_ODRADEK_REACTORS);
}

/* Kafka's protected listener: that of the brokers, if clients have another one. */
static bool is_between_brokers(const struct config_network *network, const struct config_endpoint *e)
{
	int n = 0;

	for (int i = 0; i < network->n_listeners; i++)
		n += !network->listeners[i].controller;
	return n > 1 && str_eq(e->name, network->inter_broker_listener);
}

/* Sets up the mechanisms offered by listeners with authentication. */
static enum node_end prepare_sasl(struct node *n)
{
	const struct config_network *network = config_network(n->config);
	struct str why;

	for (int i = 0; i < n->n_listeners; i++) {
		const struct config_endpoint *e = &network->listeners[i];

		if (!protocol_is_sasl(e->protocol))
			continue;
		n->listeners[i].sasl =
			sasl_listener_new(n->env, n->config, e, n->cluster_id, &n->options.jvm, &n->arena, &why);
		if (!n->listeners[i].sasl) {
			diag_error(n->env->diag, "listener cannot authenticate", "listener=%.*s reason=\"%.*s\"",
				   STR_ARG(e->name), STR_ARG(why));
			return NODE_END_CONFIG;
		}
	}
	return NODE_END_CLEAN;
}

enum node_end node_bind(struct node *n)
{
	const struct config_network *network = config_network(n->config);
	struct net_listener_config *v = arena_array(&n->arena, (size_t)network->n_listeners, sizeof(*v));
	struct net_limits limits;
	enum node_end end;
	int failed = 0, err;

	n->n_listeners = network->n_listeners;
	n->listeners = arena_array(&n->arena, (size_t)n->n_listeners, sizeof(*n->listeners));
	for (int i = 0; i < n->n_listeners; i++) {
		const struct config_endpoint *e = &network->listeners[i];

		n->listeners[i] = (struct node_listener){.name = cstr(n, e->name),
							 .controller = e->controller,
							 .reflects = broker_is_reflected(network, e)};
		v[i] = (struct net_listener_config){
			.name = n->listeners[i].name,
			.host = cstr(n, e->host),
			.port = (uint16_t)e->port,
			.max_connections = node_listener_limit(n->config, e->name, CONFIG_MAX_CONNECTIONS),
			.max_connection_creation_rate =
				node_listener_limit(n->config, e->name, CONFIG_MAX_CONNECTION_CREATION_RATE),
			.exempt = e->controller,
			.is_protected = is_between_brokers(network, e),
			.lets_all_in = e->protocol == PROTOCOL_PLAINTEXT && !e->controller,
		};
	}
	end = secure_start(n);
	if (end)
		return end;
	for (int i = 0; i < n->n_listeners; i++)
		v[i].tls = n->listeners[i].tls.slot.now;
	end = prepare_sasl(n);
	if (end)
		return end;
	read_limits(n, &limits);
	node_limits_start(n, &limits);
	n->net = net_new(n->env, &limits, reactors(n), &dispatch_handler, n);
	xfree((void *)(uintptr_t)limits.ip_limits);
	err = net_listen(n->net, v, n->n_listeners, &failed);
	return err ? refused(n, &network->listeners[failed], err) : NODE_END_CLEAN;
}

/* Kafka's KafkaConfig.earlyStartListeners. */
static bool starts_early(const struct node *n, int i)
{
	int n_names;
	const struct str *names = config_list(n->config, CONFIG_EARLY_START_LISTENERS, &n_names);

	if (!n->authorizer || n->has_rules || !names)
		return true;
	for (int k = 0; k < n_names; k++)
		if (str_is(names[k], n->listeners[i].name))
			return true;
	return false;
}

void node_accept(struct node *n, bool controller)
{
	for (int i = 0; i < n->n_listeners; i++)
		if (n->listeners[i].controller == controller && starts_early(n, i))
			net_accept(n->net, i);
}

uint16_t node_port(const struct node *n, const char *name)
{
	for (int i = 0; i < n->n_listeners; i++)
		if (strcmp(n->listeners[i].name, name) == 0)
			return net_listener_addr(n->net, i)->port;
	return 0;
}

/* ---- advertising ---- */

/* This machine's canonical host name, as Java has it; looked up once, since it may take a while. */
static struct str host_name(struct node *n)
{
	char host[HOST_MAX];

	if (str_is_null(n->host_name))
		n->host_name = arena_str(&n->arena,
					 str_of(env_host_name(n->env, host, sizeof(host)) == 0 ? host : "localhost"));
	return n->host_name;
}

/* A missing host becomes this machine's canonical name; port 0 becomes the one that was bound. */
static void endpoint_of(struct node *n, const struct config_endpoint *e, struct quorum_broker_endpoint *out)
{
	out->name = e->name;
	out->host = e->host;
	out->port = (uint16_t)e->port;
	out->security_protocol = (int16_t)e->protocol;
	if (str_is_null(e->host) || e->host.len == 0)
		out->host = host_name(n);
	if (e->port == 0)
		out->port = node_port(n, cstr(n, e->name));
}

void node_register(struct node *n, void (*state)(void *arg, enum broker_state state, int64_t epoch))
{
	const struct config_network *network = config_network(n->config);
	struct quorum_broker_endpoint *endpoints =
		arena_array(&n->arena, (size_t)network->n_advertised + 1, sizeof(*endpoints));
	struct uuid *dirs = arena_array(&n->arena, (size_t)n->n_log_dirs, sizeof(*dirs));
	struct str *paths = arena_array(&n->arena, (size_t)n->n_log_dirs, sizeof(*paths));
	struct quorum_broker b = {
		.id = n->id,
		.incarnation = env_random_uuid(n->env),
		.rack = config_string(n->config, CONFIG_BROKER_RACK),
		.endpoints = endpoints,
		.n_endpoints = network->n_advertised,
		.log_dirs = dirs,
		.log_dir_paths = paths,
		.encrypts = n->log_keys != NULL,
		.previous_epoch = node_previous_epoch(n),
		.state = state,
		.arg = n,
	};

	for (int i = 0; i < network->n_advertised; i++)
		endpoint_of(n, &network->advertised[i], &endpoints[i]);
	for (int i = 0; i < n->n_log_dirs; i++) /* directories that are offline are left out, as in Kafka */
		if (!log_dir_error(n->dirs[i])) {
			paths[b.n_log_dirs] = str_of(log_dir_path(n->dirs[i]));
			dirs[b.n_log_dirs++] = log_dir_meta(n->dirs[i])->directory_id;
		}
	quorum_broker_start(n->quorum, &b);
}

bool node_reflects(struct request *r, const struct image_node *broker, struct answer_endpoint *out)
{
	const struct node *n = r->node;
	struct peer *peer = r->peer;

	if (!peer || broker->id != n->id || !n->listeners[peer->listener].reflects || image_broker_count(r->image) != 1)
		return true;
	if (!peer->local) {
		struct addr local;

		peer->local = xcalloc(1, sizeof(*peer->local));
		if (conn_local_addr(r->conn, &local) == 0) {
			addr_text(&local, peer->local->host);
			peer->local->port = local.port;
		}
	}
	if (peer->local->port) {
		out->host = str_of(peer->local->host);
		out->port = peer->local->port;
	}
	return true;
}

/* ---- log lines ---- */

static const struct config_endpoint *advertised(const struct node *n, const char *name)
{
	const struct config_network *network = config_network(n->config);

	for (int i = 0; i < network->n_advertised; i++)
		if (str_is(network->advertised[i].name, name))
			return &network->advertised[i];
	return NULL;
}

static void tell_listener(struct node *n, int i)
{
	const struct addr *bound = net_listener_addr(n->net, i);
	const struct config_endpoint *e = advertised(n, n->listeners[i].name);
	struct quorum_broker_endpoint said;
	char text[ADDR_TEXT_MAX];

	addr_text(bound, text);
	if (e)
		endpoint_of(n, e, &said);
	if (e && n->listeners[i].reflects)
		diag_info(n->env->diag, "listening",
			  "listener=%s address=%s port=%d advertised=\"the address a client dials; %.*s:%d to others\"",
			  n->listeners[i].name, text, bound->port, STR_ARG(said.host), said.port);
	else if (e)
		diag_info(n->env->diag, "listening", "listener=%s address=%s port=%d advertised=%.*s:%d",
			  n->listeners[i].name, text, bound->port, STR_ARG(said.host), said.port);
	else
		diag_info(n->env->diag, "listening", "listener=%s address=%s port=%d", n->listeners[i].name, text,
			  bound->port);
}

/* Logs a command to try, for the first listener that accepts plaintext clients from this machine. */
static void tell_try(struct node *n, int i)
{
	const struct addr *bound = net_listener_addr(n->net, i);
	char text[ADDR_TEXT_MAX];

	diag_info(n->env->diag, "try", "kcat -b %s:%d -L",
		  addr_is_wildcard(bound) ? "127.0.0.1" : addr_text(bound, text), bound->port);
}

void node_tell_listeners(struct node *n)
{
	const struct config_network *network = config_network(n->config);
	bool told = false;

	for (int i = 0; i < n->n_listeners; i++)
		tell_listener(n, i);
	for (int i = 0; i < n->n_listeners && !told; i++)
		if (!n->listeners[i].controller && network->listeners[i].protocol == PROTOCOL_PLAINTEXT) {
			tell_try(n, i);
			told = true;
		}
}
