/*
 * identity: whom the requests of a connection belong to, and where it comes from, as authorizer, quotas and people see it.
 *
 * An identity never changes. It is counted, since a parked request may outlive its connection; its references are of one reactor. A connection
 * begins as User:ANONYMOUS and is given another once, when it has authenticated; a request keeps the one it began with. That of an
 * Envelope's request is in the request's arena.
 */
#ifndef ODRADEK_BROKER_IDENTITY_H
#define ODRADEK_BROKER_IDENTITY_H

#include "env/env.h"
#include "security/principal.h"

struct identity {
	int refs; /* of one in an arena: not counted */
	struct principal principal;
	struct str text;     /* the principal as ACLs have it: "User:alice" */
	struct addr address; /* the client's own; its port is not looked at */
	struct str remote;   /* the same, as Java prints it: "/127.0.0.1" */
	struct str host;     /* and without the stroke, as ACLs have it */
};

/* Copies both. */
struct identity *identity_new(const struct principal *who, const struct addr *from);
/* The same in an arena: there is nothing to give back. NULL when the arena is spent. */
struct identity *identity_in(struct arena *a, const struct principal *who, const struct addr *from);
struct identity *identity_ref(struct identity *i);
void identity_unref(struct identity **i); /* NULL is fine; sets it to NULL */

#endif
