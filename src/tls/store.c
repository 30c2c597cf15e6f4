/*
 * store: key stores and trust stores, with the rules and messages of Kafka's
 * DefaultSslEngineFactory.
 *
 *	PEM	a file, or the values themselves: one private key (PKCS 8, encrypted if there is
 *		ssl.key.password) and certificates
 *	PKCS12	a file and its password; for a trust store, the entries Java has marked as trusted, and the
 *		certificates of keys
 *	JKS	the same as PKCS12, as in Java, whose JKS reads both; a real JKS file is refused, with the
 *		command that converts it
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "env/env.h"
#include "base/err.h"
#include "base/mem.h"
#include "tls/tls_private.h"

#define FILE_MAX ((size_t)16 << 20)
/* The attribute with which Java's keytool marks a trusted certificate in a PKCS 12 file. */
#define TRUSTED_KEY_USAGE "2.16.840.1.113894.746875.1.1"

/* Where a store is, for messages. */
struct place {
	const char *setting;
	struct str file; /* null: the value itself */
};

static int refuse(struct buf *why, const struct place *at, const char *what)
{
	if (str_is_null(at->file))
		buf_printf(why, "%s: %s", at->setting, what);
	else
		buf_printf(why, "%s=%.*s: %s", at->setting, STR_ARG(at->file), what);
	return -EINVAL;
}

static int refuse_openssl(struct buf *why, const struct place *at, const char *what)
{
	struct buf text = {0};

	buf_printf(&text, "%s: %s%c", what, tls_reason(), 0);
	refuse(why, at, (const char *)text.p);
	buf_fini(&text);
	ERR_clear_error();
	return -EINVAL;
}

static int read_file(struct env *env, const struct place *at, struct str *out, struct buf *why)
{
	char *path = str_dup(at->file), *text;
	size_t len;
	int err = env_read_file(env, path, FILE_MAX, &text, &len);

	xfree(path);
	if (err)
		return refuse(why, at, err_name(err));
	*out = (struct str){text, (int32_t)len};
	return 0;
}

/* Wipes and frees what held a key. */
static void forget(struct str s)
{
	OPENSSL_cleanse((char *)(uintptr_t)s.p, (size_t)s.len);
	xfree((char *)(uintptr_t)s.p);
}

/* ---- PEM ---- */

static int read_certificates(struct str text, STACK_OF(X509) * into, const struct place *at, struct buf *why)
{
	struct buf der = {0};
	struct str label;
	int err = 0, n = 0;

	for (; err == 0 && pem_next(&text, "CERTIFICATE", &label, &der); n++, der.len = 0) {
		const uint8_t *p = der.p;
		X509 *cert = d2i_X509(NULL, &p, (long)der.len);

		if (!cert || !sk_X509_push(into, cert))
			err = refuse_openssl(why, at, "a certificate cannot be read");
	}
	buf_fini(&der);
	if (err == 0 && n == 0)
		err = refuse(why, at, "no certificate is in it, at least one is expected");
	return err;
}

static EVP_PKEY *decrypt(const struct buf *der, struct str password)
{
	const uint8_t *p = der->p;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &p, (long)der->len);
	PKCS8_PRIV_KEY_INFO *info = sealed ? PKCS8_decrypt(sealed, password.p, password.len) : NULL;
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	X509_SIG_free(sealed);
	return key;
}

static EVP_PKEY *decode(const struct buf *der)
{
	const uint8_t *p = der->p;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der->len);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

static int take_key(const struct buf *der, struct str label, struct str password, struct tls_store *out,
		    const struct place *at, struct buf *why)
{
	bool sealed = str_is(label, "ENCRYPTED PRIVATE KEY");

	if (sealed && str_is_null(password))
		return refuse(why, at, "the private key is encrypted: set ssl.key.password");
	if (!sealed && !str_is_null(password))
		return refuse(why, at, "the private key is not encrypted: leave ssl.key.password out");
	if (!sealed && !str_is(label, "PRIVATE KEY"))
		return refuse(why, at,
			      "the private key is not in PKCS 8: convert it with openssl pkcs8 -topk8 -nocrypt");
	ERR_clear_error();
	out->key = sealed ? decrypt(der, password) : decode(der);
	return out->key ? 0
			: refuse_openssl(why, at,
					 sealed ? "the private key cannot be decrypted"
						: "the private key cannot be read");
}

static int read_key(struct str text, struct str password, struct tls_store *out, const struct place *at,
		    struct buf *why)
{
	struct buf der = {0}, second = {0};
	struct str label, other;
	int err;

	if (!pem_next(&text, "PRIVATE KEY", &label, &der))
		err = refuse(why, at, "no private key is in it");
	else if (pem_next(&text, "PRIVATE KEY", &other, &second))
		err = refuse(why, at, "more than one private key is in it");
	else
		err = take_key(&der, label, password, out, at, why);
	if (der.p)
		OPENSSL_cleanse(der.p, der.cap);
	if (second.p)
		OPENSSL_cleanse(second.p, second.cap);
	buf_fini(&der);
	buf_fini(&second);
	return err;
}

static int pem_key_store(struct str key, struct str chain, struct str password, const struct place *key_at,
			 const struct place *chain_at, struct tls_store *out, struct buf *why)
{
	int err = read_key(key, password, out, key_at, why);

	return err ? err : read_certificates(chain, out->chain, chain_at, why);
}

/* ---- PKCS 12 ---- */

static bool is_marked(const PKCS12_SAFEBAG *bag)
{
	const STACK_OF(X509_ATTRIBUTE) *all = PKCS12_SAFEBAG_get0_attrs(bag);
	char type[64];

	for (int i = 0; i < sk_X509_ATTRIBUTE_num(all); i++) {
		OBJ_obj2txt(type, sizeof(type), X509_ATTRIBUTE_get0_object(sk_X509_ATTRIBUTE_value(all, i)), 1);
		if (strcmp(type, TRUSTED_KEY_USAGE) == 0)
			return true;
	}
	return false;
}

static void take_marked(const STACK_OF(PKCS12_SAFEBAG) * bags, STACK_OF(X509) * into)
{
	for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
		X509 *cert = PKCS12_SAFEBAG_get_nid(bag) == NID_certBag && is_marked(bag)
				     ? PKCS12_SAFEBAG_get1_cert(bag)
				     : NULL;

		if (cert && !sk_X509_push(into, cert))
			X509_free(cert);
	}
}

/* Takes the certificates that Java would trust. The password has been verified. */
static void take_trusted(PKCS12 *p12, struct str password, STACK_OF(X509) * into)
{
	STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);

	for (int i = 0; i < sk_PKCS7_num(safes); i++) {
		PKCS7 *safe = sk_PKCS7_value(safes, i);
		STACK_OF(PKCS12_SAFEBAG) *bags = NULL;

		if (PKCS7_type_is_data(safe))
			bags = PKCS12_unpack_p7data(safe);
		else if (PKCS7_type_is_encrypted(safe))
			bags = PKCS12_unpack_p7encdata(safe, password.p, password.len);
		take_marked(bags, into);
		sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	}
	sk_PKCS7_pop_free(safes, PKCS7_free);
}

static int open_pkcs12(struct str text, struct str password, PKCS12 **out, const struct place *at, struct buf *why)
{
	const uint8_t *p = (const uint8_t *)text.p;

	ERR_clear_error();
	*out = d2i_PKCS12(NULL, &p, text.len);
	if (!*out && text.len > 3 && memcmp(text.p, "\xfe\xed\xfe\xed", 4) == 0)
		return refuse(
			why, at,
			"JKS is not read: convert it with keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 "
			"-deststoretype PKCS12");
	if (!*out)
		return refuse_openssl(why, at, "it is not a PKCS12 store");
	if (!str_is_null(password) && PKCS12_mac_present(*out) && !PKCS12_verify_mac(*out, password.p, password.len))
		return refuse(why, at, "its password is wrong");
	return 0;
}

static int parse_pkcs12(PKCS12 *p12, struct str password, struct tls_store *out, STACK_OF(X509) * *others,
			const struct place *at, struct buf *why)
{
	char *secret = str_is_null(password) ? NULL : str_dup(password);
	X509 *leaf = NULL;
	int ok = PKCS12_parse(p12, secret, &out->key, &leaf, others);

	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	xfree(secret);
	if (!ok && ERR_GET_REASON(ERR_peek_error()) == ERR_R_UNSUPPORTED)
		return refuse(
			why, at,
			"it is encrypted by a cipher that OpenSSL has given up, such as the RC2 of JDK 8: convert it with keytool of "
			"a newer JDK: keytool -importkeystore -srckeystore FILE -destkeystore FILE.new -deststoretype "
			"PKCS12");
	if (!ok)
		return refuse_openssl(why, at, "it cannot be read");
	if (leaf)
		sk_X509_push(out->chain, leaf);
	return 0;
}

/* Moves the certificates from the key's to a root into the chain, in that order. */
static void order_chain(STACK_OF(X509) * chain, STACK_OF(X509) * others)
{
	for (bool found = sk_X509_num(chain) > 0; found;) {
		X509 *last = sk_X509_value(chain, sk_X509_num(chain) - 1);

		found = false;
		for (int i = 0; i < sk_X509_num(others) && !found; i++) {
			X509 *next = sk_X509_value(others, i);

			if (X509_cmp(next, last) == 0 || X509_check_issued(next, last) != X509_V_OK)
				continue;
			found = true;
			sk_X509_delete(others, i);
			sk_X509_push(chain, next);
		}
	}
}

static int pkcs12_key_store(struct str text, struct str password, const struct place *at, struct tls_store *out,
			    struct buf *why)
{
	STACK_OF(X509) *others = NULL;
	PKCS12 *p12;
	int err = open_pkcs12(text, password, &p12, at, why);

	if (err == 0)
		err = parse_pkcs12(p12, password, out, &others, at, why);
	if (err == 0 && (!out->key || sk_X509_num(out->chain) == 0))
		err = refuse(why, at, "no private key with its certificate is in it");
	if (err == 0)
		order_chain(out->chain, others);
	sk_X509_pop_free(others, X509_free);
	PKCS12_free(p12);
	return err;
}

static int pkcs12_trust_store(struct str text, struct str password, const struct place *at, struct tls_store *out,
			      struct buf *why)
{
	struct tls_store keys = {.chain = sk_X509_new_null()};
	STACK_OF(X509) *others = NULL;
	PKCS12 *p12;
	int err = open_pkcs12(text, password, &p12, at, why);

	if (err == 0)
		err = parse_pkcs12(p12, password, &keys, &others, at, why);
	if (err == 0) {
		take_trusted(p12, password, out->trusted);
		for (X509 *cert; (cert = sk_X509_pop(keys.chain));)
			sk_X509_push(out->trusted, cert);
		if (sk_X509_num(out->trusted) == 0)
			err = refuse(
				why, at,
				"no trusted certificate is in it: put one there with keytool -importcert -storetype PKCS12");
	}
	sk_X509_pop_free(others, X509_free);
	tls_store_fini(&keys);
	PKCS12_free(p12);
	return err;
}

/* ---- which of them ---- */

static bool is_any_case(struct str s, const char *word)
{
	return s.len == (int32_t)strlen(word) && strncasecmp(s.p, word, (size_t)s.len) == 0;
}

static int check_type(struct str type, const struct place *at, struct buf *why)
{
	if (str_is_null(type) || is_any_case(type, "JKS") || is_any_case(type, "PKCS12"))
		return 0;
	return refuse(why, at, "its type is neither PEM, PKCS12 nor JKS");
}

static int file_key_store(struct env *env, const struct tls_settings *s, struct tls_store *out, struct buf *why)
{
	struct place at = {tls_setting_name(TLS_KEYSTORE_LOCATION), s->v[TLS_KEYSTORE_LOCATION]};
	bool pem = str_is(s->v[TLS_KEYSTORE_TYPE], "PEM");
	struct str text;
	int err = pem ? 0 : check_type(s->v[TLS_KEYSTORE_TYPE], &at, why);

	if (err == 0)
		err = read_file(env, &at, &text, why);
	if (err)
		return err;
	err = pem ? pem_key_store(text, text, s->v[TLS_KEY_PASSWORD], &at, &at, out, why)
		  : pkcs12_key_store(text, s->v[TLS_KEYSTORE_PASSWORD], &at, out, why);
	forget(text);
	return err;
}

static int words(struct buf *why, const char *text)
{
	buf_put_str(why, str_of(text));
	return -EINVAL;
}

static int inline_key_store(const struct tls_settings *s, struct tls_store *out, struct buf *why)
{
	struct str type = s->v[TLS_KEYSTORE_TYPE];

	if (!str_is(type, "PEM")) {
		buf_printf(why, "SSL private key can be specified only for PEM, but key store type is %.*s.",
			   STR_ARG(str_is_null(type) ? STR("JKS") : type));
		return -EINVAL;
	}
	if (str_is_null(s->v[TLS_KEYSTORE_CERTIFICATE_CHAIN]))
		return words(why, "SSL private key is specified, but certificate chain is not specified.");
	if (!str_is_null(s->v[TLS_KEYSTORE_LOCATION]))
		return words(why, "Both SSL key store location and separate private key are specified.");
	if (!str_is_null(s->v[TLS_KEYSTORE_PASSWORD]))
		return words(why, "SSL key store password cannot be specified with PEM format, only key password may "
				  "be specified.");
	return pem_key_store(s->v[TLS_KEYSTORE_KEY], s->v[TLS_KEYSTORE_CERTIFICATE_CHAIN], s->v[TLS_KEY_PASSWORD],
			     &(struct place){tls_setting_name(TLS_KEYSTORE_KEY), STR_NULL},
			     &(struct place){tls_setting_name(TLS_KEYSTORE_CERTIFICATE_CHAIN), STR_NULL}, out, why);
}

int tls_key_store_read(struct env *env, const struct tls_settings *s, struct tls_store *out, struct buf *why)
{
	bool has_location = !str_is_null(s->v[TLS_KEYSTORE_LOCATION]);
	bool has_password = !str_is_null(s->v[TLS_KEYSTORE_PASSWORD]);
	bool pem = str_is(s->v[TLS_KEYSTORE_TYPE], "PEM");

	*out = (struct tls_store){.chain = sk_X509_new_null()};
	if (!str_is_null(s->v[TLS_KEYSTORE_KEY]))
		return inline_key_store(s, out, why);
	if (!str_is_null(s->v[TLS_KEYSTORE_CERTIFICATE_CHAIN]))
		return words(why, "SSL certificate chain is specified, but private key is not specified");
	if (pem && has_location && has_password)
		return words(why, "SSL key store password cannot be specified with PEM format, only key password may "
				  "be specified");
	if (!has_location && has_password)
		return words(why, "SSL key store is not specified, but key store password is specified.");
	if (has_location && !pem && !has_password)
		return words(why, "SSL key store is specified, but key store password is not specified.");
	if (has_location && !pem && !str_is_null(s->v[TLS_KEY_PASSWORD]) &&
	    !str_eq(s->v[TLS_KEY_PASSWORD], s->v[TLS_KEYSTORE_PASSWORD]))
		return words(why,
			     "ssl.key.password is not ssl.keystore.password: a PKCS12 store has one password for all");
	return has_location ? file_key_store(env, s, out, why) : 0;
}

static int file_trust_store(struct env *env, const struct tls_settings *s, struct tls_store *out, struct buf *why)
{
	struct place at = {tls_setting_name(TLS_TRUSTSTORE_LOCATION), s->v[TLS_TRUSTSTORE_LOCATION]};
	bool pem = str_is(s->v[TLS_TRUSTSTORE_TYPE], "PEM");
	struct str text;
	int err = pem ? 0 : check_type(s->v[TLS_TRUSTSTORE_TYPE], &at, why);

	if (err == 0)
		err = read_file(env, &at, &text, why);
	if (err)
		return err;
	err = pem ? read_certificates(text, out->trusted, &at, why)
		  : pkcs12_trust_store(text, s->v[TLS_TRUSTSTORE_PASSWORD], &at, out, why);
	forget(text);
	return err;
}

int tls_trust_store_read(struct env *env, const struct tls_settings *s, struct tls_store *out, struct buf *why)
{
	struct str type = s->v[TLS_TRUSTSTORE_TYPE], inline_text = s->v[TLS_TRUSTSTORE_CERTIFICATES];
	bool has_location = !str_is_null(s->v[TLS_TRUSTSTORE_LOCATION]);
	bool has_password = !str_is_null(s->v[TLS_TRUSTSTORE_PASSWORD]);
	bool pem = str_is(type, "PEM");

	*out = (struct tls_store){.trusted = sk_X509_new_null()};
	if (!str_is_null(inline_text) && !pem) {
		buf_printf(why, "SSL trust store certs can be specified only for PEM, but trust store type is %.*s.",
			   STR_ARG(str_is_null(type) ? STR("JKS") : type));
		return -EINVAL;
	}
	if (!str_is_null(inline_text) && has_location)
		return words(why, "Both SSL trust store location and separate trust certificates are specified.");
	if (has_password && (!str_is_null(inline_text) || (pem && has_location)))
		return words(why, "SSL trust store password cannot be specified for PEM format.");
	if (!has_location && has_password)
		return words(why, "SSL trust store is not specified, but trust store password is specified.");
	if (!str_is_null(inline_text))
		return read_certificates(inline_text, out->trusted,
					 &(struct place){tls_setting_name(TLS_TRUSTSTORE_CERTIFICATES), STR_NULL}, why);
	return has_location ? file_trust_store(env, s, out, why) : 0;
}

/* Debian and relatives, Red Hat and relatives, the BSDs and Alpine. */
int tls_system_store_read(struct env *env, struct tls_store *out, struct buf *why)
{
	static const char *const paths[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
					    "/etc/ssl/cert.pem"};
	struct buf ignored = {0};
	struct str text;
	int err = 0;

	*out = (struct tls_store){.trusted = sk_X509_new_null()};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct place at = {"the system's trust store", str_of(paths[i])};

		if (read_file(env, &at, &text, &ignored))
			continue;
		err = read_certificates(text, out->trusted, &at, why);
		forget(text);
		break;
	}
	buf_fini(&ignored);
	return err;
}

void tls_store_fini(struct tls_store *store)
{
	EVP_PKEY_free(store->key);
	sk_X509_pop_free(store->chain, X509_free);
	sk_X509_pop_free(store->trusted, X509_free);
	*store = (struct tls_store){0};
}
