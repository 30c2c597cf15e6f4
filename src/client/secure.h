/*
 * secure: what a client's settings security.protocol, sasl.* and ssl.* make of its connections.
 */
#ifndef ODRADEK_CLIENT_SECURE_H
#define ODRADEK_CLIENT_SECURE_H

#include "base/buf.h"
#include "base/str.h"
#include "security/jvm_options.h"

struct env;
struct login_method;
struct tls_context;

/* For client_options. */
struct secure {
	struct tls_context *tls;    /* NULL: in plain text */
	struct login_method *login; /* NULL: nobody says who this is */
};

/* The value of a setting, as text; NULL: it is not given. */
struct secure_settings {
	const char *(*get)(const void *arg, const char *name);
	const void *arg;
	struct jvm_options jvm; /* a JAAS file, in case that sasl.jaas.config is not given, and more */
};

/* 0, or ERR_INVALID_CONFIG with what is wrong in *why, for people. Reads files. */
int secure_init(struct secure *s, struct env *env, const struct secure_settings *settings, struct buf *why);
/* When no client has it any more. */
void secure_fini(struct secure *s);

#endif
