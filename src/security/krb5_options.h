/*
 * krb5_options: what the JAAS line of Java's Krb5LoginModule says: where keys or tickets are, and whose.
 *
 *	com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true keyTab="/etc/kafka.keytab" principal="kafka/host@REALM";
 *	com.sun.security.auth.module.Krb5LoginModule required useTicketCache=true;
 *
 * Options of how Java asks people, and how it shares what it has, are of no effect.
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
	struct str keytab;    /* "FILE:/path"; null: the library's own place */
	struct str cache;     /* the same of the ticket cache */
	bool has_keytab;
	bool has_cache;
};

/*
 * In the arena, also what points into the line. `service` is sasl.kerberos.service.name, null when it is not set: the line or that has to say it.
 * False: *error says why, in Kafka's words where it has some.
 */
bool krb5_options_read(const struct jaas *line, struct str service, struct arena *a, struct krb5_options *out,
		       struct str *error);
/* The same, and has what one needs who takes clients: keys that are kept, and a principal. */
bool krb5_options_serve(const struct krb5_options *o, const struct jaas *line, struct str *error);
/* Of one who logs in, from the line's text: fills whose tickets they are and where; when they are got anew is the caller's. */
bool krb5_login_read(struct str line, struct str service, struct arena *a, struct kerberos_login *out,
		     struct str *error);

#endif
