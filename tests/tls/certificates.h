/*
 * certificates: made when a test runs, so that none is kept that expires.
 */
#ifndef ODRADEK_TESTS_TLS_CERTIFICATES_H
#define ODRADEK_TESTS_TLS_CERTIFICATES_H

#include <openssl/x509.h>

struct certificate {
	X509 *x;
	EVP_PKEY *key;
	char *pem;     /* the certificate */
	char *key_pem; /* PKCS 8 */
};

struct certificate_wish {
	const char *name;		  /* CN */
	const struct certificate *issuer; /* NULL: signed by itself, and an authority */
	const char *alternative;	  /* subjectAltName, as OpenSSL writes it; NULL: none */
	long from_s;			  /* from now */
	long until_s;
};

struct certificate certificate_make(const struct certificate_wish *wish);
void certificate_fini(struct certificate *c);
/* The key encrypted with a password (PBES2); xfree it. */
char *certificate_sealed_key(const struct certificate *c, const char *password);
/* A PKCS 12 store: as a key store with its issuer, or, key false, of nothing but the certificate, marked as Java does where `trusted`. */
size_t certificate_pkcs12(const struct certificate *c, const struct certificate *issuer, const char *password, int key,
			  int trusted, unsigned char **out);

#endif
