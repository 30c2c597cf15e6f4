/*
 * Contexts from settings: every kind of store, what is refused and how, names as printed by Java,
 * replacing one context by another.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/mem.h"
#include "env/env.h"
#include "tests/base/cm.h"
#include "tests/tls/certificates.h"
#include "tls/tls_private.h"

#define DAY 86400L

static struct env *env;
static struct diag diag;
static struct certificate ca, server;
static char dir[] = "/tmp/odradek-test-tls-XXXXXX";

static int begin(void **state)
{
	env = env_real_new(&diag);
	if (!mkdtemp(dir))
		return -1;
	ca = certificate_make(&(struct certificate_wish){"authority", NULL, NULL, -DAY, DAY});
	server = certificate_make(&(struct certificate_wish){"server", &ca, "DNS:a,DNS:b", -DAY, DAY});
	return 0;
}

static int end(void **state)
{
	certificate_fini(&ca);
	certificate_fini(&server);
	rmdir(dir);
	env_real_free(env);
	return 0;
}

/* ---- helpers ---- */

static struct str file_with(const char *name, const void *p, size_t len)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, len, f), len);
	fclose(f);
	return str_of(path);
}

static void remove_file(struct str path)
{
	unlink(path.p);
	xfree((char *)(uintptr_t)path.p);
}

static struct tls_settings inline_settings(void)
{
	struct tls_settings s = {0};

	s.v[TLS_KEYSTORE_TYPE] = STR("PEM");
	s.v[TLS_KEYSTORE_KEY] = str_of(server.key_pem);
	s.v[TLS_KEYSTORE_CERTIFICATE_CHAIN] = str_of(server.pem);
	return s;
}

static struct tls_context *expect_made(const struct tls_settings *s)
{
	struct tls_context *c = NULL;
	struct buf why = {0};

	if (tls_context_new(env, s, true, &c, &why))
		fail_msg("%.*s", STR_ARG(buf_str(&why)));
	assert_int_equal(why.len, 0);
	return c;
}

static void expect_fine(const struct tls_settings *s)
{
	struct tls_context *c = expect_made(s);

	tls_context_unref(&c);
}

static void expect_refused(const struct tls_settings *s, const char *what)
{
	struct tls_context *c = NULL;
	struct buf why = {0};

	assert_int_equal(tls_context_new(env, s, true, &c, &why), -EINVAL);
	assert_null(c);
	buf_put(&why, "", 1);
	if (!strstr((const char *)why.p, what))
		fail_msg("wanted \"%s\", was told \"%s\"", what, why.p);
	assert_null(strstr((const char *)why.p, "secret"));
	buf_fini(&why);
}

/* ---- PEM ---- */

static void pem_may_be_values_or_a_file(void **state)
{
	struct tls_settings s = inline_settings();
	char *both = xasprintf("text before\n%s\nand between\n%s%s", server.key_pem, server.pem, ca.pem);
	struct str path = file_with("server.pem", both, strlen(both));

	expect_fine(&s);
	s = (struct tls_settings){0};
	s.v[TLS_KEYSTORE_TYPE] = STR("PEM");
	s.v[TLS_KEYSTORE_LOCATION] = path;
	expect_fine(&s);
	unlink(path.p);
	expect_refused(&s, "ssl.keystore.location=/tmp/");
	remove_file(path);
	xfree(both);
}

/* Like a value in a properties file. */
static void pem_may_be_one_line(void **state)
{
	struct tls_settings s = inline_settings();
	char *key = xstrdup(server.key_pem), *pem = xstrdup(server.pem);

	for (char *p = key; *p; p++)
		if (*p == '\n')
			*p = ' ';
	for (char *p = pem; *p; p++)
		if (*p == '\n')
			*p = ' ';
	s.v[TLS_KEYSTORE_KEY] = str_of(key);
	s.v[TLS_KEYSTORE_CERTIFICATE_CHAIN] = str_of(pem);
	expect_fine(&s);
	xfree(key);
	xfree(pem);
}

static void keys_may_be_encrypted(void **state)
{
	struct tls_settings s = inline_settings();
	char *sealed = certificate_sealed_key(&server, "a secret");

	expect_fine(&s);
	s.v[TLS_KEYSTORE_KEY] = str_of(sealed);
	expect_refused(&s, "the private key is encrypted: set ssl.key.password");
	s.v[TLS_KEY_PASSWORD] = STR("a secret");
	expect_fine(&s);
	s.v[TLS_KEY_PASSWORD] = STR("another secret");
	expect_refused(&s, "the private key cannot be decrypted");
	s.v[TLS_KEYSTORE_KEY] = str_of(server.key_pem);
	expect_refused(&s, "the private key is not encrypted");
	xfree(sealed);
}

/* Each length one short, and each byte wrong: the result is an error, and nothing worse. */
static void damaged_pem_is_refused(void **state)
{
	struct tls_settings s = inline_settings();
	char *pem = xstrdup(server.pem);
	size_t len = strlen(pem), whole = (size_t)(strstr(pem, "END CERTIFICATE") - pem) + strlen("END CERTIFICATE-");

	for (size_t i = 0; i < len; i += 7) {
		struct tls_context *c = NULL;
		struct buf why = {0};
		char was = pem[i];

		s.v[TLS_KEYSTORE_CERTIFICATE_CHAIN] = (struct str){pem, (int32_t)i};
		assert_int_equal(tls_context_new(env, &s, true, &c, &why), i < whole ? -EINVAL : 0);
		tls_context_unref(&c);
		pem[i] = '%';
		s.v[TLS_KEYSTORE_CERTIFICATE_CHAIN] = str_of(pem);
		why.len = 0;
		tls_context_new(env, &s, true, &c, &why);
		tls_context_unref(&c);
		pem[i] = was;
		buf_fini(&why);
	}
	xfree(pem);
	s.v[TLS_KEYSTORE_CERTIFICATE_CHAIN] = STR("");
	expect_refused(&s, "ssl.keystore.certificate.chain: no certificate is in it");
	s = inline_settings();
	s.v[TLS_KEYSTORE_KEY] = STR("-----BEGIN PRIVATE KEY-----");
	expect_refused(&s, "ssl.keystore.key: no private key is in it");
	s.v[TLS_KEYSTORE_KEY] = str_of(ca.key_pem);
	expect_refused(&s, "does not belong to its certificate");
}

/* ---- PKCS 12 ---- */

static void pkcs12_has_keys_and_trust(void **state)
{
	unsigned char *p;
	size_t len = certificate_pkcs12(&server, &ca, "a secret", 1, 0, &p);
	struct str keys = file_with("keys.p12", p, len), trust, unmarked;
	struct tls_settings s = {0};

	OPENSSL_free(p);
	s.v[TLS_KEYSTORE_LOCATION] = keys;
	expect_refused(&s, "SSL key store is specified, but key store password is not specified.");
	s.v[TLS_KEYSTORE_PASSWORD] = STR("a secret");
	expect_fine(&s); /* the default type, JKS, reads it as Java's does */
	s.v[TLS_KEYSTORE_TYPE] = STR("PKCS12");
	expect_fine(&s);
	s.v[TLS_KEY_PASSWORD] = STR("another secret");
	expect_refused(&s, "one password for all");
	s.v[TLS_KEY_PASSWORD] = STR_NULL;
	s.v[TLS_KEYSTORE_PASSWORD] = STR("another secret");
	expect_refused(&s, "its password is wrong");
	s.v[TLS_KEYSTORE_PASSWORD] = STR("a secret");
	len = certificate_pkcs12(&ca, NULL, "a secret", 0, 1, &p);
	trust = file_with("trust.p12", p, len);
	OPENSSL_free(p);
	len = certificate_pkcs12(&ca, NULL, "a secret", 0, 0, &p);
	unmarked = file_with("unmarked.p12", p, len);
	OPENSSL_free(p);
	s.v[TLS_CLIENT_AUTH] = STR("required");
	s.v[TLS_TRUSTSTORE_TYPE] = STR("PKCS12");
	s.v[TLS_TRUSTSTORE_LOCATION] = trust;
	s.v[TLS_TRUSTSTORE_PASSWORD] = STR("a secret");
	expect_fine(&s);
	s.v[TLS_TRUSTSTORE_LOCATION] = unmarked;
	expect_refused(&s, "no trusted certificate is in it");
	s.v[TLS_KEYSTORE_LOCATION] = trust;
	expect_refused(&s, "no private key with its certificate is in it");
	remove_file(keys);
	remove_file(trust);
	remove_file(unmarked);
}

static void jks_is_refused_with_what_converts_it(void **state)
{
	struct tls_settings s = {0};
	struct str jks = file_with("keys.jks", "\xfe\xed\xfe\xed\0\0\0\2", 8);

	s.v[TLS_KEYSTORE_LOCATION] = jks;
	s.v[TLS_KEYSTORE_PASSWORD] = STR("a secret");
	expect_refused(&s, "keytool -importkeystore");
	s.v[TLS_KEYSTORE_TYPE] = STR("BCFKS");
	expect_refused(&s, "neither PEM, PKCS12 nor JKS");
	remove_file(jks);
}

/* ---- Kafka's words for what does not go together ---- */

static void settings_that_contradict_each_other_are_refused_in_kafkas_words(void **state)
{
	static const struct {
		enum tls_setting setting;
		const char *value;
		const char *words;
	} wrong[] = {
		{TLS_KEYSTORE_TYPE, "JKS", "SSL private key can be specified only for PEM, but key store type is JKS."},
		{TLS_KEYSTORE_CERTIFICATE_CHAIN, NULL, "SSL private key is specified, but certificate chain is not"},
		{TLS_KEYSTORE_KEY, NULL, "SSL certificate chain is specified, but private key is not specified"},
		{TLS_KEYSTORE_LOCATION, "x", "Both SSL key store location and separate private key are specified."},
		{TLS_KEYSTORE_PASSWORD, "x", "SSL key store password cannot be specified with PEM format"},
		{TLS_TRUSTSTORE_PASSWORD, "x", "SSL trust store is not specified, but trust store password is"},
		{TLS_TRUSTSTORE_CERTIFICATES, "x", "SSL trust store certs can be specified only for PEM"},
		{TLS_ENABLED_PROTOCOLS, "TLSv1.2,TLSv9", "ssl.enabled.protocols=TLSv9 is not known"},
		{TLS_ENABLED_PROTOCOLS, "TLSv1.1", "leaves nothing to speak"},
		{TLS_PROTOCOL, "TLSv9", "ssl.protocol=TLSv9 is not known"},
		{TLS_CIPHER_SUITES, "NULL_AND_VOID", "ssl.cipher.suites=NULL_AND_VOID is not known"},
		{TLS_ENDPOINT_IDENTIFICATION_ALGORITHM, "ldap", "it is https, or empty for none"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct tls_settings s = inline_settings();

		s.v[wrong[i].setting] = str_of(wrong[i].value);
		expect_refused(&s, wrong[i].words);
	}
	expect_refused(&(struct tls_settings){0}, "an SSL listener needs a key store");
}

static void suites_decide_what_is_spoken(void **state)
{
	struct tls_settings s = inline_settings();
	struct tls_context *c;

	s.v[TLS_CIPHER_SUITES] = STR(" TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
	c = expect_made(&s);
	assert_int_equal(SSL_CTX_get_min_proto_version(c->ssl), TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_get_max_proto_version(c->ssl), TLS1_3_VERSION);
	assert_int_equal(sk_SSL_CIPHER_num(SSL_CTX_get_ciphers(c->ssl)), 2);
	tls_context_unref(&c);
	s.v[TLS_CIPHER_SUITES] = STR("TLS_AES_128_GCM_SHA256");
	c = expect_made(&s);
	assert_int_equal(SSL_CTX_get_min_proto_version(c->ssl), TLS1_3_VERSION);
	tls_context_unref(&c);
	s.v[TLS_ENABLED_PROTOCOLS] = STR("TLSv1.2");
	expect_refused(&s, "ssl.cipher.suites has none for ssl.enabled.protocols");
	s.v[TLS_CIPHER_SUITES] = STR_NULL;
	c = expect_made(&s);
	assert_int_equal(SSL_CTX_get_max_proto_version(c->ssl), TLS1_2_VERSION);
	tls_context_unref(&c);
}

/* ---- names: what Java 17's X500Principal.getName() gives for them ---- */

static void expect_name(const char *const (*parts)[2], int n, const char *wanted)
{
	X509_NAME *name = X509_NAME_new();
	struct buf text = {0};

	for (int i = 0; i < n; i++)
		assert_int_equal(X509_NAME_add_entry_by_txt(name, parts[i][0], MBSTRING_UTF8,
							    (const unsigned char *)parts[i][1], -1, -1, 0),
				 1);
	tls_name_text(name, &text);
	buf_put(&text, "", 1);
	assert_string_equal((const char *)text.p, wanted);
	buf_fini(&text);
	X509_NAME_free(name);
}

static void names_are_printed_as_java_does(void **state)
{
	static const char *const plain[][2] = {{"C", "CH"}, {"O", "Tkac, Adam"}, {"CN", "a+b=c<d>e#f;g\"h\\i"}};
	static const char *const spaces[][2] = {{"O", " x y "}, {"CN", "J\xc3\xbcrg"}};
	static const char *const numbers[][2] = {{"emailAddress", "a@b"}, {"title", "Dr"}, {"UID", "u"}, {"DC", "org"},
						 {"street", "s"},	  {"ST", "t"},	   {"L", "l"},	 {"OU", "ou"}};

	expect_name(plain, 3, "CN=a\\+b\\=c\\<d\\>e\\#f\\;g\\\"h\\\\i,O=Tkac\\, Adam,C=CH");
	expect_name(spaces, 2, "CN=J\xc3\xbcrg,O=\\ x y\\ ");
	expect_name(numbers, 8,
		    "OU=ou,L=l,ST=t,STREET=s,DC=org,UID=u,2.5.4.12=#0c024472,1.2.840.113549.1.9.1=#1603614062");
}

static void parts_of_one_set_are_joined_by_a_plus(void **state)
{
	X509_NAME *name = X509_NAME_new();
	struct buf text = {0};

	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"o", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"a", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8, (const unsigned char *)"b", -1, -1, -1);
	tls_name_text(name, &text);
	buf_put(&text, "", 1);
	assert_string_equal((const char *)text.p, "CN=a+OU=b,O=o");
	buf_fini(&text);
	X509_NAME_free(name);
}

/* ---- one in the place of another ---- */

static void expect_follow(const struct certificate_wish *wish, bool dn, bool san, const char *words)
{
	struct certificate next = certificate_make(wish);
	struct tls_settings s = inline_settings();
	struct tls_context *a = expect_made(&s), *b;
	struct buf why = {0};

	s.v[TLS_KEYSTORE_KEY] = str_of(next.key_pem);
	s.v[TLS_KEYSTORE_CERTIFICATE_CHAIN] = str_of(next.pem);
	b = expect_made(&s);
	assert_int_equal(tls_context_may_follow(a, b, dn, san, &why), words ? -EINVAL : 0);
	buf_put(&why, "", 1);
	if (words && !strstr((const char *)why.p, words))
		fail_msg("wanted \"%s\", was told \"%s\"", words, why.p);
	buf_fini(&why);
	tls_context_unref(&a);
	tls_context_unref(&b);
	certificate_fini(&next);
}

static void a_new_certificate_keeps_the_names_unless_they_may_change(void **state)
{
	struct certificate_wish same = {"server", &ca, "DNS:b,DNS:a,DNS:c", -DAY, DAY};
	struct certificate_wish less = {"server", &ca, "DNS:a", -DAY, DAY};
	struct certificate_wish other = {"other", &ca, "DNS:a,DNS:b", -DAY, DAY};

	expect_follow(&same, false, false, NULL);
	expect_follow(&less, false, false, "Keystore SubjectAltNames do not match");
	expect_follow(&less, false, true, NULL);
	expect_follow(&other, false, false, "Keystore DistinguishedName does not match");
	expect_follow(&other, true, false, NULL);
}

static struct tls_context *client_that_trusts(const struct certificate *who, bool shows)
{
	struct tls_settings s = {0};
	struct tls_context *c = NULL;
	struct buf why = {0};

	if (shows)
		s = inline_settings();
	s.v[TLS_TRUSTSTORE_TYPE] = STR("PEM");
	s.v[TLS_TRUSTSTORE_CERTIFICATES] = str_of(who->pem);
	assert_int_equal(tls_context_new(env, &s, false, &c, &why), 0);
	return c;
}

static void expect_agree(const struct tls_context *server_side, struct tls_context *client, const char *words)
{
	struct buf why = {0};

	assert_int_equal(tls_contexts_agree(server_side, client, &why), words ? -EINVAL : 0);
	buf_put(&why, "", 1);
	if (words && !strstr((const char *)why.p, words))
		fail_msg("wanted \"%s\", was told \"%s\"", words, why.p);
	buf_fini(&why);
	tls_context_unref(&client);
}

static void contexts_agree_when_both_trust_what_the_other_shows(void **state)
{
	struct certificate other = certificate_make(&(struct certificate_wish){"another", NULL, NULL, -DAY, DAY});
	struct tls_settings s = inline_settings();
	struct tls_context *c;

	s.v[TLS_CLIENT_AUTH] = STR("required");
	s.v[TLS_TRUSTSTORE_TYPE] = STR("PEM");
	s.v[TLS_TRUSTSTORE_CERTIFICATES] = str_of(ca.pem);
	c = expect_made(&s);
	expect_agree(c, client_that_trusts(&ca, true), NULL);
	expect_agree(c, client_that_trusts(&other, true),
		     "client: certificate verify failed: unable to get local issuer");
	expect_agree(c, client_that_trusts(&ca, false), "server: peer did not return a certificate");
	tls_context_unref(&c);
	certificate_fini(&other);
}

static void settings_have_kafkas_names(void **state)
{
	for (int i = 0; i < TLS_SETTINGS; i++)
		assert_int_equal(tls_setting_find(str_of(tls_setting_name((enum tls_setting)i))), i);
	assert_int_equal(tls_setting_find(STR("ssl.keystore")), TLS_SETTINGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pem_may_be_values_or_a_file),
		cmocka_unit_test(pem_may_be_one_line),
		cmocka_unit_test(keys_may_be_encrypted),
		cmocka_unit_test(damaged_pem_is_refused),
		cmocka_unit_test(pkcs12_has_keys_and_trust),
		cmocka_unit_test(jks_is_refused_with_what_converts_it),
		cmocka_unit_test(settings_that_contradict_each_other_are_refused_in_kafkas_words),
		cmocka_unit_test(suites_decide_what_is_spoken),
		cmocka_unit_test(names_are_printed_as_java_does),
		cmocka_unit_test(parts_of_one_set_are_joined_by_a_plus),
		cmocka_unit_test(a_new_certificate_keeps_the_names_unless_they_may_change),
		cmocka_unit_test(contexts_agree_when_both_trust_what_the_other_shows),
		cmocka_unit_test(settings_have_kafkas_names),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
