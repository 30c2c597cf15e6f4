/*
 * context: turns settings and stores into an OpenSSL context.
 *
 * TLS 1.2 and 1.3 only: earlier versions may be named, but are not supported, as in Java. There are
 * no session tickets and no cache: every connection makes a full handshake, so a removed
 * certificate is gone for the next one.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "tls/tls_private.h"

#define CHAIN_MAX_BYTES (32 * 1024L)

static struct str trimmed(struct str s)
{
	while (s.len > 0 && (uint8_t)s.p[0] <= ' ')
		s.p++, s.len--;
	while (s.len > 0 && (uint8_t)s.p[s.len - 1] <= ' ')
		s.len--;
	return s;
}

/* The next item of a comma-separated list. False: none. */
static bool next_item(struct str *list, struct str *item)
{
	while (list->len > 0) {
		const char *comma = memchr(list->p, ',', (size_t)list->len);
		int32_t len = comma ? (int32_t)(comma - list->p) : list->len;

		*item = trimmed((struct str){list->p, len});
		len += comma ? 1 : 0;
		list->p += len;
		list->len -= len;
		if (item->len > 0)
			return true;
	}
	return false;
}

/* ---- protocols ---- */

struct versions {
	bool tls12;
	bool tls13;
};

/* Java's names; older versions are not supported. */
static bool read_version(struct str name, struct versions *v)
{
	static const char *const old[] = {"TLSv1.1", "TLSv1", "SSLv3", "SSLv2Hello"};

	if (str_is(name, "TLSv1.2"))
		return v->tls12 = true;
	if (str_is(name, "TLSv1.3"))
		return v->tls13 = true;
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		if (str_is(name, old[i]))
			return true;
	return false;
}

/* If ssl.enabled.protocols is empty, ssl.protocol decides, for clients only. */
static void default_versions(struct str protocol, bool server, struct versions *v)
{
	*v = (struct versions){true, server || !str_is(protocol, "TLSv1.2")};
}

static int read_versions(const struct tls_settings *s, bool server, struct versions *v, struct buf *why)
{
	struct str list = s->v[TLS_ENABLED_PROTOCOLS], item;
	struct versions ignored;
	int n = 0;

	if (!str_is_null(s->v[TLS_PROTOCOL]) && !str_is(s->v[TLS_PROTOCOL], "TLS") &&
	    !read_version(s->v[TLS_PROTOCOL], &ignored)) {
		buf_printf(why, "ssl.protocol=%.*s is not known: there are TLSv1.2 and TLSv1.3",
			   STR_ARG(s->v[TLS_PROTOCOL]));
		return -EINVAL;
	}
	*v = (struct versions){0};
	for (; next_item(&list, &item); n++)
		if (!read_version(item, v)) {
			buf_printf(why, "ssl.enabled.protocols=%.*s is not known: there are TLSv1.2 and TLSv1.3",
				   STR_ARG(item));
			return -EINVAL;
		}
	if (n == 0)
		default_versions(s->v[TLS_PROTOCOL], server, v);
	if (v->tls12 || v->tls13)
		return 0;
	buf_printf(why, "ssl.enabled.protocols=%.*s leaves nothing to speak: there are TLSv1.2 and TLSv1.3",
		   STR_ARG(s->v[TLS_ENABLED_PROTOCOLS]));
	return -EINVAL;
}

static void set_versions(SSL_CTX *ssl, const struct versions *v)
{
	SSL_CTX_set_min_proto_version(ssl, v->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_max_proto_version(ssl, v->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
}

/* ---- cipher suites: by their names in the standards, which Java uses too ---- */

static const SSL_CIPHER *find_suite(SSL_CTX *ssl, struct str name)
{
	const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ssl);

	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
		if (str_is(name, SSL_CIPHER_standard_name(sk_SSL_CIPHER_value(all, i))))
			return sk_SSL_CIPHER_value(all, i);
	return NULL;
}

static bool is_tls13(const SSL_CIPHER *suite)
{
	return strcmp(SSL_CIPHER_get_version(suite), "TLSv1.3") == 0;
}

static int add_suite(SSL_CTX *ssl, struct str name, struct buf *old, struct buf *new, struct buf *why)
{
	const SSL_CIPHER *suite = find_suite(ssl, name);
	struct buf *to;

	if (!suite) {
		buf_printf(why, "ssl.cipher.suites=%.*s is not known", STR_ARG(name));
		return -EINVAL;
	}
	to = is_tls13(suite) ? new : old;
	buf_printf(to, "%s%s", to->len > 0 ? ":" : "", SSL_CIPHER_get_name(suite));
	return 0;
}

/* A version without a cipher suite is disabled. */
static int set_suites(SSL_CTX *ssl, struct str list, struct versions *v, struct buf *why)
{
	struct buf old = {0}, new = {0};
	struct str item;
	int err = 0;

	if (trimmed(list).len == 0)
		return 0;
	SSL_CTX_set_cipher_list(ssl, "ALL");
	SSL_CTX_set_ciphersuites(ssl, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"
				      "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256");
	while (err == 0 && next_item(&list, &item))
		err = add_suite(ssl, item, &old, &new, why);
	v->tls12 = v->tls12 && old.len > 0;
	v->tls13 = v->tls13 && new.len > 0;
	if (err == 0 && !v->tls12 && !v->tls13) {
		buf_put_str(why, STR("ssl.cipher.suites has none for ssl.enabled.protocols"));
		err = -EINVAL;
	}
	buf_put(&old, "", 1);
	buf_put(&new, "", 1);
	if (err == 0 && v->tls12)
		SSL_CTX_set_cipher_list(ssl, (const char *)old.p);
	if (err == 0 && v->tls13)
		SSL_CTX_set_ciphersuites(ssl, (const char *)new.p);
	buf_fini(&old);
	buf_fini(&new);
	return err;
}

/* ---- stores ---- */

static int refuse_openssl(struct buf *why, const char *what)
{
	buf_printf(why, "%s: %s", what, tls_reason());
	ERR_clear_error();
	return -EINVAL;
}

static int use_key(struct tls_context *c, const struct tls_store *keys, struct buf *why)
{
	X509 *leaf = sk_X509_value(keys->chain, 0);

	ERR_clear_error();
	if (SSL_CTX_use_certificate(c->ssl, leaf) != 1)
		return refuse_openssl(why, "the certificate of ssl.keystore cannot be used");
	if (SSL_CTX_use_PrivateKey(c->ssl, keys->key) != 1)
		return refuse_openssl(why, "the private key of ssl.keystore does not belong to its certificate");
	for (int i = 1; i < sk_X509_num(keys->chain); i++)
		if (SSL_CTX_add1_chain_cert(c->ssl, sk_X509_value(keys->chain, i)) != 1)
			return refuse_openssl(why, "the chain of ssl.keystore cannot be used");
	X509_up_ref(leaf);
	c->leaf = leaf;
	return 0;
}

static int load_keys(struct env *env, const struct tls_settings *s, struct tls_context *c, struct buf *why)
{
	struct tls_store keys;
	int err = tls_key_store_read(env, s, &keys, why);

	if (err == 0 && keys.key)
		err = use_key(c, &keys, why);
	tls_store_fini(&keys);
	return err;
}

/* Tells the client which authorities are trusted: Java's client selects its certificate by them. */
static void announce(struct tls_context *c, const struct tls_store *trust)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

	for (int i = 0; i < sk_X509_num(trust->trusted); i++)
		sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(sk_X509_value(trust->trusted, i))));
	SSL_CTX_set_client_CA_list(c->ssl, names);
}

static int load_trust(struct env *env, const struct tls_settings *s, bool server, struct tls_context *c,
		      struct buf *why)
{
	struct tls_store trust;
	int err = tls_trust_store_read(env, s, &trust, why);

	c->has_truststore = err == 0 && sk_X509_num(trust.trusted) > 0;
	if (err == 0 && !c->has_truststore) {
		tls_store_fini(&trust);
		err = tls_system_store_read(env, &trust, why);
	}
	for (int i = 0; err == 0 && i < sk_X509_num(trust.trusted); i++)
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(c->ssl), sk_X509_value(trust.trusted, i)) != 1)
			err = refuse_openssl(why, "a certificate of ssl.truststore cannot be used");
	/*
	 * As in Java, each certificate of a trust store is a trust anchor, even if another one
	 * signed it.
	 */
	X509_STORE_set_flags(SSL_CTX_get_cert_store(c->ssl), X509_V_FLAG_PARTIAL_CHAIN);
	if (err == 0 && server && c->has_truststore)
		announce(c, &trust);
	tls_store_fini(&trust);
	return err;
}

/* ---- verification of the peer ---- */

/* Kafka's SslClientAuth: unknown values count as none. */
static int verify_mode(const struct tls_settings *s, bool server)
{
	if (!server || str_is(s->v[TLS_CLIENT_AUTH], "requested"))
		return SSL_VERIFY_PEER;
	if (str_is(s->v[TLS_CLIENT_AUTH], "required"))
		return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	return SSL_VERIFY_NONE;
}

/* Null is Kafka's default, https; empty turns it off. */
static int read_identification(struct str s, struct tls_context *c, struct buf *why)
{
	c->verifies_host = str_is_null(s) || s.len > 0;
	if (!c->verifies_host || str_is_null(s) || (s.len == 5 && strncasecmp(s.p, "https", 5) == 0))
		return 0;
	buf_printf(why, "ssl.endpoint.identification.algorithm=%.*s is not known: it is https, or empty for none",
		   STR_ARG(s));
	return -EINVAL;
}

static void set_manners(SSL_CTX *ssl)
{
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
					 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ssl, 0);
	SSL_CTX_set_max_cert_list(ssl, CHAIN_MAX_BYTES);
	SSL_CTX_set_read_ahead(ssl, 1);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
}

static int fill(struct env *env, const struct tls_settings *s, bool server, struct tls_context *c, struct buf *why)
{
	struct versions versions;
	int err = read_versions(s, server, &versions, why);

	if (err == 0)
		err = set_suites(c->ssl, s->v[TLS_CIPHER_SUITES], &versions, why);
	if (err == 0)
		err = read_identification(s->v[TLS_ENDPOINT_IDENTIFICATION_ALGORITHM], c, why);
	if (err)
		return err;
	set_versions(c->ssl, &versions);
	set_manners(c->ssl);
	SSL_CTX_set_verify(c->ssl, verify_mode(s, server), NULL);
	err = load_keys(env, s, c, why);
	/* A side that does not ask for certificates needs no trust store. */
	if (err == 0 &&
	    (verify_mode(s, server) != SSL_VERIFY_NONE || !str_is_null(s->v[TLS_TRUSTSTORE_LOCATION]) ||
	     !str_is_null(s->v[TLS_TRUSTSTORE_CERTIFICATES]) || !str_is_null(s->v[TLS_TRUSTSTORE_PASSWORD])))
		err = load_trust(env, s, server, c, why);
	return err;
}

/* ---- contexts ---- */

int tls_context_new(struct env *env, const struct tls_settings *settings, bool server, struct tls_context **out,
		    struct buf *why)
{
	struct tls_context *c = xcalloc(1, sizeof(*c));
	int err;

	*out = NULL;
	atomic_init(&c->refs, 1);
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	c->ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	check(c->ssl);
	c->bio = tls_bio_method();
	err = fill(env, settings, server, c, why);
	if (err == 0 && server && !c->leaf) {
		buf_put_str(why,
			    STR("an SSL listener needs a key store: set ssl.keystore.location, or ssl.keystore.key and "
				"ssl.keystore.certificate.chain"));
		err = -EINVAL;
	}
	if (err == 0)
		*out = c;
	else
		tls_context_unref(&c);
	return err;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_context_unref(struct tls_context **cp)
{
	struct tls_context *c = *cp;

	*cp = NULL;
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
		return;
	X509_free(c->leaf);
	SSL_CTX_free(c->ssl);
	BIO_meth_free(c->bio);
	xfree(c);
}

static void slot_lock(struct tls_slot *slot)
{
	while (atomic_exchange_explicit(&slot->busy, true, memory_order_acquire))
		;
}

static void slot_unlock(struct tls_slot *slot)
{
	atomic_store_explicit(&slot->busy, false, memory_order_release);
}

struct tls_context *tls_slot_ref(struct tls_slot *slot)
{
	struct tls_context *c;

	slot_lock(slot);
	c = slot->now ? tls_context_ref(slot->now) : NULL;
	slot_unlock(slot);
	return c;
}

void tls_slot_set(struct tls_slot *slot, struct tls_context *c)
{
	struct tls_context *old;

	slot_lock(slot);
	old = slot->now;
	slot->now = c;
	slot_unlock(slot);
	tls_context_unref(&old);
}

/* ---- replacing a context: Kafka's SslFactory ---- */

static bool has_name(GENERAL_NAMES *all, GENERAL_NAME *name)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++)
		if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(all, i), name) == 0)
			return true;
	return false;
}

/* Whether all alternative names of `now` are also in `next`. */
static bool keeps_names(const X509 *now, const X509 *next)
{
	GENERAL_NAMES *old = X509_get_ext_d2i(now, NID_subject_alt_name, NULL, NULL);
	GENERAL_NAMES *new = X509_get_ext_d2i(next, NID_subject_alt_name, NULL, NULL);
	bool keeps = true;

	for (int i = 0; i < sk_GENERAL_NAME_num(old) && keeps; i++)
		keeps = has_name(new, sk_GENERAL_NAME_value(old, i));
	GENERAL_NAMES_free(old);
	GENERAL_NAMES_free(new);
	return keeps;
}

static int check_names(const struct tls_context *now, const struct tls_context *next, bool dn_may_change,
		       bool san_may_change, struct buf *why)
{
	struct buf old = {0}, new = {0};
	int err = 0;

	tls_name_text(X509_get_subject_name(now->leaf), &old);
	tls_name_text(X509_get_subject_name(next->leaf), &new);
	if (!dn_may_change && X509_NAME_cmp(X509_get_subject_name(now->leaf), X509_get_subject_name(next->leaf)) != 0) {
		buf_printf(why,
			   "Keystore DistinguishedName does not match:  existing={alias=kafka, DN=%.*s}, "
			   "new={alias=kafka, DN=%.*s}",
			   STR_ARG(buf_str(&old)), STR_ARG(buf_str(&new)));
		err = -EINVAL;
	} else if (!san_may_change && !keeps_names(now->leaf, next->leaf)) {
		buf_printf(why,
			   "Keystore SubjectAltNames do not match: the new store lacks some of the existing (DN=%.*s)",
			   STR_ARG(buf_str(&old)));
		err = -EINVAL;
	}
	buf_fini(&old);
	buf_fini(&new);
	return err;
}

int tls_context_may_follow(const struct tls_context *now, const struct tls_context *next, bool dn_may_change,
			   bool san_may_change, struct buf *why)
{
	if (!now->leaf && next->leaf) {
		buf_put_str(
			why,
			STR("Cannot add SSL keystore to an existing listener for which no keystore was configured."));
		return -EINVAL;
	}
	if (now->leaf && !next->leaf) {
		buf_put_str(why,
			    STR("Cannot remove the SSL keystore from an existing listener for which a keystore was "
				"configured."));
		return -EINVAL;
	}
	if (!now->has_truststore && next->has_truststore) {
		buf_put_str(why, STR("Cannot add SSL truststore to an existing listener for which no truststore was "
				     "configured."));
		return -EINVAL;
	}
	return now->leaf ? check_names(now, next, dn_may_change, san_may_change, why) : 0;
}
