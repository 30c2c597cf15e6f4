#include "tests/tls/certificates.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

static char *text_of(BIO *b)
{
	char *p;
	long len = BIO_get_mem_data(b, &p);
	char *text = xstrndup(p, (size_t)len);

	BIO_free(b);
	return text;
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	check(e && X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

struct certificate certificate_make(const struct certificate_wish *wish)
{
	struct certificate c = {.x = X509_new(), .key = EVP_EC_gen("P-256")};
	X509_NAME *name = X509_get_subject_name(c.x);
	const struct certificate *issuer = wish->issuer ? wish->issuer : &c;
	static long serial = 1;
	BIO *b;

	X509_set_version(c.x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c.x), wish->from_s);
	X509_gmtime_adj(X509_getm_notAfter(c.x), wish->until_s);
	X509_set_pubkey(c.x, c.key);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Odradek", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)wish->name, -1, -1, 0);
	X509_set_issuer_name(c.x, X509_get_subject_name(issuer->x));
	if (!wish->issuer)
		extend(c.x, c.x, NID_basic_constraints, "critical,CA:TRUE");
	if (wish->alternative)
		extend(c.x, issuer->x, NID_subject_alt_name, wish->alternative);
	check(X509_sign(c.x, issuer->key, EVP_sha256()));
	b = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(b, c.x);
	c.pem = text_of(b);
	b = BIO_new(BIO_s_mem());
	PEM_write_bio_PKCS8PrivateKey(b, c.key, NULL, NULL, 0, NULL, NULL);
	c.key_pem = text_of(b);
	return c;
}

void certificate_fini(struct certificate *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	xfree(c->pem);
	xfree(c->key_pem);
	*c = (struct certificate){0};
}

char *certificate_sealed_key(const struct certificate *c, const char *password)
{
	BIO *b = BIO_new(BIO_s_mem());

	PEM_write_bio_PKCS8PrivateKey(b, c->key, EVP_aes_256_cbc(), password, (int)strlen(password), NULL, NULL);
	return text_of(b);
}

static PKCS12 *trust_store(const struct certificate *c, const char *password, int trusted)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	STACK_OF(PKCS7) *safes = NULL;
	PKCS12_SAFEBAG *bag = PKCS12_add_cert(&bags, c->x);
	PKCS12 *p12;

	if (trusted) {
		ASN1_OBJECT *any = OBJ_txt2obj("2.5.29.37.0", 1);

		check(PKCS12_add1_attr_by_txt(bag, "2.16.840.1.113894.746875.1.1", V_ASN1_OBJECT, (unsigned char *)any,
					      -1));
		ASN1_OBJECT_free(any);
	}
	PKCS12_add_safe(&safes, bags, NID_aes_256_cbc, 1000, password);
	p12 = PKCS12_add_safes(safes, 0);
	PKCS12_set_mac(p12, password, -1, NULL, 0, 1000, EVP_sha256());
	sk_PKCS7_pop_free(safes, PKCS7_free);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return p12;
}

size_t certificate_pkcs12(const struct certificate *c, const struct certificate *issuer, const char *password, int key,
			  int trusted, unsigned char **out)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	PKCS12 *p12;
	int len;

	if (issuer)
		sk_X509_push(others, issuer->x);
	p12 = key ? PKCS12_create(password, "kafka", c->key, c->x, others, NID_aes_256_cbc, NID_aes_256_cbc, 1000, 1000,
				  0)
		  : trust_store(c, password, trusted);
	check(p12);
	*out = NULL;
	len = i2d_PKCS12(p12, out);
	check(len > 0);
	PKCS12_free(p12);
	sk_X509_free(others);
	return (size_t)len;
}
