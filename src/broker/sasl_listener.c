/*
 * sasl_listener: the mechanisms that a listener offers, and their settings.
 */
#include <string.h>

#include "base/err.h"
#include "base/hash_order.h"
#include "base/mem.h"
#include "broker/kerberos_names.h"
#include "broker/node_private.h"
#include "broker/sasl_keys.h"
#include "broker/sasl_private.h"
#include "env/env.h"
#include "kerberos/kerberos.h"
#include "security/jvm_options.h"
#include "security/krb5_options.h"
#include "wire/gss.h"

/* The default limit: no known token is longer, and the client has not authenticated yet. */
#define FRAME_MAX_UNSET 65536

/* In the order of a Java HashSet, in which Kafka names them. */
static struct str *in_hash_order(const struct str *v, int n, struct arena *a)
{
	struct str *names = arena_array(a, (size_t)n, sizeof(*names));
	int32_t *hashes = arena_array(a, (size_t)n, sizeof(*hashes));

	if (!names || !hashes)
		return NULL;
	for (int i = 0; i < n; i++) {
		names[i] = v[i];
		hashes[i] = str_java_hash(v[i]);
	}
	order_members(names, n, sizeof(*names), hashes, order_table_of_copy((size_t)n));
	return names;
}

static int64_t max_reauth_ms(const struct config *c, const struct config_at *at)
{
	struct config_at listener = {.listener = at->listener};

	return config_at_long(c, config_at_is_set(c, at, CONFIG_CONNECTIONS_MAX_REAUTH_MS) ? at : &listener,
			      CONFIG_CONNECTIONS_MAX_REAUTH_MS);
}

static bool to_lower(struct str s, struct arena *a, struct str *out)
{
	char *p = arena_alloc(a, (size_t)s.len + 1);

	for (int32_t i = 0; p && i < s.len; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] - 'A' + 'a') : s.p[i];
	*out = p ? (struct str){p, s.len} : STR_NULL;
	return p;
}

/*
 * The JAAS line belongs to the listener and the mechanism: Kafka does not read a bare
 * sasl.jaas.config either.
 */
struct str sasl_line(const struct config *c, const struct config_at *at, const struct jvm_options *jvm, struct arena *a,
		     struct str *error)
{
	struct str listener, line = STR_NULL, module = jaas_module_of(at->mechanism);

	if (config_at_is_set(c, at, CONFIG_SASL_JAAS_CONFIG))
		return config_at_string(c, at, CONFIG_SASL_JAAS_CONFIG);
	*error = STR("it is not set, and KAFKA_OPTS names no JAAS file (-Djava.security.auth.login.config=PATH)");
	if (!str_is_null(jvm->jaas_why))
		*error = arena_printf(a, "it is not set, and the JAAS file that KAFKA_OPTS names cannot be read: %.*s",
				      STR_ARG(jvm->jaas_why));
	if (str_is_null(jvm->jaas_file) || !to_lower(at->listener, a, &listener))
		return STR_NULL;
	line = jaas_section_line(jvm->jaas_file, arena_printf(a, "%.*s.KafkaServer", STR_ARG(listener)), module, a,
				 error);
	if (str_is_null(line) && str_is_null(*error))
		line = jaas_section_line(jvm->jaas_file, STR("KafkaServer"), module, a, error);
	if (str_is_null(line) && str_is_null(*error))
		*error = arena_printf(
			a, "it is not set, and the JAAS file has no %.*s in '%.*s.KafkaServer' or 'KafkaServer'",
			STR_ARG(module), STR_ARG(listener));
	return line;
}

static bool read_line(const struct mechanism_place *place, const struct jvm_options *jvm, struct jaas *out,
		      struct arena *a, struct str *error)
{
	struct str line = sasl_line(place->config, &place->at, jvm, a, error);

	return !str_is_null(line) && jaas_read(line, a, out, error);
}

/* May block, because it runs before there are loops. */
static bool read_keys(struct env *env, struct sasl_offer *o, struct mechanism_place *place,
		      const struct jvm_options *jvm, struct arena *a, struct str *why)
{
	if (str_is_null(oauthbearer_keys_url(place)))
		return true;
	o->keys = sasl_keys_new(env, place, jvm, a, why);
	place->is_signed = o->keys != NULL;
	return o->keys;
}

static bool to_local(const void *rules, struct str principal, struct buf *user)
{
	return kerberos_names_find(rules, principal, user);
}

/*
 * Reads the keys with which GSSAPI accepts clients, and the rules for their names. Reads files:
 * before there are loops.
 */
static bool read_kerberos(struct sasl_offer *o, const struct mechanism_place *place, const struct jaas *line,
			  struct arena *a, struct buf *why)
{
	struct config_at at = {.listener = place->at.listener};
	struct krb5_options options;
	struct buf realm = {0};
	struct str error;
	int n;
	const struct str *rules = config_at_list(place->config, &at, CONFIG_SASL_KERBEROS_PRINCIPAL_TO_LOCAL_RULES, &n);

	if (!krb5_options_read(line, config_at_string(place->config, &at, CONFIG_SASL_KERBEROS_SERVICE_NAME), a,
			       &options, &error) ||
	    !krb5_options_serve(&options, line, &error)) {
		buf_put_str(why, error);
		return false;
	}
	o->gss.acceptor = kerberos_acceptor_new(options.principal, options.keytab, why);
	if (!o->gss.acceptor)
		return false;
	kerberos_default_realm(&realm);
	o->gss.to_local = to_local;
	o->gss.rules = kerberos_names_new(rules, n, realm.len > 0 ? buf_str(&realm) : STR(""), why);
	buf_fini(&realm);
	return o->gss.rules;
}

static bool read_secrets(struct env *env, struct sasl_offer *o, struct mechanism_place *place, const struct jaas *line,
			 const struct jvm_options *jvm, struct arena *a, struct str *why)
{
	struct buf text = {0};
	bool ok;

	if (!str_is(o->name, "GSSAPI"))
		return read_keys(env, o, place, jvm, a, why);
	ok = read_kerberos(o, place, line, a, &text);
	if (!ok)
		*why = arena_str(a, buf_str(&text));
	place->gss = &o->gss;
	buf_fini(&text);
	return ok;
}

static void offer_fini(struct sasl_offer *o)
{
	sasl_keys_free(o->keys);
	gss_acceptor_free(o->gss.acceptor);
	kerberos_names_free((struct kerberos_names *)(uintptr_t)o->gss.rules);
	o->gss = (struct mechanism_gss){0};
}

static bool open_offer(struct env *env, struct sasl_offer *o, const struct mechanism_place *place,
		       const struct jvm_options *jvm, struct arena *a, struct str *error)
{
	struct str listener, mechanism, why = STR_NULL;
	struct jaas *line = arena_alloc(a, sizeof(*line));
	struct mechanism_place *kept = arena_alloc(a, sizeof(*kept));

	o->name = place->at.mechanism;
	o->mechanism = mechanism_find(o->name);
	if (!o->mechanism) {
		*error = arena_printf(a, "SASL mechanism %.*s is not served", STR_ARG(o->name));
		return false;
	}
	if (line && kept && to_lower(place->at.listener, a, &listener) && to_lower(o->name, a, &mechanism)) {
		*kept = *place;
		kept->jaas = line;
		o->max_reauth_ms = max_reauth_ms(place->config, &place->at);
		o->setup = read_line(place, jvm, line, a, &why) && read_secrets(env, o, kept, line, jvm, a, &why)
				   ? o->mechanism->prepare(kept, a, &why)
				   : NULL;
		if (!o->setup)
			*error = arena_printf(a, "listener.name.%.*s.%.*s.sasl.jaas.config: %.*s", STR_ARG(listener),
					      STR_ARG(mechanism), STR_ARG(why));
	}
	return o->setup;
}

static void read_limits(struct sasl_listener *l, const struct config *c, const struct config_at *at)
{
	int64_t max = config_at_long(c, at, CONFIG_SASL_SERVER_MAX_RECEIVE_SIZE);
	bool is_set = config_at_is_set(c, at, CONFIG_SASL_SERVER_MAX_RECEIVE_SIZE) ||
		      config_origin(c, CONFIG_SASL_SERVER_MAX_RECEIVE_SIZE) > CONFIG_FROM_BUILTIN;

	if (!is_set && max > FRAME_MAX_UNSET)
		max = FRAME_MAX_UNSET;
	l->frame_max = max > 0 ? (size_t)max : 0;
	l->frame_max_then = (size_t)config_int(c, CONFIG_SOCKET_REQUEST_MAX_BYTES);
	l->failure_delay_ms = config_int(c, CONFIG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS);
}

bool sasl_wants_kerberos(const struct config *c)
{
	const struct config_network *net = config_network(c);
	bool wants = (protocol_is_sasl(net->inter_broker_protocol) &&
		      str_is(config_string(c, CONFIG_SASL_MECHANISM_INTER_BROKER_PROTOCOL), "GSSAPI")) ||
		     (protocol_is_sasl(net->controller_protocol) &&
		      str_is(config_string(c, CONFIG_SASL_MECHANISM_CONTROLLER_PROTOCOL), "GSSAPI"));

	for (int i = 0; i < net->n_listeners && !wants; i++) {
		struct config_at at = {.listener = net->listeners[i].name};
		int n;
		const struct str *v = config_at_list(c, &at, CONFIG_SASL_ENABLED_MECHANISMS, &n);

		for (int k = 0; k < n && protocol_is_sasl(net->listeners[i].protocol); k++)
			wants |= str_is(v[k], "GSSAPI");
	}
	return wants;
}

/* Frees what is not in the arena. NULL is allowed. */
static void sasl_listener_fini(struct sasl_listener *l)
{
	if (!l)
		return;
	for (int i = 0; i < l->n_offers; i++)
		offer_fini(&l->offers[i]);
	xfree(l->counts);
}

struct sasl_listener *sasl_listener_new(struct env *env, const struct config *c, const struct config_endpoint *e,
					struct str cluster_id, const struct jvm_options *jvm, struct arena *a,
					struct str *error)
{
	struct mechanism_place place = {.config = c, .at = {.listener = e->name}, .cluster_id = cluster_id};
	struct sasl_listener *l = arena_zalloc(a, sizeof(*l));
	struct sasl_offer *offers;
	int n;
	const struct str *enabled = config_at_list(c, &place.at, CONFIG_SASL_ENABLED_MECHANISMS, &n);

	*error = n > 0 ? STR("its settings are too long") : STR("No SASL mechanisms are enabled");
	offers = n > 0 ? arena_array(a, (size_t)n, sizeof(*offers)) : NULL;
	if (!l || !offers)
		return NULL;
	read_limits(l, c, &place.at);
	l->offers = offers;
	l->names = in_hash_order(enabled, n, a);
	for (; l->names && l->n_offers < n; l->n_offers++) {
		place.at.mechanism = l->names[l->n_offers];
		offers[l->n_offers].keys = NULL;
		offers[l->n_offers].gss = (struct mechanism_gss){0};
		if (!open_offer(env, &offers[l->n_offers], &place, jvm, a, error)) {
			offer_fini(&offers[l->n_offers]);
			sasl_listener_fini(l);
			return NULL;
		}
	}
	return l->names ? l : NULL;
}

void sasl_listener_count(struct node_listener *l, int n_cores)
{
	struct sasl_counts *counts;

	if (!l->sasl && !l->tls.slot.now)
		return;
	counts = xcalloc((size_t)n_cores, sizeof(*counts));
	if (l->sasl)
		l->sasl->counts = counts;
	else
		l->handshakes = counts;
}

void sasl_listener_forget(struct node_listener *l)
{
	sasl_listener_fini(l->sasl);
	xfree(l->handshakes);
	l->sasl = NULL;
	l->handshakes = NULL;
}

struct sasl_keys *sasl_listener_keys(const struct sasl_listener *l)
{
	for (int i = 0; l && i < l->n_offers; i++)
		if (l->offers[i].keys)
			return l->offers[i].keys;
	return NULL;
}

void sasl_listener_start(struct sasl_listener *l, struct core *core)
{
	for (int i = 0; l && i < l->n_offers; i++)
		if (l->offers[i].keys)
			sasl_keys_start(l->offers[i].keys, core);
}

void sasl_listener_stop(struct sasl_listener *l)
{
	for (int i = 0; l && i < l->n_offers; i++)
		if (l->offers[i].keys)
			sasl_keys_stop(l->offers[i].keys);
}
