/* port_owner, sim: never finds an owner, since a machine runs only one program. */
#include "env/port_owner.h"

#include <errno.h>

int port_owner_find(uint16_t port, struct port_owner *out)
{
	return -ENOENT;
}
