/* secure: makes a TLS context and a login method from a client's settings. */
#include "client/secure.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "kerberos/kerberos.h"
#include "oauth/oauth.h"
#include "security/bearer.h"
#include "security/jaas.h"
#include "security/krb5_options.h"
#include "security/login_choice.h"
#include "tls/tls.h"
#include "wire/gss.h"
#include "wire/login.h"

static const struct protocol {
	const char *name;
	bool tls;
	bool sasl;
} protocols[] = {
	{"PLAINTEXT", false, false},
	{"SSL", true, false},
	{"SASL_PLAINTEXT", false, true},
	{"SASL_SSL", true, true},
};

static const struct protocol *protocol_of(const char *name)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcasecmp(name, protocols[i].name) == 0)
			return &protocols[i];
	return NULL;
}

/* A setting that is not given is null: Kafka's default. */
static struct str value_of(const struct secure_settings *s, const char *name)
{
	return str_of(s->get(s->arg, name));
}

static int make_tls(struct secure *s, struct env *env, const struct secure_settings *settings, struct buf *why)
{
	struct tls_settings values = {0};

	for (int i = 0; i < TLS_SETTINGS; i++)
		values.v[i] = value_of(settings, tls_setting_name((enum tls_setting)i));
	return tls_context_new(env, &values, false, &s->tls, why) == 0 ? 0 : ERR_INVALID_CONFIG;
}

enum { LINE_MAX_BYTES = 1 << 20 };

static double number_of(const struct secure_settings *s, const char *name, double otherwise)
{
	const char *v = s->get(s->arg, name);

	return v ? strtod(v, NULL) : otherwise;
}

/* A login with a Kerberos ticket. */
static struct login_method *kerberos(const struct secure_settings *s, struct str line, struct arena *a, struct buf *why)
{
	struct kerberos_login l = {
		.window = number_of(s, "sasl.kerberos.ticket.renew.window.factor", 0.8),
		.jitter = number_of(s, "sasl.kerberos.ticket.renew.jitter", 0.05),
		.min_ms = (int64_t)number_of(s, "sasl.kerberos.min.time.before.relogin", 60000),
	};
	struct str error;

	if (krb5_login_read(line, value_of(s, "sasl.kerberos.service.name"), a, &l, &error))
		return kerberos_login_new(&l, why);
	buf_put_str(why, error);
	return NULL;
}

static struct str text_of(const void *settings, const char *name)
{
	return value_of(settings, name);
}

static struct login_method *bearer(struct env *env, const struct secure_settings *s, struct str line, struct buf *why)
{
	return bearer_choose(
		&(struct bearer_place){
			.env = env, .line = line, .get = text_of, .arg = s, .jvm = &s->jvm, .open = oauth_source_new},
		why);
}

static struct login_method *login_of(struct env *env, const struct secure_settings *settings, struct arena *a,
				     struct buf *why)
{
	struct str mechanism = value_of(settings, "sasl.mechanism"), jaas = value_of(settings, "sasl.jaas.config");
	struct str error = STR_NULL;

	if (str_is_null(mechanism))
		mechanism = STR("GSSAPI");
	if (str_is_null(jaas) && !str_is_null(settings->jvm.jaas_why))
		error = arena_printf(a, "it cannot be read: %.*s", STR_ARG(settings->jvm.jaas_why));
	else if (str_is_null(jaas) && !str_is_null(settings->jvm.jaas_file))
		jaas = jaas_section_line(settings->jvm.jaas_file, STR("KafkaClient"), STR_NULL, a, &error);
	if (str_is_null(jaas)) {
		buf_printf(why,
			   "SASL (sasl.mechanism=%.*s) needs sasl.jaas.config, or KafkaClient in a JAAS file that "
			   "KAFKA_OPTS names (-Djava.security.auth.login.config=PATH)%s%.*s",
			   STR_ARG(mechanism), str_is_null(error) ? "" : ": ",
			   STR_ARG(str_is_null(error) ? STR("") : error));
		return NULL;
	}
	if (str_is(mechanism, "GSSAPI"))
		return kerberos(settings, jaas, a, why);
	if (str_is(mechanism, "OAUTHBEARER"))
		return bearer(env, settings, jaas, why);
	return login_choose(mechanism, jaas, why);
}

static int make_login(struct secure *s, struct env *env, const struct secure_settings *settings, struct buf *why)
{
	struct arena a;

	arena_init(&a, LINE_MAX_BYTES);
	s->login = login_of(env, settings, &a, why);
	arena_wipe(&a); /* it contains passwords */
	arena_fini(&a);
	return s->login ? 0 : ERR_INVALID_CONFIG;
}

int secure_init(struct secure *s, struct env *env, const struct secure_settings *settings, struct buf *why)
{
	const char *name = settings->get(settings->arg, "security.protocol");
	const struct protocol *p = protocol_of(name ? name : "PLAINTEXT");
	int err = 0;

	*s = (struct secure){0};
	if (!p) {
		buf_printf(
			why,
			"Invalid value %s for configuration security.protocol: String must be one of (case insensitive): "
			"PLAINTEXT, SASL_PLAINTEXT, SASL_SSL, SSL",
			name);
		return ERR_INVALID_CONFIG;
	}
	if (p->tls)
		err = make_tls(s, env, settings, why);
	if (err == 0 && p->sasl)
		err = make_login(s, env, settings, why);
	if (err != 0)
		secure_fini(s);
	return err;
}

void secure_fini(struct secure *s)
{
	login_method_free(s->login);
	tls_context_unref(&s->tls);
	s->login = NULL;
}
