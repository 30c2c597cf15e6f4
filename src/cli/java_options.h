/*
 * java_options: the options for a JVM in KAFKA_OPTS that also have a meaning here:
 *
 *	-Djava.security.auth.login.config=PATH	a JAAS file, for settings without a line of their own (sasl.jaas.config)
 *	-Djava.security.krb5.conf=PATH		the Kerberos configuration, unless KRB5_CONFIG names one
 *	-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=URL,...
 *	-Dorg.apache.kafka.sasl.oauthbearer.allowed.files=PATH,...	absolute paths
 */
#ifndef ODRADEK_CLI_JAVA_OPTIONS_H
#define ODRADEK_CLI_JAVA_OPTIONS_H

#include "base/arena.h"
#include "security/jvm_options.h"

struct env;

/*
 * Reads the options, the text of the JAAS file and the working directory into the arena; also makes the Kerberos library
 * find its configuration. Call it before there are threads.
 */
struct jvm_options java_options_read(struct env *env, struct arena *a);

#endif
