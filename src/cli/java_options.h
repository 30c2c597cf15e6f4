/*
 * java_options: what KAFKA_OPTS tells a JVM that also means something here:
 *
 *	-Djava.security.auth.login.config=PATH	a JAAS file: lines that settings lack (sasl.jaas.config)
 *	-Djava.security.krb5.conf=PATH		the configuration of Kerberos, unless KRB5_CONFIG names one
 */
#ifndef ODRADEK_CLI_JAVA_OPTIONS_H
#define ODRADEK_CLI_JAVA_OPTIONS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct env;

/*
 * The text of the JAAS file, in the arena, null when none is named; and the library of Kerberos finds its configuration. False: *why says what cannot be
 * read. Before there are threads.
 */
bool java_options_read(struct env *env, struct arena *a, struct str *jaas_file, struct buf *why);

#endif
