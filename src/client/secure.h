/* secure: turns a client's settings security.protocol, sasl.* and ssl.* into what its connections need. */
#ifndef ODRADEK_CLIENT_SECURE_H
#define ODRADEK_CLIENT_SECURE_H

#include "base/buf.h"
#include "base/str.h"
#include "security/jvm_options.h"

struct env;
struct login_method;
struct tls_context;

/* The fields for client_options. */
struct secure {
	struct tls_context *tls;    /* NULL: plain text */
	struct login_method *login; /* NULL: no login */
};

/* The value of a setting as text; NULL: not given. */
struct secure_settings {
	const char *(*get)(const void *arg, const char *name);
	const void *arg;
	struct jvm_options jvm; /* a JAAS file, for when sasl.jaas.config is not given, and more */
};

/* Returns 0, or ERR_INVALID_CONFIG with an explanation for people in *why. Reads files. */
int secure_init(struct secure *s, struct env *env, const struct secure_settings *settings, struct buf *why);
/* Call it when no client uses it any more. */
void secure_fini(struct secure *s);

#endif
