/*
 * tls_private: what the files of this room know of each other.
 *
 *	settings.c	the names of the settings
 *	pem.c		PEM as Kafka reads it: blocks of base64 in any text
 *	store.c		key stores and trust stores: PEM, PKCS12
 *	context.c	settings and stores to OpenSSL's context
 *	session.c	one connection
 *	agree.c		two contexts that try each other
 *	name.c		distinguished names as Java prints them
 */
#ifndef ODRADEK_TLS_TLS_PRIVATE_H
#define ODRADEK_TLS_TLS_PRIVATE_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>

#include "tls/tls.h"

/* ---- pem.c ---- */

/* The next block whose label ends in `label`; its decoded bytes are appended to *der, its label is *found. False: there is none. */
bool pem_next(struct str *text, const char *label, struct str *found, struct buf *der);

/* ---- store.c ---- */

struct tls_store {
	EVP_PKEY *key;
	STACK_OF(X509) * chain;	  /* of a key store: the key's certificate first */
	STACK_OF(X509) * trusted; /* of a trust store */
};

/* 0: both are as the settings say, or empty where they say nothing; -EINVAL and why. Either way: tls_store_fini. */
int tls_key_store_read(struct env *env, const struct tls_settings *s, struct tls_store *out, struct buf *why);
int tls_trust_store_read(struct env *env, const struct tls_settings *s, struct tls_store *out, struct buf *why);
/* What the system trusts. */
int tls_system_store_read(struct env *env, struct tls_store *out, struct buf *why);
void tls_store_fini(struct tls_store *store);

/* ---- context.c ---- */

struct tls_context {
	atomic_int refs;
	SSL_CTX *ssl;
	BIO_METHOD *bio; /* a socket's bytes; see session.c */
	X509 *leaf;	 /* of the key store; NULL: it has none */
	bool has_truststore;
	bool verifies_host;
};

/* ---- session.c ---- */

BIO_METHOD *tls_bio_method(void);

/* ---- name.c ---- */

void tls_name_text(const X509_NAME *name, struct buf *out);

/* The oldest error that OpenSSL has noted on this thread, in its words. */
const char *tls_reason(void);

#endif
