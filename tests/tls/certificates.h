/* certificates: certificates made when a test runs, so that none is stored that could expire. */
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
	const struct certificate *issuer; /* NULL: self-signed, and an authority */
	const char *alternative;	  /* subjectAltName in OpenSSL's notation; NULL: none */
	long from_s;			  /* relative to now */
	long until_s;
};

struct certificate certificate_make(const struct certificate_wish *wish);
void certificate_fini(struct certificate *c);
/* The key encrypted with a password (PBES2); release with xfree. */
char *certificate_sealed_key(const struct certificate *c, const char *password);
/*
 * A PKCS 12 store: a key store that includes the issuer; or, with key false, the certificate only,
 * marked as Java does if `trusted`.
 */
size_t certificate_pkcs12(const struct certificate *c, const struct certificate *issuer, const char *password, int key,
			  int trusted, unsigned char **out);

#endif
