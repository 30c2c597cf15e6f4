/*
 * node_limits: the limits on connections, which may change while the node runs (KIP-402, KIP-612):
 * max.connections and max.connection.creation.rate, in total and for one listener, and
 * max.connections.per.ip with its overrides.
 *
 * Names of hosts in max.connections.per.ip.overrides are resolved in a job. A value that Kafka
 * refuses to apply (a total or a rate of 0 lets nobody in) does not count.
 */
#include <stdlib.h>

#include "base/diag.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/layers.h"
#include "broker/node_private.h"
#include "config/config.h"
#include "metadata/image.h"
#include "net/net.h"

#define ADDRESSES_MAX 16 /* of a host, that are looked at */

/* Room for what an override list is parsed into. */
static size_t room_for(struct str text)
{
	return (size_t)text.len * 16 + 65536;
}

/* An override list on its way into effect. */
struct addresses {
	struct work work;
	struct node *node;
	char *text;
	char *later; /* what has been set meanwhile; NULL: nothing */
	struct net_ip_limit *v;
	int n;
	int n_unknown; /* hosts that could not be resolved */
};

/* A limit for all listeners together is not a limit for each. */
int32_t node_listener_limit(const struct config *c, struct str listener, enum config_id id)
{
	struct config_at at = {.listener = listener};

	return config_at_is_set(c, &at, id) ? (int32_t)config_at_long(c, &at, id) : NET_NO_LIMIT;
}

/* ---- addresses ---- */

/* The address of a host, of IPv4 if it has one, as Java prefers. */
static bool find_address(struct env *env, struct str name, struct addr *out)
{
	struct addr v[ADDRESSES_MAX];
	char *host = str_dup(name);
	int n = env_resolve(env, host, 0, v, ADDRESSES_MAX);
	int i = 0;

	while (i < n && v[i].v6)
		i++;
	if (n > 0)
		*out = v[i < n ? i : 0];
	else
		diag_warn(env->diag, "host of max.connections.per.ip.overrides is not known", "host=%s", host);
	xfree(host);
	return n > 0;
}

/* Fills in x->v, x->n and x->n_unknown from x->text. Blocks; ends early when the node is to stop. */
static void resolve(struct addresses *x)
{
	const struct config_ip_limit *limits;
	struct str why;
	struct arena a;
	int n_limits = 0;

	arena_init(&a, room_for(str_of(x->text)));
	if (!config_ip_limits_read(str_of(x->text), &a, &limits, &n_limits, &why))
		n_limits = 0;
	x->v = xcalloc((size_t)n_limits + 1, sizeof(*x->v));
	for (int i = 0; i < n_limits && !__atomic_load_n(&x->node->stop_asked, __ATOMIC_RELAXED); i++) {
		if (find_address(x->node->env, limits[i].host, &x->v[x->n].addr))
			x->v[x->n++].connections = limits[i].connections;
		else
			x->n_unknown++;
	}
	arena_fini(&a);
}

static struct str overrides_at_start(const struct config *c)
{
	struct str text = config_string(c, CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES);

	return str_is_null(text) ? STR("") : text;
}

void node_limits_start(struct node *n, struct net_limits *l)
{
	const struct config *c = n->config;
	struct addresses x = {.node = n, .text = str_dup(overrides_at_start(c))};

	l->max_connections = config_int(c, CONFIG_MAX_CONNECTIONS);
	l->max_connections_per_ip = config_int(c, CONFIG_MAX_CONNECTIONS_PER_IP);
	l->max_connection_creation_rate = config_int(c, CONFIG_MAX_CONNECTION_CREATION_RATE);
	resolve(&x);
	n->address_limits = x.text;
	l->n_ip_limits = x.n;
	l->ip_limits = x.v;
}

static void resolve_job(struct work *w)
{
	resolve(container_of(w, struct addresses, work));
}

static void begin(struct node *n, char *take_text);

/* With an unknown host the limits before stay in force, as in Kafka, until the next change. */
static void resolved(struct work *w)
{
	struct addresses *x = container_of(w, struct addresses, work);
	struct node *n = x->node;

	if (x->n_unknown == 0 && !n->cores[0].stopping) {
		net_set_ip_limits(n->net, x->v, x->n);
		xfree(n->address_limits);
		n->address_limits = x->text;
	} else {
		xfree(x->text);
	}
	n->addresses = NULL;
	if (x->later && !n->cores[0].stopping)
		begin(n, x->later);
	else
		xfree(x->later);
	xfree(x->v);
	xfree(x);
	core_work_ends(&n->cores[0]);
}

static void begin(struct node *n, char *take_text)
{
	struct addresses *x = xcalloc(1, sizeof(*x));

	x->node = n;
	x->text = take_text;
	x->work = (struct work){.job = resolve_job, .done = resolved, .waits_for_others = true};
	n->addresses = x;
	core_work_begins(&n->cores[0]);
	env_work(n->cores[0].loop, &x->work);
}

static bool is_legal(struct str text)
{
	const struct config_ip_limit *v;
	struct str why;
	struct arena a;
	int n;
	bool ok;

	arena_init(&a, room_for(text));
	ok = config_ip_limits_read(text, &a, &v, &n, &why);
	arena_fini(&a);
	return ok;
}

static void follow_addresses(struct node *n, const struct layers *layers)
{
	struct str text = layers_text(layers, str_of(config_setting(CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES)->name));

	if (str_is_null(text) || !is_legal(text))
		text = overrides_at_start(n->config);
	if (n->addresses) {
		xfree(n->addresses->later);
		n->addresses->later = str_dup(text);
	} else if (!str_is(text, n->address_limits)) {
		begin(n, str_dup(text));
	}
}

/* ---- numbers ---- */

static int32_t total(const struct node *n, const struct layers *layers, enum config_id id, int64_t least)
{
	int64_t v = config_long_in(n->config, layers->v, layers->n, id);

	return v >= least ? (int32_t)v : config_int(n->config, id);
}

static int32_t of_listener(const struct node *n, const struct layers *layers, struct str listener, enum config_id id)
{
	bool is_own;
	int64_t v = layers_listener_long(n->config, layers, listener, id, &is_own);

	return is_own && v > 0 ? (int32_t)v : node_listener_limit(n->config, listener, id);
}

void node_limits_follow(struct node *n, const struct image *old, const struct image *now)
{
	const struct config_network *network = config_network(n->config);
	struct layers before = {0}, layers = layers_of_broker(now, n->id);

	if (old)
		before = layers_of_broker(old, n->id);
	if (old && before.v[0].arg == layers.v[0].arg && before.v[1].arg == layers.v[1].arg)
		return;
	net_set_max_connections(n->net, total(n, &layers, CONFIG_MAX_CONNECTIONS, 1));
	net_set_max_connections_per_ip(n->net, total(n, &layers, CONFIG_MAX_CONNECTIONS_PER_IP, 0));
	net_set_creation_rate(n->net, total(n, &layers, CONFIG_MAX_CONNECTION_CREATION_RATE, 1));
	for (int i = 0; i < n->n_listeners; i++) {
		struct str name = network->listeners[i].name;

		net_set_listener_max_connections(n->net, i, of_listener(n, &layers, name, CONFIG_MAX_CONNECTIONS));
		net_set_listener_creation_rate(n->net, i,
					       of_listener(n, &layers, name, CONFIG_MAX_CONNECTION_CREATION_RATE));
	}
	follow_addresses(n, &layers);
}
