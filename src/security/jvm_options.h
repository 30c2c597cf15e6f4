/*
 * jvm_options: what is said to a JVM by KAFKA_OPTS and means something here, as a value: the files and names in it were read by who starts the
 * program. Views: they outlive whoever is given them.
 */
#ifndef ODRADEK_SECURITY_JVM_OPTIONS_H
#define ODRADEK_SECURITY_JVM_OPTIONS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

#define JVM_ALLOWED_URLS "org.apache.kafka.sasl.oauthbearer.allowed.urls"

struct jvm_options {
	struct str jaas_file;	 /* the text of one: lines that settings lack; null: there is none */
	struct str jaas_why;	 /* why there is none although one is named: "PATH: ENOENT"; null: none is named */
	struct str allowed_urls; /* URLs that OAUTHBEARER may be told to read, separated by commas; null: none */
};

/* May what this setting says be read? Else *error has Kafka's words. */
bool jvm_allows_url(const struct jvm_options *o, const char *setting, struct str url, struct arena *a,
		    struct str *error);

#endif
