/* krb5_options: reads the module's options, and checks that they suffice for serving or for logging in. */
#include "security/krb5_options.h"

#include <string.h>

#include "security/jaas.h"
#include "wire/gss.h"

static bool is_true(const struct jaas *line, const char *name)
{
	return str_is_true(jaas_option(line, str_of(name)));
}

/* An empty value counts as absent. */
static struct str option(const struct jaas *line, const char *name, struct arena *a)
{
	struct str v = jaas_option(line, str_of(name));

	return v.len > 0 ? arena_str(a, v) : STR_NULL;
}

/* A plain path is a file's. */
static struct str file_option(const struct jaas *line, const char *name, struct arena *a)
{
	struct str v = option(line, name, a);

	if (str_is_null(v) || (v.len > 5 && memcmp(v.p, "FILE:", 5) == 0))
		return v;
	return arena_printf(a, "FILE:%.*s", STR_ARG(v));
}

static bool read_service(const struct jaas *line, struct str service, struct arena *a, struct krb5_options *out,
			 struct str *error)
{
	struct str own = option(line, "serviceName", a);

	if (!str_is_null(own) && !str_is_null(service) && !str_eq(own, service)) {
		*error = arena_printf(
			a,
			"Conflicting serviceName values found in JAAS and Kafka configs value in JAAS file "
			"%.*s, value in Kafka config %.*s",
			STR_ARG(own), STR_ARG(service));
		return false;
	}
	out->service = str_is_null(own) ? arena_str(a, service) : own;
	if (out->service.len > 0)
		return true;
	*error = STR("No serviceName defined in either JAAS or Kafka config");
	return false;
}

bool krb5_options_read(const struct jaas *line, struct str service, struct arena *a, struct krb5_options *out,
		       struct str *error)
{
	*out = (struct krb5_options){
		.principal = option(line, "principal", a),
		.keytab = file_option(line, "keyTab", a),
		.cache = file_option(line, "ticketCache", a),
		.has_keytab = is_true(line, "useKeyTab"),
		.has_cache = is_true(line, "useTicketCache"),
	};
	if (str_is(line->module, KRB5_MODULE))
		return read_service(line, service, a, out, error);
	*error = arena_printf(a, "its login module is " KRB5_MODULE ", not %.*s", STR_ARG(line->module));
	return false;
}

static bool refuse(struct str *error, struct str why)
{
	*error = why;
	return false;
}

bool krb5_options_serve(const struct krb5_options *o, const struct jaas *line, struct str *error)
{
	if (!o->has_keytab || !is_true(line, "storeKey"))
		return refuse(error, STR("useKeyTab=true and storeKey=true were expected: clients are taken by keys"));
	if (str_is_null(o->principal))
		return refuse(error, STR("principal was expected: whose keys are taken from the key table"));
	return true;
}

static bool may_log_in(const struct krb5_options *o, struct str *error)
{
	if (!o->has_keytab && !o->has_cache)
		return refuse(error, STR("useKeyTab=true or useTicketCache=true was expected"));
	if (!o->has_cache && str_is_null(o->principal))
		return refuse(error, STR("principal was expected: whose keys are taken from the key table"));
	return true;
}

bool krb5_login_read(struct str line, struct str service, struct arena *a, struct kerberos_login *out,
		     struct str *error)
{
	struct krb5_options o;
	struct jaas read;

	if (!jaas_read(line, a, &read, error) || !krb5_options_read(&read, service, a, &o, error) ||
	    !may_log_in(&o, error))
		return false;
	out->service = o.service;
	out->principal = o.principal;
	out->keytab = o.keytab;
	out->cache = o.cache;
	/* Keys do what a cache does, and for longer. */
	out->is_cached = o.has_cache && (!o.has_keytab || str_is_null(o.principal));
	return true;
}
