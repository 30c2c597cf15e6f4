/*
 * krb5_options: the options in the JAAS line of Java's Krb5LoginModule: where keys or tickets are,
 * and for which principal.
 *
 *	com.sun.security.auth.module.Krb5LoginModule required
 *		useKeyTab=true storeKey=true keyTab="/etc/kafka.keytab" principal="kafka/host@REALM";
 *	com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true;
 *
 * Options for prompting people and for sharing credentials within Java have no effect.
 */
#ifndef ODRADEK_SECURITY_KRB5_OPTIONS_H
#define ODRADEK_SECURITY_KRB5_OPTIONS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct jaas;
struct kerberos_login;

#define KRB5_MODULE "com.sun.security.auth.module.Krb5LoginModule"

struct krb5_options {
	struct str service;   /* the first part of a server's principal; never null */
	struct str principal; /* null: not given */
	struct str keytab;    /* "FILE:/path"; null: the library's default */
	struct str cache;     /* the ticket cache, likewise */
	bool has_keytab;
	bool has_cache;
};

/*
 * Reads the line; results are in the arena, including what points into the line. `service` is
 * sasl.kerberos.service.name, null if not set: either it or the line must give the name. False:
 * *error has the reason, in Kafka's words where there are some.
 */
bool krb5_options_read(const struct jaas *line, struct str service, struct arena *a, struct krb5_options *out,
		       struct str *error);
/* Whether the options suffice for accepting clients: stored keys, and a principal. */
bool krb5_options_serve(const struct krb5_options *o, const struct jaas *line, struct str *error);
/*
 * For a login, from the text of the line: fills in the principal and where its credentials are;
 * when tickets are renewed is up to the caller.
 */
bool krb5_login_read(struct str line, struct str service, struct arena *a, struct kerberos_login *out,
		     struct str *error);

#endif
