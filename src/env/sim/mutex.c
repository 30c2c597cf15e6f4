/* mutex, sim: there is only one thread, so locking a locked mutex would never return: it fails a check. */
#include "base/check.h"
#include "env/env.h"

static char held;

void mutex_init(struct mutex *m)
{
	*m = (struct mutex){{NULL}};
}

void mutex_fini(struct mutex *m)
{
	check(!m->opaque[0]);
}

void mutex_lock(struct mutex *m)
{
	check(!m->opaque[0]);
	m->opaque[0] = &held;
}

void mutex_unlock(struct mutex *m)
{
	check(m->opaque[0] == &held);
	m->opaque[0] = NULL;
}
