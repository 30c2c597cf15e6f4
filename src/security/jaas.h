/*
 * jaas: a login module and its options, as sasl.jaas.config has them:
 *
 *	org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b" user_alice="x";
 *
 * Words, quotes and comments are those of Java's StreamTokenizer as Kafka's JaasConfig sets it up. A JAAS file (the JVM's java.security.auth.login.config)
 * has such lines in sections, of which one is taken out as it stands:
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
	struct str module; /* the name of its Java class */
	const struct jaas_option *options;
	int n_options;
};

/*
 * One module with its options, in the arena. False: *error says why, in Kafka's words, and has nothing of the values in it.
 */
bool jaas_read(struct str text, struct arena *a, struct jaas *out, struct str *error);
/*
 * The line in a JAAS file: of this section, the first whose module has this name, or that is there (null). Null with *error null when there is
 * none; with *error when the file cannot be read.
 */
struct str jaas_section_line(struct str file, struct str section, struct str module, struct arena *a,
			     struct str *error);
/* The Java class of a mechanism's login module; null: there is no such mechanism. */
struct str jaas_module_of(struct str mechanism);
/* The value of an option, the last one of that name; null when it is not there. */
struct str jaas_option(const struct jaas *j, struct str name);

#endif
