/*
 * principal: whom a connection belongs to: a type, which is User in Kafka, and a name.
 */
#ifndef ODRADEK_SECURITY_PRINCIPAL_H
#define ODRADEK_SECURITY_PRINCIPAL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct principal {
	struct str type;
	struct str name;
	bool token_authenticated; /* by a delegation token */
};

extern const struct principal PRINCIPAL_ANONYMOUS;

/* "User:alice", as it stands in ACLs and super.users; false without a type, a colon or a name. Views into the text. */
bool principal_parse(struct str text, struct principal *out);
/* The same backwards; a null str when the arena is spent. */
struct str principal_text(const struct principal *p, struct arena *a);
/* By type and name. */
bool principal_equal(const struct principal *a, const struct principal *b);

#endif
