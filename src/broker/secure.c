/*
 * secure: makes TLS contexts, checks proposed ones, and replaces them when settings or files
 * change.
 */
#include "broker/secure.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "broker/core.h"
#include "broker/layers.h"
#include "broker/identity.h"
#include "broker/node_private.h"
#include "broker/ssl_principal.h"
#include "config/config.h"
#include "metadata/image.h"
#include "net/conn.h"
#include "net/net.h"

#define SETTINGS_MAX_BYTES ((size_t)1 << 20)

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

static bool secure_is_tls(enum security_protocol p)
{
	return p == PROTOCOL_SSL || p == PROTOCOL_SASL_SSL;
}

/* ---- settings ---- */

/*
 * Kafka's SslConfigs.RECONFIGURABLE_CONFIGS: stores may change while the node runs; client
 * authentication, protocols and ciphers may not.
 */
static bool is_reconfigurable(enum tls_setting s)
{
	switch (s) {
	case TLS_KEYSTORE_TYPE:
	case TLS_KEYSTORE_LOCATION:
	case TLS_KEYSTORE_PASSWORD:
	case TLS_KEY_PASSWORD:
	case TLS_KEYSTORE_KEY:
	case TLS_KEYSTORE_CERTIFICATE_CHAIN:
	case TLS_TRUSTSTORE_TYPE:
	case TLS_TRUSTSTORE_LOCATION:
	case TLS_TRUSTSTORE_PASSWORD:
	case TLS_TRUSTSTORE_CERTIFICATES:
		return true;
	default:
		return false;
	}
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

void secure_settings(const struct config *c, const struct layers *layers, struct str listener,
		     enum security_protocol protocol, struct arena *a, struct tls_settings *out)
{
	struct config_at at = {.listener = listener};
	for (int i = 0; i < TLS_SETTINGS; i++) {
		struct str name = str_of(tls_setting_name((enum tls_setting)i));
		const struct config_setting *s = config_setting(ids[i]);
		const struct layers *over = is_reconfigurable((enum tls_setting)i) ? layers : NULL;
		struct str own = layers_listener_text(over, listener, name, a);
		bool is_own = !str_is_null(own) || config_at_is_set(c, &at, s->id);

		if (!is_own)
			own = layers_text(over, name);
		out->v[i] = str_is_null(own) ? in_config(c, &at, s, a) : own;
		/*
		 * SASL clients already have a name: they need a certificate only if the listener
		 * itself says so.
		 */
		if (i == TLS_CLIENT_AUTH && protocol == PROTOCOL_SASL_SSL && !is_own)
			out->v[i] = STR("none");
	}
}

/* ---- targets: listeners, then outgoing connections ---- */

struct target {
	struct str listener;
	enum security_protocol protocol;
	bool server;
	struct secured *secured;
};

static int n_targets(const struct node *n)
{
	return n->n_listeners + 2;
}

/* False: it has no TLS, or does not exist. */
static bool target_at(struct node *n, int i, struct target *t)
{
	const struct config_network *net = config_network(n->config);

	if (i < n->n_listeners)
		*t = (struct target){net->listeners[i].name, net->listeners[i].protocol, true, &n->listeners[i].tls};
	else if (i == n->n_listeners)
		*t = (struct target){net->inter_broker_listener, net->inter_broker_protocol, false,
				     &n->outgoing.brokers};
	else
		*t = (struct target){net->controller_listener, net->controller_protocol, false,
				     &n->outgoing.controllers};
	return secure_is_tls(t->protocol) && (i != n->n_listeners || config_is_broker(n->config));
}

/* Changes when a value changes, or a file that one names. */
static uint64_t mark_of(struct env *env, const struct tls_settings *s)
{
	static const enum tls_setting files[] = {TLS_KEYSTORE_LOCATION, TLS_TRUSTSTORE_LOCATION};
	uint64_t mark = 1;

	for (int i = 0; i < TLS_SETTINGS; i++)
		mark = hash_bytes(mark + (uint64_t)str_is_null(s->v[i]), s->v[i].p, (size_t)s->v[i].len);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = str_is_null(s->v[files[i]]) ? NULL : str_dup(s->v[files[i]]);
		struct file_stat stat = {0};

		if (path && env_stat(env, path, &stat) == 0)
			mark = hash_bytes(mark, &stat.mtime_ms, sizeof(stat.mtime_ms));
		if (path)
			mark = hash_bytes(mark, &stat.size, sizeof(stat.size));
		xfree(path);
	}
	return mark;
}

static bool may_change(const struct node *n, const struct target *t, enum config_id id)
{
	struct config_at at = {.listener = t->listener};

	return config_at_bool(n->config, &at, id);
}

/*
 * Brokers change their stores one after the other, so this one's new store must work with the old
 * stores of the others, in both directions, as in Kafka's SslEngineValidator for the inter-broker
 * listener.
 */
static int try_with_old(struct node *n, const struct target *t, const struct tls_context *next, struct buf *why)
{
	const struct config_network *net = config_network(n->config);
	struct tls_context *other = NULL;
	struct buf reason = {0};
	int err = 0;

	if (!config_is_broker(n->config) || !str_eq(t->listener, net->inter_broker_listener))
		return 0;
	for (int i = 0; i < n->n_listeners && !t->server; i++)
		if (str_eq(net->listeners[i].name, t->listener))
			other = tls_slot_ref(&n->listeners[i].tls.slot);
	if (t->server)
		other = tls_slot_ref(&n->outgoing.brokers.slot);
	if (other)
		err = tls_contexts_agree(t->server ? next : other, t->server ? other : next, &reason);
	if (err)
		buf_printf(why, "brokers with the new stores and with the old ones do not trust each other: %.*s",
			   STR_ARG(buf_str(&reason)));
	tls_context_unref(&other);
	buf_fini(&reason);
	return err;
}

/*
 * The context for t under these layers. 0 and NULL: unchanged. -EINVAL, with Kafka's message in
 * *why, when it cannot be made. Any core.
 */
static int propose(struct node *n, const struct target *t, const struct layers *layers, struct tls_context **out,
		   uint64_t *mark, struct buf *why)
{
	struct tls_context *now = tls_slot_ref(&t->secured->slot);
	struct tls_settings settings;
	struct arena a;
	int err = 0;

	*out = NULL;
	arena_init(&a, SETTINGS_MAX_BYTES);
	secure_settings(n->config, layers, t->listener, t->protocol, &a, &settings);
	*mark = mark_of(n->env, &settings);
	if (!now || *mark != t->secured->mark)
		err = tls_context_new(n->env, &settings, t->server, out, why);
	if (err == 0 && now && *out)
		err = tls_context_may_follow(now, *out, may_change(n, t, CONFIG_SSL_ALLOW_DN_CHANGES),
					     may_change(n, t, CONFIG_SSL_ALLOW_SAN_CHANGES), why);
	if (err == 0 && now && *out)
		err = try_with_old(n, t, *out, why);
	if (err)
		tls_context_unref(out);
	tls_context_unref(&now);
	arena_fini(&a);
	return err;
}

/* ---- the start ---- */

static bool make(struct node *n, int i)
{
	struct tls_context *made;
	struct buf why = {0};
	struct target t;
	uint64_t mark;

	if (!target_at(n, i, &t))
		return true;
	if (propose(n, &t, NULL, &made, &mark, &why)) {
		diag_error(n->env->diag, "TLS cannot be set up", "listener=%.*s reason=\"%.*s\"", STR_ARG(t.listener),
			   STR_ARG(buf_str(&why)));
		buf_fini(&why);
		return false;
	}
	t.secured->mark = mark;
	tls_slot_set(&t.secured->slot, made);
	return true;
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

/* Brokers must be able to reach each other: this one must trust what it presents itself, as in Kafka. */
static bool try_itself(struct node *n)
{
	const struct config_network *net = config_network(n->config);
	struct buf why = {0};
	int err = 0;

	for (int i = 0; i < n->n_listeners && n->outgoing.brokers.slot.now; i++)
		if (str_eq(net->listeners[i].name, net->inter_broker_listener))
			err = tls_contexts_agree(n->listeners[i].tls.slot.now, n->outgoing.brokers.slot.now, &why);
	if (err)
		diag_error(
			n->env->diag, "TLS cannot be set up",
			"listener=%.*s reason=\"A client SSLEngine created with the provided settings can't connect to a "
			"server SSLEngine created with those settings: %.*s\"",
			STR_ARG(net->inter_broker_listener), STR_ARG(buf_str(&why)));
	buf_fini(&why);
	return err == 0;
}

enum node_end secure_start(struct node *n)
{
	const struct config_network *net = config_network(n->config);
	bool ok = true;

	n->outgoing.config = n->config;
	n->outgoing.env = n->env;
	n->outgoing.jvm = &n->options.jvm;
	for (int i = 0; i < n_targets(n) && ok; i++)
		ok = make(n, i);
	for (int i = 0; i < n->n_listeners && ok; i++)
		if (net->listeners[i].protocol == PROTOCOL_SSL)
			ok = read_rules(n, &n->listeners[i]);
	ok = ok && try_itself(n) && outgoing_logins(&n->outgoing, n->env->diag);
	return ok ? NODE_END_CLEAN : NODE_END_CONFIG;
}

void secure_stop(struct node *n)
{
	for (int i = 0; i < n->n_listeners; i++) {
		tls_slot_set(&n->listeners[i].tls.slot, NULL);
		ssl_principal_rules_free(n->listeners[i].principals);
	}
	outgoing_fini(&n->outgoing);
}

/* ---- changes ---- */

/* What a job has found for one target. */
struct proposal {
	struct tls_context *next;
	uint64_t mark;
	struct buf why;
	int err;
};

struct renewal {
	struct work work;
	struct node *node;
	const struct image *image;
	const struct image *later; /* an image that has arrived meanwhile */
	struct proposal v[];
};

static void propose_all(struct work *w)
{
	struct renewal *r = container_of(w, struct renewal, work);
	struct layers layers = layers_of_broker(r->image, r->node->id);
	struct target t;

	for (int i = 0; i < n_targets(r->node); i++)
		if (target_at(r->node, i, &t))
			r->v[i].err = propose(r->node, &t, &layers, &r->v[i].next, &r->v[i].mark, &r->v[i].why);
}

static void take(struct node *n, int i, struct proposal *p)
{
	struct target t;

	if (!target_at(n, i, &t))
		return;
	if (p->err)
		diag_error(n->env->diag, "TLS stays as it was", "listener=%.*s reason=\"%.*s\"", STR_ARG(t.listener),
			   STR_ARG(buf_str(&p->why)));
	buf_fini(&p->why);
	if (p->err || !p->next)
		return;
	if (t.server)
		net_set_tls(n->net, i, p->next);
	tls_slot_set(&t.secured->slot, p->next);
	t.secured->mark = p->mark; /* after the slot: a job must never take the old context for the new one */
	diag_info(n->env->diag, "TLS has changed for new connections", "listener=%.*s %s", STR_ARG(t.listener),
		  t.server ? "accepted" : "dialled");
}

static void begin_renewal(struct node *n, const struct image *take_image);

static void renewed(struct work *w)
{
	struct renewal *r = container_of(w, struct renewal, work);
	struct node *n = r->node;

	for (int i = 0; i < n_targets(n); i++)
		take(n, i, &r->v[i]);
	image_unref(&r->image);
	n->renewal = NULL;
	if (r->later)
		begin_renewal(n, r->later);
	xfree(r);
	core_work_ends(&n->cores[0]);
}

static void begin_renewal(struct node *n, const struct image *take_image)
{
	struct renewal *r = xcalloc(1, sizeof(*r) + (size_t)n_targets(n) * sizeof(r->v[0]));

	r->node = n;
	r->image = take_image;
	r->work.job = propose_all;
	r->work.done = renewed;
	n->renewal = r;
	core_work_begins(&n->cores[0]);
	env_work(n->cores[0].loop, &r->work);
}

bool secure_is_used(struct node *n)
{
	struct target t;

	for (int i = 0; i < n_targets(n); i++)
		if (target_at(n, i, &t))
			return true;
	return false;
}

void secure_follow(struct node *n, const struct image *old, const struct image *now)
{
	char id[16];
	struct str name = {id, snprintf(id, sizeof(id), "%d", n->id)};

	/* Records that change nothing also make a new member: files are then checked (KAFKA-14136). */
	if (!secure_is_used(n) ||
	    (old && image_configs(old, RESOURCE_BROKER, name) == image_configs(now, RESOURCE_BROKER, name)))
		return;
	if (!n->renewal) {
		begin_renewal(n, image_ref(now));
		return;
	}
	if (n->renewal->later)
		image_unref(&n->renewal->later);
	n->renewal->later = image_ref(now);
}

int secure_check(struct node *n, const struct layers *layers, struct arena *a, struct str *message)
{
	int err = 0;

	for (int i = 0; i <= n->n_listeners && err == 0; i++) {
		struct tls_context *next = NULL;
		struct buf why = {0};
		struct target t;
		uint64_t mark;

		if (!target_at(n, i, &t))
			continue;
		err = propose(n, &t, layers, &next, &mark, &why);
		if (err)
			*message = arena_printf(a,
						"Validation of dynamic config update of SSLFactory failed: "
						"org.apache.kafka.common.config.ConfigException: %.*s",
						STR_ARG(buf_str(&why)));
		tls_context_unref(&next);
		buf_fini(&why);
	}
	return err ? ERR_INVALID_REQUEST : 0;
}

/* ---- identities of clients ---- */

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
