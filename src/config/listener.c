/*
 * listener: `listeners`, `advertised.listeners`, `listener.security.protocol.map`, the quorum and
 * the per-address limits, parsed like in Kafka's AbstractKafkaConfig, SocketServerConfigs and
 * QuorumConfig.
 */
#include "config/listener.h"

#include <string.h>
#include <strings.h>

#include "config/config_impl.h"
#include "env/env.h"

struct mapping {
	struct str name;
	enum security_protocol protocol;
};

struct protocol_map {
	struct mapping *v;
	int n;
};

static const char *const protocol_names[] = {
	[PROTOCOL_PLAINTEXT] = "PLAINTEXT",
	[PROTOCOL_SSL] = "SSL",
	[PROTOCOL_SASL_PLAINTEXT] = "SASL_PLAINTEXT",
	[PROTOCOL_SASL_SSL] = "SASL_SSL",
};

static bool protocol_of(struct str name, enum security_protocol *out)
{
	for (int i = 0; i <= PROTOCOL_SASL_SSL; i++) {
		if (strlen(protocol_names[i]) == (size_t)name.len &&
		    strncasecmp(protocol_names[i], name.p, (size_t)name.len) == 0) {
			*out = (enum security_protocol)i;
			return true;
		}
	}
	return false;
}

static struct str upper(struct str s, struct arena *a)
{
	char *p = arena_alloc(a, (size_t)s.len + 1);

	if (p == NULL)
		return STR("");
	for (int i = 0; i < s.len; i++)
		p[i] = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 'a' + 'A') : s.p[i];
	return (struct str){p, s.len};
}

static bool illegal(struct config *c, struct config_notes *notes, enum config_id id, const char *why, struct str what)
{
	config_note_add(notes, CONFIG_NOTE_ERROR, config_place(c, id), "%s: %s%s%.*s", config_setting(id)->name, why,
			what.len ? ": " : "", STR_ARG(what));
	return false;
}

/* ---- key:value,key:value ---- */

struct csv {
	struct str left;
};

/*
 * Takes the next "key:value", split at the last colon. Returns 1; 0 at the end; -1 when there is no
 * colon.
 */
static int csv_next(struct csv *csv, struct str *key, struct str *value)
{
	const char *comma, *colon;
	struct str entry;

	if (csv->left.len <= 0)
		return 0;
	comma = memchr(csv->left.p, ',', (size_t)csv->left.len);
	entry = (struct str){csv->left.p, comma ? (int32_t)(comma - csv->left.p) : csv->left.len};
	csv->left.p += entry.len + (comma != NULL);
	csv->left.len -= entry.len + (comma != NULL);
	entry = str_trim(entry);
	colon = entry.len > 0 ? memrchr(entry.p, ':', (size_t)entry.len) : NULL;
	if (colon == NULL)
		return entry.len == 0 && csv->left.len == 0 ? 0 : -1;
	*key = str_trim((struct str){entry.p, (int32_t)(colon - entry.p)});
	*value = str_trim((struct str){colon + 1, (int32_t)(entry.p + entry.len - colon - 1)});
	return 1;
}

/* ---- the protocol map ---- */

static const struct mapping *map_find(const struct protocol_map *map, struct str name)
{
	for (int i = 0; i < map->n; i++)
		if (str_eq(map->v[i].name, name))
			return &map->v[i];
	return NULL;
}

static void map_put(struct protocol_map *map, struct str name, enum security_protocol protocol)
{
	struct mapping *m = (struct mapping *)map_find(map, name);

	if (m == NULL)
		m = &map->v[map->n++];
	*m = (struct mapping){name, protocol};
}

static bool is_secure_name(struct str s)
{
	return str_is(s, "SSL") || str_is(s, "SASL_SSL") || str_is(s, "SASL_PLAINTEXT");
}

/*
 * Whether the name of a controller or listener mentions SSL or SASL. If one does, controllers'
 * names do not imply a protocol.
 */
static bool names_are_secure(const struct config *c)
{
	int n;
	const struct str *v = config_list(c, CONFIG_CONTROLLER_LISTENER_NAMES, &n);

	for (int i = 0; i < n; i++)
		if (is_secure_name(v[i]))
			return true;
	v = config_list(c, CONFIG_LISTENERS, &n);
	for (int i = 0; i < n; i++) {
		const char *colon = memchr(v[i].p, ':', (size_t)v[i].len);
		struct str name = {v[i].p, colon ? (int32_t)(colon - v[i].p) : 0};

		for (int p = PROTOCOL_SSL; p <= PROTOCOL_SASL_SSL; p++)
			if (strlen(protocol_names[p]) == (size_t)name.len &&
			    strncasecmp(protocol_names[p], name.p, (size_t)name.len) == 0)
				return true;
	}
	return false;
}

static bool read_map(struct config *c, struct protocol_map *map, struct config_notes *notes)
{
	enum config_id id = CONFIG_LISTENER_SECURITY_PROTOCOL_MAP;
	struct str text = config_string(c, id), key, value;
	struct csv csv = {text};
	int n, more;
	const struct str *names = config_list(c, CONFIG_CONTROLLER_LISTENER_NAMES, &n);

	map->v = arena_array(&c->arena, (size_t)text.len / 2 + (size_t)n + 1, sizeof(*map->v));
	if (map->v == NULL)
		return false;
	while ((more = csv_next(&csv, &key, &value)) > 0) {
		enum security_protocol protocol;

		if (!protocol_of(value, &protocol))
			return illegal(c, notes, id,
				       "no security protocol; legal: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL", value);
		map_put(map, upper(key, &c->arena), protocol);
	}
	if (more < 0)
		return illegal(c, notes, id, "an entry is not of the form NAME:PROTOCOL", text);
	if (config_given(c, id) == NULL && !names_are_secure(c))
		for (int i = 0; i < n; i++)
			if (!str_is(names[i], "PLAINTEXT"))
				map_put(map, names[i], PROTOCOL_PLAINTEXT);
	return true;
}

/* ---- endpoints ---- */

/* As written: Kafka compares the upper-case name with the text in controller.listener.names. */
static bool is_controller_name(const struct config *c, struct str name)
{
	int n;
	const struct str *names = config_list(c, CONFIG_CONTROLLER_LISTENER_NAMES, &n);

	for (int i = 0; i < n; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

/* NAME://host:port; the name ends at the last "://". */
static bool read_endpoint(struct config *c, struct str text, struct config_endpoint *out)
{
	const char *slashes = NULL;
	struct str rest;
	int end;
	int64_t port;

	for (int i = 0; i + 3 <= text.len; i++)
		if (memcmp(text.p + i, "://", 3) == 0)
			slashes = text.p + i;
	if (slashes == NULL)
		return false;
	rest = (struct str){slashes + 3, (int32_t)(text.p + text.len - slashes - 3)};
	for (end = rest.len; end > 0 && rest.p[end - 1] != ':'; end--)
		;
	if (end == 0 ||
	    !config_parse_integer((struct str){rest.p + end, rest.len - end}, INT32_MIN, INT32_MAX, &port) ||
	    rest.p[end] == '+')
		return false;
	*out = (struct config_endpoint){
		.name = upper((struct str){text.p, (int32_t)(slashes - text.p)}, &c->arena),
		.host = {rest.p, end - 1},
		.port = (int32_t)port,
	};
	if (out->host.len > 0 && out->host.p[0] == '[')
		out->host.p++, out->host.len--;
	if (out->host.len > 0 && out->host.p[out->host.len - 1] == ']')
		out->host.len--;
	if (!config_is_host(out->host))
		return false;
	if (out->host.len == 0)
		out->host = STR_NULL;
	out->controller = is_controller_name(c, out->name);
	return true;
}

static bool read_endpoints(struct config *c, enum config_id id, const struct protocol_map *map,
			   struct config_endpoint **out, int *n, struct config_notes *notes)
{
	int n_texts;
	const struct str *texts = config_list(c, id, &n_texts);

	*n = 0;
	*out = arena_array(&c->arena, (size_t)n_texts, sizeof(**out));
	for (int i = 0; i < n_texts && *out != NULL; i++) {
		struct config_endpoint *e = &(*out)[i];
		const struct mapping *m;

		if (!read_endpoint(c, texts[i], e))
			return illegal(c, notes, id, "not of the form NAME://host:port", texts[i]);
		if (e->port < 0 || e->port > 65535)
			return illegal(c, notes, id, "a port is a number from 0 to 65535", texts[i]);
		m = map_find(map, e->name);
		if (m == NULL)
			return illegal(c, notes, id, "listener.security.protocol.map gives no protocol for this name",
				       e->name);
		e->protocol = m->protocol;
		for (int k = 0; k < i; k++)
			if (str_eq((*out)[k].name, e->name))
				return illegal(c, notes, id, "each listener must have a name of its own", e->name);
		(*n)++;
	}
	return *out != NULL || n_texts == 0;
}

/* 4, 6, or 0 when it is not an IP literal. */
static int ip_version(struct str host, struct arena *a)
{
	struct addr addr;

	if (str_is_null(host) || !addr_parse(arena_printf(a, "%.*s", STR_ARG(host)).p, 0, &addr))
		return 0;
	return addr.v6 ? 6 : 4;
}

/* Two listeners may share a port if one has an IPv4 and the other an IPv6 address. */
static bool ports_differ(struct config *c, const struct config_endpoint *v, int n, struct config_notes *notes)
{
	for (int i = 0; i < n; i++) {
		int shared = 1, version = ip_version(v[i].host, &c->arena);

		for (int k = i + 1; k < n && v[i].port != 0; k++) {
			int other = ip_version(v[k].host, &c->arena);

			if (v[k].port != v[i].port)
				continue;
			shared++;
			if (version == 0 || other == 0 || version == other || shared > 2)
				return illegal(
					c, notes, CONFIG_LISTENERS,
					"each listener must have a port of its own, unless one has an IPv4 and the other an IPv6 "
					"address",
					v[k].name);
		}
	}
	return true;
}

/* ---- advertised ---- */

static int keep(struct config_endpoint *v, int n, bool controller)
{
	int kept = 0;

	for (int i = 0; i < n; i++)
		if (v[i].controller == controller)
			v[kept++] = v[i];
	return kept;
}

static const struct config_endpoint *named(const struct config_endpoint *v, int n, struct str name)
{
	for (int i = 0; i < n; i++)
		if (str_eq(v[i].name, name))
			return &v[i];
	return NULL;
}

/*
 * What the quorum is told about a controller's listener: the advertised endpoint of that name, or
 * otherwise where it listens; the first listener, if on a wildcard address, is known by its entry
 * in the voters.
 */
static void advertise_controller(struct config *c, struct str name, bool first,
				 const struct config_endpoint *advertised, int n_advertised,
				 struct config_endpoint *out, int *n)
{
	struct config_network *net = &c->network;
	struct str normal = upper(name, &c->arena);
	const struct config_endpoint *e = named(advertised, n_advertised, normal);
	bool given = e != NULL;
	bool wildcard;

	if (e == NULL)
		e = named(net->listeners, net->n_listeners, normal);
	if (e == NULL || !e->controller)
		return;
	out[*n] = *e;
	wildcard = str_is_null(e->host) || str_is(e->host, "0.0.0.0");
	for (int i = 0; i < net->n_voters && !given && wildcard && first; i++) {
		if (net->voters[i].id == config_int(c, CONFIG_NODE_ID)) {
			out[*n].host = net->voters[i].host;
			out[*n].port = net->voters[i].port;
			wildcard = false;
		}
	}
	if (!given && wildcard)
		out[*n].host = STR_NULL;
	(*n)++;
}

static bool read_advertised(struct config *c, const struct protocol_map *map, struct config_notes *notes)
{
	struct config_network *net = &c->network;
	struct config_endpoint *v, *all, *controllers;
	int n, n_all, n_names;
	const struct str *names = config_list(c, CONFIG_CONTROLLER_LISTENER_NAMES, &n_names);

	net->advertised_is_set = !config_is_null(c, CONFIG_ADVERTISED_LISTENERS);
	if (!read_endpoints(c, net->advertised_is_set ? CONFIG_ADVERTISED_LISTENERS : CONFIG_LISTENERS, map, &v, &n,
			    notes))
		return false;
	all = arena_array(&c->arena, (size_t)n, sizeof(*all));
	controllers = arena_array(&c->arena, (size_t)n_names, sizeof(*controllers));
	if (all == NULL || controllers == NULL)
		return false;
	memcpy(all, v, (size_t)n * sizeof(*all));
	n_all = net->advertised_is_set ? keep(all, n, true) : 0;
	net->advertised = v;
	net->n_advertised = keep(v, n, false);
	net->controller_advertised = controllers;
	for (int i = 0; i < n_names; i++)
		advertise_controller(c, names[i], i == 0, all, n_all, controllers, &net->n_controller_advertised);
	return true;
}

/* ---- the listener that brokers use among themselves ---- */

static bool read_inter_broker(struct config *c, const struct protocol_map *map, struct config_notes *notes)
{
	struct str name = config_string(c, CONFIG_INTER_BROKER_LISTENER_NAME);
	const struct mapping *m;

	if (str_is_null(name)) {
		c->network.inter_broker_listener = config_string(c, CONFIG_SECURITY_INTER_BROKER_PROTOCOL);
		protocol_of(c->network.inter_broker_listener, &c->network.inter_broker_protocol);
		return true;
	}
	if (config_given(c, CONFIG_SECURITY_INTER_BROKER_PROTOCOL) != NULL)
		return illegal(c, notes, CONFIG_INTER_BROKER_LISTENER_NAME,
			       "only one of it and security.inter.broker.protocol may be given", STR(""));
	c->network.inter_broker_listener = upper(name, &c->arena);
	m = map_find(map, c->network.inter_broker_listener);
	if (m == NULL)
		return illegal(c, notes, CONFIG_INTER_BROKER_LISTENER_NAME,
			       "listener.security.protocol.map gives no protocol for this name", name);
	c->network.inter_broker_protocol = m->protocol;
	return true;
}

/* A node that is a controller listens on each of them, and they have been looked for already. */
static bool read_controller_listener(struct config *c, const struct protocol_map *map, struct config_notes *notes)
{
	struct config_network *net = &c->network;
	int n;
	const struct str *names = config_list(c, CONFIG_CONTROLLER_LISTENER_NAMES, &n);
	const struct mapping *m;

	for (int i = 0; i < n && !config_is_controller(c); i++)
		if (!map_find(map, upper(names[i], &c->arena)))
			return illegal(c, notes, CONFIG_CONTROLLER_LISTENER_NAMES,
				       "listener.security.protocol.map gives no protocol for this name", names[i]);
	if (n == 0)
		return true;
	net->controller_listener = upper(names[0], &c->arena);
	m = map_find(map, net->controller_listener);
	net->controller_protocol = m ? m->protocol : PROTOCOL_PLAINTEXT;
	return true;
}

/* ---- the quorum, and per-address limits ---- */

static void read_quorum(struct config *c)
{
	struct config_network *net = &c->network;
	int n_voters, n_servers;
	const struct str *voters = config_list(c, CONFIG_CONTROLLER_QUORUM_VOTERS, &n_voters);
	const struct str *servers = config_list(c, CONFIG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, &n_servers);
	struct config_voter *v = arena_array(&c->arena, (size_t)(n_voters + n_servers), sizeof(*v));

	if (v == NULL)
		return;
	net->voters = v;
	net->n_voters = n_voters;
	for (int i = 0; i < n_voters; i++, v++) {
		const char *at = memchr(voters[i].p, '@', (size_t)voters[i].len);
		int64_t id = 0;

		config_parse_integer((struct str){voters[i].p, (int32_t)(at - voters[i].p)}, INT32_MIN, INT32_MAX, &id);
		v->id = (int32_t)id;
		config_parse_host_port((struct str){at + 1, (int32_t)(voters[i].p + voters[i].len - at - 1)}, &v->host,
				       &v->port);
	}
	net->bootstrap = v;
	net->n_bootstrap = n_servers;
	for (int i = 0; i < n_servers; i++, v++) {
		v->id = -1;
		config_parse_host_port(servers[i], &v->host, &v->port);
	}
}

enum ip_limits { IP_LIMITS_FINE, IP_LIMITS_NO_PAIR, IP_LIMITS_NO_NUMBER, IP_LIMITS_NO_HOST, IP_LIMITS_TOO_LONG };

/* Kafka looks at all numbers before it looks at a host. *wrong: what is not one. */
static enum ip_limits ip_limits_read(struct str text, struct arena *a, const struct config_ip_limit **out, int *n,
				     struct str *wrong)
{
	struct str host, limit;
	struct csv csv = {text};
	struct config_ip_limit *v = arena_array(a, (size_t)text.len / 2 + 1, sizeof(*v));
	int more;

	*n = 0;
	*out = v;
	*wrong = text;
	if (v == NULL)
		return IP_LIMITS_TOO_LONG;
	while ((more = csv_next(&csv, &host, &limit)) > 0) {
		int64_t number;

		*wrong = limit;
		if (!config_parse_integer(limit, INT32_MIN, INT32_MAX, &number))
			return IP_LIMITS_NO_NUMBER;
		v[(*n)++] = (struct config_ip_limit){host, (int32_t)number};
	}
	*wrong = text;
	if (more < 0)
		return IP_LIMITS_NO_PAIR;
	for (int i = 0; i < *n; i++) {
		*wrong = v[i].host;
		if (!config_is_host(v[i].host))
			return IP_LIMITS_NO_HOST;
	}
	return IP_LIMITS_FINE;
}

bool config_ip_limits_read(struct str text, struct arena *a, const struct config_ip_limit **out, int *n,
			   struct str *why)
{
	const char *name = config_setting(CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES)->name;
	struct str wrong;

	switch (ip_limits_read(text, a, out, n, &wrong)) {
	case IP_LIMITS_NO_PAIR:
		*why = arena_printf(a, "Error parsing configuration property '%s': an entry has no colon: %.*s", name,
				    STR_ARG(wrong));
		return false;
	case IP_LIMITS_NO_NUMBER:
		*why = arena_printf(a, "For input string: \"%.*s\"", STR_ARG(wrong));
		return false;
	case IP_LIMITS_NO_HOST:
		*why = arena_printf(a, "%s contains invalid addresses : %.*s", name, STR_ARG(wrong));
		return false;
	case IP_LIMITS_TOO_LONG:
		*why = arena_printf(a, "%s is too long", name);
		return false;
	default:
		return true;
	}
}

static bool read_ip_limits(struct config *c, struct config_notes *notes)
{
	enum config_id id = CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES;
	struct str wrong;

	switch (ip_limits_read(config_string(c, id), &c->arena, &c->network.ip_limits, &c->network.n_ip_limits,
			       &wrong)) {
	case IP_LIMITS_NO_PAIR:
		return illegal(c, notes, id, "an entry is not of the form host:limit", wrong);
	case IP_LIMITS_NO_NUMBER:
		return illegal(c, notes, id, "a limit is not a number", wrong);
	case IP_LIMITS_NO_HOST:
		return illegal(c, notes, id, "no address and no host name", wrong);
	case IP_LIMITS_TOO_LONG:
		return false;
	default:
		return true;
	}
}

bool config_network_read(struct config *c, struct config_notes *notes)
{
	struct config_network *net = &c->network;
	struct protocol_map map = {0};
	struct config_endpoint *v = NULL;

	read_quorum(c);
	if (!read_map(c, &map, notes) || !read_endpoints(c, CONFIG_LISTENERS, &map, &v, &net->n_listeners, notes))
		return false;
	net->listeners = v;
	if (!read_controller_listener(c, &map, notes))
		return false;
	return ports_differ(c, v, net->n_listeners, notes) && read_advertised(c, &map, notes) &&
	       read_inter_broker(c, &map, notes) && read_ip_limits(c, notes) && !c->arena.failed;
}
