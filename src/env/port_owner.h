/*
 * port_owner: which process listens on a port of this machine, for the message that says a port is taken.
 *
 * Called by a program that is about to end: it reads /proc, which may take a while. In the simulator nobody is ever found.
 */
#ifndef ODRADEK_ENV_PORT_OWNER_H
#define ODRADEK_ENV_PORT_OWNER_H

#include <stdint.h>

#define PORT_OWNER_NAME_MAX 64

struct port_owner {
	int pid;			/* 0: a process of another user, which cannot be looked at */
	char name[PORT_OWNER_NAME_MAX]; /* as it was started, without the directory; empty when pid is 0 */
};

/* 0, or -ENOENT: nobody listens there, as far as can be seen. */
int port_owner_find(uint16_t port, struct port_owner *out);

#endif
