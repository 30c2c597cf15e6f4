/*
 * oauth: obtains tokens for logins: from a file, or from a server that is given a client's secret or
 * its assertion.
 *
 * 1. One token serves all logins until it expires. After a share of its lifetime, as in Kafka's
 *    ExpiringCredentialRefreshingLogin, the first login triggers the fetch of another, and not
 *    before; no login waits for that fetch, and if it fails a login ten seconds later triggers
 *    another.
 * 2. Without a valid token, logins wait for a single attempt; only the one that makes it occupies a
 *    thread.
 * 3. A file is read when its token is to be renewed, and the files of an assertion for each request;
 *    these have to be readable when the source is made, too.
 * 4. The server's name is always checked against its certificate; ssl.* are options of the JAAS
 *    line, and without them the system's authorities are trusted.
 */
#ifndef ODRADEK_OAUTH_OAUTH_H
#define ODRADEK_OAUTH_OAUTH_H

#include "wire/oauth.h"

/*
 * NULL and *why: not possible; then the claims remain the caller's. Reads the files that options
 * and an assertion name. Release with token_source_free().
 */
struct token_source *oauth_source_new(struct env *env, const struct oauth_endpoint *e, struct buf *why);

#endif
