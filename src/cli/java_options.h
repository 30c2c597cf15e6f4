/*
 * java_options: what KAFKA_OPTS tells a JVM that also means something here:
 *
 *	-Djava.security.auth.login.config=PATH	a JAAS file: lines that settings lack (sasl.jaas.config)
 *	-Djava.security.krb5.conf=PATH		the configuration of Kerberos, unless KRB5_CONFIG names one
 *	-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=URL,...
 */
#ifndef ODRADEK_CLI_JAVA_OPTIONS_H
#define ODRADEK_CLI_JAVA_OPTIONS_H

#include "base/arena.h"
#include "security/jvm_options.h"

struct env;

/* What it says, in the arena, the text of the JAAS file too; and the library of Kerberos finds its configuration. Before there are threads. */
struct jvm_options java_options_read(struct env *env, struct arena *a);

#endif
