/*
 * kerberos: GSSAPI (RFC 4752) by MIT's Kerberos library, which is loaded on demand and is not part
 * of the program.
 *
 * 1. Once loaded it stays loaded: by kerberos_load(), before the process gives up its privileges,
 *    or by the first function that needs it.
 * 2. krb5.conf, its environment variables (KRB5_CONFIG and the like) and the replay cache are the
 *    library's.
 * 3. The library waits for disks and, as a client, for name servers and a KDC: call it from work
 *    jobs only. What is created at startup may read files.
 */
#ifndef ODRADEK_KERBEROS_KERBEROS_H
#define ODRADEK_KERBEROS_KERBEROS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

struct gss_acceptor;
struct kerberos_login;
struct login_method;

/* False: *why names what must be installed. */
bool kerberos_load(struct buf *why);

/*
 * Appends the realm of names that have none; false: there is none. Reads files: for startup, or a
 * work job.
 */
bool kerberos_default_realm(struct buf *realm);

/*
 * Accepts clients that have a ticket for this principal, whose keys are in the key table (null: the
 * library's default). For startup: reads files. Release with gss_acceptor_free() when no context is
 * left. NULL: *why gives the reason.
 */
struct gss_acceptor *kerberos_acceptor_new(struct str principal, struct str keytab, struct buf *why);

/* The texts are copied. Release with login_method_free(). NULL: *why gives the reason. */
struct login_method *kerberos_login_new(const struct kerberos_login *l, struct buf *why);

#endif
