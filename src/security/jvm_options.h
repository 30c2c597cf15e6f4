/*
 * jvm_options: the options in KAFKA_OPTS, meant for a JVM, that have a meaning here, as values: the
 * program that starts the node has read the files they name. Views; they must outlive their users.
 */
#ifndef ODRADEK_SECURITY_JVM_OPTIONS_H
#define ODRADEK_SECURITY_JVM_OPTIONS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

#define JVM_ALLOWED_URLS "org.apache.kafka.sasl.oauthbearer.allowed.urls"
#define JVM_ALLOWED_FILES "org.apache.kafka.sasl.oauthbearer.allowed.files"

struct jvm_options {
	struct str jaas_file; /* the text of the JAAS file, for settings that lack a line; null: none */
	/* why it could not be read although one is named: "PATH: ENOENT"; null: none is named */
	struct str jaas_why;
	struct str allowed_urls;  /* URLs that OAUTHBEARER is permitted to read, separated by commas; null: none */
	struct str allowed_files; /* the same for files that assertions are made of: absolute paths */
	struct str directory;	  /* that relative paths begin at; null: unknown */
};

/* Whether the URL in this setting may be read. If not, *error has Kafka's message. */
bool jvm_allows_url(const struct jvm_options *o, const char *setting, struct str url, struct arena *a,
		    struct str *error);
/* The same for a file, whose path becomes absolute, as in Java's File.getAbsoluteFile. */
bool jvm_allows_file(const struct jvm_options *o, const char *setting, struct str *path, struct arena *a,
		     struct str *error);

#endif
