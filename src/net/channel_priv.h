/*
 * channel_priv: what the files of a channel share: its connection (channel.c), and the login over
 * it (channel_login.c).
 */
#ifndef ODRADEK_NET_CHANNEL_PRIV_H
#define ODRADEK_NET_CHANNEL_PRIV_H

#include "net/channel.h"

/* ---- channel.c ---- */

/*
 * Sends one of the channel's own calls at once, ahead of everything that waits. On error the
 * connection is closed, and the channel no longer has the call.
 */
void channel_say(struct channel *ch, struct call *call);
/* How long an attempt may take. */
int64_t channel_setup_ms(const struct channel *ch);
/* The login, or a re-authentication, is complete: waiting calls may be sent. */
void channel_logged_in(struct channel *ch);

/* ---- channel_login.c ---- */

/* Starts a login over a connection that has been greeted, or a re-authentication over one that is ready. */
void channel_login_begin(struct channel *ch);
/* A login is under way, or is due before anything else may be sent. */
bool channel_login_holds(struct channel *ch);
/* An answer has arrived. If the login was waiting for its turn, it starts now. */
void channel_login_note(struct channel *ch);
/* The connection is gone. */
void channel_login_end(struct channel *ch);
void channel_login_fini(struct channel *ch);

#endif
