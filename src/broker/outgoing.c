/*
 * outgoing: chooses the login methods, and initializes channels.
 */
#include "broker/outgoing.h"

#include "base/buf.h"
#include "base/diag.h"
#include "broker/sasl.h"
#include "config/config.h"
#include "kerberos/kerberos.h"
#include "net/channel.h"
#include "oauth/oauth.h"
#include "security/bearer.h"
#include "security/krb5_options.h"
#include "security/login_choice.h"
#include "wire/gss.h"
#include "wire/login.h"

/* A cluster of one node dials no other, and Kafka starts it. */
static bool is_alone(const struct config *c)
{
	const struct config_network *net = config_network(c);

	return config_is_broker(c) && config_is_controller(c) && net->n_voters <= 1 && net->n_bootstrap <= 1;
}

enum { LINE_MAX_BYTES = 1 << 20 };

/* Looks for a setting of the mechanism on the listener, of the listener, or of the node. */
struct bearer_settings {
	const struct config *config;
	struct config_at at;
};

static struct str bearer_setting(const void *arg, const char *name)
{
	const struct bearer_settings *s = arg;
	const struct config_setting *setting = config_setting_find(CONFIG_SCOPE_NODE, str_of(name));
	struct config_at at = s->at;

	if (!setting)
		return STR_NULL;
	if (!config_at_is_set(s->config, &at, setting->id))
		at.mechanism = STR_NULL;
	return config_at_text(s->config, &at, setting->id);
}

static struct login_method *bearer(const struct outgoing *o, const struct config_at *at, struct str line,
				   struct buf *why)
{
	struct bearer_settings settings = {o->config, *at};

	return bearer_choose(&(struct bearer_place){.env = o->env,
						    .line = line,
						    .get = bearer_setting,
						    .arg = &settings,
						    .jvm = o->jvm,
						    .open = oauth_source_new},
			     why);
}

/* Login by a Kerberos ticket; the settings of the dialled listener take precedence. */
static struct login_method *kerberos(const struct config *c, struct str listener, struct str line, struct arena *a,
				     struct buf *why)
{
	struct config_at at = {.listener = listener};
	struct kerberos_login l = {
		.window = config_double(c, CONFIG_SASL_KERBEROS_TICKET_RENEW_WINDOW_FACTOR),
		.jitter = config_double(c, CONFIG_SASL_KERBEROS_TICKET_RENEW_JITTER),
		.min_ms = config_long(c, CONFIG_SASL_KERBEROS_MIN_TIME_BEFORE_RELOGIN),
	};
	struct str service = config_at_string(c, &at, CONFIG_SASL_KERBEROS_SERVICE_NAME), error;

	if (krb5_login_read(line, service, a, &l, &error))
		return kerberos_login_new(&l, why);
	buf_put_str(why, error);
	return NULL;
}

static struct login_method *choose(const struct outgoing *o, const struct config_at *at, struct buf *why)
{
	struct login_method *method = NULL;
	struct str line, error;
	struct arena a;

	arena_init(&a, LINE_MAX_BYTES);
	line = sasl_line(o->config, at, o->jvm, &a, &error);
	if (str_is_null(line))
		buf_printf(why, "listener.name.%.*s.%.*s.sasl.jaas.config (names in lower case): %.*s",
			   STR_ARG(at->listener), STR_ARG(at->mechanism), STR_ARG(error));
	else if (str_is(at->mechanism, "GSSAPI"))
		method = kerberos(o->config, at->listener, line, &a, why);
	else if (str_is(at->mechanism, "OAUTHBEARER"))
		method = bearer(o, at, line, why);
	else
		method = login_choose(at->mechanism, line, why);
	arena_wipe(&a); /* contains passwords */
	arena_fini(&a);
	return method;
}

/* The JAAS line must be the mechanism's own, as on the side that is dialled. */
static bool login(const struct outgoing *o, struct diag *diag, struct str listener, enum config_id mechanism_id,
		  struct login_method **out)
{
	struct config_at at = {listener, config_string(o->config, mechanism_id)};
	struct buf why = {0};

	*out = choose(o, &at, &why);
	if (!*out)
		diag_line(diag, is_alone(o->config) ? DIAG_WARN : DIAG_ERROR, "this node cannot log in to others",
			  "setting=%s listener=%.*s mechanism=%.*s reason=\"%.*s\"", config_setting(mechanism_id)->name,
			  STR_ARG(listener), STR_ARG(at.mechanism), STR_ARG(buf_str(&why)));
	buf_fini(&why);
	return *out || is_alone(o->config);
}

bool outgoing_logins(struct outgoing *o, struct diag *diag)
{
	const struct config_network *net = config_network(o->config);
	bool ok = true;

	if (config_is_broker(o->config) && protocol_is_sasl(net->inter_broker_protocol))
		ok = login(o, diag, net->inter_broker_listener, CONFIG_SASL_MECHANISM_INTER_BROKER_PROTOCOL,
			   &o->brokers_login);
	if (ok && protocol_is_sasl(net->controller_protocol))
		ok = login(o, diag, net->controller_listener, CONFIG_SASL_MECHANISM_CONTROLLER_PROTOCOL,
			   &o->controllers_login);
	return ok;
}

void outgoing_fini(struct outgoing *o)
{
	tls_slot_set(&o->brokers.slot, NULL);
	tls_slot_set(&o->controllers.slot, NULL);
	login_method_free(o->brokers_login);
	login_method_free(o->controllers_login);
	o->brokers_login = o->controllers_login = NULL;
}

void outgoing_init(struct channels *all, struct loop *l, struct outgoing *o, enum outgoing_to to)
{
	bool brokers = to == OUTGOING_TO_BROKERS;
	struct tls_slot *slot;

	channels_init(all, l);
	if (!o)
		return;
	slot = brokers ? &o->brokers.slot : &o->controllers.slot;
	all->tls_slot = slot->now ? slot : NULL; /* whether there is TLS never changes */
	all->login = brokers ? o->brokers_login : o->controllers_login;
	all->setup_timeout_ms = config_long(o->config, CONFIG_SOCKET_CONNECTION_SETUP_TIMEOUT_MS);
	all->setup_timeout_max_ms = config_long(o->config, CONFIG_SOCKET_CONNECTION_SETUP_TIMEOUT_MAX_MS);
}
