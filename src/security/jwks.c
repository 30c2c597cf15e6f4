/* jwks: parses each key of a set by its type into an EVP_PKEY, and finds keys. */
#include "security/jwks.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"

#define KEYS_MAX 1000
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384
#define COORDINATE_MAX 66

struct jwk {
	enum jwk_type type;
	int bits;	/* for EC: of the curve */
	struct str kid; /* null: none */
	struct str alg;
	EVP_PKEY *key;
};

struct jwks {
	int refs;
	int n;
	struct jwk v[];
};

struct jwk_source {
	json_t *json;
	struct arena *arena;
};

/* ---- members ---- */

static const char *text_of(const struct jwk_source *s, const char *name)
{
	return json_string_value(json_object_get(s->json, name));
}

static bool bytes_of(struct jwk_source *s, const char *name, struct bytes *out)
{
	const char *text = text_of(s, name);

	return text && base64_read(BASE64_URL, str_of(text), s->arena, out) && out->len > 0;
}

/* Whether use and key_ops, if present, permit verification. */
static bool may_verify(const struct jwk_source *s)
{
	const char *use = text_of(s, "use");
	const json_t *ops = json_object_get(s->json, "key_ops");
	size_t n = json_array_size(ops);

	if (use && strcmp(use, "sig") != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *op = json_string_value(json_array_get(ops, i));

		if (op && strcmp(op, "verify") == 0)
			return true;
	}
	return n == 0;
}

/* ---- keys ---- */

static EVP_PKEY *from_parameters(const char *type, OSSL_PARAM_BLD *parts)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *rsa_key(struct jwk_source *s)
{
	OSSL_PARAM_BLD *parts;
	struct bytes n;
	struct bytes e;
	BIGNUM *big_n;
	BIGNUM *big_e;
	EVP_PKEY *key = NULL;

	if (!bytes_of(s, "n", &n) || !bytes_of(s, "e", &e) || n.len > RSA_BITS_MAX / 8 || e.len > 8)
		return NULL;
	parts = OSSL_PARAM_BLD_new();
	big_n = BN_bin2bn(n.p, n.len, NULL);
	big_e = BN_bin2bn(e.p, e.len, NULL);
	if (parts && big_n && big_e && OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, big_n) &&
	    OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, big_e))
		key = from_parameters("RSA", parts);
	OSSL_PARAM_BLD_free(parts);
	BN_free(big_n);
	BN_free(big_e);
	if (key && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static const struct curve {
	const char *jose;
	const char *openssl;
	int bits;
} CURVES[] = {{"P-256", "P-256", 256}, {"P-384", "P-384", 384}, {"P-521", "P-521", 521}};

static const struct curve *curve_find(const char *name)
{
	for (size_t i = 0; name && i < sizeof(CURVES) / sizeof(CURVES[0]); i++) {
		if (strcmp(CURVES[i].jose, name) == 0)
			return &CURVES[i];
	}
	return NULL;
}

/* OpenSSL refuses a point that is not on the curve. */
static EVP_PKEY *ec_key(struct jwk_source *s, const struct curve *curve)
{
	int32_t len = (curve->bits + 7) / 8;
	uint8_t point[1 + 2 * COORDINATE_MAX];
	OSSL_PARAM_BLD *parts;
	EVP_PKEY *key = NULL;
	struct bytes x;
	struct bytes y;

	if (!bytes_of(s, "x", &x) || !bytes_of(s, "y", &y) || x.len != len || y.len != len)
		return NULL;
	point[0] = 4; /* uncompressed */
	memcpy(point + 1, x.p, (size_t)len);
	memcpy(point + 1 + len, y.p, (size_t)len);
	parts = OSSL_PARAM_BLD_new();
	if (parts && OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, curve->openssl, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * (size_t)len))
		key = from_parameters("EC", parts);
	OSSL_PARAM_BLD_free(parts);
	return key;
}

static EVP_PKEY *okp_key(struct jwk_source *s, const char *curve)
{
	struct bytes x;

	return bytes_of(s, "x", &x) ? EVP_PKEY_new_raw_public_key_ex(NULL, curve, NULL, x.p, (size_t)x.len) : NULL;
}

/* NULL: invalid, or of a type that is ignored. */
static EVP_PKEY *read_key(struct jwk_source *s, struct jwk *out)
{
	const char *kty = text_of(s, "kty");
	const char *crv = text_of(s, "crv");
	const struct curve *curve = curve_find(crv);

	if (!kty)
		return NULL;
	if (strcmp(kty, "RSA") == 0) {
		out->type = JWK_RSA;
		return rsa_key(s);
	}
	if (strcmp(kty, "EC") == 0 && curve) {
		out->type = JWK_EC;
		out->bits = curve->bits;
		return ec_key(s, curve);
	}
	if (strcmp(kty, "OKP") == 0 && crv && (strcmp(crv, "Ed25519") == 0 || strcmp(crv, "Ed448") == 0)) {
		out->type = JWK_OKP;
		return okp_key(s, crv);
	}
	return NULL;
}

/* ---- the set ---- */

static struct str own_text(const char *text)
{
	return text ? str_of(xstrdup(text)) : STR_NULL;
}

static void add_key(struct jwks *k, json_t *json, struct arena *a)
{
	struct jwk_source s = {json, a};
	struct jwk *to = &k->v[k->n];

	if (!json_is_object(json) || !may_verify(&s))
		return;
	to->key = read_key(&s, to);
	if (!to->key)
		return;
	to->kid = own_text(text_of(&s, "kid"));
	to->alg = own_text(text_of(&s, "alg"));
	k->n++;
}

struct jwks *jwks_read(struct str json, struct arena *a, struct str *why)
{
	json_error_t error;
	json_t *root = json_loadb(json.p, json.len > 0 ? (size_t)json.len : 0, JSON_REJECT_DUPLICATES, &error);
	json_t *keys = json_object_get(root, "keys");
	struct jwks *k = NULL;

	if (!json_is_array(keys) || json_array_size(keys) > KEYS_MAX) {
		*why = root ? STR("there is no array \"keys\", or it is too long")
			    : arena_printf(a, "it is not JSON: %s in line %d", error.text, error.line);
	} else {
		k = xcalloc(1, sizeof(*k) + json_array_size(keys) * sizeof(k->v[0]));
		k->refs = 1;
		for (size_t i = 0; i < json_array_size(keys); i++)
			add_key(k, json_array_get(keys, i), a);
	}
	json_decref(root);
	return k;
}

struct jwks *jwks_ref(struct jwks *k)
{
	if (k)
		__atomic_add_fetch(&k->refs, 1, __ATOMIC_RELAXED);
	return k;
}

void jwks_unref(struct jwks **k)
{
	struct jwks *mine = *k;

	*k = NULL;
	if (!mine || __atomic_sub_fetch(&mine->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (int i = 0; i < mine->n; i++) {
		EVP_PKEY_free(mine->v[i].key);
		xfree((char *)mine->v[i].kid.p);
		xfree((char *)mine->v[i].alg.p);
	}
	xfree(mine);
}

int jwks_count(const struct jwks *k)
{
	return k->n;
}

bool jwks_has(const struct jwks *k, struct str kid)
{
	for (int i = 0; i < k->n; i++)
		if (str_eq(k->v[i].kid, kid))
			return true;
	return false;
}

static bool key_fits(const struct jwk *k, const struct jwk_want *want)
{
	return k->type == want->type && k->bits == want->bits &&
	       (str_is_null(want->kid) || str_eq(k->kid, want->kid)) &&
	       (str_is_null(k->alg) || str_eq(k->alg, want->alg));
}

void *jwks_find(const struct jwks *k, const struct jwk_want *want)
{
	for (int i = 0; i < k->n; i++) {
		if (key_fits(&k->v[i], want))
			return k->v[i].key;
	}
	return NULL;
}
