/*
 * secure: see the header.
 */
#include "broker/secure.h"

#include "broker/layers.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "broker/ssl_principal.h"
#include "config/config.h"
#include "net/conn.h"

static const enum config_id ids[TLS_SETTINGS] = {
	[TLS_PROTOCOL] = CONFIG_SSL_PROTOCOL,
	[TLS_ENABLED_PROTOCOLS] = CONFIG_SSL_ENABLED_PROTOCOLS,
	[TLS_CIPHER_SUITES] = CONFIG_SSL_CIPHER_SUITES,
	[TLS_KEYSTORE_TYPE] = CONFIG_SSL_KEYSTORE_TYPE,
	[TLS_KEYSTORE_LOCATION] = CONFIG_SSL_KEYSTORE_LOCATION,
	[TLS_KEYSTORE_PASSWORD] = CONFIG_SSL_KEYSTORE_PASSWORD,
	[TLS_KEY_PASSWORD] = CONFIG_SSL_KEY_PASSWORD,
	[TLS_KEYSTORE_KEY] = CONFIG_SSL_KEYSTORE_KEY,
	[TLS_KEYSTORE_CERTIFICATE_CHAIN] = CONFIG_SSL_KEYSTORE_CERTIFICATE_CHAIN,
	[TLS_TRUSTSTORE_TYPE] = CONFIG_SSL_TRUSTSTORE_TYPE,
	[TLS_TRUSTSTORE_LOCATION] = CONFIG_SSL_TRUSTSTORE_LOCATION,
	[TLS_TRUSTSTORE_PASSWORD] = CONFIG_SSL_TRUSTSTORE_PASSWORD,
	[TLS_TRUSTSTORE_CERTIFICATES] = CONFIG_SSL_TRUSTSTORE_CERTIFICATES,
	[TLS_CLIENT_AUTH] = CONFIG_SSL_CLIENT_AUTH,
	[TLS_ENDPOINT_IDENTIFICATION_ALGORITHM] = CONFIG_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM,
};

bool secure_is_tls(enum security_protocol p)
{
	return p == PROTOCOL_SSL || p == PROTOCOL_SASL_SSL;
}

/* ---- settings ---- */

static struct str in_layers(const struct layers *layers, struct str name)
{
	struct str v = STR_NULL;

	for (int i = 0; layers && i < layers->n && str_is_null(v); i++)
		v = layers->v[i].get(layers->v[i].arg, name);
	return v;
}

static struct str joined(const struct str *v, int n, struct arena *a)
{
	struct str all = STR("");

	for (int i = 0; i < n; i++)
		all = arena_printf(a, "%.*s%s%.*s", STR_ARG(all), i ? "," : "", STR_ARG(v[i]));
	return all;
}

static struct str in_config(const struct config *c, const struct config_at *at, const struct config_setting *s,
			    struct arena *a)
{
	const struct str *v;
	int n;

	if (s->type != CONFIG_TYPE_LIST)
		return config_at_string(c, at, s->id);
	v = config_at_list(c, at, s->id, &n);
	return joined(v, n, a);
}

/* "listener.name.internal." */
static struct str prefix_of(struct str listener, struct arena *a)
{
	struct str text = arena_printf(a, "listener.name.%.*s.", STR_ARG(listener));
	char *p = (char *)(uintptr_t)text.p;

	for (int32_t i = 0; i < text.len; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] += 'a' - 'A';
	return text;
}

void secure_settings(const struct config *c, const struct layers *layers, struct str listener,
		     enum security_protocol protocol, struct arena *a, struct tls_settings *out)
{
	struct config_at at = {.listener = listener};
	struct str prefix = prefix_of(listener, a);

	for (int i = 0; i < TLS_SETTINGS; i++) {
		struct str name = str_of(tls_setting_name((enum tls_setting)i));
		const struct config_setting *s = config_setting(ids[i]);
		struct str own = in_layers(layers, arena_printf(a, "%.*s%.*s", STR_ARG(prefix), STR_ARG(name)));
		bool is_own = !str_is_null(own) || config_at_is_set(c, &at, s->id);

		if (!is_own)
			own = in_layers(layers, name);
		out->v[i] = str_is_null(own) ? in_config(c, &at, s, a) : own;
		/* Clients of SASL have a name already: they are asked for a certificate only where the listener itself says so. */
		if (i == TLS_CLIENT_AUTH && protocol == PROTOCOL_SASL_SSL && !is_own)
			out->v[i] = STR("none");
	}
}

/* ---- the start ---- */

static bool make(struct node *n, struct str listener, enum security_protocol protocol, bool server,
		 struct tls_context **out)
{
	struct tls_settings settings;
	struct buf why = {0};
	struct arena a;
	int err;

	arena_init(&a, 0);
	secure_settings(n->config, NULL, listener, protocol, &a, &settings);
	err = tls_context_new(n->env, &settings, server, out, &why);
	if (err)
		diag_error(n->env->diag, "TLS cannot be set up", "listener=%.*s reason=\"%.*s\"", STR_ARG(listener),
			   STR_ARG(buf_str(&why)));
	buf_fini(&why);
	arena_fini(&a);
	return err == 0;
}

static bool read_rules(struct node *n, struct node_listener *l)
{
	struct config_at at = {.listener = str_of(l->name)};
	struct buf why = {0};

	l->principals =
		ssl_principal_rules_new(config_at_string(n->config, &at, CONFIG_SSL_PRINCIPAL_MAPPING_RULES), &why);
	if (!l->principals)
		diag_error(n->env->diag, "TLS cannot be set up",
			   "listener=%s reason=\"ssl.principal.mapping.rules: %.*s\"", l->name, STR_ARG(buf_str(&why)));
	buf_fini(&why);
	return l->principals;
}

static bool make_listener(struct node *n, const struct config_endpoint *e, struct node_listener *l)
{
	if (!secure_is_tls(e->protocol))
		return true;
	return make(n, e->name, e->protocol, true, &l->tls) && (e->protocol != PROTOCOL_SSL || read_rules(n, l));
}

enum node_end secure_start(struct node *n)
{
	const struct config_network *net = config_network(n->config);
	bool ok = true;

	for (int i = 0; i < n->n_listeners && ok; i++)
		ok = make_listener(n, &net->listeners[i], &n->listeners[i]);
	n->outgoing = (struct outgoing){.config = n->config};
	if (ok && config_is_broker(n->config) && secure_is_tls(net->inter_broker_protocol))
		ok = make(n, net->inter_broker_listener, net->inter_broker_protocol, false, &n->outgoing.brokers);
	if (ok && secure_is_tls(net->controller_protocol))
		ok = make(n, net->controller_listener, net->controller_protocol, false, &n->outgoing.controllers);
	return ok ? NODE_END_CLEAN : NODE_END_CONFIG;
}

void secure_stop(struct node *n)
{
	for (int i = 0; i < n->n_listeners; i++) {
		tls_context_unref(&n->listeners[i].tls);
		ssl_principal_rules_free(n->listeners[i].principals);
	}
	tls_context_unref(&n->outgoing.brokers);
	tls_context_unref(&n->outgoing.controllers);
}

/* ---- who somebody is ---- */

bool secure_identify(const struct node_listener *l, const struct conn *c, struct identity **out)
{
	struct principal who = PRINCIPAL_ANONYMOUS;
	struct buf dn = {0}, name = {0};
	bool ok = true;

	if (conn_peer_name(c, &dn)) {
		ok = ssl_principal_name(l->principals, buf_str(&dn), &name);
		who.name = buf_str(&name);
	}
	if (ok)
		*out = identity_new(&who, conn_peer_addr(c));
	buf_fini(&dn);
	buf_fini(&name);
	return ok;
}
