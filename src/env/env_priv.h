/* env_priv: what the two worlds share with env.c and with nothing else. */
#ifndef ODRADEK_ENV_ENV_PRIV_H
#define ODRADEK_ENV_ENV_PRIV_H

#include "env/env.h"

/* Every socket and listener begins with this, whichever env made it. */
struct sock {
	struct env *env;
};

struct listener {
	struct env *env;
};

void loop_base_init(struct loop *l, struct env *e);
void loop_base_fini(struct loop *l);
/*
 * Fires all timers due at `now_ns`. Timers started meanwhile wait for the next call, so that a
 * timer of 0 ms cannot hold up the loop.
 */
void loop_fire_timers(struct loop *l, int64_t now_ns);

/* The file starts with one reference and counts in open_files until its last unref. */
void file_base_init(struct file *f, struct env *e);

#endif
