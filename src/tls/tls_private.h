/*
 * tls_private: what the files of this room share.
 *
 *	settings.c	the names of the settings
 *	pem.c		PEM as Kafka reads it: blocks of base64 within any text
 *	store.c		key stores and trust stores: PEM, PKCS12
 *	context.c	settings and stores to OpenSSL's context
 *	session.c	one connection
 *	agree.c		a trial handshake between two contexts
 *	name.c		distinguished names as Java prints them
 */
#ifndef ODRADEK_TLS_TLS_PRIVATE_H
#define ODRADEK_TLS_TLS_PRIVATE_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>

#include "tls/tls.h"

/* ---- pem.c ---- */

/*
 * Finds the next block whose label ends in `label`; its decoded bytes are appended to *der, its
 * label is put into *found. False: there is none.
 */
bool pem_next(struct str *text, const char *label, struct str *found, struct buf *der);

/* ---- store.c ---- */

struct tls_store {
	EVP_PKEY *key;
	STACK_OF(X509) * chain;	  /* for a key store: the key's certificate first */
	STACK_OF(X509) * trusted; /* for a trust store */
};

/*
 * Returns 0: key and certificates are as the settings say, or empty where they say nothing; or
 * -EINVAL and why. Either way the caller must call tls_store_fini.
 */
int tls_key_store_read(struct env *env, const struct tls_settings *s, struct tls_store *out, struct buf *why);
int tls_trust_store_read(struct env *env, const struct tls_settings *s, struct tls_store *out, struct buf *why);
/* The system's trusted authorities. */
int tls_system_store_read(struct env *env, struct tls_store *out, struct buf *why);
void tls_store_fini(struct tls_store *store);

/* ---- context.c ---- */

struct tls_context {
	atomic_int refs;
	SSL_CTX *ssl;
	BIO_METHOD *bio; /* reads and writes a socket; see session.c */
	X509 *leaf;	 /* of the key store; NULL: none */
	bool has_truststore;
	bool verifies_host;
};

/* ---- session.c ---- */

BIO_METHOD *tls_bio_method(void);

/* ---- name.c ---- */

void tls_name_text(const X509_NAME *name, struct buf *out);

/* The text of the oldest error that OpenSSL has recorded on this thread. */
const char *tls_reason(void);

#endif
