/*
 * channel_priv: what the files of a channel share: its connection (channel.c), and its login over it (channel_login.c).
 */
#ifndef ODRADEK_NET_CHANNEL_PRIV_H
#define ODRADEK_NET_CHANNEL_PRIV_H

#include "net/channel.h"

/* ---- channel.c ---- */

/* Sends a call of the channel's own at once, before all that waits. An error gives the connection up: then the channel has it no more. */
void channel_say(struct channel *ch, struct call *call);
/* How long an attempt may take. */
int64_t channel_setup_ms(const struct channel *ch);
/* The login is done, for the first time or again: what waits may go. */
void channel_logged_in(struct channel *ch);

/* ---- channel_login.c ---- */

/* Says who it is, over a connection that has greeted, or again over one that is ready. */
void channel_login_begin(struct channel *ch);
/* It is under way, or due before anything else is sent. */
bool channel_login_holds(struct channel *ch);
/* An answer has come: if it is the login's turn now, its time begins. */
void channel_login_note(struct channel *ch);
/* The connection is gone. */
void channel_login_end(struct channel *ch);
void channel_login_fini(struct channel *ch);

#endif
