/*
 * kerberos: GSSAPI (RFC 4752) by MIT Kerberos' library, which is opened when somebody asks for it and is no part of the program.
 *
 * 1. It is opened for good: kerberos_load() before the process gives up anything, or else what needs it.
 * 2. krb5.conf, its variables (KRB5_CONFIG and its like) and the cache of replays are the library's.
 * 3. The library waits for disks, and as a client for name servers and a KDC: in jobs alone. What is made at a start may read files.
 */
#ifndef ODRADEK_KERBEROS_KERBEROS_H
#define ODRADEK_KERBEROS_KERBEROS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct gss_acceptor;
struct kerberos_login;
struct login_method;

/* False: *why names what is to be installed. */
bool kerberos_load(struct buf *why);

/* Appends the realm of names that have none; false: there is none. Reads files: for a start, or a job. */
bool kerberos_default_realm(struct buf *realm);

/*
 * Takes clients that have a ticket for this principal, whose keys are in the key table (null: the library's own). For a start: reads files.
 * gss_acceptor_free() it, when no context is left. NULL: *why says what stands in the way.
 */
struct gss_acceptor *kerberos_acceptor_new(struct str principal, struct str keytab, struct buf *why);

/* The texts are copied. login_method_free() it. NULL: *why says why not. */
struct login_method *kerberos_login_new(const struct kerberos_login *l, struct buf *why);

#endif
