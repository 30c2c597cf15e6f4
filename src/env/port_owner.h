/*
 * port_owner: finds which process listens on a port of this machine, for the message that says a
 * port is taken.
 *
 * Called by a program that is about to exit: it reads /proc, which may take a while. In the
 * simulator no owner is ever found.
 */
#ifndef ODRADEK_ENV_PORT_OWNER_H
#define ODRADEK_ENV_PORT_OWNER_H

#include <stdint.h>

#define PORT_OWNER_NAME_MAX 64

struct port_owner {
	int pid;			/* 0: another user's process, which cannot be inspected */
	char name[PORT_OWNER_NAME_MAX]; /* the name it was started by, without the directory; empty when pid is 0 */
};

/* Returns 0, or -ENOENT if no listener can be found. */
int port_owner_find(uint16_t port, struct port_owner *out);

#endif
