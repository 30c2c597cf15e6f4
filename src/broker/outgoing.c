/* outgoing: see the header. */
#include "broker/outgoing.h"

#include "config/config.h"
#include "net/channel.h"
#include "tls/tls.h"

void outgoing_init(struct channels *all, struct loop *l, const struct outgoing *o, enum outgoing_to to)
{
	struct tls_context *tls = !o ? NULL : to == OUTGOING_TO_BROKERS ? o->brokers : o->controllers;

	channels_init(all, l);
	if (tls)
		all->tls = tls_context_ref(tls);
	if (!o)
		return;
	all->setup_timeout_ms = config_long(o->config, CONFIG_SOCKET_CONNECTION_SETUP_TIMEOUT_MS);
	all->setup_timeout_max_ms = config_long(o->config, CONFIG_SOCKET_CONNECTION_SETUP_TIMEOUT_MAX_MS);
}
