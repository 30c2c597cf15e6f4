/*
 * jaas: a login module and its options, as sasl.jaas.config has them:
 *
 *	org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b" user_alice="x";
 *
 * Words, quotes and comments are those of Java's StreamTokenizer as Kafka's JaasConfig sets it up. A JAAS file (java.security.auth.login.config)
 * is the JVM's and is not read.
 */
#ifndef ODRADEK_SECURITY_JAAS_H
#define ODRADEK_SECURITY_JAAS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct jaas_option {
	struct str name;
	struct str value;
};

struct jaas {
	struct str module; /* the name of its Java class */
	const struct jaas_option *options;
	int n_options;
};

/*
 * One module with its options, in the arena. False: *error says why, in Kafka's words, and has nothing of the values in it.
 */
bool jaas_read(struct str text, struct arena *a, struct jaas *out, struct str *error);
/* The value of an option, the last one of that name; null when it is not there. */
struct str jaas_option(const struct jaas *j, struct str name);

#endif
