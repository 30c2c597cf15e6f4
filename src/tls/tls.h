/*
 * tls: encrypted connections: contexts made from Kafka's ssl.* settings, and sessions between a
 * connection and its socket.
 *
 * 1. Nothing of OpenSSL runs before the first context is made.
 * 2. A context never changes; it is reference counted, and any thread may use it. Changed stores
 *    make a new context.
 * 3. A session belongs to the loop of its socket. Its calls do not block; what a call does not
 *    write is written by the next call, which must have the same bytes, or more of them.
 * 4. Not for use in the simulator: OpenSSL has its own randomness and its own clock.
 *
 * Errors: -EAGAIN; -EKEYREJECTED when the handshake failed or a record is not authentic (tls_error
 * says why); otherwise the socket's.
 */
#ifndef ODRADEK_TLS_TLS_H
#define ODRADEK_TLS_TLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/str.h"

struct env;
struct file;
struct sock;
struct tls_context;
struct tls_session;

/* ---- settings: Kafka's ssl.* that have an effect here, by number and by name ---- */

enum tls_setting {
	TLS_PROTOCOL,
	TLS_ENABLED_PROTOCOLS,
	TLS_CIPHER_SUITES,
	TLS_KEYSTORE_TYPE,
	TLS_KEYSTORE_LOCATION,
	TLS_KEYSTORE_PASSWORD,
	TLS_KEY_PASSWORD,
	TLS_KEYSTORE_KEY,
	TLS_KEYSTORE_CERTIFICATE_CHAIN,
	TLS_TRUSTSTORE_TYPE,
	TLS_TRUSTSTORE_LOCATION,
	TLS_TRUSTSTORE_PASSWORD,
	TLS_TRUSTSTORE_CERTIFICATES,
	TLS_CLIENT_AUTH,
	TLS_ENDPOINT_IDENTIFICATION_ALGORITHM,
	TLS_SETTINGS,
};

/* "ssl.protocol" */
const char *tls_setting_name(enum tls_setting s);
/* TLS_SETTINGS: unknown. */
enum tls_setting tls_setting_find(struct str name);

/* As text, lists separated by commas; null is Kafka's default. Views: they are not kept. */
struct tls_settings {
	struct str v[TLS_SETTINGS];
};

/* ---- contexts ---- */

/*
 * Reads the stores. Returns 0, or -EINVAL with an explanation in *why that names the setting, and
 * the file if there is one. Blocks on files.
 */
int tls_context_new(struct env *env, const struct tls_settings *settings, bool server, struct tls_context **out,
		    struct buf *why);
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context **c); /* NULL is fine; sets it to NULL */
/*
 * Whether `next` may replace `now` on a running listener, by Kafka's rules: a key store must
 * remain, and its names must not change unless permitted. Returns 0, or -EINVAL with Kafka's
 * message in *why.
 */
int tls_context_may_follow(const struct tls_context *now, const struct tls_context *next, bool dn_may_change,
			   bool san_may_change, struct buf *why);

/*
 * Whether a client with `client` and a server with `server` would trust each other, disregarding
 * the host name. Returns 0, or -EINVAL and why. Like Kafka's SslEngineValidator, it makes a
 * handshake in memory.
 */
int tls_contexts_agree(const struct tls_context *server, const struct tls_context *client, struct buf *why);

/* A place for a context that is replaced while other threads use it. A zeroed one is empty. */
struct tls_slot {
	atomic_bool busy; /* set for the few instructions in which `now` is read */
	struct tls_context *now;
};

struct tls_context *tls_slot_ref(struct tls_slot *slot);	 /* returns a reference for the caller; NULL: empty */
void tls_slot_set(struct tls_slot *slot, struct tls_context *c); /* takes the reference; NULL empties the slot */

/* ---- sessions ---- */

/*
 * A session on an accepted socket (host NULL), or on a dialled one whose peer must prove to be
 * `host`. The socket stays the caller's.
 */
struct tls_session *tls_session_new(struct tls_context *c, struct sock *s, const char *host);
/* Sends close_notify, if the socket takes it at once. */
void tls_session_free(struct tls_session *s);

/* 0 when complete; reads and writes also run the handshake. */
int tls_handshake(struct tls_session *s);
bool tls_is_established(const struct tls_session *s);
/*
 * Whether what is read from now on may hold secrets, as it may at first: OpenSSL's copies of it are
 * wiped, at the price of a tenth of a read.
 */
void tls_set_secret(struct tls_session *s, bool secret);
/* Fills all of len if there are enough bytes; what it does not fill is overwritten, too. 0: the peer will send no more. */
ssize_t tls_read(struct tls_session *s, void *p, size_t len);
/*
 * The number of bytes that were written, or a negated errno; -EAGAIN: the socket must become ready for
 * SOCK_WRITE. After less than was given, -EAGAIN included, the next write, of either kind, must begin
 * with the bytes that follow: some of them may be encrypted already. tls_send_file: 0 if the file
 * ends at pos.
 */
ssize_t tls_writev(struct tls_session *s, const struct iovec *iov, int n);
ssize_t tls_send_file(struct tls_session *s, struct file *f, int64_t pos, size_t len);
/* SOCK_READ; or SOCK_WRITE when a read or the handshake waits for that. */
int tls_read_wants(const struct tls_session *s);
/*
 * The last read stopped because its buffer was full or it had consumed enough: there may be more
 * that the socket will not report as readable.
 */
bool tls_is_pending(const struct tls_session *s);
/* Has anything been sent to the peer? On an accepted socket: has its ClientHello been answered? */
bool tls_has_answered(const struct tls_session *s);
/* How many bytes the last read consumed from the socket. */
size_t tls_took(const struct tls_session *s);
/* How many encrypted bytes the session holds: they wait for the socket, or for the next read (up to 256 KiB). */
size_t tls_kept(const struct tls_session *s);
/* Why the session failed: "certificate verify failed: self-signed certificate"; "" if it has not. */
const char *tls_error(const struct tls_session *s);
/*
 * Appends the subject of the peer's certificate as Java's X500Principal.getName() prints it. False:
 * the peer sent none.
 */
bool tls_peer_name(const struct tls_session *s, struct buf *out);

#endif
