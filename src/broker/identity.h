/*
 * identity: the principal behind the requests of a connection, and the client's address, as the
 * authorizer, quotas and log lines need them.
 *
 * An identity never changes. It is reference-counted, since a parked request may outlive its
 * connection; all references belong to one reactor. A connection begins as User:ANONYMOUS and gets
 * another identity once, when it has authenticated; a request keeps the one with which it began.
 * For a request in an Envelope, the identity is in the request's arena.
 */
#ifndef ODRADEK_BROKER_IDENTITY_H
#define ODRADEK_BROKER_IDENTITY_H

#include "env/env.h"
#include "security/principal.h"

struct identity {
	int refs; /* unused in an arena */
	struct principal principal;
	struct str text;     /* the principal as ACLs write it: "User:alice" */
	struct addr address; /* the client's own; its port is not used */
	struct str remote;   /* the address as Java prints it: "/127.0.0.1" */
	struct str host;     /* the address without the slash, as ACLs write it */
};

/* Copies both. */
struct identity *identity_new(const struct principal *who, const struct addr *from);
/* The same in an arena: there is nothing to release. NULL when the arena is spent. */
struct identity *identity_in(struct arena *a, const struct principal *who, const struct addr *from);
struct identity *identity_ref(struct identity *i);
void identity_unref(struct identity **i); /* NULL is allowed; sets it to NULL */

#endif
