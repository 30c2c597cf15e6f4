/*
 * outgoing: what all connections of this node to others have in common: socket.connection.setup.timeout.ms and its longest.
 */
#ifndef ODRADEK_BROKER_OUTGOING_H
#define ODRADEK_BROKER_OUTGOING_H

struct channels;
struct config;
struct loop;

/* channels_init, and the settings; config NULL: there are none. */
void outgoing_init(struct channels *all, struct loop *l, const struct config *config);

#endif
