/* principal: the identity of a connection's peer: a type, which in Kafka is always User, and a name. */
#ifndef ODRADEK_SECURITY_PRINCIPAL_H
#define ODRADEK_SECURITY_PRINCIPAL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct principal {
	struct str type;
	struct str name;
	bool token_authenticated; /* authenticated with a delegation token */
};

extern const struct principal PRINCIPAL_ANONYMOUS;

/* The inverse; a null str when the arena's budget is spent. */
struct str principal_text(const struct principal *p, struct arena *a);
/* Compares type and name. */
bool principal_equal(const struct principal *a, const struct principal *b);

#endif
