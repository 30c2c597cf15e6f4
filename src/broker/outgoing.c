/* outgoing: see the header. */
#include "broker/outgoing.h"

#include "config/config.h"
#include "net/channel.h"

void outgoing_init(struct channels *all, struct loop *l, struct outgoing *o, enum outgoing_to to)
{
	struct tls_slot *slot;

	channels_init(all, l);
	if (!o)
		return;
	slot = to == OUTGOING_TO_BROKERS ? &o->brokers.slot : &o->controllers.slot;
	all->tls_slot = slot->now ? slot : NULL; /* plain or not is for ever */
	all->setup_timeout_ms = config_long(o->config, CONFIG_SOCKET_CONNECTION_SETUP_TIMEOUT_MS);
	all->setup_timeout_max_ms = config_long(o->config, CONFIG_SOCKET_CONNECTION_SETUP_TIMEOUT_MAX_MS);
}
