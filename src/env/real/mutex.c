/* mutex, real: a pthread mutex. */
#include <pthread.h>

#include "base/check.h"
#include "env/env.h"

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct mutex), "a mutex has room for the system's");

void mutex_init(struct mutex *m)
{
	check(pthread_mutex_init((pthread_mutex_t *)m, NULL) == 0);
}

void mutex_fini(struct mutex *m)
{
	check(pthread_mutex_destroy((pthread_mutex_t *)m) == 0);
}

void mutex_lock(struct mutex *m)
{
	check(pthread_mutex_lock((pthread_mutex_t *)m) == 0);
}

void mutex_unlock(struct mutex *m)
{
	check(pthread_mutex_unlock((pthread_mutex_t *)m) == 0);
}
