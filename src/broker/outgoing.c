/* outgoing: see the header. */
#include "broker/outgoing.h"

#include "config/config.h"
#include "net/channel.h"

void outgoing_init(struct channels *all, struct loop *l, const struct config *config)
{
	channels_init(all, l);
	if (!config)
		return;
	all->setup_timeout_ms = config_long(config, CONFIG_SOCKET_CONNECTION_SETUP_TIMEOUT_MS);
	all->setup_timeout_max_ms = config_long(config, CONFIG_SOCKET_CONNECTION_SETUP_TIMEOUT_MAX_MS);
}
