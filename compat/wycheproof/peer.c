/*
 * peer: what this program computes of vectors, on a pipe: a line each in, a line out. Bytes are in hex, "-" is none.
 *
 *	jws ALG JWK MESSAGE SIGNATURE		good | bad | none (the key is not taken)
 *	hmac 256|512 KEY MESSAGE		the MAC; none where a key of another length is not used
 *	pbkdf2 256|512 PASSWORD SALT ITERATIONS	the first block
 *	xaes N					of N seals of what SHAKE128 draws, the digest (C2SP's XAES-256-GCM, accumulated)
 *	equal N					times secret_equal() and what stands on it N times: t of Welch's test between equal and different secrets
 */
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "atrest/xaes.h"
#include "base/arena.h"
#include "security/jwks.h"
#include "security/jwt.h"
#include "security/scram.h"
#include "security/secret.h"
#include "security/token.h"

enum { LINE_MAX_BYTES = 1 << 20, WORDS_MAX = 6 };

static uint8_t bytes[WORDS_MAX][LINE_MAX_BYTES / 2];

/* Word i as bytes. */
static struct bytes hex(char *const *words, int i)
{
	int32_t n = 0;

	for (const char *p = words[i]; p[0] && p[1] && p[0] != '-'; p += 2, n++) {
		unsigned v = 0;

		sscanf(p, "%2x", &v);
		bytes[i][n] = (uint8_t)v;
	}
	return (struct bytes){bytes[i], n};
}

static struct str text_of(struct bytes b)
{
	return (struct str){(const char *)b.p, b.len};
}

static void put(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", p[i]);
	putchar('\n');
}

/* ---- signatures ---- */

static void jws(char *const *words)
{
	struct arena a;
	struct jwks *keys;
	struct str why;
	char *set = NULL;

	arena_init(&a, 4 << 20);
	if (asprintf(&set, "{\"keys\":[%.*s]}", STR_ARG(text_of(hex(words, 2)))) < 0)
		abort();
	keys = jwks_read(str_of(set), &a, &why);
	if (!keys || jwks_count(keys) == 0)
		puts("none");
	else
		puts(jwt_is_signed(keys, str_of(words[1]), text_of(hex(words, 3)), hex(words, 4)) ? "good" : "bad");
	jwks_unref(&keys);
	free(set);
	arena_fini(&a);
}

/* ---- MACs and keys ---- */

static enum scram_mechanism mechanism(const char *bits)
{
	return strcmp(bits, "256") == 0 ? SCRAM_SHA_256 : SCRAM_SHA_512;
}

static void hmac(char *const *words)
{
	enum scram_mechanism m = mechanism(words[1]);
	struct bytes key = hex(words, 2);
	struct scram_key in, out;
	uint8_t of_token[TOKEN_HMAC_LEN];

	if ((size_t)key.len == scram_key_len(m)) {
		memcpy(in.b, key.p, (size_t)key.len);
		scram_sign(m, &in, text_of(hex(words, 3)), &out);
		put(out.b, scram_key_len(m));
	} else if (m == SCRAM_SHA_512) {
		token_hmac(text_of(key), text_of(hex(words, 3)), of_token);
		put(of_token, sizeof(of_token));
	} else {
		puts("none");
	}
}

static void pbkdf2(char *const *words)
{
	enum scram_mechanism m = mechanism(words[1]);
	struct scram_key out;

	scram_salted_password(m, text_of(hex(words, 2)), hex(words, 3), atoi(words[4]), &out);
	put(out.b, scram_key_len(m));
}

/* ---- XAES-256-GCM ---- */

static uint8_t *draw(size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *p = malloc(len);

	EVP_DigestInit_ex(ctx, EVP_shake128(), NULL);
	EVP_DigestFinalXOF(ctx, p, len);
	EVP_MD_CTX_free(ctx);
	return p;
}

static void xaes(char *const *words)
{
	int n = atoi(words[1]);
	uint8_t *chance = draw((size_t)n * (32 + 24 + 2 * 256)), *p = chance;
	uint8_t k1[16], tag[XAES_TAG_SIZE], sealed[256], digest[32];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = true;

	EVP_DigestInit_ex(ctx, EVP_shake128(), NULL);
	for (int i = 0; i < n; i++) {
		const uint8_t *key = p, *nonce = p + 32, *plain = p + 57;
		size_t len = p[56], aad_len = plain[len];
		struct xaes x = {key, k1, nonce, plain + len + 1, aad_len};

		xaes_subkey(key, k1);
		memcpy(sealed, plain, len);
		xaes_seal(&x, sealed, len, tag);
		EVP_DigestUpdate(ctx, sealed, len);
		EVP_DigestUpdate(ctx, tag, sizeof(tag));
		ok = ok && xaes_open(&x, sealed, len, tag) && memcmp(sealed, plain, len) == 0;
		p = (uint8_t *)plain + len + 1 + aad_len;
	}
	EVP_DigestFinalXOF(ctx, digest, sizeof(digest));
	EVP_MD_CTX_free(ctx);
	free(chance);
	if (ok)
		put(digest, sizeof(digest));
	else
		puts("bad");
}

/* ---- time: dudect's first-order test ---- */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct class {
	double n, mean, m2;
};

static void note(struct class *c, double v)
{
	double d = v - c->mean;

	c->n++;
	c->mean += d / c->n;
	c->m2 += d * (v - c->mean);
}

static double welch(const struct class *c)
{
	return (c[0].mean - c[1].mean) /
	       sqrt(c[0].m2 / (c[0].n - 1) / c[0].n + c[1].m2 / (c[1].n - 1) / c[1].n);
}

enum { SECRET = 64, REPEATS = 50 };

static volatile int sink;

static bool by_memcmp(struct str a, struct str b)
{
	return a.len == b.len && memcmp(a.p, b.p, (size_t)a.len) == 0;
}

static bool by_token(struct str a, struct str b)
{
	return token_hmac_equal((const uint8_t *)a.p, (const uint8_t *)b.p);
}

static bool by_key(struct str a, struct str b)
{
	struct scram_key key;

	memcpy(key.b, a.p, sizeof(key.b));
	return scram_key_is(SCRAM_SHA_512, &key, (struct bytes){(const uint8_t *)b.p, b.len});
}

static int by_value(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/*
 * Class 0 differs in the first byte, class 1 in the last; which is next is drawn. What is slower than nine of ten of the first measurements is
 * somebody else's time, and left out.
 */
static double t_of(bool (*equal)(struct str, struct str), int n)
{
	static double first[2000];
	char secret[SECRET], shown[SECRET];
	struct class classes[2] = {0};
	double limit = 0;

	for (int i = 0; i < SECRET; i++)
		secret[i] = (char)(i * 37 + 1);
	for (int i = 0; i < n + 2000; i++) {
		int which = rand() & 1;
		double began, took;

		memcpy(shown, secret, SECRET);
		shown[which ? SECRET - 1 : 0] ^= 1;
		__asm__ volatile("" ::: "memory");
		began = now_ns();
		for (int k = 0; k < REPEATS; k++)
			sink += equal((struct str){secret, SECRET}, (struct str){shown, SECRET});
		took = now_ns() - began;
		if (i < 2000)
			first[i] = took;
		if (i == 1999) {
			qsort(first, 2000, sizeof(first[0]), by_value);
			limit = first[1800];
		}
		if (i >= 2000 && took <= limit)
			note(&classes[which], took);
	}
	return welch(classes);
}

static void equal(char *const *words)
{
	int n = atoi(words[1]);

	printf("%.2f %.2f %.2f %.2f\n", t_of(secret_equal, n), t_of(by_token, n), t_of(by_key, n), t_of(by_memcmp, n));
}

int main(void)
{
	static char line[LINE_MAX_BYTES];
	static const struct {
		const char *name;
		void (*run)(char *const *words);
	} rows[] = {{"jws", jws}, {"hmac", hmac}, {"pbkdf2", pbkdf2}, {"xaes", xaes}, {"equal", equal}};

	while (fgets(line, sizeof(line), stdin)) {
		char *words[WORDS_MAX] = {0};
		int n = 0;

		for (char *w = strtok(line, " \n"); w && n < WORDS_MAX; w = strtok(NULL, " \n"))
			words[n++] = w;
		for (size_t i = 0; n > 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
			if (strcmp(rows[i].name, words[0]) == 0)
				rows[i].run(words);
		fflush(stdout);
	}
	return 0;
}
