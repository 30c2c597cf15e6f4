/*
 * oauth: tokens that somebody else gives out, for logins: from a file, or from a server that is shown a client's secret.
 *
 * 1. One token serves all logins until its end. After a share of its life, as Kafka's ExpiringCredentialRefreshingLogin has it, another one is got: behind
 *    the first login after that, not before; no login waits for it, and where it fails it is tried again behind a login ten seconds later.
 * 2. Where none is good logins wait for one attempt, without a thread but for the one that asks.
 * 3. A file is read when its token is to be got anew.
 * 4. The server's name is always held against its certificate; ssl.* are options of the JAAS line, and without them the system's authorities are
 *    trusted.
 */
#ifndef ODRADEK_OAUTH_OAUTH_H
#define ODRADEK_OAUTH_OAUTH_H

#include "wire/oauth.h"

/* NULL and *why: it cannot be so; then the claims are still the caller's. Reads the files that options name. token_source_free() it. */
struct token_source *oauth_source_new(struct env *env, const struct oauth_endpoint *e, struct buf *why);

#endif
