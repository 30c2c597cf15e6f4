/*
 * jaas: a login module and its options, as in sasl.jaas.config:
 *
 *	org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b" user_alice="x";
 *
 * Words, quotes and comments are those of Java's StreamTokenizer as Kafka's JaasConfig sets it up.
 * A JAAS file (the JVM's java.security.auth.login.config) has such lines in sections, of which one
 * line is extracted unchanged:
 *
 *	KafkaServer { MODULE; MODULE; };
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
	struct str module; /* name of its Java class */
	const struct jaas_option *options;
	int n_options;
};

/*
 * Reads one module with its options into the arena. False: *error gives the reason in Kafka's
 * words, and contains none of the values.
 */
bool jaas_read(struct str text, struct arena *a, struct jaas *out, struct str *error);
/*
 * Finds the line of a section of a JAAS file whose module has this name (null: the first line).
 * Null with *error null: there is none; with *error set: the file cannot be read.
 */
struct str jaas_section_line(struct str file, struct str section, struct str module, struct arena *a,
			     struct str *error);
/* The Java class of a mechanism's login module; null: unknown mechanism. */
struct str jaas_module_of(struct str mechanism);
/* The value of an option, the last one of that name; null when absent. */
struct str jaas_option(const struct jaas *j, struct str name);

#endif
