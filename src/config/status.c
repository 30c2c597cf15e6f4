/*
 * status: what this release does not do. A value that asks for a guarantee that is not given is
 * refused; for values that merely have no effect there is one note per reason, naming the settings.
 */
#include <string.h>

#include "base/buf.h"
#include "config/config_impl.h"

static bool is_built_in(const struct config_given *g)
{
	return g->origin == CONFIG_FROM_BUILTIN;
}

static void refuse(const struct config_given *g, struct config_notes *notes, const struct config_setting *s)
{
	config_note_add(notes, CONFIG_NOTE_REFUSED, g->place, "%.*s=%.*s is refused: %s", STR_ARG(g->name),
			STR_ARG(config_shown(s, g->text)), s->reason);
}

static void check_refused(const struct config *c, struct config_notes *notes)
{
	for (int i = 0; i < c->n_given; i++) {
		const struct config_given *g = &c->given[i];

		if (g->setting != NULL && config_value_is_refused(g->setting, &c->values[g->setting->id]))
			refuse(g, notes, g->setting);
	}
}

/* ---- security: checks that involve more than one value ---- */

static bool is_served(struct str mechanism)
{
	static const char *const served[] = {"GSSAPI", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"};

	for (size_t i = 0; i < sizeof(served) / sizeof(*served); i++)
		if (str_is(mechanism, served[i]))
			return true;
	return false;
}

/* The value given for it: for the mechanism on this listener, for the listener, or for all; NULL: none. */
static const struct config_given *given_for(const struct config *c, const struct config_endpoint *e, enum config_id id)
{
	struct config_at at = {.listener = e->name, .mechanism = STR("OAUTHBEARER")};
	const struct config_given *g = config_given_at(c, &at, id);

	if (!g)
		g = config_given_at(c, &(struct config_at){.listener = e->name}, id);
	if (!g)
		g = config_given(c, id);
	return g && g->origin > CONFIG_FROM_BUILTIN ? g : NULL;
}

/* Kafka's default handler accepts unsigned tokens, for development (KIP-255). */
static void check_unsecured(const struct config *c, const struct config_endpoint *e, struct config_notes *notes)
{
	static const enum config_id of_signed[] = {CONFIG_SASL_OAUTHBEARER_JWKS_ENDPOINT_URL,
						   CONFIG_SASL_OAUTHBEARER_EXPECTED_ISSUER,
						   CONFIG_SASL_OAUTHBEARER_EXPECTED_AUDIENCE};
	struct config_at at = {.listener = e->name, .mechanism = STR("OAUTHBEARER")};

	if (config_at_is_set(c, &at, CONFIG_SASL_SERVER_CALLBACK_HANDLER_CLASS) ||
	    !config_is_null(c, CONFIG_SASL_SERVER_CALLBACK_HANDLER_CLASS))
		return;
	for (size_t i = 0; i < sizeof(of_signed) / sizeof(*of_signed); i++) {
		const struct config_given *g = given_for(c, e, of_signed[i]);

		if (g)
			config_note_add(
				notes, CONFIG_NOTE_REFUSED, g->place,
				"%.*s is refused: listener %.*s would take tokens that nobody has signed; "
				"listener.name.%.*s.oauthbearer.sasl.server.callback.handler.class (in lower case) says who verifies them",
				STR_ARG(g->name), STR_ARG(e->name), STR_ARG(e->name));
	}
	config_note_add(notes, CONFIG_NOTE_WARN, config_place(c, CONFIG_SASL_ENABLED_MECHANISMS),
			"listener %.*s takes tokens that nobody has signed (OAUTHBEARER without a "
			"sasl.server.callback.handler.class): whoever connects is who he says he is",
			STR_ARG(e->name));
}

static void check_mechanisms(const struct config *c, struct config_notes *notes)
{
	const struct config_network *net = &c->network;

	for (int i = 0; i < net->n_listeners; i++) {
		const struct config_endpoint *e = &net->listeners[i];
		struct config_at at = {.listener = e->name};
		int n;
		const struct str *v = config_at_list(c, &at, CONFIG_SASL_ENABLED_MECHANISMS, &n);

		if (!protocol_is_sasl(e->protocol))
			continue;
		for (int k = 0; k < n; k++)
			if (str_is(v[k], "OAUTHBEARER"))
				check_unsecured(c, e, notes);
			else if (!is_served(v[k]))
				config_note_add(
					notes, CONFIG_NOTE_REFUSED, config_place(c, CONFIG_SASL_ENABLED_MECHANISMS),
					"sasl.enabled.mechanisms=%.*s is refused: listener %.*s would offer what is not served; "
					"there are GSSAPI, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER",
					STR_ARG(v[k]), STR_ARG(e->name));
	}
}

static void check_login(const struct config *c, enum config_id id, struct config_notes *notes)
{
	struct str mechanism = config_string(c, id);

	if (!str_is(mechanism, "GSSAPI") && !str_is(mechanism, "PLAIN") && !str_is(mechanism, "SCRAM-SHA-256") &&
	    !str_is(mechanism, "SCRAM-SHA-512") && !str_is(mechanism, "OAUTHBEARER"))
		config_note_add(notes, CONFIG_NOTE_REFUSED, config_place(c, id),
				"%s=%.*s is refused: this node cannot log in by what is not served; there are "
				"GSSAPI, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER",
				config_setting(id)->name, STR_ARG(mechanism));
}

/*
 * A controller that votes before there is a leader has no credentials to check a login against:
 * Kafka's controllers would wait for each other for ever.
 */
static void check_controller_login(const struct config *c, struct config_notes *notes)
{
	const struct config_network *net = &c->network;
	enum config_id id = CONFIG_SASL_MECHANISM_CONTROLLER_PROTOCOL;
	struct str mechanism = config_string(c, id);

	check_login(c, id, notes);
	if (config_is_controller(c) && (net->n_voters > 1 || net->n_bootstrap > 1) && mechanism.len > 5 &&
	    memcmp(mechanism.p, "SCRAM", 5) == 0)
		config_note_add(
			notes, CONFIG_NOTE_REFUSED, config_place(c, id),
			"%s=%.*s is refused: several controllers would have to log in to each other to elect a leader, and the "
			"credentials are in the log that has none; take PLAIN, or SSL with client certificates",
			config_setting(id)->name, STR_ARG(mechanism));
}

static void check_logins(const struct config *c, struct config_notes *notes)
{
	const struct config_network *net = &c->network;

	if (config_is_broker(c) && protocol_is_sasl(net->inter_broker_protocol))
		check_login(c, CONFIG_SASL_MECHANISM_INTER_BROKER_PROTOCOL, notes);
	if (protocol_is_sasl(net->controller_protocol))
		check_controller_login(c, notes);
}

/* Only Kafka's own two are available; others are Java classes. */
static void check_assignors(const struct config *c, struct config_notes *notes)
{
	int n;
	const struct str *v = config_list(c, CONFIG_GROUP_CONSUMER_ASSIGNORS, &n);

	for (int i = 0; i < n; i++) {
		if (str_is(v[i], "uniform") || str_is(v[i], "range"))
			continue;
		config_note_add(
			notes, CONFIG_NOTE_REFUSED, config_place(c, CONFIG_GROUP_CONSUMER_ASSIGNORS),
			"group.consumer.assignors=%.*s is refused: there are uniform and range; Java classes cannot be loaded",
			STR_ARG(v[i]));
	}
}

static void check_selector(const struct config *c, struct config_notes *notes)
{
	struct str class = config_string(c, CONFIG_REPLICA_SELECTOR_CLASS);

	if (class.len > 0 && !str_is(class, "org.apache.kafka.common.replica.RackAwareReplicaSelector"))
		config_note_add(
			notes, CONFIG_NOTE_REFUSED, config_place(c, CONFIG_REPLICA_SELECTOR_CLASS),
			"replica.selector.class=%.*s is refused: there is org.apache.kafka.common.replica.RackAwareReplicaSelector; other "
			"Java classes cannot be loaded",
			STR_ARG(class));
}

static void check_super_users(const struct config_given *g, struct config_notes *notes)
{
	for (int32_t from = 0, to; from < g->text.len; from = to + 1) {
		const char *end = memchr(g->text.p + from, ';', (size_t)(g->text.len - from));
		struct str user;

		to = end ? (int32_t)(end - g->text.p) : g->text.len;
		user = str_trim((struct str){g->text.p + from, to - from});
		if (user.len > 0 && !memchr(user.p, ':', (size_t)user.len))
			config_note_add(
				notes, CONFIG_NOTE_ERROR, g->place,
				"super.users: %.*s is not a principal; legal: type:name, separated by semicolons, such as User:admin",
				STR_ARG(user));
	}
}

/*
 * Only Kafka's own authorizer is available; only it reads super.users and
 * allow.everyone.if.no.acl.found.
 */
static void check_authorizer(const struct config *c, struct config_notes *notes)
{
	struct str class = config_string(c, CONFIG_AUTHORIZER_CLASS_NAME);
	struct str names[] = {CONFIG_NAME_SUPER_USERS, CONFIG_NAME_ALLOW_EVERYONE};

	if (class.len > 0 && !str_is(class, "org.apache.kafka.metadata.authorizer.StandardAuthorizer"))
		config_note_add(
			notes, CONFIG_NOTE_REFUSED, config_place(c, CONFIG_AUTHORIZER_CLASS_NAME),
			"authorizer.class.name=%.*s is refused: there is "
			"org.apache.kafka.metadata.authorizer.StandardAuthorizer; other Java classes cannot be loaded",
			STR_ARG(class));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct config_given *g = config_given_name(c, names[i]);

		if (g != NULL && class.len <= 0)
			config_note_add(notes, CONFIG_NOTE_WARN, g->place,
					"%.*s has no effect: authorizer.class.name is not set", STR_ARG(g->name));
		else if (g != NULL && i == 0)
			check_super_users(g, notes);
	}
}

/*
 * Of a listener's own settings, its limits, its authentication and its TLS are served; the others
 * concern threads.
 */
static bool is_of_listeners(const struct config_setting *s)
{
	static const enum config_id ids[] = {
		CONFIG_MAX_CONNECTIONS,
		CONFIG_MAX_CONNECTION_CREATION_RATE,
		CONFIG_SASL_ENABLED_MECHANISMS,
		CONFIG_SASL_KERBEROS_PRINCIPAL_TO_LOCAL_RULES,
		CONFIG_SASL_KERBEROS_SERVICE_NAME,
		CONFIG_SASL_SERVER_MAX_RECEIVE_SIZE,
	};

	if (s->status == CONFIG_SERVED && (config_is_of_mechanism(s->id) || strncmp(s->name, "ssl.", 4) == 0))
		return true;
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		if (ids[i] == s->id)
			return true;
	return false;
}

/* Only Kafka's own handlers for signed tokens are available. */
static bool is_known_handler(const struct config_given *g, enum config_id id)
{
	static const struct {
		enum config_id id;
		const char *end, *known;
	} rows[] = {
		{CONFIG_SASL_SERVER_CALLBACK_HANDLER_CLASS, ".oauthbearer.sasl.server.callback.handler.class",
		 "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"},
		{CONFIG_SASL_LOGIN_CALLBACK_HANDLER_CLASS, ".oauthbearer.sasl.login.callback.handler.class",
		 "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int32_t len = (int32_t)strlen(rows[i].end);

		if (id == rows[i].id && g->name.len > len &&
		    memcmp(g->name.p + g->name.len - len, rows[i].end, (size_t)len) == 0)
			return str_is(str_trim(g->text), rows[i].known);
	}
	return false;
}

static void check_overrides(const struct config *c, struct config_notes *notes)
{
	for (int i = 0; i < c->n_given; i++) {
		const struct config_given *g = &c->given[i];
		struct str base;
		const struct config_setting *s = g->setting == NULL ? config_listener_override(g->name, &base) : NULL;

		if (s == NULL || is_of_listeners(s) || is_known_handler(g, s->id))
			continue;
		if (g->of_listener != NULL && config_value_is_refused(s, g->of_listener)) {
			refuse(g, notes, s);
			continue;
		}
		config_note_add(notes, CONFIG_NOTE_WARN, g->place, "%.*s has no effect: %s", STR_ARG(g->name),
				s->reason ? s->reason : "it is read for all listeners alike");
	}
}

/* ---- values without effect ---- */

static bool has_no_effect(const struct config *c, const struct config_given *g)
{
	const struct config_setting *s = g->setting;

	if (s == NULL || is_built_in(g) || (s->status != CONFIG_LATER && s->status != CONFIG_NO_EFFECT))
		return false;
	/* A value equal to the default changes nothing. */
	return s->default_text == NULL || !str_is(c->values[s->id].text, s->default_text);
}

static void note_without_effect(const struct config *c, const char *reason, struct config_notes *notes)
{
	struct buf names = {0};

	for (int i = 0; i < c->n_given; i++) {
		const struct config_given *g = &c->given[i];

		if (!has_no_effect(c, g) || g->setting->reason != reason)
			continue;
		buf_printf(&names, "%s%.*s", names.len ? ", " : "", STR_ARG(g->name));
	}
	config_note_add(notes, CONFIG_NOTE_WARN, STR_NULL, "without effect: %.*s (%s)", STR_ARG(buf_str(&names)),
			reason);
	buf_fini(&names);
}

static void check_without_effect(const struct config *c, struct config_notes *notes)
{
	for (int i = 0; i < c->n_given; i++) {
		int first = 0;

		if (!has_no_effect(c, &c->given[i]))
			continue;
		while (!has_no_effect(c, &c->given[first]) ||
		       c->given[first].setting->reason != c->given[i].setting->reason)
			first++;
		if (first == i)
			note_without_effect(c, c->given[i].setting->reason, notes);
	}
}

void config_status_check(const struct config *c, struct config_notes *notes)
{
	check_refused(c, notes);
	check_mechanisms(c, notes);
	check_logins(c, notes);
	check_assignors(c, notes);
	check_selector(c, notes);
	check_authorizer(c, notes);
	check_overrides(c, notes);
	check_without_effect(c, notes);
}
